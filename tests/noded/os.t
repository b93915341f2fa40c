#!/bin/bash
# An operating system definition as distributed: Debian's ganeti-os-noop.
# shellcheck disable=SC2154,SC2119 # names that replay gives
. "$(dirname "$0")/lib.sh"

noop=/usr/share/ganeti/os/noop
[ -d $noop ] || skip_all "needs the package ganeti-os-noop"
new_root
cp "$T/client.pem" "$NODED_CLIENT_CERT_FILE"
trust client
mkdir -p "${OS_SEARCH_DIRS%%:*}"
cp -r $noop "${OS_SEARCH_DIRS%%:*}/"
noded_start

disk() { # UUID
	printf '{"uuid":"%s","dev_type":"file","size":8,"mode":"rw","iv_name":"disk/0","params":{},"children":[],"nodes":[],
		"dynamic_params":{},"logical_id":["loop","/srv/ganeti/file-storage/inst1.example.com/disk0"]}' "$1"
}
instance() {
	printf '{"name":"inst1.example.com","uuid":"c3ac7374-626a-4bdb-bb52-6907dcd1f312","os":"noop","hypervisor":"fake",
		"primary_node":"15271a30-b12e-4308-9436-ec59f5bca802","secondary_nodes":[],"admin_state":"down",
		"admin_state_source":"admin","disks_active":true,"beparams":{"maxmem":128,"minmem":128,"vcpus":1},"hvparams":{},
		"serial_no":1,"ctime":1,"mtime":1,"osparams":{},"osparams_private":{},"nics":[],"tags":[],"disks":["d0"],"disks_info":[%s]}' "$(disk d0)"
}
mkdir -p "$(dirname "$FILE_STORAGE_PATHS_FILE")" "$GANETI_ROOTDIR/srv/ganeti/file-storage"
echo /srv/ganeti/file-storage >"$FILE_STORAGE_PATHS_FILE"

like "$(call os_diagnose '[]')" '^\[true, ?\[\["noop", ?"[^"]*/os/noop", ?true, ?"", ?\[\], ?\[\], ?\[5, ?10\]' "found, valid, versions 5 and 10"
like "$(call os_validate '[true,"noop",["parameters"],{},false]')" '^\[true, ?true\]' "validates"
like "$(call os_validate '[true,"noop+x",["parameters"],{},false]')" '^\[false,.*variant' "has no variants"
call file_storage_dir_create '["/srv/ganeti/file-storage/inst1.example.com"]' >/dev/null
like "$(call blockdev_create "[$(disk d0),8,\"inst1.example.com\",true,\"\",false]")" '^\[true' "a disk"
like "$(call blockdev_assemble "[$(disk d0),$(instance),true,0]")" '^\[true' "assembled"
like "$(call instance_os_add "[$(instance),false,0]")" '^\[true, ?null\]' "installs"
like "$(call instance_os_add "[$(instance),true,0]")" '^\[true, ?null\]' "installs again"
like "$(call instance_run_rename "[$(instance),\"old.example.com\",0]")" '^\[true, ?null\]' "renames"
is "$(find "$LOG_OS_DIR" -name '*-noop-*inst1.example.com-*.log' -printf '%f\n' | cut -d- -f1 | sort -u | wc -l)" 2 \
	"every kind of run has a log"
done_testing
