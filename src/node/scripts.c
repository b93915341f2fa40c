/* Programs of the site: hooks, allocators, out-of-band helpers, restricted commands. */
#include "src/node/priv.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOOK_OUTPUT_MAX (256u << 10)
#define LOCK_TIMEOUT 8.0
#define INVALID_DELAY 10 /* an attacker who guesses names gets few tries */
#define COMMAND_MODE_MAX (S_IRWXU | S_IRGRP | S_IXGRP | S_IROTH | S_IXOTH)

static bool is_executable(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* --- hooks --- */

static json *run_hook(struct arena *a, const char *path, const char *const *env, double timeout,
		      int *ret_status)
{
	struct run_result res CLEANUP(run_result_free) = { 0 };
	struct err e CLEANUP(err_clear) = ERR_NONE;
	const char *argv[] = { path, NULL };
	struct run r = { .argv = argv, .env = env, .timeout = timeout, .death_signal = SIGTERM,
			 .max_output = HOOK_OUTPUT_MAX };

	*ret_status = HOOK_FAIL;
	if (timeout <= 0)
		return json_new_str("Hook script execution error: no time left");
	if (run_cmd(&r, &res, &e) < 0)
		return json_new_str(
			arena_printf(a, "Hook script execution error: %s", err_msg(&e)));
	if (res.status == 0 && !res.timed_out)
		*ret_status = HOOK_SUCCESS;
	return json_new_str(safe_encode(a, str_strip(a, run_output(a, &res))));
}

int hooks_run(struct arena *a, const char *hpath, const char *phase, const char *const *env,
	      double timeout, json **ret, struct err *e)
{
	double end = clock_mono() + timeout;
	const char *subdir, *dir;
	struct strs names;
	json *results;

	if (!str_eq(phase, "pre") && !str_eq(phase, "post"))
		return err_plain(e, "Unknown hooks phase '%s'", phase);
	if (!is_plugin_name(hpath)) {
		err_plain(e, "Invalid hooks path '%s'", hpath);
		return fail_unexpected(e);
	}
	subdir = arena_printf(a, "%s-%s.d", hpath, phase);
	dir = path_in(a, PATH_HOOKS_BASE_DIR, "%s", subdir);
	results = json_new_array();
	*ret = results;
	if (fs_list(a, dir, &names) < 0)
		return 0;
	for (size_t i = 0; i < names.n; i++) {
		const char *name = names.v[i], *path = arena_printf(a, "%s/%s", dir, name);
		json *output = NULL;
		int status = HOOK_SKIP;

		if (*name == '.')
			continue;
		if (is_plugin_name(name) && is_executable(path))
			output = run_hook(a, path, env, end - clock_mono(), &status);
		else
			output = json_new_str("");
		json_append(results, json_pack("[s, i, o]", arena_printf(a, "%s/%s", subdir, name),
					       status, output));
	}
	return 0;
}

int node_hooks_runner(struct node_ctx *ctx, const struct rpc_hooks_runner *args, json **ret,
		      struct err *e)
{
	struct env_list env = { .a = ctx->a };
	static const char *const none[] = { NULL };

	json_each(args->env, key, v)
		env_add(&env, key, "%s", py_str(ctx->a, v));
	return hooks_run(ctx->a, args->hpath, args->phase, env.v ? env.v : none,
			 RPC_TMO_NORMAL - SCRIPT_MARGIN, ret, e);
}

/* --- instance allocators --- */

/* The file with the allocator's input; path in the arena, or -1 and an error. */
static int write_input(struct arena *a, const char *text, const char **ret, struct err *e)
{
	const char *tmp = getenv("TMPDIR");
	char *path = arena_printf(a, "%s/ganeti-iallocator.XXXXXX", tmp && *tmp ? tmp : "/tmp");
	int fd CLEANUP(closep) = mkstemp(path);
	size_t n = strlen(text), done = 0;

	while (fd >= 0 && done < n) {
		ssize_t k = write(fd, text + done, n - done);

		if (k < 0 && errno != EINTR)
			break;
		done += k > 0 ? (size_t)k : 0;
	}
	if (fd >= 0 && done == n) {
		*ret = path;
		return 0;
	}
	fail_os(e, errno, path);
	if (fd >= 0)
		unlink(path);
	return -1;
}

static const char **allocator_argv(struct arena *a, const char *script, const char *input,
				   const json *options)
{
	const char **argv = ARENA_ARRAY(a, const char *, json_len(options) + 3);
	size_t n = 0;

	argv[n++] = script;
	argv[n++] = input;
	json_each(options, key, v)
		argv[n++] = v ? arena_printf(a, "--%s=%s", key, py_str(a, v)) :
				arena_printf(a, "--%s", key);
	return argv;
}

int node_iallocator_runner(struct node_ctx *ctx, const struct rpc_iallocator_runner *args,
			   json **ret, struct err *e)
{
	struct run_result res CLEANUP(run_result_free) = { 0 };
	const char *script = find_plugin(ctx->a, path_of(PATH_IALLOCATOR_SEARCH_DIRS), args->name,
					 S_IFREG);
	struct env_list env = env_clean(ctx->a);
	struct run r = { .env = env.v, .timeout = RPC_TMO_NORMAL - SCRIPT_MARGIN,
			 .death_signal = SIGTERM, .max_output = OUTPUT_MAX };
	const char *input;
	int rc;

	if (!script)
		return err_plain(e, "iallocator module '%s' not found in the search path",
				 args->name);
	TRY(write_input(ctx->a, args->idata, &input, e));
	r.argv = allocator_argv(ctx->a, script, input, args->default_iallocator_params);
	rc = run_cmd(&r, &res, e);
	unlink(input);
	if (rc < 0)
		return fail_unexpected(e);
	if (res.status != 0 || res.timed_out) {
		char *why CLEANUP(freep) = run_fail_reason(&res);

		return err_plain(e, "iallocator module '%s' failed: %s, output '%s'", args->name,
				 why, run_output(ctx->a, &res));
	}
	*ret = json_new_strn(res.out, res.out_len);
	return 0;
}

/* --- out-of-band management --- */

int node_run_oob(struct node_ctx *ctx, const struct rpc_run_oob *args, json **ret, struct err *e)
{
	struct run_result res CLEANUP(run_result_free) = { 0 };
	const char *argv[] = { args->oob_program, args->command, args->remote_node, NULL };
	struct env_list env = env_clean(ctx->a);
	struct run r = { .argv = argv, .env = env.v, .timeout = args->timeout,
			 .death_signal = SIGTERM };

	if (*args->oob_program != '/') {
		err_plain(e, "'%s' is not an absolute path", args->oob_program);
		return fail_unexpected(e);
	}
	if (run_cmd(&r, &res, e) < 0)
		return fail_unexpected(e);
	if (res.status != 0 || res.timed_out) {
		char *why CLEANUP(freep) = run_fail_reason(&res);

		return err_plain(e, "'%s %s %s' failed with reason '%s'; output: %s",
				 str_shell_quote(ctx->a, argv[0]), str_shell_quote(ctx->a, argv[1]),
				 str_shell_quote(ctx->a, argv[2]), why, run_output(ctx->a, &res));
	}
	if (res.out_len && json_parse(res.out, res.out_len, ret, e) < 0)
		return fail_unexpected(e);
	return 0;
}

/* --- restricted commands --- */

/* Only root (or, in a virtual cluster, we) may have written what is run here. */
static int check_owner(const char *path, mode_t type, struct err *e)
{
	uid_t uid = env_virtual() ? geteuid() : 0;
	struct stat st;

	if (stat(path, &st) < 0)
		return err_plain(e, "Can't stat(2) '%s': [Errno %d] %s", path, errno,
				 strerror(errno));
	if (st.st_mode & 07777 & ~COMMAND_MODE_MAX)
		return err_plain(e, "Permissions on '%s' are too permissive", path);
	if (st.st_uid != uid || (!env_virtual() && st.st_gid != 0))
		return err_plain(e, "'%s' is not owned by %d:%d", path, (int)uid, 0);
	if ((st.st_mode & S_IFMT) != type)
		return err_plain(e, type == S_IFDIR ? "Path '%s' is not a directory" :
						      "Path '%s' is not a regular file",
				 path);
	return 0;
}

static int check_command(struct arena *a, const char *name, const char **ret, struct err *e)
{
	const char *dir = path_of(PATH_RESTRICTED_COMMANDS_DIR);
	const char *path = arena_printf(a, "%s/%s", dir, name);

	TRY(check_owner(dir, S_IFDIR, e));
	if (!*str_strip(a, name))
		return err_plain(e, "Missing command name");
	if (strchr(name, '/'))
		return err_plain(e, "Invalid command name");
	if (!is_plugin_name(name))
		return err_plain(e, "Command name contains forbidden characters");
	TRY(check_owner(path, S_IFREG, e));
	if (access(path, X_OK) < 0)
		return err_plain(e, "access(2) thinks '%s' can't be executed", path);
	*ret = path;
	return 0;
}

int node_restricted_command(struct node_ctx *ctx, const struct rpc_restricted_command *args,
			    json **ret, struct err *e)
{
	struct run_result res CLEANUP(run_result_free) = { 0 };
	struct err why CLEANUP(err_clear) = ERR_NONE;
	static const char *const env[] = { "PATH=" SCRIPT_PATH, NULL };
	const char *argv[] = { NULL, NULL };
	struct run r = { .argv = argv, .env = env, .timeout = RPC_TMO_SLOW - SCRIPT_MARGIN,
			 .death_signal = SIGTERM };
	int lock = lockfile_take(path_of(PATH_RESTRICTED_COMMANDS_LOCK_FILE), true, LOCK_TIMEOUT);
	int rc = lock < 0 ? err_sys(&why, lock, "lock") :
			    check_command(ctx->a, args->cmd, &argv[0], &why);

	/* checked one after the other, run side by side */
	if (rc < 0) {
		log_error("Restricted command '%s': %s", args->cmd, err_msg(&why));
		sleep(INVALID_DELAY);
	}
	closep(&lock);
	if (rc < 0 || run_cmd(&r, &res, NULL) < 0)
		return err_plain(e, "Executing command '%s' failed", args->cmd);
	if (res.status != 0 || res.timed_out) {
		char *reason CLEANUP(freep) = run_fail_reason(&res);

		return err_plain(e, "Restricted command '%s' failed: %s; output: %s", args->cmd,
				 reason, run_output(ctx->a, &res));
	}
	*ret = json_new_str(run_output(ctx->a, &res));
	return 0;
}
