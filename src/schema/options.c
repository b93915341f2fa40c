/* options.def as data. */
#include "src/schema/options.h"

#include <string.h>

#define OPTION(id_, letter_, names_, type_, ...)                                             \
	const struct option_row opt_##id_ = { .id = #id_, .letter = letter_, .names = names_, \
					      .type = OPT_##type_, __VA_ARGS__ };
#include "src/schema/options.def"
#undef OPTION

const struct option_row *const all_options[] = {
#define OPTION(id, ...) &opt_##id,
#include "src/schema/options.def"
#undef OPTION
	NULL,
};

/* the options of each program */
#define OPT(option) &opt_##option,
#define DAEMON(id, name, ...) static const struct option_row *const opts_##id[] = {
#define END(id)                   \
	&opt_daemon_version, NULL \
	}                         \
	;
#include "src/schema/daemons.def"
#undef END
#define PROGRAM DAEMON
#define END(id)                             \
	&opt_ht_version, &opt_ht_complete, NULL \
	}                                   \
	;
#include "src/schema/htools.def"
#undef PROGRAM
#undef DAEMON
#undef OPT
#undef END

/* the programs */
#define OPT(option)
#define END(id)
#define DAEMON(id, name_, ...) { .name = name_, .opts = opts_##id, __VA_ARGS__ },
const struct program_row daemon_rows[] = {
#include "src/schema/daemons.def"
	{ .name = NULL },
};
#define PROGRAM DAEMON
const struct program_row htool_rows[] = {
#include "src/schema/htools.def"
	{ .name = NULL },
};
#undef PROGRAM
#undef DAEMON
#undef OPT
#undef END

const struct program_row *program_row(const char *name)
{
	for (const struct program_row *p = daemon_rows; p->name; p++)
		if (strcmp(p->name, name) == 0)
			return p;
	for (const struct program_row *p = htool_rows; p->name; p++)
		if (strcmp(p->name, name) == 0)
			return p;
	return NULL;
}
