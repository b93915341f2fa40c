/*
 * Parsed objects that many keep for long and only read: without the room a parser leaves, and what objects have in
 * common only once. They are copies, or read as such straight from their text.
 */
#include "lib/schema/schema.h"

#include <string.h>

#define STRINGS 16384
#define DICTS 1024
#define VALUES 1024 /* a power of two, as the others */
#define RECORDS 16

/* What was seen last, by hash: bounded, and no use is made of how often something comes. */
struct compact {
	struct string {
		uint64_t hash; /* of all of it: most that differ need not be looked at */
		const char *text;
	} strings[STRINGS];
	json *dicts[DICTS];
	json *no_list, *no_dict;
	struct value {
		const struct field *f; /* NULL: none */
		const char *text;
		size_t n;
		void *v;
	} values[VALUES];
	struct {
		const struct record *r;
		void *v;
	} defaults[RECORDS];
};

struct compact *compact_new(void)
{
	struct compact *c = xcalloc(1, sizeof(*c));

	c->no_list = json_new_array();
	c->no_dict = json_new_dict();
	return c;
}

void compact_free(struct compact *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < DICTS; i++)
		json_put(c->dicts[i]);
	json_put(c->no_list);
	json_put(c->no_dict);
	free(c);
}

const char *compact_text(struct compact *c, struct arena *a, const char *p, size_t n)
{
	uint64_t hash = str_hash_n(p, n);
	struct string *slot = &c->strings[hash % STRINGS];

	if (!slot->text || slot->hash != hash || strncmp(slot->text, p, n) != 0 || slot->text[n])
		*slot = (struct string){ hash, arena_strndup(a, p, n) };
	return slot->text;
}

static const char *string(struct compact *c, struct arena *a, const char *s)
{
	return s ? compact_text(c, a, s, strlen(s)) : NULL;
}

static struct strs strings(struct compact *c, struct arena *a, const struct strs *l)
{
	struct strs copy = { l->n ? ARENA_ARRAY(a, const char *, l->n) : NULL, l->n };

	for (size_t i = 0; i < l->n; i++)
		copy.v[i] = string(c, a, l->v[i]);
	return copy;
}

/* Lists are mostly about one object; dicts are parameters, the same for many. */
static json *value(struct compact *c, struct arena *a, json *j)
{
	char *text CLEANUP(freep) = NULL;
	json **slot;

	if (json_is(j, JSON_ARRAY))
		return json_len(j) ? json_own(a, json_compact(j)) : c->no_list;
	if (!json_is(j, JSON_DICT))
		return json_own(a, json_ref(j));
	if (!json_len(j))
		return c->no_dict;
	text = json_dump_sorted(j);
	slot = &c->dicts[str_hash(text) % DICTS];
	if (!json_equal(*slot, j)) {
		json_put(*slot);
		*slot = json_compact(j);
	}
	return json_own(a, json_ref(*slot));
}

static void copy_fields(struct compact *c, const struct record *r, struct arena *a, char *obj);

static void copy_field(struct compact *c, const struct field *f, struct arena *a, char *at)
{
	const struct type *t = f->type;

	if (t == &type_str || t == &type_nestr || t == &type_maybestr) {
		*(const char **)at = string(c, a, *(const char **)at);
	} else if (t == &type_strs) {
		*(struct strs *)at = strings(c, a, (struct strs *)at);
	} else if (t == &type_any || t == &type_dict || t == &type_list) {
		*(json **)at = value(c, a, *(json **)at);
	} else if (t->parse == type_record_parse) {
		copy_fields(c, t->record(), a, at);
	} else if (t->parse == type_record_list_parse) {
		struct record_list *l = (struct record_list *)at;
		size_t size = t->record()->size;

		l->v = l->n ? arena_dup(a, l->v, l->n * size) : NULL;
		for (size_t i = 0; i < l->n; i++)
			copy_fields(c, t->record(), a, l->v + i * size);
	}
}

/* OBJ is a copy of the struct already; what it points at is not. */
static void copy_fields(struct compact *c, const struct record *r, struct arena *a, char *obj)
{
	for (size_t i = 0; i < r->n; i++)
		if (*(bool *)(obj + r->fields[i].has))
			copy_field(c, &r->fields[i], a, obj + r->fields[i].offset);
}

void *compact_record(struct compact *c, const struct record *r, struct arena *a, const void *obj)
{
	void *copy = arena_dup(a, obj, r->size);

	copy_fields(c, r, a, copy);
	return copy;
}

/* --- for record_scan() --- */
static struct value *slot_of(struct compact *c, const struct field *f, const char *text, size_t n)
{
	return &c->values[(str_hash_n(text, n) ^ (uintptr_t)f / sizeof(*f)) % VALUES];
}

bool compact_known(struct compact *c, const struct field *f, const char *text, size_t n, void *out)
{
	const struct value *x = slot_of(c, f, text, n);

	if (x->f != f || x->n != n || memcmp(x->text, text, n) != 0)
		return false;
	memcpy(out, x->v, f->type->size);
	return true;
}

void compact_note(struct compact *c, struct arena *a, const struct field *f, const char *text, size_t n, const void *v)
{
	struct value *x = slot_of(c, f, text, n);

	*x = (struct value){ f, arena_strndup(a, text, n), n, arena_dup(a, v, f->type->size) };
}

/* Made once. NULL: there is no room */
static const char *defaults(struct compact *c, const struct record *r, struct arena *a)
{
	size_t i = 0;

	while (i < RECORDS && c->defaults[i].r && c->defaults[i].r != r)
		i++;
	if (i == RECORDS)
		return NULL;
	if (!c->defaults[i].r) {
		c->defaults[i].v = arena_alloc(a, r->size);
		record_fill_defaults(r, a, c->defaults[i].v);
		c->defaults[i].r = r;
	}
	return c->defaults[i].v;
}

bool compact_complete(struct compact *c, const struct record *r, struct arena *a, void *out)
{
	const char *dflt = defaults(c, r, a);

	if (!dflt)
		return record_fill_defaults(r, a, out);
	record_fill(r, out, dflt);
	for (size_t i = 0; i < r->n; i++)
		if (!r->fields[i].dflt && !r->fields[i].opt && !*(bool *)((char *)out + r->fields[i].has))
			return false;
	return true;
}
