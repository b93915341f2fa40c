/*
 * Nodes that instances have for themselves: the best place is where the fewest instances of the policy's sizes lose
 * their room, the largest sizes first (upstream: Dedicated).
 */
#include "htools/algo/algo.h"

#include <string.h>

enum { COUNT_MAX = 1000000 }; /* of an instance that takes nothing */

bool ht_is_dedicated(const struct ht_cluster *c, const char *group)
{
	for (int k = 0; k < c->n_nodes; k++) {
		const struct ht_group *g = &c->groups[c->nodes[k].group];
		bool counts = group ? strcmp(g->name, group) == 0 : g->alloc != alloc_policy_unallocable;

		if (counts && !c->nodes[k].excl_storage)
			return false;
	}
	return true;
}

/* The smallest instances of a policy, by disk size, the largest first; stable (upstream: testInstances). */
struct sizes {
	struct ht_inst v[HT_LOST_MAX];
	int n;
};

static void sizes_of(const struct ht_policy *p, struct sizes *ret)
{
	ret->n = 0;
	for (size_t k = 0; k < p->n_minmax && ret->n < HT_LOST_MAX; k++) {
		const struct ht_spec *m = &p->minmax[k].min;
		struct ht_inst i = { .name = "", .alias = "", .mem = m->mem, .dsk = m->disk, .vcpus = m->cpus,
				     .spindle_use = m->spindles, .status = HT_RUNNING, .tmpl = disk_template_plain,
				     .pri = HT_NONE, .sec = HT_NONE, .util = { 1, 1, 1, 1 } };
		int j = ret->n++;

		for (; j > 0 && ret->v[j - 1].dsk < i.dsk; j--)
			ret->v[j] = ret->v[j - 1];
		ret->v[j] = i;
	}
}

/* How many of each size one after the other fit (upstream: allocationVector). SIGN: to be added or taken off. */
static void count_room(const struct ht_node *n, const struct ht_state *s, const struct sizes *z, int sign, struct ht_lost *l)
{
	l->n = z->n;
	for (int k = 0; k < z->n; k++) {
		struct ht_state x = *s;
		int64_t count = 0;

		while (count < COUNT_MAX && ht_state_add_pri(n, &x, &z->v[k], 0, false) == HT_OK)
			count++;
		l->v[k] += sign * count;
	}
}

static int compare(const struct ht_lost *a, const struct ht_lost *b)
{
	for (int k = 0; k < a->n && k < b->n; k++)
		if (a->v[k] != b->v[k])
			return a->v[k] < b->v[k] ? -1 : 1;
	if (a->n != b->n)
		return a->n < b->n ? -1 : 1;
	return a->disk < b->disk ? -1 : a->disk > b->disk;
}

static void take(const struct ht_alloc_opts *a, struct ht_alloc *r, int pri, int sec, enum ht_fail f, const struct ht_lost *l)
{
	if (a->seen)
		a->seen(a, pri, sec, f, 0);
	if (f != HT_OK) {
		r->fails[f]++;
		r->n_fails++;
		return;
	}
	r->n_ok++;
	if (r->found && compare(&r->lost, l) < 0)
		return;
	r->found = true;
	r->pri = pri;
	r->sec = sec;
	r->lost = *l;
}

void ht_alloc_dedicated(const struct ht_cluster *c, const struct ht_alloc_opts *a, const struct ht_inst *i, const struct ht_targets *t,
			struct ht_alloc *ret)
{
	for (int k = 0; k < t->n_pri; k++) {
		int p = t->pri[k];
		const struct ht_node *n = &c->nodes[p];
		struct ht_state sp = n->s;
		struct ht_lost lp = { .disk = 0 };
		struct sizes z;
		enum ht_fail why = ht_inst_fits_policy(i, n->policy, n->excl_storage);

		sizes_of(n->policy, &z);
		if (why == HT_OK)
			why = ht_state_add_pri(n, &sp, i, 0, a->o->ignore_soft_errors);
		if (why == HT_OK) {
			struct ht_node after = *n; /* its exclusion tags do not matter: test instances have none */

			count_room(n, &n->s, &z, 1, &lp);
			count_room(&after, &sp, &z, -1, &lp);
			lp.disk = sp.f_dsk;
		}
		if (t->count == 1) {
			take(a, ret, p, HT_NONE, why, &lp);
			continue;
		}
		for (int j = 0; j < t->n_sec; j++) {
			int s = t->sec[j];
			const struct ht_node *m = &c->nodes[s];
			struct ht_state ss = m->s;
			struct ht_lost l = lp;
			enum ht_fail f = why;

			if (s == p || m->group != n->group)
				continue;
			if (f == HT_OK)
				f = ht_state_add_sec(m, &ss, i, p, false, false);
			if (f == HT_OK) {
				count_room(m, &m->s, &z, 1, &l);
				count_room(m, &ss, &z, -1, &l);
				l.disk += ss.f_dsk;
			}
			take(a, ret, p, s, f, &l);
		}
	}
}
