/*
 * gnt-cluster init: everything is checked first; then files are made, this node's agent and the master
 * daemon started (upstream: InitCluster). Whatever fails after the first file leaves the files that a
 * second attempt would make anyway, but no configuration.
 */
#include "src/site/priv.h"

#include "lib/net/net.h"

#include <string.h>
#include <unistd.h>

static int write_ssconf(struct err *e)
{
	struct config *c = NULL;
	struct snapshot *s CLEANUP(snapshot_freep) = NULL;
	json *values CLEANUP(json_putp) = NULL;
	int rc;

	if (config_open(path_of(PATH_CONFIG_DB), DB_READ, &c, e) < 0)
		return -1;
	rc = snapshot_open(c, &s, e);
	if (rc == 0)
		rc = config_ssconf(s, &values, e);
	snapshot_freep(&s);
	config_close(c);
	return rc == 0 ? ssconf_write(values, false, e) : rc;
}

/* Root's own key is what the nodes of a cluster let each other in with. */
static int setup_ssh(struct site_plan *p, struct err *e)
{
	struct ssh_files f;
	const char *pub;

	if (!p->ssh_setup)
		return 0;
	if (ssh_files_of_root(p->a, p->ssh_type, &f, e) < 0 ||
	    ssh_make_key(&f, p->ssh_type, p->ssh_bits, e) < 0 || site_get(p->a, f.pub, &pub, e) < 0 ||
	    ssh_authorize(f.authorized, pub, e) < 0)
		return -1;
	return ssh_pub_key_file_add(p->node_uuid, pub, true, e);
}

static int make_files(struct site_plan *p, struct err *e)
{
	const char *pem;
	char *digest;

	if (site_make_certs(p->cluster_name, true, false, false, e) < 0 ||
	    site_make_client_cert(p->node_name, 1, e) < 0 ||
	    site_get(p->a, path_of(PATH_NODED_CLIENT_CERT_FILE), &pem, e) < 0)
		return -1;
	digest = cert_digest(p->a, pem, e);
	if (!digest)
		return -1;
	json_set(json_get(p->config, "cluster"), "candidate_certs",
		 json_pack("{s:s}", p->node_uuid, digest));
	return 0;
}

/* libvirt of a virtual cluster's machine is none of our business. */
static int start_virt(struct site_plan *p, struct site_aside *ret, struct err *e)
{
	if (env_virtual())
		return 0;
	return site_aside_start(json_pack("{s:s, s:s, s:s, s:b}", "ca_of", p->cluster_name, "name",
					  p->node_name, "ip", p->node_ip, "install", 1),
				ret, e);
}

static int finish_virt(struct site_aside *s, struct err *e)
{
	json *nothing CLEANUP(json_putp) = NULL;

	return s->pid ? site_aside_wait(s, &nothing, e) : 0;
}

static void remove_config(void)
{
	unlink(path_of(PATH_CONFIG_DB));
	unlink(path_of(PATH_CONFIG_DB_WAL));
	unlink(path_of(PATH_CONFIG_DB_SHM));
}

static int make_config(struct site_plan *p, struct err *e)
{
	if (config_create(path_of(PATH_CONFIG_DB), p->config, e) == 0 && env_ensure_dirs(e) == 0 &&
	    write_ssconf(e) == 0)
		return 0;
	remove_config();
	return -1;
}

static int start_daemons(struct site_plan *p, struct err *e)
{
	if (site_daemon("start", "ganeti-noded", e) < 0 ||
	    site_wait_node_daemon(p->node_name, p->node_ip, e) < 0)
		return -1;
	if (site_daemon("start-all", NULL, e) < 0)
		return -1;
	return site_wait_master_daemon(e);
}

/* The first job: runs the cluster-init hooks. */
static int post_init(struct err *e)
{
	struct luxi_client *c CLEANUP(luxi_closep) = NULL;
	json *id CLEANUP(json_putp) = NULL, *results CLEANUP(json_putp) = NULL;
	json *op = json_pack("{s:s, s:[]}", "OP_ID", opcode_name(OP_cluster_post_init), "reason");

	if (luxi_open(&c, e) < 0) {
		json_put(op);
		return -1;
	}
	if (luxi_call(c, LUXI_SubmitJob, json_pack("[[o]]", op), &id, e) < 0)
		return -1;
	return job_wait(c, json_int(id, 0), NULL, NULL, NULL, &results, e);
}

int site_init(const json *opts, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct site_aside virt CLEANUP(site_aside_drop) = { 0 };
	struct site_plan p = { .a = a };

	if (site_check_init(opts, &p, e) < 0 || site_initial_config(opts, &p, e) < 0)
		return -1;
	if (site_daemon("stop-all", NULL, e) < 0 || env_ensure_dirs(e) < 0)
		return -1;
	if (p.etc_hosts &&
	    site_hosts_entry(path_of(PATH_ETC_HOSTS), p.node_ip, p.node_name, e) < 0)
		return -1;
	unlink(path_of(PATH_TERM_FILE)); /* of another cluster */
	if (start_virt(&p, &virt, e) < 0)
		return -1;
	if (setup_ssh(&p, e) < 0 ||
	    ssh_write_known_hosts(p.cluster_name, p.rsa_key, p.dsa_key, e) < 0 ||
	    make_files(&p, e) < 0 || finish_virt(&virt, e) < 0 || make_config(&p, e) < 0)
		return -1;
	if (start_daemons(&p, e) < 0) {
		/* a cluster whose daemons never ran is none: the next attempt starts anew */
		site_daemon("stop-all", NULL, NULL);
		remove_config();
		return -1;
	}
	return post_init(e);
}
