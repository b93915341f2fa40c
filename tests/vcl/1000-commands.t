#!/bin/bash
# Commands that are more than their opcode, as an administrator types them: disks of instances, filters, groups,
# the watcher, emergency power-off, and what is refused because this version cannot do it.
# shellcheck disable=SC2154,SC2317 # what tlib.sh sets; functions for wait_for
# shellcheck source=tests/harness/tlib.sh
. "$(dirname "$0")/../harness/tlib.sh"
# shellcheck source=tests/harness/vcl.sh
. "$(dirname "$0")/../harness/vcl.sh"

# prints DESCRIPTION TEXT CMD...: succeeds, stdout without times is exactly TEXT
prints() {
	local d=$1 text=$2
	shift 2
	run "$@"
	OUT=$(sed -E 's/^[A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9]{2} [0-9:]{8} [0-9]{4} //' <<<"$OUT")
	if [ "$RC" = 0 ] && [ "$OUT" = "$text" ] && [ -z "$ERR" ]; then pass "$d"; else
		fail "$d"
		diag "expected: $text"
		_t_show
	fi
}

field() { # INSTANCE NAME
	m gnt-instance list --no-headers -o "$2" "$1"
}

failure() { # TYPE MESSAGE
	printf 'Failure: prerequisites not met for this operation:\nerror type: %s, error details:\n%s' "$1" "$2"
}

todo=$(./schema_dump --unimplemented)
vcl_up 3
i1=inst1.example.com i2=inst2.example.com i3=inst3.example.com
ok "an instance in a file" m gnt-instance add -t file -s 32m -o tiny+default -n node2.example.com $i1
ok "one in a shared file" m gnt-instance add -t sharedfile -s 32m -o tiny+default -n node2.example.com $i2
ok "one without disks" m gnt-instance add -t diskless -o tiny+default -n node3.example.com $i3

diag "disks"
disk=$(find "$(vcl_root 2)/srv/ganeti/file-storage/$i1" -type f)
ok "grow-disk" m gnt-instance grow-disk $i1 0 16m
like "$OUT" "Growing disk 0 of instance '$i1' by 16M to 48M" "says how much"
is "$(field $i1 disk.size/0) $(stat -c %s "$disk")" "48M $((48 << 20))" "recorded and done"
ok "to a size" m gnt-instance grow-disk --absolute --no-wait-for-sync $i1 0 64m
is "$(stat -c %s "$disk")" $((64 << 20)) "done"
refused 1 "$(failure wrong_state "Requested size (8M) is smaller than current disk size (64M)")" \
	m gnt-instance grow-disk --absolute $i1 0 8m
refused 1 "$(failure wrong_input "Invalid disk index 3 passed (the instance has 1 disks)")" \
	m gnt-instance grow-disk $i1 3 8m
refused 1 "$(failure wrong_state "Instance '$i1' is marked to be up, cannot shutdown disks")" \
	m gnt-instance deactivate-disks $i1
ok "stop" m gnt-instance stop $i1
prints "activate-disks tells where" "node2.example.com:disk/0:$disk" m gnt-instance activate-disks $i1
prints "deactivate-disks" "" m gnt-instance deactivate-disks $i1
must_fail 1 "can't create: .*File exists" m gnt-instance recreate-disks $i1
rm "$disk"
must_fail 1 "Cannot activate block devices" m gnt-instance activate-disks $i1
prints "recreate-disks" "" m gnt-instance recreate-disks --disk 0 $i1
is "$(stat -c %s "$disk")" $((64 << 20)) "the disk is there again"
prints "activate-disks" " - INFO: Waiting for instance $i1 to sync disks
 - INFO: Instance $i1's disks are in sync
node2.example.com:disk/0:$disk" m gnt-instance activate-disks --wait-for-sync $i1
refused 1 "$(failure wrong_input "Instance '$i3' has no disks")" m gnt-instance recreate-disks $i3
ok "a job is submitted only" m gnt-instance deactivate-disks --submit $i1
like "$ERR" '^JobID: [0-9]+$' "says which"
ok "which ends well" m gnt-job wait "${ERR#JobID: }"
refused 1 "$(failure unknown_entity "Instance 'nope' not known")" m gnt-instance activate-disks nope

diag "all instances of a node"
run m gnt-node failover -f node3.example.com
is "$RC" 0 "failover of a node ends well even when that of its instances does not"
like "$OUT" "There were errors during the failover:
1 error\(s\) out of 1 instance\(s\)\.$" "it tells how many"
like "$ERR" "^Job [0-9]+ for $i3 has failed: Failure: prerequisites not met" "and why"
alloc=$(vcl_file 1 IALLOCATOR_SEARCH_DIRS | cut -d: -f1)
mkdir -p "$alloc"
printf '#!/bin/sh\necho "{\\"success\\": true, \\"info\\": \\"\\", \\"result\\": [\\"node1.example.com\\"]}"\n' >"$alloc/first"
chmod 755 "$alloc/first"
ok "remove what cannot move" m gnt-instance remove -f $i1
ok "with an allocator" m gnt-node failover -f -I first node2.example.com
like "$OUT" "All 1 instance\(s\) failed over successfully\.$" "says so"
is "$(field $i2 pnode) $(field $i2 status)" "node1.example.com running" "it runs elsewhere"
ok "nothing is left there" m gnt-node failover node2.example.com
is "$ERR" "No primary instances on node node2.example.com, exiting." "says so"

diag "filters"
ok "add one" m gnt-filter add --priority 3 --action REJECT --reason "no more delays" \
	--predicates '[["opcode", ["=", "OP_ID", "OP_TEST_DELAY"]]]'
uuid=$OUT
like "$uuid" '^[0-9a-f-]{36}$' "prints its UUID"
must_fail 1 "Job was canceled" m gnt-debug delay 0
ok "another job runs" m gnt-os diagnose
is "$(m gnt-filter list --no-headers --separator=: -o uuid,priority,action)" "$uuid:3:REJECT" "list"
ok "info" m gnt-filter info "$uuid"
like "$OUT" "^UUID: $uuid
  Watermark: [0-9]+
  Priority: 3
  Predicates: \[\['opcode', \['==', 'OP_ID', 'OP_TEST_DELAY'\]\]\]
  Action: REJECT
  Reason trail: \[\['gnt:user', 'no more delays', [0-9]+\]" "shows all"
prints "replace it" "$uuid" m gnt-filter replace --action "RATE_LIMIT 3" "$uuid"
is "$(m gnt-filter list --no-headers --separator=: -o predicates,action)" "[]:['RATE_LIMIT', 3]" "it is another one now"
ok "delays run again" m gnt-debug delay 0
is "$(m gnt-filter --complete filter)" "$uuid" "completion knows it"
is "$(m gnt-job --complete job | sort -n)" "$(m gnt-job list --no-headers --separator=: -o id | sort -n)" "and jobs"
is "$(m gnt-instance --complete instance | sort)" "$(m gnt-instance list --no-headers -o name | sort)" "and instances"
is "$(m gnt-node --complete node | sort)" "$(m gnt-node list --no-headers -o name | sort)" "and nodes"
is "$(m gnt-node --complete field/node | sort)" "$(m gnt-node list-fields --no-headers --separator=: | cut -d: -f1 | sort)" \
	"and fields"
is "$(m gnt-filter list --no-headers -o priority -F 'priority == 0')" 0 "a list of filters can be filtered"
is "$(m gnt-filter list --no-headers -o priority -F 'priority > 0')" "" "nothing fits"
prints "delete it" "" m gnt-filter delete "$uuid"
refused 1 "Unhandled Ganeti error: Filter rule with UUID $uuid does not exist" m gnt-filter delete "$uuid"
prints "none is left" "" m gnt-filter info

diag "cluster and groups"
prints "the watcher acts" "The watcher is not paused." m gnt-cluster watcher info
ok "pause it" m gnt-cluster watcher pause 1h
paused=$OUT
like "$paused" '^The watcher is paused until [A-Z][a-z]{2} [A-Z][a-z]{2} .*\.$' "says until when"
is "$(m gnt-cluster watcher info)" "$paused" "info says the same"
prints "let it act again" "The watcher is no longer paused." m gnt-cluster watcher continue
prints "it does" "The watcher is not paused." m gnt-cluster watcher info
ok "info of groups" m gnt-group info
like "$OUT" $'^- Node group: default\n  Node parameters: \n    cpu_speed: default \\(1\\)' "has the parameters"
bounds=min:cpu-count=1,disk-count=0,disk-size=4,memory-size=64,nic-count=0,spindle-use=1/max:cpu-count=8,disk-count=16,disk-size=65536,memory-size=4096,nic-count=8,spindle-use=12
prints "limits of a group" "gnt-group add --ipolicy-bounds-specs $bounds default" \
	m gnt-group show-ispecs-cmd --include-defaults default
prints "its own: none" "gnt-group add default" m gnt-group show-ispecs-cmd default
prints "limits of the cluster" "gnt-cluster init --ipolicy-std-specs cpu-count=1,disk-count=1,disk-size=1024,memory-size=128,nic-count=1,spindle-use=1 --ipolicy-bounds-specs $bounds $CLUSTER" \
	m gnt-cluster show-ispecs-cmd
prints "hide an operating system" "" m gnt-os modify --hidden=yes --blacklisted=yes tiny
is "$(m gnt-os list --no-headers)" held+default "it is not listed"
prints "show it again" "" m gnt-os modify --hidden=no --blacklisted=no tiny
ok "the master IP address down" m gnt-cluster deactivate-master-ip --yes
ok "and up" m gnt-cluster activate-master-ip
refused 1 "$(failure wrong_input "Neither the name nor the IP address of the cluster has changed")" \
	m gnt-cluster rename -f "$CLUSTER"

diag "emergency power-off"
refused 1 "node1.example.com is the master node, please do a master-failover to another node not affected by the EPO or use --all if you intend to shutdown the whole cluster" \
	m gnt-cluster epo node1.example.com
ok "off" m gnt-cluster epo -f --all
like "$OUT" "^Node node1.example.com does not support out-of-band handling, .*
Submit shutdown of instance $i2
Submit shutdown of instance $i3
Submitted jobs [0-9]+, [0-9]+
.*
All instances have been stopped successfully$" "says what it does"
is "$(field $i2 status,admin_state) $(field $i3 status)" "ERROR_down up ERROR_down" "they are down, but shall be up"
ok "on" m gnt-cluster epo -f --on --groups default
like "$OUT" "
Waiting until all nodes are available again
Submit startup of instance $i2
.*
Node node3.example.com became available
Submit startup of instance $i3
.*
All instances have been started successfully$" "instances start when their nodes are there"
is "$(field $i2 status) $(field $i3 status)" "running running" "all run"

diag "the job queue under test"
run m gnt-debug test-jobqueue
like "$OUT" "^Testing job submission
Job submission tests were successful
Testing job dependencies
Submitted jobs .*
Job dependency tests were successful
Testing job success" "submission and dependencies are as they should be"
is "$RC $(tail -n 1 <<<"$OUT")" "0 Job queue test successful" "so are messages, states and failures"

diag "what there is no logical unit for"
uncovered='' n=0
while read -r op command; do
	grep -q "$op\b" <<<"$todo" || continue
	run m sh -c "exec $command"
	[ "$RC" = 1 ] && [ "$ERR" = "$(failure wrong_input "$op is not supported by this version")" ] ||
		uncovered+="$command: $RC $ERR"$'\n'
	n=$((n + 1))
done <<'C'
OP_BACKUP_EXPORT gnt-backup export -n node2.example.com inst2.example.com
OP_BACKUP_REMOVE gnt-backup remove inst2.example.com
OP_CLUSTER_RENEW_CRYPTO gnt-cluster renew-crypto -f --new-ssh-keys
OP_CLUSTER_REPAIR_DISK_SIZES gnt-cluster repair-disk-sizes
OP_CLUSTER_VERIFY_DISKS gnt-cluster verify-disks
OP_EXT_STORAGE_DIAGNOSE gnt-storage diagnose
OP_GROUP_EVACUATE gnt-group evacuate default
OP_INSTANCE_CHANGE_GROUP gnt-instance change-group inst2.example.com
OP_INSTANCE_MOVE gnt-instance move -f -n node3.example.com inst2.example.com
OP_INSTANCE_REPLACE_DISKS gnt-instance replace-disks -a inst2.example.com
OP_NODE_MIGRATE gnt-node migrate -f node1.example.com
OP_NODE_EVACUATE gnt-node evacuate -f node1.example.com
OP_NODE_MODIFY_STORAGE gnt-node modify-storage --allocatable=no node1.example.com lvm-pv /dev/sda
OP_NODE_POWERCYCLE gnt-node powercycle --yes node1.example.com
OP_NODE_QUERYVOLS gnt-node volumes
OP_NODE_QUERY_STORAGE gnt-node list-storage
OP_OOB_COMMAND gnt-node power status
OP_OOB_COMMAND gnt-node health
OP_REPAIR_NODE_STORAGE gnt-node repair-storage node1.example.com lvm-vg xenvg
OP_RESTRICTED_COMMAND gnt-node restricted-command uptime node1.example.com
OP_TEST_ALLOCATOR gnt-debug iallocator inst2.example.com
OP_TEST_OS_PARAMS gnt-debug test-osparams --os-parameters-secret a=b
C
is "$uncovered" "" "$n commands say which opcode is missing"
refused 1 "$(failure wrong_input "This commands must be run on the node where you want the new master to be. node1.example.com is already the master")" \
	m gnt-cluster master-failover
done_testing
