/* What is left to do on the master after OP_CLUSTER_DESTROY (upstream: FinalizeClusterDestroy). */
#include "src/site/priv.h"

#include "lib/base/log.h"

/* The answers matter to nobody any more: what fails is logged. */
static void tell(struct rpc_client *client, struct arena *a, enum rpc rpc,
		 const struct rpc_node *node, json *args, const char *what)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *out;

	if (rpc_call(client, a, rpc, node, args, &out, &e) < 0)
		log_warn("Could not %s: %s", what, err_msg(&e));
}

struct last_words {
	json *master_params;
	const char *ip;
	bool external_script, ssh_setup;
};

static int read_config(struct arena *a, struct last_words *w, struct err *e)
{
	struct config *c = NULL;
	struct snapshot *s CLEANUP(snapshot_freep) = NULL;
	const struct cluster *cl;
	const struct node *n;

	if (config_open(path_of(PATH_CONFIG_DB), DB_READ, &c, e) < 0)
		return -1;
	if (snapshot_open(c, &s, e) < 0) {
		config_close(c);
		return -1;
	}
	cl = snap_cluster(s);
	n = cl ? snap_node(s, cl->master_node) : NULL;
	if (n) {
		w->ip = arena_strdup(a, n->primary_ip);
		w->external_script = cl->use_external_mip_script;
		w->ssh_setup = cl->modify_ssh_setup;
		w->master_params = json_own(
			a, json_pack("{s:s, s:s, s:I, s:s, s:I}", "uuid", n->uuid, "ip",
				     cl->master_ip, "netmask", cl->master_netmask, "netdev",
				     cl->master_netdev, "ip_family", cl->primary_ip_family));
	}
	snapshot_freep(&s);
	config_close(c);
	return n ? 0 : err_plain(e, "There is no master node in the configuration");
}

int site_destroy_finish(const char *master_name, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct last_words w = { 0 };
	struct rpc_client *client = NULL;
	struct rpc_node node = { .name = master_name };

	if (read_config(a, &w, e) < 0 || rpc_client_new(NULL, &client, e) < 0)
		return -1;
	node.ip = w.ip;
	tell(client, a, RPC_node_deactivate_master_ip, &node,
	     json_pack("[O, b]", w.master_params, (int)w.external_script), "disable the master IP");
	tell(client, a, RPC_node_stop_master, &node, json_new_array(), "disable the master role");
	tell(client, a, RPC_node_leave_cluster, &node, json_pack("[b]", (int)w.ssh_setup),
	     "shutdown the node daemon and cleanup the node");
	rpc_client_free(client);
	return 0;
}
