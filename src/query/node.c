/* Node fields. Live ones come from one node_info call per node. */
#include "src/query/priv.h"

#define FEW_NODES 50 /* of which counts are taken one by one, whatever the cluster's size */
#define N(obj) ((const struct node *)(obj))

static struct ndparams filled(struct qctx *c, const void *obj)
{
	return fill_nd(c->a, snap_cluster(c->s), snap_group(c->s, N(obj)->group), obj);
}

/*
 * The storage whose space is shown: that of the first enabled disk template that has a pool, and the
 * physical volumes, whose units upstream calls spindles.
 */
static json *storage_units(const struct cluster *cl, bool exclusive)
{
	json *out = json_new_array();
	bool lvm = false;

	for (size_t i = 0; i < cl->enabled_disk_templates.n; i++) {
		const char *t = cl->enabled_disk_templates.v[i];

		if (str_eq(t, "plain") || str_eq(t, "drbd"))
			lvm |= cl->volume_group_name != NULL;
		if (json_len(out))
			continue;
		if (lvm)
			json_append(out, json_pack("[s, s, [b]]", "lvm-vg", cl->volume_group_name,
						   exclusive));
		else if (str_eq(t, "file"))
			json_append(out, json_pack("[s, s, []]", t, cl->file_storage_dir));
		else if (str_eq(t, "sharedfile"))
			json_append(out, json_pack("[s, s, []]", t, cl->shared_file_storage_dir));
	}
	if (lvm && exclusive) /* nobody counts spindles otherwise */
		json_append(out, json_pack("[s, s, [b]]", "lvm-pv", cl->volume_group_name, 1));
	return out;
}

static int node_fetch(struct qctx *c, const void *const *v, size_t n, int need, struct err *e)
{
	const struct cluster *cl = snap_cluster(c->s);
	struct rpc_node *nodes = ARENA_ARRAY(c->a, struct rpc_node, n + 1);
	json **args = ARENA_ARRAY(c->a, json *, n + 1);
	struct rpc_answer *answers;
	const char *hv = cl->enabled_hypervisors.n ? cl->enabled_hypervisors.v[0] : "fake";

	if (!c->q->rpc)
		return err_set(e, ProgrammerError, NULL, "live fields need a node RPC client");
	for (size_t i = 0; i < n; i++) {
		struct ndparams nd = filled(c, v[i]);

		nodes[i] = q_rpc_node(v[i]);
		args[i] = json_pack("[o, o]",
				    need & QN_STORAGE ? storage_units(cl, nd.exclusive_storage) :
							json_new_array(),
				    need & QN_HV ? json_pack("[[s, O]]", hv,
							     json_get(cl->hvparams, hv)) :
						   json_new_array());
	}
	if (rpc_multi(c->q->rpc, c->a, RPC_node_info, nodes, n, NULL, args, 0, &answers, e) < 0)
		return -1;
	c->live = map_new();
	for (size_t i = 0; i < n; i++)
		map_put(c->live, N(v[i])->uuid, &answers[i]);
	return 0;
}

static enum qstatus answer(struct qctx *c, const void *obj, const json **ret)
{
	const struct rpc_answer *r = c->live ? map_get(c->live, N(obj)->uuid) : NULL;

	if (N(obj)->offline)
		return QRS_OFFLINE;
	if (!r || r->failed)
		return QRS_NODATA;
	*ret = r->payload;
	return QRS_NORMAL;
}

/* of the answer: [boot id, storage units, hypervisors] */
enum { PART_STORAGE = 1, PART_HV = 2 };

static enum qstatus value_of(const json *from, const char *key, json **ret)
{
	*ret = json_ref(json_get(from, key));
	return *ret ? QRS_NORMAL : QRS_NODATA;
}

static enum qstatus node_hv(struct qctx *c, const void *obj, const struct qfield *f, json **ret)
{
	const json *payload;
	enum qstatus st = answer(c, obj, &payload);

	return st == QRS_NORMAL ? value_of(json_at(json_at(payload, PART_HV), 0), f->key, ret) : st;
}

/* The first unit that is (PVS) or is not made of physical volumes. */
static enum qstatus storage(struct qctx *c, const void *obj, bool pvs, const char *key, json **ret)
{
	const json *payload;
	enum qstatus st = answer(c, obj, &payload);

	if (st != QRS_NORMAL)
		return st;
	json_items(json_at(payload, PART_STORAGE), i, unit)
		if (str_eq(json_get_str(unit, "type"), "lvm-pv") == pvs)
			return value_of(unit, key, ret);
	return QRS_NODATA;
}

static enum qstatus node_storage(struct qctx *c, const void *obj, const struct qfield *f,
				 json **ret)
{
	return storage(c, obj, false, f->key, ret);
}

static enum qstatus node_spindles(struct qctx *c, const void *obj, const struct qfield *f,
				  json **ret)
{
	return storage(c, obj, true, f->key, ret);
}

static enum qstatus node_bootid(struct qctx *c, const void *obj, const struct qfield *f, json **ret)
{
	const json *payload;
	enum qstatus st = answer(c, obj, &payload);

	(void)f;
	return st == QRS_NORMAL ? q_str(json_str(json_at(payload, 0)), ret) : st;
}

static enum qstatus ndp_item(struct qctx *c, const void *obj, const struct qfield *f, json **ret)
{
	struct ndparams p = filled(c, obj);

	*ret = field_emit(record_field(rec_ndparams(), f->key), &p);
	return *ret ? QRS_NORMAL : QRS_UNAVAIL;
}

static enum qstatus node_ndparams(struct qctx *c, const void *obj, const struct qfield *f,
				  json **ret)
{
	struct ndparams p = filled(c, obj);

	(void)f;
	*ret = record_emit(rec_ndparams(), &p, 0);
	return QRS_NORMAL;
}

static enum qstatus node_custom_ndparams(struct qctx *c, const void *obj, const struct qfield *f,
					 json **ret)
{
	(void)c;
	(void)f;
	*ret = record_emit(rec_ndparams(), &N(obj)->ndparams, 0);
	return QRS_NORMAL;
}

static enum qstatus node_group(struct qctx *c, const void *obj, const struct qfield *f, json **ret)
{
	(void)f;
	return q_str(q_group_name(c, N(obj)->group), ret);
}

static enum qstatus node_group_uuid(struct qctx *c, const void *obj, const struct qfield *f,
				    json **ret)
{
	(void)c;
	(void)f;
	return q_str(N(obj)->group, ret);
}

static bool is_master(struct qctx *c, const void *obj)
{
	return str_eq(snap_cluster(c->s)->master_node, N(obj)->uuid);
}

static enum qstatus node_master(struct qctx *c, const void *obj, const struct qfield *f, json **ret)
{
	(void)f;
	*ret = json_new_bool(is_master(c, obj));
	return QRS_NORMAL;
}

static enum qstatus node_role(struct qctx *c, const void *obj, const struct qfield *f, json **ret)
{
	const struct node *n = obj;

	(void)f;
	return q_str(is_master(c, obj)	  ? "M" :
		     n->master_candidate ? "C" :
		     n->drained		 ? "D" :
		     n->offline		 ? "O" :
					   "R",
		     ret);
}

/* upstream: only nodes with an out-of-band program have a power state */
static enum qstatus node_powered(struct qctx *c, const void *obj, const struct qfield *f,
				 json **ret)
{
	struct ndparams p = filled(c, obj);

	(void)f;
	if (!p.oob_program || !*p.oob_program)
		return QRS_UNAVAIL;
	*ret = json_new_bool(N(obj)->powered);
	return QRS_NORMAL;
}

static enum qstatus node_hv_state(struct qctx *c, const void *obj, const struct qfield *f,
				  json **ret)
{
	const struct cluster *cl = snap_cluster(c->s);
	const struct nodegroup *g = snap_group(c->s, N(obj)->group);
	const json *defaults = json_own(c->a, record_defaults(rec_hvstate()));

	(void)f;
	*ret = json_ref(fill_hv_state(c->a, cl, g, N(obj)));
	/* upstream never has it; ours appears once an administrator has said something */
	json_each(*ret, hv, one)
		if (!json_equal(one, defaults))
			return QRS_NORMAL;
	json_put(STEAL(*ret));
	return QRS_UNAVAIL;
}

static enum qstatus node_disk_state(struct qctx *c, const void *obj, const struct qfield *f,
				    json **ret)
{
	(void)c;
	(void)f;
	if (!N(obj)->disk_state_static)
		return QRS_UNAVAIL;
	*ret = json_ref(N(obj)->disk_state_static);
	return QRS_NORMAL;
}

static enum qstatus node_pip(struct qctx *c, const void *obj, const struct qfield *f, json **ret)
{
	(void)c;
	(void)f;
	return q_str(N(obj)->primary_ip, ret);
}

static enum qstatus node_sip(struct qctx *c, const void *obj, const struct qfield *f, json **ret)
{
	(void)c;
	(void)f;
	return q_str(N(obj)->secondary_ip, ret);
}

/* Of many nodes the counts are taken at once. */
static int64_t instances(struct qctx *c, const void *obj, bool primary)
{
	const struct node_counts *n;

	if (!c->many)
		return (int64_t)(primary ? snap_node_primaries : snap_node_secondaries)(c->s, N(obj)->uuid).n;
	n = map_get(snap_node_counts(c->s), N(obj)->uuid);
	return !n ? 0 : primary ? n->primaries : n->secondaries;
}

#define INSTANCES(prefix, call, primary)                                                     \
	static enum qstatus node_##prefix##_cnt(struct qctx *c, const void *obj,             \
						const struct qfield *f, json **ret)          \
	{                                                                                    \
		(void)f;                                                                     \
		*ret = json_new_int(instances(c, obj, primary));                             \
		return QRS_NORMAL;                                                           \
	}                                                                                    \
	static enum qstatus node_##prefix##_list(struct qctx *c, const void *obj,            \
						 const struct qfield *f, json **ret)         \
	{                                                                                    \
		struct strs uuids = call(c->s, N(obj)->uuid);                                \
                                                                                             \
		(void)f;                                                                     \
		*ret = q_names(c, OBJ_INSTANCE, &uuids);                                     \
		return QRS_NORMAL;                                                           \
	}
INSTANCES(pinst, snap_node_primaries, true)
INSTANCES(sinst, snap_node_secondaries, false)

static int node_collect(struct qctx *c, const struct strs *names, const void ***ret, size_t *ret_n,
			struct err *e)
{
	if (q_collect(c, OBJ_NODE, names, ret, ret_n, e) < 0)
		return -1;
	c->many = *ret_n > FEW_NODES;
	return 0;
}

static void node_rows(struct qrows *r)
{
#define QFIELD QROW
#include "src/query/fields/node.def"
#undef QFIELD
	qrows_params(r, "ndp/", rec_ndparams(), ndp_item);
}

const struct qresource qres_node = {
	.name = "node",
	.key = "name",
	.record = rec_node,
	.rows = node_rows,
	.collect = node_collect,
	.fetch = node_fetch,
};
