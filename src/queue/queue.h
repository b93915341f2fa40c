/*
 * Jobs as data, in the same database as the configuration: table job(id, status, priority,
 * received/start/end, ops JSON, ...), job_log(job, serial, time, type, message). The scheduler
 * is pure: it picks from what it is told.
 */
#ifndef SRC_QUEUE_QUEUE_H
#define SRC_QUEUE_QUEUE_H
#include "lib/db/db.h"
#include "src/schema/schema.h"

struct job_op {
	json *input;               /* the opcode as submitted */
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
};
/* Status of a job from its opcodes (upstream: CalcStatus). */
enum job_status job_status_of(const struct job *j);
int job_priority(const struct job *j); /* of the first unfinished opcode; default PRIO_NORMAL */
bool job_final(enum job_status s);

/* --- store.c --- */
extern const char *const queue_schema[]; /* steps for db_migrate(), appended to the config's */
/* OPS_LIST: list of opcode dicts, already checked. Adds OP_ID-dependent reason entries as upstream. */
int queue_add(struct db *d, const json *ops, double now, int64_t *ret_id, struct err *e);
int queue_load(struct db *d, struct arena *a, int64_t id, struct job **ret, struct err *e); /* NULL job = none */
int queue_save(struct db *d, const struct job *j, struct err *e);
int queue_log(struct db *d, int64_t id, size_t op, double now, const char *type, const json *message, int64_t *ret_serial, struct err *e);
/* entries newer than AFTER: list of [serial, [sec, usec], type, message] */
int queue_log_since(struct db *d, int64_t id, int64_t after, json **ret, struct err *e);
int queue_archive(struct db *d, int64_t id, bool *ret_done, struct err *e);
int queue_ids(struct db *d, struct arena *a, bool archived, int64_t **ret, size_t *ret_n, struct err *e);
int queue_pending(struct db *d, struct arena *a, int64_t **ret, size_t *ret_n, struct err *e); /* not final */
int queue_flag_get(struct db *d, const char *name, bool *ret, struct err *e); /* "drained" */
int queue_flag_set(struct db *d, const char *name, bool v, struct err *e);
/* job-N file content, upstream's layout (mirror and archive). New reference. */
json *job_to_file(const struct job *j, const json *log_by_op);

/* --- schedule.c: pure --- */
struct sched_job {
	int64_t id;
	int priority;
	const json *depends; /* list of [id, states] or NULL */
};
enum dep_state { DEP_WAIT, DEP_READY, DEP_FAILED };
/* STATUS_OF tells the status of another job (-1: unknown). WHY names the dependency that failed. */
enum dep_state job_dependencies(const json *depends, int (*status_of)(int64_t id, void *arg), void *arg, int64_t *ret_which);
/* Order in place: which jobs to start first (priority, then id). */
void sched_order(struct sched_job *v, size_t n);

/* --- filter.c: pure; what the filter rules say about a job --- */
enum filter_verdict { FILTER_ACCEPT, FILTER_PAUSE, FILTER_REJECT, FILTER_LIMIT };
enum filter_verdict filters_apply(const json *rules, const struct job *j, int64_t running_limited, const char **ret_rule_uuid);

#endif
