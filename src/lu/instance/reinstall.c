/* Upstream: LUInstanceReinstall. */
#include "src/lu/instance/priv.h"

struct state {
	struct inst in;
	const char *os;
	json *osparams, *osparams_private; /* what the instance is to have from now on */
	json *all;                         /* what the scripts get, with secrets */
};

static int expand(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_instance_reinstall *op = op_;
	struct state *st = lu->state;

	return inst_expand(lu, op->instance_name, op->instance_uuid, false, &st->in, e);
}

static int prereq(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_instance_reinstall *op = op_;
	struct state *st = lu->state;
	struct strs nodes;
	const struct instance *i;

	TRY(inst_get(lu, &st->in, &i, e));
	TRY(lu_check_node_online(lu, snap_node(lu->snap, i->primary_node),
				 "Instance primary node offline, cannot reinstall", e));
	if (!i->disks.n)
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "Instance '%s' has no disks", i->name);
	TRY(lu_check_instance_state(lu, i, INST_DOWN, "cannot reinstall", e));
	st->os = op->os_type ? op->os_type : arena_strdup(lu->a, i->os);
	if (!*st->os)
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "No guest OS or OS image specified");
	st->osparams = inst_updated(lu, i->osparams, op->osparams, false);
	st->osparams_private = inst_updated(lu, i->osparams_private, op->osparams_private, false);
	TRY(inst_all_osparams(lu, st->os, st->osparams, st->osparams_private, op->osparams_secret, &st->all, e));
	nodes = lu_instance_nodes(lu, i);
	return lu_check_osparams_on_nodes(lu, &nodes, true, st->os, st->all, op->force_variant, e);
}

static int hooks(struct luctx *lu, const void *op, json *env, struct strs *pre, struct strs *post, struct err *e)
{
	const struct state *st = lu->state;

	(void)op;
	TRY(inst_hooks(lu, &st->in, env, pre, e));
	*post = *pre;
	return 0;
}

static int store(struct luctx *lu, const struct op_instance_reinstall *op, const struct state *st, struct err *e)
{
	struct instance new = *snap_instance(lu->snap, st->in.uuid);

	SET(new, os, st->os);
	if (op->osparams)
		SET(new, osparams, st->osparams);
	if (op->osparams_private)
		SET(new, osparams_private, st->osparams_private);
	lu_update(lu, OBJ_INSTANCE, &new);
	return lu_commit(lu, e);
}

static int exec(struct luctx *lu, const void *op_, json **ret, struct err *e)
{
	const struct op_instance_reinstall *op = op_;
	const struct state *st = lu->state;
	struct err why CLEANUP(err_clear) = ERR_NONE;
	const struct instance *i;
	int rc;

	(void)ret;
	if (op->os_type)
		lu_log(lu, "Changing OS scripts to '%s'...", op->os_type);
	if (op->os_type || op->osparams || op->osparams_private)
		TRY(store(lu, op, st, e));
	TRY(lu_disks_start(lu, st->in.uuid, -1, e));
	lu_info(lu, "Running instance OS create scripts...");
	i = snap_instance(lu->snap, st->in.uuid);
	rc = lu_rpc(lu, RPC_instance_os_add, i->primary_node,
		    json_pack("[o, b, I]", lu_inst_dict(lu, i, NULL, NULL, st->all), 1, op->debug_level), NULL,
		    arena_printf(lu->a, "Could not install OS for instance %s on node %s", i->name,
				 lu_node_name(lu, i->primary_node)),
		    &why);
	TRY(lu_disks_shutdown(lu, st->in.uuid, false, NULL, e));
	return rc < 0 ? err_move(e, &why) : 0;
}

const struct lu lu_instance_reinstall = {
	.hooks_path = "instance-reinstall",
	.hooks_type = "INSTANCE",
	.state_size = sizeof(struct state),
	.expand = expand,
	.prereq = prereq,
	.hooks = hooks,
	.exec = exec,
};
