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

#endif
