/* Shared by the hypervisor classes. */
#ifndef SRC_HYPER_PRIV_H
#define SRC_HYPER_PRIV_H
#include "lib/base/log.h"
#include "src/hyper/hyper.h"

#include <stdio.h>
#include <string.h>

extern const struct hv_class hv_class_fake, hv_class_kvm;

/* I, whose NIC at INDEX is the one that DEVICE (with netinfo) describes. */
int hv_instance_with_nic(struct arena *a, const struct hv_instance *i, json *device, size_t index,
			 struct hv_instance *ret, struct err *e);

/* The node_info answer every Linux-hosted hypervisor gives; the version as JSON text ("[7,2,0]"). */
json *hv_node_info(const char *hv_version_json);

/* --- nic.c: tap devices and network scripts, made by us for every libvirt class --- */
/* Name of the tap of a NIC: the same on every node, so that migration needs no renaming. */
char *nic_tap_name(struct arena *a, const struct nic *n);
/* Create the tap (existing is fine), up; QUEUES > 1 makes it multi-queue. */
int nic_tap_create(const char *name, int queues, bool vnet_hdr, struct err *e);
int nic_tap_remove(const char *name, struct err *e);
/* Run the up or down script with upstream's environment. */
int nic_script(struct arena *a, const struct hv_instance *i, size_t index, bool up, struct err *e);
/* All taps of the instance: create, remember under kvm-hypervisor/nic/<instance>/<index> and, if CONFIGURE, run the up script. Undoes itself on failure. */
enum nic_when { NIC_TAP_ONLY, NIC_CONFIGURE_SWITCHED, NIC_CONFIGURE_ALL };
int nics_up(struct arena *a, const struct hv_instance *i, int queues, bool vnet_hdr,
	    enum nic_when when, struct err *e);
/* A NIC came to or left a running instance: nics_down() takes care of it, or not any more. */
int nic_plugged(struct arena *a, const struct hv_instance *i, size_t index, struct err *e);
void nic_unplugged(struct arena *a, const char *name, const char *tap);
/* Down scripts and removal of everything remembered for the instance NAME. */
int nics_down(struct arena *a, const char *name, struct err *e);

#endif
