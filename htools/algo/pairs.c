/*
 * Places for a new instance on two nodes. The statistics are brought up to date once for each primary; what a secondary
 * changes of them then is a few numbers that are the same for every primary, but for those it keeps much memory for already,
 * or shares a location with. They are looked at once, and taken eight at a time.
 */
#include "htools/algo/candidates.h"

#include <math.h>
#include <string.h>

/* Room for as many as are taken at once. */
enum { BLOCK = 8 };

/* What secondaries change of one part of the score, by place; NULL: nothing. */
struct change {
	double *d;          /* a sum, or a column's sum */
	double *sq, *n_dss; /* a column: d * d, and n times what is added to the sum of squares */
	int twin;           /* an earlier part that they change by the same; -1 */
};

/* Nodes as secondaries. A place is a number of one that is possible, by groups, each of which begins with a whole block. */
struct seconds {
	enum ht_fail *fail; /* by node */
	int *place;         /* by node; -1: not possible, -2: not among them */
	int *node;          /* by place; HT_NONE: left empty */
	int *first, *end;   /* by group: its places */
	int (*count)[HT_N_FAIL + 1]; /* by group: how many fail so, and are possible (at 0) */
	int *kept, *keeps;  /* by node P: those from keeps[kept[P]] on to that of P + 1 keep so much memory for it that I's adds to it */
	double *score;      /* by place, for the primary in question */
	struct change change[HT_N_PART];
	bool finite;
	int n;              /* places */
};

struct pairs {
	const struct ht_cluster *c;
	const struct ht_view *v;
	const struct ht_alloc_opts *a;
	const struct ht_inst *i;
	const struct ht_targets *t;
	struct ht_stats base;
	bool scores;
	struct seconds s;
};

bool pairs_has_seconds(const struct ht_cluster *c, const struct ht_targets *t, int p)
{
	for (int k = 0; k < t->n_sec; k++)
		if (t->sec[k] != p && c->nodes[t->sec[k]].group == c->nodes[p].group)
			return true;
	return false;
}

/* --- what is the same for every primary --- */

static void number_places(struct seconds *s, const struct ht_cluster *c, const struct ht_targets *t)
{
	int *n = xcalloc((size_t)c->n_groups + 1, sizeof(*n));

	s->first = xcalloc((size_t)c->n_groups + 1, sizeof(*s->first));
	s->end = xcalloc((size_t)c->n_groups + 1, sizeof(*s->end));
	for (int k = 0; k < t->n_sec; k++)
		n[c->nodes[t->sec[k]].group] += s->fail[t->sec[k]] == HT_OK;
	for (int g = 0; g < c->n_groups; g++) {
		s->first[g] = s->end[g] = s->n;
		s->n += (n[g] + BLOCK - 1) / BLOCK * BLOCK;
	}
	s->node = xcalloc((size_t)s->n + 1, sizeof(*s->node));
	for (int k = 0; k < s->n; k++)
		s->node[k] = HT_NONE;
	for (int k = 0; k < t->n_sec; k++) {
		int node = t->sec[k], g = c->nodes[node].group;

		s->place[node] = -1;
		s->count[g][s->fail[node] + 1]++;
		if (s->fail[node] != HT_OK)
			continue;
		s->place[node] = s->end[g];
		s->node[s->end[g]++] = node;
	}
	free(n);
}

static void who_keeps(struct seconds *s, const struct pairs *x)
{
	const struct ht_targets *t = x->t;
	int n = 0;

	s->kept = xcalloc((size_t)x->c->n_nodes + 2, sizeof(*s->kept));
	for (int k = 0; k < t->n_sec; k++) {
		const struct ht_node *m = &x->c->nodes[t->sec[k]];

		for (int j = 0; j < m->peers.n; j++) {
			bool more = !ht_same_reserve(m, x->i, m->peers.v[j].mem, 0);

			s->kept[m->peers.v[j].node + 2] += more;
			n += more;
		}
	}
	for (int k = 2; k < x->c->n_nodes + 2; k++)
		s->kept[k] += s->kept[k - 1];
	s->keeps = xcalloc((size_t)n + 1, sizeof(*s->keeps));
	for (int k = 0; k < t->n_sec; k++) {
		const struct ht_node *m = &x->c->nodes[t->sec[k]];

		for (int j = 0; j < m->peers.n; j++)
			if (!ht_same_reserve(m, x->i, m->peers.v[j].mem, 0))
				s->keeps[s->kept[m->peers.v[j].node + 1]++] = t->sec[k];
	}
}

static double *numbers(const struct seconds *s)
{
	return xcalloc((size_t)s->n + 1, sizeof(double));
}

static void put_change(struct seconds *s, int part, int place, double d, double dss, double n)
{
	struct change *x = &s->change[part];

	s->finite = s->finite && isfinite(d) && isfinite(n * dss) && isfinite(d * d);
	if (d == 0 && dss == 0)
		return;
	if (!x->d) {
		x->d = numbers(s);
		x->sq = numbers(s);
		x->n_dss = numbers(s);
	}
	x->d[place] = d;
	x->sq[place] = d * d;
	x->n_dss[place] = n * dss;
}

static void find_changes(struct pairs *x, int place)
{
	struct seconds *s = &x->s;
	const struct ht_node *m = &x->c->nodes[s->node[place]];
	double from[HT_N_COL], to[HT_N_COL], sums[HT_N_PART] = { 0 };
	struct ht_state ss;

	if (ht_try_sec(m, &m->s, &ss, x->i, 0, false, false) != HT_OK) /* it was possible before */
		return;
	ht_add_sums(m, &m->s, sums, -1);
	ht_add_sums(m, &ss, sums, 1);
	if (!m->offline)
		sums[HT_P_RES_TOTAL] = ss.p_rem - m->s.p_rem;
	ht_columns(m, &m->s, from);
	ht_columns(m, &ss, to);
	for (int p = 0; p < HT_N_PART; p++) {
		int k = ht_parts[p].col;

		if (k < 0)
			put_change(s, p, place, sums[p], 0, 0);
		else if (!m->offline)
			put_change(s, p, place, to[k] - from[k], to[k] * to[k] - from[k] * from[k], x->base.n);
	}
}

static void find_twins(struct seconds *s)
{
	size_t size = (size_t)s->n * sizeof(double);

	for (int p = 0; p < HT_N_PART; p++) {
		struct change *x = &s->change[p];

		x->twin = -1;
		for (int q = 0; q < p && x->d && ht_parts[p].col >= 0 && x->twin < 0; q++) {
			const struct change *y = &s->change[q];

			if (y->d && ht_parts[q].col >= 0 && memcmp(x->d, y->d, size) == 0 && memcmp(x->sq, y->sq, size) == 0 &&
			    memcmp(x->n_dss, y->n_dss, size) == 0)
				x->twin = q;
		}
	}
}

static void seconds_init(struct pairs *x)
{
	const struct ht_cluster *c = x->c;
	struct seconds *s = &x->s;

	*s = (struct seconds){ .finite = true };
	s->fail = xcalloc((size_t)c->n_nodes + 1, sizeof(*s->fail));
	s->place = xcalloc((size_t)c->n_nodes + 1, sizeof(*s->place));
	s->count = xcalloc((size_t)c->n_groups + 1, sizeof(*s->count));
	for (int k = 0; k < c->n_nodes; k++)
		s->place[k] = -2;
	for (int k = 0; k < x->t->n_sec; k++) {
		const struct ht_node *m = &c->nodes[x->t->sec[k]];
		struct ht_state ss;

		s->fail[x->t->sec[k]] = ht_try_sec(m, &m->s, &ss, x->i, 0, false, false);
	}
	number_places(s, c, x->t);
	who_keeps(s, x);
	if (!x->scores)
		return;
	s->score = numbers(s);
	for (int k = 0; k < s->n; k++)
		if (s->node[k] != HT_NONE)
			find_changes(x, k);
	find_twins(s);
}

static void seconds_free(struct seconds *s)
{
	for (int p = 0; p < HT_N_PART; p++) {
		free(s->change[p].d);
		free(s->change[p].sq);
		free(s->change[p].n_dss);
	}
	free(s->fail);
	free(s->place);
	free(s->count);
	free(s->node);
	free(s->first);
	free(s->end);
	free(s->kept);
	free(s->keeps);
	free(s->score);
}

/* --- one primary --- */

struct primary {
	int node;
	const struct ht_node *n;
	enum ht_fail fail;
	struct ht_stats st; /* with it */
	double roots[HT_N_COL];
};

static void try_primary(const struct pairs *x, int p, struct primary *ret)
{
	const struct ht_node *n = &x->c->nodes[p];
	struct ht_state sp = n->s;

	ret->node = p;
	ret->n = n;
	ret->fail = ht_inst_fits_policy(x->i, n->policy, n->excl_storage);
	if (ret->fail == HT_OK)
		ret->fail = ht_state_add_pri(n, &sp, x->i, 0, x->a->o->ignore_soft_errors);
	if (ret->fail != HT_OK || !x->scores)
		return;
	sp.conflicts += ht_conflicts_add(n, x->i);
	ret->st = x->base;
	ht_stats_update(&ret->st, n, &n->s, &sp);
	ret->st.sums[HT_P_LOC_EXCL] += (double)ht_pairs_gain(x->c, x->v, p, x->i);
	ret->st.sums[HT_P_POOLS] += (double)ht_pools_gain(x->c, x->i, HT_NONE, p);
	ht_stats_roots(&ret->st, ret->roots);
}

/* Does it matter to S that the primary is P? */
static bool keeps_for(const struct seconds *all, int p, int s)
{
	for (int k = all->kept[p]; k < all->kept[p + 1]; k++)
		if (all->keeps[k] == s)
			return true;
	return false;
}

/* One pair by itself. */
static enum ht_fail try_pair(const struct pairs *x, const struct primary *p, int s, double *score)
{
	const struct ht_node *m = &x->c->nodes[s];
	struct ht_state ss;
	enum ht_fail f = p->fail;
	double loc;

	if (f == HT_OK && !x->scores && !keeps_for(&x->s, p->node, s))
		return x->s.fail[s];
	if (f == HT_OK)
		f = ht_try_sec(m, &m->s, &ss, x->i, ht_peers_get(&m->peers, p->node), false, false);
	if (f != HT_OK || !x->scores)
		return f;
	loc = p->n->offline || x->i->forthcoming ? 0 : (double)ht_shared_locations(x->c, p->node, s);
	*score = ht_stats_score_with(&p->st, p->roots, m, &m->s, &ss, loc);
	return f;
}

static void try_each(const struct pairs *x, const struct primary *p, struct candidates *l, struct ht_alloc *r)
{
	for (int k = 0; k < x->t->n_sec; k++) {
		int s = x->t->sec[k];
		double score = 0;
		enum ht_fail f;

		if (s == p->node || x->c->nodes[s].group != p->n->group)
			continue;
		f = try_pair(x, p, s, &score);
		if (f == HT_OK)
			candidates_good(x->a, l, p->node, s, score);
		else
			candidates_fail(x->a, r, p->node, s, f);
		if (f == HT_OK && x->a->only_possible)
			break;
	}
	candidates_choose(x->a, x->i, l, r);
}

/* The parts of a primary's score in upstream's order: what is added for one block of secondaries. */
static void add_part(const struct primary *p, const struct change *x, int part, int at, double values[HT_N_PART][BLOCK],
		     double sum[BLOCK])
{
	const double weight = ht_parts[part].weight, *d = x->d ? x->d + at : NULL;
	double *value = values[part];
	int k = ht_parts[part].col;

	if (k < 0) {
		for (int j = 0; j < BLOCK; j++)
			sum[j] += weight * (p->st.sums[part] + d[j]);
		return;
	}
	if (x->twin >= 0 && p->st.var[k] == p->st.var[ht_parts[x->twin].col] && p->st.sum[k] == p->st.sum[ht_parts[x->twin].col]) {
		value = values[x->twin];
	} else {
		const double *sq = x->sq + at, *n_dss = x->n_dss + at;
		const double twice = 2 * p->st.sum[k], var = p->st.var[k], nn = p->st.n * p->st.n;

		for (int j = 0; j < BLOCK; j++) { /* as next_var() in metrics.c has it */
			double v = var + ((n_dss[j] - twice * d[j]) - sq[j]) / nn;

			value[j] = sqrt(v > 0 ? v : 0);
		}
	}
	for (int j = 0; j < BLOCK; j++)
		sum[j] += weight * value[j];
}

static void score_block(const struct pairs *x, const struct primary *p, int at)
{
	double values[HT_N_PART][BLOCK], sum[BLOCK] = { 0 };

	for (int part = 0; part < HT_N_PART; part++) {
		int k = ht_parts[part].col;
		double same;

		if (x->s.change[part].d) {
			add_part(p, &x->s.change[part], part, at, values, sum);
			continue;
		}
		same = ht_parts[part].weight * (k < 0 ? p->st.sums[part] : p->roots[k]);
		if (same != 0)
			for (int j = 0; j < BLOCK; j++)
				sum[j] += same;
	}
	memcpy(x->s.score + at, sum, sizeof(sum));
}

static bool is_finite(const struct primary *p)
{
	double sum = 0;

	for (int k = 0; k < HT_N_COL; k++)
		sum += p->st.var[k] * 0 + p->st.sum[k] * 0;
	for (int part = 0; part < HT_N_PART; part++)
		sum += p->st.sums[part] * 0;
	return sum == 0;
}

/* Takes S of the group out of COUNT, where it is as it is with others; false where it cannot be said what it is. */
static bool count_special(const struct pairs *x, const struct primary *p, int s, int count[HT_N_FAIL + 1])
{
	double score = NAN;
	enum ht_fail f;

	if (x->s.place[s] == -2 || x->c->nodes[s].group != p->n->group)
		return true;
	count[x->s.fail[s] + 1]--;
	if (s == p->node) {
		if (x->s.score && x->s.place[s] >= 0)
			x->s.score[x->s.place[s]] = NAN;
		return true;
	}
	f = try_pair(x, p, s, &score);
	count[f + 1]++;
	if (x->s.score && x->s.place[s] >= 0)
		x->s.score[x->s.place[s]] = f == HT_OK ? score : NAN;
	return f != HT_OK || x->s.place[s] >= 0;
}

/* Counts all pairs of P, and scores those that are possible; false: they must be looked at one by one. */
static bool try_all(const struct pairs *x, const struct primary *p, int count[HT_N_FAIL + 1])
{
	const struct seconds *s = &x->s;
	int g = p->n->group;

	memcpy(count, s->count[g], sizeof(s->count[g]));
	if (p->fail != HT_OK) {
		int all = s->place[p->node] == -2 ? 0 : -1;

		for (int f = 0; f <= HT_N_FAIL; f++)
			all += count[f];
		memset(count, 0, sizeof(s->count[g]));
		count[p->fail + 1] = all;
		return true;
	}
	if (x->scores && (!s->finite || !is_finite(p)))
		return false;
	for (int at = s->first[g]; at < s->end[g] && x->scores; at += BLOCK)
		score_block(x, p, at);
	if (!count_special(x, p, p->node, count))
		return false;
	for (int k = s->kept[p->node]; k < s->kept[p->node + 1]; k++)
		if (s->keeps[k] != p->node && !count_special(x, p, s->keeps[k], count))
			return false;
	for (int at = s->first[g]; at < s->end[g] && x->scores && p->n->loc.n > 0; at++)
		if (s->node[at] != p->node && ht_shared_locations(x->c, p->node, s->node[at]) != 0 &&
		    !keeps_for(s, p->node, s->node[at]) && !count_special(x, p, s->node[at], count))
			return false;
	return true;
}

/* The best place, of equal ones the last. */
static struct candidate best_of(const struct pairs *x, const struct primary *p)
{
	struct candidate best = { .pri = p->node, .sec = HT_NONE, .score = INFINITY };
	int g = p->n->group;

	for (int at = x->s.first[g]; at < x->s.end[g]; at++) {
		if (!(x->s.score[at] <= best.score))
			continue;
		best.score = x->s.score[at];
		best.sec = at;
	}
	best.sec = best.sec == HT_NONE ? HT_NONE : x->s.node[best.sec];
	return best;
}

static void list_all(const struct pairs *x, const struct primary *p, struct candidates *l)
{
	int g = p->n->group;

	for (int at = x->s.first[g]; at < x->s.end[g]; at++)
		if (!isnan(x->s.score[at]))
			candidates_good(x->a, l, p->node, x->s.node[at], x->s.score[at]);
}

/* What P and its secondaries come to. */
static void take_primary(const struct pairs *x, const struct primary *p, struct candidates *l, struct ht_alloc *r)
{
	int count[HT_N_FAIL + 1];
	struct candidate best;

	if (x->a->seen || x->a->only_possible || !try_all(x, p, count)) {
		try_each(x, p, l, r);
		return;
	}
	for (int f = 0; f < HT_N_FAIL; f++) {
		r->fails[f] += count[f + 1];
		r->n_fails += count[f + 1];
	}
	if (count[0] == 0)
		return;
	if (!x->scores) { /* none keeps the cluster redundant */
		r->fails[HT_FAIL_N1] += count[0];
		r->n_fails += count[0];
		return;
	}
	best = best_of(x, p);
	if (best.sec != HT_NONE && candidates_take(x->a, x->i, &best, (size_t)count[0], r))
		return;
	list_all(x, p, l);
	candidates_choose(x->a, x->i, l, r);
}

int pairs_try(const struct ht_cluster *c, const struct ht_view *v, const struct ht_alloc_opts *a, const struct ht_inst *i,
	      const struct ht_targets *t, struct ht_alloc *r)
{
	bool never = !a->only_possible && !a->seen && a->n1 && ht_n1_never(a->n1, i, a->index);
	struct pairs x = { .c = c, .v = v, .a = a, .i = i, .t = t, .scores = !a->only_possible && !never };
	struct candidates l = { 0 };
	bool any = false;

	if (x.scores)
		ht_stats_init(&x.base, c, v);
	seconds_init(&x);
	for (int k = 0; k < t->n_pri; k++) {
		struct primary p;

		if (t->sec == t->pri && !pairs_has_seconds(c, t, t->pri[k]))
			continue;
		any = true;
		try_primary(&x, t->pri[k], &p);
		take_primary(&x, &p, &l, r);
		if (a->only_possible && r->found)
			break;
	}
	seconds_free(&x.s);
	free(l.v);
	return any ? 0 : -1;
}
