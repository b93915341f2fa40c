/*
 * mkrequest KIND SEED [NODES INSTANCES [TRAIT...]]: a request to an allocator about an invented cluster (htkit.h), on
 * stdout. More traits: group (asks for one), restricted (to every second node), fits, big (wishes hardly anything has room
 * for), small, odd (numbers of nodes that cannot be divided by), roomy (any node may be lost).
 */
#include "tests/harness/htkit.h"

#include "htools/io/io.h"
#include "lib/base/parse.h"

#include <stdio.h>
#include <string.h>

struct maker {
	struct arena *a;
	struct ht_cluster *c;
	struct strs traits, own; /* of the cluster; of the request */
	uint64_t seed;
};

/* SplitMix64 */
static uint64_t draw(struct maker *m, uint64_t n)
{
	uint64_t z = m->seed += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return n ? (z ^ (z >> 31)) % n : 0;
}

static bool trait(const struct maker *m, const char *name)
{
	return strs_has(&m->own, name);
}

static json *spec(const struct ht_spec *s)
{
	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I}", "memory-size", s->mem, "cpu-count", s->cpus, "disk-size", s->disk, "disk-count",
			 s->disks, "nic-count", s->nics, "spindle-use", s->spindles);
}

static json *policy(const struct ht_policy *p)
{
	json *minmax = json_new_array(), *templates = json_new_array(), *all;

	for (size_t k = 0; k < p->n_minmax; k++)
		json_append(minmax, json_pack("{s:o,s:o}", "min", spec(&p->minmax[k].min), "max", spec(&p->minmax[k].max)));
	for (size_t k = 0; k < p->n_templates; k++)
		json_append(templates, json_new_str(enum_name(&enum_disk_template, p->templates[k])));
	all = json_pack("{s:o,s:o,s:o,s:f,s:f}", "minmax", minmax, "std", spec(&p->std), "disk-templates", templates, "vcpu-ratio",
			p->vcpu_ratio, "spindle-ratio", p->spindle_ratio);
	if (ht_scales_memory(p))
		json_set(all, "memory-ratio", json_new_float(p->memory_ratio));
	return all;
}

static json *groups(struct maker *m)
{
	json *all = json_new_dict();

	for (int k = 0; k < m->c->n_groups; k++) {
		const struct ht_group *g = &m->c->groups[k];

		json_set(all, g->uuid, json_pack("{s:s,s:s,s:o,s:o,s:o}", "name", g->name, "alloc_policy",
						 enum_name(&enum_alloc_policy, g->alloc), "networks", json_new_strs(&g->networks),
						 "ipolicy", policy(&g->policy), "tags", json_new_strs(&g->tags)));
	}
	return all;
}

static json *nodes(struct maker *m)
{
	json *all = json_new_dict();
	int64_t more = trait(m, "roomy") ? 65536 : 0;

	for (int k = 0; k < m->c->n_nodes; k++) {
		const struct ht_node *n = &m->c->nodes[k];
		json *x = json_pack("{s:b,s:b,s:b,s:s,s:o}", "offline", n->offline && k % 2, "drained", n->offline && k % 2 == 0,
				    "vm_capable", 1, "group", m->c->groups[n->group].uuid, "tags", json_new_strs(&n->ntags));

		json_set(x, "ndparams", json_pack("{s:b,s:I}", "exclusive_storage", n->excl_storage, "spindle_count", n->t_spn));
		json_merge(x, json_own(m->a, json_pack("{s:I,s:I,s:I,s:I,s:I}", "total_memory", (int64_t)n->t_mem + more, "reserved_memory",
						       n->n_mem, "free_memory", n->f_mem + more, "total_disk", (int64_t)n->t_dsk, "free_disk",
						       n->s.f_dsk)));
		json_merge(x, json_own(m->a, json_pack("{s:I,s:I,s:I,s:I}", "total_cpus", (int64_t)n->t_cpu, "reserved_cpus", n->n_cpu,
						       "total_spindles", n->t_spn, "free_spindles", n->s.f_spn)));
		if (trait(m, "odd") && k == 3) /* what is divided by this is no number */
			json_set(json_get(x, "ndparams"), "spindle_count", json_new_int(0));
		if (trait(m, "odd") && k == 2 && m->seed % 2)
			json_set(x, "total_cpus", json_new_int(0));
		json_set(all, n->name, x);
	}
	return all;
}

static json *base(const struct ht_inst *i)
{
	json *disks = json_new_array();

	for (size_t k = 0; k < i->n_disks; k++) {
		json *d = json_pack("{s:I,s:s}", "size", i->disks[k].size, "mode", "rw");

		if (i->disks[k].spindles != HT_NONE)
			json_set(d, "spindles", json_new_int(i->disks[k].spindles));
		json_append(disks, d);
	}
	return json_pack("{s:I,s:o,s:I,s:I,s:o,s:s,s:I,s:[],s:b}", "disk_space_total", i->dsk, "disks", disks, "memory", i->mem, "vcpus",
			 i->vcpus, "tags", json_new_strs(&i->tags), "disk_template", enum_name(&enum_disk_template, i->tmpl),
			 "spindle_use", i->spindle_use, "nics", "forthcoming", i->forthcoming);
}

static json *insts(struct maker *m)
{
	json *all = json_new_dict();

	for (int k = 0; k < m->c->n_insts; k++) {
		const struct ht_inst *i = &m->c->insts[k];
		json *x = base(i), *at = json_append(json_new_array(), json_new_str(m->c->nodes[i->pri].name));
		enum admin_state s = i->status == HT_ADMIN_DOWN ? admin_state_down :
				     i->status == HT_ADMIN_OFFLINE ? admin_state_offline : admin_state_up;

		if (i->sec != HT_NONE)
			json_append(at, json_new_str(m->c->nodes[i->sec].name));
		json_set(x, "nodes", at);
		json_set(x, "admin_state", json_new_str(enum_name(&enum_admin_state, s)));
		json_set(all, i->name, x);
	}
	return all;
}

/* --- what is asked --- */

static json *wish(struct maker *m, int number)
{
	static const int64_t mems[] = { 128, 512, 1024, 4096, 16384 };
	const struct ht_inst *like = &m->c->insts[draw(m, (uint64_t)m->c->n_insts)];
	struct ht_inst i = *like;
	json *x;

	i.mem = trait(m, "small") ? 64 : trait(m, "fits") ? 256 : trait(m, "big") ? 200000 : mems[draw(m, 5)];
	i.vcpus = trait(m, "small") || trait(m, "fits") ? 1 : (int64_t)draw(m, 4) + 1;
	i.forthcoming = draw(m, 10) == 0 && !trait(m, "fits");
	x = base(&i);
	json_set(x, "name", json_new_str(arena_printf(m->a, "new%d.example.com", number)));
	json_set(x, "required_nodes", json_new_int(i.tmpl == disk_template_drbd ? 2 : 1));
	return x;
}

static json *name_of(struct maker *m, int inst)
{
	return json_new_str(m->c->insts[inst].name);
}

static json *leaving(struct maker *m)
{
	int node = (int)draw(m, (uint64_t)m->c->n_nodes), mode = (int)draw(m, 3);
	json *l = json_new_array();

	for (int k = 0; k < m->c->n_insts; k++) {
		const struct ht_inst *i = &m->c->insts[k];

		if ((mode != evac_mode_secondary_only && i->pri == node) || (mode != evac_mode_primary_only && i->sec == node))
			json_append(l, name_of(m, k));
	}
	return json_pack("{s:o,s:s}", "instances", l, "evac_mode", enum_name(&enum_evac_mode, mode));
}

static json *changing(struct maker *m)
{
	json *l = json_new_array(), *to = json_new_array();

	for (int k = 0; k < 3 && k < m->c->n_insts; k++)
		json_append(l, name_of(m, (int)draw(m, (uint64_t)m->c->n_insts / 3) + k * (m->c->n_insts / 3)));
	if (draw(m, 2))
		json_append(to, json_new_str(m->c->groups[draw(m, (uint64_t)m->c->n_groups)].uuid));
	return json_pack("{s:o,s:o}", "instances", l, "target_groups", to);
}

static json *relocating(struct maker *m)
{
	const struct ht_inst *i = &m->c->insts[draw(m, (uint64_t)m->c->n_insts)];
	int from = i->sec != HT_NONE ? i->sec : i->pri;

	return json_pack("{s:s,s:i,s:[s]}", "name", i->name, "required_nodes", 1, "relocate_from", m->c->nodes[from].name);
}

static json *several(struct maker *m)
{
	json *l = json_new_array();

	for (int k = 0, n = (int)draw(m, 4) + 1; k < n; k++)
		json_append(l, wish(m, k));
	return json_pack("{s:o}", "instances", l);
}

static json *request(struct maker *m, enum iallocator_mode kind)
{
	json *x = NULL, *half = json_own(m->a, json_new_array());

	switch (kind) {
	case iallocator_mode_allocate:
		x = wish(m, 0);
		break;
	case iallocator_mode_multi_allocate:
		x = several(m);
		break;
	case iallocator_mode_relocate:
		x = relocating(m);
		break;
	case iallocator_mode_node_evacuate:
		x = leaving(m);
		break;
	case iallocator_mode_change_group:
		x = changing(m);
		break;
	case iallocator_mode_allocate_secondary:
		x = json_pack("{s:o}", "name", name_of(m, (int)draw(m, (uint64_t)m->c->n_insts)));
		break;
	}
	json_set(x, "type", json_new_str(enum_name(&enum_iallocator_mode, kind)));
	for (int k = 0; k < m->c->n_nodes; k += 2)
		json_append(half, json_new_str(m->c->nodes[k].name));
	if (trait(m, "group"))
		json_set(x, "group_name", json_new_str(m->c->groups[draw(m, (uint64_t)m->c->n_groups)].name));
	if (trait(m, "restricted"))
		json_set(x, "restrict-to-nodes", json_ref(half));
	return x;
}

static int print(struct maker *m, enum iallocator_mode kind, int64_t n_nodes, int64_t n_insts)
{
	struct str text CLEANUP(str_free) = { 0 };
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *all CLEANUP(json_putp) = NULL;
	char *out CLEANUP(freep) = NULL;

	htkit_cluster(&text, m->seed, (int)n_nodes, (int)n_insts, &m->traits);
	if (ht_text_parse(m->c, str_get(&text), text.len, &e) < 0 || m->c->n_insts == 0) {
		fprintf(stderr, "mkrequest: no such cluster: %s\n", err_msg(&e));
		return 1;
	}
	all = json_pack("{s:i,s:s,s:o,s:[s]}", "version", 2, "cluster_name", "cl.example.com", "cluster_tags", json_new_strs(&m->c->tags),
			"enabled_hypervisors", enum_name(&enum_hypervisor, draw(m, 3) ? hypervisor_xen_pvm : hypervisor_kvm));
	json_set(all, "nodegroups", groups(m));
	json_set(all, "nodes", nodes(m));
	json_set(all, "instances", insts(m));
	json_set(all, "request", request(m, kind));
	out = json_dump(all);
	puts(out);
	return 0;
}

int main(int argc, char **argv)
{
	struct ht_cluster *c CLEANUP(ht_cluster_freep) = ht_cluster_new();
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct maker m = { .a = a, .c = c };
	int64_t v[3] = { 0, 0, 0 };
	int kind = argc > 2 ? enum_value(&enum_iallocator_mode, argv[1]) : -1;

	for (int i = 2; i < argc; i++) {
		bool own = str_eq(argv[i], "group") || str_eq(argv[i], "restricted") || str_eq(argv[i], "big") || str_eq(argv[i], "small") ||
			   str_eq(argv[i], "fits") || str_eq(argv[i], "odd") || str_eq(argv[i], "roomy");

		if (i > 4)
			strs_add(a, own ? &m.own : &m.traits, argv[i]);
		else if (parse_int(argv[i], &v[i - 2]) < 0)
			return 2;
	}
	if (kind < 0 || v[1] < 0 || v[1] > HTKIT_NODES_MAX || v[2] < 0 || v[2] > HTKIT_INSTS_MAX)
		return 2;
	m.seed = (uint64_t)v[0];
	return print(&m, (enum iallocator_mode)kind, v[1], v[2]);
}
