/* Bringing clusters and nodes to life: what gnt-cluster init and gnt-node add do outside of jobs. Runs as root in the tool. */
#ifndef SRC_SITE_SITE_H
#define SRC_SITE_SITE_H
#include "src/client/client.h"
#include "src/env/env.h"
#include "src/model/model.h"

/*
 * OPTS: the init options as a dict, keys are the arguments of upstream's InitCluster: cluster_name,
 * mac_prefix, master_netmask (int), master_netdev, file_storage_dir, shared_file_storage_dir,
 * gluster_storage_dir, candidate_pool_size, ssh_key_type, ssh_key_bits, secondary_ip, vg_name, beparams,
 * nicparams, ndparams (dicts), hvparams, diskparams (dicts of dicts), enabled_hypervisors,
 * enabled_disk_templates (lists), modify_etc_hosts, modify_ssh_setup, maintain_node_health, drbd_helper,
 * uid_pool (list of pairs), default_iallocator, default_iallocator_params, primary_ip_version (4 or 6),
 * ipolicy, prealloc_wipe_disks, use_external_mip_script, hv_state, disk_state, install_image,
 * zeroing_image, compression_tools (list), enabled_user_shutdown. Others are refused. Only cluster_name and
 * the two enabled lists are needed; parameter dicts may be partial and hold text from a command line.
 * Creates certificates, ssh keys, the configuration database, ssconf; starts the node agent and the master
 * daemon; submits OP_CLUSTER_POST_INIT and waits for it.
 */
int site_init(const json *opts, struct err *e);
/* After OP_CLUSTER_DESTROY: stop daemons and remove what init made (upstream: FinalizeClusterDestroy). */
int site_destroy_finish(const char *master_name, struct err *e);
/*
 * Make this node the master. Complaints go to standard error as they come. 0; 1: it was said what went wrong (nothing
 * was changed, or the new master needs a look); -1: refused or failed.
 */
int site_failover(bool no_voting, bool ignore_offline, struct err *e);
/* gnt-node add before the opcode: copy certificates and keys over ssh, start the node agent there (upstream: SetupNodeDaemon and prepare-node-join). */
struct site_join {
	const char *name, *ip;
	int ssh_port;
	bool ssh_key_check, force_join, verbose, no_node_setup;
};
int site_join_node(const struct site_join *j, struct err *e);
/* Files made by init: all in memory first, then written (upstream: GenerateClusterCrypto). */
int site_make_certs(const char *cluster_name, bool new_cluster_cert, bool new_rapi_cert, bool new_hmac_key, struct err *e);
/*
 * --- import.c: a cluster of upstream's moves here. Daemons do not run meanwhile. ---
 * config.data (2.0 to 3.1) and the files of the job queue, archive included, in DIR become the database there.
 * Jobs keep their numbers; what was running when its daemons ended will be an error when the master starts.
 */
struct site_import {
	const char *dir; /* absolute; PATH_DATA_DIR, unless it is a copy for a trial */
	bool dry_run, no_verify, ignore_hostname;
};
struct site_imported {
	bool already; /* the database was there: nothing was done */
	size_t jobs, archived;
	struct strs infos, warnings, errors /* of the configuration as it is now */;
};
/* RET is also set when it fails. Texts live in the arena. */
int site_import(const struct site_import *o, struct arena *a, struct site_imported *ret, struct err *e);
/* The database's configuration as config.data of 3.0, the database is renamed. Job files are there anyway. */
int site_export_old(const struct site_import *o, struct arena *a, struct site_imported *ret, struct err *e);

/*
 * --- aside.c: work of another process (gnt-site virt) meanwhile. ARGS (taken over): "ca_of": make the
 * cluster's authority; "name", "ip": a certificate of that node, which is the result, or with "install":
 * put in place here, and libvirtd told (also without a new certificate). ---
 */
struct site_aside {
	pid_t pid; /* 0 = none */
	int fd;
};
int site_aside_start(json *args, struct site_aside *ret, struct err *e);
int site_aside_wait(struct site_aside *s, json **ret, struct err *e); /* RET: new reference or NULL */
void site_aside_drop(struct site_aside *s);                           /* for CLEANUP(): end it */
int site_aside_work(const json *args, json **ret, struct err *e);     /* in that process */

/* --- on the node that joins, called by the programs that site_join_node() runs there --- */
struct site_join_files {
	const char *cluster_cert, *hmac_key, *node_name;
	const json *virt; /* {"ca", "cert", "key"} or NULL */
};
/* Also makes the node's own client certificate. */
int site_write_join_files(const struct site_join_files *f, struct err *e);
struct site_ssh_setup {
	const json *host_keys;       /* [[kind, private, public], ...] */
	const json *authorized_keys; /* node -> [public key, ...] */
	const char *key_type;        /* NULL: make no key */
	int64_t key_bits;
	bool dry_run;
};
/* RET_CHANGED: the ssh server has to be told. RET_KEY: root's public key, NULL when none was made; arena. */
int site_ssh_setup(const struct site_ssh_setup *s, struct arena *a, bool *ret_changed, const char **ret_key, struct err *e);
/* Start/stop/check a daemon through daemon-util. */
int site_daemon(const char *action, const char *daemon, struct err *e);

#endif
