/* Where clusters come from and go to: text files, luxi, RAPI, simulation, requests to allocators, and the
 * load that monitoring daemons report. Errors carry upstream's texts. */
#ifndef HTOOLS_IO_IO_H
#define HTOOLS_IO_IO_H
#include "htools/core/htools.h"
#include "src/client/client.h"

/* --- text.c --- */
int ht_text_parse(struct ht_cluster *c, const char *text, size_t n, struct err *e);
int ht_text_load(struct ht_cluster *c, const char *path, struct err *e);
void ht_text_format(struct str *out, const struct ht_cluster *c);
/* Upstream's text for a word that is no value of enumeration TYPE. Returns -1. */
int ht_bad_value(const char *type, const char *s, struct err *e);
/* Lines "name cpu mem dsk net" (--dynu-file) into O. */
int ht_util_parse(const char *text, struct arena *a, struct ht_merge_opts *o, struct err *e);

/* --- simu.c --- */
int ht_simu_load(struct ht_cluster *c, const struct strs *specs, struct err *e);

/* --- luxi.c --- */
/* SOCKET "": the usual one of this node. */
int ht_luxi_open(const char *socket, struct luxi_client **ret, struct err *e);
int ht_luxi_load(struct ht_cluster *c, const char *socket, struct err *e);
/* The answers to the queries, for tests. */
int ht_luxi_parse(struct ht_cluster *c, const json *groups, const json *nodes, const json *insts, const json *info, struct err *e);

/* --- fetch.c --- */
struct ht_get { /* one URL, and what became of it */
	const char *url; /* "[http[s]://][name:password@]host[:port]/path" */
	int status;      /* 0: ERR says why there is no answer */
	char *body;
	size_t n;
	struct err err;
};
/* GET all of them, within TIMEOUT seconds each. Certificates are not verified, as upstream. Fails only where
 * nothing can be asked at all. */
int ht_fetch(struct ht_get *v, size_t n, double timeout, struct err *e);
void ht_get_clear(struct ht_get *v, size_t n);

/* --- rapi.c --- */
/* WHERE: a host, a URL, or "file://DIRECTORY" with groups.json, nodes.json, instances.json and info.json. */
int ht_rapi_load(struct ht_cluster *c, const char *where, struct err *e);
/* The same four as answers. */
int ht_rapi_parse(struct ht_cluster *c, const struct ht_get v[4], struct err *e);

/* --- exec.c --- */
struct ht_exec {
	const char *socket;  /* as for ht_luxi_open() */
	const char *comment; /* of every opcode; NULL: none */
	const char *source, *reason; /* added to its trail */
	int64_t priority;
};
struct ht_jobs {
	int64_t *ids;
	int *status; /* enum job_status, once asked for */
	size_t n;
};
struct ht_jobset {
	json *jobs; /* lists of opcodes */
	const char *descr;
	int (*ready)(void *arg, struct err *e); /* waits for what must be so before; NULL: nothing */
	void *arg;
};
/* JOBS: a list of lists of opcodes. IDs in the arena. */
int ht_submit(struct luxi_client *l, const struct ht_exec *x, const json *jobs, struct arena *a, struct ht_jobs *ret, struct err *e);
int ht_jobs_status(struct luxi_client *l, struct ht_jobs *j, struct err *e);
bool ht_jobs_busy(const struct ht_jobs *j); /* has one of them not ended? */
int ht_jobs_wait(struct luxi_client *l, struct ht_jobs *j, struct err *e);
/* Submit and wait; all must succeed (upstream: execJobsWaitOk). */
int ht_run_jobs(struct luxi_client *l, const struct ht_exec *x, const json *jobs, struct err *e);
/* One set after the other, with progress on stdout; ends at the first set with a job that fails, or after the
 * current one on SIGINT (which is no failure). Catches SIGINT and SIGTERM from now on (upstream: execWithCancel).
 * RET_DONE: sets that went well (set in any case; may be NULL). */
int ht_exec(const struct ht_exec *x, const struct ht_jobset *sets, size_t n, size_t *ret_done, struct err *e);

/* --- mond.c --- */
struct ht_mond {
	const char *file; /* of answers; NULL: ask the nodes */
	bool xen;         /* loads of instances as Xen counts them, not of nodes */
	bool kvm_rss;     /* and the memory that KVM's instances have in use */
};
/* After ht_merge(), before ht_update_missing(). RET_ALL: everything was there, and is in C. */
int ht_mond_load(struct ht_cluster *c, const struct ht_mond *o, struct arena *a, bool *ret_all, struct strs *ret_warnings,
		 struct err *e);
int ht_mond_parse(struct arena *a, const char *text, size_t n, json **ret, struct err *e);

/* --- ialloc.c: what the master asks an allocator --- */
struct ht_request {
	enum iallocator_mode kind;
	/* allocation of one or several */
	struct ht_wish {
		struct ht_inst inst;
		int64_t count;      /* nodes it needs */
		const char *group;  /* NULL: any */
	} *wishes;
	size_t n_wishes;
	struct strs restrict_to;
	bool restricted;
	/* the others */
	struct ht_list insts, groups, from; /* in the order given */
	int64_t count;
	int evac_mode;              /* enum evac_mode */
	int hypervisor;             /* enum hypervisor, the cluster's first one; -1: it has none */
};
/* Also merges and updates what is missing. Errors carry upstream's texts. */
int ht_ialloc_parse(struct ht_cluster *c, const char *text, size_t n, int64_t static_kvm_mem, struct arena *a, struct ht_request *ret,
		    struct strs *ret_warnings, struct err *e);
/* PATH "-": standard input. */
int ht_ialloc_read(struct ht_cluster *c, const char *path, int64_t static_kvm_mem, struct arena *a, struct ht_request *ret,
		   struct strs *ret_warnings, struct err *e);
void ht_request_clear(struct ht_request *r);

/* --- load.c --- */
struct ht_source {
	const char *text, *rapi, *luxi /* "": the usual socket */, *ialloc; /* NULL or one of them */
	struct strs simu;
	const char *dynu_file;
	struct strs excl_tags, select, exclude;
	bool ignore_dynu;
	bool mond, mond_required;
	struct ht_mond mond_opts;
	double mem_weight;
	int64_t static_kvm_mem;
};
/* The whole way to a cluster one can compute with. Warnings about inconsistent data in RET_WARNINGS. E is the
 * text behind "Error: ". */
int ht_load(const struct ht_source *s, struct ht_cluster **ret, struct arena *a, struct strs *ret_warnings, struct err *e);
/* Whole files; errors as Haskell's I/O reports them, of class HT_IO_ERROR: where upstream does not catch them the program
 * ends with "hbal: TEXT" instead of "Error: TEXT". */
extern const char HT_IO_ERROR[];
#define HT_INPUT_MAX (1u << 28) /* bytes of any input: some ten times what the largest cluster needs */
int ht_read_file(const char *path, char **ret, size_t *ret_n, struct err *e);
int ht_write_file(const char *path, const char *text, size_t n, struct err *e);
/* PATH.EXT; 0 or -1 with the text. */
int ht_save(const struct ht_cluster *c, const char *path, const char *ext, struct err *e);

#endif
