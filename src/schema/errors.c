/* Error classes and codes on the wire. */
#include "src/schema/schema.h"

#include <string.h>

#define ERRCLASS(name, parent, doc) const char name[] = #name;
#define ERRCODE(name, doc) const char ECODE_##name[] = #name;
#include "src/schema/errors.def"
#undef ERRCLASS
#undef ERRCODE

static const struct {
	const char *name, *parent;
} classes[] = {
#define ERRCLASS(name_, parent_, doc) { name_, #parent_ },
#define ERRCODE(name, doc)
#include "src/schema/errors.def"
#undef ERRCLASS
#undef ERRCODE
};

static const char *const codes[] = {
#define ERRCLASS(name, parent, doc)
#define ERRCODE(name, doc) ECODE_##name,
#include "src/schema/errors.def"
#undef ERRCLASS
#undef ERRCODE
};

const char *errclass_find(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(classes); i++)
		if (strcmp(classes[i].name, name) == 0)
			return classes[i].name;
	return NULL;
}

const char *errcode_find(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(codes); i++)
		if (strcmp(codes[i], name) == 0)
			return codes[i];
	return NULL;
}

bool errclass_is_a(const char *cls, const char *parent)
{
	while (cls) {
		size_t i;

		if (strcmp(cls, parent) == 0)
			return true;
		for (i = 0; i < ARRAY_SIZE(classes); i++)
			if (strcmp(classes[i].name, cls) == 0)
				break;
		cls = i < ARRAY_SIZE(classes) ? classes[i].parent : NULL;
	}
	return false;
}

/* The first argument of HooksAbort is a list [[node, script, output], ...]; its message is that list's text. */
static json *first_arg(const struct err *e, const char *cls)
{
	json *list = NULL;

	if (cls == HooksAbort && json_parse(err_msg(e), strlen(err_msg(e)), &list, NULL) == 0)
		return list;
	return json_new_str(err_msg(e));
}

json *err_to_json(const struct err *e)
{
	const char *cls = e->cls ? e->cls : GenericError;
	json *args = json_new_array();

	json_append(args, first_arg(e, cls));
	if (e->code)
		json_append(args, json_new_str(e->code));
	return json_pack("[s, o]", cls, args);
}

int err_from_json(const json *j, struct err *e)
{
	const char *cls = errclass_find(json_str(json_at(j, 0)));
	json *args = json_at(j, 1);
	char *other CLEANUP(freep) =
		json_at(args, 0) && !json_str(json_at(args, 0)) ? json_dump(json_at(args, 0)) : NULL;
	const char *msg = other ? other : json_str(json_at(args, 0));

	if (!cls) {
		char *s CLEANUP(freep) = json_str(j) ? xstrdup(json_str(j)) : json_dump(j);

		return err_set(e, GenericError, NULL, "%s", s);
	}
	return err_set(e, cls, errcode_find(json_str(json_at(args, 1))), "%s", msg ? msg : cls);
}
