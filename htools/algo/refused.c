/* Why an instance cannot be placed somewhere, in terms of what would have to change. */
#include "htools/algo/algo.h"

#include <stdio.h>
#include <string.h>

typedef long long ll;

__attribute__((format(printf, 3, 4))) static void say(struct ht_why *w, const char *limit, const char *fmt, ...)
{
	va_list ap;

	w->limit = limit;
	va_start(ap, fmt);
	vsnprintf(w->text, sizeof(w->text), fmt, ap);
	va_end(ap);
}

/* One number of I against the policy's range; true when it is outside. */
static bool outside(struct ht_why *w, const char *what, int64_t v, int64_t min, int64_t max)
{
	if (v < min)
		say(w, "policy", "%s %lld is below the policy's minimum %lld", what, (ll)v, (ll)min);
	else if (v > max)
		say(w, "policy", "%s %lld is above the policy's maximum %lld", what, (ll)v, (ll)max);
	return v < min || v > max;
}

static void policy(const struct ht_cluster *c, const struct ht_inst *i, int node, struct ht_why *w)
{
	const struct ht_node *n = &c->nodes[node];
	const struct ht_minmax *m = n->policy->minmax;

	for (size_t k = 0; k < n->policy->n_minmax; k++) { /* the first pair is the one failures are of */
		int64_t spindles = n->excl_storage ? ht_inst_spindles(i) : i->spindle_use;

		if (outside(w, "memory", i->mem, m->min.mem, m->max.mem))
			return;
		for (size_t d = 0; d < i->n_disks; d++)
			if (outside(w, "disk size", i->disks[d].size, m->min.disk, m->max.disk))
				return;
		if (outside(w, "number of processors", i->vcpus, m->min.cpus, m->max.cpus) ||
		    outside(w, "number of spindles", spindles, m->min.spindles, m->max.spindles))
			return;
		if (i->tmpl != disk_template_diskless &&
		    outside(w, "number of disks", (int64_t)i->n_disks, m->min.disks, m->max.disks))
			return;
		break;
	}
	say(w, "policy", "the policy does not have disk template %s", enum_name(&enum_disk_template, i->tmpl));
}

void ht_place_why(struct ht_cluster *c, const struct ht_alloc_opts *a, const struct ht_inst *i, int pri, int sec, enum ht_fail f,
		  struct ht_why *ret)
{
	const struct ht_node *n = &c->nodes[pri];
	struct ht_refusal r = { .role = HT_ROLE_PRI, .node = pri, .s = n->s, .force = a->o->ignore_soft_errors };

	*ret = (struct ht_why){ .limit = "", .node = pri };
	if (f == HT_FAIL_N1) {
		ret->node = a->n1 ? ht_n1_blocked(a->n1, i, a->index, pri, sec) : HT_NONE;
		say(ret, "redundancy", "the instances of this node could not all be brought up elsewhere then");
		return;
	}
	if (ht_inst_fits_policy(i, n->policy, n->excl_storage) != HT_OK) {
		policy(c, i, pri, ret);
		return;
	}
	if (ht_why(c, i, &r, ret) != HT_OK || sec == HT_NONE)
		return;
	r = (struct ht_refusal){ .role = HT_ROLE_SEC, .node = sec, .s = c->nodes[sec].s,
				 .kept = ht_peers_get(&c->nodes[sec].peers, pri) };
	ht_why(c, i, &r, ret);
}
