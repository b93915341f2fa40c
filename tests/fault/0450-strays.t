#!/bin/bash
# Disk files that nobody will ever remove: a creation that dies together with all who would have cleaned up leaves
# one; gnt-cluster verify names it.
# shellcheck disable=SC2154,SC2317 # what lib.sh sets; functions for wait_for
# shellcheck source=tests/fault/lib.sh
. "$(dirname "$0")/lib.sh"
needs_faults

FILES=/srv/ganeti/file-storage SHARED=/srv/ganeti/shared-file-storage

# strays: what verification names; it fails if that makes it fail
strays() {
	local text
	text=$(m gnt-cluster verify "$@" 2>&1) || { echo "verify fails"; printf '%s\n' "$text"; }
	sed -nE 's/^.*  - (WARNING|ERROR)/\1/p' <<<"$text"
}

# stray NODE WHAT
stray() {
	echo "WARNING: node node$1.example.com: $2 belongs to no instance; if nobody needs it, remove it on that node"
}

vcl_up 2
ok "an instance" m gnt-instance add -t file -s 4m -o tiny+default -n node2.example.com inst1.example.com
ok "another" m gnt-instance add -t sharedfile --disk 0:size=4m --disk 1:size=4m -o tiny+default -n node1.example.com inst2.example.com
is "$(strays)" '' "all files are their disks"

diag "a creation is killed"
vcl_kill9 2 ganeti-noded
ok "the agent knows of the faults" vcl_on 2 ganeti-noded
arm node_disk_made stop
m gnt-instance add -t file --disk 0:size=4m -o tiny+default -n node2.example.com inst3.example.com >"$T/add" 2>&1 &
adding=$!
root=$(vcl_root 2)
made() { [ -n "$(find "$root$FILES/inst3.example.com" -name '*.disk0' 2>/dev/null)" ] && [ ! -e "$GANETI_FAULTS/node_disk_made" ]; }
ok "its disk is there" wait_for 60 made
job=$(m gnt-job list --no-headers --running -o id | tr -d ' ')
vcl_kill9 2 ganeti-noded
kill -9 "$(vcl_worker "$job")"
wait $adding
is "$(vcl_status "$job")" error "it has failed"
ok "the agent is started again" vcl_on 2 ganeti-noded
is "$(m gnt-instance list --no-headers -o name inst3.example.com 2>&1 | grep -c known)" 1 "there is no such instance"
ok "but its disk" made
is "$(strays)" "$(stray 2 "directory $FILES/inst3.example.com")" "that is found, and nothing else"
is "$(strays --error-codes)" "WARNING:ENODEORPHANLV:node:node2.example.com:$(stray 2 "directory $FILES/inst3.example.com" | sed 's/^.*example.com: //')" \
	"its code is that of logical volumes"
rm -r "$root$FILES/inst3.example.com"
is "$(strays)" '' "all is well when it has been removed"

diag "other files"
dir1=$(dirname "$(find "$root$FILES" -name '*.disk0')")
touch "$dir1/of another.disk1" "$VCL/shared/loose" "$root$FILES/.hidden"
mkdir -p "$root$FILES/fast" "$VCL/shared/gone.example.com/sub" "$root$FILES/empty.example.com" "$root$FILES/lost+found"
touch "$VCL/shared/gone.example.com/"{a,b} "$VCL/shared/gone.example.com/sub/c" "$root$FILES/fast/"$'\e[0m'
ok "an instance's directory is empty" m gnt-instance add -t diskless -o tiny+default -n node2.example.com inst4.example.com
mkdir "$root$FILES/inst4.example.com"
is "$(strays | sort)" "$({
	stray 1 "directory $SHARED/gone.example.com"
	stray 1 "file $SHARED/loose"
	stray 2 "directory $FILES/empty.example.com"
	stray 2 "directory $FILES/fast"
	stray 2 "file $FILES/inst1.example.com/of another.disk1"
} | sort)" "each once, shared ones as well"
rm "$root$FILES/fast/"*
is "$(strays | grep -c fast)" 0 "an empty directory may be prepared for instances"
rm -r "$dir1/of another.disk1" "$VCL/shared/loose" "$VCL/shared/gone.example.com" "$root$FILES/empty.example.com"
is "$(strays)" '' "all of them are gone"

diag "disks without an instance"
disk=$(m gnt-instance info inst2.example.com | sed -n '/disk\/1/,$s/^ *UUID: //p' | head -n 1)
ok "stop" m gnt-instance shutdown inst2.example.com
ok "detach one of the disks" m gnt-instance modify --disk "$disk:detach" inst2.example.com
is "$(m gnt-instance list --no-headers -o disk.count inst2.example.com)" 1 "it has one less"
is "$(strays)" '' "a disk that is configured is known"

diag "many"
mkdir "$root$FILES/many.example.com"
for ((i = 0; i < 60; i++)); do touch "$dir1/stray$i"; done
run strays
is "$(grep -c 'belongs to no instance;' <<<"$OUT")" 50 "what is said has a limit"
like "$(m gnt-cluster verify)" '  - NOTICE: node node2.example.com: 11 more that belong to no instance' "and says so"
rm "$dir1"/stray*
rmdir "$root$FILES/many.example.com"
is "$(strays)" '' "that was all"
vcl_done
