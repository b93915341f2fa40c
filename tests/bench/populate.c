/*
 * populate DATABASE NODES INSTANCES [NET]: fills the configuration of a new cluster, whose master must not run,
 * until it has that many nodes and instances. The nodes are offline, the instances have a disk, the first 50,000 a
 * mirrored one. With NET (as in "127.250") the nodes are online and have addresses in there.
 * populate DATABASE PENDING ENDED ARCHIVED: fills its queue with so many jobs; those that wait take ten minutes each.
 */
#include <stdio.h>
#include <string.h>

#include "lib/base/parse.h"
#include "src/queue/queue.h"
#include "tests/harness/confkit.h"

#define BATCH 1000
#define DRBD_MAX 50000 /* each mirror has a port of its own */

static struct confkit k;
static json *changes;
static int n_changes;
static const char *net;

static void __attribute__((noreturn)) die(const struct err *e)
{
	fprintf(stderr, "populate: %s\n", err_msg(e));
	exit(1);
}

static void flush(void)
{
	struct err e = ERR_NONE;

	if (config_commit(k.c, changes, NULL, NULL, NULL, &e) < 0)
		die(&e);
	json_put(changes);
	changes = json_new_array();
	n_changes = 0;
	arena_free(k.a);
	k.a = arena_new();
}

static void add(const char *kind, json *object)
{
	confkit_change(changes, "add", kind, object);
	n_changes++;
}

static void add_node(int i, const char *group)
{
	char *ip = arena_printf(k.a, "10.%d.%d.%d", i >> 16 & 255, i >> 8 & 255, i & 255);

	if (net)
		ip = arena_printf(k.a, "%s.%d.%d", net, i >> 8 & 255, i & 255);

	add("node", confkit_json(&k,
				 "{'uuid': '%s', 'name': 'node%d.example.com', 'primary_ip': '%s',"
				 " 'secondary_ip': '%s', 'group': '%s', 'offline': %s,"
				 " 'master_candidate': false, 'drained': false}",
				 confkit_node(&k, i), i, ip, ip, group, net ? "false" : "true"));
}

static void add_instance(int i, int nodes)
{
	int first = 2 + i % (nodes - 1), second = 2 + (i + 1 + i / nodes) % (nodes - 1);
	json *inst = confkit_instance(&k, i, first), *disk = confkit_disk(&k, i, first);

	if (second == first)
		second = 2 + (first - 1) % (nodes - 1);
	if (i < DRBD_MAX) {
		json_set(disk, "dev_type", json_new_str("drbd"));
		json_set(disk, "logical_id",
			 json_pack("[s, s, i, i, i, s]", confkit_node(&k, first),
				   confkit_node(&k, second), 10000 + i, 2 * i, 2 * i + 1, "secret"));
		json_set(disk, "nodes",
			 json_pack("[s, s]", confkit_node(&k, first), confkit_node(&k, second)));
	}
	json_append(json_get(inst, "disks"), json_new_str(confkit_uuid(&k, 8, i)));
	json_set(inst, "admin_state", json_new_str("up"));
	json_set(inst, "beparams", json_pack("{s:i, s:i}", "maxmem", 1024, "minmem", 512));
	add("disk", disk);
	add("instance", inst);
}

static const char *first_group(void)
{
	struct err e = ERR_NONE;
	struct snapshot *s;
	char *uuid;

	if (snapshot_open(k.c, &s, &e) < 0)
		die(&e);
	uuid = xstrdup(snap_uuids(s, OBJ_NODEGROUP).v[0]);
	snapshot_free(s);
	return uuid;
}

/* --- the queue --- */
static void copies(int64_t of, int64_t n, bool archived)
{
	struct err e = ERR_NONE;

	if (n > 0 &&
	    db_exec(config_db(k.c), &e,
		    "WITH RECURSIVE more(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM more WHERE i < ?1)"
		    " INSERT INTO job(id, status, archived, received, start, end, input, state, priority)"
		    " SELECT (SELECT max(id) FROM job) + i, status, ?3, received, start, end, input, state, priority"
		    " FROM job, more WHERE id = ?2",
		    "IIi", n, of, (int)archived) < 0)
		die(&e);
}

static struct job *one_job(void)
{
	json *op = confkit_json(&k, "{'OP_ID': 'OP_TEST_DELAY', 'duration': 600, 'on_master': true, 'on_nodes': [],"
				    " 'on_node_uuids': null, 'repeat': 0, 'interruptible': false, 'no_locks': true,"
				    " 'debug_level': 0, 'dry_run': false, 'priority': 0, 'depends': null,"
				    " 'comment': null, 'reason': [['gnt:client:gnt-debug', 'delay', 17]]}");
	json *ops CLEANUP(json_putp) = json_append(json_new_array(), json_ref(op));
	struct err e = ERR_NONE;
	struct job *j;

	if (queue_add(config_db(k.c), k.a, ops, 1795950000, &j, &e) < 0)
		die(&e);
	return j;
}

/* The numbers up to that of the last copy are given. */
static void given(int64_t id)
{
	struct err e = ERR_NONE;

	if (queue_serial_at_least(config_db(k.c), id, &e) < 0)
		die(&e);
}

static void queue(int64_t pending, int64_t ended, int64_t archived)
{
	struct err e = ERR_NONE;
	struct job *j;

	if (db_migrate(config_db(k.c), "queue", queue_schema, queue_schema_n, &e) < 0 ||
	    db_begin(config_db(k.c), true, &e) < 0)
		die(&e);
	j = one_job();
	job_op_waiting(j, 0, 1795950001);
	job_op_running(j, 0, 1795950002);
	job_op_success(j, k.a, 0, NULL, 1795950003);
	if (queue_save(config_db(k.c), j, &e) < 0)
		die(&e);
	copies(j->id, archived, true);
	copies(j->id, ended - 1, false);
	given(j->id + ended + archived);
	j = one_job();
	copies(j->id, pending - 1, false);
	given(j->id + pending);
	if (db_commit(config_db(k.c), &e) < 0)
		die(&e);
}

static void configuration(int64_t nodes, int64_t instances)
{
	const char *group = first_group();

	changes = json_new_array();
	for (int i = 2; i <= nodes; i++) {
		add_node(i, group);
		if (n_changes >= BATCH)
			flush();
	}
	for (int i = 1; i <= instances; i++) {
		add_instance(i, (int)nodes);
		if (n_changes >= BATCH)
			flush();
	}
	flush();
	json_put(changes);
}

/* Rows that were not written by a master: the next one makes the digest of all rows anew. */
static void no_digest(void)
{
	struct err e = ERR_NONE;

	if (db_exec(config_db(k.c), &e, "UPDATE replica_state SET digest = NULL", "") < 0)
		die(&e);
}

int main(int argc, char **argv)
{
	struct err e = ERR_NONE;
	int64_t n[3] = { 0 };
	bool good = argc == 4 || argc == 5;

	if (argc == 5 && strchr(argv[4], '.')) {
		net = argv[4];
		argc = 4;
	}
	for (int i = 0; good && i < argc - 2; i++)
		good = parse_int(argv[i + 2], &n[i]) == 0 && n[i] >= 0 && n[i] <= 10000000;
	if (!good || (argc == 4 ? n[0] < 3 || n[0] > 1000000 : !n[0] || !n[1])) {
		fputs("usage: populate DATABASE NODES INSTANCES [NET]\n"
		      "       populate DATABASE PENDING ENDED ARCHIVED\n",
		      stderr);
		return 2;
	}
	if (config_open(argv[1], DB_WRITE, &k.c, &e) < 0)
		die(&e);
	k.a = arena_new();
	if (argc == 4)
		configuration(n[0], n[1]);
	else
		queue(n[0], n[1], n[2]);
	no_digest();
	config_close(k.c);
	arena_free(k.a);
	return 0;
}
