#!/bin/bash
# Figures of the master of a large cluster whose nodes are only in its configuration: medians, what they may be,
# and what Debian's ganeti 3.0.2 took with the same number of nodes and instances. Fails when one is over.
#
#	scale.sh		# all of it: two minutes on an idle machine, 0.8 GB in $TMPDIR
#	scale.sh NODES INSTANCES
#	scale.sh archive N	# how long it takes to archive 2,000 jobs beside N others
#	scale.sh queue		# 100,000 jobs wait, a million are archived
#	scale.sh full		# as many wait as the queue takes: the next one is refused
# shellcheck disable=SC2154,SC2317 # what tlib.sh sets
# shellcheck source=tests/harness/tlib.sh
. "$(dirname "$0")/../harness/tlib.sh"
# shellcheck source=tests/harness/vcl.sh
. "$(dirname "$0")/../harness/vcl.sh"
# shellcheck source=tests/bench/rows.sh
. "$(dirname "$0")/rows.sh"

ROUNDS=5
repeat() { # CMD...
	local i
	for ((i = 0; i < ROUNDS; i++)); do ms "$@"; done
}
start_alone() {
	start_master --no-voting --yes-do-it # there are no agents
}
# All daemons of the master node and their workers together, as their proportional share (PSS).
# shellcheck disable=SC2046 # several processes
master_side() {
	pss $(vcl_processes | awk '/ganeti-/ {print $1}')
}
log_size() {
	stat -c %s "$(vcl_file 1 CONFIG_DB)-wal" | awk '{printf "%.1f", $1 / 1048576}'
}

# A thousand tag jobs of twenty instances.
tag_jobs() {
	local job='[{"OP_ID":"OP_TAGS_SET","reason":[],"kind":"instance","name":"inst%d.example.com","tags":["u%d"]}]'
	"$VCL_BUILD/tests/harness/luxi" SubmitManyJobs "[[$(for ((i = 0; i < 1000; i++)); do
		# shellcheck disable=SC2059 # what is printed is a form
		printf "$job\n" $((i % 20 + 1)) "$i"
	done | paste -sd,)]]" >"$T/.out" 2>"$T/.err"
}
none_waits() {
	[ -z "$(gnt-job list --no-headers --pending)" ]
}
one_runs() {
	[ "$(gnt-job list --no-headers --running | wc -l)" = 1 ]
}
populate() { # ARG...
	"$VCL_BUILD/tests/bench/populate" "$(vcl_file 1 CONFIG_DB)" "$@" || bail "populate"
	# what it wrote gets a digest and is checked, once
	start_alone >"$T/.out" 2>"$T/.err" || stop "the first start"
	daemon-util stop ganeti-masterd
}
measure() { # NODES INSTANCES, then the budgets: ms to START LIST NODES TAG, MiB; and the same of Debian's
	gnt-cluster init "${VCL_INIT[@]}" "$CLUSTER" >"$T/.out" 2>"$T/.err" || stop "gnt-cluster init"
	daemon-util stop ganeti-masterd
	populate "$1" "$2"
	ms start_alone
	row "start of the master to the first answer" "$(median)" ms "$3" "$8"
	ms gnt-instance list --no-headers -o name,pnode,snodes,os,admin_state,be/maxmem
	row "gnt-instance list, six fields, first after the start" "$(median)" ms -
	repeat gnt-instance list --no-headers -o name,pnode,snodes,os,admin_state,be/maxmem
	row "gnt-instance list, six fields of the configuration" "$(median)" ms "$4" "$9"
	repeat gnt-node list --no-headers -o name,role,group,pinst_cnt,sinst_cnt
	row "gnt-node list with counts of instances" "$(median)" ms "$5" "${10}"
	repeat gnt-instance list --no-headers -o name,admin_state inst7.example.com
	row "gnt-instance list of one" "$(median)" ms -
	for ((i = 0; i < ROUNDS; i++)); do ms gnt-instance add-tags inst7.example.com "t$i"; done
	row "a tag added, as a job" "$(median)" ms "$6" "${11}"
	row "all daemons of the master node, share of memory (PSS)" "$(master_side)" MiB "$7" "${12}"
	# the look for damage after the start reads the database as it was when that began
	wait_for 60 grep -q 'Configuration verified' "$(vcl_file 1 MASTERD_LOG)" || stop "verification"
	gnt-debug delay --submit --no-locks 600 >"$T/.out" 2>"$T/.err" || stop "gnt-debug delay"
	if ! wait_for 60 one_runs || ! tag_jobs || ! wait_for 300 none_waits || ! wait_for 60 one_runs; then stop "tag jobs"; fi
	row "log of the database after 1000 tag jobs while a job waits" "$(log_size)" MiB 20
}

# Jobs that wait take ten minutes; twenty run.
new_queue() { # PENDING ENDED ARCHIVED
	gnt-cluster init "${VCL_INIT[@]}" "$CLUSTER" >"$T/.out" 2>"$T/.err" || stop "gnt-cluster init"
	daemon-util stop ganeti-masterd
	populate "$1" "$2" "$3"
	ms start_alone
}
measure_archive() { # PENDING ENDED ARCHIVED
	new_queue "$@"
	: >"$T/ms"
	ms gnt-job autoarchive all
	row "gnt-job autoarchive of $2, $3 others are archived" "$(median)" ms -
}
measure_queue() { # PENDING ENDED ARCHIVED
	local one=$((1 + $2 + $3 + $1 / 2))
	new_queue "$@"
	row "start of the master to the first answer" "$(median)" ms 1000
	ms gnt-job list --no-headers -o id,status,summary
	row "gnt-job list of all that wait" "$(median)" ms -
	repeat gnt-job list --no-headers -o id,status "$one"
	row "gnt-job list of one" "$(median)" ms 20
	repeat gnt-debug delay --submit 0
	row "a job submitted" "$(median)" ms 20
	ms gnt-job cancel "$one"
	row "gnt-job cancel" "$(median)" ms -
	ms gnt-job autoarchive all
	row "gnt-job autoarchive of $2, $3 others are archived" "$(median)" ms -
	ms gnt-job autoarchive all
	row "gnt-job autoarchive of nothing" "$(median)" ms 20
	ms gnt-job list --archived --no-headers -o id,status
	row "gnt-job list of all, also the archived" "$(median)" ms -
	row "all daemons of the master node, share of memory (PSS)" "$(master_side)" MiB 100
}

# A million jobs that have not ended, but for ten.
measure_full() {
	local i
	new_queue 999990 1 1
	row "start of the master to the first answer, a full queue" "$(median)" ms -
	for ((i = 0; i < 10; i++)); do gnt-debug delay --submit 0 >"$T/.out" 2>"$T/.err" || stop "there is no room"; done
	! gnt-debug delay --submit 0 >"$T/.out" 2>"$T/.err" || stop "there is room"
	grep -qx "Failure: the job queue is full and doesn't accept new job submissions until old jobs are archived" \
		"$T/.err" || stop "what a full queue says"
	gnt-job cancel --force 500000 >"$T/.out" 2>"$T/.err" || stop "gnt-job cancel"
	ms gnt-debug delay --submit 0
	row "a job submitted when one was cancelled" "$(median)" ms -
	row "all daemons of the master node, share of memory (PSS)" "$(master_side)" MiB -
}

if [ $# = 0 ]; then
	rc=0
	for size in "1000 10000" "10000 100000"; do
		# shellcheck disable=SC2086 # two words
		bash "$0" $size || rc=1
	done
	for others in 10000 100000; do bash "$0" archive "$others" || rc=1; done
	bash "$0" queue || rc=1
	_t_done=yes
	exit $rc
fi

vcl_prepare 1 >/dev/null
GANETI_ROOTDIR=$(vcl_root 1) GANETI_HOSTNAME=$(vcl_name 1)
export GANETI_ROOTDIR GANETI_HOSTNAME GANETI_LIBDIR=$VCL_LIB GANETI_NODED_PORT=$VCL_PORT PATH=$VCL_LIB:$PATH
if [ "$1" = queue ]; then
	echo "# 100,000 jobs that wait, 2,000 that have ended, 1,000,000 archived"
	head_row
	measure_queue 100000 2000 1000000
	_t_done=yes
	exit "$over"
fi
if [ "$1" = full ]; then
	head_row
	measure_full
	_t_done=yes
	exit "$over"
fi
if [ "$1" = archive ]; then
	measure_archive 1 2000 "$2"
	_t_done=yes
	exit "$over"
fi
echo "# $1 nodes, $2 instances"
head_row
case "$1 $2" in
"1000 10000") measure "$@" 1000 150 100 20 100 18000 146000 100000 7000 2000 ;;
"10000 100000") measure "$@" 4000 1500 1000 25 600 - - - - - ;;
*) measure "$@" - - - - - - - - - - ;;
esac
_t_done=yes
exit "$over"
