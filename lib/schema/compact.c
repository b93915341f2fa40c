/*
 * Copies of parsed objects that many keep for long and only read: without the room a parser leaves, and what
 * objects have in common only once.
 */
#include "lib/schema/schema.h"

#include <string.h>

#define STRINGS 16384
#define DICTS 1024

/* What was seen last, by hash: bounded, and no use is made of how often something comes. */
struct compact {
	const char *strings[STRINGS];
	json *dicts[DICTS];
	json *no_list, *no_dict;
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

static const char *string(struct compact *c, struct arena *a, const char *s)
{
	const char **slot;

	if (!s)
		return NULL;
	slot = &c->strings[str_hash(s) % STRINGS];
	if (!*slot || strcmp(*slot, s) != 0)
		*slot = arena_strdup(a, s);
	return *slot;
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
