/* hroller: groups of nodes that can be rebooted at once. */
#include "htools/prog/prog.h"

#include <stdio.h>

/* Of several masters, or none, one cannot be the last. */
static int check_master(const struct htool *t, const struct ht_cluster *c, struct err *e)
{
	static const char none[] = "No master node found (maybe not supported by backend).";
	struct str s CLEANUP(str_free) = { 0 };
	struct strs names = { 0 };

	for (int i = 0; i < c->n_nodes; i++)
		if (c->nodes[i].master)
			strs_add(t->a, &names, c->nodes[i].name);
	if (names.n == 1)
		return 0;
	if (names.n > 1) {
		hs_show_strs(&s, &names);
		return err_plain(e, "Found more than one master node: %s", str_get(&s));
	}
	if (!htool_flag(t, "force"))
		return err_plain(e, "%s", none);
	fprintf(stderr, "Warning: %s\n", none);
	return 0;
}

static bool has_non_redundant(const struct ht_cluster *c, const struct ht_node *n)
{
	for (int i = 0; i < n->pri.n; i++)
		if (!ht_inst_has_sec(&c->insts[n->pri.v[i]]))
			return true;
	return false;
}

static bool has_tag(const struct htool *t, const struct ht_node *n)
{
	struct strs tags = htool_list(t, "node_tags");

	if (!htool_opt(t, "node_tags"))
		return true;
	for (size_t i = 0; i < n->ntags.n; i++)
		if (strs_has(&tags, n->ntags.v[i]))
			return true;
	return false;
}

static int wanted(const struct htool *t, const struct ht_cluster *c, bool *in, struct err *e)
{
	const char *group = htool_str(t, "group");
	int g = group ? ht_find_group(c, group) : HT_NONE;

	if (group && g < 0)
		return err_plain(e, "Cannot find target group.");
	for (int i = 0; i < c->n_nodes; i++) {
		const struct ht_node *n = &c->nodes[i];

		in[i] = !n->offline && !(htool_flag(t, "skip_non_redundant") && has_non_redundant(c, n)) && has_tag(t, n) &&
			(!group || n->group == g);
	}
	return 0;
}

static void show_moves(struct str *s, const struct ht_cluster *c, const struct ht_roll_group *g)
{
	for (int i = 0; i < g->n_moves; i++) {
		const struct ht_roll_move *m = &g->moves[i];

		str_addf(s, "  %s %s", c->insts[m->inst].name, c->nodes[m->pri].name);
		if (m->sec != HT_NONE)
			str_addf(s, " %s", c->nodes[m->sec].name);
		str_addc(s, '\n');
	}
}

static void show(const struct htool *t, const struct ht_cluster *c, const struct ht_roll *r)
{
	bool first = htool_flag(t, "one_step_only");
	struct str s CLEANUP(str_free) = { 0 };

	if (!htool_flag(t, "no_headers"))
		str_add(&s, first ? "'First Reboot Group'\n" : "'Node Reboot Groups'\n");
	for (int k = 0; k < r->n && (k == 0 || !first); k++) {
		const struct ht_list *l = &r->v[k].nodes;

		for (int i = 0; i < l->n; i++)
			str_addf(&s, "%s%s", i ? first ? "\n" : "," : "", c->nodes[l->v[i]].name);
		if (l->n > 0 || !first)
			str_addc(&s, '\n');
		if (htool_flag(t, "print_moves"))
			show_moves(&s, c, &r->v[k]);
	}
	out_str(&s);
}

static int roll(struct htool *t, struct ht_cluster *c, const struct ht_roll_opts *o, const struct ht_roll_plan *p, struct err *e)
{
	static const char *const texts[] = {
		[HT_ROLL_NON_REDUNDANT] = "Not enough capacity to move non-redundant instances",
		[HT_ROLL_MIGRATE] = "Failed to migrate instances off nodes",
		[HT_ROLL_SECONDARIES] = "Not enough capacity to move secondaries",
	};
	struct str graph CLEANUP(str_free) = { 0 }, stats CLEANUP(str_free) = { 0 };
	struct ht_roll r CLEANUP(ht_roll_clear) = { 0 };
	enum ht_roll_fail fail;

	if (t->verbose > 2) {
		ht_roll_show_graph(&graph, p);
		out("Node Graph: %s", str_get(&graph));
	}
	fail = ht_roll(c, o, p, &r);
	if (fail != HT_ROLL_OK)
		return err_plain(e, "%s", texts[fail]);
	if (t->verbose > 1) {
		ht_roll_show_stats(&stats, p);
		out("%s", str_get(&stats));
	}
	show(t, c, &r);
	return EXIT_SUCCESS;
}

int hroller_main(struct htool *t, struct err *e)
{
	struct ht_cluster *c CLEANUP(ht_cluster_freep) = NULL, *read CLEANUP(ht_cluster_freep) = NULL;
	struct ht_roll_opts o = {
		.offline_maintenance = htool_flag(t, "offline_maintenance"),
		.ignore_non_redundant = htool_flag(t, "ignore_non_redundant"),
		.full_evacuation = htool_flag(t, "full_evacuation"),
	};
	struct ht_roll_plan *p;
	bool *in;
	int rc;

	if (htool_no_args(t, e) < 0 || htool_read(t, &c, e) < 0 || check_master(t, c, e) < 0)
		return -1;
	if (htool_str(t, "save")) /* what was read, without --offline */
		read = ht_cluster_clone(c);
	if (htool_set_status(t, c, e) < 0 || (read && htool_save(t, read, "original", "before hroller run", e) < 0))
		return -1;
	in = ARENA_ARRAY(t->a, bool, (size_t)c->n_nodes + 1);
	if (wanted(t, c, in, e) < 0)
		return -1;
	o.in = in;
	p = ht_roll_plan(c, &o);
	if (!p)
		return err_plain(e, "Cannot create node graph");
	rc = roll(t, c, &o, p, e);
	ht_roll_plan_free(p);
	return rc;
}
