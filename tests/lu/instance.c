/* Instance units on pretended nodes: what they do, and that failures at any point leave things in order. */
#include "tests/unit/unit.h"

#include "tests/harness/lukit.h"

#define ADD_FILE                                                                                               \
	"{'OP_ID':'OP_INSTANCE_CREATE','instance_name':'i1.example.com','mode':'create','nics':[{'mode':"      \
	"'routed','ip':'10.0.0.1'}],'disks':[{'size':1024},{'size':2048,'name':'d1'}],'disk_template':"        \
	"'sharedfile','os_type':'testos+default','pnode':'node1.example.com','hypervisor':'fake'}"
#define MIGRATE "{'OP_ID':'OP_INSTANCE_MIGRATE','instance_name':'i1.example.com','target_node':'node2.example.com'}"
#define FAILOVER \
	"{'OP_ID':'OP_INSTANCE_FAILOVER','instance_name':'i1.example.com','target_node':'node2.example.com'}"
#define MODIFY(what) "{'OP_ID':'OP_INSTANCE_SET_PARAMS','instance_name':'i1.example.com','ignore_ipolicy':true," what "}"
#define NODE1 "node1.example.com"
#define NODE2 "node2.example.com"

static void in_order(struct lukit *l)
{
	const char *bad = lukit_problems(l);

	if (bad)
		fail_msg("%s", bad);
}

static const char *get(struct lukit *l, const char *member)
{
	return json_get_str(lukit_instance(l, "i1.example.com"), member);
}

static const char *primary(struct lukit *l)
{
	return str_eq(get(l, "primary_node"), confkit_node(&l->k, 1)) ? NODE1 : NODE2;
}

static void assert_log(struct lukit *l, const char *const *lines, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_string_equal(json_str(json_at(l->log, i)), lines[i]);
	assert_int_equal(json_len(l->log), n);
}

/* --- create --- */
static void test_create(void **state)
{
	static const char *const lines[] = {
		"* disk 0, size 1.0G",
		"* disk 1, size 2.0G",
		"* creating instance disks...",
		"adding instance i1.example.com to cluster config",
		"adding disks to cluster config",
		" - INFO: Waiting for instance i1.example.com to sync disks",
		" - INFO: Instance i1.example.com's disks are in sync",
		" - INFO: Waiting for instance i1.example.com to sync disks",
		" - INFO: Instance i1.example.com's disks are in sync",
		"* running the instance OS create scripts...",
		"* starting instance...",
	};
	struct lukit *l = *state;
	json *ret;

	lukit_must(l, ADD_FILE, &ret);
	assert_string_equal(json_str(json_at(ret, 0)), NODE1);
	assert_log(l, lines, ARRAY_SIZE(lines));
	assert_int_equal(lukit_count(l, "file", NODE1), 2);
	assert_int_equal(lukit_count(l, "guest", NODE1), 1);
	assert_string_equal(get(l, "admin_state"), "up");
	assert_true(json_get_bool(lukit_instance(l, "i1.example.com"), "disks_active", false));
	in_order(l);
	lukit_must_not(l, ADD_FILE, "OpPrereqError", "already_exists", "Instance 'i1.example.com' is already in the cluster");
	lukit_must(l, "{'OP_ID':'OP_INSTANCE_REMOVE','instance_name':'i1.example.com'}", NULL);
	assert_int_equal(lukit_count(l, "file", NULL) + lukit_count(l, "dir", NULL) + lukit_count(l, "guest", NULL), 0);
	assert_null(lukit_instance(l, "i1.example.com"));
	in_order(l);
}

/* Parts of ADD_FILE replaced. */
static const char *with(struct lukit *l, const char *from, const char *to)
{
	const char *at = strstr(ADD_FILE, from);

	assert_non_null(at);
	return arena_printf(l->k.a, "%.*s%s%s", (int)(at - ADD_FILE), ADD_FILE, to, at + strlen(from));
}

static void test_create_refused(void **state)
{
	static const struct {
		const char *from, *to, *cls, *code, *msg;
	} cases[] = {
		{ "'mode':'create'", "'mode':'import'", "OpPrereqError", "wrong_input",
		  "Instance creation mode 'import' is not supported by this version" },
		{ "'pnode':'node1.example.com'", "'pnode':'nope'", "OpPrereqError", "unknown_entity",
		  "Node 'nope' not known" },
		{ "'pnode':'node1.example.com'", "'comment':'x'", "OpPrereqError", "wrong_input",
		  "No iallocator or node given and no cluster-wide default iallocator found; please specify either an "
		  "iallocator or a node, or set a cluster-wide default iallocator" },
		{ "'pnode':'node1.example.com'", "'pnode':'node1.example.com','iallocator':'x'", "OpPrereqError",
		  "wrong_input", "Do not specify both, iallocator and node" },
		{ "'disk_template':'sharedfile'", "'disk_template':'plain'", "OpPrereqError", NULL,
		  "Disk template 'plain' is not enabled in cluster. Enabled disk templates are: "
		  "diskless,file,sharedfile,drbd" },
		{ "'hypervisor':'fake'", "'hypervisor':'lxc'", "OpPrereqError", "wrong_state",
		  "Selected hypervisor (lxc) not enabled in the cluster (fake,kvm)" },
		{ "'hypervisor':'fake'", "'hvparams':{'migration_mode':'live'}", "OpPrereqError", "wrong_input",
		  "The following hypervisor parameters are global and cannot be customized at instance level, please "
		  "modify them at cluster level: migration_mode" },
		{ "'hypervisor':'fake'", "'hvparams':{'foo':1}", "TypeEnforcementError", NULL,
		  "Unknown parameter 'foo'" },
		{ "'hypervisor':'fake'", "'beparams':{'memory':1000000}", "OpPrereqError", "wrong_input",
		  "Instance allocation to group 00000000-0000-4000-8000-000000000001 (default) violates policy: "
		  "memory-size value 1000000 is not in range [128, 32768]" },
		{ "'hypervisor':'fake'", "'beparams':{'memory':16384}", "OpPrereqError", "insufficient_resources",
		  "Not enough memory on node node1.example.com for creating instance i1.example.com: needed 16384 MiB, "
		  "available 8192 MiB" },
		{ "'hypervisor':'fake'", "'beparams':{'minmem':256}", "OpPrereqError", "wrong_input",
		  "Minimum memory (256 MiB) is larger than maximum memory (128 MiB)" },
		{ "'hypervisor':'fake'", "'ip_check':true", "OpPrereqError", "wrong_input",
		  "Cannot do IP address check without a name check" },
		{ "'hypervisor':'fake'", "'tags':['a b']", "TagError", NULL, "Tag contains invalid characters" },
		{ "'os_type':'testos+default',", "", "OpPrereqError", "wrong_input",
		  "No guest OS or OS image specified" },
	};
	struct lukit *l = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		lukit_must_not(l, with(l, cases[i].from, cases[i].to), cases[i].cls, cases[i].code, cases[i].msg);
		assert_null(lukit_instance(l, "i1.example.com"));
		in_order(l);
	}
}

static void test_create_fails(void **state)
{
	struct lukit *l = *state;

	lukit_fail(l, RPC_os_validate, NODE1, "Directory for OS nope not found in search path");
	lukit_must_not(l, ADD_FILE, "OpExecError", NULL,
		 "OS Parameters validation failed on node node1.example.com: Directory for OS nope not found in search "
		 "path");
	lukit_fail_none(l);
	lukit_fail(l, RPC_instance_os_add, NULL, "OS create script failed (exited with exit code 3)");
	lukit_must_not(l, ADD_FILE, "OpExecError", NULL,
		 "Could not add os for instance i1.example.com on node node1.example.com: OS create script failed "
		 "(exited with exit code 3)");
	/* there to look at, as upstream leaves it */
	assert_string_equal(get(l, "admin_state"), "down");
	assert_int_equal(lukit_count(l, "guest", NULL), 0);
	in_order(l);
	lukit_fail_none(l);
	lukit_must(l, "{'OP_ID':'OP_INSTANCE_REINSTALL','instance_name':'i1.example.com'}", NULL);
	lukit_must(l, "{'OP_ID':'OP_INSTANCE_STARTUP','instance_name':'i1.example.com'}", NULL);
	assert_int_equal(lukit_count(l, "guest", NODE1), 1);
}

/* --- every call failing in turn --- */
/* What holds whatever happened: no stray things; the guest in one place; the config says where. */
static void check_guest(struct lukit *l, int k, const char *what)
{
	const char *bad = lukit_problems(l);
	int guests = lukit_count(l, "guest", NULL);

	if (bad)
		fail_msg("%s, call %d: %s\n%s", what, k, bad, json_dump_in(l->k.a, l->calls));
	if (guests > 1)
		fail_msg("%s, call %d: runs in %d places", what, k, guests);
}

static void sweep_create(struct lukit *l, enum lukit_how how, bool forever)
{
	int n = 1;

	for (int k = 0; k <= n; k++) {
		struct err e CLEANUP(err_clear) = ERR_NONE;
		int rc;

		lukit_clear(l);
		lukit_fail_nth(l, k - 1, how, forever);
		rc = lukit_run(l, ADD_FILE, NULL, &e);
		if (k == 0) {
			assert_int_equal(rc, 0);
			n = lukit_calls(l);
			assert_true(n > 8);
		}
		/* a node that never answers again keeps what is on it */
		if (forever)
			continue;
		check_guest(l, k, "create");
		if (rc < 0 && !lukit_instance(l, "i1.example.com"))
			assert_int_equal(lukit_count(l, "file", NULL), 0);
	}
}

static void test_sweep_create(void **state)
{
	sweep_create(*state, LUKIT_BEFORE, false);
	sweep_create(*state, LUKIT_AFTER, false);
	sweep_create(*state, LUKIT_BEFORE, true);
}

static void sweep_move(struct lukit *l, const char *op, enum lukit_how how, bool forever)
{
	int n = 1;

	for (int k = 0; k <= n; k++) {
		struct err e CLEANUP(err_clear) = ERR_NONE;

		lukit_clear(l);
		lukit_must(l, ADD_FILE, NULL);
		lukit_fail_nth(l, k - 1, how, forever);
		lukit_run(l, op, NULL, &e);
		if (k == 0) {
			n = lukit_calls(l);
			assert_int_equal(lukit_count(l, "guest", NODE2), 1);
		}
		/* a migration never stops the guest, not even for good reasons */
		if (strstr(op, "MIGRATE") && lukit_count(l, "guest", NULL) != 1)
			fail_msg("%s, call %d (%s): the guest is lost\n%s\n%s", op, k, err_msg(&e),
				 json_dump_in(l->k.a, l->calls), json_dump_in(l->k.a, l->log));
		if (!forever)
			check_guest(l, k, op);
	}
}

static void test_sweep_migrate(void **state)
{
	sweep_move(*state, MIGRATE, LUKIT_BEFORE, false);
	sweep_move(*state, MIGRATE, LUKIT_AFTER, false);
	sweep_move(*state, MIGRATE, LUKIT_BEFORE, true);
	sweep_move(*state, MIGRATE, LUKIT_AFTER, true);
}

static void test_sweep_failover(void **state)
{
	sweep_move(*state, FAILOVER, LUKIT_BEFORE, false);
	sweep_move(*state, FAILOVER, LUKIT_AFTER, false);
}

/* The others: whatever fails, nothing is left that no instance accounts for, and doing it again works. */
static void sweep_again(struct lukit *l, const char *op, bool stopped, enum lukit_how how)
{
	int n = 1;

	for (int k = 0; k <= n; k++) {
		struct err e CLEANUP(err_clear) = ERR_NONE;
		int rc;

		lukit_clear(l);
		lukit_must(l, ADD_FILE, NULL);
		if (stopped)
			lukit_must(l, "{'OP_ID':'OP_INSTANCE_SHUTDOWN','instance_name':'i1.example.com'}", NULL);
		lukit_fail_nth(l, k - 1, how, false);
		rc = lukit_run(l, op, NULL, &e);
		if (k == 0)
			n = lukit_calls(l);
		check_guest(l, k, op);
		if (rc < 0 && lukit_instance(l, "i1.example.com"))
			lukit_must(l, op, NULL);
		check_guest(l, k, op);
	}
}

static void test_sweep_others(void **state)
{
	static const struct {
		const char *op;
		bool stopped;
	} ops[] = {
		{ "{'OP_ID':'OP_INSTANCE_REMOVE','instance_name':'i1.example.com'}", false },
		{ "{'OP_ID':'OP_INSTANCE_REBOOT','instance_name':'i1.example.com','reboot_type':'full'}", false },
		{ "{'OP_ID':'OP_INSTANCE_STARTUP','instance_name':'i1.example.com'}", true },
		{ "{'OP_ID':'OP_INSTANCE_REINSTALL','instance_name':'i1.example.com'}", true },
		{ "{'OP_ID':'OP_INSTANCE_RENAME','instance_name':'i1.example.com','new_name':'i2.example.com'}", true },
		{ "{'OP_ID':'OP_INSTANCE_GROW_DISK','instance_name':'i1.example.com','disk':0,'amount':16}", true },
		{ MODIFY("'disks':[['add',-1,{'size':64}]]"), true },
		{ MODIFY("'disks':[['remove',0,{}]]"), true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		sweep_again(*state, ops[i].op, ops[i].stopped, LUKIT_BEFORE);
		sweep_again(*state, ops[i].op, ops[i].stopped, LUKIT_AFTER);
	}
}

/* --- migrate --- */
static void test_migrate(void **state)
{
	static const char *const lines[] = {
		"Migrating instance i1.example.com",
		"* checking disk consistency between source and target",
		"* closing instance disks on node node2.example.com",
		"* opening instance disks on node node1.example.com in shared mode",
		"* opening instance disks on node node2.example.com in shared mode",
		"* preparing node2.example.com to accept the instance",
		"* migrating instance to node2.example.com",
		"* starting memory transfer",
		"* memory transfer complete",
		"* closing instance disks on node node1.example.com",
		"* opening instance disks on node node2.example.com in exclusive mode",
		"* done",
	};
	struct lukit *l = *state;

	lukit_must(l, ADD_FILE, NULL);
	lukit_must(l, MIGRATE, NULL);
	assert_log(l, lines, ARRAY_SIZE(lines));
	assert_int_equal(lukit_count(l, "guest", NODE2), 1);
	assert_string_equal(primary(l), NODE2);
	assert_string_equal(json_get_str(l->hook_env, "GANETI_OLD_PRIMARY"), NODE1);
	assert_string_equal(json_get_str(l->hook_env, "GANETI_NEW_PRIMARY"), NODE2);
	assert_string_equal(json_get_str(l->hook_env, "GANETI_MIGRATE_LIVE"), "True");
	in_order(l);
	lukit_must_not(l, MIGRATE, "OpPrereqError", "wrong_state",
		 "Cannot migrate instance i1.example.com to its primary (node2.example.com)");
}

static void test_migrate_refused(void **state)
{
	struct lukit *l = *state;

	lukit_must(l, ADD_FILE, NULL);
	lukit_fail(l, RPC_instance_migratable, NULL, "Instance i1.example.com is not running");
	lukit_must_not(l, MIGRATE, "OpPrereqError", "wrong_state",
		 "Can't migrate, please use failover: Instance i1.example.com is not running");
	lukit_fail_none(l);
	lukit_fail(l, RPC_accept_instance, NULL, "no");
	lukit_must_not(l, MIGRATE, "OpExecError", NULL, "Could not pre-migrate instance i1.example.com: no");
	assert_true(lukit_logged(l, "Pre-migration failed, aborting"));
	in_order(l);
	lukit_fail_none(l);
	lukit_fail(l, RPC_instance_migrate, NULL, "refused");
	lukit_must_not(l, MIGRATE, "OpExecError", NULL, "Could not migrate instance i1.example.com: refused");
	assert_true(lukit_logged(l, "Migration failed, aborting"));
	assert_int_equal(lukit_count(l, "guest", NODE1), 1);
	assert_int_equal(lukit_count(l, "incoming", NULL), 0);
	assert_string_equal(primary(l), NODE1);
	in_order(l);
}

/* Cut off after the guest had moved: the configuration is put right by the clean-up. */
static void test_cleanup(void **state)
{
	static const char op[] = "{'OP_ID':'OP_INSTANCE_MIGRATE','instance_name':'i1.example.com','target_node':"
				 "'node2.example.com','cleanup':true}";
	struct lukit *l = *state;

	lukit_must(l, ADD_FILE, NULL);
	lukit_must(l, op, NULL);
	assert_true(lukit_logged(l, "* instance confirmed to be running on its primary node (node1.example.com)"));
	lukit_must(l, "{'OP_ID':'OP_INSTANCE_SHUTDOWN','instance_name':'i1.example.com','no_remember':true}", NULL);
	lukit_must_not(l, op, "OpExecError", NULL,
		 "Instance does not seem to be running at all; in this case it's safer to repair by running "
		 "'gnt-instance stop' to ensure disk shutdown, and then restarting it");
	lukit_put(l, "guest", NODE2, "i1.example.com");
	lukit_must(l, op, NULL);
	assert_true(lukit_logged(l, "* instance running on secondary node (node2.example.com), updating config"));
	assert_string_equal(primary(l), NODE2);
	in_order(l);
}

static void test_failover(void **state)
{
	static const char *const lines[] = {
		"Failover instance i1.example.com",
		"* checking disk consistency between source and target",
		"* shutting down instance on source node",
		"* closing instance disks on node node1.example.com",
		"* deactivating the instance's disks on source node",
		"* activating the instance's disks on target node node2.example.com",
		"* starting the instance on the target node node2.example.com",
	};
	struct lukit *l = *state;

	lukit_must(l, ADD_FILE, NULL);
	lukit_must(l, FAILOVER, NULL);
	assert_log(l, lines, ARRAY_SIZE(lines));
	assert_int_equal(lukit_count(l, "guest", NODE2), 1);
	in_order(l);
	lukit_must(l, "{'OP_ID':'OP_INSTANCE_SHUTDOWN','instance_name':'i1.example.com'}", NULL);
	lukit_must(l,
	     "{'OP_ID':'OP_INSTANCE_FAILOVER','instance_name':'i1.example.com','target_node':'node1.example.com'}", NULL);
	assert_true(lukit_logged(l, "* not checking disk consistency as instance is not running"));
	assert_int_equal(lukit_count(l, "guest", NULL), 0);
}

/* --- the rest of a life --- */
static void test_power(void **state)
{
	struct lukit *l = *state;

	lukit_must(l, ADD_FILE, NULL);
	lukit_must(l, "{'OP_ID':'OP_INSTANCE_SHUTDOWN','instance_name':'i1.example.com'}", NULL);
	assert_string_equal(get(l, "admin_state"), "down");
	assert_false(json_get_bool(lukit_instance(l, "i1.example.com"), "disks_active", true));
	lukit_fail(l, RPC_instance_start, NULL, "Hypervisor error: no");
	lukit_must_not(l, "{'OP_ID':'OP_INSTANCE_STARTUP','instance_name':'i1.example.com'}", "OpExecError", NULL,
		 "Could not start instance 'i1.example.com': Hypervisor error: no");
	assert_false(json_get_bool(lukit_instance(l, "i1.example.com"), "disks_active", true));
	lukit_fail_none(l);
	lukit_must(l, "{'OP_ID':'OP_INSTANCE_REBOOT','instance_name':'i1.example.com','reboot_type':'hard'}", NULL);
	assert_true(lukit_logged(l, "Instance i1.example.com was already stopped, starting now"));
	lukit_must(l, "{'OP_ID':'OP_INSTANCE_REBOOT','instance_name':'i1.example.com','reboot_type':'full'}", NULL);
	assert_int_equal(lukit_count(l, "guest", NODE1), 1);
	lukit_must(l, "{'OP_ID':'OP_INSTANCE_SHUTDOWN','instance_name':'i1.example.com','no_remember':true}", NULL);
	assert_string_equal(get(l, "admin_state"), "up");
	in_order(l);
}

static void test_rename(void **state)
{
	static const char op[] =
		"{'OP_ID':'OP_INSTANCE_RENAME','instance_name':'i1.example.com','new_name':'i2.example.com'}";
	struct lukit *l = *state;
	json *ret;

	lukit_must(l, ADD_FILE, NULL);
	lukit_must_not(l, op, "OpPrereqError", "wrong_state",
		 "Instance 'i1.example.com' is marked to be up, cannot rename");
	lukit_must(l, "{'OP_ID':'OP_INSTANCE_SHUTDOWN','instance_name':'i1.example.com'}", NULL);
	lukit_fail(l, RPC_file_storage_dir_rename, NULL, "no");
	lukit_must_not(l, op, "OpExecError", NULL,
		 "Could not rename on node node1.example.com directory "
		 "'/srv/ganeti/shared-file-storage/i1.example.com' to "
		 "'/srv/ganeti/shared-file-storage/i2.example.com': no");
	assert_non_null(lukit_instance(l, "i1.example.com"));
	in_order(l);
	lukit_fail_none(l);
	lukit_must(l, op, &ret);
	assert_string_equal(json_str(ret), "i2.example.com");
	assert_string_equal(json_get_str(l->hook_env, "GANETI_INSTANCE_NEW_NAME"), "i2.example.com");
	assert_null(lukit_instance(l, "i1.example.com"));
	in_order(l);
}

static void test_info(void **state)
{
	struct lukit *l = *state;
	json *ret, *i;

	lukit_must(l, ADD_FILE, NULL);
	lukit_must(l, "{'OP_ID':'OP_INSTANCE_QUERY_DATA','instances':['i1.example.com'],'use_locking':true}", &ret);
	i = json_get(ret, "i1.example.com");
	assert_string_equal(json_get_str(i, "run_state"), "up");
	assert_string_equal(json_get_str(i, "pnode"), NODE1);
	assert_int_equal(json_len(json_get(i, "disks")), 2);
	assert_string_equal(json_str(json_at(json_at(json_get(i, "nics"), 0), 4)), "routed");
	assert_int_equal(json_len(json_at(json_get(i, "nics"), 0)), 9);
	lukit_must(l, "{'OP_ID':'OP_INSTANCE_QUERY_DATA','static':true}", &ret);
	assert_null(json_get(json_get(ret, "i1.example.com"), "run_state"));
	lukit_must(l, "{'OP_ID':'OP_INSTANCE_CONSOLE','instance_name':'i1.example.com'}", &ret);
	assert_string_equal(json_get_str(ret, "kind"), "msg");
}

/* --- modify --- */

static void assert_result(const json *ret, const char *want)
{
	char *text CLEANUP(freep) = json_dump(ret);

	assert_string_equal(text, want);
}

static void test_modify_params(void **state)
{
	struct lukit *l = *state;
	json *ret;

	lukit_must(l, ADD_FILE, NULL);
	lukit_must(l, MODIFY("'beparams':{'maxmem':512,'vcpus':2}"), &ret);
	assert_result(ret, "[[\"be/maxmem\",512],[\"be/vcpus\",2]]");
	assert_true(lukit_logged(l, "Modification will take place without hotplugging."));
	assert_string_equal(json_get_str(l->hook_env, "GANETI_INSTANCE_MAXMEM"), "512");
	lukit_must(l, MODIFY("'beparams':{'maxmem':'default'}"), &ret);
	assert_false(json_has(json_get(lukit_instance(l, "i1.example.com"), "beparams"), "maxmem"));
	lukit_must(l, MODIFY("'osparams':{'x':'1'},'osparams_private':{'y':'2'}"), &ret);
	assert_result(ret, "[[\"os/x\",\"1\"],[\"os_private/y\",\"<redacted>\"]]");
	lukit_must_not(l, MODIFY("'offline':true"), "OpPrereqError", "wrong_state",
		 "Instance 'i1.example.com' is marked to be up, can't change to offline without being down first");
	lukit_must_not(l, MODIFY("'runtime_mem':64"), "OpPrereqError", "wrong_input",
		 "Instance i1.example.com must have memory between 128 and 128 MB of memory unless --force is given");
	lukit_must(l, "{'OP_ID':'OP_INSTANCE_SHUTDOWN','instance_name':'i1.example.com'}", NULL);
	lukit_must(l, MODIFY("'offline':true"), &ret);
	assert_result(ret, "[[\"admin_state\",\"offline\"]]");
	lukit_must_not(l, "{'OP_ID':'OP_INSTANCE_STARTUP','instance_name':'i1.example.com'}", "OpPrereqError", "wrong_state",
		 "Instance 'i1.example.com' is marked to be offline, can't use instance from outside down, up states");
	lukit_must(l, MODIFY("'offline':false"), &ret);
	lukit_must_not(l, MODIFY("'nics':[]"), "OpPrereqError", "wrong_input", "No changes submitted");
	in_order(l);
}

static void test_modify_nics(void **state)
{
	struct lukit *l = *state;
	json *ret, *nics;

	lukit_must(l, ADD_FILE, NULL);
	lukit_must(l, MODIFY("'nics':[['add',-1,{'mac':'aa:00:00:11:22:33','mode':'routed','link':'x','ip':'10.0.0.2','name':"
		       "'n1'}]]"),
	     &ret);
	assert_result(ret, "[[\"nic.1\",\"add:mac=aa:00:00:11:22:33,ip=10.0.0.2,mode=routed,link=x,network=None\"]]");
	lukit_must(l, MODIFY("'nics':[['modify','n1',{'ip':'10.0.0.3'}]]"), &ret);
	assert_result(ret, "[[\"nic.ip/1\",\"10.0.0.3\"],[\"nic.link/1\",\"x\"],[\"nic.mode/1\",\"routed\"],"
			   "[\"nic.vlan/1\",\"\"]]");
	lukit_must_not(l, MODIFY("'nics':[['add',-1,{'mac':'aa:00:00:11:22:33','mode':'routed','ip':'10.0.0.9'}]]"),
		 "OpPrereqError", "resource_not_unique", "MAC address aa:00:00:11:22:33 already in use in cluster");
	lukit_must_not(l, MODIFY("'nics':[['modify',1,{'mac':'auto'}]]"), "OpPrereqError", "wrong_input",
		 "'auto' is not a valid MAC address when modifying an existing NIC");
	lukit_must_not(l, MODIFY("'nics':[['modify','nope',{}]]"), "OpPrereqError", "unknown_entity",
		 "Cannot find NIC with identifier nope");
	lukit_must(l, MODIFY("'nics':[['remove','0',{}]]"), &ret);
	assert_result(ret, "[[\"NIC/0\",\"remove\"]]");
	nics = json_get(lukit_instance(l, "i1.example.com"), "nics");
	assert_int_equal(json_len(nics), 1);
	assert_string_equal(json_get_str(json_at(nics, 0), "ip"), "10.0.0.3");
	in_order(l);
}

static void test_modify_disks(void **state)
{
	struct lukit *l = *state;
	json *ret;

	lukit_must(l, ADD_FILE, NULL);
	lukit_must(l, MODIFY("'disks':[['add',0,{'size':64,'name':'new'}]]"), &ret);
	assert_result(ret, "[[\"disk/0\",\"add:size=64,mode=rw\"]]");
	assert_int_equal(lukit_count(l, "file", NULL), 3);
	in_order(l);
	lukit_must_not(l, MODIFY("'disks':[['remove','new',{}]]"), "OpPrereqError", "wrong_state",
		 "Instance 'i1.example.com' is marked to be up, can't remove volume from a running instance without "
		 "using hotplug");
	lukit_must_not(l, MODIFY("'disks':[['modify',0,{'size':1}]]"), "OpPrereqError", "wrong_input",
		 "Disk size change not possible, use grow-disk");
	lukit_must(l, "{'OP_ID':'OP_INSTANCE_SHUTDOWN','instance_name':'i1.example.com'}", NULL);
	lukit_must(l, MODIFY("'disks':[['modify','new',{'mode':'ro','name':'ren'}]]"), &ret);
	assert_result(ret, "[[\"disk.mode/0\",\"ro\"],[\"disk.name/0\",\"ren\"]]");
	lukit_must(l, MODIFY("'disks':[['detach','ren',{}]]"), &ret);
	assert_int_equal(lukit_count(l, "file", NULL), 3);
	lukit_must(l, MODIFY("'disks':[['attach',-1,{'name':'ren'}]]"), &ret);
	assert_result(ret, "[[\"disk/2\",\"attach:size=64,mode=ro\"]]");
	in_order(l);
	lukit_must(l, MODIFY("'disks':[['remove','ren',{}],['remove',0,{}]]"), &ret);
	assert_result(ret, "[[\"disk/2\",\"remove\"],[\"disk/0\",\"remove\"]]");
	assert_int_equal(lukit_count(l, "file", NULL), 1);
	in_order(l);
	lukit_must(l, "{'OP_ID':'OP_INSTANCE_STARTUP','instance_name':'i1.example.com'}", NULL);
}

/* A guest that takes devices while it runs. */
static void test_hotplug(void **state)
{
	struct lukit *l = *state;
	json *ret;

	lukit_must(l, ADD_FILE, NULL);
	lukit_answer(l, RPC_hotplug_supported, "null");
	lukit_must(l, MODIFY("'disks':[['add',-1,{'size':64}]]"), &ret);
	assert_result(ret, "[[\"disk/2\",\"add:size=64,mode=rw\"],[\"disk/2\",\"hotplug:done\"]]");
	assert_true(lukit_logged(l, " - INFO: Trying to hotplug device..."));
	assert_true(lukit_logged(l, " - INFO: Hotplug done."));
	lukit_fail(l, RPC_hotplug_device, NULL, "no");
	lukit_must(l, MODIFY("'disks':[['remove',2,{}]],'nics':[['remove',0,{}]]"), &ret);
	assert_result(ret, "[[\"disk/2\",\"remove\"],[\"disk/2\",\"hotplug:failed\"],[\"NIC/0\",\"remove\"],"
			   "[\"NIC/0\",\"hotplug:failed\"]]");
	assert_true(lukit_logged(l, " - WARNING: Could not hotplug device: no"));
	in_order(l);
}

/* --- networks --- */
#define NET "00000005-0000-4000-8000-000000000001"
#define ADD(name, nic)                                                                                            \
	"{'OP_ID':'OP_INSTANCE_CREATE','instance_name':'" name "','mode':'create','nics':[" nic                  \
	"],'disks':[],'disk_template':'diskless','os_type':'testos+default','pnode':'node1.example.com',"        \
	"'hypervisor':'fake'}"

static void add_network(struct lukit *l, const char *connected)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *changes CLEANUP(json_putp) = json_new_array();

	confkit_change(changes, "add", "network",
		       confkit_json(&l->k, "{'uuid':'" NET "','name':'net1','network':'10.5.0.0/24','gateway':'10.5.0.1',"
					   "'mac_prefix':'aa:bb:cc'}"));
	if (connected)
		confkit_change(changes, "update", "nodegroup",
			       confkit_json(&l->k,
					    "{'uuid':'" KIT_GROUP "','name':'default','serial_no':1,'networks':{'" NET
					    "':%s}}",
					    connected));
	assert_ok(config_commit(l->k.c, changes, NULL, NULL, NULL, &e), &e);
}

static json *nic_of(struct lukit *l, const char *name, size_t i)
{
	return json_at(json_get(lukit_instance(l, name), "nics"), i);
}

static void test_networks(void **state)
{
	struct lukit *l = *state;
	json *ret;

	add_network(l, "{'mode':'routed','link':'tab1','vlan':''}");
	lukit_must(l, ADD("a.example.com", "{'network':'net1','ip':'pool'}"), NULL);
	assert_true(lukit_logged(l, " - INFO: NIC/0 inherits netparams ['tab1', 'routed', '']"));
	/* .0 is the network, .1 could be taken but for the gateway's reservation */
	assert_true(lukit_logged(l, " - INFO: Chose IP 10.5.0."));
	assert_string_equal(json_get_str(json_get(nic_of(l, "a.example.com", 0), "nicparams"), "link"), "tab1");
	assert_true(str_starts(json_get_str(nic_of(l, "a.example.com", 0), "mac"), "aa:bb:cc:"));
	lukit_must(l, ADD("b.example.com", "{'network':'net1','ip':'pool'}"), NULL);
	assert_string_not_equal(json_get_str(nic_of(l, "a.example.com", 0), "ip"),
				json_get_str(nic_of(l, "b.example.com", 0), "ip"));
	lukit_must(l, ADD("c.example.com", "{'network':'net1','ip':'10.5.0.77'}"), NULL);
	lukit_must_not(l, ADD("d.example.com", "{'network':'net1','ip':'10.5.0.77'}"), "OpPrereqError", "resource_not_unique",
		 "IP address 10.5.0.77 already in use or does not belong to network net1");
	lukit_must_not(l, ADD("d.example.com", "{'network':'net1','ip':'10.6.0.7'}"), "OpPrereqError", "resource_not_unique",
		 "IP address 10.6.0.7 already in use or does not belong to network net1");
	lukit_must_not(l, ADD("d.example.com", "{'mode':'routed','ip':'10.5.0.9'}"), "OpPrereqError", "wrong_state",
		 "The requested IP address (10.5.0.9) belongs to network net1, but the target NIC does not.");
	lukit_must(l, "{'OP_ID':'OP_INSTANCE_SET_PARAMS','instance_name':'c.example.com','ignore_ipolicy':true,'nics':"
		"[['modify',0,{'ip':'10.5.0.78'}]]}",
	     &ret);
	assert_true(lukit_logged(l, "Reserving IP 10.5.0.78 in network net1"));
	lukit_must(l, ADD("d.example.com", "{'network':'net1','ip':'10.5.0.77'}"), NULL);
	lukit_must_not(l, "{'OP_ID':'OP_INSTANCE_SET_PARAMS','instance_name':'c.example.com','ignore_ipolicy':true,'nics':"
		    "[['modify',0,{'link':'x'}]]}",
		 "OpPrereqError", "wrong_input",
		 "Not allowed to change link or mode of a NIC that is connected to a network");
	lukit_must(l, "{'OP_ID':'OP_INSTANCE_REMOVE','instance_name':'d.example.com'}", NULL);
	lukit_must(l, ADD("e.example.com", "{'network':'net1','ip':'10.5.0.77'}"), NULL);
	in_order(l);
}

static void test_network_elsewhere(void **state)
{
	struct lukit *l = *state;

	add_network(l, NULL);
	lukit_must_not(l, ADD("a.example.com", "{'network':'net1','ip':'pool'}"), "OpPrereqError", "wrong_input",
		 "No netparams found for network net1. Probably not connected to node's node1.example.com nodegroup");
}

/* --- allocators --- */
/* ANSWER: JSON with ' for ". */
static void allocator_says(struct lukit *l, const char *answer)
{
	json *text CLEANUP(json_putp) = json_new_str(json_dump_in(l->k.a, confkit_json(&l->k, "%s", answer)));

	lukit_answer(l, RPC_iallocator_runner, json_dump_in(l->k.a, text));
}

static void test_allocator(void **state)
{
	struct lukit *l = *state;
	const char *op = with(l, "'pnode':'node1.example.com'", "'iallocator':'pick'");

	allocator_says(l, "{'success':true,'info':'','result':['node2.example.com']}");
	lukit_must(l, op, NULL);
	assert_true(lukit_logged(l, " - INFO: Selected nodes for instance i1.example.com via iallocator pick: "
				    "node2.example.com"));
	assert_string_equal(primary(l), NODE2);
	lukit_must_not(l, "{'OP_ID':'OP_INSTANCE_MIGRATE','instance_name':'i1.example.com','iallocator':'pick'}",
		 "OpPrereqError", "wrong_state",
		 "Cannot migrate instance i1.example.com to its primary (node2.example.com)");
	lukit_must_not(l, "{'OP_ID':'OP_INSTANCE_MIGRATE','instance_name':'i1.example.com','iallocator':'.'}", "OpPrereqError",
		 "wrong_input",
		 "No iallocator or node given and no cluster-wide default iallocator found; please specify either an "
		 "iallocator or a node, or set a cluster-wide default iallocator");
	allocator_says(l, "{'success':true,'info':'','result':['node1.example.com']}");
	lukit_must(l, "{'OP_ID':'OP_INSTANCE_MIGRATE','instance_name':'i1.example.com','iallocator':'pick'}", NULL);
	assert_string_equal(primary(l), NODE1);
	in_order(l);
}

static void test_allocator_fails(void **state)
{
	struct lukit *l = *state;

	allocator_says(l, "{'success':false,'info':'no room','result':[]}");
	lukit_must_not(l, with(l, "'pnode':'node1.example.com'", "'iallocator':'pick'"), "OpPrereqError",
		 "insufficient_resources", "Can't compute nodes using iallocator 'pick': no room");
	lukit_must_not(l, with(l, "'pnode':'node1.example.com'", "'iallocator':'pick','opportunistic_locking':true"),
		 "OpPrereqError", "temp_insufficient_resources", "Can't compute nodes using iallocator 'pick': no room");
	lukit_must_not(l, with(l, "'pnode':'node1.example.com'", "'pnode':'node1','opportunistic_locking':true"),
		 "OpPrereqError", "wrong_input",
		 "Opportunistic locking is only available in combination with an instance allocator");
	in_order(l);
}

/* --- disks --- */
static void test_disk_operations(void **state)
{
	struct lukit *l = *state;
	json *ret;

	lukit_must(l, ADD_FILE, NULL);
	lukit_must(l, "{'OP_ID':'OP_INSTANCE_GROW_DISK','instance_name':'i1.example.com','disk':0,'amount':16}", NULL);
	assert_string_equal(json_str(json_at(l->log, 0)), "Growing disk 0 of instance 'i1.example.com' by 16M to 1.0G");
	lukit_must_not(l, "{'OP_ID':'OP_INSTANCE_GROW_DISK','instance_name':'i1.example.com','disk':5,'amount':16}",
		 "OpPrereqError", "wrong_input", "Invalid disk index 5 passed (the instance has 2 disks)");
	lukit_must_not(l, "{'OP_ID':'OP_INSTANCE_DEACTIVATE_DISKS','instance_name':'i1.example.com'}", "OpPrereqError",
		 "wrong_state", "Instance 'i1.example.com' is marked to be up, cannot shutdown disks");
	lukit_must(l, "{'OP_ID':'OP_INSTANCE_SHUTDOWN','instance_name':'i1.example.com'}", NULL);
	lukit_must(l, "{'OP_ID':'OP_INSTANCE_ACTIVATE_DISKS','instance_name':'i1.example.com'}", &ret);
	assert_string_equal(json_str(json_at(json_at(ret, 1), 1)), "disk/1");
	lukit_must(l, "{'OP_ID':'OP_INSTANCE_DEACTIVATE_DISKS','instance_name':'i1.example.com'}", NULL);
	/* disks that are there are not touched */
	lukit_fail_none(l);
	{
		struct err e CLEANUP(err_clear) = ERR_NONE;

		assert_int_equal(lukit_run(l, "{'OP_ID':'OP_INSTANCE_RECREATE_DISKS','instance_name':'i1.example.com'}",
					   NULL, &e),
				 -1);
		assert_non_null(strstr(err_msg(&e), "Can't create block device <Disk(type=sharedfile"));
		assert_non_null(strstr(err_msg(&e), "File exists"));
	}
	assert_int_equal(lukit_count(l, "file", NULL), 2);
	in_order(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_create, lukit_setup, lukit_teardown),
		cmocka_unit_test_setup_teardown(test_create_refused, lukit_setup, lukit_teardown),
		cmocka_unit_test_setup_teardown(test_create_fails, lukit_setup, lukit_teardown),
		cmocka_unit_test_setup_teardown(test_migrate, lukit_setup, lukit_teardown),
		cmocka_unit_test_setup_teardown(test_migrate_refused, lukit_setup, lukit_teardown),
		cmocka_unit_test_setup_teardown(test_cleanup, lukit_setup, lukit_teardown),
		cmocka_unit_test_setup_teardown(test_failover, lukit_setup, lukit_teardown),
		cmocka_unit_test_setup_teardown(test_power, lukit_setup, lukit_teardown),
		cmocka_unit_test_setup_teardown(test_rename, lukit_setup, lukit_teardown),
		cmocka_unit_test_setup_teardown(test_info, lukit_setup, lukit_teardown),
		cmocka_unit_test_setup_teardown(test_modify_params, lukit_setup, lukit_teardown),
		cmocka_unit_test_setup_teardown(test_modify_nics, lukit_setup, lukit_teardown),
		cmocka_unit_test_setup_teardown(test_modify_disks, lukit_setup, lukit_teardown),
		cmocka_unit_test_setup_teardown(test_hotplug, lukit_setup, lukit_teardown),
		cmocka_unit_test_setup_teardown(test_allocator, lukit_setup, lukit_teardown),
		cmocka_unit_test_setup_teardown(test_allocator_fails, lukit_setup, lukit_teardown),
		cmocka_unit_test_setup_teardown(test_networks, lukit_setup, lukit_teardown),
		cmocka_unit_test_setup_teardown(test_network_elsewhere, lukit_setup, lukit_teardown),
		cmocka_unit_test_setup_teardown(test_disk_operations, lukit_setup, lukit_teardown),
		cmocka_unit_test_setup_teardown(test_sweep_create, lukit_setup, lukit_teardown),
		cmocka_unit_test_setup_teardown(test_sweep_migrate, lukit_setup, lukit_teardown),
		cmocka_unit_test_setup_teardown(test_sweep_failover, lukit_setup, lukit_teardown),
		cmocka_unit_test_setup_teardown(test_sweep_others, lukit_setup, lukit_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
