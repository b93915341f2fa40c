/* daemons/masterd/intents.c: the list on disk, and what the next master reads of it */
#include "tests/unit/unit.h"
#include "tests/unit/vroot.h"

#include "daemons/masterd/masterd.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIMIT (64 << 10)

static struct arena *A;
static const char *file;

static off_t size(void)
{
	struct stat st;

	assert_int_equal(stat(file, &st), 0);
	return st.st_size;
}

/* What would be read if the process died now. */
static const char *on_disk(void)
{
	char *text = NULL;
	struct strs l;

	assert_int_equal(fs_read(file, 1 << 20, &text, NULL), 0);
	l = strs_split(A, text, '\n');
	free(text);
	strs_sort(&l);
	strs_uniq(&l);
	return strs_join(A, &l, ",");
}

static const char *left(void)
{
	struct strs l = intents_left(A);

	strs_sort(&l);
	return strs_join(A, &l, ",");
}

static const char *next_master(int *ret)
{
	intents_end();
	*ret = intents_start();
	return left();
}

static void test_life(void **state)
{
	int r;

	(void)state;
	unlink(file);
	assert_string_equal(next_master(&r), "");
	assert_int_equal(r, 0);
	assert_false(intents_has(7, INTENT_WRITE));
	assert_true(intents_add(7, INTENT_WRITE));
	assert_true(intents_add(8, INTENT_WRITE));
	assert_true(intents_add(7, INTENT_ARCHIVE));
	assert_string_equal(on_disk(), ",7,8");
	assert_string_equal(left(), "7,8");
	/* one of two things about a job */
	intents_done(7, INTENT_WRITE);
	assert_string_equal(left(), "7,8");
	intents_done(7, INTENT_WRITE | INTENT_ARCHIVE);
	assert_string_equal(left(), "8");
	intents_done(7, INTENT_WRITE);
	intents_done(1000, INTENT_ARCHIVE);
	assert_string_equal(left(), "8");
	/* the file says more than is left, never less */
	assert_string_equal(on_disk(), ",7,8");
	assert_true(intents_has(8, INTENT_WRITE));
	assert_false(intents_has(8, INTENT_ARCHIVE));
	assert_string_equal(next_master(&r), "7,8");
	assert_int_equal(r, 0);
	assert_true(intents_has(7, INTENT_WRITE) && intents_has(7, INTENT_ARCHIVE));
	intents_done(7, INTENT_WRITE | INTENT_ARCHIVE);
	intents_done(8, INTENT_WRITE | INTENT_ARCHIVE);
	assert_string_equal(left(), "");
	assert_string_equal(on_disk(), ",7,8"); /* until that is said */
	assert_true(intents_add(9, INTENT_WRITE));
	assert_string_equal(on_disk(), ",7,8,9");
	intents_forget();
	assert_int_equal(size(), 0);
	assert_string_equal(left(), "");
}

static void test_limit(void **state)
{
	int64_t id = 100000;
	int n = 0, r;

	(void)state;
	next_master(&r);
	intents_forget();
	/* done at once: it goes on for ever */
	for (int i = 0; i < 50000; i++, id++) {
		assert_true(intents_add(id, INTENT_WRITE));
		assert_true(size() <= LIMIT);
		if (i != 5)
			intents_done(id, INTENT_WRITE);
	}
	assert_string_equal(left(), "100005");
	assert_non_null(strstr(on_disk(), "100005"));
	assert_non_null(strstr(on_disk(), "149999"));
	/* never done: there is an end */
	while (n < 50000 && intents_add(++id, INTENT_WRITE))
		n++;
	assert_in_range(n, 1000, LIMIT / 7);
	assert_in_range(size(), 1, LIMIT);
	assert_false(intents_add(id, INTENT_ARCHIVE));
	next_master(&r);
	assert_int_equal(r, 0);
	intents_forget();
	assert_true(intents_add(id, INTENT_WRITE));
}

static void test_unreadable(void **state)
{
	char *text CLEANUP(freep) = xcalloc(1, 2 * LIMIT + 1);
	int r;

	(void)state;
	memset(text, '1', 2 * LIMIT);
	assert_int_equal(fs_write_atomic(file, text, 2 * LIMIT, NULL), 0);
	assert_string_equal(next_master(&r), "");
	assert_true(r < 0);
	assert_true(intents_add(1, INTENT_WRITE)); /* it starts anew */
	assert_string_equal(on_disk(), ",1");
	/* there is something else */
	assert_int_equal(unlink(file), 0);
	assert_int_equal(mkdir(file, 0700), 0);
	assert_string_equal(next_master(&r), "");
	assert_true(r < 0);
	assert_false(intents_add(1, INTENT_WRITE));
	assert_int_equal(rmdir(file), 0);
}

static int set_up(void **state)
{
	if (vroot_setup(state) < 0)
		return -1;
	A = arena_new();
	file = path_in(A, PATH_QUEUE_DIR, "mirror");
	return fs_mkdirs(path_of(PATH_QUEUE_DIR), 0700);
}

static int tear_down(void **state)
{
	intents_end();
	arena_free(A);
	return vroot_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_unreadable),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
