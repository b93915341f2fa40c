#include "cli/tools/node_tool.h"

#include "lib/net/net.h"

#include <stdio.h>
#include <string.h>

#define INPUT_MAX (16u << 20)
#define CERT_MAX (1u << 20)

static int read_input(struct node_tool *t, struct err *e)
{
	struct str s CLEANUP(str_free) = { 0 };
	char buf[16384];
	size_t n;
	json *j;

	while ((n = fread(buf, 1, sizeof(buf), stdin)) > 0 && s.len < INPUT_MAX)
		str_addn(&s, buf, n);
	if (json_parse(str_get(&s), s.len, &j, e) < 0)
		return err_prefix(e, "Can't read the input");
	t->data = json_own(t->a, j);
	return json_is(t->data, JSON_DICT) ? 0 : err_plain(e, "The input is not a dict");
}

/* The exit code, or -1 to go on. */
static int options(struct node_tool *t, int argc, char **argv, const char *name)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--dry-run") == 0) {
			t->dry_run = true;
		} else if (strcmp(argv[i], "--verbose") == 0 || strcmp(argv[i], "-v") == 0 ||
			   strcmp(argv[i], "--debug") == 0 || strcmp(argv[i], "-d") == 0) {
			t->verbose = true;
		} else {
			bool help = strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0;

			fprintf(help ? stdout : stderr, "Usage: %s [--dry-run] [--verbose] [--debug]\n", name);
			return help ? 0 : 2;
		}
	}
	return -1;
}

int node_tool_main(int argc, char **argv, const char *name, int (*run)(struct node_tool *t, struct err *e))
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct node_tool t = { .a = a };
	int code;

	code = options(&t, argc, argv, name);
	if (code >= 0)
		return code;
	if (read_input(&t, &e) == 0 && run(&t, &e) == 0)
		return EXIT_SUCCESS;
	fprintf(stderr, "%s: %s\n", name, err_msg(&e));
	return EXIT_FAILURE;
}

int node_tool_text(const struct node_tool *t, const char *key, const char **ret, struct err *e)
{
	*ret = json_get_str(t->data, key);
	return *ret ? 0 : err_plain(e, "'%s' is missing in the input", key);
}

int node_tool_check_cluster(const struct node_tool *t, struct err *e)
{
	const char *path = path_of(PATH_NODED_CERT_FILE), *given, *name, *here;
	char *pem CLEANUP(freep) = NULL;
	char *mine, *theirs;

	TRY(node_tool_text(t, "node_daemon_certificate", &given, e));
	TRY(node_tool_text(t, "cluster_name", &name, e));
	if (fs_exists(path_in(t->a, PATH_DATA_DIR, "ssconf_%s", ssconf_name(SSCONF_cluster_name)))) {
		TRY(ssconf_read(t->a, SSCONF_cluster_name, &here, e));
		if (!str_eq(here, name))
			return err_plain(e, "Cluster name is '%s', but '%s' was received", here, name);
	}
	if (fs_read(path, CERT_MAX, &pem, NULL) < 0)
		return 0;
	mine = cert_digest(t->a, pem, e);
	theirs = mine ? cert_digest(t->a, given, e) : NULL;
	if (!theirs)
		return -1;
	if (!str_eq(mine, theirs))
		return err_plain(e,
				 "Certificate of the cluster differs from %s; was this node a member of "
				 "another cluster?",
				 path);
	return 0;
}
