/* OP_NODE_REMOVE */
#include "src/lu/node/lus.h"

struct state {
	const char *uuid, *name;
	struct rpc_node there;
};

static int expand(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_node_remove *op = op_;
	struct state *st = lu->state;
	const struct node *n;

	TRY(lu_expand_node(lu, op->node_name, op->has_node_uuid ? op->node_uuid : NULL, &n, e));
	lu_need_none(lu, LOCK_NODE); /* this runs alone */
	st->uuid = arena_strdup(lu->a, n->uuid);
	st->name = arena_strdup(lu->a, n->name);
	return 0;
}

/* Not on the node itself: a broken node could not be removed then. */
static int hooks(struct luctx *lu, const void *op, json *env, struct strs *pre, struct strs *post,
		 struct err *e)
{
	struct state *st = lu->state;
	struct strs all = snap_uuids(lu->snap, OBJ_NODE);

	(void)op;
	(void)post;
	(void)e;
	json_set(env, "OP_TARGET", json_new_str(st->name));
	json_set(env, "NODE_NAME", json_new_str(st->name));
	for (size_t i = 0; i < all.n; i++)
		if (!str_eq(all.v[i], st->uuid))
			strs_add(lu->a, pre, all.v[i]);
	return 0;
}

static int refuse_instance(struct luctx *lu, const struct strs *uuids, struct err *e)
{
	if (!uuids->n)
		return 0;
	return err_set(e, ERR_PREREQ, ECODE_INVAL,
		       "Instance %s is still running on the node, please remove first",
		       snap_instance(lu->snap, uuids->v[0])->name);
}

static int prereq(struct luctx *lu, const void *op, struct err *e)
{
	struct state *st = lu->state;
	struct strs first = snap_node_primaries(lu->snap, st->uuid);
	struct strs second = snap_node_secondaries(lu->snap, st->uuid);

	(void)op;
	if (str_eq(st->uuid, lu->cluster->master_node))
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Node is the master node, failover to another node is required");
	TRY(refuse_instance(lu, &first, e));
	return refuse_instance(lu, &second, e);
}

static void leave(struct luctx *lu)
{
	struct state *st = lu->state;
	struct err why CLEANUP(err_clear) = ERR_NONE;
	json *out;

	if (rpc_call(lu->rpc, lu->a, RPC_node_leave_cluster, &st->there,
		     json_pack("[b]", (int)lu->cluster->modify_ssh_setup), &out, &why) < 0)
		lu_warn(lu, NULL,
			"Errors encountered on the remote node while leaving the cluster: %s",
			err_msg(&why));
}

static int exec(struct luctx *lu, const void *op, json **ret, struct err *e)
{
	struct state *st = lu->state;
	struct err why CLEANUP(err_clear) = ERR_NONE;
	struct strs except = { NULL, 0 };

	(void)ret;
	strs_add(lu->a, &except, st->uuid);
	TRY(lu_adjust_candidates(lu, &except, e));
	st->there = lu_rpc_node(lu, st->uuid);
	lu_run_post_hook(lu, op, st->uuid);
	if (lu_ssh_remove(lu, st->uuid, st->name, true, false, &why) < 0)
		lu_warn(lu, NULL, "%s", err_msg(&why));
	node_set_digest(lu, st->uuid, NULL);
	lu_remove(lu, OBJ_NODE, st->uuid);
	TRY(lu_commit(lu, e));
	leave(lu);
	TRY(node_hosts(lu, st->name, NULL, e));
	return lu_distribute_files(lu, e);
}

const struct lu lu_node_remove = {
	.hooks_path = "node-remove", .hooks_type = "NODE", .exclusive = true,
	.state_size = sizeof(struct state), .expand = expand, .hooks = hooks, .prereq = prereq,
	.exec = exec,
};
