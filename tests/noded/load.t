#!/bin/bash
# Slow calls, killed workers, overruns, and the end of the node agent.
# shellcheck disable=SC2317 # functions are called by wait_for
. "$(dirname "$0")/lib.sh"

new_root
mkdir -p "$DATA_DIR"
trust client
noded_start --max-clients 3 --max-time 30
agent=$(noded_pid)

ms() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }
workers() { pgrep -P "$agent" | wc -l; }

diag "slow calls keep no quick one waiting"
for i in 1 2 3 4 5 6; do call test_delay '[3]' >"$T/delay.$i" & done
many() { [ "$(workers)" -ge 4 ]; }
wait_for 30 many
start=$(ms)
is "$(call version '[]')" '[true,3010000]' "a quick call is answered"
took=$(($(ms) - start))
ok "at once ($took ms)" test "$took" -lt 2500
wait
is "$(cat "$T"/delay.*)" "$(printf '[true,null]%.0s' {1..6})" "and all slow ones in the end"
ok "with no more workers than allowed" test "$(workers)" -le 6

noded_stop
noded_start --max-clients 3 --max-time 4
agent=$(noded_pid)

diag "a call that takes too long"
start=$(ms)
like "$(call test_delay '[60]')" "^\[false,\"Error while executing backend function: call 'test_delay' was killed after 4 seconds\"\]$" \
	"is killed, and says so"
took=$(($(ms) - start))
ok "in time ($took ms)" test "$took" -ge 3900 -a "$took" -lt 30000
is "$(call test_delay '[0]')" '[true,null]' "the next one works"

diag "a worker that dies"
call test_delay '[3.5]' >"$T/killed" &
busy() { # the worker in nanosleep
	for p in $(pgrep -P "$agent"); do
		if [[ $(cat "/proc/$p/wchan" 2>/dev/null) == *nanosleep* ]]; then
			echo "$p"
			return 0
		fi
	done
	return 1
}
if wait_for 10 busy; then
	kill -9 "$(cat "$T/.wait")" # what the condition printed
	wait $!
	is "$(cat "$T/killed")" "[false,\"Error while executing backend function: the process executing call 'test_delay' died\"]" \
		"its call fails"
else
	wait $!
	skip 1 "cannot see what processes wait for"
fi
is "$(call test_delay '[0]')" '[true,null]' "the next one gets another"
is "$(noded_pid)" "$agent" "the agent is the same"

diag "a script that ignores its end"
mkdir -p "$HOOKS_BASE_DIR/x-pre.d"
# shellcheck disable=SC2016 # the script's own
printf '#!/bin/sh\necho $$ >"%s"\nexec sleep 300\n' "$T/script.pid" >"$HOOKS_BASE_DIR/x-pre.d/sleeper"
chmod 755 "$HOOKS_BASE_DIR/x-pre.d/sleeper"
like "$(call hooks_runner '["x","pre",{"PATH":"/bin:/usr/bin"}]')" 'was killed after 4 seconds' "its call is killed"
ok "the script ends, too" wait_for 30 noded_gone "$(cat "$T/script.pid")"

diag "large requests"
head -c 3000000 /dev/zero | tr '\0' x >"$T/big"
{ printf '["%s",[0,"' "${CONFIG_FILE#"$GANETI_ROOTDIR"}"; cat "$T/big"; printf '"],33184,"root","root",0,0]'; } >"$T/body"
is "$(call upload_file_single "@$T/body")" '[true,null]' "three megabytes arrive"
ok "unchanged" cmp "$T/big" "$CONFIG_FILE"
{ printf '["'; head -c 70000000 /dev/zero | tr '\0' x; printf '"]'; } >"$T/body"
is "$(status version "@$T/body")" 413 "seventy are refused"

diag "callers that go away"
for i in 1 2 3; do call test_delay '[1]' --max-time 0.3 >/dev/null 2>&1; done
is "$(call test_delay '[0]')" '[true,null]' "do not block others for ever"

diag "another agent"
must_fail 1 'already running' "$B/ganeti-noded"

diag "log rotation"
mv "$NODED_LOG" "$NODED_LOG.1"
kill -HUP "$agent"
ok "the agent opens a new log" wait_for 30 test -f "$NODED_LOG"
call master_node_name '[]' >/dev/null
ok "its workers, too" wait_for 30 grep -q 'master_node_name failed' "$NODED_LOG"

diag "the end"
call test_delay '[3.5]' >"$T/last" 2>/dev/null &
wait_for 10 busy
pids=$(pgrep -P "$agent")
kill "$agent"
ok "the agent ends" wait_for 30 noded_gone "$agent"
for p in $pids; do ok "worker $p ends" wait_for 30 noded_gone "$p"; done
noded_start
agent=$(noded_pid)
wait_for 30 test -n "$(pgrep -P "$agent")"
call test_delay '[0]' >/dev/null
pids=$(pgrep -P "$agent")
kill -9 "$agent"
for p in $pids; do ok "killed hard: worker $p ends" wait_for 30 noded_gone "$p"; done
noded_start
is "$(call version '[]')" '[true,3010000]' "it starts again"

diag "leaving the cluster"
{ call test_delay '[8]'; echo "$EPOCHREALTIME" >"$T/slow"; } >"$T/delay.1" &
slow=$!
agent=$(noded_pid)
if wait_for 10 busy; then
	{ call node_leave_cluster '[false]'; echo "$EPOCHREALTIME" >"$T/left"; } >"$T/leave" &
	leaving=$!
	says_503() { [ "$(status version '[]')" = 503 ]; }
	ok "other calls are refused from then on" wait_for 30 says_503
	wait $slow $leaving
	is "$(cat "$T/delay.1")" '[true,null]' "what is under way goes on"
	like "$(cat "$T/leave")" '^\[true' "then the node leaves"
	ok "in that order" test "$(tr -d ., <"$T/slow")" -lt "$(tr -d ., <"$T/left")"
	ok "and its agent ends" wait_for 60 noded_gone "$agent"
	is "$(find "$DATA_DIR" -maxdepth 1 -type f)" '' "no secret is left"
else
	wait $slow
	skip 6 "cannot see what processes wait for"
fi

diag "options"
must_fail 1 'Usage: ganeti-noded' "$B/ganeti-noded" argument
must_fail 2 'invalid integer' "$B/ganeti-noded" -p x
must_fail 1 'must be >= 1' "$B/ganeti-noded" --max-clients 0
is "$("$B/ganeti-noded" --version)" 'ganeti-noded (ganeti) 3.1.0' "--version"
done_testing
