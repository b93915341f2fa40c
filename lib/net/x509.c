/* Keys, certificates, digests. */
#include "lib/net/priv.h"

#include "lib/base/clock.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define PEM_MAX (1u << 20)
#define BACKDATE 3600 /* clocks of nodes differ; a new certificate must be valid on all of them */

static void key_freep(EVP_PKEY **k)
{
	EVP_PKEY_free(*k);
}

static void cert_freep(X509 **c)
{
	X509_free(*c);
}

static void bio_freep(BIO **b)
{
	BIO_free(*b);
}

static int no_passphrase(char *buf, int size, int rwflag, void *arg)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)arg;
	return -1;
}

static X509 *read_cert(const char *pem, struct err *e)
{
	BIO *b CLEANUP(bio_freep) = BIO_new_mem_buf(pem, -1);
	X509 *c = PEM_read_bio_X509(b, NULL, no_passphrase, NULL);

	if (!c)
		err_plain(e, "no certificate: %s", ssl_reason());
	ERR_clear_error();
	return c;
}

static EVP_PKEY *read_key(const char *pem, struct err *e)
{
	BIO *b CLEANUP(bio_freep) = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *k = PEM_read_bio_PrivateKey(b, NULL, no_passphrase, NULL);

	if (!k)
		err_plain(e, "no private key: %s", ssl_reason());
	ERR_clear_error();
	return k;
}

static int add_ext(X509 *c, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *x;
	int r;

	X509V3_set_ctx(&ctx, issuer, c, NULL, NULL, 0);
	x = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	if (!x)
		return -1;
	r = X509_add_ext(c, x, -1) == 1 ? 0 : -1;
	X509_EXTENSION_free(x);
	return r;
}

static int add_names(X509 *c, const struct cert_opts *o)
{
	struct str s CLEANUP(str_free) = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(o->dns_names) && o->dns_names[i]; i++)
		str_addf(&s, "%sDNS:%s", s.len ? "," : "", o->dns_names[i]);
	for (size_t i = 0; i < ARRAY_SIZE(o->ip_names) && o->ip_names[i]; i++)
		str_addf(&s, "%sIP:%s", s.len ? "," : "", o->ip_names[i]);
	/* a comma inside a name would smuggle in another one */
	for (size_t i = 0; i < ARRAY_SIZE(o->dns_names) && o->dns_names[i]; i++)
		if (strpbrk(o->dns_names[i], ",\n"))
			return -1;
	return s.len ? add_ext(c, c, NID_subject_alt_name, str_get(&s)) : 0;
}

static int add_extensions(X509 *c, X509 *issuer, const struct cert_opts *o)
{
	const char *usage = o->key == KEY_RSA_2048 ? "critical,digitalSignature,keyEncipherment"
						   : "critical,digitalSignature";
	char *ca_usage CLEANUP(freep) = xasprintf("%s,keyCertSign,cRLSign", usage);

	if (add_ext(c, issuer, NID_basic_constraints,
		    o->is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE") < 0 ||
	    add_ext(c, issuer, NID_key_usage, o->is_ca ? ca_usage : usage) < 0 ||
	    add_ext(c, issuer, NID_subject_key_identifier, "hash") < 0)
		return -1;
	/* an issuer made by other tools may have no key identifier to point to */
	if (issuer == c || X509_get0_subject_key_id(issuer))
		if (add_ext(c, issuer, NID_authority_key_identifier, "keyid") < 0)
			return -1;
	return add_names(c, o);
}

static int fill_cert(X509 *c, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key,
		     const struct cert_opts *o)
{
	X509_NAME *name = X509_get_subject_name(c);
	uint64_t serial = (uint64_t)o->serial;
	time_t now = (time_t)clock_real();

	if (!issuer)
		issuer = c;
	if (!serial && random_bytes(&serial, sizeof(serial)) < 0)
		return -1;
	serial = (serial & INT64_MAX) | (o->serial ? 0 : 1);
	if (X509_set_version(c, X509_VERSION_3) != 1 ||
	    ASN1_INTEGER_set_uint64(X509_get_serialNumber(c), serial) != 1 ||
	    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
				       (const unsigned char *)o->common_name, -1, -1, 0) != 1 ||
	    X509_set_issuer_name(c, X509_get_subject_name(issuer)) != 1 ||
	    !ASN1_TIME_set(X509_getm_notBefore(c), now - BACKDATE) ||
	    !ASN1_TIME_adj(X509_getm_notAfter(c), now, o->days, 0) ||
	    X509_set_pubkey(c, key) != 1 || add_extensions(c, issuer, o) < 0)
		return -1;
	return X509_sign(c, issuer_key ? issuer_key : key, EVP_sha256()) > 0 ? 0 : -1;
}

/* The key (not in the clear anywhere else) and the certificate as one PEM text. */
static char *write_pem(EVP_PKEY *key, X509 *cert)
{
	BIO *b CLEANUP(bio_freep) = BIO_new(BIO_s_secmem());
	char *p;
	long n;

	if (!b || PEM_write_bio_PKCS8PrivateKey(b, key, NULL, NULL, 0, NULL, NULL) != 1 ||
	    PEM_write_bio_X509(b, cert) != 1)
		return NULL;
	n = BIO_get_mem_data(b, &p);
	return xstrndup(p, (size_t)n);
}

int cert_make(const struct cert_opts *o, char **ret_pem, struct err *e)
{
	EVP_PKEY *issuer_key CLEANUP(key_freep) = NULL;
	X509 *issuer CLEANUP(cert_freep) = NULL;
	EVP_PKEY *key CLEANUP(key_freep) = NULL;
	X509 *cert CLEANUP(cert_freep) = X509_new();
	char *pem CLEANUP(freep) = NULL;

	ERR_clear_error();
	if (o->issuer_file) {
		char *text CLEANUP(freep) = NULL;
		int r = fs_read(o->issuer_file, PEM_MAX, &text, NULL);

		if (r < 0)
			return err_sys(e, r, "%s", o->issuer_file);
		issuer = read_cert(text, e);
		issuer_key = issuer ? read_key(text, e) : NULL;
		OPENSSL_cleanse(text, strlen(text));
		if (!issuer_key)
			return err_prefix(e, "%s", o->issuer_file);
	}
	key = o->key == KEY_RSA_2048 ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
	if (!key || !cert || fill_cert(cert, key, issuer, issuer_key, o) < 0)
		pem = NULL;
	else
		pem = write_pem(key, cert);
	if (!pem)
		err_plain(e, "cannot make a certificate for %s: %s", o->common_name, ssl_reason());
	ERR_clear_error();
	if (!pem)
		return -1;
	*ret_pem = STEAL(pem);
	return 0;
}

char *digest_text(const unsigned char *md, size_t n)
{
	struct str s = { 0 };

	for (size_t i = 0; i < n; i++)
		str_addf(&s, "%s%02X", i ? ":" : "", md[i]);
	return str_steal(&s);
}

char *cert_digest(struct arena *a, const char *pem, struct err *e)
{
	X509 *c CLEANUP(cert_freep) = read_cert(pem, e);
	unsigned char md[EVP_MAX_MD_SIZE];
	char *text CLEANUP(freep) = NULL;
	unsigned int n;

	if (!c)
		return NULL;
	if (X509_digest(c, EVP_sha1(), md, &n) != 1) {
		err_plain(e, "cannot compute the digest: %s", ssl_reason());
		return NULL;
	}
	text = digest_text(md, n);
	return arena_strdup(a, text);
}

int cert_expires_in(const char *pem, double *ret_seconds, struct err *e)
{
	X509 *c CLEANUP(cert_freep) = read_cert(pem, e);
	struct tm tm;

	if (!c)
		return -1;
	if (ASN1_TIME_to_tm(X509_get0_notAfter(c), &tm) != 1)
		return err_plain(e, "the certificate has no valid end date");
	*ret_seconds = (double)timegm(&tm) - clock_real();
	return 0;
}

int cert_check_pair(const char *pem, struct err *e)
{
	X509 *c CLEANUP(cert_freep) = read_cert(pem, e);
	EVP_PKEY *k CLEANUP(key_freep) = c ? read_key(pem, e) : NULL;
	int r;

	if (!k)
		return -1;
	r = X509_check_private_key(c, k);
	ERR_clear_error();
	return r == 1 ? 0 : err_plain(e, "the private key does not belong to the certificate");
}

/* --- digests and encodings --- */

static char *hex_in(struct arena *a, const unsigned char *md, size_t n)
{
	char *s = arena_alloc(a, 2 * n + 1);

	for (size_t i = 0; i < n; i++)
		snprintf(s + 2 * i, 3, "%02x", md[i]);
	return s;
}

static char *hash_hex(struct arena *a, const EVP_MD *type, const void *data, size_t n)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned int len;

	if (EVP_Digest(data, n, md, &len, type, NULL) != 1)
		abort();
	return hex_in(a, md, len);
}

char *hash_md5_hex(struct arena *a, const char *text)
{
	return hash_hex(a, EVP_md5(), text, strlen(text));
}

char *hash_sha1_hex(struct arena *a, const void *data, size_t n)
{
	return hash_hex(a, EVP_sha1(), data, n);
}

char *hmac_sha1_hex(struct arena *a, const char *key, const char *text)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned int len;

	if (!HMAC(EVP_sha1(), key, (int)strlen(key), (const unsigned char *)text, strlen(text), md,
		  &len))
		abort();
	return hex_in(a, md, len);
}

static const char digits64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(struct arena *a, const void *data, size_t n)
{
	const unsigned char *p = data;
	char *s = arena_alloc(a, (n + 2) / 3 * 4 + 1), *q = s;

	for (size_t i = 0; i < n; i += 3) {
		size_t left = n - i;
		uint32_t v = (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
			     (left > 2 ? p[i + 2] : 0);

		*q++ = digits64[v >> 18];
		*q++ = digits64[v >> 12 & 63];
		*q++ = left > 1 ? digits64[v >> 6 & 63] : '=';
		*q++ = left > 2 ? digits64[v & 63] : '=';
	}
	return s;
}

enum { PAD = 64, SPACE, BAD };

/* What each character means. */
static const unsigned char *values64(void)
{
	static unsigned char v[256];

	if (v['=']) /* made already */
		return v;
	memset(v, BAD, sizeof(v));
	for (unsigned char i = 0; i < 64; i++)
		v[(unsigned char)digits64[i]] = i;
	for (const char *p = " \t\r\n"; *p; p++)
		v[(unsigned char)*p] = SPACE;
	v['='] = PAD;
	return v;
}

int base64_decode(struct arena *a, const char *text, void **ret, size_t *ret_n)
{
	const unsigned char *values = values64();
	unsigned char *out = arena_alloc(a, strlen(text) / 4 * 3 + 3), *q = out;
	size_t digits = 0, pads = 0;
	uint32_t v = 0;

	for (; *text; text++) {
		unsigned char d = values[(unsigned char)*text];

		if (d == SPACE)
			continue;
		if (d == BAD || (d != PAD && pads) || pads > 2)
			return -1;
		v = v << 6 | (d == PAD ? 0 : d);
		pads += d == PAD;
		if (++digits % 4)
			continue;
		*q++ = (unsigned char)(v >> 16);
		*q++ = (unsigned char)(v >> 8);
		*q++ = (unsigned char)v;
		v = 0;
		if (pads && text[1] && text[strspn(text + 1, " \t\r\n") + 1])
			return -1; /* nothing may follow the padding */
	}
	if (digits % 4 || pads > 2)
		return -1;
	*ret = out;
	*ret_n = (size_t)(q - out) - pads;
	return 0;
}

bool secret_eq(const char *a, const char *b)
{
	unsigned char x[32], y[32];
	unsigned int n;

	/* of equal length and without early exit, whatever the two are */
	if (EVP_Digest(a, strlen(a), x, &n, EVP_sha256(), NULL) != 1 ||
	    EVP_Digest(b, strlen(b), y, &n, EVP_sha256(), NULL) != 1)
		abort();
	return CRYPTO_memcmp(x, y, sizeof(x)) == 0;
}
