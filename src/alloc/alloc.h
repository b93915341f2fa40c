/* Instance allocation: upstream's iallocator protocol with any executable. Master side. */
#ifndef SRC_ALLOC_ALLOC_H
#define SRC_ALLOC_ALLOC_H
#include "src/config/config.h"
#include "src/rpc/rpc.h"

/* The "nodes"/"instances"/"nodegroups"/... part of the request, with live node data. */
int alloc_cluster_data(struct snapshot *s, struct rpc_client *rpc, struct arena *a, json **ret, struct err *e);
/* Run allocator NAME (found in the iallocator search path) with DATA + REQUEST; REQUEST holds "type".
 * On success *RET is the "result" of its answer. Errors: upstream's texts
 * ("Can't find any... / Can't compute nodes using iallocator 'x': info"), ECODE_NORES. */
int alloc_run(struct snapshot *s, struct rpc_client *rpc, struct arena *a, const char *name, json *data, json *request, json **ret, const char **ret_info, struct err *e);

#endif
