/* ganeti-rapi: the REST daemon. */
#include "daemons/rapi/rapi.h"

#include "lib/base/log.h"

#include <signal.h>
#include <stdio.h>

static void on_stop(int signum, void *arg)
{
	(void)signum;
	ev_stop(((struct rapi *)arg)->ev);
}

static void on_hup(int signum, void *arg)
{
	(void)signum;
	(void)arg;
	daemon_reopen_log();
}

static int listen_on(struct rapi *rapi, struct arena *a, const json *o, struct err *e)
{
	const char *cert = json_get_str(o, "ssl_cert"), *key = json_get_str(o, "ssl_key");
	struct http_server_opts h = {
		.port = (int)json_get_int(o, "port", RAPI_PORT),
		.max_body = 8 << 20,
		.max_headers = 16 << 10,
		.max_connections = (int)json_get_int(o, "max_clients", 20),
		.idle_timeout = 60,
		.request_timeout = 30,
		.handshake_timeout = 10,
		.server_name = "Ganeti " RELEASE_VERSION,
		.close_by_default = true,
		.error_body = rapi_error_body,
		.listen_fd = -1,
		.fn = rapi_handle,
		.arg = rapi,
	};

	if (env_bind_address(a, o, &h.address, e) < 0)
		return -1;
	if (!json_get_bool(o, "no_ssl", false)) {
		/* a file named for one of them has both, unless the other is named as well */
		if (!cert)
			cert = key ? key : path_of(PATH_RAPI_CERT_FILE);
		h.tls = rapi->tls = tls_server_ctx_of(cert, key ? key : cert,
						      json_get_str(o, "ssl_chain"), e);
		if (!h.tls)
			return -1;
	}
	rapi->server = http_server_new(rapi->ev, &h, e);
	return rapi->server ? 0 : -1;
}

int main(int argc, char **argv)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct rapi rapi = { 0 };
	struct daemon_opts d;
	json *o = NULL;
	int r = env_daemon_options("ganeti-rapi", argc, argv, a, &o);

	if (r >= 0)
		return r;
	r = EXIT_FAILURE;
	if (ssconf_check_master(&r, &e) < 0) { /* the tools know "not the master" by its code */
		fprintf(stderr, "%s\n", err_msg(&e));
		return r;
	}
	rapi.require_auth = json_get_bool(o, "require_authentication", false);
	d = (struct daemon_opts){ .name = "ganeti-rapi",
				  .pidfile = path_of(PATH_RAPI_PID),
				  .logfile = path_of(PATH_RAPI_LOG),
				  .user = env_user(USER_RAPI),
				  .group = env_group(USER_RAPI),
				  .log_group = env_group(USER_MASTERD) };
	env_daemon_opts(o, &d);
	if (daemon_start(&d, &e) < 0)
		daemon_failed(1, err_msg(&e));
	/* after the forks: the kernel's part of a loop is not inherited */
	rapi.ev = ev_new();
	ev_signal(rapi.ev, SIGTERM, on_stop, &rapi);
	ev_signal(rapi.ev, SIGINT, on_stop, &rapi);
	ev_signal(rapi.ev, SIGHUP, on_hup, &rapi);
	rapi.users = users_new(path_of(PATH_RAPI_USERS_FILE));
	if (listen_on(&rapi, a, o, &e) < 0)
		daemon_failed(1, err_msg(&e));
	daemon_ready();
	ev_run(rapi.ev);
	http_server_free(rapi.server);
	tls_ctx_free(rapi.tls);
	users_free(rapi.users);
	ev_free(rapi.ev);
	return 0;
}
