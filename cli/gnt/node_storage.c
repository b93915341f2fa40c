/* gnt-node: volumes, storage, DRBD minors. */
#include "cli/gnt/gnt.h"

#include "lib/base/parse.h"

#include <string.h>

/* Columns of volumes and list-storage. Another field is its own title. */
static const struct column {
	const char *field, *title;
	bool size;
} volume_columns[] = { { "node", "Node", false },   { "phys", "PhysDev", false },
		       { "vg", "VG", false },	    { "name", "Name", false },
		       { "size", "Size", true },    { "instance", "Instance", false } },
  storage_columns[] = { { "node", "Node", false }, { "type", "Type", false },
			{ "name", "Name", false }, { "size", "Size", true },
			{ "used", "Used", true },  { "free", "Free", true },
			{ "allocatable", "Allocatable", false } };

/* Python takes text that looks like a number for one. */
static const char *size_text(struct cli *c, const char *text, char units)
{
	char *s CLEANUP(freep) = NULL;
	int64_t n;

	if (parse_int(text, &n) < 0)
		return text;
	s = format_unit((double)n, units);
	return arena_strdup(c->a, s);
}

static const struct column *column(const struct column *cols, size_t n, const char *field)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(cols[i].field, field) == 0)
			return &cols[i];
	return NULL;
}

static void print(struct cli *c, const struct column *known, size_t n_known, const struct strs *fields,
		  const json *rows)
{
	const char *separator = cli_str(c, "separator"), *units = cli_str(c, "units");
	struct ui_column *cols = ARENA_ARRAY(c->a, struct ui_column, fields->n);
	char unit = units ? *units : separator && *separator ? 'm' : 'h';
	struct strs cells = { 0 };

	for (size_t i = 0; i < fields->n; i++) {
		const struct column *k = column(known, n_known, fields->v[i]);

		cols[i] = (struct ui_column){ k ? k->title : fields->v[i], k && k->size };
	}
	json_items(rows, r, row)
		for (size_t i = 0; i < fields->n; i++) {
			struct str s CLEANUP(str_free) = { 0 };
			const char *text;

			ui_text(&s, json_at(row, i));
			text = arena_strdup(c->a, str_get(&s));
			strs_add(c->a, &cells, cols[i].numeric ? size_text(c, text, unit) : text);
		}
	cli_table(cols, fields->n, &cells, separator, !cli_flag(c, "no_headers"));
}

static int print_json(const struct strs *fields, const json *rows)
{
	json *list CLEANUP(json_putp) = json_new_array();

	json_items(rows, r, row) {
		json *d = json_new_dict();

		for (size_t i = 0; i < fields->n; i++)
			json_set(d, fields->v[i], json_ref(json_at(row, i)));
		json_append(list, d);
	}
	cli_json(list);
	return EXIT_SUCCESS;
}

int cmd_node_volumes(struct cli *c, struct err *e)
{
	json *op = op_new(c, OP_node_queryvols), *rows;
	struct strs fields = cli_fields(c);

	op_set(op, "nodes", json_new_strs(&c->args));
	op_set(op, "output_fields", json_new_strs(&fields));
	TRY(cli_exec(c, op, &rows, e));
	if (cli_flag(c, "json"))
		return print_json(&fields, rows);
	print(c, volume_columns, ARRAY_SIZE(volume_columns), &fields, rows);
	return EXIT_SUCCESS;
}

int cmd_node_list_storage(struct cli *c, struct err *e)
{
	json *op = op_new(c, OP_node_query_storage), *rows, *shown = json_own(c->a, json_new_array());
	struct strs fields = cli_fields(c);

	op_from_opts(c, op);
	op_set(op, "nodes", json_new_strs(&c->args));
	op_set(op, "output_fields", json_new_strs(&fields));
	TRY(cli_exec(c, op, &rows, e));
	if (cli_flag(c, "json"))
		return print_json(&fields, rows);
	json_items(rows, r, row) {
		json *out = json_new_array();

		json_append(shown, out);
		for (size_t i = 0; i < fields.n; i++)
			json_append(out, strcmp(fields.v[i], "allocatable") != 0 ?
						 json_ref(json_at(row, i)) :
						 json_new_str(json_boolean(json_at(row, i), false) ? "Y" : "N"));
	}
	print(c, storage_columns, ARRAY_SIZE(storage_columns), &fields, shown);
	return EXIT_SUCCESS;
}

/* NODE TYPE NAME of modify-storage and repair-storage. */
static int storage_unit(struct cli *c, json *op, struct err *e)
{
	const char *type = c->args.v[1];
	struct strs known = opt_choices(&opt_storage_type, c->a);

	if (!strs_has(&known, type))
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "Unknown storage type: %s", type);
	op_from_opts(c, op);
	op_set(op, "node_name", json_new_str(c->args.v[0]));
	op_set(op, "storage_type", json_new_str(type));
	op_set(op, "name", json_new_str(c->args.v[2]));
	return 0;
}

int cmd_node_modify_storage(struct cli *c, struct err *e)
{
	json *op = op_new(c, OP_node_modify_storage);

	TRY(storage_unit(c, op, e));
	if (!cli_opt(c, "allocatable")) {
		cli_warn("No changes to perform, exiting.");
		return EXIT_SUCCESS;
	}
	op_set(op, "changes", json_pack("{s:O}", "allocatable", cli_opt(c, "allocatable")));
	TRY(cli_submit(c, op, NULL, e));
	return EXIT_SUCCESS;
}

int cmd_node_repair_storage(struct cli *c, struct err *e)
{
	json *op = op_new(c, OP_repair_node_storage);

	TRY(storage_unit(c, op, e));
	TRY(cli_submit(c, op, NULL, e));
	return EXIT_SUCCESS;
}

int cmd_node_list_drbd(struct cli *c, struct err *e)
{
	return err_set(e, ERR_PREREQ, ECODE_ENVIRON,
		       "The minors of node %s are known to the configuration daemon (ganeti-confd), which "
		       "this version does not have yet",
		       c->args.v[0]);
}
