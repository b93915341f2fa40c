#!/bin/bash
# A cluster of upstream's moves here: what it left on the disk of its master becomes the database, and goes back.
# shellcheck disable=SC2154,SC2119,SC2317 # path variables; options are rare; called by ok
. "$(dirname "$0")/lib.sh"

[ -x "$B/ganeti-noded" ] || skip_all "ganeti-noded is not built"
command -v openssl >/dev/null || skip_all "needs openssl"
command -v jq >/dev/null || skip_all "needs jq"
ln -s "$B/ganeti-node-worker" "$GANETI_LIBDIR/"
data=$here/../data
net=127.0.$((RANDOM % 250 + 2))
full=$data/config/3.0.2-full.json

# job FILE: a recorded job file
job() {
	grep -F "\"file\":\"3.1.0rc2/jobs/job.$1.json\"" "$data/golden/jobs.json" |
		sed 's/^{"file":"[^"]*","job"://; s/},*$//'
}

# certificates FOLDER: as upstream makes them: RSA, of version 1, the node's signed by the cluster's
certificates() {
	local k=$T/key
	openssl req -newkey rsa:2048 -nodes -subj /CN=ganeti.example.com -keyout "$k" -out "$T/csr" &&
		openssl x509 -req -in "$T/csr" -signkey "$k" -days 1825 -out "$T/crt" &&
		cat "$k" "$T/crt" >"$1/server.pem" &&
		openssl req -newkey rsa:2048 -nodes -subj /CN=node1.example.com -keyout "$k.node" -out "$T/csr" &&
		openssl x509 -req -in "$T/csr" -CA "$T/crt" -CAkey "$k" -set_serial 1 -days 1825 -out "$T/node.crt" &&
		cat "$k.node" "$T/node.crt" >"$1/client.pem"
}

# old_cluster FILE: the files of a cluster with that config.data
old_cluster() {
	local id
	new_cluster 1 "$net.1" # directories, ssconf
	rm "$CONFIG_DB"
	: >"$SSH_KNOWN_HOSTS_FILE"
	certificates "$DATA_DIR" 2>/dev/null || bail "openssl"
	# one candidate: there is only one node here that could store what a majority has to
	sed "s/\"10\.77\.0\.\([0-9]*\)\"/\"$net.\1\"/g" "$1" |
		jq '.cluster.candidate_pool_size = 1 | .nodes[] |= (.master_candidate = (.name == "node1.example.com"))' \
			>"$CONFIG_FILE"
	mkdir -p "$JOB_QUEUE_ARCHIVE_DIR/0"
	for id in instance-create.job-10 instance-create.job-12; do
		job $id >"$JOB_QUEUE_ARCHIVE_DIR/0/job-${id##*-}"
	done
	job error-mid >"$QUEUE_DIR/job-251"
	job running >"$QUEUE_DIR/job-252"
	job waiting >"$QUEUE_DIR/job-253"
	job queued >"$QUEUE_DIR/job-254"
	job canceled >"$QUEUE_DIR/job-255"
	job queued-dependent >"$QUEUE_DIR/job-256"
	echo '{"id": 257' >"$QUEUE_DIR/job-257"
	echo 300 >"$JOB_QUEUE_SERIAL_FILE"
	: >"$JOB_QUEUE_DRAIN_FILE"
}

import() {
	"$B/cfgupgrade" --force "$@"
}

old_cluster "$full"
run master
is "$RC" 2 "without a database the master does not start"
like "$ERR" "There is .*/config\.data, but no database yet: run cfgupgrade" "and says what to do"
run "$B/cfgupgrade" --help
is "$RC" 0 "cfgupgrade --help"
must_fail 2 "no such option: --nonsense" "$B/cfgupgrade" --nonsense
run env GANETI_HOSTNAME=node2.example.com "$B/cfgupgrade" --force
is "$RC" 1 "on another node than the master"
like "$ERR" "ssconf says master node is 'node1.example.com', but this machine's name is 'node2.example.com'" "it refuses"
run import --dry-run
is "$RC" 0 "a trial"
ok "leaves nothing" not test -e "$CONFIG_DB" -o -e "$CONFIG_DB.import"
cp "$CONFIG_FILE" "$T/before"
echo '{"version": 9000000}' >"$CONFIG_FILE"
must_fail 1 "Configuration version 9.0.0 is not supported" import
cp "$T/before" "$CONFIG_FILE"

run import --verbose
is "$RC" 0 "the real thing"
like "$ERR" 'Found configuration version 3000000 \(3\.0\.0\)' "says what it found"
like "$ERR" 'Job file .*/job-257 is left out' "a file that is broken is left out"
like "$ERR" 'Job 252 was running; it will be an error' "what becomes of the job that ran"
like "$ERR" '[0-9]+ instances are marked as up' "a warning about guests of the old daemons"
like "$ERR" 'Moved 6 jobs and 2 archived ones' "how many jobs"
like "$ERR" 'Configuration successfully upgraded to version 3\.1\.0\.$' "upstream's last line"
run import
is "$RC" 0 "again"
like "$ERR" 'successfully upgraded' "does no harm"

"$B/ganeti-noded" -b "$net.1" || bail "the node agent does not start"
noded_end() {
	kill "$(cat "$NODED_PID" 2>/dev/null)" 2>/dev/null || :
}
at_exit noded_end
master || bail "masterd does not start"
must_fail 1 "The master daemon is running" import --downgrade
run luxi QueryClusterInfo
like "$OUT" '"name":"cl.example.com"' "the cluster"
is "$(luxi QueryInstances '[[],["name"],false]' | tr -cd '[' | wc -c)" 8 "all seven instances"
answers() {
	luxi QueryNodes '[["node1.example.com"],["bootid"],false]' | grep -q '[0-9a-f]-'
}
ok "the node agent is called with the certificates of the old cluster" wait_for 20 answers
is "$(field 251 opstatus)" '["success","error","error","error"]' "old jobs"
like "$(field 251 opresult)" 'Preceding opcode failed' "and their results"
run luxi Query '["job",["oplog"],["=","id",12]]'
like "$OUT" '"message"' "messages of an archived one"
is "$(field 12 archived)" true "which still is archived"
is "$(ends 252)" error "the one that ran"
is "$(field 252 opresult)" '[["OpExecError",["detected death of job 252"]]]' "has died"
is "$(ends 256)" error "what depends on its success fails"
is "$(ends 253) $(ends 254)" "error success" "the ones that waited run; the node of one does not answer"
is "$(field 255 status)" '"canceled"' "the one that was cancelled is"
run luxi SubmitJob "[[$(delay 0)]]"
is "$ERR" '["GenericError",["Queue drained"]]' "the queue is drained as it was"
luxi SetDrainFlag '[false]' >/dev/null
is "$(submit "$(delay 0)")" 301 "numbers go on where they were"
is "$(ends 301)" success "jobs run"
ok "files of jobs that have ended since are there" wait_for 10 grep -q '"status":"error"' "$QUEUE_DIR/job-256"
verified() {
	grep -q "Configuration verified" "$MASTERD_LOG"
}
ok "the configuration is looked at" wait_for 20 verified

# --- and back ---
master_stop
run import --downgrade
is "$RC" 0 "back to 3.0"
like "$ERR" 'Configuration successfully downgraded to version 3\.0\.$' "says so"
like "$(cat "$CONFIG_FILE")" '"version": ?3000000' "config.data is of 3.0"
like "$(cat "$CONFIG_FILE")" '"xen_cmd": ?"xl"' "and has what 3.1 has not"
ok "the database is out of the way" not test -e "$CONFIG_DB"
ok "it is kept" compgen -G "$CONFIG_DB.backup-*"
must_fail 1 "nothing to go back from" import --downgrade
run import --verbose
is "$RC" 0 "here again"
like "$ERR" 'Moved 7 jobs and 2 archived ones' "with all jobs"
master || bail "masterd does not start"
is "$(field 301 status)" '"success"' "the newest one, too"
master_stop

# --- other versions, as copies ---
for file in 2.6 3.0.2-3nodes 3.1.0rc2-full 3.1.0rc2-kvm; do
	copy=$T/copy-$file
	mkdir "$copy"
	cp "$data/config/$file.json" "$copy/config.data"
	cp "$DATA_DIR"/{server.pem,known_hosts} "$copy/"
	echo node1.example.com >"$copy/ssconf_master_node"
	run import --path="$copy"
	is "$RC" 0 "$file in another directory"
	ok "its database is there" test -s "$copy/config.db"
done
done_testing
