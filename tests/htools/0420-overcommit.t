#!/bin/bash
# Policies that promise more memory than there is: what fits can be counted by hand.
. "$(dirname "$0")/../harness/tlib.sh"
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
MKREQUEST=$PWD/tests/harness/mkrequest
own_tools

node() { text_node "$1" 8192 N; }
inst() { text_inst "$1" 1024 1024 running "$2" "$3" drbd; }
# cluster RATIO: nodes and instances from $nodes and $insts
cluster() {
	printf 'g0|uuid-0|preferred||\n\n%s\n\n' "$nodes"
	[ -z "$insts" ] || echo "$insts"
	printf '\n\n'
	printf '%s|1024,1,1024,1,1,1|128,1,1024,1,1,1;32768,8,1048576,16,8,12|drbd,rbd,plain|9.0|99.0%s\n' '' "$1" g0 "$1"
}
# fits TEMPLATE: instances of 1 GiB for which there is room
fits() { run hspace -t data --disk-template="$1" --no-capacity-checks --standard-alloc=1024,1024,1 --machine-readable; sed -n 's/^HTS_ALLOC_INSTANCES=//p' <<<"$OUT"; }

nodes=$(node n1; node n2) insts=''
cluster '' >data
is "$(fits plain)" 12 "seven GiB for instances in each node, of which some must stay free: six"
cluster '|1.0' >data
is "$(fits plain)" 12 "a ratio of 1 is none"
cluster '|2.0' >data
is "$(fits plain)" 26 "twice as much: 14 GiB, so 13"
cluster '|0.5' >data
is "$(fits plain)" 6 "half of it: three and a half, so three"
# A node keeps as much for the other's primaries as it has itself.
cluster '' >data
is "$(fits drbd)" 6 "mirrored: each node has room for all"
cluster '|2.0' >data
is "$(fits drbd)" 13 "the memory kept for failures counts in the same way"
run hspace -t data --no-capacity-checks --machine-readable
like "$OUT" "HTS_INI_MEM_AVAIL=28672" "what is available, with what may be promised"
cluster '|x' >data
run hinfo -t data
like "$ERR" "/memory_ratio" "no number"

# Nine GiB on n1: more than there is, and too much unless it may be promised.
nodes=$(node n1; node n2) insts=$(for i in 1 2 3 4 5 6 7 8 9; do inst i$i n1 n2; done)
for ratio in '' '|1.28'; do
	cluster "$ratio" >data
	run hinfo -t data
	like "$OUT" "Cluster is N\+1 unhappy" "9216 MiB of 7168 (ratio: ${ratio:-none})"
done
cluster '|1.3' >data
run hinfo -t data
like "$OUT" "Cluster is N\+1 happy" "1.3 times as much is 9318"
run hbal -t data -l 1 -S saved
like "$OUT" "1\. i. n1:n2 => n2:n1" "balancing knows of the room"
like "$(tail -n 1 saved.original)" "\|99.0\|1.3$" "it is written to files"

# Requests to allocators carry the ratio, and what is known of nodes
"$MKREQUEST" allocate 3 4 40 overcommit drbd uniform full >request
like "$(cat request)" '"memory-ratio": ?1.5' "the request has it"
run hail request
like "$OUT" '"success":true' "there is room"
sed 's/, *"memory-ratio": *1.5//g' request >without
run hail without
like "$OUT" '"success":false' "there is none without"
python3 - <<'END'
import json
q = json.load(open("request"))
for n in q["nodes"].values():
    n["hv_state"] = {"kvm": {"mem_node": n["total_memory"] - 1024, "mem_total": 0}}
json.dump(q, open("full", "w"))
END
run hail full
like "$OUT" '"success":false' "nor where administrators say that the nodes need their memory themselves"

done_testing
