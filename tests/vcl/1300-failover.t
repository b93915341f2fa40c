#!/bin/bash
# The master role moves: from one that runs, that was killed under load, that hangs; refused without a majority and
# from a copy that lacks something; forced. What was acknowledged is there, and there is never a second master.
# shellcheck disable=SC2154,SC2317 # what tlib.sh sets; functions for wait_for
# shellcheck source=tests/harness/tlib.sh
. "$(dirname "$0")/../harness/tlib.sh"
# shellcheck source=tests/harness/vcl.sh
. "$(dirname "$0")/../harness/vcl.sh"
# shellcheck source=tests/vcl/replicas.sh
. "$(dirname "$0")/replicas.sh"

VCL_TIMEOUT=180

failover() { # K ARG...
	local k=$1
	shift
	vcl_on "$k" gnt-cluster master-failover "$@"
}

# no_master K
no_master() {
	! vcl_pid "$1" ganeti-masterd >/dev/null
}

# power_off K: everything that runs there, at once
power_off() {
	local d pid
	# shellcheck disable=SC2046 # several
	for d in ganeti-masterd ganeti-noded; do
		! pid=$(vcl_pid "$1" $d) || kill -9 "$pid" $(pgrep -P "$pid")
	done
	wait_for 60 no_master "$1"
}

tags() {
	m gnt-cluster list-tags | sed 's/.* //' | sort -u
}

has_tag() {
	tags | grep -qx "$1"
}

# moved_to K: everybody knows, and the candidates have everything
moved_to() {
	local k
	MASTER=$1
	for k in 1 2 3; do
		! vcl_pid "$k" ganeti-noded >/dev/null ||
			is "$(vcl_on "$k" gnt-cluster getmaster)" "$(vcl_name "$1")" "node$k knows the master"
	done
	ok "it answers" m gnt-cluster master-ping
}

all_follow() {
	local k
	for k in 1 2 3; do ok "node$k follows" wait_for 30 same "$k"; done
}

vcl_up 3
m gnt-cluster add-tags first || fail "tag"
all_follow

diag "a master that runs"
run failover 1
is "$RC" 1 "the master can't take over from itself"
nok "no master here" vcl_on 2 gnt-cluster master-ping
ok "another one takes over" failover 2
is "$OUT$ERR" '' "without a complaint"
moved_to 2
ok "there is one master" no_master 1
ok "nothing is lost" has_tag first
ok "changes go on" m gnt-cluster add-tags second
all_follow
ok "verify" m gnt-cluster verify
unlike "$OUT" 'ERROR|WARNING.*candidate' "finds nothing"
ok "redist-conf" m gnt-cluster redist-conf

diag "a master that is killed under load"
load() {
	local i=0
	while m gnt-cluster add-tags "load$i" >/dev/null 2>&1; do
		echo "load$i"
		i=$((i + 1))
	done
}
load >"$T/acknowledged" &
BG=$!
busy() { [ "$(wc -l <"$T/acknowledged")" -ge 5 ]; }
ok "load" wait_for 30 busy
power_off 2
wait $BG
# one of the two is enough for an answer, so either may have more: the other one says so
ahead=3
run failover 3
if grep -q 'Node node1.* has changes that this node lacks' <<<"$ERR"; then
	ahead=1
	run failover 1
fi
is "$RC" 0 "node$ahead takes over"
like "$ERR" "Could not disable the master role on the old master node2.example.com, please disable manually: .*" \
	"the old one can't be told"
moved_to $ahead
tags >"$T/tags"
is "$(sort "$T/acknowledged" | comm -23 - "$T/tags")" '' "everything acknowledged is there"
if [ $ahead != 3 ]; then
	ok "node3 follows" wait_for 30 same 3
	ok "and takes over from there" failover 3
	moved_to 3
fi
m gnt-cluster add-tags third || fail "tag"
run vcl_on 2 ganeti-masterd
is "$RC" 1 "the old one does not start again"
like "$ERR" 'Failed to verify master status: Voting cannot be won by node2\.example\.com, valid votes of 3 are .*' "for the others know better"
vcl_on 2 daemon-util start ganeti-noded
all_follow
told() { [ "$(vcl_on 2 gnt-cluster getmaster)" = node3.example.com ]; }
ok "it hears who the master is" wait_for 30 told
run vcl_on 2 ganeti-masterd
is "$RC" 11 "and knows that it is not"

diag "a copy that lacks something"
vcl_kill9 1 ganeti-noded
ok "change" m gnt-cluster add-tags fourth
ok "which the other one has" wait_for 60 same 2
vcl_kill9 3 ganeti-masterd
vcl_on 1 daemon-util start ganeti-noded
run failover 1
is "$RC" 1 "it is refused"
like "$ERR" 'Node node[23]\.example\.com has changes that this node lacks \(entry .*\)\. Run the command on node node[23]\.example\.com' "and told where to go"
ok "there it works" failover 2
moved_to 2
ok "nothing is lost" has_tag fourth
all_follow

diag "a master that hangs while another one takes over"
pid=$(vcl_pid 2 ganeti-masterd)
# shellcheck disable=SC2046 # several
kill -STOP "$pid" $(pgrep -P "$pid")
vcl_kill9 2 ganeti-noded
ok "take over" failover 1
moved_to 1
ok "change" m gnt-cluster add-tags fifth
# shellcheck disable=SC2046 # several
kill -CONT "$pid" $(pgrep -P "$pid")
ok "when it goes on it is refused, and ends" wait_for 30 no_master 2
ok "saying why" grep -q "This node is not the master any more: Node node[13].example.com follows node1.example.com as master in term" \
	"$(vcl_file 2 LOG_DIR)/master-daemon.log"
vcl_on 2 daemon-util start ganeti-noded
all_follow
ok "nothing is lost" has_tag fifth

diag "no majority"
power_off 1
vcl_kill9 2 ganeti-noded
run failover 3
is "$RC" 1 "refused"
like "$ERR" "Master-failover with voting is only possible if the majority of nodes are still healthy; .* Unhealthy nodes: \\['node1\\.example\\.com', 'node2\\.example\\.com'\\]" "with upstream's words"
run failover 3 --no-voting --yes-do-it
is "$RC" 0 "by force"
moved_to 3
ok "it goes on alone" m gnt-cluster add-tags sixth
m gnt-cluster verify >"$T/verify" 2>&1
ok "and says so" grep -q 'WARNING.*The master was started without voting and goes on without the other candidates' "$T/verify"
for k in 1 2; do vcl_on $k daemon-util start ganeti-noded; done
all_follow
said() { grep -q "A majority of the candidates has everything" "$(vcl_file 3 LOG_DIR)/master-daemon.log"; }
ok "until a majority has everything" wait_for 30 said
for tag in first second third fourth fifth sixth; do ok "nothing is lost: $tag" has_tag $tag; done
vcl_done
