/* An invented, empty cluster: one group for each "policy,nodes,disk,memory,cpus[,spindles[,exclusive]]". */
#include "htools/io/io.h"

#include <string.h>

#define NODES_MAX 1000000 /* of one specification */

struct spec {
	int alloc;
	int64_t nodes, disk, mem, cpus, spindles;
	bool excl;
};

static int read_alloc(const char *s, int *ret, struct err *e)
{
	static const char letters[] = "pau"; /* in the order of the enumeration */
	int v = enum_value(&enum_alloc_policy, s);

	if (v < 0 && *s && !s[1] && strchr(letters, *s))
		v = (int)(strchr(letters, *s) - letters);
	if (v < 0) {
		struct str t CLEANUP(str_free) = { 0 };

		hs_show_str(&t, s);
		return err_plain(e, "Invalid string value for type AllocPolicy: %s; "
				 "Cannot parse AllocPolicy abbreviation '%s'", str_get(&t), s);
	}
	*ret = v;
	return 0;
}

static int read_unit(const char *what, const char *s, int64_t *ret, struct err *e)
{
	return hs_parse_unit(s, ret, e) < 0 ? err_prefix(e, "%s", what) : 0;
}

static int read_spec(const struct strs *f, const char *text, struct spec *ret, struct err *e)
{
	if (f->n < 5 || f->n > 7)
		return err_plain(e, "Invalid cluster specification, expected 6 comma-separated sections (allocation policy, "
				 "node count, disk size, memory size, number of CPUs, spindles) but got %zu: '%s'",
				 f->n, text);
	*ret = (struct spec){ .spindles = 1 };
	if (read_alloc(f->v[0], &ret->alloc, e) < 0 || hs_read_int("node count", f->v[1], &ret->nodes, e) < 0 ||
	    read_unit("disk size", f->v[2], &ret->disk, e) < 0 || read_unit("memory size", f->v[3], &ret->mem, e) < 0 ||
	    hs_read_int("cpu count", f->v[4], &ret->cpus, e) < 0 ||
	    (f->n > 5 && hs_read_int("spindles", f->v[5], &ret->spindles, e) < 0) ||
	    (f->n > 6 && hs_read_bool("exclusive storage", f->v[6], &ret->excl, e) < 0))
		return -1;
	if (ret->nodes > NODES_MAX)
		return err_plain(e, "node count: more than %d nodes", NODES_MAX);
	return 0;
}

int ht_simu_load(struct ht_cluster *c, const struct strs *specs, struct err *e)
{
	c->base = 1;
	for (size_t g = 0; g < specs->n; g++) {
		struct strs f = hs_split(c->a, specs->v[g], ',');
		struct spec s;

		if (read_spec(&f, specs->v[g], &s, e) < 0)
			return -1;
		ht_add_group(c, arena_printf(c->a, "group-%02zu", g + 1), arena_printf(c->a, "fake-uuid-%02zu", g + 1))->alloc =
			(enum alloc_policy)s.alloc;
		for (int64_t i = 1; i <= s.nodes; i++) {
			struct ht_node *n = ht_add_node(c, arena_printf(c->a, "node-%02zu-%03lld", g + 1, (long long)i));

			n->t_mem = (double)s.mem;
			n->f_mem = s.mem;
			n->t_dsk = (double)s.disk;
			n->s.f_dsk = s.disk;
			n->t_cpu = (double)s.cpus;
			n->n_cpu = 1;
			n->t_spn = s.spindles;
			n->excl_storage = s.excl;
			n->group = (int)g;
			n->master = g == 0 && i == 1;
			ht_node_init(n);
		}
	}
	return 0;
}
