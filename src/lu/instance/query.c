/* What `gnt-instance info` shows, and how to reach consoles (upstream: LUInstanceQueryData, LUInstanceConsole). */
#include "src/lu/instance/priv.h"

struct state {
	struct strs uuids; /* wanted instances; with `all`: those there are once the locks are held */
	bool all;
};

/* --- query data --- */
static int data_expand(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_instance_query_data *op = op_;
	bool locking = op->use_locking || !op->static_only;
	struct state *st = lu->state;

	if (!op->static_only && !op->use_locking)
		lu_warn(lu, NULL, "Non-static data requested, locks need to be acquired");
	st->all = !op->instances.n;
	for (size_t k = 0; k < op->instances.n; k++) {
		const struct instance *i;

		TRY(snap_find_instance(lu->snap, op->instances.v[k], &i, e));
		strs_add(lu->a, &st->uuids, arena_strdup(lu->a, i->uuid));
		if (locking)
			lu_need(lu, LOCK_INSTANCE, i->name, true);
	}
	if (st->all && locking)
		lu_need_all(lu, LOCK_INSTANCE, true);
	return 0;
}

static int data_declare(struct luctx *lu, const void *op_, enum lock_level level, struct err *e)
{
	const struct op_instance_query_data *op = op_;
	struct state *st = lu->state;
	struct strs uuids;

	(void)e;
	if (level != LOCK_NODE || (op->static_only && !op->use_locking))
		return 0;
	uuids = st->all ? snap_uuids(lu->snap, OBJ_INSTANCE) : st->uuids;
	for (size_t k = 0; k < uuids.n; k++) {
		const struct instance *i = snap_instance(lu->snap, uuids.v[k]);
		struct strs nodes = i ? lu_instance_nodes(lu, i) : (struct strs){ NULL, 0 };

		for (size_t m = 0; m < nodes.n; m++)
			lu_need(lu, LOCK_NODE, nodes.v[m], true);
	}
	return 0;
}

/* Upstream: NICToTuple. */
static json *nic_tuple(struct luctx *lu, const struct nic *n)
{
	struct nicparams p = fill_nic(lu->a, lu->cluster, &n->nicparams);
	const struct network *net = n->network ? snap_network(lu->snap, n->network) : NULL;

	return json_pack("[s, s, s, s, s, s, s, s, o]", n->name, n->uuid, n->ip, n->mac,
			 enum_name(&enum_nic_mode, p.mode), p.link, p.vlan, n->network,
			 net ? record_emit(rec_network(), net, 0) : NULL);
}

/* [path, major, minor, sync percent, time, degraded, ldisk] on the primary, or null. */
static int disk_status(struct luctx *lu, const struct instance *i, const struct disk *d, bool ask, json **ret,
		       struct err *e)
{
	static const char *const keys[] = { "dev_path", "major", "minor", "sync_percent", "estimated_time",
					    "is_degraded", "ldisk_status" };
	struct rpc_answer r;
	json *out;

	*ret = NULL;
	if (!ask)
		return 0;
	TRY(lu_ask(lu, RPC_blockdev_find, i->primary_node,
		   json_pack("[o]", lu_disk_dict(lu, i, d, i->primary_node)), &r, e));
	if (r.offline)
		return 0;
	if (r.failed)
		return err_set(e, ERR_EXEC, NULL, "Can't compute disk status for %s: %s", i->name, r.error);
	if (!r.payload)
		return 0;
	out = json_new_array();
	for (size_t k = 0; k < ARRAY_SIZE(keys); k++)
		json_append(out, json_ref(json_get(r.payload, keys[k])));
	*ret = out;
	return 0;
}

static int disk_data(struct luctx *lu, const struct instance *i, const struct disk *d, bool ask, json **ret,
		     struct err *e)
{
	json *status;

	TRY(disk_status(lu, i, d, ask, &status, e));
	*ret = json_pack("{s:s, s:s, s:O, s:n, s:o, s:n, s:[], s:s, s:I, s:o, s:s, s:s}", "iv_name", d->iv_name,
			 "dev_type", enum_name(&enum_disk_template, d->dev_type), "logical_id", d->logical_id,
			 "drbd_info", "pstatus", status, "sstatus", "children", "mode",
			 enum_name(&enum_disk_mode, d->mode), "size", d->size, "spindles",
			 d->has_spindles ? json_new_int(d->spindles) : NULL, "name", d->name, "uuid", d->uuid);
	return 0;
}

static const char *state_without_guest(const struct instance *i)
{
	if (i->admin_state == admin_state_offline)
		return enum_name(&enum_admin_state, i->admin_state);
	if (i->admin_state == admin_state_down && i->admin_state_source == admin_state_source_user)
		return "user down";
	return "down";
}

static int run_state(struct luctx *lu, const struct instance *i, const struct node *pnode, bool static_only,
		     const char **ret, struct err *e)
{
	json *info;
	int running;

	*ret = NULL;
	if (pnode->offline)
		lu_warn(lu, NULL,
			"Primary node %s is marked offline, returning static information only for instance %s",
			pnode->name, i->name);
	if (pnode->offline || static_only)
		return 0;
	running = lu_inst_running(lu, i, pnode->uuid, &info,
				  arena_printf(lu->a, "Error checking node %s", pnode->name), e);
	if (running < 0)
		return -1;
	if (!running || !json_has(info, "state"))
		*ret = state_without_guest(i);
	else if (json_get_int(info, "state", 0) == 0)
		*ret = "up";
	else
		*ret = lu->cluster->enabled_user_shutdown && inst_user_down(lu, i, info) ? "user down" : "down";
	return 0;
}

static void add_nodes(struct luctx *lu, const struct instance *i, const struct node *pnode, json *out)
{
	struct strs secondaries = snap_instance_secondaries(lu->snap, i);
	json *names = json_new_array(), *groups = json_new_array(), *group_names = json_new_array();
	const struct nodegroup *g = snap_group(lu->snap, pnode->group);

	json_set(out, "pnode", json_new_str(pnode->name));
	json_set(out, "pnode_group_uuid", json_new_str(pnode->group));
	json_set(out, "pnode_group_name", json_new_str(g ? g->name : NULL));
	for (size_t k = 0; k < secondaries.n; k++) {
		const struct node *n = snap_node(lu->snap, secondaries.v[k]);
		const struct nodegroup *ng = n ? snap_group(lu->snap, n->group) : NULL;

		json_append(names, json_new_str(n ? n->name : secondaries.v[k]));
		json_append(groups, json_new_str(n ? n->group : NULL));
		json_append(group_names, json_new_str(ng ? ng->name : NULL));
	}
	json_set(out, "snodes", names);
	json_set(out, "snodes_group_uuids", groups);
	json_set(out, "snodes_group_names", group_names);
}

static void add_params(struct luctx *lu, const struct instance *i, json *out)
{
	struct beparams be = fill_be(lu->a, lu->cluster, &i->beparams);
	const char *hv = enum_name(&enum_hypervisor, i->hypervisor);

	json_set(out, "hypervisor", json_new_str(hv));
	json_set(out, "hv_instance", json_ref(i->hvparams));
	json_set(out, "hv_actual", json_clone(fill_hv(lu->a, lu->cluster, hv, i->os, i->hvparams, true)));
	json_set(out, "be_instance", record_emit(rec_beparams(), &i->beparams, 0));
	json_set(out, "be_actual", record_emit(rec_beparams(), &be, 0));
	json_set(out, "os_instance", json_ref(i->osparams));
	json_set(out, "os_actual", json_clone(fill_os(lu->a, lu->cluster, i->os, i->osparams)));
}

static int instance_data(struct luctx *lu, const struct instance *i, bool static_only, json **ret, struct err *e)
{
	const struct node *pnode = snap_node(lu->snap, i->primary_node);
	json *out, *nics = json_own(lu->a, json_new_array()), *list = json_own(lu->a, json_new_array());
	const struct disk **disks;
	const char *state;
	size_t n;

	TRY(run_state(lu, i, pnode, static_only, &state, e));
	TRY(snap_instance_disks(lu->snap, i, &disks, &n, e));
	for (size_t k = 0; k < n; k++) {
		json *d;

		TRY(disk_data(lu, i, disks[k], !static_only && !pnode->offline, &d, e));
		json_append(list, d);
	}
	for (size_t k = 0; k < i->nics.n; k++)
		json_append(nics, nic_tuple(lu, &i->nics.v[k]));
	out = json_pack("{s:s, s:s, s:s, s:s, s:O, s:s, s:O, s:o, s:I, s:f, s:f, s:s}", "name", i->name,
			"config_state", enum_name(&enum_admin_state, i->admin_state), "run_state", state, "os",
			i->os, "nics", nics, "disk_template", instance_template(disks, n), "disks", list,
			"network_port", i->has_network_port ? json_new_int(i->network_port) : NULL, "serial_no",
			i->serial_no, "mtime", i->mtime, "ctime", i->ctime, "uuid", i->uuid);
	add_nodes(lu, i, pnode, out);
	add_params(lu, i, out);
	*ret = out;
	return 0;
}

static int data_exec(struct luctx *lu, const void *op_, json **ret, struct err *e)
{
	const struct op_instance_query_data *op = op_;
	const struct state *st = lu->state;
	struct strs uuids = st->all ? snap_uuids(lu->snap, OBJ_INSTANCE) : st->uuids;
	json *out = json_own(lu->a, json_new_dict());

	for (size_t k = 0; k < uuids.n; k++) {
		const struct instance *i = snap_instance(lu->snap, uuids.v[k]);
		json *data;

		if (!i)
			return err_set(e, ERR_PREREQ, ECODE_STATE, "Some instances were removed meanwhile");
		TRY(instance_data(lu, i, op->static_only, &data, e));
		json_set(out, i->name, data);
	}
	*ret = json_ref(out);
	return 0;
}

const struct lu lu_instance_query_data = {
	.state_size = sizeof(struct state),
	.expand = data_expand,
	.declare = data_declare,
	.exec = data_exec,
};

/* --- console --- */
static int console_expand(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_instance_console *op = op_;
	struct inst *in = lu->state;

	TRY(inst_expand(lu, op->instance_name, op->instance_uuid, false, in, e));
	lu->need[LOCK_INSTANCE].shared = true;
	return 0;
}

static int console_prereq(struct luctx *lu, const void *op, struct err *e)
{
	const struct instance *i;

	(void)op;
	TRY(inst_get(lu, lu->state, &i, e));
	return lu_check_node_online(lu, snap_node(lu->snap, i->primary_node), NULL, e);
}

/* The node agent knows the hypervisors; it is asked the way upstream's query daemon does. */
static json *console_args(struct luctx *lu, const struct instance *i)
{
	const struct node *n = snap_node(lu->snap, i->primary_node);
	struct beparams be = fill_be(lu->a, lu->cluster, &i->beparams);

	return json_pack("{s:{s:o, s:o, s:o, s:o, s:O}}", i->name, "instance", record_emit(rec_instance(), i, 0),
			 "node", record_emit(rec_node(), n, 0), "group",
			 record_emit(rec_nodegroup(), snap_group(lu->snap, n->group), 0), "beParams",
			 record_emit(rec_beparams(), &be, 0), "hvParams",
			 fill_hv_instance(lu->a, lu->cluster, i));
}

static int not_running(const struct instance *i, struct err *e)
{
	static const char *const states[] = { [admin_state_up] = "ERROR_down",
					      [admin_state_down] = "ADMIN_down",
					      [admin_state_offline] = "ADMIN_offline" };

	return err_set(e, ERR_EXEC, NULL, "Instance %s is not running (state %s)", i->name,
		       states[i->admin_state]);
}

static int console_exec(struct luctx *lu, const void *op, json **ret, struct err *e)
{
	const struct inst *in = lu->state;
	const struct instance *i = snap_instance(lu->snap, in->uuid);
	const char *hv = enum_name(&enum_hypervisor, i->hypervisor);
	json *names, *answer, *info;
	bool running = false;

	(void)op;
	TRY(lu_rpc(lu, RPC_instance_list, i->primary_node, json_pack("[[s], o]", hv, lu_all_hvparams(lu)), &names,
		   arena_printf(lu->a, "Can't get node information from %s", lu_node_name(lu, i->primary_node)),
		   e));
	json_items(names, k, name)
		running |= str_eq(json_str(name), i->name);
	if (!running)
		return not_running(i, e);
	TRY(lu_rpc(lu, RPC_instance_console_info, i->primary_node, console_args(lu, i), &answer,
		   arena_printf(lu->a, "Can't get console information from %s",
				lu_node_name(lu, i->primary_node)),
		   e));
	info = json_get(answer, i->name);
	if (!json_is(info, JSON_DICT))
		return err_set(e, ERR_EXEC, NULL, "Can't get console information for %s", i->name);
	*ret = json_ref(info);
	return 0;
}

const struct lu lu_instance_console = {
	.state_size = sizeof(struct inst),
	.expand = console_expand,
	.prereq = console_prereq,
	.exec = console_exec,
};
