/* Changing the store: change sets, what they may not do, and reservations. */
#include "tests/unit/unit.h"

#include "tests/harness/confkit.h"

static struct confkit k;
static struct err e;

static int setup(void **state)
{
	(void)state;
	confkit_new(&k, 3);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	err_clear(&e);
	confkit_free(&k);
	return 0;
}

/* Commit up to three changes; returns the stored objects. */
static json *commit(const char *a1, const char *k1, json *o1, const char *a2, const char *k2,
		    json *o2)
{
	json *changes CLEANUP(json_putp) = json_new_array();
	json *out = NULL;

	confkit_change(changes, a1, k1, o1);
	if (a2)
		confkit_change(changes, a2, k2, o2);
	if (config_commit(k.c, changes, NULL, NULL, &out, &e) < 0)
		return NULL;
	return json_own(k.a, out);
}

static json *must(const char *action, const char *kind, json *o)
{
	json *out = commit(action, kind, o, NULL, NULL, NULL);

	if (!out)
		fail_msg("%s %s: %s", action, kind, err_msg(&e));
	return json_at(out, 0);
}

static void refused(const char *action, const char *kind, json *o, const char *why)
{
	if (commit(action, kind, o, NULL, NULL, NULL))
		fail_msg("%s %s was accepted", action, kind);
	assert_string_equal(err_msg(&e), why);
	assert_string_equal(e.cls, "ConfigurationError");
}

static struct snapshot *look(void)
{
	struct snapshot *s;

	assert_ok(snapshot_open(k.c, &s, &e), &e);
	return s;
}

static json *text(const char *s)
{
	return json_own(k.a, json_new_str(s));
}

static json *copy(const json *j)
{
	return json_own(k.a, json_clone(j));
}

static json *with(json *j, const char *key, json *v)
{
	return json_set(copy(j), key, v);
}

static void test_life(void **state)
{
	json *i = confkit_instance(&k, 1, 1), *stored, *d = confkit_disk(&k, 1, 1);
	const char *uuid = json_get_str(i, "uuid"), *disk = json_get_str(d, "uuid");
	struct snapshot *before = look(), *s;
	struct strs l;

	(void)state;
	/* order inside a change set does not matter */
	json_append(json_get(i, "disks"), json_new_str(disk));
	stored = commit("add", "instance", i, "add", "disk", d);
	if (!stored)
		fail_msg("%s", err_msg(&e));
	stored = json_at(stored, 0);
	assert_int_equal(json_get_int(stored, "serial_no", 0), 1);
	assert_true(json_float(json_get(stored, "ctime"), 0) > 1e9);
	assert_true(json_float(json_get(stored, "ctime"), 0) ==
		    json_float(json_get(stored, "mtime"), 1));
	assert_string_equal(json_get_str(stored, "admin_state_source"), "admin");

	/* an open snapshot does not see it, a new one does */
	assert_null(snap_instance(before, uuid));
	s = look();
	assert_int_equal(snapshot_serial(s), snapshot_serial(before) + 1);
	assert_int_equal(snapshot_ssconf_serial(s), snapshot_ssconf_serial(before) + 1);
	assert_string_equal(snap_instance(s, uuid)->name, "inst1.example.com");
	l = snap_node_primaries(s, confkit_node(&k, 1));
	assert_int_equal(l.n, 1);
	assert_string_equal(l.v[0], uuid);
	snapshot_free(before);
	snapshot_free(s);

	/* a change that ssconf does not show, and moves an index entry */
	s = look();
	stored = must("update", "instance",
		      with(with(stored, "primary_node", json_new_str(confkit_node(&k, 2))), "tags",
			   json_pack("[s, s, s]", "b", "a", "b")));
	assert_int_equal(json_get_int(stored, "serial_no", 0), 2);
	assert_int_equal(json_len(json_get(stored, "tags")), 2);
	assert_string_equal(json_str(json_at(json_get(stored, "tags"), 0)), "a");
	before = s;
	s = look();
	assert_int_equal(snapshot_ssconf_serial(s), snapshot_ssconf_serial(before));
	assert_int_equal(snap_node_primaries(s, confkit_node(&k, 1)).n, 0);
	assert_int_equal(snap_node_primaries(s, confkit_node(&k, 2)).n, 1);
	l = snap_node_secondaries(s, confkit_node(&k, 1)); /* the disk is still there */
	assert_int_equal(l.n, 1);
	l = snap_instance_secondaries(s, snap_instance(s, uuid));
	assert_int_equal(l.n, 1);
	assert_string_equal(l.v[0], confkit_node(&k, 1));
	snapshot_free(before);
	snapshot_free(s);

	refused("remove", "disk", text(disk),
		arena_printf(k.a, "Cannot remove disk '%s': it is used by instance inst1.example.com",
			     disk));
	if (!commit("remove", "disk", text(disk), "remove", "instance", text(uuid)))
		fail_msg("%s", err_msg(&e));
	s = look();
	assert_int_equal(snap_count(s, OBJ_INSTANCE) + snap_count(s, OBJ_DISK), 0);
	assert_int_equal(snap_node_primaries(s, confkit_node(&k, 2)).n, 0);
	snapshot_free(s);
}

static void test_stale(void **state)
{
	json *i = must("add", "instance", confkit_instance(&k, 1, 1)), *newer;
	static const char why[] =
		"Configuration updated since object has been read or unknown object";
	struct snapshot *s = look();
	int64_t serial = snapshot_serial(s);

	(void)state;
	snapshot_free(s);
	newer = must("update", "instance", with(i, "os", json_new_str("tiny")));
	refused("update", "instance", i, why);
	refused("remove", "instance", i, why);
	refused("update", "instance", with(newer, "uuid", json_new_str("nope")), why);
	refused("update", "disk", newer, why);
	json_del(newer, "serial_no");
	refused("update", "instance", newer, why);
	/* nothing of the failed ones stayed */
	s = look();
	assert_int_equal(snapshot_serial(s), serial + 1);
	assert_string_equal(snap_instance(s, json_get_str(i, "uuid"))->os, "tiny");
	snapshot_free(s);
	must("remove", "instance", text(json_get_str(i, "uuid")));
	/* in one set an object may be written twice */
	i = confkit_instance(&k, 1, 1);
	if (!commit("add", "instance", i, "update", "instance", with(i, "os", json_new_str("x"))))
		fail_msg("%s", err_msg(&e));
}

static void test_unique(void **state)
{
	json *i1 = must("add", "instance", confkit_instance(&k, 1, 1));
	json *i2 = confkit_instance(&k, 2, 1);
	json *n = copy(confkit_json(&k, "{'name': 'node9.example.com', 'uuid': '%s', 'group': '"
					KIT_GROUP "', 'primary_ip': '192.0.2.1', 'secondary_ip':"
					" '192.0.2.9', 'master_candidate': false, 'offline': false,"
					" 'drained': false}",
				    confkit_node(&k, 9)));

	(void)state;
	refused("add", "instance", with(i2, "nics", json_ref(json_get(i1, "nics"))),
		"Cannot add instance inst2.example.com: MAC address 'aa:00:00:00:00:01' already in "
		"use.");
	refused("add", "instance", with(i2, "name", json_new_str("inst1.example.com")),
		"Cannot add instance 'inst1.example.com': name already in use");
	refused("add", "instance", with(i2, "uuid", json_new_str(json_get_str(i1, "uuid"))),
		arena_printf(k.a, "Cannot add 'inst2.example.com': UUID %s already in use",
			     json_get_str(i1, "uuid")));
	refused("add", "instance", with(i2, "uuid", json_new_str("../x")),
		"Cannot add instance: '../x' is not a valid UUID");
	json_append(json_get(i2, "nics"), json_clone(json_at(json_get(i2, "nics"), 0)));
	refused("add", "instance", i2,
		"instance 'inst2.example.com' has NIC 1 mac aa:00:00:00:00:02 duplicate");
	refused("add", "node", n,
		"IP address 192.0.2.1 is used by multiple owners: node1.example.com, "
		"node9.example.com");
	must("add", "node", with(n, "primary_ip", json_new_str("192.0.2.9")));
	/* a MAC may go from one instance to another in one change set, whatever comes first */
	i2 = must("add", "instance", confkit_instance(&k, 2, 1));
	if (!commit("update", "instance", with(i2, "nics", json_ref(json_get(i1, "nics"))), "update",
		    "instance", with(i1, "nics", json_new_array())))
		fail_msg("%s", err_msg(&e));
}

static void test_references(void **state)
{
	json *i = confkit_instance(&k, 1, 7), *n;
	struct snapshot *s;

	(void)state;
	refused("add", "instance", i,
		arena_printf(k.a, "instance 'inst1.example.com' has invalid primary node '%s'",
			     confkit_node(&k, 7)));
	refused("add", "instance",
		with(confkit_instance(&k, 1, 1), "disks", json_pack("[s]", KIT_GROUP)),
		"Instance 'inst1.example.com' has invalid disk '" KIT_GROUP "'");
	refused("remove", "nodegroup", text(KIT_GROUP),
		"Cannot remove node group 'default': it is used by node node1.example.com");
	refused("remove", "node", text(confkit_node(&k, 1)),
		"Cannot remove node 'node1.example.com': it is used by cluster " KIT_CLUSTER);
	refused("remove", "cluster", text(KIT_CLUSTER), "The cluster cannot be removed");
	s = look();
	n = copy(snap_json(s, OBJ_NODE, confkit_node(&k, 1)));
	snapshot_free(s);
	refused("update", "node", with(n, "offline", json_new_bool(true)),
		"Node node1.example.com state is invalid: master_candidate=True, drain=False, "
		"offline=True");
	refused("update", "node", with(n, "master_candidate", json_new_bool(false)),
		"Master node is not a master candidate");
	refused("update", "node", with(n, "group", json_new_str("x")),
		"Node 'node1.example.com' has invalid group 'x'");
	refused("update", "node", with(n, "name", json_new_str("")),
		"Cannot update node: it has no name");
	assert_null(commit("update", "node", with(n, "drained", json_new_str("x")), NULL, NULL,
			   NULL));
	assert_string_equal(err_msg(&e), "Cannot update node 'node1.example.com': drained: '\"x\"' "
					 "is not a valid boolean");
	assert_null(commit("destroy", "node", n, NULL, NULL, NULL));
	assert_string_equal(e.cls, "ProgrammerError");
}

/* --- together with job progress --- */
static int note(struct db *d, void *arg, struct err *err)
{
	return db_exec(d, err, "INSERT INTO t(x) VALUES(?)", "s", arg);
}

static int failing(struct db *d, void *arg, struct err *err)
{
	if (note(d, arg, err) < 0)
		return -1;
	return err_set(err, JobLost, NULL, "no such job");
}

static int64_t count(void)
{
	int64_t n = -1;

	assert_int_equal(db_get_int(config_db(k.c), &n, &e, "SELECT count(*) FROM t", ""), 1);
	return n;
}

static void test_extra(void **state)
{
	json *changes CLEANUP(json_putp) = json_new_array();
	struct db *d = config_db(k.c);
	struct snapshot *s;

	(void)state;
	assert_ok(db_exec(d, &e, "CREATE TABLE t(x TEXT)", ""), &e);
	confkit_change(changes, "add", "instance", confkit_instance(&k, 1, 1));
	assert_int_equal(config_commit(k.c, changes, failing, "a", NULL, &e), -1);
	assert_string_equal(e.cls, "JobLost");
	assert_int_equal(count(), 0);
	assert_ok(config_commit(k.c, changes, note, "a", NULL, &e), &e);
	assert_int_equal(count(), 1);

	/* as a part of a larger transaction: a failing set undoes itself only */
	assert_ok(db_begin(d, true, &e), &e);
	assert_ok(note(d, "b", &e), &e);
	assert_int_equal(config_commit(k.c, changes, note, "c", NULL, &e), -1);
	assert_int_equal(count(), 2);
	json_set(json_at(json_at(changes, 0), 2), "uuid", json_new_str(confkit_uuid(&k, 7, 2)));
	json_set(json_at(json_at(changes, 0), 2), "name", json_new_str("inst2"));
	json_set(json_at(json_at(changes, 0), 2), "nics", json_new_array());
	assert_ok(config_commit(k.c, changes, note, "d", NULL, &e), &e);
	s = look();
	assert_int_equal(snap_count(s, OBJ_INSTANCE), 1);
	snapshot_free(s);
	assert_ok(db_commit(d, &e), &e);
	s = look();
	assert_int_equal(snap_count(s, OBJ_INSTANCE), 2);
	assert_int_equal(count(), 3);
	snapshot_free(s);
}

/* --- what the store keeps itself --- */
static json *cluster(void)
{
	struct snapshot *s = look();
	json *j = copy(snap_json(s, OBJ_CLUSTER, KIT_CLUSTER));

	snapshot_free(s);
	return j;
}

static json *port_instance(int n, int64_t port)
{
	return with(confkit_instance(&k, n, 1), "network_port", json_new_int(port));
}

static void test_ports(void **state)
{
	struct reservations *r = reservations_new();
	json *before = cluster(), *i1;
	int64_t p1, p2, p3;

	(void)state;
	assert_ok(reserve_port(r, k.c, 1, &p1, &e), &e);
	assert_ok(reserve_port(r, k.c, 2, &p2, &e), &e);
	assert_ok(reserve_port(r, k.c, 3, &p3, &e), &e);
	assert_int_equal(p1, 11000);
	assert_int_equal(p3, 11002);
	/* job 2 fails; jobs 3 and 1 commit, in this order */
	reservations_drop(r, 2);
	must("add", "instance", port_instance(3, p3));
	i1 = must("add", "instance", port_instance(1, p1));
	reservations_drop(r, 1);
	reservations_drop(r, 3);
	assert_int_equal(json_get_int(cluster(), "highest_used_port", 0), 11002);
	assert_string_equal(json_dump_in(k.a, json_get(cluster(), "tcpudp_port_pool")), "[11001]");
	assert_ok(reserve_port(r, k.c, 4, &p2, &e), &e);
	assert_int_equal(p2, 11001);
	refused("add", "instance", port_instance(4, p1),
		"tcp/udp port 11000 has duplicates: inst1.example.com, inst4.example.com");
	/* given back with the instance, and when it needs none any more */
	must("remove", "instance", text(confkit_uuid(&k, 7, 3)));
	json_del(i1, "network_port");
	must("update", "instance", i1);
	assert_string_equal(json_dump_in(k.a, json_get(cluster(), "tcpudp_port_pool")),
			    "[11001,11002,11000]");
	/* a job that read the cluster before all this can still change it, but not the ports */
	must("update", "cluster", with(before, "default_iallocator", json_new_str("hail")));
	assert_int_equal(json_len(json_get(cluster(), "tcpudp_port_pool")), 3);
	assert_string_equal(json_get_str(cluster(), "default_iallocator"), "hail");
	reservations_free(r);
}

static void test_port_range(void **state)
{
	json *data CLEANUP(json_putp) = confkit_data(1);
	struct reservations *r = reservations_new();
	int64_t p;

	(void)state;
	confkit_free(&k);
	json_set(json_get(data, "cluster"), "highest_used_port", json_new_int(14998));
	confkit_from(&k, data);
	assert_int_equal(reserve_port(r, k.c, 1, &p, &e), -1);
	assert_string_equal(err_msg(&e), "The highest used port is greater than 14999. Aborting.");
	reservations_free(r);
}

static const char *pool_of(const char *uuid)
{
	struct snapshot *s = look();
	const char *bits = arena_strdup(k.a, snap_network(s, uuid)->reservations);

	snapshot_free(s);
	return bits;
}

static void test_networks(void **state)
{
	const char *uuid = confkit_uuid(&k, 5, 1);
	json *net = confkit_json(&k, "{'name': 'net1', 'uuid': '%s', 'network': '198.51.100.0/28'}",
				 uuid);
	json *i = confkit_instance(&k, 1, 1), *nic = json_at(json_get(i, "nics"), 0), *stored;

	(void)state;
	refused("add", "network", with(net, "network", json_new_str("198.51.100.0/8")),
		"Network 'net1' has invalid address range '198.51.100.0/8'");
	stored = must("add", "network", net);
	assert_string_equal(json_get_str(stored, "reservations"), "0000000000000000");
	assert_string_equal(json_get_str(stored, "ext_reservations"), "1000000000000001");
	json_set(nic, "network", json_new_str(uuid));
	json_set(nic, "ip", json_new_str("198.51.100.77"));
	refused("add", "instance", i, "Address '198.51.100.77' is outside of network 'net1'");
	json_set(nic, "ip", json_new_str("198.51.100.5"));
	i = must("add", "instance", i);
	assert_string_equal(pool_of(uuid), "0000010000000000");
	/* the network's own update keeps them */
	must("update", "network", with(stored, "reservations", json_new_str("1111111111111111")));
	assert_string_equal(pool_of(uuid), "0000010000000000");
	refused("remove", "network", text(uuid),
		"Cannot remove network 'net1': it is used by instance inst1.example.com");
	nic = copy(json_at(json_get(i, "nics"), 0));
	json_set(nic, "mac", json_new_str("aa:00:00:00:00:77"));
	refused("add", "instance",
		with(confkit_instance(&k, 2, 1), "nics", json_pack("[O]", nic)),
		"IP address 198.51.100.5 is used by multiple owners: instance:inst1.example.com, "
		"instance:inst2.example.com");
	json_set(nic, "ip", json_new_str("198.51.100.6"));
	i = must("update", "instance", with(i, "nics", json_pack("[O]", nic)));
	assert_string_equal(pool_of(uuid), "0000001000000000");
	if (!commit("remove", "instance", i, "remove", "network", text(uuid)))
		fail_msg("%s", err_msg(&e));
}

static void test_drbd(void **state)
{
	json *d = confkit_json(&k,
			       "{'uuid': '%s', 'dev_type': 'drbd', 'size': 1024, 'iv_name':"
			       " 'disk/0', 'nodes': ['%s', '%s'], 'logical_id': ['%s', '%s', 11000,"
			       " 0, 1, 'secret'], 'children': []}",
			       confkit_uuid(&k, 8, 1), confkit_node(&k, 1), confkit_node(&k, 2),
			       confkit_node(&k, 1), confkit_node(&k, 2));
	json *other = with(with(d, "uuid", json_new_str(confkit_uuid(&k, 8, 2))), "logical_id",
			   json_pack("[s, s, i, i, i, s]", confkit_node(&k, 2),
				     confkit_node(&k, 3), 11001, 1, 0, "x"));

	(void)state;
	must("add", "disk", d);
	assert_int_equal(json_get_int(cluster(), "highest_used_port", 0), 11000);
	refused("add", "disk", other,
		arena_printf(k.a, "DRBD minor %s/1 is assigned twice to disks %s and %s",
			     confkit_node(&k, 2), confkit_uuid(&k, 8, 1), confkit_uuid(&k, 8, 2)));
	refused("add", "disk",
		with(with(other, "nodes", json_pack("[s]", "gone")), "logical_id",
		     json_pack("[s, s, i, i, i, s]", confkit_node(&k, 2), confkit_node(&k, 3), 11001,
			       2, 0, "x")),
		arena_printf(k.a, "disk '%s' has invalid node 'gone'", confkit_uuid(&k, 8, 2)));
}

static void test_disk_shared(void **state)
{
	json *d = must("add", "disk", confkit_disk(&k, 1, 1));
	json *list = json_own(k.a, json_pack("[s]", json_get_str(d, "uuid")));

	(void)state;
	must("add", "instance", with(confkit_instance(&k, 1, 1), "disks", json_ref(list)));
	refused("add", "instance", with(confkit_instance(&k, 2, 1), "disks", json_ref(list)),
		arena_printf(k.a,
			     "Disk '%s' of instance 'inst2.example.com' is attached to instance "
			     "'inst1.example.com' too",
			     json_get_str(d, "uuid")));
}

static void test_filter(void **state)
{
	json *f = must("add", "filter",
		       confkit_json(&k, "{'watermark': 1, 'priority': 2, 'predicates': [],"
					" 'action': 'REJECT', 'reason_trail': []}"));
	const char *uuid = json_get_str(f, "uuid");
	struct snapshot *s;

	(void)state;
	assert_int_equal(strlen(uuid), 36);
	must("update", "filter", with(f, "priority", json_new_int(3)));
	s = look();
	assert_int_equal(snap_filter(s, uuid)->priority, 3);
	snapshot_free(s);
	must("remove", "filter", f);
}

static void test_reservations(void **state)
{
	struct reservations *r = reservations_new();
	const char *mac, *other;

	(void)state;
	must("add", "instance", confkit_instance(&k, 1, 1));
	assert_int_equal(reserve_mac(r, k.c, 1, "AA:00:00:00:00:01", &e), -1);
	assert_string_equal(err_msg(&e), "mac already in use");
	assert_string_equal(e.cls, "ReservationError");
	assert_ok(reserve_mac(r, k.c, 1, "aa:00:00:00:00:02", &e), &e);
	assert_ok(reserve_mac(r, k.c, 1, "aa:00:00:00:00:02", &e), &e);
	assert_int_equal(reserve_mac(r, k.c, 2, "aa:00:00:00:00:02", &e), -1);
	reservations_drop(r, 1);
	assert_ok(reserve_mac(r, k.c, 2, "aa:00:00:00:00:02", &e), &e);
	assert_ok(reserve_mac_generate(r, k.c, 1, "AA:00:00", k.a, &mac, &e), &e);
	assert_int_equal(strlen(mac), 17);
	assert_true(str_starts(mac, "aa:00:00:"));
	assert_ok(reserve_mac_generate(r, k.c, 2, "aa:00:00", k.a, &other, &e), &e);
	assert_string_not_equal(mac, other);
	assert_int_equal(reserve_mac(r, k.c, 2, mac, &e), -1);

	/* addresses of networks: what a NIC has, and what another job has */
	json *net = must("add", "network", confkit_json(&k, "{'uuid': '%s', 'name': 'net', 'network': '192.0.2.0/28',"
						     " 'mac_prefix': null, 'gateway': '192.0.2.1'}",
						     confkit_uuid(&k, 9, 77)));
	const char *nu = json_get_str(net, "uuid");
	json *with_ip = confkit_instance(&k, 2, 1);

	json_set(json_at(json_get(with_ip, "nics"), 0), "network", json_new_str(nu));
	json_set(json_at(json_get(with_ip, "nics"), 0), "ip", json_new_str("192.0.2.5"));
	must("add", "instance", with_ip);
	assert_int_equal(reserve_ip(r, k.c, 1, nu, "192.0.2.5", &e), -1);
	assert_string_equal(err_msg(&e), "IP address already in use");
	assert_ok(reserve_ip(r, k.c, 1, nu, "192.0.2.6", &e), &e);
	assert_ok(reserve_ip(r, k.c, 1, nu, "192.0.2.6", &e), &e);
	assert_ok(reserve_ip(r, k.c, 2, "another", "192.0.2.6", &e), &e);
	assert_int_equal(reserve_ip(r, k.c, 2, nu, "192.0.2.6", &e), -1);
	assert_string_equal(err_msg(&e), "IP address already reserved");
	assert_string_equal(e.cls, "ReservationError");

	assert_ok(reserve_name(r, 1, "instance", "x", &e), &e);
	assert_ok(reserve_name(r, 2, "node", "x", &e), &e);
	assert_int_equal(reserve_name(r, 2, "instance", "x", &e), -1);
	reservations_drop(r, 1);
	assert_ok(reserve_name(r, 2, "instance", "x", &e), &e);
	assert_ok(reserve_ip(r, k.c, 2, nu, "192.0.2.6", &e), &e);
	reservations_free(r);
}

/* Minors and volumes of DRBD disks: those of disks, those of running jobs, and the rest. */
static void test_reserved_devices(void **state)
{
	struct reservations *r = reservations_new(), *again = reservations_new();
	struct strs nodes = { 0 };
	json *minors, *held;
	json *d = confkit_json(&k,
			       "{'uuid': '%s', 'dev_type': 'drbd', 'size': 1024, 'iv_name': 'disk/0', 'nodes': ['%s', '%s'],"
			       " 'logical_id': ['%s', '%s', 11000, 0, 1, 'secret'], 'children': [{'dev_type': 'plain',"
			       " 'size': 1024, 'logical_id': ['xenvg', 'data']}]}",
			       confkit_uuid(&k, 8, 1), confkit_node(&k, 1), confkit_node(&k, 2), confkit_node(&k, 1),
			       confkit_node(&k, 2));

	(void)state;
	must("add", "disk", d);
	strs_add(k.a, &nodes, confkit_node(&k, 1));
	strs_add(k.a, &nodes, confkit_node(&k, 2));
	assert_ok(reserve_minors(r, k.c, 1, &nodes, &minors, &e), &e); /* disk: 0 there, 1 here */
	assert_string_equal(json_dump_in(k.a, minors), "[1,0]");
	json_put(minors);
	assert_ok(reserve_minors(r, k.c, 2, &nodes, &minors, &e), &e);
	assert_string_equal(json_dump_in(k.a, minors), "[2,2]");
	json_put(minors);
	reservations_drop(r, 1);
	assert_ok(reserve_minors(r, k.c, 3, &nodes, &minors, &e), &e);
	assert_string_equal(json_dump_in(k.a, minors), "[1,0]");
	json_put(minors);
	/* saved with the job, they are what they were */
	held = reservations_held(r, 3);
	reservations_restore(again, 3, held);
	json_put(held);
	assert_ok(reserve_minors(again, k.c, 4, &nodes, &minors, &e), &e);
	assert_string_equal(json_dump_in(k.a, minors), "[2,2]");
	json_put(minors);
	strs_add(k.a, &nodes, confkit_node(&k, 1));
	assert_int_equal(reserve_minors(r, k.c, 1, &nodes, &minors, &e), -1);
	assert_true(str_starts(err_msg(&e), "Duplicate nodes detected in list"));

	assert_int_equal(reserve_lv(r, k.c, 1, "xenvg/data", &e), -1);
	assert_string_equal(err_msg(&e), "LV 'xenvg/data' already in use");
	assert_ok(reserve_lv(r, k.c, 1, "xenvg/new", &e), &e);
	assert_int_equal(reserve_lv(r, k.c, 2, "xenvg/new", &e), -1);
	reservations_drop(r, 1);
	assert_ok(reserve_lv(r, k.c, 2, "xenvg/new", &e), &e);
	refused("add", "disk",
		confkit_json(&k, "{'uuid': '%s', 'dev_type': 'plain', 'size': 1, 'iv_name': 'disk/0', 'nodes': ['%s'],"
				 " 'logical_id': ['xenvg', 'data'], 'children': []}",
			     confkit_uuid(&k, 8, 2), confkit_node(&k, 1)),
		arena_printf(k.a, "Logical volume xenvg/data is used by disks %s and %s", confkit_uuid(&k, 8, 1),
			     confkit_uuid(&k, 8, 2)));
	reservations_free(again);
	reservations_free(r);
}

/* Workers open the file for reading only, while the master has it open. */
static void test_reader(void **state)
{
	struct config *c = NULL;
	struct snapshot *s[6];
	json *changes CLEANUP(json_putp) = json_new_array();

	(void)state;
	assert_ok(config_open(k.path, DB_READ, &c, &e), &e);
	for (size_t i = 0; i < ARRAY_SIZE(s); i++)
		assert_ok(snapshot_open(c, &s[i], &e), &e);
	must("add", "instance", confkit_instance(&k, 1, 1));
	for (size_t i = 0; i < ARRAY_SIZE(s); i++) {
		assert_int_equal(snap_count(s[i], OBJ_INSTANCE), 0);
		snapshot_free(s[i]);
	}
	assert_ok(snapshot_open(c, &s[0], &e), &e);
	assert_int_equal(snap_count(s[0], OBJ_INSTANCE), 1);
	snapshot_free(s[0]);
	confkit_change(changes, "add", "instance", confkit_instance(&k, 2, 1));
	assert_int_equal(config_commit(c, changes, NULL, NULL, NULL, &e), -1);
	config_close(c);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_life),     TEST(test_stale),	     TEST(test_unique),
		TEST(test_references), TEST(test_extra),     TEST(test_ports),
		TEST(test_port_range), TEST(test_networks),  TEST(test_drbd),
		TEST(test_disk_shared), TEST(test_filter),   TEST(test_reservations), TEST(test_reserved_devices),
		TEST(test_reader),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
