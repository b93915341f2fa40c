#!/bin/bash
# The judge itself: it is content with a master that keeps its word, and catches one that does not - a
# build that drops what it acknowledges, and histories that claim what did not happen.
# shellcheck disable=SC2154,SC2317 # what lib.sh sets; functions for wait_for
# shellcheck source=tests/fault/lib.sh
. "$(dirname "$0")/lib.sh"

# claim LINE...: the history with these lines is found out
claim() { # DESCRIPTION REGEX LINE...
	local d=$1 re=$2 line
	shift 2
	rm -rf "$T/claim" && mkdir "$T/claim"
	cp "$H"/*.history "$T/claim/"
	for line; do echo "$line"; done >"$T/claim/900000.history"
	run vcl_on 1 "$HISTORY" check "$T/claim"
	is "$RC" 1 "the judge objects: $d"
	like "$OUT" "$re" "and says why"
}

vcl_up 3
clients_start 4
ok "clients work" wait_for 120 clients_done 300
ok "clients end" clients_stop
judge "a master that works"

job=$(vcl_luxi SubmitJob '[[{"OP_ID":"OP_TEST_DELAY","duration":0,"on_master":true,"no_locks":true,"reason":[["history","900000.1.0",1]]}]]')
ok "a job" m gnt-job wait "$job"
claim "a job that is not there" 'job 99999 of operation 900000.2 was acknowledged and is lost' \
	'{"n":"900000.1","do":"noop"}' '{"n":"900000.2","do":"noop"}' '{"n":"900000.2","ack":[99999]}'
claim "a job of somebody else" "job $job is not that of operation 900000.2" \
	'{"n":"900000.2","do":"noop"}' "{\"n\":\"900000.2\",\"ack\":[$job]}"
claim "another end" "job $job had ended as error and now is success" \
	'{"n":"900000.1","do":"noop"}' "{\"n\":\"900000.1\",\"ack\":[$job]}" "{\"n\":\"900000.1\",\"end\":[$job,\"error\"]}"
claim "a refused job that ran" 'operation 900000.1 was refused, and there is a job of it' \
	'{"n":"900000.1","do":"noop"}' '{"n":"900000.1","refused":"no"}'
claim "a canceled job that ran" "job $job was canceled and now is success" \
	'{"n":"900000.1","do":"noop"}' "{\"n\":\"900000.1\",\"ack\":[$job]}" "{\"n\":\"900000.1\",\"canceled\":$job}"
claim "an archived job that is not" "job $job was archived and is not any more" \
	"{\"n\":\"900000.3\",\"do\":\"archive\",\"job\":$job}" '{"n":"900000.3","ack":[]}'
claim "a filter" 'filter 00000000-0000-4000-8000-000000000009 was acknowledged and is lost' \
	'{"n":"900000.4","do":"filter"}' '{"n":"900000.4","ack":"00000000-0000-4000-8000-000000000009"}'
claim "what a client saw" 'client, operation 900000.5: strange' '{"n":"900000.5","wrong":"strange"}'
# as if tags, one of them in fact, had been set by that job
TAGS='"do":"tags","kind":"cluster","name":"","groups":[["hist.x.0","hist.x.1","hist.x.2"]]'
claim "tags" 'tag hist.x.0 was acknowledged and is lost' "{\"n\":\"900000.1\",$TAGS}" "{\"n\":\"900000.1\",\"ack\":[$job]}"
ok "a tag" m gnt-cluster add-tags hist.x.0
claim "half of the tags" 'half applied: 1 of the 3 tags with hist.x.0' "{\"n\":\"900000.1\",$TAGS}" "{\"n\":\"900000.1\",\"ack\":[$job]}"
claim "nobody's tag" 'tag hist.x.0 of cluster/ comes from nowhere'
ok "without it" m gnt-cluster remove-tags hist.x.0
claim "an instance" 'instance inst77.example.com was acknowledged and is lost' \
	'{"n":"900000.1","do":"add","name":"inst77.example.com"}' "{\"n\":\"900000.1\",\"ack\":[$job]}"
held=$(vcl_hold -n node2.example.com)
claim "a lock, a job that has not ended" "job $held has not ended, it is running"$'.*'"locks are held or wanted: .*$held"
ok "release" vcl_release "$held"
mv "$(vcl_file 1 QUEUE_DIR)/job-$job" "$T/"
claim "a job without its file" "job $job has no file"
mv "$T/job-$job" "$(vcl_file 1 QUEUE_DIR)/"
judge "still"

if ! grep -q '^#define ENABLE_FAULT 1' "$VCL_BUILD/config.h"; then
	skip 1 "configured without --enable-fault"
	vcl_done
fi
is "$(_vcl_complaints)" '' "nothing has crashed or was caught by a sanitizer"

# A job may trip over what it was told is there. That is no fault of the job.
diag "a master that acknowledges what it does not store"
clients_start 4
ok "clients work" wait_for 120 clients_done 600
ok "from now on it drops everything" vcl_luxi --control fault '["turn_drop","fail always"]'
acked=$(grep -c '"ack"' "$H"/*.history | awk -F: '{n += $2} END {print n}')
lies() {
	[ "$(grep -c '"ack"' "$H"/*.history | awk -F: '{n += $2} END {print n}')" -ge $((acked + 20)) ]
}
ok "and acknowledges it" wait_for 120 lies
# what it remembers is not what is stored: only the next master shows it
kill9 1 ganeti-masterd
ok "the next one starts" master_up
clients_stop master_up >/dev/null # they may have seen it themselves
run vcl_on 1 "$HISTORY" check "$H"
is "$RC" 1 "the judge objects"
like "$OUT" 'wrong: ' "and says why"
diag "$OUT"
ok "daemons and workers end when they are told to" vcl_stop
done_testing
