/*
 * mkcluster NODES [IP...]: what cluster init leaves on the disk of node1.example.com, in the
 * virtual root of $GANETI_ROOTDIR: configuration, certificates, ssconf. IPs of the nodes; default
 * 192.0.2.N.
 * mkcluster --config FILE: a configuration like that instead of the one that is there.
 */
#include "tests/harness/confkit.h"

#include "src/env/env.h"
#include "src/site/priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int die(const struct err *e)
{
	fprintf(stderr, "mkcluster: %s\n", err_msg(e));
	return 1;
}

static int write_ssconf(struct err *e)
{
	struct config *c CLEANUP(config_closep) = NULL;
	struct snapshot *s CLEANUP(snapshot_freep) = NULL;
	json *values CLEANUP(json_putp) = NULL;
	int rc = config_open(path_of(PATH_CONFIG_DB), DB_READ, &c, e);

	if (rc == 0)
		rc = snapshot_open(c, &s, e);
	if (rc == 0)
		rc = config_ssconf(s, &values, e);
	if (rc == 0)
		rc = ssconf_write(values, false, e);
	snapshot_freep(&s);
	return rc;
}

/* Other nodes take calls from holders of this certificate. */
static int trust_master(json *data, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	json *cluster = json_get(data, "cluster");
	const char *pem, *digest;

	if (site_get(a, path_of(PATH_NODED_CLIENT_CERT_FILE), &pem, e) < 0)
		return -1;
	digest = cert_digest(a, pem, e);
	if (!digest)
		return -1;
	json_set(cluster, "candidate_certs",
		 json_pack("{s:s}", json_get_str(cluster, "master_node"), digest));
	return 0;
}

static int replace_config(const char *file)
{
	const char *db = path_of(PATH_CONFIG_DB);
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct err e CLEANUP(err_clear) = ERR_NONE;
	char *text CLEANUP(freep) = NULL;
	json *data CLEANUP(json_putp) = NULL;
	size_t n;
	int r = fs_read(file, 64 << 20, &text, &n);

	if (r < 0) {
		err_sys(&e, r, "%s", file);
		return die(&e);
	}
	unlink(db);
	unlink(arena_printf(a, "%s-wal", db));
	unlink(arena_printf(a, "%s-shm", db));
	if (json_parse(text, n, &data, &e) < 0 || config_create(db, data, &e) < 0)
		return die(&e);
	return 0;
}

int main(int argc, char **argv)
{
	int nodes = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 1, i = 2;
	json *data CLEANUP(json_putp) = NULL;
	struct err e CLEANUP(err_clear) = ERR_NONE;

	if (!env_virtual()) {
		fputs("mkcluster: only in a virtual root\n", stderr);
		return 1;
	}
	if (argc == 3 && str_eq(argv[1], "--config"))
		return replace_config(argv[2]);
	data = confkit_data(nodes);

	json_each (json_get(data, "nodes"), uuid, n) {
		(void)uuid;
		if (i < argc) {
			json_set(n, "primary_ip", json_new_str(argv[i]));
			json_set(n, "secondary_ip", json_new_str(argv[i++]));
		}
	}
	if (env_ensure_dirs(&e) < 0 ||
	    site_make_certs("cl.example.com", true, false, false, &e) < 0 ||
	    site_make_client_cert("node1.example.com", 1, &e) < 0 || trust_master(data, &e) < 0 ||
	    config_create(path_of(PATH_CONFIG_DB), data, &e) < 0 || write_ssconf(&e) < 0)
		return die(&e);
	return 0;
}
