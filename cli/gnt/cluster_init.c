/* gnt-cluster init and modify: the cluster's settings. */
#include "cli/gnt/gnt.h"

#include "lib/base/parse.h"

#include <string.h>
#include <strings.h>

#define DEFAULT_DISK_TEMPLATES "drbd,plain"
#define DEFAULT_HYPERVISOR "xen-pvm"
#define DEFAULT_BRIDGE "xen-br0"
#define DEFAULT_OVS "switch1"
#define DEFAULT_VG "xenvg"
#define DEFAULT_DRBD_HELPER "/bin/true"
#define DEFAULT_COMPRESSION_TOOLS "gzip,gzip-fast,gzip-slow"

static void set_opt(struct cli *c, const char *dest, json *v)
{
	json_set(c->opts, dest, v);
}

/* Option DEST holds dicts by name: [[name, dict], ...]. Coerce each. */
static int coerce_each(struct cli *c, const char *dest,
		       int (*one)(struct cli *, const json *, json **, struct err *), struct err *e)
{
	json *all = params_pairs(c, cli_opt(c, dest)), *out = json_new_dict();

	json_own(c->a, out);
	json_each(all, name, v) {
		json *done = NULL;

		if (json_is(v, JSON_DICT))
			TRY(one(c, v, &done, e));
		json_set(out, name, json_ref(done));
	}
	set_opt(c, dest, json_ref(out));
	return 0;
}

static int hv_params(struct cli *c, const json *in, json **ret, struct err *e)
{
	return params_hv(c, in, false, ret, e);
}

static int coerce_record(struct cli *c, const char *dest, const struct record *r, struct err *e)
{
	json *done;

	if (!cli_opt(c, dest))
		return 0;
	TRY(params_record(c, r, cli_opt(c, dest), false, &done, e));
	set_opt(c, dest, json_ref(done));
	return 0;
}

int coerce_hvparams(struct cli *c, struct err *e)
{
	return coerce_each(c, "hvparams", hv_params, e);
}

int coerce_diskparams(struct cli *c, struct err *e)
{
	return coerce_each(c, "diskparams", params_disk, e);
}

int coerce_states(struct cli *c, struct err *e)
{
	json *done;

	TRY(params_disk_state(c, cli_opt(c, "disk_state"), &done, e));
	set_opt(c, "disk_state", json_ref(done));
	set_opt(c, "hv_state", json_ref(params_pairs(c, cli_opt(c, "hv_state"))));
	return 0;
}

/* What init and modify have in common: all parameter options to their types. */
static int coerce_params(struct cli *c, struct err *e)
{
	json *done;

	TRY(coerce_hvparams(c, e));
	TRY(coerce_diskparams(c, e));
	TRY(params_be(c, cli_opt(c, "beparams"), false, &done, e));
	set_opt(c, "beparams", json_ref(done));
	TRY(coerce_record(c, "nicparams", rec_nicparams(), e));
	TRY(coerce_record(c, "ndparams", rec_ndparams(), e));
	return coerce_states(c, e);
}

/* A comma separated option becomes a list. */
static void split_opt(struct cli *c, const char *dest)
{
	const char *text = cli_str(c, dest);

	if (text)
		set_opt(c, dest, json_ref(params_words(c, text)));
}

static int uids_opt(struct cli *c, const char *dest, struct err *e)
{
	json *ranges;

	if (!cli_str(c, dest))
		return 0;
	TRY(params_uids(c, cli_str(c, dest), &ranges, e));
	set_opt(c, dest, json_ref(ranges));
	return 0;
}

static void compression_opt(struct cli *c)
{
	const char *text = cli_str(c, "compression_tools");

	if (text && !*text) /* back to the default */
		set_opt(c, "compression_tools", json_new_str(DEFAULT_COMPRESSION_TOOLS));
	split_opt(c, "compression_tools");
}

/* An option that holds a number as text. */
static int number_opt(struct cli *c, const char *dest)
{
	const char *text = cli_str(c, dest);
	int64_t n;

	if (!text)
		return 0;
	TRY(parse_int(text, &n));
	set_opt(c, dest, json_new_int(n));
	return 0;
}

static bool enabled(const struct cli *c, const char *template_)
{
	json_items(cli_opt(c, "enabled_disk_templates"), i, t)
		if (str_eq(json_str(t), template_))
			return true;
	return false;
}

static bool lvm_enabled(const struct cli *c)
{
	return enabled(c, "plain") || enabled(c, "drbd");
}

/* --- init --- */

/* The volume group and the DRBD helper have to fit the disk templates. */
static int init_storage(struct cli *c)
{
	const char *vg = cli_str(c, "vg_name"), *helper = cli_str(c, "drbd_helper");
	bool drbd = enabled(c, "drbd");

	if (vg && *vg && !lvm_enabled(c))
		cli_out("You specified a volume group with --vg-name, but you did not enable any "
			"disk template that uses lvm.");
	if (vg && !*vg && lvm_enabled(c)) {
		cli_warn("LVM disk templates are enabled, but vg name not set.");
		return -1;
	}
	if (!vg && lvm_enabled(c))
		set_opt(c, "vg_name", json_new_str(DEFAULT_VG));
	if (!drbd && helper)
		cli_out("Note: You specified a DRBD usermode helper, while DRBD storage is not "
			"enabled.");
	if (drbd && helper && !*helper) {
		cli_warn("Unsetting the drbd usermode helper while enabling DRBD is not allowed.");
		return -1;
	}
	if (drbd && !helper)
		set_opt(c, "drbd_helper", json_new_str(DEFAULT_DRBD_HELPER));
	return 0;
}

/* The master IP address sits on the bridge or switch that instances use, unless told otherwise. */
static void init_netdev(struct cli *c)
{
	json *nic = json_get(c->opts, "nicparams");
	const char *mode = json_get_str(nic, "mode");

	if (cli_str(c, "master_netdev"))
		return;
	if (!mode || !*mode) {
		set_opt(c, "master_netdev", json_new_str(DEFAULT_BRIDGE));
	} else if (strcmp(mode, enum_name(&enum_nic_mode, nic_mode_openvswitch)) == 0) {
		set_opt(c, "master_netdev", json_new_str(DEFAULT_OVS));
		json_set(nic, "link", json_new_str(DEFAULT_OVS));
	}
}

static void default_opt(struct cli *c, const char *dest, const char *text)
{
	const char *given = cli_str(c, dest);

	if (!given || !*given)
		set_opt(c, dest, json_new_str(text));
}

/* Options that are arguments of site_init() under the same name. */
static json *init_options(struct cli *c)
{
	static const char *const names[] = {
		"secondary_ip", "vg_name", "mac_prefix", "master_netmask", "master_netdev",
		"file_storage_dir", "shared_file_storage_dir", "gluster_storage_dir",
		"enabled_hypervisors", "hvparams", "beparams", "nicparams", "ndparams", "diskparams",
		"ipolicy", "candidate_pool_size", "modify_etc_hosts", "modify_ssh_setup",
		"maintain_node_health", "drbd_helper", "uid_pool", "default_iallocator",
		"default_iallocator_params", "primary_ip_version", "prealloc_wipe_disks",
		"use_external_mip_script", "hv_state", "disk_state", "enabled_disk_templates",
		"install_image", "zeroing_image", "compression_tools", "enabled_user_shutdown",
		"ssh_key_type", "ssh_key_bits",
	};
	json *d = json_pack("{s:s}", "cluster_name", c->args.v[0]);

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const json *v = cli_opt(c, names[i]);

		if (v)
			json_set(d, names[i], json_ref((json *)v));
	}
	return d;
}

int cmd_cluster_init(struct cli *c, struct err *e)
{
	json *policy;

	default_opt(c, "enabled_disk_templates", DEFAULT_DISK_TEMPLATES);
	split_opt(c, "enabled_disk_templates");
	if (!cli_str(c, "enabled_hypervisors"))
		set_opt(c, "enabled_hypervisors", json_new_str(DEFAULT_HYPERVISOR));
	split_opt(c, "enabled_hypervisors");
	if (init_storage(c) < 0)
		return EXIT_FAILURE;
	init_netdev(c);
	TRY(coerce_params(c, e));
	TRY(params_ipolicy(c, true, false, &policy, e));
	set_opt(c, "ipolicy", json_ref(policy));
	TRY(uids_opt(c, "uid_pool", e));
	if (number_opt(c, "primary_ip_version") < 0) {
		cli_warn("Invalid primary ip version value: %s", cli_str(c, "primary_ip_version"));
		return EXIT_FAILURE;
	}
	if (number_opt(c, "master_netmask") < 0) {
		cli_warn("Invalid master netmask value: %s", cli_str(c, "master_netmask"));
		return EXIT_FAILURE;
	}
	compression_opt(c);
	TRY(cli_site(c, "init", init_options(c), e));
	return EXIT_SUCCESS;
}

/* --- modify --- */

/* Does any option ask for a change? Those with something inside, or set at all. */
static bool wants_change(const struct cli *c)
{
	static const char *const any[] = {
		"vg_name", "drbd_helper", "candidate_pool_size", "max_running_jobs",
		"max_tracked_jobs", "uid_pool", "maintain_node_health", "add_uids", "remove_uids",
		"default_iallocator", "default_iallocator_params", "reserved_lvs", "mac_prefix",
		"master_netdev", "master_netmask", "use_external_mip_script", "prealloc_wipe_disks",
		"ipolicy_bounds_specs", "ipolicy_std_specs", "ipolicy_disk_templates",
		"ipolicy_vcpu_ratio", "ipolicy_spindle_ratio", "ipolicy_memory_ratio", "modify_etc_hosts",
		"file_storage_dir", "install_image", "instance_communication_network",
		"zeroing_image", "shared_file_storage_dir", "compression_tools",
		"enabled_user_shutdown",
	};
	static const char *const not_empty[] = {
		"hvparams", "beparams", "nicparams", "ndparams", "diskparams", "hv_state",
		"disk_state", "data_collector_interval", "enabled_data_collectors",
	};
	static const char *const text[] = { "enabled_hypervisors", "enabled_disk_templates" };

	for (size_t i = 0; i < ARRAY_SIZE(any); i++)
		if (cli_opt(c, any[i]))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(not_empty); i++)
		if (json_len(cli_opt(c, not_empty[i])))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(text); i++)
		if (cli_str(c, text[i]) && *cli_str(c, text[i]))
			return true;
	return false;
}

static void modify_storage(struct cli *c)
{
	const char *vg = cli_str(c, "vg_name"), *helper = cli_str(c, "drbd_helper");

	if (!cli_opt(c, "enabled_disk_templates"))
		return;
	if (vg && *vg && !lvm_enabled(c))
		cli_out("You specified a volume group with --vg-name, but you did not enable any of "
			"the following lvm-based disk templates: %s, %s",
			enum_name(&enum_disk_template, disk_template_drbd),
			enum_name(&enum_disk_template, disk_template_plain));
	if (helper && *helper && !enabled(c, "drbd"))
		cli_out("You specified a DRBD usermode helper with  --drbd-usermode-helper while "
			"DRBD is not enabled.");
}

/* name=true|false to booleans, name=seconds to microseconds. */
static int collectors(struct cli *c)
{
	json *on = json_new_dict(), *interval = json_new_dict();

	json_own(c->a, on);
	json_own(c->a, interval);
	json_each(cli_opt(c, "enabled_data_collectors"), name, v) {
		const char *text = json_str(v);

		json_set(on, name,
			 json_new_bool(text ? strncasecmp(text, "t", 1) == 0 :
					      json_boolean(v, false)));
	}
	json_each(cli_opt(c, "data_collector_interval"), name, v) {
		double seconds;

		if (!json_str(v) || parse_float(json_str(v), &seconds) < 0) {
			cli_warn("The interval of data collector '%s' is not a number of seconds.",
				 name);
			return -1;
		}
		if (seconds <= 0) {
			cli_warn("Some interval times where not above zero.");
			return -1;
		}
		json_set(interval, name, json_new_int((int64_t)(1e6 * seconds)));
	}
	set_opt(c, "enabled_data_collectors", json_ref(on));
	set_opt(c, "data_collector_interval", json_ref(interval));
	return 0;
}

static void reserved_lvs(struct cli *c)
{
	const char *text = cli_str(c, "reserved_lvs");
	struct strs l = { 0 };

	if (!text)
		return;
	if (*text)
		l = strs_split_esc(c->a, text, ',');
	set_opt(c, "reserved_lvs", json_new_strs(&l));
}

int cmd_cluster_modify(struct cli *c, struct err *e)
{
	json *op = op_new(c, OP_cluster_set_params), *policy;

	if (!wants_change(c)) {
		cli_warn("Please give at least one of the parameters.");
		return EXIT_FAILURE;
	}
	if (str_eq(cli_str(c, "enabled_disk_templates"), ""))
		set_opt(c, "enabled_disk_templates", NULL);
	split_opt(c, "enabled_disk_templates");
	split_opt(c, "enabled_hypervisors");
	modify_storage(c);
	TRY(coerce_params(c, e));
	TRY(params_ipolicy(c, false, false, &policy, e));
	set_opt(c, "ipolicy", json_ref(policy));
	TRY(uids_opt(c, "uid_pool", e));
	TRY(uids_opt(c, "add_uids", e));
	TRY(uids_opt(c, "remove_uids", e));
	reserved_lvs(c);
	if (number_opt(c, "master_netmask") < 0) {
		cli_warn("The --master-netmask option expects an int parameter.");
		return EXIT_FAILURE;
	}
	if (collectors(c) < 0)
		return EXIT_FAILURE;
	compression_opt(c);
	op_from_opts(c, op);
	TRY(cli_submit(c, op, NULL, e));
	return EXIT_SUCCESS;
}
