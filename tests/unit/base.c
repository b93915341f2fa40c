#include "tests/unit/unit.h"

#include "lib/base/map.h"
#include "lib/base/parse.h"
#include "lib/base/str.h"
#include "lib/json/json.h"

static void test_natcmp(void **state)
{
	(void)state;
	assert_true(str_natcmp("node2", "node10") < 0);
	assert_true(str_natcmp("node10", "node9") > 0);
	assert_true(str_natcmp("a", "a1") < 0);
	assert_int_equal(str_natcmp("x", "x"), 0);
}

static void test_split(void **state)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct strs l = strs_split_esc(a, "a\\,b,c,", ',');

	(void)state;
	assert_int_equal(l.n, 3);
	assert_string_equal(l.v[0], "a,b");
	assert_string_equal(l.v[2], "");
	assert_string_equal(str_shell_quote(a, "it's"), "'it'\\''s'");
	assert_string_equal(str_shell_quote(a, "/a-b.c"), "/a-b.c");
	assert_int_equal(str_distance("statup", "startup"), 1);
}

static void test_map(void **state)
{
	struct map *m CLEANUP(map_freep) = map_new();
	char key[16];
	size_t pos = 0, n = 0;

	(void)state;
	for (intptr_t i = 1; i <= 1000; i++) {
		snprintf(key, sizeof(key), "k%d", (int)i);
		assert_null(map_put(m, key, (void *)i));
	}
	for (intptr_t i = 2; i <= 1000; i += 2) {
		snprintf(key, sizeof(key), "k%d", (int)i);
		assert_ptr_equal(map_del(m, key), (void *)i);
	}
	assert_int_equal(map_count(m), 500);
	assert_ptr_equal(map_get(m, "k501"), (void *)501);
	assert_null(map_get(m, "k500"));
	while (map_next(m, &pos, NULL, NULL))
		n++;
	assert_int_equal(n, 500);
}

static void test_units(void **state)
{
	int64_t v;
	char *s;

	(void)state;
	assert_int_equal(parse_unit("10", &v, NULL), 0);
	assert_int_equal(v, 12);
	assert_int_equal(parse_unit("1.5g", &v, NULL), 0);
	assert_int_equal(v, 1536);
	assert_int_equal(parse_unit("2TiB", &v, NULL), 0);
	assert_int_equal(v, 2 * 1024 * 1024);
	assert_int_equal(parse_unit("1x", &v, NULL), -1);
	assert_int_equal(parse_unit("-1", &v, NULL), -1);
	s = format_unit(1536, 'h');
	assert_string_equal(s, "1.5G");
	free(s);
}

static void test_json(void **state)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *j CLEANUP(json_putp) = NULL;
	json *k CLEANUP(json_putp) = NULL;
	char *s;
	static const char good[] = " {\"b\": [1, 2.5, null], \"a\": \"x/y\"} ";
	static const char *const bad[] = { "", "{", "[1,]", "'a'", "1 2", "{\"a\":1}x", "nul",
					   "\"\xff\"", "{'a': 1}", "NaN", "[-Infinity]", "[1] // x" };

	(void)state;
	assert_ok(json_parse(good, strlen(good), &j, &e), &e);
	s = json_dump_sorted(j);
	assert_string_equal(s, "{\"a\":\"x/y\",\"b\":[1,2.5,null]}");
	free(s);
	k = json_pack("{s:[i,f,n], s:s}", "b", 1, 2.5, "a", "x/y");
	assert_true(json_equal(j, k));
	json_putp(&j);
	assert_ok(json_parse("17", 2, &j, &e), &e);
	assert_int_equal(json_int(j, 0), 17);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		json *x = NULL;

		if (json_parse(bad[i], strlen(bad[i]), &x, &e) == 0)
			fail_msg("accepted: %s", bad[i]);
	}
}

static void test_json_float(void **state)
{
	static const struct {
		double v;
		const char *text;
	} cases[] = { { 1795197365.846831, "1795197365.846831" }, { 0.1, "0.1" }, { 1, "1.0" }, { 0, "0.0" },
		      { 1.0 / 3, "0.3333333333333333" }, { 1e300, "1e+300" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json *j CLEANUP(json_putp) = json_new_float(cases[i].v), *copy CLEANUP(json_putp) = json_clone(j);
		char *s CLEANUP(freep) = json_dump(j), *t CLEANUP(freep) = json_dump(copy);

		assert_string_equal(s, cases[i].text);
		assert_string_equal(t, cases[i].text);
		assert_true(json_float(j, -1) == cases[i].v);
	}
}

/* The whole text, with nothing looked at beyond what the calls ask for. */
static void test_json_scan(void **state)
{
	static const char text[] = " { \"a\" : [ 1 , \"x\", \"\\u00e4\", -20, 1.5, [[{\"]\":\"}\"}, 2]], null ],"
				   " \"skip\": {\"k\": [\"\\\"]\"]}, \"end\": true } ";
	/* each is wrong for a different function */
	static const char *const bad[] = { "{", "[]", "{\"a\"}", "{\"a\":}", "{\"a\":1", "{\"a\":1,}", "{\"a\":[}",
					   "{,\"a\":1}", "{\"a\":1 \"b\":2}", "{\"a\":\"x}", "{\"a\":'x'}",
					   "{\"a\":nul}", "{\"\\u0061\":1}", "{\"a\":[1 2]}" };
	struct json_scan s = { .p = text, .end = text + strlen(text) };
	const char *key = NULL, *word = NULL;
	json *v[3] = { 0 };
	int64_t i;
	size_t n = 0;

	(void)state;
	assert_true(json_scan_enter(&s, '{') && json_scan_key(&s, &key, &n));
	assert_true(n == 1 && *key == 'a');
	assert_true(json_scan_enter(&s, '[') && json_scan_item(&s));
	assert_false(json_scan_plain(&s, &word, &n));
	assert_true(json_scan_int(&s, &i) && i == 1 && json_scan_item(&s));
	assert_true(json_scan_plain(&s, &word, &n) && n == 1 && *word == 'x' && json_scan_item(&s));
	assert_false(json_scan_plain(&s, &word, &n) || json_scan_int(&s, &i));
	assert_true(json_scan_value(&s, &v[0]) && json_scan_item(&s));
	assert_string_equal(json_str(v[0]), "\xc3\xa4");
	assert_true(json_scan_int(&s, &i) && i == -20 && json_scan_item(&s));
	assert_false(json_scan_int(&s, &i));
	assert_true(json_scan_value(&s, &v[1]) && json_float(v[1], 0) == 1.5 && json_scan_item(&s));
	assert_true(json_scan_value(&s, &v[2]) && json_len(json_at(v[2], 0)) == 2 && json_scan_item(&s));
	assert_true(json_scan_skip(&s, &word, &n) && n == 4 && !json_scan_item(&s) && !json_scan_failed(&s));
	assert_true(json_scan_key(&s, &key, &n) && n == 4 && json_scan_skip(&s, NULL, NULL));
	assert_true(json_scan_key(&s, &key, &n) && n == 3 && json_scan_skip(&s, &word, &n));
	assert_true(n == 4 && !json_scan_key(&s, &key, &n) && !json_scan_failed(&s));
	for (size_t k = 0; k < 3; k++)
		json_put(v[k]);
	for (size_t k = 0; k < ARRAY_SIZE(bad); k++) {
		json *x = NULL;

		s = (struct json_scan){ .p = bad[k], .end = bad[k] + strlen(bad[k]) };
		for (json_scan_enter(&s, '{'); json_scan_key(&s, &key, &n); x = NULL)
			if (json_scan_value(&s, &x))
				json_put(x);
		if (!json_scan_failed(&s))
			fail_msg("accepted: %s", bad[k]);
	}
}

static void test_json_compact(void **state)
{
	json *j CLEANUP(json_putp) = json_pack("{s:[i,f,n,{s:s}], s:{}, s:[]}", "b", 1, 2.5, "k", "v", "d", "l");
	json *copy CLEANUP(json_putp) = json_compact(j);

	(void)state;
	assert_true(json_equal(j, copy));
	for (int i = 0; i < 40; i++) { /* it grows like any other */
		char key[16];

		snprintf(key, sizeof(key), "k%d", i);
		json_set(copy, key, json_new_int(i));
		json_append(json_get(copy, "l"), json_new_int(i));
	}
	assert_int_equal(json_get_int(copy, "k39", 0), 39);
	assert_int_equal(json_len(copy), 43);
	assert_int_equal(json_len(json_get(j, "l")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json_float), cmocka_unit_test(test_json_scan),
		cmocka_unit_test(test_json_compact),
		cmocka_unit_test(test_natcmp), cmocka_unit_test(test_split),
		cmocka_unit_test(test_map),    cmocka_unit_test(test_units),
		cmocka_unit_test(test_json),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
