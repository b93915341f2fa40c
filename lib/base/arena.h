/*
 * Region allocator: what lives as long as a request, a job step or a query is
 * allocated here and freed all at once. Memory comes zeroed.
 */
#ifndef LIB_BASE_ARENA_H
#define LIB_BASE_ARENA_H
#include "lib/base/mem.h"

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *a);            /* NULL is fine */
void arena_freep(struct arena **a);          /* for CLEANUP() */

void *arena_alloc(struct arena *a, size_t n) __attribute__((returns_nonnull));
void *arena_dup(struct arena *a, const void *p, size_t n);
char *arena_strdup(struct arena *a, const char *s);           /* NULL stays NULL */
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

/* Call FN(P) when the arena is freed (last registered runs first). */
void arena_defer(struct arena *a, void (*fn)(void *), void *p);

/* bytes handed out so far */
size_t arena_used(const struct arena *a);

#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, type, n) ((type *)arena_alloc((a), (n) * sizeof(type)))

#endif
