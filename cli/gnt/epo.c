/* gnt-cluster epo: emergency power-off, and everything on again. */
#include "cli/gnt/gnt.h"

#include "lib/base/clock.h"
#include "lib/net/net.h"
#include "src/rpc/rpc.h"

#include <string.h>
#include <time.h>

#define PING_INTERVAL 30.0
#define PING_TIMEOUT 1.0
#define REACHABLE_TIMEOUT (15 * 60.0)

struct epo {
	struct cli *c;
	bool on;
	struct strs nodes;    /* all of them */
	struct strs switched; /* those that out-of-band programs switch */
	json *instances;      /* name to dict of the nodes it needs, except the master */
};

/* The fields asked for, in this order. */
enum { F_NAME, F_MASTER, F_PRIMARY, F_SECONDARY, F_POWERED, F_OFFLINE };

static void add_instances(struct epo *s, const json *row)
{
	const char *node = json_str(json_at(row, F_NAME));
	bool master = json_boolean(json_at(row, F_MASTER), false);

	for (size_t list = F_PRIMARY; list <= F_SECONDARY; list++)
		json_items(json_at(row, list), i, name) {
			json *needs = json_get(s->instances, json_str(name));

			if (!needs) {
				needs = json_new_dict();
				json_set(s->instances, json_str(name), needs);
			}
			if (!master)
				json_set(needs, node, NULL);
		}
}

/* Whether to go on. */
static bool add_node(struct epo *s, const json *row)
{
	const char *node = json_str(json_at(row, F_NAME));
	const json *powered = json_at(row, F_POWERED);
	bool master = json_boolean(json_at(row, F_MASTER), false);
	bool offline = json_boolean(json_at(row, F_OFFLINE), false);

	strs_add(s->c->a, &s->nodes, node);
	if (!offline)
		add_instances(s, row);
	if (master && s->on)
		return true; /* it works: this runs on it */
	if (master && !cli_flag(s->c, "show_all")) {
		cli_warn("%s is the master node, please do a master-failover to another node not affected "
			 "by the EPO or use --all if you intend to shutdown the whole cluster",
			 node);
		return false;
	}
	if (!powered)
		cli_out("Node %s does not support out-of-band handling, it can not be handled in a fully "
			"automated manner",
			node);
	else if (json_boolean(powered, false) == s->on)
		cli_out("Node %s is already in desired power state, skipping", node);
	else if (!offline || json_boolean(powered, false))
		strs_add(s->c->a, &s->switched, node);
	return true;
}

static int query(struct epo *s, json **ret, struct err *e)
{
	struct cli *c = s->c;
	json *names = json_new_array(), *rows;

	if (!cli_flag(c, "groups")) {
		for (size_t i = 0; i < c->args.n; i++)
			json_append(names, json_new_str(c->args.v[i]));
	} else {
		if (cli_call(c, LUXI_QueryGroups,
			     json_pack("[o, [s], b]", json_new_strs(&c->args), "node_list", 0), &rows,
			     e) < 0) {
			json_put(names);
			return -1;
		}
		json_items(rows, i, row)
			json_items(json_at(row, 0), k, name)
				json_append(names, json_ref(name));
	}
	return cli_call(c, LUXI_QueryNodes,
			json_pack("[o, [s, s, s, s, s, s], b]", names, "name", "master", "pinst_list",
				  "sinst_list", "powered", "offline", 0),
			ret, e);
}

/* *RET_OK: did it work for all of them? */
static int power(struct epo *s, bool *ret_ok, struct err *e)
{
	json *op = op_new(s->c, OP_oob_command), *result;

	op_from_opts(s->c, op);
	op_set(op, "node_names", json_new_strs(&s->switched));
	op_set(op, "command",
	       json_new_str(enum_name(&enum_oob_command,
				      s->on ? oob_command_power_on : oob_command_power_off)));
	op_set(op, "ignore_status", json_new_bool(true));
	TRY(cli_exec(s->c, op, &result, e));
	*ret_ok = true;
	json_items(result, i, answer) {
		if (json_int(json_at(json_at(answer, 1), 0), 1) == 0)
			continue;
		cli_warn("There was a problem changing power for %s, please investigate",
			 json_str(json_at(json_at(answer, 0), 1)));
		*ret_ok = false;
	}
	return 0;
}

/* Start or stop instances. *RET_OK: did it work for all of them? */
static int instances(struct epo *s, const struct strs *names, bool *ret_ok, struct err *e)
{
	struct jobs *jobs = jobs_new(s->c, true);
	struct job_result *results;
	size_t n, bad = 0;

	for (size_t i = 0; i < names->n; i++) {
		json *op = op_new(s->c, s->on ? OP_instance_startup : OP_instance_shutdown);

		cli_out("Submit %s of instance %s", s->on ? "startup" : "shutdown", names->v[i]);
		op_set(op, "instance_name", json_new_str(names->v[i]));
		if (!s->on) {
			op_set_ref(op, "timeout", cli_opt(s->c, "shutdown_timeout"));
			op_set(op, "no_remember", json_new_bool(true));
		}
		jobs_queue(jobs, names->v[i], json_pack("[O]", op));
	}
	TRY(jobs_wait(jobs, &results, &n, e));
	for (size_t i = 0; i < n; i++)
		bad += !results[i].ok;
	if (bad)
		cli_warn("There were errors while %s instances:\n%zu error(s) out of %zu instance(s)",
			 s->on ? "starting" : "stopping", bad, n);
	else
		cli_out("All instances have been %s successfully", s->on ? "started" : "stopped");
	*ret_ok = !bad;
	return 0;
}

/* --- on --- */

struct waiting {
	const char *name, *ip;
	bool up;
};

/* Start instances all of whose nodes are up. */
static int start_ready(struct epo *s, const struct waiting *v, bool *ret_ok, struct err *e)
{
	struct strs ready = { 0 };

	*ret_ok = true;
	json_each(s->instances, name, needs) {
		size_t missing = json_len(needs);

		for (size_t i = 0; i < s->nodes.n; i++)
			missing -= v[i].up && json_has(needs, v[i].name);
		if (!missing)
			strs_add(s->c->a, &ready, arena_strdup(s->c->a, name));
	}
	for (size_t i = 0; i < ready.n; i++)
		json_del(s->instances, ready.v[i]);
	return ready.n ? instances(s, &ready, ret_ok, e) : 0;
}

/* Until one more node answers, or the interval is over. */
static void wait_for_one(const struct epo *s, struct waiting *v)
{
	double left, end = clock_mono() + PING_INTERVAL;

	for (size_t i = 0; i < s->nodes.n; i++) {
		if (v[i].up || !tcp_ping(v[i].ip, rpc_port(), PING_TIMEOUT, true, NULL))
			continue;
		cli_out("Node %s became available", v[i].name);
		v[i].up = true;
		return;
	}
	left = end - clock_mono();
	if (left > 0)
		nanosleep(&(struct timespec){ .tv_sec = (time_t)left }, NULL);
}

static int resolve(struct epo *s, struct waiting *v, struct err *e)
{
	struct err why CLEANUP(err_clear) = ERR_NONE;
	const char *full;

	for (size_t i = 0; i < s->nodes.n; i++) {
		v[i].name = s->nodes.v[i];
		if (resolve_name(s->c->a, env_hosts_file(), v[i].name, 0, &full, &v[i].ip, &why) < 0)
			return err_set(e, ERR_PREREQ, ECODE_RESOLVER, "%s", err_msg(&why));
	}
	return 0;
}

static int switch_on(struct epo *s, struct err *e)
{
	struct waiting *v = ARENA_ARRAY(s->c->a, struct waiting, s->nodes.n + 1);
	double end = clock_mono() + REACHABLE_TIMEOUT;
	struct strs down = { 0 };
	bool ok = true, all = true;

	/* upstream switches nodes off here */
	if (s->switched.n)
		TRY(power(s, &ok, e));
	if (!ok)
		cli_warn("Not all nodes seem to get back up, investigate and start manually if needed");
	cli_out("Waiting until all nodes are available again");
	TRY(resolve(s, v, e));
	for (;;) {
		TRY(start_ready(s, v, &ok, e));
		all = all && ok;
		down.n = 0;
		for (size_t i = 0; i < s->nodes.n; i++)
			if (!v[i].up)
				strs_add(s->c->a, &down, v[i].name);
		if (!down.n || clock_mono() > end)
			break;
		wait_for_one(s, v);
	}
	if (down.n)
		cli_warn("Time exceeded while waiting for nodes to become reachable again:\n  - %s",
			 strs_join(s->c->a, &down, "\n  - "));
	if (all && !down.n)
		return EXIT_SUCCESS;
	cli_warn("Please investigate and start stopped instances manually");
	return EXIT_FAILURE;
}

static int switch_off(struct epo *s, struct err *e)
{
	struct strs names = { 0 };
	bool ok;

	json_each(s->instances, name, needs) {
		(void)needs;
		strs_add(s->c->a, &names, arena_strdup(s->c->a, name));
	}
	TRY(instances(s, &names, &ok, e));
	if (!ok) {
		cli_warn("Please investigate and stop instances manually before continuing");
		return EXIT_FAILURE;
	}
	if (s->switched.n)
		TRY(power(s, &ok, e));
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

int cmd_cluster_epo(struct cli *c, struct err *e)
{
	struct epo s = { .c = c, .on = cli_flag(c, "on"), .instances = json_own(c->a, json_new_dict()) };
	json *rows;

	if (cli_flag(c, "groups") && cli_flag(c, "show_all")) {
		cli_warn("Only one of --groups or --all are allowed");
		return EXIT_FAILURE;
	}
	if (c->args.n && cli_flag(c, "show_all")) {
		cli_warn("Arguments in combination with --all are not allowed");
		return EXIT_FAILURE;
	}
	TRY(query(&s, &rows, e));
	json_items(rows, i, row)
		if (!add_node(&s, row))
			return EXIT_FAILURE;
	if (!cli_flag(c, "force") && !many_confirm(c, &s.nodes, "nodes", "epo", ""))
		return EXIT_FAILURE;
	return s.on ? switch_on(&s, e) : switch_off(&s, e);
}
