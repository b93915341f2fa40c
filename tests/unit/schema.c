#include "tests/unit/unit.h"

#include "src/schema/schema.h"

#include <ctype.h>

/* Each row's default must pass the row's own type and check; docs must be present. */
static void check_record(const struct record *r)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct err e CLEANUP(err_clear) = ERR_NONE;

	assert_true(r->ready);
	if (!r->doc || !*r->doc)
		fail_msg("%s has no doc", r->id);
	for (size_t i = 0; i < r->n; i++) {
		const struct field *f = &r->fields[i];
		json *d CLEANUP(json_putp) = NULL;
		char buf[512] = { 0 };

		if (!f->doc || !isupper((unsigned char)f->doc[0]) || str_ends(f->doc, "."))
			if (!f->doc || !isdigit((unsigned char)f->doc[0]))
				fail_msg("%s.%s: doc '%s'", r->id, f->name, f->doc);
		if (record_field(r, field_wire(f)) != f)
			fail_msg("%s.%s twice", r->id, f->name);
		if (!f->dflt)
			continue;
		assert_ok(json_parse(f->dflt, strlen(f->dflt), &d, &e), &e);
		assert_true(f->type->size <= sizeof(buf));
		if (d && (f->type->parse(f->type, a, d, buf, &e) < 0 ||
			  (f->check && f->check(d, &e) < 0)))
			fail_msg("%s.%s default: %s", r->id, f->name, err_msg(&e));
	}
}

/* A name in other letters tells nobody anything. */
static void check_wording(const struct field *f)
{
	size_t i = 0;

	while (f->name[i] && (tolower((unsigned char)f->doc[i]) == f->name[i] ||
			      (f->name[i] == '_' && f->doc[i] == ' ')))
		i++;
	if (!f->name[i] && !f->doc[i])
		fail_msg("the doc of %s only repeats its name", f->name);
}

static void check_words(const struct record *r)
{
	for (size_t i = 0; i < r->n; i++)
		check_wording(&r->fields[i]);
}

static void check_enum(const struct enum_def *d)
{
	if (!d->doc || !*d->doc || str_ends(d->doc, "."))
		fail_msg("enumeration %s: doc '%s'", d->id, d->doc);
	for (size_t i = 0; i < d->n; i++) {
		const char *doc = d->items[i].doc;

		if (!doc || !isalpha((unsigned char)doc[0]) || islower((unsigned char)doc[0]) ||
		    str_ends(doc, "."))
			fail_msg("%s %s: doc '%s'", d->id, d->items[i].name, doc);
	}
}

static void test_wording(void **state)
{
	(void)state;
#define ENUM(id, ...) check_enum(&enum_##id);
#define ITEM(id, suffix, wire, doc)
#define END_ENUM(id)
#include "src/schema/enums.def"
#undef ENUM
#undef ITEM
#undef END_ENUM
	for (size_t h = 0; h < enum_hypervisor.n; h++)
		check_words(hvparams_record((int)h));
	for (int i = 0; i < OPCODE_COUNT; i++)
		check_words(opcode_record(i));
	for (int i = 0; i < LUXI_COUNT; i++)
		check_words(luxi_record(i));
}

static void test_rows(void **state)
{
	(void)state;
	for (int i = 0; i < OPCODE_COUNT; i++) {
		const struct opcode_attr *attr = opcode_attr(i);

		check_record(opcode_record(i));
		if (attr->dsc)
			assert_non_null(record_field(opcode_record(i), attr->dsc));
	}
	for (int i = 0; i < RPC_COUNT; i++)
		check_record(rpc_record(i));
	for (int i = 0; i < LUXI_COUNT; i++)
		check_record(luxi_record(i));
	for (size_t i = 0; i < enum_hypervisor.n; i++)
		check_record(hvparams_record((int)i));
	for (size_t i = 0; i < enum_disk_template.n; i++)
		check_record(diskparams_record((int)i));
	check_record(rec_cluster());
	check_record(rec_instance());
	check_record(rec_node());
	check_record(rec_nodegroup());
	check_record(rec_disk());
	check_record(rec_network());
	check_record(rec_filter());
	for (const struct key_set *k = keys_idisk; k->record; k++)
		check_record(k->record());
	for (const struct key_set *k = keys_inic; k->record; k++)
		check_record(k->record());
}

static void test_opcode(void **state)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *in CLEANUP(json_putp) = json_pack("{s:s, s:s, s:b}", "OP_ID", "OP_INSTANCE_STARTUP",
						"instance_name", "inst1", "force", 1);
	enum opcode op;
	void *p;
	struct op_instance_startup *su;
	json *out CLEANUP(json_putp) = NULL;

	(void)state;
	assert_ok(opcode_parse(a, in, &op, &p, &e), &e);
	assert_int_equal(op, OP_instance_startup);
	su = p;
	assert_string_equal(su->instance_name, "inst1");
	assert_true(su->force);
	assert_int_equal(((struct op_common *)p)->priority, 0);
	assert_string_equal(opcode_summary(a, in), "INSTANCE_STARTUP(inst1)");
	out = opcode_emit(op, p, false);
	assert_true(json_has(out, "startup_paused"));
	json_del(in, "instance_name");
	assert_int_equal(opcode_parse(a, in, &op, &p, &e), -1);
	assert_string_equal(err_msg(&e),
			    "Required parameter 'OP_INSTANCE_STARTUP.instance_name' missing");
	assert_string_equal(e.cls, "OpPrereqError");
	assert_string_equal(e.code, "wrong_input");
	json_set(in, "nonsense", json_new_int(1));
	assert_int_equal(opcode_parse(a, in, &op, &p, &e), -1);
}

static void test_fill(void **state)
{
	struct beparams over = { .maxmem = 512, .has_maxmem = true }, base;
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *d CLEANUP(json_putp) = record_defaults(rec_beparams());
	json *in CLEANUP(json_putp) = json_pack("{s:s, s:s}", "maxmem", "1g", "vcpus", "default");
	json *c CLEANUP(json_putp) = NULL;
	static const char *const allowed[] = { "default", NULL };

	(void)state;
	assert_ok(record_parse(rec_beparams(), a, d, &base, 0, NULL, &e), &e);
	record_fill(rec_beparams(), &over, &base);
	assert_int_equal(over.maxmem, 512);
	assert_int_equal(over.minmem, 128);
	assert_ok(record_coerce(rec_beparams(), in, allowed, &c, &e), &e);
	assert_int_equal(json_get_int(c, "maxmem", 0), 1024);
	assert_string_equal(json_get_str(c, "vcpus"), "default");
	json_set(in, "vcpus", json_new_str("x"));
	assert_int_equal(record_coerce(rec_beparams(), in, allowed, &c, &e), -1);
	assert_string_equal(err_msg(&e), "'vcpus' (value x) is not a valid integer");
}

/* Parameters of an object that were never given must stay so: the cluster's apply then. */
static void test_partial(void **state)
{
	static const char text[] = "{\"beparams\":{\"vcpus\":2},\"nics\":[{\"mac\":\"m\",\"nicparams\":{},"
				   "\"uuid\":\"u\"}]}";
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *in CLEANUP(json_putp) = NULL, *out CLEANUP(json_putp) = NULL;
	struct instance i;

	(void)state;
	assert_ok(json_parse(text, strlen(text), &in, &e), &e);
	assert_ok(record_parse(rec_instance(), a, in, &i, REC_NO_DEFAULTS, NULL, &e), &e);
	assert_true(i.beparams.has_vcpus);
	assert_false(i.beparams.has_maxmem);
	assert_false(i.nics.v[0].nicparams.has_link);
	out = record_emit(rec_instance(), &i, 0);
	assert_true(json_equal(in, out));
}

/* A compact copy says the same, also after what it was made from is gone; what copies have in common is shared. */
static void test_compact(void **state)
{
	static const char text[] = "{\"name\":\"i\",\"os\":\"noop+x\",\"hvparams\":{\"a\":1,\"b\":[]},"
				   "\"beparams\":{\"vcpus\":2},\"osparams\":{},\"disks\":[\"d1\",\"d2\"],"
				   "\"nics\":[{\"mac\":\"m\",\"nicparams\":{\"link\":\"br0\"},\"uuid\":\"u\"}]}";
	struct arena *a = arena_new(), *tmp = arena_new();
	struct compact *c = compact_new();
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *in CLEANUP(json_putp) = NULL;
	struct instance i, *copy[2];

	(void)state;
	assert_ok(json_parse(text, strlen(text), &in, &e), &e);
	assert_ok(record_parse(rec_instance(), tmp, in, &i, REC_NO_DEFAULTS, NULL, &e), &e);
	for (int k = 0; k < 2; k++)
		copy[k] = compact_record(c, rec_instance(), a, &i);
	arena_free(tmp);
	for (int k = 0; k < 2; k++) {
		json *out CLEANUP(json_putp) = record_emit(rec_instance(), copy[k], 0);

		assert_true(json_equal(in, out));
	}
	assert_ptr_equal(copy[0]->os, copy[1]->os);
	assert_ptr_equal(copy[0]->hvparams, copy[1]->hvparams);
	assert_ptr_not_equal(copy[0]->nics.v, copy[1]->nics.v);
	arena_free(a);
	compact_free(c);
}

/* Numbers read from a text are what the C library makes of them, to the last bit. */
static void test_scan_float(void **state)
{
	static const char *const some[] = { "0.0", "-0.0", "0.1", "-0.3", "1795978680.5465424", "9007199254740993.0",
					    "9007199254740992.5", "123456789012345678.5", "1234567890123456789.5",
					    "0.000000001", "0.0000000001", "999999999999999999.0", "4503599627370497.5",
					    "9007199254740995.000000001", "18446744073709551617.5" };
	uint64_t rng = 42;

	(void)state;
	for (size_t i = 0; i < 20000; i++) {
		struct arena *a CLEANUP(arena_freep) = arena_new();
		char text[64], *record;
		struct disk d = { .ctime = 0 };
		double expected;

		rng = rng * 6364136223846793005u + 1442695040888963407u;
		if (i < ARRAY_SIZE(some))
			snprintf(text, sizeof(text), "%s", some[i]);
		else
			snprintf(text, sizeof(text), "%llu.%0*llu", (unsigned long long)(rng >> (i % 60 + 4)),
				 (int)(i % 11 + 1), (unsigned long long)(rng >> 20) % 10000000000u);
		expected = strtod(text, NULL);
		record = arena_printf(a, "{\"dev_type\":\"file\",\"logical_id\":[],\"size\":1,\"uuid\":\"u\","
				      "\"serial_no\":1,\"ctime\":%s}", text);
		assert_true(record_scan(rec_disk(), a, NULL, record, strlen(record), &d));
		if (memcmp(&d.ctime, &expected, sizeof(expected)) != 0)
			fail_msg("%s: %.20g, not %.20g", text, d.ctime, expected);
	}
}

/* What is read to be kept says what the parser says; what was said before is shared with that. */
static void test_compact_scan(void **state)
{
	static const char text[] = "{\"name\":\"node1\",\"primary_ip\":\"192.0.2.1\",\"secondary_ip\":\"192.0.2.1\","
				   "\"group\":\"g\",\"offline\":false,\"drained\":false,"
				   "\"master_candidate\":true,\"serial_no\":1,\"ndparams\":{\"ssh_port\":23},\"hv_state_static\":{\"x\":[1]},"
				   "\"uuid\":\"u\",\"tags\":[\"a\",\"b\"]}";
	struct arena *a = arena_new();
	struct compact *c = compact_new();
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *in CLEANUP(json_putp) = NULL;
	struct node parsed, n[2];
	const char *expected;

	(void)state;
	assert_ok(json_parse(text, strlen(text), &in, &e), &e);
	assert_ok(record_parse(rec_node(), a, in, &parsed, 0, NULL, &e), &e);
	expected = json_dump_in(a, json_own(a, record_emit(rec_node(), &parsed, 0)));
	for (int k = 0; k < 2; k++) {
		assert_true(record_scan(rec_node(), a, c, text, strlen(text), &n[k]));
		assert_string_equal(json_dump_in(a, json_own(a, record_emit(rec_node(), &n[k], 0))), expected);
	}
	assert_ptr_equal(n[0].group, n[1].group);
	assert_ptr_equal(n[0].tags.v[1], n[1].tags.v[1]);
	assert_ptr_equal(n[0].hv_state_static, n[1].hv_state_static);
	assert_false(record_scan(rec_node(), a, c, "{\"name\":\"node2\"}", 16, &n[0])); /* others must be given */
	arena_free(a);
	compact_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_partial), cmocka_unit_test(test_compact), cmocka_unit_test(test_compact_scan), cmocka_unit_test(test_scan_float),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_wording),
		cmocka_unit_test(test_opcode),
		cmocka_unit_test(test_fill),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
