/* Who the daemons run as. */
#include "src/env/priv.h"

#include <pwd.h>
#include <unistd.h>

#ifdef USER_PREFIX
#define NAME(suffix) USER_PREFIX suffix
#else
#define NAME(suffix) "root"
#endif

static const char *const names[] = {
	[USER_ROOT] = "root",	       [USER_MASTERD] = NAME("masterd"),
	[USER_CONFD] = NAME("confd"),  [USER_RAPI] = NAME("rapi"),
	[USER_METAD] = NAME("metad"),  [GROUP_DAEMONS] = NAME("daemons"),
	[GROUP_ADMIN] = NAME("admin"),
};

/* The one user of a virtual cluster, else NULL: the machine need not have the daemons' users. */
static const char *only_user(void)
{
	static char *name;

	if (!env_virtual())
		return NULL;
	if (!name) {
		struct passwd *pw = getpwuid(geteuid());

		name = pw ? xstrdup(pw->pw_name) : xasprintf("%d", (int)geteuid());
	}
	return name;
}

const char *env_user(enum daemon_user u)
{
	const char *only = only_user();

	return only ? only : names[u];
}

const char *env_group(enum daemon_user u)
{
	return only_user() ? NULL : names[u];
}
