/*
 * replay paths            print PATH_ID='location' of all paths, for shell scripts
 * replay run FILE IP      send the calls of FILE to a node agent and compare the answers (TAP)
 *
 * FILE is a list of {"call", "args", "want"}: captured or written exchanges. "want" is the whole
 * answer. Failures are compared as text ("prefix": that is how the message starts); payloads are
 * compared by shape, with "exact" by value; "loose" names keys whose content may be anything.
 */
#include "src/rpc/rpc.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int print_paths(void)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();

#define PATH(id, ...) printf("%s=%s\n", #id, str_shell_quote(a, path_of(PATH_##id)));
#include "src/env/paths.def"
#undef PATH
	return 0;
}

/* --- the places captured clusters had, and ours --- */

static char *replaced(struct arena *a, const char *text, const char *from, const char *to)
{
	struct str s CLEANUP(str_free) = { 0 };
	const char *hit;

	while ((hit = strstr(text, from))) {
		str_addn(&s, text, (size_t)(hit - text));
		str_add(&s, to);
		text = hit + strlen(from);
	}
	str_add(&s, text);
	return arena_strdup(a, str_get(&s));
}

static json *localized(struct arena *a, const char *text, size_t n)
{
	json *j = NULL;
	const char *s = arena_strndup(a, text, n);

	s = replaced(a, s, "/var/lib/ganeti", env_strip_root(a, path_of(PATH_DATA_DIR)));
	s = replaced(a, s, "/var/run/ganeti", env_strip_root(a, path_of(PATH_RUN_DIR)));
	s = replaced(a, s, "/etc/ganeti", env_strip_root(a, path_of(PATH_CONF_DIR)));
	s = replaced(a, s, "10.77.0.", "127.0.7.");
	s = replaced(a, s, "@QUEUE@", path_of(PATH_QUEUE_DIR));
	if (json_parse(s, strlen(s), &j, NULL) < 0)
		return NULL;
	return json_own(a, j);
}

/* --- comparing --- */

static bool is_loose(const json *loose, const char *key)
{
	json_items(loose, i, v)
		if (str_eq(json_str(v), key))
			return true;
	return false;
}

static bool is_number(const json *j)
{
	return json_is(j, JSON_INT) || json_is(j, JSON_FLOAT);
}

/* Where the shapes differ, or NULL. */
static const char *shape(struct arena *a, const json *want, const json *got, const json *loose,
			 const char *at)
{
	if (is_number(want) && is_number(got))
		return NULL;
	if (json_kind(want) != json_kind(got))
		return arena_printf(a, "%s: %s instead of %s", at, json_kind_name(got),
				    json_kind_name(want));
	if (json_is(want, JSON_DICT)) {
		json_each(want, key, v) {
			const char *sub = arena_printf(a, "%s.%s", at, key), *diff;

			if (!json_has(got, key))
				return arena_printf(a, "%s is missing", sub);
			diff = is_loose(loose, key) ? NULL :
						      shape(a, v, json_get(got, key), loose, sub);
			if (diff)
				return diff;
		}
		json_each(got, key, v) {
			(void)v;
			if (!json_has(want, key))
				return arena_printf(a, "%s.%s is too much", at, key);
		}
	}
	if (json_is(want, JSON_ARRAY) && json_len(want)) {
		json_items(got, i, v) {
			size_t k = json_len(want) == json_len(got) ? i : 0;
			const char *diff = shape(a, json_at(want, k), v, loose,
						 arena_printf(a, "%s[%zu]", at, i));

			if (diff)
				return diff;
		}
	}
	return NULL;
}

static const char *compare(struct arena *a, const json *step, const struct rpc_answer *ans)
{
	const json *want = json_get(step, "want"), *payload = json_at(want, 1);
	const char *prefix = json_get_str(step, "prefix");

	if (json_boolean(json_at(want, 0), false)) {
		if (ans->failed)
			return arena_printf(a, "failed: %s", ans->error);
		if (json_get_bool(step, "exact", false))
			return json_equal(payload, ans->payload) ?
				       NULL :
				       arena_printf(a, "got %s", json_dump_in(a, ans->payload));
		return shape(a, payload, ans->payload, json_get(step, "loose"), "payload");
	}
	if (!ans->failed)
		return arena_printf(a, "succeeded with %s", json_dump_in(a, ans->payload));
	if (prefix ? str_starts(ans->error, prefix) : str_eq(ans->error, json_str(payload)))
		return NULL;
	return arena_printf(a, "got:  %s\n# want: %s", ans->error,
			    prefix ? prefix : json_str(payload));
}

static bool run_step(struct rpc_client *c, const struct rpc_node *node, const json *step, size_t n)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct err e CLEANUP(err_clear) = ERR_NONE;
	int rpc = rpc_find(json_get_str(step, "call"));
	json *args = json_get(step, "args");
	struct rpc_answer *ans;
	const char *diff;

	if (rpc < 0) {
		printf("not ok %zu - %s: no such call\n", n, json_get_str(step, "call"));
		return false;
	}
	args = rpc_attr((enum rpc)rpc)->bare ? json_pack("[O]", args) : json_ref(args);
	if (rpc_multi(c, a, (enum rpc)rpc, node, 1, args, NULL, 0, &ans, &e) < 0)
		abort(); /* there is nobody who cancels */
	diff = compare(a, step, ans);
	printf("%s %zu - %s\n", diff ? "not ok" : "ok", n, rpc_name((enum rpc)rpc));
	if (diff)
		printf("# %s\n# args: %.400s\n", diff, json_dump_in(a, json_get(step, "args")));
	return !diff;
}

static int run_file(const char *path, const char *ip)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct rpc_node node = { .name = "node1.example.com", .ip = ip };
	struct rpc_client *c = NULL;
	char *text CLEANUP(freep) = NULL;
	json *steps;
	size_t n = 0, bad = 0;

	if (fs_read(path, 16 << 20, &text, &n) < 0 || !(steps = localized(a, text, n))) {
		fprintf(stderr, "cannot read %s\n", path);
		return 2;
	}
	if (rpc_client_new(NULL, &c, &e) < 0) {
		fprintf(stderr, "%s\n", err_msg(&e));
		return 2;
	}
	printf("1..%zu\n", json_len(steps));
	json_items(steps, i, step)
		bad += !run_step(c, &node, step, i + 1);
	rpc_client_free(c);
	return bad ? 1 : 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "paths") == 0)
		return print_paths();
	if (argc == 4 && strcmp(argv[1], "run") == 0)
		return run_file(argv[2], argv[3]);
	fprintf(stderr, "usage: replay paths | replay run FILE IP\n");
	return 2;
}
