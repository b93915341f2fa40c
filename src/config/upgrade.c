/*
 * From the config.data of earlier versions to the present one. Upstream: tools/cfgupgrade.py for what
 * changes with a version, objects.py (UpgradeConfig) for what is filled in whenever a file is loaded.
 */
#include "src/config/priv.h"

#include <string.h>

#include "lib/sys/sys.h"

#define VERSION_2_0 2000000
#define VERSION_3_0 3000000
#define VERSION_3_1 3010000

/* Files are foreign: where a dict should be there may be anything. It stays, and parsing the object will
 * say what is wrong with it. */
void set_in(json *j, const char *key, json *v)
{
	if (json_is(j, JSON_DICT))
		json_set(j, key, v);
	else
		json_put(v);
}

/* The dict under KEY, made when it is not there. */
json *dict_in(json *j, const char *key)
{
	if (!json_is(json_get(j, key), JSON_DICT))
		set_in(j, key, json_new_dict());
	return json_get(j, key);
}

/* Put the defaults of R under what PARAMS has. */
static void fill_defaults(json *params, const struct record *r)
{
	json *d CLEANUP(json_putp) = record_defaults(r);

	json_each(d, key, v) {
		if (!json_get(params, key))
			set_in(params, key, json_ref(v));
	}
}

/* Before 2.6 there was one size of memory. */
static void split_memory(json *beparams)
{
	static const char *const both[] = { "minmem", "maxmem" };
	json *memory CLEANUP(json_putp) = json_ref(json_get(beparams, "memory"));

	for (size_t i = 0; memory && i < ARRAY_SIZE(both); i++)
		if (!json_has(beparams, both[i]))
			set_in(beparams, both[i], json_ref(memory));
	if (json_has(beparams, "memory"))
		json_del(beparams, "memory");
}

static json *moved(json *j, const char *key)
{
	json *v = json_ref(json_get(j, key));

	if (json_has(j, key))
		json_del(j, key);
	return v;
}

/* --- the cluster --- */
static void load_nicparams(json *c)
{
	bool had = json_len(json_get(c, "nicparams")) > 0;
	json *bridge CLEANUP(json_putp) = moved(c, "default_bridge"); /* 2.0 */
	json *params = dict_in(dict_in(c, "nicparams"), "default");

	fill_defaults(params, rec_nicparams());
	if (!had && bridge)
		set_in(params, "link", STEAL(bridge));
}

/* 2.0 named the default hypervisor; now the first enabled one is it. */
static void load_hypervisors(json *c)
{
	json *first CLEANUP(json_putp) = moved(c, "default_hypervisor");
	json *l;

	if (first) {
		l = json_append(json_new_array(), json_ref(first));
		json_items(json_get(c, "enabled_hypervisors"), i, v) {
			if (!json_equal(v, first))
				json_append(l, json_ref(v));
		}
		set_in(c, "enabled_hypervisors", l);
	}
	for (size_t i = 0; i < enum_hypervisor.n; i++)
		fill_defaults(dict_in(dict_in(c, "hvparams"), enum_name(&enum_hypervisor, (int)i)),
			      hvparams_record((int)i));
}

static void load_cluster(json *c)
{
	json *std;

	load_hypervisors(c);
	json_each(dict_in(c, "beparams"), group, params) {
		(void)group;
		split_memory(params);
	}
	fill_defaults(dict_in(dict_in(c, "beparams"), "default"), rec_beparams());
	load_nicparams(c);
	fill_defaults(dict_in(c, "ndparams"), rec_ndparams());
	for (size_t i = 0; i < enum_disk_template.n; i++)
		fill_defaults(dict_in(dict_in(c, "diskparams"),
				      enum_name(&enum_disk_template, (int)i)),
			      diskparams_record((int)i));
	fill_defaults(dict_in(c, "ipolicy"), rec_ipolicy());
	std = dict_in(json_get(c, "ipolicy"), "std");
	{
		json *d CLEANUP(json_putp) = record_defaults(rec_ipolicy());

		json_each(json_get(d, "std"), key, v) {
			if (!json_has(std, key))
				set_in(std, key, json_ref(v));
		}
	}
	if (!json_get(c, "master_netmask"))
		set_in(c, "master_netmask",
			 json_new_int(json_get_int(c, "primary_ip_family", 2) == 2 ? 32 : 128));
}

/* Before 2.9 the templates in use said which ones were enabled. Order: upstream's preference. */
static void load_templates(json *data)
{
	static const disk_template_t order[] = {
		disk_template_blockdev, disk_template_diskless, disk_template_drbd,
		disk_template_ext,	disk_template_file,	disk_template_plain,
		disk_template_rbd,	disk_template_sharedfile, disk_template_gluster,
	};
	json *c = json_get(data, "cluster"), *l;
	bool used[ARRAY_SIZE(order)] = { false };
	bool lvm = json_get_str(c, "volume_group_name") && *json_get_str(c, "volume_group_name");

	if (json_len(json_get(c, "enabled_disk_templates")))
		return;
	used[disk_template_drbd] = used[disk_template_plain] = lvm;
	json_each(json_get(data, "disks"), uuid, d) {
		int t = enum_value(&enum_disk_template, json_get_str(d, "dev_type"));

		(void)uuid;
		if (t >= 0)
			used[t] = true;
	}
	json_each(json_get(data, "instances"), uuid, i) {
		(void)uuid;
		used[disk_template_diskless] |= !json_len(json_get(i, "disks"));
	}
	l = json_new_array();
	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		if (used[order[i]])
			json_append(l, json_new_str(enum_name(&enum_disk_template, order[i])));
	if (!json_len(l))
		json_append(l, json_new_str("diskless"));
	set_in(c, "enabled_disk_templates", l);
}

/* --- the other objects --- */
static void load_nic(struct arena *a, json *nic)
{
	json *bridge CLEANUP(json_putp) = moved(nic, "bridge"); /* 2.0 */

	if (!json_get(nic, "nicparams")) {
		json *p = dict_in(nic, "nicparams");

		if (bridge) {
			set_in(p, "mode", json_new_str("bridged"));
			set_in(p, "link", STEAL(bridge));
		}
	}
	if (!json_get(nic, "uuid"))
		set_in(nic, "uuid", json_new_str(uuid_new(a)));
}

static void load_instance(struct arena *a, json *i)
{
	json *up CLEANUP(json_putp) = moved(i, "admin_up"); /* before 2.6 */
	json *hvparams = json_get(i, "hvparams");
	struct strs keys = json_keys(a, hvparams);

	if (!json_get(i, "admin_state"))
		set_in(i, "admin_state", json_new_str(json_boolean(up, false) ? "up" : "down"));
	if (!json_get(i, "disks_active"))
		set_in(i, "disks_active",
			 json_new_bool(str_eq(json_get_str(i, "admin_state"), "up")));
	for (size_t k = 0; k < keys.n; k++)
		if (hv_is_global(keys.v[k]))
			json_del(hvparams, keys.v[k]);
	if (json_get(i, "beparams"))
		split_memory(json_get(i, "beparams"));
	json_items(json_get(i, "nics"), k, nic)
		load_nic(a, nic);
}

static void load_group(json *g)
{
	if (!json_get(g, "serial_no"))
		set_in(g, "serial_no", json_new_int(1));
	json_each(json_get(g, "networks"), uuid, params) {
		(void)uuid;
		fill_defaults(params, rec_nicparams());
	}
}

/* Whatever the version of a file: defaults for what it does not say. */
static int load(struct arena *a, json *data, struct err *e)
{
	json *c = json_get(data, "cluster");

	if (!json_is(c, JSON_DICT))
		return config_fail(e, "Cannot find cluster");
	for (int k = 0; k < OBJ_KINDS; k++)
		if (kind_info(k)->plural)
			dict_in(data, kind_info(k)->plural);
	load_cluster(c);
	load_templates(data);
	json_each(json_get(data, "nodegroups"), uuid, g) {
		(void)uuid;
		load_group(g);
	}
	json_each(json_get(data, "nodes"), uuid, n) {
		(void)uuid;
		/* only for groups and the cluster */
		if (json_has(json_get(n, "ndparams"), "exclusive_storage"))
			json_del(json_get(n, "ndparams"), "exclusive_storage");
	}
	json_each(json_get(data, "instances"), uuid, i) {
		(void)uuid;
		load_instance(a, i);
	}
	json_each(json_get(data, "disks"), uuid, d) {
		(void)uuid;
		if (!json_get(d, "serial_no"))
			set_in(d, "serial_no", json_new_int(1));
	}
	return 0;
}

/* --- 3.0 to 3.1 --- */
static const char *const xen[] = { "xen-pvm", "xen-hvm" };

static void drop_xen_cmd(json *by_hv)
{
	for (size_t i = 0; i < ARRAY_SIZE(xen); i++)
		if (json_has(json_get(by_hv, xen[i]), "xen_cmd"))
			json_del(json_get(by_hv, xen[i]), "xen_cmd");
}

static void new_disk_discard(json *hvparams)
{
	if (str_eq(json_get_str(hvparams, "disk_discard"), "default"))
		set_in(hvparams, "disk_discard", json_new_str("ignore"));
}

static void upgrade_3_0(json *data)
{
	json *c = json_get(data, "cluster");

	drop_xen_cmd(json_get(c, "hvparams"));
	new_disk_discard(json_get(json_get(c, "hvparams"), "kvm"));
	json_each(json_get(c, "os_hvp"), os, by_hv) {
		(void)os;
		new_disk_discard(json_get(by_hv, "kvm"));
	}
	json_each(json_get(data, "instances"), uuid, i) {
		(void)uuid;
		if (str_eq(json_get_str(i, "hypervisor"), "kvm"))
			new_disk_discard(json_get(i, "hvparams"));
	}
}

int config_upgrade(json *data, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	int64_t v = json_get_int(data, "version", -1);

	if (v < VERSION_2_0 || v > CONFIG_VERSION)
		return err_set(e, ConfigVersionMismatch, NULL,
			       "Configuration version %d.%d.%d is not supported by this version"
			       " (%s)",
			       v < 0 ? 0 : (int)(v / 1000000), v < 0 ? 0 : (int)(v / 10000 % 100),
			       v < 0 ? 0 : (int)(v % 10000), RELEASE_VERSION);
	if (v < VERSION_3_0 && upgrade_2x(a, data, e) < 0)
		return err_prefix(e, "Upgrade of the configuration from 2.x to 3.0");
	if (v < VERSION_3_1)
		upgrade_3_0(data);
	if (load(a, data, e) < 0)
		return err_prefix(e, "Upgrade of the configuration");
	set_in(data, "version", json_new_int(CONFIG_VERSION));
	return 0;
}

static void drop_rbd_user(json *owner)
{
	json *rbd = json_get(json_get(owner, "diskparams"), "rbd");

	if (json_has(rbd, "user-id"))
		json_del(rbd, "user-id");
}

/* Upstream: DowngradeAll. */
int config_downgrade(json *data, struct err *e)
{
	json *c = json_get(data, "cluster");

	if (json_get_int(data, "version", -1) != CONFIG_VERSION)
		return config_fail(e, "Only configurations of version %d can be downgraded", CONFIG_VERSION);
	for (size_t i = 0; i < ARRAY_SIZE(xen); i++)
		if (json_has(json_get(c, "hvparams"), xen[i]))
			set_in(json_get(json_get(c, "hvparams"), xen[i]), "xen_cmd", json_new_str("xl"));
	drop_rbd_user(c);
	json_each(json_get(data, "nodegroups"), uuid, g) {
		(void)uuid;
		drop_rbd_user(g);
	}
	set_in(data, "version", json_new_int(VERSION_3_0));
	return 0;
}
