/*
 * Numbers and lists as Haskell prints and reads them: upstream's texts and file formats are made of these.
 * printf() differs in the last digit: Haskell rounds the shortest decimal form of a number, half to even.
 */
#include "htools/core/htools.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Shortest decimal digits: 0.d1d2... * 10^exp (upstream: floatToDigits). */
struct digits {
	int v[20], n, exp;
};

/* BUF is V with P digits behind the point. Where V is exactly between two such numbers that both stand for it, C takes the one
 * that ends with an even digit, Haskell the larger one. */
static void break_tie(double v, int p, char *buf)
{
	char exact[80]; /* longer than any number that is such a middle */
	size_t last = p ? (size_t)p + 1 : 0, rest = (size_t)p + 2;

	snprintf(exact, sizeof(exact), "%.60e", v);
	if (exact[rest] != '5' || strspn(exact + rest + 1, "0") != 60 - (size_t)p - 1 || buf[last] != exact[last])
		return;
	buf[last]++;
	if (strtod(buf, NULL) != v)
		buf[last]--;
}

static struct digits shortest(double v)
{
	struct digits d = { { 0 }, 1, 0 };
	char buf[40];

	if (v == 0)
		return d;
	for (int p = 0; p < 17; p++) {
		snprintf(buf, sizeof(buf), "%.*e", p, v);
		if (strtod(buf, NULL) == v) {
			break_tie(v, p, buf);
			break;
		}
	}
	d.n = 0;
	for (const char *c = buf; *c != 'e'; c++)
		if (isdigit((unsigned char)*c))
			d.v[d.n++] = *c - '0';
	while (d.n > 1 && d.v[d.n - 1] == 0)
		d.n--;
	d.exp = (int)strtol(strchr(buf, 'e') + 1, NULL, 10) + 1;
	return d;
}

/* Keep the first KEEP digits of LEAD zeros and D, rounded. Returns the carry; OUT has KEEP digits. */
static int round_to(const struct digits *d, int lead, int keep, int *out)
{
	int carry = 0;

#define DIGIT(i) ((i) < lead || (i) - lead >= d->n ? 0 : d->v[(i) - lead])
	if (keep < lead + d->n) {
		bool half = DIGIT(keep) == 5;

		for (int i = keep + 1; i < lead + d->n; i++)
			half = half && DIGIT(i) == 0;
		carry = half && (keep == 0 || DIGIT(keep - 1) % 2 == 0) ? 0 : DIGIT(keep) >= 5;
	}
	for (int i = keep - 1; i >= 0; i--) {
		int x = DIGIT(i) + carry;

		carry = x == 10;
		out[i] = carry ? 0 : x;
	}
#undef DIGIT
	return carry;
}

/* NaN and infinities, and the sign. True when nothing is left to print. */
static bool special(struct str *out, double *v)
{
	if (isnan(*v)) {
		str_add(out, "NaN");
		return true;
	}
	if (signbit(*v)) {
		str_addc(out, '-');
		*v = -*v;
	}
	if (isinf(*v)) {
		str_add(out, "Infinity");
		return true;
	}
	return false;
}

static void add_digits(struct str *out, const int *v, int n)
{
	for (int i = 0; i < n; i++)
		str_addc(out, (char)('0' + v[i]));
}

static void fixed_all(struct str *out, const struct digits *d)
{
	if (d->exp <= 0) {
		str_add(out, "0.");
		for (int i = d->exp; i < 0; i++)
			str_addc(out, '0');
		add_digits(out, d->v, d->n);
		return;
	}
	for (int i = 0; i < d->exp; i++)
		str_addc(out, i < d->n ? (char)('0' + d->v[i]) : '0');
	str_addc(out, '.');
	if (d->n > d->exp)
		add_digits(out, d->v + d->exp, d->n - d->exp);
	else
		str_addc(out, '0');
}

static void fixed_prec(struct str *out, const struct digits *d, int prec)
{
	int lead = d->exp < 0 ? -d->exp : 0;
	int whole = d->exp > 0 ? d->exp : 0;
	int *v = xcalloc((size_t)(whole + prec) + 1, sizeof(*v));
	int carry = round_to(d, lead, whole + prec, v);

	if (carry)
		str_addc(out, '1');
	else if (whole == 0)
		str_addc(out, '0');
	add_digits(out, v, whole);
	if (prec > 0) {
		str_addc(out, '.');
		add_digits(out, v + whole, prec);
	}
	free(v);
}

static void exponent(struct str *out, const struct digits *d, int prec)
{
	int v[64] = { 0 }, carry;

	if (prec < 0) {
		str_addf(out, "%d.", d->v[0]);
		if (d->n > 1)
			add_digits(out, d->v + 1, d->n - 1);
		else
			str_addc(out, '0');
		str_addf(out, "e%d", d->n == 1 && d->v[0] == 0 ? 0 : d->exp - 1);
		return;
	}
	prec = prec < 1 ? 1 : prec > 60 ? 60 : prec;
	if (d->n == 1 && d->v[0] == 0) {
		str_add(out, "0.");
		add_digits(out, v, prec);
		str_add(out, "e0");
		return;
	}
	carry = round_to(d, 0, prec + 1, v);
	if (carry) {
		memmove(v + 1, v, sizeof(*v) * (size_t)prec);
		v[0] = 1;
	}
	str_addf(out, "%d.", v[0]);
	add_digits(out, v + 1, prec);
	str_addf(out, "e%d", d->exp - 1 + carry);
}

void hs_fixed(struct str *out, double v, int prec)
{
	struct digits d;

	if (special(out, &v))
		return;
	d = shortest(v);
	if (prec < 0)
		fixed_all(out, &d);
	else
		fixed_prec(out, &d, prec);
}

void hs_fixed_w(struct str *out, double v, int width, int prec)
{
	struct str s CLEANUP(str_free) = { 0 };

	hs_fixed(&s, v, prec);
	str_addf(out, "%*s", width, str_get(&s));
}

void hs_general(struct str *out, double v, int prec)
{
	struct digits d;

	if (special(out, &v))
		return;
	d = shortest(v);
	if (d.exp < 0 || d.exp > 7)
		exponent(out, &d, prec);
	else if (prec < 0)
		fixed_all(out, &d);
	else
		fixed_prec(out, &d, prec);
}

void hs_show_double(struct str *out, double v)
{
	hs_general(out, v, -1);
}

/* One character of UTF-8, or a byte that is none. */
static unsigned decode(const unsigned char **p)
{
	const unsigned char *s = *p;
	int more = *s >= 0xf0 ? 3 : *s >= 0xe0 ? 2 : *s >= 0xc2 ? 1 : 0;
	unsigned c = more == 3 ? *s & 7u : more == 2 ? *s & 15u : more == 1 ? *s & 31u : *s;

	for (int i = 1; i <= more; i++) {
		if ((s[i] & 0xc0) != 0x80) {
			*p = s + 1;
			return *s;
		}
		c = c << 6 | (s[i] & 63u);
	}
	*p = s + 1 + more;
	return c;
}

void hs_show_str(struct str *out, const char *text)
{
	static const char *const control[] = {
		"NUL", "SOH", "STX", "ETX", "EOT", "ENQ", "ACK", "a", "b", "t", "n", "v", "f", "r", "SO", "SI",
		"DLE", "DC1", "DC2", "DC3", "DC4", "NAK", "SYN", "ETB", "CAN", "EM", "SUB", "ESC", "FS", "GS",
		"RS", "US",
	};
	const unsigned char *p = (const unsigned char *)text;
	bool number = false, so = false; /* the last was \123, resp. \SO: what follows could change it */

	str_addc(out, '"');
	while (*p) {
		unsigned c = decode(&p);

		if ((number && c < 128 && isdigit((int)c)) || (so && c == 'H'))
			str_add(out, "\\&");
		number = so = false;
		if (c == '"' || c == '\\') {
			str_addf(out, "\\%c", (int)c);
		} else if (c < 32) {
			str_addf(out, "\\%s", control[c]);
			so = c == 14;
		} else if (c == 127) {
			str_add(out, "\\DEL");
		} else if (c > 127) {
			str_addf(out, "\\%u", c);
			number = true;
		} else {
			str_addc(out, (char)c);
		}
	}
	str_addc(out, '"');
}

void hs_show_strs(struct str *out, const struct strs *l)
{
	str_addc(out, '[');
	for (size_t i = 0; i < l->n; i++) {
		if (i)
			str_addc(out, ',');
		hs_show_str(out, l->v[i]);
	}
	str_addc(out, ']');
}

/* --- reading --- */

static const char *skip_space(const char *s)
{
	while (*s == ' ' || (*s >= '\t' && *s <= '\r'))
		s++;
	return s;
}

static bool is_symbol(char c)
{
	return c && strchr("!@#$%&*+./<=>?\\^|:-~", c);
}

struct number {
	const char *start, *end; /* the digits as C reads them, or... */
	uint64_t whole;          /* ... the integer, modulo 2^64 */
	bool integer, based;     /* without fraction and exponent; hexadecimal or octal */
};

static int digit_of(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : 99;
}

static bool lex_based(const char *s, struct number *ret)
{
	int base = s[1] == 'x' || s[1] == 'X' ? 16 : s[1] == 'o' || s[1] == 'O' ? 8 : 0;
	const char *p = s + 2;

	if (*s != '0' || base == 0 || digit_of(*p) >= base)
		return false;
	*ret = (struct number){ .integer = true, .based = true };
	for (; digit_of(*p) < base; p++)
		ret->whole = ret->whole * (uint64_t)base + (uint64_t)digit_of(*p);
	ret->end = p;
	return true;
}

/* One number lexeme at S. */
static bool lex_number(const char *s, struct number *ret)
{
	const char *p = s, *q;

	if (!isdigit((unsigned char)*s))
		return false;
	if (lex_based(s, ret))
		return true;
	*ret = (struct number){ .start = s, .integer = true };
	for (; isdigit((unsigned char)*p); p++)
		ret->whole = ret->whole * 10 + (uint64_t)(*p - '0');
	if (*p == '.' && isdigit((unsigned char)p[1])) {
		ret->integer = false;
		for (p++; isdigit((unsigned char)*p); p++)
			;
	}
	if (*p == 'e' || *p == 'E') {
		q = p + 1 + (p[1] == '+' || p[1] == '-');
		if (isdigit((unsigned char)*q)) {
			ret->integer = false;
			for (p = q; isdigit((unsigned char)*p); p++)
				;
		}
	}
	ret->end = p;
	return true;
}

static bool lex_word(const char *s, const char *word, const char **ret_rest)
{
	size_t n = strlen(word);

	if (strncmp(s, word, n) != 0 || isalnum((unsigned char)s[n]) || s[n] == '_' || s[n] == '\'' ||
	    (unsigned char)s[n] >= 128)
		return false;
	*ret_rest = s + n;
	return true;
}

enum wanted { WANT_INT, WANT_DOUBLE };
struct value {
	int64_t i;
	double d;
};

static bool convert(const char *s, enum wanted w, struct value *ret, const char **ret_rest)
{
	struct number n;

	if (w == WANT_DOUBLE && lex_word(s, "NaN", ret_rest)) {
		ret->d = NAN;
		return true;
	}
	if (w == WANT_DOUBLE && lex_word(s, "Infinity", ret_rest)) {
		ret->d = INFINITY;
		return true;
	}
	if (!lex_number(s, &n) || (w == WANT_INT && !n.integer))
		return false;
	*ret_rest = n.end;
	ret->i = (int64_t)n.whole;
	if (w == WANT_DOUBLE) {
		char *copy = n.based ? NULL : xstrndup(n.start, (size_t)(n.end - n.start));

		ret->d = copy ? strtod(copy, NULL) : (double)n.whole;
		free(copy);
	}
	return true;
}

/* A number in any number of parentheses, which may be negative. */
static bool reads(const char *s, enum wanted w, int depth, struct value *ret, const char **ret_rest)
{
	bool minus;

	s = skip_space(s);
	if (*s == '(' && depth < 100) {
		if (!reads(s + 1, w, depth + 1, ret, &s))
			return false;
		s = skip_space(s);
		*ret_rest = s + 1;
		return *s == ')';
	}
	minus = *s == '-' && !is_symbol(s[1]);
	if (!convert(minus ? skip_space(s + 1) : s, w, ret, ret_rest))
		return false;
	if (minus) {
		ret->i = (int64_t)(0 - (uint64_t)ret->i);
		ret->d = -ret->d;
	}
	return true;
}

bool hs_reads_int(const char *s, int64_t *ret, const char **ret_rest)
{
	struct value v = { 0, 0 };

	if (!reads(s, WANT_INT, 0, &v, ret_rest))
		return false;
	*ret = v.i;
	return true;
}

bool hs_reads_double(const char *s, double *ret, const char **ret_rest)
{
	struct value v = { 0, 0 };

	if (!reads(s, WANT_DOUBLE, 0, &v, ret_rest))
		return false;
	*ret = v.d;
	return true;
}

bool hs_reads_bool(const char *s, bool *ret, const char **ret_rest)
{
	s = skip_space(s);
	if (lex_word(s, "True", ret_rest)) {
		*ret = true;
		return true;
	}
	if (lex_word(s, "False", ret_rest)) {
		*ret = false;
		return true;
	}
	return false;
}

/* parseChoices */
static int whole(const char *what, const char *s, bool ok, const char *rest, struct err *e)
{
	if (!ok)
		return err_plain(e, "%s: cannot parse string '%s'", what, s);
	if (*rest)
		return err_plain(e, "%s: leftover characters when parsing '%s': '%s'", what, s, rest);
	return 0;
}

int hs_read_int(const char *what, const char *s, int64_t *ret, struct err *e)
{
	const char *rest = s;
	int64_t v = 0;
	bool ok = hs_reads_int(s, &v, &rest);

	if (whole(what, s, ok, rest, e) < 0)
		return -1;
	*ret = v;
	return 0;
}

int hs_read_double(const char *what, const char *s, double *ret, struct err *e)
{
	const char *rest = s;
	double v = 0;
	bool ok = hs_reads_double(s, &v, &rest);

	if (whole(what, s, ok, rest, e) < 0)
		return -1;
	*ret = v;
	return 0;
}

int hs_read_bool(const char *what, const char *s, bool *ret, struct err *e)
{
	const char *rest = s;
	bool v = false;
	bool ok = hs_reads_bool(s, &v, &rest);

	if (whole(what, s, ok, rest, e) < 0)
		return -1;
	*ret = v;
	return 0;
}

struct strs hs_split(struct arena *a, const char *s, char sep)
{
	struct strs none = { 0 };

	return *s ? strs_split(a, s, sep) : none;
}

int hs_parse_unit(const char *s, int64_t *ret, struct err *e)
{
	const char *rest;
	int64_t v;
	__int128 num = 1, den = 1;
	static const __int128 mega_num = 15625, mega_den = 16384; /* (1000/1024)^2 */

	if (!hs_reads_int(s, &v, &rest))
		return err_plain(e, "Can't parse string '%s'", s);
	while (*rest == ' ')
		rest++;
	if (!*rest || strcmp(rest, "m") == 0 || strcasecmp(rest, "mib") == 0)
		;
	else if (strcmp(rest, "g") == 0 || strcasecmp(rest, "gib") == 0)
		num = 1024;
	else if (strcmp(rest, "t") == 0 || strcasecmp(rest, "tib") == 0)
		num = 1024 * 1024;
	else if (strcmp(rest, "M") == 0 || strcasecmp(rest, "mb") == 0)
		num = mega_num;
	else if (strcmp(rest, "G") == 0 || strcasecmp(rest, "gb") == 0)
		num = mega_num * 1000;
	else if (strcmp(rest, "T") == 0 || strcasecmp(rest, "tb") == 0)
		num = mega_num * 1000000;
	else
		return err_plain(e, "Unknown unit '%s'", rest);
	if (isupper((unsigned char)rest[0]) || (rest[0] && (rest[1] == 'b' || rest[1] == 'B')))
		den = strcasestr(rest, "ib") ? 1 : mega_den;
	*ret = (int64_t)((__int128)v * num / den);
	return 0;
}

void ht_print_key(struct str *out, const char *prefix, const char *key, const char *value)
{
	bool quote = false;

	for (const char *c = value; *c; c++)
		quote = quote || !(isalnum((unsigned char)*c) || *c == '.');
	str_addf(out, "%s_", prefix);
	for (const char *c = key; *c; c++)
		str_addc(out, (char)toupper((unsigned char)*c));
	str_addf(out, quote ? "='%s'\n" : "=%s\n", value);
}
