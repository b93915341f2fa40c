/* gnt-node evacuate, migrate, failover: all instances of a node. */
#include "cli/gnt/gnt.h"

#include <string.h>

/* Ask for FIELDS (taken over) of the node. */
static int query(struct cli *c, json *fields, json **ret_row, struct err *e)
{
	json *rows;

	TRY(cli_call(c, LUXI_QueryNodes, json_pack("[[s], o, b]", c->args.v[0], fields, 0), &rows, e));
	if (!json_len(rows))
		return err_set(e, ERR_PREREQ, ECODE_NOENT, "Node '%s' not known", c->args.v[0]);
	*ret_row = json_at(rows, 0);
	return 0;
}

/* The names in the list FIELD of the node, sorted as people expect. *RET_NODE is its full name. */
static int primaries(struct cli *c, const char **ret_node, struct strs *ret, struct err *e)
{
	json *row;

	TRY(query(c, json_pack("[s, s]", "name", "pinst_list"), &row, e));
	*ret_node = json_str(json_at(row, 0));
	*ret = json_strs(c->a, json_at(row, 1));
	strs_sort_nat(ret);
	return 0;
}

static int evac_mode(struct cli *c, struct err *e)
{
	enum evac_mode mode = evac_mode_all;

	if (cli_str(c, "remote_node")) {
		cli_warn("New secondary node given (disabling iallocator), hence evacuating secondary "
			 "instances only.");
		json_set(c->opts, "secondary_only", json_new_bool(true));
		json_set(c->opts, "primary_only", json_new_bool(false));
	}
	if (cli_flag(c, "primary_only") && cli_flag(c, "secondary_only"))
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Only one of the --primary-only and --secondary-only options can be "
			       "passed");
	if (cli_flag(c, "primary_only"))
		mode = evac_mode_primary_only;
	else if (cli_flag(c, "secondary_only"))
		mode = evac_mode_secondary_only;
	json_set(c->opts, "mode", json_new_str(enum_name(&enum_evac_mode, mode)));
	return 0;
}

int cmd_node_evacuate(struct cli *c, struct err *e)
{
	const char *node = c->args.v[0];
	json *fields = json_new_array(), *row;
	struct strs names = { 0 };

	if (evac_mode(c, e) < 0) {
		json_put(fields);
		return -1;
	}
	if (!cli_flag(c, "secondary_only"))
		json_append(fields, json_new_str("pinst_list"));
	if (!cli_flag(c, "primary_only"))
		json_append(fields, json_new_str("sinst_list"));
	TRY(query(c, fields, &row, e));
	json_items(row, i, list)
		json_items(list, k, name)
			if (json_str(name))
				strs_add(c->a, &names, json_str(name));
	if (!names.n) {
		cli_warn("No instances to evacuate on node(s) %s, exiting.", node);
		return EXIT_SUCCESS;
	}
	strs_sort_nat(&names);
	strs_uniq(&names);
	if (!cli_flag(c, "force") &&
	    !ui_confirm(arena_printf(c->a, "Relocate instance(s) %s from node(s) %s?",
				     strs_join(c->a, &names, ", "), node)))
		return EXIT_CONFIRMATION;
	return cli_run_op(c, e);
}

int cmd_node_migrate(struct cli *c, struct err *e)
{
	struct strs names;
	const char *node;

	TRY(primaries(c, &node, &names, e));
	if (!names.n) {
		cli_out("No primary instances on node %s, exiting.", node);
		return EXIT_SUCCESS;
	}
	if (!cli_flag(c, "force") &&
	    !ui_confirm(arena_printf(c->a, "Migrate instance(s) %s?", strs_join(c->a, &names, ", "))))
		return EXIT_CONFIRMATION;
	TRY(migration_mode(c, e));
	return cli_run_op(c, e);
}

/* Failures do not show in the exit code, as in upstream. */
int cmd_node_failover(struct cli *c, struct err *e)
{
	struct jobs *jobs = jobs_new(c, true);
	struct job_result *results;
	struct strs names;
	const char *node;
	size_t n, bad = 0;

	TRY(primaries(c, &node, &names, e));
	if (!names.n) {
		cli_warn("No primary instances on node %s, exiting.", node);
		return EXIT_SUCCESS;
	}
	if (!cli_flag(c, "force") &&
	    !ui_confirm(arena_printf(c->a, "Fail over instance(s) '%s'?", strs_join(c->a, &names, "','"))))
		return 2;
	for (size_t i = 0; i < names.n; i++) {
		json *op = op_new(c, OP_instance_failover);

		op_from_opts(c, op);
		op_set(op, "instance_name", json_new_str(names.v[i]));
		jobs_queue(jobs, names.v[i], json_pack("[O]", op));
	}
	TRY(jobs_wait(jobs, &results, &n, e));
	for (size_t i = 0; i < n; i++)
		bad += !results[i].ok;
	if (bad)
		cli_out("There were errors during the failover:\n%zu error(s) out of %zu instance(s).",
			bad, n);
	else
		cli_out("All %zu instance(s) failed over successfully.", n);
	return EXIT_SUCCESS;
}
