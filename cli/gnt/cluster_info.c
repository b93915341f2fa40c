/* gnt-cluster info. */
#include "cli/gnt/gnt.h"

#include <string.h>

/* Dicts with their keys in order and everything else as text (upstream: _FormatGroupedParams). */
static json *grouped(struct cli *c, const json *v)
{
	struct strs keys = json_keys(c->a, v);
	json *d;

	if (!json_is(v, JSON_DICT))
		return json_ref(info_text(c, v));
	d = json_new_dict();
	for (size_t i = 0; i < keys.n; i++)
		json_set(d, keys.v[i], grouped(c, json_get(v, keys.v[i])));
	return d;
}

/* Parameters of the enabled hypervisors only. */
static json *hvparams(struct cli *c, const json *info)
{
	struct strs on = json_strs(c->a, json_get(info, "enabled_hypervisors"));
	json *d = json_own(c->a, json_new_dict());

	json_each(json_get(info, "hvparams"), hv, v)
		if (strs_has(&on, hv))
			json_set(d, hv, json_ref(v));
	return grouped(c, d);
}

static json *uid_pool(struct cli *c, const json *ranges)
{
	struct str s CLEANUP(str_free) = { 0 };

	(void)c;
	json_items(ranges, i, r) {
		long long low = json_int(json_at(r, 0), 0), high = json_int(json_at(r, 1), 0);

		str_addf(&s, "%s%lld", i ? ", " : "", low);
		if (high != low)
			str_addf(&s, "-%lld", high);
	}
	return json_new_str(str_get(&s));
}

/* "a:b" as the file system search paths are shown: "a, b" */
static json *search_path(struct cli *c, const char *dirs)
{
	struct strs l = strs_split(c->a, dirs, ':');

	return json_new_str(strs_join(c->a, &l, ", "));
}

static json *or_none(struct cli *c, const json *list)
{
	return json_len(list) ? json_ref(info_join(c, list)) : json_new_str("(none)");
}

static json *tags(struct cli *c, const json *list)
{
	struct strs l = json_strs(c->a, list);

	strs_sort_nat(&l);
	return l.n ? json_new_str(strs_join(c->a, &l, ", ")) : json_new_str("(none)");
}

/* How a setting prints. */
enum how { AS_IS, NUMBER, JOIN, OR_NONE, UIDS };
static const struct {
	const char *title, *key;
	enum how how;
} settings[] = {
	{ "candidate pool size", "candidate_pool_size", NUMBER },
	{ "maximal number of jobs running simultaneously", "max_running_jobs", NUMBER },
	{ "maximal number of jobs simultaneously tracked by the scheduler", "max_tracked_jobs",
	  NUMBER },
	{ "mac prefix", "mac_prefix", AS_IS },
	{ "master netdev", "master_netdev", AS_IS },
	{ "master netmask", "master_netmask", NUMBER },
	{ "use external master IP address setup script", "use_external_mip_script", AS_IS },
	{ "lvm volume group", "volume_group_name", AS_IS },
	{ "lvm reserved volumes", "reserved_lvs", OR_NONE },
	{ "drbd usermode helper", "drbd_usermode_helper", AS_IS },
	{ "file storage path", "file_storage_dir", AS_IS },
	{ "shared file storage path", "shared_file_storage_dir", AS_IS },
	{ "gluster storage path", "gluster_storage_dir", AS_IS },
	{ "maintenance of node health", "maintain_node_health", AS_IS },
	{ "uid pool", "uid_pool", UIDS },
	{ "default instance allocator", "default_iallocator", AS_IS },
	{ "default instance allocator parameters", "default_iallocator_params", AS_IS },
	{ "primary ip version", "primary_ip_version", NUMBER },
	{ "preallocation wipe disks", "prealloc_wipe_disks", AS_IS },
	{ "OS search path", NULL, AS_IS },
	{ "ExtStorage Providers search path", NULL, AS_IS },
	{ "enabled disk templates", "enabled_disk_templates", JOIN },
	{ "install image", "install_image", AS_IS },
	{ "instance communication network", "instance_communication_network", AS_IS },
	{ "zeroing image", "zeroing_image", AS_IS },
	{ "compression tools", "compression_tools", AS_IS },
	{ "enabled user shutdown", "enabled_user_shutdown", AS_IS },
	{ "modify ssh setup", "modify_ssh_setup", AS_IS },
	{ "ssh_key_type", "ssh_key_type", AS_IS },
	{ "ssh_key_bits", "ssh_key_bits", AS_IS },
};

static json *setting(struct cli *c, const json *v, enum how how)
{
	switch (how) {
	case NUMBER:
		return json_ref(info_text(c, v));
	case JOIN:
		return json_ref(info_join(c, v));
	case OR_NONE:
		return or_none(c, v);
	case UIDS:
		return uid_pool(c, v);
	case AS_IS:
		break;
	}
	return ui_sorted(v);
}

static json *parameters(struct cli *c, const json *info)
{
	json *d = json_new_dict();

	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		const char *title = settings[i].title;

		if (settings[i].key)
			json_set(d, title,
				 setting(c, json_get(info, settings[i].key), settings[i].how));
		else
			json_set(d, title,
				 search_path(c, path_of(str_starts(title, "OS") ?
								PATH_OS_SEARCH_DIRS :
								PATH_ES_SEARCH_DIRS)));
	}
	return d;
}

static json *collectors(struct cli *c, const json *info)
{
	const json *on = json_get(info, "enabled_data_collectors");
	struct strs names = json_keys(c->a, on);
	json *d = json_new_dict();

	for (size_t i = 0; i < names.n; i++) {
		double us = json_float(json_get(json_get(info, "data_collector_interval"),
						names.v[i]), 0);

		json_set(d, names.v[i],
			 json_pack("{s:O, s:s}", "active", json_get(on, names.v[i]), "interval",
				   arena_printf(c->a, "%.3fs", us / 1e6)));
	}
	return d;
}

static json *architecture(struct cli *c, const json *list)
{
	const char *bits = json_str(json_at(list, 0)), *machine = json_str(json_at(list, 1));

	return json_new_str(
		arena_printf(c->a, "%s (%s)", bits ? bits : "?", machine ? machine : "?"));
}

int cmd_cluster_info(struct cli *c, struct err *e)
{
	json *info, *d = json_own(c->a, json_new_dict());

	TRY(cli_call(c, LUXI_QueryClusterInfo, json_new_array(), &info, e));
	if (cli_flag(c, "json")) {
		cli_json(info);
		return EXIT_SUCCESS;
	}
	json_set(d, "Cluster name", json_ref(json_get(info, "name")));
	json_set(d, "Cluster UUID", json_ref(json_get(info, "uuid")));
	json_set(d, "Creation time", json_ref(info_time(c, json_get(info, "ctime"))));
	json_set(d, "Modification time", json_ref(info_time(c, json_get(info, "mtime"))));
	json_set(d, "Master node", json_ref(json_get(info, "master")));
	json_set(d, "Architecture (this node)", architecture(c, json_get(info, "architecture")));
	json_set(d, "Tags", tags(c, json_get(info, "tags")));
	json_set(d, "Default hypervisor", json_ref(json_get(info, "default_hypervisor")));
	json_set(d, "Enabled hypervisors",
		 json_ref(info_join(c, json_get(info, "enabled_hypervisors"))));
	json_set(d, "Hypervisor parameters", hvparams(c, info));
	json_set(d, "OS-specific hypervisor parameters", grouped(c, json_get(info, "os_hvp")));
	json_set(d, "OS parameters", grouped(c, json_get(info, "osparams")));
	json_set(d, "Hidden OSes", json_ref(info_join(c, json_get(info, "hidden_os"))));
	json_set(d, "Blacklisted OSes", json_ref(info_join(c, json_get(info, "blacklisted_os"))));
	json_set(d, "Cluster parameters", parameters(c, info));
	json_set(d, "Default node parameters", grouped(c, json_get(info, "ndparams")));
	json_set(d, "Default instance parameters", grouped(c, json_get(info, "beparams")));
	json_set(d, "Default nic parameters", grouped(c, json_get(info, "nicparams")));
	json_set(d, "Default disk parameters", grouped(c, json_get(info, "diskparams")));
	json_set(d, "Instance policy - limits for instances",
		 json_ref(info_ipolicy(c, json_get(info, "ipolicy"), NULL)));
	json_set(d, "Data collectors", collectors(c, info));
	info_print(c, d);
	return EXIT_SUCCESS;
}
