/*
 * Records straight from their text, without a tree of JSON between: objects of the configuration are read by the
 * hundred thousand. What is not as we write it ourselves (escapes, unknown or repeated keys, anything wrong) is left
 * to the parser of all JSON, which has the words for it.
 */
#include "lib/schema/schema.h"

#include <string.h>

#define TREE_DEPTH 8

/* --- trees of plain values --- */
static bool scan_tree(struct json_scan *s, int depth, json **ret);

static bool scan_array(struct json_scan *s, int depth, json **ret)
{
	json *out CLEANUP(json_putp) = json_new_array(), *v;

	if (!json_scan_enter(s, '['))
		return false;
	while (json_scan_item(s)) {
		if (!scan_tree(s, depth + 1, &v))
			return false;
		json_append(out, v);
	}
	if (json_scan_failed(s))
		return false;
	*ret = STEAL(out);
	return true;
}

static bool scan_dict(struct json_scan *s, int depth, json **ret)
{
	json *out CLEANUP(json_putp) = json_new_dict(), *v;
	const char *key;
	size_t n;

	if (!json_scan_enter(s, '{'))
		return false;
	while (json_scan_key(s, &key, &n)) {
		char name[128];

		if (n >= sizeof(name))
			return false;
		memcpy(name, key, n);
		name[n] = '\0';
		if (!scan_tree(s, depth + 1, &v))
			return false;
		json_set(out, name, v);
	}
	if (json_scan_failed(s))
		return false;
	*ret = STEAL(out);
	return true;
}

static bool scan_tree(struct json_scan *s, int depth, json **ret)
{
	const char *p;
	size_t n;
	int64_t i;
	bool b;

	switch (depth > TREE_DEPTH ? 0 : json_scan_peek(s)) {
	case '[':
		return scan_array(s, depth, ret);
	case '{':
		return scan_dict(s, depth, ret);
	case '"':
		if (!json_scan_plain(s, &p, &n))
			return false;
		*ret = json_new_strn(p, n);
		return true;
	case 'n':
		*ret = NULL;
		return json_scan_word(s, "null");
	case 't':
	case 'f':
		if (!json_scan_bool(s, &b))
			return false;
		*ret = json_new_bool(b);
		return true;
	case 0:
		return false;
	default:
		/* others keep their digits */
		if (!json_scan_int(s, &i))
			return false;
		*ret = json_new_int(i);
		return true;
	}
}

/* --- fields --- */
struct reader {
	struct json_scan s;
	struct arena *a;
	struct compact *c; /* or NULL */
};

static bool scan_record(const struct record *r, struct reader *in, void *out, int flags);

static const char *keep_text(struct reader *in, const char *p, size_t n)
{
	return in->c ? compact_text(in->c, in->a, p, n) : arena_strndup(in->a, p, n);
}

static bool scan_strs(struct reader *in, struct strs *out)
{
	const char **v CLEANUP(freep) = NULL, *p;
	size_t n = 0, cap = 0, len;

	if (json_scan_peek(&in->s) != '[' || !json_scan_enter(&in->s, '['))
		return false;
	while (json_scan_item(&in->s)) {
		if (!json_scan_plain(&in->s, &p, &len))
			return false;
		GROW(v, n, cap);
		v[n++] = keep_text(in, p, len);
	}
	if (json_scan_failed(&in->s))
		return false;
	if (in->c && n)
		*out = (struct strs){ arena_dup(in->a, v, n * sizeof(*v)), n };
	for (size_t i = 0; !in->c && i < n; i++) /* has room for more */
		strs_add(in->a, out, v[i]);
	return true;
}

static bool scan_enum(const struct enum_def *d, struct json_scan *s, int *out)
{
	const char *p;
	size_t n;

	if (!json_scan_plain(s, &p, &n))
		return false;
	for (size_t i = 0; i < d->n; i++)
		if (strncmp(d->items[i].name, p, n) == 0 && !d->items[i].name[n]) {
			*out = (int)i;
			return true;
		}
	return false;
}

static int inner_flags(const struct record *r)
{
	return REC_IGNORE_UNKNOWN | (r->partial ? REC_NO_DEFAULTS : 0);
}

static bool scan_records(const struct record *r, struct reader *in, struct record_list *out)
{
	char *v CLEANUP(freep) = NULL;
	size_t n = 0, cap = 0;

	if (json_scan_peek(&in->s) != '[' || !json_scan_enter(&in->s, '['))
		return false;
	while (json_scan_item(&in->s)) {
		if (n == cap) {
			cap = cap ? cap * 2 : 4;
			v = xrealloc(v, cap, r->size);
		}
		if (!scan_record(r, in, v + n++ * r->size, inner_flags(r)))
			return false;
	}
	if (json_scan_failed(&in->s))
		return false;
	out->n = n;
	out->v = arena_dup(in->a, v, n * r->size);
	return true;
}

static bool is_string(const struct type *t)
{
	return t == &type_str || t == &type_nestr || t == &type_maybestr;
}

static bool is_integer(const struct type *t)
{
	return t == &type_int || t == &type_uint || t == &type_pint || t == &type_size_mib;
}

static bool scan_text(const struct type *t, struct reader *in, const char **out)
{
	const char *p;
	size_t n;

	if (!json_scan_plain(&in->s, &p, &n) || (t == &type_nestr && !n))
		return false;
	*out = keep_text(in, p, n);
	return true;
}

static bool scan_integer(const struct type *t, struct json_scan *s, int64_t *out)
{
	return json_scan_int(s, out) && (t == &type_int || *out > 0 || (t != &type_pint && *out == 0));
}

static bool scan_any(const struct field *f, struct reader *in, void *at)
{
	json *v = NULL, *room;
	bool ok;

	if (!scan_tree(&in->s, 0, &v) || !v)
		return false;
	if (in->c) {
		room = v;
		v = json_compact(room);
		json_put(room);
	}
	ok = (!f->check || f->check(v, NULL) == 0) && f->type->parse(f->type, in->a, v, at, NULL) == 0;
	json_put(v);
	return ok;
}

static bool scan_new(const struct field *f, struct reader *in, void *at)
{
	const struct type *t = f->type;

	if (f->check)
		return scan_any(f, in, at);
	if (is_string(t))
		return scan_text(t, in, at);
	if (is_integer(t))
		return scan_integer(t, &in->s, at);
	if (t == &type_bool)
		return json_scan_bool(&in->s, at);
	if (t == &type_num && json_scan_float(&in->s, at))
		return true;
	if (t == &type_strs)
		return scan_strs(in, at);
	if (t->parse == enum_parse)
		return scan_enum(t->items, &in->s, at);
	if (t->parse == type_record_parse)
		return scan_record(t->record(), in, at, inner_flags(t->record()));
	if (t->parse == type_record_list_parse)
		return scan_records(t->record(), in, at);
	return scan_any(f, in, at);
}

static bool shared_mostly(struct json_scan *s)
{
	char c = json_scan_peek(s);

	return c == '{' || (c == '[' && s->end - s->p > 1 && s->p[1] == ']');
}

/* Parameters are the same for many, and what is empty: what had the same text is the same. */
static bool scan_value(const struct field *f, struct reader *in, void *at)
{
	struct json_scan start;
	const char *text;
	size_t n;

	if (!in->c || !shared_mostly(&in->s))
		return scan_new(f, in, at);
	start = in->s;
	if (!json_scan_skip(&in->s, &text, &n))
		return false;
	if (compact_known(in->c, f, text, n, at))
		return true;
	in->s = start;
	if (!scan_new(f, in, at))
		return false;
	compact_note(in->c, in->a, f, text, n, at);
	return true;
}

/* Fields come in the order of the rows mostly: look from AT on. */
static size_t find(const struct record *r, size_t at, const char *key, size_t n)
{
	for (size_t k = 0; k < r->n; k++) {
		size_t i = at + k < r->n ? at + k : at + k - r->n;

		if (r->fields[i].wire_n == n && memcmp(field_wire(&r->fields[i]), key, n) == 0)
			return i;
	}
	return r->n;
}

static bool scan_record(const struct record *r, struct reader *in, void *out, int flags)
{
	size_t at = 0, n;
	const char *key;

	memset(out, 0, r->size);
	if (json_scan_peek(&in->s) != '{' || !json_scan_enter(&in->s, '{'))
		return false;
	while (json_scan_key(&in->s, &key, &n)) {
		const struct field *f;
		bool *has;

		at = find(r, at, key, n);
		if (at == r->n)
			return false;
		f = &r->fields[at++];
		has = (bool *)((char *)out + f->has);
		if (*has) /* the last one counts */
			return false;
		if (json_scan_word(&in->s, "null"))
			continue;
		if (!scan_value(f, in, (char *)out + f->offset))
			return false;
		*has = true;
	}
	if (json_scan_failed(&in->s))
		return false;
	if (flags & REC_NO_DEFAULTS)
		return true;
	return in->c ? compact_complete(in->c, r, in->a, out) : record_fill_defaults(r, in->a, out);
}

bool record_scan(const struct record *r, struct arena *a, struct compact *c, const char *text, size_t n, void *out)
{
	struct reader in = { .s = { .p = text, .end = text + n }, .a = a, .c = c };

	return scan_record(r, &in, out, REC_IGNORE_UNKNOWN) && !json_scan_peek(&in.s) && in.s.p == in.s.end;
}
