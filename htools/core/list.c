/* The small containers of the model. They hold a few dozen entries: walking beats hashing. */
#include "htools/core/htools.h"

#include <string.h>

void ht_list_push(struct ht_list *l, int v)
{
	GROW(l->v, l->n, l->cap);
	l->v[l->n++] = v;
}

bool ht_list_del(struct ht_list *l, int v)
{
	for (int i = l->n - 1; i >= 0; i--) {
		if (l->v[i] != v)
			continue;
		memmove(l->v + i, l->v + i + 1, (size_t)(l->n - i - 1) * sizeof(*l->v));
		l->n--;
		return true;
	}
	return false;
}

void ht_list_copy(struct ht_list *to, const struct ht_list *from)
{
	to->n = to->cap = from->n;
	to->v = NULL;
	if (from->n == 0)
		return;
	to->v = xmalloc((size_t)from->n * sizeof(*to->v));
	memcpy(to->v, from->v, (size_t)from->n * sizeof(*to->v));
}

void ht_set_add(struct ht_set *s, int v)
{
	int at = 0;

	while (at < s->n && s->v[at] < v)
		at++;
	if (at < s->n && s->v[at] == v)
		return;
	GROW(s->v, s->n, s->cap);
	memmove(s->v + at + 1, s->v + at, (size_t)(s->n - at) * sizeof(*s->v));
	s->v[at] = v;
	s->n++;
}

int ht_set_common(const struct ht_set *a, const struct ht_set *b)
{
	int n = 0;

	for (int i = 0, j = 0; i < a->n && j < b->n;) {
		if (a->v[i] == b->v[j]) {
			n++;
			i++;
			j++;
		} else if (a->v[i] < b->v[j]) {
			i++;
		} else {
			j++;
		}
	}
	return n;
}

bool ht_set_within(const struct ht_set *a, const struct ht_set *b)
{
	return ht_set_common(a, b) == a->n;
}

static struct ht_count *find_count(const struct ht_counts *c, int64_t key)
{
	for (int i = 0; i < c->n; i++)
		if (c->v[i].key == key)
			return &c->v[i];
	return NULL;
}

int64_t ht_counts_get(const struct ht_counts *c, int64_t key)
{
	const struct ht_count *x = find_count(c, key);

	return x ? x->count : 0;
}

void ht_counts_add(struct ht_counts *c, int64_t key)
{
	struct ht_count *x = find_count(c, key);

	if (x) {
		x->count++;
		return;
	}
	GROW(c->v, c->n, c->cap);
	c->v[c->n++] = (struct ht_count){ .key = key, .count = 1 };
}

void ht_counts_del(struct ht_counts *c, int64_t key)
{
	struct ht_count *x = find_count(c, key);

	if (x && --x->count == 0)
		*x = c->v[--c->n];
}

int64_t ht_peers_get(const struct ht_peers *p, int node)
{
	for (int i = 0; i < p->n; i++)
		if (p->v[i].node == node)
			return p->v[i].mem;
	return 0;
}

void ht_peers_del(struct ht_peers *p, int node)
{
	for (int i = 0; i < p->n; i++) {
		if (p->v[i].node != node)
			continue;
		memmove(p->v + i, p->v + i + 1, (size_t)(p->n - i - 1) * sizeof(*p->v));
		p->n--;
		return;
	}
}

/* Before the first that is not larger: the order of upstream's list, which can be printed. */
void ht_peers_set(struct ht_peers *p, int node, int64_t mem)
{
	int at = 0;

	ht_peers_del(p, node);
	while (at < p->n && p->v[at].mem > mem)
		at++;
	GROW(p->v, p->n, p->cap);
	memmove(p->v + at + 1, p->v + at, (size_t)(p->n - at) * sizeof(*p->v));
	p->v[at] = (struct ht_peer){ .node = node, .mem = mem };
	p->n++;
}
