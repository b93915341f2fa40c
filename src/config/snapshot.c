/* One state of the configuration, read through a connection of its own. */
#include "src/config/priv.h"

#include <assert.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/map.h"

#define MANY 500 /* objects looked up one by one */

struct snapshot {
	struct config *config;
	struct db *db;
	struct arena *a;
	struct cache *cache;
	bool kept; /* the cache is the store's, which keeps objects; nobody else uses it now */
	bool rests;
	double since; /* the read transaction's beginning */
	int64_t serial, ssconf_serial;
	struct read_cluster *cluster;
	struct map *counts; /* NULL = not read */
	size_t looked_up[OBJ_KINDS]; /* one by one */
	size_t most[OBJ_KINDS];      /* when it is that many, all are read; 0 = not counted */
};

/* Large, wanted by everybody, and rarely changed: parsed once for all snapshots that have the same text. */
struct read_cluster {
	struct arena *a;
	const char *text;
	const struct cluster *cluster;
	size_t users;
};

static int take_connection(struct config *c, struct db **ret, struct err *e)
{
	if (c->n_idle) {
		*ret = c->idle[--c->n_idle];
		return 0;
	}
	return db_open(c->path, DB_READ, ret, e);
}

static void give_connection(struct config *c, struct db *d)
{
	if (db_in_transaction(d))
		db_rollback(d);
	if (c->n_idle < IDLE_MAX)
		c->idle[c->n_idle++] = d;
	else
		db_close(d);
}

void read_cluster_drop(struct read_cluster *r)
{
	if (!r || --r->users)
		return;
	arena_free(r->a);
	free(r);
}

static int parse_cluster(const char *text, struct read_cluster **ret, struct err *e)
{
	struct read_cluster *r = xcalloc(1, sizeof(*r));
	void *cluster;

	r->a = arena_new();
	r->users = 1;
	r->text = arena_strdup(r->a, text);
	if (obj_parse_text(r->a, OBJ_CLUSTER, text, &cluster, e) < 0) {
		read_cluster_drop(r);
		return err_prefix(e, "cluster");
	}
	r->cluster = cluster;
	*ret = r;
	return 0;
}

static int take_cluster(struct snapshot *s, const char *text, struct err *e)
{
	struct config *c = s->config;
	struct read_cluster *r = NULL;

	if (!c->cluster || strcmp(c->cluster->text, text) != 0) {
		if (parse_cluster(text, &r, e) < 0)
			return -1;
		read_cluster_drop(c->cluster);
		c->cluster = r;
	}
	s->cluster = c->cluster;
	s->cluster->users++;
	return 0;
}

void snapshot_rest(struct snapshot *s, double age)
{
	if (!s || s->rests || clock_mono() - s->since < age)
		return;
	db_rollback(s->db);
	s->rests = true;
}

/* The connection for a look. A failure here is met again by that look, and reported there. */
static struct db *reading(struct snapshot *s)
{
	if (s->rests) {
		s->rests = false;
		s->since = clock_mono();
		(void)db_begin(s->db, false, NULL);
	}
	return s->db;
}

/* The read transaction starts with the first look; parse what everybody needs. */
static int start(struct snapshot *s, struct err *e)
{
	struct db_stmt *st CLEANUP(db_finish) = NULL;
	int rc;

	s->since = clock_mono();
	if (db_begin(s->db, false, e) < 0 || meta_get(s->db, "serial", &s->serial, e) < 0 ||
	    meta_get(s->db, "ssconf_serial", &s->ssconf_serial, e) < 0 ||
	    db_query(s->db, &st, e, "SELECT json FROM object WHERE kind = 'cluster'", "") < 0)
		return -1;
	rc = db_step(st, e);
	if (rc < 0)
		return -1;
	if (rc == 0)
		return config_fail(e, "The configuration has no cluster");
	return take_cluster(s, db_text(st, 0), e);
}

int snapshot_open(struct config *c, struct snapshot **ret, struct err *e)
{
	struct snapshot *s CLEANUP(snapshot_freep) = NULL;
	struct db *d;

	if (take_connection(c, &d, e) < 0)
		return config_error(e);
	s = xcalloc(1, sizeof(*s));
	s->config = c;
	s->db = d;
	s->a = arena_new();
	s->kept = c->cache && c->n_snapshots == 0;
	s->cache = s->kept ? c->cache : cache_new(0);
	c->n_snapshots++;
	if (start(s, e) < 0)
		return config_error(e);
	if (s->kept)
		cache_follow(s->cache, s->db, s->serial);
	*ret = STEAL(s);
	return 0;
}

void snapshot_free(struct snapshot *s)
{
	if (!s)
		return;
	give_connection(s->config, s->db);
	s->config->n_snapshots--;
	if (s->kept)
		cache_trim(s->cache);
	else
		cache_free(s->cache);
	read_cluster_drop(s->cluster);
	map_free(s->counts, NULL);
	arena_free(s->a);
	free(s);
}

void snapshot_freep(struct snapshot **s)
{
	snapshot_free(*s);
	*s = NULL;
}

bool snapshot_current(struct snapshot *s)
{
	struct db *d;
	int64_t serial = 0;
	bool same;

	if (s->rests) /* is again what it was if nothing has changed: this starts its transaction */
		return meta_get(reading(s), "serial", &serial, NULL) == 0 && serial == s->serial;
	if (take_connection(s->config, &d, NULL) < 0)
		return false;
	same = meta_get(d, "serial", &serial, NULL) == 0 && serial == s->serial;
	give_connection(s->config, d);
	return same;
}

int64_t snapshot_serial(const struct snapshot *s)
{
	return s->serial;
}

int64_t snapshot_ssconf_serial(const struct snapshot *s)
{
	return s->ssconf_serial;
}

struct arena *snapshot_arena(struct snapshot *s)
{
	return s->a;
}

struct db *snapshot_db(struct snapshot *s)
{
	return reading(s);
}

/* --- objects --- */
static void unreadable(enum obj_kind k, const char *uuid, const struct err *e)
{
	log_error("Can't read %s %s: %s", kind_info(k)->label, uuid, err_msg(e));
}

/* Everything in the database was parsed before it was written: a row that cannot be read now is damage
 * to the file. It reads as missing, and says so in the log. */
static const void *load(struct snapshot *s, enum obj_kind k, const char *uuid)
{
	struct db_stmt *st CLEANUP(db_finish) = NULL;
	struct err e CLEANUP(err_clear) = ERR_NONE;
	const void *obj;
	int rc;

	rc = db_query(reading(s), &st, &e, "SELECT json FROM object WHERE uuid = ? AND kind = ?", "ss", uuid,
		      obj_kind_name(k));
	rc = rc < 0 ? -1 : db_step(st, &e);
	if (rc == 1 && cache_load(s->cache, k, db_text(st, 0), &obj, &e) == 0)
		return obj;
	if (rc)
		unreadable(k, uuid, &e);
	return NULL;
}

/* In the order of the table: what an index gives is all over it. */
static void load_all(struct snapshot *s, enum obj_kind k)
{
	struct db_stmt *st CLEANUP(db_finish) = NULL;
	struct err e CLEANUP(err_clear) = ERR_NONE;
	const void *obj;
	int rc;

	rc = db_query(reading(s), &st, &e, "SELECT uuid, json FROM object NOT INDEXED WHERE kind = ?", "s",
		      obj_kind_name(k));
	while (rc >= 0 && (rc = db_step(st, &e)) == 1) {
		const char *uuid = db_text(st, 0);

		if (!cache_get(s->cache, k, uuid) && cache_load(s->cache, k, db_text(st, 1), &obj, &e) < 0) {
			unreadable(k, uuid, &e);
			err_clear(&e);
		}
	}
	if (rc < 0)
		log_error("Can't read the configuration: %s", err_msg(&e));
}

/* Who has looked up so many is going to want most of them. Only where they are kept: others would not have the room. */
static bool wants_all(struct snapshot *s, enum obj_kind k)
{
	if (!s->kept || ++s->looked_up[k] < MANY)
		return false;
	if (!s->most[k])
		s->most[k] = MANY + snap_count(s, k) / 16;
	return s->looked_up[k] == s->most[k];
}

static const void *get(struct snapshot *s, enum obj_kind k, const char *uuid)
{
	const void *obj = uuid ? cache_get(s->cache, k, uuid) : NULL;

	if (!obj && uuid && wants_all(s, k)) {
		load_all(s, k);
		obj = cache_get(s->cache, k, uuid);
	}
	return obj || !uuid ? obj : load(s, k, uuid);
}

const struct cluster *snap_cluster(struct snapshot *s)
{
	return s->cluster->cluster;
}

const struct node *snap_node(struct snapshot *s, const char *uuid)
{
	return get(s, OBJ_NODE, uuid);
}

const struct nodegroup *snap_group(struct snapshot *s, const char *uuid)
{
	return get(s, OBJ_NODEGROUP, uuid);
}

const struct instance *snap_instance(struct snapshot *s, const char *uuid)
{
	return get(s, OBJ_INSTANCE, uuid);
}

const struct disk *snap_disk(struct snapshot *s, const char *uuid)
{
	return get(s, OBJ_DISK, uuid);
}

const struct network *snap_network(struct snapshot *s, const char *uuid)
{
	return get(s, OBJ_NETWORK, uuid);
}

const struct filter *snap_filter(struct snapshot *s, const char *uuid)
{
	return get(s, OBJ_FILTER, uuid);
}

json *snap_json(struct snapshot *s, enum obj_kind k, const char *uuid)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	const char *text;
	json *j = NULL;

	if (db_get_text(reading(s), s->a, &text, &e, "SELECT json FROM object WHERE uuid = ? AND kind = ?",
			"ss", uuid, obj_kind_name(k)) != 1)
		return NULL;
	if (json_parse(text, strlen(text), &j, &e) < 0)
		return NULL;
	return json_own(s->a, j);
}

/* --- names --- */
static int one_text(struct snapshot *s, const char **ret, const char *sql, const char *x,
		    const char *y)
{
	return db_get_text(reading(s), s->a, ret, NULL, sql, "ss", x, y);
}

/*
 * UUID of the object NAME means: UUID or name first, then the name in lower case, then the only
 * name that goes on with a dot (upstream: MatchNameComponent). NULL = none or several.
 */
static const char *find(struct snapshot *s, enum obj_kind k, const char *name, bool short_names)
{
	const char *kind = obj_kind_name(k), *uuid = NULL, *lower;
	struct strs found = { 0 };

	if (one_text(s, &uuid, "SELECT uuid FROM object WHERE kind = ? AND name = ?", kind, name) ||
	    one_text(s, &uuid, "SELECT uuid FROM object WHERE kind = ? AND uuid = ?", kind, name) ||
	    !short_names || !*name)
		return uuid;
	lower = str_lower(s->a, name);
	if (one_text(s, &uuid, "SELECT uuid FROM object WHERE kind = ? AND name = ?", kind, lower))
		return uuid;
	/* '/' follows '.' */
	if (query_strs(reading(s), s->a, &found, NULL,
		       "SELECT uuid FROM object WHERE kind = ? AND name > ? AND name < ? LIMIT 2",
		       "sss", kind, arena_printf(s->a, "%s.", lower),
		       arena_printf(s->a, "%s/", lower)) < 0)
		return NULL;
	return found.n == 1 ? found.v[0] : NULL;
}

static int find_object(struct snapshot *s, enum obj_kind k, const char *name, bool short_names,
		       const char *unknown, const void **ret, struct err *e)
{
	const char *uuid = name ? find(s, k, name, short_names) : NULL;
	const void *obj = uuid ? get(s, k, uuid) : NULL;

	if (!obj)
		return err_set(e, ERR_PREREQ, ECODE_NOENT, "%s '%s' %s",
			       k == OBJ_NODE	  ? "Node" :
			       k == OBJ_NODEGROUP ? "Node group" :
			       k == OBJ_INSTANCE  ? "Instance" :
						    "Network",
			       name ? name : "", unknown);
	*ret = obj;
	return 0;
}

#define FIND(fn, type, kind, short_names, unknown)                                            \
	int fn(struct snapshot *s, const char *name, const struct type **ret, struct err *e)  \
	{                                                                                     \
		const void *obj;                                                              \
                                                                                              \
		if (find_object(s, kind, name, short_names, unknown, &obj, e) < 0)            \
			return -1;                                                            \
		*ret = obj;                                                                   \
		return 0;                                                                     \
	}
FIND(snap_find_node, node, OBJ_NODE, true, "not known")
FIND(snap_find_group, nodegroup, OBJ_NODEGROUP, false, "not found")
FIND(snap_find_instance, instance, OBJ_INSTANCE, true, "not known")
FIND(snap_find_network, network, OBJ_NETWORK, false, "not found")

/* --- lists --- */
/* A query's (uuid, name) rows, in natural order of names. *RET is malloc'ed, its strings are in the arena. */
static size_t sorted_rows(struct snapshot *s, struct named **ret, const char *sql, const char *fmt, va_list ap)
{
	struct db_stmt *st CLEANUP(db_finish) = NULL;
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct named *v = NULL;
	size_t n = 0, cap = 0;
	int rc = db_queryv(reading(s), &st, &e, sql, fmt, ap);

	while (rc >= 0 && (rc = db_step(st, &e)) == 1) {
		const char *uuid = arena_strdup(s->a, db_text(st, 0)), *name = db_text(st, 1);

		GROW(v, n, cap);
		v[n++] = (struct named){ name ? arena_strdup(s->a, name) : uuid, uuid };
	}
	if (rc < 0)
		log_error("Can't read the configuration: %s", err_msg(&e));
	if (n)
		qsort(v, n, sizeof(*v), named_cmp);
	*ret = v;
	return n;
}

static struct strs uuids(struct snapshot *s, const struct named *v, size_t n)
{
	struct strs l = { ARENA_ARRAY(s->a, const char *, n + 1), n };

	for (size_t i = 0; i < n; i++)
		l.v[i] = v[i].uuid;
	return l;
}

static struct strs sorted(struct snapshot *s, const char *sql, const char *fmt, ...)
{
	struct named *v CLEANUP(freep) = NULL;
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	n = sorted_rows(s, &v, sql, fmt, ap);
	va_end(ap);
	return uuids(s, v, n);
}

static size_t sorted_kind(struct snapshot *s, struct named **ret, const char *sql, ...)
{
	va_list ap;
	size_t n;

	va_start(ap, sql);
	n = sorted_rows(s, ret, sql, "s", ap);
	va_end(ap);
	return n;
}

struct strs snap_uuids(struct snapshot *s, enum obj_kind k)
{
	struct named *v CLEANUP(freep) = NULL;
	const struct named *kept;
	size_t n;

	kept = cache_list(s->cache, k, &n);
	if (kept)
		return uuids(s, kept, n);
	n = sorted_kind(s, &v, "SELECT uuid, name FROM object WHERE kind = ?", obj_kind_name(k));
	if (s->kept)
		cache_set_list(s->cache, k, v, n);
	return uuids(s, v, n);
}

size_t snap_count(struct snapshot *s, enum obj_kind k)
{
	int64_t n = 0;

	db_get_int(reading(s), &n, NULL, "SELECT count(*) FROM object WHERE kind = ?", "s",
		   obj_kind_name(k));
	return (size_t)n;
}

/* Owners of links of one role to a value. */
static struct strs owners(struct snapshot *s, enum link_role role, const char *value)
{
	return sorted(s,
		      "SELECT o.uuid, o.name FROM link l JOIN object o ON o.id = l.owner"
		      " WHERE l.role = ? AND l.value = ?",
		      "is", (int)role, value);
}

struct strs snap_node_primaries(struct snapshot *s, const char *node_uuid)
{
	return owners(s, LINK_PRIMARY, node_uuid);
}

struct strs snap_candidates(struct snapshot *s)
{
	struct strs out = { 0 };

	query_strs(reading(s), s->a, &out, NULL,
		   "SELECT uuid FROM object WHERE kind = ? AND json_extract(json, '$.master_candidate')"
		   " ORDER BY name",
		   "s", obj_kind_name(OBJ_NODE));
	return out;
}

struct strs snap_group_nodes(struct snapshot *s, const char *group_uuid)
{
	return owners(s, LINK_GROUP, group_uuid);
}

const char *snap_mac_owner(struct snapshot *s, const char *mac)
{
	struct strs l = owners(s, CLAIM_MAC, str_lower(s->a, mac));

	return l.n ? l.v[0] : NULL;
}

struct strs snap_node_secondaries(struct snapshot *s, const char *node_uuid)
{
	/* CROSS: in this order; the planner takes the second link first, which has a row per disk */
	return sorted(s,
		      "SELECT DISTINCT i.uuid, i.name FROM link dn CROSS JOIN object d"
		      " ON d.id = dn.owner CROSS JOIN link di ON di.role = ?3 AND di.value = d.uuid"
		      " CROSS JOIN object i ON i.id = di.owner"
		      " WHERE dn.role = ?2 AND dn.value = ?1 AND NOT EXISTS (SELECT 1 FROM link p"
		      " WHERE p.role = ?4 AND p.value = ?1 AND p.owner = i.id)",
		      "siii", node_uuid, (int)LINK_DISK_NODE, (int)LINK_DISK, (int)LINK_PRIMARY);
}

const struct map *snap_node_counts(struct snapshot *s)
{
	if (!s->counts)
		s->counts = node_counts_read(reading(s), s->a);
	return s->counts;
}

int snap_instance_disks(struct snapshot *s, const struct instance *i, const struct disk ***ret,
			size_t *ret_n, struct err *e)
{
	const struct disk **v = ARENA_ARRAY(s->a, const struct disk *, i->disks.n + 1);

	for (size_t k = 0; k < i->disks.n; k++) {
		v[k] = snap_disk(s, i->disks.v[k]);
		if (!v[k])
			return config_fail(e, "Instance '%s' has invalid disk '%s'", i->name,
					   i->disks.v[k]);
	}
	*ret = v;
	*ret_n = i->disks.n;
	return 0;
}

struct strs snap_instance_secondaries(struct snapshot *s, const struct instance *i)
{
	struct strs l = { 0 };

	for (size_t k = 0; k < i->disks.n; k++) {
		const struct disk *d = snap_disk(s, i->disks.v[k]);
		struct strs nodes = d ? disk_nodes(s->a, d) : (struct strs){ 0 };

		for (size_t n = 0; n < nodes.n; n++)
			if (!str_eq(nodes.v[n], i->primary_node) && !strs_has(&l, nodes.v[n]))
				strs_add(s->a, &l, nodes.v[n]);
	}
	strs_sort(&l);
	return l;
}
