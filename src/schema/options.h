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

/* The rows of daemons.def and htools.def: programs without sub-commands. */
struct program_row {
	const char *name, *usage, *doc;
	enum opt_complete args;                /* kind of arguments, CPL_NONE = none */
	int min, max;                          /* how many; MAX 0 = no limit */
	bool todo;                             /* not written yet */
	const struct option_row *const *opts;  /* NULL-terminated, with --version */
};
extern const struct program_row daemon_rows[], htool_rows[]; /* end with a NULL name */
const struct program_row *program_row(const char *name); /* of both; NULL when unknown */

#endif
