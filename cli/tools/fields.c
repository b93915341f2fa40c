/* Query fields, as the query engine knows them. */
#include "cli/tools/dump.h"
#include "src/query/query.h"

json *dump_fields(const char *resource)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct query_env q = { .a = a };
	json *all CLEANUP(json_putp) = NULL;

	if (query_fields(&q, resource, NULL, &all, NULL) < 0)
		return NULL;
	return json_ref(json_get(all, "fields"));
}
