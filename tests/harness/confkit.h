/* A configuration store in a directory of its own, for tests. Failures end the test. */
#ifndef TESTS_HARNESS_CONFKIT_H
#define TESTS_HARNESS_CONFKIT_H
#include "src/config/config.h"

struct confkit {
	char dir[64];
	char *path;        /* of the database */
	struct arena *a;
	struct config *c;  /* open for writing */
};

#define KIT_GROUP "00000000-0000-4000-8000-000000000001"
#define KIT_CLUSTER "00000000-0000-4000-8000-000000000002"

/* A cluster of NODES nodes node1.example.com, ... in one group "default"; node1 is the master. */
void confkit_new(struct confkit *k, int nodes);
/* From a config.data dict (borrowed). */
void confkit_from(struct confkit *k, const json *data);
void confkit_free(struct confkit *k);
const char *confkit_node(struct confkit *k, int i);     /* UUID of node i, from 1 */
const char *confkit_uuid(struct confkit *k, int kind, int i); /* a made-up UUID */
json *confkit_data(int nodes); /* what confkit_new() starts from; a new reference */
/* Parse JSON text with ' for ", owned by the kit. */
json *confkit_json(struct confkit *k, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* [action, kind, object] appended to a change set. */
void confkit_change(json *changes, const char *action, const char *kind, json *what);
/* A down instance "instN.example.com" of hypervisor fake without disks on node NODE, one NIC. */
json *confkit_instance(struct confkit *k, int n, int node);
json *confkit_disk(struct confkit *k, int n, int node); /* a file disk */

#endif
