/* The rows of options.def: opt_<id>. Apart from schema.h because only programs need them. */
#ifndef SRC_SCHEMA_OPTIONS_H
#define SRC_SCHEMA_OPTIONS_H
#include "lib/ui/ui.h"
#include "src/schema/schema.h"

#define OPTION(id, ...) extern const struct option_row opt_##id;
#include "src/schema/options.def"
#undef OPTION

/* All of them, NULL-terminated. */
extern const struct option_row *const all_options[];

/* The daemons (rows of daemons.def). */
struct daemon_row {
	const char *name, *usage, *doc;
	const struct option_row *const *opts; /* NULL-terminated, with --version */
};
const struct daemon_row *daemon_row(const char *name); /* NULL when unknown */

#endif
