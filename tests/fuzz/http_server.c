/* The whole HTTP server: any bytes give well-formed answers, and every connection ends. */
#include "tests/fuzz/peer.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct ev *ev;
static struct http_server *server;

static void on_request(struct http_req *r, void *arg)
{
	size_t n;
	const char *body = http_body(r, &n);

	(void)arg;
	(void)http_method(r);
	(void)http_query(r, "a", 1);
	http_set_header(r, "X-Path", http_path(r));
	http_reply(r, 200, "text/plain", body, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str got CLEANUP(str_free) = { 0 };

	if (!server) {
		ev = ev_new();
		server = http_server_new(ev,
					 &(struct http_server_opts){ .listen_fd = peer_listen(),
								     .max_body = 5000,
								     .max_headers = 2000,
								     .max_connections = 4,
								     .idle_timeout = 60,
								     .request_timeout = 60,
								     .fn = on_request },
					 NULL);
	}
	if (n < 2 || n > 20000)
		return 0;
	peer_exchange(ev, data + 2, n - 2, (size_t)data[0] << 8 | data[1], &got);
	assert(got.len == 0 || strncmp(got.p, "HTTP/1.1 ", 9) == 0);
	return 0;
}
