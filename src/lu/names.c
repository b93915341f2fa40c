/* Names and UUIDs of opcodes to objects, and which locks that asks for. */
#include "src/lu/lu.h"

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
