#!/bin/bash
# Upstream's hail and hspace beside ours on random clusters: the same answers, to the byte. Where the package is
# installed, or unpacked in HTOOLS_PEER (its folder of programs). HTOOLS_SEEDS="FROM TO" asks for more.
. "$(dirname "$0")/../harness/tlib.sh"
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
MKHTOOLS=$PWD/tests/harness/mkhtools HTOOLS_BIN=$PWD/htools/htools

peer_links "$T/peer" || skip_all "upstream's htools are not installed"
links "$T/bin"
cd "$T" || exit 1
read -r from to <<<"${HTOOLS_SEEDS:-2000 2002}"
CASE_TIMEOUT=20
traits=("8 30 drbd" "9 36 groups=3" "6 20 shared groups=2" "8 24 spindles" "9 40 groups=3 drbd locations tags" "7 40 full"
	"9 27 groups=2 offline group" "10 30 restricted fits" "8 30 big" "10 40 drbd skewed tight" "8 30 forthcoming")
all=0
same() { # INPUT PROGRAM OPTIONS
	run_case "$T/peer" "$1" "$2" "$3" >want || return # it took too long
	run_case "$T/bin" "$1" "$2" "$3" >have
	all=$((all + 1))
	if cmp -s want have; then pass "$2 $3: $1"; else
		fail "$2 $3: $1"
		diag "$(diff want have | head -n 6)"
	fi
}
for ((seed = from; seed <= to; seed++)); do
	for kind in allocate multi-allocate relocate node-evacuate change-group allocate-secondary; do
		for t in "${traits[@]}"; do
			same "request $kind $seed $t" hail "-v -v -p"
		done
	done
	same "seed $seed 8 30 drbd" hspace "--machine-readable -p"
	same "seed $seed 8 30 drbd forthcoming" hspace "-v --no-capacity-checks"
	same "seed $seed 7 25 shared tags" hspace "--disk-template rbd -l 20"
	same "seed $seed 8 40 drbd uniform skewed" hspace "--machine-readable -l 40" # not redundant as it is
done
ok "some were compared" test "$all" -gt 0
done_testing
