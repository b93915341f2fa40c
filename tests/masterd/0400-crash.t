#!/bin/bash
# The master is killed at all kinds of moments: jobs end in a defined state, locks are free, what was
# acknowledged is still there, the configuration verifies.
# shellcheck disable=SC2154,SC2119,SC2317 # path variables; options are rare; called by ok
. "$(dirname "$0")/lib.sh"

new_cluster 1 127.0.0.1
master || bail "masterd does not start"

running=$(submit "$(delay 0)" "$(locking 600)" "$(delay 0)")
ok "a job runs its second opcode" wait_state "$running" running
waiting=$(submit "$(locking 0)")
ok "another waits for its lock" wait_state "$waiting" waiting
queued=$(submit "$(delay 0 "depends:[[$running,[]]]")")
done=$(submit "$(delay 0)")
is "$(ends "$done")" success "a third one has ended"
run luxi ReplaceFilter '[null,1,[],"CONTINUE",[["a","b",1]]]'
uuid=$OUT
worker=$(pgrep -P "$(master_pid)" -f job-worker)
ok "kill -9; all workers end with it" master_kill
ok "none is left" test -z "$(pgrep -f "^$GANETI_LIBDIR/ganeti-" || :)"
isnt "$worker" "" "there were some"

run master
is "$RC" 0 "starts again, over the old sockets and pid file"
is "$(field "$running" status)" '"error"' "the job that ran has failed"
is "$(field "$running" opresult)" \
	"[null,[\"OpExecError\",[\"detected death of job $running\"]],[\"OpExecError\",[\"detected death of job $running\"]]]" \
	"with upstream's text; the opcode before keeps its result"
like "$(field "$running" end_ts)" '^\[1[0-9]+,[0-9]+\]$' "and an end"
is "$(ends "$waiting")" success "the one that waited for locks got them now"
is "$(ends "$queued")" success "the queued one ran"
is "$(field "$done" status)" '"success"' "the one that had ended still has"
is "$(luxi QueryFilters '[null,["uuid"]]')" "[[$uuid]]" "the change of the configuration is there"
is "$(luxi --control locks)" '[]' "no lock is held"
ok "the job file says so, too" grep -q '"status":"error"' "$QUEUE_DIR/job-$running"

# paused, drained: flags and priorities outlive it
luxi ReplaceFilter "[$uuid,1,[],\"PAUSE\",[]]" >/dev/null
paused=$(submit "$(delay 0)")
luxi ChangeJobPriority "[$paused,-3]" >/dev/null
luxi SetDrainFlag '[true]' >/dev/null
ok "kill -9 again" master_kill
master || bail "masterd does not start"
is "$(field "$paused" status) $(field "$paused" priority)" '"queued" -3' "a paused job with its new priority"
run submit "$(delay 0)"
like "$ERR" "Queue drained" "a drained queue"
luxi SetDrainFlag '[false]' >/dev/null
luxi DeleteFilter "[$uuid]" >/dev/null
is "$(ends "$paused")" success "the job runs when it may"

# SIGTERM: running jobs may end
short=$(submit "$(delay 1)")
ok "a short job runs" wait_state "$short" running
ok "SIGTERM" master_stop
master || bail "masterd does not start"
is "$(field "$short" status)" '"success"' "it could end"

# a worker that dies
victim=$(submit "$(locking 600)")
ok "a job runs" wait_state "$victim" running
pgrep -P "$(master_pid)" -f job-worker | xargs kill -9
is "$(ends "$victim")" error "its worker is killed: the job ends"
is "$(ends "$(submit "$(locking 0)")")" success "its lock is free; new workers came"

# the spread worker and the query workers that die are replaced
pgrep -P "$(master_pid)" | xargs kill -9
ok "all workers die: queries work" wait_for 20 luxi QueryClusterInfo
is "$(ends "$(submit "$(locking 0)")")" success "and so do jobs"

# at random moments, under load
ops=$(for _ in {1..30}; do printf '%s[%s]' "$sep" "$(locking 0.01)"; sep=,; done)
for i in 1 2 3 4 5; do
	luxi SubmitManyJobs "[[$ops]]" >"$T/ids"
	sleep "0.$((RANDOM % 4))$((RANDOM % 10))"
	master_kill || fail "kill $i"
	master || bail "masterd does not start"
done
settled() {
	! luxi QueryJobs '[null,["status"]]' | grep -qE 'queued|waiting|running|canceling'
}
ok "killed five times under load: every job ends" wait_for 60 settled
is "$(luxi QueryJobs '[null,["id"]]' | tr -cd '[' | wc -c)" "$(($(cat "$QUEUE_DIR/serial") + 1))" \
	"no job is lost, none is there twice"
errors=$(luxi QueryJobs '[null,["status"]]' | grep -o error | wc -l)
ok "at most the running ones failed ($errors)" test "$errors" -le $((2 + 5))
is "$(luxi --control locks)" '[]' "no lock is held"
# each master that lives long enough has it looked at
verified() {
	master_kill && : >"$MASTERD_LOG" && master && wait_for 20 grep -q "Configuration verified, 0 errors" "$MASTERD_LOG"
}
ok "the configuration verifies" verified
done_testing
