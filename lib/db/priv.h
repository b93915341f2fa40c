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

#endif
