/* JSON as text. The library's own way keeps a copy of the text in each value that was printed, and is slower. */
#include "lib/json/json.h"

#include <json-c/json.h>
#include <string.h>

/* --- as short as possible --- */
static void put(struct str *out, const json *j, bool sorted);

static void put_int(struct str *out, int64_t v)
{
	char buf[24], *p = buf + sizeof(buf);
	uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

	do
		*--p = (char)('0' + u % 10);
	while (u /= 10);
	if (v < 0)
		*--p = '-';
	str_addn(out, p, (size_t)(buf + sizeof(buf) - p));
}

static void put_escaped(struct str *out, char c)
{
	static const char from[] = "\b\n\r\t\f\"\\", to[] = "bnrtf\"\\", digits[] = "0123456789abcdef";
	const char *p = c ? strchr(from, c) : NULL;
	char text[] = { '\\', 'u', '0', '0', digits[c >> 4 & 15], digits[c & 15] };

	if (p)
		text[1] = to[p - from];
	str_addn(out, text, p ? 2 : sizeof(text));
}

static void put_string(struct str *out, const char *s, size_t n)
{
	size_t done = 0;

	str_addc(out, '"');
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)s[i] >= ' ' && s[i] != '"' && s[i] != '\\')
			continue;
		str_addn(out, s + done, i - done);
		put_escaped(out, s[i]);
		done = i + 1;
	}
	str_addn(out, s + done, n - done);
	str_addc(out, '"');
}

/* Numbers keep the digits they were read or made with. */
static void put_float(struct str *out, const json *j)
{
	const char *digits = json_object_get_userdata((json *)(uintptr_t)j);

	str_add(out, digits ? digits : json_object_to_json_string((json *)(uintptr_t)j));
}

static void put_member(struct str *out, const char *key, const json *v, bool sorted)
{
	if (out->p[out->len - 1] != '{')
		str_addc(out, ',');
	put_string(out, key, strlen(key));
	str_addc(out, ':');
	put(out, v, sorted);
}

static void put_dict(struct str *out, const json *j, bool sorted)
{
	str_addc(out, '{');
	if (sorted) {
		struct arena *a CLEANUP(arena_freep) = arena_new();
		struct strs keys = json_keys(a, j);

		for (size_t i = 0; i < keys.n; i++)
			put_member(out, keys.v[i], json_get(j, keys.v[i]), true);
	} else {
		json_each (j, key, v)
			put_member(out, key, v, false);
	}
	str_addc(out, '}');
}

static void put_array(struct str *out, const json *j, bool sorted)
{
	str_addc(out, '[');
	json_items (j, i, v) {
		if (i)
			str_addc(out, ',');
		put(out, v, sorted);
	}
	str_addc(out, ']');
}

/* SORTED: the keys of dicts */
static void put(struct str *out, const json *j, bool sorted)
{
	switch (json_kind(j)) {
	case JSON_NULL:
		str_addn(out, "null", 4);
		break;
	case JSON_BOOL:
		str_add(out, json_object_get_boolean(j) ? "true" : "false");
		break;
	case JSON_INT:
		put_int(out, json_object_get_int64(j));
		break;
	case JSON_FLOAT:
		put_float(out, j);
		break;
	case JSON_STRING:
		put_string(out, json_str(j), json_str_len(j));
		break;
	case JSON_ARRAY:
		put_array(out, j, sorted);
		break;
	case JSON_DICT:
		put_dict(out, j, sorted);
		break;
	}
}

void json_dump_to(struct str *out, const json *j)
{
	put(out, j, false);
}

char *json_dump(const json *j)
{
	struct str out = { 0 };

	put(&out, j, false);
	return str_steal(&out);
}

const char *json_dump_in(struct arena *a, const json *j)
{
	struct str out CLEANUP(str_free) = { 0 };

	put(&out, j, false);
	return arena_strndup(a, out.p, out.len);
}

/* --- other forms --- */
char *json_dump_pretty(const json *j)
{
	return xstrdup(json_object_to_json_string_ext((json *)(uintptr_t)j, JSON_C_TO_STRING_PRETTY |
										    JSON_C_TO_STRING_SPACED |
										    JSON_C_TO_STRING_NOSLASHESCAPE));
}

const char *json_dump_spaced_in(struct arena *a, const json *j)
{
	struct str text CLEANUP(str_free) = { 0 };
	bool quoted = false;

	for (const char *p = json_dump_in(a, j); *p; p++) {
		str_addc(&text, *p);
		if (*p == '\\' && quoted && p[1])
			str_addc(&text, *++p);
		else if (*p == '"')
			quoted = !quoted;
		else if (!quoted && (*p == ',' || *p == ':'))
			str_addc(&text, ' ');
	}
	return arena_strdup(a, str_get(&text));
}

char *json_dump_sorted(const json *j)
{
	struct str out = { 0 };

	put(&out, j, true);
	return str_steal(&out);
}
