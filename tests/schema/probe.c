/*
 * Types by what they accept: upstream's type of a parameter is an expression, which is asked about many
 * values; so is the row.
 */
#include "tests/schema/schema.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Values of all kinds, good and bad. Names of all enumerations are added. */
static const char *const values[] = {
	"null", "true", "false", "0", "1", "-1", "5", "15", "16", "100", "10", "-10", "-20", "-21", "19", "20",
	"1.5", "-0.5", "\"\"", "\"x\"", "\"12\"", "\"-1\"", "\"1.5\"", "\"1g\"", "\"inst1.example.com\"",
	"\"10.0.0.1\"", "\"10.0.0.0/24\"", "\"10.0.0.1/33\"", "\"10.0.0.256\"", "\"10.0.0\"", "\"2001:db8::1\"",
	"\"2001:db8::/64\"", "\"2001:db8::/129\"", "\"::g\"", "\"none\"", "\"default\"", "\"yes\"",
	"[]", "[\"x\"]", "[\"\"]", "[\"x\", \"\"]", "[1]", "[16]", "[-1]", "[null]", "[true]", "[1.5]", "[[]]",
	"[\"10.0.0.1\"]", "[\"10.0.0.1\", \"10.0.0.300\"]", "[\"2001:db8::1\"]",
	"[\"kvm\"]", "[\"kvm\", \"vmware\"]", "[\"plain\"]", "[\"plain\", \"lvm\"]", "[\"ENODEHV\"]",
	"[\"ENODEHV\", \"ENOSUCH\"]", "[\"nplusone_mem\"]", "[\"nplusone_mem\", \"x\"]",
	"[1, 2]", "[[1, 2]]", "[[1]]", "[[1, 2, 3]]", "[[1, \"2\"]]", "[[1, 2], 3]",
	"[[\"add\", \"x\"]]", "[[\"add\", \"\"]]", "[[\"modify\", \"x\"]]", "[[\"zap\", \"x\"]]",
	"[[\"add\", \"x\", 1]]", "[[\"add\"]]",
	/* modifications */
	"[[\"add\", {}]]", "[[\"add\", {\"size\": 1}]]", "[[\"add\", {\"mac\": \"x\"}]]", "[[\"remove\", {}]]",
	"[[\"modify\", {}]]", "[[\"attach\", {}]]", "[[0, {}]]", "[[-1, {}]]", "[[true, {}]]", "[[\"0\", {}]]",
	"[[\"add\", -1, {}]]", "[[\"modify\", 0, {\"mode\": \"rw\"}]]", "[[\"modify\", \"disk0\", {}]]",
	"[[\"zap\", 0, {}]]", "[[\"add\", 1.5, {}]]", "[[\"add\", null, {}]]", "[[0, 0, {}]]",
	"[[\"remove\", 0, []]]", "[[\"add\", 0, {\"bogus\": \"1\"}]]", "[[\"add\", 0, {\"bogus\": [1]}]]",
	"[[\"add\", 0, {\"name\": null}]]", "[[\"add\", 0, {\"ip\": 1}]]", "[[\"add\", 0, {}, 1]]",
	/* dictionaries */
	"{}", "{\"x\": 1}", "{\"x\": \"y\"}", "{\"x\": \"\"}", "{\"x\": {}}", "{\"x\": {\"y\": 1}}", "{\"x\": null}",
	"{\"x\": true}", "{\"x\": []}", "{\"x\": 1.5}", "{\"kvm\": {}}", "{\"drbd\": {}}", "{\"drbd\": {\"x\": 1}}",
	"{\"drbd\": 1}", "{\"vmware\": {}}", "{\"kvm\": {\"acpi\": true}}", "{\"kvm\": null}", "{\"lv\": true}",
	"{\"lv\": 5}", "{\"lv\": \"5\"}", "{\"link\": \"br0\"}", "{\"link\": null}", "{\"link\": 1}",
	"{\"bogus\": \"x\"}", "{\"size\": 1}", "{\"size\": null}",
	/* lists of them */
	"[{}]", "[{\"size\": 1}]", "[{\"size\": \"1g\"}]", "[{\"size\": null}]", "[{\"size\": \"\"}]", "[{\"size\": []}]",
	"[{\"bogus\": 1}]", "[{\"bogus\": \"1\"}]", "[{\"\": \"1\"}]", "[{\"ip\": \"x\"}]", "[{\"ip\": \"\"}]",
	"[{\"ip\": 1}]", "[{\"ip\": null}]", "[{\"size\": true}]", "[{\"size\": 1.5}]", "[{}, 1]",
	/* disks to make anew */
	"[0]", "[0, 15]", "[[0, {}]]", "[[0, {\"size\": 5}]]", "[[16, {}]]", "[[-1, {}]]", "[0, [1, {}]]",
	/* jobs and reasons */
	"[[1, [\"success\"]]]", "[[-1, []]]", "[[\"5\", [\"error\"]]]", "[[\"x\", []]]", "[[1, [\"running\"]]]",
	"[[1, [\"canceled\", \"error\"]]]", "[[1, \"success\"]]", "[[1.5, []]]", "[[1, []], [1]]",
	"[[\"a\", \"b\", 1]]", "[[\"a\", \"b\", \"c\"]]", "[[\"a\", \"b\", 1.5]]", "[[\"a\", \"b\"]]",
	"[[1, \"b\", 1]]", "[[\"a\", null, 1]]", "[[\"a\", \"b\", 1, 2]]", "[[\"a\", \"\", 0]]",
};

static bool takes(struct compare *c, const json *type, const json *v, const json *of);

static bool named(struct compare *c, const char *type, const json *v, const json *of)
{
	const char *s = json_str(v);

	if (strcmp(type, "<of>") == 0)
		return takes(c, of, v, NULL);
	if (strcmp(type, "any") == 0)
		return true;
	if (strcmp(type, "bool") == 0)
		return json_is(v, JSON_BOOL);
	if (strcmp(type, "int") == 0)
		return json_is(v, JSON_INT);
	if (strcmp(type, "number") == 0)
		return json_is(v, JSON_INT) || json_is(v, JSON_FLOAT);
	if (strcmp(type, "string") == 0)
		return s;
	if (strcmp(type, "non_empty_string") == 0)
		return s && *s;
	if (strcmp(type, "list") == 0)
		return json_is(v, JSON_ARRAY);
	fprintf(stderr, "type %s?\n", type);
	exit(2);
}

static bool address(const char *what, const char *s)
{
	char buf[64] = { 0 };
	unsigned char bin[16];
	int family = strstr(what, "ipv6") ? AF_INET6 : AF_INET;
	const char *slash = s ? strchr(s, '/') : NULL;
	size_t n = s ? (slash ? (size_t)(slash - s) : strlen(s)) : sizeof(buf);

	if (n >= sizeof(buf) || (strstr(what, "network") != NULL) != (slash != NULL))
		return false;
	memcpy(buf, s, n);
	return inet_pton(family, buf, bin) == 1 &&
	       (!slash || (isdigit((unsigned char)slash[1]) && atoi(slash + 1) <= (family == AF_INET ? 32 : 128)));
}

static bool each_takes(struct compare *c, const json *type, const json *v, const json *of)
{
	json_items(v, i, item)
		if (!takes(c, type, item, of))
			return false;
	return json_is(v, JSON_ARRAY);
}

static bool tuple(struct compare *c, const json *types, const json *v, const json *of)
{
	if (!json_is(v, JSON_ARRAY) || json_len(v) != json_len(types))
		return false;
	json_items(types, i, type)
		if (!takes(c, type, json_at(v, i), of))
			return false;
	return true;
}

static bool dict(struct compare *c, const json *type, const json *v)
{
	if (!json_is(v, JSON_DICT))
		return false;
	json_each(v, key, item) {
		json *k = json_own(c->a, json_new_str(key));

		if (!takes(c, json_get(type, "keys"), k, NULL) || !takes(c, json_get(type, "values"), item, NULL))
			return false;
	}
	return true;
}

static bool one_of(const json *list, const json *v)
{
	json_items(list, i, item)
		if (json_equal(item, v))
			return true;
	return false;
}

static bool any_of(struct compare *c, const json *types, const json *v, const json *of)
{
	json_items(types, i, type)
		if (takes(c, type, v, of))
			return true;
	return false;
}

static bool digits(const char *s)
{
	return s && *s && strspn(s, "0123456789") == strlen(s);
}

/* {"kind": argument} */
static bool compound(struct compare *c, const char *kind, const json *arg, const json *v, const json *of)
{
	int64_t i = json_int(v, 0);

	if (strcmp(kind, "maybe") == 0)
		return !v || takes(c, arg, v, of);
	if (strcmp(kind, "private") == 0 || strcmp(kind, "secret") == 0)
		return takes(c, arg, v, of);
	if (strcmp(kind, "non_negative") == 0)
		return json_is(v, JSON_INT) && i >= 0;
	if (strcmp(kind, "positive") == 0)
		return json_is(v, JSON_INT) && i > 0;
	if (strcmp(kind, "negative") == 0)
		return json_is(v, JSON_INT) && i < 0;
	if (strcmp(kind, "int") == 0)
		return json_is(v, JSON_INT) && i >= json_get_int(arg, "min", 0) &&
		       i < json_get_int(arg, "max_exclusive", 0);
	if (strcmp(kind, "list_of") == 0 || strcmp(kind, "set_of") == 0)
		return each_takes(c, arg, v, of);
	if (strcmp(kind, "tuple") == 0)
		return tuple(c, arg, v, of);
	if (strcmp(kind, "any_of") == 0)
		return any_of(c, arg, v, of);
	if (strcmp(kind, "enum") == 0)
		return one_of(arg, v);
	if (strcmp(kind, "dict") == 0)
		return dict(c, arg, v);
	if (strcmp(kind, "string") == 0)
		return address(json_str(arg), json_str(v));
	if (strcmp(kind, "regex") == 0)
		return digits(json_str(v));
	fprintf(stderr, "kind of type %s?\n", kind);
	exit(2);
}

static bool takes(struct compare *c, const json *type, const json *v, const json *of)
{
	if (json_str(type))
		return named(c, json_str(type), v, of);
	if (json_has(type, "ref"))
		return takes(c, json_get(c->types, json_get_str(type, "ref")), v, json_get(type, "of"));
	json_each(type, kind, arg)
		return compound(c, kind, arg, v, of);
	fprintf(stderr, "no type\n");
	exit(2);
}

static bool row_takes(struct compare *c, const struct field *f, json *v)
{
	void *buf = arena_alloc(c->a, f->type->size);

	memset(buf, 0, f->type->size);
	if (!v)
		return f->opt || f->dflt;
	return (!f->check || f->check(v, NULL) == 0) && f->type->parse(f->type, c->a, v, buf, NULL) == 0;
}

static void ask(struct compare *c, const char *path, const struct field *f, const json *type, bool required,
		json *v)
{
	/* null is as good as nothing where there is a default */
	bool theirs = (!v && !required) || takes(c, type, v, NULL), ours = row_takes(c, f, v);

	c->compared++;
	if (theirs != ours)
		differs(c, arena_printf(c->a, "%s/accepts/%s", path, json_dump_in(c->a, v)),
			json_own(c->a, json_new_bool(ours)), json_own(c->a, json_new_bool(theirs)));
}

void probe(struct compare *c, const char *path, const struct field *f, const json *type, bool required)
{
	for (size_t i = 0; i < ARRAY_SIZE(values) && !c->trial; i++) {
		json *v = NULL;

		if (json_parse(values[i], strlen(values[i]), &v, NULL) < 0) {
			fprintf(stderr, "value %s?\n", values[i]);
			exit(2);
		}
		ask(c, path, f, type, required, json_own(c->a, v));
	}
	json_each(c->types, name, t) {
		(void)name;
		if (c->trial)
			break;
		json_items(json_get(t, "enum"), k, item)
			ask(c, path, f, type, required, item);
	}
}
