/* Names of lock levels and modes. */
#include "src/lock/lock.h"

static const char *const levels[LOCK_LEVELS] = {
	[LOCK_CLUSTER] = "cluster",
	[LOCK_INSTANCE] = "instance",
	[LOCK_NODE_ALLOC] = "node-alloc",
	[LOCK_NODEGROUP] = "nodegroup",
	[LOCK_NODE] = "node",
	[LOCK_NODE_RES] = "node-res",
	[LOCK_NETWORK] = "network",
};

const char *lock_level_name(enum lock_level l)
{
	return levels[l];
}

int lock_level_find(const char *name)
{
	for (int i = 0; i < LOCK_LEVELS; i++)
		if (str_eq(levels[i], name))
			return i;
	return -1;
}

const char *lock_mode_name(enum lock_mode m)
{
	return m == LOCK_EXCLUSIVE ? "exclusive" : "shared";
}
