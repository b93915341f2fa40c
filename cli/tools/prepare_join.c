/*
 * prepare-node-join: the ssh server of this node gets the host keys of the cluster, root gets a key of its
 * own, which is printed, and lets the master candidates in (upstream: tools/prepare_node_join.py).
 */
#include "cli/tools/node_tool.h"

#include <stdio.h>

static int run(struct node_tool *t, struct err *e)
{
	struct site_ssh_setup s = {
		.host_keys = json_get(t->data, "ssh_host_key"),
		.authorized_keys = json_get(t->data, "authorized_keys"),
		.key_type = json_get_str(t->data, "ssh_key_type"),
		.key_bits = json_get_int(t->data, "ssh_key_bits", 2048),
		.dry_run = t->dry_run,
	};
	bool changed = false;
	const char *key;

	TRY(node_tool_check_cluster(t, e));
	TRY(site_ssh_setup(&s, t->a, &changed, &key, e));
	if (changed && !t->dry_run)
		TRY(site_daemon("reload-ssh-keys", NULL, e));
	if (key)
		printf("%s\n", str_strip(t->a, key));
	return 0;
}

int main(int argc, char **argv)
{
	return node_tool_main(argc, argv, "prepare-node-join", run);
}
