/* What the master's worker programs share. */
#include "daemons/worker/worker.h"

#include "lib/base/log.h"
#include "src/replica/replica.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define ANSWER_TIMEOUT 60.0

void worker_start(const char *name, enum path log)
{
	struct stat st;
	int r;

	signal(SIGINT, SIG_IGN); /* of a terminal; the master decides */
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	umask(077);
	if (fstat(WORKER_FD, &st) < 0 || !S_ISSOCK(st.st_mode)) {
		fprintf(stderr, "%s is started by ganeti-masterd\n", name);
		exit(1);
	}
	r = log_open(name, path_of(log), false);
	if (r < 0)
		fprintf(stderr, "%s: can't open %s: %s\n", name, path_of(log), strerror(-r));
}

void worker_outlives_master(void)
{
	prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
}

/* Calls are made for the master of this term, which stays the same as long as it runs. */
static int take_term(struct worker_tools *t, struct err *e)
{
	struct replica_state s;
	int rc = replica_read(config_db(t->config), &s, e);

	if (rc != 1)
		return rc;
	t->term = s.term;
	rpc_set_term(t->rpc, s.term, env_hostname());
	return 0;
}

int worker_tools(struct worker_tools *t, struct ev *ev, struct err *e)
{
	if (!t->config && config_open(path_of(PATH_CONFIG_DB), DB_READ, &t->config, e) < 0)
		return -1;
	if (!t->rpc && rpc_client_new(ev, &t->rpc, e) < 0)
		return -1;
	return t->term ? 0 : take_term(t, e);
}

void worker_tools_free(struct worker_tools *t)
{
	rpc_client_free(STEAL(t->rpc));
	config_close(STEAL(t->config));
}

json *worker_request(const char *key)
{
	for (;;) {
		json *msg CLEANUP(json_putp) = NULL;
		int r = chan_read(WORKER_FD, &msg, LUXI_MAX_MESSAGE, -1);

		if (r < 0) {
			if (r != -EPIPE)
				log_error("Can't read from the master: %s", strerror(-r));
			return NULL;
		}
		if (json_has(msg, key)) {
			(void)log_reopen(); /* it may have been rotated since */
			return STEAL(msg);
		}
	}
}

void worker_answer(json *answer)
{
	worker_answer_text(answer, NULL);
}

void worker_answer_text(json *answer, const struct str *tail)
{
	json *own CLEANUP(json_putp) = json_set(answer, "final", json_new_bool(true));
	int r = chan_write_tail(WORKER_FD, own, tail ? tail->p : NULL, tail ? tail->len : 0,
				ANSWER_TIMEOUT);

	if (r == 0)
		return;
	if (r != -EPIPE)
		log_error("Can't answer the master: %s", strerror(-r));
	exit(1);
}
