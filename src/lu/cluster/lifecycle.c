/* Birth, end and name of a cluster, its address, and its files on the nodes. */
#include "src/lu/lu.h"

#include "lib/net/net.h"

#include <string.h>
#include <sys/socket.h>

#define PING_TIMEOUT 5.0

static void target_env(struct luctx *lu, json *env)
{
	json_set(env, "OP_TARGET", json_new_str(lu->cluster->cluster_name));
}

/* --- OP_CLUSTER_POST_INIT --- */
static int init_hooks(struct luctx *lu, const void *op, json *env, struct strs *pre,
		      struct strs *post, struct err *e)
{
	(void)op;
	(void)pre;
	(void)e;
	target_env(lu, env);
	strs_add(lu->a, post, lu->cluster->master_node);
	return 0;
}

static int init_exec(struct luctx *lu, const void *op, json **ret, struct err *e)
{
	const char *master = lu->cluster->master_node;
	const struct node *n = snap_node(lu->snap, master);
	struct ndparams nd = fill_nd(lu->a, lu->cluster, snap_group(lu->snap, n->group), n);

	(void)op;
	if (nd.ovs)
		TRY(lu_rpc(lu, RPC_node_configure_ovs, master,
			   json_pack("[s, s]", nd.ovs_name, nd.ovs_link), NULL,
			   "Error in creating the Open vSwitch", e));
	*ret = json_new_bool(true);
	return 0;
}

const struct lu lu_cluster_post_init = {
	.hooks_path = "cluster-init", .hooks_type = "CLUSTER", .exclusive = true,
	.hooks = init_hooks, .exec = init_exec,
};

/* --- OP_CLUSTER_DESTROY --- */
static int destroy_hooks(struct luctx *lu, const void *op, json *env, struct strs *pre,
			 struct strs *post, struct err *e)
{
	(void)op;
	(void)pre;
	(void)post; /* exec runs them, while there is a node */
	(void)e;
	target_env(lu, env);
	return 0;
}

static int destroy_prereq(struct luctx *lu, const void *op, struct err *e)
{
	size_t nodes = snap_uuids(lu->snap, OBJ_NODE).n;
	size_t instances = snap_uuids(lu->snap, OBJ_INSTANCE).n;

	(void)op;
	if (nodes != 1)
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "There are still %zu node(s) in this cluster.",
			       nodes - 1);
	if (instances)
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "There are still %zu instance(s) in this cluster.", instances);
	return 0;
}

static int destroy_exec(struct luctx *lu, const void *op, json **ret, struct err *e)
{
	struct err why CLEANUP(err_clear) = ERR_NONE;
	const char *master = arena_strdup(lu->a, lu->cluster->master_node);

	(void)e;
	lu_run_post_hook(lu, op, master);
	if (lu_rpc(lu, RPC_node_deactivate_master_ip, master,
		   json_pack("[o, b]", lu_master_params(lu),
			     (int)lu->cluster->use_external_mip_script),
		   NULL, "Error disabling the master IP address", &why) < 0)
		lu_warn(lu, NULL, "%s", err_msg(&why));
	*ret = json_new_str(master);
	return 0;
}

const struct lu lu_cluster_destroy = {
	.hooks_path = "cluster-destroy", .hooks_type = "CLUSTER", .exclusive = true,
	.hooks = destroy_hooks, .prereq = destroy_prereq, .exec = destroy_exec,
};

/* --- OP_CLUSTER_ACTIVATE_MASTER_IP, OP_CLUSTER_DEACTIVATE_MASTER_IP --- */
static int master_ip(struct luctx *lu, enum rpc rpc, const char *what, struct err *e)
{
	return lu_rpc(lu, rpc, lu->cluster->master_node,
		      json_pack("[o, b]", lu_master_params(lu),
				(int)lu->cluster->use_external_mip_script),
		      NULL, what, e);
}

static int activate_exec(struct luctx *lu, const void *op, json **ret, struct err *e)
{
	(void)op;
	(void)ret;
	return master_ip(lu, RPC_node_activate_master_ip, "Could not activate the master IP", e);
}

const struct lu lu_cluster_activate_master_ip = { .exclusive = true, .exec = activate_exec };

static int deactivate_exec(struct luctx *lu, const void *op, json **ret, struct err *e)
{
	(void)op;
	(void)ret;
	return master_ip(lu, RPC_node_deactivate_master_ip, "Could not deactivate the master IP", e);
}

const struct lu lu_cluster_deactivate_master_ip = { .exclusive = true, .exec = deactivate_exec };

/* --- OP_CLUSTER_REDIST_CONF --- */
static int redist_expand(struct luctx *lu, const void *op, struct err *e)
{
	(void)op;
	(void)e;
	lu_need_all(lu, LOCK_NODE, true);
	return 0;
}

static int redist_exec(struct luctx *lu, const void *op, json **ret, struct err *e)
{
	(void)op;
	(void)ret;
	TRY(lu_flush_config(lu, true, e));
	return lu_distribute_files(lu, e);
}

const struct lu lu_cluster_redist_conf = { .expand = redist_expand, .exec = redist_exec };

/* --- OP_CLUSTER_RENAME --- */
struct rename {
	const char *name, *ip;
};

static int rename_hooks(struct luctx *lu, const void *op_, json *env, struct strs *pre,
			struct strs *post, struct err *e)
{
	const struct op_cluster_rename *op = op_;

	(void)post;
	(void)e;
	target_env(lu, env);
	json_set(env, "NEW_NAME", json_new_str(op->name));
	strs_add(lu->a, pre, lu->cluster->master_node);
	*post = snap_uuids(lu->snap, OBJ_NODE);
	return 0;
}

static int rename_prereq(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_cluster_rename *op = op_;
	struct rename *st = lu->state;
	struct err why CLEANUP(err_clear) = ERR_NONE;

	if (resolve_name(lu->a, env_hosts_file(), op->name, (int)lu->cluster->primary_ip_family,
			 &st->name, &st->ip, &why) < 0)
		return err_set(e, ERR_PREREQ, ECODE_RESOLVER,
			       "The given name (%s) does not resolve: %s", op->name, err_msg(&why));
	if (str_eq(st->name, lu->cluster->cluster_name) && str_eq(st->ip, lu->cluster->master_ip))
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Neither the name nor the IP address of the cluster has changed");
	if (!str_eq(st->ip, lu->cluster->master_ip) &&
	    tcp_ping(st->ip, rpc_port(), PING_TIMEOUT, true, NULL))
		return err_set(e, ERR_PREREQ, ECODE_NOTUNIQUE,
			       "The given cluster IP address (%s) is reachable on the network", st->ip);
	return 0;
}

/* The address goes down under its old name and comes up under the new one, whatever happens between. */
static int rename_exec(struct luctx *lu, const void *op, json **ret, struct err *e)
{
	const struct rename *st = lu->state;
	struct err why CLEANUP(err_clear) = ERR_NONE;
	struct cluster c;
	int rc;

	(void)op;
	TRY(master_ip(lu, RPC_node_deactivate_master_ip, "Could not disable the master role", e));
	c = *lu->cluster;
	c.cluster_name = st->name;
	c.master_ip = st->ip;
	lu_update(lu, OBJ_CLUSTER, &c);
	rc = lu_commit(lu, e);
	if (rc == 0)
		rc = lu_flush_config(lu, false, e);
	if (master_ip(lu, RPC_node_activate_master_ip,
		      "Could not re-enable the master role on the master, please restart manually",
		      &why) < 0)
		lu_warn(lu, NULL, "%s", err_msg(&why));
	*ret = json_new_str(st->name);
	return rc;
}

const struct lu lu_cluster_rename = {
	.hooks_path = "cluster-rename", .hooks_type = "CLUSTER", .exclusive = true,
	.state_size = sizeof(struct rename), .hooks = rename_hooks, .prereq = rename_prereq,
	.exec = rename_exec,
};
