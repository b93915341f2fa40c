/* All moves of an instance: what each would gain, or what stands in its way. */
#include "htools/algo/score.h"

#include <math.h>
#include <string.h>

struct list {
	const struct ht_cluster *c;
	const struct ht_inst *i;
	const struct score *b;
	bool force;
	struct ht_candidate *v;
	int n, cap;
};

static void add(struct list *l, enum ht_move_kind kind, int node)
{
	struct ht_candidate x = { .move = { kind, node }, .score = NAN, .seconds = ht_move_seconds(l->c, l->i, (struct ht_move){ kind, node }) };
	struct ht_refusal r;
	struct ht_outcome o;

	x.fail = ht_move_why(l->c, l->i, x.move, l->force, &r, &o);
	if (x.fail == HT_OK)
		x.score = score_exact(l->b, &o, l->i);
	else
		ht_why(l->c, l->i, &r, &x.why);
	GROW(l->v, l->n, l->cap);
	l->v[l->n++] = x;
}

static void add_drbd(struct list *l, const struct ht_algo_opts *o, int t, bool use_sec)
{
	add(l, HT_REPLACE_SEC, t);
	if (!o->inst_moves || (o->restricted_migration && !l->c->nodes[l->i->pri].offline))
		return;
	add(l, HT_REPLACE_FAILOVER, t);
	if (!use_sec)
		return;
	if (!o->restricted_migration)
		add(l, HT_REPLACE_PRI, t);
	add(l, HT_FAILOVER_REPLACE, t);
}

int ht_candidates(const struct ht_cluster *c, const struct ht_view *v, const struct ht_algo_opts *o, int inst, struct ht_candidate **ret)
{
	const struct ht_inst *i = &c->insts[inst];
	enum ht_mirror mirror = ht_template_mirror(i->tmpl);
	bool drbd = mirror == HT_MIRROR_INTERNAL && i->sec != HT_NONE;
	bool use_sec = drbd && o->inst_moves && !c->nodes[i->sec].offline;
	struct list l = { .c = c, .i = i, .force = o->ignore_soft_errors };
	struct score b;

	score_init(&b, c, v);
	l.b = &b;
	if (use_sec)
		add(&l, HT_FAILOVER, HT_NONE);
	for (int k = 0; k < v->n_nodes; k++) {
		int t = v->nodes[k];

		if (c->nodes[t].offline || t == i->pri || t == i->sec)
			continue;
		if (mirror == HT_MIRROR_EXTERNAL && o->inst_moves)
			add(&l, HT_FAILOVER_TO, t);
		else if (drbd && o->disk_moves)
			add_drbd(&l, o, t, use_sec);
	}
	score_free(&b);
	*ret = l.v;
	return l.n;
}

void ht_move_text(struct str *out, const struct ht_cluster *c, struct ht_move m)
{
	static const char *const forms[] = {
		[HT_FAILOVER] = "f%s", [HT_FAILOVER_TO] = "fa:%s", [HT_REPLACE_PRI] = "f r:%s f", [HT_REPLACE_SEC] = "r:%s",
		[HT_REPLACE_FAILOVER] = "r:%s f", [HT_FAILOVER_REPLACE] = "f r:%s",
	};
	const char *at = strchr(forms[m.kind], '%');

	str_addn(out, forms[m.kind], (size_t)(at - forms[m.kind]));
	if (m.node != HT_NONE)
		str_add(out, c->nodes[m.node].alias);
	str_add(out, at + 2);
}
