/*
 * Certificates and secrets of a cluster. server.pem is the cluster's own authority: every node has it,
 * and with it signs its client.pem. libvirt and QEMU have an authority of their own (RSA, since they
 * refuse elliptic keys) whose key stays on master candidates; nodes get a certificate each.
 */
#include "src/site/priv.h"

#include "lib/net/net.h"

#include <string.h>
#include <unistd.h>

#define COMMON_NAME "ganeti.example.com"
#define CERT_BEGIN "-----BEGIN CERTIFICATE-----"

static int make(const struct cert_opts *o, const char *path, struct err *e)
{
	char *pem CLEANUP(freep) = NULL;

	if (cert_make(o, &pem, e) < 0)
		return err_prefix(e, "Can't make %s", path);
	return site_put(path, pem, 0400, e);
}

static int make_self_signed(enum path path, bool ca, struct err *e)
{
	struct cert_opts o = { .common_name = COMMON_NAME, .days = CERT_VALID_DAYS, .key = KEY_EC_P256,
			       .is_ca = ca, .serial = 1 };

	return make(&o, path_of(path), e);
}

/* What follows the key in a PEM of both. */
static const char *cert_part(const char *pem, struct err *e)
{
	const char *cert = strstr(pem, CERT_BEGIN);

	if (!cert)
		err_plain(e, "There is no certificate in the PEM data");
	return cert;
}

/* A secret of 40 hex digits (upstream: GenerateSecret). */
static int make_secret(enum path path, mode_t mode, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();

	return site_put(path_of(path), arena_printf(a, "%s\n", random_hex(a, 20)), mode, e);
}

static int make_spice(struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	const char *pem, *cert;

	if (make_self_signed(PATH_SPICE_CERT_FILE, true, e) < 0 ||
	    site_get(a, path_of(PATH_SPICE_CERT_FILE), &pem, e) < 0)
		return -1;
	cert = cert_part(pem, e);
	return cert ? site_put(path_of(PATH_SPICE_CACERT_FILE), cert, 0440, e) : -1;
}

int site_make_certs(const char *cluster_name, bool new_cluster_cert, bool new_rapi_cert,
		    bool new_hmac_key, struct err *e)
{
	(void)cluster_name;
	if (new_cluster_cert || !fs_exists(path_of(PATH_NODED_CERT_FILE)))
		if (make_self_signed(PATH_NODED_CERT_FILE, true, e) < 0)
			return -1;
	if (new_hmac_key || !fs_exists(path_of(PATH_CONFD_HMAC_KEY)))
		if (make_secret(PATH_CONFD_HMAC_KEY, 0440, e) < 0)
			return -1;
	if (new_rapi_cert || !fs_exists(path_of(PATH_RAPI_CERT_FILE)))
		if (make_self_signed(PATH_RAPI_CERT_FILE, false, e) < 0)
			return -1;
	if (!fs_exists(path_of(PATH_SPICE_CERT_FILE)) && make_spice(e) < 0)
		return -1;
	if (!fs_exists(path_of(PATH_CLUSTER_DOMAIN_SECRET_FILE)))
		if (make_secret(PATH_CLUSTER_DOMAIN_SECRET_FILE, 0640, e) < 0)
			return -1;
	return 0;
}

int site_make_client_cert(const char *node_name, int64_t serial, struct err *e)
{
	struct cert_opts o = { .common_name = node_name, .days = CERT_VALID_DAYS, .key = KEY_EC_P256,
			       .issuer_file = path_of(PATH_NODED_CERT_FILE), .serial = serial };

	return make(&o, path_of(PATH_NODED_CLIENT_CERT_FILE), e);
}

/* --- libvirt and QEMU --- */
int site_make_virt_ca(const char *cluster_name, struct err *e)
{
	struct cert_opts o = { .common_name = cluster_name, .days = CERT_VALID_DAYS,
			       .key = KEY_RSA_2048, .is_ca = true, .serial = 1 };

	return make(&o, path_of(PATH_VIRT_CA_KEY), e);
}

static const char *short_name(struct arena *a, const char *name)
{
	return strs_split(a, name, '.').v[0];
}

int site_virt_bundle(const char *node_name, const char *node_ip, json **ret, struct err *e)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct cert_opts o = { .common_name = node_name, .days = CERT_VALID_DAYS, .key = KEY_RSA_2048,
			       .dns_names = { node_name, short_name(a, node_name) },
			       .ip_names = { node_ip }, .issuer_file = path_of(PATH_VIRT_CA_KEY) };
	char *pem CLEANUP(freep) = NULL;
	const char *ca, *ca_cert, *cert;

	if (site_get(a, path_of(PATH_VIRT_CA_KEY), &ca, e) < 0 || cert_make(&o, &pem, e) < 0)
		return err_prefix(e, "Can't make the migration certificate of %s", node_name);
	ca_cert = cert_part(ca, e);
	cert = ca_cert ? cert_part(pem, e) : NULL;
	if (!cert)
		return -1;
	*ret = json_pack("{s:s, s:s, s:o}", "ca", ca_cert, "cert", cert, "key",
			 json_new_strn(pem, (size_t)(cert - pem)));
	return 0;
}

/* QEMU reads its keys as the user that Debian's libvirt runs it as, where there is one. */
static int give_to_qemu(const char *path, struct err *e)
{
	gid_t gid;

	if (geteuid() != 0 || group_id("libvirt-qemu", &gid) < 0)
		return 0;
	if (chown(path, 0, gid) < 0)
		return err_plain(e, "Can't change the group of %s", path);
	return 0;
}

int site_install_virt_bundle(const json *bundle, struct err *e)
{
	static const struct {
		enum path dir;
		const char *file, *what;
		mode_t mode;
		bool qemu;
	} files[] = {
		{ PATH_PKI_LIBVIRT_DIR, "servercert.pem", "cert", 0644, false },
		{ PATH_PKI_LIBVIRT_DIR, "clientcert.pem", "cert", 0644, false },
		{ PATH_PKI_LIBVIRT_DIR, "private/serverkey.pem", "key", 0600, false },
		{ PATH_PKI_LIBVIRT_DIR, "private/clientkey.pem", "key", 0600, false },
		{ PATH_PKI_QEMU_DIR, "ca-cert.pem", "ca", 0644, false },
		{ PATH_PKI_QEMU_DIR, "server-cert.pem", "cert", 0644, false },
		{ PATH_PKI_QEMU_DIR, "client-cert.pem", "cert", 0644, false },
		{ PATH_PKI_QEMU_DIR, "server-key.pem", "key", 0640, true },
		{ PATH_PKI_QEMU_DIR, "client-key.pem", "key", 0640, true },
	};
	struct arena *a CLEANUP(arena_freep) = arena_new();

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		const char *path = path_in(a, files[i].dir, "%s", files[i].file);
		const char *text = json_get_str(bundle, files[i].what);

		if (!text)
			return err_plain(e, "The migration certificates are incomplete");
		if (site_put(path, text, files[i].mode, e) < 0 ||
		    (files[i].qemu && give_to_qemu(path, e) < 0))
			return -1;
	}
	/* last: libvirtd takes this file for the sign that all are there */
	return site_put(path_of(PATH_PKI_CA_CERT), json_get_str(bundle, "ca"), 0644, e);
}
