/* The database on SQLite. The only file group that includes its header. */
#include "lib/db/priv.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/fault.h"
#include "lib/base/map.h"
#include "lib/base/str.h"

/* Statements kept prepared; programs use a fixed set of texts, so this is never reached by them. */
#define CACHE_MAX 256
/* The single writer never waits for readers; this covers recovery after a crash and checkpoints. */
#define BUSY_MS 10000
/* The log is brought into the database when it has grown by so many pages. */
#define CHECKPOINT_PAGES 1000

struct db {
	sqlite3 *sql;
	struct map *cache; /* SQL text -> struct db_stmt */
	bool in_transaction;
	bool lost; /* SQLite has rolled it back by itself: nothing more may be written as part of it */
	struct recorder *recorder;
	struct db_tables *tables;
	int checkpointed; /* pages the log had then */
};

struct db_stmt {
	sqlite3_stmt *sql;
	struct db *db;
	bool busy;   /* between db_query() and db_finish() */
	bool cached;
};

sqlite3 *db_handle(struct db *d)
{
	return d->sql;
}

struct recorder **db_recorder(struct db *d)
{
	return &d->recorder;
}

struct db_tables **db_tables(struct db *d)
{
	return &d->tables;
}

sqlite3_stmt *db_stmt_handle(struct db_stmt *s)
{
	return s->sql;
}

static char damage[256];
static bool damage_new;

const char *db_found_damage(void)
{
	bool found = damage_new;

	damage_new = false;
	return found ? damage : NULL;
}

void db_note_damage(const char *why)
{
	snprintf(damage, sizeof(damage), "%s", why);
	damage_new = true;
}

static void note_if_damaged(struct db *d)
{
	int code = sqlite3_errcode(d->sql) & 0xff;

	if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
		db_note_damage(sqlite3_errmsg(d->sql));
}

int db_failed(struct db *d, struct err *e)
{
	note_if_damaged(d);
	db_record_doubt(d); /* of many rows, some may have been written and undone */
	err_plain(e, "database: %s", sqlite3_errmsg(d->sql));
	/* on a full disk, for one; what follows would be committed statement by statement */
	if (d->in_transaction && sqlite3_get_autocommit(d->sql))
		d->lost = true;
	return -1;
}

static int refuse_lost(struct err *e)
{
	return err_plain(e, "database: the transaction was rolled back after an error");
}

static void stmt_free(void *p)
{
	struct db_stmt *s = p;

	sqlite3_finalize(s->sql);
	free(s);
}

int db_run(struct db *d, const char *sql, struct err *e)
{
	if (sqlite3_exec(d->sql, sql, NULL, NULL, NULL) != SQLITE_OK)
		return db_failed(d, e);
	return 0;
}

/* Secrets are kept inside: only the owner reads it. SQLite gives its side files the same mode. */
static int make_file(const char *path, struct err *e)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_sys(e, errno, "Can't create %s", path);
	close(fd);
	return 0;
}

/*
 * SQLite's own way would try again with each commit while a reader keeps the log from being started anew, which
 * costs more than what is committed.
 */
static int on_commit(void *arg, sqlite3 *sql, const char *name, int pages)
{
	struct db *d = arg;

	if (pages < d->checkpointed) /* it was started anew */
		d->checkpointed = 0;
	if (pages - d->checkpointed < CHECKPOINT_PAGES)
		return SQLITE_OK;
	d->checkpointed = pages;
	(void)sqlite3_wal_checkpoint_v2(sql, name, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	return SQLITE_OK;
}

static int settings(struct db *d, enum db_mode mode, struct err *e)
{
	sqlite3_busy_timeout(d->sql, BUSY_MS);
	sqlite3_extended_result_codes(d->sql, 1);
	sqlite3_db_config(d->sql, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	sqlite3_db_config(d->sql, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
	/* plans don't depend on what is bound: statements are prepared once, not for each value */
	sqlite3_db_config(d->sql, SQLITE_DBCONFIG_ENABLE_QPSG, 1, NULL);
	if (mode == DB_READ)
		return db_run(d, "PRAGMA query_only = 1", e);
	sqlite3_wal_hook(d->sql, on_commit, d);
	return db_run(d,
		      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
		      "PRAGMA journal_size_limit = 16777216; PRAGMA temp_store = MEMORY",
		      e);
}

int db_open(const char *path, enum db_mode mode, struct db **ret, struct err *e)
{
	static const int flags[] = { [DB_READ] = SQLITE_OPEN_READONLY,
				     [DB_WRITE] = SQLITE_OPEN_READWRITE,
				     [DB_CREATE] = SQLITE_OPEN_READWRITE };
	struct db *d CLEANUP(db_closep) = NULL;

	if (mode == DB_CREATE && make_file(path, e) < 0)
		return -1;
	d = xcalloc(1, sizeof(*d));
	d->cache = map_new();
	if (sqlite3_open_v2(path, &d->sql, flags[mode] | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		return err_plain(e, "Can't open %s: %s", path, sqlite3_errmsg(d->sql));
	/* opening is lazy: the first statement tells whether this is a database at all */
	if (settings(d, mode, e) < 0 || db_run(d, "SELECT 1 FROM sqlite_schema", e) < 0)
		return err_prefix(e, "%s", path);
	*ret = STEAL(d);
	return 0;
}

void db_close(struct db *d)
{
	if (!d)
		return;
	map_free(d->cache, stmt_free);
	db_tables_free(d->tables);
	db_rollback(d);
	db_recorder_free(d);
	if (sqlite3_close(d->sql) != SQLITE_OK)
		abort(); /* a statement was never finished */
	free(d);
}

void db_closep(struct db **d)
{
	db_close(*d);
	*d = NULL;
}

int db_begin(struct db *d, bool write, struct err *e)
{
	assert(!d->in_transaction);
	if (write && FAULT(db_begin))
		return err_plain(e, "database: fault point");
	if (db_exec(d, e, write ? "BEGIN IMMEDIATE" : "BEGIN", "") < 0)
		return -1;
	d->in_transaction = true;
	d->lost = false;
	return 0;
}

int db_commit(struct db *d, struct err *e)
{
	assert(d->in_transaction);
	if (FAULT(db_commit) ? err_plain(e, "database: fault point") :
	    d->lost	     ? refuse_lost(e) :
			       db_exec(d, e, "COMMIT", "") < 0) {
		db_rollback(d);
		return -1;
	}
	d->in_transaction = false;
	FAULT(db_committed);
	return 0;
}

void db_rollback(struct db *d)
{
	if (!d->in_transaction)
		return;
	d->in_transaction = d->lost = false;
	/* SQLite may have rolled back by itself (disk full); then this fails and that is fine */
	sqlite3_exec(d->sql, "ROLLBACK", NULL, NULL, NULL);
}

void db_spoil(struct db *d)
{
	d->lost = d->in_transaction;
}

bool db_in_transaction(const struct db *d)
{
	return d->in_transaction;
}

int db_savepoint(struct db *d, struct err *e)
{
	return db_exec(d, e, "SAVEPOINT part", "");
}

int db_release(struct db *d, struct err *e)
{
	return db_exec(d, e, "RELEASE part", "");
}

int db_undo(struct db *d, struct err *e)
{
	db_record_doubt(d);
	return db_exec(d, e, "ROLLBACK TO part", "") < 0 ? -1 : db_release(d, e);
}

/* The cached statement of SQL, unless that one is being stepped through right now. */
int db_prepare(struct db *d, const char *sql, struct db_stmt **ret, struct err *e)
{
	struct db_stmt *s = map_get(d->cache, sql);
	sqlite3_stmt *p;

	if (d->lost)
		return refuse_lost(e);
	if (!s || s->busy) {
		bool keep = !s && map_count(d->cache) < CACHE_MAX;

		if (sqlite3_prepare_v3(d->sql, sql, -1, keep ? SQLITE_PREPARE_PERSISTENT : 0, &p,
				       NULL) != SQLITE_OK)
			return db_failed(d, e);
		s = xcalloc(1, sizeof(*s));
		*s = (struct db_stmt){ .sql = p, .db = d, .cached = keep };
		if (keep)
			map_put(d->cache, sql, s);
	}
	s->busy = true;
	*ret = s;
	return 0;
}

static void bind(struct db_stmt *s, const char *fmt, va_list ap)
{
	int n = 0, rc = SQLITE_OK;

	for (; *fmt && rc == SQLITE_OK; fmt++) {
		const void *data;

		n++;
		switch (*fmt) {
		case 's': /* NULL binds null; the text outlives the statement's use */
			rc = sqlite3_bind_text(s->sql, n, va_arg(ap, const char *), -1,
					       SQLITE_TRANSIENT);
			break;
		case 'i':
			rc = sqlite3_bind_int(s->sql, n, va_arg(ap, int));
			break;
		case 'I':
			rc = sqlite3_bind_int64(s->sql, n, va_arg(ap, int64_t));
			break;
		case 'f':
			rc = sqlite3_bind_double(s->sql, n, va_arg(ap, double));
			break;
		case 'b':
			data = va_arg(ap, const void *);
			rc = sqlite3_bind_blob64(s->sql, n, data, va_arg(ap, size_t),
						 SQLITE_TRANSIENT);
			break;
		default:
			abort();
		}
	}
	/* a format that does not fit its statement is a programming error */
	if (rc != SQLITE_OK || n != sqlite3_bind_parameter_count(s->sql))
		abort();
}

int db_queryv(struct db *d, struct db_stmt **ret, struct err *e, const char *sql, const char *fmt,
	      va_list ap)
{
	if (db_prepare(d, sql, ret, e) < 0)
		return -1;
	bind(*ret, fmt, ap);
	return 0;
}

int db_query(struct db *d, struct db_stmt **ret, struct err *e, const char *sql, const char *fmt,
	     ...)
{
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = db_queryv(d, ret, e, sql, fmt, ap);
	va_end(ap);
	return rc;
}

int db_step(struct db_stmt *s, struct err *e)
{
	switch (sqlite3_step(s->sql)) {
	case SQLITE_ROW:
		return 1;
	case SQLITE_DONE:
		return 0;
	default:
		return db_failed(s->db, e);
	}
}

const char *db_text(struct db_stmt *s, int col)
{
	return (const char *)sqlite3_column_text(s->sql, col);
}

const void *db_blob(struct db_stmt *s, int col)
{
	return sqlite3_column_blob(s->sql, col);
}

size_t db_bytes(struct db_stmt *s, int col)
{
	return (size_t)sqlite3_column_bytes(s->sql, col);
}

int64_t db_int(struct db_stmt *s, int col)
{
	return sqlite3_column_int64(s->sql, col);
}

double db_float(struct db_stmt *s, int col)
{
	return sqlite3_column_double(s->sql, col);
}

void db_finish(struct db_stmt **ps)
{
	struct db_stmt *s = STEAL(*ps);

	if (!s)
		return;
	assert(s->busy);
	if (!s->cached) {
		stmt_free(s);
		return;
	}
	sqlite3_reset(s->sql);
	sqlite3_clear_bindings(s->sql);
	s->busy = false;
}

int db_exec(struct db *d, struct err *e, const char *sql, const char *fmt, ...)
{
	struct db_stmt *s CLEANUP(db_finish) = NULL;
	va_list ap;
	int rc;

	if (FAULT(db_write))
		return err_plain(e, "database: fault point");
	va_start(ap, fmt);
	rc = db_queryv(d, &s, e, sql, fmt, ap);
	va_end(ap);
	while (rc == 0) {
		rc = db_step(s, e);
		if (rc == 0)
			return 0;
		rc = rc < 0 ? -1 : 0;
	}
	return -1;
}

int64_t db_changes(struct db *d)
{
	return sqlite3_changes64(d->sql);
}

int64_t db_last_id(struct db *d)
{
	return sqlite3_last_insert_rowid(d->sql);
}

int db_get_text(struct db *d, struct arena *a, const char **ret, struct err *e, const char *sql,
		const char *fmt, ...)
{
	struct db_stmt *s CLEANUP(db_finish) = NULL;
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = db_queryv(d, &s, e, sql, fmt, ap);
	va_end(ap);
	if (rc < 0)
		return -1;
	rc = db_step(s, e);
	if (rc == 1)
		*ret = arena_strdup(a, db_text(s, 0));
	return rc;
}

int db_get_int(struct db *d, int64_t *ret, struct err *e, const char *sql, const char *fmt, ...)
{
	struct db_stmt *s CLEANUP(db_finish) = NULL;
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = db_queryv(d, &s, e, sql, fmt, ap);
	va_end(ap);
	if (rc < 0)
		return -1;
	rc = db_step(s, e);
	if (rc == 1)
		*ret = db_int(s, 0);
	return rc;
}

int db_check(struct db *d, bool indices, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	const char *found = NULL;
	int rc = db_get_text(d, a, &found, e, indices ? "PRAGMA integrity_check(1)" : "PRAGMA quick_check(1)", "");

	if (rc < 0)
		return -1;
	if (str_eq(found, "ok"))
		return 0;
	if (!found)
		found = "it can't be checked";
	db_note_damage(found);
	return err_plain(e, "database: %s", found);
}

int64_t db_data_version(struct db *d)
{
	int64_t v = 0;

	return db_get_int(d, &v, NULL, "PRAGMA data_version", "") == 1 ? v : -1;
}
