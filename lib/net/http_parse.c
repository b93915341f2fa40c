/*
 * HTTP/1.1 as strict as RFC 9112 allows a server to be: what two parsers could read in two ways
 * is refused (folded lines, bare line feeds, blanks before the colon, repeated Content-Length,
 * any Transfer-Encoding but "chunked").
 */
#include "lib/net/priv.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#define METHOD_MAX 20
#define CHUNK_LINE_MAX 256
#define TRAILER_MAX 8192

static bool is_token_char(unsigned char c)
{
	return isalnum(c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_token(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if (!is_token_char((unsigned char)*s))
			return false;
	return true;
}

size_t http_head_end(const char *p, size_t n, size_t *scanned)
{
	size_t from = *scanned > 3 ? *scanned - 3 : 0;
	const char *end = n > from ? memmem(p + from, n - from, "\r\n\r\n", 4) : NULL;

	*scanned = n;
	return end ? (size_t)(end - p) + 4 : 0;
}

const char *http_field(const struct http_head *h, const char *name)
{
	for (size_t i = 0; i < h->n_fields; i++)
		if (strcasecmp(h->field[i].name, name) == 0)
			return h->field[i].value;
	return NULL;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

char *http_decode(struct arena *a, const char *p, size_t n, bool plus)
{
	char *s = arena_alloc(a, n + 1), *q = s;

	for (size_t i = 0; i < n; i++) {
		if (p[i] == '%') {
			int hi = n - i > 2 ? hex_value(p[i + 1]) : -1;
			int lo = hi >= 0 ? hex_value(p[i + 2]) : -1;

			if (lo < 0 || (hi == 0 && lo == 0))
				return NULL;
			*q++ = (char)(hi << 4 | lo);
			i += 2;
		} else {
			*q++ = plus && p[i] == '+' ? ' ' : p[i];
		}
	}
	*q = '\0';
	return s;
}

/* Cut the text at S at its CRLF; returns the start of the next line, NULL = malformed. */
static char *cut_line(char *s)
{
	char *end = strchr(s, '\r');

	if (!end || end[1] != '\n' || memchr(s, '\n', (size_t)(end - s)))
		return NULL;
	*end = '\0';
	return end + 2;
}

/* "name: value" */
static int parse_field(char *line, struct http_head *h)
{
	char *colon = strchr(line, ':'), *value, *end;

	if (!colon)
		return 400;
	*colon = '\0';
	if (!is_token(line)) /* empty, blanks before the colon, folded lines */
		return 400;
	for (value = colon + 1; *value == ' ' || *value == '\t'; value++)
		;
	for (end = value + strlen(value); end > value && (end[-1] == ' ' || end[-1] == '\t'); end--)
		;
	*end = '\0';
	for (const char *p = value; *p; p++)
		if (((unsigned char)*p < ' ' && *p != '\t') || *p == 0x7f)
			return 400;
	if (h->n_fields == HTTP_HEADERS_MAX)
		return 431;
	h->field[h->n_fields++] = (struct http_field){ line, value };
	return 0;
}

/* The words of Connection. */
static void connection_words(struct http_head *h, const char *value)
{
	while (*value) {
		size_t n;

		value += strspn(value, ", \t");
		n = strcspn(value, ", \t");
		if (n == 5 && strncasecmp(value, "close", n) == 0)
			h->close = true;
		else if (n == 10 && strncasecmp(value, "keep-alive", n) == 0)
			h->keep_alive = true;
		value += n;
	}
}

static int parse_length(struct http_head *h, const char *value)
{
	size_t n = strlen(value);

	if (h->length >= 0 || !n || n > 18 || strspn(value, "0123456789") != n)
		return 400;
	h->length = 0;
	for (; *value; value++)
		h->length = h->length * 10 + (*value - '0');
	return 0;
}

/* What the fields say about framing. */
static int check_framing(struct http_head *h)
{
	for (size_t i = 0; i < h->n_fields; i++) {
		const char *name = h->field[i].name, *value = h->field[i].value;

		if (strcasecmp(name, "Content-Length") == 0) {
			if (parse_length(h, value) != 0)
				return 400;
		} else if (strcasecmp(name, "Transfer-Encoding") == 0) {
			if (h->chunked || h->minor == 0)
				return 400;
			if (strcasecmp(value, "chunked") != 0)
				return 501;
			h->chunked = true;
		} else if (strcasecmp(name, "Connection") == 0) {
			connection_words(h, value);
		} else if (strcasecmp(name, "Expect") == 0) {
			if (strcasecmp(value, "100-continue") != 0)
				return 417;
			h->expect_continue = h->minor >= 1;
		}
	}
	return h->chunked && h->length >= 0 ? 400 : 0;
}

static int check_host(const struct http_head *h)
{
	size_t n = 0;

	for (size_t i = 0; i < h->n_fields; i++) {
		const char *v = h->field[i].value;

		if (strcasecmp(h->field[i].name, "Host") != 0)
			continue;
		n++;
		for (; *v; v++)
			if (!isalnum((unsigned char)*v) && !strchr("-._~%!$&'()*+,;=:[]", *v))
				return 400;
	}
	return n > 1 || (n == 0 && h->minor >= 1) ? 400 : 0;
}

/* Fields up to the empty line. */
static int parse_fields(char *p, struct http_head *h)
{
	while (*p && strcmp(p, "\r\n") != 0) {
		char *line = p;
		int r;

		p = cut_line(line);
		if (!p)
			return 400;
		r = parse_field(line, h);
		if (r != 0)
			return r;
	}
	return check_framing(h);
}

static int parse_version(const char *s, int *ret_minor)
{
	if (strcmp(s, "HTTP/1.1") == 0)
		*ret_minor = 1;
	else if (strcmp(s, "HTTP/1.0") == 0)
		*ret_minor = 0;
	else
		return strncmp(s, "HTTP/", 5) == 0 && isdigit((unsigned char)s[5]) ? 505 : 400;
	return 0;
}

static int parse_target(struct arena *a, char *target, struct http_head *h)
{
	char *query;

	for (const char *p = target; *p; p++)
		if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f || *p == '#')
			return 400;
	if (strncasecmp(target, "http://", 7) == 0 || strncasecmp(target, "https://", 8) == 0) {
		target = strchr(strchr(target, ':') + 3, '/'); /* the form proxies use */
		if (!target)
			target = arena_strdup(a, "/");
	}
	if (*target != '/' && strcmp(target, "*") != 0)
		return 400;
	query = strchr(target, '?');
	if (query)
		*query++ = '\0';
	h->query = query;
	h->path = http_decode(a, target, strlen(target), false);
	return h->path ? 0 : 400;
}

static int parse_request_line(struct arena *a, char *line, struct http_head *h)
{
	char *target = strchr(line, ' '), *version = target ? strchr(target + 1, ' ') : NULL;
	int r;

	if (!version)
		return 400;
	*target++ = '\0';
	*version++ = '\0';
	if (!is_token(line) || strlen(line) > METHOD_MAX)
		return 400;
	h->method = line;
	r = parse_version(version, &h->minor);
	return r ? r : parse_target(a, target, h);
}

int http_parse_request(struct arena *a, const char *p, size_t n, struct http_head *ret)
{
	char *text = arena_strndup(a, p, n), *rest;
	int r;

	memset(ret, 0, sizeof(*ret));
	ret->length = -1;
	if (strlen(text) != n)
		return 400; /* a NUL inside */
	rest = cut_line(text);
	if (!rest)
		return 400;
	r = parse_request_line(a, text, ret);
	if (r == 0)
		r = parse_fields(rest, ret);
	return r ? r : check_host(ret);
}

int http_parse_response(struct arena *a, const char *p, size_t n, struct http_head *ret)
{
	char *text = arena_strndup(a, p, n), *rest;

	memset(ret, 0, sizeof(*ret));
	ret->length = -1;
	rest = strlen(text) == n ? cut_line(text) : NULL;
	if (!rest || strlen(text) < 12 || text[8] != ' ' || (text[12] && text[12] != ' '))
		return -1;
	for (int i = 9; i < 12; i++) {
		if (!isdigit((unsigned char)text[i]))
			return -1;
		ret->status = ret->status * 10 + (text[i] - '0');
	}
	text[8] = '\0';
	if (ret->status < 100 || parse_version(text, &ret->minor) != 0)
		return -1;
	return parse_fields(rest, ret) == 0 ? 0 : -1;
}

/* --- chunked bodies --- */

/* One line at P (with its CRLF), at most MAX bytes. Its length, 0 = incomplete, -1 */
static ssize_t line_length(const char *p, size_t n, size_t max)
{
	const char *lf = memchr(p, '\n', n < max ? n : max);

	if (!lf)
		return n >= max ? -1 : 0;
	return lf > p && lf[-1] == '\r' ? lf - p + 1 : -1;
}

/* "1a2b" or "1a2b;extension" */
static int chunk_size(const char *p, size_t n, uint64_t *ret)
{
	uint64_t v = 0;
	size_t i;

	for (i = 0; i < n && hex_value(p[i]) >= 0; i++) {
		if (i == 12)
			return -1;
		v = v << 4 | (uint64_t)hex_value(p[i]);
	}
	if (i == 0)
		return -1;
	if (p[i] != '\r' && p[i] != ';' && p[i] != ' ' && p[i] != '\t')
		return -1;
	for (; i < n - 2; i++)
		if (((unsigned char)p[i] < ' ' && p[i] != '\t') || p[i] == 0x7f)
			return -1;
	*ret = v;
	return 0;
}

/* A line of framing. Bytes used, 0 = wait for more, -EBADMSG */
static ssize_t chunk_line(struct http_chunks *c, const char *p, size_t n)
{
	ssize_t k = line_length(p, n, c->state == CHUNK_TRAILER ? TRAILER_MAX - c->extra
							       : CHUNK_LINE_MAX);

	if (k <= 0)
		return k < 0 ? -EBADMSG : 0;
	switch (c->state) {
	case CHUNK_SIZE:
		if (chunk_size(p, (size_t)k, &c->left) < 0)
			return -EBADMSG;
		c->state = c->left ? CHUNK_DATA : CHUNK_TRAILER;
		break;
	case CHUNK_DATA_END:
		if (k != 2)
			return -EBADMSG;
		c->state = CHUNK_SIZE;
		break;
	default: /* trailer fields are read over */
		c->extra += (size_t)k;
		if (k == 2)
			c->state = CHUNK_DONE;
	}
	return k;
}

ssize_t http_chunks_feed(struct http_chunks *c, const char *p, size_t n, struct str *out,
			 size_t max)
{
	size_t used = 0;

	while (used < n && c->state != CHUNK_DONE) {
		if (c->state == CHUNK_DATA) {
			size_t k = n - used < c->left ? n - used : (size_t)c->left;

			str_addn(out, p + used, k);
			used += k;
			c->left -= k;
			if (!c->left)
				c->state = CHUNK_DATA_END;
		} else {
			ssize_t k = chunk_line(c, p + used, n - used);

			if (k < 0)
				return k;
			if (k == 0)
				break;
			if (c->state == CHUNK_DATA && c->left > max - out->len)
				return -EFBIG;
			used += (size_t)k;
		}
	}
	return (ssize_t)used;
}
