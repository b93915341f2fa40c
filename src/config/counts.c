/* How many instances all nodes have: one pass over the links, where a join for each node costs a thousand times more. */
#include "src/config/priv.h"

#include "lib/base/log.h"
#include "lib/base/map.h"

#include <string.h>

struct pair {
	int64_t from, to;
};
struct pairs { /* to be looked up once they are sorted */
	struct pair *v;
	size_t n, cap;
};

struct counting {
	struct db *d;
	struct arena *a;
	struct map *counts;       /* node uuid -> struct node_counts */
	struct pairs instance_of; /* disk -> instance */
	struct pairs primary_of;  /* instance -> its node's entry in `counts` */
	struct pairs here;        /* instances with a disk on the node that is looked at */
};

static int compare(const void *x, const void *y)
{
	const struct pair *a = x, *b = y;

	return (a->from > b->from) - (a->from < b->from);
}

static void sort(struct pairs *p)
{
	if (p->n)
		qsort(p->v, p->n, sizeof(*p->v), compare);
}

static void add(struct pairs *p, int64_t from, int64_t to)
{
	GROW(p->v, p->n, p->cap);
	p->v[p->n++] = (struct pair){ from, to };
}

/* 0 = none */
static int64_t lookup(const struct pairs *p, int64_t from)
{
	struct pair key = { from, 0 }, *found = NULL;

	if (p->n)
		found = bsearch(&key, p->v, p->n, sizeof(*p->v), compare);
	return found ? found->to : 0;
}

static struct node_counts *counts_of(struct counting *k, const char *node)
{
	struct node_counts *c = map_get(k->counts, node);

	if (!c) {
		c = arena_alloc(k->a, sizeof(*c));
		map_put(k->counts, node, c);
	}
	return c;
}

static int disks(struct counting *k, struct err *e)
{
	struct db_stmt *st CLEANUP(db_finish) = NULL;
	int rc = db_query(k->d, &st, e,
			  "SELECT o.id, l.owner FROM link l CROSS JOIN object o ON o.uuid = l.value WHERE l.role = ?",
			  "i", (int)LINK_DISK);

	while (rc >= 0 && (rc = db_step(st, e)) == 1)
		add(&k->instance_of, db_int(st, 0), db_int(st, 1));
	sort(&k->instance_of);
	return rc;
}

static int primaries(struct counting *k, struct err *e)
{
	struct db_stmt *st CLEANUP(db_finish) = NULL;
	int rc = db_query(k->d, &st, e, "SELECT value, owner FROM link WHERE role = ?", "i", (int)LINK_PRIMARY);

	while (rc >= 0 && (rc = db_step(st, e)) == 1) {
		struct node_counts *c = counts_of(k, db_text(st, 0));

		c->primaries++;
		add(&k->primary_of, db_int(st, 1), (int64_t)(intptr_t)c);
	}
	sort(&k->primary_of);
	return rc;
}

/* Several disks of an instance count once. */
static void count_here(struct counting *k, const char *node)
{
	sort(&k->here);
	for (size_t i = 0; i < k->here.n; i++)
		if (!i || k->here.v[i].from != k->here.v[i - 1].from)
			counts_of(k, node)->secondaries++;
	k->here.n = 0;
}

static int secondaries(struct counting *k, struct err *e)
{
	struct db_stmt *st CLEANUP(db_finish) = NULL;
	char *node CLEANUP(freep) = NULL;
	int rc = db_query(k->d, &st, e, "SELECT value, owner FROM link WHERE role = ? ORDER BY value", "i",
			  (int)LINK_DISK_NODE);

	while (rc >= 0 && (rc = db_step(st, e)) == 1) {
		int64_t inst = lookup(&k->instance_of, db_int(st, 1));

		if (!str_eq(node, db_text(st, 0))) {
			if (node)
				count_here(k, node);
			free(node);
			node = xstrdup(db_text(st, 0));
		}
		if (inst && lookup(&k->primary_of, inst) != (int64_t)(intptr_t)map_get(k->counts, node))
			add(&k->here, inst, 0);
	}
	if (node)
		count_here(k, node);
	return rc;
}

struct map *node_counts_read(struct db *d, struct arena *a)
{
	struct counting k = { .d = d, .a = a, .counts = map_new() };
	struct err e CLEANUP(err_clear) = ERR_NONE;

	if (disks(&k, &e) < 0 || primaries(&k, &e) < 0 || secondaries(&k, &e) < 0)
		log_error("Can't read the configuration: %s", err_msg(&e));
	free(k.instance_of.v);
	free(k.primary_of.v);
	free(k.here.v);
	return k.counts;
}
