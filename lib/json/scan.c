/* Going through a JSON text without making a tree of it. */
#include "lib/json/json.h"

#include <string.h>

static bool failed(struct json_scan *s)
{
	s->p = NULL;
	return false;
}

bool json_scan_failed(const struct json_scan *s)
{
	return !s->p;
}

/* The next character that is no white space; 0 at the end. */
static char next(struct json_scan *s)
{
	while (s->p && s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\t' || *s->p == '\r'))
		s->p++;
	return s->p && s->p < s->end ? *s->p : 0;
}

bool json_scan_enter(struct json_scan *s, char bracket)
{
	if (next(s) != bracket)
		return failed(s);
	s->p++;
	s->first = true;
	return true;
}

/* At the next member of what was entered, or past its end. */
static bool member(struct json_scan *s, char end)
{
	char c = next(s);
	bool first = s->first;

	s->first = false;
	if (c == end) {
		s->p++;
		return false;
	}
	if (first)
		return c ? true : failed(s);
	if (c != ',')
		return failed(s);
	s->p++;
	return next(s) ? true : failed(s);
}

bool json_scan_item(struct json_scan *s)
{
	return member(s, ']');
}

/* Is one of eight bytes no ASCII, a control character, a quote or a backslash? May also say so of others. */
static bool special(const char *p)
{
	const uint64_t ones = UINT64_MAX / 255, high = ones * 0x80;
	uint64_t x, quote, back;

	memcpy(&x, p, sizeof(x));
	quote = x ^ ones * '"';
	back = x ^ ones * '\\';
	return ((x | (x - ones * ' ') | (x + ones) | (quote - ones) | (back - ones)) & high) != 0;
}

bool json_scan_plain(struct json_scan *s, const char **ret, size_t *ret_n)
{
	const char *p;

	if (next(s) != '"')
		return false;
	p = s->p + 1;
	while (s->end - p >= 8 && !special(p))
		p += 8;
	while (p < s->end && (unsigned char)*p >= ' ' && (unsigned char)*p < 0x7f && *p != '"' && *p != '\\')
		p++;
	if (p == s->end || *p != '"')
		return false;
	*ret = s->p + 1;
	*ret_n = (size_t)(p - s->p) - 1;
	s->p = p + 1;
	return true;
}

bool json_scan_key(struct json_scan *s, const char **ret, size_t *ret_n)
{
	if (!member(s, '}'))
		return false;
	if (!json_scan_plain(s, ret, ret_n) || next(s) != ':')
		return failed(s);
	s->p++;
	return true;
}

bool json_scan_int(struct json_scan *s, int64_t *ret)
{
	bool minus = next(s) == '-';
	const char *start, *p;
	int64_t v = 0;

	if (!s->p)
		return false;
	p = start = s->p + minus;
	while (p < s->end && *p >= '0' && *p <= '9' && p - start < 18)
		v = v * 10 + (*p++ - '0');
	/* anything else that could go on here makes another number of it */
	if (p == start || (*start == '0' && p > start + 1) || p == s->end || !strchr(",]} \n\t\r", *p) || !*p)
		return false;
	*ret = minus ? -v : v;
	s->p = p;
	return true;
}

static const char *string_end(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++)
		if (*p == '\\')
			p++;
	return p < end ? p + 1 : NULL;
}

/* Whatever its brackets hold; the value is looked at when it is parsed. */
static const char *value_end(const char *p, const char *end)
{
	size_t depth = 0;

	while (p && p < end) {
		switch (*p) {
		case '"':
			p = string_end(p, end);
			break;
		case '{':
		case '[':
			depth++;
			p++;
			continue;
		case '}':
		case ']':
			if (!depth--)
				return NULL;
			p++;
			break;
		default:
			while (p < end && !strchr(",:]}[{\" \n\t\r", *p))
				p++;
			if (depth && p < end && strchr(",: \n\t\r", *p) && *p) {
				p++;
				continue;
			}
		}
		if (!depth)
			return p;
	}
	return depth ? NULL : p;
}

bool json_scan_skip(struct json_scan *s, const char **ret, size_t *ret_n)
{
	const char *start, *p;

	if (!next(s))
		return failed(s);
	start = s->p;
	p = value_end(start, s->end);
	if (!p || p == start)
		return failed(s);
	if (ret) {
		*ret = start;
		*ret_n = (size_t)(p - start);
	}
	s->p = p;
	return true;
}

bool json_scan_value(struct json_scan *s, json **ret)
{
	const char *p;
	size_t n;

	if (!json_scan_skip(s, &p, &n))
		return false;
	return json_parse(p, n, ret, NULL) == 0 ? true : failed(s);
}
