/* Allocation that cannot fail (it aborts), cleanup attributes, ownership hand-over. */
#ifndef LIB_BASE_MEM_H
#define LIB_BASE_MEM_H
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* A type, not a macro: table rows say `bool` and are expanded through several macros
 * (C11 7.18 allows this). */
#undef bool
typedef _Bool bool;

void *xmalloc(size_t n) __attribute__((malloc, alloc_size(1), returns_nonnull));
void *xcalloc(size_t n, size_t size) __attribute__((malloc, alloc_size(1, 2), returns_nonnull));
void *xrealloc(void *p, size_t n, size_t size) __attribute__((alloc_size(2, 3), returns_nonnull));
char *xstrdup(const char *s) __attribute__((malloc, returns_nonnull));
char *xstrndup(const char *s, size_t n) __attribute__((malloc, returns_nonnull));
char *xmemdup(const void *p, size_t n) __attribute__((malloc, returns_nonnull)); /* and a NUL behind it */
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2), returns_nonnull));
char *xvasprintf(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));

/*
 * For programs that live long and now and then hold a large text: its memory goes back to the system when it is freed
 * (malloc() would keep ever larger pieces for the next time). mem_trim() gives back what else is free.
 */
void mem_return_large(void);
void mem_trim(void);

/* Run FN(&variable) when the variable leaves its scope. */
#define CLEANUP(fn) __attribute__((cleanup(fn)))

/* for CLEANUP() of anything that free() takes */
static inline void freep(void *p)
{
	free(*(void **)p);
}

/* for CLEANUP() of a file descriptor; -1 is fine */
void closep(int *fd);

/* Hand the pointer P over: its value, and P becomes NULL. */
#define STEAL(p)                             \
	({                                   \
		__typeof__(p) steal_ = (p);  \
		(p) = NULL;                  \
		steal_;                      \
	})

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Make room for one more in the array V (N used, CAP allocated). */
#define GROW(v, n, cap)                                                      \
	do {                                                                 \
		if ((n) == (cap)) {                                          \
			(cap) = (cap) ? (cap) * 2 : 8;                       \
			(v) = xrealloc((v), (cap), sizeof(*(v)));            \
		}                                                            \
	} while (0)

#endif
