/* ensure-dirs: the directories and files of the daemons, with owners and modes (upstream's tool of that name). */
#include "src/env/env.h"

#include <stdio.h>
#include <string.h>

static const char usage[] = "Usage: ensure-dirs [--full-run] [--verbose] [--debug]\n";

/* Upstream's; a run is always full, and says nothing unless something is wrong. */
static bool known(const char *word)
{
	static const char *const words[] = { "--full-run", "-f", "--verbose", "-v", "--debug", "-d" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(words[i], word) == 0)
			return true;
	return false;
}

int main(int argc, char **argv)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			printf("%s\nCreates the daemons' directories, repairs owners and modes.\n"
			       "Every run is a full one.\n", usage);
			return 0;
		}
		if (!known(argv[i])) {
			fprintf(stderr, "%s\nensure-dirs: error: %s is not known\n", usage, argv[i]);
			return 2;
		}
	}
	if (env_ensure_dirs(&e) < 0) {
		fprintf(stderr, "ensure-dirs: %s\n", err_msg(&e));
		return 1;
	}
	return 0;
}
