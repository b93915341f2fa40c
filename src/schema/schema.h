/*
 * The declarations as C: every enumeration, record and table made from the .def
 * files of this folder. Data, no logic. See README for how rows become structs.
 */
#ifndef SRC_SCHEMA_SCHEMA_H
#define SRC_SCHEMA_SCHEMA_H
#include "lib/schema/schema.h"
#include "src/schema/consts.h"

/* --- error classes and codes (static strings, see lib/base/err.h) --- */
#define ERRCLASS(name, parent, doc) extern const char name[];
#define ERRCODE(name, doc) extern const char ECODE_##name[];
#include "src/schema/errors.def"
#undef ERRCLASS
#undef ERRCODE
/* short names for the ones written often */
#define ERR_PREREQ OpPrereqError
#define ERR_EXEC OpExecError
#define ECODE_INVAL ECODE_wrong_input
#define ECODE_NOENT ECODE_unknown_entity
#define ECODE_EXISTS ECODE_already_exists
#define ECODE_STATE ECODE_wrong_state
#define ECODE_NORES ECODE_insufficient_resources
#define ECODE_TEMP_NORES ECODE_temp_insufficient_resources
#define ECODE_NOTUNIQUE ECODE_resource_not_unique
#define ECODE_RESOLVER ECODE_resolver_error
#define ECODE_ENVIRON ECODE_environment_error
#define ECODE_FAULT ECODE_internal_error

/* The constant string equal to NAME, or NULL: classes and codes that arrive as text. */
const char *errclass_find(const char *name);
const char *errcode_find(const char *name);
/* Is CLS the class PARENT or one derived from it? */
bool errclass_is_a(const char *cls, const char *parent);
/* The wire form [class, [args]] and back. */
json *err_to_json(const struct err *e);
int err_from_json(const json *j, struct err *e); /* always -1, with E set */

/* --- enumerations: enum x { x_item, ... }, x_t, enum_x, type_x --- */
#define ENUM(id, ...) enum id {
#define ITEM(id, suffix, wire, doc) id##_##suffix,
#define END_ENUM(id) };
#include "src/schema/enums.def"
#undef ENUM
#undef ITEM
#undef END_ENUM
#define ENUM(id, ...)                          \
	typedef enum id id##_t;                \
	extern const struct enum_def enum_##id; \
	extern const struct type type_##id;    \
	int check_one_##id(const json *v, struct err *e);  \
	int check_each_##id(const json *v, struct err *e);
#define ITEM(id, suffix, wire, doc)
#define END_ENUM(id)
#include "src/schema/enums.def"
#undef ENUM
#undef ITEM
#undef END_ENUM

/* --- config objects: struct x, x_t, x_list_t, rec_x(), type_x, type_x_list --- */
#define FIELD(type, name, ...) \
	type##_t name;         \
	bool has_##name;
#define OBJECT(id, ...) struct id {
#define END(id)                                \
	}                                      \
	;                                      \
	typedef struct id id##_t;              \
	typedef struct {                       \
		size_t n;                      \
		struct id *v;                  \
	} id##_list_t;                         \
	extern const struct type type_##id;    \
	extern const struct type type_##id##_list; \
	const struct record *rec_##id(void);
#include "src/schema/objects.def"
#undef OBJECT
#undef END

/* --- hypervisor parameters: struct hv_x, rec_hv_x() --- */
#define HV(id, wire, ...) struct hv_##id {
#define HVP(type, name, ...) FIELD(type, name)
#define END(id)  \
	}        \
	;        \
	const struct record *rec_hv_##id(void);
#include "src/schema/hvparams.def"
#undef HV
#undef HVP
#undef END
/* The parameter record of a hypervisor (enum hypervisor). */
const struct record *hvparams_record(int hypervisor);

/* The parameter record of a disk template (enum disk_template): one of the diskp_* objects. */
const struct record *diskparams_record(int disk_template);

/* --- keys.c: what may be in dicts of parameters, for rows (.keys) and documents --- */
extern const struct key_set keys_hvparams[], keys_beparams[], keys_nicparams[], keys_ndparams[],
	keys_diskparams[], keys_ipolicy[], keys_ispec[], keys_inic[], keys_idisk[];

/* --- opcodes: enum opcode, struct op_x, rec_op_x(), opcode_record() --- */
#define PARAM(type, name, ...) typedef type##_t param_##name##_t;
#include "src/schema/params.def"
#undef PARAM

#define USE(name) FIELD(param_##name, name)
/* what every opcode has; first members of every struct op_x */
#define OP_COMMON USE(dry_run) USE(debug_level) USE(priority) USE(depends) USE(comment) USE(reason)
struct op_common {
	OP_COMMON
};

/* OPCODE_TODO marks opcodes whose logical unit is not written yet: submitting one fails. */
#define OPCODE(id, ...) OP_##id,
#define OPCODE_TODO OPCODE
#undef USE
#undef FIELD
#define USE(name)
#define FIELD(type, name, ...)
#define END(id)
enum opcode {
#include "src/schema/opcodes.def"
	OPCODE_COUNT
};
#undef OPCODE
#undef USE
#undef FIELD
#undef END

#define FIELD(type, name, ...) \
	type##_t name;         \
	bool has_##name;
#define USE(name) FIELD(param_##name, name)
#define OPCODE(id, ...)  \
	struct op_##id { \
		OP_COMMON
#define END(id)  \
	}        \
	;        \
	const struct record *rec_op_##id(void);
#include "src/schema/opcodes.def"
#undef OPCODE
#undef OPCODE_TODO
#undef END
#undef USE

struct opcode_attr {
	const char *dsc; /* parameter shown in the summary, or NULL */
	const char *doc;
	bool todo; /* no logical unit yet */
};
const struct record *opcode_record(enum opcode op);
const struct opcode_attr *opcode_attr(enum opcode op);
const char *opcode_name(enum opcode op); /* "OP_INSTANCE_STARTUP" */
int opcode_find(const char *name);       /* -1 when unknown */
/* "INSTANCE_STARTUP(inst1)": upstream's summary of an opcode given as JSON. */
char *opcode_summary(struct arena *a, const json *op);
/* Parse an opcode from JSON; *RET is a struct op_x in the arena. Errors are upstream's OpPrereqError
 * texts with ECODE_INVAL. */
int opcode_parse(struct arena *a, json *in, enum opcode *ret_op, void **ret, struct err *e);
/* With OP_ID and every parameter, as upstream writes job files. HIDE: leave secrets out. */
json *opcode_emit(enum opcode op, const void *in, bool hide);

/* --- node RPCs: struct rpc_x, rec_rpc_x() --- */
#define RPC(id, ...) RPC_##id,
#define RPC_TODO RPC
#define ARG(type, name, ...)
#define END(id)
enum rpc {
#include "src/schema/rpcs.def"
	RPC_COUNT
};
#undef RPC
#undef ARG
#undef END
/* `present` keeps structs without arguments from being empty */
#define RPC(id, ...) struct rpc_##id { bool present;
#define ARG(type, name, ...) FIELD(type, name)
#define END(id)  \
	}        \
	;        \
	const struct record *rec_rpc_##id(void);
#include "src/schema/rpcs.def"
#undef RPC
#undef RPC_TODO
#undef ARG
#undef END

struct rpc_attr {
	int timeout; /* seconds */
	bool multi;  /* usually sent to many nodes at once */
	bool offline_ok; /* sent even to nodes marked offline */
	bool bare;       /* the body is the only argument itself, not a list of arguments */
	const char *doc;
	bool todo;
	bool in_order;   /* one process of the node executes all of these, one after the other */
	bool ours;       /* upstream has no such RPC */
};
const struct record *rpc_record(enum rpc rpc);
const struct rpc_attr *rpc_attr(enum rpc rpc);
const char *rpc_name(enum rpc rpc);
int rpc_find(const char *name);

/* --- luxi methods: enum luxi, struct luxi_x, rec_luxi_x() --- */
#define LUXI(id, ...) LUXI_##id,
#define ARG(type, name, ...)
#define END(id)
enum luxi {
#include "src/schema/luxi.def"
	LUXI_COUNT
};
#undef LUXI
#undef ARG
#undef END
#define LUXI(id, ...) struct luxi_##id { bool present;
#define ARG(type, name, ...) FIELD(type, name)
#define END(id)  \
	}        \
	;        \
	const struct record *rec_luxi_##id(void);
#include "src/schema/luxi.def"
#undef LUXI
#undef ARG
#undef END
#undef FIELD
const struct record *luxi_record(enum luxi method);
const char *luxi_name(enum luxi method);
int luxi_find(const char *name);

/* --- checks named by rows (src/schema/checks.c) --- */
int check_nestrs(const json *v, struct err *e);
int check_ip4(const json *v, struct err *e);
int check_ip6(const json *v, struct err *e);
int check_net4(const json *v, struct err *e);
int check_net6(const json *v, struct err *e);
int check_ip4s(const json *v, struct err *e);
int check_disk_index(const json *v, struct err *e);
int check_disk_indices(const json *v, struct err *e);
int check_export_target(const json *v, struct err *e);
int check_recreate_disks(const json *v, struct err *e);
int check_inic(const json *v, struct err *e);
int check_inics(const json *v, struct err *e);
int check_idisk(const json *v, struct err *e);
int check_idisks(const json *v, struct err *e);
int check_depends(const json *v, struct err *e);
int check_reason(const json *v, struct err *e);
int check_nic_mods(const json *v, struct err *e);
int check_disk_mods(const json *v, struct err *e);
int check_diskparams(const json *v, struct err *e);
int check_ints(const json *v, struct err *e);
int check_strings(const json *v, struct err *e);
int check_list(const json *v, struct err *e);
int check_string(const json *v, struct err *e);
int check_number(const json *v, struct err *e);
int check_int(const json *v, struct err *e);
int check_job_id(const json *v, struct err *e);
int check_job_ids(const json *v, struct err *e);
int check_int_pairs(const json *v, struct err *e);
int check_ddm_names(const json *v, struct err *e);
int check_dict_of_dicts(const json *v, struct err *e);
int check_dict_of_bools(const json *v, struct err *e);
int check_dict_of_ints(const json *v, struct err *e);
int check_priority(const json *v, struct err *e);

#endif
