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

ok "upstream's hinfo" ht hinfo -L
like "$OUT" 'Loaded 2 nodes, 1 instance, 1 node group' "sees the cluster"
ok "upstream's hbal" ht hbal -L
like "$OUT" 'Loaded 2 nodes, 1 instances' "sees it, too"
ok "upstream's hspace" ht hspace -L --machine-readable=yes
like "$OUT" 'HTS_INI_INST_CNT=1' "counts the instance"
done_testing
