/*
 * Config objects as node RPCs want them (upstream: RpcRunner._InstDict, _DisksDictDP, _NicDict, _ObjectToDict):
 * parameters filled, disks with their parameters, NICs with their network.
 */
#include "src/lu/lu.h"

static json *nicparams_dict(struct luctx *lu, const struct nicparams *over)
{
	struct nicparams p = fill_nic(lu->a, lu->cluster, over);

	return record_emit(rec_nicparams(), &p, 0);
}

json *lu_nic_dict(struct luctx *lu, const struct instance *i, const struct nic *n)
{
	json *out = record_emit(rec_nic(), n, 0);
	const struct network *net = n->network ? snap_network(lu->snap, n->network) : NULL;

	(void)i;
	json_set(out, "nicparams", nicparams_dict(lu, &n->nicparams));
	if (net)
		json_set(out, "netinfo", record_emit(rec_network(), net, 0));
	return out;
}

/* Parameters of the device: the group's, for external storage with those of the disk itself on top. */
static json *disk_params(struct luctx *lu, const struct instance *i, const struct disk *d)
{
	const struct node *n = snap_node(lu->snap, i->primary_node);
	const struct nodegroup *g = n ? snap_group(lu->snap, n->group) : NULL;
	json *out = json_clone(fill_diskparams(lu->a, lu->cluster, g, d->dev_type));

	if (!out)
		out = json_new_dict();
	if (d->has_params)
		json_merge(out, d->params);
	return out;
}

json *lu_disk_dict(struct luctx *lu, const struct instance *i, const struct disk *d,
		   const char *node_uuid)
{
	json *out = record_emit(rec_disk(), d, 0);

	(void)node_uuid; /* only mirrored disks look different on each node */
	json_set(out, "params", disk_params(lu, i, d));
	json_set(out, "dynamic_params", json_new_dict());
	if (!d->has_serial_no && !d->has_forthcoming)
		json_set(out, "forthcoming", json_new_bool(false));
	return out;
}

json *lu_disks_list(struct luctx *lu, const struct instance *i, const struct disk *const *d, size_t n,
		    const char *node_uuid)
{
	json *out = json_new_array();

	for (size_t k = 0; k < n; k++)
		json_append(out, lu_disk_dict(lu, i, d[k], node_uuid));
	return out;
}

/* Disks that are not in the configuration (an instance that is being made) are left out. */
static json *disks_info(struct luctx *lu, const struct instance *i)
{
	json *out = json_new_array();

	for (size_t k = 0; k < i->disks.n; k++) {
		const struct disk *d = snap_disk(lu->snap, i->disks.v[k]);

		if (d)
			json_append(out, lu_disk_dict(lu, i, d, i->primary_node));
	}
	return out;
}

json *lu_inst_dict(struct luctx *lu, const struct instance *i, const json *hvp, const json *bep,
		   const json *osp)
{
	struct beparams be = fill_be(lu->a, lu->cluster, &i->beparams);
	struct strs secondaries = snap_instance_secondaries(lu->snap, i);
	json *out = record_emit(rec_instance(), i, 0), *nics = json_new_array();
	json *hv = json_clone(fill_hv_instance(lu->a, lu->cluster, i));
	json *bes = record_emit(rec_beparams(), &be, 0);
	json *os = json_clone(fill_os(lu->a, lu->cluster, i->os, i->osparams));

	json_set(out, "hvparams", json_merge(hv, hvp));
	json_set(out, "beparams", json_merge(bes, bep));
	json_set(out, "osparams", json_merge(os, osp));
	json_set(out, "secondary_nodes", json_new_strs(&secondaries));
	json_set(out, "disks_info", disks_info(lu, i));
	for (size_t k = 0; k < i->nics.n; k++)
		json_append(nics, lu_nic_dict(lu, i, &i->nics.v[k]));
	json_set(out, "nics", nics);
	return out;
}

json *lu_all_hvparams(struct luctx *lu)
{
	return json_clone(lu->cluster->hvparams);
}
