/*
 * The moves of one instance share their parts: the instance leaves its nodes once, comes to each target in at most
 * two roles, and each move is the sum of what its nodes change. So a candidate costs a few additions and one square
 * root for each column, whatever the size of the cluster.
 */
#include "htools/algo/roles.h"

#include <math.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* A part of a move: is it possible, and what it changes. */
struct part {
	bool ok;
	struct ht_state s;
	struct delta d;
};
struct inst_parts {
	const struct ht_inst *i;
	const struct ht_node *p, *s;
	int pri, sec;
	bool force, force_p, force_s;   /* upstream: applyMoveEx */
	bool p_to_s;                    /* may migrate */
	struct part leave_p, leave_s;   /* the instance gone */
	struct part back_p;             /* gone and come back: what ReplaceSecondary does to the primary */
	struct part s_pri;              /* secondary becomes primary */
	struct part p_sec, s_sec;       /* secondary for a primary that the node keeps no memory for yet */
	struct delta rs, rp, rf, fr;    /* sums of two of these */
};

static void finish(const struct sweep *w, struct part *x, int node, bool ok)
{
	x->ok = ok;
	if (ok)
		score_delta(w->b, node, &x->s, &x->d);
}

/* NODE with state FROM takes the instance as primary; location scores are added by the caller. */
static void take_pri(const struct sweep *w, struct part *x, const struct ht_inst *i, int node, const struct ht_state *from,
		     bool force)
{
	const struct ht_node *n = &w->b->c->nodes[node];
	bool ok;

	x->s = *from;
	ok = ht_state_add_pri(n, &x->s, i, 0, force) == HT_OK;
	if (ok && i->excl.n)
		x->s.conflicts += ht_conflicts_add(n, i);
	finish(w, x, node, ok);
}

static void take_sec(const struct sweep *w, struct part *x, const struct ht_inst *i, int node, const struct ht_state *from,
		     int pri, bool only_role, bool force)
{
	x->s = *from;
	finish(w, x, node, ht_state_add_sec(&w->b->c->nodes[node], &x->s, i, pri, only_role, force) == HT_OK);
}

/* --- combining --- */

/* The score with A and B; how it changes the variances goes to the ranges. */
static double combine(struct sweep *w, const struct delta *x, const struct delta *y, double lin)
{
	const struct score *b = w->b;
	double inv = 1.0 / b->n, score = b->lin + x->lin + y->lin + lin;

#ifdef __SSE2__
	const __m128d vinv = _mm_set1_pd(inv), zero = _mm_setzero_pd();
	__m128d total = zero;

	for (int k = 0; k < b->k; k += 2) {
		__m128d ds = _mm_add_pd(_mm_loadu_pd(x->ds + k), _mm_loadu_pd(y->ds + k));
		__m128d q = _mm_add_pd(_mm_add_pd(_mm_loadu_pd(b->q + k), _mm_loadu_pd(x->dq + k)), _mm_loadu_pd(y->dq + k));
		__m128d s = _mm_mul_pd(_mm_add_pd(_mm_loadu_pd(b->s + k), ds), vinv);
		__m128d v = _mm_sub_pd(_mm_mul_pd(q, vinv), _mm_mul_pd(s, s));
		__m128d d = _mm_sub_pd(v, _mm_loadu_pd(b->var + k));

		v = _mm_max_pd(v, zero);
		total = _mm_add_pd(total, _mm_mul_pd(_mm_loadu_pd(b->w + k), _mm_sqrt_pd(v)));
		_mm_storeu_pd(w->dmin + k, _mm_min_pd(_mm_loadu_pd(w->dmin + k), d));
		_mm_storeu_pd(w->dmax + k, _mm_max_pd(_mm_loadu_pd(w->dmax + k), d));
		ds = _mm_max_pd(ds, _mm_sub_pd(zero, ds));
		_mm_storeu_pd(w->ds_max + k, _mm_max_pd(_mm_loadu_pd(w->ds_max + k), ds));
	}
	score += _mm_cvtsd_f64(total) + _mm_cvtsd_f64(_mm_unpackhi_pd(total, total));
#else
	for (int k = 0; k < b->k; k++) {
		double ds = x->ds[k] + y->ds[k], s = (b->s[k] + ds) * inv;
		double v = (b->q[k] + x->dq[k] + y->dq[k]) * inv - s * s, d = v - b->var[k];

		score += b->w[k] * sqrt(v > 0 ? v : 0);
		w->dmin[k] = d < w->dmin[k] ? d : w->dmin[k];
		w->dmax[k] = d > w->dmax[k] ? d : w->dmax[k];
		w->ds_max[k] = fabs(ds) > w->ds_max[k] ? fabs(ds) : w->ds_max[k];
	}
#endif
	w->scored++;
	return score;
}

void sweep_prune(struct sweep *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->n_kept; i++)
		if (w->kept[i].score <= w->limit)
			w->kept[n++] = w->kept[i];
	w->n_kept = n;
}

static void keep(struct sweep *w, const struct inst_parts *a, int inst, struct ht_move m, int order, const struct delta *x,
		 const struct delta *y, int new_pri, int64_t loc)
{
	const struct ht_node *p = &w->b->c->nodes[new_pri];
	double lin = p->offline || a->i->forthcoming ? 0 : (double)loc; /* of the new primary */
	double score;

	lin += score_pairs(w->b, a->i, a->pri, new_pri);
	score = combine(w, x, y, lin);
	if (!w->any || score < w->best)
		w->best = score;
	w->any = true;
	if (!(score <= w->limit))
		return;
	if (score + 2 * w->b->eps < w->limit)
		w->limit = score + 2 * w->b->eps;
	if (w->n_kept >= 4096 && (w->n_kept & (w->n_kept - 1)) == 0)
		sweep_prune(w);
	GROW(w->kept, w->n_kept, w->cap_kept);
	w->kept[w->n_kept++] = (struct candidate){ inst, order, m, score };
}

/* --- DRBD --- */

static void mark_peers(const struct ht_node *n, int64_t *scratch, bool set)
{
	for (int i = 0; i < n->peers.n; i++)
		scratch[n->peers.v[i].node] = set ? n->peers.v[i].mem : 0;
}

static void drbd_parts(const struct sweep *w, struct inst_parts *a)
{
	const struct ht_cluster *c = w->b->c;

	a->p = &c->nodes[a->pri];
	a->s = &c->nodes[a->sec];
	a->force = w->o->ignore_soft_errors;
	a->force_p = a->force || a->p->offline;
	a->force_s = a->force || a->s->offline;
	a->p_to_s = ht_may_migrate(a->p, a->s);
	a->leave_p.s = a->p->s;
	ht_state_del_pri(a->p, &a->leave_p.s, a->i, a->i->loc_score);
	if (a->i->excl.n)
		a->leave_p.s.conflicts += ht_conflicts_del(a->p, a->i);
	finish(w, &a->leave_p, a->pri, true);
	a->leave_s.s = a->s->s;
	ht_state_del_sec(a->s, &a->leave_s.s, a->i, a->pri);
	finish(w, &a->leave_s, a->sec, true);

	a->back_p.s = a->leave_p.s;
	a->back_p.ok = ht_state_add_pri(a->p, &a->back_p.s, a->i, 0, true) == HT_OK;
	a->back_p.s.conflicts = a->p->s.conflicts;
	finish(w, &a->back_p, a->pri, a->back_p.ok);
	take_pri(w, &a->s_pri, a->i, a->sec, &a->leave_s.s, a->force_p);
	/* a primary that is no peer: the least memory that can be kept */
	take_sec(w, &a->p_sec, a->i, a->pri, &a->leave_p.s, HT_NONE, false, a->force_s);
	take_sec(w, &a->s_sec, a->i, a->sec, &a->leave_s.s, HT_NONE, false, a->force_p);
	delta_add(&a->rs, &a->leave_s.d, &a->back_p.d, COLS);
	delta_add(&a->rp, &a->leave_p.d, &a->s_sec.d, COLS);
	delta_add(&a->rf, &a->leave_s.d, &a->p_sec.d, COLS);
	delta_add(&a->fr, &a->leave_p.d, &a->s_pri.d, COLS);
}

static void drbd_failover(struct sweep *w, struct inst_parts *a, int inst)
{
	struct part x;

	if (!a->p_to_s || !a->s_pri.ok)
		return;
	take_sec(w, &x, a->i, a->pri, &a->leave_p.s, a->sec, a->p->offline, a->force_p);
	if (!x.ok)
		return;
	keep(w, a, inst, (struct ht_move){ HT_FAILOVER, HT_NONE }, 0, &x.d, &a->s_pri.d, a->sec, a->i->loc_score);
}

/* Secondary role of a node for target T: as prepared, unless memory is kept for T there already. */
static const struct part *sec_for(const struct sweep *w, const struct part *usual, struct part *x, const struct ht_inst *i, int node,
				  const struct ht_state *from, int t, const int64_t *peers, bool force)
{
	if (peers[t] == 0)
		return usual;
	take_sec(w, x, i, node, from, t, false, force);
	return x;
}

/* Is it all the same for N as secondary which of the two nodes is primary? */
static bool same_kept(const struct ht_node *n, const struct inst_parts *a)
{
	int64_t p = ht_peers_get(&n->peers, a->pri), s = ht_peers_get(&n->peers, a->sec);
	int64_t need = ht_inst_uses_sec_mem(a->i) ? a->i->mem : 0;

	return p == s || (p + need <= n->s.r_mem && s + need <= n->s.r_mem);
}

static void drbd_target(struct sweep *w, struct inst_parts *a, int inst, int t, int order, bool use_sec)
{
	const struct ht_cluster *c = w->b->c;
	const struct ht_node *n = &c->nodes[t];
	const struct ht_inst *i = a->i;
	bool restricted = w->o->restricted_migration;
	bool all = w->o->inst_moves && !(restricted && !a->p->offline);
	struct part sec, pri, other;
	const struct part *role;
	struct delta sum;

	if (a->back_p.ok) {
		take_sec(w, &sec, i, t, &n->s, a->pri, false, a->force_s);
		if (sec.ok) /* the primary stays: both location scores are its */
			keep(w, a, inst, (struct ht_move){ HT_REPLACE_SEC, t }, order, &a->rs, &sec.d, a->pri,
			     ht_shared_locations(c, a->pri, t));
	}
	if (!all)
		return;
	take_pri(w, &pri, i, t, &n->s, a->force);
	role = sec_for(w, &a->p_sec, &other, i, a->pri, &a->leave_p.s, t, w->peers_p, a->force_s);
	if (pri.ok && role->ok && ht_may_migrate(a->p, n)) {
		if (role == &other)
			delta_add(&sum, &a->leave_s.d, &other.d, w->b->k);
		keep(w, a, inst, (struct ht_move){ HT_REPLACE_FAILOVER, t }, order + 1, role == &other ? &sum : &a->rf, &pri.d, t,
		     ht_shared_locations(c, t, a->pri));
	}
	if (!use_sec || !a->p_to_s || !a->s_pri.ok)
		return;
	if (!restricted) {
		if (a->force_p != a->force)
			take_pri(w, &pri, i, t, &n->s, a->force_p);
		role = sec_for(w, &a->s_sec, &other, i, a->sec, &a->leave_s.s, t, w->peers_s, a->force_p);
		if (pri.ok && role->ok && ht_may_migrate(a->s, n)) {
			if (role == &other)
				delta_add(&sum, &a->leave_p.d, &other.d, w->b->k);
			keep(w, a, inst, (struct ht_move){ HT_REPLACE_PRI, t }, order + 2, role == &other ? &sum : &a->rp, &pri.d, t,
			     ht_shared_locations(c, t, a->sec));
		}
	}
	if (a->force_s != a->force_p || !a->back_p.ok || !same_kept(n, a))
		take_sec(w, &sec, i, t, &n->s, a->sec, false, a->force_p);
	if (sec.ok)
		keep(w, a, inst, (struct ht_move){ HT_FAILOVER_REPLACE, t }, order + 3, &a->fr, &sec.d, a->sec,
		     ht_shared_locations(c, a->sec, t));
}

static void sweep_drbd(struct sweep *w, int inst, const int *targets, int n, bool failover)
{
	const struct ht_cluster *c = w->b->c;
	struct inst_parts a = { .i = &c->insts[inst] };
	bool use_sec;

	a.pri = a.i->pri;
	a.sec = a.i->sec;
	if (a.sec == HT_NONE)
		return;
	use_sec = w->b->row[a.sec] >= 0 && w->o->inst_moves;
	drbd_parts(w, &a);
	if (failover && use_sec)
		drbd_failover(w, &a, inst);
	if (!w->o->disk_moves)
		return;
	mark_peers(a.p, w->peers_p, true);
	mark_peers(a.s, w->peers_s, true);
	/* memory kept for the old primary goes with the instance; it is no target */
	for (int k = 0; k < n; k++)
		if (targets[k] != a.pri && targets[k] != a.sec)
			drbd_target(w, &a, inst, targets[k], 1 + 4 * w->b->row[targets[k]], use_sec);
	mark_peers(a.p, w->peers_p, false);
	mark_peers(a.s, w->peers_s, false);
}

/* --- shared storage --- */

static void sweep_shared(struct sweep *w, int inst, const int *targets, int n)
{
	const struct ht_cluster *c = w->b->c;
	struct inst_parts a = { .i = &c->insts[inst] };

	if (!w->o->inst_moves)
		return;
	a.pri = a.i->pri;
	a.p = &c->nodes[a.pri];
	a.leave_p.s = a.p->s;
	ht_state_del_pri(a.p, &a.leave_p.s, a.i, a.i->loc_score);
	if (a.i->excl.n)
		a.leave_p.s.conflicts += ht_conflicts_del(a.p, a.i);
	finish(w, &a.leave_p, a.pri, true);
	for (int k = 0; k < n; k++) {
		int t = targets[k];
		struct part pri;

		if (t == a.pri || t == a.i->sec || !ht_may_migrate(a.p, &c->nodes[t]))
			continue;
		take_pri(w, &pri, a.i, t, &c->nodes[t].s, w->o->ignore_soft_errors || a.p->offline);
		if (pri.ok)
			keep(w, &a, inst, (struct ht_move){ HT_FAILOVER_TO, t }, 1 + 4 * w->b->row[t], &a.leave_p.d, &pri.d, t,
			     a.i->loc_score);
	}
}

void sweep_inst(struct sweep *w, int inst, const int *targets, int n, bool failover)
{
	w->any = false;
	w->best = INFINITY;
	for (int k = 0; k < COLS; k++) {
		w->dmin[k] = INFINITY;
		w->dmax[k] = -INFINITY;
		w->ds_max[k] = 0;
	}
	switch (ht_template_mirror(w->b->c->insts[inst].tmpl)) {
	case HT_MIRROR_NONE:
		break;
	case HT_MIRROR_INTERNAL:
		sweep_drbd(w, inst, targets, n, failover);
		break;
	case HT_MIRROR_EXTERNAL:
		sweep_shared(w, inst, targets, n);
		break;
	}
}
