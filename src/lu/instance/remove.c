/* Upstream: LUInstanceRemove. */
#include "src/lu/instance/priv.h"

struct state {
	struct inst in;
	struct inst_hooks kept; /* of the pre phase; afterwards there is no instance to make them from */
};

static int expand(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_instance_remove *op = op_;
	struct state *st = lu->state;

	return inst_expand(lu, op->instance_name, op->instance_uuid, true, &st->in, e);
}

static int declare(struct luctx *lu, const void *op, enum lock_level level, struct err *e)
{
	const struct state *st = lu->state;
	const struct instance *i;
	struct strs nodes;

	(void)op;
	if (level != LOCK_NODE && level != LOCK_NODE_RES)
		return 0;
	TRY(inst_get(lu, &st->in, &i, e));
	nodes = lu_instance_nodes(lu, i);
	for (size_t k = 0; k < nodes.n; k++)
		lu_need(lu, level, nodes.v[k], false);
	return 0;
}

static int prereq(struct luctx *lu, const void *op, struct err *e)
{
	const struct state *st = lu->state;
	const struct instance *i;

	(void)op;
	return inst_get(lu, &st->in, &i, e);
}

static int hooks(struct luctx *lu, const void *op_, json *env, struct strs *pre, struct strs *post,
		 struct err *e)
{
	const struct op_instance_remove *op = op_;
	struct state *st = lu->state;

	json_set(env, "SHUTDOWN_TIMEOUT", json_new_int(op->shutdown_timeout));
	TRY(inst_hooks_kept(lu, &st->in, &st->kept, env, post, e));
	strs_add(lu->a, pre, lu->cluster->master_node);
	return 0;
}

static int stop(struct luctx *lu, const struct op_instance_remove *op, const struct instance *i, struct err *e)
{
	struct rpc_answer r;

	TRY(lu_ask(lu, RPC_instance_shutdown, i->primary_node,
		   json_pack("[o, I, o]", lu_inst_dict(lu, i, NULL, NULL, NULL), op->shutdown_timeout,
			     inst_reason(lu)),
		   &r, e));
	if (!r.failed)
		return 0;
	if (!op->ignore_failures)
		return err_set(e, ERR_EXEC, NULL, "Could not shutdown instance '%s' on node '%s': %s", i->name,
			       r.node, r.error);
	lu_log(lu, "Warning: can't shutdown instance: %s", r.error);
	return 0;
}

int inst_remove_from_config(struct luctx *lu, const char *uuid, struct err *e)
{
	const struct instance *i = snap_instance(lu->snap, uuid);

	if (!i)
		return 0;
	lu_remove(lu, OBJ_INSTANCE, i->uuid);
	for (size_t k = 0; k < i->disks.n; k++)
		lu_remove(lu, OBJ_DISK, i->disks.v[k]);
	return lu_commit(lu, e);
}

static int exec(struct luctx *lu, const void *op_, json **ret, struct err *e)
{
	const struct op_instance_remove *op = op_;
	const struct state *st = lu->state;
	const struct instance *i = snap_instance(lu->snap, st->in.uuid);
	const struct disk **disks;
	size_t n;

	(void)ret;
	if (!i->forthcoming) {
		TRY(stop(lu, op, i, e));
		TRY(snap_instance_disks(lu->snap, i, &disks, &n, e));
		if (!lu_disks_remove(lu, i, disks, n, true)) {
			if (!op->ignore_failures)
				return err_set(e, ERR_EXEC, NULL, "Can't remove instance's disks");
			lu_log(lu, "Warning: can't remove instance's disks");
		}
	}
	return inst_remove_from_config(lu, st->in.uuid, e);
}

const struct lu lu_instance_remove = {
	.hooks_path = "instance-remove",
	.hooks_type = "INSTANCE",
	.state_size = sizeof(struct state),
	.expand = expand,
	.declare = declare,
	.prereq = prereq,
	.hooks = hooks,
	.exec = exec,
};
