/*
 * The log: each transaction's changeset is a row, written in the same transaction, so that no change is
 * without its entry. A copy has the same rows and could go on as the master's database at any entry.
 */
#include "src/replica/priv.h"

#include "lib/base/fault.h"
#include "lib/net/net.h"

#include <assert.h>
#include <string.h>

static const char *const schema[] = {
	/* one row; tables: steps of all parts when the log began */
	"CREATE TABLE replica_state(id INTEGER PRIMARY KEY CHECK(id = 1), term INTEGER NOT NULL,"
	" last_term INTEGER NOT NULL, last INTEGER NOT NULL, base_term INTEGER NOT NULL, base INTEGER NOT NULL,"
	" bytes INTEGER NOT NULL, tables TEXT NOT NULL, status TEXT NOT NULL);"
	"INSERT INTO replica_state(id, term, last_term, last, base_term, base, bytes, tables, status)"
	" VALUES(1, 1, 1, 0, 1, 0, 0, '', '[]');"
	"CREATE TABLE replica_log(serial INTEGER PRIMARY KEY, term INTEGER NOT NULL, changes BLOB NOT NULL)",
	/* of all rows that are logged, after the entry; NULL = not known. The seal is over this row's numbers. */
	"ALTER TABLE replica_state ADD COLUMN digest INTEGER; ALTER TABLE replica_state ADD COLUMN seal INTEGER;"
	"ALTER TABLE replica_log ADD COLUMN digest INTEGER",
};

int replica_cmp(struct replica_pos a, struct replica_pos b)
{
	if (a.term != b.term)
		return a.term < b.term ? -1 : 1;
	return a.serial < b.serial ? -1 : a.serial > b.serial;
}

bool replica_lacks(const struct replica_state *mine, struct replica_pos copy)
{
	return copy.term >= mine->term && replica_cmp(copy, mine->last) > 0;
}

/* What belongs to one machine is not: the log itself, and the processes that run jobs there. */
static bool is_logged(const char *table)
{
	return !str_starts(table, "replica_") && strcmp(table, "schema_part") != 0 &&
	       strcmp(table, "job_run") != 0;
}

/* --- state --- */
int replica_read(struct db *d, struct replica_state *ret, struct err *e)
{
	/* 1: with columns for digests, which a copy made by an older version has not */
	static const char *const queries[] = {
		"SELECT term, last_term, last, base_term, base, bytes, 0, NULL, NULL FROM replica_state",
		"SELECT term, last_term, last, base_term, base, bytes, digest IS NOT NULL, digest, seal"
		" FROM replica_state",
	};
	struct db_stmt *s CLEANUP(db_finish) = NULL;
	int columns = db_has_column(d, "replica_state", "digest", e), rc;

	if (columns <= 0 && db_has_column(d, "replica_state", "term", e) <= 0)
		return columns < 0 ? -1 : 0;
	if (db_query(d, &s, e, queries[columns], "") < 0)
		return -1;
	rc = db_step(s, e);
	if (rc == 1)
		*ret = (struct replica_state){ .term = db_int(s, 0),
					       .last = { db_int(s, 1), db_int(s, 2) },
					       .base = { db_int(s, 3), db_int(s, 4) },
					       .bytes = db_int(s, 5),
					       .columns = columns,
					       .has_digest = db_int(s, 6),
					       .digest = (uint64_t)db_int(s, 7),
					       .seal = db_int(s, 8) };
	return rc;
}

/* The numbers of the state have no other copy to compare them with. */
static int64_t seal_of(const struct replica_state *s)
{
	const int64_t numbers[] = { s->last.term, s->last.serial, s->base.term,	s->base.serial, s->bytes,
				    (int64_t)s->digest };

	return (int64_t)db_digest_of(numbers, ARRAY_SIZE(numbers));
}

static int state_get(struct db *d, struct replica_state *ret, struct err *e)
{
	int rc = replica_read(d, ret, e);

	return rc == 1 ? 0 : rc < 0 ? -1 : err_plain(e, "The database has no log of its changes");
}

static int state_put(struct db *d, const struct replica_state *s, struct err *e)
{
	if (!s->columns)
		return db_exec(d, e,
			       "UPDATE replica_state SET term = ?, last_term = ?, last = ?, base_term = ?, base = ?,"
			       " bytes = ?",
			       "IIIIII", s->term, s->last.term, s->last.serial, s->base.term, s->base.serial, s->bytes);
	return db_exec(d, e,
		       "UPDATE replica_state SET term = ?, last_term = ?, last = ?, base_term = ?, base = ?,"
		       " bytes = ?, digest = iif(?, ?, NULL), seal = ?",
		       "IIIIIIiII", s->term, s->last.term, s->last.serial, s->base.term, s->base.serial, s->bytes,
		       (int)s->has_digest, (int64_t)s->digest, seal_of(s));
}

/* --- start --- */

/* Changes of a table without a declared key would never be in the log. */
static int check_keys(struct db *d, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	const char *name;
	int rc = db_get_text(d, a, &name, e,
			     "SELECT t.name FROM sqlite_schema t WHERE t.type = 'table'"
			     " AND t.name NOT LIKE 'sqlite_%' AND NOT EXISTS"
			     " (SELECT 1 FROM pragma_table_info(t.name) c WHERE c.pk > 0)",
			     "");

	return rc == 1 ? err_plain(e, "Table %s has no primary key", name) : rc;
}

/* The tables were changed, or rows behind our back, so no copy can follow by the log. */
static int start_anew(struct db *d, const char *tables, struct err *e)
{
	struct replica_state s;

	if (state_get(d, &s, e) < 0 || db_exec(d, e, "DELETE FROM replica_log", "") < 0)
		return -1;
	s.last.serial++;
	s.last.term = s.term;
	s.base = s.last;
	s.bytes = 0;
	s.has_digest = true;
	if (db_digest(d, is_logged, &s.digest, e) < 0 || state_put(d, &s, e) < 0)
		return -1;
	return db_exec(d, e, "UPDATE replica_state SET tables = ?", "s", tables);
}

/* Which version of the tables there is, and for which the log was begun. */
static int read_tables(struct db *d, struct arena *a, const char **ret_now, const char **ret_then, struct err *e)
{
	if (db_get_text(d, a, ret_now, e,
			"SELECT group_concat(name || '=' || version, ' ')"
			" FROM (SELECT * FROM schema_part ORDER BY name)",
			"") < 0)
		return -1;
	return db_get_text(d, a, ret_then, e, "SELECT tables FROM replica_state", "") < 0 ? -1 : 0;
}

int replica_init(struct db *d, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	const char *now, *then;
	struct replica_state s;

	if (db_migrate(d, "replica", schema, ARRAY_SIZE(schema), e) < 0 || check_keys(d, e) < 0 ||
	    read_tables(d, a, &now, &then, e) < 0 || state_get(d, &s, e) < 0)
		return -1;
	if (strcmp(now, then) == 0 && s.has_digest)
		return 0;
	if (db_begin(d, true, e) < 0)
		return -1;
	if (start_anew(d, now, e) < 0) {
		db_rollback(d);
		return -1;
	}
	return db_commit(d, e);
}

static int verify(struct db *d, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	const char *now, *then, *why = NULL;
	struct replica_state s;
	uint64_t digest;
	int rc = replica_read(d, &s, e);

	if (rc != 1 || !s.has_digest)
		return rc < 0 ? -1 : 0;
	if (read_tables(d, a, &now, &then, e) < 0)
		return -1;
	/* the log begins anew with the tables of another version, and so does the digest */
	if (strcmp(now, then) != 0)
		return 0;
	if (seal_of(&s) != s.seal) {
		why = "the position of the log is not what was written";
	} else {
		if (db_digest(d, is_logged, &digest, e) < 0)
			return -1;
		if (digest != s.digest)
			why = "something in it is not what was written: the digest of all rows is another one";
	}
	if (!why)
		return 0;
	db_note_damage(why);
	return err_plain(e, "database: %s", why);
}

int replica_verify(struct db *d, struct err *e)
{
	bool own = !db_in_transaction(d);
	int rc;

	if (own && db_begin(d, false, e) < 0)
		return -1;
	rc = verify(d, e);
	if (own)
		db_rollback(d);
	return rc;
}

int replica_set_term(struct db *d, int64_t term, struct err *e)
{
	return db_exec(d, e, "UPDATE replica_state SET term = ? WHERE term <= ?", "II", term, term);
}

int replica_note(struct db *d, const json *status, struct err *e)
{
	char *text CLEANUP(freep) = json_dump(status);

	return db_exec(d, e, "UPDATE replica_state SET status = ?", "s", text);
}

int replica_notes(struct db *d, struct arena *a, json **ret, struct err *e)
{
	struct replica_state s;
	const char *text = "[]";
	int rc = replica_read(d, &s, e);

	if (rc < 0 || (rc == 1 && db_get_text(d, a, &text, e, "SELECT status FROM replica_state", "") < 0) ||
	    json_parse(text, strlen(text), ret, e) < 0)
		return -1;
	json_own(a, *ret);
	return 0;
}

/* --- entries --- */
/* SERIAL and all before it; nothing when that is gone already. */
static int drop_until(struct db *d, struct replica_state *s, int64_t serial, struct err *e)
{
	int64_t n = 0, term = 0;
	int rc = db_get_int(d, &term, e, "SELECT term FROM replica_log WHERE serial = ?", "I", serial);

	if (rc != 1)
		return rc;
	if (db_get_int(d, &n, e, "SELECT total(length(changes)) FROM replica_log WHERE serial <= ?", "I",
		       serial) < 0)
		return -1;
	s->bytes -= n;
	s->base = (struct replica_pos){ term, serial };
	return db_exec(d, e, "DELETE FROM replica_log WHERE serial <= ?", "I", serial);
}

/* The oldest entry to keep for its size. */
static int first_within(struct db *d, int64_t over, int64_t *ret, struct err *e)
{
	struct db_stmt *s CLEANUP(db_finish) = NULL;
	int rc;

	*ret = 0;
	if (db_query(d, &s, e, "SELECT serial, length(changes) FROM replica_log ORDER BY serial", "") < 0)
		return -1;
	while (over > 0 && (rc = db_step(s, e)) != 0) {
		if (rc < 0)
			return -1;
		*ret = db_int(s, 0);
		over -= db_int(s, 1);
	}
	return 0;
}

static int limit(struct db *d, struct replica_state *s, struct err *e)
{
	int64_t last = 0;

	if (s->last.serial % LOG_ROUND == 0 && drop_until(d, s, s->last.serial - LOG_ROWS, e) < 0)
		return -1;
	if (s->bytes <= LOG_BYTES)
		return 0;
	/* a quarter at once, so that this is rare */
	if (first_within(d, s->bytes - LOG_BYTES / 4 * 3, &last, e) < 0)
		return -1;
	return drop_until(d, s, last, e);
}

static int append(struct db *d, struct replica_state *s, const void *data, size_t n, struct err *e)
{
	if (s->columns ? db_exec(d, e,
				 "INSERT INTO replica_log(serial, term, changes, digest) VALUES(?, ?, ?, iif(?, ?, NULL))",
				 "IIbiI", s->last.serial, s->last.term, data, n, (int)s->has_digest,
				 (int64_t)s->digest) < 0 :
			 db_exec(d, e, "INSERT INTO replica_log(serial, term, changes) VALUES(?, ?, ?)", "IIb",
				 s->last.serial, s->last.term, data, n) < 0)
		return -1;
	s->bytes += (int64_t)n;
	return limit(d, s, e);
}

void replica_begin(struct db *d)
{
	db_record(d, is_logged);
}

void replica_forget(struct db *d)
{
	db_record_end(d);
}

int replica_end(struct db *d, struct arena *a, struct replica_entry *ret, struct err *e)
{
	struct replica_state s;
	void *data CLEANUP(freep) = NULL;
	size_t n = 0;

	if (db_recorded(d, &data, &n, e) < 0 || state_get(d, &s, e) < 0)
		return -1;
	db_record_end(d);
	if (n && FAULT(replica_log))
		return err_plain(e, "fault point");
	if (n) {
		s.last.serial++;
		s.last.term = s.term;
		if ((s.has_digest && db_digest_changes(data, n, &s.digest, e) < 0) ||
		    append(d, &s, data, n, e) < 0 || state_put(d, &s, e) < 0)
			return -1;
	}
	*ret = (struct replica_entry){ .pos = s.last, .changes = n ? arena_dup(a, data, n) : NULL, .n = n,
				       .has_digest = s.has_digest, .digest = s.digest };
	return 0;
}

json *replica_append_args(struct arena *a, struct replica_pos after, const struct replica_entry *v, size_t n)
{
	json *entries = json_new_array();

	for (size_t i = 0; i < n; i++)
		json_append(entries, json_pack(v[i].has_digest ? "[I, I, s, I]" : "[I, I, s]", v[i].pos.term,
					       v[i].pos.serial, base64_encode(a, v[i].changes, v[i].n),
					       (int64_t)v[i].digest));
	return json_pack("[[I, I], o]", after.term, after.serial, entries);
}

/* --- following --- */

/* Is AFTER a place in this log? 1, 0, -1 */
static int knows(struct db *d, const struct replica_state *s, struct replica_pos after, struct err *e)
{
	int64_t term = 0;
	int rc;

	if (after.serial == s->last.serial)
		return after.term == s->last.term;
	if (after.serial == s->base.serial)
		return after.term == s->base.term;
	if (after.serial > s->last.serial)
		return 0;
	rc = db_get_int(d, &term, e, "SELECT term FROM replica_log WHERE serial = ?", "I", after.serial);
	return rc == 1 ? term == after.term : rc;
}

int replica_entries(struct db *d, struct arena *a, struct replica_pos after, size_t max, size_t bytes,
		    struct replica_entry **ret, size_t *ret_n, struct err *e)
{
	struct db_stmt *q CLEANUP(db_finish) = NULL;
	struct replica_state s;
	size_t sum = 0;
	int rc;

	*ret_n = 0;
	*ret = ARENA_ARRAY(a, struct replica_entry, max + 1);
	if (state_get(d, &s, e) < 0 || (rc = knows(d, &s, after, e)) < 0)
		return -1;
	if (rc == 0 || db_query(d, &q, e,
				s.columns ? "SELECT serial, term, changes, digest IS NOT NULL, digest FROM replica_log"
					    " WHERE serial > ? ORDER BY serial" :
					    "SELECT serial, term, changes, 0, NULL FROM replica_log"
					    " WHERE serial > ? ORDER BY serial",
				"I", after.serial) < 0)
		return rc == 0 ? 0 : -1;
	while (*ret_n < max && sum < bytes && (rc = db_step(q, e)) == 1) {
		struct replica_entry *x = &(*ret)[(*ret_n)++];
		void *copy = arena_alloc(a, db_bytes(q, 2) + 1);

		memcpy(copy, db_blob(q, 2), db_bytes(q, 2));
		*x = (struct replica_entry){ .pos = { db_int(q, 1), db_int(q, 0) }, .changes = copy,
					     .n = db_bytes(q, 2), .has_digest = db_int(q, 3),
					     .digest = (uint64_t)db_int(q, 4) };
		sum += x->n;
	}
	return rc < 0 ? -1 : 1;
}

/* The same rows as the master has then? 0, 1, -1 */
static int follow_digest(struct replica_state *s, const struct replica_entry *x, struct err *e)
{
	if (!s->has_digest)
		return 0;
	if (db_digest_changes(x->changes, x->n, &s->digest, e) < 0)
		return -1;
	if (!x->has_digest || x->digest == s->digest)
		return 0;
	err_plain(e, "the digest of all rows is not the master's");
	return 1;
}

static int apply_all(struct db *d, struct replica_state *s, const struct replica_entry *v, size_t n,
		     struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		int rc;

		if (v[i].pos.serial != s->last.serial + 1 || v[i].pos.term < s->last.term) {
			err_plain(e, "entry %lld of term %lld does not follow entry %lld of term %lld",
				  (long long)v[i].pos.serial, (long long)v[i].pos.term,
				  (long long)s->last.serial, (long long)s->last.term);
			return 1;
		}
		rc = db_apply(d, v[i].changes, v[i].n, e);
		if (rc == 0)
			rc = follow_digest(s, &v[i], e);
		if (rc)
			return rc;
		s->last = v[i].pos;
		if (s->term < s->last.term)
			s->term = s->last.term;
		if (append(d, s, v[i].changes, v[i].n, e) < 0)
			return -1;
	}
	return state_put(d, s, e);
}

int replica_apply(struct db *d, struct replica_pos after, const struct replica_entry *v, size_t n,
		  struct replica_pos *ret, struct err *e)
{
	struct replica_state s;
	int rc;

	if (FAULT(replica_apply))
		return err_plain(e, "fault point");
	if (db_begin(d, true, e) < 0)
		return -1;
	if (state_get(d, &s, e) < 0) {
		db_rollback(d);
		return -1;
	}
	*ret = s.last;
	if (replica_cmp(after, s.last) != 0 || !n) {
		db_rollback(d);
		return replica_cmp(after, s.last) == 0;
	}
	rc = apply_all(d, &s, v, n, e);
	if (rc) {
		db_rollback(d);
		return rc < 0 ? -1 : 2;
	}
	if (db_commit(d, e) < 0)
		return -1;
	FAULT(replica_applied);
	*ret = s.last;
	return 1;
}
