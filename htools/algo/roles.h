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
/* What is asked of the moves of an instance. */
struct sweep {
	const struct score *b;
	const struct ht_algo_opts *o;
	const int *targets;     /* online nodes, by index */
	int n_targets;
	/* Candidates up to LIMIT are kept; LIMIT follows the best one found. */
	double limit;
	struct candidate *kept;
	size_t n_kept, cap_kept;
	uint64_t scored;

	int64_t *peers_p, *peers_s; /* by node: scratch, zero between calls */
	/* of the last instance: best score, and the range of how its candidates change the variances */
	double best, dmin[COLS], dmax[COLS], ds_max[COLS];
	bool any;
};
/* Score the moves of instance INST to targets FROM up to (not with) TO of the list; FAILOVER too if asked. */
void sweep_inst(struct sweep *w, int inst, const int *targets, int n, bool failover);
/* Forget kept candidates beyond the limit. */
void sweep_prune(struct sweep *w);

#endif
