/*
 * Places for a new instance (upstream: Cluster.tryAlloc). On pairs of nodes the statistics are brought up to date
 * once for the primary; a secondary then costs the few columns it changes.
 */
#include "htools/algo/score.h"

#include <math.h>
#include <string.h>

/* What candidates of one primary, or all single nodes, came to. */
struct candidates {
	struct candidate {
		int pri, sec;
		double score;
		size_t at;
	} *v;
	size_t n, cap;
};

static void fail(const struct ht_alloc_opts *a, struct ht_alloc *r, int pri, int sec, enum ht_fail f)
{
	r->fails[f]++;
	r->n_fails++;
	if (a->seen)
		a->seen(a, pri, sec, f, 0);
}

static void good(const struct ht_alloc_opts *a, struct candidates *l, int pri, int sec, double score)
{
	GROW(l->v, l->n, l->cap);
	l->v[l->n++] = (struct candidate){ pri, sec, score, 0 };
	if (a->seen)
		a->seen(a, pri, sec, HT_OK, score);
}

/*
 * Scores that are no numbers: upstream sorts with a comparison by which these are greater than all, and smaller than
 * none. Which one comes first depends on its way of sorting then: runs that ascend or descend, merged in pairs.
 */
static bool greater(const struct candidate *a, const struct candidate *b)
{
	return !(a->score < b->score) && !(a->score == b->score);
}

static void reverse(struct candidate *v, size_t n)
{
	for (size_t i = 0; i < n / 2; i++) {
		struct candidate t = v[i];

		v[i] = v[n - 1 - i];
		v[n - 1 - i] = t;
	}
}

static void merge(const struct candidate *a, size_t n, const struct candidate *b, size_t m, struct candidate *to)
{
	while (n > 0 && m > 0) {
		bool second = greater(a, b);

		*to++ = second ? *b++ : *a++;
		*(second ? &m : &n) -= 1;
	}
	memcpy(to, n > 0 ? a : b, (n + m) * sizeof(*to));
}

static void sort_odd(struct candidate *v, size_t n)
{
	struct candidate *other = xcalloc(n + 1, sizeof(*other));
	size_t *run = xcalloc(n + 2, sizeof(*run)), runs = 0;

	for (size_t at = 0, end; at < n; at = end) {
		bool down = at + 1 < n && greater(&v[at], &v[at + 1]);

		for (end = at + 1; end < n && greater(&v[end - 1], &v[end]) == down; end++)
			;
		if (down)
			reverse(v + at, end - at);
		run[runs++] = at;
	}
	run[runs] = n;
	while (runs > 1) {
		size_t k, left = 0;

		for (k = 0; k < runs; k += 2) {
			size_t mid = run[k + 1], end = k + 1 < runs ? run[k + 2] : mid;

			merge(v + run[k], mid - run[k], v + mid, end - mid, other + run[k]);
			run[left++] = run[k];
		}
		run[left] = n;
		runs = left;
		memcpy(v, other, n * sizeof(*v));
	}
	free(run);
	free(other);
}

/* In the order in which upstream looks at them: by score, of equal ones the last first. */
static int by_score(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->score > y->score)
		return 1;
	if (x->score < y->score)
		return -1;
	return x->at < y->at ? 1 : -1;
}

static size_t first_of(const struct candidates *l)
{
	size_t at = 0;

	for (size_t i = 1; i < l->n; i++)
		if (!(l->v[i].score > l->v[at].score))
			at = i;
	return at;
}

static bool keeps_redundancy(const struct ht_alloc_opts *a, const struct ht_inst *i, const struct candidate *x)
{
	return !a->n1 || ht_n1_with(a->n1, i, a->index, x->pri, x->sec);
}

static void take(const struct candidate *x, struct ht_alloc *r)
{
	if (r->found && r->score < x->score)
		return;
	r->found = true;
	r->pri = x->pri;
	r->sec = x->sec;
	r->score = x->score;
}

/* upstream: collectionToSolution and sumAllocs. Candidates before the first that keeps the cluster redundant
 * count as failures; later ones are not looked at. */
static void choose(const struct ht_alloc_opts *a, const struct ht_inst *i, struct candidates *l, struct ht_alloc *r)
{
	size_t lost = 0;
	bool odd = false;

	if (l->n == 0)
		return;
	for (size_t k = 0; k < l->n; k++)
		odd = odd || isnan(l->v[k].score);
	if (a->n1 && ht_n1_never(a->n1, i, a->index)) {
		lost = l->n;
	} else if (odd) {
		reverse(l->v, l->n);
		sort_odd(l->v, l->n);
		while (lost < l->n && !keeps_redundancy(a, i, &l->v[lost]))
			lost++;
		if (lost < l->n)
			take(&l->v[lost], r);
	} else {
		size_t first = first_of(l);

		if (keeps_redundancy(a, i, &l->v[first])) {
			take(&l->v[first], r);
		} else {
			for (size_t k = 0; k < l->n; k++)
				l->v[k].at = k;
			qsort(l->v, l->n, sizeof(*l->v), by_score);
			for (lost = 1; lost < l->n && !keeps_redundancy(a, i, &l->v[lost]); lost++)
				;
			if (lost < l->n)
				take(&l->v[lost], r);
		}
	}
	r->fails[HT_FAIL_N1] += (int64_t)lost;
	r->n_fails += (int64_t)lost;
	r->n_ok += (int64_t)(l->n - lost);
	for (size_t k = 0; k < l->n && a->seen && a->n1; k++) /* also those upstream does not ask for */
		if (!keeps_redundancy(a, i, &l->v[k]))
			a->seen(a, l->v[k].pri, l->v[k].sec, HT_FAIL_N1, l->v[k].score);
	l->n = 0;
}

/* --- one node --- */

static void try_singles(const struct ht_cluster *c, const struct ht_view *v, const struct ht_alloc_opts *a,
			const struct ht_inst *i, const struct ht_targets *t, struct ht_alloc *r)
{
	struct candidates l = { 0 };
	struct score b;

	score_init(&b, c, v);
	for (int k = 0; k < t->n_pri; k++) {
		const struct ht_node *n = &c->nodes[t->pri[k]];
		struct ht_outcome o = { .n = 1, .node = { t->pri[k] }, .pri = t->pri[k], .sec = HT_NONE };
		enum ht_fail f = ht_inst_fits_policy(i, n->policy, n->excl_storage);

		o.s[0] = n->s;
		if (f == HT_OK)
			f = ht_state_add_pri(n, &o.s[0], i, i->loc_score, a->o->ignore_soft_errors);
		if (f != HT_OK) {
			fail(a, r, t->pri[k], HT_NONE, f);
			continue;
		}
		o.s[0].conflicts += ht_conflicts_add(n, i);
		good(a, &l, t->pri[k], HT_NONE, a->only_possible ? 0 : score_exact_new(&b, &o, i));
	}
	score_free(&b);
	choose(a, i, &l, r);
	free(l.v);
}

/* --- two nodes --- */

struct pairs {
	const struct ht_cluster *c;
	const struct ht_view *v;
	const struct ht_alloc_opts *a;
	const struct ht_inst *i;
	struct ht_stats base;
};

static bool has_seconds(const struct ht_cluster *c, const struct ht_targets *t, int p)
{
	for (int k = 0; k < t->n_sec; k++)
		if (t->sec[k] != p && c->nodes[t->sec[k]].group == c->nodes[p].group)
			return true;
	return false;
}

static void try_primary(const struct pairs *x, const struct ht_targets *t, int p, struct candidates *l, struct ht_alloc *r)
{
	const struct ht_cluster *c = x->c;
	const struct ht_node *n = &c->nodes[p];
	struct ht_stats st = x->base;
	struct ht_state sp = n->s;
	double roots[HT_N_COL];
	enum ht_fail why = ht_inst_fits_policy(x->i, n->policy, n->excl_storage);

	if (why == HT_OK)
		why = ht_state_add_pri(n, &sp, x->i, 0, x->a->o->ignore_soft_errors);
	if (why == HT_OK) {
		sp.conflicts += ht_conflicts_add(n, x->i);
		if (!x->a->only_possible) {
			ht_stats_update(&st, n, &n->s, &sp);
			st.sums[HT_P_LOC_EXCL] += (double)ht_pairs_gain(c, x->v, p, x->i);
			st.sums[HT_P_POOLS] += (double)ht_pools_gain(c, x->i, HT_NONE, p);
			ht_stats_roots(&st, roots);
		}
	}
	for (int k = 0; k < t->n_sec; k++) {
		int s = t->sec[k];
		const struct ht_node *m = &c->nodes[s];
		struct ht_state ss;
		enum ht_fail f = why;

		if (s == p || m->group != n->group)
			continue;
		if (f == HT_OK) {
			ss = m->s;
			f = ht_state_add_sec(m, &ss, x->i, p, false, false);
		}
		if (f != HT_OK) {
			fail(x->a, r, p, s, f);
		} else if (x->a->only_possible) {
			good(x->a, l, p, s, 0);
			return;
		} else {
			double loc = n->offline || x->i->forthcoming ? 0 : (double)ht_shared_locations(c, p, s);

			good(x->a, l, p, s, ht_stats_score_with(&st, roots, m, &m->s, &ss, loc));
		}
	}
}

static int try_pairs(const struct ht_cluster *c, const struct ht_view *v, const struct ht_alloc_opts *a,
		     const struct ht_inst *i, const struct ht_targets *t, struct ht_alloc *r)
{
	struct pairs x = { .c = c, .v = v, .a = a, .i = i };
	struct candidates l = { 0 };
	bool any = false;

	if (!a->only_possible)
		ht_stats_init(&x.base, c, v);
	for (int k = 0; k < t->n_pri; k++) {
		if (t->sec == t->pri && !has_seconds(c, t, t->pri[k]))
			continue;
		any = true;
		try_primary(&x, t, t->pri[k], &l, r);
		choose(a, i, &l, r);
		if (a->only_possible && r->found)
			break;
	}
	free(l.v);
	return any ? 0 : -1;
}

/* --- */

int ht_targets_init(struct ht_targets *t, const struct ht_cluster *c, const struct ht_view *v, const struct ht_algo_opts *o,
		    int count, bool drop_unallocable, struct err *e)
{
	*t = (struct ht_targets){ .count = count };
	if (count != 1 && count != 2)
		return err_plain(e, "Unsupported number of nodes, only one or two  supported");
	t->pri = xcalloc((size_t)v->n_nodes + 1, sizeof(*t->pri));
	for (int k = 0; k < v->n_nodes; k++) {
		const struct ht_node *n = &c->nodes[v->nodes[k]];

		if (n->offline || (drop_unallocable && c->groups[n->group].alloc == alloc_policy_unallocable) ||
		    (o->restrict_to && !strs_has(o->restrict_to, n->name)))
			continue;
		t->pri[t->n_pri++] = v->nodes[k];
	}
	t->sec = t->pri;
	t->n_sec = t->n_pri;
	return 0;
}

void ht_targets_free(struct ht_targets *t)
{
	if (t->sec != t->pri)
		free(t->sec);
	free(t->pri);
	*t = (struct ht_targets){ 0 };
}

int ht_alloc_try(const struct ht_cluster *c, const struct ht_view *v, const struct ht_alloc_opts *a, const struct ht_inst *i,
		 const struct ht_targets *t, struct ht_alloc *ret, struct err *e)
{
	*ret = (struct ht_alloc){ .pri = HT_NONE, .sec = HT_NONE };
	if (t->count == 1) {
		if (t->n_pri == 0)
			return err_plain(e, "No online nodes");
		if (a->dedicated)
			ht_alloc_dedicated(c, a, i, t, ret);
		else
			try_singles(c, v, a, i, t, ret);
		return 0;
	}
	if (a->dedicated) {
		bool any = false;

		for (int k = 0; k < t->n_pri; k++)
			any = any || has_seconds(c, t, t->pri[k]);
		if (any)
			ht_alloc_dedicated(c, a, i, t, ret);
		return any ? 0 : err_plain(e, "Not enough online nodes");
	}
	return try_pairs(c, v, a, i, t, ret) < 0 ? err_plain(e, "Not enough online nodes") : 0;
}

int ht_alloc_place(struct ht_cluster *c, const struct ht_inst *from, const char *name, int pri, int sec, bool force)
{
	int index = ht_new_inst(c, from, name);
	struct ht_inst *i = &c->insts[index];
	struct ht_node *n = &c->nodes[pri];

	i->pri = pri;
	i->sec = sec;
	i->disks = arena_dup(c->a, i->disks, i->n_disks * sizeof(*i->disks));
	if (sec != HT_NONE)
		i->loc_score = ht_shared_locations(c, pri, sec);
	ht_touch_node(c, pri);
	if (ht_state_add_pri(n, &n->s, i, i->loc_score, force) == HT_OK) /* it was when it was tried */
		n->s.conflicts += ht_conflicts_add(n, i);
	if (sec != HT_NONE) {
		ht_touch_node(c, sec);
		ht_state_add_sec(&c->nodes[sec], &c->nodes[sec].s, i, pri, false, false);
		ht_link_sec(c, sec, index, pri);
	}
	ht_link_pri(c, pri, index);
	return index;
}
