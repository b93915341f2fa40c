/* Starting the daemons of this node, and waiting until they answer. */
#include "src/site/priv.h"

#include "lib/base/clock.h"

#include <string.h>
#include <time.h>

#define UTIL_TIMEOUT 120.0
#define START_TIMEOUT 30.0
#define POLL_NS 20000000L

int site_daemon(const char *action, const char *daemon, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	const char *const argv[] = { path_of(PATH_DAEMON_UTIL), action, daemon, NULL };
	struct run run = { .argv = argv, .env = env_of_programs(a), .timeout = UTIL_TIMEOUT };
	struct run_result res CLEANUP(run_result_free) = { 0 };
	char *why CLEANUP(freep) = NULL;

	if (run_cmd(&run, &res, e) < 0)
		return -1;
	if (res.status == 0)
		return 0;
	why = run_fail_reason(&res);
	return err_set(e, ERR_EXEC, NULL, "Could not %s %s, command %s %s and printed '%s%s'", action,
		       daemon ? daemon : "daemons", argv[0], why, res.out, res.err);
}

/* Ask until it answers or the time is over. */
static int until(int (*ask)(void *arg, struct err *e), void *arg, const char *what, struct err *e)
{
	const struct timespec pause = { 0, POLL_NS };
	double end = clock_mono() + START_TIMEOUT;
	struct err why CLEANUP(err_clear) = ERR_NONE;

	while (ask(arg, &why) < 0) {
		if (clock_mono() > end)
			return err_set(e, ERR_EXEC, NULL, "%s didn't answer queries within %d seconds: %s",
				       what, (int)START_TIMEOUT, err_msg(&why));
		nanosleep(&pause, NULL);
	}
	return 0;
}

struct node_question {
	struct arena *a;
	struct rpc_client *client;
	struct rpc_node node;
};

static int ask_node(void *arg, struct err *e)
{
	struct node_question *q = arg;
	json *version;

	if (rpc_call(q->client, q->a, RPC_version, &q->node, json_new_array(), &version, e) < 0)
		return -1;
	if (json_int(version, 0) != PROTOCOL_VERSION)
		return err_plain(e, "it speaks version %lld", (long long)json_int(version, 0));
	return 0;
}

int site_wait_node_daemon(const char *name, const char *ip, struct err *e)
{
	struct node_question q = { .node = { .name = name, .ip = ip } };
	char *what CLEANUP(freep) = xasprintf("Node daemon on %s", name);
	int rc;

	if (rpc_client_new(NULL, &q.client, e) < 0)
		return -1;
	q.a = arena_new();
	rc = until(ask_node, &q, what, e);
	rpc_client_free(q.client);
	arena_free(q.a);
	return rc;
}

static int ask_master(void *arg, struct err *e)
{
	struct luxi_client *c CLEANUP(luxi_closep) = NULL;
	json *info CLEANUP(json_putp) = NULL;

	(void)arg;
	if (luxi_open(&c, e) < 0)
		return -1;
	return luxi_call(c, LUXI_QueryClusterInfo, json_new_array(), &info, e);
}

int site_wait_master_daemon(struct err *e)
{
	return until(ask_master, NULL, "Master daemon", e);
}
