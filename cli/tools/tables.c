/* All rows as JSON: what tests compare with upstream's interface, and other programs can read. */
#include "cli/common/common.h"
#include "cli/tools/dump.h"
#include "src/schema/list/lists.h"
#include "src/schema/options.h"
#include "src/schema/rapi.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static json *opcodes(void)
{
	json *out = json_new_dict();

	for (int i = 0; i < OPCODE_COUNT; i++) {
		json *d = record_describe(opcode_record(i));

		json_set(d, "dsc", json_new_str(opcode_attr(i)->dsc));
		json_set(d, "implemented", json_new_bool(!opcode_attr(i)->todo));
		json_set(out, opcode_name(i), d);
	}
	return out;
}

static json *rpcs(void)
{
	json *out = json_new_dict();

	for (int i = 0; i < RPC_COUNT; i++) {
		const struct rpc_attr *a = rpc_attr(i);
		json *d = record_describe(rpc_record(i));

		json_set(d, "timeout", json_new_int(a->timeout));
		json_set(d, "multi", json_new_bool(a->multi));
		json_set(d, "offline_ok", json_new_bool(a->offline_ok));
		json_set(d, "bare", json_new_bool(a->bare));
		json_set(d, "implemented", json_new_bool(!a->todo));
		json_set(out, rpc_name(i), d);
	}
	return out;
}

static json *luxi(void)
{
	json *out = json_new_dict();

	for (int i = 0; i < LUXI_COUNT; i++)
		json_set(out, luxi_name(i), record_describe(luxi_record(i)));
	return out;
}

/* "a b=c" as {"a": "a", "b": "c"} */
static json *renames(const char *text)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct strs l = { 0 };
	json *out = json_new_dict();

	if (text && *text)
		l = strs_split(a, text, ' ');
	for (size_t i = 0; i < l.n; i++) {
		const char *eq = strchr(l.v[i], '=');

		json_set(out, eq ? arena_strndup(a, l.v[i], (size_t)(eq - l.v[i])) : l.v[i],
			 json_new_str(eq ? eq + 1 : l.v[i]));
	}
	return out;
}

static json *words(const char *text, char separator)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct strs l = { 0 };

	if (text && *text)
		l = strs_split(a, text, separator);
	return json_new_strs(&l);
}

static json *rapi(void)
{
	json *out = json_new_array();
	size_t n;
	const struct rapi_row *rows = rapi_rows(&n);
	struct arena *a CLEANUP(arena_freep) = arena_new();

	for (size_t i = 0; i < n; i++)
		json_append(out, json_pack("{s:s, s:s, s:s, s:o, s:s, s:o, s:o, s:o, s:s, s:s, s:s}",
					   "name", arena_printf(a, "%s %s", rows[i].method, rows[i].path),
					   "method", rows[i].method, "path", rows[i].path, "access",
					   words(rows[i].access, ','), "opcode",
					   rows[i].op >= 0 ? opcode_name(rows[i].op) : NULL, "query",
					   renames(rows[i].query), "rename", renames(rows[i].rename),
					   "forbidden", words(rows[i].forbidden, ' '), "list",
					   rows[i].list, "tags", rows[i].tags, "doc", rows[i].doc));
	return out;
}

static json *rapi_features_list(void)
{
	json *out = json_new_array();

	for (const char *const *f = rapi_features(); *f; f++)
		json_append(out, json_new_str(*f));
	return out;
}

static json *rapi_field_lists(void)
{
	json *out = json_new_dict();

	for (size_t i = 0; i < enum_query_resource.n; i++) {
		const char *name = enum_query_resource.items[i].name;
		const struct rapi_fields *f = rapi_fields(name);

		if (f)
			json_set(out, name, json_pack("{s:s, s:o, s:o}", "key", f->key, "bulk",
						      words(f->bulk, ' '), "one", words(f->one, ' ')));
	}
	return out;
}

static json *objects(void)
{
	json *out = json_new_dict();

#define OBJECT(id, ...) json_set(out, #id, record_describe(rec_##id()));
#define FIELD(...)
#define END(id)
#include "src/schema/objects.def"
#undef OBJECT
#undef FIELD
#undef END
	return out;
}

static json *hypervisors(void)
{
	json *out = json_new_dict();

	for (size_t i = 0; i < enum_hypervisor.n; i++)
		json_set(out, enum_hypervisor.items[i].name,
			 record_describe(hvparams_record((int)i)));
	return out;
}

static json *enums(void)
{
	json *out = json_new_dict();

#define ENUM(id, ...) json_set(out, #id, enum_describe(&enum_##id));
#define ITEM(id, suffix, wire, doc)
#define END_ENUM(id)
#include "src/schema/enums.def"
#undef ENUM
#undef ITEM
#undef END_ENUM
	return out;
}

static json *query_fields(void)
{
	json *out = json_new_dict();

	for (size_t i = 0; i < enum_query_resource.n; i++) {
		const char *name = enum_query_resource.items[i].name;

		json_set(out, name, dump_fields(name)); /* null: no fields of its own */
	}
	return out;
}

static json *errors(void)
{
	json *classes = json_new_dict(), *codes = json_new_dict();

	for (const struct err_row *e = err_rows; e->name; e++)
		if (e->parent)
			json_set(classes, e->name, json_pack("{s:s, s:s}", "parent", e->parent, "doc", e->doc));
		else
			json_set(codes, e->name, json_pack("{s:s}", "doc", e->doc));
	return json_pack("{s:o, s:o}", "classes", classes, "codes", codes);
}

static json *hooks(void)
{
	json *out = json_new_array(), *keys = json_new_array();

	for (const struct hook_row *h = hook_rows; h->path; h++)
		json_append(out, json_pack("{s:s, s:s, s:s, s:o, s:b, s:b, s:s}", "name", h->path,
					   "opcode", h->op >= 0 ? opcode_name(h->op) : NULL, "object",
					   h->object, "keys", words(h->keys, ' '), "instance",
					   h->instance, "network", h->network, "doc", h->doc));
	for (const struct hook_key *k = hook_keys; k->key; k++)
		json_append(keys, json_pack("{s:s, s:s, s:s}", "name", k->key, "kind", k->kind, "doc", k->doc));
	return json_pack("{s:o, s:o}", "paths", out, "keys", keys);
}

static json *constants(void)
{
	json *out = json_new_dict();

	for (const struct const_row *c = const_rows; c->name; c++) {
		json *v = c->kind == CONST_INT ? json_new_int(c->i) :
			  c->kind == CONST_NUM ? json_new_float(c->d) :
						 json_new_str(c->s);

		json_set(out, c->name, json_pack("{s:s, s:o, s:s}", "upstream", c->upstream, "value", v,
						 "doc", c->doc));
	}
	return out;
}

static json *templates(void)
{
	json *out = json_new_dict();

	for (size_t i = 0; i < enum_disk_template.n; i++) {
		const struct template_traits *t = template_traits((disk_template_t)i);
		json *d = json_pack("{s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:b}", "lvm", t->lvm, "block", t->block,
				    "filebased", t->filebased, "int_mirror", t->int_mirror, "ext_mirror", t->ext_mirror,
				    "growable", t->growable, "copyable", t->copyable, "snapshot", t->snapshot);
		json *more CLEANUP(json_putp) =
			json_pack("{s:b, s:b, s:b, s:b, s:b, s:s}", "may_adopt", t->may_adopt, "must_adopt", t->must_adopt,
				  "exclusive_storage", t->exclusive_storage, "userspace", t->userspace, "no_space_check",
				  t->no_space_check, "storage", enum_name(&enum_storage_type, t->storage));

		json_merge(d, more);
		json_set(out, enum_disk_template.items[i].name, d);
	}
	return out;
}

static json *worker_calls(void)
{
	json *out = json_new_dict();

#define WCONF(method, text) json_set(out, #method, json_pack("{s:s}", "doc", text));
#include "src/schema/wconf.def"
#undef WCONF
	return out;
}

static json *verify_codes(void)
{
	json *out = json_new_dict();

	for (size_t i = 0; i < enum_cv_errcode.n; i++)
		json_set(out, enum_cv_errcode.items[i].name,
			 json_new_str(cv_item_type((enum cv_errcode)i)));
	return out;
}

static json *ssconf(void)
{
	json *out = json_new_dict();

#define SSCONF(id, name, doc) json_set(out, name, json_pack("{s:s}", "doc", doc));
#include "src/env/ssconf.def"
#undef SSCONF
	return out;
}

/* Locations before configure has its say: ${localstatedir}/lib/ganeti. */
#undef LOCALSTATEDIR
#undef SYSCONFDIR
#undef PKGLIBDIR
#undef PKGDATADIR
#define LOCALSTATEDIR "${localstatedir}"
#define SYSCONFDIR "${sysconfdir}"
#define PKGLIBDIR "${pkglibdir}"
#define PKGDATADIR "${pkgdatadir}"
/* The rows' attributes, as far as they are of interest here. */
struct path_attr {
	bool fixed, dir, make;
	int mode, owner, group;
	const char *doc;
};

static json *path(const char *where, struct path_attr a)
{
	return json_pack("{s:s, s:b, s:s}", "location", where, "directory", a.dir || a.make, "doc", a.doc);
}

static json *paths(void)
{
	json *out = json_new_dict();

#define PATH(id, where, ...) json_set(out, #id, path(where, (struct path_attr){ __VA_ARGS__ }));
#include "src/env/paths.def"
#undef PATH
	return out;
}

/* --- programs --- */

static const char *option_kind(const struct option_row *o)
{
	static const char *const names[] = {
		[OPT_FLAG] = "flag", [OPT_FLAG_OFF] = "flag off", [OPT_COUNT] = "count",
		[OPT_COUNT_DOWN] = "count down", [OPT_CONST] = "constant", [OPT_IGNORED] = "ignored",
		[OPT_STRING] = "text", [OPT_INT] = "integer", [OPT_FLOAT] = "number",
		[OPT_UNIT] = "size", [OPT_BOOL] = "yes or no", [OPT_LIST] = "list",
		[OPT_KEYVAL] = "key=value", [OPT_IDENT_KEYVAL] = "name:key=value",
		[OPT_CHOICE] = "choice", [OPT_APPEND] = "text, repeated",
		[OPT_APPEND_CHOICE] = "choice, repeated",
		[OPT_APPEND_IDENT_KEYVAL] = "name:key=value, repeated",
		[OPT_KEYPRIVVAL] = "key=secret", [OPT_MULTI_SPECS] = "specs",
		[OPT_MAYBE_FLOAT] = "number or default", [OPT_JSON] = "JSON",
	};
	_Static_assert(ARRAY_SIZE(names) == OPT_TYPES, "a type of option has no name");

	return names[o->type];
}

static json *option(const struct option_row *o)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct strs names = opt_names(o, a), choices = opt_choices(o, a);
	const char letter[] = { '-', o->letter, 0 };
	json *d = json_pack("{s:s, s:s, s:s, s:b, s:b, s:s, s:s}", "name",
			    names.n ? arena_printf(a, "--%s", names.v[0]) : letter, "short",
			    o->letter ? letter : NULL, "kind", option_kind(o), "value",
			    opt_takes_value(o), "bare", o->bare != NULL, "dest", opt_dest(o), "doc", o->doc);
	json *v = NULL;

	if (names.n > 1)
		json_set(d, "names", json_new_strs(&names));
	if (o->dflt && json_parse(o->dflt, strlen(o->dflt), &v, NULL) == 0)
		json_set(d, "default", v);
	if (choices.n)
		json_set(d, "choices", json_new_strs(&choices));
	return d;
}

static int by_name(const void *x, const void *y)
{
	const struct option_row *const *a = x, *const *b = y;

	return strcmp(*(*a)->names ? (*a)->names : "~", *(*b)->names ? (*b)->names : "~");
}

static json *options(const struct option_row *const *rows)
{
	const struct option_row *sorted[128];
	json *out = json_new_array();
	size_t n = 0;

	while (rows[n] && n < ARRAY_SIZE(sorted)) {
		sorted[n] = rows[n];
		n++;
	}
	assert(!rows[n]);
	qsort(sorted, n, sizeof(sorted[0]), by_name);
	for (size_t i = 0; i < n; i++)
		json_append(out, option(sorted[i]));
	return out;
}

static json *program_list(const struct program_row *rows)
{
	json *out = json_new_dict();

	for (const struct program_row *p = rows; p->name; p++) {
		json *args = p->args == CPL_NONE ? NULL :
						   json_pack("{s:s, s:i, s:i}", "kind",
							     p->args == CPL_FILE ? "file" : "host",
							     "min", p->min, "max", p->max);

		json_set(out, p->name, json_pack("{s:s, s:s, s:b, s:o, s:o}", "usage", p->usage, "doc",
						 p->doc, "implemented", !p->todo, "args", args, "options",
						 options(p->opts)));
	}
	return out;
}

static json *commands(void)
{
	json *out = json_new_dict();

	for (const struct program *p = programs; p->name; p++) {
		json *d = json_new_dict();

		for (size_t i = 0; i < p->n; i++) {
			const struct command *c = &p->commands[i];

			json_set(d, c->name, json_pack("{s:s, s:s, s:s, s:o}", "usage", c->usage, "doc", c->doc,
						       "opcode", c->has_op ? opcode_name(c->op) : NULL,
						       "options", options(c->opts)));
		}
		json_set(out, p->name, d);
	}
	return out;
}

json *dump_tables(void)
{
	json *out = json_new_dict();

	json_set(out, "opcodes", opcodes());
	json_set(out, "rpcs", rpcs());
	json_set(out, "luxi", luxi());
	json_set(out, "errors", errors());
	json_set(out, "rapi", rapi());
	json_set(out, "rapi_features", rapi_features_list());
	json_set(out, "rapi_fields", rapi_field_lists());
	json_set(out, "objects", objects());
	json_set(out, "hypervisors", hypervisors());
	json_set(out, "enums", enums());
	json_set(out, "fields", query_fields());
	json_set(out, "hooks", hooks());
	json_set(out, "verify_codes", verify_codes());
	json_set(out, "constants", constants());
	json_set(out, "disk_templates", templates());
	json_set(out, "worker_calls", worker_calls());
	json_set(out, "ssconf", ssconf());
	json_set(out, "paths", paths());
	json_set(out, "daemons", program_list(daemon_rows));
	json_set(out, "htools", program_list(htool_rows));
	json_set(out, "commands", commands());
	return out;
}
