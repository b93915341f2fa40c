/*
 * The rows against upstream's published interface (tests/data/upstream.json): names, order of
 * positional arguments, defaults, what is required. Differences that are meant are listed here.
 */
#include "tests/unit/unit.h"

#include "lib/sys/sys.h"
#include "src/schema/rapi.h"

/* "what", "why" */
static const char *const allowed[][2] = {
	{ "rpc instance_console_info", "upstream's server has it, its client table lacks arguments" },
};

static bool is_allowed(const char *what)
{
	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++)
		if (strcmp(allowed[i][0], what) == 0)
			return true;
	return false;
}

static struct arena *a;
static json *upstream;

static int setup(void **state)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	const char *top = getenv("srcdir");
	char *text CLEANUP(freep) = NULL;
	size_t n;

	(void)state;
	a = arena_new();
	if (fs_read(arena_printf(a, "%s/tests/data/upstream.json", top ? top : "."), 4 << 20, &text,
		    &n) < 0)
		return -1;
	return json_parse(text, n, &upstream, &e);
}

static int teardown(void **state)
{
	(void)state;
	json_put(upstream);
	arena_free(a);
	return 0;
}

static void compare_default(const char *owner, const struct field *f, const json *want)
{
	json *have CLEANUP(json_putp) = NULL;

	if (f->dflt)
		json_parse(f->dflt, strlen(f->dflt), &have, NULL);
	if (!json_equal(have, want) && json_float(have, -1) != json_float(want, -2))
		fail_msg("%s.%s: default %s, upstream %s", owner, field_wire(f),
			 json_dump_in(a, have), json_dump_in(a, want));
}

static void test_opcodes(void **state)
{
	json *ops = json_get(upstream, "opcodes");
	size_t params = 0;

	(void)state;
	json_each(ops, name, want) {
		int op = opcode_find(name);
		const struct record *r;
		size_t ours = 0;

		if (op < 0)
			fail_msg("no %s", name);
		r = opcode_record(op);
		json_each(want, param, about) {
			const struct field *f = record_field(r, param);
			bool required = json_boolean(json_at(about, 0), false);

			params++;
			if (!f)
				fail_msg("%s has no %s", name, param);
			if (required != (!f->dflt && !f->opt))
				fail_msg("%s.%s: required differs", name, param);
			compare_default(name, f, json_at(about, 1));
		}
		/* nothing beyond upstream's and the common ones */
		for (size_t i = 0; i < r->n; i++)
			ours += r->fields[i].ours;
		assert_int_equal(r->n - ours, json_len(want) + json_len(json_get(upstream, "common")));
	}
	assert_int_equal(json_len(ops), OPCODE_COUNT);
	print_message("%zu opcodes, %zu parameters\n", json_len(ops), params);
}

static void same_names(const char *kind, const char *name, const struct record *r, const json *want)
{
	json_items(want, i, arg) {
		char *c_name = arena_strdup(a, json_str(arg));

		if (i >= r->n)
			fail_msg("%s %s lacks argument %s", kind, name, c_name);
		if (strcmp(field_wire(&r->fields[i]), c_name) != 0)
			fail_msg("%s %s: argument %zu is %s, upstream's %s", kind, name, i,
				 field_wire(&r->fields[i]), c_name);
	}
	if (r->n != json_len(want))
		fail_msg("%s %s has %zu arguments, upstream %zu", kind, name, r->n, json_len(want));
}

static void test_rpcs(void **state)
{
	json *all = json_get(upstream, "rpcs");

	(void)state;
	json_each(all, name, want) {
		int rpc = rpc_find(name);

		if (rpc < 0)
			fail_msg("no RPC %s", name);
		if (!is_allowed(arena_printf(a, "rpc %s", name)))
			same_names("rpc", name, rpc_record(rpc), want);
	}
	assert_int_equal(json_len(all), RPC_COUNT);
	print_message("%zu RPCs\n", json_len(all));
}

static void test_luxi(void **state)
{
	json *all = json_get(upstream, "luxi");

	(void)state;
	json_each(all, name, want) {
		int m = luxi_find(name);

		if (m < 0)
			fail_msg("no luxi method %s", name);
		same_names("luxi", name, luxi_record(m), want);
	}
	assert_int_equal(json_len(all), LUXI_COUNT);
	print_message("%zu luxi methods\n", json_len(all));
}

static void test_rapi(void **state)
{
	json *all = json_get(upstream, "rapi");
	struct strs want = json_strs(a, all), have = { 0 };
	size_t n;
	const struct rapi_row *rows = rapi_rows(&n);

	(void)state;
	for (size_t i = 0; i < n; i++)
		strs_add(a, &have, arena_printf(a, "%s %s", rows[i].method, rows[i].path));
	strs_sort(&have);
	strs_sort(&want);
	for (size_t i = 0; i < want.n; i++)
		if (!strs_has(&have, want.v[i]))
			fail_msg("no %s", want.v[i]);
	assert_int_equal(have.n, want.n);
	print_message("%zu methods of REST resources\n", have.n);
}

static void test_hypervisors(void **state)
{
	json *all = json_get(upstream, "hypervisors");
	static const struct {
		const char *upstream;
		const struct type *ours;
	} types[] = {
		{ "bool", &type_bool }, { "string", &type_str }, { "int", &type_int },
		{ "maybe-string", &type_maybestr }, { "size", &type_size_mib },
		{ "float", &type_num },
	};

	(void)state;
	json_each(all, hv, params) {
		int v = enum_value(&enum_hypervisor, hv);
		const struct record *r;

		assert_true(v >= 0);
		r = hvparams_record(v);
		json_each(params, name, about) {
			const struct field *f = record_field(r, name);

			if (!f)
				fail_msg("%s has no %s", hv, name);
			for (size_t i = 0; i < ARRAY_SIZE(types); i++)
				if (str_eq(json_str(json_at(about, 0)), types[i].upstream) &&
				    f->type != types[i].ours)
					fail_msg("%s.%s is a %s", hv, name, f->type->name);
			compare_default(hv, f, json_at(about, 1));
		}
		for (size_t i = 0; i < r->n; i++)
			if (!r->fields[i].ours && !json_has(params, field_wire(&r->fields[i])))
				fail_msg("%s.%s is not upstream's", hv, field_wire(&r->fields[i]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_opcodes), cmocka_unit_test(test_rpcs),
		cmocka_unit_test(test_luxi),	cmocka_unit_test(test_rapi),
		cmocka_unit_test(test_hypervisors),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
