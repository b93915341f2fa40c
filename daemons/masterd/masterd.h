/* The master daemon: one thread, one loop. Who does what: see README. */
#ifndef DAEMONS_MASTERD_MASTERD_H
#define DAEMONS_MASTERD_MASTERD_H
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

#include "lib/base/map.h"
#include "lib/wire/wire.h"
#include "src/config/config.h"
#include "src/env/env.h"
#include "src/lock/lock.h"
#include "src/queue/queue.h"

#define EXIT_CONFIG 2 /* as upstream's daemons: the configuration is broken */

struct master;
struct mjob;
struct watch;
struct blocked;
struct spread;
struct after;
struct replicas;
struct finished;

/* The number of a job as a key of maps. Returns BUF. */
#define JOB_KEY 24
static inline const char *job_key(int64_t id, char buf[JOB_KEY])
{
	snprintf(buf, JOB_KEY, "%" PRId64, id);
	return buf;
}

/* A job that has not ended, or whose end is not stored yet. */
struct mjob {
	struct master *m;
	struct arena *a; /* of the job */
	struct job *job;
	struct pool_job *worker; /* NULL = not started */
	bool cancel_wanted;
	int64_t lock_call; /* call of the worker that waits for a lock, 0 = none */
	bool all_locks;    /* that call asked for all names */
	char *rule;        /* while it runs: the rule that limits how many like it do, or NULL */
	bool dirty;        /* progress to be stored in this turn */
	bool log_dirty;    /* only log entries are new */
	bool stored_final;
	size_t unacked;    /* turns with it that too few candidates have */
	/* job-N is to be written when the mirror's timer fires */
	struct mjob *mirror_next, **mirror_prev; /* PREV NULL = it is not */
	bool mirror_failed; /* its file could not be written */
	/* waits to be started, see ready.c */
	struct mjob *ready_next, **ready_prev; /* PREV NULL = it does not, or is not known there */
	struct blocked *blocked; /* NULL = to be looked at */
	char *place;             /* a limit has room, and this one is to use it: what it was blocked by */
	/* of its worker, see attach.c */
	struct job_run run; /* RUN.answer is a reference of ours, RUN.held is not used */
	char *held;         /* as stored, NULL = to be made anew */
	bool run_dirty;
	bool away;   /* its worker has not come back yet since the master was started */
	bool killed; /* on request */
	struct mjob *next_run;
	struct watch *watches;
	struct mjob *next_dirty;
};

/* The jobs that wait to be started and are not in memory: those behind this place, see tail.c. */
struct tail {
	bool any;
	int priority;
	int64_t id;
	bool sweep; /* those behind the second place are still to be looked at: filters have changed */
	int swept_priority;
	int64_t swept_id;
};

struct settings { /* what decisions need of the configuration, read again after changes */
	int64_t max_running;
	json *filters; /* sorted */
	bool rejects;  /* some filter rejects jobs */
};

struct master {
	struct ev *ev;
	struct config *config;
	struct db *db; /* of config */
	struct locks *locks;
	struct reservations *res;
	struct luxi_server *luxi, *legacy, *control;
	struct pool *job_pool, *query_pool;
	struct spread *spread;
	struct map *jobs; /* decimal id -> struct mjob; those in memory */
	struct tail tail;
	struct mjob *ready;  /* wait to be started, and are to be looked at */
	struct map *blocked; /* see ready.c */
	size_t pending;   /* jobs that have not ended, in memory or not */
	size_t pending_max;
	int64_t last_id;  /* the highest of a job that is stored */
	size_t running;
	size_t away;   /* of these: whose worker has not come back yet */
	size_t unborn; /* jobs accepted in this turn */
	struct settings set;
	struct ev_timer *schedule;
	struct ev_timer *mirror;
	struct ev_timer *verify; /* the database is read again */
	double mirror_at; /* when the timer fires, 0 = not set */
	double mirror_pause; /* not before: other work has its turn */
	struct mjob *mirror_due, **mirror_end;
	/* this turn of the loop, see turn.c */
	struct ev_timer *turn;
	bool turn_armed;
	double turn_at; /* when it ends, if armed */
	double turn_ended; /* when the last one did */
	bool turn_held;   /* it has to end, and waits for the one before */
	size_t turn_told; /* it waits for so many who were told how that ended, and may have something to say: */
	bool turn_clients; /* clients, or workers */
	struct mjob *dirty;
	struct mjob *runs; /* whose row of the worker is to be stored */
	struct after *after, **after_end;
	struct after *local, **local_end;
	bool config_changed, settings_changed, nodes_changed;
	/* turns that are on disk here and wait for other candidates, see turn.c and replicas.c */
	struct finished *finished, **finished_end;
	struct ev_timer *late;
	double late_after; /* seconds until clients that wait are told why */
	struct replicas *replicas;
	int64_t serial; /* of the last entry of the log */
	bool open; /* clients are let in */
	/* end */
	bool stopping;
	bool end_jobs; /* for good: nobody will come who goes on with what runs */
	struct attach *attach;
	bool no_voting; /* started so */
	int exit_code;
	bool damaged; /* the database; it is moved away at the end */
	struct {
		uint64_t requests, jobs, queries, turns, commits, failed_turns, looks;
	} count;
	double started;
};

/* --- turn.c: one transaction per turn of the loop --- */
int turn_begin(struct master *m,
	       struct err *e); /* writes may follow; the end of the turn commits */
/* Call FN when this turn has been committed, also on enough candidates (FAILED NULL), or was lost. */
typedef void turn_fn(struct master *m, const struct err *failed, void *arg);
void turn_after(struct master *m, turn_fn *fn, void *arg);
/* The same for those who can't wait for ever: LATE hears why it takes so long, once; FN follows all the same. */
void turn_after_late(struct master *m, turn_fn *fn, turn_fn *late, void *arg);
/* The same, but it is enough for ARG that this machine has it. */
void turn_local(struct master *m, turn_fn *fn, void *arg);
void turn_touch(struct master *m, struct mjob *j); /* store the job's progress */
/* The same, but nobody waits for it: with the next turn, or in a moment. */
void turn_touch_soon(struct master *m, struct mjob *j);
void turn_log(struct master *m, struct mjob *j); /* its log grew */
int turn_commit_config(struct master *m, const json *changes, json **ret_objects, struct err *e);
void turn_arm(struct master *m);  /* something is to be stored */
void turn_soon(struct master *m); /* in a moment */
void turn_heard(struct master *m, bool client); /* a client or a worker has said something */
void turn_init(struct master *m);
void turn_finish(struct master *m); /* what is open is committed now */
void turn_acknowledge(struct master *m); /* candidates have more than before: who waits for that is told */
void turn_free(struct master *m);

/* --- request.c: texts into requests, pure --- */
/* ARGS is borrowed from RET_OWN (a new reference). Plain errors, as after "Failed to parse request:
 * ". */
int request_parse(const char *text, size_t n, enum luxi *ret, json **ret_args, json **ret_own,
		  struct err *e);
/* A plain error about arguments that can't be read, as upstream words it. Returns -1. */
int request_bad_args(struct arena *a, json *args, struct err *e);
/* Typed arguments (struct luxi_x) in the arena. */
int request_args(struct arena *a, enum luxi method, json *args, void **ret, struct err *e);
/* An opcode as submitted; RET: with all its parameters, arena-owned. A plain error is a text that
 * goes after "Failed to parse request: <method>: ", others are as they are. */
int request_opcode(struct arena *a, json *in, json **ret, struct err *e);
int request_job_id(const json *j, int64_t *ret, struct err *e); /* number or text */

/* --- luxi.c: sessions --- */
int luxi_start(struct master *m, struct err *e);
void luxi_ok(struct luxi_conn *c, json *result);          /* takes the reference */
void luxi_fail(struct luxi_conn *c, const struct err *e); /* plain errors go out as text */
/* A reply that has to wait for the end of the turn. RESULT taken over. */
void luxi_ok_after(struct master *m, struct luxi_conn *c, json *result);

/* --- submit.c --- */
void submit_job(struct master *m, struct luxi_conn *c, const json *ops, enum luxi method);
void submit_many(struct master *m, struct luxi_conn *c, const json *jobs);
/* For jobs that submit jobs: RET is the list of [true, id] or [false, message]; the jobs start when
 * the turn is committed. */
int submit_list(struct master *m, const json *jobs, enum luxi method, json **ret, struct err *e);
bool queue_open(struct master *m);

/* --- jobs.c: live jobs --- */
int jobs_init(struct master *m, struct err *e); /* pool, and what an earlier master left */
struct mjob *jobs_find(struct master *m, int64_t id);
struct mjob *jobs_loaded(const struct master *m, int64_t id); /* the same, unless it would have to be read */
void jobs_adopt(struct master *m, struct arena *a, struct job *j); /* takes the arena */
void jobs_new(struct master *m, struct arena *a, struct job *j);   /* one just stored; takes the arena */
void jobs_recover(struct mjob *j); /* of an earlier master: it may have ended with that */
void jobs_wake(struct master *m);                                  /* look for jobs to start soon */
void jobs_stored(struct mjob *j,
		 bool progress);           /* it (else only its log) is on disk; may free it */
void jobs_discard(struct mjob *j);         /* the memory of one that is not known any more */
void jobs_release(struct mjob *j);         /* locks and reservations */
int jobs_status(int64_t id, void *master); /* for job_dependencies() */
int jobs_settings(struct master *m, struct err *e);
int64_t jobs_under(const struct master *m, const char *rule); /* how many run that it limits */
const char *jobs_bucket_full(struct mjob *j, struct arena *a); /* a full one that J would be in, or NULL */
void jobs_free(struct master *m);
void jobs_stop(struct master *m); /* say of what still runs that it is ended */

/* --- ready.c: jobs that wait to be started --- */
enum block { BLOCK_JOB, BLOCK_FILTERS, BLOCK_RULE, BLOCK_BUCKET }; /* by a job's end, by filters, by limits of them */
void ready_init(struct master *m);
void ready_free(struct master *m);
void ready_add(struct mjob *j);  /* look at it */
void ready_drop(struct mjob *j); /* it does not wait any more */
void ready_start(struct mjob *j); /* the same, for it starts */
void ready_block(struct mjob *j, enum block what, const char *name); /* it can't start before that changes */
void ready_changed(struct master *m, enum block what, const char *name); /* look at all that wait for it */
void ready_one(struct master *m, enum block what, const char *name); /* look at the first one that waits for it */
void ready_again(struct master *m);                                     /* look at all */

/* --- tail.c: jobs that wait and are not in memory --- */
bool tail_takes(struct master *m, const struct job *job); /* may this new job stay out? */
struct mjob *tail_find(struct master *m, int64_t id);      /* read it if it waits */
int tail_load(struct master *m, struct err *e);            /* the next ones */
void tail_filter(struct master *m);                        /* filters have changed */
bool tail_sweep(struct master *m, struct err *e);          /* load what they reject; again? */

/* --- attach.c: workers that outlive their master --- */
int attach_init(struct master *m, struct err *e);
int attach_start(struct master *m, struct err *e); /* let them come */
void attach_free(struct master *m);
/* Has the start of jobs to wait a moment for workers that were there before? */
bool attach_wait(struct master *m);
void run_new(struct mjob *j);     /* a worker will be asked for it; then pool_submit(), then */
void run_started(struct mjob *j); /* the worker's process is known */
void run_touch(struct mjob *j);   /* store the row in this turn */
void run_held(struct mjob *j);    /* the same; what the job holds has changed */
void run_answered(struct mjob *j, int64_t call, json *answer); /* the same; ANSWER borrowed */
void run_end(struct mjob *j);     /* it has no worker any more */
void run_free(struct mjob *j);
int runs_store(struct master *m, struct err *e); /* for the turn: rows that have changed ... */
void runs_stored(struct master *m);              /* ... and it was committed */
/* The worker that the job had under the last master goes on with it: 1; 0: there is none, or it has died. */
int run_adopt(struct mjob *j,
	      void (*on_worker)(struct pool_job *pj, json *msg, bool final, void *arg),
	      struct err *e);

/* --- manage.c: luxi calls on jobs --- */
void manage_cancel(struct master *m, struct luxi_conn *c, int64_t id, bool kill);
void manage_priority(struct master *m, struct luxi_conn *c, int64_t id, int64_t priority);
void manage_archive(struct master *m, struct luxi_conn *c, int64_t id);
void manage_autoarchive(struct master *m, struct luxi_conn *c, int64_t age, int64_t timeout);
void manage_drain(struct master *m, struct luxi_conn *c, bool flag);
void manage_watcher_pause(struct master *m, struct luxi_conn *c, const json *until, json *raw);
void manage_filter_replace(struct master *m, struct luxi_conn *c,
			   const struct luxi_ReplaceFilter *r, json *raw);
void manage_filter_delete(struct master *m, struct luxi_conn *c, const char *uuid);

/* --- wconf.c: calls of job workers --- */
void wconf_message(struct mjob *j, const json *msg);
void wconf_flushed(struct mjob *j, int64_t call, json *failed); /* answer; FAILED taken over */
void wconf_cancel(struct mjob *j); /* tell the worker; a lock it waits for is withdrawn */

/* --- waits.c --- */
/* Why jobs wait that have not ended: {id: {"lock": locks_why()} or {"text": why}}. FILTER (of a query of jobs, may
 * be NULL): where it names jobs, only those. New reference. */
json *waits_of(struct master *m, const json *filter);

/* --- queries.c --- */
void queries_init(struct master *m);
/* Let a worker look for mistakes in the configuration, and log them. As upstream, a master runs with one that
 * has some. */
void queries_verify(struct master *m);
void queries_send(struct master *m, struct luxi_conn *c, enum luxi method,
		  json *args); /* ARGS borrowed */

/* --- watch.c: clients that wait for a job --- */
void watch_change(struct master *m, struct luxi_conn *c, int64_t id,
		  const struct luxi_WaitForJobChange *w);
void watch_cancel(struct mjob *j, struct luxi_conn *c); /* answer CancelJob when it ended */
void watch_notify(struct mjob *j);
void watch_drop_all(struct mjob *j); /* the job is gone from memory */

/* --- spread.c: configuration to disk, candidates and nodes --- */
void spread_init(struct master *m);
void spread_commit(struct master *m); /* a change was committed */
/* DONE once everything committed until now has reached the nodes, or failed there ([node, msg]
 * pairs). */
void spread_flush(struct master *m, bool force, int64_t job, int64_t call);
/* An RPC to the other nodes (candidates only, or all online ones), result to the log. Takes ARGS.
 */
void spread_call(struct master *m, enum rpc rpc, bool candidates, json *args);
void spread_master_ip(struct master *m); /* activate it here, trying until it works */
void spread_free(struct master *m);

/*
 * --- replicas.c: the other master candidates, and how many of them have what ---
 */
int replicas_init(struct master *m, struct err *e);
void replicas_free(struct master *m);
struct replica_entry;
/* m->serial may have grown, by LAST; the set of candidates may be another one. */
void replicas_commit(struct master *m, const struct replica_entry *last);
void replicas_verify(struct master *m); /* all copies are read and compared with their digests, now */
bool replicas_have(struct master *m, int64_t serial);
void replicas_waiting(struct master *m, double since); /* somebody waits for acknowledgement */
/* Does the change set make other nodes candidates? */
bool replicas_concerned(struct master *m, const json *changes);
void replicas_why(struct master *m, struct err *e); /* too few have it: which lack what, and what to do */
json *replicas_dump(struct master *m);
bool replicas_flush(struct master *m, double seconds); /* at the end: wait for them */

/* --- damage.c: the database is damaged, or has lost something --- */
int damage_check(struct master *m, struct err *e); /* at the start */
bool damage_noticed(struct master *m);             /* later, by anybody here: true = yes, and the master ends */
void damage_reported(struct master *m, const char *why); /* by a worker */
/* E: candidate NAME has what the database lacks (WHY), and what to do. -1 */
int damage_lacks(const char *name, const char *why, struct err *e);
/* E: what the administrator reads. After the database was closed: the damaged file is moved away. */
int damage_explain(const char *why, struct err *e);
void damage_move_away(void);
/* The end of this master and its jobs. */
void master_give_up(struct master *m, int exit_code);

/* --- vote.c: is this node the master? Before anything is started; RET_EXIT: what to end with if not. --- */
int vote(struct master *m, int *ret_exit, struct err *e);

/* --- mirror.c: the queue directory as upstream has it --- */
int mirror_init(struct master *m, struct err *e);
void mirror_free(void);
void mirror_job(struct mjob *j, bool log_only); /* soon */
/* Nobody else knows J any more; it is discarded when its file is written. */
void mirror_last(struct mjob *j);
void mirror_flush(struct master *m); /* all that is due, now */
enum intent { INTENT_WRITE = 1, INTENT_ARCHIVE = 2 };
void mirror_intend(struct master *m, int64_t id, enum intent what); /* is about to be committed, or still to be done */
void mirror_serial(struct master *m, int64_t serial);
void mirror_archive(struct master *m, int64_t id);
void mirror_drain(struct master *m, bool drained);

/* --- intents.c: jobs whose files have to follow a commit --- */
int intents_start(void);                             /* with those of an earlier master; < 0: not all are known */
bool intents_add(int64_t id, enum intent what);      /* false: it is not in the list */
void intents_done(int64_t id, unsigned what);        /* of enum intent */
bool intents_has(int64_t id, enum intent what);
struct strs intents_left(struct arena *a);           /* numbers of jobs */
void intents_forget(void);                           /* all is done, or will be found otherwise */
void intents_end(void);

/* --- control.c --- */
int control_start(struct master *m, struct err *e);

#endif
