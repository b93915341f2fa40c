/* The parts of instance units that need no node: RPC dicts and hook variables against captures, NICs, disks. */
#include "tests/unit/unit.h"

#include "lib/sys/sys.h"
#include "src/lu/instance/priv.h"
#include "tests/harness/confkit.h"

struct fixture {
	struct confkit k;
	struct luctx lu;
	json *golden;
};

static json *load(struct arena *a, const char *name)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	char *text CLEANUP(freep) = NULL;
	json *j = NULL;

	if (fs_read(arena_printf(a, TEST_DATA "/%s", name), 1 << 20, &text, NULL) < 0)
		fail_msg("cannot read %s", name);
	assert_ok(json_parse(text, strlen(text), &j, &e), &e);
	return json_own(a, j);
}

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct arena *a = arena_new();
	json *data = load(a, "config/3.1.0rc2-full.json");

	assert_ok(config_upgrade(data, &e), &e);
	confkit_from(&f->k, data);
	f->lu = (struct luctx){ .a = a, .config = f->k.c };
	assert_ok(lu_refresh(&f->lu, &e), &e);
	f->golden = load(a, "lu/golden.json");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	snapshot_free(f->lu.snap);
	confkit_free(&f->k);
	arena_free(f->lu.a);
	free(f);
	return 0;
}

static const struct instance *find(struct fixture *f, const char *name)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	const struct instance *i;

	assert_ok(snap_find_instance(f->lu.snap, name, &i, &e), &e);
	return i;
}

/* What a later change of the same instance altered between the captures of the call and of the config. */
static void drop_volatile(json *d)
{
	static const char *const keys[] = { "serial_no", "mtime", "admin_state", "disks_active", "tags" };

	for (size_t k = 0; k < ARRAY_SIZE(keys); k++)
		json_del(d, keys[k]);
	json_items(json_get(d, "nics"), n, nic) {
		json *net = json_get(nic, "netinfo");

		/* the address was taken by the same commit as the instance */
		static const char *const later[] = { "reservations", "tags", "serial_no", "mtime" };

		for (size_t k = 0; net && k < ARRAY_SIZE(later); k++)
			json_del(net, later[k]);
	}
}

static void assert_json(const json *got, const json *want)
{
	char *g CLEANUP(freep) = json_dump_sorted(got), *w CLEANUP(freep) = json_dump_sorted(want);

	assert_string_equal(g, w);
}

static void test_inst_dict(void **state)
{
	struct fixture *f = *state;

	assert_true(json_len(json_get(f->golden, "instances")) == 3);
	json_items(json_get(f->golden, "instances"), k, want) {
		const struct instance *i = find(f, json_get_str(want, "name"));
		json *got CLEANUP(json_putp) = lu_inst_dict(&f->lu, i, NULL, NULL, NULL);

		drop_volatile(got);
		drop_volatile(want);
		assert_json(got, want);
	}
}

static void test_overrides(void **state)
{
	struct fixture *f = *state;
	json *hvp CLEANUP(json_putp) = json_pack("{s:s}", "migration_mode", "non-live");
	json *bep CLEANUP(json_putp) = json_pack("{s:i}", "maxmem", 77);
	json *osp CLEANUP(json_putp) = json_pack("{s:s}", "flavor", "other");
	json *d CLEANUP(json_putp) = lu_inst_dict(&f->lu, find(f, "inst2.example.com"), hvp, bep, osp);

	assert_string_equal(json_get_str(json_get(d, "hvparams"), "migration_mode"), "non-live");
	assert_int_equal(json_get_int(json_get(d, "beparams"), "maxmem", 0), 77);
	assert_int_equal(json_get_int(json_get(d, "beparams"), "vcpus", 0), 2);
	assert_string_equal(json_get_str(json_get(d, "osparams"), "flavor"), "other");
	assert_string_equal(json_get_str(json_get(d, "osparams"), "dhcp"), "yes");
}

/* blockdev_create gets a disk that is in no configuration yet. */
static void test_create_dict(void **state)
{
	struct fixture *f = *state;
	const json *want = json_at(json_get(f->golden, "create"), 0);
	const struct instance *i = find(f, json_str(json_at(want, 2)));
	struct disk d = *snap_disk(f->lu.snap, i->disks.v[0]);
	json *got CLEANUP(json_putp) = NULL;

	d.has_ctime = d.has_mtime = d.has_serial_no = d.has_children = d.has_forthcoming = false;
	got = lu_disk_dict(&f->lu, i, &d, i->primary_node);
	assert_json(got, json_at(want, 0));
}

static void test_disk_text(void **state)
{
	struct fixture *f = *state;
	struct disk d = *snap_disk(f->lu.snap, find(f, "inst3.example.com")->disks.v[0]);

	assert_string_equal(lu_disk_text(&f->lu, &d),
			    "<Disk(type=sharedfile, logical_id=('loop', '/srv/ganeti/shared-file-storage/"
			    "inst3.example.com/dfb8eea7-dd74-4069-8b3c-48496e687226.sharedfile.disk0'), "
			    "children=[], visible as /dev/disk/0, size=48m)>");
	d.has_children = false;
	assert_non_null(strstr(lu_disk_text(&f->lu, &d), "children=None"));
	assert_string_equal(lu_disks_dir(&f->lu, &d), "/srv/ganeti/shared-file-storage/inst3.example.com");
}

/* Python's str() of what a unit puts into the environment; the processor does the same. */
static const char *text_of(struct arena *a, const json *v)
{
	if (json_is(v, JSON_BOOL))
		return json_boolean(v, false) ? "True" : "False";
	return !v ? "None" : json_str(v) ? json_str(v) : json_dump_in(a, v);
}

static void compare_env(struct fixture *f, const json *env, const json *want)
{
	size_t seen = 0;

	json_each(want, key, v) {
		const char *name = key + strlen("GANETI_");

		/* only what the instance is responsible for */
		if (!str_starts(name, "INSTANCE_") && !str_eq(name, "OP_TARGET"))
			continue;
		if (!json_has(env, name))
			fail_msg("%s is missing", name);
		assert_string_equal(text_of(f->lu.a, json_get(env, name)), json_str(v));
		seen++;
	}
	assert_int_equal(seen, json_len(env));
}

static void test_hook_env(void **state)
{
	static const char *const cases[] = { "instance-start.pre.node1", "instance-modify.pre.node1.2" };
	struct fixture *f = *state;
	struct err e CLEANUP(err_clear) = ERR_NONE;

	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		const json *want = json_get(json_get(f->golden, "hooks"), cases[k]);
		json *env CLEANUP(json_putp) = json_new_dict();

		assert_ok(lu_hookenv_instance(&f->lu, find(f, json_get_str(want, "GANETI_INSTANCE_NAME")), env, &e),
			  &e);
		compare_env(f, env, want);
	}
}

/* A new instance: disks have a size and no device, the status says whether it is to be started. */
static void test_hook_env_add(void **state)
{
	struct fixture *f = *state;
	const json *want = json_get(json_get(f->golden, "hooks"), "instance-add.pre.node1.1");
	const struct instance *i = find(f, "inst3.example.com");
	struct disk d = { .size = 48, .mode = disk_mode_rw };
	const struct disk *v[] = { &d };
	json *env CLEANUP(json_putp) = json_new_dict();

	lu_hookenv_build(&f->lu, i, "sharedfile", v, 1, env);
	json_set(env, "INSTANCE_STATUS", json_new_bool(true));
	compare_env(f, env, want);
}

/* --- NICs --- */
static void assert_refused(int rc, const struct err *e, const char *code, const char *msg)
{
	assert_int_equal(rc, -1);
	assert_string_equal(err_msg(e), msg);
	assert_ptr_equal(e->cls, ERR_PREREQ);
	assert_ptr_equal(e->code, code);
}

static void test_nics(void **state)
{
	struct fixture *f = *state;
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *in CLEANUP(json_putp) = json_pack("[{}, {s:s, s:s, s:s, s:s}, {s:s, s:s, s:s}]", "mode", "bridged", "link",
						"br1", "ip", "10.0.0.9", "name", "n1", "network", "net1", "ip", "pool",
						"name", "none");
	nic_list_t nics;

	assert_ok(lu_nics_new(&f->lu, in, NULL, &nics, &e), &e);
	assert_int_equal(nics.n, 3);
	assert_null(nics.v[0].mac);
	assert_false(nics.v[0].nicparams.has_mode);
	assert_false(nics.v[0].has_ip);
	assert_string_equal(nics.v[1].nicparams.link, "br1");
	assert_string_equal(nics.v[1].ip, "10.0.0.9");
	assert_string_equal(nics.v[1].name, "n1");
	assert_string_equal(nics.v[2].network, "58856bc8-0de7-47ff-be52-3196c57f181c");
	assert_string_equal(nics.v[2].ip, "pool");
	assert_false(nics.v[2].has_name);
}

static void test_nics_refused(void **state)
{
	static const struct {
		const char *nics, *code, *msg;
	} cases[] = {
		{ "[{'ip':'auto'}]", "wrong_input", "IP address set to auto but name checks have been skipped" },
		{ "[{'ip':'pool'}]", "wrong_input", "if ip=pool, parameter network must be passed too" },
		{ "[{'ip':'10.0.0'}]", "wrong_input", "Invalid IP address '10.0.0'" },
		{ "[{'mode':'routed'}]", "wrong_input",
		  "Routed nic mode requires an ip address if not attached to a network" },
		{ "[{'network':'net1','link':'br0'}]", "wrong_input",
		  "If network is given, no mode or link is allowed to be passed" },
		{ "[{'network':'nope'}]", "unknown_entity", "Network 'nope' not found" },
		{ "[{'mac':'aa:bb:cc'}]", "wrong_input", "Invalid MAC address 'aa:bb:cc'" },
		{ "[{'name':'a'},{'name':'a'}]", "resource_not_unique", "NIC name 'a' already used" },
		{ "[{'name':'7'}]", "wrong_input", "Invalid name '7'. Purely numeric NIC names are not allowed" },
		{ "[{'vlan':'x'}]", "wrong_input", "Specified VLAN parameter is invalid : x" },
		{ "[{},{},{},{},{},{},{},{},{}]", "wrong_state",
		  "Instance has too many network interfaces (8), cannot add more" },
	};
	struct fixture *f = *state;

	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		struct err e CLEANUP(err_clear) = ERR_NONE;
		nic_list_t nics;

		assert_refused(lu_nics_new(&f->lu, confkit_json(&f->k, "%s", cases[k].nics), NULL, &nics, &e), &e,
			       errcode_find(cases[k].code), cases[k].msg);
	}
}

static void test_vlan(void **state)
{
	struct fixture *f = *state;
	struct err e CLEANUP(err_clear) = ERR_NONE;
	nic_list_t nics;

	assert_ok(lu_nics_new(&f->lu, confkit_json(&f->k, "[{'vlan':10},{'vlan':'.5:6'},{'vlan':':7:8'}]"), NULL, &nics,
			      &e),
		  &e);
	assert_string_equal(nics.v[0].nicparams.vlan, ".10");
	assert_string_equal(nics.v[1].nicparams.vlan, ".5:6");
	assert_string_equal(nics.v[2].nicparams.vlan, ":7:8");
}

/* --- disks --- */
static void test_specs(void **state)
{
	struct fixture *f = *state;
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct lu_disk_spec *s;
	size_t n;

	assert_ok(lu_disk_specs(&f->lu, confkit_json(&f->k, "[{'size':64,'name':'d0'},{'size':'2g','mode':'ro'}]"),
				disk_template_file, &s, &n, &e),
		  &e);
	assert_int_equal(n, 2);
	assert_int_equal(s[0].size, 64);
	assert_string_equal(s[0].name, "d0");
	assert_int_equal(s[1].size, 2048);
	assert_int_equal(s[1].mode, disk_mode_ro);
}

static void test_specs_refused(void **state)
{
	static const struct {
		const char *disks, *msg;
		int template_;
	} cases[] = {
		{ "[{}]", "Missing disk size", disk_template_file },
		{ "[{'size':'x'}]", "Invalid disk size 'x'", disk_template_file },
		{ "[{'size':0}]", "Invalid disk size '0'", disk_template_file },
		{ "[{'size':1,'mode':'w'}]", "Invalid disk access mode 'w'", disk_template_file },
		{ "[{'size':1}]", "Diskless instance but disk information passed", disk_template_diskless },
		{ "[{'size':1,'adopt':'x'}]", "Disk adoption is not supported for the 'file' disk template",
		  disk_template_file },
	};
	struct fixture *f = *state;

	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		struct err e CLEANUP(err_clear) = ERR_NONE;
		struct lu_disk_spec *s;
		size_t n;

		assert_refused(lu_disk_specs(&f->lu, confkit_json(&f->k, "%s", cases[k].disks), cases[k].template_, &s,
					     &n, &e),
			       &e, ECODE_INVAL, cases[k].msg);
	}
}

static void test_storage_dir(void **state)
{
	struct fixture *f = *state;
	struct err e CLEANUP(err_clear) = ERR_NONE;
	const char *dir;

	assert_ok(lu_file_storage_dir(&f->lu, disk_template_file, "i.example.com", NULL, &dir, &e), &e);
	assert_string_equal(dir, "/srv/ganeti/file-storage/i.example.com");
	assert_ok(lu_file_storage_dir(&f->lu, disk_template_sharedfile, "i.example.com", "sub", &dir, &e), &e);
	assert_string_equal(dir, "/srv/ganeti/shared-file-storage/sub/i.example.com");
	assert_ok(lu_file_storage_dir(&f->lu, disk_template_diskless, "i.example.com", NULL, &dir, &e), &e);
	assert_null(dir);
	assert_int_equal(lu_file_storage_dir(&f->lu, disk_template_file, "i", "../../etc", &dir, &e), -1);
	assert_int_equal(lu_file_storage_dir(&f->lu, disk_template_file, "i", "/etc", &dir, &e), -1);
}

static void test_template(void **state)
{
	struct fixture *f = *state;
	struct err e CLEANUP(err_clear) = ERR_NONE;

	assert_refused(lu_check_template(&f->lu, disk_template_plain, &e), &e, NULL,
		       "Disk template 'plain' is not enabled in cluster. Enabled disk templates are: "
		       "diskless,file,sharedfile,ext");
	assert_ok(lu_check_template(&f->lu, disk_template_file, &e), &e);
	assert_refused(lu_check_template(&f->lu, disk_template_ext, &e), &e, ECODE_INVAL,
		       "Disk template 'ext' is not supported by this version");
}

/* --- parameters --- */
static void test_osparams(void **state)
{
	struct fixture *f = *state;
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *pub = confkit_json(&f->k, "{'flavor':'x'}"), *priv = confkit_json(&f->k, "{'p':'1'}");
	json *secret = confkit_json(&f->k, "{'s':'2'}"), *all;

	assert_ok(inst_all_osparams(&f->lu, "dumpos+default", pub, priv, secret, &all, &e), &e);
	assert_json(all, confkit_json(&f->k, "{'dhcp':'no','flavor':'x','p':'1','s':'2'}"));
	assert_int_equal(inst_all_osparams(&f->lu, "dumpos+default", pub, confkit_json(&f->k, "{'dhcp':'1'}"), secret,
					   &all, &e),
			 -1);
	assert_non_null(strstr(err_msg(&e), "Cannot assign multiple values to OS parameters."));
	assert_non_null(strstr(err_msg(&e), "at private visibility: 'dhcp'"));
}

static void test_beparams(void **state)
{
	struct fixture *f = *state;
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *out;

	assert_ok(inst_beparams(&f->lu, confkit_json(&f->k, "{'memory':'1g','vcpus':'2'}"), NULL, &out, &e), &e);
	assert_json(out, confkit_json(&f->k, "{'maxmem':1024,'minmem':1024,'vcpus':2}"));
	assert_int_equal(inst_beparams(&f->lu, confkit_json(&f->k, "{'foo':1}"), NULL, &out, &e), -1);
	assert_ptr_equal(e.cls, TypeEnforcementError);
	assert_string_equal(err_msg(&e), "Unknown parameter 'foo'");
}

/* --- modifications --- */
static void test_mods(void **state)
{
	struct fixture *f = *state;
	struct err e CLEANUP(err_clear) = ERR_NONE;
	const struct mod_item items[] = { { "u0", "a" }, { "u1", NULL } };
	struct mod *m;
	size_t n, at;

	assert_ok(mods_parse(&f->lu, "NIC",
			     confkit_json(&f->k, "[['add',{'ip':'none'}],['modify','a',{}],['remove','1',{}],[0,{'mac':"
						 "'generate'}],['remove',-1,{}],['modify',5,{}]]"),
			     &m, &n, &e),
		  &e);
	assert_int_equal(n, 6);
	assert_int_equal(m[0].action, MOD_ADD);
	assert_ok(mod_insert_at("NIC", &m[0], 2, &at, &e), &e);
	assert_int_equal(at, 2);
	assert_ok(mod_find("NIC", &m[1], items, 2, &at, &e), &e);
	assert_int_equal(at, 0);
	assert_ok(mod_find("NIC", &m[2], items, 2, &at, &e), &e);
	assert_int_equal(at, 1);
	assert_int_equal(m[3].action, MOD_MODIFY);
	assert_ok(mod_find("NIC", &m[4], items, 2, &at, &e), &e);
	assert_int_equal(at, 1);
	assert_refused(mod_find("NIC", &m[5], items, 2, &at, &e), &e, ECODE_INVAL,
		       "Got NIC index 5, but there are only 2");
	assert_refused(mods_parse(&f->lu, "disk", confkit_json(&f->k, "[['add',{}],['remove',{}]]"), &m, &n, &e), &e,
		       ECODE_INVAL, "Only one disk add or remove operation is supported at a time");
	assert_refused(mods_parse(&f->lu, "disk", confkit_json(&f->k, "[['remove',0,{'size':1}]]"), &m, &n, &e), &e,
		       ECODE_INVAL, "No settings should be passed when removing a disk");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_inst_dict, setup, teardown),
		cmocka_unit_test_setup_teardown(test_overrides, setup, teardown),
		cmocka_unit_test_setup_teardown(test_create_dict, setup, teardown),
		cmocka_unit_test_setup_teardown(test_disk_text, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hook_env, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hook_env_add, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nics, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nics_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_vlan, setup, teardown),
		cmocka_unit_test_setup_teardown(test_specs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_specs_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_storage_dir, setup, teardown),
		cmocka_unit_test_setup_teardown(test_template, setup, teardown),
		cmocka_unit_test_setup_teardown(test_osparams, setup, teardown),
		cmocka_unit_test_setup_teardown(test_beparams, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mods, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
