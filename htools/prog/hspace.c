/* hspace: how many instances a cluster still has room for. */
#include "htools/prog/prog.h"

#include <stdio.h>
#include <string.h>

struct size { /* upstream: RSpec */
	int64_t mem, dsk, cpu, spn;
};
struct space {
	struct htool *t;
	struct ht_cluster *c;
	struct ht_view v;
	struct ht_algo_opts o;
	struct ht_targets targets;
	struct ht_totals ini;
	double ini_score;
	enum disk_template tmpl;
	int64_t spindle_use, limit;
	int n_insts;            /* before */
	bool machine, stopped;  /* stopped: the cluster is not redundant to begin with */
};

/* --- numbers as text --- */

static const char *num(struct space *s, int64_t v)
{
	return arena_printf(s->t->a, "%lld", (long long)v);
}

static const char *fixed(struct space *s, double v, int width, int prec)
{
	struct str b CLEANUP(str_free) = { 0 };

	hs_fixed_w(&b, v, width, prec);
	return arena_strdup(s->t->a, str_get(&b));
}

static const char *shown(struct space *s, double v)
{
	struct str b CLEANUP(str_free) = { 0 };

	hs_show_double(&b, v);
	return arena_strdup(s->t->a, str_get(&b));
}

static void key(const char *group, const char *name, const char *value)
{
	struct str b CLEANUP(str_free) = { 0 }, k CLEANUP(str_free) = { 0 };

	str_addf(&k, "%s%s", group, name);
	ht_print_key(&b, "HTS", str_get(&k), value);
	out_str(&b);
}

static double efficiency(int64_t used, double total)
{
	return (double)used / total;
}

static void print_stats(struct space *s, const char *phase, const struct ht_totals *x)
{
	key(phase, "SCORE", fixed(s, x->score, 0, 8));
	key(phase, "INST_CNT", num(s, x->n_inst));
	key(phase, "MEM_FREE", num(s, x->f_mem));
	key(phase, "MEM_AVAIL", num(s, x->a_mem));
	key(phase, "MEM_RESVD", num(s, x->f_mem - x->a_mem));
	key(phase, "MEM_INST", num(s, x->i_mem));
	key(phase, "MEM_OVERHEAD", num(s, x->x_mem + x->n_mem));
	key(phase, "MEM_EFF", fixed(s, efficiency(x->i_mem, x->t_mem), 0, 8));
	key(phase, "DSK_FREE", num(s, x->f_dsk));
	key(phase, "DSK_AVAIL", num(s, x->a_dsk));
	key(phase, "DSK_RESVD", num(s, x->f_dsk - x->a_dsk));
	key(phase, "DSK_INST", num(s, x->i_dsk));
	key(phase, "DSK_EFF", fixed(s, efficiency(x->i_dsk, x->t_dsk), 0, 8));
	key(phase, "SPN_FREE", num(s, x->f_spn));
	key(phase, "SPN_INST", num(s, x->i_spn));
	key(phase, "SPN_EFF", fixed(s, efficiency(x->i_spn, x->t_spn), 0, 8));
	key(phase, "CPU_INST", num(s, x->i_cpu));
	key(phase, "CPU_EFF", fixed(s, efficiency(x->i_cpu, (double)x->v_cpu), 0, 8));
	key(phase, "MNODE_MEM_AVAIL", num(s, x->m_mem));
	key(phase, "MNODE_DSK_AVAIL", num(s, x->m_dsk));
}

static bool excl_storage(const struct space *s)
{
	for (int k = 0; k < s->v.n_nodes; k++)
		if (s->c->nodes[s->v.nodes[k]].excl_storage)
			return true;
	return false;
}

static void print_cluster(struct space *s)
{
	const struct ht_totals *x = &s->ini;

	if (s->machine) {
		key("CLUSTER_", "MEM", fixed(s, x->t_mem, 0, 0));
		key("CLUSTER_", "DSK", fixed(s, x->t_dsk, 0, 0));
		key("CLUSTER_", "CPU", fixed(s, x->t_cpu, 0, 0));
		key("CLUSTER_", "VCPU", num(s, x->v_cpu));
		key("CLUSTER_", "SPN", fixed(s, x->t_spn, 0, 0));
		key("CLUSTER_", "NODES", num(s, s->v.n_nodes));
		print_stats(s, "INI_", x);
		return;
	}
	out("The cluster has %d nodes and the following resources:\n  MEM %s, DSK %s, CPU %s, VCPU %s%s%s.", s->v.n_nodes,
	    fixed(s, x->t_mem, 0, 0), fixed(s, x->t_dsk, 0, 0), fixed(s, x->t_cpu, 0, 0), num(s, x->v_cpu),
	    excl_storage(s) ? ", SPN " : "", excl_storage(s) ? fixed(s, x->t_spn, 0, 0) : "");
	out("There are %s initial instances on the cluster.", x->n_inst > 0 ? num(s, x->n_inst) : "no");
}

/* "MEM 1, DSK 2, CPU 3", with spindles where they count */
static const char *size_text(struct space *s, const struct size *x)
{
	const char *text = arena_printf(s->t->a, "MEM %lld, DSK %lld, CPU %lld", (long long)x->mem, (long long)x->dsk,
					(long long)x->cpu);

	return excl_storage(s) ? arena_printf(s->t->a, "%s, SPN %lld", text, (long long)x->spn) : text;
}

static void print_size(struct space *s, const struct size *x, bool tiered)
{
	const char *group = tiered ? "TSPEC_INI_" : "SPEC_";
	const char *tmpl = enum_name(&enum_disk_template, s->tmpl);

	if (!s->machine) {
		out("%s instance spec is:\n  %s, using disk template '%s'.", tiered ? "Tiered (initial size)" : "Standard (fixed-size)",
		    size_text(s, x), tmpl);
		return;
	}
	key(group, "MEM", num(s, x->mem));
	key(group, "DSK", num(s, x->dsk));
	key(group, "CPU", num(s, x->cpu));
	key(group, "SPN", num(s, x->spn));
	key(group, "RQN", num(s, s->targets.count));
	key(group, "DISK_TEMPLATE", tmpl);
}

/* --- what was placed --- */

static struct size size_of(const struct ht_inst *i)
{
	bool spn = i->n_disks == 1 && i->disks[0].spindles != HT_NONE;

	return (struct size){ i->mem, i->dsk, i->vcpus, spn ? i->disks[0].spindles : 0 };
}

static bool same_size(const struct size *a, const struct size *b)
{
	return a->mem == b->mem && a->dsk == b->dsk && a->cpu == b->cpu && a->spn == b->spn;
}

/* How many in a row from AT on have the size of the first. */
static int run_of(const struct ht_cluster *c, int at, struct size *ret)
{
	int n = 1;

	*ret = size_of(&c->insts[at]);
	for (; at + n < c->n_insts; n++) {
		struct size x = size_of(&c->insts[at + n]);

		if (!same_size(ret, &x))
			break;
	}
	return n;
}

static void print_map(struct space *s, const char *what)
{
	static const bool numeric[] = { false, false, false, true, true, true, true };
	const struct ht_cluster *c = s->c;
	struct str text CLEANUP(str_free) = { 0 };
	struct strs cells = { 0 };
	struct arena *a = s->t->a;

	if (s->t->verbose <= 1)
		return;
	for (int k = s->n_insts; k < c->n_insts; k++) {
		const struct ht_inst *i = &c->insts[k];
		int64_t sp = ht_inst_spindles(i);

		strs_add(a, &cells, i->name);
		strs_add(a, &cells, c->nodes[i->pri].name);
		strs_add(a, &cells, i->sec == HT_NONE ? "" : c->nodes[i->sec].name);
		strs_add(a, &cells, num(s, i->mem));
		strs_add(a, &cells, num(s, i->dsk));
		strs_add(a, &cells, num(s, i->vcpus));
		strs_add(a, &cells, !excl_storage(s) ? "" : sp == HT_NONE ? "?" : num(s, sp));
	}
	ht_print_table(&text, "", &cells, ARRAY_SIZE(numeric), numeric);
	fprintf(stderr, "%s map\n%s", what, str_get(&text));
}

/* Reasons by how often they were met; stable (upstream: sortReasons). */
static void sort_reasons(const int64_t fails[HT_N_FAIL], enum ht_fail ret[HT_N_FAIL])
{
	for (int k = 0; k < HT_N_FAIL; k++) {
		int j = k;

		for (; j > 0 && fails[ret[j - 1]] < fails[k]; j--)
			ret[j] = ret[j - 1];
		ret[j] = (enum ht_fail)k;
	}
}

static enum ht_fail first_reason(const int64_t fails[HT_N_FAIL])
{
	enum ht_fail order[HT_N_FAIL];

	sort_reasons(fails, order);
	return order[0];
}

static void print_outcome(struct space *s, const struct ht_space *x)
{
	struct ht_totals fin;
	int w = excl_storage(s) ? 8 : 6;

	ht_totals(s->c, &s->v, &fin);
	out("  - most likely failure reason: %s", ht_fail_name(first_reason(x->fails)));
	out("  - initial cluster score: %s", fixed(s, s->ini_score, 0, 8));
	out("  -   final cluster score: %s", fixed(s, fin.score, 0, 8));
	out("  - %*s usage efficiency: %s%%", w, "memory", fixed(s, efficiency(fin.i_mem, fin.t_mem) * 100, 5, 2));
	out("  - %*s usage efficiency: %s%%", w, "disk", fixed(s, efficiency(fin.i_dsk, fin.t_dsk) * 100, 5, 2));
	out("  - %*s usage efficiency: %s%%", w, "vcpu", fixed(s, efficiency(fin.i_cpu, (double)fin.v_cpu) * 100, 5, 2));
	if (excl_storage(s))
		out("  - %*s usage efficiency: %s%%", w, "spindles", fixed(s, efficiency(fin.i_spn, fin.t_spn) * 100, 5, 2));
}

static void key_metrics(struct space *s, const char *what, int64_t vcpus, double ncpus, int64_t mem, int64_t dsk, int64_t spn)
{
	const char *group = arena_printf(s->t->a, "KM_%s_", what);

	key(group, "CPU", num(s, vcpus));
	key(group, "NPU", shown(s, ncpus));
	key(group, "MEM", num(s, mem));
	key(group, "DSK", num(s, dsk));
	key(group, "SPN", num(s, spn));
}

static void print_tiered(struct space *s, const struct ht_space *x)
{
	const struct ht_totals *i = &s->ini;
	struct str specs CLEANUP(str_free) = { 0 };
	struct ht_totals f;
	struct size size;

	if (!s->machine) {
		out("Tiered allocation results:");
		if (x->n == 0)
			out("  - no instances allocated");
		for (int at = s->n_insts, n; at < s->c->n_insts; at += n) {
			n = run_of(s->c, at, &size);
			out("  - %3d instances of spec %s", n, size_text(s, &size));
		}
		print_outcome(s, x);
		return;
	}
	ht_totals(s->c, &s->v, &f);
	print_stats(s, "TRL_", &f);
	for (int at = s->n_insts, n; at < s->c->n_insts; at += n) {
		n = run_of(s->c, at, &size);
		str_addf(&specs, "%s%lld,%lld,%lld,%lld=%d", specs.len ? " " : "", (long long)size.mem, (long long)size.dsk,
			 (long long)size.cpu, (long long)size.spn, n);
	}
	key("", "TSPEC", str_get(&specs));
	key_metrics(s, "USED", i->i_cpu, i->n_cpu, i->i_mem, i->i_dsk, i->i_spn);
	key_metrics(s, "POOL", f.i_cpu - i->i_cpu, f.n_cpu - i->n_cpu, f.i_mem - i->i_mem, f.i_dsk - i->i_dsk,
		    f.i_spn - i->i_spn);
	key_metrics(s, "UNAV", f.v_cpu - f.i_cpu, f.t_cpu - f.n_cpu, (int64_t)f.t_mem - f.i_mem, (int64_t)f.t_dsk - f.i_dsk,
		    (int64_t)f.t_spn - f.i_spn);
}

static int print_standard(struct space *s, const struct ht_space *x, struct err *e)
{
	enum ht_fail order[HT_N_FAIL];
	struct ht_totals f;
	int all = s->n_insts + x->n;

	if (!s->machine) {
		out("Normal (fixed-size) allocation results:");
		out("  - %3d instances allocated", x->n);
		print_outcome(s, x);
		return 0;
	}
	ht_totals(s->c, &s->v, &f);
	if (all != f.n_inst)
		return err_plain(e, "internal inconsistency, allocated (%d) != counted (%lld)\n", all, (long long)f.n_inst);
	print_stats(s, "FIN_", &f);
	key("ALLOC_", "USAGE", fixed(s, (double)s->n_insts / all, 0, 8));
	key("ALLOC_", "INSTANCES", num(s, x->n));
	sort_reasons(x->fails, order);
	key("ALLOC_", "FAIL_REASON", str_upper(s->t->a, ht_fail_name(order[0])));
	for (int k = 0; k < (s->stopped ? 1 : HT_N_FAIL); k++)
		key("ALLOC_", arena_printf(s->t->a, "%s_CNT", ht_fail_name(order[k])), num(s, x->fails[order[k]]));
	return 0;
}

/* --- */

/* upstream: instFromSpec */
static struct ht_inst inst_of(struct space *s, const struct size *x)
{
	struct ht_inst i = { .name = "new", .alias = "new", .mem = x->mem, .dsk = x->dsk, .vcpus = x->cpu,
			     .spindle_use = s->spindle_use, .n_disks = 1, .status = HT_RUNNING, .tmpl = s->tmpl,
			     .auto_balance = true, .pri = HT_NONE, .sec = HT_NONE, .util = { 1, 1, 1, 1 } };

	i.movable = ht_template_movable(s->tmpl);
	i.disks = ARENA_NEW(s->t->a, struct ht_disk);
	*i.disks = (struct ht_disk){ x->dsk, x->spn };
	return i;
}

static bool size_option(const struct htool *t, const char *dest, struct size *ret)
{
	const json *l = htool_opt(t, dest);

	if (!l)
		return false;
	*ret = (struct size){ .dsk = json_int(json_at(l, 0), 0), .mem = json_int(json_at(l, 1), 0),
			      .cpu = json_int(json_at(l, 2), 0), .spn = json_int(json_at(l, 3), 0) };
	return true;
}

static struct size size_of_spec(const struct ht_spec *p)
{
	return (struct size){ .mem = p->mem, .dsk = p->disk, .cpu = p->cpus, .spn = p->spindles };
}

/* Of one kind of allocation: do it, show it, save it. */
static int run(struct space *s, bool tiered, const struct size *sizes, size_t n, struct ht_space *x, struct err *e)
{
	const char *what = tiered ? "Tiered allocation" : "Standard allocation";

	*x = (struct ht_space){ .first = s->n_insts };
	if (s->stopped)
		x->fails[HT_FAIL_N1] = 1;
	for (size_t k = 0; k < n && !s->stopped; k++) {
		struct ht_inst i = inst_of(s, &sizes[k]);
		int64_t limit = s->limit;
		int rc;

		if (tiered && limit >= 0 && limit <= x->n)
			continue;
		if (tiered && limit >= 0)
			limit -= x->n;
		rc = tiered ? ht_space_tiered(s->c, &s->v, &s->o, &s->targets, &i, limit, x, e)
			    : ht_space_fill(s->c, &s->v, &s->o, &s->targets, &i, limit, x, e);
		if (rc < 0)
			return err_prefix(e, "failure during allocation");
	}
	print_size(s, &sizes[0], tiered);
	print_map(s, what);
	htool_print_nodes(s->t, what, s->c, &s->v);
	return htool_save(s->t, s->c, tiered ? "tiered" : "standard", tiered ? "after tiered allocation" : "after standard allocation",
			  e);
}

static int run_tiered(struct space *s, struct err *e)
{
	const struct ht_policy *p = &s->c->policy;
	struct size *sizes = ARENA_ARRAY(s->t->a, struct size, p->n_minmax + 1);
	size_t n = p->n_minmax;
	struct ht_space x;

	for (size_t k = 0; k < n; k++)
		sizes[k] = size_of_spec(&p->minmax[k].max);
	if (size_option(s->t, "tiered_alloc", &sizes[0]))
		n = 1;
	if (n == 0)
		return err_plain(e, "Empty list of specs received from the cluster");
	if (run(s, true, sizes, n, &x, e) < 0)
		return -1;
	print_tiered(s, &x);
	return 0;
}

static int run_standard(struct space *s, struct err *e)
{
	struct size size = size_of_spec(&s->c->policy.std);
	struct ht_space x;

	size_option(s->t, "standard_alloc", &size);
	if (run(s, false, &size, 1, &x, e) < 0)
		return -1;
	return print_standard(s, &x, e);
}

/* --- what is wrong to begin with --- */

static void show_names(const char *what, const struct strs *names)
{
	struct str b CLEANUP(str_free) = { 0 };

	hs_show_strs(&b, names);
	fprintf(stderr, "%s: %s\n", what, str_get(&b));
}

static void make_unallocable(struct space *s, int group)
{
	s->c->groups[group].alloc = alloc_policy_unallocable;
}

static bool group_redundant(struct space *s, int group)
{
	struct ht_view v = { .group = group };
	bool ok;

	v.nodes = ARENA_ARRAY(s->t->a, int, (size_t)s->v.n_nodes + 1);
	for (int k = 0; k < s->v.n_nodes; k++)
		if (s->c->nodes[s->v.nodes[k]].group == group)
			v.nodes[v.n_nodes++] = s->v.nodes[k];
	ok = ht_redundant(s->c, &v, &s->o);
	return ok;
}

static int check_health(struct space *s, struct err *e)
{
	bool independent = htool_flag(s->t, "independent_groups"), some = false;
	bool *bad_group = ARENA_ARRAY(s->t->a, bool, (size_t)s->c->n_groups + 1);
	enum alloc_policy *policies = ARENA_ARRAY(s->t->a, enum alloc_policy, (size_t)s->c->n_groups + 1);
	struct strs nodes = { 0 }, groups = { 0 };
	struct ht_list bad = { 0 };
	int rc;

	ht_bad_items(s->c, &s->v, &bad, NULL);
	for (int k = 0; k < bad.n; k++)
		strs_add(s->t->a, &nodes, s->c->nodes[bad.v[k]].name);
	for (int g = 0; g < s->c->n_groups; g++) {
		policies[g] = s->c->groups[g].alloc;
		bad_group[g] = !group_redundant(s, g);
		if (bad_group[g])
			strs_add(s->t->a, &groups, s->c->groups[g].name);
	}
	if (s->t->verbose > 3 && nodes.n)
		show_names("Bad nodes", &nodes);
	if (s->t->verbose > 3 && groups.n)
		show_names("Bad groups", &groups);
	for (int k = 0; k < bad.n && !s->o.accept_existing; k++)
		make_unallocable(s, s->c->nodes[bad.v[k]].group);
	for (int g = 0; g < s->c->n_groups; g++) {
		if (independent && bad_group[g]) {
			make_unallocable(s, g);
			ht_set_add(&s->o.ignore_groups, g);
		}
		some = some || s->c->groups[g].alloc != alloc_policy_unallocable;
	}
	s->stopped = !s->o.accept_existing && !(independent && some) && bad.n > 0;
	free(bad.v);
	rc = ht_targets_init(&s->targets, s->c, &s->v, &s->o, s->tmpl == disk_template_drbd ? 2 : 1, true, e);
	for (int g = 0; g < s->c->n_groups; g++) /* saved states have the real ones */
		s->c->groups[g].alloc = policies[g];
	return rc < 0 ? err_prefix(e, "failure during allocation") : 0;
}

static void show_list(struct str *b, const struct space *s, int without)
{
	const struct ht_targets *t = &s->targets;
	bool some = false;

	str_addc(b, '[');
	for (int k = 0; k < t->n_pri; k++) {
		if (without != HT_NONE && (t->pri[k] == without || s->c->nodes[t->pri[k]].group != s->c->nodes[without].group))
			continue;
		str_addf(b, "%s%d", some ? "," : "", t->pri[k] + s->c->base);
		some = true;
	}
	str_addc(b, ']');
}

/* As Haskell shows upstream's list. */
static void show_targets(const struct space *s)
{
	const struct ht_targets *t = &s->targets;
	struct str b CLEANUP(str_free) = { 0 };
	bool some = false;

	if (t->count == 1) {
		str_add(&b, "Left ");
		show_list(&b, s, HT_NONE);
	} else {
		str_add(&b, "Right [");
		for (int k = 0; k < t->n_pri; k++) {
			struct str l CLEANUP(str_free) = { 0 };

			show_list(&l, s, t->pri[k]);
			if (l.len <= 2)
				continue;
			str_addf(&b, "%s(%d,%s)", some ? "," : "", t->pri[k] + s->c->base, str_get(&l));
			some = true;
		}
		str_addc(&b, ']');
	}
	fprintf(stderr, "Allocatable nodes: %s\n", str_get(&b));
}

static void show_initial(struct space *s)
{
	const char *suffix = ht_common_suffix(s->c, s->t->a);

	if (*suffix && s->t->verbose > 1)
		fprintf(stderr, "Note: Stripping common suffix of '%s' from names\n", suffix);
	htool_print_nodes(s->t, "Initial cluster", s->c, &s->v);
	if (s->t->verbose > 2) {
		struct str b CLEANUP(str_free) = { 0 };

		ht_print_parts(&b, "  ", s->c, &s->v);
		fprintf(stderr, "Initial coefficients: overall %s\n%s", fixed(s, s->ini_score, 0, 8), str_get(&b));
	}
}

static int work(struct space *s, struct err *e)
{
	struct htool *t = s->t;
	const char *tmpl = htool_str(t, "disk_template");
	size_t mark;
	int rc;

	if (s->c->policy.n_templates == 0)
		return err_plain(e, "null list of disk templates received from cluster");
	s->tmpl = tmpl ? (enum disk_template)enum_value(&enum_disk_template, tmpl) : s->c->policy.templates[0];
	s->spindle_use = json_int(htool_opt(t, "spindle_use"), s->c->policy.std.spindles);
	s->limit = json_int(htool_opt(t, "max_length"), -1);
	s->limit = s->limit == -1 ? -1 : s->limit < 0 ? 0 : s->limit;
	ht_totals(s->c, &s->v, &s->ini);
	s->ini_score = s->ini.score;
	show_initial(s);
	print_cluster(s);
	if (check_health(s, e) < 0)
		return -1;
	if (t->verbose > 3)
		show_targets(s);
	mark = ht_mark(s->c);
	rc = run_tiered(s, e);
	ht_rollback(s->c, mark);
	if (rc < 0)
		return -1;
	mark = ht_mark(s->c);
	rc = run_standard(s, e);
	ht_rollback(s->c, mark);
	if (rc < 0)
		return -1;
	if (s->machine)
		key("", "OK", "1");
	return 0;
}

int hspace_main(struct htool *t, struct err *e)
{
	struct ht_cluster *c CLEANUP(ht_cluster_freep) = NULL;
	struct space s = { .t = t, .machine = htool_flag(t, "machine_readable") };
	int rc;

	if (htool_no_args(t, e) < 0 || htool_read(t, &c, e) < 0 || htool_set_status(t, c, e) < 0)
		return -1;
	s.c = c;
	s.n_insts = c->n_insts;
	ht_view_all(c, &s.v);
	htool_algo_opts(t, &s.o);
	rc = work(&s, e);
	ht_targets_free(&s.targets);
	free(s.o.ignore_groups.v);
	ht_view_free(&s.v);
	return rc;
}
