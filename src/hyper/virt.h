/* Shared by the libvirt classes: connection, lifecycle, migration, hot-plugging. */
#ifndef SRC_HYPER_VIRT_H
#define SRC_HYPER_VIRT_H
#include "src/hyper/priv.h"
#include "src/hyper/virt_lib.h"

#define VIRT_XMLNS "http://ganeti.org/xmlns/instance/1"
#define VIRT_TLS_PORT 16514

/* The process's connection to the local libvirtd, opened when first needed, again when it broke. */
virConnectPtr virt_conn(struct err *e);
/* HypervisorError "<text>: <libvirt's message>". Returns -1. */
int virt_err(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void virt_domain_free(virDomainPtr *d); /* for CLEANUP() */
/* 1 = found, 0 = not there, -1 */
int virt_domain(const char *name, virDomainPtr *ret, struct err *e);
bool virt_domain_is_ours(virDomainPtr d);
bool virt_domain_active(virDomainPtr d);

int virt_list(struct arena *a, struct strs *ret, struct err *e);
int virt_info(struct arena *a, const char *name, struct hv_info *ret, struct err *e);
int virt_all_info(struct arena *a, struct hv_info **ret, size_t *ret_n, struct err *e);
int virt_start(const char *name, const char *xml, bool paused, struct err *e);
int virt_destroy(const char *name, struct err *e); /* not running is fine */
int virt_version(struct arena *a, const char **ret_json, struct err *e);
int virt_major_version(void); /* of QEMU; 0 = not known */

/* --- virt_migrate.c --- */
int virt_accept_check(const struct hv_instance *i, struct err *e);
/* Start the transfer in a process of its own (ganeti-virt-migrate), which outlives this one. */
int virt_migrate_start(struct arena *a, const struct hv_instance *i, const char *target_ip,
		       bool live, int bandwidth, int downtime, int port, struct err *e);
int virt_migration_status(struct arena *a, const char *name, struct hv_migration *ret,
			  struct err *e);
int virt_finalize_src(struct arena *a, const char *name, bool success, struct err *e);

/* --- virt_plug.c --- */
/* Take a device out, and wait until the guest has let go of it. */
int virt_unplug(struct arena *a, virDomainPtr d, const char *alias, struct err *e);
/* First free X of the disks PREFIXX (0 = a): it need not be that of the disk's position, for disks in front
 * may have been unplugged. */
int virt_free_letter(struct arena *a, virDomainPtr d, const char *prefix, size_t *ret, struct err *e);

/* --- xml_kvm.c --- */
struct xml_kvm {
	const struct hv_instance *i;
	const struct hv_kvm *p;
	const struct hv_disk *disks;
	size_t n_disks;
	const char *vnc_password, *spice_password; /* contents of the files, or NULL */
	bool use_kvm;                              /* hardware virtualisation */
	bool use_vhost;
	bool odd_memory; /* a size that is no multiple of 256 KiB */
};
/* The domain XML; pure. Fails on parameters that cannot be expressed. */
int xml_kvm_domain(struct arena *a, const struct xml_kvm *x, const char **ret, struct err *e);
/* One device, for hot-plugging. */
const char *xml_kvm_disk(struct arena *a, const struct xml_kvm *x, size_t index,
			 const struct hv_disk *d);
const char *xml_kvm_nic(struct arena *a, const struct xml_kvm *x, const struct nic *n);
const char *xml_kvm_disk_prefix(const struct hv_kvm *p); /* "vd", "sd" or "hd" */
const char *xml_kvm_disk_alias(struct arena *a, const char *uuid);
const char *xml_kvm_nic_alias(struct arena *a, const char *uuid);

#endif
