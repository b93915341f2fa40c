/* Global N+1: could every node be lost? (upstream: GlobalN1) */
#include "htools/algo/algo.h"
#include "htools/algo/score.h"

#include <math.h>
#include <string.h>

/* Can it start elsewhere in no time? (upstream: diskTemplateMovable, which is not what may be balanced) */
static bool restarts_anywhere(enum disk_template t)
{
	return t != disk_template_file && t != disk_template_plain && t != disk_template_blockdev && t != disk_template_drbd;
}

static bool place_again(struct ht_cluster *c, const struct score *b, const struct ht_view *v, int inst, const int *targets, int n)
{
	const struct ht_inst *i = &c->insts[inst];
	struct ht_state kept = { 0 };
	double best = INFINITY;
	int found = -1;

	(void)v;
	for (int k = 0; k < n; k++) {
		const struct ht_node *t = &c->nodes[targets[k]];
		struct ht_outcome o = { .n = 1, .node = { targets[k] }, .s = { t->s }, .pri = targets[k], .sec = HT_NONE };
		double s;

		if (ht_inst_fits_policy(i, t->policy, t->excl_storage) != HT_OK ||
		    ht_state_add_pri(t, &o.s[0], i, i->loc_score, true) != HT_OK)
			continue;
		o.s[0].conflicts += ht_conflicts_add(t, i);
		s = score_exact_new(b, &o, i);
		if (found >= 0 && best < s)
			continue; /* of equal ones upstream takes the last */
		best = s;
		found = targets[k];
		kept = o.s[0];
	}
	if (found < 0)
		return false;
	ht_touch_node(c, found);
	c->nodes[found].s = kept;
	ht_link_pri(c, found, inst);
	return true;
}

/* The primaries of NODE, in upstream's order: DRBD, those that restart anywhere, the others. */
struct leaving {
	int *drbd, *shared, *fixed;
	int n_drbd, n_shared, n_fixed;
};

static struct leaving who_leaves(const struct ht_cluster *c, int node)
{
	const struct ht_list *l = &c->nodes[node].pri;
	struct leaving r = { 0 };

	r.drbd = xcalloc((size_t)l->n * 3 + 1, sizeof(int));
	r.shared = r.drbd + l->n;
	r.fixed = r.shared + l->n;
	ht_list_each(l, x) {
		enum disk_template t = c->insts[x].tmpl;

		if (t == disk_template_drbd)
			r.drbd[r.n_drbd++] = x;
		else if (restarts_anywhere(t))
			r.shared[r.n_shared++] = x;
		else
			r.fixed[r.n_fixed++] = x;
	}
	for (int i = 1; i < r.n_fixed; i++) { /* by memory, largest first, stable */
		int x = r.fixed[i], k = i;

		for (; k > 0 && c->insts[r.fixed[k - 1]].mem < c->insts[x].mem; k--)
			r.fixed[k] = r.fixed[k - 1];
		r.fixed[k] = x;
	}
	return r;
}

static bool all_leave(struct ht_cluster *c, const struct ht_view *v, const struct leaving *l, int group, const int *targets, int n)
{
	for (int i = 0; i < l->n_drbd; i++)
		if (ht_move_do(c, l->drbd[i], (struct ht_move){ HT_FAILOVER, HT_NONE }, true) != HT_OK)
			return false;
	for (int i = 0; i < l->n_shared; i++)
		if (ht_evac_to_best(c, l->shared[i], HT_FAILOVER_TO, true, group, targets, n, NULL) < 0)
			return false;
	for (int i = 0; i < l->n_fixed; i++) {
		struct score b;
		bool ok;

		score_init(&b, c, v);
		ok = place_again(c, &b, v, l->fixed[i], targets, n);
		score_free(&b);
		if (!ok)
			return false;
	}
	return true;
}

/* --- only DRBD: no need to move anything --- */

static bool all_drbd(const struct ht_cluster *c, int node)
{
	const struct ht_list *l = &c->nodes[node].pri;

	for (int k = 0; k < l->n; k++)
		if (c->insts[l->v[k]].tmpl != disk_template_drbd || c->insts[l->v[k]].pri != node) /* see n1.c for the latter */
			return false;
	return true;
}

/* The part of a failover that memory does not matter for: neither node's disks change. */
static bool may_failover(const struct ht_cluster *c, const struct ht_inst *i)
{
	const struct ht_node *p = &c->nodes[i->pri], *s;

	if (i->sec == HT_NONE)
		return false;
	s = &c->nodes[i->sec];
	if (!ht_may_migrate(p, s) || s->s.f_dsk <= 0 || (!p->offline && p->s.f_dsk <= 0))
		return false;
	if (!p->excl_storage && !s->excl_storage)
		return true;
	if (ht_inst_spindles(i) == HT_NONE)
		return false;
	return (!s->excl_storage || s->s.f_spn >= 0) && (!p->excl_storage || p->s.f_spn >= 0);
}

/* Memory that instances of a node need on each other node as they fail over one by one. */
static bool drbd_can_leave(const struct ht_cluster *c, const struct ht_node *n)
{
	struct ht_peers need = { 0 };
	bool ok = true;

	for (int k = n->pri.n - 1; k >= 0 && ok; k--) {
		const struct ht_inst *i = &c->insts[n->pri.v[k]];
		int64_t mem;

		ok = may_failover(c, i);
		if (!ok)
			break;
		mem = ht_peers_get(&need, i->sec) + (ht_inst_uses_mem(i) ? i->mem : 0);
		ok = ht_spare_mem(&c->nodes[i->sec], &c->nodes[i->sec].s) - mem > 0;
		ht_peers_set(&need, i->sec, mem);
	}
	free(need.v);
	return ok;
}

bool ht_can_evacuate(struct ht_cluster *c, const struct ht_view *v, int node)
{
	struct leaving l;
	int *targets, n = 0, group = c->nodes[node].group;
	size_t mark;
	bool ok;

	if (all_drbd(c, node))
		return drbd_can_leave(c, &c->nodes[node]);
	l = who_leaves(c, node);
	targets = xcalloc((size_t)v->n_nodes + 1, sizeof(*targets));
	mark = ht_mark(c);

	for (int k = 0; k < v->n_nodes; k++)
		if (v->nodes[k] != node && c->nodes[v->nodes[k]].group == group)
			targets[n++] = v->nodes[k];
	ok = all_leave(c, v, &l, group, targets, n);
	ht_rollback(c, mark);
	free(targets);
	free(l.drbd);
	return ok;
}

static bool all_lost_start(struct ht_cluster *c, const struct ht_view *v, const int *nodes, int n, const int *targets, int n_targets)
{
	bool ok = true;

	for (int k = 0; k < n && ok; k++) {
		const struct ht_list *l = &c->nodes[nodes[k]].pri;
		struct leaving all;

		for (int i = 0; i < l->n && ok; i++) {
			const struct ht_inst *x = &c->insts[l->v[i]];

			ok = x->tmpl != disk_template_drbd || (x->sec != HT_NONE && !c->nodes[x->sec].offline);
		}
		if (!ok)
			break;
		if (n == 1 && all_drbd(c, nodes[k]))
			return drbd_can_leave(c, &c->nodes[nodes[k]]);
		all = who_leaves(c, nodes[k]);
		ok = all_leave(c, v, &all, c->nodes[nodes[k]].group, targets, n_targets);
		free(all.drbd);
	}
	return ok;
}

bool ht_can_lose(struct ht_cluster *c, const struct ht_view *v, const int *nodes, int n)
{
	int *targets = xcalloc((size_t)v->n_nodes + 1, sizeof(*targets)), n_targets = 0;
	size_t mark = ht_mark(c);
	bool ok;

	for (int k = 0; k < n; k++) {
		ht_touch_node(c, nodes[k]);
		c->nodes[nodes[k]].offline = true;
	}
	for (int k = 0; k < v->n_nodes; k++)
		if (!c->nodes[v->nodes[k]].offline && c->nodes[v->nodes[k]].group == c->nodes[nodes[0]].group)
			targets[n_targets++] = v->nodes[k];
	ok = all_lost_start(c, v, nodes, n, targets, n_targets);
	ht_rollback(c, mark);
	free(targets);
	return ok;
}

bool ht_redundant(struct ht_cluster *c, const struct ht_view *v, const struct ht_algo_opts *o)
{
	for (int k = 0; k < v->n_nodes; k++) {
		const struct ht_node *n = &c->nodes[v->nodes[k]];
		const struct ht_set one = { .v = (int *)&n->group, .n = 1 };

		if ((o->accept_existing && n->offline) || ht_set_common(&o->ignore_groups, &one))
			continue;
		if (!ht_can_evacuate(c, v, v->nodes[k]))
			return false;
	}
	return true;
}
