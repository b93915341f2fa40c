#!/bin/bash
# Requests that are wrong in every way: upstream's answers, and nothing else happens.
# shellcheck disable=SC2154,SC2119 # path variables; options are rare
. "$(dirname "$0")/lib.sh"

new_cluster 1 127.0.0.1
master || bail "masterd does not start"
pid=$(master_pid)

# refused WHAT ANSWER METHOD [ARGS]
refused() {
	local what=$1 answer=$2
	shift 2
	run luxi "$@"
	is "$ERR" "$answer" "$what"
}
p='"Failed to parse request: '
refused "no reason" "${p}SubmitJob: key 'reason' not found, object contains only [\\\"OP_ID\\\",\\\"duration\\\"]\"" \
	SubmitJob '[[{"OP_ID":"OP_TEST_DELAY","duration":0.1}]]'
refused "unknown opcode" "${p}SubmitJob: Unknown opcode OP_FOO\"" SubmitJob '[[{"OP_ID":"OP_FOO","reason":[]}]]'
refused "bad value" "${p}SubmitJob: Can't parse value for 'duration': Unable to read Double\"" \
	SubmitJob '[[{"OP_ID":"OP_TEST_DELAY","reason":[],"duration":"abc"}]]'
refused "missing value" "${p}SubmitJob: key 'duration' not found, object contains only [\\\"OP_ID\\\",\\\"reason\\\"]\"" \
	SubmitJob '[[{"OP_ID":"OP_TEST_DELAY","reason":[]}]]'
run luxi SubmitJob '[[{"OP_ID":"OP_TEST_DELAY","reason":[],"duration":0.1,"foo":1}]]'
is "$ERR" "${p}SubmitJob: Superfluous dictionary keys: [\\\"foo\\\"], but only [\\\"OP_ID\\\",\\\"comment\\\",\\\"debug_level\\\",\\\"depends\\\",\\\"dry_run\\\",\\\"duration\\\",\\\"interruptible\\\",\\\"no_locks\\\",\\\"on_master\\\",\\\"on_node_uuids\\\",\\\"on_nodes\\\",\\\"priority\\\",\\\"reason\\\",\\\"repeat\\\"] allowed.\"" "superfluous value"
refused "unknown method" "${p}Unable to parse LUXI request method: Invalid string value for type LuxiReq: \\\"FooBar\\\"\"" FooBar
refused "too few arguments" "${p}Cannot convert value '[\\\"node\\\"]', error: Unable to read Pair\"" QueryTags '["node"]'
refused "internal method" '["GenericError",["Luxi call '"'PickupJob'"' is for internal use only"]]' PickupJob '[3]'
refused "no such job" '["JobLost",["Can'"'"'t load job file"]]' WaitForJobChange '[99999,["status"],null,null,3]'
refused "an opcode without a unit" '["OpPrereqError",["OP_TEST_DUMMY is not supported by this version","wrong_input"]]' \
	SubmitJob '[[{"OP_ID":"OP_TEST_DUMMY","reason":[],"result":1,"messages":[],"fail":false}]]'
refused "a job without opcodes" '["OpPrereqError",["A job needs at least one opcode","wrong_input"]]' SubmitJob '[[]]'
refused "opcodes of the wrong type" "${p}SubmitJob: Unable to read JSObject\"" SubmitJob '[[7]]'
run luxi SubmitManyJobs '[[[{"OP_ID":"OP_TEST_DUMMY","reason":[],"result":1,"messages":[],"fail":false}]]]'
is "$OUT" '[[false,"OP_TEST_DUMMY is not supported by this version"]]' "the same among many"
run luxi SubmitManyJobs '[[[{"OP_ID":"OP_TEST_DELAY","reason":[],"duration":0}],[{"OP_ID":"OP_FOO","reason":[]}]]]'
is "$ERR" "${p}SubmitManyJobs: Unknown opcode OP_FOO\"" "one mistake among many refuses all"
run luxi QueryJobs '[null,["id"]]'
is "$OUT" '[]' "no job came of all this"

run luxi --raw hello '[1]' '{"method":"QueryClusterInfo"}' '{"args":[]}' '"x"' '{' '' \
	'{"method":7,"args":[]}' '{"method":"QueryTags","args":["cluster",""],"version":2000000}'
f='{"success":false,"result":"Failed to parse request: '
j='parsing top-level JSON message: Invalid JSON: a JSON text a serialized object or array at the top level."}'
mapfile -t lines <<<"$OUT"
is "${lines[0]}" "$f$j" "not JSON"
is "${lines[1]}" "${f}parsing top-level JSON message: Unable to read JSObject\"}" "a list"
is "${lines[2]}" "${f}key 'args' not found, object contains only [\\\"method\\\"]\"}" "no arguments"
is "${lines[3]}" "${f}key 'method' not found, object contains only [\\\"args\\\"]\"}" "no method"
is "${lines[4]}" "$f$j" "a string"
like "${lines[5]}" "parsing top-level JSON message: Invalid JSON: " "half of an object"
is "${lines[6]}" "$f$j" "nothing"
like "${lines[7]}" "Unable to parse LUXI request method" "a number as method"
is "${lines[8]}" '{"success":true,"result":[]}' "any version is served"
is "${#lines[@]}" 9 "one answer each"

# deep nesting is refused, not followed
deep=$(printf '[%.0s' {1..5000})
run luxi --raw "{\"method\":\"QueryTags\",\"args\":$deep"
like "$OUT" '"success":false' "deep nesting"

# a client that stops in the middle, many of them, and bytes of all kinds
for _ in {1..20}; do
	head -c 3000 /dev/urandom | luxi --send
	printf '{"method":"Quer' | luxi --send
	head -c 300 /dev/urandom | LUXI_SOCKET=$MASTERD_CONTROL luxi --send
done
run luxi QueryConfigValues '[["cluster_name"]]'
is "$OUT" '["cl.example.com"]' "still answers after garbage"
is "$(master_pid)" "$pid" "it is the same process"
ok "which lives" kill -0 "$pid"
done_testing
