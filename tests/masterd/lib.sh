# shellcheck shell=bash
# A master daemon of its own in a virtual root, for the scripts of this folder. Needs no root.
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source=tests/harness/tlib.sh
. "$here/../harness/tlib.sh"

B=${BUILD:-$PWD}
export GANETI_ROOTDIR=$T/node1 GANETI_HOSTNAME=node1.example.com GANETI_LIBDIR=$T/lib
export GANETI_NODED_PORT=${GANETI_NODED_PORT:-$((12000 + $$ % 8000))} # its own: scripts run side by side
mkdir -p "$GANETI_ROOTDIR" "$GANETI_LIBDIR"
for w in job query replica spread; do
	[ -x "$B/ganeti-$w-worker" ] || skip_all "ganeti-$w-worker is not built"
	ln -s "$B/ganeti-$w-worker" "$GANETI_LIBDIR/"
done
command -v socat >/dev/null || skip_all "needs socat"
paths=$("$B/tests/noded/replay" paths) || bail "replay paths"
eval "$paths"

# new_cluster [NODES [IP...]]: what cluster init leaves behind
new_cluster() {
	"$B/tests/harness/mkcluster" "$@" || bail "mkcluster"
}

# master [OPTION...]: start it; there are no other nodes to ask
master() {
	"$B/ganeti-masterd" --no-voting --yes-do-it "$@"
}

master_pid() {
	cat "$MASTERD_PID" 2>/dev/null
}

# gone PID: it has ended (a zombie that nobody collects has, too)
gone() {
	local stat
	stat=$(ps -o stat= -p "$1") || return 0
	[[ $stat == Z* ]]
}

master_stop() {
	local pid
	pid=$(master_pid) || return 0
	kill "$pid" 2>/dev/null || return 0
	wait_for 60 gone "$pid"
}

# left_workers: pids of all workers, whoever started them
left_workers() {
	pgrep -f "^$GANETI_LIBDIR/ganeti-"
}

# Those of jobs outlive their master and would wait for another one.
workers_end() {
	local pid
	for pid in $(left_workers); do kill -9 "$pid" 2>/dev/null; done
}
at_exit workers_end
at_exit master_stop

# master_kill: without a chance to tidy up; workers that run no job end, too
master_kill() {
	local pid
	pid=$(master_pid)
	kill -9 "$pid"
	wait_for 60 gone "$pid" && wait_for 60 none_idle
}

none_idle() {
	! pgrep -f "^$GANETI_LIBDIR/ganeti-(query|spread)" >/dev/null
}

# worker_of JOB: the pid of its worker
worker_of() {
	luxi --control workers | grep -o "\[$1,[0-9]*" | tr -d '[' | cut -d, -f2
}

luxi() {
	"$B/tests/harness/luxi" "$@"
}

# stat_of NAME: a counter of the master's
stat_of() {
	luxi --control stats | sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p"
}

# none_left: all jobs have ended
none_left() {
	[ "$(stat_of jobs_live)" = 0 ]
}

# delay SECONDS [KEY:VALUE...]: an opcode as JSON, holding no locks unless told
delay() {
	local s=$1 x out
	shift
	out="{\"OP_ID\":\"OP_TEST_DELAY\",\"duration\":$s,\"on_master\":true,\"no_locks\":true,\"reason\":[]"
	for x; do out+=",\"${x%%:*}\":${x#*:}"; done
	echo "$out}"
}

# locking SECONDS [KEY:VALUE...]: the same, with an exclusive lock of node1
locking() {
	delay "$@" | sed 's/"no_locks":true/"no_locks":false/'
}

# held [KEY:VALUE...]: an opcode that runs until it is let go, holding no locks unless "no_locks:false"
held() {
	delay 600 interruptible:true "$@"
}

_socket() {
	field "$1" oplog | grep -o '[^"]*/delay-[0-9]*' | tail -n 1
}

_holds() {
	[ -S "$(_socket "$1")" ]
}

# holds JOB: wait until a held opcode of it runs
holds() {
	wait_for 60 _holds "$1"
}

# let_go JOB: the held opcode goes on
let_go() {
	echo >"$T/.word"
	socat -u "OPEN:$T/.word" "UNIX-CONNECT:$(_socket "$1")"
}

# submit OPCODE...: a job of these; prints its number
submit() {
	local IFS=,
	luxi SubmitJob "[[$*]]"
}

# field JOB NAME: of QueryJobs
field() {
	local v
	v=$(luxi QueryJobs "[[$1],[\"$2\"]]") || return
	v=${v#'[['}
	echo "${v%']]'}"
}

# stamp ID FIELD: a time as microseconds, to compare
stamp() {
	local s us
	IFS=, read -r s us <<<"$(field "$1" "$2" | tr -dc '0-9,')"
	echo $((s * 1000000 + us))
}

# state JOB STATUS: it is in that state
state() {
	[ "$(field "$1" status)" = "\"$2\"" ]
}

# wait_state JOB STATUS
wait_state() {
	wait_for 60 state "$1" "$2"
}

# ends JOB: its final status, when it has one
ends() {
	local prev=null v
	while :; do
		v=$(luxi WaitForJobChange "[$1,[\"status\"],$prev,null,20]") || return
		v=${v#'[['}
		v=${v%%]*}
		case $v in
		'"success"' | '"error"' | '"canceled"') echo "${v//\"/}"; return ;;
		esac
		prev="[$v]"
	done
}
