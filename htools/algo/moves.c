/* What a move of one instance makes of the nodes it touches (upstream: applyMoveEx). */
#include "htools/algo/algo.h"

struct attempt {
	const struct ht_cluster *c;
	const struct ht_inst *i;
	int t; /* target */
	bool force;
	struct ht_outcome *o;
	struct ht_refusal *refused; /* may be NULL */
};

/* The instance leaves its nodes... */
static void leave(const struct ht_cluster *c, const struct ht_inst *i, struct ht_state *p, struct ht_state *s)
{
	*p = c->nodes[i->pri].s;
	ht_state_del_pri(&c->nodes[i->pri], p, i, i->loc_score);
	if (!s)
		return;
	*s = c->nodes[i->sec].s;
	ht_state_del_sec(&c->nodes[i->sec], s, i, i->pri);
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

static enum ht_fail failover(struct attempt *a)
{
	const struct ht_cluster *c = a->c;
	const struct ht_inst *i = a->i;
	struct ht_outcome *o = a->o;
	bool force = a->force;
	const struct ht_node *p = &c->nodes[i->pri];
	struct ht_state sp, ss;

	leave(c, i, &sp, &ss);
	CHECK(migrates(a, i->pri, i->sec));
	CHECK(come(a, i->sec, &ss, p->offline || force));
	CHECK(sec(a, i->pri, &sp, i->sec, p->offline, p->offline || force));
	sp.conflicts += ht_conflicts_del(p, i);
	put(o, i->pri, &sp);
	put(o, i->sec, &ss);
	o->pri = i->sec;
	o->sec = i->pri;
	return HT_OK;
}

static enum ht_fail failover_to(struct attempt *a)
{
	const struct ht_cluster *c = a->c;
	const struct ht_inst *i = a->i;
	struct ht_outcome *o = a->o;
	bool force = a->force;
	int t = a->t;
	const struct ht_node *p = &c->nodes[i->pri], *n = &c->nodes[t];
	struct ht_state sp, st = n->s;

	CHECK(migrates(a, i->pri, t));
	CHECK(come(a, t, &st, p->offline || force));
	leave(c, i, &sp, NULL);
	sp.conflicts += ht_conflicts_del(p, i);
	put(o, i->pri, &sp);
	put(o, t, &st);
	o->pri = t;
	return HT_OK;
}

static enum ht_fail replace_pri(struct attempt *a)
{
	const struct ht_cluster *c = a->c;
	const struct ht_inst *i = a->i;
	struct ht_outcome *o = a->o;
	bool force = a->force;
	int t = a->t;
	const struct ht_node *p = &c->nodes[i->pri], *s = &c->nodes[i->sec], *n = &c->nodes[t];
	struct ht_state sp, ss, st = n->s;

	force = force || p->offline;
	leave(c, i, &sp, &ss);
	o->loc_score = ht_shared_locations(c, t, i->sec);
	CHECK(migrates(a, i->pri, i->sec));
	CHECK(migrates(a, i->sec, t));
	/* it runs on the secondary meanwhile */
	CHECK(pri(a, i->sec, &ss, force));
	ht_state_del_pri(s, &ss, i, o->loc_score);
	CHECK(come(a, t, &st, force));
	CHECK(sec(a, i->sec, &ss, t, false, force));
	sp.conflicts += ht_conflicts_del(p, i);
	put(o, i->pri, &sp);
	put(o, i->sec, &ss);
	put(o, t, &st);
	o->pri = t;
	return HT_OK;
}

static enum ht_fail replace_sec(struct attempt *a)
{
	const struct ht_cluster *c = a->c;
	const struct ht_inst *i = a->i;
	struct ht_outcome *o = a->o;
	bool force = a->force;
	int t = a->t;
	const struct ht_node *s = &c->nodes[i->sec], *n = &c->nodes[t];
	struct ht_state sp, ss, st = n->s;

	leave(c, i, &sp, &ss);
	o->loc_score = ht_shared_locations(c, i->pri, t);
	CHECK(sec(a, t, &st, i->pri, false, force || s->offline));
	CHECK(pri(a, i->pri, &sp, true));
	put(o, i->pri, &sp);
	put(o, i->sec, &ss);
	put(o, t, &st);
	o->sec = t;
	return HT_OK;
}

static enum ht_fail replace_failover(struct attempt *a)
{
	const struct ht_cluster *c = a->c;
	const struct ht_inst *i = a->i;
	struct ht_outcome *o = a->o;
	bool force = a->force;
	int t = a->t;
	const struct ht_node *p = &c->nodes[i->pri], *s = &c->nodes[i->sec], *n = &c->nodes[t];
	struct ht_state sp, ss, st = n->s;

	leave(c, i, &sp, &ss);
	o->loc_score = ht_shared_locations(c, t, i->pri);
	CHECK(migrates(a, i->pri, t));
	CHECK(come(a, t, &st, force));
	CHECK(sec(a, i->pri, &sp, t, false, force || s->offline));
	sp.conflicts += ht_conflicts_del(p, i);
	put(o, i->pri, &sp);
	put(o, i->sec, &ss);
	put(o, t, &st);
	o->pri = t;
	o->sec = i->pri;
	return HT_OK;
}

static enum ht_fail failover_replace(struct attempt *a)
{
	const struct ht_cluster *c = a->c;
	const struct ht_inst *i = a->i;
	struct ht_outcome *o = a->o;
	bool force = a->force;
	int t = a->t;
	const struct ht_node *p = &c->nodes[i->pri], *n = &c->nodes[t];
	struct ht_state sp, ss, st = n->s;

	force = force || p->offline;
	leave(c, i, &sp, &ss);
	o->loc_score = ht_shared_locations(c, i->sec, t);
	CHECK(migrates(a, i->pri, i->sec));
	CHECK(come(a, i->sec, &ss, force));
	CHECK(sec(a, t, &st, i->sec, false, force));
	sp.conflicts += ht_conflicts_del(p, i);
	put(o, i->pri, &sp);
	put(o, i->sec, &ss);
	put(o, t, &st);
	o->pri = i->sec;
	o->sec = t;
	return HT_OK;
}

enum ht_fail ht_move_why(const struct ht_cluster *c, const struct ht_inst *i, struct ht_move m, bool force, struct ht_refusal *refused,
			 struct ht_outcome *o)
{
	struct attempt a = { .c = c, .i = i, .t = m.node, .force = force, .o = o, .refused = refused };

	o->n = 0;
	o->pri = i->pri;
	o->sec = i->sec;
	o->loc_score = i->loc_score;
	if (m.kind != HT_FAILOVER_TO && i->sec == HT_NONE) /* DRBD by name only */
		return HT_FAIL_INTERNAL;
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
