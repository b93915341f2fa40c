/* From loaded records to a cluster that can be computed with: tags, aliases, roles, policies. */
#include "htools/core/htools.h"

#include <string.h>

#define TAG_EXCLUSION "htools:iextags:"
#define TAG_MIGRATION "htools:migration:"
#define TAG_ALLOW_MIGRATION "htools:allowmigration:"
#define TAG_DESIRED_LOCATION "htools:desiredlocation:"

/* What follows PREFIX in TAG; NULL when it does not begin so. */
static const char *behind(const char *tag, const char *prefix)
{
	return str_starts(tag, prefix) ? tag + strlen(prefix) : NULL;
}

/* What cluster tags with PREFIX name; not empty. */
static struct strs named_by_tags(struct arena *a, const struct strs *tags, const char *prefix)
{
	struct strs l = { 0 };

	for (size_t i = 0; i < tags->n; i++) {
		const char *rest = behind(tags->v[i], prefix);

		if (rest && *rest)
			strs_add(a, &l, rest);
	}
	return l;
}

static bool has_prefix_of(const char *tag, const struct strs *prefixes)
{
	for (size_t i = 0; i < prefixes->n; i++)
		if (str_starts(tag, prefixes->v[i]))
			return true;
	return false;
}

/* Tags of a node that begin with "X:" where the cluster has the tag PREFIX X (upstream: getTags). */
static void node_tags(struct ht_cluster *c, const struct ht_node *n, const char *prefix, struct ht_set *ret)
{
	for (size_t i = 0; i < c->tags.n; i++) {
		const char *what = behind(c->tags.v[i], prefix);
		size_t len = what ? strlen(what) : 0;

		for (size_t k = 0; what && k < n->ntags.n; k++)
			if (strncmp(n->ntags.v[k], what, len) == 0 && n->ntags.v[k][len] == ':')
				ht_set_add(ret, ht_tag_id(c, n->ntags.v[k]));
	}
}

/* Split at the only "::" (upstream: splitAtColons; the second of three colons begins the right part). */
static const char *only_colons(const char *s)
{
	const char *at = strstr(s, "::");

	return at && !strstr(at + 2, "::") ? at : NULL;
}

static void migration_tags(struct ht_cluster *c, struct ht_node *n)
{
	node_tags(c, n, TAG_MIGRATION, &n->mig);
	n->migrates_free = n->mig.n == 0;
	for (int i = 0; i < n->mig.n; i++)
		ht_set_add(&n->rmig, n->mig.v[i]);
	for (size_t k = 0; k < c->tags.n; k++) {
		const char *rule = behind(c->tags.v[k], TAG_ALLOW_MIGRATION);
		const char *at = rule ? only_colons(rule) : NULL;
		char *from;

		if (!at)
			continue;
		from = xstrndup(rule, (size_t)(at - rule));
		for (int i = 0; i < n->mig.n; i++)
			if (n->mig.v[i] == ht_tag_id(c, at + 2))
				ht_set_add(&n->rmig, ht_tag_id(c, from));
		free(from);
	}
}

const char *ht_common_suffix(const struct ht_cluster *c, struct arena *a)
{
	const char *first = c->n_nodes ? c->nodes[0].name : c->n_insts ? c->insts[0].name : "";

	for (const char *s = strchr(first, '.'); s; s = strchr(s + 1, '.')) {
		bool all = true;

		for (int i = 0; i < c->n_nodes && all; i++)
			all = str_ends(c->nodes[i].name, s);
		for (int i = 0; i < c->n_insts && all; i++)
			all = str_ends(c->insts[i].name, s);
		if (all)
			return arena_strdup(a, s);
	}
	return "";
}

static const char *without(struct ht_cluster *c, const char *name, const char *suffix)
{
	return *suffix ? arena_strndup(c->a, name, strlen(name) - strlen(suffix)) : name;
}

bool ht_inst_split(const struct ht_cluster *c, const struct ht_inst *i)
{
	return i->sec != HT_NONE && c->nodes[i->pri].group != c->nodes[i->sec].group;
}

/* --- users' choices --- */

/* Marks the instances named by L; names nobody has are added to UNKNOWN. */
static bool *chosen(const struct ht_cluster *c, const struct strs *l, struct arena *a, struct strs *unknown)
{
	bool *v = ARENA_ARRAY(a, bool, (size_t)c->n_insts + 1);

	for (size_t k = 0; l && k < l->n; k++) {
		int found = ht_lookup_inst(c, l->v[k]);

		if (found == HT_NONE) {
			strs_add(a, unknown, l->v[k]);
			continue;
		}
		for (int i = 0; i < c->n_insts; i++) /* upstream compares names: the same name twice is chosen twice */
			v[i] = v[i] || strcmp(c->insts[i].name, c->insts[found].name) == 0;
	}
	return v;
}

static int choose(struct ht_cluster *c, const struct ht_merge_opts *o, struct arena *a, struct err *e)
{
	struct strs unknown = { 0 };
	struct str text CLEANUP(str_free) = { 0 };
	const bool *select = chosen(c, o->select, a, &unknown);
	const bool *exclude = chosen(c, o->exclude, a, &unknown);
	bool some = o->select && o->select->n > 0;

	for (int i = 0; i < c->n_insts; i++) {
		struct ht_inst *x = &c->insts[i];

		x->movable = ht_template_movable(x->tmpl) && !exclude[i] && (!some || select[i]);
	}
	if (unknown.n == 0)
		return 0;
	hs_show_strs(&text, &unknown);
	return err_plain(e, "Unknown instance(s): %s", str_get(&text));
}

static void apply_util(struct ht_cluster *c, const struct ht_merge_opts *o)
{
	struct map *by_name;

	if (o->ignore_util) {
		for (int i = 0; i < c->n_insts; i++)
			c->insts[i].util = (struct ht_util){ 0, 0, 0, 0 };
		return;
	}
	if (o->util_names.n == 0)
		return;
	by_name = map_new();
	for (int i = 0; i < c->n_insts; i++) {
		bool twice = map_has(by_name, c->insts[i].name);

		map_put(by_name, c->insts[i].name, twice ? NULL : &c->insts[i]);
	}
	for (size_t k = 0; k < o->util_names.n; k++) {
		struct ht_inst *i = map_get(by_name, o->util_names.v[k]);

		if (i)
			i->util = o->util[k];
	}
	map_free(by_name, NULL);
}

/* --- roles as they were loaded: sizes on the nodes count them already (upstream: setPri, setSec) --- */

static void forth_disk(const struct ht_node *n, struct ht_state *s, const struct ht_inst *i)
{
	if (ht_inst_local_disk(i))
		s->f_dsk_forth -= i->dsk;
	s->f_spn_forth = !n->excl_storage ? 0 :
			 ht_inst_spindles(i) == HT_NONE ? -1 : s->f_spn_forth - ht_inst_spindles(i);
	if (n->excl_storage)
		s->p_dsk_forth = n->t_spn == 0 ? 1 : (double)s->f_spn_forth / (double)n->t_spn;
	else
		s->p_dsk_forth = n->t_dsk == 0 ? 1 : (double)s->f_dsk_forth / n->t_dsk;
}

static double spindles(const struct ht_node *n, const struct ht_inst *i, double used)
{
	return n->excl_storage ? 0 : ht_inst_local_disk(i) ? used + (double)i->spindle_use : used;
}

static void sum_util(struct ht_util *to, const struct ht_util *u)
{
	*to = (struct ht_util){ to->cpu + u->cpu, to->mem + u->mem, to->dsk + u->dsk, to->net + u->net };
}

static void load_pri(struct ht_cluster *c, int inst)
{
	const struct ht_inst *i = &c->insts[inst];
	struct ht_node *n = &c->nodes[i->pri];
	struct ht_state *s = &n->s;
	int64_t cpus = ht_inst_online(i) ? i->vcpus : 0;

	if (!i->forthcoming) {
		s->u_cpu += cpus;
		s->p_cpu = (double)s->u_cpu / n->t_cpu;
		sum_util(&s->load, &i->util);
		s->used_spn = spindles(n, i, s->used_spn);
		s->loc_score += i->loc_score + i->wanted.n - ht_set_common(&i->wanted, &n->loc);
		s->n_pri++;
	} else {
		forth_disk(n, s, i);
	}
	s->conflicts += ht_conflicts_add(n, i);
	s->u_cpu_forth += cpus;
	s->p_cpu_forth = (double)s->u_cpu_forth / n->t_cpu;
	sum_util(&s->load_forth, &i->util);
	if (!ht_inst_uses_mem(i))
		s->f_mem_forth -= i->mem;
	s->p_mem_forth = (double)s->f_mem_forth / n->t_mem;
	s->used_spn_forth = spindles(n, i, s->used_spn_forth);
	ht_link_pri(c, i->pri, inst);
}

static void load_sec(struct ht_cluster *c, int inst)
{
	const struct ht_inst *i = &c->insts[inst];
	struct ht_node *n = &c->nodes[i->sec];
	struct ht_state *s = &n->s;

	if (!i->forthcoming) {
		s->load.dsk += i->util.dsk;
		s->used_spn = spindles(n, i, s->used_spn);
		s->n_sec++;
		ht_list_push(&n->sec, inst);
	} else {
		forth_disk(n, s, i);
	}
	s->load_forth.dsk += i->util.dsk;
	s->used_spn_forth = spindles(n, i, s->used_spn_forth);
}

/* upstream: buildPeers */
static void build_peers(struct ht_cluster *c, struct ht_node *n)
{
	for (int k = 0; k < n->sec.n; k++) { /* the oldest first, as upstream's fold from the right */
		const struct ht_inst *i = &c->insts[n->sec.v[k]];
		int64_t mem = ht_inst_uses_sec_mem(i) ? i->mem : 0;

		ht_peers_set(&n->peers, i->pri, ht_peers_get(&n->peers, i->pri) + mem);
	}
	n->s.r_mem = n->peers.n ? n->peers.v[0].mem : 0;
	n->s.p_rem = (double)n->s.r_mem / n->t_mem;
	/* Upstream up to 3.1.0. 3.1.1 says ht_free_mem() <= r_mem here, as moves do; scores are compared with
	 * the former. */
	n->s.fail_n1 = n->f_mem < n->s.r_mem;
}

static void sort_tags(struct ht_cluster *c, struct ht_inst *i, const struct strs *excl, const struct strs *wanted)
{
	for (size_t t = 0; t < i->tags.n; t++) {
		if (has_prefix_of(i->tags.v[t], excl))
			ht_list_push(&i->excl, ht_tag_id(c, i->tags.v[t]));
		if (has_prefix_of(i->tags.v[t], wanted))
			ht_set_add(&i->wanted, ht_tag_id(c, i->tags.v[t]));
	}
}

void ht_inst_tags(struct ht_cluster *c, struct ht_inst *i)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct strs excl = named_by_tags(a, &c->tags, TAG_EXCLUSION), wanted = named_by_tags(a, &c->tags, TAG_DESIRED_LOCATION);

	sort_tags(c, i, &excl, &wanted);
	ht_pools_of(c, i);
}

int ht_merge(struct ht_cluster *c, const struct ht_merge_opts *o, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct strs excl = { 0 }, by_tags = named_by_tags(a, &c->tags, TAG_EXCLUSION);
	struct strs wanted = named_by_tags(a, &c->tags, TAG_DESIRED_LOCATION);
	const char *suffix = ht_common_suffix(c, a);

	apply_util(c, o);
	if (choose(c, o, a, e) < 0)
		return -1;
	for (size_t k = 0; o->excl_tags && k < o->excl_tags->n; k++)
		strs_add(a, &excl, o->excl_tags->v[k]);
	for (size_t k = 0; k < by_tags.n; k++)
		strs_add(a, &excl, by_tags.v[k]);
	for (int k = 0; k < c->n_nodes; k++) {
		struct ht_node *n = &c->nodes[k];

		n->alias = without(c, n->name, suffix);
		node_tags(c, n, HT_TAG_LOCATION, &n->loc);
		migration_tags(c, n);
	}
	ht_bandwidth_tags(c);
	ht_distances_init(c);
	ht_pools_init(c);
	for (int k = 0; k < c->n_insts; k++) {
		struct ht_inst *i = &c->insts[k];

		i->alias = without(c, i->name, suffix);
		sort_tags(c, i, &excl, &wanted);
		ht_pools_of(c, i);
		i->loc_score = ht_shared_locations(c, i->pri, i->sec);
		i->movable = i->movable && !ht_inst_split(c, i);
		load_pri(c, k);
		if (i->sec != HT_NONE)
			load_sec(c, k);
	}
	for (int k = 0; k < c->n_nodes; k++) {
		struct ht_node *n = &c->nodes[k];

		build_peers(c, n);
		ht_node_set_policy(n, &c->groups[n->group].policy);
	}
	return 0;
}

void ht_scale_mem_load(struct ht_cluster *c, double factor)
{
	for (int k = 0; k < c->n_nodes; k++) {
		struct ht_node *n = &c->nodes[k];

		n->s.load.mem *= factor;
		n->s.load_forth.mem *= factor;
		n->rss *= factor;
	}
	for (int k = 0; k < c->n_insts; k++)
		c->insts[k].util.mem *= factor;
}

/* --- what is missing --- */

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

void ht_update_missing(struct ht_cluster *c, int64_t static_kvm_mem, struct arena *a, struct strs *ret_warnings)
{
	*ret_warnings = (struct strs){ 0 };
	for (int k = 0; k < c->n_nodes; k++) {
		struct ht_node *n = &c->nodes[k];
		struct ht_state *s = &n->s;
		int64_t dsk = 0;

		if (n->kvm && static_kvm_mem > 0 && !n->n_mem_set)
			n->n_mem = static_kvm_mem;
		s->i_mem = 0;
		for (int i = 0; i < n->pri.n; i++) {
			const struct ht_inst *x = &c->insts[n->pri.v[i]];

			s->i_mem += ht_inst_uses_mem(x) ? x->mem : 0;
			dsk += x->dsk;
		}
		for (int i = 0; i < n->sec.n; i++)
			dsk += c->insts[n->sec.v[i]].dsk;
		n->x_mem = hs_truncate(n->t_mem) - n->n_mem - s->i_mem - n->f_mem;
		ht_node_set_policy(n, n->policy); /* its own memory may be another now */
		s->p_mem = (double)ht_free_mem(n, s) / n->mem_base;
		if (ht_scales_memory(n->policy)) { /* what is reported free says nothing of what is promised */
			s->p_mem_forth = (double)s->f_mem_forth / n->mem_base;
			s->fail_n1 = ht_spare_mem(n, s) <= s->r_mem;
		}
		dsk = hs_truncate(n->t_dsk) - s->f_dsk - dsk;
		if (n->x_mem > 512 || dsk > 1024)
			strs_add(a, ret_warnings, arena_printf(a, "node %s is missing %lld MB ram and %lld GB disk", n->name,
							       (long long)n->x_mem, (long long)floor_div(dsk, 1024)));
	}
	for (size_t i = 0; i < ret_warnings->n / 2; i++) { /* upstream prepends */
		const char *t = ret_warnings->v[i];

		ret_warnings->v[i] = ret_warnings->v[ret_warnings->n - 1 - i];
		ret_warnings->v[ret_warnings->n - 1 - i] = t;
	}
	for (size_t i = 0; i < c->bad_tags.n; i++)
		strs_add(a, ret_warnings, c->bad_tags.v[i]);
}
