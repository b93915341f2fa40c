/* Changesets, applied by the library's own way: for those that apply.c can't. */
#include "lib/db/priv.h"

#include <assert.h>
#include <string.h>

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
