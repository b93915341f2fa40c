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

static const char *unit_text(struct arena *a, double mib, char units)
{
	char *s CLEANUP(freep) = format_unit(mib, units);

	return arena_strdup(a, s);
}

const char *cli_state(int64_t status, bool verbose)
{
	return state_texts[status > 0 && status <= RS_OFFLINE ? status : RS_NODATA][verbose];
}

enum how { AS_IS, AS_UNIT, AS_BOOL, AS_TIME };

struct listing {
	struct cli *c;
	const json *fields;  /* definitions */
	struct ui_column *cols;
	struct listed {
		const char *name;
		enum how how;
		bool joined;
	} *listed;           /* the same columns */
	size_t n;
	char units;
	bool verbose;
	struct strs cells;   /* malloc'ed; the texts are in the arena */
	size_t cap;
};

static void listing_start(struct listing *l, struct cli *c)
{
	const char *separator = cli_str(c, "separator"), *units = cli_str(c, "units");

	*l = (struct listing){ .c = c, .units = units ? *units : separator && *separator ? 'm' : 'h',
			       .verbose = cli_flag(c, "verbose") };
}

static void listing_free(struct listing *l)
{
	free(l->cells.v);
}

static void add_cell(struct listing *l, const char *text)
{
	GROW(l->cells.v, l->cells.n, l->cap);
	l->cells.v[l->cells.n++] = text;
}

static const char *cell_text(struct listing *l, size_t i, int64_t state, const json *v)
{
	const struct listed *f = &l->listed[i];
	struct str s CLEANUP(str_free) = { 0 };
	struct arena *a = l->c->a;
	const char *text;

	if (state != RS_NORMAL)
		return cli_state(state, l->verbose);
	if (l->c->cmd->format && f->name) {
		text = l->c->cmd->format(a, f->name, v);
		if (text)
			return text;
	}
	if (f->joined && json_is(v, JSON_ARRAY))
		return joined(a, v);
	if (f->how == AS_UNIT)
		return unit_text(a, json_float(v, 0), l->units);
	if (f->how == AS_BOOL)
		return json_boolean(v, false) ? "Y" : "N";
	if (f->how == AS_TIME && (json_is(v, JSON_INT) || json_is(v, JSON_FLOAT)))
		ui_time(&s, json_float(v, 0), -1);
	else if (f->how == AS_TIME)
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

static enum how how_shown(const char *kind)
{
	return str_eq(kind, "unit") ? AS_UNIT : str_eq(kind, "bool") ? AS_BOOL :
	       str_eq(kind, "timestamp") ? AS_TIME : AS_IS;
}

static void take_fields(struct listing *l, const json *fields)
{
	l->fields = fields;
	l->n = json_len(fields);
	l->cols = ARENA_ARRAY(l->c->a, struct ui_column, l->n);
	l->listed = ARENA_ARRAY(l->c->a, struct listed, l->n);
	json_items(fields, i, def) {
		const char *name = json_get_str(def, "name"), *kind = json_get_str(def, "kind");
		bool list = is_joined(l->c->cmd, name);

		l->listed[i] = (struct listed){ name, how_shown(kind), name && list };
		l->cols[i].title = json_get_str(def, "title");
		l->cols[i].numeric = !list && numeric_kind(kind);
	}
}

void cli_print_query(struct cli *c, const json *result, bool headers)
{
	struct listing l CLEANUP(listing_free);

	listing_start(&l, c);
	take_fields(&l, json_get(result, "fields"));
	json_items(json_get(result, "data"), r, row)
		for (size_t i = 0; i < l.n; i++) {
			const json *cell = json_at(row, i);

			add_cell(&l, cell_text(&l, i, json_int(json_at(cell, 0), RS_NODATA), json_at(cell, 1)));
		}
	print_table(l.cols, l.n, &l.cells, cli_str(c, "separator"), headers);
}

/*
 * The same from the text of an answer: there may be a million cells, and most of them can be printed as they
 * stand there. What is not as our master writes it is left to the parser.
 */
static void scan_value(struct listing *l, struct json_scan *s, size_t i, int64_t state)
{
	enum how how = l->listed[i].how;
	bool plain = state == RS_NORMAL && !l->c->cmd->format;
	const char *text;
	int64_t number;
	json *v;
	size_t n;

	if (plain && how == AS_IS && json_scan_plain(s, &text, &n)) {
		add_cell(l, arena_strndup(l->c->a, text, n));
	} else if (plain && how == AS_IS && json_scan_int(s, &number)) {
		add_cell(l, arena_printf(l->c->a, "%lld", (long long)number));
	} else if (plain && how == AS_UNIT && json_scan_int(s, &number)) {
		add_cell(l, unit_text(l->c->a, (double)number, l->units));
	} else if (json_scan_value(s, &v)) {
		add_cell(l, cell_text(l, i, state, v));
		if (l->c->cmd->format) /* its text may be in there */
			json_own(l->c->a, v);
		else
			json_put(v);
	}
}

static bool scan_row(struct listing *l, struct json_scan *s)
{
	size_t before = l->cells.n;

	for (json_scan_enter(s, '['); json_scan_item(s);) {
		int64_t state;

		if (l->cells.n - before == l->n || !json_scan_enter(s, '[') || !json_scan_item(s) ||
		    !json_scan_int(s, &state) || !json_scan_item(s))
			return false;
		scan_value(l, s, l->cells.n - before, state);
		if (json_scan_item(s))
			return false;
	}
	return !json_scan_failed(s) && l->cells.n - before == l->n;
}

static bool key_is(const char *key, size_t n, const char *name)
{
	return n == strlen(name) && memcmp(key, name, n) == 0;
}

static bool scan_result(struct listing *l, struct json_scan *s)
{
	bool data = false;
	const char *key;
	json *fields;
	size_t n;

	for (json_scan_enter(s, '{'); json_scan_key(s, &key, &n);) {
		if (key_is(key, n, "fields") && !l->fields && json_scan_value(s, &fields)) {
			take_fields(l, json_own(l->c->a, fields));
		} else if (key_is(key, n, "data") && l->n && !data) {
			data = true;
			for (json_scan_enter(s, '['); json_scan_item(s);)
				if (!scan_row(l, s))
					return false;
		} else {
			return false;
		}
	}
	return data && !json_scan_failed(s);
}

static bool scan_answer(struct listing *l, const struct str *text)
{
	struct json_scan s = { .p = text->p, .end = text->p + text->len };
	bool success = false, result = false;
	const char *key, *word;
	int64_t version;
	size_t n, m;

	for (json_scan_enter(&s, '{'); json_scan_key(&s, &key, &n);) {
		if (key_is(key, n, "success") && json_scan_skip(&s, &word, &m))
			success = key_is(word, m, "true");
		else if (key_is(key, n, "result") && !result)
			result = scan_result(l, &s);
		else if (!key_is(key, n, "version") || !json_scan_int(&s, &version) || version != LUXI_VERSION)
			return false;
		if (key_is(key, n, "result") && !result)
			return false;
	}
	return success && result && !json_scan_failed(&s);
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
	struct str text CLEANUP(str_free) = { 0 };
	struct listing l CLEANUP(listing_free);
	json *names = NULL, *result;
	bool unknown;

	listing_start(&l, c);
	if (filter_make(&c->args, cli_flag(c, "force_filter"), c->cmd->name_field, c->cmd->numeric,
			&names, e) < 0) {
		json_put(filter);
		return -1;
	}
	if (filter && names)
		filter = json_pack("[s, o, o]", "&", names, filter);
	else if (names)
		filter = names;
	TRY(cli_call_text(c, LUXI_Query, json_pack("[s, o, o]", c->cmd->what, json_new_strs(fields), filter),
			  &text, e));
	if (!cli_flag(c, "json") && scan_answer(&l, &text)) {
		unknown = warn_unknown(c, l.fields);
		print_table(l.cols, l.n, &l.cells, cli_str(c, "separator"), !cli_flag(c, "no_headers"));
		return unknown ? EXIT_UNKNOWN_FIELD : EXIT_SUCCESS;
	}
	TRY(luxi_answer(&text, &result, e));
	json_own(c->a, result);
	unknown = warn_unknown(c, json_get(result, "fields"));
	if (cli_flag(c, "json"))
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
