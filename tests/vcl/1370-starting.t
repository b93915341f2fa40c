#!/bin/bash
# A master that is told to end while it is starting ends at once, whatever it waits for, and leaves nothing behind:
# while nodes that are down are asked to vote, while nodes that hang are, and while candidates lack changes.
# shellcheck disable=SC2119,SC2154,SC2317 # what tlib.sh sets; functions for wait_for
# shellcheck source=tests/harness/tlib.sh
. "$(dirname "$0")/../harness/tlib.sh"
# shellcheck source=tests/harness/vcl.sh
. "$(dirname "$0")/../harness/vcl.sh"
# shellcheck source=tests/vcl/replicas.sh
. "$(dirname "$0")/replicas.sh"

# up to five nodes vote, three of them are candidates
agents_down() { # K...
	local k
	for k; do vcl_kill9 "$k" ganeti-noded || return; done
}
agents_up() {
	local k
	for k; do vcl_on "$k" daemon-util start ganeti-noded || return; done
}
said() { # TEXT: since this start
	tail -c "+$from" "$log" | grep -qF "$1"
}
# past the place where it may be told anything, before the first vote is in
opened() {
	local pid
	pid=$(vcl_pid 1 ganeti-masterd) && find "/proc/$pid/fd" -lname "$(vcl_file 1 CONFIG_DB)*" | grep -q .
}
none_left() {
	! vcl_processes | grep -E 'ganeti-(masterd|query-worker|job-worker|replica-worker|spread-worker)'
}
# starting CMD...: the master is started, and is told to end when the command succeeds
starting() {
	local pid
	from=$(($(stat -c %s "$log") + 1))
	m ganeti-masterd >"$T/starting" 2>&1 </dev/null &
	BG=$!
	wait_for 60 "$@" && pid=$(vcl_pid 1 ganeti-masterd) && kill "$pid" && wait_for 30 _vcl_gone "$pid"
}
ended() { # DESCRIPTION
	local f
	wait "$BG"
	is "$?" 0 "$1: to who started it that is no failure"
	is "$(cat "$T/starting")" "" "$1: and needs no words"
	ok "$1: it was told while it was starting" said ' while starting: stopping'
	ok "$1: the log has the end" said ' Ended'
	nok "$1: clients were not let in" said 'is ready'
	for f in MASTERD_PID QUERY_SOCKET MASTER_SOCKET MASTERD_CONTROL; do
		nok "$1: nothing stays: $f" test -e "$(vcl_file 1 $f)"
	done
	ok "$1: nor do processes" wait_for 30 none_left
}

vcl_up 5 --candidate-pool-size=3
log=$(vcl_file 1 LOG_DIR)/master-daemon.log
ok "the master ends" vcl_on 1 daemon-util stop ganeti-masterd

diag "votes of nodes that are down"
agents_down 2 3 4 5
ok "it ends" starting said 'No voting RPC result from'
ended "nodes are down"

diag "votes of nodes that hang"
agents_up 2 3 4 5
for k in 2 3 4 5; do hang $k; done
ok "it ends" starting opened
ended "nodes hang"
for k in 2 3 4 5; do resume $k; done

diag "candidates without changes"
agents_down 2 3
# it goes on without them after ten seconds
for _ in 1 2 3; do
	starting said 'Master candidates without the latest changes' || fail "it ends"
	said 'is ready' || break
done
ended "candidates are down"

diag "the next one"
ok "starts" vcl_on 1 daemon-util start ganeti-masterd
agents_up 2 3
ok "works" m gnt-cluster add-tags next
ok "and brings everything to node2" wait_for 60 same 2
ok "and node3" wait_for 60 same 3
ok "verify" m gnt-cluster verify
unlike "$OUT" ERROR "has nothing to complain about"

diag "enough are in favour"
ok "the master ends" vcl_on 1 daemon-util stop ganeti-masterd
vcl_kill9 4 ganeti-noded
hang 5
from=$(($(stat -c %s "$log") + 1))
ok "another one starts" m ganeti-masterd -d
ok "it asked all" said 'RPC error in master_node_name on node node4'
nok "and did not wait for the one that hangs" said 'RPC error in master_node_name on node node5'
resume 5
vcl_done
