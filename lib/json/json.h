/*
 * A thin, strict layer over json-c (named nowhere else). A JSON null is a NULL
 * pointer. Values are reference counted: builders return one reference;
 * json_set()/json_append() take over the reference of the value given; getters
 * return borrowed values. Every getter accepts NULL.
 */
#ifndef LIB_JSON_JSON_H
#define LIB_JSON_JSON_H
#include "lib/base/arena.h"
#include "lib/base/err.h"
#include "lib/base/str.h"

typedef struct json_object json;

enum json_kind { JSON_NULL, JSON_BOOL, JSON_INT, JSON_FLOAT, JSON_STRING, JSON_ARRAY, JSON_DICT };

#define JSON_DEPTH_MAX 64

/* Parse N bytes holding exactly one value (strict, valid UTF-8, depth <= JSON_DEPTH_MAX,
 * integers within int64). *RET may become NULL (the JSON null). 0 or -1. */
int json_parse(const char *text, size_t n, json **ret, struct err *e);
char *json_dump(const json *j);        /* compact; malloc'ed */
void json_dump_to(struct str *out, const json *j); /* compact, appended */
char *json_dump_pretty(const json *j); /* 2 spaces, for people; malloc'ed */
char *json_dump_sorted(const json *j); /* compact with sorted keys: canonical; malloc'ed */
const char *json_dump_in(struct arena *a, const json *j);
const char *json_dump_spaced_in(struct arena *a, const json *j); /* a space after each , and : */

json *json_ref(json *j);
void json_put(json *j);
void json_putp(json **j);                     /* for CLEANUP() */
json *json_own(struct arena *a, json *j);     /* the arena holds the reference; returns J */

enum json_kind json_kind(const json *j);
const char *json_kind_name(const json *j); /* "null", "bool", "int", "float", "string", "list", "dict" */
bool json_is(const json *j, enum json_kind kind);

/* Values with a default for the wrong kind; numbers convert between int and float. */
const char *json_str(const json *j);                    /* NULL unless a string */
size_t json_str_len(const json *j);                      /* bytes; a string may hold NULs */
int64_t json_int(const json *j, int64_t dflt);
double json_float(const json *j, double dflt);
bool json_boolean(const json *j, bool dflt);

/* arrays */
size_t json_len(const json *j);            /* of an array or dict, else 0 */
json *json_at(const json *j, size_t i);    /* NULL beyond the end */
/* dicts */
json *json_get(const json *j, const char *key);  /* NULL when missing */
bool json_has(const json *j, const char *key);
const char *json_get_str(const json *j, const char *key);
int64_t json_get_int(const json *j, const char *key, int64_t dflt);
bool json_get_bool(const json *j, const char *key, bool dflt);

json *json_new_dict(void);
json *json_new_array(void);
json *json_new_str(const char *s); /* NULL gives null */
json *json_new_strn(const char *s, size_t n);
json *json_new_int(int64_t v);
json *json_new_float(double v);
json *json_new_bool(bool v);
json *json_new_strs(const struct strs *l);
/* Takes over V's reference. Returns J. */
json *json_set(json *j, const char *key, json *v);
json *json_append(json *j, json *v);
void json_del(json *j, const char *key);
/* Strings of an array; non-strings are skipped. The text is borrowed from J. */
struct strs json_strs(struct arena *a, const json *j);
/* Sorted keys of a dict. */
struct strs json_keys(struct arena *a, const json *j);

json *json_clone(const json *j); /* deep copy */
/* A copy to keep and only read, in as little memory as possible: scalars are shared with J. */
json *json_compact(const json *j);
bool json_equal(const json *x, const json *y);
/* Put all (borrowed) entries of FROM into TO, replacing. Returns TO. */
json *json_merge(json *to, const json *from);

/*
 * Build a value from a format: s string (NULL = null), i int (C int), I int64_t,
 * f double, b bool (int), n null, o json (reference taken over), O json (new
 * reference made); [ ] and { } nest, "s:" keys inside {} are written as
 * 's' too: json_pack("{s:i, s:[s,s]}", "a", 1, "b", "x", "y").
 */
json *json_pack(const char *fmt, ...);

/*
 * --- scan.c: going through a text without making a tree of it, for what may have a million values.
 *
 *	struct json_scan s = { text, text + n };
 *	if (json_scan_enter(&s, '['))
 *		while (json_scan_item(&s) && json_scan_value(&s, &v)) ...
 *	if (json_scan_failed(&s)) ...
 *
 * What is parsed is checked as in json_parse(); of what is skipped, only where it ends. ---
 */
struct json_scan {
	const char *p, *end; /* p NULL: it is not what was expected */
	bool first;
};
bool json_scan_failed(const struct json_scan *s);
/* The next that is no white space; 0: none. */
static inline char json_scan_peek(struct json_scan *s)
{
	while (s->p && s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\t' || *s->p == '\r'))
		s->p++;
	return s->p && s->p < s->end ? *s->p : 0;
}
bool json_scan_enter(struct json_scan *s, char bracket); /* '[' or '{' */
/* At the next value of what was entered last. False: no more, go on behind it; or it failed. */
bool json_scan_item(struct json_scan *s);
bool json_scan_key(struct json_scan *s, const char **ret, size_t *ret_n); /* ASCII without escapes */
/* One value: as it is, parsed, or (false and nothing happened: it is not like that) plain ASCII or a small integer. */
bool json_scan_skip(struct json_scan *s, const char **ret, size_t *ret_n); /* RET may be NULL */
bool json_scan_value(struct json_scan *s, json **ret);
bool json_scan_plain(struct json_scan *s, const char **ret, size_t *ret_n);
bool json_scan_int(struct json_scan *s, int64_t *ret);
bool json_scan_float(struct json_scan *s, double *ret); /* with a fraction, without an exponent */
bool json_scan_bool(struct json_scan *s, bool *ret);
bool json_scan_word(struct json_scan *s, const char *word); /* true, false, null */

/* Iteration: json_each(d, k, v) {...} over a dict, json_items(arr, i, v) {...} over an array. */
struct json_iter {
	void *opaque;
	const char *key;
	json *value;
};
struct json_iter json_iter_first(const json *j);
bool json_iter_next(struct json_iter *it);

#define json_each(j, k, v)                                                              \
	for (struct json_iter it_##k = json_iter_first(j); json_iter_next(&it_##k);)    \
		for (const char *k = it_##k.key; k; k = NULL)                           \
			for (json *v = it_##k.value, *once_##k = (json *)1; once_##k;   \
			     once_##k = NULL)
#define json_items(j, i, v)                                                             \
	for (size_t i = 0, n_##i = json_len(j); i < n_##i; i++)                         \
		for (json *v = json_at(j, i), *once_##i = (json *)1; once_##i; once_##i = NULL)

#endif
