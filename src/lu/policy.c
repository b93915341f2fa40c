/* Instance policies of clusters and groups: changing them, and who would break them. */
#include "src/lu/lu.h"

#include "lib/base/parse.h"

#include <string.h>

static bool resets(const json *v)
{
	return !v || str_eq(json_str(v), "default") ||
	       (json_is(v, JSON_ARRAY) &&
		(!json_len(v) || (json_len(v) == 1 && str_eq(json_str(json_at(v, 0)), "default"))));
}

static int coerce_ranges(struct luctx *lu, const json *list, json **ret, struct err *e)
{
	json *out = json_own(lu->a, json_new_array()), *clean;

	json_items(list, i, range) {
		json *one = json_own(lu->a, json_new_dict());

		json_each(range, which, spec) {
			TRY(lu_coerce(lu, rec_ispec(), spec, NULL, &clean, e));
			json_set(one, which, json_ref(clean));
		}
		json_append(out, json_ref(one));
	}
	*ret = out;
	return 0;
}

static int ratio(const char *key, const json *v, json **ret, struct err *e)
{
	double d = json_float(v, -1);

	if (json_str(v) && parse_float(json_str(v), &d) < 0)
		d = -1;
	if (d < 0)
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "Invalid value for attribute '%s'", key);
	*ret = type_num.emit(&type_num, &d);
	return 0;
}

int lu_policy_new(struct luctx *lu, const json *old, const json *change, bool group, json **ret,
		  struct err *e)
{
	json *out = json_own(lu->a, old ? json_clone(old) : json_new_dict()), *v = NULL;
	struct err why CLEANUP(err_clear) = ERR_NONE;

	json_each(change, key, value) {
		const struct field *f = record_field(rec_ipolicy(), key);

		if (!f)
			return err_set(e, ERR_PREREQ, ECODE_INVAL, "Invalid key in new ipolicy: %s", key);
		if (resets(value) && (f->opt || group)) {
			if (json_has(out, key))
				json_del(out, key);
			continue;
		}
		if (resets(value))
			return err_set(e, ERR_PREREQ, ECODE_INVAL,
				       "Can't unset value for '%s' on the cluster'", key);
		if (f->type == &type_num) {
			TRY(ratio(key, value, &v, e));
		} else if (f->type == &type_ispec && group) {
			return err_set(e, ERR_PREREQ, ECODE_INVAL, "%s cannot appear in group instance specs",
				       key);
		} else if (f->type == &type_ispec) {
			TRY(lu_coerce(lu, rec_ispec(), value, NULL, &v, e));
			v = json_merge(json_clone(json_get(out, key)), v);
		} else if (f->type == &type_ispec_range_list) {
			TRY(coerce_ranges(lu, value, &v, e));
			v = json_ref(v);
		} else {
			v = json_clone(value);
		}
		json_set(out, key, v);
	}
	if (policy_check(out, group, &why) < 0)
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "Invalid instance policy: %s", err_msg(&why));
	*ret = out;
	return 0;
}

static int count_violations(struct luctx *lu, const struct instance *i, const json *policy,
			    size_t *ret, struct err *e)
{
	struct beparams be = fill_be(lu->a, lu->cluster, &i->beparams);
	struct ispec_values v = { .memory = be.maxmem, .cpus = be.vcpus, .nics = (int64_t)i->nics.n,
				  .spindles = be.spindle_use };
	const struct disk **disks;
	int64_t *sizes;

	TRY(snap_instance_disks(lu->snap, i, &disks, &v.n_disks, e));
	sizes = ARENA_ARRAY(lu->a, int64_t, v.n_disks + 1);
	for (size_t k = 0; k < v.n_disks; k++)
		sizes[k] = disks[k]->size;
	v.disk_sizes = sizes;
	v.template_ = v.n_disks ? disks[0]->dev_type : disk_template_diskless;
	*ret = policy_violations(lu->a, policy, &v).n;
	return 0;
}

int lu_policy_broken(struct luctx *lu, const char *group, const json *before, const json *after,
		     struct strs *ret, struct err *e)
{
	struct strs all = lu_group_instances(lu, group);

	for (size_t k = 0; k < all.n; k++) {
		const struct instance *i = snap_instance(lu->snap, all.v[k]);
		size_t was, is;

		TRY(count_violations(lu, i, before, &was, e));
		TRY(count_violations(lu, i, after, &is, e));
		if (is && !was && !strs_has(ret, i->name))
			strs_add(lu->a, ret, i->name);
	}
	return 0;
}

void lu_policy_warn(struct luctx *lu, struct strs *broken)
{
	if (!broken->n)
		return;
	strs_sort_nat(broken);
	lu_warn(lu, NULL, "After the ipolicy change the following instances violate them: %s",
		strs_join(lu->a, broken, ", "));
}

int lu_policy_templates(struct luctx *lu, const json *policy, const struct strs *enabled, struct err *e)
{
	struct strs allowed = json_strs(lu->a, json_get(policy, "disk-templates"));
	struct strs more = strs_minus(lu->a, &allowed, enabled);

	if (!more.n)
		return 0;
	return err_set(e, ERR_PREREQ, ECODE_INVAL,
		       "The following disk templates are allowed by the ipolicy, but not enabled on "
		       "the cluster: %s",
		       strs_join(lu->a, &more, ", "));
}
