/*
 * Activate, deactivate and grow disks (upstream: LUInstanceActivateDisks, LUInstanceDeactivateDisks,
 * LUInstanceGrowDisk).
 */
#include "src/lu/instance/priv.h"

#include "lib/base/parse.h"

struct state {
	struct inst in;
	size_t idx;
	int64_t delta, target;
};

static int need_nodes(struct luctx *lu, const struct inst *in, enum lock_level level, struct err *e)
{
	const struct instance *i;
	struct strs nodes;

	TRY(inst_get(lu, in, &i, e));
	nodes = lu_instance_nodes(lu, i);
	for (size_t k = 0; k < nodes.n; k++)
		lu_need(lu, level, nodes.v[k], false);
	return 0;
}

/* --- activate --- */
static int activate_expand(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_instance_activate_disks *op = op_;
	struct state *st = lu->state;

	return inst_expand(lu, op->instance_name, op->instance_uuid, false, &st->in, e);
}

static int node_declare(struct luctx *lu, const void *op, enum lock_level level, struct err *e)
{
	const struct state *st = lu->state;

	(void)op;
	return level == LOCK_NODE ? need_nodes(lu, &st->in, level, e) : 0;
}

static int activate_prereq(struct luctx *lu, const void *op, struct err *e)
{
	const struct state *st = lu->state;
	const struct instance *i;

	(void)op;
	TRY(inst_get(lu, &st->in, &i, e));
	return lu_check_node_online(lu, snap_node(lu->snap, i->primary_node), NULL, e);
}

static int activate_exec(struct luctx *lu, const void *op_, json **ret, struct err *e)
{
	const struct op_instance_activate_disks *op = op_;
	const struct state *st = lu->state;
	json *info;
	bool ok;

	TRY(lu_disks_assemble(lu, st->in.uuid, false, op->ignore_size, &ok, &info, e));
	if (!ok)
		return err_set(e, ERR_EXEC, NULL, "Cannot activate block devices");
	if (op->wait_for_sync)
		lu_disks_wait_sync(lu, st->in.uuid);
	*ret = json_ref(info);
	return 0;
}

const struct lu lu_instance_activate_disks = {
	.state_size = sizeof(struct state),
	.expand = activate_expand,
	.declare = node_declare,
	.prereq = activate_prereq,
	.exec = activate_exec,
};

/* --- deactivate --- */
static int deactivate_expand(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_instance_deactivate_disks *op = op_;
	struct state *st = lu->state;

	return inst_expand(lu, op->instance_name, op->instance_uuid, false, &st->in, e);
}

static int deactivate_prereq(struct luctx *lu, const void *op, struct err *e)
{
	const struct state *st = lu->state;
	const struct instance *i;

	(void)op;
	return inst_get(lu, &st->in, &i, e);
}

static int deactivate_exec(struct luctx *lu, const void *op_, json **ret, struct err *e)
{
	const struct op_instance_deactivate_disks *op = op_;
	const struct state *st = lu->state;

	(void)ret;
	/* upstream: SafeShutdownInstanceDisks */
	if (!op->force)
		TRY(lu_check_instance_state(lu, snap_instance(lu->snap, st->in.uuid), INST_DOWN,
					    "cannot shutdown disks", e));
	return lu_disks_shutdown(lu, st->in.uuid, false, NULL, e);
}

const struct lu lu_instance_deactivate_disks = {
	.state_size = sizeof(struct state),
	.expand = deactivate_expand,
	.declare = node_declare,
	.prereq = deactivate_prereq,
	.exec = deactivate_exec,
};

/* --- grow --- */
static int grow_expand(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_instance_grow_disk *op = op_;
	struct state *st = lu->state;

	return inst_expand(lu, op->instance_name, op->instance_uuid, false, &st->in, e);
}

static int grow_declare(struct luctx *lu, const void *op, enum lock_level level, struct err *e)
{
	const struct state *st = lu->state;

	(void)op;
	return level == LOCK_NODE || level == LOCK_NODE_RES ? need_nodes(lu, &st->in, level, e) : 0;
}

static int grow_size(const struct op_instance_grow_disk *op, struct state *st, int64_t size, struct err *e)
{
	char *now CLEANUP(freep) = format_unit((double)size, 'h');
	char *want CLEANUP(freep) = format_unit((double)op->amount, 'h');

	st->target = op->absolute ? op->amount : size + op->amount;
	st->delta = st->target - size;
	if (st->delta < 0)
		return err_set(e, ERR_PREREQ, ECODE_STATE,
			       "Requested size (%s) is smaller than current disk size (%s)", want, now);
	return 0;
}

static int grow_policy(struct luctx *lu, const struct op_instance_grow_disk *op, const struct state *st,
		       const struct instance *i, const struct disk **disks, size_t n, struct err *e)
{
	const struct nodegroup *g = snap_group(lu->snap, snap_node(lu->snap, i->primary_node)->group);
	struct beparams be = fill_be(lu->a, lu->cluster, &i->beparams);
	int64_t *sizes = ARENA_ARRAY(lu->a, int64_t, n + 1);
	struct strs bad;

	for (size_t k = 0; k < n; k++)
		sizes[k] = k == st->idx ? st->target : disks[k]->size;
	bad = lu_ipolicy_violations(lu, g, &be, i->nics.n, disks[0]->dev_type, sizes, n);
	if (!bad.n)
		return 0;
	if (!op->ignore_ipolicy)
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "Growing disk %zu violates policy: %s", st->idx,
			       strs_join(lu->a, &bad, ", "));
	lu_warn(lu, NULL, "Growing disk %zu violates policy: %s", st->idx, strs_join(lu->a, &bad, ", "));
	return 0;
}

static int grow_prereq(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_instance_grow_disk *op = op_;
	struct state *st = lu->state;
	const struct instance *i;
	const struct disk **disks;
	struct strs nodes;
	size_t n;

	TRY(inst_get(lu, &st->in, &i, e));
	nodes = lu_instance_nodes(lu, i);
	for (size_t k = 0; k < nodes.n; k++)
		TRY(lu_check_node_online(lu, snap_node(lu->snap, nodes.v[k]), NULL, e));
	TRY(snap_instance_disks(lu->snap, i, &disks, &n, e));
	if ((size_t)op->disk >= n)
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Invalid disk index %lld passed (the instance has %zu disks)",
			       (long long)op->disk, n);
	st->idx = (size_t)op->disk;
	if (!template_is_filebased(disks[st->idx]->dev_type))
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Disks of the template %s cannot be grown by this version",
			       enum_name(&enum_disk_template, disks[st->idx]->dev_type));
	TRY(grow_size(op, st, disks[st->idx]->size, e));
	return grow_policy(lu, op, st, i, disks, n, e);
}

static int grow_hooks(struct luctx *lu, const void *op_, json *env, struct strs *pre, struct strs *post,
		      struct err *e)
{
	const struct op_instance_grow_disk *op = op_;
	const struct state *st = lu->state;

	json_set(env, "DISK", json_new_int(op->disk));
	json_set(env, "AMOUNT", json_new_int(op->amount));
	json_set(env, "ABSOLUTE", json_new_bool(op->absolute));
	TRY(inst_hooks(lu, &st->in, env, pre, e));
	*post = *pre;
	return 0;
}

static int grow_call(struct luctx *lu, const struct state *st, bool dry_run, bool backing, struct err *e)
{
	const struct instance *i = snap_instance(lu->snap, st->in.uuid);
	const struct disk *d = snap_disk(lu->snap, i->disks.v[st->idx]);

	return lu_rpc(lu, RPC_blockdev_grow, i->primary_node,
		      json_pack("[o, I, b, b, b]", lu_disk_dict(lu, i, d, i->primary_node), st->delta,
				(int)dry_run, (int)backing, 0),
		      NULL,
		      arena_printf(lu->a, dry_run ? "Dry-run grow request failed to node %s" :
						    "Grow request failed to node %s",
				   lu_node_name(lu, i->primary_node)),
		      e);
}

static int record_size(struct luctx *lu, const struct state *st, struct err *e)
{
	const struct instance *i = snap_instance(lu->snap, st->in.uuid);
	struct disk d = *snap_disk(lu->snap, i->disks.v[st->idx]);

	SET(d, size, st->target);
	lu_update(lu, OBJ_DISK, &d);
	return lu_commit(lu, e);
}

/* A running guest that cannot be told sees the new size after its next start. */
static int tell_hypervisor(struct luctx *lu, const struct state *st, struct err *e)
{
	const struct instance *i = snap_instance(lu->snap, st->in.uuid);
	const struct disk *d = snap_disk(lu->snap, i->disks.v[st->idx]);
	struct rpc_answer r;

	lu_log(lu, "Try to notify the Hypervisor about the disk change");
	TRY(lu_ask(lu, RPC_resize_disk, i->primary_node,
		   json_pack("[o, o, I]", lu_inst_dict(lu, i, NULL, NULL, NULL), record_emit(rec_disk(), d, 0),
			     d->size * 1024 * 1024),
		   &r, e));
	if (r.failed)
		lu_warn(lu, NULL, "Disk resize in hypervisor failed: %s", r.error);
	return 0;
}

static int grow_now(struct luctx *lu, const struct op_instance_grow_disk *op, const struct state *st, struct err *e)
{
	char *delta CLEANUP(freep) = format_unit((double)st->delta, 'h');
	char *target CLEANUP(freep) = format_unit((double)st->target, 'h');
	const struct instance *i;
	const struct disk *d;

	lu_log(lu, "Growing disk %zu of instance '%s' by %s to %s", st->idx, st->in.name, delta, target);
	TRY(grow_call(lu, st, true, true, e));
	TRY(grow_call(lu, st, false, true, e));
	TRY(record_size(lu, st, e));
	i = snap_instance(lu->snap, st->in.uuid);
	d = snap_disk(lu->snap, i->disks.v[st->idx]);
	if (lu->cluster->prealloc_wipe_disks)
		TRY(lu_disks_wipe(lu, i, &d, 1, st->target - st->delta, e));
	if (op->wait_for_sync)
		lu_disks_wait_sync(lu, st->in.uuid);
	return i->admin_state == admin_state_up ? tell_hypervisor(lu, st, e) : 0;
}

static int grow_exec(struct luctx *lu, const void *op_, json **ret, struct err *e)
{
	const struct op_instance_grow_disk *op = op_;
	const struct state *st = lu->state;
	bool was_active = snap_instance(lu->snap, st->in.uuid)->disks_active, ok;
	int rc;

	(void)ret;
	TRY(lu_disks_assemble(lu, st->in.uuid, false, false, &ok, NULL, e));
	if (!ok)
		return err_set(e, ERR_EXEC, NULL, "Cannot activate block device to grow");
	rc = grow_now(lu, op, st, e);
	if (!was_active)
		TRY(lu_disks_shutdown(lu, st->in.uuid, false, NULL, rc < 0 ? NULL : e));
	return rc;
}

const struct lu lu_instance_grow_disk = {
	.hooks_path = "disk-grow",
	.hooks_type = "INSTANCE",
	.state_size = sizeof(struct state),
	.expand = grow_expand,
	.declare = grow_declare,
	.prereq = grow_prereq,
	.hooks = grow_hooks,
	.exec = grow_exec,
};
