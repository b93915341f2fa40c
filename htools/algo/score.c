/* See README for the sums and why the error bound holds. */
#include "htools/algo/score.h"

#include <float.h>
#include <math.h>
#include <string.h>

static double weigh_sums(const double *sums)
{
	double r = 0;

	for (int p = 0; p < HT_N_PART; p++)
		if (ht_parts[p].col < 0)
			r += ht_parts[p].weight * sums[p];
	return r;
}

static double column_weight(int col)
{
	for (int p = 0; p < HT_N_PART; p++)
		if (ht_parts[p].col == col)
			return ht_parts[p].weight;
	return 0;
}

/* What may come to another node. */
static int n_movers(const struct score *b)
{
	return b->only ? 1 : b->v->n_insts;
}

static const struct ht_inst *mover(const struct score *b, int i)
{
	return b->only ? b->only : &b->c->insts[b->v->insts[i]];
}

/* Two columns are one where no instance tells them apart and no node does. */
static bool same_column(const struct score *b, int k, int l)
{
	for (int i = 0; i < b->n; i++)
		if (b->x[i][k] != b->x[i][l])
			return false;
	for (int i = 0; i < b->v->n_nodes && l == HT_C_LMEM; i++)
		if (b->c->nodes[b->v->nodes[i]].rss > 0) /* of nodes of different size other parts */
			return false;
	for (int i = 0; i < n_movers(b); i++) {
		const struct ht_inst *x = mover(b, i);
		const double load[] = { x->util.cpu, x->util.mem, x->util.dsk, x->util.net };
		bool loads = k >= HT_C_LCPU && k <= HT_C_LNET;

		if (loads ? load[k - HT_C_LCPU] != load[l - HT_C_LCPU] : x->forthcoming)
			return false;
	}
	return true;
}

static void choose_columns(struct score *b)
{
	static const int order[HT_N_COL] = {
		HT_C_DSK, HT_C_RES, HT_C_LDSK, HT_C_SPN, HT_C_DSK_F, HT_C_SPN_F,
		HT_C_MEM, HT_C_CPU, HT_C_LCPU, HT_C_MEM_F, HT_C_CPU_F, HT_C_LMEM, HT_C_LNET,
	};
	static const int twin[HT_N_COL] = {
		[HT_C_LMEM] = HT_C_LCPU, [HT_C_LNET] = HT_C_LCPU, [HT_C_DSK_F] = HT_C_DSK,
		[HT_C_CPU_F] = HT_C_CPU, [HT_C_SPN_F] = HT_C_SPN,
	};

	b->k = 0;
	for (int i = 0; i < HT_N_COL; i++) {
		int col = order[i];
		bool merged = false;

		for (int j = 0; j < b->k && twin[col] > 0; j++) {
			if (b->col[j] != twin[col] || !same_column(b, twin[col], col))
				continue;
			b->w[j] += column_weight(col);
			b->of[col] = j;
			merged = true;
		}
		if (merged)
			continue;
		b->of[col] = b->k;
		b->col[b->k] = col;
		b->w[b->k++] = column_weight(col);
	}
}

static void sum_pairs(struct score *b)
{
	int64_t total = 0;

	b->pairs.n = 0;
	for (int i = 0; i < b->v->n_nodes; i++) {
		const struct ht_node *n = &b->c->nodes[b->v->nodes[i]];

		for (int k = 0; k < n->pairs.n && !n->offline; k++) {
			total += n->pairs.v[k].count;
			for (int64_t j = 0; j < n->pairs.v[k].count; j++)
				ht_counts_add(&b->pairs, n->pairs.v[k].key);
		}
	}
	b->sums[HT_P_LOC_EXCL] = (double)(total - b->pairs.n);
}

/* Nodes in other states: their rows (by number) and columns. */
struct changed {
	int n, row[3];
	double x[3][COLS];
};

/* Sums and standard deviations of PAIRS pairs of columns from X on, each added up in the order of the nodes as one
 * alone would be: all in registers, PAIRS is a constant. */
static inline __attribute__((always_inline)) void spread(const double *x, int n, const int pairs, double *sum, double *dev)
{
	pair s[COLS / 2] = { 0 }, v[COLS / 2] = { 0 }, mean[COLS / 2];

	/* written out: a compiler keeps them in registers then */
#define EACH_PAIR(x) x(0) x(1) x(2) x(3) x(4) x(5) x(6)
#define ADD(k) if (k < pairs) s[k] += pair_at(row + 2 * k);
#define SQUARE(k) if (k < pairs) { pair d = pair_at(row + 2 * k) - mean[k]; v[k] += d * d; }
	_Static_assert(COLS == 14, "EACH_PAIR");
	for (const double *row = x, *end = x + (size_t)n * COLS; row < end; row += COLS) {
		EACH_PAIR(ADD)
	}
	for (int k = 0; k < pairs; k++)
		mean[k] = s[k] / (double)n;
	for (const double *row = x, *end = x + (size_t)n * COLS; row < end; row += COLS) {
		EACH_PAIR(SQUARE)
	}
#undef EACH_PAIR
#undef ADD
#undef SQUARE
	for (int k = 0; k < 2 * pairs; k++) {
		sum[k] = s[k / 2][k % 2];
		dev[k] = sqrt(v[k / 2][k % 2] / n);
	}
}

/* Of columns FIRST to END, which is even or all. */
static void spread_some(const struct score *b, int first, int end, double *sum, double *dev)
{
	const double *x = b->y[0] + first;

	switch ((end - first + 1) / 2) {
#define CASE(p) case p: spread(x, b->n, p, sum + first, dev + first); break;
	CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7)
#undef CASE
	default:
		break;
	}
}

static double score_of(const struct score *b, const double *sum, const double *dev, const double *sums)
{
	double parts[HT_N_PART];

	for (int p = 0; p < HT_N_PART; p++)
		parts[p] = ht_parts[p].col < 0 ? sums[p] : dev[b->of[ht_parts[p].col]];
	parts[HT_P_RES_TOTAL] = sum[b->of[HT_C_RES]];
	return ht_score_of(parts);
}

/* The score from the rows, those of R replaced for the time being. Columns that stay the same have the same sums. */
static double from_rows(const struct score *b, const struct changed *r, const double *sums)
{
	double sum[COLS], dev[COLS], own[3][COLS];
	int first = b->k, end = 0;

	if (b->n == 0)
		return 0;
	for (int j = 0; j < r->n; j++) {
		double *y = b->y[r->row[j]];

		memcpy(own[j], y, sizeof(own[j]));
		for (int k = 0; k < b->k; k++) {
			double now = r->x[j][b->col[k]];

			if (now == y[k])
				continue;
			first = k < first ? k : first;
			end = k + 1 > end ? k + 1 : end;
			y[k] = now;
		}
	}
	memcpy(sum, b->sum, sizeof(sum));
	memcpy(dev, b->dev, sizeof(dev));
	spread_some(b, first & ~1, end, sum, dev);
	for (int j = 0; j < r->n; j++)
		memcpy(b->y[r->row[j]], own[j], sizeof(own[j]));
	return score_of(b, sum, dev, sums);
}

static double larger(double a, double b)
{
	return a > b ? a : b;
}

static double smaller(double a, double b)
{
	return a < b ? a : b;
}

/* How far one instance can move a node's value in each column. */
static void reaches(struct score *b)
{
	double mem = 0, dsk = 0, cpu = 0, spn = 0;
	struct ht_util u = { 0 };

	for (int i = 0; i < n_movers(b); i++) {
		const struct ht_inst *x = mover(b, i);

		mem = larger(mem, fabs((double)x->mem));
		dsk = larger(dsk, fabs((double)x->dsk));
		cpu = larger(cpu, fabs((double)x->vcpus));
		spn = larger(spn, larger(fabs((double)x->spindle_use), fabs((double)ht_inst_spindles(x))));
		u.cpu = larger(u.cpu, fabs(x->util.cpu));
		u.mem = larger(u.mem, fabs(x->util.mem));
		u.dsk = larger(u.dsk, fabs(x->util.dsk));
		u.net = larger(u.net, fabs(x->util.net));
	}
	for (int i = 0; i < b->v->n_nodes; i++) {
		const struct ht_node *n = &b->c->nodes[b->v->nodes[i]];
		double *r = b->reach;

		if (n->offline)
			continue;
		r[HT_C_MEM] = r[HT_C_RES] = r[HT_C_MEM_F] = larger(r[HT_C_MEM], mem / n->mem_base);
		r[HT_C_CPU] = r[HT_C_CPU_F] = larger(r[HT_C_CPU], cpu / n->t_cpu / n->cpu_speed);
		if (n->excl_storage ? n->t_spn != 0 : n->t_dsk != 0)
			r[HT_C_DSK] = r[HT_C_DSK_F] =
				larger(r[HT_C_DSK], n->excl_storage ? spn / (double)n->t_spn : dsk / n->t_dsk);
		r[HT_C_LMEM] = larger(r[HT_C_LMEM], fabs(ht_mem_load(n, u.mem)));
		r[HT_C_SPN] = r[HT_C_SPN_F] = larger(r[HT_C_SPN], spn / n->hi_spn);
	}
	b->reach[HT_C_LCPU] = u.cpu;
	b->reach[HT_C_LDSK] = u.dsk;
	b->reach[HT_C_LNET] = u.net;
}

/* The error of updated sums against upstream's own rounding; see README. */
static void bounds(struct score *b)
{
	double total = 0;

	for (int k = 0; k < b->k; k++) {
		double far = 0, mean = b->q[k] / b->n, error, least;

		for (int i = 0; i < b->n; i++) {
			double d = fabs(b->x[i][b->col[k]] - b->center[k]);

			far = larger(far, d);
		}
		far += b->reach[b->col[k]];
		b->far[k] = far;
		error = 4 * (b->n + 16) * (DBL_EPSILON / 2) * (mean + 3 * far * far / b->n);
		least = b->root[k] - 2 * b->reach[b->col[k]] / sqrt(b->n) - sqrt(error);
		total += b->w[k] * 2 * (least > 0 ? smaller(sqrt(error), error / least) : sqrt(error));
		total += b->w[k] * (b->n + 16) * DBL_EPSILON * (fabs(b->center[k]) + far);
	}
	b->eps = total + 1e-13 * (1 + fabs(b->lin));
}

/* Sums of column K above its center. */
static void add_column(struct score *b, int k)
{
	b->q[k] = b->s[k] = 0;
	for (int i = 0; i < b->n; i++) {
		double d = b->x[i][b->col[k]] - b->center[k];

		b->q[k] += d * d;
		b->s[k] += d;
	}
	b->var[k] = b->q[k] / b->n - (b->s[k] / b->n) * (b->s[k] / b->n);
	b->var[k] = b->var[k] > 0 ? b->var[k] : 0;
	b->root[k] = sqrt(b->var[k]);
}

static void fill_rows(struct score *b)
{
	for (int i = 0; i < b->v->n_nodes; i++) {
		const struct ht_node *n = &b->c->nodes[b->v->nodes[i]];
		int row = b->row[b->v->nodes[i]];

		if (row < 0)
			continue;
		ht_columns(n, &n->s, b->x[row]);
		for (int k = 0; k < b->k; k++)
			b->y[row][k] = b->x[row][b->col[k]];
	}
	if (b->n > 0)
		spread_some(b, 0, b->k, b->sum, b->dev);
}

static void find_center(struct score *b)
{
	for (int k = 0; k < b->k; k++) {
		double sum = 0;

		for (int i = 0; i < b->n; i++)
			sum += b->x[i][b->col[k]];
		b->center[k] = sum / b->n;
		add_column(b, k);
	}
}

bool score_refresh(struct score *b)
{
	static const struct changed none;
	bool far = false;

	memset(b->sums, 0, sizeof(b->sums));
	for (int i = 0; i < b->v->n_nodes; i++) {
		const struct ht_node *n = &b->c->nodes[b->v->nodes[i]];

		ht_add_sums(n, &n->s, b->sums, 1);
	}
	fill_rows(b);
	sum_pairs(b);
	b->sums[HT_P_POOLS] = (double)ht_pools_score(b->c, b->v);
	b->exact = from_rows(b, &none, b->sums);
	b->lin = weigh_sums(b->sums);
	for (int i = 0; i < b->n; i++)
		b->lin += ht_parts[HT_P_RES_TOTAL].weight * b->x[i][HT_C_RES];
	for (int k = 0; k < b->k; k++) {
		add_column(b, k);
		far = far || fabs(b->s[k] / b->n) > 0.5 * b->root[k] + 1e-9;
	}
	if (far)
		find_center(b);
	b->approx = b->lin;
	for (int k = 0; k < b->k; k++)
		b->approx += b->w[k] * b->root[k];
	bounds(b);
	return far;
}

void score_init(struct score *b, const struct ht_cluster *c, const struct ht_view *v)
{
	score_init_for(b, c, v, NULL);
}

void score_init_for(struct score *b, const struct ht_cluster *c, const struct ht_view *v, const struct ht_inst *only)
{
	memset(b, 0, sizeof(*b));
	b->c = c;
	b->v = v;
	b->only = only;
	b->row = xcalloc((size_t)c->n_nodes + 1, sizeof(*b->row));
	for (int i = 0; i < c->n_nodes; i++)
		b->row[i] = -1;
	for (int i = 0; i < v->n_nodes; i++)
		if (!c->nodes[v->nodes[i]].offline)
			b->row[v->nodes[i]] = b->n++;
	b->x = xcalloc((size_t)b->n + 1, sizeof(*b->x));
	b->y = xcalloc((size_t)b->n + 1, sizeof(*b->y));
	for (int i = 0; i < v->n_nodes; i++)
		if (b->row[v->nodes[i]] >= 0)
			ht_columns(&c->nodes[v->nodes[i]], &c->nodes[v->nodes[i]].s, b->x[b->row[v->nodes[i]]]);
	choose_columns(b);
	reaches(b);
	find_center(b);
	score_refresh(b);
}

void score_free(struct score *b)
{
	free(b->row);
	free(b->x);
	free(b->y);
	free(b->pairs.v);
	memset(b, 0, sizeof(*b));
}

static double location_pairs(const struct score *b, const struct ht_inst *i, int from, int to)
{
	struct ht_counts change = { 0 };
	double gain = 0;

	if (from == to || i->excl.n == 0 || i->forthcoming ||
	    ((from == HT_NONE || b->c->nodes[from].loc.n == 0) && b->c->nodes[to].loc.n == 0))
		return 0;
	/* count + 1000000 for each that comes, - 1 for each that goes: few, and seldom */
	for (int side = from == HT_NONE; side < 2; side++) {
		const struct ht_node *n = &b->c->nodes[side ? to : from];

		for (int l = 0; l < n->loc.n && !n->offline; l++) {
			for (int k = 0; k < i->excl.n; k++) {
				int64_t key = ht_pair(n->loc.v[l], i->excl.v[k]);
				int64_t had = ht_counts_get(&b->pairs, key), now;

				now = had + ht_counts_get(&change, key * 2 + 1) - ht_counts_get(&change, key * 2);
				/* score of a key with N is N - 1, and 0 with none */
				if (side) {
					gain += now > 0;
					ht_counts_add(&change, key * 2 + 1);
				} else {
					gain -= now > 1;
					ht_counts_add(&change, key * 2);
				}
			}
		}
	}
	free(change.v);
	return gain;
}

double score_pairs(const struct score *b, const struct ht_inst *i, int from, int to)
{
	return location_pairs(b, i, from, to) + (double)ht_pools_gain(b->c, i, from, to);
}

static double exact(const struct score *b, const struct ht_outcome *o, const struct ht_inst *i, int from)
{
	struct changed r = { 0 };
	double sums[HT_N_PART];

	memcpy(sums, b->sums, sizeof(sums));
	for (int j = 0; j < o->n; j++) {
		const struct ht_node *n = &b->c->nodes[o->node[j]];

		ht_add_sums(n, &n->s, sums, -1);
		ht_add_sums(n, &o->s[j], sums, 1);
		if (b->row[o->node[j]] < 0)
			continue;
		r.row[r.n] = b->row[o->node[j]];
		ht_columns(n, &o->s[j], r.x[r.n++]);
	}
	sums[HT_P_LOC_EXCL] += location_pairs(b, i, from, o->pri);
	sums[HT_P_POOLS] += (double)ht_pools_gain(b->c, i, from, o->pri);
	return from_rows(b, &r, sums);
}

double score_exact(const struct score *b, const struct ht_outcome *o, const struct ht_inst *i)
{
	return exact(b, o, i, i->pri);
}

double score_exact_new(const struct score *b, const struct ht_outcome *o, const struct ht_inst *i)
{
	return exact(b, o, i, HT_NONE);
}

/* The same sums, weighted: what is not a deviation in the score of one node. */
static inline double lin_of(const struct ht_node *n, const struct ht_state *s)
{
	double all = s->n_pri + s->n_sec;

	if (n->offline)
		return ht_parts[HT_P_OFF_ALL].weight * all + ht_parts[HT_P_OFF_PRI].weight * s->n_pri;
	return (s->fail_n1 ? ht_parts[HT_P_N1].weight * all : 0) + ht_parts[HT_P_TAGS].weight * (double)s->conflicts +
	       ht_parts[HT_P_LOC].weight * (double)s->loc_score;
}

void score_delta(const struct score *b, int node, const struct ht_state *s, struct delta *ret)
{
	score_delta_from(b, node, &b->c->nodes[node].s, s, ret);
}

void score_delta_from(const struct score *b, int node, const struct ht_state *was, const struct ht_state *s, struct delta *ret)
{
	const struct ht_node *n = &b->c->nodes[node];
	const double *x;
	double y[HT_N_COL];

	ret->lin = lin_of(n, s) - lin_of(n, was);
	if (b->row[node] < 0) {
		memset(ret->dq, 0, sizeof(ret->dq));
		memset(ret->ds, 0, sizeof(ret->ds));
		return;
	}
	x = b->y[b->row[node]];
	ht_columns(n, s, y);
	ret->lin += ht_parts[HT_P_RES_TOTAL].weight * (y[HT_C_RES] - x[b->of[HT_C_RES]]);
	for (int k = 0; k < b->k; k += 2) {
		const pair at = { y[b->col[k]], y[b->col[k + 1]] }, center = pair_at(b->center + k);
		pair from = pair_at(x + k) - center, to = at - center;

		pair_put(ret->dq + k, to * to - from * from);
		pair_put(ret->ds + k, to - from);
	}
	for (int k = b->k; k < COLS; k++)
		ret->dq[k] = ret->ds[k] = 0;
}

double score_with(const struct score *b, const struct delta *d)
{
	double score = b->lin + d->lin;

	for (int k = 0; k < b->k; k++) {
		double mean = (b->s[k] + d->ds[k]) / b->n, v = (b->q[k] + d->dq[k]) / b->n - mean * mean;

		score += b->w[k] * (v > 0 ? sqrt(v) : 0);
	}
	return score;
}

double score_approx(const struct score *b, const struct ht_outcome *o, const struct ht_inst *i)
{
	struct delta sum = { 0 }, d;

	for (int j = 0; j < o->n; j++) {
		score_delta(b, o->node[j], &o->s[j], &d);
		delta_add(&sum, &sum, &d, b->k);
	}
	sum.lin += score_pairs(b, i, i->pri, o->pri);
	return score_with(b, &sum);
}

void delta_add(struct delta *to, const struct delta *a, const struct delta *b, int k)
{
	for (int i = 0; i < k; i++) {
		to->dq[i] = a->dq[i] + b->dq[i];
		to->ds[i] = a->ds[i] + b->ds[i];
	}
	to->lin = a->lin + b->lin;
}
