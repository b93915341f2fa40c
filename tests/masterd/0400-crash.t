#!/bin/bash
# The master is killed at all kinds of moments: jobs that run go on under the next one, whose workers die with it
# end in a defined state, locks are right, what was acknowledged is still there, the configuration verifies.
# shellcheck disable=SC2154,SC2119,SC2317 # path variables; options are rare; called by ok
. "$(dirname "$0")/lib.sh"

new_cluster 1 127.0.0.1
master || bail "masterd does not start"

# attached JOB...: their workers have come back
attached() {
	local all j
	all=$(luxi --control workers)
	for j; do [[ $all =~ \[$j,[0-9]+,true\] ]] || return; done
}
# restart: killed and started again
restart() {
	master_kill && wait_for 60 master # a child that was about to start may hold the pid file a moment longer
}
# owners: the jobs that hold locks of nodes
owners() {
	luxi --control locks | grep -o '"node/[^}]*' | grep -o '"owner":\[[^]]*\]' | sort -u | tr -dc '0-9,\n'
}

running=$(submit "$(delay 0)" "$(held no_locks:false)" "$(delay 0 repeat:1)")
ok "a job runs its second opcode" holds "$running"
waiting=$(submit "$(locking 0)")
asked() { luxi --control locks | grep -q "\"exclusive\",\[$1\]"; }
ok "another waits for its lock" wait_for 60 asked "$waiting"
queued=$(submit "$(delay 0 "depends:[[$running,[]]]")")
done=$(submit "$(delay 0)")
is "$(ends "$done")" success "a third one has ended"
run luxi ReplaceFilter '[null,1,[],"CONTINUE",[["a","b",1]]]'
uuid=$OUT
workers=$(for j in "$running" "$waiting"; do worker_of "$j"; done)
like "$workers" '^[0-9]+.[0-9]+$' "two have a worker"
ok "kill -9" master_kill
alone() {
	[ "$(left_workers | sort -n)" = "$(sort -n <<<"$workers")" ]
}
ok "these workers stay, the others end" wait_for 60 alone

run wait_for 60 master
is "$RC" 0 "starts again, over the old sockets and pid file"
is "$(field "$running" status)$(field "$waiting" status)$(field "$queued" status)" '"running""waiting""queued"' \
	"everything is as it was"
is "$(owners)" "$running" "and so is the lock, from the start"
ok "the workers come back" wait_for 60 attached "$running" "$waiting"
is "$(for j in "$running" "$waiting"; do worker_of "$j"; done)" "$workers" "the same ones"
is "$(field "$done" status)" '"success"' "the one that had ended still has"
is "$(luxi QueryFilters '[null,["uuid"]]')" "[[$uuid]]" "the change of the configuration is there"
is "$(field "$waiting" status)" '"waiting"' "the lock is not given away"
ok "the job goes on" let_go "$running"
is "$(ends "$running")" success "to its end"
is "$(field "$running" opstatus)" '["success","success","success"]' "with all opcodes"
is "$(luxi QueryJobs "[[$running],[\"oplog\"]]" | grep -o '\[[0-9]*,\[[0-9]*,[0-9]*\],"' | cut -d, -f1 | tr -dc '0-9')" 1234 \
	"and each log entry once"
is "$(ends "$waiting")" success "the one that waited gets its lock"
is "$(ends "$queued")" success "the queued one runs"
is "$(luxi --control locks)" '[]' "no lock is held"
ok "the job file says so, too" wait_for 60 grep -q '"status":"success"' "$QUEUE_DIR/job-$running"

# twice in a row, the second time before anybody is back
running=$(submit "$(held no_locks:false)")
holds "$running"
waiting=$(submit "$(locking 0)")
ok "one runs, one waits" wait_state "$waiting" waiting
pid=$(worker_of "$running")
kill -STOP "$pid"
ok "kill -9" restart
is "$(luxi --control workers | grep -o "\[$running,[^]]*")" "[$running,$pid,false" "its worker does not come"
ok "kill -9 again" restart
kill -CONT "$pid"
ok "now it comes" wait_for 60 attached "$running" "$waiting"
ok "and kill -9 once more" restart
ok "it comes again" wait_for 60 attached "$running" "$waiting"
let_go "$running"
is "$(ends "$running") $(ends "$waiting")" "success success" "both end well"

# cancelled before they are back
running=$(submit "$(held no_locks:false)" "$(delay 0)")
holds "$running"
waiting=$(submit "$(locking 0)")
wait_state "$waiting" waiting
killed=$(submit "$(held)")
holds "$killed"
stopped=$(for j in "$running" "$waiting" "$killed"; do worker_of "$j"; done)
# shellcheck disable=SC2086 # pids
kill -STOP $stopped
ok "kill -9" restart
is "$(luxi CancelJob "[$running]")" '[false,"Job no longer waiting, can'"'"'t cancel (informed it anyway)"]' "cancel one that runs"
is "$(luxi CancelJob "[$killed,true]")" '[true,"SIGKILL send to the process"]' "kill one whose worker is away"
is "$(ends "$killed")" error "it has died"
like "$(field "$killed" opresult)" "detected death of job $killed" "as upstream says"
ok "kill -9: the wish is remembered" restart
# shellcheck disable=SC2086
kill -CONT $stopped 2>/dev/null
ok "they come back" wait_for 60 attached "$running" "$waiting"
is "$(luxi CancelJob "[$waiting]")" '[true,"Job successfully cancelled"]' "cancel one that waits"
let_go "$running"
is "$(ends "$running")" canceled "the one that ran is cancelled before its next opcode"
is "$(field "$running" opstatus)" '["success","canceled"]' "after the one it was in"
killed=$(submit "$(held no_locks:false)")
holds "$killed"
restart
ok "one is back" wait_for 60 attached "$killed"
is "$(luxi CancelJob "[$killed,true]")" '[true,"SIGKILL send to the process"]' "and killed then"
is "$(ends "$killed")" error "it has died"
is "$(owners)" '' "no lock is left"

# a worker that dies while there is no master, or with it
dead=$(submit "$(delay 0)" "$(held no_locks:false)" "$(delay 0)")
holds "$dead"
waiting=$(submit "$(locking 0)")
wait_state "$waiting" waiting
worker=$(worker_of "$dead") worker2=$(worker_of "$waiting")
kill -STOP "$worker2" # it can't be the one that is faster
master_kill
kill -9 "$worker" "$worker2"
wait_for 60 gone "$worker"
wait_for 60 gone "$worker2"
ok "two workers are killed while there is no master" wait_for 60 master
is "$(field "$dead" status)" '"error"' "the next one knows at once that the job is dead"
is "$(field "$dead" opresult)" \
	"[null,[\"OpExecError\",[\"detected death of job $dead\"]],[\"OpExecError\",[\"detected death of job $dead\"]]]" \
	"with upstream's text; the opcode before keeps its result"
like "$(field "$dead" end_ts)" '^\[1[0-9]+,[0-9]+\]$' "and an end"
is "$(ends "$waiting")" success "the one that only waited starts again"
dead=$(submit "$(held no_locks:false)")
holds "$dead"
pid=$(master_pid) worker=$(worker_of "$dead")
kill -9 "$pid" "$worker"
wait_for 60 gone "$pid"
ok "master and worker are killed together" wait_for 60 master
is "$(ends "$dead") $(owners)" "error " "the job is dead, its lock free"

# one that does not come back in time
stuck=$(submit "$(held no_locks:false)")
holds "$stuck"
worker=$(worker_of "$stuck")
kill -STOP "$worker"
master_kill
export GANETI_WORKER_GRACE=0.5
ok "a worker that hangs" wait_for 60 master
unset GANETI_WORKER_GRACE
is "$(ends "$stuck")" error "is given up after a time"
like "$(field "$stuck" opresult)" "detected death of job $stuck" "the job has died"
ok "and so has the process" wait_for 60 gone "$worker"
is "$(owners)" '' "its lock is free"

# somebody else who claims to be it
running=$(submit "$(held no_locks:false)")
holds "$running"
worker=$(worker_of "$running")
kill -STOP "$worker"
restart
# claim FRAME: what the master answers
claim() {
	printf "\\0\\0\\0\\x$(printf %x ${#1})%s" "$1" | socat -t 5 - "UNIX-CONNECT:$JOBS_SOCKET" | tail -c +5
}
is "$(claim "{\"attach\":$running,\"nonce\":\"x\"}")" '{"refused":"no such job, or another process has it"}' "a wrong nonce"
is "$(claim '{"attach":999999,"nonce":"x"}')" '{"refused":"no such job, or another process has it"}' "a job that there is not"
is "$(claim 'nonsense')" '' "nonsense"
kill -CONT "$worker"
ok "the right one is let in" wait_for 60 attached "$running"
let_go "$running"
is "$(ends "$running")" success "and ends well"

# paused, drained: flags and priorities outlive it
luxi ReplaceFilter "[$uuid,1,[],\"PAUSE\",[]]" >/dev/null
paused=$(submit "$(delay 0)")
luxi ChangeJobPriority "[$paused,-3]" >/dev/null
luxi SetDrainFlag '[true]' >/dev/null
ok "kill -9 again" restart
is "$(field "$paused" status) $(field "$paused" priority)" '"queued" -3' "a paused job with its new priority"
run submit "$(delay 0)"
like "$ERR" "Queue drained" "a drained queue"
luxi SetDrainFlag '[false]' >/dev/null
luxi DeleteFilter "[$uuid]" >/dev/null
is "$(ends "$paused")" success "the job runs when it may"

# SIGTERM: running jobs are left alone
running=$(submit "$(held no_locks:false)")
holds "$running"
worker=$(worker_of "$running")
ok "SIGTERM: the master does not wait for what runs" master_stop
is "$(left_workers)" "$worker" "its worker is all that is left"
is "$(find "$SOCKET_DIR" -type s ! -name 'delay-*')" '' "and no socket of the master"
master || bail "masterd does not start"
ok "it comes back" wait_for 60 attached "$running"
is "$(field "$running" status)" '"running"' "and the job runs"
let_go "$running"
is "$(ends "$running")" success "to its end"

# a worker that dies
victim=$(submit "$(held no_locks:false)")
ok "a job runs" holds "$victim"
kill -9 "$(worker_of "$victim")"
is "$(ends "$victim")" error "its worker is killed: the job ends"
is "$(ends "$(submit "$(locking 0)")")" success "its lock is free; new workers came"

# the spread worker and the query workers that die are replaced
pgrep -P "$(master_pid)" | xargs kill -9
ok "all workers die: queries work" wait_for 60 luxi QueryClusterInfo
is "$(ends "$(submit "$(locking 0)")")" success "and so do jobs"

# at random moments, under load
ops=$(for _ in {1..30}; do printf '%s[%s,%s]' "$sep" "$(locking 0.01 repeat:2)" "$(delay 0 repeat:1)"; sep=,; done)
before=$(luxi QueryJobs '[null,["status"]]' | grep -o error | wc -l)
n_jobs() {
	echo $(($(luxi QueryJobs '[null,["id"]]' | tr -cd '[' | wc -c) - 1))
}
first=$(($(n_jobs) + 1))
for i in 1 2 3 4 5; do
	luxi SubmitManyJobs "[[$ops]]" >"$T/ids"
	sleep "0.$((RANDOM % 4))$((RANDOM % 10))"
	restart || bail "masterd does not start"
done
settled() {
	! luxi QueryJobs '[null,["status"]]' | grep -qE 'queued|waiting|running|canceling'
}
ok "killed five times under load: every job ends" wait_for 120 settled
ok "no job is lost, none is there twice" wait_for 60 grep -qx "$(n_jobs)" "$QUEUE_DIR/serial"
is "$(luxi QueryJobs '[null,["status"]]' | grep -o error | wc -l)" "$before" "and none has failed"
wrong=0
for ((id = first; id < first + 150; id++)); do
	[ "$(field "$id" oplog | grep -o '"message"' | wc -l)" = 3 ] || wrong=$((wrong + 1))
done
is "$wrong" 0 "each has every log entry once"
is "$(luxi --control locks)" '[]' "no lock is held"
# each master that lives long enough has it looked at
verified() {
	master_kill && : >"$MASTERD_LOG" && wait_for 60 master && wait_for 60 grep -q "Configuration verified, 0 errors" "$MASTERD_LOG"
}
ok "the configuration verifies" verified
done_testing
