/* Locks of an opcode: asked for level by level, in upstream's order. */
#include "src/lu/lu.h"

/* Somebody else's job may hold them for days; the wait ends when the job is cancelled or the master goes. */
#define LOCK_TIMEOUT (30.0 * 86400)
#define UNLOCK_TIMEOUT 60.0

static const char cluster_lock[] = "BGL";

/* "All" covers names that come and go: what it means now. */
static struct strs names_at(struct luctx *lu, enum lock_level level)
{
	static const enum obj_kind kinds[LOCK_LEVELS] = {
		[LOCK_INSTANCE] = OBJ_INSTANCE, [LOCK_NODEGROUP] = OBJ_NODEGROUP,
		[LOCK_NODE] = OBJ_NODE,         [LOCK_NODE_RES] = OBJ_NODE,
		[LOCK_NETWORK] = OBJ_NETWORK,
	};
	struct strs out = { NULL, 0 }, uuids;

	if (level == LOCK_CLUSTER || level == LOCK_NODE_ALLOC) {
		strs_add(lu->a, &out, level == LOCK_CLUSTER ? cluster_lock : "NAL");
		return out;
	}
	uuids = snap_uuids(lu->snap, kinds[level]);
	for (size_t i = 0; i < uuids.n; i++)
		strs_add(lu->a, &out,
			 arena_strdup(lu->a, level == LOCK_INSTANCE ?
						     snap_instance(lu->snap, uuids.v[i])->name :
						     uuids.v[i]));
	return out;
}

/* Take what lu->need asks for at LEVEL; lu->owned says what was got. Then look at a new snapshot. */
int lu_lock_level(struct luctx *lu, enum lock_level level, struct err *e)
{
	struct lu_need *need = &lu->need[level];
	json *answer CLEANUP(json_putp) = NULL;
	struct strs got;
	json *args;

	if (level == LOCK_CLUSTER) {
		lu_need_none(lu, level);
		lu_need(lu, level, cluster_lock, !lu->lu->exclusive);
	}
	if (!need->all && !need->names.n)
		return 0;
	args = json_pack("{s:s, s:s, s:b}", "level", lock_level_name(level), "mode",
			 need->shared ? "shared" : "exclusive", "opportunistic",
			 (int)need->opportunistic);
	if (need->all)
		json_set(args, "all", json_new_bool(true));
	else
		json_set(args, "names", json_new_strs(&need->names));
	snapshot_rest(lu->snap, 0);
	TRY(wconf_call(lu->wconf, "lock", args, LOCK_TIMEOUT, &answer, e));
	TRY(lu_refresh(lu, e));
	if (need->all && !need->opportunistic) {
		lu->owned[level] = names_at(lu, level);
		return 0;
	}
	got = json_strs(lu->a, json_get(answer, "names"));
	lu->owned[level] = (struct strs){ NULL, 0 };
	for (size_t i = 0; i < got.n; i++)
		strs_add(lu->a, &lu->owned[level], arena_strdup(lu->a, got.v[i]));
	return 0;
}

bool lu_owns(const struct luctx *lu, enum lock_level level, const char *name)
{
	return strs_has(&lu->owned[level], name);
}

int lu_release(struct luctx *lu, enum lock_level level, const struct strs *keep, struct err *e)
{
	struct strs drop = lu->owned[level], left = { NULL, 0 };
	bool all = lu->need[level].all;
	json *args;

	if (keep && keep->n) {
		drop = strs_minus(lu->a, &drop, keep);
		left = strs_minus(lu->a, &lu->owned[level], &drop);
	}
	if (!drop.n && !(all && !left.n))
		return 0;
	args = json_pack("{s:s}", "level", lock_level_name(level));
	if (!left.n)
		json_set(args, "all", json_new_bool(true));
	else
		json_set(args, "keep", json_new_strs(&left));
	TRY(wconf_call(lu->wconf, "unlock", args, UNLOCK_TIMEOUT, NULL, e));
	lu->owned[level] = left;
	return 0;
}
