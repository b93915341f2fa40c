/* Instance allocation: upstream's iallocator protocol with any executable. Master side. */
#ifndef SRC_ALLOC_ALLOC_H
#define SRC_ALLOC_ALLOC_H
#include "src/config/config.h"
#include "src/rpc/rpc.h"

/*
 * The "nodes"/"instances"/"nodegroups"/... part of the request, with live data of all nodes that are not
 * offline: resources as HYPERVISOR sees them, space of DISK_TEMPLATE's storage (NULL: the cluster's first).
 * Arena-owned; callers may take nodes out.
 */
int alloc_cluster_data(struct snapshot *s, struct rpc_client *rpc, struct arena *a, const char *hypervisor,
		       const char *disk_template, json **ret, struct err *e);
/* Run allocator NAME (found in the master's iallocator search path) with DATA + REQUEST; REQUEST holds "type".
 * On success *RET is the "result" of its answer, of the right shape for the type. Errors: upstream's texts
 * ("Can't compute nodes using iallocator 'x': info", ECODE_NORES). RET_INFO may be NULL. */
int alloc_run(struct snapshot *s, struct rpc_client *rpc, struct arena *a, const char *name, json *data,
	      json *request, json **ret, const char **ret_info, struct err *e);

#endif
