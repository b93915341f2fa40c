#!/bin/bash
# Many real node agents on this machine, each with an address and folder of its own: how long it takes to ask all of them.
#
#	agents.sh [NODES]
# shellcheck disable=SC2154,SC2317 # what tlib.sh sets
# shellcheck source=tests/harness/tlib.sh
. "$(dirname "$0")/../harness/tlib.sh"
# shellcheck source=tests/harness/vcl.sh
. "$(dirname "$0")/../harness/vcl.sh"
# shellcheck source=tests/bench/rows.sh
. "$(dirname "$0")/rows.sh"

N=${1:-1000}
NET=127.250
address() { # K
	echo "$NET.$(($1 >> 8 & 255)).$(($1 & 255))"
}
# What "gnt-node add" leaves on a node, for a test by copies of the master's.
prepare() { # K
	local root etc lib
	root=$(vcl_root "$1") etc=$(dirname "$(vcl_file "$1" ETC_HOSTS)") lib=$(vcl_file "$1" DATA_DIR)
	mkdir -p "$lib" "$etc"
	ln -s "$VCL/hosts" "$etc/hosts"
	cp "$(vcl_file 1 DATA_DIR)"/{server.pem,client.pem,ssconf_*} "$lib/"
}
agent() { # K
	GANETI_ROOTDIR=$(vcl_root "$1") GANETI_HOSTNAME=$(vcl_name "$1") ganeti-noded
}
all_agents() {
	local k
	for ((k = 2; k <= N; k++)); do agent "$k" || return; done
}
# shellcheck disable=SC2046 # several processes
agents_memory() {
	pss $(vcl_processes | awk '/ganeti-(noded|node-worker)/ {print $1}')
}
ask_all() {
	gnt-node list --no-headers -o name,mfree,mtotal,ctotal
}

vcl_prepare 1 >/dev/null
for ((k = 10; k <= N; k++)); do echo "$(address "$k") $(vcl_name "$k")"; done >>"$VCL/hosts"
for ((k = 2; k <= 9; k++)); do sed -i "s/^[0-9.]* node$k.example.com.*/$(address "$k") $(vcl_name "$k")/" "$VCL/hosts"; done
GANETI_ROOTDIR=$(vcl_root 1) GANETI_HOSTNAME=$(vcl_name 1)
export GANETI_ROOTDIR GANETI_HOSTNAME GANETI_LIBDIR=$VCL_LIB GANETI_NODED_PORT=$VCL_PORT PATH=$VCL_LIB:$PATH
echo "# $N node agents on this machine"
head_row
gnt-cluster init "${VCL_INIT[@]}" "$CLUSTER" >"$T/.out" 2>"$T/.err" || stop "gnt-cluster init"
daemon-util stop ganeti-masterd
"$VCL_BUILD/tests/bench/populate" "$(vcl_file 1 CONFIG_DB)" "$N" 0 "$NET" || bail "populate"
for ((k = 2; k <= N; k++)); do prepare "$k"; done
ms all_agents
row "start of the agents, one after the other" "$(median)" ms -
daemon-util start ganeti-masterd
ms ask_all
answered=$(grep -c -v '[?*]' "$T/.out")
row "gnt-node list of what all have free, cold" "$(median)" ms 10000
row "agents that have answered" "$answered" '' -
for ((k = 0; k < 5; k++)); do ms ask_all; done
row "the same again" "$(median)" ms 2000
row "memory of the agents (PSS), each" "$(awk "BEGIN {printf \"%.2f\", $(agents_memory) / $N}")" MiB -
[ "$answered" = "$N" ] || over=1
_t_done=yes
exit "$over"
