/*
 * The jobs in memory that wait to be started, so that a look at what may start does not grow with those that can't.
 * One is either to be looked at (m->ready), or blocked by something that has a name: then nobody looks before
 * that changes.
 */
#include "daemons/masterd/masterd.h"

#include <stdio.h>
#include <string.h>

struct blocked {
	char *key; /* kind and name of what they wait for */
	struct mjob *first;
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

void ready_drop(struct mjob *j)
{
	struct blocked *b = STEAL(j->blocked);

	if (!j->ready_prev)
		return;
	*j->ready_prev = j->ready_next;
	if (j->ready_next)
		j->ready_next->ready_prev = j->ready_prev;
	j->ready_prev = NULL;
	if (b && !b->first)
		blocked_free(j->m, b);
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
	ready_drop(j);
	link_to(j, &b->first);
	j->blocked = b;
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
