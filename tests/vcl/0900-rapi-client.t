#!/bin/bash
# Debian's REST client: every one of its methods, on a cluster in the recorded state.
# shellcheck disable=SC2154 # what tlib.sh sets
# shellcheck source=tests/harness/tlib.sh
. "$(dirname "$0")/../harness/tlib.sh"
# shellcheck source=tests/harness/vcl.sh
. "$(dirname "$0")/../harness/vcl.sh"
# shellcheck source=tests/vcl/recorded.sh
. "$(dirname "$0")/recorded.sh"
/usr/bin/python3 -c 'import ganeti.rapi.client' 2>/dev/null || skip_all "needs python3-ganeti-rapi"

recorded_up
ok "the cluster as recorded" recorded_state 3.1.0rc2 full "$RECORDED/../golden/rapi-3.1.json"
[ "$RC" = 0 ] || bail "no cluster"
"$VCL_BUILD/schema_dump" --unimplemented >"$T/missing"
/usr/bin/python3 -W ignore "$RECORDED/rapi_client.py" "$VCL_NET.1" $((VCL_PORT + 1)) "$T/missing" >"$T/tap" 2>"$T/tap.err"
is $? 0 "the client came to its end"
[ ! -s "$T/tap.err" ] || diag "$(tail -n 20 "$T/tap.err")"
recorded_report "$T/tap"
vcl_done
