/* How long moves take, and whether what they gain is worth it. */
#include "htools/algo/algo.h"

/* Memory of a running instance goes along when it leaves a node that is up. */
static double migration(const struct ht_cluster *c, const struct ht_inst *i, int from, int to)
{
	const struct ht_node *a = &c->nodes[from], *b = &c->nodes[to];

	return a->offline || !ht_inst_uses_mem(i) ? 0 : (double)i->mem * 8 / (double)ht_bandwidth(a, b);
}

static double copy(const struct ht_cluster *c, const struct ht_inst *i, int from, int to)
{
	return (double)i->dsk * 8 / (double)ht_bandwidth(&c->nodes[from], &c->nodes[to]);
}

/* upstream: placementTimeEstimation, which takes the nodes as they are afterwards, so that often one is both ends */
double ht_move_seconds(const struct ht_cluster *c, const struct ht_inst *i, struct ht_move m)
{
	switch (m.kind) {
	case HT_FAILOVER:
		return migration(c, i, i->pri, i->sec);
	case HT_FAILOVER_TO:
		return migration(c, i, i->pri, m.node);
	case HT_REPLACE_PRI:
		return migration(c, i, i->pri, i->sec) + copy(c, i, i->sec, m.node) + migration(c, i, i->sec, m.node);
	case HT_REPLACE_SEC:
		return copy(c, i, i->pri, m.node);
	case HT_REPLACE_FAILOVER:
		return copy(c, i, i->pri, m.node) + migration(c, i, i->pri, m.node);
	case HT_FAILOVER_REPLACE:
		return migration(c, i, i->pri, i->sec) + copy(c, i, i->sec, m.node);
	}
	return 0;
}

void ht_pace_start(struct ht_pace *p, const struct ht_algo_opts *o, double score, double optimum)
{
	*p = (struct ht_pace){ .on = o->avoid_long_solutions >= 0.01, .threshold = (double)o->long_solution_threshold,
			       .factor = o->avoid_long_solutions, .start = score - optimum, .optimum = optimum };
}

bool ht_pace_allows(const struct ht_pace *p, double score, double seconds)
{
	double total = p->elapsed + seconds;

	if (!p->on || total < p->threshold || score <= p->optimum)
		return true;
	return p->start / (score - p->optimum) > p->factor * (total / p->threshold);
}
