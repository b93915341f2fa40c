/* Locks, filter rules and exports. */
#include "src/query/priv.h"

/* --- locks: the master hands over a dump --- */

static enum qstatus lock_field(struct qctx *c, const void *obj, const struct qfield *f, json **ret)
{
	(void)c;
	*ret = json_ref(json_get(obj, f->name));
	return QRS_NORMAL;
}

/* Numbers of jobs; upstream shows who holds a lock as text, for it need not be a job. */
static json *job_texts(struct arena *a, const json *ids)
{
	json *out = json_new_array();

	json_items (ids, i, id)
		json_append(out, json_new_str(json_str(id) ? json_str(id) : json_dump_in(a, id)));
	return out;
}

static enum qstatus lock_owner(struct qctx *c, const void *obj, const struct qfield *f, json **ret)
{
	(void)f;
	*ret = job_texts(c->a, json_get(obj, "owner"));
	return QRS_NORMAL;
}

static enum qstatus lock_pending(struct qctx *c, const void *obj, const struct qfield *f,
				 json **ret)
{
	const json *v = json_get(obj, "pending");

	(void)f;
	if (!json_is(v, JSON_ARRAY)) {
		*ret = json_ref((json *)v);
		return QRS_NORMAL;
	}
	*ret = json_new_array();
	json_items (v, i, p)
		json_append(*ret,
			    json_pack("[O, o]", json_at(p, 0), job_texts(c->a, json_at(p, 1))));
	return QRS_NORMAL;
}

static int lock_collect(struct qctx *c, const struct strs *names, const void ***ret, size_t *ret_n,
			struct err *e)
{
	size_t n = json_len(c->q->locks), k = 0;
	const void **v = ARENA_ARRAY(c->a, const void *, n + 1);

	(void)e;
	json_items (c->q->locks, i, l)
		if (!names || strs_has(names, json_get_str(l, "name")))
			v[k++] = l;
	*ret = v;
	*ret_n = k;
	return 0;
}

static void lock_rows(struct qrows *r)
{
#define QFIELD QROW
#include "src/query/fields/lock.def"
#undef QFIELD
}

const struct qresource qres_lock = {
	.name = "lock",
	.key = "name",
	.rows = lock_rows,
	.collect = lock_collect,
};

/* --- filter rules --- */

static int filter_collect(struct qctx *c, const struct strs *names, const void ***ret,
			  size_t *ret_n, struct err *e)
{
	return q_collect(c, OBJ_FILTER, names, ret, ret_n, e);
}

static void filter_rows(struct qrows *r)
{
#define QFIELD QROW
#include "src/query/fields/filter.def"
#undef QFIELD
}

const struct qresource qres_filter = {
	.name = "filter",
	.key = "uuid",
	.record = rec_filter,
	.rows = filter_rows,
	.collect = filter_collect,
};

/* --- exports: one row per export, and one without data for a node that does not answer --- */

struct export
{
	const char *node, *name;
	enum qstatus status;
};

static enum qstatus export_node(struct qctx *c, const void *obj, const struct qfield *f, json **ret)
{
	(void)c;
	(void)f;
	return q_str(((const struct export *)obj)->node, ret);
}

static enum qstatus export_export(struct qctx *c, const void *obj, const struct qfield *f,
				  json **ret)
{
	const struct export *x = obj;

	(void)c;
	(void)f;
	return x->status == QRS_NORMAL ? q_str(x->name, ret) : x->status;
}

static int export_collect(struct qctx *c, const struct strs *names, const void ***ret,
			  size_t *ret_n, struct err *e)
{
	const void **nodes, **v = NULL;
	size_t n, k = 0, cap = 0;
	struct rpc_node *to;
	struct rpc_answer *answers;

	if (q_collect(c, OBJ_NODE, names, &nodes, &n, e) < 0)
		return -1;
	if (!c->q->rpc)
		return err_set(e, ProgrammerError, NULL, "exports need a node RPC client");
	to = ARENA_ARRAY(c->a, struct rpc_node, n + 1);
	for (size_t i = 0; i < n; i++)
		to[i] = q_rpc_node(nodes[i]);
	if (rpc_multi(c->q->rpc, c->a, RPC_export_list, to, n, json_new_array(), NULL, 0, &answers,
		      e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct strs l = json_strs(c->a, answers[i].payload);

		if (answers[i].offline || answers[i].failed)
			strs_add(c->a, &l, "");
		for (size_t x = 0; x < l.n; x++) {
			struct export *row = ARENA_NEW(c->a, struct export);

			*row = (struct export){ to[i].name, l.v[x],
						answers[i].offline  ? QRS_OFFLINE
						: answers[i].failed ? QRS_NODATA
								    : QRS_NORMAL };
			GROW(v, k, cap);
			v[k++] = row;
		}
	}
	*ret = arena_dup(c->a, v, k * sizeof(*v));
	free(v);
	*ret_n = k;
	return 0;
}

static void export_rows(struct qrows *r)
{
#define QFIELD QROW
#include "src/query/fields/export.def"
#undef QFIELD
}

const struct qresource qres_export = {
	.name = "export",
	.key = "node",
	.rows = export_rows,
	.collect = export_collect,
};
