#include "lib/base/parse.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <string.h>
#include <strings.h>

int parse_int(const char *s, int64_t *ret)
{
	char *end;
	long long v;

	if (!*s || isspace((unsigned char)*s))
		return -1;
	errno = 0;
	v = strtoll(s, &end, 10);
	if (errno || *end || end == s)
		return -1;
	*ret = v;
	return 0;
}

int parse_float(const char *s, double *ret)
{
	char *end;
	double v;

	if (!*s || isspace((unsigned char)*s))
		return -1;
	errno = 0;
	v = strtod(s, &end);
	if (errno || *end || end == s || !isfinite(v))
		return -1;
	*ret = v;
	return 0;
}

int parse_bool(const char *s, bool *ret)
{
	if (!strcasecmp(s, "yes") || !strcasecmp(s, "true"))
		*ret = true;
	else if (!strcasecmp(s, "no") || !strcasecmp(s, "false"))
		*ret = false;
	else
		return -1;
	return 0;
}

int parse_unit(const char *s, int64_t *ret_mib, struct err *e)
{
	double v, scale = 1;
	char *end;
	const char *p = s;

	while (isspace((unsigned char)*p))
		p++;
	if (!isdigit((unsigned char)*p) && *p != '.')
		return err_plain(e, "Invalid format");
	v = strtod(p, &end);
	while (isspace((unsigned char)*end))
		end++;
	if (*end) {
		switch (tolower((unsigned char)*end++)) {
		case 'k':
			scale = 1 / 1024.0;
			break;
		case 'm':
			break;
		case 'g':
			scale = 1024;
			break;
		case 't':
			scale = 1024 * 1024;
			break;
		default:
			return err_plain(e, "Unknown unit: %s", end - 1);
		}
		if (strcasecmp(end, "") && strcasecmp(end, "b") && strcasecmp(end, "ib"))
			return err_plain(e, "Unknown unit: %s", end - 1);
	}
	v = ceil(v * scale);
	if (!isfinite(v) || v > 1e15)
		return err_plain(e, "Invalid format");
	*ret_mib = ((int64_t)v + 3) / 4 * 4;
	return 0;
}

char *format_unit(double mib, char units)
{
	const char *suffix = "";

	if (units == 'h') {
		units = mib < 1024 ? 'm' : mib < 1024 * 1024 ? 'g' : 't';
		suffix = units == 'm' ? "M" : units == 'g' ? "G" : "T";
	}
	if (units == 'm')
		return xasprintf("%.0f%s", mib, suffix);
	if (units == 'g')
		return xasprintf("%.1f%s", mib / 1024, suffix);
	return xasprintf("%.1f%s", mib / 1024 / 1024, suffix);
}
