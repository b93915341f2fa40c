/* OP_NODE_SET_PARAMS: roles, capabilities and parameters of a node. */
#include "src/lu/node/lus.h"

#include "lib/net/net.h"

enum role { CANDIDATE, DRAINED, OFFLINE, REGULAR };

struct state {
	struct op_node_set_params op; /* flags change on the way: see prereq() */
	const char *uuid, *name;
	bool may_demote, lock_all;
	enum role old, new;
	struct ndparams ndparams;
	json *hv_state;
};

static bool sets(bool has, bool value)
{
	return has && value;
}

static bool unsets(bool has, bool value)
{
	return has && !value;
}

static int check_args(struct luctx *lu, const void *op_, struct err *e)
{
	struct state *st = lu->state;
	struct op_node_set_params *op = &st->op;
	const struct node *n;

	*op = *(const struct op_node_set_params *)op_;
	TRY(lu_expand_node(lu, op->node_name, op->has_node_uuid ? op->node_uuid : NULL, &n, e));
	st->uuid = arena_strdup(lu->a, n->uuid);
	st->name = arena_strdup(lu->a, n->name);
	if (!op->has_offline && !op->has_master_candidate && !op->has_drained &&
	    !op->has_master_capable && !op->has_vm_capable && !op->has_secondary_ip &&
	    !op->has_ndparams && !op->has_hv_state && !op->has_disk_state && !op->has_powered)
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "Please pass at least one modification");
	if (sets(op->has_offline, op->offline) + sets(op->has_master_candidate, op->master_candidate) +
		    sets(op->has_drained, op->drained) +
		    sets(op->has_master_capable, op->master_capable) +
		    sets(op->has_vm_capable, op->vm_capable) >
	    1)
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Can't set the node into more than one state at the same time");
	if (op->has_secondary_ip && !addr_is_ip4(op->secondary_ip))
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Secondary IP (%s) needs to be a valid IPv4 address", op->secondary_ip);
	if (json_len(op->disk_state))
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Disk states are not supported by this version");
	st->may_demote = unsets(op->has_master_candidate, op->master_candidate) ||
			 sets(op->has_offline, op->offline) || sets(op->has_drained, op->drained) ||
			 unsets(op->has_master_capable, op->master_capable);
	st->lock_all = op->auto_promote && st->may_demote;
	return 0;
}

static int expand(struct luctx *lu, const void *op, struct err *e)
{
	struct state *st = lu->state;

	(void)op;
	(void)e;
	if (st->lock_all) {
		lu_need_all(lu, LOCK_NODE, false);
		lu_need_all(lu, LOCK_NODE_RES, false);
		return 0;
	}
	lu_need(lu, LOCK_NODE, st->uuid, false);
	lu_need(lu, LOCK_NODE_RES, st->uuid, false);
	return 0;
}

static json *maybe(bool has, bool value)
{
	return has ? json_new_bool(value) : NULL;
}

static int hooks(struct luctx *lu, const void *op_, json *env, struct strs *pre, struct strs *post,
		 struct err *e)
{
	struct state *st = lu->state;
	const struct op_node_set_params *op = &st->op;

	(void)op_;
	(void)post;
	(void)e;
	json_set(env, "OP_TARGET", json_new_str(st->name));
	json_set(env, "MASTER_CANDIDATE", maybe(op->has_master_candidate, op->master_candidate));
	json_set(env, "OFFLINE", maybe(op->has_offline, op->offline));
	json_set(env, "DRAINED", maybe(op->has_drained, op->drained));
	json_set(env, "MASTER_CAPABLE", maybe(op->has_master_capable, op->master_capable));
	json_set(env, "VM_CAPABLE", maybe(op->has_vm_capable, op->vm_capable));
	strs_add(lu->a, pre, lu->cluster->master_node);
	strs_add(lu->a, pre, st->uuid);
	return 0;
}

/* --- prereq --- */
static int check_roles(struct luctx *lu, const struct node *n, struct err *e)
{
	struct state *st = lu->state;
	const struct op_node_set_params *op = &st->op;
	struct strs except = { &st->uuid, 1 };
	struct mc_stats left = lu_candidate_stats(lu, lu->cluster->candidate_pool_size, &except);

	if ((op->has_master_candidate || op->has_drained || op->has_offline) &&
	    str_eq(st->uuid, lu->cluster->master_node))
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "The master role can be changed only via master-failover");
	if (sets(op->has_master_candidate, op->master_candidate) && !n->master_capable)
		return err_set(e, ERR_PREREQ, ECODE_STATE,
			       "Node %s is not master capable, cannot make it a master candidate",
			       n->name);
	if (unsets(op->has_vm_capable, op->vm_capable) &&
	    (snap_node_primaries(lu->snap, st->uuid).n || snap_node_secondaries(lu->snap, st->uuid).n))
		return err_set(e, ERR_PREREQ, ECODE_STATE,
			       "Node %s hosts instances, cannot unset the vm_capable flag", n->name);
	if (n->master_candidate && st->may_demote && !st->lock_all && left.now < left.should)
		return err_set(e, ERR_PREREQ, ECODE_STATE,
			       "Not enough master candidates, please pass auto promote option to allow "
			       "promotion (--auto-promote or RAPI auto_promote=True)");
	return 0;
}

static void ignore_flag(struct luctx *lu, bool *has, bool value, bool now, const char *name)
{
	if (!unsets(*has, value) || now)
		return;
	lu_info(lu, "Ignoring request to unset flag %s, already unset", name);
	*has = false;
}

static int check_power(struct luctx *lu, const struct node *n, struct err *e)
{
	struct state *st = lu->state;
	const struct op_node_set_params *op = &st->op;
	struct ndparams nd = fill_nd(lu->a, lu->cluster, snap_group(lu->snap, n->group), n);
	bool oob = nd.oob_program && *nd.oob_program;

	if (!oob && op->has_powered)
		return err_set(e, ERR_PREREQ, ECODE_STATE,
			       "Unable to change powered state for node %s as it does not support "
			       "out-of-band handling",
			       n->name);
	if (oob && unsets(op->has_offline, op->offline) && !n->powered &&
	    !sets(op->has_powered, op->powered))
		return err_set(e, ERR_PREREQ, ECODE_STATE,
			       "Node %s needs to be turned on before its offline status can be reset",
			       n->name);
	return 0;
}

static int decide_role(struct luctx *lu, const struct node *n, struct err *e)
{
	struct state *st = lu->state;
	struct op_node_set_params *op = &st->op;

	st->old = n->master_candidate ? CANDIDATE : n->drained ? DRAINED : n->offline ? OFFLINE : REGULAR;
	if ((unsets(op->has_drained, op->drained) || unsets(op->has_offline, op->offline) ||
	     (sets(op->has_master_capable, op->master_capable) && !n->master_capable)) &&
	    lu_wants_candidate(lu, NULL)) {
		LU_SET(op, master_candidate, true);
		lu_info(lu, "Auto-promoting node to master candidate");
	}
	if (unsets(op->has_master_capable, op->master_capable) && n->master_candidate) {
		if (str_eq(st->uuid, lu->cluster->master_node))
			return err_set(e, ERR_PREREQ, ECODE_STATE,
				       "Master must remain master capable");
		lu_info(lu, "Demoting from master candidate");
		LU_SET(op, master_candidate, false);
	}
	if (sets(op->has_master_candidate, op->master_candidate))
		st->new = CANDIDATE;
	else if (sets(op->has_drained, op->drained))
		st->new = DRAINED;
	else if (sets(op->has_offline, op->offline))
		st->new = OFFLINE;
	else if (op->has_master_candidate || op->has_drained || op->has_offline)
		st->new = REGULAR;
	else
		st->new = st->old;
	return 0;
}

/* Out of the offline state only with an agent that answers. */
static int check_online(struct luctx *lu, const struct node *n, struct err *e)
{
	struct state *st = lu->state;
	struct rpc_node there = { .name = n->name, .ip = n->primary_ip };
	struct err why CLEANUP(err_clear) = ERR_NONE;
	json *version;

	if (st->old != OFFLINE || st->new == OFFLINE)
		return 0;
	if (rpc_call(lu->rpc, lu->a, RPC_version, &there, json_new_array(), &version, &why) < 0)
		return err_set(e, ERR_PREREQ, ECODE_STATE,
			       "Node %s is being de-offlined but fails to report its version: %s",
			       n->name, err_msg(&why));
	lu_warn(lu, NULL,
		"Transitioning node from offline to online state without using re-add. Please make sure "
		"the node is healthy!");
	return 0;
}

static int check_secondary(struct luctx *lu, const struct node *n, struct err *e)
{
	struct state *st = lu->state;
	const struct op_node_set_params *op = &st->op;
	const struct node *master = snap_node(lu->snap, lu->cluster->master_node);
	bool single = str_eq(master->secondary_ip, master->primary_ip);
	bool same = op->has_secondary_ip && str_eq(op->secondary_ip, n->primary_ip);
	bool may = op->force && n == master;
	struct rpc_node there = lu_rpc_node(lu, st->uuid);

	if (!op->has_secondary_ip)
		return 0;
	if (single && !same && !may)
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Changing the secondary ip on a single-homed cluster requires the --force "
			       "option to be passed, and the target node to be the master");
	if (!single && same && !may)
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Cannot set the secondary IP to be the same as the primary IP on a "
			       "multi-homed cluster, unless the --force option is passed, and the target "
			       "node is the master");
	if (single && !same)
		lu_warn(lu, NULL,
			"Transitioning from single-homed to multi-homed cluster; all nodes will require a "
			"secondary IP address");
	if (!single && same)
		lu_warn(lu, NULL,
			"Transitioning from multi-homed to single-homed cluster; secondary IP addresses "
			"will have to be removed");
	if (n->offline)
		return 0;
	TRY(node_check_secondary_ip(lu, &there, op->secondary_ip, true, e));
	return n == master ? 0 : node_ping_secondary_ip(lu, op->secondary_ip, e);
}

static int prereq(struct luctx *lu, const void *op_, struct err *e)
{
	struct state *st = lu->state;
	struct op_node_set_params *op = &st->op;
	const struct node *n = snap_node(lu->snap, st->uuid);

	(void)op_;
	if (!n)
		return err_set(e, ERR_PREREQ, ECODE_NOENT, "Node '%s' not known", st->name);
	TRY(check_roles(lu, n, e));
	ignore_flag(lu, &op->has_master_candidate, op->master_candidate, n->master_candidate,
		    "master_candidate");
	ignore_flag(lu, &op->has_drained, op->drained, n->drained, "drained");
	ignore_flag(lu, &op->has_offline, op->offline, n->offline, "offline");
	TRY(check_power(lu, n, e));
	TRY(decide_role(lu, n, e));
	TRY(check_online(lu, n, e));
	TRY(check_secondary(lu, n, e));
	if (op->has_ndparams)
		TRY(node_params(lu, &n->ndparams, op->ndparams, &st->ndparams, e));
	if (op->has_hv_state)
		TRY(lu_merge_hv_state(lu, n->hv_state_static, op->hv_state, &st->hv_state, e));
	return 0;
}

/* --- exec --- */
static void changed(json *result, const char *what, bool now)
{
	json_append(result, json_pack("[s, s]", what, now ? "True" : "False"));
}

static void set_role(struct node *n, enum role role, json *result)
{
	if (n->master_candidate != (role == CANDIDATE))
		changed(result, "master_candidate", role == CANDIDATE);
	if (n->drained != (role == DRAINED))
		changed(result, "drained", role == DRAINED);
	if (n->offline != (role == OFFLINE))
		changed(result, "offline", role == OFFLINE);
	LU_SET(n, master_candidate, role == CANDIDATE);
	LU_SET(n, drained, role == DRAINED);
	LU_SET(n, offline, role == OFFLINE);
}

static struct node new_node(struct luctx *lu, json *result)
{
	struct state *st = lu->state;
	const struct op_node_set_params *op = &st->op;
	struct node n = *snap_node(lu->snap, st->uuid);

	if (op->has_ndparams)
		LU_SET(&n, ndparams, st->ndparams);
	if (op->has_powered)
		LU_SET(&n, powered, op->powered);
	if (op->has_hv_state)
		LU_SET(&n, hv_state_static, st->hv_state);
	if (op->has_master_capable) {
		LU_SET(&n, master_capable, op->master_capable);
		changed(result, "master_capable", op->master_capable);
	}
	if (op->has_vm_capable) {
		LU_SET(&n, vm_capable, op->vm_capable);
		changed(result, "vm_capable", op->vm_capable);
	}
	if (op->has_secondary_ip) {
		LU_SET(&n, secondary_ip, op->secondary_ip);
		json_append(result, json_pack("[s, s]", "secondary_ip", op->secondary_ip));
	}
	if (st->new != st->old)
		set_role(&n, st->new, result);
	return n;
}

/* Who joins the candidates needs its digest in the configuration; who leaves loses it. */
static int commit(struct luctx *lu, json *result, struct err *e)
{
	struct state *st = lu->state;
	struct rpc_node there = lu_rpc_node(lu, st->uuid);
	const char *digest = NULL;
	struct node n;

	there.offline = false; /* it is coming back */
	if (st->new == CANDIDATE && st->old != CANDIDATE)
		TRY(lu_digest_from(lu, &there, st->uuid, &digest, e));
	n = new_node(lu, result);
	lu_update(lu, OBJ_NODE, &n);
	if (st->new != st->old && (st->new == CANDIDATE || st->old == CANDIDATE))
		node_set_digest(lu, st->uuid, digest);
	return lu_commit(lu, e);
}

static int exec(struct luctx *lu, const void *op, json **ret, struct err *e)
{
	struct state *st = lu->state;
	struct err why CLEANUP(err_clear) = ERR_NONE;
	struct strs except = { &st->uuid, 1 };
	json *result = json_own(lu->a, json_new_array());
	const char *name;

	(void)op;
	TRY(lu_refresh(lu, e));
	name = arena_strdup(lu->a, lu_node_name(lu, st->uuid));
	TRY(commit(lu, result, e));
	/* after the change, so that the node gets no configuration any more */
	if (st->old == CANDIDATE && st->new != CANDIDATE && st->new != OFFLINE &&
	    lu_rpc(lu, RPC_node_demote_from_mc, st->uuid, json_new_array(), NULL,
		   "Node failed to demote itself", &why) < 0)
		lu_warn(lu, NULL, "%s", err_msg(&why));
	if (st->new != st->old && st->lock_all)
		TRY(lu_adjust_candidates(lu, &except, e));
	if (st->new == CANDIDATE && st->old != CANDIDATE) {
		lu_equip_candidate(lu, st->uuid);
		TRY(lu_ssh_add(lu, st->uuid, name, true, false, e));
	}
	if (st->old == CANDIDATE && st->new != CANDIDATE)
		TRY(lu_ssh_remove(lu, st->uuid, name, false, false, e));
	*ret = json_ref(result);
	return 0;
}

const struct lu lu_node_set_params = {
	.hooks_path = "node-modify", .hooks_type = "NODE", .state_size = sizeof(struct state),
	.check_args = check_args, .expand = expand, .hooks = hooks, .prereq = prereq, .exec = exec,
};
