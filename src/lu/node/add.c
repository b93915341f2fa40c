/*
 * OP_NODE_ADD: take a node into the configuration whose agent runs already (see src/site), or take one
 * back that was there before.
 */
#include "src/lu/node/lus.h"

#include "lib/net/net.h"

struct state {
	const char *name, *pip, *sip; /* resolved */
	const char *uuid;             /* old or new */
	bool master_capable, vm_capable, candidate;
	struct ndparams ndparams;
	json *hv_state;
};

static int check_args(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_node_add *op = op_;
	struct state *st = lu->state;
	struct err why CLEANUP(err_clear) = ERR_NONE;
	const struct node *master = snap_node(lu->snap, lu->cluster->master_node);

	if (resolve_name(lu->a, env_hosts_file(), op->node_name, (int)lu->cluster->primary_ip_family,
			 &st->name, &st->pip, &why) < 0)
		return err_set(e, ERR_PREREQ, ECODE_RESOLVER,
			       "The given name (%s) does not resolve: %s", op->node_name, err_msg(&why));
	if (op->readd && str_eq(st->name, master->name))
		return err_set(e, ERR_PREREQ, ECODE_STATE, "Cannot readd the master node");
	if (op->readd && op->has_group)
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Cannot pass a node group when a node is being readded");
	if (json_len(op->disk_state))
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Disk states are not supported by this version");
	return 0;
}

static int hooks(struct luctx *lu, const void *op, json *env, struct strs *pre, struct strs *post,
		 struct err *e)
{
	struct state *st = lu->state;
	struct strs all = snap_uuids(lu->snap, OBJ_NODE);

	(void)op;
	(void)e;
	json_set(env, "OP_TARGET", json_new_str(st->name));
	json_set(env, "NODE_NAME", json_new_str(st->name));
	json_set(env, "NODE_PIP", json_new_str(st->pip));
	json_set(env, "NODE_SIP", json_new_str(st->sip));
	json_set(env, "MASTER_CAPABLE", json_new_bool(st->master_capable));
	json_set(env, "VM_CAPABLE", json_new_bool(st->vm_capable));
	for (size_t i = 0; i < all.n; i++) {
		if (!str_eq(all.v[i], st->uuid))
			strs_add(lu->a, pre, all.v[i]);
		strs_add(lu->a, post, all.v[i]);
	}
	return 0;
}

static const struct node *find_by_name(struct luctx *lu, const char *name)
{
	struct strs all = snap_uuids(lu->snap, OBJ_NODE);

	for (size_t i = 0; i < all.n; i++)
		if (str_eq(snap_node(lu->snap, all.v[i])->name, name))
			return snap_node(lu->snap, all.v[i]);
	return NULL;
}

static int check_addresses(struct luctx *lu, const struct op_node_add *op, const struct node *old,
			   struct err *e)
{
	struct state *st = lu->state;
	struct strs all = snap_uuids(lu->snap, OBJ_NODE);

	st->sip = op->has_secondary_ip ? op->secondary_ip : st->pip;
	if (!op->has_secondary_ip && !addr_is_ip4(st->pip))
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "When using a IPv6 primary address, a valid IPv4 address must be given as "
			       "secondary");
	if (!addr_is_ip4(st->sip))
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Secondary IP (%s) needs to be a valid IPv4 address", st->sip);
	if (!op->readd && old)
		return err_set(e, ERR_PREREQ, ECODE_EXISTS, "Node %s is already in the configuration",
			       st->name);
	if (op->readd && !old)
		return err_set(e, ERR_PREREQ, ECODE_NOENT, "Node %s is not in the configuration",
			       st->name);
	if (old && !str_eq(old->secondary_ip, st->sip))
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Readded node doesn't have the same IP address configuration as before");
	for (size_t i = 0; i < all.n; i++) {
		const struct node *n = snap_node(lu->snap, all.v[i]);

		if (n == old)
			continue;
		if (str_eq(n->primary_ip, st->pip) || str_eq(n->secondary_ip, st->pip) ||
		    str_eq(n->primary_ip, st->sip) || str_eq(n->secondary_ip, st->sip))
			return err_set(e, ERR_PREREQ, ECODE_NOTUNIQUE,
				       "New node ip address(es) conflict with existing node %s", n->name);
	}
	return 0;
}

static int check_homes(struct luctx *lu, struct err *e)
{
	struct state *st = lu->state;
	const struct node *master = snap_node(lu->snap, lu->cluster->master_node);
	bool master_single = str_eq(master->secondary_ip, master->primary_ip);
	bool single = str_eq(st->sip, st->pip);

	if (master_single && !single)
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "The master has no secondary ip but the new node has one");
	if (!master_single && single)
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "The master has a secondary ip but the new node doesn't have one");
	return single ? 0 : node_ping_secondary_ip(lu, st->sip, e);
}

static int check_version(struct luctx *lu, struct err *e)
{
	struct state *st = lu->state;
	struct rpc_node n = { .name = st->name, .ip = st->pip };
	struct err why CLEANUP(err_clear) = ERR_NONE;
	json *version;

	if (rpc_call(lu->rpc, lu->a, RPC_version, &n, json_new_array(), &version, &why) < 0)
		return err_set(e, ERR_PREREQ, NULL, "Can't get version information from node %s: %s",
			       st->name, err_msg(&why));
	if (json_int(version, 0) != PROTOCOL_VERSION)
		return err_set(e, ERR_PREREQ, ECODE_ENVIRON,
			       "Version mismatch master version %d, node version %lld", PROTOCOL_VERSION,
			       (long long)json_int(version, 0));
	return 0;
}

static int check_flags(struct luctx *lu, const struct op_node_add *op, const struct node *old,
		       struct err *e)
{
	struct state *st = lu->state;
	struct strs except = { NULL, 0 };

	st->master_capable = op->has_master_capable ? op->master_capable :
						      !old || old->master_capable;
	st->vm_capable = op->has_vm_capable ? op->vm_capable : !old || old->vm_capable;
	if (old) {
		strs_add(lu->a, &except, old->uuid);
		if (!st->vm_capable && (snap_node_primaries(lu->snap, old->uuid).n ||
					snap_node_secondaries(lu->snap, old->uuid).n))
			return err_set(e, ERR_PREREQ, ECODE_STATE,
				       "Node %s being re-added with vm_capable flag set to false, but it "
				       "already holds instances",
				       st->name);
	}
	st->candidate = st->master_capable && lu_wants_candidate(lu, &except);
	return 0;
}

/* The group asked for, or the only one there is (upstream: LookupNodeGroup). */
static int find_group(struct luctx *lu, const struct op_node_add *op, const char **ret, struct err *e)
{
	const struct nodegroup *g;
	struct strs all = snap_uuids(lu->snap, OBJ_NODEGROUP);

	if (op->has_group) {
		TRY(lu_expand_group(lu, op->group, &g, e));
		*ret = g->uuid;
		return 0;
	}
	if (all.n != 1)
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "More than one node group exists. Target group must be specified "
			       "explicitly.");
	*ret = all.v[0];
	return 0;
}

static int prereq(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_node_add *op = op_;
	struct state *st = lu->state;
	const struct node *old = find_by_name(lu, st->name);
	const char *group;

	TRY(check_addresses(lu, op, old, e));
	TRY(check_flags(lu, op, old, e));
	TRY(check_homes(lu, e));
	if (!op->readd)
		TRY(find_group(lu, op, &group, e));
	if (op->has_ndparams)
		TRY(node_params(lu, NULL, op->ndparams, &st->ndparams, e));
	if (op->has_hv_state)
		TRY(lu_merge_hv_state(lu, NULL, op->hv_state, &st->hv_state, e));
	st->uuid = old ? arena_strdup(lu->a, old->uuid) : uuid_new(lu->a);
	return check_version(lu, e);
}

/* --- exec --- */
static int new_node(struct luctx *lu, const struct op_node_add *op, struct node *ret, struct err *e)
{
	struct state *st = lu->state;
	struct node n = { 0 };
	const char *group = NULL;

	if (op->readd) {
		n = *snap_node(lu->snap, st->uuid);
	} else {
		TRY(find_group(lu, op, &group, e));
		LU_SET(&n, uuid, st->uuid);
		LU_SET(&n, name, st->name);
		LU_SET(&n, group, group);
		LU_SET(&n, secondary_ip, st->sip);
	}
	LU_SET(&n, primary_ip, st->pip);
	LU_SET(&n, powered, true);
	LU_SET(&n, offline, false);
	LU_SET(&n, drained, false);
	LU_SET(&n, master_candidate, st->candidate);
	LU_SET(&n, master_capable, st->master_capable);
	LU_SET(&n, vm_capable, st->vm_capable);
	LU_SET(&n, ndparams, st->ndparams);
	if (st->hv_state)
		LU_SET(&n, hv_state_static, st->hv_state);
	*ret = n;
	return 0;
}

/* The master logs in there by ssh and looks at its name. Nodes of a virtual cluster have no ssh server. */
static int check_ssh(struct luctx *lu, struct err *e)
{
	struct state *st = lu->state;
	const char *master = lu->cluster->master_node;
	json *answer, *bad;

	if (env_virtual())
		return 0;
	TRY(lu_rpc(lu, RPC_node_verify, master,
		   json_pack("[{s:[[s], {}, []]}, s, O]",
			     enum_name(&enum_node_check, node_check_nodelist), st->name,
			     lu->cluster->cluster_name, lu->cluster->hvparams),
		   &answer, arena_printf(lu->a, "Cannot communicate with node %s", master), e));
	bad = json_get(answer, enum_name(&enum_node_check, node_check_nodelist));
	if (!json_len(bad))
		return 0;
	json_each(bad, node, why) {
		lu_log(lu, "ssh/hostname verification failed (checking from %s): %s", master,
		       json_str(why));
		(void)node;
	}
	return err_set(e, ERR_EXEC, NULL, "ssh/hostname verification failed");
}

static int configure_ovs(struct luctx *lu, const struct node *n, struct err *e)
{
	struct ndparams nd = fill_nd(lu->a, lu->cluster, snap_group(lu->snap, n->group), n);

	if (!nd.ovs)
		return 0;
	return err_set(e, ERR_EXEC, NULL, "Open vSwitch is not supported by this version");
}

static int commit(struct luctx *lu, const struct op_node_add *op, const char *digest, struct err *e)
{
	struct state *st = lu->state;
	struct node n;

	TRY(new_node(lu, op, &n, e));
	if (op->readd)
		lu_update(lu, OBJ_NODE, &n);
	else
		lu_add(lu, OBJ_NODE, &n);
	node_set_digest(lu, st->uuid, st->candidate ? digest : NULL);
	return lu_commit(lu, e);
}

static int exec(struct luctx *lu, const void *op_, json **ret, struct err *e)
{
	const struct op_node_add *op = op_;
	struct state *st = lu->state;
	struct rpc_node there = { .name = st->name, .ip = st->pip };
	struct err why CLEANUP(err_clear) = ERR_NONE;
	const char *digest = NULL;
	struct node n;

	(void)ret;
	if (op->readd)
		lu_info(lu, "Readding a node, the offline/drained flags were reset");
	if (st->candidate)
		lu_info(lu, "Node will be a master candidate");
	TRY(new_node(lu, op, &n, e));
	TRY(node_hosts(lu, st->name, st->pip, e));
	if (!str_eq(st->sip, st->pip))
		TRY(node_check_secondary_ip(lu, &there, st->sip, false, e));
	TRY(check_ssh(lu, e));
	TRY(configure_ovs(lu, &n, e));
	TRY(lu_digest_from(lu, &there, st->uuid, &digest, e));
	TRY(commit(lu, op, digest, e));
	TRY(lu_flush_config(lu, false, e));
	TRY(lu_distribute_files(lu, e));
	if (op->readd)
		TRY(lu_ssh_remove(lu, st->uuid, st->name, false, true, e));
	TRY(lu_ssh_add(lu, st->uuid, st->name, st->candidate, n.master_capable, e));
	if (st->candidate)
		lu_equip_candidate(lu, st->uuid);
	else if (op->readd && lu_rpc(lu, RPC_node_demote_from_mc, st->uuid, json_new_array(), NULL,
				     "Node failed to demote itself from master candidate status",
				     &why) < 0)
		lu_warn(lu, NULL, "%s", err_msg(&why));
	return 0;
}

const struct lu lu_node_add = {
	.hooks_path = "node-add", .hooks_type = "NODE", .exclusive = true,
	.state_size = sizeof(struct state), .check_args = check_args, .hooks = hooks,
	.prereq = prereq, .exec = exec,
};
