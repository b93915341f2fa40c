/* Logins by ssh between nodes: master candidates may log in everywhere. Done by the master's node agent. */
#include "src/lu/lu.h"

/* Names of the nodes that keep the list of all public keys: those that may become candidates. */
static struct strs keepers(struct luctx *lu)
{
	struct strs uuids = snap_uuids(lu->snap, OBJ_NODE), names = { NULL, 0 };

	for (size_t i = 0; i < uuids.n; i++) {
		const struct node *n = snap_node(lu->snap, uuids.v[i]);

		if (n->master_capable)
			strs_add(lu->a, &names, arena_strdup(lu->a, n->name));
	}
	return names;
}

static struct strs candidates(struct luctx *lu)
{
	struct strs uuids = snap_uuids(lu->snap, OBJ_NODE), out = { NULL, 0 };

	for (size_t i = 0; i < uuids.n; i++)
		if (snap_node(lu->snap, uuids.v[i])->master_candidate)
			strs_add(lu->a, &out, arena_strdup(lu->a, uuids.v[i]));
	return out;
}

/* Ask the master; what single nodes could not do is only told (upstream: WarnAboutFailedSshUpdates). */
static int ask_master(struct luctx *lu, enum rpc rpc, json *args, struct err *e)
{
	json *problems;

	if (lu_rpc(lu, rpc, lu->cluster->master_node, args, &problems,
		   "Could not update the SSH setup.", e) < 0)
		return -1;
	if (json_len(problems))
		lu_log(lu, "Some nodes' SSH key files could not be updated:");
	json_items(problems, i, p)
		lu_log(lu, "%s: %s", json_str(json_at(p, 0)), json_str(json_at(p, 1)));
	return 0;
}

int lu_ssh_add(struct luctx *lu, const char *uuid, const char *name, bool login, bool list,
	       struct err *e)
{
	if (!lu->cluster->modify_ssh_setup || (!login && !list))
		return 0;
	return ask_master(lu, RPC_node_ssh_key_add,
			  RPC_ARGS(node_ssh_key_add, .node_uuid = uuid, .node_name = name,
				   .potential_master_candidates = keepers(lu),
				   .to_authorized_keys = login, .to_public_keys = list,
				   .get_public_keys = list),
			  e);
}

int lu_ssh_remove(struct luctx *lu, const char *uuid, const char *name, bool leaves, bool readd,
		  struct err *e)
{
	if (!lu->cluster->modify_ssh_setup)
		return 0;
	return ask_master(lu, RPC_node_ssh_key_remove,
			  RPC_ARGS(node_ssh_key_remove, .node_uuid = uuid, .node_name = name,
				   .master_candidate_uuids = candidates(lu),
				   .potential_master_candidates = keepers(lu),
				   .from_authorized_keys = true,
				   .from_public_keys = leaves || readd,
				   .clear_authorized_keys = leaves, .clear_public_keys = leaves,
				   .readd = readd),
			  e);
}
