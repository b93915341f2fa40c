/*
 * gnt-debug test-jobqueue: does the queue refuse what it has to, do jobs wait for each other, do messages and
 * states arrive when they should? An opcode made for it says over a socket where it is.
 */
#include "cli/gnt/gnt.h"

#include "lib/base/clock.h"
#include "lib/net/net.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SOCKET_TIMEOUT 30.0

static json *delay(struct cli *c, double seconds)
{
	json *op = op_new(c, OP_test_delay);

	op_set(op, "duration", json_new_float(seconds));
	op_generic(c, op);
	return op;
}

/* The submission has to fail. */
static int refused(struct cli *c, enum luxi method, json *args, const char *what, const char *otherwise,
		   struct err *e)
{
	struct err why CLEANUP(err_clear) = ERR_NONE;

	if (cli_call(c, method, args, NULL, &why) == 0)
		return err_set(e, ERR_EXEC, NULL, "%s", otherwise);
	if (!errclass_is_a(why.cls, GenericError) || errclass_is_a(why.cls, TimeoutError) ||
	    errclass_is_a(why.cls, NoMasterError))
		return err_move(e, &why);
	if (json_int(cli_opt(c, "debug_level"), 0) > 0)
		cli_out("Ignoring error for '%s' test: %s", what, err_msg(&why));
	return 0;
}

/* --- submission --- */

/* An opcode with a priority that may not be asked for, between others. */
static int bad_priority(struct cli *c, int before, int after, int priority, struct err *e)
{
	json *ops = json_own(c->a, json_new_array()), *op, *dry, *wet;

	for (int i = 0; i < before + 1 + after; i++) {
		op = delay(c, 0);
		if (i == before)
			op_set(op, "priority", json_new_int(priority));
		json_append(ops, json_ref(op));
	}
	TRY(refused(c, LUXI_SubmitJob, json_pack("[O]", ops), "wrong priority",
		    arena_printf(c->a,
				 "Submitting opcode with priority %d did not fail when it should (allowed "
				 "are %d, %d, %d)",
				 priority, PRIO_LOW, PRIO_NORMAL, PRIO_HIGH),
		    e));
	wet = delay(c, 0);
	op_set(wet, "dry_run", json_new_bool(false));
	dry = delay(c, 0);
	op_set(dry, "dry_run", json_new_bool(true));
	return refused(c, LUXI_SubmitManyJobs, json_pack("[[[O, O, O], O]]", delay(c, 0), wet, dry, ops),
		       "wrong priority",
		       "Submitting manyjobs with an incorrect one did not fail when it should.", e);
}

static int test_submission(struct cli *c, struct err *e)
{
	static const int allowed[] = { PRIO_LOW, PRIO_NORMAL, PRIO_HIGH, PRIO_LOWEST, PRIO_HIGHEST };
	static const int around[][2] = { { 0, 0 }, { 3, 0 }, { 0, 3 }, { 4, 2 } };

	cli_out("Testing job submission");
	TRY(bad_priority(c, 0, 0, PRIO_LOWEST, e));
	TRY(bad_priority(c, 0, 0, PRIO_HIGHEST, e));
	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++)
		for (int offset = -1; offset <= 1; offset += 2)
			for (size_t k = 0; k < ARRAY_SIZE(around); k++)
				TRY(bad_priority(c, around[k][0], around[k][1], allowed[i] + offset, e));
	cli_out("Job submission tests were successful");
	return 0;
}

/* --- dependencies --- */

#define N_DEPENDENT 5

/* Jobs of one opcode each; which earlier one they wait for (relative), and until it is over how. */
static const struct {
	int on;
	bool success;
} dependent[N_DEPENDENT] = { { 0, false }, { -1, false }, { -2, true }, { 0, false }, { -2, true } };

/* Seconds since the epoch of [seconds, microseconds]. */
static double when(const json *ts)
{
	return (double)json_int(json_at(ts, 0), 0) + (double)json_int(json_at(ts, 1), 0) / 1e6;
}

/* ROWS: [id, [start of execution], [opcode]] of each job. */
static int check_dependencies(struct cli *c, const json *rows, struct err *e)
{
	static const int edges[][2] = { { 1, 0 }, { 2, 0 }, { 4, 2 } }; /* job, the one it waits for */

	for (size_t i = 0; i < ARRAY_SIZE(edges); i++) {
		const json *row = json_at(rows, (size_t)edges[i][0]), *first = json_at(rows, (size_t)edges[i][1]);
		const json *depends = json_get(json_at(json_at(row, 2), 0), "depends");

		if (!json_equal(json_at(json_at(depends, 0), 0), json_at(first, 0)))
			return err_set(e, ERR_EXEC, NULL, "Job %s's opcode doesn't depend on correct job ID (%s)",
				       json_str(info_text(c, json_at(row, 0))),
				       json_str(info_text(c, json_at(first, 0))));
		if (when(json_at(json_at(first, 1), 0)) > when(json_at(json_at(row, 1), 0)))
			return err_set(e, ERR_EXEC, NULL, "Jobs did not run in correct order: %s",
				       json_str(info_text(c, rows)));
	}
	return 0;
}

static int test_dependencies(struct cli *c, struct err *e)
{
	json *op = delay(c, 0), *all = json_own(c->a, json_new_array()), *answers, *rows, *ids;
	struct jobs *jobs = jobs_new(c, true);
	struct job_result *results;
	size_t n;

	cli_out("Testing job dependencies");
	op_set(op, "depends", json_pack("[[i, n]]", -1));
	TRY(refused(c, LUXI_SubmitJob, json_pack("[[O]]", op), "wrong dependencies",
		    "Submitting plain opcode with relative job ID did not fail as expected", e));
	for (size_t i = 0; i < N_DEPENDENT; i++) {
		op = delay(c, 1);
		if (dependent[i].success)
			op_set(op, "depends",
			       json_pack("[[i, [s]]]", dependent[i].on,
					 enum_name(&enum_job_status, job_status_success)));
		else if (dependent[i].on)
			op_set(op, "depends", json_pack("[[i, []]]", dependent[i].on));
		json_append(all, json_pack("[O]", op));
	}
	TRY(cli_call(c, LUXI_SubmitManyJobs, json_pack("[O]", all), &answers, e));
	jobs_add_ids(jobs, answers);
	TRY(jobs_wait(jobs, &results, &n, e));
	for (size_t i = 0; i < n; i++)
		if (!results[i].ok)
			return err_set(e, ERR_EXEC, NULL, "At least one of the submitted jobs failed: %s",
				       results[i].error);
	ids = json_new_array();
	json_items(answers, k, answer)
		json_append(ids, json_ref(json_at(answer, 1)));
	TRY(cli_call(c, LUXI_QueryJobs, json_pack("[o, [s, s, s]]", ids, "id", "opexec", "ops"), &rows, e));
	TRY(check_dependencies(c, rows, e));
	cli_out("Job dependency tests were successful");
	return 0;
}

/* --- messages and states --- */

struct reporter {
	struct cli *c;
	int64_t id;
	bool started;         /* test messages are expected */
	size_t n;             /* of those since the start */
	struct strs all;      /* test messages */
	struct err e;         /* the first thing wrong */
};

/* The state of the job, in the arena. */
static int job_state(struct cli *c, int64_t id, const char **ret, struct err *e)
{
	json *rows;

	TRY(cli_call(c, LUXI_QueryJobs, json_pack("[[I], [s]]", id, "status"), &rows, e));
	*ret = json_str(json_at(json_at(rows, 0), 0));
	if (!*ret)
		return err_set(e, ERR_EXEC, NULL, "Can't find job %lld", (long long)id);
	return 0;
}

/* The opcode waits at TEST until somebody has connected to its socket and closed the connection. */
static int at_point(struct reporter *r, const char *test, int64_t arg, struct err *e)
{
	const char *status, *running = enum_name(&enum_job_status, job_status_running);
	const char *waiting = enum_name(&enum_job_status, job_status_waiting);

	TRY(job_state(r->c, r->id, &status, e));
	if (strcmp(test, JQT_EXPANDNAMES) == 0 && strcmp(status, waiting) != 0)
		return err_set(e, ERR_EXEC, NULL,
			       "Job status while expanding names is '%s', not '%s' as expected", status,
			       waiting);
	if ((strcmp(test, JQT_EXEC) == 0 || strcmp(test, JQT_LOGMSG) == 0) && strcmp(status, running) != 0)
		return err_set(e, ERR_EXEC, NULL,
			       "Job status while executing opcode is '%s', not '%s' as expected", status,
			       running);
	if (strcmp(test, JQT_STARTMSG) == 0) {
		r->started = true;
		r->n = 0;
	} else if (strcmp(test, JQT_LOGMSG) == 0 && (int64_t)r->n != arg) {
		return err_set(e, ERR_EXEC, NULL, "Received %zu test messages when %lld are expected", r->n,
			       (long long)arg);
	} else if (strcmp(test, JQT_EXPANDNAMES) != 0 && strcmp(test, JQT_EXEC) != 0 &&
		   strcmp(test, JQT_LOGMSG) != 0) {
		return err_set(e, ERR_EXEC, NULL, "Received invalid test message %s", test);
	}
	return 0;
}

/* MSG: [path of a socket, point, argument] */
static int point(struct reporter *r, const json *msg, struct err *e)
{
	const char *path = json_str(json_at(msg, 0)), *test = json_str(json_at(msg, 1));
	int fd CLEANUP(closep) = path ? unix_connect(path, SOCKET_TIMEOUT) : -1;

	if (fd < 0)
		return err_set(e, ERR_EXEC, NULL, "Cannot connect to socket '%s'", path ? path : "");
	return at_point(r, test ? test : "", json_int(json_at(msg, 2), 0), e);
}

static void report(int64_t serial, double time, const char *type, const json *msg, void *arg)
{
	struct reporter *r = arg;
	const char *text = json_str(msg);
	struct err e CLEANUP(err_clear) = ERR_NONE;

	(void)serial;
	if (type && strcmp(type, ELOG_JQUEUE_TEST) == 0) {
		if (point(r, msg, &e) < 0 && !r->e.msg)
			err_move(&r->e, &e);
	} else if (text && str_starts(text, JQT_MSGPREFIX)) {
		if (!r->started && !r->e.msg)
			err_set(&r->e, ERR_EXEC, NULL,
				"Received test message without a preceding start message");
		strs_add(r->c->a, &r->all, arena_strdup(r->c->a, text + strlen(JQT_MSGPREFIX)));
		r->n++;
	} else {
		cli_message(time, msg);
	}
}

/* Final states of the job and its opcodes. */
static int check_final(struct cli *c, int64_t id, const bool *fail, size_t n, struct err *e)
{
	const char *good = enum_name(&enum_job_status, job_status_success);
	const char *bad = enum_name(&enum_job_status, job_status_error), *wanted = good, *status;
	json *rows, *opstatus;

	TRY(cli_call(c, LUXI_QueryJobs, json_pack("[[I], [s, s]]", id, "status", "opstatus"), &rows, e));
	opstatus = json_at(json_at(rows, 0), 1);
	if (json_len(opstatus) != n)
		return err_set(e, ERR_EXEC, NULL, "Did not receive status for all opcodes (got %zu, expected %zu)",
			       json_len(opstatus), n);
	for (size_t i = 0; i < n; i++) {
		wanted = fail[i] ? bad : wanted; /* all after a failed one fail */
		status = json_str(json_at(opstatus, i));
		if (!str_eq(status, wanted))
			return err_set(e, ERR_EXEC, NULL, "Opcode status is %s, expected %s",
				       status ? status : "", wanted);
	}
	status = json_str(json_at(json_at(rows, 0), 0));
	if (!str_eq(status, wanted))
		return err_set(e, ERR_EXEC, NULL, "Final job status is %s, not %s as expected",
			       status ? status : "", wanted);
	return 0;
}

static int check_messages(const struct reporter *r, const struct strs *sent, size_t times, struct err *e)
{
	bool same = r->all.n == sent->n * times;

	for (size_t i = 0; same && i < r->all.n; i++)
		same = strcmp(r->all.v[i], sent->v[i % sent->n]) == 0;
	return same ? 0 : err_set(e, ERR_EXEC, NULL, "Received test messages don't match input");
}

/* A job of N opcodes, of which FAIL says which shall fail. */
static int run_job(struct cli *c, const char *title, int mode, const bool *fail, size_t n, struct err *e)
{
	struct reporter r = { .c = c, .e = ERR_NONE };
	struct err why CLEANUP(err_clear) = ERR_NONE;
	struct str now CLEANUP(str_free) = { 0 };
	json *ops = json_new_array(), *id, *results = NULL;
	const char *texts[] = { arena_printf(c->a, "Testing mode %d", mode), "Hello World", "A", "", "B",
				"Foo|bar|baz", NULL };
	struct strs sent = { texts, ARRAY_SIZE(texts) };
	size_t executed = 0;
	bool failing = false;

	cli_out("%s", title);
	ui_time(&now, clock_real(), -1);
	texts[ARRAY_SIZE(texts) - 1] = str_get(&now);
	for (size_t i = 0; i < n; i++) {
		json *op = op_new(c, OP_test_jqueue);

		op_set(op, "notify_waitlock", json_new_bool(true));
		op_set(op, "notify_exec", json_new_bool(true));
		op_set(op, "log_messages", json_new_strs(&sent));
		op_set(op, "fail", json_new_bool(fail[i]));
		op_generic(c, op);
		json_append(ops, json_ref(op));
		executed += !failing;
		failing = failing || fail[i];
	}
	TRY(cli_call(c, LUXI_SubmitJob, json_pack("[o]", ops), &id, e));
	r.id = json_int(id, 0);
	if (job_wait(c->luxi, r.id, report, NULL, &r, &results, &why) < 0) {
		if (!failing)
			return err_move(e, &why);
		cli_out("Ignoring error for 'job fail' test: %s", err_msg(&why));
	} else {
		json_own(c->a, results);
		if (failing)
			return err_set(e, ERR_EXEC, NULL, "Job didn't fail when it should");
		if (json_len(results) != n)
			return err_set(e, ERR_EXEC, NULL, "Received %zu results, expected %zu",
				       json_len(results), n);
	}
	if (r.e.msg)
		return err_move(e, &r.e);
	TRY(check_messages(&r, &sent, executed, e));
	return check_final(c, r.id, fail, n, e);
}

int cmd_debug_test_jobqueue(struct cli *c, struct err *e)
{
	static const struct {
		const char *title;
		size_t n;
		bool fail[4];
	} modes[] = {
		{ "Testing job success", 1, { false } },
		{ "Testing multiple successful opcodes", 2, { false, false } },
		{ "Testing job failure", 1, { true } },
		{ "Testing partial job failure", 4, { false, false, true, false } },
	};

	TRY(test_submission(c, e));
	TRY(test_dependencies(c, e));
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		TRY(run_job(c, modes[i].title, (int)i, modes[i].fail, modes[i].n, e));
	cli_out("Job queue test successful");
	return EXIT_SUCCESS;
}
