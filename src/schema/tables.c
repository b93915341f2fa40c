/* The .def files expanded into descriptor tables. An error in a row is reported at the row. */
#include "src/schema/schema.h"

#include <ctype.h>
#include <string.h>

#include "lib/base/map.h"

/* --- enumerations --- */
#define ENUM(id, ...) static const struct enum_item items_##id[] = {
#define ITEM(id, suffix, wire, text) [id##_##suffix] = { .name = wire, .doc = text },
#define END_ENUM(id) \
	}            \
	;
#include "src/schema/enums.def"
#undef ENUM
#undef ITEM
#undef END_ENUM

#define ENUM(id_, ...)                                                                        \
	const struct enum_def enum_##id_ = { .id = #id_, .items = items_##id_,                \
					     .n = ARRAY_SIZE(items_##id_), ##__VA_ARGS__ };   \
	const struct type type_##id_ = { .name = #id_, .size = sizeof(enum id_),              \
					 .parse = enum_parse, .emit = enum_emit,              \
					 .items = &enum_##id_ };                              \
	int check_one_##id_(const json *v, struct err *e)                                     \
	{                                                                                     \
		return check_one(&enum_##id_, v, e);                                          \
	}                                                                                     \
	int check_each_##id_(const json *v, struct err *e)                                    \
	{                                                                                     \
		return check_each(&enum_##id_, v, e);                                         \
	}
#define ITEM(id, suffix, wire, text)
#define END_ENUM(id)
static int check_one(const struct enum_def *d, const json *v, struct err *e)
{
	const char *s = json_str(v);

	return enum_value(d, s) >= 0 ? 0 : err_plain(e, "'%s' is not a valid %s", s ? s : json_kind_name(v), d->id);
}

static int check_each(const struct enum_def *d, const json *v, struct err *e)
{
	json_items(v, i, item)
		if (check_one(d, item, e) < 0)
			return -1;
	return 0;
}
#include "src/schema/enums.def"
#undef ENUM
#undef ITEM
#undef END_ENUM

/* --- records --- */
struct doc_attr {
	const char *doc;
	bool partial;
};

/* Rows of one record live inside the function that returns it, so that FIELD
 * can say `self` instead of repeating the owner's name. */
#define RECORD(fn, tag, attr_type, ...)                          \
	const struct record *fn(void)                            \
	{                                                        \
		typedef struct tag self;                         \
		static const struct attr_type attr = { __VA_ARGS__ }; \
		static struct field fields[] = {
#define FIELD(ty, name_, ...)                                             \
	{ .name = #name_, .type = &type_##ty, .offset = offsetof(self, name_), \
	  .has = offsetof(self, has_##name_), ##__VA_ARGS__ },
#define END_RECORD(id_) END_RECORD_WITH(id_, false)
#define END_RECORD_WITH(id_, partial_)                                        \
	}                                                                     \
	;                                                                     \
	static struct record record = { .id = #id_, .size = sizeof(self),     \
					.fields = fields, .n = ARRAY_SIZE(fields), \
					.attr = &attr };                      \
	record.doc = attr.doc;                                                \
	record.partial = (partial_);                                          \
	return schema_ready(&record);                                         \
	}

#define OBJECT(id, ...) RECORD(rec_##id, id, doc_attr, __VA_ARGS__)
#define END(id)                                                                        \
	END_RECORD_WITH(id, attr.partial)                                              \
	const struct type type_##id = { .name = #id, .size = sizeof(struct id),        \
					.parse = type_record_parse,                    \
					.emit = type_record_emit, .record = rec_##id }; \
	const struct type type_##id##_list = { .name = "list of " #id,                 \
					       .size = sizeof(id##_list_t),            \
					       .parse = type_record_list_parse,        \
					       .emit = type_record_list_emit,          \
					       .record = rec_##id };
#include "src/schema/objects.def"
#undef OBJECT
#undef END

struct hv_attr {
	const char *doc;
};
#define HV(id, wire, ...) RECORD(rec_hv_##id, hv_##id, hv_attr, __VA_ARGS__)
#define HVP FIELD
#define END(id) END_RECORD(hv_##id)
#include "src/schema/hvparams.def"
#undef HV
#undef HVP
#undef END

#undef FIELD

const struct record *diskparams_record(int disk_template)
{
	switch ((enum disk_template)disk_template) {
	case disk_template_diskless:
		return rec_diskp_diskless();
	case disk_template_file:
		return rec_diskp_file();
	case disk_template_sharedfile:
		return rec_diskp_sharedfile();
	case disk_template_plain:
		return rec_diskp_plain();
	case disk_template_blockdev:
		return rec_diskp_blockdev();
	case disk_template_drbd:
		return rec_diskp_drbd();
	case disk_template_rbd:
		return rec_diskp_rbd();
	case disk_template_ext:
		return rec_diskp_ext();
	case disk_template_gluster:
		return rec_diskp_gluster();
	}
	abort();
}

const struct record *hvparams_record(int hypervisor)
{
	static const struct {
		const char *wire;
		const struct record *(*get)(void);
	} all[] = {
#define HV(id, wire, ...) { wire, rec_hv_##id },
#define HVP(...)
#define END(id)
#include "src/schema/hvparams.def"
#undef HV
#undef HVP
#undef END
	};
	const char *name = enum_name(&enum_hypervisor, hypervisor);

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (strcmp(all[i].wire, name) == 0)
			return all[i].get();
	abort();
}

/* --- opcodes --- */
#define PARAM(ty, name_, ...)                                                           \
	static const struct field param_##name_ = { .name = #name_, .type = &type_##ty, \
						    ##__VA_ARGS__ };
#include "src/schema/params.def"
#undef PARAM

#define FIELD(ty, name_, ...)                                             \
	{ .name = #name_, .type = &type_##ty, .offset = offsetof(self, name_), \
	  .has = offsetof(self, has_##name_), ##__VA_ARGS__ },
#define USE(name_)                                                         \
	{ .name = #name_, .shared = &param_##name_, .offset = offsetof(self, name_), \
	  .has = offsetof(self, has_##name_) },
#define OPCODE(id, ...) RECORD(rec_op_##id, op_##id, opcode_attr, __VA_ARGS__) OP_COMMON
#define OPCODE_TODO(id, ...) OPCODE(id, __VA_ARGS__, .todo = true)
#define END(id) END_RECORD(id)
#include "src/schema/opcodes.def"
#undef OPCODE
#undef OPCODE_TODO
#undef USE
#undef FIELD
#undef END

static const struct record *(*const opcode_records[])(void) = {
#define OPCODE(id, ...) [OP_##id] = rec_op_##id,
#define OPCODE_TODO OPCODE
#define USE(name)
#define FIELD(...)
#define END(id)
#include "src/schema/opcodes.def"
#undef OPCODE
#undef OPCODE_TODO
#undef USE
#undef FIELD
#undef END
};

const struct record *opcode_record(enum opcode op)
{
	return opcode_records[op]();
}

const struct opcode_attr *opcode_attr(enum opcode op)
{
	return opcode_record(op)->attr;
}

const char *opcode_name(enum opcode op)
{
	static char names[OPCODE_COUNT][64];
	char *name = names[op];

	if (!*name) {
		const char *id = opcode_record(op)->id;
		size_t n = 3;

		memcpy(name, "OP_", n);
		while (*id && n + 1 < sizeof(names[0]))
			name[n++] = (char)toupper((unsigned char)*id++);
	}
	return name;
}

int opcode_find(const char *name)
{
	for (int i = 0; name && i < OPCODE_COUNT; i++)
		if (strcmp(opcode_name(i), name) == 0)
			return i;
	return -1;
}

/* --- RPCs and luxi methods --- */
#define RPC(id, ...) RECORD(rec_rpc_##id, rpc_##id, rpc_attr, __VA_ARGS__)
#define RPC_TODO(id, ...) RPC(id, __VA_ARGS__, .todo = true)
#define ARG(ty, name_, ...)                                               \
	{ .name = #name_, .type = &type_##ty, .offset = offsetof(self, name_), \
	  .has = offsetof(self, has_##name_), ##__VA_ARGS__ },
#define END(id) END_RECORD(id)
#include "src/schema/rpcs.def"
#undef RPC
#undef RPC_TODO

#define LUXI(id, ...) RECORD(rec_luxi_##id, luxi_##id, doc_attr, __VA_ARGS__)
#include "src/schema/luxi.def"
#undef LUXI
#undef ARG
#undef END

#define ARG(...)
#define END(id)
static const struct record *(*const rpc_records[])(void) = {
#define RPC(id, ...) [RPC_##id] = rec_rpc_##id,
#define RPC_TODO RPC
#include "src/schema/rpcs.def"
#undef RPC
#undef RPC_TODO
};
static const struct record *(*const luxi_records[])(void) = {
#define LUXI(id, ...) [LUXI_##id] = rec_luxi_##id,
#include "src/schema/luxi.def"
#undef LUXI
};
#undef ARG
#undef END

const struct record *rpc_record(enum rpc rpc)
{
	return rpc_records[rpc]();
}

const struct rpc_attr *rpc_attr(enum rpc rpc)
{
	return rpc_record(rpc)->attr;
}

const char *rpc_name(enum rpc rpc)
{
	return rpc_record(rpc)->id;
}

int rpc_find(const char *name)
{
	static struct map *numbers; /* each plus one; the agent looks for every call */

	if (!numbers) {
		numbers = map_new();
		for (uintptr_t i = 0; i < RPC_COUNT; i++)
			map_put(numbers, rpc_name((enum rpc)i), (void *)(i + 1));
	}
	return name ? (int)(uintptr_t)map_get(numbers, name) - 1 : -1;
}

const struct record *luxi_record(enum luxi method)
{
	return luxi_records[method]();
}

const char *luxi_name(enum luxi method)
{
	return luxi_record(method)->id;
}

int luxi_find(const char *name)
{
	for (int i = 0; name && i < LUXI_COUNT; i++)
		if (strcmp(luxi_name(i), name) == 0)
			return i;
	return -1;
}
