/* luxi framing: JSON texts that end with byte 0x03, on UNIX sockets. */
#ifndef LIB_WIRE_WIRE_H
#define LIB_WIRE_WIRE_H
#include "lib/net/net.h"

#define LUXI_MAX_MESSAGE (64u << 20)

/* server side, on the loop */
struct luxi_conn;
struct luxi_server;
/* FN gets each request text (borrowed, without the end byte). Replies go out in request order:
 * the next request of a connection is not delivered before luxi_reply(). */
struct luxi_server *luxi_server_new(struct ev *ev, int listen_fd, int max_connections,
				    void (*fn)(struct luxi_conn *c, const char *text, size_t n,
					       void *arg),
				    void *arg);
void luxi_server_free(struct luxi_server *s);
void luxi_reply(struct luxi_conn *c, json *message); /* takes the reference over */
void luxi_reply_text(struct luxi_conn *c, const char *text, size_t n); /* the same, written already */
/* FN when the client goes away before the reply (then no luxi_reply(); without such a function the
 * reply is still due, and goes nowhere). */
void luxi_on_gone(struct luxi_conn *c, void (*fn)(void *arg), void *arg);
uid_t luxi_peer_uid(const struct luxi_conn *c);

/* client side, blocking */
int luxi_write(int fd, const json *message, double timeout, struct err *e);
int luxi_read(int fd, json **ret, double timeout, struct err *e);
int luxi_read_text(int fd, struct str *ret, double timeout, struct err *e); /* the message as it came */

#endif
