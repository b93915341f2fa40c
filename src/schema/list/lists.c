/* hooks.def, consts.def and errors.def as data. */
#include "src/schema/list/lists.h"

#include <assert.h>

const struct hook_row hook_rows[] = {
#define HOOK(opcode, path_, object_, keys_, ...) \
	{ .op = OP_##opcode, .path = path_, .object = #object_, .keys = keys_, __VA_ARGS__ },
#define HOOK_ALSO(path_, text) { .op = -1, .path = path_, .keys = "", .doc = text },
#define HOOK_KEY(...)
#include "src/schema/list/hooks.def"
#undef HOOK
#undef HOOK_ALSO
#undef HOOK_KEY
	{ .path = NULL },
};

const struct hook_key hook_keys[] = {
#define HOOK(...)
#define HOOK_ALSO(...)
#define HOOK_KEY(kind_, key_, text) { #kind_, key_, text },
#include "src/schema/list/hooks.def"
#undef HOOK
#undef HOOK_ALSO
#undef HOOK_KEY
	{ NULL, NULL, NULL },
};

const struct err_row err_rows[] = {
#define ERRCLASS(name, parent, doc) { #name, #parent, doc, false },
#define ERRCLIENT(name, parent, doc) { #name, #parent, doc, true },
#define ERRCODE(name, doc) { #name, NULL, doc, false },
#include "src/schema/errors.def"
#undef ERRCLASS
#undef ERRCODE
	{ NULL, NULL, NULL, false },
};

/* the type of a value decides where it goes */
#define CONST(name_, upstream_, text)                                                           \
	{ .name = #name_, .upstream = (upstream_), .doc = (text),                               \
	  .kind = _Generic((name_), double : CONST_NUM, char * : CONST_TEXT, default : CONST_INT), \
	  .i = _Generic((name_), int : (name_), default : 0),                                   \
	  .d = _Generic((name_), double : (name_), default : 0.0),                              \
	  .s = _Generic((name_), char * : (name_), default : NULL) },
const struct const_row const_rows[] = {
#include "src/schema/list/consts.def"
	{ .name = NULL },
};
#undef CONST

const struct template_traits *template_traits(disk_template_t t)
{
	static const struct template_traits all[] = {
#define TEMPLATE(template_, storage_, ...) \
	[disk_template_##template_] = { .storage = storage_type_##storage_, ##__VA_ARGS__ },
#include "src/schema/list/templates.def"
#undef TEMPLATE
	};

	assert(t < (int)ARRAY_SIZE(all));
	return &all[t];
}

const char *cv_item_type(enum cv_errcode code)
{
	const char *name = enum_name(&enum_cv_errcode, (int)code);

	if (code == cv_errcode_eclusterdanglinginst || code == cv_errcode_eclusterdanglingnodes ||
	    code == cv_errcode_eextags)
		return "node";
	if (str_starts(name, "ECLUSTER"))
		return "cluster";
	if (str_starts(name, "EGROUP"))
		return "group";
	return str_starts(name, "EINSTANCE") ? "instance" : "node";
}
