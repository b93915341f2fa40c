/* lib/net: the HTTP server over real sockets. */
#include "tests/unit/http_kit.h"

#include "lib/base/clock.h"

#include <sys/socket.h>
#include <unistd.h>

static void test_requests(void **state)
{
	struct fix f;
	struct raw r;

	(void)state;
	start_plain(&f);
	raw_connect(&r, f.port);
	raw_send(&r, "GET /a%20b?q=1&q=x%2By+z&p HTTP/1.1\r\nHost: h\r\nX-Test:  v \t\r\n\r\n");
	assert_true(raw_expect(&r, "body[0]=", 1));
	assert_int_equal(status_of(&r), 200);
	assert_non_null(strstr(r.in.p, "GET /a b q=1 q=x+y z x=v from 127.0.0.1 body[0]="));
	assert_non_null(strstr(r.in.p, "\r\nServer: test\r\n"));
	assert_non_null(strstr(r.in.p, "\r\nX-Extra: a  b\r\n"));
	assert_null(strstr(r.in.p, "Connection:"));
	/* the same connection: three at once, with bodies of both kinds, an empty line between */
	str_trim(&r.in, 0);
	raw_send(&r, "POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
		     "\r\nPUT /2 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
		     "3\r\nabc\r\n2;ext=1\r\nde\r\n0\r\nTrailer: x\r\n\r\n"
		     "HEAD http://h/3 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
	assert_true(raw_expect(&r, NULL, 0));
	assert_non_null(strstr(r.in.p, "POST /1 from 127.0.0.1 body[5]=hello"));
	assert_non_null(strstr(r.in.p, "PUT /2 from 127.0.0.1 body[5]=abcde"));
	assert_null(strstr(r.in.p, "HEAD /3"));
	assert_true(str_ends(r.in.p, "\r\n\r\n"));
	assert_true(strstr(r.in.p, "POST /1") < strstr(r.in.p, "PUT /2"));
	assert_int_equal(f.n, 4);
	raw_close(&r);
	http_server_free(f.srv);
}

static void test_keep_alive(void **state)
{
	struct fix f;
	struct http_server_opts o = default_opts(&f);
	struct raw r;

	(void)state;
	o.close_by_default = true;
	start(&f, &o);
	assert_int_equal(ask(f.port, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"), 200);
	assert_int_equal(ask(f.port, "GET / HTTP/1.0\r\n\r\n"), 200);
	raw_connect(&r, f.port);
	for (int i = 1; i <= 3; i++) {
		raw_send(&r, "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
		assert_true(raw_expect(&r, "body[0]=", i));
	}
	assert_non_null(strstr(r.in.p, "\r\nConnection: keep-alive\r\n"));
	raw_close(&r);
	http_server_free(f.srv);
}

static void test_refused(void **state)
{
	static const struct {
		int status;
		const char *text;
	} t[] = {
		{ 400, "junk\r\n\r\n" },
		{ 400, "\x16\x03\x01\x02\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\n\r\n" }, /* no Host */
		{ 400, "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n" },
		{ 400, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n" },
		{ 400, "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n" },
		{ 400, "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n" },
		{ 400, "GET /%0 HTTP/1.1\r\nHost: a\r\n\r\n" },
		{ 400, "GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n" },
		{ 400, "GET a HTTP/1.1\r\nHost: a\r\n\r\n" },
		{ 400, "G(T / HTTP/1.1\r\nHost: a\r\n\r\n" },
		{ 505, "GET / HTTP/2.0\r\nHost: a\r\n\r\n" },
		{ 400, "GET / FTP/1.1\r\nHost: a\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\nHost: a\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nHost: a\r\nA: b\rc\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nHost: a\r\nA: b\nc\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n folded\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nHost: a\r\n: empty\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nHost : a\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nHost: a\r\nnothing\r\n\r\n" },
		{ 400, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx" },
		{ 400, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\nx" },
		{ 400, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx" },
		{ 400, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\nx" },
		{ 400, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
		       "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" },
		{ 501, "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n" },
		{ 501, "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n" },
		{ 400, "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
		       "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" },
		{ 400, "PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" },
		{ 400, "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n" },
		{ 400, "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n" },
		{ 400, "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\nab\r\n" },
		{ 400, "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
		       "fffffffffffffffff\r\n" },
		{ 413, "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" },
		{ 413, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n" },
		{ 417, "PUT / HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\n\r\n" },
	};
	struct str s CLEANUP(str_free) = { 0 };
	struct fix f;

	(void)state;
	start_plain(&f);
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		int status = ask(f.port, t[i].text);

		if (status != t[i].status)
			fail_msg("%d, not %d: %s", status, t[i].status, t[i].text);
	}
	str_add(&s, "GET / HTTP/1.1\r\nHost: a\r\n");
	for (int i = 0; i < 100; i++)
		str_add(&s, "a: b\r\n");
	str_add(&s, "\r\n");
	assert_int_equal(ask(f.port, s.p), 431); /* too many */
	str_trim(&s, 0);
	str_add(&s, "GET / HTTP/1.1\r\nHost: a\r\nA: ");
	while (s.len < 6000)
		str_addc(&s, 'x');
	assert_int_equal(ask(f.port, s.p), 431); /* endless */
	str_add(&s, "\r\n\r\n");
	assert_int_equal(ask(f.port, s.p), 431); /* too long */
	assert_int_equal(f.n, 0); /* no handler saw any of it */
	http_server_free(f.srv);
}

static void test_expect(void **state)
{
	struct fix f;
	struct raw r;

	(void)state;
	start_plain(&f);
	raw_connect(&r, f.port);
	raw_send(&r, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
		     "Content-Length: 3\r\n\r\n");
	assert_true(raw_expect(&r, "HTTP/1.1 100 Continue\r\n\r\n", 1));
	raw_send(&r, "abc");
	assert_true(raw_expect(&r, "body[3]=abc", 1));
	raw_close(&r);
	/* refused before the body is sent */
	assert_int_equal(ask(f.port, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
				     "Content-Length: 3000\r\n\r\n"),
			 413);
	http_server_free(f.srv);
}

/* A client that sends a little now and then is cut off all the same. */
static void test_slow(void **state)
{
	struct fix f;
	struct http_server_opts o = default_opts(&f);
	double begin = clock_mono();
	struct raw r;

	(void)state;
	o.request_timeout = 0.3;
	o.idle_timeout = 0.2;
	start(&f, &o);
	raw_connect(&r, f.port);
	raw_send(&r, "GET / HTTP/1.1\r\nHost: a\r\n");
	while (!r.ended && clock_mono() < begin + 5) {
		struct ev_fd *w = ev_fd_new(ev, "raw", r.fd, EV_FD_READ, on_raw, &r);

		ev_run_until(ev, &r.ended, 0.03);
		ev_fd_free(w);
		(void)send(r.fd, "A: b\r\n", 6, MSG_NOSIGNAL);
	}
	assert_true(r.ended);
	assert_int_equal(status_of(&r), 408);
	assert_true(clock_mono() - begin >= 0.29);
	raw_close(&r);
	/* in the body, too */
	assert_int_equal(ask(f.port, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc"),
			 408);
	/* idle: before the first and after a request */
	assert_int_equal(ask(f.port, ""), 0);
	assert_int_equal(ask(f.port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
	http_server_free(f.srv);
}

static void test_late_answer(void **state)
{
	struct fix f;
	struct raw r;
	struct http_req *req;

	(void)state;
	start_plain(&f);
	raw_connect(&r, f.port);
	raw_send(&r, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n");
	run_until(&f.done);
	assert_int_equal(f.n, 1);
	http_reply(f.held[0], 404, NULL, "", 0);
	assert_int_equal(f.n, 2); /* the second went on at once */
	assert_true(raw_expect(&r, "GET /next", 1));
	assert_int_equal(status_of(&r), 404);
	/* gone, with somebody to tell */
	f.n_held = 0;
	f.done = false;
	raw_send(&r, "GET /hold?watch=1 HTTP/1.1\r\nHost: a\r\n\r\n");
	run_until(&f.done);
	raw_close(&r);
	f.done = false;
	run_until(&f.done);
	assert_int_equal(f.gone, 1);
	/* gone, with nobody to tell; and gone with the server */
	for (int i = 0; i < 2; i++) {
		f.n_held = 0;
		f.done = false;
		raw_connect(&r, f.port);
		raw_send(&r, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
		run_until(&f.done);
		req = f.held[0];
		if (i == 1)
			http_server_free(f.srv);
		raw_close(&r);
		if (i == 0)
			assert_int_equal(ask(f.port, "GET / HTTP/1.0\r\n\r\n"), 200);
		http_reply(req, 200, "text/plain", "x", 1);
	}
}

static void test_connections(void **state)
{
	struct fix f;
	struct http_server_opts o = default_opts(&f);
	struct raw a, b, c;

	(void)state;
	o.max_connections = 2;
	start(&f, &o);
	raw_connect(&a, f.port);
	raw_send(&a, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
	run_until(&f.done);
	raw_connect(&b, f.port);
	raw_send(&b, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_true(raw_expect(&b, "body[0]=", 1));
	raw_connect(&c, f.port); /* takes the place of the idle one */
	raw_send(&c, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_true(raw_expect(&b, NULL, 0));
	f.done = false;
	if (f.n_held < 2)
		run_until(&f.done);
	assert_int_equal(ask(f.port, "GET / HTTP/1.0\r\n\r\n"), 0); /* no place left */
	http_reply(f.held[0], 200, "text/plain", "first", 5);
	http_reply(f.held[1], 200, "text/plain", "second", 6);
	assert_true(raw_expect(&a, "first", 1));
	assert_true(raw_expect(&c, "second", 1));
	raw_close(&a);
	raw_close(&b);
	raw_close(&c);
	http_server_free(f.srv);
}

/* Requests that are never finished hold no place against those that are. */
static void test_half_sent(void **state)
{
	struct fix f;
	struct http_server_opts o = default_opts(&f);
	struct raw slow[3], held;

	(void)state;
	o.max_connections = 4;
	start(&f, &o);
	raw_connect(&held, f.port);
	raw_send(&held, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
	run_until(&f.done);
	for (size_t i = 0; i < ARRAY_SIZE(slow); i++) {
		raw_connect(&slow[i], f.port);
		raw_send(&slow[i], i % 2 ? "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx" :
					   "GET / HTTP/1.1\r\nHo");
	}
	assert_int_equal(ask(f.port, "GET / HTTP/1.0\r\n\r\n"), 200);
	assert_true(raw_expect(&slow[0], NULL, 0)); /* the oldest has gone */
	raw_send(&slow[1], "12345678");
	assert_true(raw_expect(&slow[1], "body[9]=x12345678", 1));
	http_reply(f.held[0], 200, "text/plain", "held", 4); /* never dropped for others */
	assert_true(raw_expect(&held, "held", 1));
	for (size_t i = 0; i < ARRAY_SIZE(slow); i++)
		raw_close(&slow[i]);
	raw_close(&held);
	http_server_free(f.srv);
}

static char *error_body(struct arena *a, int status, const char **ret_type)
{
	*ret_type = "application/json";
	return arena_printf(a, "{\"code\": %d}", status);
}

static void test_error_body(void **state)
{
	struct fix f;
	struct http_server_opts o = default_opts(&f);
	struct raw r;

	(void)state;
	o.error_body = error_body;
	start(&f, &o);
	raw_connect(&r, f.port);
	raw_send(&r, "nonsense\r\n\r\n");
	assert_true(raw_expect(&r, "{\"code\": 400}", 1));
	assert_non_null(strstr(r.in.p, "\r\nContent-Type: application/json\r\n"));
	raw_close(&r);
	http_server_free(f.srv);
}

static void test_unix_socket(void **state)
{
	struct fix f;
	struct http_server_opts o = default_opts(&f);
	const char *path = arena_printf(A, "%s/http", kit_dir);
	struct raw r = { 0 };

	(void)state;
	o.address = NULL;
	o.listen_fd = unix_listen(path, 0600, (uid_t)-1, (gid_t)-1);
	start(&f, &o);
	assert_int_equal(f.port, 0);
	r.fd = unix_connect(path, 1);
	raw_send(&r, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
	assert_true(raw_expect(&r, NULL, 0));
	assert_non_null(strstr(r.in.p, "GET / from  body"));
	raw_close(&r);
	http_server_free(f.srv);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_keep_alive),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_expect),
		cmocka_unit_test(test_slow),
		cmocka_unit_test(test_late_answer),
		cmocka_unit_test(test_connections),
		cmocka_unit_test(test_half_sent),
		cmocka_unit_test(test_error_body),
		cmocka_unit_test(test_unix_socket),
	};

	return cmocka_run_group_tests_name("http", tests, kit_setup, kit_teardown);
}
