/* The luxi server: as many replies as complete requests, whatever the bytes. */
#include "tests/fuzz/peer.h"

#include "lib/wire/wire.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct ev *ev;
static struct luxi_server *server;

static void on_request(struct luxi_conn *c, const char *text, size_t n, void *arg)
{
	json *j CLEANUP(json_putp) = NULL;

	(void)arg;
	assert(!memchr(text, 3, n));
	luxi_reply(c, json_new_bool(json_parse(text, n, &j, NULL) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str got CLEANUP(str_free) = { 0 };
	size_t want = 0, have = 0;

	if (!server) {
		ev = ev_new();
		server = luxi_server_new(ev, peer_listen(), 4, on_request, NULL);
	}
	if (n < 1 || n > 30000)
		return 0;
	peer_exchange(ev, data + 1, n - 1, data[0], &got);
	for (size_t i = 1; i < n; i++)
		want += data[i] == 3;
	for (size_t i = 0; i < got.len; i++)
		have += got.p[i] == 3;
	assert(want == have);
	return 0;
}
