/* lib/net: the HTTP client over real sockets, and both ends with TLS. */
#include "tests/unit/http_kit.h"

#include "lib/base/clock.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

struct result {
	bool done;
	int status, errnum;
	size_t n;
	char text[256];
	struct fix *fix;
	int *left;
	bool *all_done;
};

static void on_result(int status, const char *body, size_t n, const struct err *e, void *arg)
{
	struct result *r = arg;

	assert_false(r->done);
	r->done = true;
	r->status = status;
	r->n = n;
	r->errnum = e ? e->errnum : 0;
	snprintf(r->text, sizeof(r->text), "%s", status ? body : err_msg(e));
	if (r->left && --*r->left == 0)
		*r->all_done = true;
}

static struct http_client *new_client(struct tls_ctx *tls, int max_parallel)
{
	return http_client_new(ev, &(struct http_client_opts){ .tls = tls,
							       .max_parallel = max_parallel,
							       .connect_timeout = 60, /* the machine may be busy */
							       .max_body = 1u << 20 });
}

static void call(struct http_client *c, int port, const char *path, const char *body,
		 double timeout, struct result *r)
{
	*r = (struct result){ 0 };
	http_send(c, "127.0.0.1", port, body ? HTTP_POST : HTTP_GET, path, body,
		  body ? strlen(body) : 0, timeout, on_result, r);
	assert_false(r->done); /* never from inside */
	run_until(&r->done);
}

static void test_client(void **state)
{
	struct http_client *c = new_client(NULL, 4);
	struct result r;
	struct fix f;

	(void)state;
	start_plain(&f);
	call(c, f.port, "/x?q=1", NULL, 5, &r);
	assert_int_equal(r.status, 200);
	assert_string_equal(r.text, "GET /x q=1 from 127.0.0.1 body[0]=");
	call(c, f.port, "/x", "{}", 5, &r);
	assert_string_equal(r.text, "POST /x from 127.0.0.1 body[2]={}");
	call(c, f.port, "/hold", NULL, 0.1, &r);
	assert_int_equal(r.status, 0);
	assert_int_equal(r.errnum, ETIMEDOUT);
	assert_true(str_starts(r.text, "Error 28: Operation timed out after "));
	http_reply(f.held[0], 200, NULL, "", 0);
	call(c, f.port, "/big", NULL, 5, &r);
	assert_int_equal(r.errnum, EFBIG);
	call(c, f.port, "/", "", 5, &r); /* refused: the server ends the connection, we cope */
	assert_int_equal(r.status, 200);
	*r.text = '\0';
	http_server_free(f.srv);
	call(c, f.port, "/", "", 5, &r);
	assert_int_equal(r.status, 0);
	assert_int_equal(r.errnum, ECONNREFUSED);
	assert_true(str_starts(r.text, arena_printf(A, "Error 7: Failed to connect to 127.0.0.1 "
						       "port %d after ", f.port)));
	assert_true(str_ends(r.text, " ms: Couldn't connect to server"));
	call(c, f.port, "/", "", 5, &r);
	assert_int_equal(r.errnum, ECONNREFUSED);
	http_client_free(c);
}

static void test_window(void **state)
{
	struct http_client *c = new_client(NULL, 2);
	struct result r[5] = { { 0 } };
	struct http_call *k[5];
	const bool never = false;
	struct fix f;

	(void)state;
	start_plain(&f);
	for (int i = 0; i < 5; i++)
		k[i] = http_send(c, "127.0.0.1", f.port, HTTP_GET, "/hold", NULL, 0, 5, on_result,
				 &r[i]);
	while (f.n_held < 2) {
		f.done = false;
		run_until(&f.done);
	}
	ev_run_until(ev, &never, 0.1);
	assert_int_equal(f.n_held, 2);
	http_call_cancel(k[4]); /* in the queue */
	http_call_cancel(k[0]); /* at work: its place is free */
	while (f.n_held < 3) {
		f.done = false;
		run_until(&f.done);
	}
	for (int i = 0; i < 3; i++)
		http_reply(f.held[i], 200, NULL, "", 0);
	run_until(&r[2].done);
	while (f.n_held < 4) {
		f.done = false;
		run_until(&f.done);
	}
	http_reply(f.held[3], 200, NULL, "", 0);
	run_until(&r[3].done);
	assert_true(r[1].done && r[1].status == 200);
	assert_false(r[0].done || r[4].done);
	/* the client goes with calls open */
	f.n_held = 0;
	f.done = false;
	http_send(c, "127.0.0.1", f.port, HTTP_GET, "/hold", NULL, 0, 5, on_result, &r[0]);
	run_until(&f.done);
	http_send(c, "127.0.0.1", f.port, HTTP_GET, "/", NULL, 0, 5, on_result, &r[4]);
	http_client_free(c);
	ev_run_until(ev, &never, 0.05);
	assert_false(r[0].done || r[4].done);
	http_server_free(f.srv);
	http_reply(f.held[0], 200, NULL, "", 0);
}

struct inside {
	struct http_client *c;
	struct http_call *other;
	bool done;
};

static void free_inside(int status, const char *body, size_t n, const struct err *e, void *arg)
{
	struct inside *i = arg;

	(void)body;
	(void)n;
	(void)e;
	assert_int_equal(status, 200);
	http_call_cancel(i->other);
	http_client_free(i->c);
	i->done = true;
}

static void never_called(int status, const char *body, size_t n, const struct err *e, void *arg)
{
	(void)status;
	(void)body;
	(void)n;
	(void)e;
	(void)arg;
	fail();
}

/* The whole client may go inside the answer of a call. */
static void test_free_inside(void **state)
{
	struct inside i = { .c = new_client(NULL, 2) };
	const bool never = false;
	struct result r;
	struct fix f;

	(void)state;
	start_plain(&f);
	call(i.c, f.port, "/a b", NULL, 5, &r);
	assert_int_equal(r.errnum, EINVAL);
	http_send(i.c, "127.0.0.1", f.port, HTTP_GET, "/", NULL, 0, 5, free_inside, &i);
	i.other = http_send(i.c, "127.0.0.1", f.port, HTTP_GET, "/hold", NULL, 0, 5, never_called,
			    NULL);
	http_send(i.c, "127.0.0.1", f.port, HTTP_GET, "/", NULL, 0, 5, never_called, NULL);
	run_until(&i.done);
	ev_run_until(ev, &never, 0.02);
	http_server_free(f.srv);
	if (f.n_held)
		http_reply(f.held[0], 200, NULL, "", 0);
}

/* --- a server that says what we want it to --- */

struct script {
	int fd, port, accepted, requests;
	struct ev_fd *watch;
	const char *const *answers; /* NULL entry: end without one */
	struct stream *conn;
	bool close_after;
};

static void on_script(struct stream *s, enum stream_event what, void *arg)
{
	struct script *c = arg;
	const char *text;
	size_t n;

	if (what == STREAM_END || what == STREAM_FAILED) {
		stream_free(s);
		c->conn = NULL;
	}
	if (what != STREAM_DATA)
		return;
	text = stream_in(s, &n);
	if (!memmem(text, n, "\r\n\r\n", 4))
		return;
	stream_eat(s, n);
	text = c->answers[c->requests++];
	if (text) {
		stream_put(s, text, strlen(text));
		stream_flush(s);
	}
	if (!text || c->close_after) {
		stream_free(s);
		c->conn = NULL;
	}
}

static void on_script_accept(int fd, int what, void *arg)
{
	struct script *c = arg;
	int conn = accept(fd, NULL, NULL);

	(void)what;
	assert_true(conn >= 0);
	c->accepted++;
	stream_free(c->conn);
	c->conn = stream_new(ev, "script", conn, NULL, NULL, false, on_script, c);
}

static void script_start(struct script *c, const char *const *answers)
{
	*c = (struct script){ .answers = answers, .fd = tcp_listen("127.0.0.1", 0) };
	c->port = addr_port(c->fd);
	c->watch = ev_fd_new(ev, "script", c->fd, EV_FD_READ, on_script_accept, c);
}

static void script_stop(struct script *c)
{
	stream_free(c->conn);
	ev_fd_free(c->watch);
	close(c->fd);
}

static void test_reuse(void **state)
{
	static const char *const answers[] = {
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		"1\r\nb\r\n0\r\n\r\n",
		"HTTP/1.1 204 No Content\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\nc",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nd",
		NULL, /* the kept connection ends: a POST may have been worked on */
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\ne",
		NULL, /* a GET is sent again */
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nf",
	};
	struct http_client *c = new_client(NULL, 4);
	struct script s;
	struct result r;

	(void)state;
	script_start(&s, answers);
	for (int i = 0; i < 5; i++) {
		static const char *const want[] = { "a", "b", "", "c", "d" };

		call(c, s.port, "/", "x", 5, &r);
		assert_string_equal(r.text, want[i]);
		assert_int_equal(s.accepted, i < 4 ? 1 : 2);
	}
	call(c, s.port, "/", "x", 5, &r);
	assert_string_equal(r.text, "Error 52: Empty reply from server");
	assert_int_equal(s.requests, 6);
	call(c, s.port, "/", "x", 5, &r);
	assert_string_equal(r.text, "e");
	assert_int_equal(s.accepted, 3);
	call(c, s.port, "/", NULL, 5, &r);
	assert_string_equal(r.text, "f");
	assert_int_equal(s.accepted, 4);
	http_client_free(c);
	script_stop(&s);
}

static void test_bad_answers(void **state)
{
	static const struct {
		const char *answer, *error;
		bool close;
	} t[] = {
		{ "junk\r\n\r\n", "Error 8: ", false },
		{ "HTTP/1.1 20x OK\r\n\r\n", "Error 8: ", false },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "Error 8: ",
		  false },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "Error 8: ", false },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxx\r\n", "Error 8: ", false },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n", "Error 63: ", false },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", "Error 18: ", true },
		{ "HTTP/1.1 200 O", "Error 18: ", true },
		{ "HTTP/1.1 200 OK\r\n\r\nto the end", "to the end", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		struct http_client *c = new_client(NULL, 4);
		struct script s;
		struct result r;

		script_start(&s, &t[i].answer);
		s.close_after = t[i].close;
		call(c, s.port, "/", "x", 5, &r);
		if (!str_starts(r.text, t[i].error))
			fail_msg("%s: %s", t[i].answer, r.text);
		http_client_free(c);
		script_stop(&s);
	}
}

/* --- a server that takes a request and then --- */

struct silent {
	int fd, n, conn[8];
	struct ev_fd *watch;
	void (*on_conn)(struct silent *s);
};

static void on_silent(int fd, int what, void *arg)
{
	struct silent *s = arg;

	(void)what;
	assert_true((size_t)s->n < ARRAY_SIZE(s->conn));
	s->conn[s->n] = accept(fd, NULL, NULL);
	assert_true(s->conn[s->n++] >= 0);
	s->on_conn(s);
}

static void stops_listening(struct silent *s)
{
	ev_fd_free(s->watch);
	s->watch = NULL;
	close(s->fd);
	s->fd = -1;
}

static void ask_silent(void (*on_conn)(struct silent *s), struct result *r)
{
	struct silent s = { .fd = tcp_listen("127.0.0.1", 0), .on_conn = on_conn };
	struct http_client *c = http_client_new(ev, &(struct http_client_opts){ .max_parallel = 1,
										.connect_timeout = 1,
										.probe_after = 0.01,
										.max_body = 100 });

	s.watch = ev_fd_new(ev, "silent", s.fd, EV_FD_READ, on_silent, &s);
	call(c, addr_port(s.fd), "/", "x", 600, r);
	http_client_free(c);
	ev_fd_free(s.watch);
	closep(&s.fd);
	for (int i = 0; i < s.n; i++)
		close(s.conn[i]);
}

/* ... does not even take connections: it hangs. */
static void test_hung(void **state)
{
	struct result r;

	(void)state;
	ask_silent(stops_listening, &r);
	assert_true(str_starts(r.text, "Error 28: Operation timed out after "));
	assert_int_equal(r.errnum, ETIMEDOUT);
}

static void answers_third(struct silent *s)
{
	static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate";

	if (s->n == 3)
		assert_int_equal(write(s->conn[0], text, strlen(text)), strlen(text));
}

/* ... works for long: it is asked whether it lives, and waited for. */
static void test_slow(void **state)
{
	struct result r;

	(void)state;
	ask_silent(answers_third, &r);
	assert_string_equal(r.text, "late");
}

/* --- TLS --- */

struct tls_fix {
	struct fix f;
	struct tls_ctx *server, *client;
	struct http_client *c;
};

static void tls_start(struct tls_fix *t, const char *cert, double handshake_timeout)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct http_server_opts o;

	t->server = tls_server_ctx(server_pem, server_pem, &e);
	assert_non_null(t->server);
	t->client = tls_client_ctx(cert, server_pem, &e);
	assert_non_null(t->client);
	o = default_opts(&t->f);
	o.tls = t->server;
	o.max_connections = 400;
	o.request_timeout = 60;
	o.handshake_timeout = handshake_timeout;
	start(&t->f, &o);
	t->c = new_client(t->client, 256);
}

static void tls_stop(struct tls_fix *t)
{
	http_client_free(t->c);
	http_server_free(t->f.srv);
	tls_ctx_free(t->client);
	tls_ctx_free(t->server);
}

static void test_tls(void **state)
{
	struct tls_fix t;
	struct result r;
	int slow = 0;

	(void)state;
	tls_start(&t, client_pem, 5);
	call(t.c, t.f.port, "/", "{}", 5, &r);
	assert_int_equal(r.status, 200);
	assert_string_equal(r.text, arena_printf(A, "POST / from 127.0.0.1 body[2]={} cert %s",
						 client_digest));
	/* with Nagle's algorithm at either end each would take 40 ms */
	for (int i = 0; i < 50; i++) {
		double begin = clock_mono();

		call(t.c, t.f.port, "/", "{}", 5, &r);
		slow += clock_mono() - begin > 0.035;
	}
	assert_true(slow < 25);
	tls_stop(&t);
	/* the server's own certificate, which is also the CA, is a valid client, too */
	tls_start(&t, server_pem, 5);
	call(t.c, t.f.port, "/", "{}", 5, &r);
	assert_int_equal(r.status, 200);
	tls_stop(&t);
}

/* A server that is silent while it should shake hands; the next call waits for the first. */
static void test_tls_silent(void **state)
{
	struct tls_ctx *ctx = tls_client_ctx(client_pem, server_pem, NULL);
	struct http_client_opts o = {
		.tls = ctx, .max_parallel = 1, .connect_timeout = 0.05, .max_body = 100
	};
	struct http_client *c = http_client_new(ev, &o);
	int fd = tcp_listen("127.0.0.1", 0), port = addr_port(fd);
	struct result r[2] = { 0 };

	(void)state;
	assert_non_null(ctx);
	for (int i = 0; i < 2; i++)
		http_send(c, "127.0.0.1", port, HTTP_POST, "/", "{}", 2, 20, on_result, &r[i]);
	for (int i = 0; i < 2; i++) {
		run_until(&r[i].done);
		assert_int_equal(r[i].errnum, ETIMEDOUT);
		assert_true(str_starts(r[i].text, "Error 28: Connection to 127.0.0.1 port "));
	}
	http_client_free(c);
	tls_ctx_free(ctx);
	close(fd);
}

static void test_tls_refused(void **state)
{
	const char *const certs[] = { NULL, foreign_pem };
	struct tls_fix t;
	struct result r;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(certs); i++) {
		tls_start(&t, certs[i], 5);
		for (int k = 0; k < 3; k++) {
			call(t.c, t.f.port, "/", "{}", 5, &r);
			assert_int_equal(r.status, 0);
			assert_true(str_starts(r.text, "Error 56: ") ||
				    str_starts(r.text, "Error 35: "));
		}
		assert_int_equal(t.f.n, 0);
		tls_stop(&t);
	}
	/* a server that is not ours */
	tls_start(&t, client_pem, 5);
	tls_ctx_free(t.client);
	t.client = tls_client_ctx(client_pem, foreign_pem, NULL);
	http_client_free(t.c);
	t.c = new_client(t.client, 4);
	call(t.c, t.f.port, "/", "{}", 5, &r);
	assert_true(str_starts(r.text, "Error 35: "));
	assert_non_null(strstr(r.text, "certificate"));
	assert_int_equal(t.f.n, 0);
	tls_stop(&t);
}

static void test_tls_garbage(void **state)
{
	struct tls_fix t;
	struct result r;
	struct raw raw;
	char junk[600];

	(void)state;
	tls_start(&t, client_pem, 0.5);
	/* plain HTTP, noise, and a client that is silent from the first byte or the fifth on */
	raw_connect(&raw, t.f.port);
	raw_send(&raw, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_true(raw_expect(&raw, NULL, 0));
	raw_close(&raw);
	for (unsigned seed = 1; seed <= 30; seed++) {
		unsigned v = seed;

		for (size_t i = 0; i < sizeof(junk) - 1; i++) {
			v = v * 1103515245 + 12345;
			junk[i] = (char)((v >> 16 & 0xff) | 1); /* no NUL */
		}
		junk[sizeof(junk) - 1] = '\0';
		memcpy(junk, "\x16\x03\x01\x02\x10", 5); /* looks like a ClientHello */
		raw_connect(&raw, t.f.port);
		raw_send(&raw, junk + (seed % 2 ? 0 : 5));
		assert_true(raw_expect(&raw, NULL, 0));
		raw_close(&raw);
	}
	for (int i = 0; i < 2; i++) {
		raw_connect(&raw, t.f.port);
		raw_send(&raw, i ? "\x16\x03\x01\x02\x10" : "");
		assert_true(raw_expect(&raw, NULL, 0));
		raw_close(&raw);
	}
	call(t.c, t.f.port, "/", "{}", 5, &r);
	assert_int_equal(r.status, 200);
	assert_int_equal(t.f.n, 1);
	tls_stop(&t);
}

static void test_fan_out(void **state)
{
	enum { N = 300 };
	struct result *r = xcalloc(N, sizeof(*r));
	const char *want = arena_printf(A, "POST / from 127.0.0.1 body[2]={} cert %s", client_digest);
	struct tls_fix t;

	(void)state;
	tls_start(&t, client_pem, 60);
	for (int round = 0; round < 3; round++) {
		bool all_done = false;
		int left = N;

		for (int i = 0; i < N; i++) {
			r[i] = (struct result){ .left = &left, .all_done = &all_done };
			http_send(t.c, "127.0.0.1", t.f.port, HTTP_POST, "/", "{}", 2, 90,
				  on_result, &r[i]);
		}
		assert_true(ev_run_until(ev, &all_done, 100));
		for (int i = 0; i < N; i++)
			assert_string_equal(r[i].text, want);
	}
	tls_stop(&t);
	free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_client),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_free_inside),
		cmocka_unit_test(test_reuse),
		cmocka_unit_test(test_bad_answers),
		cmocka_unit_test(test_hung),
		cmocka_unit_test(test_slow),
		cmocka_unit_test(test_tls),
		cmocka_unit_test(test_tls_silent),
		cmocka_unit_test(test_tls_refused),
		cmocka_unit_test(test_tls_garbage),
		cmocka_unit_test(test_fan_out),
	};

	return cmocka_run_group_tests_name("http_client", tests, kit_setup, kit_teardown);
}
