/* lib/sys: files, children, the loop, streams and frames. Real files, real processes. */
#include "tests/unit/unit.h"

#include "lib/base/clock.h"
#include "lib/sys/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/unit-sys-XXXXXX";
static struct arena *A;

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

static const char *in_dir(const char *name)
{
	return arena_printf(A, "%s/%s", dir, name);
}

/* --- files --- */

static void test_paths(void **state)
{
	(void)state;
	assert_true(fs_is_norm_abs("/"));
	assert_true(fs_is_norm_abs("/a/b.c"));
	assert_true(fs_is_norm_abs("/a/...x"));
	assert_false(fs_is_norm_abs("a"));
	assert_false(fs_is_norm_abs(""));
	assert_false(fs_is_norm_abs("/a/"));
	assert_false(fs_is_norm_abs("//a"));
	assert_false(fs_is_norm_abs("/a/../b"));
	assert_false(fs_is_norm_abs("/a/."));
	assert_true(fs_is_below("/a/b", "/a"));
	assert_true(fs_is_below("/a", "/"));
	assert_false(fs_is_below("/a", "/a"));
	assert_false(fs_is_below("/ab", "/a"));
}

static void test_files(void **state)
{
	struct timespec times[2] = { { 1000, 0 }, { 2000, 0 } };
	struct fs_attr attr = { 0640, (uid_t)-1, (gid_t)-1, true, times };
	const char *f = in_dir("f");
	struct strs names;
	struct stat st;
	char *text;
	size_t n;

	(void)state;
	assert_int_equal(fs_read(f, 10, &text, &n), -ENOENT);
	assert_int_equal(fs_write_atomic(f, "0123456789", 10, &attr), 0);
	assert_int_equal(stat(f, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(st.st_mtime, 2000);
	assert_int_equal(fs_read(f, 10, &text, &n), 0);
	assert_int_equal(n, 10);
	assert_string_equal(text, "0123456789");
	free(text);
	assert_int_equal(fs_read(f, 9, &text, &n), -EFBIG);
	assert_int_equal(fs_write_atomic(f, "x", 1, NULL), 0);
	assert_int_equal(stat(f, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(fs_write_atomic(in_dir("no/f"), "x", 1, NULL), -ENOENT);
	assert_int_equal(fs_list(A, dir, &names), 0);
	assert_int_equal(names.n, 1); /* no temporary files stay */
	assert_string_equal(names.v[0], "f");
}

/* Whoever is told to end while it writes leaves the file, old or new, and nothing beside it. */
static void test_files_interrupted(void **state)
{
	const char *d = in_dir("interrupted"), *f = in_dir("interrupted/f");
	struct strs names = { 0 };

	(void)state;
	assert_int_equal(fs_mkdirs(d, 0755), 0);
	assert_int_equal(fs_write_atomic(f, "x", 1, NULL), 0);
	for (unsigned i = 0; i < 40; i++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		while (pid == 0)
			if (fs_write_atomic(f, "xyz", 3, &(struct fs_attr){ .mode = 0644, .uid = (uid_t)-1, .gid = (gid_t)-1 }) < 0)
				_exit(1);
		usleep(2000 + i * 37);
		assert_int_equal(kill(pid, SIGTERM), 0);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
	}
	assert_int_equal(fs_list(A, d, &names), 0);
	assert_int_equal(names.n, 1);
	assert_string_equal(names.v[0], "f");
}

static void test_dirs(void **state)
{
	mode_t mask = umask(077);
	const char *d = in_dir("x/y/z");
	struct stat st;

	(void)state;
	assert_int_equal(fs_mkdirs(d, 0755), 0);
	assert_int_equal(fs_mkdirs(d, 0755), 0);
	assert_int_equal(stat(in_dir("x/y"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(fs_ensure_dir(d, 01777, (uid_t)-1, (gid_t)-1), 0);
	assert_int_equal(stat(d, &st), 0);
	assert_int_equal(st.st_mode & 07777, 01777);
	assert_int_equal(fs_mkdirs(in_dir("f/g"), 0755), -ENOTDIR);
	assert_int_equal(symlink("/etc", in_dir("x/link")), 0);
	assert_int_equal(fs_ensure_dir(in_dir("x/link"), 0700, (uid_t)-1, (gid_t)-1), -ENOTDIR);
	assert_int_equal(fs_write_atomic(in_dir("x/y/z/f"), "", 0, NULL), 0);
	assert_int_equal(fs_remove_tree(in_dir("x")), 0);
	assert_false(fs_exists(in_dir("x")));
	assert_true(fs_exists("/etc/passwd")); /* the link went, not what it named */
	assert_int_equal(fs_remove_tree(in_dir("x")), 0);
	umask(mask);
}

static void test_remove_stops_at_mount(void **state)
{
	const char *m = in_dir("m/mnt");

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(fs_mkdirs(m, 0755), 0);
	assert_int_equal(fs_mkdirs(in_dir("precious"), 0755), 0);
	assert_int_equal(fs_write_atomic(in_dir("precious/f"), "", 0, NULL), 0);
	if (mount(in_dir("precious"), m, NULL, MS_BIND, NULL) < 0)
		skip();
	assert_int_equal(fs_remove_tree(in_dir("m")), -EXDEV);
	assert_true(fs_exists(in_dir("precious/f")));
	assert_int_equal(umount(m), 0);
	assert_int_equal(fs_remove_tree(in_dir("m")), 0);
}

static void test_locks(void **state)
{
	const char *f = in_dir("lock"), *p = in_dir("pid");
	int fd, fd2;

	(void)state;
	fd = lockfile_take(f, true, 0);
	assert_true(fd >= 0);
	assert_int_equal(lockfile_take(f, false, 0.05), -ETIMEDOUT);
	close(fd);
	fd = lockfile_take(f, false, 0);
	fd2 = lockfile_take(f, false, 0);
	assert_true(fd >= 0 && fd2 >= 0);
	close(fd);
	close(fd2);
	assert_int_equal(pidfile_alive(p), 0);
	fd = pidfile_take(p);
	assert_true(fd >= 0);
	assert_int_equal(pidfile_take(p), -EBUSY);
	assert_int_equal(pidfile_alive(p), getpid());
	close(fd);
	assert_int_equal(pidfile_alive(p), 0); /* a stale file names nobody */
}

static void test_small(void **state)
{
	struct meminfo m;
	char *u = uuid_new(A), *v = uuid_new(A);
	uid_t uid;
	gid_t gid;

	(void)state;
	assert_int_equal(proc_meminfo(&m), 0);
	assert_true(m.total_mib > 0 && m.free_mib > 0 && m.free_mib <= m.total_mib);
	assert_true(proc_cpus() >= 1);
	assert_int_equal(strlen(u), 36);
	assert_int_equal(u[14], '4');
	assert_string_not_equal(u, v);
	assert_int_equal(strlen(random_hex(A, 20)), 40);
	assert_int_equal(user_ids("root", &uid, &gid), 0);
	assert_int_equal(uid, 0);
	assert_int_equal(group_id("root", &gid), 0);
	assert_int_equal(user_ids("no-such-user", &uid, &gid), -ENOENT);
}

/* --- children --- */

#define ARGV(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define SH(script) ARGV("sh", "-c", script)

static void run_ok(const struct run *r, struct run_result *res)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;

	assert_ok(run_cmd(r, res, &e), &e);
}

static void test_run(void **state)
{
	struct run_result res CLEANUP(run_result_free) = { 0 };
	struct err e CLEANUP(err_clear) = ERR_NONE;
	char *why;

	(void)state;
	run_ok(&(struct run){ .argv = SH("cat; echo err >&2; pwd; exit 3"), .input = "in\n",
			      .input_len = 3 },
	       &res);
	assert_int_equal(res.status, 3);
	assert_int_equal(res.signal, 0);
	assert_string_equal(res.out, "in\n/\n");
	assert_string_equal(res.err, "err\n");
	why = run_fail_reason(&res);
	assert_string_equal(why, "exited with exit code 3");
	free(why);
	run_result_free(&res);

	run_ok(&(struct run){ .argv = SH("kill -9 $$") }, &res);
	assert_int_equal(res.status, -1);
	assert_int_equal(res.signal, 9);
	why = run_fail_reason(&res);
	assert_string_equal(why, "terminated by signal 9");
	free(why);

	assert_int_equal(run_cmd(&(struct run){ .argv = ARGV("no-such-program") }, &res, &e), -1);
	assert_int_equal(e.errnum, ENOENT);
	assert_int_equal(run_cmd(&(struct run){ .argv = ARGV("/etc/passwd") }, &res, &e), -1);
	assert_int_equal(e.errnum, EACCES);
	assert_int_equal(run_cmd(&(struct run){ .argv = SH("true"), .cwd = "/nonexistent" }, &res,
				 &e),
			 -1);
	assert_int_equal(e.errnum, ENOENT);
}

static void test_run_environment(void **state)
{
	struct run_result res CLEANUP(run_result_free) = { 0 };
	int extra[2], leaked;

	(void)state;
	setenv("SECRET", "x", 1);
	leaked = open("/dev/null", O_RDONLY); /* without close-on-exec */
	assert_int_equal(pipe(extra), 0);
	signal(SIGPIPE, SIG_IGN);
	run_ok(&(struct run){ .argv = SH("echo \"$SECRET$LC_ALL\"; ls /proc/self/fd | tr '\\n' ' ';"
					 "grep -E 'Sig(Ign|Blk)' /proc/self/status | "
					 "tr -d '\\t\\n' |"
					 /* glibc's own two, ignored in what posix_spawn made
					  * (GNU make), cannot be set back through glibc */
					 "sed 's/SigIgn:0000000180000000/SigIgn:0000000000000000/'"),
			      .keep_fds = (int[]){ extra[1], -1 } },
	       &res);
	signal(SIGPIPE, SIG_DFL);
	assert_string_equal(res.out, arena_printf(A,
						  "C\n0 1 2 3 %d "
						  "SigBlk:0000000000000000"
						  "SigIgn:0000000000000000",
						  extra[1]));
	close(leaked);
	close(extra[0]);
	close(extra[1]);
	run_result_free(&res);

	run_ok(&(struct run){ .argv = ARGV("env"), .env = ARGV("A=1", "PATH=/usr/bin") }, &res);
	assert_string_equal(res.out, "A=1\nPATH=/usr/bin\n");
	run_result_free(&res);

	if (geteuid() != 0)
		return;
	run_ok(&(struct run){ .argv = SH("id -u; id -g; id -G"), .uid = 65534, .gid = 65534 },
	       &res);
	assert_string_equal(res.out, "65534\n65534\n65534\n");
}

static void test_run_limits(void **state)
{
	struct run_result res CLEANUP(run_result_free) = { 0 };
	double t;
	char *why;

	(void)state;
	run_ok(&(struct run){ .argv = SH("head -c 3000000 /dev/zero; head -c 100 /dev/zero >&2"),
			      .max_output = 1000 },
	       &res);
	assert_int_equal(res.status, 0);
	assert_int_equal(res.out_len, 1000);
	assert_int_equal(res.err_len, 100);
	run_result_free(&res);

	t = clock_mono();
	run_ok(&(struct run){ .argv = SH("echo a; exec sleep 100"), .timeout = 3 }, &res);
	assert_true(res.timed_out);
	assert_int_equal(res.signal, SIGTERM);
	assert_string_equal(res.out, "a\n");
	assert_true(clock_mono() - t < 60);
	why = run_fail_reason(&res);
	assert_string_equal(why, "terminated by signal 15, "
				 "terminated after timeout of 3.00 seconds");
	free(why);
	run_result_free(&res);

	/* a child that ignores SIGTERM, and a grandchild that keeps the pipe open */
	run_ok(&(struct run){ .argv = SH("trap '' TERM; sleep 100 & wait; wait"),
			      .timeout = 3,
			      .new_session = true },
	       &res);
	assert_true(res.forced);
	assert_int_equal(res.signal, SIGKILL);
	run_result_free(&res);

	/* what is left in the background does not hold us up for long */
	t = clock_mono();
	run_ok(&(struct run){ .argv = SH("sleep 40 & echo done") }, &res);
	assert_string_equal(res.out, "done\n");
	assert_true(clock_mono() - t < 30);
}

static void test_run_output_file(void **state)
{
	struct run_result res CLEANUP(run_result_free) = { 0 };
	const char *f = in_dir("out");
	char *text;

	(void)state;
	for (int i = 0; i < 2; i++) {
		run_ok(&(struct run){ .argv = SH("echo o; echo e >&2"), .output_file = f }, &res);
		assert_int_equal(res.out_len, 0);
		run_result_free(&res);
	}
	assert_int_equal(fs_read(f, 100, &text, NULL), 0);
	assert_string_equal(text, "o\ne\no\ne\n");
	free(text);
}

static void wait_until_gone(pid_t pid)
{
	for (double end = clock_mono() + 30; kill(pid, 0) == 0;) {
		assert_true(clock_mono() < end);
		usleep(1000);
	}
}

/* Starts children, one after the other, and ends them, until it is killed itself. */
static void start_for_ever(int fd)
{
	const char *argv[] = { "sleep", "30", NULL };

	for (;;) {
		pid_t pid = run_start(&(struct run){ .argv = argv, .stdout_fd = fd, .death_signal = SIGKILL });

		if (pid < 0)
			_exit(1);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
}

/* Whoever is killed while a child is being started takes it along. */
static void test_run_death_signal(void **state)
{
	(void)state;
	for (int i = 0; i < 400; i++) {
		struct pollfd p;
		char c;
		int fd[2];
		pid_t pid;

		assert_int_equal(pipe(fd), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			start_for_ever(fd[1]);
		close(fd[1]);
		usleep(2000 + (unsigned)i * 37 % 2000);
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		p = (struct pollfd){ .fd = fd[0], .events = POLLIN };
		assert_int_equal(poll(&p, 1, 20000), 1); /* nobody has the other end any more */
		assert_int_equal(read(fd[0], &c, 1), 0);
		close(fd[0]);
	}
}

static void test_run_detached(void **state)
{
	const char *pidfile = in_dir("detached.pid"), *out = in_dir("detached.out");
	struct run r = { .argv = SH("echo $$; exec sleep 100"), .output_file = out };
	char *text = NULL;
	pid_t pid = run_detached(&r, pidfile);

	(void)state;
	assert_true(pid > 0);
	assert_int_equal(getsid(pid), pid);
	assert_int_equal(pidfile_alive(pidfile), pid);
	assert_int_equal(run_detached(&r, pidfile), -EBUSY);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), -1); /* not a child of ours */
	for (double end = clock_mono() + 30; !text || !*text;) {
		assert_true(clock_mono() < end);
		free(text);
		text = NULL;
		(void)fs_read(out, 100, &text, NULL);
	}
	assert_int_equal(atoi(text), pid);
	free(text);
	kill(pid, SIGKILL);
	wait_until_gone(pid);
	assert_int_equal(pidfile_alive(pidfile), 0);
	assert_int_equal(run_detached(&(struct run){ .argv = ARGV("no-such-program") }, NULL),
			 -ENOENT);
	assert_int_equal(run_detached(&(struct run){ .argv = ARGV("/etc/passwd") }, NULL), -EACCES);
}

/* --- the loop --- */

struct seen {
	struct ev *ev;
	bool done;
	int n, status;
	char text[64];
};

static void on_timer(void *arg)
{
	struct seen *s = arg;

	s->n++;
	s->done = true;
}

static void on_signal(int signum, void *arg)
{
	struct seen *s = arg;

	s->n = signum;
	ev_stop(s->ev);
}

static void on_child(pid_t pid, int status, void *arg)
{
	struct seen *s = arg;

	(void)pid;
	s->status = status;
	s->done = true;
}

static void test_loop(void **state)
{
	struct seen s = { .ev = ev_new() };
	struct ev_timer *t = ev_timer_new(s.ev, "test", on_timer, &s);
	double start = clock_mono();
	struct str text = { 0 };
	pid_t pid;

	(void)state;
	assert_false(ev_run_until(s.ev, &s.done, 0.05));
	assert_true(clock_mono() - start >= 0.049);
	ev_timer_start(t, 0.01);
	assert_true(ev_run_until(s.ev, &s.done, 10));
	assert_int_equal(s.n, 1);

	ev_signal(s.ev, SIGUSR1, on_signal, &s);
	ev_timer_start(t, 0);
	kill(getpid(), SIGUSR1);
	ev_run(s.ev);
	assert_int_equal(s.n, SIGUSR1);

	ev_timer_start(t, 100);
	ev_describe(s.ev, &text);
	assert_non_null(strstr(text.p, ": test\n"));
	assert_non_null(strstr(text.p, "signal 10\n"));
	str_free(&text);
	ev_timer_stop(t);

	pid = run_start(&(struct run){ .argv = SH("exit 7") });
	assert_true(pid > 0);
	/* also when it is dead before we look */
	assert_int_equal(waitid(P_PID, (id_t)pid, &(siginfo_t){ 0 }, WEXITED | WNOWAIT), 0);
	s.done = false;
	ev_child(s.ev, pid, on_child, &s);
	assert_true(ev_run_until(s.ev, &s.done, 10));
	assert_int_equal(WEXITSTATUS(s.status), 7);
	ev_timer_free(t);
	ev_free(s.ev);
}

/* --- frames --- */

static void on_msg(struct chan *c, json *msg, void *arg)
{
	struct seen *s = arg;

	if (!msg) {
		s->done = true;
		chan_free(c);
		return;
	}
	s->n++;
	snprintf(s->text, sizeof(s->text), "%s", json_get_str(msg, "x"));
	chan_send(c, json_pack("{s:i}", "n", s->n));
}

static void test_chan(void **state)
{
	struct seen s = { .ev = ev_new() };
	json *msg = json_pack("{s:s}", "x", "hello"), *answer = NULL, *big;
	char *long_text = xmalloc(300001), *tail;
	size_t n;
	int fd[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
	chan_new(s.ev, "test", fd[0], 1 << 20, on_msg, &s);
	assert_int_equal(chan_read(fd[1], &answer, 100, 0.02), -ETIMEDOUT);
	for (int i = 0; i < 3; i++)
		assert_int_equal(chan_write(fd[1], msg, 1), 0);
	assert_false(ev_run_until(s.ev, &s.done, 0.05));
	assert_int_equal(s.n, 3);
	assert_string_equal(s.text, "hello");
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(chan_read(fd[1], &answer, 100, 1), 0);
		assert_int_equal(json_get_int(answer, "n", 0), i);
		json_put(answer);
	}
	/* bytes behind a message, and who does not expect them */
	assert_int_equal(chan_write_tail(fd[1], msg, "a\0b", 3, 1), 0);
	assert_false(ev_run_until(s.ev, &s.done, 0.05));
	assert_int_equal(chan_read_tail(fd[1], &answer, &tail, &n, 100, 1), 0);
	assert_int_equal(json_get_int(answer, "n", 0), 4);
	json_put(answer);
	assert_null(tail);
	assert_int_equal(chan_write_tail(fd[0], msg, "a\0b", 3, 1), 0);
	assert_int_equal(chan_read_tail(fd[1], &answer, &tail, &n, 100, 1), 0);
	json_put(answer);
	assert_int_equal(n, 3);
	assert_memory_equal(tail, "a\0b", 4);
	free(tail);
	assert_int_equal(chan_write_tail(fd[0], msg, "", 0, 1), 0);
	assert_int_equal(chan_read(fd[1], &answer, 100, 1), -EBADMSG);
	assert_int_equal(write(fd[0], "\0\0\0\3{\0x", 7), 7);
	assert_int_equal(chan_read_tail(fd[1], &answer, &tail, &n, 100, 1), -EBADMSG);
	assert_null(tail);
	/* more than a socket buffer, in both directions of blocking */
	memset(long_text, 'y', 300000);
	long_text[300000] = '\0';
	big = json_pack("{s:s}", "x", long_text);
	assert_int_equal(chan_write(fd[1], big, 0.02), -ETIMEDOUT); /* nobody reads */
	close(fd[1]);
	assert_true(ev_run_until(s.ev, &s.done, 30));
	json_put(big);
	json_put(msg);
	free(long_text);
	ev_free(s.ev);
}

static void on_big(struct chan *c, json *msg, void *arg)
{
	struct seen *s = arg;

	(void)c;
	s->done = true;
	s->n = msg ? (int)json_str_len(json_get(msg, "x")) : -1;
}

static void test_chan_limits(void **state)
{
	struct ev *ev = ev_new();
	static const char *const bad[] = { "\xff\xff\xff\xff", "\0\0\0\2{]", "\0\0\0\0",
					   "\0\0\0\4null" };
	static const size_t len[] = { 4, 6, 4, 8 };
	char *text = xmalloc(100001);
	struct chan *c;
	int fd[2];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct seen s = { .ev = ev };

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
		c = chan_new(ev, "bad", fd[0], 1000, on_big, &s);
		assert_int_equal(write(fd[1], bad[i], len[i]), (ssize_t)len[i]);
		assert_true(ev_run_until(ev, &s.done, 30));
		assert_int_equal(s.n, -1);
		chan_free(c);
		close(fd[1]);
	}
	memset(text, 'z', 100000);
	text[100000] = '\0';
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
	{
		struct seen s = { .ev = ev };
		struct seen t = { .ev = ev };
		struct chan *d;

		c = chan_new(ev, "one", fd[0], 1 << 20, on_big, &s);
		d = chan_new(ev, "two", fd[1], 1 << 20, on_big, &t);
		chan_send(c, json_pack("{s:s}", "x", text));
		assert_true(ev_run_until(ev, &t.done, 30));
		assert_int_equal(t.n, 100000);
		/* who never reads is cut off instead of being remembered for ever */
		t.done = false;
		for (int i = 0; i < 100; i++)
			chan_send(c, json_pack("{s:s}", "x", text));
		assert_true(ev_run_until(ev, &s.done, 30));
		assert_int_equal(s.n, -1);
		chan_free(c);
		chan_free(d);
	}
	free(text);
	ev_free(ev);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_files_interrupted),
		cmocka_unit_test(test_dirs),
		cmocka_unit_test(test_remove_stops_at_mount),
		cmocka_unit_test(test_locks),
		cmocka_unit_test(test_small),
		cmocka_unit_test(test_run),
		cmocka_unit_test(test_run_environment),
		cmocka_unit_test(test_run_limits),
		cmocka_unit_test(test_run_output_file),
		cmocka_unit_test(test_run_death_signal),
		cmocka_unit_test(test_run_detached),
		cmocka_unit_test(test_loop),
		cmocka_unit_test(test_chan),
		cmocka_unit_test(test_chan_limits),
	};

	return cmocka_run_group_tests_name("sys", tests, setup, teardown);
}
