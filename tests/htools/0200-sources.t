#!/bin/bash
# Clusters from the REST daemon, from the master and loads from monitoring daemons; repairs and execution of jobs. What
# can be seen, the requests to the master included, is what was recorded of upstream's programs; what is better in ours
# is in "better".
. "$(dirname "$0")/../harness/tlib.sh"
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
python3 -c '' 2>/dev/null || skip_all "needs python3"
MKHTOOLS=$PWD/tests/harness/mkhtools HTOOLS_BIN=$PWD/htools/htools
golden=$here/../golden/htools

links "$T/bin"
ok "all cases run" python3 "$here/sources.py" "$T/bin" "$MKHTOOLS"
cp "$T/.out" "$T/have"
# one file for each case
mkdir "$T/w" "$T/h"
split() {
	awk -v dir="$1" '/^=== /{n = substr($0, 5); gsub("/", "_", n); f = dir "/" n; next} {print > f}' "$2"
}
split "$T/w" "$golden/sources"
split "$T/w" "$golden/better"
split "$T/h" "$T/have"
while IFS= read -r name; do
	if diff "$T/w/$name" "$T/h/$name" >"$T/differs" 2>&1; then pass "$name"; else
		fail "$name"
		diag "$(head -n 20 "$T/differs")"
	fi
done < <(find "$T/w" "$T/h" -type f -printf '%f\n' | sort -u)
done_testing
