/* The first configuration of a cluster: one node, one group. */
#include "src/site/priv.h"

#include "lib/base/clock.h"

#include <string.h>
#include <sys/socket.h>

#define COLLECTORS                                                                           \
	"[\"cpu-avg-load\", \"diskstats\", \"drbd\", \"inst-status-xen\", \"lv\","           \
	" \"xen-cpu-avg-load\"]"
#define COLLECTOR_INTERVAL_US 5000000

#define SET(o, member, value) ((o)->member = (value), (o)->has_##member = true)

static json *constant(struct arena *a, const char *text)
{
	json *j;

	if (json_parse(text, strlen(text), &j, NULL) < 0)
		abort();
	return json_own(a, j);
}

/* Defaults of the record with GIVEN (may be NULL) over them; arena. */
static int filled(struct arena *a, const struct record *r, const json *given, const char *what,
		  json **ret, struct err *e)
{
	json *out = json_own(a, record_defaults(r)), *clean;
	struct err why CLEANUP(err_clear) = ERR_NONE;

	if (given) {
		if (record_coerce(r, given, NULL, &clean, &why) < 0)
			return err_set(e, ERR_PREREQ, ECODE_INVAL, "%s%s", what, err_msg(&why));
		json_merge(out, json_own(a, clean));
	}
	*ret = out;
	return 0;
}

/* "memory" sets both limits (upstream: UpgradeBeParams). */
static json *with_memory(struct arena *a, const json *bep)
{
	json *out = json_own(a, json_clone(bep)), *both = json_get(out, "memory");

	if (both) {
		json_set(out, "maxmem", json_ref(both));
		json_set(out, "minmem", json_ref(both));
		json_del(out, "memory");
	}
	return out;
}

static int hv_dict(const json *opts, struct site_plan *p, json **ret, struct err *e)
{
	json *all = json_own(p->a, json_new_dict()), *given = json_get(opts, "hvparams"), *one;

	json_each(given, name, v) {
		(void)v;
		if (enum_value(&enum_hypervisor, name) < 0)
			return err_set(e, ERR_PREREQ, ECODE_INVAL, "Unknown hypervisor '%s'", name);
	}
	for (int i = 0; i < (int)enum_hypervisor.n; i++) {
		const char *name = enum_name(&enum_hypervisor, i);

		if (filled(p->a, hvparams_record(i), json_get(given, name), "", &one, e) < 0 ||
		    (strs_has(&p->hypervisors, name) && hv_check_syntax(i, one, e) < 0))
			return -1;
		json_set(all, name, json_ref(one));
	}
	*ret = all;
	return 0;
}

static int disk_dict(const json *opts, struct site_plan *p, json **ret, struct err *e)
{
	json *all = json_own(p->a, json_new_dict()), *given = json_get(opts, "diskparams"), *one;

	json_each(given, name, v) {
		(void)v;
		if (enum_value(&enum_disk_template, name) < 0)
			return err_set(e, ERR_PREREQ, ECODE_INVAL, "Disk templates unknown: %s", name);
	}
	for (int i = 0; i < (int)enum_disk_template.n; i++) {
		const char *name = enum_name(&enum_disk_template, i);

		if (filled(p->a, diskparams_record(i), json_get(given, name),
			   "While verify diskparam options: ", &one, e) < 0)
			return -1;
		json_set(all, name, json_ref(one));
	}
	*ret = all;
	return 0;
}

/* Upstream: FillIPolicy, then _RestrictIpolicyToEnabledDiskTemplates. */
static int policy(const json *opts, struct site_plan *p, json **ret, struct err *e)
{
	json *out = constant(p->a, IPOLICY_DEFAULTS), *given = json_get(opts, "ipolicy");
	json *wanted = json_get(given, "disk-templates"), *allowed = json_new_array();

	json_each(given, key, v) {
		if (strcmp(key, "std") == 0)
			json_merge(json_get(out, key), v);
		else
			json_set(out, key, json_clone(v));
	}
	for (size_t i = 0; i < p->templates.n; i++) {
		struct strs names = json_strs(p->a, wanted);

		if (!wanted || strs_has(&names, p->templates.v[i]))
			json_append(allowed, json_new_str(p->templates.v[i]));
	}
	json_set(out, "disk-templates", allowed);
	if (policy_check(out, false, e) < 0)
		return -1;
	*ret = out;
	return 0;
}

static int hv_state(const json *opts, struct site_plan *p, json **ret, struct err *e)
{
	json *out = json_own(p->a, json_new_dict()), *given = json_get(opts, "hv_state"), *one;

	for (size_t i = 0; i < p->hypervisors.n; i++) {
		const char *name = p->hypervisors.v[i];

		if (filled(p->a, rec_hvstate(), json_get(given, name), "", &one, e) < 0)
			return -1;
		json_set(out, name, json_ref(one));
	}
	*ret = out;
	return 0;
}

static json *collectors(struct arena *a)
{
	json *out = json_own(a, json_new_dict()), *names = constant(a, COLLECTORS);

	json_items(names, i, name)
		json_set(out, json_str(name),
			 json_pack("{s:b, s:i}", "active", 1, "interval", COLLECTOR_INTERVAL_US));
	return out;
}

static int set_params(const json *opts, struct site_plan *p, struct cluster *c, struct err *e)
{
	json *hv = NULL, *disk = NULL, *pol = NULL, *be = NULL, *nic = NULL, *nd = NULL,
	     *state = NULL;

	if (hv_dict(opts, p, &hv, e) < 0 || disk_dict(opts, p, &disk, e) < 0 ||
	    policy(opts, p, &pol, e) < 0 || hv_state(opts, p, &state, e) < 0 ||
	    filled(p->a, rec_beparams(), with_memory(p->a, json_get(opts, "beparams")), "", &be,
		   e) < 0 ||
	    filled(p->a, rec_nicparams(), json_get(opts, "nicparams"), "", &nic, e) < 0 ||
	    nicparams_check(nic, e) < 0 ||
	    filled(p->a, rec_ndparams(), json_get(opts, "ndparams"), "", &nd, e) < 0)
		return -1;
	SET(c, hvparams, hv);
	SET(c, diskparams, disk);
	SET(c, ipolicy, pol);
	SET(c, beparams, json_own(p->a, json_pack("{s:O}", "default", be)));
	SET(c, nicparams, json_own(p->a, json_pack("{s:O}", "default", nic)));
	SET(c, hv_state_static, state);
	SET(c, disk_state_static, json_get(opts, "disk_state") ? json_get(opts, "disk_state") :
								 json_own(p->a, json_new_dict()));
	SET(c, data_collectors, collectors(p->a));
	if (record_parse(rec_ndparams(), p->a, nd, &c->ndparams, 0, NULL, e) < 0)
		return err_prefix(e, "ndparams");
	c->has_ndparams = true;
	return 0;
}

/* Options that are settings of the same name; absent ones get the row's default. */
static int set_plain(const json *opts, struct site_plan *p, json *cluster, struct err *e)
{
	static const char *const names[] = {
		"candidate_pool_size", "maintain_node_health", "uid_pool", "default_iallocator",
		"default_iallocator_params", "prealloc_wipe_disks", "use_external_mip_script",
		"install_image", "zeroing_image", "compression_tools", "enabled_user_shutdown",
	};
	struct cluster parsed;
	const struct field *bad;
	struct err why CLEANUP(err_clear) = ERR_NONE;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (json_get(opts, names[i]))
			json_set(cluster, names[i], json_ref(json_get(opts, names[i])));
	if (json_get_int(cluster, "candidate_pool_size", 1) < 1)
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "The candidate pool size must be at least 1");
	if (record_parse(rec_cluster(), p->a, cluster, &parsed, 0, &bad, &why) < 0)
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "Invalid value of '%s': %s",
			       bad ? field_wire(bad) : "cluster", err_msg(&why));
	return 0;
}

static json *node_json(const struct site_plan *p, const char *group, double now)
{
	struct node n = { 0 };

	SET(&n, name, p->node_name);
	SET(&n, uuid, p->node_uuid);
	SET(&n, primary_ip, p->node_ip);
	SET(&n, secondary_ip, p->secondary_ip);
	SET(&n, master_candidate, true);
	SET(&n, offline, false);
	SET(&n, drained, false);
	SET(&n, group, group);
	SET(&n, master_capable, true);
	SET(&n, vm_capable, true);
	SET(&n, powered, true);
	SET(&n, ctime, now);
	SET(&n, mtime, now);
	SET(&n, serial_no, 1);
	return record_emit(rec_node(), &n, 0);
}

static json *group_json(const char *uuid, double now)
{
	struct nodegroup g = { 0 };

	SET(&g, name, "default");
	SET(&g, uuid, uuid);
	SET(&g, alloc_policy, alloc_policy_preferred);
	SET(&g, ctime, now);
	SET(&g, mtime, now);
	SET(&g, serial_no, 1);
	return record_emit(rec_nodegroup(), &g, 0);
}

static json *named(const char *key, json *value)
{
	return json_set(json_new_dict(), key, value);
}

int site_initial_config(const json *opts, struct site_plan *p, struct err *e)
{
	const char *group = uuid_new(p->a);
	double now = clock_real();
	struct cluster c = { 0 };
	json *cluster;

	p->node_uuid = uuid_new(p->a);
	SET(&c, uuid, uuid_new(p->a));
	SET(&c, cluster_name, p->cluster_name);
	SET(&c, master_node, p->node_uuid);
	SET(&c, master_ip, p->cluster_ip);
	SET(&c, master_netdev, p->netdev);
	SET(&c, master_netmask, p->netmask);
	SET(&c, mac_prefix, p->mac_prefix);
	SET(&c, rsahostkeypub, p->rsa_key);
	SET(&c, dsahostkeypub, p->dsa_key);
	SET(&c, file_storage_dir, p->file_dir);
	SET(&c, shared_file_storage_dir, p->shared_dir);
	SET(&c, gluster_storage_dir, p->gluster_dir);
	SET(&c, enabled_hypervisors, p->hypervisors);
	SET(&c, enabled_disk_templates, p->templates);
	SET(&c, modify_etc_hosts, p->etc_hosts);
	SET(&c, modify_ssh_setup, p->ssh_setup);
	SET(&c, ssh_key_type, p->ssh_type);
	SET(&c, ssh_key_bits, p->ssh_bits);
	SET(&c, primary_ip_family, p->ip_version == 6 ? AF_INET6 : AF_INET);
	SET(&c, ctime, now);
	SET(&c, mtime, now);
	SET(&c, serial_no, 1);
	if (set_params(opts, p, &c, e) < 0)
		return -1;
	cluster = json_own(p->a, record_emit(rec_cluster(), &c, 0));
	if (set_plain(opts, p, cluster, e) < 0)
		return -1;
	p->config = json_own(p->a, json_pack("{s:i, s:f, s:f, s:i, s:O, s:o, s:o, s:o, s:o, s:o, s:o}",
					     "version", CONFIG_VERSION, "ctime", now, "mtime", now,
					     "serial_no", 1, "cluster", cluster, "nodes",
					     named(p->node_uuid, node_json(p, group, now)),
					     "nodegroups", named(group, group_json(group, now)),
					     "instances", json_new_dict(), "disks", json_new_dict(),
					     "networks", json_new_dict(), "filters", json_new_dict()));
	return 0;
}
