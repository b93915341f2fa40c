#!/bin/bash
# Every call by our own client, compared with what captured clusters answered.
# shellcheck disable=SC2016,SC2119 # variables of the scripts it writes
. "$(dirname "$0")/lib.sh"

script() { # PATH TEXT
	mkdir -p "$(dirname "$1")"
	printf '#!/bin/sh\n%s\n' "$2" >"$1"
	chmod 755 "$1"
}

new_root
cp "$T/client.pem" "$NODED_CLIENT_CERT_FILE"
trust client
mkdir -p "$(dirname "$FILE_STORAGE_PATHS_FILE")" "$GANETI_ROOTDIR/srv/ganeti/file-storage" \
	"$GANETI_ROOTDIR/srv/ganeti/shared-file-storage"
echo /srv/ganeti >"$FILE_STORAGE_PATHS_FILE"
script "$HOOKS_BASE_DIR/cluster-init-post.d/00-dump" 'echo hook output'
script "$HOOKS_BASE_DIR/node-add-pre.d/00-dump" 'echo hook output'
script "${IALLOCATOR_SEARCH_DIRS%%:*}/echoing" 'cat "$1"; shift; echo " $*"'
script "${IALLOCATOR_SEARCH_DIRS%%:*}/failing" 'echo no; exit 3'
mkdir -p "$RESTRICTED_COMMANDS_DIR" && chmod 755 "$RESTRICTED_COMMANDS_DIR"
script "$RESTRICTED_COMMANDS_DIR/good" 'echo restricted output'
script "$GANETI_LIBDIR/daemon-util" 'case $1 in start-master) echo no master here; exit 1;; check) exit 1;; esac'
os=$GANETI_ROOTDIR/srv/ganeti/os
for i in create export import rename; do
	script "$os/dumpos/$i" 'env | LC_ALL=C sort >"'"$T"'/'$i'.env"; pwd >"'"$T"'/'$i'.cwd"'
	script "$os/failos/$i" 'echo it did not work >&2; exit 7'
done
script "$os/dumpos/verify" '[ "$OSP_FLAVOR" != bad ] || { echo bad flavor; exit 1; }'
echo 20 >"$os/dumpos/ganeti_api_version"
printf '# variants\ndefault\n\nalt\n' >"$os/dumpos/variants.list"
printf 'dhcp use dhcp\nflavor the flavor\n' >"$os/dumpos/parameters.list"
printf '5\n10\n' >"$os/failos/ganeti_api_version"
noded_start

"$B/tests/noded/replay" run "$here/steps.json" "$IP" >"$T/replay.out"
rc=$?
while IFS= read -r line; do
	case $line in
	ok*) pass "${line#* - }" ;;
	not*) fail "${line#* - }" ;;
	1..*) ;;
	*) echo "$line" ;;
	esac
done <"$T/replay.out"
is "$rc" 0 "all calls answered as expected"

diag "what the OS scripts saw"
# the shell adds these
ours() { grep -vE '^(PWD|OLDPWD|SHLVL|_)=' "$1"; }
sed "s,/srv/ganeti/shared,$GANETI_ROOTDIR&," "$here/create.env" >"$T/want.env"
is "$(ours "$T/create.env")" "$(cat "$T/want.env")" "create: the environment of the captured cluster"
is "$(cat "$T/create.cwd")" "$os/dumpos" "create: in the directory of the OS"
is "$(diff <(ours "$T/create.env") <(ours "$T/rename.env") | grep '^[<>]' | grep -vE 'MTIME|DISK_0_SIZE')" \
	'> OLD_INSTANCE_NAME=old.example.com' "rename: the same and the old name"
ok "create left a log" compgen -G "$LOG_OS_DIR/add-dumpos+alt-inst3.example.com-*.log"

diag "what is left"
is "$(ls "$DISK_LINKS_DIR")" '' "no links"
is "$(find "$GANETI_ROOTDIR/srv/ganeti/shared-file-storage" -mindepth 1)" '' "no files"
is "$(ls "$BDEV_CACHE_DIR")" '' "no entries of the device cache"
like "$(cat "$INSTANCE_REASON_DIR/inst3.example.com")" '"gnt:daemon:noded:(shutdown|reboot|start)","",[0-9]{19}\]\]$' \
	"the reason file ends with the node agent"
ok "the agent ends after the node left" wait_for 60 noded_gone "$(noded_pid)"
is "$(find "$DATA_DIR" -maxdepth 1 -type f)" '' "and left no secrets"
done_testing
