#!/bin/bash
# Upstream's own programs, unmodified from Debian's packages, against our master daemon: the Python
# command line and htools over luxi. They run from where they were unpacked; nothing of theirs is installed.
# shellcheck disable=SC2317 # functions are called by ok
. "$(dirname "$0")/../harness/tlib.sh"
. "$(dirname "$0")/../harness/lab.sh"
. "$(dirname "$0")/../harness/cluster.sh"

needs_root
. "$(dirname "$0")/../harness/peers.sh"

cluster_up 2 "${FAKE[@]}"
cp -a "$peers/tree" "$LAB_DIR/share/peers"
ok "an instance" m gnt-instance add -t sharedfile --disk 0:size=32m -o tiny+default -B memory=96 \
	--net 0:ip=10.77.1.1 -n node2.example.com --no-name-check --no-ip-check inst1.example.com

# up PROGRAM ARG...: upstream's Python program on the master
up() {
	local name=$1
	shift
	m env PYTHONPATH=/lab/peers/usr/share/ganeti/3.0 PYTHONWARNINGS=ignore /usr/bin/python3 -c '
import importlib, sys
name = sys.argv[1]
sys.argv = sys.argv[1:]
sys.exit(importlib.import_module("ganeti.client." + name.replace("-", "_")).Main())' "$name" "$@"
}
# ht PROGRAM ARG...: upstream's htools
ht() {
	m env HTOOLS="$1" /lab/peers/usr/lib/ganeti/3.0/usr/bin/htools "${@:2}"
}

# same DESCRIPTION PROGRAM ARG...: theirs and ours print the same
same() {
	local d=$1 theirs
	shift
	run up "$@"
	theirs=$OUT
	is "$RC" 0 "upstream's $d"
	[ "$RC" = 0 ] || diag "$ERR"
	run m "$@"
	# upstream prints min, max and the ratios of a policy in the order of a Python set, which changes
	theirs=$(sed '/bounds specs:/,/std:/d; /-ratio: /d' <<<"$theirs")
	OUT=$(sed '/bounds specs:/,/std:/d; /-ratio: /d' <<<"$OUT")
	is "$OUT" "$theirs" "ours prints the same"
	[ "$OUT" = "$theirs" ] || diag "$(diff <(echo "$theirs") <(echo "$OUT"))"
}

same "gnt-node list" gnt-node list -o name,role,pinst_cnt,sinst_cnt,group,offline,pip,ndp/ssh_port
same "gnt-instance list" gnt-instance list \
	-o name,status,oper_ram,os,pnode,snodes,be/memory,be/vcpus,nic.macs,nic.ips,disk.sizes,disk_template,tags,uuid
same "gnt-instance list with a filter" gnt-instance list --no-headers --separator=: -o name,admin_state \
	-F 'be/memory < 100 and status == "running"'
same "gnt-job list" gnt-job list --no-headers -o id,status,summary
same "gnt-cluster getmaster" gnt-cluster getmaster
same "gnt-instance info" gnt-instance info inst1.example.com
same "gnt-cluster info" gnt-cluster info
same "gnt-instance list-tags" gnt-instance list-tags inst1.example.com
same "gnt-node info" gnt-node info node2.example.com

ok "upstream's gnt-node list-fields" up gnt-node list-fields
theirs=$(awk 'NR > 1 {print $1}' "$T/.out")
is "$theirs" "$(m gnt-node list-fields | awk 'NR > 1 {print $1}')" "names the fields ours names"
ok "upstream's gnt-instance shutdown" up gnt-instance shutdown inst1.example.com
is "$(m gnt-instance list --no-headers -o status inst1.example.com)" ADMIN_down "stops the instance"
ok "upstream's gnt-instance startup" up gnt-instance startup inst1.example.com
ok "upstream's gnt-instance migrate" up gnt-instance migrate -f -n node1.example.com inst1.example.com
is "$(m gnt-instance list --no-headers -o pnode inst1.example.com)" node1.example.com "moves it"
ok "upstream's gnt-instance add" up gnt-instance add -t diskless -o tiny+default -n node2.example.com \
	--no-name-check --no-ip-check inst2.example.com
ok "upstream's gnt-instance remove" up gnt-instance remove -f inst2.example.com
ok "upstream's gnt-debug delay" up gnt-debug delay 0.1
ok "upstream's gnt-cluster verify" up gnt-cluster verify
ok "upstream's test of the job queue" up gnt-debug test-jobqueue
like "$OUT" 'Job queue test successful$' "finds nothing wrong"
same "gnt-group info" gnt-group info
same "gnt-cluster show-ispecs-cmd" gnt-cluster show-ispecs-cmd
must_fail 1 'Instance name nope not found' up gnt-instance list nope
must_fail 1 "does not match any instances" up gnt-instance startup nope.example.com

diag "gnt-job"
# job ARG...: upstream's gnt-debug delay --submit; sets JOB
job() {
	ok "upstream's gnt-debug delay --submit" up gnt-debug delay --submit "$@"
	JOB=$(tr -dc 0-9 <<<"$OUT$ERR")
}
status() { # JOB STATUS
	[ "$(m gnt-job list --no-headers -o status "$1")" = "$2" ]
}
job 600
held=$JOB
ok "runs" wait_for 60 status "$held" running
job --priority=low 0
waiter=$JOB
wants() {
	m gnt-debug locks --no-headers -o pending | grep -q "exclusive:$waiter"
}
ok "another one waits for its lock" wait_for 60 wants
same "gnt-debug locks" gnt-debug locks -o name,mode,owner,pending
same "gnt-job list --running" gnt-job list --running --no-headers
like "$OUT" "^$held running TEST_DELAY" "the job that runs"
same "gnt-job list with a filter" gnt-job list --no-headers -o id,priority,opstatus -F 'status == "waiting"'
same "gnt-job info" gnt-job info "$held"
run up gnt-job info "$waiter"
like "$OUT" $'\n  Status: waiting\n' "upstream's gnt-job info"
run up gnt-job change-priority --priority=high "$waiter"
is "$RC/$OUT" "0/Priorities of pending opcodes for job $waiter have been changed to -10" "upstream's gnt-job change-priority"
run up gnt-job cancel "$waiter"
is "$RC/$OUT" "0/Job successfully cancelled" "upstream's gnt-job cancel"
run up gnt-job wait "$waiter"
is "$RC" 1 "upstream's gnt-job wait"
like "$ERR" "Job $waiter failed: .*Job was canceled" "says what became of it"
run up gnt-job cancel "$held"
is "$RC/$OUT" "1/Job no longer waiting, can't cancel (informed it anyway)" "one that runs"
run up gnt-job cancel --kill --yes-do-it "$held"
is "$RC/$OUT" "0/SIGKILL send to the process" "and --kill"
ok "ends it" wait_for 60 status "$held" error
run up gnt-job watch 1
is "$RC" 0 "upstream's gnt-job watch"
like "$OUT" '^Output from job 1 follows' "shows the output"
run up gnt-job archive 1
is "$RC" 0 "upstream's gnt-job archive"
same "gnt-job list --archived" gnt-job list --archived --no-headers -o id,status,archived
run up gnt-job autoarchive 1d
is "$RC/$OUT" "0/Archived 0 jobs, 0 unchecked left" "upstream's gnt-job autoarchive"
same "gnt-job list-fields of the fields it knows" gnt-job list-fields --no-headers id status summary ops opresult oplog

cp "$(dirname "$0")/jobevents.py" "$LAB_DIR/share/"
m timeout 60 /usr/bin/python3 /lab/jobevents.py /var/lib/ganeti/queue </dev/null >"$T/events" 2>&1 &
watcher=$!
ok "a program watches the queue directory" wait_for 60 grep -q watching "$T/events"
ok "a job" up gnt-debug delay 0.1
wait $watcher
is "$?" 0 "its file was moved into place, whole"
like "$(tail -n 1 "$T/events")" '^job-[0-9]+ success$' "and said that it has ended"

diag "gnt-cluster"
ok "upstream's gnt-cluster queue drain" up gnt-cluster queue drain
same "gnt-cluster queue info" gnt-cluster queue info
must_fail 1 'Queue drained' up gnt-debug delay 0
ok "upstream's gnt-cluster queue undrain" up gnt-cluster queue undrain
ok "upstream's gnt-cluster add-tags" up gnt-cluster add-tags blue red
same "gnt-cluster list-tags" gnt-cluster list-tags
same "gnt-cluster search-tags" gnt-cluster search-tags '^b'
ok "upstream's gnt-cluster remove-tags" up gnt-cluster remove-tags blue
ok "upstream's gnt-cluster modify" up gnt-cluster modify --candidate-pool-size=7 -B vcpus=2 --max-running-jobs=15
same "gnt-cluster info after it" gnt-cluster info
ok "upstream's gnt-cluster redist-conf" up gnt-cluster redist-conf
ok "upstream's gnt-cluster watcher pause" up gnt-cluster watcher pause 1h
ok "upstream's gnt-cluster watcher continue" up gnt-cluster watcher continue
same "gnt-cluster watcher info" gnt-cluster watcher info

diag "gnt-node, gnt-group, gnt-instance, gnt-filter"
ok "upstream's gnt-node add-tags" up gnt-node add-tags node2.example.com rack1
same "gnt-node list-tags" gnt-node list-tags node2.example.com
ok "upstream's gnt-node modify" up gnt-node modify --drained=yes node2.example.com
is "$(m gnt-node list --no-headers -o role node2.example.com)" D "drains the node"
ok "and back" up gnt-node modify --drained=no node2.example.com
same "gnt-node list --filter" gnt-node list --no-headers -o name,group,tags -F 'role == "M" or "rack1" in tags'
same "gnt-group list" gnt-group list -o name,node_cnt,pinst_cnt,alloc_policy,uuid
ok "upstream's gnt-group add-tags" up gnt-group add-tags default green
same "gnt-group list-tags" gnt-group list-tags default
same "gnt-group list-fields" gnt-group list-fields
ok "upstream's gnt-group add" up gnt-group add --alloc-policy=last_resort rack1
ok "upstream's gnt-group modify" up gnt-group modify --alloc-policy=preferred --node-parameters=oob_program=/bin/true rack1
is "$OUT" "Modified node group rack1
 - ndparams -> {'oob_program': '/bin/true'}" "says what it changed"
ok "upstream's gnt-group rename" up gnt-group rename rack1 rack2
ok "upstream's gnt-group assign-nodes" up gnt-group assign-nodes --force rack2 node2.example.com
is "$(m gnt-group list --no-headers --separator=, -o name,node_list,alloc_policy rack2)" rack2,node2.example.com,preferred "it is there"
same "gnt-group info of it" gnt-group info rack2
ok "upstream's gnt-network add" up gnt-network add --network=192.0.2.0/24 --gateway=192.0.2.1 --network6=2001:db8:1::/64 \
	--gateway6=2001:db8:1::1 --mac-prefix=aa:bb:cc --add-reserved-ips=192.0.2.10,192.0.2.11 --tags=blue net1
ok "upstream's gnt-network connect" up gnt-network connect --nic-parameters=mode=bridged,link=br0 net1 rack2
ok "upstream's gnt-network modify" up gnt-network modify --gateway=192.0.2.254 net1
same "gnt-network list" gnt-network list -o name,network,gateway,mac_prefix,group_list,external_reservations,tags
same "gnt-network info" gnt-network info net1
ok "upstream's gnt-network disconnect" up gnt-network disconnect net1 rack2
ok "upstream's gnt-network remove" up gnt-network remove net1
ok "upstream's gnt-group assign-nodes back" up gnt-group assign-nodes --force default node2.example.com
ok "upstream's gnt-group remove" up gnt-group remove rack2
ok "upstream's gnt-instance modify" up gnt-instance modify -B memory=128 inst1.example.com
ok "upstream's gnt-instance add-tags" up gnt-instance add-tags inst1.example.com web
ok "upstream's gnt-instance reboot" up gnt-instance reboot inst1.example.com
ok "upstream's gnt-instance failover" up gnt-instance failover -f -n node2.example.com inst1.example.com
same "gnt-instance info after it all" gnt-instance info inst1.example.com
ok "upstream's gnt-filter add" up gnt-filter add --priority=5 \
	--predicates='[["opcode", ["=", "OP_ID", "OP_TEST_DELAY"]]]' --action='RATE_LIMIT 2' --reason=testing
filter=$OUT
same "gnt-filter list" gnt-filter list --no-headers -o uuid,priority,predicates,action
same "gnt-filter info" gnt-filter info "$filter"
ok "upstream's gnt-filter replace" up gnt-filter replace --priority=5 --predicates='[]' --action=ACCEPT "$filter"
ok "upstream's gnt-filter delete" up gnt-filter delete "$filter"

ok "upstream's hinfo" ht hinfo -L
like "$OUT" 'Loaded 2 nodes, 1 instance, 1 node group' "sees the cluster"
ok "upstream's hbal" ht hbal -L
like "$OUT" 'Loaded 2 nodes, 1 instances' "sees it, too"
ok "upstream's hspace" ht hspace -L --machine-readable=yes
like "$OUT" 'HTS_INI_INST_CNT=1' "counts the instance"
done_testing
