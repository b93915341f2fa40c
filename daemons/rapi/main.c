/* ganeti-rapi: the REST daemon. */
#include "daemons/rapi/rapi.h"

#include "lib/base/log.h"
#include "lib/ui/ui.h"

#include <signal.h>
#include <stdio.h>

static const struct option_row rows[] = {
	{ .id = "foreground", .letter = 'f', .names = "foreground", .type = OPT_FLAG,
	  .doc = "Don't detach from the current terminal" },
	{ .id = "debug", .letter = 'd', .names = "debug", .type = OPT_FLAG,
	  .doc = "Enable some debug messages" },
	{ .id = "port", .letter = 'p', .names = "port", .type = OPT_INT, .metavar = "PORT",
	  .doc = "Network port" },
	{ .id = "bind", .letter = 'b', .names = "bind", .type = OPT_STRING, .metavar = "ADDRESS",
	  .doc = "Bind address" },
	{ .id = "no_ssl", .names = "no-ssl", .type = OPT_FLAG,
	  .doc = "Do not secure HTTP protocol with SSL" },
	{ .id = "ssl_cert", .letter = 'C', .names = "ssl-cert", .type = OPT_STRING,
	  .metavar = "FILE", .doc = "SSL certificate path" },
	{ .id = "ssl_key", .letter = 'K', .names = "ssl-key", .type = OPT_STRING,
	  .metavar = "FILE", .doc = "SSL key path" },
	{ .id = "syslog", .names = "syslog", .type = OPT_CHOICE, .choices = "no,yes,only",
	  .doc = "Enable logging to syslog" },
	{ .id = "require_authentication", .names = "require-authentication", .type = OPT_FLAG,
	  .doc = "Disable anonymous HTTP requests and require authentication" },
	{ .id = "max_clients", .names = "max-clients", .type = OPT_INT, .dflt = "20",
	  .metavar = "COUNT", .doc = "Maximum number of simultaneous client connections" },
};

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
	const char *cert = json_get_str(o, "ssl_cert");
	struct http_server_opts h = {
		.address = json_get_str(o, "bind"),
		.port = (int)json_get_int(o, "port", RAPI_PORT),
		.max_body = 8 << 20,
		.max_headers = 16 << 10,
		.max_connections = (int)json_get_int(o, "max_clients", 20),
		.idle_timeout = 60,
		.request_timeout = 30,
		.server_name = "Ganeti " RELEASE_VERSION,
		.close_by_default = true,
		.listen_fd = -1,
		.fn = rapi_handle,
		.arg = rapi,
	};
	const char *name;

	/* the nodes of a virtual cluster share one machine */
	if (!h.address && env_virtual() &&
	    resolve_name(a, env_hosts_file(), env_hostname(), 0, &name, &h.address, e) < 0)
		return -1;
	if (!json_get_bool(o, "no_ssl", false)) {
		h.tls = tls_server_ctx(cert ? cert : path_of(PATH_RAPI_CERT_FILE), NULL, e);
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
	const struct option_row *ptrs[ARRAY_SIZE(rows) + 1] = { 0 };
	struct rapi rapi = { 0 };
	json *o CLEANUP(json_putp) = NULL;
	struct strs given = { 0 }, args;
	struct daemon_opts d;
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		ptrs[i] = &rows[i];
	for (int i = 1; i < argc; i++)
		strs_add(a, &given, argv[i]);
	r = opt_parse(ptrs, true, &given, a, &o, &args, &e);
	if (r < 0 || args.n) {
		fprintf(stderr, "ganeti-rapi: %s\n", r < 0 ? err_msg(&e) : "no arguments expected");
		return 2;
	}
	if (r > 0)
		return 0;
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
				  .log_group = env_group(USER_MASTERD),
				  .foreground = json_get_bool(o, "foreground", false),
				  .debug = json_get_bool(o, "debug", false) };
	if (daemon_start(&d, &e) < 0)
		daemon_failed(1, err_msg(&e));
	/* after the forks: the kernel's part of a loop is not inherited */
	rapi.ev = ev_new();
	rapi.users = users_new(path_of(PATH_RAPI_USERS_FILE));
	if (listen_on(&rapi, a, o, &e) < 0)
		daemon_failed(1, err_msg(&e));
	ev_signal(rapi.ev, SIGTERM, on_stop, &rapi);
	ev_signal(rapi.ev, SIGINT, on_stop, &rapi);
	ev_signal(rapi.ev, SIGHUP, on_hup, &rapi);
	daemon_ready();
	ev_run(rapi.ev);
	http_server_free(rapi.server);
	users_free(rapi.users);
	ev_free(rapi.ev);
	return 0;
}
