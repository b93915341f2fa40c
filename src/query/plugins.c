/* What OS definitions and storage providers have in common: every node is asked what it has. */
#include "src/query/priv.h"

enum qstatus plugin_field(struct qctx *c, const void *obj, const struct qfield *f, json **ret)
{
	(void)c;
	*ret = json_ref(json_get(obj, f->key));
	return QRS_NORMAL;
}

int q_plugins(struct qctx *c, enum rpc rpc, struct strs *ret_uuids, struct rpc_answer **ret,
	      struct err *e)
{
	struct strs uuids = snap_uuids(c->s, OBJ_NODE);
	struct rpc_node *nodes = ARENA_ARRAY(c->a, struct rpc_node, uuids.n + 1);

	*ret_uuids = (struct strs){ 0 };
	if (!c->q->rpc)
		return err_set(e, ProgrammerError, NULL, "%s needs a node RPC client",
			       rpc_name(rpc));
	for (size_t i = 0; i < uuids.n; i++) {
		const struct node *node = snap_node(c->s, uuids.v[i]);

		if (!node || node->offline || !node->vm_capable)
			continue;
		nodes[ret_uuids->n] = q_rpc_node(node);
		strs_add(c->a, ret_uuids, node->uuid);
	}
	return rpc_multi(c->q->rpc, c->a, rpc, nodes, ret_uuids->n, json_new_array(), NULL, 0, ret,
			 e);
}

static int by_name(const void *x, const void *y)
{
	return str_natcmp(json_get_str(*(json *const *)x, "name"),
			  json_get_str(*(json *const *)y, "name"));
}

void q_plugins_named(struct qctx *c, const struct map *all, const struct strs *names,
		     const void ***ret, size_t *ret_n)
{
	const void **v = ARENA_ARRAY(c->a, const void *, map_count(all) + 1);
	const char *name;
	size_t k = 0;
	json *obj;

	for (size_t pos = 0; map_next(all, &pos, &name, (void **)&obj);)
		if (!names || strs_has(names, name))
			v[k++] = obj;
	qsort(v, k, sizeof(*v), by_name);
	*ret = v;
	*ret_n = k;
}

/* --- external storage providers. Upstream: ExtStorageQuery --- */

/* order of the answer: name, path, status, message, parameters; without the name in node_status */
enum { EXT_NAME, EXT_PATH, EXT_PARAMETERS = 4 };
enum { STATUS_OK = 1, STATUS_PARAMETERS = 3 };

static void take_answer(struct qctx *c, struct map *all, const struct strs *asked,
			const struct rpc_answer *answers, size_t node)
{
	json_items (answers[node].payload, i, found) {
		const char *name = json_str(json_at(found, EXT_NAME));
		json *ext = name ? map_get(all, name) : NULL, *entry = json_new_array(), *status;

		for (size_t k = EXT_PATH; k <= EXT_PARAMETERS; k++)
			json_append(entry, json_ref(json_at(found, k)));
		if (!ext && name) {
			ext = json_own(c->a,
				       json_pack("{s:s, s:{}, s:{}, s:[]}", "name", name,
						 "node_status", "nodegroup_status", "parameters"));
			map_put(all, name, ext);
			for (size_t k = 0; k < asked->n; k++)
				if (!answers[k].failed)
					json_set(json_get(ext, "node_status"), asked->v[k],
						 json_new_array());
		}
		status = json_get(json_get(ext, "node_status"), asked->v[node]);
		if (status)
			json_append(status, entry);
		else
			json_put(entry);
	}
}

/* The first definition on a node counts, the others are hidden by it. */
static bool usable(const json *ext, const char *node)
{
	return json_boolean(
		json_at(json_at(json_get(json_get(ext, "node_status"), node), 0), STATUS_OK),
		false);
}

static void judge_groups(struct qctx *c, json *ext, const struct strs *asked)
{
	struct strs groups = snap_uuids(c->s, OBJ_NODEGROUP);

	for (size_t i = 0; i < groups.n; i++) {
		struct strs nodes = snap_group_nodes(c->s, groups.v[i]);
		bool good = true;

		for (size_t k = 0; k < nodes.n; k++)
			good &= !strs_has(asked, nodes.v[k]) || usable(ext, nodes.v[k]);
		json_set(json_get(ext, "nodegroup_status"), q_group_name(c, groups.v[i]),
			 json_new_bool(good));
	}
}

/* What all nodes agree on, until one is met that can't use it. */
static void common_parameters(json *ext)
{
	bool first = true;

	json_each (json_get(ext, "node_status"), node, found) {
		const json *mine = json_at(json_at(found, 0), STATUS_PARAMETERS);

		if (!usable(ext, node))
			break;
		json_set(ext, "parameters",
			 first ? json_clone(mine) : q_common(json_get(ext, "parameters"), mine));
		first = false;
	}
}

static int ext_collect(struct qctx *c, const struct strs *names, const void ***ret, size_t *ret_n,
		       struct err *e)
{
	struct map *all CLEANUP(map_freep) = map_new();
	struct rpc_answer *answers;
	struct strs asked;
	json *ext;

	if (q_plugins(c, RPC_extstorage_diagnose, &asked, &answers, e) < 0)
		return -1;
	for (size_t i = 0; i < asked.n; i++)
		take_answer(c, all, &asked, answers, i);
	for (size_t pos = 0; map_next(all, &pos, NULL, (void **)&ext);) {
		judge_groups(c, ext, &asked);
		common_parameters(ext);
	}
	q_plugins_named(c, all, names, ret, ret_n);
	return 0;
}

static void ext_rows(struct qrows *r)
{
#define QFIELD QROW
#include "src/query/fields/extstorage.def"
#undef QFIELD
}

const struct qresource qres_extstorage = {
	.name = "extstorage",
	.key = "name",
	.op_only = true,
	.rows = ext_rows,
	.collect = ext_collect,
};
