/* gnt-debug, and what gnt-group, gnt-network and gnt-backup cannot say in rows. */
#include "cli/gnt/gnt.h"

#include "lib/base/clock.h"
#include "lib/base/parse.h"

#include <string.h>
#include <time.h>

#define JOB_FILE_MAX (64u << 20)

/* --- gnt-debug --- */

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

/* --- lists --- */

const char *group_format(struct arena *a, const char *field, const json *v)
{
	struct str s CLEANUP(str_free) = { 0 };

	if (strcmp(field, "ndparams") != 0 || !json_is(v, JSON_DICT))
		return NULL;
	json_each(v, key, item) {
		str_addf(&s, "%s%s=", s.len ? ", " : "", key);
		ui_text(&s, item);
	}
	return arena_strdup(a, str_get(&s));
}

const char *network_format(struct arena *a, const char *field, const json *v)
{
	struct str s CLEANUP(str_free) = { 0 };

	if (strcmp(field, "group_list") != 0 || !json_is(v, JSON_ARRAY))
		return NULL;
	json_items(v, i, g) {
		str_add(&s, i ? ", " : "");
		for (size_t k = 0; k < json_len(g); k++) {
			str_add(&s, k == 0 ? "" : k == 1 ? " (" : ", ");
			ui_text(&s, json_at(g, k));
		}
		str_addc(&s, ')');
	}
	return arena_strdup(a, str_get(&s));
}

int cmd_backup_list(struct cli *c, struct err *e)
{
	struct strs fields = cli_fields(c);

	return cli_list_filtered(c, &fields, filter_any("node", cli_opt(c, "nodes")), e);
}
