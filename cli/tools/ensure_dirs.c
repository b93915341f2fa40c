/* ensure-dirs: the directories and files of the daemons, with owners and modes (upstream's tool of that name). */
#include "src/env/env.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;

	/* --full-run, --debug, --verbose and --no-chown are upstream's; a run is always full and quiet */
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			printf("Usage: ensure-dirs\n\n"
			       "Creates the daemons' directories, repairs owners and modes.\n");
			return 0;
		}
	if (env_ensure_dirs(&e) < 0) {
		fprintf(stderr, "ensure-dirs: %s\n", err_msg(&e));
		return 1;
	}
	return 0;
}
