/*
 * Groups of nodes that can be down at once (upstream: Hroller, Graph). Nodes that hold the two halves of an
 * instance, or that would fail over to the same node, must not be: that is a graph, and its colourings are the
 * groups. A group is then split until its instances without a second node find room elsewhere.
 */
#include "htools/algo/algo.h"

#include <string.h>

struct graph {
	int lo, n; /* the first vertex, and how many; node numbers in between that are left out have no edges */
	struct ht_list *edges; /* per vertex, as upstream's adjacency lists */
};
struct ht_roll_plan {
	struct graph g;
	struct colouring {
		const char *name;
		int *colour, n; /* per vertex; how many */
	} by[3];
};

/* --- the graph --- */

struct edges {
	struct edge {
		int from, to;
	} *v;
	size_t n, cap;
};

static void edge_add(struct edges *l, int from, int to)
{
	GROW(l->v, l->n, l->cap);
	l->v[l->n++] = (struct edge){ from, to };
}

/* A set of pairs of vertices. */
struct pairs {
	uint64_t *bits;
	size_t n;
};

static bool pair_new(struct pairs *p, int from, int to)
{
	size_t at = (size_t)from * p->n + (size_t)to;
	uint64_t bit = UINT64_C(1) << at % 64;

	if (p->bits[at / 64] & bit)
		return false;
	p->bits[at / 64] |= bit;
	return true;
}

/* The primaries of a node's secondary instances would all fail over to it. Edges that are there already are
 * not added, and those of NODE are in upstream's order. */
static void shared_secondary(const struct ht_cluster *c, const struct ht_node *node, const bool *in, int lo, struct pairs *seen,
			     struct edges *l)
{
	struct ht_list pri = { 0 };

	ht_list_each(&node->sec, i)
		if (in[c->insts[i].pri])
			ht_list_push(&pri, c->insts[i].pri);
	for (int a = 0; a < pri.n; a++)
		for (int b = 0; b < pri.n; b++)
			if (pair_new(seen, pri.v[a] - lo, pri.v[b] - lo))
				edge_add(l, pri.v[a], pri.v[b]);
	free(pri.v);
}

static void collect_edges(const struct ht_cluster *c, const struct ht_roll_opts *o, const struct graph *g, struct edges *l)
{
	struct pairs seen = { NULL, (size_t)g->n };

	seen.bits = xcalloc(seen.n * seen.n / 64 + 1, sizeof(*seen.bits));
	for (int i = 0; i < c->n_insts; i++) {
		const struct ht_inst *x = &c->insts[i];

		if (!ht_inst_has_sec(x) || !o->in[x->pri] || x->sec == HT_NONE || !o->in[x->sec])
			continue;
		edge_add(l, x->pri, x->sec);
		edge_add(l, x->sec, x->pri);
		pair_new(&seen, x->pri - g->lo, x->sec - g->lo);
		pair_new(&seen, x->sec - g->lo, x->pri - g->lo);
	}
	for (int k = 0; k < c->n_nodes && !o->offline_maintenance; k++)
		shared_secondary(c, &c->nodes[k], o->in, g->lo, &seen, l);
	free(seen.bits);
}

/* False: there is no node. */
static bool graph_init(struct graph *g, const struct ht_cluster *c, const struct ht_roll_opts *o)
{
	struct edges l = { 0 };
	int hi = -1;

	g->lo = -1;
	for (int k = 0; k < c->n_nodes; k++) {
		if (!o->in[k])
			continue;
		g->lo = g->lo < 0 ? k : g->lo;
		hi = k;
	}
	if (hi < 0)
		return false;
	g->n = hi - g->lo + 1;
	g->edges = xcalloc((size_t)g->n, sizeof(*g->edges));
	collect_edges(c, o, g, &l);
	for (size_t i = 0; i < l.n; i++)
		ht_list_push(&g->edges[l.v[i].from - g->lo], l.v[i].to - g->lo);
	free(l.v);
	return true;
}

/* --- colourings: vertices one after the other, each with the first colour none of its neighbours has --- */

static void give_colour(const struct graph *g, struct colouring *k, int v, int *used, int stamp)
{
	const struct ht_list *e = &g->edges[v];
	int colour = 0;

	for (int i = 0; i < e->n; i++)
		if (k->colour[e->v[i]] >= 0)
			used[k->colour[e->v[i]]] = stamp;
	while (used[colour] == stamp)
		colour++;
	k->colour[v] = colour;
	k->n = colour >= k->n ? colour + 1 : k->n;
}

static int by_degree(const void *a, const void *b, void *arg)
{
	const struct graph *g = arg;
	int x = *(const int *)a, y = *(const int *)b;
	int dx = g->edges[x].n, dy = g->edges[y].n;

	return dx != dy ? (dx > dy) - (dx < dy) : (x > y) - (x < y);
}

/* The most neighbours first; of equals the one with the highest number. */
static void colour_by_degree(const struct graph *g, struct colouring *k)
{
	int *order = xcalloc((size_t)g->n, sizeof(int)), *used = xcalloc((size_t)g->n + 1, sizeof(int));

	for (int v = 0; v < g->n; v++)
		order[v] = v;
	qsort_r(order, (size_t)g->n, sizeof(int), by_degree, (void *)(uintptr_t)g);
	for (int i = g->n - 1; i >= 0; i--)
		give_colour(g, k, order[i], used, g->n - i);
	free(order);
	free(used);
}

/* A neighbour of V got COLOUR: what counts for choosing the next. */
static void count_colour(const struct graph *g, const struct colouring *k, int v, bool distinct, int colour, int *weight,
			 struct ht_set *seen)
{
	const struct ht_list *e = &g->edges[v];

	for (int i = 0; i < e->n; i++) {
		int w = e->v[i];

		if (k->colour[w] >= 0)
			continue;
		if (distinct) {
			ht_set_add(&seen[w], colour);
			weight[w] = seen[w].n;
		} else {
			weight[w]++; /* as often as there are edges */
		}
	}
}

/* The vertex whose neighbours have the most colours (DISTINCT), or the most coloured neighbours, first; then the
 * one with most neighbours; then the highest number. */
static void colour_dynamic(const struct graph *g, struct colouring *k, bool distinct)
{
	int *weight = xcalloc((size_t)g->n, sizeof(int)), *used = xcalloc((size_t)g->n + 1, sizeof(int));
	struct ht_set *seen = xcalloc((size_t)g->n, sizeof(*seen));

	for (int done = 0; done < g->n; done++) {
		int best = -1;

		for (int v = 0; v < g->n; v++) {
			if (k->colour[v] >= 0)
				continue;
			if (best < 0 || weight[v] > weight[best] || (weight[v] == weight[best] && g->edges[v].n >= g->edges[best].n))
				best = v;
		}
		give_colour(g, k, best, used, done + 1);
		count_colour(g, k, best, distinct, k->colour[best], weight, seen);
	}
	for (int v = 0; v < g->n; v++)
		free(seen[v].v);
	free(seen);
	free(weight);
	free(used);
}

static void colour_all(struct ht_roll_plan *p)
{
	static const char *const names[] = { "LF", "Dsatur", "Dcolor" };

	for (int i = 0; i < 3; i++) {
		struct colouring *k = &p->by[i];

		*k = (struct colouring){ .name = names[i], .colour = xcalloc((size_t)p->g.n, sizeof(int)) };
		for (int v = 0; v < p->g.n; v++)
			k->colour[v] = -1;
		if (i == 0)
			colour_by_degree(&p->g, k);
		else
			colour_dynamic(&p->g, k, i == 1);
	}
}

struct ht_roll_plan *ht_roll_plan(const struct ht_cluster *c, const struct ht_roll_opts *o)
{
	struct ht_roll_plan *p = xcalloc(1, sizeof(*p));

	if (!graph_init(&p->g, c, o)) {
		free(p);
		return NULL;
	}
	colour_all(p);
	return p;
}

void ht_roll_plan_free(struct ht_roll_plan *p)
{
	if (!p)
		return;
	for (int v = 0; v < p->g.n; v++)
		free(p->g.edges[v].v);
	free(p->g.edges);
	for (int i = 0; i < 3; i++)
		free(p->by[i].colour);
	free(p);
}

void ht_roll_show_graph(struct str *out, const struct ht_roll_plan *p)
{
	const struct graph *g = &p->g;

	str_addf(out, "array (%d,%d) [", g->lo, g->lo + g->n - 1);
	for (int v = 0; v < g->n; v++) {
		const char *comma = "";

		str_addf(out, "%s(%d,[", v ? "," : "", g->lo + v);
		ht_list_each(&g->edges[v], w) {
			str_addf(out, "%s%d", comma, g->lo + w);
			comma = ",";
		}
		str_add(out, "])");
	}
	str_addc(out, ']');
}

/* upstream: getStats; the best last found comes first */
void ht_roll_show_stats(struct str *out, const struct ht_roll_plan *p)
{
	const struct colouring *order[3];
	int n = 0, last = 0;

	for (int i = 0; i < 3; i++) { /* by size, largest first, stable */
		int at = n++;

		for (; at > 0 && order[at - 1]->n < p->by[i].n; at--)
			order[at] = order[at - 1];
		order[at] = &p->by[i];
	}
	for (int i = 2; i >= 0; i--) {
		const struct colouring *k = order[i];

		str_addf(out, "%s%s: %d (", last == 0 ? "" : last == k->n ? " TIE " : " LOOSE ", k->name, k->n);
		for (int colour = 0; colour < k->n; colour++) {
			int size = 0;

			for (int v = 0; v < p->g.n; v++)
				size += k->colour[v] == colour;
			str_addf(out, "%s%d", colour ? "," : "", size);
		}
		str_addc(out, ')');
		last = k->n;
	}
}

/* --- making room for instances elsewhere --- */

struct roller {
	struct ht_cluster *c;
	const struct ht_roll_opts *o;
	int *pri, *sec; /* of each instance at the start */
	bool *target;   /* may take instances, at the moment */
	struct ht_roll *ret;
	enum ht_roll_fail fail; /* the first in upstream's order */
};

static void failed(struct roller *r, enum ht_roll_fail why)
{
	if (r->fail == HT_ROLL_OK || why < r->fail)
		r->fail = why;
}

/* A copy of a list in upstream's order; the caller's to free. */
static struct ht_list copy_of(const struct ht_list *from)
{
	struct ht_list l = { 0 };

	ht_list_each(from, x)
		ht_list_push(&l, x);
	return l;
}

static bool move_pri(struct ht_cluster *c, int inst, int to)
{
	struct ht_inst *i = &c->insts[inst];
	int from = i->pri;
	struct ht_state s = c->nodes[to].s;

	if (ht_state_add_pri(&c->nodes[to], &s, i, i->loc_score, true) != HT_OK)
		return false;
	ht_touch_node(c, from);
	ht_touch_node(c, to);
	ht_touch_inst(c, inst);
	c->nodes[to].s = s;
	ht_state_del_pri(&c->nodes[from], &c->nodes[from].s, i, i->loc_score);
	ht_unlink_pri(c, from, inst);
	ht_link_pri(c, to, inst);
	i->pri = to;
	return true;
}

static bool move_sec(struct ht_cluster *c, int inst, int to)
{
	struct ht_inst *i = &c->insts[inst];
	int from = i->sec;
	struct ht_state s = c->nodes[to].s;

	if (i->pri == to || ht_state_add_sec(&c->nodes[to], &s, i, i->pri, false, true) != HT_OK)
		return false;
	ht_touch_node(c, from);
	ht_touch_node(c, to);
	ht_touch_inst(c, inst);
	c->nodes[to].s = s;
	ht_unlink_sec(c, from, inst, i->pri);
	ht_state_del_sec(&c->nodes[from], &c->nodes[from].s, i, i->pri);
	ht_link_sec(c, to, inst, i->pri);
	i->sec = to;
	return true;
}

/* Primary and secondary change places. */
static bool migrate(struct ht_cluster *c, int inst)
{
	struct ht_inst *i = &c->insts[inst];
	int pri = i->pri, sec = i->sec;
	struct ht_state s;

	ht_touch_node(c, pri);
	ht_touch_node(c, sec);
	ht_touch_inst(c, inst);
	ht_state_del_pri(&c->nodes[pri], &c->nodes[pri].s, i, i->loc_score);
	ht_unlink_pri(c, pri, inst);
	ht_unlink_sec(c, sec, inst, pri);
	ht_state_del_sec(&c->nodes[sec], &c->nodes[sec].s, i, pri);
	s = c->nodes[sec].s;
	if (ht_state_add_pri(&c->nodes[sec], &s, i, i->loc_score, true) != HT_OK)
		return false;
	c->nodes[sec].s = s;
	ht_link_pri(c, sec, inst);
	s = c->nodes[pri].s;
	if (ht_state_add_sec(&c->nodes[pri], &s, i, sec, false, true) != HT_OK)
		return false;
	c->nodes[pri].s = s;
	ht_link_sec(c, pri, inst, sec);
	i->pri = sec;
	i->sec = pri;
	return true;
}

/* Put INST on the first node of GROUP that takes it. */
static bool place(struct roller *r, int inst, int group, bool secondary)
{
	for (int k = 0; k < r->c->n_nodes; k++)
		if (r->target[k] && r->c->nodes[k].group == group &&
		    (secondary ? move_sec(r->c, inst, k) : move_pri(r->c, inst, k)))
			return true;
	return false;
}

/* All that NODE has of the kind in question must go; on failure nothing has moved. */
static bool clear_node(struct roller *r, int node, bool secondary)
{
	const struct ht_node *n = &r->c->nodes[node];
	struct ht_list l = copy_of(secondary ? &n->sec : &n->pri);
	size_t mark = ht_mark(r->c);
	bool was = r->target[node], ok = true;

	r->target[node] = false;
	for (int i = 0; i < l.n && ok; i++)
		if (secondary || !ht_inst_has_sec(&r->c->insts[l.v[i]]))
			ok = place(r, l.v[i], n->group, secondary);
	free(l.v);
	if (ok) {
		ht_commit(r->c, mark);
		return true;
	}
	r->target[node] = was;
	ht_rollback(r->c, mark);
	return false;
}

/* Takes from NODES those that can be cleared together; false: none can. */
static bool clear_some(struct roller *r, struct ht_list *nodes, bool secondary, struct ht_list *ret)
{
	struct ht_list rest = { 0 };

	*ret = (struct ht_list){ 0 };
	for (int k = 0; k < r->c->n_nodes; k++)
		r->target[k] = !r->c->nodes[k].offline;
	for (int i = 0; i < nodes->n; i++)
		ht_list_push(clear_node(r, nodes->v[i], secondary) ? ret : &rest, nodes->v[i]);
	free(nodes->v);
	*nodes = rest;
	return ret->n > 0;
}

/* --- groups --- */

static void add_moves(struct roller *r, struct ht_roll_group *g)
{
	int cap = 0;

	for (int k = 0; k < r->c->n_insts; k++) {
		const struct ht_inst *i = &r->c->insts[k];
		bool two = ht_inst_has_sec(i);

		if (i->pri == r->pri[k] && (!two || i->sec == r->sec[k]))
			continue;
		if (i->pri == r->sec[k] && i->sec == r->pri[k])
			continue; /* has only changed sides */
		GROW(g->moves, g->n_moves, cap);
		g->moves[g->n_moves++] = (struct ht_roll_move){ k, i->pri, two ? i->sec : HT_NONE };
	}
}

static void add_group(struct roller *r, const struct ht_list *nodes)
{
	struct ht_roll *p = r->ret;
	struct ht_roll_group *g;

	GROW(p->v, p->n, p->cap);
	g = &p->v[p->n++];
	*g = (struct ht_roll_group){ 0 };
	for (int i = 0; i < nodes->n; i++)
		if (r->o->in[nodes->v[i]])
			ht_list_push(&g->nodes, nodes->v[i]);
	add_moves(r, g);
}

/* Migrate everything off NODES, then split them until secondaries find room. */
static void evacuate(struct roller *r, const struct ht_list *nodes)
{
	struct ht_list insts = { 0 }, left = { 0 }, some;
	bool ok = true;

	for (int k = 0; k < nodes->n; k++)
		ht_list_each(&r->c->nodes[nodes->v[k]].pri, i)
			if (ht_inst_has_sec(&r->c->insts[i]))
				ht_list_push(&insts, i);
	for (int i = 0; i < insts.n && ok; i++)
		ok = migrate(r->c, insts.v[i]);
	free(insts.v);
	if (!ok) {
		failed(r, HT_ROLL_MIGRATE);
		return;
	}
	ht_list_copy(&left, nodes);
	while (left.n > 0 && ok) {
		size_t mark = ht_mark(r->c);

		ok = clear_some(r, &left, true, &some);
		if (ok)
			add_group(r, &some);
		else
			failed(r, HT_ROLL_SECONDARIES);
		ht_rollback(r->c, mark);
		free(some.v);
	}
	free(left.v);
}

/* One colour, split until instances without a second node find room. Takes NODES over. */
static void split_colour(struct roller *r, struct ht_list nodes)
{
	struct ht_list some;
	bool ok = true;

	while (nodes.n > 0 && ok) {
		size_t mark = ht_mark(r->c);

		if (r->o->ignore_non_redundant) {
			some = nodes;
			nodes = (struct ht_list){ 0 };
		} else {
			ok = clear_some(r, &nodes, false, &some);
		}
		if (!ok)
			failed(r, HT_ROLL_NON_REDUNDANT);
		else if (r->o->full_evacuation)
			evacuate(r, &some);
		else
			add_group(r, &some);
		ht_rollback(r->c, mark);
		free(some.v);
	}
	free(nodes.v);
}

static int by_size(const void *a, const void *b)
{
	const struct ht_roll_group *x = a, *y = b;

	if (x->nodes.n != y->nodes.n)
		return (x->nodes.n < y->nodes.n) - (x->nodes.n > y->nodes.n);
	return (x->seq > y->seq) - (x->seq < y->seq);
}

/* The master is the last node of the last group. */
static void master_last(const struct ht_cluster *c, struct ht_roll *p)
{
	int at = -1;

	for (int g = 0; g < p->n; g++) {
		struct ht_list *l = &p->v[g].nodes, ordered = { 0 };

		for (int pass = 0; pass < 2; pass++)
			for (int i = 0; i < l->n; i++)
				if (c->nodes[l->v[i]].master == (pass == 1))
					ht_list_push(&ordered, l->v[i]);
		free(l->v);
		*l = ordered;
		if (l->n > 0 && c->nodes[l->v[l->n - 1]].master)
			at = g;
	}
	if (at >= 0) {
		struct ht_roll_group last = p->v[at];

		memmove(&p->v[at], &p->v[at + 1], (size_t)(p->n - at - 1) * sizeof(last));
		p->v[p->n - 1] = last;
	}
}

enum ht_roll_fail ht_roll(struct ht_cluster *c, const struct ht_roll_opts *o, const struct ht_roll_plan *p, struct ht_roll *ret)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct roller r = { .c = c, .o = o, .ret = ret };
	const struct colouring *best = &p->by[0];

	*ret = (struct ht_roll){ 0 };
	r.pri = ARENA_ARRAY(a, int, (size_t)c->n_insts + 1);
	r.sec = ARENA_ARRAY(a, int, (size_t)c->n_insts + 1);
	r.target = ARENA_ARRAY(a, bool, (size_t)c->n_nodes + 1);
	for (int i = 0; i < c->n_insts; i++) {
		r.pri[i] = c->insts[i].pri;
		r.sec[i] = c->insts[i].sec;
	}
	for (int i = 1; i < 3; i++)
		if (p->by[i].n < best->n)
			best = &p->by[i];
	for (int colour = 0; colour < best->n; colour++) {
		struct ht_list nodes = { 0 };

		for (int v = 0; v < p->g.n; v++)
			if (best->colour[v] == colour)
				ht_list_push(&nodes, p->g.lo + v);
		split_colour(&r, nodes);
	}
	for (int g = 0; g < ret->n; g++)
		ret->v[g].seq = g;
	if (ret->n > 0)
		qsort(ret->v, (size_t)ret->n, sizeof(*ret->v), by_size);
	master_last(c, ret);
	return r.fail;
}

void ht_roll_clear(struct ht_roll *r)
{
	for (int i = 0; i < r->n; i++) {
		free(r->v[i].nodes.v);
		free(r->v[i].moves);
	}
	free(r->v);
	*r = (struct ht_roll){ 0 };
}
