/* gnt-instance info. */
#include "cli/gnt/gnt.h"

#include "lib/base/parse.h"
#include "lib/net/net.h"

#include <string.h>

#define VNC_BASE_PORT 5900

static json *text(struct cli *c, const json *v)
{
	return json_ref(info_text(c, v));
}

/* Two groups of nodes, each a list item of its own. */
static json *nodes(struct cli *c, const json *inst)
{
	const char *group = json_get_str(inst, "pnode_group_name");
	const char *uuid = json_get_str(inst, "pnode_group_uuid");
	struct str s CLEANUP(str_free) = { 0 };

	json_items(json_get(inst, "snodes"), i, node)
		str_addf(&s, "%s%s (group %s, group UUID %s)", i ? ", " : "", json_str(node),
			 json_str(json_at(json_get(inst, "snodes_group_names"), i)),
			 json_str(json_at(json_get(inst, "snodes_group_uuids"), i)));
	return json_pack("[{s:O, s:s}, {s:s}]", "primary", json_get(inst, "pnode"), "group",
			 arena_printf(c->a, "%s (UUID %s)", group ? group : "None",
				      uuid ? uuid : "None"),
			 "secondaries", str_get(&s));
}

/* Where the graphical console listens; NULL = there is none. */
static const char *vnc(struct cli *c, const json *inst)
{
	const char *address = json_get_str(json_get(inst, "hv_actual"), "vnc_bind_address");
	const char *node = json_get_str(inst, "pnode");
	long long port = json_get_int(inst, "network_port", 0), display = port - VNC_BASE_PORT;

	if (!address || !*address)
		return NULL;
	if (display > 0 && strcmp(address, "0.0.0.0") == 0)
		return arena_printf(c->a, "vnc to %s:%lld (display %lld)", node, port, display);
	if (display > 0 && addr_is_ip4(address))
		return arena_printf(c->a, "vnc to %s:%lld (node %s) (display %lld)", address, port,
				    node, display);
	return arena_printf(c->a, "vnc to %s:%s", node, address);
}

static json *nic(struct cli *c, size_t index, const json *v)
{
	enum { NAME, UUID, IP, MAC, MODE, LINK, VLAN, NETWORK, NETINFO };
	json *d = json_new_dict();

	json_set(d, arena_printf(c->a, "nic/%s", info_number(c, (int64_t)index)), json_new_str(""));
	json_set(d, "MAC", text(c, json_at(v, MAC)));
	json_set(d, "IP", text(c, json_at(v, IP)));
	json_set(d, "mode", text(c, json_at(v, MODE)));
	json_set(d, "link", text(c, json_at(v, LINK)));
	json_set(d, "vlan", text(c, json_at(v, VLAN)));
	json_set(d, "network", text(c, json_get(json_at(v, NETINFO), "name")));
	json_set(d, "UUID", text(c, json_at(v, UUID)));
	json_set(d, "name", text(c, json_at(v, NAME)));
	return d;
}

/* State of a block device as the node sees it:
 * [path, major, minor, sync percent, seconds left, degraded, local disk state] */
static const char *device(struct cli *c, const char *type, const json *v)
{
	enum { PATH, MAJOR, MINOR, SYNC, LEFT, DEGRADED, LOCAL };
	enum { LOCAL_UNKNOWN = 3, LOCAL_FAULTY = 4 }; /* upstream: LDS_* */
	struct str s CLEANUP(str_free) = { 0 };
	int64_t local = json_int(json_at(v, LOCAL), 0);
	const json *left = json_at(v, LEFT);

	ui_text(&s, json_at(v, PATH));
	str_addf(&s, " (%s:%s)",
		 json_at(v, MAJOR) ? info_number(c, json_int(json_at(v, MAJOR), 0)) : "N/A",
		 json_at(v, MINOR) ? info_number(c, json_int(json_at(v, MINOR), 0)) : "N/A");
	if (str_eq(type, enum_name(&enum_disk_template, disk_template_drbd))) {
		if (!json_at(v, SYNC))
			str_add(&s, " in sync");
		else if (json_int(left, 0))
			str_addf(&s, " *RECOVERING* %5.2f%%, ETA %ss",
				 json_float(json_at(v, SYNC), 0), info_number(c, json_int(left, 0)));
		else
			str_addf(&s, " *RECOVERING* %5.2f%%, ETA unknown",
				 json_float(json_at(v, SYNC), 0));
		str_addf(&s, ", status %s",
			 json_boolean(json_at(v, DEGRADED), false) ? "*DEGRADED*" : "ok");
		if (local == LOCAL_FAULTY)
			str_add(&s, " *MISSING DISK*");
		else if (local == LOCAL_UNKNOWN)
			str_add(&s, " *UNCERTAIN STATE*");
	} else if (str_eq(type, enum_name(&enum_disk_template, disk_template_plain)) &&
		   local == LOCAL_FAULTY) {
		str_add(&s, " *FAILED* (failed drive?)");
	}
	return arena_strdup(c->a, str_get(&s));
}

static void drbd_end(struct cli *c, json *d, const char *title, const json *info, const char *node,
		     const char *minor)
{
	json_set(d, title,
		 json_new_str(arena_printf(c->a, "%s, minor=%s", json_get_str(info, node),
					   info_number(c, json_get_int(info, minor, 0)))));
}

static void identity(struct cli *c, json *d, const char *type, const json *disk)
{
	const json *id = json_get(disk, "logical_id"), *drbd = json_get(disk, "drbd_info");

	if (!id)
		return;
	if (str_eq(type, enum_name(&enum_disk_template, disk_template_drbd)) && drbd) {
		drbd_end(c, d, "nodeA", drbd, "primary_node", "primary_minor");
		drbd_end(c, d, "nodeB", drbd, "secondary_node", "secondary_minor");
		json_set(d, "port", text(c, json_get(drbd, "port")));
	} else if (str_eq(type, enum_name(&enum_disk_template, disk_template_plain))) {
		json_set(d, "logical_id",
			 json_new_str(arena_printf(c->a, "%s/%s", json_str(json_at(id, 0)),
						   json_str(json_at(id, 1)))));
	} else {
		json_set(d, "logical_id", text(c, id));
	}
}

static json *size_text(struct cli *c, const json *v)
{
	char *s CLEANUP(freep) = NULL;

	if (!json_is(v, JSON_INT))
		return info_text(c, v);
	s = format_unit(json_float(v, 0), 'h');
	return json_own(c->a, json_new_str(s));
}

static json *disk_info(struct cli *c, size_t index, bool top, const json *disk)
{
	const char *type = json_get_str(disk, "dev_type"), *name = json_get_str(disk, "iv_name");
	json *d = json_new_dict(), *children;

	if (!top || !name)
		name = arena_printf(c->a, "%s %s", top ? "disk" : "child",
				    info_number(c, (int64_t)index));
	json_set(d, name,
		 json_new_str(arena_printf(c->a, "%s, size %s", type,
					   json_str(size_text(c, json_get(disk, "size"))))));
	if (top && json_get(disk, "spindles"))
		json_set(d, "spindles", text(c, json_get(disk, "spindles")));
	if (top)
		json_set(d, "access mode", text(c, json_get(disk, "mode")));
	identity(c, d, type, disk);
	if (json_len(json_get(disk, "pstatus")))
		json_set(d, "on primary",
			 json_new_str(device(c, type, json_get(disk, "pstatus"))));
	if (json_len(json_get(disk, "sstatus")))
		json_set(d, "on secondary",
			 json_new_str(device(c, type, json_get(disk, "sstatus"))));
	json_set(d, "name", text(c, json_get(disk, "name")));
	json_set(d, "UUID", text(c, json_get(disk, "uuid")));
	if (!json_len(json_get(disk, "children")))
		return d;
	children = json_new_array();
	json_items(json_get(disk, "children"), i, child)
		json_append(children, disk_info(c, i, false, child));
	json_set(d, "child devices", children);
	return d;
}

static json *backend(struct cli *c, const json *inst)
{
	json *actual = json_own(c->a, json_merge(json_new_dict(), json_get(inst, "be_actual")));

	/* the old name of the upper limit */
	json_set(actual, "memory", json_ref(json_get(actual, "maxmem")));
	return json_ref(info_params(c, json_get(inst, "be_instance"), actual));
}

static json *instance_info(struct cli *c, const json *inst)
{
	const char *run = json_get_str(inst, "run_state"), *want = json_get_str(inst, "config_state");
	const char *console = vnc(c, inst);
	json *d = json_new_dict(), *nics = json_new_array(), *disks = json_new_array();

	json_set(d, "Instance name", text(c, json_get(inst, "name")));
	json_set(d, "UUID", text(c, json_get(inst, "uuid")));
	json_set(d, "Serial number", text(c, json_get(inst, "serial_no")));
	json_set(d, "Creation time", json_ref(info_time(c, json_get(inst, "ctime"))));
	json_set(d, "Modification time", json_ref(info_time(c, json_get(inst, "mtime"))));
	json_set(d, "State",
		 json_new_str(run && *run ? arena_printf(c->a,
							 "configured to be %s, actual state is %s",
							 want, run) :
					    arena_printf(c->a, "configured to be %s", want)));
	json_set(d, "Nodes", nodes(c, inst));
	json_set(d, "Operating system", text(c, json_get(inst, "os")));
	json_set(d, "Operating system parameters",
		 json_ref(info_params(c, json_get(inst, "os_instance"), json_get(inst, "os_actual"))));
	if (json_has(inst, "network_port"))
		json_set(d, "Allocated network port", text(c, json_get(inst, "network_port")));
	json_set(d, "Hypervisor", text(c, json_get(inst, "hypervisor")));
	if (console)
		json_set(d, "console connection", json_new_str(console));
	json_set(d, "Hypervisor parameters",
		 json_ref(info_params(c, json_get(inst, "hv_instance"), json_get(inst, "hv_actual"))));
	json_set(d, "Back-end parameters", backend(c, inst));
	json_items(json_get(inst, "nics"), i, v)
		json_append(nics, nic(c, i, v));
	json_set(d, "NICs", nics);
	json_set(d, "Disk template", text(c, json_get(inst, "disk_template")));
	json_items(json_get(inst, "disks"), k, v)
		json_append(disks, disk_info(c, k, true, v));
	json_set(d, "Disks", disks);
	return d;
}

int cmd_instance_info(struct cli *c, struct err *e)
{
	json *op = op_new(c, OP_instance_query_data), *result, *list;

	if (!c->args.n && !cli_flag(c, "show_all")) {
		cli_warn("No instance selected. Please pass in --all if you want to query all "
			 "instances.\nNote that this can take a long time on a big cluster.");
		return EXIT_FAILURE;
	}
	if (c->args.n && cli_flag(c, "show_all")) {
		cli_warn("Cannot use --all if you specify instance names.");
		return EXIT_FAILURE;
	}
	op_set(op, "instances", json_new_strs(&c->args));
	op_set(op, "static", json_new_bool(cli_flag(c, "static")));
	op_set(op, "use_locking", json_new_bool(!cli_flag(c, "static")));
	TRY(cli_exec(c, op, &result, e));
	if (!json_len(result)) {
		cli_out("No instances.");
		return EXIT_FAILURE;
	}
	if (cli_flag(c, "json")) {
		cli_json(result);
		return EXIT_SUCCESS;
	}
	list = json_own(c->a, json_new_array());
	json_each(result, name, inst) {
		(void)name;
		json_append(list, instance_info(c, inst));
	}
	info_print(c, list);
	return EXIT_SUCCESS;
}
