/* Queries that are not tables: cluster info, config values, tags. */
#ifndef SRC_QUERY_INFO_H
#define SRC_QUERY_INFO_H
#include "src/query/query.h"

int query_cluster_info(struct query_env *q, json **ret, struct err *e);
int query_config_values(struct query_env *q, const json *names, json **ret, struct err *e);
json *architecture(void);             /* [word size, machine] */
json *watcher_pause(struct arena *a, double now); /* seconds, or NULL while the watcher is not paused */
int query_tags(struct query_env *q, const json *args, json **ret, struct err *e);

#endif
