#!/bin/bash
# The cluster's settings, its name, its end.
# shellcheck source=tests/lu/lib.sh
. "$(dirname "$0")/lib.sh"
nodes 2

change() {
	op CLUSTER_SET_PARAMS "$@"
}

info() { # JQ FILTER
	luxi QueryClusterInfo '[]' | jq -c "$1"
}

# --- parameters ---
good "$(change 'beparams:{"memory":"1g","vcpus":"2"}')" "backend parameters"
is "$(info '.beparams.default | [.maxmem,.minmem,.vcpus,.auto_balance]')" '[1024,1024,2,true]' "as numbers, the others stay"
bad "$(change 'beparams:{"foo":1}')" TypeEnforcementError null "Unknown parameter 'foo'"
bad "$(change 'beparams:{"minmem":2048}')" OpPrereqError wrong_input "Minimum memory is larger than maximum memory"
good "$(change 'nicparams:{"link":"br9"}')" "NIC parameters"
is "$(info '.nicparams.default.link')" '"br9"' "the link"
bad "$(change 'nicparams:{"mode":"nosuch"}')" ConfigurationError null "Invalid NIC mode 'nosuch'"
good "$(change 'ndparams:{"spindle_count":4}')" "node parameters"
is "$(info '.ndparams | [.spindle_count,.ssh_port]')" '[4,22]' "the others stay"
good "$(change 'hvparams:{"fake":{"migration_mode":"non-live"}}')" "hypervisor parameters"
is "$(info '.hvparams.fake.migration_mode')" '"non-live"' "changed"
ok "nodes were asked whether they can" calls "^hypervisor_validate_params $(ip 2) \[\"fake\""
said "hypervisor_validate_params $(ip 2) !I cannot"
job "$(change 'hvparams:{"fake":{"migration_mode":"live"}}')"
is "$STATUS" error "a node that says no"
is "$(info '.hvparams.fake.migration_mode')" '"non-live"' "prevents the change"
unsaid '^hypervisor_validate'
good "$(change 'os_hvp:{"tiny":{"fake":{"migration_mode":"live"}}}')" "for one OS"
is "$(info '.os_hvp.tiny.fake')" '{"migration_mode":"live"}' "is kept there"
good "$(change 'os_hvp:{"tiny":{"fake":null}}')" "and back"
is "$(info '.os_hvp.tiny')" '{}' "to the cluster's"
bad "$(change 'enabled_hypervisors:["fake","xen-pvm"]')" OpPrereqError wrong_input \
	"Hypervisor 'xen-pvm' is not supported by this version"
bad "$(change 'enabled_disk_templates:["plain"]')" OpPrereqError wrong_input \
	"Disk template 'plain' is not supported by this version"
bad "$(change 'vg_name:"xenvg"')" OpPrereqError wrong_input "Volume groups are not supported by this version"
good "$(change 'mac_prefix:"AA:BB:CC"')" "a MAC prefix"
is "$(info '.mac_prefix')" '"aa:bb:cc"' "in lower case"
bad "$(change 'mac_prefix:"aa:bb"')" OpPrereqError wrong_input "Invalid MAC address prefix 'aa:bb'"
bad "$(change 'default_iallocator:"nosuch"')" OpPrereqError wrong_input \
	"Invalid default iallocator script 'nosuch' specified"

# --- policy ---
good "$(change 'ipolicy:{"vcpu-ratio":"8","std":{"cpu-count":2},"disk-templates":["diskless","file"]}')" "policy"
is "$(info '.ipolicy | [."vcpu-ratio", .std."cpu-count", .std."memory-size"]')" '[8,2,128]' "the rest of it stays"
good "$(change 'ipolicy:{"memory-ratio":"1.5"}')" "memory may be over-committed"
is "$(info '.ipolicy."memory-ratio"')" '1.5' "that is part of it then"
good "$(change 'ipolicy:{"memory-ratio":"default"}')" "no more"
is "$(info '.ipolicy | has("memory-ratio")')" 'false' "nothing is left of it"
bad "$(change 'ipolicy:{"nosuch":1}')" OpPrereqError wrong_input "Invalid key in new ipolicy: nosuch"
bad "$(change 'ipolicy:{"std":"default"}')" OpPrereqError wrong_input "Can't unset value for 'std' on the cluster'"
bad "$(change 'ipolicy:{"disk-templates":["plain"]}')" OpPrereqError wrong_input \
	"The following disk templates are allowed by the ipolicy, but not enabled on the cluster: plain"

# --- lists ---
good "$(change 'hidden_os:[["add","a"],["add","b"],["add","a"],["remove","c"]]')" "hidden systems"
is "$LOG" "OS a already in hidden OS list, ignoring
OS c not found in hidden OS list, ignoring" "what was not done"
is "$(info '.hidden_os')" '["a","b"]' "the list"
good "$(change 'uid_pool:[[10,20]]' )" "user ids"
good "$(change 'add_uids:[[30,40]]' 'remove_uids:[[10,20]]')" "more and less of them"
bad "$(change 'remove_uids:[[1,2]]')" OpPrereqError wrong_input \
	"User-id range to be removed is not found in the current user-id pool: [1,2]"
bad "$(change 'add_uids:[[5,2]]')" OpPrereqError wrong_input \
	"Lower user-id range boundary value (5) is larger than higher boundary value (2)"
is "$(info '.uid_pool')" '[[30,40]]' "the pool"

# --- the master's address ---
: >"$TRACE"
good "$(change 'master_netdev:"eth9"')" "another device"
is "$(order | grep master_ip)" "node_deactivate_master_ip node1
node_activate_master_ip node1" "the address goes down there and comes up here"
is "$(jq -c '.[0].netdev' <<<"$(calls '^node_activate_master_ip' | cut -d' ' -f3-)")" '"eth9"' "on the new one"
said 'node_deactivate_master_ip * !busy'
bad "$(change 'master_netdev:"eth8"')" OpExecError null "Could not disable the master ip: busy"
good "$(change 'master_netdev:"eth8"' force:true)" "unless forced"
unsaid '^node_deactivate'
good "$(change 'candidate_pool_size:1')" "fewer candidates"
good "$(op NODE_SET_PARAMS 'node_name:"node2.example.com"' master_candidate:false)" "node2 is none any more"
said "node_crypto_tokens $(ip 2) !no"
bad "$(change 'candidate_pool_size:2' 'master_netdev:"eth7"')" OpExecError null \
	"Could not retrieve the node's (uuid ${UUID[2]}) SSL digest.: no"
is "$(order | grep master_ip)" "node_deactivate_master_ip node1
node_activate_master_ip node1" "the address comes back whatever fails between"
unsaid '^node_crypto_tokens .* !no'
good "$(op CLUSTER_ACTIVATE_MASTER_IP)" "activate"
good "$(op CLUSTER_DEACTIVATE_MASTER_IP)" "deactivate"

# --- files ---
good "$(op CLUSTER_REDIST_CONF)" "redistribution"
ok "node2 got the secret of the configuration daemons" calls "^upload_file $(ip 2) .*hmac.key"
ok "and the ssconf files" calls "^write_ssconf_files $(ip 2)"
is "$(calls "^upload_file $(ip 1) " | wc -l)" 0 "the master needs none"

# --- settings asked for through a job ---
job "$(op CLUSTER_CONFIG_QUERY 'output_fields:["cluster_name","master_node","drain_flag","watcher_pause"]')"
is "$RESULT" '["cl.example.com","node1.example.com",false,null]' "settings"
bad "$(op CLUSTER_CONFIG_QUERY 'output_fields:["nosuch"]')" OpPrereqError wrong_input \
	"Unknown output fields selected: nosuch"
job "$(op QUERY 'what:"node"' 'fields:["name"]')"
is "$(jq -c '[.data[][0][1]]' <<<"$RESULT")" '["node1.example.com","node2.example.com"]' "a query as an opcode"

# --- its end ---
bad "$(op CLUSTER_DESTROY)" OpPrereqError wrong_input "There are still 1 node(s) in this cluster."
good "$(op NODE_REMOVE 'node_name:"node2.example.com"')" "the other node goes"
master=$(uuid_of node1.example.com)
good "$(op CLUSTER_DESTROY)" "destroy"
is "$RESULT" "\"$master\"" "answers with the master's UUID"
is "$(calls '^hooks_runner' | grep -c cluster-destroy)" 1 "hooks run once"
ok "the master's address goes down" calls '^node_deactivate_master_ip'
done_testing
