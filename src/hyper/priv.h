/* Shared by the hypervisor classes. */
#ifndef SRC_HYPER_PRIV_H
#define SRC_HYPER_PRIV_H
#include "lib/base/log.h"
#include "src/hyper/hyper.h"

#include <stdio.h>
#include <string.h>

extern const struct hv_class hv_class_fake, hv_class_kvm;

/* The node_info answer every Linux-hosted hypervisor gives; the version as JSON text ("[7,2,0]"). */
json *hv_node_info(const char *hv_version_json);

/* --- nic.c: tap devices and network scripts, made by us for every libvirt class --- */
/* Name of the tap of a NIC: the same on every node, so that migration needs no renaming. */
char *nic_tap_name(struct arena *a, const struct nic *n);
/* Create the tap (existing is fine), up; QUEUES > 1 makes it multi-queue. */
int nic_tap_create(const char *name, int queues, bool vnet_hdr, struct err *e);
int nic_tap_remove(const char *name, struct err *e);
/* Run the up or down script with upstream's environment, and remember the tap under
 * kvm-hypervisor/nic/<instance>/<index>. */
int nic_script(struct arena *a, const struct hv_instance *i, size_t index, bool up, struct err *e);
/* All taps of the instance: create and, if CONFIGURE, run the up script. Undoes itself on failure. */
enum nic_when { NIC_TAP_ONLY, NIC_CONFIGURE_SWITCHED, NIC_CONFIGURE_ALL };
int nics_up(struct arena *a, const struct hv_instance *i, int queues, bool vnet_hdr,
	    enum nic_when when, struct err *e);
/* Down scripts and removal of everything remembered for the instance NAME. */
int nics_down(struct arena *a, const char *name, struct err *e);

#endif
