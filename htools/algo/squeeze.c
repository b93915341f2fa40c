/* Which nodes to power down or up (upstream: Hsqueeze). A set of nodes is judged by balancing the cluster without,
 * or with them. */
#include "htools/algo/algo.h"

#include <string.h>

#define TAG_STANDBY "htools:standby:"

static bool only_external(const struct ht_cluster *c, const struct ht_node *n)
{
	for (int i = 0; i < n->pri.n; i++)
		if (ht_inst_local_disk(&c->insts[n->pri.v[i]]))
			return false;
	return true;
}

static bool standby(const struct ht_node *n)
{
	for (size_t i = 0; i < n->ntags.n; i++)
		if (str_starts(n->ntags.v[i], TAG_STANDBY))
			return true;
	return false;
}

void ht_squeeze_candidates(const struct ht_cluster *c, struct ht_list *ret_off, struct ht_list *ret_on)
{
	*ret_off = *ret_on = (struct ht_list){ 0 };
	for (int k = 0; k < c->n_nodes; k++) {
		const struct ht_node *n = &c->nodes[k];

		if (n->offline && standby(n))
			ht_list_push(ret_on, k);
		if (n->offline || n->master || n->sec.n > 0 || !only_external(c, n))
			continue;
		ht_list_push(ret_off, k);
		for (int i = ret_off->n - 1; i > 0; i--) { /* those with most instances first, stable */
			int *v = &ret_off->v[i];

			if (c->nodes[v[-1]].pri.n >= c->nodes[v[0]].pri.n)
				break;
			*v = v[-1];
			v[-1] = k;
		}
	}
}

/* The online node of its group with least memory. */
static const struct ht_node *smallest(const struct ht_cluster *c, int group)
{
	const struct ht_node *least = NULL;

	for (int k = 0; k < c->n_nodes; k++) {
		const struct ht_node *n = &c->nodes[k];

		if (n->group == group && !n->offline && (!least || n->t_mem < least->t_mem))
			least = n;
	}
	return least;
}

void ht_squeeze_guess(struct ht_cluster *c)
{
	for (int k = 0; k < c->n_nodes; k++) {
		struct ht_node *n = &c->nodes[k];
		const struct ht_node *like = smallest(c, n->group);

		if (!n->offline || n->t_mem > 0 || n->t_cpu > 0 || n->pri.n > 0 || n->sec.n > 0 || !like)
			continue;
		n->t_mem = like->t_mem;
		n->n_mem = like->n_mem;
		n->f_mem = (int64_t)like->t_mem - like->n_mem;
		n->t_dsk = like->t_dsk;
		n->s.f_dsk = (int64_t)like->t_dsk;
		n->t_cpu = like->t_cpu;
		n->n_cpu = like->n_cpu;
		n->t_spn = like->t_spn;
		n->s.f_spn = n->excl_storage ? like->t_spn : 0;
		ht_node_init(n);
		ht_node_set_policy(n, n->policy);
		n->x_mem = 0;
		n->s.p_rem = 0;
		n->s.fail_n1 = false;
		n->s.p_mem = (double)ht_free_mem(n, &n->s) / n->mem_base;
	}
}

bool ht_squeeze_room(const struct ht_cluster *c, const struct ht_squeeze *o)
{
	for (int k = 0; k < c->n_nodes; k++) {
		const struct ht_node *n = &c->nodes[k];
		struct ht_state s = n->s;

		if (ht_state_add_pri(n, &s, &o->inst, 0, false) != HT_OK)
			return false;
		if (o->use_load && !n->offline && n->s.load.cpu > n->t_cpu)
			return false;
		if (o->use_load && !n->offline && ht_mem_exceeded(n, n->s.load.mem))
			return false;
	}
	return true;
}

int ht_squeeze_apply(struct ht_cluster *c, const int *nodes, int n, bool offline, struct ht_placement **ret)
{
	struct ht_algo_opts o = ht_algo_defaults;
	struct ht_placement *v = NULL, p;
	struct ht_balancer *b;
	struct ht_view all;
	int n_moves = 0, cap = 0;

	o.min_gain = o.min_gain_limit = 0;
	for (int i = 0; i < n; i++) {
		ht_touch_node(c, nodes[i]);
		c->nodes[nodes[i]].offline = offline;
	}
	ht_view_all(c, &all);
	b = ht_balancer_new(c, &all, &o);
	while (ht_balancer_step(b, &p)) {
		GROW(v, n_moves, cap);
		v[n_moves++] = p;
	}
	ht_balancer_free(b);
	ht_view_free(&all);
	*ret = v;
	return n_moves;
}

static bool instances_online(const struct ht_cluster *c)
{
	for (int i = 0; i < c->n_insts; i++)
		if (c->nodes[c->insts[i].pri].offline)
			return false;
	return true;
}

/* upstream: canOnlineOffline */
static bool works(struct ht_cluster *c, const struct ht_squeeze *o, const int *nodes, int n, bool offline)
{
	size_t mark = ht_mark(c);
	struct ht_placement *moves = NULL;
	bool ok;

	ht_squeeze_apply(c, nodes, n, offline, &moves);
	free(moves);
	ok = instances_online(c) && ht_squeeze_room(c, o);
	ht_rollback(c, mark);
	return ok;
}

void ht_squeeze_offline(struct ht_cluster *c, const struct ht_squeeze *o, const struct ht_list *candidates, struct ht_list *ret)
{
	int *v = xcalloc((size_t)candidates->n + 1, sizeof(int));
	int at = candidates->n; /* what was chosen is from here to the end */

	for (int i = candidates->n - 1; i >= 0; i--) {
		v[--at] = candidates->v[i];
		if (!works(c, o, &v[at], candidates->n - at, true))
			at++; /* not this one */
	}
	*ret = (struct ht_list){ 0 };
	for (int i = at; i < candidates->n; i++)
		ht_list_push(ret, v[i]);
	free(v);
}

bool ht_squeeze_online(struct ht_cluster *c, const struct ht_squeeze *o, const struct ht_list *candidates, struct ht_list *ret)
{
	bool ok = false;
	int n = 0;

	for (; n <= candidates->n && !ok; n++)
		ok = works(c, o, candidates->v, n, false);
	*ret = (struct ht_list){ 0 };
	for (int i = 0; i < (ok ? n - 1 : candidates->n); i++)
		ht_list_push(ret, candidates->v[i]);
	return ok;
}
