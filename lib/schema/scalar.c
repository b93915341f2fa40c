#include "lib/schema/schema.h"

#include "lib/base/parse.h"

#include <strings.h>
#include <string.h>

static int wrong(const struct type *t, json *in, struct err *e)
{
	char *s CLEANUP(freep) = json_dump(in);

	return err_plain(e, "'%.80s' is not a valid %s", s, t->name);
}

static int bool_parse(const struct type *t, struct arena *a, json *in, void *out, struct err *e)
{
	(void)a;
	if (!json_is(in, JSON_BOOL))
		return wrong(t, in, e);
	*(bool *)out = json_boolean(in, false);
	return 0;
}

static json *bool_emit(const struct type *t, const void *in)
{
	(void)t;
	return json_new_bool(*(const bool *)in);
}

static int int_parse(const struct type *t, struct arena *a, json *in, void *out, struct err *e)
{
	int64_t v = json_int(in, 0);

	(void)a;
	if (!json_is(in, JSON_INT) || (t == &type_uint && v < 0) || (t == &type_size_mib && v < 0) ||
	    (t == &type_pint && v <= 0))
		return wrong(t, in, e);
	*(int64_t *)out = v;
	return 0;
}

static json *int_emit(const struct type *t, const void *in)
{
	(void)t;
	return json_new_int(*(const int64_t *)in);
}

static int num_parse(const struct type *t, struct arena *a, json *in, void *out, struct err *e)
{
	(void)a;
	if (!json_is(in, JSON_INT) && !json_is(in, JSON_FLOAT))
		return wrong(t, in, e);
	*(double *)out = json_float(in, 0);
	return 0;
}

/* A whole number is written without a fraction, as upstream's Haskell half writes it into the
 * configuration, job files and answers: clients print what they read. */
static json *num_emit(const struct type *t, const void *in)
{
	double v = *(const double *)in;

	(void)t;
	if (v > -0x1p53 && v < 0x1p53 && v == (double)(int64_t)v)
		return json_new_int((int64_t)v);
	return json_new_float(v);
}

static int str_parse(const struct type *t, struct arena *a, json *in, void *out, struct err *e)
{
	const char *s = json_str(in);

	if (!s || strlen(s) != json_str_len(in) || (t == &type_nestr && !*s))
		return wrong(t, in, e);
	*(const char **)out = arena_strdup(a, s);
	return 0;
}

static json *str_emit(const struct type *t, const void *in)
{
	(void)t;
	return json_new_str(*(const char *const *)in);
}

static int strs_parse(const struct type *t, struct arena *a, json *in, void *out, struct err *e)
{
	struct strs *l = out;

	if (!json_is(in, JSON_ARRAY))
		return wrong(t, in, e);
	json_items(in, i, v) {
		if (!json_str(v))
			return wrong(t, in, e);
		strs_add(a, l, arena_strdup(a, json_str(v)));
	}
	return 0;
}

static json *strs_emit(const struct type *t, const void *in)
{
	(void)t;
	return json_new_strs(in);
}

static int any_parse(const struct type *t, struct arena *a, json *in, void *out, struct err *e)
{
	if ((t == &type_dict && !json_is(in, JSON_DICT)) ||
	    (t == &type_list && !json_is(in, JSON_ARRAY)))
		return wrong(t, in, e);
	*(json **)out = json_own(a, json_ref(in));
	return 0;
}

static json *any_emit(const struct type *t, const void *in)
{
	(void)t;
	return json_ref(*(json *const *)in);
}

/* Coercions follow upstream's ForceDictType; its messages name key and value. */

static char *value_text(const json *v)
{
	if (!v)
		return xstrdup("None");
	if (json_is(v, JSON_BOOL))
		return xstrdup(json_boolean(v, false) ? "True" : "False");
	return json_str(v) ? xstrdup(json_str(v)) : json_dump(v);
}

static int bool_coerce(const struct type *t, const char *key, const json *v, json **ret,
		       struct err *e)
{
	const char *s = json_str(v);

	(void)t;
	if (s && !strcasecmp(s, "false"))
		*ret = json_new_bool(false);
	else if (s && !strcasecmp(s, "true"))
		*ret = json_new_bool(true);
	else if (s && *s)
		return err_plain(e, "'%s' (value %s) is not a valid boolean", key, s);
	else
		*ret = json_new_bool(s ? false : json_boolean(v, json_int(v, 0) != 0));
	return 0;
}

static int int_coerce(const struct type *t, const char *key, const json *v, json **ret,
		      struct err *e)
{
	char *s CLEANUP(freep) = value_text(v);
	int64_t n;

	if (t != &type_size_mib &&
	    (json_is(v, JSON_INT) || json_is(v, JSON_FLOAT) || json_is(v, JSON_BOOL))) {
		*ret = json_new_int(json_int(v, json_boolean(v, false)));
		return 0;
	}
	if (t == &type_size_mib) {
		struct err why CLEANUP(err_clear) = ERR_NONE;

		if (parse_unit(s, &n, &why) < 0)
			return err_plain(e, "'%s' (value %s) is not a valid size. error: %s", key,
					 s, err_msg(&why));
	} else if (parse_int(s, &n) < 0) {
		return err_plain(e, "'%s' (value %s) is not a valid integer", key, s);
	}
	*ret = json_new_int(n);
	return 0;
}

static int num_coerce(const struct type *t, const char *key, const json *v, json **ret,
		      struct err *e)
{
	char *s CLEANUP(freep) = value_text(v);
	double n;

	(void)t;
	if (parse_float(s, &n) < 0)
		return err_plain(e, "'%s' (value %s) is not a valid float", key, s);
	*ret = json_new_float(n);
	return 0;
}

static int str_coerce(const struct type *t, const char *key, const json *v, json **ret,
		      struct err *e)
{
	char *s CLEANUP(freep) = NULL;

	if (json_str(v))
		*ret = json_new_str(json_str(v));
	else if (!v && t == &type_maybestr)
		*ret = NULL;
	else if (json_is(v, JSON_BOOL) && !json_boolean(v, false))
		*ret = json_new_str("");
	else
		return err_plain(e, "'%s' (value %s) is not a valid string", key,
				 s = value_text(v));
	return 0;
}

#define SCALAR(id, text, ctype, how)                                                        \
	const struct type type_##id = { .name = text, .size = sizeof(ctype),                \
					.parse = how##_parse, .emit = how##_emit,           \
					.coerce = how##_coerce }
#define any_coerce NULL
#define strs_coerce NULL

SCALAR(bool, "boolean", bool, bool);
SCALAR(int, "integer", int64_t, int);
SCALAR(uint, "non-negative integer", int64_t, int);
SCALAR(pint, "positive integer", int64_t, int);
SCALAR(size_mib, "size", int64_t, int);
SCALAR(num, "number", double, num);
SCALAR(str, "string", const char *, str);
SCALAR(nestr, "non-empty string", const char *, str);
SCALAR(maybestr, "string or null", const char *, str);
SCALAR(strs, "list of strings", struct strs, strs);
SCALAR(any, "value", json *, any);
SCALAR(dict, "dictionary", json *, any);
SCALAR(list, "list", json *, any);

const char *enum_name(const struct enum_def *d, int value)
{
	if (value < 0 || (size_t)value >= d->n)
		abort();
	return d->items[value].name;
}

int enum_value(const struct enum_def *d, const char *name)
{
	for (size_t i = 0; name && i < d->n; i++)
		if (strcmp(d->items[i].name, name) == 0)
			return (int)i;
	return -1;
}

int enum_parse(const struct type *t, struct arena *a, json *in, void *out, struct err *e)
{
	int v = enum_value(t->items, json_str(in));

	(void)a;
	if (v < 0)
		return wrong(t, in, e);
	*(int *)out = v;
	return 0;
}

json *enum_emit(const struct type *t, const void *in)
{
	return json_new_str(enum_name(t->items, *(const int *)in));
}
