#include "tests/unit/unit.h"

#include "src/hyper/virt.h"
#include "src/hyper/xml.h"

#include <unistd.h>

static struct arena *a;
static struct err e;

static int setup(void **state)
{
	(void)state;
	a = arena_new();
	e = ERR_NONE;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	err_clear(&e);
	arena_free(a);
	return 0;
}

static json *kvm_defaults(void)
{
	return json_own(a, record_defaults(rec_hv_kvm()));
}

static struct hv_instance *an_instance(json *hvparams, const char *hypervisor)
{
	struct hv_instance *i = NULL;
	json *be = record_defaults(rec_beparams());
	json *nicp = json_pack("{s:s, s:s, s:s}", "mode", "bridged", "link", "br0", "vlan", "");
	json *nic = json_pack("{s:s, s:s, s:o}", "mac", "aa:00:00:01:02:03", "uuid",
			      "71df5eac-d533-493e-8d88-bf3acc7ef947", "nicparams", nicp);
	json *dict = json_pack("{s:s, s:s, s:s, s:s, s:O, s:o, s:s, s:[o], s:i, s:s, s:i}", "name",
			       "inst1.example.com", "primary_node", "x", "os", "tiny+default",
			       "hypervisor", hypervisor, "hvparams", hvparams, "beparams", be,
			       "admin_state", "up", "nics", nic, "network_port", 11000, "uuid",
			       "a3cdab51-6efa-4d66-8667-4f3d544bb349", "serial_no", 1);

	json_own(a, dict);
	if (hv_instance_parse(a, dict, &i, &e) < 0)
		fail_msg("%s", err_msg(&e));
	return i;
}

static const char *xml_for(json *hvparams, bool kvm)
{
	struct disk d = { .dev_type = disk_template_sharedfile,
			  .mode = disk_mode_rw,
			  .uuid = "95f05769-6cf2-43b9-a485-d0a40f4f50a9" };
	struct hv_disk hd = { .disk = &d, .path = "/run/x/inst1:0" };
	struct xml_kvm x = { .i = an_instance(hvparams, "kvm"),
			     .p = hv_params(a, hypervisor_kvm, hvparams, &e),
			     .disks = &hd,
			     .n_disks = 1,
			     .use_kvm = kvm,
			     .odd_memory = !kvm };
	const char *xml;

	assert_non_null(x.p);
	if (xml_kvm_domain(a, &x, &xml, &e) < 0)
		return NULL;
	return xml;
}

static void expect(const char *xml, const char *part)
{
	if (!xml || !strstr(xml, part))
		fail_msg("missing: %s\nin: %s", part, xml ? xml : err_msg(&e));
}

/* libvirt's own schema is the judge of the whole text */
static void validate(const char *xml)
{
	char path[] = "/tmp/hyper-xml-XXXXXX";
	int fd = mkstemp(path);
	const char *argv[] = { "virt-xml-validate", path, "domain", NULL };
	struct run r = { .argv = argv };
	struct run_result res CLEANUP(run_result_free) = { 0 };

	assert_true(fd >= 0 && write(fd, xml, strlen(xml)) == (ssize_t)strlen(xml));
	close(fd);
	if (run_cmd(&r, &res, &e) < 0)
		skip(); /* no libvirt client tools here */
	unlink(path);
	if (res.status != 0)
		fail_msg("%s%s\n%s", res.out, res.err, xml);
}

static void test_escape(void **state)
{
	struct str s CLEANUP(str_free) = { 0 };

	(void)state;
	xml_addf(&s, "<a b='%s'>%d%%</a>", "x'<&>\"\x01", 3);
	assert_string_equal(str_get(&s), "<a b='x&apos;&lt;&amp;&gt;&quot;'>3%</a>");
}

static void test_defaults(void **state)
{
	const char *xml = xml_for(kvm_defaults(), false);

	(void)state;
	expect(xml, "<domain type='qemu'");
	expect(xml, "<memory unit='MiB'>128</memory>");
	expect(xml, "<kernel>/boot/vmlinuz-3-kvmU</kernel>");
	expect(xml, "<cmdline>root=/dev/vda1 ro console=ttyS0,38400</cmdline>");
	expect(xml, "cache='none' io='threads'");
	expect(xml, "<target dev='gnt71df5eacd53' managed='no'/>");
	expect(xml, "<acpi/>");
	expect(xml, "<on_reboot>restart</on_reboot>");
	expect(xml, "inst1.example.com.serial");
	expect(xml, "<qemu:arg value='memory-backend-ram,id=ganeti.ram,size=131080k'/>");
	expect(xml, "<qemu:arg value='size=131080k'/>");
	validate(xml);
}

static void test_parameters(void **state)
{
	json *p = kvm_defaults();
	const char *xml;

	(void)state;
	json_set(p, "kernel_path", json_new_str(""));
	json_set(p, "boot_order", json_new_str("network,disk"));
	json_set(p, "acpi", json_new_bool(false));
	json_set(p, "cpu_type", json_new_str("host\\,+vmx"));
	json_set(p, "cpu_mask", json_new_str("0-1"));
	json_set(p, "cpu_cores", json_new_int(1));
	json_set(p, "disk_type", json_new_str("scsi-hd"));
	json_set(p, "scsi_controller_type", json_new_str("virtio-scsi-pci"));
	json_set(p, "nic_type", json_new_str("e1000"));
	json_set(p, "vnc_bind_address", json_new_str("0.0.0.0"));
	json_set(p, "cdrom_image_path", json_new_str("http://h.example.com:81/x.iso"));
	json_set(p, "reboot_behavior", json_new_str("exit"));
	json_set(p, "kvm_extra", json_new_str("-device 'a b' -x \\\"y"));
	json_set(p, "use_guest_agent", json_new_bool(true));
	json_set(p, "use_localtime", json_new_bool(true));
	xml = xml_for(p, true);
	expect(xml, "<domain type='kvm'");
	expect(xml, "<boot dev='network'/><boot dev='hd'/>");
	expect(xml, "<features><apic/></features>");
	expect(xml, "mode='host-passthrough'");
	expect(xml, "<feature policy='force' name='vmx'/>");
	expect(xml, "<vcpupin vcpu='0' cpuset='0-1'/>");
	expect(xml, "<target dev='sda' bus='scsi'/>");
	expect(xml, "model='virtio-scsi'");
	expect(xml, "<model type='e1000'/>");
	expect(xml, "<graphics type='vnc' port='11000' autoport='no' listen='0.0.0.0'/>");
	expect(xml, "<host name='h.example.com' port='81'/>");
	expect(xml, "<on_reboot>destroy</on_reboot>");
	expect(xml, "<qemu:arg value='a b'/><qemu:arg value='-x'/>");
	expect(xml, "<qemu:arg value='&quot;y'/>");
	expect(xml, "<clock offset='localtime'/>");
	validate(xml);
}

static void test_refused(void **state)
{
	json *p = kvm_defaults();

	(void)state;
	json_set(p, "kvm_extra", json_new_str("-x 'y"));
	assert_null(xml_for(p, true));
	assert_string_equal(e.cls, "HypervisorError");
	json_set(p, "kvm_extra", json_new_str(""));
	json_set(p, "disk_type", json_new_str("mtd"));
	assert_null(xml_for(p, true));
	assert_non_null(strstr(err_msg(&e), "mtd"));
}

static void test_fake(void **state)
{
	const struct hv_class *hv = hv_class_of(hypervisor_fake);
	json *none = json_own(a, json_new_dict());
	struct hv_instance *i =
		an_instance(json_own(a, json_pack("{s:s}", "migration_mode", "live")), "fake");
	struct hv_info info;
	struct strs names;

	(void)state;
	assert_int_equal(hv->info(a, i->name, none, &info, &e), 0);
	assert_ok(hv->start(a, i, NULL, 0, false, &e), &e);
	assert_int_equal(hv->start(a, i, NULL, 0, false, &e), -1);
	assert_int_equal(hv->info(a, i->name, none, &info, &e), 1);
	assert_int_equal(info.memory_mib, 128);
	assert_ok(hv->balloon(a, i, 64, &e), &e);
	assert_int_equal(hv->info(a, i->name, none, &info, &e), 1);
	assert_int_equal(info.memory_mib, 64);
	assert_ok(hv->list(a, none, &names, &e), &e);
	assert_int_equal(names.n, 1);
	assert_ok(hv->stop(a, i, false, false, &e), &e);
	assert_int_equal(hv->stop(a, i, false, false, &e), -1);
	assert_ok(hv->finalize_dst(a, i, NULL, true, &e), &e);
	assert_int_equal(hv->info(a, i->name, none, &info, &e), 1);
	assert_ok(hv->finalize_src(a, i, true, true, &e), &e);
	assert_int_equal(hv->info(a, i->name, none, &info, &e), 0);
}

static const char *nic_note(const char *file)
{
	char *text CLEANUP(freep) = NULL;
	const char *path = path_in(a, PATH_RUN_DIR, "kvm-hypervisor/nic/inst1.example.com/%s", file);

	return fs_read(path, 4096, &text, NULL) < 0 ? NULL : arena_strdup(a, text);
}

/* What was plugged into a running instance goes with it, too. */
static void test_plugged_nics(void **state)
{
	struct hv_instance *i = an_instance(kvm_defaults(), "kvm"), with;
	const char *first = nic_tap_name(a, &i->nics.v[0]), *second;
	json *device = json_own(
		a, json_pack("{s:s, s:s, s:{s:s, s:s, s:s}, s:{s:s}}", "mac", "aa:00:00:01:02:04",
			     "uuid", "0a1b2c3d-4e5f-493e-8d88-bf3acc7ef947", "nicparams", "mode",
			     "routed", "link", "", "vlan", "", "netinfo", "name", "net1"));

	(void)state;
	assert_ok(nic_plugged(a, i, 0, &e), &e);
	assert_string_equal(nic_note("0"), first);
	assert_ok(hv_instance_with_nic(a, i, device, 1, &with, &e), &e);
	assert_int_equal(with.nics.n, 2);
	second = nic_tap_name(a, &with.nics.v[1]);
	assert_string_equal(second, "gnt0a1b2c3d4e5");
	assert_ok(nic_plugged(a, &with, 1, &e), &e);
	assert_string_equal(nic_note("1"), second);
	assert_non_null(strstr(nic_note("env-1"), "\nNETWORK_NAME=net1\n"));
	assert_non_null(strstr(nic_note("env-1"), "\nINTERFACE_INDEX=1\n"));
	/* the first goes, so the next one is number 1 again, where one is */
	nic_unplugged(a, i->name, first);
	assert_null(nic_note("0"));
	assert_null(nic_note("env-0"));
	i->nics.v[0].uuid = "bbbbbbbb-4e5f-493e-8d88-bf3acc7ef947";
	with.nics.v[1] = i->nics.v[0];
	assert_ok(nic_plugged(a, &with, 1, &e), &e);
	assert_string_equal(nic_note("1"), second);
	assert_string_equal(nic_note("2"), nic_tap_name(a, &i->nics.v[0]));
	assert_ok(nics_down(a, i->name, &e), &e);
	assert_null(nic_note("1"));
	assert_null(nic_note("2"));
}

int main(void)
{
	static char root[] = "/tmp/hyper-root-XXXXXX";
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_escape, setup, teardown),
		cmocka_unit_test_setup_teardown(test_defaults, setup, teardown),
		cmocka_unit_test_setup_teardown(test_parameters, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fake, setup, teardown),
		cmocka_unit_test_setup_teardown(test_plugged_nics, setup, teardown),
	};
	int failed;

	if (!mkdtemp(root))
		return 1;
	setenv("GANETI_ROOTDIR", root, 1);
	setenv("GANETI_HOSTNAME", "node1.example.com", 1);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	fs_remove_tree(root);
	return failed;
}
