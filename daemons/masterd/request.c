/*
 * Texts of clients into requests. Pure, and all that a stranger's bytes meet before they are typed.
 * Messages are those of upstream's luxid; what a value should have been is told in our words where
 * upstream prints names of its own types.
 */
#include "daemons/masterd/masterd.h"

#include "lib/base/parse.h"

#include <ctype.h>
#include <string.h>

/* The keys of a dict as a JSON list of strings. */
static const char *key_list(struct arena *a, const json *dict, bool sorted)
{
	json *list = json_own(a, json_new_array());

	if (sorted) {
		struct strs keys = json_keys(a, dict);

		json_own(a, list = json_new_strs(&keys));
	} else {
		json_each (dict, k, v) {
			(void)v;
			json_append(list, json_new_str(k));
		}
	}
	return json_dump_in(a, list);
}

static int key_missing(const json *dict, const char *key, bool sorted, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();

	return err_plain(e, "key '%s' not found, object contains only %s", key,
			 key_list(a, dict, sorted));
}

static int bad_json(const char *text, size_t n, const struct err *why, struct err *e)
{
	while (n && isspace((unsigned char)*text)) {
		text++;
		n--;
	}
	if (!n || (*text != '{' && *text != '['))
		return err_plain(e, "parsing top-level JSON message: Invalid JSON: a JSON text a"
				    " serialized object or array at the top level.");
	return err_plain(e, "parsing top-level JSON message: Invalid JSON: %s", err_msg(why));
}

int request_parse(const char *text, size_t n, enum luxi *ret, json **ret_args, json **ret_own,
		  struct err *e)
{
	json *j CLEANUP(json_putp) = NULL;
	struct err why CLEANUP(err_clear) = ERR_NONE;
	const char *name;
	int method;

	if (json_parse(text, n, &j, &why) < 0)
		return bad_json(text, n, &why, e);
	if (!json_is(j, JSON_DICT)) {
		if (!json_is(j, JSON_ARRAY))
			return bad_json("", 0, NULL, e);
		return err_plain(e, "parsing top-level JSON message: Unable to read JSObject");
	}
	if (!json_has(j, "method"))
		return key_missing(j, "method", false, e);
	if (!json_has(j, "args"))
		return key_missing(j, "args", false, e);
	name = json_get_str(j, "method");
	if (!name)
		return err_plain(e, "Unable to parse LUXI request method: Unable to read String");
	method = luxi_find(name);
	if (method < 0) {
		struct arena *a CLEANUP(arena_freep) = arena_new();

		return err_plain(e,
				 "Unable to parse LUXI request method: Invalid string value for"
				 " type LuxiReq: %s",
				 json_dump_in(a, json_get(j, "method")));
	}
	*ret = (enum luxi)method;
	*ret_args = json_get(j, "args");
	*ret_own = STEAL(j);
	return 0;
}

/* as upstream names them */
static const struct {
	const struct type *type;
	const char *name;
} type_names[] = {
	{ &type_bool, "Bool" },  { &type_int, "Int" },      { &type_uint, "Int" },
	{ &type_pint, "Int" },   { &type_size_mib, "Int" }, { &type_num, "Double" },
	{ &type_str, "String" }, { &type_nestr, "String" },
};

/* What a JSON reader of upstream's says about a value of the wrong kind, or NULL. */
static const char *unreadable(struct arena *a, const struct field *f, const json *v)
{
	if (f->type == &type_strs)
		return json_is(v, JSON_ARRAY) ? "Unable to read String" : "Unable to read List";
	if (f->type == &type_list)
		return "Unable to read List";
	for (size_t i = 0; i < ARRAY_SIZE(type_names); i++)
		if (f->type == type_names[i].type)
			return arena_printf(a, "Unable to read %s", type_names[i].name);
	return NULL;
}

static const char *tuple_name(struct arena *a, size_t n)
{
	if (n == 2)
		return "Pair";
	return n == 3 ? "Triple" : arena_printf(a, "%zu tuple", n);
}

int request_bad_args(struct arena *a, json *args, struct err *e)
{
	return err_prefix(e, "Cannot convert value '%s', error", json_dump_spaced_in(a, args));
}

static size_t position(const struct record *r, const struct field *f)
{
	return (size_t)(f - r->fields);
}

/* Arguments that can't be read, E says why: upstream words one method in its own way. */
static int bad_call(struct arena *a, enum luxi method, json *args, struct err *e)
{
	if (method == LUXI_WaitForJobChange)
		return err_prefix(e, "Parsing WaitForJobChange message");
	return request_bad_args(a, args, e);
}

int request_args(struct arena *a, enum luxi method, json *args, void **ret, struct err *e)
{
	const struct record *r = luxi_record(method);
	const struct field *bad = NULL;
	size_t least = r->n;
	const char *text;
	const json *value;
	struct err why CLEANUP(err_clear) = ERR_NONE;

	*ret = arena_alloc(a, r->size);
	if (!r->n) /* upstream does not look */
		return 0;
	/* CancelJob alone may leave its last argument out (older clients) */
	while (least > 1 && method == LUXI_CancelJob && r->fields[least - 1].opt)
		least--;
	if (!json_is(args, JSON_ARRAY) || json_len(args) < least || json_len(args) > r->n) {
		if (method == LUXI_WaitForJobChange)
			err_plain(e, "Not enough values");
		else
			err_plain(e, "Unable to read %s", tuple_name(a, r->n));
		return bad_call(a, method, args, e);
	}
	if (record_parse_list(r, a, args, *ret, &bad, &why) == 0)
		return 0;
	value = bad ? json_at(args, position(r, bad)) : NULL;
	text = bad ? unreadable(a, bad, value) : NULL;
	if (method == LUXI_QueryTags && json_str(value)) /* text that is no kind of objects */
		text = arena_printf(a, "Invalid string value for type TagKind: %s",
				    json_dump_in(a, value));
	err_plain(e, "%s", text ? text : err_msg(&why));
	return bad_call(a, method, args, e);
}

int request_job_id(const json *j, int64_t *ret, struct err *e)
{
	if (check_job_id(j, e) < 0)
		return -1;
	*ret = json_int(j, -1);
	if (json_str(j) && parse_int(json_str(j), ret) < 0)
		return err_plain(e, "parsing job id: could not parse string '%s'", json_str(j));
	return 0;
}

/* --- opcodes --- */
static int bad_value(const struct field *f, const struct err *why, struct err *e)
{
	if (f->secret)
		return err_plain(e, "Can't parse value for '%s': invalid value", field_wire(f));
	for (size_t i = 0; i < ARRAY_SIZE(type_names); i++)
		if (f->type == type_names[i].type)
			return err_plain(e, "Can't parse value for '%s': Unable to read %s",
					 field_wire(f), type_names[i].name);
	return err_plain(e, "Can't parse value for '%s': %s", field_wire(f), err_msg(why));
}

static bool is_param(const struct record *r, const char *key)
{
	return strcmp(key, "OP_ID") == 0 || record_field(r, key);
}

static int superfluous(struct arena *a, const struct record *r, const json *in, struct err *e)
{
	struct strs known = { NULL, 0 }, bad = { NULL, 0 };
	struct strs keys = json_keys(a, in);

	for (size_t i = 0; i < keys.n; i++)
		if (!is_param(r, keys.v[i]))
			strs_add(a, &bad, keys.v[i]);
	if (!bad.n)
		return 0;
	strs_add(a, &known, "OP_ID");
	for (size_t i = 0; i < r->n; i++)
		strs_add(a, &known, field_wire(&r->fields[i]));
	strs_sort(&known);
	return err_plain(e, "Superfluous dictionary keys: %s, but only %s allowed.",
			 json_dump_in(a, json_own(a, json_new_strs(&bad))),
			 json_dump_in(a, json_own(a, json_new_strs(&known))));
}

static int typed(struct arena *a, const struct record *r, json *in, enum opcode op, json **ret,
		 struct err *e)
{
	json *params = json_own(a, json_merge(json_new_dict(), in));
	struct err why CLEANUP(err_clear) = ERR_NONE;
	const struct field *bad = NULL;
	void *out = arena_alloc(a, r->size);

	json_del(params, "OP_ID");
	if (record_parse(r, a, params, out, 0, &bad, &why) < 0)
		return bad ? bad_value(bad, &why, e) : err_plain(e, "%s", err_msg(&why));
	*ret = json_own(a, opcode_emit(op, out, false));
	return 0;
}

int request_opcode(struct arena *a, json *in, json **ret, struct err *e)
{
	const char *id = json_get_str(in, "OP_ID");
	int op = opcode_find(id);
	const struct record *r;

	if (!json_is(in, JSON_DICT))
		return err_plain(e, "Unable to read JSObject");
	if (!json_has(in, "OP_ID"))
		return key_missing(in, "OP_ID", true, e);
	if (op < 0)
		return err_plain(e, "Unknown opcode %s",
				 id ? id : json_dump_in(a, json_get(in, "OP_ID")));
	r = opcode_record((enum opcode)op);
	if (!json_has(in, "reason"))
		return key_missing(in, "reason", true, e);
	for (size_t i = 0; i < r->n; i++) {
		const struct field *f = &r->fields[i];

		if (!f->opt && !f->dflt && !json_has(in, field_wire(f)))
			return key_missing(in, field_wire(f), true, e);
	}
	if (superfluous(a, r, in, e) < 0 || typed(a, r, in, (enum opcode)op, ret, e) < 0)
		return -1;
	if (opcode_attr((enum opcode)op)->todo)
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "%s is not supported by this version",
			       id);
	return 0;
}
