/* Checks of instances and of what they need on nodes, with upstream's messages. */
#include "src/lu/lu.h"

int lu_ask(struct luctx *lu, enum rpc rpc, const char *node_uuid, json *args, struct rpc_answer *ret,
	   struct err *e)
{
	struct rpc_node n = lu_rpc_node(lu, node_uuid);
	struct rpc_answer *v;

	TRY(rpc_multi(lu->rpc, lu->a, rpc, &n, 1, args, NULL, 0, &v, e));
	*ret = v[0];
	if (ret->offline && !ret->error)
		ret->error = "Node is marked offline";
	ret->failed |= ret->offline;
	return 0;
}

const char *lu_py_list(struct luctx *lu, const json *v)
{
	struct str out CLEANUP(str_free) = { NULL, 0, 0 };

	json_items(v, i, item) {
		str_add(&out, i ? ", " : "");
		if (json_str(item))
			str_addf(&out, "'%s'", json_str(item));
		else
			str_add(&out, item ? json_dump_in(lu->a, item) : "None");
	}
	return arena_strdup(lu->a, str_get(&out));
}

/* Nodes that may run instances, of NODES (upstream: _FilterVmNodes). */
static struct strs vm_nodes(struct luctx *lu, const struct strs *nodes)
{
	struct strs out = { NULL, 0 };

	for (size_t i = 0; i < nodes->n; i++) {
		const struct node *n = snap_node(lu->snap, nodes->v[i]);

		if (n && n->vm_capable)
			strs_add(lu->a, &out, arena_strdup(lu->a, nodes->v[i]));
	}
	return out;
}

int lu_check_hvparams_on_nodes(struct luctx *lu, const struct strs *nodes, int hypervisor,
			       const json *filled, struct err *e)
{
	struct strs on = vm_nodes(lu, nodes);
	const char *name = enum_name(&enum_hypervisor, hypervisor);
	struct rpc_answer *v;

	TRY(lu_rpc_multi(lu, RPC_hypervisor_validate_params, &on, json_pack("[s, O]", name, filled), &v,
			 e));
	for (size_t i = 0; i < on.n; i++)
		if (!v[i].offline && v[i].failed)
			return err_set(e, ERR_EXEC, NULL,
				       "Hypervisor parameter validation failed on node %s: %s",
				       v[i].node, v[i].error);
	return 0;
}

int lu_check_osparams_on_nodes(struct luctx *lu, const struct strs *nodes, bool required,
			       const char *os, const json *osparams, bool force_variant, struct err *e)
{
	struct strs on = vm_nodes(lu, nodes);
	struct rpc_answer *v;

	if (!os || !*os)
		return 0;
	TRY(lu_rpc_multi(lu, RPC_os_validate, &on,
			 json_pack("[b, s, [s], O, b]", (int)required, os, "parameters", osparams,
				   (int)force_variant),
			 &v, e));
	for (size_t i = 0; i < on.n; i++) {
		if (v[i].failed || v[i].offline)
			return err_set(e, ERR_EXEC, NULL,
				       "OS Parameters validation failed on node %s: %s", v[i].node,
				       v[i].error);
		if (!json_boolean(v[i].payload, false))
			lu_info(lu, "OS %s not found on node %s, validation skipped", os, v[i].node);
	}
	return 0;
}

int lu_check_free_memory(struct luctx *lu, const char *node_uuid, const char *reason,
			 int64_t needed_mib, int hypervisor, const json *hvparams, int64_t *ret_free,
			 struct err *e)
{
	const char *node = arena_strdup(lu->a, lu_node_name(lu, node_uuid));
	json *answer, *memory;
	int64_t free_mib;

	if (lu_rpc(lu, RPC_node_info, node_uuid,
		   json_pack("[n, [[s, O]]]", enum_name(&enum_hypervisor, hypervisor), hvparams),
		   &answer, arena_printf(lu->a, "Can't get data from node %s", node), e) < 0)
		return lu_as_prereq(e, ECODE_ENVIRON);
	memory = json_get(json_at(json_at(answer, 2), 0), "memory_free");
	if (!json_is(memory, JSON_INT))
		return err_set(e, ERR_PREREQ, ECODE_ENVIRON,
			       "Can't compute free memory on node %s, result was '%s'", node,
			       memory ? json_dump_in(lu->a, memory) : "None");
	free_mib = json_int(memory, 0);
	if (needed_mib > free_mib)
		return err_set(e, ERR_PREREQ, ECODE_NORES,
			       "Not enough memory on node %s for %s: needed %lld MiB, available %lld MiB",
			       node, reason, (long long)needed_mib, (long long)free_mib);
	if (ret_free)
		*ret_free = free_mib;
	return 0;
}

int lu_inst_running(struct luctx *lu, const struct instance *i, const char *node_uuid, json **ret,
		    const char *what, struct err *e)
{
	const char *hv = enum_name(&enum_hypervisor, i->hypervisor);
	json *params = json_get(lu->cluster->hvparams, hv);
	json *info = NULL;

	TRY(lu_rpc(lu, RPC_instance_info, node_uuid, json_pack("[s, s, O]", i->name, hv, params), &info,
		   what, e));
	if (ret)
		*ret = info;
	return json_len(info) ? 1 : 0;
}

static const char *state_list(struct luctx *lu, unsigned states)
{
	struct strs l = { NULL, 0 };

	for (int s = admin_state_down; s <= admin_state_offline; s++)
		if (states & (1U << s))
			strs_add(lu->a, &l, enum_name(&enum_admin_state, s));
	return strs_join(lu->a, &l, ", ");
}

static int check_not_there(struct luctx *lu, const struct instance *i, const char *msg, struct err *e)
{
	const struct node *n = snap_node(lu->snap, i->primary_node);
	json *names;

	if (!n || n->offline) {
		lu_warn(lu, NULL, "Primary node offline, ignoring check that instance is down");
		return 0;
	}
	if (lu_rpc(lu, RPC_instance_list, n->uuid,
		   json_pack("[[s], o]", enum_name(&enum_hypervisor, i->hypervisor),
			     lu_all_hvparams(lu)),
		   &names,
		   arena_printf(lu->a, "Can't contact node %s for instance information", n->name),
		   e) < 0)
		return lu_as_prereq(e, ECODE_ENVIRON);
	json_items(names, k, name)
		if (str_eq(json_str(name), i->name))
			return err_set(e, ERR_PREREQ, ECODE_STATE, "Instance %s is running, %s", i->name,
				       msg);
	return 0;
}

int lu_check_instance_state(struct luctx *lu, const struct instance *i, unsigned states,
			    const char *msg, struct err *e)
{
	if (!msg)
		msg = arena_printf(lu->a, "can't use instance from outside %s states",
				   state_list(lu, states));
	if (!(states & (1U << i->admin_state)))
		return err_set(e, ERR_PREREQ, ECODE_STATE, "Instance '%s' is marked to be %s, %s",
			       i->name, enum_name(&enum_admin_state, i->admin_state), msg);
	return states & INST_UP ? 0 : check_not_there(lu, i, msg, e);
}

int lu_check_not_forthcoming(const struct instance *i, struct err *e)
{
	if (!i->forthcoming)
		return 0;
	return err_set(e, ERR_PREREQ, ECODE_INVAL,
		       "forthcoming instances not supported for this operation");
}

int lu_check_bridges(struct luctx *lu, const nic_list_t *nics, const char *node_uuid, struct err *e)
{
	struct strs links = { NULL, 0 };

	for (size_t k = 0; k < nics->n; k++) {
		struct nicparams p = fill_nic(lu->a, lu->cluster, &nics->v[k].nicparams);

		if (p.mode == nic_mode_bridged)
			strs_add(lu->a, &links, p.link);
	}
	if (!links.n)
		return 0;
	if (lu_rpc(lu, RPC_bridges_exist, node_uuid, json_pack("[o]", json_new_strs(&links)), NULL,
		   arena_printf(lu->a, "Error checking bridges on destination node '%s'",
				lu_node_name(lu, node_uuid)),
		   e) < 0)
		return lu_as_prereq(e, ECODE_ENVIRON);
	return 0;
}

/* --- instance policies --- */
struct strs lu_ipolicy_violations(struct luctx *lu, const struct nodegroup *g, const struct beparams *be,
				  size_t n_nics, int template_, const int64_t *sizes, size_t n_disks)
{
	struct ispec_values v = {
		.memory = be->maxmem, .cpus = be->vcpus, .nics = (int64_t)n_nics,
		.spindles = be->spindle_use, .n_disks = n_disks, .disk_sizes = sizes,
		.template_ = template_,
	};

	return policy_violations(lu->a, fill_ipolicy(lu->a, lu->cluster, g), &v);
}

int lu_ipolicy_instance(struct luctx *lu, const struct nodegroup *g, const struct instance *i,
			const struct disk *const *disks, size_t n, struct strs *ret, struct err *e)
{
	struct beparams be = fill_be(lu->a, lu->cluster, &i->beparams);
	int64_t *sizes = ARENA_ARRAY(lu->a, int64_t, n + 1);
	const struct disk **own;
	size_t n_own;

	if (!disks) {
		TRY(snap_instance_disks(lu->snap, i, &own, &n_own, e));
		disks = own;
		n = n_own;
		sizes = ARENA_ARRAY(lu->a, int64_t, n + 1);
	}
	for (size_t k = 0; k < n; k++)
		sizes[k] = disks[k]->size;
	*ret = lu_ipolicy_violations(lu, g, &be, i->nics.n, n ? (int)disks[0]->dev_type : disk_template_diskless,
				     sizes, n);
	return 0;
}

int lu_check_name_resolves(struct luctx *lu, const char *name, const char **ret_name,
			   const char **ret_ip, struct err *e)
{
	struct err why CLEANUP(err_clear) = ERR_NONE;
	const char *full, *ip;

	if (resolve_name(lu->a, env_hosts_file(), name, (int)lu->cluster->primary_ip_family, &full, &ip,
			 &why) < 0)
		return err_set(e, ERR_PREREQ, ECODE_RESOLVER,
			       "The given name (%s) does not resolve: %s", name, err_msg(&why));
	if (!str_eq(full, name)) {
		lu_info(lu, "Resolved given name '%s' to '%s'", name, full);
		if (!str_starts(full, arena_printf(lu->a, "%s.", name)))
			return err_set(e, ERR_PREREQ, ECODE_INVAL,
				       "Resolved hostname '%s' does not look the same as given "
				       "hostname '%s'",
				       full, name);
	}
	*ret_name = full;
	*ret_ip = ip;
	return 0;
}
