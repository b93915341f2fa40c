/*
 * Worker processes that serve one request each at a time. A worker is idle, serves a job, or is
 * on its way out ("leaving": no channel any more, only its end is awaited; not counted). One that was taken
 * over from another process ("away" until it has come back with a channel) is nobody's child of ours.
 */
#include "lib/sys/priv.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define LEAVE_TIME 5.0    /* to end after its channel was closed, then SIGKILL */
#define LAST_WORDS 0.5    /* for messages of a worker that has ended */
#define FREE_TIME 2.0     /* for all of them when the pool goes */
#define YOUNG 1.0         /* who ends idle within that time is taken for broken */
#define BACKOFF_MAX 30.0
#define SHRINK_AFTER 60.0 /* workers that were idle all that time, and are more than have to be, end */

struct worker {
	struct worker *next;
	struct pool *pool;
	pid_t pid;
	int64_t start;          /* of its process, 0 = not looked up */
	struct chan *chan;      /* NULL = leaving, or away */
	bool away;
	int pid_fd;             /* of one that was taken over, else -1 */
	struct ev_fd *watch;    /* on PID_FD */
	struct pool_job *job;
	struct ev_timer *timer; /* leaving: the SIGKILL; ended: the channel must end, too */
	int served;
	bool ended;             /* reaped: the pid may belong to somebody else */
	double born;
};

struct pool_job {
	struct pool *pool;
	struct pool_job *next;  /* of the queue */
	struct worker *worker;  /* NULL while queued */
	json *request;
	char *request_tail;
	size_t request_tail_n;
	json *more;             /* array of messages sent while queued, or NULL */
	struct ev_timer *timer;
	bool over;              /* FN is being called for the last time */
	char *tail;             /* of the final message */
	size_t tail_n;
	void (*fn)(struct pool_job *j, json *msg, bool final, void *arg);
	void *arg;
};

struct pool {
	struct ev *ev;
	struct pool_opts o;
	char *name;
	struct worker *workers; /* leaving ones, too */
	int n, n_idle;          /* without the leaving ones */
	struct pool_job *first, **last; /* the queue */
	struct ev_timer *refill, *shrink;
	bool watched;            /* the shrink timer runs */
	int least_idle;          /* since it was started */
	double backoff;
};

static void dispatch(struct pool *p);
static void watch_idle(struct pool *p);
static void on_gone(struct worker *w);

/* --- workers --- */

static void worker_free(struct worker *w)
{
	struct worker **at = &w->pool->workers;

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	ev_timer_free(w->timer);
	ev_fd_free(w->watch);
	closep(&w->pid_fd);
	free(w);
}

static void signal_worker(const struct worker *w, int signum)
{
	if (w->ended)
		return;
	if (w->pid_fd >= 0)
		(void)pidfd_send_signal(w->pid_fd, signum, NULL, 0);
	else
		kill(w->pid, signum);
}

/* Stop using it; W may be gone after that. POLITE: it ends by itself when it sees that its channel is closed. */
static void leave(struct worker *w, bool polite)
{
	struct pool *p = w->pool;

	if (!w->chan && !w->away)
		return;
	w->away = false;
	chan_free(STEAL(w->chan));
	p->n--;
	p->n_idle -= !w->job;
	if (w->job) {
		w->job->worker = NULL;
		w->job = NULL;
	}
	ev_timer_start(p->refill, p->backoff);
	if (w->ended)
		worker_free(w);
	else if (polite)
		ev_timer_start(w->timer, LEAVE_TIME);
	else
		signal_worker(w, SIGKILL);
}

static void on_worker_timer(void *arg)
{
	struct worker *w = arg;

	if (w->chan)
		on_gone(w); /* ended, but somebody else holds its end of the channel open */
	else
		signal_worker(w, SIGKILL);
}

static void on_ended(pid_t pid, int status, void *arg)
{
	struct worker *w = arg;

	log_debug("pool %s: worker %d ended with status %d", w->pool->name, (int)pid, status);
	w->ended = true;
	if (w->chan) /* its last message may still be in there; then comes the end */
		ev_timer_start(w->timer, LAST_WORDS);
	else
		worker_free(w);
}

/* The same for one that is no child of ours. */
static void on_foreign_end(int fd, int what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	ev_fd_free(STEAL(w->watch));
	w->ended = true;
	if (w->away)
		on_gone(w);
	else if (w->chan)
		ev_timer_start(w->timer, LAST_WORDS);
	else
		worker_free(w);
}

/* --- the end of a job --- */

static void job_free(struct pool_job *j)
{
	json_put(j->request);
	free(j->request_tail);
	json_put(j->more);
	ev_timer_free(j->timer);
	free(j->tail);
	free(j);
}

/* The job is off its worker and off the queue already. */
static void finish(struct pool_job *j, json *msg)
{
	j->over = true;
	ev_timer_stop(j->timer);
	j->fn(j, msg, true, j->arg);
	job_free(j);
}

static void unqueue(struct pool_job *j)
{
	struct pool *p = j->pool;
	struct pool_job **at = &p->first;

	while (*at && *at != j)
		at = &(*at)->next;
	if (!*at)
		return;
	*at = j->next;
	if (p->last == &j->next)
		p->last = at;
}

static void on_job_timer(void *arg)
{
	struct pool_job *j = arg;

	if (j->worker)
		leave(j->worker, false);
	else
		unqueue(j);
	dispatch(j->pool);
	finish(j, NULL);
}

/* --- messages --- */

static void on_gone(struct worker *w)
{
	struct pool *p = w->pool;
	struct pool_job *j = w->job;
	bool broken = !w->served && !j && clock_mono() - w->born < YOUNG;

	/* a program that ends at once must not be started in a tight loop */
	if (!broken)
		p->backoff = 0;
	else
		p->backoff = p->backoff > 0 ? p->backoff * 2 : 0.5;
	if (p->backoff > BACKOFF_MAX)
		p->backoff = BACKOFF_MAX;
	leave(w, false);
	dispatch(p);
	if (j)
		finish(j, NULL);
}

static void on_msg(struct chan *c, json *msg, void *arg)
{
	struct worker *w = arg;
	struct pool *p = w->pool;
	struct pool_job *j = w->job;

	if (!msg || !j) { /* the end, or somebody who speaks unasked */
		on_gone(w);
		return;
	}
	if (!json_get_bool(msg, "final", false)) {
		j->fn(j, msg, false, j->arg);
		return;
	}
	j->tail = chan_take_tail(c, &j->tail_n);
	w->job = NULL;
	j->worker = NULL;
	p->n_idle++;
	p->backoff = 0;
	w->served++;
	if ((p->o.retire_after > 0 && w->served >= p->o.retire_after) ||
	    json_get_bool(msg, "retire", false) || w->pid_fd >= 0)
		leave(w, true);
	dispatch(p);
	watch_idle(p);
	finish(j, msg);
}

/* --- starting --- */

static struct worker *worker_new(struct pool *p, pid_t pid)
{
	struct worker *w = xcalloc(1, sizeof(*w));

	w->pool = p;
	w->pid = pid;
	w->pid_fd = -1;
	w->born = clock_mono();
	w->timer = ev_timer_new(p->ev, "worker leaving", on_worker_timer, w);
	w->next = p->workers;
	p->workers = w;
	p->n++;
	return w;
}

static struct worker *start_worker(struct pool *p)
{
	struct spawn s = { .argv = p->o.argv, .env = spawn_environ(), .pid_fd = -1,
			   .death_signal = SIGKILL };
	struct worker *w;
	int fd[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0)
		return NULL;
	s.fds[0] = -1;
	s.fds[1] = s.fds[2] = 2; /* the log of a daemon: last words of a worker belong there */
	s.fds[3] = fd[1];
	pid = spawn(&s);
	close(fd[1]);
	if (pid < 0) {
		log_debug("pool %s: cannot start %s: %s", p->name, p->o.argv[0], strerror(-pid));
		close(fd[0]);
		return NULL;
	}
	w = worker_new(p, pid);
	w->chan = chan_new(p->ev, "worker", fd[0], p->o.max_message, on_msg, w);
	p->n_idle++;
	ev_child(p->ev, pid, on_ended, w);
	return w;
}

/* The one that has served most: what workers keep for the next time is warm in as few of them as are needed. */
static struct worker *find_idle(struct pool *p)
{
	struct worker *best = NULL;

	for (struct worker *w = p->workers; w; w = w->next)
		if (w->chan && !w->job && (!best || w->served > best->served))
			best = w;
	return best;
}

static void send_more(struct pool_job *j)
{
	for (size_t i = 0; i < json_len(j->more); i++)
		chan_send(j->worker->chan, json_ref(json_at(j->more, i)));
	json_put(STEAL(j->more));
}

static void watch_idle(struct pool *p)
{
	if (p->watched || p->n_idle <= p->o.min)
		return;
	p->watched = true;
	p->least_idle = p->n_idle;
	ev_timer_start(p->shrink, p->o.idle_time > 0 ? p->o.idle_time : SHRINK_AFTER);
}

static void on_shrink(void *arg)
{
	struct pool *p = arg;

	p->watched = false;
	for (int n = p->least_idle - p->o.min; n > 0 && p->n_idle > p->o.min; n--) {
		struct worker *least = NULL;

		for (struct worker *w = p->workers; w; w = w->next)
			if (w->chan && !w->job && (!least || w->served < least->served))
				least = w;
		if (!least)
			break;
		leave(least, true);
	}
	watch_idle(p);
}

static void give(struct worker *w, struct pool_job *j)
{
	w->pool->n_idle--;
	if (w->pool->n_idle < w->pool->least_idle)
		w->pool->least_idle = w->pool->n_idle;
	w->job = j;
	j->worker = w;
	chan_send_tail(w->chan, STEAL(j->request), j->request_tail, j->request_tail_n);
	free(STEAL(j->request_tail));
	send_more(j);
}

/* Give queued jobs to workers. Calls nobody back. */
static void dispatch(struct pool *p)
{
	while (p->first) {
		struct worker *w = find_idle(p);
		struct pool_job *j = p->first;

		if (!w && p->n >= p->o.max)
			return;
		if (!w)
			w = start_worker(p);
		if (!w && p->n > 0)
			return; /* cannot have another one now; some job will end */
		unqueue(j);
		if (w)
			give(w, j);
		else
			ev_timer_start(j->timer, 0); /* fails from the loop */
	}
	if (p->n_idle < p->o.min && p->n < p->o.max)
		ev_timer_start(p->refill, p->backoff);
}

static void on_refill(void *arg)
{
	struct pool *p = arg;

	while (p->n_idle < p->o.min && p->n < p->o.max) {
		if (!start_worker(p)) {
			ev_timer_start(p->refill, 1);
			return;
		}
	}
}

struct pool *pool_new(struct ev *ev, const struct pool_opts *o)
{
	struct pool *p = xcalloc(1, sizeof(*p));

	assert(o->max > 0 && o->min <= o->max && o->max_message > 0);
	p->ev = ev;
	p->o = *o;
	p->name = xstrdup(o->name);
	p->last = &p->first;
	p->refill = ev_timer_new(ev, "pool refill", on_refill, p);
	ev_timer_start(p->refill, 0);
	p->shrink = ev_timer_new(ev, "pool shrink", on_shrink, p);
	return p;
}

static void wait_foreign(const struct worker *w, double seconds)
{
	struct pollfd f = { .fd = w->pid_fd, .events = POLLIN };

	if (!w->ended && poll(&f, 1, seconds > 0 ? (int)(seconds * 1000) : 0) <= 0)
		signal_worker(w, SIGKILL);
}

void pool_let_go(struct pool *p)
{
	for (struct worker *w = p->workers, *next; w; w = next) {
		next = w->next;
		if (!w->job)
			continue;
		if (w->pid_fd < 0)
			ev_child_forget(p->ev, w->pid);
		chan_free(STEAL(w->chan));
		job_free(w->job);
		p->n--;
		worker_free(w);
	}
}

int pool_size(const struct pool *p)
{
	return p->n;
}

void pool_free(struct pool *p)
{
	double end = clock_mono() + FREE_TIME;
	int status;

	if (!p)
		return;
	while (p->first) {
		struct pool_job *j = p->first;

		p->first = j->next;
		job_free(j);
	}
	for (struct worker *w = p->workers, *next; w; w = next) {
		struct pool_job *j = w->job;

		next = w->next;
		signal_worker(w, SIGTERM);
		leave(w, true);
		if (j)
			job_free(j);
	}
	while (p->workers) {
		struct worker *w = p->workers;
		double left = end - clock_mono();

		ev_child_forget(p->ev, w->pid);
		if (w->pid_fd >= 0) {
			wait_foreign(w, left);
		} else if (spawn_wait(w->pid, left > 0 ? left : 0, &status) == 0) {
			kill(w->pid, SIGKILL);
			(void)spawn_wait(w->pid, 1, &status);
		}
		worker_free(w);
	}
	ev_timer_free(p->refill);
	ev_timer_free(p->shrink);
	free(p->name);
	free(p);
}

/* --- jobs, for the caller --- */

struct pool_job *pool_submit(struct pool *p, json *request, double timeout,
			     void (*fn)(struct pool_job *j, json *msg, bool final, void *arg),
			     void *arg)
{
	return pool_submit_tail(p, request, NULL, 0, timeout, fn, arg);
}

struct pool_job *pool_submit_tail(struct pool *p, json *request, const char *tail, size_t n, double timeout,
				  void (*fn)(struct pool_job *j, json *msg, bool final, void *arg), void *arg)
{
	struct pool_job *j = xcalloc(1, sizeof(*j));

	j->pool = p;
	j->request = request;
	j->request_tail = tail ? xmemdup(tail, n) : NULL;
	j->request_tail_n = n;
	j->fn = fn;
	j->arg = arg;
	j->timer = ev_timer_new(p->ev, "pool job", on_job_timer, j);
	if (timeout > 0)
		ev_timer_start(j->timer, timeout);
	*p->last = j;
	p->last = &j->next;
	dispatch(p);
	return j;
}

struct pool_job *pool_adopt(struct pool *p, pid_t pid, int pid_fd, double grace,
			    void (*fn)(struct pool_job *j, json *msg, bool final, void *arg),
			    void *arg)
{
	struct pool_job *j = xcalloc(1, sizeof(*j));
	struct worker *w = worker_new(p, pid);

	w->away = true;
	w->pid_fd = pid_fd;
	w->watch = ev_fd_new(p->ev, "adopted worker", pid_fd, EV_FD_READ, on_foreign_end, w);
	w->job = j;
	j->worker = w;
	j->pool = p;
	j->fn = fn;
	j->arg = arg;
	j->timer = ev_timer_new(p->ev, "adopted job", on_job_timer, j);
	ev_timer_start(j->timer, grace);
	return j;
}

bool pool_away(const struct pool_job *j)
{
	return j->worker && j->worker->away;
}

void pool_attach(struct pool_job *j, struct chan *c)
{
	struct worker *w = j->worker;

	assert(pool_away(j));
	ev_timer_stop(j->timer);
	w->away = false;
	w->chan = c;
	chan_set_fn(c, on_msg, w);
	send_more(j);
}

const char *pool_tail(const struct pool_job *j, size_t *ret_n)
{
	*ret_n = j->tail_n;
	return j->tail;
}

void pool_send(struct pool_job *j, json *msg)
{
	pool_send_tail(j, msg, NULL, 0);
}

void pool_send_tail(struct pool_job *j, json *msg, const char *tail, size_t n)
{
	if (j->worker && !j->worker->away) {
		chan_send_tail(j->worker->chan, msg, tail, n);
	} else if (j->worker || j->request) {
		if (!j->more)
			j->more = json_new_array();
		json_append(j->more, msg);
	} else {
		json_put(msg); /* its worker is gone */
	}
}

pid_t pool_pid(const struct pool_job *j)
{
	return j->worker && !j->worker->ended ? j->worker->pid : 0;
}

int64_t pool_start_time(const struct pool_job *j)
{
	struct worker *w = j->worker;

	if (!pool_pid(j))
		return 0;
	if (!w->start && proc_start_time(w->pid, &w->start) < 0)
		w->start = 0; /* ended already; nobody has this one */
	return w->start;
}

void pool_kill(struct pool_job *j, int signum)
{
	if (j->worker)
		signal_worker(j->worker, signum);
}

void pool_cancel(struct pool_job *j)
{
	struct pool *p = j->pool;

	if (j->over)
		return;
	if (j->worker)
		leave(j->worker, false);
	else
		unqueue(j);
	job_free(j);
	dispatch(p);
}
