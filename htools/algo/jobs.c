/* Moves as people and the master read them. */
#include "htools/algo/algo.h"

#include <stdio.h>
#include <string.h>

/* upstream: computeMoves. DESC: "f r:node"; CMDS: gnt-instance commands without that word. */
struct steps {
	struct str desc, cmds[3];
	int n;
};

static void migrate(struct steps *s, const struct ht_inst *i, const char *name)
{
	str_addf(&s->cmds[s->n++], "%s -f %s", ht_inst_running(i) ? "migrate" : "failover", name);
}

static void replace(struct steps *s, const char *node, const char *name)
{
	str_addf(&s->cmds[s->n++], "replace-disks -n %s %s", node, name);
}

static void steps_of(struct steps *s, const struct ht_cluster *c, const struct ht_placement *p, const char *name)
{
	const struct ht_inst *i = &c->insts[p->inst];
	const char *pri = c->nodes[p->pri].alias, *sec = p->sec == HT_NONE ? "" : c->nodes[p->sec].alias;

	memset(s, 0, sizeof(*s));
	switch (p->move.kind) {
	case HT_FAILOVER:
		str_add(&s->desc, "f");
		migrate(s, i, name);
		break;
	case HT_FAILOVER_TO:
		str_addf(&s->desc, "fa:%s", pri);
		str_addf(&s->cmds[s->n++], "%s -f -n %s %s", ht_inst_running(i) ? "migrate" : "failover", pri, name);
		break;
	case HT_FAILOVER_REPLACE:
		str_addf(&s->desc, "f r:%s", sec);
		migrate(s, i, name);
		replace(s, sec, name);
		break;
	case HT_REPLACE_SEC:
		str_addf(&s->desc, "r:%s", sec);
		replace(s, sec, name);
		break;
	case HT_REPLACE_FAILOVER:
		str_addf(&s->desc, "r:%s f", pri);
		replace(s, pri, name);
		migrate(s, i, name);
		break;
	case HT_REPLACE_PRI:
		str_addf(&s->desc, "f r:%s f", pri);
		migrate(s, i, name);
		replace(s, pri, name);
		migrate(s, i, name);
		break;
	}
}

static void steps_free(struct steps *s)
{
	str_free(&s->desc);
	for (int i = 0; i < 3; i++)
		str_free(&s->cmds[i]);
}

static void nodes_text(struct str *out, const struct ht_cluster *c, int pri, int sec)
{
	str_add(out, c->nodes[pri].alias);
	if (sec != HT_NONE)
		str_addf(out, ":%s", c->nodes[sec].alias);
}

void ht_solution_line(struct str *out, const struct ht_cluster *c, const struct ht_placement *p, int pos, int inst_width, int node_width)
{
	struct str from CLEANUP(str_free) = { 0 }, to CLEANUP(str_free) = { 0 }, score CLEANUP(str_free) = { 0 };
	struct steps s CLEANUP(steps_free);
	const char *name = c->insts[p->inst].alias;
	int w = 2 * node_width + 1;

	steps_of(&s, c, p, name);
	nodes_text(&from, c, p->old_pri, p->old_sec);
	nodes_text(&to, c, p->pri, p->sec);
	hs_fixed(&score, p->score, 8);
	str_addf(out, "  %3d. %-*s %-*s => %-*s %12s a=%s", pos, inst_width, name, w, str_get(&from), w, str_get(&to),
		 str_get(&score), str_get(&s.desc));
}

/* upstream: involvedNodes */
static bool shares_node(const struct ht_placement *p, const bool *busy)
{
	const int nodes[] = { p->pri, p->sec, p->old_pri, p->old_sec };

	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++)
		if (nodes[i] >= 0 && busy[nodes[i]])
			return true;
	return false;
}

static void occupy(const struct ht_placement *p, bool *busy)
{
	const int nodes[] = { p->pri, p->sec, p->old_pri, p->old_sec };

	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++)
		if (nodes[i] >= 0)
			busy[nodes[i]] = true;
}

/* Sets are filled from the last move backwards, as upstream does: what could have been together in either of two
 * sets is in the later one. */
void ht_split_jobs(const struct ht_cluster *c, const struct ht_placement *p, int n, int *ret_set, int *ret_n_sets)
{
	bool *busy = xcalloc((size_t)c->n_nodes + 1, sizeof(*busy));
	int sets = 0;

	for (int i = n - 1; i >= 0; i--) {
		if (sets == 0 || shares_node(&p[i], busy)) {
			memset(busy, 0, (size_t)c->n_nodes);
			sets++;
		}
		occupy(&p[i], busy);
		ret_set[i] = sets;
	}
	for (int i = 0; i < n; i++)
		ret_set[i] = sets - ret_set[i];
	free(busy);
	*ret_n_sets = sets;
}

void ht_format_jobs(struct str *out, const struct ht_cluster *c, const struct ht_placement *p, int n, const int *set, int n_sets,
		    bool full_names)
{
	int i = 0;

	for (int js = 0; js < n_sets; js++) {
		int first = i;

		while (i < n && set[i] == js)
			i++;
		str_addf(out, "\necho jobset %d, %d jobs\n", js + 1, i - first);
		for (int k = first; k < i; k++) {
			struct steps s CLEANUP(steps_free);

			steps_of(&s, c, &p[k], full_names ? c->insts[p[k].inst].name : c->insts[p[k].inst].alias);
			str_addf(out, "  echo job %d/%d\n  check\n", js + 1, k - first + 1);
			for (int x = 0; x < s.n; x++)
				str_addf(out, "  gnt-instance %s\n", str_get(&s.cmds[x]));
		}
	}
}
