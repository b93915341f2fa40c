/* Opcodes between JSON and structs, with upstream's messages. */
#include "src/schema/schema.h"

#include "lib/ui/ui.h"

#include <string.h>

/* A number that may have a fraction is shown with one: "0.0", whatever the client wrote. */
static const char *shown(struct arena *a, int code, const char *field, const json *v)
{
	const struct field *f = record_field(opcode_record(code), field);
	json *number CLEANUP(json_putp) = NULL;
	struct str s CLEANUP(str_free) = { 0 };

	if (!f || f->type != &type_num)
		return json_dump_in(a, v);
	number = json_new_float(json_float(v, 0));
	ui_text(&s, number);
	return arena_strdup(a, str_get(&s));
}

char *opcode_summary(struct arena *a, const json *op)
{
	const char *id = json_get_str(op, "OP_ID");
	int code = opcode_find(id);
	const struct opcode_attr *attr;
	const json *v;
	const char *text;

	if (!id)
		return arena_strdup(a, "UNKNOWN");
	if (str_starts(id, "OP_"))
		id += 3;
	attr = code >= 0 ? opcode_attr(code) : NULL;
	v = attr && attr->dsc ? json_get(op, attr->dsc) : NULL;
	if (json_is(v, JSON_ARRAY)) {
		struct strs l = json_strs(a, v);

		text = strs_join(a, &l, ",");
	} else if (v && !json_is(v, JSON_STRING)) {
		text = shown(a, code, attr->dsc, v);
	} else {
		text = json_str(v);
	}
	return text && *text ? arena_printf(a, "%s(%s)", id, text) : arena_strdup(a, id);
}

int opcode_parse(struct arena *a, json *in, enum opcode *ret_op, void **ret, struct err *e)
{
	const char *id = json_get_str(in, "OP_ID");
	int op = opcode_find(id);
	const struct record *r;
	const struct field *bad;
	json *params;
	void *out;

	if (!id)
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "Invalid opcode: OP_ID is missing");
	if (op < 0)
		return err_set(e, OpCodeUnknown, NULL, "OP_ID %s unsupported", id);
	r = opcode_record(op);
	params = json_own(a, json_merge(json_new_dict(), in));
	json_del(params, "OP_ID");
	out = arena_alloc(a, r->size);
	if (record_parse(r, a, params, out, 0, &bad, e) < 0) {
		struct err why CLEANUP(err_clear) = ERR_NONE;

		if (e)
			err_move(&why, e);
		if (!bad)
			return err_set(e, ERR_PREREQ, ECODE_INVAL, "%s: %s", id, err_msg(&why));
		if (!json_has(in, field_wire(bad)))
			return err_set(e, ERR_PREREQ, ECODE_INVAL,
				       "Required parameter '%s.%s' missing", id, field_wire(bad));
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Parameter '%s.%s' fails validation: %s", id, field_wire(bad),
			       bad->secret ? "invalid value" : err_msg(&why));
	}
	*ret_op = op;
	*ret = out;
	return 0;
}

json *opcode_emit(enum opcode op, const void *in, bool hide)
{
	/* as upstream: what was not given is left out, but for the few whose rows say otherwise */
	json *j = record_emit(opcode_record(op), in, hide ? REC_HIDE_SECRETS : 0);

	json_set(j, "OP_ID", json_new_str(opcode_name(op)));
	return j;
}
