#!/bin/bash
# Wrong input of every kind gets upstream's error class, code and text: over luxi and over HTTPS.
# shellcheck disable=SC2154 # what tlib.sh sets
# shellcheck source=tests/harness/tlib.sh
. "$(dirname "$0")/../harness/tlib.sh"
# shellcheck source=tests/harness/vcl.sh
. "$(dirname "$0")/../harness/vcl.sh"
# shellcheck source=tests/vcl/recorded.sh
. "$(dirname "$0")/recorded.sh"
command -v python3 >/dev/null || skip_all "needs python3"

recorded_up
ok "the cluster as recorded" recorded_state 3.1.0rc2 full "$RECORDED/../golden/rapi-3.1.json"
[ "$RC" = 0 ] || bail "no cluster"
jobs=$(m gnt-job list --no-headers | wc -l)
python3 -W ignore "$RECORDED/wrong.py" luxi "$(vcl_file 1 QUERY_SOCKET)" >"$T/tap"
is $? 0 "all wrong luxi requests were made"
recorded_report "$T/tap"
python3 -W ignore "$RECORDED/wrong.py" rapi "$VCL_NET.1:$((VCL_PORT + 1))" >"$T/tap"
is $? 0 "all wrong REST requests were made"
recorded_report "$T/tap"
is "$(m gnt-job list --no-headers | wc -l)" "$jobs" "no job came of all this"
vcl_done
