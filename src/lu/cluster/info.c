/* OP_CLUSTER_CONFIG_QUERY: selected settings, in the order asked for. */
#include "src/lu/lu.h"
#include "src/query/query.h"

#include "lib/base/clock.h"

static int exec(struct luctx *lu, const void *op_, json **ret, struct err *e)
{
	const struct op_cluster_config_query *op = op_;
	struct query_env q = { .a = lu->a, .config = lu->config, .rpc = lu->rpc,
			       .now = clock_real() };
	json *answer CLEANUP(json_putp) = NULL, *values;
	struct strs unknown = { 0 };

	/* the query looks at a state of its own */
	snapshot_freep(&lu->snap);
	lu->cluster = NULL;
	TRY(query_run(&q, enum_name(&enum_query_resource, query_resource_cluster),
		      &op->output_fields, NULL, &answer, e));
	json_items(json_get(answer, "fields"), i, f)
		if (str_eq(json_get_str(f, "kind"), "unknown"))
			strs_add(lu->a, &unknown, json_get_str(f, "name"));
	if (unknown.n)
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "Unknown output fields selected: %s",
			       strs_join(lu->a, &unknown, ", "));
	values = json_new_array();
	json_items(json_at(json_get(answer, "data"), 0), k, cell)
		json_append(values, json_ref(json_at(cell, 1)));
	*ret = values;
	return lu_refresh(lu, e);
}

const struct lu lu_cluster_config_query = { .exec = exec };
