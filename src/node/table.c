/* From the name of a call to its handler and back to the answer. */
#include "src/node/priv.h"

typedef int handler(struct node_ctx *ctx, const void *args, json **ret, struct err *e);

#define RPC(id, ...)                                                                      \
	static int run_##id(struct node_ctx *ctx, const void *args, json **ret, struct err *e) \
	{                                                                                 \
		return node_##id(ctx, args, ret, e);                                      \
	}
#define RPC_TODO(id, ...)
#define ARG(type, name, ...)
#define END(id)
#include "src/schema/rpcs.def"
#undef RPC

static handler *const handlers[RPC_COUNT] = {
#define RPC(id, ...) [RPC_##id] = run_##id,
#include "src/schema/rpcs.def"
#undef RPC
#undef RPC_TODO
#undef ARG
#undef END
};

static int execute(struct node_ctx *ctx, enum rpc rpc, json *args, json **ret, struct err *e)
{
	const struct record *r = rpc_record(rpc);
	void *decoded = arena_alloc(ctx->a, r->size);
	const struct field *bad;

	if (!handlers[rpc])
		return err_plain(e, "Call '%s' is not supported by this node", rpc_name(rpc));
	if (record_parse_list(r, ctx->a, args, decoded, &bad, e) < 0) {
		if (bad)
			err_prefix(e, "argument %s of %s", field_wire(bad), rpc_name(rpc));
		return fail_unexpected(e);
	}
	return handlers[rpc](ctx, decoded, ret, e);
}

json *node_execute(struct node_ctx *ctx, enum rpc rpc, json *args)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *payload = NULL;

	if (execute(ctx, rpc, args, &payload, &e) < 0) {
		json_put(payload);
		return json_clean(json_pack("[b, s]", 0, err_msg(&e)));
	}
	return json_clean(json_pack("[b, o]", 1, payload));
}
