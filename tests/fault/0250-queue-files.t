#!/bin/bash
# Files of jobs that could not be written: they are in the end, also of jobs that are archived meanwhile.
# shellcheck disable=SC2154,SC2317 # what lib.sh sets; functions for wait_for
# shellcheck source=tests/fault/lib.sh
. "$(dirname "$0")/lib.sh"
needs_faults

submit() { # SECONDS
	vcl_luxi SubmitJob "[[{\"OP_ID\":\"OP_TEST_DELAY\",\"duration\":$1,\"on_master\":true,\"no_locks\":true,\"reason\":[]}]]" |
		tr -cd 0-9
}
says() { # FILE STATUS
	grep -q "\"status\": *\"$2\"" "$1"
}
archived() { [ "$(vcl_luxi ArchiveJob "[$id]")" = true ]; }
fired() { [ ! -e "$GANETI_FAULTS/mirror_write" ]; }
none_due() { [ -e "$QUEUE/mirrored" ] && [ ! -s "$QUEUE/mirror" ]; }

vcl_up 1
kill9 1 ganeti-masterd
ok "the master knows of the faults" master_up
QUEUE=$(vcl_file 1 QUEUE_DIR)
ok "all files are written" wait_for 60 none_due

for killed in false true; do
	diag "archived before its file could be written; the master is killed: $killed"
	id=$(submit 8)
	ok "its file says that it runs" wait_for 60 says "$QUEUE/job-$id" running
	rm -f "$GANETI_FAULTS/mirror_write.hits"
	arm mirror_write "fail in ganeti-masterd"
	ok "it ends" wait_for 60 vcl_is "$id" success
	ok "its file can't be written" wait_for 60 fired
	ok "it is archived" wait_for 60 archived # not before its worker is known to have ended
	$killed && kill9 1 ganeti-masterd && master_up
	ok "the file in the archive has its end" wait_for 60 says "$QUEUE/archive/0/job-$id" success
	nok "there is no other" test -e "$QUEUE/job-$id"
	ok "nothing is left to do" wait_for 60 none_due
done
vcl_done
