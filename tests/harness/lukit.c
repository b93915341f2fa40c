#include "tests/harness/lukit.h"

#include "tests/unit/unit.h"

#include "lib/base/map.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* The wrapped functions are called without a pointer of ours. */
static struct lukit *kit;

struct fault {
	enum rpc rpc;
	const char *node, *msg, *answer;
};
static struct fault faults[16];
static size_t n_faults;
static struct {
	int at, seen;
	enum lukit_how how;
	bool forever;
	const char *dead; /* node */
} nth = { .at = -1 };

int __wrap_wconf_call(struct wconf *w, const char *method, json *args, double timeout, json **ret, struct err *e);
int __wrap_rpc_multi(struct rpc_client *c, struct arena *a, enum rpc rpc, const struct rpc_node *nodes, size_t n,
		     json *args, json **per_node, double timeout, struct rpc_answer **ret, struct err *e);
int __wrap_rpc_call(struct rpc_client *c, struct arena *a, enum rpc rpc, const struct rpc_node *node, json *args,
		    json **ret, struct err *e);
int __wrap_nanosleep(const struct timespec *t, struct timespec *left);

int __wrap_nanosleep(const struct timespec *t, struct timespec *left)
{
	(void)t;
	(void)left;
	return 0;
}

/* --- things on nodes --- */
/* Shared files are the same on all nodes. */
static char *key(const char *kind, const char *node, const char *name)
{
	bool shared = strstr(name, "/shared-file-storage/") != NULL;

	return xasprintf("%s %s %s", kind, shared ? "*" : node, name);
}

static bool has(const char *kind, const char *node, const char *name)
{
	char *k CLEANUP(freep) = key(kind, node, name);

	return map_has(kit->things, k);
}

static void put(const char *kind, const char *node, const char *name)
{
	char *k CLEANUP(freep) = key(kind, node, name);

	map_put(kit->things, k, kit);
}

static void drop(const char *kind, const char *node, const char *name)
{
	char *k CLEANUP(freep) = key(kind, node, name);

	map_del(kit->things, k);
}

void lukit_put(struct lukit *l, const char *kind, const char *node, const char *name)
{
	(void)l;
	put(kind, node, name);
}

int lukit_count(const struct lukit *l, const char *kind, const char *node)
{
	size_t pos = 0;
	const char *k;
	void *v;
	int n = 0;

	while (map_next(l->things, &pos, &k, &v)) {
		const char *rest = k + strlen(kind) + 1;

		if (str_starts(k, kind) && k[strlen(kind)] == ' ' &&
		    (!node || *rest == '*' || (str_starts(rest, node) && rest[strlen(node)] == ' ')))
			n++;
	}
	return n;
}

/* Is anything of KIND below DIR on the node? */
static bool below(const char *kind, const char *node, const char *dir)
{
	char *prefix CLEANUP(freep) = key(kind, node, dir);
	size_t pos = 0;
	const char *k;
	void *v;

	while (map_next(kit->things, &pos, &k, &v))
		if (str_starts(k, prefix) && k[strlen(prefix)] == '/')
			return true;
	return false;
}

/* --- what the nodes do --- */
struct call {
	struct arena *a;
	const char *node;
	json *args;
	json *out;       /* payload, new reference */
	const char *msg; /* failure */
};

static int call_fails(struct call *c, const char *fmt, const char *what)
{
	c->msg = arena_printf(c->a, "%s: %s", fmt, what);
	return -1;
}

static const char *disk_path(const json *disk)
{
	return json_str(json_at(json_get(disk, "logical_id"), 1));
}

static const char *inst_name(const struct call *c, size_t i)
{
	return json_get_str(json_at(c->args, i), "name");
}

static int do_create(struct call *c)
{
	const char *path = disk_path(json_at(c->args, 0)), *slash = strrchr(path, '/');
	char *dir CLEANUP(freep) = xstrndup(path, (size_t)(slash - path));

	if (!has("dir", c->node, dir))
		return call_fails(c, "Can't create block device", "No such file or directory");
	if (has("file", c->node, path))
		return call_fails(c, "Can't create block device", "File exists");
	put("file", c->node, path);
	return 0;
}

static int do_remove(struct call *c)
{
	drop("file", c->node, disk_path(json_at(c->args, 0)));
	return 0;
}

static int do_dir_remove(struct call *c)
{
	const char *dir = json_str(json_at(c->args, 0));

	if (below("file", c->node, dir))
		return call_fails(c, "Cannot remove file storage directory", "Directory not empty");
	drop("dir", c->node, dir);
	return 0;
}

static int do_dir_rename(struct call *c)
{
	const char *from = json_str(json_at(c->args, 0)), *to = json_str(json_at(c->args, 1));
	struct strs names = { NULL, 0 };
	char *prefix CLEANUP(freep) = key("file", c->node, from);
	size_t pos = 0;
	const char *k;
	void *v;

	if (!has("dir", c->node, from))
		return call_fails(c, "Cannot rename", "No such file or directory");
	while (map_next(kit->things, &pos, &k, &v))
		if (str_starts(k, prefix))
			strs_add(c->a, &names, arena_strdup(c->a, k + strlen(prefix)));
	drop("dir", c->node, from);
	put("dir", c->node, to);
	for (size_t i = 0; i < names.n; i++) {
		drop("file", c->node, arena_printf(c->a, "%s%s", from, names.v[i]));
		put("file", c->node, arena_printf(c->a, "%s%s", to, names.v[i]));
	}
	return 0;
}

static int do_rename(struct call *c)
{
	json_items(json_at(c->args, 0), i, pair) {
		const char *from = disk_path(json_at(pair, 0)), *to = json_str(json_at(json_at(pair, 1), 1));

		if (!has("file", c->node, from))
			return call_fails(c, "Can't rename device", "not found");
		drop("file", c->node, from);
		put("file", c->node, to);
	}
	return 0;
}

static int need_file(struct call *c, const json *disk)
{
	return has("file", c->node, disk_path(disk)) ? 0 : call_fails(c, "Can't find device", disk_path(disk));
}

static int do_assemble(struct call *c)
{
	c->out = json_pack("[s, s, n]", "/dev/loop0", "/var/run/ganeti/instance-disks/x:0");
	return need_file(c, json_at(c->args, 0));
}

static int do_need_list(struct call *c)
{
	json_items(json_at(c->args, 1), i, disk)
		if (need_file(c, disk) < 0)
			return -1;
	return 0;
}

static int do_start(struct call *c)
{
	json_items(json_get(json_at(c->args, 0), "disks_info"), i, disk)
		if (need_file(c, disk) < 0)
			return -1;
	put("guest", c->node, inst_name(c, 0));
	return 0;
}

static int do_shutdown(struct call *c)
{
	drop("guest", c->node, inst_name(c, 0));
	return 0;
}

static int do_reboot(struct call *c)
{
	return has("guest", c->node, inst_name(c, 0)) ? 0 : call_fails(c, "Cannot reboot instance", "not running");
}

static int do_info(struct call *c)
{
	const char *name = json_str(json_at(c->args, 0));

	if (has("guest", c->node, name) || has("incoming", c->node, name))
		c->out = json_pack("{s:i, s:i, s:i, s:f}", "memory", 128, "state", 0, "vcpus", 1, "time", 1.0);
	else
		c->out = json_new_dict();
	return 0;
}

static int do_list(struct call *c)
{
	char *prefix CLEANUP(freep) = xasprintf("guest %s ", c->node);
	size_t pos = 0;
	const char *k;
	void *v;

	c->out = json_new_array();
	while (map_next(kit->things, &pos, &k, &v))
		if (str_starts(k, prefix))
			json_append(c->out, json_new_str(k + strlen(prefix)));
	return 0;
}

static int do_node_info(struct call *c)
{
	c->out = json_pack("[s, [], [{s:i, s:i, s:i, s:i, s:i}]]", "boot", "memory_free", 8192, "memory_total", 9000,
			   "memory_dom0", 500, "cpu_total", 4, "cpu_dom0", 1);
	return 0;
}

static int do_accept(struct call *c)
{
	put("incoming", c->node, inst_name(c, 0));
	return 0;
}

/* Peer to peer: when it is over, the guest is on the target and gone from the source. */
static int do_migrate(struct call *c)
{
	const char *name = inst_name(c, 1), *ip = json_str(json_at(c->args, 2));
	const char *to = arena_printf(c->a, "node%s.example.com", strrchr(ip, '.') + 1);

	if (!has("guest", c->node, name) || !has("incoming", to, name))
		return call_fails(c, "Cannot migrate", "not there or not expected");
	drop("guest", c->node, name);
	drop("incoming", to, name);
	put("guest", to, name);
	return 0;
}

static int do_status(struct call *c)
{
	c->out = json_pack("{s:s}", "status", "completed");
	return 0;
}

/* Not successful: what runs here is stopped. */
static int do_finalize_dst(struct call *c)
{
	if (json_boolean(json_at(c->args, 2), false))
		return 0;
	drop("incoming", c->node, inst_name(c, 0));
	drop("guest", c->node, inst_name(c, 0));
	return 0;
}

static int do_hooks(struct call *c)
{
	if (str_eq(json_str(json_at(c->args, 1)), "pre")) {
		json_put(kit->hook_env);
		kit->hook_env = json_ref(json_at(c->args, 2));
	}
	c->out = json_new_array();
	return 0;
}

static int do_true(struct call *c)
{
	c->out = json_new_bool(true);
	return 0;
}

static int do_diagnose(struct call *c)
{
	c->out = json_pack("[[s, s, b, s, [s], [], [i], b]]", "testos", "/srv/ganeti/os/testos", 1, "", "default", 20,
			   1);
	return 0;
}

static int do_dir_create(struct call *c)
{
	put("dir", c->node, json_str(json_at(c->args, 0)));
	return 0;
}

static int do_no_hotplug(struct call *c)
{
	return call_fails(c, "Hotplug is not supported", "Hotplug is not supported by this hypervisor");
}

static int do_console(struct call *c)
{
	c->out = json_new_dict();
	json_each(c->args, name, v) {
		(void)v;
		json_set(c->out, name, json_pack("{s:s, s:s}", "instance", name, "kind", "msg"));
	}
	return 0;
}

static int (*const actions[RPC_COUNT])(struct call *c) = {
	[RPC_accept_instance] = do_accept,
	[RPC_blockdev_assemble] = do_assemble,
	[RPC_blockdev_close] = do_need_list,
	[RPC_blockdev_create] = do_create,
	[RPC_blockdev_open] = do_need_list,
	[RPC_blockdev_remove] = do_remove,
	[RPC_blockdev_rename] = do_rename,
	[RPC_file_storage_dir_create] = do_dir_create,
	[RPC_file_storage_dir_remove] = do_dir_remove,
	[RPC_file_storage_dir_rename] = do_dir_rename,
	[RPC_hooks_runner] = do_hooks,
	[RPC_hotplug_supported] = do_no_hotplug,
	[RPC_instance_console_info] = do_console,
	[RPC_instance_finalize_migration_dst] = do_finalize_dst,
	[RPC_instance_get_migration_status] = do_status,
	[RPC_instance_info] = do_info,
	[RPC_instance_list] = do_list,
	[RPC_instance_migrate] = do_migrate,
	[RPC_instance_reboot] = do_reboot,
	[RPC_instance_shutdown] = do_shutdown,
	[RPC_instance_start] = do_start,
	[RPC_node_info] = do_node_info,
	[RPC_os_diagnose] = do_diagnose,
	[RPC_os_validate] = do_true,
};

/* --- faults --- */
static const struct fault *fault_of(enum rpc rpc, const char *node)
{
	for (size_t i = n_faults; i-- > 0;)
		if (faults[i].rpc == rpc && (!faults[i].node || str_eq(faults[i].node, node)))
			return &faults[i];
	return NULL;
}

static bool hit(const char *node)
{
	bool now = nth.at >= 0 && nth.seen++ == nth.at;

	if (now && nth.forever)
		nth.dead = node;
	return now || (nth.dead && str_eq(nth.dead, node));
}

static void one(struct arena *a, enum rpc rpc, const char *node, json *args, struct rpc_answer *ret)
{
	struct call c = { .a = a, .node = node, .args = args };
	const struct fault *f = fault_of(rpc, node);
	bool lost = hit(node);

	json_append(kit->calls, json_new_str(arena_printf(a, "%s %s", rpc_name(rpc), node)));
	*ret = (struct rpc_answer){ .node = node };
	if (f && f->msg) {
		ret->failed = true;
		ret->error = f->msg;
		return;
	}
	if (f && f->answer)
		json_parse(f->answer, strlen(f->answer), &c.out, NULL);
	else if (actions[rpc] && !(lost && (nth.how == LUKIT_BEFORE || nth.dead)))
		actions[rpc](&c);
	ret->payload = json_own(a, c.out);
	ret->failed = c.msg || lost;
	ret->error = lost ? "Error 7: Failed to connect to node" : c.msg;
}

int __wrap_rpc_multi(struct rpc_client *c, struct arena *a, enum rpc rpc, const struct rpc_node *nodes, size_t n,
		     json *args, json **per_node, double timeout, struct rpc_answer **ret, struct err *e)
{
	struct rpc_answer *v = ARENA_ARRAY(a, struct rpc_answer, n + 1);

	(void)c;
	(void)timeout;
	(void)e;
	(void)per_node; /* no unit of ours sends each node something else */
	json_own(a, args);
	for (size_t i = 0; i < n; i++) {
		if (nodes[i].offline)
			v[i] = (struct rpc_answer){ .node = nodes[i].name, .offline = true,
						    .failed = true, .error = "Node is marked offline" };
		else
			one(a, rpc, nodes[i].name, args, &v[i]);
	}
	*ret = v;
	return 0;
}

int __wrap_rpc_call(struct rpc_client *c, struct arena *a, enum rpc rpc, const struct rpc_node *node, json *args,
		    json **ret, struct err *e)
{
	struct rpc_answer *v;

	if (__wrap_rpc_multi(c, a, rpc, node, 1, args, NULL, 0, &v, e) < 0)
		return -1;
	if (v->failed)
		return err_plain(e, "%s", v->error);
	*ret = v->payload;
	return 0;
}

/* --- the master --- */
static int locked(const json *args, json **ret)
{
	json *names = json_get(args, "names");

	*ret = json_pack("{s:o}", "names", names ? json_ref(names) : json_new_array());
	return 0;
}

static int generate_mac(const json *args, json **ret, struct err *e)
{
	const char *mac;

	if (reserve_mac_generate(kit->reservations, kit->k.c, kit->jobs, json_get_str(args, "prefix"), kit->k.a, &mac,
				 e) < 0)
		return -1;
	*ret = json_pack("{s:s}", "mac", mac);
	return 0;
}

static int take_port(json **ret, struct err *e)
{
	int64_t port;

	if (reserve_port(kit->reservations, kit->k.c, kit->jobs, &port, e) < 0)
		return -1;
	*ret = json_pack("{s:I}", "port", port);
	return 0;
}

static int master(const char *method, const json *args, json **ret, struct err *e)
{
	if (str_eq(method, "log"))
		json_append(kit->log, json_ref(json_get(args, "message")));
	else if (str_eq(method, "lock"))
		return locked(args, ret);
	else if (str_eq(method, "commit"))
		return config_commit(kit->k.c, json_get(args, "changes"), NULL, NULL, NULL, e);
	else if (str_eq(method, "generate_mac"))
		return generate_mac(args, ret, e);
	else if (str_eq(method, "reserve_mac"))
		return reserve_mac(kit->reservations, kit->k.c, kit->jobs, json_get_str(args, "mac"), e);
	else if (str_eq(method, "reserve_ip"))
		return reserve_ip(kit->reservations, kit->k.c, kit->jobs, json_get_str(args, "network"),
				  json_get_str(args, "ip"), e);
	else if (str_eq(method, "reserve_port"))
		return take_port(ret, e);
	else if (str_eq(method, "reserve_name"))
		return reserve_name(kit->reservations, kit->jobs, json_get_str(args, "kind"),
				    json_get_str(args, "name"), e);
	else if (str_eq(method, "submit"))
		json_append(kit->submitted, json_ref(json_get(args, "jobs")));
	return 0;
}

int __wrap_wconf_call(struct wconf *w, const char *method, json *args, double timeout, json **ret, struct err *e)
{
	json *out = NULL;
	int rc;

	(void)w;
	(void)timeout;
	rc = master(method, args, &out, e);
	json_put(args);
	if (ret)
		*ret = out;
	else
		json_put(out);
	return rc;
}

/* --- the kit --- */
static void reset(struct lukit *l)
{
	json_put(l->log);
	json_put(l->calls);
	json_put(l->hook_env);
	json_put(l->submitted);
	l->log = json_new_array();
	l->calls = json_new_array();
	l->submitted = json_new_array();
	l->hook_env = NULL;
}

void lukit_new(struct lukit *l, int nodes)
{
	json *data CLEANUP(json_putp) = confkit_data(nodes);

	*l = (struct lukit){ .things = map_new() };
	confkit_from(&l->k, data);
	/* hundreds of these are made; none has to survive a power failure */
	if (db_exec(config_db(l->k.c), NULL, "PRAGMA synchronous = OFF", "") < 0)
		abort();
	l->reservations = reservations_new();
	kit = l;
	reset(l);
	lukit_fail_none(l);
}

void lukit_free(struct lukit *l)
{
	reset(l);
	json_put(l->log);
	json_put(l->calls);
	json_put(l->submitted);
	map_free(l->things, NULL);
	reservations_free(l->reservations);
	confkit_free(&l->k);
	kit = NULL;
}

static void remove_all(struct snapshot *s, json *changes, enum obj_kind k)
{
	struct strs uuids = snap_uuids(s, k);

	for (size_t i = 0; i < uuids.n; i++)
		json_append(changes, json_pack("[s, s, s]", "remove", obj_kind_name(k), uuids.v[i]));
}

void lukit_clear(struct lukit *l)
{
	struct snapshot *s = NULL;
	json *changes CLEANUP(json_putp) = json_new_array();

	if (snapshot_open(l->k.c, &s, NULL) < 0)
		abort();
	remove_all(s, changes, OBJ_INSTANCE);
	remove_all(s, changes, OBJ_DISK);
	snapshot_free(s);
	if (config_commit(l->k.c, changes, NULL, NULL, NULL, NULL) < 0)
		abort();
	map_free(l->things, NULL);
	l->things = map_new();
	lukit_fail_none(l);
}

int lukit_run(struct lukit *l, const char *op, json **ret, struct err *e)
{
	json *in = confkit_json(&l->k, "%s", op), *out = NULL;
	struct lu_job job = { .config = l->k.c, .rpc = l->rpc, .id = ++l->jobs };
	int rc;

	reset(l);
	nth.seen = 0;
	nth.dead = NULL;
	rc = lu_run(&job, 0, in, &out, e);
	reservations_drop(l->reservations, l->jobs);
	json_own(l->k.a, out);
	if (rc == 0 && ret)
		*ret = out;
	nth.at = -1;
	nth.dead = NULL;
	return rc;
}

void lukit_fail_nth(struct lukit *l, int count, enum lukit_how how, bool forever)
{
	(void)l;
	nth.at = count;
	nth.how = how;
	nth.forever = forever;
}

void lukit_fail(struct lukit *l, enum rpc rpc, const char *node, const char *msg)
{
	(void)l;
	faults[n_faults++] = (struct fault){ .rpc = rpc, .node = node, .msg = msg };
}

void lukit_answer(struct lukit *l, enum rpc rpc, const char *answer)
{
	(void)l;
	faults[n_faults++] = (struct fault){ .rpc = rpc, .answer = answer };
}

void lukit_fail_none(struct lukit *l)
{
	(void)l;
	n_faults = 0;
	nth.at = -1;
	nth.dead = NULL;
}

int lukit_calls(const struct lukit *l)
{
	return (int)json_len(l->calls);
}

bool lukit_logged(const struct lukit *l, const char *text)
{
	json_items(l->log, i, line)
		if (json_str(line) && strstr(json_str(line), text))
			return true;
	return false;
}

json *lukit_instance(struct lukit *l, const char *name)
{
	struct snapshot *s CLEANUP(snapshot_freep) = NULL;
	const struct instance *i;

	if (snapshot_open(l->k.c, &s, NULL) < 0 || snap_find_instance(s, name, &i, NULL) < 0)
		return NULL;
	return json_own(l->k.a, json_clone(snap_json(s, OBJ_INSTANCE, i->uuid)));
}

/* Things of KIND on nodes that NAMES does not list. */
static const char *stray(struct lukit *l, const char *kind, const struct strs *names)
{
	size_t pos = 0;
	const char *k;
	void *v;

	while (map_next(l->things, &pos, &k, &v))
		if (str_starts(k, kind) && !strs_has(names, k))
			return arena_printf(l->k.a, "left behind: %s", k);
	return NULL;
}

static void expect(struct lukit *l, struct strs *names, const char *kind, const char *node, const char *name)
{
	char *k CLEANUP(freep) = key(kind, node, name);

	strs_add(l->k.a, names, arena_strdup(l->k.a, k));
}

const char *lukit_problems(struct lukit *l)
{
	struct snapshot *s CLEANUP(snapshot_freep) = NULL;
	struct strs bad = { NULL, 0 }, files = { NULL, 0 }, dirs = { NULL, 0 }, guests = { NULL, 0 };
	struct strs disks, insts;
	struct err e CLEANUP(err_clear) = ERR_NONE;
	const char *text;

	if (snapshot_open(l->k.c, &s, &e) < 0 || config_verify(s, l->k.a, &bad, &e) < 0)
		return arena_strdup(l->k.a, err_msg(&e));
	if (bad.n)
		return strs_join(l->k.a, &bad, "; ");
	insts = snap_uuids(s, OBJ_INSTANCE);
	for (size_t i = 0; i < insts.n; i++) {
		const struct instance *inst = snap_instance(s, insts.v[i]);
		const char *node = snap_node(s, inst->primary_node)->name;

		expect(l, &guests, "guest", node, inst->name);
		disks = inst->disks;
		for (size_t k = 0; k < disks.n; k++) {
			const char *path = json_str(json_at(snap_disk(s, disks.v[k])->logical_id, 1));

			expect(l, &files, "file", node, path);
			expect(l, &dirs, "dir", node, arena_strndup(l->k.a, path, (size_t)(strrchr(path, '/') - path)));
		}
	}
	disks = snap_uuids(s, OBJ_DISK);
	for (size_t i = 0; i < disks.n; i++) {
		bool used = false;

		for (size_t k = 0; k < insts.n; k++)
			used |= strs_has(&snap_instance(s, insts.v[k])->disks, disks.v[i]);
		if (!used)
			return arena_printf(l->k.a, "disk %s belongs to no instance", disks.v[i]);
	}
	if ((text = stray(l, "file", &files)) || (text = stray(l, "dir", &dirs)) ||
	    (text = stray(l, "guest", &guests)) || (text = stray(l, "incoming", &guests)))
		return text;
	return NULL;
}

/* --- tests --- */
int lukit_setup(void **state)
{
	struct lukit *l = xcalloc(1, sizeof(*l));

	lukit_new(l, 3);
	*state = l;
	return 0;
}

int lukit_teardown(void **state)
{
	lukit_free(*state);
	free(*state);
	return 0;
}

void lukit_must(struct lukit *l, const char *op, json **ret)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;

	if (lukit_run(l, op, ret, &e) < 0)
		fail_msg("%s: %s\n%s", op, err_msg(&e), json_dump_in(l->k.a, l->log));
}

void lukit_must_not(struct lukit *l, const char *op, const char *cls, const char *code, const char *msg)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;

	if (lukit_run(l, op, NULL, &e) == 0)
		fail_msg("succeeded: %s", op);
	assert_string_equal(err_msg(&e), msg);
	assert_string_equal(e.cls, cls);
	if (code)
		assert_string_equal(e.code, code);
}
