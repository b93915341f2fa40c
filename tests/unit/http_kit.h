/* A server to test with, certificates, and a client that sends whatever bytes it is told to. */
#ifndef TESTS_UNIT_HTTP_KIT_H
#define TESTS_UNIT_HTTP_KIT_H
#include "tests/unit/unit.h"

#include "lib/net/priv.h"

extern struct arena *A;
extern struct ev *ev;
extern char kit_dir[];
/* self-signed and its own CA; signed by that; of somebody else */
extern const char *server_pem, *client_pem, *foreign_pem;
extern char *client_digest;

int kit_setup(void **state);
int kit_teardown(void **state);

struct fix {
	struct http_server *srv;
	int port;
	int n, gone;
	bool done;               /* the handler ran */
	struct http_req *held[8]; /* /hold: not answered yet */
	int n_held;
};

struct http_server_opts default_opts(struct fix *f);
void start(struct fix *f, const struct http_server_opts *o);
void start_plain(struct fix *f);
void run_until(const bool *done);

struct raw {
	int fd;
	struct str in;
	bool ended;
};

void raw_connect(struct raw *r, int port);
void raw_send(struct raw *r, const char *text);
void on_raw(int fd, int what, void *arg);
/* Read, with the server running, until TEXT has come N times (NULL: until the end). */
bool raw_expect(struct raw *r, const char *text, int n);
void raw_close(struct raw *r);
int status_of(const struct raw *r);
/* Send TEXT; the status it is answered with when the connection then ends, else 0. */
int ask(int port, const char *text);

#endif
