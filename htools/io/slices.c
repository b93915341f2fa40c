/*
 * A big JSON object without its tree: where the text of each value is. What is inside of values is for the parser
 * that gets them one at a time; names that occur twice are seen twice, in their order.
 */
#include "htools/io/value.h"

#include <string.h>

static const char *skip(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
		p++;
	return p;
}

/* Behind the string that begins at P; NULL when it does not end. */
static const char *string_end(const char *p, const char *end)
{
	for (p++; p < end; p++) {
		if (*p == '\\')
			p++;
		else if (*p == '"')
			return p + 1;
	}
	return NULL;
}

static const char *value_end(const char *p, const char *end)
{
	size_t depth = 0;

	while (p < end) {
		if (*p == '"') {
			p = string_end(p, end);
			if (!p)
				return NULL;
		} else if (*p == '{' || *p == '[') {
			depth++;
			p++;
		} else if (*p == '}' || *p == ']') {
			if (depth == 0)
				return p;
			depth--;
			p++;
		} else if (depth == 0 && (*p == ',' || *p == ' ' || *p == '\n' || *p == '\t' || *p == '\r')) {
			return p;
		} else {
			p++;
			continue;
		}
		if (depth == 0)
			return p;
	}
	return NULL;
}

bool hj_slices(const char *text, size_t n, struct hj_slices *ret)
{
	const char *end = text + n, *p = skip(text, end);

	*ret = (struct hj_slices){ .end = end };
	if (p == end || *p != '{')
		return false;
	ret->p = skip(p + 1, end);
	ret->empty = ret->p < end && *ret->p == '}';
	return true;
}

bool hj_continue(struct hj_slices *s, const char *p)
{
	p = skip(p, s->end);
	if (p == s->end || (*p != ',' && *p != '}'))
		return false;
	s->done = *p == '}';
	s->p = skip(p + 1, s->end);
	return true;
}

int hj_next(struct hj_slices *s, struct hj_slice *ret)
{
	const char *p = s->p, *end = s->end, *q;

	if (s->empty || s->done) {
		s->p = s->empty ? p + 1 : p;
		s->empty = false;
		s->done = true;
		return 0;
	}
	q = p < end && *p == '"' ? string_end(p, end) : NULL;
	if (!q)
		return -1;
	ret->key = p;
	ret->key_n = (size_t)(q - p);
	p = skip(q, end);
	if (p == end || *p != ':')
		return -1;
	p = skip(p + 1, end);
	q = value_end(p, end);
	if (!q || q == p)
		return -1;
	ret->value = p;
	ret->value_n = (size_t)(q - p);
	return hj_continue(s, q) ? 1 : -1;
}

bool hj_at_end(const struct hj_slices *s)
{
	return s->done && skip(s->p, s->end) == s->end;
}

int hj_key(struct arena *a, const struct hj_slice *s, const char **ret, struct err *e)
{
	json *j CLEANUP(json_putp) = NULL;
	bool plain = true;

	for (size_t i = 1; i + 1 < s->key_n; i++)
		plain = plain && s->key[i] != '\\' && (unsigned char)s->key[i] >= 32 && (unsigned char)s->key[i] < 128;
	if (plain) {
		*ret = arena_strndup(a, s->key + 1, s->key_n - 2);
		return 0;
	}
	if (json_parse(s->key, s->key_n, &j, e) < 0)
		return -1;
	*ret = arena_strdup(a, json_str(j) ? json_str(j) : "");
	return 0;
}
