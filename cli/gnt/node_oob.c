/* gnt-node power, health: what out-of-band programs of nodes say. */
#include "cli/gnt/gnt.h"

#include <string.h>

/* An answer for a node is [[status, name], [status, data]]. */
static const char *node_of(const json *answer)
{
	const char *name = json_str(json_at(json_at(answer, 0), 1));

	return name ? name : "";
}

static int64_t status_of(const json *answer)
{
	return json_int(json_at(json_at(answer, 1), 0), 2);
}

static const json *data_of(const json *answer)
{
	return json_at(json_at(answer, 1), 1);
}

static void add(struct cli *c, struct strs *cells, const char *node, const char *text)
{
	strs_add(c->a, cells, node);
	strs_add(c->a, cells, text);
}

static void print(struct cli *c, const struct strs *cells)
{
	static const struct ui_column cols[] = { { "Node", false }, { "Status", false } };

	cli_table(cols, ARRAY_SIZE(cols), cells, cli_str(c, "separator"), !cli_flag(c, "no_headers"));
}

/* Switching off is not for the master, the node is marked offline first. */
static json *power_job(struct cli *c, enum oob_command command)
{
	json *ops = json_new_array(), *op;

	for (size_t i = 1; command == oob_command_power_off && !cli_flag(c, "ignore_status") && i < c->args.n;
	     i++) {
		op = op_new(c, OP_node_set_params);
		op_set(op, "node_name", json_new_str(c->args.v[i]));
		op_set(op, "offline", json_new_bool(true));
		op_set_ref(op, "auto_promote", cli_opt(c, "auto_promote"));
		json_append(ops, json_ref(op));
	}
	op = op_new(c, OP_oob_command);
	op_from_opts(c, op);
	op_set(op, "command", json_new_str(enum_name(&enum_oob_command, command)));
	op_set(op, "node_names", json_new_array());
	for (size_t i = 1; i < c->args.n; i++)
		json_append(json_get(op, "node_names"), json_new_str(c->args.v[i]));
	return json_append(ops, json_ref(op));
}

/* 1: go on, 0: not. */
static bool may_change(struct cli *c, const char *word)
{
	struct strs nodes = { c->args.v + 1, c->args.n - 1 };

	if (!nodes.n) {
		cli_warn("Please provide at least one node for this command");
		return false;
	}
	return cli_flag(c, "force") ||
	       many_confirm(c, &nodes, "nodes", arena_printf(c->a, "power %s", word), "");
}

int cmd_node_power(struct cli *c, struct err *e)
{
	static const struct {
		const char *word;
		enum oob_command command;
		bool ask;
	} commands[] = { { "on", oob_command_power_on, false },
			 { "off", oob_command_power_off, true },
			 { "cycle", oob_command_power_cycle, true },
			 { "status", oob_command_power_status, false } };
	const char *word = c->args.v[0];
	struct strs cells = { 0 };
	size_t k = 0, bad = 0;
	json *results;

	while (k < ARRAY_SIZE(commands) && strcmp(commands[k].word, word) != 0)
		k++;
	if (k == ARRAY_SIZE(commands)) {
		cli_warn("power subcommand %s not supported.", word);
		return EXIT_FAILURE;
	}
	if (commands[k].ask && !may_change(c, word))
		return EXIT_FAILURE;
	TRY(cli_submit_job(c, power_job(c, commands[k].command), &results, e));
	json_items(json_at(results, json_len(results) - 1), i, answer) {
		int64_t status = status_of(answer);
		const char *text = "invoked";

		bad += status != 0;
		if (status != 0)
			text = cli_state(status, true);
		else if (commands[k].command == oob_command_power_status)
			text = json_get_bool(data_of(answer), "powered", false) ? "powered" : "unpowered";
		add(c, &cells, node_of(answer), text);
	}
	print(c, &cells);
	return bad ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* [[item, status], ...], a line each */
static void add_health(struct cli *c, struct strs *cells, const json *answer)
{
	json_items(data_of(answer), i, item) {
		struct str s CLEANUP(str_free) = { 0 };

		ui_text(&s, json_at(item, 0));
		str_addc(&s, '=');
		ui_text(&s, json_at(item, 1));
		add(c, cells, i ? "" : node_of(answer), arena_strdup(c->a, str_get(&s)));
	}
}

int cmd_node_health(struct cli *c, struct err *e)
{
	json *op = op_new(c, OP_oob_command), *result;
	struct strs cells = { 0 };
	size_t bad = 0;

	op_from_opts(c, op);
	op_set(op, "node_names", json_new_strs(&c->args));
	op_set(op, "command", json_new_str(enum_name(&enum_oob_command, oob_command_health)));
	TRY(cli_exec(c, op, &result, e));
	json_items(result, i, answer) {
		int64_t status = status_of(answer);

		if (status == 0) {
			add_health(c, &cells, answer);
			continue;
		}
		bad++;
		add(c, &cells, node_of(answer), cli_state(status, true));
	}
	print(c, &cells);
	return bad ? EXIT_FAILURE : EXIT_SUCCESS;
}
