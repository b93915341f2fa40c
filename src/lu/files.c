/* Files of the master that other nodes have copies of (upstream: ComputeAncillaryFiles). */
#include "src/lu/lu.h"

static void add(struct luctx *lu, struct strs *to, enum path path)
{
	strs_add(lu->a, to, path_of(path));
}

static bool template_on(struct luctx *lu, disk_template_t t)
{
	return strs_has(&lu->cluster->enabled_disk_templates, enum_name(&enum_disk_template, t));
}

/* What the enabled hypervisors read on each node (upstream: GetAncillaryFiles). */
static void hypervisor_files(struct luctx *lu, struct lu_files *f)
{
	const char *script;

	if (!strs_has(&lu->cluster->enabled_hypervisors, enum_name(&enum_hypervisor, hypervisor_kvm)))
		return;
	script = path_in(lu->a, PATH_CONF_DIR, "kvm-vif-bridge");
	strs_add(lu->a, &f->vm, script);
	strs_add(lu->a, &f->optional, script);
}

struct lu_files lu_ancillary_files(struct luctx *lu, bool redist)
{
	static const enum path common[] = {
		PATH_SSH_KNOWN_HOSTS_FILE, PATH_CONFD_HMAC_KEY,	  PATH_CLUSTER_DOMAIN_SECRET_FILE,
		PATH_SPICE_CERT_FILE,	   PATH_SPICE_CACERT_FILE, PATH_RAPI_USERS_FILE,
		PATH_RAPI_CERT_FILE,
	};
	struct lu_files f = { { NULL, 0 }, { NULL, 0 }, { NULL, 0 }, { NULL, 0 } };

	for (size_t i = 0; i < ARRAY_SIZE(common); i++)
		add(lu, &f.all, common[i]);
	add(lu, &f.optional, PATH_RAPI_USERS_FILE);
	if (lu->cluster->modify_etc_hosts)
		add(lu, &f.all, PATH_ETC_HOSTS);
	if (lu->cluster->use_external_mip_script)
		add(lu, &f.all, PATH_EXTERNAL_MASTER_SETUP_SCRIPT);
	hypervisor_files(lu, &f);
	if (redist)
		return f;
	add(lu, &f.all, PATH_NODED_CERT_FILE);
	for (int i = 0; i < SSCONF_COUNT; i++)
		strs_add(lu->a, &f.all, path_in(lu->a, PATH_DATA_DIR, "ssconf_%s", ssconf_name(i)));
	add(lu, &f.candidates, PATH_CONFIG_FILE);
	if (template_on(lu, disk_template_file) || template_on(lu, disk_template_sharedfile)) {
		add(lu, &f.all, PATH_FILE_STORAGE_PATHS_FILE);
		add(lu, &f.optional, PATH_FILE_STORAGE_PATHS_FILE);
	}
	return f;
}

static int upload(struct luctx *lu, const struct strs *nodes, const char *path, struct err *e)
{
	struct err why CLEANUP(err_clear) = ERR_NONE;
	struct rpc_answer *answers;
	json *file;

	if (!nodes->n || !fs_exists(path))
		return 0;
	if (rpc_file(lu->a, path, &file, &why) < 0) {
		lu_warn(lu, NULL, "Can't read %s: %s", path, err_msg(&why));
		return 0;
	}
	TRY(lu_rpc_multi(lu, RPC_upload_file, nodes, json_pack("[o]", file), &answers, e));
	for (size_t i = 0; i < nodes->n; i++)
		if (answers[i].failed)
			lu_warn(lu, NULL, "Copy of file %s to node %s failed: %s", path,
				answers[i].node, answers[i].error);
	return 0;
}

int lu_distribute_files(struct luctx *lu, struct err *e)
{
	struct lu_files f = lu_ancillary_files(lu, true);
	struct strs uuids = snap_uuids(lu->snap, OBJ_NODE), all = { NULL, 0 }, vm = { NULL, 0 };

	for (size_t i = 0; i < uuids.n; i++) {
		const struct node *n = snap_node(lu->snap, uuids.v[i]);

		if (n->offline || str_eq(uuids.v[i], lu->cluster->master_node))
			continue;
		strs_add(lu->a, &all, uuids.v[i]);
		if (n->vm_capable)
			strs_add(lu->a, &vm, uuids.v[i]);
	}
	for (size_t i = 0; i < f.all.n; i++)
		TRY(upload(lu, &all, f.all.v[i], e));
	for (size_t i = 0; i < f.vm.n; i++)
		TRY(upload(lu, &vm, f.vm.v[i], e));
	return 0;
}

json *lu_master_params(struct luctx *lu)
{
	const struct cluster *c = lu->cluster;

	return json_pack("{s:s, s:s, s:I, s:s, s:I}", "uuid", c->master_node, "ip", c->master_ip,
			 "netmask", c->master_netmask, "netdev", c->master_netdev, "ip_family",
			 c->primary_ip_family);
}
