/* Parsed objects of one state of the configuration: a snapshot's own, or kept from one to the next. */
#include "src/config/priv.h"

#include "lib/base/log.h"
#include "lib/base/map.h"

struct entry {
	enum obj_kind kind;
	const void *obj;
};

struct cache {
	struct arena *a;
	struct map *objects; /* UUID -> struct entry */
	size_t parsed;       /* objects in the arena, replaced ones too */
	size_t limit;
	int64_t serial;
};

static void start_again(struct cache *c)
{
	arena_free(c->a);
	map_free(c->objects, NULL);
	c->a = arena_new();
	c->objects = map_new();
	c->parsed = 0;
}

struct cache *cache_new(size_t limit)
{
	struct cache *c = xcalloc(1, sizeof(*c));

	c->limit = limit;
	start_again(c);
	return c;
}

void config_keep_objects(struct config *c, size_t limit)
{
	c->cache = cache_new(limit);
}

void cache_free(struct cache *c)
{
	if (!c)
		return;
	arena_free(c->a);
	map_free(c->objects, NULL);
	free(c);
}

void cache_follow(struct cache *c, struct db *d, int64_t serial)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct strs changed = { 0 };
	int rc = c->serial == serial ? 1 : 0;

	if (c->serial < serial)
		rc = changes_since(d, a, c->serial, &changed, &e);
	if (rc < 0)
		log_error("Can't tell what changed in the configuration: %s", err_msg(&e));
	if (rc != 1)
		start_again(c);
	for (size_t i = 0; i < changed.n; i++)
		map_del(c->objects, changed.v[i]);
	c->serial = serial;
}

struct arena *cache_arena(struct cache *c)
{
	return c->a;
}

const void *cache_get(const struct cache *c, enum obj_kind k, const char *uuid)
{
	const struct entry *x = map_get(c->objects, uuid);

	return x && x->kind == k ? x->obj : NULL;
}

void cache_put(struct cache *c, enum obj_kind k, const char *uuid, const void *obj)
{
	struct entry *x = ARENA_NEW(c->a, struct entry);

	*x = (struct entry){ k, obj };
	map_put(c->objects, uuid, x);
	c->parsed++;
}

void cache_trim(struct cache *c)
{
	if (c->parsed > c->limit)
		start_again(c);
}
