/* gnt-instance modify. */
#include "cli/gnt/gnt.h"

#include <string.h>

static bool text_given(const struct cli *c, const char *dest)
{
	const char *s = cli_str(c, dest);

	return s && *s;
}

static bool wants_change(const struct cli *c)
{
	static const char *const not_empty[] = { "nics", "disks", "hvparams", "beparams", "osparams",
						 "osparams_private" };
	static const char *const text[] = { "disk_template", "os_type", "pnode" };

	for (size_t i = 0; i < ARRAY_SIZE(not_empty); i++)
		if (json_len(cli_opt(c, not_empty[i])))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(text); i++)
		if (text_given(c, text[i]))
			return true;
	return cli_flag(c, "offline_inst") || cli_flag(c, "online_inst") ||
	       json_int(cli_opt(c, "runtime_mem"), 0) || cli_opt(c, "instance_communication");
}

/* Options that only make sense together. Says what is missing. */
static bool template_options_fit(const struct cli *c)
{
	const char *template_ = cli_str(c, "disk_template");
	bool ext = str_eq(template_, enum_name(&enum_disk_template, disk_template_ext));
	bool file = str_eq(template_, enum_name(&enum_disk_template, disk_template_file)) ||
		    str_eq(template_, enum_name(&enum_disk_template, disk_template_sharedfile)) ||
		    str_eq(template_, enum_name(&enum_disk_template, disk_template_gluster));
	bool ext_params = json_len(cli_opt(c, "ext_params")) > 0;

	if (template_ && ext_params && !ext)
		cli_warn("Specifying ExtStorage parameters requires converting to the '%s' disk "
			 "template",
			 enum_name(&enum_disk_template, disk_template_ext));
	else if (ext && !ext_params)
		cli_warn("Provider option is missing, use either the '--ext-params' or '-e' option");
	else if (!file && (text_given(c, "file_driver") || text_given(c, "file_storage_dir")))
		cli_warn("Specifying file-based configuration arguments requires converting to a "
			 "file-based disk template");
	else
		return true;
	return false;
}

static int check_ext_params(const struct cli *c, struct err *e)
{
	static const char *const fixed[] = { "access", "adopt", "dev_type", "metavg", "mode", "name",
					     "size", "spindles", "vg" };
	const json *params = cli_opt(c, "ext_params");

	if (json_len(params) && !json_has(params, "provider"))
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Missing required parameter 'provider' when converting to an "
			       "ExtStorage disk template");
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		if (json_has(params, fixed[i]))
			return err_set(e, ERR_PREREQ, ECODE_INVAL,
				       "Invalid parameter '%s' when converting to an ExtStorage "
				       "template (it is not allowed modifying existing disk "
				       "parameters)",
				       fixed[i]);
	return 0;
}

/* 1: go on, 0: the operator said no. */
static int nic_changes(struct cli *c, json **ret, struct err *e)
{
	TRY(mods_changes(c, cli_opt(c, "nics"), ret, e));
	if (!cli_flag(c, "hotplug") || cli_flag(c, "force"))
		return 1;
	json_items(*ret, i, m)
		if (str_eq(json_str(json_at(m, 0)), "modify") &&
		    !ui_confirm("You are about to hot-modify a NIC. This will be done by removing the "
				"existing NIC and then adding a new one. Network connection might be "
				"lost. Continue?"))
			return 0;
	return 1;
}

static void print_result(struct cli *c, const json *result)
{
	print_changes(c, "instance", result);
	cli_out("Please don't forget that most parameters take effect only at the next (re)start of "
		"the instance initiated by ganeti; restarting from within the instance will not be "
		"enough.");
	if (json_len(cli_opt(c, "hvparams")))
		cli_out("Note that changing hypervisor parameters without performing a restart might "
			"lead to a crash while performing a live migration. This will be addressed in "
			"future Ganeti versions.");
}

int cmd_instance_modify(struct cli *c, struct err *e)
{
	json *op = op_new(c, OP_instance_set_params), *hvparams, *beparams, *nics, *disks;
	json *result = NULL;
	int go_on;

	if (!wants_change(c)) {
		cli_warn("Please give at least one of the parameters.");
		return EXIT_FAILURE;
	}
	TRY(params_be(c, cli_opt(c, "beparams"), true, &beparams, e));
	TRY(params_hv(c, cli_opt(c, "hvparams"), true, &hvparams, e));
	TRY(go_on = nic_changes(c, &nics, e));
	if (!go_on)
		return EXIT_FAILURE;
	TRY(mods_disk_changes(c, cli_opt(c, "disks"), &disks, e));
	if (!template_options_fit(c))
		return EXIT_FAILURE;
	TRY(check_ext_params(c, e));
	json_set(c->opts, "beparams", json_ref(beparams));
	json_set(c->opts, "hvparams", json_ref(hvparams));
	json_set(c->opts, "nics", json_ref(nics));
	json_set(c->opts, "disks", json_ref(disks));
	op_from_opts(c, op);
	op_set(op, "instance_name", json_new_str(c->args.v[0]));
	op_set_ref(op, "os_name", cli_opt(c, "os_type"));
	if (cli_flag(c, "offline_inst") || cli_flag(c, "online_inst"))
		op_set(op, "offline", json_new_bool(cli_flag(c, "offline_inst")));
	TRY(cli_submit(c, op, &result, e));
	if (json_len(result))
		print_result(c, result);
	return EXIT_SUCCESS;
}
