#!/bin/bash
# Cluster verification: what nodes are asked, and what is made of their answers.
# shellcheck source=tests/lu/lib.sh
. "$(dirname "$0")/lib.sh"
nodes 3
# the other candidates get certificates
for k in 2 3; do
	said "node_crypto_tokens $(ip $k) [[\"ssl\", \"DD:0$k\"]]"
	good "$(op NODE_SET_PARAMS "node_name:\"node$k.example.com\"" drained:true)" "node$k out"
	good "$(op NODE_SET_PARAMS "node_name:\"node$k.example.com\"" drained:false)" "node$k in"
done

group() { # KEY:VALUE...
	op CLUSTER_VERIFY_GROUP 'group_name:"default"' "$@"
}

# findings: lines of the log that are some
findings() {
	grep '^  - ' <<<"$LOG"
}

# --- the configuration ---
good "$(op CLUSTER_VERIFY_CONFIG)" "configuration"
is "$RESULT" true "is fine"
is "$LOG" "* Verifying cluster config
* Verifying cluster certificate files
* Verifying hypervisor parameters
* Verifying all nodes belong to an existing group" "what is looked at"
cp "$RAPI_CERT_FILE" "$T/rapi.pem"
chmod 600 "$RAPI_CERT_FILE"
echo nonsense >"$RAPI_CERT_FILE"
job "$(op CLUSTER_VERIFY_CONFIG)"
is "$RESULT" false "a broken certificate"
like "$(findings)" "^  - ERROR: cluster : Failed to load X509 certificate $RAPI_CERT_FILE: " "is found"
job "$(op CLUSTER_VERIFY_CONFIG error_codes:true)"
like "$(findings)" "^  - ERROR:ECLUSTERCERT:cluster:None:Failed to load X509 certificate" "with its code"
job "$(op CLUSTER_VERIFY_CONFIG 'ignore_errors:["ECLUSTERCERT"]')"
is "$RESULT" true "and may be ignored"
like "$(findings)" "^  - WARNING: cluster : Failed to load" "then it is a warning"
cp "$T/rapi.pem" "$RAPI_CERT_FILE"
job "$(op CLUSTER_VERIFY_CONFIG debug_simulate_errors:true error_codes:true)"
like "$(findings)" "ERROR:ECLUSTERDANGLINGNODES:node:None:the following nodes" "simulated findings"

# --- what nodes are asked ---
job "$(group)"
question=$(calls "^node_verify $(ip 2)" | cut -d' ' -f3- | jq -c '.[0]')
is "$(calls '^node_verify' | wc -l)" 3 "each node is asked once"
is "$(jq -c '(.hypervisor | sort), (.instancelist | sort), .hypervisor[0] == .hvinfo, ."node-net-test"[1], ."master-ip"[0], .nonvmnodes' <<<"$question")" \
	'["fake","kvm"]
["fake","kvm"]
true
["node1.example.com","node2.example.com","node3.example.com"]
"node1.example.com"
[]' "the questions"
for f in ssconf_node_list server.pem hmac.key known_hosts config.data; do
	like "$(jq -c .filelist <<<"$question")" "/$f\"" "checksum of $f"
done

# A healthy node's answer, with changes: fine K [JQ FILTER]
fine() {
	local k=$1
	jq -nc --argjson q "$question" --arg name "node$k.example.com" --arg ip "$(ip "$k")" --argjson now "$(date +%s)" \
		--arg digest "${DIGEST[$k]}" '{
		version: [3010000, "3.1.0"], nodesetup: [], time: [$now, 0], nodelist: {}, "node-net-test": {},
		"master-ip": true, "user-scripts": [], hypervisor: ($q.hypervisor | map({(.): null}) | add), hvparms: [],
		instancelist: [], hvinfo: {memory_free: 1000}, bridges: [], "client-cert": [null, $digest],
		oslist: [["tiny", "/srv/ganeti/os/tiny", true, "", ["default"], [["dhcp", "use dhcp"]], [20], true]],
		filelist: ($q.filelist | map({(.): "0123456789"}) | add)
	} | if $q."allowed-file-storage-paths" == $name then ."allowed-file-storage-paths" = [] else . end'" ${2:+| $2}"
}

# answers [K FILTER]: all are fine, but node K
answers() {
	unsaid '^node_verify'
	local k
	for k in 1 2 3; do
		said "node_verify $(ip $k) $(fine $k "$([ "${1:-}" = $k ] && echo "$2")")"
	done
}

mapfile -t DIGEST < <(echo && sqlite3 -readonly "$CONFIG_DB" "SELECT json FROM object WHERE kind = 'cluster'" |
	jq -r --argjson u "$(printf '%s\n' "${UUID[@]}" | jq -Rnc '[inputs]')" '.candidate_certs as $c | $u[] | $c[.] // "none"')

answers
job "$(group)"
is "$RESULT" true "a healthy group"
is "$LOG" "* Verifying group 'default'
* Gathering data (3 nodes)
* Gathering information about nodes (3 nodes)
* Gathering disk information (3 nodes)
* Verifying configuration file consistency
* Verifying node status
* Verifying instance status
* Verifying orphan volumes
* Verifying N+1 Memory redundancy
* Other Notes
* Hooks Results" "what is said about it"
job "$(group verbose:true 'skip_checks:["nplusone_mem"]')"
like "$LOG" "\* Verifying node node2.example.com \(master candidate\)" "verbosely"
unlike "$LOG" "N\+1" "checks may be left out"

# finding FILTER TEXT: node2 answers so; that is the one finding
finding() {
	answers 2 "$1"
	job "$(group)"
	is "$RESULT/$(findings)" "${3:-false}/  - $2" "$2"
}

n="ERROR: node node2.example.com:"
finding '.version = [3000000, "3.1.0"]' "$n incompatible protocol versions: master 3010000, node 3000000"
finding '.version[1] = "3.0.2"' "WARNING: node node2.example.com: software version mismatch: master 3.1.0, node 3.0.2" true
finding 'del(.nodesetup)' "$n node setup error: Missing NODESETUP results"
finding '.nodesetup = ["a", "b"]' "$n node setup error: a; b"
finding '.hypervisor.kvm = "no libvirt"' "$n hypervisor kvm verify failure: 'no libvirt'"
finding '.hvparms = [["cluster", "kvm", "no such kernel"]]' \
	"$n hypervisor kvm parameter verify failure (source cluster): no such kernel"
finding '.nodelist = {"node3.example.com": "denied"}' "$n ssh communication with node 'node3.example.com': denied"
finding '."node-net-test" = {"node3.example.com": "failure using the primary interface(s)"}' \
	"$n tcp communication with node 'node3.example.com': failure using the primary interface(s)"
finding '."master-ip" = false' "$n cannot reach the master IP"
finding '.bridges = ["br0"]' "$n missing bridges: br0"
for what in shared-file-storage/a/b:directory:/a file-storage/a/b/c:directory:/a file-storage/a:file:/a; do
	IFS=: read -r path kind name <<<"$what"
	finding ".\"file-storage-files\" = [[\"/srv/ganeti/$path\", 5]]" \
		"WARNING: node node2.example.com: $kind /srv/ganeti/${path%%/*}$name belongs to no instance; if nobody needs it, remove it on that node" true
done
answers 2 '."file-storage-files" = [["/srv/ganeti/file-storage/ssd/", 5], ["/elsewhere"], 3, [null], ["relative", 1], []]'
job "$(group)"
is "$(findings)" "  - WARNING: node node2.example.com: file /elsewhere belongs to no instance; if nobody needs it, remove it on that node" \
	"what is no list of files does no harm"
finding '.instancelist = "no answer from kvm"' "$n rpc call to node failed (instancelist): no answer from kvm"
finding 'del(.hvinfo)' "$n rpc call to node failed (hvinfo)"
finding '.instancelist = ["ghost.example.com"]' "$n node is running unknown instance ghost.example.com"
finding '.oslist[0][2] = false | .oslist[0][3] = "no create script"' \
	"$n Invalid OS tiny (located at /srv/ganeti/os/tiny): no create script"
finding '.oslist[0][4] = ["other"]' \
	"$n OS variants list for tiny differs from reference node node1.example.com: [other] vs. [default]"
finding '.oslist = []' "$n OSes present on reference node node1.example.com but missing on this node: tiny"
finding '.filelist |= with_entries(select(.key | endswith("hmac.key") | not))' \
	"ERROR: cluster : File $(jq -r '.filelist[] | select(endswith("hmac.key"))' <<<"$question") is missing from node(s) node2.example.com"
finding '.filelist |= with_entries(if .key | endswith("/server.pem") then .value = "9876543210" else . end)' \
	"ERROR: cluster : File $(jq -r '.filelist[] | select(endswith("/server.pem"))' <<<"$question") found with 2 different checksums (variant 1 on node1.example.com, node3.example.com; variant 2 on node2.example.com)"
finding '.filelist |= with_entries(select(.key | endswith("rapi/users") | not))' \
	"ERROR: cluster : File $(jq -r '.filelist[] | select(endswith("rapi/users"))' <<<"$question") is optional, but it must exist on all or no nodes (not found on node2.example.com)"
finding '."client-cert" = ["ERROR", "expired"]' \
	"ERROR: cluster : Client certificate of node 'node2.example.com' failed validation: expired (code 'ERROR')"

answers 2 '.time[0] -= 1000'
job "$(group)"
like "$(findings)" "^  - $n Node time diverges by at least [0-9.]+s from master node time$" "a clock that is wrong"
answers 2 '.time[0] -= 100'
job "$(group)"
is "$RESULT" true "a clock that is nearly right"

# --- nodes that do not answer, or are not asked ---
answers
said "node_verify $(ip 3) !out of memory"
job "$(group)"
like "$(findings)" "ERROR: node node3.example.com: while contacting node: out of memory" "a node that fails"
like "$(findings)" "ERROR: node node3.example.com: Node did not return file checksum data" "nothing is known of its files"
unsaid '^node_verify .* !'
good "$(op NODE_SET_PARAMS 'node_name:"node3.example.com"' offline:true)" "offline"
answers
job "$(group verbose:true)"
like "$LOG" "\* Skipping offline node node3.example.com" "an offline node is left out"
like "$LOG" "  - NOTICE: 1 offline node\(s\) found." "and counted"

# --- hooks ---
said 'hooks_runner * [["cluster-verify-post.d/10-raid", 1, "disk 3\nis broken"]]'
job "$(group error_codes:true)"
is "$RESULT" false "a script that found something"
like "$LOG" "  - ERROR:ENODEHOOKS:node:${UUID[1]}:Script cluster-verify-post.d/10-raid failed, output:
      disk 3
      is broken" "its words"
unsaid '^hooks_runner . \[\['

# --- as users start it ---
good "$(op CLUSTER_VERIFY)" "all of it"
for j in $(jq -r '.jobs[][1]' <<<"$RESULT"); do is "$(ends "$j")" success "its job $j"; done
bad "$(op CLUSTER_VERIFY 'group_name:"g9"')" OpPrereqError unknown_entity "Node group 'g9' not found"
done_testing
