#!/bin/bash
# A job that writes thousands of log entries, and those who watch it: quick, slow, stopped for a while, late and deaf.
# Each that reads gets every entry once and in order; nobody holds up the others or fills the master's memory.
# shellcheck disable=SC2119,SC2154,SC2317 # no arguments; what tlib.sh sets; functions for wait_for
# shellcheck source=tests/harness/tlib.sh
. "$(dirname "$0")/../harness/tlib.sh"
# shellcheck source=tests/harness/vcl.sh
. "$(dirname "$0")/../harness/vcl.sh"
command -v socat >/dev/null || skip_all "needs socat"

N=3000 DEAF=150 VCL_TIMEOUT=400

watch_to() { # FILE
	m gnt-job watch "$id" >"$1" 2>&1 </dev/null &
	WATCHERS+=($!)
}

# entries FILE: what is wrong with the iterations it has, in one line
entries() {
	sed -nE 's|^.* Test delay iteration ([0-9]+)/.*|\1|p' "$1" |
		awk -v n=$N '$1 != NR - 1 && !bad {bad = "after " NR - 1 ": " $1} END {print bad ? bad : NR == n ? "all" : NR}'
}

some() { # FILE
	grep -q 'iteration' "$1"
}

master_kib() {
	awk '/^VmRSS/ {print $2}' "/proc/$(vcl_pid 1 ganeti-masterd)/status"
}

# the last one, below its shell and timeout
find_stopped() {
	stopped=$(pgrep -x gnt-job -P "$(pgrep -P "${WATCHERS[-1]}" | paste -sd,)")
}

vcl_up 2
WATCHERS=()
held=$(vcl_hold)
id=$(m gnt-debug delay --submit -r $N 0 2>&1 | tr -dc 0-9)
ok "a job waits for its lock" wait_for 60 vcl_is "$id" waiting
for i in 1 2 3 4; do watch_to "$T/quick$i"; done
mkfifo "$T/slow" "$T/ask"
exec 8<>"$T/slow" # somebody who will read, some time
watch_to "$T/slow"
slow=${WATCHERS[-1]}
watch_to "$T/stopped"
ok "one that is going to stand still" wait_for 60 find_stopped
vcl_release "$held" >/dev/null 2>&1
ok "the job logs" wait_for 60 some "$T/stopped"
kill -STOP "$stopped"
watch_to "$T/late"
ok "it ends" wait_for 240 vcl_is "$id" success
ok "while one of its watchers can't print" kill -0 "$slow"
# which reads what the pipe holds, and all that follows
cat <"$T/slow" >"$T/slow.out" 8<&- &
reader=$!
kill -CONT "$stopped"
for pid in "${WATCHERS[@]}"; do wait "$pid" || fail "a watcher fails"; done
exec 8<&-
wait "$reader"
for f in quick1 quick2 quick3 quick4 slow.out stopped late; do is "$(entries "$T/$f")" all "$f: every entry, in order"; done
watch_to "$T/after"
wait "${WATCHERS[-1]}"
is "$(entries "$T/after")" all "one that comes when it is over, too"

diag "the answers"
at=0 n=0
while :; do
	run vcl_luxi WaitForJobChange "[$id,[\"status\"],null,$at,5]"
	got=$(grep -o ',"message",' <<<"$OUT" | wc -l)
	[ "$got" != 0 ] || break
	[ "$got" -le 1000 ] || fail "an answer has $got entries"
	at=$((at + got)) n=$((n + 1))
done
is "$at" "$(m gnt-job list --no-headers -o oplog "$id" | grep -o "'message'" | wc -l)" "have all entries"
is "$n" $(((at + 999) / 1000)) "not too many in each"

diag "clients that ask and don't read"
before=$(master_kib)
# a pipe that stays open
exec 9<>"$T/ask"
deaf=()
for ((i = 0; i < DEAF; i++)); do
	{
		printf '{"method":"WaitForJobChange","args":[%s,["status"],null,-1,5]}\3' "$id"
		cat
	} <"$T/ask" 9<&- | socat -u STDIN "UNIX-CONNECT:$(vcl_file 1 SOCKET_DIR)/ganeti-query" 2>/dev/null 9<&- &
	deaf+=($!)
done
heard() { [ "$(grep -cF " 03 $(vcl_file 1 SOCKET_DIR)/ganeti-query" <(awk '{print $1, $6, $8}' /proc/net/unix))" -ge "$DEAF" ]; }
ok "they are connected" wait_for 60 heard
ok "others are answered" m gnt-job list "$id"
if grep -q "^SAN_FLAGS = .*address" "$VCL_BUILD/Makefile"; then
	skip 1 "sanitizers keep what is freed"
else
	grown=$(($(master_kib) - before))
	ok "the master does not keep the log for each of them (${grown} KiB)" [ "$grown" -lt 6000 ]
fi
exec 9<&-
for pid in "${deaf[@]}"; do wait "$pid"; done
vcl_done
