/* gnt-debug: delays, jobs from files, locks, allocators. */
#include "cli/gnt/gnt.h"

#include "lib/base/clock.h"
#include "lib/base/parse.h"

#include <string.h>
#include <time.h>

#define JOB_FILE_MAX (64u << 20)

int cmd_debug_delay(struct cli *c, struct err *e)
{
	json *op = op_new(c, OP_test_delay);
	double duration;

	if (parse_float(c->args.v[0], &duration) < 0)
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "'%s' is not a number of seconds",
			       c->args.v[0]);
	op_from_opts(c, op);
	op_set(op, "duration", json_new_float(duration));
	TRY(cli_submit(c, op, NULL, e));
	return EXIT_SUCCESS;
}

static int read_ops(struct cli *c, const char *file, json **ret, struct err *e)
{
	char *text CLEANUP(freep) = NULL;
	json *ops = NULL;
	size_t n;
	int r = fs_read(file, JOB_FILE_MAX, &text, &n);

	if (r < 0)
		return err_sys(e, r, "cannot read '%s'", file);
	if (json_parse(text, n, &ops, e) < 0)
		return err_prefix(e, "%s", file);
	json_own(c->a, ops);
	if (!json_is(ops, JSON_ARRAY) || !json_len(ops))
		return err_plain(e, "%s: expected a list of opcodes", file);
	json_items(ops, i, op) {
		const char *id = json_get_str(op, "OP_ID");

		if (opcode_find(id) < 0)
			return err_plain(e, "%s: opcode %zu: OP_ID %s unsupported", file, i,
					 id ? id : "is missing,");
	}
	*ret = ops;
	return 0;
}

int cmd_debug_submit_job(struct cli *c, struct err *e)
{
	int64_t jobs_each = json_int(cli_opt(c, "rep_job"), 1);
	int64_t ops_each = json_int(cli_opt(c, "rep_op"), 1);
	struct jobs *jobs = jobs_new(c, cli_flag(c, "verbose"));
	bool stats = cli_flag(c, "timing_stats"), ok;
	size_t n_jobs = 0, n_ops = 0;
	double start, submitted, end;

	if (stats)
		cli_out("Loading...");
	for (int64_t k = 0; k < jobs_each; k++)
		for (size_t i = 0; i < c->args.n; i++) {
			json *ops = NULL, *all = json_new_array();

			if (read_ops(c, c->args.v[i], &ops, e) < 0) {
				json_put(all);
				return -1;
			}
			for (int64_t r = 0; r < ops_each; r++)
				json_items(ops, o, op)
					json_append(all, json_clone(op));
			n_ops += json_len(all);
			n_jobs++;
			jobs_queue(jobs, arena_printf(c->a, "file %s/%lld", c->args.v[i],
						      (long long)k), all);
		}
	start = clock_mono();
	if (stats)
		cli_out("Submitting...");
	TRY(jobs_submit(jobs, cli_flag(c, "each"), e));
	submitted = clock_mono();
	if (stats)
		cli_out("Executing...");
	TRY(jobs_wait_or_show(jobs, true, &ok, e));
	end = clock_mono();
	if (stats)
		cli_out("C:op     %4zu\nC:job    %4zu\nT:submit %4.4f\nT:exec   %4.4f\nT:total  %4.4f",
			n_ops, n_jobs, submitted - start, end - submitted, end - start);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* "-" for nothing, [[mode, [job, ...]], ...] as mode:job,job */
const char *lock_format(struct arena *a, const char *field, const json *v)
{
	struct str s CLEANUP(str_free) = { 0 };
	bool pending = strcmp(field, "pending") == 0;

	if (!pending && strcmp(field, "owner") != 0 && strcmp(field, "mode") != 0)
		return NULL;
	if (json_is(v, JSON_STRING))
		return *json_str(v) ? json_str(v) : "-";
	if (!json_len(v))
		return "-";
	json_items(v, i, item) {
		str_add(&s, i ? pending ? ", " : "," : "");
		if (!pending) {
			ui_text(&s, item);
			continue;
		}
		ui_text(&s, json_at(item, 0));
		str_addc(&s, ':');
		json_items(json_at(item, 1), k, job) {
			str_add(&s, k ? "," : "");
			ui_text(&s, job);
		}
	}
	return arena_strdup(a, str_get(&s));
}

int cmd_debug_locks(struct cli *c, struct err *e)
{
	int64_t interval = json_int(cli_opt(c, "interval"), 0);
	int code;

	for (;;) {
		TRY(code = cli_list(c, e));
		if (code != EXIT_SUCCESS || interval <= 0)
			return code;
		cli_out("%s", "");
		nanosleep(&(struct timespec){ .tv_sec = interval }, NULL);
	}
}

/* --- iallocator --- */

static int allocator_disks(struct cli *c, json **ret, struct err *e)
{
	const char *text = cli_str(c, "disk_sizes");
	struct strs sizes = strs_split(c->a, text, ',');
	json *list = json_own(c->a, json_new_array());
	int64_t mib;

	for (size_t i = 0; i < sizes.n; i++) {
		TRY(parse_unit(sizes.v[i], &mib, e));
		json_append(list, json_pack("{s:I, s:s}", "size", mib, "mode", "rw"));
	}
	*ret = list;
	return 0;
}

/* "mac/ip/bridge,...": what is empty or left out is null. */
static json *allocator_nics(struct cli *c)
{
	static const char *const keys[] = { "mac", "ip", "bridge" };
	struct strs nics = strs_split(c->a, cli_str(c, "nic_texts"), ',');
	json *list = json_new_array();

	for (size_t i = 0; i < nics.n; i++) {
		struct strs parts = strs_split(c->a, nics.v[i], '/');
		json *d = json_new_dict();

		for (size_t k = 0; k < ARRAY_SIZE(keys); k++)
			json_set(d, keys[k],
				 k < parts.n && *parts.v[k] ? json_new_str(parts.v[k]) : NULL);
		json_append(list, d);
	}
	return list;
}

int cmd_debug_iallocator(struct cli *c, struct err *e)
{
	json *op = op_new(c, OP_test_allocator), *disks, *result;
	struct err why CLEANUP(err_clear) = ERR_NONE;
	const char *tags = cli_str(c, "tags");
	struct str s CLEANUP(str_free) = { 0 };

	if (allocator_disks(c, &disks, &why) < 0) {
		cli_warn("Invalid disks parameter '%s': %s", cli_str(c, "disk_sizes"), err_msg(&why));
		return EXIT_FAILURE;
	}
	json_set(c->opts, "tags", tags ? json_ref(params_words(c, tags)) : json_new_array());
	op_from_opts(c, op);
	op_set(op, "name", json_new_str(c->args.v[0]));
	op_set(op, "instances", json_new_strs(&c->args));
	op_set(op, "disks", json_ref(disks));
	op_set(op, "nics", allocator_nics(c));
	op_set_ref(op, "os", cli_opt(c, "os_type"));
	TRY(cli_exec(c, op, &result, e));
	ui_text(&s, result);
	cli_out("%s", str_get(&s));
	return EXIT_SUCCESS;
}

/* --- daemons of upstream --- */

/* A command and how many words belong to it. */
struct daemon_command {
	const char *name;
	size_t args;
	const char *wrong; /* said when there are more or fewer */
};

static bool known(const struct strs *words, const struct daemon_command *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(words->v[0], v[i].name) != 0)
			continue;
		if (words->n - 1 == v[i].args)
			return true;
		cli_warn("%s", v[i].wrong);
		return false;
	}
	cli_warn("Command '%s' not supported", words->v[0]);
	return false;
}

int cmd_debug_wconfd(struct cli *c, struct err *e)
{
	static const struct daemon_command commands[] = {
		{ "echo", 1, "Command 'echo' takes only precisely argument." },
		{ "cleanuplocks", 0, "Command 'cleanuplocks' takes no arguments." },
		{ "listlocks", 1, "Command 'listlocks' takes precisely one argument." },
		{ "listalllocks", 0, "Command 'listalllocks' takes no arguments." },
		{ "listalllocksowners", 0, "Command 'listalllocks' takes no arguments." },
		{ "flushconfig", 0, "Command 'flushconfig' takes no arguments." },
	};

	if (!known(&c->args, commands, ARRAY_SIZE(commands)))
		return EXIT_FAILURE;
	return err_set(e, ERR_PREREQ, ECODE_ENVIRON,
		       "There is no daemon of its own for configuration and locks, the master has both; "
		       "'gnt-debug locks' shows the locks");
}

int cmd_debug_metad(struct cli *c, struct err *e)
{
	static const struct daemon_command commands[] = {
		{ "echo", 1, "Command 'echo' takes only precisely argument." },
	};

	if (!known(&c->args, commands, ARRAY_SIZE(commands)))
		return EXIT_FAILURE;
	/* what upstream says when it does not run; this version has none yet */
	return err_set(e, NoMasterError, NULL, "%s", path_of(PATH_METAD_SOCKET));
}
