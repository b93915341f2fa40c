#include "lib/json/json.h"

#include <json-c/json.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* json-c takes 'x' for "x", NaN and Infinity even where it is strict. Outside of strings, JSON has these
 * characters only. */
static bool only_json(const char *text, size_t n)
{
	static bool good[256];
	bool in_string = false;

	if (!good['{'])
		for (const char *p = "{}[]:,0123456789+-.eEtrufalsn \t\r\n"; *p; p++)
			good[(unsigned char)*p] = true;
	for (size_t i = 0; i < n; i++) {
		if (text[i] == '"')
			in_string = !in_string;
		else if (in_string)
			i += text[i] == '\\'; /* what follows ends no string */
		else if (!good[(unsigned char)text[i]])
			return false;
	}
	return true;
}

#define KEEP_MAX 65536 /* after a longer text the parser is made anew: its buffers have grown with it */

/* Made once: it has several kilobytes that would have to be cleared for each text. */
static struct json_tokener *parser;

static int parse_failed(json *j, struct err *e, const char *what)
{
	json_object_put(j);
	return err_plain(e, "invalid JSON: %s", what);
}

static int parse(const char *text, size_t n, json **ret, struct err *e)
{
	json *j = json_tokener_parse_ex(parser, text, (int)n);
	enum json_tokener_error je = json_tokener_get_error(parser);
	size_t end = json_tokener_get_parse_end(parser);

	if (je == json_tokener_continue) { /* numbers end only at the end of the text */
		j = json_tokener_parse_ex(parser, "", 1);
		je = json_tokener_get_error(parser);
		end = n;
	}
	if (je != json_tokener_success)
		return parse_failed(j, e, json_tokener_error_desc(je));
	for (; end < n; end++)
		if (!text[end] || !strchr(" \t\r\n", text[end]))
			return parse_failed(j, e, "text after the value");
	*ret = j;
	return 0;
}

int json_parse(const char *text, size_t n, json **ret, struct err *e)
{
	int rc;

	if (n > INT32_MAX - 1)
		return err_plain(e, "JSON text too large");
	if (!only_json(text, n))
		return err_plain(e, "invalid JSON: unexpected character");
	if (!parser) {
		parser = json_tokener_new_ex(JSON_DEPTH_MAX);
		json_tokener_set_flags(parser, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	}
	rc = parse(text, n, ret, e);
	json_tokener_reset(parser);
	if (n > KEEP_MAX) {
		json_tokener_free(parser);
		parser = NULL;
	}
	return rc;
}

json *json_ref(json *j)
{
	return json_object_get(j);
}

void json_put(json *j)
{
	json_object_put(j);
}

void json_putp(json **j)
{
	json_object_put(*j);
	*j = NULL;
}

static void put_deferred(void *j)
{
	json_object_put(j);
}

json *json_own(struct arena *a, json *j)
{
	if (j)
		arena_defer(a, put_deferred, j);
	return j;
}

enum json_kind json_kind(const json *j)
{
	switch (json_object_get_type(j)) {
	case json_type_boolean:
		return JSON_BOOL;
	case json_type_int:
		return JSON_INT;
	case json_type_double:
		return JSON_FLOAT;
	case json_type_string:
		return JSON_STRING;
	case json_type_array:
		return JSON_ARRAY;
	case json_type_object:
		return JSON_DICT;
	default:
		return JSON_NULL;
	}
}

const char *json_kind_name(const json *j)
{
	static const char *const names[] = { "null", "bool", "int", "float",
					     "string", "list", "dict" };
	return names[json_kind(j)];
}

bool json_is(const json *j, enum json_kind kind)
{
	return json_kind(j) == kind;
}

const char *json_str(const json *j)
{
	return json_is(j, JSON_STRING) ? json_object_get_string((json *)j) : NULL;
}

size_t json_str_len(const json *j)
{
	return json_is(j, JSON_STRING) ? (size_t)json_object_get_string_len(j) : 0;
}

int64_t json_int(const json *j, int64_t dflt)
{
	switch (json_kind(j)) {
	case JSON_INT:
		return json_object_get_int64(j);
	case JSON_FLOAT: {
		double v = json_object_get_double(j);
		return v >= -9.2e18 && v <= 9.2e18 ? (int64_t)v : dflt;
	}
	default:
		return dflt;
	}
}

double json_float(const json *j, double dflt)
{
	return json_is(j, JSON_INT) || json_is(j, JSON_FLOAT) ? json_object_get_double(j) : dflt;
}

bool json_boolean(const json *j, bool dflt)
{
	return json_is(j, JSON_BOOL) ? json_object_get_boolean(j) : dflt;
}

size_t json_len(const json *j)
{
	switch (json_kind(j)) {
	case JSON_ARRAY:
		return json_object_array_length(j);
	case JSON_DICT:
		return (size_t)json_object_object_length(j);
	default:
		return 0;
	}
}

json *json_at(const json *j, size_t i)
{
	return json_is(j, JSON_ARRAY) && i < json_len(j) ? json_object_array_get_idx(j, i) : NULL;
}

json *json_get(const json *j, const char *key)
{
	json *v = NULL;

	if (json_is(j, JSON_DICT))
		json_object_object_get_ex(j, key, &v);
	return v;
}

bool json_has(const json *j, const char *key)
{
	return json_is(j, JSON_DICT) && json_object_object_get_ex(j, key, NULL);
}

const char *json_get_str(const json *j, const char *key)
{
	return json_str(json_get(j, key));
}

int64_t json_get_int(const json *j, const char *key, int64_t dflt)
{
	return json_int(json_get(j, key), dflt);
}

bool json_get_bool(const json *j, const char *key, bool dflt)
{
	return json_boolean(json_get(j, key), dflt);
}

json *json_new_dict(void)
{
	return json_object_new_object();
}

json *json_new_array(void)
{
	return json_object_new_array();
}

json *json_new_str(const char *s)
{
	return s ? json_object_new_string(s) : NULL;
}

json *json_new_strn(const char *s, size_t n)
{
	return json_object_new_string_len(s, (int)n);
}

json *json_new_int(int64_t v)
{
	return json_object_new_int64(v);
}

/* As few digits as give the same number back, as Python prints them: 1795197365.846831, 0.5, 1.0. */
json *json_new_float(double v)
{
	char text[40];
	int n = 0;

	if (!isfinite(v))
		v = 0;
	for (int digits = 15; digits <= 17; digits++) {
		n = snprintf(text, sizeof(text), "%.*g", digits, v);
		if (strtod(text, NULL) == v)
			break;
	}
	if (!strpbrk(text, ".e"))
		snprintf(text + n, sizeof(text) - (size_t)n, ".0");
	return json_object_new_double_s(v, text);
}

json *json_new_bool(bool v)
{
	return json_object_new_boolean(v);
}

json *json_new_strs(const struct strs *l)
{
	json *j = json_new_array();

	for (size_t i = 0; i < l->n; i++)
		json_append(j, json_new_str(l->v[i]));
	return j;
}

json *json_set(json *j, const char *key, json *v)
{
	json_object_object_add(j, key, v);
	return j;
}

json *json_append(json *j, json *v)
{
	json_object_array_add(j, v);
	return j;
}

void json_del(json *j, const char *key)
{
	json_object_object_del(j, key);
}

struct strs json_strs(struct arena *a, const json *j)
{
	struct strs r = { 0 };

	json_items(j, i, v)
		if (json_str(v))
			strs_add(a, &r, json_str(v));
	return r;
}

struct strs json_keys(struct arena *a, const json *j)
{
	struct strs r = { 0 };

	json_each(j, k, v) {
		(void)v;
		strs_add(a, &r, k);
	}
	strs_sort(&r);
	return r;
}

json *json_clone(const json *j)
{
	json *copy = NULL;

	if (j)
		json_object_deep_copy((json *)j, &copy, NULL);
	return copy;
}

json *json_compact(const json *j)
{
	struct lh_table *t;
	json *copy;

	switch (json_kind(j)) {
	case JSON_ARRAY:
		copy = json_object_new_array_ext((int)json_len(j));
		json_items(j, i, v)
			json_append(copy, json_compact(v));
		return copy;
	case JSON_DICT:
		copy = json_object_new_object();
		json_each(j, key, v)
			json_set(copy, key, json_compact(v));
		t = json_object_get_object(copy);
		if (t->count * 2 + 1 < t->size)
			lh_table_resize(t, t->count * 2 + 1);
		return copy;
	default:
		return json_ref((json *)(uintptr_t)j);
	}
}

bool json_equal(const json *x, const json *y)
{
	return json_object_equal((json *)x, (json *)y);
}

json *json_merge(json *to, const json *from)
{
	json_each(from, k, v)
		json_set(to, k, json_ref(v));
	return to;
}

struct json_iter json_iter_first(const json *j)
{
	struct lh_table *t = json_is(j, JSON_DICT) ? json_object_get_object(j) : NULL;

	return (struct json_iter){ .opaque = t ? t->head : NULL };
}

bool json_iter_next(struct json_iter *it)
{
	struct lh_entry *entry = it->opaque;

	if (!entry)
		return false;
	it->key = entry->k;
	it->value = (json *)entry->v;
	it->opaque = entry->next;
	return true;
}
