/*
 * The filter language people type: (name == "a*" or "t1" in tags) and not drained
 *
 *	expr      = term { "or" term }         term = factor { "and" factor }
 *	factor    = "not" factor | "(" expr ")" | condition
 *	condition = field op value | field ("=~" | "!~") regex | field ("=*" | "!*") string
 *	          | value ["not"] "in" field | field
 *	op        = "==" "=" "!=" "<" "<=" ">" ">="
 *	value     = integer | quoted string    regex = ["m"] delimiter text delimiter flags
 *
 * Pure. Errors show the place as upstream (pyparsing) does.
 */
#include "cli/common/common.h"

#include "lib/base/parse.h"

#include <ctype.h>
#include <string.h>

#define DETECT_FILTER "()=/!~'\"\\<> \t\n\r\v\f"
#define DETECT_GLOB "*?"
#define DELIMITERS "/#^|"
#define DEPTH_MAX 50

struct input {
	const char *text, *p;
	int depth;
	struct err *e;
};

static void skip(struct input *in)
{
	in->p += strspn(in->p, " \t\n\r\v\f");
}

/* The word or character at AT, in quotes, as pyparsing's messages show it. */
static void add_found(struct str *out, const char *at)
{
	size_t n = 0;
	char word[32];

	if (!*at) {
		str_add(out, "end of text");
		return;
	}
	while (n < 16 && (isalnum((unsigned char)at[n]) || at[n] == '_'))
		n++;
	if (!n) /* one character, whole if it is UTF-8 */
		for (n = 1; n < 4 && ((unsigned char)at[n] & 0xc0) == 0x80; n++)
			;
	memcpy(word, at, n);
	word[n] = 0;
	ui_repr_str(out, word);
}

static int fail_at(struct input *in, const char *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static int fail_at(struct input *in, const char *at, const char *fmt, ...)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct str why CLEANUP(str_free) = { 0 };
	const char *line = at;
	unsigned lineno = 1;
	va_list ap;

	va_start(ap, fmt);
	str_add(&why, arena_vprintf(a, fmt, ap));
	va_end(ap);
	while (line > in->text && line[-1] != '\n')
		line--;
	for (const char *p = in->text; p < line; p++)
		lineno += *p == '\n';
	str_addf(&why, "  (at char %zu), (line:%u, col:%zu)", (size_t)(at - in->text), lineno,
		 (size_t)(at - line) + 1);
	return err_set(in->e, QueryFilterParseError, NULL,
		       "Failed to parse query filter '%s': %s\n%.*s\n%*s^\n%s", in->text,
		       str_get(&why), (int)strcspn(line, "\n"), line, (int)(at - line), "",
		       str_get(&why));
}

static int expected(struct input *in, const char *what)
{
	struct str s CLEANUP(str_free) = { 0 };

	skip(in);
	str_addf(&s, "Expected %s, found ", what);
	add_found(&s, in->p);
	return fail_at(in, in->p, "%s", str_get(&s));
}

static bool word_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '/' || c == '.';
}

static bool keyword(struct input *in, const char *word)
{
	size_t n = strlen(word);

	skip(in);
	if (strncmp(in->p, word, n) != 0 || word_char(in->p[n]))
		return false;
	in->p += n;
	return true;
}

static int field(struct input *in, struct arena *a, const char **ret)
{
	const char *start;

	skip(in);
	start = in->p;
	if (!isalpha((unsigned char)*start))
		return expected(in, "a field name");
	while (word_char(*in->p))
		in->p++;
	*ret = arena_strndup(a, start, (size_t)(in->p - start));
	return 0;
}

static int quoted(struct input *in, json **ret)
{
	struct str s CLEANUP(str_free) = { 0 };
	const char *start;
	char quote;

	skip(in);
	start = in->p;
	quote = *start;
	if (quote != '"' && quote != '\'')
		return expected(in, "a quoted string");
	for (in->p++; *in->p != quote; in->p++) {
		if (!*in->p || *in->p == '\n')
			return fail_at(in, start, "String without end");
		if (*in->p == '\\' && in->p[1]) /* kept, as upstream's removeQuotes does */
			str_addc(&s, *in->p++);
		str_addc(&s, *in->p);
	}
	in->p++;
	*ret = json_new_strn(str_get(&s), s.len);
	return 0;
}

static bool at_number(const char *p)
{
	return isdigit((unsigned char)*p) ||
	       ((*p == '-' || *p == '+') && isdigit((unsigned char)p[1]));
}

static int value(struct input *in, json **ret)
{
	char digits[24];
	size_t n = 1;
	int64_t v;

	skip(in);
	if (!at_number(in->p))
		return quoted(in, ret);
	while (isdigit((unsigned char)in->p[n]))
		n++;
	if (n >= sizeof(digits))
		return fail_at(in, in->p, "Number too large");
	memcpy(digits, in->p, n);
	digits[n] = 0;
	if (parse_int(digits + (*digits == '+'), &v) < 0)
		return fail_at(in, in->p, "Number too large");
	in->p += n;
	*ret = json_new_int(v);
	return 0;
}

static int regex(struct input *in, json **ret)
{
	struct str s CLEANUP(str_free) = { 0 };
	const char *start;
	bool ignore_case = false, dot_all = false;
	char delimiter;

	skip(in);
	if (*in->p == 'm')
		in->p++;
	skip(in);
	start = in->p;
	delimiter = *start;
	if (!delimiter || !strchr(DELIMITERS, delimiter))
		return expected(in, "a regular expression");
	for (in->p++; *in->p != delimiter; in->p++) {
		if (!*in->p || *in->p == '\n')
			return fail_at(in, start, "Regular expression without end");
		if (*in->p == '\\' && in->p[1]) {
			if (in->p[1] != delimiter)
				str_addc(&s, '\\');
			in->p++;
		}
		str_addc(&s, *in->p);
	}
	for (in->p++; isalpha((unsigned char)*in->p); in->p++) {
		if (*in->p != 's' && *in->p != 'i')
			return fail_at(in, start, "Unknown regular expression flags: '%c'", *in->p);
		ignore_case = ignore_case || *in->p == 'i';
		dot_all = dot_all || *in->p == 's';
	}
	if (ignore_case || dot_all) {
		char *body CLEANUP(freep) = str_steal(&s);

		str_addf(&s, "(?%s%s)%s", ignore_case ? "i" : "", dot_all ? "s" : "", body);
	}
	*ret = json_new_strn(str_get(&s), s.len);
	return 0;
}

static int glob(struct input *in, struct arena *a, json **ret)
{
	json *text CLEANUP(json_putp) = NULL;

	TRY(quoted(in, &text));
	*ret = json_new_str(filter_glob(a, json_str(text)));
	return 0;
}

/* field <op> ... */
static int field_condition(struct input *in, json **ret)
{
	static const struct {
		const char *text, *op;
		bool negate;
		char kind; /* Value, Regex, Glob */
	} ops[] = { /* the longer ones first */
		{ "=~", "=~", false, 'R' }, { "!~", "=~", true, 'R' }, { "=*", "=~", false, 'G' },
		{ "!*", "=~", true, 'G' },  { "==", "==", false, 'V' }, { "!=", "!=", false, 'V' },
		{ "<=", "<=", false, 'V' }, { ">=", ">=", false, 'V' }, { "=", "==", false, 'V' },
		{ "<", "<", false, 'V' },   { ">", ">", false, 'V' },
	};
	struct arena *a CLEANUP(arena_freep) = arena_new();
	const char *name;
	json *v = NULL;

	TRY(field(in, a, &name));
	skip(in);
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		if (!str_starts(in->p, ops[i].text))
			continue;
		in->p += strlen(ops[i].text);
		if (ops[i].kind == 'R')
			TRY(regex(in, &v));
		else if (ops[i].kind == 'G')
			TRY(glob(in, a, &v));
		else
			TRY(value(in, &v));
		*ret = json_pack("[s, s, o]", ops[i].op, name, v);
		if (ops[i].negate)
			*ret = json_pack("[s, o]", "!", *ret);
		return 0;
	}
	*ret = json_pack("[s, s]", "?", name);
	return 0;
}

/* value [not] in field */
static int value_condition(struct input *in, json **ret)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	json *v CLEANUP(json_putp) = NULL;
	const char *name;
	bool negate;

	TRY(value(in, &v));
	negate = keyword(in, "not");
	if (!keyword(in, "in"))
		return expected(in, "'in'");
	TRY(field(in, a, &name));
	*ret = json_pack("[s, s, o]", "=[]", name, STEAL(v));
	if (negate)
		*ret = json_pack("[s, o]", "!", *ret);
	return 0;
}

static int expr(struct input *in, json **ret);

static int factor(struct input *in, json **ret)
{
	json *inner CLEANUP(json_putp) = NULL;

	if (++in->depth > DEPTH_MAX)
		return fail_at(in, in->p, "Filter nested too deeply");
	skip(in);
	if (keyword(in, "not")) {
		TRY(factor(in, &inner));
		*ret = json_pack("[s, o]", "!", STEAL(inner));
	} else if (*in->p == '(') {
		in->p++;
		TRY(expr(in, &inner));
		skip(in);
		if (*in->p != ')')
			return expected(in, "')'");
		in->p++;
		*ret = STEAL(inner);
	} else if (at_number(in->p) || *in->p == '"' || *in->p == '\'') {
		TRY(value_condition(in, ret));
	} else if (isalpha((unsigned char)*in->p)) {
		TRY(field_condition(in, ret));
	} else {
		return expected(in, "a condition");
	}
	in->depth--;
	return 0;
}

/* PART { WORD PART }: one alone stays as it is */
static int chain(struct input *in, const char *word, const char *op,
		 int (*part)(struct input *, json **), json **ret)
{
	json *first CLEANUP(json_putp) = NULL, *all CLEANUP(json_putp) = NULL;

	TRY(part(in, &first));
	while (keyword(in, word)) {
		json *next = NULL;

		if (!all)
			all = json_pack("[s, O]", op, first);
		TRY(part(in, &next));
		json_append(all, next);
	}
	*ret = all ? STEAL(all) : STEAL(first);
	return 0;
}

static int term(struct input *in, json **ret)
{
	return chain(in, "and", "&", factor, ret);
}

static int expr(struct input *in, json **ret)
{
	return chain(in, "or", "|", term, ret);
}

int filter_parse(const char *text, json **ret, struct err *e)
{
	struct input in = { .text = text, .p = text, .e = e };
	json *f CLEANUP(json_putp) = NULL;

	TRY(expr(&in, &f));
	skip(&in);
	if (*in.p)
		return expected(&in, "end of text");
	*ret = STEAL(f);
	return 0;
}

const char *filter_glob(struct arena *a, const char *pattern)
{
	struct str s CLEANUP(str_free) = { 0 };

	str_addc(&s, '^');
	for (; *pattern; pattern++) {
		if (*pattern == '*')
			str_add(&s, "[^.]*");
		else if (*pattern == '?')
			str_add(&s, "[^.]");
		else if (strchr("()[]{}|^$.\\+-&~# \t\n\r\v\f", *pattern))
			str_addf(&s, "\\%c", *pattern);
		else
			str_addc(&s, *pattern);
	}
	str_add(&s, "(\\..*)?$");
	return arena_strdup(a, str_get(&s));
}

static int name_part(struct arena *a, const char *name_field, const char *name, bool numeric,
		     json **ret, struct err *e)
{
	struct str quoted_name CLEANUP(str_free) = { 0 };
	int64_t number;

	if (!numeric && strpbrk(name, DETECT_GLOB)) {
		*ret = json_pack("[s, s, s]", "=~", name_field, filter_glob(a, name));
	} else if (!numeric) {
		*ret = json_pack("[s, s, s]", "==", name_field, name);
	} else if (parse_int(name, &number) == 0) {
		*ret = json_pack("[s, s, I]", "==", name_field, number);
	} else {
		ui_repr_str(&quoted_name, name);
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Invalid job ID passed: invalid literal for int() with base 10: %s",
			       str_get(&quoted_name));
	}
	return 0;
}

int filter_make(const struct strs *names, bool force, const char *name_field, bool numeric,
		json **ret, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	json *all CLEANUP(json_putp) = NULL;

	*ret = NULL;
	if (force || (names->n == 1 && strpbrk(names->v[0], DETECT_FILTER))) {
		if (names->n != 1)
			return err_set(e, ERR_PREREQ, ECODE_INVAL,
				       "Exactly one argument must be given as a filter");
		return filter_parse(names->v[0], ret, e);
	}
	if (!names->n)
		return 0;
	all = json_pack("[s]", "|");
	for (size_t i = 0; i < names->n; i++) {
		json *part = NULL;

		TRY(name_part(a, name_field ? name_field : "name", names->v[i], numeric, &part, e));
		json_append(all, part);
	}
	*ret = STEAL(all);
	return 0;
}

json *filter_any(const char *name_field, const json *values)
{
	json *all;

	if (json_len(values) == 0)
		return NULL;
	all = json_pack("[s]", "|");
	json_items(values, i, v)
		json_append(all, json_pack("[s, s, O]", "==", name_field, v));
	return all;
}
