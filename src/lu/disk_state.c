/* Disks of an instance made usable and not (upstream: AssembleInstanceDisks, ShutdownInstanceDisks). */
#include "src/lu/lu.h"

int lu_set_disks_active(struct luctx *lu, const char *inst_uuid, bool active, struct err *e)
{
	const struct instance *i = snap_instance(lu->snap, inst_uuid);
	struct instance new;

	if (!i || i->disks_active == active)
		return 0;
	new = *i;
	new.disks_active = active;
	new.has_disks_active = true;
	lu_update(lu, OBJ_INSTANCE, &new);
	return lu_commit(lu, e);
}

int lu_set_admin_state(struct luctx *lu, const char *inst_uuid, int state, int source, struct err *e)
{
	const struct instance *i = snap_instance(lu->snap, inst_uuid);
	struct instance new;

	if (!i || ((int)i->admin_state == state && (int)i->admin_state_source == source))
		return 0;
	new = *i;
	new.admin_state = (admin_state_t)state;
	new.admin_state_source = (admin_state_source_t)source;
	new.has_admin_state = new.has_admin_state_source = true;
	lu_update(lu, OBJ_INSTANCE, &new);
	return lu_commit(lu, e);
}

static int assemble_on(struct luctx *lu, const struct instance *i, const struct disk *d, size_t idx,
		       const char *node_uuid, bool primary, bool ignore_size, struct rpc_answer *ret, struct err *e)
{
	json *dict = lu_disk_dict(lu, i, d, node_uuid);

	if (ignore_size)
		json_set(dict, "size", json_new_int(0)); /* unknown; upstream: UnsetSize */
	return lu_ask(lu, RPC_blockdev_assemble, node_uuid,
		      json_pack("[o, o, b, I]", dict, lu_inst_dict(lu, i, NULL, NULL, NULL), (int)primary,
				(int64_t)idx),
		      ret, e);
}

static void assemble_warning(struct luctx *lu, const struct disk *d, const struct rpc_answer *r, bool primary)
{
	lu_warn(lu, NULL, "Could not prepare block device %s on node %s (is_primary=%s, pass=%d): %s",
		d->iv_name, r->node, primary ? "True" : "False", primary ? 2 : 1, r->error);
}

/* Mirrored disks first become secondary everywhere, so that both ends meet before one is made primary. */
static int first_pass(struct luctx *lu, const struct instance *i, const struct disk *const *disks, size_t n,
		      bool ignore_secondaries, bool ignore_size, bool *ok, struct err *e)
{
	struct strs nodes = lu_instance_nodes(lu, i);
	struct rpc_answer r;

	for (size_t k = 0; k < n; k++) {
		if (!template_is_int_mirrored(disks[k]->dev_type))
			continue;
		for (size_t m = 0; m < nodes.n; m++) {
			TRY(assemble_on(lu, i, disks[k], k, nodes.v[m], false, ignore_size, &r, e));
			if (!r.failed)
				continue;
			assemble_warning(lu, disks[k], &r, false);
			if (!ignore_secondaries && !(m > 0 && r.offline))
				*ok = false;
		}
	}
	return 0;
}

static int second_pass(struct luctx *lu, const struct instance *i, const struct disk *const *disks, size_t n,
		       bool ignore_size, bool *ok, json *info, struct err *e)
{
	struct rpc_answer r;

	for (size_t k = 0; k < n; k++) {
		json *path = NULL;

		TRY(assemble_on(lu, i, disks[k], k, i->primary_node, true, ignore_size, &r, e));
		if (r.failed) {
			assemble_warning(lu, disks[k], &r, true);
			*ok = false;
		} else {
			path = json_ref(json_at(r.payload, 0));
		}
		json_append(info, json_pack("[s, s, o]", lu_node_name(lu, i->primary_node), disks[k]->iv_name,
					    path));
	}
	return 0;
}

int lu_disks_assemble(struct luctx *lu, const char *inst_uuid, bool ignore_secondaries, bool ignore_size,
		      bool *ret_ok, json **ret_info, struct err *e)
{
	json *info = json_own(lu->a, json_new_array());
	const struct instance *i;
	const struct disk **disks;
	bool ok = true;
	size_t n;

	/* before anything is done, or the watcher could shut them down meanwhile */
	TRY(lu_set_disks_active(lu, inst_uuid, true, e));
	i = snap_instance(lu->snap, inst_uuid);
	TRY(snap_instance_disks(lu->snap, i, &disks, &n, e));
	TRY(first_pass(lu, i, disks, n, ignore_secondaries, ignore_size, &ok, e));
	TRY(second_pass(lu, i, disks, n, ignore_size, &ok, info, e));
	if (!ok)
		TRY(lu_set_disks_active(lu, inst_uuid, false, e));
	*ret_ok = ok;
	if (ret_info)
		*ret_info = info;
	return 0;
}

int lu_disks_start(struct luctx *lu, const char *inst_uuid, int force, struct err *e)
{
	bool ok;

	TRY(lu_disks_assemble(lu, inst_uuid, force > 0, false, &ok, NULL, e));
	if (ok)
		return 0;
	TRY(lu_disks_shutdown(lu, inst_uuid, false, NULL, e));
	if (force == 0)
		lu_warn(lu,
			"If the message above refers to a secondary node, you can retry the operation using "
			"'--force'",
			"%s", "");
	return err_set(e, ERR_EXEC, NULL, "Disk consistency error");
}

int lu_disks_shutdown(struct luctx *lu, const char *inst_uuid, bool ignore_primary, bool *ret_ok, struct err *e)
{
	const struct instance *i;
	const struct disk **disks;
	struct strs nodes;
	struct rpc_answer r;
	bool ok = true;
	size_t n;

	TRY(lu_set_disks_active(lu, inst_uuid, false, e));
	i = snap_instance(lu->snap, inst_uuid);
	TRY(snap_instance_disks(lu->snap, i, &disks, &n, e));
	nodes = lu_instance_nodes(lu, i);
	for (size_t k = 0; k < n; k++) {
		size_t on = template_is_int_mirrored(disks[k]->dev_type) ? nodes.n : 1;

		for (size_t m = 0; m < on; m++) {
			TRY(lu_ask(lu, RPC_blockdev_shutdown, nodes.v[m],
				   json_pack("[o]", lu_disk_dict(lu, i, disks[k], nodes.v[m])), &r, e));
			if (!r.failed)
				continue;
			lu_warn(lu, NULL, "Could not shutdown block device %s on node %s: %s",
				disks[k]->iv_name, r.node, r.error);
			if (m == 0 ? !ignore_primary : !r.offline)
				ok = false;
		}
	}
	if (ret_ok)
		*ret_ok = ok;
	return 0;
}

void lu_disks_wait_sync(struct luctx *lu, const char *inst_uuid)
{
	const struct instance *i = snap_instance(lu->snap, inst_uuid);

	if (!i || !i->disks.n)
		return;
	lu_info(lu, "Waiting for instance %s to sync disks", i->name);
	lu_info(lu, "Instance %s's disks are in sync", i->name);
}
