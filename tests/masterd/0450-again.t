#!/bin/bash
# A call of a worker that is carried out by one master whose answer gets lost, and sent again to the next one, has its
# effect once, for every kind of call. A job whose worker dies between two opcodes, unknown to the next master, goes on.
# shellcheck disable=SC2154,SC2119,SC2317 # path variables; options are rare; called by ok
. "$(dirname "$0")/lib.sh"

command -v python3 >/dev/null || skip_all "needs python3"
new_cluster 1 127.0.0.1
printf '#!/bin/sh\nexec python3 %s\n' "$(readlink -f "$(dirname "$0")/worker.py")" >"$T/worker"
chmod 755 "$T/worker"
rm "$GANETI_LIBDIR/ganeti-job-worker"
cp "$T/worker" "$GANETI_LIBDIR/ganeti-job-worker"
export JOBS_SOCKET WORKER_OUT=$T/out
# a filter, which every master would add again: the second one of that UUID is refused
uuid=11111111-2222-4333-8444-555555555555
export WORKER_CHANGES='[["add","filter",{"uuid":"'$uuid'","watermark":0,"priority":1,"predicates":[],"action":"CONTINUE","reason_trail":[]}]]'

master || bail "masterd does not start"
job=$(submit "$(delay 0 'comment:"again"')" "$(delay 0)")
for call in op_running log lock generate_mac reserve_name commit submit op_done; do
	said() { [ "$(cat "$T/out.$job" 2>/dev/null)" = "$call" ]; }
	ok "$call" wait_for 30 said
	pid=$(master_pid)
	kill -9 "$pid"
	wait_for 20 gone "$pid"
	ok "the master is killed, and another one started" wait_for 60 master
done
is "$(ends "$job")" success "the job ends"
is "$(cat "$T/out.$job.said")" "$(printf '%s same\n' op_running log lock generate_mac reserve_name commit submit op_done)" \
	"each call was answered the same twice"
is "$(field "$job" oplog | grep -o once | wc -l)" 1 "there is one log entry"
is "$(luxi QueryFilters '[null,["uuid"]]')" "[[\"$uuid\"]]" "one new filter"
ok "one new job" wait_for 30 grep -qx "$((job + 1))" "$QUEUE_DIR/serial"
is "$(ends $((job + 1)))" success "which has run"
is "$(luxi --control locks)" '[]' "no lock is held"

first_done() { [ "$(field "$job" opstatus)" = '["success","queued"]' ]; }
# between_opcodes: a new job is, in JOB, and has a new master that its worker does not come to
between_opcodes() {
	local pid
	rm -f "$T/out.die"
	job=$(submit "$(delay 0 'comment:"between"')" "$(delay 0)")
	ok "a job is between its opcodes" wait_for 30 first_done
	is "$(field "$job" status)" '"queued"' "and counts as queued"
	pid=$(master_pid)
	kill -9 "$pid"
	wait_for 60 gone "$pid"
	ok "the master is killed, and another one started" wait_for 60 master
	is "$(ends "$(submit "$(delay 0)")")" success "others run there"
}

between_opcodes
touch "$T/out.die"
is "$(ends "$job")" success "its worker dies, and it goes on with another one"
is "$(field "$job" opstatus)" '["success","success"]' "to its end"

between_opcodes
luxi CancelJob "[$job,false]" >"$T/cancelled" &
asked=$!
wished() { python3 -c 'import sqlite3, sys
rows = sqlite3.connect("file:%s?mode=ro" % sys.argv[1], uri=True).execute("select held from job_run").fetchall()
sys.exit(not any("\"cancel\":true" in str(held).replace(" ", "") for held, in rows))' "$CONFIG_DB"; }
ok "it is to be cancelled" wait_for 60 wished
touch "$T/out.die"
is "$(ends "$job")" canceled "its worker dies: it is"
wait $asked
is "$(cat "$T/cancelled")" '[true,"Job successfully cancelled"]' "as who asked is told"

job=$(submit "$(delay 0 'comment:"late"')")
is "$(ends "$job")" success "a job ends"
luxi ArchiveJob "[$job]" >"$T/archived" 2>&1 &
asked=$!
is "$(luxi ArchiveJob '[99999]')" false "others are answered"
ok "archiving it waits" kill -0 $asked
touch "$T/out.go"
wait $asked
is "$(cat "$T/archived")" true "until its worker has taken leave"
done_testing
