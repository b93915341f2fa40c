#!/bin/bash
# The master role moves under load and something dies: the old master, the new one, agents, the command itself, at
# random moments and at each fault point of the way. The command is repeated until it works, or the master that is
# still one is started again: there is exactly one master, and everything acknowledged is there.
# FAULT_FAILOVERS: how many random ones (default 5), FAULT_SEED: which.
# shellcheck disable=SC2154,SC2317 # what lib.sh sets; functions for wait_for
# shellcheck source=tests/fault/lib.sh
. "$(dirname "$0")/lib.sh"

ROUNDS=${FAULT_FAILOVERS:-5}
MASTER=1
CHECK_OPTS=(moved)
declare -A KILLED
VCL_TIMEOUT=180

agents_up() {
	local k
	for k in 1 2 3; do agent_up "$k" || return; done
}

# The nodes where a master daemon runs; in MASTERS
masters() {
	local k
	MASTERS=()
	for k in 1 2 3; do ! pid_of "$k" ganeti-masterd || MASTERS+=("$k"); done
}
one_master() {
	masters
	[ ${#MASTERS[@]} = 1 ] && vcl_on "${MASTERS[0]}" gnt-cluster master-ping
}

# Agents go on with what a killed command has asked for: a master that is to be stopped may still answer.
stays() {
	local k pid
	one_master && k=${MASTERS[0]} && pid_of "$k" ganeti-masterd || return
	pid=$PID
	sleep 3
	one_master && [ "${MASTERS[0]}" = "$k" ] && pid_of "$k" ganeti-masterd && [ "$PID" = "$pid" ]
}

# What an administrator does whose failover broke off: nobody is the master, so start the one who should be, or
# repeat the command, where it says.
repair() {
	local k
	agents_up || return
	stays && return
	for k in $(shuf -e 1 2 3 --random-source=<(yes "$RANDOM")); do
		vcl_on "$k" ganeti-masterd >"$T/repair" 2>&1 && stays && return
		vcl_on "$k" gnt-cluster master-failover >>"$T/repair" 2>&1
		stays && return
	done
	cat "$T/repair"
	return 1
}

# settled NAME: there is one master in the end, and it has everything
settled() {
	ok "$1: there is one master" wait_for 240 repair
	[ "$RC" = 0 ] || bail "$(vcl_logs)"
	MASTER=${MASTERS[0]}
	# those of the old master hear nothing any more
	clients_kill
	judge "$1"
	masters
	is "${MASTERS[*]}" "$MASTER" "$1: it is still the only one"
	ok "$1: the files of all jobs are there" wait_for 60 files_complete
}

# the queue directory of the master has what its database says
files_complete() {
	python3 - "$(vcl_file "$MASTER" CONFIG_DB)" "$(vcl_file "$MASTER" QUEUE_DIR)" <<-'X'
		import json, os, sqlite3, sys
		names = ["queued", "waiting", "canceling", "running", "canceled", "success", "error"]
		d = sqlite3.connect("file:%s?mode=ro" % sys.argv[1], uri=True)
		want = {id for id, in d.execute("select id from job where archived = 0")}
		have = {int(f[4:]) for f in os.listdir(sys.argv[2]) if f.startswith("job-")}
		if want != have:
		    sys.exit("missing: %s, too many: %s" % (sorted(want - have)[:9], sorted(have - want)[:9]))
		for id in want:
		    ops = json.load(open("%s/job-%d" % (sys.argv[2], id)))["ops"]
		    if any(op["status"] not in ("success", "error", "canceled") for op in ops):
		        sys.exit("job %d has ended, and not in its file" % id)
	X
}

begin() { # in NEW who is to be the master
	local others=() k
	for k in 1 2 3; do [ "$k" = "$MASTER" ] || others+=("$k"); done
	NEW=${others[RANDOM % 2]}
	clients_start 3
	local lines
	lines=$(cat "$H"/*.history 2>/dev/null | wc -l)
	ok "$1: clients work" wait_for 120 clients_done $((lines + 30))
}

kill_something() {
	local what
	case $((RANDOM % 8)) in
	0 | 1) what='old master' && kill9 "$MASTER" ganeti-masterd ;;
	2) what='agent of the old master' && kill9 "$MASTER" ganeti-noded ;;
	3) what='host of the old master' && kill9 "$MASTER" ganeti-noded && kill9 "$MASTER" ganeti-masterd ;;
	4) what='new master' && kill9 "$NEW" ganeti-masterd ;;
	5) what='agent of the new master' && kill9 "$NEW" ganeti-noded ;;
	6) what='command' && kill_command ;;
	7) what='host of the new master' && kill_command && kill9 "$NEW" ganeti-noded && kill9 "$NEW" ganeti-masterd ;;
	esac
	KILLED[$what]=$((${KILLED[$what]:-0} + 1))
}

# The command and what it has started; its parents end with it
kill_command() {
	local pids=("$COMMAND") i
	for ((i = 0; i < ${#pids[@]}; i++)); do
		children "${pids[i]}" ''
		pids+=("${PIDS[@]}")
	done
	kill -9 "${pids[@]:1}" 2>/dev/null
	return 0
}

vcl_up 3
# "init" has started them, without our environment
for k in 1 2 3; do kill9 $k ganeti-noded; done
kill9 1 ganeti-masterd
ok "all know of the faults" agents_up
ok "the master, too" master_up
diag "FAULT_SEED=$SEED FAULT_FAILOVERS=$ROUNDS"

for ((round = 1; round <= ROUNDS; round++)); do
	begin "failover $round"
	vcl_on "$NEW" gnt-cluster master-failover >"$T/failover" 2>&1 </dev/null &
	COMMAND=$!
	sleep "$((RANDOM % 2)).$((RANDOM % 10))"
	kill_something
	wait $COMMAND
	settled "failover $round"
done
for what in "${!KILLED[@]}"; do diag "killed: ${KILLED[$what]} x $what"; done

if grep -q '^#define ENABLE_FAULT 1' "$VCL_BUILD/config.h"; then
	while read -r point can_fail; do
		for action in crash fail; do
			[ $action = crash ] || [ "$can_fail" = true ] || continue
			begin "$point"
			rm -f "$GANETI_FAULTS/$point.hits"
			arm "$point" "$action"
			vcl_on "$NEW" gnt-cluster master-failover >"$T/failover" 2>&1 </dev/null
			isnt "$?" 0 "$point: the command breaks off ($action)"
			nok "$point: it has happened" test -e "$GANETI_FAULTS/$point"
			disarm "$point"
			settled "$point"
		done
	done < <(vcl_luxi --control faults | python3 -c '
import json, sys
for f in json.load(sys.stdin):
    if f["name"].startswith("failover_"):
        print(f["name"], str(f["can_fail"]).lower())')
fi
ok "gnt-cluster verify" m gnt-cluster verify
unlike "$OUT" 'ERROR' "has nothing to complain about"
vcl_done
