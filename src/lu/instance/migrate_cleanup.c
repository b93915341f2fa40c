/* After a migration that was broken off (upstream: TLMigrateInstance._ExecCleanup). */
#include "src/lu/instance/priv.h"

/* Nodes the guest runs on; Xen calls it "migrating-<name>" meanwhile. */
static int find(struct luctx *lu, const struct move *m, struct strs *ret, struct err *e)
{
	const struct instance *i = snap_instance(lu->snap, m->in.uuid);
	const char *hv = enum_name(&enum_hypervisor, i->hypervisor);
	const char *other = arena_printf(lu->a, "migrating-%s", i->name);
	struct strs all = snap_uuids(lu->snap, OBJ_NODE), online = { NULL, 0 }, names = { NULL, 0 };
	struct rpc_answer *v;

	for (size_t k = 0; k < all.n; k++) {
		const struct node *n = snap_node(lu->snap, all.v[k]);

		if (!n->offline && n->vm_capable)
			strs_add(lu->a, &online, arena_strdup(lu->a, n->uuid));
	}
	TRY(lu_rpc_multi(lu, RPC_instance_list, &online, json_pack("[[s], o]", hv, lu_all_hvparams(lu)), &v, e));
	for (size_t k = 0; k < online.n; k++) {
		struct strs running = json_strs(lu->a, v[k].payload);

		if (v[k].failed)
			return err_set(e, ERR_EXEC, NULL, "Can't contact node %s: %s", v[k].node, v[k].error);
		if (!strs_has(&running, i->name) && !strs_has(&running, other))
			continue;
		strs_add(lu->a, ret, online.v[k]);
		strs_add(lu->a, &names, v[k].node);
	}
	lu_log(lu, "* instance running on: %s", strs_join(lu->a, &names, ","));
	return 0;
}

/* On both ends: what an interrupted migration leaves. The source keeps it. */
static int undo_half(struct luctx *lu, struct move *m, struct strs *on, struct err *e)
{
	const struct instance *i = snap_instance(lu->snap, m->in.uuid);
	struct strs again = { NULL, 0 };

	m->target = arena_strdup(lu->a, on->v[str_eq(on->v[0], m->source) ? 1 : 0]);
	lu_log(lu, "Trying to cleanup after a failed migration");
	TRY(lu_rpc(lu, RPC_migration_info, m->source,
		   json_pack("[o]", lu_inst_dict(lu, i, NULL, NULL, NULL)), &m->info,
		   arena_printf(lu->a, "Failed fetching source migration information from %s", m->source_name), e));
	move_finish(lu, m, false);
	TRY(find(lu, m, &again, e));
	*on = again;
	return 0;
}

int move_cleanup(struct luctx *lu, struct move *m, struct err *e)
{
	struct strs on = { NULL, 0 };
	const char *demoted;

	lu_log(lu, "* checking where the instance actually runs (if this hangs, the hypervisor might be in a bad "
		   "state)");
	TRY(find(lu, m, &on, e));
	if (on.n == 2 && strs_has(&on, m->source))
		TRY(undo_half(lu, m, &on, e));
	if (on.n > 1)
		return err_set(e, ERR_EXEC, NULL,
			       "Instance seems to be running on several nodes, or the hypervisor is confused; you "
			       "will have to ensure manually that it runs only on one and restart this operation");
	if (!on.n)
		return err_set(e, ERR_EXEC, NULL,
			       "Instance does not seem to be running at all; in this case it's safer to repair by "
			       "running 'gnt-instance stop' to ensure disk shutdown, and then restarting it");
	if (str_eq(on.v[0], m->source)) {
		lu_log(lu, "* instance confirmed to be running on its primary node (%s)", m->source_name);
		move_finish(lu, m, false);
		demoted = m->target;
	} else {
		lu_log(lu, "* instance running on secondary node (%s), updating config",
		       lu_node_name(lu, on.v[0]));
		TRY(move_set_primary(lu, m, on.v[0], e));
		m->target = on.v[0];
		move_finish(lu, m, true); /* on the source: interfaces and files */
		demoted = m->source;
	}
	TRY(move_close_disks(lu, m, demoted, e));
	TRY(move_open_disks(lu, m, on.v[0], true, e));
	lu_log(lu, "* done");
	return 0;
}
