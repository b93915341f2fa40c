/*
 * The client side of the node RPC: typed calls from rows, fan-out over persistent mutual-TLS
 * connections, blocking on the caller's own loop until all answered.
 */
#ifndef SRC_RPC_RPC_H
#define SRC_RPC_RPC_H
#include "lib/net/net.h"
#include "src/env/env.h"

struct rpc_client;
/* EV may be NULL (then it has its own loop). Certificates: path_of(PATH_NODED_CLIENT_CERT_FILE), or
 * PATH_NODED_CERT_FILE while that is missing, which is also the CA. Changed files are noticed.
 * $GANETI_NODED_PORT overrides the port (virtual clusters and tests). */
int rpc_client_new(struct ev *ev, struct rpc_client **ret, struct err *e);
void rpc_client_free(struct rpc_client *c);
/* While calls wait, POLL (may be NULL) runs every 100 ms; non-zero aborts them (job cancelled). */
void rpc_set_poll(struct rpc_client *c, int (*poll)(void *arg), void *arg);
bool rpc_polled(const struct rpc_client *c);

/*
 * Calls carry the term of the master they are made for, and its name (HTTP header RPC_TERM_HEADER, an addition to
 * upstream's). Agents refuse those of an older term than they have heard of; rpc_answer.fenced says that it was
 * that. TERM 0: no header.
 */
#define RPC_TERM_HEADER "Ganeti-Term"
#define RPC_TERM_STATUS 409 /* of the refusal */
void rpc_set_term(struct rpc_client *c, int64_t term, const char *master);

struct rpc_node {
	const char *name, *ip; /* ip NULL: the name is resolved */
	bool offline;
};
struct rpc_answer {
	const char *node;
	bool offline;        /* not contacted */
	bool failed;         /* transport or remote failure: see `error` */
	bool fenced;         /* refused: the node knows of a newer master than the caller's */
	const char *error;   /* upstream's fail_msg wording; for offline nodes "Node is marked offline" */
	json *payload;       /* arena-owned, NULL when failed or null */
};
/*
 * Send one call to N nodes at once. ARGS: list of positional arguments (taken over), or per-node
 * lists when PER_NODE is given (PER_NODE[i] taken over, ARGS NULL). TIMEOUT 0 = rpc_limit().
 * Answers in order of nodes; never fails as a whole, except when polled away (-1).
 */
int rpc_multi(struct rpc_client *c, struct arena *a, enum rpc rpc, const struct rpc_node *nodes, size_t n, json *args,
	      json **per_node, double timeout, struct rpc_answer **ret, struct err *e);
/* One node, failing with OpExecError "<msg>: <fail_msg>"-free text: the caller prefixes. */
int rpc_call(struct rpc_client *c, struct arena *a, enum rpc rpc, const struct rpc_node *node, json *args, json **ret, struct err *e);

/*
 * The same for callers on a loop of their own: returns at once, FN is called once from the loop
 * (never before rpc_start() returned), with answers that live until it returns.
 */
struct rpc_batch;
struct rpc_batch *rpc_start(struct rpc_client *c, enum rpc rpc, const struct rpc_node *nodes, size_t n, json *args,
			    json **per_node, double timeout,
			    void (*fn)(const struct rpc_answer *answers, size_t n, void *arg), void *arg);
/* One node, the list of arguments as text. TIMEOUT has to be given. */
struct rpc_batch *rpc_start_text(struct rpc_client *c, enum rpc rpc, const struct rpc_node *node, const char *args,
				 double timeout,
				 void (*fn)(const struct rpc_answer *answers, size_t n, void *arg), void *arg);
void rpc_cancel(struct rpc_batch *b); /* FN is not called; the nodes may still act */

/*
 * Typed form: RPC_CALL(client, arena, node, instance_info, &payload, e, .instance = "x") builds the argument
 * struct, encodes it by its rows and calls rpc_call(). Booleans, enumerations and required numbers
 * are always sent; anything else that is zero is sent as null when optional, else as "" or {} or [].
 * Write .has_x = true beside an optional number that may be zero.
 */
#define RPC_CALL(c, a, node, id, ret, e, ...)                                                   \
	({                                                                                      \
		struct rpc_##id args_ = { __VA_ARGS__ };                                        \
		rpc_call((c), (a), RPC_##id, (node), rpc_encode(RPC_##id, &args_), (ret), (e)); \
	})
json *rpc_encode(enum rpc rpc, const void *args);
/* The typed arguments alone: rpc_multi(c, a, RPC_x, nodes, n, RPC_ARGS(x, .y = z), NULL, 0, &answers, e) */
#define RPC_ARGS(id, ...)                                \
	({                                               \
		struct rpc_##id args_ = { __VA_ARGS__ }; \
		rpc_encode(RPC_##id, &args_);            \
	})

/* Port of the node agents: $GANETI_NODED_PORT or 1811. */
int rpc_port(void);
/* Seconds a call may take: its row's, or what its arguments ask for. */
double rpc_limit(enum rpc rpc, const json *args);
bool rpc_limit_asked(enum rpc rpc); /* do the arguments matter? */

/* HTTP body to payload (a new reference). 0, or -1 with the remote's message or upstream's
 * "RPC layer error: ..." */
int rpc_decode(const char *body, size_t n, json **ret, struct err *e);

/* Content of a file for jobqueue_update and upload_file_single: [0, text], or [1, base64 of zlib]
 * from 512 bytes on. A new reference. */
json *rpc_blob(const void *data, size_t n);
/* And back, in the arena; more than MAX bytes fail. */
int rpc_blob_data(struct arena *a, const json *blob, size_t max, const void **ret, size_t *ret_n, struct err *e);
/* The argument of upload_file for the file PATH of this node: [path without virtual root, content,
 * mode, owner, group, atime, mtime]. A new reference. */
int rpc_file(struct arena *a, const char *path, json **ret, struct err *e);

#endif
