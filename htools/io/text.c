/*
 * The text format: sections of lines with fields between "|", separated by empty lines: groups, nodes,
 * instances, cluster tags, policies. Older files have fewer fields and no policies.
 */
#include "htools/io/io.h"

#include <string.h>

#define LINE_MAX_BYTES (1 << 24) /* a node or an instance with all its tags has a few hundred */

struct reader {
	struct ht_cluster *c;
	struct arena *a;
	struct map *groups, *nodes; /* text -> index + 1; of the same name the last */
};

static int index_of(const struct map *m, const char *name)
{
	return (int)(intptr_t)map_get(m, name) - 1;
}

static int bad_row(const char *what, const struct strs *f, struct err *e)
{
	struct str s CLEANUP(str_free) = { 0 };

	hs_show_strs(&s, f);
	return err_plain(e, "Invalid%s data: '%s'", what, str_get(&s));
}

static struct strs words(struct reader *r, const char *s)
{
	return hs_split(r->c->a, arena_strdup(r->c->a, s), ',');
}

int ht_bad_value(const char *type, const char *s, struct err *e)
{
	struct str t CLEANUP(str_free) = { 0 };

	hs_show_str(&t, s);
	return err_plain(e, "Invalid string value for type %s: %s", type, str_get(&t));
}

static int wire_value(const struct enum_def *d, const char *type, const char *s, struct err *e)
{
	int v = enum_value(d, s);

	if (v < 0)
		return ht_bad_value(type, s, e);
	return v;
}

static int read_group(struct reader *r, const struct strs *f, struct err *e)
{
	struct ht_group *g;
	int alloc;

	if (f->n < 4)
		return bad_row("/incomplete group", f, e);
	alloc = wire_value(&enum_alloc_policy, "AllocPolicy", f->v[2], e);
	if (alloc < 0)
		return -1;
	g = ht_add_group(r->c, f->v[0], f->v[1]);
	g->alloc = (enum alloc_policy)alloc;
	g->tags = words(r, f->v[3]);
	g->networks = words(r, f->n > 4 ? f->v[4] : "");
	map_put(r->groups, g->uuid, (void *)(intptr_t)r->c->n_groups);
	return 0;
}

/* A number of NAME's row, into what kind of variable it is. */
#define NUM(at, var)                                                                                   \
	do {                                                                                           \
		if (_Generic((var), double *: hs_read_double, default: hs_read_int)(f->v[0], at, var, e) < 0) \
			return -1;                                                                     \
	} while (0)

static int node_numbers(const struct strs *f, struct ht_node *n, struct err *e)
{
	const char *excl = f->v[11];

	NUM(f->v[1], &n->t_mem);
	NUM(f->v[2], &n->n_mem);
	NUM(f->v[3], &n->f_mem);
	NUM(f->v[4], &n->t_dsk);
	NUM(f->v[5], &n->s.f_dsk);
	NUM(f->v[6], &n->t_cpu);
	NUM(f->v[13], &n->n_cpu);
	NUM(f->v[9], &n->t_spn);
	NUM(f->v[14], &n->cpu_speed);
	NUM(f->v[12], &n->s.f_spn);
	if (strcmp(excl, "Y") != 0 && strcmp(excl, "N") != 0)
		return err_plain(e, "Invalid exclusive_storage value for node '%s': %s", f->v[0], excl);
	n->excl_storage = *excl == 'Y';
	n->offline = strcmp(f->v[7], "Y") == 0;
	n->master = strcmp(f->v[7], "M") == 0;
	return 0;
}

static int read_node(struct reader *r, const struct strs *in, struct err *e)
{
	/* what older files do not have */
	static const char *const later[] = { "1", "", "N", "0", "1", "1.0" };
	const char *v[15];
	struct strs all = { v, 15 }, *f = &all;
	struct ht_node n = { .cpu_speed = 1 }, *at;
	const char *name;
	bool unknown = false;

	if (in->n < 9)
		return bad_row("/incomplete node", in, e);
	for (size_t i = 0; i < 15; i++)
		v[i] = i < in->n ? in->v[i] : later[i - 9];
	n.group = index_of(r->groups, v[8]);
	if (n.group < 0)
		return err_plain(e, "Unknown group '%s' for node %s", v[8], v[0]);
	for (int i = 1; i < 7; i++)
		unknown = unknown || strcmp(v[i], "?") == 0;
	if (unknown) {
		n.offline = true;
	} else {
		if (node_numbers(f, &n, e) < 0)
			return -1;
		n.ntags = words(r, v[10]);
	}
	at = ht_add_node(r->c, v[0]);
	name = at->name;
	*at = n;
	at->name = at->alias = name;
	ht_node_init(at);
	map_put(r->nodes, name, (void *)(intptr_t)r->c->n_nodes);
	return 0;
}

static int yes_no(const char *s, bool *ret)
{
	*ret = *s == 'Y';
	return strcmp(s, "Y") == 0 || strcmp(s, "N") == 0 ? 0 : -1;
}

static int find_node(const struct reader *r, const char *inst, const char *node, int *ret, struct err *e)
{
	*ret = index_of(r->nodes, node);
	return *ret < 0 ? err_plain(e, "Unknown node '%s' for instance %s", node, inst) : 0;
}

static int inst_numbers(struct reader *r, const struct strs *f, struct ht_inst *i, struct err *e)
{
	const char *name = f->v[0];
	int v;

	if (find_node(r, name, f->v[6], &i->pri, e) < 0)
		return -1;
	i->sec = HT_NONE;
	if (*f->v[7] && find_node(r, name, f->v[7], &i->sec, e) < 0)
		return -1;
	NUM(f->v[1], &i->mem);
	NUM(f->v[2], &i->dsk);
	NUM(f->v[3], &i->vcpus);
	v = ht_status_parse(f->v[4]);
	if (v < 0)
		return ht_bad_value("InstanceStatus", f->v[4], e);
	i->status = (enum ht_status)v;
	if (yes_no(f->v[5], &i->auto_balance) < 0)
		return err_plain(e, "Invalid auto_balance value '%s' for instance %s", f->v[5], name);
	v = wire_value(&enum_disk_template, "DiskTemplate", f->v[8], e);
	if (v < 0)
		return err_prefix(e, "Instance %s", name);
	i->tmpl = (enum disk_template)v;
	NUM(f->v[10], &i->spindle_use);
	i->disks->size = i->dsk;
	i->disks->spindles = HT_NONE;
	if (strcmp(f->v[11], "-") != 0)
		NUM(f->v[11], &i->disks->spindles);
	if (yes_no(f->v[12], &i->forthcoming) < 0)
		return err_plain(e, "Invalid forthcoming value '%s' for instance %s", f->v[12], name);
	return 0;
}

static int read_inst(struct reader *r, const struct strs *in, struct err *e)
{
	static const char *const later[] = { "1", "-", "N" };
	const char *v[13];
	const struct strs f = { v, 13 };
	struct ht_inst i = { .util = { 1, 1, 1, 1 }, .n_disks = 1 }, *at;
	const char *name;

	if (in->n < 10)
		return bad_row("/incomplete instance", in, e);
	for (size_t k = 0; k < 13; k++)
		v[k] = k < in->n ? in->v[k] : later[k - 10];
	i.disks = ARENA_NEW(r->c->a, struct ht_disk);
	if (inst_numbers(r, &f, &i, e) < 0)
		return -1;
	if (ht_inst_has_sec(&i) && i.pri == i.sec)
		return err_plain(e, "Instance %s has same primary and secondary node - %s", v[0], v[6]);
	i.tags = words(r, v[9]);
	at = ht_add_inst(r->c, v[0]);
	name = at->name;
	*at = i;
	at->name = at->alias = name;
	return 0;
}

/* --- policies --- */

static int read_spec(struct reader *r, const char *owner, const char *what, const char *text, struct ht_spec *s, struct err *e)
{
	static const char *const names[] = { "memsize", "cpucount", "disksize", "diskcount", "niccount", "spindleuse" };
	int64_t *const to[] = { &s->mem, &s->cpus, &s->disk, &s->disks, &s->nics, &s->spindles };
	struct strs f = hs_split(r->a, text, ',');

	if (f.n < ARRAY_SIZE(names)) {
		struct str t CLEANUP(str_free) = { 0 };

		hs_show_strs(&t, &f);
		return err_plain(e, "Invalid ispec data for %s/%s: %s", owner, what, str_get(&t));
	}
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (hs_read_int(arena_printf(r->a, "%s/%s/%s", owner, what, names[i]), f.v[i], to[i], e) < 0)
			return -1;
	return 0;
}

static int read_minmax(struct reader *r, const char *owner, const char *text, struct ht_policy *p, struct err *e)
{
	struct strs specs = hs_split(r->a, text, ';');

	if (specs.n % 2)
		return err_plain(e, "Odd number of min/max specs for %s", owner);
	p->n_minmax = specs.n / 2;
	p->minmax = ARENA_ARRAY(r->c->a, struct ht_minmax, p->n_minmax + 1);
	for (size_t i = 0; i < p->n_minmax; i++)
		if (read_spec(r, owner, "minspec", specs.v[2 * i], &p->minmax[i].min, e) < 0 ||
		    read_spec(r, owner, "maxspec", specs.v[2 * i + 1], &p->minmax[i].max, e) < 0)
			return -1;
	return 0;
}

static int read_policy(struct reader *r, const struct strs *f, struct err *e)
{
	struct ht_policy p = { 0 };
	const char *owner = f->n ? f->v[0] : "";
	struct strs templates;

	if (f->n < 6)
		return bad_row(" ipolicy", f, e);
	if (read_spec(r, owner, "stdspec", f->v[1], &p.std, e) < 0 || read_minmax(r, owner, f->v[2], &p, e) < 0)
		return -1;
	templates = hs_split(r->a, f->v[3], ',');
	p.templates = ARENA_ARRAY(r->c->a, enum disk_template, templates.n + 1);
	p.n_templates = templates.n;
	for (size_t i = 0; i < templates.n; i++) {
		int v = wire_value(&enum_disk_template, "DiskTemplate", templates.v[i], e);

		if (v < 0)
			return -1;
		p.templates[i] = (enum disk_template)v;
	}
	if (hs_read_double(arena_printf(r->a, "%s/vcpu_ratio", owner), f->v[4], &p.vcpu_ratio, e) < 0 ||
	    hs_read_double(arena_printf(r->a, "%s/spindle_ratio", owner), f->v[5], &p.spindle_ratio, e) < 0)
		return -1;
	p.memory_ratio = 1;
	if (f->n > 6 && hs_read_double(arena_printf(r->a, "%s/memory_ratio", owner), f->v[6], &p.memory_ratio, e) < 0)
		return -1;
	if (*owner) {
		int g = ht_find_group(r->c, owner);

		if (g < 0)
			return err_plain(e, "Wrong number of elems found with name %s", owner);
		r->c->groups[g].policy = p;
	} else {
		r->c->policy = p;
	}
	return 0;
}

/* --- the file --- */

static int read_tag(struct reader *r, const char *line)
{
	strs_add(r->c->a, &r->c->tags, arena_strdup(r->c->a, line));
	return 0;
}

/* One line of section SECTION; lines of the ones behind the policies are nobody's. */
static int read_line(struct reader *r, size_t section, const char *line, struct err *e)
{
	static int (*const fn[])(struct reader *, const struct strs *, struct err *) = { read_group, read_node, read_inst,
											 NULL, read_policy };
	struct strs f;

	if (section >= ARRAY_SIZE(fn))
		return 0;
	if (!fn[section])
		return read_tag(r, line);
	f = hs_split(r->a, line, '|');
	return fn[section](r, &f, e);
}

static int read_lines(struct reader *r, const struct strs *lines, struct err *e)
{
	size_t sections = lines->n ? 1 : 0, section = 0;

	for (size_t i = 0; i < lines->n; i++)
		sections += lines->v[i][0] == '\0';
	if (sections < 4)
		return err_plain(e, "Invalid format of the input file: %zu sections instead of 4 or more", sections);
	for (size_t i = 0; i < lines->n; i++) {
		if (lines->v[i][0] == '\0')
			section++;
		else if (read_line(r, section, lines->v[i], e) < 0)
			return -1;
	}
	return 0;
}

int ht_text_parse(struct ht_cluster *c, const char *text, size_t n, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct reader r = { .c = c, .a = a };
	struct strs lines = { 0 };
	int rc;

	for (const char *p = text, *end = text + n; p < end;) { /* the last line may have no end */
		const char *nl = memchr(p, '\n', (size_t)(end - p));

		if (!nl)
			nl = end;
		if (nl - p > LINE_MAX_BYTES)
			return err_plain(e, "Invalid format of the input file: line %zu has more than %d bytes", lines.n + 1, LINE_MAX_BYTES);
		strs_add(a, &lines, arena_strndup(a, p, (size_t)(nl - p)));
		p = nl + 1;
	}
	r.groups = map_new();
	r.nodes = map_new();
	rc = read_lines(&r, &lines, e);
	map_free(r.groups, NULL);
	map_free(r.nodes, NULL);
	return rc;
}

int ht_text_load(struct ht_cluster *c, const char *path, struct err *e)
{
	char *text CLEANUP(freep) = NULL;
	size_t n;

	if (ht_read_file(path, &text, &n, e) < 0)
		return -1;
	return ht_text_parse(c, text, n, e);
}

/* --- writing --- */

static void join(struct str *out, const struct strs *l)
{
	for (size_t i = 0; i < l->n; i++)
		str_addf(out, "%s%s", i ? "," : "", l->v[i]);
}

static void format_node(struct str *out, const struct ht_cluster *c, const struct ht_node *n)
{
	str_addf(out, "%s|", n->name);
	hs_fixed(out, n->t_mem, 0);
	str_addf(out, "|%lld|%lld|", (long long)n->n_mem, (long long)n->f_mem);
	hs_fixed(out, n->t_dsk, 0);
	str_addf(out, "|%lld|", (long long)n->s.f_dsk);
	hs_fixed(out, n->t_cpu, 0);
	str_addf(out, "|%c|%s|%lld|", n->offline ? 'Y' : n->master ? 'M' : 'N', c->groups[n->group].uuid,
		 (long long)n->t_spn);
	join(out, &n->ntags);
	str_addf(out, "|%c|%lld|%lld|", n->excl_storage ? 'Y' : 'N', (long long)n->s.f_spn, (long long)n->n_cpu);
	hs_fixed(out, n->cpu_speed, -1);
	str_addc(out, '\n');
}

static void format_inst(struct str *out, const struct ht_cluster *c, const struct ht_inst *i)
{
	int64_t spindles = ht_inst_spindles(i);

	str_addf(out, "%s|%lld|%lld|%lld|%s|%c|%s|%s|%s|", i->name, (long long)i->mem, (long long)i->dsk, (long long)i->vcpus,
		 ht_status_name(i->status), i->auto_balance ? 'Y' : 'N', c->nodes[i->pri].name,
		 i->sec == HT_NONE ? "" : c->nodes[i->sec].name, enum_name(&enum_disk_template, i->tmpl));
	join(out, &i->tags);
	str_addf(out, "|%lld|", (long long)i->spindle_use);
	if (spindles == HT_NONE)
		str_addc(out, '-');
	else
		str_addf(out, "%lld", (long long)spindles);
	str_addf(out, "|%c\n", i->forthcoming ? 'Y' : 'N');
}

static void format_spec(struct str *out, const struct ht_spec *s)
{
	str_addf(out, "%lld,%lld,%lld,%lld,%lld,%lld", (long long)s->mem, (long long)s->cpus, (long long)s->disk,
		 (long long)s->disks, (long long)s->nics, (long long)s->spindles);
}

static void format_policy(struct str *out, const char *owner, const struct ht_policy *p)
{
	str_addf(out, "%s|", owner);
	format_spec(out, &p->std);
	str_addc(out, '|');
	for (size_t i = 0; i < p->n_minmax; i++) {
		if (i)
			str_addc(out, ';');
		format_spec(out, &p->minmax[i].min);
		str_addc(out, ';');
		format_spec(out, &p->minmax[i].max);
	}
	str_addc(out, '|');
	for (size_t i = 0; i < p->n_templates; i++)
		str_addf(out, "%s%s", i ? "," : "", enum_name(&enum_disk_template, p->templates[i]));
	str_addc(out, '|');
	hs_show_double(out, p->vcpu_ratio);
	str_addc(out, '|');
	hs_show_double(out, p->spindle_ratio);
	if (p->memory_ratio != 1) { /* only 2.17 would write, and read it */
		str_addc(out, '|');
		hs_show_double(out, p->memory_ratio);
	}
	str_addc(out, '\n');
}

void ht_text_format(struct str *out, const struct ht_cluster *c)
{
	for (int i = 0; i < c->n_groups; i++) {
		const struct ht_group *g = &c->groups[i];

		str_addf(out, "%s|%s|%s|", g->name, g->uuid, enum_name(&enum_alloc_policy, g->alloc));
		join(out, &g->tags);
		str_addc(out, '|');
		join(out, &g->networks);
		str_addc(out, '\n');
	}
	str_addc(out, '\n');
	for (int i = 0; i < c->n_nodes; i++)
		format_node(out, c, &c->nodes[i]);
	str_addc(out, '\n');
	for (int i = 0; i < c->n_insts; i++)
		format_inst(out, c, &c->insts[i]);
	str_addc(out, '\n');
	for (size_t i = 0; i < c->tags.n; i++)
		str_addf(out, "%s\n", c->tags.v[i]);
	str_addc(out, '\n');
	format_policy(out, "", &c->policy);
	for (int i = 0; i < c->n_groups; i++)
		format_policy(out, c->groups[i].name, &c->groups[i].policy);
}
