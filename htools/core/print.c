/* Tables and texts as upstream's tools print them. */
#include "htools/core/htools.h"

#include <stdio.h>
#include <string.h>

/* A table while it is filled, row by row. */
struct rows {
	struct arena *a;
	struct strs cells;
};

static void cell(struct rows *r, const char *text)
{
	strs_add(r->a, &r->cells, arena_strdup(r->a, text));
}

__attribute__((format(printf, 2, 3))) static void cellf(struct rows *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strs_add(r->a, &r->cells, arena_vprintf(r->a, fmt, ap));
	va_end(ap);
}

static void cell_fixed(struct rows *r, double v, int width, int prec)
{
	struct str s CLEANUP(str_free) = { 0 };

	hs_fixed_w(&s, v, width, prec);
	cell(r, str_get(&s));
}

/* Characters, not bytes. */
static int width(const char *s)
{
	int n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

void ht_print_table(struct str *out, const char *indent, const struct strs *cells, size_t n, const bool *numeric)
{
	int *w = xcalloc(n + 1, sizeof(*w));

	for (size_t i = 0; i < cells->n; i++) {
		int x = width(cells->v[i]);

		w[i % n] = x > w[i % n] ? x : w[i % n];
	}
	for (size_t i = 0; i < cells->n; i++) {
		int pad = w[i % n] - width(cells->v[i]);

		if (i % n == 0)
			str_add(out, indent);
		str_addc(out, ' ');
		str_addf(out, "%*s%s%*s", numeric[i % n] ? pad : 0, "", cells->v[i], numeric[i % n] ? 0 : pad, "");
		if (i % n == n - 1)
			str_addc(out, '\n');
	}
	free(w);
}

/* --- nodes --- */

struct node_ctx {
	const struct ht_cluster *c;
	const struct ht_node *n;
	int index;
	struct rows *r;
};

static int64_t kib(int64_t mib)
{
	return mib / 1024 - (mib % 1024 < 0);
}

static void show_list(struct node_ctx *x, const struct ht_list *l)
{
	struct str s CLEANUP(str_free) = { 0 };

	for (int i = l->n - 1; i >= 0; i--)
		str_addf(&s, "%s%d", s.len ? "," : "", l->v[i]);
	cellf(x->r, "[%s]", str_get(&s));
}

static void show_peers(struct node_ctx *x)
{
	struct str s CLEANUP(str_free) = { 0 };
	const struct ht_peers *p = &x->n->peers;

	for (int i = 0; i < p->n; i++)
		str_addf(&s, "%s(%d,%lld)", i ? "," : "", p->v[i].node + x->c->base, (long long)p->v[i].mem);
	cellf(x->r, "[%s]", str_get(&s));
}

static void show_tags(struct node_ctx *x)
{
	struct strs l = { 0 };
	size_t pos = 0;
	const char *tag;
	void *id;

	while (map_next(x->c->names, &pos, &tag, &id)) {
		int64_t count = ht_counts_get(&x->n->tags, (intptr_t)id - 1);

		if (count > 0)
			strs_add(x->r->a, &l, tag);
	}
	strs_sort(&l);
	for (size_t i = 0; i < l.n; i++) {
		int64_t key = (intptr_t)map_get(x->c->names, l.v[i]) - 1;

		l.v[i] = arena_printf(x->r->a, "%s=%lld", l.v[i], (long long)ht_counts_get(&x->n->tags, key));
	}
	cell(x->r, strs_join(x->r->a, &l, ","));
}

static void show_double(struct rows *r, double v)
{
	struct str s CLEANUP(str_free) = { 0 };

	hs_show_double(&s, v);
	cell(r, str_get(&s));
}

#define NODE_FIELDS                                                                                  \
	FIELD("idx", "Index", true, cellf(x->r, "%4d", x->index))                                    \
	FIELD("name", "Name", false, cell(x->r, n->alias))                                           \
	FIELD("fqdn", "Name", false, cell(x->r, n->name))                                            \
	FIELD("status", "F", false, cell(x->r, n->offline ? "-" : s->fail_n1 ? "*" : " "))           \
	FIELD("tmem", "t_mem", true, cell_fixed(x->r, n->t_mem, 5, 0))                               \
	FIELD("nmem", "n_mem", true, INT(5, n->n_mem))                                               \
	FIELD("xmem", "x_mem", true, INT(5, n->x_mem))                                               \
	FIELD("fmem", "f_mem", true, INT(5, n->f_mem))                                               \
	FIELD("umem", "u_mem", true, INT(5, ht_free_mem(n, s)))                                      \
	FIELD("amem", "a_mem", true, INT(5, ht_avail_mem(n, s)))                                     \
	FIELD("imem", "i_mem", true, INT(5, s->i_mem))                                               \
	FIELD("rmem", "r_mem", true, INT(5, s->r_mem))                                               \
	FIELD("tdsk", "t_dsk", true, cell_fixed(x->r, n->t_dsk / 1024, 5, 0))                        \
	FIELD("fdsk", "f_dsk", true, INT(5, kib(s->f_dsk)))                                          \
	FIELD("tcpu", "pcpu", true, cell_fixed(x->r, n->t_cpu, 4, 0))                                \
	FIELD("ucpu", "vcpu", true, INT(4, s->u_cpu))                                                \
	FIELD("pcnt", "pcnt", true, INT(3, n->pri.n))                                                \
	FIELD("scnt", "scnt", true, INT(3, n->sec.n))                                                \
	FIELD("plist", "primaries", true, show_list(x, &n->pri))                                     \
	FIELD("slist", "secondaries", true, show_list(x, &n->sec))                                   \
	FIELD("pfmem", "p_fmem", true, cell_fixed(x->r, s->p_mem, 6, 4))                             \
	FIELD("pfdsk", "p_fdsk", true, cell_fixed(x->r, s->p_dsk, 6, 4))                             \
	FIELD("rcpu", "r_cpu", true, cell_fixed(x->r, s->p_cpu, 5, 2))                               \
	FIELD("cload", "lCpu", true, cell_fixed(x->r, s->load.cpu, 5, 3))                            \
	FIELD("mload", "lMem", true, cell_fixed(x->r, s->load.mem, 5, 3))                            \
	FIELD("dload", "lDsk", true, cell_fixed(x->r, s->load.dsk, 5, 3))                            \
	FIELD("nload", "lNet", true, cell_fixed(x->r, s->load.net, 5, 3))                            \
	FIELD("ptags", "PrimaryTags", false, show_tags(x))                                           \
	FIELD("peermap", "PeerMap", false, show_peers(x))                                            \
	FIELD("spindle_count", "NodeSpindles", true, INT(0, n->t_spn))                               \
	FIELD("hi_spindles", "MaxSpindles", true, show_double(x->r, n->hi_spn))                      \
	FIELD("inst_spindles", "InstSpindles", true, show_double(x->r, s->used_spn))

#define INT(w, v) cellf(x->r, "%*lld", w, (long long)(v))
struct node_field {
	const char *name, *title;
	bool numeric;
};
static const struct node_field node_fields[] = {
#define FIELD(key, title, numeric, show) { key, title, numeric },
	NODE_FIELDS
#undef FIELD
};

static void show_field(struct node_ctx *x, const char *field)
{
	const struct ht_node *n = x->n;
	const struct ht_state *s = &n->s;

#define FIELD(key, title, numeric, show)  \
	if (strcmp(field, key) == 0) {    \
		show;                     \
		return;                   \
	}
	NODE_FIELDS
#undef FIELD
	cell(x->r, "<unknown field>");
}

static const char *const usual_fields[] = {
	"status", "name", "tmem", "nmem", "imem", "xmem", "fmem", "umem", "rmem", "tdsk", "fdsk", "tcpu", "ucpu",
	"pcnt", "scnt", "pfmem", "pfdsk", "rcpu", "cload", "mload", "dload", "nload",
};

void ht_print_nodes(struct str *out, const struct ht_cluster *c, const struct ht_view *v, const struct strs *wanted)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct rows r = { .a = a };
	struct strs fields = { 0 };
	bool plus = wanted->n > 0 && strcmp(wanted->v[0], "+") == 0;
	bool *numeric;

	for (size_t i = 0; i < ARRAY_SIZE(usual_fields) && (plus || wanted->n == 0); i++)
		strs_add(a, &fields, usual_fields[i]);
	for (size_t i = plus; i < wanted->n; i++)
		strs_add(a, &fields, wanted->v[i]);
	numeric = ARENA_ARRAY(a, bool, fields.n + 1);
	for (size_t i = 0; i < fields.n; i++) {
		const char *title = "<unknown field>";

		for (size_t k = 0; k < ARRAY_SIZE(node_fields); k++) {
			if (strcmp(node_fields[k].name, fields.v[i]) != 0)
				continue;
			title = node_fields[k].title;
			numeric[i] = node_fields[k].numeric;
		}
		cell(&r, title);
	}
	for (int k = 0; k < v->n_nodes; k++) {
		struct node_ctx x = { c, &c->nodes[v->nodes[k]], v->nodes[k] + c->base, &r };

		for (size_t i = 0; i < fields.n; i++)
			show_field(&x, fields.v[i]);
	}
	ht_print_table(out, "", &r.cells, fields.n, numeric);
}

/* --- instances --- */

void ht_print_insts(struct str *out, const struct ht_cluster *c, const struct ht_view *v)
{
	static const char *const titles[] = { "F", "Name", "Pri_node", "Sec_node", "Auto_bal", "vcpu", "mem", "dsk",
					      "lCpu", "lMem", "lDsk", "lNet" };
	static const bool numeric[] = { false, false, false, false, false, true, true, true, true, true, true, true };
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct rows r = { .a = a };

	for (size_t i = 0; i < ARRAY_SIZE(titles); i++)
		cell(&r, titles[i]);
	for (int k = 0; k < v->n_insts; k++) {
		const struct ht_inst *i = &c->insts[v->insts[k]];

		cell(&r, ht_inst_running(i) ? "R" : " ");
		cell(&r, i->name);
		cell(&r, c->nodes[i->pri].name);
		cell(&r, i->sec == HT_NONE ? "" : c->nodes[i->sec].name);
		cell(&r, i->auto_balance ? "Y" : "N");
		cellf(&r, "%3lld", (long long)i->vcpus);
		cellf(&r, "%5lld", (long long)i->mem);
		cellf(&r, "%5lld", (long long)kib(i->dsk));
		cell_fixed(&r, i->util.cpu, 5, 3);
		cell_fixed(&r, i->util.mem, 5, 3);
		cell_fixed(&r, i->util.dsk, 5, 3);
		cell_fixed(&r, i->util.net, 5, 3);
	}
	ht_print_table(out, "", &r.cells, ARRAY_SIZE(titles), numeric);
}

/* --- the score --- */

void ht_print_parts(struct str *out, const char *indent, const struct ht_cluster *c, const struct ht_view *v)
{
	static const bool numeric[] = { false, true, true };
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct rows r = { .a = a };
	double parts[HT_N_PART];
	int online = ht_score_parts(c, v, parts);

	cell(&r, "Field");
	cell(&r, "Value");
	cell(&r, "Weight");
	for (int p = 0; p < HT_N_PART && online > 0; p++) {
		struct str w CLEANUP(str_free) = { 0 };

		if (p == HT_P_POOLS && !ht_pools_have(c, true))
			continue;
		cell(&r, ht_parts[p].name);
		cell_fixed(&r, parts[p], 0, 8);
		hs_fixed(&w, ht_parts[p].weight, 2);
		cellf(&r, "x%s", str_get(&w));
	}
	ht_print_table(out, indent, &r.cells, 3, numeric);
}

/* --- policies, as Haskell's show prints them --- */

static void show_spec(struct str *out, const struct ht_spec *s)
{
	str_addf(out,
		 "ISpec {iSpecMemorySize = %lld, iSpecCpuCount = %lld, iSpecDiskSize = %lld, iSpecDiskCount = %lld, "
		 "iSpecNicCount = %lld, iSpecSpindleUse = %lld}",
		 (long long)s->mem, (long long)s->cpus, (long long)s->disk, (long long)s->disks, (long long)s->nics,
		 (long long)s->spindles);
}

const char *ht_template_show(enum disk_template t)
{
	static const char *const names[] = {
		[disk_template_diskless] = "DTDiskless", [disk_template_file] = "DTFile",
		[disk_template_sharedfile] = "DTSharedFile", [disk_template_plain] = "DTPlain",
		[disk_template_blockdev] = "DTBlock", [disk_template_drbd] = "DTDrbd8",
		[disk_template_rbd] = "DTRbd", [disk_template_ext] = "DTExt", [disk_template_gluster] = "DTGluster",
	};

	return names[t];
}

void ht_print_policy(struct str *out, const struct ht_policy *p)
{
	str_add(out, "IPolicy {iPolicyMinMaxISpecs = [");
	for (size_t i = 0; i < p->n_minmax; i++) {
		str_add(out, i ? ",MinMaxISpecs {minMaxISpecsMinSpec = " : "MinMaxISpecs {minMaxISpecsMinSpec = ");
		show_spec(out, &p->minmax[i].min);
		str_add(out, ", minMaxISpecsMaxSpec = ");
		show_spec(out, &p->minmax[i].max);
		str_addc(out, '}');
	}
	str_add(out, "], iPolicyStdSpec = ");
	show_spec(out, &p->std);
	str_add(out, ", iPolicyDiskTemplates = [");
	for (size_t i = 0; i < p->n_templates; i++)
		str_addf(out, "%s%s", i ? "," : "", ht_template_show(p->templates[i]));
	str_add(out, "], iPolicyVcpuRatio = ");
	hs_show_double(out, p->vcpu_ratio);
	str_add(out, ", iPolicySpindleRatio = ");
	hs_show_double(out, p->spindle_ratio);
	if (p->memory_ratio != 1) {
		str_add(out, ", iPolicyMemoryRatio = ");
		hs_show_double(out, p->memory_ratio);
	}
	str_addc(out, '}');
}

void ht_print_group(struct str *out, const struct ht_cluster *c, int group)
{
	static const char *const policies[] = { [alloc_policy_preferred] = "AllocPreferred",
						[alloc_policy_last_resort] = "AllocLastResort",
						[alloc_policy_unallocable] = "AllocUnallocable" };
	const struct ht_group *g = &c->groups[group];

	str_add(out, "Group {name = ");
	hs_show_str(out, g->name);
	str_add(out, ", uuid = ");
	hs_show_str(out, g->uuid);
	str_addf(out, ", idx = %d, allocPolicy = %s, networks = ", group + c->base, policies[g->alloc]);
	hs_show_strs(out, &g->networks);
	str_add(out, ", iPolicy = ");
	ht_print_policy(out, &g->policy);
	str_add(out, ", allTags = ");
	hs_show_strs(out, &g->tags);
	str_addc(out, '}');
}
