#!/bin/bash
# More memory promised than there is: from the policy and what is said of nodes to what the tools and allocators know.
# shellcheck disable=SC2154 # what tlib.sh sets
# shellcheck source=tests/harness/tlib.sh
. "$(dirname "$0")/../harness/tlib.sh"
# shellcheck source=tests/harness/vcl.sh
. "$(dirname "$0")/../harness/vcl.sh"

# column NAME: of node2, as hinfo sees it over luxi
column() {
	m env HTOOLS=hinfo "$VCL_LIB/hail" -L --print-nodes=name,"$1" 2>&1 | awk '$1 == "node2" || $2 == "node2" {print $NF}'
}

command -v jq >/dev/null || skip_all "needs jq"
vcl_up 2
dir=$(dirname "$(vcl_file 1 IALLOCATOR_SEARCH_DIRS | cut -d: -f1)/x")
mkdir -p "$dir"
cat >"$dir/look" <<END
#!/bin/sh
cp "\$1" "$T/request"
echo '{"success": false, "info": "seen", "result": []}'
END
chmod +x "$dir/look"

seen() { # what an allocator is told, through jq
	m gnt-instance add -I look -t diskless -o tiny+default inst1.example.com >"$T/out" 2>&1
	jq -c "$1" "$T/request"
}

ok "what node2 needs for itself" m gnt-node modify --hypervisor-state=fake:mem_node=777 node2.example.com
run m gnt-node list --no-headers -o hv_state node2.example.com
like "$OUT" "777" "is known"
isnt "$(column nmem)" 777 "and does not count"
is "$(seen '[(.nodegroups[].ipolicy | has("memory-ratio")), [.nodes[] | has("hv_state")]]')" '[false,[false,false]]' "nobody is told"

ok "a policy that promises more" m gnt-cluster modify --ipolicy-memory-ratio=1.5
run m gnt-cluster info
like "$OUT" "memory-ratio: 1.5" "is shown"
is "$(column nmem)" 777 "what was said of node2 counts"
is "$(seen '[.nodegroups[].ipolicy."memory-ratio", .nodes."node2.example.com".hv_state.fake.mem_node]')" '[1.5,777]' "allocators are told"
must_fail 1 "Invalid value for attribute 'memory-ratio'" m gnt-cluster modify --ipolicy-memory-ratio=-1
done_testing
