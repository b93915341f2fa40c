/* gnt-job. */
#include "cli/gnt/gnt.h"

#include "lib/base/parse.h"

#include <string.h>

const char *job_format(struct arena *a, const char *field, const json *v)
{
	struct str s CLEANUP(str_free) = { 0 };

	if (strcmp(field, "opstart") != 0 && strcmp(field, "opexec") != 0 &&
	    strcmp(field, "opend") != 0)
		return NULL;
	str_addc(&s, '[');
	json_items(v, i, ts) {
		if (i)
			str_add(&s, ", ");
		ui_repr_str(&s, info_timestamp(a, ts));
	}
	str_addc(&s, ']');
	return arena_strdup(a, str_get(&s));
}

int cmd_job_list(struct cli *c, struct err *e)
{
	struct strs fields = cli_fields(c);

	if (cli_flag(c, "archived") && !strs_has(&fields, "archived"))
		strs_add(c->a, &fields, "archived");
	return cli_list_filtered(c, &fields, filter_any("status", cli_opt(c, "status_filter")), e);
}

static int job_id(const char *text, int64_t *ret, struct err *e)
{
	struct str s CLEANUP(str_free) = { 0 };

	if (parse_int(text, ret) == 0)
		return 0;
	ui_repr_str(&s, text);
	return err_set(e, ERR_PREREQ, ECODE_INVAL,
		       "Invalid job ID passed: invalid literal for int() with base 10: %s",
		       str_get(&s));
}

/* --- info --- */

/* Values that are aligned with each other: keys of one width. */
static void aligned(struct cli *c, json *d, const char *key, size_t width, const char *value)
{
	json_set(d, key,
		 json_new_str(arena_printf(c->a, "%*s%s", (int)(width - strlen(key)), "", value)));
}

static double delta(const json *from, const json *to)
{
	return (double)(json_int(json_at(to, 0), 0) - json_int(json_at(from, 0), 0)) +
	       (double)(json_int(json_at(to, 1), 0) - json_int(json_at(from, 1), 0)) / 1e6;
}

static void job_time(struct cli *c, json *d, const char *key, const json *ts, const json *before)
{
	const char *value;

	if (!ts)
		value = "unknown (None)";
	else if (before)
		value = arena_printf(c->a, "%s (delta %.6fs)", info_timestamp(c->a, ts),
				     delta(before, ts));
	else
		value = info_timestamp(c->a, ts);
	aligned(c, d, key, strlen("Processing start"), value);
}

static void op_time(struct cli *c, json *d, const char *key, const json *ts)
{
	aligned(c, d, key, strlen("Processing start"),
		json_is(ts, JSON_ARRAY) ? info_timestamp(c->a, ts) : "N/A");
}

static json *log_entry(struct cli *c, const json *entry)
{
	struct str msg CLEANUP(str_free) = { 0 };
	const char *type = json_str(json_at(entry, 2));

	ui_text(&msg, json_at(entry, 3));
	return json_pack("{s:s, s:s}", "Time", info_timestamp(c->a, json_at(entry, 1)), "Content",
			 arena_printf(c->a, "[%lld, %s, %s]",
				      (long long)json_int(json_at(entry, 0), 0), type ? type : "",
				      cli_safe(c->a, str_get(&msg))));
}

/* The fields asked for, in this order. */
enum { F_ID, F_STATUS, F_OPS, F_OPRESULT, F_OPSTATUS, F_OPLOG, F_OPSTART, F_OPEXEC, F_OPEND,
       F_RECEIVED, F_START, F_END };
#define FIELDS                                                                                    \
	"[\"id\", \"status\", \"ops\", \"opresult\", \"opstatus\", \"oplog\", \"opstart\","       \
	" \"opexec\", \"opend\", \"received_ts\", \"start_ts\", \"end_ts\"]"

static const json *cell(const json *row, size_t field)
{
	return json_at(json_at(row, field), 1);
}

static json *opcode_info(struct cli *c, const json *row, size_t i)
{
	const json *op = json_at(cell(row, F_OPS), i);
	json *d = json_new_dict(), *log = json_new_array();

	json_set(d, "Opcode", json_ref(json_get(op, "OP_ID")));
	json_set(d, "Status", json_ref(json_at(cell(row, F_OPSTATUS), i)));
	op_time(c, d, "Processing start", json_at(cell(row, F_OPSTART), i));
	op_time(c, d, "Execution start", json_at(cell(row, F_OPEXEC), i));
	op_time(c, d, "Processing end", json_at(cell(row, F_OPEND), i));
	json_set(d, "Input fields", ui_sorted(op));
	json_set(d, "Result", ui_sorted(json_at(cell(row, F_OPRESULT), i)));
	json_items(json_at(cell(row, F_OPLOG), i), k, entry)
		json_append(log, log_entry(c, entry));
	json_set(d, "Execution log", log);
	return d;
}

/* What those of ROWS that have not started or wait for locks wait for, by id. A field of ours: a master of upstream's
 * is not asked unless there is such a job, and then has no value. */
static int wait_reasons(struct cli *c, const json *rows, json **ret, struct err *e)
{
	json *ids = json_own(c->a, json_new_array()), *result;

	*ret = json_own(c->a, json_new_dict());
	json_items(rows, i, row) {
		const char *status = json_str(cell(row, F_STATUS));

		if (str_eq(status, enum_name(&enum_job_status, job_status_queued)) ||
		    str_eq(status, enum_name(&enum_job_status, job_status_waiting)))
			json_append(ids, json_ref((json *)cell(row, F_ID)));
	}
	if (!json_len(ids))
		return 0;
	TRY(cli_call(c, LUXI_Query,
		     json_pack("[s, [s, s], o]", "job", "id", QUERY_WAIT_REASON, filter_any("id", ids)), &result, e));
	json_items(json_get(result, "data"), i, row)
		if (json_str(cell(row, 1)))
			json_set(*ret, json_dump_in(c->a, cell(row, 0)), json_ref((json *)cell(row, 1)));
	return 0;
}

static json *job_info(struct cli *c, const json *row, const json *reasons)
{
	const char *why = json_get_str(reasons, json_dump_in(c->a, cell(row, F_ID)));

	const json *received = cell(row, F_RECEIVED), *start = cell(row, F_START);
	const json *end = cell(row, F_END);
	json *d, *ops;

	if (json_int(json_at(json_at(row, F_STATUS), 0), 1) != 0) {
		struct str s CLEANUP(str_free) = { 0 };

		ui_text(&s, cell(row, F_ID));
		return json_new_str(arena_printf(c->a, "Job ID %s not found", str_get(&s)));
	}
	d = json_new_dict();
	json_set(d, "Job ID", json_ref((json *)cell(row, F_ID)));
	json_set(d, "Status", json_ref((json *)cell(row, F_STATUS)));
	if (why)
		json_set(d, "Waits for", json_new_str(cli_safe(c->a, why)));
	job_time(c, d, "Received", received, NULL);
	job_time(c, d, "Processing start", start, received);
	job_time(c, d, "Processing end", end, start);
	json_set(d, "Total processing time",
		 json_new_str(end && received ?
				      arena_printf(c->a, "%.6f seconds", delta(received, end)) :
				      "N/A"));
	ops = json_new_array();
	for (size_t i = 0; i < json_len(cell(row, F_OPS)); i++)
		json_append(ops, opcode_info(c, row, i));
	json_set(d, "Opcodes", ops);
	return d;
}

/* Plain data of the jobs, one dict each. */
static void print_json(struct cli *c, const json *result, const json *reasons)
{
	json *list CLEANUP(json_putp) = json_new_array();

	json_items(json_get(result, "data"), i, row) {
		json *d = json_new_dict();

		json_items(json_get(result, "fields"), k, def)
			json_set(d, json_get_str(def, "name"), json_ref((json *)cell(row, k)));
		json_set(d, QUERY_WAIT_REASON, json_ref(json_get(reasons, json_dump_in(c->a, cell(row, F_ID)))));
		json_append(list, d);
	}
	cli_json(list);
}

int cmd_job_info(struct cli *c, struct err *e)
{
	json *ids = json_own(c->a, json_new_array()), *fields = NULL, *result, *reasons;
	json *list = json_own(c->a, json_new_array());

	for (size_t i = 0; i < c->args.n; i++) {
		int64_t id;

		TRY(job_id(c->args.v[i], &id, e));
		json_append(ids, json_new_int(id));
	}
	TRY(json_parse(FIELDS, strlen(FIELDS), &fields, e));
	TRY(cli_call(c, LUXI_Query, json_pack("[s, o, o]", "job", fields, filter_any("id", ids)),
		     &result, e));
	TRY(wait_reasons(c, json_get(result, "data"), &reasons, e));
	if (cli_flag(c, "json")) {
		print_json(c, result, reasons);
		return EXIT_SUCCESS;
	}
	json_items(json_get(result, "data"), i, row)
		json_append(list, job_info(c, row, reasons));
	info_print(c, list);
	return EXIT_SUCCESS;
}

/* --- watch, wait --- */

static int wait_for(struct cli *c, bool quiet, struct err *e)
{
	struct err why CLEANUP(err_clear) = ERR_NONE;
	struct str s CLEANUP(str_free) = { 0 };
	int64_t id;
	int code;

	TRY(job_id(c->args.v[0], &id, e));
	if (cli_wait(c, id, quiet, NULL, &why) == 0)
		return EXIT_SUCCESS;
	code = cli_format_error(&why, &s);
	cli_warn("Job %s failed: %s", c->args.v[0], str_get(&s));
	return code;
}

int cmd_job_watch(struct cli *c, struct err *e)
{
	struct str line CLEANUP(str_free) = { 0 };
	const char *title = arena_printf(c->a, "Output from job %s follows", c->args.v[0]);

	for (size_t n = strlen(title); n; n--)
		str_addc(&line, '-');
	cli_out("%s\n%s", title, str_get(&line));
	return wait_for(c, false, e);
}

int cmd_job_wait(struct cli *c, struct err *e)
{
	return wait_for(c, true, e);
}

/* --- cancel, change-priority, archive --- */

/* The jobs named, or those in the states asked for; *RET NULL: the operator said no. */
static int choose_jobs(struct cli *c, const char *question, json **ret, struct err *e)
{
	const json *states = cli_opt(c, "status_filter");
	json *ids = json_own(c->a, json_new_array()), *result;

	*ret = NULL;
	if ((c->args.n > 0) == (states != NULL))
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Either a status filter or job ID(s) must be specified and never both");
	for (size_t i = 0; i < c->args.n; i++) {
		int64_t id;

		TRY(job_id(c->args.v[i], &id, e));
		json_append(ids, json_new_int(id));
	}
	if (!states) {
		*ret = ids;
		return 0;
	}
	TRY(cli_call(c, LUXI_Query,
		     json_pack("[s, [s, s, s], o]", "job", "id", "status", "summary",
			       filter_any("status", states)),
		     &result, e));
	json_items(json_get(result, "data"), i, row)
		json_append(ids, json_ref(json_at(json_at(row, 0), 1)));
	if (!json_len(ids))
		return err_set(e, ERR_PREREQ, ECODE_STATE,
			       "No jobs with the requested status have been found");
	if (!cli_flag(c, "force")) {
		cli_print_query(c, result, true);
		if (!ui_confirm(question))
			return 0;
	}
	*ret = ids;
	return 0;
}

/* Call METHOD with [id, ARG] for each; prints the answers. */
static int each_job(struct cli *c, const json *ids, enum luxi method, const json *arg, struct err *e)
{
	int code = EXIT_SUCCESS;

	json_items(ids, i, id) {
		json *answer;

		TRY(cli_call(c, method, json_pack("[O, O]", id, arg), &answer, e));
		if (!json_boolean(json_at(answer, 0), false))
			code = EXIT_FAILURE;
		cli_out("%s", json_str(json_at(answer, 1)) ? json_str(json_at(answer, 1)) : "");
	}
	return code;
}

int cmd_job_cancel(struct cli *c, struct err *e)
{
	bool kill = cli_flag(c, "kill");
	json *ids;

	if (kill && !cli_flag(c, "yes_do_it"))
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "The --kill option must be confirmed with --yes-do-it");
	TRY(choose_jobs(c, kill ? "KILL job(s) listed above?" : "Cancel job(s) listed above?", &ids,
			e));
	if (!ids)
		return EXIT_CONFIRMATION;
	return each_job(c, ids, LUXI_CancelJob, cli_opt(c, "kill"), e);
}

int cmd_job_change_priority(struct cli *c, struct err *e)
{
	json *ids;

	if (!cli_opt(c, "priority")) {
		cli_warn("--priority option must be given.");
		return EXIT_FAILURE;
	}
	TRY(choose_jobs(c, "Change priority of job(s) listed above?", &ids, e));
	if (!ids)
		return EXIT_CONFIRMATION;
	return each_job(c, ids, LUXI_ChangeJobPriority, cli_opt(c, "priority"), e);
}

int cmd_job_archive(struct cli *c, struct err *e)
{
	int code = EXIT_SUCCESS;

	for (size_t i = 0; i < c->args.n; i++) {
		int64_t id;
		json *done;

		TRY(job_id(c->args.v[i], &id, e));
		TRY(cli_call(c, LUXI_ArchiveJob, json_pack("[I]", id), &done, e));
		if (json_boolean(done, false))
			continue;
		cli_warn("Failed to archive job with ID '%s'", c->args.v[i]);
		code = EXIT_FAILURE;
	}
	return code;
}

int cmd_job_autoarchive(struct cli *c, struct err *e)
{
	int64_t age = -1;
	json *counts;

	if (strcmp(c->args.v[0], "all") != 0)
		TRY(params_timespec(c->args.v[0], &age, e));
	/* the master may work at it for half the time we would wait for its answer */
	TRY(cli_call(c, LUXI_AutoArchiveJobs, json_pack("[I, i]", age, (int)(LUXI_RW_TIMEOUT / 2)), &counts,
		     e));
	cli_out("Archived %lld jobs, %lld unchecked left",
		(long long)json_int(json_at(counts, 0), 0),
		(long long)json_int(json_at(counts, 1), 0));
	return EXIT_SUCCESS;
}
