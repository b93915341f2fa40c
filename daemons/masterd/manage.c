/* Luxi calls that act on jobs and on the queue. */
#include "daemons/masterd/masterd.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"

#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <string.h>

static void not_in_queue(struct luxi_conn *c, int64_t id)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();

	luxi_ok(c,
		json_pack("[b, s]", 0, arena_printf(a, "Job %" PRId64 " not found in queue", id)));
}

/* --- cancel --- */
static void cancel_started(struct mjob *j, struct luxi_conn *c, bool kill)
{
	enum job_status s = job_status_of(j->job);

	j->cancel_wanted = true;
	if (kill) {
		j->killed = true;
		log_info("Job %" PRId64 " is being killed", j->job->id);
		pool_kill(j->worker, SIGKILL);
		luxi_ok(c, json_pack("[b, s]", 1, "SIGKILL send to the process"));
		return;
	}
	run_held(j);
	if (s == job_status_running) {
		wconf_cancel(j);
		luxi_ok(c, json_pack("[b, s]", 0,
				     "Job no longer waiting, can't cancel (informed it anyway)"));
		return;
	}
	job_cancel_asked(j->job);
	turn_touch(j->m, j);
	watch_cancel(j, c);
	wconf_cancel(j);
}

void manage_cancel(struct master *m, struct luxi_conn *c, int64_t id, bool kill)
{
	struct mjob *j = jobs_find(m, id);
	struct arena *a CLEANUP(arena_freep) = arena_new();

	if (!j || job_final(job_status_of(j->job))) {
		not_in_queue(c, id);
		return;
	}
	if (j->worker) {
		cancel_started(j, c, kill);
		return;
	}
	job_cancel_queued(j->job, clock_real());
	turn_touch(m, j);
	luxi_ok_after(m, c, json_pack("[b, s]", 1, arena_printf(a, "Dequeued job %" PRId64, id)));
}

void manage_priority(struct master *m, struct luxi_conn *c, int64_t id, int64_t priority)
{
	struct mjob *j = jobs_find(m, id);
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct err e CLEANUP(err_clear) = ERR_NONE;

	if (priority < PRIO_HIGHEST || priority > PRIO_LOWEST) {
		err_set(&e, ERR_PREREQ, ECODE_INVAL,
			"Invalid priority %" PRId64 ", expected %d to %d", priority, PRIO_HIGHEST,
			PRIO_LOWEST);
		luxi_fail(c, &e);
		return;
	}
	if (!j || job_final(job_status_of(j->job))) {
		not_in_queue(c, id);
		return;
	}
	job_set_priority(j->job, (int)priority);
	ready_add(j); /* filters can see it */
	locks_set_priority(m->locks, id, (int)priority);
	turn_touch(m, j);
	jobs_wake(m);
	luxi_ok_after(m, c,
		      json_pack("[b, s]", 1,
				arena_printf(a,
					     "Priorities of pending opcodes for job %" PRId64
					     " have been changed to %" PRId64,
					     id, priority)));
}

/* --- archive --- */
#define EARLY_STEP 0.005

struct archived {
	int64_t id;
};

static void archived(struct master *m, const struct err *failed, void *arg)
{
	struct archived *w = arg;

	if (!failed)
		mirror_archive(m, w->id);
	free(w);
}

static int archive(struct master *m, int64_t id, bool *ret_done, struct err *e)
{
	struct archived *w;

	*ret_done = false;
	if (jobs_find(m, id)) /* its end may not be stored yet */
		return 0;
	if (turn_begin(m, e) < 0 || queue_archive(m->db, id, ret_done, e) < 0)
		return -1;
	if (*ret_done) {
		mirror_intend(m, id, INTENT_ARCHIVE);
		w = xcalloc(1, sizeof(*w));
		w->id = id;
		turn_after(m, archived, w);
	}
	return 0;
}

static void archive_one(struct master *m, struct luxi_conn *c, int64_t id)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	bool done;

	if (archive(m, id, &done, &e) < 0)
		luxi_fail(c, &e);
	else
		luxi_ok_after(m, c, json_new_bool(done));
}

/* The job has ended, as its clients know, but its worker has not taken leave yet: that is a matter of moments. */
struct early {
	struct master *m;
	struct luxi_conn *c;
	struct ev_timer *timer;
	int64_t id;
};

static void early_free(void *arg)
{
	struct early *w = arg;

	ev_timer_free(w->timer);
	free(w);
}

static void early_again(void *arg)
{
	struct early *w = arg;

	if (jobs_find(w->m, w->id)) {
		ev_timer_start(w->timer, EARLY_STEP);
		return;
	}
	luxi_on_gone(w->c, NULL, NULL);
	archive_one(w->m, w->c, w->id);
	early_free(w);
}

void manage_archive(struct master *m, struct luxi_conn *c, int64_t id)
{
	struct mjob *j = jobs_find(m, id);
	struct early *w;

	if (!j || !job_final(job_status_of(j->job))) {
		archive_one(m, c, id);
		return;
	}
	w = xcalloc(1, sizeof(*w));
	*w = (struct early){ m, c, ev_timer_new(m->ev, "archive", early_again, w), id };
	luxi_on_gone(c, early_free, w);
	ev_timer_start(w->timer, EARLY_STEP);
}

/* In slices, one a turn: thousands of jobs must not stop everything else. */
#define ARCHIVE_SLICE 200

struct autoarchive {
	struct master *m;
	struct luxi_conn *c;
	struct ev_timer *timer;
	double before, until;
	int64_t done;
};

static void autoarchive_free(void *arg)
{
	struct autoarchive *w = arg;

	ev_timer_free(w->timer);
	free(w);
}

static void autoarchive_end(struct autoarchive *w, size_t left)
{
	luxi_on_gone(w->c, NULL, NULL);
	luxi_ok_after(w->m, w->c, json_pack("[I, I]", w->done, (int64_t)left));
	autoarchive_free(w);
}

static void autoarchive_step(void *arg)
{
	struct autoarchive *w = arg;
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct err e CLEANUP(err_clear) = ERR_NONE;
	int64_t *ids;
	size_t n = 0;
	bool any = false;

	if (queue_ended(w->m->db, a, w->before, ARCHIVE_SLICE, &ids, &n, &e) < 0)
		n = 0;
	for (size_t i = 0; i < n; i++) {
		bool done;

		if (archive(w->m, ids[i], &done, &e) < 0)
			break;
		w->done += done;
		any |= done;
	}
	if (e.msg)
		log_error("Can't archive jobs: %s", err_msg(&e));
	if (n < ARCHIVE_SLICE || !any) {
		autoarchive_end(w, 0);
	} else if (clock_mono() > w->until) {
		if (queue_ended(w->m->db, a, w->before, SIZE_MAX / 2, &ids, &n, &e) < 0)
			n = 0;
		autoarchive_end(w, n);
	} else {
		ev_timer_start(w->timer, 0);
	}
}

void manage_autoarchive(struct master *m, struct luxi_conn *c, int64_t age, int64_t timeout)
{
	struct autoarchive *w = xcalloc(1, sizeof(*w));

	w->m = m;
	w->c = c;
	w->before = age < 0 ? INFINITY : clock_real() - (double)age;
	w->until = clock_mono() + (double)timeout;
	w->timer = ev_timer_new(m->ev, "auto-archive", autoarchive_step, w);
	luxi_on_gone(c, autoarchive_free, w);
	autoarchive_step(w);
}

/* --- queue and watcher --- */
struct drain {
	bool flag;
};

static void drained(struct master *m, const struct err *failed, void *arg)
{
	struct drain *w = arg;

	if (!failed) {
		mirror_drain(m, w->flag);
		spread_call(m, RPC_jobqueue_set_drain_flag, true, json_pack("[b]", w->flag));
	}
	free(w);
}

void manage_drain(struct master *m, struct luxi_conn *c, bool flag)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct drain *w;

	if (turn_begin(m, &e) < 0 || queue_flag_set(m->db, "drained", flag, &e) < 0) {
		luxi_fail(c, &e);
		return;
	}
	w = xcalloc(1, sizeof(*w));
	w->flag = flag;
	turn_after(m, drained, w);
	luxi_ok_after(m, c, json_new_bool(true));
}

/* The file the watcher looks at: seconds since the epoch. Here, and on the other nodes. */
void manage_watcher_pause(struct master *m, struct luxi_conn *c, const json *until, json *raw)
{
	const char *path = path_of(PATH_WATCHER_PAUSEFILE);
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct fs_attr attr = { .mode = 0644, .uid = (uid_t)-1, .gid = (gid_t)-1, .sync = true };
	struct err e CLEANUP(err_clear) = ERR_NONE;
	int r = 0;

	if (until && !json_is(until, JSON_INT) && !json_is(until, JSON_FLOAT)) {
		err_plain(&e, "Unable to read Double");
		request_bad_args(a, raw, &e);
		err_prefix(&e, "Failed to parse request");
	} else if (!until) {
		r = fs_remove_tree(path);
	} else {
		const char *text = arena_printf(a, "%lld\n", (long long)json_float(until, 0));

		r = fs_write_atomic(path, text, strlen(text), &attr);
	}
	if (r < 0)
		err_sys(&e, r, "Can't change %s", path);
	if (e.msg) {
		luxi_fail(c, &e);
		return;
	}
	spread_call(m, RPC_set_watcher_pause, false, json_pack("[O]", until));
	luxi_ok(c, json_ref((json *)until));
}

/* --- filters --- */
static json *filter_object(struct master *m, const struct luxi_ReplaceFilter *r, const char *uuid,
			   json *predicates)
{
	json *reason = json_is(r->reason, JSON_ARRAY) ? json_clone(r->reason) : json_new_array();
	int64_t watermark = 0;

	queue_serial(m->db, &watermark, NULL);
	json_append(reason,
		    json_pack("[s, s, I]", "luxid", "", (int64_t)(clock_real() * 1e6) * 1000));
	return json_pack("{s:s, s:I, s:I, s:o, s:O, s:o}", "uuid", uuid, "watermark", watermark,
			 "priority", r->priority, "predicates", predicates, "action", r->action,
			 "reason_trail", reason);
}

/* Does a filter of that UUID exist? */
static int filter_exists(struct master *m, const char *uuid, bool *ret, struct err *e)
{
	struct snapshot *s CLEANUP(snapshot_freep) = NULL;

	if (snapshot_open(m->config, &s, e) < 0)
		return -1;
	*ret = snap_filter(s, uuid) != NULL;
	return 0;
}

void manage_filter_replace(struct master *m, struct luxi_conn *c,
			   const struct luxi_ReplaceFilter *r, json *raw)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	json *changes CLEANUP(json_putp) = NULL, *predicates = NULL;
	const char *uuid = json_str(r->uuid);
	struct err e CLEANUP(err_clear) = ERR_NONE;
	bool exists = false;

	if (r->priority < 0)
		err_plain(&e, "Invalid value for non-negative type '%" PRId64 "'", r->priority);
	else
		filter_check(r->predicates, r->action, &predicates, &e);
	if (e.msg) {
		request_bad_args(a, raw, &e);
		err_prefix(&e, "Failed to parse request");
	} else if (uuid && !uuid_ok(uuid)) {
		err_set(&e, GenericError, NULL, "Unable to parse UUID");
	} else if (uuid) {
		filter_exists(m, uuid, &exists, &e);
	} else {
		uuid = uuid_new(a);
	}
	if (!e.msg) {
		changes = json_pack("[[s, s, o]]", exists ? "update" : "add",
				    obj_kind_name(OBJ_FILTER),
				    filter_object(m, r, uuid, STEAL(predicates)));
		turn_commit_config(m, changes, NULL, &e);
	}
	json_put(predicates);
	if (e.msg)
		luxi_fail(c, &e);
	else
		luxi_ok_after(m, c, json_new_str(uuid));
}

void manage_filter_delete(struct master *m, struct luxi_conn *c, const char *uuid)
{
	json *changes CLEANUP(json_putp) =
		json_pack("[[s, s, s]]", "remove", obj_kind_name(OBJ_FILTER), uuid);
	struct err e CLEANUP(err_clear) = ERR_NONE;
	bool exists = false;

	if (filter_exists(m, uuid, &exists, &e) == 0 && !exists)
		err_set(&e, GenericError, NULL, "Filter rule with UUID %s does not exist", uuid);
	if (e.msg || turn_commit_config(m, changes, NULL, &e) < 0)
		luxi_fail(c, &e);
	else
		luxi_ok_after(m, c, NULL);
}
