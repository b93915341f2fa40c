/* Reading the store: import and export of upstream's files, snapshots, ssconf, verification. */
#include "tests/unit/unit.h"

#include <unistd.h>

#include "lib/base/map.h"
#include "src/env/env.h"
#include "tests/harness/confkit.h"

static json *load(struct arena *a, const char *name)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	const char *path = arena_printf(a, "%s/%s", TEST_DATA "/config", name);
	char *text CLEANUP(freep) = NULL;
	json *j = NULL;
	size_t n;

	if (fs_read(path, 1 << 20, &text, &n) < 0)
		fail_msg("can't read %s", path);
	assert_ok(json_parse(text, n, &j, &e), &e);
	return json_own(a, j);
}

/* Upstream's first file is written before its empty lists and the like are filled in. */
static bool may_lack_empty;

static bool empty(const json *v)
{
	return !json_len(v) && !json_str(v) && !json_is(v, JSON_BOOL) && json_float(v, 0) == 0;
}

/* Equal, taking 1 and 1.0 for the same. Says where not. */
static void same(const char *where, const json *x, const json *y)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	enum json_kind k = json_kind(x), m = json_kind(y);

	if ((k == JSON_INT || k == JSON_FLOAT) && (m == JSON_INT || m == JSON_FLOAT)) {
		if (json_float(x, 0) != json_float(y, 1))
			fail_msg("%s: %.17g is not %.17g", where, json_float(x, 0),
				 json_float(y, 1));
		return;
	}
	if (k != m)
		fail_msg("%s: %s is not %s", where, json_kind_name(x), json_kind_name(y));
	if (k == JSON_DICT) {
		json_each(x, key, v) {
			if (!json_has(y, key))
				fail_msg("%s: '%s' is missing", where, key);
			same(arena_printf(a, "%s.%s", where, key), v, json_get(y, key));
		}
		json_each(y, key, v) {
			if (!json_has(x, key) && !(may_lack_empty && empty(v)))
				fail_msg("%s: '%s' should not be there", where, key);
		}
	} else if (k == JSON_ARRAY) {
		if (json_len(x) != json_len(y))
			fail_msg("%s: lengths differ", where);
		json_items(x, i, v)
			same(arena_printf(a, "%s[%zu]", where, i), v, json_at(y, i));
	} else if (!json_equal(x, y)) {
		fail_msg("%s: %s is not %s", where, json_dump_in(a, x), json_dump_in(a, y));
	}
}

static void round_trip(const char *name, json *(*expected)(json *in))
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *in = load(a, name), *out = NULL;
	struct confkit k;
	struct snapshot *s;
	struct strs errs;

	confkit_from(&k, in);
	may_lack_empty = strstr(name, "-init") != NULL;
	assert_ok(snapshot_open(k.c, &s, &e), &e);
	assert_ok(config_export(s, &out, &e), &e);
	json_own(a, out);
	same(name, expected ? expected(in) : in, out);
	assert_ok(config_verify(s, a, &errs, &e), &e);
	for (size_t i = 0; i < errs.n; i++)
		fail_msg("%s: %s", name, errs.v[i]);
	snapshot_free(s);
	confkit_free(&k);
}

static void test_round_trip(void **state)
{
	static const char *const names[] = { "3.1.0rc2-init.json",  "3.1.0rc2-3nodes.json",
					     "3.1.0rc2-full.json",  "3.1.0rc2-final.json",
					     "3.1.0rc2-kvm.json",   "3.1.0rc2-shared-ext.json" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		round_trip(names[i], NULL);
	print_message("%zu configurations of 3.1\n", ARRAY_SIZE(names));
}

static json *as_3_1(json *in)
{
	json *hv = json_get(json_get(in, "cluster"), "hvparams");

	json_set(in, "version", json_new_int(3010000));
	json_del(json_get(hv, "xen-pvm"), "xen_cmd");
	json_del(json_get(hv, "xen-hvm"), "xen_cmd");
	json_set(json_get(hv, "kvm"), "disk_discard", json_new_str("ignore"));
	return in;
}

static void test_from_3_0(void **state)
{
	static const char *const names[] = { "3.0.2-init.json", "3.0.2-3nodes.json",
					     "3.0.2-full.json", "3.0.2-final.json" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		round_trip(names[i], as_3_1);
	print_message("%zu configurations of 3.0\n", ARRAY_SIZE(names));
}

/* The files of a golden cluster: "== ssconf_name" lines before each. */
static json *golden_ssconf(struct arena *a, const char *name)
{
	char *text CLEANUP(freep) = NULL;
	json *j = json_own(a, json_new_dict());
	struct strs lines, value = { 0 };
	const char *key = NULL;

	if (fs_read(arena_printf(a, TEST_DATA "/config/%s", name), 1 << 20, &text, NULL) < 0)
		fail_msg("can't read %s", name);
	lines = strs_split(a, text, '\n');
	for (size_t i = 0; i < lines.n; i++) {
		if (!str_starts(lines.v[i], "== ssconf_")) {
			if (i + 1 < lines.n)
				strs_add(a, &value, lines.v[i]);
			continue;
		}
		if (key)
			json_set(j, key, json_new_str(strs_join(a, &value, "\n")));
		value = (struct strs){ 0 };
		key = lines.v[i] + strlen("== ssconf_");
	}
	json_set(j, key, json_new_str(strs_join(a, &value, "\n")));
	return j;
}

static void check_ssconf(const char *config, const char *ssconf)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *golden = golden_ssconf(a, ssconf), *out = NULL;
	struct confkit k;
	struct snapshot *s;

	confkit_from(&k, load(a, config));
	assert_ok(snapshot_open(k.c, &s, &e), &e);
	assert_ok(config_ssconf(s, &out, &e), &e);
	json_own(a, out);
	json_set(golden, "release_version", json_new_str(RELEASE_VERSION));
	same(config, golden, out);
	assert_int_equal(json_len(out), SSCONF_COUNT);
	snapshot_free(s);
	confkit_free(&k);
}

static void test_ssconf(void **state)
{
	(void)state;
	check_ssconf("3.1.0rc2-final.json", "3.1.0rc2-ssconf.txt");
}

static void test_find(void **state)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct err e CLEANUP(err_clear) = ERR_NONE;
	const struct instance *i;
	const struct nodegroup *g;
	const struct network *net;
	const struct node *n;
	const struct disk **disks;
	struct snapshot *s;
	struct confkit k;
	struct strs l;
	size_t n_disks;

	(void)state;
	confkit_from(&k, load(a, "3.1.0rc2-final.json"));
	assert_ok(snapshot_open(k.c, &s, &e), &e);
	assert_ok(snap_find_instance(s, "inst2.example.com", &i, &e), &e);
	assert_ok(snap_find_instance(s, "INST2", &i, &e), &e);
	assert_string_equal(i->name, "inst2.example.com");
	assert_ptr_equal(snap_instance(s, i->uuid), i); /* parsed once */
	assert_null(snap_node(s, i->uuid));
	assert_int_equal(snap_find_instance(s, "inst", &i, &e), -1);
	assert_string_equal(err_msg(&e), "Instance 'inst' not known");
	assert_string_equal(e.cls, "OpPrereqError");
	assert_string_equal(e.code, "unknown_entity");
	assert_int_equal(snap_find_node(s, "", &n, &e), -1);
	assert_string_equal(err_msg(&e), "Node '' not known");
	assert_ok(snap_find_node(s, i->primary_node, &n, &e), &e);
	assert_ok(snap_find_group(s, "default", &g, &e), &e);
	assert_int_equal(snap_find_group(s, "defaul", &g, &e), -1);
	assert_string_equal(err_msg(&e), "Node group 'defaul' not found");
	assert_int_equal(snap_find_network(s, "nope", &net, &e), -1);
	assert_string_equal(err_msg(&e), "Network 'nope' not found");

	l = snap_uuids(s, OBJ_INSTANCE);
	assert_int_equal(l.n, 8);
	assert_string_equal(snap_instance(s, l.v[7])->name, "inst20.example.com");
	assert_int_equal(snap_count(s, OBJ_DISK), 7);
	l = snap_node_primaries(s, n->uuid);
	assert_true(strs_has(&l, i->uuid));
	l = snap_group_nodes(s, g->uuid);
	assert_int_equal(l.n, 3);
	assert_ok(snap_instance_disks(s, i, &disks, &n_disks, &e), &e);
	assert_int_equal(n_disks, i->disks.n);
	assert_string_equal(disks[0]->iv_name, "disk/0");
	assert_string_equal(snap_mac_owner(s, i->nics.v[0].mac), i->uuid);
	assert_null(snap_mac_owner(s, "aa:aa:aa:aa:aa:aa"));
	assert_string_equal(json_get_str(snap_json(s, OBJ_INSTANCE, i->uuid), "name"), i->name);
	assert_int_equal(snap_uuids(s, OBJ_FILTER).n, 1);
	assert_non_null(snap_filter(s, snap_uuids(s, OBJ_FILTER).v[0]));
	snapshot_free(s);
	confkit_free(&k);
}

static const char *const broken =
	"{'cluster': {'master_node': '%s', 'candidate_pool_size': 3},"
	" 'nodes': {'%s': {'offline': true}, '%s': {'group': 'nowhere', 'master_candidate': false},"
	" '%s': {'primary_ip': '192.0.2.250', 'secondary_ip': '192.0.2.4'}}}";

static void merge_deep(json *to, const json *from)
{
	json_each(from, key, v) {
		if (json_is(v, JSON_DICT) && json_is(json_get(to, key), JSON_DICT))
			merge_deep(json_get(to, key), v);
		else
			json_set(to, key, json_ref(v));
	}
}

static void expect(const struct strs *errs, const char *text)
{
	if (!strs_has(errs, text)) {
		for (size_t i = 0; i < errs->n; i++)
			print_message("have: %s\n", errs->v[i]);
		fail_msg("missing: %s", text);
	}
}

static void test_verify(void **state)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *data CLEANUP(json_putp) = confkit_data(4);
	struct confkit k, tmp;
	struct snapshot *s;
	struct strs errs;
	json *i1, *i2, *d;

	(void)state;
	confkit_new(&tmp, 1);
	merge_deep(data, confkit_json(&tmp, broken, confkit_node(&tmp, 3), confkit_node(&tmp, 2),
				      confkit_node(&tmp, 3), confkit_node(&tmp, 4)));
	i1 = confkit_instance(&tmp, 1, 1);
	i2 = confkit_instance(&tmp, 2, 7);
	d = confkit_disk(&tmp, 1, 1);
	json_set(d, "iv_name", json_new_str("disk/3"));
	json_set(d, "serial_no", json_new_int(1));
	json_set(i2, "nics", json_ref(json_get(i1, "nics")));
	json_set(i1, "disks", confkit_json(&tmp, "['%s', 'gone']", confkit_uuid(&tmp, 8, 1)));
	json_ref(json_get(i1, "disks"));
	json_set(i1, "serial_no", json_new_int(1));
	json_set(i2, "serial_no", json_new_int(1));
	json_set(i1, "network_port", json_new_int(11005));
	json_set(i2, "network_port", json_new_int(11005));
	json_set(data, "instances",
		 json_pack("{s:O, s:O}", json_get_str(i1, "uuid"), i1, json_get_str(i2, "uuid"), i2));
	json_set(data, "disks", json_pack("{s:O}", json_get_str(d, "uuid"), d));

	confkit_from(&k, data);
	assert_ok(snapshot_open(k.c, &s, &e), &e);
	assert_ok(config_verify(s, k.a, &errs, &e), &e);
	expect(&errs, "Node node2.example.com state is invalid: master_candidate=True, drain=False, "
		      "offline=True");
	expect(&errs, "Node 'node3.example.com' has invalid group 'nowhere'");
	expect(&errs, "Master node is not a master candidate");
	expect(&errs, arena_printf(k.a,
				   "instance 'inst2.example.com' has invalid primary node '%s'",
				   confkit_node(&k, 7)));
	expect(&errs, "Instance 'inst1.example.com' has invalid disk 'gone'");
	expect(&errs, "Instance 'inst1.example.com' has wrongly named disks: name of disk 0 should "
		      "be 'disk/0', but is 'disk/3'");
	expect(&errs, "MAC address aa:00:00:00:00:01 is used by several instances: "
		      "inst1.example.com, inst2.example.com");
	expect(&errs, "tcp/udp port 11005 has duplicates: inst1.example.com/network port, "
		      "inst2.example.com/network port");
	expect(&errs, "Highest used port mismatch, saved 10999, computed 11005");
	expect(&errs, "IP address 192.0.2.250 is used by multiple owners: cluster_ip, "
		      "node:node4.example.com/primary");
	assert_int_equal(errs.n, 10);
	snapshot_free(s);
	confkit_free(&k);
	confkit_free(&tmp);
}

static void test_create_errors(void **state)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *data CLEANUP(json_putp) = confkit_data(1);
	struct confkit k;
	char *path CLEANUP(freep) = NULL;
	json *nodes;
	struct config *c = NULL;

	(void)state;
	confkit_new(&k, 1);
	path = xasprintf("%s/other.db", k.dir);
	assert_int_equal(config_create(k.path, data, &e), -1);
	assert_non_null(strstr(err_msg(&e), "exists already"));
	assert_int_equal(config_open(path, DB_WRITE, &c, &e), -1);
	assert_string_equal(e.cls, "ConfigurationError");

	nodes = json_get(data, "nodes");
	json_set(nodes, "wrong", json_ref(json_get(nodes, confkit_node(&k, 1))));
	assert_int_equal(config_create(path, data, &e), -1);
	assert_int_equal(access(path, F_OK), -1);
	json_del(nodes, "wrong");
	json_set(json_get(nodes, confkit_node(&k, 1)), "offline", json_new_str("x"));
	assert_int_equal(config_create(path, data, &e), -1);
	assert_non_null(strstr(err_msg(&e), "offline"));
	json_set(data, "version", json_new_int(3020000));
	assert_int_equal(config_create(path, data, &e), -1);
	assert_string_equal(e.cls, "ConfigVersionMismatch");
	assert_string_equal(err_msg(&e), "Configuration version 3.2.0 is not supported by this "
					 "version (" RELEASE_VERSION ")");
	confkit_free(&k);
}

static void commit_one(struct confkit *k, const char *action, const char *kind, json *what)
{
	json *changes CLEANUP(json_putp) = json_new_array();
	struct err e CLEANUP(err_clear) = ERR_NONE;

	confkit_change(changes, action, kind, what);
	assert_ok(config_commit(k->c, changes, NULL, NULL, NULL, &e), &e);
}

/* Set the OS of instance I as the master does. */
static void change_os(struct confkit *k, int i, const char *os)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct snapshot *s;
	json *o;

	assert_ok(snapshot_open(k->c, &s, &e), &e);
	o = json_clone(snap_json(s, OBJ_INSTANCE, confkit_uuid(k, 7, i)));
	snapshot_free(s);
	commit_one(k, "update", "instance", json_set(o, "os", json_new_str(os)));
	json_put(o);
}

/* A reader that keeps objects sees every change, and parses nothing else again. */
static void test_kept(void **state)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	const struct instance *first, *second;
	struct snapshot *s, *other;
	struct config *reader;
	struct confkit k;

	(void)state;
	confkit_new(&k, 2);
	commit_one(&k, "add", "instance", confkit_instance(&k, 1, 1));
	commit_one(&k, "add", "instance", confkit_instance(&k, 2, 2));
	assert_ok(config_open(k.path, DB_READ, &reader, &e), &e);
	config_keep_objects(reader, 1000);

	assert_ok(snapshot_open(reader, &s, &e), &e);
	first = snap_instance(s, confkit_uuid(&k, 7, 1));
	second = snap_instance(s, confkit_uuid(&k, 7, 2));
	assert_string_equal(first->os, "noop");
	change_os(&k, 1, "tiny");
	/* one state until it is freed, while a new one shows the change */
	assert_ptr_equal(snap_instance(s, confkit_uuid(&k, 7, 1)), first);
	assert_ok(snapshot_open(reader, &other, &e), &e);
	assert_string_equal(snap_instance(other, confkit_uuid(&k, 7, 1))->os, "tiny");
	snapshot_free(other);
	snapshot_free(s);

	assert_ok(snapshot_open(reader, &s, &e), &e);
	assert_string_equal(snap_instance(s, confkit_uuid(&k, 7, 1))->os, "tiny");
	assert_ptr_equal(snap_instance(s, confkit_uuid(&k, 7, 2)), second);
	assert_null(snap_node(s, confkit_uuid(&k, 7, 2))); /* that is an instance */
	snapshot_free(s);

	commit_one(&k, "remove", "instance", json_own(k.a, json_new_str(confkit_uuid(&k, 7, 2))));
	assert_ok(snapshot_open(reader, &s, &e), &e);
	assert_null(snap_instance(s, confkit_uuid(&k, 7, 2)));
	snapshot_free(s);

	/* nobody knows any more what changed */
	change_os(&k, 1, "noop");
	assert_ok(db_exec(config_db(k.c), &e, "DELETE FROM change", ""), &e);
	assert_ok(db_exec(config_db(k.c), &e,
			  "UPDATE meta SET value = (SELECT value + 1 FROM meta WHERE key = 'serial')"
			  " WHERE key = 'changes_from'", ""), &e);
	assert_ok(snapshot_open(reader, &s, &e), &e);
	assert_string_equal(snap_instance(s, confkit_uuid(&k, 7, 1))->os, "noop");
	snapshot_free(s);
	config_close(reader);
	confkit_free(&k);
}

/* Could all of the log be written back to the database? */
static bool log_is_free(struct confkit *k)
{
	struct db_stmt *st CLEANUP(db_finish) = NULL;
	struct err e CLEANUP(err_clear) = ERR_NONE;

	assert_ok(db_query(config_db(k->c), &st, &e, "PRAGMA wal_checkpoint(PASSIVE)", ""), &e);
	assert_int_equal(db_step(st, &e), 1);
	return db_int(st, 1) == db_int(st, 2);
}

/* While a snapshot rests, the database's log does not grow behind it. */
static void test_rest(void **state)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	const struct instance *first;
	struct config *reader;
	struct snapshot *s;
	struct confkit k;

	(void)state;
	confkit_new(&k, 2);
	commit_one(&k, "add", "instance", confkit_instance(&k, 1, 1));
	commit_one(&k, "add", "instance", confkit_instance(&k, 2, 2));
	assert_ok(config_open(k.path, DB_READ, &reader, &e), &e);
	snapshot_rest(NULL, 0);
	assert_ok(snapshot_open(reader, &s, &e), &e);
	first = snap_instance(s, confkit_uuid(&k, 7, 1));
	change_os(&k, 1, "tiny");
	assert_false(log_is_free(&k));
	snapshot_rest(s, 3600); /* is not that old */
	assert_false(log_is_free(&k));
	snapshot_rest(s, 0);
	snapshot_rest(s, 0);
	assert_true(log_is_free(&k));
	change_os(&k, 2, "tiny");
	assert_true(log_is_free(&k));
	/* what was read stays, what was not is as it is now */
	assert_ptr_equal(snap_instance(s, confkit_uuid(&k, 7, 1)), first);
	assert_string_equal(first->os, "noop");
	assert_string_equal(snap_instance(s, confkit_uuid(&k, 7, 2))->os, "tiny");
	assert_false(snapshot_current(s));
	change_os(&k, 2, "noop");
	assert_false(log_is_free(&k)); /* it has looked again */
	snapshot_rest(s, 0);
	assert_false(snapshot_current(s));
	snapshot_free(s);

	/* nothing has changed meanwhile: the same state as before */
	assert_ok(snapshot_open(reader, &s, &e), &e);
	snapshot_rest(s, 0);
	assert_true(snapshot_current(s));
	change_os(&k, 1, "noop");
	assert_string_equal(snap_instance(s, confkit_uuid(&k, 7, 1))->os, "tiny");
	assert_false(snapshot_current(s));
	snapshot_rest(s, 0); /* and freed in its sleep */
	snapshot_free(s);
	config_close(reader);
	confkit_free(&k);
}

/* The counts of all nodes are those of the lists of each. */
static void test_counts(void **state)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct snapshot *s;
	struct confkit k;

	(void)state;
	confkit_new(&k, 5);
	for (int i = 1; i <= 12; i++) { /* on 1 to 4, with up to three disks, mirrored to the next but for every third */
		json *inst = confkit_instance(&k, i, 1 + i % 4);

		for (int d = 0; d < i % 4; d++) {
			json *disk = confkit_disk(&k, 4 * i + d, 1 + i % 4);

			json_set(disk, "nodes",
				 i % 3 ? json_pack("[s, s]", confkit_node(&k, 1 + i % 4),
						   confkit_node(&k, 1 + (i + 1 + d / 2) % 4)) :
					 json_pack("[s]", confkit_node(&k, 1 + i % 4)));
			json_append(json_get(inst, "disks"), json_new_str(confkit_uuid(&k, 8, 4 * i + d)));
			commit_one(&k, "add", "disk", disk);
		}
		commit_one(&k, "add", "instance", inst);
	}
	assert_ok(snapshot_open(k.c, &s, &e), &e);
	for (int n = 1; n <= 5; n++) {
		const struct node_counts *c = map_get(snap_node_counts(s), confkit_node(&k, n));
		size_t primaries = snap_node_primaries(s, confkit_node(&k, n)).n;
		size_t secondaries = snap_node_secondaries(s, confkit_node(&k, n)).n;

		assert_int_equal(c ? c->primaries : 0, primaries);
		assert_int_equal(c ? c->secondaries : 0, secondaries);
		assert_int_equal(primaries > 0 && secondaries > 0, n <= 4);
	}
	snapshot_free(s);
	confkit_free(&k);
}

static void check_lists(struct config *reader, struct config *writer)
{
	static const enum obj_kind kinds[] = { OBJ_INSTANCE, OBJ_NODE, OBJ_DISK };
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct snapshot *kept, *fresh;

	assert_ok(snapshot_open(reader, &kept, &e), &e);
	assert_ok(snapshot_open(writer, &fresh, &e), &e);
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		struct strs x = snap_uuids(kept, kinds[k]), y = snap_uuids(fresh, kinds[k]);

		assert_int_equal(x.n, y.n);
		for (size_t i = 0; i < x.n; i++)
			assert_string_equal(x.v[i], y.v[i]);
	}
	snapshot_free(kept);
	snapshot_free(fresh);
}

/* The list of a kind stays as it would be made anew, whatever comes, goes or is renamed. */
static void test_kept_lists(void **state)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct config *reader;
	struct snapshot *s;
	struct confkit k;
	json *o;

	(void)state;
	confkit_new(&k, 3);
	assert_ok(config_open(k.path, DB_READ, &reader, &e), &e);
	config_keep_objects(reader, 1000);
	check_lists(reader, k.c);
	for (int i = 12; i >= 1; i--) {
		commit_one(&k, "add", "instance", confkit_instance(&k, i, 1 + i % 2));
		check_lists(reader, k.c);
	}
	change_os(&k, 3, "tiny"); /* not looked at before */
	check_lists(reader, k.c);
	assert_ok(snapshot_open(reader, &s, &e), &e);
	for (int i = 1; i <= 12; i++)
		assert_non_null(snap_instance(s, confkit_uuid(&k, 7, i)));
	o = json_clone(snap_json(s, OBJ_INSTANCE, confkit_uuid(&k, 7, 5)));
	snapshot_free(s);
	commit_one(&k, "update", "instance", json_set(o, "name", json_new_str("zz.example.com")));
	json_put(o);
	check_lists(reader, k.c);
	change_os(&k, 4, "tiny");
	check_lists(reader, k.c);
	commit_one(&k, "remove", "instance", json_own(k.a, json_new_str(confkit_uuid(&k, 7, 5))));
	commit_one(&k, "remove", "instance", json_own(k.a, json_new_str(confkit_uuid(&k, 7, 12))));
	check_lists(reader, k.c);
	for (int round = 0; round < 40; round++) /* more at once than are followed one by one */
		change_os(&k, 1 + round % 4, round & 1 ? "noop" : "tiny");
	commit_one(&k, "add", "instance", confkit_instance(&k, 13, 1));
	check_lists(reader, k.c);
	config_forget_objects(reader);
	check_lists(reader, k.c);
	config_close(reader);
	confkit_free(&k);
}

/* Who looks up many gets the others read along, once, as they were. */
static void test_kept_all(void **state)
{
	const int all = 700, most = 600;
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *changes = json_new_array();
	const struct instance *first;
	struct config *reader;
	struct snapshot *s;
	struct confkit k;

	(void)state;
	confkit_new(&k, 2);
	for (int i = 1; i <= all; i++)
		confkit_change(changes, "add", "instance", confkit_instance(&k, i, 1 + i % 2));
	assert_ok(config_commit(k.c, changes, NULL, NULL, NULL, &e), &e);
	json_put(changes);
	assert_ok(config_open(k.path, DB_READ, &reader, &e), &e);
	config_keep_objects(reader, 10000);

	assert_ok(snapshot_open(reader, &s, &e), &e);
	first = snap_instance(s, confkit_uuid(&k, 7, 1));
	for (int i = 1; i <= most; i++)
		assert_non_null(snap_instance(s, confkit_uuid(&k, 7, i)));
	assert_ptr_equal(snap_instance(s, confkit_uuid(&k, 7, 1)), first);
	snapshot_rest(s, 0); /* what is looked up now would not be there */
	commit_one(&k, "remove", "instance", json_own(k.a, json_new_str(confkit_uuid(&k, 7, all))));
	change_os(&k, all - 1, "tiny");
	for (int i = 1; i <= all; i++) {
		const struct instance *inst = snap_instance(s, confkit_uuid(&k, 7, i));

		assert_non_null(inst);
		assert_string_equal(inst->uuid, confkit_uuid(&k, 7, i));
		assert_string_equal(inst->os, "noop");
	}
	assert_null(snap_node(s, confkit_uuid(&k, 7, 1)));
	snapshot_free(s);

	assert_ok(snapshot_open(reader, &s, &e), &e);
	assert_null(snap_instance(s, confkit_uuid(&k, 7, all)));
	assert_string_equal(snap_instance(s, confkit_uuid(&k, 7, all - 1))->os, "tiny");
	assert_ptr_equal(snap_instance(s, confkit_uuid(&k, 7, 1)), first);
	snapshot_free(s);
	config_close(reader);
	confkit_free(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_from_3_0),
		cmocka_unit_test(test_ssconf),	   cmocka_unit_test(test_find),
		cmocka_unit_test(test_verify),	   cmocka_unit_test(test_create_errors),
		cmocka_unit_test(test_kept),	   cmocka_unit_test(test_rest),
		cmocka_unit_test(test_kept_lists),	   cmocka_unit_test(test_counts),
		cmocka_unit_test(test_kept_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
