/* gnt-storage. */
#include "cli/gnt/gnt.h"

#include <string.h>

static int diagnose(struct cli *c, json *fields, json **ret, struct err *e)
{
	json *op = op_new(c, OP_ext_storage_diagnose);

	op_set(op, "output_fields", fields);
	op_set(op, "names", json_new_array());
	return cli_exec(c, op, ret, e);
}

/* Keys of D whose value is (not) true, sorted as people expect. */
static struct strs keys_that(struct cli *c, const json *d, bool wanted)
{
	struct strs l = { 0 };

	json_each(d, key, v)
		if (json_boolean(v, false) == wanted)
			strs_add(c->a, &l, arena_strdup(c->a, key));
	strs_sort_nat(&l);
	return l;
}

/* --- diagnose --- */

/* What a node found: the first of [path, valid, reason, parameters]. */
static const char *definition(struct cli *c, const json *v)
{
	enum { PATH, VALID, WHY, PARAMETERS };
	struct str s CLEANUP(str_free) = { 0 };

	if (json_boolean(json_at(v, VALID), false))
		str_add(&s, "valid");
	else
		str_addf(&s, "invalid - %s", json_str(info_text(c, json_at(v, WHY))));
	str_addf(&s, " (path: %s)", json_str(info_text(c, json_at(v, PATH))));
	if (!json_len(json_at(v, PARAMETERS)))
		return arena_printf(c->a, "%s [no parameters]", str_get(&s));
	str_add(&s, " [parameters: ");
	json_items(json_at(v, PARAMETERS), i, p)
		str_addf(&s, "%s%s", i ? ", " : "", json_str(info_text(c, json_at(p, 0))));
	str_addc(&s, ']');
	return arena_strdup(c->a, str_get(&s));
}

static void print_nodes(struct cli *c, const json *nodes)
{
	struct strs names = { 0 };

	json_each(nodes, node, found) {
		(void)found;
		strs_add(c->a, &names, arena_strdup(c->a, node));
	}
	strs_sort_nat(&names);
	for (int pass = 0; pass < 2; pass++) /* what is in order comes first */
		for (size_t i = 0; i < names.n; i++) {
			const json *found = json_at(json_get(nodes, names.v[i]), 0);

			if (json_boolean(json_at(found, 1), false) == (pass == 0))
				cli_out("  Node: %s, status: %s", names.v[i],
					found ? definition(c, found) : "ExtStorage provider not found");
		}
}

int cmd_storage_diagnose(struct cli *c, struct err *e)
{
	json *result;

	TRY(diagnose(c, json_pack("[s, s, s]", "name", "node_status", "nodegroup_status"), &result, e));
	if (cli_flag(c, "json")) {
		cli_json(result);
		return EXIT_SUCCESS;
	}
	if (!json_len(result)) {
		cli_warn("Can't get the list of ExtStorage providers");
		return EXIT_FAILURE;
	}
	json_items(result, i, row) {
		cli_out("Provider: %s\n---", json_str(json_at(row, 0)));
		print_nodes(c, json_at(row, 1));
		cli_out("  --");
		for (int valid = 1; valid >= 0; valid--) {
			struct strs groups = keys_that(c, json_at(row, 2), valid);

			for (size_t k = 0; k < groups.n; k++)
				cli_out("  For nodegroup: %s --> %s", groups.v[k],
					valid ? "valid" : "invalid");
		}
		cli_out("%s", "");
	}
	return EXIT_SUCCESS;
}

/* --- info --- */

static void print_provider(struct cli *c, const json *row)
{
	struct strs groups = keys_that(c, json_at(row, 1), true);

	cli_out("%s:", json_str(json_at(row, 0)));
	if (!groups.n)
		cli_out("  - Invalid for all nodegroups");
	else
		cli_out("  - Valid for nodegroups:");
	for (size_t i = 0; i < groups.n; i++)
		cli_out("      %s", groups.v[i]);
	if (groups.n)
		cli_out("  - Supported parameters:");
	json_items(groups.n ? json_at(row, 2) : NULL, k, p)
		cli_out("      %s: %s", json_str(info_text(c, json_at(p, 0))),
			json_str(info_text(c, json_at(p, 1))));
	cli_out("%s", "");
}

int cmd_storage_info(struct cli *c, struct err *e)
{
	struct strs seen = { 0 };
	json *result;

	TRY(diagnose(c, json_pack("[s, s, s]", "name", "nodegroup_status", "parameters"), &result, e));
	if (cli_flag(c, "json")) {
		cli_json(result);
		return EXIT_SUCCESS;
	}
	if (!json_len(result)) {
		cli_warn("Can't get the ExtStorage providers list");
		return EXIT_FAILURE;
	}
	json_items(result, i, row) {
		const char *name = json_str(json_at(row, 0));

		if (c->args.n && !strs_has(&c->args, name))
			continue;
		strs_add(c->a, &seen, name);
		print_provider(c, row);
	}
	for (size_t i = 0; i < c->args.n; i++)
		if (!strs_has(&seen, c->args.v[i]))
			cli_out("%s: Not Found\n", c->args.v[i]);
	return EXIT_SUCCESS;
}
