/* Calls that run the scripts of OS definitions. */
#include "src/node/priv.h"

#include "lib/base/log.h"

#include <signal.h>
#include <time.h>

#define TAIL_LINES 20
#define TAIL_BYTES 4096 /* upstream: TailFile */
#define LOG_MAX (64u << 20)

int node_os_diagnose(struct node_ctx *ctx, const struct rpc_os_diagnose *args, json **ret,
		     struct err *e)
{
	(void)args;
	(void)e;
	*ret = os_diagnose(ctx->a);
	return 0;
}

/* --- validation --- */

static int check_variant(struct arena *a, const struct os_def *os, const char *name,
			 struct err *e)
{
	const char *variant = os_variant(a, name);

	if (!os->variants.n)
		return *variant ? err_plain(e,
					    "OS '%s' does not support variants ('%s' passed)",
					    os->name, variant) :
				  0;
	if (!*variant)
		return err_plain(e, "OS name '%s' must include a variant", name);
	if (!strs_has(&os->variants, variant))
		return err_plain(e, "OS '%s' does not support variant '%s'", os->name, variant);
	return 0;
}

static bool has_parameter(const struct os_def *os, const char *name)
{
	json_items(os->parameters, i, p)
		if (str_eq(json_str(json_at(p, 0)), name))
			return true;
	return false;
}

static int check_parameters(struct arena *a, const struct os_def *os, const json *params,
			    struct err *e)
{
	struct strs unknown = { 0 };

	json_each(params, name, v) {
		(void)v;
		if (!has_parameter(os, name))
			strs_add(a, &unknown, name);
	}
	return unknown.n ? err_plain(e,
				     "The following parameters are not supported by the OS %s: %s",
				     os->name, strs_join(a, &unknown, ", ")) :
			   0;
}

static int run_verify(struct arena *a, const struct os_def *os,
		      const struct rpc_os_validate *args, struct err *e)
{
	struct run_result res CLEANUP(run_result_free) = { 0 };
	struct env_list env = os_core_env(a, os, args->name, args->params, NULL, 0);
	const char **argv = ARENA_ARRAY(a, const char *, args->checks.n + 2);
	struct run r = { .argv = argv, .env = env.v, .cwd = os->path,
			 .timeout = RPC_TMO_FAST - SCRIPT_MARGIN, .death_signal = SIGTERM };

	argv[0] = os->verify;
	for (size_t i = 0; i < args->checks.n; i++)
		argv[i + 1] = args->checks.v[i];
	if (run_cmd(&r, &res, e) < 0)
		return fail_unexpected(e);
	if (res.status != 0 || res.timed_out) {
		char *why CLEANUP(freep) = run_fail_reason(&res);

		return err_plain(e, "OS validation script failed (%s), output: %s", why,
				 run_output(a, &res));
	}
	return 0;
}

int node_os_validate(struct node_ctx *ctx, const struct rpc_os_validate *args, json **ret,
		     struct err *e)
{
	struct os_def *os;
	int64_t highest = 0;

	for (size_t i = 0; i < args->checks.n; i++)
		if (!str_eq(args->checks.v[i], "parameters"))
			return err_plain(e, "Unknown checks required for OS %s: {'%s'}", args->name,
					 args->checks.v[i]);
	if (os_find(ctx->a, os_name_only(ctx->a, args->name), &os, e) < 0) {
		if (args->required)
			return -1;
		err_clear(e);
		*ret = json_new_bool(false);
		return 0;
	}
	if (!args->force_variant)
		TRY(check_variant(ctx->a, os, args->name, e));
	for (size_t i = 0; i < os->n_versions; i++)
		highest = os->versions[i] > highest ? os->versions[i] : highest;
	if (highest >= 20) {
		if (args->checks.n)
			TRY(check_parameters(ctx->a, os, args->params, e));
		TRY(run_verify(ctx->a, os, args, e));
	}
	*ret = json_new_bool(true);
	return 0;
}

/* --- scripts that work on an instance --- */

static const char *log_file(struct arena *a, const char *kind, const char *os, const char *what)
{
	time_t now = time(NULL);
	char *name = arena_strdup(a, os);
	char stamp[32] = "";
	struct tm tm;

	for (char *p = name; *p; p++)
		*p = *p == '/' ? '_' : *p; /* a variant is any text */
	if (localtime_r(&now, &tm))
		strftime(stamp, sizeof(stamp), "%Y-%m-%d_%H_%M_%S", &tm);
	fs_mkdirs(path_of(PATH_LOG_OS_DIR), 0750);
	return path_in(a, PATH_LOG_OS_DIR, "%s-%s-%s-%s.log", kind, name, what, stamp);
}

/* The last lines of a log file, made printable. */
static const char *log_tail(struct arena *a, const char *path)
{
	char *text CLEANUP(freep) = NULL;
	struct strs lines, last = { 0 };
	const char *from;
	size_t n;

	if (fs_read(path, LOG_MAX, &text, &n) < 0)
		return "";
	from = n > TAIL_BYTES ? text + n - TAIL_BYTES : text;
	lines = strs_split(a, from, '\n');
	if (lines.n && !*lines.v[lines.n - 1])
		lines.n--;
	for (size_t i = lines.n > TAIL_LINES ? lines.n - TAIL_LINES : 0; i < lines.n; i++)
		strs_add(a, &last, safe_encode(a, lines.v[i]));
	return strs_join(a, &last, "\n");
}

static int run_script(struct arena *a, const char *kind, const struct os_def *os,
		      const char *script, const struct env_list *env, const char *log,
		      double timeout, struct err *e)
{
	struct run_result res CLEANUP(run_result_free) = { 0 };
	const char *argv[] = { script, NULL };
	struct run r = { .argv = argv, .env = env->v, .cwd = os->path, .output_file = log,
			 .timeout = timeout, .death_signal = SIGTERM };

	if (run_cmd(&r, &res, e) < 0)
		return fail_unexpected(e);
	if (res.status != 0 || res.timed_out) {
		char *why CLEANUP(freep) = run_fail_reason(&res);

		log_error("OS script %s: %s, log file: %s", script, why, log);
		return err_plain(e, "OS %s script failed (%s), last lines in the log file:\n%s",
				 kind, why, log_tail(a, log));
	}
	return 0;
}

/* Parse the instance and find its OS. */
static int open_os(struct arena *a, json *dict, struct node_instance *i, struct os_def **ret,
		   struct err *e)
{
	TRY(inst_parse(a, dict, i, e));
	return os_find(a, os_name_only(a, i->hv->os), ret, e);
}

int node_instance_os_add(struct node_ctx *ctx, const struct rpc_instance_os_add *args, json **ret,
			 struct err *e)
{
	struct node_instance i;
	struct env_list env;
	struct os_def *os;

	(void)ret;
	TRY(open_os(ctx->a, args->instance_osp, &i, &os, e));
	if (!os->create)
		return err_plain(e, "OS '%s' has only an untrusted create script", os->name);
	TRY(os_instance_env(ctx->a, os, &i, args->debug, &env, e));
	if (args->reinstall)
		env_add(&env, "INSTANCE_REINSTALL", "1");
	return run_script(ctx->a, "create", os, os->create, &env,
			  log_file(ctx->a, "add", i.hv->os, i.hv->name),
			  RPC_TMO_1DAY - SCRIPT_MARGIN, e);
}

int node_instance_run_rename(struct node_ctx *ctx, const struct rpc_instance_run_rename *args,
			     json **ret, struct err *e)
{
	struct node_instance i;
	struct env_list env;
	struct os_def *os;

	(void)ret;
	TRY(open_os(ctx->a, args->instance, &i, &os, e));
	if (!is_file_name(args->old_name)) {
		err_plain(e, "Invalid instance name '%s'", args->old_name);
		return fail_unexpected(e);
	}
	TRY(os_instance_env(ctx->a, os, &i, args->debug, &env, e));
	env_add(&env, "OLD_INSTANCE_NAME", "%s", args->old_name);
	return run_script(ctx->a, "rename", os, os->rename, &env,
			  log_file(ctx->a, "rename", i.hv->os,
				   arena_printf(ctx->a, "%s-%s", args->old_name, i.hv->name)),
			  RPC_TMO_SLOW - SCRIPT_MARGIN, e);
}
