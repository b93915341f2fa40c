#include "tests/unit/vroot.h"

#include "src/rpc/rpc.h"

static const char *encoded(struct arena *a, json *args)
{
	return json_dump_in(a, json_own(a, args));
}

static void test_encode(void **state)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();

	(void)state;
	assert_string_equal(encoded(a, RPC_ARGS(version)), "[]");
	assert_string_equal(encoded(a, RPC_ARGS(instance_info, .instance = "i1",
						.hname = hypervisor_fake)),
			    "[\"i1\",\"fake\",null]");
	/* the first item of an enumeration is zero, too */
	assert_string_equal(encoded(a, RPC_ARGS(instance_info, .instance = "i1")),
			    "[\"i1\",\"xen-pvm\",null]");
	/* required numbers and booleans are sent, optional numbers only when set */
	assert_string_equal(encoded(a, RPC_ARGS(instance_os_add)), "[{},false,0]");
	assert_string_equal(encoded(a, RPC_ARGS(blockdev_create)), "[{},null,null,false,null,false]");
	assert_string_equal(encoded(a, RPC_ARGS(blockdev_create, .has_size = true, .owner = "o")),
			    "[{},0,\"o\",false,null,false]");
	assert_string_equal(encoded(a, RPC_ARGS(test_delay, .duration = 0.5)), "[0.5]");
	assert_string_equal(encoded(a, RPC_ARGS(bridges_exist)), "[[]]");
}

static void check_decode(const char *body, bool ok, const char *want)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *j = NULL;

	assert_int_equal(rpc_decode(body, strlen(body), &j, &e), ok ? 0 : -1);
	if (ok)
		assert_string_equal(json_dump_in(a, json_own(a, j)), want);
	else
		assert_string_equal(err_msg(&e), want);
}

static void test_decode(void **state)
{
	(void)state;
	check_decode("[true, {\"a\": 1}]", true, "{\"a\":1}");
	check_decode("[true, null]", true, "null");
	check_decode("[false, \"No exports directory\"]", false, "No exports directory");
	check_decode("[false, null]", false, "No error information");
	check_decode("[false, \"\"]", false, "No error information");
	check_decode("[false, [\"a\", \"b\"]]", false, "[\"a\",\"b\"]");
	check_decode("{}", false, "RPC layer error: invalid result type (<class 'dict'>)");
	check_decode("\"x\"", false, "RPC layer error: invalid result type (<class 'str'>)");
	check_decode("null", false, "RPC layer error: invalid result type (<class 'NoneType'>)");
	check_decode("[true]", false, "RPC layer error: invalid result length (1), expected 2");
	check_decode("[1, 2, 3]", false, "RPC layer error: invalid result length (3), expected 2");
}

static void test_limit(void **state)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();

	(void)state;
	assert_float_equal(rpc_limit(RPC_version, NULL), 60, 0);
	assert_float_equal(rpc_limit(RPC_test_delay,
				     json_own(a, RPC_ARGS(test_delay, .duration = 2.5))),
			   7.5, 0);
	assert_float_equal(rpc_limit(RPC_instance_shutdown,
				     json_own(a, RPC_ARGS(instance_shutdown, .timeout = 120))),
			   900, 0);
	assert_float_equal(rpc_limit(RPC_instance_shutdown,
				     json_own(a, RPC_ARGS(instance_shutdown, .timeout = 2000))),
			   2060, 0);
}

static void check_blob(const void *data, size_t n, int encoding)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *blob = json_own(a, rpc_blob(data, n));
	const void *back;
	size_t len;

	assert_int_equal(json_int(json_at(blob, 0), -1), encoding);
	assert_ok(rpc_blob_data(a, blob, n, &back, &len, &e), &e);
	assert_int_equal(len, n);
	assert_memory_equal(back, data, n);
	if (n)
		assert_int_equal(rpc_blob_data(a, blob, n - 1, &back, &len, &e), -1);
}

static void test_blob(void **state)
{
	char text[5000];
	struct arena *a CLEANUP(arena_freep) = arena_new();
	static const char *const bad[] = { "[1, \"!!!\"]", "[1, \"AAAA\"]", "[2, \"x\"]", "[0]",
					   "[0, 1]",	   "{}",	    "[\"0\", \"x\"]", "null" };

	(void)state;
	check_blob("", 0, 0);
	check_blob("short text\n", 11, 0);
	check_blob("nul\0inside", 10, 0);
	check_blob("\xff\xfe", 2, 1); /* not text: only the encoded form can carry it */
	memset(text, 'x', sizeof(text));
	check_blob(text, 511, 0);
	check_blob(text, 512, 1);
	check_blob(text, sizeof(text), 1);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const void *data;
		json *j = NULL;
		size_t n;

		assert_int_equal(json_parse(bad[i], strlen(bad[i]), &j, NULL), 0);
		if (rpc_blob_data(a, json_own(a, j), 1 << 20, &data, &n, NULL) == 0)
			fail_msg("accepted: %s", bad[i]);
	}
}

/* A megabyte of zeros are a few kilobytes on the wire; the limit holds for what comes out. */
static void test_bomb(void **state)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	char *zeros = arena_alloc(a, 1 << 20);
	json *blob = json_own(a, rpc_blob(zeros, 1 << 20));
	const void *data;
	size_t n;

	(void)state;
	assert_true(json_str_len(json_at(blob, 1)) < 16384);
	assert_int_equal(rpc_blob_data(a, blob, (1 << 20) - 1, &data, &n, NULL), -1);
	assert_int_equal(rpc_blob_data(a, blob, 1 << 20, &data, &n, NULL), 0);
}

static void test_file(void **state)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct err e CLEANUP(err_clear) = ERR_NONE;
	const char *path = path_of(PATH_CONFD_HMAC_KEY);
	json *j = NULL;

	(void)state;
	assert_int_equal(rpc_file(a, path, &j, &e), -1);
	vroot_write(path, "secret\n", 0440);
	assert_ok(rpc_file(a, path, &j, &e), &e);
	json_own(a, j);
	assert_int_equal(json_len(j), 7);
	assert_string_equal(json_str(json_at(j, 0)), env_strip_root(a, path));
	assert_string_equal(json_dump_in(a, json_at(j, 1)), "[0,\"secret\\n\"]");
	assert_int_equal(json_int(json_at(j, 2), 0), 0100440);
	assert_true(json_float(json_at(j, 6), 0) > 1e9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encode), cmocka_unit_test(test_decode),
		cmocka_unit_test(test_limit),  cmocka_unit_test(test_blob),
		cmocka_unit_test(test_bomb),   cmocka_unit_test(test_file),
	};
	return cmocka_run_group_tests(tests, vroot_setup, vroot_teardown);
}
