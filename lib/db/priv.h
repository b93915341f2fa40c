/* Shared inside lib/db. */
#ifndef LIB_DB_PRIV_H
#define LIB_DB_PRIV_H
#include "lib/db/db.h"

/* the header has the session functions only for those who ask; Debian's library always has them */
#define SQLITE_ENABLE_SESSION 1
#define SQLITE_ENABLE_PREUPDATE_HOOK 1
#include <sqlite3.h>

sqlite3 *db_handle(struct db *d);
sqlite3_session **db_session(struct db *d); /* what db_record() started */
int db_failed(struct db *d, struct err *e);                    /* SQLite's last error; -1 */
int db_run(struct db *d, const char *sql, struct err *e);      /* statements without parameters */
/* The cached statement of SQL; db_finish() it. */
int db_prepare(struct db *d, const char *sql, struct db_stmt **ret, struct err *e);
sqlite3_stmt *db_stmt_handle(struct db_stmt *s);

/* apply.c: 0 = all of it is applied; -1 = nothing is, for whatever reason */
int db_apply_prepared(struct db *d, const void *changes, size_t n);
struct db_columns;
struct db_columns **db_columns(struct db *d); /* names of columns that apply.c has looked up, or NULL */
void db_columns_free(struct db_columns *c);

#endif
