/*
 * Frames: four bytes of length, most significant first, then one JSON text; a NUL and bytes that are only
 * passed on may follow it.
 */
#include "lib/sys/sys.h"

#include "lib/base/clock.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define HEAD 4
#define READ_AHEAD 65536
#define QUEUE_SLACK (1u << 20)

struct chan {
	struct stream *s;
	size_t max;
	void (*fn)(struct chan *c, json *msg, void *arg);
	void *arg;
	char *tail; /* of the message being handed over, or NULL */
	size_t tail_n;
	int depth;
	bool gone, dead;
};

static void put_len(unsigned char *p, size_t n)
{
	p[0] = (unsigned char)(n >> 24);
	p[1] = (unsigned char)(n >> 16);
	p[2] = (unsigned char)(n >> 8);
	p[3] = (unsigned char)n;
}

static size_t get_len(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	return (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
}

static void gone(struct chan *c)
{
	if (c->gone || c->dead)
		return;
	c->gone = true;
	c->fn(c, NULL, c->arg);
}

static int parse(const char *p, size_t n, json **ret, char **ret_tail, size_t *ret_n)
{
	const char *end = memchr(p, '\0', n);
	size_t text = end ? (size_t)(end - p) : n;

	*ret_n = end ? n - text - 1 : 0;
	*ret_tail = end ? xmemdup(end + 1, *ret_n) : NULL;
	return json_parse(p, text, ret, NULL);
}

/* Hand over the messages that are complete. Returns false at anything that is not one. */
static bool take_messages(struct chan *c)
{
	while (!c->dead && !c->gone) {
		size_t n, len;
		const char *p = stream_in(c->s, &n);
		json *msg CLEANUP(json_putp) = NULL;

		if (n < HEAD)
			return true;
		len = get_len(p);
		if (len > c->max)
			return false;
		if (n < HEAD + len) {
			if (HEAD + len > READ_AHEAD)
				stream_limit(c->s, HEAD + len);
			return true;
		}
		if (parse(p + HEAD, len, &msg, &c->tail, &c->tail_n) < 0 || !msg) {
			free(STEAL(c->tail));
			return false;
		}
		stream_eat(c->s, HEAD + len);
		c->fn(c, msg, c->arg);
		free(STEAL(c->tail));
	}
	return true;
}

char *chan_take_tail(struct chan *c, size_t *ret_n)
{
	*ret_n = c->tail_n;
	return STEAL(c->tail);
}

static void on_stream(struct stream *s, enum stream_event what, void *arg)
{
	struct chan *c = arg;
	bool good = true;

	(void)s;
	c->depth++;
	if (what == STREAM_DATA)
		good = take_messages(c);
	if (!good || what == STREAM_END || what == STREAM_FAILED)
		gone(c);
	c->depth--;
	if (c->dead && !c->depth)
		free(c);
}

struct chan *chan_new(struct ev *ev, const char *name, int fd, size_t max,
		      void (*fn)(struct chan *c, json *msg, void *arg), void *arg)
{
	struct chan *c = xcalloc(1, sizeof(*c));

	c->max = max;
	c->fn = fn;
	c->arg = arg;
	c->s = stream_new(ev, name, fd, NULL, NULL, false, on_stream, c);
	return c;
}

/* The frame of a message, malloc'ed; NULL when it is too long. */
static char *frame(const json *msg, const char *tail, size_t tail_n, size_t *ret_n)
{
	struct str s = { 0 };

	str_addn(&s, "\0\0\0", HEAD);
	json_dump_to(&s, msg);
	if (tail) {
		str_addc(&s, '\0');
		str_addn(&s, tail, tail_n);
	}
	*ret_n = s.len;
	if (s.len - HEAD > UINT32_MAX) {
		str_free(&s);
		return NULL;
	}
	put_len((unsigned char *)s.p, s.len - HEAD);
	return str_steal(&s);
}

void chan_send(struct chan *c, json *msg)
{
	chan_send_tail(c, msg, NULL, 0);
}

void chan_send_tail(struct chan *c, json *msg, const char *tail, size_t tail_n)
{
	json *own CLEANUP(json_putp) = msg;
	char *p CLEANUP(freep) = NULL;
	size_t n;

	assert(msg);
	if (c->gone || c->dead)
		return;
	p = frame(own, tail, tail_n, &n);
	/* a peer that does not read must not make us hold without end: it is cut off */
	if (!p || stream_queued(c->s) + n > 2 * c->max + QUEUE_SLACK) {
		shutdown(stream_fd(c->s), SHUT_RDWR);
		return;
	}
	stream_put(c->s, p, n);
	stream_flush(c->s);
}

void chan_set_fn(struct chan *c, void (*fn)(struct chan *c, json *msg, void *arg), void *arg)
{
	c->fn = fn;
	c->arg = arg;
}

void chan_free(struct chan *c)
{
	if (!c || c->dead)
		return;
	c->dead = true;
	stream_free(c->s);
	if (!c->depth)
		free(c);
}

/* --- blocking --- */

static double deadline(double timeout)
{
	return timeout < 0 ? INFINITY : clock_mono() + timeout;
}

static int wait_for(int fd, short events, double end)
{
	struct pollfd p = { .fd = fd, .events = events };
	double left = end - clock_mono();
	int r;

	if (left <= 0)
		left = 0;
	r = poll(&p, 1, left > 3600 ? 3600000 : (int)(left * 1000) + 1);
	if (r < 0 && errno != EINTR)
		return -errno;
	return r <= 0 && clock_mono() >= end ? -ETIMEDOUT : 0;
}

int chan_write(int fd, const json *msg, double timeout)
{
	return chan_write_tail(fd, msg, NULL, 0, timeout);
}

int chan_write_tail(int fd, const json *msg, const char *tail, size_t tail_n, double timeout)
{
	double end = deadline(timeout);
	size_t n = 0, done = 0;
	char *p CLEANUP(freep) = frame(msg, tail, tail_n, &n);

	if (!p)
		return -EMSGSIZE;
	while (done < n) {
		ssize_t k = send(fd, p + done, n - done, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (k >= 0) {
			done += (size_t)k;
		} else if (errno == EAGAIN || errno == EINTR) {
			int r = wait_for(fd, POLLOUT, end);

			if (r < 0)
				return r;
		} else {
			return errno == ECONNRESET ? -EPIPE : -errno;
		}
	}
	return 0;
}

static int read_exactly(int fd, char *p, size_t n, double end)
{
	while (n) {
		ssize_t k = recv(fd, p, n, MSG_DONTWAIT);

		if (k > 0) {
			p += k;
			n -= (size_t)k;
		} else if (k == 0 || errno == ECONNRESET) {
			return -EPIPE;
		} else if (errno == EAGAIN || errno == EINTR) {
			int r = wait_for(fd, POLLIN, end);

			if (r < 0)
				return r;
		} else {
			return -errno;
		}
	}
	return 0;
}

static int read_frame(int fd, char **ret, size_t *ret_n, size_t max, double timeout)
{
	double end = deadline(timeout);
	char head[HEAD];
	int r = read_exactly(fd, head, HEAD, end);

	if (r < 0)
		return r;
	*ret_n = get_len(head);
	if (*ret_n > max)
		return -EMSGSIZE;
	*ret = xmalloc(*ret_n + 1);
	return read_exactly(fd, *ret, *ret_n, end);
}

int chan_read(int fd, json **ret, size_t max, double timeout)
{
	char *text CLEANUP(freep) = NULL;
	size_t n;
	int r = read_frame(fd, &text, &n, max, timeout);

	return r < 0 ? r : json_parse(text, n, ret, NULL) < 0 ? -EBADMSG : 0;
}

int chan_read_tail(int fd, json **ret, char **ret_tail, size_t *ret_n, size_t max, double timeout)
{
	char *text CLEANUP(freep) = NULL;
	size_t n;
	int r = read_frame(fd, &text, &n, max, timeout);

	*ret_tail = NULL;
	if (r < 0)
		return r;
	if (parse(text, n, ret, ret_tail, ret_n) == 0)
		return 0;
	free(STEAL(*ret_tail));
	return -EBADMSG;
}
