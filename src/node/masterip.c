/*
 * The master IP address: on the interface of the master, with hooks before and after. Upstream runs
 * a script for it; unless the site has its own, this is done here by netlink and ARP, with the
 * script's rules and wording. In a virtual cluster every node has loopback addresses, which are
 * always there.
 */
#include "src/node/priv.h"

#include "lib/base/log.h"
#include "lib/base/parse.h"
#include "lib/net/net.h"

#include <string.h>
#include <sys/socket.h>

#define TIMEOUT (RPC_TMO_FAST - SCRIPT_MARGIN)

struct master_ip {
	const char *ip, *netdev;
	int netmask;
	bool v6;
	const char *netmask_text;
};

static int as_int(const json *v)
{
	int64_t n = -1;

	if (json_str(v))
		parse_int(json_str(v), &n);
	else
		n = json_int(v, -1);
	return n < 0 || n > 128 ? -1 : (int)n;
}

static int parse_params(struct arena *a, const json *params, struct master_ip *ret, struct err *e)
{
	ret->ip = json_get_str(params, "ip");
	ret->netdev = json_get_str(params, "netdev");
	ret->netmask = as_int(json_get(params, "netmask"));
	ret->v6 = json_get_int(params, "ip_family", AF_INET) == AF_INET6;
	ret->netmask_text = arena_printf(a, "%d", ret->netmask);
	if (!ret->ip || !addr_is_ip(ret->ip) || !ret->netdev || ret->netmask < 0) {
		err_plain(e, "Invalid master network parameters %s", json_dump_in(a, params));
		return fail_unexpected(e);
	}
	return 0;
}

/* --- hooks, run on this node only --- */

static void add_values(struct env_list *l, const char *prefix, const struct master_ip *m)
{
	env_add(l, arena_printf(l->a, "%sMASTER_NETDEV", prefix), "%s", m->netdev);
	env_add(l, arena_printf(l->a, "%sMASTER_IP", prefix), "%s", m->ip);
	env_add(l, arena_printf(l->a, "%sMASTER_NETMASK", prefix), "%s", m->netmask_text);
	env_add(l, arena_printf(l->a, "%sCLUSTER_IP_VERSION", prefix), "%d", m->v6 ? 6 : 4);
}

static int run_hooks(struct arena *a, const char *hpath, const char *phase, const char *opcode,
		     const struct master_ip *m, struct err *e)
{
	bool post = str_eq(phase, "post");
	struct env_list l = { .a = a };
	const char *cluster, *master, *me;
	json *results = NULL;

	if (ssconf_read(a, SSCONF_cluster_name, &cluster, e) < 0 ||
	    ssconf_master(a, &master, &me, e) < 0)
		return fail_unexpected(e);
	env_add(&l, "PATH", "%s", SCRIPT_PATH);
	env_add(&l, "GANETI_HOOKS_VERSION", "%d", HOOKS_VERSION);
	env_add(&l, "GANETI_OP_CODE", "%s", opcode);
	env_add(&l, "GANETI_DATA_DIR", "%s", path_of(PATH_DATA_DIR));
	env_add(&l, "GANETI_HOOKS_PHASE", "%s", phase);
	env_add(&l, "GANETI_HOOKS_PATH", "%s", hpath);
	env_add(&l, "GANETI_CLUSTER", "%s", cluster);
	env_add(&l, "GANETI_MASTER", "%s", master);
	add_values(&l, "GANETI_", m);
	if (post)
		add_values(&l, "GANETI_POST_", m);
	TRY(hooks_run(a, hpath, phase, l.v, TIMEOUT, &results, e));
	json_own(a, results);
	json_items(results, i, r) {
		const char *script = json_str(json_at(r, 0)), *output = json_str(json_at(r, 2));

		if (json_int(json_at(r, 1), 0) != HOOK_FAIL)
			continue;
		if (post) {
			log_warn("On %s script %s failed, output: %s", me, script,
				 output && *output ? output : "(no output)");
			continue;
		}
		err_set(e, HooksAbort, NULL, "[('%s', '%s', '%s')]", me, script, output);
		return fail_unexpected(e);
	}
	return 0;
}

/* --- the address --- */

static int failed(struct err *e, const char *action, int status, const char *output)
{
	return err_plain(e,
			 "Failed to %s the master IP. Script return value: %d, output: '%s'",
			 action, status, output);
}

static int run_script(struct arena *a, const char *action, const struct master_ip *m,
		      struct err *e)
{
	struct run_result res CLEANUP(run_result_free) = { 0 };
	const char *argv[] = { path_of(PATH_EXTERNAL_MASTER_SETUP_SCRIPT), action, NULL };
	struct env_list l = { .a = a };
	struct run r = { .argv = argv, .timeout = TIMEOUT, .death_signal = 15 };

	env_add(&l, "PATH", "%s", SCRIPT_PATH);
	add_values(&l, "", m);
	r.env = l.v;
	if (run_cmd(&r, &res, e) < 0)
		return fail_unexpected(e);
	return res.status == 0 ? 0 : failed(e, action, res.status, run_output(a, &res));
}

static int address_up(struct arena *a, const struct master_ip *m, struct err *e)
{
	int r;

	if (addr_is_local(m->ip))
		return 0;
	/* IPv6 has its own detection of duplicates in the kernel */
	if (!m->v6 && arp_probe(m->netdev, m->ip) == 1)
		return failed(e, "start", 1,
			      "Error: master IP address configured on another machine.");
	r = netif_addr_add(m->netdev, m->ip, m->netmask,
			   m->v6 ? NULL : arena_printf(a, "%s:0", m->netdev));
	if (r < 0)
		return failed(e, "start", 1,
			      arena_printf(a, "%s: Error during the activation of the master IP"
					      " address",
					   strerror(-r)));
	if (!m->v6)
		arp_announce(m->netdev, m->ip);
	return 0;
}

static int address_down(struct arena *a, const struct master_ip *m, struct err *e)
{
	int r = netif_has_addr(m->netdev, m->ip, m->netmask);

	if (r <= 0 && addr_is_local(m->ip))
		return failed(e, "stop", 1,
			      "Error: master IP address configured on wrong device, can't shut it"
			      " down.");
	if (r <= 0)
		return 0;
	r = netif_addr_del(m->netdev, m->ip, m->netmask);
	if (r < 0)
		return failed(e, "stop", 1,
			      arena_printf(a, "%s: Error during the deactivation of the master IP"
					      " address",
					   strerror(-r)));
	return 0;
}

int node_node_activate_master_ip(struct node_ctx *ctx,
				 const struct rpc_node_activate_master_ip *args, json **ret,
				 struct err *e)
{
	struct master_ip m;

	(void)ret;
	TRY(parse_params(ctx->a, args->master_params, &m, e));
	TRY(run_hooks(ctx->a, "master-ip-turnup", "pre", "OP_CLUSTER_IP_TURNUP", &m, e));
	if (args->use_external_mip_script)
		TRY(run_script(ctx->a, "start", &m, e));
	else if (!env_virtual())
		TRY(address_up(ctx->a, &m, e));
	return run_hooks(ctx->a, "master-ip-turnup", "post", "OP_CLUSTER_IP_TURNUP", &m, e);
}

int node_node_deactivate_master_ip(struct node_ctx *ctx,
				   const struct rpc_node_deactivate_master_ip *args, json **ret,
				   struct err *e)
{
	struct master_ip m;

	(void)ret;
	TRY(parse_params(ctx->a, args->master_params, &m, e));
	TRY(run_hooks(ctx->a, "master-ip-turndown", "pre", "OP_CLUSTER_IP_TURNDOWN", &m, e));
	if (args->use_external_mip_script)
		TRY(run_script(ctx->a, "stop", &m, e));
	else if (!env_virtual())
		TRY(address_down(ctx->a, &m, e));
	return run_hooks(ctx->a, "master-ip-turndown", "post", "OP_CLUSTER_IP_TURNDOWN", &m, e);
}

int node_node_change_master_netmask(struct node_ctx *ctx,
				    const struct rpc_node_change_master_netmask *args, json **ret,
				    struct err *e)
{
	int old = as_int(args->old_netmask), wanted = as_int(args->netmask);
	const char *dev = args->master_netdev, *ip = args->master_ip;

	(void)ret;
	if (old == wanted || env_virtual())
		return 0;
	if (!addr_is_ip(ip) || !addr_is_local(ip))
		return err_plain(e, "The master IP address is not up, not attempting to change its"
				    " netmask");
	if (wanted < 0 || netif_addr_add(dev, ip, wanted,
					 addr_is_ip4(ip) ? arena_printf(ctx->a, "%s:0", dev) :
							   NULL) < 0)
		return err_plain(e, "Could not set the new netmask on the master IP address");
	if (netif_addr_del(dev, ip, old) < 0)
		return err_plain(e, "Could not bring down the master IP address with the old"
				    " netmask");
	return 0;
}
