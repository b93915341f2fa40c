/* Queries that come as opcodes: answered by src/query from the worker's own view of the configuration. */
#include "src/lu/lu.h"
#include "src/query/query.h"

#include "lib/base/clock.h"


/* Queries open their own snapshot, and a handle has room for one. */
static struct query_env env_of(struct luctx *lu)
{
	snapshot_freep(&lu->snap);
	lu->cluster = NULL;
	return (struct query_env){ .a = lu->a, .config = lu->config, .rpc = lu->rpc,
				   .now = clock_real() };
}

static int query_check(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_query *op = op_;

	(void)lu;
	if (op->what == query_resource_lock || op->what == query_resource_job)
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "Resource '%s' can't be queried through jobs",
			       enum_name(&enum_query_resource, op->what));
	if (op->use_locking)
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "Queries do not take locks");
	return 0;
}

static int query_exec(struct luctx *lu, const void *op_, json **ret, struct err *e)
{
	const struct op_query *op = op_;
	struct query_env q = env_of(lu);

	TRY(query_run(&q, enum_name(&enum_query_resource, op->what), &op->fields,
		      op->has_qfilter ? op->qfilter : NULL, ret, e));
	return lu_refresh(lu, e);
}

const struct lu lu_query = { .check_args = query_check, .exec = query_exec };

static int fields_exec(struct luctx *lu, const void *op_, json **ret, struct err *e)
{
	const struct op_query_fields *op = op_;
	struct query_env q = env_of(lu);

	TRY(query_fields(&q, enum_name(&enum_query_resource, op->what),
			 op->has_fields ? &op->fields : NULL, ret, e));
	return lu_refresh(lu, e);
}

const struct lu lu_query_fields = { .exec = fields_exec };

/* Old-style answers are rows of plain values; what is not available is null. */
static int plain_rows(struct luctx *lu, enum query_resource what, const struct strs *fields,
		      const json *filter, json **ret, struct err *e)
{
	struct query_env q = env_of(lu);
	json *answer CLEANUP(json_putp) = NULL, *rows;

	TRY(query_run(&q, enum_name(&enum_query_resource, (int)what), fields, filter, &answer, e));
	rows = json_new_array();
	json_items(json_get(answer, "data"), i, row) {
		json *out = json_new_array();

		json_items(row, k, cell)
			json_append(out, json_ref(json_at(cell, 1)));
		json_append(rows, out);
	}
	*ret = rows;
	return lu_refresh(lu, e);
}

static json *any_of(const struct strs *names)
{
	json *any = json_pack("[s]", "|");

	for (size_t i = 0; i < names->n; i++)
		json_append(any, json_pack("[s, s, s]", "=", "name", names->v[i]));
	return any;
}

static int os_exec(struct luctx *lu, const void *op_, json **ret, struct err *e)
{
	const struct op_os_diagnose *op = op_;
	json *filter CLEANUP(json_putp) = json_pack("[s]", "&");

	if (op->names.n)
		json_append(filter, any_of(&op->names));
	/* upstream: who does not ask for these fields gets the definitions fit for use only */
	if (!strs_has(&op->output_fields, "hidden"))
		json_append(filter, json_pack("[s, [s, s]]", "!", "?", "hidden"));
	if (!strs_has(&op->output_fields, "blacklisted"))
		json_append(filter, json_pack("[s, [s, s]]", "!", "?", "blacklisted"));
	if (!strs_has(&op->output_fields, "valid"))
		json_append(filter, json_pack("[s, s]", "?", "valid"));
	return plain_rows(lu, query_resource_os, &op->output_fields, filter, ret, e);
}

static int ext_exec(struct luctx *lu, const void *op_, json **ret, struct err *e)
{
	const struct op_ext_storage_diagnose *op = op_;
	json *filter CLEANUP(json_putp) = op->names.n ? any_of(&op->names) : NULL;

	return plain_rows(lu, query_resource_extstorage, &op->output_fields, filter, ret, e);
}

const struct lu lu_ext_storage_diagnose = { .exec = ext_exec };
const struct lu lu_os_diagnose = { .exec = os_exec };
