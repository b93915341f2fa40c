/*
 * Making an instance (upstream: LUInstanceCreate.Exec). Until disks and instance are in the configuration every
 * failure removes what was made; so does one of the steps before the OS scripts. An instance whose scripts or
 * whose start failed stays, down, for its operator to look at.
 */
#include "src/lu/instance/priv.h"

struct instance create_object(struct luctx *lu, const struct op_instance_create *op, const struct create *c)
{
	struct instance i = { .name = NULL };

	SET(i, name, c->name);
	SET(i, primary_node, c->primary);
	SET(i, os, op->os_type);
	SET(i, hypervisor, (hypervisor_t)c->hypervisor);
	SET(i, hvparams, c->hvparams);
	SET(i, beparams, c->be);
	SET(i, osparams, c->osparams);
	SET(i, osparams_private, c->osparams_private);
	SET(i, admin_state, admin_state_down);
	SET(i, admin_state_source, admin_state_source_admin);
	SET(i, nics, c->nics);
	SET(i, disks, ((struct strs){ NULL, 0 }));
	SET(i, disks_active, false);
	for (size_t k = 0; k < op->tags.n; k++)
		if (!strs_has(&i.tags, op->tags.v[k]))
			strs_add(lu->a, &i.tags, op->tags.v[k]);
	i.has_tags = true;
	if (op->forthcoming)
		SET(i, forthcoming, true);
	return i;
}

static bool needs_port(int hypervisor)
{
	return hypervisor == hypervisor_kvm || hypervisor == hypervisor_xen_hvm;
}

/* Disks and instance in one transaction. */
static int add_to_config(struct luctx *lu, const struct instance *i, const struct disk *disks, size_t n, struct err *e)
{
	lu_log(lu, "adding instance %s to cluster config", i->name);
	lu_log(lu, "adding disks to cluster config");
	for (size_t k = 0; k < n; k++)
		lu_add(lu, OBJ_DISK, &disks[k]);
	lu_add(lu, OBJ_INSTANCE, i);
	return lu_commit(lu, e);
}

static int make(struct luctx *lu, const struct op_instance_create *op, const struct create *c, struct instance *i,
		struct err *e)
{
	struct disk *disks = lu_disks_plan(lu, c->template_, c->primary, c->specs, c->n_disks, c->dir, c->driver, 0);
	const struct disk **v = ARENA_ARRAY(lu->a, const struct disk *, c->n_disks + 1);

	for (size_t k = 0; k < c->n_disks; k++) {
		strs_add(lu->a, &i->disks, disks[k].uuid);
		v[k] = &disks[k];
		if (op->forthcoming)
			SET(disks[k], forthcoming, true);
	}
	if (op->forthcoming) {
		lu_log(lu, "Instance is forthcoming, not creating disks");
		return add_to_config(lu, i, disks, c->n_disks, e);
	}
	lu_log(lu, "* creating instance disks...");
	if (lu_disks_create(lu, i, disks, c->n_disks, true, e) < 0) {
		lu_warn(lu, NULL, "Device creation failed");
		return -1;
	}
	if (add_to_config(lu, i, disks, c->n_disks, e) == 0)
		return 0;
	lu_disks_remove(lu, i, v, c->n_disks, true);
	return -1;
}

/* Disks and instance are gone after this, as far as the node answers. */
static void unmake(struct luctx *lu, const char *uuid)
{
	const struct instance *i = snap_instance(lu->snap, uuid);
	struct err why CLEANUP(err_clear) = ERR_NONE;
	const struct disk **disks;
	size_t n;

	if (i && snap_instance_disks(lu->snap, i, &disks, &n, &why) == 0)
		lu_disks_remove(lu, i, disks, n, true);
	if (i && inst_remove_from_config(lu, uuid, &why) < 0)
		lu_warn(lu, NULL, "Could not remove the instance from the configuration: %s", err_msg(&why));
}

static int wipe(struct luctx *lu, const char *uuid, struct err *e)
{
	const struct instance *i = snap_instance(lu->snap, uuid);
	struct err why CLEANUP(err_clear) = ERR_NONE;
	const struct disk **disks;
	size_t n;

	TRY(snap_instance_disks(lu->snap, i, &disks, &n, e));
	if (!lu->cluster->prealloc_wipe_disks)
		return 0;
	lu_log(lu, "* wiping instance disks...");
	if (lu_disks_wipe(lu, i, disks, n, 0, &why) == 0)
		return 0;
	lu_warn(lu, NULL, "Wiping instance disks failed (%s)", err_msg(&why));
	unmake(lu, uuid);
	return err_set(e, ERR_EXEC, NULL, "There are some degraded disks for this instance");
}

/* The instance as RPCs should see it from here on: with its disks in use. */
static struct instance in_use(struct luctx *lu, const char *uuid)
{
	struct instance i = *snap_instance(lu->snap, uuid);

	SET(i, disks_active, true);
	return i;
}

static int install(struct luctx *lu, const struct op_instance_create *op, const struct create *c, const char *uuid,
		   struct err *e)
{
	struct instance i = in_use(lu, uuid);

	if (op->no_install || !c->n_disks)
		return 0;
	lu_log(lu, "* running the instance OS create scripts...");
	return lu_rpc(lu, RPC_instance_os_add, c->primary,
		      json_pack("[o, b, I]", lu_inst_dict(lu, &i, NULL, NULL, c->os_all), 0, op->debug_level), NULL,
		      arena_printf(lu->a, "Could not add os for instance %s on node %s", c->name,
				   lu_node_name(lu, c->primary)),
		      e);
}

static int start(struct luctx *lu, const struct create *c, const char *uuid, struct err *e)
{
	struct instance i;

	if (!c->start)
		return 0;
	i = in_use(lu, uuid);
	SET(i, admin_state, admin_state_up);
	lu_update(lu, OBJ_INSTANCE, &i);
	TRY(lu_commit(lu, e));
	lu_log(lu, "* starting instance...");
	return lu_rpc(lu, RPC_instance_start, c->primary,
		      json_pack("[o, b, o]",
				lu_inst_dict(lu, snap_instance(lu->snap, uuid), NULL, NULL, NULL), 0,
				inst_reason(lu)),
		      NULL, "Could not start instance", e);
}

int create_exec(struct luctx *lu, const void *op_, json **ret, struct err *e)
{
	const struct op_instance_create *op = op_;
	const struct create *c = lu->state;
	struct instance i = create_object(lu, op, c);

	SET(i, uuid, uuid_new(lu->a));
	if (needs_port(c->hypervisor)) {
		TRY(inst_take_port(lu, &i.network_port, e));
		i.has_network_port = true;
	}
	TRY(make(lu, op, c, &i, e));
	*ret = json_pack("[s]", lu_node_name(lu, c->primary));
	if (op->forthcoming) {
		lu_log(lu, "Instance is forthcoming; not creating the actual instance");
		return 0;
	}
	TRY(lu_release(lu, LOCK_NODE, NULL, e));
	TRY(wipe(lu, i.uuid, e));
	/* upstream looks at the mirrors before and after imaging the disks */
	for (int k = 0; k < 2 && op->wait_for_sync; k++)
		lu_disks_wait_sync(lu, i.uuid);
	TRY(lu_release(lu, LOCK_NODE_RES, NULL, e));
	TRY(install(lu, op, c, i.uuid, e));
	return start(lu, c, i.uuid, e);
}
