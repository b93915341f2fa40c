#include "lib/schema/schema.h"

#include <string.h>

static json *values(const char *list)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct strs l = strs_split(a, list, ',');

	return json_new_strs(&l);
}

json *field_describe(const struct field *f)
{
	json *j = json_pack("{s:s, s:s, s:b, s:s}", "name", field_wire(f), "type", f->type->name,
			    "required", !f->opt && !f->dflt, "doc", f->doc);
	json *d = NULL;

	if (f->dflt && json_parse(f->dflt, strlen(f->dflt), &d, NULL) == 0)
		json_set(j, "default", d);
	if (f->ours)
		json_set(j, "ours", json_new_bool(true));
	if (f->secret)
		json_set(j, "secret", json_new_bool(true));
	if (f->global)
		json_set(j, "global", json_new_bool(true));
	if (f->required)
		json_set(j, "must", json_new_bool(true)); /* must not end up empty */
	if (f->hint)
		json_set(j, "check", json_new_str(f->hint));
	if (f->encoding)
		json_set(j, "encoding", json_new_str(f->encoding));
	if (f->title)
		json_set(j, "title", json_new_str(f->title));
	if (f->values)
		json_set(j, "values", values(f->values));
	if (f->type->items)
		json_set(j, "enum", json_new_str(f->type->items->id));
	if (f->type->record)
		json_set(j, "record", json_new_str(f->type->record()->id));
	if (f->keys) {
		json *l = json_new_array();

		for (const struct key_set *k = f->keys; k->record; k++)
			json_append(l, json_new_str(k->record()->id));
		json_set(j, "keys", l);
	}
	return j;
}

json *record_describe(const struct record *r)
{
	json *fields = json_new_array();

	for (size_t i = 0; i < r->n; i++)
		json_append(fields, field_describe(&r->fields[i]));
	return json_pack("{s:s, s:s, s:o}", "id", r->id, "doc", r->doc, "fields", fields);
}

json *enum_describe(const struct enum_def *d)
{
	json *items = json_new_array();

	for (size_t i = 0; i < d->n; i++)
		json_append(items, json_pack("{s:s, s:s}", "name", d->items[i].name, "doc",
					     d->items[i].doc));
	return json_pack("{s:s, s:s, s:o}", "id", d->id, "doc", d->doc, "items", items);
}
