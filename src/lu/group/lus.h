/* Shared by the units of node groups. */
#ifndef SRC_LU_GROUP_LUS_H
#define SRC_LU_GROUP_LUS_H
#include "src/lu/lu.h"

/* Of all units but "add": which group it is. In lu->a. */
struct group_ref {
	const char *uuid;
};
/* Find it and ask for its lock, exclusively. */
int group_expand(struct luctx *lu, const char *name, struct group_ref *ret, struct err *e);
/* The settings "add" and "modify" share; what is NULL or empty stays. */
struct group_settings {
	json *ndparams, *diskparams, *hv_state, *disk_state, *ipolicy;
};
/* Check them against the cluster and set them in G, which may have older ones. */
int group_set(struct luctx *lu, const struct group_settings *s, struct nodegroup *g, struct err *e);

#endif
