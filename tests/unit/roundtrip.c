/*
 * Random records of every kind: what is emitted parses, and emits the same again. The seed is
 * printed; ROUNDTRIP_SEED repeats a run.
 */
#include "tests/unit/unit.h"

#include "src/schema/schema.h"

#include <time.h>

#define ROUNDS 40

static uint64_t rng;

static uint64_t next(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng;
}

static int64_t below(int64_t n)
{
	return (int64_t)(next() % (uint64_t)n);
}

static bool plain; /* only what record_scan() does not leave to others */

static int64_t random_int(int64_t limit)
{
	return below(plain ? 1000000 : limit);
}

static json *random_text(void)
{
	static const char *const some[] = { "x", "inst1.example.com", "a b", "/srv/ganeti/x", "0", "none",
					    "\"quoted\"", "\xc3\xa4\xe2\x82\xac" };

	return json_new_str(some[below(plain ? 6 : ARRAY_SIZE(some))]);
}

static json *random_any(int depth)
{
	json *j;

	switch (below(depth > 2 ? 5 : 7)) {
	case 0:
		return json_new_bool(below(2));
	case 1:
		return json_new_int(plain ? random_int(0) : (int64_t)next());
	case 2:
		return plain ? json_new_int(0) : json_new_float((double)below(1000000) / 8);
	case 3:
		return NULL;
	case 4:
		return random_text();
	case 5:
		j = json_new_array();
		for (int64_t n = below(3); n > 0; n--)
			json_append(j, random_any(depth + 1));
		return j;
	default:
		j = json_new_dict();
		for (int64_t n = below(3); n > 0; n--) {
			char key[8];

			snprintf(key, sizeof(key), "k%d", (int)below(100));
			json_set(j, key, random_any(depth + 1));
		}
		return j;
	}
}

static json *random_record(const struct record *r);

static json *random_value(const struct type *t)
{
	json *j;

	if (t->items)
		return json_new_str(t->items->items[below((int64_t)t->items->n)].name);
	if (t == &type_bool)
		return json_new_bool(below(2));
	if (t == &type_int)
		return json_new_int(plain ? -random_int(0) : (int64_t)next());
	if (t == &type_uint || t == &type_size_mib)
		return json_new_int(random_int(INT64_MAX));
	if (t == &type_pint)
		return json_new_int(1 + below(1000));
	if (t == &type_num) {
		int64_t n = below(1000000);

		return n % 16 ? json_new_float((double)n / 16) : json_new_int(n / 16);
	}
	if (t == &type_str || t == &type_nestr || t == &type_maybestr)
		return random_text();
	if (t == &type_strs) {
		j = json_new_array();
		for (int64_t n = below(4); n > 0; n--)
			json_append(j, random_text());
		return j;
	}
	if (t == &type_any) {
		j = random_any(0);
		return j ? j : json_new_int(0);
	}
	if (t == &type_dict) {
		j = json_new_dict();
		for (int64_t n = below(3); n > 0; n--)
			json_set(j, n == 1 ? "one" : "more", random_any(1));
		return j;
	}
	if (t == &type_list) {
		j = json_new_array();
		for (int64_t n = below(3); n > 0; n--)
			json_append(j, random_any(1));
		return j;
	}
	assert_non_null(t->record);
	if (t->size == t->record()->size && strncmp(t->name, "list of", 7) != 0)
		return random_record(t->record());
	j = json_new_array();
	for (int64_t n = below(3); n > 0; n--)
		json_append(j, random_record(t->record()));
	return j;
}

/* Values that a row's check refuses are left to the default, or tried again where there is none. */
static json *random_field(const struct field *f)
{
	for (int tries = 0; tries < 20; tries++) {
		json *v = random_value(f->type);

		if (!f->check || f->check(v, NULL) == 0)
			return v;
		json_put(v);
	}
	return NULL;
}

static json *random_record(const struct record *r)
{
	json *j = json_new_dict();

	for (size_t i = 0; i < r->n; i++) {
		const struct field *f = &r->fields[i];
		bool needed = !f->opt && !f->dflt;
		json *v;

		if (f->no_emit || (!needed && below(3) == 0))
			continue;
		v = random_field(f);
		if (v)
			json_set(j, field_wire(f), v);
	}
	return j;
}

static size_t scanned, not_scanned;
static struct compact *compact; /* shares what texts of all rounds have in common */
static struct arena *kept;

/* What is read straight from the text is the same, or it is said that it can't be. C: NULL, or read into KEPT. */
static void same_scanned(const struct record *r, const char *text, struct compact *c)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	void *x = arena_alloc(a, r->size), *y = arena_alloc(a, r->size);
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *j = NULL;
	bool valid;

	if (!record_scan(r, c ? kept : a, c, text, strlen(text), y)) {
		not_scanned++;
		return;
	}
	scanned++;
	valid = json_parse(text, strlen(text), &j, &e) == 0 &&
		record_parse(r, a, json_own(a, j), x, REC_IGNORE_UNKNOWN, NULL, &e) == 0;
	if (!valid || !str_eq(json_dump_in(a, json_own(a, record_emit(r, x, 0))),
			      json_dump_in(a, json_own(a, record_emit(r, y, 0)))))
		fail_msg("%s: %s\n%s\n%s", r->id, valid ? "differs" : err_msg(&e), text,
			 json_dump_in(a, json_own(a, record_emit(r, y, 0))));
}

static void same_from_text(const struct record *r, const char *text)
{
	same_scanned(r, text, NULL);
	same_scanned(r, text, compact); /* what is new to it */
	same_scanned(r, text, compact); /* what it knows */
}

static void from_text(const struct record *r, const json *j)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	char *text = arena_strdup(a, json_dump_in(a, j));
	size_t n = strlen(text);

	same_from_text(r, text);
	same_from_text(r, json_dump_spaced_in(a, j));
	/* a letter that is another, and a part of it */
	for (int i = 0; n && i < 10; i++) {
		static const char letters[] = "\"\\[]{}:,0-.eE ntf\001\377/x";
		size_t at = (size_t)below((int64_t)n);
		char was = text[at];

		text[at] = letters[below((int64_t)sizeof(letters) - 1)];
		same_from_text(r, text);
		text[at] = was;
		same_from_text(r, arena_strndup(a, text, at));
	}
}

static void round_trip(const struct record *r)
{
	for (int k = 0; k < ROUNDS; k++) {
		struct arena *a CLEANUP(arena_freep) = arena_new();
		struct err e CLEANUP(err_clear) = ERR_NONE;
		json *in = json_own(a, random_record(r)), *first, *second;
		void *x = arena_alloc(a, r->size), *y = arena_alloc(a, r->size);
		const struct field *bad;

		if (record_parse(r, a, in, x, 0, &bad, &e) < 0) {
			if (bad && bad->check)
				continue; /* a required value random text cannot satisfy */
			fail_msg("%s: %s%s%s\n%s", r->id, bad ? field_wire(bad) : "",
				 bad ? ": " : "", err_msg(&e), json_dump_in(a, in));
		}
		from_text(r, in);
		first = json_own(a, record_emit(r, x, 0));
		assert_ok(record_parse(r, a, first, y, 0, &bad, &e), &e);
		second = json_own(a, record_emit(r, y, 0));
		if (!json_equal(first, second))
			fail_msg("%s:\n%s\n%s", r->id, json_dump_in(a, first),
				 json_dump_in(a, second));
		json_each(in, key, v)
			if (v && !json_equal(json_get(first, key), v) &&
			    !record_field(r, key)->type->record)
				fail_msg("%s.%s: %s became %s", r->id, key, json_dump_in(a, v),
					 json_dump_in(a, json_get(first, key)));
	}
}

static void test_objects(void **state)
{
	(void)state;
	round_trip(rec_cluster());
	round_trip(rec_node());
	round_trip(rec_nodegroup());
	round_trip(rec_instance());
	round_trip(rec_disk());
	round_trip(rec_nic());
	round_trip(rec_network());
	round_trip(rec_filter());
	round_trip(rec_ipolicy());
}

static void test_text(void **state)
{
	static const char disk[] = "{\"dev_type\":\"file\",\"size\":1,\"uuid\":\"u\",\"size\":2,\"iv_name\":null}";

	scanned = not_scanned = 0;
	plain = true;
	test_objects(state);
	plain = false;
	/* of each record two are as they should be, some twenty are broken */
	assert_in_range(scanned, (scanned + not_scanned) / 12, scanned + not_scanned);
	same_from_text(rec_disk(), disk);
	same_from_text(rec_disk(), "{\"size\":1,\"size\":null}");
	same_from_text(rec_disk(), "{\"dev_type\":\"file\",\"size\":-1}");
	same_from_text(rec_disk(), "{\"mode\":\"\\u0000\"}");
	same_from_text(rec_disk(), "");
	same_from_text(rec_disk(), "{}x");
	same_from_text(rec_disk(), "[]");
}

static void test_hvparams(void **state)
{
	(void)state;
	for (size_t i = 0; i < enum_hypervisor.n; i++)
		round_trip(hvparams_record((int)i));
}

static void test_opcodes(void **state)
{
	(void)state;
	for (int i = 0; i < OPCODE_COUNT; i++)
		round_trip(opcode_record(i));
}

static void test_arguments(void **state)
{
	(void)state;
	for (int i = 0; i < RPC_COUNT; i++)
		round_trip(rpc_record(i));
	for (int i = 0; i < LUXI_COUNT; i++)
		round_trip(luxi_record(i));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_objects),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_hvparams),
		cmocka_unit_test(test_opcodes),
		cmocka_unit_test(test_arguments),
	};
	const char *seed = getenv("ROUNDTRIP_SEED");
	int rc;

	rng = seed ? strtoull(seed, NULL, 10) : (uint64_t)time(NULL) * 2654435761u + 1;
	print_message("ROUNDTRIP_SEED=%llu\n", (unsigned long long)rng);
	kept = arena_new();
	compact = compact_new();
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	arena_free(kept);
	compact_free(compact);
	return rc;
}
