/* The log of changes and copies that follow it: random changes, gaps, other histories, its bounds. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/replica/replica.h"

static char dir[64];
static const char *const steps[] = {
	"CREATE TABLE a(id INTEGER PRIMARY KEY, name TEXT, x REAL, data BLOB);"
	"CREATE UNIQUE INDEX a_name ON a(name);"
	"CREATE TABLE b(role INTEGER NOT NULL, value TEXT NOT NULL, n INTEGER, PRIMARY KEY(role, value))"
	" WITHOUT ROWID;",
	"ALTER TABLE a ADD COLUMN more TEXT",
	"CREATE TABLE c(x)",
};

static char *file(const char *name)
{
	return xasprintf("%s/%s", dir, name);
}

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "%s", "/tmp/unit-replica-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	static const char *const names[] = { "m", "r", "s", "sent", "r.copy" };
	static const char *const sides[] = { "", "-wal", "-shm" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names) * ARRAY_SIZE(sides); i++) {
		char *p CLEANUP(freep) =
			xasprintf("%s/%s%s", dir, names[i / 3], sides[i % 3]);

		unlink(p);
	}
	return rmdir(dir);
}

static struct db *open_as(const char *name, enum db_mode mode)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	char *path CLEANUP(freep) = file(name);
	struct db *d = NULL;

	assert_ok(db_open(path, mode, &d, &e), &e);
	return d;
}

static struct db *new_master(void)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct db *d = open_as("m", DB_CREATE);

	assert_ok(db_migrate(d, "t", steps, 1, &e), &e);
	assert_ok(replica_init(d, &e), &e);
	return d;
}

static struct replica_state state_of(struct db *d)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct replica_state s = { 0 };

	assert_int_equal(replica_read(d, &s, &e), 1);
	return s;
}

static void begin(struct db *d)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;

	assert_ok(db_begin(d, true, &e), &e);
	replica_begin(d);
}

static int64_t commit(struct db *d)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct replica_entry entry;

	assert_ok(replica_end(d, a, &entry, &e), &e);
	assert_ok(db_commit(d, &e), &e);
	return entry.pos.serial;
}

/* The copy of M named NAME, in chunks of CHUNK bytes. */
static struct db *copy_to(struct db *m, const char *name, size_t chunk)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	char *sent CLEANUP(freep) = file("sent"), *path CLEANUP(freep) = file(name);
	char *digest CLEANUP(freep) = NULL;
	char *text CLEANUP(freep) = NULL;
	struct replica_pos pos;
	size_t len;
	int64_t size;
	FILE *f;

	assert_ok(replica_copy(m, sent, &pos, &digest, &size, &e), &e);
	text = xcalloc(1, (size_t)size);
	f = fopen(sent, "r");
	len = fread(text, 1, (size_t)size, f);
	fclose(f);
	assert_int_equal(len, size);
	assert_int_equal(replica_cmp(pos, state_of(m).last), 0);
	for (size_t at = 0; at < len; at += chunk) {
		size_t n = len - at < chunk ? len - at : chunk;

		assert_ok(replica_receive(path, (int64_t)at, text + at, n, at + n == len ? digest : NULL,
					  (uid_t)-1, (gid_t)-1, &e),
			  &e);
	}
	return open_as(name, DB_WRITE);
}

/* Everything the copy does not have yet, AT ONCE entries a time. */
static int follow(struct db *m, struct db *r, size_t at_once)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct replica_pos pos = state_of(r).last;

	for (;;) {
		struct arena *a CLEANUP(arena_freep) = arena_new();
		struct replica_entry *v;
		size_t n;
		int rc;

		assert_ok(db_begin(m, false, &e), &e);
		rc = replica_entries(m, a, pos, at_once, 1 << 20, &v, &n, &e);
		db_rollback(m);
		if (rc != 1)
			return rc;
		if (!n)
			return 1;
		rc = replica_apply(r, pos, v, n, &pos, &e);
		if (rc != 1)
			return rc;
	}
}

static char *dump(struct db *d)
{
	static const char *const queries[] = {
		("SELECT id || '|' || ifnull(name, '-') || '|' || ifnull(x, '-') || '|' || ifnull(hex(data), '-')"
		 " FROM a ORDER BY id"),
		"SELECT role || '|' || value || '|' || ifnull(n, '-') FROM b ORDER BY role, value",
		"SELECT serial || '|' || term || '|' || hex(changes) FROM replica_log ORDER BY serial",
		"SELECT last_term || '|' || last || '|' || bytes FROM replica_state",
	};
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct str out = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(queries); i++) {
		struct db_stmt *s CLEANUP(db_finish) = NULL;

		assert_ok(db_query(d, &s, &e, queries[i], ""), &e);
		while (db_step(s, &e) == 1)
			str_addf(&out, "%s\n", db_text(s, 0));
	}
	return out.p;
}

static void assert_same(struct db *x, struct db *y)
{
	char *p CLEANUP(freep) = dump(x), *q CLEANUP(freep) = dump(y);

	assert_string_equal(p, q);
}

static unsigned seed = 7;

static unsigned pick(unsigned n)
{
	seed = seed * 1103515245u + 12345u;
	return (seed >> 16) % n;
}

/* Any change, of those the configuration and the queue make. Failing ones change nothing. */
static void random_change(struct db *d)
{
	char name[20], data[200];
	int id = (int)pick(40);

	snprintf(name, sizeof(name), "n%u", pick(60));
	memset(data, (int)pick(256), sizeof(data));
	switch (pick(9)) {
	case 0:
	case 1:
		db_exec(d, NULL, "INSERT INTO a(id, name, x, data) VALUES(?, ?, ?, ?)", "isfb", id, name, pick(9) / 8.0,
			data, (size_t)pick(200));
		break;
	case 2:
		db_exec(d, NULL, "INSERT OR REPLACE INTO a(id, name) VALUES(?, ?)", "is", id, name);
		break;
	case 3:
		db_exec(d, NULL, "UPDATE a SET x = ?, data = NULL WHERE id = ?", "fi", pick(9) / 8.0, id);
		break;
	case 4:
		db_exec(d, NULL, "DELETE FROM a WHERE id = ?", "i", id);
		break;
	case 5:
		db_exec(d, NULL, "INSERT OR IGNORE INTO b(role, value, n) VALUES(?, ?, ?)", "isi", (int)pick(5), name, id);
		break;
	case 6: /* most of these write some rows and fail with another one */
		db_exec(d, NULL, "UPDATE a SET name = 'n' || (id % ?) WHERE id > ?", "ii", 20 + (int)pick(60), (int)pick(30));
		break;
	case 7:
		db_exec(d, NULL, "UPDATE b SET n = n + 1 WHERE role = ?", "i", (int)pick(5));
		break;
	default:
		db_exec(d, NULL, "DELETE FROM b WHERE value = ?", "s", name);
		break;
	}
}

static void random_transaction(struct db *d)
{
	begin(d);
	for (unsigned i = pick(6); i; i--)
		random_change(d);
	if (pick(4) == 0) { /* a change set that is refused undoes only itself */
		db_savepoint(d, NULL);
		for (unsigned i = pick(6); i; i--)
			random_change(d);
		db_undo(d, NULL);
	}
	if (pick(10) == 0) {
		db_rollback(d);
		replica_forget(d);
		return;
	}
	commit(d);
}

static void test_random(void **state)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct db *m CLEANUP(db_closep) = new_master();
	struct db *r CLEANUP(db_closep) = copy_to(m, "r", 1000), *s CLEANUP(db_closep) = copy_to(m, "s", 1 << 20);

	(void)state;
	for (int i = 0; i < 600; i++) {
		random_transaction(m);
		if (pick(3) == 0)
			assert_int_equal(follow(m, r, 1 + pick(4)), 1);
		if (pick(50) == 0) {
			assert_int_equal(follow(m, s, 100), 1);
			assert_same(m, s);
			assert_ok(replica_verify(m, &e), &e);
			assert_ok(replica_verify(s, &e), &e);
		}
	}
	assert_true(state_of(m).last.serial > 300);
	assert_int_equal(follow(m, r, 7), 1);
	assert_same(m, r);
}

/* Rows that are in each other's way if they are not changed in the one order that works. */
static void test_exchanged(void **state)
{
	static const char *const changes[] = {
		"UPDATE a SET name = 'w' WHERE id = 1", "UPDATE a SET name = 'x' WHERE id = 2",
		"UPDATE a SET name = 'y' WHERE id = 4", "INSERT INTO a(id, name) VALUES(5, 'z')",
		"INSERT INTO b(role, value, n) VALUES(1, 'v', NULL)",
	};
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct db *m CLEANUP(db_closep) = new_master(), *r = NULL;

	(void)state;
	begin(m);
	assert_ok(db_exec(m, &e, "INSERT INTO a(id, name) VALUES(1, 'x'), (2, 'y'), (4, 'z')", ""), &e);
	commit(m);
	r = copy_to(m, "r", 65536);
	for (int i = 0; i < 2; i++) {
		begin(m);
		for (size_t k = 0; k < ARRAY_SIZE(changes); k++)
			assert_ok(db_exec(m, &e, changes[k], ""), &e);
		commit(m);
		assert_int_equal(follow(m, r, 10), 1);
		assert_same(m, r);
		begin(m); /* as before */
		assert_ok(db_exec(m, &e, "DELETE FROM a WHERE id = 5", ""), &e);
		assert_ok(db_exec(m, &e, "DELETE FROM b", ""), &e);
		assert_ok(db_exec(m, &e, "UPDATE a SET name = id", ""), &e);
		assert_ok(db_exec(m, &e, "UPDATE a SET name = substr('xy.z', id, 1)", ""), &e);
		commit(m);
	}
	assert_int_equal(follow(m, r, 10), 1);
	assert_same(m, r);
	db_close(r);
}

static void test_nothing_changed(void **state)
{
	struct db *m CLEANUP(db_closep) = new_master();
	int64_t at = state_of(m).last.serial;

	(void)state;
	begin(m);
	assert_int_equal(commit(m), at);
	begin(m);
	db_exec(m, NULL, "INSERT INTO a(id, name) VALUES(1, 'x')", "");
	assert_int_equal(commit(m), at + 1);
	begin(m);
	db_exec(m, NULL, "UPDATE a SET name = 'x' WHERE id = 1", "");
	assert_int_equal(commit(m), at + 1);
	/* the note for the administrator is this node's own */
	begin(m);
	db_exec(m, NULL, "UPDATE replica_state SET status = '[\"x\"]'", "");
	assert_int_equal(commit(m), at + 1);
}

/* One entry by hand: what a confused master would send. */
static int send(struct db *r, struct replica_pos after, const struct replica_entry *x, size_t n,
		struct replica_pos *ret)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;

	return replica_apply(r, after, x, n, ret, &e);
}

static struct replica_entry *entries(struct db *m, struct arena *a, struct replica_pos after, size_t *n)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct replica_entry *v;

	assert_int_equal(replica_entries(m, a, after, 100, 1 << 20, &v, n, &e), 1);
	return v;
}

static void add_row(struct db *d, int id)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;

	begin(d);
	assert_ok(db_exec(d, &e, "INSERT INTO a(id, name) VALUES(?, 'row' || ?)", "ii", id, id), &e);
	commit(d);
}

static void test_gap(void **state)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct db *m CLEANUP(db_closep) = new_master(), *r CLEANUP(db_closep) = copy_to(m, "r", 4096);
	struct replica_pos at = state_of(r).last, pos = { 0, 0 }, end;
	struct replica_entry *v;
	size_t n;

	(void)state;
	for (int i = 1; i <= 4; i++)
		add_row(m, i);
	v = entries(m, a, at, &n);
	assert_int_equal(n, 4);
	/* the first one got lost */
	assert_int_equal(send(r, v[0].pos, v + 1, 3, &pos), 0);
	assert_int_equal(replica_cmp(pos, at), 0);
	/* and one in between: nothing of such a call is applied */
	v[1] = v[2];
	assert_int_equal(send(r, at, v, 2, &pos), 2);
	assert_int_equal(replica_cmp(state_of(r).last, at), 0);
	v = entries(m, a, at, &n);
	assert_int_equal(send(r, at, v, 4, &pos), 1);
	end = state_of(m).last;
	assert_int_equal(replica_cmp(pos, end), 0);
	/* said once more */
	assert_int_equal(send(r, at, v, 4, &pos), 0);
	assert_int_equal(replica_cmp(pos, end), 0);
	assert_same(m, r);
}

static void test_other_history(void **state)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct db *m CLEANUP(db_closep) = new_master(), *r CLEANUP(db_closep) = copy_to(m, "r", 4096);
	struct replica_pos at = state_of(r).last, pos;
	struct replica_entry *v;
	size_t n;

	(void)state;
	/* the copy becomes the master in a newer term while the old one goes on */
	add_row(m, 1);
	assert_ok(replica_set_term(r, 2, &e), &e);
	add_row(r, 2);
	add_row(r, 3);
	assert_int_equal(state_of(r).last.term, 2);
	assert_true(replica_cmp(state_of(r).last, state_of(m).last) > 0);
	/* the old one can't follow: its entry is not of that term */
	assert_int_equal(replica_entries(r, a, state_of(m).last, 9, 999, &v, &n, &e), 0);
	assert_int_equal(follow(r, m, 9), 0);
	/* somebody claims that it can: the digest tells, or the rows do */
	v = entries(r, a, at, &n);
	assert_int_equal(n, 2);
	v[0].pos.serial = 2 + at.serial;
	assert_int_equal(send(m, state_of(m).last, v, 1, &pos), 2);
	v[0].has_digest = v[1].has_digest = false;
	assert_int_equal(send(m, state_of(m).last, v, 1, &pos), 1);
	v[1].pos.serial = 3 + at.serial;
	assert_ok(db_exec(m, &e, "DELETE FROM a WHERE id = 2", ""), &e);
	v[1].changes = v[0].changes;
	v[1].n = v[0].n;
	add_row(m, 2);
	pos = state_of(m).last;
	v[1].pos.serial = pos.serial + 1;
	assert_int_equal(send(m, pos, v + 1, 1, &pos), 2);
	/* an older term after a newer one */
	v[1].pos.term = 1;
	assert_int_equal(send(r, state_of(r).last, v + 1, 1, &pos), 2);
	/* a whole copy puts it right */
	db_closep(&m);
	m = copy_to(r, "m", 5000);
	assert_same(m, r);
	assert_int_equal(state_of(m).term, 2);
}

static void test_bounded(void **state)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct db *m CLEANUP(db_closep) = new_master(), *r CLEANUP(db_closep) = copy_to(m, "r", 65536);
	struct replica_pos at = state_of(r).last;
	char *big CLEANUP(freep) = xcalloc(1, 2 << 20);
	struct replica_entry *v;
	int64_t n = 0, bytes = 0;
	size_t k;

	(void)state;
	for (int i = 0; i < 20; i++) {
		memset(big, 'a' + i, 2 << 20);
		begin(m);
		assert_ok(db_exec(m, &e, "INSERT OR REPLACE INTO a(id, data) VALUES(1, ?)", "b", big,
				  (size_t)(2 << 20)),
			  &e);
		commit(m);
	}
	db_get_int(m, &bytes, &e, "SELECT total(length(changes)) FROM replica_log", "");
	assert_int_equal(bytes, state_of(m).bytes);
	assert_true(bytes <= 32 << 20);
	db_get_int(m, &n, &e, "SELECT count(*) FROM replica_log", "");
	assert_true(n > 2 && n < 20);
	/* who is that far behind gets a whole copy */
	assert_int_equal(replica_entries(m, a, at, 9, 999, &v, &k, &e), 0);
	assert_int_equal(follow(m, r, 1), 0);
	db_closep(&r);
	r = copy_to(m, "r", 1 << 20);
	assert_same(m, r);
}

static void test_lacks(void **state)
{
	const struct replica_state mine = { .term = 3, .last = { 2, 7 } };

	(void)state;
	assert_true(replica_lacks(&mine, (struct replica_pos){ 3, 8 }));
	assert_true(replica_lacks(&mine, (struct replica_pos){ 3, 1 }));
	assert_true(replica_lacks(&mine, (struct replica_pos){ 4, 1 }));
	/* of a master that was put aside by force */
	assert_false(replica_lacks(&mine, (struct replica_pos){ 2, 8 }));
	assert_false(replica_lacks(&mine, mine.last));
	assert_false(replica_lacks(&mine, (struct replica_pos){ 0, -1 }));
}

static void test_damaged_copy(void **state)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct db *m CLEANUP(db_closep) = new_master(), *r CLEANUP(db_closep) = copy_to(m, "r", 65536);
	char *path CLEANUP(freep) = file("r"), *part CLEANUP(freep) = file("r.copy");
	struct stat before, after;

	(void)state;
	assert_int_equal(stat(path, &before), 0);
	assert_ok(replica_receive(path, 0, "x", 1, NULL, (uid_t)-1, (gid_t)-1, &e), &e);
	/* a chunk is missing */
	assert_int_equal(replica_receive(path, 5, "x", 1, NULL, (uid_t)-1, (gid_t)-1, &e), -1);
	/* the digest is another one */
	assert_int_equal(replica_receive(path, 1, "y", 1, "0123", (uid_t)-1, (gid_t)-1, &e), -1);
	assert_string_equal(err_msg(&e), "The copy of the database was damaged on its way");
	assert_int_equal(access(part, F_OK), -1);
	/* what was there is still there */
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_same(m, r);
}

static void test_tables_changed(void **state)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct db *m CLEANUP(db_closep) = new_master();
	struct replica_pos at = state_of(m).last;
	struct replica_entry *v;
	size_t n;

	(void)state;
	assert_ok(replica_init(m, &e), &e);
	assert_int_equal(replica_cmp(state_of(m).last, at), 0);
	assert_ok(db_migrate(m, "t", steps, 2, &e), &e);
	assert_ok(replica_init(m, &e), &e);
	assert_int_equal(state_of(m).last.serial, at.serial + 1);
	assert_int_equal(replica_entries(m, a, at, 9, 999, &v, &n, &e), 0);
	/* a table whose changes would get lost */
	assert_ok(db_migrate(m, "t", steps, 3, &e), &e);
	assert_int_equal(replica_init(m, &e), -1);
	assert_string_equal(err_msg(&e), "Table c has no primary key");
}

/* What nobody wrote, in each kind of value; undone afterwards. */
static void test_flipped(void **state)
{
	static const char *const flips[] = {
		"UPDATE a SET name = 'rov1' WHERE id = 1",
		"UPDATE a SET x = 0.75 WHERE id = 2",
		"UPDATE a SET x = 4 WHERE id = 3",
		"UPDATE a SET data = x'000102030405060708090a0b0c0d0e0f101112131415161718' WHERE id = 2",
		"UPDATE a SET data = NULL WHERE id = 2",
		"UPDATE a SET id = 10 WHERE id = 3",
		"DELETE FROM a WHERE id = 1",
		"DELETE FROM b WHERE role = 1",
		"INSERT INTO b(role, value, n) VALUES(8, 'v', 0)",
		/* two rows exchange a value: the sum of all values is the same */
		"UPDATE b SET n = 3 - n",
		"UPDATE replica_state SET last = last + 1",
		"UPDATE replica_state SET bytes = bytes + 1",
		"UPDATE replica_state SET digest = digest + 1",
	};
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct db *m CLEANUP(db_closep) = new_master();
	char *sent CLEANUP(freep) = file("sent"), *digest = NULL;
	struct replica_pos pos;
	int64_t size;

	(void)state;
	begin(m);
	assert_ok(db_exec(m, &e,
			  "INSERT INTO a(id, name, x, data) VALUES(1, 'row1', 1.5, NULL), (3, NULL, 3, NULL),"
			  " (2, 'row2', 0.5, x'000102030405060708090a0b0c0d0e0f101112131415161710')",
			  ""),
		  &e);
	assert_ok(db_exec(m, &e, "INSERT INTO b(role, value, n) VALUES(1, 'v', 1), (2, 'v', 2)", ""), &e);
	commit(m);
	assert_ok(replica_verify(m, &e), &e);
	assert_null(db_found_damage());
	for (size_t i = 0; i < ARRAY_SIZE(flips); i++) {
		assert_ok(db_begin(m, true, &e), &e);
		assert_ok(db_exec(m, &e, flips[i], ""), &e);
		if (replica_verify(m, &e) == 0)
			fail_msg("not found: %s", flips[i]);
		assert_non_null(strstr(err_msg(&e), "not what was written"));
		assert_non_null(db_found_damage());
		assert_null(db_found_damage());
		err_clear(&e);
		db_rollback(m);
		assert_ok(replica_verify(m, &e), &e);
	}
	/* it does not get to others */
	assert_ok(db_exec(m, &e, "UPDATE a SET name = 'rov1' WHERE id = 1", ""), &e);
	assert_int_equal(replica_copy(m, sent, &pos, &digest, &size, &e), -1);
	assert_non_null(db_found_damage());
	assert_null(digest);
	/* and is not forgotten when the value is written the next time */
	begin(m);
	assert_ok(db_exec(m, NULL, "UPDATE a SET name = 'row1' WHERE id = 1", ""), &e);
	commit(m);
	err_clear(&e);
	assert_int_equal(replica_verify(m, &e), -1);
	assert_non_null(db_found_damage());
}

/* The rows of a copy were damaged: it notices with the next entry that it is told about, or when it is asked. */
static void test_flipped_copy(void **state)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct db *m CLEANUP(db_closep) = new_master(), *r = NULL;
	struct replica_pos at, pos;
	struct replica_entry *v;
	size_t n;

	(void)state;
	add_row(m, 1);
	r = copy_to(m, "r", 65536);
	assert_ok(replica_verify(r, &e), &e);
	assert_ok(db_exec(r, &e, "UPDATE a SET name = 'rov1'", ""), &e);
	assert_int_equal(replica_verify(r, &e), -1);
	assert_non_null(db_found_damage());
	/* what is sent was damaged: it is not what the master wrote */
	db_close(r);
	r = copy_to(m, "s", 65536);
	at = state_of(r).last;
	add_row(m, 2);
	v = entries(m, a, at, &n);
	assert_int_equal(n, 1);
	assert_true(v[0].has_digest);
	((char *)(uintptr_t)v[0].changes)[v[0].n - 12] ^= 1;
	assert_int_equal(send(r, at, v, 1, &pos), 2);
	assert_int_equal(replica_cmp(state_of(r).last, at), 0);
	assert_ok(replica_verify(r, &e), &e);
	assert_int_equal(follow(m, r, 1), 1);
	db_close(r);
}

/* As an earlier version made it: it can be followed, and gets a digest when its master is started. */
static void test_without_digest(void **state)
{
	static const char *const old[] = {
		"CREATE TABLE replica_state(id INTEGER PRIMARY KEY CHECK(id = 1), term INTEGER NOT NULL,"
		" last_term INTEGER NOT NULL, last INTEGER NOT NULL, base_term INTEGER NOT NULL, base INTEGER NOT NULL,"
		" bytes INTEGER NOT NULL, tables TEXT NOT NULL, status TEXT NOT NULL);"
		"INSERT INTO replica_state(id, term, last_term, last, base_term, base, bytes, tables, status)"
		" VALUES(1, 1, 1, 7, 1, 7, 0, 'replica=1 t=1', '[]');"
		"CREATE TABLE replica_log(serial INTEGER PRIMARY KEY, term INTEGER NOT NULL, changes BLOB NOT NULL)",
	};
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct db *m CLEANUP(db_closep) = open_as("m", DB_CREATE), *r = NULL;
	struct replica_entry *v;
	struct replica_pos at;
	size_t n;

	(void)state;
	assert_ok(db_migrate(m, "t", steps, 1, &e), &e);
	assert_ok(db_migrate(m, "replica", old, 1, &e), &e);
	r = copy_to(m, "r", 65536);
	at = state_of(m).last;
	add_row(m, 1);
	assert_int_equal(follow(m, r, 1), 1);
	assert_same(m, r);
	assert_false(state_of(m).has_digest);
	assert_ok(replica_verify(m, &e), &e);
	v = entries(m, a, at, &n);
	assert_int_equal(n, 1);
	assert_false(v[0].has_digest);
	at = state_of(m).last;
	assert_ok(replica_init(m, &e), &e);
	assert_true(state_of(m).has_digest);
	assert_int_equal(state_of(m).last.serial, at.serial + 1);
	assert_int_equal(replica_entries(m, a, at, 9, 999, &v, &n, &e), 0);
	add_row(m, 2);
	assert_ok(replica_verify(m, &e), &e);
	/* a copy made before gets a new one */
	assert_int_equal(follow(m, r, 1), 0);
	db_close(r);
	r = copy_to(m, "r", 65536);
	assert_ok(replica_verify(r, &e), &e);
	db_close(r);
	/* somebody has put something right by hand, and says so */
	assert_ok(db_exec(m, &e, "UPDATE a SET name = 'x' WHERE id = 1", ""), &e);
	assert_ok(db_exec(m, &e, "UPDATE replica_state SET digest = NULL", ""), &e);
	at = state_of(m).last;
	assert_ok(replica_verify(m, &e), &e);
	assert_ok(replica_init(m, &e), &e);
	assert_int_equal(state_of(m).last.serial, at.serial + 1);
	assert_ok(replica_verify(m, &e), &e);
	/* nothing to do the next time */
	assert_ok(replica_init(m, &e), &e);
	assert_int_equal(state_of(m).last.serial, at.serial + 1);
}

static void test_notes(void **state)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct db *m CLEANUP(db_closep) = new_master();
	json *out;

	(void)state;
	assert_ok(replica_notes(m, a, &out, &e), &e);
	assert_int_equal(json_len(out), 0);
	assert_ok(replica_note(m, json_own(a, json_pack("[s]", "one")), &e), &e);
	assert_ok(replica_notes(m, a, &out, &e), &e);
	assert_string_equal(json_str(json_at(out, 0)), "one");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing_changed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gap, setup, teardown),
		cmocka_unit_test_setup_teardown(test_random, setup, teardown),
		cmocka_unit_test_setup_teardown(test_exchanged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_history, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bounded, setup, teardown),
		cmocka_unit_test(test_lacks),
		cmocka_unit_test_setup_teardown(test_damaged_copy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tables_changed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flipped, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flipped_copy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_without_digest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_notes, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
