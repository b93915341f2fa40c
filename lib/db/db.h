/*
 * The only place that names SQLite. WAL, synchronous=FULL, rowid tables.
 * A db handle is used by one process; statements are prepared once and cached.
 */
#ifndef LIB_DB_DB_H
#define LIB_DB_DB_H
#include "lib/base/arena.h"
#include "lib/base/err.h"

struct db;
struct db_stmt;

enum db_mode { DB_READ, DB_WRITE, DB_CREATE };
int db_open(const char *path, enum db_mode mode, struct db **ret, struct err *e);
void db_close(struct db *d);
void db_closep(struct db **d); /* for CLEANUP() */

/*
 * Has this process found a file damaged since it last asked? What was wrong, until the next time; NULL = no. The
 * errors look like any other; who can do something about it asks.
 */
const char *db_found_damage(void);
void db_note_damage(const char *why); /* found by somebody who knows what should be in it */
/* Look for damage: the structure of all tables (fast, reads everything), or also that indices agree (slow). */
int db_check(struct db *d, bool indices, struct err *e);

/*
 * The tables of one PART ("config", "queue") of the database. Steps are applied in order inside one
 * transaction each; the number applied is kept in the file for each part, so parts grow on their own.
 * A file with more steps than N was written by a newer program and is refused.
 */
int db_migrate(struct db *d, const char *part, const char *const *steps, size_t n, struct err *e);

/*
 * When SQLite rolls back by itself (full disk, I/O error), every later statement of the transaction fails,
 * and so does its commit.
 */
int db_begin(struct db *d, bool write, struct err *e);
int db_commit(struct db *d, struct err *e);
void db_rollback(struct db *d);
/* It can't be committed any more; every statement fails until it is rolled back. */
void db_spoil(struct db *d);
bool db_in_transaction(const struct db *d);
/* A part of a transaction that can be undone alone; parts can be inside each other. Each ends with one of the two. */
int db_savepoint(struct db *d, struct err *e);
int db_release(struct db *d, struct err *e);
int db_undo(struct db *d, struct err *e);

/*
 * Run SQL with parameters bound by a format: s text (NULL = null), i int, I int64_t,
 * f double, b blob (const void *, size_t). Example:
 * db_exec(d, e, "INSERT INTO t(a, b) VALUES(?, ?)", "sI", name, number)
 * A format that does not fit the statement aborts.
 */
int db_exec(struct db *d, struct err *e, const char *sql, const char *fmt, ...);
int64_t db_changes(struct db *d);
int64_t db_last_id(struct db *d);
/* A query to step through; finish every one (also after the last row) and before db_close(). */
int db_query(struct db *d, struct db_stmt **ret, struct err *e, const char *sql, const char *fmt, ...);
int db_queryv(struct db *d, struct db_stmt **ret, struct err *e, const char *sql, const char *fmt,
	      va_list ap);
int db_step(struct db_stmt *s, struct err *e); /* 1 = a row, 0 = end, -1 */
const char *db_text(struct db_stmt *s, int col); /* valid until the next step; NULL = null */
const void *db_blob(struct db_stmt *s, int col); /* the same; db_bytes() long */
size_t db_bytes(struct db_stmt *s, int col);     /* length of that text, or of a blob */
int64_t db_int(struct db_stmt *s, int col);
double db_float(struct db_stmt *s, int col);
void db_finish(struct db_stmt **s); /* for CLEANUP(); keeps it cached */
/* First column of the first row. 1 = found, 0 = none, -1. Text goes to the arena. */
int db_get_text(struct db *d, struct arena *a, const char **ret, struct err *e, const char *sql,
		const char *fmt, ...);
int db_get_int(struct db *d, int64_t *ret, struct err *e, const char *sql, const char *fmt, ...);
/* 1, 0, -1. Looked up once for each table, and after db_migrate() again. */
int db_has_column(struct db *d, const char *table, const char *column, struct err *e);
/* Changes whenever another connection commits. */
int64_t db_data_version(struct db *d);

/*
 * --- record.c, apply.c: changesets. Between db_record() and db_record_end(), inside one transaction, what is
 * written to tables that TABLES accepts (NULL: all) is remembered. Tables without a declared primary key
 * are never remembered. ---
 */
void db_record(struct db *d, bool (*tables)(const char *table));
bool db_recording(struct db *d);
/* What differs from the state at db_record(), malloc'ed; N 0 = nothing. */
int db_recorded(struct db *d, void **ret, size_t *ret_n, struct err *e);
void db_record_end(struct db *d); /* also without one */
/*
 * Apply it to a database that is in the state it was made from, inside a transaction of the caller. 0; 1 =
 * the database is in another state (E says how), -1. Then nothing was applied.
 */
int db_apply(struct db *d, const void *changes, size_t n, struct err *e);

/*
 * --- digest.c: a digest over all rows of the tables that TABLES accepts (NULL: all), whatever their order, that can
 * follow changes. It finds bits that change by themselves and rows that get lost, not what is done on purpose. ---
 */
int db_digest(struct db *d, bool (*tables)(const char *table), uint64_t *ret, struct err *e); /* reads everything */
/* SUM before the changes becomes that after them. */
int db_digest_changes(const void *changes, size_t n, uint64_t *sum, struct err *e);
uint64_t db_digest_of(const int64_t *numbers, size_t n);

/* Safe snapshot copy to a file while running. */
int db_backup(struct db *d, const char *to, struct err *e);

#endif
