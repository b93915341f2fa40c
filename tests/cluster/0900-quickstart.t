#!/bin/bash
# The newcomer's path: ./quickstart, again, status, shell, down.
# shellcheck disable=SC2317 # functions are called by ok
. "$(dirname "$0")/../harness/tlib.sh"

needs_root
top=$(readlink -f "$(dirname "$0")/../..")
if [ -n "${GANETI_TREE:-}" ]; then
	[ -x "$GANETI_TREE/usr/sbin/gnt-cluster" ] || skip_all "this build has no gnt-cluster"
	export QUICKSTART_TREE=$GANETI_TREE
fi
export QUICKSTART_DIR=/var/tmp/ganeti-quickstart-test.$$ LAB_PREFIX=gqt$$
unset LAB_DIR LAB_NET LAB_GUEST
at_exit "$top/quickstart" down

quickstart() {
	timeout -k 10 600 "$top/quickstart" "$@"
}

ok "quickstart" quickstart
[ "$RC" = 0 ] || done_testing
first=$OUT
like "$OUT" 'done the guest answers' "the guest answered"
like "$OUT" 'live migration from node1 to node2: asked [0-9]+ times' "and was migrated"
diag "$(grep -E '^done (all|live|the guest)' <<<"$OUT")"
silence=$(sed -n 's/.*longest silence \([0-9.]*\) s$/\1/p' <<<"$first")
ok "it was never silent for 20 s" awk "BEGIN {exit !(${silence:-99} < 20)}"
part=$(sed -n 's/.*the cluster part in \([0-9.]*\) s$/\1/p' <<<"$first")
ok "the cluster part took less than four minutes" awk "BEGIN {exit !(${part:-999} < 240)}"
for c in 'gnt-cluster init' 'gnt-node add' 'gnt-instance add' 'gnt-instance migrate'; do
	like "$first" $'\n'"    node1# $c" "its list of commands has $c"
done

ok "quickstart again" quickstart
like "$OUT" 'live migration from node2 to node3' "migrates once more"
unlike "$OUT" 'gnt-cluster init' "and makes nothing twice"

ok "status" quickstart status
like "$OUT" $'\nnode1.example.com\n' "names the master"
like "$OUT" 'the guest answers at 10.77.1.1' "and sees the guest"
ok "shell on the master" quickstart shell '' gnt-cluster getmaster
is "$OUT" node1.example.com "knows the cluster"
ok "shell on node 3" quickstart shell node3 hostname
is "$OUT" node3.example.com "is there"

ok "down" quickstart down
nok "nothing is left in its folder" test -e "$QUICKSTART_DIR"
is "$(grep -F "$QUICKSTART_DIR" /proc/self/mounts)" "" "no mount"
is "$(pgrep -af "$QUICKSTART_DIR")" "" "no process"
is "$(find /sys/fs/cgroup -maxdepth 2 -name "$LAB_PREFIX-*")" "" "no control group"
ok "down again" quickstart down
must_fail 2 usage quickstart nonsense

done_testing
