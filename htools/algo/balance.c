/*
 * Balancing: the best move, again and again (upstream: tryBalance). The answer is that of scoring every move from
 * scratch; what is done instead is in README: updated sums, and bounds that say which instances need a new look.
 */
#include "htools/algo/roles.h"

#include <math.h>
#include <string.h>

#define KEPT_MAX 1500   /* nodes for which a table by pairs is made */
#define FIXED_MAX 20000 /* instances of which is kept what they change on their own nodes: 1 KB each */

#define GAINS_MAX (12 << 20) /* bounds of gains: 4 bytes each */

const struct ht_algo_opts ht_algo_defaults = {
	.disk_moves = true,
	.inst_moves = true,
	.min_gain = 1e-2,
	.min_gain_limit = 1e-1,
	.long_solution_threshold = 1000,
	.capacity = true,
};

/*
 * What is known of an instance's moves. None gains more than GAIN; those to one block of targets (usually: one target)
 * not more than the block's number in `gains` and GREW. It holds as long as neither the instance's nodes nor the targets
 * change; the range says how gains may grow when others do.
 */
struct bound {
	double gain, grew;
	double most; /* in this step, with what screening says */
	bool valid;
	double dmin[COLS], dmax[COLS];
};
/* How what an instance changes on its own nodes became another, for one kind of move. */
struct shift {
	double dq[COLS], ds[COLS], lin;
};
struct ht_balancer {
	struct ht_cluster *c;
	const struct ht_view *v;
	struct ht_algo_opts o;
	struct score b;
	struct sweep w;
	struct screen screen;     /* only with FX */
	struct ht_pace pace;
	int *movable;             /* instances */
	int n_movable;
	struct bound *rec;       /* by position in `movable` */
	struct fixed *fx;         /* likewise; NULL: they are too many */
	float *gains;             /* by position: WIDTH of them, for each block and for failing over */
	int block, width;         /* targets in a block */
	int *order;               /* scratch: positions to look at again */
	int *list;                /* scratch: targets */
	bool *listed;             /* scratch, by node */
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
	size_t n = (size_t)b->v->n_nodes;
	const int *at = b->w.at;

	if (!b->w.kept)
		return;
	for (size_t i = 0; i < n; i++)
		b->w.kept[i * n + (size_t)at[node]] = 0;
	for (int i = 0; i < p->n; i++)
		if (at[p->v[i].node] >= 0)
			b->w.kept[(size_t)at[p->v[i].node] * n + (size_t)at[node]] = p->v[i].mem;
}

struct ht_balancer *ht_balancer_new(struct ht_cluster *c, const struct ht_view *v, const struct ht_algo_opts *o)
{
	struct ht_balancer *b = xcalloc(1, sizeof(*b));
	int *targets = xcalloc((size_t)v->n_nodes + 1, sizeof(*targets)), n = 0;
	int64_t max = o->gains_max > 0 ? o->gains_max : GAINS_MAX;

	b->c = c;
	b->v = v;
	b->o = *o;
	b->moved = HT_NONE;
	score_init(&b->b, c, v);
	for (int i = 0; i < v->n_nodes; i++)
		if (b->b.row[v->nodes[i]] >= 0)
			targets[n++] = v->nodes[i];
	b->w = (struct sweep){ .b = &b->b, .o = &b->o, .pace = &b->pace, .targets = targets, .n_targets = n };
	b->w.found = xcalloc((size_t)n + 1, sizeof(*b->w.found));
	ht_pace_start(&b->pace, o, b->b.exact, ht_score_optimum(c, v));
	b->w.peers_p = xcalloc((size_t)c->n_nodes + 1, sizeof(int64_t));
	b->w.peers_s = xcalloc((size_t)c->n_nodes + 1, sizeof(int64_t));
	b->w.at = xcalloc((size_t)c->n_nodes + 1, sizeof(*b->w.at));
	for (int i = 0; i < c->n_nodes; i++)
		b->w.at[i] = -1;
	for (int i = 0; i < v->n_nodes; i++)
		b->w.at[v->nodes[i]] = i;
	if (v->n_nodes <= KEPT_MAX) {
		b->w.kept = xcalloc((size_t)v->n_nodes * (size_t)v->n_nodes + 1, sizeof(int64_t));
		for (int i = 0; i < v->n_nodes; i++)
			note_kept(b, v->nodes[i]);
	}
	b->movable = xcalloc((size_t)v->n_insts + 1, sizeof(*b->movable));
	for (int i = 0; i < v->n_insts; i++) {
		const struct ht_inst *x = &c->insts[v->insts[i]];

		if (x->movable && x->auto_balance)
			b->movable[b->n_movable++] = v->insts[i];
	}
	sweep_kinds(&b->w, b->movable, b->n_movable);
	b->rec = xcalloc((size_t)b->n_movable + 1, sizeof(*b->rec));
	if (b->n_movable <= FIXED_MAX && b->n_movable <= max)
		b->fx = xcalloc((size_t)b->n_movable + 1, sizeof(*b->fx));
	if (b->fx)
		screen_init(&b->screen, &b->b, b->movable, b->n_movable);
	b->block = 1;
	while (b->block < n && (int64_t)b->n_movable * (n / b->block + 2) > max)
		b->block++;
	b->width = (n + b->block - 1) / b->block + 1;
	b->gains = xcalloc((size_t)b->n_movable * (size_t)b->width + 1, sizeof(*b->gains));
	b->order = xcalloc((size_t)b->n_movable + 1, sizeof(*b->order));
	b->list = xcalloc((size_t)n + 1, sizeof(*b->list));
	b->listed = xcalloc((size_t)c->n_nodes + 1, sizeof(*b->listed));
	b->changed = xcalloc((size_t)c->n_nodes + 1, sizeof(*b->changed));
	return b;
}

void ht_balancer_free(struct ht_balancer *b)
{
	if (!b)
		return;
	score_free(&b->b);
	if (b->fx)
		screen_free(&b->screen);
	free((int *)b->w.targets);
	sweep_free(&b->w);
	free(b->w.found);
	free(b->w.at);
	free(b->w.kept);
	free(b->w.peers_p);
	free(b->w.peers_s);
	free(b->movable);
	free(b->rec);
	free(b->fx);
	free(b->gains);
	free(b->order);
	free(b->list);
	free(b->listed);
	free(b->changed);
	free(b);
}

double ht_balancer_score(const struct ht_balancer *b)
{
	return b->b.exact;
}

const struct ht_pace *ht_balancer_pace(const struct ht_balancer *b)
{
	return &b->pace;
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
 * How much more a move may gain in one column now that its variance went from V0 to V1, if it changed the variance by
 * something between LO and HI and does now by MORE more: the largest value of
 *	(sqrt(v1) - sqrt(v1 + d + more)) - (sqrt(v0) - sqrt(v0 + d))
 * The derivative in d has one sign on each side of d = -v1 - more (where the root ends), so it is at an end or there.
 */
static double grown(double v0, double r0, double v1, double r1, double lo, double hi, double more, double slack)
{
	double u = v0 - v1 - more + slack, at;

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
	double more = s->eps;

	if (r->dmin[0] > r->dmax[0]) /* no move at all */
		return;
	for (int k = 0; k < s->k; k++) {
		/* the sums moved too: the same change of a sum changes the variance a bit differently */
		double e = 2 * fabs(b->s_moved[k]) * b->ds_max[k] / ((double)s->n * s->n);

		r->dmin[k] -= e;
		r->dmax[k] += e;
		more += s->w[k] * grown(b->var[k], b->root[k], s->var[k], s->root[k], r->dmin[k], r->dmax[k], 0, e);
	}
	r->grew += more;
	r->gain += more;
}

/* The same where moves change something else by N shifts, each move by one of them. */
static void carry_shifted(const struct ht_balancer *b, struct bound *r, const struct shift *x, int n)
{
	const struct score *s = &b->b;
	double more = -INFINITY, lo[COLS], hi[COLS], inv = 1.0 / s->n;

	if (n == 0 || r->dmin[0] > r->dmax[0])
		return;
	for (int k = 0; k < s->k; k++) {
		lo[k] = INFINITY;
		hi[k] = -INFINITY;
	}
	for (int i = 0; i < n; i++) {
		double total = s->eps - x[i].lin;

		for (int k = 0; k < s->k; k++) {
			double ds = x[i].ds[k];
			double d = x[i].dq[k] * inv - (2 * s->s[k] * ds + ds * ds) * inv * inv;
			double e = 2 * (fabs(b->s_moved[k]) + fabs(ds)) * b->ds_max[k] * inv * inv;

			total += s->w[k] * grown(b->var[k], b->root[k], s->var[k], s->root[k], r->dmin[k] - e,
						 r->dmax[k] + e, d, e);
			lo[k] = d - e < lo[k] ? d - e : lo[k];
			hi[k] = d + e > hi[k] ? d + e : hi[k];
		}
		more = total > more ? total : more;
	}
	for (int k = 0; k < s->k; k++) {
		r->dmin[k] += lo[k];
		r->dmax[k] += hi[k];
	}
	r->grew += more;
	r->gain += more;
}

static void note_range(struct ht_balancer *b, struct bound *r)
{
	const struct sweep *w = &b->w;

	for (int k = 0; k < b->b.k; k++) {
		r->dmin[k] = r->dmin[k] < w->dmin[k] ? r->dmin[k] : w->dmin[k];
		r->dmax[k] = r->dmax[k] > w->dmax[k] ? r->dmax[k] : w->dmax[k];
		if (w->ds_max[k] > b->ds_max[k])
			b->ds_max[k] = w->ds_max[k];
	}
}

/* --- looking at moves --- */

static float *gains_of(const struct ht_balancer *b, int pos)
{
	return b->gains + (size_t)pos * (size_t)b->width;
}

/* A number not below V. */
static float above(double v)
{
	float f = (float)v;

	return (double)f < v ? nextafterf(f, INFINITY) : f;
}

/* What the moves that were just scored gain: to N targets; FRESH: by failing over. */
static void note_gains(struct ht_balancer *b, int pos, bool fresh, const int *targets, int n)
{
	struct bound *r = &b->rec[pos];
	float *g = gains_of(b, pos);

	for (int i = 0; i < n; i++)
		g[b->b.row[targets[i]] / b->block] = -INFINITY;
	for (int i = 0; i < n; i++) {
		float *x = &g[b->b.row[targets[i]] / b->block];
		float y = above(b->b.approx - b->w.found[i] - r->grew);

		*x = y > *x ? y : *x;
	}
	if (fresh)
		g[b->width - 1] = above(b->b.approx - b->w.failover - r->grew);
	if (b->w.any && !b->w.no_range)
		note_range(b, r);
}

/* Score moves of the instance at POS to N targets, all those of their blocks; FRESH: its own nodes changed, or nothing is
 * known of them. */
static void sweep(struct ht_balancer *b, int pos, bool fresh, const int *targets, int n)
{
	struct fixed own;

	fresh = fresh || !b->fx;
	sweep_inst(&b->w, b->movable[pos], b->fx ? &b->fx[pos] : &own, fresh, targets, n);
	note_gains(b, pos, fresh, targets, n);
}

/* What was known of moves of the instance at POS to TARGET does not hold; they are scored when it may matter. */
static void forget(struct ht_balancer *b, int pos, int target)
{
	gains_of(b, pos)[b->b.row[target] / b->block] = INFINITY;
	b->rec[pos].gain = INFINITY;
}

/* Nothing is known of the instance at POS but what it does on its own nodes. */
static void look(struct ht_balancer *b, int pos)
{
	struct bound *r = &b->rec[pos];
	float *g = gains_of(b, pos);

	r->valid = true;
	r->grew = 0;
	r->gain = INFINITY;
	for (int k = 0; k < COLS; k++) {
		r->dmin[k] = INFINITY;
		r->dmax[k] = -INFINITY;
	}
	for (int i = 0; i < b->width; i++)
		g[i] = INFINITY;
	sweep(b, pos, true, NULL, 0);
	b->counts.full++;
}

/* Could a move that gains no more than GAIN be worth keeping? */
static bool hopeful(const struct ht_balancer *b, double gain)
{
	return b->b.approx - gain <= b->w.limit + b->b.eps;
}

/* Gains that are not at least this are not hopeful; rounding may go either way. */
static double least_gain(const struct ht_balancer *b)
{
	double gain = b->b.approx - b->w.limit - b->b.eps;

	return gain - 1e-15 * (fabs(b->b.approx) + fabs(b->w.limit));
}

/* May a move of the instance at POS to one of a block's targets gain as much as LEAST? */
static bool hopeful_block(const struct ht_balancer *b, int pos, int block, double least)
{
	if (!b->fx)
		return true;
	if (b->block == 1)
		return screen_lets(&b->screen, pos, block, least);
	for (int t = block * b->block; t < (block + 1) * b->block && t < b->w.n_targets; t++)
		if (screen_lets(&b->screen, pos, t, least))
			return true;
	return false;
}

/* The moves of the instance at POS that may be, and what it gains at most by any. */
static void look_again(struct ht_balancer *b, int pos)
{
	struct bound *r = &b->rec[pos];
	float *g = gains_of(b, pos), best = -INFINITY;
	double least = least_gain(b);
	int n = 0;

	b->w.no_range = true;
	for (int i = 0; i < b->width - 1; i++) {
		if ((double)g[i] + r->grew < least || !hopeful_block(b, pos, i, least))
			continue;
		if (!(g[i] < INFINITY))
			b->w.no_range = false;
		for (int t = i * b->block; t < (i + 1) * b->block && t < b->w.n_targets; t++)
			b->list[n++] = b->w.targets[t];
	}
	sweep(b, pos, (double)g[b->width - 1] + r->grew >= least, b->list, n);
	b->w.no_range = false;
	for (int i = 0; i < b->width; i++)
		best = g[i] > best ? g[i] : best;
	r->gain = (double)best + r->grew;
}

/* What the instance at POS gains at most, by all that is known of it. */
static double most(const struct ht_balancer *b, int pos)
{
	const struct bound *r = &b->rec[pos];
	double failover = (double)gains_of(b, pos)[b->width - 1] + r->grew, other;

	if (!b->fx)
		return r->gain;
	other = screen_most(&b->screen, pos);
	other = failover > other ? failover : other;
	return other < r->gain ? other : r->gain;
}

static bool considered(const struct ht_balancer *b, const struct ht_inst *i)
{
	return !b->o.evac_mode || on_offline(b->c, i);
}

static int by_bound(const void *x, const void *y, void *arg)
{
	const struct ht_balancer *b = arg;
	double p = b->rec[*(const int *)x].most, q = b->rec[*(const int *)y].most;

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

/* Pools, too, refuse places by what is elsewhere. */
static bool reached(const struct ht_balancer *b, const struct ht_inst *i)
{
	return shares_pairs(b, i) || ht_pools_shared(&b->c->insts[b->moved], i);
}

static bool near(const struct ht_balancer *b, const struct ht_inst *i)
{
	return b->changed[i->pri] || (i->sec != HT_NONE && b->changed[i->sec]);
}

static void list_target(struct ht_balancer *b, int *n, int node)
{
	if (b->b.row[node] < 0 || b->listed[node])
		return;
	b->listed[node] = true;
	b->list[(*n)++] = node;
}

/* Targets for which a node of I keeps memory: a move to them changes something else on it, see roles.c. */
static void list_peers(struct ht_balancer *b, int *n, int node)
{
	const struct ht_peers *p = &b->c->nodes[node].peers;

	for (int i = 0; i < p->n; i++)
		list_target(b, n, p->v[i].node);
}

/* The last move changed the nodes of the instance at POS, but it stayed. What its moves change there is found again; what
 * they change on targets is the same. False: a move may have become possible. */
static bool follow(struct ht_balancer *b, int pos)
{
	const struct ht_inst *i = &b->c->insts[b->movable[pos]];
	struct fixed *fx = &b->fx[pos], old = *fx;
	struct shift shifts[N_FIX];
	int n = 0, n_shifts = 0;

	for (int k = 0; k < b->n_touched; k++)
		list_target(b, &n, b->touched[k]);
	list_peers(b, &n, i->pri);
	if (i->sec != HT_NONE)
		list_peers(b, &n, i->sec);
	for (int k = 0; k < n; k++) {
		b->listed[b->list[k]] = false;
		forget(b, pos, b->list[k]);
	}
	sweep_inst(&b->w, b->movable[pos], fx, true, NULL, 0);
	for (int f = 0; f < N_FIX; f++) {
		struct shift *x = &shifts[n_shifts];

		if (fx->ok[f] && !old.ok[f])
			return false;
		if (!fx->ok[f])
			continue;
		for (int k = 0; k < b->b.k; k++) {
			x->dq[k] = fx->d[f].dq[k] - old.d[f].dq[k];
			x->ds[k] = fx->d[f].ds[k] - old.d[f].ds[k];
		}
		x->lin = fx->d[f].lin - old.d[f].lin;
		n_shifts++;
	}
	carry_shifted(b, &b->rec[pos], shifts, n_shifts);
	note_gains(b, pos, true, NULL, 0);
	return true;
}

/* What is known of the instance at POS after the last move. False: nothing, or not enough. */
static bool known(struct ht_balancer *b, int pos)
{
	const struct ht_inst *i = &b->c->insts[b->movable[pos]];
	struct bound *r = &b->rec[pos];

	if (!r->valid || b->movable[pos] == b->moved || reached(b, i))
		return false;
	if (near(b, i))
		return b->fx && follow(b, pos);
	carry(b, r);
	for (int k = 0; k < b->n_touched; k++)
		if (b->b.row[b->touched[k]] >= 0)
			forget(b, pos, b->touched[k]);
	return true;
}

/* Collect every candidate that may be the best. */
static void collect(struct ht_balancer *b)
{
	int n = 0, again = 0;

	b->w.n_cand = 0;
	b->w.limit = b->b.approx + 2 * b->b.eps;
	for (int pos = 0; pos < b->n_movable; pos++) {
		b->rec[pos].valid = considered(b, &b->c->insts[b->movable[pos]]) && b->rec[pos].valid;
		if (!considered(b, &b->c->insts[b->movable[pos]]))
			continue;
		if (!known(b, pos))
			look(b, pos);
		b->order[n++] = pos;
	}
	if (b->fx)
		screen_step(&b->screen, b->fx, b->order, n);
	for (int i = 0; i < n; i++) {
		struct bound *r = &b->rec[b->order[i]];

		r->most = most(b, b->order[i]);
		if (hopeful(b, r->most))
			b->order[again++] = b->order[i];
	}
	qsort_r(b->order, (size_t)again, sizeof(*b->order), by_bound, b);
	for (int i = 0; i < again && hopeful(b, b->rec[b->order[i]].most); i++)
		look_again(b, b->order[i]);
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
		if (!(score > s) || !ht_pace_allows(&b->pace, s, ht_move_seconds(b->c, inst, x->move)))
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

/* What was found is of no use any more. */
static void nothing_holds(struct ht_balancer *b)
{
	for (int i = 0; i < b->n_movable; i++)
		b->rec[i].valid = false;
	for (int i = 0; i < b->w.n_targets; i++)
		sweep_changed(&b->w, b->w.targets[i]);
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
	for (int i = 0; i < o->n; i++) {
		note_kept(b, o->node[i]);
		sweep_changed(&b->w, o->node[i]);
	}
	memcpy(sums, b->b.s, sizeof(sums));
	if (score_refresh(&b->b)) { /* another center */
		nothing_holds(b);
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
		bool ok = ht_balance_brute(b->c, b->v, &b->o, &b->pace, ret);

		score_refresh(&b->b);
		nothing_holds(b);
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
				      .move = best.move, .score = best.score,
				      .seconds = ht_move_seconds(b->c, i, best.move) };
	b->pace.elapsed += ret->seconds;
	apply(b, best.inst, &o);
	return true;
}
