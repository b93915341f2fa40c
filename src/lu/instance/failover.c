/* Stop here, start there (upstream: TLMigrateInstance._ExecFailover). */
#include "src/lu/instance/priv.h"

/* With the source gone (or on the user's word) its failures do not count. */
static bool may_fail(struct luctx *lu, const struct move *m)
{
	return m->ignore_consistency || snap_node(lu->snap, m->source)->offline;
}

static int stop(struct luctx *lu, const struct move *m, struct err *e)
{
	const struct instance *i = snap_instance(lu->snap, m->in.uuid);
	struct rpc_answer r;

	lu_log(lu, "* shutting down instance on source node");
	TRY(lu_ask(lu, RPC_instance_shutdown, m->source,
		   json_pack("[o, I, o]", lu_inst_dict(lu, i, NULL, NULL, NULL), m->shutdown_timeout,
			     inst_reason(lu)),
		   &r, e));
	if (!r.failed)
		return 0;
	if (!may_fail(lu, m))
		return err_set(e, ERR_EXEC, NULL, "Could not shutdown instance %s on node %s: %s", i->name,
			       m->source_name, r.error);
	lu_warn(lu, NULL,
		"Could not shutdown instance %s on node %s, proceeding anyway; please make sure node %s is down; "
		"error details: %s",
		i->name, m->source_name, m->source_name, r.error);
	return 0;
}

static int release_disks(struct luctx *lu, const struct move *m, struct err *e)
{
	struct err why CLEANUP(err_clear) = ERR_NONE;
	bool ok;

	if (move_close_disks(lu, m, m->source, &why) < 0) {
		if (!may_fail(lu, m))
			return err_move(e, &why);
		lu_warn(lu, NULL, "%s", err_msg(&why));
	}
	lu_log(lu, "* deactivating the instance's disks on source node");
	TRY(lu_disks_shutdown(lu, m->in.uuid, true, &ok, e));
	return ok ? 0 : err_set(e, ERR_EXEC, NULL, "Can't shut down the instance's disks");
}

static int start(struct luctx *lu, const struct move *m, struct err *e)
{
	const struct instance *i;
	struct rpc_answer r;
	bool ok;

	lu_log(lu, "* activating the instance's disks on target node %s", m->target_name);
	TRY(lu_disks_assemble(lu, m->in.uuid, true, false, &ok, NULL, e));
	if (!ok) {
		TRY(lu_disks_shutdown(lu, m->in.uuid, false, NULL, e));
		return err_set(e, ERR_EXEC, NULL, "Can't activate the instance's disks");
	}
	lu_log(lu, "* starting the instance on the target node %s", m->target_name);
	i = snap_instance(lu->snap, m->in.uuid);
	TRY(lu_ask(lu, RPC_instance_start, m->target,
		   json_pack("[o, b, o]", lu_inst_dict(lu, i, NULL, NULL, NULL), 0, inst_reason(lu)), &r, e));
	if (!r.failed)
		return 0;
	TRY(lu_disks_shutdown(lu, m->in.uuid, false, NULL, e));
	return err_set(e, ERR_EXEC, NULL, "Could not start instance %s on node %s: %s", m->in.name, m->target_name,
		       r.error);
}

int move_failover(struct luctx *lu, struct move *m, struct err *e)
{
	const struct instance *i = snap_instance(lu->snap, m->in.uuid);
	bool up = i->admin_state == admin_state_up;

	if (i->forthcoming) {
		lu_log(lu, "Instance is forthcoming, just updating the configuration");
		return move_set_primary(lu, m, m->target, e);
	}
	if (i->disks_active)
		lu_log(lu, "* checking disk consistency between source and target");
	else
		lu_log(lu, "* not checking disk consistency as instance is not running");
	TRY(stop(lu, m, e));
	TRY(release_disks(lu, m, e));
	TRY(move_set_primary(lu, m, m->target, e));
	return up ? start(lu, m, e) : 0;
}
