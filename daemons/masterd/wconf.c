/*
 * Calls of job workers (rows in src/schema/wconf.def). A call is answered at once, at the end of
 * the turn when the answer promises durability, or later (locks, flush). Workers are ours, but what
 * they send is still checked: a bug there must not take the master down.
 */
#include "daemons/masterd/masterd.h"

#include "lib/base/clock.h"
#include "lib/base/fault.h"
#include "lib/base/log.h"

#include <inttypes.h>

#define LOG_ENTRY_MAX (4u << 20)

struct call {
	struct mjob *j;
	int64_t id;
	const json *args;
	struct arena *a;
};
/* NOW: nothing was changed, or nothing that would be missed; LOCAL: once it is on disk here; AFTER: once it
 * can't be lost any more; LATER: somebody else answers. */
enum when { NOW, LOCAL, AFTER, LATER };

static void reply(struct mjob *j, int64_t call, json *result)
{
	if (j->worker)
		pool_send(j->worker, json_pack("{s:I, s:o}", "reply", call, "result", result));
	else
		json_put(result);
}

static void reply_error(struct mjob *j, int64_t call, const struct err *e)
{
	if (j->worker)
		pool_send(j->worker,
			  json_pack("{s:I, s:o}", "reply", call, "error", err_to_json(e)));
}

static int canceled(struct err *e)
{
	return err_set(e, JobCanceled, NULL, "Job canceled by request");
}

static int bad_call(struct err *e, const char *what)
{
	return err_set(e, ProgrammerError, NULL, "Invalid call to the master: %s", what);
}

/* The opcode a call speaks of; the one that is under way. */
static struct job_op *op_of(const struct call *k, size_t *ret_i, struct err *e)
{
	int64_t i = json_get_int(k->args, "op", -1);

	if (i < 0 || (size_t)i >= k->j->job->n || job_final(k->j->job->ops[i].status)) {
		bad_call(e, "no such opcode, or it has ended");
		return NULL;
	}
	*ret_i = (size_t)i;
	return &k->j->job->ops[i];
}

/* --- progress --- */
static int do_op_waiting(const struct call *k, json **ret, enum when *when, struct err *e)
{
	struct mjob *j = k->j;
	const char *why = NULL;
	struct job_op *op;
	size_t i;

	(void)ret;
	(void)when;
	op = op_of(k, &i, e);
	if (!op)
		return -1;
	if (j->cancel_wanted)
		return canceled(e);
	if (op->status == job_status_waiting) /* the scheduler did it */
		return 0;
	if (op->status != job_status_queued || (i > 0 && !job_final(j->job->ops[i - 1].status)))
		return bad_call(e, "an opcode can't wait now");
	switch (job_dependencies(k->a, j->job->id, json_get(op->input, "depends"), jobs_status,
				 j->m, &why)) {
	case DEP_READY:
		break;
	case DEP_CANCELED:
		j->cancel_wanted = true;
		return canceled(e);
	default:
		return err_set(e, ERR_EXEC, NULL, "%s", why);
	}
	job_op_waiting(j->job, i, clock_real());
	turn_touch(j->m, j);
	return 0;
}

static int do_op_running(const struct call *k, json **ret, enum when *when, struct err *e)
{
	struct mjob *j = k->j;
	struct job_op *op;
	size_t i;

	(void)ret;
	op = op_of(k, &i, e);
	if (!op)
		return -1;
	if (j->cancel_wanted)
		return canceled(e);
	if (op->status == job_status_queued) /* it waited under the last master */
		job_op_waiting(j->job, i, clock_real());
	if (op->status != job_status_waiting)
		return bad_call(e, "an opcode that does not wait can't run");
	job_op_running(j->job, i, clock_real());
	turn_touch(j->m, j);
	*when = AFTER; /* once it runs it must never be started again */
	return 0;
}

static void op_failed(struct mjob *j, size_t i, const json *error)
{
	double now = clock_real();

	if (j->cancel_wanted && str_eq(json_str(json_at(error, 0)), JobCanceled))
		job_cancel_started(j->job, j->a, now);
	else
		job_op_error(j->job, j->a, i, json_ref((json *)error), now);
}

static void op_succeeded(struct mjob *j, size_t i, const json *result)
{
	double now = clock_real();

	if (j->job->ops[i].status == job_status_waiting)
		job_op_running(j->job, i, now);
	if (job_move_ok(j->job->ops[i].status, job_status_success))
		job_op_success(j->job, j->a, i, json_ref((json *)result), now);
	else /* canceling */
		job_cancel_started(j->job, j->a, now);
}

static int do_op_done(const struct call *k, json **ret, enum when *when, struct err *e)
{
	struct mjob *j = k->j;
	struct job_op *op;
	size_t i;

	(void)ret;
	op = op_of(k, &i, e);
	if (!op)
		return -1;
	if (op->status == job_status_queued)
		job_op_waiting(j->job, i, clock_real());
	if (str_eq(json_get_str(op->input, "OP_ID"), opcode_name(OP_cluster_destroy)))
		j->m->end_jobs = !json_get(k->args, "error");
	if (json_get(k->args, "error"))
		op_failed(j, i, json_get(k->args, "error"));
	else
		op_succeeded(j, i, json_get(k->args, "result"));
	turn_touch(j->m, j);
	jobs_release(j);
	run_held(j);
	*when = AFTER;
	return 0;
}

static int do_log(const struct call *k, json **ret, enum when *when, struct err *e)
{
	struct mjob *j = k->j;
	const char *type = json_get_str(k->args, "type");
	json *message = json_get(k->args, "message");
	size_t i;

	(void)ret;
	if (!op_of(k, &i, e))
		return -1;
	if (!type || (json_str(message) && json_str_len(message) > LOG_ENTRY_MAX))
		return bad_call(e, "log entry");
	if (turn_begin(j->m, e) < 0 ||
	    queue_log(j->m->db, j->job->id, i, clock_real(), type, message, NULL, e) < 0)
		return -1;
	turn_log(j->m, j);
	/* those who watch it hear of what is acknowledged, so it must not always be ahead of that */
	*when = j->watches ? AFTER : LOCAL;
	return 0;
}

/* --- answers at the end of the turn: the job may be gone by then --- */
struct pending {
	int64_t job, call;
	json *result;
};

static void answer_after(struct master *m, const struct err *failed, void *arg)
{
	struct pending *p = arg;
	struct mjob *j = jobs_find(m, p->job);
	struct err e CLEANUP(err_clear) = ERR_NONE;

	if (m->stopping) {
		/* whether it was stored or not: the next master is asked again, and knows */
	} else if (j && failed) {
		err_set(&e, ConfigurationError, NULL, "Can't store the change: %s",
			err_msg(failed));
		reply_error(j, p->call, &e);
	} else if (j) {
		reply(j, p->call, json_ref(p->result));
	}
	json_put(p->result);
	free(p);
}

/* The answer (taken over) is stored with its effect: a call that is sent again to the next master has been
 * carried out already. */
static void answer(struct mjob *j, int64_t call, json *result, enum when when)
{
	struct pending *p = xcalloc(1, sizeof(*p));

	*p = (struct pending){ j->job->id, call, result };
	run_answered(j, call, result);
	if (when == LOCAL)
		turn_local(j->m, answer_after, p);
	else
		turn_after(j->m, answer_after, p);
}

/* --- locks --- */
static void granted(int64_t owner, const struct strs *names, void *arg)
{
	struct master *m = arg;
	struct mjob *j = jobs_find(m, owner);
	int64_t call;

	if (!j || !j->lock_call)
		return;
	FAULT(lock_granted);
	call = j->lock_call;
	j->lock_call = 0;
	run_held(j);
	answer(j, call, json_pack("{s:o}", "names", json_new_strs(names)), LOCAL);
}

/* Names there are now, for an opportunistic request for all. */
static int all_names(const struct call *k, enum lock_level level, struct strs *ret, struct err *e)
{
	static const enum obj_kind kinds[LOCK_LEVELS] = {
		[LOCK_INSTANCE] = OBJ_INSTANCE, [LOCK_NODEGROUP] = OBJ_NODEGROUP,
		[LOCK_NODE] = OBJ_NODE,         [LOCK_NODE_RES] = OBJ_NODE,
		[LOCK_NETWORK] = OBJ_NETWORK,
	};
	struct snapshot *s CLEANUP(snapshot_freep) = NULL;
	struct strs uuids;

	if (kinds[level] == OBJ_CLUSTER)
		return bad_call(e, "all names of a level that has only one");
	if (snapshot_open(k->j->m->config, &s, e) < 0)
		return -1;
	uuids = snap_uuids(s, kinds[level]);
	for (size_t i = 0; i < uuids.n; i++)
		strs_add(k->a, ret,
			 arena_strdup(k->a, level == LOCK_INSTANCE
						    ? snap_instance(s, uuids.v[i])->name
						    : uuids.v[i]));
	return 0;
}

static int do_lock(const struct call *k, json **ret, enum when *when, struct err *e)
{
	struct mjob *j = k->j;
	int level = lock_level_find(json_get_str(k->args, "level"));
	struct lock_req r = { .owner = j->job->id,
			      .priority = job_priority(j->job),
			      .names = json_strs(k->a, json_get(k->args, "names")),
			      .all = json_get_bool(k->args, "all", false),
			      .opportunistic = json_get_bool(k->args, "opportunistic", false) };

	(void)ret;
	if (level < 0)
		return bad_call(e, "lock level");
	if (j->cancel_wanted)
		return canceled(e);
	r.level = (enum lock_level)level;
	r.mode = str_eq(json_get_str(k->args, "mode"), lock_mode_name(LOCK_SHARED))
			 ? LOCK_SHARED
			 : LOCK_EXCLUSIVE;
	if (r.opportunistic) {
		r.opportunistic_min = (size_t)json_get_int(k->args, "min", 1);
		if (r.all && all_names(k, r.level, &r.names, e) < 0)
			return -1;
		r.all = false;
	}
	if (locks_waiting(j->m->locks, j->job->id))
		return bad_call(e, "it waits for locks already");
	j->lock_call = k->id;
	*when = LATER;
	if (locks_ask(j->m->locks, &r, granted, j->m, e) == 0)
		return 0;
	j->lock_call = 0;
	return -1;
}

static int do_unlock(const struct call *k, json **ret, enum when *when, struct err *e)
{
	int level = lock_level_find(json_get_str(k->args, "level"));
	struct strs names;

	(void)ret;
	(void)when;
	if (level < 0)
		return bad_call(e, "lock level");
	run_held(k->j);
	if (json_get(k->args, "keep")) {
		names = json_strs(k->a, json_get(k->args, "keep"));
		locks_keep(k->j->m->locks, k->j->job->id, (enum lock_level)level, &names);
		return 0;
	}
	names = json_strs(k->a, json_get(k->args, "names"));
	locks_release(k->j->m->locks, k->j->job->id, (enum lock_level)level, &names,
		      json_get_bool(k->args, "all", false));
	return 0;
}

static int do_downgrade(const struct call *k, json **ret, enum when *when, struct err *e)
{
	int level = lock_level_find(json_get_str(k->args, "level"));
	struct strs names = json_strs(k->a, json_get(k->args, "names"));

	(void)ret;
	(void)when;
	if (level < 0)
		return bad_call(e, "lock level");
	run_held(k->j);
	locks_downgrade(k->j->m->locks, k->j->job->id, (enum lock_level)level, &names,
			json_get_bool(k->args, "all", false));
	return 0;
}

/* --- configuration --- */
static int do_commit(const struct call *k, json **ret, enum when *when, struct err *e)
{
	(void)ret;
	if (turn_commit_config(k->j->m, json_get(k->args, "changes"), NULL, e) < 0)
		return -1;
	*when = AFTER;
	return 0;
}

static int do_generate_mac(const struct call *k, json **ret, enum when *when, struct err *e)
{
	const char *mac, *prefix = json_get_str(k->args, "prefix");

	if (!prefix)
		return bad_call(e, "MAC prefix");
	if (reserve_mac_generate(k->j->m->res, k->j->m->config, k->j->job->id, prefix, k->a, &mac,
				 e) < 0)
		return -1;
	*ret = json_pack("{s:s}", "mac", mac);
	run_held(k->j);
	*when = LOCAL;
	return 0;
}

static int do_reserve_mac(const struct call *k, json **ret, enum when *when, struct err *e)
{
	const char *mac = json_get_str(k->args, "mac");

	(void)ret;
	if (!mac)
		return bad_call(e, "MAC");
	if (reserve_mac(k->j->m->res, k->j->m->config, k->j->job->id, mac, e) < 0)
		return -1;
	run_held(k->j);
	*when = LOCAL;
	return 0;
}

static int do_reserve_port(const struct call *k, json **ret, enum when *when, struct err *e)
{
	int64_t port;

	if (reserve_port(k->j->m->res, k->j->m->config, k->j->job->id, &port, e) < 0)
		return -1;
	*ret = json_pack("{s:I}", "port", port);
	run_held(k->j);
	*when = LOCAL;
	return 0;
}

static int do_reserve_ip(const struct call *k, json **ret, enum when *when, struct err *e)
{
	const char *network = json_get_str(k->args, "network"), *ip = json_get_str(k->args, "ip");

	(void)ret;
	if (!network || !ip)
		return bad_call(e, "address");
	if (reserve_ip(k->j->m->res, k->j->m->config, k->j->job->id, network, ip, e) < 0)
		return -1;
	run_held(k->j);
	*when = LOCAL;
	return 0;
}

static int do_reserve_lv(const struct call *k, json **ret, enum when *when, struct err *e)
{
	const char *name = json_get_str(k->args, "name");

	(void)ret;
	if (!name)
		return bad_call(e, "logical volume");
	if (reserve_lv(k->j->m->res, k->j->m->config, k->j->job->id, name, e) < 0)
		return -1;
	run_held(k->j);
	*when = LOCAL;
	return 0;
}

static int do_reserve_minors(const struct call *k, json **ret, enum when *when, struct err *e)
{
	struct strs nodes = json_strs(k->a, json_get(k->args, "nodes"));
	json *minors;

	if (reserve_minors(k->j->m->res, k->j->m->config, k->j->job->id, &nodes, &minors, e) < 0)
		return -1;
	*ret = json_pack("{s:o}", "minors", minors);
	run_held(k->j);
	*when = LOCAL;
	return 0;
}

static int do_reserve_name(const struct call *k, json **ret, enum when *when, struct err *e)
{
	const char *kind = json_get_str(k->args, "kind"), *name = json_get_str(k->args, "name");

	(void)ret;
	if (!kind || !name)
		return bad_call(e, "name to reserve");
	if (reserve_name(k->j->m->res, k->j->job->id, kind, name, e) < 0)
		return -1;
	run_held(k->j);
	*when = LOCAL;
	return 0;
}

static int do_flush(const struct call *k, json **ret, enum when *when, struct err *e)
{
	(void)ret;
	(void)e;
	*when = LATER;
	spread_flush(k->j->m, json_get_bool(k->args, "force", false), k->j->job->id, k->id);
	return 0;
}

void wconf_flushed(struct mjob *j, int64_t call, json *failed)
{
	reply(j, call, json_pack("{s:o}", "failed", failed));
}

static int do_submit(const struct call *k, json **ret, enum when *when, struct err *e)
{
	json *ids;

	if (submit_list(k->j->m, json_get(k->args, "jobs"), LUXI_SubmitManyJobs, &ids, e) < 0)
		return -1;
	*ret = json_pack("{s:o}", "ids", ids);
	*when = AFTER;
	return 0;
}

static const struct {
	const char *name;
	int (*fn)(const struct call *k, json **ret, enum when *when, struct err *e);
} methods[] = {
#define WCONF(method, doc) { #method, do_##method },
#include "src/schema/wconf.def"
#undef WCONF
};

void wconf_message(struct mjob *j, const json *msg)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	const char *name = json_get_str(msg, "call");
	struct call k = { j, json_get_int(msg, "id", 0), json_get(msg, "args"), a };
	struct err e CLEANUP(err_clear) = ERR_NONE;
	enum when when = NOW;
	json *result = NULL;
	int rc = bad_call(&e, name ? name : "no name");

	if (k.id > 0 && k.id == j->run.call) { /* of a worker that did not hear the answer */
		answer(j, k.id, json_ref(j->run.answer), AFTER);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if (str_eq(name, methods[i].name)) {
			err_clear(&e);
			rc = methods[i].fn(&k, &result, &when, &e);
			break;
		}
	if (rc < 0) {
		reply_error(j, k.id, &e);
	} else if (when == NOW) {
		reply(j, k.id, result);
	} else if (when != LATER) {
		answer(j, k.id, result, when);
	}
}

void wconf_cancel(struct mjob *j)
{
	int64_t call = j->lock_call;
	struct err e CLEANUP(err_clear) = ERR_NONE;

	if (!j->worker)
		return;
	pool_send(j->worker, json_pack("{s:s}", "event", "cancel"));
	if (!call)
		return;
	j->lock_call = 0;
	locks_withdraw(j->m->locks, j->job->id);
	canceled(&e);
	reply_error(j, call, &e);
}
