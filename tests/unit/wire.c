/* lib/wire: luxi framing over real UNIX sockets. */
#include "tests/unit/unit.h"

#include "lib/base/clock.h"
#include "lib/wire/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/unit-wire-XXXXXX";
static char path[64];

struct fix {
	struct ev *ev;
	struct luxi_server *srv;
	struct luxi_conn *held; /* a request not answered yet */
	int n, gone;
	bool hold, watch, done;
	size_t last_len;
	int status;
};

static void on_gone(void *arg)
{
	struct fix *f = arg;

	f->gone++;
	f->held = NULL;
	f->done = true;
}

static void on_request(struct luxi_conn *c, const char *text, size_t n, void *arg)
{
	struct fix *f = arg;
	json *j = NULL;

	f->n++;
	f->last_len = n;
	if (f->watch)
		luxi_on_gone(c, on_gone, f);
	if (f->hold) {
		f->held = c;
		f->done = true;
		return;
	}
	if (json_parse(text, n, &j, NULL) < 0)
		j = json_new_str("not JSON");
	luxi_reply(c, json_pack("[i,o]", f->n, j));
}

static void start(struct fix *f, int max)
{
	int fd = unix_listen(path, 0660, (uid_t)-1, (gid_t)-1);

	*f = (struct fix){ .ev = ev_new() };
	assert_true(fd >= 0);
	f->srv = luxi_server_new(f->ev, fd, max, on_request, f);
}

static void stop(struct fix *f)
{
	luxi_server_free(f->srv);
	ev_free(f->ev);
}

static int client(void)
{
	int fd = unix_connect(path, 1);

	assert_true(fd >= 0);
	return fd;
}

/* Run the server until FD has something to say. */
struct readable {
	bool yes;
};

static void on_readable(int fd, int what, void *arg)
{
	(void)fd;
	(void)what;
	((struct readable *)arg)->yes = true;
}

static void serve(struct fix *f, int fd)
{
	struct readable r = { false };
	struct ev_fd *w = ev_fd_new(f->ev, "client", fd, EV_FD_READ, on_readable, &r);

	assert_true(ev_run_until(f->ev, &r.yes, 10));
	ev_fd_free(w);
}

static void serve_until_done(struct fix *f)
{
	f->done = false;
	assert_true(ev_run_until(f->ev, &f->done, 60));
}

static void test_exchange(void **state)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *ask = json_pack("{s:s}", "method", "Query"), *got = NULL;
	struct fix f;
	struct stat st;
	int fd;

	(void)state;
	start(&f, 10);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	fd = client();
	for (int i = 1; i <= 3; i++) {
		assert_ok(luxi_write(fd, ask, 1, &e), &e);
		serve(&f, fd);
		assert_ok(luxi_read(fd, &got, 1, &e), &e);
		assert_int_equal(json_int(json_at(got, 0), 0), i);
		assert_true(json_equal(json_at(got, 1), ask));
		json_put(got);
	}
	assert_int_equal(luxi_read(fd, &got, 0.02, &e), -1);
	assert_int_equal(e.errnum, ETIMEDOUT);
	stop(&f);
	assert_int_equal(luxi_read(fd, &got, 1, &e), -1);
	assert_int_equal(e.errnum, EPIPE);
	assert_int_equal(luxi_write(fd, ask, 1, &e), -1);
	assert_int_equal(e.errnum, EPIPE);
	json_put(ask);
	close(fd);
}

static void test_pipelined(void **state)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *got = NULL;
	struct fix f;
	int fd;

	(void)state;
	start(&f, 10);
	fd = client();
	assert_int_equal(write(fd, "1\0032\003junk\0034", 10), 10);
	serve(&f, fd);
	for (int i = 1; i <= 3; i++) {
		assert_ok(luxi_read(fd, &got, 1, &e), &e);
		assert_int_equal(json_int(json_at(got, 0), 0), i);
		if (i < 3)
			assert_int_equal(json_int(json_at(got, 1), 0), i);
		else
			assert_string_equal(json_str(json_at(got, 1)), "not JSON");
		json_put(got);
	}
	assert_int_equal(f.n, 3);
	/* the rest of the fourth, and nothing more to come: still answered */
	assert_int_equal(write(fd, "2\003", 2), 2);
	shutdown(fd, SHUT_WR);
	serve(&f, fd);
	assert_ok(luxi_read(fd, &got, 1, &e), &e);
	assert_int_equal(json_int(json_at(got, 1), 0), 42);
	json_put(got);
	serve(&f, fd);
	assert_int_equal(luxi_read(fd, &got, 1, &e), -1);
	assert_int_equal(e.errnum, EPIPE);
	close(fd);
	stop(&f);
}

static void test_one_at_a_time(void **state)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *got = NULL;
	struct fix f;
	int fd;

	(void)state;
	start(&f, 10);
	f.hold = true;
	fd = client();
	assert_int_equal(write(fd, "1\0032\003", 4), 4);
	serve_until_done(&f);
	assert_int_equal(f.n, 1);
	luxi_reply(f.held, json_new_int(7)); /* later; now the second arrives */
	assert_int_equal(f.n, 2);
	assert_ok(luxi_read(fd, &got, 1, &e), &e);
	assert_int_equal(json_int(got, 0), 7);
	json_put(got);
	luxi_reply(f.held, NULL);
	assert_ok(luxi_read(fd, &got, 1, &e), &e);
	assert_null(got);
	close(fd);
	stop(&f);
}

static void test_gone(void **state)
{
	struct luxi_conn *c;
	struct fix f;
	int fd;

	(void)state;
	start(&f, 10);
	f.hold = f.watch = true;
	fd = client();
	assert_int_equal(write(fd, "1\003", 2), 2);
	serve_until_done(&f);
	close(fd);
	serve_until_done(&f);
	assert_int_equal(f.gone, 1);
	/* without a handler the reply is still owed, and goes nowhere */
	f.watch = false;
	fd = client();
	assert_int_equal(write(fd, "1\003", 2), 2);
	serve_until_done(&f);
	close(fd);
	c = STEAL(f.held);
	fd = client();
	assert_int_equal(write(fd, "1\003", 2), 2);
	serve_until_done(&f); /* the loop saw the first one's end by now */
	luxi_reply(c, json_new_int(1));
	/* the server goes while a request is open */
	c = f.held;
	stop(&f);
	luxi_reply(c, json_new_int(1));
	close(fd);
}

static void test_limits(void **state)
{
	struct luxi_conn *first;
	struct fix f;
	char buf[16];
	int a, b, c;

	(void)state;
	start(&f, 2);
	f.hold = true;
	a = client();
	assert_int_equal(write(a, "1\003", 2), 2);
	serve_until_done(&f);
	first = STEAL(f.held);
	b = client(); /* idle: has to give way */
	c = client();
	assert_int_equal(write(c, "2\003", 2), 2);
	serve_until_done(&f);
	assert_int_equal(f.n, 2);
	serve(&f, b);
	assert_int_equal(read(b, buf, sizeof(buf)), 0);
	close(b);
	b = client(); /* nobody can give way: turned away */
	serve(&f, b);
	assert_int_equal(read(b, buf, sizeof(buf)), 0);
	close(a);
	close(b);
	close(c);
	stop(&f);
	/* the held ones are still ours */
	luxi_reply(first, NULL);
	luxi_reply(f.held, NULL);
}

static void on_child(pid_t pid, int status, void *arg)
{
	struct fix *f = arg;

	(void)pid;
	f->status = status;
	f->done = true;
}

/* A large request and a large reply, with a client that is another process. */
static void test_large(void **state)
{
	size_t n = 20u << 20;
	struct fix f;
	pid_t pid;

	(void)state;
	start(&f, 2);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		char *text = xmalloc(n + 1);
		json *ask, *got = NULL;
		int fd = unix_connect(path, 5);

		memset(text, 'x', n);
		text[n] = '\0';
		ask = json_new_str(text);
		_exit(luxi_write(fd, ask, 20, NULL) == 0 && luxi_read(fd, &got, 20, NULL) == 0 &&
				      json_equal(json_at(got, 1), ask)
			      ? 0
			      : 1);
	}
	ev_child(f.ev, pid, on_child, &f);
	serve_until_done(&f);
	assert_int_equal(f.n, 1);
	assert_int_equal(f.last_len, n + 2);
	assert_int_equal(f.status, 0);
	stop(&f);
}

static int make_dir(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/socket", dir);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	return fs_remove_tree(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exchange),
		cmocka_unit_test(test_pipelined),
		cmocka_unit_test(test_one_at_a_time),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_large),
	};

	return cmocka_run_group_tests_name("wire", tests, make_dir, remove_dir);
}
