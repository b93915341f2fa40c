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

/* The node of the group of NODE where I scores best once it is there, of equal ones the last; really put there. */
static bool go_to_best(struct ht_cluster *c, const struct ht_view *v, int node, int inst)
{
	enum disk_template t = c->insts[inst].tmpl;
	bool as_new = t == disk_template_plain || t == disk_template_file || t == disk_template_blockdev;
	double best = 0;
	int found = HT_NONE;

	for (int k = 0; k <= c->n_nodes; k++) { /* after all of them to the best */
		int node_k = k < c->n_nodes ? k : found;
		const struct ht_node *to = &c->nodes[node_k < 0 ? 0 : node_k];
		struct ht_state s = to->s;
		size_t mark;
		double score;

		if (node_k < 0 || node_k == node || to->group != c->nodes[node].group)
			continue;
		if (as_new && (ht_inst_fits_policy(&c->insts[inst], to->policy, to->excl_storage) != HT_OK ||
			       ht_state_add_pri(to, &s, &c->insts[inst], c->insts[inst].loc_score, true) != HT_OK))
			continue;
		mark = ht_mark(c);
		if (!as_new && ht_move_do(c, inst, (struct ht_move){ HT_FAILOVER_TO, node_k }, true) != HT_OK) {
			ht_rollback(c, mark);
			continue;
		}
		if (as_new) {
			ht_touch_node(c, node_k);
			s.conflicts += ht_conflicts_add(to, &c->insts[inst]);
			c->nodes[node_k].s = s;
			ht_link_pri(c, node_k, inst);
		}
		if (k == c->n_nodes) {
			ht_commit(c, mark);
			return true;
		}
		score = ht_score(c, v);
		ht_rollback(c, mark);
		if (found == HT_NONE || !(best < score)) {
			best = score;
			found = k;
		}
	}
	return false;
}

/* 0 DRBD, 1 what starts anywhere, 2 the others: in this order they leave. */
static int round_of(const struct ht_inst *i)
{
	switch (i->tmpl) {
	case disk_template_drbd:
		return 0;
	case disk_template_plain:
	case disk_template_file:
	case disk_template_blockdev:
		return 2;
	default:
		return 1;
	}
}

/* As upstream empties a node; those of the last round by size. */
static bool leave_one_by_one(struct ht_cluster *c, const struct ht_view *v, int node)
{
	struct ht_list pri = { 0 };
	size_t mark = ht_mark(c);
	bool ok = true;

	ht_list_copy(&pri, &c->nodes[node].pri);
	for (int left = pri.n; left > 0 && ok; left--) {
		int next = HT_NONE, at = 0;

		for (int k = pri.n - 1; k >= 0; k--) {
			const struct ht_inst *i = pri.v[k] < 0 ? NULL : &c->insts[pri.v[k]], *n = next < 0 ? NULL : &c->insts[next];

			if (i && (!n || round_of(i) < round_of(n) ||
				  (round_of(i) == 2 && round_of(n) == 2 && i->mem > n->mem))) {
				next = pri.v[k];
				at = k;
			}
		}
		pri.v[at] = -1;
		ok = round_of(&c->insts[next]) == 0 ?
		     ht_move_do(c, next, (struct ht_move){ HT_FAILOVER, HT_NONE }, true) == HT_OK : go_to_best(c, v, node, next);
	}
	ht_rollback(c, mark);
	free(pri.v);
	return ok;
}

/* Little room: of instances that are on one node about as many as there are find a place elsewhere. */
static void make_tight(struct ht_cluster *c, uint64_t seed)
{
	static const enum disk_template others[] = { disk_template_plain, disk_template_file, disk_template_ext, disk_template_diskless };
	uint64_t draw = seed;

	for (int k = 0; k < c->n_insts; k++) {
		struct ht_inst *i = &c->insts[k];

		draw = draw * 6364136223846793005u + 1442695040888963407u;
		if (i->sec == HT_NONE && seed % 3)
			i->tmpl = others[seed % 3 == 1 ? (draw >> 40) % 4 : 2];
		if (seed % 2)
			i->mem = seed % 5 ? 512 : 256 << (draw >> 50) % 3;
		if (i->tmpl == disk_template_plain && i->n_disks > 0)
			i->dsk = 1024 << (draw >> 45) % 3;
	}
	for (int k = 0; k < c->n_nodes; k++) {
		struct ht_node *n = &c->nodes[k];

		draw = draw * 6364136223846793005u + 1442695040888963407u;
		n->n_mem += ht_free_mem(n, &n->s) - (int64_t)(draw >> 33) % 12 * 256 - (int64_t)(draw >> 50) % 2;
		if (seed % 4 == 0)
			n->s.f_dsk = (int64_t)(draw >> 20) % 9 * 1024 + 1;
	}
}

/* Whether a node can be emptied is mostly known without moving anything. */
static void emptied_without_moving(void **state)
{
	static const char *const traits[] = { "shared", "full", "locations", "offline", "spindles", "tight", "uniform" };
	int seen[2] = { 0, 0 };

	(void)state;
	for (uint64_t seed = 1; seed <= 1500; seed++) {
		struct ht_cluster *c = invent(seed, 3 + (int)seed % 4, 6 + (int)seed % 17, traits[seed % 7]);
		struct ht_view v;

		ht_view_all(c, &v);
		make_tight(c, seed);
		for (int node = 0; node < c->n_nodes; node++) {
			bool really = leave_one_by_one(c, &v, node);

			assert_int_equal(ht_can_evacuate(c, &v, node), really);
			seen[really]++;
		}
		ht_view_free(&v);
		ht_cluster_free(c);
	}
	assert_true(seen[0] > 500 && seen[1] > 500);
}

static void seen_nothing(const struct ht_alloc_opts *a, int pri, int sec, enum ht_fail f, double score)
{
	(void)pri;
	(void)sec;
	(void)score;
	(*(int *)a->arg)++;
	assert_true(f >= HT_OK && f < HT_N_FAIL);
}

/* Where each candidate is told none is passed over, and nothing remembered: the same answer, to the last bit. */
static void passed_over(void **state)
{
	static const char *const traits[] = { "drbd", "full", "locations", "offline", "spindles", "tight", "uniform", "tags",
					      "soft", "forthcoming", "overcommit", "groups=2", "skewed" };
	int placed[2] = { 0, 0 }, none = 0, lost = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 195; seed++) {
		struct ht_cluster *c = invent(seed, 3 + (int)seed % 19, 8 + (int)seed % 40, traits[seed % 13]);
		struct ht_algo_opts o = ht_algo_defaults;
		struct ht_trials *trials = ht_trials_new();
		int told = 0, count = seed % 3 ? 2 : 1;
		struct ht_inst i = wish(c, seed / 2);
		struct ht_alloc all, few;
		struct ht_targets t;
		struct ht_view v;

		ht_view_all(c, &v);
		o.ignore_soft_errors = seed % 11 == 0;
		i.tmpl = count == 2 ? disk_template_drbd : seed % 2 ? disk_template_plain : disk_template_ext;
		i.mem = seed % 5 ? i.mem : 128;
		assert_int_equal(ht_targets_init(&t, c, &v, &o, count, false, NULL), 0);
		for (int round = 0; round < 5; round++) {
			struct ht_alloc_opts a = { .o = &o, .index = HT_NONE, .only_group = HT_NONE, .arg = &told, .trials = trials };

			a.n1 = seed % 4 ? ht_n1_new(c, &v, &o) : NULL;
			if (ht_alloc_try(c, &v, &a, &i, &t, &few, NULL) < 0) {
				ht_n1_free(a.n1);
				break;
			}
			ht_n1_free(a.n1);
			a.n1 = seed % 4 ? ht_n1_new(c, &v, &o) : NULL;
			a.seen = seen_nothing;
			a.trials = NULL;
			ht_alloc_try(c, &v, &a, &i, &t, &all, NULL);
			ht_n1_free(a.n1);
			assert_memory_equal(few.fails, all.fails, sizeof(all.fails));
			assert_true(few.n_fails == all.n_fails && few.n_ok == all.n_ok && few.found == all.found &&
				    few.pri == all.pri && few.sec == all.sec && (!all.found || few.score == all.score));
			placed[count - 1] += all.found;
			none += !all.found;
			lost += all.fails[HT_FAIL_N1] > 0;
			if (!all.found)
				break;
			ht_alloc_place(c, &i, "new", all.pri, all.sec, o.ignore_soft_errors);
		}
		ht_trials_free(trials);
		ht_targets_free(&t);
		ht_view_free(&v);
		ht_cluster_free(c);
	}
	assert_true(placed[0] > 80 && placed[1] > 80 && none > 30 && lost > 30);
}

static void watch_start(void *arg, int inst)
{
	(void)arg;
	(void)inst;
}

static void watch_seen(void *arg, int pri, int sec, enum ht_fail f, const struct ht_why *why, double before, double score)
{
	(void)pri;
	(void)sec;
	(void)why;
	(void)before;
	(void)score;
	*(int *)arg += f == HT_OK;
}

static void watch_end(void *arg, const struct ht_evac_one *x, const bool *leaving)
{
	(void)arg;
	(void)x;
	(void)leaving;
}

/* Where an instance on DRBD goes to two new nodes: the same pair as where all scores are told. */
static void pairs_passed_over(void **state)
{
	static const char *const traits[] = { "drbd", "locations", "offline", "soft", "tags", "groups=2", "uniform", "forthcoming" };
	int found = 0, places = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 200; seed++) {
		struct ht_cluster *c = invent(seed, 5 + (int)seed % 8, 10 + (int)seed % 20, traits[seed % 8]);
		struct ht_watch w = { watch_start, watch_seen, watch_end, &places };

		for (int inst = 0; inst < c->n_insts; inst += 3) {
			struct ht_algo_opts o = ht_algo_defaults;
			struct ht_move a[4], b[4];
			int avail[20], n = 0, n_a = 0, n_b = 0, rc, group = c->nodes[c->insts[inst].pri].group;
			size_t mark;

			if (c->insts[inst].tmpl != disk_template_drbd)
				continue;
			group = seed % 16 == 5 ? (group + 1) % c->n_groups : group;
			for (int k = 0; k < c->n_nodes; k++)
				if (c->nodes[k].group == group && !c->nodes[k].offline && k != c->insts[inst].pri &&
				    (seed % 2 || k != c->insts[inst].sec))
					avail[n++] = k;
			mark = ht_mark(c);
			rc = ht_evac_inst(c, &o, inst, HT_EVAC_ALL, group, avail, n, a, &n_a, NULL);
			ht_rollback(c, mark);
			o.watch = &w;
			mark = ht_mark(c);
			assert_int_equal(ht_evac_inst(c, &o, inst, HT_EVAC_ALL, group, avail, n, b, &n_b, NULL), rc);
			ht_rollback(c, mark);
			for (int k = 0; k < n_b && rc == 0; k++)
				assert_true(n_a == n_b && a[k].kind == b[k].kind && a[k].node == b[k].node);
			found += rc == 0;
		}
		ht_cluster_free(c);
	}
	assert_true(found > 300 && places > 10 * found);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(redundancy_by_sums),
		cmocka_unit_test(updated_scores),
		cmocka_unit_test(passed_over),
		cmocka_unit_test(emptied_without_moving),
		cmocka_unit_test(pairs_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
