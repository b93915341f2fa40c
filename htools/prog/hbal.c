/* hbal: balances a node group. */
#include "htools/prog/prog.h"

#include <stdio.h>
#include <string.h>

/* The moves found. */
struct solution {
	struct ht_placement *v;
	int n, cap;
};

static int width_of(const char *s)
{
	int n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

int htool_name_width(const struct ht_cluster *c, const struct ht_view *v, bool nodes)
{
	int w = 0;

	for (int i = 0; i < (nodes ? v->n_nodes : v->n_insts); i++) {
		int x = width_of(nodes ? c->nodes[v->nodes[i]].alias : c->insts[v->insts[i]].alias);

		w = x > w ? x : w;
	}
	return w;
}

/* The line of move P, why it is made, and make it. */
static void explained(const struct htool *t, struct ht_cluster *c, const struct ht_view *v, const struct ht_algo_opts *o,
		      const struct ht_pace *pace, const struct ht_placement *p, int pos, int iw, int nw)
{
	struct str line CLEANUP(str_free) = { 0 };

	ht_solution_line(&line, c, p, pos, iw, nw);
	out("%s", str_get(&line));
	htool_explain(t, c, v, o, pace, p);
	ht_move_do(c, p->inst, p->move, o->ignore_soft_errors);
}

/* upstream: iterateDepth; the number of moves */
int htool_balance(const struct htool *t, struct ht_cluster *c, const struct ht_view *v, double min_score, bool show,
		  struct ht_placement **ret)
{
	struct solution s = { 0 };
	struct ht_algo_opts o;
	struct ht_balancer *b;
	struct ht_placement p;
	int iw = htool_name_width(c, v, false), nw = htool_name_width(c, v, true);
	int max = (int)htool_int(t, "max_length");

	htool_algo_opts(t, &o);
	b = ht_balancer_new(c, v, &o);
	while (ht_balance_more(ht_balancer_score(b), s.n, max, min_score)) {
		struct str line CLEANUP(str_free) = { 0 };
		bool explain = show && htool_opt(t, "explain");
		size_t mark = explain ? ht_mark(c) : 0;
		bool moved = ht_balancer_step(b, &p);

		if (explain) { /* back, explain, and again */
			ht_rollback(c, mark);
			if (moved)
				explained(t, c, v, &o, ht_balancer_pace(b), &p, s.n + 1, iw, nw);
		}
		if (!moved)
			break;
		GROW(s.v, s.n, s.cap);
		s.v[s.n++] = p;
		if (!show || explain)
			continue;
		ht_solution_line(&line, c, &p, s.n, iw, nw);
		out("%s", str_get(&line));
	}
	ht_balancer_free(b);
	*ret = s.v;
	return s.n;
}

/* upstream: checkCluster. 1: nothing to do. */
static int check_cluster(const struct htool *t, const struct ht_cluster *c)
{
	const char *suffix = ht_common_suffix(c, t->a);
	bool some = false;

	if (c->n_insts == 0) {
		out("Cluster is empty, exiting.");
		return 1;
	}
	for (int i = 0; i < c->n_insts && t->verbose > 1; i++) {
		if (!ht_inst_split(c, &c->insts[i]))
			continue;
		if (!some)
			fputs("Found instances belonging to multiple node groups:\n", stderr);
		some = true;
		fprintf(stderr, "  %s\n", c->insts[i].name);
	}
	if (some)
		fputs("These instances will not be moved.\n", stderr);
	out("Loaded %d nodes, %d instances", c->n_nodes, c->n_insts);
	if (*suffix && t->verbose > 1)
		out("Note: Stripping common suffix of '%s' from names", suffix);
	return 0;
}

/* The group to balance; RET is a view of VIEWS, or an empty one (upstream: selectGroup). */
static int select_group(const struct htool *t, const struct ht_cluster *c, const struct ht_view *views, int n,
			struct ht_view *ret, struct err *e)
{
	const char *want = htool_str(t, "group");
	int g;

	if (!want) {
		if (n > 1) {
			fputs("Found multiple node groups:\n", stderr);
			for (int i = 0; i < n; i++)
				fprintf(stderr, "  %s\n", c->groups[views[i].group].name);
			return err_plain(e, "Aborting.");
		}
		if (n == 0)
			return err_plain(e, "No groups found by splitCluster?!");
		*ret = views[0];
		return 0;
	}
	g = ht_find_group(c, want);
	if (g < 0) {
		fprintf(stderr, "Node group %s not found. Node group list is:\n", want);
		for (int i = 0; i < c->n_groups; i++)
			fprintf(stderr, "  %s\n", c->groups[i].name);
		return err_plain(e, "Aborting.");
	}
	*ret = (struct ht_view){ .group = g };
	for (int i = 0; i < n; i++)
		if (views[i].group == g)
			*ret = views[i];
	return 0;
}

static void show_names(const char *what, const struct strs *names)
{
	struct str s CLEANUP(str_free) = { 0 };

	hs_show_strs(&s, names);
	out("%s: %s", what, str_get(&s));
}

/* -vvvvv */
static void show_health(const struct htool *t, const struct ht_cluster *c, const struct ht_view *v)
{
	struct strs bad = { 0 }, happy = { 0 };
	struct str status CLEANUP(str_free) = { 0 };

	for (int i = 0; i < v->n_nodes; i++) {
		const struct ht_node *n = &c->nodes[v->nodes[i]];
		enum ht_fail f = ht_node_health(n);

		if (!n->offline && n->s.fail_n1) {
			strs_add(t->a, &bad, n->name);
			continue;
		}
		strs_add(t->a, &happy, n->name);
		str_add(&status, status.len ? ",(" : "(");
		hs_show_str(&status, n->name);
		str_addf(&status, f == HT_OK ? ",Ok ())" : ",Bad %s)", f == HT_OK ? "" : ht_fail_name(f));
	}
	show_names("Bad nodes", &bad);
	show_names("N+1 happy nodes", &happy);
	out("Node policy status: [%s]", str_get(&status));
}

/* upstream: checkGroup */
static void check_group(const struct htool *t, const struct ht_cluster *c, const struct ht_view *v)
{
	struct ht_list bad = { 0 };
	int insts, violating = 0;

	out("Group size %d nodes, %d instances", v->n_nodes, v->n_insts);
	out("Selected node group: %s", c->groups[v->group].name);
	ht_bad_items(c, v, &bad, &insts);
	if (t->verbose >= 1)
		out("Initial check done: %d bad nodes, %d bad instances.", bad.n, insts);
	if (t->verbose > 4)
		show_health(t, c, v);
	for (int i = 0; i < v->n_nodes; i++) {
		const struct ht_node *n = &c->nodes[v->nodes[i]];

		violating += (n->offline || !n->s.fail_n1) && ht_node_health(n) != HT_OK;
	}
	if (bad.n > 0)
		out("Cluster is not N+1 happy, continuing but no guarantee that the cluster will end N+1 happy.");
	if (violating > 0) {
		out("The cluster contains %d policy-violating nodes.", violating);
		out(htool_flag(t, "ignore_soft_errors") ? "Continuing, ignoring soft errors." :
		    "Continuing, but the set of moves might be too restricted; consider using the --ignore-soft-errors option.");
	}
	free(bad.v);
}

static void show_score(const struct ht_cluster *c, const struct ht_view *v, const char *what, double score)
{
	struct str s CLEANUP(str_free) = { 0 };

	str_addf(&s, "%s overall ", what);
	hs_fixed(&s, score, 8);
	str_addc(&s, '\n');
	ht_print_parts(&s, "  ", c, v);
	out_str(&s);
}

static void show_well_balanced(double score, double optimum, double min)
{
	struct str s CLEANUP(str_free) = { 0 };

	str_add(&s, "Cluster is already well balanced (initial score ");
	hs_general(&s, score, 6);
	str_add(&s, ",\noptimum score due to N+1 reservations ");
	hs_general(&s, optimum, 6);
	str_add(&s, ",\nminimum score ");
	hs_general(&s, min, 6);
	str_add(&s, ").\nNothing to do, exiting\n");
	out_str(&s);
}

static void show_result(const struct htool *t, const struct ht_cluster *c, const struct ht_view *v, double from,
			const struct ht_placement *p, int n)
{
	double to = ht_score(c, v);
	struct str s CLEANUP(str_free) = { 0 };
	double seconds = 0;

	for (int i = 0; i < n; i++)
		seconds += p[i].seconds;
	if (n == 0) {
		out("No solution found");
	} else if (t->verbose > 2) {
		show_score(c, v, "Final coefficients:  ", to);
	} else {
		str_add(&s, "Cluster score improved from ");
		hs_fixed(&s, from, 8);
		str_add(&s, " to ");
		hs_fixed(&s, to, 8);
		out("%s", str_get(&s));
	}
	if (t->verbose >= 1)
		out("Solution length=%d", n);
	if (t->verbose >= 1 && htool_float(t, "avoid_long_solutions") >= 0.01)
		out("Estimated time: %.0f seconds", seconds);
}

static int commands(const struct htool *t, const struct ht_cluster *c, const struct ht_placement *p, int n, struct err *e)
{
	struct str s CLEANUP(str_free) = { 0 };
	int *set CLEANUP(freep) = xcalloc((size_t)n + 1, sizeof(*set)), sets;
	bool first = htool_flag(t, "first_job_group");

	ht_split_jobs(c, p, n, set, &sets);
	ht_format_jobs(&s, c, p, n, set, first && sets > 1 ? 1 : sets, false);
	return htool_commands(t, first ? "First set of jobs:" : "Commands to run to reach the above solution:", str_get(&s), e);
}

static int execute(struct htool *t, const struct ht_cluster *c, const struct ht_placement *p, int n, struct err *e)
{
	int *set CLEANUP(freep) = xcalloc((size_t)n + 1, sizeof(*set)), n_sets;
	struct htool_sets sets CLEANUP(htool_sets_clear) = { 0 };

	if (n == 0)
		return 0;
	ht_split_jobs(c, p, n, set, &n_sets);
	if (htool_flag(t, "first_job_group"))
		n_sets = 1;
	htool_add_moves(t, &sets, "Executing jobset for instances ", c, p, n, set, n_sets);
	return htool_exec(t, &sets, "rebalancing via hbal", NULL, e);
}

static int balance(struct htool *t, struct ht_cluster *c, const struct ht_view *v, struct err *e)
{
	double from = ht_score(c, v), optimum = ht_score_optimum(c, v), min = htool_float(t, "min_score");
	struct ht_placement *moves CLEANUP(freep) = NULL;
	struct ht_totals before, after;
	int n;

	check_group(t, c, v);
	htool_print_insts(t, "Initial", c, v);
	htool_print_nodes(t, "Initial cluster", c, v);
	if (t->verbose > 2) {
		show_score(c, v, "Initial coefficients:", from);
	} else {
		struct str s CLEANUP(str_free) = { 0 };

		hs_fixed(&s, from, 8);
		out("Initial score: %s", str_get(&s));
	}
	if (from - optimum < min) {
		show_well_balanced(from, optimum, min);
		return 0;
	}
	out("Trying to minimize the CV...");
	ht_totals(c, v, &before);
	n = htool_balance(t, c, v, optimum + min, true, &moves);
	show_result(t, c, v, from, moves, n);
	if (commands(t, c, moves, n, e) < 0 || htool_save(t, c, "balanced", "after balancing", e) < 0)
		return -1;
	htool_print_insts(t, "Final", c, v);
	htool_print_nodes(t, "Final cluster", c, v);
	if (t->verbose > 3) {
		ht_totals(c, v, &after);
		out("Original: mem=%lld disk=%lld", (long long)before.f_mem, (long long)before.f_dsk);
		out("Final:    mem=%lld disk=%lld", (long long)after.f_mem, (long long)after.f_dsk);
	}
	return execute(t, c, moves, n, e);
}

int hbal_main(struct htool *t, struct err *e)
{
	struct ht_cluster *c CLEANUP(ht_cluster_freep) = NULL;
	struct ht_view *views, v;
	int n, rc;

	if (htool_no_args(t, e) < 0 || htool_read(t, &c, e) < 0)
		return -1;
	if (t->verbose > 1) {
		out("Loaded cluster tags: %s", strs_join(t->a, &c->tags, ","));
		htool_policy_line(c);
	}
	if (htool_set_status(t, c, e) < 0)
		return -1;
	if (check_cluster(t, c) == 1)
		return 0;
	if (htool_save(t, c, "original", "before balancing", e) < 0)
		return -1;
	views = ht_views(c, &n);
	rc = select_group(t, c, views, n, &v, e);
	if (rc == 0)
		rc = balance(t, c, &v, e);
	ht_views_free(views, n);
	return rc;
}
