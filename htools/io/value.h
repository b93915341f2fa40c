/*
 * JSON as upstream's loaders read it: every miss has their text. What is read is an object with keys, or the
 * row of a query's answer with named columns; both begin a text with whom it is about.
 */
#ifndef HTOOLS_IO_VALUE_H
#define HTOOLS_IO_VALUE_H
#include "htools/core/htools.h"

struct hj {
	struct arena *a;          /* of the texts read */
	const char *owner;        /* "Node 'x'"; NULL: nobody */
	const json *dict;         /* an object, or ... */
	const json *row;          /* ... [[status, value], ...] */
	const char *const *names; /* of the columns, NULL at the end */
};

/* A whole text whose top is an object or a list. WHAT begins the error. */
int hj_parse(const char *text, size_t n, const char *what, json **ret, struct err *e);
/* slices.c: the members of an object that is too big for a tree, one by one. */
struct hj_slices {
	const char *p, *end;
	bool empty, done;
};
struct hj_slice {
	const char *key, *value; /* as written; the key with its quotes */
	size_t key_n, value_n;
};
/* False: TEXT is no object. */
bool hj_slices(const char *text, size_t n, struct hj_slices *ret);
int hj_next(struct hj_slices *s, struct hj_slice *ret); /* 1: one more; 0: no more; -1: malformed */
bool hj_continue(struct hj_slices *s, const char *p);    /* the value of this member ended at P; false: malformed */
bool hj_at_end(const struct hj_slices *s);              /* is there nothing behind the object? */
int hj_key(struct arena *a, const struct hj_slice *s, const char **ret, struct err *e);
/* "key 'x' not found, ..." Returns -1. */
int hj_missing(const json *dict, const char *key, struct err *e);
/* Fails where DICT has other keys than these. */
int hj_only(const json *dict, const char *const *keys, size_t n, struct err *e);
/* The value, borrowed. Fails where there is none. */
int hj_value(const struct hj *r, const char *name, const json **ret, struct err *e);
/* Is there one that is not null? */
bool hj_has(const struct hj *r, const char *name);
int hj_int(const struct hj *r, const char *name, int64_t *ret, struct err *e);
int hj_float(const struct hj *r, const char *name, double *ret, struct err *e);
int hj_bool(const struct hj *r, const char *name, bool *ret, struct err *e);
int hj_str(const struct hj *r, const char *name, const char **ret, struct err *e);
int hj_strs(const struct hj *r, const char *name, struct strs *ret, struct err *e);
int hj_list(const struct hj *r, const char *name, const json **ret, struct err *e);
int hj_dict(const struct hj *r, const char *name, const json **ret, struct err *e);
/* A word of enumeration D, which upstream calls TYPE. */
int hj_enum(const struct hj *r, const char *name, const struct enum_def *d, const char *type, int *ret, struct err *e);
int hj_status(const struct hj *r, const char *name, enum ht_status *ret, struct err *e);
int hj_policy(const struct hj *r, const char *name, struct ht_policy *ret, struct err *e);
/* Sizes and, in step, spindles (null: not known). */
int hj_disks(const struct hj *r, const char *sizes, const char *spindles, struct ht_inst *ret, struct err *e);

/* What the administrator says of the memory of node N, by hypervisor, counts instead of what it reports (upstream:
 * obtainNodeMemory): its own memory, but with Xen, which knows; and of its memory no more than the total. Zeros say
 * nothing. */
void hj_hv_state(const json *hv_state, struct ht_node *n);

/* Names of what was loaded; of the same name the last counts. */
struct ht_names {
	struct map *groups, *nodes;
};
void ht_names_free(struct ht_names *n);
void ht_names_put(struct map *m, const char *name, int index);
/* N and I as they were read, without their names. */
void ht_names_node_add(const struct ht_names *names, struct ht_cluster *c, const char *name, const struct ht_node *n);
void ht_names_inst_add(struct ht_cluster *c, const char *name, const struct ht_inst *i);
/* -1 with upstream's text where there is none */
/* Add the group NAME that R holds; R gets its owner. */
int ht_names_group_read(const struct ht_names *n, struct ht_cluster *c, struct hj *r, const char *name, struct err *e);
int ht_names_group(const struct ht_names *n, const char *uuid, const char *node, int *ret, struct err *e);
int ht_names_node(const struct ht_names *n, const char *node, const char *inst, int *ret, struct err *e);
/* Once all is loaded: which node is the master, and the hypervisor (upstream: setMaster, setHypervisor). */
int ht_names_finish(const struct ht_names *n, struct ht_cluster *c, const char *master, int hypervisor, struct err *e);

/* --- ialloc.c: what is asked of an allocator --- */
/* What requests don't say of instances, and what follows from the rest. ADMIN_STATE -1: not told. */
void ht_inst_as_asked(struct ht_inst *i, int tmpl, int admin_state);
bool ht_nic_mode_known(const char *mode);
extern const char *const ht_nic_keys[HT_N_NIC];
/* quick.c: the value of a node or an instance in a request. False: it has to be parsed to say what it is. */
bool quick_node(struct json_scan *s, struct arena *a, const struct ht_names *names, struct ht_node *ret);
bool quick_inst(struct json_scan *s, struct arena *a, const struct ht_names *names, struct ht_inst *ret);

#endif
