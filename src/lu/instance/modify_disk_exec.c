/*
 * Disk modifications done, one by one (upstream: _CreateNewDisk, _AttachDisk, _ModifyDisk, _RemoveDisk,
 * _DetachDisk). The configuration is committed after each, so a failure leaves those before it in effect.
 */
#include "src/lu/instance/priv.h"

#include <string.h>

struct work {
	const struct op_instance_set_params *op;
	struct modify *m;
	const struct mod *mod;
	json *result;
};

static void say(struct work *w, const char *key, const char *value)
{
	json_append(w->result, json_pack("[s, s]", key, value));
}

static const char *key_of(struct luctx *lu, size_t idx)
{
	return arena_printf(lu->a, "disk/%zu", idx);
}

static const struct instance *inst(struct luctx *lu, const struct work *w)
{
	return snap_instance(lu->snap, w->m->in.uuid);
}

/* --- the instance's list --- */
/* Store LIST as the disks of the instance; those that moved get their names as seen by the guest. EXTRA is a
 * disk in the list that is not stored yet (or is stored anew), may be NULL. */
static int commit_list(struct luctx *lu, const struct work *w, const struct strs *list, const struct disk *extra,
		       struct err *e)
{
	struct instance new = *inst(lu, w);

	for (size_t k = 0; k < list->n; k++) {
		const struct disk *old = snap_disk(lu->snap, list->v[k]);
		bool is_extra = extra && str_eq(extra->uuid, list->v[k]);
		const char *iv = key_of(lu, k);
		struct disk d;

		if (!is_extra && str_eq(old->iv_name, iv))
			continue;
		d = is_extra ? *extra : *old;
		SET(d, iv_name, iv);
		if (old)
			lu_update(lu, OBJ_DISK, &d);
		else
			lu_add(lu, OBJ_DISK, &d);
	}
	SET(new, disks, *list);
	lu_update(lu, OBJ_INSTANCE, &new);
	return lu_commit(lu, e);
}

static struct strs list_with(struct luctx *lu, const struct instance *i, size_t at, const char *uuid)
{
	struct strs out = { NULL, 0 };

	for (size_t k = 0; k <= i->disks.n; k++) {
		if (k == at)
			strs_add(lu->a, &out, uuid);
		if (k < i->disks.n)
			strs_add(lu->a, &out, arena_strdup(lu->a, i->disks.v[k]));
	}
	return out;
}

static struct strs list_without(struct luctx *lu, const struct instance *i, size_t at)
{
	struct strs out = { NULL, 0 };

	for (size_t k = 0; k < i->disks.n; k++)
		if (k != at)
			strs_add(lu->a, &out, arena_strdup(lu->a, i->disks.v[k]));
	return out;
}

/* --- making it usable, and not --- */
static int assemble(struct luctx *lu, struct work *w, size_t idx, const struct disk *d, json **ret_payload,
		    struct err *e)
{
	const struct instance *i = inst(lu, w);
	struct rpc_answer r;

	*ret_payload = NULL;
	TRY(lu_ask(lu, RPC_blockdev_assemble, i->primary_node,
		   json_pack("[o, o, b, I]", lu_disk_dict(lu, i, d, i->primary_node),
			     lu_inst_dict(lu, i, NULL, NULL, NULL), 1, (int64_t)idx),
		   &r, e));
	if (r.failed) {
		lu_warn(lu, NULL, "Can't assemble newly created disk %zu: %s", idx, r.error);
		say(w, key_of(lu, idx), "assemble:failed");
		return 0;
	}
	*ret_payload = r.payload;
	return 0;
}

/* Give a new disk to the running guest. */
static int plug_in(struct luctx *lu, struct work *w, size_t idx, const struct disk *d, struct err *e)
{
	const struct instance *i = inst(lu, w);
	const char *how;
	json *payload;

	TRY(assemble(lu, w, idx, d, &payload, e));
	if (!payload)
		return 0;
	TRY(mod_hotplug(lu, w->m, "hotadd", "disk", lu_disk_dict(lu, i, d, i->primary_node),
			json_pack("[O, O]", json_at(payload, 1), json_at(payload, 2)), idx, &how, e));
	say(w, key_of(lu, idx), how);
	return 0;
}

static int shut_down(struct luctx *lu, const struct work *w, const struct disk *d, struct err *e)
{
	const struct instance *i = inst(lu, w);
	struct rpc_answer r;

	TRY(lu_ask(lu, RPC_blockdev_shutdown, i->primary_node,
		   json_pack("[o]", lu_disk_dict(lu, i, d, i->primary_node)), &r, e));
	if (r.failed)
		lu_warn(lu, NULL, "Could not shutdown block device %s on node %s: %s", d->iv_name, r.node, r.error);
	return 0;
}

static int unplug(struct luctx *lu, struct work *w, size_t idx, const struct disk *d, const char **ret, struct err *e)
{
	const struct instance *i = inst(lu, w);

	*ret = NULL;
	if (!w->m->hotplug)
		return 0;
	return mod_hotplug(lu, w->m, "hotremove", "disk", lu_disk_dict(lu, i, d, i->primary_node), NULL, idx, ret, e);
}

/* --- add --- */
static int make(struct luctx *lu, struct work *w, size_t at, struct disk **ret, struct err *e)
{
	const struct instance *i = inst(lu, w);
	const struct disk *first = snap_disk(lu->snap, i->disks.v[0]);
	struct lu_disk_spec *spec;
	size_t n;

	TRY(lu_disk_specs(lu, json_own(lu->a, json_pack("[O]", w->mod->params)), first->dev_type, &spec, &n, e));
	*ret = lu_disks_plan(lu, first->dev_type, arena_strdup(lu->a, i->primary_node), spec, 1, lu_disks_dir(lu, first),
			     arena_strdup(lu->a, json_str(json_at(first->logical_id, 0))), at);
	return lu_disks_create(lu, i, *ret, 1, true, e);
}

static int wipe_new(struct luctx *lu, struct work *w, const struct disk *d, struct err *e)
{
	if (!lu->cluster->prealloc_wipe_disks)
		return 0;
	return lu_disks_wipe(lu, inst(lu, w), &d, 1, 0, e);
}

static int add(struct luctx *lu, struct work *w, struct err *e)
{
	struct strs list;
	struct disk *d;
	size_t at;

	TRY(mod_insert_at("disk", w->mod, inst(lu, w)->disks.n, &at, e));
	TRY(make(lu, w, at, &d, e));
	list = list_with(lu, inst(lu, w), at, d->uuid);
	if (wipe_new(lu, w, d, e) < 0 || commit_list(lu, w, &list, d, e) < 0) {
		lu_disks_remove(lu, inst(lu, w), &(const struct disk *){ d }, 1, false);
		return -1;
	}
	say(w, key_of(lu, at),
	    arena_printf(lu->a, "add:size=%lld,mode=%s", (long long)d->size, enum_name(&enum_disk_mode, d->mode)));
	if (w->m->hotplug)
		TRY(plug_in(lu, w, at, snap_disk(lu->snap, d->uuid), e));
	if (w->op->wait_for_sync)
		lu_disks_wait_sync(lu, w->m->in.uuid);
	return 0;
}

/* --- attach and detach: file disks live in their instance's directory --- */
static int rename_file(struct luctx *lu, const struct work *w, const struct disk *d, json *id, struct err *e)
{
	const struct instance *i = inst(lu, w);

	return lu_rpc(lu, RPC_blockdev_rename, i->primary_node,
		      json_pack("[[[o, O]]]", lu_disk_dict(lu, i, d, i->primary_node), id), NULL,
		      w->mod->action == MOD_ATTACH ? "Failed before attach" : "Failed before detach", e);
}

static int move_file(struct luctx *lu, const struct work *w, struct disk *d, const char *to, struct err *e)
{
	json *id = json_own(lu->a, json_pack("[s, s]", json_str(json_at(d->logical_id, 0)), to)), *old = d->logical_id;
	int rc = rename_file(lu, w, d, id, e);

	SET(*d, logical_id, id);
	/* it may have been done and only the answer was lost */
	if (rc < 0)
		rename_file(lu, w, d, old, NULL);
	return rc;
}

static const char *base_name(const struct disk *d)
{
	const char *path = json_str(json_at(d->logical_id, 1));

	return strrchr(path, '/') + 1;
}

static int attach(struct luctx *lu, struct work *w, struct err *e)
{
	const struct instance *i = inst(lu, w);
	const struct disk *found, *first = i->disks.n ? snap_disk(lu->snap, i->disks.v[0]) : NULL;
	const char *dir = first ? lu_disks_dir(lu, first) : NULL;
	struct strs list;
	struct disk d;
	size_t at;

	TRY(mod_detached(lu, w->mod, i, &found, e));
	TRY(mod_insert_at("disk", w->mod, i->disks.n, &at, e));
	if (!dir || first->dev_type != found->dev_type)
		TRY(lu_file_storage_dir(lu, found->dev_type, i->name, NULL, &dir, e));
	TRY(lu_rpc(lu, RPC_file_storage_dir_create, i->primary_node, json_pack("[s]", dir), NULL,
		   arena_printf(lu->a, "Failed to create directory '%s' on node %s", dir,
				lu_node_name(lu, i->primary_node)),
		   e));
	d = *found;
	TRY(move_file(lu, w, &d, arena_printf(lu->a, "%s/%s", dir, base_name(&d)), e));
	d.uuid = arena_strdup(lu->a, d.uuid);
	list = list_with(lu, i, at, d.uuid);
	TRY(commit_list(lu, w, &list, &d, e));
	found = snap_disk(lu->snap, list.v[at]);
	say(w, key_of(lu, at),
	    arena_printf(lu->a, "attach:size=%lld,mode=%s", (long long)found->size,
			 enum_name(&enum_disk_mode, found->mode)));
	return w->m->hotplug ? plug_in(lu, w, at, found, e) : 0;
}

static int detach(struct luctx *lu, struct work *w, size_t at, struct err *e)
{
	const struct instance *i = inst(lu, w);
	struct disk d = *snap_disk(lu->snap, i->disks.v[at]);
	const char *how, *dir = lu_disks_dir(lu, &d);
	struct strs list = list_without(lu, i, at);

	TRY(unplug(lu, w, at, &d, &how, e));
	TRY(shut_down(lu, w, &d, e));
	if (dir && d.dev_type != disk_template_gluster)
		TRY(move_file(lu, w, &d,
			      arena_printf(lu->a, "%.*s/%s", (int)(strrchr(dir, '/') - dir), dir, base_name(&d)), e));
	lu_update(lu, OBJ_DISK, &d);
	TRY(commit_list(lu, w, &list, NULL, e));
	say(w, key_of(lu, at), "detach");
	if (how)
		say(w, key_of(lu, at), how);
	return 0;
}

/* --- modify and remove --- */
static int change(struct luctx *lu, struct work *w, size_t at, struct err *e)
{
	struct disk d = *snap_disk(lu->snap, inst(lu, w)->disks.v[at]);
	const char *mode = json_get_str(w->mod->params, "mode"), *name = json_get_str(w->mod->params, "name");

	if (mode) {
		SET(d, mode, (disk_mode_t)enum_value(&enum_disk_mode, mode));
		say(w, arena_printf(lu->a, "disk.mode/%zu", at), mode);
	}
	if (json_has(w->mod->params, "name")) {
		if (name && (!*name || strcasecmp(name, "none") == 0))
			name = NULL;
		d.name = name;
		d.has_name = name != NULL;
		say(w, arena_printf(lu->a, "disk.name/%zu", at), name);
	}
	lu_update(lu, OBJ_DISK, &d);
	return lu_commit(lu, e);
}

static int drop(struct luctx *lu, struct work *w, size_t at, struct err *e)
{
	const struct instance *i = inst(lu, w);
	const struct disk *d = snap_disk(lu->snap, i->disks.v[at]);
	struct strs list = list_without(lu, i, at);
	const char *how, *uuid = arena_strdup(lu->a, d->uuid);

	TRY(unplug(lu, w, at, d, &how, e));
	if (w->m->hotplug)
		TRY(shut_down(lu, w, d, e));
	/* what is still there stays known, or nobody would ever remove it */
	if (!lu_disks_remove(lu, i, &d, 1, !list.n) && !w->op->force)
		return err_set(e, ERR_EXEC, NULL,
			       "Can't remove disk %zu of instance %s (--force takes it out of the configuration)", at,
			       i->name);
	lu_remove(lu, OBJ_DISK, uuid);
	TRY(commit_list(lu, w, &list, NULL, e));
	say(w, key_of(lu, at), "remove");
	if (how)
		say(w, key_of(lu, at), how);
	return 0;
}

static int one(struct luctx *lu, struct work *w, struct err *e)
{
	const struct disk **disks;
	struct mod_item *v;
	size_t n, at;

	if (w->mod->action == MOD_ADD)
		return add(lu, w, e);
	if (w->mod->action == MOD_ATTACH)
		return attach(lu, w, e);
	TRY(snap_instance_disks(lu->snap, inst(lu, w), &disks, &n, e));
	v = ARENA_ARRAY(lu->a, struct mod_item, n + 1);
	for (size_t k = 0; k < n; k++)
		v[k] = (struct mod_item){ disks[k]->uuid, disks[k]->name };
	TRY(mod_find("disk", w->mod, v, n, &at, e));
	if (w->mod->action == MOD_MODIFY)
		return change(lu, w, at, e);
	return w->mod->action == MOD_DETACH ? detach(lu, w, at, e) : drop(lu, w, at, e);
}

int modify_disks(struct luctx *lu, const struct op_instance_set_params *op, struct modify *m, json *result,
		 struct err *e)
{
	for (size_t k = 0; k < m->n_disks; k++) {
		struct work w = { op, m, &m->disks[k], result };

		TRY(one(lu, &w, e));
	}
	return 0;
}
