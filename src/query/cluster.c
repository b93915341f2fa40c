/* Fields of the cluster: one object. */
#include "src/query/info.h"
#include "src/query/priv.h"

static enum qstatus cluster_architecture(struct qctx *c, const void *obj, const struct qfield *f,
					 json **ret)
{
	(void)c;
	(void)obj;
	(void)f;
	*ret = architecture();
	return QRS_NORMAL;
}

static enum qstatus cluster_number(struct qctx *c, const void *obj, const struct qfield *f,
				   json **ret)
{
	(void)c;
	(void)obj;
	*ret = json_new_int((int64_t)f->index);
	return QRS_NORMAL;
}

static enum qstatus cluster_text(struct qctx *c, const void *obj, const struct qfield *f,
				 json **ret)
{
	(void)c;
	(void)obj;
	return q_str(f->key, ret);
}

static enum qstatus cluster_drain_flag(struct qctx *c, const void *obj, const struct qfield *f,
				       json **ret)
{
	bool drained = false;

	(void)obj;
	(void)f;
	if (queue_flag_get(config_db(c->q->config), "drained", &drained, NULL) < 0)
		return QRS_NODATA;
	*ret = json_new_bool(drained);
	return QRS_NORMAL;
}

static enum qstatus cluster_master_node(struct qctx *c, const void *obj, const struct qfield *f,
					json **ret)
{
	(void)f;
	return q_str(q_node_name(c, ((const struct cluster *)obj)->master_node), ret);
}

static enum qstatus cluster_watcher_pause(struct qctx *c, const void *obj, const struct qfield *f,
					  json **ret)
{
	(void)obj;
	(void)f;
	*ret = watcher_pause(c->a, c->q->now);
	return *ret ? QRS_NORMAL : QRS_UNAVAIL;
}

static int cluster_collect(struct qctx *c, const struct strs *names, const void ***ret,
			   size_t *ret_n, struct err *e)
{
	const struct cluster *cl = snap_cluster(c->s);

	(void)e;
	*ret = ARENA_ARRAY(c->a, const void *, 1);
	(*ret)[0] = cl;
	*ret_n = !names || strs_has(names, cl->cluster_name);
	return 0;
}

static void cluster_rows(struct qrows *r)
{
#define QFIELD QROW
#include "src/query/fields/cluster.def"
#undef QFIELD
}

const struct qresource qres_cluster = {
	.name = "cluster",
	.key = "name",
	.op_only = true,
	.record = rec_cluster,
	.rows = cluster_rows,
	.collect = cluster_collect,
};
