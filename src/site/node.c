/* What is done on a node that joins a cluster. */
#include "src/site/priv.h"

#include <string.h>
#include <unistd.h>

int site_write_join_files(const struct site_join_files *f, struct err *e)
{
	/* what it may know of another cluster, or of an earlier life in this one */
	unlink(path_of(PATH_TERM_FILE));
	if (site_put(path_of(PATH_NODED_CERT_FILE), f->cluster_cert, 0400, e) < 0 ||
	    site_put(path_of(PATH_CONFD_HMAC_KEY), f->hmac_key, 0400, e) < 0 ||
	    site_make_client_cert(f->node_name, 0, e) < 0)
		return -1;
	return f->virt ? site_install_virt_bundle(f->virt, e) : 0;
}

/* Replace a file if it differs; the old one is kept. */
static int replace(const char *path, const char *text, mode_t mode, bool dry_run, bool *changed,
		   struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	const char *now;

	if (site_get(a, path, &now, NULL) == 0 && strcmp(now, text) == 0)
		return 0;
	*changed = true;
	if (dry_run)
		return 0;
	return site_backup(path, e) < 0 ? -1 : site_put(path, text, mode, e);
}

static int host_keys(const struct site_ssh_setup *s, bool *changed, struct err *e)
{
	static const struct {
		enum ssh_key_type kind;
		enum path priv, pub;
	} files[] = {
		{ ssh_key_type_rsa, PATH_SSH_HOST_RSA_PRIV, PATH_SSH_HOST_RSA_PUB },
		{ ssh_key_type_dsa, PATH_SSH_HOST_DSA_PRIV, PATH_SSH_HOST_DSA_PUB },
	};

	json_items(s->host_keys, i, key) {
		const char *kind = json_str(json_at(key, 0)), *priv = json_str(json_at(key, 1));
		const char *pub = json_str(json_at(key, 2));
		bool known = false;

		if (!kind || !priv || !pub)
			return err_plain(e, "A host key is incomplete");
		for (size_t k = 0; k < ARRAY_SIZE(files); k++) {
			if (strcmp(enum_name(&enum_ssh_key_type, files[k].kind), kind) != 0)
				continue;
			known = true;
			if (replace(path_of(files[k].priv), priv, 0600, s->dry_run, changed, e) < 0 ||
			    replace(path_of(files[k].pub), pub, 0644, s->dry_run, changed, e) < 0)
				return -1;
		}
		if (!known)
			return err_plain(e, "Host keys of type '%s' are not known", kind);
	}
	return 0;
}

int site_ssh_setup(const struct site_ssh_setup *s, struct arena *a, bool *ret_changed,
		   const char **ret_key, struct err *e)
{
	struct ssh_files f;
	const char *pub;

	*ret_changed = false;
	*ret_key = NULL;
	if (host_keys(s, ret_changed, e) < 0)
		return -1;
	if (s->dry_run || !s->key_type)
		return 0;
	if (enum_value(&enum_ssh_key_type, s->key_type) < 0)
		return err_plain(e, "SSH keys of type '%s' are not known", s->key_type);
	if (ssh_files_of_root(a, s->key_type, &f, e) < 0 ||
	    ssh_make_key(&f, s->key_type, s->key_bits, e) < 0 || site_get(a, f.pub, &pub, e) < 0 ||
	    ssh_authorize(f.authorized, pub, e) < 0)
		return -1;
	json_each(s->authorized_keys, node, keys) {
		(void)node;
		json_items(keys, i, key)
			if (!json_str(key) || ssh_authorize(f.authorized, json_str(key), e) < 0)
				return -1;
	}
	*ret_key = pub;
	return 0;
}
