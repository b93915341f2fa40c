/* gnt-os. */
#include "cli/gnt/gnt.h"

#include <string.h>

static int diagnose(struct cli *c, const char *const *fields, size_t n, json **ret, struct err *e)
{
	json *op = op_new(c, OP_os_diagnose), *wanted = json_new_array();

	for (size_t i = 0; i < n; i++)
		json_append(wanted, json_new_str(fields[i]));
	op_set(op, "output_fields", wanted);
	op_set(op, "names", json_new_array());
	return cli_exec(c, op, ret, e);
}

int cmd_os_list(struct cli *c, struct err *e)
{
	static const char *const fields[] = { "name", "variants" };
	static const struct ui_column cols[] = { { "Name", false } };
	struct strs names = { 0 };
	json *result;

	TRY(diagnose(c, fields, ARRAY_SIZE(fields), &result, e));
	json_items(result, i, row) {
		const char *name = json_str(json_at(row, 0));

		if (!json_len(json_at(row, 1)))
			strs_add(c->a, &names, name);
		json_items(json_at(row, 1), k, v)
			strs_add(c->a, &names, arena_printf(c->a, "%s+%s", name, json_str(v)));
	}
	if (cli_flag(c, "json"))
		cli_json(json_own(c->a, json_new_strs(&names)));
	else
		cli_table(cols, 1, &names, NULL, !cli_flag(c, "no_headers"));
	return EXIT_SUCCESS;
}

/* --- diagnose --- */

static const char *status_text(struct cli *c, const json *ok, const json *why)
{
	struct str s CLEANUP(str_free) = { 0 };

	if (json_boolean(ok, false))
		return "valid";
	ui_text(&s, why);
	return arena_printf(c->a, "invalid - %s", str_get(&s));
}

/* One definition on one node: [path, valid, reason, variants, parameters, API versions, trusted] */
static const char *definition(struct cli *c, const json *v)
{
	enum { PATH, VALID, WHY, VARIANTS, PARAMETERS, API, TRUSTED };
	struct str s CLEANUP(str_free) = { 0 };
	int64_t newest = 0;

	str_addf(&s, "%s (path: %s)", status_text(c, json_at(v, VALID), json_at(v, WHY)),
		 json_str(json_at(v, PATH)));
	json_items(json_at(v, API), i, api)
		if (json_int(api, 0) > newest)
			newest = json_int(api, 0);
	if (json_len(json_at(v, API)))
		str_addf(&s, " [API versions: %s]", json_str(info_join(c, json_at(v, API))));
	else
		str_add(&s, " [no API versions declared]");
	if (newest >= 15 && json_len(json_at(v, VARIANTS)))
		str_addf(&s, " [variants: %s]", json_str(info_join(c, json_at(v, VARIANTS))));
	else if (newest >= 15)
		str_add(&s, " [no variants]");
	if (newest >= 20 && json_len(json_at(v, PARAMETERS))) {
		str_add(&s, " [parameters: ");
		json_items(json_at(v, PARAMETERS), k, p)
			str_addf(&s, "%s%s", k ? ", " : "", json_str(json_at(p, 0)));
		str_addc(&s, ']');
	} else if (newest >= 20) {
		str_add(&s, " [no parameters]");
	}
	str_add(&s, json_boolean(json_at(v, TRUSTED), false) ? " [trusted]" : " [untrusted]");
	return arena_strdup(c->a, str_get(&s));
}

static void print_node(struct cli *c, const char *node, const json *found)
{
	cli_out("  Node: %s, status: %s", node,
		json_len(found) ? definition(c, json_at(found, 0)) : "OS not found");
	for (size_t i = 1; i < json_len(found); i++) {
		const json *v = json_at(found, i);

		cli_out("    [hidden] path: %s, status: %s", json_str(json_at(v, 0)),
			status_text(c, json_at(v, 1), json_at(v, 2)));
	}
}

static bool node_valid(const json *found)
{
	return json_boolean(json_at(json_at(found, 0), 1), false);
}

/* Returns whether all nodes have it in order. */
static bool print_os(struct cli *c, const json *row)
{
	enum { NAME, VALID, VARIANTS, NODES, HIDDEN, BLACKLISTED };
	const json *nodes = json_at(row, NODES);
	struct strs names = { 0 };
	size_t good = 0, bad = 0;

	json_each(nodes, node, found) {
		strs_add(c->a, &names, arena_strdup(c->a, node));
		if (node_valid(found))
			good++;
		else
			bad++;
	}
	strs_sort_nat(&names);
	cli_out("OS: %s [global status: %s]%s%s", json_str(json_at(row, NAME)),
		good && !bad ? "valid" :
		!good && bad ? "invalid" :
			       "partial valid",
		json_boolean(json_at(row, HIDDEN), false) ? " [hidden]" : "",
		json_boolean(json_at(row, BLACKLISTED), false) ? " [blacklisted]" : "");
	if (json_len(json_at(row, VARIANTS)))
		cli_out("  Variants: [%s]", json_str(info_join(c, json_at(row, VARIANTS))));
	for (int pass = 0; pass < 2; pass++) /* what is in order comes first */
		for (size_t i = 0; i < names.n; i++) {
			const json *found = json_get(nodes, names.v[i]);

			if (node_valid(found) == (pass == 0))
				print_node(c, names.v[i], found);
		}
	cli_out("%s", "");
	return good && !bad;
}

int cmd_os_diagnose(struct cli *c, struct err *e)
{
	static const char *const fields[] = { "name", "valid", "variants",
					      "node_status", "hidden", "blacklisted" };
	json *result;
	bool all = true;

	TRY(diagnose(c, fields, ARRAY_SIZE(fields), &result, e));
	if (cli_flag(c, "json")) {
		cli_json(result);
		return EXIT_SUCCESS;
	}
	json_items(result, i, row)
		all = print_os(c, row) && all;
	return all ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* --- info --- */

enum { I_NAME, I_VALID, I_VARIANTS, I_PARAMETERS, I_API, I_BLACKLISTED, I_HIDDEN, I_OS_HVP, I_OSPARAMS,
       I_TRUSTED };

static const char *yes_no(const json *v)
{
	return json_boolean(v, false) ? "True" : "False";
}

static void print_os_info(const json *row)
{
	cli_out("%s:", json_str(json_at(row, I_NAME)));
	cli_out("  - valid: %s", yes_no(json_at(row, I_VALID)));
	cli_out("  - hidden: %s", yes_no(json_at(row, I_HIDDEN)));
	cli_out("  - blacklisted: %s", yes_no(json_at(row, I_BLACKLISTED)));
	if (json_boolean(json_at(row, I_VALID), false)) {
		cli_out("  - API versions:");
		json_items(json_at(row, I_API), i, api)
			cli_out("    - %lld", (long long)json_int(api, 0));
		cli_out("  - variants:");
		json_items(json_at(row, I_VARIANTS), k, v)
			cli_out("    - %s", json_str(v));
		cli_out("  - parameters:");
		json_items(json_at(row, I_PARAMETERS), p, param)
			cli_out("    - %s: %s", json_str(json_at(param, 0)),
				json_str(json_at(param, 1)));
	}
	cli_out("  - trusted: %s", yes_no(json_at(row, I_TRUSTED)));
	cli_out("%s", "");
}

/* An OS that no node has may still have parameters in the configuration. */
static void print_missing(struct cli *c, const char *name, const json *hvp, const json *params)
{
	json *d = json_own(c->a, json_new_dict()), *inner;

	if (!json_has(hvp, name) && !json_has(params, name)) {
		cli_out("%s: \n", name);
		return;
	}
	inner = json_new_dict();
	json_set(inner, "OS-specific hypervisor parameters",
		 json_has(hvp, name) ? ui_sorted(json_get(hvp, name)) : json_new_dict());
	json_set(inner, "OS parameters",
		 json_has(params, name) ? ui_sorted(json_get(params, name)) : json_new_dict());
	json_set(d, name, inner);
	info_print(c, json_own(c->a, json_pack("[O]", d)));
	cli_out("%s", "");
}

int cmd_os_info(struct cli *c, struct err *e)
{
	static const char *const fields[] = { "name", "valid", "variants", "parameters",
					      "api_versions", "blacklisted", "hidden", "os_hvp",
					      "osparams", "trusted" };
	json *hvp = json_own(c->a, json_new_dict()), *params = json_own(c->a, json_new_dict());
	json *result;
	struct strs seen = { 0 };

	TRY(diagnose(c, fields, ARRAY_SIZE(fields), &result, e));
	if (cli_flag(c, "json")) {
		cli_json(result);
		return EXIT_SUCCESS;
	}
	json_items(result, i, row) {
		const char *name = json_str(json_at(row, I_NAME));

		json_merge(hvp, json_at(row, I_OS_HVP));
		json_merge(params, json_at(row, I_OSPARAMS));
		if (c->args.n && !strs_has(&c->args, name))
			continue;
		strs_add(c->a, &seen, name);
		print_os_info(row);
	}
	for (size_t i = 0; i < c->args.n; i++)
		if (!strs_has(&seen, c->args.v[i]))
			print_missing(c, c->args.v[i], hvp, params);
	return EXIT_SUCCESS;
}

/* --- modify --- */

/* {NAME: V}, nothing for an empty V */
static void set_of_os(json *op, const char *param, const char *name, const json *v)
{
	if (json_len(v))
		op_set(op, param, json_pack("{s:O}", name, v));
}

/* [["add" or "remove", NAME]] by a yes|no option */
static void set_listed(json *op, const char *param, const char *name, const json *v)
{
	if (v)
		op_set(op, param,
		       json_pack("[[s, s]]",
				 enum_name(&enum_ddm, json_boolean(v, false) ? ddm_add : ddm_remove), name));
}

int cmd_os_modify(struct cli *c, struct err *e)
{
	json *op = op_new(c, OP_cluster_set_params);
	const char *name = c->args.v[0];
	size_t none = json_len(op);

	set_of_os(op, "os_hvp", name, params_pairs(c, cli_opt(c, "hvparams")));
	set_of_os(op, "osparams", name, cli_opt(c, "osparams"));
	set_of_os(op, "osparams_private_cluster", name, cli_opt(c, "osparams_private"));
	set_listed(op, "hidden_os", name, cli_opt(c, "hidden"));
	set_listed(op, "blacklisted_os", name, cli_opt(c, "blacklisted"));
	if (json_len(op) == none) {
		cli_warn("At least one of OS parameters or hypervisor parameters must be passed");
		return EXIT_FAILURE;
	}
	TRY(cli_submit(c, op, NULL, e));
	return EXIT_SUCCESS;
}
