/* What objects point at and what they claim, as rows of the index table. */
#include "src/config/priv.h"

#include <string.h>

static void add(struct arena *a, struct links *l, enum link_role role, const char *value)
{
	struct link *v;

	if (!value || !*value)
		return;
	if ((l->n & (l->n - 1)) == 0) { /* full at powers of two */
		v = ARENA_ARRAY(a, struct link, l->n ? l->n * 2 : 1);
		if (l->n)
			memcpy(v, l->v, l->n * sizeof(*v));
		l->v = v;
	}
	l->v[l->n++] = (struct link){ role, value };
}

static int compare(const void *x, const void *y)
{
	const struct link *a = x, *b = y;

	return a->role != b->role ? (int)a->role - (int)b->role : strcmp(a->value, b->value);
}

static void sort_uniq(struct links *l)
{
	size_t k = 0;

	if (!l->n)
		return;
	qsort(l->v, l->n, sizeof(*l->v), compare);
	for (size_t i = 1; i < l->n; i++)
		if (compare(&l->v[k], &l->v[i]) != 0)
			l->v[++k] = l->v[i];
	l->n = k + 1;
}

static const char *number(struct arena *a, int64_t n)
{
	return arena_printf(a, "%lld", (long long)n);
}

static void instance_links(struct arena *a, struct links *l, const struct instance *i)
{
	add(a, l, LINK_PRIMARY, i->primary_node);
	for (size_t k = 0; k < i->disks.n; k++)
		add(a, l, LINK_DISK, i->disks.v[k]);
	for (size_t k = 0; k < i->nics.n; k++) {
		const struct nic *n = &i->nics.v[k];

		add(a, l, CLAIM_MAC, n->mac ? str_lower(a, n->mac) : NULL);
		add(a, l, LINK_NETWORK, n->network);
		if (n->network && n->ip)
			add(a, l, CLAIM_IP, arena_printf(a, "%s/%s", n->network, n->ip));
	}
	if (i->has_network_port)
		add(a, l, CLAIM_PORT, number(a, i->network_port));
}

/* Ports and minors of [node A, node B, port, minor A, minor B, secret], volumes of [group, name]; of a disk and of its
 * children. */
static void device_claims(struct arena *a, struct links *l, const char *type, const json *id,
			const json *children)
{
	if (str_eq(type, enum_name(&enum_disk_template, disk_template_drbd)) && json_len(id) >= 5) {
		add(a, l, CLAIM_PORT, number(a, json_int(json_at(id, 2), 0)));
		for (size_t k = 0; k < 2; k++)
			add(a, l, CLAIM_MINOR,
			    arena_printf(a, "%s/%lld", json_str(json_at(id, k)),
					 (long long)json_int(json_at(id, 3 + k), 0)));
	}
	if (str_eq(type, enum_name(&enum_disk_template, disk_template_plain)) && json_str(json_at(id, 0)) &&
	    json_str(json_at(id, 1)))
		add(a, l, CLAIM_LV, arena_printf(a, "%s/%s", json_str(json_at(id, 0)), json_str(json_at(id, 1))));
	json_items(children, i, c)
		device_claims(a, l, json_get_str(c, "dev_type"), json_get(c, "logical_id"),
			    json_get(c, "children"));
}

static void disk_links(struct arena *a, struct links *l, const struct disk *d)
{
	struct strs nodes = disk_nodes(a, d);

	for (size_t i = 0; i < nodes.n; i++)
		add(a, l, LINK_DISK_NODE, nodes.v[i]);
	device_claims(a, l, enum_name(&enum_disk_template, d->dev_type), d->logical_id, d->children);
}

static void node_links(struct arena *a, struct links *l, const struct node *n)
{
	add(a, l, LINK_GROUP, n->group);
	add(a, l, CLAIM_NODE_IP, n->primary_ip);
	add(a, l, CLAIM_NODE_IP, n->secondary_ip);
}

struct links links_of(struct arena *a, enum obj_kind k, const void *obj)
{
	struct links l = { 0 };

	switch (k) {
	case OBJ_CLUSTER:
		add(a, &l, LINK_MASTER, ((const struct cluster *)obj)->master_node);
		add(a, &l, CLAIM_NODE_IP, ((const struct cluster *)obj)->master_ip);
		break;
	case OBJ_NODE:
		node_links(a, &l, obj);
		break;
	case OBJ_NODEGROUP:
		json_each(((const struct nodegroup *)obj)->networks, uuid, v) {
			(void)v;
			add(a, &l, LINK_NETWORK, arena_strdup(a, uuid));
		}
		break;
	case OBJ_INSTANCE:
		instance_links(a, &l, obj);
		break;
	case OBJ_DISK:
		disk_links(a, &l, obj);
		break;
	case OBJ_NETWORK:
	case OBJ_FILTER:
	case OBJ_KINDS:
		break;
	}
	sort_uniq(&l);
	return l;
}

struct links links_minus(struct arena *a, const struct links *x, const struct links *y)
{
	struct links l = { 0 };

	for (size_t i = 0; i < x->n; i++)
		if (!y->n || !bsearch(&x->v[i], y->v, y->n, sizeof(*y->v), compare))
			add(a, &l, x->v[i].role, x->v[i].value);
	return l;
}

void links_append(struct arena *a, struct links *to, const struct links *from)
{
	for (size_t i = 0; i < from->n; i++)
		add(a, to, from->v[i].role, from->v[i].value);
}

enum obj_kind link_target(enum link_role role)
{
	switch (role) {
	case LINK_DISK:
		return OBJ_DISK;
	case LINK_GROUP:
		return OBJ_NODEGROUP;
	case LINK_NETWORK:
		return OBJ_NETWORK;
	default:
		return OBJ_NODE;
	}
}

const char *link_dangling(struct arena *a, enum link_role role, const char *owner,
			  const char *value)
{
	switch (role) {
	case LINK_PRIMARY:
		return arena_printf(a, "instance '%s' has invalid primary node '%s'", owner, value);
	case LINK_DISK:
		return arena_printf(a, "Instance '%s' has invalid disk '%s'", owner, value);
	case LINK_DISK_NODE:
		return arena_printf(a, "disk '%s' has invalid node '%s'", owner, value);
	case LINK_GROUP:
		return arena_printf(a, "Node '%s' has invalid group '%s'", owner, value);
	case LINK_NETWORK:
		return arena_printf(a, "'%s' has invalid network '%s'", owner, value);
	default:
		return arena_printf(a, "cluster has invalid master node '%s'", value);
	}
}
