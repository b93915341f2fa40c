/* Getting an instance off its nodes (upstream: Cluster.Evacuate). */
#include "htools/algo/score.h"

#include <math.h>
#include <string.h>

/* The nodes of GROUP, and INST, the only one that moves. */
static struct ht_view group_view(const struct ht_cluster *c, int group, int inst)
{
	struct ht_view v = { .group = group };

	v.nodes = xcalloc((size_t)c->n_nodes + 1, sizeof(int));
	v.insts = xcalloc(1, sizeof(int));
	for (int i = 0; i < c->n_nodes; i++)
		if (c->nodes[i].group == group)
			v.nodes[v.n_nodes++] = i;
	v.insts[v.n_insts++] = inst;
	return v;
}

/* Tell about a place, or what keeps the instance from it. */
static void tell(const struct ht_algo_opts *o, const struct ht_cluster *c, const struct ht_inst *i, const struct ht_outcome *place,
		 enum ht_fail f, const struct ht_refusal *r, double before, double score)
{
	struct ht_why why = { .limit = "", .node = HT_NONE };

	if (!o || !o->watch)
		return;
	if (f != HT_OK)
		ht_why(c, i, r, &why);
	o->watch->seen(o->watch->arg, place->pri, ht_inst_has_sec(i) ? place->sec : HT_NONE, f, &why, before, score);
}

/*
 * The node of AVAIL to which a move of kind KIND scores best; of equal ones the last (upstream's comparison). -1 with
 * the reasons in WHY if none works. The scores by sums say which need the exact one.
 */
static int best_target(const struct score *b, const struct ht_algo_opts *opts, const struct ht_inst *i, enum ht_move_kind kind,
		       bool force, const int *avail, int n, struct ht_outcome *ret, struct str *why)
{
	double *approx = xcalloc((size_t)n + 1, sizeof(*approx)), least = INFINITY, best = INFINITY;
	bool sums = isfinite(b->exact) && isfinite(b->eps), any = false;
	int found = -1;

	for (int k = 0; k < n; k++) {
		struct ht_outcome o;
		struct ht_refusal r;
		enum ht_fail f = ht_move_why(b->c, i, (struct ht_move){ kind, avail[k] }, force, &r, &o);

		if (opts && opts->watch) {
			o.pri = kind == HT_REPLACE_SEC ? i->pri : avail[k];
			o.sec = kind == HT_REPLACE_SEC ? avail[k] : i->sec;
			tell(opts, b->c, i, &o, f, &r, b->exact, f == HT_OK ? score_exact(b, &o, i) : NAN);
		}
		approx[k] = INFINITY;
		if (f != HT_OK) {
			if (!any && why)
				str_addf(why, " Node %s failed: %s;", b->c->nodes[avail[k]].name, ht_fail_name(f));
			continue;
		}
		any = true;
		approx[k] = sums ? score_approx(b, &o, i) : 0;
		least = approx[k] < least ? approx[k] : least;
	}
	for (int k = 0; k < n; k++) {
		struct ht_outcome o;
		double s;

		if (!(approx[k] <= least + 2 * b->eps) && sums)
			continue;
		if (isinf(approx[k]) || ht_move_try(b->c, i, (struct ht_move){ kind, avail[k] }, force, &o) != HT_OK)
			continue;
		s = score_exact(b, &o, i);
		if (found >= 0 && best < s)
			continue;
		best = s;
		found = k;
		*ret = o;
	}
	free(approx);
	return found < 0 ? -1 : avail[found];
}

static int to_best(struct ht_cluster *c, const struct ht_algo_opts *opts, int inst, enum ht_move_kind kind, bool force, int group,
		   const int *avail, int n, struct str *why)
{
	struct ht_view v = group_view(c, group, inst);
	struct ht_outcome o;
	struct score b;
	int t;

	score_init(&b, c, &v);
	t = best_target(&b, opts, &c->insts[inst], kind, force, avail, n, &o, why);
	if (t >= 0)
		ht_move_apply(c, inst, &o);
	score_free(&b);
	ht_view_free(&v);
	return t;
}

int ht_evac_to_best(struct ht_cluster *c, int inst, enum ht_move_kind kind, bool force, int group, const int *avail, int n,
		    struct str *why)
{
	return to_best(c, NULL, inst, kind, force, group, avail, n, why);
}

static int one_node(struct ht_cluster *c, const struct ht_algo_opts *o, int inst, enum ht_evac_mode mode, int group, const int *avail,
		    int n, struct ht_move *ret, struct err *e)
{
	struct str why CLEANUP(str_free) = { 0 };
	const struct ht_inst *i = &c->insts[inst];
	bool drbd = ht_inst_has_sec(i);

	if (!drbd && mode == HT_EVAC_SECONDARY)
		return err_plain(e, "Instances with disk template '%s' can't execute change secondary",
				 enum_name(&enum_disk_template, i->tmpl));
	ret->kind = drbd ? HT_REPLACE_SEC : HT_FAILOVER_TO;
	ret->node = to_best(c, o, inst, ret->kind, o->ignore_soft_errors, group, avail, n, &why);
	return ret->node < 0 ? err_plain(e, "Can't find any good node: %s", str_get(&why)) : 0;
}

/* --- DRBD to two new nodes (upstream: evacDrbdAllInner) --- */

/* An instance on its way to two nodes. */
struct journey {
	struct ht_cluster *c;
	const struct ht_algo_opts *o;
	int inst, pri, sec;
	double before;   /* score */
	bool told;       /* failures are */
	struct ht_move *moves;
	int *n;
};

static int step(const struct journey *j, struct ht_move m, const char *what, struct err *e)
{
	const struct ht_outcome place = { .pri = j->pri, .sec = j->sec };
	bool force = j->o->ignore_soft_errors;
	struct ht_refusal r;
	struct ht_outcome o;
	enum ht_fail f = ht_move_why(j->c, &j->c->insts[j->inst], m, force, &r, &o);

	if (f != HT_OK) {
		if (j->told)
			tell(j->o, j->c, &j->c->insts[j->inst], &place, f, &r, j->before, NAN);
		return err_plain(e, "%s: %s", what, ht_fail_name(f));
	}
	ht_move_apply(j->c, j->inst, &o);
	j->moves[(*j->n)++] = m;
	return 0;
}

static int to_pair(const struct journey *j, struct err *e)
{
	const struct ht_move over = { HT_FAILOVER, HT_NONE };

	*j->n = 0;
	if (j->c->nodes[j->c->insts[j->inst].pri].offline && step(j, over, "Failing over to the secondary", e) < 0)
		return -1;
	if (step(j, (struct ht_move){ HT_REPLACE_SEC, j->pri }, "Changing secondary to new primary", e) < 0 ||
	    step(j, over, "Failing over to new primary", e) < 0)
		return -1;
	return step(j, (struct ht_move){ HT_REPLACE_SEC, j->sec }, "Changing secondary to final secondary", e);
}

/* Pairs of nodes by sums: which cannot be the best, so that nobody needs their scores? */
struct pairs_sums {
	bool on;
	struct score b;
	struct ht_inst was;      /* before it moved */
	struct ht_state *states; /* by node: likewise */
	double tags;             /* what pairs of tags change of the score with the primary in question */
};

static void sums_init(struct pairs_sums *x, const struct ht_cluster *c, const struct ht_view *v, int inst, bool all)
{
	x->was = c->insts[inst];
	if (all)
		return;
	score_init_for(&x->b, c, v, &x->was);
	x->on = isfinite(x->b.exact) && isfinite(x->b.eps);
	x->states = xcalloc((size_t)c->n_nodes + 1, sizeof(*x->states));
	for (int k = 0; k < c->n_nodes; k++)
		x->states[k] = c->nodes[k].s;
}

static void sums_free(struct pairs_sums *x)
{
	if (x->states)
		score_free(&x->b);
	free(x->states);
}

/* The instance is on PRI and SEC now: is that sure to be worse than BEST? Four nodes are others, where a move has three. */
static bool is_worse(const struct pairs_sums *x, int pri, int sec, double best)
{
	const int nodes[] = { x->was.pri, x->was.sec, pri, sec };
	struct delta sum = { .lin = x->tags }, d;

	for (int k = 0; k < 4; k++) {
		bool again = k >= 2 && (nodes[k] == nodes[0] || nodes[k] == nodes[1]);

		if (again || x->b.c->nodes[nodes[k]].group != x->b.v->group)
			continue;
		score_delta_from(&x->b, nodes[k], &x->states[nodes[k]], &x->b.c->nodes[nodes[k]].s, &d);
		delta_add(&sum, &sum, &d, x->b.k);
	}
	return score_with(&x->b, &sum) > best + 2 * x->b.eps;
}

static int two_nodes(struct ht_cluster *c, const struct ht_algo_opts *o, int inst, int group, const int *avail, int n,
		     struct ht_move ret_moves[4], int *ret_n, struct err *e)
{
	struct ht_view v = group_view(c, group, inst);
	struct journey j = { .c = c, .o = o, .inst = inst, .before = o->watch ? ht_score(c, &v) : 0, .told = true,
			     .moves = ret_moves, .n = ret_n };
	struct err last CLEANUP(err_clear) = ERR_NONE;
	struct pairs_sums sums = { .on = false };
	double best = INFINITY;
	int pri = -1, sec = -1;

	sums_init(&sums, c, &v, inst, o->watch != NULL);
	for (int k = 0; k < n * n; k++) {
		size_t mark;

		if (sums.on && k % n == 0)
			sums.tags = score_pairs(&sums.b, &sums.was, sums.was.pri, avail[k / n]);
		if (k / n == k % n)
			continue;
		mark = ht_mark(c);
		j.pri = avail[k / n];
		j.sec = avail[k % n];
		if (to_pair(&j, &last) == 0 && !(sums.on && is_worse(&sums, j.pri, j.sec, best))) {
			const struct ht_outcome place = { .pri = j.pri, .sec = j.sec };
			double s = ht_score(c, &v);

			tell(o, c, &c->insts[inst], &place, HT_OK, NULL, j.before, s);
			if (pri < 0 || !(best < s)) {
				best = s;
				pri = j.pri;
				sec = j.sec;
			}
		}
		ht_rollback(c, mark);
	}
	sums_free(&sums);
	ht_view_free(&v);
	if (pri < 0)
		return err_plain(e, "Can't find any good nodes for relocation: %s%s", last.msg ? "Allocation failed: " : "no nodes available",
				 last.msg ? err_msg(&last) : "");
	j.pri = pri;
	j.sec = sec;
	j.told = false;
	return to_pair(&j, e);
}

/* A DRBD instance changes its roles. */
static int over(struct ht_cluster *c, const struct ht_algo_opts *o, int inst, struct err *e)
{
	const struct ht_inst *i = &c->insts[inst];
	const struct ht_outcome place = { .pri = i->sec, .sec = i->pri };
	struct ht_view v = group_view(c, c->nodes[i->pri].group, inst);
	double before = o->watch ? ht_score(c, &v) : 0;
	struct ht_refusal r;
	struct ht_outcome x;
	enum ht_fail f = ht_move_why(c, i, (struct ht_move){ HT_FAILOVER, HT_NONE }, o->ignore_soft_errors, &r, &x);

	if (f == HT_OK)
		ht_move_apply(c, inst, &x);
	tell(o, c, i, &place, f, &r, before, o->watch && f == HT_OK ? ht_score(c, &v) : NAN);
	ht_view_free(&v);
	return f == HT_OK ? 0 : err_plain(e, "%s", ht_fail_name(f));
}

int ht_evac_inst(struct ht_cluster *c, const struct ht_algo_opts *o, int inst, enum ht_evac_mode mode, int group, const int *avail,
		 int n_avail, struct ht_move ret_moves[4], int *ret_n, struct err *e)
{
	enum disk_template t = c->insts[inst].tmpl;

	if (t == disk_template_plain || t == disk_template_file)
		return err_plain(e, "Instances of type %s cannot be relocated", enum_name(&enum_disk_template, t));
	if (t != disk_template_drbd || mode == HT_EVAC_SECONDARY) {
		*ret_n = 1;
		return one_node(c, o, inst, mode, group, avail, n_avail, ret_moves, e);
	}
	if (mode == HT_EVAC_ALL)
		return two_nodes(c, o, inst, group, avail, n_avail, ret_moves, ret_n, e);
	*ret_n = 1;
	ret_moves[0] = (struct ht_move){ HT_FAILOVER, HT_NONE };
	return over(c, o, inst, e);
}
