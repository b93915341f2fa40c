#include "tests/unit/unit.h"

#include <sys/stat.h>
#include <unistd.h>

#include "lib/db/db.h"

static char dir[64];
static char *path;

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "%s", "/tmp/unit-db-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	path = xasprintf("%s/x.db", dir);
	return 0;
}

static int teardown(void **state)
{
	static const char *const names[] = { "x.db", "x.db-wal", "x.db-shm", "copy.db",
					     "copy.db-wal", "copy.db-shm" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char *p CLEANUP(freep) = xasprintf("%s/%s", dir, names[i]);

		unlink(p);
	}
	free(path);
	return rmdir(dir);
}

static const char *const steps[] = {
	"CREATE TABLE t(name TEXT PRIMARY KEY NOT NULL, n INTEGER, x REAL, data BLOB)",
	"ALTER TABLE t ADD COLUMN more TEXT; INSERT INTO t(name, n) VALUES('second', 2)",
	"CREATE TABLE u(a); CREATE TABLE u(a)",
};

static struct db *open_db(enum db_mode mode)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct db *d = NULL;

	assert_ok(db_open(path, mode, &d, &e), &e);
	return d;
}

static struct db *open_new(void)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct db *d = open_db(DB_CREATE);

	assert_ok(db_migrate(d, "a", steps, 2, &e), &e);
	return d;
}

static void test_values(void **state)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct db *d CLEANUP(db_closep) = open_new();
	struct db_stmt *s CLEANUP(db_finish) = NULL;
	struct arena *a CLEANUP(arena_freep) = arena_new();
	const char *text = "unset";
	int64_t n = -5;
	struct stat st;

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_ok(db_exec(d, &e, "INSERT INTO t VALUES(?, ?, ?, ?, ?)", "sIfbs", "one",
			  INT64_MAX, 0.25, "a\0b", (size_t)3, NULL),
		  &e);
	assert_int_equal(db_changes(d), 1);
	assert_ok(db_query(d, &s, &e, "SELECT * FROM t WHERE name = ?", "s", "one"), &e);
	assert_int_equal(db_step(s, &e), 1);
	assert_string_equal(db_text(s, 0), "one");
	assert_true(db_int(s, 1) == INT64_MAX);
	assert_true(db_float(s, 2) == 0.25);
	assert_int_equal(db_bytes(s, 3), 3);
	assert_null(db_text(s, 4));
	/* the same text while its statement is in use, and a missing row */
	assert_int_equal(db_get_text(d, a, &text, &e, "SELECT * FROM t WHERE name = ?", "s", "x"),
			 0);
	assert_string_equal(text, "unset");
	assert_int_equal(db_get_int(d, &n, &e, "SELECT n FROM t WHERE name = ?", "s", "second"), 1);
	assert_int_equal(n, 2);
	assert_int_equal(db_step(s, &e), 0);
	/* the primary key is kept */
	assert_int_equal(db_exec(d, &e, "INSERT INTO t(name) VALUES(?)", "s", "one"), -1);
	assert_non_null(strstr(err_msg(&e), "UNIQUE"));
	assert_int_equal(db_exec(d, &e, "SELEKT", ""), -1);
}

static void test_transactions(void **state)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct db *w CLEANUP(db_closep) = open_new();
	struct db *r CLEANUP(db_closep) = open_db(DB_READ);
	int64_t n, before = db_data_version(r);

	(void)state;
	assert_int_equal(db_exec(r, &e, "INSERT INTO t(name) VALUES('r')", ""), -1);
	assert_ok(db_begin(r, false, &e), &e);
	assert_int_equal(db_get_int(r, &n, &e, "SELECT count(*) FROM t", ""), 1);
	assert_int_equal(n, 1);

	assert_ok(db_begin(w, true, &e), &e);
	assert_true(db_in_transaction(w));
	assert_ok(db_exec(w, &e, "INSERT INTO t(name) VALUES('gone')", ""), &e);
	db_rollback(w);
	assert_ok(db_begin(w, true, &e), &e);
	assert_ok(db_exec(w, &e, "INSERT INTO t(name) VALUES('kept')", ""), &e);
	assert_ok(db_commit(w, &e), &e);

	/* the reader's snapshot does not move */
	assert_int_equal(db_get_int(r, &n, &e, "SELECT count(*) FROM t", ""), 1);
	assert_int_equal(n, 1);
	assert_ok(db_commit(r, &e), &e);
	assert_int_equal(db_get_int(r, &n, &e, "SELECT count(*) FROM t", ""), 1);
	assert_int_equal(n, 2);
	assert_true(db_data_version(r) != before);
}

/* A full disk: SQLite rolls back by itself, and what follows must not be committed one by one. */
static void test_full(void **state)
{
	static char big[64 << 10];
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct db *w CLEANUP(db_closep) = open_new();
	int64_t n;
	int rc = 0;

	(void)state;
	assert_ok(db_exec(w, &e, "PRAGMA max_page_count = 64", ""), &e);
	assert_ok(db_begin(w, true, &e), &e);
	assert_ok(db_exec(w, &e, "INSERT INTO t(name) VALUES('first')", ""), &e);
	for (int i = 0; i < 100 && rc == 0; i++)
		rc = db_exec(w, &e, "INSERT INTO t(name, data) VALUES('big' || ?, ?)", "ib", i, big,
			     sizeof(big));
	assert_int_equal(rc, -1);
	assert_true(db_in_transaction(w));
	assert_int_equal(db_exec(w, &e, "INSERT INTO t(name) VALUES('last')", ""), -1);
	assert_non_null(strstr(err_msg(&e), "rolled back"));
	assert_int_equal(db_get_int(w, &n, &e, "SELECT count(*) FROM t", ""), -1);
	assert_int_equal(db_commit(w, &e), -1);
	assert_false(db_in_transaction(w));
	assert_int_equal(db_get_int(w, &n, &e, "SELECT count(*) FROM t", ""), 1);
	assert_int_equal(n, 1);
	assert_ok(db_begin(w, true, &e), &e);
	assert_ok(db_exec(w, &e, "INSERT INTO t(name) VALUES('again')", ""), &e);
	assert_ok(db_commit(w, &e), &e);
}

static void test_spoil(void **state)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct db *w CLEANUP(db_closep) = open_new();
	int64_t n;

	(void)state;
	db_spoil(w); /* no transaction: nothing to spoil */
	assert_ok(db_begin(w, true, &e), &e);
	assert_ok(db_exec(w, &e, "INSERT INTO t(name) VALUES('half')", ""), &e);
	db_spoil(w);
	assert_int_equal(db_commit(w, &e), -1);
	assert_int_equal(db_get_int(w, &n, &e, "SELECT count(*) FROM t", ""), 1);
	assert_int_equal(n, 1);
}

static void test_migrate(void **state)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct db *d CLEANUP(db_closep) = open_new();
	int64_t n;

	(void)state;
	assert_int_equal(db_migrate(d, "a", steps, 3, &e), -1);
	assert_non_null(strstr(err_msg(&e), "Schema step 3 of a"));
	/* the failing step left nothing, the others stay and are not applied again */
	assert_int_equal(
		db_get_int(d, &n, &e, "SELECT count(*) FROM sqlite_schema WHERE name = 'u'", ""),
		1);
	assert_int_equal(n, 0);
	assert_ok(db_migrate(d, "a", steps, 2, &e), &e);
	assert_ok(db_migrate(d, "b", (const char *const[]){ "CREATE TABLE v(a)" }, 1, &e), &e);
	assert_int_equal(db_migrate(d, "a", steps, 1, &e), -1);
	assert_non_null(strstr(err_msg(&e), "newer version"));
}

static void test_backup(void **state)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct db *d CLEANUP(db_closep) = open_new();
	struct db *c CLEANUP(db_closep) = NULL;
	char *copy CLEANUP(freep) = xasprintf("%s/copy.db", dir);
	int64_t n;

	(void)state;
	assert_ok(db_backup(d, copy, &e), &e);
	assert_ok(db_backup(d, copy, &e), &e); /* over the old copy */
	assert_ok(db_open(copy, DB_READ, &c, &e), &e);
	assert_int_equal(db_get_int(c, &n, &e, "SELECT n FROM t", ""), 1);
	assert_int_equal(n, 2);
	assert_int_equal(db_backup(d, "/nonexistent/copy", &e), -1);
}

static void copy_file(const char *suffix)
{
	char *from CLEANUP(freep) = xasprintf("%s%s", path, suffix);
	char *to CLEANUP(freep) = xasprintf("%s/copy.db%s", dir, suffix);
	FILE *f = fopen(from, "r"), *t = fopen(to, "w");
	int c;

	assert_non_null(f);
	assert_non_null(t);
	while ((c = getc(f)) != EOF)
		putc(c, t);
	fclose(f);
	fclose(t);
}

/* A reader needs no living writer: neither after a clean end nor after a crash, when what was committed
 * last is only in the log. */
static void test_reader_alone(void **state)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	char *copy CLEANUP(freep) = xasprintf("%s/copy.db", dir);
	struct db *d = open_new(), *r;
	int64_t n = 0;

	(void)state;
	assert_ok(db_exec(d, &e, "INSERT INTO t(name, n) VALUES('late', 5)", ""), &e);
	copy_file("");
	copy_file("-wal");
	db_close(d);
	r = open_db(DB_READ);
	assert_int_equal(db_get_int(r, &n, &e, "SELECT n FROM t WHERE name = 'late'", ""), 1);
	db_close(r);
	n = 0;
	assert_ok(db_open(copy, DB_READ, &r, &e), &e);
	assert_int_equal(db_get_int(r, &n, &e, "SELECT n FROM t WHERE name = 'late'", ""), 1);
	assert_int_equal(n, 5);
	db_close(r);
}

/* One sector of a page is lost. */
static void test_damage(void **state)
{
	static const char lost[512] = { 0 };
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct db *d = open_new();
	FILE *f;

	(void)state;
	for (int i = 0; i < 2000; i++)
		assert_ok(db_exec(d, &e, "INSERT INTO t(name, n) VALUES('row' || ?, ?)", "ii", i, i), &e);
	db_close(d);
	d = open_db(DB_WRITE);
	assert_ok(db_check(d, false, &e), &e);
	assert_ok(db_check(d, true, &e), &e);
	assert_null(db_found_damage());
	db_close(d);
	f = fopen(path, "r+");
	assert_non_null(f);
	assert_int_equal(fseek(f, 4096L * 6, SEEK_SET), 0);
	assert_int_equal(fwrite(lost, sizeof(lost), 1, f), 1);
	fclose(f);
	d = open_db(DB_WRITE);
	assert_int_equal(db_check(d, false, &e), -1);
	assert_non_null(db_found_damage());
	assert_null(db_found_damage());
	/* whoever comes by it notices, too */
	err_clear(&e);
	assert_int_equal(db_exec(d, &e, "UPDATE t SET n = n + 1", ""), -1);
	assert_non_null(db_found_damage());
	db_close(d);
}

static void test_open_errors(void **state)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct db *d = NULL;
	FILE *f;

	(void)state;
	assert_int_equal(db_open(path, DB_READ, &d, &e), -1);
	assert_int_equal(db_open(path, DB_WRITE, &d, &e), -1);
	assert_int_equal(access(path, F_OK), -1);
	f = fopen(path, "w");
	assert_non_null(f);
	for (int i = 0; i < 1000; i++)
		fputs("this is no database\n", f);
	fclose(f);
	assert_int_equal(db_open(path, DB_WRITE, &d, &e), -1);
	assert_non_null(strstr(err_msg(&e), "not a database"));
	assert_null(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_values, setup, teardown),
		cmocka_unit_test_setup_teardown(test_transactions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_spoil, setup, teardown),
		cmocka_unit_test_setup_teardown(test_migrate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_backup, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reader_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_open_errors, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
