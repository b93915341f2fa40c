/* Going through a JSON text without making a tree of it. */
#include "lib/json/json.h"

#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX 40
#define DIGITS_MAX 19 /* with the point */

static bool failed(struct json_scan *s)
{
	s->p = NULL;
	return false;
}

bool json_scan_failed(const struct json_scan *s)
{
	return !s->p;
}

bool json_scan_enter(struct json_scan *s, char bracket)
{
	if (json_scan_peek(s) != bracket)
		return failed(s);
	s->p++;
	s->first = true;
	return true;
}

/* At the next member of what was entered, or past its end. */
static bool member(struct json_scan *s, char end)
{
	char c = json_scan_peek(s);
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
	return json_scan_peek(s) ? true : failed(s);
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

	if (json_scan_peek(s) != '"')
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
	if (!json_scan_plain(s, ret, ret_n) || json_scan_peek(s) != ':')
		return failed(s);
	s->p++;
	return true;
}

/* What is there ends a number or a word: anything else would make another one of it. */
static bool ends_value(const struct json_scan *s, const char *p)
{
	return p < s->end && *p && strchr(",]} \n\t\r", *p);
}

bool json_scan_word(struct json_scan *s, const char *word)
{
	size_t n = strlen(word);

	if (json_scan_peek(s) != *word || (size_t)(s->end - s->p) <= n || memcmp(s->p, word, n) != 0 ||
	    !ends_value(s, s->p + n))
		return false;
	s->p += n;
	return true;
}

bool json_scan_bool(struct json_scan *s, bool *ret)
{
	*ret = json_scan_word(s, "true");
	return *ret || json_scan_word(s, "false");
}

bool json_scan_int(struct json_scan *s, int64_t *ret)
{
	bool minus = json_scan_peek(s) == '-';
	const char *start, *p;
	int64_t v = 0;

	if (!s->p)
		return false;
	p = start = s->p + minus;
	while (p < s->end && *p >= '0' && *p <= '9' && p - start < 18)
		v = v * 10 + (*p++ - '0');
	if (p == start || (*start == '0' && p > start + 1) || !ends_value(s, p))
		return false;
	*ret = minus ? -v : v;
	s->p = p;
	return true;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

#ifdef __SIZEOF_INT128__ /* nor are doubles wider there while they are in a register */
/* M / 10^K, what strtod() says of it. False: not that simple */
static bool quotient(uint64_t m, unsigned k, double *ret)
{
	static const double tens[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9 };
	unsigned __int128 n, ten, q;

	if (k >= ARRAY_SIZE(tens))
		return false;
	if (m < (uint64_t)1 << 53) { /* both are exact, and so their quotient is rounded once */
		*ret = (double)m / tens[k];
		return true;
	}
	/* more bits than are rounded to; the last one stands for all that are left out */
	n = (unsigned __int128)m << 64;
	ten = (uint64_t)tens[k];
	q = n / ten;
	*ret = (double)(q | (q * ten != n)) * 0x1p-64;
	return true;
}
#else
static bool quotient(uint64_t m, unsigned k, double *ret)
{
	(void)m;
	(void)k;
	(void)ret;
	return false;
}
#endif

bool json_scan_float(struct json_scan *s, double *ret)
{
	bool minus = json_scan_peek(s) == '-';
	const char *start, *p, *point = NULL;
	char text[NUMBER_MAX];
	uint64_t m = 0;
	double v;

	if (!s->p)
		return false;
	start = s->p + minus;
	for (p = start; p < s->end && (is_digit(*p) || (*p == '.' && !point)); p++)
		if (*p == '.')
			point = p;
		else if (p - start < DIGITS_MAX)
			m = m * 10 + (uint64_t)(*p - '0');
	/* no exponents */
	if (p - s->p >= NUMBER_MAX || !point || point == start || p == point + 1 ||
	    (*start == '0' && point > start + 1) || !ends_value(s, p))
		return false;
	if (p - start > DIGITS_MAX || !quotient(m, (unsigned)(p - point - 1), &v)) {
		memcpy(text, start, (size_t)(p - start));
		text[p - start] = '\0';
		v = strtod(text, NULL);
	}
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

	if (!json_scan_peek(s))
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
