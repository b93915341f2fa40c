/* What a move of one instance makes of the nodes it touches (upstream: applyMoveEx). */
#include "htools/algo/algo.h"

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
static enum ht_fail come(const struct ht_node *n, struct ht_state *s, const struct ht_inst *i, int64_t loc, bool force)
{
	enum ht_fail f = ht_state_add_pri(n, s, i, loc, force);

	if (f == HT_OK)
		s->conflicts += ht_conflicts_add(n, i);
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

static enum ht_fail migrates(const struct ht_cluster *c, int from, int to)
{
	return ht_may_migrate(&c->nodes[from], &c->nodes[to]) ? HT_OK : HT_FAIL_MIG;
}

static enum ht_fail failover(const struct ht_cluster *c, const struct ht_inst *i, bool force, struct ht_outcome *o)
{
	const struct ht_node *p = &c->nodes[i->pri], *s = &c->nodes[i->sec];
	struct ht_state sp, ss;

	leave(c, i, &sp, &ss);
	CHECK(migrates(c, i->pri, i->sec));
	CHECK(come(s, &ss, i, i->loc_score, p->offline || force));
	CHECK(ht_state_add_sec(p, &sp, i, i->sec, p->offline, p->offline || force));
	sp.conflicts += ht_conflicts_del(p, i);
	put(o, i->pri, &sp);
	put(o, i->sec, &ss);
	o->pri = i->sec;
	o->sec = i->pri;
	return HT_OK;
}

static enum ht_fail failover_to(const struct ht_cluster *c, const struct ht_inst *i, int t, bool force, struct ht_outcome *o)
{
	const struct ht_node *p = &c->nodes[i->pri], *n = &c->nodes[t];
	struct ht_state sp, st = n->s;

	CHECK(migrates(c, i->pri, t));
	CHECK(come(n, &st, i, i->loc_score, p->offline || force));
	leave(c, i, &sp, NULL);
	sp.conflicts += ht_conflicts_del(p, i);
	put(o, i->pri, &sp);
	put(o, t, &st);
	o->pri = t;
	return HT_OK;
}

static enum ht_fail replace_pri(const struct ht_cluster *c, const struct ht_inst *i, int t, bool force, struct ht_outcome *o)
{
	const struct ht_node *p = &c->nodes[i->pri], *s = &c->nodes[i->sec], *n = &c->nodes[t];
	struct ht_state sp, ss, st = n->s;

	force = force || p->offline;
	leave(c, i, &sp, &ss);
	o->loc_score = ht_shared_locations(c, t, i->sec);
	CHECK(migrates(c, i->pri, i->sec));
	CHECK(migrates(c, i->sec, t));
	/* it runs on the secondary meanwhile */
	CHECK(ht_state_add_pri(s, &ss, i, o->loc_score, force));
	ht_state_del_pri(s, &ss, i, o->loc_score);
	CHECK(come(n, &st, i, o->loc_score, force));
	CHECK(ht_state_add_sec(s, &ss, i, t, false, force));
	sp.conflicts += ht_conflicts_del(p, i);
	put(o, i->pri, &sp);
	put(o, i->sec, &ss);
	put(o, t, &st);
	o->pri = t;
	return HT_OK;
}

static enum ht_fail replace_sec(const struct ht_cluster *c, const struct ht_inst *i, int t, bool force, struct ht_outcome *o)
{
	const struct ht_node *p = &c->nodes[i->pri], *s = &c->nodes[i->sec], *n = &c->nodes[t];
	struct ht_state sp, ss, st = n->s;

	leave(c, i, &sp, &ss);
	o->loc_score = ht_shared_locations(c, i->pri, t);
	CHECK(ht_state_add_sec(n, &st, i, i->pri, false, force || s->offline));
	CHECK(ht_state_add_pri(p, &sp, i, o->loc_score, true));
	put(o, i->pri, &sp);
	put(o, i->sec, &ss);
	put(o, t, &st);
	o->sec = t;
	return HT_OK;
}

static enum ht_fail replace_failover(const struct ht_cluster *c, const struct ht_inst *i, int t, bool force, struct ht_outcome *o)
{
	const struct ht_node *p = &c->nodes[i->pri], *s = &c->nodes[i->sec], *n = &c->nodes[t];
	struct ht_state sp, ss, st = n->s;

	leave(c, i, &sp, &ss);
	o->loc_score = ht_shared_locations(c, t, i->pri);
	CHECK(migrates(c, i->pri, t));
	CHECK(come(n, &st, i, o->loc_score, force));
	CHECK(ht_state_add_sec(p, &sp, i, t, false, force || s->offline));
	sp.conflicts += ht_conflicts_del(p, i);
	put(o, i->pri, &sp);
	put(o, i->sec, &ss);
	put(o, t, &st);
	o->pri = t;
	o->sec = i->pri;
	return HT_OK;
}

static enum ht_fail failover_replace(const struct ht_cluster *c, const struct ht_inst *i, int t, bool force, struct ht_outcome *o)
{
	const struct ht_node *p = &c->nodes[i->pri], *s = &c->nodes[i->sec], *n = &c->nodes[t];
	struct ht_state sp, ss, st = n->s;

	force = force || p->offline;
	leave(c, i, &sp, &ss);
	o->loc_score = ht_shared_locations(c, i->sec, t);
	CHECK(migrates(c, i->pri, i->sec));
	CHECK(come(s, &ss, i, o->loc_score, force));
	CHECK(ht_state_add_sec(n, &st, i, i->sec, false, force));
	sp.conflicts += ht_conflicts_del(p, i);
	put(o, i->pri, &sp);
	put(o, i->sec, &ss);
	put(o, t, &st);
	o->pri = i->sec;
	o->sec = t;
	return HT_OK;
}

enum ht_fail ht_move_try(const struct ht_cluster *c, const struct ht_inst *i, struct ht_move m, bool force, struct ht_outcome *o)
{
	o->n = 0;
	o->pri = i->pri;
	o->sec = i->sec;
	o->loc_score = i->loc_score;
	switch (m.kind) {
	case HT_FAILOVER:
		return failover(c, i, force, o);
	case HT_FAILOVER_TO:
		return failover_to(c, i, m.node, force, o);
	case HT_REPLACE_PRI:
		return replace_pri(c, i, m.node, force, o);
	case HT_REPLACE_SEC:
		return replace_sec(c, i, m.node, force, o);
	case HT_REPLACE_FAILOVER:
		return replace_failover(c, i, m.node, force, o);
	case HT_FAILOVER_REPLACE:
		return failover_replace(c, i, m.node, force, o);
	}
	return HT_FAIL_INTERNAL;
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
