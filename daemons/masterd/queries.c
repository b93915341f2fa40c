/*
 * The pool of query workers. The request goes to one unparsed beyond its envelope, the answer comes
 * back as it is to be sent.
 */
#include "daemons/masterd/masterd.h"

#include "lib/base/log.h"

#define MIN_WORKERS 1
#define MAX_WORKERS 8
#define MAX_WAITING 512
#define RETIRE_AFTER 2000
#define QUERY_TIMEOUT LUXI_RW_TIMEOUT /* the client does not wait longer */

#define VERIFY_TIMEOUT 3600
#define VERIFY_FIRST 2.0 /* after the start: whoever waited for that is answered first */
#define VERIFY_EVERY 86400.0

struct query {
	struct master *m;
	struct luxi_conn *c;
	struct pool_job *j;
};

static size_t waiting;

static void query_free(struct query *q)
{
	waiting--;
	free(q);
}

static void take_damage(struct master *m, const json *msg)
{
	const char *why = msg ? json_get_str(msg, "damaged") : NULL;

	if (why)
		damage_reported(m, why);
}

static void on_answer(struct pool_job *j, json *msg, bool final, void *arg)
{
	struct query *q = arg;
	struct master *m = q->m;
	struct err e CLEANUP(err_clear) = ERR_NONE;

	const char *text;
	size_t n;

	if (!final)
		return;
	text = pool_tail(j, &n);
	if (msg && text) {
		luxi_reply_text(q->c, text, n);
	} else {
		err_set(&e, GenericError, NULL, "The query took too long or its worker has died");
		luxi_fail(q->c, &e);
	}
	query_free(q);
	take_damage(m, msg);
}

static void on_gone(void *arg)
{
	struct query *q = arg;

	pool_cancel(q->j);
	query_free(q);
}

static void verify_again(void *arg)
{
	queries_verify(arg);
}

void queries_init(struct master *m)
{
	static const char *argv[2]; /* the pool goes on using it */
	struct pool_opts o = { .name = "query worker",
			       .argv = argv,
			       .min = MIN_WORKERS,
			       .max = MAX_WORKERS,
			       .retire_after = RETIRE_AFTER,
			       .max_message = LUXI_MAX_MESSAGE };

	m->verify = ev_timer_new(m->ev, "verify", verify_again, m);
	ev_timer_start(m->verify, VERIFY_FIRST);
	argv[0] = path_of(PATH_QUERY_WORKER);
	m->query_pool = pool_new(m->ev, &o);
}

static void on_verified(struct pool_job *j, json *msg, bool final, void *arg)
{
	(void)j;
	if (final && !msg)
		log_error("The configuration could not be verified");
	if (final)
		take_damage(arg, msg);
}

void queries_verify(struct master *m)
{
	ev_timer_start(m->verify, VERIFY_EVERY);
	pool_submit(m->query_pool, json_pack("{s:s}", "method", "verify"), VERIFY_TIMEOUT, on_verified,
		    m);
}

/* What only the master knows goes with the request. */
static void add_live(struct master *m, json *request, const json *args)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct strs fields;

	switch (enum_value(&enum_query_resource, json_str(json_at(args, 0)))) {
	case query_resource_lock:
		json_set(request, "locks", locks_dump(m->locks));
		break;
	case query_resource_job:
		fields = json_strs(a, json_at(args, 1));
		if (strs_has(&fields, QUERY_WAIT_REASON))
			json_set(request, "waits", waits_of(m, json_at(args, 2)));
		break;
	default:
		break;
	}
}

void queries_send(struct master *m, struct luxi_conn *c, enum luxi method, json *args)
{
	json *request = json_pack("{s:s, s:O}", "method", luxi_name(method), "args", args);
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct query *q;

	if (waiting >= MAX_WAITING) {
		json_put(request);
		err_set(&e, GenericError, NULL, "Too many queries are waiting");
		luxi_fail(c, &e);
		return;
	}
	if (method == LUXI_Query)
		add_live(m, request, args);
	m->count.queries++;
	waiting++;
	q = xcalloc(1, sizeof(*q));
	q->m = m;
	q->c = c;
	luxi_on_gone(c, on_gone, q);
	q->j = pool_submit(m->query_pool, request, QUERY_TIMEOUT, on_answer, q);
}
