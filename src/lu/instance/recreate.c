/* Making the disks of an instance anew, under their old names (upstream: LUInstanceRecreateDisks). */
#include "src/lu/instance/priv.h"

struct state {
	struct inst in;
	const char *node;       /* the new primary (UUID), or NULL: where it is */
	const json **changes;   /* by index: NULL = this disk stays as it is */
	size_t n;               /* disks of the instance */
};

static const char *const changeable[] = { "size", "mode", "spindles" };

static int check_params(const json *item, struct err *e)
{
	json *params = json_is(item, JSON_ARRAY) ? json_at(item, 1) : NULL;

	json_each(params, key, v) {
		bool good = false;

		(void)v;
		for (size_t k = 0; k < ARRAY_SIZE(changeable); k++)
			good |= str_eq(key, changeable[k]);
		if (!good)
			return err_set(e, ERR_PREREQ, ECODE_INVAL,
				       "Parameters for disk %lld try to change unmodifyable parameter(s): %s",
				       (long long)json_int(json_at(item, 0), 0), key);
	}
	return 0;
}

static int check_args(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_instance_recreate_disks *op = op_;

	(void)lu;
	if (op->iallocator && op->nodes.n)
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "Do not specify both, iallocator and node");
	if (op->iallocator)
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Recreating disks on a node chosen by an allocator is not supported by this version");
	json_items(op->disks, k, item)
		TRY(check_params(item, e));
	return 0;
}

static int expand(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_instance_recreate_disks *op = op_;
	struct state *st = lu->state;
	const struct node *n;

	TRY(inst_expand(lu, op->instance_name, op->instance_uuid, false, &st->in, e));
	if (!op->nodes.n)
		return 0;
	if (op->nodes.n != 1)
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Instance %s currently has 1 nodes, but %zu replacement nodes were specified",
			       st->in.name, op->nodes.n);
	TRY(lu_expand_node(lu, op->nodes.v[0], NULL, &n, e));
	st->node = arena_strdup(lu->a, n->uuid);
	return 0;
}

static int declare(struct luctx *lu, const void *op, enum lock_level level, struct err *e)
{
	const struct state *st = lu->state;
	const struct instance *i;

	(void)op;
	if (level != LOCK_NODE && level != LOCK_NODE_RES)
		return 0;
	TRY(inst_get(lu, &st->in, &i, e));
	lu_need(lu, level, i->primary_node, false);
	if (st->node)
		lu_need(lu, level, st->node, false);
	return 0;
}

static int choose(struct luctx *lu, const struct op_instance_recreate_disks *op, struct state *st, struct err *e)
{
	const json *no_change = json_own(lu->a, json_new_dict());

	st->changes = ARENA_ARRAY(lu->a, const json *, st->n + 1);
	for (size_t k = 0; k < st->n; k++)
		st->changes[k] = json_len(op->disks) ? NULL : no_change;
	json_items(op->disks, m, item) {
		bool pair = json_is(item, JSON_ARRAY);
		int64_t idx = json_int(pair ? json_at(item, 0) : item, -1);

		if (idx < 0 || idx >= (int64_t)st->n)
			return err_set(e, ERR_PREREQ, ECODE_INVAL, "Invalid disk index '%lld'", (long long)idx);
		if (st->changes[idx])
			return err_set(e, ERR_PREREQ, ECODE_INVAL,
				       "Some disks have been specified more than once: %lld", (long long)idx);
		st->changes[idx] = pair ? json_at(item, 1) : no_change;
	}
	for (size_t k = 0; st->node && k < st->n; k++)
		if (!st->changes[k])
			return err_set(e, ERR_PREREQ, ECODE_INVAL,
				       "Can't recreate disks partially and change the nodes at the same time");
	return 0;
}

static int prereq(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_instance_recreate_disks *op = op_;
	struct state *st = lu->state;
	const struct instance *i;
	const struct disk **disks;
	const char *primary;

	TRY(inst_get(lu, &st->in, &i, e));
	if (st->node)
		TRY(lu_node_stays(lu, st->node, op->nodes.v[0], e));
	primary = st->node ? st->node : i->primary_node;
	TRY(lu_check_node_online(lu, snap_node(lu->snap, primary), NULL, e));
	TRY(snap_instance_disks(lu->snap, i, &disks, &st->n, e));
	if (!st->n)
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "Instance '%s' has no disks", i->name);
	for (size_t k = 0; k < st->n; k++)
		TRY(lu_check_template(lu, disks[k]->dev_type, e));
	if (!st->node || !snap_node(lu->snap, i->primary_node)->offline)
		TRY(lu_check_instance_state(lu, i, INST_NOT_RUNNING, "cannot recreate disks", e));
	return choose(lu, op, st, e);
}

static int hooks(struct luctx *lu, const void *op, json *env, struct strs *pre, struct strs *post, struct err *e)
{
	const struct state *st = lu->state;

	(void)op;
	TRY(inst_hooks(lu, &st->in, env, pre, e));
	*post = *pre;
	return 0;
}

static int parse_change(struct luctx *lu, const json *change, struct disk *d, struct err *e)
{
	json *in = json_own(lu->a, json_pack("[{s:I, s:s}]", "size", d->size, "mode",
					     enum_name(&enum_disk_mode, d->mode)));
	struct lu_disk_spec *spec;
	size_t n;

	json_merge(json_at(in, 0), change);
	TRY(lu_disk_specs(lu, in, d->dev_type, &spec, &n, e));
	SET(*d, size, spec->size);
	SET(*d, mode, spec->mode);
	return 0;
}

/* Sizes and nodes as they are to be; all in one transaction. */
static int record(struct luctx *lu, const struct state *st, struct err *e)
{
	struct instance new = *snap_instance(lu->snap, st->in.uuid);
	bool moved = st->node && !str_eq(st->node, new.primary_node);
	struct strs nodes = { NULL, 0 };

	if (moved) {
		lu_warn(lu, NULL,
			"Changing the instance's nodes, you will have to remove any disks left on the older nodes "
			"manually");
		SET(new, primary_node, st->node);
		strs_add(lu->a, &nodes, st->node);
		lu_update(lu, OBJ_INSTANCE, &new);
	}
	for (size_t k = 0; k < st->n; k++) {
		struct disk d = *snap_disk(lu->snap, new.disks.v[k]);

		if (!json_len(st->changes[k]) && !moved)
			continue;
		if (json_len(st->changes[k]))
			TRY(parse_change(lu, st->changes[k], &d, e));
		if (moved && d.dev_type == disk_template_file)
			SET(d, nodes, nodes);
		lu_update(lu, OBJ_DISK, &d);
	}
	return lu_commit(lu, e);
}

static int exec(struct luctx *lu, const void *op, json **ret, struct err *e)
{
	const struct state *st = lu->state;
	const struct instance *i;
	struct disk *v = ARENA_ARRAY(lu->a, struct disk, st->n + 1);
	const struct disk **made = ARENA_ARRAY(lu->a, const struct disk *, st->n + 1);
	size_t n = 0;

	(void)op;
	(void)ret;
	TRY(record(lu, st, e));
	i = snap_instance(lu->snap, st->in.uuid);
	for (size_t k = 0; k < st->n; k++)
		if (st->changes[k])
			v[n++] = *snap_disk(lu->snap, i->disks.v[k]);
	TRY(lu_disks_create(lu, i, v, n, false, e));
	for (size_t k = 0; k < n; k++)
		made[k] = &v[k];
	if (!lu->cluster->prealloc_wipe_disks || lu_disks_wipe(lu, i, made, n, 0, e) == 0)
		return 0;
	lu_disks_remove(lu, i, made, n, false);
	return -1;
}

const struct lu lu_instance_recreate_disks = {
	.hooks_path = "instance-recreate-disks",
	.hooks_type = "INSTANCE",
	.state_size = sizeof(struct state),
	.check_args = check_args,
	.expand = expand,
	.declare = declare,
	.prereq = prereq,
	.hooks = hooks,
	.exec = exec,
};
