/*
 * Hypervisors as seen by the node agent. Instances arrive as the RPC's instance dict: struct
 * instance with filled hvparams/beparams/nicparams ("disks_info" beside it). Node side only.
 */
#ifndef SRC_HYPER_HYPER_H
#define SRC_HYPER_HYPER_H
#include "src/env/env.h"
#include "src/schema/schema.h"

struct hv_instance {
	const char *name, *uuid;
	hypervisor_t hypervisor;
	const char *os;
	struct beparams be;   /* filled */
	json *hvparams;       /* filled dict; hv_params() gives the typed struct */
	nic_list_t nics;      /* nicparams filled */
	json *nics_json;      /* with netinfo */
	struct strs tags;
	int64_t network_port; /* 0 = none */
	json *dict;           /* everything */
};
struct hv_disk {
	const struct disk *disk;
	const char *path; /* link under the instance-disks directory, what the guest opens */
	const char *uri;  /* userspace access, or NULL */
};
struct hv_info { /* one running instance */
	const char *name;
	int64_t memory_mib, vcpus;
	int state;        /* hv_instance_state: 0 running, 1 shutdown */
	double time;      /* CPU seconds */
};
struct hv_migration {
	const char *status; /* HV_MIGRATION_*: "active", "completed", "failed", "cancelled" */
	int64_t transferred_ram, total_ram; /* -1 = unknown */
};

struct hv_class {
	hypervisor_t type;
	int (*list)(struct arena *a, const json *hvparams, struct strs *ret, struct err *e);
	/* 1 = running, 0 = not there, -1 */
	int (*info)(struct arena *a, const char *name, const json *hvparams, struct hv_info *ret, struct err *e);
	int (*all_info)(struct arena *a, const json *hvparams, struct hv_info **ret, size_t *ret_n, struct err *e);
	int (*start)(struct arena *a, const struct hv_instance *i, const struct hv_disk *disks, size_t n, bool paused, struct err *e);
	/* FORCE: destroy. RETRY: asked before. Only asks the guest when not forced; the caller waits. */
	int (*stop)(struct arena *a, const struct hv_instance *i, bool force, bool retry, struct err *e);
	int (*cleanup)(struct arena *a, const char *name, struct err *e); /* taps, sockets, state files */
	/* hard reboot without rebuilding the domain (upstream: soft reboot falls to this) */
	int (*reboot)(struct arena *a, const struct hv_instance *i, const struct hv_disk *disks, size_t n, struct err *e);
	int (*balloon)(struct arena *a, const struct hv_instance *i, int64_t mib, struct err *e);
	int (*node_info)(struct arena *a, const json *hvparams, json **ret, struct err *e); /* memory_total, ... */
	int (*verify)(struct arena *a, const json *hvparams, const char **ret_problem, struct err *e);
	/* checks that need this node's file system and programs */
	int (*validate)(struct arena *a, const json *hvparams, struct err *e);
	/* console object {instance, kind, ...}; runs on the node or the master: no access to the guest */
	int (*console)(struct arena *a, const struct hv_instance *i, const struct node *primary, json **ret, struct err *e);
	/* migration: info (source) -> accept (target) -> migrate (source, blocking until started or done)
	 * -> status (source, polled) -> finalize_src/finalize_dst(success) */
	int (*migration_info)(struct arena *a, const struct hv_instance *i, json **ret, struct err *e);
	int (*accept)(struct arena *a, const struct hv_instance *i, const json *info, const char *target_ip, const struct hv_disk *disks, size_t n, struct err *e);
	int (*migrate)(struct arena *a, const char *cluster_name, const struct hv_instance *i, const char *target_ip, bool live, struct err *e);
	int (*migration_status)(struct arena *a, const struct hv_instance *i, struct hv_migration *ret, struct err *e);
	int (*finalize_src)(struct arena *a, const struct hv_instance *i, bool success, bool live, struct err *e);
	int (*finalize_dst)(struct arena *a, const struct hv_instance *i, const json *info, bool success, struct err *e);
	/* hot-plugging of a running instance: DEVICE "disk"/"nic" dict; not supported -> NULL */
	int (*hotplug_supported)(struct arena *a, const struct hv_instance *i, struct err *e);
	int (*hotplug)(struct arena *a, const struct hv_instance *i, const char *action, const char *type, const json *device, const json *extra, int64_t seq, struct err *e);
};
/* NULL: not built or not written; the caller words the error. */
const struct hv_class *hv_class_of(hypervisor_t t);
/* Parse an RPC's instance dict. */
int hv_instance_parse(struct arena *a, json *dict, struct hv_instance **ret, struct err *e);
/* The filled hvparams of an instance as struct hv_kvm etc. */
void *hv_params(struct arena *a, hypervisor_t t, const json *hvparams, struct err *e);

/* main() of ganeti-virt-migrate, which carries one live migration out (see virt_migrate.c). */
int virt_migrate_main(int argc, char **argv);

#endif
