/* Shared inside src/lock. */
#ifndef SRC_LOCK_PRIV_H
#define SRC_LOCK_PRIV_H
#include "lib/base/map.h"
#include "src/lock/lock.h"

#define LOCK_AGE_STEP 4 /* overtakings that count as one step of priority */

struct hold {
	int64_t owner;
	enum lock_mode mode;
};
struct holds {
	struct hold *v;
	size_t n, cap;
};
struct lock { /* of one name; exists while somebody holds it */
	char *name;
	struct holds holds;
};
struct owner_level {
	int all;           /* mode in which every name is held, 0 = not */
	struct map *names; /* name -> struct lock, NULL = none */
	size_t shared, exclusive;
};
struct owner {
	int64_t id;
	struct owner_level lv[LOCK_LEVELS];
	struct waiter *wait;
};
struct waiter {
	struct owner *owner; /* valid while waiting */
	int64_t id;          /* of the owner */
	int priority;
	enum lock_level level;
	enum lock_mode mode;
	bool all, opportunistic;
	size_t opportunistic_min;
	struct strs names; /* sorted, unique, in the arena */
	struct arena *a;
	bool adder;      /* holds something at this level already */
	uint64_t seq;    /* of arrival */
	unsigned passed; /* conflicting later arrivals that were granted first */
	void (*fn)(int64_t owner, const struct strs *names, void *arg);
	void *arg;
	struct strs got;     /* once granted */
	struct waiter *next; /* in the queue of grants */
};
struct level {
	struct map *names;        /* name -> struct lock */
	struct holds all;         /* owners holding every name */
	size_t shared, exclusive; /* holds of names, over all owners */
	struct waiter **wait;     /* in the order they are served */
	size_t n_wait, cap_wait;
};
struct locks {
	struct level lv[LOCK_LEVELS];
	struct map *owners; /* decimal id -> struct owner */
	uint64_t seq;
	struct waiter *grants, **grants_end; /* to be told */
	bool telling;
};

static inline bool modes_conflict(enum lock_mode x, enum lock_mode y)
{
	return x == LOCK_EXCLUSIVE || y == LOCK_EXCLUSIVE;
}

/* --- alloc.c: who holds what --- */
struct owner *lock_owner(const struct locks *l, int64_t id); /* NULL = holds and wants nothing */
struct owner *lock_owner_make(struct locks *l, int64_t id);
void lock_owner_drop(struct locks *l, struct owner *o); /* forget an owner left with nothing */
bool lock_owner_holds(const struct owner *o, enum lock_level level); /* anything at the level */
int lock_mode_held(const struct owner *o, enum lock_level level, const char *name); /* 0 = not */
/* Does another owner's hold forbid O to take NAME (NULL: all) in MODE? */
bool lock_name_free(const struct locks *l, const struct owner *o, enum lock_level level,
		    const char *name, enum lock_mode mode);
void lock_take(struct locks *l, struct owner *o, enum lock_level level, const char *name,
	       enum lock_mode mode); /* NAME NULL: all */
/* The owners that lock_name_free() meant, appended to V. */
void lock_blockers(const struct locks *l, const struct owner *o, enum lock_level level,
		   const char *name, enum lock_mode mode, struct holds *v);

/* --- wait.c --- */
void lock_pump(struct locks *l, enum lock_level level); /* grant what has become possible */
void lock_waiter_free(struct waiter *w);

#endif
