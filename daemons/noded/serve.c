/* From an HTTP request to a worker and back. Nothing here waits, and nothing is executed here. */
#include "daemons/noded/noded.h"

#include "lib/base/clock.h"
#include "lib/base/fault.h"
#include "lib/base/log.h"
#include "src/replica/replica.h"

#include <stdio.h>
#include <string.h>

#define BUSY_MAX 1024
#define RETIRE_AFTER 500
#define RETIRE_ORDERED 1000000 /* it keeps a database open */
#define LEAVE_WAIT 10.0 /* for other calls, which may write what is about to be removed */
#define QUIT_DELAY 0.5  /* for the last answer to get out */

struct call {
	struct call *next, **prev; /* those without an answer */
	struct noded *n;
	struct http_req *r;
	enum rpc rpc;
	double start, limit;
};

static void reply_text(struct http_req *r, const char *text, size_t n)
{
	http_reply(r, 200, "application/json", text, n);
}

static void refuse(struct http_req *r, int status, const char *text)
{
	char *body CLEANUP(freep) = NULL;
	json *j CLEANUP(json_putp) =
		json_pack("{s:i, s:s, s:s}", "code", status, "message",
			  status == 404 ? "Not Found" :
			  status == 403 ? "Forbidden" :
			  status == RPC_TERM_STATUS ? "Conflict" :
			  status == 503 ? "Service Unavailable" :
					  "Bad Request",
			  "explain", text);

	body = json_dump(j);
	http_reply(r, status, "application/json", body, strlen(body));
}

/* A failure in the form of the calls' own. */
static void reply_failure(struct http_req *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void reply_failure(struct http_req *r, const char *fmt, ...)
{
	char *text CLEANUP(freep) = NULL, *body CLEANUP(freep) = NULL;
	json *answer CLEANUP(json_putp) = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	log_error("%s: %s", http_path(r), text);
	answer = json_pack("[b, s]", 0, text);
	body = json_dump(answer);
	reply_text(r, body, strlen(body));
}

static void answered(struct pool_job *j, json *msg, bool final, void *arg);

static void call_free(struct call *c)
{
	*c->prev = c->next;
	if (c->next)
		c->next->prev = c->prev;
	c->n->busy--;
	free(c);
}

static void on_quit(void *arg)
{
	ev_stop(((struct noded *)arg)->ev);
}

static struct pool *pool_for(const struct noded *n, enum rpc rpc)
{
	if (rpc_attr(rpc)->in_order)
		return n->in_order;
	return rpc_attr(rpc)->timeout <= RPC_TMO_URGENT ? n->quick : n->slow;
}

/* The arguments go to the worker as they came. */
static void execute(struct call *c)
{
	const char *peer = http_peer_digest(c->r), *body;
	size_t len;

	body = http_body(c->r, &len);
	pool_submit_tail(pool_for(c->n, c->rpc),
			 json_pack("{s:s, s:s, s:b}", "call", rpc_name(c->rpc), "peer", peer ? peer : "", "debug",
				   log_get_level() == LOG_LEVEL_DEBUG),
			 body, len, c->limit, answered, c);
}

static void leave_now(void *arg)
{
	struct noded *n = arg;

	ev_timer_free(STEAL(n->leave));
	n->leaving->start = clock_mono();
	execute(n->leaving);
}

static void leave(struct call *c)
{
	struct noded *n = c->n;

	n->leaving = c;
	n->leave = ev_timer_new(n->ev, "leave", leave_now, n);
	ev_timer_start(n->leave, n->busy > 1 ? LEAVE_WAIT : 0);
}

static void answered(struct pool_job *j, json *msg, bool final, void *arg)
{
	struct call *c = arg;
	double took = clock_mono() - c->start;
	struct noded *n = c->n;
	const char *text;
	size_t len;

	if (!final)
		return;
	FAULT(node_reply);
	text = pool_tail(j, &len);
	if (text) {
		reply_text(c->r, text, len);
		log_debug("%s took %.3f s", rpc_name(c->rpc), took);
	} else if (took >= c->limit) {
		reply_failure(c->r,
			      "Error while executing backend function: call '%s' was killed after"
			      " %g seconds",
			      rpc_name(c->rpc), c->limit);
	} else {
		reply_failure(c->r,
			      "Error while executing backend function: the process executing call"
			      " '%s' died",
			      rpc_name(c->rpc));
	}
	if (n->leaving == c)
		n->leaving = NULL;
	if (json_get_bool(msg, "quit", false) && !n->quit) {
		log_info("Left the cluster, ending");
		n->quit = ev_timer_new(n->ev, "quit", on_quit, n);
		ev_timer_start(n->quit, QUIT_DELAY);
	}
	call_free(c);
	if (n->leave && n->busy == 1)
		leave_now(n);
}

/* Seconds. What can't be read is the worker's to refuse. */
static double limit_of(const struct noded *n, enum rpc rpc, const char *body, size_t len)
{
	json *args CLEANUP(json_putp) = NULL;
	double limit;

	if (rpc_limit_asked(rpc))
		(void)json_parse(body, len, &args, NULL);
	limit = rpc_limit(rpc, args);
	return n->max_time > 0 && n->max_time < limit ? n->max_time : limit;
}

static void submit(struct noded *n, struct http_req *r, enum rpc rpc)
{
	struct call *c = xcalloc(1, sizeof(*c));
	const char *body;
	size_t len;

	body = http_body(r, &len);
	*c = (struct call){ .next = n->calls, .prev = &n->calls, .n = n, .r = r, .rpc = rpc,
			    .start = clock_mono(), .limit = limit_of(n, rpc, body, len) };
	if (c->next)
		c->next->prev = &c->next;
	n->calls = c;
	FAULT(node_request);
	n->busy++;
	log_debug("%s from %s", rpc_name(rpc), http_peer_ip(r));
	if (rpc == RPC_node_leave_cluster)
		leave(c);
	else
		execute(c);
}

/*
 * Is the caller the newest master this node has heard of? NULL, or why not. A newer one is written down before
 * anything is done for it: from then on no older one is obeyed. Callers without a term (upstream's) are.
 */
static const char *fenced(struct http_req *r)
{
	const char *header = http_header(r, RPC_TERM_HEADER), *path = path_of(PATH_TERM_FILE);
	struct arena *a = http_arena(r);
	struct replica_term have, theirs;
	struct err e CLEANUP(err_clear) = ERR_NONE;

	if (!header)
		return NULL;
	if (replica_term_parse(a, header, &theirs) < 0)
		return "The term of the caller can't be read";
	if (replica_term_read(a, path, &have, &e) < 0)
		return arena_strdup(a, err_msg(&e));
	if (theirs.term > have.term) {
		log_info("%s is the master in term %lld", theirs.master, (long long)theirs.term);
		if (replica_term_write(path, &theirs, &e) < 0)
			return arena_strdup(a, err_msg(&e));
	} else if (theirs.term < have.term || !str_eq(theirs.master, have.master)) {
		return arena_printf(a,
				    "Node %s follows %s as master in term %lld; it refuses %s of term %lld",
				    env_hostname(), have.master, (long long)have.term, theirs.master,
				    (long long)theirs.term);
	}
	return NULL;
}

void noded_handle(struct http_req *r, void *noded)
{
	struct noded *n = noded;
	const char *path = http_path(r), *newer;
	int rpc = *path == '/' ? rpc_find(path + 1) : -1;

	if (n->ssl && !noded_may_call(http_arena(r), n->cert_file, http_peer_digest(r)))
		refuse(r, 403, "The certificate is not one of a master candidate");
	else if (http_method(r) != HTTP_POST)
		refuse(r, 400, "Only the POST method is supported");
	else if (rpc < 0 || rpc_attr(rpc)->todo)
		refuse(r, 404, "Unknown call");
	else if (n->quit || n->leaving)
		refuse(r, 503, n->quit ? "The node has left its cluster" : "The node is leaving its cluster");
	else if (n->busy >= BUSY_MAX)
		refuse(r, 503, "Too many calls at once");
	else if (newer = fenced(r), newer)
		refuse(r, RPC_TERM_STATUS, newer);
	else
		submit(n, r, rpc);
}

static struct pool *make_pool(struct noded *n, const char *name, int min, int max, int retire_after)
{
	static const char *argv[2];
	struct pool_opts o = { .name = name, .argv = argv, .min = min, .max = max,
			       .retire_after = retire_after, .max_message = NODED_MESSAGE_MAX };

	argv[0] = path_of(PATH_NODE_WORKER);
	return pool_new(n->ev, &o);
}

void noded_pools(struct noded *n, int max_workers)
{
	n->quick = make_pool(n, "quick", 1, max_workers, RETIRE_AFTER);
	/* none before the first call: a worker takes less time to start than these calls take */
	n->slow = make_pool(n, "slow", 0, max_workers, RETIRE_AFTER);
	/* most nodes never have one */
	n->in_order = make_pool(n, "in order", 0, 1, RETIRE_ORDERED);
}

void noded_end(struct noded *n)
{
	http_server_free(n->server);
	pool_free(n->quick);
	pool_free(n->slow);
	pool_free(n->in_order);
	ev_timer_free(n->quit);
	ev_timer_free(n->leave);
	while (n->calls) {
		http_reply(n->calls->r, 503, NULL, NULL, 0); /* to nobody */
		call_free(n->calls);
	}
}
