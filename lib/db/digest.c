/*
 * A digest over everything that is in tables, whatever the order: the sum of a hash of each value, together with
 * where it is. So it can be kept up to date with what a changeset says, at the cost of the change. It finds what
 * goes wrong by itself - bits that change, rows that get lost - not what somebody does on purpose.
 */
#include "lib/db/priv.h"

#include <endian.h>
#include <string.h>

#include "lib/base/str.h"

__extension__ typedef unsigned __int128 wide;

/* odd numbers without a pattern; digests on disk depend on them */
#define K_TABLE UINT64_C(0x9e3779b97f4a7c15)
#define K_KEY UINT64_C(0xbf58476d1ce4e5b9)
#define K_CELL UINT64_C(0x94d049bb133111eb)
#define K_VALUE UINT64_C(0xd6e8feb86659fd93)

static uint64_t mix(uint64_t a, uint64_t b)
{
	wide p = (wide)a * b;

	return (uint64_t)p ^ (uint64_t)(p >> 64);
}

static uint64_t word(const unsigned char *p, size_t n)
{
	uint64_t w = 0;

	memcpy(&w, p, n);
	return le64toh(w);
}

static uint64_t hash_bytes(uint64_t seed, const void *data, size_t n)
{
	const unsigned char *p = data;
	uint64_t h = mix(seed ^ K_VALUE, n + K_TABLE);

	for (; n >= 16; p += 16, n -= 16)
		h = mix(word(p, 8) ^ K_KEY, word(p + 8, 8) ^ h) + K_CELL;
	if (n > 8)
		return mix(word(p, 8) ^ K_KEY, word(p + 8, n - 8) ^ h);
	return n ? mix(word(p, n) ^ K_CELL, h ^ K_KEY) : h;
}

static uint64_t hash_int(uint64_t seed, int64_t n)
{
	return mix(seed ^ (uint64_t)n ^ K_KEY, seed + K_VALUE);
}

/* A number has one hash, whether it is stored as integer or not: changesets do not always say so. */
static uint64_t hash_float(uint64_t seed, double x)
{
	uint64_t bits;

	if (x >= -9e15 && x <= 9e15 && x == (double)(int64_t)x)
		return hash_int(seed, (int64_t)x);
	memcpy(&bits, &x, sizeof(bits));
	return mix(bits ^ K_TABLE, seed + K_CELL);
}

static uint64_t hash_value(uint64_t seed, sqlite3_value *v)
{
	const void *data;

	switch (sqlite3_value_type(v)) {
	case SQLITE_INTEGER:
		return hash_int(seed, sqlite3_value_int64(v));
	case SQLITE_FLOAT:
		return hash_float(seed, sqlite3_value_double(v));
	case SQLITE_TEXT:
		data = sqlite3_value_text(v);
		return hash_bytes(seed + SQLITE_TEXT, data, (size_t)sqlite3_value_bytes(v));
	case SQLITE_BLOB:
		data = sqlite3_value_blob(v);
		return hash_bytes(seed + SQLITE_BLOB, data, (size_t)sqlite3_value_bytes(v));
	default:
		return mix(seed ^ K_VALUE, K_CELL);
	}
}

static uint64_t hash_table(const char *table)
{
	return hash_bytes(K_TABLE, table, strlen(table));
}

/* ROW: of its table and key */
static uint64_t hash_cell(uint64_t row, int column, sqlite3_value *v)
{
	return hash_value(mix(row + (uint64_t)column, K_CELL), v);
}

/* --- of what changes --- */
struct row {
	sqlite3_changeset_iter *it;
	int n, op;
	unsigned char *key;
	uint64_t hash;
};

/* NULL: that column is not part of the change */
static sqlite3_value *value(const struct row *r, int i, bool old)
{
	sqlite3_value *v = NULL;

	return (old ? sqlite3changeset_old : sqlite3changeset_new)(r->it, i, &v) == SQLITE_OK ? v : NULL;
}

static int read_row(sqlite3_changeset_iter *it, struct row *r)
{
	const char *table;
	int indirect;

	*r = (struct row){ .it = it };
	if (sqlite3changeset_op(it, &table, &r->n, &r->op, &indirect) != SQLITE_OK ||
	    sqlite3changeset_pk(it, &r->key, NULL) != SQLITE_OK)
		return -1;
	r->hash = hash_table(table);
	for (int i = 0; i < r->n; i++) {
		sqlite3_value *v = r->key[i] ? value(r, i, r->op != SQLITE_INSERT) : NULL;

		if (r->key[i] && !v)
			return -1;
		if (v)
			r->hash = hash_value(r->hash ^ K_KEY, v);
	}
	return 0;
}

static int add_row(const struct row *r, uint64_t *sum)
{
	for (int i = 0; i < r->n; i++) {
		sqlite3_value *now = r->op == SQLITE_DELETE ? NULL : value(r, i, false);
		sqlite3_value *then = r->op == SQLITE_INSERT || (r->op == SQLITE_UPDATE && !now) ? NULL :
													value(r, i, true);

		if ((r->op == SQLITE_INSERT && !now) || (r->op != SQLITE_INSERT && !then && (now || r->op == SQLITE_DELETE)))
			return -1;
		if (now)
			*sum += hash_cell(r->hash, i, now);
		if (then)
			*sum -= hash_cell(r->hash, i, then);
	}
	return 0;
}

int db_digest_changes(const void *changes, size_t n, uint64_t *sum, struct err *e)
{
	sqlite3_changeset_iter *it;
	struct row r;
	uint64_t s = *sum;
	int rc;

	if (n > INT32_MAX || sqlite3changeset_start(&it, (int)n, (void *)(uintptr_t)changes) != SQLITE_OK)
		return err_plain(e, "database: changes that can't be read");
	while ((rc = sqlite3changeset_next(it)) == SQLITE_ROW)
		if (read_row(it, &r) < 0 || add_row(&r, &s) < 0)
			break;
	if (sqlite3changeset_finalize(it) != SQLITE_OK || rc != SQLITE_DONE)
		return err_plain(e, "database: changes that can't be read");
	*sum = s;
	return 0;
}

/* --- of all there is --- */
static void sum_row(sqlite3_stmt *p, uint64_t hash, const struct columns *c, uint64_t *sum)
{
	int n = (int)c->n;

	for (int i = 0; i < n; i++)
		if (c->key[i])
			hash = hash_value(hash ^ K_KEY, sqlite3_column_value(p, i));
	for (int i = 0; i < n; i++)
		*sum += hash_cell(hash, i, sqlite3_column_value(p, i));
}

static int sum_table(struct db *d, const char *table, uint64_t *sum, struct err *e)
{
	const struct columns *c = db_columns(d, table, e);
	char *sql CLEANUP(freep) = xasprintf("SELECT * FROM \"%s\"", table);
	struct db_stmt *s CLEANUP(db_finish) = NULL;
	uint64_t hash = hash_table(table);
	int rc;

	if (!c || db_query(d, &s, e, sql, "") < 0)
		return -1;
	while ((rc = db_step(s, e)) == 1)
		sum_row(db_stmt_handle(s), hash, c, sum);
	return rc;
}

int db_digest(struct db *d, bool (*tables)(const char *table), uint64_t *ret, struct err *e)
{
	struct db_stmt *s CLEANUP(db_finish) = NULL;
	uint64_t sum = 0;
	int rc;

	if (db_query(d, &s, e, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'", "") < 0)
		return -1;
	while ((rc = db_step(s, e)) == 1)
		if ((!tables || tables(db_text(s, 0))) && sum_table(d, db_text(s, 0), &sum, e) < 0)
			return -1;
	if (rc < 0)
		return -1;
	*ret = sum;
	return 0;
}

uint64_t db_digest_of(const int64_t *numbers, size_t n)
{
	uint64_t h = K_TABLE;

	for (size_t i = 0; i < n; i++)
		h = hash_int(h, numbers[i]);
	return h;
}
