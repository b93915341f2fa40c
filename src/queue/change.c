/* Fields of a job as clients see them. */
#include "src/queue/priv.h"

#include <math.h>

/* Parameters that reach the worker but never a file or a client (upstream: Secret); those that are
 * stored but not shown are marked in the rows. */
static const char never_stored[] = "osparams_secret";
static const char redacted[] = "<redacted>";

json *job_time(double t)
{
	double sec = floor(t);
	int64_t us = llround((t - sec) * 1e6);

	if (t <= 0)
		return NULL;
	if (us >= 1000000) {
		us -= 1000000;
		sec += 1;
	}
	return json_pack("[I, I]", (int64_t)sec, us);
}

/* Every value of a dict (also inside dicts) becomes the text. */
static json *hide(const json *v)
{
	json *out;

	if (!v)
		return NULL;
	if (!json_is(v, JSON_DICT))
		return json_new_str(redacted);
	out = json_new_dict();
	json_each (v, k, x)
		json_set(out, k, hide(x));
	return out;
}

static json *without(const json *op, bool stored)
{
	int code = opcode_find(json_get_str(op, "OP_ID"));
	const struct record *r = code < 0 ? NULL : opcode_record((enum opcode)code);
	json *out = json_merge(json_new_dict(), op);

	for (size_t i = 0; r && i < r->n; i++) {
		const struct field *f = &r->fields[i];
		const char *key = field_wire(f);

		if (f->secret && (!stored || str_eq(key, never_stored)) && json_get(op, key))
			json_set(out, key, hide(json_get(op, key)));
	}
	return out;
}

json *job_input_shown(const json *op)
{
	return without(op, false);
}

json *job_input_stored(const json *op)
{
	return without(op, true);
}

/* Has a dict of secrets that is not empty been redacted? */
bool job_input_lost(const json *op)
{
	return json_len(json_get(op, never_stored)) > 0;
}

bool job_input_secret(const json *op)
{
	return json_len(json_get(op, never_stored)) > 0;
}

bool job_fields_need_log(const struct strs *fields)
{
	return strs_has(fields, "oplog");
}

enum { F_INPUT, F_RESULT, F_STATUS, F_START, F_EXEC, F_END, F_PRIORITY, F_SUMMARY };

static json *of_op(const struct job_op *op, int what)
{
	struct arena *a CLEANUP(arena_freep) = NULL;

	switch (what) {
	case F_INPUT:
		return job_input_shown(op->input);
	case F_RESULT:
		return json_ref(op->result);
	case F_STATUS:
		return json_new_str(enum_name(&enum_job_status, op->status));
	case F_START:
		return job_time(op->start);
	case F_EXEC:
		return job_time(op->exec);
	case F_END:
		return job_time(op->end);
	case F_PRIORITY:
		return json_new_int(op->priority);
	default:
		a = arena_new();
		return json_new_str(opcode_summary(a, op->input));
	}
}

static json *of_ops(const struct job *j, int what)
{
	json *out = json_new_array();

	for (size_t i = 0; i < j->n; i++)
		json_append(out, of_op(&j->ops[i], what));
	return out;
}

static json *of_log(const struct job *j, const json *log)
{
	json *out;

	if (log)
		return json_ref((json *)log);
	out = json_new_array();
	for (size_t i = 0; i < j->n; i++)
		json_append(out, json_new_array());
	return out;
}

enum { J_ID = 100, J_LOG, J_STATUS, J_PRIORITY, J_ARCHIVED, J_RECEIVED, J_START, J_END };

static const struct {
	const char *name;
	int what;
} job_field_rows[] = {
	{ "archived", J_ARCHIVED },
	{ "end_ts", J_END },
	{ "id", J_ID },
	{ "opend", F_END },
	{ "opexec", F_EXEC },
	{ "oplog", J_LOG },
	{ "oppriority", F_PRIORITY },
	{ "opresult", F_RESULT },
	{ "ops", F_INPUT },
	{ "opstart", F_START },
	{ "opstatus", F_STATUS },
	{ "priority", J_PRIORITY },
	{ "received_ts", J_RECEIVED },
	{ "start_ts", J_START },
	{ "status", J_STATUS },
	{ "summary", F_SUMMARY },
};

static json *of_job(const struct job *j, const json *log, int what)
{
	switch (what) {
	case J_ID:
		return json_new_int(j->id);
	case J_LOG:
		return of_log(j, log);
	case J_STATUS:
		return json_new_str(enum_name(&enum_job_status, job_status_of(j)));
	case J_PRIORITY:
		return json_new_int(job_priority(j));
	case J_ARCHIVED:
		return json_new_bool(j->archived);
	case J_RECEIVED:
		return job_time(j->received);
	case J_START:
		return job_time(j->start);
	case J_END:
		return job_time(j->end);
	default:
		return of_ops(j, what);
	}
}

bool job_field(const struct job *j, const json *log, const char *name, json **ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(job_field_rows); i++) {
		if (!str_eq(job_field_rows[i].name, name))
			continue;
		*ret = of_job(j, log, job_field_rows[i].what);
		return true;
	}
	return false;
}

json *job_fields(const struct job *j, const json *log, const struct strs *fields)
{
	json *out = json_new_array();

	for (size_t i = 0; i < fields->n; i++) {
		json *v = NULL;

		job_field(j, log, fields->v[i], &v);
		json_append(out, v);
	}
	return out;
}
