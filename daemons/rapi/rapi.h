/* The REST daemon: one request from routing to reply. One thread; the master is asked asynchronously. */
#ifndef DAEMONS_RAPI_RAPI_H
#define DAEMONS_RAPI_RAPI_H
#include "lib/net/net.h"
#include "src/env/env.h"
#include "src/schema/rapi.h"

struct rapi {
	struct ev *ev;
	struct tls_ctx *tls;
	struct http_server *server;
	bool require_auth;
	struct users *users;
};

/* One request. Lives in the request's arena. */
struct rcall {
	struct rapi *rapi;
	struct http_req *req;
	struct arena *a;
	const struct rapi_row *row;
	json *path;      /* names in the path: dict */
	json *body;      /* parsed body or NULL */
	struct luxi_async *luxi; /* in flight, or NULL */
	/* continues with the master's answer */
	void (*then)(struct rcall *c, json *result);
	int64_t job;     /* being waited for */
	json *then_args; /* for the special's own use */
};

/* --- reply.c --- */
void rapi_reply(struct rcall *c, json *value); /* takes the reference */
/* MESSAGE NULL: the standard phrase. It is HTML-escaped, as upstream does. */
void rapi_fail(struct http_req *r, int status, const char *message);
void rapi_failf(struct rcall *c, int status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void rapi_fail_err(struct rcall *c, const struct err *e);
/* The same body for what is no request. */
char *rapi_error_body(struct arena *a, int status, const char **ret_type);

/* --- auth.c --- */
struct users *users_new(const char *file);
void users_free(struct users *u);
/* 0 = go on, or the HTTP status that refuses (401, 403). */
int users_check(struct users *u, const struct http_req *r, struct arena *a, const char *access,
		bool required);

/* --- luxi.c --- */
struct luxi_async;
/* FN gets the result (borrowed) or an error. */
struct luxi_async *luxi_async(struct ev *ev, enum luxi method, json *args, double timeout,
			      void (*fn)(json *result, const struct err *e, void *arg), void *arg);
void luxi_async_cancel(struct luxi_async *l);
/* Ask the master; THEN continues, errors are answered here. */
void rapi_ask(struct rcall *c, enum luxi method, json *args,
	      void (*then)(struct rcall *c, json *result));

/* --- call.c --- */
void rapi_handle(struct http_req *r, void *arg);
/* The opcode from path, query, fixed parameters and BODY (dict or NULL). New reference; NULL when it
 * was refused (and answered). */
json *rapi_opcode(struct rcall *c, int op, const json *fixed, const json *body, const char *rename);
/* One that is a parameter of another: only from BODY. */
json *rapi_inner_opcode(struct rcall *c, int op, const json *body, const char *rename);
void rapi_submit(struct rcall *c, json *ops); /* list of opcodes, taken over; answers the job id */
/* The row's opcode as a job. */
void rapi_submit_row(struct rcall *c, const json *fixed, const json *body);
const char *rapi_arg(struct rcall *c, const char *name); /* query argument with a value, or NULL */
bool rapi_flag(struct rcall *c, const char *name);       /* query argument that is a number, not 0 */
/* Is BODY of that kind? Otherwise answers with upstream's text, NAME says what it is. */
bool rapi_body_is(struct rcall *c, const json *body, enum json_kind kind, const char *name);
/* OBJECT, with the row's second names of its keys. */
json *rapi_aliased(struct rcall *c, json *object);
/* ROW of values to a dict by space-separated NAMES. */
json *rapi_map_fields(struct rcall *c, const char *names, const json *row);
struct strs rapi_names(struct arena *a, const char *spaced);

/* --- special.c --- */
void rapi_special(struct rcall *c);

#endif
