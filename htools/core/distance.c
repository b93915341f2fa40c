/*
 * Distances between groups, as tags of the cluster tell them, for both ways:
 *	htools:distance:GROUP:GROUP:NUMBER
 * A group is given by its name or its UUID, the number is in the unit of the score; of several for the same two groups the
 * last counts. Names may have colons as long as there is one way to read the tag. Where nothing is said it is 0.
 */
#include "htools/core/htools.h"

#include <math.h>
#include <string.h>

#define TAG_DISTANCE "htools:distance:"

/* The two groups that TEXT, up to END, is about; what is wrong with it, or NULL. */
static const char *read_groups(const struct ht_cluster *c, struct arena *a, const char *text, const char *end, int *ret_a, int *ret_b)
{
	int found = 0;

	for (const char *p = text; p < end; p++) {
		int x, y;

		if (*p != ':')
			continue;
		x = ht_find_group(c, arena_strndup(a, text, (size_t)(p - text)));
		y = ht_find_group(c, arena_strndup(a, p + 1, (size_t)(end - p - 1)));
		if (x < 0 || y < 0)
			continue;
		*ret_a = x;
		*ret_b = y;
		found++;
	}
	if (found == 0)
		return "not about two groups of the cluster";
	return found > 1 ? "can be read in several ways" : *ret_a == *ret_b ? "about one group" : NULL;
}

static const char *read_tag(const struct ht_cluster *c, struct arena *a, const char *text, struct ht_distance *ret)
{
	const char *colon = strrchr(text, ':'), *rest;

	if (!colon)
		return "not about two groups of the cluster";
	if (!hs_reads_double(colon + 1, &ret->cost, &rest) || *rest || !isfinite(ret->cost) || ret->cost < 0)
		return "no distance";
	return read_groups(c, a, text, colon, &ret->a, &ret->b);
}

void ht_distances_init(struct ht_cluster *c)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();

	for (size_t t = 0; t < c->tags.n; t++) {
		struct ht_distance d;
		const char *wrong;
		int k = 0;

		if (!str_starts(c->tags.v[t], TAG_DISTANCE))
			continue;
		wrong = read_tag(c, a, c->tags.v[t] + strlen(TAG_DISTANCE), &d);
		if (wrong) {
			strs_add(c->a, &c->bad_tags, arena_printf(c->a, "tag %s is %s", c->tags.v[t], wrong));
			continue;
		}
		if (!c->distances)
			c->distances = ARENA_ARRAY(c->a, struct ht_distance, c->tags.n);
		while (k < c->n_distances && !(c->distances[k].a == d.a && c->distances[k].b == d.b) &&
		       !(c->distances[k].a == d.b && c->distances[k].b == d.a))
			k++;
		c->distances[k] = d;
		c->n_distances += k == c->n_distances;
	}
}

void ht_distances(const struct ht_cluster *c, const struct ht_inst *i, int index, double *ret)
{
	double *near = xcalloc((size_t)c->n_groups + 1, sizeof(*near));

	memset(ret, 0, (size_t)c->n_groups * sizeof(*ret));
	if (index != HT_NONE)
		near[c->nodes[c->insts[index].pri].group] = 1;
	ht_pools_together(c, i, index, near);
	for (int k = 0; k < c->n_distances; k++) {
		const struct ht_distance *d = &c->distances[k];

		ret[d->a] += near[d->b] * d->cost;
		ret[d->b] += near[d->a] * d->cost;
	}
	free(near);
}
