/*
 * node-daemon-setup: certificates and ssconf files of the cluster that this node joins, then the node agent
 * (upstream: tools/node_daemon_setup.py).
 */
#include "cli/tools/node_tool.h"

#include <string.h>

static int write_ssconf(struct node_tool *t, struct err *e)
{
	const json *values = json_get(t->data, "ssconf");
	const char *name, *given = json_get_str(values, ssconf_name(SSCONF_cluster_name));

	TRY(node_tool_text(t, "cluster_name", &name, e));
	if (!str_eq(given, name))
		return err_plain(e, "The ssconf files are of cluster '%s'", given ? given : "");
	return ssconf_write(values, t->dry_run, e);
}

static int write_files(struct node_tool *t, struct err *e)
{
	struct site_join_files f = { .virt = json_get(t->data, "virt_certificates") };

	TRY(node_tool_text(t, "node_daemon_certificate", &f.cluster_cert, e));
	TRY(node_tool_text(t, "hmac_key", &f.hmac_key, e));
	TRY(node_tool_text(t, "node_name", &f.node_name, e));
	return site_write_join_files(&f, e);
}

/* libvirtd takes its time to come back; the node agent need not wait for it. */
static int start_all(struct node_tool *t, struct err *e)
{
	struct site_aside libvirt CLEANUP(site_aside_drop) = { 0 };
	json *nothing CLEANUP(json_putp) = NULL;

	if (json_get(t->data, "virt_certificates"))
		TRY(site_aside_start(json_pack("{s:b}", "install", 1), &libvirt, e));
	if (json_get_bool(t->data, "start_node_daemon", false))
		TRY(site_daemon("start", "ganeti-noded", e));
	return libvirt.pid ? site_aside_wait(&libvirt, &nothing, e) : 0;
}

static int run(struct node_tool *t, struct err *e)
{
	TRY(node_tool_check_cluster(t, e));
	if (t->dry_run)
		return write_ssconf(t, e);
	/* what still runs may use files that are replaced now */
	TRY(site_daemon("stop-all", NULL, e));
	TRY(env_ensure_dirs(e));
	TRY(write_ssconf(t, e));
	TRY(write_files(t, e));
	TRY(env_ensure_dirs(e));
	return start_all(t, e);
}

int main(int argc, char **argv)
{
	return node_tool_main(argc, argv, "node-daemon-setup", run);
}
