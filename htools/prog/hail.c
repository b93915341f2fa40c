/* hail: the answer to one request of the master. */
#include "htools/prog/prog.h"

#include <stdio.h>
#include <string.h>

struct answer {
	struct htool *t;
	struct ht_cluster *c;
	struct ht_request *q;
	struct ht_alloc_opts a;
	struct ht_algo_opts o;
	bool dedicated;
	int seen;         /* the only group upstream's final cluster has, or HT_NONE */
	int placed;       /* index of a single new instance, which upstream puts before all others; HT_NONE */
	const char *info;
	json *result;
	struct places *why;
};

static json *names(const struct ht_cluster *c, int pri, int sec)
{
	json *l = json_append(json_new_array(), json_new_str(c->nodes[pri].name));

	if (sec != HT_NONE)
		json_append(l, json_new_str(c->nodes[sec].name));
	return l;
}

static const char *log_text(struct answer *x, const struct ht_place *p)
{
	return strs_join(x->t->a, &p->log, ", ");
}

static int put(struct answer *x, const struct ht_wish *w, const struct ht_place *p)
{
	/* upstream goes on with the group's nodes only, where it placed in one group */
	if (w->group || x->dedicated)
		x->seen = x->c->nodes[p->a.pri].group;
	if (x->dedicated)
		x->a.only_group = x->seen;
	return ht_alloc_place(x->c, &w->inst, w->inst.name, p->a.pri, p->a.sec, x->o.ignore_soft_errors);
}

static int find_place(struct answer *x, const struct ht_wish *w, struct ht_place *ret, struct err *e)
{
	int rc;

	*ret = (struct ht_place){ .dedicated = x->dedicated };
	htool_places_start(x->why, &x->a, &w->inst, w->group);
	rc = ht_place_new(x->c, &x->a, &w->inst, (int)w->count, w->group, x->t->a, ret, e);
	htool_places_end(x->why, &x->a, rc == 0 ? &ret->a : NULL);
	return rc;
}

static int allocate(struct answer *x, struct err *e)
{
	const struct ht_wish *w = x->q->wishes;
	struct ht_place p;

	if (x->q->restricted && !x->o.restrict_to)
		x->o.restrict_to = &x->q->restrict_to;
	if (find_place(x, w, &p, e) < 0)
		return -1;
	x->info = log_text(x, &p);
	if (!p.a.found)
		return err_plain(e, "%s", x->info);
	x->placed = put(x, w, &p);
	x->result = names(x->c, p.a.pri, p.a.sec);
	return 0;
}

static int multi_allocate(struct answer *x, struct err *e)
{
	json *done = json_own(x->t->a, json_new_array()), *failed = json_own(x->t->a, json_new_array());
	size_t mark = ht_mark(x->c);
	int rc = 0;

	x->a.bare_log = x->dedicated;
	for (size_t k = 0; k < x->q->n_wishes && rc == 0; k++) {
		const struct ht_wish *w = &x->q->wishes[k];
		struct ht_place p;

		if (x->dedicated && w->group && k > 0) { /* upstream places each of these in the cluster as it was */
			ht_rollback(x->c, mark);
			mark = ht_mark(x->c);
		}
		rc = find_place(x, w, &p, e);
		if (rc < 0)
			break;
		if (!p.a.found) {
			json_append(failed, json_pack("[s,s]", w->inst.name, log_text(x, &p)));
			continue;
		}
		put(x, w, &p);
		json_append(done, json_pack("[s,o]", w->inst.name, names(x->c, p.a.pri, p.a.sec)));
	}
	ht_commit(x->c, mark);
	x->info = arena_printf(x->t->a, "%zu instances failed to allocate and %zu were allocated successfully", json_len(failed),
			       json_len(done));
	x->result = json_pack("[O,O]", done, failed);
	return rc;
}

static int allocate_secondary(struct answer *x, struct err *e)
{
	int index = x->q->insts.v[0];
	struct ht_inst i = x->c->insts[index];
	struct ht_place p = { .dedicated = false };
	int rc;

	i.tmpl = disk_template_drbd;
	htool_places_start(x->why, &x->a, &i, NULL);
	rc = ht_place_secondary(x->c, &x->a, index, x->t->a, &p, e);
	htool_places_end(x->why, &x->a, rc == 0 ? &p.a : NULL);
	if (rc < 0)
		return -1;
	x->info = log_text(x, &p);
	if (!p.a.found)
		return err_plain(e, "%s", x->info);
	x->result = json_new_str(x->c->nodes[p.a.sec].name);
	ht_place_secondary_apply(x->c, &x->a, index, &p);
	return 0;
}

static void show_indices(struct str *s, const struct ht_list *l)
{
	str_addc(s, '[');
	for (int k = 0; k < l->n; k++)
		str_addf(s, "%s%d", k ? "," : "", l->v[k]);
	str_addc(s, ']');
}

/* upstream: processRelocate */
static int relocate(struct answer *x, struct err *e)
{
	int index = x->q->insts.v[0];
	const struct ht_inst *i = &x->c->insts[index];
	enum ht_mirror mirror = ht_template_mirror(i->tmpl);
	bool drbd = mirror == HT_MIRROR_INTERNAL;
	int from = drbd ? i->sec : i->pri, pri = i->pri, sec = i->sec;
	struct ht_evac r;

	if (x->q->count != 1)
		return err_plain(e, "Exchange %lld nodes mode is not implemented", (long long)x->q->count);
	if (mirror == HT_MIRROR_NONE)
		return err_plain(e, "Can't relocate non-mirrored instances");
	if (x->q->from.n != 1 || x->q->from.v[0] != from) {
		struct str s CLEANUP(str_free) = { 0 };

		show_indices(&s, &x->q->from);
		return err_plain(e, "Unsupported request: excluded nodes not equal to instance's %s(%d versus %s)",
				 drbd ? "secondary" : "primary", from, str_get(&s));
	}
	htool_places_watch(x->why, &x->o, &x->a);
	ht_evac_nodes(x->c, &x->o, &x->q->insts, drbd ? HT_EVAC_SECONDARY : HT_EVAC_PRIMARY, x->t->a, &r);
	if (r.v[0].failed)
		return err_plain(e, "%s", r.v[0].failed);
	if (drbd && i->sec == sec)
		return err_plain(e, "Internal error: instance didn't change secondary node?!");
	if (drbd && i->sec == i->pri)
		return err_plain(e, "Internal error: selected primary as new secondary?!");
	if (!drbd && i->pri == pri)
		return err_plain(e, "Internal error: instance didn't change primary node?!");
	x->info = "success";
	x->result = names(x->c, drbd ? i->sec : i->pri, HT_NONE);
	return 0;
}

/* upstream: formatNodeEvac */
static int leave(struct answer *x, const struct ht_evac *r)
{
	json *moved = json_new_array(), *failed = json_new_array(), *jobs = json_new_array();

	for (size_t k = 0; k < r->n; k++) {
		const struct ht_evac_one *v = &r->v[k];
		const char *name = x->c->insts[v->inst].name;

		if (v->failed) {
			json_append(failed, json_pack("[s,s]", name, v->failed));
			continue;
		}
		json_append(moved, json_pack("[s,s,o]", name, x->c->groups[v->group].name, names(x->c, v->pri, v->sec)));
		json_append(jobs, json_ref(v->job));
	}
	x->info = arena_printf(x->t->a, "%zu instances failed to move and %zu were moved successfully", json_len(failed),
			       json_len(moved));
	x->result = json_pack("[o,o,o]", moved, failed, jobs);
	return 0;
}

static int node_evacuate(struct answer *x, struct err *e)
{
	static const enum ht_evac_mode modes[] = { [evac_mode_all] = HT_EVAC_ALL, [evac_mode_primary_only] = HT_EVAC_PRIMARY,
						   [evac_mode_secondary_only] = HT_EVAC_SECONDARY };
	struct ht_evac r;

	(void)e;
	htool_places_watch(x->why, &x->o, &x->a);
	ht_evac_nodes(x->c, &x->o, &x->q->insts, modes[x->q->evac_mode], x->t->a, &r);
	return leave(x, &r);
}

static int change_group(struct answer *x, struct err *e)
{
	struct ht_evac r;

	(void)e;
	htool_places_watch(x->why, &x->o, &x->a);
	ht_evac_groups(x->c, &x->a, &x->q->insts, &x->q->groups, x->t->a, &r);
	return leave(x, &r);
}

static int process(struct answer *x, struct err *e)
{
	switch (x->q->kind) {
	case iallocator_mode_allocate:
		return allocate(x, e);
	case iallocator_mode_multi_allocate:
		return multi_allocate(x, e);
	case iallocator_mode_allocate_secondary:
		return allocate_secondary(x, e);
	case iallocator_mode_relocate:
		return relocate(x, e);
	case iallocator_mode_node_evacuate:
		return node_evacuate(x, e);
	case iallocator_mode_change_group:
		return change_group(x, e);
	}
	return -1;
}

static void respond(struct answer *x)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	size_t mark = ht_mark(x->c);
	bool ok = process(x, &e) == 0;
	json *reply CLEANUP(json_putp) = json_new_dict();
	char *text CLEANUP(freep) = NULL;

	if (ok) {
		ht_commit(x->c, mark);
	} else {
		ht_rollback(x->c, mark);
		x->seen = x->placed = HT_NONE;
	}
	json_set(reply, "success", json_new_bool(ok));
	json_set(reply, "info", json_new_str(arena_printf(x->t->a, ok ? "Request successful: %s" : "Request failed: %s",
							  ok ? x->info : err_msg(&e))));
	if (!ok)
		json_put(x->result);
	json_set(reply, "result", ok ? x->result : json_new_array());
	text = json_dump(reply);
	out("%s", text);
}

/* --- */

/* Do all wishes name one group, or any? (upstream: isAllocationRequest) */
static bool for_dedicated(const struct ht_cluster *c, const struct ht_request *q)
{
	const char *group = NULL;
	bool several = false;

	if (q->kind != iallocator_mode_allocate && q->kind != iallocator_mode_multi_allocate)
		return false;
	for (size_t k = 0; k < q->n_wishes; k++) {
		const char *g = q->wishes[k].group;

		several = several || (g && group && strcmp(g, group) != 0);
		group = g ? g : group;
	}
	return ht_is_dedicated(c, several ? NULL : group);
}

/* The state behind the answer, the new instance first. */
static int save_after(struct answer *x, struct err *e)
{
	struct ht_cluster *c = x->c;
	struct ht_inst last;
	size_t n = (size_t)c->n_insts;
	int rc;

	if (!htool_str(x->t, "save"))
		return 0;
	if (x->placed != HT_NONE) {
		last = c->insts[n - 1];
		memmove(c->insts + 1, c->insts, (n - 1) * sizeof(*c->insts));
		c->insts[0] = last;
	}
	rc = htool_save(x->t, c, "post-ialloc", "after iallocator run", e);
	if (x->placed != HT_NONE) {
		memmove(c->insts, c->insts + 1, (n - 1) * sizeof(*c->insts));
		c->insts[n - 1] = last;
	}
	return rc;
}

static int run(struct answer *x, struct err *e)
{
	struct htool *t = x->t;
	struct strs only = htool_list(t, "restrict_allocation_to");
	struct ht_view v;
	int rc;

	htool_algo_opts(t, &x->o);
	if (htool_opt(t, "restrict_allocation_to"))
		x->o.restrict_to = &only;
	x->dedicated = for_dedicated(x->c, x->q);
	if (t->verbose > 1 && x->dedicated)
		fputs("Allocation on a dedicated cluster; using lost-allocations metrics.\n", stderr);
	x->a = (struct ht_alloc_opts){ .o = &x->o, .index = HT_NONE, .only_group = HT_NONE, .dedicated = x->dedicated };
	x->placed = x->seen = HT_NONE;
	ht_view_all(x->c, &v);
	htool_print_nodes(t, "Initial cluster", x->c, &v);
	rc = htool_save(t, x->c, "pre-ialloc", "before iallocator run", e);
	if (rc == 0) {
		x->why = htool_places_new(t, x->c);
		respond(x);
		htool_places_print(x->why);
		for (int k = 0, n = v.n_nodes; k < n && x->seen != HT_NONE; k++) {
			v.n_nodes = k ? v.n_nodes : 0;
			if (x->c->nodes[k].group == x->seen)
				v.nodes[v.n_nodes++] = k;
		}
		htool_print_nodes(t, "Final cluster", x->c, &v);
		rc = save_after(x, e);
	}
	ht_view_free(&v);
	return rc;
}

static int read_loads(struct htool *t, struct ht_cluster *c, struct err *e)
{
	struct ht_mond m = { .file = htool_str(t, "mond_data"), .xen = htool_flag(t, "mond_xen"),
			     .kvm_rss = htool_flag(t, "mond_kvm_rss") };
	struct strs warnings = { 0 };
	bool all;

	if (!htool_flag(t, "mond") || htool_flag(t, "ignore_dynu"))
		return 0;
	if (ht_mond_load(c, &m, t->a, &all, &warnings, e) < 0)
		return -1;
	for (size_t k = 0; k < warnings.n; k++)
		fprintf(stderr, "%s\n", warnings.v[k]);
	return 0;
}

/* Nobody has measured a new instance: it may use all it is given. */
static void load_wishes(const struct ht_cluster *c, struct ht_request *q, double weight)
{
	bool measured = false;

	for (int k = 0; k < c->n_nodes; k++)
		measured = measured || c->nodes[k].rss > 0;
	for (size_t k = 0; k < q->n_wishes; k++) {
		struct ht_inst *i = &q->wishes[k].inst;

		i->util.mem = weight * (measured ? (double)i->mem * HT_PAGES_PER_MIB : i->util.mem);
	}
}

/* A request is about numbers of the cluster it came with; another cluster may have fewer. */
static int check_indices(const struct ht_cluster *c, const struct ht_request *q, struct err *e)
{
	const struct {
		const struct ht_list *l;
		int n;
	} all[] = { { &q->insts, c->n_insts }, { &q->groups, c->n_groups }, { &q->from, c->n_nodes } };

	for (size_t k = 0; k < ARRAY_SIZE(all); k++)
		for (int i = 0; i < all[k].l->n; i++)
			if (all[k].l->v[i] >= all[k].n)
				return err_plain(e, "key %d is not an element of the map", all[k].l->v[i]);
	return 0;
}

int hail_main(struct htool *t, struct err *e)
{
	struct ht_cluster *c CLEANUP(ht_cluster_freep) = ht_cluster_new(), *other CLEANUP(ht_cluster_freep) = NULL;
	struct strs simulate = htool_list(t, "simulate"), warnings = { 0 };
	struct ht_request q = { 0 };
	struct answer x = { .t = t, .q = &q };
	int rc;

	if (t->args.n == 0)
		return err_plain(e, "This program needs an input file.");
	if (t->args.n > 1)
		return err_plain(e, "Only one argument is accepted (the input file)");
	rc = ht_ialloc_read(c, t->args.v[0], htool_static_mem(t), t->a, &q, &warnings, e);
	if (rc == 0) {
		htool_show_warnings(&warnings);
		if (htool_str(t, "text_data") || simulate.n > 0)
			rc = htool_read(t, &other, e);
		else
			rc = read_loads(t, c, e);
	}
	x.c = other ? other : c;
	if (rc == 0) {
		double weight = htool_float(t, "mem_weight");

		if (!other)
			ht_scale_mem_load(c, weight);
		load_wishes(x.c, &q, weight);
	}
	if (rc == 0 && other)
		rc = check_indices(other, &q, e);
	if (rc == 0)
		htool_dump(t, x.c, &q, !other);
	if (rc == 0)
		rc = run(&x, e);
	ht_request_clear(&q);
	return rc;
}
