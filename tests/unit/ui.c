#include "tests/unit/unit.h"

#include "src/schema/options.h"

#include <ctype.h>

static const struct option_row o_name = { .id = "name", .letter = 'n', .names = "name,names", .type = OPT_STRING, .doc = "A name" };
static const struct option_row o_num = { .id = "num", .names = "number", .type = OPT_INT, .dflt = "7", .doc = "A number" };
static const struct option_row o_flag = { .id = "flag", .letter = 'f', .names = "flag", .type = OPT_FLAG, .doc = "A flag" };
static const struct option_row o_off = { .id = "off", .names = "no-check", .dest = "check", .type = OPT_FLAG_OFF, .doc = "No check" };
static const struct option_row o_count = { .id = "debug", .letter = 'd', .names = "debug", .type = OPT_COUNT, .doc = "More" };
static const struct option_row o_list = { .id = "add", .letter = 'a', .names = "add", .type = OPT_APPEND, .doc = "Add" };
static const struct option_row o_choice = { .id = "prio", .names = "priority", .type = OPT_CHOICE, .choices = "low,high",
	.value = "{\"low\": 10, \"high\": -10}", .doc = "Priority" };
static const struct option_row o_one = { .id = "one", .names = "one", .dest = "mode", .type = OPT_CONST, .value = "\"1\"", .doc = "One" };
static const struct option_row o_two = { .id = "two", .names = "two", .dest = "mode", .type = OPT_CONST, .value = "[2]", .doc = "Two" };
static const struct option_row o_kv = { .id = "kv", .letter = 'B', .names = "key-values", .type = OPT_KEYVAL, .dflt = "{}", .doc = "Keys" };
static const struct option_row o_quiet = { .id = "quiet", .letter = 'q', .names = "quiet", .dest = "verbose", .type = OPT_COUNT_DOWN, .doc = "Less" };
static const struct option_row o_verbose = { .id = "verbose", .letter = 'v', .names = "verbose", .type = OPT_COUNT, .dflt = "1", .doc = "More" };
static const struct option_row o_bare = { .id = "luxi", .letter = 'L', .names = "luxi", .type = OPT_STRING, .bare = "\"-\"", .doc = "Ask" };
static const struct option_row o_yes = { .id = "mond", .names = "mond", .type = OPT_CHOICE, .choices = "yes,no", .dflt = "false",
	.value = "{\"yes\": true, \"no\": false}", .bare = "true", .doc = "Ask" };
static const struct option_row *const tool_rows[] = { &o_verbose, &o_quiet, &o_bare, &o_yes, NULL };
static const struct option_row *const rows[] = { &o_name, &o_num, &o_flag, &o_off, &o_count, &o_list,
	&o_choice, &o_one, &o_two, &o_kv, NULL };

/* Parse LINE (split at blanks); the values and the arguments as one JSON text, or the message. */
static const char *parse_by(const struct option_row *const *by, struct arena *a, const char *line, bool mixed)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct strs argv = { 0 }, args;
	json *values;
	int r;

	if (*line)
		argv = strs_split(a, line, ' ');
	r = opt_parse(by, mixed, &argv, a, &values, &args, &e);
	if (r > 0)
		return "help";
	if (r < 0)
		return arena_printf(a, "%s%s", e.cls ? "! " : "", err_msg(&e));
	json_own(a, values);
	return json_dump_in(a, json_own(a, json_pack("[O, o]", values, json_new_strs(&args))));
}

static const char *parse(struct arena *a, const char *line, bool mixed)
{
	return parse_by(rows, a, line, mixed);
}

/* Arguments that may be left out, and counting both ways. */
static void test_tool_options(void **state)
{
	static const struct {
		const char *line, *result;
	} cases[] = {
		{ "", "[{\"verbose\":1,\"luxi\":null,\"mond\":false},[]]" },
		{ "-qvqq -L x", "[{\"verbose\":-1,\"luxi\":\"-\",\"mond\":false},[\"x\"]]" },
		{ "-vLx --mond", "[{\"verbose\":2,\"luxi\":\"x\",\"mond\":true},[]]" },
		{ "--luxi=x --mond=no", "[{\"verbose\":1,\"luxi\":\"x\",\"mond\":false},[]]" },
		{ "--luxi= --mo=yes", "[{\"verbose\":1,\"luxi\":\"\",\"mond\":true},[]]" },
		{ "--luxi --mond=maybe", "option --mond: invalid choice: 'maybe' (choose from 'yes', 'no')" },
	};
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct str s CLEANUP(str_free) = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(parse_by(tool_rows, a, cases[i].line, true), cases[i].result);
	ui_help(&s, "htool", "", "", tool_rows);
	assert_non_null(strstr(str_get(&s), "\n--luxi[=LUXI], -L[LUXI]\n"));
}

static void test_options(void **state)
{
	static const struct {
		const char *line, *result;
		bool mixed;
	} cases[] = {
		{ "", "[{\"name\":null,\"num\":7,\"flag\":false,\"check\":true,\"debug\":0,\"add\":[],\"prio\":null,"
		      "\"mode\":null,\"kv\":{}},[]]", false },
		{ "-n x --number=0x10 -f --no-check -ddd -a 1 --add 2 --priority low --two --one -B a=1,no_b,-c,d y",
		  "[{\"name\":\"x\",\"num\":16,\"flag\":true,\"check\":false,\"debug\":3,\"add\":[\"1\",\"2\"],\"prio\":10,"
		  "\"mode\":\"1\",\"kv\":{\"a\":\"1\",\"b\":false,\"c\":null,\"d\":true}},[\"y\"]]", false },
		{ "-dfnx --num -5 -- -q --flag",
		  "[{\"name\":\"x\",\"num\":-5,\"flag\":true,\"check\":true,\"debug\":1,\"add\":[],\"prio\":null,"
		  "\"mode\":null,\"kv\":{}},[\"-q\",\"--flag\"]]", false },
		{ "x -f", "[{\"name\":null,\"num\":7,\"flag\":false,\"check\":true,\"debug\":0,\"add\":[],\"prio\":null,"
			  "\"mode\":null,\"kv\":{}},[\"x\",\"-f\"]]", false },
		{ "x -f -", "[{\"name\":null,\"num\":7,\"flag\":true,\"check\":true,\"debug\":0,\"add\":[],\"prio\":null,"
			    "\"mode\":null,\"kv\":{}},[\"x\",\"-\"]]", true },
		{ "--foo", "no such option: --foo", false },
		{ "-q", "no such option: -q", false },
		{ "--n", "ambiguous option: --n (--name, --names, --no-check, --number?)", false },
		{ "--name", "--name option requires 1 argument", false },
		{ "-n", "-n option requires 1 argument", false },
		{ "--fl=1", "--flag option does not take a value", false },
		{ "--number y", "option --number: invalid integer value: 'y'", false },
		{ "--number 08", "option --number: invalid integer value: '08'", false },
		{ "--priority it's", "option --priority: invalid choice: \"it's\" (choose from 'low', 'high')", false },
		{ "-B a=1,a=2", "! Duplicate key 'a' in option -B", false },
		{ "--he", "help", false },
		{ "-fh", "help", false },
	};
	struct arena *a CLEANUP(arena_freep) = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(parse(a, cases[i].line, cases[i].mixed), cases[i].result);
}

static void test_values(void **state)
{
	static const struct {
		enum opt_type type;
		const char *text, *result;
	} cases[] = {
		{ OPT_FLOAT, "1.5", "1.5" },
		{ OPT_FLOAT, "x", "option --o: invalid floating-point value: 'x'" },
		{ OPT_MAYBE_FLOAT, "Default", "\"default\"" },
		{ OPT_JSON, "[\"a\", {\"b\": null}]", "[\"a\",{\"b\":null}]" },
		{ OPT_JSON, "[", "option --o: invalid JSON value: '['" },
		{ OPT_UNIT, "1.5g", "1536" },
		{ OPT_UNIT, "1x", "option --o: Unknown unit: x" },
		{ OPT_BOOL, "YES", "true" },
		{ OPT_BOOL, "Maybe", "! Invalid boolean value 'maybe'" },
		{ OPT_LIST, "", "[]" },
		{ OPT_LIST, "a\\,b,c\\\\,\\d", "[\"a,b\",\"c\\\\\",\"d\"]" },
		{ OPT_IDENT_KEYVAL, "kvm:a=1,b=", "[\"kvm\",{\"a\":\"1\",\"b\":\"\"}]" },
		{ OPT_IDENT_KEYVAL, "fake", "[\"fake\",{}]" },
		{ OPT_IDENT_KEYVAL, "no_kvm", "[\"kvm\",false]" },
		{ OPT_IDENT_KEYVAL, "-kvm", "[\"kvm\",null]" },
		{ OPT_IDENT_KEYVAL, "-1:remove", "[\"-1\",{\"remove\":true}]" },
		{ OPT_IDENT_KEYVAL, "no_kvm:a=1", "! Cannot pass options when removing parameter groups: no_kvm:a=1" },
		{ OPT_MULTI_SPECS, "min:a=1,b=2/max:a=3//std:",
		  "[{\"min\":{\"a\":\"1\",\"b\":\"2\"},\"max\":{\"a\":\"3\"}},{\"std\":{}}]" },
		{ OPT_MULTI_SPECS, "min:a", "! Missing value for key 'a' in option --o" },
		{ OPT_MULTI_SPECS, "min:a=1/", "! Empty section in option '--o'" },
		{ OPT_MULTI_SPECS, "min:a=1/min:b=1", "! Duplicated parameter 'min' in parsing --o: min:b=1" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct arena *a CLEANUP(arena_freep) = arena_new();
		struct option_row o = { .id = "o", .names = "o", .type = cases[i].type };
		struct err e CLEANUP(err_clear) = ERR_NONE;
		json *v CLEANUP(json_putp) = NULL;
		int r = opt_value(&o, "--o", cases[i].text, &v, &e);

		assert_string_equal(r == 0 ? json_dump_in(a, v) :
					     arena_printf(a, "%s%s", e.cls ? "! " : "", err_msg(&e)),
				    cases[i].result);
	}
}

static void text_is(const char *in, const char *wanted)
{
	struct str s CLEANUP(str_free) = { 0 };
	json *v CLEANUP(json_putp) = NULL;

	assert_ok(json_parse(in, strlen(in), &v, NULL), NULL);
	ui_text(&s, v);
	assert_string_equal(str_get(&s), wanted);
}

static void test_text(void **state)
{
	(void)state;
	text_is("null", "None");
	text_is("\"it's\"", "it's");
	text_is("[\"it's\", \"a\\\"b\", \"'\\\"\", true, null]", "[\"it's\", 'a\"b', '\\'\"', True, None]");
	text_is("{\"a\": {}, \"b\": [1, -2.5]}", "{'a': {}, 'b': [1, -2.5]}");
	text_is("[1.0, 0.1, 100.0, 1e16, 123456789.125, 1e-5, 0.0001, 1e15]",
		"[1.0, 0.1, 100.0, 1e+16, 123456789.125, 1e-05, 0.0001, 1000000000000000.0]");
	assert_true(ui_is_utf8("a\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80"));
	assert_false(ui_is_utf8("\xeb"));
	assert_false(ui_is_utf8("\xc0\x80"));
	assert_false(ui_is_utf8("\xed\xa0\x80"));
	assert_false(ui_is_utf8("\xe2\x82"));
	assert_int_equal(ui_width("gr\xc3\xbc\xc3\x9f"), 4);
}

static void info_is(const char *in, const char *wanted)
{
	struct str s CLEANUP(str_free) = { 0 };
	json *v CLEANUP(json_putp) = NULL;

	assert_ok(json_parse(in, strlen(in), &v, NULL), NULL);
	ui_info(&s, v);
	assert_string_equal(str_get(&s), wanted);
}

static void test_info(void **state)
{
	(void)state;
	info_is("{\"b\": 1, \"a\": {\"x\": null, \"e\": {}}, \"l\": [], \"m\": [\"u\", \"v\"]}",
		"b: 1\na: \n  x: None\n  e: \nl: \nm: \n  - u\n  - v\n");
	info_is("[{\"n\": \"i\", \"d\": [{\"a\": 1, \"b\": 2}, {\"c\": 3}], \"r\": [[\"s\", \"t\"], [1]]}, {\"n\": \"j\"}]",
		"- n: i\n  d: \n    - a: 1\n      b: 2\n    - c: 3\n  r: \n    - - s\n      - t\n    - - 1\n- n: j\n");
	info_is("[]", "\n");
}

static void test_table(void **state)
{
	static const struct ui_column cols[] = { { "Name", false }, { "Size", true }, { "Note", false } };
	static const char *const v[] = { "a", "10", "x", "l\xc3\xb6ng", "9", "longer note" };
	struct strs cells = { (const char **)v, ARRAY_SIZE(v) };
	struct ui_table t = { .cols = cols, .n = 3, .cells = &cells, .headers = true };
	struct str s CLEANUP(str_free) = { 0 };

	(void)state;
	ui_table(&s, &t);
	assert_string_equal(str_get(&s), "Name Size Note\na      10 x\nl\xc3\xb6ng    9 longer note\n");
	str_trim(&s, 0);
	t.pad_header = true;
	ui_table(&s, &t);
	assert_string_equal(str_get(&s), "Name Size Note       \na      10 x\nl\xc3\xb6ng    9 longer note\n");
	str_trim(&s, 0);
	t.separator = ";";
	t.headers = false;
	ui_table(&s, &t);
	assert_string_equal(str_get(&s), "a;10;x\nl\xc3\xb6ng;9;longer note\n");
}

static void test_help(void **state)
{
	static const struct option_row *const few[] = { &o_name, &o_off, NULL };
	struct str s CLEANUP(str_free) = { 0 };

	(void)state;
	ui_help(&s, "gnt-x", "list [...]", "Lists things", few);
	assert_string_equal(str_get(&s),
			    "Usage\n=====\n  gnt-x list [...]\n\nLists things.\n\nOptions\n=======\n"
			    "--help, -h              Show this help and exit\n"
			    "--name=NAME, --names=NAME, -n NAME\n"
			    "                        A name\n"
			    "--no-check              No check\n");
	str_trim(&s, 0);
	ui_wrap(&s, "one two  three\nfour", 9, 2);
	assert_string_equal(str_get(&s), "one two\n  three\n  four");
}

static void test_nearest(void **state)
{
	static const char *v[] = { "startup", "shutdown", "list" };
	struct strs l = { v, 3 };

	(void)state;
	assert_string_equal(ui_nearest("strtup", &l), "startup");
	assert_string_equal(ui_nearest("lst", &l), "list");
	assert_null(ui_nearest("foo", &l));
	assert_string_equal(ui_nearest("sh", &l), "shutdown");
	assert_null(ui_nearest("s", &l)); /* which one? */
	assert_null(ui_nearest("", &l));
}

/* Every row: documented, its default and constant are JSON, choices where needed. */
static void test_rows(void **state)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();

	(void)state;
	for (const struct option_row *const *r = all_options; *r; r++) {
		const struct option_row *o = *r;
		struct strs names = opt_names(o, a);
		json *v = NULL;

		if (!o->doc || !isupper((unsigned char)*o->doc) || (str_ends(o->doc, ".") && !str_ends(o->doc, "...")))
			fail_msg("option %s: doc '%s'", o->id, o->doc);
		if (!o->letter && !names.n)
			fail_msg("option %s cannot be given", o->id);
		if (o->dflt && json_parse(o->dflt, strlen(o->dflt), &v, NULL) < 0)
			fail_msg("option %s: default", o->id);
		json_put(v);
		v = NULL;
		if (o->value && json_parse(o->value, strlen(o->value), &v, NULL) < 0)
			fail_msg("option %s: value", o->id);
		json_put(v);
		v = NULL;
		if (o->bare && json_parse(o->bare, strlen(o->bare), &v, NULL) < 0)
			fail_msg("option %s: value when none is given", o->id);
		json_put(v);
		if ((o->type == OPT_CHOICE || o->type == OPT_APPEND_CHOICE) && !opt_choices(o, a).n)
			fail_msg("option %s has no choices", o->id);
		if ((o->type == OPT_CONST) != (o->value != NULL) && o->type != OPT_CHOICE)
			fail_msg("option %s: value without use", o->id);
		for (const struct option_row *const *q = r + 1; *q; q++)
			if (str_eq(o->id, (*q)->id))
				fail_msg("option %s twice", o->id);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options), cmocka_unit_test(test_tool_options),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_text),    cmocka_unit_test(test_info),
		cmocka_unit_test(test_table),   cmocka_unit_test(test_help),
		cmocka_unit_test(test_nearest), cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
