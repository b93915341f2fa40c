/* Changing an instance: arguments, locks, order of the checks, hooks. */
#include "src/lu/instance/priv.h"

#include "lib/base/parse.h"

/* --- modifications of devices --- */
static int action_of(const char *word)
{
	static const char *const words[] = { [MOD_ADD] = "add",       [MOD_ATTACH] = "attach",
					     [MOD_MODIFY] = "modify", [MOD_REMOVE] = "remove",
					     [MOD_DETACH] = "detach" };

	for (size_t k = 0; k < ARRAY_SIZE(words); k++)
		if (str_eq(word, words[k]))
			return (int)k;
	return -1;
}

/* Old form: ["add", {...}], ["remove", {}], [0, {...}]; new: ["modify", 0, {...}] (upstream: _UpgradeDiskNicMods). */
static int parse_one(struct luctx *lu, const char *kind, const json *in, struct mod *m, struct err *e)
{
	bool old = json_len(in) == 2;
	int action = action_of(json_str(json_at(in, 0)));
	json *params = json_at(in, json_len(in) - 1);

	m->where = old ? json_own(lu->a, json_new_int(-1)) : json_at(in, 1);
	if (old && action < 0) {
		action = MOD_MODIFY;
		m->where = json_at(in, 0);
	}
	if (action < 0)
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "Unknown %s modification '%s'", kind,
			       json_str(json_at(in, 0)) ? json_str(json_at(in, 0)) : "");
	m->action = (enum mod_action)action;
	m->params = json_own(lu->a, json_merge(json_new_dict(), params));
	if ((action == MOD_REMOVE || action == MOD_DETACH) && json_len(m->params))
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "No settings should be passed when removing a %s", kind);
	return 0;
}

int mods_parse(struct luctx *lu, const char *kind, const json *list, struct mod **ret, size_t *ret_n, struct err *e)
{
	struct mod *v = ARENA_ARRAY(lu->a, struct mod, json_len(list) + 1);
	size_t old = 0;

	json_items(list, k, item) {
		TRY(parse_one(lu, kind, item, &v[k], e));
		old += json_len(item) == 2 && (v[k].action == MOD_ADD || v[k].action == MOD_REMOVE);
	}
	if (old > 1)
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Only one %s add or remove operation is supported at a time", kind);
	*ret = v;
	*ret_n = json_len(list);
	return 0;
}

/* 1 = it is an index */
static int index_of(const json *where, int64_t *ret)
{
	if (json_is(where, JSON_INT)) {
		*ret = json_int(where, 0);
		return 1;
	}
	return json_str(where) && parse_int(json_str(where), ret) == 0;
}

static int check_index(const char *kind, int64_t idx, size_t n, bool adding, struct err *e)
{
	if (idx < -1)
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "Not accepting negative indices other than -1");
	if (idx > (int64_t)n || (!adding && (n == 0 || idx == (int64_t)n)))
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "Got %s index %lld, but there are only %zu", kind,
			       (long long)idx, n);
	return 0;
}

int mod_insert_at(const char *kind, const struct mod *m, size_t n, size_t *ret, struct err *e)
{
	int64_t idx;

	if (!index_of(m->where, &idx))
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Only positive integer or -1 is accepted as identifier for %s",
			       m->action == MOD_ADD ? "add" : "attach");
	TRY(check_index(kind, idx, n, true, e));
	*ret = idx == -1 ? n : (size_t)idx;
	return 0;
}

int mod_find(const char *kind, const struct mod *m, const struct mod_item *v, size_t n, size_t *ret, struct err *e)
{
	const char *id = json_str(m->where);
	int64_t idx;

	if (index_of(m->where, &idx)) {
		TRY(check_index(kind, idx, n, false, e));
		*ret = idx == -1 ? n - 1 : (size_t)idx;
		return 0;
	}
	for (size_t k = 0; id && k < n; k++)
		if (str_eq(v[k].uuid, id) || str_eq(v[k].name, id)) {
			*ret = k;
			return 0;
		}
	return err_set(e, ERR_PREREQ, ECODE_NOENT, "Cannot find %s with identifier %s", kind, id ? id : "None");
}

int mod_hotplug(struct luctx *lu, const struct modify *m, const char *action, const char *type, json *device,
		json *extra, size_t seq, const char **ret, struct err *e)
{
	const struct instance *i = snap_instance(lu->snap, m->in.uuid);
	struct rpc_answer r;

	lu_info(lu, "Trying to hotplug device...");
	TRY(lu_ask(lu, RPC_hotplug_device, i->primary_node,
		   json_pack("[o, s, s, o, o, I]", lu_inst_dict(lu, i, NULL, NULL, NULL), action, type, device, extra,
			     (int64_t)seq),
		   &r, e));
	if (r.failed) {
		lu_warn(lu, NULL, "Could not hotplug device: %s", r.error);
		lu_info(lu, "Continuing execution..");
	} else {
		lu_info(lu, "Hotplug done.");
	}
	*ret = r.failed ? "hotplug:failed" : "hotplug:done";
	return 0;
}

/* --- arguments --- */
static bool nothing(const struct op_instance_set_params *op)
{
	return !json_len(op->nics) && !json_len(op->disks) && !op->has_disk_template && !json_len(op->hvparams) &&
	       !json_len(op->beparams) && !op->os_name && !json_len(op->osparams) && !json_len(op->osparams_private) &&
	       !op->has_offline && !op->has_runtime_mem && !op->pnode && !op->has_instance_communication;
}

static int check_args(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_instance_set_params *op = op_;
	struct modify *m = lu->state;

	if (nothing(op))
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "No changes submitted");
	if (op->has_disk_template && json_len(op->disks))
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Disk template conversion and other disk changes are not supported at the same time");
	if (op->has_disk_template)
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Disk template conversion is not supported by this version");
	if (op->has_instance_communication)
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "The instance communication NIC is not supported by this version");
	TRY(inst_check_not_global(lu, op->hvparams, e));
	TRY(mods_parse(lu, "disk", op->disks, &m->disks, &m->n_disks, e));
	return mods_parse(lu, "NIC", op->nics, &m->nics, &m->n_nics, e);
}

static int expand(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_instance_set_params *op = op_;
	struct modify *m = lu->state;
	const struct node *n;

	TRY(inst_expand(lu, op->instance_name, op->instance_uuid, false, &m->in, e));
	if (!op->pnode)
		return 0;
	TRY(lu_expand_node(lu, op->pnode, op->pnode_uuid, &n, e));
	m->pnode = arena_strdup(lu->a, n->uuid);
	return 0;
}

/* The group for its policy; nodes exclusively only when disks come or go. */
static int declare(struct luctx *lu, const void *op, enum lock_level level, struct err *e)
{
	const struct modify *m = lu->state;
	bool shared = !m->n_disks && !m->pnode;
	const struct instance *i;
	struct strs nodes;

	(void)op;
	if (level != LOCK_NODEGROUP && level != LOCK_NODE && !(level == LOCK_NODE_RES && m->n_disks))
		return 0;
	TRY(inst_get(lu, &m->in, &i, e));
	nodes = lu_instance_nodes(lu, i);
	for (size_t k = 0; k < nodes.n; k++) {
		if (level == LOCK_NODEGROUP)
			lu_need(lu, level, snap_node(lu->snap, nodes.v[k])->group, true);
		else
			lu_need(lu, level, nodes.v[k], shared);
	}
	return 0;
}

/* --- prerequisites --- */
static void check_hotplug(struct luctx *lu, const struct op_instance_set_params *op, struct modify *m,
			  const struct instance *i)
{
	struct rpc_answer r;

	if (!op->hotplug || i->admin_state != admin_state_up)
		return;
	if (lu_ask(lu, RPC_hotplug_supported, i->primary_node,
		   json_pack("[o]", lu_inst_dict(lu, i, NULL, NULL, NULL)), &r, NULL) < 0)
		return;
	m->hotplug = !r.failed;
	if (m->hotplug)
		return;
	lu_warn(lu, NULL, "%s", r.error);
	lu_info(lu, "Modification will take place without hotplugging.");
}

static int check_pnode(struct luctx *lu, const struct op_instance_set_params *op, struct modify *m,
		       const struct instance *i, struct err *e)
{
	struct err why CLEANUP(err_clear) = ERR_NONE;
	int running;

	if (!m->pnode || str_eq(m->pnode, i->primary_node) || op->force)
		return 0;
	running = lu_inst_running(lu, i, i->primary_node, NULL, NULL, &why);
	if (running > 0)
		return err_set(e, ERR_PREREQ, ECODE_STATE, "Instance is still running on %s",
			       lu_node_name(lu, i->primary_node));
	if (running < 0)
		strs_add(lu->a, &m->warnings,
			 arena_printf(lu->a, "Can't get instance runtime information: %s", err_msg(&why)));
	return 0;
}

static int check_offline(struct luctx *lu, const struct op_instance_set_params *op, const struct instance *i,
			 struct err *e)
{
	if (!op->has_offline)
		return 0;
	return lu_check_instance_state(lu, i, INST_NOT_RUNNING,
				       op->offline ? "can't change to offline without being down first" :
						     "can't change to online (down) without being offline first",
				       e);
}

/* Memory limits have to fit separately, whichever of them the instance will run with. */
static int check_policy(struct luctx *lu, const struct op_instance_set_params *op, const struct modify *m,
			const struct instance *i, const int64_t *sizes, size_t n, struct err *e)
{
	const struct nodegroup *g = snap_group(lu->snap, snap_node(lu->snap, i->primary_node)->group);
	struct beparams be = { .maxmem = -1, .vcpus = -1, .spindle_use = -1 };
	const struct disk *first = i->disks.n ? snap_disk(lu->snap, i->disks.v[0]) : NULL;
	int t = first ? (int)first->dev_type : disk_template_diskless;
	struct strs bad, low;

	if (op->ignore_ipolicy)
		return 0;
	if (m->be_changed)
		be = m->be_full;
	bad = lu_ipolicy_violations(lu, g, &be, m->new_nics.n, t, sizes, n);
	if (m->be_changed)
		be.maxmem = be.minmem;
	low = lu_ipolicy_violations(lu, g, &be, m->new_nics.n, t, sizes, n);
	for (size_t k = 0; k < low.n; k++)
		if (!strs_has(&bad, low.v[k]))
			strs_add(lu->a, &bad, low.v[k]);
	if (!bad.n)
		return 0;
	return err_set(e, ERR_PREREQ, ECODE_INVAL, "Instance allocation to group %s (%s) violates policy: %s", g->uuid,
		       g->name, strs_join(lu->a, &bad, ", "));
}

static int prereq(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_instance_set_params *op = op_;
	struct modify *m = lu->state;
	const struct instance *i;
	int64_t *sizes;
	size_t n;

	TRY(inst_get(lu, &m->in, &i, e));
	if (m->pnode)
		TRY(lu_node_stays(lu, m->pnode, op->pnode, e));
	TRY(check_pnode(lu, op, m, i, e));
	check_hotplug(lu, op, m, i);
	TRY(modify_check_disks(lu, op, m, &sizes, &n, e));
	TRY(check_offline(lu, op, i, e));
	TRY(modify_check_params(lu, op, m, e));
	TRY(modify_check_memory(lu, op, m, e));
	TRY(modify_check_nics(lu, op, m, e));
	return check_policy(lu, op, m, i, sizes, n, e);
}

/* --- hooks: the instance as it is, NICs and sizes as they will be --- */
static int hooks(struct luctx *lu, const void *op_, json *env, struct strs *pre, struct strs *post, struct err *e)
{
	const struct op_instance_set_params *op = op_;
	const struct modify *m = lu->state;
	const struct instance *i;
	const struct disk **disks;
	struct instance now;
	size_t n;

	TRY(inst_get(lu, &m->in, &i, e));
	TRY(snap_instance_disks(lu->snap, i, &disks, &n, e));
	now = *i;
	now.nics = m->new_nics;
	lu_hookenv_build(lu, &now, instance_template(disks, n), disks, n, env);
	if (m->be_changed) {
		json_set(env, "INSTANCE_MINMEM", json_new_int(m->be_full.minmem));
		json_set(env, "INSTANCE_MAXMEM", json_new_int(m->be_full.maxmem));
		json_set(env, "INSTANCE_MEMORY", json_new_int(m->be_full.maxmem));
		json_set(env, "INSTANCE_VCPUS", json_new_int(m->be_full.vcpus));
	}
	if (op->has_runtime_mem)
		json_set(env, "RUNTIME_MEMORY", json_new_int(op->runtime_mem));
	inst_hook_nodes(lu, i, pre);
	*post = *pre;
	return 0;
}

const struct lu lu_instance_set_params = {
	.hooks_path = "instance-modify",
	.hooks_type = "INSTANCE",
	.state_size = sizeof(struct modify),
	.check_args = check_args,
	.expand = expand,
	.declare = declare,
	.prereq = prereq,
	.hooks = hooks,
	.exec = modify_exec,
};
