/* Pieces of what the info commands print. */
#include "cli/common/common.h"

#include <string.h>

#define ROMAN_MAX 4999

char *info_number(struct cli *c, int64_t v)
{
	static const struct {
		int value;
		const char *digits;
	} roman[] = { { 1000, "M" }, { 900, "CM" }, { 500, "D" }, { 400, "CD" }, { 100, "C" },
		      { 90, "XC" },  { 50, "L" },   { 40, "XL" }, { 10, "X" },	 { 9, "IX" },
		      { 5, "V" },    { 4, "IV" },   { 1, "I" } };
	struct str s CLEANUP(str_free) = { 0 };

	if (!cli_flag(c, "roman_integers") || v < 1 || v > ROMAN_MAX)
		return arena_printf(c->a, "%lld", (long long)v);
	for (size_t i = 0; i < ARRAY_SIZE(roman); i++)
		for (; v >= roman[i].value; v -= roman[i].value)
			str_add(&s, roman[i].digits);
	return arena_strdup(c->a, str_get(&s));
}

json *info_text(struct cli *c, const json *v)
{
	struct str s CLEANUP(str_free) = { 0 };

	if (json_is(v, JSON_INT))
		return json_own(c->a, json_new_str(info_number(c, json_int(v, 0))));
	ui_text(&s, v);
	return json_own(c->a, json_new_strn(str_get(&s), s.len));
}

json *info_join(struct cli *c, const json *list)
{
	struct str s CLEANUP(str_free) = { 0 };

	json_items(list, i, v) {
		if (i)
			str_add(&s, ", ");
		ui_text(&s, v);
	}
	return json_own(c->a, json_new_strn(str_get(&s), s.len));
}

json *info_time(struct cli *c, const json *seconds)
{
	struct str s CLEANUP(str_free) = { 0 };

	if (json_is(seconds, JSON_FLOAT) || json_is(seconds, JSON_INT))
		ui_time(&s, json_float(seconds, 0), -1);
	else
		str_add(&s, "N/A");
	return json_own(c->a, json_new_str(str_get(&s)));
}

const char *info_timestamp(struct arena *a, const json *ts)
{
	struct str s CLEANUP(str_free) = { 0 };

	if (!json_is(ts, JSON_ARRAY) || json_len(ts) != 2)
		return "?";
	ui_time(&s, (double)json_int(json_at(ts, 0), 0), (int)json_int(json_at(ts, 1), 0));
	return arena_strdup(a, str_get(&s));
}

/* "default (VALUE)" */
static json *as_default(struct cli *c, const json *v)
{
	return json_new_str(arena_printf(c->a, "default (%s)", json_str(info_text(c, v))));
}

json *info_params(struct cli *c, const json *own, const json *actual)
{
	struct strs keys = json_keys(c->a, actual);
	json *out = json_own(c->a, json_new_dict());

	for (size_t i = 0; i < keys.n; i++) {
		const json *v = json_get(actual, keys.v[i]), *mine = json_get(own, keys.v[i]);
		json *shown;

		if (json_is(v, JSON_DICT) && json_len(v))
			shown = json_ref(info_params(c, mine, v));
		else if (json_has(own, keys.v[i]))
			shown = json_ref(info_text(c, mine));
		else
			shown = as_default(c, v);
		json_set(out, keys.v[i], shown);
	}
	return out;
}

static json *policy_ranges(struct cli *c, const json *policy, const json *effective)
{
	static const char *const keys[] = { "min", "max" };
	const json *own = json_get(policy, "minmax");
	bool mine = json_len(own) > 0;
	json *out = json_new_array();

	json_items(mine ? own : json_get(effective, "minmax"), i, range) {
		json *pair = json_new_dict();

		for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
			const json *spec = json_get(range, keys[k]);

			json_set(pair, arena_printf(c->a, "%s/%zu", keys[k], i),
				 json_ref(info_params(c, mine ? spec : NULL, spec)));
		}
		json_append(out, pair);
	}
	return out;
}

json *info_ipolicy(struct cli *c, const json *policy, const json *effective)
{
	static const char *const ratios[] = { "spindle-ratio", "vcpu-ratio", "memory-ratio" };
	const json *std = json_get(policy, "std"), *templates = json_get(policy, "disk-templates");
	bool cluster = !effective;
	json *out = json_own(c->a, json_new_dict());

	if (cluster)
		effective = policy;
	json_set(out, "bounds specs", policy_ranges(c, policy, effective));
	if (cluster)
		json_set(out, "std", json_ref(info_params(c, std, std)));
	json_set(out, "allowed disk templates",
		 templates ? json_ref(info_join(c, templates)) :
			     as_default(c, info_join(c, json_get(effective, "disk-templates"))));
	for (size_t i = 0; i < ARRAY_SIZE(ratios); i++) {
		const json *v = json_get(policy, ratios[i]);

		if (!json_has(effective, ratios[i])) /* the last one, usually */
			continue;
		json_set(out, ratios[i],
			 v ? json_ref(info_text(c, v)) :
			     as_default(c, json_get(effective, ratios[i])));
	}
	return out;
}

void info_print(struct cli *c, const json *tree)
{
	struct str out CLEANUP(str_free) = { 0 };

	if (cli_flag(c, "json")) {
		cli_json(tree);
		return;
	}
	ui_info(&out, tree);
	cli_write(&out);
}
