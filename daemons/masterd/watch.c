/* Clients that wait for a job: WaitForJobChange, and CancelJob of a started one. */
#include "daemons/masterd/masterd.h"

#include <inttypes.h>
#include <math.h>

#define STORE_WAIT 0.05

struct watch {
	struct watch *next;
	struct mjob *j;
	struct luxi_conn *c;
	struct ev_timer *timer;
	bool cancel; /* of CancelJob */
	struct arena *a;
	struct strs fields;
	json *prev;       /* values the client has */
	int64_t prev_log; /* newest log entry it has, -1 = none */
};

static void watch_free(struct watch *w)
{
	struct watch **at = &w->j->watches;

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	ev_timer_free(w->timer);
	arena_free(w->a);
	free(w);
}

/* [values, new log entries] */
static json *look(struct master *m, const struct job *job, const struct strs *fields,
		  int64_t prev_log)
{
	json *log = NULL, *news = NULL, *values;

	if (job_fields_need_log(fields))
		queue_log_by_op(m->db, job->id, job->n, &log, NULL);
	if (queue_log_since(m->db, job->id, prev_log, &news, NULL) < 0)
		news = json_new_array();
	values = job_fields(job, log, fields);
	json_put(log);
	return json_pack("[o, o]", values, news);
}

static void answer_cancel(struct watch *w, bool late)
{
	enum job_status s = job_status_of(w->j->job);
	struct arena *a CLEANUP(arena_freep) = arena_new();
	const char *text = "Job successfully cancelled";

	if (late)
		text = arena_printf(a, "Job could not be canceled, status %s",
				    enum_name(&enum_job_status, s));
	else if (s != job_status_canceled)
		text = arena_printf(a, "Job exited before it could have been canceled, status %s",
				    enum_name(&enum_job_status, s));
	luxi_ok(w->c, json_pack("[b, s]", s == job_status_canceled, text));
	watch_free(w);
}

/* Answer if there is news, or in any case (LATE). Frees W then. */
static void try_answer(struct watch *w, bool late)
{
	json *now CLEANUP(json_putp) = NULL;

	if (w->cancel) {
		if (late || job_final(job_status_of(w->j->job)))
			answer_cancel(w, late && !job_final(job_status_of(w->j->job)));
		return;
	}
	now = look(w->j->m, w->j->job, &w->fields, w->prev_log);
	if (!late && json_equal(json_at(now, 0), w->prev) && json_len(json_at(now, 1)) == 0 &&
	    !job_final(job_status_of(w->j->job)))
		return;
	luxi_ok(w->c, STEAL(now));
	watch_free(w);
}

/* What the job is in memory may not be on disk yet, where queries look, or only here. */
static bool stored(const struct mjob *j)
{
	return !j->dirty && !j->log_dirty && !j->unacked;
}

static void on_late(void *arg)
{
	struct watch *w = arg;

	if (stored(w->j))
		try_answer(w, true);
	else
		ev_timer_start(w->timer, STORE_WAIT);
}

static void on_gone(void *arg)
{
	watch_free(arg);
}

static struct watch *watch_new(struct mjob *j, struct luxi_conn *c, double seconds)
{
	struct watch *w = xcalloc(1, sizeof(*w));

	w->j = j;
	w->c = c;
	w->a = arena_new();
	w->timer = ev_timer_new(j->m->ev, "job watch", on_late, w);
	ev_timer_start(w->timer, seconds);
	w->next = j->watches;
	j->watches = w;
	luxi_on_gone(c, on_gone, w);
	return w;
}

static void lost(struct luxi_conn *c)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;

	err_set(&e, JobLost, NULL, "Can't load job file");
	luxi_fail(c, &e);
}

void watch_change(struct master *m, struct luxi_conn *c, int64_t id,
		  const struct luxi_WaitForJobChange *r)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	int64_t prev_log = json_int(r->prev_log, -1);
	struct mjob *j = jobs_find(m, id);
	struct job *job = j ? j->job : NULL;
	json *now;

	if (!job && queue_load(m->db, a, id, &job, NULL) < 0)
		job = NULL;
	if (!job || job->archived) {
		lost(c);
		return;
	}
	now = look(m, job, &r->fields, prev_log);
	if (!j || (stored(j) && (job_final(job_status_of(job)) || json_len(json_at(now, 1)) ||
				 !json_equal(json_at(now, 0), r->prev_job)))) {
		luxi_ok(c, now);
		return;
	}
	json_put(now);
	struct watch *w = watch_new(j, c, fmin(fmax((double)r->tmout, 0), LUXI_WFJC_TIMEOUT));

	for (size_t i = 0; i < r->fields.n; i++)
		strs_add(w->a, &w->fields, arena_strdup(w->a, r->fields.v[i]));
	w->prev = json_own(w->a, json_ref(r->prev_job));
	w->prev_log = prev_log;
}

void watch_cancel(struct mjob *j, struct luxi_conn *c)
{
	watch_new(j, c, LUXI_CANCEL_TIMEOUT)->cancel = true;
}

/* While newer changes of the job are on their way nothing is said: a client must not hear of an end that may be lost
 * yet. Those changes notify again. */
void watch_notify(struct mjob *j)
{
	if (!stored(j))
		return;
	for (struct watch *w = j->watches, *next; w; w = next) {
		next = w->next;
		try_answer(w, false);
	}
}

void watch_drop_all(struct mjob *j)
{
	while (j->watches)
		try_answer(j->watches, true);
}
