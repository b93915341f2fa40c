/* OP_CLUSTER_SET_PARAMS: checks with the nodes, and what is to be done beside changing the object. */
#include "src/lu/cluster/lus.h"

#include <string.h>

struct state {
	struct op_cluster_set_params op; /* with a normalised MAC prefix */
};

static int check_args(struct luctx *lu, const void *op_, struct err *e)
{
	struct state *st = lu->state;
	int64_t bits = lu->cluster->primary_ip_family == 2 ? 32 : 128;

	st->op = *(const struct op_cluster_set_params *)op_;
	if (st->op.has_mac_prefix)
		TRY(lu_mac_prefix(lu, st->op.mac_prefix, &st->op.mac_prefix, e));
	if (st->op.has_master_netmask && (st->op.master_netmask <= 0 || st->op.master_netmask > bits))
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "CIDR netmask (%lld) not valid",
			       (long long)st->op.master_netmask);
	return 0;
}

static int expand(struct luctx *lu, const void *op, struct err *e)
{
	(void)op;
	(void)e;
	lu_need_all(lu, LOCK_NODE, true);
	lu_need_all(lu, LOCK_INSTANCE, true);
	lu_need_all(lu, LOCK_NODEGROUP, true);
	return 0;
}

static int hooks(struct luctx *lu, const void *op_, json *env, struct strs *pre, struct strs *post,
		 struct err *e)
{
	const struct op_cluster_set_params *op = op_;

	(void)post;
	(void)e;
	json_set(env, "OP_TARGET", json_new_str(lu->cluster->cluster_name));
	json_set(env, "NEW_VG_NAME", json_new_str(op->has_vg_name ? op->vg_name : NULL));
	strs_add(lu->a, pre, lu->cluster->master_node);
	return 0;
}

/* Online nodes that can run instances. */
static struct strs vm_nodes(struct luctx *lu)
{
	struct strs uuids = snap_uuids(lu->snap, OBJ_NODE), out = { NULL, 0 };

	for (size_t i = 0; i < uuids.n; i++) {
		const struct node *n = snap_node(lu->snap, uuids.v[i]);

		if (!n->offline && n->vm_capable)
			strs_add(lu->a, &out, uuids.v[i]);
	}
	return out;
}

static int check_one_hv(struct luctx *lu, const char *name, const json *params, struct err *e)
{
	struct strs nodes = vm_nodes(lu);
	int h = enum_value(&enum_hypervisor, name);

	TRY(hv_check_syntax(h, params, e));
	return lu_check_hvparams_on_nodes(lu, &nodes, h, params, e);
}

static int check_hv(struct luctx *lu, const struct op_cluster_set_params *op, const struct cluster *c,
		    struct err *e)
{
	json_each(c->hvparams, name, unused) {
		bool changed = op->has_hvparams && json_get(op->hvparams, name);

		(void)unused;
		if (strs_has(&c->enabled_hypervisors, name) &&
		    (changed || op->has_enabled_hypervisors))
			TRY(check_one_hv(lu, name, fill_hv(lu->a, c, name, NULL, NULL, false), e));
	}
	if (!op->has_os_hvp)
		return 0;
	json_each(op->os_hvp, os, unused) {
		(void)unused;
		json_each(json_get(c->os_hvp, os), hv, over) {
			(void)over;
			if (strs_has(&c->enabled_hypervisors, hv))
				TRY(check_one_hv(lu, hv, fill_hv(lu->a, c, hv, os, NULL, false), e));
		}
	}
	return 0;
}

static int check_os_params(struct luctx *lu, const struct op_cluster_set_params *op,
			   const struct cluster *c, struct err *e)
{
	struct strs master = { NULL, 0 };
	json *both = json_own(lu->a, json_new_dict());

	strs_add(lu->a, &master, lu->cluster->master_node);
	if (op->has_osparams)
		json_merge(both, op->osparams);
	if (op->has_osparams_private_cluster)
		json_merge(both, op->osparams_private_cluster);
	json_each(both, os, unused) {
		json *all = json_own(lu->a, json_new_dict());

		(void)unused;
		json_merge(all, json_get(c->osparams, os));
		json_merge(all, json_get(c->osparams_private_cluster, os));
		TRY(lu_check_osparams_on_nodes(lu, &master, false, os, all, false, e));
	}
	return 0;
}

/* Nothing that an instance uses may be switched off. */
static int check_in_use(struct luctx *lu, const struct cluster *c, struct err *e)
{
	struct strs all = snap_uuids(lu->snap, OBJ_INSTANCE);

	for (size_t k = 0; k < all.n; k++) {
		const struct instance *i = snap_instance(lu->snap, all.v[k]);
		const char *hv = enum_name(&enum_hypervisor, i->hypervisor), *t;
		const struct disk **disks;
		size_t n;

		TRY(snap_instance_disks(lu->snap, i, &disks, &n, e));
		t = n ? enum_name(&enum_disk_template, disks[0]->dev_type) :
			enum_name(&enum_disk_template, disk_template_diskless);
		if (!strs_has(&c->enabled_disk_templates, t))
			return err_set(e, ERR_PREREQ, ECODE_STATE,
				       "Cannot disable disk template '%s', because instance '%s' is "
				       "using it.",
				       t, i->name);
		if (!strs_has(&c->enabled_hypervisors, hv))
			return err_set(e, ERR_PREREQ, ECODE_STATE,
				       "Cannot disable hypervisor '%s', because instance '%s' is using it.",
				       hv, i->name);
	}
	return 0;
}

static int check_nics(struct luctx *lu, const struct cluster *c, struct err *e)
{
	struct strs all = snap_uuids(lu->snap, OBJ_INSTANCE), bad = { NULL, 0 };

	for (size_t k = 0; k < all.n; k++) {
		const struct instance *i = snap_instance(lu->snap, all.v[k]);

		for (size_t x = 0; x < i->nics.n; x++) {
			struct nicparams p = fill_nic(lu->a, c, &i->nics.v[x].nicparams);
			const char *ip = i->nics.v[x].ip;

			if (p.mode == nic_mode_routed && (!ip || !*ip))
				strs_add(lu->a, &bad,
					 arena_printf(lu->a,
						      "Instance %s, nic/%zu: routed NIC with no ip address",
						      i->name, x));
		}
	}
	if (!bad.n)
		return 0;
	return err_set(e, ERR_PREREQ, ECODE_INVAL, "Cannot apply the change, errors:\n%s",
		       strs_join(lu->a, &bad, "\n"));
}

/* Of instances that fit today's policies but not C's (upstream: ComputeNewInstanceViolations). */
static int warn_of_policy(struct luctx *lu, const struct cluster *c, struct err *e)
{
	struct strs groups = snap_uuids(lu->snap, OBJ_NODEGROUP), broken = { NULL, 0 };

	for (size_t i = 0; i < groups.n; i++) {
		const struct nodegroup *g = snap_group(lu->snap, groups.v[i]);

		TRY(lu_policy_broken(lu, g->uuid, fill_ipolicy(lu->a, lu->cluster, g), fill_ipolicy(lu->a, c, g),
				     &broken, e));
	}
	lu_policy_warn(lu, &broken);
	return 0;
}

static int check_policy(struct luctx *lu, const struct op_cluster_set_params *op,
			const struct cluster *c, struct err *e)
{
	if (op->has_ipolicy || op->has_enabled_disk_templates)
		TRY(lu_policy_templates(lu, c->ipolicy, &c->enabled_disk_templates, e));
	return op->has_ipolicy ? warn_of_policy(lu, c, e) : 0;
}

static int check_allocator(struct luctx *lu, const struct op_cluster_set_params *op, struct err *e)
{
	struct strs dirs = strs_split(lu->a, path_of(PATH_IALLOCATOR_SEARCH_DIRS), ':');
	const char *name = op->has_default_iallocator ? op->default_iallocator : "";

	if (!*name)
		return 0;
	for (size_t i = 0; i < dirs.n; i++)
		if (!strchr(name, '/') && fs_exists(arena_printf(lu->a, "%s/%s", dirs.v[i], name)))
			return 0;
	return err_set(e, ERR_PREREQ, ECODE_INVAL,
		       "Invalid default iallocator script '%s' specified", name);
}

static int prereq(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_cluster_set_params *op = &((struct state *)lu->state)->op;
	struct strs notes = { NULL, 0 };
	struct cluster c;

	(void)op_;
	TRY(cluster_params_new(lu, op, &c, &notes, e));
	TRY(check_in_use(lu, &c, e));
	TRY(check_policy(lu, op, &c, e));
	if (op->has_nicparams)
		TRY(check_nics(lu, &c, e));
	TRY(check_hv(lu, op, &c, e));
	TRY(check_os_params(lu, op, &c, e));
	return check_allocator(lu, op, e);
}

/* --- exec --- */
static int master_ip(struct luctx *lu, enum rpc rpc, const char *what, struct err *e)
{
	return lu_rpc(lu, rpc, lu->cluster->master_node,
		      json_pack("[o, b]", lu_master_params(lu),
				(int)lu->cluster->use_external_mip_script),
		      NULL, what, e);
}

static int netdev_down(struct luctx *lu, const struct op_cluster_set_params *op, struct err *e)
{
	struct err why CLEANUP(err_clear) = ERR_NONE;

	lu_log(lu, "Shutting down master ip on the current netdev (%s)", lu->cluster->master_netdev);
	if (master_ip(lu, RPC_node_deactivate_master_ip, "Could not disable the master ip", &why) < 0) {
		if (!op->force)
			return err_move(e, &why);
		lu_log(lu, "Could not disable the master ip (continuing anyway): %s", err_msg(&why));
	}
	lu_log(lu, "Changing master_netdev from %s to %s", lu->cluster->master_netdev,
	       op->master_netdev);
	return 0;
}

/* On the old device when the change was not stored. */
static void netdev_up(struct luctx *lu)
{
	struct err why CLEANUP(err_clear) = ERR_NONE;

	if (!lu->snap && lu_refresh(lu, &why) < 0) {
		lu_warn(lu, NULL, "The master IP address stays down: %s", err_msg(&why));
		return;
	}
	lu_log(lu, "Starting the master ip on the new master netdev (%s)",
	       lu->cluster->master_netdev);
	if (master_ip(lu, RPC_node_activate_master_ip,
		      "Could not re-enable the master ip on the master, please restart manually",
		      &why) < 0)
		lu_warn(lu, NULL, "%s", err_msg(&why));
}

static void change_netmask(struct luctx *lu, const struct op_cluster_set_params *op)
{
	struct err why CLEANUP(err_clear) = ERR_NONE;
	const struct cluster *c = lu->cluster;

	lu_log(lu, "Changing master IP netmask to %lld", (long long)op->master_netmask);
	if (lu_rpc(lu, RPC_node_change_master_netmask, c->master_node,
		   json_pack("[I, I, s, s]", c->master_netmask, op->master_netmask, c->master_ip,
			     c->master_netdev),
		   NULL, "Could not change the master IP netmask", &why) < 0)
		lu_log(lu, "%s", err_msg(&why));
}

static int change(struct luctx *lu, const struct op_cluster_set_params *op, struct err *e)
{
	struct strs notes = { NULL, 0 };
	struct cluster c;

	/* the cluster object has no lock: changes of others since the checks stay */
	TRY(lu_refresh(lu, e));
	TRY(cluster_params_new(lu, op, &c, &notes, e));
	for (size_t i = 0; i < notes.n; i++)
		lu_log(lu, "%s", notes.v[i]);
	lu_update(lu, OBJ_CLUSTER, &c);
	TRY(lu_commit(lu, e));
	return op->has_candidate_pool_size ? lu_adjust_candidates(lu, NULL, e) : 0;
}

static int exec(struct luctx *lu, const void *op_, json **ret, struct err *e)
{
	const struct op_cluster_set_params *op = &((struct state *)lu->state)->op;
	int rc;

	(void)op_;
	(void)ret;
	if (op->has_master_netdev)
		TRY(netdev_down(lu, op, e));
	if (op->has_master_netmask)
		change_netmask(lu, op);
	rc = change(lu, op, e);
	/* a change that failed must not leave the cluster without its address */
	if (op->has_master_netdev)
		netdev_up(lu);
	return rc;
}

const struct lu lu_cluster_set_params = {
	.hooks_path = "cluster-modify", .hooks_type = "CLUSTER", .state_size = sizeof(struct state),
	.check_args = check_args, .expand = expand, .hooks = hooks, .prereq = prereq, .exec = exec,
};
