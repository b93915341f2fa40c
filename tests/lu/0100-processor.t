#!/bin/bash
# The order of things: arguments, locks, prerequisites, hooks, execution, hooks.
# shellcheck source=tests/lu/lib.sh
. "$(dirname "$0")/lib.sh"
nodes 3

# --- opcodes that are refused ---
bad "$(op TEST_DELAY duration:-1)" OpPrereqError wrong_input "The duration must not be negative"
bad "$(op TEST_DELAY duration:0.01 'on_nodes:["node7"]')" OpPrereqError unknown_entity "Node 'node7' not known"
run luxi SubmitJob "[[$(op CLUSTER_VERIFY_DISKS)]]"
isnt "$RC" 0 "an opcode without a logical unit is refused at once"

# --- nodes, one after the other or at once ---
good "$(op TEST_DELAY duration:0.01 'on_nodes:["node2","node3"]' on_master:false repeat:2)" "a delay on nodes"
# both at once: who is first in a round is open
is "$(order | sort)" "$(printf 'test_delay node%d\n' 2 2 3 3)" "asks each of them, twice"
is "$LOG" " - INFO: Test delay iteration 0/1
 - INFO: Test delay iteration 1/1" "and says so"
said 'test_delay * !no sleep today'
bad "$(op TEST_DELAY duration:0.01 'on_nodes:["node2"]')" OpExecError null \
	"Failure during rpc call to node node2.example.com: no sleep today"
unsaid '^test_delay'

# --- locks: what a job holds while its node does not answer ---
said "test_delay $(ip 2) @hang"
held=$(submit "$(op TEST_DELAY duration:60 no_locks:false on_master:false 'on_nodes:["node2"]')")
# shellcheck disable=SC2317 # called by wait_for
node2_locked() {
	query lock '["name","mode","owner"]' | grep -q "\"node/${UUID[2]}\",\"exclusive\""
}
ok "the lock of node2 is taken" wait_for 60 node2_locked
ok "the node is asked" wait_for 60 calls '^test_delay'
unlike "$(query lock '["name","mode","owner"]')" "\"node/${UUID[3]}\",\"exclusive\"" "that of node3 is not"
waiting=$(submit "$(op TEST_DELAY duration:0 no_locks:false on_master:false 'on_nodes:["node2"]')")
ok "another job waits for it" wait_state "$waiting" waiting
good "$(op TEST_DELAY duration:0 no_locks:false on_master:false 'on_nodes:["node3"]')" "a third one need not"
run luxi CancelJob "[$waiting]"
is "$(ends "$waiting")" canceled "who waits for locks can be cancelled"
unsaid '^test_delay'
is "$(ends "$held")" success "the first job ends"
unlike "$(query lock '["name","mode","owner"]')" '"exclusive"' "and no lock stays"

# --- a unit that runs alone waits for all others ---
said 'test_delay * @hang'
held=$(submit "$(op TEST_DELAY duration:60 on_master:false 'on_nodes:["node2"]')")
ok "a job without locks runs" wait_for 60 calls '^test_delay'
alone=$(submit "$(op CLUSTER_ACTIVATE_MASTER_IP)")
ok "the cluster lock keeps the other waiting" wait_state "$alone" waiting
unsaid '^test_delay'
is "$(ends "$alone")" success "then it runs"

# --- hooks ---
good "$(op CLUSTER_SET_PARAMS max_running_jobs:7)" "a unit with hooks"
is "$(calls '^hooks_runner' | cut -d' ' -f1-2)" "$(printf "hooks_runner $(ip 1)\n%.0s" 1 2 3)" \
	"before, after, and for the new configuration"
pre=$(calls '^hooks_runner.*"pre"' | cut -d' ' -f3-)
is "$(jq -c '[.[0], .[1], .[2].GANETI_OP_CODE, .[2].GANETI_HOOKS_PATH, .[2].GANETI_OBJECT_TYPE, .[2].GANETI_CLUSTER,
	.[2].GANETI_MASTER, .[2].GANETI_OP_TARGET, .[2].GANETI_NEW_VG_NAME, .[2].GANETI_HOOKS_VERSION]' <<<"$pre")" \
	'["cluster-modify","pre","OP_CLUSTER_SET_PARAMS","cluster-modify","CLUSTER","cl.example.com","node1.example.com","cl.example.com","None","2"]' \
	"the variables of the pre phase"
is "$(jq -c '.[2] | keys | map(select(startswith("GANETI_POST_")))' <<<"$pre")" '[]' "it has none of the post phase"
post=$(calls '^hooks_runner.*"post"' | grep cluster-modify | head -1 | cut -d' ' -f3-)
is "$(jq -c '[.[2].GANETI_OP_TARGET, .[2].GANETI_POST_OP_TARGET]' <<<"$post")" '["cl.example.com","cl.example.com"]' \
	"the post phase has both"
like "$(calls config-update)" '"post"' "config-update has the post phase only"

said 'hooks_runner * [["cluster-modify-pre.d/10-no", 1, "not on a Sunday"], ["cluster-modify-pre.d/20-yes", 2, ""]]'
job "$(op CLUSTER_SET_PARAMS max_running_jobs:9)"
is "$STATUS" error "a script that fails before"
is "$RESULT" '["HooksAbort",[[["node1.example.com","cluster-modify-pre.d/10-no","not on a Sunday"]]]]' "aborts, by name"
is "$(luxi QueryClusterInfo '[]' | jq .max_running_jobs)" 7 "and nothing was changed"
unsaid '^hooks_runner . \[\['
said 'hooks_runner * [["cluster-modify-post.d/10-no", 1, ""]]'
# the same answer in the pre phase would abort: nodes say it only after a while
unsaid '^hooks_runner . \[\['
said 'hooks_runner * !the agent is ill'
good "$(op CLUSTER_SET_PARAMS max_running_jobs:8)" "an agent that cannot run hooks is no obstacle"
like "$LOG" " - WARNING: Communication failure to node ${UUID[1]}: the agent is ill" "but worth a warning"
unsaid '^hooks_runner . !'

# --- a dry run: hooks, but no change ---
good "$(op CLUSTER_SET_PARAMS max_running_jobs:3 dry_run:true)" "a dry run"
is "$LOG" " - INFO: dry-run mode requested, not actually executing the operation" "says that it is one"
is "$(calls '^hooks_runner' | wc -l)" 1 "runs the pre hooks"
is "$(luxi QueryClusterInfo '[]' | jq .max_running_jobs)" 8 "and changes nothing"

# --- new jobs of a unit inherit ---
good "$(op CLUSTER_VERIFY priority:10 'reason:[["test","because",1]]')" "a unit whose result are jobs"
ids=$(jq -c '[.jobs[][1]]' <<<"$RESULT")
is "$(jq length <<<"$ids")" 2 "one for the configuration, one for the group"
is "$(luxi QueryJobs "[$ids,[\"ops\"]]" | jq -c '[.[][0][0].priority]')" '[10,10]' "with its priority"
is "$(luxi QueryJobs "[$ids,[\"ops\"]]" | jq -c '[.[][0][0] | [.comment, (.reason | map(.[1]) | index("because") != null)]] | unique')" \
	'[["Submitted by OP_CLUSTER_VERIFY",true]]' "comment and reason"
done_testing
