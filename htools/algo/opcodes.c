/* Moves as the master takes them: lists of opcodes, with upstream's fields in upstream's order. */
#include "htools/algo/algo.h"

static json *node_name(const struct ht_cluster *c, int node)
{
	return json_new_str(c->nodes[node].name);
}

/* NODE HT_NONE: to the secondary. What is not there yet cannot migrate. */
static json *change_primary(const struct ht_cluster *c, const struct ht_inst *i, int node)
{
	json *op;

	if (i->forthcoming)
		op = json_pack("{s:s,s:s,s:i,s:b}", "OP_ID", opcode_name(OP_instance_failover), "instance_name", i->name,
			       "shutdown_timeout", SHUTDOWN_TIMEOUT, "ignore_consistency", 0);
	else
		op = json_pack("{s:s,s:s}", "OP_ID", opcode_name(OP_instance_migrate), "instance_name", i->name);
	if (node != HT_NONE)
		json_set(op, "target_node", node_name(c, node));
	if (!i->forthcoming)
		json_set(op, "allow_runtime_changes", json_new_bool(false));
	json_set(op, "ignore_ipolicy", json_new_bool(false));
	json_set(op, "cleanup", json_new_bool(false));
	if (!i->forthcoming) {
		json_set(op, "allow_failover", json_new_bool(true));
		json_set(op, "ignore_hvversions", json_new_bool(true));
	}
	return op;
}

static json *change_secondary(const struct ht_cluster *c, const struct ht_inst *i, int node)
{
	return json_pack("{s:s,s:s,s:b,s:b,s:s,s:[],s:o}", "OP_ID", opcode_name(OP_instance_replace_disks), "instance_name", i->name,
			 "early_release", 0, "ignore_ipolicy", 0, "mode",
			 enum_name(&enum_replace_disks_mode, replace_disks_mode_replace_new_secondary), "disks", "remote_node",
			 node_name(c, node));
}

json *ht_move_opcodes(const struct ht_cluster *c, int inst, struct ht_move m)
{
	const struct ht_inst *i = &c->insts[inst];
	json *l = json_new_array();

	switch (m.kind) {
	case HT_FAILOVER:
		json_append(l, change_primary(c, i, HT_NONE));
		break;
	case HT_FAILOVER_TO:
		json_append(l, change_primary(c, i, m.node));
		break;
	case HT_REPLACE_PRI:
		json_append(l, change_primary(c, i, HT_NONE));
		json_append(l, change_secondary(c, i, m.node));
		json_append(l, change_primary(c, i, HT_NONE));
		break;
	case HT_REPLACE_SEC:
		json_append(l, change_secondary(c, i, m.node));
		break;
	case HT_REPLACE_FAILOVER:
		json_append(l, change_secondary(c, i, m.node));
		json_append(l, change_primary(c, i, HT_NONE));
		break;
	case HT_FAILOVER_REPLACE:
		json_append(l, change_primary(c, i, HT_NONE));
		json_append(l, change_secondary(c, i, m.node));
		break;
	}
	return l;
}
