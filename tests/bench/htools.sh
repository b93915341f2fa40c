#!/bin/bash
# make bench-htools: the same work for our tools and upstream's (HTOOLS_PEER, or installed), seconds of the processor.
# Upstream gets at most PEER_LIMIT seconds (default 300) for each line. Run in the build folder.
set -u
mk=$PWD/tests/harness/mkhtools req=$PWD/tests/harness/mkrequest tools=$PWD/htools/htools limit=${PEER_LIMIT:-300}
peer=
for d in "${HTOOLS_PEER:-}" /usr/lib/ganeti/3.0/usr/bin /usr/bin; do
	[ -n "$d" ] && [ -x "$d/hbal" ] && "$d/hbal" --version 2>/dev/null | grep -q 'compiled with ghc' && peer=$d && break
done
work=$(mktemp -d) && cd "$work" || exit 1
trap 'rm -rf "$work"' EXIT
for p in hail hbal hcheck hspace; do ln -s "$tools" "$p"; done

# cpu NAME CMD...: user and system seconds, or ">LIMIT"; the output is kept in NAME
cpu() {
	local name=$1 rc=0 line
	shift
	# shellcheck disable=SC2016 # of the inner one
	timeout "$limit" bash -c 'ulimit -t "$1"; shift; TIMEFORMAT="%U %S"; time "$@" >"$0" 2>"$0.err"' "$name" "$limit" "$@" 2>"$name.time" || rc=$?
	line=$(tail -n 1 "$name.time")
	if [ $rc -ge 124 ]; then echo ">$limit"; else awk '{printf "%.2f", $1 + $2}' <<<"$line"; fi
}

# row TITLE PROGRAM ARGS...
row() {
	local title=$1 program=$2 ours theirs=- ratio=- same=-
	shift 2
	ours=$(cpu ours "./$program" "$@")
	if [ -n "$peer" ]; then
		[ "$program" != hail ] || program=../lib/ganeti/iallocators/hail
		theirs=$(cpu theirs "$peer/$program" "$@")
		case $theirs in
		'>'*) ratio=$(awk -v a="${theirs#>}" -v b="$ours" 'BEGIN{printf ">%d", a / (b > 0.005 ? b : 0.005)}') ;;
		*)
			ratio=$(awk -v a="$theirs" -v b="$ours" 'BEGIN{printf "%d", a / (b > 0.005 ? b : 0.005)}')
			if cmp -s ours theirs; then same=yes; else same=no; fi ;;
		esac
	fi
	printf '%-52s %9s %9s %8s %5s\n' "$title" "$ours" "$theirs" "$ratio" "$same"
}

# memory PROGRAM ARGS...: the most it had at once, MB; needs GNU time
memory() {
	local program=$1
	shift
	[ -x /usr/bin/time ] || { echo -; return; }
	/usr/bin/time -f %M -o rss "./$program" "$@" >/dev/null 2>&1
	echo $(($(tail -n 1 rss) / 1024))
}

# groups FILE N: balance all groups, one after the other (upstream's hbal does one, too)
# shellcheck disable=SC2317,SC2329 # called by cpu
groups() {
	local g
	for ((g = 0; g < $2; g++)); do "$here/hbal" -t "$1" -G "group$g" || return; done
}
here=$PWD
export -f groups
export here

"$mk" 1 40 400 drbd skewed >c40
"$mk" 1 200 2000 drbd skewed >c200
"$mk" 1 200 2000 drbd skewed uniform >u200
"$mk" 1 1000 10000 drbd skewed groups=25 >c25
"$mk" 1 10000 100000 drbd skewed groups=250 >c250
"$mk" 1 1000 10000 drbd skewed >c1000
printf '%-52s %9s %9s %8s %5s\n' "" ours upstream times same
row "hbal 40/400 to the end" hbal -t c40
row "hbal 200/2000, one move" hbal -t c200 -l 1
row "hbal 200/2000 to the end" hbal -t c200
row "hbal 200/2000 to the end, all nodes equal" hbal -t u200
row "hbal 1000/10000 in 25 groups, one of them" hbal -t c25 -G group7
printf '%-52s %9s\n' "hbal 1000/10000 in 25 groups, each of them" "$(cpu ours groups c25 25)"
row "hbal 10000/100000 in 250 groups, one of them" hbal -t c250 -G group7
printf '%-52s %6s MB\n' "  memory of this" "$(memory hbal -t c250 -G group7)"
row "hbal 1000/10000 in one group, 100 moves" hbal -t c1000 -l 100
row "hcheck 40/400" hcheck -t c40 --no-simulation
row "hspace 40/400" hspace -t c40
"$req" allocate 1 40 400 drbd uniform fits >r40
"$req" allocate 1 1000 10000 drbd uniform fits >r1000
"$req" allocate 1 1000 10000 drbd uniform fits groups=25 >r25
"$req" node-evacuate 3 200 2000 drbd >rn
row "hail allocate 40/400" hail r40
row "hail allocate 1000/10000 in 25 groups" hail r25
row "hail allocate 1000/10000 in one group" hail r1000
row "hail node-evacuate 200/2000" hail rn
