/* OP_GROUP_SET_PARAMS, and the checks of settings it shares with OP_GROUP_ADD */
#include "src/lu/group/lus.h"

#include "lib/ui/ui.h"

/* --- settings --- */
static int set_policy(struct luctx *lu, const json *change, struct nodegroup *g, struct err *e)
{
	json *policy;

	TRY(lu_policy_new(lu, g->ipolicy, change, true, &policy, e));
	LU_SET(g, ipolicy, policy);
	return lu_policy_templates(lu, fill_ipolicy(lu->a, lu->cluster, g), &lu->cluster->enabled_disk_templates, e);
}

int group_set(struct luctx *lu, const struct group_settings *s, struct nodegroup *g, struct err *e)
{
	struct ndparams nd;
	json *j;

	if (json_len(s->disk_state))
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "Disk states are not supported by this version");
	if (json_len(s->ndparams)) {
		TRY(lu_ndparams(lu, g->has_ndparams ? &g->ndparams : NULL, s->ndparams, &nd, e));
		LU_SET(g, ndparams, nd);
	}
	if (json_len(s->hv_state)) {
		TRY(lu_merge_hv_state(lu, g->hv_state_static, s->hv_state, &j, e));
		LU_SET(g, hv_state_static, j);
	}
	if (json_len(s->diskparams)) {
		TRY(lu_disk_params(lu, g->diskparams, s->diskparams, true, &j, e));
		LU_SET(g, diskparams, j);
	}
	return json_len(s->ipolicy) ? set_policy(lu, s->ipolicy, g, e) : 0;
}

/* --- the unit --- */
static struct group_settings settings(const struct op_group_set_params *op)
{
	return (struct group_settings){
		op->ndparams, op->diskparams, op->hv_state, op->disk_state, op->ipolicy,
	};
}

static int check_args(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_group_set_params *op = op_;

	(void)lu;
	if (op->has_ndparams || op->has_diskparams || op->has_alloc_policy || op->has_hv_state ||
	    op->has_disk_state || op->has_ipolicy)
		return 0;
	return err_set(e, ERR_PREREQ, ECODE_INVAL, "Please pass at least one modification");
}

static int expand(struct luctx *lu, const void *op, struct err *e)
{
	struct group_ref *st = lu->state;

	return group_expand(lu, ((const struct op_group_set_params *)op)->group_name, st, e);
}

static int declare(struct luctx *lu, const void *op, enum lock_level level, struct err *e)
{
	struct group_ref *st = lu->state;

	(void)op;
	(void)e;
	if (level == LOCK_INSTANCE)
		lu_need_group_instances(lu, st->uuid);
	return 0;
}

static int prereq(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_group_set_params *op = op_;
	struct group_ref *st = lu->state;
	struct group_settings s = settings(op);
	struct strs broken = { NULL, 0 };
	const struct nodegroup *g;
	struct nodegroup new;

	TRY(lu_group_instances_stay(lu, st->uuid, e));
	TRY(lu_group_stays(lu, st->uuid, op->group_name, &g, e));
	new = *g;
	TRY(group_set(lu, &s, &new, e));
	if (!json_len(op->ipolicy))
		return 0;
	TRY(lu_policy_broken(lu, st->uuid, fill_ipolicy(lu->a, lu->cluster, g),
			     fill_ipolicy(lu->a, lu->cluster, &new), &broken, e));
	lu_policy_warn(lu, &broken);
	return 0;
}

static int hooks(struct luctx *lu, const void *op_, json *env, struct strs *pre, struct strs *post,
		 struct err *e)
{
	const struct op_group_set_params *op = op_;

	(void)post;
	(void)e;
	json_set(env, "GROUP_NAME", json_new_str(op->group_name));
	json_set(env, "NEW_ALLOC_POLICY",
		 op->has_alloc_policy ? json_new_str(enum_name(&enum_alloc_policy, op->alloc_policy)) : NULL);
	strs_add(lu->a, pre, lu->cluster->master_node);
	return 0;
}

/* As upstream prints them: the text of a dict. */
static void changed(json *result, const char *what, const json *now)
{
	struct str text CLEANUP(str_free) = { 0 };

	ui_text(&text, now);
	json_append(result, json_pack("[s, s]", what, str_get(&text)));
}

static int exec(struct luctx *lu, const void *op_, json **ret, struct err *e)
{
	const struct op_group_set_params *op = op_;
	struct group_settings s = settings(op);
	struct group_ref *st = lu->state;
	json *result = json_own(lu->a, json_new_array());
	const struct nodegroup *g;
	struct nodegroup new;

	TRY(lu_group_stays(lu, st->uuid, op->group_name, &g, e));
	new = *g;
	TRY(group_set(lu, &s, &new, e));
	if (op->has_alloc_policy)
		LU_SET(&new, alloc_policy, op->alloc_policy);
	if (json_len(op->ndparams))
		changed(result, "ndparams", json_own(lu->a, record_emit(rec_ndparams(), &new.ndparams, 0)));
	if (json_len(op->diskparams))
		changed(result, "diskparams", new.diskparams);
	lu_update(lu, OBJ_NODEGROUP, &new);
	TRY(lu_commit(lu, e));
	*ret = json_ref(result);
	return 0;
}

const struct lu lu_group_set_params = {
	.hooks_path = "group-modify", .hooks_type = "GROUP", .state_size = sizeof(struct group_ref),
	.check_args = check_args, .expand = expand, .declare = declare, .prereq = prereq, .hooks = hooks,
	.exec = exec,
};
