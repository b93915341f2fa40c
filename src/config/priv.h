/* Shared inside src/config. */
#ifndef SRC_CONFIG_PRIV_H
#define SRC_CONFIG_PRIV_H
#include "src/config/config.h"

#define IDLE_MAX 4 /* connections kept for the next snapshots */
#define CHANGES_KEPT 10000 /* objects whose change is remembered, at least */
#define CHANGES_ROUND 64   /* older ones are forgotten after that many commits */

struct cache;

struct read_cluster; /* snapshot.c */
struct config {
	char *path;
	struct db *db;
	struct db *idle[IDLE_MAX];
	size_t n_idle, n_snapshots;
	struct cache *cache; /* or NULL */
	struct read_cluster *cluster; /* as last read, or NULL */
};
void read_cluster_drop(struct read_cluster *r); /* by one of its users; NULL = nothing */

/* Give E the class of this folder unless it has one. Returns -1. */
int config_error(struct err *e);
int config_fail(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* --- links.c: what an object points at and what it claims for itself --- */
/* The numbers are in the database: add new ones at the end. */
enum link_role {
	LINK_PRIMARY = 1,   /* instance -> node */
	LINK_DISK = 2,      /* instance -> disk */
	LINK_DISK_NODE = 3, /* disk -> node holding its data */
	LINK_GROUP = 4,     /* node -> group */
	LINK_NETWORK = 5,   /* instance or group -> network */
	LINK_MASTER = 6,    /* cluster -> node */
	LINK_LAST = LINK_MASTER,
	CLAIM_MAC = 16,     /* NIC */
	CLAIM_IP = 17,      /* "network uuid/address" of a NIC */
	CLAIM_NODE_IP = 18, /* addresses of nodes and the master address */
	CLAIM_PORT = 19,    /* console ports and DRBD ports */
	CLAIM_MINOR = 20,   /* "node uuid/minor" of a DRBD disk */
	CLAIM_LV = 21,      /* "volume group/logical volume" of a disk or of what is below it */
};
/* The kind of object a link points at, and what is wrong when that is not there. */
enum obj_kind link_target(enum link_role role);
const char *link_dangling(struct arena *a, enum link_role role, const char *owner,
			  const char *value);
struct link {
	enum link_role role;
	const char *value;
};
struct links {
	struct link *v;
	size_t n;
};
/* Sorted, without repetition; in the arena. */
struct links links_of(struct arena *a, enum obj_kind k, const void *obj);
void links_append(struct arena *a, struct links *to, const struct links *from);
/* Entries of X that are not in Y. */
struct links links_minus(struct arena *a, const struct links *x, const struct links *y);

/* --- store.c: rows --- */
struct row {
	int64_t id, serial;
	enum obj_kind kind;
	const char *uuid, *name; /* name: NULL for kinds without unique names */
	const char *json;
};
/* What every kind of object has. Offsets into its struct, or -1. */
struct kind_info {
	const char *name, *plural; /* plural: key in config.data, NULL = the cluster */
	const char *label;         /* in messages */
	const struct record *(*record)(void);
	bool named;
};
const struct kind_info *kind_info(enum obj_kind k);
/* The string or number member NAME of an object. */
const char *obj_str(enum obj_kind k, const void *obj, const char *member);
void obj_set_str(enum obj_kind k, void *obj, const char *member, const char *v);
int64_t obj_int(enum obj_kind k, const void *obj, const char *member);
void obj_set_int(enum obj_kind k, void *obj, const char *member, int64_t v);
void obj_set_num(enum obj_kind k, void *obj, const char *member, double v);
const char *obj_name(enum obj_kind k, const void *obj); /* for messages: name or UUID */
int obj_parse(struct arena *a, enum obj_kind k, json *in, void **ret, struct err *e);
int obj_parse_text(struct arena *a, enum obj_kind k, const char *text, void **ret, struct err *e);

int store_tables(struct db *d, struct err *e); /* create or bring up to date */
int row_find(struct db *d, struct arena *a, const char *uuid, struct row *ret, struct err *e); /* 1, 0, -1 */
/* ID 0: insert. Sets *RET_ID. STORED (may be NULL) gets the JSON, a new reference. */
int row_write(struct db *d, enum obj_kind k, const void *obj, int64_t id, int64_t *ret_id,
	      json **stored, struct err *e);
int row_delete(struct db *d, const char *uuid, int64_t id, struct err *e);
int changes_forget(struct db *d, int64_t serial, struct err *e); /* old ones, now and then */
/* UUIDs of what changed after SERIAL. 1, 0 = that long ago is forgotten, -1 */
int changes_since(struct db *d, struct arena *a, int64_t serial, struct strs *ret, struct err *e);
int link_add(struct db *d, int64_t owner, const struct links *l, struct err *e);
int link_del(struct db *d, int64_t owner, const struct links *l, struct err *e);
/* Names and UUIDs joined from a query whose first column is text. */
int query_strs(struct db *d, struct arena *a, struct strs *ret, struct err *e, const char *sql,
	       const char *fmt, ...);
int meta_get(struct db *d, const char *key, int64_t *ret, struct err *e);
int meta_get_float(struct db *d, const char *key, double *ret, struct err *e);
int meta_set(struct db *d, const char *key, int64_t v, struct err *e);
int meta_set_float(struct db *d, const char *key, double v, struct err *e);

/* --- snapshot.c --- */
struct db *snapshot_db(struct snapshot *s);
/* --- counts.c --- */
struct map *node_counts_read(struct db *d, struct arena *a); /* node uuid -> struct node_counts in A */

/* --- cache.c: parsed objects of one state, a snapshot's own or kept from one to the next --- */
struct named {
	const char *name, *uuid; /* name: the UUID for kinds without names */
};
int named_cmp(const void *x, const void *y); /* natural order of names */
/* Up to about LIMIT objects are kept, in as little memory as possible; 0: those of one snapshot, as they are parsed. */
struct cache *cache_new(size_t limit);
void cache_free(struct cache *c);
/* Forget what is not as in the state of SERIAL, which D shows; everything when it can't be told. */
void cache_follow(struct cache *c, struct db *d, int64_t serial);
struct arena *cache_arena(struct cache *c); /* the objects' */
const void *cache_get(const struct cache *c, enum obj_kind k, const char *uuid);
/* Parse what is not there yet and put it in. */
int cache_load(struct cache *c, enum obj_kind k, const char *text, const void **ret, struct err *e);
/* All objects of a kind in natural order of names, when that is known already; it then follows the changes. Only where
 * objects are kept. */
const struct named *cache_list(const struct cache *c, enum obj_kind k, size_t *ret_n);
void cache_set_list(struct cache *c, enum obj_kind k, const struct named *v, size_t n);
void cache_trim(struct cache *c); /* when nobody uses it: at its limit, start again */

/* --- pool.c: what the store keeps itself: free ports, used addresses --- */
struct pool_change {
	struct links added, removed; /* claims of the whole change set */
};
int pool_update(struct db *d, struct arena *a, const struct pool_change *p, double now,
		struct err *e);
/* An update of the cluster or a network must not touch what the store keeps. */
void pool_keep(enum obj_kind k, void *obj, const void *old);
/* The bits of a new network. */
int pool_new_network(struct arena *a, struct network *n, struct err *e);

/* --- check.c: one object by itself; DFLT: the cluster's NIC parameters, NULL = not looked at --- */
void check_object(struct arena *a, enum obj_kind k, const void *obj, const struct nicparams *dflt,
		  struct strs *errs);

/* --- upgrade.c, upgrade2.c --- */
void set_in(json *j, const char *key, json *v); /* takes V over; nothing when J is no dict */
json *dict_in(json *j, const char *key);
int upgrade_2x(struct arena *a, json *data, struct err *e);

#endif
