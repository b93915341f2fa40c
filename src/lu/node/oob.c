/* OP_OOB_COMMAND: the out-of-band programs of nodes, which the master runs. */
#include "src/lu/node/lus.h"


struct state {
	struct strs nodes; /* UUIDs */
};

static bool spares_master(int command)
{
	return command == oob_command_power_off || command == oob_command_power_cycle;
}

/* Of node UUID; NULL: it has none. */
static const char *program_of(struct luctx *lu, const char *uuid)
{
	const struct node *n = snap_node(lu->snap, uuid);
	struct ndparams nd = fill_nd(lu->a, lu->cluster, snap_group(lu->snap, n->group), n);

	return nd.oob_program && *nd.oob_program ? nd.oob_program : NULL;
}

static int expand(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_oob_command *op = op_;
	struct state *st = lu->state;

	for (size_t i = 0; i < op->node_names.n; i++) {
		const struct node *n;

		TRY(lu_expand_node(lu, op->node_names.v[i], NULL, &n, e));
		strs_add(lu->a, &st->nodes, arena_strdup(lu->a, n->uuid));
	}
	if (st->nodes.n == 0)
		lu_need_all(lu, LOCK_NODE, false);
	return 0;
}

static int refuse_master(struct luctx *lu, const char *command, struct err *e)
{
	const char *name = lu_node_name(lu, lu->cluster->master_node), *program = program_of(lu, lu->cluster->master_node);
	const char *more = program ? arena_printf(lu->a, "run '%s %s %s' if you want to operate on the master regardless", program, command,
						  name)
				   : "it does not support out-of-band operations";

	return err_set(e, ERR_PREREQ, ECODE_INVAL, "Operating on the master node %s is not allowed for %s; %s", name, command, more);
}

static int prereq(struct luctx *lu, const void *op_, struct err *e)
{
	const struct op_oob_command *op = op_;
	struct state *st = lu->state;
	const char *master = lu->cluster->master_node;
	bool all = st->nodes.n == 0;
	struct strs wanted = all ? snap_uuids(lu->snap, OBJ_NODE) : st->nodes, kept = { NULL, 0 };

	if (!all && spares_master(op->command) && strs_has(&wanted, master))
		return refuse_master(lu, enum_name(&enum_oob_command, op->command), e);
	for (size_t i = 0; i < wanted.n; i++) {
		const struct node *n = snap_node(lu->snap, wanted.v[i]);

		if (!n)
			return err_set(e, ERR_PREREQ, ECODE_NOENT, "Node %s not found", wanted.v[i]);
		if (all && spares_master(op->command) && str_eq(wanted.v[i], master))
			continue;
		if (!op->ignore_status && op->command == oob_command_power_off && !n->offline)
			return err_set(e, ERR_PREREQ, ECODE_STATE, "Cannot power off node %s because it is not marked offline", n->name);
		strs_add(lu->a, &kept, arena_strdup(lu->a, wanted.v[i]));
	}
	st->nodes = kept;
	return 0;
}

/* What is wrong with the answer, NULL if nothing (upstream: _CheckPayload). */
static const char *bad_payload(struct luctx *lu, int command, const json *payload)
{
	static const char *const known[] = { "OK", "WARNING", "CRITICAL", "UNKNOWN" };
	struct strs errs = { NULL, 0 };

	switch (command) {
	case oob_command_health:
		if (!json_is(payload, JSON_ARRAY))
			return arena_printf(lu->a, "command 'health' is expected to return a list but got %s", json_kind_name(payload));
		json_items(payload, i, item) {
			const char *status = json_str(json_at(item, 1));
			bool ok = false;

			for (size_t k = 0; k < ARRAY_SIZE(known); k++)
				ok = ok || str_eq(status, known[k]);
			if (!ok)
				strs_add(lu->a, &errs, arena_printf(lu->a, "health item '%s' has invalid status '%s'",
								    json_str(json_at(item, 0)) ? json_str(json_at(item, 0)) : "",
								    status ? status : ""));
		}
		return errs.n ? strs_join(lu->a, &errs, ", ") : NULL;
	case oob_command_power_status:
		return json_is(payload, JSON_DICT) ? NULL
						   : arena_printf(lu->a, "power-status is expected to return a dict but got %s",
								  json_kind_name(payload));
	default:
		return payload ? arena_printf(lu->a, "%s is expected to not return payload but got '%s'",
					      enum_name(&enum_oob_command, command), json_dump_in(lu->a, payload))
			       : NULL;
	}
}

static void tell_health(struct luctx *lu, const char *node, const json *payload)
{
	json_items(payload, i, item) {
		const char *status = json_str(json_at(item, 1));

		if (str_eq(status, "WARNING") || str_eq(status, "CRITICAL"))
			lu_warn(lu, NULL, "Item '%s' on node '%s' has status '%s'",
				json_str(json_at(item, 0)) ? json_str(json_at(item, 0)) : "", node, status);
	}
}

static int record_power(struct luctx *lu, const char *uuid, bool on, struct err *e)
{
	struct node n = *snap_node(lu->snap, uuid);

	LU_SET(&n, powered, on);
	lu_update(lu, OBJ_NODE, &n);
	return lu_commit(lu, e);
}

/* Asks about one node: RET is what its entry says, [status, data]. */
static int ask(struct luctx *lu, const struct op_oob_command *op, const char *uuid, json **ret, struct err *e)
{
	const char *name = arena_strdup(lu->a, lu_node_name(lu, uuid)), *program = program_of(lu, uuid), *bad;
	struct rpc_answer answer;

	if (!program) {
		*ret = json_pack("[i,n]", result_code_unavail);
		return 0;
	}
	*ret = json_pack("[i,n]", result_code_nodata);
	TRY(lu_ask(lu, RPC_run_oob, lu->cluster->master_node,
		   json_pack("[s,s,s,I]", program, enum_name(&enum_oob_command, op->command), name, op->timeout), &answer, e));
	if (answer.failed) {
		lu_warn(lu, NULL, "Out-of-band RPC failed on node '%s': %s", name, answer.error);
		return 0;
	}
	bad = bad_payload(lu, op->command, answer.payload);
	if (bad) {
		lu_warn(lu, NULL, "Payload returned by node '%s' is not valid: Check of out-of-band payload failed due to %s", name, bad);
		return 0;
	}
	if (op->command == oob_command_health)
		tell_health(lu, name, answer.payload);
	json_put(*ret);
	*ret = json_pack("[i,O]", result_code_normal, answer.payload);
	if (op->command == oob_command_power_on || op->command == oob_command_power_off)
		return record_power(lu, uuid, op->command == oob_command_power_on, e);
	return 0;
}

static int by_name(const void *a, const void *b, void *arg)
{
	struct luctx *lu = arg;

	return str_natcmp(lu_node_name(lu, *(const char *const *)a), lu_node_name(lu, *(const char *const *)b));
}

static int exec(struct luctx *lu, const void *op_, json **ret, struct err *e)
{
	const struct op_oob_command *op = op_;
	struct state *st = lu->state;
	json *all CLEANUP(json_putp) = json_new_array();

	if (st->nodes.n > 0)
		qsort_r(st->nodes.v, st->nodes.n, sizeof(*st->nodes.v), by_name, lu);
	for (size_t i = 0; i < st->nodes.n; i++) {
		const char *name = arena_strdup(lu->a, lu_node_name(lu, st->nodes.v[i]));
		json *entry = NULL;
		int rc = ask(lu, op, st->nodes.v[i], &entry, e);

		json_append(all, json_pack("[[i,s],o]", result_code_normal, name, entry));
		if (rc < 0)
			return -1;
		if (op->command == oob_command_power_on && i + 1 < st->nodes.n)
			TRY(lu_sleep(lu, op->power_delay, e)); /* not all at once, for the sake of the fuses */
	}
	*ret = STEAL(all);
	return 0;
}

const struct lu lu_oob_command = {
	.state_size = sizeof(struct state),
	.expand = expand,
	.prereq = prereq,
	.exec = exec,
};
