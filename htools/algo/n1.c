/*
 * Global N+1 with one more instance. Prepared once; where all instances are on DRBD and no size is negative, what
 * a new instance changes is two comparisons of sums. Otherwise the nodes it concerns are emptied for trial.
 */
#include "htools/algo/algo.h"

#include <string.h>

static bool is_drbd(const struct ht_inst *i)
{
	return i->tmpl == disk_template_drbd;
}

static bool all_drbd(const struct ht_cluster *c, const struct ht_node *n)
{
	for (int k = 0; k < n->pri.n; k++)
		if (!is_drbd(&c->insts[n->pri.v[k]]))
			return false;
	return true;
}

static bool is_checked(const struct ht_cluster *c, const struct ht_algo_opts *o, int node)
{
	const struct ht_node *n = &c->nodes[node];

	for (int k = 0; k < o->ignore_groups.n; k++)
		if (o->ignore_groups.v[k] == n->group)
			return false;
	return !(o->accept_existing && n->offline);
}

struct ht_n1 {
	struct ht_cluster *c;
	const struct ht_view *v;
	const struct ht_algo_opts *o;
	bool known;              /* that all nodes can be evacuated */
	bool ready, base;
	bool sums;               /* only DRBD, no negative sizes: what follows says all */
	int clash;               /* see clashing() */
	int suspect;             /* the node that could not be evacuated last time: asked first; or HT_NONE */
	struct ht_peers *needs;  /* by node: memory that others' primaries need on it */
	bool *ok, *others;       /* by node, else: can be evacuated; has instances that are not on DRBD */
};

struct ht_n1 *ht_n1_new(struct ht_cluster *c, const struct ht_view *v, const struct ht_algo_opts *o)
{
	struct ht_n1 *n = xcalloc(1, sizeof(*n));

	*n = (struct ht_n1){ .c = c, .v = v, .o = o, .suspect = HT_NONE };
	return n;
}

void ht_n1_free(struct ht_n1 *n)
{
	if (!n)
		return;
	if (n->needs)
		for (int k = 0; k < n->c->n_nodes; k++)
			free(n->needs[k].v);
	free(n->needs);
	free(n->ok);
	free(n->others);
	free(n);
}

void ht_n1_set_redundant(struct ht_n1 *n)
{
	n->known = true;
}

static void sum_needs(struct ht_n1 *n)
{
	const struct ht_cluster *c = n->c;

	n->needs = xcalloc((size_t)c->n_nodes + 1, sizeof(*n->needs));
	for (int k = 0; k < n->v->n_nodes; k++) {
		int node = n->v->nodes[k];

		for (int x = 0; x < c->nodes[node].pri.n && is_checked(c, n->o, node); x++) {
			const struct ht_inst *i = &c->insts[c->nodes[node].pri.v[x]];
			struct ht_peers *p = &n->needs[i->sec];

			ht_peers_set(p, node, ht_peers_get(p, node) + (ht_inst_uses_mem(i) ? i->mem : 0));
		}
	}
}

/*
 * Upstream numbers a new instance by how many its view has, even where the view is a group: an instance of the group
 * with that number is taken for the new one. That instance, or HT_NONE.
 */
static int clashing(const struct ht_n1 *n)
{
	const struct ht_cluster *c = n->c;
	int count = 0;

	if (n->v->group == HT_NONE)
		return HT_NONE;
	for (int k = 0; k < c->n_insts; k++)
		count += c->nodes[c->insts[k].pri].group == n->v->group;
	return count < c->n_insts && c->nodes[c->insts[count].pri].group == n->v->group ? count : HT_NONE;
}

static void replace_primary(struct ht_cluster *c, int old, int inst)
{
	int node = c->insts[old].pri;
	struct ht_list *l = &c->nodes[node].pri;

	ht_touch_node(c, node);
	for (int k = 0; k < l->n; k++)
		if (l->v[k] == old)
			l->v[k] = inst;
}

/* Everything about the cluster without the new instance, when first asked for. */
static void prepare(struct ht_n1 *n)
{
	struct ht_cluster *c = n->c;

	n->ready = n->base = n->sums = true;
	n->clash = clashing(n);
	n->ok = xcalloc((size_t)c->n_nodes + 1, sizeof(*n->ok));
	n->others = xcalloc((size_t)c->n_nodes + 1, sizeof(*n->others));
	for (int k = 0; k < n->v->n_nodes; k++) {
		int node = n->v->nodes[k];

		n->others[node] = !all_drbd(c, &c->nodes[node]);
		n->ok[node] = n->known || !is_checked(c, n->o, node) || ht_can_evacuate(c, n->v, node);
		n->base = n->base && n->ok[node];
		n->sums = n->sums && !n->others[node];
		for (int x = 0; x < c->nodes[node].pri.n; x++)
			n->sums = n->sums && c->insts[c->nodes[node].pri.v[x]].mem >= 0;
	}
	if (n->sums && n->base)
		sum_needs(n);
}

static bool by_sums(const struct ht_n1 *n, const struct ht_inst *i, int pri, int sec)
{
	const struct ht_cluster *c = n->c;
	const struct ht_node *p = &c->nodes[pri], *s = &c->nodes[sec];
	int64_t mem = ht_inst_uses_mem(i) ? i->mem : 0;
	int64_t most = n->needs[pri].n ? n->needs[pri].v[0].mem : 0;

	if (n->needs[pri].n && ht_spare_mem(p, &p->s) - mem - most <= 0)
		return false;
	if (!is_checked(c, n->o, pri))
		return true;
	/* the new one itself: disks of both nodes hold it, as it was placed there */
	if (!ht_may_migrate(p, s) ||
	    ((p->excl_storage || s->excl_storage) && ht_inst_spindles(i) == HT_NONE))
		return false;
	return ht_spare_mem(s, &s->s) - ht_peers_get(&n->needs[sec], pri) - mem > 0;
}

/* Does losing NODE concern PRI or SEC? */
static bool concerned(const struct ht_n1 *n, int node, int pri, int sec)
{
	const struct ht_cluster *c = n->c;
	const struct ht_node *x = &c->nodes[node];

	if (node == pri || node == sec || (n->clash != HT_NONE && c->insts[n->clash].pri == node) || (n->others[node] && x->group == c->nodes[pri].group))
		return true;
	for (int k = 0; k < x->pri.n; k++) {
		int s = c->insts[x->pri.v[k]].sec;

		if (s == pri || (s == sec && s != HT_NONE))
			return true;
	}
	return false;
}

/* The resources of I on its new nodes; an instance that is there already is in the new node's list as it was. */
static void place(struct ht_n1 *n, const struct ht_inst *i, int index, int pri, int sec)
{
	struct ht_cluster *c = n->c;
	struct ht_node *p = &c->nodes[pri];
	int64_t loc = sec == HT_NONE ? i->loc_score : ht_shared_locations(c, pri, sec);

	if (index == HT_NONE) {
		index = ht_alloc_place(c, i, i->name, pri, sec, n->o->ignore_soft_errors);
		if (n->clash != HT_NONE)
			replace_primary(c, n->clash, index);
		return;
	}
	ht_touch_node(c, pri);
	if (ht_state_add_pri(p, &p->s, i, loc, n->o->ignore_soft_errors) == HT_OK)
		p->s.conflicts += ht_conflicts_add(p, i);
	ht_link_pri(c, pri, index);
	if (sec == HT_NONE)
		return;
	ht_touch_node(c, sec);
	ht_state_add_sec(&c->nodes[sec], &c->nodes[sec].s, i, pri, false, false);
	ht_link_sec(c, sec, index, pri);
}

/* With the new one on PRI and SEC. */
static bool stays_evacuable(struct ht_n1 *n, int node, int pri, int sec)
{
	if (!is_checked(n->c, n->o, node))
		return true;
	return concerned(n, node, pri, sec) ? ht_can_evacuate(n->c, n->v, node) : n->ok[node];
}

static bool by_trying(struct ht_n1 *n, const struct ht_inst *i, int index, int pri, int sec)
{
	struct ht_cluster *c = n->c;
	struct ht_inst copy = *i;
	size_t mark = ht_mark(c);
	bool ok = true;

	place(n, &copy, index, pri, sec);
	ok = n->suspect == HT_NONE || stays_evacuable(n, n->suspect, pri, sec);
	for (int k = 0; k < n->v->n_nodes && ok; k++) {
		ok = stays_evacuable(n, n->v->nodes[k], pri, sec);
		n->suspect = ok ? n->suspect : n->v->nodes[k];
	}
	ht_rollback(c, mark);
	return ok;
}

int ht_n1_blocked(struct ht_n1 *n, const struct ht_inst *i, int index, int pri, int sec)
{
	struct ht_inst copy = *i;
	size_t mark = ht_mark(n->c);
	int found = HT_NONE;

	place(n, &copy, index, pri, sec);
	for (int k = 0; k < n->v->n_nodes && found == HT_NONE; k++)
		if (is_checked(n->c, n->o, n->v->nodes[k]) && !ht_can_evacuate(n->c, n->v, n->v->nodes[k]))
			found = n->v->nodes[k];
	ht_rollback(n->c, mark);
	return found;
}

/* Does I only take from what there is? What is on DRBD leaves a node before all others do, so that what it needs is the same. */
static bool only_takes(const struct ht_n1 *n, const struct ht_inst *i, int index)
{
	return n->sums && i->mem >= 0 && i->dsk >= 0 && index == HT_NONE && n->clash == HT_NONE;
}

/* Is it enough to compare sums? */
static bool is_simple(const struct ht_n1 *n, const struct ht_inst *i, int index)
{
	return n->sums && i->mem >= 0 && is_drbd(i) && index == HT_NONE && n->clash == HT_NONE;
}

bool ht_n1_never(struct ht_n1 *n, const struct ht_inst *i, int index)
{
	if (!n->ready)
		prepare(n);
	return !n->base && (i->forthcoming || is_simple(n, i, index) || only_takes(n, i, index));
}

bool ht_n1_with(struct ht_n1 *n, const struct ht_inst *i, int index, int pri, int sec)
{
	if (!n->ready)
		prepare(n);
	if (i->forthcoming)
		return n->base;
	if (is_simple(n, i, index) && sec != HT_NONE)
		return n->base && by_sums(n, i, pri, sec);
	return by_trying(n, i, index, pri, sec);
}

bool ht_n1_base(struct ht_n1 *n)
{
	if (!n->ready)
		prepare(n);
	return n->base;
}
