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
int addr_port(int fd); /* the port a socket is bound to, 0 = none */
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

/* --- http_parse.c: pure, no I/O --- */
#define HTTP_HEADERS_MAX 100

struct http_field {
	const char *name, *value;
};

/* The part before the body. Strings live in the arena. */
struct http_head {
	const char *method;      /* request */
	const char *path;        /* decoded, without query */
	const char *query;       /* as sent, NULL = none */
	int status;              /* response */
	int minor;               /* HTTP/1.minor */
	struct http_field field[HTTP_HEADERS_MAX];
	size_t n_fields;
	int64_t length;          /* Content-Length, -1 = not given */
	bool chunked;
	bool close, keep_alive;  /* words of Connection */
	bool expect_continue;
};

/* Length of the head at P including its empty line, 0 = not complete yet. *SCANNED (start with 0)
 * remembers how far earlier calls came. */
size_t http_head_end(const char *p, size_t n, size_t *scanned);
/* Parse N bytes that http_head_end() found. Returns 0 or the HTTP status to refuse it with. */
int http_parse_request(struct arena *a, const char *p, size_t n, struct http_head *ret);
/* The same for a response. 0 or -1 */
int http_parse_response(struct arena *a, const char *p, size_t n, struct http_head *ret);
/* The value of a field (any case), NULL = not there. */
const char *http_field(const struct http_head *h, const char *name);
/* %XX decoded in the arena ('+' is a space when PLUS); NULL when malformed or with a NUL. */
char *http_decode(struct arena *a, const char *p, size_t n, bool plus);

/* A chunked body in pieces; all zero is the start. */
struct http_chunks {
	enum { CHUNK_SIZE, CHUNK_DATA, CHUNK_DATA_END, CHUNK_TRAILER, CHUNK_DONE } state;
	uint64_t left;  /* of this chunk */
	size_t extra;   /* bytes of trailer so far */
};
/* Take what can be taken of P, appending data to OUT (at most MAX bytes in all). Returns the bytes
 * used, -EBADMSG or -EFBIG. */
ssize_t http_chunks_feed(struct http_chunks *c, const char *p, size_t n, struct str *out,
			 size_t max);

#endif
