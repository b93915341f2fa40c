/* Scoring of candidate moves: by updated sums, and exactly. Inside htools/algo only. */
#ifndef HTOOLS_ALGO_SCORE_H
#define HTOOLS_ALGO_SCORE_H
#include "htools/algo/algo.h"

#define COLS 14 /* HT_N_COL, even */

/* Two numbers at a time. */
typedef double pair __attribute__((vector_size(16)));
static inline pair pair_at(const double *x)
{
	pair r;

	__builtin_memcpy(&r, x, sizeof(r));
	return r;
}
static inline void pair_put(double *x, pair v)
{
	__builtin_memcpy(x, &v, sizeof(v));
}
/* X where A < B, else Y. */
static inline pair pair_less(pair a, pair b, pair x, pair y)
{
	typedef long long bits __attribute__((vector_size(16)));
	bits m = a < b;

	return (pair)((m & (bits)x) | (~m & (bits)y));
}
static inline pair pair_min(pair a, pair b) { return pair_less(a, b, a, b); }
static inline pair pair_max(pair a, pair b) { return pair_less(b, a, a, b); }

/* What one node in a new state changes: sums of squares and sums of the columns, and the rest of the score. */
struct delta {
	double dq[COLS], ds[COLS], lin;
};

struct score {
	const struct ht_cluster *c;
	const struct ht_view *v;
	const struct ht_inst *only; /* or NULL */
	int n;                      /* online nodes */
	int *row;                   /* by node: its row, or -1 */
	double (*x)[COLS];          /* rows: columns of the online nodes, by index; the last is empty */
	double (*y)[COLS];          /* of these the K below, in their order */
	double sums[HT_N_PART];     /* parts that are sums, without HT_P_RES_TOTAL */
	struct ht_counts pairs;     /* location/exclusion pairs of all online nodes */
	double exact;               /* upstream's score */
	double far[COLS];           /* how far from the center a column may be after a move */
	double reach[HT_N_COL];     /* how far one instance can move a node */

	int k;                      /* columns that differ; equal ones are scored once with the sum of weights */
	int col[COLS];              /* first those that a secondary changes */
	int of[HT_N_COL];           /* by column: which of these */
	double sum[COLS], dev[COLS]; /* sums and standard deviations as upstream has them */
	double w[COLS];
	double center[COLS], q[COLS], s[COLS], var[COLS], root[COLS]; /* sums are of what is above the center */
	double approx;              /* the score from these */
	double lin;                 /* part of it that is no deviation */
	double eps;                 /* |approximate - exact| of any candidate stays below */
};
void score_init(struct score *b, const struct ht_cluster *c, const struct ht_view *v);
/* Nothing but ONLY moves, or is new. */
void score_init_for(struct score *b, const struct ht_cluster *c, const struct ht_view *v, const struct ht_inst *only);
void score_free(struct score *b);
/* After nodes changed. The center stays where it is while the sums are near it; then deltas of unchanged nodes stay valid
 * too. True: it moved, no delta is. */
bool score_refresh(struct score *b);
/* Upstream's score with the nodes of O in their new states; INST is the instance that moves. */
double score_exact(const struct score *b, const struct ht_outcome *o, const struct ht_inst *i);
/* The same where INST is new, or a copy: no node loses it. */
double score_exact_new(const struct score *b, const struct ht_outcome *o, const struct ht_inst *i);
/* By sums, within eps. */
double score_approx(const struct score *b, const struct ht_outcome *o, const struct ht_inst *i);
/* By sums, with what nodes in other states change. */
double score_with(const struct score *b, const struct delta *d);
/* NODE in state S instead of its own. */
void score_delta(const struct score *b, int node, const struct ht_state *s, struct delta *ret);
/* The same where NODE has been changed meanwhile: WAS is how it was when the sums were made. */
void score_delta_from(const struct score *b, int node, const struct ht_state *was, const struct ht_state *s, struct delta *ret);
void delta_add(struct delta *to, const struct delta *a, const struct delta *b, int k);
/* How pairs, of locations and exclusion tags and of pools, change the score when I moves from node A to node B as its primary. */
/* FROM HT_NONE: it comes from nowhere. */
double score_pairs(const struct score *b, const struct ht_inst *i, int from, int to);

#endif
