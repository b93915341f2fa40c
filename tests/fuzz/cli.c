/* What people type: option values, whole option lists, filters, times, ranges. The first byte chooses. */
#include "cli/common/common.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* An error has a message, a success a value; a value prints. */
static void check(int r, json *v, struct err *e)
{
	struct str s CLEANUP(str_free) = { 0 };

	assert(r == 0 || *err_msg(e));
	ui_info(&s, v);
	str_trim(&s, 0);
	ui_repr(&s, v);
	json_put(v);
	err_clear(e);
}

static void values(const char *text)
{
	static const enum opt_type types[] = { OPT_INT,	   OPT_FLOAT,	     OPT_UNIT,
					       OPT_BOOL,   OPT_LIST,	     OPT_KEYVAL,
					       OPT_IDENT_KEYVAL, OPT_MULTI_SPECS, OPT_MAYBE_FLOAT,
					       OPT_JSON };

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		struct option_row o = { .id = "o", .names = "o", .type = types[i] };
		struct err e = ERR_NONE;
		json *v = NULL;

		check(opt_value(&o, "--o", text, &v, &e), v, &e);
	}
}

/* A filter that was accepted says the same after a trip through JSON. */
static void filters(const char *text)
{
	struct err e = ERR_NONE;
	json *v = NULL;
	int r = filter_parse(text, &v, &e);

	if (r == 0 && ui_is_utf8(text)) {
		char *dump CLEANUP(freep) = json_dump(v);
		json *again CLEANUP(json_putp) = NULL;

		assert(json_parse(dump, strlen(dump), &again, NULL) == 0);
		assert(json_equal(v, again));
	}
	check(r, v, &e);
}

/* Lines are words of a command line; all commands' options in turn. */
static void lines(const char *text)
{
	for (const struct program *p = programs; p->name; p++)
		for (size_t i = 0; i < p->n; i++) {
			struct arena *a CLEANUP(arena_freep) = arena_new();
			struct strs argv = strs_split(a, text, '\n'), args = { 0 };
			struct err e = ERR_NONE;
			json *v = NULL;
			int r = opt_parse(p->commands[i].opts, i % 2, &argv, a, &v, &args, &e);

			assert(args.n <= argv.n);
			check(r > 0 ? 0 : r, v, &e);
		}
}

static void devices(const char *text)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct cli c = { .a = a, .opts = json_own(a, json_new_dict()) };
	struct strs l = strs_split(a, text, '\n');
	json *pairs = json_own(a, json_new_array()), *out;

	for (size_t i = 0; i < l.n; i++) {
		json *pair = NULL;

		if (ui_ident_keyval("--disk", l.v[i], true, &pair, NULL) == 0)
			json_append(pairs, pair);
	}
	for (int i = 0; i < 4; i++) {
		static int (*const fns[])(struct cli *, const json *, json **, struct err *) = {
			mods_nics, mods_disks, mods_changes, mods_disk_changes
		};
		struct err e = ERR_NONE;

		out = NULL;
		check(fns[i](&c, pairs, &out, &e), json_ref(out), &e);
	}
}

static void others(const char *text)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct cli c = { .a = a, .opts = json_own(a, json_new_dict()) };
	struct err e = ERR_NONE;
	json *v = NULL;
	int64_t seconds;

	check(params_uids(&c, text, &v, &e), json_ref(v), &e);
	check(params_timespec(text, &seconds, &e), NULL, &e);
	assert(strlen(cli_safe(a, text)) >= ui_width(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static void (*const parts[])(const char *) = { values, filters, lines, devices, others };
	char *text CLEANUP(freep) = NULL;

	if (!n)
		return 0;
	text = xstrndup((const char *)data + 1, n - 1);
	parts[*data % ARRAY_SIZE(parts)](text);
	return 0;
}
