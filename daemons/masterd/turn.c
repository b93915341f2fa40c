/*
 * One transaction per turn of the loop. Whatever the callbacks of one turn write (new jobs,
 * progress, log entries, configuration) is committed together at its end; answers that promise
 * durability wait for that. When the commit fails, everything of the turn is lost on disk: those
 * who wait are told, progress of jobs stays in memory and is written again a second later.
 *
 * A turn that is on disk here is finished, but not acknowledged before enough other candidates have its entry of
 * the log (replicas.c). Meanwhile the next one collects what is to be written, and ends a moment after the
 * acknowledgement: those who heard of that have something to say, too. Under load most of what a job needs so
 * shares its turns with other jobs. Nobody waits in this way for a candidate that takes its time.
 */
#include "daemons/masterd/masterd.h"

#include "lib/base/clock.h"
#include "lib/base/fault.h"
#include "lib/base/log.h"

#include <inttypes.h>

#include "src/replica/replica.h"

#define RETRY_AFTER 1.0
#define LATE_AFTER 30.0 /* clients that wait are told why; theirs give up after a minute */
#define SOON 0.01
#define HOLD 0.005    /* longest wait of a turn for the one before */
#define GATHER 0.001  /* the same for those who have just been told something, unless all have spoken before */

struct after {
	struct after *next;
	turn_fn *fn, *late;
	void *arg;
};

struct stored {
	struct mjob *j;
	bool progress;
};

struct finished {
	struct finished *next;
	int64_t serial;
	double since;
	bool told; /* that it is late */
	struct after *after;
	struct stored *stored;
	size_t n;
	bool config, settings;
};

static void arm(struct master *m, double seconds)
{
	double at = clock_mono() + seconds;

	if (m->turn_armed && at >= m->turn_at)
		return;
	m->turn_armed = true;
	m->turn_at = at;
	ev_timer_start(m->turn, seconds);
}

void turn_arm(struct master *m)
{
	arm(m, 0);
}

void turn_soon(struct master *m)
{
	arm(m, SOON);
}

static int begin(struct master *m, struct err *e)
{
	if (db_in_transaction(m->db))
		return 0;
	if (db_begin(m->db, true, e) < 0)
		return -1;
	replica_begin(m->db);
	return 0;
}

int turn_begin(struct master *m, struct err *e)
{
	arm(m, 0);
	return begin(m, e);
}

static void append(struct after ***end, turn_fn *fn, turn_fn *late, void *arg)
{
	struct after *a = xcalloc(1, sizeof(*a));

	a->fn = fn;
	a->late = late;
	a->arg = arg;
	**end = a;
	*end = &a->next;
}

void turn_after(struct master *m, turn_fn *fn, void *arg)
{
	turn_after_late(m, fn, NULL, arg);
}

void turn_after_late(struct master *m, turn_fn *fn, turn_fn *late, void *arg)
{
	append(&m->after_end, fn, late, arg);
	arm(m, 0);
}

void turn_local(struct master *m, turn_fn *fn, void *arg)
{
	append(&m->local_end, fn, NULL, arg);
	arm(m, 0);
}

static void enlist(struct master *m, struct mjob *j)
{
	if (!j->dirty && !j->log_dirty) {
		j->next_dirty = m->dirty;
		m->dirty = j;
	}
}

void turn_touch_soon(struct master *m, struct mjob *j)
{
	enlist(m, j);
	j->dirty = true;
	if (j->run.nonce)
		run_touch(j);
	turn_soon(m);
}

void turn_touch(struct master *m, struct mjob *j)
{
	turn_touch_soon(m, j);
	arm(m, 0);
}

void turn_log(struct master *m, struct mjob *j)
{
	enlist(m, j);
	j->log_dirty = true;
	arm(m, 0);
}

int turn_commit_config(struct master *m, const json *changes, json **ret_objects, struct err *e)
{
	if (turn_begin(m, e) < 0 ||
	    config_commit(m->config, changes, NULL, NULL, ret_objects, e) < 0)
		return -1;
	m->config_changed = true;
	m->nodes_changed |= replicas_concerned(m, changes);
	m->count.commits++;
	json_items (changes, i, change) {
		int kind = obj_kind_find(json_str(json_at(change, 1)));

		if (kind == OBJ_CLUSTER || kind == OBJ_FILTER)
			m->settings_changed = true;
	}
	return 0;
}

/* Everything of the turn, and its entry of the log. */
static int write_turn(struct master *m, struct arena *a, struct replica_entry *ret, struct err *e)
{
	if (db_in_transaction(m->db) && FAULT(turn_store))
		return err_plain(e, "fault point");
	for (struct mjob *j = m->dirty; j; j = j->next_dirty) {
		if (!j->dirty)
			continue;
		if (begin(m, e) < 0 || queue_save(m->db, j->job, e) < 0)
			return -1;
		if (job_final(job_status_of(j->job)))
			mirror_intend(m, j->job->id, INTENT_WRITE);
	}
	if (m->runs && (begin(m, e) < 0 || runs_store(m, e) < 0))
		return -1;
	if (!db_in_transaction(m->db))
		return 0;
	if (FAULT(turn_drop)) {
		replica_forget(m->db);
		db_rollback(m->db);
		return 0;
	}
	return replica_end(m->db, a, ret, e) < 0 ? -1 : db_commit(m->db, e);
}

struct told {
	size_t clients, others;
};

/* Those of the list who are clients, or those who are not. */
static size_t tell(struct master *m, struct after **list, bool clients, const struct err *failed)
{
	size_t n = 0;

	while (*list) {
		struct after *a = *list;

		if ((a->late != NULL) != clients) {
			list = &a->next;
			continue;
		}
		*list = a->next;
		FAULT(turn_answer);
		a->fn(m, failed, a->arg);
		free(a);
		n++;
	}
	return n;
}

/* Everybody who waited for the end of the turn; they may start the next one, which waits for clients: they go first. */
static struct told run_after(struct master *m, struct after *a, const struct err *failed)
{
	struct told n = { .clients = tell(m, &a, true, failed) };

	n.others = tell(m, &a, false, failed);
	return n;
}

static void config_changed(struct master *m, const struct finished *f)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;

	if (f->settings) {
		if (jobs_settings(m, &e) < 0)
			log_error("Can't read the configuration again: %s", err_msg(&e));
		jobs_wake(m);
	}
	if (f->config)
		spread_commit(m);
}

/* The jobs of this turn as an array: what follows may touch them again. */
static void take_dirty(struct master *m, struct finished *f)
{
	size_t cap = 0;

	for (struct mjob *j = m->dirty; j; j = j->next_dirty) {
		GROW(f->stored, f->n, cap);
		f->stored[f->n++] = (struct stored){ j, j->dirty };
		j->dirty = j->log_dirty = false;
		j->unacked++;
	}
	m->dirty = NULL;
}

static struct after *take(struct after **list, struct after ***end)
{
	struct after *a = STEAL(*list);

	*end = list;
	return a;
}

static void finish(struct master *m)
{
	struct finished *f = xcalloc(1, sizeof(*f));

	f->serial = m->serial;
	f->since = m->turn_ended = clock_mono();
	f->after = take(&m->after, &m->after_end);
	f->config = m->config_changed;
	f->settings = m->settings_changed;
	m->config_changed = m->settings_changed = false;
	take_dirty(m, f);
	*m->finished_end = f;
	m->finished_end = &f->next;
}

static void finished_free(struct finished *f)
{
	free(f->stored);
	free(f);
}

static struct told release(struct master *m, struct finished *f)
{
	/* answers first: a worker goes on while the mirror is written */
	struct told n = run_after(m, f->after, NULL);

	FAULT(turn_answered);
	for (size_t i = 0; i < f->n; i++) {
		f->stored[i].j->unacked--;
		jobs_stored(f->stored[i].j, f->stored[i].progress);
	}
	config_changed(m, f);
	finished_free(f);
	return n;
}

/* Until when this turn is put off, 0 = it is not. */
static double held_until(const struct master *m)
{
	return m->finished ? m->finished->since + HOLD : 0;
}

void turn_heard(struct master *m, bool client)
{
	if (m->turn_told && client == m->turn_clients && --m->turn_told == 0)
		ev_timer_start(m->turn, 0);
}

void turn_acknowledge(struct master *m)
{
	struct told told = { 0 };

	while (m->finished && replicas_have(m, m->finished->serial)) {
		struct finished *f = m->finished;
		struct told n;

		m->finished = f->next;
		if (!m->finished)
			m->finished_end = &m->finished;
		n = release(m, f);
		told.clients += n.clients;
		told.others += n.others;
	}
	if (m->turn_held && !m->finished) {
		m->turn_held = false;
		/* workers have something to say with every turn, and are in time for the next one */
		m->turn_clients = told.clients > 0;
		m->turn_told = m->turn_clients ? told.clients : told.others;
		ev_timer_start(m->turn, m->turn_told ? GATHER : 0);
	}
	if (!m->finished)
		return;
	replicas_waiting(m, m->finished->since);
	if (!m->finished->told)
		ev_timer_start(m->late, m->finished->since + m->late_after - clock_mono());
}

/* Clients hear that the change is stored, but not everywhere it should be. */
static void tell_late(struct master *m, const struct finished *f, const struct err *why)
{
	for (struct after *a = f->after; a; a = a->next)
		if (a->late)
			a->late(m, why, a->arg);
}

/* Those who can't wait any longer hear why; the change itself stays, and is acknowledged when it can be. */
static void on_late(void *arg)
{
	struct master *m = arg;
	double now = clock_mono();
	struct err e CLEANUP(err_clear) = ERR_NONE;

	replicas_why(m, &e);
	for (struct finished *f = m->finished; f; f = f->next) {
		if (f->since + m->late_after > now) {
			ev_timer_start(m->late, f->since + m->late_after - now);
			return;
		}
		if (!f->told)
			log_warn("Changes up to entry %" PRId64 " are not acknowledged: %s", f->serial,
				 err_msg(&e));
		f->told = true;
		tell_late(m, f, &e);
	}
}

static void end_turn(struct master *m)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct replica_entry entry = { .pos.serial = -1 };

	m->turn_armed = m->turn_held = false;
	m->turn_told = 0;
	m->count.turns++;
	/* what this turn was told by a damaged database is not acknowledged */
	if (damage_noticed(m))
		db_spoil(m->db);
	if (write_turn(m, a, &entry, &e) < 0) {
		m->count.failed_turns++;
		log_error("Can't store changes: %s", err_msg(&e));
		damage_noticed(m);
		replica_forget(m->db);
		db_rollback(m->db);
		m->config_changed = m->settings_changed = m->nodes_changed = false;
		run_after(m, take(&m->local, &m->local_end), &e);
		run_after(m, take(&m->after, &m->after_end), &e);
		if (m->dirty || m->runs)
			arm(m, RETRY_AFTER);
		return;
	}
	if (entry.pos.serial >= 0)
		m->serial = entry.pos.serial;
	runs_stored(m);
	finish(m);
	replicas_commit(m, &entry); /* it is sent while we go on */
	run_after(m, take(&m->local, &m->local_end), NULL);
	turn_acknowledge(m);
}

static void on_turn(void *arg)
{
	struct master *m = arg;
	double left = held_until(m) - clock_mono();

	m->turn_held = left > 0;
	if (m->turn_held)
		ev_timer_start(m->turn, left);
	else
		end_turn(m);
}

void turn_init(struct master *m)
{
	m->after_end = &m->after;
	m->local_end = &m->local;
	m->turn = ev_timer_new(m->ev, "turn end", on_turn, m);
	m->finished_end = &m->finished;
	m->late_after = LATE_AFTER;
	m->late = ev_timer_new(m->ev, "late acknowledgement", on_late, m);
}

void turn_finish(struct master *m)
{
	if (m->turn_armed)
		end_turn(m);
}

/* At the end. What is stored here only may be what the next master has, or not. */
void turn_free(struct master *m)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;

	err_plain(&e, "the master daemon ends");
	while (m->finished) {
		struct finished *f = m->finished;

		m->finished = f->next;
		tell_late(m, f, &e);
		run_after(m, f->after, &e);
		finished_free(f);
	}
	/* of a turn that began while the candidates were waited for, and is not stored */
	while (m->local || m->after) {
		run_after(m, take(&m->local, &m->local_end), &e);
		run_after(m, take(&m->after, &m->after_end), &e);
	}
	ev_timer_free(m->turn);
	ev_timer_free(m->late);
}
