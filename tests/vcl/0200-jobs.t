#!/bin/bash
# The job queue: submission, states, order, dependencies, cancelling, archive, waiting.
# shellcheck disable=SC2154,SC2317 # what tlib.sh sets; functions for wait_for
# shellcheck source=tests/harness/tlib.sh
. "$(dirname "$0")/../harness/tlib.sh"
# shellcheck source=tests/harness/vcl.sh
. "$(dirname "$0")/../harness/vcl.sh"
command -v socat >/dev/null || skip_all "needs socat"

# submit ARG...: "gnt-debug delay --submit"; prints the job's id
submit() {
	local text
	text=$(m gnt-debug delay --submit "$@" 2>&1)
	echo "${text#JobID: }"
}

# order ID...: the jobs in the order of their execution
order() {
	m gnt-job list --no-headers --separator=' ' -o id,start_ts "$@" | tr -d '[](),' |
		sort -k2n -k3n | awk '{print $1}' | paste -sd' '
}

vcl_up 1

diag "one job"
ok "a job that does nothing" m gnt-debug delay 0
is "$OUT$ERR" '' "says nothing"
run m gnt-debug delay --repeat 2 0
is "$(sed -E 's/^.{24} //' <<<"$OUT")" $' - INFO: Test delay iteration 0/1\n - INFO: Test delay iteration 1/1' \
	"messages arrive"
run m gnt-debug delay --print-jobid 0
id=$OUT
like "$id" '^[0-9]+$' "its number can be asked for"
run m gnt-debug delay --submit 0
is "$RC/$OUT" 0/ "submitting only"
like "$ERR" '^JobID: [0-9]+$' "prints the number"
id=${ERR#JobID: }
ok "waiting for it" m gnt-job wait "$id"
is "$(vcl_status "$id")" success "is over then"
ok "waiting for one that is over" m gnt-job wait "$id"
ok "list" m gnt-job list "$id"
like "$OUT" $'^ *ID Status +Summary\n *'"$id"$' success TEST_DELAY\\(0\\.0\\)$' "shows it"
ok "all fields" m gnt-job list -o "$(m gnt-job list-fields | awk 'NR > 1 {print $1}' | paste -sd,)"
ok "info" m gnt-job info "$id"
like "$OUT" "^- Job ID: $id"$'\n  Status: success\n  Received: ' "describes it"
like "$OUT" $'\n        OP_ID: OP_TEST_DELAY\n' "and its opcodes"
ok "it is a file, too" wait_for 60 grep -q OP_TEST_DELAY "$(vcl_file 1 QUEUE_DIR)/job-$id"
ok "with the last number" wait_for 60 grep -qx "$id" "$(vcl_file 1 JOB_QUEUE_SERIAL_FILE)"

diag "one that runs"
held=$(vcl_hold)
is "$(vcl_status "$held")" running "runs"
prior=$(submit 0)
ok "another one needs its lock" wait_for 60 vcl_is "$prior" waiting
uuid=$(m gnt-node list --no-headers -o uuid)
pending() {
	m gnt-debug locks --no-headers --separator=' ' -o name,mode,owner,pending | grep -qx "node/$uuid exclusive $held exclusive:$prior"
}
ok "locks show who has it and who waits" wait_for 60 pending
run m gnt-job info "$prior"
like "$OUT" $'\n'"  Waits for: exclusive lock of level node: node/node1.example.com, which job $held \\(exclusive\\) holds"$'\n' \
	"info says what it waits for"
run m gnt-job info --json "$prior"
like "$OUT" '"wait_reason": ?"exclusive lock of level node' "as JSON, too"
is "$(m gnt-job list --no-headers -o id --running)" "$held" "list --running"
is "$(m gnt-job list --no-headers -o id --pending)" "$prior" "list --pending"
run m gnt-job cancel "$prior"
is "$RC" 0 "the waiting one can be cancelled"
ok "it ends" wait_for 60 vcl_is "$prior" canceled
run m gnt-job wait "$prior"
is "$RC/$ERR" "1/Job $prior failed: Unhandled Ganeti error: Job was canceled" "waiting for it says so"
run m gnt-job cancel "$held"
is "$RC/$OUT" "1/Job no longer waiting, can't cancel (informed it anyway)" "the running one can't"
refused 1 "Failed to archive job with ID '$held'" m gnt-job archive "$held"
m gnt-job watch "$held" >"$T/watch" &
watcher=$!
ok "watch shows what happened" wait_for 60 grep -q 'delay-' "$T/watch"
ok "it ends" vcl_release "$held"
wait $watcher
is "$?" 0 "watch ends with it"
like "$(cat "$T/watch")" $'^Output from job '"$held"$' follows\n-+\n.*Received connection.*\n.*Interrupted, time spent waiting: [0-9]+$' \
	"and showed what happened meanwhile"
is "$(m gnt-debug locks --no-headers -o owner,pending | tr -d ' \n-')" '' "no lock is left"

diag "locks that don't conflict"
held=$(vcl_hold)
# SQLite's marks of readers are locks on bytes of the -shm file
looks_at_no_state() { # PID
	! awk -v pid="$1" '$5 == pid && $7 >= 123 && $7 <= 127 {found = 1} END {exit !found}' /proc/locks
}
ok "while it waits the database's log does not grow behind it" wait_for 60 looks_at_no_state "$(vcl_worker "$held")"
ok "a job without locks goes on" m gnt-debug delay --no-locks 0
ok "so does one that only shares" m gnt-instance list -o name
vcl_release "$held"

diag "order"
ok "one at a time" m gnt-cluster modify --max-running-jobs=1
held=$(vcl_hold --no-locks)
low=$(submit --priority=low 0) normal=$(submit 0) high=$(submit --priority=high 0) changed=$(submit --priority=low 0)
is "$(m gnt-job list --no-headers --separator=: -o status,priority "$low" "$normal" "$high" "$changed" | paste -sd' ')" \
	"queued:10 queued:0 queued:-10 queued:10" "queued with their priorities"
run m gnt-job change-priority --priority=high "$changed"
is "$RC/$OUT" "0/Priorities of pending opcodes for job $changed have been changed to -10" "change-priority"
run m gnt-job change-priority --priority=high "$id"
is "$RC" 1 "not of one that is over"
gone=$(submit 0)
run m gnt-job cancel "$gone"
is "$RC/$OUT" "0/Dequeued job $gone" "cancel a queued one"
is "$(vcl_status "$gone")" canceled "it is over at once"
is "$(m gnt-job list --no-headers -o start_ts "$gone" | tr -d ' ')" - "and never started"
vcl_release "$held"
for id in "$low" "$normal" "$high" "$changed"; do ok "job $id" m gnt-job wait "$id"; done
is "$(order "$low" "$normal" "$high" "$changed")" "$high $changed $normal $low" "by priority, then by age"
ok "as many as usual again" m gnt-cluster modify --max-running-jobs=20
held=$(vcl_hold)
a=$(submit 0) b=$(submit 0)
wait_for 60 vcl_is "$a" waiting
wait_for 60 vcl_is "$b" waiting
m gnt-job cancel -f --waiting >/dev/null
ok "cancel --waiting" wait_for 60 vcl_is "$a" canceled
ok "takes all" wait_for 60 vcl_is "$b" canceled
vcl_release "$held"

diag "dependencies"
delay='"OP_ID":"OP_TEST_DELAY","reason":[],"no_locks":true'
held=$(vcl_hold --no-locks)
on=$(vcl_luxi SubmitJob "[[{$delay,\"duration\":0,\"depends\":[[$held,[\"success\"]]]}]]" | tr -dc 0-9)
after=$(vcl_luxi SubmitJob "[[{$delay,\"duration\":0,\"depends\":[[$on,[]]]}]]" | tr -dc 0-9)
is "$(vcl_status "$on") $(vcl_status "$after")" "queued queued" "wait for what they depend on"
run m gnt-job info "$on"
like "$OUT" $'\n'"  Waits for: Need to wait for job $held, wanted status 'success'"$'\n' "info says for which"
vcl_release "$held"
ok "go on when that is over" m gnt-job wait "$after"
is "$(vcl_status "$on")" success "one after the other"
run vcl_luxi SubmitManyJobs "[[[{$delay,\"duration\":0}],[{$delay,\"duration\":0,\"depends\":[[-1,[\"success\"]]]}]]]"
like "$OUT" '\[\[true, ?[0-9]+\], ?\[true, ?[0-9]+\]\]' "relative to each other"
last=$(tr -c '0-9\n' ' ' <<<"$OUT" | awk '{print $NF}')
ok "as well" m gnt-job wait "$last"
bad=$(vcl_luxi SubmitJob '[[{"OP_ID":"OP_TEST_DELAY","reason":[],"duration":0,"on_nodes":["nosuch"]}]]' | tr -dc 0-9)
m gnt-job wait "$bad" >/dev/null 2>&1
is "$(vcl_status "$bad")" error "one fails"
on=$(vcl_luxi SubmitJob "[[{$delay,\"duration\":0,\"depends\":[[$bad,[\"success\"]]]}]]" | tr -dc 0-9)
ok "what needs its success" wait_for 60 vcl_is "$on" error
ok "what only follows it" m gnt-job wait \
	"$(vcl_luxi SubmitJob "[[{$delay,\"duration\":0,\"depends\":[[$bad,[\"error\",\"success\"]]]}]]" | tr -dc 0-9)"

diag "drain"
ok "drain" m gnt-cluster queue drain
ok "is a file" test -e "$(vcl_file 1 JOB_QUEUE_DRAIN_FILE)"
is "$(m gnt-cluster queue info)" 'The drain flag is set' "can be asked for"
refused 1 'Unhandled Ganeti error: Queue drained' m gnt-debug delay 0
ok "undrain" m gnt-cluster queue undrain
ok "goes on" m gnt-debug delay 0

diag "archive"
run m gnt-job list --no-headers -o id
n=$(wc -l <<<"$OUT")
ok "archive" m gnt-job archive 1
is "$(m gnt-job list --no-headers | wc -l)" $((n - 1)) "not listed any more"
is "$(m gnt-job list --no-headers --archived -o id,archived 1 | tr -d ' ')" '1Y' "but with --archived"
ok "moved to its folder" wait_for 60 test -e "$(vcl_file 1 JOB_QUEUE_ARCHIVE_DIR)/0/job-1"
ok "from here" wait_for 60 test ! -e "$(vcl_file 1 QUEUE_DIR)/job-1"
ok "its info" m gnt-job info 1
like "$OUT" 'OP_CLUSTER_POST_INIT' "is still there"
refused 1 "Failed to archive job with ID '1'" m gnt-job archive 1
held=$(vcl_hold)
run m gnt-job autoarchive all
is "$RC/$OUT" "0/Archived $((n - 1)) jobs, 0 unchecked left" "autoarchive"
is "$(m gnt-job list --no-headers -o id)" "$held" "leaves the running one"
vcl_release "$held"

diag "jobs that don't exist"
refused 1 "Failed to archive job with ID '99999'" m gnt-job archive 99999
run m gnt-job info 99999
is "$RC/$OUT" '0/- Job ID 99999 not found' "info"
run m gnt-job cancel -f 99999
is "$RC/$OUT" '1/Job 99999 not found in queue' "cancel"
run m gnt-job wait 99999
is "$RC" 1 "wait"
refused 1 "Failure: prerequisites not met for this operation:
error type: wrong_state, error details:
No jobs with the requested status have been found" m gnt-job cancel --pending --force

diag "many jobs at once"
jobs=$(for i in $(seq 100); do printf ',[{%s,"duration":0}]' "$delay"; done)
run vcl_luxi SubmitManyJobs "[[${jobs#,}]]"
ids=$(tr -c '0-9' '\n' <<<"$OUT" | grep . | paste -sd' ')
is "$(wc -w <<<"$ids")" 100 "a hundred"
# shellcheck disable=SC2086 # a list
for id in ${ids##* }; do m gnt-job wait "$id"; done
all_over() {
	# shellcheck disable=SC2086
	[ "$(m gnt-job list --no-headers -o status $ids | sort | uniq -c | tr -s ' ')" = ' 100 success' ]
}
ok "all succeed" wait_for 30 all_over
ok "verify" m gnt-cluster verify
is "$(vcl_leftovers)" '' "nothing is left"
vcl_done
