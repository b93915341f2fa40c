/* schema_dump in parts: documents made from the rows, when the package is built. */
#ifndef CLI_TOOLS_DUMP_H
#define CLI_TOOLS_DUMP_H
#include "lib/base/err.h"
#include "lib/json/json.h"

/* --- tables.c --- */
json *dump_tables(void); /* everything declared in rows; a new reference */

/* --- roff.c: pieces of a manual page --- */
void roff_text(struct str *out, const char *text);    /* as it is, and a newline */
void roff_sentence(struct str *out, const char *doc); /* the same and a full stop */
void roff_line(struct str *out, const char *line);    /* of an example */
void roff_code(struct str *out, const char *text);    /* inline: what one types */
/* A usage text: options bold, <names> in italics. Inline. */
void roff_usage(struct str *out, const char *usage);
void roff_fold(struct str *page); /* long lines of the source */

/* --- man.c --- */
/* The manual page of FILE (man/NAME.SECTION.in): its markers replaced by what the rows say. */
int dump_man(const char *file, struct str *out, struct err *e);

/* --- openapi.c --- */
json *dump_openapi(void); /* OpenAPI 3.1; a new reference */

/* --- rapi.c --- */
void dump_rapi(struct str *out); /* the REST reference as text */

/* --- fields.c --- */
json *dump_fields(const char *resource); /* list of {name, title, kind, doc}; NULL when unknown */
int dump_counts(void);                   /* one line for each kind of thing, on standard output */

#endif
