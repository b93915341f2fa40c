/* OP_NETWORK_CONNECT, OP_NETWORK_DISCONNECT: which networks reach a node group, and how */
#include "src/lu/network/lus.h"

struct state {
	const char *network, *group; /* UUIDs */
	const char *network_name, *group_name; /* as given */
	bool connects, check, connected;
	json *params; /* of the connection that was there */
};

static int find(struct luctx *lu, const char *network, const char *group, struct err *e)
{
	struct state *st = lu->state;
	const struct nodegroup *g;
	const struct network *n;

	st->network_name = network;
	st->group_name = group;
	TRY(lu_expand_network(lu, network, &n, e));
	TRY(lu_expand_group(lu, group, &g, e));
	st->network = arena_strdup(lu->a, n->uuid);
	st->group = arena_strdup(lu->a, g->uuid);
	lu_need(lu, LOCK_NODEGROUP, st->group, false);
	return 0;
}

static int declare(struct luctx *lu, const void *op, enum lock_level level, struct err *e)
{
	struct state *st = lu->state;

	(void)op;
	(void)e;
	if (level == LOCK_INSTANCE && st->check)
		lu_need_group_instances(lu, st->group);
	return 0;
}

static void hook_nodes(struct luctx *lu, struct strs *pre)
{
	struct state *st = lu->state;
	struct strs nodes = snap_group_nodes(lu->snap, st->group);

	for (size_t i = 0; i < nodes.n; i++)
		strs_add(lu->a, pre, nodes.v[i]);
}

/* Would the address of this NIC become one of the network, or does it stop being one? */
static bool conflicts(const struct state *st, const struct network *net, const struct nic *n)
{
	return st->connects ? net4_place(net->network, n->ip) >= 0 : str_eq(n->network, net->uuid);
}

static int check_conflicts(struct luctx *lu, struct err *e)
{
	struct state *st = lu->state;
	const struct network *net = snap_network(lu->snap, st->network);
	struct strs *names = &lu->owned[LOCK_INSTANCE], all = { NULL, 0 };
	const struct instance *i;

	for (size_t k = 0; k < names->n; k++) {
		struct strs found = { NULL, 0 };

		TRY(snap_find_instance(lu->snap, names->v[k], &i, e));
		for (size_t x = 0; x < i->nics.n; x++)
			if (conflicts(st, net, &i->nics.v[x]))
				strs_add(lu->a, &found,
					 arena_printf(lu->a, "nic%zu/%s", x,
						      i->nics.v[x].ip ? i->nics.v[x].ip : "None"));
		if (found.n)
			strs_add(lu->a, &all,
				 arena_printf(lu->a, "%s: %s", i->name, strs_join(lu->a, &found, ", ")));
	}
	if (!all.n)
		return 0;
	lu_warn(lu, NULL,
		"IP addresses from network '%s', which is about to %s node group '%s', are in use: %s",
		st->network_name, st->connects ? "connect to" : "disconnect from",
		snap_group(lu->snap, st->group)->name, strs_join(lu->a, &all, ", "));
	return err_set(e, ERR_PREREQ, ECODE_STATE,
		       "Conflicting IP addresses found;  remove/modify the corresponding network interfaces");
}

static int look(struct luctx *lu, struct err *e)
{
	struct state *st = lu->state;
	const struct nodegroup *g;

	if (st->check)
		TRY(lu_group_instances_stay(lu, st->group, e));
	TRY(lu_group_stays(lu, st->group, st->group_name, &g, e));
	if (!snap_network(lu->snap, st->network))
		return err_set(e, ERR_PREREQ, ECODE_NOENT, "Network '%s' not found", st->network_name);
	st->connected = json_has(g->networks, st->network);
	if (st->connected)
		st->params = json_own(lu->a, json_clone(json_get(g->networks, st->network)));
	if (st->connected && st->connects)
		lu_warn(lu, NULL, "Network '%s' is already mapped to group '%s'", st->network_name, g->name);
	else if (!st->connected && !st->connects)
		lu_warn(lu, NULL, "Network '%s' is not mapped to group '%s'", st->network_name, g->name);
	else if (st->check)
		return check_conflicts(lu, e);
	return 0;
}

/* PARAMS NULL: disconnect. */
static int store(struct luctx *lu, const json *params, struct err *e)
{
	struct state *st = lu->state;
	struct nodegroup g = *snap_group(lu->snap, st->group);
	json *networks = json_own(lu->a, g.networks ? json_clone(g.networks) : json_new_dict());

	if (params)
		json_set(networks, st->network, json_clone(params));
	else
		json_del(networks, st->network);
	LU_SET(&g, networks, networks);
	lu_update(lu, OBJ_NODEGROUP, &g);
	return lu_commit(lu, e);
}

/* --- connect --- */
static json *params_of(struct luctx *lu, const struct op_network_connect *op)
{
	return json_own(lu->a, json_pack("{s:s, s:s, s:s}", "mode", enum_name(&enum_nic_mode, op->network_mode),
					 "link", op->network_link, "vlan", op->network_vlan));
}

static int connect_expand(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_network_connect *op = op_;
	struct state *st = lu->state;

	st->connects = true;
	st->check = op->conflicts_check;
	TRY(find(lu, op->network_name, op->group_name, e));
	if (st->check)
		lu_need(lu, LOCK_NETWORK, st->network, true);
	return 0;
}

static int connect_prereq(struct luctx *lu, const void *op, struct err *e)
{
	TRY(nicparams_check(params_of(lu, op), e));
	return look(lu, e);
}

static int connect_hooks(struct luctx *lu, const void *op_, json *env, struct strs *pre, struct strs *post,
			 struct err *e)
{
	const struct op_network_connect *op = op_;

	(void)post;
	(void)e;
	json_set(env, "GROUP_NAME", json_new_str(op->group_name));
	json_set(env, "GROUP_NETWORK_MODE", json_new_str(enum_name(&enum_nic_mode, op->network_mode)));
	json_set(env, "GROUP_NETWORK_LINK", json_new_str(op->network_link));
	json_set(env, "GROUP_NETWORK_VLAN", json_new_str(op->network_vlan));
	hook_nodes(lu, pre);
	return 0;
}

static int connect_exec(struct luctx *lu, const void *op, json **ret, struct err *e)
{
	struct state *st = lu->state;

	(void)ret;
	return st->connected ? 0 : store(lu, params_of(lu, op), e);
}

const struct lu lu_network_connect = {
	.hooks_path = "network-connect", .hooks_type = "NETWORK", .state_size = sizeof(struct state),
	.expand = connect_expand, .declare = declare, .prereq = connect_prereq, .hooks = connect_hooks,
	.exec = connect_exec,
};

/* --- disconnect --- */
static int disconnect_expand(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_network_disconnect *op = op_;
	struct state *st = lu->state;

	st->check = true;
	return find(lu, op->network_name, op->group_name, e);
}

static int disconnect_prereq(struct luctx *lu, const void *op, struct err *e)
{
	(void)op;
	return look(lu, e);
}

static int disconnect_hooks(struct luctx *lu, const void *op, json *env, struct strs *pre, struct strs *post,
			    struct err *e)
{
	struct state *st = lu->state;

	(void)op;
	(void)post;
	(void)e;
	json_set(env, "GROUP_NAME", json_new_str(st->group_name));
	if (st->params) {
		json_set(env, "GROUP_NETWORK_MODE", json_ref(json_get(st->params, "mode")));
		json_set(env, "GROUP_NETWORK_LINK", json_ref(json_get(st->params, "link")));
		json_set(env, "GROUP_NETWORK_VLAN", json_ref(json_get(st->params, "vlan")));
	}
	hook_nodes(lu, pre);
	return 0;
}

static int disconnect_exec(struct luctx *lu, const void *op, json **ret, struct err *e)
{
	struct state *st = lu->state;

	(void)op;
	(void)ret;
	return st->connected ? store(lu, NULL, e) : 0;
}

const struct lu lu_network_disconnect = {
	.hooks_path = "network-disconnect", .hooks_type = "NETWORK", .state_size = sizeof(struct state),
	.expand = disconnect_expand, .declare = declare, .prereq = disconnect_prereq, .hooks = disconnect_hooks,
	.exec = disconnect_exec,
};
