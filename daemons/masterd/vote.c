/*
 * Is this node the master? Most nodes have to say so before anything is started (upstream: verifyMaster): an old
 * master that comes back does not know that there is another one. Besides, nobody may follow a newer master.
 */
#include "daemons/masterd/masterd.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/str.h"
#include "src/replica/replica.h"
#include "src/rpc/rpc.h"

#include <string.h>

#define VOTING_TIME 60.0 /* for nodes that are being started, too */
#define CALL_TIMEOUT 10.0
#define AGAIN 0.5
#define NAMES_MAX 20 /* in a message */

struct ballot {
	struct arena *a;
	struct rpc_client *rpc;
	struct rpc_node *nodes, *candidates; /* the others; the candidates with this one */
	size_t n, n_candidates;
	const char *me, *cluster;
};

static int read_nodes(struct master *m, struct ballot *b, struct err *e)
{
	struct snapshot *s CLEANUP(snapshot_freep) = NULL;
	struct strs uuids;

	if (snapshot_open(m->config, &s, e) < 0)
		return -1;
	b->cluster = arena_strdup(b->a, snap_cluster(s)->uuid);
	uuids = snap_uuids(s, OBJ_NODE);
	b->nodes = ARENA_ARRAY(b->a, struct rpc_node, uuids.n + 1);
	b->candidates = ARENA_ARRAY(b->a, struct rpc_node, uuids.n + 1);
	for (size_t i = 0; i < uuids.n; i++) {
		const struct node *n = snap_node(s, uuids.v[i]);
		struct rpc_node r = { .name = arena_strdup(b->a, n->name), .ip = arena_strdup(b->a, n->primary_ip),
				      .offline = n->offline };

		if (n->master_candidate)
			b->candidates[b->n_candidates++] = r;
		if (strcmp(n->name, b->me) != 0)
			b->nodes[b->n++] = r;
	}
	return 0;
}

struct count {
	struct ballot *b;
	size_t left, unknown;
	json *votes; /* name -> how many say so, this node included */
	struct str missing;
	bool decided; /* all have answered, or enough are in favour: a node that hangs need not be waited for */
};

struct voter {
	struct count *c;
	struct rpc_batch *call;
};

/* Are most in favour, with so many more? */
static bool most(const struct count *c, size_t more)
{
	return 2 * ((size_t)json_get_int(c->votes, c->b->me, 0) + more) > c->b->n + 1;
}

static void voted(const struct rpc_answer *v, size_t n, void *arg)
{
	struct voter *voter = arg;
	struct count *c = voter->c;
	const char *name = v->failed ? NULL : json_str(v->payload);

	(void)n;
	voter->call = NULL;
	c->left--;
	if (v->failed) {
		if (c->unknown++ < NAMES_MAX)
			str_addf(&c->missing, "%s%s", c->missing.len ? ", " : "", v->node);
	} else if (name) {
		json_set(c->votes, name, json_new_int(json_get_int(c->votes, name, 0) + 1));
	}
	c->decided = c->left == 0 || most(c, 0);
}

/* "[("node1",2)]", as upstream's programs print who got how many votes */
static void add_votes(struct str *s, const json *votes)
{
	const char *sep = "";

	str_addc(s, '[');
	json_each (votes, name, count) {
		str_addf(s, "%s(\"%s\",%lld)", sep, name, (long long)json_int(count, 0));
		sep = ",";
	}
	str_addc(s, ']');
}

/* 1 = won, 0 = not yet, -1 = lost */
static int judge(struct count *c, struct err *e)
{
	struct str text CLEANUP(str_free) = { 0 };

	if (most(c, 0))
		return 1;
	if (c->unknown > NAMES_MAX)
		str_addf(&c->missing, " and %zu others", c->unknown - NAMES_MAX);
	if (c->unknown)
		log_warn("No voting RPC result from %s", str_get(&c->missing));
	if (most(c, c->unknown))
		return 0;
	add_votes(&text, c->votes);
	return err_plain(e, "Voting cannot be won by %s, valid votes of %zu are %s", c->b->me, c->b->n + 1,
			 str_get(&text));
}

/* As judge(); told to end: lost, without a word. Our own vote is known. */
static int count_votes(struct master *m, struct ballot *b, struct err *e)
{
	struct count c = { .b = b, .left = b->n, .votes = json_new_dict() };
	struct voter *v = xcalloc(b->n, sizeof(*v));
	int rc = -1;

	json_set(c.votes, b->me, json_new_int(1));
	for (size_t i = 0; i < b->n; i++) {
		v[i].c = &c;
		v[i].call = rpc_start(b->rpc, RPC_master_node_name, &b->nodes[i], 1, json_new_array(), NULL,
				      CALL_TIMEOUT, voted, &v[i]);
	}
	ev_run_until(m->ev, &c.decided, -1);
	for (size_t i = 0; i < b->n; i++)
		rpc_cancel(v[i].call);
	if (!m->stopping)
		rc = judge(&c, e);
	free(v);
	json_put(c.votes);
	str_free(&c.missing);
	return rc;
}

/* Who is told to end does so at once, whatever it waits for. */
static int told_to_end(void *arg)
{
	const struct master *m = arg;

	return m->stopping ? -1 : 0;
}

static int hold_voting(struct master *m, struct ballot *b, struct err *e)
{
	double end = clock_mono() + VOTING_TIME;
	int rc;

	while ((rc = count_votes(m, b, e)) == 0) {
		if (clock_mono() > end)
			return err_plain(e, "Couldn't gather voting results of enough nodes");
		if (ev_run_until(m->ev, &m->stopping, AGAIN))
			return -1;
	}
	return rc < 0 ? -1 : 0;
}

/* Does a candidate have what this database lacks? E says so. */
static bool lacking(const struct ballot *b, const struct replica_state *mine, const struct rpc_answer *v,
		    struct err *e)
{
	for (size_t i = 0; i < b->n_candidates; i++) {
		const json *last = v[i].failed ? NULL : json_get(v[i].payload, "last");
		struct replica_pos p = { json_int(json_at(last, 0), 0), json_int(json_at(last, 1), -1) };

		if (!last || strcmp(v[i].node, b->me) == 0 || !replica_lacks(mine, p) ||
		    !str_eq(json_get_str(v[i].payload, "cluster"), b->cluster))
			continue;
		damage_lacks(v[i].node,
			     arena_printf(b->a, "entry %lld of term %lld, here the last one is %lld of term %lld",
					  (long long)p.serial, (long long)p.term, (long long)mine->last.serial,
					  (long long)mine->last.term),
			     e);
		return true;
	}
	return false;
}

/* The newest term that a candidate has heard of, if somebody else is the master in it. */
static void newer_term(struct ballot *b, int64_t mine, const struct rpc_answer *v, struct replica_term *ret,
		       const char **ret_node)
{
	*ret = (struct replica_term){ 0, NULL };
	for (size_t i = 0; i < b->n_candidates; i++) {
		int64_t term = v[i].failed ? 0 : json_get_int(v[i].payload, "term", 0);
		const char *master = json_get_str(v[i].payload, "master");

		if (term < mine || term <= ret->term || (term == mine && str_eq(master, b->me)))
			continue;
		*ret = (struct replica_term){ term, master };
		*ret_node = v[i].node;
	}
}

/* Nobody follows a newer master; a master by force begins a new term, so that they follow it. */
static int check_term(struct master *m, struct ballot *b, int *ret_exit, struct err *e)
{
	struct replica_state s;
	struct replica_term t;
	struct rpc_answer *v;
	const char *node;

	if (replica_read(m->db, &s, e) < 0 ||
	    rpc_multi(b->rpc, b->a, RPC_replica_state, b->candidates, b->n_candidates, json_new_array(), NULL,
		      CALL_TIMEOUT, &v, e) < 0)
		return -1;
	newer_term(b, s.term, v, &t, &node);
	/* a newer master is no damage */
	if ((!t.term || str_eq(t.master, b->me)) && lacking(b, &s, v, e)) {
		*ret_exit = EXIT_CONFIG;
		if (!m->no_voting)
			return -1;
		log_warn("%s", err_msg(e));
		err_clear(e);
		log_warn("It is used nevertheless: this master begins a new term, and what it lacks is lost");
		return replica_set_term(m->db, (t.term > s.term ? t.term : s.term) + 1, e);
	}
	if (!t.term)
		return 0;
	if (m->no_voting) {
		log_warn("Node %s follows %s in term %lld: this master begins term %lld", node, t.master,
			 (long long)t.term, (long long)t.term + 1);
		return replica_set_term(m->db, t.term + 1, e);
	}
	*ret_exit = EXIT_NOTMASTER;
	return err_plain(e, "Node %s follows %s as master in term %lld; this node's term is %lld", node, t.master,
			 (long long)t.term, (long long)s.term);
}

int vote(struct master *m, int *ret_exit, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct ballot b = { .a = a, .me = env_hostname() };
	int rc;

	if (read_nodes(m, &b, e) < 0)
		return -1;
	if (b.n == 0)
		return 0;
	if (rpc_client_new(m->ev, &b.rpc, e) < 0)
		return -1;
	rpc_set_poll(b.rpc, told_to_end, m);
	rc = m->no_voting ? 0 : hold_voting(m, &b, e);
	if (rc == 0)
		rc = check_term(m, &b, ret_exit, e);
	rpc_client_free(b.rpc);
	mem_trim(); /* of thousands of connections much is left */
	if (rc < 0)
		return err_prefix(e, "Failed to verify master status");
	if (m->no_voting)
		log_warn("Started without asking the other nodes");
	return 0;
}
