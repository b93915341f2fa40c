/* Numbered schema steps, and copies of a live database. */
#include "lib/db/priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int applied(struct db *d, const char *part, int64_t *ret, struct err *e)
{
	*ret = 0;
	return db_get_int(d, ret, e, "SELECT version FROM schema_part WHERE name = ?", "s", part) < 0 ?
		       -1 :
		       0;
}

static int apply(struct db *d, const char *part, const char *step, int64_t number, struct err *e)
{
	if (db_run(d, step, e) < 0 ||
	    db_exec(d, e,
		    "INSERT INTO schema_part(name, version) VALUES(?, ?) "
		    "ON CONFLICT(name) DO UPDATE SET version = excluded.version",
		    "sI", part, number) < 0)
		return err_prefix(e, "Schema step %d of %s", (int)number, part);
	return 0;
}

int db_migrate(struct db *d, const char *part, const char *const *steps, size_t n, struct err *e)
{
	int64_t have;

	if (db_run(d,
		   "CREATE TABLE IF NOT EXISTS schema_part("
		   "name TEXT PRIMARY KEY NOT NULL, version INTEGER NOT NULL)",
		   e) < 0 ||
	    applied(d, part, &have, e) < 0)
		return -1;
	if (have > (int64_t)n)
		return err_plain(e,
				 "The database was written by a newer version (%s schema %d,"
				 " this program knows %zu)",
				 part, (int)have, n);
	for (size_t i = (size_t)have; i < n; i++) {
		db_tables_free(STEAL(*db_tables(d)));
		if (db_begin(d, true, e) < 0)
			return -1;
		if (apply(d, part, steps[i], (int64_t)i + 1, e) < 0) {
			db_rollback(d);
			return -1;
		}
		if (db_commit(d, e) < 0)
			return -1;
	}
	return 0;
}

static int copy_pages(struct db *d, const char *to, struct err *e)
{
	sqlite3 *out = NULL;
	sqlite3_backup *b;
	int rc = sqlite3_open_v2(to, &out, SQLITE_OPEN_READWRITE, NULL);

	b = rc == SQLITE_OK ? sqlite3_backup_init(out, "main", db_handle(d), "main") : NULL;
	if (b) {
		sqlite3_backup_step(b, -1);
		rc = sqlite3_backup_finish(b);
	} else if (rc == SQLITE_OK) {
		rc = sqlite3_errcode(out);
	}
	if (rc == SQLITE_OK) /* one file, complete in itself */
		rc = sqlite3_exec(out, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		err_plain(e, "Can't copy the database to %s: %s", to, sqlite3_errmsg(out));
	sqlite3_close(out);
	return rc == SQLITE_OK ? 0 : -1;
}

int db_backup(struct db *d, const char *to, struct err *e)
{
	char *tmp CLEANUP(freep) = xasprintf("%s.new", to);
	int fd CLEANUP(closep) = open(tmp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_sys(e, errno, "Can't create %s", tmp);
	if (copy_pages(d, tmp, e) < 0) {
		unlink(tmp);
		return -1;
	}
	if (fsync(fd) < 0 || rename(tmp, to) < 0) {
		err_sys(e, errno, "Can't write %s", to);
		unlink(tmp);
		return -1;
	}
	return 0;
}
