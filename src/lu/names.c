/* Names and UUIDs of opcodes to objects, and which locks that asks for. */
#include "src/lu/lu.h"

#include "lib/base/map.h"

/* Upstream: ExpandInstanceUuidAndName, ExpandNodeUuidAndName. */
static int expected(const char *kind, const char *want, const char *uuid, const char *name,
		    struct err *e)
{
	if (!want || !*want || str_eq(want, uuid))
		return 0;
	return err_set(e, ERR_PREREQ, ECODE_NOTUNIQUE,
		       "The %ss UUID '%s' does not match the expected UUID '%s' for %s '%s'. Maybe "
		       "the %s changed since you submitted this job.",
		       kind, uuid, want, kind, name, kind);
}

int lu_expand_instance(struct luctx *lu, const char *name, const char *uuid,
		       const struct instance **ret, struct err *e)
{
	const struct instance *i;

	TRY(snap_find_instance(lu->snap, name && *name ? name : uuid, &i, e));
	TRY(expected("instance", uuid, i->uuid, i->name, e));
	lu_need(lu, LOCK_INSTANCE, i->name, false);
	*ret = i;
	return 0;
}

int lu_expand_node(struct luctx *lu, const char *name, const char *uuid, const struct node **ret,
		   struct err *e)
{
	const struct node *n;

	TRY(snap_find_node(lu->snap, name && *name ? name : uuid, &n, e));
	TRY(expected("node", uuid, n->uuid, n->name, e));
	lu_need(lu, LOCK_NODE, n->uuid, false);
	*ret = n;
	return 0;
}

int lu_node_stays(struct luctx *lu, const char *uuid, const char *name, struct err *e)
{
	if (snap_node(lu->snap, uuid))
		return 0;
	return err_set(e, ERR_PREREQ, ECODE_NOENT, "Node '%s' not known", name && *name ? name : uuid);
}

int lu_expand_group(struct luctx *lu, const char *name, const struct nodegroup **ret, struct err *e)
{
	return snap_find_group(lu->snap, name, ret, e);
}

int lu_expand_network(struct luctx *lu, const char *name, const struct network **ret, struct err *e)
{
	return snap_find_network(lu->snap, name, ret, e);
}

int lu_group_stays(struct luctx *lu, const char *uuid, const char *name, const struct nodegroup **ret,
		   struct err *e)
{
	const struct nodegroup *g = snap_group(lu->snap, uuid);

	if (!g)
		return err_set(e, ERR_EXEC, NULL, "Could not retrieve group '%s' (UUID: %s)", name, uuid);
	*ret = g;
	return 0;
}

struct strs lu_group_instances(struct luctx *lu, const char *group)
{
	struct strs nodes = snap_group_nodes(lu->snap, group), out = { NULL, 0 };
	struct map *seen CLEANUP(map_freep) = map_new();

	for (size_t k = 0; k < 2 * nodes.n; k++) {
		struct strs l = k % 2 ? snap_node_secondaries(lu->snap, nodes.v[k / 2]) :
					snap_node_primaries(lu->snap, nodes.v[k / 2]);

		for (size_t m = 0; m < l.n; m++) {
			if (map_get(seen, l.v[m]))
				continue;
			map_put(seen, l.v[m], &out);
			strs_add(lu->a, &out, l.v[m]);
		}
	}
	return out;
}

/* Names, in the order of names. */
static struct strs group_instance_names(struct luctx *lu, const char *group)
{
	struct strs uuids = lu_group_instances(lu, group), out = { NULL, 0 };

	for (size_t k = 0; k < uuids.n; k++)
		strs_add(lu->a, &out, snap_instance(lu->snap, uuids.v[k])->name);
	strs_sort_nat(&out);
	return out;
}

void lu_need_group_instances(struct luctx *lu, const char *group)
{
	struct strs names = group_instance_names(lu, group);

	for (size_t k = 0; k < names.n; k++)
		strs_add(lu->a, &lu->need[LOCK_INSTANCE].names, arena_strdup(lu->a, names.v[k]));
	lu->need[LOCK_INSTANCE].shared = true;
}

int lu_group_instances_stay(struct luctx *lu, const char *group, struct err *e)
{
	struct strs now = group_instance_names(lu, group), *then = &lu->owned[LOCK_INSTANCE];

	if (!strs_minus(lu->a, &now, then).n && now.n == then->n)
		return 0;
	return err_set(e, ERR_PREREQ, ECODE_STATE,
		       "Instances in node group '%s' changed since locks were acquired, wanted '%s', have "
		       "'%s'; retry the operation",
		       snap_group(lu->snap, group) ? snap_group(lu->snap, group)->name : group,
		       strs_join(lu->a, then, ", "), strs_join(lu->a, &now, ", "));
}

void lu_need(struct luctx *lu, enum lock_level level, const char *name, bool shared)
{
	struct lu_need *need = &lu->need[level];

	need->shared = shared;
	if (!strs_has(&need->names, name))
		strs_add(lu->a, &need->names, arena_strdup(lu->a, name));
}

void lu_need_all(struct luctx *lu, enum lock_level level, bool shared)
{
	lu->need[level].all = true;
	lu->need[level].shared = shared;
}

void lu_need_none(struct luctx *lu, enum lock_level level)
{
	lu->need[level] = (struct lu_need){ .all = false };
}

struct strs lu_instance_nodes(struct luctx *lu, const struct instance *i)
{
	struct strs all = { NULL, 0 }, more = snap_instance_secondaries(lu->snap, i);

	strs_add(lu->a, &all, i->primary_node);
	for (size_t k = 0; k < more.n; k++)
		if (!strs_has(&all, more.v[k]))
			strs_add(lu->a, &all, more.v[k]);
	return all;
}

const char *lu_node_name(struct luctx *lu, const char *uuid)
{
	const struct node *n = uuid ? snap_node(lu->snap, uuid) : NULL;

	return n ? n->name : uuid;
}
