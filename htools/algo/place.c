/* Answers to requests for places: by groups, with the texts upstream gives (Cluster.tryMGAlloc and its like). */
#include "htools/algo/algo.h"

#include <math.h>
#include <string.h>

/* --- texts --- */

static void show_metric(struct str *out, const struct ht_place *p)
{
	if (!p->dedicated) {
		hs_fixed(out, p->a.score, 8);
		return;
	}
	str_add(out, "([");
	for (int k = 0; k < p->a.lost.n; k++)
		str_addf(out, "%s%lld", k ? "," : "", (long long)p->a.lost.v[k]);
	str_addf(out, "],%lld)", (long long)p->a.lost.disk);
}

/* upstream: genericDescribeSolution */
static void describe(struct str *out, const struct ht_cluster *c, const struct ht_place *p)
{
	struct str reasons CLEANUP(str_free) = { 0 };

	for (int f = 0; f < HT_N_FAIL; f++)
		if (p->a.fails[f])
			str_addf(&reasons, "%s%s: %lld", reasons.len ? ", " : "", ht_fail_name((enum ht_fail)f),
				 (long long)p->a.fails[f]);
	if (!p->a.found) {
		str_addf(out, "No valid allocation solutions, failure reasons: %s",
			 p->a.n_fails ? str_get(&reasons) : "unknown reasons");
		return;
	}
	str_add(out, "score: ");
	show_metric(out, p);
	if (p->chosen_by_distance) {
		str_add(out, ", distance: ");
		hs_show_double(out, p->distance);
	}
	str_addf(out, ", successes %lld, failures %lld (%s) for node(s) %s", (long long)p->a.n_ok, (long long)p->a.n_fails,
		 str_get(&reasons), c->nodes[p->a.pri].name);
	if (p->a.sec != HT_NONE)
		str_addf(out, "/%s", c->nodes[p->a.sec].name);
}

/* upstream: solutionDescription */
static void log_group(struct arena *mem, struct strs *log, const struct ht_cluster *c, int group, const struct ht_place *p,
		      const struct err *failed)
{
	const struct ht_group *g = &c->groups[group];
	struct str s CLEANUP(str_free) = { 0 };

	if (failed) {
		strs_add(mem, log, arena_printf(mem, "Group %s: error %s", g->name, err_msg(failed)));
		return;
	}
	describe(&s, c, p);
	strs_add(mem, log, arena_printf(mem, "Group %s (%s): %s", g->name, enum_name(&enum_alloc_policy, g->alloc), str_get(&s)));
}

static bool has_networks(const struct ht_group *g, const struct ht_inst *i)
{
	for (size_t k = 0; k < i->networks.n; k++)
		if (!strs_has(&g->networks, i->networks.v[k]))
			return false;
	return true;
}

static void show_indices(struct str *out, const struct ht_list *l, int base)
{
	str_addc(out, '[');
	for (int k = 0; k < l->n; k++)
		str_addf(out, "%s%d", k ? "," : "", l->v[k] + base);
	str_addc(out, ']');
}

/* --- groups --- */

static int *nodes_of(const struct ht_cluster *c, int group, struct ht_view *ret)
{
	*ret = (struct ht_view){ .group = group };
	ret->nodes = xcalloc((size_t)c->n_nodes + 1, sizeof(int));
	for (int k = 0; k < c->n_nodes; k++)
		if (c->nodes[k].group == group)
			ret->nodes[ret->n_nodes++] = k;
	return ret->nodes;
}

/* In the nodes of GROUP; the score is over V. */
static int try_group(struct ht_cluster *c, const struct ht_view *v, const struct ht_alloc_opts *a, const struct ht_inst *i, int count,
		     int group, struct ht_place *ret, struct err *e)
{
	struct ht_targets t;
	struct ht_view nodes;
	int rc;

	nodes_of(c, group, &nodes);
	rc = ht_targets_init(&t, c, &nodes, a->o, count, false, e);
	if (rc == 0)
		rc = ht_alloc_try(c, v, a, i, &t, &ret->a, e);
	ret->dedicated = a->dedicated;
	ht_targets_free(&t);
	ht_view_free(&nodes);
	return rc;
}

static struct ht_alloc_opts with_n1(struct ht_cluster *c, const struct ht_view *v, const struct ht_alloc_opts *a)
{
	struct ht_alloc_opts x = *a;

	x.n1 = a->o->capacity && !a->dedicated ? ht_n1_new(c, v, a->o) : NULL;
	return x;
}

/* upstream: findAllocation */
static int in_group(struct ht_cluster *c, const struct ht_alloc_opts *a, const struct ht_inst *i, int count, const char *name,
		    struct arena *mem, struct ht_place *ret, struct err *e)
{
	int g = ht_find_group(c, name);
	struct ht_alloc_opts x;
	struct ht_view v;
	int rc;

	if (g < 0)
		return err_plain(e, "Wrong number of elems found with name %s", name);
	if (!has_networks(&c->groups[g], i))
		return err_plain(e, "The group %s is not connected to a network required by instance %s", c->groups[g].name, i->name);
	nodes_of(c, g, &v);
	x = with_n1(c, &v, a);
	rc = try_group(c, &v, &x, i, count, g, ret, e);
	ht_n1_free(x.n1);
	ht_view_free(&v);
	if (rc == 0 && a->bare_log) {
		struct str s CLEANUP(str_free) = { 0 };

		describe(&s, c, ret);
		strs_add(mem, &ret->log, arena_strdup(mem, str_get(&s)));
	} else if (rc == 0) {
		log_group(mem, &ret->log, c, g, ret, NULL);
	}
	return rc;
}

static int compare_lost(const struct ht_lost *a, const struct ht_lost *b)
{
	for (int k = 0; k < a->n && k < b->n; k++)
		if (a->v[k] != b->v[k])
			return a->v[k] < b->v[k] ? -1 : 1;
	if (a->n != b->n)
		return a->n < b->n ? -1 : 1;
	return a->disk < b->disk ? -1 : a->disk > b->disk;
}

/* Is X of group G better than Y of group H, or as good? (upstream: the last of the best) Lost allocations are in another unit
 * than distances, which come second there. */
static bool as_good(const struct ht_cluster *c, const struct ht_place *x, int g, const struct ht_place *y, int h)
{
	if (c->groups[g].alloc != c->groups[h].alloc)
		return c->groups[g].alloc < c->groups[h].alloc;
	if (x->dedicated && compare_lost(&x->a.lost, &y->a.lost) != 0)
		return compare_lost(&x->a.lost, &y->a.lost) < 0;
	return !((x->dedicated ? 0 : x->a.score) + x->distance > (x->dedicated ? 0 : y->a.score) + y->distance);
}

static bool group_has_nodes(const struct ht_cluster *c, int group)
{
	for (int k = 0; k < c->n_nodes; k++)
		if (c->nodes[k].group == group)
			return true;
	return false;
}

static int no_groups(const struct ht_cluster *c, const struct ht_list *allowed, struct err *e)
{
	struct str s CLEANUP(str_free) = { 0 };
	bool some = false;

	str_add(&s, "no groups for evacuation: allowed groups was ");
	str_add(&s, allowed ? "Just " : "Nothing");
	if (allowed)
		show_indices(&s, allowed, c->base);
	str_add(&s, ", all groups: [");
	for (int g = 0; g < c->n_groups; g++) {
		if (!group_has_nodes(c, g))
			continue;
		str_add(&s, some ? "," : "");
		ht_print_group(&s, c, g);
		some = true;
	}
	str_addc(&s, ']');
	return err_plain(e, "%s", str_get(&s));
}

static bool is_allowed(const struct ht_list *allowed, int group)
{
	for (int k = 0; allowed && k < allowed->n; k++)
		if (allowed->v[k] == group)
			return true;
	return !allowed;
}

/* upstream: findBestAllocGroup */
static int best_group(struct ht_cluster *c, const struct ht_alloc_opts *a, const struct ht_inst *i, int count,
		      const struct ht_list *allowed, struct arena *mem, int *ret_group, struct ht_place *ret, struct err *e)
{
	double *distances = ARENA_ARRAY(mem, double, (size_t)c->n_groups + 1);
	struct strs late = { 0 }, log = { 0 };
	struct ht_alloc_opts x;
	struct ht_view all;
	int best = HT_NONE;
	bool any = false;

	ht_view_all(c, &all);
	x = with_n1(c, &all, a);
	ht_distances(c, i, a->index, distances);
	for (int g = 0; g < c->n_groups; g++) {
		struct err failed CLEANUP(err_clear) = ERR_NONE;
		struct ht_place p = { .dedicated = a->dedicated, .chosen_by_distance = c->n_distances > 0, .distance = distances[g] };

		if (!group_has_nodes(c, g) || !is_allowed(allowed, g) || (a->only_group != HT_NONE && a->only_group != g))
			continue;
		any = true;
		if (!has_networks(&c->groups[g], i)) {
			if (a->dedicated)
				strs_add(mem, &late, arena_printf(mem, "Group %s: error The group %s is not connected to a network "
								  "required by instance %s", c->groups[g].name, c->groups[g].name,
								  i->name));
			else
				strs_add(mem, &log, arena_printf(mem, "group %s is not connected to a network required by "
								 "instance %s", c->groups[g].name, i->name));
			continue;
		}
		if (try_group(c, &all, &x, i, count, g, &p, &failed) < 0) {
			log_group(mem, &late, c, g, NULL, &failed);
			continue;
		}
		log_group(mem, &late, c, g, &p, NULL);
		if (!p.a.found || c->groups[g].alloc == alloc_policy_unallocable)
			continue;
		if (a->seen_group && c->n_distances > 0)
			a->seen_group(a, g, a->dedicated ? NAN : p.a.score, p.distance);
		if (best != HT_NONE && !as_good(c, &p, g, ret, best))
			continue;
		best = g;
		*ret = p;
	}
	ht_n1_free(x.n1);
	ht_view_free(&all);
	for (size_t k = 0; k < late.n; k++)
		strs_add(mem, &log, late.v[k]);
	if (!any && !a->dedicated)
		return no_groups(c, allowed, e);
	if (best == HT_NONE)
		return err_plain(e, "%s", strs_join(mem, &log, ", "));
	ret->log = (struct strs){ 0 };
	strs_add(mem, &ret->log, arena_printf(mem, "Selected group: %s", c->groups[best].name));
	for (size_t k = 0; k < log.n; k++)
		strs_add(mem, &ret->log, log.v[k]);
	*ret_group = best;
	return 0;
}

int ht_place_new(struct ht_cluster *c, const struct ht_alloc_opts *a, const struct ht_inst *i, int count, const char *group,
		 struct arena *mem, struct ht_place *ret, struct err *e)
{
	int g;

	*ret = (struct ht_place){ .dedicated = a->dedicated };
	if (group)
		return in_group(c, a, i, count, group, mem, ret, e);
	return best_group(c, a, i, count, NULL, mem, &g, ret, e);
}

int ht_place_group(struct ht_cluster *c, const struct ht_alloc_opts *a, int index, const struct ht_list *wanted, int *ret, struct err *e)
{
	struct arena *mem CLEANUP(arena_freep) = arena_new();
	struct ht_alloc_opts x = *a;
	struct ht_inst i = c->insts[index];
	struct ht_place p;

	x.index = index;
	return best_group(c, &x, &i, ht_inst_has_sec(&i) ? 2 : 1, wanted, mem, ret, &p, e);
}

/* upstream: tryAllocateSecondary. The instance is taken off its node meanwhile. */
int ht_place_secondary(struct ht_cluster *c, const struct ht_alloc_opts *a, int index, struct arena *mem, struct ht_place *ret,
		       struct err *e)
{
	struct ht_inst i = c->insts[index];
	struct ht_node *n = &c->nodes[i.pri];
	struct ht_targets t = { .count = 2, .n_pri = 1 };
	struct str s CLEANUP(str_free) = { 0 };
	struct ht_alloc_opts x;
	struct ht_view all;

	*ret = (struct ht_place){ .dedicated = false };
	if (i.sec != HT_NONE)
		return err_plain(e, "Instance already has a secondary");
	ht_touch_node(c, i.pri);
	ht_state_del_pri(n, &n->s, &i, i.loc_score);
	n->s.conflicts += ht_conflicts_del(n, &i);
	ht_unlink_pri(c, i.pri, index);
	i.tmpl = disk_template_drbd;
	t.pri = ARENA_ARRAY(mem, int, 1);
	t.sec = ARENA_ARRAY(mem, int, (size_t)c->n_nodes + 1);
	t.pri[0] = i.pri;
	for (int k = 0; k < c->n_nodes; k++)
		if (k != i.pri && c->nodes[k].group == n->group)
			t.sec[t.n_sec++] = k;
	ht_view_all(c, &all);
	x = with_n1(c, &all, a);
	x.index = index;
	if (ht_alloc_try(c, &all, &x, &i, &t, &ret->a, e) < 0) {
		ht_n1_free(x.n1);
		ht_view_free(&all);
		return -1;
	}
	ht_n1_free(x.n1);
	ht_view_free(&all);
	describe(&s, c, ret);
	strs_add(mem, &ret->log, arena_strdup(mem, str_get(&s)));
	return 0;
}

void ht_place_secondary_apply(struct ht_cluster *c, const struct ht_alloc_opts *a, int index, const struct ht_place *p)
{
	struct ht_inst *i = &c->insts[index];
	struct ht_node *n = &c->nodes[p->a.pri], *s = &c->nodes[p->a.sec];

	ht_touch_inst(c, index);
	ht_touch_node(c, p->a.sec);
	i->tmpl = disk_template_drbd;
	i->sec = p->a.sec;
	i->loc_score = ht_shared_locations(c, p->a.pri, p->a.sec);
	if (ht_state_add_pri(n, &n->s, i, i->loc_score, a->o->ignore_soft_errors) == HT_OK)
		n->s.conflicts += ht_conflicts_add(n, i);
	ht_link_pri(c, p->a.pri, index);
	ht_state_add_sec(s, &s->s, i, p->a.pri, false, false);
	ht_link_sec(c, p->a.sec, index, p->a.pri);
}

/* --- leaving --- */

static void moved(struct ht_cluster *c, struct arena *mem, struct ht_evac_one *x, const struct ht_move *moves, int n)
{
	const struct ht_inst *i = &c->insts[x->inst];

	x->group = c->nodes[i->pri].group;
	x->pri = i->pri;
	x->sec = ht_inst_has_sec(i) ? i->sec : HT_NONE;
	x->job = json_own(mem, json_new_array());
	for (int k = 0; k < n; k++) {
		json *ops = json_own(mem, ht_move_opcodes(c, x->inst, moves[k]));

		json_items(ops, at, op)
			json_append(x->job, json_ref(op));
	}
}

static void leave(struct ht_cluster *c, const struct ht_algo_opts *o, struct arena *mem, struct ht_evac_one *x,
		  enum ht_evac_mode mode, int group, const int *avail, int n)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct ht_move moves[4];
	int count = 0;

	if (ht_evac_inst(c, o, x->inst, mode, group, avail, n, moves, &count, &e) < 0)
		x->failed = arena_strdup(mem, err_msg(&e));
	else
		moved(c, mem, x, moves, count);
}

static int available(const struct ht_cluster *c, int group, const bool *excluded, int but, int *ret)
{
	int n = 0;

	for (int k = 0; k < c->n_nodes; k++)
		if (c->nodes[k].group == group && !c->nodes[k].offline && !excluded[k] && k != but)
			ret[n++] = k;
	return n;
}

void ht_evac_nodes(struct ht_cluster *c, const struct ht_algo_opts *o, const struct ht_list *insts, enum ht_evac_mode mode,
		   struct arena *mem, struct ht_evac *ret)
{
	bool *excluded = ARENA_ARRAY(mem, bool, (size_t)c->n_nodes + 1);
	int *avail = ARENA_ARRAY(mem, int, (size_t)c->n_nodes + 1);

	ret->n = (size_t)insts->n;
	ret->v = ARENA_ARRAY(mem, struct ht_evac_one, ret->n + 1);
	for (int k = 0; k < insts->n; k++) {
		const struct ht_inst *i = &c->insts[insts->v[k]];

		if (mode != HT_EVAC_SECONDARY)
			excluded[i->pri] = true;
		if (mode != HT_EVAC_PRIMARY && ht_inst_has_sec(i) && i->sec != HT_NONE)
			excluded[i->sec] = true;
	}
	for (int k = 0; k < insts->n; k++) {
		int pri = c->insts[insts->v[k]].pri, group = c->nodes[pri].group;

		ret->v[k].inst = insts->v[k];
		if (o->watch)
			o->watch->start(o->watch->arg, insts->v[k]);
		leave(c, o, mem, &ret->v[k], mode, group, avail, available(c, group, excluded, pri, avail));
		if (o->watch)
			o->watch->end(o->watch->arg, &ret->v[k], excluded);
	}
}

/* Groups of TARGETS (all if empty) that no instance of INSTS leaves. */
static void other_groups(const struct ht_cluster *c, const struct ht_list *insts, const struct ht_list *targets, struct ht_list *ret)
{
	bool *left = xcalloc((size_t)c->n_groups + 1, sizeof(*left));

	for (int k = 0; k < insts->n; k++)
		left[c->nodes[c->insts[insts->v[k]].pri].group] = true;
	for (int k = 0; k < (targets->n ? targets->n : c->n_groups); k++) {
		int g = targets->n ? targets->v[k] : k;

		if (!left[g])
			ht_list_push(ret, g);
		else
			left[g] = targets->n == 0; /* upstream takes off the first of the same only */
	}
	free(left);
}

void ht_evac_groups(struct ht_cluster *c, const struct ht_alloc_opts *a, const struct ht_list *insts, const struct ht_list *targets,
		    struct arena *mem, struct ht_evac *ret)
{
	const bool *none = ARENA_ARRAY(mem, bool, (size_t)c->n_nodes + 1);
	int *avail = ARENA_ARRAY(mem, int, (size_t)c->n_nodes + 1);
	const struct ht_watch *watch = a->o->watch;
	struct ht_algo_opts o = ht_algo_defaults;
	struct ht_list wanted = { 0 };

	o.watch = watch;
	ret->n = (size_t)insts->n;
	ret->v = ARENA_ARRAY(mem, struct ht_evac_one, ret->n + 1);
	other_groups(c, insts, targets, &wanted);
	for (int k = 0; k < insts->n; k++) {
		struct err e CLEANUP(err_clear) = ERR_NONE;
		struct ht_evac_one *x = &ret->v[k];
		int group;

		x->inst = insts->v[k];
		if (watch)
			watch->start(watch->arg, x->inst);
		if (ht_place_group(c, a, x->inst, &wanted, &group, &e) < 0)
			x->failed = arena_strdup(mem, err_msg(&e));
		else
			leave(c, &o, mem, x, HT_EVAC_ALL, group, avail, available(c, group, none, HT_NONE, avail));
		if (watch)
			watch->end(watch->arg, x, NULL);
	}
	free(wanted.v);
}
