# shellcheck shell=bash
# lab.sh: lab hosts for test scripts. Source tlib.sh first, then this, then say lab_up N: the
# script then has hosts of its own, which are gone when it ends. LAB_KEEP=1 leaves them for a look.

lab_root=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")/../..")
lab=$lab_root/tests/lab/lab
export LAB_DIR=${LAB_DIR:-/var/tmp/ganeti-lab-test.$$} LAB_PREFIX=${LAB_PREFIX:-glt$$}
export LAB_NET=${LAB_NET:-10.77} LAB_GUEST=${LAB_GUEST:-/var/cache/ganeti-lab/guest}
# shellcheck disable=SC2034 # for the scripts
GUEST=/srv/ganeti/guest # where the hosts see it

# lab_up N: hosts 1..N running, with the tiny guest at $GUEST
lab_up() {
	needs_root
	"$lab_root/tests/lab/mkguest" "$LAB_GUEST" 2>"$T/.mkguest" || {
		diag "$(cat "$T/.mkguest")"
		bail "cannot build the tiny guest"
	}
	if [ -z "${LAB_KEEP:-}" ]; then
		at_exit "$lab" down
	else
		diag "hosts stay: LAB_DIR=$LAB_DIR $lab sh 1; LAB_DIR=$LAB_DIR $lab down"
	fi
	"$lab" up "$1" 2>"$T/.lab" || {
		diag "$(cat "$T/.lab")"
		bail "cannot start the lab"
	}
}

# lab_install: the product on every host: from $GANETI_TREE (a staged installation; "check" makes
# one), or else from the build in $GANETI_BUILD, which is ./b of the sources unless told
lab_install() {
	local build=${GANETI_BUILD:-$lab_root/b}
	if [ -z "${GANETI_TREE:-}" ]; then
		[ -f "$build/Makefile" ] || bail "no product to test: set GANETI_TREE, or build in $build"
		GANETI_TREE=$T/tree
		make -s -C "$build" install DESTDIR="$GANETI_TREE" >"$T/.install" 2>&1 || {
			diag "$(tail -n 20 "$T/.install")"
			bail "make install failed"
		}
	fi
	"$lab" install "$GANETI_TREE" || bail "cannot install on the hosts"
}

# on K CMD ARG...: on that host
on() {
	"$lab" sh "$@"
}

# host_file K PATH: where to find it from here
host_file() {
	"$lab" path "$@"
}

# guest ADDRESS: everything the tiny guest says about itself
guest() {
	# shellcheck disable=SC2016 # for the inner shell
	"$lab" wire timeout 2 bash -c 'exec 3<>"/dev/tcp/$0/7" && cat <&3' "$1"
}

# guest_fact ADDRESS NAME: one of them; asked again when the answer was not complete in time
guest_fact() {
	local text
	for _ in 1 2 3 4 5; do
		! text=$(guest "$1" 2>/dev/null) || break
	done
	sed -n "s/^$2 //p" <<<"$text"
}

guest_answers() { # one attempt: for wait_for
	[[ $(guest "$1" 2>/dev/null) == *counter* ]]
}
