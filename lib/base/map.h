/* String-keyed hash map with ordered (by insertion) iteration. Keys are copied. */
#ifndef LIB_BASE_MAP_H
#define LIB_BASE_MAP_H
#include "lib/base/mem.h"

struct map;

struct map *map_new(void);
/* Free the map; FREE_VALUE (may be NULL) is called on each value. */
void map_free(struct map *m, void (*free_value)(void *));
void map_freep(struct map **m); /* for CLEANUP(), values are not freed */
/* Store VALUE under KEY; returns the value that was there before, or NULL. */
void *map_put(struct map *m, const char *key, void *value);
void *map_get(const struct map *m, const char *key);
bool map_has(const struct map *m, const char *key);
/* Remove; returns the value, or NULL. Allowed while iterating. */
void *map_del(struct map *m, const char *key);
size_t map_count(const struct map *m);
/* Iterate: start with *POS = 0; false at the end. */
bool map_next(const struct map *m, size_t *pos, const char **ret_key, void **ret_value);

#endif
