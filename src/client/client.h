/* Talking to our own daemons, blocking: luxi for tools and REST, wconf for job workers. */
#ifndef SRC_CLIENT_CLIENT_H
#define SRC_CLIENT_CLIENT_H
#include "lib/wire/wire.h"
#include "src/env/env.h"

/* --- luxi.c --- */
struct luxi_client;
/*
 * Connects to path_of(PATH_QUERY_SOCKET) or $FORCE_LUXI_SOCKET (a path, "master" or "query"). Errors:
 * OpPrereqError (this is not the master node, or no cluster), PermissionError, and TimeoutError when
 * nobody answers for 30 s. Messages are those of upstream's exceptions; what its tools print around
 * them by class is in cli/common/error.c.
 */
int luxi_open(struct luxi_client **ret, struct err *e);
/* The same with the time to go on trying. */
int luxi_open_within(double seconds, struct luxi_client **ret, struct err *e);
/* To the socket PATH, which need not be this node's. */
int luxi_open_at(const char *path, struct luxi_client **ret, struct err *e);
void luxi_close(struct luxi_client *c);
void luxi_closep(struct luxi_client **c);
/* ARGS is a list (reference taken over). A failed call gives the error class sent by the master; a
 * plain text answer ("Failed to parse request: ...") is a RequestError. */
int luxi_call(struct luxi_client *c, enum luxi method, json *args, json **ret, struct err *e);
/* The same in two steps, for answers that are too large to be made a tree of: the whole answer as it came, and what
 * luxi_call() makes of it. */
int luxi_call_text(struct luxi_client *c, enum luxi method, json *args, struct str *ret, struct err *e);
int luxi_answer(const struct str *text, json **ret, struct err *e);

/* --- jobs.c: what CLIs do with jobs --- */
/* Poll with WaitForJobChange until final; REPORT gets each log entry [serial, [s,us], type, msg], STATUS the
 * state while it does not run yet (both may be NULL). On success the list of opcode results; a failed
 * job gives the error of the first failed opcode, JobCanceled for a cancelled one, JobLost
 * (upstream: PollJob). */
int job_wait(struct luxi_client *c, int64_t id, void (*report)(int64_t serial, double time, const char *type, const json *msg, void *arg),
	     void (*status)(const char *status, void *arg), void *arg, json **ret_results, struct err *e);

/*
 * --- wconf.c: worker to master over the worker's channel (fd 3), one request at a time ---
 * A worker outlives its master: when the channel breaks it connects to the next master's socket and goes on;
 * a call whose answer was not heard is sent again, and carried out once.
 */
struct wconf;
struct wconf *wconf_new(int fd);
/* This is how the next master knows the worker of JOB. Without it the master's end is the end. */
void wconf_home(struct wconf *w, int64_t job, const char *nonce);
void wconf_free(struct wconf *w);
/* METHOD rows in src/schema/wconf.def. ARGS dict taken over. Events that arrive meanwhile (cancel)
 * are kept for wconf_cancelled(). Fails with the error class the master sent, or with JobLost when the
 * master is gone for good or does not answer in time (a time without a master does not count). */
int wconf_call(struct wconf *w, const char *method, json *args, double timeout, json **ret, struct err *e);
bool wconf_cancelled(struct wconf *w); /* has the job been asked to cancel? (does not block) */
/* Is the master gone for good? Whoever waits for anything else has to ask this a few times a second: it is also
 * what finds the next master. (Does not block for longer than a master needs to answer.) */
bool wconf_lost(struct wconf *w);
int wconf_fd(const struct wconf *w);

#endif
