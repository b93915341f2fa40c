#!/bin/bash
# Figures of gnt-cluster init and gnt-node add on real hosts (sshd, libvirtd, TLS): as root. What ssh takes is
# told apart: a wrapper notes the time of each call of ssh-keygen, and of ssh with what it ran on the other side;
# a handshake is what "ssh NODE true" takes in the same run.
#
#	lab.sh [NODES]
# shellcheck disable=SC2154 # what tlib.sh sets
# shellcheck source=tests/harness/tlib.sh
. "$(dirname "$0")/../harness/tlib.sh"
# shellcheck source=tests/harness/lab.sh
. "$(dirname "$0")/../harness/lab.sh"
# shellcheck source=tests/harness/cluster.sh
. "$(dirname "$0")/../harness/cluster.sh"
# shellcheck source=tests/bench/rows.sh
. "$(dirname "$0")/rows.sh"

NODES=${1:-4}
lab_up "$NODES"
lab_install
site_prepare

# shellcheck disable=SC2016 # for the hosts
on 1 sh -c 'for p in ssh ssh-keygen; do
	mv /usr/bin/$p /usr/bin/$p.real &&
	printf "#!/bin/bash\nt=\${EPOCHREALTIME/[.,]/}\n/usr/bin/%s.real \"\$@\"\nrc=\$?\necho %s \$((\${EPOCHREALTIME/[.,]/} - t)) >>/lab/calls\nexit \$rc\n" $p $p >/usr/bin/$p &&
	chmod 755 /usr/bin/$p
done'

timed() { # CMD...: its time in ms to $took; the calls of ssh meanwhile are in $calls
	: >"$LAB_DIR/share/calls"
	local t=${EPOCHREALTIME/[.,]/}
	"$@" >"$T/out" 2>&1 </dev/null || bail "$* failed: $(cat "$T/out")"
	took=$(((${EPOCHREALTIME/[.,]/} - t) / 1000))
}
n_calls() { # PROGRAM
	grep -c "^$1 " "$LAB_DIR/share/calls"
}
t_calls() { # PROGRAM: all of them together, ms
	awk -v p="$1" '$1 == p {s += $2} END {printf "%d", s / 1000}' "$LAB_DIR/share/calls"
}
head_row
timed m gnt-cluster init "${INIT[@]}" "${KVM[@]}" $CLUSTER
keys=$(t_calls ssh-keygen)
row "gnt-cluster init" "$took" ms - 6800
row "  $(n_calls ssh-keygen) keys by ssh-keygen" "$keys" ms - -
row "  without them" $((took - keys)) ms 1500 -
for ((k = 2; k <= NODES; k++)); do
	timed m gnt-node add --no-ssh-key-check "node$k.example.com"
	n=$(n_calls ssh) all=$took keys=$(t_calls ssh-keygen)
	timed m ssh.real -oBatchMode=yes "node$k.example.com" true
	row "gnt-node add node$k" "$all" ms - 3300
	row "  a handshake of ssh" "$took" ms - -
	row "  without $n handshakes" $((all - n * took)) ms 1500 -
done
_t_done=yes
exit $over
