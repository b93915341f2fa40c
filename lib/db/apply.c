/*
 * Applying changesets with statements that stay prepared: the library's own way prepares several for each
 * table each time, which costs more than the changes. Only rows that are exactly what the changeset says go
 * through here. Anything else is undone and left to the library (db_apply()), which knows what differs, and
 * how to go about rows that are in each other's way.
 */
#include "lib/db/priv.h"

#include <assert.h>

#include "lib/base/str.h"

/* --- one change --- */
struct change {
	sqlite3_changeset_iter *it;
	int op, n;
	const struct columns *columns;
	struct str sql;
	sqlite3_value **bound; /* in the order of the parameters */
	int n_bound;
};

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
		db_quote(&c->sql, c->columns->names[i]);
		str_add(&c->sql, old && !c->columns->key[i] ? " IS ?" : " = ?");
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
	db_quote(&c->sql, c->columns->table);
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
	const char *table;
	int indirect, rc;

	if (sqlite3changeset_op(it, &table, &c.n, &c.op, &indirect) != SQLITE_OK)
		return -1;
	c.columns = db_columns(d, table, e);
	if (!c.columns || c.columns->n != (size_t)c.n)
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

	if (sqlite3changeset_start(&it, (int)n, (void *)(uintptr_t)changes) != SQLITE_OK)
		return -1;
	while ((rc = sqlite3changeset_next(it)) == SQLITE_ROW && apply_one(d, it, &e) == 0)
		;
	return sqlite3changeset_finalize(it) == SQLITE_OK && rc == SQLITE_DONE ? 0 : -1;
}

static int apply_prepared(struct db *d, const void *changes, size_t n)
{
	if (db_savepoint(d, NULL) < 0)
		return -1;
	if (apply_each(d, changes, n) == 0)
		return db_release(d, NULL);
	(void)db_undo(d, NULL);
	return -1;
}

/* --- by the library --- */
static int said(struct err *e, int rc)
{
	if ((rc & 0xff) == SQLITE_CORRUPT)
		db_note_damage(sqlite3_errstr(rc));
	return err_plain(e, "database: %s", sqlite3_errstr(rc));
}

static int on_conflict(void *arg, int kind, sqlite3_changeset_iter *it)
{
	(void)it;
	*(int *)arg = kind;
	return SQLITE_CHANGESET_ABORT;
}

int db_apply(struct db *d, const void *changes, size_t n, struct err *e)
{
	static const char *const kinds[] = {
		[SQLITE_CHANGESET_DATA] = "a row differs from what it should have been",
		[SQLITE_CHANGESET_NOTFOUND] = "a row that was changed is missing",
		[SQLITE_CHANGESET_CONFLICT] = "a row that was added is there already",
		[SQLITE_CHANGESET_CONSTRAINT] = "a row does not fit to the others",
		[SQLITE_CHANGESET_FOREIGN_KEY] = "a row points nowhere",
	};
	int conflict = 0, rc;

	assert(db_in_transaction(d));
	if (n > INT32_MAX)
		return err_plain(e, "database: changes of %zu bytes are too large", n);
	if (apply_prepared(d, changes, n) == 0)
		return 0;
	if (sqlite3_get_autocommit(db_handle(d))) /* full disk: what follows would be a transaction of its own */
		return db_failed(d, e);
	rc = sqlite3changeset_apply(db_handle(d), (int)n, (void *)(uintptr_t)changes, NULL, on_conflict,
				    &conflict);
	if (rc == SQLITE_OK)
		return 0;
	if (conflict <= 0 || conflict >= (int)ARRAY_SIZE(kinds))
		return said(e, rc);
	err_plain(e, "%s", kinds[conflict]);
	return 1;
}
