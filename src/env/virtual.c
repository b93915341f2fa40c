/* What programs have to know about the virtual cluster they run in. */
#include "src/env/priv.h"

#include <string.h>

#define ROOTDIR "GANETI_ROOTDIR"
#define HOSTNAME "GANETI_HOSTNAME"

static const char *const names[] = { ROOTDIR, HOSTNAME, "GANETI_LIBDIR", "GANETI_NODED_PORT" };

static const char *const *program_env(struct arena *a, const char *root, const char *node)
{
	struct strs l = { 0 };

	for (const char *const *v = run_clean_env(a); *v; v++)
		strs_add(a, &l, *v);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *value = getenv(names[i]);

		if (node && strcmp(names[i], HOSTNAME) == 0)
			value = node;
		if (node && strcmp(names[i], ROOTDIR) == 0)
			value = root;
		if (value)
			strs_add(a, &l, arena_printf(a, "%s=%s", names[i], value));
	}
	strs_add(a, &l, NULL);
	return l.v;
}

const char *const *env_of_programs(struct arena *a)
{
	return program_env(a, NULL, NULL);
}

const char *const *env_of_node(struct arena *a, const char *name)
{
	const char *root = env_root(), *slash = strrchr(root, '/');
	int parent = slash ? (int)(slash - root) : 0;

	return program_env(a, arena_printf(a, "%.*s/%s", parent, root, name), name);
}
