/* OP_NETWORK_SET_PARAMS */
#include "src/lu/network/lus.h"

struct state {
	const char *uuid;
	const char *mac_prefix; /* checked; NULL: there is to be none */
};

static bool given(bool has, const char *v)
{
	return has && v && *v;
}

static int check_args(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_network_set_params *op = op_;
	struct state *st = lu->state;

	if (given(op->has_gateway, op->gateway) && (op->add_reserved_ips.n || op->remove_reserved_ips.n))
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "Cannot modify gateway and reserved ips at once");
	if (given(op->has_mac_prefix, op->mac_prefix) && !str_eq(op->mac_prefix, "none"))
		TRY(lu_mac_prefix(lu, op->mac_prefix, &st->mac_prefix, e));
	return 0;
}

static int expand(struct luctx *lu, const void *op, struct err *e)
{
	struct state *st = lu->state;
	const struct network *n;

	TRY(lu_expand_network(lu, ((const struct op_network_set_params *)op)->network_name, &n, e));
	st->uuid = arena_strdup(lu->a, n->uuid);
	lu_need(lu, LOCK_NETWORK, st->uuid, false);
	return 0;
}

/* What the opcode says, without the addresses. */
static void set_plain(struct luctx *lu, const struct op_network_set_params *op, struct network *n)
{
	struct state *st = lu->state;

	if (given(op->has_mac_prefix, op->mac_prefix)) {
		n->mac_prefix = st->mac_prefix;
		n->has_mac_prefix = n->mac_prefix;
	}
	if (given(op->has_network6, op->network6))
		LU_SET(n, network6, op->network6);
	if (given(op->has_gateway6, op->gateway6))
		LU_SET(n, gateway6, op->gateway6);
}

static void set_gateway(const struct op_network_set_params *op, struct network *n)
{
	if (given(op->has_gateway, op->gateway))
		LU_SET(n, gateway, op->gateway);
}

static int prereq(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_network_set_params *op = op_;
	struct state *st = lu->state;
	const struct network *n = snap_network(lu->snap, st->uuid);
	struct network new;

	if (!n)
		return err_set(e, ERR_PREREQ, ECODE_NOENT, "Network '%s' not found", op->network_name);
	new = *n;
	set_plain(lu, op, &new);
	set_gateway(op, &new);
	if (given(op->has_gateway, op->gateway) && pool_is_used(n, new.gateway))
		return err_set(e, ERR_PREREQ, ECODE_STATE, "Gateway IP address '%s' is already reserved",
			       new.gateway);
	return pool_check_gateways(&new, e) < 0 ? lu_as_prereq(e, ECODE_INVAL) : 0;
}

static int hooks(struct luctx *lu, const void *op_, json *env, struct strs *pre, struct strs *post,
		 struct err *e)
{
	const struct op_network_set_params *op = op_;
	struct state *st = lu->state;
	struct network new = *snap_network(lu->snap, st->uuid);

	(void)post;
	(void)e;
	set_plain(lu, op, &new);
	set_gateway(op, &new);
	network_hook_env(&new, env);
	strs_add(lu->a, pre, lu->cluster->master_node);
	return 0;
}

static int change_gateway(struct luctx *lu, const struct op_network_set_params *op, struct network *n,
			  struct err *e)
{
	const char *old = n->gateway;

	if (!given(op->has_gateway, op->gateway))
		return 0;
	set_gateway(op, n);
	if (str_eq(n->gateway, old)) {
		lu_warn(lu, NULL, "Gateway is already %s", old);
		return 0;
	}
	TRY(pool_reserve(lu, n, n->gateway, e));
	return old ? pool_release(lu, n, old, e) : 0;
}

static void change_reserved(struct luctx *lu, const struct op_network_set_params *op, struct network *n)
{
	for (size_t i = 0; i < op->add_reserved_ips.n; i++) {
		struct err e CLEANUP(err_clear) = ERR_NONE;
		const char *ip = op->add_reserved_ips.v[i];

		if (pool_reserve(lu, n, ip, &e) < 0)
			lu_warn(lu, NULL, "Cannot reserve IP address %s: %s", ip, err_msg(&e));
	}
	for (size_t i = 0; i < op->remove_reserved_ips.n; i++) {
		struct err e CLEANUP(err_clear) = ERR_NONE;
		const char *ip = op->remove_reserved_ips.v[i];

		if (str_eq(ip, n->gateway))
			lu_warn(lu, NULL, "Cannot unreserve Gateway's IP");
		else if (pool_release(lu, n, ip, &e) < 0)
			lu_warn(lu, NULL, "Cannot release IP address %s: %s", ip, err_msg(&e));
	}
}

static int exec(struct luctx *lu, const void *op_, json **ret, struct err *e)
{
	const struct op_network_set_params *op = op_;
	struct state *st = lu->state;
	struct err why CLEANUP(err_clear) = ERR_NONE;
	struct network n;

	(void)ret;
	TRY(lu_refresh(lu, e));
	n = *snap_network(lu->snap, st->uuid);
	if (change_gateway(lu, op, &n, &why) < 0)
		return err_set(e, ERR_EXEC, NULL, "%s", err_msg(&why));
	change_reserved(lu, op, &n);
	set_plain(lu, op, &n);
	lu_update(lu, OBJ_NETWORK, &n);
	return lu_commit(lu, e);
}

const struct lu lu_network_set_params = {
	.hooks_path = "network-modify", .hooks_type = "NETWORK", .state_size = sizeof(struct state),
	.check_args = check_args, .expand = expand, .prereq = prereq, .hooks = hooks, .exec = exec,
};
