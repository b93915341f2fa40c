#include "src/lu/instance/priv.h"

#define HV_STATE_SHUTDOWN 1
#define WCONF_TIMEOUT 60.0

int inst_expand(struct luctx *lu, const char *name, const char *uuid, bool forthcoming, struct inst *ret,
		struct err *e)
{
	const struct instance *i;

	TRY(lu_expand_instance(lu, name, uuid, &i, e));
	if (!forthcoming)
		TRY(lu_check_not_forthcoming(i, e));
	ret->uuid = arena_strdup(lu->a, i->uuid);
	ret->name = arena_strdup(lu->a, i->name);
	return 0;
}

int inst_get(struct luctx *lu, const struct inst *in, const struct instance **ret, struct err *e)
{
	const struct instance *i = snap_instance(lu->snap, in->uuid);

	if (!i)
		return err_set(e, ERR_PREREQ, ECODE_NOENT, "Instance '%s' not known", in->name);
	*ret = i;
	return 0;
}

int inst_lock_primary_res(struct luctx *lu, const struct inst *in, struct err *e)
{
	const struct instance *i;

	TRY(inst_get(lu, in, &i, e));
	lu_need(lu, LOCK_NODE_RES, i->primary_node, false);
	return 0;
}

void inst_hook_nodes(struct luctx *lu, const struct instance *i, struct strs *ret)
{
	struct strs nodes = lu_instance_nodes(lu, i);

	strs_add(lu->a, ret, arena_strdup(lu->a, lu->cluster->master_node));
	for (size_t k = 0; k < nodes.n; k++)
		strs_add(lu->a, ret, arena_strdup(lu->a, nodes.v[k]));
}

int inst_hooks(struct luctx *lu, const struct inst *in, json *env, struct strs *nodes, struct err *e)
{
	const struct instance *i;

	TRY(inst_get(lu, in, &i, e));
	inst_hook_nodes(lu, i, nodes);
	return lu_hookenv_instance(lu, i, env, e);
}

int inst_hooks_kept(struct luctx *lu, const struct inst *in, struct inst_hooks *kept, json *env, struct strs *nodes,
		    struct err *e)
{
	if (!kept->env) {
		kept->env = json_own(lu->a, json_new_dict());
		TRY(inst_hooks(lu, in, kept->env, &kept->nodes, e));
	}
	json_merge(env, kept->env);
	*nodes = kept->nodes;
	return 0;
}

json *inst_reason(struct luctx *lu)
{
	return lu->common->reason ? json_ref(lu->common->reason) : json_new_array();
}

int inst_coerce(struct luctx *lu, const struct record *r, const json *in, const char *const *allowed, json **ret,
		struct err *e)
{
	json *out;

	if (record_coerce(r, in, allowed, &out, e) < 0) {
		if (e)
			e->cls = TypeEnforcementError;
		return -1;
	}
	*ret = json_own(lu->a, out);
	return 0;
}

int inst_beparams(struct luctx *lu, const json *in, const char *const *allowed, json **ret, struct err *e)
{
	json *d = json_own(lu->a, json_merge(json_new_dict(), in));
	json *memory = json_get(d, "memory");

	if (json_has(d, "memory")) {
		json_set(d, "maxmem", json_ref(memory));
		json_set(d, "minmem", json_ref(memory));
		json_del(d, "memory");
	}
	return inst_coerce(lu, rec_beparams(), d, allowed, ret, e);
}

json *inst_updated(struct luctx *lu, const json *old, const json *update, bool none)
{
	json *out = json_own(lu->a, json_merge(json_new_dict(), old));

	json_each(update, key, v) {
		if (str_eq(json_str(v), "default") || (none && !v))
			json_del(out, key);
		else
			json_set(out, key, json_ref(v));
	}
	return out;
}

int inst_check_memory(const struct beparams *filled, struct err *e)
{
	if (filled->minmem <= filled->maxmem)
		return 0;
	return err_set(e, ERR_PREREQ, ECODE_INVAL, "Minimum memory (%lld MiB) is larger than maximum memory (%lld MiB)",
		       (long long)filled->minmem, (long long)filled->maxmem);
}

int inst_check_not_global(struct luctx *lu, const json *hvparams, struct err *e)
{
	struct strs used = { NULL, 0 };

	json_each(hvparams, key, v) {
		(void)v;
		if (hv_is_global(key))
			strs_add(lu->a, &used, key);
	}
	if (!used.n)
		return 0;
	return err_set(e, ERR_PREREQ, ECODE_INVAL,
		       "The following hypervisor parameters are global and cannot be customized at instance "
		       "level, please modify them at cluster level: %s",
		       strs_join(lu->a, &used, ", "));
}

int inst_allocator(struct luctx *lu, const char *allocator, const char *node, const char **ret, struct err *e)
{
	const char *dflt = lu->cluster->default_iallocator;

	if (node && allocator)
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "Do not specify both, iallocator and node");
	*ret = allocator;
	if (node || (allocator && !str_eq(allocator, ".")))
		return 0;
	if (!dflt || !*dflt)
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "No iallocator or node given and no cluster-wide default iallocator found; "
			       "please specify either an iallocator or a node, or set a cluster-wide default "
			       "iallocator");
	*ret = arena_strdup(lu->a, dflt);
	return 0;
}

bool inst_user_down(struct luctx *lu, const struct instance *i, const json *info)
{
	const json *hv;

	if (json_get_int(info, "state", -1) != HV_STATE_SHUTDOWN)
		return false;
	hv = fill_hv_instance(lu->a, lu->cluster, i);
	return i->hypervisor != hypervisor_kvm || json_get_bool(hv, "user_shutdown", false);
}

/* --- OS parameters --- */
/* Names of D that are in one of the others, too: "'a', 'b'". */
static const char *repeated(struct luctx *lu, const json *d, const json *other1, const json *other2)
{
	json *out = json_own(lu->a, json_new_array());

	json_each(d, key, v) {
		(void)v;
		if (json_has(other1, key) || json_has(other2, key))
			json_append(out, json_new_str(key));
	}
	return json_len(out) ? lu_py_list(lu, out) : NULL;
}

int inst_all_osparams(struct luctx *lu, const char *os, const json *public_, const json *private_,
		      const json *secret, json **ret, struct err *e)
{
	json *all = json_own(lu->a, json_clone(fill_os(lu->a, lu->cluster, os, public_)));
	json *priv = fill_os_private(lu->a, lu->cluster, os, private_);
	const char *p1 = repeated(lu, all, priv, secret), *p2 = repeated(lu, priv, all, secret);
	const char *p3 = repeated(lu, secret, all, priv);

	if (p1 || p2 || p3)
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Cannot assign multiple values to OS parameters.\n\n"
			       "      Conflicting OS parameters that would have been set by this operation:\n"
			       "      - at public visibility:  %s\n      - at private visibility: %s\n"
			       "      - at secret visibility:  %s",
			       p1 ? p1 : "(none)", p2 ? p2 : "(none)", p3 ? p3 : "(none)");
	json_merge(all, priv);
	*ret = json_merge(all, secret);
	return 0;
}

/* --- names --- */
static int name_taken(const char *name, struct err *e)
{
	return err_set(e, ERR_PREREQ, ECODE_EXISTS, "Instance '%s' is already in the cluster", name);
}

int inst_check_name_free(struct luctx *lu, const char *name, struct err *e)
{
	const struct instance *i;

	/* a short name or UUID of another one is not this name */
	if (snap_find_instance(lu->snap, name, &i, NULL) == 0 && str_eq(i->name, name))
		return name_taken(name, e);
	return 0;
}

int inst_reserve_name(struct luctx *lu, const char *name, struct err *e)
{
	struct err why CLEANUP(err_clear) = ERR_NONE;

	if (wconf_call(lu->wconf, "reserve_name", json_pack("{s:s, s:s}", "kind", "instance", "name", name),
		       WCONF_TIMEOUT, NULL, &why) == 0)
		return 0;
	return err_is(&why, ReservationError) ? name_taken(name, e) : err_move(e, &why);
}

int inst_take_port(struct luctx *lu, int64_t *ret, struct err *e)
{
	json *answer CLEANUP(json_putp) = NULL;

	TRY(wconf_call(lu->wconf, "reserve_port", json_new_dict(), WCONF_TIMEOUT, &answer, e));
	*ret = json_get_int(answer, "port", 0);
	return 0;
}

int64_t inst_disk_space(const struct disk *const *disks, size_t n)
{
	int64_t sum = 0;

	for (size_t k = 0; k < n; k++)
		sum += disks[k]->size;
	return sum;
}
