/* Can this node reach the others? By ssh, by TCP on both networks, and the master by its address. */
#include "src/node/priv.h"

#include "src/rpc/rpc.h"

#include <string.h>


static bool contains(const json *list, const char *name)
{
	json_items(list, i, v)
		if (str_eq(json_str(v), name))
			return true;
	return false;
}

/* --- TCP --- */

json *netcheck_master(struct arena *a, const char *me, const json *arg)
{
	const char *master = json_str(json_at(arg, 0)), *ip = json_str(json_at(arg, 1));

	(void)a;
	if (!contains(json_at(arg, 2), me) || !ip)
		return NULL;
	/* from the loopback address only an address of this very machine can be reached */
	return json_new_bool(tcp_ping(ip, rpc_port(), TCP_PING_TIMEOUT, false,
				      str_eq(master, me) && addr_is_ip4(ip) ? "127.0.0.1" : NULL));
}

json *netcheck_nodes(struct arena *a, const char *me, const json *arg)
{
	const json *nodes = json_at(arg, 0);
	const char *my_pip = NULL, *my_sip = NULL;
	json *bad = json_new_dict();

	if (!contains(json_at(arg, 1), me))
		return bad;
	json_items(nodes, i, n) {
		if (!str_eq(json_str(json_at(n, 0)), me))
			continue;
		my_pip = json_str(json_at(n, 1));
		my_sip = json_str(json_at(n, 2));
	}
	if (!my_pip || !my_sip)
		return json_set(bad, me,
				json_new_str("Can't find my own primary/secondary IP in the node"
					     " list"));
	json_items(nodes, i, n) {
		const char *name = json_str(json_at(n, 0)), *pip = json_str(json_at(n, 1));
		const char *sip = json_str(json_at(n, 2));
		struct strs fail = { 0 };

		if (!name || !pip || !sip)
			continue;
		if (!tcp_ping(pip, rpc_port(), TCP_PING_TIMEOUT, false, my_pip))
			strs_add(a, &fail, "primary");
		if (!str_eq(sip, pip) && !tcp_ping(sip, rpc_port(), TCP_PING_TIMEOUT, false, my_sip))
			strs_add(a, &fail, "secondary");
		if (fail.n)
			json_set(bad, name,
				 json_new_str(arena_printf(a, "failure using the %s interface(s)",
							   strs_join(a, &fail, " and "))));
	}
	return bad;
}

/* --- ssh: each node says its own name --- */

/* What is wrong, or NULL. Upstream: VerifyNodeHostname */
static const char *judge(struct arena *a, const struct ssh_job *j)
{
	const char *name = str_strip(a, j->out);

	if (j->problem)
		return arena_printf(a, "ssh problem: %s", j->problem);
	if (*name && str_eq(name, j->node))
		return NULL;
	return arena_printf(a, "%s: expected %s but got %s",
			    str_starts(j->node, arena_printf(a, "%s.", name)) ?
				    "hostname not FQDN" :
				    "hostname mismatch",
			    j->node, name);
}

json *netcheck_ssh(struct arena *a, const char *me, const char *cluster, const json *arg)
{
	static const char command[] = "if test -z \"$GANETI_HOSTNAME\"; then hostname --fqdn;"
				      " else echo \"$GANETI_HOSTNAME\"; fi";
	struct strs nodes = json_strs(a, json_at(arg, 0));
	struct strs more = json_strs(a, json_get(json_at(arg, 1), me));
	json *bad = json_new_dict();
	struct ssh_job *jobs;

	/* only master candidates may log in anywhere; the nodes of a virtual cluster are one machine */
	if (!contains(json_at(arg, 2), me) || env_virtual())
		return bad;
	for (size_t i = 0; i < more.n; i++)
		strs_add(a, &nodes, more.v[i]);
	jobs = ARENA_ARRAY(a, struct ssh_job, nodes.n);
	for (size_t i = 0; i < nodes.n; i++)
		jobs[i].node = nodes.v[i];
	ssh_all(a, cluster, command, true, jobs, nodes.n);
	for (size_t i = 0; i < nodes.n; i++) {
		const char *problem = judge(a, &jobs[i]);

		if (problem)
			json_set(bad, jobs[i].node, json_new_str(problem));
	}
	return bad;
}
