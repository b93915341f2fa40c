#!/bin/bash
# What fails on real hosts: a cable, power, the node agent or the master killed in the middle of a job,
# strangers on every port and socket. Errors have upstream's class and exit code, and nothing is left.
# shellcheck disable=SC2016,SC2154,SC2317 # expansion is for the hosts; functions are called by ok
. "$(dirname "$0")/../harness/tlib.sh"
. "$(dirname "$0")/../harness/lab.sh"
. "$(dirname "$0")/../harness/cluster.sh"

needs_root
N1=node1.example.com N2=node2.example.com N3=node3.example.com
I1=inst1.example.com I2=inst2.example.com I3=inst3.example.com
cluster_up 3 "${KVM[@]}"
# An OS whose installation waits until it is told to go on.
for k in 1 2 3; do
	on $k sh -c 'mkdir -p /srv/ganeti/os && cp -a /usr/share/ganeti/os/tiny /srv/ganeti/os/slow &&
		printf "#!/bin/sh\ntouch /lab/installing\nwhile [ -e /lab/installing ]; do sleep 0.1; done\nexec ./create.tiny\n" >/srv/ganeti/os/slow/create.new &&
		cd /srv/ganeti/os/slow && mv create create.tiny && mv create.new create && chmod 755 create'
done
SLOW=(-t sharedfile --disk 0:size=32m -o slow+default -B "memory=96,vcpus=1" -O prefix_length=16)
adding() { # NODE INSTANCE: an addition in the background that installs
	rm -f "$LAB_DIR/share/installing"
	m gnt-instance add "${SLOW[@]}" -n "$1" "$2" >"$T/add" 2>&1 &
	job=$!
	wait_for 60 test -e "$LAB_DIR/share/installing"
}
job_state() { # ID STATE
	[ "$(m gnt-job list --no-headers -o status "$1")" = "$2" ]
}
verify_says() {
	m gnt-cluster verify 2>&1 | grep -qE "$1"
}
took() { # SECONDS: since $t; far from what it takes, and from the hour a call may take
	test $((SECONDS - t)) -le "$1"
}

ok "instance" m gnt-instance add "${SHAREDFILE[@]}" -n $N2 --net 0:ip=10.77.1.1 $I1
ok "another" m gnt-instance add "${SHAREDFILE[@]}" -n $N3 --net 0:ip=10.77.1.2 $I2
ok "the guest answers" wait_for 60 guest_answers 10.77.1.1
ok "the other guest answers" wait_for 60 guest_answers 10.77.1.2

# ---- a cable is pulled

"$lab" cut 3
t=$SECONDS
ok "gnt-node list" m gnt-node list --no-headers --separator=: -o name,mfree
like "$OUT" "$N3:\?" "does not know what a lost node has"
like "$OUT" "$N2:[0-9]" "and asks the others"
is "$(m gnt-instance list --no-headers --separator=: -o name,status,oper_ram)" "$I1:running:96
$I2:ERROR_nodedown:?" "gnt-instance list knows"
ok "in time" took 100
must_fail 1 "ERROR: node $N3: while contacting node" m gnt-cluster verify
must_fail 1 "Failure: command execution error:
Hypervisor parameter validation failed on node $N3: Error 7: Failed to connect to 10.77.0.3 port 1811" m gnt-instance add "${SHAREDFILE[@]}" -n $N3 $I3
must_fail 1 "error type: environment_error, error details:
Error checking bridges on destination node '$N3': Error 7: Failed to connect to 10.77.0.3 port 1811" m gnt-instance reboot -t hard $I2
must_fail 1 "error type: environment_error, error details:
Can't get data from node $N3: Error 7" m gnt-instance migrate -f -n $N3 $I1
must_fail 1 "error type: wrong_state, error details:
Can't migrate, please use failover: Error 7" m gnt-instance migrate -f -n $N2 $I2
ok "an instance elsewhere can be modified" m gnt-instance modify -B vcpus=2 $I1
"$lab" heal 3
ok "healed: all is well" wait_for 120 m gnt-cluster verify
ok "the guest on the lost node lives" wait_for 60 guest_answers 10.77.1.2
is "$(m gnt-instance list --no-headers -o name)" "$I1
$I2" "nothing new"

# ---- a node agent hangs

agent3=$(on 3 cat /run/ganeti/ganeti-noded.pid)
on 3 kill -STOP "$agent3"
t=$SECONDS
is "$(m gnt-instance list --no-headers --separator=: -o name,status,oper_ram)" "$I1:running:96
$I2:ERROR_nodedown:?" "gnt-instance list knows"
ok "in time" took 200
must_fail 1 "ERROR: node $N3: while contacting node" m gnt-cluster verify
ok "an instance elsewhere can be modified" m gnt-instance modify -B vcpus=1 $I1
on 3 kill -CONT "$agent3"
ok "it goes on: all is well" wait_for 120 m gnt-cluster verify

# ---- power is lost

"$lab" off 3
is "$(m gnt-instance list --no-headers -o status $I2)" ERROR_nodedown "the node is down"
must_fail 1 "Failure: command execution error:
Could not shutdown instance $I2 on node $N3: Error 7" m gnt-instance failover -f -n $N1 $I2
ok "gnt-node modify -O yes" m gnt-node modify -O yes $N3
must_fail 1 "error type: wrong_state, error details:
Cannot use offline primary node '$N3'" m gnt-instance add "${SHAREDFILE[@]}" -n $N3 $I3
is "$(m gnt-instance list --no-headers --separator=: -o status,oper_ram $I2)" "ERROR_nodeoffline:*" "instances there"
must_fail 1 "error type: wrong_state" m gnt-instance startup $I2
ok "failover of the lost instance" m gnt-instance failover -f -n $N1 $I2
ok "the guest is back" wait_for 60 guest_answers 10.77.1.2
ok "verify" m gnt-cluster verify
like "$OUT" "NOTICE: 1 offline node\(s\) found" "has noticed"
"$lab" on 3
ok "gnt-node add --readd" m gnt-node add --no-ssh-key-check --readd $N3
ok "verify" m gnt-cluster verify
unlike "$OUT" "ERROR|WARNING|offline" "finds nothing"
ok "live migration to it" m gnt-instance migrate -f -n $N3 $I2
ok "the guest answers" wait_for 60 guest_answers 10.77.1.2

# ---- the node agent is killed during an installation

ok "an addition" adding $N2 $I3
on 2 sh -c 'kill -9 $(cat /run/ganeti/ganeti-noded.pid)'
nok "its node agent is killed, and it fails" wait "$job"
like "$(cat "$T/add")" "Failure: command execution error:
Could not add os for instance $I3 on node $N2: Error " "as upstream says it"
installs() { # K: a script of that OS runs there
	on "$1" sh -c 'for p in /proc/[0-9]*/cwd; do readlink $p; done | grep -q /srv/ganeti/os/slow'
}
ok "the installation has ended, too" wait_for 60 not installs 2
ok "the agent comes back" start_daemon 2 ganeti-noded
is "$(m gnt-instance list --no-headers -o status $I3)" ADMIN_down "the instance is there, as upstream leaves it"
ok "no lock is held" no_locks
ok "verify" m gnt-cluster verify
unlike "$OUT" "ERROR|WARNING" "finds nothing"
ok "it can be removed" m gnt-instance remove -f $I3
is "$(leftovers | grep $I3)" "" "no domain, process, tap, file"
ok "guests live on" wait_for 60 guest_answers 10.77.1.1

# ---- the master is killed during an installation

job_status() { # ID
	m gnt-job list --no-headers -o status "$1"
}
ok "an addition" adding $N2 $I3
id=$(m gnt-job list --no-headers -o id --running)
m gnt-debug delay --submit 600 >/dev/null 2>&1
delayed() {
	sleeper=$(m gnt-job list --no-headers -o id,summary --running | sed -n 's/^ *\([0-9]*\) .*DELAY.*/\1/p')
	[ -n "$sleeper" ]
}
ok "and a job that only waits" wait_for 60 delayed
on 1 sh -c 'kill -9 $(cat /run/ganeti/ganeti-masterd.pid)'
ok "the master comes back" start_daemon 1 ganeti-masterd
is "$(job_status "$id") $(job_status "$sleeper")" "running running" "both jobs run"
rm -f "$LAB_DIR/share/installing"
ok "the command ends well" wait "$job"
is "$(job_status "$id")" success "as its job does"
is "$(m gnt-instance list --no-headers -o status $I3)" running "the guest runs"
ok "the job that was taken over can be killed" m gnt-job cancel --kill --yes-do-it "$sleeper"
run m gnt-job wait "$sleeper"
is "$(job_status "$sleeper")" error "and has failed"
like "$(m gnt-job info "$sleeper")" "detected death of job $sleeper" "says why"
is "$(m gnt-job list --no-headers -o id --running)" "" "nothing runs"
ok "no lock is held" no_locks
ok "verify" m gnt-cluster verify
unlike "$OUT" "ERROR" "finds no error"
ok "it can be removed" m gnt-instance remove -f --shutdown-timeout=1 $I3
is "$(leftovers | grep $I3)" "" "no domain, process, tap, file"

# ---- the master is killed with all its processes

ok "an addition" adding $N2 $I3
id=$(m gnt-job list --no-headers -o id --running)
kill_daemon 1 ganeti-masterd
ok "the master comes back" start_daemon 1 ganeti-masterd
nok "the command ends" wait "$job"
ok "the job has failed" job_state "$id" error
like "$(m gnt-job info "$id")" "detected death of job $id" "says why"
ok "no lock is held" no_locks
rm -f "$LAB_DIR/share/installing"
ok "the cluster is usable" m gnt-debug delay 0.01
ok "the installation has ended, too" wait_for 60 not installs 2
run m gnt-cluster verify
unlike "$OUT" "ERROR" "verify finds no error"
if [ -n "$(m gnt-instance list --no-headers -o name -F "name == \"$I3\"")" ]; then
	ok "what was half made can be removed" m gnt-instance remove -f --shutdown-timeout=0 $I3
fi
is "$(leftovers | grep $I3)" "" "no domain, process, tap, file"
ok "a new addition of that name" m gnt-instance add "${SHAREDFILE[@]}" -n $N2 --no-start $I3
ok "and removal" m gnt-instance remove -f $I3

# ---- strangers

openssl req -x509 -newkey rsa:2048 -nodes -keyout "$LAB_DIR/share/stranger.key" -out "$LAB_DIR/share/stranger.pem" \
	-days 30 -subj /CN=$N1 2>/dev/null
pids() {
	for k in 1 2 3; do on $k sh -c 'cat /run/ganeti/*.pid'; done
}
pids >"$T/pids"
ask() { # CURL-ARG...: is it answered by the node agent of the second host?
	on 3 curl -sk --max-time 20 "$@"
}
nok "the node agent refuses a client without certificate" ask -d '[]' https://$N2:1811/version
nok "and one with a stranger's certificate" ask -d '[]' --cert /lab/stranger.pem --key /lab/stranger.key https://$N2:1811/version
nok "and HTTP without TLS" ask -d '[]' http://$N2:1811/version
ok "not one of ours" on 1 curl -sk --max-time 20 -d '[]' --cert /var/lib/ganeti/client.pem https://$N2:1811/version
like "$OUT" '^\[true, ?[0-9]+\]$' "which gets upstream's answer"
"$lab" sh 3 sh -c 'mkdir -p /lab/pki && cd /lab/pki && cp /etc/pki/CA/cacert.pem . &&
	cp ../stranger.pem clientcert.pem && cp ../stranger.key clientkey.pem'
ok "libvirt lets a node in" on 3 virsh -q -c qemu+tls://$N2/system uri
nok "but not a stranger" on 3 virsh -q -c "qemu+tls://$N2/system?pkipath=/lab/pki" uri
garbage() { # HOST SOCAT-ADDRESS
	on "$1" sh -c 'head -c 5000 /dev/urandom | timeout 5 socat -t 1 - "$0" >/dev/null 2>&1; printf "GET / HTTP/1.1\r\n\r\n" |
		timeout 5 socat -t 1 - "$0" >/dev/null 2>&1; head -c 100 /dev/zero | timeout 5 socat -t 1 - "$0" >/dev/null 2>&1; :' "$2"
}
for port in 1811 5080; do garbage 3 "TCP:$N1:$port"; garbage 3 "OPENSSL:$N1:$port,verify=0"; done
garbage 1 TCP:$N2:1811
for s in $(on 1 sh -c 'ls /run/ganeti/socket/*'); do garbage 1 "UNIX-CONNECT:$s"; done
on 1 sh -c 'printf "{\"method\": \"Nonsense\", \"args\": []}\003not json\003{}\003[]\003" | timeout 5 socat -t 2 - UNIX-CONNECT:/run/ganeti/socket/ganeti-master' >"$T/luxi"
like "$(tr '\003' '\n' <"$T/luxi" | head -n 1)" '"success": ?false' "luxi answers who talks nonsense"
pids >"$T/pids.after"
ok "all daemons are those of before" diff "$T/pids" "$T/pids.after"
must_fail 1 "Permission denied|permission" on 1 setpriv --reuid=nobody --regid=nogroup --clear-groups gnt-node list
ok "and work" m gnt-cluster verify
unlike "$OUT" "ERROR|WARNING" "without complaint"
is "$(url=https://cl.example.com:5080/version; on 3 curl -sk --max-time 10 $url)" 2 "REST as well"

# ---- the end

for i in $I1 $I2; do ok "gnt-instance remove $i" m gnt-instance remove -f --shutdown-timeout=1 "$i"; done
is "$(leftovers)" "" "no domain, process, tap, file"
ok "gnt-cluster verify" m gnt-cluster verify
done_testing
