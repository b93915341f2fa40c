/* Shared inside lib/db. */
#ifndef LIB_DB_PRIV_H
#define LIB_DB_PRIV_H
#include "lib/db/db.h"

#include <sqlite3.h>

sqlite3 *db_handle(struct db *d);
int db_failed(struct db *d, struct err *e);                    /* SQLite's last error; -1 */
int db_run(struct db *d, const char *sql, struct err *e);      /* statements without parameters */

#endif
