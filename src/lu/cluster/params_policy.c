/* The instance policy of a cluster: changing it, and who would break it. */
#include "src/lu/cluster/lus.h"

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

/* Upstream: GetUpdatedIPolicy, of a cluster. */
int cluster_policy_new(struct luctx *lu, const json *old, const json *change, json **ret, struct err *e)
{
	json *out = json_own(lu->a, json_clone(old)), *v = NULL;
	struct err why CLEANUP(err_clear) = ERR_NONE;

	json_each(change, key, value) {
		const struct field *f = record_field(rec_ipolicy(), key);

		if (!f)
			return err_set(e, ERR_PREREQ, ECODE_INVAL, "Invalid key in new ipolicy: %s", key);
		if (resets(value) && f->opt) {
			if (json_has(out, key))
				json_del(out, key);
			continue;
		}
		if (resets(value))
			return err_set(e, ERR_PREREQ, ECODE_INVAL,
				       "Can't unset value for '%s' on the cluster'", key);
		if (f->type == &type_num) {
			TRY(ratio(key, value, &v, e));
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
	if (policy_check(out, false, &why) < 0)
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

/* Is one of the instance's nodes in the group? */
static bool touches(struct luctx *lu, const struct instance *i, const char *group)
{
	struct strs nodes = lu_instance_nodes(lu, i);

	for (size_t k = 0; k < nodes.n; k++)
		if (str_eq(snap_node(lu->snap, nodes.v[k])->group, group))
			return true;
	return false;
}

int cluster_policy_warn(struct luctx *lu, const struct cluster *c, struct err *e)
{
	struct strs groups = snap_uuids(lu->snap, OBJ_NODEGROUP), bad = { NULL, 0 };
	struct strs all = snap_uuids(lu->snap, OBJ_INSTANCE);

	for (size_t g = 0; g < groups.n; g++) {
		const struct nodegroup *group = snap_group(lu->snap, groups.v[g]);
		json *before = fill_ipolicy(lu->a, lu->cluster, group);
		json *after = fill_ipolicy(lu->a, c, group);

		for (size_t k = 0; k < all.n; k++) {
			const struct instance *i = snap_instance(lu->snap, all.v[k]);
			size_t was, is;

			if (!touches(lu, i, groups.v[g]) || strs_has(&bad, i->name))
				continue;
			TRY(count_violations(lu, i, before, &was, e));
			TRY(count_violations(lu, i, after, &is, e));
			if (is && !was)
				strs_add(lu->a, &bad, i->name);
		}
	}
	if (!bad.n)
		return 0;
	strs_sort_nat(&bad);
	lu_warn(lu, NULL, "After the ipolicy change the following instances violate them: %s",
		strs_join(lu->a, &bad, ", "));
	return 0;
}
