/*
 * Spreading and removing the ssh keys of nodes. Runs on the master: it changes its own files and has
 * the program ssh-update do the same on all other nodes. Upstream: AddNodeSshKey, RemoveNodeSshKey
 */
#include "src/node/priv.h"

#include "lib/base/log.h"

#include <string.h>

#define TRIES 3
#define CERT_MAX (1u << 20)

struct spread {
	struct arena *a;
	const char *cluster, *master;
	struct strs nodes;    /* all others that are online */
	json *base;           /* cluster_name and node_daemon_certificate */
	json *problems;       /* [[node, text], ...], the answer */
};

static int update_error(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int update_error(struct err *e, const char *fmt, ...)
{
	char *text CLEANUP(freep) = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	err_set(e, SshUpdateError, NULL, "%s", text);
	return fail_unexpected(e);
}

/* The cluster's certificate without its key, by which nodes know the cluster. */
static int read_cert(struct arena *a, const char **ret, struct err *e)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----", end[] = "-----END CERTIFICATE-----";
	const char *path = path_of(PATH_NODED_CERT_FILE), *from, *to;
	char *pem CLEANUP(freep) = NULL;
	int r = fs_read(path, CERT_MAX, &pem, NULL);

	if (r < 0)
		return fail_os(e, r, path);
	from = strstr(pem, begin);
	to = from ? strstr(from, end) : NULL;
	if (!to)
		return update_error(e, "No certificate in %s", path);
	*ret = arena_printf(a, "%.*s\n", (int)(to - from + (ptrdiff_t)strlen(end)), from);
	return 0;
}

static int spread_init(struct spread *s, struct arena *a, struct err *e)
{
	struct strs online = { 0 };
	const char *cert = NULL;

	*s = (struct spread){ .a = a, .problems = json_new_array() };
	if (ssconf_read(a, SSCONF_cluster_name, &s->cluster, e) < 0 ||
	    ssconf_master(a, &s->master, NULL, e) < 0 ||
	    ssconf_read_lines(a, SSCONF_online_nodes, &online, e) < 0)
		return fail_unexpected(e);
	TRY(read_cert(a, &cert, e));
	for (size_t i = 0; i < online.n; i++)
		if (!str_eq(online.v[i], s->master))
			strs_add(a, &s->nodes, online.v[i]);
	s->base = json_own(a, json_pack("{s:s, s:s}", "cluster_name", s->cluster,
					"node_daemon_certificate", cert));
	return 0;
}

/* What ssh-update is told: BASE and up to two instructions [action, {uuid: keys}] (taken over). */
static const char *instructions(struct spread *s, json *authorized, json *public)
{
	json *j = json_own(s->a, json_merge(json_new_dict(), s->base));

	if (authorized)
		json_set(j, "authorized_keys", authorized);
	if (public)
		json_set(j, "public_keys", public);
	return json_dump_in(s->a, j);
}

static json *instruction(const char *action, json *keys)
{
	return json_pack("[s, O]", action, keys);
}

/* Run ssh-update; those that failed are tried again. Jobs keep their last problem. */
static void update_nodes(struct spread *s, struct ssh_job *jobs, size_t n)
{
	struct ssh_job *again = ARENA_ARRAY(s->a, struct ssh_job, n);
	size_t *index = ARENA_ARRAY(s->a, size_t, n);
	size_t k = n;

	for (size_t i = 0; i < n; i++) {
		again[i] = jobs[i];
		index[i] = i;
	}
	for (int try = 0; k && try < TRIES; try++) {
		size_t failed = 0;

		ssh_all(s->a, s->cluster, path_of(PATH_SSH_UPDATE), false, again, k);
		for (size_t i = 0; i < k; i++) {
			jobs[index[i]] = again[i];
			if (!again[i].problem)
				continue;
			again[failed] = again[i];
			index[failed++] = index[i];
		}
		k = failed;
	}
}

static void note_problem(struct spread *s, const char *node, const char *text)
{
	log_error("%s", text);
	json_append(s->problems, json_pack("[s, s]", node, text));
}

/* --- adding --- */

/* The node's keys, found under its UUID or (new nodes) its name; from now on under the UUID. */
static json *adopt_keys(json *all, const char *uuid, const char *name)
{
	json *keys = json_get(all, name);

	if (!keys)
		return json_get(all, uuid);
	json_set(all, uuid, json_ref(keys));
	json_del(all, name);
	return json_get(all, uuid);
}

/* Give the list of all keys to the new node. */
static int send_list(struct spread *s, const struct rpc_node_ssh_key_add *args, json *all,
		     struct err *e)
{
	struct ssh_job job = { .node = args->node_name,
			       .input = instructions(s, NULL, instruction("override", all)) };

	update_nodes(s, &job, 1);
	if (!job.problem)
		return 0;
	if (args->to_public_keys) {
		json_del(all, args->node_uuid);
		sshkeys_write(all, NULL);
	}
	return update_error(e, "Updating the ssh key files of node %s failed: %s", job.node,
			    job.problem);
}

/* Tell all other nodes about the keys of the new one. */
static void tell_nodes(struct spread *s, const struct rpc_node_ssh_key_add *args, json *keys)
{
	struct ssh_job *jobs = ARENA_ARRAY(s->a, struct ssh_job, s->nodes.n);
	size_t n = 0;

	for (size_t i = 0; i < s->nodes.n; i++) {
		const char *node = s->nodes.v[i];
		bool keeps_list = strs_has(&args->potential_master_candidates, node);
		json *authorized = args->to_authorized_keys ? instruction("add", keys) : NULL;
		json *public = keeps_list && args->to_public_keys ?
				       instruction("replace_or_add", keys) :
				       NULL;

		if (!authorized && !public)
			continue;
		jobs[n++] = (struct ssh_job){ .node = node,
					      .input = instructions(s, authorized, public) };
	}
	update_nodes(s, jobs, n);
	for (size_t i = 0; i < n; i++)
		if (jobs[i].problem)
			note_problem(s, jobs[i].node,
				     arena_printf(s->a,
						  "When adding the key of node '%s', updating SSH key"
						  " files of node '%s' failed after %d retries. Not"
						  " trying again. Last error was: %s.",
						  args->node_name, jobs[i].node, TRIES,
						  jobs[i].problem));
}

int node_node_ssh_key_add(struct node_ctx *ctx, const struct rpc_node_ssh_key_add *args, json **ret,
			  struct err *e)
{
	int lock CLEANUP(closep) = sshkeys_lock(e);
	json *all, *keys;
	struct spread s;
	struct strs list;

	if (lock < 0)
		return fail_unexpected(e);
	TRY(spread_init(&s, ctx->a, e));
	*ret = s.problems;
	if (sshkeys_read(ctx->a, &all, e) < 0)
		return fail_unexpected(e);
	keys = adopt_keys(all, args->node_uuid, args->node_name);
	if (!keys)
		return update_error(e,
				    "No keys found for the new node '%s' (UUID %s) in the list of"
				    " public SSH keys, neither for the name or the UUID",
				    args->node_name, args->node_uuid);
	if (sshkeys_write(all, e) < 0)
		return fail_unexpected(e);
	list = json_strs(ctx->a, keys);
	/* a node that cannot be reached must not stay behind as one that may log in */
	if (args->get_public_keys)
		TRY(send_list(&s, args, all, e));
	if (args->to_authorized_keys && sshkeys_authorize(&list, true, e) < 0)
		return fail_unexpected(e);
	tell_nodes(&s, args, json_own(ctx->a, json_pack("{s:O}", args->node_uuid, keys)));
	return 0;
}

/* --- removing --- */

/* Take the keys away from all other nodes. */
static void forget_keys(struct spread *s, const struct rpc_node_ssh_key_remove *args, json *gone)
{
	struct ssh_job *jobs = ARENA_ARRAY(s->a, struct ssh_job, s->nodes.n);
	size_t n = 0;

	for (size_t i = 0; i < s->nodes.n; i++) {
		const char *node = s->nodes.v[i];
		bool keeps_list = strs_has(&args->potential_master_candidates, node);
		json *authorized = NULL, *public = NULL;

		if (str_eq(node, args->node_name))
			continue;
		if (args->from_authorized_keys)
			authorized = instruction("remove", gone);
		if (args->from_public_keys && keeps_list)
			public = instruction("remove", gone);
		if (!authorized && !public)
			continue;
		jobs[n++] = (struct ssh_job){ .node = node,
					      .input = instructions(s, authorized, public) };
	}
	update_nodes(s, jobs, n);
	for (size_t i = 0; i < n; i++)
		if (jobs[i].problem)
			note_problem(s, jobs[i].node,
				     arena_printf(s->a,
						  "When removing the key of node '%s', updating the"
						  " SSH key files of node '%s' failed. Last error was:"
						  " %s.",
						  args->node_name, jobs[i].node, jobs[i].problem));
}

/* Take what the leaving node knows of the others. */
static void clear_node(struct spread *s, const struct rpc_node_ssh_key_remove *args,
		       const json *all, json *gone)
{
	json *authorized = NULL, *public = NULL;
	struct ssh_job job = { .node = args->node_name };

	if (args->clear_authorized_keys) {
		json *others = json_own(s->a, json_new_dict());

		for (size_t i = 0; i < args->master_candidate_uuids.n; i++) {
			const char *uuid = args->master_candidate_uuids.v[i];

			if (!str_eq(uuid, args->node_uuid) && json_get(all, uuid))
				json_set(others, uuid, json_ref(json_get(all, uuid)));
		}
		authorized = instruction("remove", others);
	}
	if (args->clear_public_keys)
		public = json_pack("[s, {}]", "clear");
	else if (args->from_public_keys && json_len(gone))
		public = instruction("remove", gone);
	if (!authorized && !public)
		return;
	job.input = instructions(s, authorized, public);
	update_nodes(s, &job, 1);
	if (job.problem)
		note_problem(s, job.node,
			     arena_printf(s->a,
					  "Removing SSH keys from node '%s' failed. This can happen"
					  " when the node is already unreachable. Error: %s",
					  job.node, job.problem));
}

int node_node_ssh_key_remove(struct node_ctx *ctx, const struct rpc_node_ssh_key_remove *args,
			     json **ret, struct err *e)
{
	bool from_any = args->from_authorized_keys || args->from_public_keys;
	int lock CLEANUP(closep) = sshkeys_lock(e);
	json *all, *keys, *gone = json_own(ctx->a, json_new_dict());
	struct spread s;
	struct strs list;

	if (lock < 0)
		return fail_unexpected(e);
	if (!from_any && !args->clear_authorized_keys && !args->clear_public_keys)
		return update_error(e, "No removal from any key file was requested.");
	TRY(spread_init(&s, ctx->a, e));
	*ret = s.problems;
	if (sshkeys_read(ctx->a, &all, e) < 0)
		return fail_unexpected(e);
	keys = json_get(all, args->node_uuid);
	list = json_strs(ctx->a, keys);
	if (from_any && str_eq(args->node_name, s.master))
		return update_error(e, "Cannot remove the master node's keys.");
	if (from_any && !keys && !args->readd)
		return update_error(e,
				    "Node '%s' not found in the list of public SSH keys. It seems"
				    " someone tries to remove a key from outside the cluster!",
				    args->node_uuid);
	if (from_any && keys) {
		json_set(gone, args->node_uuid, json_ref(keys));
		if (args->from_authorized_keys && sshkeys_authorize(&list, false, e) < 0)
			return fail_unexpected(e);
		forget_keys(&s, args, gone);
	}
	clear_node(&s, args, all, gone);
	if (args->from_public_keys && keys) {
		json_del(all, args->node_uuid);
		if (sshkeys_write(all, e) < 0)
			return fail_unexpected(e);
	}
	return 0;
}
