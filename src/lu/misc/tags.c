/* Tags of all taggable objects. */
#include "src/lu/lu.h"

#include <regex.h>

struct target {
	enum obj_kind kind;
	const char *uuid; /* in lu->a */
};

static int find_target(struct luctx *lu, int kind, const char *name, struct target *t,
		       enum lock_level *ret_level, const char **ret_lock, struct err *e)
{
	const struct instance *i;
	const struct network *net;
	const struct nodegroup *g;
	const struct node *n;
	const char *uuid = lu->cluster->uuid;

	*ret_lock = NULL;
	*ret_level = LOCK_CLUSTER;
	switch ((enum tag_kind)kind) {
	case tag_kind_cluster:
		t->kind = OBJ_CLUSTER;
		break;
	case tag_kind_instance:
		TRY(snap_find_instance(lu->snap, name, &i, e));
		t->kind = OBJ_INSTANCE;
		*ret_level = LOCK_INSTANCE;
		*ret_lock = i->name;
		uuid = i->uuid;
		break;
	case tag_kind_node:
		TRY(snap_find_node(lu->snap, name, &n, e));
		t->kind = OBJ_NODE;
		*ret_level = LOCK_NODE;
		*ret_lock = uuid = n->uuid;
		break;
	case tag_kind_nodegroup:
		TRY(snap_find_group(lu->snap, name, &g, e));
		t->kind = OBJ_NODEGROUP;
		*ret_level = LOCK_NODEGROUP;
		*ret_lock = uuid = g->uuid;
		break;
	case tag_kind_network:
		TRY(snap_find_network(lu->snap, name, &net, e));
		t->kind = OBJ_NETWORK;
		*ret_level = LOCK_NETWORK;
		*ret_lock = uuid = net->uuid;
		break;
	}
	t->uuid = arena_strdup(lu->a, uuid);
	return 0;
}

/* Tags of the target in the present snapshot; NULL when it is gone. */
static const struct strs *tags_of(struct luctx *lu, enum obj_kind kind, const char *uuid)
{
	const struct instance *i;
	const struct network *net;
	const struct nodegroup *g;
	const struct node *n;

	switch (kind) {
	case OBJ_INSTANCE:
		return (i = snap_instance(lu->snap, uuid)) ? &i->tags : NULL;
	case OBJ_NODE:
		return (n = snap_node(lu->snap, uuid)) ? &n->tags : NULL;
	case OBJ_NODEGROUP:
		return (g = snap_group(lu->snap, uuid)) ? &g->tags : NULL;
	case OBJ_NETWORK:
		return (net = snap_network(lu->snap, uuid)) ? &net->tags : NULL;
	default:
		return &lu->cluster->tags;
	}
}

static int commit_tags(struct luctx *lu, const struct target *t, const struct strs *tags,
		       struct err *e)
{
	switch (t->kind) {
	case OBJ_INSTANCE: {
		struct instance o = *snap_instance(lu->snap, t->uuid);

		o.tags = *tags;
		o.has_tags = true;
		lu_update(lu, t->kind, &o);
		break;
	}
	case OBJ_NODE: {
		struct node o = *snap_node(lu->snap, t->uuid);

		o.tags = *tags;
		o.has_tags = true;
		lu_update(lu, t->kind, &o);
		break;
	}
	case OBJ_NODEGROUP: {
		struct nodegroup o = *snap_group(lu->snap, t->uuid);

		o.tags = *tags;
		o.has_tags = true;
		lu_update(lu, t->kind, &o);
		break;
	}
	case OBJ_NETWORK: {
		struct network o = *snap_network(lu->snap, t->uuid);

		o.tags = *tags;
		o.has_tags = true;
		lu_update(lu, t->kind, &o);
		break;
	}
	default: {
		struct cluster o = *lu->cluster;

		o.tags = *tags;
		o.has_tags = true;
		lu_update(lu, OBJ_CLUSTER, &o);
		break;
	}
	}
	return lu_commit(lu, e);
}

static int gone(struct err *e)
{
	return err_set(e, ERR_PREREQ, ECODE_NOENT, "The object was removed meanwhile");
}

/* --- get --- */
static int get_expand(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_tags_get *op = op_;
	const char *lock;
	enum lock_level level;

	TRY(find_target(lu, op->kind, op->name, lu->state, &level, &lock, e));
	if (lock && op->use_locking)
		lu_need(lu, level, lock, true);
	return 0;
}

static int get_exec(struct luctx *lu, const void *op, json **ret, struct err *e)
{
	const struct target *t = lu->state;
	const struct strs *tags = tags_of(lu, t->kind, t->uuid);

	(void)op;
	if (!tags)
		return gone(e);
	*ret = json_new_strs(tags);
	return 0;
}

const struct lu lu_tags_get = {
	.state_size = sizeof(struct target), .expand = get_expand, .exec = get_exec,
};

/* --- search --- */
static void search_one(json *out, const regex_t *re, const char *path, const struct strs *tags)
{
	for (size_t i = 0; i < tags->n; i++)
		if (regexec(re, tags->v[i], 0, NULL, 0) == 0)
			json_append(out, json_pack("[s, s]", path, tags->v[i]));
}

static void search_kind(struct luctx *lu, json *out, const regex_t *re, enum obj_kind kind,
			const char *prefix)
{
	struct strs uuids = snap_uuids(lu->snap, kind);

	for (size_t i = 0; i < uuids.n; i++) {
		const char *name = json_get_str(snap_json(lu->snap, kind, uuids.v[i]), "name");

		search_one(out, re, arena_printf(lu->a, "%s/%s", prefix, name),
			   tags_of(lu, kind, uuids.v[i]));
	}
}

static int search_exec(struct luctx *lu, const void *op_, json **ret, struct err *e)
{
	const struct op_tags_search *op = op_;
	char why[200];
	regex_t re;
	json *out;
	int rc = regcomp(&re, op->pattern, REG_EXTENDED | REG_NOSUB);

	if (rc) {
		regerror(rc, &re, why, sizeof(why));
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "Invalid search pattern '%s': %s",
			       op->pattern, why);
	}
	out = json_new_array();
	search_one(out, &re, "/cluster", &lu->cluster->tags);
	search_kind(lu, out, &re, OBJ_INSTANCE, "/instances");
	search_kind(lu, out, &re, OBJ_NODE, "/nodes");
	search_kind(lu, out, &re, OBJ_NODEGROUP, "/nodegroup");
	search_kind(lu, out, &re, OBJ_NETWORK, "/network");
	regfree(&re);
	*ret = out;
	return 0;
}

const struct lu lu_tags_search = { .exec = search_exec };

/* --- set --- */
static int lock_target(struct luctx *lu, int kind, const char *name, struct err *e)
{
	const char *lock;
	enum lock_level level;

	TRY(find_target(lu, kind, name, lu->state, &level, &lock, e));
	if (lock)
		lu_need(lu, level, lock, false);
	else /* of the cluster: one after the other, or all but one would find that it has changed meanwhile */
		lu_need(lu, LOCK_NODE_ALLOC, "NAL", false);
	return 0;
}

static int check_all(const struct strs *tags, struct err *e)
{
	for (size_t i = 0; i < tags->n; i++)
		TRY(tag_check(tags->v[i], e));
	return 0;
}

static int set_expand(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_tags_set *op = op_;

	return lock_target(lu, op->kind, op->name, e);
}

static int set_prereq(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_tags_set *op = op_;
	const struct target *t = lu->state;

	if (!tags_of(lu, t->kind, t->uuid))
		return gone(e);
	return check_all(&op->tags, e);
}

static int set_exec(struct luctx *lu, const void *op_, json **ret, struct err *e)
{
	const struct op_tags_set *op = op_;
	const struct target *t = lu->state;
	struct strs tags = { NULL, 0 };
	const struct strs *old = tags_of(lu, t->kind, t->uuid);

	(void)ret;
	for (size_t i = 0; i < old->n; i++)
		strs_add(lu->a, &tags, old->v[i]);
	for (size_t i = 0; i < op->tags.n; i++)
		if (!strs_has(&tags, op->tags.v[i]))
			strs_add(lu->a, &tags, op->tags.v[i]);
	if (tags.n > MAX_TAGS_PER_OBJ)
		return err_set(e, ERR_EXEC, NULL, "Error while setting tag: Too many tags");
	return commit_tags(lu, t, &tags, e);
}

const struct lu lu_tags_set = {
	.state_size = sizeof(struct target), .expand = set_expand, .prereq = set_prereq,
	.exec = set_exec,
};

/* --- del --- */
static int del_expand(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_tags_del *op = op_;

	return lock_target(lu, op->kind, op->name, e);
}

static int del_prereq(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_tags_del *op = op_;
	const struct target *t = lu->state;
	const struct strs *have = tags_of(lu, t->kind, t->uuid);
	struct strs missing = { NULL, 0 };

	if (!have)
		return gone(e);
	TRY(check_all(&op->tags, e));
	for (size_t i = 0; i < op->tags.n; i++)
		if (!strs_has(have, op->tags.v[i]))
			strs_add(lu->a, &missing, arena_printf(lu->a, "'%s'", op->tags.v[i]));
	if (!missing.n)
		return 0;
	strs_sort(&missing);
	strs_uniq(&missing);
	return err_set(e, ERR_PREREQ, ECODE_NOENT, "Tag(s) %s not found",
		       strs_join(lu->a, &missing, ", "));
}

static int del_exec(struct luctx *lu, const void *op_, json **ret, struct err *e)
{
	const struct op_tags_del *op = op_;
	const struct target *t = lu->state;
	struct strs tags = strs_minus(lu->a, tags_of(lu, t->kind, t->uuid), &op->tags);

	(void)ret;
	return commit_tags(lu, t, &tags, e);
}

const struct lu lu_tags_del = {
	.state_size = sizeof(struct target), .expand = del_expand, .prereq = del_prereq,
	.exec = del_exec,
};
