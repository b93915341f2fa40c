/* Which nodes are online, ssh to them; gnt-cluster command and copyfile. */
#include "cli/common/common.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define COMMAND_TIMEOUT (24 * 3600) /* the operator sees it and can interrupt */
#define COPY_TIMEOUT 3600
#define OUTPUT_MAX (16u << 20)

static json *node_filter(const json *nodes, const char *group, bool skip_master)
{
	json *all = json_pack("[s]", "&"), *names = filter_any("name", nodes), *only;

	if (names)
		json_append(all, names);
	if (group)
		json_append(all, json_pack("[s, [s, s, s], [s, s, s]]", "|", "==", "group", group,
					   "==", "group.uuid", group));
	if (skip_master)
		json_append(all, json_pack("[s, [s, s]]", "!", "?", "master"));
	if (json_len(all) > 2)
		return all;
	only = json_ref(json_at(all, 1)); /* NULL when there is no condition */
	json_put(all);
	return only;
}

int nodes_online(struct cli *c, const json *nodes, const char *group, bool skip_master,
		 struct target **ret, size_t *ret_n, struct err *e)
{
	json *result, *rows;
	struct strs skipped = { 0 };
	struct target *v;
	size_t n = 0;

	TRY(cli_call(c, LUXI_Query,
		     json_pack("[s, [s, s, s, s], o]", "node", "name", "offline", "sip",
			       "ndp/ssh_port", node_filter(nodes, group, skip_master)),
		     &result, e));
	rows = json_get(result, "data");
	v = ARENA_ARRAY(c->a, struct target, json_len(rows) + 1);
	json_items(rows, i, row) {
		const char *name = json_str(json_at(json_at(row, 0), 1));

		if (json_boolean(json_at(json_at(row, 1), 1), false)) {
			strs_add(c->a, &skipped, name);
			continue;
		}
		v[n++] = (struct target){ .name = name,
					  .ip = json_str(json_at(json_at(row, 2), 1)),
					  .ssh_port = (int)json_int(json_at(json_at(row, 3), 1), 22) };
	}
	if (skipped.n)
		cli_warn("Note: skipping offline node(s): %s", strs_join(c->a, &skipped, ", "));
	*ret = v;
	*ret_n = n;
	return 0;
}

int cli_cluster_name(struct cli *c, const char **ret, struct err *e)
{
	json *values;

	TRY(cli_call(c, LUXI_QueryConfigValues, json_pack("[[s]]", "cluster_name"), &values, e));
	*ret = json_str(json_at(values, 0));
	return *ret ? 0 : err_set(e, GenericError, NULL, "The cluster has no name");
}

static void ssh_options(struct cli *c, struct strs *argv, const char *cluster, int port, bool quiet)
{
	const char *family = NULL;

	strs_add(c->a, argv, "-oEscapeChar=none");
	strs_add(c->a, argv, "-oHashKnownHosts=no");
	strs_add(c->a, argv,
		 arena_printf(c->a, "-oGlobalKnownHostsFile=%s", path_of(PATH_SSH_KNOWN_HOSTS_FILE)));
	strs_add(c->a, argv, "-oUserKnownHostsFile=/dev/null");
	strs_add(c->a, argv, "-oCheckHostIp=no");
	strs_add(c->a, argv, "-oConnectTimeout=10");
	strs_add(c->a, argv, arena_printf(c->a, "-oHostKeyAlias=%s", cluster));
	if (quiet)
		strs_add(c->a, argv, "-q");
	if (port) /* else as in ssh's own configuration */
		strs_add(c->a, argv, arena_printf(c->a, "-oPort=%d", port));
	strs_add(c->a, argv, "-oBatchMode=yes");
	strs_add(c->a, argv, "-oStrictHostKeyChecking=yes");
	if (ssconf_read(c->a, SSCONF_primary_ip_family, &family, NULL) < 0)
		family = NULL;
	strs_add(c->a, argv, str_eq(family, "10") ? "-6" : "-4");
}

struct strs ssh_command(struct cli *c, const char *cluster, const char *host, int port, bool tty,
			const char *command)
{
	struct strs argv = { 0 };

	strs_add(c->a, &argv, "ssh");
	ssh_options(c, &argv, cluster, port, !tty);
	if (tty) {
		strs_add(c->a, &argv, "-t");
		strs_add(c->a, &argv, "-t");
	}
	strs_add(c->a, &argv, arena_printf(c->a, "root@%s", host));
	strs_add(c->a, &argv, command);
	return argv;
}

static int run(struct cli *c, struct strs argv, double timeout, struct run_result *ret,
	       struct err *e)
{
	strs_add(c->a, &argv, NULL);
	return run_cmd(&(struct run){ .argv = argv.v, .timeout = timeout, .max_output = OUTPUT_MAX },
		       ret, e);
}

static void print_output(struct cli *c, const char *name, const struct run_result *r)
{
	struct strs lines;
	/* both streams, as the operator of a terminal would see them */
	char *output = arena_printf(c->a, "%s%s", r->out, r->err);

	cli_out("------------------------------------------------");
	if (!cli_flag(c, "show_machine_names")) {
		cli_out("node: %s", name);
		cli_out("%s", output);
	} else {
		size_t n = strlen(output);

		if (n && output[n - 1] == '\n')
			output[n - 1] = 0;
		lines = strs_split(c->a, output, '\n');
		for (size_t i = 0; i < lines.n && n; i++)
			cli_out("%s: %s", name, lines.v[i]);
	}
	cli_out("return code = %d", r->status);
}

int cmd_command(struct cli *c, struct err *e)
{
	const char *command = strs_join(c->a, &c->args, " "), *cluster, *master;
	struct target *v, last = { 0 };
	json *values;
	size_t n;

	TRY(nodes_online(c, cli_opt(c, "nodes"), cli_str(c, "group_name"), false, &v, &n, e));
	TRY(cli_call(c, LUXI_QueryConfigValues, json_pack("[[s, s]]", "cluster_name", "master_node"),
		     &values, e));
	cluster = json_str(json_at(values, 0));
	master = json_str(json_at(values, 1));
	for (size_t i = 0; i < n; i++) { /* the master comes last */
		if (!str_eq(v[i].name, master))
			continue;
		last = v[i];
		memmove(v + i, v + i + 1, (n - i - 1) * sizeof(*v));
		v[n - 1] = last;
		break;
	}
	for (size_t i = 0; i < n; i++) {
		struct run_result r CLEANUP(run_result_free) = { 0 };

		TRY(run(c, ssh_command(c, cluster, v[i].name, v[i].ssh_port, false, command),
			COMMAND_TIMEOUT, &r, e));
		if (r.status != 0 || !cli_flag(c, "failure_only"))
			print_output(c, v[i].name, &r);
	}
	return EXIT_SUCCESS;
}

int cmd_copyfile(struct cli *c, struct err *e)
{
	const char *file = c->args.v[0];
	char *cwd CLEANUP(freep) = getcwd(NULL, 0);
	bool secondary = cli_flag(c, "use_replication_network");
	const char *cluster;
	struct target *v;
	size_t n;

	if (*file != '/' && cwd) /* the same place on the nodes; links stay links */
		file = arena_printf(c->a, "%s/%s", cwd, file);
	if (!fs_exists(file))
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "No such filename '%s'", file);
	TRY(cli_cluster_name(c, &cluster, e));
	TRY(nodes_online(c, cli_opt(c, "nodes"), cli_str(c, "group_name"), true, &v, &n, e));
	for (size_t i = 0; i < n; i++) {
		const char *host = secondary ? v[i].ip : v[i].name;
		struct run_result r CLEANUP(run_result_free) = { 0 };
		struct strs argv = { 0 };

		strs_add(c->a, &argv, "scp");
		strs_add(c->a, &argv, "-p");
		ssh_options(c, &argv, cluster, v[i].ssh_port, true);
		strs_add(c->a, &argv, file);
		strs_add(c->a, &argv,
			 arena_printf(c->a, strchr(host, ':') ? "root@[%s]:%s" : "root@%s:%s", host,
				      file));
		TRY(run(c, argv, COPY_TIMEOUT, &r, e));
		if (r.status != 0)
			cli_warn("Copy of file %s to node %s:%d failed", file, host, v[i].ssh_port);
	}
	return EXIT_SUCCESS;
}
