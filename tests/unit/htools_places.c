/* Places for instances: the shortcuts against doing everything. */
#include "tests/unit/unit.h"

#include "htools/algo/algo.h"
#include "htools/io/io.h"
#include "tests/harness/htkit.h"

static struct ht_cluster *invent(uint64_t seed, int nodes, int insts, const char *trait)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct ht_cluster *c = ht_cluster_new();
	struct str s CLEANUP(str_free) = { 0 };
	struct strs traits = { 0 }, warnings;
	struct ht_merge_opts none = { 0 };

	strs_add(a, &traits, trait);
	htkit_cluster(&s, seed, nodes, insts, &traits);
	assert_int_equal(ht_text_parse(c, str_get(&s), s.len, NULL), 0);
	assert_int_equal(ht_merge(c, &none, NULL), 0);
	ht_update_missing(c, 4096, a, &warnings);
	return c;
}

static struct ht_inst wish(const struct ht_cluster *c, uint64_t seed)
{
	static const int64_t mems[] = { 128, 512, 2048, 8192 };
	struct ht_inst i = c->insts[seed % (uint64_t)c->n_insts];

	i.name = i.alias = "new";
	i.mem = mems[seed % 4];
	i.pri = i.sec = HT_NONE;
	i.forthcoming = false;
	i.status = HT_RUNNING;
	return i;
}

/* Every node's instances, on DRBD all of them, really fail over. */
static bool lose_any_node(struct ht_cluster *c)
{
	bool ok = true;

	for (int node = 0; node < c->n_nodes && ok; node++) {
		struct ht_list pri = { 0 };
		size_t mark = ht_mark(c);

		ht_list_copy(&pri, &c->nodes[node].pri);
		for (int k = pri.n - 1; k >= 0 && ok; k--)
			ok = ht_move_do(c, pri.v[k], (struct ht_move){ HT_FAILOVER, HT_NONE }, true) == HT_OK;
		ht_rollback(c, mark);
		free(pri.v);
	}
	return ok;
}

static void redundancy_by_sums(void **state)
{
	int seen[2] = { 0, 0 };

	(void)state;
	for (uint64_t seed = 1; seed <= 40; seed++) {
		struct ht_cluster *c = invent(seed, 6, 12 + (int)seed % 20, "drbd");
		struct ht_algo_opts o = ht_algo_defaults;
		struct ht_inst i = wish(c, seed);
		struct ht_view v;
		struct ht_n1 *n1;

		ht_view_all(c, &v);
		assert_int_equal(ht_redundant(c, &v, &o), lose_any_node(c));
		n1 = ht_n1_new(c, &v, &o);
		for (int k = 0; k < c->n_nodes * c->n_nodes; k++) {
			int p = k / c->n_nodes, s = k % c->n_nodes;
			struct ht_state sp = c->nodes[p].s, ss = c->nodes[s].s;
			size_t mark;
			bool really;

			if (p == s || c->nodes[p].offline || ht_state_add_pri(&c->nodes[p], &sp, &i, 0, false) != HT_OK ||
			    ht_state_add_sec(&c->nodes[s], &ss, &i, p, false, false) != HT_OK)
				continue;
			mark = ht_mark(c);
			ht_alloc_place(c, &i, "new", p, s, false);
			really = lose_any_node(c);
			ht_rollback(c, mark);
			assert_int_equal(ht_n1_with(n1, &i, HT_NONE, p, s), really);
			seen[really]++;
		}
		ht_n1_free(n1);
		ht_view_free(&v);
		ht_cluster_free(c);
	}
	assert_true(seen[0] > 50 && seen[1] > 50);
}

/* One more node's change, with only the columns that differ: the same bits as all of them. */
static void updated_scores(void **state)
{
	int compared = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 30; seed++) {
		struct ht_cluster *c = invent(seed, 8, 30, seed % 3 ? "drbd" : "locations");
		struct ht_inst i = wish(c, seed);
		struct ht_stats base;
		struct ht_view v;

		ht_view_all(c, &v);
		ht_stats_init(&base, c, &v);
		i.tmpl = disk_template_drbd;
		for (int k = 0; k < c->n_nodes * c->n_nodes; k++) {
			int p = k / c->n_nodes, s = k % c->n_nodes;
			struct ht_state sp = c->nodes[p].s, ss = c->nodes[s].s;
			struct ht_stats st = base, full;
			double roots[HT_N_COL];

			if (p == s || ht_state_add_pri(&c->nodes[p], &sp, &i, 0, false) != HT_OK ||
			    ht_state_add_sec(&c->nodes[s], &ss, &i, p, false, false) != HT_OK)
				continue;
			ht_stats_update(&st, &c->nodes[p], &c->nodes[p].s, &sp);
			ht_stats_roots(&st, roots);
			full = st;
			ht_stats_update(&full, &c->nodes[s], &c->nodes[s].s, &ss);
			assert_true(ht_stats_score_with(&st, roots, &c->nodes[s], &c->nodes[s].s, &ss, 0) == ht_stats_score(&full));
			compared++;
		}
		ht_view_free(&v);
		ht_cluster_free(c);
	}
	assert_true(compared > 300);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(redundancy_by_sums),
		cmocka_unit_test(updated_scores),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
