/* Rows that documents and tests read more than programs do: hooks, constants, classes of errors. */
#ifndef SRC_SCHEMA_LISTS_H
#define SRC_SCHEMA_LISTS_H
#include "src/schema/schema.h"

/* --- hooks.def --- */
struct hook_row {
	int op;                   /* enum opcode, -1 = none */
	const char *path;         /* "instance-start" */
	const char *object;       /* "INSTANCE", NULL where there is no opcode */
	const char *keys;         /* of its own, separated by spaces, without GANETI_ */
	bool instance, network;   /* the keys of these kinds as well */
	const char *doc;
};
struct hook_key {
	const char *kind;         /* "common", "instance", "network" */
	const char *key, *doc;
};
extern const struct hook_row hook_rows[]; /* ends with a NULL path */
extern const struct hook_key hook_keys[]; /* ends with a NULL key */

/* --- consts.def: the numbers and texts of consts.h --- */
struct const_row {
	const char *name, *upstream; /* its name and upstream's */
	enum { CONST_INT, CONST_NUM, CONST_TEXT } kind;
	int64_t i;
	double d;
	const char *s;
	const char *doc;
};
extern const struct const_row const_rows[]; /* ends with a NULL name */

/* --- errors.def --- */
struct err_row {
	const char *name, *parent /* NULL = a code */, *doc;
	bool client; /* never on the wire */
};
extern const struct err_row err_rows[]; /* ends with a NULL name */

/* --- templates.def: what disks of a template are like --- */
struct template_traits {
	bool lvm, block, filebased, int_mirror, ext_mirror, growable, copyable, snapshot, may_adopt, must_adopt,
		exclusive_storage, userspace, no_space_check;
	storage_type_t storage;
};
const struct template_traits *template_traits(disk_template_t t);

/* Kind of object a finding of the verification is about: "cluster", "group", "node" or "instance". */
const char *cv_item_type(enum cv_errcode code);

#endif
