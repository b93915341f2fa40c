/*
 * The queue directory as upstream has it: job-N (finished by rename, which is what watchers of the
 * directory wait for), archive/K/job-N, serial, version, drain. A copy for other programs; nothing
 * is ever read back from here while the master runs, and a failure to write is logged only.
 *
 * Jobs that end or are archived are written down (".mirror", their numbers) before that is committed:
 * the next master brings their files up to date if this one is killed in between. Others it writes anyway.
 */
#include "daemons/masterd/masterd.h"

#include "lib/base/clock.h"
#include "lib/base/fault.h"
#include "lib/base/log.h"
#include "lib/base/parse.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Written a moment later: a short job goes through its states in less, and then only its end is. */
#define STATE_DELAY 0.1
#define INTENTS_MAX (64u << 20)
#define LOG_DELAY 1.0 /* for new log entries alone */
/* Nobody waits for longer than that, and most of the time is not for this, whatever there is to be written. */
#define SLICE 0.002
#define PAUSE_FACTOR 4
#define SERIAL_PAUSE 0.05

static gid_t group = (gid_t)-1;

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

static void put(const char *path, const char *text)
{
	struct fs_attr attr = { .mode = QUEUE_FILES_MODE, .uid = (uid_t)-1, .gid = group };
	int r = FAULT(mirror_write) ? -EIO : fs_write_atomic(path, text, strlen(text), &attr);

	if (r < 0)
		log_error("Can't write %s: %s", path, strerror(-r));
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
	put(path_in(a, PATH_QUEUE_DIR, "job-%" PRId64, job->id), text);
}

static void write_serial(void)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();

	put(path_of(PATH_JOB_QUEUE_SERIAL_FILE), arena_printf(a, "%" PRId64 "\n", serial.last));
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

static void write_job(struct mjob *j)
{
	*j->mirror_prev = j->mirror_next;
	if (j->mirror_next)
		j->mirror_next->mirror_prev = j->mirror_prev;
	else
		j->m->mirror_end = j->mirror_prev;
	j->mirror_prev = NULL;
	write_file(j->m, j->job);
}

/* --- what is to be written --- */
static int intents = -1; /* the file */

void mirror_intend(int64_t id)
{
	if (intents >= 0 && dprintf(intents, "%" PRId64 "\n", id) < 0)
		log_error("Can't write to the list of job files to be written: %s",
			  strerror(errno));
}

static void catch_up(struct master *m, int64_t id)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct job *job = NULL;

	if (queue_load(m->db, a, id, &job, NULL) < 0 || !job || !job_final(job_status_of(job)))
		return;
	/* if its file is in the archive it was complete before it went there */
	if (!job->archived || fs_exists(path_in(a, PATH_QUEUE_DIR, "job-%" PRId64, id)))
		write_file(m, job);
	if (job->archived)
		mirror_archive(m, id);
}

/* What an earlier master wanted to write and did not live to do. */
static void catch_up_all(struct master *m)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	const char *path = path_in(a, PATH_QUEUE_DIR, ".mirror");
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
	intents = open(path, O_WRONLY | O_CREAT | O_APPEND | O_TRUNC | O_CLOEXEC, 0600);
	if (intents < 0)
		log_error("Can't open %s: %s", path, strerror(errno));
}

static void on_timer(void *arg)
{
	struct master *m = arg;
	double start = clock_mono(), cost = 0;

	m->mirror_at = 0;
	if (serial.written != serial.last)
		write_serial();
	while (m->mirror_due && cost < SLICE) {
		write_job(m->mirror_due);
		cost = clock_mono() - start;
	}
	m->mirror_pause = start + cost * (1 + PAUSE_FACTOR);
	if (m->mirror_due) {
		arm(m, 0);
		return;
	}
	/* in the middle of a turn there may be intents that are not committed yet */
	if (intents >= 0 && !m->turn_armed && ftruncate(intents, 0) < 0)
		log_error("Can't empty the list of job files to be written: %s", strerror(errno));
}

void mirror_job(struct mjob *j, bool log_only)
{
	link_due(j);
	arm(j->m, log_only ? LOG_DELAY : STATE_DELAY);
}

void mirror_last(struct mjob *j)
{
	if (j->mirror_prev)
		write_job(j);
}

void mirror_serial(struct master *m, int64_t last)
{
	serial.last = last;
	if (clock_mono() - serial.at > SERIAL_PAUSE)
		write_serial();
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

	arm(m, LOG_DELAY); /* the list of intents is emptied then */
	if (r < 0)
		log_error("Can't make %s: %s", dir, strerror(-r));
	else if (rename(from, arena_printf(a, "%s/job-%" PRId64, dir, id)) < 0 && errno != ENOENT)
		log_error("Can't archive %s: %s", from, strerror(errno));
}

void mirror_drain(struct master *m, bool drained)
{
	(void)m;
	if (drained)
		put(path_of(PATH_JOB_QUEUE_DRAIN_FILE), "");
	else if (unlink(path_of(PATH_JOB_QUEUE_DRAIN_FILE)) < 0 && errno != ENOENT)
		log_error("Can't remove %s: %s", path_of(PATH_JOB_QUEUE_DRAIN_FILE),
			  strerror(errno));
}

int mirror_init(struct master *m, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	int64_t last;
	bool drained = false;
	int r;

	m->mirror_end = &m->mirror_due;
	m->mirror = ev_timer_new(m->ev, "job file mirror", on_timer, m);
	if (env_group(GROUP_DAEMONS) && group_id(env_group(GROUP_DAEMONS), &group) < 0)
		group = (gid_t)-1;
	r = fs_ensure_dir(path_of(PATH_QUEUE_DIR), 0750, (uid_t)-1, group);
	if (r == 0)
		r = fs_ensure_dir(path_of(PATH_JOB_QUEUE_ARCHIVE_DIR), 0750, (uid_t)-1, group);
	if (r < 0)
		return err_sys(e, r, "Can't make %s", path_of(PATH_QUEUE_DIR));
	if (queue_serial(m->db, &last, e) < 0 ||
	    queue_flag_get(m->db, "drained", &drained, e) < 0)
		return -1;
	put(path_of(PATH_JOB_QUEUE_VERSION_FILE), arena_printf(a, "%d\n", QUEUE_VERSION));
	mirror_serial(m, last);
	mirror_drain(m, drained);
	catch_up_all(m);
	return 0;
}
