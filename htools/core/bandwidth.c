/*
 * How fast data gets from node to node, as tags tell it (upstream's design of 2015, in no release of it).
 *	htools:bandwidth:KIND            of the cluster: tags KIND:... of nodes name networks; groups and the cluster have such
 *	                                 tags for the nodes without one of that kind
 *	htools:bandwidth:A::B::SPEED     of the cluster: Mbit/s between nodes with the tags A and B
 */
#include "htools/core/htools.h"

#include <string.h>

#define TAG_BANDWIDTH "htools:bandwidth:"
#define DEFAULT_SPEED 100 /* Mbit/s */

struct rule {
	int a, b;
	int64_t speed;
};
struct rules {
	struct rule *v;
	size_t n, cap;
};

/* "A::B::SPEED" */
static bool read_rule(struct ht_cluster *c, struct arena *a, const char *text, struct rule *ret)
{
	const char *second = strstr(text, "::"), *third = second ? strstr(second + 2, "::") : NULL, *rest;
	int64_t speed;

	if (!third || strstr(third + 2, "::") || !hs_reads_int(third + 2, &speed, &rest) || *rest || speed <= 0)
		return false;
	*ret = (struct rule){ .a = ht_tag_id(c, arena_strndup(a, text, (size_t)(second - text))),
			      .b = ht_tag_id(c, arena_strndup(a, second + 2, (size_t)(third - second - 2))), .speed = speed };
	return true;
}

static bool of_kind(const char *tag, const char *kind)
{
	return str_starts(tag, kind) && tag[strlen(kind)] == ':';
}

/* The tags of KIND: the node's own, or else its group's, or else the cluster's. */
static void add_kind(struct arena *a, const struct ht_cluster *c, const struct ht_node *n, const char *kind, struct strs *ret)
{
	const struct strs *const from[] = { &n->ntags, &c->groups[n->group].tags, &c->tags };
	bool found = false;

	for (size_t k = 0; k < ARRAY_SIZE(from) && !found; k++)
		for (size_t i = 0; i < from[k]->n; i++)
			if (of_kind(from[k]->v[i], kind)) {
				strs_add(a, ret, from[k]->v[i]);
				found = true;
			}
}

/* A later rule for the same tag counts instead of an earlier one. */
static void set_speed(struct ht_speed *v, int *n, int tag, int64_t speed)
{
	int k = 0;

	while (k < *n && v[k].tag != tag)
		k++;
	v[k] = (struct ht_speed){ tag, speed };
	*n += k == *n;
}

static void node_speeds(struct ht_cluster *c, struct arena *a, struct ht_node *n, const struct strs *kinds, const struct rules *rules)
{
	struct strs tags = { 0 };

	for (size_t i = 0; i < kinds->n; i++)
		add_kind(a, c, n, kinds->v[i], &tags);
	n->nets = ARENA_ARRAY(c->a, int, tags.n + 1);
	n->speeds = ARENA_ARRAY(c->a, struct ht_speed, rules->n + 1);
	for (size_t i = 0; i < tags.n; i++)
		n->nets[n->n_nets++] = ht_tag_id(c, tags.v[i]);
	for (size_t i = 0; i < rules->n; i++) {
		const struct rule *r = &rules->v[i];
		bool a_here = false, b_here = false;

		for (int k = 0; k < n->n_nets; k++) {
			a_here = a_here || n->nets[k] == r->a;
			b_here = b_here || n->nets[k] == r->b;
		}
		if (a_here || b_here)
			set_speed(n->speeds, &n->n_speeds, a_here ? r->b : r->a, r->speed);
	}
}

void ht_bandwidth_tags(struct ht_cluster *c)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct strs kinds = { 0 };
	struct rules rules = { 0 };

	for (size_t i = 0; i < c->tags.n; i++) {
		const char *rest = c->tags.v[i] + strlen(TAG_BANDWIDTH);
		struct rule r;

		if (!str_starts(c->tags.v[i], TAG_BANDWIDTH) || !*rest)
			continue;
		if (!strstr(rest, "::")) {
			strs_add(a, &kinds, rest);
		} else if (read_rule(c, a, rest, &r)) {
			GROW(rules.v, rules.n, rules.cap);
			rules.v[rules.n++] = r;
		}
	}
	for (int k = 0; k < c->n_nodes && kinds.n > 0 && rules.n > 0; k++)
		node_speeds(c, a, &c->nodes[k], &kinds, &rules);
	free(rules.v);
}

int64_t ht_bandwidth(const struct ht_node *from, const struct ht_node *to)
{
	int64_t least = 0;

	for (int k = 0; k < to->n_nets; k++)
		for (int i = 0; i < from->n_speeds; i++)
			if (from->speeds[i].tag == to->nets[k] && (least == 0 || from->speeds[i].mbit < least))
				least = from->speeds[i].mbit;
	return least ? least : DEFAULT_SPEED;
}
