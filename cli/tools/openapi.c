/*
 * The REST interface as OpenAPI 3.1, from src/schema/rapi.def and the rows of opcodes, parameters and query
 * fields. What special resources take and answer is written down here, next to nothing else: compare
 * daemons/rapi/special.c.
 */
#include "cli/tools/dump.h"
#include "src/schema/rapi.h"

#include <string.h>

#define SCHEMA "#/components/schemas/"
#define J(...) #__VA_ARGS__ /* JSON written as it is */

struct doc {
	struct arena *a;
	json *schemas; /* made when first named */
};

static json *text(const char *literal)
{
	json *j = NULL;

	if (json_parse(literal, strlen(literal), &j, NULL) < 0)
		abort(); /* a literal of this file or a row is wrong */
	return j;
}

static json *ref(struct arena *a, const char *name)
{
	return json_pack("{s:s}", "$ref", arena_printf(a, SCHEMA "%s", name));
}

static json *described(json *schema, const char *doc)
{
	return json_set(schema, "description", json_new_str(doc));
}

/* "instance_name" to "InstanceName" */
static char *camel(struct arena *a, const char *id)
{
	char *out = arena_strdup(a, id), *w = out;
	bool start = true;

	for (const char *p = id; *p; p++) {
		if (*p == '_' || *p == '-') {
			start = true;
			continue;
		}
		*w++ = start && *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p;
		start = false;
	}
	*w = '\0';
	return out;
}

/* --- types --- */

static json *enum_ref(struct doc *d, const struct enum_def *e)
{
	const char *name = camel(d->a, e->id);
	json *names, *s;
	struct str doc CLEANUP(str_free) = { 0 };

	if (json_has(d->schemas, name))
		return ref(d->a, name);
	names = json_new_array();
	str_addf(&doc, "%s:", e->doc);
	for (size_t i = 0; i < e->n; i++) {
		json_append(names, json_new_str(e->items[i].name));
		str_addf(&doc, "\n- `%s`: %s", e->items[i].name, e->items[i].doc);
	}
	s = json_pack("{s:s, s:o}", "type", "string", "enum", names);
	json_set(d->schemas, name, described(s, str_get(&doc)));
	return ref(d->a, name);
}

static json *basic(const struct type *t)
{
	static const struct {
		const struct type *type;
		const char *schema;
	} all[] = {
		{ &type_bool, "{\"type\": \"boolean\"}" },
		{ &type_int, "{\"type\": \"integer\"}" },
		{ &type_uint, "{\"type\": \"integer\", \"minimum\": 0}" },
		{ &type_pint, "{\"type\": \"integer\", \"minimum\": 1}" },
		{ &type_size_mib, "{\"type\": \"integer\", \"minimum\": 0}" },
		{ &type_num, "{\"type\": \"number\"}" },
		{ &type_str, "{\"type\": \"string\"}" },
		{ &type_nestr, "{\"type\": \"string\", \"minLength\": 1}" },
		{ &type_maybestr, "{\"type\": [\"string\", \"null\"]}" },
		{ &type_strs, "{\"type\": \"array\", \"items\": {\"type\": \"string\"}}" },
		{ &type_dict, "{\"type\": \"object\"}" },
		{ &type_list, "{\"type\": \"array\"}" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (all[i].type == t)
			return text(all[i].schema);
	return json_new_dict(); /* anything */
}

static json *record_ref(struct doc *d, const struct record *r);

/* Of a field, without what the field says about itself. */
static json *type_schema(struct doc *d, const struct field *f)
{
	json *any, *props;

	if (f->type->items)
		return enum_ref(d, f->type->items);
	if (f->type->record) {
		json *one = record_ref(d, f->type->record());

		return str_starts(f->type->name, "list of ") ?
			       json_pack("{s:s, s:o}", "type", "array", "items", one) :
			       one;
	}
	if (!f->keys)
		return basic(f->type);
	if (f->keyed) {
		props = json_new_dict();
		for (const struct key_set *k = f->keys; k->record; k++)
			json_set(props, k->name, record_ref(d, k->record()));
		return json_pack("{s:s, s:o, s:b}", "type", "object", "properties", props,
				 "additionalProperties", 0);
	}
	if (!f->keys->name) {
		any = record_ref(d, f->keys->record());
	} else {
		json *all = json_new_array();

		for (const struct key_set *k = f->keys; k->record; k++)
			json_append(all, record_ref(d, k->record()));
		any = json_pack("{s:o}", "anyOf", all);
	}
	return f->type == &type_list ? json_pack("{s:s, s:o}", "type", "array", "items", any) : any;
}

static json *or_null(json *schema)
{
	json *t = json_get(schema, "type");

	if (!t && !json_has(schema, "$ref") && !json_has(schema, "anyOf"))
		return schema; /* anything */
	if (json_str(t) && json_len(schema) == 1)
		return json_set(schema, "type", json_pack("[O, s]", t, "null"));
	return json_pack("{s:[o, {s:s}]}", "anyOf", schema, "type", "null");
}

static json *with_default(json *schema, const struct field *f)
{
	return f->dflt && strcmp(f->dflt, "null") != 0 ?
		       json_set(schema, "default", text(f->dflt)) :
		       schema;
}

/* A parameter of an opcode. */
static json *field_schema(struct doc *d, const struct field *f)
{
	json *s = type_schema(d, f);

	if (f->opt)
		s = or_null(s);
	return described(with_default(s, f), f->doc);
}

/* --- records that say what is in a dict --- */

static json *choices(const struct field *f)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct strs l = strs_split(a, f->values, ',');

	if (!f->required)
		strs_add(a, &l, "");
	return json_pack("{s:s, s:o}", "type", "string", "enum", json_new_strs(&l));
}

/* One key: its type, or the word that takes a value away again. */
static json *key_schema(struct doc *d, const struct field *f)
{
	json *s = f->values ? choices(f) : type_schema(d, f);
	const char *doc = f->doc;

	if (f->hint)
		doc = arena_printf(d->a, "%s (%s)", doc, f->hint);
	if (f->global)
		doc = arena_printf(d->a, "%s; for the whole cluster only", doc);
	s = json_pack("{s:[o, {s:[s, n]}]}", "anyOf", s, "enum", "default");
	return described(with_default(s, f), doc);
}

static json *record_ref(struct doc *d, const struct record *r)
{
	const char *name = camel(d->a, r->id);
	bool open = r == rec_idisk(); /* external storage providers have parameters of their own */
	json *props, *s;

	if (json_has(d->schemas, name))
		return ref(d->a, name);
	json_set(d->schemas, name, NULL); /* taken */
	props = json_new_dict();
	for (size_t i = 0; i < r->n; i++)
		json_set(props, field_wire(&r->fields[i]), key_schema(d, &r->fields[i]));
	s = json_pack("{s:s, s:o, s:b}", "type", "object", "properties", props,
		      "additionalProperties", open);
	json_set(d->schemas, name, described(s, r->doc));
	return ref(d->a, name);
}

/* --- what is shown of an object --- */

static json *kind_schema(const char *kind)
{
	static const struct {
		const char *kind, *type;
	} all[] = {
		{ "text", "string" },  { "bool", "boolean" },  { "number", "integer" },
		{ "float", "number" }, { "unit", "integer" },  { "timestamp", "number" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (str_eq(all[i].kind, kind))
			return json_pack("{s:[s, s]}", "type", all[i].type, "null");
	return json_new_dict();
}

static json *object_ref(struct doc *d, const char *resource)
{
	const char *name = camel(d->a, resource);
	json *fields = json_own(d->a, dump_fields(resource)), *props;
	struct strs shown;

	if (json_has(d->schemas, name))
		return ref(d->a, name);
	shown = strs_split(d->a, rapi_fields(resource)->one, ' ');
	props = json_new_dict();
	json_items(fields, i, f) {
		const char *field = json_get_str(f, "name");

		if (strs_has(&shown, field))
			json_set(props, field,
				 described(kind_schema(json_get_str(f, "kind")),
					   json_get_str(f, "doc")));
	}
	json_set(d->schemas, name,
		 json_pack("{s:s, s:o}", "type", "object", "properties", props));
	return ref(d->a, name);
}

/* --- requests --- */

static json *query_arg(const char *name, bool required, const char *doc, json *schema)
{
	return json_pack("{s:s, s:s, s:b, s:s, s:o}", "name", name, "in", "query", "required",
			 required, "description", doc, "schema", schema);
}

static json *zero_or_one(void)
{
	return text("{\"type\": \"integer\", \"enum\": [0, 1], \"default\": 0}");
}

/* "name=parameter" */
static const char *target(struct arena *a, const char *pair, const char **ret_name)
{
	const char *eq = strchr(pair, '=');

	*ret_name = eq ? arena_strndup(a, pair, (size_t)(eq - pair)) : pair;
	/* a default may follow */
	return eq ? arena_strndup(a, eq + 1, strcspn(eq + 1, ":")) : pair;
}

static struct strs words(struct arena *a, const char *spaced)
{
	return spaced ? strs_split(a, spaced, ' ') : (struct strs){ 0 };
}

static void row_query(struct doc *d, json *params, const struct rapi_row *row)
{
	struct strs l = words(d->a, row->query), needed = words(d->a, row->need);

	for (size_t i = 0; i < l.n; i++) {
		const char *name, *param = target(d->a, l.v[i], &name), *dflt = strchr(l.v[i], ':');
		const struct field *f = record_field(opcode_record(row->op), param);
		bool need = strs_has(&needed, name);
		json *s;

		if (!f)
			continue;
		s = f->type == &type_bool ? zero_or_one() : type_schema(d, f);
		if (dflt)
			s = json_set(json_pack("{s:[o]}", "allOf", s), "default",
				     json_new_str(dflt + 1));
		json_append(params, query_arg(name, need || (!dflt && !f->opt && !f->dflt), f->doc, s));
	}
}

/* Names in the path: they are strings but for numbers. */
static json *path_args(struct doc *d, const char *path)
{
	static const struct {
		const char *name, *doc;
	} docs[] = {
		{ "node_name", "Name or UUID of a node" },
		{ "instance_name", "Name or UUID of an instance" },
		{ "group_name", "Name or UUID of a node group" },
		{ "network_name", "Name or UUID of a network" },
		{ "filter_uuid", "UUID of a filter rule" },
		{ "job_id", "Number of a job" },
		{ "disk_index", "Number of a disk, from 0" },
		{ "query_resource", "What to list" },
	};
	json *out = json_new_array();

	for (const char *p = strchr(path, '<'); p; p = strchr(p + 1, '<')) {
		const char *name = arena_strndup(d->a, p + 1, strcspn(p + 1, ">"));
		const char *doc = NULL;
		bool number = strcmp(name, "job_id") == 0 || strcmp(name, "disk_index") == 0;
		json *s = strcmp(name, "query_resource") == 0 ?
				  enum_ref(d, &enum_query_resource) :
				  json_pack("{s:s}", "type", number ? "integer" : "string");

		for (size_t i = 0; i < ARRAY_SIZE(docs); i++)
			if (strcmp(docs[i].name, name) == 0)
				doc = docs[i].doc;
		if (!doc)
			abort(); /* a new kind of name: a line above */
		json_append(out, json_pack("{s:s, s:s, s:b, s:s, s:o}", "name", name, "in", "path",
					   "required", 1, "description", doc, "schema", s));
	}
	return out;
}

/* Is parameter F decided by the URL or by nobody, so that a body must not have it? */
static bool not_in_body(struct doc *d, const struct rapi_row *row, const struct field *f)
{
	struct strs query = words(d->a, row->query), forbidden = words(d->a, row->forbidden);
	json *fixed = row->fixed ? json_own(d->a, text(row->fixed)) : NULL;
	const char *wire = field_wire(f), *name;

	if (strcmp(wire, "reason") == 0 || json_has(fixed, wire) || strs_has(&forbidden, wire) ||
	    strstr(row->path, arena_printf(d->a, "<%s>", wire)))
		return true;
	if (row->item && strcmp(target(d->a, row->item, &name), wire) == 0)
		return true;
	for (size_t i = 0; i < query.n; i++) {

		if (strcmp(target(d->a, query.v[i], &name), wire) == 0)
			return true;
	}
	return false;
}

/* The parameters of opcode OP as a body of ROW; RENAME: keys with another name. */
static json *op_body(struct doc *d, const struct rapi_row *row, int op, const char *rename)
{
	const struct record *r = opcode_record(op);
	struct strs renames = words(d->a, rename), query = words(d->a, row->query);
	json *props = json_new_dict(), *required = json_new_array(), *s;

	for (size_t i = 0; i < r->n; i++) {
		const struct field *f = &r->fields[i];
		bool need = !f->opt && !f->dflt;
		const char *name;

		if (not_in_body(d, row, f))
			continue;
		for (size_t k = 0; k < renames.n; k++) {
			json *other;

			if (strcmp(target(d->a, renames.v[k], &name), field_wire(f)) != 0)
				continue;
			other = described(type_schema(d, f),
					  arena_printf(d->a, "The same as %s", field_wire(f)));
			json_set(props, name, other);
			need = false;
		}
		for (size_t k = 0; k < query.n; k++)
			if (strcmp(target(d->a, query.v[k], &name), field_wire(f)) == 0)
				need = false;
		json_set(props, field_wire(f), field_schema(d, f));
		if (need)
			json_append(required, json_new_str(field_wire(f)));
	}
	s = json_pack("{s:s, s:o, s:b}", "type", "object", "properties", props,
		      "additionalProperties", 0);
	if (json_len(required))
		json_set(s, "required", required);
	else
		json_put(required);
	return s;
}

/* --- what rows cannot say --- */

static const struct special {
	enum rapi_special id;
	const char *query; /* JSON list of query arguments */
	const char *body;  /* schema, or properties to merge into those of the opcode */
	const char *reply; /* schema; NULL: the id of a job */
} specials[] = {
	{ RAPI_null, .reply = J({ "type": "null" }) },
	{ RAPI_version, .reply = J({ "const": 2 }) },
	{ RAPI_features, .reply = J({ "type": "array", "items": { "type": "string" } }) },
	{ RAPI_info, .reply = J({ "type": "object" }) },
	{ RAPI_os, .reply = J({ "type": "array", "items": { "type": "string" } }) },
	{ RAPI_role_get,
	  .reply = J({ "enum": ["master", "master-candidate", "regular", "drained", "offline"] }) },
	{ RAPI_role_put,
	  .body = J({ "enum": ["master-candidate", "regular", "drained", "offline"] }) },
	{ RAPI_instance_create,
	  .body = J({ "__version__": { "const": 1, "description": "Version of this body" } }) },
	{ RAPI_reinstall,
	  .query = J([
		{ "name": "os", "in": "query", "schema": { "type": "string" },
		  "description": "Operating system, without a body" },
		{ "name": "nostartup", "in": "query", "schema": { "type": "integer", "enum": [0, 1] },
		  "description": "Leave the instance stopped, without a body" }
	  ]),
	  .body = J({
		"type": "object", "additionalProperties": false, "properties": {
			"os": { "type": ["string", "null"],
				"description": "Operating system, where it is to change" },
			"start": { "type": "boolean", "default": true,
				   "description": "Start the instance again" },
			"osparams": { "type": ["object", "null"], "description": "OS parameters" }
		}
	  }) },
	{ RAPI_replace_disks,
	  .query = J([
		{ "name": "mode", "in": "query", "schema": { "type": "string" },
		  "description": "Replacement mode, without a body" },
		{ "name": "disks", "in": "query", "schema": { "type": "string" },
		  "description": "Numbers of disks separated by commas, without a body" },
		{ "name": "remote_node", "in": "query", "schema": { "type": "string" },
		  "description": "New secondary node, without a body" },
		{ "name": "iallocator", "in": "query", "schema": { "type": "string" },
		  "description": "Allocator script name, without a body" }
	  ]),
	  .body = J({
		"disks": { "type": ["array", "string"], "items": { "type": "integer" }, "default": [],
			   "description":
				"Numbers of disks, as a list or separated by commas; empty means all" }
	  }) },
	{ RAPI_node_migrate,
	  .query = J([
		{ "name": "mode", "in": "query", "schema": { "enum": ["live", "non-live"] },
		  "description": "How instances move" },
		{ "name": "live", "in": "query", "schema": { "type": "integer", "enum": [0, 1] },
		  "deprecated": true, "description": "Older than mode" }
	  ]),
	  .body = J({}) },
	{ RAPI_storage_modify,
	  .query = J([
		{ "name": "allocatable", "in": "query",
		  "schema": { "type": "integer", "enum": [0, 1] },
		  "description": "Whether new disks may be put there; unchanged by default" }
	  ]) },
	{ RAPI_console,
	  .reply = J({
		"type": "object", "required": ["instance", "kind"], "properties": {
			"instance": { "type": "string", "description": "Name of the instance" },
			"kind": { "enum": ["ssh", "vnc", "spice", "msg"],
				  "description": "How to connect; msg: not at all" },
			"message": { "type": "string", "description": "Why there is no console" },
			"host": { "type": "string", "description": "Where to connect to" },
			"port": { "type": "integer", "description": "Port, where it is not the usual one" },
			"user": { "type": "string", "description": "User to log in as" },
			"command": { "type": "array", "items": { "type": "string" },
				     "description": "Command to run there" },
			"display": { "type": "integer", "description": "Number of the VNC display" }
		}
	  }) },
	{ RAPI_multi_alloc, .body = J({}) },
	{ RAPI_query,
	  .query = J([
		{ "name": "fields", "in": "query", "schema": { "type": "string" },
		  "description": "Names of fields separated by commas, unless the body has them" }
	  ]),
	  .body = J({
		"type": "object", "properties": {
			"fields": { "type": "array", "items": { "type": "string" },
				    "description": "Names of fields" },
			"qfilter": { "type": ["array", "null"],
				     "description": "Filter, such as [=, name, node1] with quotes" },
			"filter": { "type": ["array", "null"], "description": "The same as qfilter" }
		}
	  }),
	  .reply = J({
		"type": "object", "required": ["fields", "data"], "properties": {
			"fields": { "type": "array",
				    "items": { "$ref": "#/components/schemas/FieldDefinition" } },
			"data": { "type": "array",
				  "description": "A list for each object, of [status, value] for each field",
				  "items": { "type": "array",
					     "items": { "type": "array", "minItems": 2, "maxItems": 2 } } }
		}
	  }) },
	{ RAPI_query_fields,
	  .query = J([
		{ "name": "fields", "in": "query", "schema": { "type": "string" },
		  "description": "Names of fields separated by commas; all by default" }
	  ]),
	  .reply = J({
		"type": "object", "required": ["fields"], "properties": {
			"fields": { "type": "array",
				    "items": { "$ref": "#/components/schemas/FieldDefinition" } }
		}
	  }) },
	{ RAPI_job_cancel,
	  .reply = J({ "type": "array", "prefixItems": [{ "type": "boolean" }, { "type": "string" }],
		       "description": "Whether it worked, and a text" }) },
	{ RAPI_job_wait,
	  .body = J({
		"type": "object", "required": ["fields"], "properties": {
			"fields": { "type": "array", "items": { "type": "string" },
				    "description": "Job fields to watch" },
			"previous_job_info": { "description": "Values of the fields known so far, or null" },
			"previous_log_serial": { "type": ["integer", "null"],
						 "description": "Number of the last known log message" }
		}
	  }),
	  .reply = J({
		"anyOf": [{ "type": "null" }, {
			"type": "object", "properties": {
				"job_info": { "type": ["array", "null"],
					      "description": "New values of the fields" },
				"log_entries": { "type": ["array", "null"],
						 "description": "New log messages" }
			}
		}],
		"description": "What changed; null when nothing did for ten seconds"
	  }) },
	{ RAPI_filter_replace,
	  .body = J({
		"type": "object", "properties": {
			"priority": { "type": "integer", "minimum": 0, "default": 0,
				      "description": "Rules with lower numbers are looked at first" },
			"predicates": { "type": "array", "description": "All of these have to match" },
			"action": { "type": ["string", "array"],
				    "description":
					"ACCEPT, PAUSE, REJECT, CONTINUE or [RATE_LIMIT, number]" },
			"reason": { "type": "array",
				    "description": "Why the rule exists, a reason trail" }
		}
	  }),
	  .reply = J({ "type": "string", "description": "UUID of the rule" }) },
	{ RAPI_filter_delete, .reply = J({ "type": "null" }) },
};

static const struct special *special(enum rapi_special id)
{
	for (size_t i = 0; i < ARRAY_SIZE(specials); i++)
		if (specials[i].id == id)
			return &specials[i];
	return NULL;
}

static json *body(struct doc *d, const struct rapi_row *row)
{
	const struct special *sp = special(row->special);
	json *s, *more;

	if (sp && !sp->body)
		return NULL;
	more = sp ? json_own(d->a, text(sp->body)) : NULL;
	if (row->op < 0 || row->special == RAPI_role_put || row->special == RAPI_reinstall)
		return json_ref(more);
	if (row->no_body || strcmp(row->method, "GET") == 0)
		return NULL;
	s = op_body(d, row, row->op, row->rename);
	json_merge(json_get(s, "properties"), more);
	if (row->special == RAPI_instance_create)
		json_append(json_get(s, "required"), json_new_str("__version__"));
	if (row->special == RAPI_multi_alloc)
		json_set(json_get(s, "properties"), "instances",
			 json_pack("{s:s, s:o}", "type", "array", "items",
				   op_body(d, row, OP_instance_create,
					   "os=os_type name=instance_name")));
	return s;
}

/* --- replies --- */

static json *list_reply(struct doc *d, const char *resource)
{
	return json_pack("{s:[{s:s, s:o}, {s:s, s:o}]}", "anyOf", "type", "array", "items",
			 ref(d->a, "Link"), "type", "array", "items", object_ref(d, resource));
}

static json *reply(struct doc *d, const struct rapi_row *row)
{
	const struct special *sp = special(row->special);

	if (row->special == RAPI_jobs)
		return list_reply(d, "job");
	if (row->special == RAPI_job)
		return object_ref(d, "job");
	if (sp && sp->reply)
		return text(sp->reply);
	if (row->op >= 0)
		return ref(d->a, "JobId");
	if (row->tags)
		return text("{\"type\": \"array\", \"items\": {\"type\": \"string\"}}");
	return strchr(row->path, '<') ? object_ref(d, row->list) : list_reply(d, row->list);
}

static json *answered(const char *doc, json *schema)
{
	return json_pack("{s:s, s:{s:{s:o}}}", "description", doc, "content", "application/json",
			 "schema", schema);
}

static json *responses(struct doc *d, const struct rapi_row *row, bool input)
{
	json *out = json_new_dict();
	const struct {
		const char *status;
		bool may;
	} fails[] = {
		{ "400", input },	      { "401", true },
		{ "403", row->access != NULL }, { "404", strchr(row->path, '<') },
		{ "503", row->op >= 0 },      { "default", true },
	};

	json_set(out, "200", answered(row->op >= 0 ? "The job was submitted" : "As asked for",
				      reply(d, row)));
	for (size_t i = 0; i < ARRAY_SIZE(fails); i++)
		if (fails[i].may)
			json_set(out, fails[i].status,
				 json_pack("{s:s}", "$ref", "#/components/responses/Error"));
	return out;
}

/* --- operations --- */

static json *query_args(struct doc *d, const struct rapi_row *row)
{
	const struct special *sp = special(row->special);
	bool jobs = row->special == RAPI_jobs;
	json *out = json_new_array();

	if (row->op >= 0)
		row_query(d, out, row);
	if (jobs || (row->list && !strchr(row->path, '<')))
		json_append(out, query_arg("bulk", false, "Whole objects instead of links",
					   zero_or_one()));
	if (row->tags && row->op >= 0)
		json_append(out,
			    query_arg("tag", true, "A tag; may be repeated",
				      text("{\"type\": \"array\", \"items\": {\"type\": \"string\"}}")));
	if (sp && sp->query) {
		json *more = json_own(d->a, text(sp->query));

		json_items(more, i, arg)
			json_append(out, json_ref(arg));
	}
	if (row->op >= 0)
		json_append(out, json_pack("{s:s}", "$ref", "#/components/parameters/Reason"));
	return out;
}

/* "/2/instances/..." belongs to instances, "/2/info" to the cluster */
static const char *group(struct arena *a, const char *path)
{
	static const char *const groups[] = { "instances", "nodes", "groups", "networks",
					      "jobs",	   "filters", "query" };
	struct strs parts = strs_split(a, path, '/');
	const char *second = parts.n > 2 ? parts.v[2] : "";

	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		if (str_starts(second, groups[i]))
			return groups[i];
	return "cluster";
}

static json *operation(struct doc *d, const struct rapi_row *row)
{
	json *params = query_args(d, row), *in = body(d, row);
	json *op = json_pack("{s:s, s:s, s:[s]}", "operationId",
			     arena_printf(d->a, "%s_%s", str_lower(d->a, row->method), row->reason),
			     "summary", row->doc, "tags", group(d->a, row->path));
	bool input = in || json_len(params);

	if (row->op >= 0)
		json_set(op, "x-ganeti-opcode", json_new_str(opcode_name(row->op)));
	if (row->access) {
		struct strs l = strs_split(d->a, row->access, ',');

		json_set(op, "x-ganeti-access", json_new_strs(&l));
		json_set(op, "security", text("[{\"basic\": []}]"));
	}
	if (json_len(params))
		json_set(op, "parameters", params);
	else
		json_put(params);
	if (in)
		json_set(op, "requestBody",
			 json_pack("{s:b, s:{s:{s:o}}}", "required",
				   json_has(in, "required") || json_has(in, "enum"), "content",
				   "application/json", "schema", in));
	json_set(op, "responses", responses(d, row, input));
	return op;
}

static json *paths(struct doc *d)
{
	json *out = json_new_dict();
	size_t n;
	const struct rapi_row *rows = rapi_rows(&n);

	for (size_t i = 0; i < n; i++) {
		char *path = arena_strdup(d->a, rows[i].path);
		json *item;

		for (char *p = path; *p; p++)
			*p = (char)(*p == '<' ? '{' : *p == '>' ? '}' : *p);
		item = json_get(out, path);
		if (!item) {
			json *args = path_args(d, rows[i].path);

			item = json_new_dict();
			json_set(out, path, item);
			if (json_len(args))
				json_set(item, "parameters", args);
			else
				json_put(args);
		}
		json_set(item, str_lower(d->a, rows[i].method), operation(d, &rows[i]));
	}
	return out;
}

static json *components(struct doc *d)
{
	static const struct {
		const char *name, *schema;
	} more[] = {
		{ "JobId", J({ "type": "integer", "minimum": 1,
			       "description": "Number of the job, see /2/jobs/{job_id}" }) },
		{ "Link", J({
			"type": "object", "required": ["uri"], "description": "Name and path of an object",
			"properties": {
				"uri": { "type": "string", "description": "Path of the object" },
				"id": { "type": ["string", "integer"],
					"description": "Name of an instance or node, number of a job" },
				"name": { "type": "string", "description": "Name of a group or network" },
				"uuid": { "type": "string", "description": "UUID of a filter rule" }
			}
		}) },
		{ "FieldDefinition", J({
			"type": "object", "description": "What a field is", "properties": {
				"name": { "type": "string", "description": "Name in requests" },
				"title": { "type": "string", "description": "Title of a column" },
				"kind": { "enum": ["unknown", "text", "bool", "number", "float", "unit",
						   "timestamp", "other"],
					  "description": "Kind of its values" },
				"doc": { "type": "string", "description": "One line about it" }
			}
		}) },
		{ "Error", J({
			"type": "object", "required": ["code", "message", "explain"],
			"description": "Why a request failed", "properties": {
				"code": { "type": "integer", "description": "HTTP status" },
				"message": { "type": "string",
					     "description": "What is wrong, with HTML escapes" },
				"explain": { "type": "string", "description": "What the status means" }
			}
		}) },
	};

	for (size_t i = 0; i < ARRAY_SIZE(more); i++)
		json_set(d->schemas, more[i].name, text(more[i].schema));
	return json_set(
		text(J({
			"responses": {
				"Error": { "description": "The request failed",
					   "content": { "application/json": {
						"schema": { "$ref": "#/components/schemas/Error" } } } }
			},
			"parameters": {
				"Reason": { "name": "reason", "in": "query", "schema": { "type": "string" },
					    "description": "Why this is done, kept with the job" }
			},
			"securitySchemes": { "basic": { "type": "http", "scheme": "basic" } }
		})),
		"schemas", json_ref(d->schemas));
}

json *dump_openapi(void)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct doc d = { a, json_own(a, json_new_dict()) };
	json *info = text(J({
		"title": "Ganeti remote API",
		"description": "Resources that change something answer at once with the number of a job.",
		"license": { "name": "BSD-2-Clause", "identifier": "BSD-2-Clause" }
	}));
	json *all = json_pack("{s:s, s:o}", "openapi", "3.1.0", "info",
			      json_set(info, "version", json_new_str(RELEASE_VERSION)));

	json_set(all, "servers", text(J([{
		"url": "https://{cluster}:5080",
		"variables": { "cluster": { "default": "cluster.example.com",
					    "description": "Name of the cluster" } }
	}])));
	json_set(all, "security", text(J([{ "basic": [] }, {}])));
	json_set(all, "paths", paths(&d));
	return json_set(all, "components", components(&d));
}
