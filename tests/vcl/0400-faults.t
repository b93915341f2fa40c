#!/bin/bash
# What happens when something breaks: nodes that are down, agents, workers and masters that are killed in the
# middle of a job. Every job ends in a defined state, locks are free, the configuration is right.
# shellcheck disable=SC2154,SC2317 # what tlib.sh sets; functions for wait_for
# shellcheck source=tests/harness/tlib.sh
. "$(dirname "$0")/../harness/tlib.sh"
# shellcheck source=tests/harness/vcl.sh
. "$(dirname "$0")/../harness/vcl.sh"

DOWN='Error 7: Failed to connect to [0-9.]+ port [0-9]+.*'
S=(-t sharedfile -s 16m -o tiny+default)
HELD=(-t file -s 16m -o held+default)

# fails_like CODE REGEX CMD...: about stderr
fails_like() {
	local code=$1 re=$2
	shift 2
	run "$@"
	is "$RC" "$code" "fails with $code: $*"
	like "$ERR" "$re" "and says why"
}

# background NAME CMD...: its output goes to $T/NAME; the pid is in BG
background() {
	local name=$1
	shift
	"$@" >"$T/$name" 2>&1 </dev/null &
	BG=$!
}

healthy() { # WHEN
	ok "$1: the configuration is right" m gnt-cluster verify
	unlike "$OUT" 'ERROR' "$1: nothing else is wrong"
	is "$(m gnt-debug locks --no-headers -o owner,pending | tr -d ' \n-')" '' "$1: no lock is held"
}

last_job() {
	m gnt-job list --no-headers -o id | tail -n 1 | tr -d ' '
}

vcl_up 3

diag "a node that does not answer"
ok "an instance on it" m gnt-instance add "${S[@]}" -n node2.example.com inst1.example.com
ok "one elsewhere" m gnt-instance add "${S[@]}" -n node1.example.com inst2.example.com
workers=$(ps -o pid= --ppid "$(vcl_pid 2 ganeti-noded)")
isnt "$workers" '' "its agent has workers"
vcl_kill9 2 ganeti-noded
for pid in $workers; do ok "they end with it" wait_for 60 _vcl_gone "$pid"; done
run m gnt-node list --no-headers --separator=: -o name,dfree,mfree,pinst_cnt node2.example.com
is "$RC/$OUT" '0/node2.example.com:?:?:1' "what is not known shows as such"
is "$(m gnt-instance list --no-headers --separator=: -o name,status,oper_ram)" \
	$'inst1.example.com:ERROR_nodedown:?\ninst2.example.com:running:128' "its instances as well"
fails_like 1 "^Failure: command execution error:"$'\n'".* node node2.example.com: $DOWN" \
	m gnt-instance add "${S[@]}" -n node2.example.com inst3.example.com
fails_like 1 "^Failure: command execution error:"$'\n'"Error checking node node2.example.com: $DOWN" \
	m gnt-instance info inst1.example.com
ok "but what is configured" m gnt-instance info -s inst1.example.com
fails_like 1 "has failed: Failure: prerequisites not met for this operation:"$'\n'"error type: environment_error, error details:"$'\n'".*'node2.example.com': $DOWN" \
	m gnt-instance startup inst1.example.com
fails_like 1 "^Failure: prerequisites not met for this operation:"$'\n'"error type: wrong_state, error details:"$'\n'"Can't migrate, please use failover: $DOWN" \
	m gnt-instance migrate -f -n node3.example.com inst1.example.com
fails_like 1 "^Failure: prerequisites not met for this operation:"$'\n'"error type: environment_error, error details:"$'\n'".*node2.example.com: $DOWN" \
	m gnt-instance migrate -f -n node2.example.com inst2.example.com
fails_like 1 "^Failure: command execution error:"$'\n'"Could not shutdown instance 'inst1.example.com' on node 'node2.example.com': $DOWN" \
	m gnt-instance remove -f inst1.example.com
run m gnt-cluster verify
is "$RC" 1 "verify fails"
like "$OUT" "  - ERROR: node node2.example.com: while contacting node: $DOWN" "because of the node"
like "$OUT" '  - ERROR: .*inst1.example.com.* connection to primary node failed' "and the instance"
run m gnt-node modify -O yes node2.example.com
is "$RC" 0 "mark it as offline"
is "$(m gnt-instance list --no-headers --separator=: -o status,oper_ram inst1.example.com)" 'ERROR_nodeoffline:*' \
	"that shows"
fails_like 1 "error type: wrong_state, error details:"$'\n'"Can't use offline node: node2.example.com" \
	m gnt-instance startup inst1.example.com
ok "fail over to another" m gnt-instance failover -f -n node3.example.com inst1.example.com
is "$(m gnt-instance list --no-headers --separator=: -o status,pnode inst1.example.com)" 'running:node3.example.com' \
	"it runs there"
healthy "with an offline node"
ok "the node is repaired" vcl_on 2 daemon-util start ganeti-noded
rm -f "$(vcl_file 2 RUN_DIR)/fake-hypervisor/"* "$(vcl_file 2 DISK_LINKS_DIR)/"* # it was off
ok "and added again" m gnt-node add --readd node2.example.com
is "$(m gnt-node list --no-headers -o role node2.example.com)" C "a candidate again"
healthy "with the node"
ok "remove" m gnt-instance remove -f inst1.example.com
ok "remove" m gnt-instance remove -f inst2.example.com
is "$(vcl_leftovers)" '' "nothing is left"

diag "an agent that is killed in the middle of gnt-instance add"
vcl_os_hold
background add m gnt-instance add "${HELD[@]}" -n node2.example.com inst1.example.com
ok "it runs the OS script" vcl_os_held
script=$(cat "$VCL/hold.pid")
vcl_kill9 2 ganeti-noded
wait $BG
is "$?" 1 "the command fails"
like "$(cat "$T/add")" $'Failure: command execution error:\nCould not add os for instance inst1.example.com on node node2.example.com: Error [0-9]+: ' \
	"and says why"
is "$(vcl_status "$(last_job)")" error "so does the job"
ok "the script ends, too" wait_for 60 _vcl_gone "$script"
vcl_os_go
ok "the agent is started again" vcl_on 2 daemon-util start ganeti-noded
healthy "afterwards"
is "$(m gnt-instance list --no-headers -o status)" ADMIN_down "the instance is not lost, but not started"
ok "it can be installed again" m gnt-instance reinstall -f inst1.example.com
ok "or removed" m gnt-instance remove -f inst1.example.com
is "$(vcl_leftovers)" '' "nothing is left"

diag "an OS script that fails"
vcl_os_hold
background add m gnt-instance add "${HELD[@]}" -n node2.example.com inst1.example.com
vcl_os_held
vcl_os_go fail
wait $BG
is "$?" 1 "the command fails"
like "$(cat "$T/add")" "OS create script failed \(exited with exit code 3\), last lines in the log file:"$'\n'".*told to fail" \
	"and shows what the script said"
ok "remove" m gnt-instance remove -f inst1.example.com

diag "a disk that can't be made"
fails_like 1 "^Failure: command execution error:"$'\n'"Can't create block device <Disk\(type=file, .*size=20480000000m\)> on node node3.example.com for instance inst1.example.com: .*File too large" \
	m gnt-instance add -t file --ignore-ipolicy --disk 0:size=16m --disk 1:size=20000000G -o tiny+default \
	-n node3.example.com inst1.example.com
is "$(m gnt-instance list --no-headers)" '' "no instance is left"
is "$(vcl_leftovers)" '' "nothing else is left"

diag "a master that is killed while jobs run"
vcl_os_hold
background add m gnt-instance add "${HELD[@]}" -n node2.example.com inst1.example.com
ok "an installation runs" vcl_os_held
running=$(last_job)
m gnt-instance modify --submit -B memory=256 inst1.example.com >/dev/null 2>&1
waiting=$(last_job)
asks() { m gnt-debug locks --no-headers -o pending | grep -qE "[:,]$waiting([,:]|\$)"; }
ok "a job waits for its locks" wait_for 60 asks
held=$(vcl_hold --no-locks)
dead=$(vcl_hold --no-locks)
sock=$(_vcl_socket "$dead")
vcl_kill9 1 ganeti-masterd
idle() { vcl_processes | grep -E 'ganeti-(query|spread)-worker'; }
workers() { vcl_processes | grep -c ganeti-job-worker; }
four() { [ "$(workers)" = 4 ]; }
ok "workers that run no job end with it" wait_for 60 not idle
ok "those of the four jobs go on" wait_for 60 four
kill -9 "${sock##*-}"
rm "$sock"
ok "one of them is killed" wait_for 60 _vcl_gone "${sock##*-}"
ok "start the master again" m daemon-util start ganeti-masterd
is "$(vcl_status "$running") $(vcl_status "$waiting") $(vcl_status "$held") $(vcl_status "$dead")" \
	"running waiting running error" "only that job has failed"
like "$(m gnt-job info "$dead")" "detected death of job $dead" "and says why"
vcl_os_go
wait $BG
is "$?" 0 "the instance is added as if nothing had happened"
is "$(vcl_status "$running")" success "says its job"
ok "what waited" m gnt-job wait "$waiting"
is "$(vcl_status "$waiting")" success "has gone on"
ok "and what only ran" vcl_release "$held"
is "$(vcl_status "$held")" success "too"
is "$(m gnt-instance list --no-headers -o name,status | tr -s ' ')" 'inst1.example.com running' "the instance runs"
healthy "afterwards"
ok "remove" m gnt-instance remove -f inst1.example.com
is "$(vcl_leftovers)" '' "nothing is left"

diag "a master and the process of a job that are killed together"
vcl_os_hold
background add m gnt-instance add "${HELD[@]}" -n node2.example.com inst1.example.com
ok "an installation runs" vcl_os_held
running=$(last_job)
worker=$(vcl_worker "$running")
kill -9 "$worker"
vcl_kill9 1 ganeti-masterd
ok "start the master again" m daemon-util start ganeti-masterd
is "$(vcl_status "$running")" error "the job has failed"
wait $BG
is "$?" 1 "whoever waits for it is told"
like "$(cat "$T/add")" $'Failure: command execution error:\ndetected death of job '"$running\$" "the truth"
vcl_os_go
quiet() { ! vcl_processes | grep -q /srv/ganeti/os/; }
ok "the script has ended" wait_for 30 quiet
healthy "afterwards"
is "$(m gnt-instance list --no-headers -o name,status | tr -s ' ')" 'inst1.example.com ADMIN_down' "the instance is not lost"
ok "remove" m gnt-instance remove -f inst1.example.com
is "$(vcl_leftovers)" '' "nothing is left"

diag "a job's process that is killed"
held=$(vcl_hold)
blocked=$(m gnt-debug delay --submit 0 2>&1 | tr -dc 0-9)
sock=$(_vcl_socket "$held")
kill -9 "${sock##*-}"
run m gnt-job wait "$held"
is "$RC" 1 "the job fails"
is "$(vcl_status "$held")" error "as an error"
ok "its locks are free" m gnt-job wait "$blocked"
is "$(vcl_status "$blocked")" success "for the next one"
rm -f "$sock"
healthy "afterwards"

diag "a master that is stopped"
held=$(vcl_hold --no-locks)
sock=$(_vcl_socket "$held")
ok "it does not wait for what runs" m daemon-util stop ganeti-masterd
nok "it is gone" vcl_pid 1 ganeti-masterd
is "$(find "$(vcl_file 1 SOCKET_DIR)" -type s)" "$sock" "no socket is left but the job's"
ok "start" m daemon-util start ganeti-masterd
is "$(vcl_status "$held")" running "the job runs"
ok "and ends" vcl_release "$held"
is "$(vcl_status "$held")" success "well"
held=$(vcl_hold --no-locks)
worker=$(vcl_worker "$held")
ok "stop" m daemon-util stop ganeti-masterd
ok "start" m daemon-util start ganeti-masterd
ok "a job that was taken over is killed" m gnt-job cancel --kill --yes-do-it "$held"
ok "with its process" wait_for 60 _vcl_gone "$worker"
run m gnt-job wait "$held"
is "$(vcl_status "$held")" error "as an error"
rm -f "$(vcl_file 1 SOCKET_DIR)"/delay-*

diag "killed in the middle of everything"
failed() { m gnt-job list --no-headers -o id -F 'status == "error"'; }
before=$(failed)
for n in 1 2 3 4 5; do
	background churn bash -c "$(declare -f vcl_on vcl_root vcl_name m); $(declare -p VCL VCL_LIB VCL_PORT VCL_TIMEOUT)
		m gnt-instance add -t file -s 4m -o held+default -n node2.example.com inst$n.example.com &&
		m gnt-instance modify -B memory=256 inst$n.example.com &&
		m gnt-instance add-tags inst$n.example.com x"
	# at random moments of what takes some 300 ms
	for _ in 1 2; do
		read -rt "0.$((RANDOM % 3))$((RANDOM % 10))" <> <(:)
		vcl_kill9 1 ganeti-masterd
		m daemon-util start ganeti-masterd || fail "start of the master"
	done
	wait $BG
done
ended() { [ -z "$(m gnt-job list --no-headers --pending)$(m gnt-job list --no-headers --running)" ]; }
ok "all jobs end" wait_for 60 ended
is "$(failed)" "$before" "all of them well"
ok "the configuration is right" m gnt-cluster verify
for i in $(m gnt-instance list --no-headers -o name); do m gnt-instance remove -f "$i" || fail "remove $i"; done
is "$(vcl_leftovers)" '' "nothing is left"
healthy "in the end"
vcl_done
