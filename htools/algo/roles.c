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
	int pri, sec, kind;
	bool force, force_p, force_s;   /* upstream: applyMoveEx */
	bool p_to_s;                    /* may migrate */
	struct fixed *fx;
	bool left;                      /* are these made? */
	struct part leave_p, leave_s;   /* the instance gone */
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
	bool ok = ht_try_pri(n, from, &x->s, i, 0, force) == HT_OK;

	if (ok && i->excl.n)
		x->s.conflicts += ht_conflicts_add(n, i);
	finish(w, x, node, ok);
}

/* Memory kept on NODE in case OTHER fails. */
static int64_t kept_for(const struct sweep *w, int node, int other)
{
	if (w->kept)
		return w->kept[(size_t)w->at[other] * (size_t)w->b->v->n_nodes + (size_t)w->at[node]];
	return ht_peers_get(&w->b->c->nodes[node].peers, other);
}

static void take_sec(const struct sweep *w, struct part *x, const struct ht_inst *i, int node, const struct ht_state *from,
		     int64_t kept, bool only_role, bool force)
{
	finish(w, x, node, ht_try_sec(&w->b->c->nodes[node], from, &x->s, i, kept, only_role, force) == HT_OK);
}

/* What target T changes by taking the instance in either role; NULL: it is of no kind. */
static const struct taken *taken_by(const struct sweep *w, const struct inst_parts *a, int t)
{
	int row = w->b->row[t];
	struct taken *x;
	struct part part;

	if (a->kind < 0)
		return NULL;
	x = &w->taken[(size_t)a->kind * (size_t)w->b->n + (size_t)row];
	if (x->version == w->version[row])
		return x;
	x->version = w->version[row];
	take_pri(w, &part, a->i, t, &w->b->c->nodes[t].s, false);
	x->pri_ok = part.ok;
	if (part.ok)
		x->pri = part.d;
	take_sec(w, &part, a->i, t, &w->b->c->nodes[t].s, 0, false, false);
	x->sec_ok = part.ok;
	if (part.ok)
		x->sec = part.d;
	return x;
}

/* T becomes primary; NULL: it cannot. */
static const struct delta *target_pri(const struct sweep *w, const struct inst_parts *a, int t, bool force, struct part *room)
{
	const struct taken *x = force ? NULL : taken_by(w, a, t);

	if (x)
		return x->pri_ok ? &x->pri : NULL;
	take_pri(w, room, a->i, t, &w->b->c->nodes[t].s, force);
	return room->ok ? &room->d : NULL;
}

/* T, which keeps KEPT for the primary, becomes secondary; NULL: it cannot. */
static const struct delta *target_sec(const struct sweep *w, const struct inst_parts *a, int t, int64_t kept, bool force,
				      struct part *room)
{
	const struct ht_node *n = &w->b->c->nodes[t];
	const struct taken *x = !force && ht_same_reserve(n, a->i, kept, 0) ? taken_by(w, a, t) : NULL;

	if (x)
		return x->sec_ok ? &x->sec : NULL;
	take_sec(w, room, a->i, t, &n->s, kept, false, force);
	return room->ok ? &room->d : NULL;
}

/* Mostly there are none. */
static int64_t shared_locations(const struct ht_cluster *c, int a, int b)
{
	return c->nodes[a].loc.n && c->nodes[b].loc.n ? ht_shared_locations(c, a, b) : 0;
}

/* --- combining --- */

/* The score with A and B; with RANGE how it changes the variances goes to the ranges. */
static inline double combine(struct sweep *w, const struct delta *x, const struct delta *y, double lin, const bool range)
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
		if (!range)
			continue;
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
		if (!range)
			continue;
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

	for (size_t i = 0; i < w->n_cand; i++)
		if (w->cand[i].score <= w->limit)
			w->cand[n++] = w->cand[i];
	w->n_cand = n;
}

/* Is a candidate with SCORE, give or take EPS, sure to be allowed, or sure not to be? Neither: 0. */
static int allowed(const struct sweep *w, const struct ht_inst *i, struct ht_move m, double score)
{
	double seconds = w->pace->on ? ht_move_seconds(w->b->c, i, m) : 0;

	if (ht_pace_allows(w->pace, score + w->b->eps, seconds))
		return 1;
	return ht_pace_allows(w->pace, score - w->b->eps, seconds) ? 0 : -1;
}

static void keep(struct sweep *w, const struct inst_parts *a, int inst, struct ht_move m, int order, const struct delta *x,
		 const struct delta *y, int new_pri, int64_t loc)
{
	const struct ht_node *p = &w->b->c->nodes[new_pri];
	double lin = p->offline || a->i->forthcoming ? 0 : (double)loc; /* of the new primary */
	double score;
	int may;

	if (a->i->excl.n || a->i->n_pools)
		lin += score_pairs(w->b, a->i, a->pri, new_pri);
	score = w->no_range ? combine(w, x, y, lin, false) : combine(w, x, y, lin, true);
	if (score < w->one)
		w->one = score;
	w->any = true;
	if (!(score <= w->limit))
		return;
	may = allowed(w, a->i, m, score);
	if (may < 0)
		return;
	if (may > 0 && score + 2 * w->b->eps < w->limit)
		w->limit = score + 2 * w->b->eps;
	if (w->n_cand >= 4096 && (w->n_cand & (w->n_cand - 1)) == 0)
		sweep_prune(w);
	GROW(w->cand, w->n_cand, w->cap_cand);
	w->cand[w->n_cand++] = (struct candidate){ inst, order, m, score };
}

/* All moves to target number K are scored. */
static void note_target(struct sweep *w, int k)
{
	w->found[k] = w->one;
	w->best = w->one < w->best ? w->one : w->best;
}

/* --- DRBD --- */

/* The instance leaves its nodes. */
static void leave(const struct sweep *w, struct inst_parts *a)
{
	if (a->left)
		return;
	a->left = true;
	a->leave_p.s = a->p->s;
	ht_state_del_pri(a->p, &a->leave_p.s, a->i, a->i->loc_score);
	if (a->i->excl.n)
		a->leave_p.s.conflicts += ht_conflicts_del(a->p, a->i);
	finish(w, &a->leave_p, a->pri, true);
	if (!a->s)
		return;
	a->leave_s.s = a->s->s;
	ht_state_del_sec(a->s, &a->leave_s.s, a->i, a->pri);
	finish(w, &a->leave_s, a->sec, true);
}

static void drbd_failover(struct sweep *w, struct inst_parts *a, int inst, const struct part *s_pri)
{
	struct part x;

	if (!a->p_to_s || !s_pri->ok)
		return;
	take_sec(w, &x, a->i, a->pri, &a->leave_p.s, kept_for(w, a->pri, a->sec), a->p->offline, a->force_p);
	if (!x.ok)
		return;
	w->one = INFINITY;
	keep(w, a, inst, (struct ht_move){ HT_FAILOVER, HT_NONE }, 0, &x.d, &s_pri->d, a->sec, a->i->loc_score);
	w->best = w->failover = w->one;
}

/* X: NODE becomes secondary. */
static void note_rem(const struct sweep *w, struct inst_parts *a, int kind, int node, const struct part *x)
{
	const struct ht_node *n = &w->b->c->nodes[node];
	int64_t need = ht_inst_uses_sec_mem(a->i) ? a->i->mem : 0;
	double most;

	if (!x->ok || w->b->row[node] < 0 || n->peers.n == 0)
		return;
	most = (double)(n->peers.v[0].mem + need) / n->t_mem;
	a->fx->rem[kind][0] = x->s.p_rem;
	a->fx->rem[kind][1] = most > x->s.p_rem ? most : x->s.p_rem;
}

/* What is the same for all targets. */
static void drbd_fixed(struct sweep *w, struct inst_parts *a, int inst, bool use_sec)
{
	struct part back, s_pri, p_sec, s_sec;
	struct fixed *fx = a->fx;

	memset(fx, 0, sizeof(*fx));
	leave(w, a);
	/* gone and come back: what ReplaceSecondary does to the primary */
	back.ok = ht_try_pri(a->p, &a->leave_p.s, &back.s, a->i, 0, true) == HT_OK;
	back.s.conflicts = a->p->s.conflicts;
	finish(w, &back, a->pri, back.ok);
	take_pri(w, &s_pri, a->i, a->sec, &a->leave_s.s, a->force_p);
	/* for a primary that they keep no memory for yet */
	take_sec(w, &p_sec, a->i, a->pri, &a->leave_p.s, 0, false, a->force_s);
	take_sec(w, &s_sec, a->i, a->sec, &a->leave_s.s, 0, false, a->force_p);
	fx->ok[FIX_RS] = back.ok;
	fx->ok[FIX_FR] = s_pri.ok;
	fx->ok[FIX_RF] = p_sec.ok;
	fx->ok[FIX_RP] = s_sec.ok;
	if (back.ok)
		delta_add(&fx->d[FIX_RS], &a->leave_s.d, &back.d, COLS);
	if (s_sec.ok)
		delta_add(&fx->d[FIX_RP], &a->leave_p.d, &s_sec.d, COLS);
	if (p_sec.ok)
		delta_add(&fx->d[FIX_RF], &a->leave_s.d, &p_sec.d, COLS);
	if (s_pri.ok)
		delta_add(&fx->d[FIX_FR], &a->leave_p.d, &s_pri.d, COLS);
	note_rem(w, a, FIX_RF, a->pri, &p_sec);
	note_rem(w, a, FIX_RP, a->sec, &s_sec);
	if (use_sec)
		drbd_failover(w, a, inst, &s_pri);
}

static void mark_peers(const struct ht_node *n, int64_t *scratch, bool set)
{
	for (int i = 0; i < n->peers.n; i++)
		scratch[n->peers.v[i].node] = set ? n->peers.v[i].mem : 0;
}

/* Primary (or with SEC secondary) of the instance becomes secondary for target T, where memory is kept for T already:
 * otherwise it is in the fixed parts. The sum with what its other node changes. */
static const struct delta *for_peer(const struct sweep *w, struct inst_parts *a, bool sec, int64_t kept, struct delta *sum)
{
	struct part x;

	leave(w, a);
	if (sec)
		take_sec(w, &x, a->i, a->sec, &a->leave_s.s, kept, false, a->force_p);
	else
		take_sec(w, &x, a->i, a->pri, &a->leave_p.s, kept, false, a->force_s);
	if (!x.ok)
		return NULL;
	delta_add(sum, sec ? &a->leave_p.d : &a->leave_s.d, &x.d, COLS);
	return sum;
}

static void as_primary(struct sweep *w, struct inst_parts *a, int inst, int t, int order, bool use_sec)
{
	const struct ht_cluster *c = w->b->c;
	const struct ht_node *n = &c->nodes[t];
	const struct delta *fixed = &a->fx->d[FIX_RF], *pri;
	struct delta sum;
	struct part room;
	int64_t kept;

	pri = target_pri(w, a, t, a->force, &room);
	if (pri && ht_may_migrate(a->p, n)) {
		kept = w->kept ? kept_for(w, a->pri, t) : w->peers_p[t];
		if (kept != 0)
			fixed = for_peer(w, a, false, kept, &sum);
		else if (!a->fx->ok[FIX_RF])
			fixed = NULL;
		if (fixed)
			keep(w, a, inst, (struct ht_move){ HT_REPLACE_FAILOVER, t }, order + 1, fixed, pri, t,
			     shared_locations(c, t, a->pri));
	}
	if (!use_sec || w->o->restricted_migration || !a->p_to_s || !a->fx->ok[FIX_FR] || !ht_may_migrate(a->s, n))
		return;
	if (a->force_p != a->force)
		pri = target_pri(w, a, t, a->force_p, &room);
	fixed = &a->fx->d[FIX_RP];
	kept = w->kept ? kept_for(w, a->sec, t) : w->peers_s[t];
	if (kept != 0)
		fixed = for_peer(w, a, true, kept, &sum);
	else if (!a->fx->ok[FIX_RP])
		fixed = NULL;
	if (pri && fixed)
		keep(w, a, inst, (struct ht_move){ HT_REPLACE_PRI, t }, order + 2, fixed, pri, t,
		     shared_locations(c, t, a->sec));
}

static void drbd_target(struct sweep *w, struct inst_parts *a, int inst, int t, int order, bool use_sec)
{
	const struct ht_cluster *c = w->b->c;
	const struct ht_node *n = &c->nodes[t];
	bool all = w->o->inst_moves && !(w->o->restricted_migration && !a->p->offline);
	int64_t kept_p = kept_for(w, t, a->pri), kept_s = kept_for(w, t, a->sec);
	const struct delta *sec = NULL;
	struct part room;

	if (a->fx->ok[FIX_RS]) {
		sec = target_sec(w, a, t, kept_p, a->force_s, &room);
		if (sec) /* the primary stays: both location scores are its */
			keep(w, a, inst, (struct ht_move){ HT_REPLACE_SEC, t }, order, &a->fx->d[FIX_RS], sec, a->pri,
			     shared_locations(c, a->pri, t));
	}
	if (!all)
		return;
	as_primary(w, a, inst, t, order, use_sec);
	if (!use_sec || !a->p_to_s || !a->fx->ok[FIX_FR])
		return;
	if (a->force_s != a->force_p || !a->fx->ok[FIX_RS] || !ht_same_reserve(n, a->i, kept_p, kept_s))
		sec = target_sec(w, a, t, kept_s, a->force_p, &room);
	if (sec)
		keep(w, a, inst, (struct ht_move){ HT_FAILOVER_REPLACE, t }, order + 3, &a->fx->d[FIX_FR], sec, a->sec,
		     shared_locations(c, a->sec, t));
}

static void sweep_drbd(struct sweep *w, int inst, struct fixed *fx, bool fresh, const int *targets, int n)
{
	const struct ht_cluster *c = w->b->c;
	struct inst_parts a;
	bool use_sec;

	a.i = &c->insts[inst];
	a.kind = w->kind[inst];
	a.fx = fx;
	a.left = false;
	a.pri = a.i->pri;
	a.sec = a.i->sec;
	if (a.sec == HT_NONE)
		return;
	a.p = &c->nodes[a.pri];
	a.s = &c->nodes[a.sec];
	a.force = w->o->ignore_soft_errors;
	a.force_p = a.force || a.p->offline;
	a.force_s = a.force || a.s->offline;
	a.p_to_s = ht_may_migrate(a.p, a.s);
	use_sec = w->b->row[a.sec] >= 0 && w->o->inst_moves;
	if (fresh)
		drbd_fixed(w, &a, inst, use_sec);
	if (!w->o->disk_moves)
		return;
	if (!w->kept) {
		mark_peers(a.p, w->peers_p, true);
		mark_peers(a.s, w->peers_s, true);
	}
	for (int k = 0; k < n; k++) {
		w->one = INFINITY;
		if (targets[k] != a.pri && targets[k] != a.sec)
			drbd_target(w, &a, inst, targets[k], 1 + 4 * w->b->row[targets[k]], use_sec);
		note_target(w, k);
	}
	if (!w->kept) {
		mark_peers(a.p, w->peers_p, false);
		mark_peers(a.s, w->peers_s, false);
	}
}

/* --- shared storage --- */

static void sweep_shared(struct sweep *w, int inst, struct fixed *fx, bool fresh, const int *targets, int n)
{
	const struct ht_cluster *c = w->b->c;
	struct inst_parts a;

	if (!w->o->inst_moves)
		return;
	a.i = &c->insts[inst];
	a.kind = w->kind[inst];
	a.left = false;
	a.pri = a.i->pri;
	a.p = &c->nodes[a.pri];
	a.s = NULL;
	if (fresh) {
		leave(w, &a);
		memset(fx->ok, 0, sizeof(fx->ok));
		memset(fx->rem, 0, sizeof(fx->rem));
		fx->ok[0] = true;
		fx->d[0] = a.leave_p.d;
	}
	for (int k = 0; k < n; k++) {
		int t = targets[k];
		const struct delta *pri = NULL;
		struct part room;

		w->one = INFINITY;
		if (t != a.pri && t != a.i->sec && ht_may_migrate(a.p, &c->nodes[t]))
			pri = target_pri(w, &a, t, w->o->ignore_soft_errors || a.p->offline, &room);
		if (pri)
			keep(w, &a, inst, (struct ht_move){ HT_FAILOVER_TO, t }, 1 + 4 * w->b->row[t], &fx->d[0], pri, t,
			     a.i->loc_score);
		note_target(w, k);
	}
}

void sweep_inst(struct sweep *w, int inst, struct fixed *fx, bool fresh, const int *targets, int n)
{
	w->any = false;
	w->best = w->failover = INFINITY;
	for (int k = 0; k < COLS; k++) {
		w->dmin[k] = INFINITY;
		w->dmax[k] = -INFINITY;
		w->ds_max[k] = 0;
	}
	for (int k = 0; k < n; k++)
		w->found[k] = INFINITY;
	switch (ht_template_mirror(w->b->c->insts[inst].tmpl)) {
	case HT_MIRROR_NONE:
		break;
	case HT_MIRROR_INTERNAL:
		sweep_drbd(w, inst, fx, fresh, targets, n);
		break;
	case HT_MIRROR_EXTERNAL:
		sweep_shared(w, inst, fx, fresh, targets, n);
		break;
	}
}

/* --- kinds of instances --- */

#define TAKEN_MAX (1 << 20) /* bytes */

/* All that a target sees of an instance that has no tags of a meaning. */
struct traits {
	int64_t mem, dsk, vcpus, spindle_use, spindles;
	struct ht_util util;
	int64_t status, tmpl, flags;
	int inst, n; /* the first one; how many there are */
};

static struct traits traits_of(const struct ht_inst *i, int inst)
{
	struct traits t;

	memset(&t, 0, sizeof(t));
	t.mem = i->mem;
	t.dsk = i->dsk;
	t.vcpus = i->vcpus;
	t.spindle_use = i->spindle_use;
	t.spindles = ht_inst_spindles(i);
	t.util = i->util;
	t.status = i->status;
	t.tmpl = i->tmpl;
	t.flags = i->auto_balance | i->forthcoming << 1;
	t.inst = inst;
	return t;
}

static int by_traits(const void *x, const void *y)
{
	return memcmp(x, y, offsetof(struct traits, inst));
}

/* Kinds with the most instances first. */
static int by_number(const void *x, const void *y)
{
	const struct traits *p = x, *q = y;

	return p->n != q->n ? q->n - p->n : p->inst - q->inst;
}

void sweep_kinds(struct sweep *w, const int *insts, int n)
{
	const struct ht_cluster *c = w->b->c;
	struct traits *all = xcalloc((size_t)n + 1, sizeof(*all)), *kinds = xcalloc((size_t)n + 1, sizeof(*kinds));
	size_t row = ((size_t)w->b->n + 1) * sizeof(struct taken);
	int *number = xcalloc((size_t)c->n_insts + 1, sizeof(*number)), n_all = 0, n_kinds = 0;

	w->kind = xcalloc((size_t)c->n_insts + 1, sizeof(*w->kind));
	w->version = xcalloc((size_t)w->b->n + 1, sizeof(*w->version));
	for (int i = 0; i < w->b->n; i++)
		w->version[i] = 1;
	for (int i = 0; i < c->n_insts; i++)
		w->kind[i] = -1;
	for (int i = 0; i < n; i++) {
		const struct ht_inst *x = &c->insts[insts[i]];

		if (x->excl.n == 0 && x->wanted.n == 0 && x->n_pools == 0)
			all[n_all++] = traits_of(x, insts[i]);
	}
	qsort(all, (size_t)n_all, sizeof(*all), by_traits);
	for (int i = 0; i < n_all; i++) {
		if (n_kinds == 0 || by_traits(&kinds[n_kinds - 1], &all[i]) != 0)
			kinds[n_kinds++] = all[i];
		kinds[n_kinds - 1].n++;
		w->kind[all[i].inst] = kinds[n_kinds - 1].inst;
	}
	qsort(kinds, (size_t)n_kinds, sizeof(*kinds), by_number);
	if ((size_t)n_kinds > TAKEN_MAX / row)
		n_kinds = (int)(TAKEN_MAX / row);
	for (int k = 0; k < n_kinds; k++)
		number[kinds[k].inst] = k + 1;
	for (int i = 0; i < n_all; i++)
		w->kind[all[i].inst] = number[w->kind[all[i].inst]] - 1;
	w->taken = xcalloc((size_t)n_kinds * (size_t)w->b->n + 1, sizeof(*w->taken));
	free(number);
	free(all);
	free(kinds);
}

void sweep_free(struct sweep *w)
{
	free(w->kind);
	free(w->taken);
	free(w->version);
	free(w->cand);
}

void sweep_changed(struct sweep *w, int node)
{
	if (w->b->row[node] >= 0)
		w->version[w->b->row[node]]++;
}
