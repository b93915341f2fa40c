/* Objects as rows: the tables, opening, reading and writing one row. */
#include "src/config/priv.h"

#include <assert.h>
#include <string.h>

static const char *const schema[] = {
	"CREATE TABLE meta(key TEXT PRIMARY KEY NOT NULL, value NOT NULL);"
	"CREATE TABLE object(id INTEGER PRIMARY KEY, kind TEXT NOT NULL, uuid TEXT NOT NULL,"
	" name TEXT, serial INTEGER NOT NULL, json TEXT NOT NULL);"
	"CREATE UNIQUE INDEX object_uuid ON object(uuid);"
	"CREATE UNIQUE INDEX object_name ON object(kind, name);"
	/* small rows, read in order of value: no need for a second tree beside the index */
	"CREATE TABLE link(role INTEGER NOT NULL, value TEXT NOT NULL, owner INTEGER NOT NULL,"
	" PRIMARY KEY(role, value, owner)) WITHOUT ROWID;",
	/* which objects the last commits wrote or removed; "changes_from": those before are forgotten */
	"CREATE TABLE change(serial INTEGER NOT NULL, uuid TEXT NOT NULL,"
	" PRIMARY KEY(serial, uuid)) WITHOUT ROWID;"
	"INSERT INTO meta(key, value)"
	" SELECT 'changes_from', value + 1 FROM meta WHERE key = 'serial';",
	/* logical volumes became claims (links.c) */
	"INSERT OR IGNORE INTO link(role, value, owner)"
	" SELECT 21, json_extract(json, '$.logical_id[0]') || '/' || json_extract(json, '$.logical_id[1]'), id"
	" FROM object WHERE kind = 'disk' AND json_extract(json, '$.dev_type') = 'plain';"
	"INSERT OR IGNORE INTO link(role, value, owner)"
	" SELECT 21, json_extract(c.value, '$.logical_id[0]') || '/' || json_extract(c.value, '$.logical_id[1]'), o.id"
	" FROM object o, json_each(o.json, '$.children') c"
	" WHERE o.kind = 'disk' AND json_extract(c.value, '$.dev_type') = 'plain';",
};

static const struct kind_info kinds[OBJ_KINDS] = {
	[OBJ_CLUSTER] = { "cluster", NULL, "cluster", rec_cluster, false },
	[OBJ_NODE] = { "node", "nodes", "node", rec_node, true },
	[OBJ_NODEGROUP] = { "nodegroup", "nodegroups", "node group", rec_nodegroup, true },
	[OBJ_INSTANCE] = { "instance", "instances", "instance", rec_instance, true },
	[OBJ_DISK] = { "disk", "disks", "disk", rec_disk, false },
	[OBJ_NETWORK] = { "network", "networks", "network", rec_network, true },
	[OBJ_FILTER] = { "filter", "filters", "filter rule", rec_filter, false },
};

const struct kind_info *kind_info(enum obj_kind k)
{
	assert(k >= 0 && k < OBJ_KINDS);
	return &kinds[k];
}

const char *obj_kind_name(enum obj_kind k)
{
	return kind_info(k)->name;
}

int obj_kind_find(const char *name)
{
	for (int i = 0; name && i < OBJ_KINDS; i++)
		if (strcmp(kinds[i].name, name) == 0)
			return i;
	return -1;
}

const struct record *obj_record(enum obj_kind k)
{
	return kind_info(k)->record();
}

int config_error(struct err *e)
{
	if (e && !e->cls)
		e->cls = ConfigurationError;
	return -1;
}

int config_fail(struct err *e, const char *fmt, ...)
{
	char *s CLEANUP(freep) = NULL;
	va_list ap;

	va_start(ap, fmt);
	s = xvasprintf(fmt, ap);
	va_end(ap);
	return err_set(e, ConfigurationError, NULL, "%s", s);
}

/* --- opening --- */
int store_tables(struct db *d, struct err *e)
{
	return db_migrate(d, "config", schema, ARRAY_SIZE(schema), e);
}

int config_open(const char *path, enum db_mode mode, struct config **ret, struct err *e)
{
	struct config *c CLEANUP(config_closep) = xcalloc(1, sizeof(*c));
	int64_t serial;

	assert(mode != DB_CREATE);
	c->path = xstrdup(path);
	if (db_open(path, mode, &c->db, e) < 0 ||
	    (mode == DB_WRITE && store_tables(c->db, e) < 0) ||
	    meta_get(c->db, "serial", &serial, e) < 0)
		return config_error(e);
	*ret = STEAL(c);
	return 0;
}

void config_close(struct config *c)
{
	if (!c)
		return;
	assert(!c->n_snapshots);
	while (c->n_idle)
		db_close(c->idle[--c->n_idle]);
	cache_free(c->cache);
	read_cluster_drop(c->cluster);
	db_close(c->db);
	free(c->path);
	free(c);
}

void config_closep(struct config **c)
{
	config_close(*c);
	*c = NULL;
}

struct db *config_db(struct config *c)
{
	return c->db;
}

/* --- numbers about the whole configuration --- */
int meta_get(struct db *d, const char *key, int64_t *ret, struct err *e)
{
	int rc = db_get_int(d, ret, e, "SELECT value FROM meta WHERE key = ?", "s", key);

	if (rc == 0) {
		db_note_damage("there is no cluster in it"); /* an empty file, for one */
		return config_fail(e, "The configuration database has no %s", key);
	}
	return rc < 0 ? -1 : 0;
}

int meta_get_float(struct db *d, const char *key, double *ret, struct err *e)
{
	struct db_stmt *s CLEANUP(db_finish) = NULL;
	int rc;

	if (db_query(d, &s, e, "SELECT value FROM meta WHERE key = ?", "s", key) < 0)
		return -1;
	rc = db_step(s, e);
	if (rc == 0)
		return config_fail(e, "The configuration database has no %s", key);
	if (rc == 1)
		*ret = db_float(s, 0);
	return rc < 0 ? -1 : 0;
}

int meta_set(struct db *d, const char *key, int64_t v, struct err *e)
{
	return db_exec(d, e, "INSERT OR REPLACE INTO meta(key, value) VALUES(?, ?)", "sI", key, v);
}

int meta_set_float(struct db *d, const char *key, double v, struct err *e)
{
	return db_exec(d, e, "INSERT OR REPLACE INTO meta(key, value) VALUES(?, ?)", "sf", key, v);
}

/* --- members by name; a kind that lacks one reads as nothing and ignores writes --- */
static void *member(enum obj_kind k, const void *obj, const char *name, const struct type *t,
		    bool **ret_has)
{
	const struct field *f = record_field(obj_record(k), name);

	if (!f)
		return NULL;
	assert(f->type->size == t->size);
	*ret_has = (bool *)((char *)(uintptr_t)obj + f->has);
	return (char *)(uintptr_t)obj + f->offset;
}

const char *obj_str(enum obj_kind k, const void *obj, const char *name)
{
	bool *has;
	const char **p = member(k, obj, name, &type_str, &has);

	return p && *has ? *p : NULL;
}

void obj_set_str(enum obj_kind k, void *obj, const char *name, const char *v)
{
	bool *has;
	const char **p = member(k, obj, name, &type_str, &has);

	if (!p)
		return;
	*p = v;
	*has = v != NULL;
}

int64_t obj_int(enum obj_kind k, const void *obj, const char *name)
{
	bool *has;
	int64_t *p = member(k, obj, name, &type_int, &has);

	return p && *has ? *p : 0;
}

void obj_set_int(enum obj_kind k, void *obj, const char *name, int64_t v)
{
	bool *has;
	int64_t *p = member(k, obj, name, &type_int, &has);

	if (!p)
		return;
	*p = v;
	*has = true;
}

void obj_set_num(enum obj_kind k, void *obj, const char *name, double v)
{
	bool *has;
	double *p = member(k, obj, name, &type_num, &has);

	if (!p)
		return;
	*p = v;
	*has = true;
}

const char *obj_name(enum obj_kind k, const void *obj)
{
	const char *name = kind_info(k)->named ? obj_str(k, obj, "name") : NULL;

	return name ? name : obj_str(k, obj, "uuid");
}

int obj_parse(struct arena *a, enum obj_kind k, json *in, void **ret, struct err *e)
{
	const struct record *r = obj_record(k);
	const struct field *bad;
	void *obj = arena_alloc(a, r->size);

	if (record_parse(r, a, in, obj, REC_IGNORE_UNKNOWN, &bad, e) < 0) {
		if (bad)
			err_prefix(e, "%s", field_wire(bad));
		return config_error(e);
	}
	*ret = obj;
	return 0;
}

int obj_parse_text(struct arena *a, enum obj_kind k, const char *text, void **ret, struct err *e)
{
	const struct record *r = obj_record(k);
	void *obj = arena_alloc(a, r->size);
	json *j CLEANUP(json_putp) = NULL;

	if (record_scan(r, a, NULL, text, strlen(text), obj)) {
		*ret = obj;
		return 0;
	}
	if (json_parse(text, strlen(text), &j, e) < 0)
		return config_error(e);
	return obj_parse(a, k, j, ret, e);
}

/* --- what changed --- */

/* The commit that is being made counts the serial up at its end. */
static int change_note(struct db *d, const char *uuid, struct err *e)
{
	return db_exec(d, e,
		       "INSERT OR IGNORE INTO change(serial, uuid)"
		       " SELECT value + 1, ? FROM meta WHERE key = 'serial'",
		       "s", uuid);
}

int changes_forget(struct db *d, int64_t serial, struct err *e)
{
	int64_t last;
	int rc;

	if (serial % CHANGES_ROUND)
		return 0;
	rc = db_get_int(d, &last, e, "SELECT serial FROM change ORDER BY serial DESC LIMIT 1 OFFSET ?",
			"i", CHANGES_KEPT);
	if (rc != 1)
		return rc;
	if (db_exec(d, e, "DELETE FROM change WHERE serial <= ?", "I", last) < 0)
		return -1;
	return meta_set(d, "changes_from", last + 1, e);
}

int changes_since(struct db *d, struct arena *a, int64_t serial, struct strs *ret, struct err *e)
{
	int64_t from;

	if (meta_get(d, "changes_from", &from, e) < 0)
		return -1;
	if (serial + 1 < from)
		return 0;
	return query_strs(d, a, ret, e, "SELECT DISTINCT uuid FROM change WHERE serial > ?", "I", serial) < 0 ?
		       -1 :
		       1;
}

/* --- rows --- */
int row_find(struct db *d, struct arena *a, const char *uuid, struct row *ret, struct err *e)
{
	struct db_stmt *s CLEANUP(db_finish) = NULL;
	int rc, kind;

	if (db_query(d, &s, e, "SELECT id, serial, kind, uuid, name, json FROM object WHERE uuid = ?",
		     "s", uuid) < 0)
		return -1;
	rc = db_step(s, e);
	if (rc != 1)
		return rc;
	kind = obj_kind_find(db_text(s, 2));
	if (kind < 0)
		return config_fail(e, "Object %s is of an unknown kind", uuid);
	*ret = (struct row){ .id = db_int(s, 0),
			     .serial = db_int(s, 1),
			     .kind = (enum obj_kind)kind,
			     .uuid = arena_strdup(a, db_text(s, 3)),
			     .name = arena_strdup(a, db_text(s, 4)),
			     .json = arena_strdup(a, db_text(s, 5)) };
	return 1;
}

int row_write(struct db *d, enum obj_kind k, const void *obj, int64_t id, int64_t *ret_id,
	      json **stored, struct err *e)
{
	json *j CLEANUP(json_putp) = record_emit(obj_record(k), obj, 0);
	char *text CLEANUP(freep) = json_dump(j);
	const char *name = kind_info(k)->named ? obj_str(k, obj, "name") : NULL;
	int rc;

	if (id)
		rc = db_exec(d, e,
			     "UPDATE object SET name = ?, serial = ?, json = ? WHERE id = ?",
			     "sIsI", name, obj_int(k, obj, "serial_no"), text, id);
	else
		rc = db_exec(d, e,
			     "INSERT INTO object(kind, uuid, name, serial, json)"
			     " VALUES(?, ?, ?, ?, ?)",
			     "sssIs", obj_kind_name(k), obj_str(k, obj, "uuid"), name,
			     obj_int(k, obj, "serial_no"), text);
	if (rc < 0 || change_note(d, obj_str(k, obj, "uuid"), e) < 0)
		return config_error(e);
	if (ret_id)
		*ret_id = id ? id : db_last_id(d);
	if (stored)
		*stored = STEAL(j);
	return 0;
}

int row_delete(struct db *d, const char *uuid, int64_t id, struct err *e)
{
	if (change_note(d, uuid, e) < 0)
		return -1;
	return db_exec(d, e, "DELETE FROM object WHERE id = ?", "I", id);
}

int link_add(struct db *d, int64_t owner, const struct links *l, struct err *e)
{
	for (size_t i = 0; i < l->n; i++)
		if (db_exec(d, e, "INSERT OR IGNORE INTO link(role, value, owner) VALUES(?, ?, ?)",
			    "isI", (int)l->v[i].role, l->v[i].value, owner) < 0)
			return -1;
	return 0;
}

int link_del(struct db *d, int64_t owner, const struct links *l, struct err *e)
{
	for (size_t i = 0; i < l->n; i++)
		if (db_exec(d, e, "DELETE FROM link WHERE role = ? AND value = ? AND owner = ?",
			    "isI", (int)l->v[i].role, l->v[i].value, owner) < 0)
			return -1;
	return 0;
}

int query_strs(struct db *d, struct arena *a, struct strs *ret, struct err *e, const char *sql,
	       const char *fmt, ...)
{
	struct db_stmt *s CLEANUP(db_finish) = NULL;
	struct strs l = { 0 };
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = db_queryv(d, &s, e, sql, fmt, ap);
	va_end(ap);
	if (rc < 0)
		return -1;
	while ((rc = db_step(s, e)) == 1)
		strs_add(a, &l, arena_strdup(a, db_text(s, 0)));
	if (rc == 0)
		*ret = l;
	return rc;
}
