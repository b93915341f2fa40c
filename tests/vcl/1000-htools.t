#!/bin/bash
# The allocation tools against our master and our REST daemon: what they see over luxi, HTTPS and in the files hscan
# writes is the same, upstream's see it, too, and what they decide is really done.
# shellcheck disable=SC2154,SC2317 # what tlib.sh sets; functions for wait_for
# shellcheck source=tests/harness/tlib.sh
. "$(dirname "$0")/../harness/tlib.sh"
# shellcheck source=tests/harness/vcl.sh
. "$(dirname "$0")/../harness/vcl.sh"
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/htools/lib.sh
. "$here/../htools/lib.sh"

vcl_up 3
users=$(vcl_file 1 RAPI_USERS_FILE)
printf 'reader readpw read\n' >"$users.new"
mv "$users.new" "$users"
url=https://reader:readpw@$VCL_NET.1:$((VCL_PORT + 1))
for k in 1 2 3 4 5 6; do
	ok "inst$k" m gnt-instance add -t sharedfile --disk 0:size=16m -o tiny+default -B memory=128 \
		-n node1.example.com inst$k.example.com
done
ok "one that is down" m gnt-instance shutdown inst6.example.com
ok "tags" m gnt-instance add-tags inst5.example.com service:a
ok "of the cluster" m gnt-cluster add-tags htools:iextags:service

# Nodes report their memory live, so it changes between two questions: without it all must be the same
steady() {
	sed -E 's/^( . node[0-9]+ +).*/\1/; s/^(   default.*) [0-9.]+$/\1/; /(free_mem|free_disk|reserved_mem)_/d; /^Cluster score/d; /is missing/d'
}

# info DIR ARG...: what the hinfo there says of a cluster
info() {
	local dir=$1
	shift
	m "$dir/hinfo" -v -v -p --print-instances "$@" 2>"$T/said" | steady
	steady <"$T/said"
}

cd "$T" || exit 1
info "$VCL_LIB" -L >luxi
ok "hinfo over luxi" grep -q '^Loaded 3 nodes, 6 instances, 1 node group' luxi
ok "has the tag" grep -q '^Loaded cluster tags: htools:iextags:service' luxi
info "$VCL_LIB" "-L$(vcl_file 1 QUERY_SOCKET)" >path
ok "the same at a socket that is named" diff luxi path
info "$VCL_LIB" -m "$url" >rapi
ok "the same from the REST daemon" diff luxi rapi
ok "hscan" m hscan
like "$OUT" $'^Name +Nodes +Inst BNode BInst .*\nLOCAL +3 +6 +0 +0 ' "has a line for the cluster"
info "$VCL_LIB" -t LOCAL.data >text
ok "the same from the file it wrote" diff luxi text
ok "hscan of the REST daemon" m hscan --no-headers "$url"
info "$VCL_LIB" -t "${url//\//_}.data" >text
ok "the same from that file" diff luxi text
must_fail 1 'the server answered 401' m hinfo -m "${url/readpw/wrong}"
unlike "$ERR" 'wrong' "the password is not shown"
must_fail 2 'Error for .*: failed to load data' m hscan "https://$VCL_NET.1:1"
must_fail 1 "This is not the master node" vcl_on 2 hinfo -L

# what it had read is the same once more from its own file
ok "hbal saves what it saw" m hbal -L -S state -C -l 4
sed '/written to file/d' <<<"$OUT" >over
ok "hbal of that file" m hbal -t state.original -C -l 4
sed '/written to file/d' <<<"$OUT" >again
ok "decides the same" diff over again

if peer_links "$T/peer"; then
	socket=$(vcl_file 1 QUERY_SOCKET)
	info "$T/peer" "-L$socket" >theirs
	ok "upstream's hinfo sees the same over luxi" diff luxi theirs
	info "$T/peer" -m "$url" >theirs
	ok "and from the REST daemon" diff luxi theirs
	ok "upstream's hbal moves an instance" m "$T/peer/hbal" "-L$socket" -X -l 1
	ok "back" m gnt-instance migrate -f -n node1.example.com "$(m gnt-instance list --no-headers -o name -F 'pnode != "node1.example.com"')"
else
	skip 4 "upstream's htools are not installed"
fi

diag "measured load"
run m hinfo -L --mond
like "$ERR" "Failed to contact node's node2.example.com MonD for DC cpu-avg-load" "without daemons it says so"
if python3 -c '' 2>/dev/null; then
	python3 "$here/mond.py" 3.5 "$VCL_NET".{1,2,3} >"$T/mond" 2>&1 &
	at_exit kill $!
	ok "monitoring daemons" wait_for 60 grep -q ready "$T/mond"
	ok "hinfo asks them" m hinfo -L --mond -pname,cload
	is "$(grep -c '^ *node[123] 3.500' <<<"$ERR")" 3 "all say the same"
else
	skip 3 "needs python3"
fi

diag "balancing"
moves_of() { grep -cE '^ +[0-9]+\. ' "$1"; }
ids_of() { sed -n 's/^Got job IDs //p' "$1" | tr , '\n'; }
on() { m gnt-instance list --no-headers -o pnode | sort | uniq -c | tr -s ' \n' ' '; }
# All on the first node again. Those that are down cannot migrate.
gather() {
	local name
	for name in $(m gnt-instance list --no-headers -o name -F 'pnode != "node1.example.com"'); do
		m gnt-instance failover -f -n node1.example.com "$name" || return
	done
}
ok "hbal -X" m hbal -L -X --reason="too full"
echo "$OUT" >moved
like "$OUT" $'\nExecuting jobset for instances inst' "says what it does"
n=$(moves_of moved)
ok "it moves some" test "$n" -gt 1
is "$(ids_of moved | wc -l)" "$n" "each by a job"
id=$(ids_of moved | tail -n 1)
unlike "$(on)" '6 node1' "they have moved"
mapfile -t ids < <(ids_of moved)
is "$(m gnt-job list --no-headers -o status "${ids[@]}" | sort -u)" success "the jobs say so"
ok "a job" m gnt-job info "$id"
like "$OUT" 'hbal.*too full' "knows who wanted it and why"
ok "hbal again" m hbal -L -X
like "$OUT" 'Nothing to do, exiting|No solution found' "finds nothing to do"
must_fail 1 'Execution of commands possible only on LUXI' m hbal -t state.original -X

diag "a job that fails"
ok "all on one node" gather
ok "moves are refused" m gnt-filter add --predicates='[["opcode", ["=", "OP_ID", "OP_INSTANCE_MIGRATE"]]]' --action=REJECT
must_fail 1 $'Error: hbal: Not all jobs completed successfully: \\[\\(JobId \\{fromJobId = [0-9]+\\},JOB_STATUS_[A-Z]+\\)' m hbal -L -X
is "$(grep -c "^Got job IDs" <<<"$OUT")" 1 "it stops at the first"
is "$(on)" ' 6 node1.example.com ' "nothing has moved"
ok "again allowed" m gnt-filter delete "$(m gnt-filter list --no-headers -o uuid)"

diag "signals"
paused() { grep -qs '^Got job IDs' "$T/hbal"; }
# starts hbal -X while moves have to wait; its number in PID
hbal_paused() {
	ok "moves have to wait" m gnt-filter add --predicates='[["opcode", ["=", "OP_ID", "OP_INSTANCE_MIGRATE"]]]' --action=PAUSE
	rm -f "$T/hbal" # of an earlier one
	# shellcheck disable=SC2016 # for the inner shell
	m bash -c 'echo $$ >"$0"; exec hbal -L -X' "$T/pid" >"$T/hbal" 2>&1 &
	job=$!
	ok "hbal waits for its first jobs" wait_for 60 paused
	pid=$(cat "$T/pid")
}
go_on() {
	ok "they may go on" m gnt-filter delete "$(m gnt-filter list --no-headers -o uuid)"
}
hbal_paused
kill -INT "$pid"
ok "an interrupt is heard" wait_for 60 grep -q '^Cancel request registered, will exit at the end of the current job set...' "$T/hbal"
go_on
wait "$job"
is $? 0 "it ends well"
like "$(cat "$T/hbal")" $'\nExiting early due to user request, \n[0-9]+ jobset\\(s\\) not submitted:\n' "and says what is left"
like "$(on)" '^ 5 node1.example.com 1 node[23].example.com $' "the first set was done"
hbal_paused
kill -TERM "$pid"
wait "$job"
is $? 2 "terminated, it ends at once"
like "$(cat "$T/hbal")" $'\nDouble cancel request, exiting now...$' "and says so"
go_on

diag "repairs"
tag=ganeti:watcher:autorepair
ended=$(m gnt-job list --no-headers -o id,status | awk '$2 == "success" {print $1}' | tail -n 1)
failed=$(m gnt-job list --no-headers -o id,status | awk '$2 ~ /error|canceled/ {print $1}' | tail -n 1)
ok "tags of repairs under way" m gnt-instance add-tags inst1.example.com "$tag:pending:failover:u1:1000000000:$ended"
ok "and of one that failed" m gnt-instance add-tags inst2.example.com "$tag:pending:failover:u2:1000000000:$failed+$ended"
run m harep -L --dry-run
is "$RC" 0 "a dry run"
is "$(m gnt-instance list-tags inst1.example.com)" "$tag:pending:failover:u1:1000000000:$ended" "changes nothing"
run m harep -L
is "$RC" 0 "harep"
like "$OUT" $'Moving inst1.example.com from "Pending repair" to "Healthy"\n' "sees that the first is done"
like "$OUT" $'Moving inst2.example.com from "Pending repair" to "Failure"\n' "and that the other is not"
like "$OUT" $'Instance status count\n-+\nFailure: 1\nHealthy: 5$' "counts"
like "$(m gnt-instance list-tags inst1.example.com)" "^$tag:result:failover:u1:[0-9]+:success:$ended\$" "the tag of the first"
like "$(m gnt-instance list-tags inst2.example.com)" "^$tag:result:failover:u2:[0-9]+:failure:$failed\\+$ended\$" "and of the other"
run m harep
is "$RC" 0 "harep, which needs no option"
unlike "$OUT" 'Moving|>>>' "has nothing more to do"

diag "others"
ok "hroller" m hroller -L --print-moves
like "$OUT" "'Node Reboot Groups'" "has groups"
is "$(m hroller -L --ignore-non-redundant 2>/dev/null | tail -n 1)" node2.example.com,node3.example.com,node1.example.com "the master is the last"
ok "hsqueeze" m hsqueeze -L -v
like "$OUT" 'Offline candidates: node' "knows whom it may power down"
vcl_done
