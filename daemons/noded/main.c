/* ganeti-noded: the node agent. */
#include "daemons/noded/noded.h"

#include "lib/base/log.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define NAME "ganeti-noded"
#define CONNECTIONS_MAX 512
#define HEADERS_MAX (16u << 10)
#define IDLE_TIMEOUT 300
#define REQUEST_TIMEOUT 120
#define HANDSHAKE_TIMEOUT 15 /* strangers may hold all places for no longer */

static void on_stop(int signum, void *arg)
{
	(void)signum;
	ev_stop(((struct noded *)arg)->ev);
}

static void on_hup(int signum, void *arg)
{
	(void)signum;
	(void)arg;
	log_reopen();
}

static int listen_on(struct arena *a, struct noded *n, const json *o, struct err *e)
{
	const char *cert = json_get_str(o, "ssl_cert"), *key = json_get_str(o, "ssl_key");
	struct http_server_opts h = {
		.port = (int)json_get_int(o, "port", rpc_port()),
		.max_body = NODED_BODY_MAX,
		.max_headers = HEADERS_MAX,
		.max_connections = CONNECTIONS_MAX,
		.idle_timeout = IDLE_TIMEOUT,
		.request_timeout = REQUEST_TIMEOUT,
		.handshake_timeout = HANDSHAKE_TIMEOUT,
		.server_name = "Ganeti " RELEASE_VERSION,
		.listen_fd = -1,
		.fn = noded_handle,
		.arg = n,
	};

	n->cert_file = cert ? cert : key ? key : path_of(PATH_NODED_CERT_FILE);
	n->ssl = !json_get_bool(o, "no_ssl", false);
	if (key && !str_eq(key, n->cert_file))
		return err_plain(e, "The SSL key has to be in the certificate's file");
	if (env_bind_address(a, o, &h.address, e) < 0)
		return -1;
	if (n->ssl) {
		h.tls = n->tls = tls_server_ctx(n->cert_file, n->cert_file, e);
		if (!h.tls)
			return -1;
	}
	n->server = http_server_new(n->ev, &h, e);
	return n->server ? 0 : -1;
}

/* Answer also while the machine is short of memory. Only root has a limit that allows it. */
static void lock_memory(void)
{
	if (geteuid() == 0 && mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) < 0)
		log_warn("Cannot lock the memory: %s", strerror(errno));
}

int main(int argc, char **argv)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct noded n = { 0 };
	json *o = NULL;
	int code = env_daemon_options(NAME, argc, argv, a, &o);
	struct daemon_opts d;

	if (code >= 0)
		return code;
	d = (struct daemon_opts){ .name = NAME, .pidfile = path_of(PATH_NODED_PID),
				  .logfile = path_of(PATH_NODED_LOG) };
	env_daemon_opts(o, &d);
	n.max_time = json_float(json_get(o, "max_time"), 0);
	if (env_ensure_dirs(&e) < 0 || daemon_start(&d, &e) < 0)
		daemon_failed(1, err_msg(&e));
	n.ev = ev_new();
	ev_signal(n.ev, SIGTERM, on_stop, &n);
	ev_signal(n.ev, SIGINT, on_stop, &n);
	ev_signal(n.ev, SIGHUP, on_hup, &n);
	if (listen_on(a, &n, o, &e) < 0)
		daemon_failed(1, err_msg(&e));
	privs_no_core();
	if (!json_get_bool(o, "no_mlock", false))
		lock_memory();
	noded_pools(&n, (int)json_get_int(o, "max_clients", 20));
	log_info(NAME " " RELEASE_VERSION " listens on port %d", http_server_port(n.server));
	daemon_ready();
	ev_run(n.ev);
	noded_end(&n);
	tls_ctx_free(n.tls);
	ev_free(n.ev);
	log_info(NAME " ends");
	return 0;
}
