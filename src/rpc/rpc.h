/*
 * The client side of the node RPC: typed calls from rows, fan-out over persistent mutual-TLS
 * connections, blocking on the caller's own loop until all answered.
 */
#ifndef SRC_RPC_RPC_H
#define SRC_RPC_RPC_H
#include "lib/net/net.h"
#include "src/env/env.h"

struct rpc_client;
/* EV may be NULL (then it has its own loop). Certificates: path_of(PATH_CLIENT_CERT) and PATH_NODED_CERT as CA.
 * $GANETI_NODED_PORT overrides the port (virtual clusters and tests). */
int rpc_client_new(struct ev *ev, struct rpc_client **ret, struct err *e);
void rpc_client_free(struct rpc_client *c);
/* While calls wait, POLL (may be NULL) runs every 100 ms; non-zero aborts them (job cancelled). */
void rpc_set_poll(struct rpc_client *c, int (*poll)(void *arg), void *arg);

struct rpc_node {
	const char *name, *ip;
	bool offline;
};
struct rpc_answer {
	const char *node;
	bool offline;        /* not contacted */
	bool failed;         /* transport or remote failure: see `error` */
	const char *error;   /* upstream's fail_msg wording; for offline nodes "Node is marked offline" */
	json *payload;       /* arena-owned, NULL when failed or null */
};
/*
 * Send one call to N nodes at once. ARGS: list of positional arguments (taken over), or per-node
 * lists when PER_NODE is given (PER_NODE[i] taken over, ARGS NULL). TIMEOUT 0 = the row's.
 * Answers in order of nodes; never fails as a whole, except when polled away (-1).
 */
int rpc_multi(struct rpc_client *c, struct arena *a, enum rpc rpc, const struct rpc_node *nodes, size_t n, json *args,
	      json **per_node, double timeout, struct rpc_answer **ret, struct err *e);
/* One node, failing with OpExecError "<msg>: <fail_msg>"-free text: the caller prefixes. */
int rpc_call(struct rpc_client *c, struct arena *a, enum rpc rpc, const struct rpc_node *node, json *args, json **ret, struct err *e);

/*
 * Typed form: RPC_CALL(client, arena, node, instance_info, &payload, e, .instance = "x") builds the argument
 * struct, encodes it by its rows and calls rpc_call(). Members never set are sent as null.
 * The has_ flags are implied: every non-zero member and every member of type bool/int listed is sent;
 * write .has_x = true beside a member whose value may be zero/false.
 */
#define RPC_CALL(c, a, node, id, ret, e, ...)                                                   \
	({                                                                                      \
		struct rpc_##id args_ = { __VA_ARGS__ };                                        \
		rpc_call((c), (a), RPC_##id, (node), rpc_encode(RPC_##id, &args_), (ret), (e)); \
	})
json *rpc_encode(enum rpc rpc, const void *args);

/* Shared by rpc and its tests: HTTP body to payload. 0, or -1 with the remote's message. */
int rpc_decode(const char *body, size_t n, json **ret, struct err *e);

#endif
