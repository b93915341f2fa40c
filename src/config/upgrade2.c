/* The step from a 2.x configuration to 3.0. Upstream: tools/cfgupgrade.py. */
#include "src/config/priv.h"

#include <string.h>

#include "lib/base/map.h"
#include "lib/sys/sys.h"

/* --- instance policies: one range became a list of ranges (2.8) --- */
static void fill_ranges(json *ipolicy, const json *defaults)
{
	static const char *const ends[] = { "min", "max" };
	json *range = json_at(json_get(ipolicy, "minmax"), 0);
	json *from = json_at(json_get(defaults, "minmax"), 0);

	for (size_t i = 0; range && i < ARRAY_SIZE(ends); i++)
		json_each(json_get(from, ends[i]), key, v) {
			json *spec = dict_in(range, ends[i]);

			if (!json_has(spec, key))
				set_in(spec, key, json_ref(v));
		}
}

static void upgrade_ipolicy(json *ipolicy, const json *defaults, bool group)
{
	static const char *const ends[] = { "min", "max" };
	json *range = json_new_dict();

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		json *v = json_get(ipolicy, ends[i]);

		if (json_len(v))
			set_in(range, ends[i], json_ref(v));
		if (json_has(ipolicy, ends[i]))
			json_del(ipolicy, ends[i]);
	}
	if (json_len(range))
		set_in(ipolicy, "minmax", json_append(json_new_array(), range));
	else
		json_put(range);
	if (group && json_has(ipolicy, "std"))
		json_del(ipolicy, "std");
	fill_ranges(ipolicy, defaults);
}

/* --- cluster and groups --- */
static void upgrade_cluster(json *c)
{
	static const char *const collectors[] = { "cpu-avg-load", "diskstats", "drbd",
						  "inst-status-xen", "lv", "xen-cpu-avg-load" };
	json *d CLEANUP(json_putp) = record_defaults(rec_ipolicy());
	json *active = dict_in(c, "data_collectors");

	if (json_get(c, "ipolicy"))
		upgrade_ipolicy(json_get(c, "ipolicy"), d, false);
	for (size_t i = 0; i < ARRAY_SIZE(collectors); i++)
		if (!json_has(active, collectors[i]))
			set_in(active, collectors[i],
				 json_pack("{s:b, s:i}", "active", 1, "interval", 5000000));
	/* what clusters before 2.16 had, not what new ones get */
	if (!json_get(c, "ssh_key_type"))
		set_in(c, "ssh_key_type", json_new_str("dsa"));
	if (!json_get(c, "ssh_key_bits"))
		set_in(c, "ssh_key_bits", json_new_int(1024));
}

static int upgrade_groups(struct arena *a, json *data, struct err *e)
{
	json *groups = dict_in(data, "nodegroups");
	json *policy = json_get(json_get(data, "cluster"), "ipolicy");

	if (!json_len(groups)) { /* 2.3 and before had none */
		const char *uuid = uuid_new(a);

		set_in(groups, uuid, json_pack("{s:s, s:s, s:i}", "uuid", uuid, "name", "default",
						 "serial_no", 1));
		json_each(json_get(data, "nodes"), key, n) {
			(void)key;
			set_in(n, "group", json_new_str(uuid));
		}
	}
	json_each(groups, uuid, g) {
		json *own = json_get(g, "ipolicy");

		(void)uuid;
		if (!json_len(own))
			continue;
		if (!policy)
			return config_fail(e, "A group defines an instance policy but there is no"
					      " instance policy at cluster level");
		upgrade_ipolicy(own, policy, true);
	}
	return 0;
}

/* --- disks --- */
static void upgrade_disk(struct arena *a, json *d)
{
	const char *type = json_get_str(d, "dev_type");

	if (str_eq(type, "lvm"))
		set_in(d, "dev_type", json_new_str("plain"));
	else if (str_eq(type, "drbd8"))
		set_in(d, "dev_type", json_new_str("drbd"));
	if (json_has(d, "physical_id"))
		json_del(d, "physical_id");
	if (!json_get_str(d, "uuid"))
		set_in(d, "uuid", json_new_str(uuid_new(a)));
	json_items(json_get(d, "children"), i, child)
		upgrade_disk(a, child);
}

/* Where the data is follows from the kind of disk. */
static void set_disk_nodes(json *d, const json *nodes)
{
	set_in(d, "nodes", json_clone(nodes));
	json_items(json_get(d, "children"), i, child)
		set_disk_nodes(child, nodes);
}

static void fill_disk_nodes(json *d, const char *primary)
{
	int t = enum_value(&enum_disk_template, json_get_str(d, "dev_type"));
	json *nodes CLEANUP(json_putp) = json_new_array();
	json *id = json_get(d, "logical_id");

	if (t == disk_template_drbd) {
		json_append(nodes, json_ref(json_at(id, 0)));
		json_append(nodes, json_ref(json_at(id, 1)));
	} else if (t == disk_template_plain || t == disk_template_file) {
		json_append(nodes, json_new_str(primary));
	}
	set_disk_nodes(d, nodes);
}

/* The disks of an instance became objects of their own (2.14). */
static int split_disks(struct arena *a, json *inst, json *disks, struct err *e)
{
	json *old = json_get(inst, "disks"), *uuids;

	if (!json_is(old, JSON_ARRAY))
		return config_fail(e, "Instance '%s' doesn't have a disks entry",
				   json_get_str(inst, "name"));
	if (!json_len(old) || json_str(json_at(old, 0)))
		return 0;
	json_items(old, i, d) {
		if (!json_is(d, JSON_DICT))
			return config_fail(e, "Disk %zu of instance '%s' is not a dictionary", i,
					   json_get_str(inst, "name"));
	}
	uuids = json_new_array();
	json_items(old, i, d) {
		upgrade_disk(a, d);
		set_in(d, "iv_name", json_new_str(arena_printf(a, "disk/%zu", i)));
		set_in(d, "serial_no", json_new_int(1));
		set_in(d, "ctime", json_new_float(json_float(json_get(inst, "ctime"), 0)));
		set_in(d, "mtime", json_new_float(json_float(json_get(inst, "ctime"), 0)));
		set_in(disks, json_get_str(d, "uuid"), json_ref(d));
		json_append(uuids, json_ref(json_get(d, "uuid")));
	}
	set_in(inst, "disks", uuids);
	return 0;
}

/* --- objects are found by UUID, not by name (2.12) --- */

/* Objects by UUID; NAMES gets name -> UUID. */
static int rekey(struct arena *a, json *data, const char *kind, struct map *names, struct err *e)
{
	json *out = json_new_dict();

	json_each(json_get(data, kind), key, o) {
		if (!json_is(o, JSON_DICT)) {
			json_put(out);
			return config_fail(e, "'%s' of %s is not a dictionary", key, kind);
		}
		if (!json_get_str(o, "name"))
			set_in(o, "name", json_new_str(key));
		if (!json_get_str(o, "uuid"))
			set_in(o, "uuid", json_new_str(uuid_new(a)));
		map_put(names, json_get_str(o, "name"), arena_strdup(a, json_get_str(o, "uuid")));
		set_in(out, json_get_str(o, "uuid"), json_ref(o));
	}
	set_in(data, kind, out);
	return 0;
}

static void translate(json *o, const char *key, const struct map *names)
{
	const char *name = json_get_str(o, key), *uuid = name ? map_get(names, name) : NULL;

	if (uuid)
		set_in(o, key, json_new_str(uuid));
}

static void translate_disk(struct arena *a, json *d, const struct map *nodes)
{
	json *id = json_get(d, "logical_id");

	if (str_eq(json_get_str(d, "dev_type"), "drbd") && json_len(id) > 2) {
		json *out = json_new_array();

		json_items(id, i, v) {
			const char *uuid = i < 2 && json_str(v) ? map_get(nodes, json_str(v)) : NULL;

			json_append(out, uuid ? json_new_str(uuid) : json_ref(v));
		}
		set_in(d, "logical_id", out);
	}
	json_items(json_get(d, "children"), i, child)
		translate_disk(a, child, nodes);
}

static int upgrade_instances(struct arena *a, json *data, const struct map *nodes, struct err *e)
{
	struct map *ids CLEANUP(map_freep) = map_new(), *nets CLEANUP(map_freep) = map_new();
	json *disks = dict_in(data, "disks");

	json_each(dict_in(data, "networks"), uuid, n)
		map_put(nets, json_get_str(n, "name") ? json_get_str(n, "name") : uuid,
			arena_strdup(a, uuid));
	if (!json_is(json_get(data, "instances"), JSON_DICT))
		return config_fail(e, "Can't find the 'instances' key in the configuration");
	if (rekey(a, data, "instances", ids, e) < 0)
		return -1;
	json_each(json_get(data, "instances"), uuid, i) {
		(void)uuid;
		json_items(json_get(i, "nics"), k, nic)
			translate(nic, "network", nets);
		if (split_disks(a, i, disks, e) < 0)
			return -1;
		translate(i, "primary_node", nodes);
		if (json_has(i, "disk_template"))
			json_del(i, "disk_template");
	}
	json_each(disks, uuid, d) {
		(void)uuid;
		upgrade_disk(a, d);
		translate_disk(a, d, nodes);
	}
	json_each(json_get(data, "instances"), uuid, i) {
		(void)uuid;
		json_items(json_get(i, "disks"), k, id) {
			json *d = json_str(id) ? json_get(disks, json_str(id)) : NULL;

			if (d && !json_get(d, "nodes"))
				fill_disk_nodes(d, json_get_str(i, "primary_node"));
		}
	}
	return 0;
}

int upgrade_2x(struct arena *a, json *data, struct err *e)
{
	struct map *nodes CLEANUP(map_freep) = map_new();
	json *c = json_get(data, "cluster");

	if (!json_is(c, JSON_DICT))
		return config_fail(e, "Cannot find cluster");
	upgrade_cluster(c);
	if (upgrade_groups(a, data, e) < 0 || rekey(a, data, "nodes", nodes, e) < 0)
		return -1;
	translate(c, "master_node", nodes);
	return upgrade_instances(a, data, nodes, e);
}
