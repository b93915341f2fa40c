/* Requests to the allocator: whatever is accepted gets an answer. */
#include "htools/algo/algo.h"
#include "htools/io/io.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void place(struct ht_cluster *c, const struct ht_alloc_opts *o, const struct ht_request *q, struct arena *a)
{
	for (size_t k = 0; k < q->n_wishes; k++) {
		const struct ht_wish *w = &q->wishes[k];
		struct ht_place p;

		if (w->count == 1 || w->count == 2) {
			if (ht_place_new(c, o, &w->inst, (int)w->count, w->group, a, &p, NULL) == 0 && p.a.found)
				ht_alloc_place(c, &w->inst, w->inst.name, p.a.pri, p.a.sec, false);
		}
	}
}

static void leave(struct ht_cluster *c, const struct ht_alloc_opts *o, const struct ht_request *q, struct arena *a)
{
	struct ht_place p;
	struct ht_evac r;

	switch (q->kind) {
	case iallocator_mode_node_evacuate:
		ht_evac_nodes(c, o->o, &q->insts, HT_EVAC_ALL, a, &r);
		break;
	case iallocator_mode_change_group:
		ht_evac_groups(c, o, &q->insts, &q->groups, a, &r);
		break;
	case iallocator_mode_allocate_secondary:
		if (ht_place_secondary(c, o, q->insts.v[0], a, &p, NULL) == 0 && p.a.found)
			ht_place_secondary_apply(c, o, q->insts.v[0], &p);
		break;
	default:
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct ht_cluster *c CLEANUP(ht_cluster_freep) = ht_cluster_new();
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct ht_algo_opts opts = ht_algo_defaults;
	struct ht_request q = { 0 };
	struct strs warnings;

	if (n <= 20000 && ht_ialloc_parse(c, (const char *)data, n, 4096, a, &q, &warnings, NULL) == 0 && c->n_nodes <= 8 &&
	    c->n_insts <= 20 && q.n_wishes <= 4 && q.insts.n <= 8) {
		struct ht_alloc_opts o = { .o = &opts, .index = HT_NONE, .only_group = HT_NONE,
					   .dedicated = ht_is_dedicated(c, NULL) };

		place(c, &o, &q, a);
		leave(c, &o, &q, a);
	}
	ht_request_clear(&q);
	return 0;
}
