/*
 * The opcode processor and what all logical units share. A job worker runs the opcodes of one job
 * through lu_run(): check_args -> expand -> for each level: declare, lock -> prereq -> pre hooks ->
 * exec -> post hooks -> release. Sequential code; one arena per opcode.
 *
 * Config objects come from lu->snap; the locks, not the snapshot, keep them true. The snapshot is a
 * new one, and all pointers into the old one are dead, before each declare(), before prereq() and after
 * lu_commit()/lu_refresh(): keep UUIDs and names (copies in lu->a) in the state and look objects up again.
 */
#ifndef SRC_LU_LU_H
#define SRC_LU_LU_H
#include "src/client/client.h"
#include "src/config/config.h"
#include "src/lock/lock.h"
#include "src/rpc/rpc.h"

/* The one macro with a hidden return. */
#define TRY(call)                  \
	do {                       \
		if ((call) < 0)    \
			return -1; \
	} while (0)

struct lu_need { /* what to lock at one level */
	bool all;             /* every name */
	struct strs names;    /* lock names: UUIDs for nodes and groups, names for instances (as upstream) */
	bool shared;
	bool opportunistic;
};

struct luctx {
	struct arena *a;
	struct config *config;
	struct snapshot *snap;       /* refreshed after locking and after lu_commit() */
	const struct cluster *cluster; /* of snap */
	struct rpc_client *rpc;
	struct wconf *wconf;
	int64_t job;
	size_t index;                /* of the opcode in its job */
	enum opcode op;
	const struct op_common *common;
	json *input;                 /* the opcode as submitted (reason trail etc.) */
	const struct lu *lu;
	void *state;                 /* lu->state_size bytes, zeroed; private to the LU */
	struct lu_need need[LOCK_LEVELS];
	struct strs owned[LOCK_LEVELS];
	json *changes;               /* pending, see below */
	struct strs macs;            /* asked for by this opcode: two of its NICs can't share one */
	bool committed;              /* the configuration was changed by this opcode */
	json *dry_run_result;        /* what a dry run answers (NULL = null); arena-owned */
	json *hook_env;              /* GANETI_* variables of the pre phase */
};

/*
 * One per opcode, found by the linker: const struct lu lu_instance_startup. OP is the opcode's struct
 * (cast it on the first line). Functions may be NULL.
 */
struct lu {
	const char *hooks_path; /* "instance-start"; NULL = runs no hooks */
	const char *hooks_type; /* "CLUSTER", "NODE", "INSTANCE", "GROUP", "NETWORK" */
	bool no_locks;          /* skip locking altogether, even the cluster lock */
	bool exclusive;         /* runs alone: takes the cluster lock exclusively (upstream: REQ_BGL) */
	size_t state_size;
	int (*check_args)(struct luctx *lu, const void *op, struct err *e);
	/* Fill lu->need; names are expanded here (lu_expand_*). */
	int (*expand)(struct luctx *lu, const void *op, struct err *e);
	/* Called before LEVEL is locked, with the lower-numbered ones held: recalculate lu->need[level]. */
	int (*declare)(struct luctx *lu, const void *op, enum lock_level level, struct err *e);
	int (*prereq)(struct luctx *lu, const void *op, struct err *e);
	/*
	 * ENV: add variables without the GANETI_ prefix; bools, null and numbers are written as Python's
	 * str() does. PRE/POST: node UUIDs (post may be left empty = pre). Called before each phase: the
	 * first time after prereq, then after exec, when only POST is looked at.
	 */
	int (*hooks)(struct luctx *lu, const void *op, json *env, struct strs *pre, struct strs *post, struct err *e);
	/* Told what the hooks of a phase answered (upstream: HooksCallBack); may change the result in the post phase. */
	int (*hooks_done)(struct luctx *lu, const void *op, const char *phase, const struct rpc_answer *v, size_t n,
			  json **ret, struct err *e);
	/* RET: the opcode's result, new reference (NULL = null). A result {"jobs": [[opcode,...],...]} made by
	 * lu_result_jobs() is submitted by the processor. */
	int (*exec)(struct luctx *lu, const void *op, json **ret, struct err *e);
};

#define OPCODE(id, ...) extern const struct lu lu_##id;
#define OPCODE_TODO(id, ...)
#define USE(name)
#define FIELD(...)
#define END(id)
#include "src/schema/opcodes.def"
#undef OPCODE
#undef OPCODE_TODO
#undef USE
#undef FIELD
#undef END
const struct lu *lu_of(enum opcode op); /* NULL: not written yet */

/* --- run.c: called by the job worker --- */
struct lu_job {
	struct config *config;
	struct rpc_client *rpc;
	struct wconf *wconf;
	int64_t id;
	size_t first; /* opcode it starts with: that one waits already when the job is started */
};
/* Run opcode INDEX. On success RET is its result; the caller reports it to the master. */
int lu_run(struct lu_job *job, size_t index, json *input, json **ret, struct err *e);
/* For LUs that contain others (tasklets): run OP's prereq and exec inside this one, no locking, no hooks. */

/* --- config changes (one transaction in the master, with this opcode's progress) --- */
/* OBJ is a struct of the kind; it is emitted at once. ADD fills uuid/ctime itself when unset. */
void lu_add(struct luctx *lu, enum obj_kind k, const void *obj);
void lu_update(struct luctx *lu, enum obj_kind k, const void *obj);
void lu_remove(struct luctx *lu, enum obj_kind k, const char *uuid);
int lu_commit(struct luctx *lu, struct err *e); /* also refreshes lu->snap */
int lu_refresh(struct luctx *lu, struct err *e);
/*
 * Wait until every online node got the ssconf files and every candidate the configuration; nodes that did
 * not are warned of. FORCE: send what has not changed, too.
 */
/* Wait for FD to be readable: 1; 0 = SECONDS have passed; -1 = there is no master any more. A job that waits for
 * anything but an RPC does it here, so that the next master finds it. */
int lu_wait(struct luctx *lu, int fd, double seconds);
int lu_sleep(struct luctx *lu, double seconds, struct err *e);
int lu_flush_config(struct luctx *lu, bool force, struct err *e);

/* --- names.c --- */
/*
 * Find by name, with upstream's errors; a UUID given too has to be the object's (or is looked up alone).
 * Instance and node: also ask for its lock, exclusively (upstream: ExpandAndLockInstance).
 */
int lu_expand_instance(struct luctx *lu, const char *name, const char *uuid, const struct instance **ret, struct err *e);
int lu_expand_node(struct luctx *lu, const char *name, const char *uuid, const struct node **ret, struct err *e);
/* The node found by NAME before there were locks: it may have left the cluster meanwhile. */
int lu_node_stays(struct luctx *lu, const char *uuid, const char *name, struct err *e);
int lu_expand_group(struct luctx *lu, const char *name, const struct nodegroup **ret, struct err *e);
int lu_expand_network(struct luctx *lu, const char *name, const struct network **ret, struct err *e);
void lu_need(struct luctx *lu, enum lock_level level, const char *name, bool shared);
void lu_need_all(struct luctx *lu, enum lock_level level, bool shared);
void lu_need_none(struct luctx *lu, enum lock_level level); /* forget what was asked for */
bool lu_owns(const struct luctx *lu, enum lock_level level, const char *name);
/* All nodes of an instance (primary, secondaries of its disks): UUIDs. */
struct strs lu_instance_nodes(struct luctx *lu, const struct instance *i);
const char *lu_node_name(struct luctx *lu, const char *uuid);
/* Release some locks early. KEEP may be NULL (all). */
int lu_release(struct luctx *lu, enum lock_level level, const struct strs *keep, struct err *e);

/* --- feedback.c: job log, with upstream's prefixes --- */
void lu_log(struct luctx *lu, const char *fmt, ...) __attribute__((format(printf, 2, 3)));  /* plain feedback */
void lu_info(struct luctx *lu, const char *fmt, ...) __attribute__((format(printf, 2, 3))); /* " - INFO: ..." */
void lu_warn(struct luctx *lu, const char *hint, const char *fmt, ...) __attribute__((format(printf, 3, 4))); /* " - WARNING: ..."; HINT may be NULL */
void lu_step(struct luctx *lu, int n, int of, const char *fmt, ...) __attribute__((format(printf, 4, 5))); /* "STEP 1/6 ..." */
void lu_log_typed(struct luctx *lu, const char *type, json *message); /* other entry types; takes the reference */

/* --- rpc helpers --- */
struct rpc_node lu_rpc_node(struct luctx *lu, const char *node_uuid);
/* One call to one node; failure is OpExecError "<WHAT>: <fail_msg>" (WHAT printf'ed by the caller). Args list taken over. */
int lu_rpc(struct luctx *lu, enum rpc rpc, const char *node_uuid, json *args, json **ret, const char *what, struct err *e);
/* Make an error an OpPrereqError with CODE (upstream: Raise(prereq=True)). Returns -1. */
int lu_as_prereq(struct err *e, const char *code);
/* Many nodes. */
int lu_rpc_multi(struct luctx *lu, enum rpc rpc, const struct strs *node_uuids, json *args, struct rpc_answer **ret, struct err *e);

/* --- prepare.c: config objects as node RPCs want them (encoders of rpc.json). New references --- */
/* ED_INST_DICT (overrides may be NULL): filled hvparams, beparams, osparams, nicparams, disks_info. */
json *lu_inst_dict(struct luctx *lu, const struct instance *i, const json *hvp, const json *bep, const json *osp);
json *lu_nic_dict(struct luctx *lu, const struct instance *i, const struct nic *n);
json *lu_disk_dict(struct luctx *lu, const struct instance *i, const struct disk *d, const char *node_uuid);
json *lu_disks_list(struct luctx *lu, const struct instance *i, const struct disk *const *d, size_t n, const char *node_uuid);
/* All hypervisors' cluster parameters (all_hvparams argument). */
json *lu_all_hvparams(struct luctx *lu);

/* --- hooks.c, hookenv.c --- */
int lu_run_hooks(struct luctx *lu, const void *op, const char *phase, json **ret, struct err *e);
/* The post hooks on one node while it can still run them (upstream: RunPostHook). Failures are warnings. */
void lu_run_post_hook(struct luctx *lu, const void *op, const char *node_uuid);
/* The config-update hook on the master, after an opcode that changed the configuration. */
void lu_run_config_hook(struct luctx *lu);
/* INSTANCE_* variables of an instance (upstream: BuildInstanceHookEnvByObject). */
int lu_hookenv_instance(struct luctx *lu, const struct instance *i, json *env, struct err *e);
/* The same of objects that are not in the configuration; disks without logical_id are not made yet. */
void lu_hookenv_build(struct luctx *lu, const struct instance *i, const char *template_,
		      const struct disk *const *disks, size_t n_disks, json *env);

/* --- params.c: dicts of parameters. Results live in lu->a --- */
/* record_coerce() with upstream's class, TypeEnforcementError. ALLOWED may be NULL. */
int lu_coerce(struct luctx *lu, const struct record *r, const json *in, const char *const *allowed,
	      json **ret, struct err *e);
/* OLD with CHANGES over it: "default" removes a parameter, with USE_NONE null does too (upstream: GetUpdatedParams). */
json *lu_updated_params(struct luctx *lu, const json *old, const json *changes, bool use_none);
/* Hypervisor states: OLD (may be NULL) with CHANGES over it, checked (upstream: MergeAndVerifyHvState). */
int lu_merge_hv_state(struct luctx *lu, const json *old, const json *changes, json **ret, struct err *e);
/* Disk parameters by template, and node parameters; with MAY_UNSET "default" removes one. */
int lu_disk_params(struct luctx *lu, const json *old, const json *changes, bool may_unset, json **ret, struct err *e);
int lu_ndparams(struct luctx *lu, const struct ndparams *old, const json *changes, struct ndparams *ret, struct err *e);
/* "AA:00:01" in lower case. */
int lu_mac_prefix(struct luctx *lu, const char *text, const char **ret, struct err *e);
/* A struct with its has_ flag. */
#define LU_SET(o, member, value) ((o)->member = (value), (o)->has_##member = true)

/* --- policy.c --- */
/* OLD with CHANGE over it, checked (upstream: GetUpdatedIPolicy). GROUP: everything may be unset, nothing standard. */
int lu_policy_new(struct luctx *lu, const json *old, const json *change, bool group, json **ret, struct err *e);
/* Add to RET the names of a group's instances that fit BEFORE but not AFTER, both filled; then tell the user. */
int lu_policy_broken(struct luctx *lu, const char *group, const json *before, const json *after, struct strs *ret, struct err *e);
void lu_policy_warn(struct luctx *lu, struct strs *broken);
/* Only enabled disk templates may be allowed (upstream: CheckIpolicyVsDiskTemplates). */
int lu_policy_templates(struct luctx *lu, const json *policy, const struct strs *enabled, struct err *e);

/* --- names.c --- */
/* UUIDs of the instances with a primary or secondary node in the group. */
struct strs lu_group_instances(struct luctx *lu, const char *group);
/* Ask for the locks of those, shared; once the group is locked, too, check that they are still the ones
 * (upstream: CheckNodeGroupInstances). */
void lu_need_group_instances(struct luctx *lu, const char *group);
int lu_group_instances_stay(struct luctx *lu, const char *group, struct err *e);
/* The object found by NAME before there were locks: it may be gone. OpExecError. */
int lu_group_stays(struct luctx *lu, const char *uuid, const char *name, const struct nodegroup **ret, struct err *e);

/* --- check_node.c: checks shared by LUs: upstream's messages, OpPrereqError --- */
int lu_check_node_online(struct luctx *lu, const struct node *n, const char *msg, struct err *e);
int lu_check_node_not_drained(struct luctx *lu, const struct node *n, struct err *e);
int lu_check_node_vm_capable(struct luctx *lu, const struct node *n, struct err *e);
int lu_check_instance_online(struct luctx *lu, const struct instance *i, struct err *e); /* not ADMIN_OFFLINE */
int lu_check_hv_enabled(struct luctx *lu, int hypervisor, struct err *e);
/* hypervisor_validate_params on nodes; os_validate on nodes. */
int lu_check_hvparams_on_nodes(struct luctx *lu, const struct strs *nodes, int hypervisor, const json *filled, struct err *e);
int lu_check_osparams_on_nodes(struct luctx *lu, const struct strs *nodes, bool required, const char *os, const json *osparams, bool force_variant, struct err *e);
/* Free memory on NODE for REASON ("starting instance x"); RET_FREE may be NULL. */
int lu_check_free_memory(struct luctx *lu, const char *node_uuid, const char *reason, int64_t needed_mib, int hypervisor, const json *hvparams, int64_t *ret_free, struct err *e);

/* --- check_inst.c --- */
/* One node; its failure is for the caller to judge. -1 only when the wait was broken off. */
int lu_ask(struct luctx *lu, enum rpc rpc, const char *node_uuid, json *args, struct rpc_answer *ret, struct err *e);
/* States an instance may be in, as bits (upstream: INSTANCE_DOWN, INSTANCE_ONLINE, INSTANCE_NOT_RUNNING). */
enum lu_inst_states {
	INST_DOWN = 1 << admin_state_down,
	INST_UP = 1 << admin_state_up,
	INST_OFFLINE = 1 << admin_state_offline,
	INST_ONLINE = INST_DOWN | INST_UP,
	INST_NOT_RUNNING = INST_DOWN | INST_OFFLINE,
};
/* Without INST_UP the node is asked, too. MSG ends the sentence ("cannot reinstall"); NULL = default. */
int lu_check_instance_state(struct luctx *lu, const struct instance *i, unsigned states, const char *msg, struct err *e);
int lu_check_not_forthcoming(const struct instance *i, struct err *e);
/* 1 = running (RET: instance_info's answer, may be NULL), 0 = not, -1 = "WHAT: <fail_msg>". */
int lu_inst_running(struct luctx *lu, const struct instance *i, const char *node_uuid, json **ret, const char *what, struct err *e);
int lu_check_bridges(struct luctx *lu, const nic_list_t *nics, const char *node_uuid, struct err *e);
/* Violations of the policy of a group: of planned values, of an instance (DISKS NULL: its own). */
struct strs lu_ipolicy_violations(struct luctx *lu, const struct nodegroup *g, const struct beparams *filled, size_t n_nics, int template_, const int64_t *sizes, size_t n_disks);
int lu_ipolicy_instance(struct luctx *lu, const struct nodegroup *g, const struct instance *i, const struct disk *const *disks, size_t n, struct strs *ret, struct err *e);
/* Upstream: CheckHostnameSane. */
int lu_check_name_resolves(struct luctx *lu, const char *name, const char **ret_name, const char **ret_ip, struct err *e);
/* Items as Python prints them in a list: "'a', 1". */
const char *lu_py_list(struct luctx *lu, const json *v);

/* --- nics.c --- */
/* MAC addresses: "auto" and "generate" are made up, others checked and reserved for this job. */
int lu_nic_mac(struct luctx *lu, const char *network_uuid, const char *given, const char **ret, struct err *e);
/* NICs of a new instance from opcode dicts, but for generated MACs and networks (upstream: _ComputeNics).
 * DEFAULT_IP is what ip=auto means; NULL: refused. */
int lu_nics_new(struct luctx *lu, const json *dicts, const char *default_ip, nic_list_t *ret, struct err *e);
int lu_nics_macs(struct luctx *lu, nic_list_t *nics, struct err *e); /* generate those missing */
/* Mode, link and VLAN of an opcode's dict into P (what is not given stays unset); of filled ones. */
int lu_nic_params(struct luctx *lu, const json *dict, struct nicparams *p, struct err *e);
int lu_nic_params_check(const struct nicparams *filled, struct err *e);
int lu_nic_ip_check(const char *ip, bool has_network, struct err *e);
/* Once the primary node is known: parameters of networks, addresses from pools, conflicts. IDX is for messages. */
int lu_nic_place(struct luctx *lu, struct nic *n, size_t idx, const char *node_uuid, bool conflicts_check, struct err *e);
/* Names must be unique, not numeric (upstream: ValidateDeviceNames). KIND: "NIC", "disk". */
int lu_check_device_names(const char *kind, const char *const *names, size_t n, struct err *e);

/* --- netpool.c: addresses of networks; all answer 1 = yes, 0 = no, -1 --- */
/* A free one, reserved for this job. */
int lu_net_pick(struct luctx *lu, const struct network *net, const char **ret, struct err *e);
/* This one; without the check even one set aside for others. */
int lu_net_take(struct luctx *lu, const struct network *net, const char *ip, bool conflicts_check, struct err *e);
/* NIC parameters the network has in the node's group. */
int lu_net_nicparams(struct luctx *lu, const struct network *net, const char *node_uuid, struct nicparams *p, struct err *e);
/* A NIC outside of networks must not use an address of one its node's group is connected to. 0 or -1. */
int lu_net_conflict(struct luctx *lu, const char *ip, const char *node_uuid, struct err *e);

/* --- disks.c: making disk objects --- */
struct lu_disk_spec { /* a wanted disk */
	int64_t size;
	disk_mode_t mode;
	const char *name; /* or NULL */
};
int lu_disk_specs(struct luctx *lu, const json *dicts, int template_, struct lu_disk_spec **ret, size_t *ret_n, struct err *e);
/* Is it a template this version makes disks of, and enabled? */
int lu_check_template(struct luctx *lu, int template_, struct err *e);
/* Directory of an instance's file disks, NULL for other templates (upstream: CalculateFileStorageDir). */
int lu_file_storage_dir(struct luctx *lu, int template_, const char *instance_name, const char *below, const char **ret, struct err *e);
/* Upstream: GenerateDiskTemplate; feedback "* disk 0, size 1.0G". BASE: index of the first. */
struct disk *lu_disks_plan(struct luctx *lu, int template_, const char *primary_uuid, const struct lu_disk_spec *specs, size_t n, const char *dir, const char *driver, size_t base);
const char *lu_disk_text(struct luctx *lu, const struct disk *d); /* "<Disk(type=file, ...)>" as upstream prints it */
/* Directory of file disks that exist. */
const char *lu_disks_dir(struct luctx *lu, const struct disk *d);

/* --- disk_make.c: disks on nodes. I need not be in the configuration. --- */
/* All or none: what was made is removed when one fails (upstream: CreateDisks). FRESH: their names are new, so
 * that what is there under the name of the failed one is what this call left half made. */
int lu_disks_create(struct luctx *lu, const struct instance *i, const struct disk *disks, size_t n, bool fresh, struct err *e);
/* Upstream: RemoveDisks; warns and returns false when something stayed. WHOLE: their directory, too. */
bool lu_disks_remove(struct luctx *lu, const struct instance *i, const struct disk *const *disks, size_t n, bool whole);
int lu_disks_wipe(struct luctx *lu, const struct instance *i, const struct disk *const *disks, size_t n, int64_t from, struct err *e);

/* --- disk_state.c: these commit disks_active, so the snapshot changes --- */
/* Upstream: AssembleInstanceDisks. RET_OK: all usable; RET_INFO (may be NULL): [[node, iv_name, path], ...]. */
int lu_disks_assemble(struct luctx *lu, const char *inst_uuid, bool ignore_secondaries, bool ignore_size, bool *ret_ok, json **ret_info, struct err *e);
/* Upstream: StartInstanceDisks. FORCE: 1, 0, or -1 for "no hint about it". */
int lu_disks_start(struct luctx *lu, const char *inst_uuid, int force, struct err *e);
/* Upstream: ShutdownInstanceDisks. RET_OK may be NULL. */
int lu_disks_shutdown(struct luctx *lu, const char *inst_uuid, bool ignore_primary, bool *ret_ok, struct err *e);
/* Wait until mirrors are in sync; other templates always are (upstream: WaitForSync). */
void lu_disks_wait_sync(struct luctx *lu, const char *inst_uuid);
/* Set members of instances and commit. */
int lu_set_admin_state(struct luctx *lu, const char *inst_uuid, int state, int source, struct err *e);
int lu_set_disks_active(struct luctx *lu, const char *inst_uuid, bool active, struct err *e);

/* --- jobs.c --- */
/* {"jobs": [...]}; other values of the result may be set beside it. JOBS: list of lists of opcodes, taken over. */
json *lu_result_jobs(json *jobs);
/* Run by the processor: submit them, the ids take their place (upstream: _ProcessResult). */
int lu_submit_jobs(struct luctx *lu, json *result, struct err *e);

/* --- candidates.c: the pool of master candidates --- */
struct mc_stats {
	int now, should, possible; /* upstream: GetMasterCandidateStats */
};
struct mc_stats lu_candidate_stats(struct luctx *lu, int64_t pool_size, const struct strs *except);
/* Will one more usable node have to be a candidate? EXCEPT may be NULL. Upstream: DecideSelfPromotion */
bool lu_wants_candidate(struct luctx *lu, const struct strs *except);
/* Digest of a node's client certificate, as the node tells it; arena. */
int lu_node_digest(struct luctx *lu, const char *node_uuid, const char **ret, struct err *e);
int lu_digest_from(struct luctx *lu, const struct rpc_node *n, const char *node_uuid, const char **ret, struct err *e);
/* Secrets that only candidates have. Failures are warnings. */
void lu_equip_candidate(struct luctx *lu, const char *node_uuid);
/*
 * Promote nodes (not those of EXCEPT) until the pool is as large as the cluster wants it; commits.
 * Upstream: AdjustCandidatePool.
 */
int lu_adjust_candidates(struct luctx *lu, const struct strs *except, struct err *e);
/* Change sets: CERTS of the cluster with NODE's digest set (NULL: removed). New reference. */
json *lu_candidate_certs(struct luctx *lu, const char *node_uuid, const char *digest);

/* --- ssh.c: nothing is done when the cluster does not manage logins --- */
/* LOGIN: the node may log in everywhere from now on; LIST: it joins those that keep the list of all
 * nodes' keys. What fails on single nodes is only told. */
int lu_ssh_add(struct luctx *lu, const char *uuid, const char *name, bool login, bool list, struct err *e);
/* It may not log in any more. LEAVES: it leaves the cluster; READD: and comes back with another key. */
int lu_ssh_remove(struct luctx *lu, const char *uuid, const char *name, bool leaves, bool readd, struct err *e);

/* --- files.c: files that nodes have copies of --- */
struct lu_files {
	struct strs all, optional, candidates, vm; /* paths on this machine */
};
/* REDIST: those that RedistributeAncillaryFiles copies; else those that verify compares. */
struct lu_files lu_ancillary_files(struct luctx *lu, bool redist);
/* Copy them to all online nodes but the master; failures are warnings. */
int lu_distribute_files(struct luctx *lu, struct err *e);
/* Upstream: MasterNetworkParameters as the node RPCs want them. A new reference. */
json *lu_master_params(struct luctx *lu);

/* --- locks.c: used by run.c --- */
int lu_lock_level(struct luctx *lu, enum lock_level level, struct err *e);

#endif
