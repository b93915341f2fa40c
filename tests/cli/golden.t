#!/bin/bash
# Every command of tests/golden/cli against a scripted master: what it prints, how it ends and what it
# submits are those of a recorded cluster of version 3.1, or 3.0 (v302-*). own-* are of our making: what is
# expected is what upstream's own client does with the same master, unless it cannot or ours does better.
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
