/*
 * HTTP/1.1 client: many calls at once, kept connections, one absolute deadline per call.
 * A call waits in the queue, gets a connection (a kept one, or a new one while fewer than
 * HANDSHAKES_MAX are being made), and is finished by the answer, a failure or its deadline.
 * Failures read like those of libcurl, which upstream shows ("Error 7: Failed to connect ...").
 */
#include "lib/net/priv.h"

#include "lib/base/clock.h"
#include "lib/base/map.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define HANDSHAKES_MAX 200
#define HEAD_MAX 65536
#define IDLE_KEPT 60.0      /* seconds a connection without a call is kept */
#define IDLE_PER_HOST 4
#define RETRY_WITHIN 1.0    /* see may_repeat() */
#define PROBES 3            /* that may fail in a row */

struct host {
	struct link *idle; /* kept connections, the last used first */
	int n_idle;
};

struct link {
	struct http_client *client;
	struct link *prev, *next; /* of all */
	struct link *next_idle;   /* of the host */
	struct host *host;
	struct stream *s;
	struct ev_timer *timer;   /* connecting, waiting for an answer, or idle */
	struct http_call *call;   /* NULL = idle */
	bool reused, open;
	double connect_start;
	struct stream *probe;     /* see probe_start() */
	int probes_failed;        /* since the last that did not */
};

struct http_call {
	struct http_client *client;
	struct http_call *prev, *next; /* of the queue or of those running */
	struct link *link;             /* NULL while queued */
	bool running;
	char *ip;
	int port;
	bool safe;                     /* to be sent twice (GET, HEAD) */
	bool no_body;                  /* HEAD */
	bool repeated, finished;
	struct str out;                /* the request */
	double start, sent, timeout;
	struct ev_timer *timer;
	struct err err;                /* failed: told by the timer */
	/* the answer */
	struct arena *arena;
	struct http_head head;
	bool got_head, got_any, until_end;
	size_t scanned;
	struct http_chunks chunks;
	struct str body;
	void (*fn)(int status, const char *body, size_t n, const struct err *e, void *arg);
	void *arg;
};

struct call_list {
	struct http_call *first, *last;
};

struct http_client {
	struct ev *ev;
	struct http_client_opts o;
	char *authorization, *header;
	struct map *hosts;        /* "ip/port" -> struct host */
	struct link *links;
	struct call_list queue, running;
	int n_running, n_connecting;
	int depth;
	bool pumping, dead;
};

static void pump(struct http_client *c);

/* --- lists --- */

static void list_add(struct call_list *l, struct http_call *k, bool front)
{
	struct http_call *after = front ? NULL : l->last;

	k->prev = after;
	k->next = after ? after->next : l->first;
	*(k->prev ? &k->prev->next : &l->first) = k;
	*(k->next ? &k->next->prev : &l->last) = k;
}

static void list_del(struct call_list *l, struct http_call *k)
{
	*(k->prev ? &k->prev->next : &l->first) = k->next;
	*(k->next ? &k->next->prev : &l->last) = k->prev;
	k->prev = k->next = NULL;
}

static void stop_running(struct http_call *k)
{
	struct http_client *c = k->client;

	list_del(k->running ? &c->running : &c->queue, k);
	c->n_running -= k->running;
	k->running = false;
}

static void call_free(struct http_call *k)
{
	ev_timer_free(k->timer);
	str_free(&k->out);
	str_free(&k->body);
	err_clear(&k->err);
	arena_free(k->arena);
	free(k->ip);
	free(k);
}

static void client_release(struct http_client *c)
{
	if (!c->dead || c->depth)
		return;
	map_free(c->hosts, free);
	free(c->authorization);
	free(c->header);
	free(c);
}

/* --- connections --- */

static struct stream *open_stream(struct http_client *c, const char *name, int fd, stream_fn *fn, struct link *l)
{
	void *io = c->o.tls ? tls_io_new(c->o.tls, fd) : NULL;

	return stream_new(c->ev, name, fd, io ? &tls_ops : NULL, io, true, fn, l);
}

static void not_idle(struct link *l)
{
	for (struct link **p = &l->host->idle; *p; p = &(*p)->next_idle)
		if (*p == l) {
			*p = l->next_idle;
			l->next_idle = NULL;
			l->host->n_idle--;
			return;
		}
}

static void link_free(struct link *l)
{
	struct http_client *c = l->client;

	if (!l->call)
		not_idle(l);
	if (!l->open)
		c->n_connecting--;
	*(l->prev ? &l->prev->next : &c->links) = l->next;
	if (l->next)
		l->next->prev = l->prev;
	stream_free(l->s);
	stream_free(l->probe);
	ev_timer_free(l->timer);
	free(l);
}

static struct host *host_of(struct http_client *c, const char *ip, int port)
{
	char *key CLEANUP(freep) = xasprintf("%s/%d", ip, port);
	struct host *h = map_get(c->hosts, key);

	if (!h) {
		h = xcalloc(1, sizeof(*h));
		map_put(c->hosts, key, h);
	}
	return h;
}

static void probe_end(struct link *l)
{
	stream_free(l->probe);
	l->probe = NULL;
}

/* --- the end of a call --- */

/* Take the call off its connection, which is closed unless it may be used again. */
static void detach(struct http_call *k, bool keep)
{
	struct link *l = STEAL(k->link);

	if (!l)
		return;
	l->call = NULL;
	probe_end(l);
	l->probes_failed = 0;
	l->next_idle = l->host->idle;
	l->host->idle = l;
	l->host->n_idle++;
	if (!keep || l->host->n_idle > IDLE_PER_HOST) {
		stream_shutdown(l->s);
		link_free(l);
		return;
	}
	stream_limit(l->s, 1); /* whatever comes now ends it */
	ev_timer_start(l->timer, IDLE_KEPT);
}

/* Tell the caller. */
static void finish(struct http_call *k, int status, const struct err *e)
{
	struct http_client *c = k->client;

	k->finished = true;
	stop_running(k);
	c->depth++;
	k->fn(status, status ? str_get(&k->body) : "", status ? k->body.len : 0, e, k->arg);
	call_free(k);
	c->depth--;
	if (c->dead)
		client_release(c);
	else
		pump(c);
}

/* The call failed; its caller hears of it from the loop. */
static void fail(struct http_call *k, int errnum, char *text)
{
	detach(k, false);
	if (k->err.msg) {
		free(text);
		return;
	}
	k->err = (struct err){ .msg = text, .errnum = errnum };
	ev_timer_start(k->timer, 0);
}

static int elapsed_ms(const struct http_call *k)
{
	return (int)((clock_mono() - k->start) * 1000);
}

static void fail_late(struct http_call *k)
{
	fail(k, ETIMEDOUT,
	     xasprintf("Error 28: Operation timed out after %d milliseconds with %zu bytes received",
		       elapsed_ms(k), k->body.len));
}

static void on_call_timer(void *arg)
{
	struct http_call *k = arg;

	if (!k->err.msg)
		fail_late(k);
	finish(k, 0, &k->err);
}

static void fail_connect(struct http_call *k, int errnum)
{
	fail(k, errnum,
	     xasprintf("Error 7: Failed to connect to %s port %d after %d ms: Couldn't connect to"
		       " server",
		       k->ip, k->port, elapsed_ms(k)));
}

/*
 * A kept connection broke before anything was answered. Was the request surely not worked on?
 * Yes if the server said goodbye (it was closing the idle connection), or reset it at once
 * (a server that had read the whole request would have ended it instead). Nothing else is sent
 * twice, except what may be.
 */
static bool may_repeat(const struct http_call *k, int error)
{
	const struct link *l = k->link;

	if (!l->reused || k->got_any || k->repeated)
		return false;
	if (k->safe)
		return true;
	if (error == ECONNRESET || error == EPIPE)
		return clock_mono() - k->sent < RETRY_WITHIN;
	return !error && l->client->o.tls && tls_io_ended_well(stream_io(l->s));
}

static void repeat(struct http_call *k)
{
	struct http_client *c = k->client;

	detach(k, false);
	stop_running(k);
	k->repeated = true;
	list_add(&c->queue, k, true);
	pump(c);
}

/* --- the answer --- */

/* Everything is here. */
static void complete(struct http_call *k, bool keep)
{
	size_t n;

	(void)stream_in(k->link->s, &n);
	detach(k, keep && n == 0 && !stream_ended(k->link->s) && stream_is_open(k->link->s));
	finish(k, k->head.status, NULL);
}

static bool bad_answer(struct http_call *k, const char *what)
{
	fail(k, EPROTO,
	     xasprintf("Error 8: Invalid answer from %s port %d: %s", k->ip, k->port, what));
	return true;
}

static bool too_large(struct http_call *k)
{
	fail(k, EFBIG,
	     xasprintf("Error 63: Answer from %s port %d is larger than %zu bytes", k->ip, k->port,
		       k->client->o.max_body));
	return true;
}

static bool may_keep(const struct http_call *k)
{
	return !k->head.close && (k->head.minor >= 1 || k->head.keep_alive);
}

/* Returns true when the call is over, one way or the other; else more must come, unless *AGAIN. */
static bool take_head(struct http_call *k, bool *again)
{
	struct http_head *h = &k->head;
	size_t n, len;
	const char *p = stream_in(k->link->s, &n);

	*again = false;
	len = http_head_end(p, n, &k->scanned);
	if (!len)
		return n > HEAD_MAX ? bad_answer(k, "endless header") : false;
	if (http_parse_response(k->arena, p, len, h) < 0)
		return bad_answer(k, "malformed header");
	stream_eat(k->link->s, len);
	*again = true;
	if (h->status < 200) { /* only says that the real one follows */
		k->scanned = 0;
		return false;
	}
	k->got_head = true;
	if (k->no_body || h->status == 204 || h->status == 304 || h->length == 0) {
		complete(k, may_keep(k));
		return true;
	}
	k->until_end = !h->chunked && h->length < 0;
	return h->length > 0 && (uint64_t)h->length > k->client->o.max_body ? too_large(k) : false;
}

/* Returns true when the call is over. */
static bool take_body(struct http_call *k)
{
	struct stream *s = k->link->s;
	size_t max = k->client->o.max_body, n;
	const char *p = stream_in(s, &n);

	if (k->head.chunked) {
		ssize_t used = http_chunks_feed(&k->chunks, p, n, &k->body, max);

		if (used < 0)
			return used == -EFBIG ? too_large(k) : bad_answer(k, "malformed chunk");
		stream_eat(s, (size_t)used);
		if (k->chunks.state != CHUNK_DONE)
			return false;
	} else {
		size_t left = k->until_end ? SIZE_MAX : (size_t)k->head.length - k->body.len;

		n = n < left ? n : left;
		if (n > max - k->body.len)
			return too_large(k);
		str_addn(&k->body, p, n);
		stream_eat(s, n);
		if (n < left)
			return false;
	}
	complete(k, may_keep(k));
	return true;
}

static void on_data(struct link *l)
{
	struct http_call *k = l->call;
	bool again = true;
	size_t n;

	while (again) {
		(void)stream_in(l->s, &n);
		if (!n)
			return;
		k->got_any = true;
		if (k->got_head) {
			take_body(k);
			return;
		}
		if (take_head(k, &again))
			return;
	}
}

static void on_end(struct link *l)
{
	struct http_call *k = l->call;

	if (k->until_end)
		complete(k, false);
	else if (may_repeat(k, 0))
		repeat(k);
	else if (!k->got_any)
		fail(k, ECONNRESET, xstrdup("Error 52: Empty reply from server"));
	else
		fail(k, ECONNRESET, xstrdup("Error 18: The answer ended too early"));
}

/* The connection failed, for a reason the stream knows. */
static void on_failed(struct link *l, int error)
{
	struct http_call *k = l->call;
	const char *why = stream_error(l->s);

	if (may_repeat(k, error))
		repeat(k);
	else if (l->open)
		fail(k, error, xasprintf("Error 56: Connection to %s port %d: %s", k->ip, k->port, why));
	else if (error == EPROTO)
		fail(k, error, xasprintf("Error 35: TLS connect to %s port %d: %s", k->ip, k->port, why));
	else
		fail_connect(k, error);
}

/*
 * A server that hangs keeps its connections, and a call may take an hour. So while an answer is due,
 * now and then a second connection is tried: who does not even greet will not answer either.
 */
static void probe_failed(struct link *l)
{
	struct http_client *c = l->client;

	probe_end(l);
	if (++l->probes_failed < PROBES) {
		ev_timer_start(l->timer, c->o.connect_timeout);
		return;
	}
	fail_late(l->call); /* L is gone */
	pump(c);
}

static void on_probe(struct stream *s, enum stream_event what, void *arg)
{
	struct link *l = arg;

	if (what == STREAM_OPEN) {
		l->probes_failed = 0;
		stream_shutdown(s);
		probe_end(l);
		ev_timer_start(l->timer, l->client->o.probe_after);
	} else if (what != STREAM_SENT) {
		probe_failed(l);
	}
}

static void probe_start(struct link *l)
{
	struct http_client *c = l->client;
	int fd = tcp_start_connect(l->call->ip, l->call->port, NULL);

	if (fd < 0) { /* says nothing of the server: there may be no descriptor left */
		ev_timer_start(l->timer, c->o.probe_after);
		return;
	}
	l->probe = open_stream(c, "http probe", fd, on_probe, l);
	ev_timer_start(l->timer, c->o.connect_timeout);
}

static void send_request(struct link *l)
{
	struct http_call *k = l->call;

	k->sent = clock_mono();
	if (l->client->o.probe_after > 0)
		ev_timer_start(l->timer, l->client->o.probe_after);
	stream_limit(l->s, HEAD_MAX + 1);
	stream_put(l->s, k->out.p, k->out.len);
	stream_flush(l->s);
}

static void on_stream(struct stream *s, enum stream_event what, void *arg)
{
	struct link *l = arg;
	struct http_client *c = l->client;

	if (what == STREAM_SENT)
		return;
	if (what == STREAM_OPEN) {
		l->open = true;
		c->n_connecting--;
		ev_timer_stop(l->timer);
		send_request(l);
		pump(c);
	} else if (!l->call) {
		link_free(l); /* an idle connection has nothing to say but its end */
	} else if (what == STREAM_DATA) {
		on_data(l);
	} else if (what == STREAM_END) {
		on_end(l);
	} else {
		on_failed(l, stream_errno(s));
	}
}

static void on_link_timer(void *arg)
{
	struct link *l = arg;
	struct http_client *c = l->client;
	struct http_call *k = l->call;

	if (!k) {
		stream_shutdown(l->s);
		link_free(l);
		return;
	}
	if (l->open) {
		if (l->probe)
			probe_failed(l);
		else
			probe_start(l);
		return;
	}
	fail(k, ETIMEDOUT,
	     xasprintf("Error 28: Connection to %s port %d timed out after %d milliseconds", k->ip,
		       k->port, (int)((clock_mono() - l->connect_start) * 1000)));
	pump(c); /* L is gone */
}

/* --- starting calls --- */

/* Close some idle connection: its descriptor is needed. */
static bool drop_an_idle(struct http_client *c)
{
	for (struct link *l = c->links; l; l = l->next)
		if (!l->call) {
			link_free(l);
			return true;
		}
	return false;
}

static void connect_for(struct http_call *k)
{
	struct http_client *c = k->client;
	struct link *l;
	int fd;

	do {
		fd = tcp_start_connect(k->ip, k->port, NULL);
	} while ((fd == -EMFILE || fd == -ENFILE) && drop_an_idle(c));
	if (fd < 0) {
		fail_connect(k, -fd);
		return;
	}
	l = xcalloc(1, sizeof(*l));
	l->client = c;
	l->host = host_of(c, k->ip, k->port);
	l->call = k;
	l->connect_start = clock_mono();
	l->timer = ev_timer_new(c->ev, "http connect", on_link_timer, l);
	l->s = open_stream(c, "http call", fd, on_stream, l);
	if (c->o.connect_timeout > 0)
		ev_timer_start(l->timer, c->o.connect_timeout);
	l->next = c->links;
	if (c->links)
		c->links->prev = l;
	c->links = l;
	c->n_connecting++;
	k->link = l;
}

static void use_idle(struct http_call *k, struct link *l)
{
	not_idle(l);
	ev_timer_stop(l->timer);
	l->reused = true;
	l->call = k;
	k->link = l;
	send_request(l);
}

/* A kept connection to the host on which nothing happened meanwhile (the loop may not have seen
 * its end yet). */
static struct link *find_idle(struct host *h)
{
	char byte;

	while (h->idle) {
		ssize_t r = recv(stream_fd(h->idle->s), &byte, 1, MSG_PEEK | MSG_DONTWAIT);

		if (r < 0 && (errno == EAGAIN || errno == EINTR))
			return h->idle;
		link_free(h->idle);
	}
	return NULL;
}

/* Start what may be started. */
static void pump(struct http_client *c)
{
	if (c->pumping)
		return;
	c->pumping = true;
	while (c->queue.first && c->n_running < c->o.max_parallel) {
		struct http_call *k = c->queue.first;
		struct link *l = k->repeated ? NULL : find_idle(host_of(c, k->ip, k->port));

		if (!l && c->n_connecting >= HANDSHAKES_MAX)
			break;
		list_del(&c->queue, k);
		list_add(&c->running, k, false);
		k->running = true;
		c->n_running++;
		if (l)
			use_idle(k, l);
		else
			connect_for(k);
	}
	c->pumping = false;
}

struct http_client *http_client_new(struct ev *ev, const struct http_client_opts *o)
{
	struct http_client *c = xcalloc(1, sizeof(*c));

	assert(o->max_parallel > 0);
	c->ev = ev;
	c->o = *o;
	c->authorization = o->authorization ? xstrdup(o->authorization) : NULL;
	c->header = o->header ? xstrdup(o->header) : NULL;
	c->hosts = map_new();
	return c;
}

void http_client_free(struct http_client *c)
{
	if (!c || c->dead)
		return;
	c->dead = true;
	while (c->running.first || c->queue.first) {
		struct http_call *k = c->running.first ? c->running.first : c->queue.first;

		detach(k, false);
		stop_running(k);
		call_free(k);
	}
	while (c->links)
		link_free(c->links);
	client_release(c);
}

static void build_request(struct http_call *k, enum http_method m, const char *path,
			  const char *body, size_t n)
{
	static const char *const names[] = { "GET", "POST", "PUT", "DELETE", "HEAD" };
	bool v6 = strchr(k->ip, ':') != NULL;

	assert((size_t)m < ARRAY_SIZE(names));
	str_addf(&k->out, "%s %s HTTP/1.1\r\nHost: %s%s%s:%d\r\nAccept: */*\r\n", names[m], path,
		 v6 ? "[" : "", k->ip, v6 ? "]" : "", k->port);
	if (k->client->authorization)
		str_addf(&k->out, "Authorization: %s\r\n", k->client->authorization);
	if (k->client->header)
		str_addf(&k->out, "%s\r\n", k->client->header);
	if (body)
		str_add(&k->out, "Content-Type: application/json\r\n");
	if (body || m == HTTP_POST || m == HTTP_PUT)
		str_addf(&k->out, "Content-Length: %zu\r\n", body ? n : 0);
	str_add(&k->out, "\r\n");
	if (body)
		str_addn(&k->out, body, n);
}

struct http_call *http_send(struct http_client *c, const char *ip, int port, enum http_method m,
			    const char *path, const char *body, size_t n, double timeout,
			    void (*fn)(int status, const char *body, size_t n, const struct err *e,
				       void *arg),
			    void *arg)
{
	struct http_call *k = xcalloc(1, sizeof(*k));

	k->client = c;
	k->ip = xstrdup(ip);
	k->port = port;
	k->safe = m == HTTP_GET || m == HTTP_HEAD;
	k->no_body = m == HTTP_HEAD;
	k->arena = arena_new();
	k->start = clock_mono();
	k->timeout = timeout;
	k->fn = fn;
	k->arg = arg;
	k->timer = ev_timer_new(c->ev, "http call", on_call_timer, k);
	ev_timer_start(k->timer, timeout);
	build_request(k, m, path, body, n);
	list_add(&c->queue, k, false);
	for (const char *p = path; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f) { /* could smuggle in a second request */
			fail(k, EINVAL, xstrdup("Error 3: URL using bad/illegal format"));
			return k;
		}
	pump(c);
	return k;
}

void http_call_cancel(struct http_call *k)
{
	struct http_client *c = k->client;

	if (k->finished) /* inside its own FN */
		return;
	detach(k, false);
	stop_running(k);
	call_free(k);
	pump(c);
}
