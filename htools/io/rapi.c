/* A cluster from its REST daemon, or from files that hold what that answered. */
#include "htools/io/io.h"
#include "htools/io/value.h"

#include <string.h>

#define FILES "file://"
#define QUERY_TIMEOUT 60
#define NO_GROUP "00000000-0000-0000-0000-000000000000" /* upstream: defaultGroupID */

/* --- groups --- */

static int read_group(struct ht_cluster *c, const struct ht_names *names, const json *dict, struct err *e)
{
	struct hj r = { .a = c->a, .dict = dict, .owner = "Parsing new group" };
	const char *name;

	if (hj_str(&r, "name", &name, e) < 0)
		return -1;
	return ht_names_group_read(names, c, &r, name, e);
}

/* --- nodes --- */

static int read_live(const struct hj *r, struct ht_node *n, struct err *e)
{
	struct hj bare = *r; /* upstream does not say whose these are */

	bare.owner = NULL;
	if ((n->excl_storage && hj_int(r, "sptotal", &n->t_spn, e) < 0) ||
	    (hj_has(r, "spfree") && hj_int(&bare, "spfree", &n->s.f_spn, e) < 0) ||
	    hj_float(r, "mtotal", &n->t_mem, e) < 0 || hj_int(r, "mnode", &n->n_mem, e) < 0 ||
	    hj_int(r, "mfree", &n->f_mem, e) < 0 || (hj_has(r, "dtotal") && hj_float(&bare, "dtotal", &n->t_dsk, e) < 0) ||
	    (hj_has(r, "dfree") && hj_int(&bare, "dfree", &n->s.f_dsk, e) < 0) || hj_float(r, "ctotal", &n->t_cpu, e) < 0 ||
	    hj_int(r, "cnos", &n->n_cpu, e) < 0)
		return -1;
	return 0;
}

static int read_params(const struct hj *r, struct ht_node *n, struct err *e)
{
	struct hj p = *r;

	if (hj_value(r, "ndparams", &p.dict, e) < 0)
		return -1;
	if (!json_is(p.dict, JSON_DICT))
		return err_plain(e, "not an object");
	return hj_bool(&p, "exclusive_storage", &n->excl_storage, e);
}

static int read_spindles(const struct hj *r, struct ht_node *n, struct err *e)
{
	struct hj p = *r;

	p.dict = json_get(r->dict, "ndparams");
	return n->excl_storage ? 0 : hj_int(&p, "spindle_count", &n->t_spn, e);
}

static int read_node(struct ht_cluster *c, const struct ht_names *names, const json *dict, struct err *e)
{
	struct hj r = { .a = c->a, .dict = dict, .owner = "Parsing new node" };
	struct ht_node n = { .cpu_speed = 1 };
	const char *name, *group = NO_GROUP;
	bool offline, drained, capable = true;

	if (hj_str(&r, "name", &name, e) < 0)
		return -1;
	r.owner = arena_printf(c->a, "Node '%s', error while parsing data", name);
	if (hj_bool(&r, "offline", &offline, e) < 0 || hj_bool(&r, "drained", &drained, e) < 0 ||
	    (hj_has(&r, "vm_capable") && hj_bool(&r, "vm_capable", &capable, e) < 0) || read_params(&r, &n, e) < 0 ||
	    (hj_has(&r, "group.uuid") && hj_str(&r, "group.uuid", &group, e) < 0) ||
	    ht_names_group(names, group, name, &n.group, e) < 0 || read_spindles(&r, &n, e) < 0)
		return -1;
	if (!offline && capable && read_live(&r, &n, e) < 0)
		return -1;
	hj_hv_state(json_get(dict, "hv_state"), &n);
	if (hj_strs(&r, "tags", &n.ntags, e) < 0)
		return -1;
	n.offline = offline || !capable || drained;
	ht_names_node_add(names, c, name, &n);
	return 0;
}

/* --- instances --- */

/* The first that can be read (upstream joins the texts of both failures). */
static int read_mem(const struct hj *be, int64_t *ret, struct err *e)
{
	struct err first CLEANUP(err_clear) = ERR_NONE, second CLEANUP(err_clear) = ERR_NONE;

	if (hj_int(be, "memory", ret, &first) == 0 || hj_int(be, "maxmem", ret, &second) == 0)
		return 0;
	return err_plain(e, "%s; %s", err_msg(&first), err_msg(&second));
}

static int read_sizes(const struct hj *r, struct ht_inst *i, struct hj *be, struct err *e)
{
	const json *ram;

	if (hj_int(r, "disk_usage", &i->dsk, e) < 0 || hj_disks(r, "disk.sizes", "disk.spindles", i, e) < 0 ||
	    hj_dict(r, "beparams", &be->dict, e) < 0 || hj_value(r, "oper_ram", &ram, e) < 0)
		return -1;
	if (json_is(ram, JSON_INT) || json_is(ram, JSON_FLOAT)) {
		if (hj_int(r, "oper_ram", &i->mem, e) < 0)
			return -1;
	} else if (read_mem(be, &i->mem, e) < 0) {
		return -1;
	}
	return hj_int(be, "vcpus", &i->vcpus, e);
}

static int read_places(const struct hj *r, const struct ht_names *names, const char *name, struct ht_inst *i, struct err *e)
{
	const char *pri;
	const json *sec, *first;

	if (hj_str(r, "pnode", &pri, e) < 0 || ht_names_node(names, pri, name, &i->pri, e) < 0 ||
	    hj_list(r, "snodes", &sec, e) < 0)
		return -1;
	i->sec = HT_NONE;
	first = json_at(sec, 0);
	if (json_len(sec) == 0)
		return 0;
	if (!json_is(first, JSON_STRING))
		return err_plain(e, "Wrong JSON type");
	return ht_names_node(names, json_str(first), name, &i->sec, e);
}

static int read_inst(struct ht_cluster *c, const struct ht_names *names, const json *dict, struct err *e)
{
	struct hj r = { .a = c->a, .dict = dict, .owner = "Parsing new instance" }, be;
	struct ht_inst i = { 0 };
	const char *name;
	int tmpl;

	if (hj_str(&r, "name", &name, e) < 0)
		return -1;
	r.owner = arena_printf(c->a, "Instance '%s', error while parsing data", name);
	be = r;
	if (read_sizes(&r, &i, &be, e) < 0 || read_places(&r, names, name, &i, e) < 0 ||
	    hj_status(&r, "status", &i.status, e) < 0 || hj_strs(&r, "tags", &i.tags, e) < 0 ||
	    hj_bool(&be, "auto_balance", &i.auto_balance, e) < 0 ||
	    hj_enum(&r, "disk_template", &enum_disk_template, "DiskTemplate", &tmpl, e) < 0 ||
	    hj_int(&be, "spindle_use", &i.spindle_use, e) < 0)
		return -1;
	hj_bool(&r, "forthcoming", &i.forthcoming, NULL);
	i.tmpl = (enum disk_template)tmpl;
	ht_names_inst_add(c, name, &i);
	return 0;
}

/* --- all --- */

typedef int dict_fn(struct ht_cluster *c, const struct ht_names *names, const json *dict, struct err *e);

static int dicts(struct ht_cluster *c, const struct ht_names *names, const char *what, const struct ht_get *g, dict_fn *fn,
		 struct err *e)
{
	json *all CLEANUP(json_putp) = NULL;

	if (hj_parse(g->body, g->n, what, &all, e) < 0)
		return -1;
	if (!json_is(all, JSON_ARRAY))
		return err_plain(e, "%s: Unable to read list", what);
	json_items(all, i, dict)
		if (!json_is(dict, JSON_DICT))
			return err_plain(e, "%s: Unable to read JSObject", what);
	json_items(all, i, dict)
		if (fn(c, names, dict, e) < 0)
			return -1;
	return 0;
}

static int read_cluster(struct ht_cluster *c, const struct ht_names *names, const struct ht_get *g, struct err *e)
{
	struct hj r = { .a = c->a, .owner = "Parsing cluster data" };
	json *info CLEANUP(json_putp) = NULL;
	const char *master;
	int hv;

	if (hj_parse(g->body, g->n, "Parsing cluster info", &info, e) < 0)
		return -1;
	if (!json_is(info, JSON_DICT))
		return err_plain(e, "Parsing cluster info: Unable to read JSObject");
	r.dict = info;
	if (hj_str(&r, "master", &master, e) < 0 || hj_strs(&r, "tags", &c->tags, e) < 0 ||
	    hj_policy(&r, "ipolicy", &c->policy, e) < 0 ||
	    hj_enum(&r, "default_hypervisor", &enum_hypervisor, "Hypervisor", &hv, e) < 0)
		return -1;
	return ht_names_finish(names, c, master, hv, e);
}

enum { GROUPS, NODES, INSTANCES, INFO, N_PARTS };

/* An answer that is there, and no refusal. */
static int usable(const struct ht_get *g, struct err *e)
{
	json *why CLEANUP(json_putp) = NULL;

	if (g->err.msg)
		return err_plain(e, "%s", err_msg(&g->err));
	if (g->status == 200)
		return 0;
	json_parse(g->body, g->n, &why, NULL);
	return err_plain(e, "the server answered %d%s%s", g->status, json_get_str(why, "message") ? ": " : "",
			 json_get_str(why, "message") ? json_get_str(why, "message") : "");
}

int ht_rapi_parse(struct ht_cluster *c, const struct ht_get v[4], struct err *e)
{
	struct ht_names names CLEANUP(ht_names_free) = { map_new(), map_new() };

	if (usable(&v[GROUPS], e) < 0 || dicts(c, &names, "Parsing group data", &v[GROUPS], read_group, e) < 0 ||
	    usable(&v[NODES], e) < 0 || dicts(c, &names, "Parsing node data", &v[NODES], read_node, e) < 0 ||
	    usable(&v[INSTANCES], e) < 0 || dicts(c, &names, "Parsing instance data", &v[INSTANCES], read_inst, e) < 0 ||
	    usable(&v[INFO], e) < 0)
		return -1;
	return read_cluster(c, &names, &v[INFO], e);
}

static void read_files(const char *dir, struct ht_get v[N_PARTS], struct arena *a)
{
	static const char *const names[] = { "groups.json", "nodes.json", "instances.json", "info.json" };

	for (int i = 0; i < N_PARTS; i++) {
		const char *slash = str_ends(dir, "/") ? "" : "/";

		if (ht_read_file(arena_printf(a, "%s%s%s", dir, slash, names[i]), &v[i].body, &v[i].n, &v[i].err) == 0)
			v[i].status = 200;
	}
}

int ht_rapi_load(struct ht_cluster *c, const char *where, struct err *e)
{
	static const char *const paths[] = { "/2/groups?bulk=1", "/2/nodes?bulk=1", "/2/instances?bulk=1", "/2/info" };
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct ht_get v[N_PARTS] = { 0 };
	int rc = 0;

	if (str_starts(where, FILES)) {
		read_files(where + strlen(FILES), v, a);
	} else {
		if (!strchr(where, ':'))
			where = arena_printf(a, "https://%s:%d", where, RAPI_PORT);
		for (int i = 0; i < N_PARTS; i++)
			v[i].url = arena_printf(a, "%s%s", where, paths[i]);
		rc = ht_fetch(v, N_PARTS, QUERY_TIMEOUT, e);
	}
	if (rc == 0)
		rc = ht_rapi_parse(c, v, e);
	ht_get_clear(v, N_PARTS);
	return rc;
}
