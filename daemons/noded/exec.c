/* ganeti-node-worker: executes the calls the node agent gives it, one after the other. */
#include "daemons/noded/noded.h"

#include "lib/base/fault.h"
#include "lib/base/log.h"
#include "src/node/node.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHANNEL 3
#define WRITE_TIMEOUT 60

/* The positional list; some clients send {} where there is nothing to say. Takes BODY over. */
static json *arguments(enum rpc rpc, json *body)
{
	if (rpc_attr(rpc)->bare)
		return json_pack("[o]", body);
	if (json_is(body, JSON_DICT) && json_len(body) == 0 && rpc_record(rpc)->n == 0) {
		json_put(body);
		return json_new_array();
	}
	return body;
}

static json *execute(struct node_ctx *ctx, enum rpc rpc, const char *body, size_t n)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *args CLEANUP(json_putp) = NULL;

	if (json_parse(body, n, &args, &e) < 0)
		return json_pack("[b, s]", 0,
				 arena_printf(ctx->a, "Error while executing backend function: invalid JSON: %s",
					      err_msg(&e)));
	args = arguments(rpc, args);
	return node_execute(ctx, rpc, args);
}

/* Arguments and answer are the caller's own text. */
static int serve(const json *request, const char *body, size_t n)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	const char *name = json_get_str(request, "call");
	struct node_ctx ctx = { .a = a, .peer = json_get_str(request, "peer") };
	json *answer = json_own(a, execute(&ctx, (enum rpc)rpc_find(name), body, n));
	char *text CLEANUP(freep) = json_dump(answer);
	json *reply CLEANUP(json_putp) = NULL;

	if (!json_boolean(json_at(answer, 0), false))
		log_warn("%s failed: %s", name, json_str(json_at(answer, 1)));
	FAULT(node_executed);
	reply = json_pack("{s:b, s:b}", "final", 1, "quit", (int)ctx.quit);
	return chan_write_tail(CHANNEL, reply, text, strlen(text), WRITE_TIMEOUT);
}

int main(void)
{
	umask(077);
	log_open("ganeti-noded", path_of(PATH_NODED_LOG), false);
	privs_no_core();
	for (;;) {
		json *request CLEANUP(json_putp) = NULL;
		char *body CLEANUP(freep) = NULL;
		size_t n;
		int r = chan_read_tail(CHANNEL, &request, &body, &n, NODED_MESSAGE_MAX, -1);

		if (r < 0)
			return r == -EPIPE ? 0 : 1;
		if (!body || rpc_find(json_get_str(request, "call")) < 0)
			return 1; /* an agent of another version */
		log_reopen(); /* the file may have been rotated meanwhile */
		log_set_level(json_get_bool(request, "debug", false) ? LOG_LEVEL_DEBUG :
								       LOG_LEVEL_INFO);
		FAULT(node_execute);
		if (serve(request, body, n) < 0)
			return 1;
	}
}
