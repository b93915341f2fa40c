/* One query from request to answer, and the luxi methods that read. */
#include "src/query/priv.h"

#include "lib/base/parse.h"
#include "src/query/info.h"

#define SNAPSHOT_AGE 1.0
#define ANSWER_MAX (64u << 20) /* what the master passes on */

static const char *const kind_names[] = { "unknown", "text", "bool",	  "number",
					  "float",   "unit", "timestamp", "other" };

static int during_rpc(void *arg)
{
	snapshot_rest(((struct qctx *)arg)->s, SNAPSHOT_AGE);
	return 0;
}

static int context(struct query_env *q, const struct qresource *r, struct qctx *c, struct err *e)
{
	*c = (struct qctx){ .q = q, .a = q->a, .res = r };
	if (q->config && snapshot_open(q->config, &c->s, e) < 0)
		return -1;
	c->polls = q->rpc && !rpc_polled(q->rpc);
	if (c->polls)
		rpc_set_poll(q->rpc, during_rpc, c);
	return 0;
}

static void context_done(struct qctx *c)
{
	if (c->polls)
		rpc_set_poll(c->q->rpc, NULL, NULL);
	map_freep(&c->live);
	map_freep(&c->running);
	map_freep(&c->console);
	snapshot_free(c->s);
}

static json *describe(const char *name, const struct qfield *f)
{
	return json_pack("{s:s, s:s, s:s, s:s}", "name", name, "title", f ? f->title : name, "kind",
			 kind_names[f ? f->kind : QK_UNKNOWN], "doc",
			 f ? f->doc : "Unknown field");
}

static int resource(const char *what, const struct qresource **ret, struct err *e)
{
	*ret = qresource_find(what);
	if (*ret)
		return 0;
	return err_set(e, ERR_PREREQ, ECODE_INVAL, "Query resource '%s' unknown", what ? what : "");
}

int query_fields(struct query_env *q, const char *what, const struct strs *fields, json **ret,
		 struct err *e)
{
	const struct qresource *r;
	json *list;

	(void)q;
	if (resource(what, &r, e) < 0)
		return -1;
	list = json_new_array();
	if (fields && fields->n) {
		for (size_t i = 0; i < fields->n; i++)
			json_append(list, describe(fields->v[i],
						   qresource_field(r, fields->v[i])));
	} else {
		size_t n;
		const struct qfield *v = qresource_fields(r, &n);

		for (size_t i = 0; i < n; i++)
			json_append(list, describe(v[i].name, &v[i]));
	}
	*ret = json_pack("{s:o}", "fields", list);
	return 0;
}

static json *row(struct qctx *c, const struct qfield *const *fields, size_t n, const void *obj)
{
	json *out = json_new_array();

	for (size_t i = 0; i < n; i++) {
		json *v = NULL;
		enum qstatus st = fields[i] ? fields[i]->get(c, obj, fields[i], &v) : QRS_UNKNOWN;

		json_append(out, json_pack("[i, o]", st, v));
	}
	return out;
}

/* The same as text: of a hundred thousand rows, no tree is made. */
static void row_text(struct qctx *c, const struct qfield *const *fields, size_t n, const void *obj,
		     struct str *out)
{
	for (size_t i = 0; i < n; i++) {
		json *v CLEANUP(json_putp) = NULL;
		enum qstatus st = fields[i] ? fields[i]->get(c, obj, fields[i], &v) : QRS_UNKNOWN;

		str_add(out, i ? ",[" : "[[");
		str_addc(out, (char)('0' + st));
		str_addc(out, ',');
		json_dump_to(out, v);
		str_addc(out, ']');
	}
	str_add(out, n ? "]" : "[]");
}

/* Keep the objects the filter accepts. */
static int select_objects(struct qctx *c, const struct qfilter *f, const void **v, size_t *n,
			  struct err *e)
{
	size_t k = 0;

	for (size_t i = 0; i < *n; i++) {
		int r = qfilter_match(f, c, v[i], e);

		if (r < 0)
			return -1;
		if (r)
			v[k++] = v[i];
	}
	*n = k;
	return 0;
}

/* RET with NULL for the unknown ones. What they need to be fetched. */
static int find_fields(struct qctx *c, const struct strs *fields, const struct qfield ***ret)
{
	const struct qfield **v = ARENA_ARRAY(c->a, const struct qfield *, fields->n + 1);
	int need = 0;

	for (size_t i = 0; i < fields->n; i++) {
		v[i] = qresource_field(c->res, fields->v[i]);
		need |= v[i] ? v[i]->need : 0;
	}
	c->archived = strs_has(fields, "archived");
	*ret = v;
	return need;
}

/* LIMIT: names asked for, or NULL. */
static int collect(struct qctx *c, const struct strs *fields, const json *filter,
		   const struct strs *limit, const struct qfield ***ret_fields,
		   const void ***ret_objs, size_t *ret_n, struct err *e)
{
	struct qfilter *f;
	struct strs names = { 0 };
	int need = find_fields(c, fields, ret_fields), before;

	if (qfilter_compile(c->a, c->res, filter, &f, e) < 0)
		return -1;
	if (!limit && qfilter_names(f, c->a, &names)) {
		limit = &names;
		f = NULL;
	}
	if (c->res->collect(c, limit, ret_objs, ret_n, e) < 0)
		return -1;
	before = qfilter_needs(f);
	if (!before && select_objects(c, f, *ret_objs, ret_n, e) < 0)
		return -1;
	if ((need | before) && c->res->fetch &&
	    c->res->fetch(c, *ret_objs, *ret_n, need | before, e) < 0)
		return -1;
	if (before && select_objects(c, f, *ret_objs, ret_n, e) < 0)
		return -1;
	return 0;
}

static json *describe_all(const struct strs *fields, const struct qfield *const *v)
{
	json *l = json_new_array();

	for (size_t i = 0; i < fields->n; i++)
		json_append(l, describe(fields->v[i], v[i]));
	return l;
}

int query_run(struct query_env *q, const char *what, const struct strs *fields, const json *filter,
	      json **ret, struct err *e)
{
	const struct qresource *r;
	const struct qfield **fv;
	const void **v;
	struct qctx c;
	size_t n;
	json *data;
	int failed;

	if (resource(what, &r, e) < 0 || context(q, r, &c, e) < 0)
		return -1;
	failed = collect(&c, fields, filter, NULL, &fv, &v, &n, e);
	if (!failed) {
		data = json_new_array();
		for (size_t i = 0; i < n; i++)
			json_append(data, row(&c, fv, fields->n, v[i]));
		*ret = json_pack("{s:o, s:o}", "fields", describe_all(fields, fv), "data", data);
	}
	context_done(&c);
	return failed;
}

/* The rows of a resource whose objects come one by one. */
struct rows {
	struct qctx *c;
	const struct qfield *const *fields;
	size_t n, rows;
	const struct qfilter *filter;
	struct str *out;
};

static int add_row(const void *obj, void *arg, struct err *e)
{
	struct rows *r = arg;
	struct arena *all = r->c->a, *a CLEANUP(arena_freep) = arena_new();
	int match;

	r->c->a = a;
	match = qfilter_match(r->filter, r->c, obj, e);
	if (match > 0) {
		if (r->rows++)
			str_addc(r->out, ',');
		row_text(r->c, r->fields, r->n, obj, r->out);
	}
	r->c->a = all;
	if (match >= 0 && r->out->len > ANSWER_MAX)
		return err_set(e, GenericError, NULL, "The answer is too long, ask for less");
	return match < 0 ? -1 : 0;
}

/* 1: not to be done this way */
static int stream_text(struct qctx *c, const struct strs *fields, const json *filter, struct str *out,
		       struct err *e)
{
	const struct qfield **fv;
	struct strs names = { 0 };
	struct qfilter *f;
	json *defs;
	int need;

	if (!c->res->each)
		return 1;
	if (qfilter_compile(c->a, c->res, filter, &f, e) < 0)
		return -1;
	if (qfilter_names(f, c->a, &names))
		return 1;
	need = find_fields(c, fields, &fv);
	defs = describe_all(fields, fv);
	str_add(out, "{\"fields\":");
	json_dump_to(out, defs);
	json_put(defs);
	str_add(out, ",\"data\":[");
	if (c->res->each(c, need | qfilter_needs(f), add_row,
			 &(struct rows){ .c = c, .fields = fv, .n = fields->n, .filter = f, .out = out }, e) < 0)
		return -1;
	str_add(out, "]}");
	return 0;
}

static int run_text(struct query_env *q, const char *what, const struct strs *fields,
		    const json *filter, struct str *out, struct err *e)
{
	const struct qfield **fv;
	const void **v;
	struct qctx c;
	json *defs;
	size_t n;
	int failed;

	if (context(q, qresource_find(what), &c, e) < 0)
		return -1;
	failed = stream_text(&c, fields, filter, out, e);
	if (failed <= 0) {
		context_done(&c);
		return failed;
	}
	failed = collect(&c, fields, filter, NULL, &fv, &v, &n, e);
	if (!failed) {
		defs = describe_all(fields, fv);
		str_add(out, "{\"fields\":");
		json_dump_to(out, defs);
		json_put(defs);
		str_add(out, ",\"data\":[");
		for (size_t i = 0; i < n; i++) {
			if (i)
				str_addc(out, ',');
			row_text(&c, fv, fields->n, v[i], out);
		}
		str_add(out, "]}");
	}
	context_done(&c);
	return failed;
}

static int fields_known(struct query_env *q, const struct qresource *r, const struct strs *fields,
			struct err *e)
{
	struct strs unknown = { 0 };

	for (size_t i = 0; i < fields->n; i++)
		if (!qresource_field(r, fields->v[i]))
			strs_add(q->a, &unknown, fields->v[i]);
	if (!unknown.n)
		return 0;
	return err_set(e, ERR_PREREQ, ECODE_INVAL, "Unknown output fields selected: %s",
		       strs_join(q->a, &unknown, ", "));
}

/* The older methods: names and fields in, plain values out, unknown fields refused. LIMIT NULL = all. */
static int plain(struct query_env *q, const struct qresource *r, const struct strs *fields,
		 const struct strs *limit, json **ret, struct err *e)
{
	const struct qfield **fv;
	const void **v;
	struct qctx c;
	size_t n = 0;
	int failed;

	if (fields_known(q, r, fields, e) < 0 || context(q, r, &c, e) < 0)
		return -1;
	failed = collect(&c, fields, NULL, limit, &fv, &v, &n, e);
	if (failed && e && e->code == ECODE_NOENT) { /* upstream: names not found give no row */
		err_clear(e);
		failed = 0;
		n = 0;
	}
	if (!failed)
		*ret = json_new_array();
	for (size_t i = 0; !failed && i < n; i++) {
		json *line = json_new_array();

		for (size_t k = 0; k < fields->n; k++) {
			json *val = NULL;

			fv[k]->get(&c, v[i], fv[k], &val);
			json_append(line, val);
		}
		json_append(*ret, line);
	}
	context_done(&c);
	return failed;
}

static int query_old(struct query_env *q, const char *what, const json *names,
		     const struct strs *fields, json **ret, struct err *e)
{
	struct strs limit = json_strs(q->a, names);

	return plain(q, qresource_find(what), fields, limit.n ? &limit : NULL, ret, e);
}

/* A missing job gives a row with only its number; no numbers are all jobs. Plain errors are those of
 * parsing. */
static int query_jobs(struct query_env *q, const json *ids, const struct strs *fields, json **ret,
		      struct err *e)
{
	struct strs limit = { 0 };

	json_items(ids, i, id) {
		int64_t num;

		if (check_job_id(id, e) < 0)
			return -1;
		num = json_int(id, 0);
		if (json_str(id) && parse_int(json_str(id), &num) < 0)
			return err_plain(e, "parsing job id: could not parse string '%s'",
					 json_str(id));
		strs_add(q->a, &limit, arena_printf(q->a, "%lld", (long long)num));
	}
	return plain(q, &qres_job, fields, limit.n ? &limit : NULL, ret, e);
}

/* Upstream's wording for arguments it cannot read; its JSON has spaces after commas. */
static int bad_args(struct query_env *q, json *args, struct err *e)
{
	return err_prefix(e, "Failed to parse request: Cannot convert value '%s', error",
			  json_dump_spaced_in(q->a, args));
}

/* The resource a luxi client may ask for. METHOD: for messages. */
static int luxi_resource(struct query_env *q, json *args, enum luxi method, struct err *e)
{
	const char *what = json_str(json_at(args, 0));
	const struct qresource *r = qresource_find(what);

	if (!r || r == &qres_extstorage) { /* upstream's luxid has never heard of that one */
		err_plain(e, "Can't parse value '%s' as neitherQueryTypeLuxi nor QueryTypeOp",
			  what ? what : "null");
		return bad_args(q, args, e);
	}
	if (r->op_only)
		return err_set(e, GenericError, NULL, "%s 'ItemTypeOpCode %s' not supported",
			       luxi_name(method), r == &qres_os ? "QROs" : "QRCluster");
	return 0;
}

static int luxi_query_fields(struct query_env *q, json *args, json **ret, struct err *e)
{
	struct strs fields = json_strs(q->a, json_at(args, 1));

	if (luxi_resource(q, args, LUXI_QueryFields, e) < 0)
		return -1;
	return query_fields(q, json_str(json_at(args, 0)), json_at(args, 1) ? &fields : NULL, ret, e);
}

static int luxi_query(struct query_env *q, json *args, struct str *out, struct err *e)
{
	struct strs fields = json_strs(q->a, json_at(args, 1));
	int failed;

	if (luxi_resource(q, args, LUXI_Query, e) < 0)
		return -1;
	failed = run_text(q, json_str(json_at(args, 0)), &fields, json_at(args, 2), out, e);
	if (failed && e && !e->cls) /* only the filter parser gives plain errors */
		return bad_args(q, args, e);
	return failed;
}

static int luxi_old(struct query_env *q, const char *what, json *args, json **ret, struct err *e)
{
	struct strs fields = json_strs(q->a, json_at(args, 1));

	if (json_boolean(json_at(args, 2), false))
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "Sync queries are not allowed");
	return query_old(q, what, json_at(args, 0), &fields, ret, e);
}

static int luxi_exports(struct query_env *q, json *args, json **ret, struct err *e)
{
	struct strs fields = { 0 };

	strs_add(q->a, &fields, "node");
	strs_add(q->a, &fields, "export");
	if (json_boolean(json_at(args, 1), false))
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "Sync queries are not allowed");
	return query_old(q, "export", json_at(args, 0), &fields, ret, e);
}

static int luxi_other(struct query_env *q, enum luxi method, json *args, json **ret, struct err *e)
{
	struct strs fields;

	switch (method) {
	case LUXI_QueryFields:
		return luxi_query_fields(q, args, ret, e);
	case LUXI_QueryJobs:
		fields = json_strs(q->a, json_at(args, 1));
		if (query_jobs(q, json_at(args, 0), &fields, ret, e) == 0)
			return 0;
		return e && !e->cls ? bad_args(q, json_at(args, 0), e) : -1;
	case LUXI_QueryFilters:
		fields = json_strs(q->a, json_at(args, 1));
		return query_old(q, "filter", json_at(args, 0), &fields, ret, e);
	case LUXI_QueryInstances:
		return luxi_old(q, "instance", args, ret, e);
	case LUXI_QueryNodes:
		return luxi_old(q, "node", args, ret, e);
	case LUXI_QueryGroups:
		return luxi_old(q, "group", args, ret, e);
	case LUXI_QueryNetworks:
		return luxi_old(q, "network", args, ret, e);
	case LUXI_QueryExports:
		return luxi_exports(q, args, ret, e);
	case LUXI_QueryTags:
		if (query_tags(q, args, ret, e) == 0)
			return 0;
		return e && !e->cls ? bad_args(q, args, e) : -1;
	case LUXI_QueryClusterInfo:
		return query_cluster_info(q, ret, e);
	case LUXI_QueryConfigValues:
		return query_config_values(q, json_at(args, 0), ret, e);
	default:
		return err_set(e, ProgrammerError, NULL, "%s is not a query", luxi_name(method));
	}
}

int query_luxi(struct query_env *q, enum luxi method, json *args, struct str *out, struct err *e)
{
	json *result CLEANUP(json_putp) = NULL;

	if (method == LUXI_Query)
		return luxi_query(q, args, out, e);
	if (luxi_other(q, method, args, &result, e) < 0)
		return -1;
	json_dump_to(out, result);
	return 0;
}
