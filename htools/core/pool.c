/*
 * Pools: instances with the same tag that are to stay apart, or together, by the failure domain of their primary
 * nodes. The rules are tags of the cluster:
 *	htools:antiaffinity:KIND:WORD		htools:affinity:KIND:WORD
 *	htools:soft-antiaffinity:KIND:WORD	htools:soft-affinity:KIND:WORD	(part of the score, no limits)
 * KIND is one of htools:nlocation:KIND, its domains the nodes with the same tag KIND:NAME; or "node" or "group": each of
 * these is one.
 * A pool is a tag of instances that is WORD or begins with WORD and a colon, for each rule it is named by.
 */
#include "htools/core/htools.h"

#include <string.h>

static const struct form {
	const char *tag;
	bool together, soft;
} forms[] = {
	{ "htools:antiaffinity:", false, false },
	{ "htools:affinity:", true, false },
	{ "htools:soft-antiaffinity:", false, true },
	{ "htools:soft-affinity:", true, true },
};

enum { KIND_NODE, KIND_GROUP, KIND_OTHER };
struct rule {
	bool together, soft;
	int kind;
	const char *word;
};
struct pool {
	const char *tag;
	bool together, soft;
	int kind;
	int *count; /* primaries, by domain */
	int total;
};
struct ht_pools {
	struct rule *rules;
	const char **kinds; /* the first are KIND_... */
	int *n_domains;     /* by kind */
	int n_rules, n_kinds;
	bool have[2];       /* hard, soft rules */
	struct pool *v;
	int n, cap;
	struct map *ids;    /* what a pool is known by -> number + 1 */
};

static int kind_of(const struct ht_pools *p, const char *text, size_t len)
{
	for (int k = 0; k < p->n_kinds; k++)
		if (strlen(p->kinds[k]) == len && strncmp(p->kinds[k], text, len) == 0)
			return k;
	return -1;
}

static void add_rule(struct ht_cluster *c, struct ht_pools *p, const char *text, const struct form *f)
{
	const char *colon = strchr(text, ':');
	int kind = colon ? kind_of(p, text, (size_t)(colon - text)) : -1;

	if (kind < 0 || !colon[1])
		return;
	p->rules[p->n_rules++] = (struct rule){ .together = f->together, .soft = f->soft, .kind = kind,
						.word = arena_strdup(c->a, colon + 1) };
	p->have[f->soft] = true;
}

/* Domains of KIND are the tags of nodes, numbered as they are met. */
static void find_domains(struct ht_cluster *c, struct ht_pools *p, int kind)
{
	struct map *seen = map_new();

	for (int i = 0; i < c->n_nodes; i++) {
		struct ht_node *n = &c->nodes[i];

		for (size_t t = 0; t < n->ntags.n && kind >= KIND_OTHER; t++) {
			const char *tag = n->ntags.v[t];
			size_t len = strlen(p->kinds[kind]);

			if (strncmp(tag, p->kinds[kind], len) != 0 || tag[len] != ':')
				continue;
			if (!map_has(seen, tag))
				map_put(seen, tag, (void *)(intptr_t)map_count(seen));
			ht_set_add(&n->domains[kind], (int)(intptr_t)map_get(seen, tag));
		}
		if (kind < KIND_OTHER)
			ht_set_add(&n->domains[kind], kind == KIND_NODE ? i : n->group);
	}
	p->n_domains[kind] = kind == KIND_NODE ? c->n_nodes : kind == KIND_GROUP ? c->n_groups : (int)map_count(seen);
	map_free(seen, NULL);
}

static const struct form *form_of(const char *tag)
{
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		if (str_starts(tag, forms[i].tag))
			return &forms[i];
	return NULL;
}

void ht_pools_init(struct ht_cluster *c)
{
	size_t max = c->tags.n + KIND_OTHER;
	struct ht_pools *p;
	bool any = false;

	for (size_t i = 0; i < c->tags.n; i++)
		any = any || form_of(c->tags.v[i]);
	if (!any)
		return;
	p = xcalloc(1, sizeof(*p));
	p->kinds = ARENA_ARRAY(c->a, const char *, max);
	p->n_domains = ARENA_ARRAY(c->a, int, max);
	p->rules = ARENA_ARRAY(c->a, struct rule, max);
	p->ids = map_new();
	p->kinds[p->n_kinds++] = "node";
	p->kinds[p->n_kinds++] = "group";
	for (size_t i = 0; i < c->tags.n; i++) {
		const char *kind = c->tags.v[i] + strlen(HT_TAG_LOCATION);

		if (str_starts(c->tags.v[i], HT_TAG_LOCATION) && *kind && kind_of(p, kind, strlen(kind)) < 0)
			p->kinds[p->n_kinds++] = arena_strdup(c->a, kind);
	}
	for (size_t i = 0; i < c->tags.n; i++) {
		const struct form *f = form_of(c->tags.v[i]);

		if (f)
			add_rule(c, p, c->tags.v[i] + strlen(f->tag), f);
	}
	c->pools = p;
	for (int i = 0; i < c->n_nodes; i++) {
		c->nodes[i].pools = p;
		c->nodes[i].domains = xcalloc((size_t)p->n_kinds, sizeof(*c->nodes[i].domains));
	}
	for (int k = 0; k < p->n_kinds; k++)
		find_domains(c, p, k);
}

void ht_pools_free(struct ht_cluster *c)
{
	struct ht_pools *p = c->pools;

	if (!p)
		return;
	for (int i = 0; i < c->n_nodes; i++) {
		for (int k = 0; k < p->n_kinds; k++)
			free(c->nodes[i].domains[k].v);
		free(c->nodes[i].domains);
	}
	for (int i = 0; i < p->n; i++)
		free(p->v[i].count);
	free(p->v);
	map_free(p->ids, NULL);
	free(p);
}

/* The pool of TAG by rule R. */
static int pool_of(struct ht_cluster *c, const struct rule *r, const char *tag)
{
	struct ht_pools *p = c->pools;
	const char *key = arena_printf(c->a, "%d:%d:%d:%s", r->together, r->soft, r->kind, tag);
	intptr_t id = (intptr_t)map_get(p->ids, key);

	if (id > 0)
		return (int)id - 1;
	GROW(p->v, p->n, p->cap);
	p->v[p->n++] = (struct pool){ .tag = arena_strdup(c->a, tag), .together = r->together, .soft = r->soft, .kind = r->kind,
				      .count = xcalloc((size_t)p->n_domains[r->kind] + 1, sizeof(int)) };
	map_put(p->ids, key, (void *)(intptr_t)p->n);
	return p->n - 1;
}

void ht_pools_of(struct ht_cluster *c, struct ht_inst *i)
{
	const struct ht_pools *p = c->pools;

	i->pools = NULL;
	i->n_pools = 0;
	i->home = NULL;
	if (!p || i->tags.n == 0)
		return;
	i->pools = ARENA_ARRAY(c->a, int, i->tags.n * (size_t)p->n_rules + 1);
	for (size_t t = 0; t < i->tags.n; t++) {
		for (int r = 0; r < p->n_rules; r++) {
			size_t len = strlen(p->rules[r].word);
			const char *tag = i->tags.v[t];
			bool twice = false;
			int id;

			if (strncmp(tag, p->rules[r].word, len) != 0 || (tag[len] && tag[len] != ':'))
				continue;
			id = pool_of(c, &p->rules[r], tag);
			for (int k = 0; k < i->n_pools; k++)
				twice = twice || i->pools[k] == id;
			if (!twice)
				i->pools[i->n_pools++] = id;
		}
	}
}

void ht_pool_count(struct ht_cluster *c, int pool, const struct ht_set *domains, int sign)
{
	struct pool *p = &c->pools->v[pool];
	const struct ht_set *d = &domains[p->kind];

	for (int k = 0; k < d->n; k++)
		p->count[d->v[k]] += sign;
	p->total += sign;
}

bool ht_pools_have(const struct ht_cluster *c, bool soft)
{
	return c->pools && c->pools->have[soft];
}

/* Others of pool P that I meets in DOMAINS, or, where they are to be together, does not meet. In several domains of a kind
 * they may be met more than once; soft rules take the sum, which is that of pairs, hard ones the best of several. */
static int64_t violated(const struct pool *p, const struct ht_inst *i, const struct ht_set *domains)
{
	const struct ht_set *d = &domains[p->kind], *home = i->home ? &i->home[p->kind] : NULL;
	int64_t met = 0, most = 0;

	for (int k = 0; k < d->n; k++) {
		const struct ht_set one = { .v = &d->v[k], .n = 1 };
		int64_t n = p->count[d->v[k]] - (home ? ht_set_common(&one, home) : 0);

		met += n;
		most = n > most ? n : most;
	}
	return p->together ? p->total - (home != NULL) - (p->soft ? met : most) : met;
}

static int64_t all_violated(const struct ht_pools *p, const struct ht_inst *i, const struct ht_set *domains, bool soft)
{
	int64_t sum = 0;

	for (int k = 0; k < i->n_pools; k++)
		sum += p->v[i->pools[k]].soft == soft ? violated(&p->v[i->pools[k]], i, domains) : 0;
	return sum;
}

/* Is hard pool P a matter of I going to N? Within a group nothing changes for those by groups. */
static bool concerns(const struct pool *p, const struct ht_inst *i, const struct ht_node *n)
{
	return !p->soft && !(p->kind == KIND_GROUP && i->home && i->home[KIND_GROUP].v[0] == n->group);
}

bool ht_pools_refuse(const struct ht_node *n, const struct ht_inst *i)
{
	int64_t there = 0, here = 0;

	if (i->n_pools == 0 || n->domains == i->home)
		return false;
	for (int k = 0; k < i->n_pools; k++) {
		const struct pool *p = &n->pools->v[i->pools[k]];

		if (!concerns(p, i, n))
			continue;
		there += violated(p, i, n->domains);
		here += i->home ? violated(p, i, i->home) : 0;
	}
	return there > 0 && (!i->home || there >= here);
}

int64_t ht_pools_violated(const struct ht_cluster *c, const struct ht_inst *i)
{
	return i->n_pools && i->home ? all_violated(c->pools, i, i->home, false) : 0;
}

bool ht_pools_shared(const struct ht_inst *a, const struct ht_inst *b)
{
	for (int x = 0; x < a->n_pools; x++)
		for (int y = 0; y < b->n_pools; y++)
			if (a->pools[x] == b->pools[y])
				return true;
	return false;
}

void ht_pools_together(const struct ht_cluster *c, const struct ht_inst *i, int index, double *by_group)
{
	for (int x = 0; x < c->n_insts && i->n_pools > 0; x++) {
		const struct ht_inst *other = &c->insts[x];

		for (int k = 0; k < other->n_pools && other->home && x != index; k++)
			for (int own = 0; own < i->n_pools; own++)
				if (i->pools[own] == other->pools[k] && c->pools->v[i->pools[own]].together)
					by_group[c->nodes[other->pri].group]++;
	}
}

struct ht_pool_why ht_pools_why(const struct ht_node *n, const struct ht_inst *i)
{
	struct ht_pool_why w = { 0 };

	for (int k = 0; k < i->n_pools && w.n == 0; k++) {
		const struct pool *p = &n->pools->v[i->pools[k]];

		if (concerns(p, i, n))
			w = (struct ht_pool_why){ .tag = p->tag, .kind = n->pools->kinds[p->kind], .together = p->together,
					  .n = violated(p, i, n->domains) };
	}
	return w;
}

int64_t ht_pools_gain(const struct ht_cluster *c, const struct ht_inst *i, int from, int to)
{
	if (i->n_pools == 0 || from == to)
		return 0;
	return all_violated(c->pools, i, c->nodes[to].domains, true) -
	       (from == HT_NONE ? 0 : all_violated(c->pools, i, c->nodes[from].domains, true));
}

/* Pairs of N primaries of pool P that violate it. */
static int64_t pairs_of(const struct ht_pools *pools, const struct pool *p, const int *count, int64_t total)
{
	int64_t met = 0;

	for (int d = 0; d < pools->n_domains[p->kind]; d++)
		met += (int64_t)count[d] * (count[d] - 1) / 2;
	return p->together ? total * (total - 1) / 2 - met : met;
}

/* Pairs of pool K where both are elsewhere. */
static int64_t pairs_elsewhere(const struct ht_cluster *c, int k, const bool *inside)
{
	const struct pool *p = &c->pools->v[k];
	int *count = xcalloc((size_t)c->pools->n_domains[p->kind] + 1, sizeof(*count));
	int64_t total = 0;

	for (int x = 0; x < c->n_insts; x++) {
		const struct ht_inst *i = &c->insts[x];

		for (int j = 0; j < i->n_pools && i->home && !inside[i->pri]; j++) {
			const struct ht_set *d = &i->home[p->kind];

			if (i->pools[j] != k)
				continue;
			for (int y = 0; y < d->n; y++)
				count[d->v[y]]++;
			total++;
		}
	}
	total = pairs_of(c->pools, p, count, total);
	free(count);
	return total;
}

int64_t ht_pools_score(const struct ht_cluster *c, const struct ht_view *v)
{
	int64_t sum = 0;
	bool *inside;

	if (!ht_pools_have(c, true))
		return 0;
	inside = xcalloc((size_t)c->n_nodes + 1, sizeof(*inside));
	for (int k = 0; k < v->n_nodes; k++)
		inside[v->nodes[k]] = true;
	for (int k = 0; k < c->pools->n; k++) {
		const struct pool *p = &c->pools->v[k];

		if (!p->soft || p->total < 2)
			continue;
		sum += pairs_of(c->pools, p, p->count, p->total);
		if (v->n_nodes < c->n_nodes)
			sum -= pairs_elsewhere(c, k, inside);
	}
	free(inside);
	return sum;
}

void ht_pools_clone(struct ht_cluster *to, const struct ht_cluster *c)
{
	if (!c->pools)
		return;
	ht_pools_init(to);
	for (int k = 0; k < to->n_insts; k++) {
		struct ht_inst *i = &to->insts[k];
		bool counted = i->home != NULL;

		ht_pools_of(to, i);
		if (!counted)
			continue;
		i->home = to->nodes[i->pri].domains;
		for (int j = 0; j < i->n_pools; j++)
			ht_pool_count(to, i->pools[j], i->home, 1);
	}
}
