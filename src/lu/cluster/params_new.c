/* OP_CLUSTER_SET_PARAMS: today's cluster object and the opcode make the new one. No node is asked. */
#include "src/lu/cluster/lus.h"

#include <string.h>

static json *copy(struct luctx *lu, const json *j)
{
	return json_own(lu->a, j ? json_clone(j) : json_new_dict());
}

static int invalid(struct err *e, const char *what, const char *arg)
{
	return err_set(e, ERR_PREREQ, ECODE_INVAL, "%s '%s'", what, arg);
}

/* --- parameter dicts --- */
static int merge_hv(struct luctx *lu, json *all, const json *changes, const char *owner, struct err *e)
{
	json *one;

	json_each(changes, name, params) {
		int h = enum_value(&enum_hypervisor, name);

		if (h < 0)
			return invalid(e, "Unknown hypervisor", name);
		if (!params && owner) { /* only for an OS: back to the cluster's values */
			json_del(all, name);
			continue;
		}
		TRY(lu_coerce(lu, hvparams_record(h), params, NULL, &one, e));
		if (!json_get(all, name))
			json_set(all, name, json_new_dict());
		json_merge(json_get(all, name), one);
	}
	return 0;
}

static int new_hv(struct luctx *lu, const struct op_cluster_set_params *op, struct cluster *c,
		  struct err *e)
{
	json *all = copy(lu, c->hvparams), *os_hvp = copy(lu, c->os_hvp);

	if (op->has_hvparams)
		TRY(merge_hv(lu, all, op->hvparams, NULL, e));
	LU_SET(c, hvparams, all);
	if (!op->has_os_hvp)
		return 0;
	json_each(op->os_hvp, os, changes) {
		if (!json_get(os_hvp, os))
			json_set(os_hvp, os, json_new_dict());
		TRY(merge_hv(lu, json_get(os_hvp, os), changes, os, e));
	}
	LU_SET(c, os_hvp, os_hvp);
	return 0;
}

/* A hypervisor enabled for the first time gets all of its defaults. */
static int new_hv_list(struct luctx *lu, const struct op_cluster_set_params *op, struct cluster *c,
		       struct err *e)
{
	if (!op->has_enabled_hypervisors)
		return 0;
	if (!op->enabled_hypervisors.n)
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Enabled hypervisors list must contain at least one member");
	for (size_t i = 0; i < op->enabled_hypervisors.n; i++) {
		const char *name = op->enabled_hypervisors.v[i];
		json *full = json_own(
			lu->a, record_defaults(hvparams_record(enum_value(&enum_hypervisor, name))));

		TRY(hypervisor_check_supported(name, e));
		json_merge(full, json_get(c->hvparams, name));
		json_set(c->hvparams, name, json_ref(full));
	}
	LU_SET(c, enabled_hypervisors, op->enabled_hypervisors);
	return 0;
}

/* "memory" stands for both limits (upstream: UpgradeBeParams). */
static json *with_memory(struct luctx *lu, const json *in)
{
	json *out = copy(lu, in), *both = json_get(out, "memory");

	if (both) {
		json_set(out, "maxmem", json_ref(both));
		json_set(out, "minmem", json_ref(both));
		json_del(out, "memory");
	}
	return out;
}

static int new_default(struct luctx *lu, const struct record *r, const json *old, const json *change,
		       json **ret, struct err *e)
{
	json *clean, *out = copy(lu, old), *all = json_own(lu->a, record_defaults(r));

	TRY(lu_coerce(lu, r, change, NULL, &clean, e));
	json_merge(all, json_get(out, "default"));
	json_merge(all, clean);
	json_set(out, "default", json_ref(all));
	*ret = out;
	return 0;
}

static int new_objects(struct luctx *lu, const struct op_cluster_set_params *op, struct cluster *c,
		       struct err *e)
{
	json *out, *full;

	if (op->has_beparams) {
		TRY(new_default(lu, rec_beparams(), c->beparams, with_memory(lu, op->beparams), &out,
				e));
		if (json_get_int(json_get(out, "default"), "minmem", 0) >
		    json_get_int(json_get(out, "default"), "maxmem", 0))
			return err_set(e, ERR_PREREQ, ECODE_INVAL,
				       "Minimum memory is larger than maximum memory");
		LU_SET(c, beparams, out);
	}
	if (op->has_nicparams) {
		TRY(new_default(lu, rec_nicparams(), c->nicparams, op->nicparams, &out, e));
		TRY(nicparams_check(json_get(out, "default"), e));
		LU_SET(c, nicparams, out);
	}
	if (op->has_ndparams) {
		TRY(lu_coerce(lu, rec_ndparams(), op->ndparams, NULL, &out, e));
		full = json_own(lu->a, record_emit(rec_ndparams(), &c->ndparams, 0));
		json_merge(full, out);
		if (record_parse(rec_ndparams(), lu->a, full, &c->ndparams, 0, NULL, e) < 0)
			return lu_as_prereq(e, ECODE_INVAL);
	}
	return 0;
}

static int new_disk_params(struct luctx *lu, const struct op_cluster_set_params *op,
			   struct cluster *c, struct err *e)
{
	json *all;

	if (!op->has_diskparams)
		return 0;
	TRY(lu_disk_params(lu, c->diskparams, op->diskparams, false, &all, e));
	LU_SET(c, diskparams, all);
	return 0;
}

static json *os_params(struct luctx *lu, const json *old, const json *changes)
{
	json *all = copy(lu, old);

	json_each(changes, os, change) {
		json *one = lu_updated_params(lu, json_get(all, os), change, true);

		if (json_len(one))
			json_set(all, os, json_ref(one));
		else
			json_del(all, os);
	}
	return all;
}

static int new_hv_state(struct luctx *lu, const struct op_cluster_set_params *op, struct cluster *c,
			struct err *e)
{
	json *all;

	if (json_len(op->disk_state))
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Disk states are not supported by this version");
	if (!op->has_hv_state)
		return 0;
	TRY(lu_merge_hv_state(lu, c->hv_state_static, op->hv_state, &all, e));
	LU_SET(c, hv_state_static, all);
	return 0;
}

/* --- lists --- */
static int check_uid_ranges(const json *ranges, struct err *e)
{
	json_items(ranges, i, r) {
		int64_t low = json_int(json_at(r, 0), -1), high = json_int(json_at(r, 1), -1);

		if (low > high)
			return err_set(e, ERR_PREREQ, ECODE_INVAL,
				       "Lower user-id range boundary value (%lld) is larger than higher "
				       "boundary value (%lld)",
				       (long long)low, (long long)high);
		if (low < 0)
			return err_set(e, ERR_PREREQ, ECODE_INVAL,
				       "User-ids must be within the allowed range");
	}
	return 0;
}

static bool has_range(const json *pool, const json *range)
{
	json_items(pool, i, r)
		if (json_equal(r, range))
			return true;
	return false;
}

static json *without_range(struct luctx *lu, const json *pool, const json *range)
{
	json *out = json_own(lu->a, json_new_array());

	json_items(pool, i, r)
		if (!json_equal(r, range))
			json_append(out, json_ref(r));
	return out;
}

static int new_uid_pool(struct luctx *lu, const struct op_cluster_set_params *op, struct cluster *c,
			struct err *e)
{
	json *pool = json_own(lu->a, c->uid_pool ? json_clone(c->uid_pool) : json_new_array());

	TRY(check_uid_ranges(op->uid_pool, e));
	TRY(check_uid_ranges(op->add_uids, e));
	TRY(check_uid_ranges(op->remove_uids, e));
	json_items(op->add_uids, i, r)
		if (!has_range(pool, r))
			json_append(pool, json_clone(r));
	json_items(op->remove_uids, k, r) {
		if (!has_range(pool, r))
			return err_set(e, ERR_PREREQ, ECODE_INVAL,
				       "User-id range to be removed is not found in the current user-id "
				       "pool: %s",
				       json_dump_in(lu->a, r));
		pool = without_range(lu, pool, r);
	}
	if (op->has_uid_pool)
		pool = op->uid_pool;
	LU_SET(c, uid_pool, pool);
	return 0;
}

static struct strs change_os_list(struct luctx *lu, const struct strs *old, const json *mods,
				  const char *what, struct strs *notes)
{
	struct strs out = { NULL, 0 }, gone = { NULL, 0 };

	for (size_t i = 0; i < old->n; i++)
		strs_add(lu->a, &out, old->v[i]);
	json_items(mods, i, mod) {
		bool add = enum_value(&enum_ddm, json_str(json_at(mod, 0))) == ddm_add;
		const char *os = json_str(json_at(mod, 1));

		if (add && strs_has(&out, os)) {
			strs_add(lu->a, notes,
				 arena_printf(lu->a, "OS %s already in %s OS list, ignoring", os, what));
		} else if (add) {
			strs_add(lu->a, &out, os);
		} else if (!strs_has(&out, os)) {
			strs_add(lu->a, notes,
				 arena_printf(lu->a, "OS %s not found in %s OS list, ignoring", os, what));
		} else {
			gone.n = 0;
			strs_add(lu->a, &gone, os);
			out = strs_minus(lu->a, &out, &gone);
		}
	}
	return out;
}

static int new_templates(struct luctx *lu, const struct op_cluster_set_params *op, struct cluster *c,
			 struct err *e)
{
	if (!op->has_enabled_disk_templates)
		return 0;
	if (!op->enabled_disk_templates.n)
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Enabled disk templates list must contain at least one member");
	(void)lu;
	for (size_t i = 0; i < op->enabled_disk_templates.n; i++)
		TRY(template_check_supported(op->enabled_disk_templates.v[i], e));
	LU_SET(c, enabled_disk_templates, op->enabled_disk_templates);
	return 0;
}

static int new_collectors(struct luctx *lu, const struct op_cluster_set_params *op,
			  struct cluster *c, struct err *e)
{
	json *all = copy(lu, c->data_collectors);

	json_each(op->enabled_data_collectors, name, on) {
		if (!json_get(all, name))
			return invalid(e, "Invalid data collector", name);
		json_set(json_get(all, name), "active", json_ref(on));
	}
	json_each(op->data_collector_interval, name2, us) {
		if (!json_get(all, name2))
			return invalid(e, "Invalid data collector", name2);
		json_set(json_get(all, name2), "interval", json_ref(us));
	}
	LU_SET(c, data_collectors, all);
	return 0;
}

/* --- directories and plain values --- */
static int new_dir(struct luctx *lu, const char *dir, const char *old, const struct cluster *c,
		   disk_template_t t, struct strs *notes, const char **ret, struct err *e)
{
	const char *name = enum_name(&enum_disk_template, t);
	bool on = strs_has(&c->enabled_disk_templates, name);

	if (!*dir && on)
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Unsetting the '%s' storage directory while having '%s' storage enabled "
			       "is not permitted.",
			       name, name);
	if (*dir && !fs_is_norm_abs(dir))
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "File storage directory '%s' is not an absolute path", dir);
	if (*dir && !on)
		strs_add(lu->a, notes,
			 arena_printf(lu->a,
				      "Specified a %s storage directory, although %s storage is not "
				      "enabled.",
				      name, name));
	if (str_eq(dir, old))
		strs_add(lu->a, notes,
			 arena_printf(lu->a, "Global file storage dir already set to value '%s'", dir));
	*ret = dir;
	return 0;
}

static int new_dirs(struct luctx *lu, const struct op_cluster_set_params *op, struct cluster *c,
		    struct strs *notes, struct err *e)
{
	const char *dir;

	if (op->has_file_storage_dir) {
		TRY(new_dir(lu, op->file_storage_dir, c->file_storage_dir, c, disk_template_file,
			    notes, &dir, e));
		LU_SET(c, file_storage_dir, dir);
	}
	if (op->has_shared_file_storage_dir) {
		TRY(new_dir(lu, op->shared_file_storage_dir, c->shared_file_storage_dir, c,
			    disk_template_sharedfile, notes, &dir, e));
		LU_SET(c, shared_file_storage_dir, dir);
	}
	if (op->has_gluster_storage_dir) {
		TRY(new_dir(lu, op->gluster_storage_dir, c->gluster_storage_dir, c,
			    disk_template_gluster, notes, &dir, e));
		LU_SET(c, gluster_storage_dir, dir);
	}
	return 0;
}

/* What this version has no use for may be cleared, not set. */
static int refuse(const struct op_cluster_set_params *op, struct err *e)
{
	const struct {
		const char *value, *what;
	} no[] = {
		{ op->has_vg_name ? op->vg_name : NULL, "Volume groups" },
		{ op->has_drbd_helper ? op->drbd_helper : NULL, "DRBD helpers" },
		{ op->has_instance_communication_network ? op->instance_communication_network : NULL,
		  "Instance communication networks" },
		{ op->has_zeroing_image ? op->zeroing_image : NULL, "Zeroing images" },
		{ op->has_install_image ? op->install_image : NULL, "Install images" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		if (no[i].value && *no[i].value)
			return err_set(e, ERR_PREREQ, ECODE_INVAL,
				       "%s are not supported by this version", no[i].what);
	if (op->has_maintain_node_health && op->maintain_node_health)
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Node health maintenance is not supported by this version");
	return 0;
}

#define TAKE(member)                                     \
	do {                                             \
		if (op->has_##member)                    \
			LU_SET(c, member, op->member);   \
	} while (0)

static void plain_values(const struct op_cluster_set_params *op, struct cluster *c)
{
	TAKE(candidate_pool_size);
	TAKE(max_running_jobs);
	TAKE(max_tracked_jobs);
	TAKE(maintain_node_health);
	TAKE(prealloc_wipe_disks);
	TAKE(default_iallocator);
	TAKE(default_iallocator_params);
	TAKE(mac_prefix);
	TAKE(master_netdev);
	TAKE(master_netmask);
	TAKE(reserved_lvs);
	TAKE(use_external_mip_script);
	TAKE(modify_etc_hosts);
	TAKE(compression_tools);
	TAKE(enabled_user_shutdown);
	TAKE(install_image);
	TAKE(zeroing_image);
	TAKE(instance_communication_network);
}

int cluster_params_new(struct luctx *lu, const struct op_cluster_set_params *op, struct cluster *ret,
		       struct strs *notes, struct err *e)
{
	struct cluster c = *lu->cluster;
	json *policy;

	TRY(refuse(op, e));
	plain_values(op, &c);
	TRY(new_templates(lu, op, &c, e));
	TRY(new_hv(lu, op, &c, e));
	TRY(new_hv_list(lu, op, &c, e));
	TRY(new_objects(lu, op, &c, e));
	TRY(new_disk_params(lu, op, &c, e));
	TRY(new_hv_state(lu, op, &c, e));
	TRY(new_dirs(lu, op, &c, notes, e));
	TRY(new_collectors(lu, op, &c, e));
	if (op->has_osparams)
		LU_SET(&c, osparams, os_params(lu, c.osparams, op->osparams));
	if (op->has_osparams_private_cluster)
		LU_SET(&c, osparams_private_cluster,
		       os_params(lu, c.osparams_private_cluster, op->osparams_private_cluster));
	if (op->has_uid_pool || op->has_add_uids || op->has_remove_uids)
		TRY(new_uid_pool(lu, op, &c, e));
	if (op->has_hidden_os)
		LU_SET(&c, hidden_os,
		       change_os_list(lu, &c.hidden_os, op->hidden_os, "hidden", notes));
	if (op->has_blacklisted_os)
		LU_SET(&c, blacklisted_os, change_os_list(lu, &c.blacklisted_os, op->blacklisted_os,
							  "blacklisted", notes));
	if (op->has_ipolicy) {
		TRY(lu_policy_new(lu, c.ipolicy, op->ipolicy, false, &policy, e));
		LU_SET(&c, ipolicy, policy);
	}
	*ret = c;
	return 0;
}
