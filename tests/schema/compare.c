/*
 * compare DUMP DIR [FAMILY]: what schema_dump --json printed against DIR/reference. Prints each difference that
 * DIR/allowed does not allow, and how much was compared; exits 1 if there was one.
 * compare --trial STEP DUMP DIR: changes one value of the reference after the other (every STEPth) and fails if
 * that makes no difference: then it is not compared.
 */
#include "tests/schema/schema.h"

#include "lib/sys/sys.h"
#include "src/lu/lu.h"
#include "src/schema/list/lists.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json *load(struct compare *c, const char *path)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	char *text CLEANUP(freep) = NULL;
	json *j = NULL;
	size_t n;

	if (fs_read(path, 64 << 20, &text, &n) < 0 || json_parse(text, n, &j, &e) < 0) {
		fprintf(stderr, "%s: %s\n", path, err_msg(&e));
		exit(2);
	}
	return json_own(c->a, j);
}

/* Is it time to change the value at PATH? */
static bool chosen(struct compare *c, const char *path)
{
	if (c->leaves++ != c->leaf)
		return false;
	c->changed = xstrdup(path);
	return true;
}

static json *other_value(const json *v)
{
	switch (json_kind(v)) {
	case JSON_BOOL:
		return json_new_bool(!json_boolean(v, false));
	case JSON_INT:
		return json_new_int(json_int(v, 0) + 1);
	case JSON_FLOAT:
		return json_new_float(json_float(v, 0) + 1);
	default:
		return json_new_str("changed");
	}
}

/* Change the chosen value below J; lists of values and empty things count as one. */
static void change(struct compare *c, const char *path, json *j)
{
	struct strs keys = { 0 };

	if (json_is(j, JSON_DICT))
		keys = json_keys(c->a, j);
	for (size_t i = 0; i < keys.n; i++) {
		const char *p = arena_printf(c->a, "%s/%s", path, keys.v[i]);
		json *v = json_get(j, keys.v[i]);

		if (*keys.v[i] == '~')
			continue;
		if ((json_is(v, JSON_DICT) || json_is(v, JSON_ARRAY)) && json_len(v) && !str_ends(p, "/default"))
			change(c, p, v);
		else if (chosen(c, p))
			json_set(j, keys.v[i], other_value(v));
	}
	if (!json_is(j, JSON_ARRAY))
		return;
	if (json_len(j) && json_is(json_at(j, 0), JSON_DICT)) {
		json_items(j, k, item)
			change(c, arena_printf(c->a, "%s/%zu", path, k), item);
	} else if (chosen(c, path)) {
		json_append(j, json_new_str("changed"));
	}
}

json *reference(struct compare *c, const char *name)
{
	json *j = load(c, arena_printf(c->a, "%s/reference/%s.json", c->dir, name));

	if (c->trial)
		change(c, name, j);
	return j;
}

/* Lines "pattern: reason"; patterns as those of file names, * crosses slashes. */
static void load_rules(struct compare *c)
{
	char *text CLEANUP(freep) = NULL, *line, *next;
	size_t n;

	if (fs_read(arena_printf(c->a, "%s/allowed", c->dir), 1 << 20, &text, &n) < 0)
		exit(2);
	c->rules = arena_alloc(c->a, sizeof(*c->rules) * 1000);
	for (line = arena_strdup(c->a, text); line && *line; line = next) {
		char *colon;

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (*line == '#' || !*line)
			continue;
		colon = strstr(line, ": ");
		if (!colon || c->n_rules == 1000) {
			fprintf(stderr, "allowed: '%s' has no reason\n", line);
			exit(2);
		}
		*colon = '\0';
		c->rules[c->n_rules++] = (struct rule){ .pattern = line, .reason = colon + 2 };
	}
}

void differs(struct compare *c, const char *path, const json *have, const json *want)
{
	const char *text;

	for (size_t i = 0; i < c->n_rules; i++)
		if (fnmatch(c->rules[i].pattern, path, 0) == 0) {
			c->rules[i].used++;
			return;
		}
	text = arena_printf(c->a, "%s: %s, upstream %s", path, json_dump_in(c->a, have), json_dump_in(c->a, want));
	if (!c->trial)
		printf("# %s\n", text);
	for (; *text; text++)
		c->digest = c->digest * 31 + (unsigned char)*text;
	c->differences++;
}

static json *find(const json *list, const char *name)
{
	json_items(list, i, item)
		if (str_eq(json_get_str(item, "name"), name))
			return item;
	return NULL;
}

static bool is_named_list(const json *j)
{
	return json_is(j, JSON_ARRAY) && json_len(j) && json_get_str(json_at(j, 0), "name");
}

/* Things with names, in the same order. */
static void same_list(struct compare *c, const char *path, const json *have, const json *want)
{
	struct strs order = { 0 }, their_order = { 0 };

	json_items(want, i, w) {
		const char *name = json_get_str(w, "name"), *p = arena_printf(c->a, "%s/%s", path, name);
		json *h = find(have, name);

		if (!h) {
			differs(c, p, NULL, w);
			continue;
		}
		strs_add(c->a, &their_order, name);
		same(c, p, h, w);
		if (!json_has(w, "default") && json_has(h, "default"))
			differs(c, arena_printf(c->a, "%s/default/ours", p), json_get(h, "default"), NULL);
	}
	json_items(have, k, h) {
		const char *name = json_get_str(h, "name");

		if (find(want, name))
			strs_add(c->a, &order, name);
		else if (!json_get_bool(h, "ours", false))
			differs(c, arena_printf(c->a, "%s/%s", path, name), h, NULL);
	}
	c->compared++;
	if (!str_eq(strs_join(c->a, &order, " "), strs_join(c->a, &their_order, " ")))
		differs(c, arena_printf(c->a, "%s/order", path), json_own(c->a, json_new_strs(&order)),
			json_own(c->a, json_new_strs(&their_order)));
}

static bool same_value(const json *x, const json *y)
{
	return json_equal(x, y) ||
	       ((json_is(x, JSON_INT) || json_is(x, JSON_FLOAT)) && (json_is(y, JSON_INT) || json_is(y, JSON_FLOAT)) &&
		json_float(x, 0) == json_float(y, 1));
}

void same(struct compare *c, const char *path, const json *have, const json *want)
{
	/* what is compared as a whole */
	bool whole = str_ends(path, "/default");

	if (!whole && is_named_list(want)) {
		same_list(c, path, have, want);
		return;
	}
	if (!whole && json_is(want, JSON_DICT) && json_is(have, JSON_DICT)) {
		json_each(want, key, w)
			if (*key != '~')
				same(c, arena_printf(c->a, "%s/%s", path, key), json_get(have, key), w);
		return;
	}
	c->compared++;
	/* absent is as good as an empty list, null and false */
	if (!have && (json_is(want, JSON_ARRAY) || json_is(want, JSON_BOOL)) && !json_len(want) &&
	    !json_boolean(want, false))
		return;
	if (!same_value(have, want))
		differs(c, path, have, want);
}

void same_keys(struct compare *c, const char *path, const json *have, const json *want)
{
	json_each(want, w_key, w) {
		c->compared++;
		if (!json_has(have, w_key))
			differs(c, arena_printf(c->a, "%s/%s", path, w_key), NULL, w);
	}
	json_each(have, h_key, h)
		if (!json_has(want, h_key))
			differs(c, arena_printf(c->a, "%s/%s", path, h_key), h, NULL);
}

/* --- families; each returns the number of its things --- */

static void probe_record(struct compare *c, const char *path, const struct record *r, const json *fields)
{
	json_items(fields, i, want) {
		const char *name = json_get_str(want, "name");
		const struct field *f = record_field(r, name);

		if (f && json_has(want, "~type"))
			probe(c, arena_printf(c->a, "%s/fields/%s", path, name), f, json_get(want, "~type"),
			      json_get_bool(want, "required", !f->opt && !f->dflt));
	}
}

static size_t opcodes(struct compare *c)
{
	json *want = reference(c, "opcodes"), *have = json_get(c->dump, "opcodes");
	size_t n = 0;

	same_keys(c, "opcodes", have, want);
	same(c, "opcodes", have, want);
	json_each(want, name, w) {
		int op = opcode_find(name);

		if (op >= 0)
			probe_record(c, arena_printf(c->a, "opcodes/%s", name), opcode_record(op), json_get(w, "fields"));
		/* without those that all have */
		n += json_len(json_get(w, "fields")) - 6;
	}
	if (!c->trial)
		printf("# %zu opcodes, %zu parameters\n", json_len(want), n);
	return json_len(want);
}

static size_t rpcs(struct compare *c)
{
	json *want = reference(c, "rpcs"), *have = json_get(c->dump, "rpcs");

	same_keys(c, "rpcs", have, want);
	same(c, "rpcs", have, want);
	return json_len(want);
}

static size_t luxi(struct compare *c)
{
	json *want = reference(c, "luxi"), *have = json_get(c->dump, "luxi");

	same_keys(c, "luxi", have, want);
	same(c, "luxi", have, want);
	json_each(want, name, w) {
		int m = luxi_find(name);

		if (m >= 0)
			probe_record(c, arena_printf(c->a, "luxi/%s", name), luxi_record(m), json_get(w, "fields"));
	}
	return json_len(want);
}

static size_t errors(struct compare *c)
{
	json *want = reference(c, "errors"), *have = json_get(c->dump, "errors");
	json *classes = json_get(want, "classes");

	same_keys(c, "errors/classes", json_get(have, "classes"), classes);
	same_keys(c, "errors/codes", json_get(have, "codes"), json_get(want, "codes"));
	same(c, "errors", have, want);
	return json_len(classes) + json_len(json_get(want, "codes"));
}

static size_t rapi(struct compare *c)
{
	json *want = reference(c, "rapi"), *misc = reference(c, "rapi_misc"), *have = json_get(c->dump, "rapi");
	json *uris = json_own(c->a, json_new_dict());

	json_items(want, i, w) {
		const char *name = json_get_str(w, "name"), *p = arena_printf(c->a, "rapi/%s", name);
		json *h = find(have, name);
		struct strs q = json_keys(c->a, json_get(h, "query"));

		json_set(uris, strchr(name, '/') ? strchr(name, '/') : name, NULL);
		c->compared++;
		if (!h) {
			differs(c, p, NULL, w);
			continue;
		}
		same(c, arena_printf(c->a, "%s/query", p), json_own(c->a, json_new_strs(&q)), json_get(w, "query"));
		same(c, arena_printf(c->a, "%s/access", p), json_get(h, "access"), json_get(w, "access"));
		same(c, arena_printf(c->a, "%s/opcode", p), json_get(h, "opcode"), json_get(w, "opcode"));
		same(c, arena_printf(c->a, "%s/forbidden", p), json_get(h, "forbidden"), json_get(w, "forbidden"));
		same_keys(c, arena_printf(c->a, "%s/rename", p), json_get(h, "rename"), json_get(w, "rename"));
		same(c, arena_printf(c->a, "%s/rename", p), json_get(h, "rename"), json_get(w, "rename"));
	}
	json_items(have, k, extra)
		if (!find(want, json_get_str(extra, "name")))
			differs(c, arena_printf(c->a, "rapi/%s", json_get_str(extra, "name")), extra, NULL);
	same(c, "rapi/features", json_get(c->dump, "rapi_features"), json_get(misc, "features"));
	same_keys(c, "rapi/fields", json_get(c->dump, "rapi_fields"), json_get(misc, "fields"));
	same(c, "rapi/fields", json_get(c->dump, "rapi_fields"), json_get(misc, "fields"));
	if (!c->trial)
		printf("# %zu resources, %zu methods\n", json_len(uris), json_len(want));
	return json_len(uris);
}

static size_t programs(struct compare *c)
{
	json *want = reference(c, "programs");
	json *have = json_own(c->a, json_clone(json_get(c->dump, "htools")));

	json_merge(have, json_get(c->dump, "daemons"));
	same_keys(c, "programs", have, want);
	json_each(want, name, w)
		if (json_has(have, name))
			same(c, arena_printf(c->a, "programs/%s", name), json_get(have, name), w);
	return json_len(want);
}

static size_t fields(struct compare *c)
{
	json *want = reference(c, "fields"), *have = json_get(c->dump, "fields");
	size_t n = 0;

	same_keys(c, "fields", have, want);
	same(c, "fields", have, want);
	json_each(want, name, w) {
		if (!c->trial)
			printf("# %s: %zu fields\n", name, json_len(w));
		n += json_len(w);
	}
	return n;
}

static const struct record *object(const char *id)
{
#define OBJECT(name, ...)            \
	if (strcmp(id, #name) == 0) \
		return rec_##name();
#define FIELD(...)
#define END(name)
#include "src/schema/objects.def"
#undef OBJECT
#undef FIELD
#undef END
	return NULL;
}

static size_t objects(struct compare *c)
{
	json *want = reference(c, "objects"), *have = json_get(c->dump, "objects");

	json_each(want, id, w) {
		/* the name of the config file's is ours */
		const char *name = strcmp(id, "config") == 0 ? "config_data" : id;
		const char *p = arena_printf(c->a, "objects/%s", name);

		same(c, p, json_get(have, name), w);
		if (object(name))
			probe_record(c, p, object(name), json_get(w, "fields"));
	}
	return json_len(want);
}

static size_t params(struct compare *c)
{
	json *want = reference(c, "params"), *have = json_get(c->dump, "objects");

	json_each(want, id, w)
		same(c, arena_printf(c->a, "params/%s", id), json_get(have, id), w);
	return json_len(want);
}

static size_t hypervisors(struct compare *c)
{
	json *want = reference(c, "hypervisors"), *have = json_get(c->dump, "hypervisors");
	size_t n = 0;

	same_keys(c, "hypervisors", have, want);
	same(c, "hypervisors", have, want);
	json_each(want, hv, w) {
		(void)hv;
		n += json_len(json_get(w, "fields"));
	}
	return n;
}

static size_t enums(struct compare *c)
{
	json *want = reference(c, "enums"), *have = json_get(c->dump, "enums"), *numbers = reference(c, "numbers");

	json_each(want, id, w) {
		struct strs l = { 0 };

		json_items(json_get(json_get(have, id), "items"), i, item)
			strs_add(c->a, &l, json_get_str(item, "name"));
		strs_sort(&l);
		same(c, arena_printf(c->a, "enums/%s", id), json_own(c->a, json_new_strs(&l)), w);
	}
	json_each(numbers, n_id, n_w) {
		json *items = json_own(c->a, json_new_dict());

		json_items(json_get(json_get(have, n_id), "items"), k, n_item)
			json_set(items, arena_printf(c->a, "%zu", k), json_new_str(json_get_str(n_item, "name")));
		same_keys(c, arena_printf(c->a, "enums/%s", n_id), items, n_w);
		same(c, arena_printf(c->a, "enums/%s", n_id), items, n_w);
	}
	json_each(have, any, unused) {
		(void)unused;
		if (!json_has(want, any) && !json_has(numbers, any))
			differs(c, arena_printf(c->a, "enums/%s", any), NULL, NULL);
	}
	return json_len(want) + json_len(numbers);
}

static size_t templates(struct compare *c)
{
	json *want = reference(c, "templates"), *have = json_get(c->dump, "disk_templates");

	same_keys(c, "templates", have, want);
	same(c, "templates", have, want);
	return json_len(want);
}

static size_t verify_codes(struct compare *c)
{
	json *want = reference(c, "verify"), *have = json_get(c->dump, "verify_codes");

	same_keys(c, "verify_codes", have, want);
	same(c, "verify_codes", have, want);
	return json_len(want);
}

static void unit_agrees(struct compare *c, const char *path, int op, const json *want)
{
	const struct lu *lu = lu_of((enum opcode)op);

	if (!lu)
		return;
	same(c, arena_printf(c->a, "%s/unit/path", path), json_own(c->a, json_new_str(lu->hooks_path)),
	     json_get(want, "path"));
	same(c, arena_printf(c->a, "%s/unit/object", path), json_own(c->a, json_new_str(lu->hooks_type)),
	     json_get(want, "object"));
}

static size_t hooks(struct compare *c)
{
	json *want = reference(c, "hooks"), *have = json_get(json_get(c->dump, "hooks"), "paths");
	size_t with_opcode = 0;

	json_each(want, opcode, w) {
		const char *p = arena_printf(c->a, "hooks/%s", opcode);
		json *h = find(have, json_get_str(w, "path"));

		c->compared++;
		if (!h) {
			differs(c, p, NULL, w);
			continue;
		}
		same(c, arena_printf(c->a, "%s/opcode", p), json_get(h, "opcode"), json_own(c->a, json_new_str(opcode)));
		same(c, arena_printf(c->a, "%s/object", p), json_get(h, "object"), json_get(w, "object"));
		same(c, arena_printf(c->a, "%s/env", p), json_get(h, "keys"), json_get(w, "env"));
		same(c, arena_printf(c->a, "%s/instance", p), json_get(h, "instance"), json_get(w, "instance"));
		same(c, arena_printf(c->a, "%s/network", p), json_get(h, "network"), json_get(w, "network"));
		unit_agrees(c, p, opcode_find(opcode), w);
	}
	/* nothing that upstream has no hooks for, in rows or in units */
	json_items(have, k, extra) {
		with_opcode += json_get_str(extra, "opcode") != NULL;
		if (json_get_str(extra, "opcode") && !json_has(want, json_get_str(extra, "opcode")))
			differs(c, arena_printf(c->a, "hooks/%s", json_get_str(extra, "opcode")), extra, NULL);
	}
	for (int op = 0; op < OPCODE_COUNT; op++)
		if (lu_of((enum opcode)op) && lu_of((enum opcode)op)->hooks_path && !json_has(want, opcode_name((enum opcode)op)))
			differs(c, arena_printf(c->a, "hooks/%s/unit", opcode_name((enum opcode)op)), NULL, NULL);
	return with_opcode;
}

/* Is KEY, as a script saw it, what PATTERN of a row says? */
static bool key_is(const char *key, const char *pattern)
{
	while (*pattern) {
		if (str_starts(pattern, "<n>")) {
			size_t n = strspn(key, "0123456789");

			if (!n)
				return false;
			key += n;
			pattern += 3;
		} else if (str_starts(pattern, "<NAME>")) {
			return *key;
		} else if (*key++ != *pattern++) {
			return false;
		}
	}
	return !*key;
}

static bool declared(struct compare *c, const json *row, const char *key)
{
	json_items(json_get(row, "keys"), i, own)
		if (key_is(key, json_str(own)))
			return true;
	json_items(json_get(json_get(c->dump, "hooks"), "keys"), k, row_key) {
		const char *kind = json_get_str(row_key, "kind");

		if ((strcmp(kind, "common") == 0 || json_get_bool(row, kind, false)) &&
		    key_is(key, json_get_str(row_key, "name")))
			return true;
	}
	return false;
}

/* What scripts of real clusters saw is declared. */
static size_t hook_env(struct compare *c)
{
	json *seen = reference(c, "hook_env"), *rows = json_get(json_get(c->dump, "hooks"), "paths");
	size_t n = 0;

	json_each(seen, path, phases) {
		json *row = find(rows, path);

		if (!row) {
			differs(c, arena_printf(c->a, "hook_env/%s", path), NULL, NULL);
			continue;
		}
		if (!json_get_str(row, "opcode")) /* the environment of whatever happened */
			continue;
		json_each(phases, phase, keys)
			json_items(keys, i, k) {
				const char *key = json_str(k) + strlen("GANETI_"), *bare = key;

				if (strcmp(json_str(k), "PATH") == 0)
					continue;
				if (str_starts(key, "POST_") && strcmp(phase, "post") == 0)
					bare = key + strlen("POST_");
				n++;
				c->compared++;
				if (!declared(c, row, key) && !declared(c, row, bare))
					differs(c, arena_printf(c->a, "hook_env/%s/%s", path, key), NULL, k);
			}
	}
	return n;
}

/* The numbers and texts that have rows; upstream has names for everything, most of it compared elsewhere. */
static size_t constants(struct compare *c)
{
	json *all = reference(c, "constants"), *have = json_get(c->dump, "constants");

	json_each(have, name, h) {
		const char *theirs = json_get_str(h, "upstream");

		same(c, arena_printf(c->a, "constants/%s", name), json_get(h, "value"), json_get(all, theirs));
	}
	return json_len(have);
}

static size_t ssconf(struct compare *c)
{
	json *want = reference(c, "ssconf"), *keys = json_own(c->a, json_new_dict());

	json_items(want, i, key)
		json_set(keys, json_str(key), NULL);
	same_keys(c, "ssconf", json_get(c->dump, "ssconf"), keys);
	return json_len(want);
}

static size_t paths(struct compare *c)
{
	json *want = reference(c, "paths"), *have = json_get(c->dump, "paths");
	size_t n = 0;

	json_each(want, id, w) {
		c->compared++;
		if (!json_has(have, id))
			differs(c, arena_printf(c->a, "paths/%s/missing", id), NULL, w);
		else
			same(c, arena_printf(c->a, "paths/%s", id), json_get(json_get(have, id), "location"), w);
		n += json_has(have, id);
	}
	return n;
}

/* Every row says what it is, in one line, by itself. */
static void documented(struct compare *c, const char *path, const json *j)
{
	const char *doc = json_get_str(j, "doc");

	if (json_is(j, JSON_DICT) && json_has(j, "doc") && !(str_starts(path, "fields/") && !doc)) {
		c->compared++;
		if (!doc || !(isupper((unsigned char)*doc) || isdigit((unsigned char)*doc)) || strchr(doc, '\n') || (str_ends(doc, ".") && !str_ends(doc, "...")))
			differs(c, arena_printf(c->a, "doc/%s", path), json_get(j, "doc"), NULL);
	}
	if (json_is(j, JSON_DICT) && !json_has(j, "doc") && json_get_str(j, "name"))
		differs(c, arena_printf(c->a, "doc/%s", path), NULL, NULL);
	json_each(j, key, v)
		if (strcmp(key, "default") != 0 && strcmp(key, "query") != 0 && strcmp(key, "rename") != 0)
			documented(c, arena_printf(c->a, "%s/%s", path, key), v);
	if (json_is(j, JSON_ARRAY))
		json_items(j, i, item)
			documented(c, arena_printf(c->a, "%s/%s", path, json_get_str(item, "name") ? json_get_str(item, "name") : ""), item);
}

static size_t docs(struct compare *c)
{
	size_t before = c->compared;

	json_each(c->dump, family, rows)
		documented(c, family, rows);
	return c->compared - before;
}

static const struct family {
	const char *name;
	size_t (*run)(struct compare *c);
} families[] = {
	{ "opcodes", opcodes }, { "rpcs", rpcs }, { "luxi", luxi }, { "errors", errors }, { "rapi", rapi },
	{ "programs", programs }, { "fields", fields }, { "objects", objects }, { "params", params },
	{ "hypervisors", hypervisors }, { "templates", templates }, { "enums", enums }, { "verify_codes", verify_codes },
	{ "hooks", hooks }, { "constants", constants }, { "ssconf", ssconf }, { "paths", paths },
	{ "hook_env", hook_env }, { "docs", docs },
};

/* What is different in a family with value LEAF of its reference changed (or none: (size_t)-1). */
static size_t digest(struct compare *c, const struct family *f, size_t leaf)
{
	struct compare t = { .a = arena_new(), .dump = c->dump, .dir = c->dir, .types = c->types, .trial = true, .leaf = leaf };

	f->run(&t);
	c->leaves = t.leaves;
	free(c->changed);
	c->changed = t.changed;
	arena_free(t.a);
	return t.digest;
}

static int trial(struct compare *c, size_t step)
{
	size_t tried = 0, unseen = 0;

	for (const struct family *f = families; f->run != hook_env; f++) {
		size_t usual = digest(c, f, (size_t)-1), n = c->leaves;

		for (size_t i = n % step; i < n; i += step) {
			tried++;
			if (digest(c, f, i) != usual)
				continue;
			printf("# %s is not compared\n", c->changed);
			unseen++;
		}
	}
	printf("%zu values changed, %zu not noticed\n", tried, unseen);
	return unseen ? 1 : 0;
}

int main(int argc, char **argv)
{
	bool only_trial = argc == 5 && strcmp(argv[1], "--trial") == 0;
	struct compare c = { .a = arena_new() };
	char **args = argv + (only_trial ? 3 : 1);

	if (argc < 3)
		return 2;
	c.dir = args[1];
	c.dump = load(&c, args[0]);
	c.types = reference(&c, "types");
	if (only_trial) {
		int failed = trial(&c, (size_t)strtoul(argv[2], NULL, 10));

		free(c.changed);
		arena_free(c.a);
		return failed;
	}
	load_rules(&c);
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		size_t before = c.differences, compared = c.compared, n;

		if (argc > 3 && strcmp(argv[3], families[i].name) != 0)
			continue;
		n = families[i].run(&c);
		printf("%s %s: %zu, %zu values compared, %zu differ\n", c.differences > before ? "BAD " : "same",
		       families[i].name, n, c.compared - compared, c.differences - before);
	}
	for (size_t i = 0; argc == 3 && i < c.n_rules; i++)
		if (!c.rules[i].used) {
			printf("# allowed, but not a difference: %s\n", c.rules[i].pattern);
			c.differences++;
		}
	arena_free(c.a);
	return c.differences ? 1 : 0;
}
