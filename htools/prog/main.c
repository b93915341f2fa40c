/* One binary for all tools: which one is the name it is called by, or $HTOOLS. */
#include "htools/prog/prog.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	htool_fn fn;
} tools[] = {
	{ "hail", hail_main },
	{ "harep", harep_main },
	{ "hbal", hbal_main },
	{ "hcheck", hcheck_main },
	{ "hinfo", hinfo_main },
	{ "hroller", hroller_main },
	{ "hscan", hscan_main },
	{ "hspace", hspace_main },
	{ "hsqueeze", hsqueeze_main },
};

static int usage(const char *name)
{
	fprintf(stderr,
		"Unrecognised personality '%s'.\nThis program must be installed under one of the following names:\n", name);
	for (size_t i = 0; i < ARRAY_SIZE(tools); i++)
		fprintf(stderr, " %-8s - %s\n", tools[i].name, program_row(tools[i].name)->doc);
	fputs("\nError: Please either rename/symlink the program or set\n"
	      "the environment variable HTOOLS to the desired role.\n",
	      stderr);
	return EXIT_FAILURE;
}

static int run(htool_fn fn, const char *name, const struct strs *argv)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct htool t = { .a = a, .name = name, .row = program_row(name) };
	struct err e CLEANUP(err_clear) = ERR_NONE;
	int code;

	if (htool_options(&t, argv, &code) == 1)
		return code;
	code = fn(&t, &e);
	if (code >= 0)
		return code;
	fprintf(stderr, "%s: %s\n", err_is(&e, HT_IO_ERROR) ? name : "Error", err_msg(&e));
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	const char *role = getenv("HTOOLS"), *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	struct strs words = { 0 };
	char *name;

	if (argc < 1)
		return EXIT_FAILURE;
	name = str_lower(a, role ? role : slash ? slash + 1 : argv[0]);
	for (int i = 1; i < argc; i++)
		strs_add(a, &words, argv[i]);
	for (size_t i = 0; i < ARRAY_SIZE(tools); i++)
		if (str_eq(tools[i].name, name))
			return run(tools[i].fn, tools[i].name, &words);
	return usage(name);
}
