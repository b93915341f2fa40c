#include "lib/schema/schema.h"

#include <string.h>

static bool *has_of(const struct field *f, void *base)
{
	return (bool *)((char *)base + f->has);
}

static bool is_set(const struct field *f, const void *base)
{
	return *(const bool *)((const char *)base + f->has);
}

static void *value_of(const struct field *f, void *base)
{
	return (char *)base + f->offset;
}

static const void *value_at(const struct field *f, const void *base)
{
	return (const char *)base + f->offset;
}

static void take_shared(struct field *f, const struct field *s)
{
	f->type = s->type;
	f->wire = f->wire ? f->wire : s->wire;
	f->check = f->check ? f->check : s->check;
	f->doc = f->doc ? f->doc : s->doc;
	f->secret |= s->secret;
	f->emit_null |= s->emit_null;
	f->keys = f->keys ? f->keys : s->keys;
	f->keyed |= s->keyed;
	if (!f->dflt && !f->opt) {
		f->dflt = s->dflt;
		f->opt = s->opt;
	}
}

const struct record *schema_ready(struct record *r)
{
	if (r->ready)
		return r;
	for (size_t i = 0; i < r->n; i++) {
		struct field *f = &r->fields[i];

		if (f->shared)
			take_shared(f, f->shared);
		if (f->dflt && json_parse(f->dflt, strlen(f->dflt), &f->dflt_value, NULL) < 0)
			abort(); /* a row with a broken default; the schema lint finds it first */
		f->wire_n = strlen(field_wire(f));
	}
	r->ready = true;
	return r;
}

const char *field_wire(const struct field *f)
{
	return f->wire ? f->wire : f->name;
}

const struct field *record_field(const struct record *r, const char *wire_name)
{
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(field_wire(&r->fields[i]), wire_name) == 0)
			return &r->fields[i];
	return NULL;
}

/* A new reference; what could be changed by its owner is a copy. */
static json *new_default(const struct field *f)
{
	json *v = f->dflt_value;

	return json_is(v, JSON_DICT) || json_is(v, JSON_ARRAY) ? json_clone(v) : json_ref(v);
}

static int parse_field(const struct field *f, struct arena *a, json *v, void *out, struct err *e)
{
	if (f->check && f->check(v, e) < 0)
		return -1;
	if (f->type->parse(f->type, a, v, value_of(f, out), e) < 0)
		return -1;
	*has_of(f, out) = true;
	return 0;
}

/* V is NULL for absent and null alike. */
static int take_field(const struct field *f, struct arena *a, json *v, void *out, int flags,
		      struct err *e)
{
	if (v)
		return parse_field(f, a, v, out, e);
	if (flags & REC_NO_DEFAULTS)
		return 0;
	if (f->dflt) {
		json *d = json_own(a, new_default(f));

		return d ? parse_field(f, a, d, out, e) : 0;
	}
	return f->opt ? 0 : err_plain(e, "missing");
}

int record_parse(const struct record *r, struct arena *a, json *in, void *out, int flags,
		 const struct field **ret_bad, struct err *e)
{
	memset(out, 0, r->size);
	if (ret_bad)
		*ret_bad = NULL;
	if (!json_is(in, JSON_DICT))
		return err_plain(e, "expected a dictionary, got %s", json_kind_name(in));
	if (!(flags & REC_IGNORE_UNKNOWN))
		json_each(in, key, v) {
			(void)v;
			if (!record_field(r, key))
				return err_plain(e, "Unknown parameter '%s'", key);
		}
	for (size_t i = 0; i < r->n; i++) {
		const struct field *f = &r->fields[i];

		if (take_field(f, a, json_get(in, field_wire(f)), out, flags, e) < 0) {
			if (ret_bad)
				*ret_bad = f;
			return -1;
		}
	}
	return 0;
}

int record_parse_list(const struct record *r, struct arena *a, json *in, void *out,
		      const struct field **ret_bad, struct err *e)
{
	memset(out, 0, r->size);
	if (ret_bad)
		*ret_bad = NULL;
	if (!json_is(in, JSON_ARRAY))
		return err_plain(e, "expected a list, got %s", json_kind_name(in));
	if (json_len(in) > r->n)
		return err_plain(e, "expected %zu arguments, got %zu", r->n, json_len(in));
	for (size_t i = 0; i < r->n; i++) {
		if (take_field(&r->fields[i], a, json_at(in, i), out, 0, e) < 0) {
			if (ret_bad)
				*ret_bad = &r->fields[i];
			return -1;
		}
	}
	return 0;
}

json *field_emit(const struct field *f, const void *in)
{
	return is_set(f, in) ? f->type->emit(f->type, value_at(f, in)) : NULL;
}

json *record_emit(const struct record *r, const void *in, int flags)
{
	json *j = json_new_dict();

	for (size_t i = 0; i < r->n; i++) {
		const struct field *f = &r->fields[i];

		if (f->no_emit || (f->secret && (flags & REC_HIDE_SECRETS)))
			continue;
		if (is_set(f, in))
			json_set(j, field_wire(f), f->type->emit(f->type, value_at(f, in)));
		else if ((flags & REC_EMIT_DEFAULTS) && f->dflt)
			json_set(j, field_wire(f), new_default(f));
		else if ((flags & REC_EMIT_NULLS) || f->emit_null)
			json_set(j, field_wire(f), NULL);
	}
	return j;
}

json *record_emit_list(const struct record *r, const void *in)
{
	json *j = json_new_array();

	for (size_t i = 0; i < r->n; i++)
		json_append(j, field_emit(&r->fields[i], in));
	return j;
}

void record_fill(const struct record *r, void *to, const void *from)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct field *f = &r->fields[i];

		if (is_set(f, to) || !is_set(f, from))
			continue;
		memcpy(value_of(f, to), value_at(f, from), f->type->size);
		*has_of(f, to) = true;
	}
}

static bool allowed_value(const json *v, const char *const *allowed)
{
	for (; allowed && *allowed; allowed++)
		if (str_eq(json_str(v), *allowed))
			return true;
	return false;
}

int record_coerce(const struct record *r, const json *in, const char *const *allowed, json **ret,
		  struct err *e)
{
	json *out CLEANUP(json_putp) = json_new_dict();

	if (!json_is(in, JSON_DICT))
		return err_plain(e, "expected a dictionary, got %s", json_kind_name(in));
	json_each(in, key, v) {
		const struct field *f = record_field(r, key);
		json *c = NULL;

		if (!f)
			return err_plain(e, "Unknown parameter '%s'", key);
		if (allowed_value(v, allowed) || !f->type->coerce)
			c = json_ref(v);
		else if (f->type->coerce(f->type, key, v, &c, e) < 0)
			return -1;
		json_set(out, key, c);
	}
	*ret = STEAL(out);
	return 0;
}

json *record_defaults(const struct record *r)
{
	json *j = json_new_dict();

	for (size_t i = 0; i < r->n; i++)
		if (r->fields[i].dflt)
			json_set(j, field_wire(&r->fields[i]), new_default(&r->fields[i]));
	return j;
}

bool record_fill_defaults(const struct record *r, struct arena *a, void *to)
{
	bool all = true;

	for (size_t i = 0; i < r->n; i++)
		if (!is_set(&r->fields[i], to) && take_field(&r->fields[i], a, NULL, to, 0, NULL) < 0)
			all = false;
	return all;
}

int type_record_parse(const struct type *t, struct arena *a, json *in, void *out, struct err *e)
{
	const struct record *r = t->record();
	const struct field *bad;

	if (record_parse(r, a, in, out, REC_IGNORE_UNKNOWN | (r->partial ? REC_NO_DEFAULTS : 0),
			 &bad, e) < 0)
		return bad ? err_prefix(e, "%s", field_wire(bad)) : -1;
	return 0;
}

json *type_record_emit(const struct type *t, const void *in)
{
	return record_emit(t->record(), in, 0);
}

int type_record_list_parse(const struct type *t, struct arena *a, json *in, void *out,
			   struct err *e)
{
	const struct record *r = t->record();
	struct record_list *l = out;

	if (!json_is(in, JSON_ARRAY))
		return err_plain(e, "expected a list, got %s", json_kind_name(in));
	l->n = json_len(in);
	l->v = arena_alloc(a, l->n * r->size);
	json_items(in, i, v) {
		if (type_record_parse(t, a, v, l->v + i * r->size, e) < 0)
			return err_prefix(e, "%zu", i);
	}
	return 0;
}

json *type_record_list_emit(const struct type *t, const void *in)
{
	const struct record *r = t->record();
	const struct record_list *l = in;
	json *j = json_new_array();

	for (size_t i = 0; i < l->n; i++)
		json_append(j, record_emit(r, l->v + i * r->size, 0));
	return j;
}
