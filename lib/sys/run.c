#include "lib/sys/priv.h"

#include "lib/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEFAULT_TIMEOUT 60.0
#define DEFAULT_OUTPUT (1u << 20)
#define LINGER 5.0     /* between SIGTERM and SIGKILL (upstream: CHILD_LINGER_TIMEOUT) */
#define AFTER_EXIT 1.0 /* for output of processes the child left behind */
#define SYSTEM_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

const char *const *run_clean_env(struct arena *a)
{
	const char *path = getenv("PATH"), *home = getenv("HOME");
	const char **env = ARENA_ARRAY(a, const char *, 4);

	if (!path || !*path)
		env[0] = "PATH=" SYSTEM_PATH;
	else if (strstr(path, "/usr/sbin"))
		env[0] = arena_printf(a, "PATH=%s", path);
	else
		env[0] = arena_printf(a, "PATH=%s:%s", path, SYSTEM_PATH);
	env[1] = arena_printf(a, "HOME=%s", home && *home ? home : "/");
	env[2] = "LC_ALL=C";
	return env;
}

/* A file that exists only in memory: no pipe to feed, nothing that could block or overflow. */
static int input_file(const struct run *r)
{
	int fd = memfd_create("input", MFD_CLOEXEC);
	size_t done = 0;

	while (fd >= 0 && done < r->input_len) {
		ssize_t n = pwrite(fd, r->input + done, r->input_len - done, (off_t)done);

		if (n < 0 && errno != EINTR) {
			n = -errno;
			close(fd);
			return (int)n;
		}
		done += n > 0 ? (size_t)n : 0;
	}
	return fd < 0 ? -errno : fd;
}

struct setup {
	struct spawn s;
	int input, output; /* opened here */
	struct arena *arena;
};

static void setup_free(struct setup *p)
{
	closep(&p->input);
	closep(&p->output);
	arena_free(p->arena);
}

/* What run_cmd() and its sisters have in common. 0 or -errno */
static int setup(struct setup *p, const struct run *r)
{
	*p = (struct setup){ .input = -1, .output = -1, .arena = arena_new() };
	p->s = (struct spawn){
		.argv = r->argv,
		.env = r->env ? r->env : run_clean_env(p->arena),
		.cwd = r->cwd,
		.fds = { r->stdin_fd > 0 ? r->stdin_fd : -1, r->stdout_fd > 0 ? r->stdout_fd : -1,
			 r->stderr_fd > 0 ? r->stderr_fd : -1, -1 },
		.keep = r->keep_fds,
		.uid = r->uid,
		.gid = r->gid,
		.death_signal = r->death_signal,
		.session = r->new_session,
		.pid_fd = -1,
	};
	if (r->inherit_stdio)
		for (int i = 0; i < 3; i++)
			p->s.fds[i] = p->s.fds[i] >= 0 ? p->s.fds[i] : i;
	if (r->input) {
		p->input = input_file(r);
		if (p->input < 0)
			return p->input;
		lseek(p->input, 0, SEEK_SET);
		p->s.fds[0] = p->input;
	}
	if (r->output_file) {
		p->output = open(r->output_file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY,
				 0600);
		if (p->output < 0)
			return -errno;
		p->s.fds[1] = p->s.fds[2] = p->output;
	}
	return 0;
}

/* The reading end of stdout or stderr. */
struct capture {
	int fd; /* -1 = ended or not captured */
	struct str text;
	size_t max;
};

/* Returns false at the end of the stream. */
static bool capture_some(struct capture *c)
{
	char buf[16384];
	ssize_t n = read(c->fd, buf, sizeof(buf));

	if (n > 0) {
		size_t room = c->max - c->text.len;

		str_addn(&c->text, buf, (size_t)n < room ? (size_t)n : room);
		return true;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	closep(&c->fd);
	return false;
}

struct child {
	pid_t pid;
	int pidfd;    /* -1 = none could be had */
	bool session;
	bool ended;
	int status;
	struct capture cap[2];
	double deadline;
	struct run_result *res;
};

static void signal_child(const struct child *c, int signum)
{
	kill(c->session ? -c->pid : c->pid, signum);
}

/* The deadline passed. Returns false when there is nothing left to try. */
static bool overrun(struct child *c)
{
	if (c->ended)
		return false;
	if (!c->res->timed_out) {
		c->res->timed_out = true;
		signal_child(c, SIGTERM);
	} else if (!c->res->forced) {
		c->res->forced = true;
		signal_child(c, SIGKILL);
	} else {
		return false; /* stuck in the kernel; whoever is our parent will reap it */
	}
	c->deadline = clock_mono() + LINGER;
	return true;
}

static void check_ended(struct child *c)
{
	if (!c->ended && waitpid(c->pid, &c->status, WNOHANG) == c->pid) {
		double last = clock_mono() + AFTER_EXIT;

		c->ended = true;
		closep(&c->pidfd);
		if (last < c->deadline || c->res->timed_out)
			c->deadline = last;
	}
}

static void follow(struct child *c)
{
	while (!c->ended || c->cap[0].fd >= 0 || c->cap[1].fd >= 0) {
		struct pollfd p[3] = { { .fd = c->cap[0].fd, .events = POLLIN },
				       { .fd = c->cap[1].fd, .events = POLLIN },
				       { .fd = c->pidfd, .events = POLLIN } };
		double left = c->deadline - clock_mono();
		int ms = left > 0 ? (left > 3600 ? 3600000 : (int)(left * 1000) + 1) : 0;

		if (!c->ended && c->pidfd < 0 && ms > 20)
			ms = 20;
		if (poll(p, 3, ms) < 0 && errno != EINTR)
			break;
		for (int i = 0; i < 2; i++)
			if (c->cap[i].fd >= 0 && p[i].revents)
				capture_some(&c->cap[i]);
		check_ended(c);
		if (clock_mono() >= c->deadline && !overrun(c))
			break;
	}
}

static void fill_result(struct child *c)
{
	struct run_result *res = c->res;

	res->status = -1;
	if (c->ended && WIFEXITED(c->status))
		res->status = WEXITSTATUS(c->status);
	else if (c->ended && WIFSIGNALED(c->status))
		res->signal = WTERMSIG(c->status);
	res->out_len = c->cap[0].text.len;
	res->err_len = c->cap[1].text.len;
	res->out = str_steal(&c->cap[0].text);
	res->err = str_steal(&c->cap[1].text);
}

int run_cmd(const struct run *r, struct run_result *ret, struct err *e)
{
	struct run_result res = { .timeout = r->timeout > 0 ? r->timeout : DEFAULT_TIMEOUT };
	struct child c = { .pidfd = -1, .session = r->new_session, .res = &res };
	struct setup p CLEANUP(setup_free) = { 0 };
	int writers[2] = { -1, -1 }, rc;

	rc = setup(&p, r);
	for (int i = 0; i < 2; i++) {
		int fds[2];

		c.cap[i] = (struct capture){ .fd = -1,
					     .max = r->max_output ? r->max_output : DEFAULT_OUTPUT };
		if (rc < 0 || p.s.fds[1 + i] >= 0)
			continue;
		if (pipe2(fds, O_CLOEXEC) < 0) {
			rc = -errno;
			continue;
		}
		fcntl(fds[0], F_SETFL, O_NONBLOCK);
		c.cap[i].fd = fds[0];
		p.s.fds[1 + i] = writers[i] = fds[1];
	}
	if (rc == 0)
		rc = c.pid = spawn(&p.s);
	closep(&writers[0]);
	closep(&writers[1]);
	if (rc >= 0) {
		c.deadline = clock_mono() + res.timeout;
		c.pidfd = pidfd_open(c.pid, 0);
		follow(&c);
		fill_result(&c);
		*ret = res;
	}
	closep(&c.cap[0].fd);
	closep(&c.cap[1].fd);
	closep(&c.pidfd);
	return rc < 0 ? err_sys(e, rc, "cannot run %s", r->argv[0]) : 0;
}

void run_result_free(struct run_result *r)
{
	free(r->out);
	free(r->err);
	*r = (struct run_result){ 0 };
}

char *run_fail_reason(const struct run_result *r)
{
	struct str s = { 0 };

	if (r->signal)
		str_addf(&s, "terminated by signal %d", r->signal);
	else if (r->status >= 0)
		str_addf(&s, "exited with exit code %d", r->status);
	else
		str_add(&s, "unable to determine termination reason");
	if (r->forced)
		str_addf(&s,
			 ", force termination after timeout of %.2f seconds and linger for"
			 " another %.2f seconds",
			 r->timeout, LINGER);
	else if (r->timed_out)
		str_addf(&s, ", terminated after timeout of %.2f seconds", r->timeout);
	return str_steal(&s);
}

pid_t run_start(const struct run *r)
{
	struct setup p CLEANUP(setup_free) = { 0 };
	int rc = setup(&p, r);

	return rc < 0 ? rc : spawn(&p.s);
}

pid_t run_detached(const struct run *r, const char *pidfile)
{
	struct setup p CLEANUP(setup_free) = { 0 };
	int pid_fd CLEANUP(closep) = -1;
	int rc = setup(&p, r);

	if (rc < 0)
		return rc;
	if (pidfile) {
		/* the lock belongs to the open file, which the new process keeps */
		pid_fd = pidfile_take(pidfile);
		if (pid_fd < 0)
			return pid_fd;
	}
	p.s.session = p.s.detach = true;
	p.s.death_signal = 0;
	p.s.pid_fd = pid_fd;
	return spawn(&p.s);
}
