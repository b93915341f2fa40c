/*
 * Jobs as data, in the same database as the configuration, and what decides about them: states,
 * dependencies, filters, order. The scheduling parts are pure. See README.
 */
#ifndef SRC_QUEUE_QUEUE_H
#define SRC_QUEUE_QUEUE_H
#include "lib/db/db.h"
#include "src/schema/schema.h"

struct job_op {
	json *input;               /* the opcode with all its parameters, owned by the job's arena */
	enum job_status status;
	json *result;              /* value, or error as [class, [args]] */
	double start, exec, end;   /* 0 = not yet */
	int priority;
};
struct job {
	int64_t id;
	double received, start, end;
	size_t n;
	struct job_op *ops;
	bool archived;
	bool secrets_lost;         /* loaded from the database, which never holds secret parameters */
};

/* --- job.c: states and moves. All times are seconds since the epoch. --- */
/* Status of a job from its opcodes (upstream: CalcStatus). */
enum job_status job_status_of(const struct job *j);
int job_priority(const struct job *j); /* most urgent of the unfinished opcodes, else PRIO_NORMAL */
bool job_final(enum job_status s);
bool job_move_ok(enum job_status from, enum job_status to);
/* Moves; an illegal one is a programming error (ask job_move_ok() first where peers decide). */
void job_op_waiting(struct job *j, size_t i, double now);
void job_op_running(struct job *j, size_t i, double now);
void job_op_success(struct job *j, struct arena *a, size_t i, json *result, double now); /* takes RESULT */
/* Opcode I failed with ERROR ([class, [args]], taken over); later ones end as upstream's do. */
void job_op_error(struct job *j, struct arena *a, size_t i, json *error, double now);
void job_cancel_queued(struct job *j, double now);    /* never started */
void job_cancel_asked(struct job *j);                 /* the waiting opcode becomes canceling */
void job_cancel_started(struct job *j, struct arena *a, double now); /* it noticed and stopped */
/* The process is gone: what is open becomes an error with MSG (OpExecError). */
void job_fail_open(struct job *j, struct arena *a, const char *msg, double now);
void job_requeue(struct job *j); /* an opcode that waits for locks has done nothing yet */
void job_set_priority(struct job *j, int priority); /* of the opcodes not finished */

/* --- reason.c --- */
/* Append [gnt:opcode:<name>, job=<id>;index=<n>, time] to the opcode's trail. */
void reason_extend(json *op, int64_t job, size_t index, double now);
/* Ad-hoc rate limits, "rate-limit:<n>:<bucket>" in a reason: the entries' texts and limits. */
struct rate_limit {
	const char *bucket; /* the whole text, borrowed from the job */
	int64_t limit;
};
size_t reason_rate_limits(struct arena *a, const struct job *j, struct rate_limit **ret);

/* --- store.c --- */
extern const char *const queue_schema[]; /* steps for db_migrate(d, "queue", ...) */
extern const size_t queue_schema_n;
/*
 * OPS: list of opcode dicts, checked and complete. Gives the job its number, resolves relative
 * dependencies (-n: the n-th job before this one), extends the reason trails and stores it. The
 * job returned (in the arena) still has secret parameters, what is stored has not.
 */
int queue_add(struct db *d, struct arena *a, const json *ops, double now, struct job **ret,
	      struct err *e);
int queue_load(struct db *d, struct arena *a, int64_t id, struct job **ret, struct err *e); /* NULL job = none */
/*
 * Call FN with every job in order of numbers, also the ARCHIVED ones when asked for; it is gone when FN returns. Without OPS
 * it has one opcode that stands for all: it has the status and the priority of the job, and nothing else.
 */
int queue_each(struct db *d, bool archived, bool ops, int (*fn)(const struct job *j, void *arg, struct err *e),
	       void *arg, struct err *e);
int queue_save(struct db *d, const struct job *j, struct err *e); /* progress; inputs never change */
/* The first job after that one, in the archive or not. 1, 0 = there is none, -1 */
int queue_next(struct db *d, int64_t after, int64_t *ret, bool *ret_archived, struct err *e);
/* Status of a job (archived ones too) in RET; 1 = found, 0 = no such job, -1. */
int queue_status(struct db *d, int64_t id, enum job_status *ret, struct err *e);
int queue_log(struct db *d, int64_t id, size_t op, double now, const char *type, const json *message, int64_t *ret_serial, struct err *e);
/* Entries newer than AFTER: list of [serial, [sec, usec], type, message]; not more of them than these, but for one. */
#define QUEUE_LOG_ENTRIES 1000
#define QUEUE_LOG_BYTES 65536
int queue_log_since(struct db *d, int64_t id, int64_t after, json **ret, struct err *e);
/* One such list for each of N opcodes. */
int queue_log_by_op(struct db *d, int64_t id, size_t n, json **ret, struct err *e);
int queue_archive(struct db *d, int64_t id, bool *ret_done, struct err *e); /* final jobs only */
int queue_ids(struct db *d, struct arena *a, bool archived, int64_t **ret, size_t *ret_n, struct err *e);
int queue_pending(struct db *d, struct arena *a, int64_t **ret, size_t *ret_n, struct err *e); /* not final */
/* Not final, and with a process, or an opcode that has begun. */
int queue_started(struct db *d, struct arena *a, int64_t **ret, size_t *ret_n, struct err *e);
/* Those that wait to be started, most urgent first, at most MAX behind PRIORITY and ID, with numbers up to
 * LAST; RET_PRIORITY: of the last one. */
int queue_waiting(struct db *d, struct arena *a, int priority, int64_t id, int64_t last, size_t max, int64_t **ret, size_t *ret_n, int *ret_priority, struct err *e);
int queue_count_pending(struct db *d, size_t *ret, struct err *e);
/* Final, not archived, ended before BEFORE, oldest first, at most MAX. */
int queue_ended(struct db *d, struct arena *a, double before, size_t max, int64_t **ret, size_t *ret_n, struct err *e);
int queue_serial(struct db *d, int64_t *ret, struct err *e); /* the highest job id given out */
int queue_serial_at_least(struct db *d, int64_t id, struct err *e);
int queue_flag_get(struct db *d, const char *name, bool *ret, struct err *e); /* "drained" */
int queue_flag_set(struct db *d, const char *name, bool v, struct err *e);

/* --- runs.c: the processes that run jobs, so that the next master knows them --- */
struct job_run {
	const char *nonce; /* what the process proves itself with */
	const char *place; /* the start of the machine it runs on */
	int64_t pid, started; /* proc_start_time() */
	int64_t call;      /* the last of its calls that changed anything, 0 = none */
	json *answer;      /* to that one */
	json *held;        /* locks and reservations, as the caller writes them */
};
/* Text, so that what has not changed need not be written anew. */
int queue_run_save(struct db *d, int64_t job, const struct job_run *r, const char *held,
		   struct err *e);
/* RET in the arena, NULL = none. */
int queue_run_load(struct db *d, struct arena *a, int64_t job, struct job_run **ret, struct err *e);
int queue_run_remove(struct db *d, int64_t job, struct err *e);
int queue_runs_tidy(struct db *d, struct err *e); /* those of jobs that have ended */

/* --- change.c: fields of a job as QueryJobs, WaitForJobChange and `query job` give them --- */
json *job_time(double t); /* [sec, usec], null for 0 */
bool job_input_secret(const json *op); /* does it have parameters that are never stored? */
/* A copy without secrets ("<redacted>" instead), new reference. */
json *job_input_shown(const json *op);
/* Names: id status priority archived received_ts start_ts end_ts summary ops opresult opstatus oplog
 * opstart opexec opend oppriority. LOG: of queue_log_by_op(), needed for oplog only. New reference in RET
 * (may be null); false when there is no such field. */
bool job_field(const struct job *j, const json *log, const char *name, json **ret);
/* Is the log needed for these fields? */
bool job_fields_need_log(const struct strs *fields);
/* What WaitForJobChange compares: list of values of FIELDS (null for unknown ones). */
json *job_fields(const struct job *j, const json *log, const struct strs *fields);

/* --- legacy.c: job-N files in upstream's layout --- */
/* LOG: of queue_log_by_op(). New reference. */
json *job_to_file(const struct job *j, const json *log);
/* The job of a job-N file; LOG gets the list of lists. */
int job_from_file(struct arena *a, json *file, struct job **ret, json **ret_log, struct err *e);
/* Store a job of another master with its number and log (the number must be free). */
int queue_import(struct db *d, const struct job *j, const json *log, struct err *e);

/* --- schedule.c: pure --- */
struct sched_job {
	int64_t id;
	int priority;
	void *data;
};
enum dep_state { DEP_WAIT, DEP_READY, DEP_CANCELED, DEP_FAILED };
/* STATUS_OF tells the status of another job (-1: unknown). *RET_WHY is upstream's text in the arena. */
enum dep_state job_dependencies(struct arena *a, int64_t self, const json *depends,
				int (*status_of)(int64_t id, void *arg), void *arg,
				const char **ret_why);
/* Of all opcodes of a job that are not finished: DEP_WAIT while any waits, else that of the first. */
enum dep_state job_ready(struct arena *a, const struct job *j,
			 int (*status_of)(int64_t id, void *arg), void *arg, const char **ret_why);
/* Order in place: which jobs to start first (priority, then id). */
void sched_order(struct sched_job *v, size_t n);

/* --- filter.c: pure; what the filter rules say about a job --- */
enum filter_verdict { FILTER_ACCEPT, FILTER_PAUSE, FILTER_REJECT, FILTER_LIMIT };
/* RULES: list of filter objects in order of filters_sort(). The rule that decided (NULL: none) and, for
 * FILTER_LIMIT, how many jobs it lets run. Texts are borrowed from RULES. */
enum filter_verdict filters_apply(const json *rules, const struct job *j, const char **ret_rule_uuid,
				  int64_t *ret_limit);
json *filters_sort(const json *rules); /* by priority, watermark, uuid; new reference */
/* Check predicates and action of a new rule; RET: the predicates in normal form ("=" as "=="). */
int filter_check(const json *predicates, const json *action, json **ret_predicates, struct err *e);

#endif
