#!/bin/bash
# Networks: add with addresses set aside, change, connect to groups, disconnect, rename, remove.
# shellcheck disable=SC2317 # called by ok
# shellcheck source=tests/lu/lib.sh
. "$(dirname "$0")/lib.sh"
nodes 2

nets() { # FIELDS...
	query network "[$(printf '"%s",' "$@" | sed 's/,$//')]"
}

env_of() { # HOOK PHASE
	jq -c '.[2]' <<<"$(calls "^hooks_runner.*$1.*\"$2\"" | head -1 | cut -d' ' -f3-)"
}

add() { # NAME NET KEY:JSON...
	local name=$1 net=$2
	shift 2
	op NETWORK_ADD "network_name:\"$name\"" "network:\"$net\"" "$@"
}

# --- add ---
bad "$(add n1 192.0.2.0/24 'mac_prefix:"aa:zz:01"')" OpPrereqError wrong_input "Invalid MAC address prefix 'aa:zz:01'"
bad "$(add n1 10.0.0.0/15)" OpExecError null \
	"Cannot create IP address pool for network 'n1': A big network with 131072 host(s) is currently not supported. please specify at most a /16 network"
bad "$(add n1 192.0.2.0/31)" OpExecError null \
	"Cannot create IP address pool for network 'n1': A network with only 2 host(s) is too small, please specify at least a /30 network"
bad "$(add n1 192.0.2.0/24 'gateway:"192.0.3.1"')" OpExecError null \
	"Cannot create IP address pool for network 'n1': 192.0.2.0/24 does not contain 192.0.3.1"
bad "$(add n1 192.0.2.0/24 'network6:"2001:db8:1::/64"' 'gateway6:"2001:db8:2::1"')" OpExecError null \
	"Cannot create IP address pool for network 'n1': 2001:db8:1::/64 does not contain 2001:db8:2::1"
bad "$(add n1 192.0.2.0/24 'add_reserved_ips:["192.0.2.9","192.0.2.9"]')" OpExecError null \
	"Cannot reserve IP address '192.0.2.9': IP 192.0.2.9 is already externally reserved"
is "$(nets name)" "" "there is none yet"
good "$(add n1 192.0.2.0/24 'gateway:"192.0.2.1"' 'network6:"2001:db8:1::/64"' 'gateway6:"2001:db8:1::1"' 'mac_prefix:"AA:BB:CC"' \
	'add_reserved_ips:["192.0.2.10","192.0.2.11"]' 'tags:["t1","t2"]' conflicts_check:false)" "add n1"
is "$(nets name network gateway network6 gateway6 mac_prefix external_reservations free_count)" \
	'["n1","192.0.2.0/24","192.0.2.1","2001:db8:1::/64","2001:db8:1::1","aa:bb:cc","192.0.2.0, 192.0.2.1, 192.0.2.10, 192.0.2.11, 192.0.2.255",251]' \
	"it is what was asked for"
is "$(env_of network-add pre | jq -c '[.GANETI_NETWORK_NAME,.GANETI_NETWORK_SUBNET,.GANETI_NETWORK_GATEWAY,.GANETI_NETWORK_SUBNET6,.GANETI_NETWORK_GATEWAY6,.GANETI_NETWORK_MAC_PREFIX,.GANETI_NETWORK_TAGS]')" \
	'["n1","192.0.2.0/24","192.0.2.1","2001:db8:1::/64","2001:db8:1::1","aa:bb:cc","t1 t2"]' "the variables of hooks"
bad "$(add n1 198.51.100.0/24)" OpPrereqError already_exists \
	"Desired network name 'n1' already exists as a network (UUID: $(nets uuid | jq -r '.[0]'))"
good "$(add n2 "$LU_NET.0/24")" "add a network with the nodes' addresses"
like "$LOG" "INFO: Reserved IP address of node 'node1.example.com' \($(ip 1)\)" "they are set aside"
like "$LOG" "INFO: Reserved IP address of node 'node2.example.com' \($(ip 2)\)" "each of them"
unlike "$LOG" "WARNING" "without complaint"

# --- change ---
modify() {
	op NETWORK_SET_PARAMS 'network_name:"n1"' "$@"
}
bad "$(modify 'gateway:"192.0.2.2"' 'add_reserved_ips:["192.0.2.3"]')" OpPrereqError wrong_input \
	"Cannot modify gateway and reserved ips at once"
bad "$(modify 'gateway:"192.0.3.1"')" OpPrereqError wrong_input "192.0.2.0/24 does not contain 192.0.3.1"
good "$(modify 'gateway:"192.0.2.254"' 'mac_prefix:"none"' 'network6:"2001:db8:2::/64"' 'gateway6:"2001:db8:2::1"')" "another gateway"
is "$(nets gateway network6 gateway6 mac_prefix external_reservations | head -1)" \
	'["192.0.2.254","2001:db8:2::/64","2001:db8:2::1",null,"192.0.2.0, 192.0.2.10, 192.0.2.11, 192.0.2.254, 192.0.2.255"]' "it is so"
is "$(env_of network-modify pre | jq -c '[.GANETI_NETWORK_GATEWAY,.GANETI_NETWORK_SUBNET6]')" '["192.0.2.254","2001:db8:2::/64"]' "and hooks know"
good "$(modify 'gateway:"192.0.2.254"')" "the same gateway again"
is "$LOG" " - WARNING: Gateway is already 192.0.2.254" "is told"
good "$(modify 'add_reserved_ips:["192.0.2.12","192.0.2.10"]' 'remove_reserved_ips:["192.0.2.11","192.0.2.99","192.0.2.254"]')" "addresses"
is "$LOG" " - WARNING: Cannot reserve IP address 192.0.2.10: IP 192.0.2.10 is already externally reserved
 - WARNING: Cannot release IP address 192.0.2.99: IP 192.0.2.99 is not externally reserved
 - WARNING: Cannot unreserve Gateway's IP" "what was not possible is told"
is "$(nets external_reservations | head -1)" '["192.0.2.0, 192.0.2.10, 192.0.2.12, 192.0.2.254, 192.0.2.255"]' "the rest is done"

# --- groups ---
connect() {
	op NETWORK_CONNECT 'network_name:"n1"' 'group_name:"default"' "$@"
}
disconnect=$(op NETWORK_DISCONNECT 'network_name:"n1"' 'group_name:"default"')
good "$disconnect" "disconnect what is not connected"
is "$LOG" " - WARNING: Network 'n1' is not mapped to group 'default'" "is told"
bad "$(op NETWORK_CONNECT 'network_name:"n9"' 'group_name:"default"' 'network_mode:"bridged"' 'network_link:"br0"')" \
	OpPrereqError unknown_entity "Network 'n9' not found"
good "$(connect 'network_mode:"bridged"' 'network_link:"br0"')" "connect"
is "$(nets group_list | head -1)" '[[["default","bridged","br0",""]]]' "it is connected"
is "$(env_of network-connect pre | jq -c '[.GANETI_GROUP_NAME,.GANETI_GROUP_NETWORK_MODE,.GANETI_GROUP_NETWORK_LINK,.GANETI_GROUP_NETWORK_VLAN]')" \
	'["default","bridged","br0",""]' "the variables of hooks"
is "$(calls '^hooks_runner.*network-connect.*"pre"' | cut -d' ' -f2 | sort)" "$(for k in 1 2; do ip $k; done)" "they run on the group's nodes"
good "$(connect 'network_mode:"bridged"' 'network_link:"br0"')" "connect again"
is "$LOG" " - WARNING: Network 'n1' is already mapped to group 'default'" "is told"
bad "$(op NETWORK_REMOVE 'network_name:"n1"')" OpPrereqError wrong_state "Network still connected"
is "$LOG" " - WARNING: Network 'n1' is connected to the following node groups: default" "and where"
good "$disconnect" "disconnect"
is "$(env_of network-disconnect post | jq -c '[.GANETI_GROUP_NAME,.GANETI_POST_GROUP_NETWORK_LINK]')" '["default","br0"]' "hooks know what was there"
is "$(nets group_cnt | head -1)" '[0]' "it is not connected"

# --- rename, remove ---
bad "$(op NETWORK_RENAME 'network_name:"n1"' 'new_name:"n2"')" OpPrereqError already_exists \
	"Desired new name 'n2' clashes with existing network (UUID: $(nets uuid | tail -1 | jq -r '.[0]'))"
good "$(op NETWORK_RENAME 'network_name:"n1"' 'new_name:"n3"')" "rename n1"
is "$RESULT" '"n3"' "its result"
good "$(op NETWORK_REMOVE 'network_name:"n3"')" "remove n3"
is "$(nets name)" '["n2"]' "it is gone"
done_testing
