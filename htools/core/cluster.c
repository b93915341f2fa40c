/* The records, changes that stay, and the way back from them. */
#include "htools/core/htools.h"

#include <string.h>

const struct ht_policy ht_policy_default = {
	.minmax = (struct ht_minmax[]){ {
		.min = { .mem = 128, .cpus = 1, .disk = 1024, .disks = 1, .nics = 1, .spindles = 1 },
		.max = { .mem = 32768, .cpus = 8, .disk = 1024 * 1024, .disks = 16, .nics = 8, .spindles = 12 },
	} },
	.n_minmax = 1,
	.std = { .mem = 128, .cpus = 1, .disk = 1024, .disks = 1, .nics = 1, .spindles = 1 },
	.templates = (enum disk_template[]){
		disk_template_diskless, disk_template_file, disk_template_sharedfile, disk_template_plain,
		disk_template_blockdev, disk_template_drbd, disk_template_rbd, disk_template_ext,
		disk_template_gluster,
	},
	.n_templates = 9,
	.vcpu_ratio = 4.0,
	.spindle_ratio = 32.0,
	.memory_ratio = 1.0,
};

/* --- the journal --- */

struct entry {
	enum { ENTRY_NODE, ENTRY_INST, ENTRY_NEW, ENTRY_POOL } kind;
	int index;
	union {
		struct ht_node node; /* with lists of its own */
		struct ht_inst inst;
		struct {
			const struct ht_set *domains;
			int sign;
		} pool;
	};
};
struct ht_journal {
	struct entry *v;
	size_t n, cap;
	int depth;
	uint64_t mark;        /* number of the innermost mark */
	uint64_t *node_saved; /* for which mark */
	uint64_t *inst_saved;
	int cap_nodes, cap_insts;
};

static void copy_lists(struct ht_node *to, const struct ht_node *from)
{
	ht_list_copy(&to->pri, &from->pri);
	ht_list_copy(&to->sec, &from->sec);
#define COPY(field)                                                                            \
	do {                                                                                   \
		to->field.v = NULL;                                                            \
		to->field.cap = from->field.n;                                                 \
		if (from->field.n) {                                                           \
			to->field.v = xcalloc((size_t)from->field.n, sizeof(*to->field.v));    \
			memcpy(to->field.v, from->field.v, (size_t)from->field.n * sizeof(*to->field.v)); \
		}                                                                              \
	} while (0)
	COPY(tags);
	COPY(pairs);
	COPY(peers);
#undef COPY
}

static void free_lists(struct ht_node *n)
{
	free(n->pri.v);
	free(n->sec.v);
	free(n->tags.v);
	free(n->pairs.v);
	free(n->peers.v);
}

static struct entry *log_entry(struct ht_journal *j)
{
	GROW(j->v, j->n, j->cap);
	return &j->v[j->n++];
}

/* Room in the array of saved marks for COUNT objects. */
static void room(uint64_t **v, int *cap, int count)
{
	if (count <= *cap)
		return;
	*v = xrealloc(*v, (size_t)count, sizeof(**v));
	memset(*v + *cap, 0, (size_t)(count - *cap) * sizeof(**v));
	*cap = count;
}

void ht_touch_node(struct ht_cluster *c, int node)
{
	struct ht_journal *j = c->journal;
	struct entry *x;

	if (j->depth == 0)
		return;
	room(&j->node_saved, &j->cap_nodes, c->n_nodes);
	if (j->node_saved[node] == j->mark)
		return;
	j->node_saved[node] = j->mark;
	x = log_entry(j);
	x->kind = ENTRY_NODE;
	x->index = node;
	x->node = c->nodes[node];
	copy_lists(&x->node, &c->nodes[node]);
}

void ht_touch_inst(struct ht_cluster *c, int inst)
{
	struct ht_journal *j = c->journal;
	struct entry *x;

	if (j->depth == 0)
		return;
	room(&j->inst_saved, &j->cap_insts, c->cap_insts);
	if (j->inst_saved[inst] == j->mark)
		return;
	j->inst_saved[inst] = j->mark;
	x = log_entry(j);
	x->kind = ENTRY_INST;
	x->index = inst;
	x->inst = c->insts[inst];
}

size_t ht_mark(struct ht_cluster *c)
{
	c->journal->depth++;
	c->journal->mark++;
	return c->journal->n;
}

void ht_rollback(struct ht_cluster *c, size_t mark)
{
	struct ht_journal *j = c->journal;

	while (j->n > mark) {
		struct entry *x = &j->v[--j->n];

		switch (x->kind) {
		case ENTRY_NODE:
			free_lists(&c->nodes[x->index]);
			c->nodes[x->index] = x->node;
			break;
		case ENTRY_INST:
			c->insts[x->index] = x->inst;
			break;
		case ENTRY_NEW:
			c->n_insts--;
			free(c->insts[x->index].excl.v);
			free(c->insts[x->index].wanted.v);
			break;
		case ENTRY_POOL:
			ht_pool_count(c, x->index, x->pool.domains, -x->pool.sign);
			break;
		}
	}
	j->depth--;
	j->mark++; /* what an outer mark saved may have been saved again since */
}

void ht_commit(struct ht_cluster *c, size_t mark)
{
	struct ht_journal *j = c->journal;

	j->mark++;
	if (--j->depth > 0)
		return;
	while (j->n > mark)
		if (j->v[--j->n].kind == ENTRY_NODE)
			free_lists(&j->v[j->n].node);
}

/* --- the cluster --- */

struct ht_cluster *ht_cluster_new(void)
{
	struct ht_cluster *c = xcalloc(1, sizeof(*c));

	c->a = arena_new();
	c->names = map_new();
	c->policy = ht_policy_default;
	c->journal = xcalloc(1, sizeof(*c->journal));
	return c;
}

void ht_cluster_free(struct ht_cluster *c)
{
	if (!c)
		return;
	while (c->journal->n > 0)
		if (c->journal->v[--c->journal->n].kind == ENTRY_NODE)
			free_lists(&c->journal->v[c->journal->n].node);
	ht_pools_free(c);
	for (int i = 0; i < c->n_nodes; i++) {
		free_lists(&c->nodes[i]);
		free(c->nodes[i].mig.v);
		free(c->nodes[i].rmig.v);
		free(c->nodes[i].loc.v);
	}
	for (int i = 0; i < c->n_insts; i++) {
		free(c->insts[i].excl.v);
		free(c->insts[i].wanted.v);
	}
	free(c->journal->v);
	free(c->journal->node_saved);
	free(c->journal->inst_saved);
	free(c->journal);
	free(c->groups);
	free(c->nodes);
	free(c->insts);
	map_free(c->names, NULL);
	arena_free(c->a);
	free(c);
}

void ht_cluster_freep(struct ht_cluster **c)
{
	ht_cluster_free(*c);
	*c = NULL;
}

int ht_tag_id(struct ht_cluster *c, const char *tag)
{
	intptr_t id = (intptr_t)map_get(c->names, tag);

	if (id == 0) {
		id = (intptr_t)map_count(c->names) + 1;
		map_put(c->names, tag, (void *)id);
	}
	return (int)id - 1;
}

/* Arrays that grow by doubling: full whenever the count is a power of two. */
static void *grow(void *v, int n, size_t size)
{
	if (n == 0 || (n & (n - 1)) == 0)
		v = xrealloc(v, n ? (size_t)n * 2 : 1, size);
	memset((char *)v + (size_t)n * size, 0, size);
	return v;
}

struct ht_group *ht_add_group(struct ht_cluster *c, const char *name, const char *uuid)
{
	struct ht_group *g;

	c->groups = grow(c->groups, c->n_groups, sizeof(*c->groups));
	g = &c->groups[c->n_groups++];
	g->name = arena_strdup(c->a, name);
	g->uuid = arena_strdup(c->a, uuid);
	g->policy = ht_policy_default;
	return g;
}

struct ht_node *ht_add_node(struct ht_cluster *c, const char *name)
{
	struct ht_node *n;

	c->nodes = grow(c->nodes, c->n_nodes, sizeof(*c->nodes));
	n = &c->nodes[c->n_nodes++];
	n->name = n->alias = arena_strdup(c->a, name);
	n->cpu_speed = 1;
	return n;
}

struct ht_inst *ht_add_inst(struct ht_cluster *c, const char *name)
{
	struct ht_inst *i;

	if (c->n_insts == c->cap_insts) {
		c->cap_insts = c->cap_insts ? c->cap_insts * 2 : 16;
		c->insts = xrealloc(c->insts, (size_t)c->cap_insts, sizeof(*c->insts));
	}
	i = &c->insts[c->n_insts++];
	memset(i, 0, sizeof(*i));
	i->name = i->alias = arena_strdup(c->a, name);
	i->pri = i->sec = HT_NONE;
	i->util = (struct ht_util){ 1, 1, 1, 1 };
	return i;
}

int ht_new_inst(struct ht_cluster *c, const struct ht_inst *from, const char *name)
{
	struct ht_inst copy = *from;
	struct ht_inst *i = ht_add_inst(c, name);
	int index = c->n_insts - 1;
	const char *kept = i->name;

	*i = copy;
	i->name = i->alias = kept;
	i->pri = i->sec = HT_NONE;
	i->home = NULL;
	ht_list_copy(&i->excl, &copy.excl);
	i->wanted = (struct ht_set){ NULL, 0, 0 };
	for (int k = 0; k < copy.wanted.n; k++)
		ht_set_add(&i->wanted, copy.wanted.v[k]);
	if (c->journal->depth > 0) {
		struct entry *x = log_entry(c->journal);

		x->kind = ENTRY_NEW;
		x->index = index;
	}
	return index;
}

/* --- finding --- */

int ht_find_node(const struct ht_cluster *c, const char *name)
{
	for (int i = 0; i < c->n_nodes; i++)
		if (strcmp(c->nodes[i].name, name) == 0 || strcmp(c->nodes[i].alias, name) == 0)
			return i;
	return HT_NONE;
}

int ht_find_inst(const struct ht_cluster *c, const char *name)
{
	for (int i = 0; i < c->n_insts; i++)
		if (strcmp(c->insts[i].name, name) == 0 || strcmp(c->insts[i].alias, name) == 0)
			return i;
	return HT_NONE;
}

int ht_find_group(const struct ht_cluster *c, const char *name)
{
	int found = HT_NONE;

	for (int i = 0; i < c->n_groups; i++) {
		if (strcmp(c->groups[i].name, name) != 0 && strcmp(c->groups[i].uuid, name) != 0)
			continue;
		if (found != HT_NONE)
			return -2;
		found = i;
	}
	return found;
}

/* How well TEXT names NAME: 2 exactly, 1 up to a dot, 0 not. */
static int match(const char *name, const char *text)
{
	size_t n = strlen(text);

	if (strncmp(name, text, n) != 0)
		return 0;
	return name[n] == '\0' ? 2 : name[n] == '.' ? 1 : 0;
}

/* upstream: lookupName, with its way of choosing: the first exact match, else the only partial one */
#define LOOKUP(records, count)                                                  \
	int partial = HT_NONE;                                                  \
	bool several = false;                                                   \
	for (int i = 0; i < (count); i++) {                                     \
		int m = match((records)[i].name, text);                         \
		if (m == 2)                                                     \
			return i;                                               \
		several = several || (m == 1 && partial != HT_NONE);            \
		partial = m == 1 ? i : partial;                                 \
	}                                                                       \
	return several ? HT_NONE : partial

int ht_lookup_node(const struct ht_cluster *c, const char *text)
{
	LOOKUP(c->nodes, c->n_nodes);
}

int ht_lookup_inst(const struct ht_cluster *c, const char *text)
{
	LOOKUP(c->insts, c->n_insts);
}

/* --- views --- */

void ht_view_all(const struct ht_cluster *c, struct ht_view *ret)
{
	*ret = (struct ht_view){ .n_nodes = c->n_nodes, .n_insts = c->n_insts, .group = HT_NONE };
	ret->nodes = xcalloc((size_t)c->n_nodes + 1, sizeof(int));
	ret->insts = xcalloc((size_t)c->n_insts + 1, sizeof(int));
	for (int i = 0; i < c->n_nodes; i++)
		ret->nodes[i] = i;
	for (int i = 0; i < c->n_insts; i++)
		ret->insts[i] = i;
}

static void push(int **v, int *n, int x)
{
	*v = grow(*v, *n, sizeof(**v));
	(*v)[(*n)++] = x;
}

struct ht_view *ht_views(const struct ht_cluster *c, int *ret_n)
{
	struct ht_view *by_group = xcalloc((size_t)c->n_groups + 1, sizeof(*by_group));
	int n = 0;

	for (int i = 0; i < c->n_nodes; i++) {
		struct ht_view *v = &by_group[c->nodes[i].group];

		push(&v->nodes, &v->n_nodes, i);
	}
	for (int i = 0; i < c->n_insts; i++) {
		struct ht_view *v = &by_group[c->nodes[c->insts[i].pri].group];

		push(&v->insts, &v->n_insts, i);
	}
	for (int g = 0; g < c->n_groups; g++) {
		by_group[g].group = g;
		if (by_group[g].n_nodes > 0)
			by_group[n++] = by_group[g];
	}
	*ret_n = n;
	return by_group;
}

void ht_view_free(struct ht_view *v)
{
	free(v->nodes);
	free(v->insts);
	v->nodes = v->insts = NULL;
	v->n_nodes = v->n_insts = 0;
}

void ht_views_free(struct ht_view *v, int n)
{
	for (int i = 0; i < n; i++)
		ht_view_free(&v[i]);
	free(v);
}

/* --- roles --- */

static void add_pairs(struct ht_node *n, const struct ht_inst *i, int sign)
{
	for (int l = 0; l < n->loc.n; l++) {
		for (int k = 0; k < i->excl.n; k++) {
			int64_t key = ht_pair(n->loc.v[l], i->excl.v[k]);

			if (sign > 0)
				ht_counts_add(&n->pairs, key);
			else
				ht_counts_del(&n->pairs, key);
		}
	}
}

/* Pools count I as primary of a node with DOMAINS, or (SIGN -1) do not any more. */
static void count_pools(struct ht_cluster *c, int inst, const struct ht_set *domains, int sign)
{
	struct ht_inst *i = &c->insts[inst];

	if (i->n_pools == 0 || (i->home != NULL) == (sign > 0))
		return;
	ht_touch_inst(c, inst);
	i->home = sign > 0 ? domains : NULL;
	for (int k = 0; k < i->n_pools; k++) {
		ht_pool_count(c, i->pools[k], domains, sign);
		if (c->journal->depth > 0) {
			struct entry *x = log_entry(c->journal);

			x->kind = ENTRY_POOL;
			x->index = i->pools[k];
			x->pool.domains = domains;
			x->pool.sign = sign;
		}
	}
}

void ht_link_pri(struct ht_cluster *c, int node, int inst)
{
	struct ht_node *n = &c->nodes[node];
	const struct ht_inst *i = &c->insts[inst];

	for (int k = 0; k < i->excl.n; k++)
		ht_counts_add(&n->tags, i->excl.v[k]);
	count_pools(c, inst, n->domains, 1);
	if (i->forthcoming)
		return;
	ht_list_push(&n->pri, inst);
	add_pairs(n, i, 1);
}

void ht_unlink_pri(struct ht_cluster *c, int node, int inst)
{
	struct ht_node *n = &c->nodes[node];
	const struct ht_inst *i = &c->insts[inst];

	for (int k = 0; k < i->excl.n; k++)
		ht_counts_del(&n->tags, i->excl.v[k]);
	count_pools(c, inst, i->home, -1);
	if (i->forthcoming)
		return;
	ht_list_del(&n->pri, inst);
	add_pairs(n, i, -1);
}

void ht_link_sec(struct ht_cluster *c, int node, int inst, int pri)
{
	struct ht_node *n = &c->nodes[node];
	const struct ht_inst *i = &c->insts[inst];

	if (i->forthcoming)
		return;
	ht_list_push(&n->sec, inst);
	ht_peers_set(&n->peers, pri, ht_peers_get(&n->peers, pri) + (ht_inst_uses_sec_mem(i) ? i->mem : 0));
}

void ht_unlink_sec(struct ht_cluster *c, int node, int inst, int pri)
{
	struct ht_node *n = &c->nodes[node];
	const struct ht_inst *i = &c->insts[inst];
	int64_t left;

	if (i->forthcoming)
		return;
	ht_list_del(&n->sec, inst);
	left = ht_peers_get(&n->peers, pri) - (ht_inst_uses_sec_mem(i) ? i->mem : 0);
	if (left > 0)
		ht_peers_set(&n->peers, pri, left);
	else
		ht_peers_del(&n->peers, pri);
}

static void copy_strs(struct arena *a, struct strs *l)
{
	const char **v = ARENA_ARRAY(a, const char *, l->n + 1);

	for (size_t i = 0; i < l->n; i++)
		v[i] = arena_strdup(a, l->v[i]);
	l->v = v;
}

static void copy_policy(struct arena *a, struct ht_policy *p)
{
	p->minmax = arena_dup(a, p->minmax, p->n_minmax * sizeof(*p->minmax));
	p->templates = arena_dup(a, p->templates, p->n_templates * sizeof(*p->templates));
}

static struct ht_set copy_set(const struct ht_set *from)
{
	struct ht_set s = { NULL, 0, 0 };

	for (int i = 0; i < from->n; i++)
		ht_set_add(&s, from->v[i]);
	return s;
}

struct ht_cluster *ht_cluster_clone(const struct ht_cluster *c)
{
	struct ht_cluster *to = ht_cluster_new();
	size_t pos = 0;
	const char *key;
	void *value;

	to->base = c->base;
	to->tags = c->tags;
	copy_strs(to->a, &to->tags);
	to->policy = c->policy;
	copy_policy(to->a, &to->policy);
	to->distances = arena_dup(to->a, c->distances, (size_t)c->n_distances * sizeof(*c->distances));
	to->n_distances = c->n_distances;
	to->bad_tags = c->bad_tags;
	copy_strs(to->a, &to->bad_tags);
	while (map_next(c->names, &pos, &key, &value))
		map_put(to->names, key, value);
	for (int i = 0; i < c->n_groups; i++) {
		struct ht_group *g = ht_add_group(to, c->groups[i].name, c->groups[i].uuid);

		g->alloc = c->groups[i].alloc;
		g->policy = c->groups[i].policy;
		copy_policy(to->a, &g->policy);
		g->tags = c->groups[i].tags;
		copy_strs(to->a, &g->tags);
		g->networks = c->groups[i].networks;
		copy_strs(to->a, &g->networks);
	}
	for (int i = 0; i < c->n_nodes; i++) {
		const struct ht_node *from = &c->nodes[i];
		struct ht_node *n = ht_add_node(to, from->name);
		struct ht_policy *p = ARENA_NEW(to->a, struct ht_policy);
		const char *name = n->name;

		*n = *from;
		n->name = name;
		n->alias = arena_strdup(to->a, from->alias);
		copy_strs(to->a, &n->ntags);
		*p = *from->policy;
		copy_policy(to->a, p);
		n->policy = p;
		copy_lists(n, from);
		n->nets = arena_dup(to->a, from->nets, (size_t)from->n_nets * sizeof(*n->nets));
		n->speeds = arena_dup(to->a, from->speeds, (size_t)from->n_speeds * sizeof(*n->speeds));
		n->mig = copy_set(&from->mig);
		n->rmig = copy_set(&from->rmig);
		n->loc = copy_set(&from->loc);
		n->pools = NULL;
		n->domains = NULL;
	}
	for (int i = 0; i < c->n_insts; i++) {
		const struct ht_inst *from = &c->insts[i];
		struct ht_inst *x = ht_add_inst(to, from->name);
		const char *name = x->name;

		*x = *from;
		x->name = name;
		x->alias = arena_strdup(to->a, from->alias);
		x->disks = arena_dup(to->a, from->disks, from->n_disks * sizeof(*from->disks));
		copy_strs(to->a, &x->tags);
		copy_strs(to->a, &x->networks);
		x->nics = NULL;
		x->n_nics = 0;
		ht_list_copy(&x->excl, &from->excl);
		x->wanted = copy_set(&from->wanted);
	}
	ht_pools_clone(to, c);
	return to;
}
