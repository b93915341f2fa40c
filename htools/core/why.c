/* Which limit keeps an instance from a node, in words. The checks are those of node.c, in their order; tests hold them
 * against each other. */
#include "htools/core/htools.h"

#include <stdio.h>

#define LIMIT(condition, fail, key, ...)                                     \
	do {                                                                 \
		if (condition) {                                             \
			w->limit = (key);                                    \
			snprintf(w->text, sizeof(w->text), __VA_ARGS__);     \
			return (fail);                                       \
		}                                                            \
	} while (0)
#define LL(x) (long long)(x)

static const char *tag_name(const struct ht_cluster *c, int id)
{
	size_t pos = 0;
	const char *tag;
	void *value;

	while (map_next(c->names, &pos, &tag, &value))
		if ((intptr_t)value - 1 == id)
			return tag;
	return "?";
}

static const char *shared_tag(const struct ht_cluster *c, const struct ht_node *n, const struct ht_inst *i)
{
	for (int k = 0; k < i->excl.n; k++)
		if (ht_counts_get(&n->tags, i->excl.v[k]) > 0)
			return tag_name(c, i->excl.v[k]);
	return NULL;
}

/* With the forthcoming instances, on state TO. */
static enum ht_fail forth(const struct ht_node *n, const struct ht_state *to, const struct ht_inst *i, bool sec, struct ht_why *w)
{
	bool disk = sec || ht_inst_local_disk(i);
	int64_t need = ht_inst_uses_sec_mem(i) ? i->mem : 0;
	double ratio = n->policy->vcpu_ratio;

	LIMIT(sec && !ht_inst_has_sec(i), HT_FAIL_DISK, "template", "only DRBD has a secondary node");
	LIMIT(!sec && to->f_mem_forth <= n->lo_mem, HT_FAIL_MEM, "forthcoming-memory",
	      "with forthcoming instances %lld MiB of memory would be free", LL(to->f_mem_forth - n->lo_mem));
	LIMIT(disk && to->f_dsk_forth <= 0, HT_FAIL_DISK, "forthcoming-disk",
	      "with forthcoming instances %lld MiB of disk would be free", LL(to->f_dsk_forth));
	LIMIT(disk && to->f_dsk_forth < n->lo_dsk, HT_FAIL_DISK, "forthcoming-min-disk",
	      "with forthcoming instances %lld MiB of disk would be free, %lld are to stay", LL(to->f_dsk_forth), LL(n->lo_dsk));
	LIMIT(disk && n->excl_storage && to->f_spn_forth < 0, HT_FAIL_SPINDLES, "forthcoming-spindles",
	      "with forthcoming instances %lld spindles are missing", LL(-to->f_spn_forth));
	LIMIT(disk && to->used_spn_forth > n->hi_spn, HT_FAIL_DISK, "forthcoming-spindle-ratio",
	      "with forthcoming instances %.0f spindles would be in use, the policy allows %.0f", to->used_spn_forth, n->hi_spn);
	LIMIT(sec && need >= to->f_mem_forth - n->lo_mem, HT_FAIL_MEM, "forthcoming-memory",
	      "with forthcoming instances %lld MiB of memory are free, %lld needed", LL(to->f_mem_forth - n->lo_mem), LL(need));
	LIMIT(!sec && ratio >= 0 && ratio < to->p_cpu_forth, HT_FAIL_CPU, "forthcoming-vcpu-ratio",
	      "with forthcoming instances %.2f virtual processors for a real one, the policy allows %.2f", to->p_cpu_forth, ratio);
	return HT_OK;
}

static enum ht_fail space(const struct ht_node *n, const struct ht_state *from, const struct ht_state *to, const struct ht_inst *i,
			  const struct ht_refusal *r, struct ht_why *w)
{
	LIMIT(!r->only_role && to->f_dsk <= 0, HT_FAIL_DISK, "disk", "%lld MiB of disk free, %lld needed", LL(from->f_dsk), LL(i->dsk));
	LIMIT(!r->force && to->f_dsk < n->lo_dsk, HT_FAIL_DISK, "min-disk", "%lld MiB of disk would be free, %lld are to stay",
	      LL(to->f_dsk), LL(n->lo_dsk));
	LIMIT(n->excl_storage && to->f_spn < 0, HT_FAIL_SPINDLES, "spindles", "%lld spindles free, %lld needed", LL(from->f_spn),
	      LL(ht_inst_spindles(i)));
	LIMIT(!r->force && to->used_spn > n->hi_spn, HT_FAIL_DISK, "spindle-ratio",
	      "%.0f spindles would be in use, the policy allows %.0f", to->used_spn, n->hi_spn);
	return HT_OK;
}

static enum ht_fail pool(const struct ht_node *n, const struct ht_inst *i, struct ht_why *w)
{
	struct ht_pool_why p;

	if (!ht_pools_refuse(n, i))
		return HT_OK;
	p = ht_pools_why(n, i);
	LIMIT(p.together, HT_FAIL_TAGS, "affinity", "of the pool %s %lld others are not in that %s", p.tag, LL(p.n), p.kind);
	LIMIT(true, HT_FAIL_TAGS, "antiaffinity", "of the pool %s %lld others are in that %s", p.tag, LL(p.n), p.kind);
}

static enum ht_fail as_primary(const struct ht_cluster *c, const struct ht_inst *i, const struct ht_refusal *r, struct ht_why *w)
{
	const struct ht_node *n = &c->nodes[r->node];
	const struct ht_state *from = &r->s;
	double ratio = n->policy->vcpu_ratio;
	struct ht_state to;
	const char *tag = shared_tag(c, n, i);
	enum ht_fail f;

	ht_try_pri(n, from, &to, i, 0, r->force);
	if (i->forthcoming)
		return r->force ? HT_OK : forth(n, &to, i, false, w);
	LIMIT(ht_spare_mem(n, &to) <= 0, HT_FAIL_MEM, "memory", "%lld MiB of memory free, %lld needed", LL(ht_spare_mem(n, from)),
	      LL(i->mem));
	f = ht_inst_local_disk(i) ? space(n, from, &to, i, r, w) : HT_OK;
	if (f != HT_OK || r->force)
		return f;
	LIMIT(to.fail_n1 && !from->fail_n1, HT_FAIL_MEM, "n+1",
	      "%lld MiB of memory would be free, %lld are kept for the failure of another node", LL(ht_spare_mem(n, &to)),
	      LL(to.r_mem));
	LIMIT(i->util.mem > 0 && ht_mem_exceeded(n, from->load.mem + i->util.mem), HT_FAIL_MEM, "measured-memory",
	      "%.0f MiB of memory would be in use, as measured, of %.0f", (from->load.mem + i->util.mem) / n->rss / HT_PAGES_PER_MIB,
	      n->t_mem - (double)n->n_mem);
	LIMIT(ratio >= 0 && ratio < to.p_cpu, HT_FAIL_CPU, "vcpu-ratio",
	      "%.2f virtual processors for a real one, the policy allows %.2f", to.p_cpu, ratio);
	LIMIT(tag, HT_FAIL_TAGS, "exclusion-tag", "an instance with the tag %s is there", tag);
	f = pool(n, i, w);
	if (f != HT_OK)
		return f;
	return forth(n, &to, i, false, w);
}

static enum ht_fail as_secondary(const struct ht_cluster *c, const struct ht_inst *i, const struct ht_refusal *r, struct ht_why *w)
{
	const struct ht_node *n = &c->nodes[r->node];
	const struct ht_state *from = &r->s;
	int64_t need = ht_inst_uses_sec_mem(i) ? i->mem : 0, free = ht_spare_mem(n, from);
	struct ht_state to;
	enum ht_fail f;

	ht_try_sec(n, from, &to, i, r->kept, r->only_role, r->force);
	if (i->forthcoming)
		return r->force ? HT_OK : forth(n, &to, i, true, w);
	LIMIT(!ht_inst_has_sec(i), HT_FAIL_DISK, "template", "only DRBD has a secondary node");
	f = space(n, from, &to, i, r, w);
	if (f != HT_OK || r->force)
		return f;
	LIMIT(need >= free, HT_FAIL_MEM, "memory", "%lld MiB of memory free, %lld to keep", LL(free), LL(need));
	LIMIT(to.fail_n1 && !from->fail_n1, HT_FAIL_MEM, "n+1",
	      "%lld MiB of memory free, %lld to keep for the failure of another node", LL(free), LL(to.r_mem));
	return forth(n, &to, i, true, w);
}

static enum ht_fail migration(const struct ht_cluster *c, const struct ht_refusal *r, struct ht_why *w)
{
	const struct ht_node *a = &c->nodes[r->from], *b = &c->nodes[r->node];

	for (int k = 0; k < a->mig.n; k++) {
		const struct ht_set one = { .v = &a->mig.v[k], .n = 1 };

		LIMIT(!ht_set_common(&one, &b->rmig), HT_FAIL_MIG, "migration-tag", "nothing migrates there from %s, which has the tag %s",
		      a->alias, tag_name(c, a->mig.v[k]));
	}
	return HT_OK;
}

enum ht_fail ht_why(const struct ht_cluster *c, const struct ht_inst *i, const struct ht_refusal *r, struct ht_why *ret)
{
	*ret = (struct ht_why){ .limit = "", .node = r->node };
	switch (r->role) {
	case HT_ROLE_PRI:
		return as_primary(c, i, r, ret);
	case HT_ROLE_SEC:
		return as_secondary(c, i, r, ret);
	case HT_ROLE_MIGRATES:
		return migration(c, r, ret);
	}
	return HT_OK;
}
