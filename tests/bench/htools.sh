#!/bin/bash
# make bench-htools: the same work for our tools and upstream's (where tests/htools/lib.sh finds them), seconds of the
# processor. Upstream gets at most PEER_LIMIT (default 300) of these for each line. Run in the build folder.
# shellcheck disable=SC2154 # what tlib.sh and rows.sh set
# shellcheck source=tests/harness/tlib.sh
. "$(dirname "$0")/../harness/tlib.sh"
# shellcheck source=tests/bench/rows.sh
. "$(dirname "$0")/rows.sh"
# shellcheck source=tests/htools/lib.sh
. "$(dirname "$0")/../htools/lib.sh"
mk=$PWD/tests/harness/mkhtools req=$PWD/tests/harness/mkrequest
HTOOLS_BIN=$PWD/htools/htools
links "$T/bin"
peer_links "$T/peer" || diag "upstream's htools are not installed"
cd "$T" || exit 1

# cpu LIMIT OUTPUT CMD...: user and system seconds, or ">LIMIT". Of time that passes there may be more, on a busy machine.
cpu() {
	local limit=$1 name=$2 rc=0
	shift 2
	# shellcheck disable=SC2016 # of the inner one
	timeout $((limit * 5)) bash -c 'ulimit -t "$1"; shift; TIMEFORMAT="%U %S"; time "$@" >"$0" 2>"$0.err"' \
		"$name" "$limit" "$@" 2>"$name.time" || rc=$?
	if [ $rc -ge 124 ]; then echo ">$limit"; else
		tail -n 1 "$name.time" | awk '{printf "%.3f", $1 + $2}'
	fi
}

# tool TITLE BUDGET PROGRAM ARGS...: a row; TIMES: how many times faster it has to be
tool() {
	local title=$1 budget=$2 program=$3 ours theirs=- same=''
	shift 3
	ours=$(cpu 1800 ours "bin/$program" "$@")
	if [ -d peer ]; then
		theirs=$(cpu "${PEER_LIMIT:-300}" theirs "peer/$program" "$@")
		case $theirs in
		'>'*) ;;
		*) if cmp -s ours theirs; then same='same answer'; else same='ANOTHER ANSWER' over=1; fi ;;
		esac
		if [ -n "${TIMES:-}" ] && awk "BEGIN {exit !(${theirs#>} < $TIMES * $ours)}"; then
			same="NOT $TIMES TIMES FASTER, $same" over=1
		fi
	fi
	row "$title" "$ours" s "$budget" "$theirs" "$same"
}

# memory TITLE BUDGET PROGRAM ARGS...: the most it had at once; needs GNU time
memory() {
	local title=$1 budget=$2 program=$3
	shift 3
	[ -x /usr/bin/time ] || stop "needs GNU time"
	/usr/bin/time -f %M -o rss "bin/$program" "$@" >/dev/null 2>&1
	row "$title" "$(($(tail -n 1 rss) / 1024))" MiB "$budget"
}

# groups FILE N: balance all groups, one after the other (upstream's hbal does one, too)
# shellcheck disable=SC2317,SC2329 # called by cpu
groups() {
	local g
	for ((g = 0; g < $2; g++)); do bin/hbal -t "$1" -G "group$g" || return; done
}
export -f groups

"$mk" 1 40 400 drbd skewed >c40
"$mk" 1 40 400 drbd skewed uniform >u40
"$mk" 3 40 400 drbd uniform >b40
"$mk" 1 200 2000 drbd skewed >c200
"$mk" 1 200 2000 drbd skewed uniform >u200
"$mk" 1 1000 10000 drbd skewed groups=25 >c25
"$mk" 1 10000 100000 drbd skewed groups=250 >c250
"$mk" 1 1000 10000 drbd skewed >c1000
"$req" allocate 1 40 400 drbd uniform fits >r40
"$req" allocate 1 1000 10000 drbd uniform fits >r1000
"$req" allocate 1 1000 10000 drbd uniform fits roomy >p1000
"$req" allocate 1 1000 10000 drbd uniform fits groups=25 >r25
"$req" node-evacuate 3 200 2000 drbd >rn
head_row
TIMES=200 tool "hbal 40/400 to the end" 1 hbal -t c40
tool "hbal 200/2000, one move" - hbal -t c200 -l 1
tool "hbal 200/2000 to the end" 20 hbal -t c200
tool "hbal 200/2000 to the end, all nodes equal" 20 hbal -t u200
tool "hbal 1000/10000 in 25 groups, one of them" - hbal -t c25 -G group7
row "hbal 1000/10000 in 25 groups, each of them" "$(cpu 1800 ours groups c25 25)" s 10
tool "hbal 10000/100000 in 250 groups, one of them" - hbal -t c250 -G group7
memory "  memory of this" 200 hbal -t c250 -G group7
tool "hbal 1000/10000 in one group, 100 moves" 60 hbal -t c1000 -l 100
tool "hcheck 40/400" - hcheck -t c40 --no-simulation
tool "hspace 40/400, unbalanced, all nodes equal" 0.15 hspace -t u40
TIMES=200 tool "hspace 40/400, where there is room" 0.15 hspace -t b40
tool "hail allocate 40/400" - hail r40
tool "hail allocate 1000/10000 in 25 groups" 0.15 hail r25
tool "hail allocate 1000/10000 in one group" 0.15 hail r1000
tool "hail allocate 1000/10000 in one group, redundant" 0.2 hail p1000
tool "hail node-evacuate 200/2000" - hail rn
_t_done=yes
exit "$over"
