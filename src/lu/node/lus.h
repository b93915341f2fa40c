/* Shared by the units of nodes. */
#ifndef SRC_LU_NODE_LUS_H
#define SRC_LU_NODE_LUS_H
#include "src/lu/lu.h"

/* Does the node own SECONDARY_IP? PREREQ picks the class of the error. */
int node_check_secondary_ip(struct luctx *lu, const struct rpc_node *n, const char *secondary_ip,
			    bool prereq, struct err *e);
/* Can the master reach it from its own secondary address? */
int node_ping_secondary_ip(struct luctx *lu, const char *secondary_ip, struct err *e);
/* Node parameters as text to a partial struct; those of groups and clusters are refused. OLD may be NULL. */
int node_params(struct luctx *lu, const struct ndparams *old, const json *changes, struct ndparams *ret,
		struct err *e);
/* Change the hosts file of the master (IP NULL: take out). */
int node_hosts(struct luctx *lu, const char *name, const char *ip, struct err *e);
/* Update or remove the digest of a node among the cluster's candidates (part of the next commit). */
void node_set_digest(struct luctx *lu, const char *node_uuid, const char *digest);

#endif
