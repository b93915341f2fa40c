/*
 * ganeti-query-worker: answers one luxi query at a time. Requests: {"method": x, "args": [...],
 * "locks": [...] when asked for}; the answer has the luxi reply's "success" and "result".
 */
#include "daemons/worker/worker.h"
#include "src/query/query.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"

static json *failed(const struct err *e)
{
	return json_pack("{s:b, s:o}", "success", 0, "result",
			 e->cls ? err_to_json(e) : json_new_str(err_msg(e)));
}

static json *answer(struct worker_tools *t, const json *request)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct query_env q = { .a = a, .locks = json_get(request, "locks"), .now = clock_real() };
	int method = luxi_find(json_get_str(request, "method"));
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *result = NULL;

	/* queries of the configuration work without certificates */
	if (worker_tools(t, NULL, &e) < 0 && !t->config)
		return failed(&e);
	err_clear(&e);
	q.config = t->config;
	q.rpc = t->rpc;
	if (query_luxi(&q, (enum luxi)method, json_get(request, "args"), &result, &e) < 0)
		return failed(&e);
	return json_pack("{s:b, s:o}", "success", 1, "result", result);
}

int main(void)
{
	struct worker_tools t = { 0 };
	json *request;

	worker_start("ganeti-query-worker", PATH_MASTERD_LOG);
	(void)worker_tools(&t, NULL, NULL);
	while ((request = worker_request("method"))) {
		json *a = answer(&t, request);

		json_put(request);
		worker_answer(a);
	}
	worker_tools_free(&t);
	return 0;
}
