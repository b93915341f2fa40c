/* OP_NETWORK_ADD, OP_NETWORK_REMOVE, OP_NETWORK_RENAME */
#include "src/lu/network/lus.h"

struct ref {
	const char *uuid;
};

void network_hook_env(const struct network *n, json *env)
{
	const struct {
		const char *name, *value;
	} all[] = { { "NETWORK_NAME", n->name },         { "NETWORK_SUBNET", n->network },
		    { "NETWORK_GATEWAY", n->gateway },   { "NETWORK_SUBNET6", n->network6 },
		    { "NETWORK_GATEWAY6", n->gateway6 }, { "NETWORK_MAC_PREFIX", n->mac_prefix } };
	struct str tags CLEANUP(str_free) = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (all[i].value && *all[i].value)
			json_set(env, all[i].name, json_new_str(all[i].value));
	for (size_t i = 0; i < n->tags.n; i++)
		str_addf(&tags, "%s%s", i ? " " : "", n->tags.v[i]);
	if (n->tags.n)
		json_set(env, "NETWORK_TAGS", json_new_str(str_get(&tags)));
}

static void on_master(struct luctx *lu, struct strs *nodes)
{
	strs_add(lu->a, nodes, lu->cluster->master_node);
}

static int expand_ref(struct luctx *lu, const char *name, struct err *e)
{
	const struct network *n;
	struct ref *st = lu->state;

	TRY(lu_expand_network(lu, name, &n, e));
	st->uuid = arena_strdup(lu->a, n->uuid);
	lu_need(lu, LOCK_NETWORK, st->uuid, false);
	return 0;
}

/* --- add --- */
struct add {
	struct network net;
};

static int add_check_args(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_network_add *op = op_;
	struct add *st = lu->state;
	struct network *n = &st->net;

	LU_SET(n, uuid, uuid_new(lu->a));
	LU_SET(n, name, op->network_name);
	if (!op->network || !*op->network)
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "Network must be given");
	LU_SET(n, network, op->network);
	if (op->has_gateway)
		LU_SET(n, gateway, op->gateway);
	if (op->has_network6)
		LU_SET(n, network6, op->network6);
	if (op->has_gateway6)
		LU_SET(n, gateway6, op->gateway6);
	LU_SET(n, tags, op->tags);
	if (!op->has_mac_prefix || !*op->mac_prefix)
		return 0;
	n->has_mac_prefix = true;
	return lu_mac_prefix(lu, op->mac_prefix, &n->mac_prefix, e);
}

static int add_expand(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_network_add *op = op_;
	struct add *st = lu->state;

	(void)e;
	if (op->conflicts_check)
		lu_need_all(lu, LOCK_NODE, true);
	lu_need(lu, LOCK_NETWORK, st->net.uuid, false);
	return 0;
}

static int add_prereq(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_network_add *op = op_;
	const struct network *other;

	if (snap_find_network(lu->snap, op->network_name, &other, NULL) == 0)
		return err_set(e, ERR_PREREQ, ECODE_EXISTS,
			       "Desired network name '%s' already exists as a network (UUID: %s)",
			       op->network_name, other->uuid);
	for (size_t i = 0; i < op->tags.n; i++)
		TRY(tag_check(op->tags.v[i], e));
	return 0;
}

static int add_hooks(struct luctx *lu, const void *op, json *env, struct strs *pre, struct strs *post,
		     struct err *e)
{
	struct add *st = lu->state;

	(void)op;
	(void)post;
	(void)e;
	network_hook_env(&st->net, env);
	on_master(lu, pre);
	return 0;
}

/* The network itself, broadcast and the gateway are nobody's. */
static int set_aside_ends(struct luctx *lu, struct network *n, struct err *e)
{
	uint32_t base, size;

	TRY(net4_check(n->network, e));
	TRY(pool_check_gateways(n, e));
	net4_parse(n->network, &base, &size);
	TRY(pool_reserve(lu, n, net4_address(lu->a, n->network, 0), e));
	TRY(pool_reserve(lu, n, net4_address(lu->a, n->network, size - 1), e));
	return n->gateway ? pool_reserve(lu, n, n->gateway, e) : 0;
}

static void set_aside_node(struct luctx *lu, struct network *n, const char *ip, const char *node)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;

	if (net4_place(n->network, ip) < 0)
		return;
	if (pool_reserve(lu, n, ip, &e) < 0 && node)
		lu_warn(lu, NULL, "Cannot reserve IP address '%s' of node '%s': %s", ip, node, err_msg(&e));
	else if (node)
		lu_info(lu, "Reserved IP address of node '%s' (%s)", node, ip);
	else if (e.msg)
		lu_warn(lu, NULL, "Cannot reserve cluster master IP address (%s): %s", ip, err_msg(&e));
	else
		lu_info(lu, "Reserved cluster master IP address (%s)", ip);
}

/* With routed networks instances could not use the addresses of nodes anyway. */
static void set_aside_nodes(struct luctx *lu, struct network *n)
{
	struct strs nodes = snap_uuids(lu->snap, OBJ_NODE);

	for (size_t i = 0; i < nodes.n; i++) {
		const struct node *node = snap_node(lu->snap, nodes.v[i]);

		set_aside_node(lu, n, node->primary_ip, node->name);
		if (!str_eq(node->primary_ip, node->secondary_ip))
			set_aside_node(lu, n, node->secondary_ip, node->name);
	}
	set_aside_node(lu, n, lu->cluster->master_ip, NULL);
}

static int add_exec(struct luctx *lu, const void *op_, json **ret, struct err *e)
{
	const struct op_network_add *op = op_;
	struct add *st = lu->state;
	struct err why CLEANUP(err_clear) = ERR_NONE;

	(void)ret;
	if (set_aside_ends(lu, &st->net, &why) < 0)
		return err_set(e, ERR_EXEC, NULL, "Cannot create IP address pool for network '%s': %s",
			       op->network_name, err_msg(&why));
	if (op->conflicts_check)
		set_aside_nodes(lu, &st->net);
	for (size_t i = 0; i < op->add_reserved_ips.n; i++)
		if (pool_reserve(lu, &st->net, op->add_reserved_ips.v[i], &why) < 0)
			return err_set(e, ERR_EXEC, NULL, "Cannot reserve IP address '%s': %s",
				       op->add_reserved_ips.v[i], err_msg(&why));
	lu_add(lu, OBJ_NETWORK, &st->net);
	return lu_commit(lu, e);
}

const struct lu lu_network_add = {
	.hooks_path = "network-add", .hooks_type = "NETWORK", .state_size = sizeof(struct add),
	.check_args = add_check_args, .expand = add_expand, .prereq = add_prereq, .hooks = add_hooks,
	.exec = add_exec,
};

/* --- remove --- */
static int remove_expand(struct luctx *lu, const void *op, struct err *e)
{
	lu_need_all(lu, LOCK_NODEGROUP, true);
	return expand_ref(lu, ((const struct op_network_remove *)op)->network_name, e);
}

static int remove_prereq(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_network_remove *op = op_;
	struct ref *st = lu->state;
	struct strs groups = snap_uuids(lu->snap, OBJ_NODEGROUP), users = { NULL, 0 };

	for (size_t i = 0; i < groups.n; i++) {
		const struct nodegroup *g = snap_group(lu->snap, groups.v[i]);

		if (json_has(g->networks, st->uuid))
			strs_add(lu->a, &users, g->name);
	}
	if (!users.n)
		return 0;
	lu_warn(lu, NULL, "Network '%s' is connected to the following node groups: %s", op->network_name,
		strs_join(lu->a, &users, ", "));
	return err_set(e, ERR_PREREQ, ECODE_STATE, "Network still connected");
}

static int remove_hooks(struct luctx *lu, const void *op, json *env, struct strs *pre, struct strs *post,
			struct err *e)
{
	(void)post;
	(void)e;
	json_set(env, "NETWORK_NAME", json_new_str(((const struct op_network_remove *)op)->network_name));
	on_master(lu, pre);
	return 0;
}

static int remove_exec(struct luctx *lu, const void *op_, json **ret, struct err *e)
{
	const struct op_network_remove *op = op_;
	struct ref *st = lu->state;

	(void)ret;
	if (!snap_network(lu->snap, st->uuid))
		return err_set(e, ERR_EXEC, NULL, "Network '%s' with UUID %s disappeared", op->network_name,
			       st->uuid);
	lu_remove(lu, OBJ_NETWORK, st->uuid);
	return lu_commit(lu, e);
}

const struct lu lu_network_remove = {
	.hooks_path = "network-remove", .hooks_type = "NETWORK", .state_size = sizeof(struct ref),
	.expand = remove_expand, .prereq = remove_prereq, .hooks = remove_hooks, .exec = remove_exec,
};

/* --- rename --- */
static int rename_expand(struct luctx *lu, const void *op, struct err *e)
{
	return expand_ref(lu, ((const struct op_network_rename *)op)->network_name, e);
}

static int rename_prereq(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_network_rename *op = op_;
	const struct network *other;

	if (snap_find_network(lu->snap, op->new_name, &other, NULL) < 0)
		return 0;
	return err_set(e, ERR_PREREQ, ECODE_EXISTS,
		       "Desired new name '%s' clashes with existing network (UUID: %s)", op->new_name, other->uuid);
}

static int rename_hooks(struct luctx *lu, const void *op_, json *env, struct strs *pre, struct strs *post,
			struct err *e)
{
	const struct op_network_rename *op = op_;

	(void)post;
	(void)e;
	json_set(env, "OLD_NAME", json_new_str(op->network_name));
	json_set(env, "NEW_NAME", json_new_str(op->new_name));
	on_master(lu, pre);
	return 0;
}

static int rename_exec(struct luctx *lu, const void *op_, json **ret, struct err *e)
{
	const struct op_network_rename *op = op_;
	struct ref *st = lu->state;
	const struct network *n = snap_network(lu->snap, st->uuid);
	struct network new;

	if (!n)
		return err_set(e, ERR_EXEC, NULL, "Could not retrieve network '%s' (UUID: %s)", op->network_name,
			       st->uuid);
	new = *n;
	LU_SET(&new, name, op->new_name);
	lu_update(lu, OBJ_NETWORK, &new);
	TRY(lu_commit(lu, e));
	*ret = json_new_str(op->new_name);
	return 0;
}

const struct lu lu_network_rename = {
	.hooks_path = "network-rename", .hooks_type = "NETWORK", .state_size = sizeof(struct ref),
	.expand = rename_expand, .prereq = rename_prereq, .hooks = rename_hooks, .exec = rename_exec,
};
