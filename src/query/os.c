/*
 * OS definitions: what the nodes say, put together (upstream: LUOsDiagnose). A definition is
 * valid when every node has a valid one; variants, parameters and API versions are what all agree on.
 */
#include "src/query/priv.h"

/* order of the os_diagnose answer: name, path, valid, message, variants, parameters, APIs, trusted */
enum { OS_NAME, OS_PATH, OS_VALID, OS_MESSAGE, OS_VARIANTS, OS_PARAMETERS, OS_API, OS_TRUSTED };

/* What is in both lists, in the order of X. */
json *q_common(const json *x, const json *y)
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
			 first_node ? json_clone(v) : q_common(json_get(os, lists[i].key), v));
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


static int os_collect(struct qctx *c, const struct strs *names, const void ***ret, size_t *ret_n,
		      struct err *e)
{
	struct map *all CLEANUP(map_freep) = map_new();
	struct rpc_answer *answers;
	struct strs asked;
	const char *name;
	size_t pos = 0;
	json *os;

	if (q_plugins(c, RPC_os_diagnose, &asked, &answers, e) < 0)
		return -1;
	for (size_t i = 0; i < asked.n; i++)
		take_answer(c, all, asked.v[i], answers[i].payload);
	/* a node that answered and lacks it makes it invalid */
	while (map_next(all, &pos, &name, (void **)&os))
		for (size_t i = 0; i < asked.n; i++)
			if (!answers[i].failed && !json_get(json_get(os, "node_status"), asked.v[i])) {
				json_set(os, "valid", json_new_bool(false));
				json_set(json_get(os, "node_status"), asked.v[i], json_new_array());
			}
	q_plugins_named(c, all, names, ret, ret_n);
	return 0;
}

static void os_rows(struct qrows *r)
{
#define QFIELD QROW
#include "src/query/fields/os.def"
#undef QFIELD
}

const struct qresource qres_os = {
	.name = "os",
	.key = "name",
	.op_only = true,
	.rows = os_rows,
	.collect = os_collect,
};
