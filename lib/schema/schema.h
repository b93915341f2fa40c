/*
 * The descriptor engine: one row per field drives parsing, defaults, checks,
 * output, command-line coercion and documents. Rows are made by expanding .def
 * files with the macros of lib/schema/rows.h.
 *
 * Memory: parsed values live in the arena given; JSON inside structs (types any,
 * dict, list) is owned by that arena too.
 */
#ifndef LIB_SCHEMA_SCHEMA_H
#define LIB_SCHEMA_SCHEMA_H
#include "lib/json/json.h"

struct compact;
struct type;
struct field;
struct record;

/* C storage of the basic types; the name before _t is what rows write. */
typedef bool bool_t;
typedef int64_t int_t;   /* any integer */
typedef int64_t uint_t;  /* integer >= 0 */
typedef int64_t pint_t;  /* integer > 0 */
typedef int64_t size_mib_t; /* MiB; text "1g" accepted when coerced from text */
typedef double num_t;    /* number */
typedef const char *str_t;   /* string, may be empty */
typedef const char *nestr_t; /* string, not empty */
typedef const char *maybestr_t; /* string or null; "none" text means null when coerced */
typedef struct strs strs_t;  /* list of strings */
typedef json *any_t;
typedef json *dict_t;
typedef json *list_t;

extern const struct type type_bool, type_int, type_uint, type_pint, type_size_mib, type_num, type_str,
	type_nestr, type_maybestr, type_strs, type_any, type_dict, type_list;

struct type {
	const char *name; /* for messages and documents: "integer", "list of nic" */
	size_t size;
	/* IN is never null here. Fills OUT (zeroed before). The message names only the value. */
	int (*parse)(const struct type *t, struct arena *a, json *in, void *out, struct err *e);
	json *(*emit)(const struct type *t, const void *in); /* a new reference */
	/* Convert V (often command-line text) into the JSON the type wants; see record_coerce().
	 * NULL: values pass unchanged. */
	int (*coerce)(const struct type *t, const char *key, const json *v, json **ret,
		      struct err *e);
	const struct enum_def *items;          /* enum types */
	const struct record *(*record)(void);  /* record types and lists of records */
};

/* --- enumerations --- */
struct enum_item {
	const char *name; /* on the wire */
	const char *doc;
};
struct enum_def {
	const char *id, *doc;
	const struct enum_item *items; /* indexed by the C value */
	size_t n;
};
const char *enum_name(const struct enum_def *d, int value);       /* asserts a valid value */
int enum_value(const struct enum_def *d, const char *name);       /* -1 when unknown */
int enum_parse(const struct type *t, struct arena *a, json *in, void *out, struct err *e);
json *enum_emit(const struct type *t, const void *in);

/* --- records --- */

/* An additional check of a value already of the right type. 0 or -1 with a message about the value. */
typedef int (*json_check)(const json *v, struct err *e);

/* What is known of the keys of a dict, or of the dicts in a list. Ends with a NULL record. */
struct key_set {
	const char *name; /* of an alternative ("kvm"), NULL where there is only one */
	const struct record *(*record)(void);
};

struct field {
	const char *name;        /* C name */
	const char *wire;        /* name on the wire when it differs ("memory-size"), else NULL */
	const struct type *type;
	size_t offset, has;      /* of the member and of its bool has_<name> */
	const char *dflt;        /* JSON text; NULL = none */
	bool opt;                /* may be missing or null without a default */
	bool secret;             /* never shown or logged */
	bool global;             /* set for the whole cluster only, not per object */
	bool no_emit;            /* accepted on input, never written */
	bool ours;               /* upstream has no such thing; comparisons with it leave it out */
	bool emit_null;          /* written as null when unset, even if the record omits unset fields */
	json_check check;
	const char *values;      /* allowed strings, comma separated, or NULL; checked by hypervisors */
	const char *title;       /* column title where it is not the name, or NULL */
	const char *encoding;    /* what stands for a value on the wire, where it is not just the value; for documents */
	const char *hint;        /* what a valid value looks like, for documents and messages */
	bool required;           /* must not end up empty; checked by hypervisors */
	const struct key_set *keys; /* for documents, NULL = any key */
	bool keyed;              /* KEYS are those of the values of the dict, whose keys are the names */
	const char *doc;         /* one line: capital first letter, no full stop */
	json *dflt_value;        /* DFLT parsed (made by schema_ready) */
	const struct field *shared; /* row of params.def this one points at (made by USE) */
	size_t wire_n;           /* length of the name on the wire (made by schema_ready) */
};

struct record {
	const char *id;   /* "instance_create", "beparams" */
	const char *name; /* wire name, e.g. OP_INSTANCE_CREATE (set by schema_ready for opcodes) */
	const char *doc;
	size_t size;
	struct field *fields;
	size_t n;
	const void *attr; /* attributes of the kind of record (struct opcode_attr, ...) */
	bool partial;     /* inside another record only what is given is set, no defaults */
	bool ready;
};

/* Resolve shared rows; every rec_*() function passes its static record through this. */
const struct record *schema_ready(struct record *r);

const char *field_wire(const struct field *f);
const struct field *record_field(const struct record *r, const char *wire_name); /* NULL = none */

enum record_flags {
	REC_IGNORE_UNKNOWN = 1, /* skip unknown keys instead of refusing them */
	REC_NO_DEFAULTS = 2,    /* leave absent fields unset (partial parameters) */
	REC_EMIT_NULLS = 4,     /* write unset fields as null */
	REC_EMIT_DEFAULTS = 8,  /* write fields never set but having a default value in the struct */
	REC_HIDE_SECRETS = 16,  /* leave secrets out */
};

/*
 * Parse a dict into the struct at OUT (r->size bytes, zeroed by the call).
 * Unset optional fields keep has_x = false and zero; absent fields with a
 * default get the default and has_x = true.
 * On failure *RET_BAD (may be NULL) is the field at fault or NULL, and e says
 * what is wrong with the value only; callers word it as upstream does.
 */
int record_parse(const struct record *r, struct arena *a, json *in, void *out, int flags,
		 const struct field **ret_bad, struct err *e);
/* The same as record_parse(REC_IGNORE_UNKNOWN) of what TEXT holds, much faster; false: it is not as simple as what we
 * write, or wrong, and OUT is of no use. C (may be NULL): as compact_record() would copy it. */
bool record_scan(const struct record *r, struct arena *a, struct compact *c, const char *text, size_t n, void *out);
/* Positional form (RPC and luxi arguments): a list in the order of the rows. */
int record_parse_list(const struct record *r, struct arena *a, json *in, void *out,
		      const struct field **ret_bad, struct err *e);
json *record_emit(const struct record *r, const void *in, int flags); /* a dict */
json *record_emit_list(const struct record *r, const void *in);       /* positional */
/* Copy fields that are set in FROM and not in TO (fill defaults layer by layer). */
void record_fill(const struct record *r, void *to, const void *from);
/* The same from the defaults of the rows. False: something has none and must be given. */
bool record_fill_defaults(const struct record *r, struct arena *a, void *to);
json *field_emit(const struct field *f, const void *in); /* null when unset */

/*
 * Check and convert a dict of parameters that may come from a command line
 * (upstream's ForceDictType): strings become numbers, sizes, bools by row type.
 * Values equal to one of ALLOWED (NULL-terminated, e.g. "default") pass as they are.
 * Unknown keys fail: "Unknown parameter 'x'". Returns a new dict.
 */
int record_coerce(const struct record *r, const json *in, const char *const *allowed, json **ret,
		  struct err *e);
/* The defaults of all fields as a dict. A new reference. */
json *record_defaults(const struct record *r);

/* record and list-of-record types */
struct record_list { /* every x_list_t has this shape */
	size_t n;
	char *v;
};
int type_record_parse(const struct type *t, struct arena *a, json *in, void *out, struct err *e);
json *type_record_emit(const struct type *t, const void *in);
int type_record_list_parse(const struct type *t, struct arena *a, json *in, void *out,
			   struct err *e);
json *type_record_list_emit(const struct type *t, const void *in);

/*
 * --- compact.c: copies to keep and only read. What several objects have in common (strings, dicts) is there once;
 * so they all belong into one arena, which is freed before its compact. ---
 */
struct compact *compact_new(void);
void compact_free(struct compact *c);
void *compact_record(struct compact *c, const struct record *r, struct arena *a, const void *obj);
/* For record_scan(): text that is there once; what TEXT was as the value of a field; record_fill_defaults(). */
const char *compact_text(struct compact *c, struct arena *a, const char *p, size_t n);
bool compact_known(struct compact *c, const struct field *f, const char *text, size_t n, void *out);
void compact_note(struct compact *c, struct arena *a, const struct field *f, const char *text, size_t n, const void *v);
bool compact_complete(struct compact *c, const struct record *r, struct arena *a, void *out);

/* JSON description for schema_dump and documents: {name, type, default, required, doc, ...} */
json *field_describe(const struct field *f);
json *record_describe(const struct record *r);
json *enum_describe(const struct enum_def *d);

#endif
