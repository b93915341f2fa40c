/*
 * Options as upstream's tools take them, that is as Haskell's GetOpt does: options anywhere, long names may be
 * shortened, all errors are collected; then values are read in the order given and the first bad one ends it.
 * The rows are those of src/schema/htools.def.
 */
#include "htools/prog/prog.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct option_row opt_help = { .id = "help", .letter = 'h', .names = "help", .type = OPT_FLAG,
					    .doc = "Show this help and exit" };

/* What upstream calls a value when it cannot be read. */
static const struct {
	const char *dest, *what;
} value_names[] = {
	{ "avoid_disk_moves", "disk moves avoiding factor" },
	{ "avoid_long_solutions", "long-time solutions avoiding factor" },
	{ "job_delay", "job delay" },
	{ "long_solution_threshold", "long-time solution threshold" },
	{ "max_cpu", "parsing max-cpu" },
	{ "max_length", "max solution length" },
	{ "mem_weight", "memory weight factor" },
	{ "min_disk", "min free disk space" },
	{ "min_gain", "min gain" },
	{ "min_gain_limit", "min gain limit" },
	{ "min_score", "min score" },
	{ "minimal_resources", "minimal resources" },
	{ "spindle_use", "parsing spindle-use" },
	{ "static_kvm_node_memory", "static node memory" },
	{ "target_resources", "target resources" },
};

struct given { /* an option on the command line */
	const struct option_row *row;
	const char *value; /* NULL: none */
};
struct parse {
	struct htool *t;
	struct strs argv;
	size_t at;
	const struct option_row *rows[80];
	size_t n_rows;
	struct given *given;
	size_t n_given, cap_given;
	struct str errors, unknown;
};

static const char *metavar(const struct option_row *o)
{
	return o->metavar ? o->metavar : "VALUE";
}

/* --- the table of options --- */

static void short_form(struct str *s, const struct option_row *o)
{
	if (!o->letter)
		return;
	str_addf(s, "-%c", o->letter);
	if (opt_takes_value(o))
		str_addf(s, o->bare ? "[%s]" : " %s", metavar(o));
}

static void long_form(struct str *s, const struct option_row *o)
{
	str_addf(s, "--%s", o->names);
	if (opt_takes_value(o))
		str_addf(s, o->bare ? "[=%s]" : "=%s", metavar(o));
}

/* upstream: usageInfo */
static void usage_table(struct str *out, const struct option_row *const *rows, size_t n)
{
	int w[2] = { 0, 0 };

	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < n; i++) {
			struct str s CLEANUP(str_free) = { 0 }, l CLEANUP(str_free) = { 0 };

			short_form(&s, rows[i]);
			long_form(&l, rows[i]);
			if (pass == 1) {
				str_addf(out, "  %-*s  %-*s  %s\n", w[0], str_get(&s), w[1], str_get(&l), rows[i]->doc);
				continue;
			}
			w[0] = (int)s.len > w[0] ? (int)s.len : w[0];
			w[1] = (int)l.len > w[1] ? (int)l.len : w[1];
		}
	}
}

static void usage(struct str *out, const struct parse *p)
{
	str_addf(out, "%s (ganeti) version %s\nUsage: %s [OPTION...]\n", p->t->name, RELEASE_VERSION, p->t->name);
	usage_table(out, p->rows, p->n_rows);
}

static void version(struct str *out, const struct htool *t)
{
	str_addf(out, "%s (ganeti) version %s\ncompiled with gcc %d.%d\nrunning on linux %s\n", t->name, RELEASE_VERSION, __GNUC__,
		 __GNUC_MINOR__,
#if defined(__x86_64__)
		 "x86_64"
#elif defined(__aarch64__)
		 "aarch64"
#else
		 "unknown"
#endif
	);
}

static const char *completion_kind(const struct option_row *o, struct arena *a)
{
	const char *dest = opt_dest(o);
	bool list = o->type == OPT_LIST;
	struct strs choices = { 0 };

	if (!opt_takes_value(o) || str_eq(dest, "print_nodes") || str_eq(dest, "print_commands") || str_eq(dest, "save") ||
	    str_eq(dest, "reason"))
		return "none";
	if (str_eq(dest, "output_dir"))
		return "dir";
	switch (o->complete) {
	case CPL_NODE:
		return list ? "manynodes" : "onenode";
	case CPL_INSTANCE:
		return "manyinstances";
	case CPL_GROUP:
		return "onegroup";
	case CPL_FILE:
		return "file";
	case CPL_HOST:
		return "host";
	default:
		break;
	}
	if (o->type == OPT_CHOICE) {
		choices = opt_choices(o, a);
		return arena_printf(a, "choices=%s", strs_join(a, &choices, ","));
	}
	return o->type == OPT_INT ? "integer" : o->type == OPT_FLOAT ? "float" : "string";
}

/* upstream: completionInfo */
static void completion(struct str *out, const struct parse *p)
{
	const struct program_row *row = p->t->row;

	for (size_t i = 0; i < p->n_rows; i++) {
		const struct option_row *o = p->rows[i];

		if (o->letter)
			str_addf(out, "-%c,", o->letter);
		str_addf(out, "--%s %s\n", o->names, completion_kind(o, p->t->a));
	}
	if (row->args != CPL_NONE) {
		str_addf(out, "%s %d ", row->args == CPL_FILE ? "file" : "host", row->min);
		str_addf(out, row->max ? "%d\n" : "none\n", row->max);
	}
}

/* --- from words to options --- */

static void give(struct parse *p, const struct option_row *o, const char *value)
{
	GROW(p->given, p->n_given, p->cap_given);
	p->given[p->n_given++] = (struct given){ o, value };
}

static void ambiguous(struct parse *p, const char *opt, const struct option_row *const *found, size_t n)
{
	str_addf(&p->errors, "option `%s' is ambiguous; could be one of:\n", opt);
	usage_table(&p->errors, found, n);
}

/* The argument in the next word, if the option needs one. */
static const char *next_word(struct parse *p, const char *opt, const struct option_row *o)
{
	if (p->at < p->argv.n)
		return p->argv.v[p->at++];
	str_addf(&p->errors, "option `%s' requires an argument %s\n", opt, metavar(o));
	return NULL;
}

static void take_long(struct parse *p, const char *word)
{
	const char *eq = strchr(word, '=');
	const char *opt = arena_strndup(p->t->a, word, eq ? (size_t)(eq - word) : strlen(word));
	const struct option_row *found[80], *exact = NULL;
	size_t n = 0;

	for (size_t i = 0; i < p->n_rows; i++) {
		if (str_eq(p->rows[i]->names, opt + 2))
			exact = p->rows[i];
		if (str_starts(p->rows[i]->names, opt + 2))
			found[n++] = p->rows[i];
	}
	if (exact) {
		found[0] = exact;
		n = 1;
	}
	if (n > 1) {
		ambiguous(p, opt, found, n);
	} else if (n == 0) {
		str_addf(&p->unknown, "unrecognized option `%s'\n", word);
	} else if (!opt_takes_value(found[0])) {
		if (eq)
			str_addf(&p->errors, "option `%s' doesn't allow an argument\n", opt);
		else
			give(p, found[0], NULL);
	} else if (eq || found[0]->bare) {
		give(p, found[0], eq ? eq + 1 : NULL);
	} else {
		const char *value = next_word(p, opt, found[0]);

		if (value)
			give(p, found[0], value);
	}
}

static void take_short(struct parse *p, const char *word)
{
	for (const char *c = word + 1; *c; c++) {
		const struct option_row *o = NULL;
		char opt[3] = { '-', *c, 0 };
		const char *value;

		for (size_t i = 0; i < p->n_rows; i++)
			if (p->rows[i]->letter == *c)
				o = p->rows[i];
		if (!o) {
			str_addf(&p->unknown, "unrecognized option `%s'\n", opt);
			continue;
		}
		if (!opt_takes_value(o)) {
			give(p, o, NULL);
			continue;
		}
		value = c[1] || o->bare ? c + 1 : next_word(p, opt, o);
		if (value)
			give(p, o, *value || !o->bare ? value : NULL);
		return;
	}
}

static void take_words(struct parse *p)
{
	while (p->at < p->argv.n) {
		const char *word = p->argv.v[p->at++];

		if (str_eq(word, "--"))
			break;
		if (str_starts(word, "--"))
			take_long(p, word);
		else if (word[0] == '-' && word[1])
			take_short(p, word);
		else
			strs_add(p->t->a, &p->t->args, word);
	}
	while (p->at < p->argv.n)
		strs_add(p->t->a, &p->t->args, p->argv.v[p->at++]);
}

/* --- from texts to values --- */

static json *list_of(struct arena *a, const char *text)
{
	struct strs l = hs_split(a, text, ',');

	return json_new_strs(&l);
}

/* "+a,b" becomes "+", "a", "b". */
static json *node_fields(struct arena *a, const char *text)
{
	json *l;

	if (text[0] != '+')
		return list_of(a, text);
	l = json_append(json_new_array(), json_new_str("+"));
	for (struct strs f = hs_split(a, text + 1, ','); f.n > 0; f.n--, f.v++)
		json_append(l, json_new_str(f.v[0]));
	return l;
}

/* upstream: parseISpecString; [disk, memory, cpus, spindles] */
static int read_spec(struct arena *a, const char *what, const char *text, json **ret, struct err *e)
{
	struct strs f = hs_split(a, text, ',');
	int64_t v[4] = { 0, 0, 0, 1 };

	if (f.n < 3 || f.n > 4)
		return err_plain(e, "Invalid %s specification: '%s', expected disk,ram,cpu", what, text);
	if (hs_parse_unit(f.v[0], &v[0], e) < 0)
		return err_prefix(e, "%s specs disk", what);
	if (hs_parse_unit(f.v[1], &v[1], e) < 0)
		return err_prefix(e, "%s specs memory", what);
	if (hs_read_int(arena_printf(a, "%s specs cpus", what), f.v[2], &v[2], e) < 0)
		return -1;
	if (f.n == 4 && hs_read_int(arena_printf(a, "%s specs spindles", what), f.v[3], &v[3], e) < 0)
		return -1;
	*ret = json_pack("[I,I,I,I]", v[0], v[1], v[2], v[3]);
	return 0;
}

static int read_choice(const struct option_row *o, const char *text, json **ret, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct strs choices = opt_choices(o, a);

	if (strs_has(&choices, text))
		return opt_value(o, o->names, text, ret, e);
	if (str_eq(opt_dest(o), "priority"))
		return err_plain(e, "Unknown priority '%s'", text);
	if (str_eq(opt_dest(o), "disk_template"))
		return ht_bad_value("DiskTemplate", text, e);
	if (str_eq(opt_dest(o), "explain"))
		return err_plain(e, "Invalid choice '%s', pass one of 'text' or 'json'", text);
	return err_plain(e, "Invalid choice '%s', pass one of 'yes' or 'no'", text);
}

static int read_number(const struct option_row *o, const char *text, json **ret, struct err *e)
{
	const char *what = opt_dest(o);
	int64_t i = 0;
	double d = 0;

	for (size_t k = 0; k < ARRAY_SIZE(value_names); k++)
		if (str_eq(value_names[k].dest, what))
			what = value_names[k].what;
	if (o->type == OPT_INT ? hs_read_int(what, text, &i, e) < 0 : hs_read_double(what, text, &d, e) < 0)
		return -1;
	if (str_eq(opt_dest(o), "max_cpu") && d <= 0)
		return err_plain(e, "Invalid value of the max-cpu ratio, expected >0");
	if (str_eq(opt_dest(o), "spindle_use") && i < 0)
		return err_plain(e, "Invalid value of the spindle-use (expected >= 0)");
	/* JSON has no such numbers; a limit that is not one never holds */
	if (o->type == OPT_FLOAT && !isfinite(d))
		d = isnan(d) || d > 0 ? 1e300 : -1e300;
	*ret = o->type == OPT_INT ? json_new_int(i) : json_new_float(d);
	return 0;
}

static int read_value(struct htool *t, const struct option_row *o, const char *text, json **ret, struct err *e)
{
	const char *dest = opt_dest(o);

	if (!text) {
		if (str_eq(dest, "print_nodes")) {
			*ret = json_new_array();
			return 0;
		}
		return json_parse(o->bare, strlen(o->bare), ret, e);
	}
	if (str_eq(dest, "print_nodes"))
		*ret = node_fields(t->a, text);
	else if (str_eq(dest, "standard_alloc") || str_eq(dest, "tiered_alloc"))
		return read_spec(t->a, *dest == 's' ? "standard" : "tiered", text, ret, e);
	else if (o->type == OPT_INT || o->type == OPT_FLOAT)
		return read_number(o, text, ret, e);
	else if (o->type == OPT_CHOICE)
		return read_choice(o, text, ret, e);
	else if (o->type == OPT_LIST)
		*ret = list_of(t->a, text);
	else
		*ret = json_new_str(text);
	return 0;
}

static int store(struct htool *t, const struct given *g, struct err *e)
{
	const char *dest = opt_dest(g->row);
	json *v = NULL;

	switch (g->row->type) {
	case OPT_FLAG:
	case OPT_FLAG_OFF:
		v = json_new_bool(g->row->type == OPT_FLAG);
		break;
	case OPT_COUNT:
	case OPT_COUNT_DOWN:
		v = json_new_int(json_get_int(t->opts, dest, 0) + (g->row->type == OPT_COUNT ? 1 : -1));
		break;
	default:
		if (read_value(t, g->row, g->value, &v, e) < 0)
			return -1;
	}
	if (g->row->type == OPT_APPEND) { /* upstream puts the last first */
		json *all = json_append(json_new_array(), v);

		json_items(json_get(t->opts, dest), i, old)
			json_append(all, json_ref(old));
		v = all;
	}
	json_set(t->opts, dest, v);
	return 0;
}

static void defaults(struct parse *p)
{
	p->t->opts = json_own(p->t->a, json_new_dict());
	for (size_t i = 0; i < p->n_rows; i++) {
		const struct option_row *o = p->rows[i];
		json *v = NULL;

		if (o->dflt)
			json_parse(o->dflt, strlen(o->dflt), &v, NULL);
		else if (o->type == OPT_FLAG || o->type == OPT_FLAG_OFF)
			v = json_new_bool(o->type == OPT_FLAG_OFF);
		else if (o->type == OPT_COUNT_DOWN && json_has(p->t->opts, opt_dest(o)))
			continue;
		json_set(p->t->opts, opt_dest(o), v);
	}
}

static int finish(struct parse *p, int *ret_exit)
{
	struct htool *t = p->t;
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct str s CLEANUP(str_free) = { 0 };

	str_add(&p->errors, str_get(&p->unknown));
	if (p->errors.len) {
		str_addf(&s, "Command line error: %s\n", str_get(&p->errors));
		usage(&s, p);
		fputs(str_get(&s), stderr);
		*ret_exit = 2;
		return 1;
	}
	for (size_t i = 0; i < p->n_given; i++) {
		if (store(t, &p->given[i], &e) < 0) {
			fprintf(stderr, "Error while parsing command line arguments:\n%s\n", err_msg(&e));
			*ret_exit = 1;
			return 1;
		}
	}
	t->verbose = (int)json_get_int(t->opts, "verbose", 1);
	if (htool_flag(t, "help"))
		usage(&s, p);
	else if (htool_flag(t, "version"))
		version(&s, t);
	else if (htool_flag(t, "help_completion"))
		completion(&s, p);
	else
		return 0;
	out_str(&s);
	*ret_exit = 0;
	return 1;
}

int htool_options(struct htool *t, const struct strs *argv, int *ret_exit)
{
	struct parse p = { .t = t, .argv = *argv };
	int rc;

	for (size_t i = 0; t->row->opts[i]; i++) {
		p.rows[p.n_rows++] = t->row->opts[i];
		if (str_eq(opt_dest(t->row->opts[i]), "version")) /* upstream's order */
			p.rows[p.n_rows++] = &opt_help;
	}
	defaults(&p);
	take_words(&p);
	rc = finish(&p, ret_exit);
	free(p.given);
	str_free(&p.errors);
	str_free(&p.unknown);
	return rc;
}
