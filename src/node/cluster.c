/* The node's part in the life of the cluster: master daemons, certificates, leaving. */
#include "src/node/priv.h"

#include "lib/base/log.h"
#include "lib/net/net.h"
#include "src/replica/replica.h"

#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CERT_MAX (1u << 20)
#define KEYS_MAX (4u << 20)

int node_master_node_name(struct node_ctx *ctx, const struct rpc_master_node_name *args,
			  json **ret, struct err *e)
{
	const char *name;

	(void)args;
	if (ssconf_master(ctx->a, &name, NULL, e) < 0)
		return err_prefix(e, "Cluster configuration incomplete");
	*ret = json_new_str(name);
	return 0;
}

/* --- daemons --- */

/* *RET_OUTPUT (may be NULL) gets what the program said when it failed. 1 = success, 0 = failure, -1 */
static int daemon_util(struct arena *a, const char *const *args, const char *extra,
		       const char **ret_output, struct err *e)
{
	static const char *const names[] = { "EXTRA_MASTERD_ARGS", "EXTRA_LUXID_ARGS",
					     "EXTRA_WCONFD_ARGS" };
	struct run_result res CLEANUP(run_result_free) = { 0 };
	const char *argv[5] = { path_of(PATH_DAEMON_UTIL) };
	struct env_list env = env_clean(a);
	struct run r = { .argv = argv, .timeout = RPC_TMO_URGENT - SCRIPT_MARGIN };

	for (size_t i = 0; args[i] && i < 3; i++)
		argv[i + 1] = args[i];
	for (size_t i = 0; extra && i < ARRAY_SIZE(names); i++)
		env_add(&env, names[i], "%s", extra);
	r.env = env.v;
	TRY(run_cmd(&r, &res, e));
	if (ret_output)
		*ret_output = run_output(a, &res);
	return res.status == 0;
}

int node_node_start_master_daemons(struct node_ctx *ctx,
				   const struct rpc_node_start_master_daemons *args, json **ret,
				   struct err *e)
{
	static const char *const argv[] = { "start-master", NULL };
	const char *output;
	int r = daemon_util(ctx->a, argv, args->no_voting ? "--no-voting --yes-do-it" : "", &output,
			    e);

	(void)ret;
	if (r < 0)
		return fail_unexpected(e);
	return r ? 0 : err_plain(e, "Can't start Ganeti master: %s", output);
}

int node_node_stop_master(struct node_ctx *ctx, const struct rpc_node_stop_master *args,
			  json **ret, struct err *e)
{
	static const char *const argv[] = { "stop-master", NULL };
	struct err why CLEANUP(err_clear) = ERR_NONE;
	const char *output = "";

	(void)args;
	(void)ret;
	(void)e;
	/* as upstream, a failure is only noted: what runs is asked for in other ways */
	if (daemon_util(ctx->a, argv, NULL, &output, &why) <= 0)
		log_error("Could not stop Ganeti master: %s%s", why.msg ? why.msg : "", output);
	return 0;
}

/* Stop one of our daemons; one that is not installed here has not to be stopped. */
static bool stop_daemon(struct arena *a, const char *name)
{
	const char *const argv[] = { "stop", name, NULL };

	return daemon_util(a, argv, NULL, NULL, NULL) > 0;
}

int node_node_ensure_daemon(struct node_ctx *ctx, const struct rpc_node_ensure_daemon *args,
			    json **ret, struct err *e)
{
	const char *const start[] = { "check-and-start", args->daemon, NULL };
	bool done = false;

	(void)e;
	if (!str_eq(args->daemon, "ganeti-kvmd")) /* nothing else may be switched this way */
		done = false;
	else if (args->run)
		done = daemon_util(ctx->a, start, NULL, NULL, NULL) > 0;
	else
		done = stop_daemon(ctx->a, args->daemon);
	*ret = json_new_bool(done);
	return 0;
}

/* --- certificates --- */

static int digest_of(struct arena *a, const char *path, const char **ret, struct err *e)
{
	char *pem CLEANUP(freep) = NULL;
	int r = fs_read(path, CERT_MAX, &pem, NULL);

	if (r < 0)
		return fail_os(e, r, path);
	*ret = cert_digest(a, pem, e);
	return *ret ? 0 : fail_unexpected(e);
}

int node_node_crypto_tokens(struct node_ctx *ctx, const struct rpc_node_crypto_tokens *args,
			    json **ret, struct err *e)
{
	*ret = json_new_array();
	json_items(args->token_request, i, request) {
		const char *type = json_str(json_at(request, 0));
		const char *action = json_str(json_at(request, 1)), *digest;

		if (!str_eq(type, "ssl")) {
			err_plain(e, "Token type '%s' not supported.", type ? type : "");
			return fail_unexpected(e);
		}
		if (!str_eq(action, "get") && !str_eq(action, "create") &&
		    !str_eq(action, "delete")) {
			err_plain(e, "Action '%s' is not supported.", action ? action : "");
			return fail_unexpected(e);
		}
		TRY(digest_of(ctx->a, path_of(PATH_NODED_CLIENT_CERT_FILE), &digest, e));
		json_append(*ret, json_pack("[s, s]", type, digest));
	}
	return 0;
}

/* --- losing rights --- */

/* Keep what is about to go, as upstream's CreateBackup. */
static int move_away(struct arena *a, const char *path, struct err *e)
{
	const char *backup = arena_printf(a, "%s.backup-%lld", path, (long long)time(NULL));

	if (rename(path, backup) < 0 && errno != ENOENT)
		return err_plain(e, "Error while backing up cluster file: [Errno %d] %s", errno,
				 strerror(errno));
	return 0;
}

/* The copy of the master's database: what only candidates may know is in it. */
static void drop_copy(void)
{
	static const enum path files[] = { PATH_CONFIG_DB_WAL, PATH_CONFIG_DB_SHM, PATH_CONFIG_DB_DAMAGED };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (unlink(path_of(files[i])) < 0 && errno != ENOENT)
			log_error("Cannot remove %s: %s", path_of(files[i]), strerror(errno));
	replica_copy_drop(path_of(PATH_CONFIG_DB));
	replica_copy_drop(path_of(PATH_CONFIG_DB_SENT));
}

int node_node_demote_from_mc(struct node_ctx *ctx, const struct rpc_node_demote_from_mc *args,
			     json **ret, struct err *e)
{
	static const char *const check[] = { "check", "ganeti-masterd", NULL };
	const char *master, *me;

	(void)args;
	(void)ret;
	if (ssconf_master(ctx->a, &master, &me, e) < 0)
		return fail_unexpected(e);
	if (str_eq(master, me))
		return err_plain(e, "ssconf status shows I'm the master node, will not demote");
	if (daemon_util(ctx->a, check, NULL, NULL, NULL) > 0)
		return err_plain(e, "The master daemon is running, will not demote");
	unlink(path_of(PATH_VIRT_CA_KEY));
	drop_copy();
	return move_away(ctx->a, path_of(PATH_CONFIG_FILE), e);
}

/* --- leaving --- */

/* Remove the regular files of a directory, but not KEEP; directories and links stay. */
static int clean_dir(struct arena *a, enum path dir, const char *keep, struct err *e)
{
	struct strs names = { 0 };
	int r = fs_list(a, path_of(dir), &names);

	if (r < 0 && r != -ENOENT)
		return fail_os(e, r, path_of(dir));
	for (size_t i = 0; i < names.n; i++) {
		const char *path = path_in(a, dir, "%s", names.v[i]);
		struct stat st;

		if (*names.v[i] == '.' || str_eq(path, keep) || lstat(path, &st) < 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		if (unlink(path) < 0 && errno != ENOENT)
			return fail_os(e, errno, path);
	}
	return 0;
}

static int purge_queue(struct arena *a, struct err *e)
{
	TRY(clean_dir(a, PATH_QUEUE_DIR, path_of(PATH_JOB_QUEUE_LOCK_FILE), e));
	return clean_dir(a, PATH_JOB_QUEUE_ARCHIVE_DIR, NULL, e);
}

int node_jobqueue_purge(struct node_ctx *ctx, const struct rpc_jobqueue_purge *args, json **ret,
			struct err *e)
{
	(void)args;
	(void)ret;
	return purge_queue(ctx->a, e);
}

/* The text of an authorized_keys file without the lines that hold KEY's second word. */
static void drop_key(struct arena *a, const char *file, const char *key)
{
	struct strs parts = strs_split(a, str_strip(a, key), ' '), lines;
	struct str out CLEANUP(str_free) = { 0 };
	char *text CLEANUP(freep) = NULL;
	struct fs_attr attr = { .mode = 0600, .uid = (uid_t)-1, .gid = (gid_t)-1 };

	if (parts.n < 2 || fs_read(file, KEYS_MAX, &text, NULL) < 0)
		return;
	lines = strs_split(a, text, '\n');
	for (size_t i = 0; i < lines.n; i++)
		if (!strstr(lines.v[i], parts.v[1]))
			str_addf(&out, "%s%s", lines.v[i], i + 1 < lines.n ? "\n" : "");
	if (fs_write_atomic(file, str_get(&out), out.len, &attr) < 0)
		log_error("Cannot write %s", file);
}

/* The cluster's logins by ssh end: this node's key pair goes, also from its own list. */
static void leave_ssh(struct arena *a)
{
	static const char *const kinds[] = { "rsa", "dsa", "ecdsa" };
	const struct passwd *pw = getpwuid(0);
	const char *dir = pw ? arena_printf(a, "%s/.ssh", pw->pw_dir) : NULL;

	if (env_virtual() || !dir)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const char *priv = arena_printf(a, "%s/id_%s", dir, kinds[i]);
		const char *pub = arena_printf(a, "%s.pub", priv);
		char *key CLEANUP(freep) = NULL;

		if (fs_read(pub, KEYS_MAX, &key, NULL) < 0)
			continue;
		drop_key(a, arena_printf(a, "%s/authorized_keys", dir), key);
		unlink(priv);
		unlink(pub);
	}
}

/* Nobody of the cluster may migrate guests to here any more; libvirtd stops listening. */
static void leave_virt(struct arena *a)
{
	static const enum path dirs[] = { PATH_PKI_LIBVIRT_DIR, PATH_PKI_QEMU_DIR };
	static const char *const reload[] = { "reload-libvirt", NULL };

	if (env_virtual() || !fs_exists(path_of(PATH_PKI_CA_CERT)))
		return;
	if (unlink(path_of(PATH_PKI_CA_CERT)) < 0)
		log_error("Cannot remove %s", path_of(PATH_PKI_CA_CERT));
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (fs_remove_tree(path_of(dirs[i])) < 0)
			log_error("Cannot remove %s", path_of(dirs[i]));
	if (daemon_util(a, reload, NULL, NULL, NULL) <= 0)
		log_error("Cannot restart libvirt");
}

int node_node_leave_cluster(struct node_ctx *ctx, const struct rpc_node_leave_cluster *args,
			    json **ret, struct err *e)
{
	static const enum path secrets[] = { PATH_CONFD_HMAC_KEY, PATH_RAPI_CERT_FILE,
					     PATH_SPICE_CERT_FILE, PATH_SPICE_CACERT_FILE,
					     PATH_NODED_CERT_FILE };
	static const char *const daemons[] = { "ganeti-confd", "ganeti-mond", "ganeti-kvmd" };

	TRY(clean_dir(ctx->a, PATH_DATA_DIR, NULL, e));
	TRY(clean_dir(ctx->a, PATH_CRYPTO_KEYS_DIR, NULL, e));
	TRY(purge_queue(ctx->a, e));
	if (args->modify_ssh_setup)
		leave_ssh(ctx->a);
	for (size_t i = 0; i < ARRAY_SIZE(secrets); i++)
		if (unlink(path_of(secrets[i])) < 0 && errno != ENOENT)
			log_error("Error while removing %s: %s", path_of(secrets[i]),
				  strerror(errno));
	for (size_t i = 0; i < ARRAY_SIZE(daemons); i++)
		stop_daemon(ctx->a, daemons[i]);
	leave_virt(ctx->a);
	ctx->quit = true;
	*ret = json_new_str("Shutdown scheduled");
	return 0;
}
