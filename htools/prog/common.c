/* What the programs share: option values, loading, tables, saving. */
#include "htools/prog/prog.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void flush(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return;
	if (errno == EPIPE) /* the reader is gone */
		_exit(EXIT_FAILURE);
	perror("htools: cannot write");
	_exit(EXIT_FAILURE);
}

void out_str(const struct str *s)
{
	fwrite(str_get(s), 1, s->len, stdout);
	flush();
}

void out(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	flush();
}

const json *htool_opt(const struct htool *t, const char *dest)
{
	return json_get(t->opts, dest);
}

const char *htool_str(const struct htool *t, const char *dest)
{
	return json_get_str(t->opts, dest);
}

bool htool_flag(const struct htool *t, const char *dest)
{
	return json_get_bool(t->opts, dest, false);
}

int64_t htool_int(const struct htool *t, const char *dest)
{
	return json_get_int(t->opts, dest, 0);
}

json *htool_number(double v)
{
	return v == floor(v) && fabs(v) < 1e15 ? json_new_int((int64_t)v) : json_new_float(v);
}

double htool_float(const struct htool *t, const char *dest)
{
	return json_float(json_get(t->opts, dest), 0);
}

int64_t htool_static_mem(const struct htool *t)
{
	return json_get_int(t->opts, "static_kvm_node_memory", 4096);
}

struct strs htool_list(const struct htool *t, const char *dest)
{
	return json_strs(t->a, json_get(t->opts, dest));
}

int htool_no_args(const struct htool *t, struct err *e)
{
	return t->args.n ? err_plain(e, "This program doesn't take any arguments.") : 0;
}

/* upstream: setNodeStatus */
static int node_status(const struct htool *t, struct ht_cluster *c, struct err *e)
{
	struct strs offline = htool_list(t, "offline"), wrong = { 0 };
	const json *max_cpu = htool_opt(t, "max_cpu");

	for (size_t k = 0; k < offline.n; k++) {
		int found = ht_lookup_node(c, offline.v[k]);

		if (found == HT_NONE)
			strs_add(t->a, &wrong, offline.v[k]);
		for (int i = 0; i < c->n_nodes && found != HT_NONE; i++)
			if (strcmp(c->nodes[i].name, c->nodes[found].name) == 0)
				c->nodes[i].offline = true;
	}
	if (wrong.n)
		return err_plain(e, "wrong node name(s) set as offline: %s\n", strs_join(t->a, &wrong, ", "));
	for (int i = 0; i < c->n_nodes; i++) {
		if (max_cpu)
			ht_node_set_max_cpu(c, &c->nodes[i], json_float(max_cpu, 0));
		ht_node_set_min_disk(&c->nodes[i], htool_float(t, "min_disk"));
	}
	return 0;
}

void htool_show_warnings(const struct strs *warnings)
{
	if (warnings->n == 0)
		return;
	fputs("Warning: cluster has inconsistent data:\n", stderr);
	for (size_t i = 0; i < warnings->n; i++)
		fprintf(stderr, "  - %s\n", warnings->v[i]);
	fputc('\n', stderr);
}

int htool_read(struct htool *t, struct ht_cluster **ret, struct err *e)
{
	const char *rapi = htool_str(t, "master");
	struct strs warnings = { 0 };
	struct ht_source s = {
		.text = htool_str(t, "text_data"),
		.rapi = rapi && *rapi ? rapi : NULL,
		.luxi = htool_str(t, "luxi"),
		.ialloc = htool_str(t, "ialloc_src"),
		.simu = htool_list(t, "simulate"),
		.dynu_file = htool_str(t, "dynu_file"),
		.excl_tags = htool_list(t, "exclusion_tags"),
		.select = htool_list(t, "select_instances"),
		.exclude = htool_list(t, "exclude_instances"),
		.ignore_dynu = htool_flag(t, "ignore_dynu"),
		.mond = htool_flag(t, "mond"),
		.mond_required = htool_flag(t, "exit_on_missing_mond_data"),
		.mond_opts = { .file = htool_str(t, "mond_data"), .xen = htool_flag(t, "mond_xen"),
			       .kvm_rss = htool_flag(t, "mond_kvm_rss") },
		.mem_weight = htool_opt(t, "mem_weight") ? htool_float(t, "mem_weight") : 1,
		.static_kvm_mem = htool_static_mem(t),
	};

	if (ht_load(&s, ret, t->a, &warnings, e) < 0)
		return -1;
	if (t->verbose > 0)
		htool_show_warnings(&warnings);
	return 0;
}

int htool_set_status(struct htool *t, struct ht_cluster *c, struct err *e)
{
	return node_status(t, c, e);
}

void htool_algo_opts(const struct htool *t, struct ht_algo_opts *ret)
{
	*ret = ht_algo_defaults;
	ret->disk_moves = json_get_bool(t->opts, "disk_moves", true);
	ret->inst_moves = json_get_bool(t->opts, "instance_moves", true);
	ret->restricted_migration = htool_flag(t, "restricted_migration");
	ret->ignore_soft_errors = htool_flag(t, "ignore_soft_errors");
	ret->evac_mode = htool_flag(t, "evac_mode");
	ret->min_gain = json_float(htool_opt(t, "min_gain"), ret->min_gain);
	ret->min_gain_limit = json_float(htool_opt(t, "min_gain_limit"), ret->min_gain_limit);
	ret->long_solution_threshold = htool_opt(t, "long_solution_threshold") ? htool_int(t, "long_solution_threshold") : 1000;
	ret->avoid_long_solutions = htool_float(t, "avoid_long_solutions");
	ret->avoid_disk_moves = htool_float(t, "avoid_disk_moves");
	ret->capacity = json_get_bool(t->opts, "capacity_checks", true);
	ret->accept_existing = htool_flag(t, "accept_existing_errors");
}

void htool_print_nodes(const struct htool *t, const char *what, const struct ht_cluster *c, const struct ht_view *v)
{
	struct str s CLEANUP(str_free) = { 0 };
	struct strs fields = htool_list(t, "print_nodes");

	if (!htool_opt(t, "print_nodes"))
		return;
	ht_print_nodes(&s, c, v, &fields);
	fprintf(stderr, "\n%s status:\n%s\n", what, str_get(&s));
}

void htool_print_insts(const struct htool *t, const char *what, const struct ht_cluster *c, const struct ht_view *v)
{
	struct str s CLEANUP(str_free) = { 0 };

	if (!htool_flag(t, "print_instances"))
		return;
	ht_print_insts(&s, c, v);
	fprintf(stderr, "\n%s instance map:\n%s", what, str_get(&s));
}

static const char script_head[] =
	"#!/bin/sh\n\n"
	"# Auto-generated script for executing cluster rebalancing\n\n"
	"# To stop, touch the file /tmp/stop-htools\n\n"
	"set -e\n\n"
	"check() {\n"
	"  if [ -f /tmp/stop-htools ]; then\n"
	"    echo 'Stop requested, exiting'\n"
	"    exit 0\n"
	"  fi\n"
	"}\n\n";

int htool_commands(const struct htool *t, const char *msg, const char *cmds, struct err *e)
{
	const char *path = htool_str(t, "print_commands");
	struct str s CLEANUP(str_free) = { 0 };

	if (!path)
		return 0;
	if (!str_eq(path, "-")) {
		str_addf(&s, "%s%s", script_head, cmds);
		if (ht_write_file(path, str_get(&s), s.len, e) < 0)
			return -1;
		out("The commands have been written to file '%s'", path);
		return 0;
	}
	str_addf(&s, "\n%s\n", msg);
	while (*cmds) {
		size_t n = strcspn(cmds, "\n");

		if (n != 7 || strncmp(cmds, "  check", 7) != 0)
			str_addf(&s, "  %.*s\n", (int)n, cmds);
		cmds += n + (cmds[n] == '\n');
	}
	out_str(&s);
	return 0;
}

int htool_save(const struct htool *t, const struct ht_cluster *c, const char *ext, const char *what, struct err *e)
{
	const char *path = htool_str(t, "save");

	if (!path)
		return 0;
	if (ht_save(c, path, ext, e) < 0)
		return -1;
	fprintf(stderr, "The cluster state %s has been written to file '%s.%s'\n", what, path, ext);
	return 0;
}

void htool_sets_clear(struct htool_sets *s)
{
	for (size_t i = 0; i < s->n; i++)
		json_put(s->v[i].jobs);
	free(s->v);
	*s = (struct htool_sets){ 0 };
}

void htool_add_set(struct htool_sets *s, json *jobs, const char *descr)
{
	GROW(s->v, s->n, s->cap);
	s->v[s->n++] = (struct ht_jobset){ .jobs = jobs, .descr = descr };
}

void htool_add_moves(struct htool *t, struct htool_sets *s, const char *descr, const struct ht_cluster *c,
		     const struct ht_placement *p, int n, const int *set, int n_sets)
{
	for (int js = 0, i = 0; js < n_sets; js++) {
		struct strs names = { 0 };
		json *jobs = json_new_array();

		for (; i < n && set[i] == js; i++) {
			strs_add(t->a, &names, c->insts[p[i].inst].name);
			json_append(jobs, ht_move_opcodes(c, p[i].inst, p[i].move));
		}
		htool_add_set(s, jobs, arena_printf(t->a, "%s%s", descr, strs_join(t->a, &names, ",")));
	}
}

int htool_exec(struct htool *t, const struct htool_sets *s, const char *comment, size_t *ret_done, struct err *e)
{
	const char *reason = htool_str(t, "reason");
	struct ht_exec x = {
		.socket = htool_str(t, "luxi"),
		.comment = arena_printf(t->a, "%s %s", comment, HTOOLS_VERSION),
		.source = t->name,
		.reason = reason ? reason : arena_printf(t->a, "%s %s called", t->name, HTOOLS_VERSION),
		.priority = htool_int(t, "priority"),
	};

	if (ret_done)
		*ret_done = 0;
	if (!htool_flag(t, "exec"))
		return 0;
	if (!x.socket)
		return err_plain(e, "%s: Execution of commands possible only on LUXI", t->name);
	return ht_exec(&x, s->v, s->n, ret_done, e) < 0 ? err_prefix(e, "%s", t->name) : 0;
}
