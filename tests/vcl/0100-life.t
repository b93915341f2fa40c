#!/bin/bash
# The life of a cluster: from init over instances of every template and all that can be done with them to
# destroy, as an administrator types it. Nothing may be left behind.
# shellcheck disable=SC2154,SC2317 # what tlib.sh sets; functions for wait_for
# shellcheck source=tests/harness/tlib.sh
. "$(dirname "$0")/../harness/tlib.sh"
# shellcheck source=tests/harness/vcl.sh
. "$(dirname "$0")/../harness/vcl.sh"

# prints DESCRIPTION TEXT CMD...: succeeds, stdout is exactly TEXT
prints() {
	local d=$1 text=$2
	shift 2
	run "$@"
	if [ "$RC" = 0 ] && [ "$OUT" = "$text" ] && [ -z "$ERR" ]; then pass "$d"; else
		fail "$d"
		diag "expected: $text"
		_t_show
	fi
}

# field INSTANCE NAME: one value of a list
field() {
	m gnt-instance list --no-headers -o "$2" "$1"
}

fake_file() { # NODE INSTANCE
	echo "$(vcl_file "$1" RUN_DIR)/fake-hypervisor/$2"
}

# the log lines of a job without their times
untimed() {
	sed -E 's/^[A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9]{2} [0-9:]{8} [0-9]{4} //' <<<"$OUT"
}

vcl_up 3

diag "the new cluster"
prints "getmaster" node1.example.com m gnt-cluster getmaster
prints "getmaster on another node" node1.example.com vcl_on 3 gnt-cluster getmaster
ok "info" m gnt-cluster info
like "$OUT" $'^Cluster name: cl.example.com\nCluster UUID: [0-9a-f-]{36}\n' "begins with the cluster"
like "$OUT" $'\nEnabled hypervisors: fake\n' "has the hypervisors"
ok "version" m gnt-cluster version
like "$OUT" $'^Software version: 3\.1\.0\nInternode protocol: 3010000\nConfiguration format: 3010000\nOS api version: 20\n' "is 3.1"
prints "three nodes, all candidates" $'node1.example.com:M\nnode2.example.com:C\nnode3.example.com:C' \
	m gnt-node list --no-headers --separator=: -o name,role
ok "verify" m gnt-cluster verify
unlike "$OUT" 'ERROR|WARNING' "finds no mistake"
refused 1 "Failure: prerequisites not met for this operation:
error type: wrong_input, error details:
This is not the master node, please connect to node 'node1.example.com' and rerun the command" \
	vcl_on 2 gnt-node list
for k in 1 2 3; do
	is "$(cat "$(vcl_file $k DATA_DIR)/ssconf_master_node")" node1.example.com "node$k knows its master"
	ok "node$k has a copy of the configuration" grep -q '"cluster_name": *"cl.example.com"' \
		"$(vcl_file $k CONFIG_FILE)"
done
prints "OS definitions" $'held+default\ntiny+default\ntiny+filled' m gnt-os list --no-headers
ok "diagnose" m gnt-os diagnose
like "$OUT" 'OS: tiny \[global status: valid\]' "they are good"

diag "instances"
ok "diskless" m gnt-instance add -t diskless -o tiny+default -n node1.example.com \
	--net 0:mac=aa:00:00:11:22:33,ip=10.1.2.3,name=eth -B memory=256,vcpus=2 inst1.example.com
is "$(untimed)" "* creating instance disks...
adding instance inst1.example.com to cluster config
adding disks to cluster config
* starting instance..." "says what it does"
ok "runs where it should" test -e "$(fake_file 1 inst1.example.com)"
ok "shared file" m gnt-instance add -t sharedfile --disk 0:size=64m,name=root --disk 1:size=32m,mode=ro \
	-o tiny+default -O message=hello -n node2.example.com --tags t1,t2 --no-start inst2.example.com
like "$(untimed)" "^\* disk 0, size 64M
\* disk 1, size 32M
\* creating instance disks...
adding instance inst2.example.com to cluster config
adding disks to cluster config
.*
\* running the instance OS create scripts...$" "says what it does"
is "$(find "$VCL/shared/inst2.example.com" -type f -printf '%s\n' | sort -n)" $'33554432\n67108864' "its disks"
ok "the OS wrote to the first" grep -qax 'message=hello' "$(find "$VCL/shared/inst2.example.com" -name '*disk0')"
nok "it was not started" test -e "$(fake_file 2 inst2.example.com)"
ok "local file" m gnt-instance add -t file -s 32m -o tiny+filled -n node3.example.com inst3.example.com
f=$(find "$(vcl_root 3)/srv/ganeti/file-storage/inst3.example.com" -type f)
is "$(stat -c %s "$f")" 33554432 "has its disk on its node"
like "$(tail -c 64 "$f")" '^inst3.example.com 0 0+524287 *$' "which the OS filled"
alloc=$(dirname "$(vcl_file 1 IALLOCATOR_SEARCH_DIRS | cut -d: -f1)/x")
mkdir -p "$alloc"
cat >"$alloc/third" <<'A'
#!/bin/sh
cp "$1" "${0%/*}/request"
echo '{"success": true, "info": "chosen", "result": ["node3.example.com"]}'
A
chmod 755 "$alloc/third"
ok "an allocator chooses the node" m gnt-instance add -t diskless -o tiny+default -I third --no-start inst4.example.com
like "$(untimed)" '^ - INFO: Selected nodes for instance inst4.example.com via iallocator third: node3.example.com' "says so"
ok "and was told about the cluster" grep -q '"inst4.example.com"' "$alloc/request"
ok "remove" m gnt-instance remove -f inst4.example.com
ok "dry run" m gnt-instance add --dry-run -t diskless -o tiny+default -n node1.example.com inst9.example.com
like "$(untimed)" '^ - INFO: dry-run mode requested, not actually executing the operation$' "says so"

prints "list" "Instance          Hypervisor OS           Primary_node      Status     Memory
inst1.example.com fake       tiny+default node1.example.com running      256M
inst2.example.com fake       tiny+default node2.example.com ADMIN_down      -
inst3.example.com fake       tiny+filled  node3.example.com running      128M" m gnt-instance list
prints "chosen fields" 'inst2.example.com|ADMIN_down|128|64|sharedfile|t1,t2|down' \
	m gnt-instance list --no-headers --separator='|' \
	-o name,status,be/memory,disk.size/0,disk_template,tags,admin_state inst2.example.com
prints "more of them" 'inst1.example.com running 10.1.2.3 aa:00:00:11:22:33 256M' \
	m gnt-instance list --no-headers --separator=' ' --units=h -o name,status,nic.ip/0,nic.mac/0,oper_ram \
	-F 'name =* "inst1.*"'
prints "a filter" $'inst1.example.com\ninst3.example.com' \
	m gnt-instance list --no-headers -o name -F 'oper_state and (pnode == "node1.example.com" or pnode == "node3.example.com")'
prints "in units of GiB" '0.2' m gnt-instance list --no-headers --units=g -o be/memory inst1.example.com
run m gnt-instance list -o name,foo inst1.example.com
is "$RC" 14 "an unknown field has an exit code of its own"
is "$ERR" 'Warning: Queried for unknown fields foo' "and a warning"
like "$OUT" '\?\?$' "and shows as such"
ok "list-fields" m gnt-instance list-fields
ok "every field of the list can be listed" m gnt-instance list -o \
	"$(m gnt-instance list-fields | awk 'NR > 1 && $1 !~ /[{}]/ {print $1}' | paste -sd,)"
ok "every field of nodes" m gnt-node list -o \
	"$(m gnt-node list-fields | awk 'NR > 1 && $1 !~ /[{}]/ {print $1}' | paste -sd,)"

ok "info" m gnt-instance info inst2.example.com
for line in '- Instance name: inst2.example.com' '  State: configured to be down, actual state is down' \
	'    - primary: node2.example.com' '  Operating system: tiny+default' '    message: hello' \
	'  Disk template: sharedfile' '    - disk/0: sharedfile, size 64M' '      access mode: ro'; do
	like $'\n'"$OUT"$'\n' $'\n'"${line//+/\\+}"$'\n' "info: $line"
done
ok "info of all" m gnt-instance info --all
is "$(grep -c '^- Instance name' <<<"$OUT")" 3 "has all"
ok "static info" m gnt-instance info -s inst1.example.com
ok "node info" m gnt-node info node1.example.com
like "$OUT" $'primary for instances: \n    - inst1.example.com\n' "has the instance"
prints "console" 'Console not available for fake hypervisor' m gnt-instance console inst1.example.com

diag "states"
prints "startup" "Waiting for job $(($(m gnt-job list --no-headers -o id | tail -n 1) + 1)) for inst2.example.com ..." \
	m gnt-instance startup inst2.example.com
is "$(field inst2.example.com status)" running "runs"
ok "startup of a running one is fine" m gnt-instance start inst2.example.com
ok "reboot" m gnt-instance reboot inst2.example.com
ok "hard reboot" m gnt-instance reboot -t hard inst2.example.com
ok "full reboot" m gnt-instance reboot -t full inst2.example.com
ok "shutdown" m gnt-instance shutdown inst2.example.com
is "$(field inst2.example.com status)" ADMIN_down "is down"
nok "does not run" test -e "$(fake_file 2 inst2.example.com)"
ok "shutdown of a stopped one is fine" m gnt-instance stop inst2.example.com
rm "$(fake_file 1 inst1.example.com)" # crashed, as far as one can tell
is "$(field inst1.example.com status)" ERROR_down "a crash shows"
ok "startup repairs it" m gnt-instance startup inst1.example.com
is "$(field inst1.example.com status)" running "it runs again"
echo > "$(fake_file 2 inst2.example.com)" "128"$'\n'1$'\n'x
is "$(field inst2.example.com status)" ERROR_up "so does one that should not run"
ok "shutdown repairs it" m gnt-instance shutdown inst2.example.com
ok "offline" m gnt-instance modify --offline inst2.example.com
is "$(field inst2.example.com status)" ADMIN_offline "is offline"
ok "online" m gnt-instance modify --online inst2.example.com
ok "all of them" m gnt-instance startup --all --force-multi
ok "many at once" m gnt-instance shutdown --all --force-multi
is "$(m gnt-instance list --no-headers -o status | sort -u)" ADMIN_down "all down"
ok "of one node" m gnt-instance startup --node --force-multi node2.example.com
is "$(field inst2.example.com status)" running "that one runs"

diag "changes"
ok "modify" m gnt-instance modify -B maxmem=512,minmem=256,vcpus=3 inst1.example.com
is "$OUT" "Modified instance inst1.example.com
 - be/maxmem -> 512
 - be/minmem -> 256
 - be/vcpus -> 3
Please don't forget that most parameters take effect only at the next (re)start of the instance initiated by ganeti; restarting from within the instance will not be enough." "says what"
prints "it is stored" 512:256:3 m gnt-instance list --no-headers --separator=: -o be/maxmem,be/minmem,be/vcpus inst1.example.com
ok "add a NIC" m gnt-instance modify --net add:ip=10.1.2.4,mac=aa:00:00:11:22:34 inst1.example.com
ok "change it" m gnt-instance modify -f --net 1:modify,ip=10.1.2.5 inst1.example.com
is "$(field inst1.example.com nic.ips)" 10.1.2.3,10.1.2.5 "both addresses"
ok "remove it" m gnt-instance modify --net 1:remove inst1.example.com
is "$(field inst1.example.com nic.count)" 1 "one is left"
ok "add a disk" m gnt-instance modify --disk add:size=16m,name=more inst3.example.com
is "$(field inst3.example.com disk.sizes)" 32,16 "two disks"
ok "remove it" m gnt-instance modify --disk more:remove inst3.example.com
is "$(find "$(vcl_root 3)/srv/ganeti/file-storage" -type f | wc -l)" 1 "and its file"
ok "OS parameters" m gnt-instance modify -O message=changed inst3.example.com
ok "reinstall" m gnt-instance reinstall -f inst3.example.com
ok "used them" grep -qax 'message=changed' "$(find "$(vcl_root 3)/srv/ganeti/file-storage" -type f)"
ok "rename" m gnt-instance rename inst3.example.com inst33.example.com
is "$OUT" "Instance 'inst3.example.com' renamed to 'inst33.example.com'" "says so"
ok "moved its directory" test -d "$(vcl_root 3)/srv/ganeti/file-storage/inst33.example.com"
nok "all of it" test -e "$(vcl_root 3)/srv/ganeti/file-storage/inst3.example.com"
ok "renamed inside" grep -qax 'name=inst33.example.com' "$(find "$(vcl_root 3)/srv/ganeti/file-storage" -type f)"

diag "tags"
for thing in "cluster" "node node2.example.com" "instance inst1.example.com" "group default"; do
	read -r kind name <<<"$thing"
	# shellcheck disable=SC2086 # nothing for the cluster
	ok "$kind: add" m gnt-$kind add-tags $name b/1 a
	# shellcheck disable=SC2086
	prints "$kind: list" $'a\nb/1' m gnt-$kind list-tags $name
	# shellcheck disable=SC2086
	ok "$kind: remove" m gnt-$kind remove-tags $name a
done
prints "search" $'/cluster b/1\n/instances/inst1.example.com b/1\n/nodegroup/default b/1\n/nodes/node2.example.com b/1' \
	m gnt-cluster search-tags '^b/'

diag "moving"
ok "migrate" m gnt-instance migrate -f -n node3.example.com inst2.example.com
like "$(untimed)" $'^Migrating instance inst2.example.com\n.*\n\\* memory transfer complete\n.*\\* done$' "says what it does"
is "$(field inst2.example.com pnode)" node3.example.com "is there"
ok "runs there" test -e "$(fake_file 3 inst2.example.com)"
nok "and not here" test -e "$(fake_file 2 inst2.example.com)"
ok "failover" m gnt-instance failover -f -n node1.example.com inst2.example.com
is "$(field inst2.example.com pnode)" node1.example.com "is there"
ok "runs there" test -e "$(fake_file 1 inst2.example.com)"
nok "and not here" test -e "$(fake_file 3 inst2.example.com)"

diag "nodes"
ok "drain" m gnt-node modify --drained=yes node3.example.com
is "$OUT" $'Modified node node3.example.com\n - master_candidate -> False\n - drained -> True' "says so"
ok "undrain" m gnt-node modify --drained=no node3.example.com
ok "parameters" m gnt-node modify --node-parameters spindle_count=2 node3.example.com
prints "are stored" 2 m gnt-node list --no-headers -o ndp/spindle_count node3.example.com
ok "no candidate" m gnt-node modify -C no node2.example.com --force
ok "all nodes are told" wait_for 60 not grep -q node2 "$(vcl_file 3 DATA_DIR)/ssconf_master_candidates"
ok "candidate" m gnt-node modify -C yes node2.example.com
ok "the configuration is back" wait_for 60 test -s "$(vcl_file 2 CONFIG_FILE)"
ok "and it knows its role" wait_for 60 grep -q node2 "$(vcl_file 2 DATA_DIR)/ssconf_master_candidates"
ok "remove an empty one" m gnt-node remove node2.example.com
ok "its agent ends" wait_for 60 not vcl_pid 2 ganeti-noded
is "$(find "$(vcl_file 2 DATA_DIR)" -type f)" '' "no secret is left on it"
ok "add it again" m gnt-node add node2.example.com
is "$(untimed)" ' - INFO: Node will be a master candidate' "as a candidate"

diag "the cluster's parameters"
ok "modify" m gnt-cluster modify -B memory=192 -H fake:migration_mode=live -C 2
ok "info" m gnt-cluster info
like "$OUT" 'maxmem: 192' "has the memory"
like "$OUT" 'candidate pool size: 2' "has the pool size"
refused 1 'Please give at least one of the parameters.' m gnt-cluster modify
ok "redist-conf" m gnt-cluster redist-conf
ok "verify" m gnt-cluster verify
unlike "$OUT" 'ERROR|WARNING' "finds no mistake"

diag "the end"
ok "instances go" m gnt-instance remove -f inst1.example.com
ok "one by one" m gnt-instance remove -f inst2.example.com
ok "for a script" m gnt-instance remove -f --shutdown-timeout=10 inst33.example.com
is "$(vcl_leftovers)" '' "and leave nothing behind"
ok "remove node2" m gnt-node remove node2.example.com
ok "remove node3" m gnt-node remove node3.example.com
refused 1 'Destroying a cluster is irreversible. If you really want destroy this cluster, supply the --yes-do-it option.' \
	m gnt-cluster destroy
ok "destroy" m gnt-cluster destroy --yes-do-it
ok "all processes end" wait_for 60 _vcl_none
is "$(find "$(vcl_file 1 DATA_DIR)" -type f ! -path '*/queue/*')" '' "no file of the cluster is left"
ok "a new one can be made at once" m gnt-cluster init "${VCL_INIT[@]}" $CLUSTER
vcl_done
