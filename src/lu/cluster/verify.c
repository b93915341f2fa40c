/* OP_CLUSTER_VERIFY makes a job for the configuration and one for each group; the first of these is here, too. */
#include "src/lu/cluster/lus.h"

#include "lib/net/net.h"
#include "src/replica/replica.h"

#include <string.h>
#include <time.h>

#define DAY (24.0 * 60 * 60)
#define REPLICA_WAIT 7 /* seconds */
#define PEM_MAX (1u << 20)

/* --- OP_CLUSTER_VERIFY --- */
/* Options of a verification are those of the opcode that asked for it. */
static json *sub_op(struct luctx *lu, enum opcode op, const struct op_cluster_verify *from)
{
	json *j = json_pack("{s:s, s:b, s:b, s:b}", "OP_ID", opcode_name(op), "debug_simulate_errors",
			    (int)from->debug_simulate_errors, "verbose", (int)from->verbose,
			    "error_codes", (int)from->error_codes);

	(void)lu;
	json_set(j, "ignore_errors", json_new_strs(&from->ignore_errors));
	return j;
}

static json *group_job(struct luctx *lu, const struct op_cluster_verify *op, const char *group, int after)
{
	json *j = sub_op(lu, OP_cluster_verify_group, op);

	json_set(j, "group_name", json_new_str(group));
	json_set(j, "skip_checks", json_new_strs(&op->skip_checks));
	json_set(j, "verify_clutter", json_new_bool(op->verify_clutter));
	if (after)
		json_set(j, "depends", json_pack("[[i, []]]", -after));
	return json_append(json_new_array(), j);
}

static int verify_exec(struct luctx *lu, const void *op_, json **ret, struct err *e)
{
	const struct op_cluster_verify *op = op_;
	struct strs groups = snap_uuids(lu->snap, OBJ_NODEGROUP);
	const struct nodegroup *g;
	json *jobs;

	if (op->has_group_name) {
		TRY(lu_expand_group(lu, op->group_name, &g, e));
		*ret = lu_result_jobs(
			json_append(json_new_array(), group_job(lu, op, g->uuid, 0)));
		return 0;
	}
	jobs = json_append(json_new_array(),
			   json_append(json_new_array(), sub_op(lu, OP_cluster_verify_config, op)));
	for (size_t i = 0; i < groups.n; i++)
		json_append(jobs, group_job(lu, op, groups.v[i], (int)i + 1));
	*ret = lu_result_jobs(jobs);
	return 0;
}

const struct lu lu_cluster_verify = { .exec = verify_exec };

/* --- OP_CLUSTER_VERIFY_CONFIG --- */
static int config_expand(struct luctx *lu, const void *op, struct err *e)
{
	(void)op;
	(void)e;
	lu_need_all(lu, LOCK_INSTANCE, true);
	lu_need_all(lu, LOCK_NODEGROUP, true);
	lu_need_all(lu, LOCK_NODE, true);
	lu_need_all(lu, LOCK_NETWORK, true);
	return 0;
}

/* Upstream: VerifyCertificate. */
static void check_cert(struct finder *f, const char *path)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	char *pem CLEANUP(freep) = NULL;
	double left = 0;
	int r = fs_read(path, PEM_MAX, &pem, NULL);

	if (r < 0)
		err_sys(&e, r, "%s", "Can't read it");
	if (r < 0 || cert_expires_in(pem, &left, &e) < 0) {
		find_if(f, true, cv_errcode_eclustercert, NULL,
			"Failed to load X509 certificate %s: %s", path, err_msg(&e));
		return;
	}
	if (left < 0)
		find_if(f, true, cv_errcode_eclustercert, NULL,
			"While verifying %s: Certificate is expired", path);
	else
		find_kind_if(f, left < CERT_WARN_DAYS * DAY,
			     left < CERT_ERROR_DAYS * DAY ? FIND_ERROR : FIND_WARNING,
			     cv_errcode_eclustercert, NULL,
			     "While verifying %s: Certificate expires in about %d days", path,
			     (int)(left / DAY));
}

json *verify_all_hvparams(struct luctx *lu)
{
	const struct cluster *c = lu->cluster;
	json *out = json_own(lu->a, json_new_array());
	struct strs uuids = snap_uuids(lu->snap, OBJ_INSTANCE);

	for (size_t i = 0; i < c->enabled_hypervisors.n; i++) {
		const char *hv = c->enabled_hypervisors.v[i];

		json_append(out, json_pack("[s, s, O]", "cluster", hv,
					   fill_hv(lu->a, c, hv, NULL, NULL, false)));
	}
	json_each(c->os_hvp, os, by_hv)
		json_each(by_hv, hv2, params)
			if (json_len(params))
				json_append(out, json_pack("[s, s, O]",
							   arena_printf(lu->a, "os %s", os), hv2,
							   fill_hv(lu->a, c, hv2, os, NULL, false)));
	for (size_t k = 0; k < uuids.n; k++) {
		const struct instance *i = snap_instance(lu->snap, uuids.v[k]);

		if (json_len(i->hvparams))
			json_append(out,
				    json_pack("[s, s, O]",
					      arena_printf(lu->a, "instance %s", i->name),
					      enum_name(&enum_hypervisor, i->hypervisor),
					      fill_hv_instance(lu->a, c, i)));
	}
	return out;
}

static void check_hvparams(struct finder *f)
{
	json_items(verify_all_hvparams(f->lu), i, item) {
		struct err e CLEANUP(err_clear) = ERR_NONE;
		const char *hv = json_str(json_at(item, 1));

		if (hv_check_syntax(enum_value(&enum_hypervisor, hv), json_at(item, 2), &e) < 0)
			find_if(f, true, cv_errcode_eclustercfg, NULL,
				"hypervisor %s parameters syntax check (source %s): %s", hv,
				json_str(json_at(item, 0)), err_msg(&e));
	}
}

static const char *instances_of(struct luctx *lu, const char *node_uuid)
{
	struct strs uuids = snap_node_primaries(lu->snap, node_uuid), names = { NULL, 0 };

	for (size_t i = 0; i < uuids.n; i++)
		strs_add(lu->a, &names, snap_instance(lu->snap, uuids.v[i])->name);
	return names.n ? strs_join(lu->a, &names, ", ") : "no instances";
}

static void check_dangling(struct finder *f)
{
	struct luctx *lu = f->lu;
	struct strs nodes = snap_uuids(lu->snap, OBJ_NODE), bad = { NULL, 0 };
	struct strs insts = snap_uuids(lu->snap, OBJ_INSTANCE), lost = { NULL, 0 };

	for (size_t i = 0; i < nodes.n; i++) {
		const struct node *n = snap_node(lu->snap, nodes.v[i]);

		if (!snap_group(lu->snap, n->group))
			strs_add(lu->a, &bad,
				 arena_printf(lu->a, "%s (%s)", n->name, instances_of(lu, n->uuid)));
	}
	find_if(f, bad.n > 0, cv_errcode_eclusterdanglingnodes, NULL,
		"the following nodes (and their instances) belong to a non existing group: %s",
		strs_join(lu->a, &bad, ", "));
	for (size_t i = 0; i < insts.n; i++) {
		const struct instance *inst = snap_instance(lu->snap, insts.v[i]);

		if (!snap_node(lu->snap, inst->primary_node))
			strs_add(lu->a, &lost, inst->name);
	}
	find_if(f, lost.n > 0, cv_errcode_eclusterdanglinginst, NULL,
		"the following instances have a non-existing primary-node: %s",
		strs_join(lu->a, &lost, ", "));
}

/* An addition to upstream's checks: candidates that would be bad masters, for they lack changes. */
static int check_replicas(struct finder *f, struct err *e)
{
	const struct timespec pause = { 0, 100000000L };
	json *notes;

	/* one that has just come back is noticed within that time */
	for (int i = 0; i < REPLICA_WAIT * 10; i++) {
		TRY(replica_notes(config_db(f->lu->config), f->lu->a, &notes, e));
		if (!json_len(notes))
			return 0;
		nanosleep(&pause, NULL);
	}
	json_items(notes, i, note)
		find_kind_if(f, true, FIND_WARNING, cv_errcode_eclustercfg, NULL, "%s", json_str(note));
	return 0;
}

static int config_exec(struct luctx *lu, const void *op_, json **ret, struct err *e)
{
	static const enum path certs[] = { PATH_NODED_CERT_FILE, PATH_RAPI_CERT_FILE,
					   PATH_SPICE_CERT_FILE, PATH_SPICE_CACERT_FILE };
	const struct op_cluster_verify_config *op = op_;
	struct finder f = { .lu = lu, .simulate = op->debug_simulate_errors,
			    .codes = op->error_codes, .verbose = op->verbose,
			    .ignore = &op->ignore_errors };
	struct strs problems = { NULL, 0 };

	lu_log(lu, "* Verifying cluster config");
	TRY(config_verify(lu->snap, lu->a, &problems, e));
	for (size_t i = 0; i < problems.n; i++)
		find_if(&f, true, cv_errcode_eclustercfg, NULL, "%s", problems.v[i]);
	TRY(check_replicas(&f, e));
	lu_log(lu, "* Verifying cluster certificate files");
	for (size_t i = 0; i < ARRAY_SIZE(certs); i++)
		check_cert(&f, path_of(certs[i]));
	lu_log(lu, "* Verifying hypervisor parameters");
	check_hvparams(&f);
	lu_log(lu, "* Verifying all nodes belong to an existing group");
	check_dangling(&f);
	*ret = json_new_bool(!f.bad);
	return 0;
}

const struct lu lu_cluster_verify_config = { .expand = config_expand, .exec = config_exec };
