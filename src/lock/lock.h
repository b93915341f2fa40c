/*
 * The lock manager: pure, no I/O, no clock. Levels and names as upstream:
 * cluster < instance < node-alloc < nodegroup < node < node-res < network.
 * A request is for a set of names of one level (or all of them) in one mode; it is granted as a
 * whole, in order of priority then arrival; nobody is starved. See README.
 */
#ifndef SRC_LOCK_LOCK_H
#define SRC_LOCK_LOCK_H
#include "src/schema/schema.h"

enum lock_level {
	LOCK_CLUSTER,
	LOCK_INSTANCE,
	LOCK_NODE_ALLOC,
	LOCK_NODEGROUP,
	LOCK_NODE,
	LOCK_NODE_RES,
	LOCK_NETWORK,
	LOCK_LEVELS
};
enum lock_mode { LOCK_SHARED = 1, LOCK_EXCLUSIVE = 2 };
const char *lock_level_name(enum lock_level l); /* "cluster", "instance", "node-alloc", ... */
int lock_level_find(const char *name);          /* -1 when unknown */
const char *lock_mode_name(enum lock_mode m);   /* "shared", "exclusive" */

struct locks;
struct locks *locks_new(void);
void locks_free(struct locks *l);

/*
 * Ask: OWNER (a job id) wants NAMES (n = 0 and all = true: every name of the level, present and
 * future) in MODE. GRANTED is called once, now or later, out of a locks_*() call, when all are
 * held; its NAMES are those asked for, or those taken by an opportunistic request.
 * Refused with LockError (-1, nothing queued): a second request while one waits, and a level below
 * one already held (upstream's lock order). Adding to a level already held is allowed, and is the
 * one way to a deadlock: a request that would make one is refused too.
 * Names already held (in that mode or a stronger one) are granted again at no cost.
 */
struct lock_req {
	int64_t owner;
	int priority; /* smaller is more urgent, as opcode priorities */
	enum lock_level level;
	enum lock_mode mode;
	struct strs names;
	bool all;
	bool opportunistic; /* take what is free at once, at least OPPORTUNISTIC_MIN, else wait */
	size_t opportunistic_min;
};
int locks_ask(struct locks *l, const struct lock_req *req,
	      void (*granted)(int64_t owner, const struct strs *names, void *arg), void *arg,
	      struct err *e);
bool locks_waiting(const struct locks *l, int64_t owner);
void locks_withdraw(struct locks *l, int64_t owner); /* the waiting request */
void locks_set_priority(struct locks *l, int64_t owner, int priority);
/* Give back names (n = 0 and all: the whole level). */
void locks_release(struct locks *l, int64_t owner, enum lock_level level, const struct strs *names,
		   bool all);
/* Give back all of a level but NAMES; after "all" was held only these stay (in its mode). */
void locks_keep(struct locks *l, int64_t owner, enum lock_level level, const struct strs *names);
void locks_release_all(struct locks *l, int64_t owner); /* held and waiting */
/* Exclusive becomes shared: NAMES, or with n = 0 and all everything held at the level. */
void locks_downgrade(struct locks *l, int64_t owner, enum lock_level level,
		     const struct strs *names, bool all);
/* Does OWNER hold NAME (itself or through all) in MODE or a stronger one? */
bool locks_has(const struct locks *l, int64_t owner, enum lock_level level, const char *name,
	       enum lock_mode mode);

/* For gnt-debug locks and `query lock`, sorted by name: list of {name: "node/<name>" or
 * "node/[lockset]", mode: "shared"/"exclusive"/null, owner: [id, ...], pending: [[mode, [id,
 * ...]], ...]}. */
json *locks_dump(const struct locks *l);
/* What OWNER's request waits for: {level, mode, held: [[name (null: all of the level), [[owner, mode], ...]], ...],
 * behind: [owners of requests that are served first]}, the first few of each; NULL when it waits for none. */
json *locks_why(const struct locks *l, int64_t owner);
/* Held locks by owner, for saving with the job and restoring after a restart:
 * {level: {all: mode or null, names: {name: mode}}}. */
json *locks_held(const struct locks *l, int64_t owner);
int locks_restore(struct locks *l, int64_t owner, const json *held, struct err *e);

#endif
