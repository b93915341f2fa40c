#!/bin/bash
# The master's host is switched off in the middle of the work: another master candidate takes over, everything that
# was acknowledged is there, the master's address moves, and the old master comes back as a candidate.
# shellcheck disable=SC2016,SC2154,SC2317 # expansion is for the hosts; functions are called by ok
. "$(dirname "$0")/../harness/tlib.sh"
. "$(dirname "$0")/../harness/lab.sh"
. "$(dirname "$0")/../harness/cluster.sh"

needs_root
cluster_up 3 "${FAKE[@]}"

# contents K: all rows of the copy on that host, but those that are its own
contents() {
	python3 - "$(host_file "$1" /var/lib/ganeti/config.db)" "$T" <<-'X'
		import shutil, sqlite3, sys
		for side in ("", "-wal"):  # the file of a host that may be off must not be touched
		    try:
		        shutil.copy(sys.argv[1] + side, sys.argv[2] + "/db" + side)
		    except FileNotFoundError:
		        pass
		d = sqlite3.connect(sys.argv[2] + "/db")
		for (name,) in d.execute("select name from sqlite_schema where type = 'table' order by name").fetchall():
		    if name not in ("replica_state", "job_run"):
		        for row in sorted(map(repr, d.execute('select * from "%s"' % name))):
		            print(name, row)
	X
	rm -f "$T"/db*
}
same() { # K: it has what the master has
	[ "$(contents "$MASTER" | md5sum)" = "$(contents "$1" | md5sum)" ]
}
has_address() {
	on "$1" sh -c 'ip -4 -o addr show dev br0 | grep -q "10.77.0.250/"'
}
address_left() { # K: that is off
	nsenter --net="$LAB_DIR/hosts/net/node$1" ip -4 -o addr show dev br0 | grep -q "10.77.0.250/"
}
has_tag() {
	m gnt-cluster list-tags | grep -qx "$1"
}
knows() { # K MASTER
	[ "$(on "$1" gnt-cluster getmaster)" = "node$2.example.com" ]
}

ok "instance" m gnt-instance add "${DISKLESS[@]}" -n node2.example.com inst1.example.com
for k in 2 3; do ok "host $k has a copy" wait_for 30 same $k; done
is "$(on 2 stat -c '%a %U' /var/lib/ganeti/config.db)" "600 gnt-masterd" "which only the master daemon's user may read"

# ---- the host of the master is switched off

load() {
	local i=0
	while m timeout 20 gnt-cluster add-tags "load$i" >/dev/null 2>&1; do
		echo "load$i"
		i=$((i + 1))
	done
}
# switched_off K: a machine without power does not answer, its kernel's network does here
switched_off() {
	"$lab" off "$1"
	"$lab" cut "$1"
}
load >"$T/acknowledged" &
BG=$!
busy() { [ "$(wc -l <"$T/acknowledged")" -ge 10 ]; }
ok "load" wait_for 60 busy
switched_off 1
wait $BG
# what was acknowledged last may be on the other candidate only: then this one refuses and names it
run on 2 gnt-cluster master-failover
if grep -q 'Node node3.* has changes that this node lacks' <<<"$ERR"; then
	ok "the one that has more takes over" on 3 gnt-cluster master-failover
	MASTER=3
	ok "the other candidate follows" wait_for 60 same 2
	run on 2 gnt-cluster master-failover
fi
is "$RC" 0 "another host takes over"
[ "$RC" = 0 ] || diag "$OUT$ERR"
MASTER=2
ok "it answers" m gnt-cluster master-ping
ok "with the master's address" wait_for 60 has_address 2
ok "the third host knows" wait_for 60 knows 3 2
m gnt-cluster list-tags | sort >"$T/tags"
is "$(sort "$T/acknowledged" | comm -23 - "$T/tags")" '' "everything acknowledged is there"
is "$(m gnt-instance list --no-headers -o name)" inst1.example.com "so is the instance"
ok "it can be changed" m gnt-instance modify -B memory=128 inst1.example.com
ok "the other candidate follows" wait_for 30 same 3

# ---- the old master comes back

"$lab" on 1
"$lab" heal 1
run on 1 /usr/lib/ganeti/daemon-util start ganeti-masterd
isnt "$RC" 0 "it is refused"
nok "no master daemon there" daemon_runs 1 ganeti-masterd
ok "its agent is started" start_daemon 1 ganeti-noded
ok "it hears of the new master" wait_for 60 knows 1 2
ok "and is a candidate again, with everything" wait_for 60 same 1
run m gnt-cluster verify
unlike "$OUT" 'ERROR|WARNING.*candidate' "verify finds nothing"

# ---- and back again: the second master loses its power, too

for k in 1 3; do ok "host $k has everything" wait_for 60 same $k; done
switched_off 2
nok "a host without power has lost the master's address" address_left 2
ok "the first one takes over again" on 1 gnt-cluster master-failover
MASTER=1
ok "it answers" m gnt-cluster master-ping
ok "with the master's address" wait_for 60 has_address 1
ok "the third host knows" wait_for 60 knows 3 1
ok "what was done on the other master is there" m gnt-instance modify -B memory=64 inst1.example.com
m gnt-cluster list-tags | sort >"$T/tags"
is "$(sort "$T/acknowledged" | comm -23 - "$T/tags")" '' "everything that was ever acknowledged is"
"$lab" on 2
"$lab" heal 2
run on 2 /usr/lib/ganeti/daemon-util start ganeti-masterd
isnt "$RC" 0 "the second one does not go on as the master"
ok "its agent is started" start_daemon 2 ganeti-noded
ok "it hears of the new master" wait_for 120 knows 2 1
ok "and is a candidate again, with everything" wait_for 60 same 2
ok "the instance that ran there is started again" m gnt-instance startup inst1.example.com
is "$(on 2 ip -4 -o addr show dev br0 | grep -c 10.77.0.250/)" 0 "the address is on one host only"
run m gnt-cluster verify
unlike "$OUT" 'ERROR|WARNING.*candidate' "verify finds nothing"

# ---- no majority

switched_off 2
switched_off 1
run on 3 gnt-cluster master-failover
is "$RC" 1 "one of three can't take over"
like "$ERR" "Master-failover with voting is only possible if the majority of nodes are still healthy" "with upstream's words"
ok "but by force" on 3 gnt-cluster master-failover --no-voting --yes-do-it
MASTER=3
ok "nothing is lost" has_tag load0
done_testing
