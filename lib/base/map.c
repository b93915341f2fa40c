#include "lib/base/map.h"

#include "lib/base/str.h"

#include <string.h>

struct entry {
	char *key; /* NULL = deleted */
	void *value;
	uint64_t hash;
};

struct map {
	struct entry *v; /* in order of insertion */
	size_t n, cap;
	uint32_t *slot; /* index + 1 into v, 0 = free */
	size_t slots;
	size_t live;
};

struct map *map_new(void)
{
	return xcalloc(1, sizeof(struct map));
}

void map_free(struct map *m, void (*free_value)(void *))
{
	if (!m)
		return;
	for (size_t i = 0; i < m->n; i++) {
		if (!m->v[i].key)
			continue;
		if (free_value)
			free_value(m->v[i].value);
		free(m->v[i].key);
	}
	free(m->v);
	free(m->slot);
	free(m);
}

void map_freep(struct map **m)
{
	map_free(*m, NULL);
	*m = NULL;
}

static void index_entry(struct map *m, size_t i)
{
	size_t k = m->v[i].hash & (m->slots - 1);

	while (m->slot[k])
		k = (k + 1) & (m->slots - 1);
	m->slot[k] = (uint32_t)i + 1;
}

/* Drop the deleted entries and index the rest again. */
static void rebuild(struct map *m)
{
	size_t k = 0;

	for (size_t i = 0; i < m->n; i++)
		if (m->v[i].key)
			m->v[k++] = m->v[i];
	m->n = k;
	m->slots = 16;
	while (m->slots < m->n * 2 + 2)
		m->slots *= 2;
	free(m->slot);
	m->slot = xcalloc(m->slots, sizeof(*m->slot));
	for (size_t i = 0; i < m->n; i++)
		index_entry(m, i);
}

static struct entry *find(const struct map *m, const char *key)
{
	uint64_t h = str_hash(key);

	if (!m->slots)
		return NULL;
	for (size_t k = h & (m->slots - 1); m->slot[k]; k = (k + 1) & (m->slots - 1)) {
		struct entry *e = &m->v[m->slot[k] - 1];

		if (e->key && e->hash == h && strcmp(e->key, key) == 0)
			return e;
	}
	return NULL;
}

void *map_put(struct map *m, const char *key, void *value)
{
	struct entry *e = find(m, key);

	if (e) {
		void *old = e->value;
		e->value = value;
		return old;
	}
	if ((m->n + 1) * 2 > m->slots)
		rebuild(m);
	GROW(m->v, m->n, m->cap);
	m->v[m->n] = (struct entry){ xstrdup(key), value, str_hash(key) };
	index_entry(m, m->n++);
	m->live++;
	return NULL;
}

void *map_get(const struct map *m, const char *key)
{
	struct entry *e = find(m, key);

	return e ? e->value : NULL;
}

bool map_has(const struct map *m, const char *key)
{
	return find(m, key) != NULL;
}

void *map_del(struct map *m, const char *key)
{
	struct entry *e = find(m, key);
	void *value;

	if (!e)
		return NULL;
	value = e->value;
	free(e->key);
	e->key = NULL; /* its slot stays taken until the next rebuild */
	m->live--;
	return value;
}

size_t map_count(const struct map *m)
{
	return m->live;
}

bool map_next(const struct map *m, size_t *pos, const char **ret_key, void **ret_value)
{
	while (*pos < m->n) {
		struct entry *e = &m->v[(*pos)++];

		if (!e->key)
			continue;
		if (ret_key)
			*ret_key = e->key;
		if (ret_value)
			*ret_value = e->value;
		return true;
	}
	return false;
}
