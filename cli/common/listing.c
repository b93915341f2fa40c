/* list and list-fields for every resource. */
#include "cli/common/common.h"

#include "lib/base/parse.h"

#include <string.h>
#include <unistd.h>

/* Result states of a cell and how they print (upstream: RSS_DESCRIPTION). */
enum { RS_NORMAL, RS_UNKNOWN, RS_NODATA, RS_UNAVAIL, RS_OFFLINE };
static const char *const state_texts[][2] = {
	[RS_NORMAL] = { "", "" },        [RS_UNKNOWN] = { "??", "(unknown)" },
	[RS_NODATA] = { "?", "(nodata)" }, [RS_UNAVAIL] = { "-", "(unavail)" },
	[RS_OFFLINE] = { "*", "(offline)" },
};

/* Kinds of fields: the wire word, its name in list-fields, whether numbers are aligned right. */
static const struct {
	const char *wire, *title;
	bool numeric;
} kinds[] = {
	{ "unknown", "Unknown", false },   { "text", "Text", false },
	{ "bool", "Boolean", false },      { "number", "Number", true },
	{ "float", "Floating-point number", true }, { "unit", "Storage size", true },
	{ "timestamp", "Timestamp", false }, { "other", "Custom", false },
};

static bool is_joined(const struct command *cmd, const char *field)
{
	const char *p = cmd->joined;
	size_t n = strlen(field);

	for (; p && *p; p += strcspn(p, ","), p += *p == ',')
		if (strncmp(p, field, n) == 0 && (p[n] == ',' || !p[n]))
			return true;
	return false;
}

static const char *joined(struct arena *a, const json *v)
{
	struct str s CLEANUP(str_free) = { 0 };

	json_items(v, i, item) {
		if (i)
			str_addc(&s, ',');
		ui_text(&s, item);
	}
	return arena_strdup(a, str_get(&s));
}

static const char *unit_text(struct arena *a, const json *v, char units)
{
	char *s CLEANUP(freep) = format_unit(json_float(v, 0), units);

	return arena_strdup(a, s);
}

const char *cli_state(int64_t status, bool verbose)
{
	return state_texts[status > 0 && status <= RS_OFFLINE ? status : RS_NODATA][verbose];
}

struct listing {
	struct cli *c;
	const json *fields;  /* definitions */
	char units;
	bool verbose;
};

static const char *cell_text(struct listing *l, size_t i, const json *cell)
{
	const json *def = json_at(l->fields, i), *v = json_at(cell, 1);
	const char *kind = json_get_str(def, "kind"), *name = json_get_str(def, "name"), *text;
	int64_t state = json_int(json_at(cell, 0), RS_NODATA);
	struct str s CLEANUP(str_free) = { 0 };
	struct arena *a = l->c->a;

	if (state != RS_NORMAL)
		return cli_state(state, l->verbose);
	if (l->c->cmd->format && name) {
		text = l->c->cmd->format(a, name, v);
		if (text)
			return text;
	}
	if (name && json_is(v, JSON_ARRAY) && is_joined(l->c->cmd, name))
		return joined(a, v);
	if (str_eq(kind, "unit"))
		return unit_text(a, v, l->units);
	if (str_eq(kind, "bool"))
		return json_boolean(v, false) ? "Y" : "N";
	if (str_eq(kind, "timestamp") && (json_is(v, JSON_INT) || json_is(v, JSON_FLOAT)))
		ui_time(&s, json_float(v, 0), -1);
	else if (str_eq(kind, "timestamp"))
		str_add(&s, "N/A");
	else
		ui_text(&s, v);
	return arena_strdup(a, str_get(&s));
}

static bool numeric_kind(const char *kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (str_eq(kinds[i].wire, kind))
			return kinds[i].numeric;
	return false;
}

/* States of instances and jobs. */
static const char *paint(size_t column, const char *cell)
{
	(void)column;
	if (str_starts(cell, "ERROR_") || strcmp(cell, "error") == 0)
		return "\033[31m";
	if (strcmp(cell, "running") == 0 || strcmp(cell, "success") == 0)
		return "\033[32m";
	if (strcmp(cell, "waiting") == 0 || strcmp(cell, "canceling") == 0)
		return "\033[33m";
	return NULL;
}

static void print_table(const struct ui_column *cols, size_t n, const struct strs *cells,
			const char *separator, bool headers)
{
	struct ui_table t = { .cols = cols, .n = n, .cells = cells, .separator = separator,
			      .headers = headers };
	struct str out CLEANUP(str_free) = { 0 };

	if (ui_color(STDOUT_FILENO))
		t.paint = paint;
	ui_table(&out, &t);
	cli_write(&out);
}

void cli_print_query(struct cli *c, const json *result, bool headers)
{
	const char *separator = cli_str(c, "separator"), *units = cli_str(c, "units");
	struct listing l = { .c = c, .fields = json_get(result, "fields"),
			     .units = units ? *units : separator && *separator ? 'm' : 'h',
			     .verbose = cli_flag(c, "verbose") };
	size_t n = json_len(l.fields), rows = json_len(json_get(result, "data"));
	struct ui_column *cols = ARENA_ARRAY(c->a, struct ui_column, n);
	struct strs cells = { ARENA_ARRAY(c->a, const char *, n * rows), 0 };

	json_items(l.fields, i, def) {
		cols[i].title = json_get_str(def, "title");
		cols[i].numeric = !is_joined(c->cmd, json_get_str(def, "name")) &&
				  numeric_kind(json_get_str(def, "kind"));
	}
	json_items(json_get(result, "data"), r, row)
		for (size_t i = 0; i < n; i++)
			cells.v[cells.n++] = cell_text(&l, i, json_at(row, i));
	print_table(cols, n, &cells, separator, headers);
}

/* Data for programs: [{field: value or null}]. */
static void print_json(const json *result)
{
	json *list CLEANUP(json_putp) = json_new_array();
	json *fields = json_get(result, "fields");

	json_items(json_get(result, "data"), r, row) {
		json *d = json_new_dict();

		json_items(fields, i, def)
			json_set(d, json_get_str(def, "name"),
				 json_ref(json_at(json_at(row, i), 1)));
		json_append(list, d);
	}
	cli_json(list);
}

/* Are there fields the master does not know? Says so. */
static bool warn_unknown(struct cli *c, const json *fields)
{
	struct strs unknown = { 0 };

	json_items(fields, i, def)
		if (str_eq(json_get_str(def, "kind"), "unknown"))
			strs_add(c->a, &unknown, json_get_str(def, "name"));
	if (unknown.n)
		cli_warn("Warning: Queried for unknown fields %s",
			 strs_join(c->a, &unknown, ", "));
	return unknown.n > 0;
}

struct strs cli_fields(struct cli *c)
{
	const char *wanted = cli_str(c, "output");
	struct strs fields = strs_split(c->a, c->cmd->fields, ','), more;

	if (!wanted)
		return fields;
	more = strs_split(c->a, *wanted == '+' ? wanted + 1 : wanted, ',');
	if (*wanted != '+')
		return more;
	for (size_t i = 0; i < more.n; i++)
		strs_add(c->a, &fields, more.v[i]);
	return fields;
}

int cli_list_filtered(struct cli *c, struct strs *fields, json *filter, struct err *e)
{
	json *names = NULL, *result;
	bool as_json = cli_flag(c, "json"), unknown;

	if (filter_make(&c->args, cli_flag(c, "force_filter"), c->cmd->name_field, c->cmd->numeric,
			&names, e) < 0) {
		json_put(filter);
		return -1;
	}
	if (filter && names)
		filter = json_pack("[s, o, o]", "&", names, filter);
	else if (names)
		filter = names;
	TRY(cli_call(c, LUXI_Query,
		     json_pack("[s, o, o]", c->cmd->what, json_new_strs(fields), filter), &result, e));
	unknown = warn_unknown(c, json_get(result, "fields"));
	if (as_json)
		print_json(result);
	else
		cli_print_query(c, result, !cli_flag(c, "no_headers"));
	return unknown ? EXIT_UNKNOWN_FIELD : EXIT_SUCCESS;
}

int cli_list(struct cli *c, struct err *e)
{
	struct strs fields = cli_fields(c);

	return cli_list_filtered(c, &fields, NULL, e);
}

int cli_list_fields(struct cli *c, struct err *e)
{
	static const struct ui_column cols[] = { { "Name", false }, { "Type", false },
						 { "Title", false }, { "Description", false } };
	json *wanted = c->args.n ? json_new_strs(&c->args) : NULL, *result, *fields;
	struct strs cells = { 0 };
	bool unknown;

	TRY(cli_call(c, LUXI_QueryFields, json_pack("[s, o]", c->cmd->what, wanted), &result, e));
	fields = json_get(result, "fields");
	unknown = warn_unknown(c, fields);
	json_items(fields, i, def) {
		const char *kind = json_get_str(def, "kind"), *title = kind ? kind : "";

		for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
			if (str_eq(kinds[k].wire, kind))
				title = kinds[k].title;
		strs_add(c->a, &cells, json_get_str(def, "name"));
		strs_add(c->a, &cells, title);
		strs_add(c->a, &cells, json_get_str(def, "title"));
		strs_add(c->a, &cells, json_get_str(def, "doc"));
	}
	for (size_t i = 0; i < cells.n; i++)
		if (!cells.v[i])
			cells.v[i] = "";
	if (cli_flag(c, "json"))
		cli_json(fields);
	else
		print_table(cols, ARRAY_SIZE(cols), &cells, cli_str(c, "separator"),
			    !cli_flag(c, "no_headers"));
	return unknown ? EXIT_UNKNOWN_FIELD : EXIT_SUCCESS;
}

void cli_table(const struct ui_column *cols, size_t n, const struct strs *cells,
	       const char *separator, bool headers)
{
	struct ui_table t = { .cols = cols, .n = n, .cells = cells, .separator = separator,
			      .headers = headers, .pad_header = true };
	struct str out CLEANUP(str_free) = { 0 };

	ui_table(&out, &t);
	cli_write(&out);
}
