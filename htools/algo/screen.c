/*
 * Upper bounds of what moves gain, from two numbers each: see README, "screening". A root is concave, so between the
 * least and the largest variance that any move makes of a column it lies above the chord. Chords add up: what a move
 * gains is at most a number of the instance and the kind of move, and one of the target.
 */
#include "htools/algo/roles.h"

#include <math.h>
#include <string.h>

enum { PRI, SEC };

/* The role of the target. */
static const int role_of[N_FIX] = { [FIX_RS] = SEC, [FIX_FR] = SEC, [FIX_RF] = PRI, [FIX_RP] = PRI };

static double smaller(double a, double b)
{
	return a < b ? a : b;
}

static double larger(double a, double b)
{
	return a > b ? a : b;
}

static double root(double v)
{
	return v > 0 ? sqrt(v) : 0;
}

/* --- sizes --- */

/* What is said below is not of all instances. */
static bool odd(const struct ht_inst *i)
{
	return i->forthcoming || i->mem < 0 || i->dsk < 0 || i->vcpus < 0 || i->spindle_use < 0 || i->n_pools > 0;
}

/* What I takes of a node in ROLE, by columns. */
static void sizes(const struct ht_inst *i, int role, double ret[HT_N_COL])
{
	bool disk = ht_inst_local_disk(i);

	for (int k = 0; k < HT_N_COL; k++)
		ret[k] = 0;
	ret[HT_C_DSK] = ret[HT_C_DSK_F] = disk || role == SEC ? (double)i->dsk : 0;
	ret[HT_C_SPN] = ret[HT_C_SPN_F] = disk ? (double)i->spindle_use : 0;
	ret[HT_C_LDSK] = i->util.dsk;
	if (role == SEC)
		return;
	ret[HT_C_MEM] = ht_inst_uses_mem(i) ? (double)i->mem : 0;
	ret[HT_C_MEM_F] = (double)i->mem;
	ret[HT_C_CPU] = ret[HT_C_CPU_F] = ht_inst_online(i) ? (double)i->vcpus : 0;
	ret[HT_C_LCPU] = i->util.cpu;
	ret[HT_C_LMEM] = i->util.mem;
	ret[HT_C_LNET] = i->util.net;
}

/* How much of column K of node N one unit of a size is. */
static double unit(const struct ht_node *n, int col)
{
	switch (col) {
	case HT_C_MEM:
	case HT_C_MEM_F:
		return -1 / n->mem_base;
	case HT_C_DSK:
	case HT_C_DSK_F:
		return n->t_dsk != 0 ? -1 / n->t_dsk : 0;
	case HT_C_CPU:
	case HT_C_CPU_F:
		return 1 / n->t_cpu / n->cpu_speed;
	case HT_C_LMEM:
		return ht_mem_load(n, 1);
	case HT_C_SPN:
	case HT_C_SPN_F:
		return n->excl_storage ? 0 : 1 / n->hi_spn;
	default:
		return 1;
	}
}

/* How much the columns of NODE grow by taking any instance. */
static void find_growth(struct screen *s, int node)
{
	for (int role = PRI; role <= SEC; role++) {
		for (int k = 0; k < s->b->k; k++) {
			double one = unit(&s->b->c->nodes[node], s->b->col[k]), *to = s->grows[s->b->row[node]][role][k];
			double x = one * s->size[role][s->b->col[k]][0], y = one * s->size[role][s->b->col[k]][1];

			to[0] = smaller(x, y);
			to[1] = larger(x, y);
		}
	}
}

void screen_init(struct screen *s, const struct score *b, const int *insts, int n)
{
	bool first = true, spindles = false;

	memset(s, 0, sizeof(*s));
	s->b = b;
	s->insts = insts;
	s->exempt = xcalloc((size_t)n + 1, sizeof(*s->exempt));
	s->own = xcalloc((size_t)n + 1, sizeof(*s->own));
	s->least = xcalloc((size_t)b->n + 1, sizeof(*s->least));
	s->grows = xcalloc((size_t)b->n + 1, sizeof(*s->grows));
	s->target = xcalloc((size_t)b->n + 1, sizeof(*s->target));
	for (int k = 0; k < b->v->n_nodes; k++)
		spindles = spindles || b->c->nodes[b->v->nodes[k]].excl_storage;
	for (int p = 0; p < n; p++) {
		const struct ht_inst *i = &b->c->insts[insts[p]];
		double v[HT_N_COL];

		s->exempt[p] = spindles || odd(i);
		if (s->exempt[p])
			continue;
		s->need = larger(s->need, (double)i->mem);
		for (int role = PRI; role <= SEC; role++) {
			sizes(i, role, v);
			for (int k = 0; k < HT_N_COL; k++) {
				s->size[role][k][0] = first ? v[k] : smaller(s->size[role][k][0], v[k]);
				s->size[role][k][1] = first ? v[k] : larger(s->size[role][k][1], v[k]);
			}
		}
		first = false;
	}
	for (int k = 0; k < b->v->n_nodes; k++)
		if (b->row[b->v->nodes[k]] >= 0)
			find_growth(s, b->v->nodes[k]);
}

void screen_free(struct screen *s)
{
	free(s->exempt);
	free(s->own);
	free(s->least);
	free(s->grows);
	free(s->target);
}

/* --- targets --- */

/* How V changes when a node's column, AT above the center, grows by D. */
static double change(const struct screen *s, int k, double at, double d)
{
	return (2 * at * d + d * d) * s->inv - (s->linear[k] + d) * d * s->inv * s->inv;
}

/* The least change when it grows by something between D0 and D1: where it ends at the mean of the others. */
static double least_change(const struct screen *s, int k, double at, double d0, double d1)
{
	double d = (0.5 * s->linear[k] * s->inv - at) / (1 - s->inv);

	d = !(d > d0) ? d0 : d > d1 ? d1 : d;
	return change(s, k, at, d);
}

/* How much NODE, becoming secondary, keeps more of its memory. */
static void grow_reserved(struct screen *s, int node)
{
	const struct ht_node *n = &s->b->c->nodes[node];
	double most = n->peers.n ? (double)n->peers.v[0].mem : 0;

	s->grows[s->b->row[node]][SEC][s->b->of[HT_C_RES]][1] = larger(0, (most + s->need - (double)n->s.r_mem) / n->t_mem);
}

/* The least that taking an instance adds to the rest of the score. */
static double least_lin(const struct ht_node *n)
{
	double weight = ht_parts[HT_P_N1].weight;

	if (!n->s.fail_n1)
		return 0;
	/* the state may be as it was loaded, by another rule */
	return ht_spare_mem(n, &n->s) <= n->s.r_mem ? weight : -weight * (n->s.n_pri + n->s.n_sec);
}

static void empty(struct range *r)
{
	for (int k = 0; k < COLS; k++) {
		r->lo[k] = r->ds_lo[k] = INFINITY;
		r->hi[k] = r->ds_hi[k] = -INFINITY;
	}
}

/* A target in ROLE: how little it changes the variances. */
static void look_at_target(struct screen *s, int row, int role)
{
	const struct score *b = s->b;
	struct range *r = &s->targets[role];

	for (int k = 0; k < b->k; k++) {
		const double *grows = s->grows[row][role][k];
		double at = b->y[row][k] - b->center[k], least = least_change(s, k, at, grows[0], grows[1]);

		s->least[row][role][k] = least;
		r->lo[k] = smaller(r->lo[k], least);
		/* convex: the most is at an end */
		r->hi[k] = larger(r->hi[k], larger(change(s, k, at, grows[0]), change(s, k, at, grows[1])));
		r->ds_lo[k] = smaller(r->ds_lo[k], grows[0]);
		r->ds_hi[k] = larger(r->ds_hi[k], grows[1]);
	}
}

static void look_at_targets(struct screen *s)
{
	const struct score *b = s->b;

	for (int v = 0; v < b->v->n_nodes; v++) {
		int row = b->row[b->v->nodes[v]];

		if (row < 0)
			continue;
		grow_reserved(s, b->v->nodes[v]);
		look_at_target(s, row, PRI);
		look_at_target(s, row, SEC);
	}
}

/* --- instances --- */

/* How own part FROM changes the variance of a pair of columns. */
static inline pair own_change(const struct screen *s, const struct delta *d, int k)
{
	const pair inv = { s->inv, s->inv };
	pair ds = pair_at(d->ds + k);

	return (pair_at(d->dq + k) - (pair_at(s->linear + k) + ds) * ds * inv) * inv;
}

/* Memory kept for a target makes the old node keep more: what that may take off the variance. */
static double kept_change(const struct screen *s, const struct fixed *f, int from)
{
	int k = s->b->of[HT_C_RES];
	double at = f->rem[from][0] - s->b->center[k] - f->d[from].ds[k] * s->inv, d = f->rem[from][1] - f->rem[from][0];

	return d > 0 ? least_change(s, k, at, 0, d) : 0;
}

/* Own parts FROM belong to the moves with range R. */
static void note_range(const struct screen *s, const struct fixed *f, int from, struct range *r)
{
	const struct delta *d = &f->d[from];
	double kept = f->rem[from][1] - f->rem[from][0];
	int k = s->b->of[HT_C_RES];

	for (int l = 0; l < s->b->k; l += 2) {
		pair x = own_change(s, d, l), ds = pair_at(d->ds + l);

		pair_put(r->lo + l, pair_min(x, pair_at(r->lo + l)));
		pair_put(r->hi + l, pair_max(x, pair_at(r->hi + l)));
		pair_put(r->ds_lo + l, pair_min(ds, pair_at(r->ds_lo + l)));
		pair_put(r->ds_hi + l, pair_max(ds, pair_at(r->ds_hi + l)));
	}
	if (kept > 0) {
		double x = own_change(s, d, k & ~1)[k % 2], at = f->rem[from][0] - s->b->center[k] - d->ds[k] * s->inv;

		r->lo[k] = smaller(r->lo[k], x + kept_change(s, f, from));
		r->hi[k] = larger(r->hi[k], x + change(s, k, at, kept));
		r->ds_hi[k] = larger(r->ds_hi[k], d->ds[k] + kept);
	}
}

/* The own part of moves of kind M, or -1: there are none. With shared storage the target becomes primary. */
static inline int part_of(const struct ht_inst *i, const struct fixed *f, int m)
{
	int from = m;

	if (ht_template_mirror(i->tmpl) == HT_MIRROR_EXTERNAL)
		from = m == FIX_RF ? 0 : -1;
	return from >= 0 && f->ok[from] ? from : -1;
}

/* The least and the most of a product. */
static void product(double a0, double a1, double b0, double b1, double *ret_lo, double *ret_hi)
{
	*ret_lo = smaller(smaller(a0 * b0, a0 * b1), smaller(a1 * b0, a1 * b1));
	*ret_hi = larger(larger(a0 * b0, a0 * b1), larger(a1 * b0, a1 * b1));
}

/* The chords of moves of kind M. */
static void find_chords(struct screen *s, int m)
{
	const struct score *b = s->b;
	const struct range *r = &s->range[m], *t = &s->targets[role_of[m]];

	s->base[m] = r->lo[0] > r->hi[0] || t->lo[0] > t->hi[0] ? -INFINITY : 2 * b->eps + 1e-9; /* no such move */
	for (int k = 0; k < b->k && s->base[m] > -INFINITY; k++) {
		/* both change the sum, and the square of it has a product of both; and there is rounding */
		double far = fabs(b->center[k]) + b->far[k], slope = 0, less, more, lo, hi;

		product(r->ds_lo[k], r->ds_hi[k], t->ds_lo[k], t->ds_hi[k], &more, &less);
		less = -2 * less * s->inv * s->inv - 1e-13 * far * far;
		more = -2 * more * s->inv * s->inv + 1e-13 * far * far;
		lo = larger(0, b->var[k] + r->lo[k] + t->lo[k] + less);
		hi = larger(lo, b->var[k] + r->hi[k] + t->hi[k] + more);
		if (hi - lo > 1e-12 * hi)
			slope = (root(hi) - root(lo)) / (hi - lo);
		s->slope[m][k] = b->w[k] * slope;
		s->base[m] += b->w[k] * (b->root[k] - root(lo) - slope * (b->var[k] - lo + less));
	}
}

static void judge(struct screen *s, int p, const struct fixed *f)
{
	const struct score *b = s->b;
	int k = b->of[HT_C_RES];

	for (int m = 0; m < N_FIX; m++) {
		int from = part_of(&b->c->insts[s->insts[p]], f, m);
		pair sum = { 0 };

		s->own[p][m] = -INFINITY;
		if (from < 0)
			continue;
		for (int l = 0; l < b->k; l += 2)
			sum += pair_at(s->slope[m] + l) * own_change(s, &f->d[from], l);
		s->own[p][m] = s->base[m] - f->d[from].lin - sum[0] - sum[1];
		if (f->rem[from][1] > f->rem[from][0])
			s->own[p][m] -= s->slope[m][k] * kept_change(s, f, from);
	}
}

static void judge_targets(struct screen *s)
{
	const struct score *b = s->b;

	for (int m = 0; m < N_FIX; m++)
		s->top[m] = -INFINITY;
	for (int v = 0; v < b->v->n_nodes; v++) {
		int node = b->v->nodes[v], row = b->row[node];

		for (int m = 0; m < N_FIX && row >= 0; m++) {
			double sum = -least_lin(&b->c->nodes[node]);

			for (int k = 0; k < b->k; k++)
				sum -= s->slope[m][k] * s->least[row][role_of[m]][k];
			s->target[row][m] = sum;
			s->top[m] = larger(s->top[m], sum);
		}
	}
}

/* Where an instance goes may take pairs off the score. */
static bool exempt(const struct screen *s, int p)
{
	return s->exempt[p] || (s->b->pairs.n > 0 && s->b->c->insts[s->insts[p]].excl.n > 0);
}

void screen_step(struct screen *s, const struct fixed *fx, const int *positions, int n)
{
	s->inv = 1.0 / s->b->n;
	for (int k = 0; k < s->b->k; k++)
		s->linear[k] = 2 * s->b->s[k];
	for (int m = 0; m < N_FIX; m++)
		empty(&s->range[m]);
	empty(&s->targets[PRI]);
	empty(&s->targets[SEC]);
	for (int x = 0; x < n; x++) {
		const struct fixed *f = &fx[positions[x]];

		for (int m = 0; m < N_FIX && !exempt(s, positions[x]); m++) {
			int from = part_of(&s->b->c->insts[s->insts[positions[x]]], f, m);

			if (from >= 0)
				note_range(s, f, from, &s->range[m]);
		}
	}
	look_at_targets(s);
	for (int m = 0; m < N_FIX; m++)
		find_chords(s, m);
	judge_targets(s);
	for (int x = 0; x < n; x++) {
		if (!exempt(s, positions[x])) {
			judge(s, positions[x], &fx[positions[x]]);
			continue;
		}
		for (int m = 0; m < N_FIX; m++)
			s->own[positions[x]][m] = INFINITY;
	}
}

double screen_most(const struct screen *s, int pos)
{
	double most = -INFINITY;

	for (int m = 0; m < N_FIX; m++)
		most = larger(most, s->own[pos][m] + s->top[m]);
	return most;
}

double screen_gain(const struct screen *s, int pos, int row)
{
	double most = -INFINITY;

	for (int m = 0; m < N_FIX; m++)
		most = larger(most, s->own[pos][m] + s->target[row][m]);
	return most;
}
