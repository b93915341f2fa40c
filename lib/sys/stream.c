#include "lib/sys/sys.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_STEP 16384          /* one read; a TLS record at most */
#define READ_TURN (16 * READ_STEP) /* then others have their turn */
#define LIMIT_DEFAULT 65536

/* Bytes with a moving start, so that eating from the front is free. */
struct buf {
	char *p;
	size_t off, len, cap;
};

struct stream {
	const struct stream_ops *ops;
	void *io;
	int fd;
	stream_fn *fn;
	void *arg;
	struct ev_fd *watch;
	struct ev_timer *kick; /* work to do on the next turn of the loop */
	struct buf in, out;
	size_t limit;
	int start_wants, read_wants, write_wants; /* EV_FD_*: TLS may want the other direction */
	int error;             /* -errno */
	bool connecting, open, ended, failed, told, dead, shut;
	int depth;             /* callbacks running */
};

static void buf_add(struct buf *b, const void *data, size_t n)
{
	if (b->off + b->len + n > b->cap) {
		if (b->off) {
			memmove(b->p, b->p + b->off, b->len);
			b->off = 0;
		}
		if (b->len + n > b->cap) {
			size_t cap = b->cap ? b->cap : 1024;

			while (cap < b->len + n)
				cap *= 2;
			b->p = xrealloc(b->p, cap, 1);
			b->cap = cap;
		}
	}
	memcpy(b->p + b->off + b->len, data, n);
	b->len += n;
}

static void buf_eat(struct buf *b, size_t n)
{
	assert(n <= b->len);
	b->off += n;
	b->len -= n;
	if (b->len == 0) {
		/* an idle connection holds no buffer */
		free(b->p);
		*b = (struct buf){ 0 };
	}
}

/* --- the plain layer --- */

static ssize_t plain_read(const struct stream *s, void *buf, size_t n)
{
	ssize_t k = recv(s->fd, buf, n, 0);

	if (k >= 0)
		return k;
	return errno == EAGAIN || errno == EINTR ? STREAM_WANT_READ : -errno;
}

static ssize_t plain_write(const struct stream *s, const void *buf, size_t n)
{
	ssize_t k = send(s->fd, buf, n, MSG_NOSIGNAL);

	if (k >= 0)
		return k;
	return errno == EAGAIN || errno == EINTR ? STREAM_WANT_WRITE : -errno;
}

static ssize_t io_read(const struct stream *s, void *buf, size_t n)
{
	return s->ops ? s->ops->read(s->io, buf, n) : plain_read(s, buf, n);
}

static ssize_t io_write(const struct stream *s, const void *buf, size_t n)
{
	return s->ops ? s->ops->write(s->io, buf, n) : plain_write(s, buf, n);
}

/* --- */

static bool may_read(const struct stream *s)
{
	return s->open && !s->failed && !s->ended && s->in.len < s->limit;
}

/* Watch for exactly what can go on. */
static void update(struct stream *s)
{
	int what = 0;

	if (s->dead)
		return;
	if (s->failed)
		what = 0;
	else if (s->connecting)
		what = EV_FD_WRITE;
	else if (!s->open)
		what = s->start_wants;
	else
		what = (may_read(s) ? s->read_wants : 0) | (s->out.len ? s->write_wants : 0);
	ev_fd_set(s->watch, what);
}

static void fail(struct stream *s, int error)
{
	if (s->failed)
		return;
	s->failed = true;
	s->error = error;
	ev_timer_start(s->kick, 0);
}

static int wanted(ssize_t r)
{
	return r == STREAM_WANT_READ ? EV_FD_READ : EV_FD_WRITE;
}

static void tell(struct stream *s, enum stream_event what)
{
	if (!s->dead)
		s->fn(s, what, s->arg);
}

static void do_start(struct stream *s)
{
	int r = 0;

	if (s->connecting) {
		socklen_t n = sizeof(r);

		if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &r, &n) < 0)
			r = errno;
		if (r) {
			fail(s, -r);
			return;
		}
		s->connecting = false;
	}
	if (s->ops && s->ops->start)
		r = s->ops->start(s->io);
	if (r == STREAM_WANT_READ || r == STREAM_WANT_WRITE) {
		s->start_wants = wanted(r);
	} else if (r < 0) {
		fail(s, r);
	} else {
		s->open = true;
		ev_timer_start(s->kick, 0); /* data may have come along */
		tell(s, STREAM_OPEN);
	}
}

static void do_write(struct stream *s)
{
	while (s->open && s->out.len && !s->failed) {
		ssize_t r = io_write(s, s->out.p + s->out.off, s->out.len);

		if (r == STREAM_WANT_READ || r == STREAM_WANT_WRITE) {
			s->write_wants = wanted(r);
			return;
		}
		if (r < 0)
			fail(s, (int)r);
		else
			buf_eat(&s->out, (size_t)r);
	}
	s->write_wants = EV_FD_WRITE;
}

static void do_read(struct stream *s)
{
	static char scratch[READ_STEP];
	size_t got = 0;

	while (may_read(s) && !s->failed && got < READ_TURN) {
		ssize_t r = io_read(s, scratch, sizeof(scratch));

		if (r == STREAM_WANT_READ || r == STREAM_WANT_WRITE) {
			s->read_wants = wanted(r);
			break;
		}
		s->read_wants = EV_FD_READ;
		if (r < 0) {
			fail(s, (int)r);
		} else if (r == 0) {
			s->ended = true;
		} else {
			buf_add(&s->in, scratch, (size_t)r);
			got += (size_t)r;
			if (!s->ops && (size_t)r < sizeof(scratch))
				break; /* that was all; if not, the loop will say so */
		}
	}
	if (got >= READ_TURN)
		ev_timer_start(s->kick, 0); /* the layer may hold more that no poll() shows */
	if (got)
		tell(s, STREAM_DATA);
	if (s->ended && !s->dead && !s->told) {
		s->told = true;
		tell(s, STREAM_END);
	}
}

static void release(struct stream *s)
{
	if (!s->dead || s->depth)
		return;
	free(s->in.p);
	free(s->out.p);
	free(s);
}

/* One turn: WHAT is ready. */
static void turn(struct stream *s, int what)
{
	size_t queued = s->out.len;

	s->depth++;
	if (!s->open && !s->failed)
		do_start(s);
	if (s->open && !s->dead && queued && (what & s->write_wants)) {
		do_write(s);
		if (!s->failed && !s->out.len)
			tell(s, STREAM_SENT);
	}
	if (!s->dead && s->open && !s->ended && (what & s->read_wants))
		do_read(s);
	if (!s->dead && s->failed) {
		ev_timer_stop(s->kick);
		tell(s, STREAM_FAILED);
	}
	update(s);
	s->depth--;
	release(s);
}

static void on_ready(int fd, int what, void *arg)
{
	(void)fd;
	turn(arg, what);
}

static void on_kick(void *arg)
{
	turn(arg, EV_FD_READ | EV_FD_WRITE);
}

struct stream *stream_new(struct ev *ev, const char *name, int fd, const struct stream_ops *ops,
			  void *io, bool connecting, stream_fn *fn, void *arg)
{
	struct stream *s = xcalloc(1, sizeof(*s));
	int flags = fcntl(fd, F_GETFL);

	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	s->ops = ops;
	s->io = io;
	s->fd = fd;
	s->fn = fn;
	s->arg = arg;
	s->limit = LIMIT_DEFAULT;
	s->connecting = connecting;
	s->start_wants = EV_FD_READ;
	s->read_wants = EV_FD_READ;
	s->write_wants = EV_FD_WRITE;
	s->watch = ev_fd_new(ev, name, fd, 0, on_ready, s);
	s->kick = ev_timer_new(ev, name, on_kick, s);
	if (!connecting)
		ev_timer_start(s->kick, 0);
	update(s);
	return s;
}

void stream_free(struct stream *s)
{
	if (!s || s->dead)
		return;
	s->dead = true;
	ev_fd_free(s->watch);
	ev_timer_free(s->kick);
	if (s->ops && s->ops->free)
		s->ops->free(s->io);
	close(s->fd);
	release(s);
}

void stream_set_fn(struct stream *s, stream_fn *fn, void *arg)
{
	s->fn = fn;
	s->arg = arg;
}

const char *stream_in(const struct stream *s, size_t *ret_n)
{
	*ret_n = s->in.len;
	return s->in.len ? s->in.p + s->in.off : "";
}

void stream_eat(struct stream *s, size_t n)
{
	bool could = may_read(s);

	if (n)
		buf_eat(&s->in, n);
	if (!could && may_read(s)) {
		ev_timer_start(s->kick, 0);
		update(s);
	}
}

void stream_limit(struct stream *s, size_t n)
{
	bool could = may_read(s);

	s->limit = n;
	if (!could && may_read(s))
		ev_timer_start(s->kick, 0);
	update(s);
}

void stream_put(struct stream *s, const void *data, size_t n)
{
	if (n && !s->failed && !s->dead)
		buf_add(&s->out, data, n);
}

void stream_flush(struct stream *s)
{
	if (s->dead || s->failed)
		return;
	do_write(s);
	update(s);
}

size_t stream_queued(const struct stream *s)
{
	return s->out.len;
}

void stream_shutdown(struct stream *s)
{
	if (s->dead || s->failed || s->shut)
		return;
	s->shut = true;
	if (s->ops && s->ops->shutdown)
		s->ops->shutdown(s->io);
	shutdown(s->fd, SHUT_WR);
}

bool stream_is_open(const struct stream *s)
{
	return s->open && !s->failed;
}

bool stream_ended(const struct stream *s)
{
	return s->ended;
}

int stream_fd(const struct stream *s)
{
	return s->fd;
}

void *stream_io(const struct stream *s)
{
	return s->io;
}

const char *stream_error(const struct stream *s)
{
	const char *text = s->ops && s->ops->error ? s->ops->error(s->io) : NULL;

	return text ? text : strerror(-s->error);
}

int stream_errno(const struct stream *s)
{
	return -s->error;
}
