/* All moves of one instance at once, and which of them not to look at. Between roles.c, screen.c and balance.c only. */
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
	/* Of FIX_RF and FIX_RP: the part of memory that the one who becomes secondary keeps, if it kept nothing for the target,
	 * and at most. */
	double rem[N_FIX][2];
};
/* What a target changes by taking an instance of some kind in either role, where it keeps no memory for the other node
 * yet and nothing is forced. Valid while VERSION is that of the target. */
struct taken {
	uint32_t version;
	bool pri_ok, sec_ok;
	struct delta pri, sec;
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
	int *at;                    /* by node: position in the view */
	int64_t *kept;              /* [at[other] * nodes of the view + at[node]]: memory kept on node for other; NULL: look it up */
	int *kind;                  /* by instance: instances of a kind are the same to a target; -1: one of its own */
	struct taken *taken;        /* [kind * online nodes + row] */
	uint32_t *version;          /* by row: of the node's state, from 1 */
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
/* Find the kinds of N instances; freed by sweep_free(). */
void sweep_kinds(struct sweep *w, const int *insts, int n);
void sweep_free(struct sweep *w);
/* NODE is in another state, or the center of the score moved. */
void sweep_changed(struct sweep *w, int node);
/* Forget kept candidates beyond the limit. */
void sweep_prune(struct sweep *w);

/* --- screen.c: moves that cannot gain enough, told without scoring them --- */

/*
 * A move of kind M (as in struct fixed) of the instance at a position to a target gains no more by the sums than
 * own[position][M] + target[row][M]. Found again for each step; nothing is kept from one to the next.
 */
struct screen {
	const struct score *b;
	const int *insts; /* by position */
	bool *exempt;                  /* by position: nothing is known of it */
	double size[2][COLS][2];       /* by role and column of the score: the least and the most that an instance takes */
	double need;                   /* memory kept for one, at most */
	double (*own)[N_FIX], (*target)[N_FIX];
	double top[N_FIX];             /* of the targets */
	double (*grows)[2][COLS][2];   /* by row, role and column: how much it grows, from one instance to another */
	double (*least)[2][COLS];      /* scratch, by row and role: how little a target changes the variances */
	/* by kind of move: how own parts change the variances and the sums, from one to another; likewise targets, by role */
	double inv, linear[COLS];      /* 1 / n; what a sum changes of a variance */
	struct range {
		double lo[COLS], hi[COLS], ds_lo[COLS], ds_hi[COLS];
	} range[N_FIX], targets[2];
	double slope[N_FIX][COLS], base[N_FIX];
};
void screen_init(struct screen *s, const struct score *b, const int *insts, int n);
void screen_free(struct screen *s);
/* For N instances whose own parts FX (by position) are known. */
void screen_step(struct screen *s, const struct fixed *fx, const int *positions, int n);
/* What the instance gains at most by going anywhere, or to the node in ROW. */
double screen_most(const struct screen *s, int pos);
double screen_gain(const struct screen *s, int pos, int row);
/* Is the latter GAIN or more? */
static inline bool screen_lets(const struct screen *s, int pos, int row, double gain)
{
	const double *x = s->own[pos], *y = s->target[row];

	_Static_assert(N_FIX == 4, "both pairs");
	typeof(pair_at(x) >= pair_at(y)) a = pair_at(x) + pair_at(y) >= gain, b = pair_at(x + 2) + pair_at(y + 2) >= gain;

	a |= b;
	return a[0] | a[1];
}

#endif
