/*
 * Bash completion. One script for all programs, made from the rows when the package is installed:
 * commands, options and fixed choices are in it; names of objects come from --complete KIND, which
 * reads ssconf where it can, so that pressing Tab does not depend on the master.
 */
#include "cli/common/common.h"

#include <string.h>

static void print_lines(const struct strs *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (*l->v[i])
			cli_out("%s", l->v[i]);
}

/* "<uuid> <name>" lines */
static void print_second_words(struct arena *a, const struct strs *l)
{
	for (size_t i = 0; i < l->n; i++) {
		struct strs w = strs_split(a, l->v[i], ' ');

		if (w.n == 2)
			cli_out("%s", w.v[1]);
	}
}

static int from_ssconf(enum ssconf file, bool second_word)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct strs lines = { 0 };

	if (ssconf_read_lines(a, file, &lines, NULL) < 0)
		return EXIT_FAILURE;
	if (second_word)
		print_second_words(a, &lines);
	else
		print_lines(&lines);
	return EXIT_SUCCESS;
}

/* Names in the folders of a search path; VARIANTS: name+variant where a definition lists them. */
static int from_folders(const char *search_path, bool variants)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct strs dirs = strs_split(a, search_path, ':');

	for (size_t i = 0; i < dirs.n; i++) {
		struct strs names = { 0 };

		if (fs_list(a, dirs.v[i], &names) < 0)
			continue;
		for (size_t k = 0; k < names.n; k++) {
			char *text CLEANUP(freep) = NULL;
			const char *list = arena_printf(a, "%s/%s/variants.list", dirs.v[i],
							names.v[k]);
			struct strs l;
			size_t n;

			if (!variants || fs_read(list, 1 << 16, &text, &n) < 0) {
				cli_out("%s", names.v[k]);
				continue;
			}
			l = strs_split(a, text, '\n');
			for (size_t v = 0; v < l.n; v++)
				if (*l.v[v])
					cli_out("%s+%s", names.v[k], l.v[v]);
		}
	}
	return EXIT_SUCCESS;
}

static int from_master(enum luxi method, json *args)
{
	struct luxi_client *luxi CLEANUP(luxi_closep) = NULL;
	json *result CLEANUP(json_putp) = NULL;

	if (luxi_open_within(1, &luxi, NULL) < 0) {
		json_put(args);
		return EXIT_FAILURE;
	}
	if (luxi_call(luxi, method, args, &result, NULL) < 0)
		return EXIT_FAILURE;
	json_items(json_is(result, JSON_ARRAY) ? result : NULL, i, row) {
		struct str s CLEANUP(str_free) = { 0 };

		ui_text(&s, json_at(row, 0));
		cli_out("%s", str_get(&s));
	}
	json_items(json_get(result, "fields"), i, def)
		cli_out("%s", json_get_str(def, "name"));
	return EXIT_SUCCESS;
}

int complete_names(const char *kind)
{
	static const struct {
		const char *kind;
		enum ssconf file;
		bool second_word;
	} files[] = {
		{ "node", SSCONF_node_list, false },
		{ "instance", SSCONF_instance_list, false },
		{ "group", SSCONF_nodegroups, true },
		{ "network", SSCONF_networks, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (strcmp(files[i].kind, kind) == 0)
			return from_ssconf(files[i].file, files[i].second_word);
	if (strcmp(kind, "os") == 0)
		return from_folders(path_of(PATH_OS_SEARCH_DIRS), true);
	if (strcmp(kind, "iallocator") == 0)
		return from_folders(path_of(PATH_IALLOCATOR_SEARCH_DIRS), false);
	if (strcmp(kind, "extstorage") == 0)
		return from_folders(path_of(PATH_ES_SEARCH_DIRS), false);
	if (strcmp(kind, "job") == 0)
		return from_master(LUXI_QueryJobs, json_pack("[n, [s]]", "id"));
	if (strcmp(kind, "filter") == 0)
		return from_master(LUXI_QueryFilters, json_pack("[n, [s]]", "uuid"));
	if (str_starts(kind, "field/"))
		return from_master(LUXI_QueryFields,
				   json_pack("[s, n]", kind + strlen("field/")));
	return EXIT_FAILURE;
}

/* --- the script --- */

static const char script_head[] =
	"# bash completion of the gnt-* commands, daemons and htools, made by `gnt --bash-completion`\n"
	"_gnt_complete() { # KIND: node instance ... or =a,b\n"
	"\tlocal IFS=$'\\n' prefix=''\n"
	"\tcase $1 in\n"
	"\t=*) COMPREPLY=($(compgen -W \"${1//[=,]/$'\\n'}\" -- \"$cur\")) ;;\n"
	"\tfile) COMPREPLY=($(compgen -f -- \"$cur\")) ;;\n"
	"\tcommand) COMPREPLY=($(compgen -c -- \"$cur\")) ;;\n"
	"\thost) COMPREPLY=($(compgen -A hostname -- \"$cur\")) ;;\n"
	"\tfield/*) [[ $cur == *,* ]] && prefix=${cur%,*},\n"
	"\t\tCOMPREPLY=($(compgen -P \"$prefix\" -W \"$(\"$prog\" --complete \"$1\" 2>/dev/null)\" -- \"${cur##*,}\")) ;;\n"
	"\t?*) COMPREPLY=($(compgen -W \"$(\"$prog\" --complete \"$1\" 2>/dev/null)\" -- \"$cur\")) ;;\n"
	"\tesac\n"
	"}\n"
	"_gnt() {\n"
	"\tlocal prog=${COMP_WORDS[0]} cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
	"\tlocal name=${COMP_WORDS[0]##*/} commands='' options='' values='' args='' last='' v w i n=0 first=2\n"
	"\tCOMPREPLY=()\n"
	"\t_gnt_commands \"$name\"\n"
	"\tif [[ ! $commands ]]; then # a program that is one command; names are asked of another\n"
	"\t\t_gnt_options \"$name\"\n"
	"\t\tfirst=1 prog=gnt-node\n"
	"\telif ((COMP_CWORD == 1)); then\n"
	"\t\tCOMPREPLY=($(compgen -W \"$commands --help --version\" -- \"$cur\"))\n"
	"\t\treturn\n"
	"\telse\n"
	"\t\t_gnt_options \"$name/${COMP_WORDS[1]}\"\n"
	"\tfi\n"
	"\tif [[ $cur == = ]]; then cur='' prev=${COMP_WORDS[COMP_CWORD-1]}; fi\n"
	"\tif [[ $prev == = ]]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
	"\tfor v in $values; do\n"
	"\t\tif [[ ${v%%:*} == \"$prev\" ]]; then _gnt_complete \"${v#*:}\"; return; fi\n"
	"\tdone\n"
	"\tif [[ $cur == -* ]]; then\n"
	"\t\tCOMPREPLY=($(compgen -W \"$options --help\" -- \"$cur\"))\n"
	"\t\treturn\n"
	"\tfi\n"
	"\t# which argument is this? Words that belong to options do not count.\n"
	"\tfor ((i = first; i < COMP_CWORD; i++)); do\n"
	"\t\tw=${COMP_WORDS[i]}\n"
	"\t\tcase $w in\n"
	"\t\t-*) [[ \" $values \" == *\" $w:\"* ]] && ((i++)) ;;\n"
	"\t\t=) ;;\n"
	"\t\t*) ((n++)) ;;\n"
	"\t\tesac\n"
	"\tdone\n"
	"\tfor v in $args; do\n"
	"\t\tlast=${v%+}\n"
	"\t\t[[ $v == *+ ]] && break\n"
	"\t\t((n-- == 0)) && break\n"
	"\t\tlast=''\n"
	"\tdone\n"
	"\t_gnt_complete \"$last\"\n"
	"}\n";

static const char *kind_word(enum opt_complete k)
{
	static const char *const words[] = {
		[CPL_NONE] = "-",	    [CPL_NODE] = "node",
		[CPL_INSTANCE] = "instance", [CPL_GROUP] = "group",
		[CPL_NETWORK] = "network",   [CPL_OS] = "os",
		[CPL_JOB] = "job",	    [CPL_IALLOCATOR] = "iallocator",
		[CPL_FILE] = "file",	    [CPL_HOST] = "host",
		[CPL_INST_ADD_NODES] = "node", [CPL_COMMAND] = "command",
	};

	return words[k];
}

static const char *arg_word(const struct arg_row *r, struct arena *a)
{
	static const char *const words[] = {
		[ARG_ANY] = "-",       [ARG_INSTANCE] = "instance", [ARG_NODE] = "node",
		[ARG_GROUP] = "group", [ARG_NETWORK] = "network",   [ARG_JOB] = "job",
		[ARG_FILE] = "file",   [ARG_COMMAND] = "command",   [ARG_HOST] = "host",
		[ARG_OS] = "os",       [ARG_EXTSTORAGE] = "extstorage", [ARG_FILTER] = "filter",
	};

	if (r->kind == ARG_CHOICE || r->kind == ARG_SUGGEST)
		return arena_printf(a, "=%s", r->choices);
	return words[r->kind];
}

/* WHAT: the resource whose fields --output takes, or NULL */
static void option_words(struct str *options, struct str *values, const char *what,
			 const struct option_row *o, struct arena *a)
{
	struct strs names = opt_names(o, a), choices = opt_choices(o, a);
	const char *kind = kind_word(o->complete);

	if (choices.n)
		kind = arena_printf(a, "=%s", strs_join(a, &choices, ","));
	else if (o == &opt_output && what)
		kind = arena_printf(a, "field/%s", what);
	for (size_t i = 0; i < names.n; i++) {
		str_addf(options, "%s--%s", options->len ? " " : "", names.v[i]);
		if (opt_takes_value(o))
			str_addf(values, "%s--%s:%s", values->len ? " " : "", names.v[i], kind);
	}
	if (!o->letter)
		return;
	str_addf(options, "%s-%c", options->len ? " " : "", o->letter);
	if (opt_takes_value(o) && !o->bare) /* then it would be the same word */
		str_addf(values, "%s-%c:%s", values->len ? " " : "", o->letter, kind);
}

/* The command's name and its aliases as a case pattern. */
static void patterns(struct str *out, const struct program *p, const char *command, struct arena *a)
{
	struct strs aliases = strs_split(a, p->aliases ? p->aliases : "", ',');

	str_addf(out, "\t%s/%s", p->name, command);
	for (size_t i = 0; i < aliases.n; i++) {
		const char *eq = strchr(aliases.v[i], '=');

		if (eq && strcmp(eq + 1, command) == 0)
			str_addf(out, "|%s/%.*s", p->name, (int)(eq - aliases.v[i]), aliases.v[i]);
	}
	str_add(out, ") ");
}

/* Programs without commands. */
static void tools(struct str *out, struct str *names, const struct program_row *p, struct arena *a)
{
	for (; p->name; p++) {
		struct str options CLEANUP(str_free) = { 0 }, values CLEANUP(str_free) = { 0 };

		if (p->todo || strchr(p->name, ' ')) /* a part of a program */
			continue;
		for (const struct option_row *const *r = p->opts; *r; r++)
			option_words(&options, &values, NULL, *r, a);
		str_addf(out, "\t%s) options='%s' values='%s' args='", p->name, str_get(&options),
			 str_get(&values));
		for (int i = 0; p->args != CPL_NONE && i < (p->max ? p->max : 1); i++)
			str_addf(out, "%s%s%s", i ? " " : "", kind_word(p->args), p->max ? "" : "+");
		str_add(out, "' ;;\n");
		str_addf(names, " %s", p->name);
	}
}

void complete_script(struct str *out)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct str names CLEANUP(str_free) = { 0 };

	str_add(out, script_head);
	str_add(out, "_gnt_commands() {\n\tcase $1 in\n");
	for (const struct program *p = programs; p->name; p++) {
		str_addf(out, "\t%s) commands='", p->name);
		for (size_t i = 0; i < p->n; i++)
			str_addf(out, "%s%s", i ? " " : "", p->commands[i].name);
		str_add(out, "' ;;\n");
	}
	str_add(out, "\tesac\n}\n_gnt_options() {\n\tcase $1 in\n");
	for (const struct program *p = programs; p->name; p++) {
		for (size_t i = 0; i < p->n; i++) {
			const struct command *cmd = &p->commands[i];
			struct str options CLEANUP(str_free) = { 0 }, values CLEANUP(str_free) = { 0 };
			const char *sep = "";

			for (const struct option_row *const *r = cmd->opts; *r; r++)
				option_words(&options, &values, cmd->what, *r, a);
			patterns(out, p, cmd->name, a);
			str_addf(out, "options='%s' values='%s' args='", str_get(&options),
				 str_get(&values));
			for (const struct arg_row *r = cmd->args; r->kind != ARG_END; r++) {
				str_addf(out, "%s%s%s", sep, arg_word(r, a), r->max ? "" : "+");
				sep = " ";
			}
			str_add(out, "' ;;\n");
		}
	}
	tools(out, &names, daemon_rows, a);
	tools(out, &names, htool_rows, a);
	str_add(out, "\tesac\n}\ncomplete -F _gnt");
	for (const struct program *p = programs; p->name; p++)
		str_addf(out, " %s", p->name);
	str_add(out, str_get(&names));
	str_addc(out, '\n');
}
