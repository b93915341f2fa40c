/* Can this node reach the others? By ssh, by TCP on both networks, and the master by its address. */
#include "src/node/priv.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/parse.h"
#include "src/rpc/rpc.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PING_TIMEOUT 10
#define SSH_PARALLEL 16
#define SSH_TIMEOUT 30
#define SSH_OUTPUT_MAX (64u << 10)

static bool contains(const json *list, const char *name)
{
	json_items(list, i, v)
		if (str_eq(json_str(v), name))
			return true;
	return false;
}

/* --- TCP --- */

json *netcheck_master(struct arena *a, const char *me, const json *arg)
{
	const char *master = json_str(json_at(arg, 0)), *ip = json_str(json_at(arg, 1));

	(void)a;
	if (!contains(json_at(arg, 2), me) || !ip)
		return NULL;
	/* from the loopback address only an address of this very machine can be reached */
	return json_new_bool(tcp_ping(ip, rpc_port(), PING_TIMEOUT, false,
				      str_eq(master, me) && addr_is_ip4(ip) ? "127.0.0.1" : NULL));
}

json *netcheck_nodes(struct arena *a, const char *me, const json *arg)
{
	const json *nodes = json_at(arg, 0);
	const char *my_pip = NULL, *my_sip = NULL;
	json *bad = json_new_dict();

	if (!contains(json_at(arg, 1), me))
		return bad;
	json_items(nodes, i, n) {
		if (!str_eq(json_str(json_at(n, 0)), me))
			continue;
		my_pip = json_str(json_at(n, 1));
		my_sip = json_str(json_at(n, 2));
	}
	if (!my_pip || !my_sip)
		return json_set(bad, me,
				json_new_str("Can't find my own primary/secondary IP in the node"
					     " list"));
	json_items(nodes, i, n) {
		const char *name = json_str(json_at(n, 0)), *pip = json_str(json_at(n, 1));
		const char *sip = json_str(json_at(n, 2));
		struct strs fail = { 0 };

		if (!name || !pip || !sip)
			continue;
		if (!tcp_ping(pip, rpc_port(), PING_TIMEOUT, false, my_pip))
			strs_add(a, &fail, "primary");
		if (!str_eq(sip, pip) && !tcp_ping(sip, rpc_port(), PING_TIMEOUT, false, my_sip))
			strs_add(a, &fail, "secondary");
		if (fail.n)
			json_set(bad, name,
				 json_new_str(arena_printf(a, "failure using the %s interface(s)",
							   strs_join(a, &fail, " and "))));
	}
	return bad;
}

/* --- ssh: each node says its own name --- */

struct ssh_try {
	const char *node;
	pid_t pid;
	int pidfd, out, err;
	double deadline;
	bool timed_out;
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

static const char **ssh_argv(struct arena *a, const char *cluster, const char *node)
{
	const char *family = NULL;
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
		"-oStrictHostKeyChecking=yes",
		"-4",
		arena_printf(a, "root@%s", node),
		"if test -z \"$GANETI_HOSTNAME\"; then hostname --fqdn;"
		" else echo \"$GANETI_HOSTNAME\"; fi",
		NULL,
	};

	if (ssconf_read(a, SSCONF_primary_ip_family, &family, NULL) == 0 &&
	    str_eq(family, "10"))
		all[11] = "-6";
	return arena_dup(a, all, sizeof(all));
}

static void ssh_start(struct arena *a, const char *cluster, struct ssh_try *t)
{
	struct env_list env = env_clean(a);
	struct run r = { .argv = ssh_argv(a, cluster, t->node), .env = env.v,
			 .death_signal = SIGKILL };

	r.stdout_fd = t->out = memfd_create("ssh output", MFD_CLOEXEC);
	r.stderr_fd = t->err = memfd_create("ssh errors", MFD_CLOEXEC);
	t->deadline = clock_mono() + SSH_TIMEOUT;
	t->pidfd = -1;
	t->pid = t->out >= 0 && t->err >= 0 ? run_start(&r) : -errno;
	if (t->pid > 0)
		t->pidfd = pidfd_open(t->pid, 0);
}

static const char *read_all(struct arena *a, int fd)
{
	char *buf = arena_alloc(a, SSH_OUTPUT_MAX + 1);
	ssize_t n = fd < 0 ? 0 : pread(fd, buf, SSH_OUTPUT_MAX, 0);

	buf[n > 0 ? n : 0] = '\0';
	return buf;
}

/* What is wrong with the ended try, or NULL. Upstream: VerifyNodeHostname */
static const char *judge(struct arena *a, const struct ssh_try *t, int status)
{
	const char *out = read_all(a, t->out), *err = read_all(a, t->err);
	const char *name = str_strip(a, out);
	bool failed = t->pid <= 0 || t->timed_out || !WIFEXITED(status) || WEXITSTATUS(status);

	if (failed && (*out || *err))
		return arena_printf(a, "ssh problem: %s%s", out, err);
	if (failed) {
		struct run_result res = { .status = -1, .timed_out = t->timed_out,
					  .timeout = SSH_TIMEOUT };
		char *why CLEANUP(freep) = NULL;

		if (t->pid > 0 && WIFEXITED(status))
			res.status = WEXITSTATUS(status);
		else if (t->pid > 0 && WIFSIGNALED(status))
			res.signal = WTERMSIG(status);
		why = run_fail_reason(&res);
		return arena_printf(a, "ssh problem: %s (no output)", why);
	}
	if (*name && str_eq(name, t->node))
		return NULL;
	return arena_printf(a, "%s: expected %s but got %s",
			    str_starts(t->node, arena_printf(a, "%s.", name)) ?
				    "hostname not FQDN" :
				    "hostname mismatch",
			    t->node, name);
}

static void ssh_end(struct arena *a, struct ssh_try *t, json *bad)
{
	int status = 0;
	const char *problem;

	if (t->pid > 0)
		waitpid(t->pid, &status, 0);
	problem = judge(a, t, status);
	if (problem) {
		log_error("ssh to %s: %s", t->node, problem);
		json_set(bad, t->node, json_new_str(problem));
	}
	closep(&t->pidfd);
	closep(&t->out);
	closep(&t->err);
}

/* Wait for all N, which were started together. */
static void ssh_wait(struct arena *a, struct ssh_try *t, size_t n, json *bad)
{
	size_t left = n;
	bool ended[SSH_PARALLEL] = { false };

	while (left) {
		struct pollfd p[SSH_PARALLEL];
		double wait = SSH_TIMEOUT;

		for (size_t i = 0; i < n; i++) {
			double until = t[i].deadline - clock_mono();

			p[i] = (struct pollfd){ .fd = ended[i] ? -1 : t[i].pidfd, .events = POLLIN };
			if (!ended[i] && until < wait)
				wait = until;
		}
		poll(p, n, wait > 0 ? (int)(wait * 1000) + 1 : 0);
		for (size_t i = 0; i < n; i++) {
			if (ended[i])
				continue;
			if (t[i].pidfd >= 0 && !p[i].revents && clock_mono() < t[i].deadline)
				continue;
			if (t[i].pid > 0 && !p[i].revents) {
				t[i].timed_out = true;
				kill(t[i].pid, SIGKILL);
			}
			ssh_end(a, &t[i], bad);
			ended[i] = true;
			left--;
		}
	}
}

json *netcheck_ssh(struct arena *a, const char *me, const char *cluster, const json *arg)
{
	struct strs nodes = json_strs(a, json_at(arg, 0));
	struct strs more = json_strs(a, json_get(json_at(arg, 1), me));
	json *bad = json_new_dict();

	/* only master candidates may log in anywhere; the nodes of a virtual cluster are one machine */
	if (!contains(json_at(arg, 2), me) || env_virtual())
		return bad;
	for (size_t i = 0; i < more.n; i++)
		strs_add(a, &nodes, more.v[i]);
	for (size_t i = 0; i < nodes.n; i += SSH_PARALLEL) {
		size_t n = nodes.n - i < SSH_PARALLEL ? nodes.n - i : SSH_PARALLEL;
		struct ssh_try t[SSH_PARALLEL] = { 0 };

		for (size_t k = 0; k < n; k++) {
			t[k].node = nodes.v[i + k];
			ssh_start(a, cluster, &t[k]);
		}
		ssh_wait(a, t, n, bad);
	}
	return bad;
}
