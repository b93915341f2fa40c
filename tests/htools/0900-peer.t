#!/bin/bash
# Upstream's hbal beside ours on random clusters: the same moves in at least 95 of 100, never a worse end. Where the
# package is installed, or unpacked in HTOOLS_PEER. HTOOLS_SEEDS="FROM TO" asks for more.
. "$(dirname "$0")/../harness/tlib.sh"
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
MKHTOOLS=$PWD/tests/harness/mkhtools HTOOLS_BIN=$PWD/htools/htools

peer_links "$T/peer" || skip_all "upstream's htools are not installed"
links "$T/bin"
cd "$T" || exit 1
read -r from to <<<"${HTOOLS_SEEDS:-1000 1011}"
CASE_TIMEOUT=20
same=0 all=0
final() { awk '/^1 Cluster score improved/{s = $NF} /^1 Initial score/{s = $NF} END{print s}' "$1"; }
for ((seed = from; seed <= to; seed++)); do
	run_case "$T/peer" "seed $seed" hbal -C >want || continue
	run_case "$T/bin" "seed $seed" hbal -C >have
	all=$((all + 1))
	if cmp -s want have; then
		same=$((same + 1))
		continue
	fi
	diag "seed $seed: $(diff want have | head -n 6)"
	is "$(grep 'Initial score' have)" "$(grep 'Initial score' want)" "seed $seed: initial score"
	ok "seed $seed: no worse end" awk -v a="$(final have)" -v b="$(final want)" 'BEGIN{exit !(a <= b)}'
done
diag "$same of $all the same"
ok "at least 95 of 100 are the same" test $((same * 100)) -ge $((all * 95))
ok "some were compared" test "$all" -gt 0
done_testing
