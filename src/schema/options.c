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

#define DAEMON(id, name, ...) static const struct option_row *const daemon_opts_##id[] = {
#define OPT(option) &opt_##option,
#define END(id)                      \
	&opt_daemon_version, NULL    \
	}                            \
	;
#include "src/schema/daemons.def"
#undef DAEMON
#undef OPT
#undef END

const struct daemon_row *daemon_row(const char *name)
{
	static const struct daemon_row rows[] = {
#define DAEMON(id, name_, ...) { .name = name_, .opts = daemon_opts_##id, __VA_ARGS__ },
#define OPT(option)
#define END(id)
#include "src/schema/daemons.def"
#undef DAEMON
#undef OPT
#undef END
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}
