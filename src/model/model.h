/* Pure functions over config objects: effective parameters, policies, names, disks. No I/O. */
#ifndef SRC_MODEL_MODEL_H
#define SRC_MODEL_MODEL_H
#include "src/schema/schema.h"

/* --- fill.c: effective parameters (upstream: Cluster.FillHV, FillBE, SimpleFillNIC, GetNdParams) --- */
/* Dict, cluster <- os_hvp of the OS <- instance; SKIP_GLOBALS leaves out migration_port etc. Arena-owned. */
json *fill_hv(struct arena *a, const struct cluster *c, const char *hypervisor, const char *os,
	      const json *hvparams, bool skip_globals);
json *fill_hv_instance(struct arena *a, const struct cluster *c, const struct instance *i);
bool hv_is_global(const char *param); /* set per cluster only: migration_port, ... */
/* OVER may be NULL: the cluster's own values. Every parameter is set in the result. */
struct beparams fill_be(struct arena *a, const struct cluster *c, const struct beparams *over);
struct nicparams fill_nic(struct arena *a, const struct cluster *c, const struct nicparams *over);
struct ndparams fill_nd(struct arena *a, const struct cluster *c, const struct nodegroup *g,
			const struct node *n);
json *fill_os(struct arena *a, const struct cluster *c, const char *os, const json *osparams);
json *fill_os_private(struct arena *a, const struct cluster *c, const char *os, const json *osparams_private);
/* G may be NULL, here and below: the cluster's values. */
json *fill_diskparams(struct arena *a, const struct cluster *c, const struct nodegroup *g,
		      disk_template_t t);
/* What the administrator says of a node's resources under the default hypervisor, by that one's name (upstream's 2.17:
 * GetFilledHvStateParams). */
json *fill_hv_state(struct arena *a, const struct cluster *c, const struct nodegroup *g, const struct node *n);
/* Filled instance policy of a group as a dict. */
json *fill_ipolicy(struct arena *a, const struct cluster *c, const struct nodegroup *g);

/* --- policy.c: wording as upstream ("disk-size/0 value 10 is not in range [16, 65536]") --- */
struct ispec_values { /* negative = not known, not checked */
	int64_t memory, cpus, nics, spindles;
	size_t n_disks;
	const int64_t *disk_sizes;
	disk_template_t template_; /* without disks (diskless) their number is not checked */
};
struct strs policy_violations(struct arena *a, const json *ipolicy, const struct ispec_values *v);
/* Syntax of a policy; one of a group has no standard instance. ConfigurationError. */
int policy_check(const json *ipolicy, bool group, struct err *e);

/* --- names.c --- */
/* NAME or unique prefix of a dotted name ("inst1" for "inst1.example.com"), exact first, then without
 * regard to case. Index, -1 none, -2 ambiguous. */
int name_match(const struct strs *names, const char *name);
/* Instance/host names, lower-cased into the arena. OpPrereqError "Invalid hostname '...'". */
int name_normalize(struct arena *a, const char *name, const char **ret, struct err *e);

/* --- tags.c --- */
int tag_check(const char *tag, struct err *e); /* TagError, upstream's texts */

/* --- disk.c --- */
bool template_is_filebased(disk_template_t t);
bool template_is_ext_mirrored(disk_template_t t);
bool template_is_int_mirrored(disk_template_t t);
bool template_is_mirrored(disk_template_t t);
/* UUIDs of all nodes holding data of a disk, its children included. */
struct strs disk_nodes(struct arena *a, const struct disk *d);
/* Template of an instance from its disks (upstream: the type of its first disk; diskless; mixed -> "mixed"). */
const char *instance_template(const struct disk *const *disks, size_t n);

/* --- supported.c: OpPrereqError for what this version cannot run --- */
int hypervisor_check_supported(const char *name, struct err *e);
int template_check_supported(const char *name, struct err *e);

/* --- net4.c: "192.0.2.0/24" --- */
int ip4_parse(const char *text, uint32_t *ret);
/* Base address and number of addresses of a network with an address pool. 0 or -1. */
int net4_parse(const char *text, uint32_t *ret_base, uint32_t *ret_size);
/* The same for what a user typed: upstream's texts. */
int net4_check(const char *text, struct err *e);
int64_t net4_place(const char *network, const char *ip); /* 0 for its first address; -1 = not in it */
const char *net4_address(struct arena *a, const char *network, size_t place); /* NULL: not in it */

/* --- nicsyntax.c --- */
int nicparams_check(const json *filled, struct err *e); /* ConfigurationError */

/* --- hvsyntax.c: filled hypervisor parameters (no file system access): upstream's
 * CheckParameterSyntax texts, HypervisorError --- */
int hv_check_syntax(int hypervisor, const json *hvparams, struct err *e);

#endif
