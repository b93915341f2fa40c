/*
 * What real clusters wrote (tests/data/golden, tests/golden): opcodes, job files and answers come back the same,
 * byte for byte with sorted keys. Configurations: tests/unit/config.c.
 */
#include "tests/unit/unit.h"

#include "lib/sys/sys.h"
#include "src/query/query.h"
#include "src/queue/queue.h"

static struct arena *a;

static json *load(const char *name)
{
	char *text CLEANUP(freep) = NULL;
	json *j = NULL;
	size_t n;

	if (fs_read(arena_printf(a, TEST_DATA "/../%s", name), 8 << 20, &text, &n) < 0)
		fail_msg("can't read %s", name);
	assert_int_equal(json_parse(text, n, &j, NULL), 0);
	return json_own(a, j);
}

/* 60.0 is 60. */
static json *numbers(const json *j)
{
	json *out;

	switch (json_kind(j)) {
	case JSON_FLOAT:
		return json_float(j, 0) == (double)(int64_t)json_float(j, 0) ? json_new_int((int64_t)json_float(j, 0)) :
									       json_clone(j);
	case JSON_ARRAY:
		out = json_new_array();
		json_items(j, i, item)
			json_append(out, numbers(item));
		return out;
	case JSON_DICT:
		out = json_new_dict();
		json_each(j, key, v)
			json_set(out, key, numbers(v));
		return out;
	default:
		return j ? json_clone(j) : NULL;
	}
}

static const char *canonical(const json *j)
{
	char *text = json_dump_sorted(json_own(a, numbers(j)));
	const char *copy = arena_strdup(a, text);

	free(text);
	return copy;
}

static void same(const char *what, const json *have, const json *want)
{
	const char *h = canonical(have), *w = canonical(want);

	if (strcmp(h, w) != 0)
		fail_msg("%s:\n%s\nbecame\n%s", what, w, h);
}

/*
 * Without what says nothing: null is as good as absent (upstream's luxid leaves out most of them, its Python writes
 * all), what 3.0 did not have is there with its default, and what only 3.0 has is taken and dropped.
 */
static const json *plain(const json *op, const json *in)
{
	json *out = json_own(a, json_new_dict());

	json_each(op, key, v)
		if (v && !(strcmp(key, "is_strict") == 0 && !json_has(in, key)) &&
		    strcmp(key, "hotplug_if_possible") != 0)
			json_set(out, key, json_ref(v));
	return out;
}

/* As job files and answers have them: with every parameter. */
static void test_opcodes(void **state)
{
	json *all = load("data/golden/opcodes.json"), *kinds = json_own(a, json_new_dict());

	(void)state;
	json_items(all, i, in) {
		struct err e CLEANUP(err_clear) = ERR_NONE;
		enum opcode op;
		void *parsed;

		assert_ok(opcode_parse(a, in, &op, &parsed, &e), &e);
		same(opcode_name(op), plain(json_own(a, opcode_emit(op, parsed, false)), in), plain(in, in));
		json_set(kinds, opcode_name(op), NULL);
	}
	print_message("%zu opcodes of %zu kinds\n", json_len(all), json_len(kinds));
}

/* Upstream's jobs with these failed: "fails validation". */
static void test_refused(void **state)
{
	json *all = load("data/golden/refused.json");

	(void)state;
	json_items(all, i, in) {
		struct err e CLEANUP(err_clear) = ERR_NONE;
		enum opcode op;
		void *parsed;

		assert_int_equal(opcode_parse(a, in, &op, &parsed, &e), -1);
		assert_string_equal(e.cls, OpPrereqError);
		assert_non_null(strstr(err_msg(&e), "fails validation"));
	}
	assert_true(json_len(all) > 0);
}

/* As clients sent them: nothing they said is changed, or the opcode is refused with upstream's class. */
static void test_submitted(void **state)
{
	json *all = load("data/golden/submitted.json");
	size_t refused = 0;

	(void)state;
	json_items(all, i, in) {
		struct err e CLEANUP(err_clear) = ERR_NONE;
		enum opcode op;
		void *parsed;
		json *out;

		if (opcode_parse(a, in, &op, &parsed, &e) < 0) {
			bool known = opcode_find(json_get_str(in, "OP_ID")) >= 0;

			assert_string_equal(e.cls, known ? OpPrereqError : OpCodeUnknown);
			refused++;
			continue;
		}
		out = json_own(a, opcode_emit(op, parsed, false));
		json_each(in, key, v)
			same(arena_printf(a, "%s.%s", opcode_name(op), key), json_get(out, key), v);
	}
	print_message("%zu submitted opcodes, %zu of them wrong\n", json_len(all), refused);
	assert_int_equal(refused, 4);
}

/* Through the database, but for the keys that name a process of theirs. */
static void test_jobs(void **state)
{
	json *all = load("data/golden/jobs.json");
	struct err e CLEANUP(err_clear) = ERR_NONE;
	size_t ops = 0;

	(void)state;
	json_items(all, i, golden) {
		json *file = json_get(golden, "job"), *log = NULL, *back;
		struct job *j = NULL;
		struct db *d = NULL;

		assert_ok(db_open(":memory:", DB_CREATE, &d, &e), &e);
		assert_ok(db_migrate(d, "queue", queue_schema, queue_schema_n, &e), &e);
		assert_ok(job_from_file(a, file, &j, &log, &e), &e);
		assert_ok(queue_import(d, j, log, &e), &e);
		json_put(log);
		assert_ok(queue_load(d, a, json_get_int(file, "id", 0), &j, &e), &e);
		assert_ok(queue_log_by_op(d, json_get_int(file, "id", 0), json_len(json_get(file, "ops")), &log, &e), &e);
		back = json_own(a, job_to_file(j, log));
		json_put(log);
		db_close(d);
		json_del(file, "process_id");
		json_del(file, "livelock");
		same(json_get_str(golden, "file"), back, file);
		ops += json_len(json_get(file, "ops"));
	}
	print_message("%zu job files, %zu opcodes\n", json_len(all), ops);
}

static json *our_field(const char *what, const char *name)
{
	struct query_env q = { .a = a };
	struct strs one = { 0 };
	json *all = NULL;

	strs_add(a, &one, name);
	if (query_fields(&q, what, &one, &all, NULL) < 0)
		return NULL;
	return json_at(json_get(json_own(a, all), "fields"), 0);
}

/* The fields of an answer are ours: their names, titles and kinds. */
static size_t check_fields(const char *what, const json *fields)
{
	size_t n = 0;

	json_items(fields, i, f) {
		json *have = our_field(what, json_get_str(f, "name"));

		if (str_eq(json_get_str(f, "kind"), "unknown"))
			continue;
		if (!have)
			fail_msg("no field %s of %s", json_get_str(f, "name"), what);
		assert_string_equal(json_get_str(have, "title"), json_get_str(f, "title"));
		assert_string_equal(json_get_str(have, "kind"), json_get_str(f, "kind"));
		n++;
	}
	return n;
}

static void test_answers(void **state)
{
	static const char *const files[] = { "golden/luxi-3.0.json", "golden/luxi-3.1.json" };
	size_t answers = 0, fields = 0;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(files); k++)
		json_items(load(files[k]), i, exchange)
			json_items(json_get(exchange, "replies"), r, reply) {
				const char *text = json_str(json_at(json_get(exchange, "requests"), r)), *once = canonical(reply);
				json *again = NULL, *request = NULL;

				/* text and back and text is the same text */
				assert_int_equal(json_parse(once, strlen(once), &again, NULL), 0);
				same(json_get_str(exchange, "name"), json_own(a, again), reply);
				answers++;
				if (!text || json_parse(text, strlen(text), &request, NULL) < 0)
					continue;
				json_own(a, request);
				if (str_starts(json_get_str(request, "method") ? json_get_str(request, "method") : "", "Query"))
					fields += check_fields(json_str(json_at(json_get(request, "args"), 0)),
							       json_get(json_get(reply, "result"), "fields"));
			}
	print_message("%zu answers, %zu fields in them\n", answers, fields);
}

static int setup(void **state)
{
	(void)state;
	a = arena_new();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_freep(&a);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(test_opcodes), TEST(test_refused), TEST(test_submitted),
					     TEST(test_jobs), TEST(test_answers) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
