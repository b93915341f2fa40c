/* Tables and nested key/value lists; the layout is upstream's to the byte. */
#include "lib/ui/ui.h"

#include <string.h>

static void pad(struct str *out, size_t n)
{
	static const char blanks[] = "                                ";

	for (; n >= sizeof(blanks); n -= sizeof(blanks) - 1)
		str_addn(out, blanks, sizeof(blanks) - 1);
	str_addn(out, blanks, n);
}

static void cell(struct str *out, const char *text, size_t width, bool right, const char *color)
{
	size_t n = ui_width(text), more = width > n ? width - n : 0;

	if (right)
		pad(out, more);
	if (color)
		str_addf(out, "%s%s\033[0m", color, text);
	else
		str_add(out, text);
	if (!right)
		pad(out, more);
}

static void row(struct str *out, const struct ui_table *t, const char *const *cells,
		const size_t *widths, bool header)
{
	for (size_t i = 0; i < t->n; i++) {
		const char *color = t->paint && !header ? t->paint(i, cells[i]) : NULL;
		bool last = i + 1 == t->n, right = t->cols[i].numeric;

		if (i)
			str_addc(out, ' ');
		cell(out, cells[i], last && !right && !(header && t->pad_header) ? 0 : widths[i],
		     right, color);
	}
	str_addc(out, '\n');
}

static void separated(struct str *out, const struct ui_table *t, const char *const *cells)
{
	for (size_t i = 0; i < t->n; i++) {
		if (i)
			str_add(out, t->separator);
		str_add(out, cells[i]);
	}
	str_addc(out, '\n');
}

void ui_table(struct str *out, const struct ui_table *t)
{
	size_t *widths CLEANUP(freep) = xcalloc(t->n + 1, sizeof(*widths));
	const char **titles CLEANUP(freep) = xcalloc(t->n + 1, sizeof(*titles));
	size_t rows = t->n ? t->cells->n / t->n : 0;

	for (size_t i = 0; i < t->n; i++) {
		titles[i] = t->cols[i].title;
		if (t->headers)
			widths[i] = ui_width(titles[i]);
	}
	for (size_t i = 0; i < rows * t->n && !t->separator; i++) {
		size_t w = ui_width(t->cells->v[i]);

		if (w > widths[i % t->n])
			widths[i % t->n] = w;
	}
	if (t->headers && t->separator)
		separated(out, t, titles);
	else if (t->headers)
		row(out, t, titles, widths, true);
	for (size_t i = 0; i < rows; i++) {
		if (t->separator)
			separated(out, t, t->cells->v + i * t->n);
		else
			row(out, t, t->cells->v + i * t->n, widths, false);
	}
}

/* AFTER_KEY: the line already holds "key: ". */
static void info(struct str *out, const json *v, int level, bool after_key)
{
	bool first = !after_key;

	if ((json_is(v, JSON_DICT) || json_is(v, JSON_ARRAY))) {
		if (after_key || json_len(v) == 0)
			str_addc(out, '\n');
	} else {
		ui_text(out, v);
		str_addc(out, '\n');
		return;
	}
	json_each(v, key, item) {
		str_addf(out, "%*s%s: ", first ? 0 : level * 2, "", key);
		first = false;
		info(out, item, level + 1, true);
	}
	json_items(json_is(v, JSON_ARRAY) ? v : NULL, i, item) {
		str_addf(out, "%*s- ", first ? 0 : level * 2, "");
		first = false;
		info(out, item, level + 1, false);
	}
}

void ui_info(struct str *out, const json *tree)
{
	info(out, tree, 0, false);
	while (out->len && out->p[out->len - 1] == '\n')
		str_trim(out, out->len - 1);
	str_addc(out, '\n');
}

json *ui_sorted(const json *v)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	json *r;

	if (json_is(v, JSON_DICT)) {
		struct strs keys = json_keys(a, v);

		r = json_new_dict();
		for (size_t i = 0; i < keys.n; i++)
			json_set(r, keys.v[i], ui_sorted(json_get(v, keys.v[i])));
		return r;
	}
	if (json_is(v, JSON_ARRAY)) {
		r = json_new_array();
		json_items(v, i, item)
			json_append(r, ui_sorted(item));
		return r;
	}
	return json_ref((json *)v);
}
