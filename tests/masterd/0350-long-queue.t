#!/bin/bash
# A queue that is longer than what the master keeps in memory.
# shellcheck disable=SC2154,SC2119,SC2317 # path variables; options are rare; called by ok
. "$(dirname "$0")/lib.sh"

N=1300 # jobs that wait; a thousand jobs stay in memory
new_cluster 1 127.0.0.1
master || bail "masterd does not start"
many() { # COUNT OPCODE
	local i sep=''
	for ((i = 0; i < $1; i++)); do
		printf '%s[%s]' "$sep" "$2"
		sep=,
	done
}
submit_many() {
	printf '{"method":"SubmitManyJobs","args":[[%s]]}\3' "$(many "$@")" >"$T/request"
	luxi --send <"$T/request" >"$T/answer"
}
holders() {
	seq 20
}
free_all() {
	local j
	for j in $(holders); do luxi CancelJob "[$j,true]" >/dev/null; done
}
at_exit free_all

ok "as many jobs as may run do" submit_many 20 "$(delay 600)"
all_run() {
	[ "$(stat_of jobs_running)" = 20 ]
}
ok "all of them" wait_for 30 all_run
ok "and $N wait behind them" submit_many $N "$(delay 0)"
last=$((20 + N)) middle=$((20 + N / 2)) dependent=$((N - 50)) dropped=$((N - 100))
all_there() {
	[ "$(stat_of jobs_live)" = $((20 + N)) ]
}
ok "all are counted" wait_for 30 all_there
ok "not all are in memory" test "$(stat_of jobs_loaded)" -le 1000
is "$(field "$last" status)" '"queued"' "the last one is there for queries"

run luxi WaitForJobChange "[$((last - 1)),[\"status\"],null,0,1]"
is "$OUT" '[["queued"],[]]' "and one for clients that wait"
run luxi CancelJob "[$dropped,false]"
is "$OUT" "[true,\"Dequeued job $dropped\"]" "one of them is cancelled"
run luxi ChangeJobPriority "[$last,-20]"
like "$OUT" '^\[true,' "another one becomes urgent"
new=$(submit "$(delay 0 'priority:-10')")
after=$(submit "$(delay 0 "depends:[[$dependent,[]]]" 'priority:-10')")
run luxi ArchiveJob "[$((last - 2))]"
is "$OUT" false "what waits is not archived"

# a rule that rejects reaches those outside, too
luxi ReplaceFilter "[null,1,[[\"jobid\",[\"=\",\"id\",$((last - 3))]]],\"REJECT\",[]]" >/dev/null
ok "a job in the tail is rejected by a new filter" wait_state $((last - 3)) canceled

master_kill
export GANETI_QUEUE_MAX=$((20 + N + 2)) # for a virtual cluster
master || bail "masterd does not start again"
unset GANETI_QUEUE_MAX
is "$(stat_of jobs_live)" $((20 + N)) "the next master knows them"
ok "and has not read them all" test "$(stat_of jobs_loaded)" -le 1000

diag "a full queue"
extra=$(submit "$(delay 0)")
like "$extra" '^[0-9]+$' "there is room for a job"
run luxi SubmitManyJobs "[[[$(delay 0)],[$(delay 0)]]]"
like "$OUT" "^\\[\\[true,$((extra + 1))\\],\\[false,.*queue is full" "and of two for the first one"
run luxi SubmitJob "[[$(delay 0)]]"
isnt "$RC" 0 "there is no room for another one"
like "$OUT$ERR" 'JobQueueFull' "which is an error of its own"
is "$(stat_of jobs_live)" $((20 + N + 2)) "nothing of it stays"
run luxi CancelJob "[$extra,false]"
ok "when one is cancelled" wait_state "$extra" canceled
extra=$(submit "$(delay 0)")
like "$extra" '^[0-9]+$' "there is room again"
run luxi CancelJob "[$extra,false]"
ok "(it is taken out)" wait_state "$extra" canceled
run luxi CancelJob "[$((extra - 1)),false]"

free_all
ok "when there is room all run" wait_for 120 none_left
ok "the urgent one first" test "$(stamp "$last" start_ts)" -lt "$(stamp "$middle" start_ts)"
ok "and one that was submitted as urgent" test "$(stamp "$new" start_ts)" -lt "$(stamp "$middle" start_ts)"
ok "one that depends on another after that" test "$(stamp "$after" start_ts)" -gt "$(stamp "$dependent" end_ts)"
is "$(luxi Query '["job",["id"],["=","status","success"]]' | grep -o '\[\[0,[0-9]*\]\]' | wc -l)" \
	"$N" "and all but what was cancelled and rejected have succeeded"
diag "limits"
# each place that becomes free is one job's: others are not looked at for it
limited() { # WHAT OPCODE
	local before first held
	before=$(stat_of jobs_considered)
	held=$(submit "${2/'"duration":0'/'"duration":600'}")
	ok "$1: one runs" wait_state "$held" running
	ok "$1: 120 jobs, of which one may run" submit_many 120 "$2"
	first=$((held + 1))
	run luxi ChangeJobPriority "[$((first + 80)),-10]"
	like "$OUT" '^\[true,' "$1: one becomes urgent"
	run luxi CancelJob "[$((first + 40)),false]"
	luxi CancelJob "[$held,true]" >/dev/null
	ok "$1: all end" wait_for 120 none_left
	ok "$1: the urgent one before others" test "$(stamp $((first + 80)) start_ts)" -lt "$(stamp $((first + 60)) start_ts)"
	ok "$1: they start in order" test "$(stamp $((first + 60)) start_ts)" -lt "$(stamp $((first + 61)) start_ts)"
	ok "$1: not two at once" test "$(stamp $((first + 60)) end_ts)" -le "$(stamp $((first + 61)) start_ts)"
	is "$(field $((first + 119)) status)" '"success"' "$1: all of them have run"
	before=$(($(stat_of jobs_considered) - before))
	ok "$1: looks at what may start grow with what starts: $before" test "$before" -lt 800
}
luxi ReplaceFilter '[null,1,[["opcode",["=","comment","slow"]]],["RATE_LIMIT",1],[]]' >/dev/null
limited "a rule" "$(delay 0 'comment:"slow"')"
limited "a reason" "$(delay 0 | sed 's/"reason":\[\]/"reason":[["u","rate-limit:1:x",1]]/')"
limited "both" "$(delay 0 'comment:"slow"' | sed 's/"reason":\[\]/"reason":[["u","rate-limit:1:x",1]]/')"
ok "nothing went wrong on the way" not grep -E "ERROR Can't (store|write|read)" "$MASTERD_LOG"
done_testing
