#include "tests/unit/unit.h"

#include "src/model/model.h"

static struct arena *a;
static struct err e;

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
	err_clear(&e);
	return 0;
}

static json *parse(const char *text)
{
	json *j = NULL;

	if (json_parse(text, strlen(text), &j, &e) < 0)
		fail_msg("%s: %s", text, err_msg(&e));
	return json_own(a, j);
}

static struct cluster *cluster(void)
{
	struct cluster *c = arena_alloc(a, sizeof(*c));

	c->hvparams = parse("{\"kvm\": {\"acpi\": true, \"kernel_path\": \"/k\","
			    " \"migration_port\": 8102}}");
	c->os_hvp = parse("{\"debian+x\": {\"kvm\": {\"acpi\": false}}}");
	c->beparams = parse("{\"default\": {\"maxmem\": 512, \"minmem\": 256}}");
	c->nicparams = parse("{\"default\": {\"mode\": \"routed\", \"link\": \"br7\"}}");
	c->ndparams = (struct ndparams){ .ssh_port = 222, .has_ssh_port = true,
					 .spindle_count = 3, .has_spindle_count = true };
	c->osparams = parse("{\"debian\": {\"a\": \"1\", \"b\": \"1\"},"
			    " \"debian+x\": {\"b\": \"2\"}}");
	c->diskparams = parse("{\"drbd\": {\"protocol\": \"A\", \"metavg\": \"vg2\"}}");
	c->ipolicy = parse("{\"std\": {\"cpu-count\": 2}, \"vcpu-ratio\": 2.5}");
	return c;
}

static void test_fill(void **state)
{
	struct cluster *c = cluster();
	struct beparams over = { .maxmem = 1024, .has_maxmem = true }, be = fill_be(a, c, &over);
	struct nicparams nic = fill_nic(a, c, NULL);
	struct nodegroup g = { .ndparams = { .ssh_port = 333, .has_ssh_port = true } };
	struct node n = { .ndparams = { .ovs = true, .has_ovs = true } };
	struct ndparams nd = fill_nd(a, c, &g, &n);
	json *hv = fill_hv(a, c, "kvm", "debian+x", parse("{\"kernel_path\": \"/mine\"}"), false);

	(void)state;
	assert_false(json_get_bool(hv, "acpi", true));
	assert_string_equal(json_get_str(hv, "kernel_path"), "/mine");
	assert_int_equal(json_get_int(hv, "migration_port", 0), 8102);
	hv = fill_hv(a, c, "kvm", "debian", NULL, true);
	assert_true(json_get_bool(hv, "acpi", false));
	assert_false(json_has(hv, "migration_port"));
	assert_true(json_has(json_get(c->hvparams, "kvm"), "migration_port"));
	assert_true(json_equal(fill_hv(a, c, "fake", NULL, NULL, false),
			       json_own(a, record_defaults(rec_hv_fake()))));
	assert_int_equal(json_len(fill_hv(a, c, "none", NULL, NULL, false)), 0);

	assert_int_equal(be.maxmem, 1024);
	assert_int_equal(be.minmem, 256);
	assert_int_equal(be.vcpus, 1);
	assert_true(be.has_auto_balance && be.auto_balance);
	assert_int_equal(nic.mode, nic_mode_routed);
	assert_string_equal(nic.link, "br7");
	assert_string_equal(nic.vlan, "");

	assert_int_equal(nd.ssh_port, 333);
	assert_int_equal(nd.spindle_count, 3);
	assert_true(nd.ovs);
	assert_string_equal(nd.ovs_name, "switch1");
	assert_int_equal(fill_nd(a, c, NULL, NULL).ssh_port, 222);

	json *os = fill_os(a, c, "debian+x", parse("{\"c\": \"3\"}"));

	assert_string_equal(json_get_str(os, "a"), "1");
	assert_string_equal(json_get_str(os, "b"), "2");
	assert_string_equal(json_get_str(os, "c"), "3");

	g.diskparams = parse("{\"drbd\": {\"metavg\": \"vg3\"}}");
	json *dp = fill_diskparams(a, c, &g, disk_template_drbd);

	assert_string_equal(json_get_str(dp, "protocol"), "A");
	assert_string_equal(json_get_str(dp, "metavg"), "vg3");
	assert_int_equal(json_get_int(dp, "resync-rate", 0), 61440);
}

static void test_hv_state(void **state)
{
	struct cluster c = { .enabled_hypervisors = strs_split(a, "kvm,fake", ','),
			     .hv_state_static = parse("{\"kvm\": {\"mem_node\": 1, \"mem_total\": 1}, \"fake\": {\"mem_node\": 9}}") };
	struct nodegroup g = { .hv_state_static = parse("{\"kvm\": {\"mem_node\": 2, \"mem_hv\": 2}}") };
	struct node n = { .hv_state_static = parse("{\"kvm\": {\"mem_hv\": 3}}") };
	json *j = fill_hv_state(a, &c, &g, &n), *kvm = json_get(j, "kvm");

	(void)state;
	assert_int_equal(json_len(j), 1); /* of the default hypervisor */
	assert_int_equal(json_get_int(kvm, "mem_total", 0), 1);
	assert_int_equal(json_get_int(kvm, "mem_node", 0), 2);
	assert_int_equal(json_get_int(kvm, "mem_hv", 0), 3);
	assert_int_equal(json_get_int(kvm, "cpu_node", 0), 1);
	assert_int_equal(json_get_int(json_get(fill_hv_state(a, &c, NULL, NULL), "kvm"), "mem_node", 0), 1);
}

static void test_policy(void **state)
{
	struct nodegroup g = { .ipolicy = parse(
		"{\"minmax\": [{\"min\": {\"memory-size\": 64, \"disk-size\": 16},"
		" \"max\": {\"memory-size\": 4096, \"disk-size\": 65536}}],"
		" \"disk-templates\": [\"file\", \"plain\"]}") };
	json *p = fill_ipolicy(a, cluster(), NULL);
	int64_t sizes[] = { 1024, 10 };
	struct ispec_values v = { .memory = 100000, .cpus = 1, .nics = -1, .spindles = 1,
				  .n_disks = 2, .disk_sizes = sizes,
				  .template_ = disk_template_drbd };
	struct strs l;

	(void)state;
	assert_int_equal(json_get_int(json_get(p, "std"), "cpu-count", 0), 2);
	assert_int_equal(json_get_int(json_get(p, "std"), "memory-size", 0), 128);
	assert_ok(policy_check(p, false, &e), &e);

	assert_false(json_has(p, "memory-ratio")); /* only where somebody set it */

	p = fill_ipolicy(a, cluster(), &g);
	l = policy_violations(a, p, &v);
	assert_int_equal(l.n, 3);
	assert_string_equal(l.v[0],
			    "Disk template drbd is not allowed (allowed templates: file, plain)");
	assert_string_equal(l.v[1], "memory-size value 100000 is not in range [64, 4096]");
	assert_string_equal(l.v[2], "disk-size/1 value 10 is not in range [16, 65536]");
	v = (struct ispec_values){ .memory = 128, .template_ = disk_template_diskless };
	l = policy_violations(a, p, &v);
	assert_int_equal(l.n, 1);
	assert_string_equal(l.v[0],
			    "Disk template diskless is not allowed (allowed templates file, plain)");
	/* the range that fits best counts */
	p = parse("{\"disk-templates\": [\"file\"], \"minmax\": ["
		  "{\"min\": {\"memory-size\": 1, \"cpu-count\": 1},"
		  " \"max\": {\"memory-size\": 2, \"cpu-count\": 2}},"
		  "{\"min\": {\"memory-size\": 100}, \"max\": {\"memory-size\": 200}}]}");
	v = (struct ispec_values){ .memory = 300, .cpus = 9, .n_disks = 1, .disk_sizes = sizes,
				   .template_ = disk_template_file };
	l = policy_violations(a, p, &v);
	assert_int_equal(l.n, 1);
	assert_string_equal(l.v[0], "memory-size value 300 is not in range [100, 200]");
}

static void bad_policy(const char *text, bool group, const char *message)
{
	assert_int_equal(policy_check(parse(text), group, &e), -1);
	assert_string_equal(err_msg(&e), message);
	assert_string_equal(e.cls, "ConfigurationError");
}

#define SPEC(n)                                                                           \
	"{\"memory-size\": " #n ", \"cpu-count\": 1, \"disk-count\": 1, \"disk-size\": 1,"  \
	" \"nic-count\": 1, \"spindle-use\": 1}"

static void test_policy_syntax(void **state)
{
	(void)state;
	bad_policy("{\"x\": 1}", true, "Invalid keys in ipolicy: x");
	bad_policy("{\"vcpu-ratio\": \"a\"}", true,
		   "Invalid value for key 'vcpu-ratio': 'a', error: could not convert to float");
	bad_policy("{\"disk-templates\": []}", true,
		   "Instance policy must contain at least one disk template");
	bad_policy("{\"disk-templates\": [\"foo\", \"file\"]}", true,
		   "Invalid disk template(s) foo");
	bad_policy("{\"minmax\": []}", true, "Empty minmax specifications");
	bad_policy("{\"minmax\": []}", false, "Missing key in ipolicy: std");
	bad_policy("{\"minmax\": [{\"min\": {}}]}", true, "Missing instance specification: max");
	bad_policy("{\"minmax\": [{\"min\": {}, \"max\": {}}]}", true,
		   "Missing instance specs parameters for min: cpu-count, disk-count, disk-size, "
		   "memory-size, nic-count, spindle-use");
	bad_policy("{\"minmax\": [{\"min\": " SPEC(9) ", \"max\": " SPEC(8) "}]}", true,
		   "Invalid specification of min/max values for memory-size: 9/8");
	bad_policy("{\"std\": " SPEC(7) ", \"minmax\": [{\"min\": " SPEC(8) ", \"max\": " SPEC(9)
		   "}]}",
		   false, "Invalid std specifications");
	assert_ok(policy_check(parse("{\"minmax\": [{\"min\": " SPEC(1) ", \"max\": " SPEC(2)
				     "}], \"spindle-ratio\": 3}"),
			       true, &e),
		  &e);
}

static void test_names(void **state)
{
	const char *v[] = { "inst1.example.com", "inst10.example.com", "inst2.a.com", "inst2.b.com",
			    "Mixed" };
	struct strs l = { v, ARRAY_SIZE(v) };
	const char *s;

	(void)state;
	assert_int_equal(name_match(&l, "inst1"), 0);
	assert_int_equal(name_match(&l, "inst1.example"), 0);
	assert_int_equal(name_match(&l, "inst10.example.com"), 1);
	assert_int_equal(name_match(&l, "INST1"), 0);
	assert_int_equal(name_match(&l, "inst2"), -2);
	assert_int_equal(name_match(&l, "inst2.a"), 2);
	assert_int_equal(name_match(&l, "inst"), -1);
	assert_int_equal(name_match(&l, "mixed"), 4);
	assert_ok(name_normalize(a, "Inst-1.Example.COM.", &s, &e), &e);
	assert_string_equal(s, "inst-1.example.com");
	assert_int_equal(name_normalize(a, "a..b", &s, &e), -1);
	assert_string_equal(err_msg(&e), "Invalid hostname 'a..b'");
	assert_int_equal(name_normalize(a, "a b", &s, &e), -1);
	assert_int_equal(name_normalize(a, "", &s, &e), -1);
	assert_int_equal(name_normalize(a, ".a", &s, &e), -1);
}

static void test_tags(void **state)
{
	char big[MAX_TAG_LEN + 2];

	(void)state;
	assert_ok(tag_check("htools:iextags:rack-1/2@x+*_.", &e), &e);
	assert_ok(tag_check("gr\xc3\xbc\xc3\x9f", &e), &e);
	assert_int_equal(tag_check("bad tag!", &e), -1);
	assert_string_equal(err_msg(&e), "Tag contains invalid characters");
	assert_string_equal(e.cls, "TagError");
	assert_int_equal(tag_check("a\xe2\x80\x83" "b", &e), -1); /* an em space */
	assert_int_equal(tag_check("a\n", &e), -1);
	assert_int_equal(tag_check("", &e), -1);
	assert_string_equal(err_msg(&e), "Tags cannot be empty");
	memset(big, 'x', sizeof(big));
	big[MAX_TAG_LEN + 1] = '\0';
	assert_int_equal(tag_check(big, &e), -1);
	assert_string_equal(err_msg(&e), "Tag too long (>128 characters)");
	big[MAX_TAG_LEN] = '\0';
	assert_ok(tag_check(big, &e), &e);
}

static void test_templates(void **state)
{
	struct disk f = { .dev_type = disk_template_file }, d = { .dev_type = disk_template_drbd };
	const struct disk *v[] = { &f, &f, &d };

	(void)state;
	assert_string_equal(instance_template(NULL, 0), "diskless");
	assert_string_equal(instance_template(v, 2), "file");
	assert_string_equal(instance_template(v, 3), "mixed");
	assert_true(template_is_mirrored(disk_template_drbd));
	assert_true(template_is_mirrored(disk_template_sharedfile));
	assert_false(template_is_mirrored(disk_template_file));
	assert_true(template_is_filebased(disk_template_gluster));
}

static json *kvm_with(const char *name, json *v)
{
	json *j = json_own(a, record_defaults(rec_hv_kvm()));

	return name ? json_set(j, name, v) : j;
}

static void bad_kvm(const char *name, json *v, const char *message)
{
	assert_int_equal(hv_check_syntax(hypervisor_kvm, kvm_with(name, v), &e), -1);
	assert_string_equal(err_msg(&e), message);
	assert_string_equal(e.cls, "HypervisorError");
}

/* A cluster made before a parameter existed: the row says its value. What is global stays out of OS and
 * instance. */
static void test_hv_fill(void **state)
{
	json *hv = json_own(a, json_pack("{s:{s:s, s:i}}", "kvm", "disk_cache", "none",
					 "migration_port", 9000));
	struct cluster c = { .hvparams = hv };
	json *over = json_own(a, json_pack("{s:s}", "disk_cache", "writeback")), *all;

	(void)state;
	all = fill_hv(a, &c, "kvm", NULL, over, false);
	assert_string_equal(json_get_str(all, "disk_cache"), "writeback");
	assert_int_equal(json_get_int(all, "migration_port", 0), 9000);
	assert_string_equal(json_get_str(all, "nic_type"), "paravirtual");
	assert_ok(hv_check_syntax(hypervisor_kvm, all, &e), &e);
	all = fill_hv(a, &c, "kvm", NULL, NULL, true);
	assert_string_equal(json_get_str(all, "disk_cache"), "none");
	assert_false(json_has(all, "migration_port"));
	assert_true(hv_is_global("migration_mode"));
	assert_false(hv_is_global("migration_downtime"));
}

static void test_hv_syntax(void **state)
{
	json *p;

	(void)state;
	for (size_t i = 0; i < enum_hypervisor.n; i++) {
		p = json_own(a, record_defaults(hvparams_record((int)i)));
		assert_ok(hv_check_syntax((int)i, p, &e), &e);
	}
	bad_kvm("foo", json_new_int(1), "Parameter 'foo' is not supported");
	bad_kvm("kvm_path", json_new_str(""),
		"Parameter 'kvm_path' is required but is currently not defined");
	bad_kvm("kvm_path", json_new_str("kvm"),
		"Parameter 'kvm_path' fails syntax check: must be an absolute normalized path "
		"(current value: 'kvm')");
	bad_kvm("cdrom_image_path", json_new_str("/a/../b"),
		"Parameter 'cdrom_image_path' fails syntax check: must be an absolute normalized "
		"path or a URL (current value: '/a/../b')");
	bad_kvm("disk_cache", json_new_str("x"),
		"Parameter 'disk_cache' fails syntax check: The value must be one of: default, "
		"none, writeback, writethrough (current value: 'x')");
	bad_kvm("migration_mode", json_new_str("x"),
		"Parameter 'migration_mode' fails syntax check: invalid migration mode (current "
		"value: 'x')");
	bad_kvm("migration_port", json_new_int(70000),
		"Parameter 'migration_port' fails syntax check: invalid port number (current "
		"value: '70000')");
	bad_kvm("cpu_mask", json_new_str("0-:1"),
		"Parameter 'cpu_mask' fails syntax check: Multiple CPU mask definition is not "
		"well-formed (current value: '0-:1')");
	bad_kvm("virtio_net_queues", json_new_int(9),
		"Parameter 'virtio_net_queues' fails syntax check: invalid number of queues "
		"(current value: '9')");
	bad_kvm("acpi", json_new_str("yes"),
		"Parameter 'acpi' fails syntax check: must be a boolean (current value: 'yes')");
	bad_kvm("root_path", NULL,
		"Need a root partition for the instance, if a kernel is defined");
	bad_kvm("boot_order", json_new_str("cdrom"), "Cannot boot from cdrom without an ISO path");
	bad_kvm("security_model", json_new_str("user"),
		"A security domain (user to run kvm as) must be specified");
	bad_kvm("spice_use_tls", json_new_bool(true),
		"SPICE: spice_use_tls requires spice_bind to be set");
	bad_kvm("serial_speed", json_new_int(7),
		"Invalid serial console speed, must be one of: 75, 110, 300, 600, 1200, 1800, "
		"2400, 4800, 9600, 14400, 19200, 28800, 38400, 57600, 115200, 230400, 345600, "
		"460800");
	p = kvm_with("spice_bind", json_new_str("127.0.0.1"));
	json_set(p, "spice_ip_version", json_new_int(6));
	assert_int_equal(hv_check_syntax(hypervisor_kvm, p, &e), -1);
	assert_string_equal(err_msg(&e), "SPICE: Got an IPv4 address (127.0.0.1), but the "
					 "specified IP version is 6");
	p = kvm_with("cpu_mask", json_new_str("all:0-3,5:1"));
	json_set(p, "cdrom_image_path", json_new_str("http://x/y.iso"));
	json_set(p, "boot_order", json_new_str("cdrom"));
	assert_ok(hv_check_syntax(hypervisor_kvm, p, &e), &e);
	json_del(p, "acpi");
	assert_int_equal(hv_check_syntax(hypervisor_kvm, p, &e), -1);
	assert_string_equal(err_msg(&e), "Parameter 'acpi' is missing");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_fill), TEST(test_hv_state), TEST(test_policy), TEST(test_policy_syntax), TEST(test_names),
		TEST(test_tags), TEST(test_templates), TEST(test_hv_fill), TEST(test_hv_syntax),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
