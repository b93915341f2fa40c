#include "src/hyper/xml.h"

#include <string.h>

static void add_escaped(struct str *out, const char *s)
{
	for (; *s; s++) {
		switch (*s) {
		case '<':
			str_add(out, "&lt;");
			break;
		case '>':
			str_add(out, "&gt;");
			break;
		case '&':
			str_add(out, "&amp;");
			break;
		case '"':
			str_add(out, "&quot;");
			break;
		case '\'':
			str_add(out, "&apos;");
			break;
		default:
			/* XML 1.0 has no way to write other control characters */
			if ((unsigned char)*s >= ' ' || strchr("\t\n\r", *s))
				str_addc(out, *s);
		}
	}
}

const char *xml_escape(struct arena *a, const char *s)
{
	struct str out CLEANUP(str_free) = { 0 };

	add_escaped(&out, s);
	return arena_strdup(a, str_get(&out));
}

void xml_addf(struct str *out, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	for (; *fmt; fmt++) {
		if (*fmt != '%') {
			str_addc(out, *fmt);
			continue;
		}
		switch (*++fmt) {
		case 's': {
			const char *s = va_arg(ap, const char *);

			add_escaped(out, s ? s : "");
			break;
		}
		case 'd':
			str_addf(out, "%d", va_arg(ap, int));
			break;
		case 'l': /* %lld only */
			fmt += 2;
			str_addf(out, "%lld", va_arg(ap, long long));
			break;
		case '%':
			str_addc(out, '%');
			break;
		default:
			abort();
		}
	}
	va_end(ap);
}
