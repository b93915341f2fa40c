#!/bin/bash
# What is refused: bad names, unknown parameters, duplicates, wrong states, missing things. Each with
# upstream's exit code and text, and without leaving anything behind.
# shellcheck disable=SC2154,SC2317 # what tlib.sh sets; functions for wait_for
# shellcheck source=tests/harness/tlib.sh
. "$(dirname "$0")/../harness/tlib.sh"
# shellcheck source=tests/harness/vcl.sh
. "$(dirname "$0")/../harness/vcl.sh"

prereq() { # ERROR-TYPE TEXT
	printf 'Failure: prerequisites not met for this operation:\nerror type: %s, error details:\n%s' "$1" "$2"
}

# gi CODE TEXT ARG...: "gnt-instance ARG..." is refused
gi() {
	local code=$1 text=$2
	shift 2
	refused "$code" "$text" m gnt-instance "$@"
}

# new CODE TEXT ARG...: creating inst9 with those
new() {
	local code=$1 text=$2
	shift 2
	refused "$code" "$text" m gnt-instance add "$@" inst9.example.com
}

# usage TEXT CMD...: a mistake of the command line: exit code 2, explained on stderr
usage() {
	local text=$1
	shift
	run "$@"
	is "$RC" 2 "fails with 2: $*"
	is "$(tail -n 1 <<<"$ERR")" "$text" "explained"
}

vcl_up 3
D=(-t diskless -o tiny+default)
N1=(-n node1.example.com)
ok "an instance" m gnt-instance add "${D[@]}" "${N1[@]}" --net 0:mac=aa:00:00:11:22:33 inst1.example.com
ok "another" m gnt-instance add "${D[@]}" -n node2.example.com --no-start inst2.example.com
config() { m gnt-instance list --no-headers --separator=: -o name,uuid,status,be/memory,nic.macs,tags; }
before=$(config)
group=$(m gnt-node list --no-headers -o group.uuid node1.example.com)

diag "names"
gi 1 "$(prereq already_exists "Instance 'inst1.example.com' is already in the cluster")" \
	add "${D[@]}" "${N1[@]}" inst1.example.com
gi 1 "$(prereq wrong_input "Invalid hostname 'bad_name!'")" add "${D[@]}" "${N1[@]}" 'bad_name!'
gi 1 'Error: Command add expects 1 argument(s)' add "${D[@]}"
gi 1 "$(prereq unknown_entity "Instance 'nope' not known")" info nope
gi 1 "$(prereq unknown_entity "Instance 'nope' not known")" remove -f nope
gi 1 "$(prereq unknown_entity "Instance 'nope' not known")" migrate -f nope
gi 1 "$(prereq unknown_entity "Instance 'nope' not known")" failover -f nope
gi 1 "$(prereq unknown_entity "Instance 'nope' not known")" rename nope inst9.example.com
gi 1 "$(prereq unknown_entity "Instance 'nope' not known")" modify -B memory=128 nope
for cmd in startup shutdown reboot "reinstall -f"; do
	# shellcheck disable=SC2086 # two words
	gi 1 "$(prereq wrong_input 'Selection filter does not match any instances')" $cmd nope
done
gi 1 "$(prereq already_exists "Instance 'inst1.example.com' is already in the cluster")" \
	rename inst2.example.com inst1.example.com
new 1 "$(prereq unknown_entity "Node 'nope' not known")" "${D[@]}" -n nope
gi 1 "$(prereq unknown_entity "Node 'nope' not known")" migrate -f -n nope inst1.example.com
run m gnt-instance foo
is "$RC" 1 "an unknown command"
like "$OUT" '^Usage: gnt-instance \{command\} \[options\.\.\.\] \[argument\.\.\.\]' "is answered with help"
usage 'gnt-instance: error: no such option: --foo' m gnt-instance list --foo

diag "parameters"
new 1 "Parameter Error: Unknown parameter 'foo'" "${D[@]}" "${N1[@]}" -B foo=1
new 1 "Parameter Error: Unknown parameter 'foo'" "${D[@]}" "${N1[@]}" -H fake:foo=1
new 1 "Parameter Error: Unknown parameter 'foo'" "${D[@]}" "${N1[@]}" --net 0:foo=1
new 1 "Parameter Error: 'vcpus' (value x) is not a valid integer" "${D[@]}" "${N1[@]}" -B vcpus=x
new 1 "$(prereq wrong_input "The following hypervisor parameters are global and cannot be customized at instance level, please modify them at cluster level: migration_mode")" \
	"${D[@]}" "${N1[@]}" -H fake:migration_mode=live
new 1 "$(prereq wrong_input "Instance allocation to group $group (default) violates policy: memory-size value 100000 is not in range [64, 4096]")" \
	"${D[@]}" "${N1[@]}" -B memory=100000
new 1 "$(prereq wrong_input "Minimum memory (512 MiB) is larger than maximum memory (256 MiB)")" \
	"${D[@]}" "${N1[@]}" -B minmem=512,maxmem=256
new 1 "$(prereq wrong_state 'Selected hypervisor (kvm) not enabled in the cluster (fake)')" \
	"${D[@]}" "${N1[@]}" -H kvm
gi 1 "Parameter Error: Unknown parameter 'foo'" modify -B foo=1 inst1.example.com
gi 1 'Please give at least one of the parameters.' modify inst1.example.com
gi 1 $'Failure: invalid tag(s) given:\nTag contains invalid characters' add-tags inst1.example.com 'bad tag!'
gi 1 "$(prereq unknown_entity "Tag(s) 'nosuch' not found")" remove-tags inst1.example.com nosuch
gi 1 "Error while parsing query filter: Failed to parse query filter 'foo bar': Expected end of text, found 'bar'  (at char 4), (line:1, col:5)
foo bar
    ^
Expected end of text, found 'bar'  (at char 4), (line:1, col:5)" list -F 'foo bar'

diag "operating systems"
new 1 $'Failure: command execution error:\nOS Parameters validation failed on node node1.example.com: Directory for OS nope not found in search path' \
	-t diskless -o nope "${N1[@]}"
new 1 $'Failure: command execution error:\nOS Parameters validation failed on node node1.example.com: OS name \'tiny\' must include a variant' \
	-t diskless -o tiny "${N1[@]}"
new 1 $'Failure: command execution error:\nOS Parameters validation failed on node node1.example.com: OS \'tiny\' does not support variant \'nosuch\'' \
	-t diskless -o tiny+nosuch "${N1[@]}"
new 1 $'Failure: command execution error:\nOS Parameters validation failed on node node1.example.com: The following parameters are not supported by the OS tiny: nosuch' \
	"${D[@]}" -O nosuch=1 "${N1[@]}"
new 1 "$(prereq wrong_input 'No guest OS or OS image specified')" -t diskless "${N1[@]}"

diag "disks"
F=(-t file -o tiny+default)
usage "gnt-instance: error: option -s: Unknown unit: x" m gnt-instance add "${F[@]}" "${N1[@]}" -s 1x inst9.example.com
usage "gnt-instance: error: option -t: invalid choice: 'foo' (choose from 'diskless', 'file', 'sharedfile', 'plain', 'blockdev', 'drbd', 'rbd', 'ext', 'gluster')" \
	m gnt-instance add -t foo -o tiny+default "${N1[@]}" inst9.example.com
new 1 $'Failure: prerequisites not met for this operation:\nDisk template \'plain\' is not enabled in cluster. Enabled disk templates are: file,sharedfile,diskless' \
	-t plain -s 1G -o tiny+default "${N1[@]}"
new 1 "$(prereq wrong_input 'No disk information specified')" "${F[@]}" "${N1[@]}"
new 1 "$(prereq wrong_input 'Diskless instance but disk information passed')" "${D[@]}" -s 1G "${N1[@]}"
new 1 "$(prereq wrong_input "Instance allocation to group $group (default) violates policy: disk-size/0 value 102400 is not in range [4, 65536]")" \
	"${F[@]}" -s 100G "${N1[@]}"
new 1 "$(prereq wrong_input "Invalid file storage directory '../x'")" "${F[@]}" -s 16m --file-storage-dir=../x "${N1[@]}"
run m gnt-instance add -t file --ignore-ipolicy -s 20000000G "${N1[@]}" -o tiny+default inst9.example.com
is "$RC" 1 "larger than any file can be"
like "$ERR" "^Failure: command execution error:"$'\n'"Can't create block device <Disk\(type=file, .*size=20480000000m\)> on node node1\.example\.com for instance inst9\.example\.com: Can't create block device: .*File too large" \
	"says so"

diag "NICs"
new 1 "$(prereq resource_not_unique 'MAC address aa:00:00:11:22:33 already in use in cluster')" \
	"${D[@]}" "${N1[@]}" --net 0:mac=aa:00:00:11:22:33
new 1 "$(prereq resource_not_unique 'MAC address aa:00:00:11:22:44 already in use in cluster')" \
	"${D[@]}" "${N1[@]}" --net 0:mac=aa:00:00:11:22:44 --net 1:mac=aa:00:00:11:22:44
new 1 "$(prereq wrong_input "Invalid MAC address 'zz'")" "${D[@]}" "${N1[@]}" --net 0:mac=zz
new 1 "$(prereq wrong_input "Invalid IP address '1.2.3.999'")" "${D[@]}" "${N1[@]}" --net 0:ip=1.2.3.999
new 1 "$(prereq unknown_entity "Network 'nonet' not found")" "${D[@]}" "${N1[@]}" --net 0:network=nonet
gi 1 "$(prereq wrong_input 'Got NIC index 7, but there are only 1')" modify --net 7:remove inst2.example.com
gi 1 "$(prereq wrong_input 'Got disk index 7, but there are only 0')" modify --disk 7:remove inst2.example.com

diag "states"
gi 1 "$(prereq wrong_state "Instance 'inst1.example.com' is marked to be up, cannot rename")" \
	rename inst1.example.com inst5.example.com
gi 1 "$(prereq wrong_state "Instance 'inst1.example.com' is marked to be up, can't change to offline without being down first")" \
	modify --offline inst1.example.com
gi 1 "$(prereq wrong_state "Can't migrate, please use failover: Instance inst2.example.com is not running")" \
	migrate -f -n node1.example.com inst2.example.com
gi 1 "$(prereq wrong_state 'Cannot migrate instance inst1.example.com to its primary (node1.example.com)')" \
	migrate -f -n node1.example.com inst1.example.com
gi 1 "$(prereq wrong_input 'No iallocator or node given and no cluster-wide default iallocator found; please specify either an iallocator or a node, or set a cluster-wide default iallocator')" \
	migrate -f inst1.example.com
new 1 $'Failure: command execution error:\nFailure while running the iallocator script: iallocator module \'nosuch\' not found in the search path' \
	"${D[@]}" -I nosuch
run m gnt-instance reinstall -f inst2.example.com
is "$RC" 1 "a diskless instance can't be reinstalled"
like "$ERR" "^Job [0-9]+ for inst2.example.com has failed: $(prereq wrong_input "Instance 'inst2.example.com' has no disks")\$" \
	"says so"
ok "take one offline" m gnt-instance modify --offline inst2.example.com
run m gnt-instance startup inst2.example.com
like "$ERR" "has failed: $(prereq wrong_state "Instance 'inst2.example.com' is marked to be offline, can't use instance from outside down, up states")\$" \
	"it can't be started"
ok "and back" m gnt-instance modify --online inst2.example.com

diag "nodes"
gn() {
	local code=$1 text=$2
	shift 2
	refused "$code" "$text" m gnt-node "$@"
}
gn 1 "Node node2.example.com already in the cluster (as node2.example.com) - please retry with '--readd'" \
	add node2.example.com
gn 1 "Node node9.example.com not in the cluster - please retry without '--readd'" add --readd node9.example.com
gn 1 "$(prereq resolver_error 'The given name (nodexx.example.com) does not resolve: Name or service not known')" \
	add nodexx.example.com
gn 1 "$(prereq wrong_input 'The master role can be changed only via master-failover')" modify -O yes node1.example.com
gn 1 "$(prereq unknown_entity "Node 'nope' not known")" modify -O yes nope
gn 1 "$(prereq wrong_input "Can't set the node into more than one state at the same time")" \
	modify -O yes -D yes node2.example.com
gn 1 'Please give at least one of the parameters.' modify node2.example.com
gn 1 "Parameter Error: Unknown parameter 'foo'" modify --node-parameters foo=1 node2.example.com
gn 1 "Parameter Error: 'exclusive_storage' (value no) is not a valid boolean" \
	modify --node-parameters exclusive_storage=no node2.example.com
gn 1 "$(prereq wrong_input 'Node is the master node, failover to another node is required')" remove node1.example.com
gn 1 "$(prereq wrong_input 'Instance inst2.example.com is still running on the node, please remove first')" \
	remove node2.example.com
run m gnt-node list -o foo
is "$RC/$ERR" '14/Warning: Queried for unknown fields foo' "an unknown field"

diag "cluster"
gc() {
	local code=$1 text=$2
	shift 2
	refused "$code" "$text" m gnt-cluster "$@"
}
gc 1 "$(prereq wrong_state 'Cluster is already initialised')" init --no-ssh-init cl2.example.com
gc 1 "$(prereq wrong_input 'There are still 2 node(s) in this cluster.')" destroy --yes-do-it
gc 1 'Please give at least one of the parameters.' modify
gc 1 "Parameter Error: Unknown parameter 'foo'" modify -B foo=1
gc 1 "$(prereq wrong_state "Cannot disable disk template 'diskless', because instance 'inst1.example.com' is using it.")" \
	modify --enabled-disk-templates=sharedfile
gc 2 $'Corrupt configuration file: Invalid NIC mode \'foo\'\nAborting.' modify --nic-parameters=mode=foo
gc 1 'Error: Command info expects no arguments' info x
gc 1 "$(prereq wrong_input "Command 'foo' is not valid.")" queue foo
usage "gnt-cluster: error: option -C: invalid integer value: 'x'" m gnt-cluster modify -C x

diag "nothing of that left a trace"
is "$(config)" "$before" "the same instances"
is "$(vcl_leftovers | grep -v fake-hypervisor/inst1.example.com)" '' "no file, no lock"
is "$(m gnt-job list --no-headers -o status --pending)$(m gnt-job list --no-headers -o status --running)" '' "no job"
ok "verify" m gnt-cluster verify
unlike "$OUT" 'ERROR|WARNING' "finds no mistake"
vcl_done
