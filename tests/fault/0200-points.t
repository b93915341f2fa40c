#!/bin/bash
# Every fault point, crashing and (where it can) failing, under load: the master and the agents are
# started again where they died, and everything that was acknowledged is there.
# FAULT_POINTS: only those that match this regular expression.
# shellcheck disable=SC2154,SC2317 # what lib.sh sets; functions for wait_for
# shellcheck source=tests/fault/lib.sh
. "$(dirname "$0")/lib.sh"

# These have tests of their own.
OTHERS='^(clock|turn_drop|failover_.*)$'

needs_faults

all_up() {
	local k
	for k in 1 2 3; do agent_up "$k" || return; done
	master_up
}

# Some places are not passed under load alone.
provoke() { # POINT
	case $1 in
	job_recover) # workers outlive their master, and only what they leave is recovered
		PIDS=()
		pid_of 1 ganeti-masterd && children "$PID" job-worker && kill9 1 ganeti-masterd
		[ ${#PIDS[@]} = 0 ] || kill -9 "${PIDS[@]}" 2>/dev/null
		;;
	master_ready | attach_*) kill9 1 ganeti-masterd ;;
	replica_receive | replica_replace) # only a candidate without a copy needs a whole one
		kill9 2 ganeti-noded && rm -f "$(vcl_file 2 CONFIG_DB)"* ;;
	esac
}

# Has it happened? What is dead meanwhile is started again.
fired() { # POINT
	[ -e "$GANETI_FAULTS/$1" ] || return 0
	# less and less often: what it is to provoke may take a while
	if ((POLLS++ >= NEXT)); then
		provoke "$1"
		((NEXT = POLLS + GAP, GAP *= 2))
	fi
	all_up
	return 1
}

# one POINT PROGRAM ACTION NTH
one() {
	rm -f "$GANETI_FAULTS/$1.hits"
	clients_start 4
	arm "$1" "$3 in $2 @$4"
	POLLS=0 NEXT=0 GAP=20
	wait_for 120 fired "$1" || echo "it does not happen"
	disarm "$1" # if it did not happen
	# what has just said that it crashes may take a moment to do so
	clients_stop all_up || return
	wait_for 120 jobs_ended || return
	vcl_on 1 "$HISTORY" check "$H"
}

vcl_up 3
# "init" has started them, without our environment
for k in 1 2 3; do kill9 $k ganeti-noded; done
kill9 1 ganeti-masterd
ok "all daemons know of the faults" all_up
diag "FAULT_SEED=$SEED"
while IFS=$'\t' read -r point program can_fail; do
	[[ ! $point =~ $OTHERS && $point =~ ${FAULT_POINTS:-.} ]] || continue
	for action in crash fail; do
		[ $action = crash ] || [ "$can_fail" = true ] || continue
		nth=$((RANDOM % 3 + 1))
		[[ $point != replica_re* ]] || nth=1 # rare
		ok "$point in $program: $action ($nth)" one "$point" "$program" $action $nth
		unlike "$OUT" "does not happen" "it happens"
	done
done < <(vcl_luxi --control faults | python3 -c '
import json, sys
for f in json.load(sys.stdin):
    for p in f["programs"].split(","):
        print(f["name"], p, str(f["can_fail"]).lower(), sep="\t")')
ok "gnt-cluster verify" m gnt-cluster verify
unlike "$OUT" 'ERROR' "has nothing to complain about"
vcl_done
