/* Places for a new instance (upstream: Cluster.tryAlloc): on one node, and which place is chosen. */
#include "htools/algo/candidates.h"
#include "htools/algo/score.h"

#include <math.h>
#include <string.h>

void candidates_fail(const struct ht_alloc_opts *a, struct ht_alloc *r, int pri, int sec, enum ht_fail f)
{
	r->fails[f]++;
	r->n_fails++;
	if (a->seen)
		a->seen(a, pri, sec, f, 0);
}

void candidates_good(const struct ht_alloc_opts *a, struct candidates *l, int pri, int sec, double score)
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

bool candidates_take(const struct ht_alloc_opts *a, const struct ht_inst *i, const struct candidate *x, size_t n, struct ht_alloc *r)
{
	if (!keeps_redundancy(a, i, x))
		return false;
	take(x, r);
	r->n_ok += (int64_t)n;
	return true;
}

/* upstream: collectionToSolution and sumAllocs. Candidates before the first that keeps the cluster redundant
 * count as failures; later ones are not looked at. */
void candidates_choose(const struct ht_alloc_opts *a, const struct ht_inst *i, struct candidates *l, struct ht_alloc *r)
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

struct ht_trials {
	bool ready, sums;   /* sums: deltas are known, and sums say which scores matter */
	struct score b;
	enum ht_fail *fail; /* by target */
	struct delta *d;
	int last;           /* the target that was chosen last, or -1 */
};

struct ht_trials *ht_trials_new(void)
{
	return xcalloc(1, sizeof(struct ht_trials));
}

static void trials_clear(struct ht_trials *t)
{
	if (t->ready)
		score_free(&t->b);
	free(t->fail);
	free(t->d);
}

void ht_trials_free(struct ht_trials *t)
{
	if (t)
		trials_clear(t);
	free(t);
}

struct singles {
	const struct ht_cluster *c;
	const struct ht_view *v;
	const struct ht_alloc_opts *a;
	const struct ht_inst *i;
	const struct ht_targets *t;
	struct ht_trials *tr;
	bool scores;
};

static enum ht_fail try_single(const struct singles *x, int node, struct ht_outcome *o)
{
	const struct ht_node *n = &x->c->nodes[node];
	enum ht_fail f = ht_inst_fits_policy(x->i, n->policy, n->excl_storage);

	o->n = 1;
	o->node[0] = o->pri = node;
	o->sec = HT_NONE;
	if (f == HT_OK)
		f = ht_try_pri(n, &n->s, &o->s[0], x->i, x->i->loc_score, x->a->o->ignore_soft_errors);
	if (f == HT_OK)
		o->s[0].conflicts += ht_conflicts_add(n, x->i);
	return f;
}

static double exact_single(const struct singles *x, int node)
{
	struct ht_outcome o;

	return try_single(x, node, &o) == HT_OK ? score_exact_new(&x->tr->b, &o, x->i) : NAN; /* it is one that was possible */
}

static void try_target(const struct singles *x, int k)
{
	struct ht_trials *tr = x->tr;
	int node = x->t->pri[k];
	struct ht_outcome o;

	tr->fail[k] = try_single(x, node, &o);
	if (tr->fail[k] != HT_OK || !tr->sums)
		return;
	score_delta(&tr->b, node, &o.s[0], &tr->d[k]);
	tr->d[k].lin += score_pairs(&tr->b, x->i, HT_NONE, node);
}

/* All targets, or the one that is another now. */
static void try_targets(const struct singles *x)
{
	struct ht_trials *tr = x->tr;
	bool all = !tr->ready, sums;

	if (all) {
		tr->fail = xcalloc((size_t)x->t->n_pri + 1, sizeof(*tr->fail));
		tr->d = xcalloc((size_t)x->t->n_pri + 1, sizeof(*tr->d));
	}
	if (all && x->scores)
		score_init_for(&tr->b, x->c, x->v, x->i);
	else if (x->scores)
		all = score_refresh(&tr->b);
	tr->ready = x->scores;
	sums = x->scores && !x->a->seen && isfinite(tr->b.exact) && isfinite(tr->b.eps);
	all = all || sums != tr->sums;
	tr->sums = sums;
	for (int k = all ? 0 : tr->last; k >= 0 && k < (all ? x->t->n_pri : tr->last + 1); k++)
		try_target(x, k);
}

/*
 * Scores by sums say which need the exact one: all are known to be no better than the first of these, or all are exact.
 * True: the best of L keeps the cluster redundant and is taken.
 */
static bool take_best(const struct singles *x, struct candidates *l, struct ht_alloc *r)
{
	double least = INFINITY;
	struct candidate best = { .pri = HT_NONE };

	for (size_t k = 0; k < l->n; k++)
		least = l->v[k].score < least ? l->v[k].score : least;
	for (size_t k = 0; k < l->n; k++) {
		struct candidate y = l->v[k];

		if (y.score > least + 2 * x->tr->b.eps)
			continue;
		y.score = exact_single(x, y.pri);
		if (best.pri == HT_NONE || !(y.score > best.score))
			best = y;
	}
	if (candidates_take(x->a, x->i, &best, l->n, r))
		return true;
	for (size_t k = 0; k < l->n; k++)
		l->v[k].score = exact_single(x, l->v[k].pri);
	return false;
}

static void remember_choice(const struct singles *x, const struct ht_alloc *r)
{
	x->tr->last = -1;
	for (int k = 0; k < x->t->n_pri && r->found; k++)
		if (x->t->pri[k] == r->pri)
			x->tr->last = k;
}

static void try_singles(const struct ht_cluster *c, const struct ht_view *v, const struct ht_alloc_opts *a,
			const struct ht_inst *i, const struct ht_targets *t, struct ht_alloc *r)
{
	bool scores = !a->only_possible && (a->seen || !a->n1 || !ht_n1_never(a->n1, i, a->index));
	/* what others have of its tags may have changed elsewhere, too */
	bool keep = a->trials && scores && i->excl.n == 0 && i->n_pools == 0;
	struct ht_trials own = { .ready = false };
	struct singles x = { .c = c, .v = v, .a = a, .i = i, .t = t, .tr = keep ? a->trials : &own, .scores = scores };
	struct candidates l = { 0 };

	try_targets(&x);
	for (int k = 0; k < t->n_pri; k++) {
		double score = 0;

		if (x.tr->fail[k] != HT_OK) {
			candidates_fail(a, r, t->pri[k], HT_NONE, x.tr->fail[k]);
			continue;
		}
		if (scores)
			score = x.tr->sums ? score_with(&x.tr->b, &x.tr->d[k]) : exact_single(&x, t->pri[k]);
		candidates_good(a, &l, t->pri[k], HT_NONE, score);
	}
	if (l.n == 0 || !x.tr->sums || !take_best(&x, &l, r))
		candidates_choose(a, i, &l, r);
	remember_choice(&x, r);
	trials_clear(&own);
	free(l.v);
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
			any = any || pairs_has_seconds(c, t, t->pri[k]);
		if (any)
			ht_alloc_dedicated(c, a, i, t, ret);
		return any ? 0 : err_plain(e, "Not enough online nodes");
	}
	return pairs_try(c, v, a, i, t, ret) < 0 ? err_plain(e, "Not enough online nodes") : 0;
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
