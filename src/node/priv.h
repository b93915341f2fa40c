/* Shared by the handlers. */
#ifndef SRC_NODE_PRIV_H
#define SRC_NODE_PRIV_H
#include "src/hyper/hyper.h"
#include "src/node/node.h"
#include "src/storage/storage.h"

#define TRY(call)                  \
	do {                       \
		if ((call) < 0)    \
			return -1; \
	} while (0)

/* What upstream's hooks and OS scripts get as PATH. */
#define SCRIPT_PATH "/sbin:/bin:/usr/sbin:/usr/bin"
/* Programs are stopped this long before the worker running them would be killed. */
#define SCRIPT_MARGIN 10
/* Output kept of a program whose output is the result. */
#define OUTPUT_MAX (64u << 20)

/* --- text.c --- */
/*
 * Failures that upstream does not word itself reach the caller behind this text. Most functions
 * below lib/ give plain text; upstream would have raised it.
 */
int fail_unexpected(struct err *e); /* returns -1 */
int fail_os(struct err *e, int errnum, const char *path); /* the same for a system call on PATH */
/* A failure of class CLS gets "<text>: " before it, any other is unexpected. Returns -1. */
int fail_as(struct err *e, const char *cls, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Python's str() of a JSON value: True, None, 1.5, text. */
const char *py_str(struct arena *a, const json *v);
/* Printable ASCII; the rest as \n, \t, \xNN. Upstream: SafeEncode */
const char *safe_encode(struct arena *a, const char *text);
/* J with every string made valid UTF-8 (takes J over): no output of a program may spoil an answer. */
json *json_clean(json *j);
/* Is S a name that can be a file in one of our directories? */
bool is_file_name(const char *s);
/* Letters, digits, "-" and "_" only: what upstream accepts as name of a plug-in. */
bool is_plugin_name(const char *s);

/* --- env.c: environments of programs --- */
struct env_list { /* all zero is an empty one; NULL-terminated */
	const char **v;
	size_t n, cap;
	struct arena *a;
};
void env_add(struct env_list *l, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* PATH, HOME, LC_ALL and what makes our own programs find a virtual cluster. */
struct env_list env_clean(struct arena *a);
/* Standard output, then standard error. */
const char *run_output(struct arena *a, const struct run_result *r);
/* The first file NAME in a colon-separated list of directories, or NULL. */
const char *find_plugin(struct arena *a, const char *dirs, const char *name, mode_t type);

/* --- scripts.c --- */
/* Run DIR/<hpath>-<phase>.d; RET: list of [script, result, output]. TIMEOUT: of all together. */
int hooks_run(struct arena *a, const char *hpath, const char *phase, const char *const *env,
	      double timeout, json **ret, struct err *e);

/* --- netif.c --- */
bool bridge_exists(const char *name);
/* LABEL: "eth0:0" or NULL. 0 or -errno */
int netif_addr_add(const char *dev, const char *ip, int prefix, const char *label);
int netif_addr_del(const char *dev, const char *ip, int prefix);
/* Is IP/PREFIX on DEV? 1, 0 or -errno */
int netif_has_addr(const char *dev, const char *ip, int prefix);

/* --- sshrun.c: the same command on many nodes, side by side --- */
struct ssh_job {
	const char *node;
	const char *input;   /* its standard input, or NULL */
	const char *out;     /* set: standard output */
	const char *problem; /* set: output or reason when it failed, NULL = success */
};
/* CHECK_KEY: only the cluster's host key will do. */
void ssh_all(struct arena *a, const char *cluster, const char *command, bool check_key,
	     struct ssh_job *jobs, size_t n);

/* --- netcheck.c: problems by node name; ARG as node_verify got it --- */
json *netcheck_ssh(struct arena *a, const char *me, const char *cluster, const json *arg);
json *netcheck_nodes(struct arena *a, const char *me, const json *arg);
json *netcheck_master(struct arena *a, const char *me, const json *arg); /* bool, null = skipped */

/* --- disks.c --- */
/* The status of a disk: 1 = found, 0 = not there, -1 with BlockDeviceError or another class. */
int disk_find(struct arena *a, json *dict, struct bdev_status *ret, struct err *e);
/* Find the class and parse the disk. */
int disk_open(struct arena *a, json *dict, struct disk **ret, const struct bdev_class **ret_class,
	      struct err *e);
/* <instance>:<index> in the directory of links */
char *disk_link_path(struct arena *a, const char *instance, size_t idx);
int disk_link(struct arena *a, const char *instance, const char *path, size_t idx,
	      const char **ret_link, struct err *e);
void disk_unlink_all(struct arena *a, const char *instance, size_t n);
/* Whatever instance they were made for: it may have been renamed since. */
void disk_unlink_device(struct arena *a, const char *path);

/* --- instance.c --- */
struct node_instance {
	struct hv_instance *hv;
	const struct hv_class *cls;
	json *disks; /* "disks_info" */
};
int inst_parse(struct arena *a, json *dict, struct node_instance *ret, struct err *e);
/* Find all disks of an instance and make their links. Fails with BlockDeviceError. */
int inst_disks(struct arena *a, const struct node_instance *i, struct hv_disk **ret, size_t *ret_n,
	       struct err *e);
/* The class of a hypervisor, or NULL and an error. */
const struct hv_class *hv_find(hypervisor_t t, struct err *e);
const struct hv_class *hv_find_name(const char *name, struct err *e);
/* Running instances of the hypervisors named. ALL_HVPARAMS: by hypervisor. */
int inst_list(struct arena *a, const struct strs *hypervisors, const json *all_hvparams,
	      json **ret, struct err *e);

/* --- osdef.c --- */
struct os_def {
	const char *name, *path; /* path with the virtual root */
	const char *create, *create_untrusted, *export, *import, *rename, *verify; /* NULL = none */
	struct strs variants;
	json *parameters;        /* list of [name, text] */
	int64_t versions[32];
	size_t n_versions;
	int64_t api;             /* the highest one known to both */
};
/* 0, or -1 with upstream's diagnosis. */
int os_find(struct arena *a, const char *name, struct os_def **ret, struct err *e);
json *os_diagnose(struct arena *a);
/* File NAME of a plug-in; *RET is its path, or NULL when it is missing and not REQUIRED. */
int plugin_file(struct arena *a, const char *dir, const char *name, bool required, bool script,
		const char **ret, struct err *e);
/* Lines of "name description" as a list of pairs (of the arena); PATH may be NULL. KIND is for errors. */
int plugin_parameters(struct arena *a, const char *kind, const char *path, json **ret, struct err *e);
const char *os_name_only(struct arena *a, const char *name);
const char *os_variant(struct arena *a, const char *name); /* "" without one */

/* --- osenv.c --- */
/* PARAMS: up to two dicts of OS parameters, later ones win. */
struct env_list os_core_env(struct arena *a, const struct os_def *os, const char *os_name,
			    const json *params, const json *more, int64_t debug);
int os_instance_env(struct arena *a, const struct os_def *os, const struct node_instance *i,
		    int64_t debug, struct env_list *ret, struct err *e);

#endif
