/* Node group and network fields. */
#include "src/query/priv.h"


#include <arpa/inet.h>

#define G(obj) ((const struct nodegroup *)(obj))
#define W(obj) ((const struct network *)(obj))

static struct ndparams filled(struct qctx *c, const void *obj)
{
	return fill_nd(c->a, snap_cluster(c->s), obj, NULL);
}

static enum qstatus ndp_item(struct qctx *c, const void *obj, const struct qfield *f, json **ret)
{
	struct ndparams p = filled(c, obj);

	*ret = field_emit(record_field(rec_ndparams(), f->key), &p);
	return *ret ? QRS_NORMAL : QRS_UNAVAIL;
}

static enum qstatus group_ndparams(struct qctx *c, const void *obj, const struct qfield *f,
				   json **ret)
{
	struct ndparams p = filled(c, obj);

	(void)f;
	*ret = record_emit(rec_ndparams(), &p, 0);
	return QRS_NORMAL;
}

static enum qstatus group_custom_ndparams(struct qctx *c, const void *obj, const struct qfield *f,
					  json **ret)
{
	(void)c;
	(void)f;
	*ret = record_emit(rec_ndparams(), &G(obj)->ndparams, 0);
	return QRS_NORMAL;
}

static enum qstatus group_diskparams(struct qctx *c, const void *obj, const struct qfield *f,
				     json **ret)
{
	(void)f;
	*ret = json_new_dict();
	for (size_t k = 0; k < enum_disk_template.n; k++)
		json_set(*ret, enum_disk_template.items[k].name,
			 json_ref(fill_diskparams(c->a, snap_cluster(c->s), obj,
						  (disk_template_t)k)));
	return QRS_NORMAL;
}

static enum qstatus group_custom_diskparams(struct qctx *c, const void *obj,
					    const struct qfield *f, json **ret)
{
	(void)c;
	(void)f;
	*ret = json_ref(G(obj)->diskparams);
	return QRS_NORMAL;
}

static enum qstatus group_ipolicy(struct qctx *c, const void *obj, const struct qfield *f,
				  json **ret)
{
	(void)f;
	*ret = json_ref(fill_ipolicy(c->a, snap_cluster(c->s), obj));
	return QRS_NORMAL;
}

static enum qstatus group_custom_ipolicy(struct qctx *c, const void *obj, const struct qfield *f,
					 json **ret)
{
	(void)c;
	(void)f;
	*ret = json_ref(G(obj)->ipolicy);
	return QRS_NORMAL;
}

static enum qstatus group_node_cnt(struct qctx *c, const void *obj, const struct qfield *f,
				   json **ret)
{
	(void)f;
	*ret = json_new_int((int64_t)snap_group_nodes(c->s, G(obj)->uuid).n);
	return QRS_NORMAL;
}

static enum qstatus group_node_list(struct qctx *c, const void *obj, const struct qfield *f,
				    json **ret)
{
	struct strs uuids = snap_group_nodes(c->s, G(obj)->uuid);

	(void)f;
	*ret = q_names(c, OBJ_NODE, &uuids);
	return QRS_NORMAL;
}

static struct strs group_instances(struct qctx *c, const void *obj)
{
	struct strs nodes = snap_group_nodes(c->s, G(obj)->uuid), all = { 0 };

	for (size_t i = 0; i < nodes.n; i++) {
		struct strs v = snap_node_primaries(c->s, nodes.v[i]);

		for (size_t k = 0; k < v.n; k++)
			strs_add(c->a, &all, v.v[k]);
	}
	return all;
}

static enum qstatus group_pinst_cnt(struct qctx *c, const void *obj, const struct qfield *f,
				    json **ret)
{
	(void)f;
	*ret = json_new_int((int64_t)group_instances(c, obj).n);
	return QRS_NORMAL;
}

static enum qstatus group_pinst_list(struct qctx *c, const void *obj, const struct qfield *f,
				     json **ret)
{
	struct strs uuids = group_instances(c, obj);

	(void)f;
	*ret = q_names(c, OBJ_INSTANCE, &uuids);
	return QRS_NORMAL;
}

static int group_collect(struct qctx *c, const struct strs *names, const void ***ret, size_t *ret_n,
			 struct err *e)
{
	return q_collect(c, OBJ_NODEGROUP, names, ret, ret_n, e);
}

static void group_rows(struct qrows *r)
{
#define QFIELD QROW
#include "src/query/fields/group.def"
#undef QFIELD
	qrows_params(r, "ndp/", rec_ndparams(), ndp_item);
}

const struct qresource qres_group = {
	.name = "group",
	.key = "name",
	.record = rec_nodegroup,
	.rows = group_rows,
	.collect = group_collect,
};

/* --- networks --- */

#define PLAIN(name)                                                                        \
	static enum qstatus network_##name(struct qctx *c, const void *obj,                \
					   const struct qfield *f, json **ret)             \
	{                                                                                  \
		(void)c;                                                                   \
		(void)f;                                                                   \
		return q_str(W(obj)->name, ret);                                           \
	}
PLAIN(gateway)
PLAIN(gateway6)
PLAIN(mac_prefix)
PLAIN(network6)

/* 1 where the address is taken: by an instance or from outside */
static char *pool(struct qctx *c, const void *obj)
{
	const char *x = W(obj)->reservations, *y = W(obj)->ext_reservations;
	size_t n = x ? strlen(x) : 0;
	char *out = arena_strdup(c->a, x ? x : "");

	for (size_t k = 0; k < n && y && y[k]; k++)
		if (y[k] == '1')
			out[k] = '1';
	return out;
}

static enum qstatus network_map(struct qctx *c, const void *obj, const struct qfield *f, json **ret)
{
	char *p = pool(c, obj);

	(void)f;
	for (char *s = p; *s; s++)
		*s = *s == '1' ? 'X' : '.';
	return q_str(p, ret);
}

static int64_t count(const char *s, char what)
{
	int64_t n = 0;

	for (; *s; s++)
		n += *s == what;
	return n;
}

static enum qstatus network_free_count(struct qctx *c, const void *obj, const struct qfield *f,
				       json **ret)
{
	(void)f;
	*ret = json_new_int(count(pool(c, obj), '0'));
	return QRS_NORMAL;
}

static enum qstatus network_reserved_count(struct qctx *c, const void *obj, const struct qfield *f,
					   json **ret)
{
	(void)f;
	*ret = json_new_int(count(pool(c, obj), '1'));
	return QRS_NORMAL;
}

static enum qstatus network_external_reservations(struct qctx *c, const void *obj,
						  const struct qfield *f, json **ret)
{
	const char *map = W(obj)->ext_reservations;
	const char *net = arena_strndup(c->a, W(obj)->network, strcspn(W(obj)->network, "/"));
	struct strs l = { 0 };
	struct in_addr base;

	(void)f;
	if (inet_pton(AF_INET, net, &base) != 1)
		return QRS_NODATA;
	for (size_t k = 0; map && map[k]; k++) {
		struct in_addr addr = { htonl(ntohl(base.s_addr) + (uint32_t)k) };
		char text[INET_ADDRSTRLEN];

		if (map[k] == '1' && inet_ntop(AF_INET, &addr, text, sizeof(text)))
			strs_add(c->a, &l, arena_strdup(c->a, text));
	}
	return q_str(strs_join(c->a, &l, ", "), ret);
}

static const char *or_dash(const json *nicparams, const char *key)
{
	const char *v = json_get_str(nicparams, key);

	return v ? v : "-";
}

static enum qstatus network_group_list(struct qctx *c, const void *obj, const struct qfield *f,
				       json **ret)
{
	struct strs groups = snap_uuids(c->s, OBJ_NODEGROUP);

	(void)f;
	*ret = json_new_array();
	for (size_t k = 0; k < groups.n; k++) {
		const struct nodegroup *g = snap_group(c->s, groups.v[k]);
		const json *p = g ? json_get(g->networks, W(obj)->uuid) : NULL;

		if (p)
			json_append(*ret, json_pack("[s, s, s, s]", g->name, or_dash(p, "mode"),
						    or_dash(p, "link"), or_dash(p, "vlan")));
	}
	return QRS_NORMAL;
}

static enum qstatus network_group_cnt(struct qctx *c, const void *obj, const struct qfield *f,
				      json **ret)
{
	json *list CLEANUP(json_putp) = NULL;

	network_group_list(c, obj, f, &list);
	*ret = json_new_int((int64_t)json_len(list));
	return QRS_NORMAL;
}

static struct strs network_instances(struct qctx *c, const void *obj)
{
	struct strs all = snap_uuids(c->s, OBJ_INSTANCE), out = { 0 };

	for (size_t k = 0; k < all.n; k++) {
		const struct instance *i = snap_instance(c->s, all.v[k]);

		for (size_t j = 0; i && j < i->nics.n; j++)
			if (str_eq(i->nics.v[j].network, W(obj)->uuid)) {
				strs_add(c->a, &out, i->uuid);
				break;
			}
	}
	return out;
}

static enum qstatus network_inst_list(struct qctx *c, const void *obj, const struct qfield *f,
				      json **ret)
{
	struct strs uuids = network_instances(c, obj);

	(void)f;
	*ret = q_names(c, OBJ_INSTANCE, &uuids);
	return QRS_NORMAL;
}

static enum qstatus network_inst_cnt(struct qctx *c, const void *obj, const struct qfield *f,
				     json **ret)
{
	(void)f;
	*ret = json_new_int((int64_t)network_instances(c, obj).n);
	return QRS_NORMAL;
}

static int network_collect(struct qctx *c, const struct strs *names, const void ***ret,
			   size_t *ret_n, struct err *e)
{
	return q_collect(c, OBJ_NETWORK, names, ret, ret_n, e);
}

static void network_rows(struct qrows *r)
{
#define QFIELD QROW
#include "src/query/fields/network.def"
#undef QFIELD
}

const struct qresource qres_network = {
	.name = "network",
	.key = "name",
	.record = rec_network,
	.rows = network_rows,
	.collect = network_collect,
};
