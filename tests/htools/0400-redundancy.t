#!/bin/bash
# hcheck --redundancy: levels that can be counted by hand.
. "$(dirname "$0")/../harness/tlib.sh"
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
own_tools

# inst NAME PRIMARY SECONDARY TEMPLATE: 1 GiB each
inst() { text_inst "$1" 1024 1024 running "$2" "$3" "$4"; }
# cluster CLUSTER-TAG...; nodes and instances from $nodes and $insts
cluster() { text_cluster '' "$@"; }
# level KEY: what is said of it, initially
level() { run hcheck -t "$T/data" --redundancy --machine-readable; sed -n "s/^HCHECK_INIT_$1=//p" <<<"$OUT"; }

nodes=$(for i in 1 2 3 4; do text_node n$i 8192 N "rack:$((i % 2)),power:$i"; done)
insts=$(for i in 1 2 3 4 5 6 7 8; do inst i$i "n$((i % 4 + 1))" '' rbd; done)
cluster htools:nlocation:rack htools:nlocation:power htools:nlocation:room >"$T/data"
# A node takes six (of seven GiB some must stay free): two nodes take all eight, one does not.
is "$(level CLUSTER_REDUNDANCY)" 2 "shared storage: as many as leave room for all"
is "$(level GROUP_0_REDUNDANCY)" 2 "its group has the same level"
is "$(level CLUSTER_REDUNDANCY_POWER)" 2 "domains of one node are like nodes"
is "$(level CLUSTER_REDUNDANCY_RACK)" 1 "one of two racks may fail"
is "$(level CLUSTER_REDUNDANCY_ROOM)" "" "nothing is said of rooms, where there are none"
run hcheck -t "$T/data" --redundancy
like "$OUT" "Group redundancy level: 2" "told to people, too"
like "$OUT" "Cluster redundancy level for rack: 1" "of racks as well"
run hcheck -t "$T/data" --machine-readable
unlike "$OUT" REDUNDANCY "only on demand"

nodes=$(text_node big 16384 N ''; for i in 1 2 3 4; do text_node n$i 4096 N ''; done)
insts=$(for i in 1 2 3 4 5 6 7 8; do inst i$i "$([ $((i % 2)) = 0 ] && echo big || echo n$((i / 2 + 1)))" '' rbd; done)
cluster >"$T/data"
# Two on each small node: four of them take eight, and then no more. Were the small ones lost first, there would be more levels.
is "$(level CLUSTER_REDUNDANCY)" 1 "the largest node goes first"

nodes=$(for i in 1 2 3 4; do text_node n$i 8192 N "rack:$((i / 3))"; done)
insts=$(inst i1 n1 n2 drbd; inst i2 n3 n4 drbd)
cluster htools:nlocation:rack >"$T/data"
is "$(level CLUSTER_REDUNDANCY)" 3 "mirrored disks: down to two nodes, of which one may still be lost"
is "$(level CLUSTER_REDUNDANCY_RACK)" 0 "both nodes of an instance in one rack: it must not fail"
insts=$(inst i1 n1 n3 drbd; inst i2 n4 n2 drbd)
cluster htools:nlocation:rack >"$T/data"
is "$(level CLUSTER_REDUNDANCY_RACK)" 1 "in two racks: one may"

nodes=$(text_node n1 8192 Y ''; text_node n2 8192 N ''; text_node n3 8192 N '')
insts=$(inst i1 n1 n2 drbd)
cluster >"$T/data"
is "$(level CLUSTER_REDUNDANCY)" "'-1'" "something is down already"
insts=$(inst i1 n2 n1 drbd)
cluster >"$T/data"
is "$(level CLUSTER_REDUNDANCY)" 0 "its second node is down already"
insts=''
cluster >"$T/data"
is "$(level CLUSTER_REDUNDANCY)" 2 "an empty cluster may lose all that is up"

nodes=$(text_node n1 8192 N ''; text_node n2 8192 N ''; echo "m1|8192|1024|7168|1000000|1000000|32|N|uuid-1|1||N|0|1|1.0")
insts=$(inst i1 n1 n2 drbd)
cluster | sed '1a g1|uuid-1|preferred||' >"$T/data"
is "$(level GROUP_0_REDUNDANCY) $(level GROUP_1_REDUNDANCY) $(level CLUSTER_REDUNDANCY)" "1 1 1" "each group, and the worst of them"

done_testing
