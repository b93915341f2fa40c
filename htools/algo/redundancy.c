/*
 * N+M: how many nodes, or failure domains, may be lost one after the other, with balancing in between (upstream's
 * design of 2015, part of its 2.17). Losing any of them is too much to try: the largest goes first.
 */
#include "htools/algo/algo.h"

#include <string.h>

/* What is lost at once. */
struct unit {
	int *nodes, n;
};
struct units {
	struct unit *v;
	int n;
};

struct strs ht_location_kinds(const struct ht_cluster *c, struct arena *a)
{
	struct strs kinds = { 0 };

	for (size_t i = 0; i < c->tags.n; i++) {
		const char *tag = c->tags.v[i];

		if (str_starts(tag, HT_TAG_LOCATION) && tag[strlen(HT_TAG_LOCATION)])
			strs_add(a, &kinds, tag + strlen(HT_TAG_LOCATION));
	}
	strs_sort(&kinds);
	strs_uniq(&kinds);
	return kinds;
}

static bool of_kind(const char *tag, const char *kind)
{
	return str_starts(tag, kind) && tag[strlen(kind)] == ':';
}

static struct unit *unit_add(struct units *u, const struct ht_view *v, struct arena *a)
{
	struct unit *x = &u->v[u->n++];

	x->nodes = ARENA_ARRAY(a, int, (size_t)v->n_nodes);
	return x;
}

static struct units each_node(const struct ht_view *v, struct arena *a)
{
	struct units u = { .v = ARENA_ARRAY(a, struct unit, (size_t)v->n_nodes + 1) };

	for (int k = 0; k < v->n_nodes; k++) {
		struct unit *x = &u.v[u.n++];

		x->nodes = &v->nodes[k];
		x->n = 1;
	}
	return u;
}

/* Nodes with a tag in common; one with two tags is in two domains. */
static struct units each_domain(const struct ht_cluster *c, const struct ht_view *v, const char *kind, struct arena *a)
{
	struct strs tags = { 0 };
	struct units u;

	for (int k = 0; k < v->n_nodes; k++) {
		const struct ht_node *n = &c->nodes[v->nodes[k]];

		for (size_t i = 0; i < n->ntags.n; i++)
			if (of_kind(n->ntags.v[i], kind))
				strs_add(a, &tags, n->ntags.v[i]);
	}
	strs_sort(&tags);
	strs_uniq(&tags);
	u = (struct units){ .v = ARENA_ARRAY(a, struct unit, tags.n + 1) };
	for (size_t i = 0; i < tags.n; i++) {
		struct unit *x = unit_add(&u, v, a);

		for (int k = 0; k < v->n_nodes; k++)
			if (strs_has(&c->nodes[v->nodes[k]].ntags, tags.v[i]))
				x->nodes[x->n++] = v->nodes[k];
	}
	return u;
}

static bool is_left(const struct ht_cluster *c, const struct unit *u)
{
	for (int i = 0; i < u->n; i++)
		if (!c->nodes[u->nodes[i]].offline)
			return true;
	return false;
}

static double size(const struct ht_cluster *c, const struct unit *u)
{
	double mem = 0;

	for (int i = 0; i < u->n; i++)
		mem += c->nodes[u->nodes[i]].offline ? 0 : c->nodes[u->nodes[i]].t_mem;
	return mem;
}

static const struct unit *largest(const struct ht_cluster *c, const struct units *u)
{
	const struct unit *best = NULL;

	for (int i = 0; i < u->n; i++)
		if (is_left(c, &u->v[i]) && (!best || size(c, &u->v[i]) > size(c, best)))
			best = &u->v[i];
	return best;
}

static bool any_may_go(struct ht_cluster *c, const struct ht_view *v, const struct units *u)
{
	for (int i = 0; i < u->n; i++)
		if (is_left(c, &u->v[i]) && !ht_can_lose(c, v, u->v[i].nodes, u->v[i].n))
			return false;
	return true;
}

static bool stranded(const struct ht_cluster *c, const struct ht_view *v)
{
	for (int k = 0; k < v->n_nodes; k++)
		if (c->nodes[v->nodes[k]].offline && c->nodes[v->nodes[k]].s.n_pri > 0)
			return true;
	return false;
}

static void lose(struct ht_cluster *c, const struct ht_view *v, const struct ht_algo_opts *o, const struct unit *u)
{
	struct ht_placement p;
	struct ht_balancer *b;

	for (int i = 0; i < u->n; i++) {
		ht_touch_node(c, u->nodes[i]);
		c->nodes[u->nodes[i]].offline = true;
	}
	b = ht_balancer_new(c, v, o);
	while (ht_balancer_step(b, &p))
		;
	ht_balancer_free(b);
}

int ht_redundancy(struct ht_cluster *c, const struct ht_view *v, const struct ht_algo_opts *o, const char *kind, int *ret)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct units u = kind ? each_domain(c, v, kind, a) : each_node(v, a);
	const struct unit *next;
	int level = 0;
	size_t mark;

	if (kind && u.n == 0)
		return -1;
	if (stranded(c, v)) {
		*ret = -1;
		return 0;
	}
	mark = ht_mark(c);
	while (any_may_go(c, v, &u) && (next = largest(c, &u)) != NULL) {
		level++;
		lose(c, v, o, next);
		if (stranded(c, v)) /* all of it can be started elsewhere, but balancing does not get it there */
			break;
	}
	ht_rollback(c, mark);
	*ret = level;
	return 0;
}
