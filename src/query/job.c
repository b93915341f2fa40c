/* Job fields. */
#include "src/query/priv.h"

#include "lib/base/parse.h"
#include "src/lock/lock.h"

#define J(obj) ((const struct job *)(obj))

/* upstream shows times as [seconds, microseconds], null when not reached */
static json *split(double t)
{
	int64_t sec = (int64_t)t, usec = (int64_t)((t - (double)sec) * 1e6 + 0.5);

	if (t <= 0)
		return NULL;
	return json_pack("[I, I]", sec + usec / 1000000, usec % 1000000);
}

static enum qstatus time_of(double t, json **ret)
{
	*ret = split(t);
	return *ret ? QRS_NORMAL : QRS_UNAVAIL;
}

static enum qstatus jobq_id(struct qctx *c, const void *obj, const struct qfield *f, json **ret)
{
	(void)c;
	(void)f;
	*ret = json_new_int(J(obj)->id);
	return QRS_NORMAL;
}

/* A job that was asked for but does not exist has only its id. */
static bool missing(const void *obj)
{
	return J(obj)->received <= 0;
}

#define JOB_FIELD(name, expression)                                                              \
	static enum qstatus jobq_##name(struct qctx *c, const void *obj, const struct qfield *f, \
					json **ret)                                              \
	{                                                                                        \
		(void)c;                                                                         \
		(void)f;                                                                         \
		if (missing(obj))                                                                \
			return QRS_UNAVAIL;                                                      \
		*ret = (expression);                                                             \
		return QRS_NORMAL;                                                               \
	}
JOB_FIELD(archived, json_new_bool(J(obj)->archived))
JOB_FIELD(priority, json_new_int(job_priority((struct job *)J(obj))))
JOB_FIELD(status, json_new_str(enum_name(&enum_job_status, (int)job_status_of(obj))))

static enum qstatus jobq_received_ts(struct qctx *c, const void *obj, const struct qfield *f,
				     json **ret)
{
	(void)c;
	(void)f;
	return missing(obj) ? QRS_UNAVAIL : time_of(J(obj)->received, ret);
}

static enum qstatus jobq_start_ts(struct qctx *c, const void *obj, const struct qfield *f,
				  json **ret)
{
	(void)c;
	(void)f;
	return missing(obj) ? QRS_UNAVAIL : time_of(J(obj)->start, ret);
}

static enum qstatus jobq_end_ts(struct qctx *c, const void *obj, const struct qfield *f, json **ret)
{
	(void)c;
	(void)f;
	return missing(obj) ? QRS_UNAVAIL : time_of(J(obj)->end, ret);
}

/* one value per opcode */
#define OP_FIELD(name, expression)                                                               \
	static enum qstatus jobq_##name(struct qctx *c, const void *obj, const struct qfield *f, \
					json **ret)                                              \
	{                                                                                        \
		(void)c;                                                                         \
		(void)f;                                                                         \
		if (missing(obj))                                                                \
			return QRS_UNAVAIL;                                                      \
		*ret = json_new_array();                                                         \
		for (size_t k = 0; k < J(obj)->n; k++) {                                         \
			const struct job_op *op = &J(obj)->ops[k];                               \
                                                                                                 \
			json_append(*ret, (expression));                                         \
		}                                                                                \
		return QRS_NORMAL;                                                               \
	}
OP_FIELD(opstart, split(op->start))
OP_FIELD(opexec, split(op->exec))
OP_FIELD(opend, split(op->end))
OP_FIELD(oppriority, json_new_int(op->priority))
OP_FIELD(opstatus, json_new_str(enum_name(&enum_job_status, (int)op->status)))
OP_FIELD(opresult, json_ref(op->result))
OP_FIELD(summary, json_new_str(opcode_summary(c->a, op->input)))

/* Secrets in parameters are not shown. */
static json *shown(const json *input)
{
	int op = opcode_find(json_get_str(input, "OP_ID"));
	const struct record *r = op >= 0 ? opcode_record(op) : NULL;
	json *out = json_merge(json_new_dict(), input);

	for (size_t k = 0; r && k < r->n; k++)
		if (r->fields[k].secret && json_get(out, field_wire(&r->fields[k])))
			json_set(out, field_wire(&r->fields[k]), json_new_str("<redacted>"));
	return out;
}
OP_FIELD(ops, shown(op->input))

static enum qstatus jobq_oplog(struct qctx *c, const void *obj, const struct qfield *f, json **ret)
{
	(void)f;
	if (missing(obj) || queue_log_by_op(config_db(c->q->config), J(obj)->id, J(obj)->n, ret, NULL) < 0)
		return QRS_UNAVAIL;
	return QRS_NORMAL;
}

/* Locks are called by UUID; people know names. */
static const char *lock_name(struct qctx *c, const char *level, const char *name)
{
	int lv = lock_level_find(level);
	const struct network *net;
	const char *known = NULL;

	if (name && (lv == LOCK_NODE || lv == LOCK_NODE_RES))
		known = q_node_name(c, name);
	else if (name && lv == LOCK_NODEGROUP)
		known = q_group_name(c, name);
	else if (name && lv == LOCK_NETWORK && (net = snap_network(c->s, name)))
		known = net->name;
	return arena_printf(c->a, "%s/%s", level, known ? known : name ? name : "[lockset]");
}

static void lock_holder(struct qctx *c, struct str *out, const json *level, const json *held)
{
	const json *owners = json_at(held, 1);

	str_add(out, lock_name(c, json_str(level), json_str(json_at(held, 0))));
	str_add(out, json_len(owners) > 1 ? ", which jobs " : ", which job ");
	json_items (owners, i, o)
		str_addf(out, "%s%s (%s)", i ? ", " : "", json_dump_in(c->a, json_at(o, 0)),
			 json_str(json_at(o, 1)));
	str_add(out, json_len(owners) > 1 ? " hold" : " holds");
}

/* "exclusive lock: node/node1, which job 5 holds (shared); job 7 comes first" */
static void lock_reason(struct qctx *c, struct str *out, const json *lock)
{
	const json *level = json_get(lock, "level"), *held = json_get(lock, "held"), *behind = json_get(lock, "behind");

	str_addf(out, "%s lock of level %s", json_get_str(lock, "mode"), json_str(level));
	json_items (held, i, h) {
		str_add(out, i ? "; " : ": ");
		lock_holder(c, out, level, h);
	}
	json_items (behind, i, id)
		str_addf(out, "%s%s", i ? ", " : json_len(behind) > 1 ? "; before it come jobs " : "; before it comes job ",
			 json_dump_in(c->a, id));
}

static enum qstatus jobq_wait_reason(struct qctx *c, const void *obj, const struct qfield *f, json **ret)
{
	struct str out CLEANUP(str_free) = { 0 };
	const json *why = json_get(c->q->waits, arena_printf(c->a, "%lld", (long long)J(obj)->id));

	(void)f;
	if (json_get(why, "lock"))
		lock_reason(c, &out, json_get(why, "lock"));
	else if (json_get_str(why, "text"))
		str_add(&out, json_get_str(why, "text"));
	else
		return QRS_UNAVAIL;
	*ret = json_new_str(str_get(&out));
	return QRS_NORMAL;
}

static int by_number(const void *x, const void *y)
{
	int64_t p = *(const int64_t *)x, q = *(const int64_t *)y;

	return p < q ? -1 : p > q;
}

/* Numbers of the jobs there are, with the archived ones when the query tells them apart. */
static int all_ids(struct qctx *c, struct db *d, int64_t **ret, size_t *ret_n, struct err *e)
{
	int64_t *live, *old = NULL, *all;
	size_t n, n_old = 0;

	if (queue_ids(d, c->a, false, &live, &n, e) < 0 ||
	    (c->archived && queue_ids(d, c->a, true, &old, &n_old, e) < 0))
		return -1;
	all = ARENA_ARRAY(c->a, int64_t, n + n_old + 1);
	for (size_t i = 0; i < n; i++)
		all[i] = live[i];
	for (size_t i = 0; i < n_old; i++)
		all[n + i] = old[i];
	qsort(all, n + n_old, sizeof(*all), by_number);
	*ret = all;
	*ret_n = n + n_old;
	return 0;
}

static int job_collect(struct qctx *c, const struct strs *names, const void ***ret, size_t *ret_n,
		       struct err *e)
{
	struct db *d = config_db(c->q->config);
	int64_t *ids;
	size_t n = 0, k = 0;
	const void **v;

	if (names) {
		ids = ARENA_ARRAY(c->a, int64_t, names->n + 1);
		for (; n < names->n; n++)
			if (parse_int(names->v[n], &ids[n]) < 0)
				return err_set(e, ERR_PREREQ, ECODE_INVAL, "Invalid job ID '%s'",
					       names->v[n]);
	} else if (all_ids(c, d, &ids, &n, e) < 0) {
		return -1;
	}
	v = ARENA_ARRAY(c->a, const void *, n + 1);
	for (size_t i = 0; i < n; i++) {
		struct job *j;

		if (queue_load(d, c->a, ids[i], &j, e) < 0)
			return -1;
		if (!j && names) {
			j = ARENA_NEW(c->a, struct job);
			j->id = ids[i];
		}
		if (j)
			v[k++] = j;
	}
	*ret = v;
	*ret_n = k;
	return 0;
}

struct each {
	int (*fn)(const void *obj, void *arg, struct err *e);
	void *arg;
};

static int one_job(const struct job *j, void *arg, struct err *e)
{
	struct each *x = arg;

	return x->fn(j, x->arg, e);
}

static int job_each(struct qctx *c, int need, int (*fn)(const void *obj, void *arg, struct err *e), void *arg,
		    struct err *e)
{
	return queue_each(config_db(c->q->config), c->archived, need & QN_OPS, one_job,
			  &(struct each){ fn, arg }, e);
}

static void job_rows(struct qrows *r)
{
#define QFIELD QROW
#include "src/query/fields/job.def"
#undef QFIELD
}

const struct qresource qres_job = {
	.name = "job",
	.key = "id",
	.rows = job_rows,
	.collect = job_collect,
	.each = job_each,
};
