/* hinfo: what the tools see of a cluster. */
#include "htools/prog/prog.h"

#include <stdio.h>

static void group_table(const struct htool *t, const struct ht_cluster *c, const struct ht_view *views, int n)
{
	static const char *const titles[] = { "Group", "Nodes", "Instances", "Bad_Nodes", "Bad_Instances", "N+1", "Score" };
	static const bool numeric[] = { false, true, true, true, true, false, true };
	struct str s CLEANUP(str_free) = { 0 };
	struct strs cells = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(titles); i++)
		strs_add(t->a, &cells, titles[i]);
	for (int g = 0; g < n; g++) {
		struct str score CLEANUP(str_free) = { 0 };
		struct ht_list bad = { 0 };
		int insts;

		ht_bad_items(c, &views[g], &bad, &insts);
		hs_fixed(&score, ht_score(c, &views[g]), 8);
		strs_add(t->a, &cells, c->groups[views[g].group].name);
		strs_add(t->a, &cells, arena_printf(t->a, "%d", views[g].n_nodes));
		strs_add(t->a, &cells, arena_printf(t->a, "%d", views[g].n_insts));
		strs_add(t->a, &cells, arena_printf(t->a, "%d", bad.n));
		strs_add(t->a, &cells, arena_printf(t->a, "%d", insts));
		strs_add(t->a, &cells, bad.n ? "False" : "True");
		strs_add(t->a, &cells, arena_strdup(t->a, str_get(&score)));
		free(bad.v);
	}
	ht_print_table(&s, "  ", &cells, ARRAY_SIZE(titles), numeric);
	out("Node group information:");
	out_str(&s);
}

static void group_info(const struct htool *t, const struct ht_cluster *c)
{
	int n;
	struct ht_view *views = ht_views(c, &n);
	bool happy = true;

	for (int g = 0; g < n; g++) {
		struct ht_list bad = { 0 };

		ht_bad_items(c, &views[g], &bad, NULL);
		happy = happy && bad.n == 0;
		free(bad.v);
	}
	if (t->verbose > 1)
		group_table(t, c, views, n);
	out("Cluster is N+1 %s", happy ? "happy" : "unhappy");
	ht_views_free(views, n);
}

static void split_instances(const struct htool *t, const struct ht_cluster *c)
{
	bool some = false;

	for (int i = 0; i < c->n_insts; i++) {
		if (!ht_inst_split(c, &c->insts[i]))
			continue;
		if (!some)
			out("Found instances belonging to multiple node groups:");
		some = true;
		fprintf(stderr, "  %s\n", c->insts[i].name);
	}
	if (!some && t->verbose > 1)
		out("No split instances found");
}

static void common_info(const struct htool *t, const struct ht_cluster *c)
{
	const char *suffix = ht_common_suffix(c, t->a);

	if (c->n_insts == 0 && t->verbose > 1)
		out("Cluster is empty.");
	out("Loaded %d %s, %d %s, %d %s", c->n_nodes, c->n_nodes == 1 ? "node" : "nodes", c->n_insts,
	    c->n_insts == 1 ? "instance" : "instances", c->n_groups, c->n_groups == 1 ? "node group" : "node groups");
	if (*suffix && t->verbose > 2)
		out("Note: Stripping common suffix of '%s' from names", suffix);
}

void htool_policy_line(const struct ht_cluster *c)
{
	struct str s CLEANUP(str_free) = { 0 };

	str_add(&s, "Loaded cluster ipolicy: ");
	ht_print_policy(&s, &c->policy);
	str_addc(&s, '\n');
	out_str(&s);
}

int hinfo_main(struct htool *t, struct err *e)
{
	struct ht_cluster *c CLEANUP(ht_cluster_freep) = NULL;
	struct str s CLEANUP(str_free) = { 0 };
	struct ht_view v;

	if (htool_no_args(t, e) < 0 || htool_read(t, &c, e) < 0)
		return -1;
	out("Loaded cluster tags: %s", strs_join(t->a, &c->tags, ","));
	if (t->verbose > 2)
		htool_policy_line(c);
	if (htool_set_status(t, c, e) < 0)
		return -1;
	ht_view_all(c, &v);
	common_info(t, c);
	split_instances(t, c);
	group_info(t, c);
	htool_print_insts(t, "Instances", c, &v);
	htool_print_nodes(t, "Cluster", c, &v);
	str_add(&s, "Cluster coefficients:\n");
	ht_print_parts(&s, "  ", c, &v);
	str_add(&s, "Cluster score: ");
	hs_fixed(&s, ht_score(c, &v), 8);
	str_addc(&s, '\n');
	out_str(&s);
	ht_view_free(&v);
	return 0;
}
