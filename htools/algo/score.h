/* Scoring of candidate moves: by updated sums, and exactly. Between score.c, roles.c and balance.c only. */
#ifndef HTOOLS_ALGO_SCORE_H
#define HTOOLS_ALGO_SCORE_H
#include "htools/algo/algo.h"

#define COLS 14 /* HT_N_COL, even */

/* What one node in a new state changes: sums of squares and sums of the columns, and the rest of the score. */
struct delta {
	double dq[COLS], ds[COLS], lin;
};

struct score {
	const struct ht_cluster *c;
	const struct ht_view *v;
	int n;                      /* online nodes */
	int *row;                   /* by node: its row, or -1 */
	double (*x)[COLS];          /* rows: columns of the online nodes, by index; the last is empty */
	double sums[HT_N_PART];     /* parts that are sums, without HT_P_RES_TOTAL */
	struct ht_counts pairs;     /* location/exclusion pairs of all online nodes */
	double exact;               /* upstream's score */
	double reach[HT_N_COL];     /* how far one instance can move a node */

	int k;                      /* columns that differ; equal ones are scored once with the sum of weights */
	int col[COLS];
	double w[COLS];
	double center[COLS], q[COLS], s[COLS], var[COLS], root[COLS]; /* sums are of what is above the center */
	double approx;              /* the score from these */
	double lin;                 /* part of it that is no deviation */
	double eps;                 /* |approximate - exact| of any candidate stays below */
};
void score_init(struct score *b, const struct ht_cluster *c, const struct ht_view *v);
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
/* NODE in state S instead of its own. */
void score_delta(const struct score *b, int node, const struct ht_state *s, struct delta *ret);
void delta_add(struct delta *to, const struct delta *a, const struct delta *b, int k);
/* How pairs, of locations and exclusion tags and of pools, change the score when I moves from node A to node B as its primary. */
/* FROM HT_NONE: it comes from nowhere. */
double score_pairs(const struct score *b, const struct ht_inst *i, int from, int to);

#endif
