/* Are the instances of a group where and what the configuration says? */
#include "src/lu/cluster/lus.h"

/* As block devices report it (upstream: LDS_*). */
enum local_disk { LDS_UNKNOWN, LDS_OKAY, LDS_SYNC, LDS_FAULTY };

/* Whose disk is the k-th of a node's list. */
struct asked_disk {
	const char *inst_uuid;
};
struct disk_list {
	struct asked_disk *v;
	size_t n, cap;
	json *disks;
};

static int add_instance(struct group_check *g, const char *inst_uuid, struct disk_list *lists,
			struct err *e)
{
	struct luctx *lu = g->lu;
	const struct instance *i = snap_instance(lu->snap, inst_uuid);
	struct strs nodes = lu_instance_nodes(lu, i);
	const struct disk **disks;
	size_t n;

	TRY(snap_instance_disks(lu->snap, i, &disks, &n, e));
	for (size_t k = 0; k < g->n_nodes; k++) {
		struct disk_list *l = &lists[k];

		if (!strs_has(&nodes, g->nodes[k].n->uuid))
			continue;
		for (size_t d = 0; d < n; d++) {
			GROW(l->v, l->n, l->cap);
			l->v[l->n++].inst_uuid = inst_uuid;
			json_append(l->disks,
				    lu_disk_dict(lu, i, disks[d], g->nodes[k].n->uuid));
		}
	}
	return 0;
}

static void keep_status(struct group_check *g, const char *inst, const char *node, json *status)
{
	if (!json_get(g->disk_status, inst))
		json_set(g->disk_status, inst, json_new_dict());
	if (!json_get(json_get(g->disk_status, inst), node))
		json_set(json_get(g->disk_status, inst), node, json_new_array());
	json_append(json_get(json_get(g->disk_status, inst), node), status);
}

static void take_answer(struct group_check *g, const struct node *n, const struct disk_list *l,
			const struct rpc_answer *a)
{
	find_if(&g->f, a->failed, cv_errcode_enoderpc, n->name, "while getting disk information: %s",
		a->failed ? a->error : "None");
	for (size_t d = 0; d < l->n; d++) {
		json *got = json_at(a->payload, d), *status;

		if (a->offline)
			status = json_pack("[b, s]", 0, "node offline");
		else if (a->failed)
			status = json_pack("[b, s]", 0, a->error);
		else if (json_len(got) == 2)
			status = json_ref(got);
		else
			status = json_pack("[b, s]", 0, "Invalid result from the remote node");
		keep_status(g, l->v[d].inst_uuid, n->name, status);
	}
}

int verify_ask_disks(struct group_check *g, struct err *e)
{
	struct luctx *lu = g->lu;
	struct disk_list *lists = ARENA_ARRAY(lu->a, struct disk_list, g->n_nodes + 1);
	struct rpc_node *nodes = ARENA_ARRAY(lu->a, struct rpc_node, g->n_nodes + 1);
	json **args = ARENA_ARRAY(lu->a, json *, g->n_nodes + 1);
	size_t *which = ARENA_ARRAY(lu->a, size_t, g->n_nodes + 1), n = 0;
	struct rpc_answer *answers = NULL;
	int rc = 0;

	g->disk_status = json_own(lu->a, json_new_dict());
	for (size_t k = 0; k < g->n_nodes; k++)
		lists[k].disks = json_own(lu->a, json_new_array());
	for (size_t i = 0; i < g->instances.n && rc == 0; i++)
		rc = add_instance(g, g->instances.v[i], lists, e);
	for (size_t k = 0; k < g->n_nodes; k++) {
		if (!lists[k].n)
			continue;
		nodes[n] = lu_rpc_node(lu, g->nodes[k].n->uuid);
		args[n] = json_pack("[O]", lists[k].disks);
		which[n++] = k;
	}
	if (rc == 0 && n)
		rc = rpc_multi(lu->rpc, lu->a, RPC_blockdev_getmirrorstatus_multi, nodes, n, NULL, args,
			       0, &answers, e);
	for (size_t k = 0; rc == 0 && k < n; k++)
		take_answer(g, g->nodes[which[k]].n, &lists[which[k]], &answers[k]);
	for (size_t k = 0; k < g->n_nodes; k++)
		free(lists[k].v);
	return rc;
}

static void check_disks(struct group_check *g, const struct instance *i)
{
	json_each(json_get(g->disk_status, i->uuid), node, statuses) {
		const struct node *n = NULL;
		bool known = snap_find_node(g->lu->snap, node, &n, NULL) == 0;

		json_items(statuses, idx, s) {
			bool success = json_boolean(json_at(s, 0), false);
			json *dev = json_at(s, 1);
			int64_t local = json_get_int(dev, "ldisk_status", LDS_UNKNOWN);
			bool fine = local == LDS_OKAY || local == LDS_SYNC;

			find_if(&g->f, i->disks_active && !success && known && !n->offline,
				cv_errcode_einstancefaultydisk, i->name,
				"couldn't retrieve status for disk/%zu on %s: %s", idx, node,
				json_str(dev) ? json_str(dev) : "None");
			if (i->disks_active && success && json_get_bool(dev, "is_degraded", false))
				find_kind_if(&g->f, true, fine ? FIND_WARNING : FIND_ERROR,
					     cv_errcode_einstancefaultydisk, i->name,
					     "disk/%zu on %s is degraded", idx, node);
		}
	}
}

static void check_nodes(struct group_check *g, const struct instance *i)
{
	struct luctx *lu = g->lu;
	struct strs nodes = lu_instance_nodes(lu, i), second, off = { NULL, 0 }, names = { NULL, 0 };

	second = snap_instance_secondaries(lu->snap, i);
	for (size_t k = 0; k < second.n; k++)
		strs_add(lu->a, &names, lu_node_name(lu, second.v[k]));
	find_kind_if(&g->f, second.n > 1, FIND_WARNING, cv_errcode_einstancelayout, i->name,
		     "instance has multiple secondary nodes: %s", strs_join(lu->a, &names, ", "));
	for (size_t k = 0; k < second.n; k++)
		if (snap_node(lu->snap, second.v[k]) && snap_node(lu->snap, second.v[k])->offline)
			strs_add(lu->a, &off, lu_node_name(lu, second.v[k]));
	find_if(&g->f, off.n > 0, cv_errcode_einstancebadnode, i->name,
		"instance has offline secondary node(s) %s", strs_join(lu->a, &off, ", "));
	for (size_t k = 0; k < nodes.n; k++) {
		const struct node *n = snap_node(lu->snap, nodes.v[k]);

		find_if(&g->f, !n, cv_errcode_einstancebadnode, i->name,
			"instance lives on ghost node %s", n ? n->name : nodes.v[k]);
		find_if(&g->f, n && !n->vm_capable, cv_errcode_einstancebadnode, i->name,
			"instance lives on non-vm_capable node %s", n ? n->name : nodes.v[k]);
	}
}

static int check_one(struct group_check *g, const struct instance *i, struct err *e)
{
	struct luctx *lu = g->lu;
	const struct node_image *im = verify_image(g, i->primary_node);
	const char *pnode = lu_node_name(lu, i->primary_node);
	struct strs bad;

	TRY(lu_ipolicy_instance(lu, g->group, i, NULL, 0, &bad, e));
	find_kind_if(&g->f, bad.n > 0, FIND_WARNING, cv_errcode_einstancepolicy, i->name, "%s",
		     strs_join(lu->a, &bad, ", "));
	if (i->admin_state == admin_state_up && im) {
		find_if(&g->f, !strs_has(&im->running, i->name) && !im->n->offline,
			cv_errcode_einstancedown, i->name,
			"instance not running on its primary node %s", pnode);
		find_if(&g->f, im->n->offline, cv_errcode_einstancebadnode, i->name,
			"instance is marked as running and lives on offline node %s", pnode);
	}
	check_disks(g, i);
	find_if(&g->f, im && im->rpc_fail && !im->n->offline, cv_errcode_enoderpc, pnode,
		"instance %s, connection to primary node failed", i->name);
	check_nodes(g, i);
	return 0;
}

static int count(struct group_check *g, const struct instance *i, struct err *e)
{
	struct beparams be = fill_be(g->lu->a, g->lu->cluster, &i->beparams);
	const struct disk **disks;
	bool mirrored = true;
	size_t n;

	TRY(snap_instance_disks(g->lu->snap, i, &disks, &n, e));
	for (size_t k = 0; k < n; k++)
		mirrored = mirrored && template_is_mirrored(disks[k]->dev_type);
	g->non_redundant += !mirrored;
	g->non_balanced += !be.auto_balance;
	g->offline_instances += i->admin_state == admin_state_offline;
	return 0;
}

int verify_instances(struct group_check *g, struct err *e)
{
	for (size_t k = 0; k < g->instances.n; k++) {
		const struct instance *i = snap_instance(g->lu->snap, g->instances.v[k]);

		if (g->f.verbose)
			lu_log(g->lu, "* Verifying instance %s", i->name);
		TRY(check_one(g, i, e));
		TRY(count(g, i, e));
	}
	return 0;
}
