/*
 * A new node, before OP_NODE_ADD: certificates and keys go to it over ssh, as JSON on the standard input of
 * two programs that run there (upstream: _SetupSSH and SetupNodeDaemon; no secret is ever an argument).
 * The nodes of a virtual cluster are on this machine: no ssh, but the environment of the other node.
 */
#include "src/site/priv.h"

#include "lib/base/clock.h"
#include "lib/net/net.h"

#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* the administrator may have to type a password */
#define SSH_TIMEOUT 600.0
#define SSHD_TIMEOUT 10.0
#define SSHD_PAUSE_NS 50000000

struct target {
	struct arena *a;
	const struct site_join *j;
	const char *cluster_name, *name, *ip;
	json *ssconf, *virt; /* virt: migration certificates, NULL = none */
};

/* Upstream: SshRunner.BuildCmd. */
static struct strs ssh_argv(struct target *t, bool cluster_key, const char *command)
{
	struct strs v = { NULL, 0 };
	const char *strict = !t->j->ssh_key_check ? "no" : cluster_key ? "yes" : "ask";

	strs_add(t->a, &v, "ssh");
	strs_add(t->a, &v, "-oEscapeChar=none");
	strs_add(t->a, &v, "-oHashKnownHosts=no");
	strs_add(t->a, &v, arena_printf(t->a, "-oGlobalKnownHostsFile=%s",
					path_of(PATH_SSH_KNOWN_HOSTS_FILE)));
	strs_add(t->a, &v, "-oUserKnownHostsFile=/dev/null");
	strs_add(t->a, &v, "-oCheckHostIp=no");
	if (cluster_key) {
		strs_add(t->a, &v, arena_printf(t->a, "-oHostKeyAlias=%s", t->cluster_name));
		/* it may be the old server, about to go, that was seen after its keys changed */
		strs_add(t->a, &v, "-oConnectionAttempts=5");
	}
	strs_add(t->a, &v, arena_printf(t->a, "-oStrictHostKeyChecking=%s", strict));
	strs_add(t->a, &v, arena_printf(t->a, "-oPort=%d", t->j->ssh_port));
	if (t->j->verbose)
		strs_add(t->a, &v, "-v");
	else
		strs_add(t->a, &v, "-oLogLevel=ERROR");
	strs_add(t->a, &v, arena_printf(t->a, "root@%s", t->name));
	strs_add(t->a, &v, command);
	strs_add(t->a, &v, NULL);
	return v;
}

/*
 * Run COMMAND there with DATA on its input; what it complains of is the administrator's to read. What it
 * prints is, too, or RET_OUT's (arena).
 */
static int ssh_json(struct target *t, bool cluster_key, const char *command, const json *data,
		    const char **ret_out, struct err *e)
{
	char *text CLEANUP(freep) = json_dump(data);
	struct strs argv = ssh_argv(t, cluster_key, command);
	const char *const here[] = { command, NULL };
	bool near = env_virtual();
	struct run run = { .argv = near ? here : argv.v,
			   .env = near ? env_of_node(t->a, t->name) : (const char *const *)environ,
			   .input = text, .input_len = strlen(text), .inherit_stdio = !ret_out,
			   .stderr_fd = STDERR_FILENO, .timeout = SSH_TIMEOUT };
	struct run_result res CLEANUP(run_result_free) = { 0 };
	char *why CLEANUP(freep) = NULL;

	if (run_cmd(&run, &res, e) < 0)
		return -1;
	if (res.status == 0) {
		if (ret_out)
			*ret_out = arena_strdup(t->a, res.out);
		return 0;
	}
	why = run_fail_reason(&res);
	return err_set(e, ERR_EXEC, NULL, "Command '%s' on node %s failed: %s", command, t->name, why);
}

static json *file_pair(struct target *t, const char *kind, const char *priv, const char *pub)
{
	const char *a, *b;

	if (site_get(t->a, priv, &a, NULL) < 0 || site_get(t->a, pub, &b, NULL) < 0)
		return NULL;
	return json_pack("[s, s, s]", kind, a, b);
}

/* The keys that let master candidates in: all lines of the pub key file, by node. */
static json *candidate_keys(struct target *t)
{
	const char *text;
	struct strs lines;
	json *out = json_new_dict();

	if (site_get(t->a, path_of(PATH_SSH_PUB_KEYS), &text, NULL) < 0)
		return out;
	lines = strs_split(t->a, text, '\n');
	for (size_t i = 0; i < lines.n; i++) {
		const char *key = strchr(lines.v[i], ' ');
		const char *id;

		if (!key)
			continue;
		id = arena_strndup(t->a, lines.v[i], (size_t)(key - lines.v[i]));
		if (!json_get(out, id))
			json_set(out, id, json_new_array());
		json_append(json_get(out, id), json_new_str(key + 1));
	}
	return out;
}

static int setting(struct luxi_client *c, const char *name, json **ret, struct err *e)
{
	json *answer CLEANUP(json_putp) = NULL;

	if (luxi_call(c, LUXI_QueryClusterInfo, json_new_array(), &answer, e) < 0)
		return -1;
	*ret = json_ref(json_get(answer, name));
	return 0;
}

/* A server that starts again refuses connections for a moment. */
static bool sshd_back(const struct target *t)
{
	const struct timespec pause = { .tv_nsec = SSHD_PAUSE_NS };
	double end = clock_mono() + SSHD_TIMEOUT;

	while (!tcp_ping(t->ip, t->j->ssh_port, SSHD_TIMEOUT, true, NULL)) {
		if (clock_mono() > end)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

/* Replace the host keys there by the cluster's, make root a key, let the candidates in. */
static int setup_ssh(struct target *t, struct err *e)
{
	struct luxi_client *c CLEANUP(luxi_closep) = NULL;
	json *data CLEANUP(json_putp) = NULL, *kind CLEANUP(json_putp) = NULL;
	json *bits CLEANUP(json_putp) = NULL, *host = NULL, *keys = json_new_array();
	const char *cert, *pub = "";

	data = json_pack("{s:o}", "ssh_host_key", keys);
	if (luxi_open(&c, e) < 0 || setting(c, "ssh_key_type", &kind, e) < 0 ||
	    setting(c, "ssh_key_bits", &bits, e) < 0 ||
	    site_get(t->a, path_of(PATH_NODED_CERT_FILE), &cert, e) < 0)
		return -1;
	cert = strstr(cert, "-----BEGIN CERTIFICATE-----");
	host = file_pair(t, enum_name(&enum_ssh_key_type, ssh_key_type_rsa),
			 path_of(PATH_SSH_HOST_RSA_PRIV), path_of(PATH_SSH_HOST_RSA_PUB));
	if (host)
		json_append(keys, host);
	host = file_pair(t, enum_name(&enum_ssh_key_type, ssh_key_type_dsa),
			 path_of(PATH_SSH_HOST_DSA_PRIV), path_of(PATH_SSH_HOST_DSA_PUB));
	if (host)
		json_append(keys, host);
	json_set(data, "cluster_name", json_new_str(t->cluster_name));
	json_set(data, "node_daemon_certificate", json_new_str(cert));
	json_set(data, "authorized_keys", candidate_keys(t));
	json_set(data, "ssh_key_type", json_ref(kind));
	json_set(data, "ssh_key_bits", json_ref(bits));
	/* it prints the key that root got there */
	if (ssh_json(t, false, path_of(PATH_PREPARE_NODE_JOIN), data, &pub, e) < 0)
		return -1;
	if (!*str_strip(t->a, pub))
		return err_set(e, ERR_EXEC, NULL, "Node %s did not tell its ssh key", t->name);
	if (!sshd_back(t))
		return err_set(e, ERR_EXEC, NULL, "The ssh server on %s does not come back", t->name);
	/* by name: the node has no UUID yet; the node agent puts that right */
	return ssh_pub_key_file_add(t->name, pub, false, e);
}

static int read_ssconf(struct target *t, struct err *e)
{
	t->ssconf = json_own(t->a, json_new_dict());
	for (int i = 0; i < SSCONF_COUNT; i++) {
		const char *text;

		if (!fs_exists(path_in(t->a, PATH_DATA_DIR, "ssconf_%s", ssconf_name(i))))
			continue;
		if (ssconf_read(t->a, i, &text, e) < 0)
			return -1;
		json_set(t->ssconf, ssconf_name(i), json_new_str(text));
	}
	t->cluster_name = json_get_str(t->ssconf, ssconf_name(SSCONF_cluster_name));
	return t->cluster_name ? 0 : err_plain(e, "The ssconf files are incomplete");
}

static int setup_agent(struct target *t, struct err *e)
{
	json *data CLEANUP(json_putp) = NULL;
	const char *cert, *hmac;

	if (site_get(t->a, path_of(PATH_NODED_CERT_FILE), &cert, e) < 0 ||
	    site_get(t->a, path_of(PATH_CONFD_HMAC_KEY), &hmac, e) < 0)
		return -1;
	data = json_pack("{s:s, s:s, s:s, s:O, s:b, s:s}", "cluster_name", t->cluster_name,
			 "node_daemon_certificate", cert, "hmac_key", hmac, "ssconf", t->ssconf,
			 "start_node_daemon", 1, "node_name", t->name);
	if (t->virt)
		json_set(data, "virt_certificates", json_ref(t->virt));
	return ssh_json(t, !t->j->no_node_setup, path_of(PATH_NODE_DAEMON_SETUP), data, NULL,
			e);
}

int site_join_node(const struct site_join *j, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct site_aside virt CLEANUP(site_aside_drop) = { 0 };
	struct target t = { .a = a, .j = j };
	struct err why CLEANUP(err_clear) = ERR_NONE;

	if (read_ssconf(&t, e) < 0)
		return -1;
	if (resolve_name(a, env_hosts_file(), j->name, AF_UNSPEC, &t.name, &t.ip, &why) < 0)
		return err_set(e, ERR_PREREQ, ECODE_RESOLVER,
			       "The given name (%s) does not resolve: %s", j->name, err_msg(&why));
	if (j->ip)
		t.ip = j->ip;
	if (fs_exists(path_of(PATH_VIRT_CA_KEY)) &&
	    site_aside_start(json_pack("{s:s, s:s}", "name", t.name, "ip", t.ip), &virt, e) < 0)
		return -1;
	if (!j->no_node_setup && !env_virtual() && setup_ssh(&t, e) < 0)
		return -1;
	if (virt.pid && site_aside_wait(&virt, &t.virt, e) < 0)
		return -1;
	if (t.virt)
		json_own(a, t.virt);
	if (setup_agent(&t, e) < 0)
		return -1;
	return site_wait_node_daemon(t.name, t.ip, e);
}
