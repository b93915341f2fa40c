/* Wording and text as upstream's callers expect them. */
#include "src/node/priv.h"

#include <string.h>

#define UNEXPECTED "Error while executing backend function"

int fail_unexpected(struct err *e)
{
	return e ? err_prefix(e, UNEXPECTED) : -1;
}

int fail_os(struct err *e, int errnum, const char *path)
{
	int n = errnum < 0 ? -errnum : errnum;

	return err_plain(e, UNEXPECTED ": [Errno %d] %s: '%s'", n, strerror(n), path);
}

int fail_as(struct err *e, const char *cls, const char *fmt, ...)
{
	char *text CLEANUP(freep) = NULL;
	va_list ap;

	if (!e)
		return -1;
	if (!e->cls || !errclass_is_a(e->cls, cls))
		return fail_unexpected(e);
	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	return err_prefix(e, "%s", text);
}

const char *py_str(struct arena *a, const json *v)
{
	switch (json_kind(v)) {
	case JSON_NULL:
		return "None";
	case JSON_BOOL:
		return json_boolean(v, false) ? "True" : "False";
	case JSON_STRING:
		return arena_strdup(a, json_str(v));
	default:
		return json_dump_in(a, v);
	}
}

const char *safe_encode(struct arena *a, const char *text)
{
	struct str s CLEANUP(str_free) = { 0 };

	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p == '\t')
			str_add(&s, "\\t");
		else if (*p == '\n')
			str_add(&s, "\\n");
		else if (*p == '\r')
			str_add(&s, "\\r");
		else if (*p < 32 || *p >= 127)
			str_addf(&s, "\\x%02x", *p);
		else
			str_addc(&s, (char)*p);
	}
	return arena_strdup(a, str_get(&s));
}

/* Length of the UTF-8 character at P (N bytes left), 0 if it is none. */
static size_t utf8_len(const unsigned char *p, size_t n)
{
	unsigned int c = p[0], lowest;
	size_t len;

	if (c < 0x80)
		return 1;
	if (c < 0xc2 || c > 0xf4)
		return 0;
	len = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	if (len > n)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	lowest = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
	if (p[1] < lowest || (c == 0xed && p[1] > 0x9f) || (c == 0xf4 && p[1] > 0x8f))
		return 0; /* overlong, surrogate or beyond the last code point */
	return len;
}

/* NULL when S is valid already. */
static json *clean_string(const json *v)
{
	const unsigned char *p = (const unsigned char *)json_str(v);
	size_t n = json_str_len(v), i = 0;
	struct str s CLEANUP(str_free) = { 0 };

	while (i < n) {
		size_t len = utf8_len(p + i, n - i);

		if (!len)
			break;
		i += len;
	}
	if (i == n)
		return NULL;
	for (i = 0; i < n;) {
		size_t len = utf8_len(p + i, n - i);

		if (len)
			str_addn(&s, p + i, len);
		else
			str_addf(&s, "\\x%02x", p[i]);
		i += len ? len : 1;
	}
	return json_new_strn(str_get(&s), s.len);
}

json *json_clean(json *j)
{
	json *clean;

	switch (json_kind(j)) {
	case JSON_STRING:
		clean = clean_string(j);
		if (!clean)
			return j;
		break;
	case JSON_ARRAY:
		clean = json_new_array();
		json_items(j, i, v)
			json_append(clean, json_clean(json_ref(v)));
		break;
	case JSON_DICT:
		clean = json_new_dict();
		json_each(j, k, v) {
			json *key = json_clean(json_new_str(k));

			json_set(clean, json_str(key), json_clean(json_ref(v)));
			json_put(key);
		}
		break;
	default:
		return j;
	}
	json_put(j);
	return clean;
}

bool is_file_name(const char *s)
{
	return s && *s && *s != '.' && !strchr(s, '/') && strlen(s) < 256;
}

bool is_plugin_name(const char *s)
{
	if (!s || !*s)
		return false;
	for (; *s; s++)
		if (!((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') ||
		      (*s >= '0' && *s <= '9') || *s == '-' || *s == '_'))
			return false;
	return true;
}
