#!/bin/bash
# The rows against upstream's published interface: names, order, types (by what they accept), defaults, checks. Runs
# in the build directory.
. "$(dirname "$0")/../harness/tlib.sh"

here=$(cd "$(dirname "$0")" && pwd)
compare=tests/schema/compare

./schema_dump --json >"$T/dump"

run $compare "$T/dump" "$here"
rc=$RC
while read -r verdict what; do
	case $verdict in
	same) ok "$what" true ;;
	BAD) fail "$what" ;;
	*) diag "${verdict#\#} $what" ;;
	esac
done <<<"$OUT"
is "$rc" 0 "no difference that is not allowed, and no rule without one"

# The comparison itself: whatever is changed in what we compare with is noticed.
run $compare --trial 31 "$T/dump" "$here"
is "$RC" 0 "$OUT"

# other FILE SED-SCRIPT PATTERN: with a reference changed so, the comparison says PATTERN
other() {
	rm -rf "$T/other"
	cp -r "$here" "$T/other"
	sed -i "$2" "$T/other/$1"
	run $compare "$T/dump" "$T/other"
	is "$RC" 1 "a change of $1 is noticed"
	like "$OUT" "$3" "and said: $3"
}
other reference/opcodes.json '/^"OP_INSTANCE_REBOOT"/s/"ReplaceDisksMode"\|"RebootType"/"EvacMode"/' \
	'OP_INSTANCE_REBOOT/fields/reboot_type/accepts/"hard": true, upstream false'
other reference/opcodes.json '/^"OP_INSTANCE_GROW_DISK"/s/"default": false/"default": true/' \
	'OP_INSTANCE_GROW_DISK/fields/[a-z_]*/default: false, upstream true'
other reference/types.json '/^"DiskIndex"/s/16/15/' 'OP_INSTANCE_GROW_DISK/fields/disk/accepts/15: true, upstream false'
other reference/luxi.json '/^"CancelJob"/s/"bool"/"int"/' 'luxi/CancelJob/fields/kill/accepts/true: true, upstream false'
other reference/objects.json '/^"node"/s/"bool"/"int"/' 'objects/node/fields/master_candidate/accepts/1: false, upstream true'
other allowed '1a rpcs/version/nonsense: because' 'allowed, but not a difference: rpcs/version/nonsense'

run ./schema_dump --unimplemented
diag "${OUT##*$'\n'}"
like "${OUT##*$'\n'}" '^[0-9]+ not implemented$' "what has no handler yet is known"
done_testing
