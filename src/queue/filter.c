/* Job filter rules (upstream: JobFilters.hs, Objects/..FilterRule). Pure. */
#include "src/queue/queue.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

#define FILTER_REGEX_MAX 1024
#define FILTER_DEPTH_MAX 32

/* --- order --- */
static int compare(const void *x, const void *y)
{
	const json *a = *(json *const *)x, *b = *(json *const *)y;
	static const char *const keys[] = { "priority", "watermark" };
	const char *u = json_get_str(a, "uuid"), *v = json_get_str(b, "uuid");

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		int64_t m = json_get_int(a, keys[i], 0), n = json_get_int(b, keys[i], 0);

		if (m != n)
			return m < n ? -1 : 1;
	}
	return strcmp(u ? u : "", v ? v : "");
}

json *filters_sort(const json *rules)
{
	size_t n = json_len(rules);
	json **v CLEANUP(freep) = xcalloc(n + 1, sizeof(*v));
	json *ret = json_new_array();

	for (size_t i = 0; i < n; i++)
		v[i] = json_at(rules, i);
	qsort(v, n, sizeof(*v), compare);
	for (size_t i = 0; i < n; i++)
		json_append(ret, json_ref(v[i]));
	return ret;
}

/*
 * --- the filter language, on dicts ---
 * As upstream's, where a comparison that means nothing (a field that is not there, "?" of something that is
 * no boolean, a regular expression on a number) is an error, and an error anywhere in what had to be looked at
 * makes the predicate not match, "!" or not.
 */
enum truth { NO, YES, INVALID };

struct view { /* what field names mean */
	const json *dict;
	int64_t watermark; /* the text "watermark" as a value of a job id; < 0: not here */
	bool comparisons;  /* nothing but = < > <= >= means anything */
};

/* "a.b" looks into nested dicts. A parameter that was not given is null. */
static const json *look_up(const json *dict, const char *path)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct strs parts = strs_split(a, path, '.');

	for (size_t i = 0; i < parts.n && dict; i++)
		dict = json_is(dict, JSON_DICT) ? json_get(dict, parts.v[i]) : NULL;
	return dict;
}

static bool is_number(const json *j)
{
	return json_is(j, JSON_INT) || json_is(j, JSON_FLOAT);
}

/* -1, 0, 1, or 2 when they cannot be compared. */
static int order(const json *x, const json *y, const struct view *v)
{
	double a, b;
	int d;

	if (v->watermark >= 0 && str_eq(json_str(y), "watermark")) {
		if (!is_number(x))
			return 2;
		a = json_float(x, 0);
		b = (double)v->watermark;
	} else if (is_number(x) && is_number(y)) {
		a = json_float(x, 0);
		b = json_float(y, 0);
	} else if (json_str(x) && json_str(y)) {
		d = strcmp(json_str(x), json_str(y));
		return d < 0 ? -1 : d > 0;
	} else {
		return 2;
	}
	return a < b ? -1 : a > b;
}

static enum truth matches(const json *text, const json *regex)
{
	regex_t re;
	bool hit;

	if (!json_str(text) || !json_str(regex) ||
	    regcomp(&re, json_str(regex), REG_EXTENDED | REG_NOSUB) != 0)
		return INVALID;
	hit = regexec(&re, json_str(text), 0, NULL, 0) == 0;
	regfree(&re);
	return hit ? YES : NO;
}

static enum truth contains(const json *list, const json *value, const struct view *v)
{
	if (json_is(list, JSON_DICT))
		return json_str(value) && json_has(list, json_str(value)) ? YES : NO;
	if (!json_is(list, JSON_ARRAY))
		return INVALID;
	json_items (list, i, x)
		if (order(x, value, v) == 0)
			return YES;
	return NO;
}

static enum truth compare_op(const char *op, const json *x, const json *y, const struct view *v)
{
	bool eq = strcmp(op, "=") == 0 || strcmp(op, "==") == 0, ne = strcmp(op, "!=") == 0, hit;
	int d;

	if (!eq && !ne && op[0] == '=')
		return v->comparisons ? INVALID :
		       strcmp(op, "=~") == 0 ? matches(x, y) : contains(x, y, v);
	d = order(x, y, v);
	if (d == 2) /* of different kinds; as a job id, only numbers and the watermark mean something */
		return v->watermark >= 0 ? INVALID : ne ? YES : NO;
	if (eq || ne)
		hit = (d == 0) == eq;
	else if (op[1] == '=')
		hit = op[0] == '<' ? d <= 0 : d >= 0;
	else
		hit = op[0] == '<' ? d < 0 : d > 0;
	return hit ? YES : NO;
}

static enum truth evaluate(const json *f, const struct view *v)
{
	const char *op = json_str(json_at(f, 0));
	const char *field = json_str(json_at(f, 1));
	const json *value;
	enum truth t;

	if (!f)
		return YES;
	if (!op)
		return INVALID;
	if (strcmp(op, "&") == 0 || strcmp(op, "|") == 0) {
		enum truth all = op[0] == '&' ? YES : NO;

		for (size_t i = 1; i < json_len(f); i++) {
			t = evaluate(json_at(f, i), v);
			if (t != all)
				return t;
		}
		return all;
	}
	if (strcmp(op, "!") == 0) {
		t = evaluate(json_at(f, 1), v);
		return t == INVALID ? t : t == YES ? NO : YES;
	}
	value = field ? look_up(v->dict, field) : NULL;
	if (!value)
		return INVALID;
	if (strcmp(op, "?") != 0)
		return compare_op(op, value, json_at(f, 2), v);
	if (v->comparisons || !json_is(value, JSON_BOOL))
		return INVALID;
	return json_boolean(value, false) ? YES : NO;
}

/* Does D have every field that F speaks of? Upstream looks them all up first. */
static bool has_fields(const json *f, const json *d)
{
	const char *op = json_str(json_at(f, 0));

	if (!op)
		return !f;
	if (strcmp(op, "&") != 0 && strcmp(op, "|") != 0 && strcmp(op, "!") != 0)
		return json_str(json_at(f, 1)) && look_up(d, json_str(json_at(f, 1)));
	for (size_t i = 1; i < json_len(f); i++)
		if (!has_fields(json_at(f, i), d))
			return false;
	return true;
}

/* --- predicates --- */
static const char *const predicate_names[] = { "jobid", "opcode", "reason" };

static bool match_id(const json *filter, const struct job *j, int64_t watermark)
{
	json *d CLEANUP(json_putp) = json_pack("{s:I}", "id", j->id);
	struct view v = { d, watermark, true };

	return evaluate(filter, &v) == YES;
}

static bool match_opcode(const json *filter, const struct job *j)
{
	for (size_t i = 0; i < j->n; i++) {
		struct view v = { j->ops[i].input, -1, false };

		if (has_fields(filter, v.dict) && evaluate(filter, &v) == YES)
			return true;
	}
	return false;
}

static bool match_reason(const json *filter, const struct job *j)
{
	for (size_t i = 0; i < j->n; i++)
		json_items (json_get(j->ops[i].input, "reason"), k, r) {
			json *d CLEANUP(json_putp) =
				json_pack("{s:O, s:O, s:O}", "source", json_at(r, 0), "reason",
					  json_at(r, 1), "timestamp", json_at(r, 2));
			struct view v = { d, -1, true };

			if (evaluate(filter, &v) == YES)
				return true;
		}
	return false;
}

static bool predicate(const json *p, const struct job *j, int64_t watermark)
{
	const char *kind = json_str(json_at(p, 0));

	if (str_eq(kind, predicate_names[0]))
		return match_id(json_at(p, 1), j, watermark);
	if (str_eq(kind, predicate_names[1]))
		return match_opcode(json_at(p, 1), j);
	return str_eq(kind, predicate_names[2]) && match_reason(json_at(p, 1), j);
}

static bool rule_matches(const json *rule, const struct job *j)
{
	json_items (json_get(rule, "predicates"), i, p)
		if (!predicate(p, j, json_get_int(rule, "watermark", 0)))
			return false;
	return true;
}

enum filter_verdict filters_apply(const json *rules, const struct job *j,
				  const char **ret_rule_uuid, int64_t *ret_limit)
{
	json_items (rules, i, rule) {
		json *action = json_get(rule, "action");
		const char *name = json_str(action);

		if (str_eq(name, "CONTINUE") || !rule_matches(rule, j))
			continue;
		*ret_rule_uuid = json_get_str(rule, "uuid");
		if (json_is(action, JSON_ARRAY)) {
			*ret_limit = json_int(json_at(action, 1), 0);
			return FILTER_LIMIT;
		}
		if (str_eq(name, "PAUSE"))
			return FILTER_PAUSE;
		return str_eq(name, "REJECT") ? FILTER_REJECT : FILTER_ACCEPT;
	}
	*ret_rule_uuid = NULL;
	return FILTER_ACCEPT;
}

/* --- checking new rules --- */
static int normalize(const json *f, int depth, json **ret, struct err *e);

static int normalize_list(const json *f, int depth, json **ret, struct err *e)
{
	json *out CLEANUP(json_putp) = json_new_array();

	json_append(out, json_ref(json_at(f, 0)));
	for (size_t i = 1; i < json_len(f); i++) {
		json *sub = NULL;

		if (normalize(json_at(f, i), depth + 1, &sub, e) < 0)
			return -1;
		json_append(out, sub);
	}
	*ret = STEAL(out);
	return 0;
}

static int check_regex(const char *text, struct err *e)
{
	regex_t re;

	if (strlen(text) > FILTER_REGEX_MAX || regcomp(&re, text, REG_EXTENDED | REG_NOSUB) != 0)
		return err_plain(e, "Invalid regular expression '%s'", text);
	regfree(&re);
	return 0;
}

static int normalize_comparison(const json *f, const char *op, json **ret, struct err *e)
{
	const json *value = json_at(f, 2);
	bool regex = strcmp(op, "=~") == 0;

	if (json_len(f) != 3 || !json_str(json_at(f, 1)))
		return err_plain(e, "Cannot deserialise field/value pair, expected"
				    " [fieldname, value]");
	if (!is_number(value) && !json_str(value))
		return err_plain(e, "Unknown filter value");
	if (regex && !json_str(value))
		return err_plain(e, "Unable to read String");
	if (regex && check_regex(json_str(value), e) < 0)
		return -1;
	*ret = json_pack("[s, O, O]", strcmp(op, "=") == 0 ? "==" : op, json_at(f, 1), value);
	return 0;
}

static int normalize(const json *f, int depth, json **ret, struct err *e)
{
	static const char *const comparisons[] = { "=",  "==", "!=", "<",  ">",
						   "<=", ">=", "=~", "=[]" };
	const char *op = json_str(json_at(f, 0));

	if (!json_is(f, JSON_ARRAY) || !op || depth > FILTER_DEPTH_MAX)
		return err_plain(e, "Invalid filter");
	if (strcmp(op, "&") == 0 || strcmp(op, "|") == 0)
		return normalize_list(f, depth, ret, e);
	if (strcmp(op, "!") == 0) {
		if (json_len(f) != 2)
			return err_plain(e, "Unknown filter operand '!'");
		return normalize_list(f, depth, ret, e);
	}
	if (strcmp(op, "?") == 0) {
		if (json_len(f) != 2 || !json_str(json_at(f, 1)))
			return err_plain(e, "Unknown filter operand '?'");
		*ret = json_ref((json *)f);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(comparisons); i++)
		if (strcmp(op, comparisons[i]) == 0)
			return normalize_comparison(f, op, ret, e);
	return err_plain(e, "Unknown filter operand '%s'", op);
}

static int check_action(const json *action, struct err *e)
{
	static const char *const names[] = { "ACCEPT", "PAUSE", "REJECT", "CONTINUE" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (str_eq(json_str(action), names[i]))
			return 0;
	if (json_len(action) == 2 && str_eq(json_str(json_at(action, 0)), "RATE_LIMIT") &&
	    json_is(json_at(action, 1), JSON_INT)) {
		if (json_int(json_at(action, 1), 0) > 0)
			return 0;
		return err_plain(e, "RATE_LIMIT argument must be positive");
	}
	return err_plain(e, "malformed FilterAction JSON");
}

static bool known_predicate(const char *kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(predicate_names); i++)
		if (str_eq(kind, predicate_names[i]))
			return true;
	return false;
}

int filter_check(const json *predicates, const json *action, json **ret_predicates, struct err *e)
{
	json *out CLEANUP(json_putp) = json_new_array();

	if (!json_is(predicates, JSON_ARRAY))
		return err_plain(e, "Unable to read List");
	json_items (predicates, i, p) {
		json *filter = NULL;

		if (json_len(p) != 2 || !known_predicate(json_str(json_at(p, 0))))
			return err_plain(e, "malformed FilterPredicate JSON");
		if (normalize(json_at(p, 1), 0, &filter, e) < 0)
			return -1;
		json_append(out, json_pack("[O, o]", json_at(p, 0), filter));
	}
	if (check_action(action, e) < 0)
		return -1;
	*ret_predicates = STEAL(out);
	return 0;
}
