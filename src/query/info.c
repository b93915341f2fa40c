/* Cluster info, config values, tags: what is asked by name and not as a table. */
#include "src/query/info.h"

#include "src/query/priv.h"

#include "src/env/env.h"

#include <sys/utsname.h>

/* The keys copied as they are stored, in upstream's order where it shows. */
static const char *const copied[] = {
	"os_hvp", "beparams", "osparams", "ipolicy", "nicparams", "ndparams", "diskparams",
	"candidate_pool_size", "max_running_jobs", "max_tracked_jobs", "mac_prefix",
	"master_netdev", "master_netmask", "use_external_mip_script", "volume_group_name",
	"drbd_usermode_helper", "file_storage_dir", "shared_file_storage_dir",
	"gluster_storage_dir", "maintain_node_health", "ctime", "mtime", "uuid", "tags", "uid_pool",
	"default_iallocator", "default_iallocator_params", "reserved_lvs", "prealloc_wipe_disks",
	"hidden_os", "blacklisted_os", "enabled_disk_templates", "install_image",
	"instance_communication_network", "zeroing_image", "compression_tools",
	"enabled_user_shutdown", "modify_ssh_setup", "ssh_key_type", "ssh_key_bits",
};

/* By hypervisor, complete also where the cluster is older than a parameter. */
static json *all_hvparams(struct arena *a, const struct cluster *cl)
{
	json *out = json_new_dict();

	json_each(cl->hvparams, hv, unused) {
		(void)unused;
		json_set(out, hv, json_ref(fill_hv(a, cl, hv, NULL, NULL, false)));
	}
	return out;
}

json *architecture(void)
{
	struct utsname u;

	return json_pack("[s, s]", sizeof(void *) == 8 ? "64bits" : "32bits",
			 uname(&u) == 0 ? u.machine : "");
}

int query_cluster_info(struct query_env *q, json **ret, struct err *e)
{
	struct snapshot *s CLEANUP(snapshot_freep) = NULL;
	const struct cluster *cl;
	const struct node *master;
	json *obj, *out, *active = json_new_dict(), *interval = json_new_dict();

	if (snapshot_open(q->config, &s, e) < 0)
		return -1;
	cl = snap_cluster(s);
	master = snap_node(s, cl->master_node);
	obj = json_own(q->a, record_emit(rec_cluster(), cl, REC_HIDE_SECRETS));
	out = json_pack("{s:s, s:i, s:i, s:i, s:i, s:s, s:o, s:s, s:s, s:s, s:o, s:o}",
			"software_version", RELEASE_VERSION, "protocol_version", PROTOCOL_VERSION,
			"config_version", CONFIG_VERSION, "os_api_version", OS_API_VERSION,
			"export_version", EXPORT_VERSION, "vcs_version",
			"(ganeti) version " RELEASE_VERSION, "architecture", architecture(), "name",
			cl->cluster_name, "master", master ? master->name : "",
			"default_hypervisor",
			cl->enabled_hypervisors.n ? cl->enabled_hypervisors.v[0] : "",
			"enabled_hypervisors", json_new_strs(&cl->enabled_hypervisors), "hvparams",
			all_hvparams(q->a, cl));
	for (size_t i = 0; i < ARRAY_SIZE(copied); i++)
		json_set(out, copied[i], json_ref(json_get(obj, copied[i])));
	json_set(out, "primary_ip_version", json_new_int(cl->primary_ip_family == 10 ? 6 : 4));
	json_each(cl->data_collectors, name, c) {
		json_set(active, name, json_ref(json_get(c, "active")));
		json_set(interval, name, json_ref(json_get(c, "interval")));
	}
	json_set(out, "enabled_data_collectors", active);
	json_set(out, "data_collector_interval", interval);
	*ret = out;
	return 0;
}

json *watcher_pause(struct arena *a, double now)
{
	char *text CLEANUP(freep) = NULL;
	const char *number;
	json *v = NULL;
	size_t n;

	if (fs_read(path_of(PATH_WATCHER_PAUSEFILE), 64, &text, &n) < 0)
		return NULL;
	number = str_strip(a, text);
	if (json_parse(number, strlen(number), &v, NULL) < 0 || json_float(v, 0) > now)
		return v;
	json_put(v); /* it is over */
	return NULL;
}

int query_config_values(struct query_env *q, const json *names, json **ret, struct err *e)
{
	struct snapshot *s CLEANUP(snapshot_freep) = NULL;
	const struct cluster *cl;
	const struct node *master;
	bool drained = false;

	if (snapshot_open(q->config, &s, e) < 0 ||
	    queue_flag_get(config_db(q->config), "drained", &drained, e) < 0)
		return -1;
	cl = snap_cluster(s);
	master = snap_node(s, cl->master_node);
	*ret = json_new_array();
	json_items(names, i, n) {
		const char *name = json_str(n);
		json *v = NULL;

		if (str_eq(name, "cluster_name"))
			v = json_new_str(cl->cluster_name);
		else if (str_eq(name, "master_node"))
			v = json_new_str(master ? master->name : NULL);
		else if (str_eq(name, "volume_group_name"))
			v = json_new_str(cl->volume_group_name);
		else if (str_eq(name, "drain_flag"))
			v = json_new_bool(drained);
		else if (str_eq(name, "watcher_pause"))
			v = watcher_pause(q->a, q->now);
		else if (str_eq(name, "modify_ssh_setup"))
			v = json_new_bool(cl->modify_ssh_setup);
		else if (str_eq(name, "ssh_key_type") || str_eq(name, "ssh_key_bits"))
			v = field_emit(record_field(rec_cluster(), name), cl);
		json_append(*ret, v);
	}
	return 0;
}

int query_tags(struct query_env *q, const json *args, json **ret, struct err *e)
{
	struct snapshot *s CLEANUP(snapshot_freep) = NULL;
	const char *kind = json_str(json_at(args, 0)), *name = json_str(json_at(args, 1));
	int k = enum_value(&enum_tag_kind, kind);
	const struct strs *tags = NULL;
	const struct node *n;
	const struct nodegroup *g;
	const struct instance *i;
	const struct network *w;
	static const char *const labels[] = {
		[tag_kind_instance] = "Instance", [tag_kind_network] = "Network",
		[tag_kind_node] = "Node", [tag_kind_nodegroup] = "Group",
	};

	if (k < 0 || !name) /* the master has seen to it */
		return err_plain(e, "Unable to read Pair");
	if (snapshot_open(q->config, &s, e) < 0)
		return -1;
	if (k == tag_kind_cluster)
		tags = &snap_cluster(s)->tags;
	else if (k == tag_kind_node && snap_find_node(s, name, &n, NULL) == 0)
		tags = &n->tags;
	else if (k == tag_kind_nodegroup && snap_find_group(s, name, &g, NULL) == 0)
		tags = &g->tags;
	else if (k == tag_kind_instance && snap_find_instance(s, name, &i, NULL) == 0)
		tags = &i->tags;
	else if (k == tag_kind_network && snap_find_network(s, name, &w, NULL) == 0)
		tags = &w->tags;
	if (!tags)
		return err_set(e, ERR_PREREQ, ECODE_NOENT, "%s name %s not found", labels[k], name);
	*ret = json_new_strs(tags);
	return 0;
}
