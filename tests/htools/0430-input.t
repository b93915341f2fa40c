#!/bin/bash
# Input that is too large or ends too early: an error in words, and no more memory than a limit allows.
. "$(dirname "$0")/../harness/tlib.sh"
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
MKHTOOLS=$PWD/tests/harness/mkhtools HTOOLS_BIN=$PWD/htools/htools
links "$T/bin"
cd "$T" || exit 1

# AddressSanitizer reserves more than any limit
if grep -qa __asan_init "$HTOOLS_BIN"; then limited() { "$@"; }; else limited() { (ulimit -v 700000 && "$@"); }; fi

# too_much WHAT STATUS TEXT COMMAND...
too_much() {
	local what=$1 status=$2 text=$3 rc=0
	shift 3
	limited "$@" >out 2>err || rc=$?
	is "$rc" "$status" "$what: exit code"
	is "$(cut -c 1-200 err | head -n 1)" "$text" "$what: what is said"
}

# sparse files: no disk space
truncate -s 1G zeros
printf 'group0|uuid-0|preferred||\n\n' >line && truncate -s 1G line
printf '{"request": {"type": "allocate", "name": "' >request && truncate -s 1G request
"$MKHTOOLS" 1 8 40 drbd >good
too_much "1 GB of zeros" 1 "Error: failed to load data, aborting: zeros: openFile: failed (File too large)" bin/hinfo -t zeros
too_much "line of 1 GB" 1 "Error: failed to load data, aborting: line: openFile: failed (File too large)" bin/hbal -t line
too_much "request of 1 GB" 1 "hail: request: openFile: failed (File too large)" bin/hail request
too_much "load of 1 GB" 1 "hbal: zeros: openFile: failed (File too large)" bin/hbal -t good -U zeros
too_much "measurements of 1 GB" 1 "hbal: zeros: openFile: failed (File too large)" bin/hbal -t good --mond=yes --mond-data zeros
# shellcheck disable=SC2317,SC2329 # called by limited
endless() { head -c 1G /dev/zero | bin/hail -; }
too_much "1 GB from a pipe" 1 "Error: <stdin>: more than 268435456 bytes" endless

# long, but not too long to be read
{ printf 'group0|uuid-0|preferred||\n\n'; head -c 20000000 /dev/zero | tr '\0' x; printf '\n\n\n\n'; } >line
too_much "line of 20 MB" 1 "Error: failed to load data, aborting: Invalid format of the input file: line 3 has more than 16777216 bytes" bin/hinfo -t line
{ printf '{"request": "'; head -c 20000000 /dev/zero | tr '\0' x; } >request
too_much "string of 20 MB" 1 "Error: Parsing input IAllocator message: Unable to parse JSON String: unterminated String: " bin/hail request
{ printf '{"a": '; head -c 5000000 /dev/zero | tr '\0' '['; } >request
rc=0
limited bin/hail request >out 2>err || rc=$?
is "$rc" 1 "5 million brackets: exit code"
like "$(head -c 200 err)" 'Error: Parsing input IAllocator message' "5 million brackets: what is said"

# truncated anywhere: an answer or an error, never a signal
# cut FILE N COMMAND...: at N places
cut_short() {
	local file=$1 n=$2 size bad=0 i rc
	shift 2
	size=$(stat -c %s "$file")
	for ((i = 0; i < n; i++)); do
		head -c $((size * i / n + i % 7)) "$file" >short
		rc=0
		"$@" short >out 2>err </dev/null || rc=$?
		[ "$rc" -le 1 ] && continue
		bad=$((bad + 1))
		diag "exit $rc after $(stat -c %s short) bytes of $file: $(head -n 3 err)"
	done
	is "$bad" 0 "$file cut short at $n places"
}
"${MKHTOOLS%/*}/mkrequest" allocate 3 8 40 >request
"${MKHTOOLS%/*}/mkrequest" node-evacuate 3 8 40 >evacuate
cat >load <<'X'
[{"node": "node0.example.com", "reports": [{"name": "cpu-avg-load", "version": "B", "format_version": 1, "timestamp": 1,
  "category": null, "kind": 0, "data": {"cpu_number": 4, "cpus": [1.0, 2.0], "cpu_total": 2.5}}]}]
X
cut_short good 40 bin/hbal -t
cut_short request 40 bin/hail
cut_short evacuate 40 bin/hail
cut_short load 25 bin/hbal -t good --mond=yes --mond-data
done_testing
