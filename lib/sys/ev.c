/* One libevent loop per process, with named timers, descriptors and children. */
#include "lib/sys/sys.h"

#include "lib/base/clock.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

struct ev_sig {
	struct ev_sig *next;
	struct event *event;
	int signum;
	void (*fn)(int signum, void *arg);
	void *arg;
};

struct ev_kid {
	struct ev_kid *next;
	struct ev *ev;
	pid_t pid;
	int fd;                 /* pid descriptor; -1 = none could be had, the timer looks */
	struct ev_fd *watch;
	struct ev_timer *timer;
	void (*fn)(pid_t pid, int status, void *arg);
	void *arg;
};

struct ev {
	struct event_base *base;
	struct ev_sig *sigs;
	struct ev_kid *kids;
	bool running, stopped;
};

struct ev_timer {
	struct event *event;
	const char *name;
	void (*fn)(void *);
	void *arg;
};

struct ev_fd {
	struct ev *ev;
	struct event *event;
	const char *name;
	int fd, what;
	void (*fn)(int fd, int what, void *arg);
	void *arg;
};

struct ev *ev_new(void)
{
	struct ev *ev = xcalloc(1, sizeof(*ev));
	struct event_config *cfg = event_config_new();

	if (!cfg)
		abort();
	/* no cached time: a callback that took long must not shorten the deadlines it starts */
	event_config_set_flag(cfg, EVENT_BASE_FLAG_PRECISE_TIMER | EVENT_BASE_FLAG_NOLOCK |
					   EVENT_BASE_FLAG_NO_CACHE_TIME);
	ev->base = event_base_new_with_config(cfg);
	event_config_free(cfg);
	if (!ev->base)
		abort();
	signal(SIGPIPE, SIG_IGN); /* a peer that went away is an error of write(), not a death */
	return ev;
}

static void kid_free(struct ev_kid *k)
{
	ev_fd_free(k->watch);
	ev_timer_free(k->timer);
	closep(&k->fd);
	free(k);
}

void ev_free(struct ev *ev)
{
	if (!ev)
		return;
	assert(!ev->running);
	while (ev->sigs) {
		struct ev_sig *s = ev->sigs;

		ev->sigs = s->next;
		event_free(s->event);
		free(s);
	}
	while (ev->kids) {
		struct ev_kid *k = ev->kids;

		ev->kids = k->next;
		kid_free(k);
	}
	event_base_free(ev->base);
	free(ev);
}

struct event_base *ev_base(struct ev *ev)
{
	return ev->base;
}

void ev_run(struct ev *ev)
{
	assert(!ev->running);
	ev->running = true;
	ev->stopped = false;
	while (!ev->stopped)
		event_base_loop(ev->base, EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY);
	ev->running = false;
}

void ev_stop(struct ev *ev)
{
	ev->stopped = true;
	event_base_loopbreak(ev->base);
}

static void set_true(void *flag)
{
	*(bool *)flag = true;
}

bool ev_run_until(struct ev *ev, const bool *done, double seconds)
{
	struct ev_timer *t = NULL;
	bool late = false;

	assert(!ev->running);
	ev->running = true;
	ev->stopped = false;
	if (seconds >= 0) {
		t = ev_timer_new(ev, "run until", set_true, &late);
		ev_timer_start(t, seconds);
	}
	while (!*done && !late && !ev->stopped)
		if (event_base_loop(ev->base, EVLOOP_ONCE) != 0)
			break; /* nothing left that could happen */
	ev_timer_free(t);
	ev->running = false;
	return *done;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct ev_timer *t = arg;

	(void)fd;
	(void)what;
	t->fn(t->arg); /* may free the timer */
}

struct ev_timer *ev_timer_new(struct ev *ev, const char *name, void (*fn)(void *), void *arg)
{
	struct ev_timer *t = xcalloc(1, sizeof(*t));

	t->name = name;
	t->fn = fn;
	t->arg = arg;
	t->event = evtimer_new(ev->base, on_timer, t);
	if (!t->event)
		abort();
	return t;
}

void ev_timer_start(struct ev_timer *t, double seconds)
{
	struct timeval tv;

	if (seconds < 0)
		seconds = 0;
	tv.tv_sec = (time_t)seconds;
	tv.tv_usec = (suseconds_t)((seconds - (double)tv.tv_sec) * 1e6);
	evtimer_add(t->event, &tv);
}

void ev_timer_stop(struct ev_timer *t)
{
	evtimer_del(t->event);
}

void ev_timer_free(struct ev_timer *t)
{
	if (!t)
		return;
	event_free(t->event);
	free(t);
}

static void on_fd(evutil_socket_t fd, short what, void *arg)
{
	struct ev_fd *f = arg;

	f->fn(fd, (what & EV_READ ? EV_FD_READ : 0) | (what & EV_WRITE ? EV_FD_WRITE : 0), f->arg);
}

struct ev_fd *ev_fd_new(struct ev *ev, const char *name, int fd, int what,
			void (*fn)(int fd, int what, void *arg), void *arg)
{
	struct ev_fd *f = xcalloc(1, sizeof(*f));

	f->ev = ev;
	f->name = name;
	f->fd = fd;
	f->fn = fn;
	f->arg = arg;
	f->event = event_new(ev->base, fd, EV_PERSIST, on_fd, f);
	if (!f->event)
		abort();
	ev_fd_set(f, what);
	return f;
}

void ev_fd_set(struct ev_fd *f, int what)
{
	short flags = EV_PERSIST;

	if (f->what == what)
		return;
	event_del(f->event);
	f->what = what;
	if (!what)
		return;
	if (what & EV_FD_READ)
		flags |= EV_READ;
	if (what & EV_FD_WRITE)
		flags |= EV_WRITE;
	event_assign(f->event, f->ev->base, f->fd, flags, on_fd, f);
	event_add(f->event, NULL);
}

void ev_fd_free(struct ev_fd *f)
{
	if (!f)
		return;
	event_free(f->event);
	free(f);
}

static void on_signal(evutil_socket_t signum, short what, void *arg)
{
	struct ev_sig *s = arg;

	(void)what;
	s->fn(signum, s->arg);
}

void ev_signal(struct ev *ev, int signum, void (*fn)(int signum, void *arg), void *arg)
{
	struct ev_sig *s = xcalloc(1, sizeof(*s));

	s->signum = signum;
	s->fn = fn;
	s->arg = arg;
	s->event = evsignal_new(ev->base, signum, on_signal, s);
	if (!s->event)
		abort();
	evsignal_add(s->event, NULL);
	s->next = ev->sigs;
	ev->sigs = s;
}

/* Has the child ended? Then tell, and forget it. */
static void kid_check(struct ev_kid *k)
{
	struct ev_kid **p = &k->ev->kids;
	int status = -1;
	pid_t r = waitpid(k->pid, &status, WNOHANG);

	if (r == 0 || (r < 0 && errno == EINTR)) {
		if (k->timer)
			ev_timer_start(k->timer, 0.1);
		return;
	}
	while (*p != k)
		p = &(*p)->next;
	*p = k->next;
	k->fn(k->pid, status, k->arg);
	kid_free(k);
}

static int describe(const struct event_base *base, const struct event *e, void *arg)
{
	struct str *out = arg;
	const struct ev_fd *f = event_get_callback_arg(e);
	const struct ev_timer *t = event_get_callback_arg(e);
	struct timeval tv;

	(void)base;
	if (event_get_callback(e) == on_fd)
		str_addf(out, "fd %d %s%s: %s\n", f->fd, f->what & EV_FD_READ ? "r" : "",
			 f->what & EV_FD_WRITE ? "w" : "", f->name);
	else if (event_get_callback(e) == on_timer && event_pending(e, EV_TIMEOUT, &tv))
		str_addf(out, "timer at %lld.%03d: %s\n", (long long)tv.tv_sec,
			 (int)(tv.tv_usec / 1000), t->name);
	else if (event_get_callback(e) == on_signal)
		str_addf(out, "signal %d\n", (int)event_get_fd(e));
	return 0;
}

void ev_describe(struct ev *ev, struct str *out)
{
	event_base_foreach_event(ev->base, describe, out);
	for (const struct ev_kid *k = ev->kids; k; k = k->next)
		str_addf(out, "child %d\n", (int)k->pid);
}

void ev_child_forget(struct ev *ev, pid_t pid)
{
	for (struct ev_kid **p = &ev->kids; *p; p = &(*p)->next)
		if ((*p)->pid == pid) {
			struct ev_kid *k = *p;

			*p = k->next;
			kid_free(k);
			return;
		}
}

static void on_kid(int fd, int what, void *arg)
{
	(void)fd;
	(void)what;
	kid_check(arg);
}

static void on_kid_timer(void *arg)
{
	kid_check(arg);
}

void ev_child(struct ev *ev, pid_t pid, void (*fn)(pid_t pid, int status, void *arg), void *arg)
{
	struct ev_kid *k = xcalloc(1, sizeof(*k));

	k->ev = ev;
	k->pid = pid;
	k->fn = fn;
	k->arg = arg;
	k->fd = pidfd_open(pid, 0);
	if (k->fd >= 0) {
		k->watch = ev_fd_new(ev, "child", k->fd, EV_FD_READ, on_kid, k);
	} else {
		k->timer = ev_timer_new(ev, "child", on_kid_timer, k);
		ev_timer_start(k->timer, 0);
	}
	k->next = ev->kids;
	ev->kids = k;
}
