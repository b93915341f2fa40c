#!/bin/bash
# Recorded answers of upstream's programs (tests/htools/record): ours are the same to the byte.
. "$(dirname "$0")/../harness/tlib.sh"
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
MKHTOOLS=$PWD/tests/harness/mkhtools HTOOLS_BIN=$PWD/htools/htools
recorded=$here/../golden/htools/recorded

links "$T/bin"
cd "$T" || exit 1
while IFS=$'\t' read -r name input program options; do
	grep -qxF "=== $name" "$recorded" || continue # upstream took too long
	awk -v want="=== $name" '/^=== /{on = ($0 == want); next} on' "$recorded" >want
	run_case "$T/bin" "$input" "$program" "$options" >have
	if diff want have >differs; then
		pass "$name"
	else
		fail "$name"
		diag "$(head -n 20 differs)"
	fi
done <"$here/cases"
done_testing
