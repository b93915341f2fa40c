/*
 * The spread worker: one long-lived process that exports the configuration, writes ssconf, and
 * sends both to candidates and nodes (daemons/worker/spread.c). Here: it is told of commits, and
 * those who wait for a commit to arrive are answered. Exports and node answers never hold up this
 * process.
 */
#include "daemons/masterd/masterd.h"

#include "lib/base/log.h"

#define RESTART_AFTER 1.0

struct flush {
	struct flush *next;
	int64_t seq, job, call;
};

struct spread {
	struct master *m;
	struct pool *pool;
	struct pool_job *worker;
	struct ev_timer *restart;
	int64_t seq;           /* of the last commit, counted in this process */
	struct flush *flushes; /* waiting, any order */
	json *failed;          /* {node: message} of the last attempts */
	json *calls;           /* {RPC: the last message of that kind}, for the next worker */
};

static json *failures(const struct spread *s)
{
	json *out = json_new_array();

	json_each (s->failed, node, msg)
		json_append(out, json_pack("[s, O]", node, msg));
	return out;
}

static void done(struct spread *s, int64_t seq, const json *failed)
{
	struct flush **at = &s->flushes;

	json_put(s->failed);
	s->failed = json_ref((json *)failed);
	while (*at) {
		struct flush *f = *at;
		struct mjob *j;

		if (f->seq > seq) {
			at = &f->next;
			continue;
		}
		*at = f->next;
		j = jobs_find(s->m, f->job);
		if (j)
			wconf_flushed(j, f->call, failures(s));
		free(f);
	}
}

static void on_message(struct pool_job *pj, json *msg, bool final, void *arg)
{
	struct spread *s = arg;

	(void)pj;
	if (!final) {
		if (json_has(msg, "done"))
			done(s, json_get_int(msg, "done", 0), json_get(msg, "failed"));
		return;
	}
	s->worker = NULL;
	if (s->m->stopping)
		return;
	log_error("The spread worker has ended; starting another one");
	ev_timer_start(s->restart, RESTART_AFTER);
}

static void tell(struct spread *s, bool urgent, bool force)
{
	if (s->worker)
		pool_send(s->worker, json_pack("{s:I, s:b, s:b}", "spread", s->seq, "urgent",
					       urgent, "force", force));
}

static void start(void *arg)
{
	struct spread *s = arg;

	s->worker = pool_submit(s->pool, json_new_dict(), -1, on_message, s);
	tell(s, s->flushes != NULL, false);
	json_each (s->calls, name, msg)
		pool_send(s->worker, json_ref(msg));
	spread_master_ip(s->m);
}

void spread_init(struct master *m)
{
	static const char *argv[2]; /* the pool goes on using it */
	struct pool_opts o = { .name = "spread worker",
			       .argv = argv,
			       .min = 0,
			       .max = 1,
			       .max_message = LUXI_MAX_MESSAGE };
	struct spread *s = xcalloc(1, sizeof(*s));

	argv[0] = path_of(PATH_SPREAD_WORKER);
	s->m = m;
	s->seq = 1;
	s->failed = json_new_dict();
	s->calls = json_new_dict();
	s->pool = pool_new(m->ev, &o);
	s->restart = ev_timer_new(m->ev, "spread worker restart", start, s);
	m->spread = s;
	start(s);
}

void spread_commit(struct master *m)
{
	m->spread->seq++;
	tell(m->spread, false, false);
}

void spread_flush(struct master *m, bool force, int64_t job, int64_t call)
{
	struct spread *s = m->spread;
	struct flush *f = xcalloc(1, sizeof(*f));

	/* a number of its own: what is being sent now may lack the last commit */
	*f = (struct flush){ s->flushes, ++s->seq, job, call };
	s->flushes = f;
	tell(s, true, force);
}

void spread_call(struct master *m, enum rpc rpc, bool candidates, json *args)
{
	struct spread *s = m->spread;
	json *msg = json_pack("{s:s, s:b, s:o}", "call", rpc_name(rpc), "candidates", (int)candidates, "args", args);

	json_set(s->calls, rpc_name(rpc), msg);
	if (s->worker)
		pool_send(s->worker, json_ref(msg));
}

void spread_master_ip(struct master *m)
{
	if (m->spread->worker)
		pool_send(m->spread->worker, json_pack("{s:b}", "activate_master_ip", 1));
}

void spread_free(struct master *m)
{
	struct spread *s = m->spread;

	if (!s)
		return;
	while (s->flushes) {
		struct flush *f = s->flushes;

		s->flushes = f->next;
		free(f);
	}
	ev_timer_free(s->restart);
	pool_free(s->pool);
	json_put(s->failed);
	json_put(s->calls);
	free(s);
	m->spread = NULL;
}
