/* All moves of one instance at once. Between roles.c and balance.c only. */
#ifndef HTOOLS_ALGO_ROLES_H
#define HTOOLS_ALGO_ROLES_H
#include "htools/algo/score.h"

/* A candidate whose approximate score may be the best. */
struct candidate {
	int inst, order; /* upstream looks at them by instance, then in this order */
	struct ht_move move;
	double score;
};
/* What the moves of an instance change on its own nodes, by kind of move. Valid as long as these nodes stay the same, and
 * the center of the score. */
enum { FIX_RS, FIX_RP, FIX_RF, FIX_FR, N_FIX };
struct fixed {
	struct delta d[N_FIX]; /* shared storage: only the first */
	bool ok[N_FIX];        /* possible? FIX_RP: together with FIX_FR */
};
/* What is asked of the moves of an instance. */
struct sweep {
	const struct score *b;
	const struct ht_algo_opts *o;
	const struct ht_pace *pace;
	const int *targets;     /* online nodes, by index */
	int n_targets;
	/* Candidates up to LIMIT are kept; LIMIT follows the best one found. */
	double limit;
	struct candidate *cand;
	size_t n_cand, cap_cand;
	uint64_t scored;

	int64_t *peers_p, *peers_s; /* by node: scratch, zero between calls */
	int64_t *kept;              /* [other * n_nodes + node]: memory kept on node for other; NULL: look it up */
	/* of the last instance: best scores (INFINITY: not possible), and the range of how its candidates change the variances */
	double best, dmin[COLS], dmax[COLS], ds_max[COLS];
	double failover; /* of failing over */
	double *found;   /* of the moves to each of the targets */
	double one;      /* of those to the current one */
	bool any;
	bool no_range;   /* it is known: only candidates that were in one before */
};
/* Score the moves of instance INST to N targets. FIXED: what is known of it, or with FRESH a place to put it; then
 * failing over is tried, too. */
void sweep_inst(struct sweep *w, int inst, struct fixed *fx, bool fresh, const int *targets, int n);
/* Forget kept candidates beyond the limit. */
void sweep_prune(struct sweep *w);

#endif
