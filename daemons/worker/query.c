/*
 * ganeti-query-worker: answers one luxi query at a time. Requests: {"method": x, "args": [...],
 * "locks": [...], "waits": {...} when asked for}; the luxi reply is the tail of the answer, which is {"damaged": why}, with null
 * for a sound database. {"method": "verify"} looks for
 * mistakes in the configuration and logs them.
 */
#include "daemons/worker/worker.h"
#include "src/query/query.h"
#include "src/replica/replica.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"

#include <poll.h>

#define OBJECTS_KEPT 1000000 /* some 0.8 KiB each */
#define LARGE (1 << 20)
#define IDLE_MS 300000       /* then what is kept goes */

static int tools(struct worker_tools *t, struct err *e)
{
	bool fresh = !t->config;
	int r = worker_tools(t, NULL, e);

	if (fresh && t->config)
		config_keep_objects(t->config, OBJECTS_KEPT);
	return r;
}

static void failed(struct str *reply, const struct err *e)
{
	json *j = json_pack("{s:b, s:o}", "success", 0, "result",
			    e->cls ? err_to_json(e) : json_new_str(err_msg(e)));

	reply->len = 0;
	json_dump_to(reply, j);
	json_put(j);
}

static void answer(struct worker_tools *t, const json *request, struct str *reply)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct query_env q = { .a = a, .locks = json_get(request, "locks"),
			       .waits = json_get(request, "waits"), .now = clock_real() };
	int method = luxi_find(json_get_str(request, "method"));
	struct err e CLEANUP(err_clear) = ERR_NONE;

	/* queries of the configuration work without certificates */
	if (tools(t, &e) < 0 && !t->config) {
		failed(reply, &e);
		return;
	}
	err_clear(&e);
	q.config = t->config;
	q.rpc = t->rpc;
	str_add(reply, "{\"success\":true,\"result\":");
	if (query_luxi(&q, (enum luxi)method, json_get(request, "args"), reply, &e) < 0)
		failed(reply, &e);
	else
		str_addc(reply, '}');
}

/* What is on disk, not what this process remembers of it. */
static int look_for_damage(struct err *e)
{
	struct db *d CLEANUP(db_closep) = NULL;

	return db_open(path_of(PATH_CONFIG_DB), DB_READ, &d, e) < 0 || db_check(d, true, e) < 0 ? -1 : replica_verify(d, e);
}

static void verify(struct worker_tools *t)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct snapshot *s CLEANUP(snapshot_freep) = NULL;
	struct strs errors = { 0 };

	(void)tools(t, &e);
	if (!t->config || look_for_damage(&e) < 0 || snapshot_open(t->config, &s, &e) < 0 ||
	    config_verify(s, a, &errors, &e) < 0) {
		log_error("Can't verify the configuration: %s", err_msg(&e));
		return;
	}
	for (size_t i = 0; i < errors.n; i++)
		log_error("Configuration error: %s", errors.v[i]);
	log_info("Configuration verified, %zu errors", errors.n);
}

/* Only one worker is asked while there is one question at a time: others, and all in the night, get small. */
static json *next_request(struct worker_tools *t)
{
	struct pollfd p = { .fd = WORKER_FD, .events = POLLIN };

	if (poll(&p, 1, IDLE_MS) == 0 && t->config) {
		config_forget_objects(t->config);
		mem_trim();
	}
	return worker_request("method");
}

int main(void)
{
	struct worker_tools t = { 0 };
	json *request;

	mem_return_large();
	worker_start("ganeti-query-worker", PATH_MASTERD_LOG);
	(void)tools(&t, NULL);
	while ((request = next_request(&t))) {
		struct str reply CLEANUP(str_free) = { 0 };

		if (str_eq(json_get_str(request, "method"), "verify"))
			verify(&t);
		else
			answer(&t, request, &reply);
		json_put(request);
		worker_answer_text(json_pack("{s:s}", "damaged", db_found_damage()), &reply);
		if (reply.len > LARGE) /* what it was made from may be ten times as much */
			mem_trim();
	}
	worker_tools_free(&t);
	return 0;
}
