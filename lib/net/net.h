/* Sockets, TLS, certificates, HTTP. Every call has a deadline; every peer has limits. */
#ifndef LIB_NET_NET_H
#define LIB_NET_NET_H
#include "lib/sys/sys.h"

/* --- addr.c, resolve.c --- */
bool addr_is_ip(const char *s);   /* IPv4 or IPv6 */
bool addr_is_ip4(const char *s);
/* IPv4 address or network arithmetic lives in src/model (networks). */
/* Resolve NAME (HOSTS_FILE is looked at first when given, /etc/hosts format). IP and canonical name
 * (with domain) in the arena. Fails with a plain error. */
int resolve_name(struct arena *a, const char *hosts_file, const char *name, int family,
		 const char **ret_name, const char **ret_ip, struct err *e);
/* Can a TCP connection to IP:PORT be opened (or is it refused by a living host) within TIMEOUT?
 * LIVE_PORT_NEEDED: refused counts as dead. SOURCE may be NULL. Upstream: netutils.TcpPing */
bool tcp_ping(const char *ip, int port, double timeout, bool live_port_needed, const char *source);
bool addr_is_local(const char *ip); /* one of this machine's addresses */
/* The first address of an interface, IPv4 preferred; NULL = none. */
const char *addr_of_interface(struct arena *a, const char *name);

/* --- arp.c, for root --- */
/* Does another machine on the link of DEV answer for IP (IPv4)? 1, 0 or -errno; within 0.4 s */
int arp_probe(const char *dev, const char *ip);
void arp_announce(const char *dev, const char *ip); /* IP moved to DEV of this machine */

/* --- unix.c --- */
int unix_listen(const char *path, mode_t mode, uid_t uid, gid_t gid); /* fd or -errno */
int unix_connect(const char *path, double timeout);                    /* fd or -errno */
int unix_peer(int fd, uid_t *ret_uid, gid_t *ret_gid, pid_t *ret_pid);

/* --- tls.c, x509.c --- */
struct tls_ctx; /* SSL_CTX with our policy: TLS >= 1.2, 1.3 preferred */
/* CERT_FILE holds key and certificate. CA_FILE NULL: peers are not asked for a certificate. */
struct tls_ctx *tls_server_ctx(const char *cert_file, const char *ca_file, struct err *e);
/* Key and certificate apart, and further certificates between it and a known one (CHAIN_FILE, may be
 * NULL). Peers are not asked. */
struct tls_ctx *tls_server_ctx_of(const char *cert_file, const char *key_file,
				  const char *chain_file, struct err *e);
struct tls_ctx *tls_client_ctx(const char *cert_file, const char *ca_file, struct err *e);
void tls_ctx_free(struct tls_ctx *c);

enum key_kind { KEY_RSA_2048, KEY_EC_P256 };
struct cert_opts {
	const char *common_name;
	int days;
	enum key_kind key;
	const char *dns_names[8]; /* subjectAltName entries, NULL-terminated */
	const char *ip_names[8];
	bool is_ca;               /* may sign others (self-signed cluster certificate) */
	const char *issuer_file;  /* PEM with key and certificate that signs; NULL = self-signed */
	int64_t serial;           /* 0 = random */
};
/* Make a key and a certificate; RET_PEM holds both (key first), malloc'ed. */
int cert_make(const struct cert_opts *o, char **ret_pem, struct err *e);
/* SHA-1 digest of the (first) certificate in a PEM, "AA:BB:...", upstream's form; arena. */
char *cert_digest(struct arena *a, const char *pem, struct err *e);
/* Seconds until it expires (negative: expired), from PEM text. */
int cert_expires_in(const char *pem, double *ret_seconds, struct err *e);
/* Does the private key in the PEM belong to its certificate? 0 or -1. */
int cert_check_pair(const char *pem, struct err *e);
char *hash_md5_hex(struct arena *a, const char *text);
char *hash_sha1_hex(struct arena *a, const void *data, size_t n);
char *hmac_sha1_hex(struct arena *a, const char *key, const char *text);
char *base64_encode(struct arena *a, const void *data, size_t n);
int base64_decode(struct arena *a, const char *text, void **ret, size_t *ret_n);
/* --- deflate.c: zlib format, results in the arena --- */
void zlib_pack(struct arena *a, const void *data, size_t n, int level, void **ret, size_t *ret_n);
/* The whole of DATA, which unpacks to at most MAX bytes (-EFBIG); the result is NUL-terminated. */
int zlib_unpack(struct arena *a, const void *data, size_t n, size_t max, void **ret, size_t *ret_n);
/* constant-time comparison */
bool secret_eq(const char *a, const char *b);

/* --- http_server.c --- */
enum http_method { HTTP_GET, HTTP_POST, HTTP_PUT, HTTP_DELETE, HTTP_HEAD, HTTP_OTHER };
struct http_req; /* one request; answer it exactly once, now or later */
struct http_server_opts {
	const char *address; /* NULL = any */
	int port;
	struct tls_ctx *tls; /* NULL = plain */
	size_t max_body, max_headers;
	int max_connections;
	double idle_timeout;     /* seconds a connection may be idle */
	double request_timeout;  /* absolute time for receiving one request */
	double handshake_timeout; /* for TLS, of peers nobody knows yet; 0 = request_timeout */
	const char *server_name; /* Server: header */
	/* Body of an answer to what is no request (NULL: plain text); of no error that FN answers. */
	char *(*error_body)(struct arena *a, int status, const char **ret_type);
	bool close_by_default;   /* answer Connection: close unless the client asked keep-alive */
	/* unix socket instead of TCP: an already listening fd (>= 0 used when address is NULL and port 0) */
	int listen_fd;
	void (*fn)(struct http_req *r, void *arg);
	void *arg;
};
struct http_server;
struct http_server *http_server_new(struct ev *ev, const struct http_server_opts *o, struct err *e);
/* Open connections are cut; requests at work hear it as if their peers went away. */
void http_server_free(struct http_server *s);
int http_server_port(const struct http_server *s); /* bound to, also where 0 was asked for */
enum http_method http_method(const struct http_req *r);
const char *http_method_name(const struct http_req *r); /* as sent */
const char *http_path(const struct http_req *r);        /* decoded, without query */
const char *http_query(const struct http_req *r, const char *key, size_t i); /* i-th value or NULL */
const char *http_header(const struct http_req *r, const char *name);
const char *http_body(const struct http_req *r, size_t *ret_len);
const char *http_peer_ip(const struct http_req *r); /* "" on a UNIX socket */
/* SHA-1 digest of the client's certificate "AA:BB:..", NULL without one. */
const char *http_peer_digest(const struct http_req *r);
struct arena *http_arena(struct http_req *r); /* lives until the request is answered */
void http_set_header(struct http_req *r, const char *name, const char *value);
void http_reply(struct http_req *r, int status, const char *content_type, const char *body, size_t n);
/* Called when the peer goes away before the reply (then no http_reply(); without such a function
 * the reply is still due, and goes nowhere). */
void http_on_gone(struct http_req *r, void (*fn)(void *arg), void *arg);

/* --- http_client.c: many requests at once on the caller's loop, kept-alive connections --- */
struct http_client_opts {
	struct tls_ctx *tls;       /* NULL = plain HTTP */
	int max_parallel;          /* requests in flight over all hosts */
	double connect_timeout;
	double probe_after;        /* while an answer is due, see this often whether the server lives;
				    * 0 = never */
	size_t max_body;
	const char *authorization; /* value of that header, NULL = none is sent */
	const char *header;        /* one more header, "Name: value", or NULL */
};
struct http_client;
struct http_client *http_client_new(struct ev *ev, const struct http_client_opts *o);
void http_client_free(struct http_client *c); /* FN of open calls is not called */
struct http_call;
/* POST/GET to IP:PORT. FN is called exactly once: status 0 and a message in E when it failed.
 * BODY (sent) is copied. TIMEOUT is absolute for the whole call. */
struct http_call *http_send(struct http_client *c, const char *ip, int port, enum http_method m,
			    const char *path, const char *body, size_t n, double timeout,
			    void (*fn)(int status, const char *body, size_t n, const struct err *e,
				       void *arg),
			    void *arg);
void http_call_cancel(struct http_call *c); /* FN is not called */

#endif
