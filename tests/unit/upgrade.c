/* Configurations of earlier versions. */
#include "tests/unit/unit.h"

#include "lib/sys/sys.h"
#include "tests/harness/confkit.h"

#define I1 "00000000-0000-4000-8000-0000000000b1"
#define I2 "00000000-0000-4000-8000-0000000000b2"
#define N1 "00000000-0000-4000-8000-0000000000a1"
#define N2 "00000000-0000-4000-8000-0000000000a2"
#define G1 "00000000-0000-4000-8000-0000000000f1"

static struct arena *a;
static struct err e;

static json *old_config(void)
{
	char *text CLEANUP(freep) = NULL;
	json *j = NULL;
	size_t n;

	if (fs_read(TEST_DATA "/config/2.6.json", 1 << 20, &text, &n) < 0)
		fail_msg("no test data");
	assert_ok(json_parse(text, n, &j, &e), &e);
	return json_own(a, j);
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
	err_clear(&e);
	arena_freep(&a);
	return 0;
}

/* The value at a path like "cluster/hvparams/kvm/acpi" as text. */
static const char *at(json *j, const char *path)
{
	struct strs l = strs_split(a, path, '/');

	for (size_t i = 0; i < l.n; i++)
		j = json_is(j, JSON_ARRAY) ? json_at(j, (size_t)strtoul(l.v[i], NULL, 10)) :
					     json_get(j, l.v[i]);
	return json_str(j) ? json_str(j) : json_dump_in(a, j);
}

static void is(json *j, const char *path, const char *value)
{
	const char *have = at(j, path);

	if (strcmp(have, value) != 0)
		fail_msg("%s is %s, not %s", path, have, value);
}

static void test_2x(void **state)
{
	json *d = old_config();
	const char *disk;
	struct snapshot *s;
	struct confkit k;
	struct strs errs;

	(void)state;
	assert_ok(config_upgrade(d, &e), &e);
	is(d, "version", "3010000");
	/* the cluster */
	is(d, "cluster/master_node", N1);
	is(d, "cluster/enabled_hypervisors", "[\"kvm\",\"fake\"]");
	is(d, "cluster/hvparams/kvm/acpi", "false");
	is(d, "cluster/hvparams/kvm/disk_discard", "ignore");
	is(d, "cluster/hvparams/kvm/migration_port", "8102");
	is(d, "cluster/hvparams/xen-pvm/xen_cmd", "null");
	is(d, "cluster/os_hvp/debian/kvm/disk_discard", "ignore");
	is(d, "cluster/beparams/default/memory", "null");
	is(d, "cluster/beparams/default/minmem", "256");
	is(d, "cluster/beparams/default/maxmem", "256");
	is(d, "cluster/nicparams/default/link", "br7");
	is(d, "cluster/master_netmask", "32");
	is(d, "cluster/ssh_key_type", "dsa");
	is(d, "cluster/ssh_key_bits", "1024");
	is(d, "cluster/data_collectors/lv/interval", "5000000");
	is(d, "cluster/diskparams/drbd/protocol", "C");
	is(d, "cluster/enabled_disk_templates", "[\"drbd\",\"plain\"]");
	is(d, "cluster/ipolicy/min", "null");
	is(d, "cluster/ipolicy/minmax/0/min/memory-size", "64");
	is(d, "cluster/ipolicy/minmax/0/max/cpu-count", "8");
	is(d, "cluster/ipolicy/std/cpu-count", "1");
	is(d, "cluster/ipolicy/vcpu-ratio", "2.0");
	/* groups: no standard instance, gaps filled from the cluster */
	is(d, "nodegroups/" G1 "/ipolicy/std", "null");
	is(d, "nodegroups/" G1 "/ipolicy/minmax/0/min/memory-size", "32");
	is(d, "nodegroups/" G1 "/ipolicy/minmax/0/max/cpu-count", "8");
	/* nodes and instances by UUID */
	is(d, "nodes/" N1 "/name", "n1.example.com");
	is(d, "nodes/" N1 "/ndparams", "{}");
	is(d, "instances/" I1 "/primary_node", N1);
	is(d, "instances/" I1 "/admin_state", "up");
	is(d, "instances/" I1 "/disks_active", "true");
	is(d, "instances/" I1 "/hvparams", "{\"acpi\":true,\"disk_discard\":\"ignore\"}");
	is(d, "instances/" I1 "/beparams", "{\"minmem\":512,\"maxmem\":512}");
	is(d, "instances/" I1 "/disk_template", "null");
	is(d, "instances/" I1 "/nics/0/network", "00000000-0000-4000-8000-0000000000e1");
	is(d, "instances/" I2 "/admin_state", "down");
	is(d, "instances/" I2 "/nics/0/nicparams", "{\"mode\":\"bridged\",\"link\":\"br9\"}");
	assert_int_equal(strlen(at(d, "instances/" I2 "/nics/0/uuid")), 36);
	/* disks on their own */
	disk = arena_printf(a, "disks/%s", at(d, "instances/" I1 "/disks/0"));
	is(d, arena_printf(a, "%s/dev_type", disk), "drbd");
	is(d, arena_printf(a, "%s/logical_id", disk),
	   "[\"" N1 "\",\"" N2 "\",11002,0,1,\"secret\"]");
	is(d, arena_printf(a, "%s/physical_id", disk), "null");
	is(d, arena_printf(a, "%s/iv_name", disk), "disk/0");
	is(d, arena_printf(a, "%s/ctime", disk), "100.25");
	is(d, arena_printf(a, "%s/children/1/dev_type", disk), "plain");
	is(d, arena_printf(a, "%s/children/1/nodes", disk), "[\"" N1 "\",\"" N2 "\"]");
	disk = arena_printf(a, "disks/%s", at(d, "instances/" I2 "/disks/0"));
	is(d, arena_printf(a, "%s/nodes", disk), "[\"" N2 "\"]");

	/* and it is a configuration we can live with */
	confkit_from(&k, old_config());
	assert_ok(snapshot_open(k.c, &s, &e), &e);
	assert_ok(config_verify(s, a, &errs, &e), &e);
	for (size_t i = 0; i < errs.n; i++)
		fail_msg("%s", errs.v[i]);
	assert_int_equal(snap_node_secondaries(s, N2).n, 1);
	assert_string_equal(snap_cluster(s)->tags.v[0], "b");
	snapshot_free(s);
	confkit_free(&k);
}

/* Again is the same: what is new enough stays. */
static void test_idempotent(void **state)
{
	json *d = old_config(), *copy;

	(void)state;
	assert_ok(config_upgrade(d, &e), &e);
	copy = json_own(a, json_clone(d));
	assert_ok(config_upgrade(copy, &e), &e);
	assert_true(json_equal(d, copy));
	json_set(copy, "version", json_new_int(2160000));
	assert_ok(config_upgrade(copy, &e), &e);
	assert_true(json_equal(d, copy));
}

static void refused(json *d, const char *text)
{
	assert_int_equal(config_upgrade(d, &e), -1);
	assert_string_equal(err_msg(&e), text);
}

static void test_errors(void **state)
{
	json *d = old_config();

	(void)state;
	json_set(d, "version", json_new_int(1020000));
	refused(d, "Configuration version 1.2.0 is not supported by this version (" RELEASE_VERSION
		   ")");
	assert_string_equal(e.cls, "ConfigVersionMismatch");
	d = old_config();
	json_del(d, "version");
	assert_int_equal(config_upgrade(d, &e), -1);
	d = old_config();
	json_del(d, "instances");
	refused(d, "Upgrade of the configuration from 2.x to 3.0: Can't find the 'instances' key in "
		   "the configuration");
	d = old_config();
	json_del(json_get(json_get(d, "instances"), "i1.example.com"), "disks");
	refused(d, "Upgrade of the configuration from 2.x to 3.0: Instance 'i1.example.com' doesn't "
		   "have a disks entry");
	d = old_config();
	json_del(d, "cluster");
	assert_int_equal(config_upgrade(d, &e), -1);
	/* garbage where objects should be is an error or ignored, never a crash */
	d = old_config();
	json_set(json_get(d, "nodes"), "n1.example.com", json_new_int(3));
	assert_int_equal(config_upgrade(d, &e), -1);
	d = old_config();
	json_set(d, "nodegroups", json_new_array());
	json_set(json_get(d, "cluster"), "hvparams", json_new_int(3));
	json_set(json_get(d, "cluster"), "ipolicy", json_new_str("x"));
	json_set(json_get(d, "cluster"), "beparams", json_new_array());
	assert_ok(config_upgrade(d, &e), &e);
	d = old_config();
	json_set(json_get(json_get(d, "instances"), "i2.example.com"), "nics",
		 json_pack("[i, [s], n]", 1, "x"));
	json_set(json_get(json_get(d, "instances"), "i2.example.com"), "disks",
		 json_pack("[i, n]", 1));
	refused(d, "Upgrade of the configuration from 2.x to 3.0: Disk 0 of instance 'i2.example.com' "
		   "is not a dictionary");
	json_set(json_get(json_get(d, "instances"), I2), "disks", json_pack("[s, i, n]", "x", 1));
	json_set(d, "networks", json_pack("{s:i}", "x", 3));
	json_set(d, "disks", json_pack("{s:s}", "y", "z"));
	json_set(json_get(d, "nodegroups"), G1, json_new_str("g"));
	json_set(json_get(json_get(d, "cluster"), "hvparams"), "kvm", json_new_bool(true));
	json_set(json_get(json_get(d, "cluster"), "beparams"), "default", json_new_int(1));
	assert_ok(config_upgrade(d, &e), &e);
}

/* A file of 2.3 has no groups. */
static void test_groups(void **state)
{
	json *d = old_config();
	const char *group;

	(void)state;
	json_del(d, "nodegroups");
	json_del(json_get(d, "cluster"), "ipolicy");
	assert_ok(config_upgrade(d, &e), &e);
	group = at(d, "nodes/" N2 "/group");
	assert_int_equal(strlen(group), 36);
	is(d, arena_printf(a, "nodegroups/%s/name", group), "default");
	is(d, "cluster/ipolicy/minmax/0/max/memory-size", "32768");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(test_2x), TEST(test_idempotent), TEST(test_errors),
					    TEST(test_groups) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
