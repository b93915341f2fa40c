/* hail -v: the request and, with -v -v, the cluster it is about, as Haskell shows upstream's records. */
#include "htools/prog/prog.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct dump {
	const struct ht_cluster *c;
	const char **tags;      /* texts by id */
	const char *hypervisor; /* of the nodes, or NULL */
	int64_t now;
	struct str s;
};

/*
 * FMT with values after Haskell's rules: %s string, %m the same or Nothing, %d int, %l int64_t, %f double, %b bool,
 * %L struct strs *, %u struct ht_util *, %w a word as it is.
 */
static void show(struct dump *d, const char *fmt, ...)
{
	const struct ht_util *u;
	const char *text;
	va_list ap;

	va_start(ap, fmt);
	for (; *fmt; fmt++) {
		if (*fmt != '%') {
			str_addc(&d->s, *fmt);
			continue;
		}
		switch (*++fmt) {
		case 's':
			hs_show_str(&d->s, va_arg(ap, const char *));
			break;
		case 'm':
			text = va_arg(ap, const char *);
			str_add(&d->s, text ? "Just " : "Nothing");
			if (text)
				hs_show_str(&d->s, text);
			break;
		case 'd':
			str_addf(&d->s, "%d", va_arg(ap, int));
			break;
		case 'l':
			str_addf(&d->s, "%lld", (long long)va_arg(ap, int64_t));
			break;
		case 'f':
			hs_show_double(&d->s, va_arg(ap, double));
			break;
		case 'b':
			str_add(&d->s, va_arg(ap, int) ? "True" : "False");
			break;
		case 'L':
			hs_show_strs(&d->s, va_arg(ap, const struct strs *));
			break;
		case 'u':
			u = va_arg(ap, const struct ht_util *);
			show(d, "DynUtil {cpuWeight = %f, memWeight = %f, dskWeight = %f, netWeight = %f}", u->cpu, u->mem, u->dsk, u->net);
			break;
		default:
			str_add(&d->s, va_arg(ap, const char *));
		}
	}
	va_end(ap);
}

/* Numbers from BASE on; newest first, as upstream has them, or not. */
static void show_list(struct dump *d, const struct ht_list *l, bool reverse)
{
	str_addc(&d->s, '[');
	for (int k = 0; k < l->n; k++)
		str_addf(&d->s, "%s%d", k ? "," : "", l->v[reverse ? l->n - 1 - k : k]);
	str_addc(&d->s, ']');
}

static void show_set(struct dump *d, const int *ids, int n)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct strs l = { 0 };

	for (int k = 0; k < n; k++)
		strs_add(a, &l, d->tags[ids[k]]);
	strs_sort(&l);
	show(d, "fromList %L", &l);
}

struct counted {
	const char *a, *b; /* B may be NULL */
	int64_t n;
};

static int compare(const void *x, const void *y)
{
	const struct counted *a = x, *b = y;
	int r = strcmp(a->a, b->a);

	return r || !a->b ? r : strcmp(a->b, b->b);
}

/* PAIRS: keys are those of ht_pair(). */
static void show_counts(struct dump *d, const struct ht_counts *c, bool pairs)
{
	struct counted *v = xcalloc((size_t)c->n + 1, sizeof(*v));

	for (int k = 0; k < c->n; k++) {
		int64_t key = c->v[k].key;

		v[k] = (struct counted){ d->tags[pairs ? key >> 32 : key], pairs ? d->tags[(uint32_t)key] : NULL, c->v[k].count };
	}
	qsort(v, (size_t)c->n, sizeof(*v), compare);
	str_add(&d->s, "fromList [");
	for (int k = 0; k < c->n; k++) {
		str_add(&d->s, k ? "," : "");
		if (pairs)
			show(d, "((%s,%s),%l)", v[k].a, v[k].b, v[k].n);
		else
			show(d, "(%s,%l)", v[k].a, v[k].n);
	}
	str_addc(&d->s, ']');
	free(v);
}

/* --- instances --- */

static void show_disks(struct dump *d, const struct ht_inst *i)
{
	for (size_t k = 0; k < i->n_disks; k++) {
		show(d, "%wDisk {dskSize = %l, dskSpindles = ", k ? "," : "", i->disks[k].size);
		if (i->disks[k].spindles == HT_NONE)
			str_add(&d->s, "Nothing}");
		else
			show(d, "Just %l}", i->disks[k].spindles);
	}
}

static void show_nics(struct dump *d, const struct ht_inst *i)
{
	for (size_t k = 0; k < i->n_nics; k++) {
		const char *const *v = i->nics[k].v, *mode = v[HT_NIC_MODE];

		show(d, "%wNic {mac = %m, ip = %m, mode = %w", k ? "," : "", v[HT_NIC_MAC], v[HT_NIC_IP],
		     !mode ? "Nothing" : str_eq(mode, "bridged") ? "Just Bridged" : str_eq(mode, "routed") ? "Just Routed" :
		     "Just OpenVSwitch");
		show(d, ", link = %m, bridge = %m, network = %m}", v[HT_NIC_LINK], v[HT_NIC_BRIDGE], v[HT_NIC_NETWORK]);
	}
}

static void show_repairs(struct dump *d, const struct ht_inst *i)
{
	static const char *const types[] = { [HT_REPAIR_FIX_STORAGE] = "ArFixStorage", [HT_REPAIR_MIGRATE] = "ArMigrateInstance",
					     [HT_REPAIR_FAILOVER] = "ArFailover", [HT_REPAIR_REINSTALL] = "ArReinstall" };
	struct ht_repair_policy p = { .kind = HT_REPAIR_NOT_ENABLED };
	char text[40] = "";
	struct tm tm;
	time_t t;

	if (i->pri != HT_NONE)
		p = ht_repair_policy(d->c, i, d->now);
	switch (p.kind) {
	case HT_REPAIR_NOT_ENABLED:
		str_add(&d->s, "ArNotEnabled");
		break;
	case HT_REPAIR_ENABLED:
		show(d, "ArEnabled %w", types[p.max]);
		break;
	case HT_REPAIR_SUSPENDED:
		str_add(&d->s, "ArSuspended Forever");
		break;
	case HT_REPAIR_SUSPENDED_UNTIL:
		t = (time_t)p.until;
		if (gmtime_r(&t, &tm))
			strftime(text, sizeof(text), "%a %b %e %H:%M:%S UTC %Y", &tm);
		show(d, "ArSuspended (Until %w)", text);
		break;
	}
}

/* INDEX: HT_NONE for one that is wished. */
static void show_inst(struct dump *d, const struct ht_inst *i, int index)
{
	static const char *const status[] = {
		[HT_RUNNING] = "Running", [HT_ERROR_DOWN] = "ErrorDown", [HT_ADMIN_DOWN] = "StatusDown",
		[HT_ADMIN_OFFLINE] = "StatusOffline", [HT_ERROR_UP] = "ErrorUp", [HT_NODE_DOWN] = "NodeDown",
		[HT_NODE_OFFLINE] = "NodeOffline", [HT_WRONG_NODE] = "WrongNode", [HT_USER_DOWN] = "UserDown",
	};
	bool is_new = index == HT_NONE;
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct strs excl = { 0 };

	show(d, "Instance {name = %s, alias = %s, mem = %l, dsk = %l, disks = [", i->name, is_new ? i->name : i->alias, i->mem, i->dsk);
	show_disks(d, i);
	show(d, "], vcpus = %l, runSt = %w, pNode = %d, sNode = %d, idx = %d, util = %u", i->vcpus, status[i->status],
	     is_new ? 0 : i->pri + d->c->base, is_new ? 0 : i->sec == HT_NONE ? HT_NONE : i->sec + d->c->base, index, &i->util);
	show(d, ", movable = %b, autoBalance = %b, diskTemplate = %w, spindleUse = %l, allTags = %L", (int)i->movable,
	     (int)i->auto_balance, ht_template_show(i->tmpl), i->spindle_use, &i->tags);
	for (int k = 0; k < i->excl.n; k++)
		strs_add(a, &excl, d->tags[i->excl.v[k]]);
	show(d, ", exclTags = %L, dsrdLocTags = ", &excl);
	show_set(d, i->wanted.v, i->wanted.n);
	show(d, ", locationScore = %l, arPolicy = ", i->loc_score);
	show_repairs(d, i);
	str_add(&d->s, ", nics = [");
	show_nics(d, i);
	show(d, "], forthcoming = %b}", (int)i->forthcoming);
}

/* --- nodes --- */

/* The instances on a node with forthcoming ones: which of them are there is known of the others only. */
static void show_all_on(struct dump *d, int node, bool primary)
{
	struct ht_list l = { 0 };

	for (int k = 0; k < d->c->n_insts; k++)
		if ((primary ? d->c->insts[k].pri : d->c->insts[k].sec) == node)
			ht_list_push(&l, k);
	show_list(d, &l, true);
	free(l.v);
}

static void show_instances_on(struct dump *d, const struct ht_node *n, int node)
{
	str_add(&d->s, ", pList = ");
	show_list(d, &n->pri, true);
	str_add(&d->s, ", pListForth = ");
	show_all_on(d, node, true);
	str_add(&d->s, ", sList = ");
	show_list(d, &n->sec, true);
	str_add(&d->s, ", sListForth = ");
	show_all_on(d, node, false);
	show(d, ", idx = %d, peers = [", node + d->c->base);
	for (int k = 0; k < n->peers.n; k++)
		show(d, "%w(%d,%l)", k ? "," : "", n->peers.v[k].node + d->c->base, n->peers.v[k].mem);
}

/* What upstream does not compute when it loads is shown as it leaves it. */
static void show_node(struct dump *d, const struct ht_node *n, int node)
{
	const struct ht_util capacity = { 1, 1, 1, 1 };
	const struct ht_state *s = &n->s;

	show(d, "Node {name = %s, alias = %s, tMem = %f, nMem = %l, iMem = %l, fMem = %l, fMemForth = %l, xMem = %l", n->name, n->alias,
	     n->t_mem, n->n_mem, s->i_mem, n->f_mem, s->f_mem_forth, n->x_mem);
	show(d, ", tDsk = %f, fDsk = %l, fDskForth = %l, tCpu = %f, tCpuSpeed = %f, nCpu = %l, uCpu = %l, uCpuForth = %l", n->t_dsk,
	     s->f_dsk, s->f_dsk_forth, n->t_cpu, n->cpu_speed, n->n_cpu, s->u_cpu, s->u_cpu_forth);
	show(d, ", tSpindles = %l, fSpindles = %l, fSpindlesForth = %l", n->t_spn, s->f_spn, s->f_spn_forth);
	show_instances_on(d, n, node);
	show(d, "], failN1 = %b, failN1Forth = True, rMem = %l, rMemForth = 0, pMem = %f, pMemForth = %f, pDsk = %f, pDskForth = %f",
	     (int)s->fail_n1, s->r_mem, s->p_mem, s->p_mem_forth, s->p_dsk, s->p_dsk_forth);
	show(d, ", pRem = %f, pRemForth = 0.0, pCpu = %f, pCpuForth = %f, mDsk = %f, loDsk = %l, hiCpu = %l, hiSpindles = %f", s->p_rem,
	     s->p_cpu, s->p_cpu_forth, n->m_dsk, n->lo_dsk, n->hi_cpu, n->hi_spn);
	show(d, ", instSpindles = %f, instSpindlesForth = %f, offline = %b, isMaster = %b, nTags = %L", s->used_spn, s->used_spn_forth,
	     (int)n->offline, (int)n->master, &n->ntags);
	show(d, ", utilPool = %u, utilLoad = %u, utilLoadForth = %u, pTags = ", &capacity, &s->load, &s->load_forth);
	show_counts(d, &n->tags, false);
	show(d, ", group = %d, iPolicy = ", n->group + d->c->base);
	ht_print_policy(&d->s, n->policy);
	show(d, ", exclStorage = %b, migTags = ", (int)n->excl_storage);
	show_set(d, n->mig.v, n->mig.n);
	str_add(&d->s, ", rmigTags = ");
	show_set(d, n->rmig.v, n->rmig.n);
	str_add(&d->s, ", locationTags = ");
	show_set(d, n->loc.v, n->loc.n);
	show(d, ", locationScore = %l, instanceMap = ", s->loc_score);
	show_counts(d, &n->pairs, true);
	show(d, ", hypervisor = %w%w}", d->hypervisor ? "Just " : "Nothing", d->hypervisor ? d->hypervisor : "");
}

/* --- the whole --- */

static void show_cluster(struct dump *d)
{
	const struct ht_cluster *c = d->c;

	str_add(&d->s, "Received cluster data: ClusterData {cdGroups = fromList [");
	for (int k = 0; k < c->n_groups; k++) {
		show(d, "%w(%d,", k ? "," : "", k + c->base);
		ht_print_group(&d->s, c, k);
		str_addc(&d->s, ')');
	}
	str_add(&d->s, "], cdNodes = fromList [");
	for (int k = 0; k < c->n_nodes; k++) {
		show(d, "%w(%d,", k ? "," : "", k + c->base);
		show_node(d, &c->nodes[k], k);
		str_addc(&d->s, ')');
	}
	str_add(&d->s, "], cdInstances = fromList [");
	for (int k = 0; k < c->n_insts; k++) {
		show(d, "%w(%d,", k ? "," : "", k);
		show_inst(d, &c->insts[k], k);
		str_addc(&d->s, ')');
	}
	show(d, "], cdTags = %L, cdIPolicy = ", &c->tags);
	ht_print_policy(&d->s, &c->policy);
	str_add(&d->s, "}\n");
}

static void show_details(struct dump *d, const struct ht_wish *w)
{
	show(d, "AllocDetails %l %w", w->count, w->group ? "(" : "");
	show(d, "%m%w", w->group, w->group ? ")" : "");
}

static void show_request(struct dump *d, const struct ht_request *q)
{
	static const char *const modes[] = { [evac_mode_primary_only] = "ChangePrimary", [evac_mode_secondary_only] = "ChangeSecondary",
					     [evac_mode_all] = "ChangeAll" };

	str_add(&d->s, "Received request: ");
	switch (q->kind) {
	case iallocator_mode_allocate:
		str_add(&d->s, "Allocate (");
		show_inst(d, &q->wishes[0].inst, HT_NONE);
		str_add(&d->s, ") (");
		show_details(d, &q->wishes[0]);
		str_add(&d->s, q->restricted ? ") (Just " : ") Nothing");
		if (q->restricted)
			show(d, "%L)", &q->restrict_to);
		break;
	case iallocator_mode_multi_allocate:
		for (size_t k = 0; k < q->n_wishes; k++) {
			str_add(&d->s, k ? ",(" : "MultiAllocate [(");
			show_inst(d, &q->wishes[k].inst, HT_NONE);
			str_addc(&d->s, ',');
			show_details(d, &q->wishes[k]);
			str_addc(&d->s, ')');
		}
		str_add(&d->s, q->n_wishes ? "]" : "MultiAllocate []");
		break;
	case iallocator_mode_allocate_secondary:
		show(d, "AllocateSecondary %d", q->insts.v[0]);
		break;
	case iallocator_mode_relocate:
		show(d, "Relocate %d %l ", q->insts.v[0], q->count);
		show_list(d, &q->from, false);
		break;
	case iallocator_mode_node_evacuate:
		str_add(&d->s, "NodeEvacuate ");
		show_list(d, &q->insts, false);
		show(d, " %w", modes[q->evac_mode]);
		break;
	case iallocator_mode_change_group:
		str_add(&d->s, "ChangeGroup ");
		show_list(d, &q->insts, false);
		str_addc(&d->s, ' ');
		show_list(d, &q->groups, false);
		break;
	}
	str_addc(&d->s, '\n');
}

void htool_dump(const struct htool *t, const struct ht_cluster *c, const struct ht_request *q, bool of_request)
{
	static const char *const hypervisors[] = {
		[hypervisor_kvm] = "Kvm", [hypervisor_xen_pvm] = "XenPvm", [hypervisor_xen_hvm] = "XenHvm", [hypervisor_lxc] = "Lxc",
		[hypervisor_chroot] = "Chroot", [hypervisor_fake] = "Fake",
	};
	struct dump d = { .c = c, .now = time(NULL) };
	const char *tag;
	size_t pos = 0;
	void *id;

	if (t->verbose < 2)
		return;
	d.tags = xcalloc(map_count(c->names) + 1, sizeof(*d.tags));
	while (map_next(c->names, &pos, &tag, &id))
		d.tags[(intptr_t)id - 1] = tag;
	d.hypervisor = of_request && q->hypervisor >= 0 ? hypervisors[q->hypervisor] : NULL;
	show_request(&d, q);
	if (t->verbose > 2)
		show_cluster(&d);
	fputs(str_get(&d.s), stderr);
	free(d.tags);
	str_free(&d.s);
}
