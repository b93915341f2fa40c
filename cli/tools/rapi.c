/* The REST reference as text: what the OpenAPI document says, for people. */
#include "cli/tools/dump.h"
#include "lib/ui/ui.h"
#include "src/schema/schema.h"

#include <string.h>

#define WIDTH 100

struct text {
	struct arena *a;
	struct str *out;
	const json *doc;
};

/* parameters of all opcodes: described once */
static const char *const common[] = {
#define USE(name) #name,
	OP_COMMON
#undef USE
};

static bool is_common(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(common); i++)
		if (strcmp(common[i], name) == 0)
			return true;
	return false;
}

static void para(struct text *t, size_t indent, const char *text)
{
	str_addf(t->out, "%*s", (int)indent, "");
	ui_wrap(t->out, text, WIDTH - indent, indent);
	str_addc(t->out, '\n');
}

static void heading(struct text *t, const char *title, char line)
{
	str_addf(t->out, "\n%s\n", title);
	for (size_t n = strlen(title); n; n--)
		str_addc(t->out, line);
	str_add(t->out, "\n\n");
}

static const char *last_part(const char *ref)
{
	return strrchr(ref, '/') + 1;
}

/* --- types in words --- */

static const char *type_text(struct text *t, const json *s);

static const char *word(const char *type)
{
	return str_eq(type, "array") ? "list" : str_eq(type, "object") ? "dictionary" : type;
}

static const char *join_types(struct text *t, const json *list, const char *sep)
{
	struct strs l = { 0 };

	json_items(list, i, s)
		strs_add(t->a, &l, json_str(s) ? word(json_str(s)) : type_text(t, s));
	return strs_join(t->a, &l, sep);
}

static const char *enum_text(struct text *t, const json *list)
{
	struct strs l = { 0 };

	json_items(list, i, v)
		strs_add(t->a, &l, json_str(v) && *json_str(v) ? json_str(v) :
				   json_str(v)		       ? "empty" :
								 json_dump_in(t->a, v));
	return strs_join(t->a, &l, ", ");
}

static const char *type_text(struct text *t, const json *s)
{
	const json *any = json_get(s, "anyOf"), *type = json_get(s, "type");
	const char *ref = json_get_str(s, "$ref");

	if (ref)
		return last_part(ref);
	/* a key of parameters: or the word that takes it away again */
	if (json_len(any) == 2 && str_eq(json_str(json_at(json_get(json_at(any, 1), "enum"), 0)), "default"))
		return type_text(t, json_at(any, 0));
	if (any)
		return join_types(t, any, " or ");
	if (json_has(s, "const"))
		return json_dump_in(t->a, json_get(s, "const"));
	if (json_get(s, "enum"))
		return arena_printf(t->a, "one of: %s", enum_text(t, json_get(s, "enum")));
	if (json_is(type, JSON_ARRAY))
		return join_types(t, type, " or ");
	if (str_eq(json_str(type), "array") && json_get(s, "items"))
		return arena_printf(t->a, "list of %s", type_text(t, json_get(s, "items")));
	return json_str(type) ? word(json_str(type)) : "any value";
}

static void property(struct text *t, size_t indent, const char *name, const json *p, bool required)
{
	const char *dflt = "", *doc = json_get_str(p, "description");

	if (json_has(p, "default"))
		dflt = arena_printf(t->a, ", default %s",
				    json_dump_in(t->a, json_get(p, "default")));
	str_addf(t->out, "%*s%s (%s%s%s)\n", (int)indent, "", name, type_text(t, p), dflt,
		 required ? ", required" : "");
	if (doc)
		para(t, indent + 4, doc);
}

/* How many were left out because every body may have them. */
static size_t properties(struct text *t, size_t indent, const json *s, bool of_opcode)
{
	struct strs required = json_strs(t->a, json_get(s, "required"));
	size_t left_out = 0;

	json_each(json_get(s, "properties"), name, p) {
		if (of_opcode && is_common(name))
			left_out++;
		else
			property(t, indent, name, p, strs_has(&required, name));
	}
	return left_out;
}

/* --- operations --- */

static const json *parameter(struct text *t, const json *p)
{
	const char *ref = json_get_str(p, "$ref");

	return ref ? json_get(json_get(json_get(t->doc, "components"), "parameters"), last_part(ref)) :
		     p;
}

static void query(struct text *t, const json *list)
{
	if (!json_len(list))
		return;
	para(t, 4, "Query arguments:");
	json_items(list, i, item) {
		const json *p = parameter(t, item);

		para(t, 8,
		     arena_printf(t->a, "%s (%s%s): %s", json_get_str(p, "name"),
				  type_text(t, json_get(p, "schema")),
				  json_get_bool(p, "required", false) ? ", required" : "",
				  json_get_str(p, "description")));
	}
}

static const json *content(const json *j)
{
	return json_get(json_get(json_get(j, "content"), "application/json"), "schema");
}

static void body(struct text *t, const json *request, bool of_opcode)
{
	const json *s = content(request);

	if (!s)
		return;
	if (!json_get(s, "properties")) {
		para(t, 4, arena_printf(t->a, "Body: %s", type_text(t, s)));
		return;
	}
	para(t, 4, json_get_bool(request, "required", false) ? "Body, a dictionary:" :
							       "Body, a dictionary; may be left out:");
	if (properties(t, 8, s, of_opcode))
		para(t, 8, "and what all opcodes take, see above");
}

static void reply(struct text *t, const json *op)
{
	const json *s = content(json_get(json_get(op, "responses"), "200"));
	const char *type = type_text(t, s), *doc = json_get_str(s, "description");

	para(t, 4,
	     arena_printf(t->a, "Reply: %s%s%s", str_eq(type, "JobId") ? "number of the job" : type,
			  doc ? ". " : "", doc ? doc : ""));
	if (json_get(s, "properties"))
		properties(t, 8, s, false);
}

static const char *plain_path(struct text *t, const char *path)
{
	char *p = arena_strdup(t->a, path);

	for (char *c = p; *c; c++)
		*c = (char)(*c == '{' ? '<' : *c == '}' ? '>' : *c);
	return p;
}

static void operation(struct text *t, const char *method, const char *path, const json *op)
{
	struct strs access = json_strs(t->a, json_get(op, "x-ganeti-access"));
	const char *opcode = json_get_str(op, "x-ganeti-opcode");

	str_addf(t->out, "%s %s\n", str_upper(t->a, method), plain_path(t, path));
	para(t, 4, arena_printf(t->a, "%s.", json_get_str(op, "summary")));
	if (opcode)
		para(t, 4, arena_printf(t->a, "Submits %s.", opcode));
	if (access.n)
		para(t, 4, arena_printf(t->a, "For users with the right to %s.",
					strs_join(t->a, &access, " or ")));
	query(t, json_get(op, "parameters"));
	body(t, json_get(op, "requestBody"), opcode != NULL);
	reply(t, op);
	str_addc(t->out, '\n');
}

static void schema(struct text *t, const char *name, const json *s)
{
	const char *doc = json_get_str(s, "description");

	str_addf(t->out, "%s\n", name);
	/* enumerations have a line for each value */
	if (json_get(s, "enum")) {
		struct strs lines = strs_split(t->a, doc, '\n');

		for (size_t i = 0; i < lines.n; i++)
			para(t, 4, lines.v[i]);
	} else if (doc) {
		para(t, 4, doc);
	}
	properties(t, 4, s, false);
	str_addc(t->out, '\n');
}

/* Of a body that has all of them. */
static json *common_schema(const json *doc)
{
	const json *body = content(json_get(json_get(json_get(json_get(doc, "paths"), "/2/modify"), "put"),
					    "requestBody"));
	json *props = json_new_dict();

	json_each(json_get(body, "properties"), name, p)
		if (is_common(name))
			json_set(props, name, json_ref(p));
	return json_pack("{s:o}", "properties", props);
}

void dump_rapi(struct str *out)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	json *doc = json_own(a, dump_openapi());
	struct text t = { a, out, doc };

	str_add(out, "Ganeti remote API\n=================\n\n");
	para(&t, 0,
	     "Requests and replies are JSON over HTTPS, port 5080 of the master's address, with HTTP basic "
	     "authentication (see ganeti-rapi(8) for users and rights). What changes something is done by a "
	     "job: the reply is its number, and /2/jobs/<job_id> tells how it goes. A request that cannot be "
	     "served is answered with its HTTP status and a dictionary of code, message and explain.");
	str_addc(out, '\n');
	para(&t, 0,
	     "Values of parameters (hvparams, beparams and the like) may also be the word default, or null: "
	     "the cluster's value applies again.");
	heading(&t, "What all opcodes take", '-');
	para(&t, 0, "Bodies of requests that submit a job may also have these, where the address does not say "
		    "them already:");
	str_addc(out, '\n');
	properties(&t, 4, json_own(a, common_schema(doc)), false);
	heading(&t, "Resources", '-');
	json_each(json_get(doc, "paths"), path, item)
		json_each(item, method, op)
			if (json_is(op, JSON_DICT))
				operation(&t, method, path, op);
	heading(&t, "Dictionaries and words", '-');
	json_each(json_get(json_get(doc, "components"), "schemas"), name, s)
		schema(&t, name, s);
}
