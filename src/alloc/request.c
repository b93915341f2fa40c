/* The cluster as allocators see it (upstream: IAllocator._ComputeClusterData). */
#include "src/alloc/alloc.h"

#include <string.h>


struct build {
	struct snapshot *s;
	struct rpc_client *rpc;
	struct arena *a;
	const struct cluster *c;
	const char *hypervisor, *template_;
	struct strs nodes; /* vm_capable ones, UUIDs */
	struct rpc_node *there;
	struct rpc_answer *info, *running;
};

/* --- live data --- */
static json *storage_units(const struct build *b)
{
	int t = enum_value(&enum_disk_template, b->template_);

	if (t == disk_template_file && *b->c->file_storage_dir)
		return json_pack("[[s, s, []]]", b->template_, b->c->file_storage_dir);
	if (t == disk_template_sharedfile && *b->c->shared_file_storage_dir)
		return json_pack("[[s, s, []]]", b->template_, b->c->shared_file_storage_dir);
	return json_new_array();
}

static int ask(struct build *b, struct err *e)
{
	struct strs all = snap_uuids(b->s, OBJ_NODE);
	json *hvs;

	for (size_t i = 0; i < all.n; i++)
		if (snap_node(b->s, all.v[i])->vm_capable)
			strs_add(b->a, &b->nodes, all.v[i]);
	b->there = ARENA_ARRAY(b->a, struct rpc_node, b->nodes.n + 1);
	for (size_t i = 0; i < b->nodes.n; i++) {
		const struct node *n = snap_node(b->s, b->nodes.v[i]);

		b->there[i] = (struct rpc_node){ .name = n->name, .ip = n->primary_ip,
						 .offline = n->offline };
	}
	hvs = json_pack("[[s, O]]", b->hypervisor, json_get(b->c->hvparams, b->hypervisor));
	if (rpc_multi(b->rpc, b->a, RPC_node_info, b->there, b->nodes.n,
		      json_pack("[o, o]", storage_units(b), hvs), NULL, 0, &b->info, e) < 0)
		return -1;
	return rpc_multi(b->rpc, b->a, RPC_all_instances_info, b->there, b->nodes.n,
			 json_pack("[o, O]", json_new_strs(&b->c->enabled_hypervisors),
				   b->c->hvparams),
			 NULL, 0, &b->running, e);
}

static int attribute(const json *hv, const char *node, const char *key, int64_t *ret, struct err *e)
{
	const json *v = json_get(hv, key);

	if (!v)
		return err_set(e, ERR_EXEC, NULL, "Node '%s' didn't return attribute '%s'", node, key);
	if (!json_is(v, JSON_INT) && !json_is(v, JSON_FLOAT))
		return err_set(e, ERR_EXEC, NULL, "Node '%s' returned invalid value for '%s': not a number",
			       node, key);
	*ret = json_int(v, 0);
	return 0;
}

/* Memory of the node's instances; what they may still claim is not free. */
static void instance_memory(struct build *b, const struct node *n, const json *running, json *dyn,
			    int64_t mem_free)
{
	struct strs insts = snap_node_primaries(b->s, n->uuid);
	int64_t all = 0, up = 0;

	for (size_t i = 0; i < insts.n; i++) {
		const struct instance *inst = snap_instance(b->s, insts.v[i]);
		struct beparams be = fill_be(b->a, b->c, &inst->beparams);
		int64_t used = json_get_int(json_get(running, inst->name), "memory", 0);

		all += be.maxmem;
		up += inst->admin_state == admin_state_up ? be.maxmem : 0;
		mem_free -= be.maxmem > used ? be.maxmem - used : 0;
	}
	json_set(dyn, "free_memory", json_new_int(mem_free));
	json_set(dyn, "i_pri_memory", json_new_int(all));
	json_set(dyn, "i_pri_up_memory", json_new_int(up));
}

static int dynamic_data(struct build *b, size_t i, const struct node *n, json *dyn, struct err *e)
{
	static const struct {
		const char *from, *to;
	} copied[] = { { "memory_total", "total_memory" }, { "memory_dom0", "reserved_memory" },
		       { "cpu_total", "total_cpus" }, { "cpu_dom0", "reserved_cpus" } };
	json *payload = b->info[i].payload, *hv = json_at(json_at(payload, 2), 0);
	json *space = json_at(json_at(payload, 1), 0);
	int64_t v, mem_free;

	if (b->info[i].failed)
		return err_set(e, ERR_EXEC, NULL, "Can't get data for node %s: %s", n->name,
			       b->info[i].error);
	if (b->running[i].failed)
		return err_set(e, ERR_EXEC, NULL, "Can't get node instance info from node %s: %s",
			       n->name, b->running[i].error);
	for (size_t k = 0; k < ARRAY_SIZE(copied); k++) {
		if (attribute(hv, n->name, copied[k].from, &v, e) < 0)
			return -1;
		json_set(dyn, copied[k].to, json_new_int(v));
	}
	if (attribute(hv, n->name, "memory_free", &mem_free, e) < 0)
		return -1;
	instance_memory(b, n, b->running[i].payload, dyn, mem_free);
	json_set(dyn, "total_disk", json_new_int(json_get_int(space, "storage_size", 0)));
	json_set(dyn, "free_disk", json_new_int(json_get_int(space, "storage_free", 0)));
	json_set(dyn, "total_spindles", json_new_int(0));
	json_set(dyn, "free_spindles", json_new_int(0));
	return 0;
}

/* --- configuration --- */
static json *static_data(struct build *b, const struct node *n)
{
	struct ndparams nd = fill_nd(b->a, b->c, snap_group(b->s, n->group), n);

	return json_pack("{s:o, s:s, s:s, s:b, s:b, s:b, s:s, s:b, s:b, s:o}", "tags",
			 json_new_strs(&n->tags), "primary_ip", n->primary_ip, "secondary_ip",
			 n->secondary_ip, "offline", (int)n->offline, "drained", (int)n->drained,
			 "master_candidate", (int)n->master_candidate, "group", n->group,
			 "master_capable", (int)n->master_capable, "vm_capable", (int)n->vm_capable,
			 "ndparams", record_emit(rec_ndparams(), &nd, 0));
}

static int add_nodes(struct build *b, json *out, struct err *e)
{
	struct strs all = snap_uuids(b->s, OBJ_NODE);
	json *nodes = json_new_dict();

	json_set(out, "nodes", nodes);
	for (size_t i = 0; i < all.n; i++) {
		const struct node *n = snap_node(b->s, all.v[i]);
		const struct nodegroup *g = snap_group(b->s, n->group);

		json_set(nodes, n->name, static_data(b, n));
		if (json_has(fill_ipolicy(b->a, b->c, g), "memory-ratio")) /* only upstream's 2.17 tells of it */
			json_set(json_get(nodes, n->name), "hv_state", json_ref(fill_hv_state(b->a, b->c, g, n)));
	}
	for (size_t i = 0; i < b->nodes.n; i++) {
		const struct node *n = snap_node(b->s, b->nodes.v[i]);

		if (!n->offline && dynamic_data(b, i, n, json_get(nodes, n->name), e) < 0)
			return -1;
	}
	return 0;
}

static json *nic_data(struct build *b, const struct nic *n)
{
	struct nicparams p = fill_nic(b->a, b->c, &n->nicparams);
	json *j = json_pack("{s:s, s:s, s:s, s:s}", "mac", n->mac, "ip", n->ip, "mode",
			    enum_name(&enum_nic_mode, p.mode), "link", p.link);

	if (p.mode == nic_mode_bridged)
		json_set(j, "bridge", json_new_str(p.link));
	return j;
}

static int instance_data(struct build *b, const struct instance *i, json **ret, struct err *e)
{
	struct beparams be = fill_be(b->a, b->c, &i->beparams);
	struct strs second = snap_instance_secondaries(b->s, i);
	json *nics = json_own(b->a, json_new_array()), *list = json_own(b->a, json_new_array());
	json *nodes = json_own(b->a, json_new_array());
	const struct disk **disks;
	int64_t space = 0;
	size_t n;

	if (snap_instance_disks(b->s, i, &disks, &n, e) < 0)
		return -1;
	for (size_t k = 0; k < i->nics.n; k++)
		json_append(nics, nic_data(b, &i->nics.v[k]));
	for (size_t k = 0; k < n; k++) {
		json_append(list, json_pack("{s:s, s:I, s:s, s:o}", "dev_type",
					    enum_name(&enum_disk_template, disks[k]->dev_type), "size",
					    disks[k]->size, "mode",
					    enum_name(&enum_disk_mode, disks[k]->mode), "spindles",
					    disks[k]->has_spindles ? json_new_int(disks[k]->spindles) :
								     NULL));
		space += disks[k]->size;
	}
	json_append(nodes, json_new_str(snap_node(b->s, i->primary_node)->name));
	for (size_t k = 0; k < second.n; k++)
		json_append(nodes, json_new_str(snap_node(b->s, second.v[k])->name));
	*ret = json_pack("{s:o, s:s, s:I, s:I, s:I, s:s, s:O, s:O, s:O, s:s, s:b, s:s, s:I}", "tags",
			 json_new_strs(&i->tags), "admin_state",
			 enum_name(&enum_admin_state, i->admin_state), "vcpus", be.vcpus, "memory",
			 be.maxmem, "spindle_use", be.spindle_use, "os", i->os, "nodes", nodes, "nics",
			 nics, "disks", list, "disk_template", instance_template(disks, n),
			 "disks_active", (int)i->disks_active, "hypervisor",
			 enum_name(&enum_hypervisor, i->hypervisor), "disk_space_total", space);
	if (i->forthcoming)
		json_set(*ret, "forthcoming", json_new_bool(true));
	return 0;
}

static int add_instances(struct build *b, json *out, struct err *e)
{
	struct strs all = snap_uuids(b->s, OBJ_INSTANCE);
	json *insts = json_new_dict(), *one = NULL;

	json_set(out, "instances", insts);
	for (size_t k = 0; k < all.n; k++) {
		const struct instance *i = snap_instance(b->s, all.v[k]);

		if (instance_data(b, i, &one, e) < 0)
			return -1;
		json_set(insts, i->name, one);
	}
	return 0;
}

static void add_groups(struct build *b, json *out)
{
	struct strs all = snap_uuids(b->s, OBJ_NODEGROUP);
	json *groups = json_new_dict();

	json_set(out, "nodegroups", groups);
	for (size_t k = 0; k < all.n; k++) {
		const struct nodegroup *g = snap_group(b->s, all.v[k]);
		struct strs networks = json_keys(b->a, g->networks);

		json_set(groups, g->uuid,
			 json_pack("{s:s, s:s, s:o, s:O, s:o}", "name", g->name, "alloc_policy",
				   enum_name(&enum_alloc_policy, g->alloc_policy), "networks",
				   json_new_strs(&networks), "ipolicy", fill_ipolicy(b->a, b->c, g),
				   "tags", json_new_strs(&g->tags)));
	}
}

int alloc_cluster_data(struct snapshot *s, struct rpc_client *rpc, struct arena *a, const char *hypervisor,
		       const char *disk_template, json **ret, struct err *e)
{
	struct build b = { .s = s, .rpc = rpc, .a = a, .c = snap_cluster(s), .hypervisor = hypervisor,
			   .template_ = disk_template };
	json *out;

	if (!hypervisor)
		b.hypervisor = b.c->enabled_hypervisors.v[0];
	if (!disk_template)
		b.template_ = b.c->enabled_disk_templates.v[0];
	if (ask(&b, e) < 0)
		return -1;
	out = json_own(a, json_pack("{s:i, s:s, s:o, s:o, s:O}", "version", IALLOCATOR_VERSION, "cluster_name",
				    b.c->cluster_name, "cluster_tags", json_new_strs(&b.c->tags),
				    "enabled_hypervisors", json_new_strs(&b.c->enabled_hypervisors),
				    "ipolicy", b.c->ipolicy));
	add_groups(&b, out);
	if (add_nodes(&b, out, e) < 0 || add_instances(&b, out, e) < 0)
		return -1;
	*ret = out;
	return 0;
}
