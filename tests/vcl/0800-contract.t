#!/bin/bash
# Recorded exchanges with clusters of 3.0 and 3.1, replayed: the master's socket and the REST daemon answer the same.
# shellcheck disable=SC2154,SC2317 # what tlib.sh sets; functions for wait_for
# shellcheck source=tests/harness/tlib.sh
. "$(dirname "$0")/../harness/tlib.sh"
# shellcheck source=tests/harness/vcl.sh
. "$(dirname "$0")/../harness/vcl.sh"
# shellcheck source=tests/vcl/recorded.sh
. "$(dirname "$0")/recorded.sh"
here=$RECORDED
command -v python3 >/dev/null || skip_all "needs python3"

recorded_up
for version in 3.0.2:3.0 3.1.0rc2:3.1; do
	rapi=$here/../golden/rapi-${version#*:}.json luxi=$here/../golden/luxi-${version#*:}.json
	ok "the cluster of ${version%:*} when REST was recorded" recorded_state "${version%:*}" full "$rapi"
	[ "$RC" = 0 ] || continue
	contract rapi "$rapi" "$VCL_NET.1:$((VCL_PORT + 1))" >"$T/tap"
	is $? 0 "REST of ${version%:*} is replayed"
	recorded_report "$T/tap"
	ok "the cluster of ${version%:*} when luxi was recorded" recorded_state "${version%:*}" final "$luxi"
	[ "$RC" = 0 ] || continue
	contract luxi "$luxi" "$(vcl_file 1 QUERY_SOCKET)" >"$T/tap"
	is $? 0 "luxi of ${version%:*} is replayed"
	recorded_report "$T/tap"
done
vcl_done
