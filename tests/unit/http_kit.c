#include "tests/unit/http_kit.h"

#include "lib/base/clock.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

char kit_dir[] = "/tmp/unit-http-XXXXXX";
struct arena *A;
struct ev *ev;
const char *server_pem, *client_pem, *foreign_pem;
char *client_digest;

static const char *make_pem(const char *name, bool is_ca, const char *issuer, char **ret_digest)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct cert_opts o = { .common_name = name,
			       .days = 10,
			       .key = KEY_EC_P256,
			       .is_ca = is_ca,
			       .issuer_file = issuer };
	const char *path = arena_printf(A, "%s/%s.pem", kit_dir, name);
	char *pem CLEANUP(freep) = NULL;

	assert_ok(cert_make(&o, &pem, &e), &e);
	assert_int_equal(fs_write_atomic(path, pem, strlen(pem), NULL), 0);
	if (ret_digest)
		*ret_digest = cert_digest(A, pem, &e);
	return path;
}

int kit_setup(void **state)
{
	(void)state;
	A = arena_new();
	ev = ev_new();
	if (!mkdtemp(kit_dir))
		return -1;
	server_pem = make_pem("server", true, NULL, NULL);
	client_pem = make_pem("client", false, server_pem, &client_digest);
	foreign_pem = make_pem("foreign", true, NULL, NULL);
	return 0;
}

int kit_teardown(void **state)
{
	(void)state;
	ev_free(ev);
	arena_free(A);
	return fs_remove_tree(kit_dir);
}

/* --- the server under test --- */

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

struct http_server_opts default_opts(struct fix *f)
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

void start(struct fix *f, const struct http_server_opts *o)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;

	*f = (struct fix){ 0 };
	f->srv = http_server_new(ev, o, &e);
	if (!f->srv)
		fail_msg("%s", err_msg(&e));
	f->port = http_server_port(f->srv);
}

void start_plain(struct fix *f)
{
	struct http_server_opts o = default_opts(f);

	start(f, &o);
}

void run_until(const bool *done)
{
	assert_true(ev_run_until(ev, done, 10));
}

/* --- a client without any cleverness --- */

void raw_connect(struct raw *r, int port)
{
	*r = (struct raw){ .fd = tcp_start_connect("127.0.0.1", port, NULL) };
	assert_true(r->fd >= 0);
}

void raw_send(struct raw *r, const char *text)
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

void on_raw(int fd, int what, void *arg)
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
bool raw_expect(struct raw *r, const char *text, int n)
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

void raw_close(struct raw *r)
{
	str_free(&r->in);
	closep(&r->fd);
}

int status_of(const struct raw *r)
{
	return strncmp(str_get(&r->in), "HTTP/1.1 ", 9) == 0 ? atoi(r->in.p + 9) : 0;
}

/* Send TEXT; the status it is answered with when the connection then ends, else 0. */
int ask(int port, const char *text)
{
	struct raw r;
	int status;

	raw_connect(&r, port);
	raw_send(&r, text);
	status = raw_expect(&r, NULL, 0) ? status_of(&r) : 0;
	raw_close(&r);
	return status;
}
