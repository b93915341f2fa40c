/* From the request to a row, and from rows to opcodes and queries. */
#include "daemons/rapi/rapi.h"

#include "lib/base/clock.h"
#include "lib/base/parse.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct strs rapi_names(struct arena *a, const char *spaced)
{
	return spaced && *spaced ? strs_split(a, spaced, ' ') : (struct strs){ 0 };
}

const char *rapi_arg(struct rcall *c, const char *name)
{
	const char *v;

	for (size_t i = 0; (v = http_query(c->req, name, i)); i++)
		if (*v) /* upstream: an argument without a value is not there */
			return v;
	return NULL;
}

bool rapi_flag(struct rcall *c, const char *name)
{
	const char *s = rapi_arg(c, name);
	int64_t v;

	return s && parse_int(s, &v) == 0 && v != 0; /* flags_ok() has seen it */
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

/* May S stand for NAME of a path? Numbers are digits, names are [\w._-]+. */
static bool name_ok(const char *name, const char *s)
{
	bool number = str_starts(name, "<job_id") || str_starts(name, "<disk_index");
	const char *p = s;

	for (; *p; p++) {
		unsigned char ch = (unsigned char)*p;

		if (number ? !isdigit(ch) : ch < 0x80 && !isalnum(ch) && !strchr("._-", ch))
			return false;
	}
	return p > s;
}

/* Does PATH match PATTERN ("/2/nodes/<node_name>/role")? Names go into DICT. */
static bool path_matches(struct arena *a, const char *pattern, const char *path, json *dict)
{
	struct strs p = strs_split(a, pattern, '/'), s = strs_split(a, path, '/');

	if (p.n != s.n)
		return false;
	for (size_t i = 0; i < p.n; i++) {
		size_t n = strlen(p.v[i]);

		if (n > 2 && p.v[i][0] == '<') {
			if (!name_ok(p.v[i], s.v[i]))
				return false;
			json_set(dict, arena_strndup(a, p.v[i] + 1, n - 2), json_new_str(s.v[i]));
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
	const char *user = rapi_arg(c, "reason");

	if (user)
		json_append(out, json_pack("[s, s, I]", "gnt:user", user, now));
	return json_append(out,
			   json_pack("[s, s, I]",
				     arena_printf(c->a, "gnt:library:rlib2:%s", c->row->reason), "",
				     now));
}

/* "name", "name=parameter" or "name=parameter:default" of a row. */
struct mapping {
	const char *name, *param, *dflt;
};

static struct mapping mapping(struct arena *a, const char *word)
{
	const char *eq = strchr(word, '='), *colon = eq ? strchr(eq, ':') : NULL;
	struct mapping m = { .name = word, .param = word };

	if (eq) {
		m.name = arena_strndup(a, word, (size_t)(eq - word));
		m.param = eq + 1;
	}
	if (colon) {
		m.param = arena_strndup(a, eq + 1, (size_t)(colon - eq - 1));
		m.dflt = colon + 1;
	}
	return m;
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

/* Which parameter a name in the path is; .item says so where it has another name. */
static const char *path_param(struct rcall *c, const char *name)
{
	struct mapping m = c->row->item ? mapping(c->a, c->row->item) : (struct mapping){ 0 };

	return m.name && strcmp(m.name, name) == 0 ? m.param : name;
}

/* Parameters the URL decides: names in the path, query arguments, what the row fixes. */
static json *static_params(struct rcall *c, const struct record *r, const json *fixed)
{
	json *out = json_own(c->a, json_new_dict());
	struct strs query = rapi_names(c->a, c->row->query);
	json *row_fixed = NULL;

	json_each (c->path, name, v) {
		const char *param = path_param(c, name);
		const struct field *f = record_field(r, param);

		if (f)
			json_set(out, param, argument(f, json_str(v)));
	}
	for (size_t i = 0; i < query.n; i++) {
		struct mapping m = mapping(c->a, query.v[i]);
		const char *text = rapi_arg(c, m.name);
		const struct field *f = record_field(r, m.param);

		if (!text)
			text = m.dflt;
		/* upstream: what the query may say is not for the body, said or not */
		if (f && f->type == &type_bool)
			json_set(out, m.param, argument(f, text ? text : "0"));
		else if (f)
			json_set(out, m.param, text ? argument(f, text) : NULL);
	}
	if (c->row->fixed &&
	    json_parse(c->row->fixed, strlen(c->row->fixed), &row_fixed, NULL) == 0)
		json_merge(out, json_own(c->a, row_fixed));
	json_merge(out, fixed);
	return json_set(out, "reason", reason_trail(c));
}

/* Body keys under their parameter names; NULL after an answered error. */
static json *renamed(struct rcall *c, const json *body, const char *rename)
{
	struct strs l = rapi_names(c->a, rename);
	json *out = json_own(c->a, json_merge(json_new_dict(), body));

	for (size_t i = 0; i < l.n; i++) {
		struct mapping m = mapping(c->a, l.v[i]);

		if (!json_has(out, m.name))
			continue;
		if (json_has(out, m.param)) {
			rapi_failf(c, 400,
				   "Parameter '%s' was renamed to '%s', but both are specified",
				   m.name, m.param);
			return NULL;
		}
		json_set(out, m.param, json_ref(json_get(out, m.name)));
		json_del(out, m.name);
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

	json_each (body, key, v) {
		(void)v;
		if (strs_has(&forbidden, key)) {
			rapi_failf(c, 403, "The parameter %s cannot be set via RAPI", key);
			return false;
		}
		if (json_has(statics, key))
			strs_add(c->a, &clash, arena_printf(c->a, "'%s'", key));
	}
	if (clash.n) {
		strs_sort(&clash);
		rapi_failf(c, 400, "Can't overwrite static parameters {%s}",
			   strs_join(c->a, &clash, ", "));
		return false;
	}
	json_each (body, key, v) {
		(void)v;
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

bool rapi_body_is(struct rcall *c, const json *body, enum json_kind kind, const char *name)
{
	/* as Python calls them */
	static const char *const names[] = { "NoneType", "bool", "int", "float",
					     "str",      "list", "dict" };

	if (json_kind(body) == kind)
		return true;
	rapi_failf(c, 400, "%s: Type is '%s', but '%s' is expected", name, names[json_kind(body)],
		   names[kind]);
	return false;
}

/* One opcode from parameters nobody may change and those of a body. */
static json *fill(struct rcall *c, int op, const json *statics, const json *body,
		  const char *rename)
{
	const struct record *r = opcode_record(op);
	struct err e CLEANUP(err_clear) = ERR_NONE;
	enum opcode parsed;
	void *value;
	json *out;

	if (body && !rapi_body_is(c, body, JSON_DICT, "Body contents"))
		return NULL;
	body = renamed(c, body, rename);
	if (!body || !body_allowed(c, r, statics, body))
		return NULL;
	out = json_own(c->a, json_new_dict());
	json_set(out, "OP_ID", json_new_str(opcode_name(op)));
	json_merge(out, statics);
	json_merge(out, body);
	if (opcode_parse(c->a, out, &parsed, &value, &e) < 0) {
		/* upstream shows the exception's arguments as a Python tuple, without the detail */
		char *msg = arena_strdup(c->a, err_msg(&e)),
		     *detail = strstr(msg, " fails validation");

		if (detail)
			detail[strlen(" fails validation")] = '\0';
		rapi_failf(c, 400, "Invalid body parameters: (\"%s\", '%s')", msg,
			   e.code ? e.code : ECODE_INVAL);
		return NULL;
	}
	return json_ref(out);
}

json *rapi_opcode(struct rcall *c, int op, const json *fixed, const json *body, const char *rename)
{
	return fill(c, op, static_params(c, opcode_record(op), fixed), body, rename);
}

json *rapi_inner_opcode(struct rcall *c, int op, const json *body, const char *rename)
{
	return fill(c, op, NULL, body, rename);
}

static void submitted(struct rcall *c, json *result)
{
	rapi_reply(c, json_ref(result));
}

void rapi_submit(struct rcall *c, json *ops)
{
	rapi_ask(c, LUXI_SubmitJob, json_pack("[o]", ops), submitted);
}

void rapi_submit_row(struct rcall *c, const json *fixed, const json *body)
{
	json *op = rapi_opcode(c, c->row->op, fixed, c->row->no_body ? NULL : body, c->row->rename);

	if (op)
		rapi_submit(c, json_pack("[o]", op));
}

/* --- rows that say everything --- */

/* The object's name: the only name in the path, or "" for the cluster. */
static const char *object_name(struct rcall *c)
{
	json_each (c->path, key, v) {
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
		if (*tag)
			json_append(names, json_new_str(tag));
	fixed = json_own(c->a, json_pack("{s:s, s:s, s:o}", "kind", c->row->tags, "name",
					 *name ? name : NULL, "tags", names));
	rapi_submit_row(c, fixed, NULL);
}

json *rapi_aliased(struct rcall *c, json *object)
{
	struct strs l = rapi_names(c->a, c->row->alias);

	for (size_t i = 0; i < l.n; i++) {
		struct mapping m = mapping(c->a, l.v[i]);

		if (json_has(object, m.name))
			json_set(object, m.param, json_ref(json_get(object, m.name)));
	}
	return object;
}

/* One object with the fields called NAMES. */
static json *shown(struct rcall *c, const char *names, const json *row)
{
	json *out = rapi_map_fields(c, names, row), *be = json_get(out, "beparams");

	/* upstream: clients older than maxmem look for "memory" */
	if (json_has(be, "maxmem")) {
		be = json_clone(be);
		json_set(be, "memory", json_ref(json_get(be, "maxmem")));
		json_set(out, "beparams", be);
	}
	return rapi_aliased(c, out);
}

static int by_name(const void *x, const void *y)
{
	return strcmp(json_str(json_at(*(json *const *)x, 0)),
		      json_str(json_at(*(json *const *)y, 0)));
}

/* Links are sorted by name, byte for byte; objects come as the master lists them. */
static void links(struct rcall *c, const struct rapi_fields *f, const json *rows)
{
	/* upstream: "id" for most, the key's own name for the others */
	bool by_id = str_eq(f->resource, "instance") || str_eq(f->resource, "node");
	json **v = ARENA_ARRAY(c->a, json *, json_len(rows) + 1), *out = json_new_array();
	size_t n = 0;

	json_items (rows, i, row)
		v[n++] = row;
	qsort(v, n, sizeof(*v), by_name);
	for (size_t i = 0; i < n; i++) {
		const char *name = json_str(json_at(v[i], 0));

		json_append(out, json_pack("{s:s, s:s}", by_id ? "id" : f->key, name, "uri",
					   arena_printf(c->a, "%s/%s", c->row->path, name)));
	}
	rapi_reply(c, out);
}

static void listed(struct rcall *c, json *result)
{
	const struct rapi_fields *f = rapi_fields(c->row->list);
	json *out;

	if (json_len(c->path) > 0) {
		if (!json_at(result, 0))
			rapi_fail(c->req, 404, NULL);
		else
			rapi_reply(c, shown(c, f->one, json_at(result, 0)));
		return;
	}
	if (!rapi_flag(c, "bulk")) {
		links(c, f, result);
		return;
	}
	out = json_new_array();
	json_items (result, i, row)
		json_append(out, shown(c, f->bulk, row));
	rapi_reply(c, out);
}

static enum luxi list_method(const char *resource)
{
	static const struct {
		const char *resource;
		enum luxi method;
	} all[] = {
		{ "instance", LUXI_QueryInstances }, { "node", LUXI_QueryNodes },
		{ "group", LUXI_QueryGroups },       { "network", LUXI_QueryNetworks },
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
	bool one = json_len(c->path) > 0;
	struct strs fields = rapi_names(c->a, one                    ? f->one
					      : rapi_flag(c, "bulk") ? f->bulk
								     : f->key);
	json *names = json_new_array(), *args;

	if (one)
		json_append(names, json_new_str(object_name(c)));
	args = json_pack("[o, o]", names, json_new_strs(&fields));
	if (!str_eq(f->resource, "filter"))
		json_append(args, json_new_bool(rapi_flag(c, "lock") &&
						(one || str_eq(f->resource, "instance"))));
	rapi_ask(c, list_method(f->resource), args, listed);
}

/* upstream: exactly this type, and a body without one is no JSON; parameters of it do no harm */
static bool is_json(const char *type)
{
	static const char want[] = "application/json";
	size_t n = sizeof(want) - 1;

	return type && strncasecmp(type, want, n) == 0 && (!type[n] || strchr("; \t", type[n]));
}

static bool parse_body(struct rcall *c)
{
	size_t n;
	const char *body = http_body(c->req, &n);
	json *j = NULL;

	if (!n)
		return true;
	if (!is_json(http_header(c->req, "Content-Type"))) {
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

static bool flag_ok(struct rcall *c, const char *name)
{
	const char *s = rapi_arg(c, name);
	int64_t v;

	if (!s || parse_int(s, &v) == 0)
		return true;
	rapi_failf(c, 400, "Invalid value for the '%s' parameter", name);
	return false;
}

/* Are the numbers among the query arguments numbers, and those there that must be? */
static bool query_ok(struct rcall *c)
{
	struct strs query = rapi_names(c->a, c->row->query), need = rapi_names(c->a, c->row->need);
	const struct record *r = c->row->op >= 0 ? opcode_record(c->row->op) : NULL;

	if ((c->row->list || c->row->special == RAPI_jobs) &&
	    !(flag_ok(c, "bulk") && flag_ok(c, "lock")))
		return false;
	for (size_t i = 0; i < query.n; i++) {
		struct mapping m = mapping(c->a, query.v[i]);
		const struct field *f = r ? record_field(r, m.param) : NULL;

		if ((!f || f->type == &type_bool) && !flag_ok(c, m.name))
			return false;
	}
	for (size_t i = 0; i < need.n; i++)
		if (!rapi_arg(c, need.v[i])) {
			rapi_failf(c, 400, "Missing the required '%s' parameter", need.v[i]);
			return false;
		}
	return true;
}

static void dispatch(struct rcall *c)
{
	if (c->row->special)
		rapi_special(c);
	else if (c->row->tags)
		tags(c);
	else if (c->row->list)
		list(c);
	else
		rapi_submit_row(c, NULL, c->body);
}

void rapi_handle(struct http_req *r, void *arg)
{
	struct rapi *rapi = arg;
	struct arena *a = http_arena(r);
	struct rcall *c = ARENA_NEW(a, struct rcall);
	bool known, anonymous = !http_header(r, "Authorization");
	int refused = 0;

	*c = (struct rcall){ .rapi = rapi, .req = r, .a = a };
	c->row = route(c, &known);
	/* upstream: what is not there comes before who asks, but for those who say nothing */
	if (c->row || (rapi->require_auth && anonymous))
		refused = users_check(rapi->users, r, a, c->row ? c->row->access : NULL,
				      rapi->require_auth);
	if (refused)
		rapi_fail(r, refused, NULL);
	else if (!c->row && !known)
		rapi_fail(r, 404, NULL);
	else if (!c->row)
		rapi_failf(c, 501, "Method %s is unsupported for path %s", http_method_name(r),
			   http_path(r));
	else if (parse_body(c) && query_ok(c))
		dispatch(c);
}
