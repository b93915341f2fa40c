#include "lib/wire/wire.h"

#include "lib/base/clock.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define END_BYTE '\3'
#define IO_TIMEOUT 60.0 /* to receive or to send one message (upstream: DEF_RWTO) */
#define BUSY_LIMIT 65536
#define ACCEPT_PAUSE 0.2

struct luxi_conn {
	struct luxi_conn *prev, *next; /* of the server; those that wait longest come last */
	struct luxi_server *srv;       /* NULL once the client is gone: only a reply is awaited */
	struct stream *s;
	struct ev_timer *timer;        /* message being received or sent */
	uid_t uid;
	size_t scanned;                /* bytes without an end byte */
	bool busy;                     /* a request waits for its reply */
	bool in_fn;
	bool dead;                     /* freed inside FN */
	void (*gone)(void *arg);
	void *gone_arg;
};

struct luxi_server {
	struct ev *ev;
	int fd;
	struct ev_fd *watch;
	struct ev_timer *pause;
	struct luxi_conn *first, *last;
	int n, max;
	void (*fn)(struct luxi_conn *c, const char *text, size_t n, void *arg);
	void *arg;
};

static void unlink_conn(struct luxi_conn *c)
{
	struct luxi_server *srv = c->srv;

	*(c->prev ? &c->prev->next : &srv->first) = c->next;
	*(c->next ? &c->next->prev : &srv->last) = c->prev;
	c->prev = c->next = NULL;
	srv->n--;
}

static void link_first(struct luxi_server *srv, struct luxi_conn *c)
{
	c->next = srv->first;
	*(srv->first ? &srv->first->prev : &srv->last) = c;
	srv->first = c;
	srv->n++;
}

/* Cut the client off. The object stays while somebody owes it a reply. */
static void drop(struct luxi_conn *c)
{
	void (*gone)(void *) = c->gone;

	if (!c->srv)
		return;
	unlink_conn(c);
	c->srv = NULL;
	stream_free(STEAL(c->s));
	ev_timer_free(STEAL(c->timer));
	if (c->busy && gone) {
		c->busy = false;
		c->gone = NULL;
		gone(c->gone_arg);
	}
	if (c->busy)
		return;
	if (c->in_fn)
		c->dead = true;
	else
		free(c);
}

/* Hand over the next request, unless one is being answered. May free C. */
static void deliver(struct luxi_conn *c)
{
	while (c->srv && !c->busy && stream_queued(c->s) == 0) {
		size_t n;
		const char *p = stream_in(c->s, &n), *end;

		end = n > c->scanned ? memchr(p + c->scanned, END_BYTE, n - c->scanned) : NULL;
		if (!end) {
			if (stream_ended(c->s) || n > LUXI_MAX_MESSAGE) {
				drop(c);
				return;
			}
			if (n == 0)
				ev_timer_stop(c->timer);
			else if (c->scanned == 0) /* from its first byte on, not from each */
				ev_timer_start(c->timer, IO_TIMEOUT);
			c->scanned = n;
			stream_limit(c->s, LUXI_MAX_MESSAGE + 1);
			return;
		}
		ev_timer_stop(c->timer);
		stream_limit(c->s, BUSY_LIMIT); /* enough to see it go away */
		c->scanned = 0;
		c->busy = c->in_fn = true;
		c->srv->fn(c, p, (size_t)(end - p), c->srv->arg);
		c->in_fn = false;
		if (c->dead) {
			free(c);
			return;
		}
		if (!c->srv)
			return;
		stream_eat(c->s, (size_t)(end - p) + 1);
	}
}

/* A client may close only its sending side and still read the reply. */
static bool closed_fully(const struct luxi_conn *c)
{
	struct pollfd p = { .fd = stream_fd(c->s) };

	return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR));
}

static void on_stream(struct stream *s, enum stream_event what, void *arg)
{
	struct luxi_conn *c = arg;

	(void)s;
	switch (what) {
	case STREAM_OPEN:
		break;
	case STREAM_DATA:
		deliver(c);
		break;
	case STREAM_SENT:
		ev_timer_stop(c->timer);
		deliver(c);
		break;
	case STREAM_END:
		if (closed_fully(c))
			drop(c);
		else
			deliver(c);
		break;
	case STREAM_FAILED:
		drop(c);
		break;
	}
}

static void on_late(void *arg)
{
	struct luxi_conn *c = arg;

	drop(c);
}

/* Make room: the client that has been idle longest goes. */
static bool evict(struct luxi_server *srv)
{
	for (struct luxi_conn *c = srv->last; c; c = c->prev) {
		size_t n;

		(void)stream_in(c->s, &n);
		if (!c->busy && !n && !stream_queued(c->s)) {
			drop(c);
			return true;
		}
	}
	return false;
}

static void add_conn(struct luxi_server *srv, int fd)
{
	struct luxi_conn *c;
	uid_t uid;

	if ((srv->n >= srv->max && !evict(srv)) || unix_peer(fd, &uid, NULL, NULL) < 0) {
		close(fd);
		return;
	}
	c = xcalloc(1, sizeof(*c));
	c->srv = srv;
	c->uid = uid;
	c->timer = ev_timer_new(srv->ev, "luxi message", on_late, c);
	c->s = stream_new(srv->ev, "luxi client", fd, NULL, NULL, false, on_stream, c);
	link_first(srv, c);
}

static void on_accept(int fd, int what, void *arg)
{
	struct luxi_server *srv = arg;

	(void)what;
	for (int i = 0; i < 16; i++) {
		int c = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (c >= 0) {
			add_conn(srv, c);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			   errno == ENOMEM) {
			/* would be ready again at once: look away for a moment */
			ev_fd_set(srv->watch, 0);
			ev_timer_start(srv->pause, ACCEPT_PAUSE);
			return;
		} else if (errno != EINTR && errno != ECONNABORTED) {
			return;
		}
	}
}

static void on_pause_over(void *arg)
{
	struct luxi_server *srv = arg;

	ev_fd_set(srv->watch, EV_FD_READ);
}

struct luxi_server *luxi_server_new(struct ev *ev, int listen_fd, int max_connections,
				    void (*fn)(struct luxi_conn *c, const char *text, size_t n,
					       void *arg),
				    void *arg)
{
	struct luxi_server *srv = xcalloc(1, sizeof(*srv));

	fcntl(listen_fd, F_SETFL, fcntl(listen_fd, F_GETFL) | O_NONBLOCK);
	srv->ev = ev;
	srv->fd = listen_fd;
	srv->max = max_connections;
	srv->fn = fn;
	srv->arg = arg;
	srv->watch = ev_fd_new(ev, "luxi listener", listen_fd, EV_FD_READ, on_accept, srv);
	srv->pause = ev_timer_new(ev, "luxi accept pause", on_pause_over, srv);
	return srv;
}

void luxi_server_free(struct luxi_server *srv)
{
	if (!srv)
		return;
	while (srv->first)
		drop(srv->first);
	ev_fd_free(srv->watch);
	ev_timer_free(srv->pause);
	close(srv->fd);
	free(srv);
}

void luxi_reply(struct luxi_conn *c, json *message)
{
	char *text CLEANUP(freep) = json_dump(message);

	json_put(message);
	luxi_reply_text(c, text, strlen(text));
}

void luxi_reply_text(struct luxi_conn *c, const char *text, size_t n)
{
	static const char end = END_BYTE;

	assert(c->busy);
	c->busy = false;
	c->gone = NULL;
	if (!c->srv) { /* nobody there to hear it */
		if (c->in_fn)
			c->dead = true;
		else
			free(c);
		return;
	}
	stream_put(c->s, text, n);
	stream_put(c->s, &end, 1);
	stream_flush(c->s);
	if (stream_queued(c->s))
		ev_timer_start(c->timer, IO_TIMEOUT);
	unlink_conn(c);
	link_first(c->srv, c);
	if (!c->in_fn)
		deliver(c);
}

void luxi_on_gone(struct luxi_conn *c, void (*fn)(void *arg), void *arg)
{
	c->gone = fn;
	c->gone_arg = arg;
}

uid_t luxi_peer_uid(const struct luxi_conn *c)
{
	return c->uid;
}

/* --- client side --- */

static int wait_for(int fd, short events, double end)
{
	struct pollfd p = { .fd = fd, .events = events };
	double left = end - clock_mono();
	int ms = left > 3600 ? 3600000 : left > 0 ? (int)(left * 1000) + 1 : 0;

	if (poll(&p, 1, ms) > 0)
		return 0;
	return clock_mono() >= end ? -ETIMEDOUT : 0;
}

int luxi_write(int fd, const json *message, double timeout, struct err *e)
{
	double end = clock_mono() + timeout;
	char *text CLEANUP(freep) = json_dump(message);
	size_t n = strlen(text) + 1, done = 0;

	if (n - 1 > LUXI_MAX_MESSAGE)
		return err_sys(e, EMSGSIZE, "Send");
	text[n - 1] = END_BYTE;
	while (done < n) {
		ssize_t k = send(fd, text + done, n - done, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (k >= 0)
			done += (size_t)k;
		else if (errno != EAGAIN && errno != EINTR)
			return err_sys(e, errno, "Send");
		else if (wait_for(fd, POLLOUT, end) < 0)
			return err_sys(e, ETIMEDOUT, "Send timeout");
	}
	return 0;
}

/* Receive up to the end byte, and nothing of what follows it. */
static int read_text(int fd, struct str *text, double end, struct err *e)
{
	char *buf CLEANUP(freep) = xmalloc(BUSY_LIMIT);

	for (;;) {
		ssize_t k = recv(fd, buf, BUSY_LIMIT, MSG_PEEK | MSG_DONTWAIT);
		char *stop;

		if (k == 0) {
			err_plain(e, "Connection closed while reading");
			if (e)
				e->errnum = EPIPE;
			return -1;
		}
		if (k < 0) {
			if (errno != EAGAIN && errno != EINTR)
				return err_sys(e, errno, "Receive");
			if (wait_for(fd, POLLIN, end) < 0)
				return err_sys(e, ETIMEDOUT, "Receive timeout");
			continue;
		}
		stop = memchr(buf, END_BYTE, (size_t)k);
		k = recv(fd, buf, stop ? (size_t)(stop - buf) + 1 : (size_t)k, MSG_DONTWAIT);
		if (k <= 0)
			continue;
		str_addn(text, buf, stop ? (size_t)k - 1 : (size_t)k);
		if (stop)
			return 0;
		if (text->len > LUXI_MAX_MESSAGE)
			return err_sys(e, EMSGSIZE, "Receive");
	}
}

int luxi_read_text(int fd, struct str *ret, double timeout, struct err *e)
{
	return read_text(fd, ret, clock_mono() + timeout, e);
}

int luxi_read(int fd, json **ret, double timeout, struct err *e)
{
	struct str text CLEANUP(str_free) = { 0 };

	if (luxi_read_text(fd, &text, timeout, e) < 0)
		return -1;
	return json_parse(str_get(&text), text.len, ret, e);
}
