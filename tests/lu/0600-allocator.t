#!/bin/bash
# Allocators: what they are told, and what becomes of their answers.
# shellcheck source=tests/lu/lib.sh
. "$(dirname "$0")/lib.sh"
nodes 3

node_info() { # free memory
	printf '["boot", [{"type": "file", "name": "/srv/f", "storage_size": 1000, "storage_free": 900}], [{"memory_total": 4096, "memory_free": %d, "memory_dom0": 100, "cpu_total": 4, "cpu_dom0": 1}]]' "$1"
}

create() {
	op INSTANCE_CREATE 'instance_name:"inst1.example.com"' 'mode:"create"' 'disk_template:"diskless"' 'disks:[]' \
		'nics:[]' 'os_type:"tiny"' 'hypervisor:"fake"' 'iallocator:"pick"' 'beparams:{"maxmem":256,"minmem":128}' \
		name_check:false no_install:true start:false conflicts_check:false ignore_ipolicy:true dry_run:true
}

allocator_says() {
	unsaid '^iallocator_runner'
	said "iallocator_runner * $(jq -Rn --arg x "$1" '$x')"
}

said "node_info * $(node_info 3000)" "all_instances_info * {}" "os_validate * true"

allocator_says '{"success": true, "info": "fine", "result": ["node3.example.com"]}'
good "$(create)" "an answer"
like "$LOG" "INFO: Selected nodes for instance inst1.example.com via iallocator pick: node3.example.com" "is taken"
is "$(calls '^iallocator_runner' | cut -d' ' -f2)" "$(ip 1)" "the master runs it"
told=$(calls '^iallocator_runner' | cut -d' ' -f3- | jq -c '.[1] | fromjson')
is "$(jq -c '[.version, .cluster_name, .enabled_hypervisors]' <<<"$told")" \
	"$(luxi QueryClusterInfo '[]' | jq -c '[2, .name, .enabled_hypervisors]')" "it is told of the cluster"
is "$(jq -c '.nodes["node2.example.com"] | [.total_memory, .free_memory, .reserved_memory, .total_cpus, .reserved_cpus,
	.i_pri_memory, .primary_ip, .offline, .group]' <<<"$told")" \
	"[4096,3000,100,4,1,0,\"$(ip 2)\",false,\"$(query group '["uuid"]' | jq -r '.[0]')\"]" "of its nodes"
is "$(jq -c '.request | [.type, .name, .memory, .required_nodes, .hypervisor, .disk_template]' <<<"$told")" \
	'["allocate","inst1.example.com",256,1,"fake","diskless"]' "and what is wanted"
is "$(jq -c '.nodegroups[] | [.name, .alloc_policy]' <<<"$told")" '["default","preferred"]' "of its groups"

allocator_says '{"success": true, "info": "", "nodes": ["node2.example.com"]}'
good "$(create)" "the name of old protocols is understood"

refused() { # ANSWER CLASS CODE TEXT
	allocator_says "$1"
	bad "$(create)" "$2" "$3" "$4"
}
refused '{"success": false, "info": "too full", "result": []}' OpPrereqError insufficient_resources \
	"Can't compute nodes using iallocator 'pick': too full"
refused '{"success": true, "result": []}' OpExecError null "Can't parse iallocator results: missing key 'info'"
refused '{"success": true, "info": ""}' OpExecError null "Can't parse iallocator results: missing key 'result'"
refused '[]' OpExecError null "Can't parse iallocator results: not a dict"
refused '{"success": true, "info": "", "result": ["node1.example.com", "node2.example.com"]}' OpExecError null \
	"iallocator returned invalid number of nodes (2), required 1"
refused '{"success": true, "info": "", "result": [1]}' OpExecError null \
	"iallocator returned invalid result for 'allocate': [1]"
refused '{"success": true, "info": "", "result": ["node9.example.com"]}' OpPrereqError unknown_entity \
	"Node 'node9.example.com' not known"
allocator_says 'nonsense'
job "$(create)"
like "$RESULT" "OpExecError.*Can't parse iallocator results: " "no JSON at all"
unsaid '^iallocator_runner'
said "iallocator_runner * !iallocator module 'pick' not found in the search path"
bad "$(create)" OpExecError null \
	"Failure while running the iallocator script: iallocator module 'pick' not found in the search path"

# --- nodes that do not say what they have ---
said "node_info $(ip 2) !dead"
bad "$(create)" OpExecError null "Can't get data for node node2.example.com: dead"
unsaid '^node_info .* !'
said "node_info $(ip 2) $(node_info 3000 | sed 's/"cpu_dom0": 1/"cpu_x": 1/')"
bad "$(create)" OpExecError null "Node 'node2.example.com' didn't return attribute 'cpu_dom0'"
said "node_info $(ip 2) $(node_info 3000 | sed 's/"cpu_dom0": 1/"cpu_dom0": "one"/')"
bad "$(create)" OpExecError null "Node 'node2.example.com' returned invalid value for 'cpu_dom0': not a number"
good "$(op NODE_SET_PARAMS 'node_name:"node2.example.com"' offline:true)" "an offline node"
allocator_says '{"success": true, "info": "", "result": ["node3.example.com"]}'
good "$(create)" "is not asked"
told=$(calls '^iallocator_runner' | cut -d' ' -f3- | jq -c '.[1] | fromjson')
is "$(jq -c '.nodes["node2.example.com"] | [.offline, .free_memory]' <<<"$told")" '[true,null]' "but told of"
done_testing
