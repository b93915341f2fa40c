/*
 * Applying changesets with statements that stay prepared: the library's own way prepares several for each
 * table each time, which costs more than the changes. Only rows that are exactly what the changeset says go
 * through here. Anything else is undone and left to the library (session.c), which knows what differs, and
 * how to go about rows that are in each other's way.
 */
#include "lib/db/priv.h"

#include <string.h>

#include "lib/base/map.h"
#include "lib/base/str.h"

struct db_columns {
	int64_t schema; /* version of the tables NAMES are of */
	struct map *names; /* table -> struct strs, in arena */
	struct arena *a;
};

void db_columns_free(struct db_columns *c)
{
	if (!c)
		return;
	map_free(c->names, NULL);
	arena_free(c->a);
	free(c);
}

static int check_schema(struct db *d, struct err *e)
{
	struct db_columns **c = db_columns(d);
	int64_t now;

	if (db_get_int(d, &now, e, "PRAGMA schema_version", "") != 1)
		return -1;
	if (*c && (*c)->schema == now)
		return 0;
	db_columns_free(*c);
	*c = xcalloc(1, sizeof(**c));
	(*c)->schema = now;
	(*c)->names = map_new();
	(*c)->a = arena_new();
	return 0;
}

static int columns_of(struct db *d, const char *table, const struct strs **ret, struct err *e)
{
	struct db_columns *c = *db_columns(d);
	struct db_stmt *s CLEANUP(db_finish) = NULL;
	struct strs *v = map_get(c->names, table);
	int rc;

	*ret = v;
	if (v)
		return 0;
	v = ARENA_NEW(c->a, struct strs);
	if (db_query(d, &s, e, "SELECT name FROM pragma_table_info(?) ORDER BY cid", "s", table) < 0)
		return -1;
	while ((rc = db_step(s, e)) == 1)
		strs_add(c->a, v, arena_strdup(c->a, db_text(s, 0)));
	if (rc < 0)
		return -1;
	map_put(c->names, table, v);
	*ret = v;
	return 0;
}

/* --- one change --- */
struct change {
	sqlite3_changeset_iter *it;
	const char *table;
	int op, n;
	unsigned char *key; /* which columns are of the primary key */
	const struct strs *names;
	struct str sql;
	sqlite3_value **bound; /* in the order of the parameters */
	int n_bound;
};

static void name(struct str *s, const char *text)
{
	str_addc(s, '"');
	for (; *text; text++) {
		if (*text == '"')
			str_addc(s, '"');
		str_addc(s, *text);
	}
	str_addc(s, '"');
}

static sqlite3_value *value(const struct change *c, int i, bool old)
{
	sqlite3_value *v = NULL;

	if ((old ? sqlite3changeset_old : sqlite3changeset_new)(c->it, i, &v) != SQLITE_OK)
		return NULL;
	return v;
}

/* "COLUMN OP ?" for each column that has a value. */
static void list(struct change *c, bool old, const char *between)
{
	const char *sep = "";

	for (int i = 0; i < c->n; i++) {
		sqlite3_value *v = value(c, i, old);

		if (!v)
			continue;
		str_add(&c->sql, sep);
		name(&c->sql, c->names->v[i]);
		str_add(&c->sql, old && !c->key[i] ? " IS ?" : " = ?");
		c->bound[c->n_bound++] = v;
		sep = between;
	}
}

static void compose(struct change *c)
{
	static const char *const verbs[] = { [SQLITE_DELETE] = "DELETE FROM ",
					     [SQLITE_INSERT] = "INSERT INTO ",
					     [SQLITE_UPDATE] = "UPDATE " };

	str_add(&c->sql, verbs[c->op]);
	name(&c->sql, c->table);
	if (c->op == SQLITE_INSERT) {
		for (int i = 0; i < c->n; i++) {
			str_add(&c->sql, i ? ", ?" : " VALUES(?");
			c->bound[c->n_bound++] = value(c, i, false);
		}
		str_addc(&c->sql, ')');
		return;
	}
	if (c->op == SQLITE_UPDATE) {
		str_add(&c->sql, " SET ");
		list(c, false, ", ");
	}
	str_add(&c->sql, " WHERE ");
	list(c, true, " AND ");
}

static int run(struct db *d, struct change *c, struct err *e)
{
	struct db_stmt *s CLEANUP(db_finish) = NULL;
	sqlite3_stmt *p;

	compose(c);
	if (db_prepare(d, str_get(&c->sql), &s, e) < 0)
		return -1;
	p = db_stmt_handle(s);
	for (int i = 0; i < c->n_bound; i++)
		if (!c->bound[i] || sqlite3_bind_value(p, i + 1, c->bound[i]) != SQLITE_OK)
			return -1;
	if (sqlite3_step(p) != SQLITE_DONE)
		return -1;
	return db_changes(d) == 1 ? 0 : -1;
}

static int apply_one(struct db *d, sqlite3_changeset_iter *it, struct err *e)
{
	struct change c = { .it = it };
	int indirect, rc;

	if (sqlite3changeset_op(it, &c.table, &c.n, &c.op, &indirect) != SQLITE_OK ||
	    sqlite3changeset_pk(it, &c.key, NULL) != SQLITE_OK || columns_of(d, c.table, &c.names, e) < 0 ||
	    c.names->n != (size_t)c.n)
		return -1;
	c.bound = xcalloc((size_t)c.n * 2, sizeof(*c.bound));
	rc = run(d, &c, e);
	free(c.bound);
	str_free(&c.sql);
	return rc;
}

static int apply_each(struct db *d, const void *changes, size_t n)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	sqlite3_changeset_iter *it;
	int rc;

	if (check_schema(d, &e) < 0 || sqlite3changeset_start(&it, (int)n, (void *)(uintptr_t)changes) != SQLITE_OK)
		return -1;
	while ((rc = sqlite3changeset_next(it)) == SQLITE_ROW && apply_one(d, it, &e) == 0)
		;
	return sqlite3changeset_finalize(it) == SQLITE_OK && rc == SQLITE_DONE ? 0 : -1;
}

static int savepoint(struct db *d, const char *sql)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct db_stmt *s CLEANUP(db_finish) = NULL;

	return db_prepare(d, sql, &s, &e) < 0 || db_step(s, &e) < 0 ? -1 : 0;
}

int db_apply_prepared(struct db *d, const void *changes, size_t n)
{
	if (savepoint(d, "SAVEPOINT apply") < 0)
		return -1;
	if (apply_each(d, changes, n) == 0 && savepoint(d, "RELEASE apply") == 0)
		return 0;
	(void)savepoint(d, "ROLLBACK TO apply");
	(void)savepoint(d, "RELEASE apply");
	return -1;
}
