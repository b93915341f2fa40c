#!/bin/bash
# The master's database on the other master candidates: every change reaches them, answers wait for a majority,
# whoever was away catches up or gets a whole copy, and what is missing is said.
# shellcheck disable=SC2154,SC2317 # what tlib.sh sets; functions for wait_for
# shellcheck source=tests/harness/tlib.sh
. "$(dirname "$0")/../harness/tlib.sh"
# shellcheck source=tests/harness/vcl.sh
. "$(dirname "$0")/../harness/vcl.sh"

# shellcheck source=tests/vcl/replicas.sh
. "$(dirname "$0")/replicas.sh"

# verify_says REGEX
verify_says() {
	m gnt-cluster verify 2>&1 | grep -qE "$1"
}

log_says() { # K REGEX
	grep -qE "$2" "$(vcl_file "$1" LOG_DIR)/master-daemon.log"
}

[ -x "$VCL_BUILD/tests/harness/luxi" ] || bail "no tests/harness/luxi"
vcl_up 3
ok "each candidate has got a copy" wait_for 60 same 2
ok "all of them" wait_for 60 same 3
is "$(stat -c '%a %U' "$(vcl_file 2 CONFIG_DB)")" "$(stat -c '%a %U' "$(vcl_file 1 CONFIG_DB)")" "with owner and mode of the master's"
for n in 1 2 3 4 5; do m gnt-cluster add-tags "t$n" || fail "tag t$n"; done
ok "add an instance" m gnt-instance add -t sharedfile -s 16m -o tiny+default -n node2.example.com inst1.example.com
ok "changes reach all" wait_for 60 same 2
ok "of them" wait_for 60 same 3
nok "nothing to say" verify_says 'WARNING.*candidate'

diag "one of three hangs"
hang 3
ok "the others are a majority" m gnt-cluster add-tags hung
ok "the rest goes on" wait_for 60 same 2
nok "without it" same 3
ok "the master notices" wait_for 30 log_says 1 "Master candidates without the latest changes: node3.example.com"
resume 3
ok "it catches up" wait_for 30 same 3
ok "which is said, too" wait_for 30 log_says 1 "All master candidates have all changes again"

diag "two of three are down"
vcl_kill9 2 ganeti-noded
vcl_kill9 3 ganeti-noded
control late '[2]' >/dev/null
run m gnt-cluster add-tags alone
is "$RC" 1 "no majority: the client gets an error"
like "$ERR" 'stored on too few master candidates so far: 1 of 3 master candidates have it; without it: .*node2\.example\.com.*' "which says why"
like "$ERR" 'restart the master daemon with --no-voting --yes-do-it' "and what to do"
control late '[30]' >/dev/null
m gnt-instance add-tags inst1.example.com patient >"$T/patient" 2>&1 </dev/null &
BG=$!
vcl_on 3 daemon-util start ganeti-noded
wait $BG
is "$?" 0 "who waits is answered when one is back"
is "$(m gnt-instance list-tags inst1.example.com)" patient "with the truth"
tagged() { m gnt-cluster list-tags | grep -qx "$1"; }
ok "and what was too late before is done" wait_for 60 tagged alone
vcl_on 2 daemon-util start ganeti-noded
ok "the other one catches up" wait_for 30 same 2

diag "a master that ends while it waits for the others"
vcl_kill9 2 ganeti-noded
vcl_kill9 3 ganeti-noded
jobs() { sqlite3 -readonly "$(vcl_file 1 CONFIG_DB)" "SELECT count(*) FROM job"; }
before=$(jobs)
more() { [ "$(jobs)" -gt "$before" ]; }
m gnt-cluster add-tags ending >"$T/ending" 2>&1 </dev/null &
BG=$!
ok "a job is stored here" wait_for 60 more
ok "the master ends" vcl_on 1 daemon-util stop ganeti-masterd
wait $BG
is "$?" 1 "the client gets an error"
like "$(cat "$T/ending")" 'stored on too few master candidates so far: the master daemon ends' "which does not say that it was refused"
for n in 2 3; do vcl_on $n daemon-util start ganeti-noded; done
ok "the master starts" vcl_on 1 daemon-util start ganeti-masterd
ok "and the job runs" wait_for 30 tagged ending
for n in 2 3; do ok "node$n has everything" wait_for 30 same $n; done

diag "copies that are lost or wrong"
sql 2 "UPDATE object SET json = '{}' WHERE kind = 'cluster'"
ok "change" m gnt-cluster add-tags differs
ok "a copy that differs is replaced" wait_for 30 same 2
ok "which is logged" log_says 1 "The copy of master candidate node2.example.com differs"
vcl_kill9 3 ganeti-noded
rm "$(vcl_file 3 CONFIG_DB)"*
ok "change" m gnt-cluster add-tags lost
vcl_on 3 daemon-util start ganeti-noded
ok "a lost one, too" wait_for 30 same 3
vcl_kill9 3 ganeti-noded
echo "this is no database" >"$(vcl_file 3 CONFIG_DB)"
vcl_on 3 daemon-util start ganeti-noded
ok "and one that is none" wait_for 30 same 3

diag "two candidates"
ok "one less" m gnt-node modify --master-candidate=no node3.example.com
ok "the pool is that large" m gnt-cluster modify --candidate-pool-size=2
hang 2
ok "the other one hangs: it is waited for, but not for ever" m gnt-cluster add-tags two
ok "the master says that it goes on alone" log_says 1 "Changes are stored on the master alone while the other candidate is away"
ok "at once, from now on" m gnt-cluster add-tags three
resume 2
ok "it comes back" wait_for 30 same 2
ok "and is waited for again" wait_for 30 log_says 1 "The other candidate has everything again"
vcl_kill9 2 ganeti-noded
ok "it is down" m gnt-cluster add-tags four
ok "verify says so" verify_says 'WARNING: .*Changes are stored on the master alone'
vcl_on 2 daemon-util start ganeti-noded
ok "and catches up" wait_for 30 same 2
verify_quiet() { m gnt-cluster verify >"$T/verify" 2>&1 && ! grep -qE 'WARNING.*candidate' "$T/verify"; }
ok "verify has nothing to say" wait_for 60 verify_quiet
ok "remove" m gnt-instance remove -f inst1.example.com
vcl_done
