/*
 * Balancing: the best move, again and again (upstream: tryBalance). The answer is that of scoring every move from
 * scratch; what is done instead is in README: updated sums, and bounds that say which instances need a new look.
 */
#include "htools/algo/roles.h"

#include <math.h>
#include <string.h>

#define KEPT_MAX 1500   /* nodes for which a table by pairs is made */
#define FIXED_MAX 20000 /* instances of which is kept what they change on their own nodes: 1 KB each */

/* What is known of an instance's moves: none gains more than this. It holds for moves to nodes that did not change
 * since; RANGE says how the gain may grow when other nodes do. */
struct bound {
	double gain;
	bool valid, none; /* no move at all */
	double dmin[COLS], dmax[COLS];
};
struct ht_balancer {
	struct ht_cluster *c;
	const struct ht_view *v;
	struct ht_algo_opts o;
	struct score b;
	struct sweep w;
	int *movable;             /* instances */
	int n_movable;
	struct bound *rec;       /* by position in `movable` */
	struct fixed *fx;         /* likewise; NULL: they are too many */
	int *order;               /* scratch: positions to look at again */
	bool *changed;            /* by node: by the last move */
	int touched[3], n_touched, moved; /* by the last move; MOVED HT_NONE: there was none */
	double ds_max[COLS];      /* largest change of a column's sum by any candidate so far */
	double var[COLS], root[COLS], s_moved[COLS]; /* before the last move; what it added to the sums */
	struct ht_balance_counts counts;
};

static bool on_offline(const struct ht_cluster *c, const struct ht_inst *i)
{
	return c->nodes[i->pri].offline || (ht_inst_has_sec(i) && i->sec != HT_NONE && c->nodes[i->sec].offline);
}

/* What NODE keeps for others, in the table of memory kept. */
static void note_kept(struct ht_balancer *b, int node)
{
	const struct ht_peers *p = &b->c->nodes[node].peers;
	size_t n = (size_t)b->c->n_nodes;

	if (!b->w.kept)
		return;
	for (size_t i = 0; i < n; i++)
		b->w.kept[i * n + (size_t)node] = 0;
	for (int i = 0; i < p->n; i++)
		b->w.kept[(size_t)p->v[i].node * n + (size_t)node] = p->v[i].mem;
}

struct ht_balancer *ht_balancer_new(struct ht_cluster *c, const struct ht_view *v, const struct ht_algo_opts *o)
{
	struct ht_balancer *b = xcalloc(1, sizeof(*b));
	int *targets = xcalloc((size_t)v->n_nodes + 1, sizeof(*targets)), n = 0;

	b->c = c;
	b->v = v;
	b->o = *o;
	b->moved = HT_NONE;
	score_init(&b->b, c, v);
	for (int i = 0; i < v->n_nodes; i++)
		if (b->b.row[v->nodes[i]] >= 0)
			targets[n++] = v->nodes[i];
	b->w = (struct sweep){ .b = &b->b, .o = &b->o, .targets = targets, .n_targets = n };
	b->w.peers_p = xcalloc((size_t)c->n_nodes + 1, sizeof(int64_t));
	b->w.peers_s = xcalloc((size_t)c->n_nodes + 1, sizeof(int64_t));
	if (c->n_nodes <= KEPT_MAX) {
		b->w.kept = xcalloc((size_t)c->n_nodes * (size_t)c->n_nodes + 1, sizeof(int64_t));
		for (int i = 0; i < c->n_nodes; i++)
			note_kept(b, i);
	}
	b->movable = xcalloc((size_t)v->n_insts + 1, sizeof(*b->movable));
	for (int i = 0; i < v->n_insts; i++) {
		const struct ht_inst *x = &c->insts[v->insts[i]];

		if (x->movable && x->auto_balance)
			b->movable[b->n_movable++] = v->insts[i];
	}
	b->rec = xcalloc((size_t)b->n_movable + 1, sizeof(*b->rec));
	if (b->n_movable <= FIXED_MAX)
		b->fx = xcalloc((size_t)b->n_movable + 1, sizeof(*b->fx));
	b->order = xcalloc((size_t)b->n_movable + 1, sizeof(*b->order));
	b->changed = xcalloc((size_t)c->n_nodes + 1, sizeof(*b->changed));
	return b;
}

void ht_balancer_free(struct ht_balancer *b)
{
	if (!b)
		return;
	score_free(&b->b);
	free((int *)b->w.targets);
	free(b->w.cand);
	free(b->w.kept);
	free(b->w.peers_p);
	free(b->w.peers_s);
	free(b->movable);
	free(b->rec);
	free(b->fx);
	free(b->order);
	free(b->changed);
	free(b);
}

double ht_balancer_score(const struct ht_balancer *b)
{
	return b->b.exact;
}

struct ht_balance_counts ht_balancer_counts(const struct ht_balancer *b)
{
	struct ht_balance_counts r = b->counts;

	r.bounded = b->w.scored;
	return r;
}

/* --- bounds --- */

static double root(double v)
{
	return v > 0 ? sqrt(v) : 0;
}

/*
 * How much more a move may gain in one column now that its variance went from V0 to V1, if it changes the variance by
 * something between LO and HI: the largest value of
 *	(sqrt(v1) - sqrt(v1 + d)) - (sqrt(v0) - sqrt(v0 + d))
 * The derivative in d has one sign on each side of d = -v1 (where the root ends), so it is at an end or there.
 */
static double grown(double v0, double r0, double v1, double r1, double lo, double hi, double slack)
{
	double u = v0 - v1 + slack, at;

	if (u > 0) {
		at = u - v0;
		at = at < lo ? lo : at > hi ? hi : at;
	} else {
		at = hi;
	}
	return r1 - r0 + root(v0 + at) - root(v0 + at - u);
}

/* The bound of record R carried over the last move. */
static void carry(const struct ht_balancer *b, struct bound *r)
{
	const struct score *s = &b->b;

	if (r->none)
		return;
	for (int k = 0; k < s->k; k++) {
		/* the sums moved too: the same change of a sum changes the variance a bit differently */
		double e = 2 * fabs(b->s_moved[k]) * b->ds_max[k] / ((double)s->n * s->n);

		r->dmin[k] -= e;
		r->dmax[k] += e;
		r->gain += s->w[k] * grown(b->var[k], b->root[k], s->var[k], s->root[k], r->dmin[k], r->dmax[k], e);
	}
	r->gain += s->eps;
}

static void note_range(struct ht_balancer *b, struct bound *r, bool extend)
{
	const struct sweep *w = &b->w;

	for (int k = 0; k < b->b.k; k++) {
		r->dmin[k] = extend && r->dmin[k] < w->dmin[k] ? r->dmin[k] : w->dmin[k];
		r->dmax[k] = extend && r->dmax[k] > w->dmax[k] ? r->dmax[k] : w->dmax[k];
		if (w->ds_max[k] > b->ds_max[k])
			b->ds_max[k] = w->ds_max[k];
	}
}

static void sweep(struct ht_balancer *b, int pos, bool fresh, const int *targets, int n)
{
	struct fixed own;

	sweep_inst(&b->w, b->movable[pos], b->fx ? &b->fx[pos] : &own, fresh || !b->fx, targets, n);
}

/* All moves of the instance at POS. */
static void look(struct ht_balancer *b, int pos)
{
	struct bound *r = &b->rec[pos];

	sweep(b, pos, true, b->w.targets, b->w.n_targets);
	b->counts.full++;
	r->valid = true;
	r->none = !b->w.any;
	r->gain = b->w.any ? b->b.approx - b->w.best : -INFINITY;
	if (b->w.any)
		note_range(b, r, false);
}

/* Its moves to nodes that changed. */
static void look_changed(struct ht_balancer *b, int pos, const int *targets, int n)
{
	struct bound *r = &b->rec[pos];
	double gain;

	sweep(b, pos, false, targets, n);
	if (!b->w.any)
		return;
	gain = b->b.approx - b->w.best;
	note_range(b, r, !r->none);
	r->gain = r->none || gain > r->gain ? gain : r->gain;
	r->none = false;
}

static bool considered(const struct ht_balancer *b, const struct ht_inst *i)
{
	return !b->o.evac_mode || on_offline(b->c, i);
}

/* Could the instance at POS have a move worth keeping? */
static bool hopeful(const struct ht_balancer *b, int pos)
{
	return b->b.approx - b->rec[pos].gain <= b->w.limit + b->b.eps;
}

static int by_bound(const void *x, const void *y, void *arg)
{
	const struct ht_balancer *b = arg;
	double p = b->rec[*(const int *)x].gain, q = b->rec[*(const int *)y].gain;

	return (p < q) - (p > q);
}

/* Pairs of locations and exclusion tags are counted over all nodes: a move changes what other instances with the same
 * tag gain or lose by them. */
static bool shares_pairs(const struct ht_balancer *b, const struct ht_inst *i)
{
	const struct ht_list *tags = &b->c->insts[b->moved].excl;

	for (int x = 0; x < i->excl.n && b->b.pairs.n; x++)
		for (int y = 0; y < tags->n; y++)
			if (i->excl.v[x] == tags->v[y])
				return true;
	return false;
}

/* Did the last move change what its moves to other nodes gain, beyond what a bound says? */
static bool affected(const struct ht_balancer *b, const struct ht_inst *i)
{
	return b->changed[i->pri] || (i->sec != HT_NONE && b->changed[i->sec]) || shares_pairs(b, i);
}

/* Collect every candidate that may be the best. */
static void collect(struct ht_balancer *b)
{
	int again = 0, targets[3], n = 0;

	for (int i = 0; i < b->n_touched; i++)
		if (b->b.row[b->touched[i]] >= 0)
			targets[n++] = b->touched[i];
	b->w.n_cand = 0;
	b->w.limit = b->b.approx + 2 * b->b.eps;
	for (int pos = 0; pos < b->n_movable; pos++) {
		const struct ht_inst *i = &b->c->insts[b->movable[pos]];
		struct bound *r = &b->rec[pos];

		if (!considered(b, i)) {
			r->valid = false;
			continue;
		}
		if (!r->valid || affected(b, i)) {
			look(b, pos);
			continue;
		}
		carry(b, r);
		look_changed(b, pos, targets, n);
		if (hopeful(b, pos))
			b->order[again++] = pos;
	}
	qsort_r(b->order, (size_t)again, sizeof(*b->order), by_bound, b);
	for (int i = 0; i < again && hopeful(b, b->order[i]); i++)
		look(b, b->order[i]);
	sweep_prune(&b->w);
}

static int by_order(const void *x, const void *y)
{
	const struct candidate *p = x, *q = y;

	return p->inst != q->inst ? p->inst - q->inst : p->order - q->order;
}

/* The best of the candidates by the exact score, the first in upstream's order of equal ones. */
static bool choose(struct ht_balancer *b, struct sweep *w, struct candidate *ret, struct ht_outcome *ret_o)
{
	const struct candidate *best = NULL;
	double score = b->b.exact;

	if (w->n_cand == 0)
		return false;
	qsort(w->cand, w->n_cand, sizeof(*w->cand), by_order);
	for (size_t i = 0; i < w->n_cand; i++) {
		const struct candidate *x = &w->cand[i];
		const struct ht_inst *inst = &b->c->insts[x->inst];
		struct ht_outcome o;
		double s;

		if (ht_move_try(b->c, inst, x->move, b->o.ignore_soft_errors, &o) != HT_OK)
			continue;
		b->counts.exact++;
		s = score_exact(&b->b, &o, inst);
		if (!(score > s))
			continue;
		score = s;
		best = x;
		*ret_o = o;
	}
	if (!best)
		return false;
	*ret = *best;
	ret->score = score;
	return true;
}

/*
 * --avoid-disk-moves: a move that copies disks must gain FACTOR times what the best other one gains, which is taken
 * otherwise (upstream's 2.17).
 */
static void without_disks(struct ht_balancer *b, struct candidate *best, struct ht_outcome *o)
{
	struct ht_algo_opts opts = b->o;
	struct sweep w = b->w;
	struct candidate other;
	struct ht_outcome other_o;
	struct fixed fx;

	if (best->move.kind == HT_FAILOVER || best->move.kind == HT_FAILOVER_TO)
		return;
	opts.disk_moves = false;
	w.o = &opts;
	w.cand = NULL;
	w.n_cand = w.cap_cand = 0;
	w.limit = b->b.approx + 2 * b->b.eps;
	for (int pos = 0; pos < b->n_movable; pos++)
		if (considered(b, &b->c->insts[b->movable[pos]]))
			sweep_inst(&w, b->movable[pos], &fx, true, w.targets, w.n_targets);
	sweep_prune(&w);
	if (choose(b, &w, &other, &other_o) &&
	    b->b.exact - best->score <= (b->b.exact - other.score) * b->o.avoid_disk_moves) {
		*best = other;
		*o = other_o;
	}
	free(w.cand);
}

static bool good_enough(double from, double to, const struct ht_algo_opts *o)
{
	return to < from && (from > o->min_gain_limit || from - to >= o->min_gain);
}

static void apply(struct ht_balancer *b, int inst, const struct ht_outcome *o)
{
	double sums[COLS];

	memcpy(b->var, b->b.var, sizeof(b->var));
	memcpy(b->root, b->b.root, sizeof(b->root));
	for (int i = 0; i < b->n_touched; i++)
		b->changed[b->touched[i]] = false;
	b->n_touched = o->n;
	b->moved = inst;
	ht_move_apply(b->c, inst, o);
	for (int i = 0; i < o->n; i++) {
		b->touched[i] = o->node[i];
		b->changed[o->node[i]] = true;
	}
	for (int i = 0; i < o->n; i++)
		note_kept(b, o->node[i]);
	memcpy(sums, b->b.s, sizeof(sums));
	if (score_refresh(&b->b)) { /* another center: nothing that was found holds */
		for (int i = 0; i < b->n_movable; i++)
			b->rec[i].valid = false;
		return;
	}
	for (int k = 0; k < b->b.k; k++)
		b->s_moved[k] = b->b.s[k] - sums[k];
}

bool ht_balancer_step(struct ht_balancer *b, struct ht_placement *ret)
{
	struct candidate best;
	struct ht_outcome o;
	const struct ht_inst *i;

	if (!isfinite(b->b.exact) || !isfinite(b->b.eps)) {
		/* a node without memory or processors: no number to compare with */
		bool ok = ht_balance_brute(b->c, b->v, &b->o, ret);

		score_refresh(&b->b);
		return ok;
	}
	collect(b);
	if (!choose(b, &b->w, &best, &o))
		return false;
	if (b->o.avoid_disk_moves > 0)
		without_disks(b, &best, &o);
	if (!good_enough(b->b.exact, best.score, &b->o))
		return false;
	i = &b->c->insts[best.inst];
	*ret = (struct ht_placement){ .inst = best.inst, .pri = o.pri, .sec = o.sec, .old_pri = i->pri, .old_sec = i->sec,
				      .move = best.move, .score = best.score };
	apply(b, best.inst, &o);
	return true;
}
