/* Field rows against upstream's list; filters over a small configuration. */
#include "tests/unit/unit.h"

#include "lib/sys/sys.h"
#include "src/query/priv.h"

static json *load(struct arena *a, const char *name)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	const char *top = getenv("srcdir");
	char *text CLEANUP(freep) = NULL;
	json *j = NULL;
	size_t n;

	if (fs_read(arena_printf(a, "%s/tests/data/%s", top ? top : ".", name), 4 << 20, &text,
		    &n) < 0)
		fail_msg("can't read %s", name);
	assert_ok(json_parse(text, n, &j, &e), &e);
	return json_own(a, j);
}

/* Is it something that upstream does not have? */
static bool ours(const char *name)
{
	if (strcmp(name, QUERY_WAIT_REASON) == 0)
		return true;
	for (size_t i = 0; i < enum_hypervisor.n && str_starts(name, "hv/"); i++) {
		const struct field *f = record_field(hvparams_record((int)i), name + 3);

		if (f && f->ours)
			return true;
	}
	return false;
}

static json *without_ours(struct arena *a, const json *fields)
{
	json *out = json_own(a, json_new_array());

	json_items(fields, i, f)
		if (!ours(json_get_str(f, "name")))
			json_append(out, json_ref(f));
	return out;
}

/* Every field upstream has, with its title and kind; none that upstream lacks. */
static void test_fields(void **state)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct query_env q = { .a = a };
	json *all = load(a, "query_fields.json");

	(void)state;
	json_each(all, what, want) {
		struct err e CLEANUP(err_clear) = ERR_NONE;
		json *got = NULL, *fields;

		assert_ok(query_fields(&q, what, NULL, &got, &e), &e);
		json_own(a, got);
		fields = without_ours(a, json_get(got, "fields"));
		json_items(want, i, w) {
			json *g = json_at(fields, i);

			if (!g || strcmp(json_get_str(g, "name"), json_str(json_at(w, 0))) ||
			    strcmp(json_get_str(g, "title"), json_str(json_at(w, 1))) ||
			    strcmp(json_get_str(g, "kind"), json_str(json_at(w, 2))))
				fail_msg("%s: want %s, have %s", what, json_dump_in(a, w),
					 json_dump_in(a, g));
			if (!*json_get_str(g, "doc"))
				fail_msg("%s: no doc of %s", what, json_get_str(g, "name"));
		}
		assert_int_equal(json_len(fields), json_len(want));
	}
}

static void test_unknown_field(void **state)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct query_env q = { .a = a };
	struct strs fields = { 0 };
	json *got = NULL;

	(void)state;
	strs_add(a, &fields, "tag/x");
	assert_ok(query_fields(&q, "node", &fields, &got, &e), &e);
	json_own(a, got);
	assert_string_equal(json_get_str(json_at(json_get(got, "fields"), 0), "kind"), "unknown");
	assert_int_equal(query_fields(&q, "nope", NULL, &got, &e), -1);
	assert_string_equal(e.cls, "OpPrereqError");
}

/* Objects for the filters: locks, which need no store. */
static json *run(struct arena *a, const char *filter_text, struct err *e)
{
	static const char locks[] =
		"[{\"name\": \"instance/a\", \"mode\": \"exclusive\", \"owner\": [\"1\"], "
		"\"pending\": 3}, {\"name\": \"node/b\", \"mode\": \"shared\", \"owner\": "
		"[\"1\", \"2\"], \"pending\": 10}, {\"name\": \"node/c\", \"mode\": null, "
		"\"owner\": null, \"pending\": null}]";
	json *dump = NULL, *filter = NULL, *got = NULL;
	struct query_env q = { .a = a };
	struct strs fields = { 0 };

	strs_add(a, &fields, "name");
	assert_ok(json_parse(locks, strlen(locks), &dump, e), e);
	assert_ok(json_parse(filter_text, strlen(filter_text), &filter, e), e);
	json_own(a, filter);
	q.locks = json_own(a, dump);
	if (query_run(&q, "lock", &fields, filter, &got, e) < 0)
		return NULL;
	return json_get(json_own(a, got), "data");
}

static void expect(const char *filter, const char *names)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *rows = run(a, filter, &e);
	struct strs got = { 0 };

	if (!rows)
		fail_msg("%s: %s", filter, err_msg(&e));
	json_items(rows, i, row)
		strs_add(a, &got, json_str(json_at(json_at(row, 0), 1)));
	if (strcmp(strs_join(a, &got, ","), names) != 0)
		fail_msg("%s gave %s, not %s", filter, strs_join(a, &got, ","), names);
}

static void refuse(const char *filter, const char *text)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct err e CLEANUP(err_clear) = ERR_NONE;

	if (run(a, filter, &e))
		fail_msg("accepted: %s", filter);
	if (!strstr(err_msg(&e), text))
		fail_msg("%s: %s", filter, err_msg(&e));
}

static void test_filters(void **state)
{
	(void)state;
	expect("null", "instance/a,node/b,node/c");
	expect("[\"=\", \"name\", \"node/b\"]", "node/b");
	expect("[\"!=\", \"name\", \"node/b\"]", "instance/a,node/c");
	expect("[\"=~\", \"name\", \"^node/\"]", "node/b,node/c");
	expect("[\"<\", \"pending\", 5]", "instance/a");
	expect("[\"<=\", \"pending\", 3]", "instance/a");
	expect("[\">\", \"pending\", 3]", "node/b");
	expect("[\">=\", \"pending\", 10]", "node/b");
	expect("[\"=[]\", \"owner\", \"2\"]", "node/b");
	expect("[\"&\", [\"=~\", \"name\", \"node\"], [\"!\", [\"==\", \"mode\", \"shared\"]]]",
	       "node/c");
	expect("[\"|\", [\"=\", \"name\", \"node/c\"], [\"=\", \"name\", \"instance/a\"]]",
	       "instance/a,node/c");
	refuse("[\"=\", \"nosuch\", 1]", "Can't find field named 'nosuch'");
	refuse("[\"=\", \"mode\", 1]",
	       "Invalid types in comparison, trying to compare \"exclusive\" with 'NumericValue 1'");
	refuse("[\"<\", \"pending\", \"x\"]",
	       "Invalid types in comparison, trying to compare 3 with 'QuotedString \"x\"'");
	refuse("[\"=~\", \"pending\", \"x\"]",
	       "Invalid field value used in regexp matching, expecting string but got '3'");
	refuse("[\"=[]\", \"name\", \"x\"]", "in list context");
	expect("[\"&\"]", "instance/a,node/b,node/c");
	refuse("[\"foo\"]", "Unknown filter operand 'foo'");
	refuse("[\"=\", \"name\"]", "expected [fieldname, value] but got [\"name\"]");
	refuse("[\"?\", \"name\"]", "in boolean context");
	refuse("[\"=~\", \"name\", \"(\"]", "Invalid regular expression");
	refuse("[\"!\"]", "one operand");
	refuse("{}", "expected a list");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_unknown_field),
		cmocka_unit_test(test_filters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
