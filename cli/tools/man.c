/*
 * Manual pages: prose by hand (man/NAME.SECTION.in, roff with man macros), lists by the rows. A line that
 * is a marker is replaced:
 *
 *	@COMMAND add@      heading, usage and one sentence; what follows, up to the next heading or marker of
 *	                   this kind, belongs to the command, and is left out while there is no such row
 *	@OPTIONS@          inside: the options of the command (otherwise they come at its end)
 *	@COMMANDS@         all commands the page has no words about
 *	@COMMON OPTIONS@   options that many commands share
 *	@OPTIONS daemon@   options of a daemon
 *	@HVPARAMS kvm@ @DISKPARAMS drbd@ @PARAMETERS beparams@   keys of key=value texts
 *	@FIELDS instance@  what list can print
 *	@VALUES enum@      what an enumeration means
 *	@RESOURCES@        REST resources
 *	@HOOKS@ @HOOK KEYS kind@   hooks, and what is in their environment
 *
 * and in any line @VERSION@, @DOC_DIR@, @SYSCONF_DIR@ and @ID@ of src/env/paths.def. Besides, lines that begin
 * with a tab are shown as they are, `words` are what one types, and an empty line begins a paragraph.
 */
#include "cli/common/common.h"
#include "cli/tools/dump.h"
#include "src/schema/list/lists.h"
#include "src/schema/rapi.h"

#include <ctype.h>
#include <string.h>

#define VALUES "@VALUES "

struct page {
	struct arena *a;
	struct str *out;
	const char *file;
	int line;
	const struct program *prog; /* NULL: not the page of one */
	const struct command *cmd;  /* being described */
	bool listed;  /* its options */
	bool skip;    /* words about a command that does not exist */
	bool blank;   /* after an empty line */
	bool example; /* in lines shown as they are */
	struct strs seen;
	struct strs explained; /* enumerations with a list of their own */
};

static int bad(struct page *p, struct err *e, const char *what, const char *arg)
{
	return err_plain(e, "%s:%d: %s '%s'", p->file, p->line, what, arg);
}

/* --- parameters --- */

/* "true", "rw"; NULL without a default worth a word */
static const char *default_text(struct arena *a, const char *dflt)
{
	json *v = NULL;

	if (!dflt || json_parse(dflt, strlen(dflt), &v, NULL) < 0)
		return NULL;
	json_own(a, v);
	switch (json_kind(v)) {
	case JSON_NULL:
	case JSON_ARRAY:
	case JSON_DICT:
		return NULL;
	case JSON_STRING:
		return *json_str(v) ? json_str(v) : "empty";
	default:
		return json_dump_in(a, v);
	}
}

static void values(struct page *p, const struct strs *l)
{
	struct str s CLEANUP(str_free) = { 0 };

	str_add(&s, "One of ");
	for (size_t i = 0; i < l->n; i++)
		str_addf(&s, "%s%s", i == 0 ? "" : i + 1 < l->n ? ", " : " and ",
			 *l->v[i] ? l->v[i] : "empty");
	roff_sentence(p->out, str_get(&s));
}

static void parameter(struct page *p, const struct field *f)
{
	const char *dflt = default_text(p->a, f->dflt);

	str_add(p->out, ".TP\n");
	roff_code(p->out, field_wire(f));
	str_addf(p->out, " (%s", f->type->items ? "word" : f->type->name);
	if (dflt) {
		str_add(p->out, ", default ");
		roff_code(p->out, dflt);
	}
	str_add(p->out, ")\n");
	roff_sentence(p->out, f->doc);
	if (f->values) {
		struct strs l = strs_split(p->a, f->values, ',');

		values(p, &l);
	} else if (f->type->items) {
		struct strs l = { 0 };

		for (size_t i = 0; i < f->type->items->n; i++)
			strs_add(p->a, &l, f->type->items->items[i].name);
		values(p, &l);
	}
	if (f->hint)
		roff_sentence(p->out, arena_printf(p->a, "Form: %s", f->hint));
	if (f->global)
		roff_text(p->out, "Set for the whole cluster, not for one instance.");
}

static void parameters(struct page *p, const struct record *r)
{
	for (size_t i = 0; i < r->n; i++)
		parameter(p, &r->fields[i]);
	if (!r->n)
		roff_text(p->out, "No parameters.");
}

static int key_set(struct page *p, const struct key_set *k, const char *name, struct err *e)
{
	for (; k->record; k++)
		if (str_eq(k->name, name)) {
			parameters(p, k->record());
			return 0;
		}
	return bad(p, e, "no parameters of", name);
}

static int parameters_of(struct page *p, const char *id, struct err *e)
{
	static const struct {
		const char *id;
		const struct key_set *keys;
	} all[] = {
		{ "beparams", keys_beparams }, { "nicparams", keys_nicparams },
		{ "ndparams", keys_ndparams }, { "ispec", keys_ispec },
		{ "nic", keys_inic },	       { "disk", keys_idisk },
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (strcmp(all[i].id, id) == 0)
			return key_set(p, all[i].keys, NULL, e);
	return bad(p, e, "unknown parameters", id);
}

static const struct enum_def *enumeration(const char *id)
{
	static const struct enum_def *const all[] = {
#define ENUM(id, ...) &enum_##id,
#define ITEM(id, suffix, wire, doc)
#define END_ENUM(id)
#include "src/schema/enums.def"
#undef ENUM
#undef ITEM
#undef END_ENUM
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (strcmp(all[i]->id, id) == 0)
			return all[i];
	return NULL;
}

static void items(struct page *p, const struct enum_def *d)
{
	for (size_t i = 0; i < d->n; i++) {
		str_add(p->out, ".TP\n");
		roff_code(p->out, d->items[i].name);
		str_addc(p->out, '\n');
		roff_sentence(p->out, d->items[i].doc);
	}
}

/* --- options --- */

static const char *value_word(struct page *p, const struct option_row *o)
{
	const char *name, *dash;

	switch (o->type) {
	case OPT_INT:
	case OPT_FLOAT:
	case OPT_MAYBE_FLOAT:
		return "number";
	case OPT_UNIT:
		return "size";
	case OPT_KEYVAL:
	case OPT_KEYPRIVVAL:
		return "key=value";
	default:
		name = opt_names(o, p->a).n ? opt_names(o, p->a).v[0] : opt_dest(o);
		dash = strrchr(name, '-');
		return dash ? dash + 1 : name;
	}
}

/* "<node>", "NODE" or nothing to what stands for the value */
static const char *placeholder(struct page *p, const struct option_row *o)
{
	const char *m = o->metavar;
	size_t n;

	if (o->type == OPT_BOOL)
		return "yes|no";
	if (!m)
		return value_word(p, o);
	n = strlen(m);
	if (n > 2 && m[0] == '<' && m[n - 1] == '>' && strcspn(m, ">") == n - 1)
		return str_lower(p->a, arena_strndup(p->a, m + 1, n - 2));
	return strchr(m, '<') ? m : str_lower(p->a, m);
}

static void option_name(struct page *p, const struct option_row *o)
{
	struct strs names = opt_names(o, p->a);
	const char *value = opt_takes_value(o) ?
				    arena_printf(p->a, "<%s>", placeholder(p, o)) :
				    NULL;

	if (value && strchr(value + 1, '<')) /* "<pnode>[:<snode>]": has its own brackets */
		value = placeholder(p, o);
	if (o->bare)
		value = arena_printf(p->a, "[%s]", value);
	if (o->letter) {
		roff_code(p->out, arena_printf(p->a, "-%c", o->letter));
		if (value && !o->bare)
			str_addc(p->out, ' ');
		if (value)
			roff_usage(p->out, value);
	}
	for (size_t i = 0; i < names.n; i++) {
		str_add(p->out, o->letter || i ? ", " : "");
		roff_code(p->out, arena_printf(p->a, "--%s", names.v[i]));
		if (value)
			roff_usage(p->out, o->bare ? arena_printf(p->a, "[=%s", value + 1) :
						     arena_printf(p->a, "=%s", value));
	}
	str_addc(p->out, '\n');
}

static void option(struct page *p, const struct option_row *o)
{
	const char *dflt = o->type == OPT_IGNORED ? NULL : default_text(p->a, o->dflt);

	str_add(p->out, ".TP\n");
	option_name(p, o);
	roff_sentence(p->out, o->doc);
	if (dflt)
		roff_sentence(p->out, arena_printf(p->a, "Default: %s", dflt));
	if (o->items && !strs_has(&p->explained, o->items->id)) {
		str_add(p->out, ".RS\n");
		items(p, o->items);
		str_add(p->out, ".RE\n");
	} else if (o->items || !o->metavar) {
		struct strs l = opt_choices(o, p->a);

		if (l.n)
			values(p, &l);
	}
}

static void also(struct page *p, const struct command *cmd)
{
	const char *sep = ".PP\nAlso ";
	bool any = false;

	for (const struct option_row *const *r = cmd->opts; *r; r++) {
		if (!(*r)->common || *r == &opt_debug || *r == &opt_reason)
			continue;
		str_add(p->out, sep);
		roff_code(p->out, arena_printf(p->a, "--%s", opt_names(*r, p->a).v[0]));
		sep = ", ";
		any = true;
	}
	str_add(p->out, any ? "; see COMMON OPTIONS.\n" : "");
}

static void options(struct page *p)
{
	for (const struct option_row *const *r = p->cmd->opts; *r; r++)
		if (!(*r)->common)
			option(p, *r);
	also(p, p->cmd);
	p->listed = true;
}

static void common_options(struct page *p)
{
	for (const struct option_row *const *o = all_options; *o; o++) {
		bool used = false;

		for (size_t i = 0; (*o)->common && i < p->prog->n; i++)
			for (const struct option_row *const *r = p->prog->commands[i].opts; *r; r++)
				used |= *r == *o;
		if (used)
			option(p, *o);
	}
	str_add(p->out, ".TP\n");
	str_add(p->out, "\\fB\\-h\\fR, \\fB\\-\\-help\\fR\n");
	roff_text(p->out, "Show usage and options of the command.");
}

static int daemon_options(struct page *p, const char *name, struct err *e)
{
	const struct program_row *d = program_row(name);

	if (!d)
		return bad(p, e, "unknown program", name);
	for (const struct option_row *const *r = d->opts; *r; r++)
		option(p, *r);
	str_add(p->out, ".TP\n");
	str_add(p->out, "\\fB\\-h\\fR, \\fB\\-\\-help\\fR\n");
	roff_text(p->out, "Show usage and options.");
	return 0;
}

/* --- commands --- */

static void end_command(struct page *p)
{
	if (p->cmd && !p->listed)
		options(p);
	p->cmd = NULL;
	p->skip = false;
}

static void command_heading(struct page *p)
{
	const struct command *c = p->cmd;
	struct strs aliases = strs_split(p->a, p->prog->aliases ? p->prog->aliases : "", ',');

	str_add(p->out, ".SS ");
	roff_code(p->out, c->name);
	str_add(p->out, "\n");
	roff_code(p->out, arena_printf(p->a, "%s %s", p->prog->name, c->name));
	if (*c->usage) {
		str_addc(p->out, ' ');
		roff_usage(p->out, c->usage);
	}
	str_add(p->out, "\n.PP\n");
	roff_sentence(p->out, c->doc);
	for (size_t i = 0; i < aliases.n; i++) {
		const char *eq = strchr(aliases.v[i], '=');

		if (!eq || strcmp(eq + 1, c->name) != 0)
			continue;
		str_add(p->out, "Also called\n");
		roff_code(p->out, arena_strndup(p->a, aliases.v[i], (size_t)(eq - aliases.v[i])));
		str_add(p->out, ".\n");
	}
	if (command_missing(c))
		roff_text(p->out, "This version cannot do it yet and refuses.");
	if (c->env_override) {
		char *name = str_upper(p->a, arena_printf(p->a, "%s_%s", p->prog->name, c->name));

		for (char *s = name; *s; s++)
			*s = *s == '-' ? '_' : *s;
		roff_text(p->out, arena_printf(p->a,
					       "Words in the environment variable %s come before"
					       " the options given.",
					       name));
	}
}

static void command(struct page *p, const struct command *c)
{
	strs_add(p->a, &p->seen, c->name);
	p->cmd = c;
	p->listed = false;
	command_heading(p);
}

static int named_command(struct page *p, const char *name, struct err *e)
{
	const struct command *c = p->prog ? program_command(p->prog, name) : NULL;

	end_command(p);
	if (strs_has(&p->seen, name))
		return bad(p, e, "second text about", name);
	if (c && strcmp(c->name, name) == 0)
		command(p, c);
	else
		p->skip = true;
	return 0;
}

static void other_commands(struct page *p)
{
	end_command(p);
	for (size_t i = 0; i < p->prog->n; i++) {
		if (strs_has(&p->seen, p->prog->commands[i].name))
			continue;
		command(p, &p->prog->commands[i]);
		end_command(p);
	}
}

/* --- fields, resources --- */

/* Where the last part of NAME begins, if it has the form prefix/part; else 0. */
static size_t prefix_len(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash ? (size_t)(slash - name) + 1 : 0;
}

static bool same_family(const json *list, size_t i, size_t n, size_t prefix)
{
	const char *first = json_get_str(json_at(list, i), "name"),
		   *name = json_get_str(json_at(list, n), "name");

	return name && prefix_len(name) == prefix && strncmp(name, first, prefix) == 0;
}

/* Numbered ones as disk.size/N, others by their names; how many there are. */
static size_t family(struct page *p, const json *list, size_t i)
{
	const char *name = json_get_str(json_at(list, i), "name");
	size_t prefix = prefix_len(name), n = 1;

	while (prefix && same_family(list, i, i + n, prefix))
		n++;
	if (n < 2)
		return 0;
	str_add(p->out, ".TP\n");
	if (isdigit((unsigned char)name[prefix])) {
		roff_code(p->out, arena_printf(p->a, "%.*s", (int)prefix, name));
		str_addf(p->out, "\\fIN\\fR (%s; 0 to %zu)\n",
			 json_get_str(json_at(list, i), "kind"), n - 1);
		roff_sentence(p->out, json_get_str(json_at(list, i), "doc"));
		return n;
	}
	for (size_t k = 0; k < n; k++) {
		if (k == 1)
			str_add(p->out, "Also:\n");
		roff_code(p->out, json_get_str(json_at(list, i + k), "name"));
		str_add(p->out, k == 0 || k + 1 == n ? "\n" : ",\n");
	}
	roff_text(p->out, "The value in effect of the parameter of that name.");
	return n;
}

static int fields(struct page *p, const char *resource, struct err *e)
{
	json *list = json_own(p->a, dump_fields(resource));

	if (!list)
		return bad(p, e, "unknown resource", resource);
	for (size_t i = 0; i < json_len(list);) {
		const json *f = json_at(list, i);
		size_t n = family(p, list, i);

		if (!n) {
			str_add(p->out, ".TP\n");
			roff_code(p->out, json_get_str(f, "name"));
			str_addf(p->out, " (%s)\n", json_get_str(f, "kind"));
			roff_sentence(p->out, json_get_str(f, "doc"));
		}
		i += n ? n : 1;
	}
	return 0;
}

static void resources(struct page *p)
{
	size_t n;
	const struct rapi_row *rows = rapi_rows(&n);

	for (size_t i = 0; i < n; i++) {
		str_add(p->out, ".TP\n");
		roff_code(p->out, arena_printf(p->a, "%s ", rows[i].method));
		roff_usage(p->out, rows[i].path);
		str_addc(p->out, '\n');
		roff_sentence(p->out, rows[i].doc);
	}
}

/* --- hooks --- */

static void hooks(struct page *p)
{
	for (const struct hook_row *h = hook_rows; h->path; h++) {
		struct strs keys = { 0 };

		if (*h->keys)
			keys = strs_split(p->a, h->keys, ' ');
		str_add(p->out, ".TP\n");
		roff_code(p->out, h->path);
		str_addc(p->out, '\n');
		roff_sentence(p->out, h->doc);
		if (!keys.n)
			continue;
		str_add(p->out, "Of its own:\n");
		for (size_t i = 0; i < keys.n; i++) {
			roff_usage(p->out, keys.v[i]);
			str_add(p->out, i + 1 < keys.n ? ",\n" : ".\n");
		}
	}
}

static int hook_keys_of(struct page *p, const char *kind, struct err *e)
{
	bool any = false;

	for (const struct hook_key *k = hook_keys; k->key; k++) {
		if (strcmp(k->kind, kind) != 0)
			continue;
		str_add(p->out, ".TP\n");
		roff_usage(p->out, k->key);
		str_addc(p->out, '\n');
		roff_sentence(p->out, k->doc);
		any = true;
	}
	return any ? 0 : bad(p, e, "no keys of", kind);
}

/* --- the page --- */

/* What stands for @NAME@ inside a line, or NULL. */
static const char *variable(const char *name)
{
	static const struct {
		const char *id;
		enum path path;
	} paths[] = {
#define PATH(id, location, ...) { #id, PATH_##id },
#include "src/env/paths.def"
#undef PATH
	};

	if (strcmp(name, "VERSION") == 0)
		return RELEASE_VERSION;
	if (strcmp(name, "DOC_DIR") == 0)
		return DOCDIR;
	if (strcmp(name, "SYSCONF_DIR") == 0)
		return SYSCONFDIR;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (strcmp(paths[i].id, name) == 0)
			return path_of(paths[i].path);
	return NULL;
}

/* @NAME@ at *AT, or the character itself. */
static int at_sign(struct page *p, const char **at, struct err *e)
{
	size_t len = strspn(*at + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
	const char *name = arena_strndup(p->a, *at + 1, len), *value = variable(name);

	if (!len || (*at)[1 + len] != '@') { /* an address */
		str_addc(p->out, *(*at)++);
		return 0;
	}
	if (!value)
		return bad(p, e, "unknown name", name);
	str_add(p->out, "\\%"); /* not hyphenated, but lists of paths may be broken */
	for (; *value; value++)
		str_addf(p->out, *value == '-' ? "\\%c" : *value == ':' ? "%c\\:" : "%c", *value);
	*at += len + 2;
	return 0;
}

static int plain_line(struct page *p, const char *line, struct err *e)
{
	while (*line) {
		size_t n = strcspn(line, "@`");

		str_addn(p->out, line, n);
		line += n;
		if (*line == '@') {
			if (at_sign(p, &line, e) < 0)
				return -1;
		} else if (*line == '`') {
			n = strcspn(line + 1, "`");
			if (!line[n + 1])
				return bad(p, e, "no end of", line);
			roff_code(p->out, arena_strndup(p->a, line + 1, n));
			line += n + 2;
		}
	}
	str_addc(p->out, '\n');
	return 0;
}

static void example(struct page *p, bool on)
{
	if (p->example != on)
		str_add(p->out, on ? ".RS 4\n.EX\n" : ".EE\n.RE\n");
	p->example = on;
}

/* A line that is no marker. */
static int other_line(struct page *p, const char *line, struct err *e)
{
	bool tab = *line == '\t', text = *line && *line != '.';

	if (!tab)
		example(p, false);
	if (text && p->blank)
		str_add(p->out, ".PP\n");
	if (tab)
		example(p, true);
	p->blank = !*line;
	if (tab) {
		roff_line(p->out, line + 1);
		return 0;
	}
	return *line ? plain_line(p, line, e) : 0;
}

static int marker(struct page *p, const char *name, const char *arg, struct err *e)
{
	const struct enum_def *d;

	if (strcmp(name, "COMMAND") == 0)
		return named_command(p, arg, e);
	if (strcmp(name, "HVPARAMS") == 0)
		return key_set(p, keys_hvparams, arg, e);
	if (strcmp(name, "DISKPARAMS") == 0)
		return key_set(p, keys_diskparams, arg, e);
	if (strcmp(name, "PARAMETERS") == 0)
		return parameters_of(p, arg, e);
	if (strcmp(name, "FIELDS") == 0)
		return fields(p, arg, e);
	if (strcmp(name, "OPTIONS") == 0 && *arg)
		return daemon_options(p, arg, e);
	if (strcmp(name, "HOOK") == 0 && str_starts(arg, "KEYS "))
		return hook_keys_of(p, arg + strlen("KEYS "), e);
	if (strcmp(name, "RESOURCES") == 0) {
		resources(p);
	} else if (strcmp(name, "HOOKS") == 0) {
		hooks(p);
	} else if (strcmp(name, "VALUES") == 0 && (d = enumeration(arg))) {
		items(p, d);
	} else if (strcmp(name, "OPTIONS") == 0 && p->cmd && !p->listed) {
		options(p);
	} else if (strcmp(name, "COMMANDS") == 0 && p->prog) {
		other_commands(p);
	} else if (strcmp(name, "COMMON") == 0 && p->prog && strcmp(arg, "OPTIONS") == 0) {
		common_options(p);
	} else {
		return bad(p, e, "unknown or misplaced marker", name);
	}
	return 0;
}

static int one_line(struct page *p, const char *line, struct err *e)
{
	size_t n = strlen(line);

	if (n > 2 && line[0] == '@' && line[n - 1] == '@' && strcspn(line + 1, "@") == n - 2) {
		const char *inner = arena_strndup(p->a, line + 1, n - 2);
		size_t len = strcspn(inner, " ");
		const char *name = arena_strndup(p->a, inner, len);

		if (p->skip && strncmp(name, "COMMAND", strlen("COMMAND")) != 0)
			return 0;
		if (!variable(name)) {
			example(p, false);
			p->blank = false;
			return marker(p, name, inner[len] ? inner + len + 1 : "", e);
		}
	}
	if (str_starts(line, ".SH")) {
		example(p, false);
		end_command(p);
	}
	return p->skip ? 0 : other_line(p, line, e);
}

int dump_man(const char *file, struct str *out, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct page p = { .a = a, .out = out, .file = file };
	const char *base = strrchr(file, '/');
	char *text CLEANUP(freep) = NULL;
	struct strs lines;
	size_t n;
	int r = fs_read(file, 1 << 20, &text, &n);

	if (r < 0)
		return err_sys(e, r, "cannot read %s", file);
	base = base ? base + 1 : file;
	base = arena_strndup(a, base, strcspn(base, "."));
	for (const struct program *prog = programs; prog->name; prog++)
		if (strcmp(prog->name, base) == 0)
			p.prog = prog;
	str_add(out, ".\\\" Made by schema_dump when the package was built: change the file it was made from\n");
	lines = strs_split(a, text, '\n');
	for (size_t i = 0; i < lines.n; i++)
		if (str_starts(lines.v[i], VALUES))
			strs_add(a, &p.explained,
				 arena_strndup(a, lines.v[i] + strlen(VALUES),
					       strcspn(lines.v[i] + strlen(VALUES), "@")));
	for (size_t i = 0; i < lines.n; i++) {
		p.line = (int)i + 1;
		if (i + 1 == lines.n && !*lines.v[i])
			break;
		if (one_line(&p, lines.v[i], e) < 0)
			return -1;
	}
	example(&p, false);
	end_command(&p);
	roff_fold(out);
	return 0;
}
