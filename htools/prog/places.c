/* hail --explain: which places came into question for an instance, new or leaving its nodes, and what excluded others. */
#include "htools/prog/prog.h"

#include <math.h>
#include <stdio.h>

struct candidate {
	int pri, sec;
	enum ht_fail f;
	double score;
	struct ht_why why;
};
struct explained { /* one instance */
	const struct ht_inst *i;
	const char *name;
	double before; /* score of the cluster without it */
	struct candidate *v;
	size_t n, cap;
	size_t as_new; /* the first so many are places for it as a new one */
	int pri, sec;  /* chosen, or HT_NONE */
	json *groups;  /* that might be chosen, with their distances; or NULL */
};
struct places {
	struct ht_watch watch;
	int own_pri, own_sec; /* where a leaving instance is */
	struct htool *t;
	struct ht_cluster *c;
	bool json;
	struct explained now;
	json *all;
};

/* A candidate that is not redundant was a good one before. */
static struct candidate *entry(struct explained *x, int pri, int sec)
{
	for (size_t k = x->n; k-- > 0 && x->v[k].pri == pri;)
		if (x->v[k].sec == sec)
			return &x->v[k];
	for (size_t k = x->n; k-- > 0 && sec == HT_NONE;) /* single nodes are compared when all are known */
		if (x->v[k].pri == pri && x->v[k].sec == HT_NONE)
			return &x->v[k];
	GROW(x->v, x->n, x->cap);
	return &x->v[x->n++];
}

static void seen(const struct ht_alloc_opts *a, int pri, int sec, enum ht_fail f, double score)
{
	struct places *x = a->arg;
	struct candidate *k = entry(&x->now, pri, sec);

	*k = (struct candidate){ .pri = pri, .sec = sec, .f = f, .score = score };
	if (f != HT_OK)
		ht_place_why(x->c, a, x->now.i, pri, sec, f, &k->why);
}

static void seen_group(const struct ht_alloc_opts *a, int group, double score, double distance)
{
	struct places *x = a->arg;
	json *one = json_pack("{s:s,s:f}", "group", x->c->groups[group].name, "distance", distance);

	if (!isnan(score))
		json_set(one, "score", json_new_float(score));
	if (!x->now.groups)
		x->now.groups = json_new_array();
	json_append(x->now.groups, one);
}

/* ONE, finished, joins what was told. */
static void tell(struct places *x, json *one)
{
	const char *chosen = x->now.pri == HT_NONE ? "" : x->c->groups[x->c->nodes[x->now.pri].group].name;

	json_items(x->now.groups, k, g)
		json_set(g, "chosen", json_new_bool(str_eq(json_get_str(g, "group"), chosen)));
	if (x->now.groups)
		json_set(one, "groups", x->now.groups);
	json_append(x->all, one);
	free(x->now.v);
	x->now = (struct explained){ 0 };
}

struct places *htool_places_new(struct htool *t, struct ht_cluster *c)
{
	struct places *x;

	if (!htool_str(t, "explain"))
		return NULL;
	x = ARENA_NEW(t->a, struct places);
	x->t = t;
	x->c = c;
	x->json = str_eq(htool_str(t, "explain"), "json");
	x->all = json_own(t->a, json_new_array());
	return x;
}

void htool_places_start(struct places *x, struct ht_alloc_opts *a, const struct ht_inst *i, const char *group)
{
	struct ht_view v;
	int g;

	if (!x)
		return;
	a->seen = seen;
	a->seen_group = seen_group;
	a->arg = x;
	ht_view_all(x->c, &v);
	g = group ? ht_find_group(x->c, group) : HT_NONE;
	v.n_nodes = g >= 0 ? 0 : v.n_nodes;
	for (int k = 0; k < x->c->n_nodes && g >= 0; k++)
		if (x->c->nodes[k].group == g)
			v.nodes[v.n_nodes++] = k;
	x->now = (struct explained){ .i = i, .name = i->name, .before = ht_score(x->c, &v) };
	ht_view_free(&v);
}

/* --- what is told --- */

static json *node_list(const struct places *x, const struct candidate *k)
{
	json *l = json_append(json_new_array(), json_new_str(x->c->nodes[k->pri].name));

	if (k->sec != HT_NONE)
		json_append(l, json_new_str(x->c->nodes[k->sec].name));
	return l;
}

static json *told(const struct places *x, const struct candidate *k, bool dedicated)
{
	json *j = json_pack("{s:o,s:b}", "nodes", node_list(x, k), "possible", k->f == HT_OK);

	if (!dedicated && !isnan(k->score) && (k->f == HT_OK || k->f == HT_FAIL_N1)) {
		json_set(j, "score", json_new_float(k->score));
		json_set(j, "gain", json_new_float(x->now.before - k->score));
	}
	if (k->f == HT_OK)
		json_set(j, "chosen", json_new_bool(k->pri == x->now.pri && k->sec == x->now.sec));
	else
		json_merge(j, json_own(x->t->a, json_pack("{s:s,s:s,s:s,s:s}", "reason", ht_fail_name(k->f), "limit",
							  k->why.limit, "node",
							  k->why.node == HT_NONE ? NULL : x->c->nodes[k->why.node].name, "text",
							  k->why.text)));
	return j;
}

/* Nodes that were no candidates at all. */
static json *not_asked(const struct places *x, const struct ht_alloc_opts *a)
{
	json *l = json_new_array();

	for (int k = 0; k < x->c->n_nodes; k++) {
		const struct ht_node *n = &x->c->nodes[k];
		const struct ht_group *g = &x->c->groups[n->group];
		const char *why = NULL, *detail = NULL;
		bool networks = true;

		for (size_t w = 0; w < x->now.i->networks.n; w++)
			networks = networks && strs_has(&g->networks, x->now.i->networks.v[w]);
		if (n->offline) {
			why = "offline";
			detail = "the node is offline, drained or not for instances";
		} else if (a->o->restrict_to && !strs_has(a->o->restrict_to, n->name)) {
			why = "restricted";
			detail = "the request is for other nodes";
		} else if (!networks) {
			why = "network";
			detail = "its group is not connected to a network of the instance";
		} else if (g->alloc == alloc_policy_unallocable) {
			why = "unallocable";
			detail = "its group takes no new instances by itself";
		}
		if (why)
			json_append(l, json_pack("{s:s,s:s,s:s}", "node", n->name, "limit", why, "text", detail));
	}
	return l;
}

/* --- instances that leave --- */

/* They are told where they may go as new ones (which group?), then as themselves: the latter counts. */
static void leaving_starts(void *arg, int inst)
{
	struct places *x = arg;
	const struct ht_inst *i = &x->c->insts[inst];

	x->now = (struct explained){ .i = i, .name = i->name, .before = NAN };
	x->own_pri = i->pri;
	x->own_sec = ht_inst_has_sec(i) ? i->sec : HT_NONE;
}

static void leaving_seen(void *arg, int pri, int sec, enum ht_fail f, const struct ht_why *why, double before, double score)
{
	struct places *x = arg;

	if (isnan(x->now.before)) {
		x->now.as_new = x->now.n;
		x->now.before = before;
	}
	GROW(x->now.v, x->now.n, x->now.cap);
	x->now.v[x->now.n++] = (struct candidate){ .pri = pri, .sec = sec, .f = f, .score = score, .why = *why };
}

/* As a new one: its score is of other nodes. */
static void leaving_group(const struct ht_alloc_opts *a, int pri, int sec, enum ht_fail f, double score)
{
	(void)score;
	seen(a, pri, sec, f, NAN);
}

static bool was_asked(const struct places *x, int node)
{
	for (size_t k = 0; k < x->now.n; k++) {
		const struct candidate *v = &x->now.v[k];

		if (v->sec == node || (v->pri == node && (v->sec == HT_NONE || node != x->own_pri)))
			return true;
	}
	return false;
}

static json *not_for_leaving(const struct places *x, const bool *leaving)
{
	json *l = json_new_array();

	for (int k = 0; k < x->c->n_nodes; k++) {
		const struct ht_node *n = &x->c->nodes[k];
		const char *why, *text;

		if (was_asked(x, k))
			continue;
		if (n->offline) {
			why = "offline";
			text = "the node is offline, drained or not for instances";
		} else if (k == x->own_pri || k == x->own_sec) {
			why = "own-node";
			text = "the instance is on this node";
		} else if (leaving && leaving[k]) {
			why = "evacuated";
			text = "an instance of this request leaves this node";
		} else {
			why = "group";
			text = "the instance does not go to the group of this node";
		}
		json_append(l, json_pack("{s:s,s:s,s:s}", "node", n->name, "limit", why, "text", text));
	}
	return l;
}

static int group_of(const struct places *x, size_t candidate)
{
	return x->c->nodes[x->now.v[candidate].pri].group;
}

static void leaving_ends(void *arg, const struct ht_evac_one *v, const bool *leaving)
{
	struct places *x = arg;
	json *l = json_new_array(), *one;

	if (isnan(x->now.before)) /* it never came to places for itself */
		x->now.as_new = x->now.n;
	x->now.pri = v->failed ? HT_NONE : v->pri;
	x->now.sec = v->failed ? HT_NONE : v->sec;
	for (size_t k = 0; k < x->now.n; k++)
		if (k >= x->now.as_new || x->now.as_new == x->now.n || group_of(x, k) != group_of(x, x->now.as_new))
			json_append(l, told(x, &x->now.v[k], false));
	one = json_pack("{s:s,s:o,s:o}", "instance", x->now.name, "candidates", l, "excluded", not_for_leaving(x, leaving));
	if (!isnan(x->now.before))
		json_set(one, "score", json_new_float(x->now.before));
	if (v->failed)
		json_set(one, "failed", json_new_str(v->failed));
	tell(x, one);
}

void htool_places_watch(struct places *x, struct ht_algo_opts *o, struct ht_alloc_opts *a)
{
	if (!x)
		return;
	x->watch = (struct ht_watch){ leaving_starts, leaving_seen, leaving_ends, x };
	o->watch = &x->watch;
	a->seen = leaving_group;
	a->seen_group = seen_group;
	a->arg = x;
}

static void text_of(struct str *s, const json *one)
{
	const json *l = json_get(one, "candidates");

	str_addf(s, "Places for instance %s:\n", json_get_str(one, "instance"));
	if (json_has(one, "failed"))
		str_addf(s, "  %s\n", json_get_str(one, "failed"));
	json_items(json_get(one, "groups"), g, group) {
		str_addf(s, "  group %s: ", json_get_str(group, "group"));
		if (json_has(group, "score")) {
			str_add(s, "score ");
			hs_fixed(s, json_float(json_get(group, "score"), 0), 8);
			str_add(s, " + ");
		}
		str_add(s, "distance ");
		hs_show_double(s, json_float(json_get(group, "distance"), 0));
		str_add(s, json_get_bool(group, "chosen", false) ? ", chosen\n" : "\n");
	}
	json_items(json_get(one, "excluded"), i, x)
		str_addf(s, "  %s: %s (%s)\n", json_get_str(x, "node"), json_get_str(x, "limit"), json_get_str(x, "text"));
	json_items(l, k, x) {
		const json *nodes = json_get(x, "nodes");

		str_addf(s, "  %s%s%s: ", json_str(json_at(nodes, 0)), json_len(nodes) > 1 ? ":" : "",
			 json_len(nodes) > 1 ? json_str(json_at(nodes, 1)) : "");
		if (json_get_bool(x, "possible", false)) {
			str_add(s, json_get_bool(x, "chosen", false) ? "chosen" : "possible");
			if (json_has(x, "score")) {
				str_add(s, ", score ");
				hs_fixed(s, json_float(json_get(x, "score"), 0), 8);
				str_addf(s, " (gain %.8f)", json_float(json_get(x, "gain"), 0));
			}
			str_addc(s, '\n');
			continue;
		}
		str_addf(s, "%s%s%s (%s)\n", json_get_str(x, "limit"), json_get_str(x, "node") ? " on " : "",
			 json_get_str(x, "node") ? json_get_str(x, "node") : "", json_get_str(x, "text"));
	}
}

void htool_places_end(struct places *x, struct ht_alloc_opts *a, const struct ht_alloc *chosen)
{
	json *l;

	if (!x)
		return;
	l = json_new_array();
	x->now.pri = chosen && chosen->found ? chosen->pri : HT_NONE;
	x->now.sec = chosen && chosen->found ? chosen->sec : HT_NONE;
	for (size_t k = 0; k < x->now.n; k++)
		json_append(l, told(x, &x->now.v[k], a->dedicated));
	tell(x, json_pack("{s:s,s:f,s:o,s:o}", "instance", x->now.name, "score", x->now.before, "candidates", l, "excluded",
			  not_asked(x, a)));
	a->seen = NULL;
	a->seen_group = NULL;
}

void htool_places_print(const struct places *x)
{
	struct str s CLEANUP(str_free) = { 0 };
	char *text CLEANUP(freep) = NULL;

	if (!x)
		return;
	if (x->json) {
		text = json_dump(x->all);
		fprintf(stderr, "%s\n", text);
		return;
	}
	json_items(x->all, k, one)
		text_of(&s, one);
	fputs(str_get(&s), stderr);
}
