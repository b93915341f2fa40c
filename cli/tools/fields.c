/* Query fields, as the query engine knows them; and how many of everything there are. */
#include "cli/common/common.h"
#include "cli/tools/dump.h"
#include "src/env/env.h"
#include "src/query/query.h"
#include "src/schema/list/lists.h"
#include "src/schema/options.h"
#include "src/schema/rapi.h"

#include <stdio.h>
#include <string.h>

/* Is it something that only we have? */
static bool is_ours(const char *field)
{
	if (strcmp(field, QUERY_WAIT_REASON) == 0)
		return true;
	for (size_t i = 0; i < enum_hypervisor.n && str_starts(field, "hv/"); i++) {
		const struct field *f = record_field(hvparams_record((int)i), field + 3);

		if (f && f->ours)
			return true;
	}
	return false;
}

json *dump_fields(const char *resource)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct query_env q = { .a = a };
	json *all CLEANUP(json_putp) = NULL;

	if (query_fields(&q, resource, NULL, &all, NULL) < 0)
		return NULL;
	json_items(json_get(all, "fields"), i, f)
		if (is_ours(json_get_str(f, "name")))
			json_set(f, "ours", json_new_bool(true));
	return json_ref(json_get(all, "fields"));
}

static void count_fields(const char *resource)
{
	json *fields CLEANUP(json_putp) = dump_fields(resource);
	size_t ours = 0;

	json_items(fields, i, f)
		ours += is_ours(json_get_str(f, "name"));
	printf("fields of %s: %zu", resource, json_len(fields) - ours);
	if (ours)
		printf(" and %zu of our own", ours);
	putchar('\n');
}

/* Those of all opcodes count for none, as in upstream's lists. */
static void count_parameters(size_t *ret, size_t *ret_ours)
{
	const struct record *common = opcode_record(OP_cluster_post_init);

	*ret = *ret_ours = 0;
	for (int i = 0; i < OPCODE_COUNT; i++) {
		const struct record *r = opcode_record((enum opcode)i);

		for (size_t k = 0; k < r->n; k++) {
			if (record_field(common, r->fields[k].name))
				continue;
			if (r->fields[k].ours)
				++*ret_ours;
			else
				++*ret;
		}
	}
}

static size_t count_options(const struct program_row *rows, size_t *ret_programs)
{
	size_t n = 0;

	for (*ret_programs = 0; rows->name; rows++, ++*ret_programs)
		for (const struct option_row *const *o = rows->opts; *o; o++)
			n++;
	return n;
}

static void count_programs(void)
{
	size_t commands = 0, daemons, tools, daemon_options = count_options(daemon_rows, &daemons),
	       tool_options = count_options(htool_rows, &tools);

	for (const struct program *p = programs; p->name; p++)
		commands += p->n;
	printf("commands of gnt programs: %zu\nhtools and collectors: %zu with %zu options\ndaemons: %zu with %zu options\n",
	       commands, tools, tool_options, daemons, daemon_options);
}

static void count_tables(void)
{
	size_t classes = 0, of_clients = 0, codes = 0, hooks = 0, constants = 0, hvparams = 0, ours = 0;

	for (const struct err_row *e = err_rows; e->name; e++)
		if (!e->parent)
			codes++;
		else if (e->client)
			of_clients++;
		else
			classes++;
	for (const struct hook_row *h = hook_rows; h->path; h++)
		hooks++;
	for (const struct const_row *c = const_rows; c->name; c++)
		constants++;
	for (size_t i = 0; i < enum_hypervisor.n; i++) {
		const struct record *r = hvparams_record((int)i);

		for (size_t k = 0; k < r->n; k++)
			ours += r->fields[k].ours;
		hvparams += r->n;
	}
	printf("error classes: %zu with %zu codes and %zu of clients only\nhooks: %zu\nconstants: %zu\nverification codes: %zu\n"
	       "ssconf files: %d\nparameters of %zu hypervisors: %zu",
	       classes, codes, of_clients, hooks, constants, enum_cv_errcode.n, SSCONF_COUNT, enum_hypervisor.n, hvparams - ours);
	if (ours)
		printf(" and %zu of our own", ours);
	putchar('\n');
}

int dump_counts(void)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct strs paths = { 0 };
	size_t parameters, ours, n;
	const struct rapi_row *rows = rapi_rows(&n);
	int our_rpcs = 0;

	count_parameters(&parameters, &ours);
	for (size_t i = 0; i < n; i++)
		if (!strs_has(&paths, rows[i].path))
			strs_add(a, &paths, rows[i].path);
	for (int i = 0; i < RPC_COUNT; i++)
		our_rpcs += rpc_attr((enum rpc)i)->ours;
	printf("opcodes: %d with %zu parameters and %zu of our own\nnode RPCs: %d and %d of our own\nluxi methods: %d\n"
	       "REST resources: %zu with %zu methods\n",
	       OPCODE_COUNT, parameters, ours, RPC_COUNT - our_rpcs, our_rpcs, LUXI_COUNT, paths.n, n);
	for (size_t i = 0; i < enum_query_resource.n; i++)
		count_fields(enum_query_resource.items[i].name);
	count_programs();
	count_tables();
	return 0;
}
