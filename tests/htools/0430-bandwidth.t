#!/bin/bash
# How long moves take by the tags that tell bandwidths, and solutions that take too long.
. "$(dirname "$0")/../harness/tlib.sh"
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
own_tools

# node NAME TAGS [OFFLINE]
node() { text_node "$1" 16384 "${3:-N}" "$2"; }
# inst NAME PRIMARY SECONDARY [STATUS]: 1000 MiB of memory, 5000 of disk
inst() { text_inst "$1" 1000 5000 "${4:-running}" "$2" "$3" drbd; }
# takes MOVE: seconds, of what could be done with the instance that is moved first
takes() {
	hbal -t data -l 1 --avoid-long-solutions=0.01 --long-solution-threshold=1000000 --explain=json 2>/dev/null |
		python3 -c 'import json, sys
for line in sys.stdin:
    if line.startswith("{"):
        print(*["%g" % c["seconds"] for c in json.loads(line)["candidates"] if c["move"] == sys.argv[1]])' "$1"
}

nodes=$(node n1 ''; node n2 ''; node n3 '')
insts=$(for i in 1 2 3 4; do inst i$i n1 n2; done)
text_cluster '' >data
is "$(takes f)" 80 "memory over 100 Mbit/s where nothing is said"
is "$(takes r:n3)" 400 "or disks"
is "$(takes 'r:n3 f')" 480 "or both"
is "$(takes 'f r:n3')" 480 "in either order"
is "$(takes 'f r:n3 f')" 560 "memory twice"

nodes=$(node n1 net:a; node n2 net:a; node n3 net:b)
net=(htools:bandwidth:net htools:bandwidth:net:a::net:a::1000 htools:bandwidth:net:a::net:b::200)
text_cluster '' "${net[@]}" >data
is "$(takes f)" 8 "within a network of 1000 Mbit/s"
is "$(takes r:n3)" 200 "from it to another one with 200"
is "$(takes 'f r:n3 f')" 248 "each part its own way"
text_cluster '' htools:bandwidth:net htools:bandwidth:net:b::net:a::200 htools:bandwidth:net:a::net:a::x htools:bandwidth:net:a::net:a::0 >data
is "$(takes r:n3)" 200 "a rule goes for both ways"
is "$(takes f)" 80 "what is no speed says nothing"
text_cluster '' "${net[@]}" htools:bandwidth:net:a::net:a::500 >data
is "$(takes f)" 16 "the last rule counts"
nodes=$(node n1 net:a; node n2 net:a; node n3 net:b,net:a)
text_cluster '' "${net[@]}" >data
is "$(takes r:n3)" 200 "in two networks the slowest counts"
text_cluster '' "${net[@]:1}" >data
is "$(takes f)" 80 "nothing counts that is not named as a kind of network"

nodes=$(node n1 ''; node n2 other:a; node n3 net:b)
text_cluster net:a "${net[@]}" >data
is "$(takes f) $(takes r:n3)" "8 200" "nodes without one have the tags of their group"
text_cluster '' "${net[@]}" net:a >data
is "$(takes f) $(takes r:n3)" "8 200" "or of the cluster"
text_cluster net:a "${net[@]}" net:b >data
is "$(takes f)" 8 "the group's before the cluster's"

nodes=$(node n1 '' Y; node n2 ''; node n3 '')
text_cluster '' >data
is "$(takes f)" 0 "nothing migrates from a node that is down"
nodes=$(node n1 ''; node n2 ''; node n3 '')
insts=$(for i in 1 2 3 4; do inst i$i n1 n2 ADMIN_down; done)
text_cluster '' >data
is "$(takes f) $(takes r:n3)" "0 400" "or of an instance that does not run"

insts=$(for i in 1 2 3 4; do inst i$i n1 n2; done)
text_cluster '' >data
run hbal -t data
like "$OUT" "r:n3" "disks are copied"
unlike "$OUT" "Estimated" "and nothing is said of time"
run hbal -t data --avoid-long-solutions=100 --long-solution-threshold=300
unlike "$OUT" "r:n3" "not where that takes too long"
like "$OUT" "a=f" "what is quick is done"
like "$OUT" "Estimated time: (80|160|240) seconds" "in less than the threshold"
run hbal -t data --avoid-long-solutions=100
like "$OUT" "Estimated time: [0-9]{3} seconds" "which is 1000 seconds"
run hbal -t data --avoid-long-solutions=0.001 --long-solution-threshold=1
like "$OUT" "r:n3" "a factor below 0.01 is none"
run hbal -t data --avoid-long-solutions=100 --long-solution-threshold=300 --explain
like "$OUT" "too long: 400 seconds" "explained"
must_fail 1 "long-time solution threshold" hbal -t data --long-solution-threshold=x

done_testing
