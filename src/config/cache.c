/* Parsed objects of one state of the configuration: a snapshot's own, or kept from one to the next. */
#include "src/config/priv.h"

#include "lib/base/log.h"

#include <string.h>

#define FEW 32         /* changes after which lists are brought up to date, not made again */
#define GARBAGE 10000  /* replaced objects that may lie about however few there are */

struct slot {
	const void *obj; /* NULL = free, &removed */
	uint32_t hash;
	enum obj_kind kind;
};

struct cache {
	struct arena *a;
	struct compact *compact; /* NULL: objects are put in as they are */
	struct slot *slots;      /* open addressing, by UUID */
	size_t n_slots, taken;   /* taken: removed ones, too */
	size_t live, parsed;     /* parsed: replaced ones, too */
	size_t limit;
	int64_t serial;
	struct {
		struct named *v;
		size_t n, cap;
		bool known;
	} list[OBJ_KINDS];
};

static const char removed;

static const char *uuid_of(enum obj_kind k, const void *obj)
{
	static size_t offset[OBJ_KINDS]; /* 0 = not looked up */

	if (!offset[k])
		offset[k] = record_field(obj_record(k), "uuid")->offset;
	return *(const char *const *)((const char *)obj + offset[k]);
}

static void lists_forget(struct cache *c)
{
	for (int k = 0; k < OBJ_KINDS; k++)
		c->list[k].known = false;
}

static void clear(struct cache *c)
{
	arena_free(c->a);
	compact_free(c->compact);
	free(c->slots);
	for (int k = 0; k < OBJ_KINDS; k++)
		free(c->list[k].v);
}

static void start_again(struct cache *c)
{
	size_t limit = c->limit;

	clear(c);
	*c = (struct cache){ .limit = limit, .a = arena_new() };
	if (limit)
		c->compact = compact_new();
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

void config_forget_objects(struct config *c)
{
	if (c->cache && !c->n_snapshots)
		start_again(c->cache);
}

void cache_free(struct cache *c)
{
	if (!c)
		return;
	clear(c);
	free(c);
}

/* --- objects --- */
static struct slot *find(const struct cache *c, const char *uuid)
{
	uint32_t h = (uint32_t)str_hash(uuid);

	if (!c->n_slots)
		return NULL;
	for (size_t i = h & (c->n_slots - 1); c->slots[i].obj; i = (i + 1) & (c->n_slots - 1)) {
		struct slot *s = &c->slots[i];

		if (s->hash == h && s->obj != &removed && strcmp(uuid_of(s->kind, s->obj), uuid) == 0)
			return s;
	}
	return NULL;
}

static void insert(struct cache *c, struct slot s)
{
	size_t i = s.hash & (c->n_slots - 1);

	while (c->slots[i].obj)
		i = (i + 1) & (c->n_slots - 1);
	c->slots[i] = s;
	c->taken++;
}

static void grow(struct cache *c)
{
	struct slot *old = c->slots;
	size_t n = c->n_slots;

	while (c->n_slots < 64 || c->n_slots < c->live * 2)
		c->n_slots = c->n_slots ? c->n_slots * 2 : 64;
	c->slots = xcalloc(c->n_slots, sizeof(*c->slots));
	c->taken = 0;
	for (size_t i = 0; i < n; i++)
		if (old[i].obj && old[i].obj != &removed)
			insert(c, old[i]);
	free(old);
}

struct arena *cache_arena(struct cache *c)
{
	return c->a;
}

const void *cache_get(const struct cache *c, enum obj_kind k, const char *uuid)
{
	const struct slot *s = find(c, uuid);

	return s && s->kind == k ? s->obj : NULL;
}

/* To be kept. */
static int parse_compact(struct cache *c, enum obj_kind k, const char *text, void **ret, struct err *e)
{
	const struct record *r = obj_record(k);
	struct arena *tmp CLEANUP(arena_freep) = NULL;
	void *obj CLEANUP(freep) = xcalloc(1, r->size), *parsed;

	if (record_scan(r, c->a, c->compact, text, strlen(text), obj)) {
		*ret = arena_dup(c->a, obj, r->size);
		return 0;
	}
	tmp = arena_new();
	if (obj_parse_text(tmp, k, text, &parsed, e) < 0)
		return -1;
	*ret = compact_record(c->compact, r, c->a, parsed);
	return 0;
}

int cache_load(struct cache *c, enum obj_kind k, const char *text, const void **ret, struct err *e)
{
	void *obj;

	if ((c->compact ? parse_compact(c, k, text, &obj, e) : obj_parse_text(c->a, k, text, &obj, e)) < 0)
		return -1;
	if ((c->taken + 1) * 4 > c->n_slots * 3)
		grow(c);
	insert(c, (struct slot){ obj, (uint32_t)str_hash(uuid_of(k, obj)), k });
	c->live++;
	c->parsed++;
	*ret = obj;
	return 0;
}

void cache_trim(struct cache *c)
{
	if (c->parsed > c->limit || c->parsed > c->live * 2 + GARBAGE)
		start_again(c);
}

/* --- lists of all objects of a kind --- */
int named_cmp(const void *x, const void *y)
{
	return str_natcmp(((const struct named *)x)->name, ((const struct named *)y)->name);
}

const struct named *cache_list(const struct cache *c, enum obj_kind k, size_t *ret_n)
{
	*ret_n = c->list[k].n;
	return c->list[k].known ? c->list[k].v : NULL;
}

void cache_set_list(struct cache *c, enum obj_kind k, const struct named *v, size_t n)
{
	if (!c->limit)
		return;
	free(c->list[k].v);
	c->list[k].v = xcalloc(n + 1, sizeof(*v));
	c->list[k].n = n;
	c->list[k].cap = n + 1;
	c->list[k].known = true;
	for (size_t i = 0; i < n; i++)
		c->list[k].v[i] = (struct named){ arena_strdup(c->a, v[i].name),
						  arena_strdup(c->a, v[i].uuid) };
}

static size_t list_find(const struct cache *c, enum obj_kind k, const char *uuid)
{
	size_t i = 0;

	while (i < c->list[k].n && strcmp(c->list[k].v[i].uuid, uuid) != 0)
		i++;
	return i;
}

static void list_remove(struct cache *c, enum obj_kind k, size_t i)
{
	struct named *v = c->list[k].v;

	memmove(v + i, v + i + 1, (--c->list[k].n - i) * sizeof(*v));
}

static void list_insert(struct cache *c, enum obj_kind k, const char *name, const char *uuid)
{
	struct named x = { arena_strdup(c->a, name), arena_strdup(c->a, uuid) }, *v;
	size_t low = 0, high = c->list[k].n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (named_cmp(&c->list[k].v[mid], &x) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	GROW(c->list[k].v, c->list[k].n, c->list[k].cap);
	v = c->list[k].v;
	memmove(v + low + 1, v + low, (c->list[k].n++ - low) * sizeof(*v));
	v[low] = x;
}

/* The object may be new, changed or gone. NAME NULL: of a kind without names. */
static void list_follow(struct cache *c, enum obj_kind k, bool there, const char *name, const char *uuid)
{
	size_t i;

	if (!c->list[k].known)
		return;
	i = list_find(c, k, uuid);
	if (i < c->list[k].n && there && str_eq(c->list[k].v[i].name, name ? name : uuid))
		return;
	if (i < c->list[k].n)
		list_remove(c, k, i);
	if (there)
		list_insert(c, k, name ? name : uuid, uuid);
}

/* Look at the row only when a list may be concerned. */
static int lists_follow(struct cache *c, struct db *d, const char *uuid, struct err *e)
{
	struct db_stmt *st CLEANUP(db_finish) = NULL;
	const struct slot *old = find(c, uuid);
	const char *name;
	int rc, k;

	if (db_query(d, &st, e, "SELECT kind, name FROM object WHERE uuid = ?", "s", uuid) < 0 ||
	    (rc = db_step(st, e)) < 0)
		return -1;
	k = rc ? obj_kind_find(db_text(st, 0)) : -1;
	name = rc ? db_text(st, 1) : NULL;
	if (old && rc && (int)old->kind == k && str_eq(obj_name(old->kind, old->obj), name ? name : uuid))
		return 0;
	for (int i = 0; i < OBJ_KINDS; i++)
		list_follow(c, (enum obj_kind)i, i == k, name, uuid);
	return 0;
}

void cache_follow(struct cache *c, struct db *d, int64_t serial)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct strs changed = { 0 };
	int rc = c->serial == serial ? 1 : 0;

	if (c->serial < serial)
		rc = changes_since(d, a, c->serial, &changed, &e);
	if (changed.n > FEW)
		lists_forget(c);
	for (size_t i = 0; rc == 1 && i < changed.n; i++)
		if (changed.n <= FEW && lists_follow(c, d, changed.v[i], &e) < 0)
			rc = -1;
	if (rc < 0)
		log_error("Can't tell what changed in the configuration: %s", err_msg(&e));
	if (rc != 1)
		start_again(c);
	for (size_t i = 0; i < changed.n; i++) {
		struct slot *s = find(c, changed.v[i]);

		if (!s)
			continue;
		s->obj = &removed;
		c->live--;
	}
	c->serial = serial;
}
