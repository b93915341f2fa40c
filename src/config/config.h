/*
 * The cluster configuration in SQLite: one row per object. Readers (workers, queries) take a
 * snapshot; the master applies change sets in one transaction together with job progress.
 * Tables, invariants and what this folder must not know: see README.
 */
#ifndef SRC_CONFIG_CONFIG_H
#define SRC_CONFIG_CONFIG_H
#include "lib/db/db.h"
#include "src/model/model.h"

enum obj_kind { OBJ_CLUSTER, OBJ_NODE, OBJ_NODEGROUP, OBJ_INSTANCE, OBJ_DISK, OBJ_NETWORK, OBJ_FILTER, OBJ_KINDS };
const char *obj_kind_name(enum obj_kind k); /* "cluster", "node", "nodegroup", ... */
int obj_kind_find(const char *name);        /* -1 when unknown */
const struct record *obj_record(enum obj_kind k);

struct config; /* an open store */
/*
 * Path: path_of(PATH_CONFIG_DB). MODE DB_READ for workers, DB_WRITE for the master, which also brings
 * the tables up to date. Other parts of the database (the job queue) are the caller's:
 * db_migrate(config_db(c), "queue", ...) right after opening for writing.
 */
int config_open(const char *path, enum db_mode mode, struct config **ret, struct err *e);
void config_close(struct config *c); /* its snapshots have to be freed before */
void config_closep(struct config **c);
struct db *config_db(struct config *c);
/* Keep parsed objects from one snapshot to the next, up to about LIMIT of them: for those who read the same
 * again and again. Only what changed is parsed again. */
void config_keep_objects(struct config *c, size_t limit);
void config_forget_objects(struct config *c); /* of those kept, while no snapshot is open: gives memory back */
/*
 * Make the database from INITIAL, a dict in config.data's shape of any version config_upgrade() knows
 * (cluster init, import). It appears at PATH complete or not at all; an existing one is refused.
 */
int config_create(const char *path, const json *initial, struct err *e);

/*
 * --- snapshot.c: reading. A snapshot sees one state until it is freed; keep it short. Every snapshot
 * has a connection of its own: several may be open, also while the master commits. ---
 */
struct map;
struct snapshot;
int snapshot_open(struct config *c, struct snapshot **ret, struct err *e);
void snapshot_free(struct snapshot *s);
void snapshot_freep(struct snapshot **s);
bool snapshot_current(struct snapshot *s); /* has nothing changed since? */
/*
 * Its owner is going to wait: while a snapshot sees one state, all that is written after it stays in the database's
 * log. What was read stays; what is read from now on may be newer (then snapshot_current() says no), or be gone.
 * AGE: only one that has looked at its state for that many seconds. S may be NULL.
 */
void snapshot_rest(struct snapshot *s, double age);
int64_t snapshot_serial(const struct snapshot *s);        /* grows with every commit */
int64_t snapshot_ssconf_serial(const struct snapshot *s); /* with those that may change ssconf values */
struct arena *snapshot_arena(struct snapshot *s); /* objects live here, until the snapshot is freed */

/* Objects are parsed on first use and cached in the snapshot. NULL when missing; the cluster never is. */
const struct cluster *snap_cluster(struct snapshot *s);
const struct node *snap_node(struct snapshot *s, const char *uuid);
const struct nodegroup *snap_group(struct snapshot *s, const char *uuid);
const struct instance *snap_instance(struct snapshot *s, const char *uuid);
const struct disk *snap_disk(struct snapshot *s, const char *uuid);
const struct network *snap_network(struct snapshot *s, const char *uuid);
const struct filter *snap_filter(struct snapshot *s, const char *uuid);
/* By exact name, UUID or (nodes, instances) unique short name; fails with OpPrereqError/unknown_entity and
 * upstream's text ("Instance 'x' not known", "Node 'x' not known", "Node group 'x' not found", ...). */
int snap_find_node(struct snapshot *s, const char *name, const struct node **ret, struct err *e);
int snap_find_group(struct snapshot *s, const char *name, const struct nodegroup **ret, struct err *e);
int snap_find_instance(struct snapshot *s, const char *name, const struct instance **ret, struct err *e);
int snap_find_network(struct snapshot *s, const char *name, const struct network **ret, struct err *e);
/* UUIDs of all objects of a kind, in natural order of names (those without: of UUIDs). */
struct strs snap_uuids(struct snapshot *s, enum obj_kind k);
size_t snap_count(struct snapshot *s, enum obj_kind k);
/* Indices kept by the store (cost grows with the result). */
struct strs snap_node_primaries(struct snapshot *s, const char *node_uuid);   /* instance uuids */
struct strs snap_node_secondaries(struct snapshot *s, const char *node_uuid);
/* How many those are, of all nodes that have any: node uuid -> struct node_counts. Lives as long as the snapshot. */
struct node_counts {
	int64_t primaries, secondaries;
};
const struct map *snap_node_counts(struct snapshot *s);
struct strs snap_group_nodes(struct snapshot *s, const char *group_uuid);
/* UUIDs of the master candidates, found without parsing any node. */
struct strs snap_candidates(struct snapshot *s);
const char *snap_mac_owner(struct snapshot *s, const char *mac); /* instance uuid or NULL */
/* Disks of an instance in order; missing ones are an internal error. */
int snap_instance_disks(struct snapshot *s, const struct instance *i, const struct disk ***ret, size_t *ret_n, struct err *e);
struct strs snap_instance_secondaries(struct snapshot *s, const struct instance *i); /* node uuids */
/* Any object as JSON (arena-owned). */
json *snap_json(struct snapshot *s, enum obj_kind k, const char *uuid);

/* --- commit.c: changing (master only) --- */
/*
 * A change set is a list of [action, kind, object-or-uuid]: "add"/"update"/"remove". Updates carry the
 * serial_no they were read with; a stale one fails with ConfigurationError and nothing is written.
 * serial_no, ctime, mtime and a missing uuid are set by the store, as are the free and used console
 * ports of the cluster and the used addresses of networks: they follow the instances and disks.
 * Every change is verified: unique names, MACs, ports and addresses, referenced objects exist, ...
 * EXTRA runs inside the same transaction (job progress); may be NULL. Inside an open transaction of
 * config_db() the change set becomes part of that, or undoes only itself when it fails.
 * RET_OBJECTS (may be NULL): the stored objects in order, with their new serial numbers; null for
 * removed ones. A new reference.
 */
int config_commit(struct config *c, const json *changes, int (*extra)(struct db *d, void *arg, struct err *e),
		  void *arg, json **ret_objects, struct err *e);
/* --- verify.c: errors of the whole configuration, as gnt-cluster verify prints them --- */
int config_verify(struct snapshot *s, struct arena *a, struct strs *ret, struct err *e);

/* --- reserve.c: temporary reservations per job, in the master's memory --- */
struct reservations;
struct reservations *reservations_new(void);
void reservations_free(struct reservations *r);
/* A MAC not used by any NIC nor reserved; PREFIX "aa:00:00". */
int reserve_mac_generate(struct reservations *r, struct config *c, int64_t job, const char *prefix, struct arena *a, const char **ret, struct err *e);
int reserve_mac(struct reservations *r, struct config *c, int64_t job, const char *mac, struct err *e);
/* A port for a graphical console. It leaves the cluster's pool when an instance with it is committed. */
int reserve_port(struct reservations *r, struct config *c, int64_t job, int64_t *ret, struct err *e);
/* An address of a network (its UUID) that no NIC has. */
int reserve_ip(struct reservations *r, struct config *c, int64_t job, const char *network, const char *ip, struct err *e);
/* A logical volume, "group/name", that no disk has. */
int reserve_lv(struct reservations *r, struct config *c, int64_t job, const char *volume, struct err *e);
/* The smallest free minor on each of these nodes (UUIDs, each once); RET: list of numbers, new reference. */
int reserve_minors(struct reservations *r, struct config *c, int64_t job, const struct strs *nodes, json **ret, struct err *e);
/* Names being created by running jobs (two jobs adding the same instance). */
int reserve_name(struct reservations *r, int64_t job, const char *kind, const char *name, struct err *e);
void reservations_drop(struct reservations *r, int64_t job);
/* For saving with the job and restoring after a restart: a list of texts. */
json *reservations_held(const struct reservations *r, int64_t job);
void reservations_restore(struct reservations *r, int64_t job, const json *held);

/* --- export.c, upgrade.c, ssconf.c --- */
/* The whole configuration in config.data's layout (upstream 3.1), as a tree (new reference) or, at the
 * cost of copying the rows, as the text of the file appended to RET. */
int config_export(struct snapshot *s, json **ret, struct err *e);
int config_export_text(struct snapshot *s, struct str *ret, struct err *e);
/* Upgrade a config.data dict of 2.x/3.x in place to the present version (errors name the step). */
int config_upgrade(json *data, struct err *e);
/* An exported dict as upstream's 3.0 has it. */
int config_downgrade(json *data, struct err *e);
/* ssconf values: dict of name to text. New reference. */
int config_ssconf(struct snapshot *s, json **ret, struct err *e);

#endif
