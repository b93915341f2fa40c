/* Effective parameters: layers of defaults, the later one wins. */
#include "src/model/model.h"

#include <string.h>

/* Upstream: HVC_GLOBALS. */
bool hv_is_global(const char *param)
{
	for (size_t i = 0; i < enum_hypervisor.n; i++) {
		const struct field *f = record_field(hvparams_record((int)i), param);

		if (f && f->global)
			return true;
	}
	return false;
}

/* A cluster that was made before a parameter existed has no value for it. */
static const json *hv_defaults(const char *hypervisor)
{
	static json *made[16]; /* by hypervisor, once per process */
	int hv = enum_value(&enum_hypervisor, hypervisor);

	if (hv < 0 || hv >= (int)ARRAY_SIZE(made))
		return NULL;
	if (!made[hv])
		made[hv] = record_defaults(hvparams_record(hv));
	return made[hv];
}

json *fill_hv(struct arena *a, const struct cluster *c, const char *hypervisor, const char *os,
	      const json *hvparams, bool skip_globals)
{
	json *j = json_own(a, json_new_dict());
	const json *defaults = hv_defaults(hypervisor);

	json_merge(j, defaults);
	json_merge(j, json_get(c->hvparams, hypervisor));
	if (os)
		json_merge(j, json_get(json_get(c->os_hvp, os), hypervisor));
	json_merge(j, hvparams);
	if (skip_globals)
		json_each(defaults, name, v) {
			(void)v;
			if (hv_is_global(name))
				json_del(j, name);
		}
	return j;
}

json *fill_hv_instance(struct arena *a, const struct cluster *c, const struct instance *i)
{
	return fill_hv(a, c, enum_name(&enum_hypervisor, i->hypervisor), i->os, i->hvparams, false);
}

/* The defaults of a kind of parameters are kept by the cluster under this key. */
static json *defaults_of(const json *params)
{
	return json_get(params, "default");
}

/* Fill the struct at TO from the dict FROM; what FROM says wrongly is left to the verification. The rest then
 * comes from the rows: a cluster that lacks a parameter still gives every one a value. */
static void fill_from(const struct record *r, struct arena *a, void *to, json *from)
{
	void *base = arena_alloc(a, r->size);

	if (from && record_parse(r, a, from, base, REC_NO_DEFAULTS | REC_IGNORE_UNKNOWN, NULL,
				 NULL) == 0)
		record_fill(r, to, base);
}

struct beparams fill_be(struct arena *a, const struct cluster *c, const struct beparams *over)
{
	struct beparams p = over ? *over : (struct beparams){ 0 };

	fill_from(rec_beparams(), a, &p, defaults_of(c->beparams));
	record_fill_defaults(rec_beparams(), a, &p);
	return p;
}

struct nicparams fill_nic(struct arena *a, const struct cluster *c, const struct nicparams *over)
{
	struct nicparams p = over ? *over : (struct nicparams){ 0 };

	fill_from(rec_nicparams(), a, &p, defaults_of(c->nicparams));
	record_fill_defaults(rec_nicparams(), a, &p);
	return p;
}

struct ndparams fill_nd(struct arena *a, const struct cluster *c, const struct nodegroup *g,
			const struct node *n)
{
	struct ndparams p = n ? n->ndparams : (struct ndparams){ 0 };

	if (g)
		record_fill(rec_ndparams(), &p, &g->ndparams);
	record_fill(rec_ndparams(), &p, &c->ndparams);
	record_fill_defaults(rec_ndparams(), a, &p);
	return p;
}

json *fill_hv_state(struct arena *a, const struct cluster *c, const struct nodegroup *g, const struct node *n)
{
	const char *hv = c->enabled_hypervisors.n ? c->enabled_hypervisors.v[0] : NULL;
	json *out = json_own(a, json_new_dict()), *one;

	if (!hv)
		return out;
	one = record_defaults(rec_hvstate());
	json_merge(one, json_get(c->hv_state_static, hv));
	json_merge(one, g ? json_get(g->hv_state_static, hv) : NULL);
	json_merge(one, n ? json_get(n->hv_state_static, hv) : NULL);
	json_set(out, hv, one);
	return out;
}

static json *fill_os_layers(struct arena *a, const json *by_os, const char *os,
			    const json *osparams)
{
	json *j = json_own(a, json_new_dict());

	if (os) {
		const char *plus = strchr(os, '+'); /* name+variant; the plain name's come first */

		if (plus)
			json_merge(j, json_get(by_os, arena_strndup(a, os, (size_t)(plus - os))));
		json_merge(j, json_get(by_os, os));
	}
	return json_merge(j, osparams);
}

json *fill_os(struct arena *a, const struct cluster *c, const char *os, const json *osparams)
{
	return fill_os_layers(a, c->osparams, os, osparams);
}

json *fill_os_private(struct arena *a, const struct cluster *c, const char *os,
		      const json *osparams_private)
{
	return fill_os_layers(a, c->osparams_private_cluster, os, osparams_private);
}

json *fill_diskparams(struct arena *a, const struct cluster *c, const struct nodegroup *g,
		      disk_template_t t)
{
	const char *name = enum_name(&enum_disk_template, t);
	json *j = json_own(a, record_defaults(diskparams_record(t)));

	json_merge(j, json_get(c->diskparams, name));
	if (g)
		json_merge(j, json_get(g->diskparams, name));
	return j;
}
