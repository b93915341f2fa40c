#!/bin/bash
# Instances change their node: live migration while the guest answers, failover, what is refused, and
# what is left when one end dies in the middle of it. Texts are upstream's.
# shellcheck disable=SC2016,SC2086,SC2154,SC2317 # expansion is for the hosts; functions are called by ok
. "$(dirname "$0")/../harness/tlib.sh"
. "$(dirname "$0")/../harness/lab.sh"
. "$(dirname "$0")/../harness/cluster.sh"

needs_root
N1=node1.example.com N2=node2.example.com N3=node3.example.com
I1=inst1.example.com I2=inst2.example.com
cluster_up 3 "${KVM[@]}"

# An allocator: the first other node.
on 1 sh -c 'mkdir -p /usr/lib/ganeti/iallocators; cat >/usr/lib/ganeti/iallocators/first; chmod 755 /usr/lib/ganeti/iallocators/first' <<'P'
#!/usr/bin/python3
import json, sys
d = json.load(open(sys.argv[1]))
r = d["request"]
nodes = [n for n, v in sorted(d["nodes"].items()) if not v["offline"] and n not in r.get("relocate_from", [])]
print(json.dumps({"success": True, "info": "", "result": nodes[:r["required_nodes"]]}))
P

uptime() {
	guest_fact 10.77.1.1 uptime
}
pnode() {
	m gnt-instance list --no-headers -o pnode $I1
}
# only_on K: the guest of the first instance runs there, and no other host has anything of it
only_on() {
	local k
	for k in 1 2 3; do
		if [ "$k" = "$1" ]; then
			domain "$k" $I1 && [ "$(on "$k" sh -c 'ip -o link show type tun | wc -l')" = 1 ] || return 1
		else
			[ -z "$(on "$k" sh -c "virsh -q -c qemu:///system list --all --name | grep .; pgrep -x qemu-system-x86
				ip -o link show type tun; ls /run/ganeti/kvm-hypervisor/*/$I1* 2>/dev/null")" ] || return 1
		fi
	done
}
# moved FROM TO: texts of a live migration
moved() {
	echo "Migrating instance $I1
* checking disk consistency between source and target
* closing instance disks on node $2
* opening instance disks on node $1 in shared mode
* opening instance disks on node $2 in shared mode
* preparing $2 to accept the instance
* migrating instance to $2
* starting memory transfer
* memory transfer complete
* closing instance disks on node $1
* opening instance disks on node $2 in exclusive mode
* done"
}

ok "instance" m gnt-instance add "${SHAREDFILE[@]}" -n $N1 --net 0:ip=10.77.1.1 $I1
ok "another, with a local disk" m gnt-instance add -t file -s 16M -o noop -B memory=64 -n $N2 --no-start $I2
ok "the guest answers" wait_for 60 guest_answers 10.77.1.1
born=$(uptime)

# ---- refused

must_fail 1 "error type: wrong_state, error details:
Cannot migrate instance $I1 to its primary \($N1\)" m gnt-instance migrate -f -n $N1 $I1
must_fail 1 "error type: unknown_entity, error details:
Node 'nosuch' not known" m gnt-instance migrate -f -n nosuch $I1
must_fail 1 "error type: wrong_state, error details:
Instance's disk layout 'file' does not allow migrations" m gnt-instance migrate -f -n $N1 $I2
must_fail 1 "error type: unknown_entity, error details:
Instance 'nosuch' not known" m gnt-instance migrate -f -n $N2 nosuch
must_fail 1 "" m gnt-instance migrate -f $I1
must_fail 1 "" m gnt-instance migrate -n $N2 $I1
ok "nothing has happened" only_on 1

# ---- live, while somebody watches

"$lab" wire "$lab_root/tests/lab/poll" 10.77.1.1 >"$T/poll" &
poller=$!
at_exit eval "kill $poller 2>/dev/null"
seen() { # that many answers
	[ "$(grep -c ' ok ' "$T/poll")" -ge "$1" ]
}
ok "the poller sees the guest" wait_for 60 seen 5
t=$EPOCHREALTIME
ok "gnt-instance migrate" m gnt-instance migrate -f -n $N2 $I1
us=$((${EPOCHREALTIME/./} - ${t/./}))
diag "live migration in $((us / 1000)) ms"
is "$(cut -c 26- <<<"$OUT")" "$(moved $N1 $N2)" "says what upstream says"
is "$(pnode)" $N2 "the configuration follows"
ok "nothing is left on the source" only_on 2
ok "gnt-instance migrate -I" m gnt-instance migrate -f -I first $I1
like "$OUT" " - INFO: Selected nodes for instance $I1 via iallocator first: $N1" "says where"
ok "nothing is left on the source" only_on 1
n=$(grep -c ' ok ' "$T/poll")
ok "the poller goes on" wait_for 60 seen $((n + 5))
kill $poller
wait $poller 2>/dev/null
read -r tries lost silence reboots < <("$lab_root/tests/lab/poll" --summary <"$T/poll")
diag "asked $tries times during two migrations, $lost without an answer, longest silence $silence s"
ok "the guest was never silent for 20 s" awk "BEGIN {exit !($silence < 20)}"
is "$reboots" 0 "and never restarted"
ok "gnt-instance migrate --non-live" m gnt-instance migrate -f --non-live -n $N3 $I1
ok "the guest answers" wait_for 60 guest_answers 10.77.1.1
ok "nothing is left on the source" only_on 3
ok "and its uptime went on" awk "BEGIN {exit !($(uptime) > $born)}"

# ---- failover

t=$EPOCHREALTIME
ok "gnt-instance failover" m gnt-instance failover -f --shutdown-timeout=20 -n $N1 $I1
is "$(cut -c 26- <<<"$OUT")" "Failover instance $I1
* checking disk consistency between source and target
* shutting down instance on source node
* closing instance disks on node $N3
* deactivating the instance's disks on source node
* activating the instance's disks on target node $N1
* starting the instance on the target node $N1" "says what upstream says"
ok "the guest answers" wait_for 60 guest_answers 10.77.1.1
ok "nothing is left on the source" only_on 1
ok "gnt-instance shutdown" m gnt-instance shutdown --timeout=20 $I1
must_fail 1 "error type: wrong_state, error details:
Can't migrate, please use failover: Instance $I1 is not running" m gnt-instance migrate -f -n $N2 $I1
ok "failover of a stopped instance" m gnt-instance failover -f -n $N2 $I1
is "$(m gnt-instance list --no-headers -o pnode,status $I1)" "$N2 ADMIN_down" "it stays down"
ok "back" m gnt-instance failover -f -n $N1 $I1
ok "startup" m gnt-instance startup $I1
ok "the guest answers" wait_for 60 guest_answers 10.77.1.1

# ---- interruptions: transfers of a megabyte a second, so that there is time for them

ok "slow transfers" m gnt-cluster modify -H kvm:migration_bandwidth=1
born=$(uptime)
transferring() { # K: some memory has left that host
	on "$1" virsh -q -c qemu:///system domjobinfo $I1 | grep -qE '^Memory processed: +[1-9]'
}
# migrating FROM TO: a migration in the background that has begun to transfer
migrating() {
	m gnt-instance migrate -f -n "node$2.example.com" $I1 >"$T/migrate" 2>&1 &
	job=$!
	wait_for 60 transferring "$1"
}
# fast K: the running transfer may hurry now
fast() {
	on "$1" virsh -q -c qemu:///system migrate-setspeed $I1 500
}
lived_on() {
	local up
	up=$(uptime)
	[ -n "$up" ] && awk "BEGIN {exit !($up > $born)}"
}

ok "a migration" migrating 1 2
kill_daemon 1 ganeti-noded
ok "the agent of the source is killed and comes back" start_daemon 1 ganeti-noded
fast 1
ok "the migration completes" wait $job
is "$(tail -n 1 "$T/migrate" | cut -c 26-)" "* done" "to its end"
ok "nothing is left on the source" only_on 2
ok "the guest has lived on" lived_on

ok "a migration" migrating 2 3
kill_daemon 3 ganeti-noded
fast 2
nok "the agent of the target is killed, and the migration fails" wait $job
like "$(cat "$T/migrate")" "Failure: command execution error:
Could not finalize instance migration: " "as upstream says it"
ok "the guest has lived on" lived_on
is "$(pnode)" $N2 "the configuration is as it was"
start_daemon 3 ganeti-noded
ok "gnt-instance migrate --cleanup" m gnt-instance migrate -f --cleanup -n $N3 $I1
is "$(cut -c 26- <<<"$OUT")" " - INFO: Not checking memory on the secondary node as instance will not be started
Migrating instance $I1
* checking where the instance actually runs (if this hangs, the hypervisor might be in a bad state)
* instance running on: $N3
* instance running on secondary node ($N3), updating config
* closing instance disks on node $N2
* opening instance disks on node $N3 in exclusive mode
* done" "says what upstream says"
is "$(pnode)" $N3 "the configuration follows the guest"
ok "nothing is left on the source" only_on 3
ok "the guest has lived on" lived_on
ok "gnt-instance migrate --cleanup of what needs none" m gnt-instance migrate -f --cleanup -n $N2 $I1
like "$OUT" "\* instance confirmed to be running on its primary node \($N3\)" "says so"

ok "a migration" migrating 3 2
"$lab" cut 2
nok "the target is cut off, and the migration fails" wait $job
like "$(cat "$T/migrate")" "Failure: command execution error:
Could not migrate instance $I1: " "as upstream says it"
"$lab" heal 2
is "$(pnode)" $N3 "the configuration is as it was"
ok "the guest has lived on" lived_on
ok "gnt-instance migrate --cleanup" m gnt-instance migrate -f --cleanup -n $N2 $I1
ok "nothing is left on either node" wait_for 90 only_on 3

ok "a migration" migrating 3 2
id=$(m gnt-job list --no-headers -o id --running)
ok "gnt-job cancel --kill" m gnt-job cancel --kill --yes-do-it "$id"
nok "the job has ended" wait $job
ok "in an error" wait_for 30 sh -c "$(printf '%q ' "$lab" sh 1 gnt-job list --no-headers -o status "$id") | grep -qx error"
ok "no lock is held" wait_for 30 no_locks
fast 3
settled() { # the transfer goes on by itself and ends
	[ "$(domain 2 $I1 && echo 2)$(domain 3 $I1 && echo 3)" = 2 ]
}
ok "the transfer comes to its end" wait_for 60 settled
ok "gnt-instance migrate --cleanup" m gnt-instance migrate -f --cleanup -n $N2 $I1
is "$(pnode)" $N2 "the configuration follows the guest"
ok "nothing is left on the source" only_on 2
ok "the guest has lived on" lived_on

ok "a migration" migrating 2 1
on 2 virsh -q -c qemu:///system destroy $I1
nok "the guest dies, and the migration fails" wait $job
like "$(cat "$T/migrate")" "Could not migrate instance $I1: " "as upstream says it"
is "$(m gnt-instance list --no-headers -o pnode,status $I1)" "$N2 ERROR_down" "is noticed"
ok "startup" m gnt-instance startup $I1
ok "nothing is left on the target" only_on 2

# ---- the end

ok "gnt-cluster verify" m gnt-cluster verify
unlike "$OUT" "ERROR|WARNING" "finds nothing"
for i in $I1 $I2; do ok "gnt-instance remove $i" m gnt-instance remove -f --shutdown-timeout=1 $i; done
is "$(leftovers)" "" "no domain, process, tap, file"
done_testing
