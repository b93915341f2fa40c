/* Keys of the ssh server and of root, as upstream's ssh.py lays them out. */
#include "src/site/priv.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define KEYGEN_TIMEOUT 120.0

int ssh_files_of_root(struct arena *a, const char *kind, struct ssh_files *ret, struct err *e)
{
	const struct passwd *pw = getpwnam("root");
	const char *home = pw ? pw->pw_dir : "/root";
	struct ssh_files f = { .dir = arena_printf(a, "%s/.ssh", home) };
	int r = fs_ensure_dir(f.dir, 0700, (uid_t)-1, (gid_t)-1);

	if (r < 0)
		return err_sys(e, r, "Can't create %s", f.dir);
	f.priv = arena_printf(a, "%s/id_%s", f.dir, kind);
	f.pub = arena_printf(a, "%s.pub", f.priv);
	f.authorized = arena_printf(a, "%s/authorized_keys", f.dir);
	*ret = f;
	return 0;
}

int ssh_make_key(const struct ssh_files *f, const char *kind, int64_t bits, struct err *e)
{
	char size[24];
	const char *const argv[] = { "ssh-keygen", "-b", size, "-t", kind, "-f", f->priv,
				     "-q",	   "-N", "",   NULL };
	struct run run = { .argv = argv, .timeout = KEYGEN_TIMEOUT };
	struct run_result res CLEANUP(run_result_free) = { 0 };

	snprintf(size, sizeof(size), "%lld", (long long)bits);
	if (site_backup(f->priv, e) < 0 || site_backup(f->pub, e) < 0)
		return -1;
	unlink(f->priv);
	unlink(f->pub);
	if (run_cmd(&run, &res, e) < 0)
		return -1;
	if (res.status != 0)
		return err_set(e, ERR_EXEC, NULL, "Could not generate ssh keypair, error %s%s",
			       res.out, res.err);
	return 0;
}

int ssh_authorize(const char *authorized, const char *key, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	const char *text = "", *line = str_strip(a, key);
	struct strs lines;

	if (fs_exists(authorized) && site_get(a, authorized, &text, e) < 0)
		return -1;
	lines = strs_split(a, text, '\n');
	if (strs_has(&lines, line))
		return 0;
	return site_put(authorized,
			arena_printf(a, "%s%s%s\n", text,
				     *text && !str_ends(text, "\n") ? "\n" : "", line),
			0600, e);
}

/* The key itself, the second word of a public key file; "" when there is no such file. */
static const char *public_key(struct arena *a, enum path path)
{
	const char *text;
	struct strs words;

	if (site_get(a, path_of(path), &text, NULL) < 0)
		return "";
	words = strs_split(a, str_strip(a, text), ' ');
	return words.n > 1 ? words.v[1] : "";
}

int ssh_host_keys(struct arena *a, const char **ret_rsa, const char **ret_dsa, struct err *e)
{
	const char *rsa = public_key(a, PATH_SSH_HOST_RSA_PUB);
	const char *dsa = public_key(a, PATH_SSH_HOST_DSA_PUB);

	if (!*rsa && !*dsa && !env_virtual())
		return err_set(e, ERR_PREREQ, ECODE_ENVIRON, "Failed to find SSH public keys");
	*ret_rsa = rsa;
	*ret_dsa = dsa;
	return 0;
}

int ssh_write_known_hosts(const char *cluster_name, const char *rsa, const char *dsa, struct err *e)
{
	struct str out CLEANUP(str_free) = { 0 };

	if (*rsa)
		str_addf(&out, "%s ssh-rsa %s\n", cluster_name, rsa);
	if (*dsa)
		str_addf(&out, "%s ssh-dss %s\n", cluster_name, dsa);
	return site_put(path_of(PATH_SSH_KNOWN_HOSTS_FILE), str_get(&out), 0644, e);
}

int ssh_pub_key_file_add(const char *id, const char *key, bool fresh, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	json *keys = json_own(a, json_new_dict()), *list;
	int lock CLEANUP(closep) = sshkeys_lock(e);

	if (lock < 0 || (!fresh && sshkeys_read(a, &keys, e) < 0))
		return -1;
	if (!json_get(keys, id))
		json_set(keys, id, json_new_array());
	list = json_get(keys, id);
	json_items(list, i, known)
		if (str_eq(json_str(known), str_strip(a, key)))
			return 0;
	json_append(list, json_new_str(str_strip(a, key)));
	return sshkeys_write(keys, e);
}
