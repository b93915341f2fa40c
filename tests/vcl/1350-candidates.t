#!/bin/bash
# The pool of master candidates is kept full: when one goes offline, is drained or removed, and when the pool grows.
# Who is promoted gets a copy of everything and counts, who is not any more does not. At last the cluster is destroyed
# while jobs run.
# shellcheck disable=SC2119,SC2154,SC2317 # what tlib.sh sets; functions for wait_for
# shellcheck source=tests/harness/tlib.sh
. "$(dirname "$0")/../harness/tlib.sh"
# shellcheck source=tests/harness/vcl.sh
. "$(dirname "$0")/../harness/vcl.sh"
# shellcheck source=tests/vcl/replicas.sh
. "$(dirname "$0")/replicas.sh"

roles() { # of all nodes, in order
	m gnt-node list --no-headers -o role | tr -d ' \n'
}
followers() { # those the master brings its changes to
	control replicas | python3 -c 'import json, sys
print(*sorted(n[4] for n in json.load(sys.stdin)["candidates"]))'
}
# pool ROLES K...: these are the candidates, and all of them have everything
pool() {
	local k
	is "$(roles)" "$1" "roles"
	shift
	is "$(followers)" "$*" "the changes go to node $*"
	for k; do ok "node$k has everything" wait_for 60 same "$k"; done
}

vcl_up 4 --candidate-pool-size=2
pool MCRR 2

diag "a larger pool"
ok "the pool grows" m gnt-cluster modify --candidate-pool-size=3
pool MCCR 2 3
ok "a change" m gnt-cluster add-tags one
pool MCCR 2 3

diag "a candidate goes offline"
run m gnt-node modify -O yes node2.example.com
is "$RC" 1 "not without somebody in its place"
like "$ERR" 'Not enough master candidates, please pass auto promote option' "says why"
ok "with" m gnt-node modify -O yes --auto-promote node2.example.com
pool MOCC 3 4
ok "a change" m gnt-cluster add-tags two
pool MOCC 3 4
ok "it comes back" m gnt-node modify -f -O no node2.example.com
pool MRCC 3 4

diag "a candidate is drained"
# of copies that were on their way when a process ended
touch "$(vcl_file 3 CONFIG_DB).copy" "$(vcl_file 3 CONFIG_DB_SENT)" "$(vcl_file 3 CONFIG_DB_SENT).new"
ok "another takes its place" m gnt-node modify -D yes --auto-promote node3.example.com
pool MCDC 2 4
is "$(find "$(vcl_file 3 DATA_DIR)" -name 'config.db*')" '' "no copy is left there, nor a part of one"
ok "it is used again" m gnt-node modify -D no node3.example.com
pool MCRC 2 4

diag "a candidate is removed"
ok "another takes its place" m gnt-node remove node4.example.com
pool MCC 2 3
nok "it has no copy any more" test -e "$(vcl_file 4 CONFIG_DB)"
ok "a change" m gnt-cluster add-tags three
pool MCC 2 3
ok "verify" m gnt-cluster verify
unlike "$OUT" ERROR "has nothing to complain about"

diag "a candidate that was promoted takes over"
ok "failover" vcl_on 3 gnt-cluster master-failover
MASTER=3
ok "all changes are there" m gnt-cluster list-tags
like "$OUT" 'one.*'$'\n'.*'three.*'$'\n'.*'two' "all three"

diag "the end, while jobs run"
for k in 1 2; do ok "node$k leaves" m gnt-node remove node$k.example.com; done
held=$(vcl_hold)
# one answer, which is there before the cluster goes; "gnt-job wait" asks several times
vcl_luxi WaitForJobChange "[$held,[\"status\"],[\"running\"],1000000,89]" >"$T/held" 2>&1 </dev/null &
ENDS=$!
m gnt-cluster destroy --yes-do-it >"$T/destroy" 2>&1 </dev/null &
BG=$!
destroys() {
	m gnt-job list --no-headers -o status,summary | grep -E 'waiting +CLUSTER_DESTROY'
}
ok "it waits for the job that runs" wait_for 60 destroys
later=$(m gnt-debug delay --submit 0 2>&1 | tr -dc 0-9)
ok "others wait for it" wait_for 60 vcl_is "$later" waiting
ok "the job that ran may end" vcl_let_go "$held"
wait $ENDS
like "$(cat "$T/held")" '"success"' "and has ended well"
wait $BG
is "$?" 0 "destroyed"
nothing() { ! vcl_processes | grep -qE 'ganeti-(masterd|noded|.*-worker)'; }
for k in 1 2 4; do ! pid=$(vcl_pid $k ganeti-noded) || kill "$pid"; done # removed nodes' agents are their administrator's
ok "no daemon or worker is left, also not of the job that waited" wait_for 60 nothing
nok "nor is the database" test -e "$(vcl_file 3 CONFIG_DB)"
vcl_done
