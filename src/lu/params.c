/* Arithmetic on dicts of parameters as opcodes bring them. */
#include "src/lu/lu.h"

#include <ctype.h>
#include <string.h>

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

int lu_disk_params(struct luctx *lu, const json *old, const json *changes, bool may_unset, json **ret,
		   struct err *e)
{
	static const char *const unset[] = { "default", NULL };
	json *all = json_own(lu->a, old ? json_clone(old) : json_new_dict()), *one;

	json_each(changes, name, params) {
		int t = enum_value(&enum_disk_template, name);

		if (t < 0)
			return err_set(e, ERR_PREREQ, ECODE_INVAL, "Unknown disk template '%s'", name);
		if (lu_coerce(lu, diskparams_record(t), params, may_unset ? unset : NULL, &one, e) < 0) {
			err_prefix(e, "While verify diskparam options");
			return lu_as_prereq(e, ECODE_INVAL);
		}
		json_set(all, name, json_ref(lu_updated_params(lu, json_get(all, name), one, false)));
	}
	*ret = all;
	return 0;
}

int lu_ndparams(struct luctx *lu, const struct ndparams *old, const json *changes, struct ndparams *ret,
		struct err *e)
{
	static const char *const unset[] = { "default", NULL };
	json *clean, *now = old ? json_own(lu->a, record_emit(rec_ndparams(), old, 0)) : NULL;

	TRY(lu_coerce(lu, rec_ndparams(), changes, unset, &clean, e));
	now = lu_updated_params(lu, now, clean, false);
	if (record_parse(rec_ndparams(), lu->a, now, ret, REC_NO_DEFAULTS, NULL, e) < 0)
		return lu_as_prereq(e, ECODE_INVAL);
	return 0;
}

/* Three octets, in lower case (upstream: NormalizeAndValidateThreeOctetMacPrefix). */
int lu_mac_prefix(struct luctx *lu, const char *text, const char **ret, struct err *e)
{
	const char *p = str_lower(lu->a, text);
	bool good = strlen(p) == 8;

	for (size_t i = 0; good && i < 8; i++)
		good = i % 3 == 2 ? p[i] == ':' : isxdigit((unsigned char)p[i]) != 0;
	if (!good)
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "Invalid MAC address prefix '%s'", text);
	*ret = p;
	return 0;
}
