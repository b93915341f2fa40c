/*
 * What the node agent executes; no network code here. One handler per RPC row. Handlers run in
 * an exec'ed worker process (root), one at a time, and may block; they are killed on overrun.
 */
#ifndef SRC_NODE_NODE_H
#define SRC_NODE_NODE_H
#include "src/env/env.h"
#include "src/schema/schema.h"

struct node_ctx {
	struct arena *a;       /* of this request */
	const char *peer;      /* who called (certificate digest), for the log */
	bool quit;             /* set by a handler: end the node agent after the answer */
};

/* int node_<rpc>(ctx, args, &payload, e): payload is a new reference (NULL = null).
 * A failure's message goes to the caller as is: upstream's wording. */
#define RPC(id, ...) \
	int node_##id(struct node_ctx *ctx, const struct rpc_##id *args, json **ret, struct err *e);
#define RPC_TODO(id, ...)
#define ARG(type, name, ...)
#define END(id)
#include "src/schema/rpcs.def"
#undef RPC
#undef RPC_TODO
#undef ARG
#undef END

/* Decode, run, encode. ARGS: the positional list. RET: [true, payload] or [false, message], new reference. */
json *node_execute(struct node_ctx *ctx, enum rpc rpc, json *args);

#endif
