/* Shared inside src/env. */
#ifndef SRC_ENV_PRIV_H
#define SRC_ENV_PRIV_H
#include "src/env/env.h"

/* What ensure_dirs does about a location. Attributes of PATH rows. */
struct path_row {
	const char *location;
	bool fixed;               /* never below the virtual root: programs, the host's ssh keys */
	bool dir;                 /* a directory to be created and repaired */
	bool make;                /* a directory of the system: created when missing, never repaired */
	mode_t mode;              /* 0 = not ours to create or repair */
	enum daemon_user owner, group;
	const char *doc;
};
const struct path_row *path_row(enum path id);

const char *env_root(void); /* "" outside a virtual cluster, else without a slash at the end */

#endif
