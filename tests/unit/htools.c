/* The allocation tools: arithmetic, text rules, and balancing against trying everything. */
#include "tests/unit/unit.h"

#include "htools/algo/roles.h"
#include "htools/io/io.h"
#include "tests/harness/htkit.h"

#include <math.h>

/* --- numbers as Haskell prints and reads them --- */

static void check_text(const char *want, struct str *s)
{
	assert_string_equal(str_get(s), want);
	str_free(s);
}

static void numbers_printed(void **state)
{
	/* from ghc: printf "%.*f" and show */
	static const struct {
		double v;
		int prec;
		const char *want;
	} fixed[] = {
		{ 0, 8, "0.00000000" }, { 5e-9, 8, "0.00000000" }, { 15e-9, 8, "0.00000002" }, { 2.5, 0, "2" }, { 3.5, 0, "4" },
		{ 0.81225, 4, "0.8122" }, { 0.81235, 4, "0.8124" }, { 9.995, 2, "10.00" }, { 0.05, 1, "0.0" }, { 0.15, 1, "0.2" },
		{ 999999.5, 0, "1000000" }, { -1.25, 1, "-1.2" }, { 1e22, 1, "10000000000000000000000.0" }, { 0.96, 0, "1" },
		{ 1.0, -1, "1.0" }, { 0.001, -1, "0.001" }, { 123.456, -1, "123.456" }, { NAN, 3, "NaN" }, { -INFINITY, 3, "-Infinity" },
	};
	static const struct {
		double v;
		const char *want;
	} shown[] = { { 4, "4.0" }, { 0.1, "0.1" }, { 0.01, "1.0e-2" }, { 1234567, "1234567.0" }, { 1e7, "1.0e7" }, { 1.5e-9, "1.5e-9" },
		      { 0.90885162353515625, "0.9088516235351563" }, { 0.97525787353515625, "0.9752578735351563" },
		      { 2.5, "2.5" }, { 1.3250361649300546, "1.3250361649300546" } };
	struct str s = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++) {
		hs_fixed(&s, fixed[i].v, fixed[i].prec);
		check_text(fixed[i].want, &s);
	}
	for (size_t i = 0; i < ARRAY_SIZE(shown); i++) {
		hs_show_double(&s, shown[i].v);
		check_text(shown[i].want, &s);
	}
	hs_general(&s, 0.03125, 6);
	check_text("3.125000e-2", &s);
	hs_general(&s, 46.945393, 6);
	check_text("46.945393", &s);
	hs_show_str(&s, "a\"\\\n\x01" "2\xc3\xa9" "3\x0eH");
	check_text("\"a\\\"\\\\\\n\\SOH2\\233\\&3\\SO\\&H\"", &s);
}

static void numbers_read(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		int64_t v;
		const char *rest;
	} ints[] = {
		{ "12", true, 12, "" }, { "12abc", true, 12, "abc" }, { " ( -  7 ) x", true, -7, " x" }, { "0x1F", true, 31, "" },
		{ "0o17", true, 15, "" }, { "0xg", true, 0, "xg" }, { "1e3", false, 0, "" }, { "1.5", false, 0, "" }, { "1.", true, 1, "." },
		{ "--5", false, 0, "" }, { "+5", false, 0, "" }, { "", false, 0, "" }, { "(5", false, 0, "" },
		{ "9223372036854775808", true, INT64_MIN, "" },
	};
	struct err e CLEANUP(err_clear) = ERR_NONE;
	const char *rest = NULL;
	int64_t v = 0;
	double d = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ints); i++) {
		assert_int_equal(hs_reads_int(ints[i].text, &v, &rest), ints[i].ok);
		if (!ints[i].ok)
			continue;
		assert_true(v == ints[i].v);
		assert_string_equal(rest, ints[i].rest);
	}
	assert_true(hs_reads_double("-1.5e2z", &d, &rest) && d == -150 && *rest == 'z');
	assert_true(hs_reads_double("NaN", &d, &rest) && isnan(d));
	assert_false(hs_reads_double("NaNx", &d, &rest));
	assert_false(hs_reads_double(".5", &d, &rest));
	assert_int_equal(hs_read_int("n", "1x", &v, &e), -1);
	assert_string_equal(err_msg(&e), "n: leftover characters when parsing '1x': 'x'");
	assert_int_equal(hs_parse_unit("10G", &v, &e), 0);
	assert_true(v == 9536);
	assert_int_equal(hs_parse_unit("3 tib", &v, &e), 0);
	assert_true(v == 3 * 1024 * 1024);
	assert_int_equal(hs_parse_unit("3x", &v, &e), -1);
	assert_string_equal(err_msg(&e), "Unknown unit 'x'");
}

/* --- clusters --- */

static struct ht_cluster *made(uint64_t seed, int nodes, int insts, const char *traits)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct str s CLEANUP(str_free) = { 0 };
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct strs t = { 0 }, warnings;
	const struct ht_merge_opts o = { 0 };
	struct ht_cluster *c = ht_cluster_new();

	if (traits)
		t = strs_split(a, traits, ' ');
	htkit_cluster(&s, seed, nodes, insts, &t);
	assert_ok(ht_text_parse(c, str_get(&s), s.len, &e), &e);
	assert_ok(ht_merge(c, &o, &e), &e);
	ht_update_missing(c, 4096, a, &warnings);
	return c;
}

/* Everything that instances change, as text. */
static char *picture(const struct ht_cluster *c)
{
	struct str s CLEANUP(str_free) = { 0 };
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct strs fields = strs_split(a, "+,plist,slist,peermap,ptags,inst_spindles,amem", ',');
	struct ht_view v;

	ht_view_all(c, &v);
	ht_text_format(&s, c);
	ht_print_nodes(&s, c, &v, &fields);
	for (int i = 0; i < c->n_nodes; i++) {
		double x[HT_N_COL];

		ht_columns(&c->nodes[i], &c->nodes[i].s, x);
		for (int k = 0; k < HT_N_COL; k++)
			str_addf(&s, "%a ", x[k]);
		str_addf(&s, "%lld %lld %d\n", (long long)c->nodes[i].s.conflicts, (long long)c->nodes[i].s.loc_score,
			 c->nodes[i].pairs.n);
	}
	ht_view_free(&v);
	return str_steal(&s);
}

static void file_round_trip(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct str first CLEANUP(str_free) = { 0 }, second CLEANUP(str_free) = { 0 };
		struct ht_cluster *c CLEANUP(ht_cluster_freep) = made(seed, 0, 0, NULL);
		struct ht_cluster *d CLEANUP(ht_cluster_freep) = ht_cluster_new();
		struct err e CLEANUP(err_clear) = ERR_NONE;

		ht_text_format(&first, c);
		assert_ok(ht_text_parse(d, str_get(&first), first.len, &e), &e);
		ht_text_format(&second, d);
		assert_string_equal(str_get(&first), str_get(&second));
	}
}

/* Moves leave no trace after a rollback; a clone is its own. */
static void rolled_back(void **state)
{
	int done = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 30; seed++) {
		struct ht_cluster *c CLEANUP(ht_cluster_freep) = made(seed, 0, 0, NULL);
		struct ht_cluster *d CLEANUP(ht_cluster_freep) = ht_cluster_clone(c);
		char *before CLEANUP(freep) = picture(c), *after CLEANUP(freep) = NULL, *clone CLEANUP(freep) = NULL;
		size_t outer = ht_mark(c), inner = 0;

		for (int i = 0; i < c->n_insts * 3; i++) {
			int inst = i % c->n_insts, node = (int)((seed * 7 + (uint64_t)i * 13) % (uint64_t)c->n_nodes);
			const struct ht_inst *x = &c->insts[inst];
			bool drbd = ht_inst_has_sec(x);
			struct ht_move m = { drbd ? (enum ht_move_kind)(HT_REPLACE_PRI + i % 4) : HT_FAILOVER_TO, node };

			if (node == x->pri || node == x->sec)
				continue;
			if (i == c->n_insts)
				inner = ht_mark(c);
			done += ht_move_do(c, inst, m, i % 2) == HT_OK;
		}
		if (inner)
			ht_rollback(c, inner);
		ht_rollback(c, outer);
		after = picture(c);
		clone = picture(d);
		assert_string_equal(before, after);
		assert_string_equal(before, clone);
	}
	assert_true(done > 200);
}

/* The sums and lists of nodes after many moves are those of a cluster loaded like that. */
static void moves_add_up(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 30; seed++) {
		struct ht_cluster *c CLEANUP(ht_cluster_freep) = made(seed, 0, 0, NULL), *d CLEANUP(ht_cluster_freep) = ht_cluster_new();
		struct arena *a CLEANUP(arena_freep) = arena_new();
		struct str text CLEANUP(str_free) = { 0 };
		struct err e CLEANUP(err_clear) = ERR_NONE;
		const struct ht_merge_opts o = { 0 };
		struct ht_algo_opts opts = ht_algo_defaults;
		struct ht_placement p;
		struct ht_balancer *b;
		struct strs warnings;
		struct ht_view v;

		ht_view_all(c, &v);
		b = ht_balancer_new(c, &v, &opts);
		for (int i = 0; i < 30 && ht_balancer_step(b, &p); i++)
			;
		ht_balancer_free(b);
		ht_view_free(&v);
		ht_text_format(&text, c);
		assert_ok(ht_text_parse(d, str_get(&text), text.len, &e), &e);
		assert_ok(ht_merge(d, &o, &e), &e);
		ht_update_missing(d, 4096, a, &warnings);
		for (int i = 0; i < c->n_nodes; i++) {
			const struct ht_state *x = &c->nodes[i].s, *y = &d->nodes[i].s;

			assert_int_equal(x->i_mem, y->i_mem);
			assert_int_equal(x->r_mem, y->r_mem);
			assert_int_equal(x->u_cpu, y->u_cpu);
			assert_int_equal(x->n_pri, y->n_pri);
			assert_int_equal(x->n_sec, y->n_sec);
			assert_int_equal(x->conflicts, y->conflicts);
			assert_int_equal(x->loc_score, y->loc_score);
			assert_int_equal(c->nodes[i].pri.n, x->n_pri);
			assert_int_equal(c->nodes[i].sec.n, x->n_sec);
			assert_true(x->used_spn == y->used_spn);
		}
	}
}

/* --- pools --- */

static bool in_domain(const struct ht_cluster *c, int a, int b, const char *kind)
{
	const struct strs *x = &c->nodes[a].ntags, *y = &c->nodes[b].ntags;

	if (str_eq(kind, "node"))
		return a == b;
	for (size_t k = 0; k < x->n; k++)
		if (str_starts(x->v[k], kind) && strs_has(y, x->v[k]))
			return true;
	return false;
}

/* By how many rules of trait "pools" I on NODE is too near to instance OTHER, or too far, by the tags alone. */
static int64_t violated_by(const struct ht_cluster *c, const struct ht_inst *i, int other, int node)
{
	static const struct {
		const char *word, *kind;
		bool together;
	} rules[] = { { "web:", "rack:", false }, { "db:", "node", false }, { "db:", "power:", true } };
	const struct ht_inst *j = &c->insts[other];
	int64_t n = 0;

	for (size_t t = 0; t < i->tags.n; t++)
		for (size_t r = 0; r < ARRAY_SIZE(rules); r++)
			if (str_starts(i->tags.v[t], rules[r].word) && strs_has(&j->tags, i->tags.v[t]))
				n += in_domain(c, node, j->pri, rules[r].kind) != rules[r].together;
	return n;
}

static int64_t violated(const struct ht_cluster *c, int inst, int node)
{
	int64_t n = 0;

	for (int j = 0; j < c->n_insts; j++)
		n += j == inst ? 0 : violated_by(c, &c->insts[inst], j, node);
	return n;
}

/* Returns how many places are refused. */
static int compare_pools(const struct ht_cluster *c)
{
	int refused = 0;

	for (int inst = 0; inst < c->n_insts; inst++) {
		const struct ht_inst *i = &c->insts[inst];
		int64_t here = violated(c, inst, i->pri);

		assert_true(ht_pools_violated(c, i) == here);
		for (int n = 0; n < c->n_nodes; n++) {
			int64_t there = violated(c, inst, n);

			assert_int_equal(ht_pools_refuse(&c->nodes[n], i), n != i->pri && there > 0 && there >= here);
			refused += ht_pools_refuse(&c->nodes[n], i);
		}
	}
	return refused;
}

/* Counts are those of counting, whatever moved and came back; and moves never make more of what is violated. */
static void pools_counted(void **state)
{
	int refused = 0, moved = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 12; seed++) {
		struct ht_cluster *c CLEANUP(ht_cluster_freep) = made(seed, 11, 60, seed % 2 ? "locations pools drbd" : "locations pools forthcoming");
		struct ht_cluster *d CLEANUP(ht_cluster_freep) = NULL;
		size_t outer = ht_mark(c), inner = 0;

		refused += compare_pools(c);
		for (int k = 0; k < 90; k++) {
			int inst = k * 7 % c->n_insts, node = (int)((seed * 5 + (uint64_t)k * 13) % (uint64_t)c->n_nodes);
			const struct ht_inst *i = &c->insts[inst];
			struct ht_move m = { ht_inst_has_sec(i) ? HT_REPLACE_FAILOVER : HT_FAILOVER_TO, node };
			int64_t before = violated(c, inst, i->pri);

			if (node == i->pri || node == i->sec)
				continue;
			if (k == 45)
				inner = ht_mark(c);
			if (ht_move_do(c, inst, m, k % 3 == 0) != HT_OK)
				continue;
			moved++;
			if (k % 3 && !c->nodes[node].offline && !c->insts[inst].forthcoming)
				assert_true(violated(c, inst, node) == 0 || violated(c, inst, node) < before);
		}
		compare_pools(c);
		d = ht_cluster_clone(c);
		compare_pools(d);
		if (inner)
			ht_rollback(c, inner);
		compare_pools(c);
		ht_rollback(c, outer);
		compare_pools(c);
	}
	assert_true(refused > 1000 && moved > 200);
}

/* Soft rules: the part of the score is that of counting pairs, in views of groups too; moves tell what they change. */
static void pools_scored(void **state)
{
	int seen = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 12; seed++) {
		struct ht_cluster *c CLEANUP(ht_cluster_freep) = made(seed, 11, 60, "locations pools soft shared groups=2");
		struct ht_view views[3], *split;
		int n = 0;

		ht_view_all(c, &views[0]);
		split = ht_views(c, &n);
		assert_int_equal(n, 2);
		views[1] = split[0];
		views[2] = split[1];
		assert_true(ht_pools_have(c, true) && !ht_pools_have(c, false));
		for (int k = 0; k < 3; k++) {
			double parts[HT_N_PART];
			int64_t pairs = 0;

			for (int i = 0; i < c->n_insts; i++) {
				int pri = c->insts[i].pri, group = c->nodes[pri].group;

				for (int j = 0; j < i; j++)
					if (k == 0 || group == views[k].group || c->nodes[c->insts[j].pri].group == views[k].group)
						pairs += violated_by(c, &c->insts[i], j, pri);
			}
			ht_score_parts(c, &views[k], parts);
			assert_true(parts[HT_P_POOLS] == (double)pairs);
			seen += pairs > 0;
		}
		for (int i = 0; i < c->n_insts; i++) {
			int to = (int)((seed + (uint64_t)i) % (uint64_t)c->n_nodes);

			assert_true(ht_pools_gain(c, &c->insts[i], c->insts[i].pri, to) ==
				    violated(c, i, to) - violated(c, i, c->insts[i].pri));
			assert_false(ht_pools_refuse(&c->nodes[to], &c->insts[i]));
		}
		ht_view_free(&views[0]);
		ht_views_free(split, n);
	}
	assert_int_equal(seen, 36);
}

/* --- balancing --- */

static void same_as_brute_on(struct ht_cluster *c, uint64_t seed, const struct ht_algo_opts *o, int max)
{
	struct ht_cluster *d CLEANUP(ht_cluster_freep) = ht_cluster_clone(c);
	struct ht_balancer *b;
	struct ht_pace pace;
	struct ht_view v;

	ht_view_all(c, &v);
	b = ht_balancer_new(c, &v, o);
	ht_pace_start(&pace, o, ht_score(d, &v), ht_score_optimum(d, &v));
	for (int i = 0; i < max; i++) {
		struct ht_placement p = { 0 }, q = { 0 };
		bool x = ht_balancer_step(b, &p), y = ht_balance_brute(d, &v, o, &pace, &q);

		assert_int_equal(x, y);
		if (!x)
			break;
		if (p.inst != q.inst || p.move.kind != q.move.kind || p.move.node != q.move.node || p.score != q.score)
			fail_msg("seed %d step %d: instance %d move %d to %d score %.17g, not %d %d %d %.17g", (int)seed, i, p.inst,
				 (int)p.move.kind, p.move.node, p.score, q.inst, (int)q.move.kind, q.move.node, q.score);
		assert_true(ht_balancer_score(b) == q.score && p.seconds == q.seconds);
	}
	ht_balancer_free(b);
	ht_view_free(&v);
}

static void same_as_brute(uint64_t seed, int nodes, int insts, const char *traits, const struct ht_algo_opts *o, int max)
{
	struct ht_cluster *c CLEANUP(ht_cluster_freep) = made(seed, nodes, insts, traits);

	same_as_brute_on(c, seed, o, max);
}

/* As if memory had been measured: between a tenth and all of what an instance is given, times FACTOR. */
static void measure(struct ht_cluster *c, uint64_t seed, double factor)
{
	for (int k = 0; k < c->n_nodes; k++) {
		c->nodes[k].rss = 1;
		c->nodes[k].s.load.mem = 0;
	}
	for (int k = 0; k < c->n_insts; k++) {
		struct ht_inst *i = &c->insts[k];

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		i->util.mem = ht_inst_uses_mem(i) ? (double)i->mem * HT_PAGES_PER_MIB * (double)(1 + (seed >> 40) % 10) / 10 * factor : 0;
		if (!i->forthcoming)
			c->nodes[i->pri].s.load.mem += i->util.mem;
	}
}

/* Memory in use decides as other load does, and limits where something may go. */
static void measured_memory(void **state)
{
	struct ht_algo_opts o = ht_algo_defaults;

	(void)state;
	for (uint64_t seed = 300; seed < 330; seed++) {
		struct ht_cluster *c CLEANUP(ht_cluster_freep) = made(seed, 0, 0, seed % 3 ? "skewed" : "offline tags");
		struct ht_cluster *d CLEANUP(ht_cluster_freep) = ht_cluster_clone(c);
		struct ht_placement p;
		struct ht_balancer *b;
		struct ht_view v;

		measure(c, seed, seed % 2 ? 1 : 2.5); /* more than it is given: many nodes are over the limit */
		ht_scale_mem_load(c, seed % 5 ? 1 : 4);
		same_as_brute_on(c, seed, &o, 10);
		measure(d, seed, 2.5);
		ht_view_all(d, &v);
		b = ht_balancer_new(d, &v, &o);
		for (int i = 0; i < 10 && ht_balancer_step(b, &p); i++) {
			const struct ht_node *n = &d->nodes[p.pri];

			if (p.pri != p.old_pri && !d->nodes[p.old_pri].offline)
				assert_true(!ht_mem_exceeded(n, n->s.load.mem) || d->insts[p.inst].util.mem == 0);
		}
		ht_balancer_free(b);
		ht_view_free(&v);
	}
}

static void best_moves(void **state)
{
	struct ht_algo_opts o = ht_algo_defaults;

	(void)state;
	for (uint64_t seed = 1; seed <= 60; seed++)
		same_as_brute(seed, 0, 0, NULL, &o, 12);
	/* many equal scores */
	for (uint64_t seed = 1; seed <= 6; seed++)
		same_as_brute(seed, 8, 40, "uniform drbd skewed", &o, 60);
	same_as_brute(1, 10, 50, "uniform shared skewed", &o, 60);
	o.min_gain_limit = 0; /* to the very end, where scores differ in the last digits */
	same_as_brute(2, 8, 40, "uniform drbd skewed", &o, 200);
	same_as_brute(3, 6, 40, "drbd", &o, 200);
	/* bounds for many targets at once, and nothing kept of what instances change on their own nodes */
	o.gains_max = 100;
	same_as_brute(4, 12, 40, "drbd skewed", &o, 60);
	o.gains_max = 10;
	same_as_brute(5, 12, 40, "skewed", &o, 60);
}

/* A longer way with all bounds and with few: both see the same moves. */
static void bounds_do_not_matter(void **state)
{
	static const char *const traits[] = { "uniform drbd skewed", "drbd skewed", "drbd full tags", "uniform shared skewed", "skewed offline" };
	struct ht_algo_opts o = ht_algo_defaults, few = ht_algo_defaults;

	(void)state;
	few.gains_max = 1;
	for (size_t i = 0; i < ARRAY_SIZE(traits); i++) {
		struct ht_cluster *c CLEANUP(ht_cluster_freep) = made(20 + i, 20, 150, traits[i]);
		struct ht_cluster *d CLEANUP(ht_cluster_freep) = ht_cluster_clone(c);
		struct ht_balancer *x, *y;
		struct ht_placement p, q;
		struct ht_view v;
		bool more = true;

		ht_view_all(c, &v);
		x = ht_balancer_new(c, &v, &o);
		y = ht_balancer_new(d, &v, &few);
		for (int step = 0; more && step < 300; step++) {
			more = ht_balancer_step(x, &p);
			assert_int_equal(more, ht_balancer_step(y, &q));
			if (more)
				assert_true(p.inst == q.inst && p.pri == q.pri && p.sec == q.sec && p.score == q.score);
		}
		assert_true(ht_balancer_counts(x).bounded < ht_balancer_counts(y).bounded);
		ht_balancer_free(x);
		ht_balancer_free(y);
		ht_view_free(&v);
	}
}

static void best_moves_with_options(void **state)
{
	struct ht_algo_opts o[10];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(o); i++)
		o[i] = ht_algo_defaults;
	o[0].disk_moves = false;
	o[1].inst_moves = false;
	o[2].restricted_migration = true;
	o[3].evac_mode = true;
	o[4].ignore_soft_errors = true;
	o[5].evac_mode = o[5].restricted_migration = true;
	o[6].avoid_disk_moves = 3;
	o[7].avoid_disk_moves = 1.01;
	o[8].avoid_long_solutions = 0.3;
	o[9].avoid_long_solutions = 0.05;
	o[9].avoid_disk_moves = 1.5;
	o[8].long_solution_threshold = o[9].long_solution_threshold = 600;
	for (uint64_t seed = 100; seed < 140; seed++)
		same_as_brute(seed, 0, 0, seed % 2 ? "offline tags" : "locations tags", &o[seed % 8], 8);
	for (uint64_t seed = 500; seed < 530; seed++)
		same_as_brute(seed, 8, 50, seed % 2 ? "drbd skewed bandwidth" : "skewed offline bandwidth", &o[8 + seed % 2], 25);
	for (uint64_t seed = 400; seed < 420; seed++)
		same_as_brute(seed, 8, 60, seed % 2 ? "overcommit drbd skewed full" : "overcommit skewed offline forthcoming", &o[seed % 8], 10);
	/* pairs of locations and tags reach over all nodes */
	for (uint64_t seed = 200; seed < 210; seed++)
		same_as_brute(seed, 8, 50, "locations tags drbd skewed", &o[6 * (seed % 2)], 12);
	for (uint64_t seed = 600; seed < 640; seed++)
		same_as_brute(seed, 10, 50, seed % 2 ? "locations pools drbd skewed" : "locations pools skewed offline", &o[seed % 8], 30);
	for (uint64_t seed = 700; seed < 740; seed++)
		same_as_brute(seed, 10, 50, seed % 2 ? "locations pools soft drbd skewed" : "locations pools soft skewed offline forthcoming",
			      &o[seed % 8], 30);
}

/* Scores by sums stay within the bound that the exact ones are looked for in. */
static void bound_holds(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct ht_cluster *c CLEANUP(ht_cluster_freep) = made(seed, 0, 0, NULL);
		struct ht_view v;
		struct score b;

		ht_view_all(c, &v);
		score_init(&b, c, &v);
		assert_true(b.n == 0 || fabs(b.exact - b.approx) <= b.eps);
		assert_true(b.exact == ht_score(c, &v));
		for (int i = 0; i < c->n_insts && b.n > 0; i++) {
			const struct ht_inst *x = &c->insts[i];
			bool drbd = ht_inst_has_sec(x);

			for (int k = 0; k < 4 * c->n_nodes; k++) {
				struct ht_move m = { drbd ? (enum ht_move_kind)(HT_REPLACE_PRI + k % 4) : HT_FAILOVER_TO, k / 4 };
				struct ht_outcome o;

				if (m.node == x->pri || m.node == x->sec || ht_move_try(c, x, m, k % 3 == 0, &o) != HT_OK)
					continue;
				assert_true(fabs(score_exact(&b, &o, x) - score_approx(&b, &o, x)) <= b.eps);
			}
		}
		assert_true(b.eps < 1e-4);
		score_free(&b);
		ht_view_free(&v);
	}
}

/* Every move of the instance at P of S, by kind, gains no more than screening says. How many there are; how many targets
 * there are, and how many of these nobody would look at, if there is a move that gains BEST. */
static int64_t compare_screen(const struct screen *s, const struct ht_algo_opts *opts, int p, double best, int64_t *ret_all, int64_t *ret_out)
{
	static const int kind_of[] = { [HT_REPLACE_PRI] = FIX_RP, [HT_REPLACE_SEC] = FIX_RS, [HT_REPLACE_FAILOVER] = FIX_RF,
				       [HT_FAILOVER_REPLACE] = FIX_FR, [HT_FAILOVER_TO] = FIX_RF };
	const struct score *b = s->b;
	const struct ht_inst *x = &b->c->insts[s->insts[p]];
	int64_t moves = 0;

	for (int t = 0; t < b->c->n_nodes; t++) {
		int row = b->row[t];

		if (row < 0 || t == x->pri || t == x->sec || !ht_template_movable(x->tmpl))
			continue;
		++*ret_all;
		*ret_out += screen_gain(s, p, row) < best;
		for (int k = 0; k < (ht_inst_has_sec(x) ? 4 : 1); k++) {
			struct ht_move m = { ht_inst_has_sec(x) ? (enum ht_move_kind)(HT_REPLACE_PRI + k) : HT_FAILOVER_TO, t };
			struct ht_outcome o;
			double gain;

			if (ht_move_try(b->c, x, m, opts->ignore_soft_errors, &o) != HT_OK)
				continue;
			gain = b->approx - score_approx(b, &o, x);
			moves++;
			assert_true(gain <= s->own[p][kind_of[m.kind]] + s->target[row][kind_of[m.kind]]);
			assert_true(gain <= screen_gain(s, p, row) && gain <= screen_most(s, p));
			assert_true(screen_lets(s, p, row, gain));
		}
	}
	return moves;
}

/* All instances of C, screened together and (the bounds are nearer then) each for itself. */
static int64_t screened(struct ht_cluster *c, const struct ht_algo_opts *o, double best, int64_t *ret_all, int64_t *ret_out)
{
	int *numbers = xcalloc((size_t)c->n_insts + 1, sizeof(*numbers));
	struct fixed *fx = xcalloc((size_t)c->n_insts + 1, sizeof(*fx));
	int64_t moves = 0, ignored = 0;
	struct ht_pace pace = { 0 };
	struct screen screen;
	struct score b;
	struct ht_view v;
	struct sweep w = { .b = &b, .o = o, .pace = &pace, .limit = -INFINITY };

	ht_view_all(c, &v);
	score_init(&b, c, &v);
	for (int i = 0; i < c->n_insts; i++)
		numbers[i] = i;
	w.peers_p = xcalloc((size_t)c->n_nodes + 1, sizeof(*w.peers_p));
	w.peers_s = xcalloc((size_t)c->n_nodes + 1, sizeof(*w.peers_s));
	sweep_kinds(&w, numbers, c->n_insts);
	for (int p = 0; p < c->n_insts; p++)
		sweep_inst(&w, p, &fx[p], true, NULL, 0);
	screen_init(&screen, &b, numbers, c->n_insts);
	screen_step(&screen, fx, numbers, c->n_insts);
	for (int p = 0; p < c->n_insts && isfinite(b.exact) && isfinite(b.eps); p++) {
		struct screen one;

		moves += compare_screen(&screen, o, p, best, ret_all, ret_out);
		screen_init(&one, &b, &numbers[p], 1);
		screen_step(&one, &fx[p], numbers, 1); /* the first is number 0 */
		compare_screen(&one, o, 0, best, &ignored, &ignored);
		screen_free(&one);
	}
	screen_free(&screen);
	score_free(&b);
	sweep_free(&w);
	ht_view_free(&v);
	free(w.peers_p);
	free(w.peers_s);
	free(numbers);
	free(fx);
	return moves;
}

static void screening_holds(void **state)
{
	static const char *const traits[] = { NULL, "skewed drbd", "uniform skewed drbd", "drbd full tags", "locations pools skewed", "overcommit skewed",
					      "shared skewed", "offline skewed tags", "spindles skewed", "forthcoming skewed" };
	struct ht_algo_opts o = ht_algo_defaults;
	int64_t all = 0, out = 0, ignored = 0, moves = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 300; seed++) {
		const char *t = traits[seed % ARRAY_SIZE(traits)];
		bool small = seed > 60;
		struct ht_cluster *c CLEANUP(ht_cluster_freep) = made(seed, small ? 3 + (int)(seed / 10 % 2) : t ? 10 : 0, small ? 16 : t ? 60 : 0, t);
		struct ht_balancer *b;
		struct ht_placement p;
		struct ht_view v;

		if (seed % 7 == 0)
			measure(c, seed, 2.5);
		o.ignore_soft_errors = seed % 5 == 0;
		ht_view_all(c, &v);
		b = ht_balancer_new(c, &v, &o);
		moves += screened(c, &o, 0, &ignored, &ignored);
		for (int i = 0; i < 30; i++) {
			struct ht_cluster *d CLEANUP(ht_cluster_freep) = ht_cluster_clone(c);
			double score = ht_balancer_score(b);

			if (!ht_balancer_step(b, &p))
				break;
			/* in between, and where hardly anything gains */
			if (i == 4 || i == 25)
				moves += screened(d, &o, score - p.score, small ? &ignored : &all, small ? &ignored : &out);
		}
		moves += screened(c, &o, 0, &ignored, &ignored);
		ht_balancer_free(b);
		ht_view_free(&v);
	}
	assert_true(moves > 100000 && all > 10000 && out > all / 2);
}

/* --- explanations --- */

/* Take the limit W away. */
static void lift(struct ht_cluster *c, const struct ht_why *w)
{
	struct ht_node *n = &c->nodes[w->node];
	struct ht_policy *p = arena_dup(c->a, n->policy, sizeof(*p));
	const char *limit = w->limit;
	bool forth = str_starts(limit, "forthcoming-");

	n->policy = p;
	limit += forth ? strlen("forthcoming-") : 0;
	if (str_eq(limit, "memory") && forth)
		n->s.f_mem_forth += 1 << 20;
	else if (str_eq(limit, "memory") || str_eq(limit, "n+1"))
		n->t_mem += 1 << 20;
	else if (str_eq(limit, "measured-memory"))
		n->rss = 1e9;
	else if (str_eq(limit, "disk"))
		*(forth ? &n->s.f_dsk_forth : &n->s.f_dsk) += 1 << 24;
	else if (str_eq(limit, "min-disk"))
		n->lo_dsk = INT64_MIN;
	else if (str_eq(limit, "spindles"))
		*(forth ? &n->s.f_spn_forth : &n->s.f_spn) += 1000;
	else if (str_eq(limit, "spindle-ratio"))
		n->hi_spn = 1e9;
	else if (str_eq(limit, "vcpu-ratio"))
		p->vcpu_ratio = 1e9;
	else if (str_eq(limit, "exclusion-tag"))
		n->tags.n = 0;
	else if (str_eq(limit, "affinity") || str_eq(limit, "antiaffinity"))
		for (int i = 0; i < c->n_insts; i++)
			c->insts[i].n_pools = 0;
	else if (str_eq(limit, "migration-tag"))
		for (int i = 0; i < c->n_nodes; i++)
			c->nodes[i].migrates_free = true;
	else
		fail_msg("limit %s is not known", w->limit);
}

/* Candidate X of INST is possible once the limits that are named are gone, one after the other; rolled back after. */
static int lift_all(struct ht_cluster *c, int inst, const struct ht_candidate *x, bool force)
{
	struct ht_cluster *d CLEANUP(ht_cluster_freep) = ht_cluster_clone(c);
	struct ht_why w = x->why;
	int n = 0;

	for (; n < 12; n++) {
		const char *before = w.limit;
		int node = w.node;
		struct ht_refusal r;
		struct ht_outcome o;
		enum ht_fail f;

		lift(d, &w);
		f = ht_move_why(d, &d->insts[inst], x->move, force, &r, &o);
		if (f == HT_OK)
			return n + 1;
		assert_int_equal(ht_why(d, &d->insts[inst], &r, &w), f);
		/* not the same again */
		assert_true(!str_eq(before, w.limit) || node != w.node || str_ends(before, "memory"));
	}
	fail_msg("a limit is not named rightly: %s", w.limit);
	return 0;
}

static void limits_named(void **state)
{
	struct ht_algo_opts o = ht_algo_defaults;
	int lifted = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct ht_cluster *c CLEANUP(ht_cluster_freep) = made(seed, 0, 0, seed % 2 ? "full tight tags" : seed % 3 ? "locations offline pools" :
							      "overcommit");
		struct ht_view v;

		ht_view_all(c, &v);
		if (seed % 4 == 1)
			measure(c, seed, 2.5);
		o.ignore_soft_errors = seed % 5 == 0;
		for (int inst = 0; inst < c->n_insts && inst < 20; inst++) {
			struct ht_candidate *all;
			int n = ht_candidates(c, &v, &o, inst, &all);

			for (int k = 0; k < n; k++) {
				struct ht_refusal r;
				struct ht_outcome out;
				struct ht_why w;
				enum ht_fail f = ht_move_why(c, &c->insts[inst], all[k].move, o.ignore_soft_errors, &r, &out);

				assert_int_equal(f, all[k].fail);
				if (f == HT_OK)
					continue;
				assert_int_equal(ht_why(c, &c->insts[inst], &r, &w), f);
				assert_true(*w.limit && *w.text);
				if (k % 7 == 0)
					lifted += lift_all(c, inst, &all[k], o.ignore_soft_errors);
			}
			free(all);
		}
		ht_view_free(&v);
	}
	assert_true(lifted > 500);
}

/* Bounds do their work: on a larger cluster few instances are looked at again after a move. */
static void few_looks(void **state)
{
	struct ht_cluster *c CLEANUP(ht_cluster_freep) = made(5, 60, 600, "drbd skewed");
	struct ht_algo_opts o = ht_algo_defaults;
	struct ht_balance_counts n;
	struct ht_balancer *b;
	struct ht_placement p;
	struct ht_view v;
	int steps = 0;

	(void)state;
	ht_view_all(c, &v);
	b = ht_balancer_new(c, &v, &o);
	while (steps < 100 && ht_balancer_step(b, &p))
		steps++;
	n = ht_balancer_counts(b);
	assert_int_equal(steps, 100);
	assert_true(n.full < 600 + 100 * 20);
	assert_true(n.bounded < 600 * 60 * 4 + 100 * 15000);
	assert_true(n.exact < 100 * 100);
	ht_balancer_free(b);
	ht_view_free(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_printed), cmocka_unit_test(numbers_read), cmocka_unit_test(file_round_trip),
		cmocka_unit_test(rolled_back), cmocka_unit_test(moves_add_up), cmocka_unit_test(best_moves), cmocka_unit_test(measured_memory),
		cmocka_unit_test(bounds_do_not_matter),
		cmocka_unit_test(best_moves_with_options), cmocka_unit_test(bound_holds), cmocka_unit_test(screening_holds), cmocka_unit_test(few_looks),
		cmocka_unit_test(limits_named), cmocka_unit_test(pools_counted), cmocka_unit_test(pools_scored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
