/*
 * The queue directory as upstream has it: job-N (finished by rename, which is what watchers of the
 * directory wait for), archive/K/job-N, serial, version, drain. A copy for other programs; nothing
 * is ever read back from here while the master runs, and a failure to write is logged only.
 */
#include "daemons/masterd/masterd.h"

#include "lib/base/clock.h"
#include "lib/base/fault.h"
#include "lib/base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Written a moment later: a short job goes through its states in less, and then only its end is. */
#define STATE_DELAY 0.02
#define LOG_DELAY 1.0 /* for new log entries alone */

static gid_t group = (gid_t)-1;

static void put(const char *path, const char *text)
{
	struct fs_attr attr = { .mode = QUEUE_FILES_MODE, .uid = (uid_t)-1, .gid = group };
	int r = FAULT(mirror_write) ? -EIO : fs_write_atomic(path, text, strlen(text), &attr);

	if (r < 0)
		log_error("Can't write %s: %s", path, strerror(-r));
}

static void write_job(struct mjob *j)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	json *log CLEANUP(json_putp) = NULL, *file CLEANUP(json_putp) = NULL;
	char *text CLEANUP(freep) = NULL;
	struct err e CLEANUP(err_clear) = ERR_NONE;

	j->mirror_due = false;
	if (queue_log_by_op(j->m->db, j->job->id, j->job->n, &log, &e) < 0)
		log_error("Can't read the log of job %" PRId64 ": %s", j->job->id, err_msg(&e));
	file = job_to_file(j->job, log);
	text = json_dump(file);
	put(path_in(a, PATH_QUEUE_DIR, "job-%" PRId64, j->job->id), text);
}

static void on_timer(void *arg)
{
	struct master *m = arg;
	struct mjob *j;

	m->mirror_at = 0;
	for (size_t pos = 0; map_next(m->jobs, &pos, NULL, (void **)&j);)
		if (j->mirror_due)
			write_job(j);
}

void mirror_job(struct mjob *j, bool log_only)
{
	double delay = log_only ? LOG_DELAY : STATE_DELAY, at = clock_mono() + delay;

	j->mirror_due = true;
	if (j->m->mirror_at > 0 && j->m->mirror_at <= at)
		return;
	j->m->mirror_at = at;
	ev_timer_start(j->m->mirror, delay);
}

void mirror_last(struct mjob *j)
{
	if (j->mirror_due)
		write_job(j);
}

void mirror_serial(struct master *m, int64_t serial)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();

	(void)m;
	put(path_of(PATH_JOB_QUEUE_SERIAL_FILE), arena_printf(a, "%" PRId64 "\n", serial));
}

void mirror_archive(struct master *m, int64_t id)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	const char *from = path_in(a, PATH_QUEUE_DIR, "job-%" PRId64, id);
	const char *dir =
		path_in(a, PATH_JOB_QUEUE_ARCHIVE_DIR, "%" PRId64, id / QUEUE_ARCHIVE_PER_DIR);
	int r = fs_ensure_dir(dir, 0750, (uid_t)-1, group);

	(void)m;
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
	int64_t serial;
	bool drained = false;
	int r;

	m->mirror = ev_timer_new(m->ev, "job file mirror", on_timer, m);
	if (env_group(GROUP_DAEMONS) && group_id(env_group(GROUP_DAEMONS), &group) < 0)
		group = (gid_t)-1;
	r = fs_ensure_dir(path_of(PATH_QUEUE_DIR), 0750, (uid_t)-1, group);
	if (r == 0)
		r = fs_ensure_dir(path_of(PATH_JOB_QUEUE_ARCHIVE_DIR), 0750, (uid_t)-1, group);
	if (r < 0)
		return err_sys(e, r, "Can't make %s", path_of(PATH_QUEUE_DIR));
	if (queue_serial(m->db, &serial, e) < 0 ||
	    queue_flag_get(m->db, "drained", &drained, e) < 0)
		return -1;
	put(path_of(PATH_JOB_QUEUE_VERSION_FILE), arena_printf(a, "%d\n", QUEUE_VERSION));
	mirror_serial(m, serial);
	mirror_drain(m, drained);
	return 0;
}
