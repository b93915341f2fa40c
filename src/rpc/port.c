/* The port of the node agents; apart from calls, so that tools that only ping need no TLS. */
#include "src/rpc/rpc.h"

#include "lib/base/parse.h"

#include <stdlib.h>

int rpc_port(void)
{
	const char *env = getenv("GANETI_NODED_PORT");
	int64_t port;

	if (env && parse_int(env, &port) == 0 && port > 0 && port < 65536)
		return (int)port;
	return NODED_PORT;
}
