/* gnt-network: what rows cannot say. */
#include "cli/gnt/gnt.h"

#include <string.h>

#define MAP_WIDTH 64  /* addresses in a line of the map */
#define TEXT_WIDTH 64 /* characters in a line of reserved addresses */

const char *network_format(struct arena *a, const char *field, const json *v)
{
	struct str s CLEANUP(str_free) = { 0 };

	if (strcmp(field, "group_list") != 0 || !json_is(v, JSON_ARRAY))
		return NULL;
	json_items(v, i, g) {
		str_add(&s, i ? ", " : "");
		for (size_t k = 0; k < json_len(g); k++) {
			str_add(&s, k == 0 ? "" : k == 1 ? " (" : ", ");
			ui_text(&s, json_at(g, k));
		}
		str_addc(&s, ')');
	}
	return arena_strdup(a, str_get(&s));
}

/* A comma separated option becomes a list; empty for empty. */
static void addresses(struct cli *c, const char *dest)
{
	const char *text = cli_str(c, dest);
	struct strs l = { 0 };

	if (!text)
		return;
	if (*text)
		l = strs_split_esc(c->a, text, ',');
	json_set(c->opts, dest, json_new_strs(&l));
}

int cmd_network_add(struct cli *c, struct err *e)
{
	const char *tags = cli_str(c, "tags");

	json_set(c->opts, "tags", tags ? json_ref(params_words(c, tags)) : json_new_array());
	addresses(c, "add_reserved_ips");
	return cli_run_op(c, e);
}

int cmd_network_modify(struct cli *c, struct err *e)
{
	static const char *const changes[] = { "gateway", "add_reserved_ips", "remove_reserved_ips",
					       "mac_prefix", "gateway6", "network6" };
	bool any = false;

	for (size_t i = 0; i < ARRAY_SIZE(changes); i++)
		any = any || cli_opt(c, changes[i]);
	if (!any) {
		cli_warn("Please give at least one of the parameters.");
		return EXIT_FAILURE;
	}
	addresses(c, "add_reserved_ips");
	addresses(c, "remove_reserved_ips");
	return cli_run_op(c, e);
}

/* --- connect, disconnect --- */

/* The groups named after the network, or all. */
static int groups(struct cli *c, struct strs *ret, struct err *e)
{
	json *rows;

	for (size_t i = 1; i < c->args.n; i++)
		strs_add(c->a, ret, c->args.v[i]);
	if (ret->n)
		return 0;
	TRY(cli_call(c, LUXI_QueryGroups, json_pack("[[], [s], b]", "uuid", 0), &rows, e));
	json_items(rows, i, row)
		strs_add(c->a, ret, json_str(json_at(row, 0)));
	return 0;
}

int cmd_network_connect(struct cli *c, struct err *e)
{
	static const char *const names[][2] = { { "mode", "network_mode" }, { "link", "network_link" },
						{ "vlan", "network_vlan" } };
	json *params = record_defaults(rec_nicparams());
	struct strs to = { 0 };

	json_merge(json_own(c->a, params), cli_opt(c, "nicparams"));
	TRY(groups(c, &to, e));
	for (size_t i = 0; i < to.n; i++) {
		json *op = op_new(c, OP_network_connect);

		op_from_opts(c, op);
		op_set(op, "network_name", json_new_str(c->args.v[0]));
		op_set(op, "group_name", json_new_str(to.v[i]));
		for (size_t k = 0; k < ARRAY_SIZE(names); k++)
			op_set_ref(op, names[k][1], json_get(params, names[k][0]));
		TRY(cli_exec(c, op, NULL, e));
	}
	return EXIT_SUCCESS;
}

int cmd_network_disconnect(struct cli *c, struct err *e)
{
	struct strs from = { 0 };

	TRY(groups(c, &from, e));
	for (size_t i = 0; i < from.n; i++) {
		json *op = op_new(c, OP_network_disconnect);

		op_set(op, "network_name", json_new_str(c->args.v[0]));
		op_set(op, "group_name", json_new_str(from.v[i]));
		TRY(cli_exec(c, op, NULL, e));
	}
	return EXIT_SUCCESS;
}

/* --- info --- */

/* The fields asked for, in this order. */
enum { F_NAME, F_NETWORK, F_GATEWAY, F_NETWORK6, F_GATEWAY6, F_MAC_PREFIX, F_FREE, F_RESERVED, F_MAP,
       F_GROUPS, F_INSTANCES, F_EXTERNAL, F_SERIAL, F_UUID };
#define FIELDS                                                                                       \
	"[\"name\", \"network\", \"gateway\", \"network6\", \"gateway6\", \"mac_prefix\","           \
	" \"free_count\", \"reserved_count\", \"map\", \"group_list\", \"inst_list\","               \
	" \"external_reservations\", \"serial_no\", \"uuid\"]"

static const char *text(struct cli *c, const json *row, size_t field)
{
	return json_str(info_text(c, json_at(row, field)));
}

static void print_map(const char *map)
{
	size_t n = map ? strlen(map) : 0;

	cli_out("  Usage map:");
	for (size_t i = 0; i < n; i += MAP_WIDTH)
		cli_out("     %4zu %-*.*s %zu", i, MAP_WIDTH, MAP_WIDTH, map + i, i + MAP_WIDTH - 1);
	cli_out("         (X) used    (.) free");
}

static void print_external(const char *ips)
{
	struct str s CLEANUP(str_free) = { 0 };

	if (!ips || !*ips)
		return;
	cli_out("  externally reserved IPs:");
	ui_wrap(&s, ips, TEXT_WIDTH, strlen("    "));
	cli_out("    %s", str_get(&s));
}

static void print_groups(struct cli *c, const json *list)
{
	if (!json_len(list)) {
		cli_out("  not connected to any node group");
		return;
	}
	cli_out("  connected to node groups:");
	json_items(list, i, g)
		cli_out("    %s (mode:%s link:%s vlan:%s)", text(c, g, 0), text(c, g, 1), text(c, g, 2),
			text(c, g, 3));
}

/* Each instance with the addresses its interfaces have in the network. */
static int print_instances(struct cli *c, const json *list, const char *uuid, struct err *e)
{
	if (!json_len(list)) {
		cli_out("  not used by any instances");
		return 0;
	}
	cli_out("  used by %zu instances:", json_len(list));
	json_items(list, i, name) {
		struct str s CLEANUP(str_free) = { 0 };
		json *rows;

		TRY(cli_call(c, LUXI_QueryInstances,
			     json_pack("[[O], [s, s], b]", name, "nic.ips", "nic.networks", 0), &rows,
			     e));
		json_items(json_at(json_at(rows, 0), 1), k, network) {
			if (!str_eq(json_str(network), uuid))
				continue;
			str_addf(&s, "%s%zu:", s.len ? ", " : "", k);
			ui_text(&s, json_at(json_at(json_at(rows, 0), 0), k));
		}
		cli_out("    %s: %s", json_str(name), str_get(&s));
	}
	return 0;
}

static int print_network(struct cli *c, const json *row, struct err *e)
{
	int64_t unused = json_int(json_at(row, F_FREE), 0);
	int64_t size = unused + json_int(json_at(row, F_RESERVED), 0);

	cli_out("Network name: %s", text(c, row, F_NAME));
	cli_out("UUID: %s", text(c, row, F_UUID));
	cli_out("Serial number: %s", text(c, row, F_SERIAL));
	cli_out("  Subnet: %s", text(c, row, F_NETWORK));
	cli_out("  Gateway: %s", text(c, row, F_GATEWAY));
	cli_out("  IPv6 Subnet: %s", text(c, row, F_NETWORK6));
	cli_out("  IPv6 Gateway: %s", text(c, row, F_GATEWAY6));
	cli_out("  Mac Prefix: %s", text(c, row, F_MAC_PREFIX));
	cli_out("  Size: %lld", (long long)size);
	cli_out("  Free: %lld (%.2f%%)", (long long)unused,
		size ? 100.0 * (double)unused / (double)size : 0.0);
	print_map(json_str(json_at(row, F_MAP)));
	print_external(json_str(json_at(row, F_EXTERNAL)));
	print_groups(c, json_at(row, F_GROUPS));
	return print_instances(c, json_at(row, F_INSTANCES), json_str(json_at(row, F_UUID)), e);
}

static void print_json(const json *fields, const json *rows)
{
	json *list CLEANUP(json_putp) = json_new_array();

	json_items(rows, i, row) {
		json *d = json_new_dict();

		json_items(fields, k, name)
			json_set(d, json_str(name), json_ref(json_at(row, k)));
		json_append(list, d);
	}
	cli_json(list);
}

int cmd_network_info(struct cli *c, struct err *e)
{
	json *rows, *fields;

	TRY(json_parse(FIELDS, strlen(FIELDS), &fields, e));
	json_own(c->a, fields);
	TRY(cli_call(c, LUXI_QueryNetworks,
		     json_pack("[o, O, b]", json_new_strs(&c->args), fields, 0), &rows, e));
	if (cli_flag(c, "json")) {
		print_json(fields, rows);
		return EXIT_SUCCESS;
	}
	json_items(rows, i, row)
		TRY(print_network(c, row, e));
	return EXIT_SUCCESS;
}
