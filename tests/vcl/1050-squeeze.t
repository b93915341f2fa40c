#!/bin/bash
# Nodes go and come with the load: hsqueeze -X empties one, marks it offline and has it powered off by its out-of-band
# program, and later has it powered on and takes it into service again. The programs of the test end and start the
# node's agent.
# shellcheck disable=SC2154,SC2317 # what tlib.sh sets; functions for wait_for
# shellcheck source=tests/harness/tlib.sh
. "$(dirname "$0")/../harness/tlib.sh"
# shellcheck source=tests/harness/vcl.sh
. "$(dirname "$0")/../harness/vcl.sh"

vcl_up 3
cd "$T" || exit 1
# what the programs say, and whether node K has power
oob=$VCL/oob
mkdir "$oob"
cat >"$oob/program" <<'P'
#!/bin/sh
here=${0%/*}
echo "$1 $2" >>"$here/asked"
case $1 in
power-on) echo >"$here/on-$2" ;;
power-off) rm -f "$here/on-$2" ;;
power-status) if [ -e "$here/on-$2" ]; then echo '{"powered": true}'; else echo '{"powered": false}'; fi ;;
health) echo '[["fan", "OK"], ["disk", "WARNING"]]' ;;
power-cycle) echo '"nonsense"' ;;
esac
P
chmod 755 "$oob/program"
for k in 1 2 3; do echo >"$oob/on-node$k.example.com"; done

diag "out-of-band commands"
for k in 2 3; do ok "node$k has one" m gnt-node modify --node-parameters oob_program="$oob/program" node$k.example.com; done
ok "power status" m gnt-node power status node2.example.com
like "$OUT" 'node2.example.com +powered' "is on"
ok "health" m gnt-node health node2.example.com node3.example.com
like "$OUT" 'disk' "of its parts"
must_fail 1 'Operating on the master node node1.example.com is not allowed for power-cycle; it does not support out-of-band operations' \
	m gnt-node power -f cycle node1.example.com

diag "condensing"
for k in 1 2 3; do
	ok "inst$k" m gnt-instance add -t sharedfile --disk 0:size=16m -o tiny+default -B memory=128 \
		-n node$k.example.com inst$k.example.com
done
ok "hsqueeze sees nodes that may go" m hsqueeze -L -v
like "$OUT" $'Offline candidates: node[23].example.com,node[23].example.com\n' "not the master"
before=$(m gnt-node list --no-headers -o name,offline,drained)
must_fail 1 'Execution of commands possible only on LUXI' m hsqueeze -X -t <(m hscan >/dev/null && cat LOCAL.data)
is "$(m gnt-node list --no-headers -o name,offline,drained)" "$before" "nothing has changed"
ok "hsqueeze -X" m hsqueeze -L -X
like "$OUT" $'Draining nodes\nGot job IDs [0-9]+\nMoving instances inst' "drains, then moves"
like "$OUT" $'Tagging node node[23].example.com with standby\n.*\nPowering off nodes\n' "tags and powers off"
is "$(m gnt-node list --no-headers -o name,offline,powered --separator=' ')" \
	$'node1.example.com N -\nnode2.example.com Y N\nnode3.example.com Y N' "two nodes are off"
is "$(m gnt-instance list --no-headers -o pnode,status --separator=' ' | sort -u)" 'node1.example.com running' "all runs on the other"
is "$(m gnt-node list-tags node2.example.com)" htools:standby:auto "it has the tag"
is "$(sort -u "$oob/asked" | grep -c power-off)" 2 "their programs were asked"
nok "there is no power" test -e "$oob/on-node2.example.com"
for k in 2 3; do vcl_kill9 $k ganeti-noded; done
ok "hsqueeze again" m hsqueeze -L -X
like "$OUT" "'No action'" "has nothing to do"

diag "expanding"
# a node's agent comes up a while after its power
powered() { [ -e "$oob/on-node$1.example.com" ]; }
for k in 2 3; do
	(wait_for 60 powered $k && vcl_on $k ganeti-noded) >/dev/null 2>&1 &
done
ok "much room is wanted" m hsqueeze -L -X -v --minimal-resources=100
like "$OUT" $'\'Nodes to online\'\nnode[23].example.com\nnode[23].example.com\n' "both come back"
like "$OUT" $'Powering on nodes\nGot job IDs [0-9]+\nMarking nodes online\nGot job IDs [0-9]+\nRemoving the standby tag' "power first"
is "$(m gnt-node list --no-headers -o name,offline,powered --separator=' ')" \
	$'node1.example.com N -\nnode2.example.com N Y\nnode3.example.com N Y' "all nodes are on"
is "$(m gnt-node list-tags node2.example.com)" '' "without the tag"
is "$(m gnt-instance list --no-headers -o pnode | sort -u | wc -l)" 3 "and instances run on all"
is "$(vcl_on 1 gnt-instance list --no-headers -o status | sort -u)" running "all of them"
vcl_done
