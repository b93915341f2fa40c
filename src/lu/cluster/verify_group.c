/*
 * OP_CLUSTER_VERIFY_GROUP: ask every node of a group once, then compare. What concerns only LVM and DRBD
 * is not checked, there are no such disks.
 */
#include "src/lu/cluster/lus.h"

#include "lib/base/clock.h"

#include <string.h>

struct state {
	const char *group; /* UUID */
	struct strs nodes;
	struct finder f;
};

static int expand(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_cluster_verify_group *op = op_;
	struct state *st = lu->state;
	const struct nodegroup *g;
	struct strs nodes;

	TRY(lu_expand_group(lu, op->group_name, &g, e));
	st->group = arena_strdup(lu->a, g->uuid);
	lu_need(lu, LOCK_NODEGROUP, st->group, true);
	lu_need_all(lu, LOCK_NODE_ALLOC, true);
	nodes = snap_group_nodes(lu->snap, st->group);
	for (size_t i = 0; i < nodes.n; i++) {
		struct strs insts = snap_node_primaries(lu->snap, nodes.v[i]);

		for (size_t k = 0; k < insts.n; k++)
			lu_need(lu, LOCK_INSTANCE, snap_instance(lu->snap, insts.v[k])->name, true);
	}
	return 0;
}

static int declare(struct luctx *lu, const void *op, enum lock_level level, struct err *e)
{
	struct state *st = lu->state;
	struct strs nodes;

	(void)op;
	(void)e;
	if (level != LOCK_NODE)
		return 0;
	nodes = snap_group_nodes(lu->snap, st->group);
	for (size_t i = 0; i < nodes.n; i++)
		lu_need(lu, LOCK_NODE, nodes.v[i], true);
	return 0;
}

static int hooks(struct luctx *lu, const void *op, json *env, struct strs *pre, struct strs *post,
		 struct err *e)
{
	struct state *st = lu->state;

	(void)op;
	(void)pre;
	(void)e;
	*post = snap_group_nodes(lu->snap, st->group);
	json_set(env, "CLUSTER_TAGS", json_new_str(strs_join(lu->a, &lu->cluster->tags, " ")));
	for (size_t i = 0; i < post->n; i++) {
		const struct node *n = snap_node(lu->snap, post->v[i]);

		json_set(env, arena_printf(lu->a, "NODE_TAGS_%s", n->name),
			 json_new_str(strs_join(lu->a, &n->tags, " ")));
	}
	return 0;
}

/* Lines of a script's output, indented. */
static void show_output(struct luctx *lu, const char *text)
{
	struct strs lines = strs_split(lu->a, text ? text : "", '\n');
	struct str out CLEANUP(str_free) = { 0 };

	for (size_t i = 0; i < lines.n; i++)
		str_addf(&out, "%s      %s", i ? "\n" : "", lines.v[i]);
	lu_log(lu, "%s", str_get(&out));
}

static const char *uuid_of(struct luctx *lu, const char *name)
{
	const struct node *n;

	return snap_find_node(lu->snap, name, &n, NULL) == 0 ? n->uuid : name;
}

static int hooks_done(struct luctx *lu, const void *op, const char *phase, const struct rpc_answer *v,
		      size_t n, json **ret, struct err *e)
{
	struct state *st = lu->state;
	bool bad = false;

	(void)op;
	(void)e;
	if (strcmp(phase, "post") != 0)
		return 0;
	lu_log(lu, "* Hooks Results");
	for (size_t i = 0; i < n; i++) {
		const char *item = uuid_of(lu, v[i].node);

		if (find_if(&st->f, v[i].failed && !v[i].offline, cv_errcode_enodehooks, item,
			    "Communication failure in hooks execution: %s",
			    v[i].failed ? v[i].error : "None")) {
			bad = true;
			continue;
		}
		json_items(v[i].payload, k, script) {
			bool fail = json_int(json_at(script, 1), 0) == HOOK_FAIL;

			find_if(&st->f, fail, cv_errcode_enodehooks, item, "Script %s failed, output:",
				json_str(json_at(script, 0)));
			if (!fail)
				continue;
			show_output(lu, json_str(json_at(script, 2)));
			bad = true;
		}
	}
	if (bad) {
		json_put(*ret);
		*ret = json_new_bool(false);
	}
	return 0;
}

/* --- exec --- */
struct node_image *verify_image(struct group_check *g, const char *node_uuid)
{
	for (size_t i = 0; i < g->n_nodes; i++)
		if (str_eq(g->nodes[i].n->uuid, node_uuid))
			return &g->nodes[i];
	return NULL;
}

static void find_bridges(struct group_check *g)
{
	struct luctx *lu = g->lu;
	struct nicparams p = fill_nic(lu->a, lu->cluster, NULL);

	if (p.mode == nic_mode_bridged)
		strs_add(lu->a, &g->bridges, p.link);
	for (size_t k = 0; k < g->instances.n; k++) {
		const struct instance *i = snap_instance(lu->snap, g->instances.v[k]);

		for (size_t x = 0; x < i->nics.n; x++) {
			p = fill_nic(lu->a, lu->cluster, &i->nics.v[x].nicparams);
			if (p.mode == nic_mode_bridged && !strs_has(&g->bridges, p.link))
				strs_add(lu->a, &g->bridges, p.link);
		}
	}
}

static json *file_list(struct group_check *g)
{
	const struct strs *lists[] = { &g->files.all, &g->files.candidates, &g->files.vm };
	json *out = json_new_array();

	for (size_t k = 0; k < ARRAY_SIZE(lists); k++)
		for (size_t i = 0; i < lists[k]->n; i++)
			json_append(out,
				    json_new_str(env_strip_root(g->lu->a, lists[k]->v[i])));
	return out;
}

static void want(json *what, enum node_check check, json *arg)
{
	json_set(what, enum_name(&enum_node_check, check), arg);
}

/* Who logs in where: within the group everybody, and each to one node of every other group. */
static void want_network(struct group_check *g, json *what)
{
	struct luctx *lu = g->lu;
	const struct node *master = snap_node(lu->snap, lu->cluster->master_node);
	struct strs all = snap_uuids(lu->snap, OBJ_NODE), groups = snap_uuids(lu->snap, OBJ_NODEGROUP);
	json *names = json_new_array(), *others = json_new_dict(), *mcs = json_new_array();
	json *addresses = json_new_array(), *outside = json_own(lu->a, json_new_array());

	for (size_t k = 0; k < groups.n; k++) {
		struct strs nodes = snap_group_nodes(lu->snap, groups.v[k]);

		for (size_t i = 0; i < nodes.n && !str_eq(groups.v[k], g->group->uuid); i++) {
			const struct node *n = snap_node(lu->snap, nodes.v[i]);

			if (n->offline)
				continue;
			json_append(outside, json_new_str(n->name));
			break;
		}
	}
	for (size_t i = 0; i < all.n; i++)
		if (snap_node(lu->snap, all.v[i])->master_candidate)
			json_append(mcs, json_new_str(snap_node(lu->snap, all.v[i])->name));
	for (size_t i = 0; i < g->n_nodes; i++) {
		const struct node *n = g->nodes[i].n;

		if (n->offline)
			continue;
		json_append(names, json_new_str(n->name));
		json_set(others, n->name, json_clone(outside));
		json_append(addresses,
			    json_pack("[s, s, s]", n->name, n->primary_ip, n->secondary_ip));
	}
	want(what, node_check_nodenettest, json_pack("[o, O]", addresses, names));
	want(what, node_check_masterip,
	     json_pack("[s, s, O]", master->name, lu->cluster->master_ip, names));
	want(what, node_check_nodelist, json_pack("[o, o, o]", names, others, mcs));
}

static void want_storage(struct group_check *g, json *what)
{
	const struct cluster *c = g->lu->cluster;
	bool file = strs_has(&c->enabled_disk_templates,
			     enum_name(&enum_disk_template, disk_template_file));
	bool shared = strs_has(&c->enabled_disk_templates,
			       enum_name(&enum_disk_template, disk_template_sharedfile));

	if (file || shared) {
		want(what, node_check_file_storage_files, verify_storage_dirs(g, file, shared));
		want(what, node_check_accepted_storage_paths,
		     json_new_str(lu_node_name(g->lu, c->master_node)));
	}
	if (file)
		want(what, node_check_file_storage_path, json_new_str(c->file_storage_dir));
	if (shared)
		want(what, node_check_shared_file_storage_path,
		     json_new_str(c->shared_file_storage_dir));
}

static json *oob_paths(struct luctx *lu)
{
	struct strs all = snap_uuids(lu->snap, OBJ_NODE), paths = { NULL, 0 };

	for (size_t i = 0; i < all.n; i++) {
		const struct node *n = snap_node(lu->snap, all.v[i]);
		struct ndparams nd = fill_nd(lu->a, lu->cluster, snap_group(lu->snap, n->group), n);

		if (nd.oob_program && *nd.oob_program && !strs_has(&paths, nd.oob_program))
			strs_add(lu->a, &paths, nd.oob_program);
	}
	return paths.n ? json_new_strs(&paths) : NULL;
}

static json *non_vm_nodes(struct luctx *lu)
{
	struct strs all = snap_uuids(lu->snap, OBJ_NODE);
	json *out = json_new_array();

	for (size_t i = 0; i < all.n; i++)
		if (!snap_node(lu->snap, all.v[i])->vm_capable)
			json_append(out, json_new_str(snap_node(lu->snap, all.v[i])->name));
	return out;
}

static json *questions(struct group_check *g)
{
	struct luctx *lu = g->lu;
	const struct strs *hvs = &lu->cluster->enabled_hypervisors;
	json *what = json_own(lu->a, json_new_dict()), *oob = oob_paths(lu);
	struct strs scripts = { NULL, 0 };

	if (lu->cluster->use_external_mip_script)
		strs_add(lu->a, &scripts,
			 env_strip_root(lu->a, path_of(PATH_EXTERNAL_MASTER_SETUP_SCRIPT)));
	want(what, node_check_filelist, file_list(g));
	want_network(g, what);
	want(what, node_check_hypervisor, json_new_strs(hvs));
	want(what, node_check_hvparams, json_ref(verify_all_hvparams(lu)));
	want(what, node_check_instancelist, json_new_strs(hvs));
	want(what, node_check_version, NULL);
	want(what, node_check_hvinfo, json_new_str(hvs->v[0]));
	want(what, node_check_nodesetup, NULL);
	want(what, node_check_time, NULL);
	want(what, node_check_oslist, NULL);
	want(what, node_check_nonvmnodes, non_vm_nodes(lu));
	want(what, node_check_userscripts, json_new_strs(&scripts));
	want(what, node_check_client_cert, NULL);
	want_storage(g, what);
	if (g->bridges.n)
		want(what, node_check_bridges, json_new_strs(&g->bridges));
	if (oob)
		want(what, node_check_oob_paths, oob);
	return what;
}

static json *verify_args(struct luctx *lu, json *what)
{
	return json_pack("[O, s, O]", what, lu->cluster->cluster_name, lu->cluster->hvparams);
}

/* The master's files, and those of one node more, are compared in any case. */
static int ask_others(struct group_check *g, json *what, struct strs *ret_uuids,
		      struct rpc_answer **ret, struct err *e)
{
	struct luctx *lu = g->lu;
	struct strs all = snap_uuids(lu->snap, OBJ_NODE), more = { NULL, 0 };
	const char *master = lu->cluster->master_node, *key = enum_name(&enum_node_check,
									node_check_filelist);
	json *files = json_own(lu->a, json_new_dict());

	if (all.n == g->n_nodes)
		return 0;
	lu_log(lu, "* Gathering information about the master node");
	if (!verify_image(g, master))
		strs_add(lu->a, &more, master);
	for (size_t i = 0; i < all.n; i++) {
		const struct node *n = snap_node(lu->snap, all.v[i]);

		if (verify_image(g, n->uuid) || n->offline || !n->vm_capable ||
		    str_eq(n->uuid, master))
			continue;
		strs_add(lu->a, &more, n->uuid);
		break;
	}
	json_set(files, key, json_ref(json_get(what, key)));
	*ret_uuids = more;
	return lu_rpc_multi(lu, RPC_node_verify, &more, verify_args(lu, files), ret, e);
}

static int ask_nodes(struct group_check *g, json *what, struct err *e)
{
	struct rpc_answer *answers;

	g->asked = clock_real();
	TRY(lu_rpc_multi(g->lu, RPC_node_verify, &g->node_uuids, verify_args(g->lu, what), &answers, e));
	g->answered = clock_real();
	for (size_t i = 0; i < g->n_nodes; i++)
		g->nodes[i].answer = &answers[i];
	return 0;
}

static void compare_files(struct group_check *g, const struct strs *more, const struct rpc_answer *v)
{
	struct luctx *lu = g->lu;
	size_t n = g->n_nodes + more->n;
	const struct node **nodes = ARENA_ARRAY(lu->a, const struct node *, n + 1);
	const struct rpc_answer **answers = ARENA_ARRAY(lu->a, const struct rpc_answer *, n + 1);

	for (size_t i = 0; i < n; i++) {
		nodes[i] = i < g->n_nodes ? g->nodes[i].n :
					    snap_node(lu->snap, more->v[i - g->n_nodes]);
		answers[i] = i < g->n_nodes ? g->nodes[i].answer : &v[i - g->n_nodes];
	}
	verify_files(g, nodes, answers, n);
}

static void other_notes(struct group_check *g)
{
	const struct {
		int n;
		const char *what;
	} notes[] = {
		{ g->non_redundant, "non-redundant instance(s)" },
		{ g->non_balanced, "non-auto-balanced instance(s)" },
		{ g->offline_instances, "offline instance(s)" },
		{ g->offline_nodes, "offline node(s)" },
		{ g->drained_nodes, "drained node(s)" },
	};

	lu_log(g->lu, "* Other Notes");
	for (size_t i = 0; i < ARRAY_SIZE(notes); i++)
		if (notes[i].n)
			lu_log(g->lu, "  - NOTICE: %d %s found.", notes[i].n, notes[i].what);
}

static void load(struct group_check *g)
{
	struct luctx *lu = g->lu;

	g->n_nodes = g->node_uuids.n;
	g->nodes = ARENA_ARRAY(lu->a, struct node_image, g->n_nodes + 1);
	for (size_t i = 0; i < g->n_nodes; i++) {
		struct strs insts = snap_node_primaries(lu->snap, g->node_uuids.v[i]);

		g->nodes[i].n = snap_node(lu->snap, g->node_uuids.v[i]);
		for (size_t k = 0; k < insts.n; k++)
			if (!snap_instance(lu->snap, insts.v[k])->forthcoming)
				strs_add(lu->a, &g->instances, insts.v[k]);
	}
	g->files = lu_ancillary_files(lu, false);
	find_bridges(g);
}

static int verify_group(struct group_check *g, const struct op_cluster_verify_group *op, struct err *e)
{
	struct luctx *lu = g->lu;
	struct strs more = { NULL, 0 };
	struct rpc_answer *others = NULL;
	json *what;

	lu_log(lu, "* Gathering data (%zu nodes)", g->n_nodes);
	what = questions(g);
	lu_log(lu, "* Gathering information about nodes (%zu nodes)", g->n_nodes);
	TRY(lu_flush_config(lu, false, e));
	TRY(ask_nodes(g, what, e));
	TRY(ask_others(g, what, &more, &others, e));
	lu_log(lu, "* Gathering disk information (%zu nodes)", g->n_nodes);
	TRY(verify_ask_disks(g, e));
	lu_log(lu, "* Verifying configuration file consistency");
	verify_certificates(g);
	compare_files(g, &more, others);
	lu_log(lu, "* Verifying node status");
	verify_nodes(g);
	lu_log(lu, "* Verifying instance status");
	TRY(verify_instances(g, e));
	lu_log(lu, "* Verifying orphan volumes");
	TRY(verify_strays(g, e));
	if (!strs_has(&op->skip_checks, enum_name(&enum_verify_optional_checks,
						  verify_optional_checks_nplusone_mem)))
		lu_log(lu, "* Verifying N+1 Memory redundancy");
	other_notes(g);
	return 0;
}

static int exec(struct luctx *lu, const void *op_, json **ret, struct err *e)
{
	const struct op_cluster_verify_group *op = op_;
	struct state *st = lu->state;
	struct group_check g = { .lu = lu, .group = snap_group(lu->snap, st->group) };

	if (!g.group)
		return err_set(e, ERR_PREREQ, ECODE_NOENT, "Node group '%s' not found", op->group_name);
	st->f = (struct finder){ .lu = lu, .simulate = op->debug_simulate_errors,
				 .codes = op->error_codes, .verbose = op->verbose,
				 .ignore = &op->ignore_errors };
	g.f = st->f;
	g.node_uuids = snap_group_nodes(lu->snap, st->group);
	lu_log(lu, "* Verifying group '%s'", g.group->name);
	if (!g.node_uuids.n) {
		lu_log(lu, "* Empty node group, skipping verification");
		*ret = json_new_bool(true);
		return 0;
	}
	load(&g);
	TRY(verify_group(&g, op, e));
	*ret = json_new_bool(!g.f.bad);
	return 0;
}

const struct lu lu_cluster_verify_group = {
	.hooks_path = "cluster-verify", .hooks_type = "CLUSTER", .state_size = sizeof(struct state),
	.expand = expand, .declare = declare, .hooks = hooks, .hooks_done = hooks_done, .exec = exec,
};
