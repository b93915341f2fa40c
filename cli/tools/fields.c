/* Query fields, as the query engine knows them; and how many of everything there are. */
#include "cli/tools/dump.h"
#include "src/query/query.h"
#include "src/schema/rapi.h"

#include <stdio.h>

json *dump_fields(const char *resource)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct query_env q = { .a = a };
	json *all CLEANUP(json_putp) = NULL;

	if (query_fields(&q, resource, NULL, &all, NULL) < 0)
		return NULL;
	return json_ref(json_get(all, "fields"));
}

/* Is it the value of a hypervisor parameter that only we have? */
static bool is_ours(const char *field)
{
	for (size_t i = 0; i < enum_hypervisor.n && str_starts(field, "hv/"); i++) {
		const struct field *f = record_field(hvparams_record((int)i), field + 3);

		if (f && f->ours)
			return true;
	}
	return false;
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

int dump_counts(void)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct strs paths = { 0 };
	size_t parameters = 0, n;
	const struct rapi_row *rows = rapi_rows(&n);

	for (int i = 0; i < OPCODE_COUNT; i++)
		for (size_t k = 0; k < opcode_record((enum opcode)i)->n; k++)
			/* those of all opcodes count once for none, as in upstream's lists */
			parameters += !record_field(opcode_record(OP_cluster_post_init),
						    opcode_record((enum opcode)i)->fields[k].name);
	for (size_t i = 0; i < n; i++)
		if (!strs_has(&paths, rows[i].path))
			strs_add(a, &paths, rows[i].path);
	printf("opcodes: %d with %zu parameters\nnode RPCs: %d\nluxi methods: %d\n"
	       "REST resources: %zu with %zu methods\n",
	       OPCODE_COUNT, parameters, RPC_COUNT, LUXI_COUNT, paths.n, n);
	for (size_t i = 0; i < enum_query_resource.n; i++)
		count_fields(enum_query_resource.items[i].name);
	return 0;
}
