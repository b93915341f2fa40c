/* hscan: the state of clusters, a line and a file for each. */
#include "htools/prog/prog.h"

#include <stdio.h>
#include <string.h>

#define LOCAL "LOCAL" /* the cluster of this machine */

/* How it is, in one line. */
static void summary(struct str *s, const struct ht_cluster *c, const struct ht_view *v)
{
	struct ht_list bad = { 0 };
	double t_mem = 0, t_dsk = 0;
	int64_t f_mem = 0, f_dsk = 0;
	int bad_insts;

	ht_bad_items(c, v, &bad, &bad_insts);
	for (int i = 0; i < c->n_nodes; i++) {
		t_mem += c->nodes[i].t_mem;
		t_dsk += c->nodes[i].t_dsk;
		f_mem += c->nodes[i].f_mem;
		f_dsk += c->nodes[i].s.f_dsk;
	}
	str_addf(s, "%5d %5d %5d %5d ", c->n_nodes, c->n_insts, bad.n, bad_insts);
	hs_fixed_w(s, t_mem, 6, 0);
	str_addf(s, " %6lld ", (long long)f_mem);
	hs_fixed_w(s, t_dsk / 1024, 6, 0);
	str_addf(s, " %6lld ", (long long)(f_dsk / 1024 - (f_dsk % 1024 < 0)));
	hs_fixed(s, ht_score(c, v), 8);
	str_addc(s, '\n');
	free(bad.v);
}

static int write_cluster(const struct htool *t, const struct ht_cluster *c, const char *name, int width, struct err *e)
{
	struct str s CLEANUP(str_free) = { 0 };
	const char *dir = htool_str(t, "output_dir");
	char *file = arena_strdup(t->a, name);
	struct ht_view v;

	for (char *p = file; *p; p++)
		if (*p == '/')
			*p = '_';
	ht_view_all(c, &v);
	str_addf(&s, "%-*s ", width, name);
	summary(&s, c, &v);
	if (htool_opt(t, "print_nodes")) {
		struct strs fields = htool_list(t, "print_nodes");

		ht_print_nodes(&s, c, &v, &fields);
	}
	out_str(&s);
	ht_view_free(&v);
	return ht_save(c, arena_printf(t->a, "%s%s%s", dir, str_ends(dir, "/") ? "" : "/", file), "data", e);
}

/* NAME NULL: the cluster of this machine. Fails only where writing does. */
static int scan(const struct htool *t, const char *name, int width, bool *ret_ok, struct err *e)
{
	struct ht_cluster *c CLEANUP(ht_cluster_freep) = ht_cluster_new();
	struct ht_merge_opts none = { 0 };
	struct err why CLEANUP(err_clear) = ERR_NONE;
	struct strs warnings;
	const char *socket = htool_str(t, "luxi");
	int rc;

	rc = name ? ht_rapi_load(c, name, &why) : ht_luxi_load(c, socket ? socket : "", &why);
	if (rc == 0)
		rc = ht_merge(c, &none, &why);
	*ret_ok = rc == 0;
	if (rc < 0) {
		out("\nError for %s: failed to load data. Details:\n%s", name ? name : LOCAL, err_msg(&why));
		return 0;
	}
	ht_update_missing(c, htool_static_mem(t), t->a, &warnings);
	return write_cluster(t, c, name ? name : LOCAL, width, e);
}

int hscan_main(struct htool *t, struct err *e)
{
	bool all = true, ok;
	int width = t->args.n ? 0 : (int)strlen(LOCAL);

	for (size_t i = 0; i < t->args.n; i++)
		width = (int)strlen(t->args.v[i]) > width ? (int)strlen(t->args.v[i]) : width;
	if (!htool_flag(t, "no_headers"))
		out("%-*s %5s %5s %5s %5s %6s %6s %6s %6s %10s", width, "Name", "Nodes", "Inst", "BNode", "BInst", "t_mem", "f_mem",
		    "t_disk", "f_disk", "Score");
	if (t->args.n == 0 && scan(t, NULL, width, &all, e) < 0)
		return -1;
	for (size_t i = 0; i < t->args.n; i++) {
		if (scan(t, t->args.v[i], width, &ok, e) < 0)
			return -1;
		all = all && ok;
	}
	return all ? EXIT_SUCCESS : 2;
}
