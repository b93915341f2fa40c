/* What the master's worker programs share. */
#ifndef DAEMONS_WORKER_WORKER_H
#define DAEMONS_WORKER_WORKER_H
#include "src/client/client.h"
#include "src/config/config.h"
#include "src/rpc/rpc.h"

#define WORKER_FD 3 /* the channel to the master */

/* Open the log, check that there is a channel. */
void worker_start(const char *name, enum path log);
void worker_outlives_master(void); /* from now on: pool.c has us killed with it; the end of the channel tells, too */
/* The configuration and the node RPC client, opened once. Certificates may be missing at first. */
struct worker_tools {
	struct config *config;
	struct rpc_client *rpc;
	int64_t term; /* of RPC's calls */
};
int worker_tools(struct worker_tools *t, struct ev *ev, struct err *e);
void worker_tools_free(struct worker_tools *t);
/* The next request, a new reference; NULL: the master has closed the channel. KEY is in every
 * request; what has none is a late message of the last one. */
json *worker_request(const char *key);
void worker_answer(json *answer); /* the last message of a request; takes the reference */
void worker_answer_text(json *answer, const struct str *tail); /* with a text the master passes on */

#endif
