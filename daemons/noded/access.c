/*
 * Who may call. Every peer has shown a certificate signed by the cluster's own (checked by TLS);
 * only those of master candidates may give orders. While a cluster is being made, or upgraded from
 * a version without client certificates, there is no list of them: then it is the cluster's
 * certificate itself. Upstream: SSLVerifyPeer
 */
#include "daemons/noded/noded.h"

#include "lib/base/log.h"

#include <string.h>

#define CERT_MAX (1u << 20)

static bool is_cluster_cert(struct arena *a, const char *cert_file, const char *digest)
{
	char *pem CLEANUP(freep) = NULL;

	if (fs_read(cert_file, CERT_MAX, &pem, NULL) < 0)
		return false;
	return str_eq(cert_digest(a, pem, NULL), digest);
}

bool noded_may_call(struct arena *a, const char *cert_file, const char *digest)
{
	struct strs lines = { 0 };
	size_t known = 0;

	if (!digest)
		return false;
	ssconf_read_lines(a, SSCONF_master_candidates_certs, &lines, NULL);
	for (size_t i = 0; i < lines.n; i++) {
		const char *eq = strchr(lines.v[i], '=');

		if (!eq)
			continue;
		known++;
		if (str_eq(eq + 1, digest))
			return true;
	}
	if (!known && is_cluster_cert(a, cert_file, digest))
		return true;
	log_warn("Refused a peer with certificate digest %s: it belongs to none of %zu master"
		 " candidates",
		 digest, known);
	return false;
}
