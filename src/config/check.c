/* What can be said about one object without looking at others. Upstream: ConfigWriter.VerifyConfig. */
#include "src/config/priv.h"

#include <string.h>

static void complain(struct arena *a, struct strs *errs, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void complain(struct arena *a, struct strs *errs, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strs_add(a, errs, arena_vprintf(a, fmt, ap));
	va_end(ap);
}

/* Types of a dict of parameters (upstream: VerifyType). */
static void check_types(struct arena *a, struct strs *errs, const char *owner, const char *attr,
			const struct record *r, const json *params)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *in = json_own(a, record_defaults(r)), *out = NULL;

	json_merge(in, params);
	if (record_coerce(r, in, NULL, &out, &e) < 0)
		complain(a, errs, "%s has invalid %s: %s", owner, attr, err_msg(&e));
	json_put(out);
}

static void check_nicparams(struct arena *a, struct strs *errs, const char *owner,
			    const struct nicparams *p)
{
	if (p->mode == nic_mode_bridged && (!p->link || !*p->link))
		complain(a, errs, "%s has invalid nicparams: Missing bridged NIC link", owner);
}

static void check_ipolicy(struct arena *a, struct strs *errs, const char *owner,
			  const json *ipolicy, bool group)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;

	if (policy_check(ipolicy, group, &e) < 0)
		complain(a, errs, "%s has invalid instance policy: %s", owner, err_msg(&e));
}

static void check_access_modes(struct arena *a, struct strs *errs, const json *diskparams)
{
	json_each(diskparams, t, params) {
		const char *access = json_get_str(params, "access");

		if (access && strcmp(access, "kernelspace") != 0 &&
		    strcmp(access, "userspace") != 0)
			complain(a, errs,
				 "Invalid value of '%s:access': '%s' (expected one of kernelspace,"
				 " userspace)",
				 t, access);
	}
}

static void check_cluster(struct arena *a, struct strs *errs, const struct cluster *c)
{
	struct nicparams nic = fill_nic(a, c, NULL);

	check_types(a, errs, "cluster", "beparams", rec_beparams(),
		    json_get(c->beparams, "default"));
	check_types(a, errs, "cluster", "nicparams", rec_nicparams(),
		    json_get(c->nicparams, "default"));
	check_nicparams(a, errs, "cluster", &nic);
	check_ipolicy(a, errs, "cluster", c->ipolicy, false);
	check_access_modes(a, errs, c->diskparams);
	if (!c->enabled_hypervisors.n)
		complain(a, errs, "enabled hypervisors list doesn't have any entries");
	for (size_t i = 0; i < c->enabled_hypervisors.n; i++)
		if (!json_has(c->hvparams, c->enabled_hypervisors.v[i]))
			complain(a, errs, "hypervisor parameters missing for the enabled hypervisor(s) %s",
				 c->enabled_hypervisors.v[i]);
	if (!c->enabled_disk_templates.n)
		complain(a, errs, "enabled disk templates list doesn't have any entries");
}

static const char *yes(bool v)
{
	return v ? "True" : "False"; /* as Python prints it */
}

static void check_node(struct arena *a, struct strs *errs, const struct node *n)
{
	if (n->master_candidate + n->drained + n->offline > 1)
		complain(a, errs,
			 "Node %s state is invalid: master_candidate=%s, drain=%s, offline=%s",
			 n->name, yes(n->master_candidate), yes(n->drained), yes(n->offline));
	if (n->ndparams.has_exclusive_storage)
		complain(a, errs, "Node '%s' has some global parameters set: exclusive_storage",
			 n->name);
}

static bool uuid_like(const char *s)
{
	return strlen(s) == 36 && strspn(s, "0123456789abcdefABCDEF-") == 36;
}

static void check_group(struct arena *a, struct strs *errs, const struct nodegroup *g)
{
	if (uuid_like(g->name))
		complain(a, errs, "node group '%s' (uuid: '%s') has uuid-like name", g->name,
			 g->uuid);
	check_ipolicy(a, errs, arena_printf(a, "group %s", g->name), g->ipolicy, true);
}

static void check_nics(struct arena *a, struct strs *errs, const struct instance *i,
		       const struct nicparams *dflt)
{
	for (size_t k = 0; k < i->nics.n; k++) {
		const struct nic *n = &i->nics.v[k];
		struct nicparams p = n->nicparams;

		for (size_t m = 0; m < k; m++)
			if (str_eq(n->mac, i->nics.v[m].mac))
				complain(a, errs, "instance '%s' has NIC %zu mac %s duplicate",
					 i->name, k, n->mac);
		if (!dflt)
			continue;
		record_fill(rec_nicparams(), &p, dflt);
		check_nicparams(a, errs, arena_printf(a, "instance %s nic %zu", i->name, k), &p);
	}
}

static void check_network(struct arena *a, struct strs *errs, const struct network *n)
{
	uint32_t base, size;

	if (net4_parse(n->network, &base, &size) < 0)
		complain(a, errs, "Network '%s' has invalid address range '%s'", n->name,
			 n->network);
	else if ((n->reservations && strlen(n->reservations) != size) ||
		 (n->ext_reservations && strlen(n->ext_reservations) != size))
		complain(a, errs, "Network '%s' has an invalid address pool", n->name);
}

void check_object(struct arena *a, enum obj_kind k, const void *obj, const struct nicparams *dflt,
		  struct strs *errs)
{
	switch (k) {
	case OBJ_CLUSTER:
		check_cluster(a, errs, obj);
		break;
	case OBJ_NODE:
		check_node(a, errs, obj);
		break;
	case OBJ_NODEGROUP:
		check_group(a, errs, obj);
		break;
	case OBJ_INSTANCE:
		check_nics(a, errs, obj, dflt);
		break;
	case OBJ_NETWORK:
		check_network(a, errs, obj);
		break;
	case OBJ_DISK:
	case OBJ_FILTER:
	case OBJ_KINDS:
		break;
	}
}
