/* options.def as data. */
#include "src/schema/options.h"

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
