/* Changing an instance: doing it (upstream: LUInstanceSetParams.Exec). */
#include "src/lu/instance/priv.h"

static int set_primary(struct luctx *lu, const struct modify *m, struct err *e)
{
	struct instance new = *snap_instance(lu->snap, m->in.uuid);

	if (!m->pnode || str_eq(m->pnode, new.primary_node))
		return 0;
	SET(new, primary_node, m->pnode);
	lu_update(lu, OBJ_INSTANCE, &new);
	return lu_commit(lu, e);
}

static int balloon(struct luctx *lu, const struct op_instance_set_params *op, const struct modify *m, json *result,
		   struct err *e)
{
	const struct instance *i = snap_instance(lu->snap, m->in.uuid);

	if (!op->has_runtime_mem)
		return 0;
	TRY(lu_rpc(lu, RPC_instance_balloon_memory, i->primary_node,
		   json_pack("[o, I]", lu_inst_dict(lu, i, NULL, NULL, NULL), op->runtime_mem), NULL,
		   "Cannot modify instance runtime memory", e));
	json_append(result, json_pack("[s, I]", "runtime_memory", op->runtime_mem));
	return 0;
}

/* The guest first: what it has is then written down, whether it took the device or not. */
static int plug_nics(struct luctx *lu, const struct modify *m, json *result, struct err *e)
{
	for (size_t k = 0; k < m->n_steps; k++) {
		const struct nic_step *s = &m->steps[k];
		const char *how;

		json_items(s->changes, n, c)
			json_append(result, json_ref(c));
		if (!m->hotplug)
			continue;
		TRY(mod_hotplug(lu, m, s->hotplug, "nic",
				lu_nic_dict(lu, snap_instance(lu->snap, m->in.uuid), &s->nic), NULL, s->idx, &how, e));
		json_append(result, json_pack("[s, s]", s->key, how));
	}
	return 0;
}

static void report(json *result, const char *prefix, const json *given, bool hide)
{
	json_each(given, key, v) {
		char *name CLEANUP(freep) = xasprintf("%s/%s", prefix, key);

		json_append(result, json_pack("[s, o]", name, hide ? json_new_str("<redacted>") : json_ref(v)));
	}
}

static int store(struct luctx *lu, const struct op_instance_set_params *op, const struct modify *m, json *result,
		 struct err *e)
{
	struct instance new = *snap_instance(lu->snap, m->in.uuid);

	if (m->n_steps)
		SET(new, nics, m->new_nics);
	if (m->hvparams)
		SET(new, hvparams, m->hvparams);
	if (m->be_changed)
		SET(new, beparams, m->be);
	if (op->os_name)
		SET(new, os, op->os_name);
	if (m->osparams)
		SET(new, osparams, m->osparams);
	if (m->osparams_private)
		SET(new, osparams_private, m->osparams_private);
	if (op->has_offline) {
		SET(new, admin_state, op->offline ? admin_state_offline : admin_state_down);
		SET(new, admin_state_source, admin_state_source_admin);
	}
	lu_update(lu, OBJ_INSTANCE, &new);
	TRY(lu_commit(lu, e));
	report(result, "hv", op->hvparams, false);
	report(result, "be", op->beparams, false);
	report(result, "os", op->osparams, false);
	report(result, "os_private", op->osparams_private, true);
	if (op->has_offline)
		json_append(result, json_pack("[s, s]", "admin_state",
					      enum_name(&enum_admin_state,
							op->offline ? admin_state_offline : admin_state_down)));
	return 0;
}

int modify_exec(struct luctx *lu, const void *op_, json **ret, struct err *e)
{
	const struct op_instance_set_params *op = op_;
	struct modify *m = lu->state;
	json *result = json_own(lu->a, json_new_array());

	for (size_t k = 0; k < m->warnings.n; k++)
		lu_log(lu, "WARNING: %s", m->warnings.v[k]);
	TRY(set_primary(lu, m, e));
	TRY(balloon(lu, op, m, result, e));
	TRY(modify_disks(lu, op, m, result, e));
	TRY(lu_release(lu, LOCK_NODE, NULL, e));
	TRY(lu_release(lu, LOCK_NODE_RES, NULL, e));
	TRY(plug_nics(lu, m, result, e));
	TRY(store(lu, op, m, result, e));
	*ret = json_ref(result);
	return 0;
}
