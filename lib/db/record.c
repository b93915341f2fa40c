/*
 * What a transaction changes, as a changeset of the session extension's format. Its own recorder looks every row up
 * again at the end, with statements it prepares for each table and transaction; this one keeps what SQLite says about
 * rows when they are written: how each was at first, and how it is now. Only when a statement failed or something
 * was undone, which SQLite does not tell of, rows are read again.
 */
#include "lib/db/priv.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#include "lib/base/str.h"

#define BUCKETS_MIN 64

struct span {
	const char *p;
	size_t n;
};

/* A row: one serialised value for each column. NULL = there is none. */
struct entry {
	struct entry *next, *same_hash;
	struct table *table;
	uint64_t hash;
	struct span key;
	const struct span *row; /* any state of it: for the key */
	struct span *then, *now;
};

struct table {
	struct table *next;
	const struct columns *columns;
	bool wanted;
	struct entry *first, **end;
};

struct recorder {
	struct db *d;
	struct arena *a;
	bool (*filter)(const char *table);
	struct table *tables, **tables_end;
	struct entry **buckets;
	size_t n, n_buckets;
	bool on;
	bool doubt; /* rows may not be what was heard of them */
	struct err failed; /* what was heard could not be kept */
};

/* --- values --- */
static void put_varint(struct str *s, uint64_t n)
{
	unsigned char b[8]; /* enough for what memory has */
	size_t i = sizeof(b) - 1;

	assert(n >> 56 == 0);
	b[i] = n & 0x7f;
	while (n >>= 7)
		b[--i] = (unsigned char)(n & 0x7f) | 0x80;
	str_addn(s, b + i, sizeof(b) - i);
}

static void put_word(struct str *s, char type, const void *data)
{
	uint64_t w;

	memcpy(&w, data, sizeof(w));
	w = htobe64(w);
	str_addc(s, type);
	str_addn(s, &w, sizeof(w));
}

static void put_value(struct str *s, sqlite3_value *v)
{
	int type = sqlite3_value_type(v);
	sqlite3_int64 n;
	double x;

	switch (type) {
	case SQLITE_INTEGER:
		n = sqlite3_value_int64(v);
		put_word(s, SQLITE_INTEGER, &n);
		break;
	case SQLITE_FLOAT:
		x = sqlite3_value_double(v);
		put_word(s, SQLITE_FLOAT, &x);
		break;
	case SQLITE_TEXT:
	case SQLITE_BLOB: {
		const void *data = type == SQLITE_TEXT ? (const void *)sqlite3_value_text(v) : sqlite3_value_blob(v);
		size_t len = (size_t)sqlite3_value_bytes(v);

		str_addc(s, (char)type);
		put_varint(s, len);
		str_addn(s, data, len);
		break;
	}
	default:
		str_addc(s, SQLITE_NULL);
	}
}

/* Rows of a table as they come: by number of the column. */
typedef sqlite3_value *get_fn(void *from, int column);

static struct span *take_row(struct recorder *r, const struct columns *c, get_fn *get, void *from)
{
	struct str s CLEANUP(str_free) = { 0 };
	struct span *row = ARENA_ARRAY(r->a, struct span, c->n + 1);
	const char *all;

	for (size_t i = 0; i < c->n; i++) {
		size_t at = s.len;
		sqlite3_value *v = get(from, (int)i);

		if (!v)
			return NULL;
		put_value(&s, v);
		row[i].n = s.len - at;
	}
	all = arena_dup(r->a, str_get(&s), s.len);
	for (size_t i = 0; i < c->n; i++) {
		row[i].p = all;
		all += row[i].n;
	}
	return row;
}

/* --- what is known of rows --- */
static struct span key_of(struct recorder *r, const struct columns *c, const struct span *row)
{
	struct str s CLEANUP(str_free) = { 0 };

	for (size_t i = 0; i < c->n; i++)
		if (c->key[i])
			str_addn(&s, row[i].p, row[i].n);
	return (struct span){ arena_dup(r->a, str_get(&s), s.len), s.len };
}

static uint64_t hash_key(const struct table *t, struct span key)
{
	return str_hash_n(key.p, key.n) ^ (uintptr_t)t / sizeof(*t);
}

static void grow(struct recorder *r)
{
	size_t n = r->n_buckets ? r->n_buckets * 4 : BUCKETS_MIN;

	r->buckets = ARENA_ARRAY(r->a, struct entry *, n);
	memset(r->buckets, 0, n * sizeof(*r->buckets));
	r->n_buckets = n;
	for (struct table *t = r->tables; t; t = t->next)
		for (struct entry *x = t->first; x; x = x->next) {
			struct entry **b = &r->buckets[x->hash & (n - 1)];

			x->same_hash = *b;
			*b = x;
		}
}

/* The entry of a row; a new one has THEN as what it was. */
static struct entry *entry_of(struct recorder *r, struct table *t, const struct span *row, struct span *then)
{
	struct span key = key_of(r, t->columns, row);
	uint64_t hash = hash_key(t, key);
	struct entry *x, **b;

	if (r->n >= r->n_buckets)
		grow(r);
	b = &r->buckets[hash & (r->n_buckets - 1)];
	for (x = *b; x; x = x->same_hash)
		if (x->table == t && x->key.n == key.n && memcmp(x->key.p, key.p, key.n) == 0)
			return x;
	x = ARENA_NEW(r->a, struct entry);
	*x = (struct entry){ .same_hash = *b, .table = t, .hash = hash, .key = key, .row = row,
			     .then = then };
	*b = x;
	*t->end = x;
	t->end = &x->next;
	r->n++;
	return x;
}

static struct table *table_of(struct recorder *r, const char *name, struct err *e)
{
	struct table *t;

	for (t = r->tables; t; t = t->next)
		if (strcmp(t->columns->table, name) == 0)
			return t;
	t = ARENA_NEW(r->a, struct table);
	*t = (struct table){ .columns = db_columns(r->d, name, e) };
	if (!t->columns)
		return NULL;
	t->wanted = t->columns->has_key && (!r->filter || r->filter(name));
	t->end = &t->first;
	*r->tables_end = t;
	r->tables_end = &t->next;
	return t;
}

/* --- what SQLite says --- */
static sqlite3_value *old_value(void *sql, int column)
{
	sqlite3_value *v = NULL;

	return sqlite3_preupdate_old(sql, column, &v) == SQLITE_OK ? v : NULL;
}

static sqlite3_value *new_value(void *sql, int column)
{
	sqlite3_value *v = NULL;

	return sqlite3_preupdate_new(sql, column, &v) == SQLITE_OK ? v : NULL;
}

static int heard(struct recorder *r, sqlite3 *sql, int op, const char *name, struct err *e)
{
	struct table *t = table_of(r, name, e);
	struct span *then = NULL, *now = NULL;

	if (!t)
		return -1;
	if (!t->wanted)
		return 0;
	if ((size_t)sqlite3_preupdate_count(sql) != t->columns->n)
		return err_plain(e, "database: table %s has other columns than before", name);
	if (op != SQLITE_INSERT)
		then = take_row(r, t->columns, old_value, sql);
	if (op != SQLITE_DELETE)
		now = take_row(r, t->columns, new_value, sql);
	if ((op != SQLITE_INSERT && !then) || (op != SQLITE_DELETE && !now))
		return err_plain(e, "database: a row of table %s can't be read", name);
	/* two rows when the key changes */
	if (then)
		entry_of(r, t, then, then)->now = NULL;
	if (now)
		entry_of(r, t, now, NULL)->now = now;
	return 0;
}

static void on_change(void *arg, sqlite3 *sql, int op, const char *schema, const char *table, sqlite3_int64 before,
		      sqlite3_int64 after)
{
	struct recorder *r = arg;

	(void)before;
	(void)after;
	if (r->on && !r->failed.msg && strcmp(schema, "main") == 0)
		(void)heard(r, sql, op, table, &r->failed);
}

/* --- when it is not certain --- */
static sqlite3_value *column_value(void *stmt, int column)
{
	return sqlite3_column_value(stmt, column);
}

static void select_by_key(const struct columns *c, struct str *sql)
{
	const char *sep = " WHERE ";

	str_add(sql, "SELECT * FROM ");
	db_quote(sql, c->table);
	for (size_t i = 0; i < c->n; i++) {
		if (!c->key[i])
			continue;
		str_add(sql, sep);
		db_quote(sql, c->names[i]);
		str_add(sql, " IS ?");
		sep = " AND ";
	}
}

static size_t get_varint(const char *p, uint64_t *ret)
{
	size_t i = 0;

	*ret = 0;
	do
		*ret = *ret << 7 | (p[i] & 0x7f);
	while (p[i++] & 0x80);
	return i;
}

static int bind_value(sqlite3_stmt *s, int i, struct span v)
{
	const char *p = v.p + 1;
	uint64_t w;
	sqlite3_int64 n;
	double x;

	switch (v.p[0]) {
	case SQLITE_INTEGER:
	case SQLITE_FLOAT:
		memcpy(&w, p, sizeof(w));
		w = be64toh(w);
		memcpy(&n, &w, sizeof(n));
		memcpy(&x, &w, sizeof(x));
		return v.p[0] == SQLITE_INTEGER ? sqlite3_bind_int64(s, i, n) : sqlite3_bind_double(s, i, x);
	case SQLITE_TEXT:
		p += get_varint(p, &w);
		return sqlite3_bind_text64(s, i, p, w, SQLITE_STATIC, SQLITE_UTF8);
	case SQLITE_BLOB:
		p += get_varint(p, &w);
		return sqlite3_bind_blob64(s, i, p, w, SQLITE_STATIC);
	default:
		return sqlite3_bind_null(s, i);
	}
}

static int read_row(struct recorder *r, struct entry *x, const char *sql, struct err *e)
{
	const struct columns *c = x->table->columns;
	struct db_stmt *s CLEANUP(db_finish) = NULL;
	int n = 0, rc;

	if (db_prepare(r->d, sql, &s, e) < 0)
		return -1;
	for (size_t i = 0; i < c->n; i++)
		if (c->key[i] && bind_value(db_stmt_handle(s), ++n, x->row[i]) != SQLITE_OK)
			return db_failed(r->d, e);
	rc = db_step(s, e);
	if (rc < 0)
		return -1;
	x->now = rc ? take_row(r, c, column_value, db_stmt_handle(s)) : NULL;
	return 0;
}

static int read_again(struct recorder *r, struct err *e)
{
	for (struct table *t = r->tables; t; t = t->next) {
		struct str sql CLEANUP(str_free) = { 0 };

		if (!t->first)
			continue;
		select_by_key(t->columns, &sql);
		for (struct entry *x = t->first; x; x = x->next)
			if (read_row(r, x, str_get(&sql), e) < 0)
				return -1;
	}
	r->doubt = false;
	return 0;
}

/* --- the changeset --- */
static void put_table(struct str *s, const struct columns *c)
{
	str_addc(s, 'T');
	put_varint(s, c->n);
	for (size_t i = 0; i < c->n; i++)
		str_addc(s, (char)c->key[i]);
	str_addn(s, c->table, strlen(c->table) + 1);
}

static bool same(struct span a, struct span b)
{
	return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

static void put_row(struct str *s, const struct columns *c, const struct span *row)
{
	for (size_t i = 0; i < c->n; i++)
		str_addn(s, row[i].p, row[i].n);
}

/* Of an update: what it changes, with the values that OF has, and with KEYS the key. */
static void put_difference(struct str *s, const struct entry *x, const struct span *of, bool keys)
{
	const struct columns *c = x->table->columns;

	for (size_t i = 0; i < c->n; i++)
		if (c->key[i] ? keys : !same(x->then[i], x->now[i]))
			str_addn(s, of[i].p, of[i].n);
		else
			str_addc(s, 0);
}

static bool differs(const struct entry *x)
{
	if (!x->then || !x->now)
		return x->then || x->now;
	for (size_t i = 0; i < x->table->columns->n; i++)
		if (!same(x->then[i], x->now[i]))
			return true;
	return false;
}

static void put_entry(struct str *s, const struct entry *x)
{
	const struct columns *c = x->table->columns;

	str_addc(s, (char)(!x->then ? SQLITE_INSERT : !x->now ? SQLITE_DELETE : SQLITE_UPDATE));
	str_addc(s, 0); /* not "indirect" */
	if (x->then && x->now) {
		put_difference(s, x, x->then, true);
		put_difference(s, x, x->now, false);
	} else {
		put_row(s, c, x->then ? x->then : x->now);
	}
}

int db_recorded(struct db *d, void **ret, size_t *ret_n, struct err *e)
{
	struct recorder *r = *db_recorder(d);
	struct str s = { 0 };

	assert(r && r->on);
	if (r->failed.msg)
		return err_move(e, &r->failed);
	if (r->doubt && read_again(r, e) < 0)
		return -1;
	for (struct table *t = r->tables; t; t = t->next) {
		bool named = false;

		for (struct entry *x = t->first; x; x = x->next) {
			if (!differs(x))
				continue;
			if (!named)
				put_table(&s, t->columns);
			named = true;
			put_entry(&s, x);
		}
	}
	*ret_n = s.len;
	*ret = s.len ? str_steal(&s) : NULL;
	return 0;
}

/* --- life --- */
void db_record(struct db *d, bool (*tables)(const char *table))
{
	struct recorder **pr = db_recorder(d), *r = *pr;

	assert(db_in_transaction(d) && !(r && r->on));
	if (!r) {
		r = *pr = xcalloc(1, sizeof(*r));
		sqlite3_preupdate_hook(db_handle(d), on_change, r);
	}
	*r = (struct recorder){ .d = d, .a = arena_new(), .filter = tables, .on = true };
	r->tables_end = &r->tables;
}

bool db_recording(struct db *d)
{
	return *db_recorder(d) && (*db_recorder(d))->on;
}

void db_record_doubt(struct db *d)
{
	if (db_recording(d))
		(*db_recorder(d))->doubt = true;
}

void db_record_end(struct db *d)
{
	struct recorder *r = *db_recorder(d);

	if (!r || !r->on)
		return;
	r->on = false;
	err_clear(&r->failed);
	arena_free(STEAL(r->a));
}

void db_recorder_free(struct db *d)
{
	db_record_end(d);
	if (*db_recorder(d))
		sqlite3_preupdate_hook(db_handle(d), NULL, NULL);
	free(STEAL(*db_recorder(d)));
}
