#!/bin/bash
# Files of jobs that an earlier master did not write: all of them are there in the end, also when it is killed on the way,
# and while jobs are submitted and end all the time.
# shellcheck disable=SC2154,SC2119,SC2317 # path variables; options are rare; called by ok
. "$(dirname "$0")/lib.sh"

ENDED=300 ARCHIVED=50
MARK=$QUEUE_DIR/mirrored # the term and the boot whose master has all of them here

last=$((ENDED + ARCHIVED))

queue_file() { # ID
	if [ "$1" -le $ARCHIVED ] || [ -e "$T/archived-$1" ]; then
		echo "$JOB_QUEUE_ARCHIVE_DIR/$(($1 / 10000))/job-$1"
	else
		echo "$QUEUE_DIR/job-$1"
	fi
}
missing() { # of those that were there before
	local i
	for ((i = 1; i <= last; i++)); do [ -s "$(queue_file $i)" ] || echo "$i"; done
}
says() { # ID STATUS
	grep -q "\"status\": *\"$2\"" "$QUEUE_DIR/job-$1"
}
BATCH="[[$(for ((i = 0; i < 50; i++)); do echo "[$(delay 0)]"; done | paste -sd,)]]"
submit_batch() { # prints the last one's number
	luxi SubmitManyJobs "$BATCH" | grep -o '[0-9]*\]\]$' | tr -d ']'
}
# jobs come and end, without a pause, until the mark is there: prints the last one's number
goes_on() {
	local id
	while :; do
		id=$(submit_batch)
		ends "$id" >/dev/null || return
		if [ -e "$MARK" ] || [ -e "$T/enough" ]; then break; fi
	done
	echo "$id"
}
at_exit touch "$T/enough"

new_cluster 1 127.0.0.1
master || bail "masterd does not start"
for ((i = 0; i < last; i += 50)); do id=$(submit_batch); done
is "$id" $last "$last jobs"
ok "all end" wait_for 60 none_left
for ((i = 1; i <= ARCHIVED; i++)); do
	run luxi ArchiveJob "[$i]"
	[ "$OUT" = true ] || fail "job $i is archived"
done
master_stop
is "$(missing)" "" "each has a file"

diag "killed on the way"
rm -rf "$MARK" "$JOB_QUEUE_ARCHIVE_DIR" "$QUEUE_DIR"/job-*
master || bail "masterd does not start"
master_kill
master || bail "masterd does not start"
ok "the next one goes on" wait_for 180 test -e "$MARK"
is "$(missing)" "" "all files are there"

diag "the mark"
BOOT=$(cat /proc/sys/kernel/random/boot_id)
is "$(cat "$MARK")" "1 $BOOT" "names the term and the boot"
rm "$QUEUE_DIR/job-200"
master_stop
master || bail "masterd does not start"
new=$(submit "$(delay 0)")
ok "a job" wait_for 60 says "$new" success
nok "others are not looked at" test -e "$QUEUE_DIR/job-200"
master_stop
marked() { grep -qx "1 $BOOT" "$MARK"; }
for other in "0 $BOOT" "1 01234567-89ab-cdef-0123-456789abcdef" "1"; do
	rm -f "$QUEUE_DIR/job-200"
	echo "$other" >"$MARK"
	master || bail "masterd does not start"
	ok "one of another term or boot does not count ($other)" wait_for 180 marked
	is "$(missing)" "" "all files are there again"
	master_stop
done

diag "a list that is too long to be followed"
rm "$QUEUE_DIR/job-200"
for ((i = 0; i < 20000; i++)); do echo "$new"; done >"$QUEUE_DIR/mirror"
master || bail "masterd does not start"
none_due() { marked && [ ! -s "$QUEUE_DIR/mirror" ]; }
ok "all are looked at instead" wait_for 180 none_due
is "$(missing)" "" "all files are there"
master_stop

diag "a file that can't be written"
in_the_way() { mkdir -p "$QUEUE_DIR/job-$1/x"; } # ID
for id in 180 200 300; do rm "$QUEUE_DIR/job-$id"; done
in_the_way 200
rm "$MARK"
master || bail "masterd does not start"
ok "does not keep the others from being written" wait_for 60 says 300 success
ok "nor from being complete but for that one" wait_for 60 marked
ok "which is to be written on" grep -qx 200 "$QUEUE_DIR/mirror"
rm -r "$QUEUE_DIR/job-200"
ok "when nothing is in its way any more it is written" wait_for 60 says 200 success
ok "nothing is left to do" wait_for 60 none_due
is "$(missing)" "" "all files are there"
master_stop

diag "some can't be written for a while"
for id in 180 181 182; do
	rm "$QUEUE_DIR/job-$id"
	in_the_way $id
done
sed -i 's/"success"/"running"/' "$QUEUE_DIR/job-300"
rm "$MARK"
nok "an old file" says 300 success
echo -n >"$(queue_file 20)" # a power failure may leave that
mkdir "$T/aside"
mv "$JOB_QUEUE_ARCHIVE_DIR/0" "$T/aside/"
touch "$JOB_QUEUE_ARCHIVE_DIR/0" # nor can anything be archived
master || bail "masterd does not start"
stops() { [ "$(grep -c "Can't write .*job-18[0-2]" "$MASTERD_LOG")" -ge 3 ]; }
ok "it stops there" wait_for 60 stops
is "$(luxi ArchiveJob '[300]')" true "meanwhile the old one is archived"
ARCHIVE_300=$JOB_QUEUE_ARCHIVE_DIR/0/job-300
ok "the others are brought up to date" wait_for 60 marked
ok "also what is not yet archived" says 20 success
for id in 180 181 182; do rm -r "$QUEUE_DIR/job-$id"; done
rm "$JOB_QUEUE_ARCHIVE_DIR/0"
mv "$T/aside/0" "$JOB_QUEUE_ARCHIVE_DIR/"
ok "all is brought up to date" wait_for 60 none_due
ok "what is in the archive as well" grep -q '"status": *"success"' "$ARCHIVE_300"
nok "there is no other" test -e "$QUEUE_DIR/job-300"
touch "$T/archived-300"
is "$(missing)" "" "all files are there"
master_stop
# what follows is about others
grep -v -e "Can't write .*job-\(18[0-2]\|200\):" -e "Can't archive .*Not a directory" "$MASTERD_LOG" >"$T/log"
cat "$T/log" >"$MASTERD_LOG"

diag "while jobs go on"
rm -rf "$MARK" "$JOB_QUEUE_ARCHIVE_DIR" "$QUEUE_DIR"/job-*
echo nonsense >"$QUEUE_DIR/job-200"
echo nonsense >"$QUEUE_DIR/job-99999999"
master || bail "masterd does not start"
goes_on >"$T/one" &
one=$!
goes_on >"$T/two" &
two=$!
ok "all files are there" wait_for 180 test -e "$MARK"
touch "$T/enough"
is "$(missing)" "" "all of them, once more"
ok "one that was wrong is right" says 200 success
nok "one of a job that never was is gone" test -e "$QUEUE_DIR/job-99999999"
wait "$one" && wait "$two"
is "$?" 0 "those who submitted jobs had no trouble"
rm "$T/enough"
for f in one two; do
	ok "files of jobs that came meanwhile have their end" wait_for 60 says "$(cat "$T/$f")" success
done
nok "nothing went wrong on the way" grep -E "ERROR Can't (write|archive|remove|bring|open|store|read)" "$MASTERD_LOG"
done_testing
