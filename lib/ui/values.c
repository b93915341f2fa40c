/* Option values: text to JSON. Messages are upstream's (cli_opts) and optparse's. */
#include "lib/ui/ui.h"

#include "lib/base/parse.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

const char OPT_BAD_VALUE[] = "ParameterError";

#define NO_PREFIX "no_"
#define UN_PREFIX "-"

static int bad(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int bad(struct err *e, const char *fmt, ...)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	va_list ap;

	va_start(ap, fmt);
	err_set(e, OPT_BAD_VALUE, NULL, "%s", arena_vprintf(a, fmt, ap));
	va_end(ap);
	return -1;
}

int ui_keyval(const char *opt, const char *text, bool prefixes, json **ret, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	json *d CLEANUP(json_putp) = json_new_dict();
	struct strs parts = { 0 };

	if (*text)
		parts = strs_split_esc(a, text, ',');
	for (size_t i = 0; i < parts.n; i++) {
		const char *key = parts.v[i], *eq = strchr(key, '=');
		json *v;

		if (eq) {
			v = json_new_str(eq + 1);
			key = arena_strndup(a, key, (size_t)(eq - key));
		} else if (!prefixes) {
			return bad(e, "Missing value for key '%s' in option %s", key, opt);
		} else if (str_starts(key, NO_PREFIX)) {
			key += strlen(NO_PREFIX);
			v = json_new_bool(false);
		} else if (str_starts(key, UN_PREFIX)) {
			key += strlen(UN_PREFIX);
			v = NULL;
		} else {
			v = json_new_bool(true);
		}
		if (json_has(d, key)) {
			json_put(v);
			return bad(e, "Duplicate key '%s' in option %s", key, opt);
		}
		json_set(d, key, v);
	}
	*ret = STEAL(d);
	return 0;
}

int ui_ident_keyval(const char *opt, const char *text, bool prefixes, json **ret, struct err *e)
{
	const char *colon = strchr(text, ':');
	char *ident CLEANUP(freep) = colon ? xstrndup(text, (size_t)(colon - text)) : xstrdup(text);
	const char *rest = colon ? colon + 1 : "";
	bool no = prefixes && str_starts(ident, NO_PREFIX);
	/* -1 is an index, -x takes x away */
	bool un = prefixes && !no && str_starts(ident, UN_PREFIX) &&
		  !isdigit((unsigned char)ident[strlen(UN_PREFIX)]);
	json *d;

	if (no || un) {
		if (*rest)
			return bad(e, "Cannot pass options when removing parameter groups: %s",
				   text);
		if (no)
			*ret = json_pack("[s, b]", ident + strlen(NO_PREFIX), 0);
		else
			*ret = json_pack("[s, n]", ident + strlen(UN_PREFIX));
		return 0;
	}
	if (ui_keyval(opt, rest, prefixes, &d, e) < 0)
		return -1;
	*ret = json_pack("[s, o]", ident, d);
	return 0;
}

/* One alternative: ident:k=v,.../ident:k=v,... */
static int specs(const char *opt, const char *text, json **ret, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	json *d CLEANUP(json_putp) = json_new_dict();
	struct strs parts = strs_split(a, text, '/');

	for (size_t i = 0; i < parts.n; i++) {
		json *pair CLEANUP(json_putp) = NULL;
		const char *ident;

		if (!*parts.v[i])
			return bad(e, "Empty section in option '%s'", opt);
		if (ui_ident_keyval(opt, parts.v[i], false, &pair, e) < 0)
			return -1;
		ident = json_str(json_at(pair, 0));
		if (json_has(d, ident))
			return bad(e, "Duplicated parameter '%s' in parsing %s: %s", ident, opt,
				   parts.v[i]);
		json_set(d, ident, json_ref(json_at(pair, 1)));
	}
	*ret = STEAL(d);
	return 0;
}

int ui_multi_specs(const char *opt, const char *text, json **ret, struct err *e)
{
	json *l CLEANUP(json_putp) = json_new_array();
	struct arena *a CLEANUP(arena_freep) = arena_new();

	for (;;) {
		const char *end = strstr(text, "//");
		json *d = NULL;

		if (specs(opt, end ? arena_strndup(a, text, (size_t)(end - text)) : text, &d, e) <
		    0)
			return -1;
		json_append(l, d);
		if (!end)
			break;
		text = end + 2;
	}
	*ret = STEAL(l);
	return 0;
}

static int invalid(const char *opt, const char *what, const char *text, struct err *e)
{
	struct str r CLEANUP(str_free) = { 0 };

	ui_repr_str(&r, text);
	return err_plain(e, "option %s: invalid %s value: %s", opt, what, str_get(&r));
}

/* As optparse: 0x, 0b and leading-zero octal forms are understood. */
static int int_value(const char *opt, const char *text, json **ret, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	const char *s = str_strip(a, text), *digits = s;
	int base = 10;
	char *end;
	long long v;

	if (!strncasecmp(s, "0x", 2)) {
		base = 16;
		digits = s + 2;
	} else if (!strncasecmp(s, "0b", 2)) {
		base = 2;
		digits = s + 2;
	} else if (*s == '0') {
		base = 8;
	}
	if (!isxdigit((unsigned char)*digits) &&
	    (base != 10 || (*digits != '-' && *digits != '+')))
		return invalid(opt, "integer", text, e);
	errno = 0;
	v = strtoll(digits, &end, base);
	if (errno || *end || end == digits)
		return invalid(opt, "integer", text, e);
	*ret = json_new_int(v);
	return 0;
}

static int float_value(const char *opt, const char *text, json **ret, struct err *e)
{
	double v;

	if (parse_float(text, &v) < 0)
		return invalid(opt, "floating-point", text, e);
	*ret = json_new_float(v);
	return 0;
}

static int choice_value(const struct option_row *o, const char *opt, const char *text, json **ret,
			struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct strs choices = opt_choices(o, a);
	struct str msg CLEANUP(str_free) = { 0 };
	json *map CLEANUP(json_putp) = NULL;

	if (strs_has(&choices, text)) {
		if (o->value && json_parse(o->value, strlen(o->value), &map, e) < 0)
			return -1;
		*ret = map ? json_ref(json_get(map, text)) : json_new_str(text);
		return 0;
	}
	ui_repr_str(&msg, text);
	str_add(&msg, " (choose from ");
	for (size_t i = 0; i < choices.n; i++) {
		if (i)
			str_add(&msg, ", ");
		ui_repr_str(&msg, choices.v[i]);
	}
	return err_plain(e, "option %s: invalid choice: %s)", opt, str_get(&msg));
}

static int unit_value(const char *opt, const char *text, json **ret, struct err *e)
{
	int64_t mib;

	if (parse_unit(text, &mib, e) < 0)
		return err_prefix(e, "option %s", opt);
	*ret = json_new_int(mib);
	return 0;
}

static int bool_value(const char *text, json **ret, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	bool v;

	if (parse_bool(text, &v) < 0)
		return bad(e, "Invalid boolean value '%s'", str_lower(a, text));
	*ret = json_new_bool(v);
	return 0;
}

static int json_value(const char *opt, const char *text, json **ret, struct err *e)
{
	if (json_parse(text, strlen(text), ret, NULL) < 0)
		return invalid(opt, "JSON", text, e);
	return 0;
}

int opt_value(const struct option_row *o, const char *opt, const char *text, json **ret,
	      struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct strs l = { 0 };

	switch (o->type) {
	case OPT_STRING:
	case OPT_APPEND:
		*ret = json_new_str(text);
		return 0;
	case OPT_INT:
		return int_value(opt, text, ret, e);
	case OPT_FLOAT:
		return float_value(opt, text, ret, e);
	case OPT_MAYBE_FLOAT:
		if (strcasecmp(text, "default") != 0)
			return float_value(opt, text, ret, e);
		*ret = json_new_str("default");
		return 0;
	case OPT_JSON:
		return json_value(opt, text, ret, e);
	case OPT_UNIT:
		return unit_value(opt, text, ret, e);
	case OPT_BOOL:
		return bool_value(text, ret, e);
	case OPT_LIST:
		if (*text)
			l = strs_split_esc(a, text, ',');
		*ret = json_new_strs(&l);
		return 0;
	case OPT_KEYVAL:
	case OPT_KEYPRIVVAL:
		return ui_keyval(opt, text, true, ret, e);
	case OPT_IDENT_KEYVAL:
	case OPT_APPEND_IDENT_KEYVAL:
		return ui_ident_keyval(opt, text, true, ret, e);
	case OPT_MULTI_SPECS:
		return ui_multi_specs(opt, text, ret, e);
	case OPT_CHOICE:
	case OPT_APPEND_CHOICE:
		return choice_value(o, opt, text, ret, e);
	case OPT_FLAG:
	case OPT_FLAG_OFF:
	case OPT_COUNT:
	case OPT_COUNT_DOWN:
	case OPT_CONST:
	case OPT_IGNORED:
		break;
	}
	abort(); /* opt_takes_value() is false for these */
}
