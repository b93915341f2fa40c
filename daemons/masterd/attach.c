/*
 * Workers outlive their master. Each job that has a worker has a row that says which process that is, what
 * the job holds, and the answer to the last call that changed anything, written in the same transaction as
 * the change. The next master finds the process alive and takes the job over with everything it holds,
 * before anything else is scheduled; the worker connects to a socket, proves itself with the job's nonce,
 * sends the call again whose answer it has not heard, and goes on. Who does not come in time is killed.
 */
#include "daemons/masterd/masterd.h"

#include "lib/base/clock.h"
#include "lib/base/fault.h"
#include "lib/base/log.h"
#include "lib/base/parse.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define GRACE 60.0       /* for a worker to come; it looks every few hundred milliseconds */
#define GRACE_ENV "GANETI_WORKER_GRACE" /* in a virtual cluster: another number of seconds */
#define WAIT_AT_START 2.0 /* what waits for locks should be back before new jobs ask for the same */
#define HELLO_TIME 10.0
#define HELLOS_MAX 1024
#define ACCEPT_PAUSE 0.2

struct hello { /* a connection that has not said for whom */
	struct hello *next;
	struct master *m;
	struct chan *chan;
	struct ev_timer *timer;
};

struct attach {
	struct arena *a;
	const char *place;
	double grace;
	int fd;
	struct ev_fd *watch;
	struct ev_timer *pause;
	struct hello *hellos;
	size_t n;
};

/* --- rows --- */
void run_touch(struct mjob *j)
{
	if (!j->run_dirty) {
		j->run_dirty = true;
		j->next_run = j->m->runs;
		j->m->runs = j;
	}
	turn_soon(j->m);
}

void run_held(struct mjob *j)
{
	free(STEAL(j->held));
	run_touch(j);
}

void run_answered(struct mjob *j, int64_t call, json *answer)
{
	json_put(j->run.answer);
	j->run.answer = json_ref(answer);
	j->run.call = call;
	run_touch(j);
}

void run_new(struct mjob *j)
{
	json_put(j->run.answer);
	j->run = (struct job_run){ .nonce = random_hex(j->a, 16),
				   .place = j->m->attach->place };
	j->killed = false;
	run_held(j);
}

void run_started(struct mjob *j)
{
	j->run.pid = pool_pid(j->worker);
	j->run.started = pool_start_time(j->worker);
	run_touch(j);
}

void run_end(struct mjob *j)
{
	if (!j->run.nonce)
		return;
	j->run.nonce = NULL;
	run_touch(j);
}

void run_free(struct mjob *j)
{
	struct mjob **at = &j->m->runs;

	while (j->run_dirty && *at != j)
		at = &(*at)->next_run;
	if (j->run_dirty)
		*at = j->next_run;
	json_put(j->run.answer);
	free(j->held);
}

static void write_held(struct mjob *j)
{
	json *held CLEANUP(json_putp) = json_pack(
		"{s:o, s:o, s:b}", "locks", locks_held(j->m->locks, j->job->id), "reserved",
		reservations_held(j->m->res, j->job->id), "cancel", (int)j->cancel_wanted);

	j->held = json_dump(held);
}

int runs_store(struct master *m, struct err *e)
{
	for (struct mjob *j = m->runs; j; j = j->next_run) {
		if (!j->run.nonce || job_final(job_status_of(j->job))) {
			if (queue_run_remove(m->db, j->job->id, e) < 0)
				return -1;
			continue;
		}
		if (!j->held)
			write_held(j);
		if (queue_run_save(m->db, j->job->id, &j->run, j->held, e) < 0)
			return -1;
	}
	return 0;
}

void runs_stored(struct master *m)
{
	for (struct mjob *j = m->runs; j; j = j->next_run)
		j->run_dirty = false;
	m->runs = NULL;
}

/* --- taking over --- */
/* A descriptor of the process, -1 if it has ended. */
static int living(const struct master *m, const struct job_run *r)
{
	int64_t started;
	int fd;

	if (!str_eq(r->place, m->attach->place) || r->pid <= 0)
		return -1;
	fd = pidfd_open((pid_t)r->pid, 0);
	/* the number may be another process's by now: only then does the start differ */
	if (fd >= 0 && (proc_start_time((pid_t)r->pid, &started) < 0 || started != r->started))
		closep(&fd);
	return fd;
}

/* Who can't have back what he held must not go on. */
static int restore(struct mjob *j, const struct job_run *r, int pid_fd)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;

	if (locks_restore(j->m->locks, j->job->id, json_get(r->held, "locks"), &e) < 0) {
		log_error("Job %" PRId64 " can't go on: %s", j->job->id, err_msg(&e));
		(void)pidfd_send_signal(pid_fd, SIGKILL, NULL, 0);
		return -1;
	}
	reservations_restore(j->m->res, j->job->id, json_get(r->held, "reserved"));
	return 0;
}

int run_adopt(struct mjob *j,
	      void (*on_worker)(struct pool_job *pj, json *msg, bool final, void *arg),
	      struct err *e)
{
	struct master *m = j->m;
	struct job_run *r;
	int fd;

	if (queue_run_load(m->db, j->a, j->job->id, &r, e) < 0)
		return -1;
	if (!r)
		return 0;
	j->cancel_wanted = json_get_bool(r->held, "cancel", false);
	fd = living(m, r);
	if (fd < 0 || restore(j, r, fd) < 0) {
		closep(&fd);
		run_touch(j); /* it has none: the row goes */
		return 0;
	}
	j->run = *r;
	j->run.answer = json_ref(r->answer);
	j->away = true;
	m->away++;
	m->running++;
	j->worker = pool_adopt(m->job_pool, (pid_t)r->pid, fd, m->attach->grace, on_worker, j);
	return 1;
}

bool attach_wait(struct master *m)
{
	double left = m->started + WAIT_AT_START - clock_mono();

	if (!m->away || left <= 0)
		return false;
	ev_timer_start(m->schedule, left);
	return true;
}

/* --- their return --- */
static void hello_free(struct hello *h)
{
	struct attach *t = h->m->attach;
	struct hello **at = &t->hellos;

	while (*at != h)
		at = &(*at)->next;
	*at = h->next;
	t->n--;
	chan_free(h->chan);
	ev_timer_free(h->timer);
	free(h);
}

static void on_hello_timer(void *arg)
{
	hello_free(arg);
}

static void attached(struct hello *h, struct mjob *j)
{
	struct master *m = j->m;

	FAULT(attach_back);
	log_info("The worker of job %" PRId64 " is back", j->job->id);
	j->away = false;
	m->away--;
	chan_send(h->chan, json_pack("{s:b}", "attached", 1));
	pool_attach(j->worker, STEAL(h->chan));
	if (j->cancel_wanted)
		wconf_cancel(j);
	if (!m->away)
		jobs_wake(m);
}

static void on_hello(struct chan *c, json *msg, void *arg)
{
	struct hello *h = arg;
	struct mjob *j = jobs_find(h->m, json_get_int(msg, "attach", -1));

	if (!msg) {
		hello_free(h);
		return;
	}
	if (!j || !j->worker || !j->run.nonce || !str_eq(j->run.nonce, json_get_str(msg, "nonce")))
		chan_send(c, json_pack("{s:s}", "refused", "no such job, or another process has it"));
	else if (!j->away)
		chan_send(c, json_pack("{s:b}", "later", 1));
	else
		attached(h, j);
	hello_free(h);
}

static void hello_new(struct master *m, int fd)
{
	struct attach *t = m->attach;
	struct hello *h;
	uid_t uid;

	if (t->n >= HELLOS_MAX || unix_peer(fd, &uid, NULL, NULL) < 0 || uid != geteuid()) {
		close(fd);
		return;
	}
	h = xcalloc(1, sizeof(*h));
	h->m = m;
	h->chan = chan_new(m->ev, "worker coming back", fd, LUXI_MAX_MESSAGE, on_hello, h);
	h->timer = ev_timer_new(m->ev, "worker coming back", on_hello_timer, h);
	ev_timer_start(h->timer, HELLO_TIME);
	h->next = t->hellos;
	t->hellos = h;
	t->n++;
}

static void on_accept(int fd, int what, void *arg)
{
	struct master *m = arg;
	int c;

	(void)what;
	while ((c = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0)
		hello_new(m, c);
	if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
		/* would be ready again at once: look away for a moment */
		ev_fd_set(m->attach->watch, 0);
		ev_timer_start(m->attach->pause, ACCEPT_PAUSE);
	}
}

static void on_pause_over(void *arg)
{
	struct attach *t = arg;

	ev_fd_set(t->watch, EV_FD_READ);
}

/* --- start and end --- */
int attach_init(struct master *m, struct err *e)
{
	struct attach *t = m->attach = xcalloc(1, sizeof(*t));
	const char *grace = getenv("GANETI_ROOTDIR") ? getenv(GRACE_ENV) : NULL;

	t->a = arena_new();
	t->fd = -1;
	t->place = arena_printf(t->a, "%s/%s", env_hostname(), proc_boot_id(t->a));
	t->grace = GRACE;
	if (grace && (parse_float(grace, &t->grace) < 0 || t->grace < 0))
		return err_plain(e, "Invalid " GRACE_ENV " '%s'", grace);
	return turn_begin(m, e) < 0 ? -1 : queue_runs_tidy(m->db, e);
}

int attach_start(struct master *m, struct err *e)
{
	struct attach *t = m->attach;

	t->fd = unix_listen(path_of(PATH_JOBS_SOCKET), 0600, (uid_t)-1, (gid_t)-1);
	if (t->fd < 0)
		return err_sys(e, t->fd, "Can't listen on %s", path_of(PATH_JOBS_SOCKET));
	t->watch = ev_fd_new(m->ev, "workers coming back", t->fd, EV_FD_READ, on_accept, m);
	t->pause = ev_timer_new(m->ev, "workers accept pause", on_pause_over, t);
	return 0;
}

void attach_free(struct master *m)
{
	struct attach *t = m->attach;

	while (t->hellos)
		hello_free(t->hellos);
	ev_fd_free(t->watch);
	ev_timer_free(t->pause);
	closep(&t->fd);
	unlink(path_of(PATH_JOBS_SOCKET));
	arena_free(t->a);
	free(STEAL(m->attach));
}
