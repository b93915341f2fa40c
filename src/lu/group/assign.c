/* OP_GROUP_ASSIGN_NODES */
#include "src/lu/group/lus.h"

#include "lib/base/map.h"

struct state {
	struct group_ref ref;
	struct strs nodes; /* UUIDs */
};

static bool moves(const struct state *st, const char *node_uuid)
{
	return strs_has(&st->nodes, node_uuid);
}

static struct strs groups_of(struct luctx *lu, const struct state *st)
{
	struct strs out = { NULL, 0 };

	strs_add(lu->a, &out, st->ref.uuid);
	for (size_t i = 0; i < st->nodes.n; i++) {
		const struct node *n = snap_node(lu->snap, st->nodes.v[i]);

		if (n && !strs_has(&out, n->group))
			strs_add(lu->a, &out, arena_strdup(lu->a, n->group));
	}
	return out;
}

static int expand(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_group_assign_nodes *op = op_;
	struct state *st = lu->state;
	struct strs all = snap_uuids(lu->snap, OBJ_NODE);
	const struct node *n;

	TRY(group_expand(lu, op->group_name, &st->ref, e));
	for (size_t i = 0; i < op->nodes.n; i++)
		TRY(lu_expand_node(lu, op->nodes.v[i], NULL, &n, e));
	for (size_t i = 0; !op->nodes.n && i < all.n; i++) /* none means all, as everywhere */
		lu_need(lu, LOCK_NODE, all.v[i], false);
	st->nodes = lu->need[LOCK_NODE].names;
	return 0;
}

static int declare(struct luctx *lu, const void *op, enum lock_level level, struct err *e)
{
	struct state *st = lu->state;
	struct strs groups;

	(void)op;
	(void)e;
	if (level != LOCK_NODEGROUP)
		return 0;
	groups = groups_of(lu, st);
	for (size_t i = 0; i < groups.n; i++)
		lu_need(lu, LOCK_NODEGROUP, groups.v[i], false);
	return 0;
}

/* --- instances whose mirror would have its halves in two groups --- */
static const char *group_after(struct luctx *lu, const struct state *st, const char *node_uuid)
{
	return moves(st, node_uuid) ? st->ref.uuid : snap_node(lu->snap, node_uuid)->group;
}

static int is_mirrored(struct luctx *lu, const struct instance *i, bool *ret, struct err *e)
{
	const struct disk **disks;
	size_t n;

	TRY(snap_instance_disks(lu->snap, i, &disks, &n, e));
	*ret = false;
	for (size_t k = 0; k < n; k++)
		*ret |= template_is_int_mirrored(disks[k]->dev_type);
	return 0;
}

/* Only instances of nodes that move can change. */
static int find_splits(struct luctx *lu, struct strs *fresh, struct strs *old, struct err *e)
{
	struct state *st = lu->state;
	struct map *seen CLEANUP(map_freep) = map_new();

	for (size_t k = 0; k < 2 * st->nodes.n; k++) {
		const char *node = st->nodes.v[k / 2];
		struct strs l = k % 2 ? snap_node_secondaries(lu->snap, node) :
					snap_node_primaries(lu->snap, node);

		for (size_t m = 0; m < l.n; m++) {
			const struct instance *i = snap_instance(lu->snap, l.v[m]);
			struct strs nodes = lu_instance_nodes(lu, i);
			bool mirrored, before = false, after = false;

			TRY(is_mirrored(lu, i, &mirrored, e));
			if (!mirrored || map_get(seen, i->uuid))
				continue;
			map_put(seen, i->uuid, st);
			for (size_t x = 1; x < nodes.n; x++) {
				before |= !str_eq(snap_node(lu->snap, nodes.v[x])->group,
						  snap_node(lu->snap, nodes.v[0])->group);
				after |= !str_eq(group_after(lu, st, nodes.v[x]), group_after(lu, st, nodes.v[0]));
			}
			if (after)
				strs_add(lu->a, before ? old : fresh, i->name);
		}
	}
	strs_sort_nat(fresh);
	strs_sort_nat(old);
	return 0;
}

static int check_groups(struct luctx *lu, struct err *e)
{
	struct strs now = groups_of(lu, lu->state), *then = &lu->owned[LOCK_NODEGROUP];

	if (!strs_minus(lu->a, &now, then).n && now.n == then->n)
		return 0;
	return err_set(e, ERR_EXEC, NULL,
		       "Nodes changed groups since locks were acquired, current groups are '%s', used to be '%s'",
		       strs_join(lu->a, &now, ", "), strs_join(lu->a, then, ", "));
}

static int prereq(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_group_assign_nodes *op = op_;
	struct state *st = lu->state;
	struct strs fresh = { NULL, 0 }, old = { NULL, 0 };
	const struct nodegroup *g;

	for (size_t i = 0; i < st->nodes.n; i++)
		TRY(lu_node_stays(lu, st->nodes.v[i], NULL, e));
	TRY(check_groups(lu, e));
	TRY(lu_group_stays(lu, st->ref.uuid, op->group_name, &g, e));
	TRY(find_splits(lu, &fresh, &old, e));
	if (!fresh.n)
		return 0;
	if (!op->force)
		return err_set(e, ERR_EXEC, NULL,
			       "The following instances get split by this change and --force was not given: %s",
			       strs_join(lu->a, &fresh, ", "));
	lu_warn(lu, NULL, "This operation will split the following instances: %s", strs_join(lu->a, &fresh, ", "));
	if (old.n)
		lu_warn(lu, NULL,
			"In addition, these already-split instances continue to be split across groups: %s",
			strs_join(lu->a, &old, ", "));
	return 0;
}

static int exec(struct luctx *lu, const void *op, json **ret, struct err *e)
{
	struct state *st = lu->state;
	struct strs groups = groups_of(lu, st);

	(void)op;
	(void)ret;
	for (size_t i = 0; i < st->nodes.n; i++) {
		struct node n = *snap_node(lu->snap, st->nodes.v[i]);

		if (str_eq(n.group, st->ref.uuid))
			continue;
		LU_SET(&n, group, st->ref.uuid);
		lu_update(lu, OBJ_NODE, &n);
	}
	for (size_t i = 0; i < groups.n; i++) /* their members are others now */
		lu_update(lu, OBJ_NODEGROUP, snap_group(lu->snap, groups.v[i]));
	return lu_commit(lu, e);
}

const struct lu lu_group_assign_nodes = {
	.state_size = sizeof(struct state),
	.expand = expand, .declare = declare, .prereq = prereq, .exec = exec,
};
