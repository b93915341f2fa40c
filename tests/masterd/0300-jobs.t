#!/bin/bash
# The life of jobs: results, files, waiting, dependencies, cancelling, priorities, archive, filters.
# shellcheck disable=SC2154,SC2119,SC2317 # path variables; options are rare; called by ok
. "$(dirname "$0")/lib.sh"

new_cluster 1 127.0.0.1
master || bail "masterd does not start"

# --- one job ---
job=$(submit "$(delay 0 repeat:2 comment:'"two"' 'reason:[["user","why",17]]' | sed 's/"reason":\[\],//')")
is "$job" 1 "the first job"
is "$(ends 1)" success "succeeds"
is "$(field 1 opstatus)" '["success"]' "and so does its opcode"
run luxi QueryJobs '[[1],["oplog"]]'
like "$OUT" '\[1,\[[0-9]+,[0-9]+\],"message"," - INFO: Test delay iteration 0/1"\],\[2,' "its log"
run luxi WaitForJobChange '[1,["status"],null,1,10]'
like "$OUT" '^\[\["success"\],\[\[2,\[[0-9]+,[0-9]+\],"message"," - INFO: Test delay iteration 1/1"\]\]\]$' \
	"only newer log entries"
file() {
	sed 's/\[1[0-9]\{9\},[0-9]*\]/T/g; s/1[0-9]\{18\}/NS/' "$QUEUE_DIR/job-$1"
}
ok "its file in the queue directory is there" wait_for 30 grep -q '"status":"success"' "$QUEUE_DIR/job-1"
like "$(file 1)" '^\{"id":1,"ops":\[\{"input":\{.*"reason":\[\["user","why",17\],\["gnt:opcode:test_delay","job=1;index=0",NS\]\].*"OP_ID":"OP_TEST_DELAY"\},"status":"success","result":null,"log":\[\[1,T,"message"," - INFO: .*"start_timestamp":T,"exec_timestamp":T,"end_timestamp":T,"priority":0\}\],"start_timestamp":T,"end_timestamp":T,"received_timestamp":T\}$' \
	"in upstream's layout"
ok "the serial" wait_for 30 grep -qx 1 "$QUEUE_DIR/serial" # soon, as the job's file
is "$(cat "$QUEUE_DIR/version")" 1 "the version"
is "$(stat -c %a "$QUEUE_DIR/job-1")" 640 "mode of job files"

job2=$(submit "$(delay 0 repeat:1)" "$(delay 0)" "$(delay 0 repeat:1)")
is "$(ends "$job2")" success "three opcodes"
run luxi Query "[\"job\",[\"oplog\"],[\"=\",\"id\",$job2]]"
like "$OUT" '\[\[0,\[\[\[1,\[[0-9]+,[0-9]+\],"message","[^"]*"\]\],\[\],\[\[2,' "a query has the log of each"

# --- failures ---
job=$(submit "$(delay 0)" "$(delay -1)" "$(delay 0)")
is "$(ends "$job")" error "an opcode that fails"
is "$(field "$job" opstatus)" '["success","error","error"]' "fails the rest"
is "$(field "$job" opresult)" '[null,["OpPrereqError",["The duration must not be negative","wrong_input"]],["OpExecError",["Preceding opcode failed"]]]' \
	"results of upstream's shape"
job=$(submit "$(delay 0 'on_nodes:["nosuch"]')")
is "$(ends "$job")" error "a node that does not exist"
like "$(field "$job" opresult)" '"OpPrereqError",\["Node .nosuch. not known","unknown_entity"\]' "says so"

# --- dependencies ---
run luxi SubmitManyJobs "[[[$(held)],[$(delay 0 'depends:[[-1,["success"]]]')],[$(delay 0 'depends:[[-2,["error"]]]')],[$(delay 0 'depends:[[-1,["error"]]]')]]]"
is "$OUT" '[[true,5],[true,6],[true,7],[true,8]]' "four jobs at once"
ok "the first one runs" holds 5
is "$(field 6 status)" '"queued"' "a dependent one is queued while the other runs"
let_go 5
is "$(ends 6)" success "and then runs"
is "$(ends 7)" error "one that wants a failure fails"
is "$(field 7 opresult)" '[["OpExecError",["Dependency job 5 finished with status '"'success', not one of 'error'"' as required"]]]' \
	"with upstream's text"
is "$(ends 8)" success "one that wants that failure runs"
ok "in that order" test "$(stamp 8 start_ts)" -gt "$(stamp 7 end_ts)"

# --- cancelling ---
holder=$(submit "$(held no_locks:false)")
ok "one job holds the node's lock" holds "$holder"
waiter=$(submit "$(locking 0)")
ok "another waits for it" wait_state "$waiter" waiting
run luxi Query '["lock",["name","mode","owner","pending"],null]'
like "$OUT" "\"node/[0-9a-f-]+\"\\],\\[0,\"exclusive\"\\],\\[0,\\[?\"?$holder" "as the lock query says"
run luxi CancelJob "[$holder,false]"
is "$OUT" "[false,\"Job no longer waiting, can't cancel (informed it anyway)\"]" "cancel a running job"
run luxi CancelJob "[$waiter,false]"
is "$OUT" '[true,"Job successfully cancelled"]' "cancel a waiting job"
is "$(field "$waiter" opresult)" '["Job canceled by request"]' "its result"
queued=$(submit "$(delay 0 "depends:[[$holder,[]]]")")
run luxi CancelJob "[$queued]"
is "$OUT" "[true,\"Dequeued job $queued\"]" "cancel a queued job (old form of the call)"
is "$(field "$queued" opresult)" '[null]' "its result"
follower=$(submit "$(delay 0 "depends:[[$queued,[\"success\"]]]")")
is "$(ends "$follower")" canceled "a job that depends on a cancelled one is cancelled"
run luxi CancelJob "[$queued,false]"
is "$OUT" "[false,\"Job $queued not found in queue\"]" "cancel a finished job"
let_go "$holder"
is "$(ends "$holder")" success "the running one went on to its end"
two=$(submit "$(held)" "$(delay 0)")
ok "a job of two opcodes runs" holds "$two"
luxi CancelJob "[$two,false]" >/dev/null
let_go "$two"
is "$(ends "$two")" canceled "asked to cancel, it ends before the next opcode"
is "$(field "$two" opstatus)" '["success","canceled"]' "the first was not harmed"
long=$(submit "$(locking 600)")
ok "a long job runs" wait_state "$long" running
run luxi CancelJob "[$long,true]"
is "$OUT" '[true,"SIGKILL send to the process"]' "kill it"
is "$(ends "$long")" error "it ends"
is "$(field "$long" opresult)" "[[\"OpExecError\",[\"detected death of job $long\"]]]" "with upstream's text"
is "$(ends "$(submit "$(locking 0)")")" success "and its locks are free"
is "$(luxi --control locks)" '[]' "all of them"

holder=$(submit "$(locking 600)")
ok "a job holds the lock" wait_state "$holder" running
a=$(submit "$(locking 0)")
wants() { # JOB: it has asked for a lock
	luxi --control locks | grep -q "\"exclusive\",\[$1\]"
}
ok "one waits for it" wait_for 20 wants "$a"
b=$(submit "$(locking 0)")
ok "and another one" wait_for 20 wants "$b"
why() { # JOB: what it waits for
	luxi Query "[\"job\",[\"wait_reason\"],[\"=\",\"id\",$1]]" | sed 's/.*"data":\[\[\[0,"\(.*\)"\]\]\]}$/\1/'
}
is "$(why "$a")" "exclusive lock of level node: node/node1.example.com, which job $holder (exclusive) holds" \
	"it is told what for, and who has it"
is "$(why "$b")" "exclusive lock of level node: node/node1.example.com, which job $holder (exclusive) holds; before it comes job $a" \
	"and who comes first"
run luxi Query '["job",["id","wait_reason"],["=","status","waiting"]]'
like "$OUT" "\\[\\[0,$a\\],\\[0,\"exclusive lock .*\\[\\[0,$b\\],\\[0,\"exclusive" "of all jobs, too"
run luxi Query "[\"job\",[\"wait_reason\"],[\"=\",\"id\",$holder]]"
like "$OUT" '"data":\[\[\[3,null\]\]\]' "one that runs waits for nothing"
run luxi ChangeJobPriority "[$b,-10]"
is "$OUT" "[true,\"Priorities of pending opcodes for job $b have been changed to -10\"]" "which becomes urgent"
luxi CancelJob "[$holder,true]" >/dev/null
is "$(ends "$a") $(ends "$b")" "success success" "both get it"
ok "the urgent one first" test "$(stamp "$b" opexec)" -lt "$(stamp "$a" opexec)"

# --- order ---
run luxi ReplaceFilter '[null,1,[["opcode",["=","comment","slow"]]],["RATE_LIMIT",1],[]]'
uuid=${OUT//\"/}
like "$uuid" '^[0-9a-f-]{36}$' "a filter that lets one job of a kind run"
a=$(submit "$(delay 600 'comment:"slow"')")
ok "one runs" wait_state "$a" running
b=$(submit "$(delay 0 'comment:"slow"')")
c=$(submit "$(delay 0 'comment:"slow"')")
run luxi ChangeJobPriority "[$c,-5]"
is "$OUT" "[true,\"Priorities of pending opcodes for job $c have been changed to -5\"]" "change a priority"
is "$(field "$b" status)" '"queued"' "others of its kind are queued"
is "$(why "$b")" "filter rule $uuid lets 1 such jobs run at a time" "as one can see"
is "$(ends "$(submit "$(delay 0)")")" success "other kinds run meanwhile"
luxi CancelJob "[$a,true]" >/dev/null
is "$(ends "$b") $(ends "$c")" "success success" "all run in the end"
ok "the urgent one first" test "$(stamp "$b" start_ts)" -gt "$(stamp "$c" start_ts)"
run luxi ChangeJobPriority "[$c,0]"
is "$OUT" "[false,\"Job $c not found in queue\"]" "priority of a finished job"
run luxi ChangeJobPriority "[$c,77]"
like "$ERR" OpPrereqError "a priority out of range"

# a rule counts what runs already
a=$(submit "$(delay 600 'comment:"late"')")
ok "one runs without a rule" wait_state "$a" running
luxi ReplaceFilter "[\"$uuid\",1,[[\"opcode\",[\"=\",\"comment\",\"late\"]]],[\"RATE_LIMIT\",1],[]]" >/dev/null
b=$(submit "$(delay 0 'comment:"late"')")
is "$(ends "$(submit "$(delay 0)")")" success "others run"
is "$(field "$b" status)" '"queued"' "one of its kind does not, the rule counts the older one"
luxi CancelJob "[$a,true]" >/dev/null
is "$(ends "$b")" success "until that has ended"

# --- filters ---
run luxi ReplaceFilter "[\"$uuid\",4,[[\"jobid\",[\">\",\"id\",\"watermark\"]],[\"opcode\",[\"=\",\"comment\",\"bad\"]]],\"REJECT\",[]]"
is "$OUT" "\"$uuid\"" "replace the filter"
is "$(ends "$(submit "$(delay 0 'comment:"bad"')")")" canceled "a rejected job"
run luxi QueryFilters "[[\"$uuid\"],[\"priority\",\"action\",\"predicates\"]]"
is "$OUT" '[[4,"REJECT",[["jobid",[">","id","watermark"]],["opcode",["==","comment","bad"]]]]]' "as stored"
luxi ReplaceFilter "[\"$uuid\",4,[],\"PAUSE\",[]]" >/dev/null
p=$(submit "$(delay 0)")
run luxi WaitForJobChange "[$p,[\"status\"],[\"queued\"],0,1]"
is "$OUT" '[["queued"],[]]' "a paused queue; nothing new is told when the time is over"
is "$(why "$p")" "filter rule $uuid pauses it" "the reason"
run luxi DeleteFilter "[\"$uuid\"]"
is "$OUT" null "delete the filter"
is "$(ends "$p")" success "the paused job runs"
run luxi DeleteFilter "[\"$uuid\"]"
is "$ERR" "[\"GenericError\",[\"Filter rule with UUID $uuid does not exist\"]]" "delete it again"
run luxi ReplaceFilter '[null,-1,[],"PAUSE",[]]'
like "$ERR" "Invalid value for non-negative type '-1'" "a filter that is wrong"
run luxi ReplaceFilter '[null,1,[["foo",["=","id",5]]],"PAUSE",[]]'
like "$ERR" "malformed FilterPredicate JSON" "another one"

# --- ad-hoc rate limits ---
r='reason:[["u","rate-limit:1:x",1]]'
a=$(submit "$(delay 600 | sed "s/\"reason\":\\[\\]/\"${r/:/\":}/")")
ok "a job with a limit in its reason runs" wait_state "$a" running
b=$(submit "$(delay 0 | sed "s/\"reason\":\\[\\]/\"${r/:/\":}/")")
is "$(field "$b" status)" '"queued"' "another one does not"
is "$(why "$b")" "as many jobs run as their reason 'rate-limit:1:x' allows" "the reason"
luxi CancelJob "[$a,true]" >/dev/null
is "$(ends "$b")" success "until the first has ended"

# --- queue ---
is "$(luxi SetDrainFlag '[true]')" true "drain the queue"
run luxi SubmitJob "[[$(delay 0)]]"
is "$ERR" '["GenericError",["Queue drained"]]' "no new jobs"
run luxi SubmitManyJobs "[[[$(delay 0)]]]"
is "$ERR" '["GenericError",["Queue drained"]]' "nor many"
ok "the flag is a file, too" test -e "$QUEUE_DIR/drain"
run luxi SubmitJobToDrainedQueue "[[$(delay 0)]]"
is "$RC" 0 "but some are allowed"
is "$(luxi SetDrainFlag '[false]')" true "open it"
ok "the file is gone" wait_for 30 not test -e "$QUEUE_DIR/drain"
is "$(luxi SetWatcherPause '[2000000000]')" 2000000000 "pause the watcher"
ok "the file says until when" wait_for 30 grep -qx 2000000000 "$WATCHER_PAUSEFILE"
run luxi QueryConfigValues '[["drain_flag","watcher_pause"]]'
like "$OUT" '^\[false,2000000000(\.0)?\]$' "and so does the query"
is "$(luxi SetWatcherPause '[null]')" null "continue"
ok "the file is gone" wait_for 30 not test -e "$WATCHER_PAUSEFILE"

# --- archive ---
is "$(luxi ArchiveJob '[1]')" true "archive a job"
is "$(luxi ArchiveJob '[1]')" false "again"
is "$(luxi ArchiveJob '[99999]')" false "one that does not exist"
ok "its file has moved" wait_for 30 test -e "$QUEUE_DIR/archive/0/job-1" -a ! -e "$QUEUE_DIR/job-1"
is "$(field 1 archived)" true "it can still be asked for"
run luxi WaitForJobChange '[1,["status"],null,null,1]'
is "$ERR" '["JobLost",["Can'"'"'t load job file"]]' "but not waited for"
long=$(submit "$(delay 600)")
ok "a job runs" wait_state "$long" running
is "$(luxi ArchiveJob "[$long]")" false "a running job is not archived"
is "$(luxi AutoArchiveJobs '[3600,10]')" '[0,0]' "nothing is that old"
wait_for 60 test -e "$QUEUE_DIR/job-$long" # files are written a moment later
n=$(find "$QUEUE_DIR" -maxdepth 1 -name 'job-*' | wc -l)
is "$(luxi AutoArchiveJobs '[-1,10]')" "[$((n - 1)),0]" "archive all that have ended"
only_long() { [ "$(find "$QUEUE_DIR" -maxdepth 1 -name 'job-*')" = "$QUEUE_DIR/job-$long" ]; }
ok "only the running one is left" wait_for 30 only_long # who asked is answered first
luxi CancelJob "[$long,true]" >/dev/null
is "$(ends "$long")" error "which ends"

# --- many ---
ops=$(for _ in {1..100}; do printf '%s[%s]' "$sep" "$(delay 0)"; sep=,; done)
run luxi SubmitManyJobs "[[$ops]]"
last=${OUT##*true,}
last=${last%%]*}
all_done() {
	! luxi QueryJobs '[null,["status"]]' | grep -qE 'queued|waiting|running'
}
ok "a hundred jobs" wait_for 120 all_done
is "$(luxi QueryJobs '[null,["status"]]' | grep -o success | wc -l)" 100 "all succeed"
ok "the serial is the last number" wait_for 30 grep -qx "$last" "$QUEUE_DIR/serial"
# what WaitForJobChange says, a query knows, too
for _ in {1..30}; do
	j=$(submit "$(delay 0)")
	said=$(ends "$j")
	known=$(field "$j" status)
	[ "\"$said\"" = "$known" ] || break
done
is "$known" "\"$said\"" "queries know what waiting clients were told"

ok "nothing went wrong on the way" not grep -E "ERROR Can't (store|write|read)" "$MASTERD_LOG"
done_testing
