#!/bin/bash
# Start-up checks, signals, the control socket.
# shellcheck disable=SC2154,SC2119,SC2317 # path variables; options are rare; called by ok
. "$(dirname "$0")/lib.sh"

run master
is "$RC" 5 "no cluster: exit code 5"
like "$ERR" "Cluster not initialized" "and says so"

new_cluster 2
export GANETI_HOSTNAME=node2.example.com
run master
is "$RC" 11 "not the master: exit code 11"
export GANETI_HOSTNAME=node1.example.com

cp "$CONFIG_DB" "$T/good.db"
echo garbage >"$CONFIG_DB"
rm -f "$CONFIG_DB_WAL" "$CONFIG_DB_SHM"
run master
is "$RC" 2 "an unusable configuration: exit code 2"
cp "$T/good.db" "$CONFIG_DB"

run master
is "$RC" 0 "starts"
pid=$(master_pid)
run luxi QueryConfigValues '[["cluster_name","master_node"]]'
is "$OUT" '["cl.example.com","node1.example.com"]' "and answers at once"
is "$(stat -c %a "$QUERY_SOCKET")" 660 "mode of the socket"
ok "the socket of older clients" test -S "$MASTER_SOCKET"
run env LUXI_SOCKET="$MASTER_SOCKET" "$B/tests/harness/luxi" QueryConfigValues '[["cluster_name"]]'
is "$RC" 0 "works"

run master
is "$RC" 1 "a second one is refused"
like "$ERR" "already running with pid $pid" "and says why"
run luxi QueryConfigValues '[["cluster_name"]]'
is "$RC" 0 "the first one does not mind"

run luxi --control stats
like "$OUT" '"jobs_running":0' "control socket: counters"
run luxi --control level
is "$OUT" '"info"' "log level"
run luxi --control level '["debug"]'
is "$OUT" '"debug"' "is set"
luxi QueryConfigValues '[["cluster_name"]]' >/dev/null
ok "and debug lines appear" grep -q "DEBUG Request QueryConfigValues" "$MASTERD_LOG"
run luxi --control level '["loud"]'
is "$RC" 1 "no such level"
run luxi --control nonsense
like "$ERR" "Methods: level, stats, locks" "no such method"
is "$(stat -c %a "$MASTERD_CONTROL")" 600 "mode of the control socket"

mv "$MASTERD_LOG" "$MASTERD_LOG.1"
kill -HUP "$pid"
ok "SIGHUP opens a new log" wait_for 30 grep -q "Log reopened" "$MASTERD_LOG"

kill -TERM "$pid"
ok "SIGTERM ends it" wait_for 10 gone "$pid"
ok "the sockets are gone" not test -e "$QUERY_SOCKET"
ok "no errors were logged" not grep -E "ERROR (Can't store|Configuration)" "$MASTERD_LOG"
run luxi QueryConfigValues '[["cluster_name"]]'
is "$RC" 2 "nobody answers"
run master
is "$RC" 0 "starts again"
run master --version
like "$OUT" "ganeti-masterd" "--version"
run master --nonsense
is "$RC" 2 "unknown option"
done_testing
