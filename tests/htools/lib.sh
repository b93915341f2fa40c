# shellcheck shell=bash
# lib.sh: cases for the allocation tools. A case is a line of four fields between tabs: name, input, program, options.
# Inputs: "seed N [NODES INSTANCES TRAIT...]" for mkhtools, "text ESCAPED" for printf %b, "none"; for hail "request KIND N
# [NODES INSTANCES TRAIT...]" for mkrequest and "json ESCAPED" for printf %b.

# make_input INPUT FILE; false for "none"
make_input() {
	local kind=${1%% *} rest=${1#* }
	case $kind in
	seed)
		# shellcheck disable=SC2086 # words
		"$MKHTOOLS" $rest >"$2" ;;
	request)
		# shellcheck disable=SC2086 # words
		"${MKHTOOLS%/*}/mkrequest" $rest >"$2" ;;
	text | json) printf '%b' "$rest" >"$2" ;;
	none) return 1 ;;
	esac
}

# run_case DIR INPUT PROGRAM OPTIONS: run it with the programs of DIR; prints all that can be seen of it. The file is
# called the same for everybody.
run_case() {
	local dir=$1 file=cluster.data args=() rc=0
	# shellcheck disable=SC2206 # words
	args=($4)
	if make_input "$2" "$file"; then
		case $2 in
		request* | json*) args=("$file" "${args[@]}") ;;
		*) args=(-t "$file" "${args[@]}") ;;
		esac
	fi
	timeout "${CASE_TIMEOUT:-60}" "$dir/$3" "${args[@]}" >out 2>err </dev/null || rc=$?
	[ "$rc" != 124 ] || return 1
	echo "exit $rc"
	sed 's/^/1 /' out
	sed 's/^/2 /' err
}

# links DIR: our programs by their names
links() {
	local p
	mkdir -p "$1"
	for p in hail harep hbal hcheck hinfo hroller hscan hspace hsqueeze; do ln -sf "$HTOOLS_BIN" "$1/$p"; done
}

# own_tools: our programs come first in PATH; from the build folder into the script's own
own_tools() {
	HTOOLS_BIN=$PWD/htools/htools
	links "$T/bin"
	PATH=$T/bin:$PATH
	cd "$T" || exit 1
}

# text_node NAME MEMORY OFFLINE [TAGS]: a line of a file; 1 GiB of the memory is its own
text_node() { echo "$1|$2|1024|$(($2 - 1024))|1000000|1000000|32|$3|uuid-0|1|${4:-}|N|0|1|1.0"; }

# text_inst NAME MEMORY DISK STATUS PRIMARY SECONDARY TEMPLATE [TAGS]
text_inst() { echo "$1|$2|$3|1|$4|Y|$5|$6|$7|${8:-}|1|-|N"; }

# text_cluster GROUP-TAGS CLUSTER-TAG...: a file with one group and the lines of $nodes and $insts, and a policy that is in
# nobody's way
text_cluster() {
	# shellcheck disable=SC2154 # the caller's
	printf 'g0|uuid-0|preferred|%s|\n\n%s\n\n%s\n\n' "$1" "$nodes" "$insts"
	shift
	[ $# = 0 ] || printf '%s\n' "$@"
	printf '\n|128,1,1024,1,1,1|128,1,1024,1,1,1;32768,8,1048576,16,8,12|drbd,rbd|4.0|32.0\n'
}

# peer_links DIR: upstream's programs by their names, where the package is installed, or unpacked (HTOOLS_PEER: its folder
# of programs; or where tests/harness/peers.sh puts it); false: they are nowhere
peer_links() {
	local dir p hail
	for dir in "${HTOOLS_PEER:-}" /usr/lib/ganeti/3.0/usr/bin /usr/bin \
		"${PEER_CACHE:-/var/cache/ganeti-lab/peers}/tree/usr/lib/ganeti/3.0/usr/bin"; do
		"$dir/hbal" --version 2>/dev/null | grep -q 'compiled with ghc' || continue
		mkdir -p "$1"
		for p in hbal hcheck hinfo hroller hscan hspace; do ln -sf "$dir/$p" "$1/$p"; done
		hail=$dir/../lib/ganeti/iallocators/hail
		[ -e "$hail" ] || hail=/usr/lib/ganeti/iallocators/hail
		ln -sf "$hail" "$1/hail"
		return 0
	done
	return 1
}
