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
# What "gnt-node add" leaves on the nodes from 2 on, for a test by copies of the master's. Nearly without other programs:
# there are thirty files each.
prepare() {
	local k f from root etc lib=$VCL_PATH_DATA_DIR dirs=()
	local -A text=()
	from=$(vcl_root 1)$lib etc=$(dirname "$VCL_PATH_ETC_HOSTS")
	for f in "$from"/{server.pem,client.pem,ssconf_*}; do text[${f##*/}]=$(<"$f"); done
	for ((k = 2; k <= N; k++)); do
		root=$VCL/node$k.example.com
		dirs+=("$root$lib" "$root$etc")
	done
	printf '%s\0' "${dirs[@]}" | xargs -0 mkdir -p
	for ((k = 2; k <= N; k++)); do
		root=$VCL/node$k.example.com
		ln -s "$VCL/hosts" "$root$etc/hosts"
		(umask 077 && for f in "${!text[@]}"; do printf '%s\n' "${text[$f]}" >"$root$lib/$f"; done)
	done
}
agent() { # K
	GANETI_ROOTDIR=$VCL/node$1.example.com GANETI_HOSTNAME=node$1.example.com ganeti-noded
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
sed -i '/ node[2-9]\.example\.com/d' "$VCL/hosts"
for ((k = 2; k <= N; k++)); do echo "$NET.$((k >> 8 & 255)).$((k & 255)) node$k.example.com"; done >>"$VCL/hosts"
GANETI_ROOTDIR=$(vcl_root 1) GANETI_HOSTNAME=$(vcl_name 1)
export GANETI_ROOTDIR GANETI_HOSTNAME GANETI_LIBDIR=$VCL_LIB GANETI_NODED_PORT=$VCL_PORT PATH=$VCL_LIB:$PATH
echo "# $N node agents on this machine"
head_row
gnt-cluster init "${VCL_INIT[@]}" "$CLUSTER" >"$T/.out" 2>"$T/.err" || stop "gnt-cluster init"
daemon-util stop ganeti-masterd
"$VCL_BUILD/tests/bench/populate" "$(vcl_file 1 CONFIG_DB)" "$N" 0 "$NET" || bail "populate"
prepare
ms all_agents
row "start of the agents, one after the other" "$(median)" ms -
daemon-util start ganeti-masterd
ms ask_all
answered=$(grep -c -v '[?*]' "$T/.out")
row "gnt-node list of what all have free, cold" "$(median)" ms 10000
row "agents that have answered" "$answered" '' -
row "sent to agents in vain meanwhile (Error 28: too late)" "$(grep -c 'Error 28' "$(vcl_file 1 LOG_DIR)/master-daemon.log")" '' -
for ((k = 0; k < 5; k++)); do ms ask_all; done
row "the same again" "$(median)" ms 2000
daemon-util stop ganeti-masterd
ms start_master
row "start of the master, asking them all, to the first answer" "$(median)" ms -
row "memory of the agents (PSS), each" "$(awk "BEGIN {printf \"%.2f\", $(agents_memory) / $N}")" MiB -
[ "$answered" = "$N" ] || over=1
_t_done=yes
exit "$over"
