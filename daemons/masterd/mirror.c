/*
 * The queue directory as upstream has it: job-N (finished by rename, which is what watchers of the
 * directory wait for), archive/K/job-N, serial, version, drain. A copy for other programs; nothing
 * is ever read back from here while the master runs. A failure to write is logged, and tried again later.
 *
 * Jobs that end or are archived are written down (intents.c) before that is committed, and those that leave the memory
 * before their file is written: the next master brings their files up to date if this one is killed in between, and this
 * one if they can't be written. The jobs a master has in memory at its start it writes anyway.
 *
 * A master that can't rely on that goes through all jobs, little by little: the first one of a term on its node, where
 * other masters' jobs have no files or old ones; one whose list is not complete; and the first after a boot, which
 * leaves of files what it likes. That is told by "mirrored": the term and the boot whose master has all files here, but
 * for those in the list.
 *
 * What is in the archive is never looked at again, so only what is known to be complete goes there.
 */
#include "daemons/masterd/masterd.h"

#include "lib/base/clock.h"
#include "lib/base/fault.h"
#include "lib/base/log.h"
#include "lib/base/parse.h"
#include "src/replica/replica.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Written a moment later: a short job goes through its states in less, and then only its end is. */
#define STATE_DELAY 0.1
#define MARK "mirrored"
#define MARK_MAX 128
#define RETRY_DELAY 5.0 /* after a failure: the disk may be full */
#define STUCK 3 /* failures one after the other: it is not only one file */
#define LOG_DELAY 1.0 /* for new log entries alone */
/* Nobody waits for longer than that, and most of the time is not for this, whatever there is to be written. */
#define SLICE 0.002
#define PAUSE_FACTOR 9
#define PAUSE_FACTOR_QUIET 1 /* nobody waits for anything now */
/* Files wait until nobody has waited for the master for a moment, but not longer than that. */
#define QUIET 0.005
#define BUSY_MAX 0.25
#define SERIAL_PAUSE 0.05
#define TRIM_AFTER 256 /* files in a row: the memory of so many jobs is worth giving back */
#define TODO_MAX 16384
#define GONE_MAX 4096 /* jobs that are in memory only because their file is not written yet */

static struct {
	bool on;
	int64_t after; /* jobs up to that one are done */
	int64_t until; /* the last one there was at its start: later ones get files anyway, and may be many */
	struct arena *a; /* then the files: NULL = not yet */
	struct strs names;
} sweep;
static struct {
	int64_t *v;
	size_t n, cap, at;
	int failed; /* the last ones: it may be always the same */
} todo; /* jobs whose file is not what it has to be, in no order */
static bool unmarked; /* there is no mark, though all would be in order */
static bool unlisted; /* what is missing is not in the list of intents */

static char mark_text[MARK_MAX];

static gid_t group = (gid_t)-1;
static double retry_at; /* something could not be written, and is tried again then; 0 = nothing */
static int failed; /* since something could */

static struct {
	int64_t last, written;
	double at;
} serial;

static void arm(struct master *m, double delay)
{
	double now = clock_mono(), at = now + delay;

	if (at < m->mirror_pause)
		at = m->mirror_pause;
	if (m->mirror_at > 0 && m->mirror_at <= at)
		return;
	m->mirror_at = at;
	ev_timer_start(m->mirror, at - now);
}

static bool stuck(void)
{
	return failed >= STUCK;
}

static void later(struct master *m)
{
	retry_at = clock_mono() + RETRY_DELAY;
	failed++;
	if (stuck())
		m->mirror_pause = retry_at;
	arm(m, RETRY_DELAY);
}

/* R < 0: it could not be done, and is tried again. Returns R. */
static int done(struct master *m, int r, const char *what, const char *path)
{
	if (r < 0) {
		log_error("Can't %s %s: %s", what, path, strerror(-r));
		later(m);
	} else {
		failed = 0;
	}
	return r;
}

static int put(struct master *m, const char *path, const char *text)
{
	struct fs_attr attr = { .mode = QUEUE_FILES_MODE, .uid = (uid_t)-1, .gid = group };
	int r = FAULT(mirror_write) ? -EIO : fs_write_atomic(path, text, strlen(text), &attr);

	return done(m, r, "write", path);
}

static const char *file_of(struct arena *a, int64_t id)
{
	return path_in(a, PATH_QUEUE_DIR, "job-%" PRId64, id);
}

static int write_file(struct master *m, const struct job *job)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	json *log CLEANUP(json_putp) = NULL, *file CLEANUP(json_putp) = NULL;
	char *text CLEANUP(freep) = NULL;
	struct err e CLEANUP(err_clear) = ERR_NONE;

	if (queue_log_by_op(m->db, job->id, job->n, &log, &e) < 0) {
		log_error("Can't read the log of job %" PRId64 ": %s", job->id, err_msg(&e));
		later(m);
		return -EIO;
	}
	file = job_to_file(job, log);
	text = json_dump(file);
	return put(m, file_of(a, job->id), text);
}

/* In place: it is one short write, and a new file for each number would cost more than the job. */
static void write_serial(struct master *m)
{
	const char *path = path_of(PATH_JOB_QUEUE_SERIAL_FILE);
	char text[24];
	int n = snprintf(text, sizeof(text), "%" PRId64 "\n", serial.last);
	int fd CLEANUP(closep) = open(path, O_WRONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size > n)
		put(m, path, text);
	else if (pwrite(fd, text, (size_t)n, 0) != n)
		log_error("Can't write %s: %s", path, strerror(errno));
	serial.written = serial.last;
	serial.at = clock_mono();
}

/* --- jobs whose file is to be written, in the order of their changes --- */
static void link_due(struct mjob *j)
{
	struct master *m = j->m;

	if (j->mirror_prev)
		return;
	j->mirror_next = NULL;
	j->mirror_prev = m->mirror_end;
	*m->mirror_end = j;
	m->mirror_end = &j->mirror_next;
}

static size_t n_written; /* since there was nothing to do */

static struct map *gone; /* id -> those of them that only the mirror still knows */

/* --- what is to be written --- */
/* Who looks for what is missing has to look at everything, whoever it will be. */
static void unmark(struct master *m)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	const char *path = path_in(a, PATH_QUEUE_DIR, MARK);

	unlisted = true;
	if (!unmarked && unlink(path) < 0 && errno != ENOENT)
		done(m, -errno, "remove", path);
	else
		unmarked = true;
}

void mirror_intend(struct master *m, int64_t id, enum intent what)
{
	if (!unlisted && !intents_add(id, what))
		unmark(m);
}

/* Is its state the one its file stays with, until there is another intent? */
static bool is_last(const struct mjob *j, bool known_here)
{
	if (!job_final(job_status_of(j->job)))
		return known_here && !jobs_loaded(j->m, j->job->id);
	return !j->dirty && !j->unacked;
}

static void write_job(struct mjob *j)
{
	struct master *m = j->m;
	char buf[JOB_KEY];
	bool known_here = map_get(gone, job_key(j->job->id, buf)) == j; /* only */

	*j->mirror_prev = j->mirror_next;
	if (j->mirror_next)
		j->mirror_next->mirror_prev = j->mirror_prev;
	else
		m->mirror_end = j->mirror_prev;
	j->mirror_prev = NULL;
	j->mirror_failed = write_file(m, j->job) < 0;
	n_written++;
	if (!j->mirror_failed && is_last(j, known_here))
		intents_done(j->job->id, INTENT_WRITE);
	if (!known_here)
		return;
	map_del(gone, buf);
	jobs_discard(j);
}

/* Its file has to be what is known of it, now. Was there anything? */
static bool settle(int64_t id)
{
	char buf[JOB_KEY];
	struct mjob *j = map_get(gone, job_key(id, buf));

	if (j)
		write_job(j);
	return j != NULL;
}

static const char *archived_file(struct arena *a, int64_t id)
{
	return path_in(a, PATH_JOB_QUEUE_ARCHIVE_DIR, "%" PRId64 "/job-%" PRId64,
		       id / QUEUE_ARCHIVE_PER_DIR, id);
}

static bool is_filled(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_size > 0; /* a power failure may leave nothing of it */
}

/* Then it is complete. */
static bool only_in_archive(struct arena *a, int64_t id)
{
	return is_filled(archived_file(a, id)) && !fs_exists(file_of(a, id));
}

/* Is what the queue directory has known to be what it has to be? */
static bool is_trusted(int64_t id)
{
	return !unlisted && !intents_has(id, INTENT_WRITE);
}

/* -ENOENT = there is no file */
static int to_archive(int64_t id)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	const char *from = file_of(a, id), *to = archived_file(a, id);
	const char *dir = path_in(a, PATH_JOB_QUEUE_ARCHIVE_DIR, "%" PRId64, id / QUEUE_ARCHIVE_PER_DIR);
	int r = fs_ensure_dir(dir, 0750, (uid_t)-1, group);

	if (r < 0 || rename(from, to) == 0)
		return r;
	return errno == ENOENT && is_filled(to) ? 0 : -errno;
}

static void told_archived(struct master *m, int64_t id, int r)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();

	if (done(m, r, "archive", file_of(a, id)) == 0)
		intents_done(id, INTENT_WRITE | INTENT_ARCHIVE);
	else
		mirror_intend(m, id, INTENT_ARCHIVE);
}

/* The file of a job becomes what it has to be, whatever it was. */
static void catch_up(struct master *m, int64_t id)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct mjob *j = jobs_loaded(m, id);
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct job *job = NULL;

	settle(id);
	if (j) {
		link_due(j);
		if (job_final(job_status_of(j->job)))
			mirror_intend(m, id, INTENT_WRITE);
		return;
	}
	if (queue_load(m->db, a, id, &job, &e) < 0) {
		log_error("Can't read job %" PRId64 " for its file: %s", id, err_msg(&e));
		mirror_intend(m, id, INTENT_WRITE);
		later(m);
		return;
	}
	if (!job || (job->archived && only_in_archive(a, id))) {
		intents_done(id, INTENT_WRITE | INTENT_ARCHIVE);
		return;
	}
	if (write_file(m, job) < 0) {
		mirror_intend(m, id, INTENT_WRITE);
		return;
	}
	intents_done(id, job->archived ? INTENT_WRITE : INTENT_WRITE | INTENT_ARCHIVE);
	if (job->archived)
		told_archived(m, id, to_archive(id));
}

/* All of the list. */
static void todo_start(void)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct strs ids = intents_left(a);

	todo.n = 0;
	todo.failed = 0;
	for (size_t i = 0; i < ids.n; i++) {
		GROW(todo.v, todo.n, todo.cap);
		if (parse_int(ids.v[i], &todo.v[todo.n]) == 0)
			todo.n++;
	}
}

/* What fails here may never work; the others are not to wait for it. */
static void todo_step(struct master *m)
{
	size_t i = todo.at++ % todo.n;
	int64_t id = todo.v[i];
	int before = failed;

	todo.v[i] = todo.v[--todo.n];
	failed = 0;
	catch_up(m, id);
	todo.failed = failed ? todo.failed + 1 : 0;
	failed = before;
	if (todo.failed >= STUCK)
		todo.n = 0; /* they are in the list */
}

static void mark(struct master *m)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();

	unmarked = put(m, path_in(a, PATH_QUEUE_DIR, MARK), arena_printf(a, "%s\n", mark_text)) < 0;
}

static void forget_intents(struct master *m)
{
	unlisted = false;
	if (unmarked && !sweep.on)
		mark(m);
	intents_forget();
}

/* --- all jobs --- */
/* A file of a job that was never acknowledged is not one. */
static void tidy(struct master *m, const char *name)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	const char *path = path_in(a, PATH_QUEUE_DIR, "%s", name);
	enum job_status s;
	int64_t id;

	if (!str_starts(name, "job-") || parse_int(name + strlen("job-"), &id) < 0 || jobs_loaded(m, id))
		return;
	if (queue_status(m->db, id, &s, NULL) == 0 && unlink(path) < 0 && errno != ENOENT)
		done(m, -errno, "remove", path);
}

static void sweep_end(void)
{
	arena_free(STEAL(sweep.a));
	sweep.on = false;
}

/* 1 = something was done, 0 = all is done, -1 */
static int sweep_step(struct master *m, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	int64_t id;
	bool archived;
	int rc = sweep.a ? 0 : queue_next(m->db, sweep.after, &id, &archived, e);

	if (rc == 1 && id > sweep.until)
		rc = 0;
	if (rc == 1) {
		if (!archived || !only_in_archive(a, id))
			catch_up(m, id);
		sweep.after = id;
		return 1;
	}
	if (rc < 0)
		return -1;
	if (!sweep.a) {
		sweep.a = arena_new();
		rc = fs_list(sweep.a, path_of(PATH_QUEUE_DIR), &sweep.names);
		if (rc == 0)
			return 1;
		arena_free(STEAL(sweep.a));
		return err_sys(e, rc, "Can't read %s", path_of(PATH_QUEUE_DIR));
	}
	if (!sweep.names.n)
		return 0;
	tidy(m, sweep.names.v[--sweep.names.n]);
	return 1;
}

static void sweep_done(struct master *m)
{
	sweep_end();
	/* not when all else is done, too: on a busy cluster it never is, and what has ended is in the list */
	if (!unlisted)
		mark(m);
}

/* What was left undone, then all jobs. Once at least: it has to end. */
static void slice(struct master *m, double until)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	int rc = 1;

	do {
		if (todo.n)
			todo_step(m);
		else
			rc = sweep.on ? sweep_step(m, &e) : 0;
	} while (rc == 1 && !stuck() && clock_mono() < until);
	if (rc < 0) {
		log_error("Can't bring the files of all jobs up to date: %s", err_msg(&e));
		later(m);
	}
	if (rc == 0 && sweep.on)
		sweep_done(m);
}

static void sweep_start(struct master *m)
{
	sweep_end();
	unmark(m); /* until it is done */
	unlisted = !unmarked;
	sweep.on = true;
	sweep.after = 0;
	sweep.until = serial.last;
}

/* Is there something that only a look at all jobs finds? */
static bool incomplete(void)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	char *text CLEANUP(freep) = NULL;

	if (fs_read(path_in(a, PATH_QUEUE_DIR, MARK), MARK_MAX, &text, NULL) < 0)
		return true;
	text[strcspn(text, "\n")] = '\0';
	return unlisted || !str_eq(text, mark_text);
}

/* Small files that follow the database. */
static int flags(struct master *m, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	bool drained = false;

	if (queue_serial(m->db, &serial.last, e) < 0 ||
	    queue_flag_get(m->db, "drained", &drained, e) < 0)
		return -1;
	put(m, path_of(PATH_JOB_QUEUE_VERSION_FILE), arena_printf(a, "%d\n", QUEUE_VERSION));
	write_serial(m);
	mirror_drain(m, drained);
	return 0;
}

static void try_again(struct master *m)
{
	struct mjob *j;

	retry_at = 0;
	failed = 0;
	flags(m, NULL);
	todo_start();
	if (unlisted)
		sweep_start(m);
	for (size_t pos = 0; map_next(m->jobs, &pos, NULL, (void **)&j);)
		if (j->mirror_failed)
			link_due(j);
}

static void at_rest(struct master *m)
{
	forget_intents(m);
	if (n_written >= TRIM_AFTER)
		mem_trim();
	n_written = 0;
}

static bool is_quiet(const struct master *m, double now)
{
	return !m->turn_armed && !m->finished && now >= m->turn_ended + QUIET;
}

static bool can_wait(bool quiet, double now)
{
	static double last; /* when they did not */

	if (!quiet && now < last + BUSY_MAX && map_count(gone) < GONE_MAX / 2)
		return true;
	last = now;
	return false;
}

static void on_timer(void *arg)
{
	struct master *m = arg;
	double start = clock_mono(), cost = 0;
	bool uncommitted = db_in_transaction(m->db); /* it may be rolled back, and must not be seen in files */
	bool quiet = is_quiet(m, start), more;

	m->mirror_at = 0;
	if (can_wait(quiet, start)) {
		arm(m, QUIET);
		return;
	}
	if (retry_at > 0 && start >= retry_at && !uncommitted)
		try_again(m);
	if (serial.written != serial.last)
		write_serial(m);
	more = todo.n || sweep.on;
	while (m->mirror_due && cost < (more ? SLICE / 2 : SLICE) && !stuck()) {
		write_job(m->mirror_due);
		cost = clock_mono() - start;
	}
	if (more && !uncommitted && !stuck()) {
		slice(m, start + SLICE);
		cost = clock_mono() - start;
	}
	if (!stuck())
		m->mirror_pause = start + cost * (1 + (quiet ? PAUSE_FACTOR_QUIET : PAUSE_FACTOR));
	/* jobs that have ended and are on their way to the candidates come later */
	if (m->mirror_due || todo.n || sweep.on)
		arm(m, 0);
	else if (retry_at > 0)
		arm(m, fmax(retry_at - start, 0));
	else if (m->turn_armed || m->finished)
		arm(m, LOG_DELAY);
	else
		at_rest(m);
}

void mirror_job(struct mjob *j, bool log_only)
{
	link_due(j);
	arm(j->m, log_only ? LOG_DELAY : STATE_DELAY);
}

void mirror_last(struct mjob *j)
{
	struct master *m = j->m;
	char buf[JOB_KEY];

	if (settle(j->job->id) || j->mirror_failed || (j->mirror_prev && !job_final(job_status_of(j->job))))
		mirror_intend(m, j->job->id, INTENT_WRITE); /* what ends is in the list otherwise */
	if (!j->mirror_prev) {
		jobs_discard(j);
		return;
	}
	map_put(gone, job_key(j->job->id, buf), j);
	while (map_count(gone) > GONE_MAX)
		write_job(m->mirror_due);
	arm(m, 0);
}

void mirror_flush(struct master *m)
{
	while (m->mirror_due)
		write_job(m->mirror_due);
}

void mirror_serial(struct master *m, int64_t last)
{
	serial.last = last;
	if (clock_mono() - serial.at > SERIAL_PAUSE)
		write_serial(m);
	else
		arm(m, SERIAL_PAUSE);
}

void mirror_archive(struct master *m, int64_t id)
{
	int r;

	settle(id);
	if (sweep.on && id > sweep.after && id <= sweep.until) /* it comes there */
		return;
	arm(m, LOG_DELAY); /* the list of intents is emptied then */
	r = is_trusted(id) ? to_archive(id) : -ENOENT;
	if (r != -ENOENT) {
		told_archived(m, id, r);
	} else if (todo.n < TODO_MAX) {
		GROW(todo.v, todo.n, todo.cap);
		todo.v[todo.n++] = id;
		arm(m, 0);
	} else {
		catch_up(m, id);
	}
}

void mirror_drain(struct master *m, bool drained)
{
	if (drained)
		put(m, path_of(PATH_JOB_QUEUE_DRAIN_FILE), "");
	else if (unlink(path_of(PATH_JOB_QUEUE_DRAIN_FILE)) < 0 && errno != ENOENT)
		done(m, -errno, "remove", path_of(PATH_JOB_QUEUE_DRAIN_FILE));
}

int mirror_init(struct master *m, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct replica_state s = { 0 };
	int r;

	gone = map_new();
	m->mirror_end = &m->mirror_due;
	m->mirror = ev_timer_new(m->ev, "job file mirror", on_timer, m);
	if (env_group(GROUP_DAEMONS) && group_id(env_group(GROUP_DAEMONS), &group) < 0)
		group = (gid_t)-1;
	r = fs_ensure_dir(path_of(PATH_QUEUE_DIR), 0750, (uid_t)-1, group);
	if (r == 0)
		r = fs_ensure_dir(path_of(PATH_JOB_QUEUE_ARCHIVE_DIR), 0750, (uid_t)-1, group);
	if (r < 0)
		return err_sys(e, r, "Can't make %s", path_of(PATH_QUEUE_DIR));
	if (flags(m, e) < 0 || replica_read(m->db, &s, e) < 0)
		return -1;
	snprintf(mark_text, sizeof(mark_text), "%" PRId64 " %s", s.term, proc_boot_id(a));
	if (intents_start() < 0)
		unmark(m);
	todo_start();
	if (incomplete())
		sweep_start(m);
	arm(m, 0);
	return 0;
}

void mirror_free(void)
{
	sweep_end();
	free(STEAL(todo.v));
	intents_end();
}
