/* Results of opcodes that are new jobs. */
#include "src/lu/lu.h"

#define SUBMIT_TIMEOUT (30.0 * 86400) /* until enough candidates have them */

json *lu_result_jobs(json *jobs)
{
	return json_set(json_new_dict(), "jobs", jobs);
}

/* New opcodes inherit priority, debug level, comment and reason (upstream: _SetBaseOpParams). */
static void inherit(struct luctx *lu, json *op)
{
	const char *name = opcode_name(lu->op);
	json *reason;

	if (lu->common->has_debug_level)
		json_set(op, "debug_level", json_new_int(lu->common->debug_level));
	if (!json_get(op, "priority"))
		json_set(op, "priority", json_new_int(lu->common->priority));
	if (!json_get(op, "comment"))
		json_set(op, "comment", json_new_str(arena_printf(lu->a, "Submitted by %s", name)));
	reason = json_clone(json_get(op, "reason"));
	if (!json_is(reason, JSON_ARRAY)) {
		json_put(reason);
		reason = json_new_array();
	}
	json_items(json_get(lu->input, "reason"), i, entry)
		json_append(reason, json_ref(entry));
	json_set(op, "reason", reason);
}

int lu_submit_jobs(struct luctx *lu, json *result, struct err *e)
{
	json *jobs = json_get(result, "jobs");
	json *answer CLEANUP(json_putp) = NULL;

	if (!json_is(jobs, JSON_ARRAY))
		return 0;
	json_items(jobs, i, job)
		json_items(job, k, op)
			inherit(lu, op);
	TRY(wconf_call(lu->wconf, "submit", json_pack("{s:O}", "jobs", jobs), SUBMIT_TIMEOUT, &answer,
		       e));
	json_set(result, "jobs", json_ref(json_get(answer, "ids")));
	return 0;
}
