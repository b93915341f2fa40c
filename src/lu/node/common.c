/* What adding and changing nodes have in common. */
#include "src/lu/node/lus.h"

#include "lib/net/net.h"


int node_check_secondary_ip(struct luctx *lu, const struct rpc_node *n, const char *secondary_ip,
			    bool prereq, struct err *e)
{
	struct err why CLEANUP(err_clear) = ERR_NONE;
	const char *cls = prereq ? ERR_PREREQ : ERR_EXEC, *code = prereq ? ECODE_ENVIRON : NULL;
	json *has;

	if (rpc_call(lu->rpc, lu->a, RPC_node_has_ip_address, n, json_pack("[s]", secondary_ip), &has,
		     &why) < 0)
		return err_set(e, cls, code, "Failure checking secondary ip on node %s: %s", n->name,
			       err_msg(&why));
	if (json_boolean(has, false))
		return 0;
	return err_set(e, cls, code,
		       "Node claims it doesn't have the secondary ip you gave (%s), please fix and re-run "
		       "this command",
		       secondary_ip);
}

int node_ping_secondary_ip(struct luctx *lu, const char *secondary_ip, struct err *e)
{
	const struct node *master = snap_node(lu->snap, lu->cluster->master_node);

	if (tcp_ping(secondary_ip, rpc_port(), TCP_PING_TIMEOUT, false, master->secondary_ip))
		return 0;
	return err_set(e, ERR_PREREQ, ECODE_ENVIRON,
		       "Node secondary ip not reachable by TCP based ping to node daemon port");
}

int node_params(struct luctx *lu, const struct ndparams *old, const json *changes, struct ndparams *ret,
		struct err *e)
{
	static const char global[] = "exclusive_storage";
	struct ndparams all;

	TRY(lu_ndparams(lu, old, changes, &all, e));
	if (json_has(changes, global))
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "The following node parameters are global and cannot be customized at node "
			       "level, please modify them at cluster or group level: %s",
			       global);
	*ret = all;
	return 0;
}

int node_hosts(struct luctx *lu, const char *name, const char *ip, struct err *e)
{
	if (!lu->cluster->modify_etc_hosts)
		return 0;
	return lu_rpc(lu, RPC_etc_hosts_modify, lu->cluster->master_node,
		      json_pack("[s, s, s]", ip ? "add" : "remove", name, ip), NULL,
		      "Can't update hosts file with new host data", e);
}

void node_set_digest(struct luctx *lu, const char *node_uuid, const char *digest)
{
	struct cluster c = *lu->cluster;
	const char *old = json_get_str(c.candidate_certs, node_uuid);

	if (str_eq(old, digest))
		return;
	LU_SET(&c, candidate_certs, json_own(lu->a, lu_candidate_certs(lu, node_uuid, digest)));
	lu_update(lu, OBJ_CLUSTER, &c);
}
