/* Queries that are not tables: cluster info, config values, tags. */
#ifndef SRC_QUERY_INFO_H
#define SRC_QUERY_INFO_H
#include "src/query/query.h"

int query_cluster_info(struct query_env *q, json **ret, struct err *e);
int query_config_values(struct query_env *q, const json *names, json **ret, struct err *e);
int query_tags(struct query_env *q, const json *args, json **ret, struct err *e);

#endif
