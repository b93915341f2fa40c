/* Requests of the master to an allocator: the state of the cluster and what is asked, one JSON text. */
#include "htools/io/io.h"
#include "htools/io/value.h"

#include "lib/sys/sys.h"

#include <string.h>
#include <unistd.h>

#define SMALL_MAX (1u << 20) /* of what is parsed as a whole to say what is wrong with it */

struct reader {
	struct ht_cluster *c;
	struct arena *a;          /* of the request */
	struct ht_names names;
	struct map *insts;
	const json *request;
	struct ht_request *ret;
};

/* --- groups --- */

static int read_group(struct reader *r, const char *uuid, const json *v, struct err *e)
{
	struct hj x = { .a = r->c->a, .dict = v };
	struct ht_group g = { 0 }, *at;
	int alloc;

	if (!json_is(v, JSON_DICT))
		return err_plain(e, "not an object");
	x.owner = arena_printf(r->c->a, "invalid data for group '%s'", uuid);
	if (hj_str(&x, "name", &g.name, e) < 0 || hj_enum(&x, "alloc_policy", &enum_alloc_policy, "AllocPolicy", &alloc, e) < 0 ||
	    hj_strs(&x, "networks", &g.networks, e) < 0 || hj_policy(&x, "ipolicy", &g.policy, e) < 0 ||
	    hj_strs(&x, "tags", &g.tags, e) < 0)
		return -1;
	at = ht_add_group(r->c, g.name, uuid);
	at->alloc = (enum alloc_policy)alloc;
	at->policy = g.policy;
	at->networks = g.networks;
	at->tags = g.tags;
	ht_names_put(r->names.groups, uuid, r->c->n_groups - 1);
	return 0;
}

/* --- nodes --- */

static int read_live(const struct hj *x, struct ht_node *n, struct err *e)
{
	if ((n->excl_storage && hj_int(x, "total_spindles", &n->t_spn, e) < 0) ||
	    hj_int(x, "free_spindles", &n->s.f_spn, e) < 0 || hj_float(x, "total_memory", &n->t_mem, e) < 0 ||
	    hj_int(x, "reserved_memory", &n->n_mem, e) < 0 || hj_int(x, "free_memory", &n->f_mem, e) < 0 ||
	    hj_float(x, "total_disk", &n->t_dsk, e) < 0 || hj_int(x, "free_disk", &n->s.f_dsk, e) < 0 ||
	    hj_float(x, "total_cpus", &n->t_cpu, e) < 0 || hj_int(x, "reserved_cpus", &n->n_cpu, e) < 0)
		return -1;
	return 0;
}

static int read_node(struct reader *r, const char *name, const json *v, struct err *e)
{
	struct hj x = { .a = r->c->a, .dict = v }, bare, params;
	struct ht_node n = { .cpu_speed = 1 };
	bool offline, drained, capable = true, live;
	const char *group;

	if (!json_is(v, JSON_DICT))
		return err_plain(e, "not an object");
	x.owner = arena_printf(r->a, "invalid data for node '%s'", name);
	bare = params = x;
	bare.owner = NULL;
	if (hj_bool(&x, "offline", &offline, e) < 0 || hj_bool(&x, "drained", &drained, e) < 0 ||
	    hj_str(&x, "group", &group, e) < 0 || (hj_has(&x, "vm_capable") && hj_bool(&x, "vm_capable", &capable, e) < 0) ||
	    ht_names_group(&r->names, group, name, &n.group, e) < 0 || hj_value(&x, "ndparams", &params.dict, e) < 0)
		return -1;
	if (!json_is(params.dict, JSON_DICT))
		return err_plain(e, "not an object");
	if (hj_has(&x, "tags") && hj_strs(&bare, "tags", &n.ntags, e) < 0)
		return -1;
	if (hj_bool(&params, "exclusive_storage", &n.excl_storage, e) < 0)
		return -1;
	live = !offline && capable;
	if (!n.excl_storage && hj_int(&params, "spindle_count", &n.t_spn, e) < 0)
		return -1;
	if (live && read_live(&x, &n, e) < 0)
		return -1;
	hj_hv_state(json_get(v, "hv_state"), &n);
	n.offline = !live || drained;
	ht_names_node_add(&r->names, r->c, name, &n);
	return 0;
}

/* --- instances --- */

static int read_disks(struct reader *r, const struct hj *x, struct ht_inst *i, struct err *e)
{
	const json *l = NULL;
	struct hj d = *x;

	if (hj_value(x, "disks", &l, e) < 0)
		return -1;
	if (!json_is(l, JSON_ARRAY))
		return err_plain(e, "Invalid input, expected array but got %s", json_dump_spaced_in(r->a, l));
	json_items(l, k, v)
		if (!json_is(v, JSON_DICT))
			return err_plain(e, "not an object");
	i->n_disks = json_len(l);
	i->disks = ARENA_ARRAY(r->c->a, struct ht_disk, i->n_disks + 1);
	json_items(l, k, v) {
		d.dict = v;
		if (hj_int(&d, "size", &i->disks[k].size, e) < 0)
			return -1;
	}
	json_items(l, k, v) {
		d.dict = v;
		i->disks[k].spindles = HT_NONE;
		if (hj_has(&d, "spindles") && hj_int(&d, "spindles", &i->disks[k].spindles, e) < 0)
			return -1;
	}
	return 0;
}

bool ht_nic_mode_known(const char *mode)
{
	return str_eq(mode, "bridged") || str_eq(mode, "routed") || str_eq(mode, "openvswitch");
}

const char *const ht_nic_keys[HT_N_NIC] = { [HT_NIC_MAC] = "mac", [HT_NIC_IP] = "ip", [HT_NIC_MODE] = "mode",
					    [HT_NIC_LINK] = "link", [HT_NIC_BRIDGE] = "bridge", [HT_NIC_NETWORK] = "network" };

static int read_nic(struct reader *r, const char *name, const json *v, struct ht_inst *i, struct ht_nic *ret, struct err *e)
{
	struct hj x = { .a = r->c->a, .dict = v };

	for (size_t k = 0; k < HT_N_NIC; k++) {
		const char *text;

		if (!hj_has(&x, ht_nic_keys[k]))
			continue;
		if (hj_str(&x, ht_nic_keys[k], &text, e) < 0)
			return -1;
		if (k == HT_NIC_MODE && !ht_nic_mode_known(text))
			return err_plain(e, "invalid NIC mode in instance %s", name);
		ret->v[k] = text;
		if (k == HT_NIC_NETWORK)
			strs_add(r->c->a, &i->networks, text);
	}
	return 0;
}

static int read_nics(struct reader *r, const struct hj *x, const char *name, struct ht_inst *i, struct err *e)
{
	const json *l = NULL;

	if (hj_value(x, "nics", &l, e) < 0)
		return -1;
	if (!json_is(l, JSON_ARRAY))
		return err_plain(e, "Invalid input, expected array but got %s", json_dump_spaced_in(r->a, l));
	json_items(l, k, v)
		if (!json_is(v, JSON_DICT))
			return err_plain(e, "not an object");
	i->n_nics = json_len(l);
	i->nics = i->n_nics ? ARENA_ARRAY(r->c->a, struct ht_nic, i->n_nics) : NULL;
	json_items(l, k, v)
		if (read_nic(r, name, v, i, &i->nics[k], e) < 0)
			return -1;
	return 0;
}

void ht_inst_as_asked(struct ht_inst *i, int tmpl, int admin_state)
{
	i->auto_balance = true;
	i->util = (struct ht_util){ 1, 1, 1, 1 };
	i->tmpl = (enum disk_template)tmpl;
	i->movable = ht_template_movable(i->tmpl);
	i->status = admin_state == admin_state_down ? HT_ADMIN_DOWN :
		    admin_state == admin_state_offline ? HT_ADMIN_OFFLINE : HT_RUNNING;
}

/* What an instance of the cluster and one that is wished have in common (upstream: parseBaseInstance). */
static int read_base(struct reader *r, const char *name, const json *v, struct ht_inst *i, struct err *e)
{
	struct hj x = { .a = r->c->a, .dict = v };
	const char *admin = json_get_str(v, "admin_state");
	int tmpl;

	*i = (struct ht_inst){ .pri = HT_NONE, .sec = HT_NONE };
	x.owner = arena_printf(r->a, "invalid data for instance '%s'", name);
	if (hj_int(&x, "disk_space_total", &i->dsk, e) < 0 || read_disks(r, &x, i, e) < 0 || hj_int(&x, "memory", &i->mem, e) < 0 ||
	    hj_int(&x, "vcpus", &i->vcpus, e) < 0 || hj_strs(&x, "tags", &i->tags, e) < 0 ||
	    hj_enum(&x, "disk_template", &enum_disk_template, "DiskTemplate", &tmpl, e) < 0 ||
	    hj_int(&x, "spindle_use", &i->spindle_use, e) < 0 || read_nics(r, &x, name, i, e) < 0)
		return -1;
	ht_inst_as_asked(i, tmpl, admin ? enum_value(&enum_admin_state, admin) : -1);
	i->forthcoming = json_get_bool(v, "forthcoming", false);
	return 0;
}

static int node_at(struct reader *r, const char *name, const json *v, int *ret, struct err *e)
{
	if (!json_is(v, JSON_STRING))
		return err_plain(e, "Wrong JSON type");
	return ht_names_node(&r->names, json_str(v), name, ret, e);
}

static void add_inst(struct reader *r, const char *name, const struct ht_inst *i)
{
	ht_names_inst_add(r->c, name, i);
	ht_names_put(r->insts, name, r->c->n_insts - 1);
}

static int read_inst(struct reader *r, const char *name, const json *v, struct err *e)
{
	struct hj x = { .a = r->c->a, .dict = v };
	const json *nodes = NULL;
	struct ht_inst i;

	if (!json_is(v, JSON_DICT))
		return err_plain(e, "not an object");
	if (read_base(r, name, v, &i, e) < 0 || hj_list(&x, "nodes", &nodes, e) < 0)
		return -1;
	if (json_len(nodes) == 0)
		return err_plain(e, "empty node list for instance %s", name);
	if (node_at(r, name, json_at(nodes, 0), &i.pri, e) < 0 ||
	    (json_len(nodes) > 1 && node_at(r, name, json_at(nodes, 1), &i.sec, e) < 0))
		return -1;
	add_inst(r, name, &i);
	return 0;
}

/* --- the request --- */

/* upstream: lookupInstance */
static int inst_at(const struct reader *r, const char *name, int *ret, struct err *e)
{
	*ret = (int)(intptr_t)map_get(r->insts, name) - 1;
	return *ret < 0 ? err_plain(e, "Unknown instance '%s'", name) : 0;
}

/* upstream: findByName, which wants exactly one with this name or alias */
#define FIND_ONE(fn, array, count, is_name)                                                 \
	static int fn(const struct ht_cluster *c, const char *name, int *ret, struct err *e) \
	{                                                                                   \
		int found = 0;                                                              \
		for (int k = 0; k < c->count; k++) {                                        \
			if (!(is_name))                                                     \
				continue;                                                   \
			found++;                                                            \
			*ret = k;                                                           \
		}                                                                           \
		return found == 1 ? 0 : err_plain(e, "Wrong number of elems found with name %s", name); \
	}
FIND_ONE(one_node, nodes, n_nodes, strcmp(c->nodes[k].name, name) == 0 || strcmp(c->nodes[k].alias, name) == 0)
FIND_ONE(one_inst, insts, n_insts, strcmp(c->insts[k].name, name) == 0 || strcmp(c->insts[k].alias, name) == 0)
FIND_ONE(one_group, groups, n_groups, strcmp(c->groups[k].name, name) == 0 || strcmp(c->groups[k].uuid, name) == 0)

static int read_names(const struct reader *r, const struct hj *x, const char *key,
		      int (*find)(const struct ht_cluster *, const char *, int *, struct err *), struct ht_list *ret, struct err *e)
{
	struct strs l;

	if (hj_strs(x, key, &l, e) < 0)
		return -1;
	for (size_t k = 0; k < l.n; k++) {
		int index = HT_NONE;

		if (find(r->c, l.v[k], &index, e) < 0)
			return -1;
		ht_list_push(ret, index);
	}
	return 0;
}

static int read_wish(struct reader *r, const json *v, struct ht_wish *w, bool first, struct err *e)
{
	struct hj x = { .a = r->c->a, .owner = "invalid request dict", .dict = v };
	struct hj top = { .a = r->c->a, .dict = r->request };
	const char *name;

	if (hj_str(&x, "name", &name, e) < 0 || (hj_has(&top, "group_name") && hj_str(&top, "group_name", &w->group, e) < 0))
		return -1;
	r->ret->restricted = first && hj_has(&top, "restrict-to-nodes");
	if (r->ret->restricted && hj_strs(&top, "restrict-to-nodes", &r->ret->restrict_to, e) < 0)
		return -1;
	if (hj_int(&x, "required_nodes", &w->count, e) < 0 || read_base(r, name, v, &w->inst, e) < 0)
		return -1;
	w->inst.name = w->inst.alias = name;
	ht_inst_tags(r->c, &w->inst);
	return 0;
}

static int read_allocate(struct reader *r, struct err *e)
{
	r->ret->wishes = ARENA_NEW(r->a, struct ht_wish);
	r->ret->n_wishes = 1;
	return read_wish(r, r->request, r->ret->wishes, true, e);
}

static int read_multi(struct reader *r, struct err *e)
{
	struct hj x = { .a = r->c->a, .owner = "invalid request dict", .dict = r->request };
	const json *l = NULL;

	if (hj_list(&x, "instances", &l, e) < 0)
		return -1;
	json_items(l, k, v)
		if (!json_is(v, JSON_DICT))
			return err_plain(e, "invalid request dict: key 'instances': Unable to read JSObject");
	r->ret->n_wishes = json_len(l);
	r->ret->wishes = ARENA_ARRAY(r->a, struct ht_wish, r->ret->n_wishes + 1);
	json_items(l, k, v)
		if (read_wish(r, v, &r->ret->wishes[k], false, e) < 0)
			return -1;
	return 0;
}

static int read_one(struct reader *r, const struct hj *x, struct err *e)
{
	const char *name;
	int index = HT_NONE;

	if (hj_str(x, "name", &name, e) < 0 || inst_at(r, name, &index, e) < 0)
		return -1;
	ht_list_push(&r->ret->insts, index);
	return 0;
}

static int read_request(struct reader *r, struct err *e)
{
	struct hj x = { .a = r->c->a, .owner = "invalid request dict", .dict = r->request };
	struct ht_request *q = r->ret;
	const char *type;
	int kind;

	if (hj_str(&x, "type", &type, e) < 0)
		return -1;
	kind = enum_value(&enum_iallocator_mode, type);
	if (kind < 0)
		return err_plain(e, "Invalid request type '%s'", type);
	q->kind = (enum iallocator_mode)kind;
	switch (q->kind) {
	case iallocator_mode_allocate:
		return read_allocate(r, e);
	case iallocator_mode_relocate:
		if (read_one(r, &x, e) < 0 || hj_int(&x, "required_nodes", &q->count, e) < 0)
			return -1;
		return read_names(r, &x, "relocate_from", one_node, &q->from, e);
	case iallocator_mode_change_group:
		if (read_names(r, &x, "instances", one_inst, &q->insts, e) < 0)
			return -1;
		return read_names(r, &x, "target_groups", one_group, &q->groups, e);
	case iallocator_mode_node_evacuate:
		if (read_names(r, &x, "instances", one_inst, &q->insts, e) < 0)
			return -1;
		return hj_enum(&x, "evac_mode", &enum_evac_mode, "EvacMode", &q->evac_mode, e);
	case iallocator_mode_multi_allocate:
		return read_multi(r, e);
	case iallocator_mode_allocate_secondary:
		return read_one(r, &x, e);
	}
	return -1;
}

/* --- the whole --- */

/* Parts that are as big as the cluster stay text. */
static const char *const big_keys[] = { "nodegroups", "nodes", "instances" };
enum { BIG_GROUPS, BIG_NODES, BIG_INSTS, N_BIG };
static int (*const big_fn[N_BIG])(struct reader *, const char *, const json *, struct err *) = { read_group, read_node, read_inst };

struct message {
	json *top;              /* of the big parts: empty */
	struct hj_slice big[N_BIG];
};

static int malformed(struct err *e)
{
	return err_plain(e, "Parsing input IAllocator message: Malformed JSON");
}

/* What is wrong with a text that could not be split (upstream's words where they are known). */
static int complain(const char *text, size_t n, const struct hj_slices *all, struct err *e)
{
	json *whole CLEANUP(json_putp) = NULL;
	struct str rest CLEANUP(str_free) = { 0 };
	const char *p = all->p;
	bool inside = false;

	if (all->done && !hj_at_end(all)) {
		char *ten;

		while (p < all->end && strchr(" \t\r\n", *p))
			p++;
		ten = xstrndup(p, all->end - p < 10 ? (size_t)(all->end - p) : 10);
		hs_show_str(&rest, ten);
		free(ten);
		return err_plain(e, "Parsing input IAllocator message: Invalid tokens at end of JSON string: %s", str_get(&rest));
	}
	for (size_t k = 0; k < n; k++) {
		k += inside && text[k] == '\\';
		inside = inside != (k < n && text[k] == '"');
	}
	if (inside)
		return err_plain(e, "Parsing input IAllocator message: Unable to parse JSON String: unterminated String: ");
	if (n > SMALL_MAX)
		return malformed(e);
	if (hj_parse(text, n, "Parsing input IAllocator message", &whole, e) < 0)
		return -1;
	return json_is(whole, JSON_DICT) ? malformed(e) : err_plain(e, "Parsing input IAllocator message: Unable to read JSObject");
}

/* The next entry of ALL, where it is as masters write it. False: nothing happened. */
static bool read_quickly(struct reader *r, struct hj_slices *all, int part)
{
	struct json_scan s = { all->p, all->end, true };
	struct ht_node n;
	struct ht_inst i;
	const char *key;
	size_t len;

	if (part == BIG_GROUPS || all->empty || all->done || !json_scan_key(&s, &key, &len) ||
	    !(part == BIG_NODES ? quick_node(&s, r->c->a, &r->names, &n) : quick_inst(&s, r->c->a, &r->names, &i)) ||
	    !hj_continue(all, s.p))
		return false;
	key = arena_strndup(r->c->a, key, len);
	if (part == BIG_NODES)
		ht_names_node_add(&r->names, r->c, key, &n);
	else
		add_inst(r, key, &i);
	return true;
}

static int read_part(struct reader *r, const struct hj *top, const struct message *m, int part, struct err *e)
{
	const json *is = NULL;
	struct hj_slices all;
	struct hj_slice one;
	int rc;

	if (hj_dict(top, big_keys[part], &is, e) < 0)
		return -1;
	if (!hj_slices(m->big[part].value, m->big[part].value_n, &all))
		return malformed(e);
	while ((rc = read_quickly(r, &all, part) ? 2 : hj_next(&all, &one)) > 0) {
		json *v CLEANUP(json_putp) = NULL;
		const char *key;

		if (rc == 2)
			continue;
		if (hj_key(r->c->a, &one, &key, e) < 0 || json_parse(one.value, one.value_n, &v, e) < 0)
			return err_prefix(e, "Parsing input IAllocator message");
		if (big_fn[part](r, key, v, e) < 0)
			return -1;
	}
	return rc < 0 || !hj_at_end(&all) ? malformed(e) : 0;
}

static int read_hypervisors(struct reader *r, const struct hj *top, struct err *e)
{
	struct strs l;

	if (hj_strs(top, "enabled_hypervisors", &l, e) < 0)
		return -1;
	for (size_t k = 0; k < l.n; k++) {
		int v = enum_value(&enum_hypervisor, l.v[k]);

		if (v < 0) {
			ht_bad_value("Hypervisor", l.v[k], e);
			return err_prefix(e, "invalid iallocator message: key 'enabled_hypervisors'");
		}
		if (k == 0)
			r->ret->hypervisor = v;
	}
	for (int k = 0; k < r->c->n_nodes; k++)
		r->c->nodes[k].kvm = r->ret->hypervisor == hypervisor_kvm;
	return 0;
}

static int read_message(struct reader *r, const struct message *m, int64_t static_kvm_mem, struct strs *ret_warnings, struct err *e)
{
	struct hj top = { .a = r->c->a, .owner = "invalid iallocator message", .dict = m->top };
	struct ht_merge_opts none = { 0 };
	struct strs tags;

	if (hj_dict(&top, "request", &r->request, e) < 0 || read_part(r, &top, m, BIG_GROUPS, e) < 0 ||
	    read_part(r, &top, m, BIG_NODES, e) < 0 || read_part(r, &top, m, BIG_INSTS, e) < 0 ||
	    hj_strs(&top, "cluster_tags", &tags, e) < 0)
		return -1;
	r->c->tags = tags;
	if (read_hypervisors(r, &top, e) < 0 || ht_merge(r->c, &none, e) < 0)
		return -1;
	ht_update_missing(r->c, static_kvm_mem, r->a, ret_warnings);
	return read_request(r, e);
}

/* The members of the message; of the same name the first counts, as upstream. */
static int split(const char *text, size_t n, struct arena *a, struct message *ret, struct hj_slices *all)
{
	struct hj_slice one;
	int rc;

	ret->top = json_own(a, json_new_dict());
	if (!hj_slices(text, n, all))
		return -1;
	while ((rc = hj_next(all, &one)) > 0) {
		const char *key;
		json *v = NULL;
		int part = 0;

		if (hj_key(a, &one, &key, NULL) < 0)
			return -1;
		if (json_has(ret->top, key))
			continue;
		while (part < N_BIG && strcmp(big_keys[part], key) != 0)
			part++;
		if (part < N_BIG)
			ret->big[part] = one;
		if (part < N_BIG && *one.value == '{')
			v = json_new_dict();
		else if (json_parse(one.value, one.value_n, &v, NULL) < 0)
			return -1;
		json_set(ret->top, key, v);
	}
	return rc < 0 || !hj_at_end(all) ? -1 : 0;
}

int ht_ialloc_parse(struct ht_cluster *c, const char *text, size_t n, int64_t static_kvm_mem, struct arena *a, struct ht_request *ret,
		    struct strs *ret_warnings, struct err *e)
{
	struct reader r = { .c = c, .a = a, .names = { map_new(), map_new() }, .insts = map_new(), .ret = ret };
	struct message m = { NULL, { { NULL, NULL, 0, 0 } } };
	struct hj_slices all;
	int rc;

	*ret = (struct ht_request){ .hypervisor = -1 };
	rc = split(text, n, a, &m, &all);
	if (rc == 0)
		rc = read_message(&r, &m, static_kvm_mem, ret_warnings, e);
	else
		complain(text, n, &all, e);
	ht_names_free(&r.names);
	map_free(r.insts, NULL);
	return rc;
}

void ht_request_clear(struct ht_request *r)
{
	for (size_t k = 0; k < r->n_wishes; k++) {
		free(r->wishes[k].inst.excl.v);
		free(r->wishes[k].inst.wanted.v);
	}
	free(r->insts.v);
	free(r->groups.v);
	free(r->from.v);
	*r = (struct ht_request){ 0 };
}

static int read_stdin(struct str *s, struct err *e)
{
	char buf[65536];
	ssize_t n;

	while ((n = read(STDIN_FILENO, buf, sizeof(buf))) > 0) {
		if (s->len + (size_t)n > HT_INPUT_MAX)
			return err_plain(e, "<stdin>: more than %u bytes", HT_INPUT_MAX);
		str_addn(s, buf, (size_t)n);
	}
	return 0;
}

int ht_ialloc_read(struct ht_cluster *c, const char *path, int64_t static_kvm_mem, struct arena *a, struct ht_request *ret,
		   struct strs *ret_warnings, struct err *e)
{
	struct str in CLEANUP(str_free) = { 0 };
	char *text CLEANUP(freep) = NULL;
	size_t n;

	*ret = (struct ht_request){ .hypervisor = -1 };
	if (strcmp(path, "-") == 0) {
		if (read_stdin(&in, e) < 0)
			return -1;
		return ht_ialloc_parse(c, str_get(&in), in.len, static_kvm_mem, a, ret, ret_warnings, e);
	}
	if (ht_read_file(path, &text, &n, e) < 0)
		return -1;
	return ht_ialloc_parse(c, text, n, static_kvm_mem, a, ret, ret_warnings, e);
}
