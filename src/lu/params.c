/* Arithmetic on dicts of parameters as opcodes bring them. */
#include "src/lu/lu.h"

int lu_coerce(struct luctx *lu, const struct record *r, const json *in, const char *const *allowed,
	      json **ret, struct err *e)
{
	struct err why CLEANUP(err_clear) = ERR_NONE;
	json *out;

	if (record_coerce(r, in, allowed, &out, &why) < 0)
		return err_set(e, TypeEnforcementError, NULL, "%s", err_msg(&why));
	*ret = json_own(lu->a, out);
	return 0;
}

json *lu_updated_params(struct luctx *lu, const json *old, const json *changes, bool use_none)
{
	json *out = json_own(lu->a, old ? json_clone(old) : json_new_dict());

	json_each(changes, key, v) {
		if (str_eq(json_str(v), "default") || (use_none && !v))
			json_del(out, key);
		else
			json_set(out, key, json_clone(v));
	}
	return out;
}

int lu_merge_hv_state(struct luctx *lu, const json *old, const json *changes, json **ret, struct err *e)
{
	json *all = json_own(lu->a, old ? json_clone(old) : json_new_dict()), *one;

	json_each(changes, name, params) {
		json *full = json_own(lu->a, record_defaults(rec_hvstate()));

		if (enum_value(&enum_hypervisor, name) < 0)
			return err_set(e, ERR_PREREQ, ECODE_INVAL,
				       "Invalid hypervisor(s) in hypervisor state: %s", name);
		TRY(lu_coerce(lu, rec_hvstate(), params, NULL, &one, e));
		json_merge(full, json_get(all, name));
		json_set(all, name, json_ref(json_merge(full, one)));
	}
	*ret = all;
	return 0;
}
