/* Disk modifications: checks (upstream: _PreCheckDisks, _VerifyDiskModification). */
#include "src/lu/instance/priv.h"

#include <string.h>

/* --- what may be asked for --- */
static int verify_modify(const struct mod *m, struct err *e)
{
	const char *mode = json_get_str(m->params, "mode");

	json_each(m->params, key, v) {
		if (str_eq(key, "size"))
			return err_set(e, ERR_PREREQ, ECODE_INVAL, "Disk size change not possible, use grow-disk");
		if (!str_eq(key, "mode") && !str_eq(key, "name"))
			return err_set(e, TypeEnforcementError, NULL, "Unknown parameter '%s'", key);
		if (v && !json_str(v))
			return err_set(e, TypeEnforcementError, NULL, "'%s' is not a valid string", key);
	}
	if (mode && enum_value(&enum_disk_mode, mode) < 0)
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "Invalid disk access mode '%s'", mode);
	return 0;
}

static int verify_attach(const struct mod *m, struct err *e)
{
	if (json_len(m->params) == 1 && (json_get_str(m->params, "uuid") || json_get_str(m->params, "name")))
		return 0;
	return err_set(e, ERR_PREREQ, ECODE_INVAL, "Only one argument is permitted in attach op, either name or uuid");
}

/* A disk that belongs to no instance. */
int mod_detached(struct luctx *lu, const struct mod *m, const struct instance *i, const struct disk **ret,
		 struct err *e)
{
	const char *uuid = json_get_str(m->params, "uuid"), *name = json_get_str(m->params, "name");
	struct strs disks = snap_uuids(lu->snap, OBJ_DISK), insts = snap_uuids(lu->snap, OBJ_INSTANCE);
	const struct disk *found = NULL;

	for (size_t k = 0; k < disks.n && !found; k++) {
		const struct disk *d = snap_disk(lu->snap, disks.v[k]);

		if (uuid ? str_eq(d->uuid, uuid) : str_eq(d->name, name))
			found = d;
	}
	if (!found)
		return err_set(e, ERR_PREREQ, ECODE_NOENT, "No disk was found with this %s: %s", uuid ? "uuid" : "name",
			       uuid ? uuid : name);
	for (size_t k = 0; k < insts.n; k++) {
		const struct instance *other = snap_instance(lu->snap, insts.v[k]);

		if (strs_has(&other->disks, found->uuid))
			return err_set(e, ERR_PREREQ, ECODE_STATE, "Disk %s is already attached to instance %s",
				       uuid ? uuid : name, other->name);
	}
	if (!template_is_filebased(found->dev_type) || found->dev_type == disk_template_gluster)
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "Disk template '%s' is not supported by this version",
			       enum_name(&enum_disk_template, found->dev_type));
	if (found->dev_type == disk_template_file && !strs_has(&found->nodes, i->primary_node))
		return err_set(e, ERR_PREREQ, ECODE_STATE, "Disk nodes are different from the instance's nodes");
	*ret = found;
	return 0;
}

/* --- the list as it will be --- */
struct plan {
	struct mod_item *items;
	int64_t *sizes;
	size_t n;
};

static void insert(struct plan *p, size_t at, const char *name, int64_t size)
{
	memmove(&p->items[at + 1], &p->items[at], (p->n - at) * sizeof(*p->items));
	memmove(&p->sizes[at + 1], &p->sizes[at], (p->n - at) * sizeof(*p->sizes));
	p->items[at] = (struct mod_item){ NULL, name };
	p->sizes[at] = size;
	p->n++;
}

static void take_out(struct plan *p, size_t at)
{
	p->n--;
	memmove(&p->items[at], &p->items[at + 1], (p->n - at) * sizeof(*p->items));
	memmove(&p->sizes[at], &p->sizes[at + 1], (p->n - at) * sizeof(*p->sizes));
}

static const char *name_param(const struct mod *m)
{
	const char *name = json_get_str(m->params, "name");

	return name && *name && strcasecmp(name, "none") != 0 ? name : NULL;
}

static int check_add(struct luctx *lu, const struct op_instance_set_params *op, const struct instance *i,
		     const struct mod *m, struct plan *p, struct err *e)
{
	const struct disk *first = i->disks.n ? snap_disk(lu->snap, i->disks.v[0]) : NULL;
	struct lu_disk_spec *spec;
	json *list;
	size_t at, n;

	if (!first)
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "Disk operations not supported for diskless instances");
	if (!op->wait_for_sync && !i->disks_active)
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Can't add a disk to an instance with deactivated disks and --no-wait-for-sync given.");
	TRY(lu_check_template(lu, first->dev_type, e));
	if (!json_has(m->params, "size"))
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "Required disk parameter 'size' missing");
	TRY(mod_insert_at("disk", m, p->n, &at, e));
	list = json_own(lu->a, json_pack("[O]", m->params));
	TRY(lu_disk_specs(lu, list, first->dev_type, &spec, &n, e));
	insert(p, at, spec->name, spec->size);
	return 0;
}

static int check_attach(struct luctx *lu, const struct instance *i, const struct mod *m, struct plan *p, struct err *e)
{
	const struct disk *d;
	size_t at;

	TRY(verify_attach(m, e));
	TRY(mod_detached(lu, m, i, &d, e));
	TRY(mod_insert_at("disk", m, p->n, &at, e));
	insert(p, at, d->name, d->size);
	return 0;
}

static int check_existing(struct luctx *lu, const struct modify *st, const struct instance *i, const struct mod *m,
			  struct plan *p, struct err *e)
{
	size_t at;

	TRY(mod_find("disk", m, p->items, p->n, &at, e));
	if (m->action == MOD_MODIFY) {
		TRY(verify_modify(m, e));
		if (json_has(m->params, "name"))
			p->items[at].name = name_param(m);
		return 0;
	}
	if (!st->hotplug)
		TRY(lu_check_instance_state(lu, i, INST_NOT_RUNNING,
					    "can't remove volume from a running instance without using hotplug", e));
	take_out(p, at);
	return 0;
}

int modify_check_disks(struct luctx *lu, const struct op_instance_set_params *op, struct modify *m,
		       int64_t **ret_sizes, size_t *ret_n, struct err *e)
{
	const struct instance *i;
	const struct disk **disks;
	const char **names;
	struct plan p = { .n = 0 };
	size_t n;

	TRY(inst_get(lu, &m->in, &i, e));
	TRY(snap_instance_disks(lu->snap, i, &disks, &n, e));
	p.items = ARENA_ARRAY(lu->a, struct mod_item, n + m->n_disks + 1);
	p.sizes = ARENA_ARRAY(lu->a, int64_t, n + m->n_disks + 1);
	for (; p.n < n; p.n++) {
		p.items[p.n] = (struct mod_item){ disks[p.n]->uuid, disks[p.n]->name };
		p.sizes[p.n] = disks[p.n]->size;
	}
	for (size_t k = 0; k < m->n_disks; k++) {
		const struct mod *mod = &m->disks[k];

		if (mod->action == MOD_ADD)
			TRY(check_add(lu, op, i, mod, &p, e));
		else if (mod->action == MOD_ATTACH)
			TRY(check_attach(lu, i, mod, &p, e));
		else
			TRY(check_existing(lu, m, i, mod, &p, e));
	}
	if (p.n > MAX_DISKS)
		return err_set(e, ERR_PREREQ, ECODE_STATE, "Instance has too many disks (%d), cannot add more",
			       MAX_DISKS);
	names = ARENA_ARRAY(lu->a, const char *, p.n + 1);
	for (size_t k = 0; k < p.n; k++)
		names[k] = p.items[k].name;
	*ret_sizes = p.sizes;
	*ret_n = p.n;
	return m->n_disks ? lu_check_device_names("disk", names, p.n, e) : 0;
}
