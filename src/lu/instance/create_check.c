/* What a new instance is to be, checked (upstream: LUInstanceCreate.CheckPrereq). */
#include "src/lu/instance/priv.h"

/* --- without a node --- */
static int check_hypervisor(struct luctx *lu, const struct op_instance_create *op, struct create *c, struct err *e)
{
	const struct strs *on = &lu->cluster->enabled_hypervisors;

	c->hypervisor = op->has_hypervisor ? (int)op->hypervisor : enum_value(&enum_hypervisor, on->n ? on->v[0] : "");
	if (c->hypervisor < 0)
		return err_set(e, ERR_PREREQ, ECODE_STATE, "No hypervisor is enabled in the cluster");
	if (!strs_has(on, enum_name(&enum_hypervisor, c->hypervisor)))
		return err_set(e, ERR_PREREQ, ECODE_STATE, "Selected hypervisor (%s) not enabled in the cluster (%s)",
			       enum_name(&enum_hypervisor, c->hypervisor), strs_join(lu->a, on, ","));
	return 0;
}

/* Without what equals the defaults (upstream: _RevertToDefaults). */
static json *without_defaults(struct luctx *lu, const json *given, const json *defaults)
{
	json *out = json_own(lu->a, json_new_dict());

	json_each(given, key, v)
		if (!json_has(defaults, key) || !json_equal(v, json_get(defaults, key)))
			json_set(out, key, json_ref(v));
	return out;
}

static int check_hvparams(struct luctx *lu, const struct op_instance_create *op, struct create *c, struct err *e)
{
	const char *hv = enum_name(&enum_hypervisor, c->hypervisor);

	TRY(inst_coerce(lu, hvparams_record(c->hypervisor), op->hvparams, NULL, &c->hvparams, e));
	c->hv_full = fill_hv(lu->a, lu->cluster, hv, op->os_type, c->hvparams, false);
	TRY(hv_check_syntax(c->hypervisor, c->hv_full, e));
	TRY(inst_check_not_global(lu, c->hvparams, e));
	if (op->identify_defaults)
		c->hvparams = without_defaults(lu, c->hvparams,
					       fill_hv(lu->a, lu->cluster, hv, op->os_type, NULL, false));
	return 0;
}

static int check_beparams(struct luctx *lu, const struct op_instance_create *op, struct create *c, struct err *e)
{
	static const char *const allowed[] = { "auto", "default", NULL };
	struct beparams none = { .has_minmem = false }, dflt = fill_be(lu->a, lu->cluster, &none), full;
	json *defaults = json_own(lu->a, record_emit(rec_beparams(), &dflt, 0));
	struct strs keys;

	TRY(inst_beparams(lu, op->beparams, allowed, &c->beparams, e));
	keys = json_keys(lu->a, c->beparams);
	for (size_t k = 0; k < keys.n; k++) {
		const char *v = json_get_str(c->beparams, keys.v[k]);

		/* "auto" copies what is the default now, "default" follows it */
		if (str_eq(v, "auto"))
			json_set(c->beparams, keys.v[k], json_ref(json_get(defaults, keys.v[k])));
		else if (str_eq(v, "default"))
			json_del(c->beparams, keys.v[k]);
	}
	if (op->identify_defaults)
		c->beparams = without_defaults(lu, c->beparams, defaults);
	TRY(record_parse(rec_beparams(), lu->a, c->beparams, &c->be, REC_NO_DEFAULTS, NULL, e));
	full = fill_be(lu->a, lu->cluster, &c->be);
	return inst_check_memory(&full, e);
}

static int check_osparams(struct luctx *lu, const struct op_instance_create *op, struct create *c, struct err *e)
{
	c->osparams = json_own(lu->a, json_merge(json_new_dict(), op->osparams));
	c->osparams_private = json_own(lu->a, json_merge(json_new_dict(), op->osparams_private));
	TRY(inst_all_osparams(lu, op->os_type, c->osparams, c->osparams_private, op->osparams_secret, &c->os_all, e));
	if (op->identify_defaults)
		c->osparams = without_defaults(lu, c->osparams, fill_os(lu->a, lu->cluster, op->os_type, NULL));
	return 0;
}

/* NIC parameters that equal the cluster's are dropped, too. */
static void drop_nic_defaults(struct luctx *lu, struct create *c)
{
	struct nicparams none = { .has_mode = false }, dflt = fill_nic(lu->a, lu->cluster, &none);

	for (size_t k = 0; k < c->nics.n; k++) {
		struct nicparams *p = &c->nics.v[k].nicparams;

		p->has_mode = p->has_mode && p->mode != dflt.mode;
		p->has_link = p->has_link && !str_eq(p->link, dflt.link);
		p->has_vlan = p->has_vlan && !str_eq(p->vlan, dflt.vlan);
	}
}

int create_check_params(struct luctx *lu, const struct op_instance_create *op, struct create *c, struct err *e)
{
	TRY(check_hypervisor(lu, op, c, e));
	for (size_t k = 0; k < op->tags.n; k++)
		TRY(tag_check(op->tags.v[k], e));
	TRY(check_hvparams(lu, op, c, e));
	TRY(check_beparams(lu, op, c, e));
	TRY(check_osparams(lu, op, c, e));
	TRY(lu_nics_new(lu, op->nics, c->ip, &c->nics, e));
	if (op->identify_defaults)
		drop_nic_defaults(lu, c);
	return 0;
}

/* --- on the node --- */
static int check_primary(const struct node *n, struct err *e)
{
	if (n->offline)
		return err_set(e, ERR_PREREQ, ECODE_STATE, "Cannot use offline primary node '%s'", n->name);
	if (n->drained)
		return err_set(e, ERR_PREREQ, ECODE_STATE, "Cannot use drained primary node '%s'", n->name);
	if (!n->vm_capable)
		return err_set(e, ERR_PREREQ, ECODE_STATE, "Cannot use non-vm_capable primary node '%s'", n->name);
	return 0;
}

static int check_policy(struct luctx *lu, const struct op_instance_create *op, const struct create *c,
			const struct nodegroup *g, struct err *e)
{
	struct beparams be = fill_be(lu->a, lu->cluster, &c->be);
	int64_t *sizes = ARENA_ARRAY(lu->a, int64_t, c->n_disks + 1);
	struct strs bad;

	for (size_t k = 0; k < c->n_disks; k++)
		sizes[k] = c->specs[k].size;
	bad = lu_ipolicy_violations(lu, g, &be, c->nics.n, c->template_, sizes, c->n_disks);
	if (!bad.n || op->ignore_ipolicy)
		return 0;
	return err_set(e, ERR_PREREQ, ECODE_INVAL, "Instance allocation to group %s (%s) violates policy: %s", g->uuid,
		       g->name, strs_join(lu->a, &bad, ", "));
}

/* Scripts that are not trusted would have to run in a helper machine (upstream: RunOsScriptsVirtualized). */
static int check_trusted(struct luctx *lu, const struct op_instance_create *op, const struct create *c, struct err *e)
{
	struct strs parts = strs_split(lu->a, op->os_type, '+');
	json *all;

	if (op->no_install || !c->n_disks || op->forthcoming)
		return 0;
	TRY(lu_rpc(lu, RPC_os_diagnose, c->primary, json_new_array(), &all,
		   arena_printf(lu->a, "Failed to get OS '%s'", op->os_type), e));
	json_items(all, k, os) {
		if (!str_eq(json_str(json_at(os, 0)), parts.v[0]))
			continue;
		if (json_boolean(json_at(os, 7), false))
			return 0;
		return err_set(e, ERR_PREREQ, ECODE_STATE,
			       "OS '%s' is not trusted; installing it in a helper machine is not supported by this "
			       "version",
			       op->os_type);
	}
	return err_set(e, ERR_PREREQ, NULL, "OS '%s' is not available in node '%s'", op->os_type, c->primary);
}

int create_check_node(struct luctx *lu, const struct op_instance_create *op, struct create *c, struct err *e)
{
	const struct node *n = snap_node(lu->snap, c->primary);
	struct strs nodes = { &c->primary, 1 };
	struct beparams be;

	TRY(check_primary(n, e));
	for (size_t k = 0; k < c->nics.n; k++)
		TRY(lu_nic_place(lu, &c->nics.v[k], k, c->primary, op->conflicts_check, e));
	TRY(check_policy(lu, op, c, snap_group(lu->snap, n->group), e));
	TRY(lu_check_hvparams_on_nodes(lu, &nodes, c->hypervisor, c->hv_full, e));
	TRY(lu_check_osparams_on_nodes(lu, &nodes, true, op->os_type, c->os_all, op->force_variant, e));
	TRY(check_trusted(lu, op, c, e));
	TRY(lu_check_bridges(lu, &c->nics, c->primary, e));
	if (!c->start || op->forthcoming)
		return 0;
	be = fill_be(lu->a, lu->cluster, &c->be);
	return lu_check_free_memory(lu, c->primary, arena_printf(lu->a, "creating instance %s", c->name), be.maxmem,
				    c->hypervisor, c->hv_full, NULL, e);
}
