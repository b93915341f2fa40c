/*
 * The new node's side of gnt-node add: what prepare-node-join and node-daemon-setup do there with the JSON
 * that the master sends (join.c). Everything is checked before anything is changed.
 */
#include "src/site/priv.h"

#include "lib/net/net.h"

#include <string.h>

/* A node of another cluster is not taken over. */
static int check_cluster_name(const json *data, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	const char *name = json_get_str(data, "cluster_name"), *now;

	if (!name || !*name)
		return err_plain(e, "Cluster name must be specified");
	if (ssconf_read(a, SSCONF_cluster_name, &now, NULL) < 0 || strcmp(now, name) == 0)
		return 0;
	return err_plain(e, "This node belongs to another cluster: the current cluster name is '%s'", now);
}

/* The certificate of the data, without its key, is the one that this node has, or it has none yet. */
static int check_cluster_cert(const json *data, bool with_key, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	const char *pem = json_get_str(data, "node_daemon_certificate"), *mine;
	char *digest, *my_digest;

	if (!pem)
		return err_plain(e, "Node daemon certificate must be specified");
	if (with_key && cert_check_pair(pem, e) < 0)
		return -1;
	digest = cert_digest(a, pem, e);
	if (!digest)
		return -1;
	if (!fs_exists(path_of(PATH_NODED_CERT_FILE)))
		return 0;
	if (site_get(a, path_of(PATH_NODED_CERT_FILE), &mine, e) < 0)
		return -1;
	my_digest = cert_digest(a, mine, e);
	if (!my_digest)
		return -1;
	if (strcmp(digest, my_digest) != 0)
		return err_plain(e, "This node has the certificate of another cluster in %s",
				 path_of(PATH_NODED_CERT_FILE));
	return 0;
}

/* --- prepare-node-join --- */
struct host_key {
	const char *priv_file, *pub_file, *priv, *pub;
};

static int read_host_key(const json *item, struct host_key *ret, struct err *e)
{
	const char *kind = json_str(json_at(item, 0));
	struct host_key k = { .priv = json_str(json_at(item, 1)), .pub = json_str(json_at(item, 2)) };
	int type = kind ? enum_value(&enum_ssh_key_type, kind) : -1;

	if (type == ssh_key_type_rsa) {
		k.priv_file = path_of(PATH_SSH_HOST_RSA_PRIV);
		k.pub_file = path_of(PATH_SSH_HOST_RSA_PUB);
	} else if (type == ssh_key_type_dsa) {
		k.priv_file = path_of(PATH_SSH_HOST_DSA_PRIV);
		k.pub_file = path_of(PATH_SSH_HOST_DSA_PUB);
	} else {
		return err_plain(e, "Unsupported SSH host key type '%s'", kind ? kind : "");
	}
	if (!k.priv || !k.pub)
		return err_plain(e, "The SSH host key of type '%s' is incomplete", kind);
	*ret = k;
	return 0;
}

/* Does FILE hold exactly TEXT? */
static bool holds(const char *file, const char *text)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	const char *now;

	return fs_exists(file) && site_get(a, file, &now, NULL) == 0 && strcmp(now, text) == 0;
}

/* All nodes of a cluster have the same host keys. */
static int update_host_keys(const json *keys, struct err *e)
{
	struct host_key k;
	bool changed = false;

	json_items(keys, i, item)
		if (read_host_key(item, &k, e) < 0)
			return -1;
	json_items(keys, i, item) {
		read_host_key(item, &k, NULL);
		if (holds(k.priv_file, k.priv) && holds(k.pub_file, k.pub))
			continue;
		if (site_backup(k.priv_file, e) < 0 || site_put(k.priv_file, k.priv, 0600, e) < 0 ||
		    site_backup(k.pub_file, e) < 0 || site_put(k.pub_file, k.pub, 0644, e) < 0)
			return -1;
		changed = true;
	}
	return changed ? site_daemon("reload-ssh-keys", NULL, e) : 0;
}

static int update_root(const json *data, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	const char *kind = json_get_str(data, "ssh_key_type"), *pub;
	int64_t bits = json_get_int(data, "ssh_key_bits", 0);
	struct ssh_files f;

	if (!kind || enum_value(&enum_ssh_key_type, kind) < 0)
		return err_plain(e, "Unsupported SSH key type '%s'", kind ? kind : "");
	if (ssh_files_of_root(a, kind, &f, e) < 0 || ssh_make_key(&f, kind, bits, e) < 0 ||
	    site_get(a, f.pub, &pub, e) < 0 || ssh_authorize(f.authorized, pub, e) < 0)
		return -1;
	json_each(json_get(data, "authorized_keys"), node, keys) {
		(void)node;
		json_items(keys, i, key)
			if (json_str(key) && ssh_authorize(f.authorized, json_str(key), e) < 0)
				return -1;
	}
	return 0;
}

int site_prepare_join(const json *data, struct err *e)
{
	if (check_cluster_name(data, e) < 0 || check_cluster_cert(data, false, e) < 0 ||
	    update_host_keys(json_get(data, "ssh_host_key"), e) < 0)
		return -1;
	return update_root(data, e);
}

/* --- node-daemon-setup --- */
static int check_agent_data(const json *data, struct err *e)
{
	const char *node = json_get_str(data, "node_name");
	const json *ssconf = json_get(data, "ssconf");
	const char *name = json_get_str(ssconf, ssconf_name(SSCONF_cluster_name));

	if (check_cluster_name(data, e) < 0 || check_cluster_cert(data, true, e) < 0)
		return -1;
	if (!node || !*node)
		return err_plain(e, "Node name must be specified");
	if (!json_get_str(data, "hmac_key"))
		return err_plain(e, "HMAC key must be specified");
	if (!str_eq(name, json_get_str(data, "cluster_name")))
		return err_plain(e, "The ssconf data is that of another cluster: '%s'", name ? name : "");
	return ssconf_write(ssconf, true, e);
}

static int write_agent_files(const json *data, struct err *e)
{
	const json *virt = json_get(data, "virt_certificates");

	if (site_put(path_of(PATH_NODED_CERT_FILE), json_get_str(data, "node_daemon_certificate"), 0440,
		     e) < 0 ||
	    site_put(path_of(PATH_CONFD_HMAC_KEY), json_get_str(data, "hmac_key"), 0440, e) < 0 ||
	    ssconf_write(json_get(data, "ssconf"), false, e) < 0 ||
	    site_make_client_cert(json_get_str(data, "node_name"), 1, e) < 0)
		return -1;
	return virt ? site_install_virt_bundle(virt, e) : 0;
}

int site_setup_agent(const json *data, struct err *e)
{
	if (check_agent_data(data, e) < 0 || env_ensure_dirs(e) < 0)
		return -1;
	/* an agent that runs has the old certificates in memory */
	if (site_daemon("stop-all", NULL, e) < 0 || write_agent_files(data, e) < 0 ||
	    env_ensure_dirs(e) < 0)
		return -1;
	if (json_get(data, "virt_certificates") && site_daemon("reload-libvirt", NULL, e) < 0)
		return -1;
	if (!json_get_bool(data, "start_node_daemon", false))
		return 0;
	return site_daemon("start", "ganeti-noded", e);
}
