/*
 * populate DATABASE NODES INSTANCES: fills the configuration of a new cluster, whose master must not run,
 * until it has that many nodes and instances. The nodes are offline, the instances have a disk, the first 50,000 a
 * mirrored one.
 */
#include <stdio.h>

#include "lib/base/parse.h"
#include "tests/harness/confkit.h"

#define BATCH 1000
#define DRBD_MAX 50000 /* each mirror has a port of its own */

static struct confkit k;
static json *changes;
static int n_changes;

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

	add("node", confkit_json(&k,
				 "{'uuid': '%s', 'name': 'node%d.example.com', 'primary_ip': '%s',"
				 " 'secondary_ip': '%s', 'group': '%s', 'offline': true,"
				 " 'master_candidate': false, 'drained': false}",
				 confkit_node(&k, i), i, ip, ip, group));
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

int main(int argc, char **argv)
{
	struct err e = ERR_NONE;
	int64_t nodes, instances;
	const char *group;

	if (argc != 4 || parse_int(argv[2], &nodes) < 0 || parse_int(argv[3], &instances) < 0 ||
	    nodes < 3 || nodes > 1000000 || instances < 0 || instances > 10000000) {
		fputs("usage: populate DATABASE NODES INSTANCES\n", stderr);
		return 2;
	}
	if (config_open(argv[1], DB_WRITE, &k.c, &e) < 0)
		die(&e);
	k.a = arena_new();
	changes = json_new_array();
	group = first_group();
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
	config_close(k.c);
	return 0;
}
