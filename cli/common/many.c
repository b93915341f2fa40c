/* Commands on many instances: selection, confirmation, one job each. */
#include "cli/common/common.h"

#include <string.h>

/* How --node, --tags and so on choose. The words are those of options.def. */
enum by { BY_ALL, BY_NAME, BY_TAG, BY_NODE, BY_NODE_TAG };
static const struct {
	const char *mode;
	enum by by;
	bool primary, secondary;
	const char *missing; /* message when there is no argument */
} modes[] = {
	{ "cluster", BY_ALL, false, false, NULL },
	{ "instances", BY_NAME, false, false, "No instance names passed" },
	{ "instances-by-tags", BY_TAG, false, false, "No instance tags passed" },
	{ "nodes", BY_NODE, true, true, "No node names passed" },
	{ "nodes-pri", BY_NODE, true, false, "No node names passed" },
	{ "nodes-sec", BY_NODE, false, true, "No node names passed" },
	{ "nodes-by-tags", BY_NODE_TAG, true, true, "No node tags passed" },
	{ "nodes-pri-by-tags", BY_NODE_TAG, true, false, "No node tags passed" },
	{ "nodes-sec-by-tags", BY_NODE_TAG, false, true, "No node tags passed" },
};

static const char *mode_of(const struct cli *c)
{
	const char *mode = cli_str(c, "multi_mode");

	return mode ? mode : "instances";
}

static bool has_tag(const json *tags, const struct strs *wanted)
{
	json_items(tags, i, t)
		if (json_str(t) && strs_has(wanted, json_str(t)))
			return true;
	return false;
}

static void add_names(struct cli *c, struct strs *to, const json *names)
{
	json_items(names, i, n)
		strs_add(c->a, to, json_str(n));
}

static int by_instance(struct cli *c, enum by by, struct strs *ret, struct err *e)
{
	struct strs none = { 0 };
	json *names = json_new_strs(by == BY_NAME ? &c->args : &none), *rows;

	TRY(cli_call(c, LUXI_QueryInstances, json_pack("[o, [s, s], b]", names, "name", "tags", 0),
		     &rows, e));
	json_items(rows, i, row)
		if (by != BY_TAG || has_tag(json_at(row, 1), &c->args))
			strs_add(c->a, ret, json_str(json_at(row, 0)));
	return 0;
}

static int by_node(struct cli *c, size_t m, struct strs *ret, struct err *e)
{
	struct strs none = { 0 };
	bool tags = modes[m].by == BY_NODE_TAG;
	json *names = json_new_strs(tags ? &none : &c->args), *rows;

	TRY(cli_call(c, LUXI_QueryNodes,
		     json_pack("[o, [s, s, s, s], b]", names, "name", "pinst_list", "sinst_list",
			       "tags", 0),
		     &rows, e));
	json_items(rows, i, row) {
		if (tags && !has_tag(json_at(row, 3), &c->args))
			continue;
		if (modes[m].primary)
			add_names(c, ret, json_at(row, 1));
	}
	json_items(rows, j, row) {
		if (tags && !has_tag(json_at(row, 3), &c->args))
			continue;
		if (modes[m].secondary)
			add_names(c, ret, json_at(row, 2));
	}
	return 0;
}

int many_select(struct cli *c, struct strs *ret, struct err *e)
{
	const char *mode = mode_of(c);
	size_t m = 0;

	while (m < ARRAY_SIZE(modes) - 1 && strcmp(modes[m].mode, mode) != 0)
		m++;
	if (modes[m].by == BY_ALL && c->args.n)
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "Cluster filter mode takes no arguments");
	if (modes[m].missing && !c->args.n)
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "%s", modes[m].missing);
	if (modes[m].by == BY_NODE || modes[m].by == BY_NODE_TAG)
		return by_node(c, m, ret, e);
	return by_instance(c, modes[m].by, ret, e);
}

bool many_confirm(struct cli *c, const struct strs *names, const char *what, const char *text,
		  const char *extra)
{
	const char *msg = arena_printf(c->a, "The %s will operate on %zu %s.\n%sDo you want to continue?",
				       text, names->n, what, extra);
	const char *affected = arena_printf(c->a, "%s\nAffected %s:\n  %s", msg, what,
					    strs_join(c->a, names, "\n  "));
	const struct ui_choice yes = { "y", arena_printf(c->a, "Yes, execute the %s", text) };
	const struct ui_choice no = { "n", arena_printf(c->a, "No, abort the %s", text) };
	const struct ui_choice view = { "v", arena_printf(c->a, "View the list of affected %s",
							  what) };
	const struct ui_choice three[] = { yes, view, no }, two[] = { yes, no };
	size_t answer;

	if (names->n <= 20)
		return ui_ask(affected, two, 2) == 0;
	answer = ui_ask(msg, three, 3);
	return answer == 1 ? ui_ask(affected, two, 2) == 0 : answer == 0;
}

/* Start and reboot take only the parameters that were given. */
static void drop_empty(json *op)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct strs keys = json_keys(a, op);

	for (size_t i = 0; i < keys.n; i++) {
		const json *v = json_get(op, keys.v[i]);

		if (json_is(v, JSON_DICT) && json_len(v) == 0)
			json_del(op, keys.v[i]);
	}
}

int cli_many(struct cli *c, struct err *e)
{
	bool all = strcmp(mode_of(c), "cluster") == 0, many, ok;
	struct strs names = { 0 };
	struct jobs *jobs;

	TRY(many_select(c, &names, e));
	if (!names.n && all) {
		cli_out("Cluster is empty, no instances to shutdown");
		return EXIT_SUCCESS;
	}
	if (!names.n)
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Selection filter does not match any instances");
	many = strcmp(mode_of(c), "instances") != 0 || names.n > 1;
	if (many && !cli_flag(c, "force_multi") &&
	    !many_confirm(c, &names, "instances", c->cmd->name, ""))
		return EXIT_FAILURE;
	jobs = jobs_new(c, many);
	for (size_t i = 0; i < names.n; i++) {
		json *op = op_new(c, c->cmd->op);

		op_from_opts(c, op);
		drop_empty(op);
		op_set(op, "instance_name", json_new_str(names.v[i]));
		jobs_queue(jobs, names.v[i], json_pack("[O]", op));
	}
	TRY(jobs_wait_or_show(jobs, !cli_flag(c, "submit_only"), &ok, e));
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
