/* What a move of one instance makes of the nodes it touches (upstream: applyMoveEx). */
#include "htools/algo/algo.h"

struct attempt {
	const struct ht_cluster *c;
	const struct ht_inst *i;
	int t; /* target, or HT_NONE */
	bool force;
	const struct ht_node *p, *s;    /* nodes it is on; S NULL: its secondary does not matter */
	struct ht_state sp, ss, st;     /* theirs without it, and the target's */
	struct ht_outcome *o;
	struct ht_refusal *refused; /* may be NULL */
};

/* The instance leaves its nodes... */
static void leave(struct attempt *a)
{
	a->sp = a->p->s;
	ht_state_del_pri(a->p, &a->sp, a->i, a->i->loc_score);
	if (a->s) {
		a->ss = a->s->s;
		ht_state_del_sec(a->s, &a->ss, a->i, a->i->pri);
	}
	if (a->t != HT_NONE)
		a->st = a->c->nodes[a->t].s;
}

/* ...or comes to one as its primary, which is not its primary now. */
static enum ht_fail pri(struct attempt *a, int node, struct ht_state *s, bool force)
{
	enum ht_fail f = ht_state_add_pri(&a->c->nodes[node], s, a->i, a->o->loc_score, force);

	if (f != HT_OK && a->refused)
		*a->refused = (struct ht_refusal){ .role = HT_ROLE_PRI, .node = node, .s = *s, .force = force };
	return f;
}

static enum ht_fail come(struct attempt *a, int node, struct ht_state *s, bool force)
{
	enum ht_fail f = pri(a, node, s, force);

	if (f == HT_OK)
		s->conflicts += ht_conflicts_add(&a->c->nodes[node], a->i);
	return f;
}

static enum ht_fail sec(struct attempt *a, int node, struct ht_state *s, int primary, bool only_role, bool force)
{
	const struct ht_node *n = &a->c->nodes[node];
	enum ht_fail f = ht_state_add_sec(n, s, a->i, primary, only_role, force);

	if (f != HT_OK && a->refused)
		*a->refused = (struct ht_refusal){ .role = HT_ROLE_SEC, .node = node, .s = *s, .force = force, .only_role = only_role,
						   .kept = ht_peers_get(&n->peers, primary) };
	return f;
}

static void put(struct ht_outcome *o, int node, const struct ht_state *s)
{
	o->node[o->n] = node;
	o->s[o->n++] = *s;
}

#define CHECK(call)                        \
	do {                               \
		enum ht_fail f_ = (call);  \
		if (f_ != HT_OK)           \
			return f_;         \
	} while (0)

static enum ht_fail migrates(struct attempt *a, int from, int to)
{
	if (ht_may_migrate(&a->c->nodes[from], &a->c->nodes[to]))
		return HT_OK;
	if (a->refused)
		*a->refused = (struct ht_refusal){ .role = HT_ROLE_MIGRATES, .node = to, .from = from };
	return HT_FAIL_MIG;
}

/* All went well: it is on TO_PRI and TO_SEC then. */
static enum ht_fail moved(struct attempt *a, int to_pri, int to_sec)
{
	const struct ht_inst *i = a->i;

	if (to_pri != i->pri)
		a->sp.conflicts += ht_conflicts_del(a->p, i);
	put(a->o, i->pri, &a->sp);
	if (a->s)
		put(a->o, i->sec, &a->ss);
	if (a->t != HT_NONE)
		put(a->o, a->t, &a->st);
	a->o->pri = to_pri;
	a->o->sec = to_sec;
	return HT_OK;
}

static enum ht_fail failover(struct attempt *a)
{
	const struct ht_inst *i = a->i;
	bool force = a->force || a->p->offline;

	CHECK(migrates(a, i->pri, i->sec));
	CHECK(come(a, i->sec, &a->ss, force));
	CHECK(sec(a, i->pri, &a->sp, i->sec, a->p->offline, force));
	return moved(a, i->sec, i->pri);
}

static enum ht_fail failover_to(struct attempt *a)
{
	CHECK(migrates(a, a->i->pri, a->t));
	CHECK(come(a, a->t, &a->st, a->force || a->p->offline));
	return moved(a, a->t, a->i->sec);
}

static enum ht_fail replace_pri(struct attempt *a)
{
	const struct ht_inst *i = a->i;
	bool force = a->force || a->p->offline;

	a->o->loc_score = ht_shared_locations(a->c, a->t, i->sec);
	CHECK(migrates(a, i->pri, i->sec));
	CHECK(migrates(a, i->sec, a->t));
	/* it runs on the secondary meanwhile */
	CHECK(pri(a, i->sec, &a->ss, force));
	ht_state_del_pri(a->s, &a->ss, i, a->o->loc_score);
	CHECK(come(a, a->t, &a->st, force));
	CHECK(sec(a, i->sec, &a->ss, a->t, false, force));
	return moved(a, a->t, i->sec);
}

static enum ht_fail replace_sec(struct attempt *a)
{
	const struct ht_inst *i = a->i;

	a->o->loc_score = ht_shared_locations(a->c, i->pri, a->t);
	CHECK(sec(a, a->t, &a->st, i->pri, false, a->force || a->s->offline));
	CHECK(pri(a, i->pri, &a->sp, true));
	return moved(a, i->pri, a->t);
}

static enum ht_fail replace_failover(struct attempt *a)
{
	const struct ht_inst *i = a->i;

	a->o->loc_score = ht_shared_locations(a->c, a->t, i->pri);
	CHECK(migrates(a, i->pri, a->t));
	CHECK(come(a, a->t, &a->st, a->force));
	CHECK(sec(a, i->pri, &a->sp, a->t, false, a->force || a->s->offline));
	return moved(a, a->t, i->pri);
}

static enum ht_fail failover_replace(struct attempt *a)
{
	const struct ht_inst *i = a->i;
	bool force = a->force || a->p->offline;

	a->o->loc_score = ht_shared_locations(a->c, i->sec, a->t);
	CHECK(migrates(a, i->pri, i->sec));
	CHECK(come(a, i->sec, &a->ss, force));
	CHECK(sec(a, a->t, &a->st, i->sec, false, force));
	return moved(a, i->sec, a->t);
}

enum ht_fail ht_move_why(const struct ht_cluster *c, const struct ht_inst *i, struct ht_move m, bool force, struct ht_refusal *refused,
			 struct ht_outcome *o)
{
	struct attempt a;

	o->n = 0;
	o->pri = i->pri;
	o->sec = i->sec;
	o->loc_score = i->loc_score;
	if (m.kind != HT_FAILOVER_TO && i->sec == HT_NONE) /* DRBD by name only */
		return HT_FAIL_INTERNAL;
	a.c = c;
	a.i = i;
	a.t = m.kind == HT_FAILOVER ? HT_NONE : m.node;
	a.force = force;
	a.p = &c->nodes[i->pri];
	a.s = m.kind == HT_FAILOVER_TO ? NULL : &c->nodes[i->sec];
	a.o = o;
	a.refused = refused;
	leave(&a);
	switch (m.kind) {
	case HT_FAILOVER:
		return failover(&a);
	case HT_FAILOVER_TO:
		return failover_to(&a);
	case HT_REPLACE_PRI:
		return replace_pri(&a);
	case HT_REPLACE_SEC:
		return replace_sec(&a);
	case HT_REPLACE_FAILOVER:
		return replace_failover(&a);
	case HT_FAILOVER_REPLACE:
		return failover_replace(&a);
	}
	return HT_FAIL_INTERNAL;
}

enum ht_fail ht_move_try(const struct ht_cluster *c, const struct ht_inst *i, struct ht_move m, bool force, struct ht_outcome *o)
{
	return ht_move_why(c, i, m, force, NULL, o);
}

void ht_move_apply(struct ht_cluster *c, int inst, const struct ht_outcome *o)
{
	struct ht_inst *i = &c->insts[inst];
	bool two = ht_inst_has_sec(i) && i->sec != HT_NONE;

	ht_touch_inst(c, inst);
	for (int k = 0; k < o->n; k++) {
		ht_touch_node(c, o->node[k]);
		c->nodes[o->node[k]].s = o->s[k];
	}
	/* the order puts the instance first in all lists it is in afterwards, as upstream does */
	ht_unlink_pri(c, i->pri, inst);
	if (two)
		ht_unlink_sec(c, i->sec, inst, i->pri);
	ht_link_pri(c, o->pri, inst);
	if (two)
		ht_link_sec(c, o->sec, inst, o->pri);
	i->pri = o->pri;
	i->sec = o->sec;
	i->loc_score = o->loc_score;
}

enum ht_fail ht_move_do(struct ht_cluster *c, int inst, struct ht_move m, bool force)
{
	struct ht_outcome o;
	enum ht_fail f = ht_move_try(c, &c->insts[inst], m, force, &o);

	if (f == HT_OK)
		ht_move_apply(c, inst, &o);
	return f;
}
