/* Values as text, the way Python's str() and repr() print them: scripts read it. */
#include "lib/ui/ui.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

size_t ui_width(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

bool ui_is_utf8(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	while (*p) {
		unsigned c = *p, n = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;
		unsigned least = n == 3 ? 0x10000 : n == 2 ? 0x800 : n == 1 ? 0x80 : 0;

		if ((c >= 0x80 && c < 0xc2) || c > 0xf4)
			return false;
		c &= n ? 0x3fu >> n : 0x7f;
		for (p++; n; n--, p++) {
			if ((*p & 0xc0) != 0x80)
				return false;
			c = c << 6 | (*p & 0x3f);
		}
		if (c < least || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
			return false;
	}
	return true;
}

void ui_repr_str(struct str *out, const char *s)
{
	char quote = strchr(s, '\'') && !strchr(s, '"') ? '"' : '\'';

	str_addc(out, quote);
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == (unsigned char)quote || c == '\\')
			str_addf(out, "\\%c", c);
		else if (c == '\n')
			str_add(out, "\\n");
		else if (c == '\t')
			str_add(out, "\\t");
		else if (c == '\r')
			str_add(out, "\\r");
		else if (c < 0x20 || c == 0x7f)
			str_addf(out, "\\x%02x", c);
		else
			str_addc(out, (char)c);
	}
	str_addc(out, quote);
}

/* The shortest digits that read back as the same number; exponents from 1e16 and below 1e-4. */
static void add_float(struct str *out, double v)
{
	char buf[40], *e;
	int digits = 0, exponent;

	if (!isfinite(v)) {
		str_add(out, isnan(v) ? "nan" : v < 0 ? "-inf" : "inf");
		return;
	}
	do
		snprintf(buf, sizeof(buf), "%.*e", digits, v);
	while (strtod(buf, NULL) != v && digits++ < 17);
	e = strchr(buf, 'e');
	exponent = atoi(e + 1);
	if (exponent >= 16 || exponent < -4) {
		*e = 0;
		str_addf(out, "%se%c%02d", buf, exponent < 0 ? '-' : '+', abs(exponent));
	} else {
		str_addf(out, "%.*f", digits > exponent ? digits - exponent : 1, v);
	}
}

static void add(struct str *out, const json *v, bool quote)
{
	const char *sep = "";

	switch (json_kind(v)) {
	case JSON_NULL:
		str_add(out, "None");
		break;
	case JSON_BOOL:
		str_add(out, json_boolean(v, false) ? "True" : "False");
		break;
	case JSON_INT:
		str_addf(out, "%lld", (long long)json_int(v, 0));
		break;
	case JSON_FLOAT:
		add_float(out, json_float(v, 0));
		break;
	case JSON_STRING:
		if (quote)
			ui_repr_str(out, json_str(v));
		else
			str_addn(out, json_str(v), json_str_len(v));
		break;
	case JSON_ARRAY:
		str_addc(out, '[');
		json_items(v, i, item) {
			str_add(out, sep);
			add(out, item, true);
			sep = ", ";
		}
		str_addc(out, ']');
		break;
	case JSON_DICT:
		str_addc(out, '{');
		json_each(v, key, item) {
			str_add(out, sep);
			ui_repr_str(out, key);
			str_add(out, ": ");
			add(out, item, true);
			sep = ", ";
		}
		str_addc(out, '}');
		break;
	}
}

void ui_text(struct str *out, const json *v)
{
	add(out, v, false);
}

void ui_repr(struct str *out, const json *v)
{
	add(out, v, true);
}

static bool local(double when, struct tm *ret)
{
	time_t t = (time_t)floor(when);

	return localtime_r(&t, ret) != NULL;
}

void ui_time(struct str *out, double when, int micros)
{
	char buf[64];
	struct tm tm;

	if (!local(when, &tm) || !strftime(buf, sizeof(buf), "%F %T", &tm))
		str_add(out, "N/A");
	else
		str_add(out, buf);
	if (micros >= 0)
		str_addf(out, ".%06d", micros);
}

void ui_ctime(struct str *out, double when)
{
	char buf[64];
	struct tm tm;

	if (!local(when, &tm) || !strftime(buf, sizeof(buf), "%a %b %e %H:%M:%S %Y", &tm))
		str_add(out, "N/A");
	else
		str_add(out, buf);
}
