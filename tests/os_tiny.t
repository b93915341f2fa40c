#!/bin/bash
# The OS definition os/tiny against the OS interface, version 20: what each script is given, what it
# writes, how it refuses.
# shellcheck disable=SC2317 # functions are called by ok and must_fail
. "$(dirname "$0")/harness/tlib.sh"

os=$(readlink -f "$(dirname "$0")/../os/tiny")
disk=$T/disk0

# script NAME VAR=VALUE... [-- ARG...]: as the node agent runs it, clean environment and all
script() {
	local name=$1 vars=()
	shift
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		vars+=("$1")
		shift
	done
	[ $# = 0 ] || shift
	env -C "$os" -i PATH=/sbin:/bin:/usr/sbin:/usr/bin OS_API_VERSION=20 OS_NAME=tiny DEBUG_LEVEL=0 \
		INSTANCE_NAME=inst1.example.com INSTANCE_OS=tiny DISK_COUNT=1 DISK_0_ACCESS=rw \
		DISK_0_PATH="$disk" DISK_0_SIZE=2 NIC_COUNT=1 NIC_0_IP=10.77.1.1 "${vars[@]}" "$os/$name" "$@"
}

config() {
	head -c 4096 "$disk" | tr -d '\0'
}

fresh() {
	rm -f "$disk"
	truncate -s 2M "$disk"
}

# ---- the definition itself

is "$(cat "$os/ganeti_api_version")" 20 "API version 20"
for f in create export import rename verify; do
	ok "$f is executable" test -x "$os/$f"
done
is "$(grep -c . "$os/variants.list")" "$(wc -l <"$os/variants.list")" "no empty line in variants.list"
is "$(cut -d' ' -f1 "$os/parameters.list" | tr '[:upper:]' '[:lower:]' | sort | uniq -d)" "" "parameters are unique"

# ---- create

fresh
# shellcheck disable=SC2016 # on purpose
ok "create" script create OS_VARIANT=default OSP_MESSAGE='hello, $(world) "1"' OSP_PREFIX_LENGTH=16
is "$(config)" "GANETI-TINY 1
name=inst1.example.com
address=10.77.1.1/16
gateway=
message=hello, \$(world) \"1\"
end" "writes name, address and message, and runs nothing in them"
is "$(stat -c %s "$disk")" 2097152 "the disk keeps its size"
ok "the rest of the disk is empty" cmp -s <(tail -c +4097 "$disk") <(head -c 2093056 /dev/zero)

fresh
script create OS_VARIANT=default NIC_0_NETWORK_SUBNET=10.77.0.0/20 NIC_0_NETWORK_GATEWAY=10.77.0.9 >/dev/null
like "$(config)" 'address=10.77.1.1/20' "prefix length from the NIC's network"
like "$(config)" 'gateway=10.77.0.9' "gateway from the NIC's network"

fresh
script create OS_VARIANT=default OSP_ADDRESS=192.0.2.7/30 OSP_GATEWAY=192.0.2.5 >/dev/null
like "$(config)" 'address=192.0.2.7/30' "parameter address wins over the NIC"
like "$(config)" 'gateway=192.0.2.5' "parameter gateway"

fresh
script create OS_VARIANT=default NIC_COUNT=0 NIC_0_IP= >/dev/null
like "$(config)" $'\naddress=\n' "no NIC, no address"

ok "create for a diskless instance" script create OS_VARIANT=default DISK_COUNT=0 DISK_0_PATH=

fresh
ok "create, variant filled" script create OS_VARIANT=filled
is "$(dd if="$disk" bs=64 skip=16384 count=1 2>/dev/null)" \
	"$(printf '%-63s' 'inst1.example.com 0 00000000000000000000000000016384')" "numbers every 64 bytes"
is "$(tail -c 64 "$disk")" \
	"$(printf '%-63s' 'inst1.example.com 0 00000000000000000000000000032767')" "to the very end"
like "$(config)" '^GANETI-TINY 1' "and still has the configuration"
is "$(stat -c %s "$disk")" 2097152 "without growing the disk"

ok "reinstall over it" script create OS_VARIANT=default INSTANCE_REINSTALL=1
like "$OUT" 'inst1.example.com reinstalled' "says so"

fresh
must_fail 1 "'message' must be one line" script create OSP_MESSAGE=$'a\nend'
must_fail 1 "unknown variant 'nosuch'" script create OS_VARIANT=nosuch
must_fail 1 'userspace access is not supported' script create DISK_0_PATH=
must_fail 1 'cannot be written' script create DISK_0_PATH=/nonexistent
is "$(config)" "" "a refused create leaves the disk alone"

# ---- verify

ok "verify without parameters" script verify -- parameters
ok "verify with good ones" script verify OSP_MESSAGE=x OSP_ADDRESS=10.0.0.1/8 OSP_PREFIX_LENGTH=0 \
	OSP_GATEWAY=255.255.255.255 -- parameters
for v in 1.2.3.4 1.2.3/8 1.2.3.4/33 1.2.3.256/8 1.2.3.4.5/8 1..3.4/8 a.b.c.d/8 01.2.3.4/8 1.2.3.4/; do
	must_fail 1 "'address' must look like" script verify OSP_ADDRESS=$v -- parameters
done
must_fail 1 "'prefix_length' must be 0 to 32" script verify OSP_PREFIX_LENGTH=-1 -- parameters
must_fail 1 "'gateway' must be an IPv4" script verify OSP_GATEWAY=fe80::1 -- parameters
must_fail 1 "at most 1000 characters" script verify OSP_MESSAGE="$(printf '%01001d' 0)" -- parameters
must_fail 1 "nothing known about 'colours'" script verify -- colours

# ---- rename

fresh
script create OS_VARIANT=default OSP_MESSAGE='old\one &' >/dev/null
ok "rename" script rename OLD_INSTANCE_NAME=inst1.example.com INSTANCE_NAME=inst2.example.com
is "$(config | grep -c '^name=')" 1 "one name in the configuration"
like "$(config)" 'name=inst2.example.com' "the new one"
like "$(config)" 'message=old\\one &' "message kept as it was"
fresh
printf 'somebody formatted this' | dd of="$disk" conv=notrunc 2>/dev/null
ok "rename leaves a foreign disk" script rename OLD_INSTANCE_NAME=a INSTANCE_NAME=b
is "$(config)" 'somebody formatted this' "untouched"
ok "rename of a diskless instance" script rename OLD_INSTANCE_NAME=a DISK_COUNT=0 DISK_0_PATH=

# ---- export and import

fresh
script create OS_VARIANT=filled >/dev/null
export_to() {
	script export EXPORT_DEVICE="$disk" EXPORT_DISK_PATH="$disk" EXPORT_INDEX=0 EXP_SIZE_FD=11 \
		>"$1" 11>"$2"
}
ok "export" export_to "$T/dump" "$T/size"
is "$(cat "$T/size")" 2097152 "announces the size in bytes"
ok "is the disk byte for byte" cmp "$T/dump" "$disk"
ok "export without a size descriptor" script export EXPORT_DEVICE="$disk" EXPORT_INDEX=0
must_fail 1 'userspace access' script export EXPORT_INDEX=0

import_from() {
	script import IMPORT_DEVICE="$2" IMPORT_DISK_PATH="$2" IMPORT_INDEX=0 <"$1"
}
truncate -s 3M "$T/target"
ok "import into a larger disk" import_from "$T/dump" "$T/target"
ok "arrives" cmp -n 2097152 "$T/target" "$disk"
is "$(stat -c %s "$T/target")" 3145728 "the disk keeps its size"
# through a pipe that delivers small pieces
truncate -s 2M "$T/target2"
ok "import from a slow pipe" bash -c "$(declare -f script import_from); os=$os disk=$disk
	dd if='$T/dump' bs=777 status=none | import_from /dev/stdin '$T/target2'"
ok "arrives too" cmp "$T/target2" "$disk"
truncate -s 1M "$T/small"
must_fail 1 'larger than the disk \(1048576 bytes\)' import_from "$T/dump" "$T/small"
is "$(stat -c %s "$T/small")" 1048576 "and does not grow it"
must_fail 1 'userspace access' script import IMPORT_INDEX=0

done_testing
