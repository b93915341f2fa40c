#!/bin/bash
# Node groups: add, change, rename, assign nodes, remove.
# shellcheck disable=SC2317 # called by ok
# shellcheck source=tests/lu/lib.sh
. "$(dirname "$0")/lib.sh"
nodes 3

groups() { # FIELDS...: rows of all groups
	query group "[$(printf '"%s",' "$@" | sed 's/,$//')]" | jq -Sc .
}

env_of() { # HOOK PHASE: the variables its first script got
	jq -c '.[2]' <<<"$(calls "^hooks_runner.*$1.*\"$2\"" | head -1 | cut -d' ' -f3-)"
}

# --- add ---
bad "$(op GROUP_ADD 'group_name:"default"')" OpPrereqError already_exists \
	"Desired group name 'default' already exists as a node group (UUID: $(groups uuid | jq -r '.[0]'))"
bad "$(op GROUP_ADD 'group_name:"g2"' 'ndparams:{"nosuch":1}')" TypeEnforcementError null "Unknown parameter 'nosuch'"
bad "$(op GROUP_ADD 'group_name:"g2"' 'disk_state:{"plain":{"xenvg":{}}}')" OpPrereqError wrong_input \
	"Disk states are not supported by this version"
bad "$(op GROUP_ADD 'group_name:"g2"' 'hv_state:{"nosuch":{}}')" OpPrereqError wrong_input \
	"Invalid hypervisor(s) in hypervisor state: nosuch"
bad "$(op GROUP_ADD 'group_name:"g2"' 'ipolicy:{"std":{"cpu-count":1}}')" OpPrereqError wrong_input \
	"std cannot appear in group instance specs"
bad "$(op GROUP_ADD 'group_name:"g2"' 'ipolicy:{"disk-templates":["rbd"]}')" OpPrereqError wrong_input \
	"The following disk templates are allowed by the ipolicy, but not enabled on the cluster: rbd"
is "$(groups name | wc -l)" 1 "there is still one group"
good "$(op GROUP_ADD 'group_name:"g2"' 'alloc_policy:"last_resort"' 'ndparams:{"spindle_count":"3"}' \
	'ipolicy:{"vcpu-ratio":2.5,"disk-templates":["drbd"]}' 'diskparams:{"drbd":{"resync-rate":"1024"}}')" "add g2"
is "$RESULT" null "its result"
is "$(groups name alloc_policy custom_ndparams custom_ipolicy custom_diskparams node_cnt | tail -1)" \
	'["g2","last_resort",{"spindle_count":3},{"disk-templates":["drbd"],"vcpu-ratio":2.5},{"drbd":{"resync-rate":1024}},0]' "it is what was asked for"
is "$(env_of group-add pre | jq -r .GANETI_GROUP_NAME)" g2 "hooks know its name"
is "$(calls '^hooks_runner.*group-add.*"post"' | cut -d' ' -f2)" "$(ip 1)" "they run on the master"

# --- change ---
set_params() {
	op GROUP_SET_PARAMS 'group_name:"g2"' "$@"
}
bad "$(set_params)" OpPrereqError wrong_input "Please pass at least one modification"
bad "$(op GROUP_SET_PARAMS 'group_name:"g9"' 'alloc_policy:"preferred"')" OpPrereqError unknown_entity "Node group 'g9' not found"
good "$(set_params 'alloc_policy:"preferred"' 'ndparams:{"spindle_count":"default","oob_program":"/bin/true"}')" "modify g2"
is "$RESULT" "[[\"ndparams\",\"{'oob_program': '/bin/true'}\"]]" "what is told of it"
is "$(groups alloc_policy custom_ndparams | tail -1)" '["preferred",{"oob_program":"/bin/true"}]' "it is so"
is "$(env_of group-modify pre | jq -c '[.GANETI_GROUP_NAME,.GANETI_NEW_ALLOC_POLICY]')" '["g2","preferred"]' "the variables of hooks"
good "$(set_params 'ipolicy:{"vcpu-ratio":"default","spindle-ratio":3}' 'diskparams:{"drbd":{"resync-rate":"default","dynamic-resync":true}}')" \
	"take a setting of a policy away"
is "$(groups custom_ipolicy custom_diskparams | tail -1)" '[{"disk-templates":["drbd"],"spindle-ratio":3},{"drbd":{"dynamic-resync":true}}]' "it is gone"

# --- nodes ---
assign() { # GROUP NODES-JSON KEY:JSON...
	local g=$1 l=$2
	shift 2
	op GROUP_ASSIGN_NODES "group_name:\"$g\"" "nodes:$l" "$@"
}
bad "$(assign g9 '["node2"]')" OpPrereqError unknown_entity "Node group 'g9' not found"
bad "$(assign g2 '["node9"]')" OpPrereqError unknown_entity "Node 'node9' not known"
serial=$(groups serial_no | jq -s 'add|add')
good "$(assign g2 '["node2","node3.example.com"]')" "assign two nodes"
is "$(groups name node_list | jq -c)" '["default",["node1.example.com"]]
["g2",["node2.example.com","node3.example.com"]]' "they are there"
is "$(groups serial_no | jq -s 'add|add')" $((serial + 2)) "both groups have changed"
ok "no hooks" not calls '^hooks_runner.*group-assign'

# --- rename, remove ---
bad "$(op GROUP_RENAME 'group_name:"g2"' 'new_name:"default"')" OpPrereqError already_exists \
	"Desired new name 'default' clashes with existing node group (UUID: $(groups uuid | head -1 | jq -r '.[0]'))"
good "$(op GROUP_RENAME 'group_name:"g2"' 'new_name:"g3"')" "rename g2"
is "$RESULT" '"g3"' "its result"
is "$(env_of group-rename pre | jq -c '[.GANETI_OLD_NAME,.GANETI_NEW_NAME]')" '["g2","g3"]' "the variables of hooks"
is "$(calls '^hooks_runner.*group-rename.*"pre"' | cut -d' ' -f2 | sort)" "$(for k in 1 2 3; do ip $k; done)" "they run on all its nodes"
bad "$(op GROUP_REMOVE 'group_name:"g3"')" OpPrereqError wrong_state \
	"Group 'g3' not empty, has the following nodes: node2.example.com, node3.example.com"
good "$(assign default '[]')" "no nodes are all nodes"
good "$(op GROUP_REMOVE 'group_name:"g3"')" "remove g3"
is "$(groups name)" '["default"]' "it is gone"
bad "$(op GROUP_REMOVE 'group_name:"default"')" OpPrereqError wrong_state \
	"Group 'default' not empty, has the following nodes: node1.example.com, node2.example.com, node3.example.com"
done_testing
