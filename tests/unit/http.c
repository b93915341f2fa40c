/* lib/net: the HTTP server and client over real sockets, plain and with TLS. */
#include "tests/unit/unit.h"

#include "lib/base/clock.h"
#include "lib/net/priv.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/unit-http-XXXXXX";
static struct arena *A;
static struct ev *ev;
static const char *server_pem, *client_pem, *foreign_pem;
static char *client_digest;

static const char *make_pem(const char *name, bool is_ca, const char *issuer, char **ret_digest)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct cert_opts o = { .common_name = name,
			       .days = 10,
			       .key = KEY_EC_P256,
			       .is_ca = is_ca,
			       .issuer_file = issuer };
	const char *path = arena_printf(A, "%s/%s.pem", dir, name);
	char *pem CLEANUP(freep) = NULL;

	assert_ok(cert_make(&o, &pem, &e), &e);
	assert_int_equal(fs_write_atomic(path, pem, strlen(pem), NULL), 0);
	if (ret_digest)
		*ret_digest = cert_digest(A, pem, &e);
	return path;
}

static int setup(void **state)
{
	(void)state;
	A = arena_new();
	ev = ev_new();
	if (!mkdtemp(dir))
		return -1;
	server_pem = make_pem("server", true, NULL, NULL);
	client_pem = make_pem("client", false, server_pem, &client_digest);
	foreign_pem = make_pem("foreign", true, NULL, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ev_free(ev);
	arena_free(A);
	return fs_remove_tree(dir);
}

/* --- the server under test --- */

struct fix {
	struct http_server *srv;
	int port;
	int n, gone, working, most;
	bool done;
	struct http_req *held[8];
	int n_held;
};

static void on_gone(void *arg)
{
	struct fix *f = arg;

	f->gone++;
	f->n_held = 0;
	f->done = true;
}

/* What came, as text: every accessor is in it. */
static void describe(struct http_req *r, struct str *s)
{
	size_t n;
	const char *body = http_body(r, &n);

	str_addf(s, "%s %s", http_method_name(r), http_path(r));
	for (size_t i = 0; http_query(r, "q", i); i++)
		str_addf(s, " q=%s", http_query(r, "q", i));
	if (http_header(r, "x-test"))
		str_addf(s, " x=%s", http_header(r, "X-Test"));
	str_addf(s, " from %s body[%zu]=%.*s", http_peer_ip(r), n, (int)n, body);
	if (http_peer_digest(r))
		str_addf(s, " cert %s", http_peer_digest(r));
}

static void on_request(struct http_req *r, void *arg)
{
	struct str s CLEANUP(str_free) = { 0 };
	struct fix *f = arg;

	f->n++;
	f->done = true;
	if (strcmp(http_path(r), "/hold") == 0) {
		f->held[f->n_held++] = r;
		if (http_query(r, "watch", 0))
			http_on_gone(r, on_gone, f);
		return;
	}
	if (strcmp(http_path(r), "/big") == 0) {
		char *text CLEANUP(freep) = xcalloc(1, 3u << 20);

		http_reply(r, 200, "application/octet-stream", text, 3u << 20);
		return;
	}
	describe(r, &s);
	http_set_header(r, "X-Extra", "a\r\nb");
	http_reply(r, 200, "text/plain", str_get(&s), s.len);
}

static struct http_server_opts default_opts(struct fix *f)
{
	return (struct http_server_opts){ .address = "127.0.0.1",
					  .max_body = 1000,
					  .max_headers = 4096,
					  .max_connections = 50,
					  .idle_timeout = 5,
					  .request_timeout = 5,
					  .server_name = "test",
					  .fn = on_request,
					  .arg = f };
}

static void start(struct fix *f, const struct http_server_opts *o)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;

	*f = (struct fix){ 0 };
	f->srv = http_server_new(ev, o, &e);
	if (!f->srv)
		fail_msg("%s", err_msg(&e));
	f->port = http_server_port(f->srv);
}

static void start_plain(struct fix *f)
{
	struct http_server_opts o = default_opts(f);

	start(f, &o);
}

static void run_until(const bool *done)
{
	assert_true(ev_run_until(ev, done, 10));
}

/* --- a client without any cleverness --- */

struct raw {
	int fd;
	struct str in;
	bool ended;
};

static void raw_connect(struct raw *r, int port)
{
	*r = (struct raw){ .fd = tcp_start_connect("127.0.0.1", port, NULL) };
	assert_true(r->fd >= 0);
}

static void raw_send(struct raw *r, const char *text)
{
	size_t n = strlen(text);

	for (double end = clock_mono() + 5; n;) {
		ssize_t k = send(r->fd, text, n, MSG_NOSIGNAL);

		if (k < 0 && errno == EAGAIN && clock_mono() < end) {
			poll(&(struct pollfd){ .fd = r->fd, .events = POLLOUT }, 1, 100);
			continue;
		}
		assert_true(k > 0);
		text += k;
		n -= (size_t)k;
	}
}

static void on_raw(int fd, int what, void *arg)
{
	struct raw *r = arg;
	char buf[4096];
	ssize_t n = recv(fd, buf, sizeof(buf), 0);

	(void)what;
	if (n > 0)
		str_addn(&r->in, buf, (size_t)n);
	else if (n == 0 || errno != EAGAIN)
		r->ended = true;
}

/* Read, with the server running, until TEXT has come N times (NULL: until the end). */
static bool raw_expect(struct raw *r, const char *text, int n)
{
	struct ev_fd *w = ev_fd_new(ev, "raw", r->fd, EV_FD_READ, on_raw, r);
	double end = clock_mono() + 10;
	const bool never = false;
	bool found = false;

	while (!found && !r->ended && clock_mono() < end) {
		int k = 0;

		ev_run_until(ev, &never, 0.002);
		for (const char *p = str_get(&r->in); text && (p = strstr(p, text)); p++)
			k++;
		found = text && k >= n;
	}
	ev_fd_free(w);
	return text ? found : r->ended;
}

static void raw_close(struct raw *r)
{
	str_free(&r->in);
	closep(&r->fd);
}

static int status_of(const struct raw *r)
{
	return strncmp(str_get(&r->in), "HTTP/1.1 ", 9) == 0 ? atoi(r->in.p + 9) : 0;
}

/* Send TEXT; the status it is answered with when the connection then ends, else 0. */
static int ask(int port, const char *text)
{
	struct raw r;
	int status;

	raw_connect(&r, port);
	raw_send(&r, text);
	status = raw_expect(&r, NULL, 0) ? status_of(&r) : 0;
	raw_close(&r);
	return status;
}

/* --- server tests --- */

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

static void test_unix_socket(void **state)
{
	struct fix f;
	struct http_server_opts o = default_opts(&f);
	const char *path = arena_printf(A, "%s/http", dir);
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

/* --- client tests --- */

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
							       .connect_timeout = 5,
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
	assert_true(str_starts(r.text, "Error 28: Operation timed out after 1"));
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

/* --- TLS --- */

struct tls_fix {
	struct fix f;
	struct tls_ctx *server, *client;
	struct http_client *c;
};

static void tls_start(struct tls_fix *t, const char *cert, double request_timeout)
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
	o.request_timeout = request_timeout;
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
	double begin;

	(void)state;
	tls_start(&t, client_pem, 5);
	call(t.c, t.f.port, "/", "{}", 5, &r);
	assert_int_equal(r.status, 200);
	assert_string_equal(r.text, arena_printf(A, "POST / from 127.0.0.1 body[2]={} cert %s",
						 client_digest));
	/* with Nagle's algorithm at either end each would take 40 ms */
	begin = clock_mono();
	for (int i = 0; i < 50; i++)
		call(t.c, t.f.port, "/", "{}", 5, &r);
	assert_true(clock_mono() - begin < 1.5);
	tls_stop(&t);
	/* the server's own certificate, which is also the CA, is a valid client, too */
	tls_start(&t, server_pem, 5);
	call(t.c, t.f.port, "/", "{}", 5, &r);
	assert_int_equal(r.status, 200);
	tls_stop(&t);
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
	struct tls_fix t;

	(void)state;
	tls_start(&t, client_pem, 5);
	for (int round = 0; round < 3; round++) {
		bool all_done = false;
		int left = N;

		for (int i = 0; i < N; i++) {
			r[i] = (struct result){ .left = &left, .all_done = &all_done };
			http_send(t.c, "127.0.0.1", t.f.port, HTTP_POST, "/", "{}", 2, 20,
				  on_result, &r[i]);
		}
		assert_true(ev_run_until(ev, &all_done, 30));
		for (int i = 0; i < N; i++)
			assert_int_equal(r[i].status, 200);
	}
	tls_stop(&t);
	free(r);
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
		cmocka_unit_test(test_unix_socket),
		cmocka_unit_test(test_client),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_reuse),
		cmocka_unit_test(test_bad_answers),
		cmocka_unit_test(test_tls),
		cmocka_unit_test(test_tls_refused),
		cmocka_unit_test(test_tls_garbage),
		cmocka_unit_test(test_fan_out),
	};

	return cmocka_run_group_tests_name("http", tests, setup, teardown);
}
