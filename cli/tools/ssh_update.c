/*
 * ssh-update: changes root's authorized_keys and the list of public keys of this node as the master says
 * (upstream: tools/ssh_update.py).
 */
#include "cli/tools/node_tool.h"

/* All keys of {node: [key, ...]}. */
static struct strs flat(struct arena *a, const json *keys)
{
	struct strs all = { 0 };

	json_each(keys, node, list) {
		struct strs l = json_strs(a, list);

		(void)node;
		for (size_t i = 0; i < l.n; i++)
			strs_add(a, &all, l.v[i]);
	}
	return all;
}

static int update_authorized(struct node_tool *t, struct err *e)
{
	const json *what = json_get(t->data, "authorized_keys");
	const char *action = json_str(json_at(what, 0));
	struct strs keys = flat(t->a, json_at(what, 1));

	if (!what)
		return 0;
	if (!str_eq(action, "add") && !str_eq(action, "remove"))
		return err_plain(e, "Action '%s' not implemented for authorized keys.",
				 action ? action : "");
	return t->dry_run ? 0 : sshkeys_authorize(&keys, str_eq(action, "add"), e);
}

/* Put, replace or remove the keys of the nodes in GIVEN. */
static void merge(json *all, const char *action, const json *given)
{
	json_each(given, node, list) {
		if (str_eq(action, "add")) {
			json *known = json_get(all, node);

			if (!known)
				json_set(all, node, known = json_new_array());
			json_items(list, i, key)
				json_append(known, json_ref(key));
		} else if (str_eq(action, "replace_or_add")) {
			json_set(all, node, json_ref(list));
		} else {
			json_del(all, node);
		}
	}
}

static int update_public(struct node_tool *t, struct err *e)
{
	const json *what = json_get(t->data, "public_keys"), *given = json_at(what, 1);
	const char *action = json_str(json_at(what, 0));
	int lock CLEANUP(closep) = -1;
	json *all;

	if (!what)
		return 0;
	lock = sshkeys_lock(e);
	if (lock < 0 || sshkeys_read(t->a, &all, e) < 0)
		return -1;
	if (str_eq(action, "override"))
		all = json_own(t->a, json_clone(given));
	else if (str_eq(action, "clear"))
		all = json_own(t->a, json_new_dict());
	else if (str_eq(action, "add") || str_eq(action, "replace_or_add") ||
		 str_eq(action, "remove"))
		merge(all, action, given);
	else
		return err_plain(e, "Action '%s' not implemented for public keys.",
				 action ? action : "");
	return t->dry_run ? 0 : sshkeys_write(all, e);
}

static int run(struct node_tool *t, struct err *e)
{
	TRY(node_tool_check_cluster(t, e));
	if (json_has(t->data, "generate"))
		return err_plain(e, "This version cannot make new keys on request");
	TRY(update_authorized(t, e));
	return update_public(t, e);
}

int main(int argc, char **argv)
{
	return node_tool_main(argc, argv, "ssh-update", run);
}
