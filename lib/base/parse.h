/* Numbers and sizes from text. All return 0 or -1 and leave the result alone on failure. */
#ifndef LIB_BASE_PARSE_H
#define LIB_BASE_PARSE_H
#include "lib/base/err.h"

int parse_int(const char *s, int64_t *ret);
int parse_float(const char *s, double *ret);
/* yes/true/no/false, any case (upstream's "bool" option type; its messages too). */
int parse_bool(const char *s, bool *ret);
/*
 * A size in MiB: "10", "10m", "2g", "1.5T", "512k" ("KiB" forms too). Rounded up,
 * as upstream's ParseUnit does (which also rounds up to a multiple of 4).
 */
int parse_unit(const char *s, int64_t *ret_mib, struct err *e);
/* "512M", "2.0G", "1.5T"; UNITS is 'h', 'm', 'g' or 't' as upstream's FormatUnit. malloc'ed */
char *format_unit(double mib, char units);

#endif
