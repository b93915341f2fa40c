# shellcheck shell=bash
# shellcheck disable=SC2154 # what tlib.sh sets
# vcl.sh: a virtual cluster for test scripts: nodes are directories on this machine, with the daemons
# of the build, the hypervisor "fake" and loopback addresses of their own; nobody has to be root.
# Source tlib.sh first, then this; the script then has
#
#	vcl_up 3 [INIT OPTION...]	# node1.example.com .. node3.example.com, running
#	ok "add" m gnt-instance add -t diskless -o tiny+default -n node2.example.com inst1.example.com
#	vcl_on 2 gnt-cluster getmaster
#
# and its daemons are gone when it ends. VCL_KEEP=1 leaves them for a look.

VCL_SRC=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")/../..")
VCL_BUILD=${BUILD:-$PWD} # make check runs there
VCL=$T/vcl
VCL_LIB=$VCL/bin
CLUSTER=cl.example.com
VCL_NODES=0
# Nobody else's on this machine, with any luck; the first node's is .1.
VCL_NET=${VCL_NET:-127.$((RANDOM % 200 + 20)).$((RANDOM % 250 + 2))}
VCL_PORT=${VCL_PORT:-$((RANDOM % 9000 + 20000))} # of the node agents; the next one is the REST daemons'
# No command of a test takes that long; one that hangs must not stop everything.
VCL_TIMEOUT=${VCL_TIMEOUT:-150}

# What every cluster of the tests is initialised with, unless vcl_up's arguments say otherwise.
VCL_INIT=(--no-ssh-init --no-etc-hosts --master-netdev=lo --nic-parameters=link=br0
	--enabled-hypervisors=fake "--enabled-disk-templates=file,sharedfile,diskless"
	--file-storage-dir=/srv/ganeti/file-storage
	--shared-file-storage-dir=/srv/ganeti/shared-file-storage
	"--ipolicy-bounds-specs=min:memory-size=64,cpu-count=1,disk-size=1,disk-count=0,nic-count=0,spindle-use=1/max:memory-size=4096,cpu-count=8,disk-size=65536,disk-count=16,nic-count=8,spindle-use=12")

vcl_name() { # K
	echo "node$1.example.com"
}

vcl_root() { # K
	echo "$VCL/node$1.example.com"
}

# vcl_on K CMD ARG...: as an administrator on that node
vcl_on() {
	local k=$1
	shift
	GANETI_ROOTDIR=$(vcl_root "$k") GANETI_HOSTNAME=$(vcl_name "$k") GANETI_LIBDIR=$VCL_LIB \
		GANETI_NODED_PORT=$VCL_PORT PATH=$VCL_LIB:$PATH timeout -k 5 "$VCL_TIMEOUT" "$@"
}

# m CMD ARG...: on the master
m() {
	vcl_on "${MASTER:-1}" "$@"
}

# vcl_luxi [--control] METHOD [ARGS]: one request to the master, see tests/harness/luxi.c
vcl_luxi() {
	m "$VCL_BUILD/tests/harness/luxi" "$@"
}

# vcl_file K NAME: where a node has the file that src/env/paths.def calls NAME
vcl_file() {
	local v=VCL_PATH_$2
	echo "$(vcl_root "$1")${!v}"
}

# The programs in one folder, as they would be installed.
_vcl_programs() {
	local p
	mkdir -p "$VCL_LIB"
	for p in "$VCL_BUILD"/{ganeti-*,gnt,gnt-site,node-daemon-setup,prepare-node-join,ensure-dirs,cfgupgrade} \
		"$VCL_BUILD"/daemons/scripts/daemon-util "$VCL_SRC"/daemons/scripts/kvm-*; do
		[ ! -x "$p" ] || [ -d "$p" ] || ln -sf "$p" "$VCL_LIB/"
	done
	for p in hail harep hbal hcheck hinfo hroller hscan hspace hsqueeze; do
		ln -sf "$VCL_BUILD/htools/htools" "$VCL_LIB/$p"
	done
	for p in backup cluster debug filter group instance job network node os storage; do
		ln -sf gnt "$VCL_LIB/gnt-$p"
	done
}

_vcl_paths() {
	local text name
	text=$(set -o pipefail && GANETI_ROOTDIR=$VCL GANETI_HOSTNAME=x "$VCL_BUILD/tests/noded/replay" paths |
		sed 's/^/VCL_PATH_/') || bail "cannot tell the file locations"
	eval "$text"
	for name in "${!VCL_PATH_@}"; do printf -v "$name" %s "${!name#"$VCL"}"; done
}

# vcl_node K: the directory of a node, as its administrator prepares it
vcl_node() {
	local root hosts os
	root=$(vcl_root "$1") hosts=$(vcl_file "$1" ETC_HOSTS) os=$(vcl_root "$1")/srv/ganeti/os
	mkdir -p "$(dirname "$hosts")" "$root/srv/ganeti/file-storage" "$os" \
		"$(dirname "$(vcl_file "$1" FILE_STORAGE_PATHS_FILE)")"
	# shared between the nodes, as its name says
	mkdir -p "$VCL/shared"
	ln -s "$VCL/shared" "$root/srv/ganeti/shared-file-storage"
	printf '%s\n' /srv/ganeti/file-storage /srv/ganeti/shared-file-storage \
		>"$(vcl_file "$1" FILE_STORAGE_PATHS_FILE)"
	cp "$VCL/hosts" "$hosts"
	mkdir -p "$(dirname "$hosts")/default"
	echo "RAPI_ARGS='-p $((VCL_PORT + 1))'" >"$(dirname "$hosts")/default/ganeti"
	cp -r "$VCL_SRC/os/tiny" "$os/"
	cp -r "$VCL_SRC/tests/vcl/os-held" "$os/held"
	# the scripts of "held" wait while this file is there
	ln -s "$VCL/hold" "$os/held/hold"
}

# vcl_prepare N: N nodes with nothing but their programs
vcl_prepare() {
	local k
	VCL_NODES=$1
	[ -x "$VCL_BUILD/ganeti-masterd" ] || bail "no build in $VCL_BUILD: set BUILD"
	chmod 755 "$T"
	_vcl_programs
	_vcl_paths
	{
		echo "127.0.0.1 localhost"
		echo "$VCL_NET.250 $CLUSTER cl"
		for ((k = 1; k <= 9; k++)); do echo "$VCL_NET.$k node$k.example.com node$k"; done
		for ((k = 1; k <= 99; k++)); do echo "$VCL_NET.$((100 + k)) inst$k.example.com inst$k"; done
	} >"$VCL/hosts"
	if [ -z "${VCL_KEEP:-}" ]; then
		at_exit vcl_down
	else
		diag "the cluster stays: $VCL"
	fi
	at_exit vcl_logs_if_failed
	for ((k = 1; k <= VCL_NODES; k++)); do vcl_node $k; done
}

# vcl_up N [ARG...]: "gnt-cluster init ARG...", then the other N-1 nodes. Each a test.
vcl_up() {
	local n=$1 k
	shift
	vcl_prepare "$n"
	ok "gnt-cluster init" m gnt-cluster init "${VCL_INIT[@]}" "$@" "$CLUSTER"
	[ "$RC" = 0 ] || bail "no cluster"
	for ((k = 2; k <= n; k++)); do
		ok "gnt-node add $(vcl_name "$k")" m gnt-node add "$(vcl_name "$k")"
		[ "$RC" = 0 ] || bail "no cluster"
	done
}

# vcl_pid K DAEMON: of a running daemon
vcl_pid() {
	local pid
	pid=$(cat "$(vcl_file "$1" RUN_DIR)/$2.pid" 2>/dev/null) && [ -n "$pid" ] || return 1
	! _vcl_gone "$pid" && echo "$pid"
}

vcl_kill9() { # K DAEMON
	local pid
	pid=$(vcl_pid "$1" "$2") || return
	kill -9 "$pid"
	wait_for 30 _vcl_gone "$pid"
}

# in one look: who is asked about twice may end in between
_vcl_gone() {
	local state
	! { read -r state <"/proc/$1/stat"; } 2>/dev/null || [[ ${state##*) } == [ZX]* ]]
}

# vcl_processes: "PID COMMAND" of everything that runs in one of our roots
vcl_processes() {
	local pids
	pids=$({
		grep -lsaF "$VCL/" /proc/[0-9]*/environ
		find /proc/[0-9]*/cwd -maxdepth 0 -lname "$VCL/*" 2>/dev/null # scripts of the node agents
	} | tr -dc '0-9\n' | grep -vx "$$" | sort -un | paste -sd,)
	[ -z "$pids" ] || ps -o pid=,stat=,args= -p "$pids" |
		awk -v self="$BASHPID" '$1 != self && $2 !~ /^Z/ {pid = $1; sub(/^ *[0-9]+ +[^ ]+ +/, ""); print pid, $0}'
}

_vcl_none() {
	[ -z "$(vcl_processes)" ]
}

# vcl_down: ends the processes of the cluster, and only those
vcl_down() {
	local pid rest
	while read -r pid rest; do kill "$pid" 2>/dev/null; done < <(vcl_processes)
	wait_for 30 _vcl_none 2>/dev/null && return
	while read -r pid rest; do kill -9 "$pid" 2>/dev/null; done < <(vcl_processes)
	wait_for 10 _vcl_none
}

# vcl_logs: the end of every daemon's log on every node
vcl_logs() {
	local k f
	for ((k = 1; k <= VCL_NODES; k++)); do
		for f in "$(vcl_file "$k" LOG_DIR)"/*.log; do
			[ ! -s "$f" ] || diag "==> node$k: $(basename "$f")"$'\n'"$(tail -n "${VCL_LOG_LINES:-40}" "$f")"
		done
	done
}

vcl_logs_if_failed() {
	if [ "$_t_failed" != 0 ] || [ "$_t_done" != yes ]; then vcl_logs; fi
}

# vcl_leftovers: what nodes must not have once all instances are gone: "nodeK: THING" lines
vcl_leftovers() {
	local k root
	for ((k = 1; k <= VCL_NODES; k++)); do
		root=$(vcl_root "$k")
		find "$root/srv/ganeti/file-storage" "$root/srv/ganeti/shared-file-storage/" \
			-mindepth 1 2>/dev/null | sed "s/^/node$k: file /"
		find "$(vcl_file "$k" DISK_LINKS_DIR)" \
			"$(vcl_file "$k" RUN_DIR)/fake-hypervisor" -mindepth 1 2>/dev/null |
			sed "s/^/node$k: file /"
	done
	m gnt-debug locks --no-headers -o name,owner 2>/dev/null | grep -v ' -$' | sed 's/^/lock /'
}

# vcl_hold [OPTION...]: a job that runs until it is released; prints its id. Options are those of
# "gnt-debug delay".
vcl_hold() {
	local text id
	text=$(m gnt-debug delay --submit --interruptible "$@" 600 2>&1)
	id=${text#JobID: }
	wait_for 60 _vcl_holds "$id" || return
	echo "$id"
}

_vcl_socket() {
	m gnt-job list --no-headers -o oplog "$1" | sed -n "s|.*'\(/[^']*/delay-[0-9]*\)'.*|\1|p"
}

_vcl_holds() {
	[ -S "$(_vcl_socket "$1")" ]
}

# vcl_let_go ID: the held job may go on
vcl_let_go() {
	echo >"$T/.word"
	socat -u "OPEN:$T/.word" "UNIX-CONNECT:$(_vcl_socket "$1")"
}

# vcl_release ID: and wait for its end
vcl_release() {
	vcl_let_go "$1" && m gnt-job wait "$1"
}

# vcl_worker ID: the process of a job that runs
vcl_worker() {
	vcl_luxi --control workers | grep -o "\[$1,[0-9]*" | cut -d, -f2
}

# vcl_status ID: of a job
vcl_status() {
	m gnt-job list --no-headers -o status "$1"
}

# vcl_is ID STATUS: for conditions
vcl_is() {
	[ "$(vcl_status "$1")" = "$2" ]
}

# vcl_os_hold: scripts of the OS "held" stop from now on
vcl_os_hold() {
	rm -f "$VCL/hold.pid"
	[ -p "$VCL/hold" ] || mkfifo "$VCL/hold"
}

# vcl_os_held: wait until one does
vcl_os_held() {
	wait_for 60 test -s "$VCL/hold.pid"
}

# vcl_os_go [fail]: let the waiting one go on, and others not stop
vcl_os_go() {
	local pid fd
	pid=$(cat "$VCL/hold.pid" 2>/dev/null)
	if [ -n "$pid" ] && [ -p "$VCL/hold" ]; then
		# opened for reading, too, so that this does not wait for a reader, who may have been killed
		exec {fd}<>"$VCL/hold"
		echo "${1:-go}" >&$fd
		while read -rt 0 -u $fd && ! _vcl_gone "$pid"; do sleep 0.05; done
		exec {fd}>&-
	fi
	rm -f "$VCL/hold" "$VCL/hold.pid"
}

# Workers of jobs wait for the next master, which will not come.
# shellcheck disable=SC2317 # called by wait_for
_vcl_ended() {
	local pid rest
	_vcl_none && return
	while read -r pid rest; do
		[[ $rest != *ganeti-job-worker* ]] || kill "$pid" 2>/dev/null
	done < <(vcl_processes)
	return 1
}

# vcl_stop: tells the daemons and what runs jobs to end; all other workers end with the daemons
vcl_stop() {
	local k d pid
	for ((k = 1; k <= VCL_NODES; k++)); do
		for d in ganeti-rapi ganeti-masterd ganeti-noded; do
			! pid=$(vcl_pid $k $d) || kill "$pid"
		done
	done
	wait_for 60 _vcl_ended && return
	echo "left: $(vcl_processes)" >&2
	return 1
}

_vcl_complaints() {
	local k
	for ((k = 1; k <= VCL_NODES; k++)); do
		grep -rhE 'Sanitizer|runtime error|Assertion|^SUMMARY|stack smashing|double free' "$(vcl_file "$k" LOG_DIR)"
	done
}

# vcl_done: instead of done_testing; the end of the cluster is the last test
vcl_done() {
	[ -n "${VCL_KEEP:-}" ] || ok "daemons and workers end when they are told to" vcl_stop
	is "$(_vcl_complaints)" '' "none of them has crashed or was caught by a sanitizer"
	done_testing
}
