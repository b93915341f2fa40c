/*
 * The order in which an opcode runs (upstream: mcpu.Processor): arguments, names, locks level by level,
 * prerequisites, pre hooks, execution, post hooks. The master releases the locks when the worker
 * reports the end.
 */
#include "src/lu/lu.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"

#include <math.h>
#include <poll.h>

#define WCONF_TIMEOUT 60.0
/* the master answers once a majority of the candidates has the change */
/* answers to these wait until enough candidates have the change, as long as that takes */
#define STORE_TIMEOUT (30.0 * 86400)
#define FLUSH_TIMEOUT 900.0
#define WAIT_STEP 0.2
#define SNAPSHOT_AGE 1.0 /* during calls to nodes, most of which take less */

static void drop_snapshot(struct luctx *lu)
{
	snapshot_freep(&lu->snap);
	lu->cluster = NULL;
}

int lu_refresh(struct luctx *lu, struct err *e)
{
	if (lu->snap && snapshot_current(lu->snap))
		return 0;
	drop_snapshot(lu);
	TRY(snapshot_open(lu->config, &lu->snap, e));
	lu->cluster = snap_cluster(lu->snap);
	if (!lu->cluster)
		return err_set(e, ConfigurationError, NULL, "There is no cluster in the configuration");
	return 0;
}

/* --- config changes --- */
static void change(struct luctx *lu, const char *action, enum obj_kind k, json *what)
{
	if (!lu->changes)
		lu->changes = json_new_array();
	json_append(lu->changes, json_pack("[s, s, o]", action, obj_kind_name(k), what));
}

void lu_add(struct luctx *lu, enum obj_kind k, const void *obj)
{
	json *j = record_emit(obj_record(k), obj, 0);

	if (!json_get(j, "uuid"))
		json_set(j, "uuid", json_new_str(uuid_new(lu->a)));
	change(lu, "add", k, j);
}

void lu_update(struct luctx *lu, enum obj_kind k, const void *obj)
{
	change(lu, "update", k, record_emit(obj_record(k), obj, 0));
}

void lu_remove(struct luctx *lu, enum obj_kind k, const char *uuid)
{
	change(lu, "remove", k, json_new_str(uuid));
}

int lu_commit(struct luctx *lu, struct err *e)
{
	json *changes = STEAL(lu->changes);
	int rc;

	if (!changes)
		return 0;
	/* the master checkpoints better without our read transaction */
	drop_snapshot(lu);
	rc = wconf_call(lu->wconf, "commit", json_pack("{s:o}", "changes", changes), STORE_TIMEOUT,
			NULL, e);
	if (rc < 0) {
		lu_refresh(lu, NULL); /* for the clean-up of the LU */
		return -1;
	}
	lu->committed = true;
	return lu_refresh(lu, e);
}

int lu_flush_config(struct luctx *lu, bool force, struct err *e)
{
	json *answer CLEANUP(json_putp) = NULL;

	snapshot_rest(lu->snap, 0);
	TRY(wconf_call(lu->wconf, "flush", json_pack("{s:b}", "force", (int)force), FLUSH_TIMEOUT,
		       &answer, e));
	json_items(json_get(answer, "failed"), i, f)
		lu_warn(lu, NULL, "Could not send the configuration to node %s: %s",
			json_str(json_at(f, 0)), json_str(json_at(f, 1)));
	return 0;
}

/* --- waiting --- */
int lu_wait(struct luctx *lu, int fd, double seconds)
{
	double until = clock_mono() + seconds;

	snapshot_rest(lu->snap, 0);
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		double left = until - clock_mono();

		if (poll(&p, 1, (int)(fmax(fmin(left, WAIT_STEP), 0) * 1000 + 0.999)) > 0)
			return 1;
		if (wconf_lost(lu->wconf))
			return -1;
		if (left <= WAIT_STEP && clock_mono() >= until)
			return 0;
	}
}

int lu_sleep(struct luctx *lu, double seconds, struct err *e)
{
	if (lu_wait(lu, -1, seconds) < 0)
		return err_set(e, JobLost, NULL, "Lost the connection to the master daemon");
	return 0;
}

/* --- node RPCs --- */
/* Now and then during a call; a plain cancel does not tear it apart. */
static int during_rpc(void *arg)
{
	struct luctx *lu = arg;

	snapshot_rest(lu->snap, SNAPSHOT_AGE);
	return wconf_lost(lu->wconf) ? -1 : 0;
}

struct rpc_node lu_rpc_node(struct luctx *lu, const char *node_uuid)
{
	const struct node *n = snap_node(lu->snap, node_uuid);
	struct rpc_node out = { .name = node_uuid, .ip = node_uuid, .offline = true };

	if (n) {
		out.name = arena_strdup(lu->a, n->name);
		out.ip = arena_strdup(lu->a, n->primary_ip);
		out.offline = n->offline;
	}
	return out;
}

int lu_rpc(struct luctx *lu, enum rpc rpc, const char *node_uuid, json *args, json **ret,
	   const char *what, struct err *e)
{
	struct rpc_node n = lu_rpc_node(lu, node_uuid);
	struct err why CLEANUP(err_clear) = ERR_NONE;
	json *out = NULL;

	if (rpc_call(lu->rpc, lu->a, rpc, &n, args, &out, &why) < 0) {
		if (what)
			return err_set(e, ERR_EXEC, NULL, "%s: %s", what, err_msg(&why));
		return err_set(e, ERR_EXEC, NULL, "Call '%s' to node '%s' has failed: %s",
			       rpc_name(rpc), n.name, err_msg(&why));
	}
	if (ret)
		*ret = out;
	return 0;
}

int lu_rpc_multi(struct luctx *lu, enum rpc rpc, const struct strs *node_uuids, json *args,
		 struct rpc_answer **ret, struct err *e)
{
	struct rpc_node *nodes = ARENA_ARRAY(lu->a, struct rpc_node, node_uuids->n + 1);

	for (size_t i = 0; i < node_uuids->n; i++)
		nodes[i] = lu_rpc_node(lu, node_uuids->v[i]);
	return rpc_multi(lu->rpc, lu->a, rpc, nodes, node_uuids->n, args, NULL, 0, ret, e);
}

int lu_as_prereq(struct err *e, const char *code)
{
	if (e) {
		e->cls = ERR_PREREQ;
		e->code = code;
	}
	return -1;
}

/* --- the phases --- */
static int take_locks(struct luctx *lu, const void *op, struct err *e)
{
	if (lu->lu->no_locks)
		return 0;
	for (int level = 0; level < LOCK_LEVELS; level++) {
		if (lu->lu->declare)
			TRY(lu->lu->declare(lu, op, level, e));
		TRY(lu_lock_level(lu, level, e));
	}
	return 0;
}

static int execute(struct luctx *lu, const void *op, json **result, struct err *e)
{
	TRY(lu->lu->exec(lu, op, result, e));
	/* what an LU forgot to commit would be lost silently */
	if (lu->changes)
		return err_set(e, ProgrammerError, NULL, "%s left changes uncommitted",
			       opcode_name(lu->op));
	TRY(lu_submit_jobs(lu, *result, e));
	return lu_run_hooks(lu, op, "post", result, e);
}

static int run_phases(struct luctx *lu, const void *op, bool waits, json **ret, struct err *e)
{
	const struct lu *unit = lu->lu;
	json *progress = json_own(lu->a, json_pack("{s:i}", "op", (int)lu->index));
	json *result CLEANUP(json_putp) = NULL;
	int rc;

	if (!waits)
		TRY(wconf_call(lu->wconf, "op_waiting", json_ref(progress), WCONF_TIMEOUT, NULL, e));
	TRY(lu_refresh(lu, e));
	if (unit->check_args)
		TRY(unit->check_args(lu, op, e));
	if (unit->expand)
		TRY(unit->expand(lu, op, e));
	TRY(take_locks(lu, op, e));
	snapshot_rest(lu->snap, 0);
	TRY(wconf_call(lu->wconf, "op_running", json_ref(progress), STORE_TIMEOUT, NULL, e));
	TRY(lu_refresh(lu, e));
	if (unit->prereq)
		TRY(unit->prereq(lu, op, e));
	TRY(lu_run_hooks(lu, op, "pre", NULL, e));
	if (lu->common->dry_run) {
		lu_info(lu, "dry-run mode requested, not actually executing the operation");
		*ret = json_ref(lu->dry_run_result);
		return 0;
	}
	rc = execute(lu, op, &result, e);
	if (lu->committed)
		lu_run_config_hook(lu);
	if (rc == 0)
		*ret = STEAL(result);
	return rc;
}

int lu_run(struct lu_job *job, size_t index, json *input, json **ret, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct luctx lu = { .a = a, .config = job->config, .rpc = job->rpc, .wconf = job->wconf,
			    .job = job->id, .index = index, .input = input };
	void *op;
	int rc;

	TRY(opcode_parse(a, input, &lu.op, &op, e));
	lu.common = op;
	lu.lu = lu_of(lu.op);
	if (!lu.lu)
		return err_set(e, OpCodeUnknown, NULL, "%s is not supported by this version",
			       opcode_name(lu.op));
	lu.state = arena_alloc(a, lu.lu->state_size + 1);
	if (lu.rpc)
		rpc_set_poll(lu.rpc, during_rpc, &lu);
	rc = run_phases(&lu, op, index == job->first, ret, e);
	if (lu.rpc)
		rpc_set_poll(lu.rpc, NULL, NULL);
	if (rc < 0)
		log_info("%s failed: %s", opcode_name(lu.op), e ? err_msg(e) : "");
	json_put(lu.changes);
	json_put(lu.hook_env);
	drop_snapshot(&lu);
	return rc;
}
