/* ganeti-node-worker: executes the calls the node agent gives it, one after the other. */
#include "daemons/noded/noded.h"

#include "lib/base/fault.h"
#include "lib/base/log.h"
#include "src/node/node.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHANNEL 3
#define WRITE_TIMEOUT 60

static json *serve(const json *request)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	const char *name = json_get_str(request, "call");
	struct node_ctx ctx = { .a = a, .peer = json_get_str(request, "peer") };
	json *answer = node_execute(&ctx, (enum rpc)rpc_find(name), json_get(request, "args"));

	if (!json_boolean(json_at(answer, 0), false))
		log_warn("%s failed: %s", name, json_str(json_at(answer, 1)));
	return json_pack("{s:b, s:b, s:o}", "final", 1, "quit", (int)ctx.quit, "answer", answer);
}

int main(void)
{
	/* a call without its agent has nobody to answer to; what it started ends with it */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	umask(077);
	log_open("ganeti-noded", path_of(PATH_NODED_LOG), false);
	privs_no_core();
	for (;;) {
		json *request CLEANUP(json_putp) = NULL;
		json *reply CLEANUP(json_putp) = NULL;
		int r = chan_read(CHANNEL, &request, NODED_MESSAGE_MAX, -1);

		if (r < 0)
			return r == -EPIPE ? 0 : 1;
		if (rpc_find(json_get_str(request, "call")) < 0)
			return 1; /* an agent of another version */
		log_reopen(); /* the file may have been rotated meanwhile */
		log_set_level(json_get_bool(request, "debug", false) ? LOG_LEVEL_DEBUG :
								       LOG_LEVEL_INFO);
		FAULT(node_execute);
		reply = serve(request);
		FAULT(node_executed);
		if (chan_write(CHANNEL, reply, WRITE_TIMEOUT) < 0)
			return 1;
	}
}
