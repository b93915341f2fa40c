/*
 * The tail of a long queue. Of the jobs that wait to be started only the first ones are in memory, and those that
 * somebody asks about; the rest are rows, and come in order of priority and number. So neither memory nor the start
 * of the master nor a look at what may start grows with the queue.
 */
#include "daemons/masterd/masterd.h"

#include "lib/base/log.h"

#include <inttypes.h>

#define LOADED_MAX 1000 /* jobs in memory, from which on new ones stay out */
#define SLICE 200       /* jobs loaded or looked at in one go */

/* Is JOB one that waits to be started, and nothing else? */
static bool is_waiting(const struct job *job)
{
	return job && !job->archived && job_status_of(job) == job_status_queued;
}

static bool has_secrets(const struct job *job)
{
	for (size_t i = 0; i < job->n; i++)
		if (job_input_secret(job->ops[i].input))
			return true;
	return false;
}

static bool rejected(struct master *m, const struct job *job)
{
	const char *rule;
	int64_t limit;

	return m->set.rejects && filters_apply(m->set.filters, job, &rule, &limit) == FILTER_REJECT;
}

bool tail_takes(struct master *m, const struct job *job)
{
	struct tail *t = &m->tail;
	int priority = job_priority(job);

	/* what is more urgent than all of the tail goes before it */
	if (t->any ? priority < t->priority : map_count(m->jobs) < LOADED_MAX)
		return false;
	if (has_secrets(job) || rejected(m, job))
		return false;
	if (!t->any) {
		t->any = true;
		t->priority = priority;
		t->id = job->id - 1;
	}
	return true;
}

static int load(struct master *m, int64_t id, struct mjob **ret, struct err *e)
{
	struct arena *own = arena_new();
	struct job *job;

	*ret = NULL;
	if (queue_load(m->db, own, id, &job, e) < 0) {
		arena_free(own);
		return -1;
	}
	if (!is_waiting(job)) {
		arena_free(own);
		return 0;
	}
	jobs_adopt(m, own, job);
	*ret = jobs_loaded(m, id);
	jobs_recover(*ret);
	return 0;
}

struct mjob *tail_find(struct master *m, int64_t id)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct mjob *j = NULL;
	enum job_status s;

	if (m->tail.any && id <= m->last_id && queue_status(m->db, id, &s, &e) == 1 && s == job_status_queued)
		(void)load(m, id, &j, &e);
	if (e.msg)
		log_error("Can't read job %" PRId64 ": %s", id, err_msg(&e));
	return j;
}

int tail_load(struct master *m, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct tail *t = &m->tail;
	int64_t *ids;
	size_t n;
	int priority;

	if (queue_waiting(m->db, a, t->priority, t->id, m->last_id, SLICE, &ids, &n, &priority, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct mjob *j;

		if (!jobs_loaded(m, ids[i]) && load(m, ids[i], &j, e) < 0)
			return err_prefix(e, "Job %" PRId64, ids[i]);
	}
	t->any = n == SLICE;
	if (n) {
		t->priority = priority;
		t->id = ids[n - 1];
	}
	return 0;
}

/* --- jobs that new filters reject --- */
void tail_filter(struct master *m)
{
	m->tail.sweep = m->set.rejects && m->tail.any;
	m->tail.swept_priority = INT_MIN;
	m->tail.swept_id = 0;
}

bool tail_sweep(struct master *m, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct tail *t = &m->tail;
	int64_t *ids;
	size_t n;

	if (!t->sweep)
		return false;
	t->sweep = false;
	if (queue_waiting(m->db, a, t->swept_priority, t->swept_id, m->last_id, SLICE, &ids, &n,
			  &t->swept_priority, e) < 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		struct mjob *j;
		struct job *job;

		if (jobs_loaded(m, ids[i]))
			continue;
		if (queue_load(m->db, a, ids[i], &job, e) < 0)
			return false;
		/* who is loaded is looked at like any other */
		if (is_waiting(job) && rejected(m, job) && load(m, ids[i], &j, e) < 0)
			return false;
	}
	if (n)
		t->swept_id = ids[n - 1];
	t->sweep = n == SLICE;
	return t->sweep;
}
