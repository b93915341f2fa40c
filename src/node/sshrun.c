/* One command on many nodes by ssh, a few at a time. */
#include "src/node/priv.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/parse.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define PARALLEL 16
#define TIMEOUT 30
#define OUTPUT_MAX_EACH (64u << 10)

struct running {
	struct ssh_job *job;
	pid_t pid;
	int pidfd, out, err;
	double deadline;
	bool timed_out, ended;
};

static int port_of(struct arena *a, const char *node)
{
	struct strs lines = { 0 };
	size_t n = strlen(node);
	int64_t port;

	if (ssconf_read_lines(a, SSCONF_ssh_ports, &lines, NULL) < 0)
		return 22;
	for (size_t i = 0; i < lines.n; i++)
		if (strncmp(lines.v[i], node, n) == 0 && lines.v[i][n] == '=' &&
		    parse_int(lines.v[i] + n + 1, &port) == 0)
			return (int)port;
	return 22;
}

static const char **ssh_argv(struct arena *a, const char *cluster, const char *node,
			     const char *command, bool check_key)
{
	const char *family = NULL;
	bool v6 = ssconf_read(a, SSCONF_primary_ip_family, &family, NULL) == 0 &&
		  str_eq(family, "10");
	const char *all[] = {
		"ssh",
		"-oEscapeChar=none",
		"-oHashKnownHosts=no",
		arena_printf(a, "-oGlobalKnownHostsFile=%s", path_of(PATH_SSH_KNOWN_HOSTS_FILE)),
		"-oUserKnownHostsFile=/dev/null",
		"-oCheckHostIp=no",
		"-oConnectTimeout=10",
		arena_printf(a, "-oHostKeyAlias=%s", cluster),
		arena_printf(a, "-oPort=%d", port_of(a, node)),
		"-oBatchMode=yes",
		check_key ? "-oStrictHostKeyChecking=yes" : "-oStrictHostKeyChecking=no",
		"-oLogLevel=ERROR",
		v6 ? "-6" : "-4",
		arena_printf(a, "root@%s", node),
		command,
		NULL,
	};

	return arena_dup(a, all, sizeof(all));
}

static void start(struct arena *a, struct running *t, const char **argv)
{
	struct env_list env = env_clean(a);
	struct run r = { .argv = argv, .env = env.v, .death_signal = SIGKILL,
			 .input = t->job->input,
			 .input_len = t->job->input ? strlen(t->job->input) : 0 };

	r.stdout_fd = t->out = memfd_create("ssh output", MFD_CLOEXEC);
	r.stderr_fd = t->err = memfd_create("ssh errors", MFD_CLOEXEC);
	t->deadline = clock_mono() + TIMEOUT;
	t->pidfd = -1;
	t->pid = t->out >= 0 && t->err >= 0 ? run_start(&r) : -errno;
	if (t->pid > 0)
		t->pidfd = pidfd_open(t->pid, 0);
}

static const char *read_all(struct arena *a, int fd)
{
	char *buf = arena_alloc(a, OUTPUT_MAX_EACH + 1);
	ssize_t n = fd < 0 ? 0 : pread(fd, buf, OUTPUT_MAX_EACH, 0);

	buf[n > 0 ? n : 0] = '\0';
	return buf;
}

static const char *failure(struct arena *a, const struct running *t, int status, const char *err)
{
	struct run_result res = { .status = -1, .timed_out = t->timed_out, .timeout = TIMEOUT };
	char *why CLEANUP(freep) = NULL;

	if (*t->job->out || *err)
		return str_strip(a, arena_printf(a, "%s%s", t->job->out, err));
	if (t->pid > 0 && WIFEXITED(status))
		res.status = WEXITSTATUS(status);
	else if (t->pid > 0 && WIFSIGNALED(status))
		res.signal = WTERMSIG(status);
	why = run_fail_reason(&res);
	return arena_printf(a, "%s (no output)", why);
}

static void finish(struct arena *a, struct running *t)
{
	int status = 0;
	const char *err = read_all(a, t->err);

	if (t->pid > 0)
		waitpid(t->pid, &status, 0);
	t->job->out = read_all(a, t->out);
	t->job->problem = NULL;
	if (t->pid <= 0 || t->timed_out || !WIFEXITED(status) || WEXITSTATUS(status)) {
		t->job->problem = failure(a, t, status, err);
		log_warn("ssh to %s: %s", t->job->node, t->job->problem);
	}
	closep(&t->pidfd);
	closep(&t->out);
	closep(&t->err);
	t->ended = true;
}

/* Did T end, or run out of time? REVENTS: of its pidfd */
static bool is_over(struct running *t, short revents)
{
	if (revents || t->pid <= 0)
		return true;
	if (t->pidfd >= 0 && clock_mono() < t->deadline)
		return false;
	t->timed_out = true;
	kill(t->pid, SIGKILL);
	return true;
}

/* Wait for all N, which were started together. */
static void wait_all(struct arena *a, struct running *t, size_t n)
{
	size_t left = n;

	while (left) {
		struct pollfd p[PARALLEL];
		double wait = TIMEOUT;

		for (size_t i = 0; i < n; i++) {
			double until = t[i].pid > 0 ? t[i].deadline - clock_mono() : 0;

			p[i] = (struct pollfd){ .fd = t[i].ended ? -1 : t[i].pidfd,
						.events = POLLIN };
			if (!t[i].ended && until < wait)
				wait = until;
		}
		poll(p, n, wait > 0 ? (int)(wait * 1000) + 1 : 0);
		for (size_t i = 0; i < n; i++) {
			if (t[i].ended || !is_over(&t[i], p[i].revents))
				continue;
			finish(a, &t[i]);
			left--;
		}
	}
}

void ssh_all(struct arena *a, const char *cluster, const char *command, bool check_key,
	     struct ssh_job *jobs, size_t n)
{
	for (size_t i = 0; i < n; i += PARALLEL) {
		size_t k = n - i < PARALLEL ? n - i : PARALLEL;
		struct running t[PARALLEL] = { 0 };

		for (size_t m = 0; m < k; m++) {
			t[m].job = &jobs[i + m];
			start(a, &t[m], ssh_argv(a, cluster, jobs[i + m].node, command, check_key));
		}
		wait_all(a, t, k);
	}
}
