/* job-N files in upstream's layout: what the queue directory shows, and what an upgrade reads. */
#include "src/queue/priv.h"

#include <math.h>

static json *op_to_file(const struct job_op *op, json *log)
{
	return json_pack(
		"{s:o, s:s, s:O, s:O, s:o, s:o, s:o, s:i}", "input", job_input_stored(op->input),
		"status", enum_name(&enum_job_status, op->status), "result", op->result, "log", log,
		"start_timestamp", job_time(op->start), "exec_timestamp", job_time(op->exec),
		"end_timestamp", job_time(op->end), "priority", op->priority);
}

json *job_to_file(const struct job *j, const json *log)
{
	json *ops = json_new_array(), *none CLEANUP(json_putp) = json_new_array();

	for (size_t i = 0; i < j->n; i++)
		json_append(ops, op_to_file(&j->ops[i], json_at(log, i) ? json_at(log, i) : none));
	return json_pack("{s:I, s:o, s:o, s:o, s:o}", "id", j->id, "ops", ops, "start_timestamp",
			 job_time(j->start), "end_timestamp", job_time(j->end),
			 "received_timestamp", job_time(j->received));
}

static double time_of(const json *t)
{
	return json_float(json_at(t, 0), 0) + json_float(json_at(t, 1), 0) / 1e6;
}

int job_from_file(struct arena *a, json *file, struct job **ret, json **ret_log, struct err *e)
{
	json *ops = json_get(file, "ops"), *log CLEANUP(json_putp) = json_new_array();
	struct job *j = ARENA_NEW(a, struct job);

	j->id = json_get_int(file, "id", 0);
	if (j->id <= 0 || !json_is(ops, JSON_ARRAY))
		return err_set(e, JobFileCorrupted, NULL, "Can't load job file");
	json_own(a, json_ref(file));
	j->received = time_of(json_get(file, "received_timestamp"));
	j->start = time_of(json_get(file, "start_timestamp"));
	j->end = time_of(json_get(file, "end_timestamp"));
	j->n = json_len(ops);
	j->ops = ARENA_ARRAY(a, struct job_op, j->n);
	for (size_t i = 0; i < j->n; i++) {
		json *f = json_at(ops, i);
		int status = enum_value(&enum_job_status, json_get_str(f, "status"));
		struct job_op *op = &j->ops[i];

		if (status < 0 || !json_is(json_get(f, "input"), JSON_DICT))
			return err_set(e, JobFileCorrupted, NULL, "Can't load job file");
		op->input = json_get(f, "input");
		op->status = (enum job_status)status;
		op->result = json_get(f, "result");
		op->priority = (int)json_get_int(f, "priority", PRIO_NORMAL);
		op->start = time_of(json_get(f, "start_timestamp"));
		op->exec = time_of(json_get(f, "exec_timestamp"));
		op->end = time_of(json_get(f, "end_timestamp"));
		json_append(log, json_ref(json_get(f, "log")));
		j->secrets_lost |= job_input_lost(op->input);
	}
	*ret = j;
	*ret_log = STEAL(log);
	return 0;
}
