/*
 * Failover and migration up to the point where something is done (upstream: LUInstanceFailover,
 * LUInstanceMigrate and TLMigrateInstance.CheckPrereq).
 */
#include "src/lu/instance/priv.h"

#include "src/alloc/alloc.h"


/* --- names and locks --- */
static int failover_expand(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_instance_failover *op = op_;
	struct move *m = lu->state;
	const struct node *n;

	m->failover = true;
	m->cleanup = false;
	m->ignore_consistency = op->ignore_consistency;
	m->ignore_ipolicy = op->ignore_ipolicy;
	m->shutdown_timeout = op->shutdown_timeout;
	m->iallocator = op->iallocator;
	TRY(inst_expand(lu, op->instance_name, op->instance_uuid, true, &m->in, e));
	if (!op->target_node)
		return 0;
	TRY(lu_expand_node(lu, op->target_node, op->target_node_uuid, &n, e));
	m->wanted = arena_strdup(lu->a, n->uuid);
	return 0;
}

static int migrate_expand(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_instance_migrate *op = op_;
	struct move *m = lu->state;
	const struct node *n;

	m->cleanup = op->cleanup;
	m->fallback = op->allow_failover;
	m->allow_runtime_changes = op->allow_runtime_changes;
	m->ignore_ipolicy = op->ignore_ipolicy;
	m->ignore_hvversions = op->ignore_hvversions;
	m->shutdown_timeout = SHUTDOWN_TIMEOUT;
	m->iallocator = op->iallocator;
	m->has_mode = op->has_mode;
	m->mode = op->mode;
	m->has_live = op->has_live;
	m->live_wanted = op->live;
	TRY(inst_expand(lu, op->instance_name, op->instance_uuid, false, &m->in, e));
	if (!op->target_node)
		return 0;
	TRY(lu_expand_node(lu, op->target_node, op->target_node_uuid, &n, e));
	m->wanted = arena_strdup(lu->a, n->uuid);
	return 0;
}

/* Disks that any node can use let the instance go anywhere. */
static bool goes_anywhere(const struct disk *const *disks, size_t n)
{
	for (size_t k = 0; k < n; k++)
		if (!template_is_ext_mirrored(disks[k]->dev_type))
			return false;
	return true;
}

static int declare(struct luctx *lu, const void *op, enum lock_level level, struct err *e)
{
	const struct move *m = lu->state;
	const struct instance *i;
	const struct disk **disks;
	struct strs nodes;
	size_t n;

	(void)op;
	if (level != LOCK_NODE && level != LOCK_NODE_RES)
		return 0;
	lu_need_none(lu, level);
	TRY(inst_get(lu, &m->in, &i, e));
	TRY(snap_instance_disks(lu->snap, i, &disks, &n, e));
	if (goes_anywhere(disks, n) && !m->wanted) {
		lu_need_all(lu, level, false);
		return 0;
	}
	nodes = lu_instance_nodes(lu, i);
	for (size_t k = 0; k < nodes.n; k++)
		lu_need(lu, level, nodes.v[k], false);
	if (m->wanted)
		lu_need(lu, level, m->wanted, false);
	return 0;
}

/* --- where to --- */
static int run_allocator(struct luctx *lu, struct move *m, const struct instance *i,
			 const struct disk *const *disks, size_t n, struct err *e)
{
	json *request, *data, *result;
	const struct node *node;
	const char *info;
	struct strs names;

	TRY(alloc_cluster_data(lu->snap, lu->rpc, lu->a, enum_name(&enum_hypervisor, i->hypervisor),
			       n ? enum_name(&enum_disk_template, disks[0]->dev_type) : NULL, &data, e));
	request = json_own(lu->a, json_pack("{s:s, s:s, s:I, s:i, s:[s]}", "type", "relocate", "name", i->name,
					    "disk_space_total", inst_disk_space(disks, n), "required_nodes", 1,
					    "relocate_from", lu_node_name(lu, i->primary_node)));
	TRY(alloc_run(lu->snap, lu->rpc, lu->a, m->iallocator, data, request, &result, &info, e));
	names = json_strs(lu->a, result);
	if (!names.n)
		return err_set(e, ERR_PREREQ, ECODE_FAULT, "iallocator '%s' returned no node", m->iallocator);
	TRY(snap_find_node(lu->snap, names.v[0], &node, e));
	m->target = arena_strdup(lu->a, node->uuid);
	lu_info(lu, "Selected nodes for instance %s via iallocator %s: %s", i->name, m->iallocator,
		strs_join(lu->a, &names, ", "));
	return 0;
}

/* Upstream: CheckTargetNodeIPolicy; a group the instance is in already is not looked at. */
static int check_policy(struct luctx *lu, const struct move *m, const struct instance *i, struct err *e)
{
	const struct node *from = snap_node(lu->snap, i->primary_node), *to = snap_node(lu->snap, m->target);
	struct strs bad;
	const char *text;

	if (str_eq(from->group, to->group))
		return 0;
	TRY(lu_ipolicy_instance(lu, snap_group(lu->snap, to->group), i, NULL, 0, &bad, e));
	if (!bad.n)
		return 0;
	text = arena_printf(lu->a, "Instance does not meet target node group's (%s) instance policy: %s", to->group,
			    strs_join(lu->a, &bad, ", "));
	if (!m->ignore_ipolicy)
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "%s", text);
	lu_warn(lu, NULL, "%s", text);
	return 0;
}

static int choose_target(struct luctx *lu, struct move *m, const struct instance *i,
			 const struct disk *const *disks, size_t n, struct err *e)
{
	struct strs keep = { NULL, 0 };

	TRY(inst_allocator(lu, m->iallocator, m->wanted, &m->iallocator, e));
	if (m->wanted)
		TRY(lu_node_stays(lu, m->wanted, NULL, e));
	m->target = m->wanted;
	if (m->iallocator)
		TRY(run_allocator(lu, m, i, disks, n, e));
	TRY(check_policy(lu, m, i, e));
	if (str_eq(m->target, i->primary_node))
		return err_set(e, ERR_PREREQ, ECODE_STATE, "Cannot migrate instance %s to its primary (%s)",
			       i->name, lu_node_name(lu, i->primary_node));
	strs_add(lu->a, &keep, m->target);
	strs_add(lu->a, &keep, arena_strdup(lu->a, i->primary_node));
	TRY(lu_release(lu, LOCK_NODE_RES, &keep, e));
	return lu_release(lu, LOCK_NODE, &keep, e);
}

static int check_layout(struct luctx *lu, const struct move *m, const struct disk *const *disks, size_t n,
			struct err *e)
{
	struct strs bad = { NULL, 0 };

	for (size_t k = 0; k < n; k++) {
		const char *type = enum_name(&enum_disk_template, disks[k]->dev_type);

		if (!template_is_mirrored(disks[k]->dev_type) && !strs_has(&bad, type))
			strs_add(lu->a, &bad, type);
	}
	if (bad.n)
		return err_set(e, ERR_PREREQ, ECODE_STATE, "Instance's disk layout '%s' does not allow %s",
			       strs_join(lu->a, &bad, ", "), m->failover ? "failovers" : "migrations");
	if (!goes_anywhere(disks, n))
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Disk template '%s' is not supported by this version",
			       instance_template(disks, n));
	return 0;
}

/* --- whether it can be done --- */
static int check_memory(struct luctx *lu, struct move *m, const struct instance *i, const struct beparams *be,
			struct err *e)
{
	const char *hv = enum_name(&enum_hypervisor, i->hypervisor);

	if (m->cleanup || (m->failover && i->admin_state != admin_state_up)) {
		lu_info(lu, "Not checking memory on the secondary node as instance will not be started");
		return 0;
	}
	return lu_check_free_memory(lu, m->target, arena_printf(lu->a, "migrating instance %s", i->name),
				    be->minmem, i->hypervisor, json_get(lu->cluster->hvparams, hv),
				    &m->target_free, e);
}

static int check_migratable(struct luctx *lu, struct move *m, const struct instance *i, struct err *e)
{
	struct rpc_answer r;

	TRY(lu_check_node_not_drained(lu, snap_node(lu->snap, m->target), e));
	if (m->failover)
		return 0;
	TRY(lu_ask(lu, RPC_instance_migratable, i->primary_node,
		   json_pack("[o]", lu_inst_dict(lu, i, NULL, NULL, NULL)), &r, e));
	if (!r.failed)
		return 0;
	if (!m->fallback)
		return err_set(e, ERR_PREREQ, ECODE_STATE, "Can't migrate, please use failover: %s", r.error);
	lu_info(lu, "Can't migrate, instance offline, fallback to failover");
	m->failover = true;
	return 0;
}

static int choose_mode(struct luctx *lu, struct move *m, const struct instance *i, struct err *e)
{
	const char *mode;

	if (m->failover)
		return 0;
	if (m->has_live && m->has_mode)
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Only one of the 'live' and 'mode' parameters are accepted");
	if (m->has_live) {
		m->live = m->live_wanted;
	} else if (m->has_mode) {
		m->live = m->mode == migration_mode_live;
	} else {
		mode = json_get_str(fill_hv_instance(lu->a, lu->cluster, i), "migration_mode");
		m->live = str_eq(mode, enum_name(&enum_migration_mode, migration_mode_live));
	}
	return 0;
}

static int current_memory(struct luctx *lu, struct move *m, const struct instance *i, struct err *e)
{
	json *info;

	if (m->failover || m->cleanup)
		return 0;
	if (lu_inst_running(lu, i, i->primary_node, &info,
			    arena_printf(lu->a, "Error checking instance on node %s",
					 lu_node_name(lu, i->primary_node)),
			    e) < 0)
		return lu_as_prereq(e, NULL);
	m->current_mem = json_get_int(info, "memory", 0);
	return 0;
}

static void remember_nodes(struct luctx *lu, struct move *m, const struct instance *i)
{
	const struct node *to = snap_node(lu->snap, m->target);

	m->source = arena_strdup(lu->a, i->primary_node);
	m->source_name = arena_strdup(lu->a, lu_node_name(lu, i->primary_node));
	m->target_name = arena_strdup(lu->a, to->name);
	m->target_ip = arena_strdup(lu->a, to->secondary_ip);
}

static int prereq(struct luctx *lu, const void *op, struct err *e)
{
	struct move *m = lu->state;
	const struct instance *i;
	const struct disk **disks;
	struct beparams be;
	size_t n;

	(void)op;
	TRY(inst_get(lu, &m->in, &i, e));
	if (!m->cleanup && i->admin_state != admin_state_up && !m->failover && m->fallback) {
		lu_info(lu, "Instance is marked down or offline, fallback allowed, switching to failover");
		m->failover = true;
	}
	TRY(snap_instance_disks(lu->snap, i, &disks, &n, e));
	TRY(check_layout(lu, m, disks, n, e));
	TRY(choose_target(lu, m, i, disks, n, e));
	be = fill_be(lu->a, lu->cluster, &i->beparams);
	TRY(check_memory(lu, m, i, &be, e));
	if (!m->cleanup && !m->failover && be.always_failover) {
		lu_info(lu, "Instance configured to always failover; fallback to failover");
		m->failover = true;
	}
	TRY(lu_check_bridges(lu, &i->nics, m->target, e));
	if (!m->cleanup)
		TRY(check_migratable(lu, m, i, e));
	TRY(choose_mode(lu, m, i, e));
	remember_nodes(lu, m, i);
	return current_memory(lu, m, i, e);
}

/* --- hooks --- */
static int base_env(struct luctx *lu, const struct move *m, const struct instance *i, json *env, struct err *e)
{
	json_set(env, "OLD_PRIMARY", json_new_str(lu_node_name(lu, i->primary_node)));
	json_set(env, "NEW_PRIMARY", json_new_str(m->target_name));
	/* only mirrored disks have a secondary */
	json_set(env, "OLD_SECONDARY", json_new_str(""));
	json_set(env, "NEW_SECONDARY", json_new_str(""));
	return lu_hookenv_instance(lu, i, env, e);
}

static int failover_hooks(struct luctx *lu, const void *op_, json *env, struct strs *pre, struct strs *post,
			  struct err *e)
{
	const struct op_instance_failover *op = op_;
	const struct move *m = lu->state;
	const struct instance *i;

	TRY(inst_get(lu, &m->in, &i, e));
	json_set(env, "IGNORE_CONSISTENCY", json_new_bool(op->ignore_consistency));
	json_set(env, "SHUTDOWN_TIMEOUT", json_new_int(op->shutdown_timeout));
	json_set(env, "FAILOVER_CLEANUP", json_new_bool(op->cleanup));
	strs_add(lu->a, pre, lu->cluster->master_node);
	strs_add(lu->a, pre, m->target);
	strs_add(lu->a, post, lu->cluster->master_node);
	strs_add(lu->a, post, m->target);
	strs_add(lu->a, post, i->primary_node);
	return base_env(lu, m, i, env, e);
}

static int migrate_hooks(struct luctx *lu, const void *op_, json *env, struct strs *pre, struct strs *post,
			 struct err *e)
{
	const struct op_instance_migrate *op = op_;
	const struct move *m = lu->state;
	const struct instance *i;

	TRY(inst_get(lu, &m->in, &i, e));
	json_set(env, "MIGRATE_LIVE", json_new_bool(m->live));
	json_set(env, "MIGRATE_CLEANUP", json_new_bool(op->cleanup));
	json_set(env, "ALLOW_RUNTIME_CHANGES", json_new_bool(op->allow_runtime_changes));
	strs_add(lu->a, pre, lu->cluster->master_node);
	strs_add(lu->a, pre, i->primary_node);
	strs_add(lu->a, pre, m->target);
	*post = *pre;
	return base_env(lu, m, i, env, e);
}

/* --- parts of the execution that both use --- */
int move_set_primary(struct luctx *lu, const struct move *m, const char *node_uuid, struct err *e)
{
	struct instance new = *snap_instance(lu->snap, m->in.uuid);

	if (str_eq(new.primary_node, node_uuid))
		return 0;
	SET(new, primary_node, node_uuid);
	lu_update(lu, OBJ_INSTANCE, &new);
	return lu_commit(lu, e);
}

static int all_disks(struct luctx *lu, const struct move *m, const char *node_uuid, json **ret, struct err *e)
{
	const struct instance *i = snap_instance(lu->snap, m->in.uuid);
	const struct disk **disks;
	size_t n;

	TRY(snap_instance_disks(lu->snap, i, &disks, &n, e));
	*ret = lu_disks_list(lu, i, disks, n, node_uuid);
	return 0;
}

int move_close_disks(struct luctx *lu, const struct move *m, const char *node_uuid, struct err *e)
{
	json *disks;

	lu_log(lu, "* closing instance disks on node %s", lu_node_name(lu, node_uuid));
	TRY(all_disks(lu, m, node_uuid, &disks, e));
	return lu_rpc(lu, RPC_blockdev_close, node_uuid, json_pack("[s, o]", m->in.name, disks), NULL,
		      arena_printf(lu->a, "Cannot close instance disks on node %s", lu_node_name(lu, node_uuid)), e);
}

int move_open_disks(struct luctx *lu, const struct move *m, const char *node_uuid, bool exclusive, struct err *e)
{
	json *disks;

	lu_log(lu, "* opening instance disks on node %s in %s mode", lu_node_name(lu, node_uuid),
	       exclusive ? "exclusive" : "shared");
	TRY(all_disks(lu, m, node_uuid, &disks, e));
	return lu_rpc(lu, RPC_blockdev_open, node_uuid, json_pack("[s, o, b]", m->in.name, disks, (int)exclusive),
		      NULL,
		      arena_printf(lu->a, "Cannot open instance disks on node %s", lu_node_name(lu, node_uuid)), e);
}

int move_runs_on(struct luctx *lu, const struct move *m, const char *node_uuid)
{
	return lu_inst_running(lu, snap_instance(lu->snap, m->in.uuid), node_uuid, NULL, NULL, NULL);
}

static int exec(struct luctx *lu, const void *op, json **ret, struct err *e)
{
	struct move *m = lu->state;

	(void)op;
	(void)ret;
	if (m->failover) {
		lu_log(lu, "Failover instance %s", m->in.name);
		return move_failover(lu, m, e);
	}
	lu_log(lu, "Migrating instance %s", m->in.name);
	return m->cleanup ? move_cleanup(lu, m, e) : move_migrate(lu, m, e);
}

const struct lu lu_instance_failover = {
	.hooks_path = "instance-failover",
	.hooks_type = "INSTANCE",
	.state_size = sizeof(struct move),
	.expand = failover_expand,
	.declare = declare,
	.prereq = prereq,
	.hooks = failover_hooks,
	.exec = exec,
};

const struct lu lu_instance_migrate = {
	.hooks_path = "instance-migrate",
	.hooks_type = "INSTANCE",
	.state_size = sizeof(struct move),
	.expand = migrate_expand,
	.declare = declare,
	.prereq = prereq,
	.hooks = migrate_hooks,
	.exec = exec,
};
