#!/bin/bash
# Figures of a whole cluster in directories (tests/harness/vcl.sh), hypervisor fake, no ssh: medians, what they
# may be, and how Debian's ganeti 3.0.2 did in the same kind of lab. Fails when one is over its budget.
#
#	cluster.sh [NODES [INSTANCES]]
# shellcheck disable=SC2154,SC2317 # what tlib.sh sets
# shellcheck source=tests/harness/tlib.sh
. "$(dirname "$0")/../harness/tlib.sh"
# shellcheck source=tests/harness/vcl.sh
. "$(dirname "$0")/../harness/vcl.sh"

# shellcheck source=tests/bench/rows.sh
. "$(dirname "$0")/rows.sh"

NODES=${1:-5} INSTANCES=${2:-20}
INITS=3 ROUNDS=50 BURST=500

vcl_prepare "$NODES" >/dev/null
# as an administrator's shell has it: no helper process is in what is measured
GANETI_ROOTDIR=$(vcl_root 1) GANETI_HOSTNAME=$(vcl_name 1)
export GANETI_ROOTDIR GANETI_HOSTNAME GANETI_LIBDIR=$VCL_LIB GANETI_NODED_PORT=$VCL_PORT PATH=$VCL_LIB:$PATH

head_row
for ((i = 1; i <= INITS; i++)); do
	ms gnt-cluster init "${VCL_INIT[@]}" --candidate-pool-size=3 "$CLUSTER"
	[ $i != $INITS ] || break
	if ! gnt-cluster destroy --yes-do-it || ! wait_for 30 _vcl_none; then stop "destroy"; fi
done
row "gnt-cluster init" "$(median)" ms 1500 6800
for ((i = 2; i <= NODES; i++)); do ms gnt-node add "$(vcl_name $i)"; done
row "gnt-node add" "$(median)" ms 1500 3300

for ((i = 1; i <= INSTANCES; i++)); do
	ms gnt-instance add -t diskless -o tiny+default -n "$(vcl_name $((i % NODES + 1)))" "inst$i.example.com"
done
row "gnt-instance add, diskless" "$(median)" ms -
for ((i = 0; i < ROUNDS; i++)); do ms gnt-instance list -o name,os,pnode; done
row "gnt-instance list, $INSTANCES instances, configured fields" "$(median)" ms 20 170
for ((i = 0; i < ROUNDS; i++)); do ms gnt-instance list; done
row "gnt-instance list, asking $NODES nodes" "$(median)" ms - 170
for ((i = 0; i < ROUNDS; i++)); do ms gnt-node list; done
row "gnt-node list, asking $NODES nodes" "$(median)" ms -
for ((i = 0; i < ROUNDS; i++)); do ms gnt-cluster getmaster; done
row "gnt-cluster getmaster" "$(median)" ms 20

for ((i = 0; i < ROUNDS; i++)); do ms gnt-debug delay --no-locks 0; done
row "no-op job: the command from start to end" "$(median)" ms 30 400
gnt-job list --no-headers --separator=' ' -o received_ts,end_ts | tail -n $ROUNDS | tr -d '[](),' |
	awk '{printf "%.1f\n", ($3 - $1) * 1000 + ($4 - $2) / 1000}' >"$T/ms"
row "no-op job: from submission to end" "$(median)" ms 30 400
job='[{"OP_ID":"OP_TEST_DELAY","reason":[],"duration":0,"no_locks":true}]'
none_left() { # the last of these options wins
	[ -z "$(gnt-job list --no-headers --pending)" ] && [ -z "$(gnt-job list --no-headers --running)" ]
}
burst() {
	"$VCL_BUILD/tests/harness/luxi" SubmitManyJobs "[[$(yes "$job" | head -n "$BURST" | paste -sd,)]]" &&
		wait_for 60 none_left
}
ms burst
row "$BURST no-op jobs at once" "$(awk "{printf \"%.0f\", $BURST / \$1 * 1000}" "$T/ms")" jobs/s -
: >"$T/ms"

jobs() {
	"$VCL_BUILD/tests/bench/jobs" "$@"
}
noop='{"OP_ID":"OP_TEST_DELAY","reason":[],"duration":0,"no_locks":true}'
tag='{"OP_ID":"OP_TAGS_SET","reason":[],"kind":"instance","name":"inst%k.example.com","tags":["t%d"]}'
row "no-op jobs, submitted one by one, two more candidates" "$(jobs rate 2000 "$noop")" jobs/s 500 2.6
row "tag jobs of 20 instances, submitted one by one" "$(jobs rate 1000 "$tag")" jobs/s 200 1.2
gnt-cluster modify --candidate-pool-size="$NODES" >"$T/.out" 2>"$T/.err" || stop "candidates"
row "no-op jobs, submitted one by one, $((NODES - 1)) more candidates" "$(jobs rate 2000 "$noop")" jobs/s -
row "one tag job, until its end is known" "$(jobs one "$ROUNDS" "${tag//t%d/u%d}")" ms 20
jobs many 20 "${noop/:0,/:60,}"
jobs many 1000 "$noop"
row "a light query, 20 jobs run, 1000 are queued: 99th percentile" "$(jobs ask 500 QueryClusterInfo '[]')" ms 10
gnt-job cancel --pending --force >/dev/null 2>&1
mapfile -t running < <(gnt-job list --no-headers --running -o id | tr -d ' ')
gnt-job cancel --force --kill --yes-do-it "${running[@]}" >/dev/null 2>&1

at_rest() { # nothing is left to be written
	[ ! -s "$(vcl_file 1 QUEUE_DIR)/mirror" ]
}
wait_for 60 at_rest || stop "job files"
for d in ganeti-masterd ganeti-noded ganeti-rapi; do row "$d, resident" "$(mib "$(vcl_pid 1 $d)")" MiB 15; done
for d in ganeti-masterd ganeti-noded; do
	mapfile -t kids < <(pgrep -P "$(vcl_pid 1 $d)")
	row "${#kids[@]} workers of $d, of their own" "$(shares "${kids[@]}")" MiB -
done
_t_done=yes
exit $over
