/* States of jobs and opcodes. Upstream: lib/jqueue, JQueue.hs. */
#include "src/queue/queue.h"

#include <assert.h>
#include <string.h>

#define S(x) job_status_##x
/* where an opcode may go from each state */
static const bool moves[S(error) + 1][S(error) + 1] = {
	[S(queued)] = { [S(waiting)] = true, [S(canceled)] = true, [S(error)] = true },
	[S(waiting)] = { [S(running)] = true,
			 [S(canceling)] = true,
			 [S(canceled)] = true,
			 [S(error)] = true,
			 [S(queued)] = true /* restart of the master */ },
	[S(canceling)] = { [S(canceled)] = true, [S(error)] = true },
	[S(running)] = { [S(success)] = true, [S(error)] = true, [S(canceled)] = true },
};

bool job_move_ok(enum job_status from, enum job_status to)
{
	return moves[from][to];
}

static void move(struct job_op *op, enum job_status to)
{
	assert(moves[op->status][to]);
	op->status = to;
}

bool job_final(enum job_status s)
{
	return s == S(canceled) || s == S(success) || s == S(error);
}

enum job_status job_status_of(const struct job *j)
{
	enum job_status s = S(queued);
	size_t good = 0;

	for (size_t i = 0; i < j->n; i++) {
		enum job_status op = j->ops[i].status;

		if (op == S(error) || op == S(canceling) || op == S(canceled))
			return op;
		if (op == S(success))
			good++;
		else if (op != S(queued))
			s = op;
	}
	return good == j->n ? S(success) : s;
}

int job_priority(const struct job *j)
{
	int best = PRIO_LOWEST + 1;

	for (size_t i = 0; i < j->n; i++)
		if (!job_final(j->ops[i].status) && j->ops[i].priority < best)
			best = j->ops[i].priority;
	return best > PRIO_LOWEST ? PRIO_NORMAL : best;
}

static void set_result(struct job_op *op, struct arena *a, json *result)
{
	op->result = json_own(a, result);
}

/* The job has ended when its last opcode has. */
static void ended(struct job *j, double now)
{
	if (job_final(job_status_of(j)))
		j->end = now;
}

void job_op_waiting(struct job *j, size_t i, double now)
{
	move(&j->ops[i], S(waiting));
	j->ops[i].start = now;
	if (j->start == 0)
		j->start = now;
}

void job_op_running(struct job *j, size_t i, double now)
{
	move(&j->ops[i], S(running));
	j->ops[i].exec = now;
}

void job_op_success(struct job *j, struct arena *a, size_t i, json *result, double now)
{
	move(&j->ops[i], S(success));
	j->ops[i].end = now;
	set_result(&j->ops[i], a, result);
	ended(j, now);
}

/* Every opcode that is not finished becomes an error; NULL: upstream's text for those never
 * reached. */
static void fail_rest(struct job *j, struct arena *a, size_t from, const char *msg)
{
	for (size_t i = from; i < j->n; i++) {
		if (job_final(j->ops[i].status))
			continue;
		move(&j->ops[i], S(error));
		set_result(&j->ops[i], a,
			   json_pack("[s, [s]]", ERR_EXEC, msg ? msg : "Preceding opcode failed"));
	}
}

void job_op_error(struct job *j, struct arena *a, size_t i, json *error, double now)
{
	move(&j->ops[i], S(error));
	j->ops[i].end = now;
	set_result(&j->ops[i], a, error);
	fail_rest(j, a, i + 1, NULL);
	ended(j, now);
}

void job_cancel_queued(struct job *j, double now)
{
	for (size_t i = 0; i < j->n; i++) {
		if (job_final(j->ops[i].status))
			continue;
		move(&j->ops[i], S(canceled));
		j->ops[i].end = now;
	}
	j->end = now;
}

void job_cancel_asked(struct job *j)
{
	for (size_t i = 0; i < j->n; i++)
		if (j->ops[i].status == S(waiting))
			move(&j->ops[i], S(canceling));
}

void job_cancel_started(struct job *j, struct arena *a, double now)
{
	for (size_t i = 0; i < j->n; i++) {
		if (job_final(j->ops[i].status))
			continue;
		move(&j->ops[i], S(canceled));
		set_result(&j->ops[i], a, json_new_str("Job canceled by request"));
	}
	j->end = now;
}

void job_fail_open(struct job *j, struct arena *a, const char *msg, double now)
{
	for (size_t i = 0; i < j->n; i++)
		if (j->ops[i].status != S(queued) && !job_final(j->ops[i].status))
			j->ops[i].end = now;
	fail_rest(j, a, 0, msg);
	j->end = now;
}

void job_requeue(struct job *j)
{
	for (size_t i = 0; i < j->n; i++) {
		if (j->ops[i].status != S(waiting))
			continue;
		move(&j->ops[i], S(queued));
		j->ops[i].start = 0;
	}
	if (j->n && j->ops[0].status == S(queued))
		j->start = 0;
}

void job_set_priority(struct job *j, int priority)
{
	for (size_t i = 0; i < j->n; i++)
		if (!job_final(j->ops[i].status))
			j->ops[i].priority = priority;
}
