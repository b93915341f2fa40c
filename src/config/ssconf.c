/* The values of the ssconf files. Upstream: WConfd.Ssconf. */
#include "src/config/priv.h"

#include "src/env/env.h"

#include <string.h>

struct values {
	struct snapshot *s;
	struct arena *a;
	json *out;
};

static void put(struct values *v, enum ssconf id, const char *text)
{
	json_set(v->out, ssconf_name(id), json_new_str(text));
}

static void put_lines(struct values *v, enum ssconf id, const struct strs *l)
{
	put(v, id, strs_join(v->a, l, "\n"));
}

static void put_number(struct values *v, enum ssconf id, int64_t n)
{
	put(v, id, arena_printf(v->a, "%lld", (long long)n));
}

static const char *yes(bool b)
{
	return b ? "True" : "False"; /* as Python prints it */
}

static void put_cluster(struct values *v, const struct cluster *c)
{
	const struct node *master = snap_node(v->s, c->master_node);
	struct strs uids = { 0 };

	put(v, SSCONF_cluster_name, c->cluster_name);
	put_lines(v, SSCONF_cluster_tags, &c->tags);
	put(v, SSCONF_file_storage_dir, c->file_storage_dir);
	put(v, SSCONF_shared_file_storage_dir, c->shared_file_storage_dir);
	put(v, SSCONF_gluster_storage_dir, c->gluster_storage_dir);
	put(v, SSCONF_master_ip, c->master_ip);
	put(v, SSCONF_master_netdev, c->master_netdev);
	put_number(v, SSCONF_master_netmask, c->master_netmask);
	put(v, SSCONF_master_node, master ? master->name : "");
	put_number(v, SSCONF_primary_ip_family, c->primary_ip_family);
	put(v, SSCONF_release_version, RELEASE_VERSION);
	put_lines(v, SSCONF_hypervisor_list, &c->enabled_hypervisors);
	put(v, SSCONF_maintain_node_health, yes(c->maintain_node_health));
	put(v, SSCONF_enabled_user_shutdown, yes(c->enabled_user_shutdown));
	json_items(c->uid_pool, i, range) {
		long long low = json_int(json_at(range, 0), 0), high = json_int(json_at(range, 1), 0);

		strs_add(v->a, &uids,
			 low == high ? arena_printf(v->a, "%lld", low) :
				       arena_printf(v->a, "%lld-%lld", low, high));
	}
	put_lines(v, SSCONF_uid_pool, &uids);
}

static const char *shown(struct arena *a, const json *v)
{
	if (json_is(v, JSON_BOOL))
		return yes(json_boolean(v, false));
	return json_str(v) ? json_str(v) : v ? json_dump_in(a, v) : "None";
}

/* "name=value" lines of a dict, by name. */
static struct strs assignments(struct arena *a, const json *dict)
{
	struct strs keys = json_keys(a, dict), l = { 0 };

	for (size_t i = 0; i < keys.n; i++)
		strs_add(a, &l,
			 arena_printf(a, "%s=%s", keys.v[i], shown(a, json_get(dict, keys.v[i]))));
	return l;
}

static void put_hvparams(struct values *v, const struct cluster *c)
{
	for (size_t i = 0; i < enum_hypervisor.n; i++) {
		const char *hv = enum_name(&enum_hypervisor, (int)i);
		int id = ssconf_find(arena_printf(v->a, "hvparams_%s", hv));
		struct strs l = assignments(v->a, json_get(c->hvparams, hv));

		if (id >= 0)
			put_lines(v, (enum ssconf)id, &l);
	}
}

/* The one node parameter needed here; filling all of them for every node would take a while. */
static int64_t ssh_port(const struct node *n, const struct nodegroup *g, int64_t dflt)
{
	if (n->ndparams.has_ssh_port)
		return n->ndparams.ssh_port;
	return g && g->ndparams.has_ssh_port ? g->ndparams.ssh_port : dflt;
}

static void put_nodes(struct values *v, const struct cluster *c)
{
	struct strs uuids = snap_uuids(v->s, OBJ_NODE), names = { 0 }, primary = { 0 },
		    secondary = { 0 }, capable = { 0 }, ports = { 0 }, online = { 0 },
		    offline = { 0 }, candidates = { 0 }, ips = { 0 };
	struct arena *a = v->a;
	int64_t dflt = fill_nd(a, c, NULL, NULL).ssh_port;

	for (size_t i = 0; i < uuids.n; i++) {
		const struct node *n = snap_node(v->s, uuids.v[i]);

		if (!n)
			continue;
		strs_add(a, &names, n->name);
		strs_add(a, &primary, arena_printf(a, "%s %s", n->name, n->primary_ip));
		strs_add(a, &secondary, arena_printf(a, "%s %s", n->name, n->secondary_ip));
		strs_add(a, &capable, arena_printf(a, "%s=%s", n->name, yes(n->vm_capable)));
		strs_add(a, &ports, arena_printf(a, "%s=%lld", n->name,
				      (long long)ssh_port(n, snap_group(v->s, n->group), dflt)));
		strs_add(a, n->offline ? &offline : &online, n->name);
		if (n->master_candidate) {
			strs_add(a, &candidates, n->name);
			strs_add(a, &ips, n->primary_ip);
		}
	}
	put_lines(v, SSCONF_node_list, &names);
	put_lines(v, SSCONF_node_primary_ips, &primary);
	put_lines(v, SSCONF_node_secondary_ips, &secondary);
	put_lines(v, SSCONF_node_vm_capable, &capable);
	put_lines(v, SSCONF_ssh_ports, &ports);
	put_lines(v, SSCONF_online_nodes, &online);
	put_lines(v, SSCONF_offline_nodes, &offline);
	put_lines(v, SSCONF_master_candidates, &candidates);
	put_lines(v, SSCONF_master_candidates_ips, &ips);
}

/* Names of a kind in natural order, after the UUID if asked for. */
static int put_names(struct values *v, enum ssconf id, enum obj_kind k, bool with_uuid,
		     struct err *e)
{
	struct strs names = { 0 }, l = { 0 };

	if (query_strs(snapshot_db(v->s), v->a, &names, e,
		       "SELECT name FROM object WHERE kind = ?", "s", obj_kind_name(k)) < 0)
		return -1;
	strs_sort_nat(&names);
	for (size_t i = 0; i < names.n; i++) {
		const char *uuid = "";

		if (with_uuid && db_get_text(snapshot_db(v->s), v->a, &uuid, e,
					     "SELECT uuid FROM object WHERE kind = ? AND name = ?",
					     "ss", obj_kind_name(k), names.v[i]) < 0)
			return -1;
		strs_add(v->a, &l,
			 with_uuid ? arena_printf(v->a, "%s %s", uuid, names.v[i]) : names.v[i]);
	}
	put_lines(v, id, &l);
	return 0;
}

int config_ssconf(struct snapshot *s, json **ret, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	json *out CLEANUP(json_putp) = json_new_dict();
	struct values v = { .s = s, .a = a, .out = out };
	const struct cluster *c = snap_cluster(s);
	struct strs certs = assignments(a, c->candidate_certs);

	put_cluster(&v, c);
	put_hvparams(&v, c);
	put_nodes(&v, c);
	put_lines(&v, SSCONF_master_candidates_certs, &certs);
	if (put_names(&v, SSCONF_instance_list, OBJ_INSTANCE, false, e) < 0 ||
	    put_names(&v, SSCONF_nodegroups, OBJ_NODEGROUP, true, e) < 0 ||
	    put_names(&v, SSCONF_networks, OBJ_NETWORK, true, e) < 0)
		return config_error(e);
	*ret = STEAL(out);
	return 0;
}
