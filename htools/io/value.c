/* JSON as upstream's loaders read it, with the texts of its errors. */
#include "htools/io/value.h"

#include "htools/io/io.h"

#include <math.h>
#include <string.h>

int hj_parse(const char *text, size_t n, const char *what, json **ret, struct err *e)
{
	size_t i = 0;

	while (i < n && strchr(" \t\r\n", text[i]) && text[i])
		i++;
	if (i == n || (text[i] != '{' && text[i] != '['))
		return err_plain(e, "%s: Invalid JSON: a JSON text a serialized object or array at the top level.", what);
	return json_parse(text, n, ret, e) < 0 ? err_prefix(e, "%s", what) : 0;
}

/* --- where values are --- */

static int column(const struct hj *r, const char *name)
{
	for (int i = 0; r->names[i]; i++)
		if (strcmp(r->names[i], name) == 0)
			return i;
	return -1;
}

int hj_missing(const json *dict, const char *key, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct str s CLEANUP(str_free) = { 0 };
	struct strs keys = { 0 };

	json_each(dict, k, v) {
		(void)v;
		strs_add(a, &keys, k);
	}
	hs_show_strs(&s, &keys);
	return err_plain(e, "key '%s' not found, object contains only %s", key, str_get(&s));
}

/* upstream: checkRS */
static int check_status(const json *status, struct err *e)
{
	switch (json_int(status, -1)) {
	case result_code_normal:
		return 0;
	case result_code_unknown:
		return err_plain(e, "Unknown field");
	case result_code_nodata:
		return err_plain(e, "No data for a field");
	case result_code_unavail:
		return err_plain(e, "Ganeti reports unavailable data");
	case result_code_offline:
		return err_plain(e, "Ganeti reports resource as offline");
	default:
		return err_plain(e, "Invalid query field, expected (status, value)");
	}
}

static int owned(const struct hj *r, const char *name, struct err *e)
{
	if (!r->owner)
		return -1;
	if (r->row)
		return err_prefix(e, "%s, error while reading attribute '%s'", r->owner, name);
	return err_prefix(e, "%s", r->owner);
}

static int find(const struct hj *r, const char *name, const json **ret, struct err *e)
{
	if (r->row) {
		const json *cell = json_at(r->row, (size_t)column(r, name));

		*ret = json_at(cell, 1);
		return check_status(json_at(cell, 0), e);
	}
	*ret = json_get(r->dict, name);
	return json_has(r->dict, name) ? 0 : hj_missing(r->dict, name, e);
}

int hj_value(const struct hj *r, const char *name, const json **ret, struct err *e)
{
	return find(r, name, ret, e) < 0 ? owned(r, name, e) : 0;
}

bool hj_has(const struct hj *r, const char *name)
{
	const json *v = NULL;

	return find(r, name, &v, NULL) == 0 && v;
}

/* The value cannot be converted: E says why. */
static int bad(const struct hj *r, const char *name, const json *v, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();

	if (r->row)
		err_prefix(e, "Cannot convert value '%s', error", json_dump_spaced_in(a, v));
	else
		err_prefix(e, "key '%s'", name);
	return owned(r, name, e);
}

/* --- conversions --- */

static int to_int(const json *v, int64_t *ret, struct err *e)
{
	double d;

	if (!json_is(v, JSON_INT) && !json_is(v, JSON_FLOAT))
		return err_plain(e, "Unable to read Int");
	d = json_float(v, 0);
	if (json_is(v, JSON_INT))
		*ret = json_int(v, 0);
	else
		*ret = d >= 9.2e18 ? INT64_MAX : d <= -9.2e18 ? INT64_MIN : (int64_t)nearbyint(d);
	return 0;
}

static int to_float(const json *v, double *ret, struct err *e)
{
	if (!json_is(v, JSON_INT) && !json_is(v, JSON_FLOAT))
		return err_plain(e, "Unable to read Double");
	*ret = json_float(v, 0);
	return 0;
}

/* The text of V, or NULL. To Haskell a text is a list of characters, so an empty list is one, too. */
static const char *text_of(const json *v)
{
	return json_is(v, JSON_ARRAY) && json_len(v) == 0 ? "" : json_str(v);
}

static int to_str(struct arena *a, const json *v, const char **ret, struct err *e)
{
	if (!text_of(v))
		return err_plain(e, "Unable to read String");
	*ret = arena_strdup(a, text_of(v));
	return 0;
}

static int is_list(const json *v, struct err *e)
{
	return json_is(v, JSON_ARRAY) ? 0 : err_plain(e, "Unable to read list");
}

static int is_dict(const json *v, struct err *e)
{
	return json_is(v, JSON_DICT) ? 0 : err_plain(e, "Unable to read JSObject");
}

static int to_enum(const json *v, const struct enum_def *d, const char *type, int *ret, struct err *e)
{
	if (!text_of(v))
		return err_plain(e, "Can't parse value for '%s': Unable to read String", type);
	*ret = enum_value(d, text_of(v));
	return *ret < 0 ? ht_bad_value(type, text_of(v), e) : 0;
}

#define READ(r, name, convert)                               \
	do {                                                 \
		const json *v = NULL;                        \
		if (hj_value(r, name, &v, e) < 0)            \
			return -1;                           \
		return (convert) < 0 ? bad(r, name, v, e) : 0; \
	} while (0)

int hj_int(const struct hj *r, const char *name, int64_t *ret, struct err *e)
{
	READ(r, name, to_int(v, ret, e));
}

int hj_float(const struct hj *r, const char *name, double *ret, struct err *e)
{
	READ(r, name, to_float(v, ret, e));
}

static int to_bool(const json *v, bool *ret, struct err *e)
{
	if (!json_is(v, JSON_BOOL))
		return err_plain(e, "Unable to read Bool");
	*ret = json_boolean(v, false);
	return 0;
}

int hj_bool(const struct hj *r, const char *name, bool *ret, struct err *e)
{
	READ(r, name, to_bool(v, ret, e));
}

int hj_str(const struct hj *r, const char *name, const char **ret, struct err *e)
{
	READ(r, name, to_str(r->a, v, ret, e));
}

static int to_strs(struct arena *a, const json *v, struct strs *ret, struct err *e)
{
	*ret = (struct strs){ 0 };
	if (is_list(v, e) < 0)
		return -1;
	json_items(v, i, item) {
		const char *s = NULL;

		if (to_str(a, item, &s, e) < 0)
			return -1;
		strs_add(a, ret, s);
	}
	return 0;
}

int hj_strs(const struct hj *r, const char *name, struct strs *ret, struct err *e)
{
	READ(r, name, to_strs(r->a, v, ret, e));
}

int hj_list(const struct hj *r, const char *name, const json **ret, struct err *e)
{
	READ(r, name, is_list(*ret = v, e));
}

int hj_dict(const struct hj *r, const char *name, const json **ret, struct err *e)
{
	READ(r, name, is_dict(*ret = v, e));
}

int hj_enum(const struct hj *r, const char *name, const struct enum_def *d, const char *type, int *ret, struct err *e)
{
	READ(r, name, to_enum(v, d, type, ret, e));
}

static int to_status(const json *v, enum ht_status *ret, struct err *e)
{
	int s;

	if (!text_of(v))
		return err_plain(e, "Can't parse value for 'InstanceStatus': Unable to read String");
	s = ht_status_parse(text_of(v));
	if (s < 0)
		return ht_bad_value("InstanceStatus", text_of(v), e);
	*ret = (enum ht_status)s;
	return 0;
}

int hj_status(const struct hj *r, const char *name, enum ht_status *ret, struct err *e)
{
	READ(r, name, to_status(v, ret, e));
}

/* --- policies --- */

int hj_only(const json *dict, const char *const *keys, size_t n, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct str more CLEANUP(str_free) = { 0 }, all CLEANUP(str_free) = { 0 };
	struct strs extra = { 0 }, known = { 0 };

	for (size_t i = 0; i < n; i++)
		strs_add(a, &known, keys[i]);
	json_each(dict, k, v) {
		(void)v;
		if (!strs_has(&known, k))
			strs_add(a, &extra, k);
	}
	if (extra.n == 0)
		return 0;
	strs_sort(&extra);
	strs_sort(&known);
	hs_show_strs(&more, &extra);
	hs_show_strs(&all, &known);
	return err_plain(e, "Superfluous dictionary keys: %s, but only %s allowed.", str_get(&more), str_get(&all));
}

/* All of these keys, and no others. */
static int only_keys(const json *dict, const char *const *keys, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (!json_has(dict, keys[i]))
			return hj_missing(dict, keys[i], e);
	return hj_only(dict, keys, n, e);
}

static int in_key(const char *key, struct err *e)
{
	return err_prefix(e, "Can't parse value for '%s'", key);
}

static int to_spec(const json *v, struct ht_spec *s, struct err *e)
{
	static const char *const keys[] = { "memory-size", "cpu-count", "disk-size", "disk-count", "nic-count", "spindle-use" };
	int64_t *const to[] = { &s->mem, &s->cpus, &s->disk, &s->disks, &s->nics, &s->spindles };

	if (is_dict(v, e) < 0 || only_keys(v, keys, ARRAY_SIZE(keys), e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (to_int(json_get(v, keys[i]), to[i], e) < 0)
			return in_key(keys[i], e);
	return 0;
}

static int to_minmax(struct arena *a, const json *v, struct ht_policy *p, struct err *e)
{
	static const char *const keys[] = { "min", "max" };

	if (is_list(v, e) < 0)
		return -1;
	p->n_minmax = json_len(v);
	p->minmax = ARENA_ARRAY(a, struct ht_minmax, p->n_minmax + 1);
	json_items(v, i, one) {
		if (is_dict(one, e) < 0)
			return -1;
		/* upstream reads what is there before it misses the rest */
		if (json_has(one, keys[0]) && to_spec(json_get(one, keys[0]), &p->minmax[i].min, e) < 0)
			return in_key(keys[0], e);
		if (only_keys(one, keys, ARRAY_SIZE(keys), e) < 0)
			return -1;
		if (to_spec(json_get(one, keys[1]), &p->minmax[i].max, e) < 0)
			return in_key(keys[1], e);
	}
	return 0;
}

static int to_templates(struct arena *a, const json *v, struct ht_policy *p, struct err *e)
{
	if (is_list(v, e) < 0)
		return -1;
	p->n_templates = json_len(v);
	p->templates = ARENA_ARRAY(a, enum disk_template, p->n_templates + 1);
	json_items(v, i, one) {
		int t;

		if (to_enum(one, &enum_disk_template, "DiskTemplate", &t, e) < 0)
			return -1;
		p->templates[i] = (enum disk_template)t;
	}
	return 0;
}

static int to_policy(struct arena *a, const json *v, struct ht_policy *ret, struct err *e)
{
	static const char *const keys[] = { "minmax", "std", "disk-templates", "vcpu-ratio", "spindle-ratio", "memory-ratio" };
	struct ht_policy p = { .memory_ratio = 1 };
	size_t n = ARRAY_SIZE(keys);

	if (is_dict(v, e) < 0 || only_keys(v, keys, json_has(v, keys[5]) ? n : n - 1, e) < 0)
		return -1;
	if (to_minmax(a, json_get(v, keys[0]), &p, e) < 0)
		return in_key(keys[0], e);
	if (to_spec(json_get(v, keys[1]), &p.std, e) < 0)
		return in_key(keys[1], e);
	if (to_templates(a, json_get(v, keys[2]), &p, e) < 0)
		return in_key(keys[2], e);
	if (to_float(json_get(v, keys[3]), &p.vcpu_ratio, e) < 0)
		return in_key(keys[3], e);
	if (to_float(json_get(v, keys[4]), &p.spindle_ratio, e) < 0)
		return in_key(keys[4], e);
	if (json_has(v, keys[5]) && to_float(json_get(v, keys[5]), &p.memory_ratio, e) < 0)
		return in_key(keys[5], e);
	*ret = p;
	return 0;
}

void hj_hv_state(const json *hv_state, struct ht_node *n)
{
	json_each(hv_state, hv, v) {
		int64_t own = json_get_int(v, "mem_node", 0), total = json_get_int(v, "mem_total", 0);
		bool xen = str_starts(hv, "xen-") && n->n_mem != 0;

		if (own > 0 && !xen) {
			n->n_mem = own;
			n->n_mem_set = true;
		}
		if (total > 0 && (double)total < n->t_mem)
			n->t_mem = (double)total;
		return; /* of several the first */
	}
}

int hj_policy(const struct hj *r, const char *name, struct ht_policy *ret, struct err *e)
{
	READ(r, name, to_policy(r->a, v, ret, e));
}

/* --- disks --- */

static int to_sizes(struct arena *a, const json *v, struct ht_inst *i, struct err *e)
{
	if (is_list(v, e) < 0)
		return -1;
	i->n_disks = json_len(v);
	i->disks = ARENA_ARRAY(a, struct ht_disk, i->n_disks + 1);
	json_items(v, k, size)
		if (to_int(size, &i->disks[k].size, e) < 0)
			return -1;
	return 0;
}

/* upstream: arrayMaybeFromJVal */
static int to_spindles(const json *v, struct ht_inst *i, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();

	if (!json_is(v, JSON_ARRAY))
		return err_plain(e, "Expecting array, got '%s'", json_dump_spaced_in(a, v));
	json_items(v, k, one) {
		int64_t n = HT_NONE;

		if (one && to_int(one, &n, e) < 0)
			return err_prefix(e, "Cannot convert value '%s', error", json_dump_spaced_in(a, one));
		if (k < i->n_disks)
			i->disks[k].spindles = n;
	}
	if (json_len(v) < i->n_disks)
		i->n_disks = json_len(v);
	return 0;
}

int hj_disks(const struct hj *r, const char *sizes, const char *spindles, struct ht_inst *ret, struct err *e)
{
	const json *v = NULL;

	if (hj_value(r, sizes, &v, e) < 0)
		return -1;
	if (to_sizes(r->a, v, ret, e) < 0)
		return bad(r, sizes, v, e);
	if (find(r, spindles, &v, e) < 0) /* upstream does not say whose they are, in a query */
		return r->row ? -1 : owned(r, spindles, e);
	return to_spindles(v, ret, e) < 0 ? owned(r, spindles, e) : 0;
}

/* --- names --- */

void ht_names_free(struct ht_names *n)
{
	map_free(n->groups, NULL);
	map_free(n->nodes, NULL);
	*n = (struct ht_names){ NULL, NULL };
}

void ht_names_put(struct map *m, const char *name, int index)
{
	map_put(m, name, (void *)(intptr_t)(index + 1));
}

int ht_names_group_read(const struct ht_names *names, struct ht_cluster *c, struct hj *r, const char *name, struct err *e)
{
	struct ht_group g = { 0 }, *at;
	int alloc;

	r->owner = arena_printf(c->a, "Group '%s'", name);
	if (hj_str(r, "uuid", &g.uuid, e) < 0 || hj_enum(r, "alloc_policy", &enum_alloc_policy, "AllocPolicy", &alloc, e) < 0 ||
	    hj_policy(r, "ipolicy", &g.policy, e) < 0 || hj_strs(r, "tags", &g.tags, e) < 0)
		return -1;
	at = ht_add_group(c, name, g.uuid);
	at->alloc = (enum alloc_policy)alloc;
	at->policy = g.policy;
	at->tags = g.tags;
	ht_names_put(names->groups, at->uuid, c->n_groups - 1);
	return 0;
}

void ht_names_node_add(const struct ht_names *names, struct ht_cluster *c, const char *name, const struct ht_node *n)
{
	struct ht_node *at = ht_add_node(c, name);

	name = at->name;
	*at = *n;
	at->name = at->alias = name;
	ht_node_init(at);
	ht_names_put(names->nodes, name, c->n_nodes - 1);
}

void ht_names_inst_add(struct ht_cluster *c, const char *name, const struct ht_inst *i)
{
	struct ht_inst *at = ht_add_inst(c, name);
	struct ht_util util = at->util;

	name = at->name;
	*at = *i;
	at->name = at->alias = name;
	at->util = util;
}

static int index_of(const struct map *m, const char *name)
{
	return (int)(intptr_t)map_get(m, name) - 1;
}

int ht_names_group(const struct ht_names *n, const char *uuid, const char *node, int *ret, struct err *e)
{
	*ret = index_of(n->groups, uuid);
	return *ret < 0 ? err_plain(e, "Unknown group '%s' for node %s", uuid, node) : 0;
}

int ht_names_node(const struct ht_names *n, const char *node, const char *inst, int *ret, struct err *e)
{
	*ret = index_of(n->nodes, node);
	return *ret < 0 ? err_plain(e, "Unknown node '%s' for instance %s", node, inst) : 0;
}

int ht_names_finish(const struct ht_names *n, struct ht_cluster *c, const char *master, int hypervisor, struct err *e)
{
	int m = index_of(n->nodes, master);

	if (m < 0)
		return err_plain(e, "Master node %s unknown", master);
	c->nodes[m].master = true;
	for (int i = 0; i < c->n_nodes; i++)
		c->nodes[i].kvm = hypervisor == hypervisor_kvm;
	return 0;
}
