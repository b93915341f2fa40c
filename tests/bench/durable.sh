#!/bin/bash
# What a durable change of the configuration costs: on one master candidate, on two, on three, all in directories of
# this machine, so that its processors and its disk do the work of all of them.
# shellcheck disable=SC2154 # what tlib.sh sets
# shellcheck source=tests/harness/tlib.sh
. "$(dirname "$0")/../harness/tlib.sh"
# shellcheck source=tests/harness/vcl.sh
. "$(dirname "$0")/../harness/vcl.sh"
# shellcheck source=tests/bench/rows.sh
. "$(dirname "$0")/rows.sh"

budgets=(- 5 20 20)
vcl_prepare 3 >/dev/null
head_row
m gnt-cluster init "${VCL_INIT[@]}" "$CLUSTER" >"$T/.out" 2>"$T/.err" || stop "gnt-cluster init"
for n in 1 2 3; do
	[ $n = 1 ] || m gnt-node add "$(vcl_name $n)" >"$T/.out" 2>"$T/.err" || stop "gnt-node add"
	row "durable change of the configuration, $n candidate(s)" "$(m "$VCL_BUILD/tests/bench/durable")" ms "${budgets[n]}"
done
_t_done=yes
exit "$over"
