#include "lib/base/str.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static void reserve(struct str *s, size_t more)
{
	size_t need = s->len + more + 1;

	if (need <= s->cap)
		return;
	s->cap = s->cap ? s->cap : 64;
	while (s->cap < need)
		s->cap *= 2;
	s->p = xrealloc(s->p, s->cap, 1);
}

void str_addn(struct str *s, const void *data, size_t n)
{
	reserve(s, n);
	if (n)
		memcpy(s->p + s->len, data, n);
	s->len += n;
	s->p[s->len] = '\0';
}

void str_add(struct str *s, const char *text)
{
	str_addn(s, text, strlen(text));
}

void str_addc(struct str *s, char c)
{
	str_addn(s, &c, 1);
}

void str_addf(struct str *s, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	str_add(s, text);
	free(text);
}

void str_trim(struct str *s, size_t len)
{
	if (len >= s->len)
		return;
	s->len = len;
	s->p[len] = '\0';
}

void str_drop(struct str *s, size_t n)
{
	if (n >= s->len) {
		str_trim(s, 0);
		return;
	}
	memmove(s->p, s->p + n, s->len - n + 1);
	s->len -= n;
}

char *str_steal(struct str *s)
{
	char *p = s->p ? s->p : xstrdup("");

	*s = (struct str){ 0 };
	return p;
}

const char *str_get(const struct str *s)
{
	return s->p ? s->p : "";
}

void str_free(struct str *s)
{
	free(s->p);
	*s = (struct str){ 0 };
}

void strs_add(struct arena *a, struct strs *l, const char *s)
{
	/* capacity is the next power of two of n, so it needs no field */
	if ((l->n & (l->n - 1)) == 0) {
		size_t cap = l->n ? l->n * 2 : 1;
		const char **v = ARENA_ARRAY(a, const char *, cap);

		if (l->n)
			memcpy(v, l->v, l->n * sizeof(*v));
		l->v = v;
	}
	l->v[l->n++] = s;
}

bool strs_has(const struct strs *l, const char *s)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i], s) == 0)
			return true;
	return false;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int by_nature(const void *a, const void *b)
{
	return str_natcmp(*(const char *const *)a, *(const char *const *)b);
}

void strs_sort(struct strs *l)
{
	if (l->n)
		qsort(l->v, l->n, sizeof(*l->v), by_bytes);
}

void strs_sort_nat(struct strs *l)
{
	if (l->n)
		qsort(l->v, l->n, sizeof(*l->v), by_nature);
}

void strs_uniq(struct strs *l)
{
	size_t k = 0;

	for (size_t i = 0; i < l->n; i++)
		if (!k || strcmp(l->v[k - 1], l->v[i]) != 0)
			l->v[k++] = l->v[i];
	l->n = k;
}

struct strs strs_minus(struct arena *a, const struct strs *l, const struct strs *less)
{
	struct strs r = { 0 };

	for (size_t i = 0; i < l->n; i++)
		if (!strs_has(less, l->v[i]))
			strs_add(a, &r, l->v[i]);
	return r;
}

char *strs_join(struct arena *a, const struct strs *l, const char *sep)
{
	struct str s CLEANUP(str_free) = { 0 };

	for (size_t i = 0; i < l->n; i++) {
		if (i)
			str_add(&s, sep);
		str_add(&s, l->v[i]);
	}
	return arena_strdup(a, str_get(&s));
}

struct strs strs_split(struct arena *a, const char *s, char sep)
{
	struct strs r = { 0 };

	for (;;) {
		const char *end = strchrnul(s, sep);

		strs_add(a, &r, arena_strndup(a, s, (size_t)(end - s)));
		if (!*end)
			return r;
		s = end + 1;
	}
}

struct strs strs_split_esc(struct arena *a, const char *s, char sep)
{
	struct str part CLEANUP(str_free) = { 0 };
	struct strs r = { 0 };

	for (;; s++) {
		if (*s == '\\' && s[1]) {
			str_addc(&part, *++s);
		} else if (!*s || *s == sep) {
			strs_add(a, &r, arena_strdup(a, str_get(&part)));
			str_trim(&part, 0);
			if (!*s)
				return r;
		} else {
			str_addc(&part, *s);
		}
	}
}

int str_natcmp(const char *a, const char *b)
{
	const unsigned char *p = (const unsigned char *)a, *q = (const unsigned char *)b;

	while (*p && *q) {
		if (isdigit(*p) && isdigit(*q)) {
			size_t n, m;

			while (*p == '0' && isdigit(p[1]))
				p++;
			while (*q == '0' && isdigit(q[1]))
				q++;
			for (n = 0; isdigit(p[n]); n++)
				;
			for (m = 0; isdigit(q[m]); m++)
				;
			if (n != m)
				return n < m ? -1 : 1;
			for (; n; n--, p++, q++)
				if (*p != *q)
					return *p < *q ? -1 : 1;
		} else if (*p != *q) {
			return *p < *q ? -1 : 1;
		} else {
			p++;
			q++;
		}
	}
	if (!*p && !*q)
		return strcmp(a, b);
	return *p ? 1 : -1;
}

/* Eight bytes at a step: what is looked up are mostly UUIDs and names. */
uint64_t str_hash_n(const char *s, size_t n)
{
	const uint64_t k = 0x9e3779b97f4a7c15u;
	uint64_t h = 1469598103934665603u, w = 0;

	for (; n >= sizeof(w); s += sizeof(w), n -= sizeof(w)) {
		memcpy(&w, s, sizeof(w));
		h = (h ^ w) * k;
		h ^= h >> 32;
	}
	w = (uint64_t)n << 56;
	memcpy(&w, s, n); /* less than eight */
	h = (h ^ w) * k;
	return h ^ h >> 32;
}

uint64_t str_hash(const char *s)
{
	return str_hash_n(s, strlen(s));
}

bool str_eq(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

bool str_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && strcmp(s + n - m, suffix) == 0;
}

char *str_lower(struct arena *a, const char *s)
{
	char *d = arena_strdup(a, s);

	for (char *p = d; p && *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return d;
}

char *str_upper(struct arena *a, const char *s)
{
	char *d = arena_strdup(a, s);

	for (char *p = d; p && *p; p++)
		*p = (char)toupper((unsigned char)*p);
	return d;
}

char *str_strip(struct arena *a, const char *s)
{
	size_t n;

	while (isspace((unsigned char)*s))
		s++;
	for (n = strlen(s); n && isspace((unsigned char)s[n - 1]); n--)
		;
	return arena_strndup(a, s, n);
}

char *str_shell_quote(struct arena *a, const char *s)
{
	struct str out CLEANUP(str_free) = { 0 };
	const char *p;

	for (p = s; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("-._+/:%=@,", *p))
			break;
	if (*s && !*p)
		return arena_strdup(a, s);
	str_addc(&out, '\'');
	for (p = s; *p; p++) {
		if (*p == '\'')
			str_add(&out, "'\\''");
		else
			str_addc(&out, *p);
	}
	str_addc(&out, '\'');
	return arena_strdup(a, str_get(&out));
}

size_t str_distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b), row[64];

	if (n >= ARRAY_SIZE(row) || m >= ARRAY_SIZE(row))
		return ARRAY_SIZE(row);
	for (size_t j = 0; j <= m; j++)
		row[j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			size_t change = diagonal + (a[i - 1] != b[j - 1]);
			size_t insert = row[j - 1] + 1, drop = row[j] + 1;

			diagonal = row[j];
			row[j] = change < insert ? change : insert;
			if (drop < row[j])
				row[j] = drop;
		}
	}
	return row[m];
}
