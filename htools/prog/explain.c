/* --explain: why a move was made, and what else could have been. */
#include "htools/prog/prog.h"

static const char *move_name(const struct htool *t, const struct ht_cluster *c, struct ht_move m)
{
	struct str s CLEANUP(str_free) = { 0 };

	ht_move_text(&s, c, m);
	return arena_strdup(t->a, str_get(&s));
}

static bool is_chosen(const struct ht_candidate *x, const struct ht_placement *p)
{
	return x->fail == HT_OK && x->move.kind == p->move.kind && x->move.node == p->move.node;
}

static void show_text(const struct htool *t, const struct ht_cluster *c, const struct ht_pace *pace, const struct ht_placement *p,
		      double from, const struct ht_candidate *v, int n)
{
	struct str s CLEANUP(str_free) = { 0 };

	for (int k = 0; k < n; k++) {
		const struct ht_candidate *x = &v[k];

		str_addf(&s, "       %-30s ", move_name(t, c, x->move));
		if (x->fail == HT_OK) {
			hs_fixed_w(&s, x->score, 12, 8);
			str_add(&s, " gain ");
			hs_fixed_w(&s, from - x->score, 12, 8);
			if (!ht_pace_allows(pace, x->score, x->seconds))
				str_addf(&s, " too long: %.0f seconds", x->seconds);
			str_add(&s, is_chosen(x, p) ? " chosen\n" : "\n");
		} else {
			str_addf(&s, "no: %s on %s: %s\n", x->why.limit, c->nodes[x->why.node].alias, x->why.text);
		}
	}
	out_str(&s);
}

static void show_json(const struct htool *t, const struct ht_cluster *c, const struct ht_pace *pace, const struct ht_placement *p,
		      double from, const struct ht_candidate *v, int n)
{
	json *all = json_own(t->a, json_new_array()), *top;

	for (int k = 0; k < n; k++) {
		const struct ht_candidate *x = &v[k];
		json *j = json_new_dict();

		json_set(j, "move", json_new_str(move_name(t, c, x->move)));
		json_set(j, "possible", json_new_bool(x->fail == HT_OK));
		if (x->fail == HT_OK) {
			json_set(j, "score", json_new_float(x->score));
			json_set(j, "gain", json_new_float(from - x->score));
			json_set(j, "chosen", json_new_bool(is_chosen(x, p)));
			if (pace->on) {
				json_set(j, "seconds", json_new_float(x->seconds));
				json_set(j, "too_long", json_new_bool(!ht_pace_allows(pace, x->score, x->seconds)));
			}
		} else {
			json_set(j, "reason", json_new_str(ht_fail_name(x->fail)));
			json_set(j, "limit", json_new_str(x->why.limit));
			json_set(j, "node", json_new_str(c->nodes[x->why.node].name));
			json_set(j, "text", json_new_str(x->why.text));
		}
		json_append(all, j);
	}
	top = json_own(t->a, json_new_dict());
	json_set(top, "instance", json_new_str(c->insts[p->inst].name));
	json_set(top, "score", json_new_float(from));
	json_set(top, "candidates", json_ref(all));
	out("%s", json_dump_in(t->a, top));
}

void htool_explain(const struct htool *t, const struct ht_cluster *c, const struct ht_view *v, const struct ht_algo_opts *o,
		   const struct ht_pace *pace, const struct ht_placement *p)
{
	struct ht_pace before = *pace;
	struct ht_candidate *all CLEANUP(freep) = NULL;
	int n = ht_candidates(c, v, o, p->inst, &all);
	double from = ht_score(c, v);

	before.elapsed -= p->seconds;
	if (str_eq(htool_str(t, "explain"), "json"))
		show_json(t, c, &before, p, from, all, n);
	else
		show_text(t, c, &before, p, from, all, n);
}
