/* Sums over a cluster. */
#include "htools/core/htools.h"

static int64_t max64(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

void ht_totals(const struct ht_cluster *c, const struct ht_view *v, struct ht_totals *t)
{
	*t = (struct ht_totals){ 0 };
	for (int k = 0; k < v->n_nodes; k++) {
		const struct ht_node *n = &c->nodes[v->nodes[k]];
		const struct ht_state *s = &n->s;
		int64_t mem = ht_avail_mem(n, s), dsk = ht_avail_disk(n, s), cpu = ht_avail_cpu(n, s);

		t->f_mem += ht_free_mem(n, s);
		t->f_dsk += s->f_dsk;
		t->f_spn += s->f_spn;
		t->a_mem += mem;
		t->a_dsk += dsk;
		t->a_cpu += cpu;
		t->m_mem = max64(t->m_mem, mem);
		t->m_dsk = max64(t->m_dsk, dsk);
		t->m_cpu = max64(t->m_cpu, cpu);
		t->i_mem += s->i_mem;
		t->i_dsk += hs_truncate(n->t_dsk) - s->f_dsk;
		t->i_spn += n->t_spn - s->f_spn;
		t->i_cpu += s->u_cpu;
		t->t_mem += n->t_mem;
		t->t_dsk += n->t_dsk;
		t->t_spn += (double)n->t_spn;
		t->t_cpu += n->t_cpu;
		t->v_cpu += n->hi_cpu;
		t->n_cpu += (double)s->u_cpu / n->policy->vcpu_ratio;
		t->x_mem += n->x_mem;
		t->n_mem += n->n_mem;
		t->n_inst += s->n_pri;
	}
	t->score = ht_score(c, v);
}

void ht_bad_items(const struct ht_cluster *c, const struct ht_view *v, struct ht_list *ret_nodes, int *ret_n_insts)
{
	bool *seen = xcalloc((size_t)c->n_insts + 1, sizeof(*seen));
	int count = 0;

	for (int k = 0; k < v->n_nodes; k++) {
		const struct ht_node *n = &c->nodes[v->nodes[k]];

		if (n->offline || !n->s.fail_n1)
			continue;
		if (ret_nodes)
			ht_list_push(ret_nodes, v->nodes[k]);
		for (int i = 0; i < n->pri.n + n->sec.n; i++) {
			int x = i < n->pri.n ? n->pri.v[i] : n->sec.v[i - n->pri.n];

			count += !seen[x];
			seen[x] = true;
		}
	}
	if (ret_n_insts)
		*ret_n_insts = count;
	free(seen);
}
