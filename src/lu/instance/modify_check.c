/* Parameters of hypervisor, backend and OS, and memory (upstream: LUInstanceSetParams._Process*). */
#include "src/lu/instance/priv.h"

#include "lib/base/parse.h"

/* --- hypervisor --- */
static int check_hv(struct luctx *lu, const struct op_instance_set_params *op, struct modify *m,
		    const struct instance *i, json **ret_full, struct err *e)
{
	struct strs nodes = lu_instance_nodes(lu, i);
	const char *hv = enum_name(&enum_hypervisor, i->hypervisor);

	*ret_full = fill_hv_instance(lu->a, lu->cluster, i);
	if (!json_len(op->hvparams))
		return 0;
	TRY(inst_coerce(lu, hvparams_record(i->hypervisor), inst_updated(lu, i->hvparams, op->hvparams, false), NULL,
			&m->hvparams, e));
	*ret_full = fill_hv(lu->a, lu->cluster, hv, i->os, m->hvparams, false);
	TRY(hv_check_syntax(i->hypervisor, *ret_full, e));
	return lu_check_hvparams_on_nodes(lu, &nodes, i->hypervisor, *ret_full, e);
}

/* --- backend --- */
static int check_be(struct luctx *lu, const struct op_instance_set_params *op, struct modify *m,
		    const struct instance *i, struct err *e)
{
	json *old, *now;

	m->be_full = fill_be(lu->a, lu->cluster, &i->beparams);
	if (!json_len(op->beparams))
		return 0;
	old = json_own(lu->a, record_emit(rec_beparams(), &i->beparams, 0));
	TRY(inst_beparams(lu, inst_updated(lu, old, op->beparams, true), NULL, &now, e));
	TRY(record_parse(rec_beparams(), lu->a, now, &m->be, REC_NO_DEFAULTS, NULL, e));
	m->be_full = fill_be(lu->a, lu->cluster, &m->be);
	m->be_changed = true;
	return inst_check_memory(&m->be_full, e);
}

/* --- CPU masks: "0-3,^2:4:all", one part for each virtual CPU or one for all --- */
static int64_t highest_cpu(struct luctx *lu, const char *part)
{
	struct strs ranges = strs_split(lu->a, part, ',');
	int64_t high = -1, v;

	for (size_t k = 0; k < ranges.n; k++) {
		struct strs ends = strs_split(lu->a, ranges.v[k], '-');

		if (parse_int(ends.v[ends.n - 1], &v) == 0 && v > high)
			high = v;
	}
	return high;
}

static int check_physical(struct luctx *lu, const struct instance *i, int64_t needed, struct err *e)
{
	const char *hv = enum_name(&enum_hypervisor, i->hypervisor);
	json *answer;
	int64_t have;

	if (lu_rpc(lu, RPC_node_info, i->primary_node,
		   json_pack("[n, [[s, O]]]", hv, json_get(lu->cluster->hvparams, hv)), &answer,
		   arena_printf(lu->a, "Cannot get current information from node %s",
				lu_node_name(lu, i->primary_node)),
		   e) < 0)
		return lu_as_prereq(e, ECODE_ENVIRON);
	have = json_get_int(json_at(json_at(answer, 2), 0), "cpu_total", -1);
	if (have < 0)
		return err_set(e, ERR_PREREQ, ECODE_ENVIRON,
			       "Can't compute the number of CPUs on node %s, result was 'None'",
			       lu_node_name(lu, i->primary_node));
	if (needed > have)
		return err_set(e, ERR_PREREQ, ECODE_NORES,
			       "Node %s has %lld physical CPUs, but %lld are required",
			       lu_node_name(lu, i->primary_node), (long long)have, (long long)needed);
	return 0;
}

static int check_cpus(struct luctx *lu, const struct op_instance_set_params *op, const struct modify *m,
		      const struct instance *i, const json *hv_full, struct err *e)
{
	const char *mask = json_get_str(hv_full, "cpu_mask");
	int64_t high = -1;
	struct strs parts;

	if (!mask || !*mask)
		return 0;
	parts = strs_split(lu->a, mask, ':');
	if (parts.n > 1 && (int64_t)parts.n != m->be_full.vcpus)
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "Number of vCPUs [%lld] does not match the CPU mask [%s]",
			       (long long)m->be_full.vcpus, mask);
	if (!json_has(op->hvparams, "cpu_mask"))
		return 0;
	for (size_t k = 0; k < parts.n; k++) {
		int64_t h = highest_cpu(lu, parts.v[k]);

		high = h > high ? h : high;
	}
	return high < 0 ? 0 : check_physical(lu, i, high + 1, e);
}

/* --- OS --- */
static int check_os(struct luctx *lu, const struct op_instance_set_params *op, struct modify *m,
		    const struct instance *i, struct err *e)
{
	const char *os = op->os_name ? op->os_name : i->os;
	struct strs nodes = lu_instance_nodes(lu, i);
	json *all;

	if (!op->os_name && !json_len(op->osparams) && !json_len(op->osparams_private))
		return 0;
	json_each(op->osparams, key, v) {
		(void)v;
		if (json_has(op->osparams_private, key))
			return err_set(e, ERR_PREREQ, NULL, "OS parameters repeated multiple times: %s", key);
	}
	if (json_len(op->osparams))
		m->osparams = inst_updated(lu, i->osparams, op->osparams, false);
	if (json_len(op->osparams_private))
		m->osparams_private = inst_updated(lu, i->osparams_private, op->osparams_private, false);
	/* a new OS is taken on trust with --force, as upstream does */
	if (op->os_name && op->force && !m->osparams && !m->osparams_private)
		return 0;
	TRY(inst_all_osparams(lu, os, m->osparams ? m->osparams : i->osparams,
			      m->osparams_private ? m->osparams_private : i->osparams_private, NULL, &all, e));
	return lu_check_osparams_on_nodes(lu, &nodes, true, os, all, op->force_variant, e);
}

int modify_check_params(struct luctx *lu, const struct op_instance_set_params *op, struct modify *m, struct err *e)
{
	const struct instance *i;
	json *hv_full;

	TRY(inst_get(lu, &m->in, &i, e));
	TRY(check_hv(lu, op, m, i, &hv_full, e));
	TRY(check_be(lu, op, m, i, e));
	TRY(check_cpus(lu, op, m, i, hv_full, e));
	return check_os(lu, op, m, i, e);
}

/* --- memory --- */
static void warn_later(struct luctx *lu, struct modify *m, const char *text)
{
	strs_add(lu->a, &m->warnings, text);
}

/* More memory than the node has would keep the instance from starting. */
static int check_growth(struct luctx *lu, struct modify *m, const struct instance *i, struct err *e)
{
	const char *hv = enum_name(&enum_hypervisor, i->hypervisor), *node = lu_node_name(lu, i->primary_node);
	struct err why CLEANUP(err_clear) = ERR_NONE;
	json *memory, *info = NULL;
	struct rpc_answer r;
	int64_t missing;

	TRY(lu_ask(lu, RPC_node_info, i->primary_node,
		   json_pack("[n, [[s, O]]]", hv, json_get(lu->cluster->hvparams, hv)), &r, e));
	memory = json_get(json_at(json_at(r.payload, 2), 0), "memory_free");
	if (r.failed) {
		warn_later(lu, m, arena_printf(lu->a, "Can't get info from primary node %s: %s", node, r.error));
		return 0;
	}
	if (!json_is(memory, JSON_INT)) {
		warn_later(lu, m,
			   arena_printf(lu->a,
					"Node data from primary node %s doesn't contain free memory information",
					node));
		return 0;
	}
	if (lu_inst_running(lu, i, i->primary_node, &info, NULL, &why) < 0) {
		warn_later(lu, m, arena_printf(lu->a, "Can't get instance runtime information: %s", err_msg(&why)));
		return 0;
	}
	missing = m->be_full.maxmem - json_get_int(info, "memory", 0) - json_int(memory, 0);
	if (missing <= 0)
		return 0;
	return err_set(e, ERR_PREREQ, ECODE_NORES,
		       "This change will prevent the instance from starting, due to %lld MB of memory missing on its "
		       "primary node",
		       (long long)missing);
}

static int check_runtime(struct luctx *lu, const struct op_instance_set_params *op, const struct modify *m,
			 const struct instance *i, struct err *e)
{
	const char *hv = enum_name(&enum_hypervisor, i->hypervisor);
	json *info;
	int64_t delta;
	int running = lu_inst_running(lu, i, i->primary_node, &info,
				      arena_printf(lu->a, "Error checking node %s",
						   lu_node_name(lu, i->primary_node)),
				      e);

	if (running < 0)
		return -1;
	if (!running)
		return err_set(e, ERR_PREREQ, ECODE_STATE, "Instance %s is not running", i->name);
	if (!op->force && (op->runtime_mem > m->be_full.maxmem || op->runtime_mem < m->be_full.minmem))
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "Instance %s must have memory between %lld and %lld MB of memory unless --force is given",
			       i->name, (long long)m->be_full.minmem, (long long)m->be_full.maxmem);
	delta = op->runtime_mem - json_get_int(info, "memory", 0);
	if (delta <= 0)
		return 0;
	return lu_check_free_memory(lu, i->primary_node, arena_printf(lu->a, "ballooning memory for instance %s", i->name),
				    delta, i->hypervisor, json_get(lu->cluster->hvparams, hv), NULL, e);
}

int modify_check_memory(struct luctx *lu, const struct op_instance_set_params *op, struct modify *m, struct err *e)
{
	const struct instance *i;
	struct beparams old;

	TRY(inst_get(lu, &m->in, &i, e));
	old = fill_be(lu->a, lu->cluster, &i->beparams);
	if (m->be_changed && !op->force && m->be_full.maxmem > old.maxmem)
		TRY(check_growth(lu, m, i, e));
	return op->has_runtime_mem ? check_runtime(lu, op, m, i, e) : 0;
}
