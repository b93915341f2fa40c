/* What each node of a group says about itself and its surroundings. Texts are upstream's. */
#include "src/lu/cluster/lus.h"


static json *said(const struct node_image *im, enum node_check what)
{
	return json_get(im->answer->payload, enum_name(&enum_node_check, what));
}

static bool silent(const struct node_image *im, enum node_check what)
{
	return !json_has(im->answer->payload, enum_name(&enum_node_check, what));
}

static const char *list(struct luctx *lu, const json *v)
{
	struct strs l = json_strs(lu->a, v);

	strs_sort(&l);
	return strs_join(lu->a, &l, ", ");
}

/* The basics; false: the rest of the answer makes no sense. */
static bool check_basics(struct group_check *g, struct node_image *im)
{
	const char *name = im->n->name;
	json *version = said(im, node_check_version);
	int64_t protocol = json_int(json_at(version, 0), 0);
	const char *release = json_str(json_at(version, 1));
	struct strs setup = json_strs(g->lu->a, said(im, node_check_nodesetup));
	struct finder *f = &g->f;

	if (find_if(f, !json_len(im->answer->payload), cv_errcode_enoderpc, name,
		    "unable to verify node: no data returned"))
		return false;
	if (find_if(f, json_len(version) != 2, cv_errcode_enoderpc, name,
		    "connection to node returned invalid data"))
		return false;
	if (find_if(f, protocol != PROTOCOL_VERSION, cv_errcode_enodeversion, name,
		    "incompatible protocol versions: master %d, node %lld", PROTOCOL_VERSION,
		    (long long)protocol))
		return false;
	find_kind_if(f, !str_eq(release, RELEASE_VERSION), FIND_WARNING, cv_errcode_enodeversion, name,
		     "software version mismatch: master %s, node %s", RELEASE_VERSION, release);
	if (im->n->vm_capable) {
		json_each(said(im, node_check_hypervisor), hv, problem)
			find_if(f, problem != NULL, cv_errcode_enodehv, name,
				"hypervisor %s verify failure: '%s'", hv,
				problem ? json_str(problem) : "None");
		json_items(said(im, node_check_hvparams), i, bad)
			find_if(f, true, cv_errcode_enodehv, name,
				"hypervisor %s parameter verify failure (source %s): %s",
				json_str(json_at(bad, 1)), json_str(json_at(bad, 0)),
				json_str(json_at(bad, 2)));
	}
	if (silent(im, node_check_nodesetup))
		strs_add(g->lu->a, &setup, "Missing NODESETUP results");
	find_if(f, setup.n > 0, cv_errcode_enodesetup, name, "node setup error: %s",
		strs_join(g->lu->a, &setup, "; "));
	return true;
}

static void check_time(struct group_check *g, const struct node_image *im)
{
	json *t = said(im, node_check_time);
	double now = json_float(json_at(t, 0), 0) + json_float(json_at(t, 1), 0) / 1e6, diff = 0;

	if (json_len(t) != 2) {
		find_if(&g->f, true, cv_errcode_enodetime, im->n->name, "Node returned invalid time");
		return;
	}
	if (now < g->asked - NODE_CLOCK_SKEW)
		diff = g->asked - now;
	else if (now > g->answered + NODE_CLOCK_SKEW)
		diff = now - g->answered;
	find_if(&g->f, diff > 0, cv_errcode_enodetime, im->n->name,
		"Node time diverges by at least %.1fs from master node time", diff);
}

static void check_network(struct group_check *g, const struct node_image *im)
{
	struct finder *f = &g->f;
	const char *name = im->n->name;
	bool master = str_eq(im->n->uuid, g->lu->cluster->master_node);
	json *tcp = said(im, node_check_nodenettest);
	struct strs nodes = json_keys(g->lu->a, tcp);

	if (!find_if(f, silent(im, node_check_nodelist), cv_errcode_enodessh, name,
		     "node hasn't returned node ssh connectivity data"))
		json_each(said(im, node_check_nodelist), node, why)
			find_if(f, true, cv_errcode_enodessh, name,
				"ssh communication with node '%s': %s", node, json_str(why));
	if (silent(im, node_check_nodenettest))
		find_if(f, true, cv_errcode_enodenet, name,
			"node hasn't returned node tcp connectivity data");
	strs_sort_nat(&nodes);
	for (size_t i = 0; i < nodes.n; i++)
		find_if(f, true, cv_errcode_enodenet, name, "tcp communication with node '%s': %s",
			nodes.v[i], json_get_str(tcp, nodes.v[i]));
	if (silent(im, node_check_masterip))
		find_if(f, true, cv_errcode_enodenet, name,
			"node hasn't returned node master IP reachability data");
	else if (!json_boolean(said(im, node_check_masterip), false))
		find_if(f, true, cv_errcode_enodenet, name, "%s",
			master ? "the master node cannot reach the master IP (not configured?)" :
				 "cannot reach the master IP");
}

static void check_scripts(struct group_check *g, const struct node_image *im)
{
	json *broken = said(im, node_check_userscripts);

	find_if(&g->f, silent(im, node_check_userscripts), cv_errcode_enodeuserscripts, im->n->name,
		"did not return user scripts information");
	find_if(&g->f, json_len(broken) > 0, cv_errcode_enodeuserscripts, im->n->name,
		"user scripts not present or not executable: %s", list(g->lu, broken));
	json_items(said(im, node_check_oob_paths), i, problem)
		find_if(&g->f, problem != NULL, cv_errcode_enodeoobpath, im->n->name, "%s",
			problem ? json_str(problem) : "None");
}

static bool template_on(const struct group_check *g, disk_template_t t)
{
	return strs_has(&g->lu->cluster->enabled_disk_templates, enum_name(&enum_disk_template, t));
}

static void check_storage(struct group_check *g, const struct node_image *im)
{
	static const struct {
		disk_template_t t;
		enum node_check check;
		enum cv_errcode code;
	} dirs[] = {
		{ disk_template_file, node_check_file_storage_path,
		  cv_errcode_enodefilestoragepathunusable },
		{ disk_template_sharedfile, node_check_shared_file_storage_path,
		  cv_errcode_enodesharedfilestoragepathunusable },
	};
	const enum node_check what = node_check_accepted_storage_paths;
	const char *name = im->n->name;
	bool master = str_eq(im->n->uuid, g->lu->cluster->master_node);
	bool files = template_on(g, disk_template_file) || template_on(g, disk_template_sharedfile);

	if (master && files && silent(im, what))
		find_if(&g->f, true, cv_errcode_enodefilestoragepaths, name,
			"Node did not return forbidden file storage paths");
	else if (master && files)
		find_if(&g->f, json_len(said(im, what)) > 0, cv_errcode_enodefilestoragepaths, name,
			"Found forbidden file storage paths: %s", list(g->lu, said(im, what)));
	else
		find_if(&g->f, !silent(im, what), cv_errcode_enodefilestoragepaths, name,
			"Node should not have returned forbidden file storage paths");
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (template_on(g, dirs[i].t))
			find_if(&g->f, !silent(im, dirs[i].check), dirs[i].code, name,
				"The configured %s storage path is unusable: %s",
				enum_name(&enum_disk_template, dirs[i].t),
				silent(im, dirs[i].check) ? "None" :
							    json_str(said(im, dirs[i].check)));
}

static void check_running(struct group_check *g, struct node_image *im)
{
	json *names = said(im, node_check_instancelist), *info = said(im, node_check_hvinfo);
	struct luctx *lu = g->lu;

	im->hyp_fail = find_if(&g->f, !json_is(names, JSON_ARRAY), cv_errcode_enodehv, im->n->name,
			       "rpc call to node failed (instancelist): %s",
			       json_str(names) ? json_str(names) :
						 arena_printf(lu->a, "[%s]", lu_py_list(lu, names)));
	if (!im->hyp_fail)
		im->running = json_strs(lu->a, names);
	find_if(&g->f, !json_has(info, "memory_free"), cv_errcode_enodehv, im->n->name,
		"rpc call to node failed (hvinfo)");
}

/* --- OS definitions, compared with the first node's --- */
static void read_os(struct group_check *g, struct node_image *im)
{
	json *all = said(im, node_check_oslist), *by_name;
	bool good = json_is(all, JSON_ARRAY);

	json_items(all, i, os)
		good = good && json_len(os) == 8 && json_str(json_at(os, 0));
	im->os_fail = find_if(&g->f, !good, cv_errcode_enodeos, im->n->name,
			      "node hasn't returned valid OS data");
	if (im->os_fail)
		return;
	by_name = json_own(g->lu->a, json_new_dict());
	json_items(all, k, entry) {
		const char *name = json_str(json_at(entry, 0));

		if (!json_get(by_name, name))
			json_set(by_name, name, json_new_array());
		json_append(json_get(by_name, name), json_ref(entry));
	}
	im->os = by_name;
}

static const char *os_list(struct luctx *lu, const json *v)
{
	struct strs out = { NULL, 0 };

	json_items(v, i, item) {
		if (json_is(item, JSON_ARRAY))
			strs_add(lu->a, &out,
				 arena_printf(lu->a, "%s: %s", json_str(json_at(item, 0)),
					      json_str(json_at(item, 1))));
		else
			strs_add(lu->a, &out,
				 json_str(item) ? json_str(item) : json_dump_in(lu->a, item));
	}
	strs_sort(&out);
	return strs_join(lu->a, &out, ", ");
}

static void compare_os(struct group_check *g, const struct node_image *im, const char *os,
		       const struct node_image *base)
{
	static const struct {
		const char *what;
		size_t at;
	} parts[] = { { "API version", 6 }, { "variants list", 4 }, { "parameters", 5 } };
	struct luctx *lu = g->lu;
	json *mine = json_at(json_get(im->os, os), 0), *theirs = json_at(json_get(base->os, os), 0);
	bool trusted = json_boolean(json_at(mine, 7), true), other;

	if (find_if(&g->f, !theirs, cv_errcode_enodeos, im->n->name,
		    "Extra OS %s not present on reference node (%s)", os, base->n->name) ||
	    !json_boolean(json_at(theirs, 2), false))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		const char *x = os_list(lu, json_at(mine, parts[i].at));
		const char *y = os_list(lu, json_at(theirs, parts[i].at));

		find_if(&g->f, !str_eq(x, y), cv_errcode_enodeos, im->n->name,
			"OS %s for %s differs from reference node %s: [%s] vs. [%s]", parts[i].what, os,
			base->n->name, x, y);
	}
	other = json_boolean(json_at(theirs, 7), true);
	find_if(&g->f, trusted != other, cv_errcode_enodeos, im->n->name,
		"OS trusted for %s differs from reference node %s: %s vs. %s", os, base->n->name,
		trusted ? "True" : "False", other ? "True" : "False");
}

static void check_os(struct group_check *g, const struct node_image *im, const struct node_image *base)
{
	struct luctx *lu = g->lu;
	struct strs missing = { NULL, 0 };

	json_each(im->os, os, entries) {
		json *first = json_at(entries, 0);
		struct strs paths = { NULL, 0 };

		json_items(entries, i, entry)
			strs_add(lu->a, &paths, json_str(json_at(entry, 1)));
		find_if(&g->f, !json_boolean(json_at(first, 2), false), cv_errcode_enodeos,
			im->n->name, "Invalid OS %s (located at %s): %s", os,
			json_str(json_at(first, 1)), json_str(json_at(first, 3)));
		find_if(&g->f, paths.n > 1, cv_errcode_enodeos, im->n->name,
			"OS '%s' has multiple entries (first one shadows the rest): %s", os,
			strs_join(lu->a, &paths, ", "));
		compare_os(g, im, os, base);
	}
	json_each(base->os, os2, unused) {
		(void)unused;
		if (!json_get(im->os, os2))
			strs_add(lu->a, &missing, os2);
	}
	find_if(&g->f, missing.n > 0, cv_errcode_enodeos, im->n->name,
		"OSes present on reference node %s but missing on this node: %s", base->n->name,
		strs_join(lu->a, &missing, ", "));
}

static void check_bridges(struct group_check *g, const struct node_image *im)
{
	json *missing = said(im, node_check_bridges);

	if (!g->bridges.n)
		return;
	find_if(&g->f, !json_is(missing, JSON_ARRAY), cv_errcode_enodenet, im->n->name,
		"did not return valid bridge information");
	find_if(&g->f, json_len(missing) > 0, cv_errcode_enodenet, im->n->name, "missing bridges: %s",
		list(g->lu, missing));
}

/* Instances that run here but belong elsewhere, or nowhere. */
static void check_strangers(struct group_check *g, const struct node_image *im)
{
	for (size_t i = 0; i < im->running.n; i++) {
		const char *name = im->running.v[i];
		const struct instance *inst = NULL;

		if (snap_find_instance(g->lu->snap, name, &inst, NULL) < 0) {
			find_if(&g->f, true, cv_errcode_enodeorphaninstance, im->n->name,
				"node is running unknown instance %s", name);
			continue;
		}
		if (!str_eq(inst->primary_node, im->n->uuid))
			find_if(&g->f, true, cv_errcode_einstancewrongnode, inst->name,
				"instance should not run on node %s", im->n->name);
	}
}

static const char *role_of(const struct group_check *g, const struct node *n)
{
	if (str_eq(n->uuid, g->lu->cluster->master_node))
		return "master";
	return n->master_candidate ? "master candidate" : n->drained ? "drained" : "regular";
}

static void check_one(struct group_check *g, struct node_image *im, const struct node_image **base)
{
	im->rpc_fail = find_if(&g->f, im->answer->failed, cv_errcode_enoderpc, im->n->name,
			       "while contacting node: %s",
			       im->answer->failed ? im->answer->error : "None");
	if (im->rpc_fail || !check_basics(g, im))
		return;
	check_time(g, im);
	check_network(g, im);
	check_scripts(g, im);
	check_storage(g, im);
	if (!im->n->vm_capable)
		return;
	check_running(g, im);
	read_os(g, im);
	if (!im->os_fail) {
		if (!*base)
			*base = im;
		check_os(g, im, *base);
	}
	check_bridges(g, im);
	check_strangers(g, im);
}

void verify_nodes(struct group_check *g)
{
	const struct node_image *base = NULL;

	for (size_t i = 0; i < g->n_nodes; i++) {
		const struct node *n = g->nodes[i].n;

		if (n->offline) {
			if (g->f.verbose)
				lu_log(g->lu, "* Skipping offline node %s", n->name);
			g->offline_nodes++;
			continue;
		}
		g->drained_nodes += n->drained;
		if (g->f.verbose)
			lu_log(g->lu, "* Verifying node %s (%s)", n->name, role_of(g, n));
		check_one(g, &g->nodes[i], &base);
	}
}
