/* Command lines parsed by rows; follows Python's optparse, whose messages scripts may look at. */
#include "lib/ui/ui.h"

#include <stdio.h>
#include <string.h>

struct parse {
	const struct option_row *const *rows;
	struct arena *a;
	json *values;
	const struct strs *argv;
	size_t next; /* index of the word not looked at yet */
};

bool opt_takes_value(const struct option_row *o)
{
	switch (o->type) {
	case OPT_FLAG:
	case OPT_FLAG_OFF:
	case OPT_COUNT:
	case OPT_COUNT_DOWN:
	case OPT_CONST:
	case OPT_IGNORED:
		return false;
	default:
		return true;
	}
}

const char *opt_dest(const struct option_row *o)
{
	return o->dest ? o->dest : o->id;
}

struct strs opt_names(const struct option_row *o, struct arena *a)
{
	struct strs none = { 0 };

	return *o->names ? strs_split(a, o->names, ',') : none;
}

struct strs opt_choices(const struct option_row *o, struct arena *a)
{
	struct strs l = { 0 };

	if (o->choices)
		return strs_split(a, o->choices, ',');
	for (size_t i = 0; o->items && i < o->items->n; i++)
		strs_add(a, &l, o->items->items[i].name);
	return l;
}

static json *constant(const char *text)
{
	json *v = NULL;

	if (json_parse(text, strlen(text), &v, NULL) < 0)
		abort(); /* a row is wrong */
	return v;
}

static json *defaults(const struct option_row *const *rows)
{
	json *d = json_new_dict();

	for (; *rows; rows++) {
		const struct option_row *o = *rows;
		const char *dest = opt_dest(o);

		if (o->type == OPT_IGNORED || (json_has(d, dest) && !o->dflt))
			continue;
		if (o->dflt)
			json_set(d, dest, constant(o->dflt));
		else if (o->type == OPT_FLAG || o->type == OPT_FLAG_OFF)
			json_set(d, dest, json_new_bool(o->type == OPT_FLAG_OFF));
		else if (o->type == OPT_COUNT || o->type == OPT_COUNT_DOWN)
			json_set(d, dest, json_new_int(0));
		else if (o->type == OPT_APPEND || o->type == OPT_APPEND_CHOICE ||
			 o->type == OPT_APPEND_IDENT_KEYVAL)
			json_set(d, dest, json_new_array());
		else
			json_set(d, dest, NULL);
	}
	return d;
}

static bool appends(const struct option_row *o)
{
	return o->type == OPT_APPEND || o->type == OPT_APPEND_CHOICE ||
	       o->type == OPT_APPEND_IDENT_KEYVAL;
}

/* TEXT is NULL for options without a value, and where it may be left out. */
static int store(struct parse *p, const struct option_row *o, const char *opt, const char *text,
		 struct err *e)
{
	const char *dest = opt_dest(o);
	json *v = NULL, *l;

	switch (o->type) {
	case OPT_FLAG:
	case OPT_FLAG_OFF:
		v = json_new_bool(o->type == OPT_FLAG);
		break;
	case OPT_COUNT:
	case OPT_COUNT_DOWN:
		v = json_new_int(json_int(json_get(p->values, dest), 0) +
				 (o->type == OPT_COUNT ? 1 : -1));
		break;
	case OPT_CONST:
		v = constant(o->value);
		break;
	case OPT_IGNORED:
		fprintf(stderr, "Warning: %s: %s.\n", opt, o->doc);
		return 0;
	default:
		if (!text)
			v = constant(o->bare);
		else if (opt_value(o, opt, text, &v, e) < 0)
			return -1;
	}
	if (appends(o)) {
		l = json_get(p->values, dest);
		if (!json_is(l, JSON_ARRAY)) {
			l = json_new_array();
			json_set(p->values, dest, l);
		}
		json_append(l, v);
	} else {
		json_set(p->values, dest, v);
	}
	return 0;
}

static int need_value(struct parse *p, const char *opt, const char **ret, struct err *e)
{
	if (p->next >= p->argv->n)
		return err_plain(e, "%s option requires 1 argument", opt);
	*ret = p->argv->v[p->next++];
	return 0;
}

/* Find the row of the long name of N bytes; unique beginnings will do. */
static int find_long(struct parse *p, const char *name, const struct option_row **ret,
		     const char **ret_name, struct err *e)
{
	struct strs near = { 0 };
	const char *near_help = "help";

	*ret = NULL;
	for (const struct option_row *const *r = p->rows; *r; r++) {
		struct strs names = opt_names(*r, p->a);

		for (size_t i = 0; i < names.n; i++) {
			if (strcmp(names.v[i], name) == 0) {
				*ret = *r;
				*ret_name = arena_printf(p->a, "--%s", name);
				return 0;
			}
			if (str_starts(names.v[i], name)) {
				strs_add(p->a, &near, arena_printf(p->a, "--%s", names.v[i]));
				*ret = *r;
			}
		}
	}
	if (str_starts(near_help, name)) {
		if (strcmp(near_help, name) == 0)
			near.n = 0;
		strs_add(p->a, &near, "--help");
		if (near.n == 1) {
			*ret = NULL;
			return 1;
		}
	}
	if (near.n == 1) {
		*ret_name = near.v[0];
		return 0;
	}
	if (near.n == 0)
		return err_plain(e, "no such option: --%s", name);
	strs_sort(&near);
	return err_plain(e, "ambiguous option: --%s (%s?)", name, strs_join(p->a, &near, ", "));
}

static int take_long(struct parse *p, const char *word, struct err *e)
{
	const char *eq = strchr(word, '='), *opt = NULL, *text = eq ? eq + 1 : NULL;
	const char *name = eq ? arena_strndup(p->a, word, (size_t)(eq - word)) : word;
	const struct option_row *o;
	int r = find_long(p, name, &o, &opt, e);

	if (r != 0)
		return r;
	if (!opt_takes_value(o)) {
		if (eq)
			return err_plain(e, "%s option does not take a value", opt);
	} else if (!eq && !o->bare && need_value(p, opt, &text, e) < 0) {
		return -1;
	}
	return store(p, o, opt, text, e);
}

/* -abc: letters without values may be joined; the rest after a letter with a value is the value. */
static int take_short(struct parse *p, const char *word, struct err *e)
{
	for (; *word; word++) {
		char opt[] = { '-', *word, 0 };
		const struct option_row *o = NULL;
		const char *text = word + 1;

		for (const struct option_row *const *r = p->rows; *r; r++)
			if ((*r)->letter == *word)
				o = *r;
		if (!o && *word == 'h')
			return 1;
		if (!o)
			return err_plain(e, "no such option: %s", opt);
		if (!opt_takes_value(o)) {
			if (store(p, o, opt, NULL, e) < 0)
				return -1;
			continue;
		}
		if (!*text)
			text = NULL;
		if (!text && !o->bare && need_value(p, opt, &text, e) < 0)
			return -1;
		return store(p, o, opt, text, e);
	}
	return 0;
}

int opt_parse(const struct option_row *const *rows, bool mixed, const struct strs *argv,
	      struct arena *a, json **ret_values, struct strs *ret_args, struct err *e)
{
	json *values CLEANUP(json_putp) = defaults(rows);
	struct parse p = { .rows = rows, .a = a, .values = values, .argv = argv };
	struct strs args = { 0 };

	while (p.next < argv->n) {
		const char *word = argv->v[p.next++];
		int r;

		if (word[0] != '-' || !word[1]) { /* "-" alone is an argument */
			strs_add(a, &args, word);
			if (!mixed)
				break;
			continue;
		}
		if (strcmp(word, "--") == 0)
			break;
		r = word[1] == '-' ? take_long(&p, word + 2, e) : take_short(&p, word + 1, e);
		if (r != 0)
			return r;
	}
	while (p.next < argv->n)
		strs_add(a, &args, argv->v[p.next++]);
	*ret_values = STEAL(values);
	*ret_args = args;
	return 0;
}

const char *opt_nearest(const struct option_row *const *rows, const struct err *e, struct arena *a)
{
	static const char text[] = "no such option: --";
	struct strs names = { 0 };
	const char *near;

	if (!str_starts(err_msg(e), text))
		return NULL;
	strs_add(a, &names, "help");
	for (const struct option_row *const *r = rows; *r; r++) {
		struct strs l = opt_names(*r, a);

		for (size_t i = 0; i < l.n; i++)
			strs_add(a, &names, l.v[i]);
	}
	near = ui_nearest(err_msg(e) + strlen(text), &names);
	return near ? arena_printf(a, "--%s", near) : NULL;
}

/* Words as a shell splits them: blanks, quotes, backslashes; no expansion. */
static int split_words(struct arena *a, const char *s, struct strs *ret, struct err *e)
{
	struct str word CLEANUP(str_free) = { 0 };
	char quote = 0;
	bool in_word = false;

	for (; *s; s++) {
		if (quote) {
			if (*s == quote)
				quote = 0;
			else if (*s == '\\' && quote == '"' && s[1] && strchr("\"\\", s[1]))
				str_addc(&word, *++s);
			else
				str_addc(&word, *s);
		} else if (strchr(" \t\n", *s)) {
			if (in_word)
				strs_add(a, ret, arena_strdup(a, str_get(&word)));
			in_word = false;
			str_trim(&word, 0);
		} else {
			in_word = true;
			if (*s == '\'' || *s == '"')
				quote = *s;
			else if (*s == '\\' && s[1])
				str_addc(&word, *++s);
			else
				str_addc(&word, *s);
		}
	}
	if (quote)
		return err_set(e, OPT_BAD_VALUE, NULL, "No closing quotation");
	if (in_word)
		strs_add(a, ret, arena_strdup(a, str_get(&word)));
	return 0;
}

int opt_env_words(const char *name, struct arena *a, struct strs *ret, struct err *e)
{
	const char *value = getenv(name);

	return value ? split_words(a, value, ret, e) : 0;
}
