/*
 * ganeti-job-worker: runs the opcodes of one job at a time, as the master tells. Requests:
 * {"job": id, "ops": [opcode, ...], "first": index, "nonce": text}; all else goes over wconf_call(). While a
 * job runs the master may end, and another one go on with it.
 */
#include "daemons/worker/worker.h"
#include "src/lu/lu.h"

#include "lib/base/fault.h"
#include "lib/base/log.h"

#include <inttypes.h>
#include <stdio.h>

#define DONE_TIMEOUT (30.0 * 86400) /* until enough candidates have it, as long as that takes */

static int run_op(struct lu_job *job, size_t i, json *input, json **ret, struct err *e)
{
	int rc = lu_run(job, i, input, ret, e);

	if (rc < 0 && e->cls == NULL) /* every error of a job has a class */
		e->cls = ERR_EXEC;
	return rc;
}

/* Run opcode I and report how it ended; false: the rest is not run. */
static bool one_op(struct lu_job *job, size_t i, json *input)
{
	struct err e CLEANUP(err_clear) = ERR_NONE, why CLEANUP(err_clear) = ERR_NONE;
	json *result = NULL, *args = json_pack("{s:I}", "op", (int64_t)i);
	bool good = run_op(job, i, input, &result, &e) == 0;

	FAULT(job_op_done);
	if (good)
		json_set(args, "result", result);
	else
		json_set(args, "error", err_to_json(&e));
	if (wconf_call(job->wconf, "op_done", args, DONE_TIMEOUT, NULL, &why) == 0)
		return good;
	log_error("The master did not take the end of opcode %zu: %s", i, err_msg(&why));
	exit(1); /* the master ends the job as one whose process died */
}

/* Nothing can be run at all: the first opcode says why. */
static void refuse(struct wconf *w, int64_t first, const struct err *e)
{
	struct err why CLEANUP(err_clear) = ERR_NONE;

	if (wconf_call(w, "op_done", json_pack("{s:I, s:o}", "op", first, "error", err_to_json(e)),
		       DONE_TIMEOUT, NULL, &why) < 0)
		exit(1);
}

static void run_job(struct worker_tools *t, const json *request)
{
	int64_t id = json_get_int(request, "job", 0), first = json_get_int(request, "first", 0);
	json *ops = json_get(request, "ops");
	struct wconf *w = wconf_new(WORKER_FD);
	struct err e CLEANUP(err_clear) = ERR_NONE;
	char context[40];

	FAULT(job_begin);
	worker_outlives_master();
	wconf_home(w, id, json_get_str(request, "nonce"));
	snprintf(context, sizeof(context), "job %" PRId64, id);
	log_set_context(context);
	if (worker_tools(t, NULL, &e) < 0) {
		refuse(w, first, &e);
	} else {
		struct lu_job job = { .config = t->config, .rpc = t->rpc, .wconf = w, .id = id,
				      .first = (size_t)first };

		for (size_t i = (size_t)first; i < json_len(ops); i++)
			if (!one_op(&job, i, json_at(ops, i)))
				break;
	}
	log_set_context(NULL);
	wconf_free(w);
}

int main(void)
{
	struct worker_tools t = { 0 };
	json *request;

	worker_start("ganeti-job-worker", PATH_JOBS_LOG);
	(void)worker_tools(&t, NULL,
			   NULL); /* before the first job, which then need not wait for it */
	while ((request = worker_request("job"))) {
		run_job(&t, request);
		json_put(request);
		FAULT(job_done);
		worker_answer(json_new_dict());
	}
	worker_tools_free(&t);
	return 0;
}
