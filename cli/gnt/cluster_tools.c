/* gnt-cluster: rename, master-failover, verify-disks, watcher, renew-crypto, upgrade, show-ispecs-cmd. */
#include "cli/gnt/gnt.h"

#include "lib/base/clock.h"
#include "lib/base/parse.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define NODE_TEXT_MAX 400 /* last bytes of what a node said */
#define FILE_MAX (1u << 20)

int cmd_cluster_rename(struct cli *c, struct err *e)
{
	json *op = op_new(c, OP_cluster_rename), *result = NULL;
	const char *old, *name = c->args.v[0];

	TRY(cli_cluster_name(c, &old, e));
	if (!cli_flag(c, "force") &&
	    !ui_confirm(arena_printf(c->a,
				     "This will rename the cluster from '%s' to '%s'. If you are connected "
				     "over the network to the cluster name, the operation is very dangerous "
				     "as the IP address will be removed from the node and the change may "
				     "not go through. Continue?",
				     old, name)))
		return EXIT_FAILURE;
	op_set(op, "name", json_new_str(name));
	TRY(cli_exec(c, op, &result, e));
	if (json_str(result) && *json_str(result))
		cli_out("Cluster renamed from '%s' to '%s'", old, json_str(result));
	return EXIT_SUCCESS;
}

int cmd_cluster_show_ispecs_cmd(struct cli *c, struct err *e)
{
	json *info;

	TRY(cli_call(c, LUXI_QueryClusterInfo, json_new_array(), &info, e));
	cli_out("gnt-cluster init%s %s", ispecs_options(c, json_get(info, "ipolicy"), true),
		json_get_str(info, "name"));
	return EXIT_SUCCESS;
}

/* --- watcher --- */

static void show_pause(const json *until)
{
	struct str s CLEANUP(str_free) = { 0 };
	double when = json_float(until, 0);

	if (when < clock_real()) {
		cli_out("The watcher is not paused.");
		return;
	}
	ui_ctime(&s, when);
	cli_out("The watcher is paused until %s.", str_get(&s));
}

int cmd_cluster_watcher(struct cli *c, struct err *e)
{
	const char *what = c->args.v[0];
	int64_t seconds;
	json *answer;

	if (strcmp(what, "continue") == 0) {
		TRY(cli_call(c, LUXI_SetWatcherPause, json_pack("[n]"), NULL, e));
		cli_out("The watcher is no longer paused.");
		return EXIT_SUCCESS;
	}
	if (strcmp(what, "pause") == 0) {
		if (c->args.n < 2)
			return err_set(e, ERR_PREREQ, ECODE_INVAL, "Missing pause duration");
		TRY(params_timespec(c->args.v[1], &seconds, e));
		TRY(cli_call(c, LUXI_SetWatcherPause, json_pack("[f]", clock_real() + (double)seconds),
			     &answer, e));
		show_pause(answer);
		return EXIT_SUCCESS;
	}
	if (strcmp(what, "info") != 0)
		return err_set(e, ERR_PREREQ, ECODE_INVAL, "Command '%s' is not valid.", what);
	TRY(cli_call(c, LUXI_QueryConfigValues, json_pack("[[s]]", "watcher_pause"), &answer, e));
	show_pause(json_at(answer, 0));
	return EXIT_SUCCESS;
}

/* --- verify-disks --- */

/* Returns the exit code of the attempt. */
static int activate(struct cli *c, const char *name)
{
	struct err why CLEANUP(err_clear) = ERR_NONE;
	struct str s CLEANUP(str_free) = { 0 };
	json *op = op_new(c, OP_instance_activate_disks);
	int code;

	op_set(op, "instance_name", json_new_str(name));
	cli_out("Activating disks for instance '%s'", name);
	if (cli_exec(c, op, NULL, &why) == 0)
		return EXIT_SUCCESS;
	code = cli_format_error(&why, &s);
	cli_warn("Error activating disks for instance %s: %s", name, str_get(&s));
	return code;
}

static int by_node_and_volume(const void *a, const void *b)
{
	const json *const *x = a, *const *y = b;

	for (size_t i = 0; i < 2; i++) {
		const char *s = json_str(json_at(*x, i)), *t = json_str(json_at(*y, i));
		int r = strcmp(s ? s : "", t ? t : "");

		if (r)
			return r;
	}
	return 0;
}

/* VOLUMES: [[node, volume], ...] that are missing. */
static void print_missing(struct cli *c, const char *name, const json *volumes, const json *bad_nodes)
{
	size_t n = json_len(volumes), broken = 0;
	const json **v = ARENA_ARRAY(c->a, const json *, n + 1);

	for (size_t i = 0; i < n; i++) {
		const char *node = json_str(json_at(json_at(volumes, i), 0));

		v[i] = json_at(volumes, i);
		broken += node && json_has(bad_nodes, node);
	}
	if (broken == n) {
		cli_out("Instance %s cannot be verified as it lives on broken nodes", name);
		return;
	}
	cli_out("Instance %s has missing logical volumes:", name);
	qsort(v, n, sizeof(*v), by_node_and_volume);
	for (size_t i = 0; i < n; i++) {
		const char *node = json_str(json_at(v[i], 0)), *volume = json_str(json_at(v[i], 1));

		cli_out("\t%s%s /dev/%s", node && json_has(bad_nodes, node) ? "broken node " : "",
			node ? node : "", volume ? volume : "");
	}
}

/* What one group's job found: [nodes that failed, instances to activate, missing volumes by instance]. */
static int report(struct cli *c, const json *found)
{
	const json *bad_nodes = json_at(found, 0), *inactive = json_at(found, 1), *missing = json_at(found, 2);
	int code = EXIT_SUCCESS;

	json_each(bad_nodes, node, text) {
		const char *s = json_str(text) ? json_str(text) : "";
		size_t n = strlen(s);

		cli_out("Error gathering data on node %s: %s", node,
			cli_safe(c->a, n > NODE_TEXT_MAX ? s + n - NODE_TEXT_MAX : s));
		cli_out("You need to fix these nodes first before fixing instances");
		code = EXIT_FAILURE;
	}
	json_items(inactive, i, name)
		if (json_str(name) && !json_has(missing, json_str(name)))
			code |= activate(c, json_str(name));
	json_each(missing, name, volumes)
		print_missing(c, name, volumes, bad_nodes);
	if (json_len(missing)) {
		cli_out("You need to replace or recreate disks for all the above instances if this message "
			"persists after fixing broken nodes.");
		code = EXIT_FAILURE;
	} else if (!json_len(inactive)) {
		cli_out("No disks need to be activated.");
	}
	return code;
}

int cmd_cluster_verify_disks(struct cli *c, struct err *e)
{
	json *op = op_new(c, OP_cluster_verify_disks), *result;
	struct jobs *jobs = jobs_new(c, true);
	struct job_result *results;
	int code = EXIT_SUCCESS;
	size_t n;

	op_from_opts(c, op);
	op_set(op, "is_strict", json_new_bool(!cli_flag(c, "no_strict")));
	TRY(cli_exec(c, op, &result, e));
	jobs_add_ids(jobs, json_get(result, "jobs"));
	TRY(jobs_wait(jobs, &results, &n, e));
	for (size_t i = 0; i < n; i++) {
		if (results[i].ok)
			code |= report(c, json_at(results[i].results, 0));
		else
			cli_out("Job failed: %s", results[i].error ? results[i].error : "");
	}
	return code;
}

/* --- master-failover --- */

/* This node has to be a candidate and not the master yet. */
static int check_heir(struct cli *c, struct err *e)
{
	struct strs candidates = { 0 }, others = { 0 };
	const char *master, *me;

	TRY(ssconf_master(c->a, &master, &me, e));
	if (str_eq(master, me))
		return err_set(e, ERR_PREREQ, ECODE_INVAL,
			       "This commands must be run on the node where you want the new master to be. "
			       "%s is already the master",
			       master);
	TRY(ssconf_read_lines(c->a, SSCONF_master_candidates, &candidates, e));
	if (strs_has(&candidates, me))
		return 0;
	for (size_t i = 0; i < candidates.n; i++)
		if (strcmp(candidates.v[i], master) != 0)
			strs_add(c->a, &others, candidates.v[i]);
	return err_set(e, ERR_PREREQ, ECODE_STATE,
		       "This node is not among the nodes marked as master candidates. Only these nodes can "
		       "become masters. Current list of master candidates is:\n%s",
		       strs_join(c->a, &others, "\n"));
}

int cmd_cluster_master_failover(struct cli *c, struct err *e)
{
	bool no_voting = cli_flag(c, "no_voting"), ignore = str_eq(cli_str(c, "ignore_offline_voters"), "true");
	int r;

	if (no_voting && !cli_flag(c, "yes_do_it") &&
	    !ui_confirm("This will perform the failover even if most other nodes are down, or if this node is "
			"outdated. This is dangerous as it can lead to a non-consistent cluster. Check the "
			"gnt-cluster(8) man page before proceeding. Continue?"))
		return EXIT_FAILURE;
	TRY(check_heir(c, e));
	r = cli_site(c, "failover",
		     json_pack("{s:b, s:b}", "no_voting", (int)no_voting, "ignore_offline", (int)ignore), e);
	return r < 0 ? -1 : r ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* --- renew-crypto --- */

static bool crypto_options_fit(const struct cli *c)
{
	bool cert = cli_str(c, "spice_cert") != NULL, ca = cli_str(c, "spice_cacert") != NULL;

	if (cli_flag(c, "new_rapi_cert") && cli_str(c, "rapi_cert"))
		cli_warn("Only one of the --new-rapi-certificate and --rapi-certificate options can be "
			 "specified at the same time.");
	else if (cli_flag(c, "new_cluster_domain_secret") && cli_str(c, "cluster_domain_secret"))
		cli_warn("Only one of the --new-cluster-domain-secret and --cluster-domain-secret options "
			 "can be specified at the same time.");
	else if (cli_flag(c, "new_spice_cert") && (cert || ca))
		cli_warn("When using --new-spice-certificate, the --spice-certificate and "
			 "--spice-ca-certificate must not be used.");
	else if (cert != ca)
		cli_warn("Both --spice-certificate and --spice-ca-certificate must be specified.");
	else
		return true;
	return false;
}

/* Files given have to be readable. */
static bool crypto_files_there(struct cli *c)
{
	static const char *const files[] = { "rapi_cert", "spice_cert", "spice_cacert",
					     "cluster_domain_secret" };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		const char *file = cli_str(c, files[i]);
		struct str s CLEANUP(str_free) = { 0 };
		char *text CLEANUP(freep) = NULL;
		size_t n;
		int r = file ? fs_read(file, FILE_MAX, &text, &n) : 0;

		if (r >= 0)
			continue;
		/* as Python words it */
		str_addf(&s, "[Errno %d] %s: ", -r, strerror(-r));
		ui_repr_str(&s, file);
		if (strcmp(files[i], "cluster_domain_secret") == 0)
			cli_warn("Can't load new cluster domain secret from %s: %s", file, str_get(&s));
		else
			cli_warn("Unable to load X509 certificate from %s: Unable to read certificate: %s",
				 file, str_get(&s));
		return false;
	}
	return true;
}

/* Everything but keys of nodes is replaced while the whole cluster stands still. */
static bool wants_standstill(const struct cli *c)
{
	static const char *const flags[] = { "new_cluster_cert", "new_rapi_cert", "new_spice_cert",
					     "new_confd_hmac_key", "new_cluster_domain_secret",
					     "new_node_cert" };
	static const char *const files[] = { "rapi_cert", "spice_cert", "cluster_domain_secret" };

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (cli_flag(c, flags[i]))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (cli_str(c, files[i]))
			return true;
	return false;
}

int cmd_cluster_renew_crypto(struct cli *c, struct err *e)
{
	json *op;

	cli_out("Updating certificates now. Running \"gnt-cluster verify\"  is recommended after this "
		"operation.");
	if (!crypto_options_fit(c) || !crypto_files_there(c))
		return EXIT_FAILURE;
	if (!cli_flag(c, "force") &&
	    !ui_confirm("This requires all daemons on all nodes to be restarted and may take some time. "
			"Continue?"))
		return EXIT_FAILURE;
	if (wants_standstill(c))
		return err_set(e, ERR_PREREQ, ECODE_ENVIRON,
			       "This version cannot replace certificates and secrets of a running cluster "
			       "yet; nothing was changed");
	if (cli_flag(c, "new_ssh_keys")) {
		op = op_new(c, OP_cluster_renew_crypto);
		op_set_ref(op, "ssh_key_type", cli_opt(c, "ssh_key_type"));
		op_set_ref(op, "ssh_key_bits", cli_opt(c, "ssh_key_bits"));
		op_set(op, "renew_ssh_keys", json_new_bool(true));
		TRY(cli_exec(c, op, NULL, e));
	}
	cli_out("All requested certificates and keys have been replaced. Running \"gnt-cluster verify\" now "
		"is recommended.");
	return EXIT_SUCCESS;
}

/* --- upgrade --- */

/* "3.1.0" or "3.1"; what follows does not matter. */
static bool parse_version(const char *text, int64_t v[3])
{
	size_t n = 0;

	v[2] = 0;
	while (n < 3 && isdigit((unsigned char)*text)) {
		v[n] = 0;
		for (; isdigit((unsigned char)*text) && v[n] < 1000000; text++)
			v[n] = v[n] * 10 + (*text - '0');
		n++;
		if (*text != '.' || !isdigit((unsigned char)text[1]))
			break;
		text++;
	}
	return n >= 2;
}

/* Why one cannot go from version HERE to TO by this command; NULL = one can. */
static const char *out_of_range(const int64_t *to, const int64_t *here)
{
	if (to[0] < 2 || (to[0] == 2 && to[1] < 10))
		return "automatic upgrades only supported from 2.10 onwards";
	if (to[0] != here[0] && !(here[0] == 3 && here[1] == 0 && to[0] == 2 && to[1] == 16))
		return "major version up- or downgrades are only supported between 2.16 and 3.0";
	if (to[0] == here[0] && to[1] < here[1] - 1)
		return "can only downgrade one minor version at a time";
	return NULL;
}

/* "old,new,pid" of an upgrade that is going on. */
static bool upgrade_going_on(struct cli *c, const char **ret_from, const char **ret_to)
{
	char *text CLEANUP(freep) = NULL;
	struct strs l;
	size_t n;

	if (fs_read(path_of(PATH_INTENT_TO_UPGRADE), FILE_MAX, &text, &n) < 0)
		return false;
	l = strs_split_esc(c->a, text, ',');
	if (l.n != 3)
		return false;
	*ret_from = l.v[0];
	*ret_to = l.v[1];
	return true;
}

int cmd_cluster_upgrade(struct cli *c, struct err *e)
{
	bool resume = cli_flag(c, "resume");
	const char *to = cli_str(c, "to"), *from, *target, *why;
	int64_t here[3], there[3];

	if (resume == (to != NULL)) {
		cli_warn("Precisely one of the options --to and --resume has to be given");
		return EXIT_FAILURE;
	}
	if (!resume && upgrade_going_on(c, &from, &target)) {
		if (strcmp(target, to) != 0) {
			cli_warn("An upgrade from %s to %s is in progress; use --resume to finish it first",
				 from, target);
			return EXIT_FAILURE;
		}
		cli_warn("An upgrade is already in progress. Target version matches, resuming.");
		resume = true;
	}
	if (resume && !upgrade_going_on(c, &from, &to))
		return EXIT_SUCCESS; /* nothing to go on with */
	if (!parse_version(to, there)) {
		cli_warn("Could not parse version string %s", to);
		return EXIT_FAILURE;
	}
	parse_version(RELEASE_VERSION, here);
	why = out_of_range(there, here);
	if (why) {
		cli_warn("Cannot upgrade to %s: %s", to, why);
		return EXIT_FAILURE;
	}
	return err_set(e, ERR_PREREQ, ECODE_ENVIRON,
		       "This version cannot change the cluster to another version yet; nothing was changed");
}
