#!/bin/bash
# Nodes: add, readd, change, remove; the candidates' certificates follow.
# shellcheck disable=SC2317 # called by ok
# shellcheck source=tests/lu/lib.sh
. "$(dirname "$0")/lib.sh"
nodes 3

# digests of the configuration: those of the candidates
certs() {
	sqlite3 -readonly "$CONFIG_DB" "SELECT json FROM object WHERE kind = 'cluster'" | jq -r '.candidate_certs[]' | sort
}

flags() { # K: master_candidate drained offline
	query node '["master_candidate","drained","offline"]' "[\"=\",\"name\",\"node$1.example.com\"]"
}

set_params() { # K KEY:VALUE...
	local k=$1
	shift
	op NODE_SET_PARAMS "node_name:\"node$k.example.com\"" "$@"
}

# --- what cannot be added ---
add() { # K KEY:VALUE...
	local k=$1
	shift
	op NODE_ADD "node_name:\"node$k.example.com\"" "$@"
}
bad "$(add 2)" OpPrereqError already_exists "Node node2.example.com is already in the configuration"
bad "$(add 4 readd:true)" OpPrereqError unknown_entity "Node node4.example.com is not in the configuration"
bad "$(add 1 readd:true)" OpPrereqError wrong_state "Cannot readd the master node"
bad "$(add 2 readd:true 'group:"default"')" OpPrereqError wrong_input \
	"Cannot pass a node group when a node is being readded"
bad "$(add 4 'group:"g9"')" OpPrereqError unknown_entity "Node group 'g9' not found"
bad "$(add 4 "secondary_ip:\"$(ip 9)\"")" OpPrereqError wrong_input \
	"The master has no secondary ip but the new node has one"
bad "$(add 4 "secondary_ip:\"$(ip 2)\"")" OpPrereqError resource_not_unique \
	"New node ip address(es) conflict with existing node node2.example.com"
bad "$(add 4 'ndparams:{"exclusive_storage":true}')" OpPrereqError wrong_input \
	"The following node parameters are global and cannot be customized at node level, please modify them at cluster or group level: exclusive_storage"
bad "$(add 4 'ndparams:{"nosuch":1}')" TypeEnforcementError null "Unknown parameter 'nosuch'"
said "version $(ip 4) 3000000"
bad "$(add 4)" OpPrereqError environment_error "Version mismatch master version 3010000, node version 3000000"
unsaid '^version .* 3000000'
said "node_crypto_tokens $(ip 4) !no certificate here"
job "$(add 4)"
is "$STATUS" error "a node that does not tell its digest is not added"
like "$RESULT" "SSL digest.: no certificate here" "and the error says so"
is "$(query node '["name"]' | wc -l)" 3 "there are still three"
unsaid '^node_crypto_tokens .* !'

# --- one more ---
said "node_crypto_tokens $(ip 4) [[\"ssl\", \"DD:04\"]]"
good "$(add 4 'ndparams:{"spindle_count":"3"}')" "node4 is added"
is "$LOG" " - INFO: Node will be a master candidate" "as a candidate"
is "$(flags 4)" '[true,false,false]' "its flags"
is "$(node 4 ndp/spindle_count)" 3 "its parameters"
like "$(certs)" "DD:04" "its digest is among the candidates'"
like "$(calls '^hooks_runner.*"pre"')" "node-add" "hooks run before"
is "$(calls '^hooks_runner.*node-add.*"post"' | cut -d' ' -f2 | sort)" "$(for k in 1 2 3 4; do ip $k; done)" "and after, also there"
is "$(calls "^hooks_runner.*node-add.*\"pre\"" | cut -d' ' -f2 | sort)" "$(for k in 1 2 3; do ip $k; done)" "but not before"
is "$(jq -c '.[2] | [.GANETI_NODE_NAME, .GANETI_NODE_PIP, .GANETI_MASTER_CAPABLE, .GANETI_VM_CAPABLE]' \
	<<<"$(calls '^hooks_runner.*node-add.*"pre"' | head -1 | cut -d' ' -f3-)")" \
	"[\"node4.example.com\",\"$(ip 4)\",\"True\",\"True\"]" "the variables"
ok "it got the files" calls "^upload_file $(ip 4)"
ok "and the ssconf files" calls "^write_ssconf_files $(ip 4)"

# --- roles ---
bad "$(set_params 2)" OpPrereqError wrong_input "Please pass at least one modification"
bad "$(set_params 2 offline:true drained:true)" OpPrereqError wrong_input \
	"Can't set the node into more than one state at the same time"
bad "$(set_params 1 offline:true)" OpPrereqError wrong_input "The master role can be changed only via master-failover"
bad "$(set_params 2 powered:true)" OpPrereqError wrong_state \
	"Unable to change powered state for node node2.example.com as it does not support out-of-band handling"
good "$(set_params 4 drained:true)" "drain node4"
is "$RESULT" '[["master_candidate","False"],["drained","True"]]' "what changed"
is "$(flags 4)" '[false,true,false]' "its flags"
unlike "$(certs)" "DD:04" "its digest is gone"
ok "it was told" calls "^node_demote_from_mc $(ip 4)"
good "$(set_params 4 drained:false)" "undrain it"
is "$LOG" " - INFO: Auto-promoting node to master candidate" "it becomes a candidate again"
is "$RESULT" '[["master_candidate","True"],["drained","False"]]' "what changed"
like "$(certs)" "DD:04" "its digest is back"
good "$(set_params 4 offline:true)" "offline"
is "$(calls "^node_demote_from_mc" | wc -l)" 0 "who is offline is not told"
said "version $(ip 4) !dead"
bad "$(set_params 4 offline:false)" OpPrereqError wrong_state \
	"Node node4.example.com is being de-offlined but fails to report its version: dead"
unsaid '^version .* !dead'
good "$(set_params 4 offline:false)" "online again"
like "$LOG" "WARNING: Transitioning node from offline to online state without using re-add" "with a warning"
good "$(set_params 4 drained:false)" "a flag that is not set"
is "$LOG" " - INFO: Ignoring request to unset flag drained, already unset" "is not unset"
good "$(set_params 4 'ndparams:{"spindle_count":"default"}')" "a parameter back to its default"
is "$(node 4 custom_ndparams | jq -c .)" '{}' "is the group's again"

# --- the pool of candidates ---
good "$(op CLUSTER_SET_PARAMS candidate_pool_size:2)" "a smaller pool"
like "$LOG" "Note: more nodes are candidates \(4\) than desired value \(2\)" "leaves who is in it"
good "$(set_params 4 master_candidate:false)" "node4 leaves it"
good "$(set_params 3 master_candidate:false)" "node3 leaves it"
bad "$(set_params 2 master_candidate:false)" OpPrereqError wrong_state \
	"Not enough master candidates, please pass auto promote option to allow promotion (--auto-promote or RAPI auto_promote=True)"
good "$(set_params 2 drained:true auto_promote:true)" "with auto-promotion"
like "$LOG" "INFO: Promoted nodes to master candidate role: node3.example.com" "another takes its place"
is "$(flags 3)" '[true,false,false]' "its flags"
good "$(op CLUSTER_SET_PARAMS candidate_pool_size:3)" "a larger pool"
like "$LOG" "INFO: Promoted nodes to master candidate role: node4.example.com" "takes the next"

# --- readd ---
good "$(set_params 4 offline:true)" "node4 breaks"
good "$(add 4 readd:true)" "and comes back"
is "$LOG" " - INFO: Readding a node, the offline/drained flags were reset
 - INFO: Node will be a master candidate" "what is said about it"
is "$(flags 4)" '[true,false,false]' "its flags"
is "$(node 4 uuid)" "$(uuid_of node4.example.com)" "it is the same node"

# --- removal ---
bad "$(op NODE_REMOVE 'node_name:"node1.example.com"')" OpPrereqError wrong_input \
	"Node is the master node, failover to another node is required"
bad "$(op NODE_REMOVE 'node_name:"node9"')" OpPrereqError unknown_entity "Node 'node9' not known"
bad "$(op NODE_REMOVE 'node_name:"node4.example.com"' 'node_uuid:"x"')" OpPrereqError resource_not_unique \
	"The nodes UUID '$(uuid_of node4.example.com)' does not match the expected UUID 'x' for node 'node4.example.com'. Maybe the node changed since you submitted this job."
good "$(op NODE_REMOVE 'node_name:"node4.example.com"')" "node4 is removed"
is "$(query node '["name"]' | wc -l)" 3 "from the configuration"
unlike "$(certs)" "DD:04" "its digest, too"
ok "it was told to leave" calls "^node_leave_cluster $(ip 4)"
ok "its hooks ran" calls "^hooks_runner $(ip 4) .*node-remove"
pending() { # JOB: does it wait for a lock?
	query lock '["pending"]' | grep -qw "$1"
}
said "hooks_runner $(ip 2) @hang"
leaving=$(submit "$(op NODE_REMOVE 'node_name:"node2.example.com"')")
ok "node2 is about to leave" wait_for 60 calls "^hooks_runner $(ip 2) "
late=$(submit "$(op INSTANCE_CREATE 'instance_name:"inst1.example.com"' 'mode:"create"' 'disk_template:"diskless"' \
	'disks:[]' 'nics:[]' 'os_type:"noop"' 'pnode:"node2.example.com"' name_check:false ip_check:false)")
ok "an instance that is to live there waits" wait_for 60 pending "$late"
unsaid '^hooks_runner .*@hang'
is "$(ends "$leaving")" success "the node has left"
is "$(ends "$late")" error "the instance"
is "$(luxi QueryJobs "[[$late],[\"opresult\"]]" | jq -c '.[0][0][0]')" \
	'["OpPrereqError",["Node '"'node2.example.com'"' not known","unknown_entity"]]' "has no place to go"
said "node_leave_cluster * !connection lost"
good "$(op NODE_REMOVE 'node_name:"node3.example.com"')" "a node that does not answer can be removed"
like "$LOG" "WARNING: Errors encountered on the remote node while leaving the cluster: connection lost" "with a warning"
done_testing
