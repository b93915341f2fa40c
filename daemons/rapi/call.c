/* From the request to a row, and from rows to opcodes and queries. */
#include "daemons/rapi/rapi.h"

#include "lib/base/clock.h"
#include "lib/base/parse.h"

#include <string.h>

struct strs rapi_names(struct arena *a, const char *spaced)
{
	return spaced && *spaced ? strs_split(a, spaced, ' ') : (struct strs){ 0 };
}

int64_t rapi_query_int(struct rcall *c, const char *name, int64_t dflt)
{
	const char *s = http_query(c->req, name, 0);
	int64_t v;

	return s && parse_int(s, &v) == 0 ? v : dflt;
}

json *rapi_map_fields(struct rcall *c, const char *names, const json *row)
{
	struct strs l = rapi_names(c->a, names);
	json *out = json_new_dict();

	for (size_t i = 0; i < l.n; i++)
		json_set(out, l.v[i], json_ref(json_at(row, i)));
	return out;
}

/* --- routing --- */

/* Does PATH match PATTERN ("/2/nodes/<node_name>/role")? Names go into DICT. */
static bool path_matches(struct arena *a, const char *pattern, const char *path, json *dict)
{
	struct strs p = strs_split(a, pattern, '/'), s = strs_split(a, path, '/');

	if (s.n > 2 && !*s.v[s.n - 1])
		s.n--; /* a slash at the end is fine */
	if (p.n != s.n)
		return false;
	for (size_t i = 0; i < p.n; i++) {
		size_t n = strlen(p.v[i]);

		if (n > 2 && p.v[i][0] == '<') {
			if (!*s.v[i])
				return false;
			json_set(dict, arena_strndup(a, p.v[i] + 1, n - 2),
				 json_new_str(s.v[i]));
		} else if (strcmp(p.v[i], s.v[i]) != 0) {
			return false;
		}
	}
	return true;
}

/* The row; *RET_PATH_KNOWN tells whether another method would have matched. */
static const struct rapi_row *route(struct rcall *c, bool *ret_path_known)
{
	const char *path = http_path(c->req), *method = http_method_name(c->req);
	const struct rapi_row *found = NULL;
	size_t n;
	const struct rapi_row *rows = rapi_rows(&n);

	*ret_path_known = false;
	for (size_t i = 0; i < n; i++) {
		json *names = json_own(c->a, json_new_dict());

		if (!path_matches(c->a, rows[i].path, path, names))
			continue;
		*ret_path_known = true;
		if (strcmp(rows[i].method, method) == 0 && !found) {
			found = &rows[i];
			c->path = names;
		}
	}
	return found;
}

/* --- opcodes --- */

static json *reason_trail(struct rcall *c)
{
	json *out = json_new_array();
	int64_t now = (int64_t)(clock_real() * 1e9);
	const char *user = http_query(c->req, "reason", 0);

	if (user)
		json_append(out, json_pack("[s, s, I]", "gnt:user", user, now));
	return json_append(out, json_pack("[s, s, I]",
					  arena_printf(c->a, "gnt:library:rlib2:%s", c->row->reason),
					  "", now));
}

/* A query argument as the parameter's type wants it. */
static json *argument(const struct field *f, const char *text)
{
	int64_t v;

	if (f->type == &type_bool)
		return json_new_bool(parse_int(text, &v) == 0 && v != 0);
	if ((f->type == &type_int || f->type == &type_uint) && parse_int(text, &v) == 0)
		return json_new_int(v);
	if (f->type == &type_strs) {
		struct arena *a CLEANUP(arena_freep) = arena_new();
		struct strs l = strs_split(a, text, ',');

		return json_new_strs(&l);
	}
	return json_new_str(text);
}

/* Parameters the URL decides: names in the path, query arguments, what the row fixes. */
static json *static_params(struct rcall *c, const struct record *r, const json *fixed)
{
	json *out = json_own(c->a, json_new_dict());
	struct strs query = rapi_names(c->a, c->row->query);
	json *row_fixed = NULL;

	json_each(c->path, name, v) {
		const char *param = strcmp(name, "disk_index") == 0 ? "disk" : name;
		const struct field *f = record_field(r, param);

		if (f)
			json_set(out, param, argument(f, json_str(v)));
	}
	for (size_t i = 0; i < query.n; i++) {
		const char *eq = strchr(query.v[i], '=');
		const char *name = eq ? arena_strndup(c->a, query.v[i], (size_t)(eq - query.v[i])) :
					query.v[i];
		const char *param = eq ? eq + 1 : name, *text = http_query(c->req, name, 0);
		const struct field *f = record_field(r, param);

		if (f && (text || f->type == &type_bool))
			json_set(out, param, argument(f, text ? text : "0"));
	}
	if (c->row->fixed &&
	    json_parse(c->row->fixed, strlen(c->row->fixed), &row_fixed, NULL) == 0)
		json_merge(out, json_own(c->a, row_fixed));
	return json_merge(out, fixed);
}

/* Body keys under their parameter names. */
static json *renamed(struct rcall *c, const json *body, const char *rename)
{
	struct strs l = rapi_names(c->a, rename);
	json *out = json_own(c->a, json_merge(json_new_dict(), body));

	for (size_t i = 0; i < l.n; i++) {
		const char *eq = strchr(l.v[i], '=');
		const char *from = arena_strndup(c->a, l.v[i], (size_t)(eq - l.v[i]));

		if (!json_has(out, from))
			continue;
		json_set(out, eq + 1, json_ref(json_get(out, from)));
		json_del(out, from);
	}
	return out;
}

/* upstream's class name of an opcode: OpInstanceCreate */
static char *class_name(struct arena *a, const char *id)
{
	char *out = arena_printf(a, "Op%s", id), *w = out + 2;
	bool start = true;

	for (const char *p = id; *p; p++) {
		if (*p == '_') {
			start = true;
			continue;
		}
		*w++ = start && *p >= 'a' && *p <= 'z' ? (char)(*p - 32) : *p;
		start = false;
	}
	*w = '\0';
	return out;
}

static bool body_allowed(struct rcall *c, const struct record *r, const json *statics,
			 const json *body)
{
	struct strs forbidden = rapi_names(c->a, c->row->forbidden), clash = { 0 };

	json_each(body, key, v) {
		(void)v;
		if (json_has(statics, key))
			strs_add(c->a, &clash, arena_printf(c->a, "'%s'", key));
	}
	if (clash.n) {
		strs_sort(&clash);
		rapi_failf(c, 400, "Can't overwrite static parameters {%s}",
			   strs_join(c->a, &clash, ", "));
		return false;
	}
	json_each(body, key, v) {
		(void)v;
		if (strs_has(&forbidden, key)) {
			rapi_failf(c, 403, "Parameter '%s' can't be changed over this interface",
				   key);
			return false;
		}
		if (!record_field(r, key)) {
			rapi_failf(c, 400,
				   "Invalid body parameters: Object %s doesn't support the "
				   "parameter '%s'",
				   class_name(c->a, r->id), key);
			return false;
		}
	}
	return true;
}

json *rapi_opcode(struct rcall *c, int op, const json *fixed, const json *body, const char *rename)
{
	const struct record *r = opcode_record(op);
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *statics = static_params(c, r, fixed), *out;
	enum opcode parsed;
	void *value;

	if (body && !json_is(body, JSON_DICT)) {
		rapi_failf(c, 400, "Body contents: Type is '%s', but 'dict' is expected",
			   json_kind_name(body));
		return NULL;
	}
	body = renamed(c, body, rename);
	if (!body_allowed(c, r, statics, body))
		return NULL;
	out = json_own(c->a, json_new_dict());
	json_set(out, "OP_ID", json_new_str(opcode_name(op)));
	json_merge(out, statics);
	json_merge(out, body);
	json_set(out, "reason", reason_trail(c));
	if (opcode_parse(c->a, out, &parsed, &value, &e) < 0) {
		/* upstream shows the exception's arguments as a Python tuple, without the detail */
		char *msg = arena_strdup(c->a, err_msg(&e)), *detail = strstr(msg, " fails validation");

		if (detail)
			detail[strlen(" fails validation")] = '\0';
		rapi_failf(c, 400, "Invalid body parameters: (\"%s\", '%s')", msg,
			   e.code ? e.code : ECODE_INVAL);
		return NULL;
	}
	return json_ref(out);
}

static void submitted(struct rcall *c, json *result)
{
	rapi_reply(c, json_ref(result));
}

void rapi_submit(struct rcall *c, json *ops)
{
	rapi_ask(c, LUXI_SubmitJob, json_pack("[o]", ops), submitted);
}

/* --- rows that say everything --- */

static void submit_row(struct rcall *c, const json *fixed)
{
	json *op = rapi_opcode(c, c->row->op, fixed, c->body, c->row->rename);

	if (op)
		rapi_submit(c, json_pack("[o]", op));
}

/* The object's name: the only name in the path, or "" for the cluster. */
static const char *object_name(struct rcall *c)
{
	json_each(c->path, key, v) {
		(void)key;
		return json_str(v);
	}
	return "";
}

static void tags(struct rcall *c)
{
	json *names = json_new_array(), *fixed;
	const char *tag, *name = object_name(c);

	if (c->row->op < 0) {
		json_put(names);
		rapi_ask(c, LUXI_QueryTags, json_pack("[s, s]", c->row->tags, name), submitted);
		return;
	}
	for (size_t i = 0; (tag = http_query(c->req, "tag", i)); i++)
		json_append(names, json_new_str(tag));
	fixed = json_own(c->a, json_pack("{s:s, s:s, s:o, s:b}", "kind", c->row->tags, "name",
					 *name ? name : NULL, "tags", names, "dry_run",
					 rapi_query_int(c, "dry-run", 0) != 0));
	submit_row(c, fixed);
}

static void listed(struct rcall *c, json *result)
{
	const struct rapi_fields *f = rapi_fields(c->row->list);
	bool one = json_len(c->path) > 0, bulk = rapi_query_int(c, "bulk", 0) != 0;
	/* upstream: "id" for most, the key's own name for the others */
	bool by_id = str_eq(f->resource, "instance") || str_eq(f->resource, "node");
	json *out;

	if (one) {
		if (!json_at(result, 0))
			rapi_fail(c->req, 404, NULL);
		else
			rapi_reply(c, rapi_map_fields(c, f->one, json_at(result, 0)));
		return;
	}
	out = json_new_array();
	json_items(result, i, row) {
		const char *name = json_str(json_at(row, 0));

		if (bulk)
			json_append(out, rapi_map_fields(c, f->bulk, row));
		else
			json_append(out, json_pack("{s:s, s:s}", by_id ? "id" : f->key, name, "uri",
						   arena_printf(c->a, "%s/%s", c->row->path, name)));
	}
	rapi_reply(c, out);
}

static enum luxi list_method(const char *resource)
{
	static const struct {
		const char *resource;
		enum luxi method;
	} all[] = {
		{ "instance", LUXI_QueryInstances }, { "node", LUXI_QueryNodes },
		{ "group", LUXI_QueryGroups },	     { "network", LUXI_QueryNetworks },
		{ "filter", LUXI_QueryFilters },
	};
	size_t i = 0;

	while (strcmp(all[i].resource, resource) != 0)
		i++;
	return all[i].method;
}

static void list(struct rcall *c)
{
	const struct rapi_fields *f = rapi_fields(c->row->list);
	bool one = json_len(c->path) > 0, bulk = rapi_query_int(c, "bulk", 0) != 0;
	struct strs fields = rapi_names(c->a, one ? f->one : bulk ? f->bulk : f->key);
	json *names = json_new_array(), *args;

	if (one)
		json_append(names, json_new_str(object_name(c)));
	args = json_pack("[o, o]", names, json_new_strs(&fields));
	if (!str_eq(f->resource, "filter"))
		json_append(args, json_new_bool(false));
	rapi_ask(c, list_method(f->resource), args, listed);
}

static bool parse_body(struct rcall *c)
{
	size_t n;
	const char *body = http_body(c->req, &n), *type = http_header(c->req, "Content-Type");
	json *j = NULL;

	if (!n)
		return true;
	if (type && !str_starts(type, "application/json")) {
		rapi_fail(c->req, 415, NULL);
		return false;
	}
	if (json_parse(body, n, &j, NULL) < 0) {
		rapi_fail(c->req, 400, "Unable to parse JSON data");
		return false;
	}
	c->body = json_own(c->a, j);
	return true;
}

void rapi_handle(struct http_req *r, void *arg)
{
	struct rapi *rapi = arg;
	struct arena *a = http_arena(r);
	struct rcall *c = ARENA_NEW(a, struct rcall);
	bool known;
	int refused;

	*c = (struct rcall){ .rapi = rapi, .req = r, .a = a };
	c->row = route(c, &known);
	refused = users_check(rapi->users, r, a, c->row ? c->row->access : NULL,
			      rapi->require_auth);
	if (refused) {
		rapi_fail(r, refused, NULL);
	} else if (!c->row && !known) {
		rapi_fail(r, 404, NULL);
	} else if (!c->row) {
		rapi_failf(c, 501, "Method %s is unsupported for path %s", http_method_name(r),
			   http_path(r));
	} else if (parse_body(c)) {
		if (c->row->special)
			rapi_special(c);
		else if (c->row->tags)
			tags(c);
		else if (c->row->list)
			list(c);
		else
			submit_row(c, NULL);
	}
}
