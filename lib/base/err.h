/*
 * The error value. `cls` and `code` point to static strings (upstream's class
 * and code names travel on the wire, so they are the type; the constants are
 * declared in src/schema/errors.def). lib itself uses cls NULL (a plain error)
 * and fills errnum when a system call failed.
 *
 * A function that takes a `struct err *e` sets it exactly when it returns -1.
 * Passing NULL means the caller does not want the reason.
 */
#ifndef LIB_BASE_ERR_H
#define LIB_BASE_ERR_H
#include "lib/base/mem.h"

struct err {
	const char *cls;  /* error class, NULL = plain */
	const char *code; /* code inside the class, or NULL */
	char *msg;        /* malloc'ed; NULL = no error */
	int errnum;       /* errno of a failed system call, or 0 */
};

#define ERR_NONE ((struct err){ NULL, NULL, NULL, 0 })

/* Set E (replacing what it held). Returns -1. */
int err_set(struct err *e, const char *cls, const char *code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* A plain error. Returns -1. */
int err_plain(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A failed system call: "<text>: <strerror>". ERRNUM may be negative. Returns -1. */
int err_sys(struct err *e, int errnum, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Put "<text>: " before the message. Returns -1. */
int err_prefix(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Move FROM into TO. Returns -1. */
int err_move(struct err *to, struct err *from);
/* So that compilers know, too: what is set on success only is never read after that. */
static inline int err_minus_one(int r)
{
	(void)r;
	return -1;
}
#define err_set(...) err_minus_one(err_set(__VA_ARGS__))
#define err_plain(...) err_minus_one(err_plain(__VA_ARGS__))
#define err_sys(...) err_minus_one(err_sys(__VA_ARGS__))
#define err_prefix(...) err_minus_one(err_prefix(__VA_ARGS__))
#define err_move(...) err_minus_one(err_move(__VA_ARGS__))

void err_clear(struct err *e); /* for CLEANUP() too */
/* The message, never NULL. */
const char *err_msg(const struct err *e);
/* Is E of class CLS? (not of its children) */
bool err_is(const struct err *e, const char *cls);

#endif
