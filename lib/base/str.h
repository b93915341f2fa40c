/* Growable strings, string lists, splitting, comparing, quoting. */
#ifndef LIB_BASE_STR_H
#define LIB_BASE_STR_H
#include "lib/base/arena.h"

/* A growable string; all zero is an empty one. p is NUL-terminated once anything was added. */
struct str {
	char *p;
	size_t len, cap;
};

void str_add(struct str *s, const char *text);
void str_addn(struct str *s, const void *data, size_t n);
void str_addc(struct str *s, char c);
void str_addf(struct str *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void str_trim(struct str *s, size_t len); /* shorten to LEN */
void str_drop(struct str *s, size_t n);   /* remove N bytes from the front */
char *str_steal(struct str *s);           /* malloc'ed, never NULL; S is empty after */
const char *str_get(const struct str *s); /* never NULL */
void str_free(struct str *s);             /* for CLEANUP() too */

/* A list of strings; the strings and the array belong to an arena or a caller. */
struct strs {
	const char **v;
	size_t n;
};

void strs_add(struct arena *a, struct strs *l, const char *s); /* S is not copied */
bool strs_has(const struct strs *l, const char *s);
void strs_sort(struct strs *l);      /* by bytes */
void strs_sort_nat(struct strs *l);  /* digits compare as numbers: node2 < node10 */
void strs_uniq(struct strs *l);      /* of a sorted list */
struct strs strs_minus(struct arena *a, const struct strs *l, const struct strs *less);
/* "a, b, c" in the arena */
char *strs_join(struct arena *a, const struct strs *l, const char *sep);
/* Split at SEP; empty parts are kept ("" gives one empty part). */
struct strs strs_split(struct arena *a, const char *s, char sep);
/* Split at SEP where it is not escaped by a backslash; a backslash makes any character plain. */
struct strs strs_split_esc(struct arena *a, const char *s, char sep);

/* Natural order, as upstream's NiceSort: runs of digits compare as numbers. */
int str_natcmp(const char *a, const char *b);
bool str_eq(const char *a, const char *b); /* NULL equals only NULL */
uint64_t str_hash_n(const char *s, size_t n);
uint64_t str_hash(const char *s); /* for tables in memory: not the same on other machines */
bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);
/* Lower- or upper-cased copy. */
char *str_lower(struct arena *a, const char *s);
char *str_upper(struct arena *a, const char *s);
/* Without white space at both ends. */
char *str_strip(struct arena *a, const char *s);
/* Quoted for a POSIX shell when needed, as upstream's ShellQuote. */
char *str_shell_quote(struct arena *a, const char *s);
/* Levenshtein distance, for "did you mean". */
size_t str_distance(const char *a, const char *b);

#endif
