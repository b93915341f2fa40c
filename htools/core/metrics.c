/* The score of a cluster: what upstream computes, in its order of operations. */
#include "htools/core/htools.h"

#include <math.h>
#include <string.h>

const struct ht_part_row ht_parts[HT_N_PART] = {
	[HT_P_MEM] = { "free_mem_cv", 0.5, HT_C_MEM },
	[HT_P_DSK] = { "free_disk_cv", 0.5, HT_C_DSK },
	[HT_P_N1] = { "n1_cnt", 1, -1 },
	[HT_P_RES] = { "reserved_mem_cv", 1, HT_C_RES },
	[HT_P_OFF_ALL] = { "offline_all_cnt", 4, -1 },
	[HT_P_OFF_PRI] = { "offline_pri_cnt", 16, -1 },
	[HT_P_CPU] = { "vcpu_ratio_cv", 0.5, HT_C_CPU },
	[HT_P_LCPU] = { "cpu_load_cv", 1, HT_C_LCPU },
	[HT_P_LMEM] = { "mem_load_cv", 1, HT_C_LMEM },
	[HT_P_LDSK] = { "disk_load_cv", 1, HT_C_LDSK },
	[HT_P_LNET] = { "net_load_cv", 1, HT_C_LNET },
	[HT_P_TAGS] = { "pri_tags_score", 2, -1 },
	[HT_P_SPN] = { "spindles_cv", 0.5, HT_C_SPN },
	[HT_P_MEM_F] = { "free_mem_cv_forth", 0.5, HT_C_MEM_F },
	[HT_P_DSK_F] = { "free_disk_cv_forth", 0.5, HT_C_DSK_F },
	[HT_P_CPU_F] = { "vcpu_ratio_cv_forth", 0.5, HT_C_CPU_F },
	[HT_P_SPN_F] = { "spindles_cv_forth", 0.5, HT_C_SPN_F },
	[HT_P_LOC] = { "location_score", 1, -1 },
	[HT_P_LOC_EXCL] = { "location_exclusion_score", 1, -1 },
	[HT_P_RES_TOTAL] = { "reserved_mem_rtotal", 0.25, -1 },
	[HT_P_POOLS] = { "pool_score", 1, -1 },
};

void ht_columns(const struct ht_node *n, const struct ht_state *s, double ret[HT_N_COL])
{
	ret[HT_C_MEM] = s->p_mem;
	ret[HT_C_DSK] = s->p_dsk;
	ret[HT_C_RES] = s->p_rem;
	ret[HT_C_CPU] = s->p_cpu / n->cpu_speed;
	ret[HT_C_LCPU] = s->load.cpu;
	ret[HT_C_LMEM] = ht_mem_load(n, s->load.mem);
	ret[HT_C_LDSK] = s->load.dsk;
	ret[HT_C_LNET] = s->load.net;
	ret[HT_C_SPN] = s->used_spn / n->hi_spn;
	ret[HT_C_MEM_F] = s->p_mem_forth;
	ret[HT_C_DSK_F] = s->p_dsk_forth;
	ret[HT_C_CPU_F] = s->p_cpu_forth / n->cpu_speed;
	ret[HT_C_SPN_F] = s->used_spn_forth / n->hi_spn;
}

void ht_add_sums(const struct ht_node *n, const struct ht_state *s, double *sums, double sign)
{
	if (n->offline) {
		sums[HT_P_OFF_ALL] += sign * (s->n_pri + s->n_sec);
		sums[HT_P_OFF_PRI] += sign * s->n_pri;
		return;
	}
	if (s->fail_n1)
		sums[HT_P_N1] += sign * (s->n_pri + s->n_sec);
	sums[HT_P_TAGS] += sign * (double)s->conflicts;
	sums[HT_P_LOC] += sign * (double)s->loc_score;
}

/* Location/exclusion pairs beyond the first of each kind, over all online nodes. */
static int64_t pair_score(const struct ht_cluster *c, const struct ht_view *v)
{
	struct ht_counts all = { 0 };
	int64_t score = 0;

	for (int k = 0; k < v->n_nodes; k++) {
		const struct ht_node *n = &c->nodes[v->nodes[k]];

		for (int i = 0; i < n->pairs.n && !n->offline; i++) {
			score += n->pairs.v[i].count;
			if (ht_counts_get(&all, n->pairs.v[i].key) == 0)
				ht_counts_add(&all, n->pairs.v[i].key);
		}
	}
	score -= all.n;
	free(all.v);
	return score;
}

int64_t ht_pairs_gain(const struct ht_cluster *c, const struct ht_view *v, int node, const struct ht_inst *i)
{
	const struct ht_node *n = &c->nodes[node];
	int64_t gain = 0;

	if (n->loc.n == 0 || i->excl.n == 0 || n->offline || i->forthcoming)
		return 0;
	for (int l = 0; l < n->loc.n; l++) {
		for (int k = 0; k < i->excl.n; k++) {
			int64_t key = ht_pair(n->loc.v[l], i->excl.v[k]);
			bool there = false;

			for (int j = 0; j < k; j++)
				there = there || i->excl.v[j] == i->excl.v[k];
			for (int x = 0; x < v->n_nodes && !there; x++)
				there = !c->nodes[v->nodes[x]].offline &&
					ht_counts_get(&c->nodes[v->nodes[x]].pairs, key) > 0;
			gain += there;
		}
	}
	return gain;
}

/* Sum and variance of all columns at once: each column is added up in the order of the nodes, as upstream
 * does one by one. */
static double spread(double (*rows)[HT_N_COL], int n, double *sum, double *var)
{
	double mean[HT_N_COL];

	memset(sum, 0, sizeof(mean));
	memset(var, 0, sizeof(mean));
	for (int i = 0; i < n; i++)
		for (int k = 0; k < HT_N_COL; k++)
			sum[k] += rows[i][k];
	for (int k = 0; k < HT_N_COL; k++)
		mean[k] = sum[k] / n;
	for (int i = 0; i < n; i++) {
		for (int k = 0; k < HT_N_COL; k++) {
			double d = rows[i][k] - mean[k];

			var[k] += d * d;
		}
	}
	for (int k = 0; k < HT_N_COL; k++)
		var[k] /= n;
	return n;
}

void ht_stats_init(struct ht_stats *st, const struct ht_cluster *c, const struct ht_view *v)
{
	double (*rows)[HT_N_COL] = xcalloc((size_t)v->n_nodes + 1, sizeof(*rows));
	int n = 0;

	memset(st, 0, sizeof(*st));
	for (int k = 0; k < v->n_nodes; k++) {
		const struct ht_node *node = &c->nodes[v->nodes[k]];

		ht_add_sums(node, &node->s, st->sums, 1);
		if (node->offline)
			continue;
		ht_columns(node, &node->s, rows[n++]);
		st->sums[HT_P_RES_TOTAL] += node->s.p_rem;
	}
	st->sums[HT_P_LOC_EXCL] = (double)pair_score(c, v);
	st->sums[HT_P_POOLS] = (double)ht_pools_score(c, v);
	if (n > 0)
		st->n = spread(rows, n, st->sum, st->var);
	else /* upstream: without an online node nothing is counted */
		memset(st->sums, 0, sizeof(st->sums));
	free(rows);
}

/* Variance of column K when the value X becomes Y. */
static double next_var(const struct ht_stats *st, int k, double x, double y)
{
	double ds = y - x, dss = y * y - x * x;
	double dnnvar = (st->n * dss - 2 * st->sum[k] * ds) - ds * ds;
	double var = st->var[k] + dnnvar / (st->n * st->n);

	return var > 0 ? var : 0; /* also for what is no number, as upstream */
}

void ht_stats_update(struct ht_stats *st, const struct ht_node *n, const struct ht_state *from,
		     const struct ht_state *to)
{
	double x[HT_N_COL], y[HT_N_COL];

	ht_add_sums(n, from, st->sums, -1);
	ht_add_sums(n, to, st->sums, 1);
	if (n->offline)
		return;
	st->sums[HT_P_RES_TOTAL] += to->p_rem - from->p_rem;
	ht_columns(n, from, x);
	ht_columns(n, to, y);
	for (int k = 0; k < HT_N_COL; k++) {
		st->var[k] = next_var(st, k, x[k], y[k]);
		st->sum[k] += y[k] - x[k];
	}
}

void ht_stats_roots(const struct ht_stats *st, double ret[HT_N_COL])
{
	for (int k = 0; k < HT_N_COL; k++)
		ret[k] = sqrt(st->var[k]);
}

double ht_stats_score_with(const struct ht_stats *st, const double roots[HT_N_COL], const struct ht_node *n,
			   const struct ht_state *from, const struct ht_state *to, double loc)
{
	double x[HT_N_COL], y[HT_N_COL], sums[HT_N_PART], score = 0;

	memcpy(sums, st->sums, sizeof(sums));
	sums[HT_P_LOC] += loc;
	ht_add_sums(n, from, sums, -1);
	ht_add_sums(n, to, sums, 1);
	if (!n->offline) {
		sums[HT_P_RES_TOTAL] += to->p_rem - from->p_rem;
		ht_columns(n, from, x);
		ht_columns(n, to, y);
	}
	for (int p = 0; p < HT_N_PART; p++) {
		int k = ht_parts[p].col;
		double part;

		if (k < 0)
			part = sums[p];
		else if (n->offline || y[k] - x[k] == 0) /* not of infinities */
			part = roots[k];
		else
			part = sqrt(next_var(st, k, x[k], y[k]));
		score += ht_parts[p].weight * part;
	}
	return score;
}

static void parts_of(const struct ht_stats *st, double ret[HT_N_PART])
{
	for (int p = 0; p < HT_N_PART; p++)
		ret[p] = ht_parts[p].col < 0 ? st->sums[p] : sqrt(st->var[ht_parts[p].col]);
}

double ht_score_of(const double parts[HT_N_PART])
{
	double score = 0;

	for (int p = 0; p < HT_N_PART; p++)
		score += ht_parts[p].weight * parts[p];
	return score;
}

double ht_stats_score(const struct ht_stats *st)
{
	double parts[HT_N_PART];

	parts_of(st, parts);
	return ht_score_of(parts);
}

int ht_score_parts(const struct ht_cluster *c, const struct ht_view *v, double ret[HT_N_PART])
{
	struct ht_stats st;

	ht_stats_init(&st, c, v);
	parts_of(&st, ret);
	return (int)st.n;
}

double ht_score(const struct ht_cluster *c, const struct ht_view *v)
{
	struct ht_stats st;

	ht_stats_init(&st, c, v);
	return ht_stats_score(&st);
}

double ht_score_optimum(const struct ht_cluster *c, const struct ht_view *v)
{
	double total = 0, most = 0, drbd = 0, less;
	int64_t kept = 0;

	if (v->n_nodes < 2)
		return 0;
	most = c->nodes[v->nodes[0]].t_mem;
	for (int k = 0; k < v->n_nodes; k++) {
		const struct ht_node *n = &c->nodes[v->nodes[k]];

		total += n->t_mem;
		most = n->t_mem > most ? n->t_mem : most;
		for (int i = 0; i < n->peers.n; i++)
			kept += n->peers.v[i].mem;
	}
	less = total - most;
	if (!(less > 0))
		return 0;
	drbd = (double)kept;
	return ht_parts[HT_P_RES_TOTAL].weight * (drbd / less - drbd / total);
}
