/* Shared inside lib/db. */
#ifndef LIB_DB_PRIV_H
#define LIB_DB_PRIV_H
#include "lib/db/db.h"

/* the header has the session functions only for those who ask; Debian's library always has them */
#define SQLITE_ENABLE_SESSION 1
#define SQLITE_ENABLE_PREUPDATE_HOOK 1
#include <sqlite3.h>

sqlite3 *db_handle(struct db *d);
int db_failed(struct db *d, struct err *e);                    /* SQLite's last error; -1 */
int db_run(struct db *d, const char *sql, struct err *e);      /* statements without parameters */
/* The cached statement of SQL; db_finish() it. */
int db_prepare(struct db *d, const char *sql, struct db_stmt **ret, struct err *e);
sqlite3_stmt *db_stmt_handle(struct db_stmt *s);

/* columns.c: what is known of a table; no columns = there is none */
struct columns {
	const char *table;
	size_t n;
	const char **names;
	unsigned char *key; /* 1, 2, ...: its place in the primary key, 0 = none */
	bool has_key;
};
const struct columns *db_columns(struct db *d, const char *table, struct err *e); /* NULL = failed */
struct db_tables;
struct db_tables **db_tables(struct db *d);
void db_tables_free(struct db_tables *t);
struct str;
void db_quote(struct str *s, const char *name); /* a name for SQL */

/* record.c */
struct recorder;
struct recorder **db_recorder(struct db *d);
void db_recorder_free(struct db *d);
void db_record_doubt(struct db *d); /* something was undone */

#endif
