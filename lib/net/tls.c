/* TLS as the layer of a stream: contexts with our policy, endpoints, peer certificates. */
#include "lib/net/priv.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <string.h>

struct tls_ctx {
	SSL_CTX *ctx;
	bool server;
};

struct tls_io {
	SSL *ssl;
	char *error;
	bool broken; /* nothing may be sent any more */
	bool ended_well;
};

const char *ssl_reason(void)
{
	unsigned long code = ERR_peek_last_error();
	const char *text = code ? ERR_reason_error_string(code) : NULL;

	return text ? text : "TLS library error";
}

/* A key that wants a passphrase is an error, not a question on the terminal. */
static int no_passphrase(char *buf, int size, int rwflag, void *arg)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)arg;
	return -1;
}

static int load_identity(SSL_CTX *ctx, const char *file, const char *key_file, struct err *e)
{
	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	if (SSL_CTX_use_certificate_chain_file(ctx, file) != 1)
		return err_plain(e, "cannot use the certificate in %s: %s", file, ssl_reason());
	if (SSL_CTX_use_PrivateKey_file(ctx, key_file, SSL_FILETYPE_PEM) != 1)
		return err_plain(e, "cannot use the private key in %s: %s", key_file,
				 ssl_reason());
	return 0;
}

/* All certificates in FILE are sent after our own. */
static int load_chain(SSL_CTX *ctx, const char *file, struct err *e)
{
	BIO *bio = BIO_new_file(file, "r");
	X509 *cert;
	int n = 0;

	if (!bio)
		return err_plain(e, "cannot read %s: %s", file, ssl_reason());
	while ((cert = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL))) {
		n += SSL_CTX_add1_chain_cert(ctx, cert) == 1;
		X509_free(cert);
	}
	BIO_free(bio);
	return n ? 0 : err_plain(e, "there is no certificate in %s", file);
}

static int load_ca(SSL_CTX *ctx, const char *file, bool server, struct err *e)
{
	STACK_OF(X509_NAME) *names;

	if (SSL_CTX_load_verify_locations(ctx, file, NULL) != 1)
		return err_plain(e, "cannot use the certificates in %s: %s", file, ssl_reason());
	if (!server) {
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
		return 0;
	}
	names = SSL_load_client_CA_file(file);
	if (!names)
		return err_plain(e, "cannot use the certificates in %s: %s", file, ssl_reason());
	SSL_CTX_set_client_CA_list(ctx, names);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	return 0;
}

static struct tls_ctx *make_ctx(bool server, const char *cert_file, const char *key_file,
				const char *ca_file, struct err *e)
{
	struct tls_ctx *c = xcalloc(1, sizeof(*c));
	int r = 0;

	ERR_clear_error();
	c->server = server;
	c->ctx = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
	if (!c->ctx)
		abort();
	SSL_CTX_set_min_proto_version(c->ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(c->ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
					    SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_TICKET);
	/* thousands of connections stay open: no buffers for the idle ones */
	SSL_CTX_set_mode(c->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
					 SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
					 SSL_MODE_RELEASE_BUFFERS);
	/* connections are kept, so sessions need not be */
	SSL_CTX_set_session_cache_mode(c->ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(c->ctx, 0);
	if (cert_file)
		r = load_identity(c->ctx, cert_file, key_file, e);
	if (r == 0 && ca_file)
		r = load_ca(c->ctx, ca_file, server, e);
	ERR_clear_error();
	if (r < 0) {
		tls_ctx_free(c);
		return NULL;
	}
	return c;
}

struct tls_ctx *tls_server_ctx(const char *cert_file, const char *ca_file, struct err *e)
{
	return make_ctx(true, cert_file, cert_file, ca_file, e);
}

struct tls_ctx *tls_server_ctx_of(const char *cert_file, const char *key_file,
				  const char *chain_file, struct err *e)
{
	struct tls_ctx *c = make_ctx(true, cert_file, key_file, NULL, e);

	if (c && chain_file && load_chain(c->ctx, chain_file, e) < 0) {
		tls_ctx_free(c);
		c = NULL;
	}
	ERR_clear_error();
	return c;
}

struct tls_ctx *tls_client_ctx(const char *cert_file, const char *ca_file, struct err *e)
{
	return make_ctx(false, cert_file, cert_file, ca_file, e);
}

void tls_ctx_free(struct tls_ctx *c)
{
	if (!c)
		return;
	SSL_CTX_free(c->ctx);
	free(c);
}

void *tls_io_new(struct tls_ctx *c, int fd)
{
	struct tls_io *io = xcalloc(1, sizeof(*io));

	io->ssl = SSL_new(c->ctx);
	if (!io->ssl || SSL_set_fd(io->ssl, fd) != 1)
		abort();
	if (c->server)
		SSL_set_accept_state(io->ssl);
	else
		SSL_set_connect_state(io->ssl);
	return io;
}

static void keep_error(struct tls_io *io, const char *text)
{
	long verify = SSL_get_verify_result(io->ssl);

	free(io->error);
	if (verify != X509_V_OK)
		io->error = xasprintf("%s: %s", text, X509_verify_cert_error_string(verify));
	else
		io->error = xstrdup(text);
}

/* What a failed call means for the stream: STREAM_WANT_*, 0 = the peer has ended, -errno. */
static int outcome(struct tls_io *io, int r, int saved_errno)
{
	switch (SSL_get_error(io->ssl, r)) {
	case SSL_ERROR_WANT_READ:
		return STREAM_WANT_READ;
	case SSL_ERROR_WANT_WRITE:
		return STREAM_WANT_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		io->ended_well = true;
		return 0;
	case SSL_ERROR_SYSCALL:
		io->broken = true;
		return saved_errno ? -saved_errno : -ECONNRESET;
	default:
		io->broken = true;
		if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
			ERR_clear_error();
			return 0;
		}
		keep_error(io, ssl_reason());
		ERR_clear_error();
		return -EPROTO;
	}
}

static int tls_start(void *p)
{
	struct tls_io *io = p;
	int r;

	ERR_clear_error();
	errno = 0;
	r = SSL_do_handshake(io->ssl);
	if (r == 1)
		return 0;
	r = outcome(io, r, errno);
	return r == 0 ? -ECONNRESET : r;
}

static ssize_t tls_read(void *p, void *buf, size_t n)
{
	struct tls_io *io = p;
	size_t got;
	int r;

	ERR_clear_error();
	errno = 0;
	r = SSL_read_ex(io->ssl, buf, n, &got);
	return r == 1 ? (ssize_t)got : outcome(io, r, errno);
}

static ssize_t tls_write(void *p, const void *buf, size_t n)
{
	struct tls_io *io = p;
	size_t done;
	int r;

	ERR_clear_error();
	errno = 0;
	r = SSL_write_ex(io->ssl, buf, n, &done);
	if (r == 1)
		return (ssize_t)done;
	r = outcome(io, r, errno);
	return r == 0 ? -EPIPE : r;
}

static void tls_shutdown(void *p)
{
	struct tls_io *io = p;

	if (!io->broken && SSL_is_init_finished(io->ssl)) {
		ERR_clear_error();
		SSL_shutdown(io->ssl); /* only says it; the peer's own is not waited for */
		ERR_clear_error();
	}
}

static const char *tls_error(void *p)
{
	return ((struct tls_io *)p)->error;
}

static void tls_free(void *p)
{
	struct tls_io *io = p;

	SSL_free(io->ssl);
	free(io->error);
	free(io);
}

const struct stream_ops tls_ops = {
	.start = tls_start,
	.read = tls_read,
	.write = tls_write,
	.shutdown = tls_shutdown,
	.error = tls_error,
	.free = tls_free,
};

char *tls_io_digest(const void *p)
{
	const struct tls_io *io = p;
	X509 *cert = SSL_get1_peer_certificate(io->ssl);
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned int n;
	char *text = NULL;

	if (!cert)
		return NULL;
	if (X509_digest(cert, EVP_sha1(), md, &n) == 1)
		text = digest_text(md, n);
	X509_free(cert);
	return text;
}

bool tls_io_ended_well(const void *p)
{
	return ((const struct tls_io *)p)->ended_well;
}
