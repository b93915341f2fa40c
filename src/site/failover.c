/*
 * gnt-cluster master-failover, on the node that is to be the master (upstream: MasterFailover). Upstream's order,
 * but for this: a majority of the master candidates has to promise not to follow the old master any more before the
 * configuration is touched, and none of those that promise may have changes which this node lacks. What was
 * acknowledged to anybody is on a majority, so one of them would have it. The old master, if it can be reached, is
 * stopped first, so that it brings its last changes to everybody.
 */
#include "src/site/priv.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/fault.h"
#include "lib/base/log.h"
#include "lib/net/net.h"
#include "src/queue/queue.h"
#include "src/replica/replica.h"

#define CALL_TIMEOUT 10.0
#define STOP_TIMEOUT 70.0
#define FOLLOW_WAIT 5.0 /* for what is on its way to this node */
#define IP_WAIT 30.0
#define PING_TIMEOUT 3.0
#define POLL_NS 100000000L

struct member {
	struct rpc_node node;
	bool answers, runs; /* a master daemon runs there */
	int64_t term;       /* newest it has heard of */
	struct replica_pos last;
};

struct failover {
	struct arena *a;
	const char *me, *old; /* names */
	bool no_voting;
	struct rpc_client *rpc;
	struct config *config;
	/* of the copy on this node */
	struct member *m; /* the candidates */
	size_t n;
	struct rpc_node self, old_node;
	json *master_params;
	bool external_script;
	int64_t term;
	int failures; /* things that went wrong, and were said */
};

static void complain(struct failover *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void complain(struct failover *f, const char *fmt, ...)
{
	va_list ap;
	const char *text;

	va_start(ap, fmt);
	text = arena_vprintf(f->a, fmt, ap);
	va_end(ap);
	fprintf(stderr, "%s\n", text);
}

static void rest(void)
{
	const struct timespec pause = { 0, POLL_NS };

	nanosleep(&pause, NULL);
}

/* --- upstream's voting: who do most nodes take for the master? --- */
static struct rpc_node *nodes_of(struct failover *f, const struct strs *names)
{
	struct rpc_node *v = ARENA_ARRAY(f->a, struct rpc_node, names->n + 1);
	struct strs ips = { 0 };

	ssconf_read_lines(f->a, SSCONF_node_primary_ips, &ips, NULL);
	for (size_t i = 0; i < names->n; i++) {
		size_t len = strlen(names->v[i]);

		v[i].name = names->v[i];
		for (size_t k = 0; k < ips.n; k++)
			if (strncmp(ips.v[k], names->v[i], len) == 0 && ips.v[k][len] == ' ')
				v[i].ip = ips.v[k] + len + 1;
	}
	return v;
}

static void unhealthy(struct failover *f, const struct strs *names)
{
	const char *list = "";

	for (size_t i = 0; i < names->n; i++)
		list = arena_printf(f->a, "%s%s'%s'", list, i ? ", " : "", names->v[i]);
	complain(f,
		 "Master-failover with voting is only possible if the majority of nodes are still healthy; use the"
		 " --no-voting option after ensuring by other means that you won't end up in a dual-master scenario."
		 " Unhealthy nodes: [%s]",
		 list);
}

static const char *most_voted(struct failover *f, const struct rpc_answer *v, size_t n)
{
	json *votes = json_own(f->a, json_new_dict());
	const char *top = NULL;
	int64_t most = 0;

	for (size_t i = 0; i < n; i++) {
		const char *name = v[i].failed ? NULL : json_str(v[i].payload);

		if (!name)
			continue;
		json_set(votes, name, json_new_int(json_get_int(votes, name, 0) + 1));
		if (json_get_int(votes, name, 0) > most) {
			most = json_get_int(votes, name, 0);
			top = name;
		}
	}
	return top;
}

/* Has an earlier attempt to make this node the master ended half-way, so that some nodes know and others do not? */
static bool interrupted(const struct failover *f)
{
	struct config *c CLEANUP(config_closep) = NULL;
	struct snapshot *s CLEANUP(snapshot_freep) = NULL;
	const struct node *me;

	return config_open(path_of(PATH_CONFIG_DB), DB_READ, &c, NULL) == 0 && snapshot_open(c, &s, NULL) == 0 &&
	       snap_find_node(s, f->me, &me, NULL) == 0 && str_eq(snap_cluster(s)->master_node, me->uuid);
}

/* 1 = too few answer, which was said; 0, -1 */
static int gather_votes(struct failover *f, bool ignore_offline, struct err *e)
{
	struct strs names, missing = { 0 };
	struct rpc_answer *v;
	const char *top;

	if (ssconf_read_lines(f->a, ignore_offline ? SSCONF_online_nodes : SSCONF_node_list, &names, e) < 0 ||
	    rpc_multi(f->rpc, f->a, RPC_master_node_name, nodes_of(f, &names), names.n, json_new_array(), NULL,
		      CALL_TIMEOUT, &v, e) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++)
		if (v[i].failed || !json_str(v[i].payload))
			strs_add(f->a, &missing, names.v[i]);
	if (2 * (names.n - missing.n) <= names.n) {
		unhealthy(f, &missing);
		return 1;
	}
	top = most_voted(f, v, names.n);
	if (str_eq(top, f->old) || interrupted(f))
		return 0;
	return err_set(e, ERR_PREREQ, ECODE_STATE,
		       "I have a wrong configuration, I believe the master is %s but the other nodes voted %s. Please"
		       " resync the configuration of this node.",
		       f->old, top ? top : "nobody");
}

/* --- this node's copy --- */
static struct rpc_node rpc_node_of(struct failover *f, const struct node *n)
{
	return (struct rpc_node){ .name = arena_strdup(f->a, n->name), .ip = arena_strdup(f->a, n->primary_ip) };
}

static int read_copy(struct failover *f, struct err *e)
{
	struct snapshot *s CLEANUP(snapshot_freep) = NULL;
	const struct node *old, *new;
	const struct cluster *c;
	struct strs uuids;

	if (!fs_exists(path_of(PATH_CONFIG_DB)))
		return err_set(e, ERR_PREREQ, ECODE_ENVIRON,
			       "This node has no copy of the cluster's configuration; run the command on another"
			       " master candidate");
	if (config_open(path_of(PATH_CONFIG_DB), DB_READ, &f->config, e) < 0 ||
	    snapshot_open(f->config, &s, e) < 0)
		return -1;
	if (snap_find_node(s, f->old, &old, NULL) < 0)
		return err_set(e, ERR_PREREQ, ECODE_NOENT,
			       "Could not find old master node '%s' in cluster configuration.", f->old);
	if (snap_find_node(s, f->me, &new, NULL) < 0)
		return err_set(e, ERR_PREREQ, ECODE_NOENT,
			       "Could not find new master node '%s' in cluster configuration.", f->me);
	c = snap_cluster(s);
	f->old_node = rpc_node_of(f, old);
	f->self = rpc_node_of(f, new);
	f->external_script = c->use_external_mip_script;
	f->master_params = json_own(f->a, json_pack("{s:s, s:s, s:I, s:s, s:I}", "uuid", old->uuid, "ip",
						    c->master_ip, "netmask", c->master_netmask, "netdev",
						    c->master_netdev, "ip_family", c->primary_ip_family));
	uuids = snap_candidates(s);
	f->m = ARENA_ARRAY(f->a, struct member, uuids.n + 1);
	for (size_t i = 0; i < uuids.n; i++)
		f->m[f->n++].node = rpc_node_of(f, snap_node(s, uuids.v[i]));
	return 0;
}

/* A damaged one must not become the master's database. */
static int check_copy(struct failover *f, struct err *e)
{
	struct db *d = config_db(f->config);
	struct err why CLEANUP(err_clear) = ERR_NONE;

	if (db_check(d, false, &why) == 0 && replica_verify(d, &why) == 0)
		return 0;
	return err_set(e, ERR_PREREQ, ECODE_STATE,
		       "This node's copy of the configuration is damaged (%s). Run the command on another master"
		       " candidate; this node gets a new copy from there",
		       err_msg(&why));
}

static int my_state(struct failover *f, struct replica_state *ret, struct err *e)
{
	int rc = replica_read(config_db(f->config), ret, e);

	return rc == 1 ? 0 : rc < 0 ? -1 : err_plain(e, "The copy of the configuration on this node has no log");
}

/* --- what the candidates have --- */
static int ask_members(struct failover *f, struct err *e)
{
	struct rpc_node *nodes = ARENA_ARRAY(f->a, struct rpc_node, f->n + 1);
	struct rpc_answer *v;

	for (size_t i = 0; i < f->n; i++)
		nodes[i] = f->m[i].node;
	if (rpc_multi(f->rpc, f->a, RPC_replica_state, nodes, f->n, json_new_array(), NULL, CALL_TIMEOUT, &v, e) < 0)
		return -1;
	for (size_t i = 0; i < f->n; i++) {
		const json *last = json_get(v[i].payload, "last");

		f->m[i].answers = !v[i].failed;
		if (v[i].failed) {
			log_warn("Error contacting node %s: %s", f->m[i].node.name, v[i].error);
			continue;
		}
		f->m[i].runs = json_get_bool(v[i].payload, "running", false);
		f->m[i].term = json_get_int(v[i].payload, "term", 0);
		f->m[i].last = (struct replica_pos){ json_int(json_at(last, 0), 0), json_int(json_at(last, 1), -1) };
	}
	return 0;
}

static int enough(struct failover *f, const char *what, struct err *e)
{
	const char *missing = "";
	size_t there = 0;

	for (size_t i = 0; i < f->n; i++) {
		there += f->m[i].answers;
		if (!f->m[i].answers)
			missing = arena_printf(f->a, "%s%s%s", missing, *missing ? ", " : "", f->m[i].node.name);
	}
	if (f->no_voting || there >= f->n / 2 + 1)
		return 0;
	return err_set(e, ERR_PREREQ, ECODE_ENVIRON,
		       "%zu of %zu master candidates %s, which is no majority (missing: %s). Bring them back, or use"
		       " the --no-voting option after ensuring that the old master does not run",
		       there, f->n, what, missing);
}

static const struct member *newest(const struct failover *f)
{
	const struct member *best = NULL;

	for (size_t i = 0; i < f->n; i++)
		if (f->m[i].answers && (!best || replica_cmp(f->m[i].last, best->last) > 0))
			best = &f->m[i];
	return best;
}

static int stale(struct failover *f, const struct member *best, struct replica_pos mine, struct err *e)
{
	const char *text = arena_printf(f->a,
					"Node %s has changes that this node lacks (entry %lld of term %lld, here %lld"
					" of term %lld)",
					best->node.name, (long long)best->last.serial, (long long)best->last.term,
					(long long)mine.serial, (long long)mine.term);

	if (f->no_voting) {
		complain(f, "%s; they will be lost", text);
		return 0;
	}
	return err_set(e, ERR_PREREQ, ECODE_STATE, "%s. Run the command on node %s", text, best->node.name);
}

/*
 * This node has to have everything that any candidate has that answered. What is on its way is waited for; while the
 * master runs, what it had when it was asked is enough.
 */
static int check_newest(struct failover *f, struct err *e)
{
	double end = clock_mono() + FOLLOW_WAIT;
	struct replica_state mine;
	const struct member *best = newest(f);

	for (;;) {
		if (my_state(f, &mine, e) < 0)
			return -1;
		if (!best || replica_cmp(mine.last, best->last) >= 0)
			return 0;
		if (clock_mono() > end)
			return stale(f, best, mine.last, e);
		rest();
	}
}

/* --- the old master --- */
static bool tell_old(struct failover *f, enum rpc rpc, json *args, const char **ret_why)
{
	struct rpc_answer *v;
	struct err e CLEANUP(err_clear) = ERR_NONE;

	if (rpc_multi(f->rpc, f->a, rpc, &f->old_node, 1, args, NULL, STOP_TIMEOUT, &v, &e) < 0) {
		*ret_why = arena_strdup(f->a, err_msg(&e));
		return false;
	}
	*ret_why = v->error;
	return !v->failed;
}

static void stop_old(struct failover *f)
{
	const char *why;

	log_info("Stopping the master daemon on node %s", f->old);
	if (!tell_old(f, RPC_node_deactivate_master_ip,
		      json_pack("[O, b]", f->master_params, (int)f->external_script), &why))
		complain(f, "Could not disable the master IP: %s", why);
	if (!tell_old(f, RPC_node_stop_master, json_new_array(), &why))
		complain(f, "Could not disable the master role on the old master %s, please disable manually: %s",
			 f->old, why);
}

/* It was stopped for nothing. */
static void start_old(struct failover *f)
{
	const char *why;

	if (!tell_old(f, RPC_node_start_master_daemons, json_pack("[b]", 0), &why))
		complain(f, "Could not start the master on node %s again: %s", f->old, why);
}

/* --- the new term --- */
static int promises(struct failover *f, struct err *e)
{
	struct replica_state mine;

	if (my_state(f, &mine, e) < 0)
		return -1;
	f->term = mine.term;
	for (size_t i = 0; i < f->n; i++)
		if (f->m[i].answers && f->m[i].term > f->term)
			f->term = f->m[i].term;
	f->term++;
	/* who answers to this call follows nobody of an older term from then on */
	rpc_set_term(f->rpc, f->term, f->me);
	if (ask_members(f, e) < 0 || enough(f, "promise to follow this node", e) < 0)
		return -1;
	return check_newest(f, e);
}

static int change_config(struct failover *f, struct err *e)
{
	struct snapshot *s CLEANUP(snapshot_freep) = NULL;
	struct db *d = config_db(f->config);
	json *changes CLEANUP(json_putp) = NULL, *cluster;
	const struct node *me;
	struct replica_entry entry;

	if (replica_set_term(d, f->term, e) < 0 || snapshot_open(f->config, &s, e) < 0 ||
	    snap_find_node(s, f->me, &me, e) < 0 || db_begin(d, true, e) < 0)
		return -1;
	cluster = json_clone(snap_json(s, OBJ_CLUSTER, snap_cluster(s)->uuid));
	json_set(cluster, "master_node", json_new_str(me->uuid));
	changes = json_pack("[[s, s, o]]", "update", obj_kind_name(OBJ_CLUSTER), cluster);
	replica_begin(d);
	if (config_commit(f->config, changes, NULL, NULL, NULL, e) == 0 &&
	    queue_flag_set(d, "drained", false, e) == 0 &&
	    /* processes of the old master's machine */
	    db_exec(d, e, "DELETE FROM job_run", "") == 0 && replica_end(d, f->a, &entry, e) == 0)
		return FAULT(failover_commit) ? err_plain(e, "fault point") : db_commit(d, e);
	replica_forget(d);
	db_rollback(d);
	return -1;
}

/*
 * All nodes hear who the master is; those that are down hear it from the new master. This one last: it is the master
 * when the others know, and until then the command can be repeated here.
 */
static int spread_ssconf(struct failover *f, struct err *e)
{
	struct snapshot *s CLEANUP(snapshot_freep) = NULL;
	json *values CLEANUP(json_putp) = NULL;
	struct rpc_node *nodes;
	struct rpc_answer *v;
	struct strs uuids;
	size_t others = 0;

	if (snapshot_open(f->config, &s, e) < 0 || config_ssconf(s, &values, e) < 0)
		return -1;
	uuids = snap_uuids(s, OBJ_NODE);
	nodes = ARENA_ARRAY(f->a, struct rpc_node, uuids.n + 1);
	for (size_t i = 0; i < uuids.n; i++) {
		const struct node *n = snap_node(s, uuids.v[i]);

		if (str_eq(n->name, f->me))
			continue;
		nodes[others] = rpc_node_of(f, n);
		nodes[others++].offline = n->offline;
	}
	if (rpc_multi(f->rpc, f->a, RPC_write_ssconf_files, nodes, others, json_pack("[O]", values), NULL, CALL_TIMEOUT,
		      &v, e) < 0)
		return -1;
	for (size_t i = 0; i < others; i++)
		if (v[i].failed && !v[i].offline)
			log_warn("Could not tell node %s about the new master: %s", v[i].node, v[i].error);
	if (FAULT(failover_told))
		return err_plain(e, "fault point");
	return ssconf_write(values, false, e);
}

static int become_master(struct failover *f, struct err *e)
{
	config_close(STEAL(f->config));
	if (config_open(path_of(PATH_CONFIG_DB), DB_WRITE, &f->config, e) < 0 || change_config(f, e) < 0)
		return -1;
	if (FAULT(failover_committed))
		return err_plain(e, "fault point");
	return spread_ssconf(f, e);
}

/* --- the master's address --- */
static bool wait_ip(struct failover *f, bool wanted)
{
	const char *ip = json_get_str(f->master_params, "ip");
	double end = clock_mono() + IP_WAIT;

	/* those of a virtual cluster are never up, or always, whoever is the master */
	while (!env_virtual() && tcp_ping(ip, rpc_port(), PING_TIMEOUT, false, NULL) != wanted) {
		if (clock_mono() > end)
			return false;
		rest();
	}
	return true;
}

static void start_new(struct failover *f)
{
	struct rpc_answer *v;
	struct err e CLEANUP(err_clear) = ERR_NONE;

	if (!wait_ip(f, false)) {
		complain(f,
			 "The master IP is still reachable after %d seconds, continuing but activating the master IP"
			 " on the current node will probably fail",
			 (int)IP_WAIT);
		f->failures++;
	}
	log_info("Starting the master daemons on the new master");
	if (rpc_multi(f->rpc, f->a, RPC_node_start_master_daemons, &f->self, 1, json_pack("[b]", (int)f->no_voting),
		      NULL, 0, &v, &e) < 0 ||
	    v->failed) {
		complain(f, "Could not start the master role on the new master %s, please check: %s", f->me,
			 e.msg ? err_msg(&e) : v->error);
		f->failures++;
		return;
	}
	if (!wait_ip(f, true)) {
		complain(f,
			 "The master IP did not come up within %d seconds; the cluster should still be working and"
			 " reachable via %s, but not via the master IP address",
			 (int)IP_WAIT, f->me);
		f->failures++;
	}
}

static int fail_over(struct failover *f, bool ignore_offline, struct err *e)
{
	int rc = f->no_voting ? 0 : gather_votes(f, ignore_offline, e);

	if (rc)
		return rc;
	if (read_copy(f, e) < 0 || ask_members(f, e) < 0 || enough(f, "answer", e) < 0 || check_newest(f, e) < 0)
		return -1;
	if (check_copy(f, e) < 0)
		return -1;
	stop_old(f);
	FAULT(failover_stopped);
	/* it has brought its last changes to whom it could */
	if (ask_members(f, e) < 0 || enough(f, "answer", e) < 0 || check_newest(f, e) < 0) {
		start_old(f);
		return -1;
	}
	if (promises(f, e) < 0)
		return -1;
	FAULT(failover_promised);
	if (become_master(f, e) < 0)
		return -1;
	FAULT(failover_done);
	start_new(f);
	return f->failures ? 1 : 0;
}

int site_failover(bool no_voting, bool ignore_offline, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct failover f = { .a = a, .no_voting = no_voting };
	int rc;

	(void)log_open("gnt-cluster", path_of(PATH_LOG_COMMANDS), false);
	if (ssconf_master(a, &f.old, &f.me, e) < 0 || rpc_client_new(NULL, &f.rpc, e) < 0)
		return -1;
	log_info("Setting master to %s, old master: %s", f.me, f.old);
	rc = fail_over(&f, ignore_offline, e);
	config_close(f.config);
	rpc_client_free(f.rpc);
	return rc;
}
