/* gnt-group: add, modify, info, show-ispecs-cmd. */
#include "cli/gnt/gnt.h"

#include <string.h>

const char *group_format(struct arena *a, const char *field, const json *v)
{
	struct str s CLEANUP(str_free) = { 0 };

	if (strcmp(field, "ndparams") != 0 || !json_is(v, JSON_DICT))
		return NULL;
	json_each(v, key, item) {
		str_addf(&s, "%s%s=", s.len ? ", " : "", key);
		ui_text(&s, item);
	}
	return arena_strdup(a, str_get(&s));
}

/* The parameters of --node-parameters and --disk-parameters stay text: "default" takes one away, and the
 * master knows their types. */
static int settings(struct cli *c, bool dflt, json *op, struct err *e)
{
	json *policy;

	TRY(params_ipolicy(c, false, dflt, &policy, e));
	TRY(coerce_states(c, e));
	json_set(c->opts, "diskparams", json_ref(params_pairs(c, cli_opt(c, "diskparams"))));
	json_set(c->opts, "ipolicy", json_ref(policy));
	op_from_opts(c, op);
	op_set(op, "group_name", json_new_str(c->args.v[0]));
	return 0;
}

int cmd_group_add(struct cli *c, struct err *e)
{
	json *op = op_new(c, OP_group_add), *result = NULL;

	TRY(settings(c, false, op, e));
	TRY(cli_submit(c, op, &result, e));
	return cli_follow(c, result, e);
}

int cmd_group_modify(struct cli *c, struct err *e)
{
	json *op = op_new(c, OP_group_set_params), *result = NULL;

	TRY(settings(c, true, op, e));
	TRY(cli_submit(c, op, &result, e));
	if (json_len(result))
		print_changes(c, "node group", result);
	return EXIT_SUCCESS;
}

/* --- info --- */

enum { F_NAME, F_NDPARAMS, F_OWN_NDPARAMS, F_DISKPARAMS, F_OWN_DISKPARAMS, F_IPOLICY, F_OWN_IPOLICY };

static json *group_info(struct cli *c, const json *row)
{
	json *d = json_new_dict();

	json_set(d, "Node group", json_ref(json_at(row, F_NAME)));
	json_set(d, "Node parameters",
		 json_ref(info_params(c, json_at(row, F_OWN_NDPARAMS), json_at(row, F_NDPARAMS))));
	json_set(d, "Disk parameters",
		 json_ref(info_params(c, json_at(row, F_OWN_DISKPARAMS), json_at(row, F_DISKPARAMS))));
	json_set(d, "Instance policy",
		 json_ref(info_ipolicy(c, json_at(row, F_OWN_IPOLICY), json_at(row, F_IPOLICY))));
	return d;
}

int cmd_group_info(struct cli *c, struct err *e)
{
	json *rows, *list = json_own(c->a, json_new_array());

	TRY(cli_call(c, LUXI_QueryGroups,
		     json_pack("[o, [s, s, s, s, s, s, s], b]", json_new_strs(&c->args), "name",
			       "ndparams", "custom_ndparams", "diskparams", "custom_diskparams",
			       "ipolicy", "custom_ipolicy", 0),
		     &rows, e));
	json_items(rows, i, row)
		json_append(list, group_info(c, row));
	info_print(c, list);
	return EXIT_SUCCESS;
}

/* --- show-ispecs-cmd --- */

/* "a=1,b=2" in the order of the keys */
static void specs(struct cli *c, struct str *out, const json *d)
{
	struct strs keys = json_keys(c->a, d);

	for (size_t i = 0; i < keys.n; i++) {
		str_addf(out, "%s%s=", i ? "," : "", keys.v[i]);
		ui_text(out, json_get(d, keys.v[i]));
	}
}

const char *ispecs_options(struct cli *c, const json *policy, bool cluster)
{
	struct str s CLEANUP(str_free) = { 0 };
	bool first = true;

	if (cluster && json_len(json_get(policy, "std"))) {
		str_add(&s, " --ipolicy-std-specs ");
		specs(c, &s, json_get(policy, "std"));
	}
	json_items(json_get(policy, "minmax"), i, range) {
		if (!json_len(json_get(range, "min")) || !json_len(json_get(range, "max")))
			continue;
		str_add(&s, first ? " --ipolicy-bounds-specs min:" : "//min:");
		specs(c, &s, json_get(range, "min"));
		str_add(&s, "/max:");
		specs(c, &s, json_get(range, "max"));
		first = false;
	}
	return arena_strdup(c->a, str_get(&s));
}

int cmd_group_show_ispecs_cmd(struct cli *c, struct err *e)
{
	json *rows;

	TRY(cli_call(c, LUXI_QueryGroups,
		     json_pack("[o, [s, s], b]", json_new_strs(&c->args), "name",
			       cli_flag(c, "include_defaults") ? "ipolicy" : "custom_ipolicy", 0),
		     &rows, e));
	json_items(rows, i, row)
		cli_out("gnt-group add%s %s", ispecs_options(c, json_at(row, 1), false),
			json_str(json_at(row, 0)));
	return EXIT_SUCCESS;
}
