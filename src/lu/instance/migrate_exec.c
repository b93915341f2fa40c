/*
 * Moving a running guest (upstream: TLMigrateInstance._ExecMigration). The target is prepared, the source
 * sends, both finish; only then the configuration names the new node. Until the guest is known to run on
 * the target alone, every failure undoes both ends and leaves it on the source.
 */
#include "src/lu/instance/priv.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"

#include <time.h>

#define POLL_FIRST 0.05 /* seconds */
#define POLL_LAST 1.0
#define FEEDBACK_INTERVAL 10.0
/* A node agent that was restarted answers again after a moment; the transfer goes on without it. */
#define RETRIES 5
#define RETRY_WAIT 1.0

static void pause_for(double seconds)
{
	struct timespec t = { .tv_sec = (time_t)seconds, .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9) };

	nanosleep(&t, NULL);
}

static json *inst_args(struct luctx *lu, const struct move *m)
{
	return lu_inst_dict(lu, snap_instance(lu->snap, m->in.uuid), NULL, NULL, NULL);
}

/* --- before --- */
/* Newer QEMU takes guests of older ones, not the reverse; other hypervisors promise nothing. */
static bool versions_safe(int hypervisor, const json *from, const json *to)
{
	if (hypervisor != hypervisor_kvm)
		return false;
	for (size_t k = 0; k < json_len(from) || k < json_len(to); k++) {
		int64_t a = json_int(json_at(from, k), 0), b = json_int(json_at(to, k), 0);

		if (a != b)
			return b > a;
	}
	return true;
}

static const char *version_text(struct luctx *lu, const json *v)
{
	return json_is(v, JSON_ARRAY) ? arena_printf(lu->a, "[%s]", lu_py_list(lu, v)) : json_dump_in(lu->a, v);
}

static int check_versions(struct luctx *lu, const struct move *m, struct err *e)
{
	const struct instance *i = snap_instance(lu->snap, m->in.uuid);
	const char *hv = enum_name(&enum_hypervisor, i->hypervisor);
	const char *nodes[] = { m->source, m->target }, *from, *to;
	struct strs both = { nodes, 2 };
	struct rpc_answer *v;
	json *version[2];

	TRY(lu_rpc_multi(lu, RPC_node_info, &both,
			 json_pack("[n, [[s, O]]]", hv, json_get(lu->cluster->hvparams, hv)), &v, e));
	for (size_t k = 0; k < 2; k++) {
		if (v[k].failed || v[k].offline)
			return err_set(e, ERR_EXEC, NULL,
				       "Unable to retrieve node information from node '%s': %s", v[k].node,
				       v[k].error);
		version[k] = json_get(json_at(json_at(v[k].payload, 2), 0), "hv_version");
	}
	if (!version[0] || !version[1] || json_equal(version[0], version[1]))
		return 0;
	from = version_text(lu, version[0]);
	to = version_text(lu, version[1]);
	lu_log(lu, "* warning: hypervisor version mismatch between source (%s) and target (%s) node", from, to);
	if (versions_safe(i->hypervisor, version[0], version[1])) {
		lu_log(lu, "  migrating from hypervisor version %s to %s should be safe", from, to);
		return 0;
	}
	lu_log(lu, "  migrating from hypervisor version %s to %s is likely unsupported", from, to);
	if (!m->ignore_hvversions)
		return err_set(e, ERR_EXEC, NULL,
			       "Unsupported migration between hypervisor versions (%s to %s)", from, to);
	lu_log(lu, "  continuing anyway (told to ignore version mismatch)");
	return 0;
}

static int fit_memory(struct luctx *lu, const struct move *m, struct err *e)
{
	if (m->current_mem <= m->target_free)
		return 0;
	if (!m->allow_runtime_changes)
		return err_set(e, ERR_EXEC, NULL,
			       "Memory ballooning not allowed and not enough free memory to fit instance %s on "
			       "target node %s (have %lldMB, need %lldMB)",
			       m->in.name, m->target_name, (long long)m->target_free, (long long)m->current_mem);
	lu_log(lu, "* setting instance memory to %lld", (long long)m->target_free);
	return lu_rpc(lu, RPC_instance_balloon_memory, m->source,
		      json_pack("[o, I]", inst_args(lu, m), m->target_free), NULL,
		      "Cannot modify instance runtime memory", e);
}

static int open_both(struct luctx *lu, const struct move *m, struct err *e)
{
	struct err why CLEANUP(err_clear) = ERR_NONE;

	TRY(move_close_disks(lu, m, m->target, e));
	if (move_open_disks(lu, m, m->source, false, &why) == 0 &&
	    move_open_disks(lu, m, m->target, false, &why) == 0)
		return 0;
	move_open_disks(lu, m, m->source, true, NULL);
	return err_move(e, &why);
}

/* --- undoing --- */
static void finish_quietly(struct luctx *lu, enum rpc rpc, const char *node, json *args)
{
	struct rpc_answer r;

	/* the other end and the disks have to be put right all the same */
	if (lu_ask(lu, rpc, node, args, &r, NULL) == 0 && r.failed)
		log_error("Finishing the migration failed on node %s: %s", r.node, r.error);
}

void move_finish(struct luctx *lu, const struct move *m, bool success)
{
	finish_quietly(lu, RPC_instance_finalize_migration_dst, m->target,
		       json_pack("[o, O, b]", inst_args(lu, m), m->info, (int)success));
	finish_quietly(lu, RPC_instance_finalize_migration_src, m->source,
		       json_pack("[o, b, b]", inst_args(lu, m), (int)success, (int)m->live));
}

static int give_up(struct luctx *lu, const struct move *m, const char *what, const char *why, struct err *e)
{
	struct err ignored CLEANUP(err_clear) = ERR_NONE;

	log_error("Migration of %s to %s failed: %s", m->in.name, m->target_name, why);
	move_finish(lu, m, false);
	if (move_close_disks(lu, m, m->target, &ignored) < 0 || move_open_disks(lu, m, m->source, true, &ignored) < 0)
		lu_warn(lu, NULL, "Could not revert the disks after the failed migration: %s", err_msg(&ignored));
	return err_set(e, ERR_EXEC, NULL, "Could not %s instance %s: %s", what, m->in.name, why);
}

/* --- the transfer --- */
static int prepare_target(struct luctx *lu, struct move *m, struct err *e)
{
	struct rpc_answer r;

	lu_log(lu, "* preparing %s to accept the instance", m->target_name);
	TRY(lu_ask(lu, RPC_accept_instance, m->target,
		   json_pack("[o, O, s]", inst_args(lu, m), m->info, m->target_ip), &r, e));
	if (!r.failed)
		return 0;
	lu_log(lu, "Pre-migration failed, aborting");
	return give_up(lu, m, "pre-migrate", r.error, e);
}

/* Where the guest is after something went wrong during the transfer. */
enum whereabouts { ON_SOURCE, ON_TARGET, NOWHERE, UNKNOWN };

/* What the source has decides; the target is believed only when the source says that it has nothing. */
static enum whereabouts locate(struct luctx *lu, const struct move *m)
{
	for (int k = 0; k <= RETRIES; k++) {
		int source = move_runs_on(lu, m, m->source);
		int target = source ? 0 : move_runs_on(lu, m, m->target);

		if (source > 0)
			return ON_SOURCE;
		if (source == 0 && target >= 0)
			return target ? ON_TARGET : NOWHERE;
		pause_for(RETRY_WAIT);
	}
	return UNKNOWN;
}

/*
 * The guest may have arrived although the source reported a failure (or nothing). And when the source cannot be
 * asked, nothing is undone: stopping what runs on the target could stop the only copy.
 */
static int failed_transfer(struct luctx *lu, const struct move *m, const char *why, struct err *e)
{
	switch (locate(lu, m)) {
	case ON_TARGET:
		lu_warn(lu, NULL, "The instance runs on %s already, although the source reported: %s",
			m->target_name, why);
		return 0;
	case UNKNOWN:
		lu_warn(lu, "'gnt-instance migrate --cleanup' once both nodes answer again",
			"Cannot find out where instance %s runs now", m->in.name);
		return err_set(e, ERR_EXEC, NULL, "Could not migrate instance %s: %s", m->in.name, why);
	case ON_SOURCE:
	case NOWHERE:
		break;
	}
	lu_log(lu, "Migration failed, aborting");
	return give_up(lu, m, "migrate", why, e);
}

static int ask_status(struct luctx *lu, const struct move *m, struct rpc_answer *r, struct err *e)
{
	for (int k = 0;; k++) {
		TRY(lu_ask(lu, RPC_instance_get_migration_status, m->source, json_pack("[o]", inst_args(lu, m)), r,
			   e));
		if (!r->failed || k == RETRIES)
			return 0;
		log_warn("Migration status of %s from %s: %s", m->in.name, r->node, r->error);
		pause_for(RETRY_WAIT);
	}
}

static void show_progress(struct luctx *lu, const json *status, double *shown)
{
	double done = json_float(json_get(status, "transferred_ram"), -1);
	double total = json_float(json_get(status, "total_ram"), -1), now = clock_mono();

	if (now - *shown < FEEDBACK_INTERVAL || done < 0 || total <= 0)
		return;
	*shown = now;
	lu_log(lu, "* memory transfer progress: %.2f %%", 100.0 * done / total);
}

static int wait_transfer(struct luctx *lu, const struct move *m, struct err *e)
{
	double wait = POLL_FIRST, shown = clock_mono();
	struct rpc_answer r;
	const char *status;

	lu_log(lu, "* starting memory transfer");
	for (;;) {
		TRY(ask_status(lu, m, &r, e));
		if (r.failed)
			return failed_transfer(lu, m, r.error, e);
		status = json_get_str(r.payload, "status");
		if (str_eq(status, "failed") || str_eq(status, "cancelled"))
			return failed_transfer(lu, m, "hypervisor returned failure", e);
		if (str_eq(status, "completed")) {
			lu_log(lu, "* memory transfer complete");
			return 0;
		}
		show_progress(lu, r.payload, &shown);
		pause_for(wait);
		wait = wait * 1.5 < POLL_LAST ? wait * 1.5 : POLL_LAST;
	}
}

static int transfer(struct luctx *lu, const struct move *m, struct err *e)
{
	struct rpc_answer r;

	lu_log(lu, "* migrating instance to %s", m->target_name);
	TRY(lu_ask(lu, RPC_instance_migrate, m->source,
		   json_pack("[s, o, s, b]", lu->cluster->cluster_name, inst_args(lu, m), m->target_ip,
			     (int)m->live),
		   &r, e));
	return r.failed ? failed_transfer(lu, m, r.error, e) : wait_transfer(lu, m, e);
}

/* --- after --- */
static int finalize_one(struct luctx *lu, const struct move *m, bool source, struct rpc_answer *r, struct err *e)
{
	for (int k = 0;; k++) {
		if (source)
			TRY(lu_ask(lu, RPC_instance_finalize_migration_src, m->source,
				   json_pack("[o, b, b]", inst_args(lu, m), 1, (int)m->live), r, e));
		else
			TRY(lu_ask(lu, RPC_instance_finalize_migration_dst, m->target,
				   json_pack("[o, O, b]", inst_args(lu, m), m->info, 1), r, e));
		if (!r->failed || k == RETRIES)
			return 0;
		log_warn("Finalizing the migration of %s on %s: %s", m->in.name, r->node, r->error);
		pause_for(RETRY_WAIT);
	}
}

/* When an end could not finish, the configuration follows the guest only if it surely runs on the target alone. */
static int finalize(struct luctx *lu, const struct move *m, struct err *e)
{
	struct str bad CLEANUP(str_free) = { NULL, 0, 0 };
	struct rpc_answer src, dst;

	TRY(finalize_one(lu, m, true, &src, e));
	TRY(finalize_one(lu, m, false, &dst, e));
	if (src.failed)
		str_addf(&bad, "%s: %s", m->source_name, src.error);
	if (dst.failed)
		str_addf(&bad, "%s%s: %s", bad.len ? " " : "", m->target_name, dst.error);
	if (!bad.len)
		return 0;
	if (locate(lu, m) != ON_TARGET)
		return err_set(e, ERR_EXEC, NULL, "Could not finalize instance migration: %s", str_get(&bad));
	lu_warn(lu, "'gnt-instance migrate --cleanup' repeats what was not done",
		"Could not finalize instance migration: %s", str_get(&bad));
	return 0;
}

int move_migrate(struct luctx *lu, struct move *m, struct err *e)
{
	TRY(check_versions(lu, m, e));
	/* disks that several nodes can use have one copy only: nothing to compare */
	lu_log(lu, "* checking disk consistency between source and target");
	TRY(fit_memory(lu, m, e));
	TRY(lu_rpc(lu, RPC_migration_info, m->source, json_pack("[o]", inst_args(lu, m)), &m->info,
		   arena_printf(lu->a, "Failed fetching source migration information from %s", m->source_name), e));
	TRY(open_both(lu, m, e));
	TRY(prepare_target(lu, m, e));
	TRY(transfer(lu, m, e));
	TRY(finalize(lu, m, e));
	TRY(move_set_primary(lu, m, m->target, e));
	TRY(move_close_disks(lu, m, m->source, e));
	TRY(move_open_disks(lu, m, m->target, true, e));
	lu_log(lu, "* done");
	return 0;
}
