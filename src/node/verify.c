/* The node's part of cluster verification. Upstream: VerifyNode. */
#include "src/node/priv.h"

#include "lib/base/clock.h"
#include "lib/net/net.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHECKED_FILE_MAX (256u << 20)
#define DAY (24 * 60 * 60)

struct verify {
	struct arena *a;
	const json *what, *hvparams;
	const char *cluster, *me;
	bool vm_capable;
	json *ret; /* answers by check */
};

static const char *key_of(enum node_check c)
{
	return enum_name(&enum_node_check, (int)c);
}

/* Is C asked for? Its argument, which may be null, goes to *RET. */
static bool asked(const struct verify *v, enum node_check c, json **ret)
{
	*ret = json_get(v->what, key_of(c));
	return json_has(v->what, key_of(c));
}

static void answer(struct verify *v, enum node_check c, json *value)
{
	json_set(v->ret, key_of(c), value);
}

/* --- hypervisors --- */

static void check_hypervisors(struct verify *v, const json *names)
{
	json *list = json_new_dict();

	json_items(names, i, n) {
		struct err e CLEANUP(err_clear) = ERR_NONE;
		const char *name = json_str(n), *problem = NULL;
		const struct hv_class *c = hv_find_name(name, &e);

		if (!c || c->verify(v->a, json_get(v->hvparams, name), &problem, &e) < 0)
			problem = arena_printf(v->a, "Error while checking hypervisor: %s",
					       err_msg(&e));
		json_set(list, name ? name : "", json_new_str(problem));
	}
	answer(v, node_check_hypervisor, list);
}

static void check_hvparams(struct verify *v, const json *list)
{
	json *bad = json_new_array();

	json_items(list, i, item) {
		struct err e CLEANUP(err_clear) = ERR_NONE;
		const char *name = json_str(json_at(item, 1));
		const struct hv_class *c = hv_find_name(name, &e);

		if (!c || c->validate(v->a, json_at(item, 2), &e) < 0)
			json_append(bad, json_pack("[O, s, s]", json_at(item, 0), name,
						   err_msg(&e)));
	}
	answer(v, node_check_hvparams, bad);
}

static void check_instances(struct verify *v, const json *names)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct strs l = json_strs(v->a, names);
	json *list = NULL;

	if (inst_list(v->a, &l, v->hvparams, &list, &e) < 0) {
		json_put(list);
		list = json_new_str(err_msg(&e));
	}
	answer(v, node_check_instancelist, list);
}

static int check_hv_info(struct verify *v, const json *name, struct err *e)
{
	const struct hv_class *c = hv_find_name(json_str(name), e);
	json *info = NULL;

	if (!c || c->node_info(v->a, json_get(v->hvparams, json_str(name)), &info, e) < 0)
		return fail_unexpected(e);
	answer(v, node_check_hvinfo, info);
	return 0;
}

/* --- files --- */

static void check_files(struct verify *v, const json *paths)
{
	json *sums = json_new_dict();

	json_items(paths, i, p) {
		const char *path = json_str(p);
		char *text CLEANUP(freep) = NULL;
		struct stat st;
		size_t n;

		if (!path || *path != '/')
			continue;
		if (stat(env_add_root(v->a, path), &st) == 0 && S_ISREG(st.st_mode) &&
		    fs_read(env_add_root(v->a, path), CHECKED_FILE_MAX, &text, &n) == 0)
			json_set(sums, path, json_new_str(hash_sha1_hex(v->a, text, n)));
	}
	answer(v, node_check_filelist, sums);
}

static void check_scripts(struct verify *v, const json *paths)
{
	json *bad = json_new_array();

	json_items(paths, i, p) {
		const char *real = env_add_root(v->a, json_str(p) ? json_str(p) : "");
		struct stat st;

		if (stat(real, &st) < 0 || !S_ISREG(st.st_mode) || access(real, X_OK) < 0)
			json_append(bad, json_ref(p));
	}
	answer(v, node_check_userscripts, bad);
}

static void check_oob(struct verify *v, const json *paths)
{
	json *list = json_new_array();

	json_items(paths, i, p) {
		const char *path = json_str(p) ? json_str(p) : "", *problem = NULL;
		struct stat st;

		if (stat(path, &st) < 0)
			problem = arena_printf(v->a,
					       "error stating out of band helper: [Errno %d] %s:"
					       " '%s'",
					       errno, strerror(errno), path);
		else if (!S_ISREG(st.st_mode))
			problem = arena_printf(v->a, "out of band helper %s is not a file", path);
		else if (!(st.st_mode & S_IXUSR))
			problem = arena_printf(v->a, "out of band helper %s is not executable",
					       path);
		json_append(list, json_new_str(problem));
	}
	answer(v, node_check_oob_paths, list);
}

/* Nothing is said when the directory is fine. */
static void check_storage_dir(struct verify *v, enum node_check c)
{
	json *path;
	const char *problem;

	if (!asked(v, c, &path) || !json_str(path) || !*json_str(path))
		return;
	problem = file_storage_problem(v->a, json_str(path));
	if (problem)
		answer(v, c, json_new_str(problem));
}

static void check_certificate(struct verify *v)
{
	const char *path = path_of(PATH_NODED_CLIENT_CERT_FILE), *code = NULL, *text = NULL;
	struct err e CLEANUP(err_clear) = ERR_NONE;
	char *pem CLEANUP(freep) = NULL;
	double left;
	int r = fs_read(path, CHECKED_FILE_MAX, &pem, NULL);

	if (r < 0) {
		code = "ERROR";
		text = "The client certificate does not exist. Run 'gnt-cluster renew-crypto"
		       " --new-node-certificates' to create client certificates for all nodes.";
	} else if (cert_expires_in(pem, &left, &e) < 0) {
		code = "ERROR";
		text = arena_printf(v->a, "Failed to load X509 certificate %s: %s", path,
				    err_msg(&e));
	} else if (left < 0) {
		code = "ERROR";
		text = arena_printf(v->a, "While verifying %s: Certificate is expired", path);
	} else if (left < CERT_WARN_DAYS * DAY) {
		code = left < CERT_ERROR_DAYS * DAY ? "ERROR" : "WARNING";
		text = arena_printf(v->a,
				    "While verifying %s: Certificate expires in about %d days",
				    path, (int)(left / DAY));
	} else {
		text = cert_digest(v->a, pem, &e);
	}
	answer(v, node_check_client_cert, json_pack("[s, s]", code, text));
}

/* --- the node itself --- */

static bool is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static void check_setup(struct verify *v)
{
	json *l = json_new_array();
	struct stat st;

	if (!is_dir("/sys/block") || !is_dir("/sys/class/net"))
		json_append(l, json_new_str("The sysfs filesytem doesn't seem to be mounted under"
					    " /sys, missing required directories /sys/block and"
					    " /sys/class/net"));
	/* The trigger is missing in kernels without the magic key, which is no fault of the setup:
	 * only powercycling needs it. Something else in its place is one. */
	if (!is_dir("/proc/sys") ||
	    (stat("/proc/sysrq-trigger", &st) == 0 && !S_ISREG(st.st_mode)))
		json_append(l, json_new_str("The procfs filesystem doesn't seem to be mounted under"
					    " /proc, missing required directory /proc/sys and the"
					    " file /proc/sysrq-trigger"));
	answer(v, node_check_nodesetup, l);
}

static void check_bridges(struct verify *v, const json *names)
{
	json *missing = json_new_array();

	json_items(names, i, n)
		if (!json_str(n) || !bridge_exists(json_str(n)))
			json_append(missing, json_ref(n));
	answer(v, node_check_bridges, missing);
}

static void check_paths_file(struct verify *v)
{
	struct strs wrong = file_storage_wrong_paths(v->a);
	json *who;

	/* only one node of the cluster is asked, by name */
	if (asked(v, node_check_accepted_storage_paths, &who) && str_eq(json_str(who), v->me))
		answer(v, node_check_accepted_storage_paths, json_new_strs(&wrong));
}

static void check_storage_files(struct verify *v, const json *dirs)
{
	json *list = json_new_array();

	json_items(dirs, i, dir)
		if (json_str(dir) && *json_str(dir))
			file_storage_list(v->a, json_str(dir), list);
	answer(v, node_check_file_storage_files, list);
}

/* Checks that every node answers. */
static void check_node(struct verify *v)
{
	json *arg;

	if (asked(v, node_check_filelist, &arg))
		check_files(v, arg);
	if (asked(v, node_check_client_cert, &arg))
		check_certificate(v);
	if (asked(v, node_check_nodelist, &arg))
		answer(v, node_check_nodelist, netcheck_ssh(v->a, v->me, v->cluster, arg));
	if (asked(v, node_check_nodenettest, &arg))
		answer(v, node_check_nodenettest, netcheck_nodes(v->a, v->me, arg));
	if (asked(v, node_check_masterip, &arg))
		answer(v, node_check_masterip, netcheck_master(v->a, v->me, arg));
	if (asked(v, node_check_userscripts, &arg))
		check_scripts(v, arg);
	if (asked(v, node_check_oob_paths, &arg))
		check_oob(v, arg);
	if (asked(v, node_check_version, &arg))
		answer(v, node_check_version,
		       json_pack("[i, s]", PROTOCOL_VERSION, RELEASE_VERSION));
	if (asked(v, node_check_nodesetup, &arg))
		check_setup(v);
	if (asked(v, node_check_time, &arg)) {
		double now = clock_real(), whole = (double)(int64_t)now;

		answer(v, node_check_time,
		       json_pack("[I, i]", (int64_t)now, (int)((now - whole) * 1e6)));
	}
	check_paths_file(v);
	check_storage_dir(v, node_check_file_storage_path);
	check_storage_dir(v, node_check_shared_file_storage_path);
	if (asked(v, node_check_file_storage_files, &arg))
		check_storage_files(v, arg);
}

/* Checks for nodes that may run instances. */
static int check_vm_node(struct verify *v, struct err *e)
{
	json *arg;

	if (asked(v, node_check_hypervisor, &arg))
		check_hypervisors(v, arg);
	if (asked(v, node_check_hvparams, &arg))
		check_hvparams(v, arg);
	if (asked(v, node_check_instancelist, &arg))
		check_instances(v, arg);
	if (asked(v, node_check_hvinfo, &arg))
		TRY(check_hv_info(v, arg, e));
	if (asked(v, node_check_oslist, &arg))
		answer(v, node_check_oslist, os_diagnose(v->a));
	if (asked(v, node_check_bridges, &arg))
		check_bridges(v, arg);
	return 0;
}

static int verify(struct node_ctx *ctx, const json *what, const char *cluster,
		  const json *hvparams, json **ret, struct err *e)
{
	struct strs no_vms = json_strs(ctx->a, json_get(what, key_of(node_check_nonvmnodes)));
	struct verify v = { .a = ctx->a, .what = what, .hvparams = hvparams, .cluster = cluster,
			    .me = env_hostname(), .ret = json_new_dict() };

	*ret = v.ret;
	v.vm_capable = !strs_has(&no_vms, v.me);
	check_node(&v);
	return v.vm_capable ? check_vm_node(&v, e) : 0;
}

int node_node_verify(struct node_ctx *ctx, const struct rpc_node_verify *args, json **ret,
		     struct err *e)
{
	return verify(ctx, args->checkdict, args->cluster_name, args->all_hvparams, ret, e);
}

int node_node_verify_light(struct node_ctx *ctx, const struct rpc_node_verify_light *args,
			   json **ret, struct err *e)
{
	return verify(ctx, args->checkdict, args->cluster_name, args->hvparams, ret, e);
}
