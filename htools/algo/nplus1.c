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

/* --- DRBD: no need to move anything --- */

static int64_t needs(const struct ht_inst *i)
{
	return ht_inst_uses_mem(i) ? i->mem : 0;
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

/* Memory that those of L on DRBD need on each other node as they fail over one by one: is it there? */
static bool drbd_can_leave(const struct ht_cluster *c, const struct leaving *l, struct ht_peers *need)
{
	for (int k = 0; k < l->n_drbd; k++) {
		const struct ht_inst *i = &c->insts[l->drbd[k]];
		int64_t mem;

		if (!may_failover(c, i))
			return false;
		mem = ht_peers_get(need, i->sec) + needs(i);
		if (ht_spare_mem(&c->nodes[i->sec], &c->nodes[i->sec].s) - mem <= 0)
			return false;
		ht_peers_set(need, i->sec, mem);
	}
	return true;
}

/*
 * --- others: often sure without trying ---
 * Where each goes is a matter of scores, and may be one of whether the next finds a place. It is not where there is so much
 * room that those before it, wherever they are, cannot have taken it all. To keep one that needs memory m away from a node
 * with f free, the others must have taken f - m there (or of its disk space what is more than it needs). They have only what
 * all of them need; is it less than what keeping it away from all nodes takes, there is a place.
 */
enum sure { SURELY_NOT, SURELY, UNSURE };

/* What is left of a node when those on DRBD have failed over. */
struct room {
	const struct ht_node *n;
	int64_t mem, dsk;
};
/* Those that leave and are not on DRBD. */
struct crowd {
	const struct ht_node *from;
	const struct room *room;
	int n;
	int64_t mem, dsk; /* that all of them need */
};

#define SANE (INT64_C(1) << 30) /* MiB; sums of these do not wrap */

static bool is_sane(const struct ht_inst *i)
{
	return i->mem >= 0 && i->mem < SANE && i->dsk >= 0 && i->dsk < SANE;
}

static enum sure finds_place(const struct crowd *all, const struct ht_inst *i)
{
	bool local = ht_inst_local_disk(i), shared = restarts_anywhere(i->tmpl), any = false, fits = false;
	const struct ht_policy *policy = NULL;
	double mem = (double)(all->mem - needs(i)), dsk = (double)(all->dsk - (local ? i->dsk : 0));
	double blocked = 0; /* parts of what others need that it takes to keep I away from everywhere */

	for (int k = 0; k < all->n; k++) {
		const struct room *r = &all->room[k];
		double part;

		if (r->mem - needs(i) <= 0 || (local && r->dsk - i->dsk <= 0))
			continue;
		if (!shared && r->n->policy != policy) {
			policy = r->n->policy;
			fits = ht_inst_fits_policy(i, policy, false) == HT_OK;
		}
		if (shared ? !ht_may_migrate(all->from, r->n) : !fits)
			continue;
		any = true;
		part = (double)(r->mem - needs(i)) / mem; /* may be infinite */
		if (local)
			part = fmin(part, (double)(r->dsk - i->dsk) / dsk);
		blocked += part;
		if (blocked > (local ? 2.001 : 1.001))
			return SURELY;
	}
	return any ? UNSURE : SURELY_NOT;
}

/* Of instances of one size, all of which may go everywhere, as many find a place as there are places. */
static enum sure count_places(const struct crowd *all, int n, int64_t mem)
{
	int64_t places = 0;

	for (int k = 0; k < all->n; k++)
		places += all->room[k].mem > 0 ? (all->room[k].mem - 1) / mem : 0;
	return places >= n ? SURELY : SURELY_NOT;
}

/* To nodes and policies. */
static bool same_size(const struct ht_inst *a, const struct ht_inst *b)
{
	return a->tmpl == b->tmpl && needs(a) == needs(b) && a->mem == b->mem && a->dsk == b->dsk && a->vcpus == b->vcpus &&
	       a->spindle_use == b->spindle_use && a->n_disks == b->n_disks &&
	       (a->n_disks == 0 || (a->n_disks == 1 && a->disks[0].size == b->disks[0].size));
}

static enum sure find_places(const struct ht_cluster *c, const struct crowd *all, const int *v, int n)
{
	bool unsure = false, one_size = true;
	const struct ht_inst *first = &c->insts[v[0]], *last = NULL;

	for (int k = 0; k < n; k++) {
		const struct ht_inst *i = &c->insts[v[k]];
		enum sure x;

		one_size = one_size && restarts_anywhere(i->tmpl) && needs(i) == needs(first);
		if (last && same_size(i, last))
			continue;
		x = finds_place(all, i);
		if (x == SURELY_NOT)
			return x;
		unsure = unsure || x == UNSURE;
		last = i;
	}
	for (int k = 0; k < all->n; k++)
		one_size = one_size && ht_may_migrate(all->from, all->room[k].n);
	if (unsure && one_size && needs(first) > 0)
		return count_places(all, n, needs(first));
	return unsure ? UNSURE : SURELY;
}

static enum sure others_can_leave(const struct ht_cluster *c, int node, const struct leaving *l, const int *targets, int n,
				  const struct ht_peers *need)
{
	struct crowd all = { .from = &c->nodes[node], .n = n };
	struct room *room;
	int *v = xcalloc((size_t)(l->n_shared + l->n_fixed) + 1, sizeof(*v)), count = 0;
	enum sure r = SURELY;

	for (int k = 0; k < l->n_shared; k++)
		v[count++] = l->shared[k];
	for (int k = 0; k < l->n_fixed; k++)
		v[count++] = l->fixed[k];
	for (int k = 0; k < count && r != UNSURE; k++) {
		const struct ht_inst *i = &c->insts[v[k]];

		all.mem += needs(i);
		all.dsk += ht_inst_local_disk(i) ? i->dsk : 0;
		if (!is_sane(i) || i->pri != node)
			r = UNSURE;
	}
	room = xcalloc((size_t)n + 1, sizeof(*room));
	for (int k = 0; k < n; k++) {
		const struct ht_node *t = &c->nodes[targets[k]];

		room[k] = (struct room){ t, ht_spare_mem(t, &t->s) - ht_peers_get(need, targets[k]), t->s.f_dsk };
		if ((t->excl_storage && l->n_fixed > 0) || room[k].mem > SANE * SANE || room[k].mem < -SANE * SANE)
			r = UNSURE;
	}
	all.room = room;
	if (r != UNSURE && count > 0)
		r = find_places(c, &all, v, count);
	free(room);
	free(v);
	return r;
}

/* --- */

/* n1.c puts instances in lists of nodes that they do not know of. */
static bool where_they_say(const struct ht_cluster *c, int node, const struct leaving *l)
{
	for (int k = 0; k < l->n_drbd; k++)
		if (c->insts[l->drbd[k]].pri != node)
			return false;
	return true;
}

static bool by_trying(struct ht_cluster *c, const struct ht_view *v, const struct leaving *l, int group, const int *targets, int n)
{
	size_t mark = ht_mark(c);
	bool ok = all_leave(c, v, l, group, targets, n);

	ht_rollback(c, mark);
	return ok;
}

bool ht_can_evacuate(struct ht_cluster *c, const struct ht_view *v, int node)
{
	struct leaving l = who_leaves(c, node);
	struct ht_peers need = { 0 };
	int *targets = NULL, n = 0, group = c->nodes[node].group;
	enum sure sure = UNSURE;
	bool simple = where_they_say(c, node, &l);

	if (simple && !drbd_can_leave(c, &l, &need))
		sure = SURELY_NOT;
	else if (simple && l.n_shared + l.n_fixed == 0)
		sure = SURELY;
	if (sure == UNSURE) {
		targets = xcalloc((size_t)v->n_nodes + 1, sizeof(*targets));
		for (int k = 0; k < v->n_nodes; k++)
			if (v->nodes[k] != node && c->nodes[v->nodes[k]].group == group)
				targets[n++] = v->nodes[k];
	}
	if (sure == UNSURE && simple)
		sure = others_can_leave(c, node, &l, targets, n, &need);
	if (sure == UNSURE)
		sure = by_trying(c, v, &l, group, targets, n) ? SURELY : SURELY_NOT;
	free(need.v);
	free(targets);
	free(l.drbd);
	return sure == SURELY;
}

static bool all_lost_start(struct ht_cluster *c, const struct ht_view *v, const int *nodes, int n, const int *targets, int n_targets)
{
	bool ok = true;

	for (int k = 0; k < n && ok; k++) {
		const struct ht_list *l = &c->nodes[nodes[k]].pri;
		struct ht_peers need = { 0 };
		struct leaving all;

		for (int i = 0; i < l->n && ok; i++) {
			const struct ht_inst *x = &c->insts[l->v[i]];

			ok = x->tmpl != disk_template_drbd || (x->sec != HT_NONE && !c->nodes[x->sec].offline);
		}
		if (!ok)
			break;
		all = who_leaves(c, nodes[k]);
		if (n == 1 && all.n_shared + all.n_fixed == 0 && where_they_say(c, nodes[k], &all))
			ok = drbd_can_leave(c, &all, &need);
		else
			ok = all_leave(c, v, &all, c->nodes[nodes[k]].group, targets, n_targets);
		free(all.drbd);
		free(need.v);
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
