/* Shared by the units of clusters. */
#ifndef SRC_LU_CLUSTER_LUS_H
#define SRC_LU_CLUSTER_LUS_H
#include "src/lu/lu.h"

/* --- params_new.c --- */
/* The cluster object as OP would have it, from the present one; in lu->a. NOTES: what to tell the user. */
int cluster_params_new(struct luctx *lu, const struct op_cluster_set_params *op, struct cluster *ret,
		       struct strs *notes, struct err *e);
/* --- params_policy.c --- */
int cluster_policy_new(struct luctx *lu, const json *old, const json *change, json **ret, struct err *e);
/* Warn of instances that fit today's policies but not C's (upstream: ComputeNewInstanceViolations). */
int cluster_policy_warn(struct luctx *lu, const struct cluster *c, struct err *e);

#endif
