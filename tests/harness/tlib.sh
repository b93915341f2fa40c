# shellcheck shell=bash
# tlib.sh: TAP for test scripts in bash. Source it first, call done_testing last:
#
#	. "$(dirname "$0")/../harness/tlib.sh"
#	run gnt-cluster getmaster
#	is "$RC" 0 "getmaster succeeds"
#	is "$OUT" "node1.example.com" "and prints the master"
#	must_fail 1 'not known' gnt-instance info nosuch
#	ok "the instance runs" wait_for 20 guest_answers 10.77.1.1
#	done_testing
#
# A script that stops before done_testing has no plan and fails. $T is a scratch folder of the
# script's own, removed at its end; cleanups registered with at_exit run then, last first.

_t_n=0 _t_failed=0 _t_done=no
_t_cleanups=()
T=$(mktemp -d "${TMPDIR:-/tmp}/t.XXXXXXXX")
OUT='' ERR='' RC=0

_t_exit() {
	local rc=$? i
	trap - EXIT
	# A cleanup may fail without hiding the others.
	set +e
	for ((i = ${#_t_cleanups[@]} - 1; i >= 0; i--)); do eval "${_t_cleanups[i]}"; done
	rm -rf "$T"
	if [ $_t_done = no ]; then
		[ $rc != 0 ] || rc=255
		echo "# script ended without done_testing"
	fi
	exit $rc
}
trap _t_exit EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# at_exit CMD ARG...: run when the script ends, however it ends
at_exit() {
	_t_cleanups+=("$(printf '%q ' "$@")")
}

# diag TEXT: lines for the human reading the log
diag() {
	printf '%s\n' "$*" | sed 's/^/# /'
}

_t_report() { # CODE DESCRIPTION
	_t_n=$((_t_n + 1))
	# '#' would start a TAP directive
	local d=${2//#/\\#} i=1
	if [ "$1" = 0 ]; then
		echo "ok $_t_n - $d"
		return 0
	fi
	_t_failed=$((_t_failed + 1))
	echo "not ok $_t_n - $d"
	# first caller outside this file
	while [[ ${BASH_SOURCE[i]:-} == "${BASH_SOURCE[0]}" ]]; do i=$((i + 1)); done
	diag "at ${BASH_SOURCE[i]:-?} line ${BASH_LINENO[i - 1]:-?}"
	return 0
}

pass() { _t_report 0 "$1"; }
fail() { _t_report 1 "$1"; }

# run CMD ARG...: sets OUT, ERR, RC. Never fails itself.
run() {
	RC=0
	"$@" >"$T/.out" 2>"$T/.err" </dev/null || RC=$?
	OUT=$(tr -d '\0' <"$T/.out") ERR=$(tr -d '\0' <"$T/.err")
	return 0
}

_t_show() { # of the last run
	diag "exit code: $RC"
	[ -z "$OUT" ] || diag "stdout:"$'\n'"$OUT"
	[ -z "$ERR" ] || diag "stderr:"$'\n'"$ERR"
}

# ok DESCRIPTION CMD ARG...: the command succeeds
ok() {
	local d=$1
	shift
	run "$@"
	_t_report "$RC" "$d"
	[ "$RC" = 0 ] || {
		diag "command: $*"
		_t_show
	}
}

# nok DESCRIPTION CMD ARG...: the command does not succeed
nok() {
	local d=$1
	shift
	run "$@"
	if [ "$RC" != 0 ]; then pass "$d"; else
		fail "$d"
		diag "command: $*"
		_t_show
	fi
}

# is GOT WANTED DESCRIPTION
is() {
	if [ "$1" = "$2" ]; then pass "$3"; else
		fail "$3"
		diag "     got: $1"
		diag "expected: $2"
	fi
}

isnt() {
	if [ "$1" != "$2" ]; then pass "$3"; else
		fail "$3"
		diag "not expected: $1"
	fi
}

# like GOT REGEX DESCRIPTION (extended regular expression, unanchored)
like() {
	if [[ $1 =~ $2 ]]; then pass "$3"; else
		fail "$3"
		diag "         got: $1"
		diag "should match: $2"
	fi
}

unlike() {
	if [[ ! $1 =~ $2 ]]; then pass "$3"; else
		fail "$3"
		diag "             got: $1"
		diag "should not match: $2"
	fi
}

# must_fail CODE REGEX CMD ARG...: ends with that exit code, and says that on stdout or stderr
must_fail() {
	local code=$1 re=$2 d
	shift 2
	run "$@"
	d="fails with $code: $*"
	if [ "$RC" = "$code" ] && [[ $OUT$'\n'$ERR =~ $re ]]; then pass "$d"; else
		fail "$d"
		diag "expected exit code $code and text matching: $re"
		_t_show
	fi
}

# refused CODE TEXT CMD ARG...: ends with that exit code, and writes exactly TEXT to stderr
refused() {
	local code=$1 text=$2 d
	shift 2
	run "$@"
	d="fails with $code: $*"
	if [ "$RC" = "$code" ] && [ "$ERR" = "$text" ]; then pass "$d"; else
		fail "$d"
		diag "expected exit code $code and on stderr: $text"
		_t_show
	fi
}

# wait_for SECONDS CMD ARG...: until the command succeeds; fails when time is over. Its last output
# is shown then.
wait_for() {
	local us=${EPOCHREALTIME/[.,]/} end
	end=$((us + $1 * 1000000))
	shift
	while :; do
		"$@" >"$T/.wait" 2>&1 </dev/null && return 0
		us=${EPOCHREALTIME/[.,]/}
		if ((us >= end)); then
			echo "gave up waiting for: $*" >&2
			cat "$T/.wait" >&2
			return 1
		fi
		sleep 0.1
	done
}

# not CMD ARG...: for conditions
not() {
	! "$@"
}

# skip COUNT REASON: that many tests cannot run here
skip() {
	local i
	for ((i = 0; i < $1; i++)); do
		_t_n=$((_t_n + 1))
		echo "ok $_t_n # SKIP $2"
	done
}

skip_all() {
	echo "1..0 # SKIP $1"
	_t_done=yes
	exit 0
}

# bail REASON: nothing after this makes sense, here and in the scripts to come
bail() {
	echo "Bail out! $1"
	exit 255
}

# needs_root: skip the whole script otherwise
needs_root() {
	[ "$(id -u)" = 0 ] || skip_all "needs root"
}

done_testing() {
	_t_done=yes
	echo "1..$_t_n"
	[ $_t_failed = 0 ] || diag "$_t_failed of $_t_n failed"
	((_t_n > 0 && _t_failed == 0))
	exit
}
