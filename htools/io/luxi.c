/* A cluster from its master, with the queries upstream's tools send. */
#include "htools/io/io.h"
#include "htools/io/value.h"

#include <string.h>

/* What is asked for, and what the texts of errors call it where that differs. */
static const char *const group_fields[] = { "uuid", "name", "alloc_policy", "ipolicy", "tags", NULL };
static const char *const node_fields[] = {
	"name", "mtotal", "mnode", "mfree", "dtotal", "dfree", "ctotal", "cnos", "offline", "drained", "vm_capable",
	"ndp/spindle_count", "group.uuid", "tags", "ndp/exclusive_storage", "sptotal", "spfree", "ndp/cpu_speed", NULL
};
static const char *const node_names[] = {
	"name", "mtotal", "mnode", "mfree", "dtotal", "dfree", "ctotal", "cnos", "offline", "drained", "vm_capable",
	"spindles", "group.uuid", "tags", "exclusive_storage", "sptotal", "spfree", "cpu_speed", NULL
};
static const char *const state_fields[] = { "name", "hv_state", NULL };
static const char *const inst_fields[] = {
	"name", "disk_usage", "be/memory", "be/vcpus", "status", "pnode", "snodes", "tags", "be/auto_balance",
	"disk_template", "be/spindle_use", "disk.sizes", "disk.spindles", "forthcoming", NULL
};

int ht_luxi_open(const char *socket, struct luxi_client **ret, struct err *e)
{
	return *socket ? luxi_open_at(socket, ret, e) : luxi_open(ret, e);
}

/* --- groups --- */

static int read_group(struct ht_cluster *c, const struct ht_names *names, const json *row, struct err *e)
{
	struct hj r = { .a = c->a, .row = row, .names = group_fields };
	const char *name;

	if (hj_str(&r, "name", &name, e) < 0)
		return err_prefix(e, "Parsing new group");
	return ht_names_group_read(names, c, &r, name, e);
}

/* --- nodes --- */

/* Of a node that is not at work nothing is known; of one that is, everything but disks must be. */
static int read_live(const struct hj *r, struct ht_node *n, bool live, struct err *e)
{
	if (!n->excl_storage && hj_int(r, "spindles", &n->t_spn, e) < 0)
		return -1;
	if (!live)
		return 0;
	if ((n->excl_storage && hj_int(r, "sptotal", &n->t_spn, e) < 0) || hj_float(r, "mtotal", &n->t_mem, e) < 0 ||
	    hj_int(r, "mnode", &n->n_mem, e) < 0 || hj_int(r, "mfree", &n->f_mem, e) < 0 ||
	    hj_float(r, "ctotal", &n->t_cpu, e) < 0 || hj_int(r, "cnos", &n->n_cpu, e) < 0)
		return -1;
	/* may be missing where the cluster has shared storage only */
	hj_int(r, "spfree", &n->s.f_spn, NULL);
	hj_float(r, "dtotal", &n->t_dsk, NULL);
	hj_int(r, "dfree", &n->s.f_dsk, NULL);
	return 0;
}

static int read_node(struct ht_cluster *c, const struct ht_names *names, const json *row, struct err *e)
{
	struct hj r = { .a = c->a, .row = row, .names = node_names };
	struct ht_node n = { .cpu_speed = 1 };
	const char *name, *group;
	bool offline, drained, capable;

	if (hj_str(&r, "name", &name, e) < 0)
		return err_prefix(e, "Parsing new node");
	r.owner = arena_printf(c->a, "Node '%s'", name);
	if (hj_bool(&r, "offline", &offline, e) < 0 || hj_bool(&r, "drained", &drained, e) < 0 ||
	    hj_bool(&r, "vm_capable", &capable, e) < 0 || hj_str(&r, "group.uuid", &group, e) < 0 ||
	    ht_names_group(names, group, name, &n.group, e) < 0 || hj_strs(&r, "tags", &n.ntags, e) < 0 ||
	    hj_bool(&r, "exclusive_storage", &n.excl_storage, e) < 0 || hj_float(&r, "cpu_speed", &n.cpu_speed, e) < 0 ||
	    read_live(&r, &n, !offline && capable, e) < 0)
		return -1;
	n.offline = offline || !capable || drained;
	ht_names_node_add(names, c, name, &n);
	return 0;
}

/* --- instances --- */

static int read_inst(struct ht_cluster *c, const struct ht_names *names, const json *row, struct err *e)
{
	struct hj r = { .a = c->a, .row = row, .names = inst_fields };
	struct ht_inst i = { 0 };
	const char *name, *pri;
	struct strs sec;
	int tmpl;

	if (hj_str(&r, "name", &name, e) < 0)
		return err_prefix(e, "Parsing new instance");
	r.owner = arena_printf(c->a, "Instance '%s'", name);
	if (hj_int(&r, "disk_usage", &i.dsk, e) < 0 || hj_int(&r, "be/memory", &i.mem, e) < 0 ||
	    hj_int(&r, "be/vcpus", &i.vcpus, e) < 0 || hj_str(&r, "pnode", &pri, e) < 0 ||
	    ht_names_node(names, pri, name, &i.pri, e) < 0 || hj_strs(&r, "snodes", &sec, e) < 0)
		return -1;
	i.sec = HT_NONE;
	if (sec.n > 0 && ht_names_node(names, sec.v[0], name, &i.sec, e) < 0)
		return -1;
	if (hj_status(&r, "status", &i.status, e) < 0 || hj_strs(&r, "tags", &i.tags, e) < 0 ||
	    hj_bool(&r, "be/auto_balance", &i.auto_balance, e) < 0 ||
	    hj_enum(&r, "disk_template", &enum_disk_template, "DiskTemplate", &tmpl, e) < 0 ||
	    hj_int(&r, "be/spindle_use", &i.spindle_use, e) < 0 || hj_disks(&r, "disk.sizes", "disk.spindles", &i, e) < 0 ||
	    hj_bool(&r, "forthcoming", &i.forthcoming, e) < 0)
		return -1;
	i.tmpl = (enum disk_template)tmpl;
	ht_names_inst_add(c, name, &i);
	return 0;
}

/* --- all --- */

static json *fields_list(const char *const *fields)
{
	json *l = json_new_array();

	for (; *fields; fields++)
		json_append(l, json_new_str(*fields));
	return l;
}

static int query(struct luxi_client *l, const char *what, const char *const *fields, json **ret, struct err *e)
{
	return luxi_call(l, LUXI_Query, json_pack("[s,o,n]", what, fields_list(fields)), ret, e);
}

typedef int row_fn(struct ht_cluster *c, const struct ht_names *names, const json *row, struct err *e);

/* upstream: extractArray */
static int rows(struct ht_cluster *c, const struct ht_names *names, const char *what, const json *answer, size_t columns,
		row_fn *fn, struct err *e)
{
	const json *data = json_get(answer, "data");

	if (!json_is(data, JSON_ARRAY))
		return err_plain(e, "Invalid query result, expected array");
	json_items(data, i, row) {
		if (json_len(row) != columns)
			return err_plain(e, "Invalid %s query result", what);
		if (fn(c, names, row, e) < 0)
			return -1;
	}
	return 0;
}

static int read_cluster(struct ht_cluster *c, const struct ht_names *names, const json *info, struct err *e)
{
	struct hj r = { .a = c->a, .dict = info, .owner = "Parsing cluster info" };
	const char *master;
	int hv;

	if (!json_is(info, JSON_DICT))
		return err_plain(e, "Cannot parse cluster info, not a JSON record");
	if (hj_strs(&r, "tags", &c->tags, e) < 0 || hj_policy(&r, "ipolicy", &c->policy, e) < 0 ||
	    hj_str(&r, "master", &master, e) < 0 ||
	    hj_enum(&r, "default_hypervisor", &enum_hypervisor, "Hypervisor", &hv, e) < 0)
		return -1;
	return ht_names_finish(names, c, master, hv, e);
}

/* Does a policy promise more memory than there is? Then what administrators say of the memory of nodes is asked for, too. */
static bool overcommits(const json *groups)
{
	json_items(json_get(groups, "data"), i, row) {
		const json *ratio = json_get(json_at(json_at(row, 3), 1), "memory-ratio");

		if (ratio && json_float(ratio, 1) != 1)
			return true;
	}
	return false;
}

static void add_states(struct ht_cluster *c, const json *states)
{
	json_items(json_get(states, "data"), i, row) {
		const json *name = json_at(json_at(row, 0), 1), *state = json_at(json_at(row, 1), 1);

		for (int k = 0; k < c->n_nodes && json_is(state, JSON_DICT); k++) {
			struct ht_node *n = &c->nodes[((int)i + k) % c->n_nodes]; /* usually the same order */

			if (!str_eq(n->name, json_str(name)))
				continue;
			hj_hv_state(state, n);
			ht_node_init(n);
			break;
		}
	}
}

int ht_luxi_parse(struct ht_cluster *c, const json *groups, const json *nodes, const json *insts, const json *info, struct err *e)
{
	struct ht_names names CLEANUP(ht_names_free) = { map_new(), map_new() };

	if (rows(c, &names, "group", groups, ARRAY_SIZE(group_fields) - 1, read_group, e) < 0 ||
	    rows(c, &names, "node", nodes, ARRAY_SIZE(node_fields) - 1, read_node, e) < 0 ||
	    rows(c, &names, "instance", insts, ARRAY_SIZE(inst_fields) - 1, read_inst, e) < 0)
		return -1;
	return read_cluster(c, &names, info, e);
}

int ht_luxi_load(struct ht_cluster *c, const char *socket, struct err *e)
{
	struct luxi_client *l CLEANUP(luxi_closep) = NULL;
	json *groups CLEANUP(json_putp) = NULL, *nodes CLEANUP(json_putp) = NULL;
	json *insts CLEANUP(json_putp) = NULL, *info CLEANUP(json_putp) = NULL, *states CLEANUP(json_putp) = NULL;

	if (ht_luxi_open(socket, &l, e) < 0 || query(l, "node", node_fields, &nodes, e) < 0 ||
	    query(l, "instance", inst_fields, &insts, e) < 0 ||
	    luxi_call(l, LUXI_QueryClusterInfo, json_new_array(), &info, e) < 0 ||
	    query(l, "group", group_fields, &groups, e) < 0)
		return -1;
	if (overcommits(groups) && query(l, "node", state_fields, &states, e) < 0)
		return -1;
	if (ht_luxi_parse(c, groups, nodes, insts, info, e) < 0)
		return -1;
	add_states(c, states);
	return 0;
}
