/* Balancing without any shortcut: every move made, every score from scratch. What tests compare with. */
#include "htools/algo/algo.h"

struct search {
	struct ht_cluster *c;
	const struct ht_view *v;
	const struct ht_algo_opts *o;
	const struct ht_pace *pace;
	struct ht_placement best, migr; /* of all, and of those that copy no disks */
	bool found, found_migr;
};

static void attempt(struct search *x, int inst, enum ht_move_kind kind, int node)
{
	const struct ht_inst *i = &x->c->insts[inst];
	struct ht_placement p = { .inst = inst, .old_pri = i->pri, .old_sec = i->sec, .move = { kind, node } };
	size_t mark = ht_mark(x->c);

	p.seconds = ht_move_seconds(x->c, i, p.move);
	if (ht_move_do(x->c, inst, p.move, x->o->ignore_soft_errors) == HT_OK) {
		p.score = ht_score(x->c, x->v);
		if (!ht_pace_allows(x->pace, p.score, p.seconds)) {
			ht_rollback(x->c, mark);
			return;
		}
		p.pri = x->c->insts[inst].pri;
		p.sec = x->c->insts[inst].sec;
		if (x->best.score > p.score) {
			x->best = p;
			x->found = true;
		}
		if ((kind == HT_FAILOVER || kind == HT_FAILOVER_TO) && x->migr.score > p.score) {
			x->migr = p;
			x->found_migr = true;
		}
	}
	ht_rollback(x->c, mark);
}

static void try_target(struct search *x, int inst, int t, bool use_sec)
{
	const struct ht_inst *i = &x->c->insts[inst];
	bool restricted = x->o->restricted_migration, drained = x->c->nodes[i->pri].offline;

	if (ht_template_mirror(i->tmpl) == HT_MIRROR_EXTERNAL) {
		if (x->o->inst_moves)
			attempt(x, inst, HT_FAILOVER_TO, t);
		return;
	}
	if (!x->o->disk_moves)
		return;
	attempt(x, inst, HT_REPLACE_SEC, t);
	if (!x->o->inst_moves || (restricted && !drained))
		return;
	attempt(x, inst, HT_REPLACE_FAILOVER, t);
	if (!use_sec)
		return;
	if (!restricted)
		attempt(x, inst, HT_REPLACE_PRI, t);
	attempt(x, inst, HT_FAILOVER_REPLACE, t);
}

static void try_inst(struct search *x, int inst)
{
	const struct ht_inst *i = &x->c->insts[inst];
	enum ht_mirror m = ht_template_mirror(i->tmpl);
	bool use_sec = x->o->inst_moves && i->sec != HT_NONE && !x->c->nodes[i->sec].offline;

	if (m == HT_MIRROR_NONE || (m == HT_MIRROR_INTERNAL && i->sec == HT_NONE))
		return;
	if (m == HT_MIRROR_INTERNAL && use_sec)
		attempt(x, inst, HT_FAILOVER, HT_NONE);
	for (int k = 0; k < x->v->n_nodes; k++) {
		int t = x->v->nodes[k];

		if (!x->c->nodes[t].offline && t != x->c->insts[inst].pri && t != x->c->insts[inst].sec)
			try_target(x, inst, t, use_sec);
	}
}

bool ht_balance_brute(struct ht_cluster *c, const struct ht_view *v, const struct ht_algo_opts *o, struct ht_pace *pace,
		      struct ht_placement *ret)
{
	double from = ht_score(c, v);
	struct search x = { .c = c, .v = v, .o = o, .pace = pace, .best = { .score = from }, .migr = { .score = from } };

	for (int k = 0; k < v->n_insts; k++) {
		const struct ht_inst *i = &c->insts[v->insts[k]];
		bool off = c->nodes[i->pri].offline || (ht_inst_has_sec(i) && i->sec != HT_NONE && c->nodes[i->sec].offline);

		if (i->movable && i->auto_balance && (!o->evac_mode || off))
			try_inst(&x, v->insts[k]);
	}
	if (o->avoid_disk_moves > 0 && x.found_migr && from - x.best.score <= (from - x.migr.score) * o->avoid_disk_moves)
		x.best = x.migr;
	if (!x.found || !(x.best.score < from) || !(from > o->min_gain_limit || from - x.best.score >= o->min_gain))
		return false;
	ht_move_do(c, x.best.inst, x.best.move, o->ignore_soft_errors);
	pace->elapsed += x.best.seconds;
	*ret = x.best;
	return true;
}
