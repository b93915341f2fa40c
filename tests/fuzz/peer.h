/* A client of a server in the same process: send bytes, take everything that comes back. */
#ifndef TESTS_FUZZ_PEER_H
#define TESTS_FUZZ_PEER_H
#include "lib/net/net.h"

/* The listening socket that peer_exchange() connects to. */
int peer_listen(void);
/* Send DATA in two pieces cut at CUT, then our end; run the loop until the server ends, too.
 * Everything received is in RET. */
void peer_exchange(struct ev *ev, const void *data, size_t n, size_t cut, struct str *ret);

#endif
