/* Usage and help from the rows, laid out as Python's optparse does with titled sections. */
#include "lib/ui/ui.h"

#include <ctype.h>
#include <string.h>

#define WIDTH 78       /* of help texts */
#define HELP_COLUMN 24 /* where the text of an option starts, at most */

void ui_wrap(struct str *out, const char *text, size_t width, size_t indent)
{
	size_t col = 0;

	while (*text) {
		size_t n = strcspn(text, " \n");

		if (n && col && col + 1 + n > width) {
			str_addf(out, "\n%*s", (int)indent, "");
			col = 0;
		}
		if (n) {
			if (col) {
				str_addc(out, ' ');
				col++;
			}
			str_addn(out, text, n);
			col += n;
		}
		text += n;
		text += strspn(text, " \n");
	}
}

static void heading(struct str *out, const char *title)
{
	str_addf(out, "%s\n", title);
	for (size_t n = strlen(title); n; n--)
		str_addc(out, '=');
	str_addc(out, '\n');
}

void ui_usage(struct str *out, const char *prog, const char *usage)
{
	heading(out, "Usage");
	str_addf(out, "  %s %s\n", prog, usage);
}

/* "--node=NODE, -n NODE" */
static char *option_text(const struct option_row *o, struct arena *a)
{
	struct str s CLEANUP(str_free) = { 0 };
	struct strs names = opt_names(o, a);
	const char *meta = o->metavar ? o->metavar : str_upper(a, opt_dest(o));
	bool value = opt_takes_value(o);

	for (size_t i = 0; i < names.n; i++)
		str_addf(&s, o->bare ? "%s--%s[%s%s]" : "%s--%s%s%s", i ? ", " : "", names.v[i],
			 value ? "=" : "", value ? meta : "");
	if (o->letter)
		str_addf(&s, o->bare ? "%s-%c%s[%s]" : "%s-%c%s%s", names.n ? ", " : "", o->letter,
			 value && !o->bare ? " " : "", value ? meta : "");
	return arena_strdup(a, str_get(&s));
}

static void option_help(struct str *out, const char *text, const char *doc, size_t column)
{
	if (strlen(text) > column - 2)
		str_addf(out, "%s\n%*s", text, (int)column, "");
	else
		str_addf(out, "%-*s", (int)column, text);
	ui_wrap(out, doc, WIDTH - column, column);
	str_addc(out, '\n');
}

/* The keys of key=value texts: one paragraph for each alternative. */
static void keys_help(struct str *out, const struct option_row *o, struct arena *a)
{
	struct strs names = opt_names(o, a);

	if (!o->keys)
		return;
	str_addc(out, '\n');
	heading(out, arena_printf(a, "Keys of --%s", names.v[0]));
	for (const struct key_set *k = o->keys; k->record; k++) {
		const struct record *r = k->record();
		struct strs l = { 0 };

		for (size_t i = 0; i < r->n; i++)
			strs_add(a, &l, field_wire(&r->fields[i]));
		if (!l.n)
			continue;
		ui_wrap(out,
			arena_printf(a, "%s%s%s", k->name ? k->name : "", k->name ? ": " : "",
				     strs_join(a, &l, ", ")),
			WIDTH - 2, 2);
		str_addc(out, '\n');
	}
}

void ui_help(struct str *out, const char *prog, const char *usage, const char *doc,
	     const struct option_row *const *rows)
{
	static const char help[] = "--help, -h";
	struct arena *a CLEANUP(arena_freep) = arena_new();
	size_t column = strlen(help);

	ui_usage(out, prog, usage);
	str_addc(out, '\n');
	if (doc && *doc) {
		ui_wrap(out, doc, WIDTH, 0);
		str_add(out, ".\n\n");
	}
	for (const struct option_row *const *r = rows; *r; r++) {
		size_t n = strlen(option_text(*r, a));

		if (n > column)
			column = n;
	}
	column = column + 2 < HELP_COLUMN ? column + 2 : HELP_COLUMN;
	heading(out, "Options");
	option_help(out, help, "Show this help and exit", column);
	for (const struct option_row *const *r = rows; *r; r++)
		option_help(out, option_text(*r, a), (*r)->doc, column);
	for (const struct option_row *const *r = rows; *r; r++)
		keys_help(out, *r, a);
}
