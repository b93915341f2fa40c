/* The load that monitoring daemons report, asked for or from a file. */
#include "htools/io/io.h"
#include "htools/io/value.h"

#include <string.h>

#define TIMEOUT 30
#define API_VERSION 1
#define CATEGORY "default" /* of collectors without one */

/* upstream's 2.17 has it; no row of the schema names it, as no daemon of ours reports it */
#define COLLECTOR_KVM_RSS "kvm-inst-rss"

/* The answers by node: what the collector in question reported; NULL where there is nothing usable. */
struct mond {
	struct arena *a;
	const char *collector;
	bool by_inst;      /* loads of instances, not of nodes */
	bool idle_offline; /* offline nodes need not say anything */
	const json **data; /* per node */
	bool *idle;        /* offline, not asked */
};

/* --- reports (upstream: DCReport) --- */

static int in_key(const char *key, struct err *e)
{
	return err_prefix(e, "Can't parse value for '%s'", key);
}

/* How Haskell shows the value. */
static const char *shown(struct arena *a, const json *v)
{
	struct str s CLEANUP(str_free) = { 0 };

	if (!json_is(v, JSON_STRING))
		return json_dump_spaced_in(a, v);
	hs_show_str(&s, json_str(v));
	return arena_printf(a, "JSString (JSONString {fromJSString = %s})", str_get(&s));
}

static int check_kind(struct arena *a, const json *kind, struct err *e)
{
	double n = json_float(kind, -1);

	if (!json_is(kind, JSON_INT) && !json_is(kind, JSON_FLOAT))
		return err_plain(e, "Invalid JSON value %s for type DCKind", shown(a, kind));
	if (n != 0 && n != 1)
		return err_plain(e, "Invalid JSON value %s for type DCKind", json_dump_in(a, kind));
	return 0;
}

static int check_category(struct arena *a, const json *v, struct err *e)
{
	if (!v)
		return 0;
	if (!json_is(v, JSON_STRING))
		return err_plain(e, "Invalid JSON value %s for type DCCategory", shown(a, v));
	if (enum_value(&enum_data_collector_category, json_str(v)) < 0)
		return err_plain(e, "Invalid category name %s for type DCCategory", json_str(v));
	return 0;
}

static int check_field(struct arena *a, const char *key, const json *v, struct err *e)
{
	bool number = json_is(v, JSON_INT) || json_is(v, JSON_FLOAT);

	switch (*key) {
	case 'n':
		return json_is(v, JSON_STRING) ? 0 : err_plain(e, "Unable to read String");
	case 'v':
		return json_is(v, JSON_STRING) ? 0 : err_plain(e, "Invalid JSON value %s for type DCVersion", shown(a, v));
	case 'f':
		return number ? 0 : err_plain(e, "Unable to read Int");
	case 't':
		return number ? 0 : err_plain(e, "Unable to read Integer");
	case 'c':
		return check_category(a, v, e);
	case 'k':
		return check_kind(a, v, e);
	default:
		return 0;
	}
}

static int check_report(struct arena *a, const json *r, struct err *e)
{
	static const char *const keys[] = { "name", "version", "format_version", "timestamp", "category", "kind", "data" };

	if (!json_is(r, JSON_DICT))
		return err_plain(e, "Unable to read JSObject");
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (!json_has(r, keys[i])) {
			if (*keys[i] == 'c')
				continue;
			return hj_missing(r, keys[i], e);
		}
		if (check_field(a, keys[i], json_get(r, keys[i]), e) < 0)
			return in_key(keys[i], e);
	}
	return hj_only(r, keys, ARRAY_SIZE(keys), e);
}

/* upstream: CPUavgload */
static bool usable_cpu(const json *data)
{
	static const char *const keys[] = { "cpu_number", "cpus", "cpu_total" };
	const json *total = json_get(data, keys[2]), *n = json_get(data, keys[0]);

	if (!json_is(data, JSON_DICT) || hj_only(data, keys, ARRAY_SIZE(keys), NULL) < 0 ||
	    !json_is(json_get(data, keys[1]), JSON_ARRAY))
		return false;
	json_items(json_get(data, keys[1]), i, cpu)
		if (!json_is(cpu, JSON_INT) && !json_is(cpu, JSON_FLOAT))
			return false;
	return (json_is(n, JSON_INT) || json_is(n, JSON_FLOAT)) && (json_is(total, JSON_INT) || json_is(total, JSON_FLOAT));
}

static bool usable_insts(const json *data)
{
	if (!json_is(data, JSON_DICT))
		return false;
	json_each(data, k, v) {
		(void)k;
		if (!json_is(v, JSON_INT) && !json_is(v, JSON_FLOAT))
			return false;
	}
	return true;
}

static const json *usable(const struct mond *m, const json *report)
{
	const json *data = json_get(report, "data");

	return report && (m->by_inst ? usable_insts(data) : usable_cpu(data)) ? data : NULL;
}

/* --- where they come from --- */

int ht_mond_parse(struct arena *a, const char *text, size_t n, json **ret, struct err *e)
{
	json *all CLEANUP(json_putp) = NULL;

	if (hj_parse(text, n, "Parsing MonD's answer", &all, e) < 0)
		return -1;
	if (!json_is(all, JSON_ARRAY))
		return err_plain(e, "Parsing MonD's answer: Unable to read list");
	json_items(all, i, one) {
		struct hj r = { .a = a, .dict = one, .owner = "Parsing node's name" };
		const char *node;
		const json *reports;

		if (!json_is(one, JSON_DICT))
			return err_plain(e, "Parsing MonD's answer: Unable to read JSObject");
		if (hj_str(&r, "node", &node, e) < 0)
			return -1;
		r.owner = "Parsing node's reports";
		if (hj_list(&r, "reports", &reports, e) < 0)
			return -1;
		json_items(reports, k, report)
			if (check_report(a, report, e) < 0)
				return err_prefix(e, "Parsing node's reports: key 'reports'");
	}
	*ret = STEAL(all);
	return 0;
}

static void from_file(struct mond *m, const struct ht_cluster *c, const json *all)
{
	struct map *by_node CLEANUP(map_freep) = map_new();

	json_items(all, i, one) /* of the same node the last */
		map_put(by_node, json_get_str(one, "node"), json_get(one, "reports"));
	for (int n = 0; n < c->n_nodes; n++) {
		const json *reports = map_get(by_node, c->nodes[n].name), *found = NULL;

		json_items(reports, k, report)
			if (!found && str_eq(json_get_str(report, "name"), m->collector))
				found = report;
		m->data[n] = usable(m, found);
		m->idle[n] = m->idle_offline && c->nodes[n].offline;
	}
}

/* Nodes marked offline are not asked; upstream does, and then ignores everybody's load for their silence. */
static int from_nodes(struct mond *m, const struct ht_cluster *c, struct strs *warnings, struct err *e)
{
	struct ht_get *v = ARENA_ARRAY(m->a, struct ht_get, (size_t)c->n_nodes + 1);
	int *of = ARENA_ARRAY(m->a, int, (size_t)c->n_nodes + 1);
	size_t n = 0;

	for (int k = 0; k < c->n_nodes; k++) {
		m->idle[k] = c->nodes[k].offline;
		if (m->idle[k])
			continue;
		of[n] = k;
		v[n++].url = arena_printf(m->a, "%s:%d/%d/report/%s/%s", c->nodes[k].name, MOND_PORT, API_VERSION, CATEGORY,
					  m->collector);
	}
	if (ht_fetch(v, n, TIMEOUT, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		json *report = NULL;

		if (v[i].status == 0)
			strs_add(m->a, warnings, arena_printf(m->a, "Failed to contact node's %s MonD for DC %s",
							      c->nodes[of[i]].name, m->collector));
		else if (json_parse(v[i].body, v[i].n, &report, NULL) == 0)
			json_own(m->a, report);
		m->data[of[i]] = report && check_report(m->a, report, NULL) == 0 ? usable(m, report) : NULL;
	}
	ht_get_clear(v, n);
	return 0;
}

/* --- what they are used for --- */

/* upstream: useNodeTotalCPU: all of a node's virtual processors work equally hard */
static int use_nodes(const struct mond *m, struct ht_cluster *c, struct strs *warnings)
{
	(void)warnings;
	for (int n = 0; n < c->n_nodes; n++)
		c->nodes[n].s.load.cpu = m->idle[n] ? 0 : json_float(json_get(m->data[n], "cpu_total"), 0);
	for (int i = 0; i < c->n_insts; i++) {
		const struct ht_node *n = &c->nodes[c->insts[i].pri];

		c->insts[i].util.cpu = n->s.load.cpu / (double)n->s.u_cpu * (double)c->insts[i].vcpus;
	}
	return 0;
}

static void by_name(const struct mond *m, const struct ht_cluster *c, struct map *usage)
{
	for (int n = 0; n < c->n_nodes; n++)
		json_each(m->data[n], name, v)
			if (!map_has(usage, name)) /* the first node that has it */
				map_put(usage, name, v);
}

static int none_missing(const struct mond *m, struct strs *missing, const char *what, struct strs *warnings)
{
	struct str s CLEANUP(str_free) = { 0 };

	if (missing->n == 0)
		return 0;
	strs_sort(missing);
	strs_uniq(missing);
	hs_show_strs(&s, missing);
	strs_add(m->a, warnings, arena_printf(m->a, "No %s information available for %s", what, str_get(&s)));
	return -1;
}

/* upstream: useInstanceCpuData */
static int use_insts(const struct mond *m, struct ht_cluster *c, struct strs *warnings)
{
	struct map *usage CLEANUP(map_freep) = map_new();
	struct strs missing = { 0 };

	by_name(m, c, usage);
	for (int i = 0; i < c->n_insts; i++)
		if (!map_has(usage, c->insts[i].name))
			strs_add(m->a, &missing, c->insts[i].name);
	if (none_missing(m, &missing, "CPU", warnings) < 0)
		return -1;
	for (int i = 0; i < c->n_insts; i++)
		c->insts[i].util.cpu = json_float(map_get(usage, c->insts[i].name), 0);
	for (int n = 0; n < c->n_nodes; n++) {
		double sum = 0;

		ht_list_each(&c->nodes[n].pri, i)
			sum += c->insts[i].util.cpu;
		c->nodes[n].s.load.cpu = sum;
	}
	return 0;
}

/* upstream: useInstanceRSSData. There all instances must be told of; what does not run needs no memory. */
static int use_memory(const struct mond *m, struct ht_cluster *c, struct strs *warnings)
{
	struct map *usage CLEANUP(map_freep) = map_new();
	struct strs missing = { 0 };

	by_name(m, c, usage);
	for (int i = 0; i < c->n_insts; i++)
		if (!map_has(usage, c->insts[i].name) && ht_inst_uses_mem(&c->insts[i]) && !c->nodes[c->insts[i].pri].offline)
			strs_add(m->a, &missing, c->insts[i].name);
	if (none_missing(m, &missing, "RSS", warnings) < 0)
		return -1;
	for (int i = 0; i < c->n_insts; i++)
		c->insts[i].util.mem = json_float(map_get(usage, c->insts[i].name), 0);
	for (int n = 0; n < c->n_nodes; n++) {
		struct ht_node *x = &c->nodes[n];

		x->s.load.mem = x->s.load_forth.mem = 0;
		ht_list_each(&x->pri, i)
			x->s.load.mem += c->insts[i].util.mem;
		x->rss = 1;
	}
	for (int i = 0; i < c->n_insts; i++)
		c->nodes[c->insts[i].pri].s.load_forth.mem += c->insts[i].util.mem;
	return 0;
}

/* One collector. 0: its data is in C; 1: it is not, WARNINGS tell why. FILE NULL: ask. */
static int load_one(struct mond *m, struct ht_cluster *c, const json *file, int (*use)(const struct mond *, struct ht_cluster *, struct strs *),
		    struct strs *warnings, struct err *e)
{
	bool all = true;

	m->data = ARENA_ARRAY(m->a, const json *, (size_t)c->n_nodes + 1);
	m->idle = ARENA_ARRAY(m->a, bool, (size_t)c->n_nodes + 1);
	if (file)
		from_file(m, c, file);
	else if (from_nodes(m, c, warnings, e) < 0)
		return -1;
	for (int n = 0; n < c->n_nodes; n++)
		all = all && (m->data[n] || m->idle[n]);
	if (all)
		return use(m, c, warnings) == 0 ? 0 : 1;
	strs_add(m->a, warnings,
		 arena_printf(m->a, "Didn't receive an answer by all MonDs, %s's data will be ignored.", m->collector));
	return 1;
}

int ht_mond_load(struct ht_cluster *c, const struct ht_mond *o, struct arena *a, bool *ret_all, struct strs *ret_warnings,
		 struct err *e)
{
	struct mond cpu = { .a = a, .by_inst = o->xen };
	struct mond mem = { .a = a, .by_inst = true, .collector = COLLECTOR_KVM_RSS, .idle_offline = true };
	json *file = NULL;
	int rc, rc_mem = 0;

	cpu.collector = enum_name(&enum_data_collector_name,
				  o->xen ? data_collector_name_xen_cpu_avg_load : data_collector_name_cpu_avg_load);
	*ret_warnings = (struct strs){ 0 };
	if (o->file) {
		char *text CLEANUP(freep) = NULL;
		size_t n;

		if (ht_read_file(o->file, &text, &n, e) < 0)
			return -1;
		if (ht_mond_parse(a, text, n, &file, e) < 0)
			return err_prefix(e, "can't parse MonD data");
		json_own(a, file);
	}
	rc = load_one(&cpu, c, file, o->xen ? use_insts : use_nodes, ret_warnings, e);
	if (rc >= 0 && o->kvm_rss)
		rc_mem = load_one(&mem, c, file, use_memory, ret_warnings, e);
	if (rc < 0 || rc_mem < 0)
		return -1;
	*ret_all = rc == 0 && rc_mem == 0;
	return 0;
}
