#!/bin/bash
# kill -9 at random moments under load: the master, its workers, node agents and theirs, on the master
# and on candidates. FAULT_ROUNDS: how many (default 200), FAULT_SEED: which.
# shellcheck disable=SC2154,SC2317 # what lib.sh sets; functions for wait_for
# shellcheck source=tests/fault/lib.sh
. "$(dirname "$0")/lib.sh"

ROUNDS=${FAULT_ROUNDS:-200}
EACH=50 # rounds between two looks at everything
declare -A KILLED

# kill_child K DAEMON PROGRAM: there may be none right now
kill_child() {
	PIDS=()
	pid_of "$1" "$2" && children "$PID" "$3"
	[ ${#PIDS[@]} = 0 ] || kill -9 "${PIDS[RANDOM % ${#PIDS[@]}]}" 2>/dev/null
}

kill_something() {
	local k=$((RANDOM % 3 + 1)) what
	case $((RANDOM % 20)) in
	[0-7]) what=master && kill9 1 ganeti-masterd ;;
	8 | 9 | 10 | 11) what='job worker' && kill_child 1 ganeti-masterd job-worker ;;
	12) what='query worker' && kill_child 1 ganeti-masterd query-worker ;;
	13) what='spread worker' && kill_child 1 ganeti-masterd spread-worker ;;
	14 | 15) what='node agent' && kill9 $k ganeti-noded ;;
	16 | 17) what='agent worker' && kill_child $k ganeti-noded node-worker ;;
	18) what='master and agent' && kill9 1 ganeti-masterd && kill9 $k ganeti-noded ;;
	*) what='all' && kill9 2 ganeti-noded && kill9 3 ganeti-noded && kill9 1 ganeti-masterd && kill9 1 ganeti-noded ;;
	esac
	KILLED[$what]=$((${KILLED[$what]:-0} + 1))
}

all_up() {
	local k
	for k in 1 2 3; do agent_up $k || return; done
	master_up
}

vcl_up 3
diag "FAULT_SEED=$SEED FAULT_ROUNDS=$ROUNDS"
for ((round = 0; round < ROUNDS; round++)); do
	if [ $((round % EACH)) = 0 ]; then
		clients_start 4
	fi
	sleep "0.$((RANDOM % 3))$((RANDOM % 10))"
	kill_something
	all_up || bail "round $round: it does not start again: $(vcl_logs)"
	if [ $(((round + 1) % EACH)) = 0 ] || [ $((round + 1)) = "$ROUNDS" ]; then
		ok "round $((round + 1)): clients end" clients_stop
		judge "round $((round + 1))"
	fi
done
for what in "${!KILLED[@]}"; do diag "killed: ${KILLED[$what]} x $what"; done
ok "gnt-cluster verify" m gnt-cluster verify
unlike "$OUT" 'ERROR' "has nothing to complain about"
vcl_done
