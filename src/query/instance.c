/* Instance fields. Live ones come from one all_instances_info call per node concerned. */
#include "src/query/priv.h"

#define I(obj) ((const struct instance *)(obj))

struct running {
	const char *node; /* UUID of the node that runs it */
	const json *info;
};

/* --- NICs --- */

static enum qstatus nic_value(struct qctx *c, const struct instance *i, size_t k, const char *key,
			      json **ret)
{
	const struct nic *n;
	struct nicparams p;
	const struct network *w;

	if (k >= i->nics.n)
		return QRS_UNAVAIL;
	n = &i->nics.v[k];
	p = fill_nic(c->a, snap_cluster(c->s), &n->nicparams);
	if (str_eq(key, "mac"))
		return q_str(n->mac, ret);
	if (str_eq(key, "ip"))
		return q_str(n->ip, ret);
	if (str_eq(key, "name"))
		return q_str(n->name, ret);
	if (str_eq(key, "uuid"))
		return q_str(n->uuid, ret);
	if (str_eq(key, "network"))
		return q_str(n->network, ret);
	if (str_eq(key, "mode"))
		return q_str(enum_name(&enum_nic_mode, (int)p.mode), ret);
	if (str_eq(key, "link"))
		return q_str(p.link, ret);
	if (str_eq(key, "bridge"))
		return q_str(p.mode == nic_mode_bridged ? p.link : NULL, ret);
	if (str_eq(key, "vlan"))
		return q_str(p.mode == nic_mode_openvswitch ? p.vlan : NULL, ret);
	w = n->network ? snap_network(c->s, n->network) : NULL; /* network.name */
	return q_str(w ? w->name : NULL, ret);
}

static enum qstatus nic_item(struct qctx *c, const void *obj, const struct qfield *f, json **ret)
{
	return nic_value(c, I(obj), f->index, f->key, ret);
}

static enum qstatus nic_list(struct qctx *c, const void *obj, const char *key, json **ret)
{
	*ret = json_new_array();
	for (size_t k = 0; k < I(obj)->nics.n; k++) {
		json *v = NULL;

		nic_value(c, I(obj), k, key, &v);
		json_append(*ret, v);
	}
	return QRS_NORMAL;
}

#define NIC_LIST(name, key)                                                                     \
	static enum qstatus instance_nic_##name(struct qctx *c, const void *obj,                \
						const struct qfield *f, json **ret)             \
	{                                                                                       \
		(void)f;                                                                        \
		return nic_list(c, obj, key, ret);                                              \
	}
NIC_LIST(bridges, "bridge")
NIC_LIST(ips, "ip")
NIC_LIST(links, "link")
NIC_LIST(macs, "mac")
NIC_LIST(modes, "mode")
NIC_LIST(names, "name")
NIC_LIST(networks, "network")
NIC_LIST(networks_names, "network.name")
NIC_LIST(uuids, "uuid")
NIC_LIST(vlans, "vlan")

#define NIC_FIRST(name, key)                                                              \
	static enum qstatus instance_##name(struct qctx *c, const void *obj,              \
					    const struct qfield *f, json **ret)           \
	{                                                                                 \
		(void)f;                                                                  \
		return nic_value(c, I(obj), 0, key, ret);                                 \
	}
NIC_FIRST(bridge, "bridge")
NIC_FIRST(ip, "ip")
NIC_FIRST(mac, "mac")
NIC_FIRST(nic_link, "link")
NIC_FIRST(nic_mode, "mode")
NIC_FIRST(nic_network, "network")

static enum qstatus instance_nic_count(struct qctx *c, const void *obj, const struct qfield *f,
				       json **ret)
{
	(void)c;
	(void)f;
	*ret = json_new_int((int64_t)I(obj)->nics.n);
	return QRS_NORMAL;
}

/* --- disks --- */

static enum qstatus disk_value(struct qctx *c, const struct instance *i, size_t k, const char *key,
			       json **ret)
{
	const struct disk *d = k < i->disks.n ? snap_disk(c->s, i->disks.v[k]) : NULL;

	if (!d)
		return QRS_UNAVAIL;
	*ret = field_emit(record_field(rec_disk(), key), d);
	return *ret ? QRS_NORMAL : QRS_UNAVAIL;
}

static enum qstatus disk_item(struct qctx *c, const void *obj, const struct qfield *f, json **ret)
{
	return disk_value(c, I(obj), f->index, f->key, ret);
}

#define DISK_LIST(name, key)                                                              \
	static enum qstatus instance_disk_##name(struct qctx *c, const void *obj,         \
						 const struct qfield *f, json **ret)      \
	{                                                                                 \
		(void)f;                                                                  \
		*ret = json_new_array();                                                  \
		for (size_t k = 0; k < I(obj)->disks.n; k++) {                            \
			json *v = NULL;                                                   \
                                                                                          \
			disk_value(c, I(obj), k, key, &v);                                \
			json_append(*ret, v);                                             \
		}                                                                         \
		return QRS_NORMAL;                                                        \
	}
DISK_LIST(names, "name")
DISK_LIST(sizes, "size")
DISK_LIST(spindles, "spindles")
DISK_LIST(uuids, "uuid")

static enum qstatus instance_sda_size(struct qctx *c, const void *obj, const struct qfield *f,
				      json **ret)
{
	(void)f;
	return disk_value(c, I(obj), 0, "size", ret);
}

static enum qstatus instance_sdb_size(struct qctx *c, const void *obj, const struct qfield *f,
				      json **ret)
{
	(void)f;
	return disk_value(c, I(obj), 1, "size", ret);
}

static enum qstatus instance_disk_count(struct qctx *c, const void *obj, const struct qfield *f,
					json **ret)
{
	(void)c;
	(void)f;
	*ret = json_new_int((int64_t)I(obj)->disks.n);
	return QRS_NORMAL;
}

static int disks_of(struct qctx *c, const void *obj, const struct disk ***v, size_t *n)
{
	return snap_instance_disks(c->s, I(obj), v, n, NULL);
}

static enum qstatus instance_disk_template(struct qctx *c, const void *obj, const struct qfield *f,
					   json **ret)
{
	const struct disk **v;
	size_t n;

	(void)f;
	if (disks_of(c, obj, &v, &n) < 0)
		return QRS_NODATA;
	return q_str(instance_template(v, n), ret);
}

/* what the disks take on a node: DRBD has 128 MiB of metadata each, block devices are there anyway */
static enum qstatus instance_disk_usage(struct qctx *c, const void *obj, const struct qfield *f,
					json **ret)
{
	const struct disk **v;
	int64_t sum = 0;
	size_t n;

	(void)f;
	if (disks_of(c, obj, &v, &n) < 0)
		return QRS_NODATA;
	for (size_t k = 0; k < n; k++)
		sum += v[k]->dev_type == disk_template_blockdev ? 0 :
		       v[k]->size + (v[k]->dev_type == disk_template_drbd ? 128 : 0);
	*ret = json_new_int(sum);
	return QRS_NORMAL;
}

/* --- parameters --- */

/* fill_be() with what all instances share made once. */
static struct beparams filled(struct qctx *c, const void *obj)
{
	struct beparams p = I(obj)->beparams;

	if (!c->has_be) {
		c->be = fill_be(c->a, snap_cluster(c->s), NULL);
		c->has_be = true;
	}
	record_fill(rec_beparams(), &p, &c->be);
	return p;
}

static enum qstatus be_item(struct qctx *c, const void *obj, const struct qfield *f, json **ret)
{
	struct beparams p = filled(c, obj);

	*ret = field_emit(record_field(rec_beparams(), f->key), &p);
	return *ret ? QRS_NORMAL : QRS_UNAVAIL;
}

static enum qstatus instance_be_memory(struct qctx *c, const void *obj, const struct qfield *f,
				       json **ret)
{
	struct qfield as = *f;

	as.key = "maxmem";
	return be_item(c, obj, &as, ret);
}

static enum qstatus instance_vcpus(struct qctx *c, const void *obj, const struct qfield *f,
				   json **ret)
{
	struct qfield as = *f;

	as.key = "vcpus";
	return be_item(c, obj, &as, ret);
}

static enum qstatus hv_item(struct qctx *c, const void *obj, const struct qfield *f, json **ret)
{
	json *p = fill_hv_instance(c->a, snap_cluster(c->s), I(obj));

	if (!json_has(p, f->key))
		return QRS_UNAVAIL;
	*ret = json_ref(json_get(p, f->key));
	return QRS_NORMAL;
}

static enum qstatus instance_beparams(struct qctx *c, const void *obj, const struct qfield *f,
				      json **ret)
{
	struct beparams p = filled(c, obj);

	(void)f;
	*ret = record_emit(rec_beparams(), &p, 0);
	return QRS_NORMAL;
}

static enum qstatus instance_hvparams(struct qctx *c, const void *obj, const struct qfield *f,
				      json **ret)
{
	const struct instance *i = obj;

	(void)f;
	*ret = json_ref(fill_hv(c->a, snap_cluster(c->s),
				enum_name(&enum_hypervisor, (int)i->hypervisor), i->os,
				i->hvparams, true));
	return QRS_NORMAL;
}

static enum qstatus instance_osparams(struct qctx *c, const void *obj, const struct qfield *f,
				      json **ret)
{
	(void)f;
	*ret = json_ref(fill_os(c->a, snap_cluster(c->s), I(obj)->os, I(obj)->osparams));
	return QRS_NORMAL;
}

static enum qstatus instance_custom_beparams(struct qctx *c, const void *obj,
					     const struct qfield *f, json **ret)
{
	(void)c;
	(void)f;
	*ret = record_emit(rec_beparams(), &I(obj)->beparams, 0);
	return QRS_NORMAL;
}

static enum qstatus instance_custom_hvparams(struct qctx *c, const void *obj,
					     const struct qfield *f, json **ret)
{
	(void)c;
	(void)f;
	*ret = json_ref(I(obj)->hvparams);
	return QRS_NORMAL;
}

static enum qstatus instance_custom_osparams(struct qctx *c, const void *obj,
					     const struct qfield *f, json **ret)
{
	(void)c;
	(void)f;
	*ret = json_ref(I(obj)->osparams);
	return QRS_NORMAL;
}

static enum qstatus instance_custom_nicparams(struct qctx *c, const void *obj,
					      const struct qfield *f, json **ret)
{
	(void)c;
	(void)f;
	*ret = json_new_array();
	for (size_t k = 0; k < I(obj)->nics.n; k++)
		json_append(*ret, record_emit(rec_nicparams(), &I(obj)->nics.v[k].nicparams, 0));
	return QRS_NORMAL;
}

/* --- plain --- */

static enum qstatus instance_admin_up(struct qctx *c, const void *obj, const struct qfield *f,
				      json **ret)
{
	(void)c;
	(void)f;
	*ret = json_new_bool(I(obj)->admin_state == admin_state_up);
	return QRS_NORMAL;
}

static enum qstatus instance_forthcoming(struct qctx *c, const void *obj, const struct qfield *f,
					 json **ret)
{
	(void)c;
	(void)f;
	*ret = json_new_bool(I(obj)->forthcoming);
	return QRS_NORMAL;
}

static enum qstatus instance_network_port(struct qctx *c, const void *obj, const struct qfield *f,
					  json **ret)
{
	(void)c;
	(void)f;
	if (!I(obj)->has_network_port)
		return QRS_UNAVAIL;
	*ret = json_new_int(I(obj)->network_port);
	return QRS_NORMAL;
}

static const struct node *pnode(struct qctx *c, const void *obj)
{
	return snap_node(c->s, I(obj)->primary_node);
}

static enum qstatus instance_pnode(struct qctx *c, const void *obj, const struct qfield *f,
				   json **ret)
{
	(void)f;
	return q_str(q_node_name(c, I(obj)->primary_node), ret);
}

static enum qstatus instance_pnode_group(struct qctx *c, const void *obj, const struct qfield *f,
					 json **ret)
{
	const struct node *n = pnode(c, obj);

	(void)f;
	return q_str(n ? q_group_name(c, n->group) : NULL, ret);
}

static enum qstatus instance_pnode_group_uuid(struct qctx *c, const void *obj,
					      const struct qfield *f, json **ret)
{
	const struct node *n = pnode(c, obj);

	(void)f;
	return q_str(n ? n->group : NULL, ret);
}

/* WHAT: 0 names, 1 group names, 2 group UUIDs */
static enum qstatus secondaries(struct qctx *c, const void *obj, int what, json **ret)
{
	struct strs uuids = snap_instance_secondaries(c->s, I(obj));

	*ret = json_new_array();
	for (size_t k = 0; k < uuids.n; k++) {
		const struct node *n = snap_node(c->s, uuids.v[k]);

		if (n)
			json_append(*ret, json_new_str(what == 0 ? n->name :
						       what == 1 ? q_group_name(c, n->group) :
								   n->group));
	}
	return QRS_NORMAL;
}

static enum qstatus instance_snodes(struct qctx *c, const void *obj, const struct qfield *f,
				    json **ret)
{
	(void)f;
	return secondaries(c, obj, 0, ret);
}

static enum qstatus instance_snodes_group(struct qctx *c, const void *obj, const struct qfield *f,
					  json **ret)
{
	(void)f;
	return secondaries(c, obj, 1, ret);
}

static enum qstatus instance_snodes_group_uuid(struct qctx *c, const void *obj,
					       const struct qfield *f, json **ret)
{
	(void)f;
	return secondaries(c, obj, 2, ret);
}

/* --- live --- */

/* Nodes that run or could run these instances, each once: UUIDs. */
static struct strs nodes_of(struct qctx *c, const void *const *v, size_t n)
{
	struct map *seen CLEANUP(map_freep) = map_new();
	struct strs out = { 0 };

	for (size_t i = 0; i < n; i++) {
		struct strs on = snap_instance_secondaries(c->s, I(v[i]));

		strs_add(c->a, &on, I(v[i])->primary_node);
		for (size_t k = 0; k < on.n; k++)
			if (snap_node(c->s, on.v[k]) && !map_put(seen, on.v[k], (void *)c))
				strs_add(c->a, &out, on.v[k]);
	}
	return out;
}

/* Those of the instances asked about: others need not work on these nodes. */
static struct strs hypervisors_of(struct qctx *c, const void *const *v, size_t n)
{
	struct strs out = { 0 };

	for (size_t i = 0; i < n; i++) {
		const char *hv = enum_name(&enum_hypervisor, (int)I(v[i])->hypervisor);

		if (!strs_has(&out, hv))
			strs_add(c->a, &out, hv);
	}
	return out;
}

/* Where NODE says it runs counts unless the primary node says it does there. */
static void take_running(struct qctx *c, struct map *primaries, const char *node, const json *payload)
{
	json_each(payload, name, info) {
		struct running *r = map_get(c->running, name);

		if (r && !str_eq(map_get(primaries, name), node))
			continue;
		if (!r) {
			r = ARENA_NEW(c->a, struct running);
			map_put(c->running, name, r);
		}
		*r = (struct running){ node, info };
	}
}

static int fetch_running(struct qctx *c, const void *const *v, size_t n, struct err *e)
{
	struct map *primaries CLEANUP(map_freep) = map_new();
	struct strs uuids = nodes_of(c, v, n), hvs = hypervisors_of(c, v, n);
	struct rpc_node *nodes = ARENA_ARRAY(c->a, struct rpc_node, uuids.n + 1);
	struct rpc_answer *answers;
	json *args;

	c->live = map_new();
	c->running = map_new();
	for (size_t i = 0; i < n; i++)
		map_put(primaries, I(v[i])->name, (void *)I(v[i])->primary_node);
	for (size_t i = 0; i < uuids.n; i++)
		nodes[i] = q_rpc_node(snap_node(c->s, uuids.v[i]));
	args = json_pack("[o, O]", json_new_strs(&hvs), snap_cluster(c->s)->hvparams);
	if (rpc_multi(c->q->rpc, c->a, RPC_all_instances_info, nodes, uuids.n, args, NULL, 0,
		      &answers, e) < 0)
		return -1;
	for (size_t i = 0; i < uuids.n; i++) {
		map_put(c->live, uuids.v[i], &answers[i]);
		take_running(c, primaries, uuids.v[i], answers[i].payload);
	}
	return 0;
}

static const struct running *running(struct qctx *c, const void *obj)
{
	return c->running ? map_get(c->running, I(obj)->name) : NULL;
}

/* instance_console_info takes {name: {instance, node, group, hvParams, beParams}} */
static int fetch_consoles(struct qctx *c, const void *const *v, size_t n, struct err *e)
{
	const struct cluster *cl = snap_cluster(c->s);
	struct map *per_node CLEANUP(map_freep) = map_new();
	struct rpc_node *nodes = ARENA_ARRAY(c->a, struct rpc_node, n + 1);
	json **args = ARENA_ARRAY(c->a, json *, n + 1);
	struct rpc_answer *answers;
	size_t k = 0;

	c->console = map_new();
	for (size_t i = 0; i < n; i++) {
		const struct instance *inst = v[i];
		const struct node *node = pnode(c, inst);
		const struct nodegroup *g = node ? snap_group(c->s, node->group) : NULL;
		struct beparams be = fill_be(c->a, cl, &inst->beparams);
		struct node filled;
		json *dict;

		if (!g)
			continue;
		filled = *node;
		filled.ndparams = fill_nd(c->a, cl, g, node);
		dict = map_get(per_node, node->uuid);
		if (!dict) {
			dict = json_new_dict();
			map_put(per_node, node->uuid, dict);
			args[k] = json_pack("[o]", dict);
			nodes[k++] = q_rpc_node(node);
		}
		json_set(dict, inst->name,
			 json_pack("{s:o, s:o, s:o, s:O, s:o}", "instance",
				   record_emit(rec_instance(), inst, REC_HIDE_SECRETS), "node",
				   record_emit(rec_node(), &filled, 0), "group",
				   record_emit(rec_nodegroup(), g, 0), "hvParams",
				   fill_hv_instance(c->a, cl, inst), "beParams",
				   record_emit(rec_beparams(), &be, 0)));
	}
	if (!k)
		return 0;
	if (rpc_multi(c->q->rpc, c->a, RPC_instance_console_info, nodes, k, NULL, args, 0, &answers,
		      e) < 0)
		return -1;
	for (size_t i = 0; i < k; i++)
		json_each(answers[i].payload, name, info)
			if (json_is(info, JSON_DICT))
				map_put(c->console, name, info);
	return 0;
}

static int instance_fetch(struct qctx *c, const void *const *v, size_t n, int need, struct err *e)
{
	if (!c->q->rpc)
		return err_set(e, ProgrammerError, NULL, "live fields need a node RPC client");
	if ((need & QN_LIVE) && fetch_running(c, v, n, e) < 0)
		return -1;
	return need & QN_CONSOLE ? fetch_consoles(c, v, n, e) : 0;
}

/* QRS_NORMAL: it is known whether the instance runs. Otherwise why not. */
static enum qstatus known(struct qctx *c, const void *obj)
{
	const struct rpc_answer *r = c->live ? map_get(c->live, I(obj)->primary_node) : NULL;

	if (running(c, obj)) /* some node says so, whatever the primary node */
		return QRS_NORMAL;
	if (r && r->offline)
		return QRS_OFFLINE;
	return !r || r->failed ? QRS_NODATA : QRS_NORMAL;
}

static enum qstatus instance_oper_state(struct qctx *c, const void *obj, const struct qfield *f,
					json **ret)
{
	(void)f;
	if (known(c, obj) != QRS_NORMAL)
		return QRS_NODATA;
	*ret = json_new_bool(running(c, obj) != NULL);
	return QRS_NORMAL;
}

static enum qstatus live_number(struct qctx *c, const void *obj, const char *key, json **ret)
{
	enum qstatus st = known(c, obj);
	const struct running *r = running(c, obj);

	if (st != QRS_NORMAL)
		return st;
	if (!r)
		return QRS_UNAVAIL;
	*ret = json_ref(json_get(r->info, key));
	return *ret ? QRS_NORMAL : QRS_NODATA;
}

static enum qstatus instance_oper_ram(struct qctx *c, const void *obj, const struct qfield *f,
				      json **ret)
{
	(void)f;
	return live_number(c, obj, "memory", ret);
}

static enum qstatus instance_oper_vcpus(struct qctx *c, const void *obj, const struct qfield *f,
					json **ret)
{
	(void)f;
	return live_number(c, obj, "vcpus", ret);
}

/* May a guest of that instance stop itself, so that nobody starts it again? */
static bool may_stop_itself(struct qctx *c, const struct instance *i)
{
	if (!snap_cluster(c->s)->enabled_user_shutdown)
		return false;
	return i->hypervisor != hypervisor_kvm ||
	       json_get_bool(fill_hv_instance(c->a, snap_cluster(c->s), i), "user_shutdown", false);
}

/* Of one its node lists; INFO says whether it has stopped since. */
static const char *status_listed(struct qctx *c, const struct instance *i, const json *info)
{
	bool up = i->admin_state == admin_state_up;

	if (json_get_int(info, "state", 0) != 1)
		return up ? "running" : "ERROR_up";
	if (!up)
		return "ADMIN_down";
	return may_stop_itself(c, i) ? "USER_down" : "ERROR_down";
}

static const char *status_absent(struct qctx *c, const struct instance *i)
{
	switch (i->admin_state) {
	case admin_state_up:
		return "ERROR_down";
	case admin_state_offline:
		return "ADMIN_offline";
	default:
		return i->admin_state_source == admin_state_source_user &&
				       snap_cluster(c->s)->enabled_user_shutdown ?
			       "USER_down" :
			       "ADMIN_down";
	}
}

static enum qstatus instance_status(struct qctx *c, const void *obj, const struct qfield *f,
				    json **ret)
{
	const struct node *primary = pnode(c, obj);
	const struct running *r = running(c, obj);

	(void)f;
	if (primary && primary->offline)
		return q_str("ERROR_nodeoffline", ret);
	if (known(c, obj) != QRS_NORMAL)
		return q_str("ERROR_nodedown", ret);
	if (!r)
		return q_str(status_absent(c, obj), ret);
	if (!str_eq(r->node, I(obj)->primary_node))
		return q_str("ERROR_wrongnode", ret);
	return q_str(status_listed(c, obj, r->info), ret);
}

static enum qstatus instance_console(struct qctx *c, const void *obj, const struct qfield *f,
				     json **ret)
{
	enum qstatus st = known(c, obj);
	json *v = c->console ? map_get(c->console, I(obj)->name) : NULL;

	(void)f;
	if (st != QRS_NORMAL)
		return st;
	*ret = json_ref(v);
	return v ? QRS_NORMAL : QRS_NODATA;
}

static int instance_collect(struct qctx *c, const struct strs *names, const void ***ret,
			    size_t *ret_n, struct err *e)
{
	return q_collect(c, OBJ_INSTANCE, names, ret, ret_n, e);
}

static void instance_rows(struct qrows *r)
{
#define QFIELD QROW
#define QFAMILY QROWS
#include "src/query/fields/instance.def"
#undef QFIELD
#undef QFAMILY
	qrows_params(r, "be/", rec_beparams(), be_item);
	/* some hypervisors share names; what most people use explains them */
	qrows_params(r, "hv/", rec_hv_kvm(), hv_item);
	for (size_t k = 0; k < enum_hypervisor.n; k++)
		qrows_params(r, "hv/", hvparams_record((int)k), hv_item);
}

const struct qresource qres_instance = {
	.name = "instance",
	.key = "name",
	.record = rec_instance,
	.rows = instance_rows,
	.collect = instance_collect,
	.fetch = instance_fetch,
};
