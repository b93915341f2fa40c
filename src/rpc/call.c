/* Calls to many nodes at once over kept-alive mutual-TLS connections. Upstream: rpc/node.py. */
#include "src/rpc/rpc.h"

#include "lib/base/fault.h"
#include "lib/base/log.h"
#include "lib/base/parse.h"

#include <string.h>
#include <sys/stat.h>

#define MAX_PARALLEL 256
#define PROBE_AFTER 15
#define MAX_ANSWER (256u << 20)
#define POLL_INTERVAL 0.1
#define ERROR_TEXT_MAX 2000

struct rpc_client {
	struct ev *ev;
	bool own_ev;
	int port;
	struct http_client *http;
	struct tls_ctx *tls;
	struct timespec cert_time[2]; /* of the files `tls` was made from */
	char *header;                 /* with the term, or NULL */
	int (*poll)(void *arg);
	void *poll_arg;
	size_t batches;               /* running */
};

struct rpc_item {
	struct rpc_batch *batch;
	size_t i;
	struct http_call *call;
};

struct rpc_batch {
	struct rpc_client *c;
	struct arena *a;
	bool own_arena;
	enum rpc rpc;
	size_t n, left;
	bool done;
	struct rpc_answer *answers;
	struct rpc_item *items;
	struct ev_timer *finish; /* reports when nothing had to be sent */
	void (*fn)(const struct rpc_answer *answers, size_t n, void *arg);
	void *arg;
};

/* While a cluster is being made there are no client certificates: the cluster's own will do. */
static const char *client_cert(void)
{
	const char *own = path_of(PATH_NODED_CLIENT_CERT_FILE);

	return fs_exists(own) ? own : path_of(PATH_NODED_CERT_FILE);
}

static struct timespec changed(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_ctim : (struct timespec){ 0 };
}

/* Make connections with the certificates as they are now. */
static int open_http(struct rpc_client *c, struct err *e)
{
	const char *cert = client_cert(), *ca = path_of(PATH_NODED_CERT_FILE);
	struct timespec times[2] = { changed(cert), changed(ca) };
	struct http_client_opts o = { .max_parallel = MAX_PARALLEL,
				      .connect_timeout = RPC_CONNECT_TIMEOUT,
				      .probe_after = PROBE_AFTER,
				      .max_body = MAX_ANSWER };
	struct tls_ctx *tls;

	if (c->http && (memcmp(times, c->cert_time, sizeof(times)) == 0 || c->batches))
		return 0;
	tls = tls_client_ctx(cert, ca, e);
	if (!tls)
		return -1;
	http_client_free(c->http);
	tls_ctx_free(c->tls);
	c->tls = o.tls = tls;
	o.header = c->header;
	c->http = http_client_new(c->ev, &o);
	memcpy(c->cert_time, times, sizeof(times));
	return 0;
}

int rpc_client_new(struct ev *ev, struct rpc_client **ret, struct err *e)
{
	struct rpc_client *c = xcalloc(1, sizeof(*c));

	c->own_ev = !ev;
	c->ev = ev ? ev : ev_new();
	c->port = rpc_port();
	if (open_http(c, e) < 0) {
		rpc_client_free(c);
		return -1;
	}
	*ret = c;
	return 0;
}

void rpc_client_free(struct rpc_client *c)
{
	if (!c)
		return;
	http_client_free(c->http);
	tls_ctx_free(c->tls);
	free(c->header);
	if (c->own_ev)
		ev_free(c->ev);
	free(c);
}

void rpc_set_term(struct rpc_client *c, int64_t term, const char *master)
{
	free(c->header);
	c->header = term ? xasprintf(RPC_TERM_HEADER ": %lld %s", (long long)term, master) : NULL;
	memset(c->cert_time, 0, sizeof(c->cert_time)); /* connections are made anew before the next call */
}

void rpc_set_poll(struct rpc_client *c, int (*poll)(void *arg), void *arg)
{
	c->poll = poll;
	c->poll_arg = arg;
}

bool rpc_polled(const struct rpc_client *c)
{
	return c->poll != NULL;
}

static void batch_free(struct rpc_batch *b)
{
	b->c->batches--;
	ev_timer_free(b->finish);
	free(b->items);
	if (b->own_arena)
		arena_free(b->a);
	free(b);
}

static void finish(void *arg)
{
	struct rpc_batch *b = arg;

	b->done = true;
	if (!b->fn)
		return;
	b->fn(b->answers, b->n, b->arg);
	batch_free(b);
}

static void fail(struct rpc_batch *b, size_t i, const char *text)
{
	struct rpc_answer *ans = &b->answers[i];

	ans->failed = true;
	ans->error = arena_strdup(b->a, *text ? text : "No error information");
	log_debug("RPC error in %s on node %s: %s", rpc_name(b->rpc), ans->node, ans->error);
}

static void fence(struct rpc_batch *b, size_t i, const char *text)
{
	fail(b, i, text);
	b->answers[i].fenced = true;
}

/* What an agent of ours says with a refusal. */
static bool explain(struct arena *a, const char *body, size_t n, const char **ret)
{
	json *j CLEANUP(json_putp) = NULL;

	if (json_parse(body, n, &j, NULL) < 0 || !json_get_str(j, "explain"))
		return false;
	*ret = arena_strdup(a, json_get_str(j, "explain"));
	return true;
}

static void answered(int status, const char *body, size_t n, const struct err *e, void *arg)
{
	struct rpc_item *it = arg;
	struct rpc_batch *b = it->batch;
	struct err why CLEANUP(err_clear) = ERR_NONE;
	const char *text;
	json *payload = NULL;

	it->call = NULL;
	if (FAULT(rpc_answer))
		fail(b, it->i, "fault point");
	else if (status == 0)
		fail(b, it->i, err_msg(e)); /* worded as curl, which upstream's clients use */
	else if (status == RPC_TERM_STATUS && explain(b->a, body, n, &text))
		fence(b, it->i, text);
	else if (status != 200)
		fail(b, it->i,
		     n && n < ERROR_TEXT_MAX ? arena_strndup(b->a, body, n) :
					       arena_printf(b->a, "HTTP status %d", status));
	else if (rpc_decode(body, n, &payload, &why) < 0)
		fail(b, it->i, err_msg(&why));
	else
		b->answers[it->i].payload = json_own(b->a, payload);
	if (--b->left == 0)
		finish(b);
}

/* The address to call, or NULL and a failed answer. */
static const char *address_of(struct rpc_batch *b, size_t i, const struct rpc_node *node)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	const char *name, *ip = node->ip ? node->ip : node->name;

	if (addr_is_ip(ip))
		return arena_strdup(b->a, ip);
	if (resolve_name(b->a, env_hosts_file(), ip, 0, &name, &ip, &e) == 0)
		return ip;
	fail(b, i, err_msg(&e));
	return NULL;
}

static void send_one(struct rpc_batch *b, size_t i, const struct rpc_node *node, const char *body,
		     double timeout)
{
	struct rpc_item *it = &b->items[i];
	const char *path = arena_printf(b->a, "/%s", rpc_name(b->rpc)), *ip;

	b->answers[i].node = arena_strdup(b->a, node->name);
	if (node->offline && !rpc_attr(b->rpc)->offline_ok) {
		b->answers[i].offline = b->answers[i].failed = true;
		b->answers[i].error = "Node is marked offline";
		return;
	}
	ip = address_of(b, i, node);
	if (!ip)
		return;
	*it = (struct rpc_item){ .batch = b, .i = i };
	if (FAULT(rpc_send)) {
		fail(b, i, "fault point");
		return;
	}
	b->left++;
	it->call = http_send(b->c->http, ip, b->c->port, HTTP_POST, path, body, strlen(body),
			     timeout, answered, it);
}

/* What is sent: as trees, which are taken over, or as text. */
struct args {
	json *all, **per_node;
	const char *text;
};

/* Takes ARGS over. */
static char *body_of(enum rpc rpc, json *args)
{
	char *text = json_dump(rpc_attr(rpc)->bare ? json_at(args, 0) : args);

	json_put(args);
	return text;
}

static void send_all(struct rpc_batch *b, const struct rpc_node *nodes, const struct args *args, double timeout)
{
	double limit = timeout > 0 ? timeout : args->per_node ? 0 : rpc_limit(b->rpc, args->all);
	char *body CLEANUP(freep) = args->text || args->per_node ? NULL : body_of(b->rpc, args->all);

	for (size_t i = 0; i < b->n; i++) {
		char *own CLEANUP(freep) = NULL;
		double t = limit > 0 ? limit : rpc_limit(b->rpc, args->per_node[i]);

		if (args->per_node)
			own = body_of(b->rpc, args->per_node[i]);
		send_one(b, i, &nodes[i], args->text ? args->text : own ? own : body, t);
	}
}

static struct rpc_batch *start(struct rpc_client *c, struct arena *a, enum rpc rpc,
			       const struct rpc_node *nodes, size_t n, const struct args *args, double timeout)
{
	struct rpc_batch *b = xcalloc(1, sizeof(*b));
	struct err e CLEANUP(err_clear) = ERR_NONE;
	bool usable;

	usable = open_http(c, &e) == 0;
	b->c = c;
	b->a = a ? a : arena_new();
	b->own_arena = !a;
	b->rpc = rpc;
	b->n = n;
	b->answers = ARENA_ARRAY(b->a, struct rpc_answer, n);
	b->items = xcalloc(n ? n : 1, sizeof(*b->items));
	c->batches++;
	if (usable) {
		b->left = 1; /* not finished before everything was sent */
		send_all(b, nodes, args, timeout);
		b->left--;
		return b;
	}
	json_put(args->all);
	for (size_t i = 0; i < n; i++) {
		b->answers[i].node = arena_strdup(b->a, nodes[i].name);
		fail(b, i, err_msg(&e));
		if (args->per_node)
			json_put(args->per_node[i]);
	}
	return b;
}

static struct rpc_batch *start_on_loop(struct rpc_client *c, enum rpc rpc, const struct rpc_node *nodes, size_t n,
				       const struct args *args, double timeout,
				       void (*fn)(const struct rpc_answer *answers, size_t n, void *arg), void *arg)
{
	struct rpc_batch *b = start(c, NULL, rpc, nodes, n, args, timeout);

	b->fn = fn;
	b->arg = arg;
	if (b->left == 0) {
		b->finish = ev_timer_new(c->ev, "rpc without nodes", finish, b);
		ev_timer_start(b->finish, 0);
	}
	return b;
}

struct rpc_batch *rpc_start(struct rpc_client *c, enum rpc rpc, const struct rpc_node *nodes,
			    size_t n, json *args, json **per_node, double timeout,
			    void (*fn)(const struct rpc_answer *answers, size_t n, void *arg),
			    void *arg)
{
	return start_on_loop(c, rpc, nodes, n, &(struct args){ .all = args, .per_node = per_node }, timeout, fn, arg);
}

struct rpc_batch *rpc_start_text(struct rpc_client *c, enum rpc rpc, const struct rpc_node *node, const char *args,
				 double timeout,
				 void (*fn)(const struct rpc_answer *answers, size_t n, void *arg), void *arg)
{
	return start_on_loop(c, rpc, node, 1, &(struct args){ .text = args }, timeout, fn, arg);
}

void rpc_cancel(struct rpc_batch *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->n; i++)
		if (b->items[i].call)
			http_call_cancel(b->items[i].call);
	batch_free(b);
}

int rpc_multi(struct rpc_client *c, struct arena *a, enum rpc rpc, const struct rpc_node *nodes,
	      size_t n, json *args, json **per_node, double timeout, struct rpc_answer **ret,
	      struct err *e)
{
	struct rpc_batch *b = start(c, a, rpc, nodes, n, &(struct args){ .all = args, .per_node = per_node }, timeout);

	b->done = b->left == 0;
	while (!b->done && !ev_run_until(c->ev, &b->done, c->poll ? POLL_INTERVAL : -1)) {
		if (c->poll && c->poll(c->poll_arg) != 0) {
			rpc_cancel(b);
			return err_set(e, JobCanceled, NULL, "Canceled while waiting for %s",
				       rpc_name(rpc));
		}
	}
	*ret = b->answers;
	batch_free(b);
	return 0;
}

int rpc_call(struct rpc_client *c, struct arena *a, enum rpc rpc, const struct rpc_node *node,
	     json *args, json **ret, struct err *e)
{
	struct rpc_answer *ans;

	if (rpc_multi(c, a, rpc, node, 1, args, NULL, 0, &ans, e) < 0)
		return -1;
	if (ans->failed)
		return err_set(e, ERR_EXEC, NULL, "%s", ans->error);
	if (ret)
		*ret = ans->payload;
	return 0;
}
