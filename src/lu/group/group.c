/* OP_GROUP_ADD, OP_GROUP_REMOVE, OP_GROUP_RENAME */
#include "src/lu/group/lus.h"

struct add {
	struct nodegroup group;
};

int group_expand(struct luctx *lu, const char *name, struct group_ref *ret, struct err *e)
{
	const struct nodegroup *g;

	TRY(lu_expand_group(lu, name, &g, e));
	ret->uuid = arena_strdup(lu->a, g->uuid);
	lu_need(lu, LOCK_NODEGROUP, ret->uuid, false);
	return 0;
}

static void on_master(struct luctx *lu, struct strs *nodes)
{
	strs_add(lu->a, nodes, lu->cluster->master_node);
}

/* --- add --- */
static int add_expand(struct luctx *lu, const void *op, struct err *e)
{
	struct add *st = lu->state;

	(void)op;
	(void)e;
	LU_SET(&st->group, uuid, uuid_new(lu->a));
	lu_need(lu, LOCK_NODEGROUP, st->group.uuid, false);
	return 0;
}

static int add_prereq(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_group_add *op = op_;
	struct add *st = lu->state;
	const struct nodegroup *other;
	struct group_settings s = {
		op->ndparams, op->diskparams, op->hv_state, op->disk_state, op->ipolicy,
	};

	if (snap_find_group(lu->snap, op->group_name, &other, NULL) == 0)
		return err_set(e, ERR_PREREQ, ECODE_EXISTS,
			       "Desired group name '%s' already exists as a node group (UUID: %s)",
			       op->group_name, other->uuid);
	LU_SET(&st->group, name, op->group_name);
	if (op->has_alloc_policy)
		LU_SET(&st->group, alloc_policy, op->alloc_policy);
	return group_set(lu, &s, &st->group, e);
}

static int name_hooks(struct luctx *lu, const char *name, json *env, struct strs *pre)
{
	json_set(env, "GROUP_NAME", json_new_str(name));
	on_master(lu, pre);
	return 0;
}

static int add_hooks(struct luctx *lu, const void *op, json *env, struct strs *pre, struct strs *post,
		     struct err *e)
{
	(void)post;
	(void)e;
	return name_hooks(lu, ((const struct op_group_add *)op)->group_name, env, pre);
}

/* The network by which instances talk to their nodes reaches every group. */
static json *communication_job(struct luctx *lu, const char *uuid)
{
	const char *name = lu->cluster->instance_communication_network;
	const struct network *net;

	if (!name || !*name || snap_find_network(lu->snap, name, &net, NULL) < 0)
		return NULL;
	return json_pack("[[{s:s, s:s, s:s, s:s, s:s, s:b}]]", "OP_ID", opcode_name(OP_network_connect), "group_name",
			 uuid, "network_name", name, "network_mode", INSTANCE_COMMUNICATION_NETWORK_MODE,
			 "network_link", INSTANCE_COMMUNICATION_NETWORK_LINK, "conflicts_check", 1);
}

static int add_exec(struct luctx *lu, const void *op, json **ret, struct err *e)
{
	struct add *st = lu->state;
	json *jobs;

	(void)op;
	lu_add(lu, OBJ_NODEGROUP, &st->group);
	TRY(lu_commit(lu, e));
	jobs = communication_job(lu, st->group.uuid);
	*ret = jobs ? lu_result_jobs(jobs) : NULL;
	return 0;
}

const struct lu lu_group_add = {
	.hooks_path = "group-add", .hooks_type = "GROUP", .state_size = sizeof(struct add),
	.expand = add_expand, .prereq = add_prereq, .hooks = add_hooks, .exec = add_exec,
};

/* --- remove --- */
static int remove_expand(struct luctx *lu, const void *op, struct err *e)
{
	return group_expand(lu, ((const struct op_group_remove *)op)->group_name, lu->state, e);
}

static int remove_prereq(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_group_remove *op = op_;
	struct group_ref *st = lu->state;
	struct strs nodes = snap_group_nodes(lu->snap, st->uuid), names = { NULL, 0 };

	for (size_t i = 0; i < nodes.n; i++)
		strs_add(lu->a, &names, lu_node_name(lu, nodes.v[i]));
	strs_sort_nat(&names);
	if (names.n)
		return err_set(e, ERR_PREREQ, ECODE_STATE, "Group '%s' not empty, has the following nodes: %s",
			       op->group_name, strs_join(lu->a, &names, ", "));
	if (snap_count(lu->snap, OBJ_NODEGROUP) == 1)
		return err_set(e, ERR_PREREQ, ECODE_STATE, "Group '%s' is the only group, cannot be removed",
			       op->group_name);
	return 0;
}

static int remove_hooks(struct luctx *lu, const void *op, json *env, struct strs *pre, struct strs *post,
			struct err *e)
{
	(void)post;
	(void)e;
	return name_hooks(lu, ((const struct op_group_remove *)op)->group_name, env, pre);
}

static int remove_exec(struct luctx *lu, const void *op_, json **ret, struct err *e)
{
	const struct op_group_remove *op = op_;
	struct group_ref *st = lu->state;

	(void)ret;
	if (!snap_group(lu->snap, st->uuid))
		return err_set(e, ERR_EXEC, NULL, "Group '%s' with UUID %s disappeared", op->group_name, st->uuid);
	lu_remove(lu, OBJ_NODEGROUP, st->uuid);
	return lu_commit(lu, e);
}

const struct lu lu_group_remove = {
	.hooks_path = "group-remove", .hooks_type = "GROUP", .state_size = sizeof(struct group_ref),
	.expand = remove_expand, .prereq = remove_prereq, .hooks = remove_hooks, .exec = remove_exec,
};

/* --- rename --- */
static int rename_expand(struct luctx *lu, const void *op, struct err *e)
{
	return group_expand(lu, ((const struct op_group_rename *)op)->group_name, lu->state, e);
}

static int rename_prereq(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_group_rename *op = op_;
	const struct nodegroup *other;

	if (snap_find_group(lu->snap, op->new_name, &other, NULL) < 0)
		return 0;
	return err_set(e, ERR_PREREQ, ECODE_EXISTS,
		       "Desired new name '%s' clashes with existing node group (UUID: %s)", op->new_name,
		       other->uuid);
}

static int rename_hooks(struct luctx *lu, const void *op_, json *env, struct strs *pre, struct strs *post,
			struct err *e)
{
	const struct op_group_rename *op = op_;
	struct group_ref *st = lu->state;
	struct strs nodes = snap_group_nodes(lu->snap, st->uuid);

	(void)post;
	(void)e;
	json_set(env, "OLD_NAME", json_new_str(op->group_name));
	json_set(env, "NEW_NAME", json_new_str(op->new_name));
	on_master(lu, pre);
	for (size_t i = 0; i < nodes.n; i++)
		if (!str_eq(nodes.v[i], lu->cluster->master_node))
			strs_add(lu->a, pre, nodes.v[i]);
	return 0;
}

static int rename_exec(struct luctx *lu, const void *op_, json **ret, struct err *e)
{
	const struct op_group_rename *op = op_;
	struct group_ref *st = lu->state;
	const struct nodegroup *g;
	struct nodegroup new;

	TRY(lu_group_stays(lu, st->uuid, op->group_name, &g, e));
	new = *g;
	LU_SET(&new, name, op->new_name);
	lu_update(lu, OBJ_NODEGROUP, &new);
	TRY(lu_commit(lu, e));
	*ret = json_new_str(op->new_name);
	return 0;
}

const struct lu lu_group_rename = {
	.hooks_path = "group-rename", .hooks_type = "GROUP", .state_size = sizeof(struct group_ref),
	.expand = rename_expand, .prereq = rename_prereq, .hooks = rename_hooks, .exec = rename_exec,
};
