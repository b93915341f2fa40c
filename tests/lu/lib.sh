# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034,SC2119 # what the sourced files set; what the scripts use; no arguments
# Logical units under the real master with the real configuration; only the nodes are scripted. Source this,
# then: nodes 3; job 'OP' ...; what the nodes were asked is in the trace.
LU_HERE=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source=tests/masterd/lib.sh
. "$LU_HERE/../masterd/lib.sh"

LU_NET=127.$((RANDOM % 200 + 20)).$((RANDOM % 250 + 2))
export GANETI_NODED_PORT=$((RANDOM % 9000 + 29000))
SCRIPT=$T/script TRACE=$T/trace
UUID=() # of the nodes, from 1

# ip K: of node K
ip() {
	echo "$LU_NET.$1"
}

# said LINE...: before all other lines of the script
said() {
	{
		printf '%s\n' "$@"
		cat "$SCRIPT"
	} >"$SCRIPT.new"
	mv "$SCRIPT.new" "$SCRIPT"
}

# unsaid REGEX: take lines out of the script
unsaid() {
	sed -i -E "/$1/d" "$SCRIPT"
}

# What nodes answer unless a test says otherwise.
usual_answers() {
	cat >"$SCRIPT" <<-'S'
		version * 3010000
		hooks_runner * []
		node_crypto_tokens * [["ssl", "AA:BB:CC"]]
		node_has_ip_address * true
		instance_info * {}
		instance_list * []
		node_verify * {"nodelist": {}}
		* * null
	S
}

# nodes N: a cluster of N nodes whose agents are scripted, and its master
nodes() {
	local n=$1 k ips=()
	for ((k = 1; k <= n + 2; k++)); do ips+=("$(ip $k)"); done
	new_cluster "$n" "${ips[@]:0:n}"
	mkdir -p "$(dirname "$ETC_HOSTS")"
	{
		echo "127.0.0.1 localhost"
		for ((k = 1; k <= 9; k++)); do echo "$(ip $k) node$k.example.com node$k"; done
	} >"$ETC_HOSTS"
	usual_answers
	# nodes that are not members yet have agents, too
	"$B/tests/harness/fakenode" "$SCRIPT" "$TRACE" "$GANETI_NODED_PORT" "${ips[@]}" >"$T/fakenode" 2>&1 &
	FAKE=$!
	at_exit kill "$FAKE"
	wait_for 10 grep -q ready "$T/fakenode" || bail "fakenode: $(cat "$T/fakenode")"
	master || bail "no master daemon"
	for ((k = 1; k <= n; k++)); do UUID[k]=$(uuid_of "node$k.example.com"); done
	: >"$TRACE"
}

# query WHAT FIELDS [FILTER]: rows of values, one a line
query() {
	luxi Query "[\"$1\",$2,${3:-null}]" | jq -c '.data[] | map(.[1])'
}

uuid_of() {
	query node '["uuid"]' "[\"=\",\"name\",\"$1\"]" | jq -r '.[0]'
}

# node K FIELD: a value
node() {
	query node "[\"$2\"]" "[\"=\",\"name\",\"node$1.example.com\"]" | jq -r '.[0]'
}

# op NAME [KEY:JSON...]: an opcode
op() {
	local out="{\"OP_ID\":\"OP_$1\",\"reason\":[]" x
	shift
	for x; do out+=",\"${x%%:*}\":${x#*:}"; done
	echo "$out}"
}

# job OPCODE...: submit and wait; sets JOB, STATUS, RESULT (of the last opcode) and LOG (messages)
job() {
	local row
	: >"$TRACE"
	JOB=$(submit "$@") || bail "cannot submit $*"
	STATUS=$(ends "$JOB")
	row=$(luxi QueryJobs "[[$JOB],[\"opresult\",\"oplog\"]]")
	RESULT=$(jq -c '.[0][0][-1]' <<<"$row")
	LOG=$(jq -r '.[0][1][][][3] | if type == "string" then . else tojson end' <<<"$row")
}

# good OPCODE DESCRIPTION / bad OPCODE CLASS CODE TEXT: how a job of one opcode ends
good() {
	job "$1"
	is "$STATUS" success "$2"
	[ "$STATUS" = success ] || diag "$RESULT"
}

bad() {
	job "$1"
	is "$STATUS/$(jq -r '"\(.[0])/\(.[1][1])"' <<<"$RESULT")" "error/$2/$3" "$(jq -r .OP_ID <<<"$1"): $2"
	is "$(jq -r '.[1][0]' <<<"$RESULT")" "$4" "and its text"
}

# calls REGEX: lines of the trace
calls() {
	grep -E "$1" "$TRACE"
}

# order CALL...: the calls of the trace, hooks, copies and distribution of the configuration aside, one a line
order() {
	grep -vE '^(replica_|jobqueue_|write_ssconf_files|upload_file_single|hooks_runner)' "$TRACE" | cut -d' ' -f1,2 |
		sed "s/$LU_NET\./node/"
}

for p in jq sqlite3; do command -v $p >/dev/null || skip_all "needs $p"; done
[ -x "$B/tests/harness/fakenode" ] || skip_all "tests/harness/fakenode is not built"
