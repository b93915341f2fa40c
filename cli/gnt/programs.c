/* The rows of the programs as data. */
#include "cli/gnt/gnt.h"

/* options of each command */
#define COMMAND(id, ...) static const struct option_row *const options_##id[] = {
#define OPT(option) &opt_##option,
#define END(id)                             \
	&opt_debug, &opt_reason, NULL       \
	}                                   \
	;
#include "cli/gnt/rows/all.def"
#undef COMMAND
#undef OPT
#undef END

/* commands of each program */
#define COMMAND(id, name_, ...) { .name = name_, .opts = options_##id, __VA_ARGS__ },
#define OPT(option)
#define END(id)
static const struct command backup[] = {
#include "cli/gnt/rows/backup.def"
};
static const struct command cluster[] = {
#include "cli/gnt/rows/cluster.def"
};
static const struct command debug[] = {
#include "cli/gnt/rows/debug.def"
};
static const struct command filter[] = {
#include "cli/gnt/rows/filter.def"
};
static const struct command group[] = {
#include "cli/gnt/rows/group.def"
};
static const struct command instance[] = {
#include "cli/gnt/rows/instance.def"
};
static const struct command job[] = {
#include "cli/gnt/rows/job.def"
};
static const struct command network[] = {
#include "cli/gnt/rows/network.def"
};
static const struct command node[] = {
#include "cli/gnt/rows/node.def"
};
static const struct command os[] = {
#include "cli/gnt/rows/os.def"
};
static const struct command storage[] = {
#include "cli/gnt/rows/storage.def"
};

const struct program programs[] = {
	{ "gnt-backup", backup, ARRAY_SIZE(backup), NULL },
	{ "gnt-cluster", cluster, ARRAY_SIZE(cluster), "show=info,masterfailover=master-failover" },
	{ "gnt-debug", debug, ARRAY_SIZE(debug), "allocator=iallocator" },
	{ "gnt-filter", filter, ARRAY_SIZE(filter), NULL },
	{ "gnt-group", group, ARRAY_SIZE(group), NULL },
	{ "gnt-instance", instance, ARRAY_SIZE(instance), "start=startup,stop=shutdown,show=info" },
	{ "gnt-job", job, ARRAY_SIZE(job), "show=info" },
	{ "gnt-network", network, ARRAY_SIZE(network), NULL },
	{ "gnt-node", node, ARRAY_SIZE(node), "show=info" },
	{ "gnt-os", os, ARRAY_SIZE(os), "show=info" },
	{ "gnt-storage", storage, ARRAY_SIZE(storage), NULL },
	{ NULL, NULL, 0, NULL },
};
