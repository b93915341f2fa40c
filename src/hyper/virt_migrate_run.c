/* What ganeti-virt-migrate does: one transfer, from start to its result file. */
#include "src/hyper/virt.h"

static int transfer(virDomainPtr d, const char *target_ip, bool live, unsigned long bandwidth,
		    unsigned long long downtime, int port, struct err *e)
{
	bool v6 = strchr(target_ip, ':') != NULL;
	char *peer CLEANUP(freep) = xasprintf(v6 ? "qemu+tls://[%s]/system" : "qemu+tls://%s/system",
					      target_ip);
	char *data CLEANUP(freep) = xasprintf(v6 ? "tcp://[%s]:%d" : "tcp://%s:%d", target_ip, port);
	/* UNSAFE: whether the nodes see the same data is ours to know, not libvirt's to guess */
	unsigned int flags = VIR_MIGRATE_PEER2PEER | VIR_MIGRATE_TLS | VIR_MIGRATE_UNSAFE |
			     VIR_MIGRATE_ABORT_ON_ERROR;
	const char *name = virDomainGetName(d); /* now: every call of libvirt forgets the last error */
	virTypedParameterPtr params = NULL;
	int n = 0, max = 0, r;

	if (live)
		flags |= VIR_MIGRATE_LIVE | VIR_MIGRATE_AUTO_CONVERGE;
	virTypedParamsAddString(&params, &n, &max, VIR_MIGRATE_PARAM_URI, data);
	if (bandwidth)
		virTypedParamsAddULLong(&params, &n, &max, VIR_MIGRATE_PARAM_BANDWIDTH, bandwidth);
	if (live && downtime && virDomainMigrateSetMaxDowntime(d, downtime, 0) < 0)
		log_info("can't set the downtime before the migration: %s", virGetLastErrorMessage());
	r = virDomainMigrateToURI3(d, peer, params, (unsigned int)n, flags);
	if (r < 0)
		virt_err(e, "Failed to migrate %s to %s", name, target_ip);
	virTypedParamsFree(params, n);
	return r;
}

/* NAME TARGET-IP live|paused BANDWIDTH DOWNTIME PORT RESULT-FILE */
int virt_migrate_main(int argc, char **argv)
{
	virDomainPtr d CLEANUP(virt_domain_free) = NULL;
	struct err e CLEANUP(err_clear) = ERR_NONE;
	struct fs_attr attr = { .mode = 0644, .uid = (uid_t)-1, .gid = (gid_t)-1 };
	json *result CLEANUP(json_putp) = json_new_dict();
	char *text CLEANUP(freep) = NULL;
	int r = -1;

	if (argc != 8) {
		fprintf(stderr, "ganeti-virt-migrate is run by the node agent only\n");
		return 2;
	}
	if (virt_domain(argv[1], &d, &e) == 0)
		err_plain(&e, "Instance not running, cannot migrate");
	if (d)
		r = transfer(d, argv[2], strcmp(argv[3], "live") == 0,
			     strtoul(argv[4], NULL, 10), strtoull(argv[5], NULL, 10),
			     (int)strtol(argv[6], NULL, 10), &e);
	json_set(result, "error", json_new_str(r < 0 ? err_msg(&e) : NULL));
	text = json_dump(result);
	fs_write_atomic(argv[7], text, strlen(text), &attr);
	return r < 0;
}
