/* Adding an instance: arguments, locks, choice of the node, hooks. */
#include "src/lu/instance/priv.h"

#include "src/alloc/alloc.h"


/* --- arguments --- */
static int check_mode(struct luctx *lu, const struct op_instance_create *op, struct create *c, struct err *e)
{
	if (op->mode != inst_create_mode_create)
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "Instance creation mode '%s' is not supported by this version",
			       enum_name(&enum_inst_create_mode, op->mode));
	if (op->commit)
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Committing a forthcoming instance is not supported by this version");
	if (op->instance_communication)
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "The instance communication NIC is not supported by this version");
	c->start = op->start;
	if (op->no_install && op->start) {
		lu_info(lu, "No-installation mode selected, disabling startup");
		c->start = false;
	}
	return 0;
}

static int check_name(struct luctx *lu, const struct op_instance_create *op, struct create *c, struct err *e)
{
	TRY(name_normalize(lu->a, op->instance_name, &c->name, e));
	if (op->ip_check && !op->name_check)
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "Cannot do IP address check without a name check");
	if (op->name_check)
		TRY(lu_check_name_resolves(lu, c->name, &c->name, &c->ip, e));
	return 0;
}

static int check_template(struct luctx *lu, const struct op_instance_create *op, struct create *c, struct err *e)
{
	const struct strs *on = &lu->cluster->enabled_disk_templates;

	c->template_ = op->has_disk_template ? (int)op->disk_template :
					       enum_value(&enum_disk_template, on->n ? on->v[0] : "");
	if (c->template_ < 0)
		return err_set(e, ERR_PREREQ, ECODE_STATE, "No disk template is enabled in the cluster");
	TRY(lu_check_template(lu, c->template_, e));
	TRY(lu_disk_specs(lu, op->disks, c->template_, &c->specs, &c->n_disks, e));
	c->driver = enum_name(&enum_file_driver, op->has_file_driver ? op->file_driver : file_driver_loop);
	return 0;
}

static int check_os(struct luctx *lu, const struct op_instance_create *op, struct err *e)
{
	if (json_get(op->osparams, "os-image"))
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "OS images are not supported by this version");
	if (!op->os_type)
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "No guest OS or OS image specified");
	if (strs_has(&lu->cluster->blacklisted_os, op->os_type))
		return err_set(e, ERR_PREREQ, ECODE_STATE, "Guest OS '%s' is not allowed for installation",
			       op->os_type);
	return 0;
}

static int check_args(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_instance_create *op = op_;
	struct create *c = lu->state;

	TRY(check_mode(lu, op, c, e));
	TRY(check_name(lu, op, c, e));
	TRY(check_template(lu, op, c, e));
	TRY(inst_allocator(lu, op->iallocator, op->pnode, &c->iallocator, e));
	if (op->snode)
		lu_warn(lu, NULL, "Secondary node will be ignored on non-mirrored disk template");
	if (op->opportunistic_locking && !c->iallocator)
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Opportunistic locking is only available in combination with an instance allocator");
	return check_os(lu, op, e);
}

/* --- locks --- */
static int expand(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_instance_create *op = op_;
	struct create *c = lu->state;
	const struct node *n;

	TRY(inst_check_name_free(lu, c->name, e));
	lu_need(lu, LOCK_INSTANCE, c->name, false);
	if (c->iallocator) {
		lu_need_all(lu, LOCK_NODE, false);
		lu_need_all(lu, LOCK_NODE_RES, false);
		lu_need_all(lu, LOCK_NODEGROUP, true);
		lu->need[LOCK_NODE].opportunistic = op->opportunistic_locking;
		lu->need[LOCK_NODE_RES].opportunistic = op->opportunistic_locking;
		return 0;
	}
	TRY(lu_expand_node(lu, op->pnode, op->pnode_uuid, &n, e));
	c->primary = arena_strdup(lu->a, n->uuid);
	lu_need(lu, LOCK_NODE_RES, c->primary, false);
	lu_need(lu, LOCK_NODEGROUP, n->group, true);
	return 0;
}

/* --- choice of the node --- */
/* Only nodes whose locks we got may be chosen; and only those of the wanted group. */
static int trim_nodes(struct luctx *lu, const struct op_instance_create *op, json *data, struct err *e)
{
	json *nodes = json_get(data, "nodes");
	const struct nodegroup *g = NULL;
	struct strs names = json_keys(lu->a, nodes);

	if (op->group_name)
		TRY(snap_find_group(lu->snap, op->group_name, &g, e));
	for (size_t k = 0; k < names.n; k++) {
		const struct node *n;

		TRY(snap_find_node(lu->snap, names.v[k], &n, e));
		if ((op->opportunistic_locking &&
		     !(lu_owns(lu, LOCK_NODE, n->uuid) && lu_owns(lu, LOCK_NODE_RES, n->uuid))) ||
		    (g && !str_eq(n->group, g->uuid)))
			json_del(nodes, names.v[k]);
	}
	return 0;
}

static json *alloc_request(struct luctx *lu, const struct op_instance_create *op, const struct create *c)
{
	struct instance i = create_object(lu, op, c);
	struct beparams be = fill_be(lu->a, lu->cluster, &c->be);
	json *disks = json_new_array(), *nics = json_new_array();
	int64_t space = 0;

	for (size_t k = 0; k < c->n_disks; k++) {
		const struct lu_disk_spec *s = &c->specs[k];

		json_append(disks, json_pack("{s:I, s:s, s:s, s:s}", "size", s->size, "mode",
					     enum_name(&enum_disk_mode, s->mode), "name", s->name, "dev_type",
					     enum_name(&enum_disk_template, c->template_)));
		space += s->size;
	}
	for (size_t k = 0; k < i.nics.n; k++)
		json_append(nics, record_emit(rec_nic(), &i.nics.v[k], 0));
	return json_own(lu->a,
			json_pack("{s:s, s:s, s:s, s:s, s:o, s:s, s:I, s:I, s:I, s:o, s:I, s:o, s:i, s:s}", "type",
				  "allocate", "name", c->name, "disk_template",
				  enum_name(&enum_disk_template, c->template_), "group_name", op->group_name,
				  "tags", json_new_strs(&op->tags), "os", op->os_type, "vcpus", be.vcpus, "memory",
				  be.maxmem, "spindle_use", be.spindle_use, "disks", disks, "disk_space_total", space,
				  "nics", nics, "required_nodes", 1, "hypervisor",
				  enum_name(&enum_hypervisor, c->hypervisor)));
}

static int run_allocator(struct luctx *lu, const struct op_instance_create *op, struct create *c, struct err *e)
{
	const struct node *n;
	json *data, *result;
	const char *info;
	struct strs names;

	TRY(alloc_cluster_data(lu->snap, lu->rpc, lu->a, enum_name(&enum_hypervisor, c->hypervisor),
			       enum_name(&enum_disk_template, c->template_), &data, e));
	TRY(trim_nodes(lu, op, data, e));
	if (alloc_run(lu->snap, lu->rpc, lu->a, c->iallocator, data, alloc_request(lu, op, c), &result, &info, e) < 0) {
		/* with more nodes free it may work: a caller may try again */
		if (op->opportunistic_locking && e && e->code == ECODE_NORES)
			e->code = ECODE_TEMP_NORES;
		return -1;
	}
	names = json_strs(lu->a, result);
	if (!names.n)
		return err_set(e, ERR_PREREQ, ECODE_FAULT, "iallocator '%s' returned no node", c->iallocator);
	TRY(snap_find_node(lu->snap, names.v[0], &n, e));
	c->primary = arena_strdup(lu->a, n->uuid);
	lu_info(lu, "Selected nodes for instance %s via iallocator %s: %s", c->name, c->iallocator,
		strs_join(lu->a, &names, ", "));
	return 0;
}

static int keep_locks(struct luctx *lu, const struct create *c, struct err *e)
{
	const char *group = arena_strdup(lu->a, snap_node(lu->snap, c->primary)->group);
	struct strs node = { NULL, 0 }, groups = { NULL, 0 };

	strs_add(lu->a, &node, c->primary);
	strs_add(lu->a, &groups, group);
	TRY(lu_release(lu, LOCK_NODE_RES, &node, e));
	TRY(lu_release(lu, LOCK_NODE, &node, e));
	return lu_release(lu, LOCK_NODEGROUP, &groups, e);
}

/* --- prerequisites --- */
static int check_ip_unused(const struct create *c, struct err *e)
{
	if (!tcp_ping(c->ip, rpc_port(), TCP_PING_TIMEOUT, false, NULL))
		return 0;
	return err_set(e, ERR_PREREQ, ECODE_NOTUNIQUE, "IP %s of instance %s already in use", c->ip, c->name);
}

static int prereq(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_instance_create *op = op_;
	struct create *c = lu->state;

	if (!c->iallocator)
		TRY(lu_node_stays(lu, c->primary, op->pnode, e));
	TRY(inst_check_name_free(lu, c->name, e));
	TRY(inst_reserve_name(lu, c->name, e));
	TRY(lu_file_storage_dir(lu, c->template_, c->name, op->file_storage_dir, &c->dir, e));
	TRY(create_check_params(lu, op, c, e));
	if (op->ip_check)
		TRY(check_ip_unused(c, e));
	/* made up now, so that the allocator and the hooks see the real ones */
	TRY(lu_nics_macs(lu, &c->nics, e));
	if (c->iallocator)
		TRY(run_allocator(lu, op, c, e));
	TRY(keep_locks(lu, c, e));
	TRY(create_check_node(lu, op, c, e));
	lu->dry_run_result = json_own(lu->a, json_pack("[s]", c->primary));
	return 0;
}

/* --- hooks --- */
static int hooks(struct luctx *lu, const void *op_, json *env, struct strs *pre, struct strs *post, struct err *e)
{
	const struct op_instance_create *op = op_;
	const struct create *c = lu->state;
	struct instance i = create_object(lu, op, c);
	struct disk *disks = ARENA_ARRAY(lu->a, struct disk, c->n_disks + 1);
	const struct disk **v = ARENA_ARRAY(lu->a, const struct disk *, c->n_disks + 1);

	(void)e;
	for (size_t k = 0; k < c->n_disks; k++) {
		disks[k].size = c->specs[k].size;
		disks[k].mode = c->specs[k].mode;
		disks[k].name = c->specs[k].name;
		v[k] = &disks[k];
	}
	json_set(env, "ADD_MODE", json_new_str(enum_name(&enum_inst_create_mode, op->mode)));
	lu_hookenv_build(lu, &i, enum_name(&enum_disk_template, c->template_), v, c->n_disks, env);
	json_set(env, "INSTANCE_STATUS", json_new_bool(c->start));
	strs_add(lu->a, pre, lu->cluster->master_node);
	strs_add(lu->a, pre, c->primary);
	*post = *pre;
	return 0;
}

const struct lu lu_instance_create = {
	.hooks_path = "instance-add",
	.hooks_type = "INSTANCE",
	.state_size = sizeof(struct create),
	.check_args = check_args,
	.expand = expand,
	.prereq = prereq,
	.hooks = hooks,
	.exec = create_exec,
};
