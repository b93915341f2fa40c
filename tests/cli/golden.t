#!/bin/bash
# Every command of tests/golden/cli against a scripted master: what it prints, how it ends and what it
# submits are those of a recorded cluster (own-* are of our making).
. "$(dirname "$0")/../harness/tlib.sh"

top=$(cd "$(dirname "$0")/../.." && pwd)
build=$(pwd)
bin=$T/bin

mkdir "$bin"
for p in backup cluster debug filter group instance job network node os storage; do
	ln -s "$build/gnt" "$bin/gnt-$p"
done
for c in "$top"/tests/golden/cli/*.json; do
	ok "$(basename "$c" .json)" "$build/tests/harness/luxireplay" "$c" "$bin"
done
done_testing
