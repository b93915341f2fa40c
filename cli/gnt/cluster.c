/* gnt-cluster: versions, queue, verify, destroy, tags. */
#include "cli/gnt/gnt.h"

#include <stdio.h>
#include <string.h>

int cmd_cluster_destroy(struct cli *c, struct err *e)
{
	json *values;
	const char *master;

	if (!cli_flag(c, "yes_do_it")) {
		cli_warn("Destroying a cluster is irreversible. If you really want destroy this "
			 "cluster, supply the --yes-do-it option.");
		return EXIT_FAILURE;
	}
	TRY(cli_call(c, LUXI_QueryConfigValues, json_pack("[[s]]", "master_node"), &values, e));
	master = json_str(json_at(values, 0));
	TRY(cli_exec(c, op_new(c, OP_cluster_destroy), NULL, e));
	/* the master will go away now */
	luxi_closep(&c->luxi);
	TRY(cli_site(c, "destroy", json_pack("{s:s}", "master", master), e));
	return EXIT_SUCCESS;
}

int cmd_cluster_version(struct cli *c, struct err *e)
{
	static const struct {
		const char *title, *key;
	} lines[] = {
		{ "Software version", "software_version" },
		{ "Internode protocol", "protocol_version" },
		{ "Configuration format", "config_version" },
		{ "OS api version", "os_api_version" },
		{ "Export interface", "export_version" },
		{ "VCS version", "vcs_version" },
	};
	json *info, *shown = json_own(c->a, json_new_dict());

	TRY(cli_call(c, LUXI_QueryClusterInfo, json_new_array(), &info, e));
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		const json *v = json_get(info, lines[i].key);
		struct str s CLEANUP(str_free) = { 0 };

		json_set(shown, lines[i].key, json_ref((json *)v));
		ui_text(&s, v);
		if (!cli_flag(c, "json"))
			cli_out("%s: %s", lines[i].title, str_get(&s));
	}
	if (cli_flag(c, "json"))
		cli_json(shown);
	return EXIT_SUCCESS;
}

int cmd_cluster_getmaster(struct cli *c, struct err *e)
{
	const char *master;

	TRY(ssconf_master(c->a, &master, NULL, e));
	cli_out("%s", master);
	return EXIT_SUCCESS;
}

int cmd_cluster_master_ping(struct cli *c, struct err *e)
{
	struct err why CLEANUP(err_clear) = ERR_NONE;

	(void)e;
	return cli_call(c, LUXI_QueryClusterInfo, json_new_array(), NULL, &why) < 0 ? EXIT_FAILURE :
										      EXIT_SUCCESS;
}

int cmd_cluster_queue(struct cli *c, struct err *e)
{
	const char *what = c->args.v[0];
	json *values;

	if (strcmp(what, "drain") == 0 || strcmp(what, "undrain") == 0) {
		TRY(cli_call(c, LUXI_SetDrainFlag, json_pack("[b]", strcmp(what, "drain") == 0),
			     NULL, e));
		return EXIT_SUCCESS;
	}
	if (strcmp(what, "info") != 0)
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "Command '%s' is not valid.", what);
	TRY(cli_call(c, LUXI_QueryConfigValues, json_pack("[[s]]", "drain_flag"), &values, e));
	cli_out("The drain flag is %s", json_boolean(json_at(values, 0), false) ? "set" : "unset");
	return EXIT_SUCCESS;
}

int cmd_cluster_redist_conf(struct cli *c, struct err *e)
{
	json *op, *id;

	if (!cli_flag(c, "yes_do_it"))
		return cli_run_op(c, e);
	op = op_new(c, OP_cluster_redist_conf);
	op_generic(c, op);
	TRY(cli_call(c, LUXI_SubmitJobToDrainedQueue, json_pack("[[O]]", op), &id, e));
	TRY(cli_wait(c, json_int(id, 0), false, NULL, e));
	return EXIT_SUCCESS;
}

static int by_path_and_tag(const void *a, const void *b)
{
	const json *const *x = a, *const *y = b;
	int r = strcmp(json_str(json_at(*x, 0)), json_str(json_at(*y, 0)));

	return r ? r : strcmp(json_str(json_at(*x, 1)), json_str(json_at(*y, 1)));
}

int cmd_cluster_search_tags(struct cli *c, struct err *e)
{
	json *op = op_new(c, OP_tags_search), *found;
	const json **v;
	size_t n;

	op_set(op, "pattern", json_new_str(c->args.v[0]));
	TRY(cli_exec(c, op, &found, e));
	if (cli_flag(c, "json"))
		cli_json(found);
	n = json_len(found);
	if (!n)
		return EXIT_FAILURE;
	v = ARENA_ARRAY(c->a, const json *, n);
	for (size_t i = 0; i < n; i++)
		v[i] = json_at(found, i);
	qsort(v, n, sizeof(*v), by_path_and_tag);
	for (size_t i = 0; i < n && !cli_flag(c, "json"); i++)
		cli_out("%s %s", json_str(json_at(v[i], 0)), json_str(json_at(v[i], 1)));
	return EXIT_SUCCESS;
}

/* The opcode submits more jobs; each must end well and find nothing. */
int cmd_cluster_verify(struct cli *c, struct err *e)
{
	json *op = op_new(c, OP_cluster_verify), *result, *skip = json_new_array();
	struct jobs *jobs = jobs_new(c, true);
	struct job_result *results;
	size_t n, failed = 0, bad = 0;

	op_from_opts(c, op);
	if (cli_flag(c, "skip_nplusone_mem"))
		json_append(skip, json_new_str(enum_name(&enum_verify_optional_checks,
							 verify_optional_checks_nplusone_mem)));
	if (cli_flag(c, "skip_hvparam_assessment"))
		json_append(skip,
			    json_new_str(enum_name(&enum_verify_optional_checks,
						   verify_optional_checks_hvparam_assessment)));
	op_set(op, "skip_checks", skip);
	TRY(cli_exec(c, op, &result, e));
	jobs_add_ids(jobs, json_get(result, "jobs"));
	TRY(jobs_wait(jobs, &results, &n, e));
	for (size_t i = 0; i < n; i++) {
		failed += !results[i].ok;
		bad += !results[i].ok || !json_boolean(json_at(results[i].results, 0), false);
	}
	if (failed)
		cli_out("%zu job(s) failed while verifying the cluster.", failed);
	return bad ? EXIT_FAILURE : EXIT_SUCCESS;
}
