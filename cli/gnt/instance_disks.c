/* gnt-instance: commands about disks, and batch-create. */
#include "cli/gnt/gnt.h"

#include "lib/base/parse.h"

#include <string.h>

#define DEFINITIONS_MAX (64u << 20)

static int invalid(struct err *e, const char *msg)
{
	return err_set(e, ERR_PREREQ, ECODE_INVAL, "%s", msg);
}

/* What Python's int() makes of TEXT, and says otherwise. */
static int index_of(struct cli *c, const char *text, const char *what, int64_t *ret, struct err *e)
{
	struct str s CLEANUP(str_free) = { 0 };

	if (parse_int(str_strip(c->a, text), ret) == 0)
		return 0;
	ui_repr_str(&s, text);
	return err_set(e, ERR_PREREQ, ECODE_INVAL, "%s: invalid literal for int() with base 10: %s",
		       what, str_get(&s));
}

int cmd_instance_activate_disks(struct cli *c, struct err *e)
{
	json *op = op_new(c, OP_instance_activate_disks), *result;

	op_from_opts(c, op);
	op_set(op, "instance_name", json_new_str(c->args.v[0]));
	TRY(cli_submit(c, op, &result, e));
	json_items(result, i, disk)
		cli_out("%s:%s:%s", json_str(info_text(c, json_at(disk, 0))),
			json_str(info_text(c, json_at(disk, 1))),
			json_str(info_text(c, json_at(disk, 2))));
	return EXIT_SUCCESS;
}

int cmd_instance_grow_disk(struct cli *c, struct err *e)
{
	json *op = op_new(c, OP_instance_grow_disk);
	struct err why CLEANUP(err_clear) = ERR_NONE;
	int64_t disk, amount;

	TRY(index_of(c, c->args.v[1], "Invalid disk index", &disk, e));
	if (parse_unit(c->args.v[2], &amount, &why) < 0)
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "Can't parse the given amount '%s'",
			       c->args.v[2]);
	op_from_opts(c, op);
	op_set(op, "instance_name", json_new_str(c->args.v[0]));
	op_set(op, "disk", json_new_int(disk));
	op_set(op, "amount", json_new_int(amount));
	TRY(cli_submit(c, op, NULL, e));
	return EXIT_SUCCESS;
}

int cmd_instance_recreate_disks(struct cli *c, struct err *e)
{
	json *op = op_new(c, OP_instance_recreate_disks), *disks;
	const char *pair = cli_str(c, "node");

	TRY(mods_recreate(c, cli_opt(c, "disks"), &disks, e));
	if (pair && cli_str(c, "iallocator"))
		return invalid(e, "At most one of either --nodes or --iallocator can be passed");
	json_set(c->opts, "disks", json_ref(disks));
	op_from_opts(c, op);
	op_set(op, "instance_name", json_new_str(c->args.v[0]));
	if (pair) {
		const char *colon = strchr(pair, ':');
		json *nodes = json_new_array();

		json_append(nodes, colon ? json_new_strn(pair, (size_t)(colon - pair)) : json_new_str(pair));
		if (colon)
			json_append(nodes, json_new_str(colon + 1));
		op_set(op, "nodes", nodes);
	}
	TRY(cli_submit(c, op, NULL, e));
	return EXIT_SUCCESS;
}

int cmd_instance_replace_disks(struct cli *c, struct err *e)
{
	const char *indices = cli_str(c, "disk_indices");
	bool elsewhere = cli_opt(c, "remote_node") || cli_opt(c, "iallocator");
	json *disks = json_new_array();
	enum replace_disks_mode mode = replace_disks_mode_replace_new_secondary;
	struct strs l = { 0 };

	json_set(c->opts, "disks", disks);
	if (indices)
		l = strs_split(c->a, indices, ',');
	for (size_t i = 0; i < l.n; i++) {
		int64_t n;

		TRY(index_of(c, l.v[i], "Invalid disk index passed", &n, e));
		json_append(disks, json_new_int(n));
	}
	if (cli_flag(c, "on_primary") + cli_flag(c, "on_secondary") + cli_flag(c, "auto") +
		    (cli_opt(c, "remote_node") != NULL) + (cli_opt(c, "iallocator") != NULL) !=
	    1)
		return invalid(e, "One and only one of the -p, -s, -a, -n and -I options must be passed");
	if (cli_flag(c, "on_primary"))
		mode = replace_disks_mode_replace_on_primary;
	else if (cli_flag(c, "on_secondary"))
		mode = replace_disks_mode_replace_on_secondary;
	else if (!elsewhere)
		mode = replace_disks_mode_replace_auto;
	if (cli_flag(c, "auto") && l.n)
		return invalid(e, "Cannot specify disks when using automatic mode");
	json_set(c->opts, "mode", json_new_str(enum_name(&enum_replace_disks_mode, mode)));
	return cli_run_op(c, e);
}

/* --- batch-create --- */

static bool is_list_of_dicts(const json *list)
{
	json_items(list, i, item)
		if (!json_is(item, JSON_DICT))
			return false;
	return json_is(list, JSON_ARRAY);
}

/* Definition number I as opcode, every parameter checked and there. */
static int definition(struct cli *c, size_t i, const json *in, json **ret, struct err *e)
{
	const struct record *r = opcode_record(OP_instance_create);
	json *op = op_new(c, OP_instance_create);
	struct strs unknown = { 0 };
	enum opcode code;
	void *parsed;

	json_each(in, key, v) {
		if (record_field(r, key))
			op_set_ref(op, key, v);
		else
			strs_add(c->a, &unknown, arena_strdup(c->a, key));
	}
	if (unknown.n)
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "Unknown fields in definition %zu: %s", i,
			       strs_join(c->a, &unknown, ", "));
	TRY(opcode_parse(c->a, op, &code, &parsed, e));
	*ret = json_own(c->a, opcode_emit(code, parsed, false));
	return 0;
}

int cmd_instance_batch_create(struct cli *c, struct err *e)
{
	struct err why CLEANUP(err_clear) = ERR_NONE;
	json *list = NULL, *instances = json_new_array();
	char *text CLEANUP(freep) = NULL;
	size_t n;
	int r;

	json_set(c->opts, "instances", instances);
	r = fs_read(c->args.v[0], DEFINITIONS_MAX, &text, &n);
	if (r < 0)
		err_sys(&why, r, "cannot read '%s'", c->args.v[0]);
	if (r < 0 || json_parse(text, n, &list, &why) < 0) {
		cli_warn("Can't parse the instance definition file: %s", err_msg(&why));
		return EXIT_FAILURE;
	}
	json_own(c->a, list);
	if (!is_list_of_dicts(list)) {
		cli_warn("The instance definition file is not List of Dictionary");
		return EXIT_FAILURE;
	}
	json_items(list, i, in) {
		json *op = NULL;

		TRY(definition(c, i, in, &op, e));
		json_append(instances, json_ref(op));
	}
	c->args.n = 0; /* the file is no argument of the opcode */
	return cli_run_op(c, e);
}
