#!/bin/bash
# Pools of instances that stay apart or together by failure domain: what tags of the cluster say of them, and that nothing
# changes where none does.
. "$(dirname "$0")/../harness/tlib.sh"
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
own_tools

# node NAME TAGS [OFFLINE]
node() { text_node "$1" 16384 "${3:-N}" "$2"; }
# inst NAME PRIMARY TAGS: 1000 MiB of memory, on shared storage
inst() { text_inst "$1" 1000 5000 running "$2" '' rbd "$3"; }
# cluster CLUSTER-TAG...; nodes and instances from $nodes and $insts
cluster() { text_cluster '' htools:nlocation:rack "$@"; }
# limits INSTANCE: node and limit ("-": possible) of each candidate, while it is the one that is moved first
limits() {
	hbal -t data -l 1 --select-instances "$1" --explain=json 2>/dev/null | python3 -c 'import json, sys
for line in sys.stdin:
    if line.startswith("{"):
        print(*sorted("%s=%s" % (c["move"].split(":")[1], c.get("limit", "-")) for c in json.loads(line)["candidates"]))'
}
# key NAME: of hcheck, of the cluster as it is
key() { hcheck -t data --machine-readable --no-simulation | sed -n "s/^HCHECK_INIT_CLUSTER_$1=//p"; }

nodes=$(node n1 rack:a; node n2 rack:a; node n3 rack:b; node n4 rack:c; node n5 '')
insts=$(inst w1 n1 web:1; inst w2 n3 web:1; inst w3 n4 web:2; for i in 1 2 3; do inst x$i n1 ''; done)
cluster >data
is "$(limits w1)" "n2=- n3=- n4=- n5=-" "without a tag there are no pools"
is "$(key POOL_FAIL)" "" "nor are they checked"
cluster htools:antiaffinity:rack:web >data
is "$(limits w1)" "n2=- n3=antiaffinity n4=- n5=-" "not into the rack of another one; its own is free, other pools do not matter"
is "$(key POOL_FAIL)" 0 "nothing is violated"
cluster htools:antiaffinity:rack:we htools:antiaffinity:power:web htools:antiaffinity:web htools:antiaffinity:rack: >data
is "$(limits w1)" "n2=- n3=- n4=- n5=-" "words are whole; kinds must exist"
cluster htools:antiaffinity:rack:web:1 >data
is "$(limits w1)" "n2=- n3=antiaffinity n4=- n5=-" "a single tag"
cluster htools:antiaffinity:node:web >data
is "$(limits w1)" "n2=- n3=antiaffinity n4=- n5=-" "nodes as domains"

# three in a rack: whoever goes elsewhere mends something
insts=$(inst w1 n1 web:1; inst w2 n1 web:1; inst w3 n2 web:1; inst w4 n3 web:1; for i in 1 2 3; do inst x$i n1 ''; done)
cluster htools:antiaffinity:rack:web >data
is "$(key POOL_FAIL)" 3 "those in one rack violate it"
is "$(limits w1)" "n2=antiaffinity n3=- n4=- n5=-" "to where fewer are they may go, but not about in the rack"
hbal -t data -S after >out 2>&1
hcheck -t after.balanced --machine-readable --no-simulation >checked
ok "balancing moves some" grep -q 'Solution length=[1-9]' out
is "$(sed -n 's/^HCHECK_INIT_CLUSTER_POOL_FAIL=//p' checked)" 0 "and mends it"
sed 's/htools:antiaffinity:rack:web/htools:unrelated/' data >untagged
ok "the explanation says why" grep -q 'of the pool web:1 1 others are in that rack' <(hbal -t data --explain 2>&1)
is "$(hbal -t untagged --explain 2>&1 | grep -c pool)" 0 "and without the tag none speaks of pools"

insts=$(inst d1 n1 db; inst d2 n2 db; inst d3 n3 db; for i in 1 2 3; do inst x$i n3 ''; done)
cluster htools:affinity:rack:db >data
is "$(key POOL_FAIL)" 3 "all miss one that is in another rack"
is "$(limits d3)" "n1=- n2=- n4=affinity n5=affinity" "together: only to where the others are"
insts=$(inst d1 n1 db; inst d2 n2 db; for i in 1 2 3; do inst x$i n1 ''; done)
cluster htools:affinity:rack:db >data
is "$(key POOL_FAIL)" 0 "all together: nothing is violated"
is "$(limits d1)" "n2=- n3=affinity n4=affinity n5=affinity" "within the rack they move"

nodes=$(node n1 rack:a Y; node n2 rack:a; node n3 rack:b)
insts=$(inst d1 n1 db; inst d2 n2 db; inst x1 n2 '')
cluster htools:affinity:rack:db >data
is "$(limits d1)" "n2=- n3=-" "from an offline node they go anywhere"

# soft: no limit, but a part of the score
nodes=$(node n1 rack:a; node n2 rack:a; node n3 rack:b; node n4 rack:b)
# racks: how many racks have instances with the tag web after balancing
racks() {
	hbal -t data -vvv -S after >out 2>&1
	awk -F'|' '$10 == "web"{print $7 ~ /^n[12]/}' after.balanced | sort -u | wc -l
}
insts=$(inst w1 n1 web; inst w2 n2 web)
cluster >data
is "$(racks)" 1 "without the tag all is well balanced"
nok "and there is no such part of the score" grep -q pool_score out
cluster htools:soft-antiaffinity:rack:web >data
is "$(racks)" 2 "a move for what is wished"
ok "a pair counts 1" grep -q 'pool_score  *1.00000000  x1.00' out
is "$(key POOL_FAIL)" "" "wishes are not checked"
is "$(limits w1)" "n2=- n3=- n4=-" "nor are they limits"
insts=$(inst w1 n1 web; inst w2 n3 web)
cluster htools:soft-affinity:rack:web >data
is "$(racks)" 1 "together in one rack, as wished"
done_testing
