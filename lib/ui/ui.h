/* What every command-line program needs: options from rows, help, tables, questions, colour. */
#ifndef LIB_UI_UI_H
#define LIB_UI_UI_H
#include "lib/base/str.h"
#include "lib/base/err.h"
#include "lib/json/json.h"

/* How the text of an option becomes a value. Messages on bad values as Python's optparse prints them
 * ("option -x: invalid integer value: 'y'"), exit code 2. */
enum opt_type {
	OPT_FLAG,        /* true */
	OPT_FLAG_OFF,    /* false */
	OPT_COUNT,
	OPT_STRING, OPT_INT, OPT_FLOAT, OPT_UNIT /* MiB */, OPT_BOOL /* yes/no */,
	OPT_LIST,        /* comma separated, backslash escapes */
	OPT_KEYVAL,      /* k=v,k2 (true),no_k3 (false),-k4 (null) -> dict */
	OPT_IDENT_KEYVAL,/* ident:k=v,... -> [ident, dict]; "no_x" -> [x, false]; "-x" -> [x, null] */
	OPT_CHOICE, OPT_APPEND /* repeated strings -> list */,
	OPT_APPEND_IDENT_KEYVAL /* repeated OPT_IDENT_KEYVAL -> list */,
	OPT_KEYPRIVVAL,  /* OPT_KEYVAL whose values are secret */
	OPT_MULTI_SPECS, /* a:k=v,.../b:k=v,...//a:... -> list of dicts of dicts */
	OPT_JSON, OPT_MAYBE_FLOAT,
};
enum opt_complete { CPL_NONE, CPL_NODE, CPL_NODES, CPL_INSTANCE, CPL_GROUP, CPL_NETWORK, CPL_OS, CPL_JOB,
	CPL_IALLOCATOR, CPL_FILE, CPL_HV, CPL_INST_ADD_NODES, CPL_EXTSTORAGE };
struct option_row {
	const char *id;      /* C name, unique */
	char letter;         /* 0 = none */
	const char *names;   /* long names, "node,nodes" = aliases */
	const char *dest;    /* key of the result dict; NULL = id */
	enum opt_type type;
	const char *metavar, *choices /* comma separated */, *dflt /* JSON */;
	enum opt_complete complete;
	const char *doc;     /* one line */
};
/* RET: dict dest -> value (defaults included), and the positional arguments. Handles -h/--help by returning 1.
 * Options and arguments may be mixed, "--" ends options, long names may be shortened when unique. */
int opt_parse(const struct option_row *const *rows, size_t n, int argc, char **argv, json **ret_values,
	      struct strs *ret_args, struct arena *a, struct err *e);

/* --- table.c: what `list` prints --- */
struct ui_column {
	const char *title;
	bool numeric; /* right aligned */
};
/* ROWS: list of lists of strings. SEPARATOR NULL = aligned columns (upstream's layout: last left-aligned column unpadded). */
void ui_table(struct str *out, const struct ui_column *cols, size_t n, const json *rows, const char *separator, bool headers);
/* Nested key/value output of the info commands (upstream: PrintGenericInfo): dicts as lists of [key, value]. */
void ui_info(struct str *out, const json *tree);

bool ui_color(int fd);   /* tty and no NO_COLOR */
int ui_ask(const char *text, const char *const *choices, struct err *e); /* index of the answer; the first letter picks */
/* progress of something longer than a second: only on a tty */
void ui_progress(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void ui_progress_done(void);
/* The nearest of NAMES for "did you mean", NULL when none is near. */
const char *ui_nearest(const char *word, const struct strs *names);

#endif
