/* gnt-node: add, info, modify, powercycle, restricted-command. */
#include "cli/gnt/gnt.h"

#include "lib/net/net.h"

#include <string.h>

#define DEFAULT_SSH_PORT 22

/* --- add --- */

struct newcomer {
	const char *name, *ip;
	int ssh_port;
	const char *known_as, *known_sip; /* when it is in the cluster already */
	bool is_master;
};

/* The port of the group it goes to, then of the node if there is one. */
static int look_up(struct cli *c, struct newcomer *n, struct err *e)
{
	const char *group = cli_str(c, "group_name");
	json *rows;

	n->ssh_port = DEFAULT_SSH_PORT;
	TRY(cli_call(c, LUXI_QueryGroups,
		     group ? json_pack("[[s], [s], b]", group, "ndp/ssh_port", 0) :
			     json_pack("[[], [s], b]", "ndp/ssh_port", 0),
		     &rows, e));
	if (json_len(rows))
		n->ssh_port = (int)json_int(json_at(json_at(rows, 0), 0), DEFAULT_SSH_PORT);
	TRY(cli_call(c, LUXI_QueryNodes,
		     json_pack("[[s], [s, s, s, s], b]", n->name, "name", "sip", "master",
			       "ndp/ssh_port", 0),
		     &rows, e));
	if (json_len(rows)) {
		const json *row = json_at(rows, 0);

		n->known_as = json_str(json_at(row, 0));
		n->known_sip = json_str(json_at(row, 1));
		n->is_master = json_boolean(json_at(row, 2), false);
		n->ssh_port = (int)json_int(json_at(row, 3), n->ssh_port);
	}
	return 0;
}

static bool may_add(struct cli *c, const struct newcomer *n)
{
	if (!cli_flag(c, "readd") && n->known_as)
		cli_warn("Node %s already in the cluster (as %s) - please retry with '--readd'",
			 n->name, n->known_as);
	else if (cli_flag(c, "readd") && !n->known_as)
		cli_warn("Node %s not in the cluster - please retry without '--readd'", n->name);
	else if (cli_flag(c, "readd") && n->is_master)
		cli_warn("Node %s is the master, cannot readd", n->name);
	else
		return true;
	return false;
}

static void warn_ssh(const struct newcomer *n)
{
	cli_warn("-- WARNING --\n"
		 "Performing this operation is going to perform the following\n"
		 "changes to the target machine (%s) and the current cluster\n"
		 "nodes:\n"
		 "* A new SSH daemon key pair is generated on the target machine.\n"
		 "* The public SSH keys of all master candidates of the cluster\n"
		 "  are added to the target machine's 'authorized_keys' file.\n"
		 "* In case the target machine is a master candidate, its newly\n"
		 "  generated public SSH key will be distributed to all other\n"
		 "  cluster nodes.\n",
		 n->name);
}

static int resolve(struct cli *c, struct newcomer *n, struct err *e)
{
	struct err why CLEANUP(err_clear) = ERR_NONE;

	if (resolve_name(c->a, env_hosts_file(), c->args.v[0], 0, &n->name, &n->ip, &why) == 0)
		return 0;
	return err_set(e, ERR_PREREQ, ECODE_RESOLVER, "%s", err_msg(&why));
}

int cmd_node_add(struct cli *c, struct err *e)
{
	json *op = op_new(c, OP_node_add), *values;
	struct newcomer n = { 0 };
	bool ssh_setup;

	TRY(resolve(c, &n, e));
	TRY(look_up(c, &n, e));
	if (!may_add(c, &n))
		return EXIT_FAILURE;
	TRY(cli_call(c, LUXI_QueryConfigValues, json_pack("[[s]]", "modify_ssh_setup"), &values, e));
	ssh_setup = json_boolean(json_at(values, 0), false);
	if (!cli_flag(c, "node_setup"))
		cli_out("-- WARNING --\n"
			"The option --no-node-setup is disabled. Whether or not the\n"
			"SSH setup is manipulated while adding a node is determined\n"
			"by the 'modify_ssh_setup' value in the cluster-wide\n"
			"configuration instead.\n");
	if (ssh_setup)
		warn_ssh(&n);
	TRY(cli_site(c, "join",
		     json_pack("{s:s, s:s, s:i, s:O, s:O, s:O, s:b}", "name", n.name, "ip", n.ip,
			       "ssh_port", n.ssh_port, "ssh_key_check", cli_opt(c, "ssh_key_check"),
			       "force_join", cli_opt(c, "force_join"), "verbose",
			       cli_opt(c, "verbose"), "no_node_setup", !ssh_setup),
		     e));
	TRY(coerce_states(c, e));
	json_set(c->opts, "node_setup", json_new_bool(ssh_setup));
	op_from_opts(c, op);
	op_set(op, "node_name", json_new_str(c->args.v[0]));
	op_set_ref(op, "group", cli_opt(c, "group_name"));
	if (cli_flag(c, "readd"))
		op_set(op, "secondary_ip", json_new_str(n.known_sip));
	TRY(cli_exec(c, op, NULL, e));
	return EXIT_SUCCESS;
}

/* --- info --- */

static json *nice_list(struct cli *c, const json *names)
{
	struct strs l = json_strs(c->a, names);

	strs_sort_nat(&l);
	return json_new_strs(&l);
}

/* The fields asked for, in this order. */
enum { F_NAME, F_PIP, F_SIP, F_PRIMARY, F_SECONDARY, F_CANDIDATE, F_DRAINED, F_OFFLINE,
       F_MASTER_CAPABLE, F_VM_CAPABLE, F_POWERED, F_NDPARAMS, F_OWN_NDPARAMS };
#define FIELDS                                                                               \
	"[\"name\", \"pip\", \"sip\", \"pinst_list\", \"sinst_list\", \"master_candidate\"," \
	" \"drained\", \"offline\", \"master_capable\", \"vm_capable\", \"powered\","        \
	" \"ndparams\", \"custom_ndparams\"]"

static json *node_info(struct cli *c, const json *row)
{
	json *d = json_new_dict();

	json_set(d, "Node name", json_ref(json_at(row, F_NAME)));
	json_set(d, "primary ip", json_ref(json_at(row, F_PIP)));
	json_set(d, "secondary ip", json_ref(json_at(row, F_SIP)));
	json_set(d, "master candidate", json_ref(json_at(row, F_CANDIDATE)));
	json_set(d, "drained", json_ref(json_at(row, F_DRAINED)));
	json_set(d, "offline", json_ref(json_at(row, F_OFFLINE)));
	if (json_at(row, F_POWERED))
		json_set(d, "powered", json_ref(json_at(row, F_POWERED)));
	json_set(d, "master_capable", json_ref(json_at(row, F_MASTER_CAPABLE)));
	json_set(d, "vm_capable", json_ref(json_at(row, F_VM_CAPABLE)));
	if (json_boolean(json_at(row, F_VM_CAPABLE), false)) {
		json_set(d, "primary for instances", nice_list(c, json_at(row, F_PRIMARY)));
		json_set(d, "secondary for instances", nice_list(c, json_at(row, F_SECONDARY)));
	}
	json_set(d, "node parameters",
		 json_ref(info_params(c, json_at(row, F_OWN_NDPARAMS), json_at(row, F_NDPARAMS))));
	return d;
}

int cmd_node_info(struct cli *c, struct err *e)
{
	json *rows, *list = json_own(c->a, json_new_array()), *fields;

	TRY(json_parse(FIELDS, strlen(FIELDS), &fields, e));
	TRY(cli_call(c, LUXI_QueryNodes, json_pack("[o, o, b]", json_new_strs(&c->args), fields, 0),
		     &rows, e));
	json_items(rows, i, row)
		json_append(list, node_info(c, row));
	info_print(c, list);
	return EXIT_SUCCESS;
}

/* --- modify --- */

void print_changes(struct cli *c, const char *what, const json *changes)
{
	cli_out("Modified %s %s", what, c->args.v[0]);
	json_items(changes, i, change) {
		struct str param CLEANUP(str_free) = { 0 }, data CLEANUP(str_free) = { 0 };

		ui_text(&param, json_at(change, 0));
		ui_text(&data, json_at(change, 1));
		cli_out(" - %-5s -> %s", str_get(&param), str_get(&data));
	}
}

int cmd_node_modify(struct cli *c, struct err *e)
{
	static const char *const changes[] = { "master_candidate", "drained", "offline",
					       "master_capable", "vm_capable", "secondary_ip",
					       "ndparams" };
	json *op = op_new(c, OP_node_set_params), *ndparams, *result = NULL;
	bool any = json_len(cli_opt(c, "hv_state")) || json_len(cli_opt(c, "disk_state"));

	for (size_t i = 0; i < ARRAY_SIZE(changes); i++)
		any = any || cli_opt(c, changes[i]);
	if (!any) {
		cli_warn("Please give at least one of the parameters.");
		return EXIT_FAILURE;
	}
	if (cli_opt(c, "offline") && !cli_flag(c, "offline") && !cli_flag(c, "force") &&
	    !ui_confirm("You are setting this node online manually. If the configuration has changed, "
			"this can cause issues such as split brain. To safely bring a node back "
			"online, please use --readd instead. If you are confident that the "
			"configuration hasn't changed, continue?"))
		return EXIT_FAILURE;
	TRY(coerce_states(c, e));
	if (cli_opt(c, "ndparams")) {
		TRY(params_record(c, rec_ndparams(), cli_opt(c, "ndparams"), true, &ndparams, e));
		json_set(c->opts, "ndparams", json_ref(ndparams));
	}
	op_from_opts(c, op);
	op_set(op, "node_name", json_new_str(c->args.v[0]));
	TRY(cli_submit(c, op, &result, e));
	if (json_len(result))
		print_changes(c, "node", result);
	return EXIT_SUCCESS;
}

/* --- powercycle, restricted-command --- */

int cmd_node_powercycle(struct cli *c, struct err *e)
{
	json *op = op_new(c, OP_node_powercycle), *result = NULL;
	const char *node = c->args.v[0];

	if (!cli_flag(c, "confirm") &&
	    !ui_confirm(arena_printf(c->a, "Are you sure you want to hard powercycle node %s?", node)))
		return 2;
	op_from_opts(c, op);
	op_set(op, "node_name", json_new_str(node));
	TRY(cli_submit(c, op, &result, e));
	if (json_str(result) && *json_str(result))
		cli_warn("%s", json_str(result));
	return EXIT_SUCCESS;
}

/* Output of one node: whole, or each line behind its name. */
static void print_command_output(struct cli *c, const char *node, const char *text)
{
	struct strs lines = { 0 };
	size_t n = strlen(text);

	if (!cli_flag(c, "show_machine_names")) {
		cli_out("Node: %s\n%s", node, text);
		return;
	}
	if (n)
		lines = strs_split(c->a, text[n - 1] == '\n' ? arena_strndup(c->a, text, n - 1) : text, '\n');
	for (size_t i = 0; i < lines.n; i++)
		cli_out("%s: %s", node, lines.v[i]);
}

int cmd_node_restricted_command(struct cli *c, struct err *e)
{
	json *op = op_new(c, OP_restricted_command), *names = json_own(c->a, json_new_array()), *result;
	int code = EXIT_SUCCESS;
	struct target *v;
	size_t n;

	for (size_t i = 1; i < c->args.n; i++)
		json_append(names, json_new_str(c->args.v[i]));
	if (!json_len(names) && !cli_str(c, "group_name"))
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "Node group or node names must be given");
	TRY(nodes_online(c, names, cli_str(c, "group_name"), false, &v, &n, e));
	op_from_opts(c, op);
	op_set(op, "command", json_new_str(c->args.v[0]));
	op_set(op, "nodes", json_new_array());
	for (size_t i = 0; i < n; i++)
		json_append(json_get(op, "nodes"), json_new_str(v[i].name));
	TRY(cli_submit(c, op, &result, e));
	json_items(result, i, answer) {
		const char *text = json_str(info_text(c, json_at(answer, 1)));

		cli_out("------------------------------------------------");
		if (i < n && json_boolean(json_at(answer, 0), false)) {
			print_command_output(c, v[i].name, text);
			continue;
		}
		code = EXIT_FAILURE;
		cli_out("%s", text);
	}
	return code;
}
