/* The table of holders. */
#include "src/lock/priv.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct locks *locks_new(void)
{
	struct locks *l = xcalloc(1, sizeof(*l));

	for (int i = 0; i < LOCK_LEVELS; i++)
		l->lv[i].names = map_new();
	l->owners = map_new();
	l->grants_end = &l->grants;
	return l;
}

static void lock_free(void *p)
{
	struct lock *k = p;

	free(k->name);
	free(k->holds.v);
	free(k);
}

static void owner_free(void *p)
{
	struct owner *o = p;

	for (int i = 0; i < LOCK_LEVELS; i++)
		map_free(o->lv[i].names, NULL);
	lock_waiter_free(o->wait);
	free(o);
}

void locks_free(struct locks *l)
{
	if (!l)
		return;
	while (l->grants) {
		struct waiter *w = l->grants;

		l->grants = w->next;
		lock_waiter_free(w);
	}
	map_free(l->owners, owner_free);
	for (int i = 0; i < LOCK_LEVELS; i++) {
		map_free(l->lv[i].names, lock_free);
		free(l->lv[i].all.v);
		free(l->lv[i].wait);
	}
	free(l);
}

static const char *owner_key(int64_t id, char buf[24])
{
	snprintf(buf, 24, "%" PRId64, id);
	return buf;
}

struct owner *lock_owner(const struct locks *l, int64_t id)
{
	char buf[24];

	return map_get(l->owners, owner_key(id, buf));
}

struct owner *lock_owner_make(struct locks *l, int64_t id)
{
	struct owner *o = lock_owner(l, id);
	char buf[24];

	if (!o) {
		o = xcalloc(1, sizeof(*o));
		o->id = id;
		map_put(l->owners, owner_key(id, buf), o);
	}
	return o;
}

bool lock_owner_holds(const struct owner *o, enum lock_level level)
{
	const struct owner_level *v = &o->lv[level];

	return v->all || v->shared || v->exclusive;
}

void lock_owner_drop(struct locks *l, struct owner *o)
{
	char buf[24];

	if (o->wait)
		return;
	for (int i = 0; i < LOCK_LEVELS; i++)
		if (lock_owner_holds(o, i))
			return;
	map_del(l->owners, owner_key(o->id, buf));
	owner_free(o);
}

static struct hold *find_hold(const struct holds *h, int64_t owner)
{
	for (size_t i = 0; i < h->n; i++)
		if (h->v[i].owner == owner)
			return &h->v[i];
	return NULL;
}

/* That of an owner who has one. */
static struct hold *hold_of(const struct holds *h, int64_t owner)
{
	struct hold *x = find_hold(h, owner);

	assert(x);
	return x;
}

static void add_hold(struct holds *h, int64_t owner, enum lock_mode mode)
{
	GROW(h->v, h->n, h->cap);
	h->v[h->n++] = (struct hold){ owner, mode };
}

static void del_hold(struct holds *h, int64_t owner)
{
	struct hold *x = hold_of(h, owner);

	memmove(x, x + 1, (size_t)(h->v + h->n - (x + 1)) * sizeof(*x));
	h->n--;
}

int lock_mode_held(const struct owner *o, enum lock_level level, const char *name)
{
	const struct owner_level *v = &o->lv[level];
	const struct lock *k = name && v->names ? map_get(v->names, name) : NULL;
	int mode = k ? (int)hold_of(&k->holds, o->id)->mode : 0;

	return mode > v->all ? mode : v->all;
}

static bool others_conflict(const struct holds *h, int64_t owner, enum lock_mode mode)
{
	for (size_t i = 0; i < h->n; i++)
		if (h->v[i].owner != owner && modes_conflict(h->v[i].mode, mode))
			return true;
	return false;
}

bool lock_name_free(const struct locks *l, const struct owner *o, enum lock_level level,
		    const char *name, enum lock_mode mode)
{
	const struct level *lv = &l->lv[level];
	const struct owner_level *mine = &o->lv[level];
	const struct lock *k;

	if (lock_mode_held(o, level, name) >= (int)mode)
		return true;
	if (others_conflict(&lv->all, o->id, mode))
		return false;
	if (name) {
		k = map_get(lv->names, name);
		return !k || !others_conflict(&k->holds, o->id, mode);
	}
	if (lv->exclusive > mine->exclusive)
		return false;
	return mode == LOCK_SHARED || lv->shared == mine->shared;
}

static void blockers_in(const struct holds *h, int64_t owner, enum lock_mode mode, struct holds *v)
{
	for (size_t i = 0; i < h->n; i++)
		if (h->v[i].owner != owner && modes_conflict(h->v[i].mode, mode) &&
		    !find_hold(v, h->v[i].owner))
			add_hold(v, h->v[i].owner, h->v[i].mode);
}

void lock_blockers(const struct locks *l, const struct owner *o, enum lock_level level,
		   const char *name, enum lock_mode mode, struct holds *v)
{
	const struct level *lv = &l->lv[level];
	const struct lock *k;

	if (lock_mode_held(o, level, name) >= (int)mode)
		return;
	blockers_in(&lv->all, o->id, mode, v);
	if (name) {
		k = map_get(lv->names, name);
		if (k)
			blockers_in(&k->holds, o->id, mode, v);
		return;
	}
	for (size_t pos = 0; map_next(lv->names, &pos, NULL, (void **)&k);)
		blockers_in(&k->holds, o->id, mode, v);
}

static void count(struct locks *l, struct owner *o, enum lock_level level, enum lock_mode mode,
		  bool more)
{
	size_t *mine = mode == LOCK_SHARED ? &o->lv[level].shared : &o->lv[level].exclusive;
	size_t *total = mode == LOCK_SHARED ? &l->lv[level].shared : &l->lv[level].exclusive;

	*mine = more ? *mine + 1 : *mine - 1;
	*total = more ? *total + 1 : *total - 1;
}

void lock_take(struct locks *l, struct owner *o, enum lock_level level, const char *name,
	       enum lock_mode mode)
{
	struct level *lv = &l->lv[level];
	struct owner_level *mine = &o->lv[level];
	struct lock *k;
	struct hold *h;

	if (lock_mode_held(o, level, name) >= (int)mode)
		return;
	if (!name) {
		if (mine->all)
			hold_of(&lv->all, o->id)->mode = mode;
		else
			add_hold(&lv->all, o->id, mode);
		mine->all = mode;
		return;
	}
	k = map_get(lv->names, name);
	if (!k) {
		k = xcalloc(1, sizeof(*k));
		k->name = xstrdup(name);
		map_put(lv->names, name, k);
	}
	h = find_hold(&k->holds, o->id);
	if (h) {
		count(l, o, level, h->mode, false);
		h->mode = mode;
	} else {
		add_hold(&k->holds, o->id, mode);
		if (!mine->names)
			mine->names = map_new();
		map_put(mine->names, name, k);
	}
	count(l, o, level, mode, true);
}

/* Drop one name; false when it was not held by itself. */
static bool drop_name(struct locks *l, struct owner *o, enum lock_level level, const char *name)
{
	struct owner_level *mine = &o->lv[level];
	struct lock *k = mine->names ? map_del(mine->names, name) : NULL;

	if (!k)
		return false;
	count(l, o, level, hold_of(&k->holds, o->id)->mode, false);
	del_hold(&k->holds, o->id);
	if (k->holds.n == 0) {
		map_del(l->lv[level].names, k->name);
		lock_free(k);
	}
	return true;
}

static bool drop_all(struct locks *l, struct owner *o, enum lock_level level)
{
	if (!o->lv[level].all)
		return false;
	o->lv[level].all = 0;
	del_hold(&l->lv[level].all, o->id);
	return true;
}

/* Drop the whole level but KEEP (NULL: nothing stays); true when something was given back. */
static bool drop_level(struct locks *l, struct owner *o, enum lock_level level,
		       const struct strs *keep)
{
	struct owner_level *mine = &o->lv[level];
	struct map *stay CLEANUP(map_freep) = map_new();
	bool changed = false;
	const char *name;

	for (size_t i = 0; keep && i < keep->n; i++)
		map_put(stay, keep->v[i], stay);
	if (mine->all) {
		enum lock_mode mode = mine->all;

		changed = drop_all(l, o, level);
		for (size_t i = 0; keep && i < keep->n; i++)
			if (lock_mode_held(o, level, keep->v[i]) < (int)mode)
				lock_take(l, o, level, keep->v[i], mode);
	}
	for (size_t pos = 0; mine->names && map_next(mine->names, &pos, &name, NULL);) {
		char *copy CLEANUP(freep) = xstrdup(name);

		if (!map_has(stay, copy))
			changed |= drop_name(l, o, level, copy);
	}
	return changed;
}

void locks_release(struct locks *l, int64_t owner, enum lock_level level, const struct strs *names,
		   bool all)
{
	struct owner *o = lock_owner(l, owner);
	bool changed = false;

	if (!o)
		return;
	if (all)
		changed = drop_level(l, o, level, NULL);
	else
		for (size_t i = 0; names && i < names->n; i++)
			changed |= drop_name(l, o, level, names->v[i]);
	lock_owner_drop(l, o);
	if (changed)
		lock_pump(l, level);
}

void locks_keep(struct locks *l, int64_t owner, enum lock_level level, const struct strs *names)
{
	struct owner *o = lock_owner(l, owner);
	bool changed;

	if (!o)
		return;
	changed = drop_level(l, o, level, names);
	lock_owner_drop(l, o);
	if (changed)
		lock_pump(l, level);
}

void locks_release_all(struct locks *l, int64_t owner)
{
	struct owner *o;
	bool changed[LOCK_LEVELS] = { false };

	locks_withdraw(l, owner);
	o = lock_owner(l, owner);
	if (!o)
		return;
	for (int i = 0; i < LOCK_LEVELS; i++)
		changed[i] = drop_level(l, o, i, NULL);
	lock_owner_drop(l, o);
	for (int i = 0; i < LOCK_LEVELS; i++)
		if (changed[i])
			lock_pump(l, i);
}

static bool downgrade_name(struct locks *l, struct owner *o, enum lock_level level,
			   const char *name)
{
	struct owner_level *mine = &o->lv[level];
	struct lock *k = mine->names ? map_get(mine->names, name) : NULL;
	struct hold *h = k ? hold_of(&k->holds, o->id) : NULL;

	if (!h || h->mode == LOCK_SHARED)
		return false;
	count(l, o, level, h->mode, false);
	h->mode = LOCK_SHARED;
	count(l, o, level, h->mode, true);
	return true;
}

void locks_downgrade(struct locks *l, int64_t owner, enum lock_level level,
		     const struct strs *names, bool all)
{
	struct owner *o = lock_owner(l, owner);
	bool changed = false;
	const char *name;

	if (!o)
		return;
	if (all) {
		struct owner_level *mine = &o->lv[level];

		if (mine->all == LOCK_EXCLUSIVE) {
			mine->all = LOCK_SHARED;
			hold_of(&l->lv[level].all, owner)->mode = LOCK_SHARED;
			changed = true;
		}
		for (size_t pos = 0; mine->names && map_next(mine->names, &pos, &name, NULL);)
			changed |= downgrade_name(l, o, level, name);
	} else {
		for (size_t i = 0; names && i < names->n; i++)
			changed |= downgrade_name(l, o, level, names->v[i]);
	}
	if (changed)
		lock_pump(l, level);
}

bool locks_has(const struct locks *l, int64_t owner, enum lock_level level, const char *name,
	       enum lock_mode mode)
{
	const struct owner *o = lock_owner(l, owner);

	return o && lock_mode_held(o, level, name) >= (int)mode;
}
