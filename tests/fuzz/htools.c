/* The text format of htools: what is accepted can be computed with, printed and read again. */
#include "htools/algo/algo.h"
#include "htools/io/io.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void use(struct ht_cluster *c)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct str s CLEANUP(str_free) = { 0 };
	struct strs warnings, fields = { 0 };
	struct ht_merge_opts o = { 0 };
	struct ht_algo_opts opts = ht_algo_defaults;
	struct ht_balancer *b;
	struct ht_placement p;
	struct ht_view v;

	if (ht_merge(c, &o, NULL) < 0)
		return;
	ht_update_missing(c, 4096, a, &warnings);
	ht_view_all(c, &v);
	ht_print_nodes(&s, c, &v, &fields);
	ht_print_insts(&s, c, &v);
	ht_print_parts(&s, "", c, &v);
	if (c->n_nodes <= 8 && c->n_insts <= 20) {
		b = ht_balancer_new(c, &v, &opts);
		for (int i = 0; i < 3 && ht_balancer_step(b, &p); i++)
			;
		ht_balancer_free(b);
		for (int i = 0; i < c->n_nodes; i++)
			ht_can_evacuate(c, &v, i);
	}
	ht_view_free(&v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct ht_cluster *c CLEANUP(ht_cluster_freep) = ht_cluster_new(), *d CLEANUP(ht_cluster_freep) = ht_cluster_new();
	struct str first CLEANUP(str_free) = { 0 }, second CLEANUP(str_free) = { 0 };

	if (n > 20000 || ht_text_parse(c, (const char *)data, n, NULL) < 0)
		return 0;
	ht_text_format(&first, c);
	/* NaN, sizes beyond an integer and names with newlines in them need not come back */
	if (ht_text_parse(d, str_get(&first), first.len, NULL) == 0) {
		ht_text_format(&second, d);
		assert(c->n_nodes == d->n_nodes && c->n_insts == d->n_insts && c->n_groups == d->n_groups);
	}
	use(c);
	return 0;
}
