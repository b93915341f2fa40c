/* gnt-instance: add, migrate, failover, reinstall, remove, rename, console. */
#include "cli/gnt/gnt.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SESSION_MAX (30 * 86400) /* of a console, seconds */

static int invalid(struct err *e, const char *msg)
{
	return err_set(e, ERR_PREREQ, ECODE_INVAL, "%s", msg);
}

/* --- add --- */

static int add_disks(struct cli *c, json *op, bool import, struct err *e)
{
	const json *given = cli_opt(c, "disks"), *size = cli_opt(c, "sd_size");
	bool diskless = str_eq(cli_str(c, "disk_template"),
			       enum_name(&enum_disk_template, disk_template_diskless));
	json *pairs, *disks;

	if (diskless && (json_len(given) || size))
		return invalid(e, "Diskless instance but disk information passed");
	if (!diskless && !json_len(given) && !size && !import)
		return invalid(e, "No disk information specified");
	if (json_len(given) && size)
		return invalid(e, "Please use either the '--disk' or '-s' option");
	pairs = size ? json_pack("[[s, {s:s}]]", "0", "size",
				 arena_printf(c->a, "%lldm", (long long)json_int(size, 0))) :
		       json_ref((json *)given);
	TRY(mods_disks(c, json_own(c->a, pairs), &disks, e));
	op_set(op, "disks", json_ref(disks));
	return 0;
}

static int add_nics(struct cli *c, json *op, bool import, struct err *e)
{
	const json *given = cli_opt(c, "nics");
	json *nics;

	if (json_len(given)) {
		TRY(mods_nics(c, given, &nics, e));
		op_set(op, "nics", json_ref(nics));
	} else {
		/* one, all automatic, unless there shall be none; those of the export */
		op_set(op, "nics", cli_flag(c, "no_nics") || import ? json_new_array() : json_pack("[{}]"));
	}
	return 0;
}

static int add_params(struct cli *c, json *op, struct err *e)
{
	const json *hv = cli_opt(c, "hypervisor");
	json *hvparams = json_own(c->a, json_new_dict()), *beparams;

	TRY(params_be(c, cli_opt(c, "beparams"), false, &beparams, e));
	if (hv) {
		const json *given = json_at(hv, 1);

		if (!json_is(given, JSON_DICT))
			return invalid(e, "The hypervisor to use cannot be taken away");
		TRY(params_hv(c, given, false, &hvparams, e));
		op_set(op, "hypervisor", json_ref(json_at(hv, 0)));
	}
	op_set(op, "beparams", json_ref(beparams));
	op_set(op, "hvparams", json_ref(hvparams));
	return 0;
}

static void add_nodes(struct cli *c, json *op)
{
	const char *pair = cli_str(c, "node"), *colon = pair ? strchr(pair, ':') : NULL;

	if (!pair)
		return;
	op_set(op, "pnode", colon ? json_new_strn(pair, (size_t)(colon - pair)) : json_new_str(pair));
	if (colon)
		op_set(op, "snode", json_new_str(colon + 1));
}

static int create(struct cli *c, enum inst_create_mode mode, struct err *e)
{
	json *op = op_new(c, OP_instance_create), *hv = NULL;
	bool import = mode == inst_create_mode_import;
	const char *tags = cli_str(c, "tags");

	/* not parameters as they are: see below */
	hv = json_own(c->a, json_ref(json_get(c->opts, "hypervisor")));
	json_del(c->opts, "hypervisor");
	json_set(c->opts, "tags", tags ? json_ref(params_words(c, tags)) : json_new_array());
	op_from_opts(c, op);
	json_set(c->opts, "hypervisor", json_ref(hv));
	op_set(op, "instance_name", json_new_str(c->args.v[0]));
	op_set(op, "mode", json_new_str(enum_name(&enum_inst_create_mode, mode)));
	TRY(add_nics(c, op, import, e));
	TRY(add_disks(c, op, import, e));
	TRY(add_params(c, op, e));
	add_nodes(c, op);
	if (import)
		op_set(op, "start", json_new_bool(false));
	TRY(cli_submit(c, op, NULL, e));
	return EXIT_SUCCESS;
}

int cmd_instance_add(struct cli *c, struct err *e)
{
	if (cli_flag(c, "forthcoming") && cli_flag(c, "commit"))
		return invalid(e, "Creating an instance only forthcoming and commiting it are mutally "
				  "exclusive");
	return create(c, inst_create_mode_create, e);
}

int cmd_backup_import(struct cli *c, struct err *e)
{
	return create(c, inst_create_mode_import, e);
}

/* --- moving --- */

/* Asking about something that does not exist would be odd. */
static int ensure_exists(struct cli *c, struct err *e)
{
	json *rows;

	TRY(cli_call(c, LUXI_QueryInstances, json_pack("[[s], [s], b]", c->args.v[0], "name", 0),
		     &rows, e));
	if (!json_len(rows) || !json_at(json_at(rows, 0), 0))
		return err_set(e, ERR_PREREQ, ECODE_NOENT, "Instance '%s' does not exist",
			       c->args.v[0]);
	return 0;
}

static int one_target(struct cli *c, struct err *e)
{
	if (cli_str(c, "iallocator") && cli_str(c, "target_node"))
		return invalid(e, "Specify either an iallocator (-I), or a target node (-n) but not both");
	return 0;
}

int migration_mode(struct cli *c, struct err *e)
{
	const char *mode = cli_str(c, "migration_mode");

	if (!cli_flag(c, "is_live") && mode)
		return invalid(e, "Only one of the --non-live and --migration-mode options can be passed");
	if (!cli_flag(c, "is_live"))
		mode = enum_name(&enum_migration_mode, migration_mode_non_live);
	json_set(c->opts, "mode", json_new_str(mode));
	return 0;
}

int cmd_instance_migrate(struct cli *c, struct err *e)
{
	json *op = op_new(c, OP_instance_migrate);
	const char *name = c->args.v[0];

	TRY(one_target(c, e));
	if (!cli_flag(c, "force")) {
		TRY(ensure_exists(c, e));
		if (!ui_confirm(arena_printf(
			    c->a,
			    "Instance %s will be %s might impact the instance if anything goes wrong "
			    "(e.g. due to bugs in the hypervisor). Continue?",
			    name,
			    cli_flag(c, "cleanup") ?
				    "recovered from a failed migration. Note that the migration "
				    "procedure (including cleanup)" :
				    "migrated. Note that migration")))
			return EXIT_FAILURE;
	}
	TRY(migration_mode(c, e));
	op_from_opts(c, op);
	op_set(op, "instance_name", json_new_str(name));
	TRY(cli_submit(c, op, NULL, e));
	return EXIT_SUCCESS;
}

int cmd_instance_failover(struct cli *c, struct err *e)
{
	json *op = op_new(c, OP_instance_failover);
	const char *name = c->args.v[0];

	TRY(one_target(c, e));
	if (!cli_flag(c, "force")) {
		TRY(ensure_exists(c, e));
		if (!ui_confirm(arena_printf(c->a,
					     "Failover will happen to image %s. This requires a shutdown "
					     "of the instance. Continue?",
					     name)))
			return EXIT_FAILURE;
	}
	if (cli_flag(c, "ignore_consistency") &&
	    !ui_confirm(arena_printf(c->a,
				     "To failover instance %s, the source node must be marked offline "
				     "first. Is this already the case?",
				     name)))
		return EXIT_FAILURE;
	op_from_opts(c, op);
	op_set(op, "instance_name", json_new_str(name));
	TRY(cli_submit(c, op, NULL, e));
	return EXIT_SUCCESS;
}

/* --- reinstall --- */

/* Let the operator pick; *RET NULL: none. */
static int select_os(struct cli *c, const char **ret, struct err *e)
{
	json *op = op_new(c, OP_os_diagnose), *result;
	struct strs names = { 0 };
	struct ui_choice *choices;
	size_t answer;

	*ret = NULL;
	op_set(op, "output_fields", json_pack("[s, s]", "name", "variants"));
	op_set(op, "names", json_new_array());
	TRY(cli_exec(c, op, &result, e));
	json_items(result, i, row) {
		const char *name = json_str(json_at(row, 0));

		if (!json_len(json_at(row, 1)))
			strs_add(c->a, &names, name);
		json_items(json_at(row, 1), k, v)
			strs_add(c->a, &names, arena_printf(c->a, "%s+%s", name, json_str(v)));
	}
	if (!names.n) {
		cli_out("Can't get the OS list");
		return 0;
	}
	cli_out("Available OS templates:");
	choices = ARENA_ARRAY(c->a, struct ui_choice, names.n + 1);
	for (size_t i = 0; i < names.n; i++) {
		cli_out("%3zu: %s", i, names.v[i]);
		choices[i] = (struct ui_choice){ arena_printf(c->a, "%zu", i), names.v[i] };
	}
	choices[names.n] = (struct ui_choice){ "x", "Exit gnt-instance reinstall" };
	answer = ui_ask("Enter OS template number (or x to abort):", choices, names.n + 1);
	if (answer == names.n)
		cli_warn("User aborted reinstall, exiting");
	else
		*ret = names.v[answer];
	return 0;
}

static bool confirm_reinstall(struct cli *c, const struct strs *names, bool many, const char *os)
{
	const char *what = os ? arena_printf(c->a, "change the OS to '%s'", os) : "keep the same OS";

	if (cli_flag(c, "force_multi") || (!many && cli_flag(c, "force")))
		return true;
	if (many)
		return many_confirm(c, names, "instances", "reinstall",
				    arena_printf(c->a,
						 "Note: this will remove *all* data for the below "
						 "instances! It will %s.\n",
						 what));
	return ui_confirm(arena_printf(c->a,
				       "This will reinstall the instance '%s' (and %s) which removes all "
				       "data. Continue?",
				       names->v[0], what));
}

int cmd_instance_reinstall(struct cli *c, struct err *e)
{
	const char *mode = cli_str(c, "multi_mode"), *os = cli_str(c, "os_type");
	struct strs names = { 0 };
	struct jobs *jobs;
	bool many, ok;

	TRY(many_select(c, &names, e));
	if (!names.n)
		return invalid(e, "Selection filter does not match any instances");
	if (cli_flag(c, "select_os")) {
		TRY(select_os(c, &os, e));
		if (!os)
			return EXIT_FAILURE;
	}
	many = (mode && strcmp(mode, "instances") != 0) || names.n > 1;
	if (!confirm_reinstall(c, &names, many, os))
		return EXIT_FAILURE;
	json_set(c->opts, "os_type", json_new_str(os));
	jobs = jobs_new(c, many);
	for (size_t i = 0; i < names.n; i++) {
		json *op = op_new(c, OP_instance_reinstall);

		op_from_opts(c, op);
		op_set(op, "instance_name", json_new_str(names.v[i]));
		jobs_queue(jobs, names.v[i], json_pack("[O]", op));
	}
	TRY(jobs_wait_or_show(jobs, !cli_flag(c, "submit_only"), &ok, e));
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* --- remove, rename --- */

int cmd_instance_remove(struct cli *c, struct err *e)
{
	if (!cli_flag(c, "force")) {
		TRY(ensure_exists(c, e));
		if (!ui_confirm(arena_printf(c->a,
					     "This will remove the volumes of the instance %s (including "
					     "mirrors), thus removing all the data of the instance. "
					     "Continue?",
					     c->args.v[0])))
			return EXIT_FAILURE;
	}
	return cli_run_op(c, e);
}

int cmd_instance_rename(struct cli *c, struct err *e)
{
	json *op = op_new(c, OP_instance_rename), *result = NULL;

	op_from_opts(c, op);
	op_set(op, "instance_name", json_new_str(c->args.v[0]));
	op_set(op, "new_name", json_new_str(c->args.v[1]));
	TRY(cli_submit(c, op, &result, e));
	if (json_str(result) && *json_str(result))
		cli_out("Instance '%s' renamed to '%s'", c->args.v[0], json_str(result));
	return EXIT_SUCCESS;
}

/* --- console --- */

static const char *shell_line(struct cli *c, const struct strs *argv)
{
	struct strs quoted = { 0 };

	for (size_t i = 0; i < argv->n; i++)
		strs_add(c->a, &quoted, str_shell_quote(c->a, argv->v[i]));
	return strs_join(c->a, &quoted, " ");
}

/* On this terminal until the operator leaves. The exit code, -1 when it could not be started. */
static int run_terminal(struct cli *c, struct strs argv, struct err *e)
{
	struct run_result r CLEANUP(run_result_free) = { 0 };

	strs_add(c->a, &argv, NULL);
	TRY(run_cmd(&(struct run){ .argv = argv.v, .env = (const char *const *)environ,
				   .inherit_stdio = true, .timeout = SESSION_MAX },
		    &r, e));
	return r.status < 0 ? EXIT_FAILURE : r.status;
}

static int console_ssh(struct cli *c, const json *console, const char *cluster, struct err *e)
{
	const json *command = json_get(console, "command");
	struct strs words = json_strs(c->a, command), argv;
	const char *text = json_str(command) ? json_str(command) : shell_line(c, &words);
	int status;

	argv = ssh_command(c, cluster, json_get_str(console, "host"),
			   (int)json_get_int(console, "port", 0), true, text);
	if (cli_flag(c, "show_command")) {
		cli_out("%s", shell_line(c, &argv));
		return EXIT_SUCCESS;
	}
	luxi_closep(&c->luxi); /* sessions are long */
	TRY(status = run_terminal(c, argv, e));
	if (status != 0)
		return err_set(e, ERR_EXEC, NULL,
			       "Connection to console of instance %s failed, please check cluster "
			       "configuration",
			       json_get_str(console, "instance"));
	return EXIT_SUCCESS;
}

static int show_console(struct cli *c, const json *console, const char *cluster, struct err *e)
{
	const char *kind = json_get_str(console, "kind"), *name = json_get_str(console, "instance");
	const char *host = json_get_str(console, "host"), *msg = json_get_str(console, "message");
	long long port = json_get_int(console, "port", 0);

	if (str_eq(kind, "msg"))
		cli_out("%s", msg ? msg : "");
	else if (str_eq(kind, "vnc"))
		cli_out("Instance %s has VNC listening on %s:%lld (display %lld), URL <vnc://%s:%lld/>",
			name, host, port, (long long)json_get_int(console, "display", 0), host, port);
	else if (str_eq(kind, "spice"))
		cli_out("Instance %s has SPICE listening on %s:%lld", name, host, port);
	else if (str_eq(kind, "ssh"))
		return console_ssh(c, console, cluster, e);
	else
		return err_set(e, GenericError, NULL, "Unknown console type '%s'", kind ? kind : "");
	return EXIT_SUCCESS;
}

int cmd_instance_console(struct cli *c, struct err *e)
{
	const char *cluster, *name = c->args.v[0];
	json *rows, *console, *runs;

	TRY(cli_cluster_name(c, &cluster, e));
	TRY(cli_call(c, LUXI_QueryInstances,
		     json_pack("[[s], [s, s], b]", name, "console", "oper_state", 0), &rows, e));
	if (!json_len(rows))
		return err_set(e, ERR_PREREQ, ECODE_NOENT, "Instance '%s' does not exist", name);
	console = json_at(json_at(rows, 0), 0);
	runs = json_at(json_at(rows, 0), 1);
	/* upstream's master tells where a console would be; an unknown state is not "down" */
	if (json_len(console) && json_boolean(runs, true))
		return show_console(c, console, cluster, e);
	if (json_boolean(runs, false))
		return err_set(e, ERR_EXEC, NULL, "Console information for instance %s is unavailable",
			       name);
	return err_set(e, ERR_EXEC, NULL, "Instance %s is not running, can't get console", name);
}
