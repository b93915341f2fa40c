/*
 * The queue directory as upstream has it: job-N (finished by rename, which is what watchers of the
 * directory wait for), archive/K/job-N, serial, version, drain. A copy for other programs; nothing
 * is ever read back from here while the master runs. A failure to write is logged, and tried again later.
 *
 * Jobs that end or are archived are written down ("mirror", their numbers) before that is committed:
 * the next master brings their files up to date if this one is killed in between. Others it writes anyway.
 *
 * A master that can't rely on that goes through all jobs, little by little: the first one of a term on its node, where
 * other masters' jobs have no files or old ones, and one whose predecessor could not write the list. That is told by
 * "mirrored": the term whose master has all files here.
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
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Written a moment later: a short job goes through its states in less, and then only its end is. */
#define STATE_DELAY 0.1
#define INTENTS "mirror"
#define INTENTS_MAX (64u << 20)
#define MARK "mirrored"
#define MARK_MAX 64
#define RETRY_DELAY 5.0 /* after a failure: the disk may be full */
#define LOG_DELAY 1.0 /* for new log entries alone */
/* Nobody waits for longer than that, and most of the time is not for this, whatever there is to be written. */
#define SLICE 0.002
#define PAUSE_FACTOR 9
/* Files wait for a moment in which nobody waits for the master, but not longer than that. */
#define LOOK_AGAIN 0.005
#define BUSY_MAX 0.25
#define SERIAL_PAUSE 0.05
#define GONE_MAX 4096 /* jobs that are in memory only because their file is not written yet */

static struct {
	bool on;
	int64_t after; /* jobs up to that one are done */
	struct arena *a; /* then the files: NULL = not yet */
	struct strs names;
} sweep;
static int64_t term;
static bool unmarked; /* there is no mark, though all would be in order */

static gid_t group = (gid_t)-1;
static bool missed; /* something could not be written */

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

/* R < 0: it could not be done, and is tried again. */
static void done(struct master *m, int r, const char *what, const char *path)
{
	if (r >= 0)
		return;
	log_error("Can't %s %s: %s", what, path, strerror(-r));
	missed = true;
	m->mirror_pause = clock_mono() + RETRY_DELAY;
	arm(m, RETRY_DELAY);
}

static void put(struct master *m, const char *path, const char *text)
{
	struct fs_attr attr = { .mode = QUEUE_FILES_MODE, .uid = (uid_t)-1, .gid = group };
	int r = FAULT(mirror_write) ? -EIO : fs_write_atomic(path, text, strlen(text), &attr);

	done(m, r, "write", path);
}

static void write_file(struct master *m, const struct job *job)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	json *log CLEANUP(json_putp) = NULL, *file CLEANUP(json_putp) = NULL;
	char *text CLEANUP(freep) = NULL;
	struct err e CLEANUP(err_clear) = ERR_NONE;

	if (queue_log_by_op(m->db, job->id, job->n, &log, &e) < 0)
		log_error("Can't read the log of job %" PRId64 ": %s", job->id, err_msg(&e));
	file = job_to_file(job, log);
	text = json_dump(file);
	put(m, path_in(a, PATH_QUEUE_DIR, "job-%" PRId64, job->id), text);
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

static struct map *gone; /* id -> those of them that only the mirror still knows */

static const char *key_of(int64_t id, char buf[24])
{
	snprintf(buf, 24, "%" PRId64, id);
	return buf;
}

static void write_job(struct mjob *j)
{
	char buf[24];

	*j->mirror_prev = j->mirror_next;
	if (j->mirror_next)
		j->mirror_next->mirror_prev = j->mirror_prev;
	else
		j->m->mirror_end = j->mirror_prev;
	j->mirror_prev = NULL;
	write_file(j->m, j->job);
	if (map_get(gone, key_of(j->job->id, buf)) != j)
		return;
	map_del(gone, buf);
	jobs_discard(j);
}

/* Its file has to be what is known of it, now. */
static void settle(int64_t id)
{
	char buf[24];
	struct mjob *j = map_get(gone, key_of(id, buf));

	if (j)
		write_job(j);
}

/* --- what is to be written --- */
static int intents = -1; /* the file */
static struct {
	int64_t *v; /* that did not get into it */
	size_t n, cap;
} unwritten;

static void unmark(void)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	const char *path = path_in(a, PATH_QUEUE_DIR, MARK);

	if (unlink(path) < 0 && errno != ENOENT)
		log_error("Can't remove %s: %s", path, strerror(errno));
	unmarked = true;
}

void mirror_intend(int64_t id)
{
	if (intents >= 0 && dprintf(intents, "%" PRId64 "\n", id) > 0)
		return;
	/* known to this process at least, which lives on when the disk is full; the next one looks at everything */
	if (!unmarked)
		unmark();
	GROW(unwritten.v, unwritten.n, unwritten.cap);
	unwritten.v[unwritten.n++] = id;
}

static const char *archived_file(struct arena *a, int64_t id)
{
	return path_in(a, PATH_JOB_QUEUE_ARCHIVE_DIR, "%" PRId64 "/job-%" PRId64,
		       id / QUEUE_ARCHIVE_PER_DIR, id);
}

static void catch_up(struct master *m, int64_t id)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct job *job = NULL;

	if (queue_load(m->db, a, id, &job, NULL) < 0 || !job || !job_final(job_status_of(job)))
		return;
	/* if its file is in the archive only, it was complete before it went there */
	if (!job->archived || fs_exists(path_in(a, PATH_QUEUE_DIR, "job-%" PRId64, id)) ||
	    !fs_exists(archived_file(a, id)))
		write_file(m, job);
	if (job->archived && !missed)
		mirror_archive(m, id);
}

/* What was wanted and is not known to be done, maybe by an earlier master. */
static void catch_up_all(struct master *m)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	const char *path = path_in(a, PATH_QUEUE_DIR, INTENTS);
	char *text CLEANUP(freep) = NULL;
	struct strs ids = { 0 };
	int64_t id;

	if (fs_read(path, INTENTS_MAX, &text, NULL) == 0)
		ids = strs_split(a, text, '\n');
	strs_sort(&ids);
	strs_uniq(&ids);
	for (size_t i = 0; i < ids.n; i++)
		if (parse_int(ids.v[i], &id) == 0)
			catch_up(m, id);
	for (size_t i = 0; i < unwritten.n; i++)
		catch_up(m, unwritten.v[i]);
}

static void mark(struct master *m)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();

	put(m, path_in(a, PATH_QUEUE_DIR, MARK), arena_printf(a, "%" PRId64 "\n", term));
	unmarked = missed;
}

static void forget_intents(struct master *m)
{
	unwritten.n = 0;
	if (unmarked && !sweep.on)
		mark(m);
	if (intents >= 0 && ftruncate(intents, 0) < 0)
		log_error("Can't empty the list of job files to be written: %s", strerror(errno));
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

static void sweep_job(struct master *m, int64_t id, bool archived)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct mjob *j = jobs_loaded(m, id);
	struct job *job = NULL;

	if (j) {
		link_due(j);
		return;
	}
	/* what is in the archive was complete before it went there */
	if (archived && fs_exists(archived_file(a, id)) && !fs_exists(path_in(a, PATH_QUEUE_DIR, "job-%" PRId64, id)))
		return;
	if (queue_load(m->db, a, id, &job, NULL) < 0 || !job)
		return;
	write_file(m, job);
	if (archived && !missed)
		mirror_archive(m, id);
}

static void sweep_end(void)
{
	arena_free(STEAL(sweep.a));
	sweep.on = false;
}

/* 1 = something was done, 0 = all is done, -1 */
static int sweep_step(struct master *m, struct err *e)
{
	int64_t id;
	bool archived;
	int rc = sweep.a ? 0 : queue_next(m->db, sweep.after, &id, &archived, e);

	if (rc == 1) {
		sweep_job(m, id, archived);
		if (!missed)
			sweep.after = id;
		return 1;
	}
	if (rc < 0)
		return -1;
	if (!sweep.a) {
		sweep.a = arena_new();
		rc = fs_list(sweep.a, path_of(PATH_QUEUE_DIR), &sweep.names);
		return rc < 0 ? err_sys(e, rc, "Can't read %s", path_of(PATH_QUEUE_DIR)) : 1;
	}
	if (!sweep.names.n)
		return 0;
	tidy(m, sweep.names.v[--sweep.names.n]);
	return 1;
}

static void sweep_some(struct master *m, double until)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	int rc = 1;

	while (rc == 1 && !missed && clock_mono() < until)
		rc = sweep_step(m, &e);
	if (rc < 0) /* the mark is missing: the next master tries again */
		log_error("Can't bring the files of all jobs up to date: %s", err_msg(&e));
	if (rc != 1)
		sweep_end();
	if (rc < 0)
		unmarked = false;
}

static void sweep_start(void)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	char *text CLEANUP(freep) = NULL;
	int64_t marked;

	if (fs_read(path_in(a, PATH_QUEUE_DIR, MARK), MARK_MAX, &text, NULL) == 0) {
		text[strcspn(text, "\n")] = '\0';
		if (parse_int(text, &marked) == 0 && marked == term)
			return;
	}
	unmark(); /* until it is done */
	sweep.on = true;
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

/* Which file it was is not known. */
static void try_again(struct master *m)
{
	struct mjob *j;

	missed = false;
	flags(m, NULL);
	catch_up_all(m);
	for (size_t pos = 0; map_next(m->jobs, &pos, NULL, (void **)&j);)
		link_due(j);
}

static bool can_wait(const struct master *m, double now)
{
	static double last; /* when they did not */

	if ((m->turn_armed || m->finished) && now < last + BUSY_MAX && map_count(gone) < GONE_MAX / 2)
		return true;
	last = now;
	return false;
}

static void on_timer(void *arg)
{
	struct master *m = arg;
	double start = clock_mono(), cost = 0;

	m->mirror_at = 0;
	if (can_wait(m, start)) {
		arm(m, LOOK_AGAIN);
		return;
	}
	if (missed)
		try_again(m);
	if (serial.written != serial.last)
		write_serial(m);
	while (m->mirror_due && cost < SLICE && !missed) {
		write_job(m->mirror_due);
		cost = clock_mono() - start;
	}
	if (sweep.on && !missed && cost < SLICE) {
		sweep_some(m, start + SLICE);
		cost = clock_mono() - start;
	}
	if (!missed)
		m->mirror_pause = start + cost * (1 + PAUSE_FACTOR);
	/* jobs that have ended and are on their way to the candidates come later */
	if (missed || sweep.on || m->mirror_due || m->turn_armed || m->finished)
		arm(m, m->mirror_due || sweep.on ? 0 : LOG_DELAY);
	else
		forget_intents(m);
}

void mirror_job(struct mjob *j, bool log_only)
{
	link_due(j);
	arm(j->m, log_only ? LOG_DELAY : STATE_DELAY);
}

void mirror_last(struct mjob *j)
{
	struct master *m = j->m;
	char buf[24];

	settle(j->job->id);
	if (!j->mirror_prev) {
		jobs_discard(j);
		return;
	}
	map_put(gone, key_of(j->job->id, buf), j);
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
	struct arena *a CLEANUP(arena_freep) = arena_new();
	const char *from = path_in(a, PATH_QUEUE_DIR, "job-%" PRId64, id);
	const char *dir =
		path_in(a, PATH_JOB_QUEUE_ARCHIVE_DIR, "%" PRId64, id / QUEUE_ARCHIVE_PER_DIR);
	int r = fs_ensure_dir(dir, 0750, (uid_t)-1, group);

	settle(id);
	arm(m, LOG_DELAY); /* the list of intents is emptied then */
	/* it may never have been written: then it is now */
	if (r == 0 && rename(from, archived_file(a, id)) < 0 &&
	    (errno != ENOENT || !fs_exists(archived_file(a, id))))
		r = -errno;
	done(m, r, "archive", from);
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
	const char *path = path_in(a, PATH_QUEUE_DIR, INTENTS);
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
	term = s.term;
	catch_up_all(m);
	intents = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (intents < 0)
		log_error("Can't open %s: %s", path, strerror(errno));
	sweep_start();
	if (sweep.on)
		arm(m, 0);
	else if (!missed)
		forget_intents(m);
	return 0;
}

void mirror_free(void)
{
	sweep_end();
}
