/* Shared inside lib/net. */
#ifndef LIB_NET_PRIV_H
#define LIB_NET_PRIV_H
#include "lib/net/net.h"

#include <sys/socket.h>

/* --- addr.c --- */
/* IP:PORT as a socket address; its length, or -EINVAL. IP NULL = any address (of IPv6). */
int addr_make(const char *ip, int port, struct sockaddr_storage *ret, socklen_t *ret_len);
/* The other end of the socket as text ("" for UNIX sockets); RET has room for 64 bytes. */
void addr_peer(int fd, char *ret);
/* Start connecting; the descriptor (non-blocking) or -errno. SOURCE may be NULL. */
int tcp_start_connect(const char *ip, int port, const char *source);
/* A listening, non-blocking socket or -errno. */
int tcp_listen(const char *ip, int port);

/* --- tls.c: the layer of a stream --- */
extern const struct stream_ops tls_ops;
/* An endpoint over the socket (connected or connecting), for stream_new() with tls_ops. */
void *tls_io_new(struct tls_ctx *c, int fd);
/* SHA-1 digest of the peer's certificate as "AA:BB:...", malloc'ed; NULL without one. */
char *tls_io_digest(const void *io);
/* Did the peer say that it ends (close_notify)? Else the connection was just cut. */
bool tls_io_ended_well(const void *io);

/* --- x509.c --- */
/* "AA:BB:...", malloc'ed */
char *digest_text(const unsigned char *md, size_t n);
/* the reason of the last OpenSSL error of this thread */
const char *ssl_reason(void);

#endif
