#!/bin/bash
# The master's database is damaged while no master runs: torn pages, a lost header, bits flipped inside a value, a cut
# or flipped write-ahead log, an old copy, a damaged copy of a candidate. The master refuses to start with it and says
# what to do, or everything acknowledged is there; another candidate takes over with everything. Damage that is found
# while a master runs ends it.
# shellcheck disable=SC2119,SC2154,SC2317 # what lib.sh sets; functions for wait_for
# shellcheck source=tests/fault/lib.sh
. "$(dirname "$0")/lib.sh"

others() { # the nodes that are not the master
	local k
	for k in 1 2 3; do [ "$k" = "$MASTER" ] || echo "$k"; done
}
unused() { # FILE: nobody has it open
	! find /proc/[0-9]*/fd -lname "$1*" 2>/dev/null | grep -q .
}
# position K: "TERM SERIAL" of its copy
position() {
	python3 -c 'import sqlite3, sys
print(*sqlite3.connect("file:%s?mode=ro" % sys.argv[1], uri=True).execute("select last_term, last from replica_state").fetchone())' \
		"$(vcl_file "$1" CONFIG_DB)" 2>/dev/null
}
all_have() {
	local k p
	p=$(position "$MASTER") && [ -n "$p" ] || return
	for k in $(others); do [ "$(position "$k")" = "$p" ] || return; done
}
# work: clients for a while, then all candidates have everything, then the master's host fails
work() {
	local lines
	lines=$(cat "$H"/*.history 2>/dev/null | wc -l)
	clients_start 2
	wait_for 240 clients_done $((lines + 60)) && clients_stop && wait_for 120 jobs_ended && wait_for 60 all_have || return
	wait_for 60 checkpoint || return
	# all that is in the write-ahead log by then
	m gnt-cluster add-tags "last$MASTER-$RANDOM" && wait_for 60 all_have || return
	kill9 "$MASTER" ganeti-masterd && kill9 "$MASTER" ganeti-noded && wait_for 60 unused "$DB"
}
checkpoint() { # everything goes from the write-ahead log to the file
	python3 -c 'import sqlite3, sys
sys.exit(sqlite3.connect(sys.argv[1]).execute("pragma wal_checkpoint(truncate)").fetchone()[0])' "$DB"
}
zero() { # FILE OFFSET LENGTH
	dd if=/dev/zero of="$1" bs=1 seek="$2" count="$3" conv=notrunc 2>/dev/null
}
flip() { # FILE OFFSET: one bit
	python3 -c 'import sys
with open(sys.argv[1], "r+b") as f:
    f.seek(int(sys.argv[2])); b = f.read(1)[0]; f.seek(-1, 1); f.write(bytes([b ^ 16]))' "$@"
}
# b-tree pages in use, of large tables first
pages() {
	python3 -c 'import sqlite3, sys
for p, in sqlite3.connect(sys.argv[1]).execute("select pageno from dbstat where pagetype != \"overflow\" and pageno > 1"): print(p)' "$DB"
}

header() { checkpoint && zero "$DB" 0 100; }
page() {
	local all
	checkpoint && mapfile -t all < <(pages) && [ ${#all[@]} -gt 0 ] &&
		zero "$DB" $(((all[RANDOM % ${#all[@]}] - 1) * 4096)) 512
}
# bits of a number in the text of an object: the file is as sound as before
value() { checkpoint && flip_value "$DB"; }
flip_value() { # FILE
	python3 -c 'import re, sqlite3, sys
d = sqlite3.connect("file:%s?mode=ro" % sys.argv[1], uri=True)
pages = [p for p, in d.execute("select pageno from dbstat where name = ?", ("object",))]
size, = d.execute("pragma page_size").fetchone()
d.close()
with open(sys.argv[1], "r+b") as f:
    for p in pages:
        f.seek((p - 1) * size)
        m = re.search(rb"\"ctime\": ?1(\d)", f.read(size))
        if m:
            f.seek((p - 1) * size + m.start(1))
            f.write(bytes([m.group(1)[0] ^ 1]))
            sys.exit(0)
sys.exit("no object has a ctime")' "$1"
}
cut() { checkpoint && truncate -s $(($(stat -c %s "$DB") / 2 / 4096 * 4096)) "$DB"; }
empty() { checkpoint && : >"$DB"; }
wal_cut() { truncate -s $((32 + 4120 / 2)) "$DB-wal"; }
wal_flip() { flip "$DB-wal" $((32 + 24 + 100)); }

# round NAME moved|stays: damaged by that function, refused, and another candidate goes on
round() {
	local old=$MASTER new
	DB=$(vcl_file "$MASTER" CONFIG_DB)
	ok "$1: work" work
	ok "$1: damage" "$1"
	ok "$1: the node's agent starts" agent_up "$old"
	run vcl_on "$old" ganeti-masterd
	is "$RC" 2 "$1: the master does not start"
	like "$ERR" "$DB" "$1: it names the file"
	like "$ERR" "gnt-cluster master-failover" "$1: and what to do"
	if [ "$2" = moved ]; then
		ok "$1: the file is kept for a look" test -e "$DB.damaged"
		nok "$1: and not in use any more" test -e "$DB"
		run vcl_on "$old" ganeti-masterd
		is "$RC" 2 "$1: nor does it start the next time"
		like "$ERR" "gnt-cluster master-failover" "$1: for the same reason"
	fi
	new=$(others | shuf -n 1 --random-source=<(yes "$RANDOM"))
	ok "$1: node $new takes over" vcl_on "$new" gnt-cluster master-failover
	MASTER=$new
	judge "$1"
	ok "$1: all have everything again" wait_for 60 all_have
	rm -f "$(vcl_file "$old" CONFIG_DB_DAMAGED)"*
}

MASTER=1
CHECK_OPTS=(moved)
DB=
vcl_up 3
diag "seed $SEED"
for what in header page value cut empty; do round $what moved; done
for what in wal_cut wal_flip; do round $what stays; done

diag "forced to start without the candidates that have more"
DB=$(vcl_file "$MASTER" CONFIG_DB)
ok "work" work
ok "the end of the log is lost" wal_cut
mapfile -t rest < <(others)
for k in "${rest[@]}"; do kill9 "$k" ganeti-noded; done
before=$(position "${rest[0]}")
ok "the node's agent starts" agent_up "$MASTER"
ok "the master starts by force" vcl_on "$MASTER" ganeti-masterd --no-voting --yes-do-it
agent_up "${rest[0]}"
ended() { ! pid_of "$MASTER" ganeti-masterd; }
ok "a candidate comes back that has more: the master ends" wait_for 60 ended
like "$(cat "$(vcl_file "$MASTER" MASTERD_LOG)")" "lacks changes that master candidate node${rest[0]}.example.com has" "and says why"
is "$(position "${rest[0]}")" "$before" "what it has was left alone"
agent_up "${rest[1]}"
MASTER=${rest[0]}
ok "it takes over" m gnt-cluster master-failover
judge "an old copy"
ok "all have everything again" wait_for 60 all_have

MASTERD_LOG() { vcl_file "$MASTER" MASTERD_LOG; }
logged() { # REGEX
	grep -qE "$1" "$(MASTERD_LOG)"
}
# objects K: what they say there
objects() {
	python3 -c 'import sqlite3, sys
for r in sqlite3.connect("file:%s?mode=ro" % sys.argv[1], uri=True).execute("select uuid, json from object order by uuid"): print(*r)' \
		"$(vcl_file "$1" CONFIG_DB)" 2>/dev/null
}
same_objects() { # K
	[ "$(objects "$1")" = "$(objects "$MASTER")" ]
}

# in NEXT: the first that is let
takes_over() {
	local k
	for k in $(others | shuf --random-source=<(yes "$RANDOM")); do
		NEXT=$k
		vcl_on "$k" gnt-cluster master-failover && return
	done
	return 1
}

# master_ends NAME: it has found damage, and another one goes on
master_ends() {
	local old=$MASTER
	ok "$1: the master ends" wait_for 120 ended
	ok "$1: and says why" logged "The cluster's database .* is damaged \(.*digest.*gnt-cluster master-failover"
	ok "$1: the file is kept for a look" wait_for 30 test -e "$DB.damaged"
	# a master that gives up tells nobody what it wrote last: one of them has it
	run takes_over
	is "$RC" 0 "$1: another node takes over"
	MASTER=$NEXT
	judge "$1"
	ok "$1: all have everything again" wait_for 120 all_have
	rm -f "$(vcl_file "$old" CONFIG_DB_DAMAGED)"*
}

diag "bits flipped in a candidate's copy"
DB=$(vcl_file "$MASTER" CONFIG_DB)
clients_start 2
lines=$(cat "$H"/*.history | wc -l)
ok "work" wait_for 240 clients_done $((lines + 40))
k=$(others | head -n 1)
kill9 "$k" ganeti-noded
copy=$(vcl_file "$k" CONFIG_DB)
ok "nobody has it open" wait_for 60 unused "$copy"
DB=$copy checkpoint
ok "damage" flip_value "$copy"
nok "it is another one now" same_objects "$k"
ok "the node's agent starts" agent_up "$k"
ok "the master is told" wait_for 120 logged "The copy of master candidate node$k.example.com is damaged \(.*digest.*it gets a new one"
ok "clients end" clients_stop
ok "it has everything again" wait_for 120 all_have
ok "and the same" same_objects "$k"
judge "a candidate's copy"
all_in_file() { DB=$copy checkpoint; } # what is newer in the log would be read instead
ok "all of it is in the file" wait_for 60 all_in_file
ok "a damaged copy" flip_value "$copy"
run vcl_on "$k" gnt-cluster master-failover
is "$RC" 1 "does not become the master's database"
like "$ERR" "copy of the configuration is damaged .*digest.*Run the command on another master" "for what reason is said"
ok "every day, and when asked, all copies are read" vcl_luxi --control verify
healed() { all_have && same_objects "$k"; }
ok "so it gets a new one" wait_for 120 healed

diag "bits flipped while the master runs"
ok "work" wait_for 120 checkpoint
ok "damage" flip_value "$DB"
ok "the database is read again" vcl_luxi --control verify
master_ends "found while it runs"

diag "bits flipped in a large database, which is read in the background"
DB=$(vcl_file "$MASTER" CONFIG_DB)
kill9 "$MASTER" ganeti-masterd
wait_for 60 not pgrep -f "^$VCL_LIB/ganeti-(replica|spread|query)-worker"
# rows that nobody knows, and so a database whose digest is to be made anew
ok "20 MiB of something" python3 -c 'import sqlite3, sys
d = sqlite3.connect(sys.argv[1])
d.executemany("insert into queue_value(name, value) values(?, 0)", (("filler%06d" % i + "x" * 4000,) for i in range(5000)))
d.execute("update replica_state set digest = null")
d.commit()' "$DB"
ok "the master starts" master_up
ok "the candidates get that, too" wait_for 240 all_have
ok "work" work
ok "it is large" test "$(stat -c %s "$DB")" -gt 20000000
ok "damage" value
: >"$(MASTERD_LOG)"
ok "the node's agent starts" agent_up "$MASTER"
ok "the master starts" vcl_on "$MASTER" ganeti-masterd
master_ends "found in the background"

diag "the end of the log is lost where there is nobody else"
for i in $(m gnt-instance list --no-headers -o name); do # which the clients have left
	ok "instance $i is removed" m gnt-instance remove -f --ignore-failures "$i"
done
mapfile -t rest < <(others)
for k in "${rest[@]}"; do ok "node$k leaves" m gnt-node remove "node$k.example.com"; done
DB=$(vcl_file "$MASTER" CONFIG_DB)
ok "everything is in the file" wait_for 60 checkpoint
ok "a tag" m gnt-cluster add-tags lost-with-the-log
before=$(position "$MASTER")
kill9 "$MASTER" ganeti-masterd
kill9 "$MASTER" ganeti-noded # it has its copy open from before
ok "nobody has it open" wait_for 60 unused "$DB"
ok "the end of the log is lost" wal_cut
ok "the node's agent starts" agent_up "$MASTER"
ok "the master starts: nobody knows better" master_up
isnt "$(position "$MASTER")" "$before" "what was lost is lost"
m gnt-cluster list-tags >"$T/tags"
nok "the tag is" grep -q lost-with-the-log "$T/tags"
ok "the rest is whole" m gnt-cluster verify
unlike "$OUT" 'ERROR' "and right"
vcl_done
