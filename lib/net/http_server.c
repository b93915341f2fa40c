/*
 * HTTP/1.1 server. Every phase of a connection has one deadline, kept by one timer:
 * handshake (handshake_timeout), receiving a request (request_timeout, absolute), idle
 * (idle_timeout), sending (grows with the size), lingering. Only while a handler works is there
 * none.
 */
#include "lib/net/priv.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define HANDSHAKES_MAX 200   /* at once; the others wait in the listen queue */
#define READ_AHEAD 65536
#define LINGER 2.0           /* for the peer to read our last words before the socket goes */
#define SEND_RATE 65536.0    /* bytes per second a peer must take at least */
#define ACCEPT_PAUSE 0.2

enum phase { HANDSHAKE, IDLE, HEAD, BODY, WORKING, REPLYING, LINGERING };

struct http_conn {
	struct http_conn *prev, *next; /* of the server; the longest unused come last */
	struct http_server *srv;
	struct stream *s;
	struct ev_timer *timer;
	enum phase phase;
	struct http_req *req;          /* from HEAD on */
	size_t scanned;
	struct http_chunks chunks;
	char *digest;                  /* of the client's certificate */
	char ip[64];
	int depth;                     /* advance() is running */
	bool dead;
};

struct http_req {
	struct http_conn *conn; /* NULL: the peer is gone, the answer goes nowhere */
	struct arena *arena;
	struct http_head head;
	struct http_field *args; /* parsed query */
	size_t n_args;
	struct str body;
	struct str extra;        /* headers of the answer */
	const char *ip, *digest;
	void (*gone)(void *arg);
	void *gone_arg;
};

struct http_server {
	struct ev *ev;
	struct http_server_opts o;
	char *name;
	int fd;
	struct ev_fd *watch;
	struct ev_timer *pause;
	struct http_conn *first, *last;
	int n, handshakes;
};

/* --- list of connections --- */

static void unlink_conn(struct http_conn *c)
{
	struct http_server *srv = c->srv;

	*(c->prev ? &c->prev->next : &srv->first) = c->next;
	*(c->next ? &c->next->prev : &srv->last) = c->prev;
	c->prev = c->next = NULL;
	srv->n--;
}

static void link_first(struct http_server *srv, struct http_conn *c)
{
	c->next = srv->first;
	*(srv->first ? &srv->first->prev : &srv->last) = c;
	srv->first = c;
	srv->n++;
}

/* Accept only while there is a free place among the handshakes. */
static void update_listener(struct http_server *srv)
{
	ev_fd_set(srv->watch, srv->handshakes < HANDSHAKES_MAX ? EV_FD_READ : 0);
}

static void req_free(struct http_req *r)
{
	if (!r)
		return;
	str_free(&r->body);
	str_free(&r->extra);
	arena_free(r->arena);
	free(r);
}

static void set_phase(struct http_conn *c, enum phase phase, double seconds)
{
	if (c->phase == HANDSHAKE && phase != HANDSHAKE) {
		c->srv->handshakes--;
		update_listener(c->srv);
	}
	c->phase = phase;
	if (seconds < 0)
		ev_timer_stop(c->timer);
	else
		ev_timer_start(c->timer, seconds);
}

/* The connection ends now. A handler at work is told, or answers into the void. */
static void drop(struct http_conn *c)
{
	struct http_req *r = STEAL(c->req);

	if (c->dead)
		return;
	c->dead = true;
	set_phase(c, LINGERING, -1);
	unlink_conn(c);
	stream_free(c->s);
	ev_timer_free(c->timer);
	if (r) {
		bool working = r->conn != NULL;

		r->conn = NULL;
		if (!working) {
			req_free(r);
		} else if (r->gone) {
			r->gone(r->gone_arg);
			req_free(r);
		}
	}
	free(c->digest);
	if (!c->depth)
		free(c);
}

/* End the connection so that the peer still gets what was sent: an early close() makes the kernel
 * throw it away when there is unread input. */
static void linger(struct http_conn *c)
{
	size_t n;

	stream_shutdown(c->s);
	if (stream_ended(c->s)) {
		drop(c);
		return;
	}
	(void)stream_in(c->s, &n);
	stream_eat(c->s, n);
	set_phase(c, LINGERING, LINGER);
}

/* --- answers --- */

static const char *reason(int status)
{
	static const struct {
		int status;
		const char *text;
	} t[] = {
		{ 100, "Continue" },
		{ 200, "OK" },
		{ 201, "Created" },
		{ 202, "Accepted" },
		{ 204, "No Content" },
		{ 301, "Moved Permanently" },
		{ 302, "Found" },
		{ 304, "Not Modified" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 406, "Not Acceptable" },
		{ 408, "Request Timeout" },
		{ 409, "Conflict" },
		{ 410, "Gone" },
		{ 411, "Length Required" },
		{ 412, "Precondition Failed" },
		{ 413, "Request Entity Too Large" },
		{ 414, "Request-URI Too Long" },
		{ 415, "Unsupported Media Type" },
		{ 417, "Expectation Failed" },
		{ 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 501, "Not Implemented" },
		{ 502, "Bad Gateway" },
		{ 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
		{ 505, "HTTP Version Not Supported" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(t); i++)
		if (t[i].status == status)
			return t[i].text;
	return "Unknown";
}

static bool stays_open(const struct http_conn *c)
{
	const struct http_head *h = &c->req->head;

	if (h->close || stream_ended(c->s))
		return false;
	return h->keep_alive || (h->minor >= 1 && !c->srv->o.close_by_default);
}

static void put_date(struct str *s)
{
	time_t now = time(NULL);
	char text[64];
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(text, sizeof(text), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm);
	str_add(s, text);
}

static void send_answer(struct http_conn *c, int status, const char *type, const char *body,
			size_t n, bool keep)
{
	const struct http_head *h = &c->req->head;
	bool has_body = status >= 200 && status != 204 && status != 304;
	struct str s CLEANUP(str_free) = { 0 };

	str_addf(&s, "HTTP/1.1 %d %s\r\n", status, reason(status));
	put_date(&s);
	if (c->srv->name)
		str_addf(&s, "Server: %s\r\n", c->srv->name);
	if (type && has_body)
		str_addf(&s, "Content-Type: %s\r\n", type);
	if (has_body)
		str_addf(&s, "Content-Length: %zu\r\n", n);
	if (!keep)
		str_add(&s, "Connection: close\r\n");
	else if (h->minor == 0)
		str_add(&s, "Connection: keep-alive\r\n");
	str_addn(&s, str_get(&c->req->extra), c->req->extra.len);
	str_add(&s, "\r\n");
	stream_put(c->s, s.p, s.len);
	if (has_body && !(h->method && strcmp(h->method, "HEAD") == 0))
		stream_put(c->s, body, n);
	c->req->conn = NULL; /* no handler any more */
	if (!keep)
		c->req->head.close = true;
	set_phase(c, REPLYING, c->srv->o.request_timeout + (double)n / SEND_RATE);
	stream_flush(c->s);
}

/* Refuse what cannot be understood; what follows on the connection is not trusted either. */
static void refuse(struct http_conn *c, int status)
{
	const char *type = "text/plain";
	char *text = c->srv->o.error_body ?
			     c->srv->o.error_body(c->req->arena, status, &type) :
			     arena_printf(c->req->arena, "%d %s\n", status, reason(status));

	send_answer(c, status, type, text, strlen(text), false);
}

/* The answer is out. */
static void answered(struct http_conn *c)
{
	bool keep = !c->req->head.close && !stream_ended(c->s);

	req_free(STEAL(c->req));
	if (!keep) {
		linger(c);
		return;
	}
	unlink_conn(c);
	link_first(c->srv, c);
	set_phase(c, IDLE, c->srv->o.idle_timeout);
}

/* --- receiving --- */

static void parse_query(struct http_req *r)
{
	const char *q = r->head.query;
	size_t cap = 0;

	while (q && *q) {
		size_t n = strcspn(q, "&"), k = strcspn(q, "=&");
		struct http_field f;

		f.name = http_decode(r->arena, q, k, true);
		f.value = k < n ? http_decode(r->arena, q + k + 1, n - k - 1, true) : "";
		if (n && f.name && f.value) {
			GROW(r->args, r->n_args, cap);
			r->args[r->n_args++] = f;
		}
		q += n + (q[n] == '&');
	}
	if (r->args)
		arena_defer(r->arena, free, r->args);
}

static void new_req(struct http_conn *c)
{
	struct http_req *r = xcalloc(1, sizeof(*r));

	r->arena = arena_new();
	r->ip = arena_strdup(r->arena, c->ip);
	r->digest = arena_strdup(r->arena, c->digest);
	r->head.minor = 1;
	c->req = r;
	c->scanned = 0;
	c->chunks = (struct http_chunks){ 0 };
	set_phase(c, HEAD, c->srv->o.request_timeout);
}

/* Returns false when more must come. */
static bool take_head(struct http_conn *c)
{
	struct http_head *h = &c->req->head;
	size_t n, len;
	const char *p = stream_in(c->s, &n);
	int status;

	if (c->scanned == 0) { /* RFC 9112 2.2: an empty line before a request is skipped */
		while (n >= 2 && p[0] == '\r' && p[1] == '\n') {
			stream_eat(c->s, 2);
			p = stream_in(c->s, &n);
		}
	}
	len = http_head_end(p, n, &c->scanned);
	if (len > c->srv->o.max_headers || (!len && n > c->srv->o.max_headers)) {
		refuse(c, 431);
		return true;
	}
	if (!len)
		return false;
	status = http_parse_request(c->req->arena, p, len, h);
	stream_eat(c->s, len);
	if (status == 0 && h->length > 0 && (uint64_t)h->length > c->srv->o.max_body)
		status = 413;
	if (status != 0) {
		refuse(c, status);
		return true;
	}
	parse_query(c->req);
	(void)stream_in(c->s, &n);
	if (h->expect_continue && !n && (h->chunked || h->length > 0)) {
		stream_put(c->s, "HTTP/1.1 100 Continue\r\n\r\n", 25);
		stream_flush(c->s);
	}
	c->phase = BODY; /* the deadline of the head goes on */
	return true;
}

static bool take_body(struct http_conn *c)
{
	struct http_req *r = c->req;
	size_t n;
	const char *p = stream_in(c->s, &n);

	if (r->head.chunked) {
		ssize_t k = http_chunks_feed(&c->chunks, p, n, &r->body, c->srv->o.max_body);

		if (k < 0) {
			refuse(c, k == -EFBIG ? 413 : 400);
			return true;
		}
		stream_eat(c->s, (size_t)k);
		if (c->chunks.state != CHUNK_DONE)
			return false;
	} else if (r->head.length > 0) {
		size_t left = (size_t)r->head.length - r->body.len;

		n = n < left ? n : left;
		str_addn(&r->body, p, n);
		stream_eat(c->s, n);
		if (n < left)
			return false;
	}
	set_phase(c, WORKING, -1);
	r->conn = c;
	c->srv->o.fn(r, c->srv->o.arg);
	return true;
}

/* Go on as far as the input allows. May free C. */
static void advance(struct http_conn *c)
{
	bool more = true;
	size_t n;

	if (c->depth)
		return;
	c->depth++;
	while (more && !c->dead) {
		switch (c->phase) {
		case IDLE:
			(void)stream_in(c->s, &n);
			more = n > 0;
			if (more)
				new_req(c);
			break;
		case HEAD:
			more = take_head(c);
			break;
		case BODY:
			more = take_body(c);
			break;
		case REPLYING:
			more = stream_queued(c->s) == 0;
			if (more)
				answered(c);
			break;
		case LINGERING:
			(void)stream_in(c->s, &n);
			stream_eat(c->s, n);
			more = false;
			break;
		default:
			more = false;
		}
	}
	c->depth--;
	if (c->dead)
		free(c);
}

static void on_stream(struct stream *s, enum stream_event what, void *arg)
{
	struct http_conn *c = arg;

	switch (what) {
	case STREAM_OPEN:
		if (c->srv->o.tls)
			c->digest = tls_io_digest(stream_io(s));
		set_phase(c, IDLE, c->srv->o.idle_timeout);
		break;
	case STREAM_DATA:
	case STREAM_SENT:
		advance(c);
		break;
	case STREAM_END:
		if (c->phase != REPLYING)
			drop(c);
		break;
	case STREAM_FAILED:
		drop(c);
		break;
	}
}

static void on_late(void *arg)
{
	struct http_conn *c = arg;

	switch (c->phase) {
	case IDLE:
		stream_shutdown(c->s); /* says in TLS that this is no accident */
		drop(c);
		break;
	case HEAD:
	case BODY:
		refuse(c, 408);
		advance(c);
		break;
	default:
		drop(c);
	}
}

/* --- accepting --- */

/* The longest unused connection in one of PHASES (bits). */
static struct http_conn *oldest(struct http_server *srv, unsigned phases)
{
	struct http_conn *c = srv->last;

	while (c && !(phases & 1u << c->phase))
		c = c->prev;
	return c;
}

/* Make room: connections without a request go first, then those that have not finished sending one:
 * a few slow peers must not shut out everybody. What is being worked at stays. */
static bool evict(struct http_server *srv)
{
	struct http_conn *c = oldest(srv, 1u << IDLE | 1u << LINGERING);

	if (!c)
		c = oldest(srv, 1u << HANDSHAKE | 1u << HEAD | 1u << BODY);
	if (!c)
		return false;
	stream_shutdown(c->s);
	drop(c);
	return true;
}

static void add_conn(struct http_server *srv, int fd)
{
	void *io = NULL;
	struct http_conn *c;

	if (srv->n >= srv->o.max_connections && !evict(srv)) {
		close(fd);
		return;
	}
	c = xcalloc(1, sizeof(*c));
	c->srv = srv;
	addr_peer(fd, c->ip);
	c->timer = ev_timer_new(srv->ev, "http connection", on_late, c);
	if (srv->o.tls)
		io = tls_io_new(srv->o.tls, fd);
	c->s = stream_new(srv->ev, "http client", fd, io ? &tls_ops : NULL, io, false, on_stream,
			  c);
	stream_limit(c->s, srv->o.max_headers + READ_AHEAD);
	srv->handshakes++;
	c->phase = HANDSHAKE;
	ev_timer_start(c->timer, srv->o.handshake_timeout > 0 ? srv->o.handshake_timeout :
								srv->o.request_timeout);
	link_first(srv, c);
}

static void on_accept(int fd, int what, void *arg)
{
	struct http_server *srv = arg;

	(void)what;
	for (int i = 0; i < 16 && srv->handshakes < HANDSHAKES_MAX; i++) {
		int c = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (c >= 0) {
			add_conn(srv, c);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			   errno == ENOMEM) {
			/* would be ready again at once: make room, or look away for a moment */
			if (!evict(srv)) {
				ev_fd_set(srv->watch, 0);
				ev_timer_start(srv->pause, ACCEPT_PAUSE);
			}
			return;
		} else if (errno != EINTR && errno != ECONNABORTED) {
			break;
		}
	}
	update_listener(srv);
}

static void on_pause_over(void *arg)
{
	update_listener(arg);
}

struct http_server *http_server_new(struct ev *ev, const struct http_server_opts *o, struct err *e)
{
	struct http_server *srv;
	int fd = o->listen_fd;

	assert(o->max_connections > 0 && o->max_headers > 0 && o->idle_timeout > 0 &&
	       o->request_timeout > 0 && o->fn);
	if (o->address || o->port) {
		fd = tcp_listen(o->address, o->port);
		if (fd < 0) {
			err_sys(e, fd, "listen on %s port %d", o->address ? o->address : "*",
				o->port);
			return NULL;
		}
	}
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	srv = xcalloc(1, sizeof(*srv));
	srv->ev = ev;
	srv->o = *o;
	srv->name = o->server_name ? xstrdup(o->server_name) : NULL;
	srv->fd = fd;
	srv->watch = ev_fd_new(ev, "http listener", fd, EV_FD_READ, on_accept, srv);
	srv->pause = ev_timer_new(ev, "http accept pause", on_pause_over, srv);
	return srv;
}

void http_server_free(struct http_server *srv)
{
	if (!srv)
		return;
	while (srv->first)
		drop(srv->first);
	ev_fd_free(srv->watch);
	ev_timer_free(srv->pause);
	close(srv->fd);
	free(srv->name);
	free(srv);
}

int http_server_port(const struct http_server *srv)
{
	return addr_port(srv->fd);
}

/* --- the request, for its handler --- */

enum http_method http_method(const struct http_req *r)
{
	static const char *const names[] = { "GET", "POST", "PUT", "DELETE", "HEAD" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(r->head.method, names[i]) == 0)
			return (enum http_method)i;
	return HTTP_OTHER;
}

const char *http_method_name(const struct http_req *r)
{
	return r->head.method;
}

const char *http_path(const struct http_req *r)
{
	return r->head.path;
}

const char *http_query(const struct http_req *r, const char *key, size_t i)
{
	for (size_t k = 0; k < r->n_args; k++)
		if (strcmp(r->args[k].name, key) == 0 && i-- == 0)
			return r->args[k].value;
	return NULL;
}

const char *http_header(const struct http_req *r, const char *name)
{
	return http_field(&r->head, name);
}

const char *http_body(const struct http_req *r, size_t *ret_len)
{
	if (ret_len)
		*ret_len = r->body.len;
	return str_get(&r->body);
}

const char *http_peer_ip(const struct http_req *r)
{
	return r->ip;
}

const char *http_peer_digest(const struct http_req *r)
{
	return r->digest;
}

struct arena *http_arena(struct http_req *r)
{
	return r->arena;
}

void http_set_header(struct http_req *r, const char *name, const char *value)
{
	str_addf(&r->extra, "%s: ", name);
	for (; *value; value++) /* a line end would begin another header */
		str_addc(&r->extra, (unsigned char)*value < ' ' ? ' ' : *value);
	str_add(&r->extra, "\r\n");
}

void http_reply(struct http_req *r, int status, const char *content_type, const char *body,
		size_t n)
{
	struct http_conn *c = r->conn;

	if (!c) {
		req_free(r);
		return;
	}
	assert(c->phase == WORKING);
	send_answer(c, status, content_type, body, n, stays_open(c));
	advance(c);
}

void http_on_gone(struct http_req *r, void (*fn)(void *arg), void *arg)
{
	r->gone = fn;
	r->gone_arg = arg;
}
