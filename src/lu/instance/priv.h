/* Shared by the instance units only. */
#ifndef SRC_LU_INSTANCE_PRIV_H
#define SRC_LU_INSTANCE_PRIV_H
#include "src/lu/lu.h"

/* Give a member of a schema struct a value. */
#define SET(object, member, value) ((object).member = (value), (object).has_##member = true)

/* --- common.c --- */
/* Which instance: copies in lu->a, valid over commits. First member of the units' states. */
struct inst {
	const char *uuid, *name;
};
/* Find and lock. FORTHCOMING: whether one that exists only on paper will do. */
int inst_expand(struct luctx *lu, const char *name, const char *uuid, bool forthcoming, struct inst *ret,
		struct err *e);
/* Look it up again; it may be gone until the locks are held. */
int inst_get(struct luctx *lu, const struct inst *in, const struct instance **ret, struct err *e);
/* Lock the primary node's resources (for declare()). */
int inst_lock_primary_res(struct luctx *lu, const struct inst *in, struct err *e);
/* Master and the nodes of the instance, for hooks. */
void inst_hook_nodes(struct luctx *lu, const struct instance *i, struct strs *ret);
/* The usual hooks(): INSTANCE_* and nodes, from the configuration. */
int inst_hooks(struct luctx *lu, const struct inst *in, json *env, struct strs *nodes, struct err *e);
/* The same in both phases: made before the instance goes or changes its name, kept for the post phase. */
struct inst_hooks {
	json *env;
	struct strs nodes;
};
int inst_hooks_kept(struct luctx *lu, const struct inst *in, struct inst_hooks *kept, json *env, struct strs *nodes,
		    struct err *e);
/* The reason trail, new reference. */
json *inst_reason(struct luctx *lu);
/* Parameters that may come from a command line to those of RECORD; values in ALLOWED pass. Arena-owned. */
int inst_coerce(struct luctx *lu, const struct record *r, const json *in, const char *const *allowed, json **ret,
		struct err *e);
/* The same of backend parameters, where "memory" stands for minmem and maxmem. */
int inst_beparams(struct luctx *lu, const json *in, const char *const *allowed, json **ret, struct err *e);
/* Upstream: GetUpdatedParams. "default" (and null when NONE) removes a key. Arena-owned. */
json *inst_updated(struct luctx *lu, const json *old, const json *update, bool none);
/* Is minmem within maxmem? */
int inst_check_memory(const struct beparams *filled, struct err *e);
/* Parameters that are the cluster's alone (upstream: CheckParamsNotGlobal). */
int inst_check_not_global(struct luctx *lu, const json *hvparams, struct err *e);
/* Upstream: CheckIAllocatorOrNode. RET is NULL when NODE was given. */
int inst_allocator(struct luctx *lu, const char *allocator, const char *node, const char **ret, struct err *e);
/* Is the guest down because its user shut it down? INFO: answer of instance_info. */
bool inst_user_down(struct luctx *lu, const struct instance *i, const json *info);
/* Sum of disks, MiB, for allocators. */
int64_t inst_disk_space(const struct disk *const *disks, size_t n);
/* Everything OS scripts get: public, private and secret parameters; no name may be in two of them. */
int inst_all_osparams(struct luctx *lu, const char *os, const json *public_, const json *private_,
		      const json *secret, json **ret, struct err *e);
/* "Instance 'x' is already in the cluster" */
int inst_check_name_free(struct luctx *lu, const char *name, struct err *e);
/* No other job may make an instance of this name before this one ends. */
int inst_reserve_name(struct luctx *lu, const char *name, struct err *e);
/* A console port, ours until the job ends or the instance is in the configuration. */
int inst_take_port(struct luctx *lu, int64_t *ret, struct err *e);

/* --- remove.c --- */
/* Instance and disks out of the configuration; the store gives back addresses and console port. */
int inst_remove_from_config(struct luctx *lu, const char *uuid, struct err *e);

/* --- migrate.c: what failover and migration share (upstream: TLMigrateInstance) --- */
struct move {
	struct inst in;
	bool failover, cleanup;
	bool fallback; /* fail over when migration is not possible */
	bool live, ignore_consistency, allow_runtime_changes, ignore_ipolicy, ignore_hvversions;
	bool has_mode, has_live, live_wanted; /* of the opcode */
	int mode;
	int64_t shutdown_timeout;
	const char *iallocator, *wanted; /* allocator and target (UUID) as given */
	const char *source, *target;     /* UUIDs */
	const char *source_name, *target_name, *target_ip;
	int64_t target_free, current_mem; /* MiB */
	json *info;                       /* migration_info's answer */
};
int move_set_primary(struct luctx *lu, const struct move *m, const char *node_uuid, struct err *e);
int move_close_disks(struct luctx *lu, const struct move *m, const char *node_uuid, struct err *e);
int move_open_disks(struct luctx *lu, const struct move *m, const char *node_uuid, bool exclusive, struct err *e);
/* 1, 0, or -1 when the node does not say. */
int move_runs_on(struct luctx *lu, const struct move *m, const char *node_uuid);

/* --- migrate_exec.c, migrate_cleanup.c, failover.c --- */
int move_migrate(struct luctx *lu, struct move *m, struct err *e);
void move_finish(struct luctx *lu, const struct move *m, bool success); /* both ends; without success the guest stays on the source */
int move_cleanup(struct luctx *lu, struct move *m, struct err *e);
int move_failover(struct luctx *lu, struct move *m, struct err *e);

/* --- create.c, create_check.c, create_exec.c (upstream: LUInstanceCreate) --- */
struct create {
	const char *name, *ip; /* normalised; what it resolves to, or NULL */
	int template_, hypervisor;
	const char *iallocator;
	const char *driver, *dir; /* of file disks */
	bool start;
	const char *primary; /* UUID */
	json *hvparams, *beparams, *osparams, *osparams_private; /* as the instance will have them */
	struct beparams be; /* partial */
	json *hv_full, *os_all; /* filled; with private and secret ones */
	nic_list_t nics;
	struct lu_disk_spec *specs;
	size_t n_disks;
};
/* The object as far as it is known; also for hooks and RPC dicts before it exists. */
struct instance create_object(struct luctx *lu, const struct op_instance_create *op, const struct create *c);
/* Parameters that do not depend on the node. */
int create_check_params(struct luctx *lu, const struct op_instance_create *op, struct create *c, struct err *e);
/* The node, and the instance on it. */
int create_check_node(struct luctx *lu, const struct op_instance_create *op, struct create *c, struct err *e);
int create_exec(struct luctx *lu, const void *op, json **ret, struct err *e);

/* --- modify*.c (upstream: LUInstanceSetParams) --- */
enum mod_action { MOD_ADD, MOD_ATTACH, MOD_MODIFY, MOD_REMOVE, MOD_DETACH };
struct mod { /* of a NIC or disk */
	enum mod_action action;
	json *where;  /* index (number or digits), UUID or name */
	json *params; /* a copy that may be changed; arena-owned */
};
struct mod_item { /* what a NIC or disk can be found by */
	const char *uuid, *name;
};
struct nic_step { /* a NIC modification that was worked out */
	json *changes;       /* [[key, value], ...] for the result */
	const char *hotplug; /* action for a running instance */
	const char *key;     /* of the line that says how that went */
	struct nic nic;
	size_t idx;
};
struct modify {
	struct inst in;
	struct mod *nics, *disks;
	size_t n_nics, n_disks;
	bool hotplug;
	struct strs warnings;
	const char *pnode;             /* new primary (UUID) or NULL */
	json *hvparams;                /* of the instance from now on; NULL = unchanged */
	bool be_changed;
	struct beparams be, be_full;   /* partial, filled */
	json *osparams, *osparams_private; /* NULL = unchanged */
	nic_list_t new_nics;
	struct nic_step *steps;
	size_t n_steps;
};
/* Opcode's list to mods. KIND: "NIC", "disk". */
int mods_parse(struct luctx *lu, const char *kind, const json *list, struct mod **ret, size_t *ret_n, struct err *e);
/* Where a new one goes among N; where an existing one is. */
int mod_insert_at(const char *kind, const struct mod *m, size_t n, size_t *ret, struct err *e);
int mod_find(const char *kind, const struct mod *m, const struct mod_item *v, size_t n, size_t *ret, struct err *e);
/* Returns "hotplug:done" or "hotplug:failed". */
int mod_hotplug(struct luctx *lu, const struct modify *m, const char *action, const char *type, json *device,
		json *extra, size_t seq, const char **ret, struct err *e);
/* The disk an attach speaks of: one that belongs to no instance. */
int mod_detached(struct luctx *lu, const struct mod *m, const struct instance *i, const struct disk **ret,
		 struct err *e);
int modify_check_nics(struct luctx *lu, const struct op_instance_set_params *op, struct modify *m, struct err *e);
int modify_check_disks(struct luctx *lu, const struct op_instance_set_params *op, struct modify *m,
		       int64_t **ret_sizes, size_t *ret_n, struct err *e);
int modify_check_params(struct luctx *lu, const struct op_instance_set_params *op, struct modify *m, struct err *e);
int modify_check_memory(struct luctx *lu, const struct op_instance_set_params *op, struct modify *m, struct err *e);
/* Do the disk modifications one by one; RESULT gets [key, value] pairs. */
int modify_disks(struct luctx *lu, const struct op_instance_set_params *op, struct modify *m, json *result,
		 struct err *e);
int modify_exec(struct luctx *lu, const void *op, json **ret, struct err *e);

#endif
