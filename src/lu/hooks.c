/*
 * Site scripts around opcodes (upstream: HooksMaster). They run on nodes, by the node agent, as root;
 * the opcode says where and with which variables. A script that fails stops the opcode in the pre
 * phase and is reported in the post phase.
 */
#include "src/lu/lu.h"

#include "lib/base/log.h"

#include <string.h>

#define HOOKS_PATH "/sbin:/bin:/usr/sbin:/usr/bin"
#define CONFIG_UPDATE "config-update"

/* Python's str() of a value. */
static json *as_text(const json *v)
{
	char *text CLEANUP(freep) = NULL;

	switch (json_kind(v)) {
	case JSON_STRING:
		return json_new_strn(json_str(v), json_str_len(v));
	case JSON_NULL:
		return json_new_str("None");
	case JSON_BOOL:
		return json_new_str(json_boolean(v, false) ? "True" : "False");
	case JSON_INT:
	case JSON_FLOAT:
	case JSON_ARRAY:
	case JSON_DICT:
		break;
	}
	text = json_dump(v);
	return json_new_str(text);
}

static void add_prefixed(json *to, const char *prefix, const json *env)
{
	json_each(env, key, value) {
		char *name CLEANUP(freep) = xasprintf("%s%s", prefix, key);

		json_set(to, name, json_ref(value));
	}
}

/* The RPC's third argument: what every script gets, and ENV. */
static json *full_env(struct luctx *lu, const char *path, const char *phase, const json *env)
{
	const struct node *master = snap_node(lu->snap, lu->cluster->master_node);
	json *out = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "PATH", HOOKS_PATH,
			      "GANETI_HOOKS_VERSION",
			      arena_printf(lu->a, "%d", HOOKS_VERSION), "GANETI_OP_CODE",
			      opcode_name(lu->op), "GANETI_DATA_DIR", path_of(PATH_DATA_DIR),
			      "GANETI_HOOKS_PHASE", phase, "GANETI_HOOKS_PATH", path,
			      "GANETI_CLUSTER", lu->cluster->cluster_name);

	if (lu->lu->hooks_type)
		json_set(out, "GANETI_OBJECT_TYPE", json_new_str(lu->lu->hooks_type));
	if (master)
		json_set(out, "GANETI_MASTER", json_new_str(master->name));
	json_each(env, key, value)
		json_set(out, key, as_text(value));
	return out;
}

/* Hook nodes are LU-made lists: no duplicates. */
static struct strs unique(struct luctx *lu, const struct strs *l)
{
	struct strs out = { NULL, 0 };

	for (size_t i = 0; i < l->n; i++)
		if (l->v[i] && !strs_has(&out, l->v[i]))
			strs_add(lu->a, &out, arena_strdup(lu->a, l->v[i]));
	return out;
}

/* Look at the answers of one node; failures of pre scripts go to ERRS. */
static void judge(struct luctx *lu, const char *node_uuid, const struct rpc_answer *r, bool pre,
		  json *errs)
{
	if (r->offline)
		return;
	if (r->failed) {
		lu_warn(lu, NULL, "Communication failure to node %s: %s", node_uuid, r->error);
		return;
	}
	json_items(r->payload, i, script) {
		const char *name = json_str(json_at(script, 0));
		const char *output = json_str(json_at(script, 2));

		if (json_int(json_at(script, 1), 0) != HOOK_FAIL)
			continue;
		if (pre)
			json_append(errs, json_pack("[s, s, s]", r->node, name, output));
		else
			lu_warn(lu, NULL, "On %s script %s failed, output: %s", r->node, name,
				output && *output ? output : "(no output)");
	}
}

/* HooksAbort carries the list of failures; see err_to_json(). */
static int abort_error(const json *errs, struct err *e)
{
	char *text CLEANUP(freep) = json_dump(errs);

	return err_set(e, HooksAbort, NULL, "%s", text);
}

/* ONLY: these nodes instead of the LU's (may be NULL). */
static int run_hooks(struct luctx *lu, const void *op, const char *phase, const struct strs *only,
		     json **ret, struct err *e)
{
	bool pre = strcmp(phase, "pre") == 0;
	json *env = json_own(lu->a, json_new_dict()), *errs = json_own(lu->a, json_new_array());
	json *vars = json_own(lu->a, json_new_dict());
	struct strs pre_nodes = { NULL, 0 }, post_nodes = { NULL, 0 }, nodes;
	struct rpc_answer *answers;

	if (!lu->lu->hooks_path || !lu->lu->hooks)
		return 0;
	TRY(lu->lu->hooks(lu, op, vars, &pre_nodes, &post_nodes, e));
	if (only)
		pre_nodes = post_nodes = *only;
	if (pre) {
		add_prefixed(env, "GANETI_", vars);
		lu->hook_env = json_ref(env);
	} else {
		add_prefixed(env, "GANETI_POST_", vars);
		json_merge(env, lu->hook_env);
	}
	nodes = unique(lu, pre || !post_nodes.n ? &pre_nodes : &post_nodes);
	if (!nodes.n)
		return 0;
	TRY(lu_rpc_multi(lu, RPC_hooks_runner, &nodes,
			 json_pack("[s, s, o]", lu->lu->hooks_path, phase,
				   full_env(lu, lu->lu->hooks_path, phase, env)),
			 &answers, e));
	for (size_t i = 0; i < nodes.n; i++)
		judge(lu, nodes.v[i], &answers[i], pre, errs);
	if (json_len(errs))
		return abort_error(errs, e);
	if (lu->lu->hooks_done)
		return lu->lu->hooks_done(lu, op, phase, answers, nodes.n, ret, e);
	return 0;
}

int lu_run_hooks(struct luctx *lu, const void *op, const char *phase, json **ret, struct err *e)
{
	return run_hooks(lu, op, phase, NULL, ret, e);
}

void lu_run_post_hook(struct luctx *lu, const void *op, const char *node_uuid)
{
	struct strs only = { &node_uuid, 1 };
	struct err e CLEANUP(err_clear) = ERR_NONE;
	const char *name = lu_node_name(lu, node_uuid);

	if (run_hooks(lu, op, "post", &only, NULL, &e) < 0)
		lu_warn(lu, NULL, "Errors occurred running hooks on %s: %s", name, err_msg(&e));
}

void lu_run_config_hook(struct luctx *lu)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct rpc_node master;
	json *out = NULL;

	/* a failed commit leaves no snapshot; and a destroyed cluster has nobody to tell */
	if (!lu->snap && lu_refresh(lu, &e) < 0)
		return;
	master = lu_rpc_node(lu, lu->cluster->master_node);
	if (rpc_call(lu->rpc, lu->a, RPC_hooks_runner, &master,
		     json_pack("[s, s, o]", CONFIG_UPDATE, "post",
			       full_env(lu, CONFIG_UPDATE, "post", lu->hook_env)),
		     &out, &e) < 0)
		log_warn("Cannot run the " CONFIG_UPDATE " hooks: %s", err_msg(&e));
}
