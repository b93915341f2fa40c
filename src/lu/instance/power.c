/* Startup, shutdown, reboot (upstream: LUInstanceStartup, LUInstanceShutdown, LUInstanceReboot). */
#include "src/lu/instance/priv.h"

struct state {
	struct inst in;
	json *hvparams, *beparams; /* overrides, coerced */
	bool primary_offline, requires_cleanup;
};

/* The primary is reachable, or known not to be and that is fine. */
static int check_primary(struct luctx *lu, struct state *st, const struct instance *i, bool ignore_offline,
			 struct err *e)
{
	const struct node *n = snap_node(lu->snap, i->primary_node);

	st->primary_offline = n->offline;
	if (!n->offline || !ignore_offline)
		return lu_check_node_online(lu, n, NULL, e);
	lu_warn(lu, NULL, "Ignoring offline primary node");
	return 0;
}

/* --- startup --- */
static int startup_args(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_instance_startup *op = op_;
	struct state *st = lu->state;

	return inst_beparams(lu, op->beparams, NULL, &st->beparams, e);
}

static int startup_expand(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_instance_startup *op = op_;
	struct state *st = lu->state;

	return inst_expand(lu, op->instance_name, op->instance_uuid, false, &st->in, e);
}

static int startup_declare(struct luctx *lu, const void *op, enum lock_level level, struct err *e)
{
	const struct state *st = lu->state;

	(void)op;
	return level == LOCK_NODE_RES ? inst_lock_primary_res(lu, &st->in, e) : 0;
}

static int check_hv_overrides(struct luctx *lu, struct state *st, const struct instance *i, const json *given,
			      struct err *e)
{
	struct strs nodes = lu_instance_nodes(lu, i);
	json *filled;

	TRY(inst_coerce(lu, hvparams_record(i->hypervisor), given, NULL, &st->hvparams, e));
	if (!json_len(st->hvparams))
		return 0;
	filled = json_own(lu->a, json_clone(fill_hv_instance(lu->a, lu->cluster, i)));
	json_merge(filled, st->hvparams);
	TRY(hv_check_syntax(i->hypervisor, filled, e));
	return lu_check_hvparams_on_nodes(lu, &nodes, i->hypervisor, filled, e);
}

static int startup_prereq(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_instance_startup *op = op_;
	struct state *st = lu->state;
	const char *hv;
	const struct instance *i;
	struct beparams be;
	json *info;
	int running;

	TRY(inst_get(lu, &st->in, &i, e));
	TRY(check_hv_overrides(lu, st, i, op->hvparams, e));
	TRY(lu_check_instance_state(lu, i, INST_ONLINE, NULL, e));
	TRY(check_primary(lu, st, i, op->ignore_offline_nodes, e));
	if (st->primary_offline) {
		if (json_len(op->hvparams) || json_len(op->beparams))
			lu_warn(lu, NULL, "Overridden parameters are ignored");
		return 0;
	}
	TRY(lu_check_bridges(lu, &i->nics, i->primary_node, e));
	running = lu_inst_running(lu, i, i->primary_node, &info,
				  arena_printf(lu->a, "Error checking node %s",
					       lu_node_name(lu, i->primary_node)),
				  e);
	if (running < 0)
		return lu_as_prereq(e, ECODE_ENVIRON);
	if (running) {
		st->requires_cleanup = inst_user_down(lu, i, info);
		return 0;
	}
	be = fill_be(lu->a, lu->cluster, &i->beparams);
	hv = enum_name(&enum_hypervisor, i->hypervisor);
	return lu_check_free_memory(lu, i->primary_node, arena_printf(lu->a, "starting instance %s", i->name),
				    json_get_int(st->beparams, "minmem", be.minmem), i->hypervisor,
				    json_get(lu->cluster->hvparams, hv), NULL, e);
}

static int startup_hooks(struct luctx *lu, const void *op_, json *env, struct strs *pre, struct strs *post,
			 struct err *e)
{
	const struct op_instance_startup *op = op_;
	const struct state *st = lu->state;

	json_set(env, "FORCE", json_new_bool(op->force));
	TRY(inst_hooks(lu, &st->in, env, pre, e));
	*post = *pre;
	return 0;
}

static json *shutdown_args(struct luctx *lu, const struct instance *i, int64_t timeout)
{
	return json_pack("[o, I, o]", lu_inst_dict(lu, i, NULL, NULL, NULL), timeout, inst_reason(lu));
}

static int start_now(struct luctx *lu, const struct op_instance_startup *op, const struct state *st,
		     struct err *e)
{
	const struct instance *i = snap_instance(lu->snap, st->in.uuid);
	struct err why CLEANUP(err_clear) = ERR_NONE;
	json *args = json_pack("[o, b, o]", lu_inst_dict(lu, i, st->hvparams, st->beparams, NULL),
			       (int)op->startup_paused, inst_reason(lu));

	if (lu_rpc(lu, RPC_instance_start, i->primary_node, args, NULL,
		   arena_printf(lu->a, "Could not start instance '%s'", i->name), &why) == 0)
		return 0;
	TRY(lu_disks_shutdown(lu, st->in.uuid, false, NULL, e));
	return err_move(e, &why);
}

static int startup_exec(struct luctx *lu, const void *op_, json **ret, struct err *e)
{
	const struct op_instance_startup *op = op_;
	const struct state *st = lu->state;
	const struct instance *i;

	(void)ret;
	if (!op->no_remember)
		TRY(lu_set_admin_state(lu, st->in.uuid, admin_state_up, admin_state_source_admin, e));
	if (st->primary_offline) {
		lu_info(lu, "Primary node offline, marked instance as started");
		return 0;
	}
	if (st->requires_cleanup) {
		i = snap_instance(lu->snap, st->in.uuid);
		TRY(lu_rpc(lu, RPC_instance_shutdown, i->primary_node, shutdown_args(lu, i, op->shutdown_timeout),
			   NULL, arena_printf(lu->a, "Could not shutdown instance '%s'", i->name), e));
		TRY(lu_disks_shutdown(lu, st->in.uuid, false, NULL, e));
	}
	TRY(lu_disks_start(lu, st->in.uuid, op->force, e));
	return start_now(lu, op, st, e);
}

const struct lu lu_instance_startup = {
	.hooks_path = "instance-start",
	.hooks_type = "INSTANCE",
	.state_size = sizeof(struct state),
	.check_args = startup_args,
	.expand = startup_expand,
	.declare = startup_declare,
	.prereq = startup_prereq,
	.hooks = startup_hooks,
	.exec = startup_exec,
};

/* --- shutdown --- */
static int shutdown_check(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_instance_shutdown *op = op_;

	(void)e;
	if (op->no_remember && op->has_admin_state_source && op->admin_state_source == admin_state_source_user)
		lu_warn(lu, NULL,
			"Parameter 'admin_state_source' has no effect if used with parameter 'no_remember'");
	return 0;
}

static int shutdown_expand(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_instance_shutdown *op = op_;
	struct state *st = lu->state;

	return inst_expand(lu, op->instance_name, op->instance_uuid, false, &st->in, e);
}

static int check_user_down(struct luctx *lu, const struct instance *i, struct err *e)
{
	json *info;

	if (lu_inst_running(lu, i, i->primary_node, &info,
			    arena_printf(lu->a, "Error checking instance '%s'", i->name), e) < 0)
		return lu_as_prereq(e, NULL);
	if (lu->cluster->enabled_user_shutdown && inst_user_down(lu, i, info))
		return 0;
	return err_set(e, ERR_PREREQ, ECODE_STATE, "Instance '%s' was not shutdown by the user", i->name);
}

static int shutdown_prereq(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_instance_shutdown *op = op_;
	struct state *st = lu->state;
	const struct instance *i;

	TRY(inst_get(lu, &st->in, &i, e));
	if (op->force)
		lu_warn(lu, NULL, "Ignoring offline instance check");
	else
		TRY(lu_check_instance_state(lu, i, INST_ONLINE, NULL, e));
	TRY(check_primary(lu, st, i, op->ignore_offline_nodes, e));
	if (op->has_admin_state_source && op->admin_state_source == admin_state_source_user &&
	    !st->primary_offline)
		return check_user_down(lu, i, e);
	return 0;
}

static int shutdown_hooks(struct luctx *lu, const void *op_, json *env, struct strs *pre, struct strs *post,
			  struct err *e)
{
	const struct op_instance_shutdown *op = op_;
	const struct state *st = lu->state;

	json_set(env, "TIMEOUT", json_new_int(op->timeout));
	TRY(inst_hooks(lu, &st->in, env, pre, e));
	*post = *pre;
	return 0;
}

static int shutdown_exec(struct luctx *lu, const void *op_, json **ret, struct err *e)
{
	const struct op_instance_shutdown *op = op_;
	const struct state *st = lu->state;
	const struct instance *i = snap_instance(lu->snap, st->in.uuid);
	int source = op->has_admin_state_source ? (int)op->admin_state_source : admin_state_source_admin;
	struct rpc_answer r;

	(void)ret;
	/* an offline instance stays so */
	if (!op->no_remember && i->admin_state != admin_state_offline)
		TRY(lu_set_admin_state(lu, st->in.uuid, admin_state_down, source, e));
	if (st->primary_offline) {
		lu_info(lu, "Primary node offline, marked instance as stopped");
		return 0;
	}
	i = snap_instance(lu->snap, st->in.uuid);
	TRY(lu_ask(lu, RPC_instance_shutdown, i->primary_node, shutdown_args(lu, i, op->timeout), &r, e));
	if (r.failed)
		lu_warn(lu, NULL, "Could not shutdown instance: %s", r.error);
	return lu_disks_shutdown(lu, st->in.uuid, false, NULL, e);
}

const struct lu lu_instance_shutdown = {
	.hooks_path = "instance-stop",
	.hooks_type = "INSTANCE",
	.state_size = sizeof(struct state),
	.check_args = shutdown_check,
	.expand = shutdown_expand,
	.prereq = shutdown_prereq,
	.hooks = shutdown_hooks,
	.exec = shutdown_exec,
};

/* --- reboot --- */
static int reboot_expand(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_instance_reboot *op = op_;
	struct state *st = lu->state;

	return inst_expand(lu, op->instance_name, op->instance_uuid, false, &st->in, e);
}

static int reboot_prereq(struct luctx *lu, const void *op, struct err *e)
{
	struct state *st = lu->state;
	const struct instance *i;

	(void)op;
	TRY(inst_get(lu, &st->in, &i, e));
	TRY(lu_check_instance_state(lu, i, INST_ONLINE, NULL, e));
	TRY(lu_check_node_online(lu, snap_node(lu->snap, i->primary_node), NULL, e));
	return lu_check_bridges(lu, &i->nics, i->primary_node, e);
}

static int reboot_hooks(struct luctx *lu, const void *op_, json *env, struct strs *pre, struct strs *post,
			struct err *e)
{
	const struct op_instance_reboot *op = op_;
	const struct state *st = lu->state;

	json_set(env, "IGNORE_SECONDARIES", json_new_bool(op->ignore_secondaries));
	json_set(env, "REBOOT_TYPE", json_new_str(enum_name(&enum_reboot_type, op->reboot_type)));
	json_set(env, "SHUTDOWN_TIMEOUT", json_new_int(op->shutdown_timeout));
	TRY(inst_hooks(lu, &st->in, env, pre, e));
	*post = *pre;
	return 0;
}

/* Down (unless it is) and up again, disks included. */
static int full_reboot(struct luctx *lu, const struct op_instance_reboot *op, const struct state *st,
		       bool running, struct err *e)
{
	const struct instance *i = snap_instance(lu->snap, st->in.uuid);
	struct rpc_answer r;

	if (running) {
		TRY(lu_rpc(lu, RPC_instance_shutdown, i->primary_node, shutdown_args(lu, i, op->shutdown_timeout),
			   NULL, "Could not shutdown instance for full reboot", e));
		TRY(lu_disks_shutdown(lu, st->in.uuid, false, NULL, e));
	} else {
		lu_info(lu, "Instance %s was already stopped, starting now", i->name);
	}
	TRY(lu_disks_start(lu, st->in.uuid, op->ignore_secondaries, e));
	i = snap_instance(lu->snap, st->in.uuid);
	TRY(lu_ask(lu, RPC_instance_start, i->primary_node,
		   json_pack("[o, b, o]", lu_inst_dict(lu, i, NULL, NULL, NULL), 0, inst_reason(lu)), &r, e));
	if (!r.failed)
		return 0;
	TRY(lu_disks_shutdown(lu, st->in.uuid, false, NULL, e));
	return err_set(e, ERR_EXEC, NULL, "Could not start instance for full reboot: %s", r.error);
}

static int reboot_exec(struct luctx *lu, const void *op_, json **ret, struct err *e)
{
	const struct op_instance_reboot *op = op_;
	const struct state *st = lu->state;
	const struct instance *i = snap_instance(lu->snap, st->in.uuid);
	int running = lu_inst_running(lu, i, i->primary_node, NULL,
				      arena_printf(lu->a, "Error checking node %s",
						   lu_node_name(lu, i->primary_node)),
				      e);

	(void)ret;
	if (running < 0)
		return -1;
	if (running && op->reboot_type != reboot_type_full)
		TRY(lu_rpc(lu, RPC_instance_reboot, i->primary_node,
			   json_pack("[o, s, I, o]", lu_inst_dict(lu, i, NULL, NULL, NULL),
				     enum_name(&enum_reboot_type, op->reboot_type), op->shutdown_timeout,
				     inst_reason(lu)),
			   NULL, "Could not reboot instance", e));
	else
		TRY(full_reboot(lu, op, st, running, e));
	return lu_set_admin_state(lu, st->in.uuid, admin_state_up, admin_state_source_admin, e);
}

const struct lu lu_instance_reboot = {
	.hooks_path = "instance-reboot",
	.hooks_type = "INSTANCE",
	.state_size = sizeof(struct state),
	.expand = reboot_expand,
	.prereq = reboot_prereq,
	.hooks = reboot_hooks,
	.exec = reboot_exec,
};
