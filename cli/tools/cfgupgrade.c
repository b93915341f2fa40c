/*
 * cfgupgrade: an existing cluster's config.data and job queue become the database, or, with --downgrade, the
 * database becomes config.data of the version before (upstream's tool of that name, and its options).
 */
#include "lib/ui/ui.h"
#include "src/site/site.h"

#include <stdio.h>
#include <string.h>

static const char name[] = "cfgupgrade";
static const char usage[] = "[--debug|--verbose] [--force]";

static const struct option_row dry_run = { .id = "dry_run", .names = "dry-run", .type = OPT_FLAG,
	.doc = "Try everything, but change nothing" };
static const struct option_row force = { .id = "force", .letter = 'f', .names = "force", .type = OPT_FLAG,
	.doc = "Do not ask" };
static const struct option_row debug = { .id = "debug", .letter = 'd', .names = "debug", .type = OPT_COUNT,
	.doc = "Say more" };
static const struct option_row verbose = { .id = "verbose", .letter = 'v', .names = "verbose", .type = OPT_COUNT,
	.doc = "Say what is done" };
static const struct option_row ignore_hostname = { .id = "ignore_hostname", .names = "ignore-hostname",
	.type = OPT_FLAG, .doc = "Go on when this is not the master according to the ssconf files" };
static const struct option_row path = { .id = "path", .names = "path", .type = OPT_STRING, .metavar = "DIR",
	.doc = "The directory of config.data, if it is not the daemons'" };
static const struct option_row confdir = { .id = "confdir", .names = "confdir", .type = OPT_STRING,
	.metavar = "DIR", .doc = "Accepted for old scripts; nothing there needs a change" };
static const struct option_row no_verify = { .id = "no_verify", .names = "no-verify", .type = OPT_FLAG,
	.doc = "Do not look for mistakes in the configuration" };
static const struct option_row downgrade = { .id = "downgrade", .names = "downgrade", .type = OPT_FLAG,
	.doc = "Go back: write config.data of Ganeti 3.0" };
static const struct option_row *const rows[] = { &dry_run,   &force,   &debug,	   &verbose, &ignore_hostname,
						 &path,	     &confdir, &no_verify, &downgrade, NULL };

/* The exit code, or -1 to go on. */
static int options(int argc, char **argv, struct arena *a, json **ret)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct str help CLEANUP(str_free) = { 0 };
	struct strs given = { 0 }, args = { 0 };
	int r;

	for (int i = 1; i < argc; i++)
		strs_add(a, &given, argv[i]);
	r = opt_parse(rows, true, &given, a, ret, &args, &e);
	if (r > 0) {
		ui_help(&help, name, usage,
			"Makes the configuration database from config.data and the job queue's files of an existing "
			"cluster. Run it on the master node, while no daemon runs",
			rows);
		fputs(str_get(&help), stdout);
		return 0;
	}
	if (r < 0 || args.n) {
		fprintf(stderr, "Usage: %s %s\n\n%s: error: %s\n", name, usage, name,
			r < 0 ? err_msg(&e) : "No arguments expected");
		return 2;
	}
	json_own(a, *ret);
	return -1;
}

static bool confirm(const json *o)
{
	if (json_get_bool(o, "force", false))
		return true;
	if (json_get_bool(o, "downgrade", false))
		return ui_confirm("The configuration is going to be DOWNGRADED to version 3.0. Settings that it does"
				  " not know are removed. Continue with *DOWNGRADING* the configuration?");
	return ui_confirm("The configuration and the job queue are going to be moved into the database of Ganeti"
			  " " RELEASE_VERSION ". The daemons of all nodes have to be stopped. Continue?");
}

static void say(const struct strs *l, const char *before)
{
	for (size_t i = 0; i < l->n; i++)
		fprintf(stderr, "%s%s\n", before, l->v[i]);
}

static void report(const struct site_imported *r, bool back, bool loud)
{
	const char *action = back ? "downgraded" : "upgraded", *version = back ? "3.0" : RELEASE_VERSION;

	if (loud && r->already)
		fprintf(stderr, "No changes necessary\n");
	else if (loud && !back)
		fprintf(stderr, "Moved %zu jobs and %zu archived ones\n", r->jobs, r->archived);
	if (r->errors.n) {
		fprintf(stderr, "Errors after conversion:\n");
		say(&r->errors, " - ");
		fprintf(stderr, "Configuration %s to version %s, but there are errors.\nPlease review the file.\n",
			action, version);
	} else {
		fprintf(stderr, "Configuration successfully %s to version %s.\n", action, version);
	}
}

int main(int argc, char **argv)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct site_imported r = { 0 };
	struct site_import o = { 0 };
	bool back, loud;
	json *given;
	int code = options(argc, argv, a, &given);

	if (code >= 0)
		return code;
	back = json_get_bool(given, "downgrade", false);
	loud = json_get_int(given, "verbose", 0) > 0 || json_get_int(given, "debug", 0) > 0;
	o.dir = json_get_str(given, "path") ? json_get_str(given, "path") : path_of(PATH_DATA_DIR);
	o.dry_run = json_get_bool(given, "dry_run", false);
	o.no_verify = json_get_bool(given, "no_verify", false);
	o.ignore_hostname = json_get_bool(given, "ignore_hostname", false);
	if (!fs_is_norm_abs(o.dir)) {
		fprintf(stderr, "%s: %s is not an absolute path\n", name, o.dir);
		return EXIT_FAILURE;
	}
	if (!confirm(given))
		return EXIT_FAILURE;
	code = back ? site_export_old(&o, a, &r, &e) : site_import(&o, a, &r, &e);
	if (loud)
		say(&r.infos, "");
	say(&r.warnings, "");
	if (code < 0) {
		fprintf(stderr, "%s: %s\n", name, err_msg(&e));
		return EXIT_FAILURE;
	}
	report(&r, back, loud);
	return EXIT_SUCCESS;
}
