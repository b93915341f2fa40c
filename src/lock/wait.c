/*
 * Waiting requests: order, fairness, grants. Each level has a list in the order of service:
 * first those that hold something at the level already ("adders"), then by priority (aged) and
 * arrival.
 */
#include "src/lock/priv.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

void lock_waiter_free(struct waiter *w)
{
	if (w)
		arena_free(w->a);
}

static int64_t urgency(const struct waiter *w)
{
	return (int64_t)w->priority - w->passed / LOCK_AGE_STEP;
}

static bool before(const struct waiter *x, const struct waiter *y)
{
	if (x->adder != y->adder)
		return x->adder;
	if (!x->adder && urgency(x) != urgency(y))
		return urgency(x) < urgency(y);
	return x->seq < y->seq;
}

/* The list is nearly in order at all times. */
static void sort_waiters(struct level *lv)
{
	for (size_t i = 1; i < lv->n_wait; i++) {
		struct waiter *w = lv->wait[i];
		size_t k = i;

		for (; k > 0 && before(w, lv->wait[k - 1]); k--)
			lv->wait[k] = lv->wait[k - 1];
		lv->wait[k] = w;
	}
}

static void remove_waiter(struct level *lv, const struct waiter *w)
{
	size_t i = 0;

	while (lv->wait[i] != w)
		i++;
	memmove(&lv->wait[i], &lv->wait[i + 1], (lv->n_wait - i - 1) * sizeof(struct waiter *));
	lv->n_wait--;
}

/* --- what blocked requests that come earlier want: later ones may not take it --- */
struct claims {
	int all;                /* strongest mode wanted of everything, 0 = none */
	struct map *names;      /* name -> mode */
	bool shared, exclusive; /* any name in that mode */
};

static bool claims_allow(const struct claims *c, const struct waiter *w, const char *name)
{
	uintptr_t mode;

	if (w->adder || !c->names)
		return true;
	if (c->all && modes_conflict(c->all, w->mode))
		return false;
	if (!name)
		return !c->exclusive && !(c->shared && w->mode == LOCK_EXCLUSIVE);
	mode = (uintptr_t)map_get(c->names, name);
	return !mode || !modes_conflict((enum lock_mode)mode, w->mode);
}

static void claim(struct claims *c, const struct waiter *w)
{
	if (!c->names)
		c->names = map_new();
	if (w->all) {
		if ((int)w->mode > c->all)
			c->all = w->mode;
		return;
	}
	for (size_t i = 0; i < w->names.n; i++) {
		uintptr_t had = (uintptr_t)map_get(c->names, w->names.v[i]);

		if (had < (uintptr_t)w->mode)
			map_put(c->names, w->names.v[i], (void *)(uintptr_t)w->mode);
	}
	if (w->mode == LOCK_SHARED)
		c->shared = true;
	else
		c->exclusive = true;
}

static bool may_take(const struct locks *l, const struct claims *c, const struct waiter *w,
		     const char *name)
{
	return claims_allow(c, w, name) && lock_name_free(l, w->owner, w->level, name, w->mode);
}

/* Take what W asks for, if possible now. */
static bool try_grant(struct locks *l, const struct claims *c, struct waiter *w)
{
	if (w->all) {
		if (!may_take(l, c, w, NULL))
			return false;
		lock_take(l, w->owner, w->level, NULL, w->mode);
		return true;
	}
	w->got = (struct strs){ NULL, 0 };
	for (size_t i = 0; i < w->names.n; i++) {
		if (may_take(l, c, w, w->names.v[i]))
			strs_add(w->a, &w->got, w->names.v[i]);
		else if (!w->opportunistic)
			return false;
	}
	if (w->opportunistic && w->got.n < w->opportunistic_min)
		return false;
	for (size_t i = 0; i < w->got.n; i++)
		lock_take(l, w->owner, w->level, w->got.v[i], w->mode);
	return true;
}

static bool wants_conflict(const struct waiter *x, const struct waiter *y)
{
	if (!modes_conflict(x->mode, y->mode))
		return false;
	if (x->all || y->all)
		return true;
	for (size_t i = 0, k = 0; i < x->names.n && k < y->names.n;) {
		int d = strcmp(x->names.v[i], y->names.v[k]);

		if (d == 0)
			return true;
		if (d < 0)
			i++;
		else
			k++;
	}
	return false;
}

static void tell(struct locks *l)
{
	if (l->telling)
		return;
	l->telling = true;
	while (l->grants) {
		struct waiter *w = l->grants;
		struct owner *o;

		l->grants = w->next;
		if (!l->grants)
			l->grants_end = &l->grants;
		w->fn(w->id, &w->got, w->arg);
		o = lock_owner(l, w->id);
		if (o)
			lock_owner_drop(l, o); /* it asked for nothing and got it */
		lock_waiter_free(w);
	}
	l->telling = false;
}

/* W is about to be granted: those served later although they came earlier. True when one of them is a step more
 * urgent now. */
static bool count_passed(struct level *lv, size_t at, const struct waiter *w)
{
	bool aged = false;

	for (size_t k = at + 1; k < lv->n_wait; k++)
		if (lv->wait[k]->seq < w->seq && wants_conflict(lv->wait[k], w))
			aged |= ++lv->wait[k]->passed % LOCK_AGE_STEP == 0;
	return aged;
}

/* Once through the list. True when its order may have changed meanwhile. */
static bool pump_once(struct locks *l, enum lock_level level)
{
	struct level *lv = &l->lv[level];
	struct claims c = { 0, NULL, false, false };
	bool aged = false;

	sort_waiters(lv);
	for (size_t i = 0; i < lv->n_wait;) {
		struct waiter *w = lv->wait[i];

		if (!try_grant(l, &c, w)) {
			claim(&c, w);
			i++;
			continue;
		}
		aged |= count_passed(lv, i, w);
		remove_waiter(lv, w);
		w->owner->wait = NULL;
		w->next = NULL;
		*l->grants_end = w;
		l->grants_end = &w->next;
	}
	map_free(c.names, NULL);
	return aged;
}

void lock_pump(struct locks *l, enum lock_level level)
{
	while (pump_once(l, level))
		continue;
	tell(l);
}

/* --- circles among owners that add to a level they hold --- */
struct search {
	const struct locks *l;
	int64_t target;
	struct holds seen; /* owners looked at or to be looked at */
};

static void add_blockers(struct search *s, const struct waiter *w)
{
	if (w->all) {
		lock_blockers(s->l, w->owner, w->level, NULL, w->mode, &s->seen);
		return;
	}
	for (size_t i = 0; i < w->names.n; i++)
		lock_blockers(s->l, w->owner, w->level, w->names.v[i], w->mode, &s->seen);
}

static bool makes_circle(const struct locks *l, const struct waiter *w)
{
	struct search s = { l, w->id, { NULL, 0, 0 } };
	bool found = false;

	if (w->opportunistic && w->opportunistic_min == 0)
		return false;
	add_blockers(&s, w);
	for (size_t i = 0; i < s.seen.n && !found; i++) {
		const struct owner *o = lock_owner(l, s.seen.v[i].owner);

		found = o->id == s.target;
		if (!found && o->wait && o->wait->level == w->level)
			add_blockers(&s, o->wait);
	}
	free(s.seen.v);
	return found;
}

/* What comes from another process is refused, not asserted. */
static int check_order(const struct owner *o, enum lock_level level, struct err *e)
{
	if (o->wait)
		return err_set(e, LockError, NULL, "Job %" PRId64 " waits for a lock already",
			       o->id);
	for (int i = level + 1; i < LOCK_LEVELS; i++)
		if (lock_owner_holds(o, i))
			return err_set(e, LockError, NULL,
				       "Job %" PRId64
				       " holds locks at level '%s' and can't ask for '%s'"
				       " any more",
				       o->id, lock_level_name(i), lock_level_name(level));
	return 0;
}

int locks_ask(struct locks *l, const struct lock_req *req,
	      void (*granted)(int64_t owner, const struct strs *names, void *arg), void *arg,
	      struct err *e)
{
	struct owner *o = lock_owner_make(l, req->owner);
	struct level *lv = &l->lv[req->level];
	struct arena *a = arena_new();
	struct waiter *w = ARENA_NEW(a, struct waiter);

	assert(!(req->all && req->opportunistic));
	if (check_order(o, req->level, e) < 0) {
		lock_owner_drop(l, o);
		arena_free(a);
		return -1;
	}
	*w = (struct waiter){ .owner = o,
			      .id = o->id,
			      .priority = req->priority,
			      .level = req->level,
			      .mode = req->mode,
			      .all = req->all,
			      .opportunistic = req->opportunistic,
			      .opportunistic_min = req->opportunistic_min,
			      .a = a,
			      .adder = lock_owner_holds(o, req->level),
			      .seq = l->seq++,
			      .fn = granted,
			      .arg = arg };
	for (size_t i = 0; !req->all && i < req->names.n; i++)
		strs_add(a, &w->names, arena_strdup(a, req->names.v[i]));
	strs_sort(&w->names);
	strs_uniq(&w->names);
	if (w->adder && makes_circle(l, w)) {
		lock_waiter_free(w);
		return err_set(e, LockError, NULL,
			       "Job %" PRId64 " would wait for itself at level '%s'", req->owner,
			       lock_level_name(req->level));
	}
	o->wait = w;
	GROW(lv->wait, lv->n_wait, lv->cap_wait);
	lv->wait[lv->n_wait++] = w;
	lock_pump(l, req->level);
	return 0;
}

bool locks_waiting(const struct locks *l, int64_t owner)
{
	const struct owner *o = lock_owner(l, owner);

	return o && o->wait;
}

/* A grant whose owner was not told yet is forgotten; what was taken stays held. */
static void forget_grant(struct locks *l, int64_t owner)
{
	for (struct waiter **p = &l->grants; *p; p = &(*p)->next) {
		struct waiter *w = *p;

		if (w->id != owner)
			continue;
		*p = w->next;
		if (!*p)
			l->grants_end = p;
		lock_waiter_free(w);
		return;
	}
}

void locks_withdraw(struct locks *l, int64_t owner)
{
	struct owner *o = lock_owner(l, owner);
	struct waiter *w = o ? o->wait : NULL;
	enum lock_level level;

	forget_grant(l, owner);
	if (!w)
		return;
	level = w->level;
	remove_waiter(&l->lv[level], w);
	o->wait = NULL;
	lock_waiter_free(w);
	lock_owner_drop(l, o);
	lock_pump(l, level);
}

void locks_set_priority(struct locks *l, int64_t owner, int priority)
{
	struct owner *o = lock_owner(l, owner);

	if (!o || !o->wait || o->wait->priority == priority)
		return;
	o->wait->priority = priority;
	lock_pump(l, o->wait->level);
}

/* --- what a request waits for --- */
#define WHY_MAX 8 /* of each kind; who asks wants to read it */

/* [name, [[owner, mode], ...]] when others hold it. */
static json *held_by(const struct locks *l, const struct waiter *w, const char *name)
{
	struct holds v = { NULL, 0, 0 };
	json *owners = NULL;

	lock_blockers(l, w->owner, w->level, name, w->mode, &v);
	if (v.n) {
		owners = json_new_array();
		for (size_t i = 0; i < v.n && i < WHY_MAX; i++)
			json_append(owners, json_pack("[I, s]", v.v[i].owner, lock_mode_name(v.v[i].mode)));
		owners = json_pack("[s, o]", name, owners);
	}
	free(v.v);
	return owners;
}

/* Requests that are served first and want some of the same. */
static json *served_before(const struct locks *l, const struct waiter *w)
{
	const struct level *lv = &l->lv[w->level];
	json *ids = json_new_array();

	for (size_t i = 0; i < lv->n_wait && lv->wait[i] != w && json_len(ids) < WHY_MAX; i++)
		if (!w->adder && wants_conflict(lv->wait[i], w))
			json_append(ids, json_new_int(lv->wait[i]->id));
	return ids;
}

json *locks_why(const struct locks *l, int64_t owner)
{
	const struct owner *o = lock_owner(l, owner);
	const struct waiter *w = o ? o->wait : NULL;
	size_t n = w && !w->all ? w->names.n : 1;
	json *blocked;

	if (!w)
		return NULL;
	blocked = json_new_array();
	for (size_t i = 0; i < n && json_len(blocked) < WHY_MAX; i++) {
		json *held = held_by(l, w, w->all ? NULL : w->names.v[i]);

		if (held)
			json_append(blocked, held);
	}
	return json_pack("{s:s, s:s, s:o, s:o}", "level", lock_level_name(w->level), "mode",
			 lock_mode_name(w->mode), "held", blocked, "behind", served_before(l, w));
}
