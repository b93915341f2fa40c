/*
 * Master candidates: nodes that hold the configuration and may speak to node agents. Which is which is
 * known by the digest of their certificate, kept in the cluster object.
 */
#include "src/lu/lu.h"

#include "lib/base/log.h"

static bool usable(const struct node *n)
{
	return !n->offline && !n->drained && n->master_capable;
}

struct mc_stats lu_candidate_stats(struct luctx *lu, int64_t pool_size, const struct strs *except)
{
	struct strs uuids = snap_uuids(lu->snap, OBJ_NODE);
	struct mc_stats out = { 0, 0, 0 };

	for (size_t i = 0; i < uuids.n; i++) {
		const struct node *n = snap_node(lu->snap, uuids.v[i]);

		if (except && strs_has(except, uuids.v[i]))
			continue;
		out.possible += usable(n);
		out.now += n->master_candidate;
	}
	out.should = pool_size < out.possible ? (int)pool_size : out.possible;
	return out;
}

bool lu_wants_candidate(struct luctx *lu, const struct strs *except)
{
	int64_t size = lu->cluster->candidate_pool_size;
	struct mc_stats st = lu_candidate_stats(lu, size, except);

	return st.now < (st.should + 1 < size ? st.should + 1 : size);
}

int lu_digest_from(struct luctx *lu, const struct rpc_node *n, const char *node_uuid,
		   const char **ret, struct err *e)
{
	struct err why CLEANUP(err_clear) = ERR_NONE;
	json *answer, *token;

	if (rpc_call(lu->rpc, lu->a, RPC_node_crypto_tokens, n,
		     json_pack("[[[s, s, n]]]", "ssl", "get"), &answer, &why) < 0)
		return err_set(e, ERR_EXEC, NULL,
			       "Could not retrieve the node's (uuid %s) SSL digest.: %s", node_uuid,
			       err_msg(&why));
	token = json_at(answer, 0);
	if (!str_eq(json_str(json_at(token, 0)), "ssl") || !json_str(json_at(token, 1)))
		return err_set(e, ERR_EXEC, NULL, "The answer of node %s is not a digest", n->name);
	*ret = arena_strdup(lu->a, json_str(json_at(token, 1)));
	return 0;
}

int lu_node_digest(struct luctx *lu, const char *node_uuid, const char **ret, struct err *e)
{
	struct rpc_node n = lu_rpc_node(lu, node_uuid);

	return lu_digest_from(lu, &n, node_uuid, ret, e);
}

json *lu_candidate_certs(struct luctx *lu, const char *node_uuid, const char *digest)
{
	json *certs = json_clone(lu->cluster->candidate_certs);

	if (!certs)
		certs = json_new_dict();
	if (digest)
		json_set(certs, node_uuid, json_new_str(digest));
	else
		json_del(certs, node_uuid);
	return certs;
}

void lu_equip_candidate(struct luctx *lu, const char *node_uuid)
{
	const char *path = path_of(PATH_VIRT_CA_KEY);
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *file, *out;
	struct rpc_node n = lu_rpc_node(lu, node_uuid);

	if (!fs_exists(path) || str_eq(node_uuid, lu->cluster->master_node))
		return;
	if (rpc_file(lu->a, path, &file, &e) < 0 ||
	    rpc_call(lu->rpc, lu->a, RPC_upload_file, &n, json_pack("[o]", file), &out, &e) < 0)
		lu_warn(lu, NULL, "Copy of file %s to node %s failed: %s", path, n.name, err_msg(&e));
}

/* Nodes to promote. Any will do; the order of names makes it repeatable. */
static struct strs choose(struct luctx *lu, const struct strs *except)
{
	struct mc_stats st = lu_candidate_stats(lu, lu->cluster->candidate_pool_size, except);
	struct strs uuids = snap_uuids(lu->snap, OBJ_NODE), out = { NULL, 0 };

	for (size_t i = 0; i < uuids.n && st.now < st.should; i++) {
		const struct node *n = snap_node(lu->snap, uuids.v[i]);

		if (!usable(n) || n->master_candidate || (except && strs_has(except, uuids.v[i])))
			continue;
		strs_add(lu->a, &out, arena_strdup(lu->a, uuids.v[i]));
		st.now++;
	}
	return out;
}

static int promote(struct luctx *lu, const struct strs *chosen, struct err *e)
{
	struct strs names = { NULL, 0 };
	struct cluster c = *lu->cluster;
	json *certs = json_own(lu->a, lu_candidate_certs(lu, "", NULL));
	const char *digest = NULL;

	for (size_t i = 0; i < chosen->n; i++) {
		struct node n = *snap_node(lu->snap, chosen->v[i]);

		strs_add(lu->a, &names, arena_strdup(lu->a, n.name));
		TRY(lu_node_digest(lu, chosen->v[i], &digest, e));
		json_set(certs, chosen->v[i], json_new_str(digest));
		n.master_candidate = true;
		n.has_master_candidate = true;
		lu_update(lu, OBJ_NODE, &n);
	}
	lu_info(lu, "Promoted nodes to master candidate role: %s", strs_join(lu->a, &names, ", "));
	c.candidate_certs = certs;
	c.has_candidate_certs = true;
	lu_update(lu, OBJ_CLUSTER, &c);
	TRY(lu_commit(lu, e));
	for (size_t i = 0; i < chosen->n; i++) {
		lu_equip_candidate(lu, chosen->v[i]);
		TRY(lu_ssh_add(lu, chosen->v[i], names.v[i], true, false, e));
	}
	return 0;
}

int lu_adjust_candidates(struct luctx *lu, const struct strs *except, struct err *e)
{
	struct strs chosen = choose(lu, except);
	struct mc_stats st;

	if (chosen.n)
		TRY(promote(lu, &chosen, e));
	st = lu_candidate_stats(lu, lu->cluster->candidate_pool_size, except);
	if (st.now > st.should)
		lu_info(lu, "Note: more nodes are candidates (%d) than desired value (%d)", st.now,
			st.should);
	return 0;
}
