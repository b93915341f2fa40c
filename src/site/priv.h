/* Shared inside src/site. */
#ifndef SRC_SITE_PRIV_H
#define SRC_SITE_PRIV_H
#include "src/config/config.h"
#include "src/rpc/rpc.h"
#include "src/site/site.h"

/* --- files.c --- */
/* Replace PATH; directories on the way are made. Owners are set later, by env_ensure_dirs(). */
int site_put(const char *path, const char *text, mode_t mode, struct err *e);
/* Whole text of a file, at most 1 MiB; arena. */
int site_get(struct arena *a, const char *path, const char **ret, struct err *e);
/* Keep a copy "<path>.backup-<time>", as upstream's CreateBackup. A missing file is fine. */
int site_backup(const char *path, struct err *e);
/* Add "IP NAME SHORT" to the hosts file, in place of what it said about NAME; or take NAME out (IP NULL). */
int site_hosts_entry(const char *file, const char *ip, const char *name, struct err *e);

/* --- certs.c --- */
/* A node's client certificate, signed by the cluster's (server.pem). */
int site_make_client_cert(const char *node_name, int64_t serial, struct err *e);
int site_make_virt_ca(const char *cluster_name, struct err *e);
/* {"ca": PEM, "cert": PEM, "key": PEM} of a node, made with the CA's key; new reference. */
int site_virt_bundle(const char *node_name, const char *node_ip, json **ret, struct err *e);
int site_install_virt_bundle(const json *bundle, struct err *e);

/* --- sshkeys.c --- */
struct ssh_files {
	const char *dir, *priv, *pub, *authorized; /* of root */
};
int ssh_files_of_root(struct arena *a, const char *kind, struct ssh_files *ret, struct err *e);
int ssh_make_key(const struct ssh_files *f, const char *kind, int64_t bits, struct err *e);
int ssh_authorize(const char *authorized, const char *key, struct err *e);
/* known_hosts of the cluster: its name and this machine's host keys. RET_RSA/RET_DSA: the keys (arena), "" if missing. */
int ssh_host_keys(struct arena *a, const char **ret_rsa, const char **ret_dsa, struct err *e);
int ssh_write_known_hosts(const char *cluster_name, const char *rsa, const char *dsa, struct err *e);
/* "<id> <public key>" lines of potential master candidates (upstream: AddPublicKey). */
int ssh_pub_key_file_add(const char *id, const char *key, bool fresh, struct err *e);

/* --- daemons.c --- */
int site_wait_node_daemon(const char *name, const char *ip, struct err *e);
int site_wait_master_daemon(struct err *e);

/* --- checks.c: upstream's InitCluster, before anything is changed --- */
struct site_plan {
	struct arena *a;
	const char *cluster_name, *cluster_ip; /* resolved */
	const char *node_name, *node_ip, *secondary_ip;
	int ip_version;
	int64_t netmask;
	const char *file_dir, *shared_dir, *gluster_dir, *vg_name, *mac_prefix, *netdev;
	const char *rsa_key, *dsa_key;
	struct strs hypervisors, templates;
	bool ssh_setup, etc_hosts;
	const char *ssh_type;
	int64_t ssh_bits;
	const char *node_uuid;
	json *config; /* config.data shaped */
};
int site_check_init(const json *opts, struct site_plan *p, struct err *e);
/* --- initial.c: the first configuration, into p->config --- */
int site_initial_config(const json *opts, struct site_plan *p, struct err *e);

#endif
