/* hcheck: how healthy the groups are, and whether balancing would mend them. */
#include "htools/prog/prog.h"

#include <ctype.h>
#include <stdio.h>

enum check { CHECK_N1, CHECK_TAGS, CHECK_OFFLINE_PRI, CHECK_OFFLINE_SEC, CHECK_GLOBAL_N1, CHECK_POOLS, N_CHECK };
static const struct {
	const char *key, *doc;
} checks[N_CHECK] = {
	{ "N1_FAIL", "Nodes not N+1 happy" },
	{ "CONFLICT_TAGS", "Nodes with conflicting instances" },
	{ "OFFLINE_PRI", "Instances having the primary node offline" },
	{ "OFFLINE_SEC", "Instances having a secondary node offline" },
	{ "GN1_FAIL", "Nodes not directly evacuateable" },
	{ "POOL_FAIL", "Instances too near to others of their pool, or too far" },
};
struct result {
	int count[N_CHECK];
	double score;
	struct level { /* --redundancy: nodes, then each kind of location */
		bool known;
		int n;
	} *level;
};
struct hcheck {
	struct htool *t;
	struct ht_cluster *c;
	struct ht_view *views;
	int n_views;
	bool made[N_CHECK]; /* which checks */
	bool machine;
	size_t n_levels;
	struct strs kinds; /* of locations */
	struct ht_algo_opts algo;
};

static struct level *levels(const struct hcheck *r)
{
	return ARENA_ARRAY(r->t->a, struct level, r->n_levels + 1);
}

static struct result check_group(const struct hcheck *r, const struct ht_view *v)
{
	struct result x = { .score = ht_score(r->c, v), .level = levels(r) };
	struct ht_list bad = { 0 };

	ht_bad_items(r->c, v, &bad, NULL);
	x.count[CHECK_N1] = bad.n;
	free(bad.v);
	for (int k = 0; k < v->n_nodes; k++) {
		const struct ht_node *n = &r->c->nodes[v->nodes[k]];

		x.count[CHECK_TAGS] += n->s.conflicts > 0;
		x.count[CHECK_OFFLINE_PRI] += n->offline ? n->pri.n : 0;
		x.count[CHECK_OFFLINE_SEC] += n->offline; /* upstream counts the nodes here */
		if (r->made[CHECK_GLOBAL_N1])
			x.count[CHECK_GLOBAL_N1] += !ht_can_evacuate(r->c, v, v->nodes[k]);
	}
	for (int k = 0; k < v->n_insts; k++)
		x.count[CHECK_POOLS] += ht_pools_violated(r->c, &r->c->insts[v->insts[k]]) > 0;
	for (size_t i = 0; i < r->n_levels; i++)
		x.level[i].known = ht_redundancy(r->c, v, &r->algo, i ? r->kinds.v[i - 1] : NULL, &x.level[i].n) == 0;
	return x;
}

/* The level of the cluster is that of its worst group. */
static void add_levels(const struct hcheck *r, struct level *to, const struct level *l)
{
	for (size_t i = 0; i < r->n_levels; i++) {
		if (!l[i].known)
			continue;
		to[i].n = to[i].known && to[i].n < l[i].n ? to[i].n : l[i].n;
		to[i].known = true;
	}
}

static const char *level_key(const struct hcheck *r, size_t i)
{
	char *key = (char *)(i ? arena_printf(r->t->a, "REDUNDANCY_%s", r->kinds.v[i - 1]) : arena_strdup(r->t->a, "REDUNDANCY"));

	for (char *p = key; *p; p++)
		*p = isalnum((unsigned char)*p) ? *p : '_';
	return key;
}

static void key_levels(struct str *s, const char *level, const struct hcheck *r, const struct result *x)
{
	for (size_t i = 0; i < r->n_levels; i++)
		if (x->level[i].known)
			ht_print_key(s, "HCHECK", arena_printf(r->t->a, "%s_%s", level, level_key(r, i)),
				     arena_printf(r->t->a, "%d", x->level[i].n));
}

static void tell_levels(const char *whose, const struct hcheck *r, const struct result *x)
{
	for (size_t i = 0; i < r->n_levels; i++)
		if (x->level[i].known)
			out("    %s redundancy level%s%s: %d", whose, i ? " for " : "", i ? r->kinds.v[i - 1] : "", x->level[i].n);
}

/* GROUP: its score; else what is said of the cluster. Upstream has the level of redundancy behind the one, before the other. */
static void show_machine(const char *level, const struct hcheck *r, const struct result *x, bool group, const char *value)
{
	struct str s CLEANUP(str_free) = { 0 };

	for (int i = 0; i < N_CHECK; i++)
		if (r->made[i])
			ht_print_key(&s, "HCHECK", arena_printf(r->t->a, "%s_%s", level, checks[i].key),
				     arena_printf(r->t->a, "%d", x->count[i]));
	if (!group)
		key_levels(&s, level, r, x);
	ht_print_key(&s, "HCHECK", arena_printf(r->t->a, "%s_%s", level, group ? "SCORE" : "NEED_REBALANCE"), value);
	if (group)
		key_levels(&s, level, r, x);
	out_str(&s);
}

static void show_human(const char *title, const struct hcheck *r, const struct result *x, bool group, const char *value)
{
	if (r->t->verbose < 1)
		return;
	out("\n%s", title);
	for (int i = 0; i < N_CHECK; i++)
		if (r->made[i])
			out("    %s: %d", checks[i].doc, x->count[i]);
	if (!group)
		tell_levels("Cluster", r, x);
	out("    %s: %s", group ? "Group score" : "Cluster is not healthy", value);
	if (group)
		tell_levels("Group", r, x);
}

/* One phase: every group and the cluster. The sum of all findings. */
static int check_all(const struct hcheck *r, bool first, struct result *ret_total)
{
	struct arena *a = r->t->a;
	struct result *x = ARENA_ARRAY(a, struct result, (size_t)r->n_views + 1);
	int sum = 0;

	*ret_total = (struct result){ .level = levels(r) };
	for (int g = 0; g < r->n_views; g++) {
		x[g] = check_group(r, &r->views[g]);
		for (int i = 0; i < N_CHECK; i++) {
			ret_total->count[i] += x[g].count[i];
			sum += x[g].count[i];
		}
		add_levels(r, ret_total->level, x[g].level);
	}
	if (first && r->t->verbose >= 1 && !r->machine)
		out(htool_flag(r->t, "no_simulation") ? "Running in no-simulation mode." :
		    sum > 0 ? "Cluster needs rebalancing." : "No need to rebalance cluster, no problems found.");
	for (int g = 0; g < r->n_views; g++) {
		int group = r->views[g].group;
		struct str score CLEANUP(str_free) = { 0 };

		hs_fixed(&score, x[g].score, 8);
		if (r->machine)
			show_machine(arena_printf(a, "%s_GROUP_%d", first ? "INIT" : "FINAL", group + r->c->base), r, &x[g], true,
				     str_get(&score));
		else
			show_human(arena_printf(a, "Statistics for group %s %s", r->c->groups[group].name,
						first ? "initially" : "after rebalancing"),
				   r, &x[g], true, str_get(&score));
	}
	return sum;
}

static void show_cluster(const struct hcheck *r, bool first, const struct result *total, bool needed)
{
	if (r->machine)
		show_machine(first ? "INIT_CLUSTER" : "FINAL_CLUSTER", r, total, false, needed ? "1" : "0");
	else
		show_human(arena_printf(r->t->a, "Cluster statistics %s", first ? "initially" : "after rebalancing"), r, total,
			   false, needed ? "True" : "False");
}

static void simulate(const struct hcheck *r)
{
	for (int g = 0; g < r->n_views; g++) {
		struct ht_placement *moves CLEANUP(freep) = NULL;
		double min = htool_float(r->t, "min_score") + ht_score_optimum(r->c, &r->views[g]);

		if (!(ht_score(r->c, &r->views[g]) < min))
			htool_balance(r->t, r->c, &r->views[g], min, false, &moves);
	}
}

static void show_groups(const struct hcheck *r)
{
	struct str s CLEANUP(str_free) = { 0 };

	for (int g = 0; g < r->c->n_groups; g++)
		ht_print_key(&s, "HCHECK", arena_printf(r->t->a, "GROUP_UUID_%d", g + r->c->base), r->c->groups[g].uuid);
	out_str(&s);
}

int hcheck_main(struct htool *t, struct err *e)
{
	struct ht_cluster *c CLEANUP(ht_cluster_freep) = NULL;
	struct hcheck r = { .t = t, .machine = htool_flag(t, "machine_readable") };
	bool needed, simulated;
	struct result total;

	if (htool_no_args(t, e) < 0 || htool_read(t, &c, e) < 0 || htool_set_status(t, c, e) < 0)
		return -1;
	r.c = c;
	for (int i = 0; i < N_CHECK; i++)
		r.made[i] = true;
	r.made[CHECK_GLOBAL_N1] = json_get_bool(t->opts, "capacity_checks", true);
	r.made[CHECK_POOLS] = ht_pools_have(c, false);
	if (htool_flag(t, "redundancy")) {
		htool_algo_opts(t, &r.algo);
		r.kinds = ht_location_kinds(c, t->a);
		r.n_levels = r.kinds.n + 1;
	}
	r.views = ht_views(c, &r.n_views);
	if (r.machine)
		show_groups(&r);
	needed = check_all(&r, true, &total) > 0;
	show_cluster(&r, true, &total, needed);
	simulated = needed && !htool_flag(t, "no_simulation");
	if (simulated)
		simulate(&r);
	if (simulated || r.machine) {
		check_all(&r, false, &total);
		show_cluster(&r, false, &total, needed); /* upstream looks at what was found before here */
	}
	if (r.machine)
		out("HCHECK_OK=1");
	ht_views_free(r.views, r.n_views);
	return simulated ? EXIT_FAILURE : EXIT_SUCCESS;
}
