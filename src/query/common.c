/* Rows, resources and getters shared by all resources. */
#include "src/query/priv.h"

#include <stdio.h>

void qrows_add(struct qrows *r, const struct qfield *f)
{
	GROW(r->v, r->n, r->cap);
	r->v[r->n++] = *f;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* patterns are row literals with one %zu */
void qrows_family(struct qrows *r, const char *name, const char *title, size_t count,
		  const struct qfield *proto)
{
	for (size_t i = 0; i < count; i++) {
		struct qfield f = *proto;

		f.name = xasprintf(name, i);
		f.title = xasprintf(title, i);
		f.index = i;
		qrows_add(r, &f);
	}
}
#pragma GCC diagnostic pop

static enum qkind kind_of(const struct type *t)
{
	if (t == &type_bool)
		return QK_BOOL;
	if (t == &type_size_mib)
		return QK_UNIT;
	if (t == &type_num)
		return QK_FLOAT;
	return t == &type_int || t == &type_uint || t == &type_pint ? QK_NUMBER : QK_OTHER;
}

static bool has_row(const struct qrows *r, const char *name)
{
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->v[i].name, name) == 0)
			return true;
	return false;
}

void qrows_params(struct qrows *r, const char *prefix, const struct record *rec, qgetter get)
{
	for (size_t i = 0; i < rec->n; i++) {
		const struct field *p = &rec->fields[i];
		char *name = xasprintf("%s%s", prefix, field_wire(p));
		struct qfield f = { .name = name,
				    .title = p->title ? p->title : name,
				    .kind = kind_of(p->type),
				    .get = get,
				    .key = field_wire(p),
				    .doc = p->doc };

		if (p->global || has_row(r, name))
			free(name);
		else
			qrows_add(r, &f);
	}
}

static const struct qresource *const resources[] = {
	&qres_instance, &qres_node, &qres_group,  &qres_network,
	&qres_job,	&qres_lock, &qres_filter, &qres_export, &qres_os,
	&qres_extstorage, &qres_cluster,
};

const struct qresource *qresource_find(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(resources); i++)
		if (strcmp(resources[i]->name, name) == 0)
			return resources[i];
	return NULL;
}

static int by_name(const void *x, const void *y)
{
	return str_natcmp(((const struct qfield *)x)->name, ((const struct qfield *)y)->name);
}

const struct qfield *qresource_fields(const struct qresource *r, size_t *ret_n)
{
	static struct qrows made[ARRAY_SIZE(resources)]; /* once per process */
	size_t i = 0;

	while (resources[i] != r)
		i++;
	if (!made[i].n) {
		r->rows(&made[i]);
		qsort(made[i].v, made[i].n, sizeof(*made[i].v), by_name);
	}
	*ret_n = made[i].n;
	return made[i].v;
}

const struct qfield *qresource_field(const struct qresource *r, const char *name)
{
	size_t n;
	const struct qfield key = { .name = name }, *v = qresource_fields(r, &n);

	return bsearch(&key, v, n, sizeof(*v), by_name);
}

enum qstatus own_field(struct qctx *c, const void *obj, const struct qfield *f, json **ret)
{
	const struct field *field = record_field(c->res->record(), f->key ? f->key : f->name);

	*ret = field_emit(field, obj);
	return *ret ? QRS_NORMAL : QRS_UNAVAIL;
}

enum qstatus q_str(const char *s, json **ret)
{
	if (!s)
		return QRS_UNAVAIL;
	*ret = json_new_str(s);
	return QRS_NORMAL;
}

const char *q_node_name(struct qctx *c, const char *uuid)
{
	const struct node *n = uuid ? snap_node(c->s, uuid) : NULL;

	return n ? n->name : NULL;
}

const char *q_group_name(struct qctx *c, const char *uuid)
{
	const struct nodegroup *g = uuid ? snap_group(c->s, uuid) : NULL;

	return g ? g->name : NULL;
}

static const void *object(struct qctx *c, enum obj_kind k, const char *uuid, const char **ret_name)
{
	const struct node *n;
	const struct nodegroup *g;
	const struct instance *i;
	const struct network *w;
	const struct filter *f;

	switch (k) {
	case OBJ_NODE:
		n = snap_node(c->s, uuid);
		*ret_name = n ? n->name : NULL;
		return n;
	case OBJ_NODEGROUP:
		g = snap_group(c->s, uuid);
		*ret_name = g ? g->name : NULL;
		return g;
	case OBJ_INSTANCE:
		i = snap_instance(c->s, uuid);
		*ret_name = i ? i->name : NULL;
		return i;
	case OBJ_NETWORK:
		w = snap_network(c->s, uuid);
		*ret_name = w ? w->name : NULL;
		return w;
	case OBJ_FILTER:
		f = snap_filter(c->s, uuid);
		*ret_name = f ? f->uuid : NULL;
		return f;
	default:
		abort();
	}
}

json *q_names(struct qctx *c, enum obj_kind k, const struct strs *uuids)
{
	struct strs names = { 0 };

	for (size_t i = 0; i < uuids->n; i++) {
		const char *name;

		if (object(c, k, uuids->v[i], &name))
			strs_add(c->a, &names, name);
	}
	strs_sort_nat(&names);
	return json_new_strs(&names);
}

struct rpc_node q_rpc_node(const struct node *n)
{
	return (struct rpc_node){ .name = n->name, .ip = n->primary_ip, .offline = n->offline };
}

/* The object called NAME; its UUID. Upstream's text: "Instance name x not found". */
static int find(struct qctx *c, enum obj_kind k, const char *name, const char **ret, struct err *e)
{
	static const char *const labels[OBJ_KINDS] = {
		[OBJ_NODE] = "Node",	     [OBJ_NODEGROUP] = "Group",
		[OBJ_INSTANCE] = "Instance", [OBJ_NETWORK] = "Network",
		[OBJ_FILTER] = "Filter",
	};
	const struct node *n;
	const struct nodegroup *g;
	const struct instance *i;
	const struct network *w;
	int r = -1;

	if (k == OBJ_NODE && (r = snap_find_node(c->s, name, &n, NULL)) == 0)
		*ret = n->uuid;
	else if (k == OBJ_NODEGROUP && (r = snap_find_group(c->s, name, &g, NULL)) == 0)
		*ret = g->uuid;
	else if (k == OBJ_INSTANCE && (r = snap_find_instance(c->s, name, &i, NULL)) == 0)
		*ret = i->uuid;
	else if (k == OBJ_NETWORK && (r = snap_find_network(c->s, name, &w, NULL)) == 0)
		*ret = w->uuid;
	else if (k == OBJ_FILTER && snap_filter(c->s, name)) {
		*ret = name;
		r = 0;
	}
	if (r < 0)
		return err_set(e, ERR_PREREQ, ECODE_NOENT, "%s name %s not found", labels[k], name);
	return 0;
}

int q_collect(struct qctx *c, enum obj_kind k, const struct strs *names, const void ***ret,
	      size_t *ret_n, struct err *e)
{
	struct strs uuids = { 0 };
	const void **v;
	size_t n = 0;

	if (names) {
		for (size_t i = 0; i < names->n; i++) {
			const char *uuid = NULL;

			if (find(c, k, names->v[i], &uuid, e) < 0)
				return -1;
			if (!strs_has(&uuids, uuid))
				strs_add(c->a, &uuids, uuid);
		}
	} else {
		uuids = snap_uuids(c->s, k);
		if (k == OBJ_FILTER) /* they have no other name */
			strs_sort_nat(&uuids);
	}
	v = ARENA_ARRAY(c->a, const void *, uuids.n + 1);
	for (size_t i = 0; i < uuids.n; i++) {
		const char *name;
		const void *obj = object(c, k, uuids.v[i], &name);

		if (obj)
			v[n++] = obj;
	}
	*ret = v;
	*ret_n = n;
	return 0;
}
