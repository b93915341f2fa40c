/*
 * One transaction per turn of the loop. Whatever the callbacks of one turn write (new jobs,
 * progress, log entries, configuration) is committed together at its end; answers that promise
 * durability wait for that. When the commit fails, everything of the turn is lost on disk: those
 * who wait are told, progress of jobs stays in memory and is written again a second later.
 */
#include "daemons/masterd/masterd.h"

#include "lib/base/fault.h"
#include "lib/base/log.h"

#include <inttypes.h>

#define RETRY_AFTER 1.0

struct after {
	struct after *next;
	void (*fn)(struct master *m, const struct err *failed, void *arg);
	void *arg;
};

static void arm(struct master *m, double seconds)
{
	if (m->turn_armed)
		return;
	m->turn_armed = true;
	ev_timer_start(m->turn, seconds);
}

void turn_arm(struct master *m)
{
	arm(m, 0);
}

int turn_begin(struct master *m, struct err *e)
{
	arm(m, 0);
	if (db_in_transaction(m->db))
		return 0;
	return db_begin(m->db, true, e);
}

static void append(struct after ***end,
		   void (*fn)(struct master *m, const struct err *failed, void *arg), void *arg)
{
	struct after *a = xcalloc(1, sizeof(*a));

	a->fn = fn;
	a->arg = arg;
	**end = a;
	*end = &a->next;
}

void turn_after(struct master *m, void (*fn)(struct master *m, const struct err *failed, void *arg),
		void *arg)
{
	append(&m->after_end, fn, arg);
	arm(m, 0);
}

void turn_local(struct master *m, void (*fn)(struct master *m, const struct err *failed, void *arg),
		void *arg)
{
	append(&m->local_end, fn, arg);
	arm(m, 0);
}

static void enlist(struct master *m, struct mjob *j)
{
	if (!j->dirty && !j->log_dirty) {
		j->next_dirty = m->dirty;
		m->dirty = j;
	}
}

void turn_touch(struct master *m, struct mjob *j)
{
	enlist(m, j);
	j->dirty = true;
	if (j->run.nonce)
		run_touch(j);
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
	m->count.commits++;
	json_items (changes, i, change) {
		int kind = obj_kind_find(json_str(json_at(change, 1)));

		if (kind == OBJ_CLUSTER || kind == OBJ_FILTER)
			m->settings_changed = true;
	}
	return 0;
}

static int store(struct master *m, struct err *e)
{
	bool any = db_in_transaction(m->db);

	if (any && FAULT(turn_store))
		return err_plain(e, "fault point");
	for (struct mjob *j = m->dirty; j; j = j->next_dirty) {
		if (!j->dirty)
			continue;
		if (!any && db_begin(m->db, true, e) < 0)
			return -1;
		any = true;
		if (queue_save(m->db, j->job, e) < 0)
			return -1;
		if (job_final(job_status_of(j->job)))
			mirror_intend(j->job->id);
	}
	if (m->runs) {
		if (!any && db_begin(m->db, true, e) < 0)
			return -1;
		any = true;
		if (runs_store(m, e) < 0)
			return -1;
	}
	if (any && FAULT(turn_drop)) {
		db_rollback(m->db);
		return 0;
	}
	return any ? db_commit(m->db, e) : 0;
}

/* Everybody who waited for the end of the turn. They may start the next one. */
static void run_list(struct master *m, struct after **list, struct after ***end,
		     const struct err *failed)
{
	struct after *a = STEAL(*list);

	*end = list;
	while (a) {
		struct after *next = a->next;

		FAULT(turn_answer);
		a->fn(m, failed, a->arg);
		free(a);
		a = next;
	}
}

static void run_after(struct master *m, const struct err *failed)
{
	run_list(m, &m->local, &m->local_end, failed);
	run_list(m, &m->after, &m->after_end, failed);
}

static void config_changed(struct master *m)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;

	if (m->settings_changed) {
		m->settings_changed = false;
		if (jobs_settings(m, &e) < 0)
			log_error("Can't read the configuration again: %s", err_msg(&e));
		jobs_wake(m);
	}
	if (m->config_changed) {
		m->config_changed = false;
		spread_commit(m);
	}
}

struct stored {
	struct mjob *j;
	bool progress;
};

/* The list of this turn as an array: what follows may touch the jobs again. */
static struct stored *take_dirty(struct master *m, size_t *ret_n)
{
	struct stored *v = NULL;
	size_t n = 0, cap = 0;

	for (struct mjob *j = m->dirty; j; j = j->next_dirty) {
		GROW(v, n, cap);
		v[n++] = (struct stored){ j, j->dirty };
		j->dirty = j->log_dirty = false;
	}
	m->dirty = NULL;
	*ret_n = n;
	return v;
}

static void end_turn(struct master *m)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct stored *v CLEANUP(freep) = NULL;
	size_t n;

	m->turn_armed = false;
	m->count.turns++;
	if (store(m, &e) < 0) {
		m->count.failed_turns++;
		log_error("Can't store changes: %s", err_msg(&e));
		db_rollback(m->db);
		m->config_changed = m->settings_changed = false;
		run_after(m, &e);
		if (m->dirty || m->runs)
			arm(m, RETRY_AFTER);
		return;
	}
	runs_stored(m);
	v = take_dirty(m, &n);
	/* answers first: a worker goes on while the mirror is written */
	run_after(m, NULL);
	FAULT(turn_answered);
	for (size_t i = 0; i < n; i++)
		jobs_stored(v[i].j, v[i].progress);
	config_changed(m);
}

static void on_turn(void *arg)
{
	end_turn(arg);
}

void turn_init(struct master *m)
{
	m->after_end = &m->after;
	m->local_end = &m->local;
	m->turn = ev_timer_new(m->ev, "turn end", on_turn, m);
}

void turn_finish(struct master *m)
{
	if (m->turn_armed)
		end_turn(m);
}
