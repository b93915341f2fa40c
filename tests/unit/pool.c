/* lib/sys: worker processes and daemons. This program is also the worker and the daemon. */
#include "tests/unit/unit.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/sys/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define FD 3

static char dir[] = "/tmp/unit-pool-XXXXXX";
static struct arena *A;

/* --- the worker --- */

static void send_msg(json *j)
{
	if (chan_write(FD, j, 5) < 0)
		_exit(9);
	json_put(j);
}

static int worker(void)
{
	int served = 0;

	for (;; served++) {
		json *req CLEANUP(json_putp) = NULL;
		json *more CLEANUP(json_putp) = NULL, *echo CLEANUP(json_putp) = json_pack("{s:b}", "final", true);
		char *tail CLEANUP(freep) = NULL;
		const char *what;
		size_t n;

		if (chan_read_tail(FD, &req, &tail, &n, 1 << 20, -1) < 0)
			return 0; /* the pool closed its end */
		if (tail) {
			if (chan_write_tail(FD, echo, tail, n, 5) < 0)
				return 9;
			continue;
		}
		what = json_get_str(req, "do");
		if (strcmp(what, "crash") == 0)
			abort();
		if (strcmp(what, "hang") == 0)
			for (;;)
				pause();
		if (strcmp(what, "ask") == 0) {
			send_msg(json_pack("{s:s}", "step", "one"));
			if (chan_read(FD, &more, 1 << 20, 10) < 0)
				return 8;
			send_msg(json_pack("{s:O}", "step", json_get(more, "answer")));
		}
		if (strcmp(what, "orphan") == 0) {
			/* a child that keeps our end of the channel, then a sudden end */
			if (run_start(&(struct run){ .argv = (const char *const[]){ "sleep", "3",
										    NULL },
						     .keep_fds = (int[]){ FD, -1 } }) < 0)
				return 7;
			_exit(1);
		}
		send_msg(json_pack("{s:b, s:b, s:i, s:i}", "final", true, "retire",
				   strcmp(what, "retire") == 0, "pid", (int)getpid(), "served",
				   served));
	}
}

/* --- the pool --- */

struct seen {
	struct ev *ev;
	struct pool *pool;
	int n_msg, n_final, n_null;
	int pid, served;
	char steps[64];
	char tail[64];
	size_t tail_n;
	int want; /* finals */
	bool done;
};

static void on_msg(struct pool_job *j, json *msg, bool final, void *arg)
{
	struct seen *s = arg;

	if (!final) {
		s->n_msg++;
		strncat(s->steps, json_get_str(msg, "step"),
			sizeof(s->steps) - strlen(s->steps) - 1);
		assert_true(pool_pid(j) > 0);
		if (s->n_msg == 1)
			pool_send(j, json_pack("{s:s}", "answer", "two"));
		return;
	}
	s->n_final++;
	if (pool_tail(j, &s->tail_n))
		memcpy(s->tail, pool_tail(j, &s->tail_n), s->tail_n);
	if (msg) {
		s->pid = (int)json_get_int(msg, "pid", 0);
		s->served = (int)json_get_int(msg, "served", -1);
	} else {
		s->n_null++;
	}
	s->done = s->n_final >= s->want;
}

static struct pool *new_pool(struct ev *ev, int min, int max, int retire_after)
{
	static const char *const argv[] = { "/proc/self/exe", "worker", NULL };

	return pool_new(ev, &(struct pool_opts){ .name = "test",
						 .argv = argv,
						 .min = min,
						 .max = max,
						 .retire_after = retire_after,
						 .max_message = 1 << 20 });
}

static struct pool_job *submit(struct seen *s, const char *what, double timeout)
{
	return pool_submit(s->pool, json_pack("{s:s}", "do", what), timeout, on_msg, s);
}

static void wait_finals(struct seen *s, int n)
{
	s->want = s->n_final + n;
	s->done = false;
	assert_true(ev_run_until(s->ev, &s->done, 20));
}

static void start(struct seen *s, int min, int max, int retire_after)
{
	*s = (struct seen){ .ev = ev_new() };
	s->pool = new_pool(s->ev, min, max, retire_after);
}

static void stop(struct seen *s)
{
	pool_free(s->pool);
	ev_free(s->ev);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nobody is left behind */
	assert_int_equal(errno, ECHILD);
}

static void test_pool_serves(void **state)
{
	struct seen s;
	int pid;

	(void)state;
	start(&s, 0, 1, 0);
	submit(&s, "echo", 10);
	assert_int_equal(s.n_final, 0);
	wait_finals(&s, 1);
	pid = s.pid;
	assert_true(pid > 0);
	for (int i = 0; i < 3; i++)
		submit(&s, "echo", 10); /* one worker: they queue */
	wait_finals(&s, 3);
	assert_int_equal(s.pid, pid);
	assert_int_equal(s.served, 3);
	submit(&s, "ask", 10);
	wait_finals(&s, 1);
	assert_string_equal(s.steps, "onetwo");
	assert_int_equal(s.n_null, 0);
	stop(&s);
}

static void test_pool_early_message(void **state)
{
	struct pool_job *j;
	struct seen s;

	(void)state;
	start(&s, 0, 1, 0);
	s.n_msg = 1; /* so that on_msg() does not answer */
	submit(&s, "echo", 10);
	j = submit(&s, "ask", 10);
	assert_int_equal(pool_pid(j), 0);
	pool_send(j, json_pack("{s:s}", "answer", "early"));
	wait_finals(&s, 2);
	assert_string_equal(s.steps, "oneearly");
	stop(&s);
}

static void test_pool_tails(void **state)
{
	static const char bytes[] = "{\"x\":\0 not JSON\xff";
	struct seen s;

	(void)state;
	start(&s, 0, 1, 0);
	pool_submit_tail(s.pool, json_new_dict(), bytes, sizeof(bytes), 10, on_msg, &s);
	pool_submit_tail(s.pool, json_new_dict(), "queued", 6, 10, on_msg, &s);
	wait_finals(&s, 1);
	assert_int_equal(s.tail_n, sizeof(bytes));
	assert_memory_equal(s.tail, bytes, sizeof(bytes));
	wait_finals(&s, 1);
	assert_int_equal(s.tail_n, 6);
	assert_memory_equal(s.tail, "queued", 6);
	submit(&s, "echo", 10);
	wait_finals(&s, 1);
	assert_int_equal(s.tail_n, 0);
	assert_int_equal(s.n_null, 0);
	stop(&s);
}

static void test_pool_retires(void **state)
{
	struct seen s;
	int pid;

	(void)state;
	start(&s, 1, 2, 2);
	submit(&s, "echo", 10);
	wait_finals(&s, 1);
	pid = s.pid;
	submit(&s, "echo", 10);
	wait_finals(&s, 1);
	submit(&s, "echo", 10);
	wait_finals(&s, 1);
	assert_int_not_equal(s.pid, pid);
	pid = s.pid;
	submit(&s, "retire", 10);
	wait_finals(&s, 1);
	submit(&s, "echo", 10);
	wait_finals(&s, 1);
	assert_int_not_equal(s.pid, pid);
	stop(&s);
}

/* After many at once, only as many stay as have to. */
static void test_pool_shrinks(void **state)
{
	static const char *const argv[] = { "/proc/self/exe", "worker", NULL };
	struct pool_opts o = { .name = "test", .argv = argv, .min = 1, .max = 4, .max_message = 1 << 20,
			       .idle_time = 0.1 };
	struct seen s = { .ev = ev_new() };
	double end = clock_mono() + 20;
	bool never = false;

	(void)state;
	s.pool = pool_new(s.ev, &o);
	for (int i = 0; i < 4; i++)
		submit(&s, "echo", 10);
	assert_int_equal(pool_size(s.pool), 4);
	wait_finals(&s, 4);
	while (pool_size(s.pool) != 1 && clock_mono() < end)
		ev_run_until(s.ev, &never, 0.05);
	assert_int_equal(pool_size(s.pool), 1);
	submit(&s, "echo", 10);
	wait_finals(&s, 1);
	assert_int_equal(s.n_null, 0);
	assert_int_equal(s.served, 1); /* one of those that were there */
	stop(&s);
}

static void test_pool_crash(void **state)
{
	struct seen s;

	(void)state;
	start(&s, 0, 2, 0);
	submit(&s, "crash", 10);
	submit(&s, "echo", 10);
	wait_finals(&s, 2);
	assert_int_equal(s.n_null, 1);
	assert_true(s.pid > 0);
	/* its end is noticed even if a child of it keeps the channel */
	submit(&s, "orphan", 10);
	wait_finals(&s, 1);
	assert_int_equal(s.n_null, 2);
	stop(&s);
}

static void test_pool_timeout(void **state)
{
	double begin = clock_mono();
	struct pool_job *j;
	struct seen s;

	(void)state;
	start(&s, 0, 1, 0);
	submit(&s, "hang", 4);
	submit(&s, "echo", 0.1); /* never gets a worker in time */
	submit(&s, "echo", 30);
	wait_finals(&s, 1);
	assert_int_equal(s.n_null, 1);
	wait_finals(&s, 1);
	assert_int_equal(s.n_null, 2);
	assert_true(clock_mono() - begin >= 3.99);
	wait_finals(&s, 1);
	assert_int_equal(s.n_null, 2);
	assert_int_equal(s.served, 0);
	/* cancelled: at work and in the queue; killed by the caller */
	j = submit(&s, "hang", 10);
	assert_true(pool_pid(j) > 0);
	submit(&s, "echo", 10);
	pool_cancel(submit(&s, "echo", 10));
	pool_cancel(j);
	wait_finals(&s, 1);
	assert_int_equal(s.n_null, 2);
	j = submit(&s, "hang", 10);
	pool_kill(j, SIGTERM);
	wait_finals(&s, 1);
	assert_int_equal(s.n_null, 3);
	/* the pool goes with a job at work and one queued */
	submit(&s, "hang", 10);
	submit(&s, "echo", 10);
	stop(&s);
	assert_int_equal(s.n_null, 3);
}

/* --- workers that outlive a pool --- */

static pid_t sleeper(int *ret_pid_fd)
{
	pid_t pid = run_start(&(struct run){ .argv = (const char *const[]){ "sleep", "60", NULL } });

	assert_true(pid > 0);
	*ret_pid_fd = pidfd_open(pid, 0);
	assert_true(*ret_pid_fd >= 0);
	return pid;
}

static void reap(pid_t pid, int want_signal)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), want_signal);
}

static void no_hello(struct chan *c, json *msg, void *arg)
{
	(void)c;
	(void)msg;
	(void)arg;
	fail();
}

static void test_pool_adopts(void **state)
{
	struct seen s;
	struct pool_job *j;
	json *msg CLEANUP(json_putp) = NULL, *word CLEANUP(json_putp) = json_pack("{s:s}", "step", "x");
	json *last CLEANUP(json_putp) = json_pack("{s:b, s:i, s:i}", "final", 1, "pid", 5, "served", 6);
	pid_t pid, pid2, pid3;
	int fd, pair[2];

	(void)state;
	start(&s, 0, 1, 0);
	/* it ends, away */
	pid = sleeper(&fd);
	j = pool_adopt(s.pool, pid, fd, 20, on_msg, &s);
	assert_true(pool_away(j));
	assert_int_equal(pool_pid(j), pid);
	pool_kill(j, SIGTERM);
	wait_finals(&s, 1);
	assert_int_equal(s.n_null, 1);
	reap(pid, SIGTERM);
	/* it does not come in time */
	pid = sleeper(&fd);
	pool_adopt(s.pool, pid, fd, 0.05, on_msg, &s);
	wait_finals(&s, 1);
	assert_int_equal(s.n_null, 2);
	reap(pid, SIGKILL);
	/* it comes, hears what was sent meanwhile, says something, and ends the job */
	pid = sleeper(&fd);
	j = pool_adopt(s.pool, pid, fd, 20, on_msg, &s);
	pool_send(j, json_pack("{s:s}", "event", "cancel"));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	pool_attach(j, chan_new(s.ev, "test", pair[0], 1 << 20, no_hello, NULL));
	assert_false(pool_away(j));
	assert_int_equal(chan_write(pair[1], word, 5), 0);
	assert_int_equal(chan_write(pair[1], last, 5), 0);
	wait_finals(&s, 1);
	assert_int_equal(chan_read(pair[1], &msg, 1 << 20, 5), 0);
	assert_string_equal(json_get_str(msg, "event"), "cancel");
	assert_int_equal(s.n_null, 2);
	assert_int_equal(s.n_msg, 1);
	assert_int_equal(s.served, 6);
	close(pair[1]);
	/* a pool that goes leaves alone what it let go: one that is away, one at work; not one on its way out */
	pid2 = sleeper(&fd);
	pool_adopt(s.pool, pid2, fd, 20, on_msg, &s);
	j = submit(&s, "hang", 10);
	pid3 = pool_pid(j);
	pool_let_go(s.pool);
	pool_free(s.pool);
	ev_free(s.ev);
	reap(pid, SIGTERM);
	assert_int_equal(s.n_final, 3);
	kill(pid2, SIGINT);
	reap(pid2, SIGINT);
	if (pid3 > 0) {
		kill(pid3, SIGINT);
		reap(pid3, SIGINT);
	}
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nobody is left behind */
}

static void test_proc_start(void **state)
{
	int64_t t = 0, again = 0;
	int fd;
	pid_t pid = sleeper(&fd);

	(void)state;
	assert_int_equal(proc_start_time(pid, &t), 0);
	assert_true(t > 0);
	assert_int_equal(proc_start_time(pid, &again), 0);
	assert_int_equal(again, t);
	assert_string_not_equal(proc_boot_id(A), "");
	kill(pid, SIGINT);
	assert_int_equal(poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 20000), 1);
	assert_int_equal(proc_start_time(pid, &t), -ESRCH); /* ended, though nobody took note */
	reap(pid, SIGINT);
	assert_int_equal(proc_start_time(pid, &t), -ESRCH);
	close(fd);
}

static void test_pool_broken_program(void **state)
{
	static const char *const none[] = { "/nonexistent", NULL };
	static const char *const ends[] = { "/bin/true", NULL };
	struct pool_opts o = { .name = "broken", .argv = none, .min = 1, .max = 2,
			       .max_message = 1000 };
	struct seen s = { .ev = ev_new() };
	const bool never = false;

	(void)state;
	s.pool = pool_new(s.ev, &o);
	submit(&s, "echo", 10);
	assert_int_equal(s.n_final, 0); /* told from the loop, not from inside */
	wait_finals(&s, 1);
	assert_int_equal(s.n_null, 1);
	pool_free(s.pool);
	o.argv = ends;
	s.pool = pool_new(s.ev, &o);
	submit(&s, "echo", 10);
	wait_finals(&s, 1);
	assert_int_equal(s.n_null, 2);
	ev_run_until(s.ev, &never, 0.2);
	stop(&s);
}

/* --- the daemon --- */

static struct ev *daemon_ev;

static void on_term(int signum, void *arg)
{
	(void)signum;
	(void)arg;
	log_info("stopping");
	ev_stop(daemon_ev);
}

/* argv: daemon FOLDER HOW */
static int daemon_main(const char *where, const char *how)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	char *pidfile CLEANUP(freep) = xasprintf("%s/pid", where);
	char *logfile CLEANUP(freep) = xasprintf("%s/log", where);
	struct daemon_opts o = { .name = "testd", .pidfile = pidfile, .logfile = logfile };

	if (strcmp(how, "nobody") == 0)
		o.user = "nobody";
	if (daemon_start(&o, &e) < 0)
		daemon_failed(4, err_msg(&e));
	if (strcmp(how, "fails") == 0)
		daemon_failed(5, "no port");
	if (strcmp(how, "dies") == 0)
		_exit(0);
	log_info("hello");
	daemon_ev = ev_new();
	ev_signal(daemon_ev, SIGTERM, on_term, NULL);
	daemon_ready();
	puts("words on stdout");
	fflush(stdout);
	ev_run(daemon_ev);
	ev_free(daemon_ev);
	return 0;
}

static void run_daemon(const char *how, struct run_result *res)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	const char *const argv[] = { "/proc/self/exe", "daemon", dir, how, NULL };

	run_result_free(res);
	assert_ok(run_cmd(&(struct run){ .argv = argv, .timeout = 20 }, res, &e), &e);
}

static void wait_gone(const char *pidfile)
{
	for (double end = clock_mono() + 10; pidfile_alive(pidfile);) {
		assert_true(clock_mono() < end);
		usleep(2000);
	}
}

static void test_daemon(void **state)
{
	const char *pidfile = arena_printf(A, "%s/pid", dir);
	const char *logfile = arena_printf(A, "%s/log", dir);
	struct run_result res CLEANUP(run_result_free) = { 0 };
	char *log = NULL;
	char link[64];
	ssize_t n;
	pid_t pid;

	(void)state;
	run_daemon("works", &res);
	assert_string_equal(res.err, "");
	assert_int_equal(res.status, 0);
	pid = pidfile_alive(pidfile);
	assert_true(pid > 0);
	assert_int_not_equal(getsid(pid), pid); /* no leader */
	assert_int_not_equal(getsid(pid), getsid(0));
	n = readlink(arena_printf(A, "/proc/%d/cwd", (int)pid), link, sizeof(link));
	assert_int_equal(n, 1);
	n = readlink(arena_printf(A, "/proc/%d/fd/0", (int)pid), link, sizeof(link) - 1);
	assert_memory_equal(link, "/dev/null", n);

	run_daemon("works", &res);
	assert_int_equal(res.status, 4);
	assert_string_equal(res.err, arena_printf(A, "testd is already running with pid %d\n",
						  (int)pid));
	kill(pid, SIGTERM);
	wait_gone(pidfile);
	assert_int_equal(fs_read(logfile, 10000, &log, NULL), 0);
	assert_non_null(strstr(log, arena_printf(A, ": testd pid=%d INFO hello\n", (int)pid)));
	assert_non_null(strstr(log, "words on stdout\n"));
	assert_non_null(strstr(log, "INFO stopping\n"));
	free(log);

	run_daemon("fails", &res);
	assert_int_equal(res.status, 5);
	assert_string_equal(res.err, "Error when starting daemon process: no port\n");
	run_daemon("dies", &res);
	assert_int_equal(res.status, 1);
	assert_string_equal(res.err, "Error when starting daemon process: it ended early\n");
	wait_gone(pidfile);
}

static void test_daemon_user(void **state)
{
	const char *pidfile = arena_printf(A, "%s/pid", dir);
	struct run_result res CLEANUP(run_result_free) = { 0 };
	struct stat st;
	uid_t nobody = 0;
	pid_t pid;

	(void)state;
	if (geteuid() != 0 || user_ids("nobody", &nobody, NULL) < 0)
		skip();
	assert_int_equal(chmod(dir, 0755), 0);
	run_daemon("nobody", &res);
	assert_string_equal(res.err, "");
	pid = pidfile_alive(pidfile);
	assert_true(pid > 0);
	assert_int_equal(stat(arena_printf(A, "/proc/%d/task", (int)pid), &st), 0);
	assert_int_equal(stat(arena_printf(A, "%s/log", dir), &st), 0);
	assert_int_equal(st.st_uid, nobody);
	{
		char *status = NULL;

		assert_int_equal(fs_read(arena_printf(A, "/proc/%d/status", (int)pid), 10000,
					 &status, NULL),
				 0);
		assert_non_null(strstr(status, arena_printf(A, "Uid:\t%d\t%d\t%d", (int)nobody,
							    (int)nobody, (int)nobody)));
		free(status);
	}
	kill(pid, SIGTERM);
	wait_gone(pidfile);
}

static int setup(void **state)
{
	(void)state;
	A = arena_new();
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(A);
	return fs_remove_tree(dir);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pool_serves),
		cmocka_unit_test(test_pool_early_message),
		cmocka_unit_test(test_pool_tails),
		cmocka_unit_test(test_pool_retires), cmocka_unit_test(test_pool_shrinks),
		cmocka_unit_test(test_pool_crash),
		cmocka_unit_test(test_pool_timeout),
		cmocka_unit_test(test_pool_adopts),
		cmocka_unit_test(test_proc_start),
		cmocka_unit_test(test_pool_broken_program),
		cmocka_unit_test(test_daemon),
		cmocka_unit_test(test_daemon_user),
	};

	if (argc == 2 && strcmp(argv[1], "worker") == 0)
		return worker();
	if (argc == 4 && strcmp(argv[1], "daemon") == 0)
		return daemon_main(argv[2], argv[3]);
	return cmocka_run_group_tests_name("pool", tests, setup, teardown);
}
