#include "tests/harness/confkit.h"

#include <stdio.h>
#include <string.h>

#include "lib/sys/sys.h"

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	abort();
}

static void uuid_text(char *buf, size_t n, int kind, int i)
{
	snprintf(buf, n, "%08d-0000-4000-8000-%012d", kind, i);
}

json *confkit_data(int nodes)
{
	json *all = json_new_dict();
	json *data = json_pack(
		"{s:i, s:i, s:{s:s, s:i, s:s, s:s, s:s, s:i, s:s, s:[s,s], s:[s,s,s,s], s:s, s:s},"
		" s:o, s:{s:{s:s, s:s, s:i}}}",
		"version", CONFIG_VERSION, "serial_no", 1, "cluster", "uuid", KIT_CLUSTER,
		"serial_no", 1, "cluster_name", "cl.example.com", "master_ip", "192.0.2.250",
		"master_netdev", "lo", "master_netmask", 32, "master_node",
		"00000009-0000-4000-8000-000000000001", "enabled_hypervisors", "fake", "kvm",
		"enabled_disk_templates", "diskless", "file", "sharedfile", "drbd",
		"file_storage_dir", "/srv/ganeti/file-storage", "shared_file_storage_dir",
		"/srv/ganeti/shared-file-storage", "nodes", all, "nodegroups", KIT_GROUP, "uuid",
		KIT_GROUP, "name", "default", "serial_no", 1);

	for (int i = 1; i <= nodes; i++) {
		char uuid[64], name[64], ip[64];

		uuid_text(uuid, sizeof(uuid), 9, i);
		snprintf(name, sizeof(name), "node%d.example.com", i);
		snprintf(ip, sizeof(ip), "192.0.%d.%d", 2 + i / 200, i % 200);
		json_set(all, uuid,
			 json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:b, s:i}", "uuid", uuid,
				   "name", name, "primary_ip", ip, "secondary_ip", ip, "group",
				   KIT_GROUP, "master_candidate", i <= 10, "offline", 0, "drained",
				   0, "serial_no", 1));
	}
	return data;
}

void confkit_from(struct confkit *k, const json *data)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;

	*k = (struct confkit){ .a = arena_new() };
	snprintf(k->dir, sizeof(k->dir), "/tmp/confkit-XXXXXX");
	if (!mkdtemp(k->dir))
		die("mkdtemp failed");
	k->path = xasprintf("%s/config.db", k->dir);
	if (config_create(k->path, data, &e) < 0 || config_open(k->path, DB_WRITE, &k->c, &e) < 0)
		die("%s", err_msg(&e));
}

void confkit_new(struct confkit *k, int nodes)
{
	json *data CLEANUP(json_putp) = confkit_data(nodes);

	confkit_from(k, data);
}

void confkit_free(struct confkit *k)
{
	config_close(k->c);
	free(k->path);
	arena_free(k->a);
	fs_remove_tree(k->dir);
}

const char *confkit_uuid(struct confkit *k, int kind, int i)
{
	char buf[64];

	uuid_text(buf, sizeof(buf), kind, i);
	return arena_strdup(k->a, buf);
}

const char *confkit_node(struct confkit *k, int i)
{
	return confkit_uuid(k, 9, i);
}

json *confkit_json(struct confkit *k, const char *fmt, ...)
{
	struct err e CLEANUP(err_clear) = ERR_NONE;
	json *j = NULL;
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = arena_vprintf(k->a, fmt, ap);
	va_end(ap);
	for (char *p = s; *p; p++)
		if (*p == '\'')
			*p = '"';
	if (json_parse(s, strlen(s), &j, &e) < 0)
		die("%s: %s", s, err_msg(&e));
	return json_own(k->a, j);
}

void confkit_change(json *changes, const char *action, const char *kind, json *what)
{
	json_append(changes, json_pack("[s, s, O]", action, kind, what));
}

json *confkit_instance(struct confkit *k, int n, int node)
{
	return confkit_json(k,
			    "{'name': 'inst%d.example.com', 'uuid': '%s', 'primary_node': '%s',"
			    " 'os': 'noop', 'hypervisor': 'fake', 'admin_state': 'down',"
			    " 'nics': [{'mac': 'aa:00:00:%02x:%02x:%02x', 'uuid': '%s'}],"
			    " 'disks': [], 'tags': []}",
			    n, confkit_uuid(k, 7, n), confkit_node(k, node), n >> 16 & 255,
			    n >> 8 & 255, n & 255, confkit_uuid(k, 6, n));
}

json *confkit_disk(struct confkit *k, int n, int node)
{
	return confkit_json(k,
			    "{'uuid': '%s', 'dev_type': 'file', 'size': 1024, 'iv_name': 'disk/0',"
			    " 'logical_id': ['loop', '/srv/ganeti/file-storage/d%d'],"
			    " 'nodes': ['%s']}",
			    confkit_uuid(k, 8, n), n, confkit_node(k, node));
}
