/*
 * The jobs in memory that wait to be started, so that a look at what may start does not grow with those that can't.
 * One is either to be looked at (m->ready), or blocked by something that has a name: then nobody looks before
 * that changes.
 */
#include "daemons/masterd/masterd.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct blocked {
	char *key; /* kind and name of what they wait for */
	struct mjob *first, *last; /* in the order in which they may start */
};

static char *key_for(enum block what, const char *name)
{
	return xasprintf("%d %s", (int)what, name);
}

static void blocked_free(struct master *m, struct blocked *b)
{
	map_del(m->blocked, b->key);
	free(b->key);
	free(b);
}

static struct mjob *before(const struct blocked *b, const struct mjob *j)
{
	return j->ready_prev == &b->first ?
		       NULL :
		       (struct mjob *)((char *)j->ready_prev - offsetof(struct mjob, ready_next));
}

static void unlink_job(struct mjob *j)
{
	struct blocked *b = STEAL(j->blocked);

	if (!j->ready_prev)
		return;
	if (b && b->last == j)
		b->last = before(b, j);
	*j->ready_prev = j->ready_next;
	if (j->ready_next)
		j->ready_next->ready_prev = j->ready_prev;
	j->ready_prev = NULL;
	if (b && !b->first)
		blocked_free(j->m, b);
}

static void let_one(struct master *m, const char *key)
{
	struct blocked *b = map_get(m->blocked, key);
	struct mjob *j = b ? b->first : NULL;

	if (!j)
		return;
	ready_add(j);
	j->place = xstrdup(key);
	jobs_wake(m);
}

/* J does not use the place that it was called for: it is the next one's. */
static void pass_on(struct mjob *j)
{
	char *key CLEANUP(freep) = STEAL(j->place);

	if (key)
		let_one(j->m, key);
}

void ready_drop(struct mjob *j)
{
	unlink_job(j);
	pass_on(j);
}

void ready_start(struct mjob *j)
{
	free(STEAL(j->place));
	unlink_job(j);
}

static void link_to(struct mjob *j, struct mjob **first)
{
	j->ready_next = *first;
	if (j->ready_next)
		j->ready_next->ready_prev = &j->ready_next;
	j->ready_prev = first;
	*first = j;
}

void ready_add(struct mjob *j)
{
	ready_drop(j);
	link_to(j, &j->m->ready);
}

static bool earlier(const struct mjob *x, const struct mjob *y)
{
	int p = job_priority(x->job), q = job_priority(y->job);

	return p != q ? p < q : x->job->id < y->job->id;
}

static void link_in_order(struct mjob *j, struct blocked *b)
{
	struct mjob **at = b->last && !earlier(j, b->last) ? &b->last->ready_next : &b->first;

	while (*at && earlier(*at, j))
		at = &(*at)->ready_next;
	link_to(j, at);
	if (!j->ready_next)
		b->last = j;
	j->blocked = b;
}

void ready_block(struct mjob *j, enum block what, const char *name)
{
	struct master *m = j->m;
	char *key = key_for(what, name);
	struct blocked *b = map_get(m->blocked, key);

	if (!b) {
		b = xcalloc(1, sizeof(*b));
		b->key = STEAL(key);
		map_put(m->blocked, b->key, b);
	}
	free(key);
	if (j->blocked == b)
		return;
	if (str_eq(j->place, b->key)) /* somebody else was quicker */
		free(STEAL(j->place));
	unlink_job(j);
	link_in_order(j, b);
	pass_on(j);
}

static void let_all(struct blocked *b)
{
	/* the last one takes B with it */
	for (bool more = true; more;) {
		more = b->first->ready_next != NULL;
		ready_add(b->first);
	}
}

void ready_changed(struct master *m, enum block what, const char *name)
{
	char *key CLEANUP(freep) = key_for(what, name);
	struct blocked *b = map_get(m->blocked, key);

	if (b)
		let_all(b);
}

void ready_one(struct master *m, enum block what, const char *name)
{
	char *key CLEANUP(freep) = key_for(what, name);

	let_one(m, key);
}

void ready_again(struct master *m)
{
	struct blocked *b;

	for (size_t pos = 0; map_next(m->blocked, &pos, NULL, (void **)&b);)
		let_all(b);
}

void ready_init(struct master *m)
{
	m->blocked = map_new();
}

void ready_free(struct master *m)
{
	map_free(m->blocked, NULL);
}
