/* Places that a new instance may go to, and how one is chosen. Between alloc.c and pairs.c only. */
#ifndef HTOOLS_ALGO_CANDIDATES_H
#define HTOOLS_ALGO_CANDIDATES_H
#include "htools/algo/algo.h"

/* What candidates of one primary, or all single nodes, came to. */
struct candidates {
	struct candidate {
		int pri, sec;
		double score;
		size_t at;
	} *v;
	size_t n, cap;
};
/* R counts what is none. */
void candidates_fail(const struct ht_alloc_opts *a, struct ht_alloc *r, int pri, int sec, enum ht_fail f);
void candidates_good(const struct ht_alloc_opts *a, struct candidates *l, int pri, int sec, double score);
/* Of L, which is empty then, into R what is better than what it has. */
void candidates_choose(const struct ht_alloc_opts *a, const struct ht_inst *i, struct candidates *l, struct ht_alloc *r);
/* The same where X is the best of N: false where it does not keep the cluster redundant, and nothing was done. */
bool candidates_take(const struct ht_alloc_opts *a, const struct ht_inst *i, const struct candidate *x, size_t n, struct ht_alloc *r);

/* --- pairs.c --- */
/* Is there another node for a secondary of P? */
bool pairs_has_seconds(const struct ht_cluster *c, const struct ht_targets *t, int p);
int pairs_try(const struct ht_cluster *c, const struct ht_view *v, const struct ht_alloc_opts *a, const struct ht_inst *i,
	      const struct ht_targets *t, struct ht_alloc *r);

#endif
