# shellcheck shell=bash
# shellcheck disable=SC2154 # what tlib.sh sets
# A virtual cluster with clients that write down what they were told, for the scripts of this folder.
# shellcheck source=tests/harness/tlib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../harness/tlib.sh"
# shellcheck source=tests/harness/vcl.sh
. "$(dirname "${BASH_SOURCE[0]}")/../harness/vcl.sh"

HISTORY=$VCL_BUILD/tests/fault/history
[ -x "$HISTORY" ] || bail "tests/fault/history is not built"
# One number repeats what clients and this script draw; what happens at the same time is never repeated.
SEED=${FAULT_SEED:-$RANDOM}
RANDOM=$SEED
H=$T/h # histories
CLIENTS=()
BATCH=0
at_exit clients_kill

# Points are armed by files here, in all programs started from now on.
mkdir "$T/faults"
export GANETI_FAULTS=$T/faults

# needs_faults: skip the whole script in a build without fault points
needs_faults() {
	grep -q '^#define ENABLE_FAULT 1' "$VCL_BUILD/config.h" || skip_all "configured without --enable-fault"
}

# arm POINT ACTION
arm() {
	# complete when it appears
	echo "$2" >"$GANETI_FAULTS/.new" && mv "$GANETI_FAULTS/.new" "$GANETI_FAULTS/$1"
}

disarm() {
	rm -f "$GANETI_FAULTS/$1"
}

# clients_start N: N of them work from now on
clients_start() {
	local i
	mkdir -p "$H" && rm -f "$H/stop"
	BATCH=$((BATCH + 10))
	for ((i = BATCH; i < BATCH + $1; i++)); do
		VCL_TIMEOUT=3600 vcl_on "${MASTER:-1}" "$HISTORY" load "$H" "$i" "$SEED" >"$H/$i.out" 2>&1 </dev/null &
		CLIENTS+=($!)
	done
}

# clients_stop [CMD]: each ends what it does, while CMD is called again and again; fails if one of them
# did not end well
clients_stop() {
	local pid rc=0
	touch "$H/stop"
	for pid in "${CLIENTS[@]}"; do
		while lives "$pid"; do
			${1:-:} || return
			sleep 0.05
		done
		wait "$pid" || rc=1
	done
	CLIENTS=()
	[ $rc = 0 ] || cat "$H"/*.out
	return $rc
}

# not only the shells that wait for them
clients_kill() {
	local pid all=()
	for pid in "${CLIENTS[@]}"; do
		children "$pid" ''
		all+=("$pid" "${PIDS[@]}")
	done
	kill "${all[@]}" 2>/dev/null
	for pid in "${all[@]}"; do ends "$pid"; done
	CLIENTS=()
}

# clients_done COUNT: lines in the histories
clients_done() {
	[ "$(cat "$H"/*.history 2>/dev/null | wc -l)" -ge "$1" ]
}

jobs_ended() {
	[ "$(vcl_luxi Query '["job",["id"],["|",["=","status","queued"],["=","status","waiting"],["=","status","running"],["=","status","canceling"]]]' |
		grep -o '"data":.*')" = '"data":[]}' ]
}

# judge DESCRIPTION: all jobs end, and everything acknowledged is there
judge() {
	ok "$1: all jobs end" wait_for 120 jobs_ended
	ok "$1: what was acknowledged is true" vcl_on "${MASTER:-1}" "$HISTORY" check "$H" "${CHECK_OPTS[@]}"
	diag "$OUT"
}

# The following are done hundreds of times, so they start no programs they can do without.
#
# lives PID
lives() {
	local state
	{ read -r _ _ state _ <"/proc/$1/stat"; } 2>/dev/null && [ "$state" != Z ] && [ "$state" != X ]
}

# pid_of K DAEMON: in PID; fails if it does not run
pid_of() {
	local v=VCL_PATH_RUN_DIR
	PID=
	{ read -r PID <"$VCL/node$1.example.com${!v}/$2.pid"; } 2>/dev/null
	[ -n "$PID" ] && lives "$PID"
}

# kill9 K DAEMON: and wait for its end
kill9() {
	pid_of "$1" "$2" && kill -9 "$PID" && ends "$PID"
}

# children PID PROGRAM: those that run it; in PIDS
children() {
	local pid text
	PIDS=()
	{ read -r text <"/proc/$1/task/$1/children"; } 2>/dev/null
	for pid in $text; do
		{ read -rd '' text <"/proc/$pid/cmdline"; } 2>/dev/null
		[[ $text != *$2* ]] || PIDS+=("$pid")
	done
}

# ends PID: wait for that
ends() {
	local i
	for ((i = 0; i < 6000; i++)); do
		lives "$1" || return 0
		sleep 0.01
	done
	return 1
}

# _up K DAEMON OPTION...: it runs, whatever state it was in; a child that one killed was about to start may hold its
# pid file a moment longer
_up() {
	local i k=$1 d=$2
	shift 2
	for ((i = 0; i < 100; i++)); do
		! pid_of "$k" "$d" || return 0
		vcl_on "$k" "$d" "$@" >"$T/start" 2>&1 && return 0
		sleep 0.1
	done
	cat "$T/start"
	return 1
}

# master_up: it lets clients in
master_up() {
	_up "${MASTER:-1}" ganeti-masterd "${MASTER_OPTS[@]}"
}

# agent_up K
agent_up() {
	_up "$1" ganeti-noded
}
MASTER_OPTS=()
CHECK_OPTS=()
