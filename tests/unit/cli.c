#include "tests/unit/unit.h"

#include "cli/common/common.h"

/* --- filters --- */

static void test_filter(void **state)
{
	static const struct {
		const char *text, *result; /* or the message's first line behind "...': " */
	} t[] = {
		{ "name", "[\"?\",\"name\"]" },
		{ "not name", "[\"!\",[\"?\",\"name\"]]" },
		{ "a == 1", "[\"==\",\"a\",1]" },
		{ "a = -12", "[\"==\",\"a\",-12]" },
		{ "a!='x y'", "[\"!=\",\"a\",\"x y\"]" },
		{ "a < 1", "[\"<\",\"a\",1]" },
		{ "a <=1", "[\"<=\",\"a\",1]" },
		{ "a > 1", "[\">\",\"a\",1]" },
		{ "be/memory >= +5", "[\">=\",\"be/memory\",5]" },
		{ "\"t1\" in tags", "[\"=[]\",\"tags\",\"t1\"]" },
		{ "5 not in x.y", "[\"!\",[\"=[]\",\"x.y\",5]]" },
		{ "name =~ m/^inst\\/[0-9]+/i", "[\"=~\",\"name\",\"(?i)^inst/[0-9]+\"]" },
		{ "name !~ #a.b#si", "[\"!\",[\"=~\",\"name\",\"(?is)a.b\"]]" },
		{ "name =* \"a*.site\"", "[\"=~\",\"name\",\"^a[^.]*\\\\.site(\\\\..*)?$\"]" },
		{ "name !* '?x'", "[\"!\",[\"=~\",\"name\",\"^[^.]x(\\\\..*)?$\"]]" },
		{ "a and b and c", "[\"&\",[\"?\",\"a\"],[\"?\",\"b\"],[\"?\",\"c\"]]" },
		{ "a or b and not c", "[\"|\",[\"?\",\"a\"],[\"&\",[\"?\",\"b\"],[\"!\",[\"?\",\"c\"]]]]" },
		{ "(a or b) and (c)", "[\"&\",[\"|\",[\"?\",\"a\"],[\"?\",\"b\"]],[\"?\",\"c\"]]" },
		{ " notes == 1 ", "[\"==\",\"notes\",1]" },
		{ "a\n and b", "[\"&\",[\"?\",\"a\"],[\"?\",\"b\"]]" },
		{ "foo bar", "Expected end of text, found 'bar'  (at char 4), (line:1, col:5)" },
		{ "", "Expected a condition, found end of text  (at char 0), (line:1, col:1)" },
		{ "a ==", "Expected a quoted string, found end of text  (at char 4), (line:1, col:5)" },
		{ "(a", "Expected ')', found end of text  (at char 2), (line:1, col:3)" },
		{ "a ==\n'x", "String without end  (at char 5), (line:2, col:1)" },
		{ "'x' on y", "Expected 'in', found 'on'  (at char 4), (line:1, col:5)" },
		{ "a =~ b", "Expected a regular expression, found 'b'  (at char 5), (line:1, col:6)" },
		{ "a == 99999999999999999999", "Number too large  (at char 5), (line:1, col:6)" },
	};
	struct arena *a CLEANUP(arena_freep) = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		struct err e CLEANUP(err_clear) = ERR_NONE;
		json *f = NULL;
		const char *got;

		if (filter_parse(t[i].text, &f, &e) == 0) {
			got = json_dump_in(a, json_own(a, f));
		} else {
			const char *last = strrchr(err_msg(&e), '\n');

			assert_true(err_is(&e, QueryFilterParseError));
			got = last ? arena_strdup(a, last + 1) : "";
		}
		assert_string_equal(got, t[i].result);
	}
}

static void test_filter_depth(void **state)
{
	struct str s CLEANUP(str_free) = { 0 };
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *f = NULL;

	(void)state;
	for (int i = 0; i < 100000; i++)
		str_add(&s, "not (");
	assert_int_equal(filter_parse(str_get(&s), &f, &e), -1);
	assert_non_null(strstr(err_msg(&e), "nested too deeply"));
}

static const char *made(struct arena *a, const char *line, bool force, bool numeric)
{
	struct strs names = { 0 };
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *f = NULL;

	if (*line)
		names = strs_split(a, line, '|');
	if (filter_make(&names, force, numeric ? "id" : NULL, numeric, &f, &e) < 0)
		return arena_strdup(a, err_msg(&e));
	return f ? json_dump_in(a, json_own(a, f)) : "null";
}

static void test_filter_make(void **state)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();

	(void)state;
	assert_string_equal(made(a, "", false, false), "null");
	assert_string_equal(made(a, "a|b*", false, false),
			    "[\"|\",[\"==\",\"name\",\"a\"],[\"=~\",\"name\",\"^b[^.]*(\\\\..*)?$\"]]");
	assert_string_equal(made(a, "a and b", false, false), "[\"&\",[\"?\",\"a\"],[\"?\",\"b\"]]");
	assert_string_equal(made(a, "master", true, false), "[\"?\",\"master\"]");
	assert_string_equal(made(a, "a|b", true, false), "Exactly one argument must be given as a filter");
	assert_string_equal(made(a, "1|2", false, true), "[\"|\",[\"==\",\"id\",1],[\"==\",\"id\",2]]");
	assert_string_equal(made(a, "x", false, true),
			    "Invalid job ID passed: invalid literal for int() with base 10: 'x'");
}

/* --- rows against upstream's published interface --- */

static json *upstream(struct arena *a)
{
	char *text CLEANUP(freep) = NULL;
	json *j = NULL;
	size_t n;

	assert_int_equal(fs_read(TOP_SRCDIR "/tests/golden/upstream-cli.json", 64 << 20, &text, &n), 0);
	assert_int_equal(json_parse(text, n, &j, NULL), 0);
	return json_own(a, j);
}

static const char *action(const struct option_row *o)
{
	switch (o->type) {
	case OPT_FLAG:
		return "store_true";
	case OPT_FLAG_OFF:
		return "store_false";
	case OPT_COUNT:
	case OPT_COUNT_DOWN:
		return "count";
	case OPT_CONST:
		return "store_const";
	case OPT_IGNORED:
		return "callback";
	case OPT_APPEND:
	case OPT_APPEND_CHOICE:
	case OPT_APPEND_IDENT_KEYVAL:
		return "append";
	default:
		return o->value ? "callback" : "store"; /* --priority */
	}
}

static const char *type(const struct option_row *o)
{
	switch (o->type) {
	case OPT_INT:
		return "int";
	case OPT_FLOAT:
		return "float";
	case OPT_UNIT:
		return "unit";
	case OPT_BOOL:
		return "bool";
	case OPT_LIST:
		return "list";
	case OPT_KEYVAL:
		return "keyval";
	case OPT_KEYPRIVVAL:
		return "keyprivateval";
	case OPT_IDENT_KEYVAL:
	case OPT_APPEND_IDENT_KEYVAL:
		return "identkeyval";
	case OPT_MULTI_SPECS:
		return "multilistidentkeyval";
	case OPT_MAYBE_FLOAT:
		return "maybefloat";
	case OPT_JSON:
		return "json";
	case OPT_CHOICE:
	case OPT_APPEND_CHOICE:
		return o->value ? NULL : "choice";
	case OPT_STRING:
	case OPT_APPEND:
		return "string";
	default:
		return NULL;
	}
}

static bool same_set(struct arena *a, const json *x, struct strs y)
{
	struct strs l = json_strs(a, x);

	for (size_t i = 0; i < l.n; i++)
		if (!strs_has(&y, l.v[i]))
			return false;
	return l.n == y.n;
}

static json *value_of(struct arena *a, const char *text)
{
	json *j = NULL;

	if (text)
		assert_int_equal(json_parse(text, strlen(text), &j, NULL), 0);
	return json_own(a, j);
}

#define same(what, x, y)                                                                    \
	do {                                                                                \
		if (!str_eq(x, y))                                                          \
			fail_msg("%s: " what " is '%s', upstream has '%s'", where, x ? x : "", \
				 y ? y : "");                                               \
	} while (0)

static void compare_option(struct arena *a, const char *where, const struct option_row *o, const json *u)
{
	struct strs names = { 0 }, l = opt_names(o, a);
	const char letter[] = { '-', o->letter, 0 };
	const char *theirs = json_str(json_at(json_get(u, "short"), 0)), *t = json_get_str(u, "type");
	json *dflt = json_get(u, "default"), *ours;
	const struct option_row *const rows[] = { o, NULL };
	struct strs none = { 0 };

	for (size_t i = 0; i < l.n; i++)
		strs_add(a, &names, arena_printf(a, "--%s", l.v[i]));
	if (!same_set(a, json_get(u, "long"), names))
		fail_msg("%s: names %s", where, strs_join(a, &names, " "));
	same("letter", o->letter ? letter : NULL, theirs);
	same("action", action(o), json_get_str(u, "action"));
	if (o == &opt_filter_action) /* text that the command looks into */
		same("type", "filteraction", t);
	else if (type(o) || t)
		same("type", type(o), t);
	if (json_get(u, "metavar"))
		same("metavar", o->metavar, json_get_str(u, "metavar"));
	if (json_get(u, "choices") && !same_set(a, json_get(u, "choices"), opt_choices(o, a)))
		fail_msg("%s: choices", where);
	if (json_is(json_get(u, "const"), JSON_ARRAY) &&
	    !same_set(a, json_get(u, "const"), json_strs(a, value_of(a, o->value))))
		fail_msg("%s: constant", where);
	if (json_str(json_get(u, "const")))
		same("constant", json_str(value_of(a, o->value)), json_str(json_get(u, "const")));
	assert_int_equal(opt_parse(rows, false, &none, a, &ours, &none, NULL), 0);
	json_own(a, ours);
	ours = json_get(ours, opt_dest(o));
	if (!json_equal(ours, dflt) && (dflt || json_boolean(ours, true)) &&
	    !(json_str(dflt) && ours && json_int(ours, -1) == atoi(json_str(dflt))))
		fail_msg("%s: default %s, upstream has %s", where, json_dump_in(a, ours),
			 json_dump_in(a, dflt));
}

static const json *find_option(struct arena *a, const json *options, const struct option_row *o)
{
	struct strs names = opt_names(o, a);

	json_items(options, i, u) {
		const char *letter = json_str(json_at(json_get(u, "short"), 0));

		if (!names.n && letter && letter[1] == o->letter)
			return u;
		json_items(json_get(u, "long"), k, n)
			if (names.n && str_eq(json_str(n) + 2, names.v[0]))
				return u;
	}
	return NULL;
}

/* Arguments that are not upstream's, and why. */
static struct {
	const char *command, *ours, *theirs;
	bool used;
} own_args[] = {
	/* the second name is that of no group or network yet, and networks are no groups */
	{ "gnt-group rename", "group:1-1 any:1-1", "group:2-2", false },
	{ "gnt-network rename", "network:1-1 any:1-1", "group:2-2", false },
	/* upstream completes operating systems; their names are checked nowhere */
	{ "gnt-storage info", "extstorage:0-0", "os:0-0", false },
};

static const char *args_text(struct arena *a, const struct command *cmd)
{
	static const char *const words[] = {
		[ARG_ANY] = "any",     [ARG_INSTANCE] = "instance", [ARG_NODE] = "node",
		[ARG_GROUP] = "group", [ARG_NETWORK] = "network", [ARG_JOB] = "jobid",
		[ARG_FILE] = "file",   [ARG_COMMAND] = "command",   [ARG_HOST] = "host",
		[ARG_OS] = "os",       [ARG_EXTSTORAGE] = "extstorage", [ARG_FILTER] = "filter",
		[ARG_CHOICE] = "choice", [ARG_SUGGEST] = "suggest",
	};
	struct strs l = { 0 };

	for (const struct arg_row *r = cmd->args; r->kind != ARG_END; r++)
		strs_add(a, &l, arena_printf(a, "%s%s%s%s:%d-%d", words[r->kind], r->choices ? "[" : "",
					     r->choices ? r->choices : "", r->choices ? "]" : "", r->min,
					     r->max));
	return strs_join(a, &l, " ");
}

/* [[kind, least, most, choices], ...]; most 0 = no limit */
static const char *upstream_args_text(struct arena *a, const json *list)
{
	struct strs l = { 0 };

	json_items(list, i, arg) {
		struct strs choices = json_strs(a, json_at(arg, 3));
		const char *kind = json_str(json_at(arg, 0));

		strs_add(a, &l,
			 arena_printf(a, "%s%s%s%s:%lld-%lld", strcmp(kind, "unknown") == 0 ? "any" : kind,
				      choices.n ? "[" : "", strs_join(a, &choices, ","), choices.n ? "]" : "",
				      (long long)json_int(json_at(arg, 1), -1),
				      (long long)json_int(json_at(arg, 2), -1)));
	}
	return strs_join(a, &l, " ");
}

static void compare_args(struct arena *a, const char *where, const struct command *cmd, const json *list)
{
	const char *ours = args_text(a, cmd), *theirs = upstream_args_text(a, list);

	for (size_t i = 0; i < ARRAY_SIZE(own_args); i++)
		if (str_eq(own_args[i].command, where) && str_eq(own_args[i].ours, ours) &&
		    str_eq(own_args[i].theirs, theirs)) {
			own_args[i].used = true;
			return;
		}
	same("argument kinds", ours, theirs);
}

static void compare_command(struct arena *a, const struct program *p, const struct command *cmd,
			    const json *u)
{
	const char *where = arena_printf(a, "%s %s", p->name, cmd->name);
	const json *options = json_get(u, "options");
	size_t known = 0;

	if (!u)
		fail_msg("%s is not upstream's", where);
	if (*json_get_str(u, "usage")) /* some have none */
		same("usage", cmd->usage, json_get_str(u, "usage"));
	compare_args(a, where, cmd, json_get(u, "positional"));
	for (const struct option_row *const *r = cmd->opts; *r; r++) {
		const json *o = find_option(a, options, *r);

		if (*r == &opt_json || *r == &opt_debug || *r == &opt_reason)
			continue;
		if (!o && *r == &opt_filter && cmd->run == cli_list) /* all lists can */
			continue;
		if (!o && *r == &opt_ipolicy_memory_ratio) /* 2.17 has it */
			continue;
		if (!o)
			fail_msg("%s: option %s is not upstream's", where, (*r)->id);
		compare_option(a, arena_printf(a, "%s, option %s", where, (*r)->id), *r, o);
		known++;
	}
	if (known != json_len(options)) {
		json_items(options, i, o) {
			bool found = false;

			for (const struct option_row *const *r = cmd->opts; *r; r++)
				found = found || find_option(a, options, *r) == o;
			if (!found)
				fail_msg("%s: %s is missing", where, json_dump_in(a, o));
		}
		fail_msg("%s: an option is there twice", where);
	}
}

static void test_commands(void **state)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	size_t n_commands = 0, n_options = 0, n_aliases = 0, n_programs = 0;
	const json *all = upstream(a);

	(void)state;
	json_each(all, name, u) {
		const struct program *p = programs;

		while (p->name && strcmp(p->name, name) != 0)
			p++;
		if (!p->name)
			fail_msg("%s is missing", name);
		n_programs++;
		json_each(json_get(u, "commands"), command, c) {
			if (!program_command(p, command))
				fail_msg("%s %s is missing", name, command);
			n_commands++;
			n_options += json_len(json_get(c, "options"));
		}
	}
	for (const struct program *p = programs; p->name; p++) {
		const json *u = json_get(all, p->name);
		struct strs env = json_strs(a, json_get(u, "env_override"));
		struct strs aliases = strs_split(a, p->aliases ? p->aliases : "", ',');

		assert_int_equal(p->aliases ? aliases.n : 0, json_len(json_get(u, "aliases")));
		json_each(json_get(u, "aliases"), alias, target) {
			if (program_command(p, alias) != program_command(p, json_str(target)))
				fail_msg("%s: alias %s", p->name, alias);
			n_aliases++;
		}
		for (size_t i = 0; i < p->n; i++) {
			const struct command *cmd = &p->commands[i];

			compare_command(a, p, cmd, json_get(json_get(u, "commands"), cmd->name));
			assert_int_equal(cmd->env_override, strs_has(&env, cmd->name));
			assert_non_null(cmd->run);
			assert_true(cmd->doc && *cmd->doc && !str_ends(cmd->doc, "."));
			assert_true(cmd->run != cli_list || (cmd->what && cmd->fields));
			assert_true(!cmd->done == !cmd->failed && !cmd->need == !cmd->need_text);
			for (const struct arg_row *r = cmd->args; r->kind != ARG_END; r++) {
				if (r->param)
					assert_non_null(record_field(opcode_record(cmd->op), r->param));
				assert_true(cmd->run != cli_run_op || (cmd->has_op && r->param));
			}
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(own_args); i++)
		if (!own_args[i].used)
			fail_msg("%s: its arguments are upstream's now", own_args[i].command);
	print_message("%zu programs, %zu commands, %zu options, %zu aliases: all of upstream's\n", n_programs,
		      n_commands, n_options, n_aliases);
	assert_int_equal(n_commands, 132);
}

/* Options whose value has to become a parameter do: no two options of a command write the same key
 * in ways that do not fit, and every dest named like a parameter has a type it takes. */
static void test_op_options(void **state)
{
	(void)state;
	for (const struct program *p = programs; p->name; p++)
		for (size_t i = 0; i < p->n; i++)
			for (const struct option_row *const *r = p->commands[i].opts; *r; r++)
				for (const struct option_row *const *q = r + 1; *q; q++) {
					if (!str_eq(opt_dest(*r), opt_dest(*q)))
						continue;
					if ((*r)->type != OPT_CONST || (*q)->type != OPT_CONST)
						fail_msg("%s %s: %s and %s", p->name,
							 p->commands[i].name, (*r)->id, (*q)->id);
				}
}

static void test_errors(void **state)
{
	static const struct {
		const char *cls, *code, *msg;
		int exit;
		const char *text;
	} t[] = {
		{ OpPrereqError, ECODE_wrong_input, "no", 1,
		  "Failure: prerequisites not met for this operation:\nerror type: wrong_input, error details:\nno" },
		{ OpPrereqError, NULL, "no", 1, "Failure: prerequisites not met for this operation:\nno" },
		{ OpExecError, NULL, "no\n\n", 1, "Failure: command execution error:\nno" },
		{ ConfigVerifyError, NULL, "bad", 2, "Corrupt configuration file: bad\nAborting." },
		{ JobQueueFull, NULL, "x", 1,
		  "Failure: the job queue is full and doesn't accept new job submissions until old jobs are archived" },
		{ NoMasterError, NULL, "/x", 1,
		  "Cannot communicate with socket '/x'.\nIs the process running and listening for connections?" },
		{ ConnectionClosedError, NULL, "gone", 1,
		  "Unhandled protocol error while talking to the master daemon:\ngone" },
		{ HypervisorError, NULL, "x", 1, "Unhandled Ganeti error: x" },
		{ NULL, NULL, "cannot read", 1, "Error: cannot read" },
		{ JobSubmittedException, NULL, "12", 0, "JobID: 12" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		struct err e CLEANUP(err_clear) = ERR_NONE;
		struct str s CLEANUP(str_free) = { 0 };

		err_set(&e, t[i].cls, t[i].code, "%s", t[i].msg);
		assert_int_equal(cli_format_error(&e, &s), t[i].exit);
		assert_string_equal(str_get(&s), t[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_filter),	   cmocka_unit_test(test_filter_depth),
		cmocka_unit_test(test_filter_make), cmocka_unit_test(test_commands),
		cmocka_unit_test(test_op_options), cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
