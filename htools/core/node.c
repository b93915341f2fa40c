/* Nodes: what adding and removing an instance makes of their numbers, and whether it may be. */
#include "htools/core/htools.h"

static int64_t max64(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Where a node has no storage of this kind all of it counts as free. */
static double part_free(int64_t free, double total)
{
	return total == 0 ? 1 : (double)free / total;
}

static double disk_part(const struct ht_node *n, int64_t f_spn, int64_t f_dsk)
{
	return n->excl_storage ? part_free(f_spn, (double)n->t_spn) : part_free(f_dsk, n->t_dsk);
}

static void add_util(struct ht_util *to, const struct ht_util *u)
{
	to->cpu += u->cpu;
	to->mem += u->mem;
	to->dsk += u->dsk;
	to->net += u->net;
}

static void sub_util(struct ht_util *to, const struct ht_util *u)
{
	to->cpu -= u->cpu;
	to->mem -= u->mem;
	to->dsk -= u->dsk;
	to->net -= u->net;
}

void ht_node_set_policy(struct ht_node *n, const struct ht_policy *p)
{
	double mem = n->t_mem - (double)n->n_mem;
	bool scaled = ht_scales_memory(p);

	n->policy = p;
	/* upstream's 2.17 takes the part of this in any case, 3.0 that of all memory */
	n->mem_base = scaled ? mem : n->t_mem;
	n->lo_mem = scaled ? hs_truncate((1 - p->memory_ratio) * mem) : 0;
	n->hi_cpu = hs_floor(p->vcpu_ratio * n->t_cpu);
	n->hi_spn = p->spindle_ratio * (double)n->t_spn;
}

void ht_node_init(struct ht_node *n)
{
	struct ht_state *s = &n->s;

	s->f_mem_forth = n->f_mem;
	s->f_dsk_forth = s->f_dsk;
	s->u_cpu = s->u_cpu_forth = n->n_cpu;
	s->f_spn_forth = s->f_spn;
	s->fail_n1 = true;
	n->mem_base = n->t_mem;
	s->p_mem_forth = (double)n->f_mem / n->t_mem;
	s->p_dsk = s->p_dsk_forth = disk_part(n, s->f_spn, s->f_dsk);
	s->p_cpu = s->p_cpu_forth = (double)n->n_cpu / n->t_cpu;
	n->lo_dsk = 0;
	ht_node_set_policy(n, &ht_policy_default);
}

void ht_node_set_max_cpu(struct ht_cluster *c, struct ht_node *n, double ratio)
{
	struct ht_policy *p = ARENA_NEW(c->a, struct ht_policy);

	*p = *n->policy;
	p->vcpu_ratio = ratio;
	n->policy = p;
	n->hi_cpu = hs_floor(ratio * n->t_cpu);
}

void ht_node_set_min_disk(struct ht_node *n, double ratio)
{
	n->m_dsk = ratio;
	n->lo_dsk = hs_floor(ratio * n->t_dsk);
}

/* --- what is free --- */

static int64_t free_with(const struct ht_node *n, int64_t i_mem)
{
	return hs_truncate(n->t_mem) - n->n_mem - i_mem - max64(0, n->x_mem);
}

int64_t ht_free_mem(const struct ht_node *n, const struct ht_state *s)
{
	return free_with(n, s->i_mem);
}

int64_t ht_avail_mem(const struct ht_node *n, const struct ht_state *s)
{
	return max64(0, ht_spare_mem(n, s) - s->r_mem);
}

int64_t ht_avail_disk(const struct ht_node *n, const struct ht_state *s)
{
	return max64(0, s->f_dsk - n->lo_dsk);
}

int64_t ht_avail_cpu(const struct ht_node *n, const struct ht_state *s)
{
	return max64(0, n->hi_cpu - s->u_cpu);
}

/* --- spindles --- */

static double used_spindles(const struct ht_node *n, const struct ht_inst *i, double used, int sign)
{
	if (n->excl_storage)
		return 0;
	return ht_inst_local_disk(i) ? used + sign * (double)i->spindle_use : used;
}

/* An instance whose spindles are not known fits nowhere (upstream: calcNewFreeSpindles). */
static int64_t free_spindles(const struct ht_node *n, const struct ht_inst *i, int64_t free, int sign)
{
	int64_t sp;

	if (!n->excl_storage)
		return 0;
	sp = ht_inst_spindles(i);
	if (sp == HT_NONE)
		return sign > 0 ? -1 : free;
	return free - sign * sp;
}

/* --- tags and locations --- */

int64_t ht_conflicts_add(const struct ht_node *n, const struct ht_inst *i)
{
	int64_t sum = 0;

	for (int k = 0; k < i->excl.n; k++) {
		bool there = ht_counts_get(&n->tags, i->excl.v[k]) > 0;

		for (int j = 0; j < k && !there; j++)
			there = i->excl.v[j] == i->excl.v[k];
		sum += there;
	}
	return sum;
}

int64_t ht_conflicts_del(const struct ht_node *n, const struct ht_inst *i)
{
	int64_t sum = 0;

	for (int k = 0; k < i->excl.n; k++) {
		int64_t left = ht_counts_get(&n->tags, i->excl.v[k]);

		for (int j = 0; j < k; j++)
			left -= i->excl.v[j] == i->excl.v[k];
		sum -= left > 1;
	}
	return sum;
}

static bool tags_conflict(const struct ht_node *n, const struct ht_inst *i)
{
	for (int k = 0; k < i->excl.n; k++)
		if (ht_counts_get(&n->tags, i->excl.v[k]) > 0)
			return true;
	return false;
}

static int64_t unwanted(const struct ht_node *n, const struct ht_inst *i)
{
	return i->wanted.n ? i->wanted.n - ht_set_common(&i->wanted, &n->loc) : 0;
}

int64_t ht_shared_locations(const struct ht_cluster *c, int a, int b)
{
	return b == HT_NONE ? 0 : ht_set_common(&c->nodes[a].loc, &c->nodes[b].loc);
}

bool ht_may_migrate(const struct ht_node *a, const struct ht_node *b)
{
	return a->migrates_free || ht_set_within(&a->mig, &b->rmig);
}

enum ht_fail ht_node_health(const struct ht_node *n)
{
	if (n->s.used_spn > n->hi_spn)
		return HT_FAIL_DISK;
	if (n->s.p_cpu > n->policy->vcpu_ratio)
		return HT_FAIL_CPU;
	return HT_OK;
}

/* --- primaries --- */

/* The part that counts forthcoming instances. */
static void forth_pri(const struct ht_node *n, struct ht_state *s, const struct ht_inst *i, int sign)
{
	bool disk = ht_inst_local_disk(i);

	s->f_mem_forth -= sign * i->mem;
	s->p_mem_forth = (double)s->f_mem_forth / n->mem_base;
	if (disk)
		s->f_dsk_forth -= sign * i->dsk;
	s->f_spn_forth = free_spindles(n, i, s->f_spn_forth, sign);
	s->used_spn_forth = used_spindles(n, i, s->used_spn_forth, sign);
	s->p_dsk_forth = disk_part(n, s->f_spn_forth, s->f_dsk_forth);
	if (ht_inst_online(i))
		s->u_cpu_forth += sign * i->vcpus;
	s->p_cpu_forth = (double)s->u_cpu_forth / n->t_cpu;
	if (sign > 0)
		add_util(&s->load_forth, &i->util);
	else
		sub_util(&s->load_forth, &i->util);
}

static enum ht_fail check_forth_pri(const struct ht_node *n, const struct ht_state *s, const struct ht_inst *i)
{
	double ratio = n->policy->vcpu_ratio;

	if (s->f_mem_forth <= n->lo_mem)
		return HT_FAIL_MEM;
	if (ht_inst_local_disk(i)) {
		if (s->f_dsk_forth <= 0 || s->f_dsk_forth < n->lo_dsk)
			return HT_FAIL_DISK;
		if (n->excl_storage && s->f_spn_forth < 0)
			return HT_FAIL_SPINDLES;
		if (s->used_spn_forth > n->hi_spn)
			return HT_FAIL_DISK;
	}
	if (ratio >= 0 && ratio < s->p_cpu_forth)
		return HT_FAIL_CPU;
	return HT_OK;
}

static enum ht_fail check_pri(const struct ht_node *n, const struct ht_state *from, const struct ht_state *s,
			      const struct ht_inst *i, int64_t free, bool strict)
{
	double ratio = n->policy->vcpu_ratio;

	if (free <= n->lo_mem)
		return HT_FAIL_MEM;
	if (ht_inst_local_disk(i)) {
		if (s->f_dsk <= 0 || (strict && s->f_dsk < n->lo_dsk))
			return HT_FAIL_DISK;
		if (n->excl_storage && s->f_spn < 0)
			return HT_FAIL_SPINDLES;
		if (strict && s->used_spn > n->hi_spn)
			return HT_FAIL_DISK;
	}
	if (!strict)
		return HT_OK;
	if (s->fail_n1 && !from->fail_n1)
		return HT_FAIL_MEM;
	if (i->util.mem > 0 && ht_mem_exceeded(n, from->load.mem + i->util.mem))
		return HT_FAIL_MEM;
	if (ratio >= 0 && ratio < s->p_cpu)
		return HT_FAIL_CPU;
	if (tags_conflict(n, i) || ht_pools_refuse(n, i))
		return HT_FAIL_TAGS;
	return check_forth_pri(n, s, i);
}

enum ht_fail ht_try_pri(const struct ht_node *n, const struct ht_state *from, struct ht_state *to, const struct ht_inst *i,
			int64_t loc, bool force)
{
	enum ht_fail f;
	int64_t free;

	*to = *from;
	forth_pri(n, to, i, 1);
	if (i->forthcoming)
		return force ? HT_OK : check_forth_pri(n, to, i);
	if (ht_inst_uses_mem(i))
		to->i_mem += i->mem;
	free = free_with(n, to->i_mem);
	to->p_mem = (double)free / n->mem_base;
	to->fail_n1 = free <= to->r_mem + n->lo_mem;
	if (ht_inst_local_disk(i))
		to->f_dsk -= i->dsk;
	to->f_spn = free_spindles(n, i, to->f_spn, 1);
	to->used_spn = used_spindles(n, i, to->used_spn, 1);
	if (ht_inst_online(i))
		to->u_cpu += i->vcpus;
	to->p_cpu = (double)to->u_cpu / n->t_cpu;
	f = check_pri(n, from, to, i, free, !force);
	if (f != HT_OK)
		return f;
	to->p_dsk = disk_part(n, to->f_spn, to->f_dsk);
	add_util(&to->load, &i->util);
	to->loc_score += loc + unwanted(n, i);
	to->n_pri++;
	return HT_OK;
}

enum ht_fail ht_state_add_pri(const struct ht_node *n, struct ht_state *state, const struct ht_inst *i,
			      int64_t loc, bool force)
{
	struct ht_state s;
	enum ht_fail f = ht_try_pri(n, state, &s, i, loc, force);

	if (f == HT_OK)
		*state = s;
	return f;
}

void ht_state_del_pri(const struct ht_node *n, struct ht_state *s, const struct ht_inst *i, int64_t loc)
{
	int64_t free;

	forth_pri(n, s, i, -1);
	if (i->forthcoming)
		return;
	if (ht_inst_uses_mem(i))
		s->i_mem -= i->mem;
	free = free_with(n, s->i_mem);
	s->p_mem = (double)free / n->mem_base;
	s->fail_n1 = free <= s->r_mem + n->lo_mem;
	if (ht_inst_local_disk(i))
		s->f_dsk += i->dsk;
	s->f_spn = free_spindles(n, i, s->f_spn, -1);
	s->used_spn = used_spindles(n, i, s->used_spn, -1);
	s->p_dsk = disk_part(n, s->f_spn, s->f_dsk);
	if (ht_inst_online(i))
		s->u_cpu -= i->vcpus;
	s->p_cpu = (double)s->u_cpu / n->t_cpu;
	sub_util(&s->load, &i->util);
	s->loc_score -= loc + unwanted(n, i);
	s->n_pri--;
}

/* --- secondaries --- */

static void forth_sec(const struct ht_node *n, struct ht_state *s, const struct ht_inst *i, int sign)
{
	if (sign > 0 || ht_inst_local_disk(i))
		s->f_dsk_forth -= sign * i->dsk;
	s->f_spn_forth = free_spindles(n, i, s->f_spn_forth, sign);
	s->used_spn_forth = used_spindles(n, i, s->used_spn_forth, sign);
	s->p_dsk_forth = disk_part(n, s->f_spn_forth, s->f_dsk_forth);
	if (sign > 0)
		s->load_forth.dsk += i->util.dsk;
	else
		s->load_forth.dsk -= i->util.dsk;
}

static enum ht_fail check_forth_sec(const struct ht_node *n, const struct ht_state *s, const struct ht_inst *i,
				    int64_t need)
{
	if (!ht_inst_has_sec(i) || s->f_dsk_forth <= 0 || s->f_dsk_forth < n->lo_dsk)
		return HT_FAIL_DISK;
	if (n->excl_storage && s->f_spn_forth < 0)
		return HT_FAIL_SPINDLES;
	if (s->used_spn_forth > n->hi_spn)
		return HT_FAIL_DISK;
	if (need >= s->f_mem_forth - n->lo_mem)
		return HT_FAIL_MEM;
	return HT_OK;
}

enum ht_fail ht_try_sec(const struct ht_node *n, const struct ht_state *from, struct ht_state *to, const struct ht_inst *i,
			int64_t kept, bool only_role, bool force)
{
	int64_t need = ht_inst_uses_sec_mem(i) ? i->mem : 0, free;
	enum ht_fail f;

	*to = *from;
	forth_sec(n, to, i, 1);
	if (i->forthcoming)
		return force ? HT_OK : check_forth_sec(n, to, i, need);
	free = ht_free_mem(n, to);
	to->f_dsk -= i->dsk;
	to->f_spn = free_spindles(n, i, to->f_spn, 1);
	to->used_spn = used_spindles(n, i, to->used_spn, 1);
	to->r_mem = max64(to->r_mem, kept + need);
	to->fail_n1 = free <= to->r_mem + n->lo_mem;
	if (!ht_inst_has_sec(i) || (!only_role && to->f_dsk <= 0) || (!force && to->f_dsk < n->lo_dsk))
		return HT_FAIL_DISK;
	if (n->excl_storage && to->f_spn < 0)
		return HT_FAIL_SPINDLES;
	if (!force) {
		if (to->used_spn > n->hi_spn)
			return HT_FAIL_DISK;
		if (need >= free - n->lo_mem || (to->fail_n1 && !from->fail_n1))
			return HT_FAIL_MEM;
		f = check_forth_sec(n, to, i, need);
		if (f != HT_OK)
			return f;
	}
	to->p_rem = (double)to->r_mem / n->t_mem;
	to->p_dsk = disk_part(n, to->f_spn, to->f_dsk);
	to->load.dsk += i->util.dsk;
	to->n_sec++;
	return HT_OK;
}

enum ht_fail ht_state_add_sec(const struct ht_node *n, struct ht_state *state, const struct ht_inst *i, int pri,
			      bool only_role, bool force)
{
	struct ht_state s;
	enum ht_fail f = ht_try_sec(n, state, &s, i, ht_peers_get(&n->peers, pri), only_role, force);

	if (f == HT_OK)
		*state = s;
	return f;
}

void ht_state_del_sec(const struct ht_node *n, struct ht_state *s, const struct ht_inst *i, int pri)
{
	int64_t old, left;

	forth_sec(n, s, i, -1);
	if (i->forthcoming)
		return;
	if (ht_inst_local_disk(i))
		s->f_dsk += i->dsk;
	s->f_spn = free_spindles(n, i, s->f_spn, -1);
	s->used_spn = used_spindles(n, i, s->used_spn, -1);
	old = ht_peers_get(&n->peers, pri);
	left = ht_inst_uses_sec_mem(i) ? old - i->mem : old;
	if (old >= s->r_mem) {
		int64_t most = INT64_MIN;

		for (int k = 0; k < n->peers.n; k++)
			if (n->peers.v[k].node != pri)
				most = max64(most, n->peers.v[k].mem);
		if (left > 0)
			most = max64(most, left);
		s->r_mem = most == INT64_MIN ? 0 : most;
	}
	s->p_rem = (double)s->r_mem / n->t_mem;
	s->fail_n1 = ht_spare_mem(n, s) <= s->r_mem;
	s->p_dsk = disk_part(n, s->f_spn, s->f_dsk);
	s->load.dsk -= i->util.dsk;
	s->n_sec--;
}
