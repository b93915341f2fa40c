/* Groups and networks when there are instances: mirrors with their halves apart, addresses in use, policies broken. */
#include "tests/unit/unit.h"

#include "tests/harness/lukit.h"

#define ASSIGN(group, node, more) \
	"{'OP_ID':'OP_GROUP_ASSIGN_NODES','group_name':'" group "','nodes':['" node "']" more "}"
#define CONNECT(more)                                                                                 \
	"{'OP_ID':'OP_NETWORK_CONNECT','network_name':'net1','group_name':'default','network_mode':"  \
	"'bridged','network_link':'br0'" more "}"

static void assert_logged(struct lukit *l, const char *text)
{
	if (!lukit_logged(l, text))
		fail_msg("not logged: %s\nbut: %s", text, json_dump_in(l->k.a, l->log));
}

/* instN with a mirror between nodes A and B, and IP */
static void add_mirror(struct lukit *l, int n, int a, int b, const char *ip)
{
	struct confkit *k = &l->k;
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *changes CLEANUP(json_putp) = json_new_array(), *inst = confkit_instance(k, n, a);
	json *disk = confkit_json(
		k,
		"{'uuid': '%s', 'dev_type': 'drbd', 'size': 1024, 'mode': 'rw', 'iv_name': 'disk/0', 'params': {},"
		" 'logical_id': ['%s', '%s', %d, %d, %d, 'secret'], 'children': ["
		"{'uuid': '%s', 'dev_type': 'plain', 'size': 1024, 'mode': 'rw', 'params': {}, 'children': [],"
		" 'logical_id': ['xenvg', 'd%d.data']},"
		"{'uuid': '%s', 'dev_type': 'plain', 'size': 128, 'mode': 'rw', 'params': {}, 'children': [],"
		" 'logical_id': ['xenvg', 'd%d.meta']}]}",
		confkit_uuid(k, 3, n), confkit_node(k, a), confkit_node(k, b), 11000 + n, n, n,
		confkit_uuid(k, 4, 2 * n), n, confkit_uuid(k, 4, 2 * n + 1), n);

	json_append(json_get(inst, "disks"), json_new_str(confkit_uuid(k, 3, n)));
	if (ip)
		json_set(json_at(json_get(inst, "nics"), 0), "ip", json_new_str(ip));
	confkit_change(changes, "add", "disk", disk);
	confkit_change(changes, "add", "instance", inst);
	if (config_commit(k->c, changes, NULL, NULL, NULL, &e) < 0)
		fail_msg("%s", err_msg(&e));
}

static void test_splits(void **state)
{
	struct lukit *l = *state;

	add_mirror(l, 1, 1, 2, NULL);
	add_mirror(l, 2, 2, 3, NULL);
	add_mirror(l, 3, 1, 3, NULL);
	lukit_must(l, "{'OP_ID':'OP_GROUP_ADD','group_name':'g2'}", NULL);
	lukit_must_not(l, ASSIGN("g2", "node2.example.com", ""), "OpExecError", NULL,
		 "The following instances get split by this change and --force was not given: inst1.example.com, "
		 "inst2.example.com");
	lukit_must(l, ASSIGN("g2", "node2.example.com", ",'force':true"), NULL);
	assert_logged(l, " - WARNING: This operation will split the following instances: inst1.example.com, "
			 "inst2.example.com");
	/* inst2 comes together again, inst3 does not stay together, inst1 stays as it is */
	lukit_must(l, ASSIGN("g2", "node3.example.com", ",'force':true"), NULL);
	assert_logged(l, " - WARNING: This operation will split the following instances: inst3.example.com");
	assert_false(lukit_logged(l, "In addition"));
	lukit_must(l, ASSIGN("default", "node3.example.com", ",'force':true"), NULL);
	assert_logged(l, " - WARNING: This operation will split the following instances: inst2.example.com");
	/* a node without instances of the others */
	lukit_must(l, ASSIGN("default", "node2.example.com", ""), NULL);
	assert_null(lukit_problems(l));
}

static void test_still_split(void **state)
{
	struct lukit *l = *state;

	add_mirror(l, 1, 1, 2, NULL);
	add_mirror(l, 2, 2, 3, NULL);
	lukit_must(l, "{'OP_ID':'OP_GROUP_ADD','group_name':'g2'}", NULL);
	lukit_must(l, "{'OP_ID':'OP_GROUP_ADD','group_name':'g3'}", NULL);
	lukit_must(l, ASSIGN("g2", "node1.example.com", ",'force':true"), NULL);
	lukit_must(l, ASSIGN("g3", "node2.example.com", ",'force':true"), NULL);
	assert_logged(l, " - WARNING: This operation will split the following instances: inst2.example.com");
	assert_logged(l, " - WARNING: In addition, these already-split instances continue to be split across groups: "
			 "inst1.example.com");
}

static void test_policy(void **state)
{
	struct lukit *l = *state;

	add_mirror(l, 1, 1, 2, NULL);
	lukit_must(l, "{'OP_ID':'OP_GROUP_SET_PARAMS','group_name':'default','ipolicy':{'disk-templates':['file']}}", NULL);
	assert_logged(l, " - WARNING: After the ipolicy change the following instances violate them: inst1.example.com");
	lukit_must(l, "{'OP_ID':'OP_GROUP_SET_PARAMS','group_name':'default','ipolicy':{'disk-templates':['file','diskless']}}", NULL);
	assert_int_equal(json_len(l->log), 0); /* it does already */
}

static const char *network_uuid(struct lukit *l, const char *name)
{
	struct snapshot *snap CLEANUP(snapshot_freep) = NULL;
	struct err e CLEANUP(err_clear) = ERR_NONE;
	const struct network *n = NULL;

	if (snapshot_open(l->k.c, &snap, &e) < 0 || snap_find_network(snap, name, &n, &e) < 0)
		fail_msg("%s", err_msg(&e));
	return arena_strdup(l->k.a, n->uuid);
}

static void test_addresses(void **state)
{
	struct lukit *l = *state;
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *changes CLEANUP(json_putp) = json_new_array(), *inst;

	lukit_must(l, "{'OP_ID':'OP_NETWORK_ADD','network_name':'net1','network':'192.0.2.0/24'}", NULL);
	add_mirror(l, 1, 1, 2, "192.0.2.7");
	lukit_must_not(l, CONNECT(""), "OpPrereqError", "wrong_state",
		 "Conflicting IP addresses found;  remove/modify the corresponding network interfaces");
	assert_logged(l, " - WARNING: IP addresses from network 'net1', which is about to connect to node group "
			 "'default', are in use: inst1.example.com: nic0/192.0.2.7");
	lukit_must(l, CONNECT(",'conflicts_check':false"), NULL);
	/* an instance in the network keeps it connected */
	inst = json_own(l->k.a, json_clone(lukit_instance(l, "inst1.example.com")));
	json_set(json_at(json_get(inst, "nics"), 0), "network", json_new_str(network_uuid(l, "net1")));
	confkit_change(changes, "update", "instance", inst);
	if (config_commit(l->k.c, changes, NULL, NULL, NULL, &e) < 0)
		fail_msg("%s", err_msg(&e));
	lukit_must_not(l, "{'OP_ID':'OP_NETWORK_DISCONNECT','network_name':'net1','group_name':'default'}", "OpPrereqError", "wrong_state",
		 "Conflicting IP addresses found;  remove/modify the corresponding network interfaces");
	assert_logged(l, " - WARNING: IP addresses from network 'net1', which is about to disconnect from node group "
			 "'default', are in use: inst1.example.com: nic0/192.0.2.7");
	lukit_must_not(l, "{'OP_ID':'OP_NETWORK_SET_PARAMS','network_name':'net1','gateway':'192.0.2.7'}", "OpPrereqError", "wrong_state",
		 "Gateway IP address '192.0.2.7' is already reserved");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_splits, lukit_setup, lukit_teardown),
		cmocka_unit_test_setup_teardown(test_still_split, lukit_setup, lukit_teardown),
		cmocka_unit_test_setup_teardown(test_policy, lukit_setup, lukit_teardown),
		cmocka_unit_test_setup_teardown(test_addresses, lukit_setup, lukit_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
