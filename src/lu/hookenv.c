/* INSTANCE_* variables of hook scripts (upstream: BuildInstanceHookEnv). */
#include "src/lu/lu.h"

static void put(struct luctx *lu, json *env, const char *prefix, const char *key, json *v)
{
	json_set(env, arena_printf(lu->a, "%s_%s", prefix, key), v);
}

static void put_str(struct luctx *lu, json *env, const char *prefix, const char *key, const char *v)
{
	put(lu, env, prefix, key, json_new_str(v ? v : ""));
}

static void put_given(struct luctx *lu, json *env, const char *prefix, const char *key, const char *v)
{
	if (v && *v)
		put_str(lu, env, prefix, key, v);
}

/* Upstream: NICToTuple and Network.HooksDict. */
static void nic_env(struct luctx *lu, json *env, size_t idx, const struct nic *n)
{
	struct nicparams p = fill_nic(lu->a, lu->cluster, &n->nicparams);
	const struct network *net = n->network ? snap_network(lu->snap, n->network) : NULL;
	char *pre = arena_printf(lu->a, "INSTANCE_NIC%zu", idx);

	put_given(lu, env, pre, "NAME", n->name);
	put_str(lu, env, pre, "UUID", n->uuid);
	put_str(lu, env, pre, "IP", n->ip);
	put_str(lu, env, pre, "MAC", n->mac);
	put_str(lu, env, pre, "MODE", enum_name(&enum_nic_mode, p.mode));
	put_str(lu, env, pre, "LINK", p.link);
	put_str(lu, env, pre, "VLAN", p.vlan);
	if (p.mode == nic_mode_bridged)
		put_str(lu, env, pre, "BRIDGE", p.link);
	if (!net)
		return;
	pre = arena_printf(lu->a, "%s_NETWORK", pre);
	put_str(lu, env, pre, "NAME", net->name);
	put_str(lu, env, pre, "UUID", net->uuid);
	put_str(lu, env, pre, "TAGS", strs_join(lu->a, &net->tags, " "));
	put_given(lu, env, pre, "SUBNET", net->network);
	put_given(lu, env, pre, "GATEWAY", net->gateway);
	put_given(lu, env, pre, "SUBNET6", net->network6);
	put_given(lu, env, pre, "GATEWAY6", net->gateway6);
	put_given(lu, env, pre, "MAC_PREFIX", net->mac_prefix);
}

/* What the logical id means, by template (upstream: BuildDiskLogicalIDEnv). */
static void disk_id_env(struct luctx *lu, json *env, const char *pre, const struct disk *d)
{
	static const char *const pairs[][2] = {
		[disk_template_plain] = { "VG", "ID" },      [disk_template_file] = { "DRIVER", "ID" },
		[disk_template_sharedfile] = { "DRIVER", "ID" }, [disk_template_blockdev] = { "DRIVER", "ID" },
		[disk_template_rbd] = { "DRIVER", "ID" },    [disk_template_ext] = { "PROVIDER", "ID" },
		[disk_template_gluster] = { "DRIVER", "ID" },
	};
	const char *const *keys = d->dev_type < (int)ARRAY_SIZE(pairs) ? pairs[d->dev_type] : NULL;

	if (keys && keys[0]) {
		put_str(lu, env, pre, keys[0], json_str(json_at(d->logical_id, 0)));
		put_str(lu, env, pre, keys[1], json_str(json_at(d->logical_id, 1)));
	}
	put_str(lu, env, pre, "DEV_TYPE", enum_name(&enum_disk_template, d->dev_type));
}

static void disk_env(struct luctx *lu, json *env, size_t idx, const struct disk *d)
{
	char *pre = arena_printf(lu->a, "INSTANCE_DISK%zu", idx);

	/* disks of an instance that is being added have no device yet */
	if (d->logical_id)
		disk_id_env(lu, env, pre, d);
	put_given(lu, env, pre, "NAME", d->name);
	put_str(lu, env, pre, "UUID", d->uuid);
	put(lu, env, pre, "SIZE", json_new_int(d->size));
	put_str(lu, env, pre, "MODE", enum_name(&enum_disk_mode, d->mode));
}

static const char *node_names(struct luctx *lu, const struct strs *uuids)
{
	struct strs names = { NULL, 0 };

	for (size_t i = 0; i < uuids->n; i++)
		strs_add(lu->a, &names, lu_node_name(lu, uuids->v[i]));
	return strs_join(lu->a, &names, " ");
}

void lu_hookenv_build(struct luctx *lu, const struct instance *i, const char *template_,
		      const struct disk *const *disks, size_t n_disks, json *env)
{
	static const char pre[] = "INSTANCE";
	struct beparams be = fill_be(lu->a, lu->cluster, &i->beparams);
	struct strs secondaries = snap_instance_secondaries(lu->snap, i);
	json *bep = json_own(lu->a, record_emit(rec_beparams(), &be, 0));

	put_str(lu, env, "OP", "TARGET", i->name);
	put_str(lu, env, pre, "NAME", i->name);
	put_str(lu, env, pre, "PRIMARY", lu_node_name(lu, i->primary_node));
	put_str(lu, env, pre, "SECONDARIES", node_names(lu, &secondaries));
	put_str(lu, env, pre, "OS_TYPE", i->os);
	put_str(lu, env, pre, "STATUS", enum_name(&enum_admin_state, i->admin_state));
	put(lu, env, pre, "MINMEM", json_new_int(be.minmem));
	put(lu, env, pre, "MAXMEM", json_new_int(be.maxmem));
	put(lu, env, pre, "MEMORY", json_new_int(be.maxmem));
	put(lu, env, pre, "VCPUS", json_new_int(be.vcpus));
	put_str(lu, env, pre, "DISK_TEMPLATE", template_);
	put_str(lu, env, pre, "HYPERVISOR", enum_name(&enum_hypervisor, i->hypervisor));
	put(lu, env, pre, "NIC_COUNT", json_new_int((int64_t)i->nics.n));
	for (size_t k = 0; k < i->nics.n; k++)
		nic_env(lu, env, k, &i->nics.v[k]);
	put(lu, env, pre, "DISK_COUNT", json_new_int((int64_t)n_disks));
	for (size_t k = 0; k < n_disks; k++)
		disk_env(lu, env, k, disks[k]);
	put_str(lu, env, pre, "TAGS", strs_join(lu->a, &i->tags, " "));
	json_each(bep, key, v)
		put(lu, env, "INSTANCE_BE", key, json_ref(v));
	json_each(fill_hv_instance(lu->a, lu->cluster, i), hv_key, hv_v)
		put(lu, env, "INSTANCE_HV", hv_key, json_ref(hv_v));
}

int lu_hookenv_instance(struct luctx *lu, const struct instance *i, json *env, struct err *e)
{
	const struct disk **disks;
	size_t n;

	TRY(snap_instance_disks(lu->snap, i, &disks, &n, e));
	lu_hookenv_build(lu, i, instance_template(disks, n), disks, n, env);
	return 0;
}
