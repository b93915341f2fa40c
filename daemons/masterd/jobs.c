/* Live jobs: which start, on which worker, and how they end. */
#include "daemons/masterd/masterd.h"

#include "lib/base/clock.h"
#include "lib/base/fault.h"
#include "lib/base/log.h"
#include "lib/base/parse.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define MIN_WORKERS 2    /* kept idle: a job must not wait for a program to start */
#define MAX_WORKERS 1000 /* whatever max_running_jobs says */
#define LIMIT_ENV "GANETI_QUEUE_MAX" /* in a virtual cluster: instead of QUEUE_PENDING_MAX */
#define RETIRE_AFTER 500
#define MAX_MESSAGE LUXI_MAX_MESSAGE

struct mjob *jobs_loaded(const struct master *m, int64_t id)
{
	char buf[JOB_KEY];

	return map_get(m->jobs, job_key(id, buf));
}

struct mjob *jobs_find(struct master *m, int64_t id)
{
	struct mjob *j = jobs_loaded(m, id);

	return j ? j : tail_find(m, id);
}

int jobs_status(int64_t id, void *master)
{
	struct master *m = master;
	struct mjob *j = jobs_loaded(m, id);
	enum job_status s;

	if (j)
		return (int)job_status_of(j->job);
	return queue_status(m->db, id, &s, NULL) == 1 ? (int)s : -1;
}

/* A rate limit counts the running jobs that its rule decides about now, not those it once let start. */
static void count_again(struct master *m)
{
	struct mjob *j;

	for (size_t pos = 0; map_next(m->jobs, &pos, NULL, (void **)&j);) {
		const char *rule = NULL;
		int64_t limit;

		if (!j->worker)
			continue;
		free(STEAL(j->rule));
		if (filters_apply(m->set.filters, j->job, &rule, &limit) == FILTER_LIMIT)
			j->rule = xstrdup(rule);
	}
}

int jobs_settings(struct master *m, struct err *e)
{
	struct snapshot *s CLEANUP(snapshot_freep) = NULL;
	json *rules CLEANUP(json_putp) = json_new_array();
	struct strs uuids;

	if (snapshot_open(m->config, &s, e) < 0)
		return -1;
	uuids = snap_uuids(s, OBJ_FILTER);
	m->set.rejects = false;
	for (size_t i = 0; i < uuids.n; i++) {
		json *rule = snap_json(s, OBJ_FILTER, uuids.v[i]);

		json_append(rules, json_ref(rule));
		m->set.rejects |= str_eq(json_get_str(rule, "action"), "REJECT");
	}
	json_put(m->set.filters);
	m->set.filters = filters_sort(rules);
	count_again(m);
	ready_again(m);
	tail_filter(m);
	m->set.max_running = snap_cluster(s)->max_running_jobs;
	return 0;
}

/* --- life and death --- */
void jobs_adopt(struct master *m, struct arena *a, struct job *job)
{
	struct mjob *j = xcalloc(1, sizeof(*j));
	char buf[JOB_KEY];

	j->m = m;
	j->a = a;
	j->job = job;
	map_put(m->jobs, job_key(job->id, buf), j);
	ready_add(j);
	mirror_job(j, false);
	jobs_wake(m);
}

static void mjob_free(struct mjob *j)
{
	char buf[JOB_KEY];

	watch_drop_all(j);
	ready_drop(j);
	map_del(j->m->jobs, job_key(j->job->id, buf));
	run_free(j);
	free(STEAL(j->rule));
	mirror_last(j);
}

void jobs_discard(struct mjob *j)
{
	arena_free(j->a);
	free(j);
}

void jobs_new(struct master *m, struct arena *a, struct job *job)
{
	bool out = tail_takes(m, job);

	m->pending++;
	m->last_id = job->id > m->last_id ? job->id : m->last_id;
	jobs_adopt(m, a, job);
	if (out)
		mjob_free(jobs_loaded(m, job->id));
}

void jobs_release(struct mjob *j)
{
	locks_release_all(j->m->locks, j->job->id);
	reservations_drop(j->m->res, j->job->id);
}

void jobs_stored(struct mjob *j, bool progress)
{
	struct master *m = j->m;
	bool final = job_final(job_status_of(j->job));
	char buf[JOB_KEY];

	mirror_job(j, !progress);
	watch_notify(j);
	if (!final)
		return;
	ready_changed(m, BLOCK_JOB, job_key(j->job->id, buf));
	if (progress && !j->dirty && !j->stored_final) {
		j->stored_final = true;
		m->pending--;
	}
	if (j->stored_final && !j->worker && !j->unacked)
		mjob_free(j);
	jobs_wake(m);
}

/* --- workers --- */
/* Its process has ended, and it has not. */
static void died(struct mjob *j, bool away)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct master *m = j->m;

	log_error("The worker of job %" PRId64 " has died", j->job->id);
	if (away && !j->killed) { /* just as if it had died before this master was started */
		ready_add(j);
		jobs_recover(j);
		return;
	}
	job_fail_open(j->job, j->a, arena_printf(a, "detected death of job %" PRId64, j->job->id),
		      clock_real());
	turn_touch(m, j);
}

/* What the job counted for has room again. */
static void leave_limits(struct mjob *j)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct rate_limit *v;
	size_t n = reason_rate_limits(a, j->job, &v);

	if (j->rule)
		ready_one(j->m, BLOCK_RULE, j->rule);
	free(STEAL(j->rule));
	for (size_t i = 0; i < n; i++)
		ready_one(j->m, BLOCK_BUCKET, v[i].bucket);
}

static void on_worker(struct pool_job *pj, json *msg, bool final, void *arg)
{
	struct mjob *j = arg;
	struct master *m = j->m;
	bool away = j->away;

	(void)pj;
	turn_heard(m, false);
	if (!final) {
		if (!j->run.pid)
			run_started(j);
		wconf_message(j, msg);
		return;
	}
	FAULT(job_end);
	m->away -= away;
	j->away = false;
	j->worker = NULL;
	j->lock_call = 0;
	leave_limits(j);
	m->running--;
	jobs_release(j);
	run_end(j);
	if (!job_final(job_status_of(j->job))) {
		died(j, away);
	} else if (j->stored_final && !j->unacked) {
		mjob_free(j);
	}
	jobs_wake(m);
}

static size_t first_open(const struct job *job)
{
	size_t i = 0;

	while (i < job->n && job_final(job->ops[i].status))
		i++;
	return i;
}

static void start(struct mjob *j, const char *rule)
{
	struct master *m = j->m;
	json *ops = json_new_array();
	size_t first = first_open(j->job);

	for (size_t i = 0; i < j->job->n; i++)
		json_append(ops, json_ref(j->job->ops[i].input));
	job_op_waiting(j->job, first, clock_real());
	run_new(j);
	/* what is lost of this will start again; it does nothing before "running" is stored */
	turn_touch_soon(m, j);
	m->running++;
	j->rule = rule ? xstrdup(rule) : NULL;
	FAULT(job_start);
	j->worker = pool_submit(m->job_pool,
				json_pack("{s:I, s:o, s:I, s:s}", "job", j->job->id, "ops", ops,
					  "first", (int64_t)first, "nonce", j->run.nonce),
				-1, on_worker, j);
	run_started(j);
}

/* --- what may start --- */
int64_t jobs_under(const struct master *m, const char *rule)
{
	const struct mjob *j;
	int64_t n = 0;

	for (size_t pos = 0; map_next(m->jobs, &pos, NULL, (void **)&j);)
		if (j->worker && str_eq(j->rule, rule))
			n++;
	return n;
}

static bool bucket_full(struct master *m, struct arena *a, const struct rate_limit *limit)
{
	const struct mjob *j;
	int64_t n = 0;

	for (size_t pos = 0; map_next(m->jobs, &pos, NULL, (void **)&j);) {
		struct rate_limit *v;
		size_t k;

		if (!j->worker)
			continue;
		k = reason_rate_limits(a, j->job, &v);
		for (size_t i = 0; i < k; i++)
			if (str_eq(v[i].bucket, limit->bucket)) {
				n++;
				break;
			}
	}
	return n >= limit->limit;
}

const char *jobs_bucket_full(struct mjob *j, struct arena *a)
{
	struct rate_limit *v;
	size_t n = reason_rate_limits(a, j->job, &v);

	for (size_t i = 0; i < n; i++)
		if (bucket_full(j->m, a, &v[i]))
			return v[i].bucket;
	return NULL;
}

/* It was started and ended at once, without a worker. */
static void end_unstarted(struct mjob *j, enum dep_state dep, const char *why)
{
	size_t first = first_open(j->job);
	double now = clock_real();

	job_op_waiting(j->job, first, now);
	if (dep == DEP_CANCELED)
		job_cancel_started(j->job, j->a, now);
	else
		job_op_error(j->job, j->a, first, json_pack("[s, [s]]", ERR_EXEC, why), now);
	turn_touch(j->m, j);
}

/* The job that was asked about last: if that makes another one wait, it is that one. */
struct asked {
	struct master *m;
	int64_t id;
};

static int ask_status(int64_t id, void *arg)
{
	struct asked *k = arg;

	k->id = id;
	return jobs_status(id, k->m);
}

/* Limits and filters in whose way the job is; true: it is blocked. */
static bool limited(struct mjob *j, struct arena *a, enum filter_verdict v, const char *rule, int64_t limit)
{
	const char *bucket;

	if (v == FILTER_PAUSE) {
		ready_block(j, BLOCK_FILTERS, "");
		return true;
	}
	if (v == FILTER_LIMIT && jobs_under(j->m, rule) >= limit) {
		ready_block(j, BLOCK_RULE, rule);
		return true;
	}
	bucket = jobs_bucket_full(j, a);
	if (bucket)
		ready_block(j, BLOCK_BUCKET, bucket);
	return bucket != NULL;
}

static void consider(struct mjob *j, bool room)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct master *m = j->m;
	struct asked asked = { .m = m };
	const char *rule = NULL, *why = NULL;
	char buf[JOB_KEY];
	int64_t limit = 0;
	enum filter_verdict v = filters_apply(m->set.filters, j->job, &rule, &limit);
	enum dep_state dep;

	m->count.looks++;
	if (v == FILTER_REJECT) {
		log_info("Job %" PRId64 " is rejected by filter %s", j->job->id, rule);
		job_cancel_queued(j->job, clock_real());
		turn_touch(m, j);
		return;
	}
	if (!room || limited(j, a, v, rule, limit))
		return;
	dep = job_ready(a, j->job, ask_status, &asked, &why);
	if (dep == DEP_WAIT) {
		ready_block(j, BLOCK_JOB, job_key(asked.id, buf));
		return;
	}
	if (dep != DEP_READY) {
		ready_drop(j);
		end_unstarted(j, dep, why);
	} else {
		ready_start(j);
		start(j, v == FILTER_LIMIT ? rule : NULL);
	}
}

static bool has_room(const struct master *m)
{
	return (int64_t)m->running < m->set.max_running && m->running < MAX_WORKERS;
}

/* Start what may start of the jobs in memory. */
static void start_some(struct master *m)
{
	struct sched_job *v CLEANUP(freep) = NULL;
	size_t n = 0, cap = 0;

	if (!has_room(m) && !m->set.rejects)
		return;
	for (struct mjob *j = m->ready, *next; j; j = next) {
		next = j->ready_next;
		if (j->worker || job_status_of(j->job) != job_status_queued) {
			ready_drop(j);
			continue;
		}
		GROW(v, n, cap);
		v[n++] = (struct sched_job){ j->job->id, job_priority(j->job), j };
	}
	sched_order(v, n);
	for (size_t i = 0; i < n; i++) {
		/* what is less urgent than those outside has to let them go first */
		bool room = has_room(m) && (!m->tail.any || v[i].priority <= m->tail.priority);

		if (!room && !m->set.rejects)
			break;
		consider(v[i].data, room);
	}
}

static void schedule(void *arg)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct master *m = arg;

	if (m->stopping || attach_wait(m))
		return;
	if (tail_sweep(m, &e))
		jobs_wake(m);
	start_some(m);
	/* of those in memory nobody else may start */
	if (has_room(m) && m->tail.any && !e.msg) {
		if (tail_load(m, &e) == 0)
			jobs_wake(m);
	}
	if (e.msg)
		log_error("Can't read the queue: %s", err_msg(&e));
}

void jobs_wake(struct master *m)
{
	ev_timer_start(m->schedule, 0);
}

/* --- what an earlier master left: jobs whose worker has died --- */
void jobs_recover(struct mjob *j)
{
	struct master *m = j->m;
	struct job *job = j->job;
	enum job_status s = job_status_of(job);
	struct arena *a CLEANUP(arena_freep) = arena_new();
	double now = clock_real();

	FAULT(job_recover);
	if (s == job_status_running) {
		log_warn("Job %" PRId64 " was running when the master ended", job->id);
		job_fail_open(job, j->a, arena_printf(a, "detected death of job %" PRId64, job->id),
			      now);
	} else if (s == job_status_canceling || j->cancel_wanted) {
		job_cancel_started(job, j->a, now);
	} else if (job->secrets_lost) {
		job_fail_open(job, j->a,
			      "Secret OS parameters are not stored and were lost when the master"
			      " daemon was restarted",
			      now);
	} else if (s == job_status_waiting) {
		/* it waited for locks, and no opcode is under way: it may start again */
		job_requeue(job);
	} else {
		return;
	}
	turn_touch(m, j);
}

static int set_limit(struct master *m, struct err *e)
{
	const char *text = getenv("GANETI_ROOTDIR") ? getenv(LIMIT_ENV) : NULL;
	int64_t n = QUEUE_PENDING_MAX;

	if (text && (parse_int(text, &n) < 0 || n < 1 || n > QUEUE_PENDING_MAX))
		return err_plain(e, "Invalid " LIMIT_ENV " '%s'", text);
	m->pending_max = (size_t)n;
	return 0;
}

int jobs_init(struct master *m, struct err *e)
{
	static const char *argv[2]; /* the pool goes on using it */
	struct pool_opts o = { .name = "job worker",
			       .argv = argv,
			       .min = MIN_WORKERS,
			       .max = MAX_WORKERS,
			       .retire_after = RETIRE_AFTER,
			       .max_message = MAX_MESSAGE };
	struct arena *a CLEANUP(arena_freep) = arena_new();
	int64_t *ids;
	size_t n;

	argv[0] = path_of(PATH_JOB_WORKER);
	if (set_limit(m, e) < 0)
		return -1;
	m->jobs = map_new();
	ready_init(m);
	m->schedule = ev_timer_new(m->ev, "schedule", schedule, m);
	m->job_pool = pool_new(m->ev, &o);
	if (jobs_settings(m, e) < 0 || queue_count_pending(m->db, &m->pending, e) < 0 ||
	    queue_serial(m->db, &m->last_id, e) < 0 || queue_started(m->db, a, &ids, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct arena *own = arena_new();
		struct job *job;
		int r;

		if (queue_load(m->db, own, ids[i], &job, e) < 0 || !job) {
			arena_free(own);
			return err_prefix(e, "Job %" PRId64, ids[i]);
		}
		jobs_adopt(m, own, job);
		r = run_adopt(jobs_loaded(m, ids[i]), on_worker, e);
		if (r < 0)
			return err_prefix(e, "Job %" PRId64, ids[i]);
		if (r == 0)
			jobs_recover(jobs_loaded(m, ids[i]));
	}
	m->tail = (struct tail){ .any = true, .priority = INT_MIN };
	if (tail_load(m, e) < 0)
		return -1;
	tail_filter(m);
	jobs_wake(m);
	if (m->away)
		log_info("%zu jobs that run have been taken over", m->away);
	return 0;
}

/* The workers are about to be ended: say so in the queue. */
void jobs_stop(struct master *m)
{
	struct mjob *j;

	for (size_t pos = 0; map_next(m->jobs, &pos, NULL, (void **)&j);) {
		struct arena *a CLEANUP(arena_freep) = arena_new();

		if (!j->worker || job_final(job_status_of(j->job)))
			continue;
		job_fail_open(
			j->job, j->a,
			arena_printf(a, "Job %" PRId64 " was ended by the end of the master daemon",
				     j->job->id),
			clock_real());
		turn_touch(m, j);
	}
}

/* At the very end; clients and workers are gone. */
void jobs_free(struct master *m)
{
	struct mjob *j;

	for (size_t pos = 0; map_next(m->jobs, &pos, NULL, (void **)&j);)
		mjob_free(j);
	mirror_flush(m);
	ready_free(m);
	map_free(m->jobs, NULL);
	ev_timer_free(m->schedule);
	json_put(m->set.filters);
}
