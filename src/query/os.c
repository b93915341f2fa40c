/*
 * OS definitions: what the nodes say, put together (upstream: LUOsDiagnose). A definition is
 * valid when every node has a valid one; variants, parameters and API versions are what all agree on.
 */
#include "src/query/priv.h"

/* order of the os_diagnose answer: name, path, valid, message, variants, parameters, APIs, trusted */
enum { OS_NAME, OS_PATH, OS_VALID, OS_MESSAGE, OS_VARIANTS, OS_PARAMETERS, OS_API, OS_TRUSTED };

static enum qstatus os_json(struct qctx *c, const void *obj, const struct qfield *f, json **ret)
{
	(void)c;
	*ret = json_ref(json_get(obj, f->key));
	return QRS_NORMAL;
}

/* What is in both lists, in the order of X. */
static json *common(const json *x, const json *y)
{
	json *out = json_new_array();

	json_items(x, i, v)
		json_items(y, k, w)
			if (json_equal(v, w)) {
				json_append(out, json_ref(v));
				break;
			}
	return out;
}

static void merge(json *os, const json *found, bool first_node)
{
	static const struct {
		const char *key;
		size_t index;
	} lists[] = {
		{ "variants", OS_VARIANTS }, { "parameters", OS_PARAMETERS }, { "api_versions", OS_API },
	};

	if (!json_boolean(json_at(found, OS_VALID), false)) {
		json_set(os, "valid", json_new_bool(false));
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		const json *v = json_at(found, lists[i].index);

		json_set(os, lists[i].key,
			 first_node ? json_clone(v) : common(json_get(os, lists[i].key), v));
	}
	if (!json_boolean(json_at(found, OS_TRUSTED), false))
		json_set(os, "trusted", json_new_bool(false));
}

static json *new_os(const struct cluster *cl, const char *name)
{
	json *hvp = json_get(cl->os_hvp, name), *params = json_get(cl->osparams, name);

	return json_pack("{s:s, s:b, s:b, s:b, s:b, s:[], s:[], s:[], s:{}, s:o, s:o}", "name", name,
			 "valid", 1, "trusted", 1, "hidden", strs_has(&cl->hidden_os, name),
			 "blacklisted", strs_has(&cl->blacklisted_os, name), "variants",
			 "parameters", "api_versions", "node_status",
			 "os_hvp", hvp ? json_ref(hvp) : json_new_dict(), "osparams",
			 params ? json_ref(params) : json_new_dict());
}

/* One node's list into the definitions: node_status[node] = [[path, ...], ...] */
static void take_answer(struct qctx *c, struct map *all, const char *node, const json *list)
{
	json_items(list, i, found) {
		const char *name = json_str(json_at(found, OS_NAME));
		json *os, *status, *entry;

		if (!name)
			continue;
		os = map_get(all, name);
		if (!os) {
			os = json_own(c->a, new_os(snap_cluster(c->s), name));
			map_put(all, name, os);
		}
		status = json_get(os, "node_status");
		if (!json_get(status, node)) {
			/* only the first definition on a node counts, the others are hidden by it */
			merge(os, found, json_len(status) == 0);
			json_set(status, node, json_new_array());
		}
		entry = json_new_array();
		for (size_t k = OS_PATH; k <= OS_TRUSTED; k++)
			json_append(entry, json_ref(json_at(found, k)));
		json_append(json_get(status, node), entry);
	}
}

static int by_name(const void *x, const void *y)
{
	return str_natcmp(json_get_str(*(json *const *)x, "name"),
			  json_get_str(*(json *const *)y, "name"));
}

/* Ask all nodes that are there; ASKED are their UUIDs in the order of the answers. */
static int ask_nodes(struct qctx *c, enum rpc rpc, struct strs *asked, struct rpc_answer **ret, struct err *e)
{
	struct strs uuids = snap_uuids(c->s, OBJ_NODE);
	struct rpc_node *nodes = ARENA_ARRAY(c->a, struct rpc_node, uuids.n + 1);
	size_t n = 0;

	if (!c->q->rpc)
		return err_set(e, ProgrammerError, NULL, "This query needs a node RPC client");
	for (size_t i = 0; i < uuids.n; i++) {
		const struct node *node = snap_node(c->s, uuids.v[i]);

		if (!node || node->offline || !node->vm_capable)
			continue;
		strs_add(c->a, asked, node->uuid);
		nodes[n++] = q_rpc_node(node);
	}
	return rpc_multi(c->q->rpc, c->a, rpc, nodes, n, json_new_array(), NULL, 0, ret, e);
}

static int os_collect(struct qctx *c, const struct strs *names, const void ***ret, size_t *ret_n,
		      struct err *e)
{
	struct map *all CLEANUP(map_freep) = map_new();
	struct strs asked = { 0 };
	struct rpc_answer *answers;
	const void **v;
	size_t k = 0, pos = 0;
	const char *name;
	json *os;

	if (ask_nodes(c, RPC_os_diagnose, &asked, &answers, e) < 0)
		return -1;
	for (size_t i = 0; i < asked.n; i++)
		take_answer(c, all, asked.v[i], answers[i].payload);
	v = ARENA_ARRAY(c->a, const void *, map_count(all) + 1);
	while (map_next(all, &pos, &name, (void **)&os)) {
		/* a node that answered and lacks it makes it invalid */
		for (size_t i = 0; i < asked.n; i++)
			if (!answers[i].failed && !json_get(json_get(os, "node_status"), asked.v[i])) {
				json_set(os, "valid", json_new_bool(false));
				json_set(json_get(os, "node_status"), asked.v[i], json_new_array());
			}
		if (!names || strs_has(names, name))
			v[k++] = os;
	}
	qsort(v, k, sizeof(*v), by_name);
	*ret = v;
	*ret_n = k;
	return 0;
}

static void os_rows(struct qrows *r)
{
#define QFIELD QROW
#include "src/query/os.def"
#undef QFIELD
}

const struct qresource qres_os = {
	.name = "os",
	.key = "name",
	.op_only = true,
	.rows = os_rows,
	.collect = os_collect,
};

/*
 * External storage providers. A node group can use one when all its nodes have it and it is usable on them
 * (upstream: LUExtStorageDiagnose).
 */
/* order of the extstorage_diagnose answer */
enum { ES_NAME, ES_PATH, ES_VALID, ES_MESSAGE, ES_PARAMETERS };

static enum qstatus provider_value(struct qctx *c, const void *obj, const struct qfield *f, json **ret)
{
	(void)c;
	*ret = json_ref(json_get(obj, f->name));
	return QRS_NORMAL;
}

static void keep_common(json *provider, const json *parameters)
{
	json *out = json_new_array();

	json_items(json_get(provider, "parameters"), i, have)
		json_items(parameters, k, p)
			if (json_equal(have, p)) {
				json_append(out, json_ref(have));
				break;
			}
	json_set(provider, "parameters", out);
}

/* One node's list: node_status[node] = [[path, valid, message, parameters], ...], the first is the one used. */
static void take_providers(struct qctx *c, struct map *all, const char *node, const json *list)
{
	json_items(list, i, found) {
		const char *name = json_str(json_at(found, ES_NAME));
		json *provider = name ? map_get(all, name) : NULL, *status, *entry;

		if (!name)
			continue;
		if (!provider) {
			provider = json_own(c->a, json_pack("{s:s, s:{}, s:{}, s:o}", "name", name, "node_status",
							    "nodegroup_status", "parameters",
							    json_ref(json_at(found, ES_PARAMETERS))));
			map_put(all, name, provider);
		}
		status = json_get(provider, "node_status");
		if (!json_get(status, node)) {
			if (json_boolean(json_at(found, ES_VALID), false))
				keep_common(provider, json_at(found, ES_PARAMETERS));
			json_set(status, node, json_new_array());
		}
		entry = json_new_array();
		for (size_t k = ES_PATH; k <= ES_PARAMETERS; k++)
			json_append(entry, json_ref(json_at(found, k)));
		json_append(json_get(status, node), entry);
	}
}

/* NODE answered; what did it say of the provider? */
static void judge(struct qctx *c, json *provider, const char *node)
{
	const char *group = snap_node(c->s, node)->group;
	json *groups = json_get(provider, "nodegroup_status"), *status = json_get(provider, "node_status");
	bool usable = json_boolean(json_at(json_at(json_get(status, node), 0), ES_VALID - ES_PATH), false);

	if (!json_get(status, node))
		json_set(status, node, json_new_array());
	json_set(groups, group, json_new_bool(usable && json_get_bool(groups, group, true)));
}

static int provider_collect(struct qctx *c, const struct strs *names, const void ***ret, size_t *ret_n, struct err *e)
{
	struct map *all CLEANUP(map_freep) = map_new();
	struct strs asked = { 0 };
	struct rpc_answer *answers;
	const void **v;
	size_t k = 0, pos = 0;
	const char *name;
	json *provider;

	if (ask_nodes(c, RPC_extstorage_diagnose, &asked, &answers, e) < 0)
		return -1;
	for (size_t i = 0; i < asked.n; i++)
		take_providers(c, all, asked.v[i], answers[i].payload);
	v = ARENA_ARRAY(c->a, const void *, map_count(all) + 1);
	while (map_next(all, &pos, &name, (void **)&provider)) {
		for (size_t i = 0; i < asked.n; i++)
			if (!answers[i].failed)
				judge(c, provider, asked.v[i]);
		if (!names || strs_has(names, name))
			v[k++] = provider;
	}
	qsort(v, k, sizeof(*v), by_name);
	*ret = v;
	*ret_n = k;
	return 0;
}

static void provider_rows(struct qrows *r)
{
#define QFIELD QROW
#include "src/query/extstorage.def"
#undef QFIELD
}

const struct qresource qres_extstorage = {
	.name = "extstorage",
	.key = "name",
	.op_only = true,
	.rows = provider_rows,
	.collect = provider_collect,
};
