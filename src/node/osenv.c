/* The environment of OS scripts, exactly upstream's: see os-interface in the documentation. */
#include "src/node/priv.h"

#include <ctype.h>

static void add_params(struct env_list *l, const json *params, const json *hidden_by)
{
	json_each(params, name, v) {
		char *key;

		if (json_has(hidden_by, name))
			continue;
		key = str_upper(l->a, name);
		for (char *p = key; *p; p++)
			if (*p == '-')
				*p = '_';
		env_add(l, arena_printf(l->a, "OSP_%s", key), "%s", py_str(l->a, v));
	}
}

struct env_list os_core_env(struct arena *a, const struct os_def *os, const char *os_name,
			    const json *params, const json *more, int64_t debug)
{
	struct env_list l = { .a = a };
	const char *variant = "";

	if (os->api >= 15 && os->variants.n) {
		variant = os_variant(a, os_name);
		if (!*variant)
			variant = os->variants.v[0];
	}
	env_add(&l, "OS_API_VERSION", "%lld", (long long)os->api);
	env_add(&l, "OS_NAME", "%s", os->name);
	env_add(&l, "DEBUG_LEVEL", "%lld", (long long)debug);
	env_add(&l, "OS_VARIANT", "%s", variant);
	add_params(&l, params, more);
	add_params(&l, more, NULL);
	env_add(&l, "PATH", "%s", SCRIPT_PATH);
	return l;
}

static void add_basics(struct env_list *l, const struct node_instance *i)
{
	static const char *const attrs[] = { "name", "os", "uuid", "ctime", "mtime",
					     "primary_node" };
	const json *dict = i->hv->dict;
	struct strs secondaries = json_strs(l->a, json_get(dict, "secondary_nodes"));

	for (size_t k = 0; k < ARRAY_SIZE(attrs); k++)
		env_add(l, arena_printf(l->a, "INSTANCE_%s", str_upper(l->a, attrs[k])), "%s",
			py_str(l->a, json_get(dict, attrs[k])));
	env_add(l, "HYPERVISOR", "%s", enum_name(&enum_hypervisor, (int)i->hv->hypervisor));
	env_add(l, "DISK_COUNT", "%zu", json_len(i->disks));
	env_add(l, "NIC_COUNT", "%zu", json_len(i->hv->nics_json));
	env_add(l, "INSTANCE_SECONDARY_NODES", "%s", strs_join(l->a, &secondaries, " "));
}

static const char *backend_type(struct arena *a, const struct disk *d)
{
	switch (d->dev_type) {
	case disk_template_file:
	case disk_template_sharedfile:
	case disk_template_gluster:
		return arena_printf(a, "file:%s", py_str(a, json_at(d->logical_id, 0)));
	case disk_template_diskless:
		return NULL;
	default:
		return "block";
	}
}

static int add_disk(struct env_list *l, const struct node_instance *i, size_t idx, json *dict,
		    struct err *e)
{
	struct arena *a = l->a;
	struct bdev_status st;
	struct disk *d;
	int found = disk_find(a, dict, &st, e);
	const char *backend;

#define KEY(name) arena_printf(a, "DISK_%zu_" name, idx)
	if (found < 0)
		return fail_unexpected(e);
	if (!found)
		return err_plain(e, "Block device '%s' is not set up", bdev_disk_text(a, dict));
	TRY(bdev_disk(a, dict, &d, e));
	env_add(l, KEY("ACCESS"), "%s", enum_name(&enum_disk_mode, (int)d->mode));
	env_add(l, KEY("UUID"), "%s", d->uuid ? d->uuid : "None");
	env_add(l, KEY("SIZE"), "%lld", (long long)d->size);
	if (st.path)
		env_add(l, KEY("PATH"), "%s", st.path);
	if (d->name && *d->name)
		env_add(l, KEY("NAME"), "%s", d->name);
	if (json_has(i->hv->hvparams, "disk_type"))
		env_add(l, KEY("FRONTEND_TYPE"), "%s",
			py_str(a, json_get(i->hv->hvparams, "disk_type")));
	backend = backend_type(a, d);
	if (backend)
		env_add(l, KEY("BACKEND_TYPE"), "%s", backend);
#undef KEY
	return 0;
}

/* VALUE unless it is null or empty. */
static void add_set(struct env_list *l, size_t idx, const char *name, const json *value)
{
	const char *s = value ? py_str(l->a, value) : "";

	if (*s)
		env_add(l, arena_printf(l->a, "NIC_%zu_%s", idx, name), "%s", s);
}

static void add_network(struct env_list *l, size_t idx, const json *net)
{
	static const struct {
		const char *name, *key;
	} more[] = { { "NETWORK_SUBNET", "network" },	{ "NETWORK_GATEWAY", "gateway" },
		     { "NETWORK_SUBNET6", "network6" }, { "NETWORK_GATEWAY6", "gateway6" },
		     { "NETWORK_MAC_PREFIX", "mac_prefix" } };
	struct strs tags = json_strs(l->a, json_get(net, "tags"));

#define KEY(name) arena_printf(l->a, "NIC_%zu_" name, idx)
	env_add(l, KEY("NETWORK_NAME"), "%s", py_str(l->a, json_get(net, "name")));
	env_add(l, KEY("NETWORK_UUID"), "%s", py_str(l->a, json_get(net, "uuid")));
	env_add(l, KEY("NETWORK_TAGS"), "%s", strs_join(l->a, &tags, " "));
	for (size_t i = 0; i < ARRAY_SIZE(more); i++)
		add_set(l, idx, more[i].name, json_get(net, more[i].key));
#undef KEY
}

static void add_nic(struct env_list *l, const struct node_instance *i, size_t idx, const json *nic)
{
	const json *params = json_get(nic, "nicparams"), *mode = json_get(params, "mode");

#define KEY(name) arena_printf(l->a, "NIC_%zu_" name, idx)
	env_add(l, KEY("MAC"), "%s", py_str(l->a, json_get(nic, "mac")));
	env_add(l, KEY("UUID"), "%s", py_str(l->a, json_get(nic, "uuid")));
	add_set(l, idx, "NAME", json_get(nic, "name"));
	add_set(l, idx, "IP", json_get(nic, "ip"));
	env_add(l, KEY("MODE"), "%s", py_str(l->a, mode));
	if (str_eq(json_str(mode), enum_name(&enum_nic_mode, nic_mode_bridged)))
		env_add(l, KEY("BRIDGE"), "%s", py_str(l->a, json_get(params, "link")));
	add_set(l, idx, "LINK", json_get(params, "link"));
	if (json_len(json_get(nic, "netinfo")))
		add_network(l, idx, json_get(nic, "netinfo"));
	if (json_has(i->hv->hvparams, "nic_type"))
		env_add(l, KEY("FRONTEND_TYPE"), "%s",
			py_str(l->a, json_get(i->hv->hvparams, "nic_type")));
#undef KEY
}

int os_instance_env(struct arena *a, const struct os_def *os, const struct node_instance *i,
		    int64_t debug, struct env_list *ret, struct err *e)
{
	const json *dict = i->hv->dict;
	struct env_list l = os_core_env(a, os, i->hv->os, json_get(dict, "osparams"),
					json_get(dict, "osparams_private"), debug);

	add_basics(&l, i);
	json_items(i->disks, idx, d)
		TRY(add_disk(&l, i, idx, d, e));
	json_items(i->hv->nics_json, idx, nic)
		add_nic(&l, i, idx, nic);
	json_each(json_get(dict, "beparams"), key, v)
		env_add(&l, arena_printf(a, "INSTANCE_BE_%s", key), "%s", py_str(a, v));
	json_each(i->hv->hvparams, key, v)
		env_add(&l, arena_printf(a, "INSTANCE_HV_%s", key), "%s", py_str(a, v));
	*ret = l;
	return 0;
}
