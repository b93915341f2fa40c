/* What a transaction changed, as a changeset that can be applied to a copy of the database. */
#include "lib/db/priv.h"

#include <assert.h>
#include <string.h>

static bool (*filter)(const char *table); /* programs have one for all their databases */

static int wanted(void *arg, const char *table)
{
	(void)arg;
	return !filter || filter(table);
}

static int said(struct err *e, int rc)
{
	if ((rc & 0xff) == SQLITE_CORRUPT)
		db_note_damage(sqlite3_errstr(rc));
	return err_plain(e, "database: %s", sqlite3_errstr(rc));
}

int db_record(struct db *d, bool (*tables)(const char *table), struct err *e)
{
	sqlite3_session **s = db_session(d);
	int rc;

	assert(!*s && db_in_transaction(d));
	filter = tables;
	rc = sqlite3session_create(db_handle(d), "main", s);
	if (rc != SQLITE_OK) {
		*s = NULL;
		return said(e, rc);
	}
	sqlite3session_table_filter(*s, wanted, NULL);
	rc = sqlite3session_attach(*s, NULL);
	if (rc == SQLITE_OK)
		return 0;
	db_record_end(d);
	return said(e, rc);
}

bool db_recording(struct db *d)
{
	return *db_session(d) != NULL;
}

int db_recorded(struct db *d, void **ret, size_t *ret_n, struct err *e)
{
	sqlite3_session *s = *db_session(d);
	void *data = NULL;
	int n = 0, rc;

	assert(s);
	rc = sqlite3session_changeset(s, &n, &data);
	if (rc != SQLITE_OK)
		return said(e, rc);
	*ret = NULL;
	*ret_n = (size_t)n;
	if (n > 0) {
		*ret = xcalloc(1, (size_t)n);
		memcpy(*ret, data, (size_t)n);
	}
	sqlite3_free(data);
	return 0;
}

void db_record_end(struct db *d)
{
	sqlite3_session **s = db_session(d);

	if (*s)
		sqlite3session_delete(*s);
	*s = NULL;
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
	if (db_apply_prepared(d, changes, n) == 0)
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
