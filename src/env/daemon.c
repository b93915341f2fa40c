/* Command lines of daemons, from the rows of daemons.def. */
#include "src/env/env.h"

#include "lib/net/net.h"

#include "src/schema/options.h"

#include <stdio.h>

int env_daemon_options(const char *name, int argc, char **argv, struct arena *a, json **ret)
{
	const struct program_row *d = program_row(name);
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct str help CLEANUP(str_free) = { 0 };
	struct strs given = { 0 }, args = { 0 };
	json *o = NULL;
	int r;

	for (int i = 1; i < argc; i++)
		strs_add(a, &given, argv[i]);
	r = opt_parse(d->opts, true, &given, a, &o, &args, &e);
	if (r > 0) {
		ui_help(&help, name, d->usage, d->doc, d->opts);
		fputs(str_get(&help), stdout);
		return 0;
	}
	if (r < 0 || args.n) {
		const char *near = r < 0 ? opt_nearest(d->opts, &e, a) : NULL;

		fprintf(stderr, "Usage: %s %s\n\n%s: error: %s\n", name, d->usage, name,
			r < 0 ? err_msg(&e) : "no arguments expected");
		if (near)
			fprintf(stderr, "Did you mean %s?\n", near);
		return r < 0 ? 2 : 1;
	}
	json_own(a, o);
	if (json_get_bool(o, "version", false)) {
		printf("%s (ganeti) " RELEASE_VERSION "\n", name);
		return 0;
	}
	if (json_get_int(o, "max_clients", 1) < 1) {
		fprintf(stderr, "%s --max-clients argument must be >= 1\n", name);
		return 1;
	}
	*ret = o;
	return -1;
}

void env_daemon_opts(const json *options, struct daemon_opts *d)
{
	const char *syslog = json_get_str(options, "syslog");

	d->foreground = json_get_bool(options, "foreground", false);
	d->debug = json_get_bool(options, "debug", false);
	d->syslog = syslog && !str_eq(syslog, "no");
}

int env_bind_address(struct arena *a, const json *o, const char **ret, struct err *e)
{
	const char *interface = json_get_str(o, "interface"), *name;

	*ret = json_get_str(o, "bind");
	if (interface && *ret)
		return err_plain(e, "Can't specify both, bind address and bind interface (%s, %s)",
				 *ret, interface);
	if (interface) {
		*ret = addr_of_interface(a, interface);
		if (!*ret)
			return err_plain(e, "Network interface %s has no address", interface);
	} else if (!*ret && env_virtual()) {
		return resolve_name(a, env_hosts_file(), env_hostname(), 0, &name, ret, e);
	}
	return 0;
}
