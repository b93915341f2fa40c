#!/bin/bash
# Nodes and scripts that fail while an instance is created, moved or changed: what is in the configuration
# and what is on the nodes still agree, and nothing is left of what did not succeed.
# shellcheck disable=SC2154,SC2317 # what tlib.sh sets; functions for wait_for
# shellcheck source=tests/harness/tlib.sh
. "$(dirname "$0")/../harness/tlib.sh"
# shellcheck source=tests/harness/vcl.sh
. "$(dirname "$0")/../harness/vcl.sh"

# field INSTANCE NAME: one value of a list
field() {
	m gnt-instance list --no-headers -o "$2" "$1"
}

fake_file() { # NODE INSTANCE
	echo "$(vcl_file "$1" RUN_DIR)/fake-hypervisor/$2"
}

agent_down() { # NODE
	vcl_kill9 "$1" ganeti-noded
}

agent_up() { # NODE
	vcl_on "$1" daemon-util start ganeti-noded && wait_for 60 vcl_pid "$1" ganeti-noded >/dev/null
}

# background ARG...: "gnt-instance ARG..." as a job of its own; prints its id
background() {
	local text
	text=$(m gnt-instance "$@" --submit 2>&1)
	echo "${text##*JobID: }"
}

# said ID TEXT: the job has said that, for wait_for
said() {
	m gnt-job list --no-headers -o oplog "$1" | grep -q "$2"
}

vcl_up 3

diag "the OS's scripts fail"
mkfifo "$VCL/hold"
id=$(background add -t file -s 16m -o held+default -n node2.example.com inst1.example.com)
ok "creating waits for them" wait_for 60 said "$id" 'running the instance OS create scripts'
echo fail >"$VCL/hold"
ok "they fail" wait_for 60 vcl_is "$id" error
run m gnt-job info "$id"
like "$OUT" 'Could not add os for instance inst1.example.com on node node2.example.com: OS create script failed' \
	"and the job says so"
# as upstream does: disks and configuration are there, the OS is for the administrator to put right
is "$(field inst1.example.com status)" ADMIN_down "the instance stays, stopped"
rm "$VCL/hold"
ok "reinstall puts it right" m gnt-instance reinstall -f inst1.example.com
ok "and it starts" m gnt-instance startup inst1.example.com
ok "remove" m gnt-instance remove -f inst1.example.com
is "$(vcl_leftovers)" '' "nothing is left"

diag "an agent is gone"
agent_down 2
must_fail 1 'node2.example.com' m gnt-instance add -t file -s 16m -o tiny+default -n node2.example.com inst1.example.com
must_fail 1 'inst1.example.com' m gnt-instance info inst1.example.com
ok "it comes back" agent_up 2
is "$(vcl_leftovers)" '' "nothing is left"

diag "an agent goes in the middle"
mkfifo "$VCL/hold"
id=$(background add -t file -s 16m -o held+default -n node2.example.com inst1.example.com)
ok "creating waits" wait_for 60 said "$id" 'running the instance OS create scripts'
ok "the agent is killed" agent_down 2
ok "the job ends" wait_for 60 vcl_is "$id" error
ok "the agent is back" agent_up 2
rm "$VCL/hold"
is "$(field inst1.example.com status)" ADMIN_down "the instance is in the configuration"
is "$(find "$(vcl_root 2)/srv/ganeti/file-storage/inst1.example.com" -type f | wc -l)" 1 "with its disk"
ok "remove" m gnt-instance remove -f inst1.example.com
is "$(vcl_leftovers)" '' "nothing is left"

diag "migration"
ok "an instance" m gnt-instance add -t sharedfile -s 16m -o tiny+default -n node1.example.com inst2.example.com
agent_down 3
must_fail 1 'node3.example.com' m gnt-instance migrate -f -n node3.example.com inst2.example.com
is "$(field inst2.example.com pnode,status)" "$(printf '%s\n' 'node1.example.com running')" \
	"the target can't be reached: it runs where it was"
agent_up 3
ok "then it goes" m gnt-instance migrate -f -n node3.example.com inst2.example.com
is "$(field inst2.example.com pnode)" node3.example.com "is there"
ok "cleanup finds nothing to do" m gnt-instance migrate -f --cleanup -n node2.example.com inst2.example.com
is "$(field inst2.example.com pnode)" node3.example.com "still there"

diag "a migration that nobody finished"
mv "$(fake_file 3 inst2.example.com)" "$(fake_file 1 inst2.example.com)"
ok "cleanup" m gnt-instance migrate -f --cleanup -n node1.example.com inst2.example.com
is "$(field inst2.example.com pnode)" node1.example.com "the configuration follows"
is "$(field inst2.example.com status)" running "it runs"
cp "$(fake_file 1 inst2.example.com)" "$(fake_file 3 inst2.example.com)"
ok "cleanup when both have it" m gnt-instance migrate -f --cleanup -n node3.example.com inst2.example.com
is "$(field inst2.example.com pnode)" node1.example.com "the primary node's stays"
ok "there" test -e "$(fake_file 1 inst2.example.com)"
nok "the other one ends" test -e "$(fake_file 3 inst2.example.com)"

diag "failover"
ok "to node2" m gnt-instance failover -f -n node2.example.com inst2.example.com
agent_down 2
must_fail 1 'Could not shutdown instance inst2.example.com on node node2.example.com' \
	m gnt-instance failover -f -n node3.example.com inst2.example.com
is "$(field inst2.example.com pnode)" node2.example.com "the source can't be reached: nothing happens"
nok "it was not started a second time" test -e "$(fake_file 3 inst2.example.com)"

diag "the rest"
must_fail 1 'node2.example.com' m gnt-instance reboot inst2.example.com
must_fail 1 'node2.example.com' m gnt-instance startup inst2.example.com
must_fail 1 'node2.example.com' m gnt-instance modify --disk add:size=16m inst2.example.com
is "$(field inst2.example.com disk.count)" 1 "no disk that is not there"
must_fail 1 'node2.example.com' m gnt-instance remove -f inst2.example.com
ok "it still is in the configuration" m gnt-instance info -s inst2.example.com
ok "the agent is back" agent_up 2
is "$(field inst2.example.com status)" running "it never stopped"
ok "stop it" m gnt-instance shutdown inst2.example.com
agent_down 2
must_fail 1 'node2.example.com' m gnt-instance reinstall -f inst2.example.com
must_fail 1 'node2.example.com' m gnt-instance rename inst2.example.com inst3.example.com
must_fail 1 "inst3.example.com' not known" m gnt-instance info -s inst3.example.com
ok "it keeps its name" test -d "$VCL/shared/inst2.example.com"
ok "the agent is back" agent_up 2
ok "and it starts" m gnt-instance startup inst2.example.com
ok "remove" m gnt-instance remove -f inst2.example.com
is "$(vcl_leftovers)" '' "nothing is left"

diag "a node that is gone for good"
ok "an instance on it" m gnt-instance add -t file -s 16m -o tiny+default -n node3.example.com inst4.example.com
ok "and one that can move" m gnt-instance add -t sharedfile -s 16m -o tiny+default -n node3.example.com inst5.example.com
agent_down 3
ok "marked offline" m gnt-node modify --offline=yes node3.example.com
is "$(field inst4.example.com status)" ERROR_nodeoffline "shows as that"
ok "failover without it" m gnt-instance failover -f -n node1.example.com inst5.example.com
is "$(field inst5.example.com pnode)" node1.example.com "it moved"
must_fail 1 'node3.example.com' m gnt-instance startup inst4.example.com
ok "stop, as far as the configuration goes" m gnt-instance shutdown --ignore-offline inst4.example.com
ok "remove both" m gnt-instance remove -f --ignore-failures inst4.example.com
ok "remove both" m gnt-instance remove -f inst5.example.com
is "$(m gnt-instance list --no-headers)" '' "no instance is left"
vcl_done
