/* The filter language: nested lists to a tree, checked once, evaluated per object. */
#include "src/query/priv.h"

#include <regex.h>

enum fop { F_AND, F_OR, F_NOT, F_TRUE, F_EQ, F_NE, F_LT, F_LE, F_GT, F_GE, F_REGEX, F_HAS };

struct qfilter {
	enum fop op;
	size_t n; /* operands of F_AND, F_OR, F_NOT */
	struct qfilter **sub;
	const struct qfield *field;
	bool is_key; /* the field objects are named by */
	const json *value;
	regex_t regex;
};

static const struct {
	const char *text;
	enum fop op;
} ops[] = {
	{ "&", F_AND }, { "|", F_OR },     { "!", F_NOT },   { "?", F_TRUE }, { "=", F_EQ },
	{ "==", F_EQ }, { "!=", F_NE },    { "<", F_LT },    { "<=", F_LE },  { ">", F_GT },
	{ ">=", F_GE }, { "=~", F_REGEX }, { "=[]", F_HAS },
};

static void free_regex(void *p)
{
	regfree(p);
}

static int compile_logic(struct arena *a, const struct qresource *r, const json *j,
			 struct qfilter *f, struct err *e)
{
	f->n = json_len(j) - 1;
	if (f->op == F_NOT && f->n != 1)
		return err_plain(e, "Cannot deserialise filter, expected one operand for '!'");
	f->sub = ARENA_ARRAY(a, struct qfilter *, f->n + 1);
	for (size_t i = 0; i < f->n; i++)
		if (qfilter_compile(a, r, json_at(j, i + 1), &f->sub[i], e) < 0)
			return -1;
	return 0;
}

static int compile_field(struct arena *a, const struct qresource *r, const json *j,
			 struct qfilter *f, struct err *e)
{
	size_t want = f->op == F_TRUE ? 2 : 3;
	const char *name = json_str(json_at(j, 1));

	if (json_len(j) != want || !name) {
		json *rest = json_own(a, json_new_array());

		for (size_t i = 1; i < json_len(j); i++)
			json_append(rest, json_ref(json_at(j, i)));
		return err_plain(
			e,
			want == 2 ? "Cannot deserialise field, expected [fieldname] but got %s"
				  : "Cannot deserialise field/value pair, expected "
				    "[fieldname, value] but got %s",
			json_dump_in(a, rest));
	}
	f->field = qresource_field(r, name);
	if (!f->field)
		return err_set(e, ParameterError, NULL, "Can't find field named '%s'", name);
	f->value = json_at(j, 2);
	f->is_key = strcmp(name, r->key) == 0;
	if (f->op != F_REGEX)
		return 0;
	if (!json_str(f->value) ||
	    regcomp(&f->regex, json_str(f->value), REG_EXTENDED | REG_NOSUB) != 0)
		return err_plain(e, "Invalid regular expression '%s'",
				 json_str(f->value) ? json_str(f->value) : "");
	arena_defer(a, free_regex, &f->regex);
	return 0;
}

int qfilter_compile(struct arena *a, const struct qresource *r, const json *j, struct qfilter **ret,
		    struct err *e)
{
	struct qfilter *f = ARENA_NEW(a, struct qfilter);
	const char *op = json_str(json_at(j, 0));

	*ret = NULL;
	if (!j)
		return 0;
	if (!op)
		return err_plain(
			e, "Cannot deserialise filter, expected a list starting with an operator");
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		if (strcmp(ops[i].text, op) != 0)
			continue;
		f->op = ops[i].op;
		if ((f->op <= F_NOT ? compile_logic(a, r, j, f, e) : compile_field(a, r, j, f, e)) <
		    0)
			return -1;
		*ret = f;
		return 0;
	}
	return err_plain(e, "Unknown filter operand '%s'", op);
}

bool qfilter_names(const struct qfilter *f, struct arena *a, struct strs *ret)
{
	if (!f)
		return false;
	if (f->op == F_EQ && f->is_key && (json_str(f->value) || json_is(f->value, JSON_INT))) {
		strs_add(a, ret,
			 json_str(f->value) ? json_str(f->value) : json_dump_in(a, f->value));
		return true;
	}
	if (f->op != F_OR || !f->n)
		return false;
	for (size_t i = 0; i < f->n; i++)
		if (!qfilter_names(f->sub[i], a, ret))
			return false;
	return true;
}

int qfilter_needs(const struct qfilter *f)
{
	int need = 0;

	if (!f)
		return 0;
	for (size_t i = 0; i < f->n; i++)
		need |= qfilter_needs(f->sub[i]);
	return need | (f->field ? f->field->need : 0);
}

/* "inst1" equals "inst1.example.com" where host names are compared */
static bool same_host(const char *host, const char *given)
{
	size_t n = strlen(given);

	return strncmp(host, given, n) == 0 && (!host[n] || host[n] == '.');
}

/* <0, 0, >0, or -2 = not comparable */
static int compare(const struct qfilter *f, const json *x, const json *y)
{
	double p, q;

	if (json_str(x) && json_str(y)) {
		int r = strcmp(json_str(x), json_str(y));

		if ((f->op == F_EQ || f->op == F_NE) && f->field->hostname &&
		    same_host(json_str(x), json_str(y)))
			return 0;
		return r < 0 ? -1 : r > 0;
	}
	if (json_is(x, JSON_BOOL) && json_is(y, JSON_BOOL))
		return json_boolean(x, false) == json_boolean(y, false) ? 0 : 1;
	if (!json_is(x, JSON_INT) && !json_is(x, JSON_FLOAT))
		return -2;
	if (!json_is(y, JSON_INT) && !json_is(y, JSON_FLOAT))
		return -2;
	p = json_float(x, 0);
	q = json_float(y, 0);
	return p < q ? -1 : p > q;
}

static int bad_types(struct qctx *c, const json *v, const json *given, struct err *e)
{
	return err_set(e, ParameterError, NULL,
		       "Invalid types in comparison, trying to compare %s with '%s %s'",
		       json_dump_in(c->a, v), json_str(given) ? "QuotedString" : "NumericValue",
		       json_dump_in(c->a, given));
}

static int ordered(const struct qfilter *f, int r)
{
	switch (f->op) {
	case F_EQ:
		return r == 0;
	case F_NE:
		return r != 0;
	case F_LT:
		return r < 0;
	case F_LE:
		return r <= 0;
	case F_GT:
		return r > 0;
	default:
		return r >= 0;
	}
}

static int match_value(const struct qfilter *f, struct qctx *c, const json *v, struct err *e)
{
	int r;

	if (!v) /* a value that is null equals nothing and holds nothing */
		return f->op == F_NE;
	if (f->field->timestamp && json_is(v, JSON_ARRAY))
		v = json_at(v, 0);
	switch (f->op) {
	case F_TRUE:
		if (!json_is(v, JSON_BOOL))
			return err_set(e, ParameterError, NULL,
				       "Unexpected value '%s' in boolean context",
				       json_dump_in(c->a, v));
		return json_boolean(v, false);
	case F_REGEX:
		if (!json_str(v))
			return err_set(e, ParameterError, NULL,
				       "Invalid field value used in regexp matching, expecting "
				       "string but got '%s'",
				       json_dump_in(c->a, v));
		return regexec(&f->regex, json_str(v), 0, NULL, 0) == 0;
	case F_HAS:
		if (!json_is(v, JSON_ARRAY))
			return err_set(e, ParameterError, NULL,
				       "Unexpected value '%s' in list context",
				       json_dump_in(c->a, v));
		json_items (v, i, item)
			if (json_equal(item, f->value))
				return 1;
		return 0;
	default:
		r = compare(f, v, f->value);
		return r == -2 ? bad_types(c, v, f->value, e) : ordered(f, r);
	}
}

int qfilter_match(const struct qfilter *f, struct qctx *c, const void *obj, struct err *e)
{
	json *v CLEANUP(json_putp) = NULL;
	int r;

	if (!f)
		return 1;
	switch (f->op) {
	case F_AND:
	case F_OR:
		for (size_t i = 0; i < f->n; i++) {
			r = qfilter_match(f->sub[i], c, obj, e);
			if (r < 0 || r == (f->op == F_OR))
				return r;
		}
		return f->op == F_AND;
	case F_NOT:
		r = qfilter_match(f->sub[0], c, obj, e);
		return r < 0 ? r : !r;
	default:
		/* upstream: what has no value is let through, and "!=" is the opposite of "=" */
		if (f->field->get(c, obj, f->field, &v) != QRS_NORMAL)
			return f->op != F_NE;
		return match_value(f, c, v, e);
	}
}
