/* From argv to a command of the rows and its exit code. */
#include "cli/common/common.h"

#include "lib/base/log.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void flush(FILE *f)
{
	if (fflush(f) == 0 && !ferror(f))
		return;
	if (errno == EPIPE) /* the reader is gone */
		_exit(EXIT_FAILURE);
	perror("gnt: cannot write");
	_exit(EXIT_FAILURE);
}

void cli_out(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	flush(stdout);
}

void cli_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

void cli_write(const struct str *s)
{
	fwrite(str_get(s), 1, s->len, stdout);
	flush(stdout);
}

void cli_json(const json *v)
{
	char *s CLEANUP(freep) = json_dump_pretty(v);

	cli_out("%s", s);
}

const json *cli_opt(const struct cli *c, const char *dest)
{
	return json_get(c->opts, dest);
}

const char *cli_str(const struct cli *c, const char *dest)
{
	return json_get_str(c->opts, dest);
}

bool cli_flag(const struct cli *c, const char *dest)
{
	return json_get_bool(c->opts, dest, false);
}

/* The target of alias NAME, or NAME. */
static const char *unalias(const struct program *p, const char *name, struct arena *a)
{
	struct strs l = strs_split(a, p->aliases ? p->aliases : "", ',');
	size_t n = strlen(name);

	for (size_t i = 0; i < l.n; i++)
		if (strncmp(l.v[i], name, n) == 0 && l.v[i][n] == '=')
			return l.v[i] + n + 1;
	return name;
}

const struct command *program_command(const struct program *p, const char *name)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();

	name = unalias(p, name, a);
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->commands[i].name, name) == 0)
			return &p->commands[i];
	return NULL;
}

bool command_missing(const struct command *cmd)
{
	return cmd->todo || (cmd->has_op && opcode_attr(cmd->op)->todo);
}

static const struct program *find_program(const char *name)
{
	for (const struct program *p = programs; p->name; p++)
		if (strcmp(p->name, name) == 0)
			return p;
	return NULL;
}

static struct strs command_names(const struct program *p, struct arena *a)
{
	struct strs names = { 0 };

	for (size_t i = 0; i < p->n; i++)
		strs_add(a, &names, p->commands[i].name);
	return names;
}

static void print_usage(const struct program *p, struct arena *a)
{
	struct strs names = command_names(p, a);
	struct str out CLEANUP(str_free) = { 0 };
	size_t width = 0;

	strs_sort(&names);
	for (size_t i = 0; i < names.n; i++)
		if (strlen(names.v[i]) > width)
			width = strlen(names.v[i]);
	str_addf(&out,
		 "Usage: %s {command} [options...] [argument...]\n"
		 "%s <command> --help to see details, or man %s\n\nCommands:\n",
		 p->name, p->name, p->name);
	for (size_t i = 0; i < names.n; i++) {
		str_addf(&out, " %-*s - ", (int)width, names.v[i]);
		ui_wrap(&out, program_command(p, names.v[i])->doc, 79 - 3 - width, width + 4);
		str_addc(&out, '\n');
	}
	str_addc(&out, '\n');
	cli_write(&out);
}

/* $GNT_INSTANCE_LIST and such: options put before those of the command line. */
static int env_words(const struct cli *c, struct strs *ret, struct err *e)
{
	char *name = str_upper(c->a, arena_printf(c->a, "%s_%s", c->prog->name, c->cmd->name));

	for (char *p = name; *p; p++)
		if (*p == '-')
			*p = '_';
	return c->cmd->env_override ? opt_env_words(name, c->a, ret, e) : 0;
}

static bool check_args(const struct command *cmd, size_t n)
{
	const struct arg_row *r = cmd->args;
	size_t min = 0, max = 0;
	bool limited = true;

	if (r->kind == ARG_END && n) {
		cli_warn("Error: Command %s expects no arguments", cmd->name);
		return false;
	}
	for (; r->kind != ARG_END; r++) {
		min += (size_t)r->min;
		max += (size_t)r->max;
		limited = r->max != 0;
	}
	if (limited && min == max && n != min)
		cli_warn("Error: Command %s expects %zu argument(s)", cmd->name, min);
	else if (limited && n > max)
		cli_warn("Error: Command %s expects only %zu argument(s)", cmd->name, max);
	else if (n < min)
		cli_warn("Error: Command %s expects at least %zu argument(s)", cmd->name, min);
	else
		return true;
	return false;
}

static void syntax_error(const struct cli *c, const struct err *e)
{
	struct str out CLEANUP(str_free) = { 0 };
	const char *near = opt_nearest(c->cmd->opts, e, c->a);

	ui_usage(&out, c->prog->name, arena_printf(c->a, "%s %s", c->cmd->name, c->cmd->usage));
	fprintf(stderr, "%s\n%s: error: %s\n", str_get(&out), c->prog->name, err_msg(e));
	if (near)
		fprintf(stderr, "Did you mean %s?\n", near);
}

static void help(const struct cli *c)
{
	struct str out CLEANUP(str_free) = { 0 };

	ui_help(&out, c->prog->name, arena_printf(c->a, "%s %s", c->cmd->name, c->cmd->usage),
		command_missing(c->cmd) ?
			arena_printf(c->a, "%s. This version cannot do it yet", c->cmd->doc) :
			c->cmd->doc,
		c->cmd->opts);
	cli_write(&out);
}

static void interrupted(int signum)
{
	static const char text[] = "Aborted. Note that if the operation created any jobs, they might have "
				   "been submitted and will continue to run in the background.\n";

	(void)signum;
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(EXIT_FAILURE); /* nothing else to say it to */
	_exit(EXIT_FAILURE);
}

static int report(struct cli *c, const struct err *e)
{
	struct str out CLEANUP(str_free) = { 0 };
	int code = cli_format_error(e, &out);
	bool color = code != EXIT_SUCCESS && ui_color(STDERR_FILENO);

	if (c->log_open)
		log_error("Error during command processing: %s", str_get(&out));
	fflush(stdout);
	fprintf(stderr, "%s%s%s\n", color ? "\033[31m" : "", str_get(&out), color ? "\033[0m" : "");
	return code;
}

static int run(struct cli *c, struct err *e)
{
	struct sigaction on_int = { .sa_handler = interrupted };
	int code;

	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGINT, &on_int, NULL);
	/* only who may write the log does */
	if (json_get_int(c->opts, "debug_level", 0) > 0 &&
	    log_open(c->prog->name, path_of(PATH_LOG_COMMANDS), true) == 0) {
		c->log_open = true;
		log_set_level(LOG_LEVEL_DEBUG);
		log_debug("Command: %s", c->cmd->name);
	}
	code = c->cmd->run(c, e);
	if (code < 0)
		code = report(c, e);
	luxi_closep(&c->luxi);
	return code;
}

/* Everything but names of files goes into JSON. */
static int check_utf8(const struct cli *c, const struct strs *words, struct err *e)
{
	enum arg_kind kind = c->cmd->args[0].kind;

	for (size_t i = 0; kind != ARG_FILE && kind != ARG_COMMAND && i < words->n; i++)
		if (!ui_is_utf8(words->v[i]))
			return err_set(e, ERR_PREREQ, ECODE_INVAL, "Not valid UTF-8: '%s'",
				       cli_safe(c->a, words->v[i]));
	return 0;
}

/* WORDS: what follows the command. */
static int parse_and_run(struct cli *c, struct strs words)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct strs argv = { 0 };
	json *opts = NULL;
	int r;

	if (env_words(c, &argv, &e) < 0 || check_utf8(c, &words, &e) < 0)
		return report(c, &e);
	for (size_t i = 0; i < words.n; i++)
		strs_add(c->a, &argv, words.v[i]);
	r = opt_parse(c->cmd->opts, !c->cmd->raw_args, &argv, c->a, &opts, &c->args, &e);
	if (r > 0) {
		help(c);
		return EXIT_SUCCESS;
	}
	if (r < 0 && e.cls) { /* what is inside a value is wrong */
		e.cls = errclass_find(e.cls);
		return report(c, &e);
	}
	if (r < 0) {
		syntax_error(c, &e);
		return 2;
	}
	c->opts = json_own(c->a, opts);
	if (!check_args(c->cmd, c->args.n))
		return EXIT_FAILURE;
	return run(c, &e);
}

static int unknown_command(const struct program *p, const char *word, struct arena *a)
{
	struct strs names = command_names(p, a);
	const char *near = word ? ui_nearest(word, &names) : NULL;

	print_usage(p, a);
	if (near)
		cli_warn("There is no command '%s'. Did you mean '%s'?", word, near);
	return EXIT_FAILURE;
}

static int program_main(struct cli *c, struct strs words)
{
	const char *word = words.n ? words.v[0] : NULL;

	if (!word)
		return unknown_command(c->prog, NULL, c->a);
	if (strcmp(word, "--version") == 0) {
		cli_out("%s (ganeti (ganeti) version %s) %s", c->prog->name, RELEASE_VERSION,
			RELEASE_VERSION);
		return EXIT_SUCCESS;
	}
	if (strcmp(word, "--help") == 0) {
		print_usage(c->prog, c->a);
		return EXIT_SUCCESS;
	}
	if (strcmp(word, "--complete") == 0)
		return complete_names(words.n > 1 ? words.v[1] : "");
	c->cmd = program_command(c->prog, word);
	if (!c->cmd)
		return unknown_command(c->prog, word, c->a);
	c->word = word;
	words.v++;
	words.n--;
	return parse_and_run(c, words);
}

static void print_programs(FILE *out)
{
	fprintf(out, "This is one program with several names. Known ones:\n");
	for (const struct program *p = programs; p->name; p++)
		fprintf(out, "  %s\n", p->name);
}

int cli_main(int argc, char **argv)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct cli c = { .a = a };
	struct strs words = { 0 }, names = { 0 };
	const char *name = strrchr(argv[0], '/');

	name = name ? name + 1 : argv[0];
	for (int i = 1; i < argc; i++)
		strs_add(a, &words, argv[i]);
	/* "gnt instance list" is gnt-instance list: for trees that are not installed */
	if (strcmp(name, "gnt") == 0 && words.n) {
		if (strcmp(words.v[0], "--bash-completion") == 0) {
			struct str out CLEANUP(str_free) = { 0 };

			complete_script(&out);
			cli_write(&out);
			return EXIT_SUCCESS;
		}
		if (strcmp(words.v[0], "--help") == 0) {
			print_programs(stdout);
			return EXIT_SUCCESS;
		}
		name = arena_printf(a, "gnt-%s", words.v[0]);
		words.v++;
		words.n--;
	}
	c.prog = find_program(name);
	if (!c.prog) {
		const char *near;

		for (const struct program *p = programs; p->name; p++)
			strs_add(a, &names, p->name);
		near = ui_nearest(name, &names);
		print_programs(stderr);
		if (near && strcmp(name, "gnt") != 0)
			cli_warn("There is no program '%s'. Did you mean '%s'?", name, near);
		return EXIT_FAILURE;
	}
	return program_main(&c, words);
}
