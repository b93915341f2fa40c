/* What every command-line program needs: options from rows, help, tables, questions, colour. */
#ifndef LIB_UI_UI_H
#define LIB_UI_UI_H
#include "lib/base/str.h"
#include "lib/base/err.h"
#include "lib/schema/schema.h"

/* --- options --- */

/* How the text of an option becomes a value. Messages on bad values as Python's optparse prints them
 * ("option -x: invalid integer value: 'y'"). */
enum opt_type {
	OPT_FLAG,        /* true */
	OPT_FLAG_OFF,    /* false */
	OPT_COUNT, OPT_COUNT_DOWN,
	OPT_CONST,       /* the JSON of .value */
	OPT_IGNORED,     /* accepted for old scripts; warns with .doc */
	OPT_STRING, OPT_INT, OPT_FLOAT, OPT_UNIT /* MiB */, OPT_BOOL /* yes/no */,
	OPT_LIST,        /* comma separated, backslash escapes */
	OPT_KEYVAL,      /* k=v,k2 (true),no_k3 (false),-k4 (null) -> dict */
	OPT_IDENT_KEYVAL,/* ident:k=v,... -> [ident, dict]; "no_x" -> [x, false]; "-x" -> [x, null] */
	OPT_CHOICE,      /* one of .choices; .value may be a JSON dict from choice to value */
	OPT_APPEND,      /* repeated strings -> list */
	OPT_APPEND_CHOICE,
	OPT_APPEND_IDENT_KEYVAL, /* repeated OPT_IDENT_KEYVAL -> list */
	OPT_KEYPRIVVAL,  /* OPT_KEYVAL whose values are secret */
	OPT_MULTI_SPECS, /* a:k=v,.../b:k=v,...//a:... -> list of dicts of dicts */
	OPT_MAYBE_FLOAT, /* a number or "default" */
	OPT_JSON, /* the last */
};
#define OPT_TYPES (OPT_JSON + 1)
enum opt_complete { CPL_NONE, CPL_NODE, CPL_INSTANCE, CPL_GROUP, CPL_NETWORK, CPL_OS, CPL_JOB,
	CPL_IALLOCATOR, CPL_FILE, CPL_HOST, CPL_INST_ADD_NODES, CPL_COMMAND };
struct option_row {
	const char *id;      /* C name, unique */
	char letter;         /* 0 = none */
	const char *names;   /* long names, "node,nodes" = aliases; "" = only the letter */
	const char *dest;    /* key of the result dict; NULL = id */
	enum opt_type type;
	const char *metavar, *choices /* comma separated */, *dflt /* JSON */, *value /* JSON */;
	const char *bare;    /* JSON: the value when none is given; others need "-xV" or "--x=V" then */
	const struct enum_def *items; /* the choices, when they are a wire enumeration */
	enum opt_complete complete;
	const struct key_set *keys; /* of key=value texts, for help and documents */
	bool common;         /* of so many commands that documents describe it once */
	const char *doc;     /* one line */
};

/* The class of errors about what is inside a value (key=value and the like). Upstream reports them
 * apart from syntax errors, which are plain. */
extern const char OPT_BAD_VALUE[];

/*
 * ROWS ends with NULL. RET: dict dest -> value (defaults included), and the positional arguments.
 * Handles -h/--help by returning 1. "--" ends options, long names may be shortened when unique.
 * MIXED: options may also come after arguments.
 */
int opt_parse(const struct option_row *const *rows, bool mixed, const struct strs *argv,
	      struct arena *a, json **ret_values, struct strs *ret_args, struct err *e);
/* The long option that was meant when E says that there is no such one (name with dashes), or NULL. */
const char *opt_nearest(const struct option_row *const *rows, const struct err *e, struct arena *a);
/* The value of one option from its text; OPT is the option as given ("-x", "--long"). */
int opt_value(const struct option_row *o, const char *opt, const char *text, json **ret,
	      struct err *e);
bool opt_takes_value(const struct option_row *o);
const char *opt_dest(const struct option_row *o);
/* The long names of O, without dashes; the values it may have. */
struct strs opt_names(const struct option_row *o, struct arena *a);
struct strs opt_choices(const struct option_row *o, struct arena *a);
/* Words in the environment variable NAME, split as a shell does, added to RET. */
int opt_env_words(const char *name, struct arena *a, struct strs *ret, struct err *e);

/* The parts of values, for positional arguments in the same syntax. PREFIXES: no_x and -x forms. */
int ui_keyval(const char *opt, const char *text, bool prefixes, json **ret, struct err *e);
int ui_ident_keyval(const char *opt, const char *text, bool prefixes, json **ret, struct err *e);
int ui_multi_specs(const char *opt, const char *text, json **ret, struct err *e);

/* --- usage.c --- */
/* "Usage\n=====\n  PROG USAGE\n" and, with ROWS, the description and the options. */
void ui_usage(struct str *out, const char *prog, const char *usage);
void ui_help(struct str *out, const char *prog, const char *usage, const char *doc,
	     const struct option_row *const *rows);
/* Words of TEXT in lines of at most WIDTH, joined by "\n<INDENT spaces>". */
void ui_wrap(struct str *out, const char *text, size_t width, size_t indent);

/* --- text.c: values as upstream's tools print them, that is as Python does --- */
void ui_text(struct str *out, const json *v);  /* str(): None, True, ['a', 1], {'k': 'v'} */
void ui_repr(struct str *out, const json *v);  /* repr(): strings quoted */
void ui_repr_str(struct str *out, const char *s);
size_t ui_width(const char *s);                /* characters, not bytes */
bool ui_is_utf8(const char *text);
/* Local time: "2026-11-20 17:55:48", with MICROS >= 0 ".400410" behind; "Fri Nov 20 17:55:48 2026". */
void ui_time(struct str *out, double when, int micros);
void ui_ctime(struct str *out, double when);

/* --- table.c: what `list` prints --- */
struct ui_column {
	const char *title;
	bool numeric; /* right aligned */
};
struct ui_table {
	const struct ui_column *cols;
	size_t n;              /* columns */
	const struct strs *cells; /* row by row, N each */
	const char *separator; /* NULL = aligned columns, the last left-aligned one unpadded */
	bool headers;
	bool pad_header;       /* upstream's older layout: the header is padded in the last column too */
	/* Colour of a cell on a terminal: an escape sequence, or NULL. May be NULL. */
	const char *(*paint)(size_t column, const char *cell);
};
void ui_table(struct str *out, const struct ui_table *t);
/* Nested key/value output of the info commands (upstream: PrintGenericInfo). Dicts print in their
 * own order: see ui_sorted(). */
void ui_info(struct str *out, const json *tree);
/* A deep copy with all dicts in the order of their keys. */
json *ui_sorted(const json *v);

/* --- ask.c --- */
bool ui_color(int fd); /* tty and no NO_COLOR */
struct ui_choice {
	const char *key, *doc;
};
/* Ask on the controlling terminal. The index of the answer; the last one when there is no terminal. */
size_t ui_ask(const char *text, const struct ui_choice *choices, size_t n);
bool ui_confirm(const char *text); /* y/[n] */
/* The nearest of NAMES for "did you mean", NULL when none is near. */
const char *ui_nearest(const char *word, const struct strs *names);

#endif
