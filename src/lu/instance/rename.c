/* Upstream: LUInstanceRename. */
#include "src/lu/instance/priv.h"

#include <string.h>


struct state {
	struct inst in;
	const char *new_name;
	struct inst_hooks kept;
};

static int check_args(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_instance_rename *op = op_;

	(void)lu;
	if (op->ip_check && !op->name_check)
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "IP address check requires a name check");
	return 0;
}

static int resolve_new(struct luctx *lu, const struct op_instance_rename *op, struct state *st, struct err *e)
{
	const char *ip;

	TRY(name_normalize(lu->a, op->new_name, &st->new_name, e));
	if (!op->name_check)
		return 0;
	TRY(lu_check_name_resolves(lu, st->new_name, &st->new_name, &ip, e));
	if (op->ip_check && tcp_ping(ip, rpc_port(), TCP_PING_TIMEOUT, false, NULL))
		return err_set(e, ERR_PREREQ, ECODE_NOTUNIQUE, "IP %s of instance %s already in use", ip,
			       st->new_name);
	return 0;
}

static int expand(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_instance_rename *op = op_;
	struct state *st = lu->state;

	TRY(inst_expand(lu, op->instance_name, op->instance_uuid, true, &st->in, e));
	TRY(resolve_new(lu, op, st, e));
	if (str_eq(st->new_name, st->in.name))
		return 0;
	TRY(inst_check_name_free(lu, st->new_name, e));
	lu_need(lu, LOCK_INSTANCE, st->new_name, false);
	return 0;
}

static int prereq(struct luctx *lu, const void *op, struct err *e)
{
	const struct state *st = lu->state;
	const struct instance *i;
	const struct disk **disks;
	size_t n;

	(void)op;
	TRY(inst_get(lu, &st->in, &i, e));
	TRY(snap_instance_disks(lu->snap, i, &disks, &n, e));
	for (size_t k = 0; k < n; k++)
		if (template_is_filebased(disks[k]->dev_type) && !str_eq(st->new_name, i->name))
			TRY(lu_check_template(lu, disks[k]->dev_type, e));
	TRY(lu_check_node_online(lu, snap_node(lu->snap, i->primary_node), NULL, e));
	TRY(lu_check_instance_state(lu, i, INST_NOT_RUNNING, "cannot rename", e));
	if (str_eq(st->new_name, i->name))
		return 0;
	TRY(inst_check_name_free(lu, st->new_name, e));
	return inst_reserve_name(lu, st->new_name, e);
}

static int hooks(struct luctx *lu, const void *op, json *env, struct strs *pre, struct strs *post, struct err *e)
{
	struct state *st = lu->state;

	(void)op;
	json_set(env, "INSTANCE_NEW_NAME", json_new_str(st->new_name));
	TRY(inst_hooks_kept(lu, &st->in, &st->kept, env, pre, e));
	*post = *pre;
	return 0;
}

/* DIR with its last part replaced. */
static const char *sibling(struct luctx *lu, const char *dir, const char *name)
{
	const char *slash = strrchr(dir, '/');

	return arena_printf(lu->a, "%.*s/%s", (int)(slash - dir), dir, name);
}

static int move_dir(struct luctx *lu, const char *node_uuid, const char *from, const char *to, struct err *e)
{
	return lu_rpc(lu, RPC_file_storage_dir_rename, node_uuid, json_pack("[s, s]", from, to), NULL,
		      arena_printf(lu->a, "Could not rename on node %s directory '%s' to '%s'",
				   lu_node_name(lu, node_uuid), from, to),
		      e);
}

/* Name and paths in one transaction. */
static int commit_names(struct luctx *lu, const struct state *st, const char *new_dir, struct err *e)
{
	struct instance new = *snap_instance(lu->snap, st->in.uuid);
	const struct disk **disks;
	size_t n;

	TRY(snap_instance_disks(lu->snap, &new, &disks, &n, e));
	SET(new, name, st->new_name);
	lu_update(lu, OBJ_INSTANCE, &new);
	for (size_t k = 0; k < n && new_dir; k++) {
		struct disk d = *disks[k];
		const char *path = json_str(json_at(d.logical_id, 1));

		if (!lu_disks_dir(lu, &d) || d.dev_type == disk_template_gluster)
			continue;
		SET(d, logical_id,
		    json_own(lu->a, json_pack("[s, s]", json_str(json_at(d.logical_id, 0)),
					      arena_printf(lu->a, "%s/%s", new_dir, strrchr(path, '/') + 1))));
		lu_update(lu, OBJ_DISK, &d);
	}
	return lu_commit(lu, e);
}

/* The directory moves before the configuration says so: a failure leaves the instance as it was. */
static int change_name(struct luctx *lu, const struct state *st, struct err *e)
{
	const struct instance *i = snap_instance(lu->snap, st->in.uuid);
	const char *primary = arena_strdup(lu->a, i->primary_node), *from = NULL, *to = NULL;
	const struct disk **disks;
	size_t n;

	TRY(snap_instance_disks(lu->snap, i, &disks, &n, e));
	for (size_t k = 0; k < n && !from; k++)
		if (disks[k]->dev_type != disk_template_gluster)
			from = lu_disks_dir(lu, disks[k]);
	if (from)
		to = sibling(lu, from, st->new_name);
	if (from && !i->forthcoming && move_dir(lu, primary, from, to, e) < 0) {
		/* it may have been done and only the answer was lost; otherwise this fails and changes nothing */
		move_dir(lu, primary, to, from, NULL);
		return -1;
	}
	if (commit_names(lu, st, to, e) == 0)
		return 0;
	if (from && snap_instance(lu->snap, st->in.uuid))
		move_dir(lu, primary, to, from, NULL);
	return -1;
}

/* Failures here leave a renamed instance: they are warnings. */
static int tell_disks(struct luctx *lu, const struct instance *i, struct err *e)
{
	char *info = arena_printf(lu->a, "originstname+%s", i->name);
	struct strs nodes = lu_instance_nodes(lu, i);
	const struct disk **disks;
	struct rpc_answer r;
	size_t n;

	TRY(snap_instance_disks(lu->snap, i, &disks, &n, e));
	for (size_t k = 0; k < n; k++)
		for (size_t m = 0; m < nodes.n; m++) {
			TRY(lu_ask(lu, RPC_blockdev_setinfo, nodes.v[m],
				   json_pack("[o, s]", lu_disk_dict(lu, i, disks[k], nodes.v[m]), info), &r, e));
			if (r.failed)
				lu_warn(lu, NULL, "Error setting info on node %s for disk %zu: %s", r.node, k,
					r.error);
		}
	return 0;
}

static int run_script(struct luctx *lu, const struct state *st, struct err *e)
{
	const struct instance *i = snap_instance(lu->snap, st->in.uuid);
	struct rpc_answer r;

	TRY(lu_ask(lu, RPC_instance_run_rename, i->primary_node,
		   json_pack("[o, s, I]", lu_inst_dict(lu, i, NULL, NULL, NULL), st->in.name,
			     lu->common->debug_level),
		   &r, e));
	if (r.failed)
		lu_warn(lu, NULL,
			"Could not run OS rename script for instance %s on node %s (but the instance has been "
			"renamed in Ganeti): %s",
			i->name, r.node, r.error);
	return 0;
}

static int exec(struct luctx *lu, const void *op, json **ret, struct err *e)
{
	const struct state *st = lu->state;
	int rc;

	(void)op;
	if (!str_eq(st->new_name, st->in.name))
		TRY(change_name(lu, st, e));
	*ret = json_new_str(st->new_name);
	if (snap_instance(lu->snap, st->in.uuid)->forthcoming)
		return 0;
	TRY(lu_disks_start(lu, st->in.uuid, -1, e));
	TRY(tell_disks(lu, snap_instance(lu->snap, st->in.uuid), e));
	rc = run_script(lu, st, e);
	TRY(lu_disks_shutdown(lu, st->in.uuid, false, NULL, rc < 0 ? NULL : e));
	return rc;
}

const struct lu lu_instance_rename = {
	.hooks_path = "instance-rename",
	.hooks_type = "INSTANCE",
	.state_size = sizeof(struct state),
	.check_args = check_args,
	.expand = expand,
	.prereq = prereq,
	.hooks = hooks,
	.exec = exec,
};
