#!/bin/bash
# doc/howto-add-a-parameter: its row, added to a copy of the rows, is in all the places it names.
. "$(dirname "$0")/harness/tlib.sh"

top=$(cd "$(dirname "$0")/.." && pwd)
rows=$top/src/schema/hvparams.def
mkdir -p "$T/src/schema"

sed -n '/^\tHVP(/,/")$/p' "$top/doc/howto-add-a-parameter" >"$T/row"
is "$(grep -c HVP "$T/row")" 1 "the text has one row"
is "$(grep -c rng_source "$rows")" 0 "which is not there yet"
sed "/^END(kvm)/{
	e cat $T/row
}" "$rows" >"$T/src/schema/hvparams.def"
is "$(diff "$rows" "$T/src/schema/hvparams.def" | grep -c '^>')" "$(wc -l <"$T/row")" "now it is, in a copy"

# only the tables change; programs take them instead of those of the library
target=howto-programs
[ ! -x tests/unit/query ] || target=howto-unit
run env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s $target ROWS="$T"
[ "$RC" = 0 ] || diag "$OUT"$'\n'"$ERR"
is "$RC" 0 "it compiles"

ok "1. a good value is accepted" "$T/hvcheck" kvm rng_source=/dev/urandom
must_fail 1 "^Parameter 'rng_source' fails syntax check: must be an absolute normalized path" \
	"$T/hvcheck" kvm rng_source=urandom
must_fail 1 "Unknown parameter 'rng_source'" tests/harness/hvcheck kvm rng_source=/dev/urandom
# without a master, which comes after the look at the parameters
export GANETI_ROOTDIR=$T/root GANETI_HOSTNAME=node1
must_fail 1 "Cluster not initialized" "$T/gnt" instance modify -H rng_source=/x web1
must_fail 1 "Parameter Error: Unknown parameter 'rng_source'" ./gnt instance modify -H rng_source=/x web1

# has DESCRIPTION REGEX COMMAND...: what it prints has that, lines joined
has() {
	local d=$1 re=$2
	shift 2
	ok "$d" grep -qzE "$re" <("$@")
}
has "2. --help names it" 'Keys of --hypervisor-parameters.*kvm: [^:]*rng_source' "$T/gnt" instance modify --help
has "3. the manual describes it" 'rng_source\\fR \(string, default \\fB\\%empty\\fR\)[^a-z]*Source of random' \
	"$T/schema_dump" --man "$top/man/gnt-instance.8.in"
has "4. the REST reference describes it" 'HvKvm.*    rng_source \(string, default ""\)[^a-z]*Source.*HvLxc' \
	"$T/schema_dump" --rapi
has "and the OpenAPI document" '"HvKvm": .*"rng_source": \{.*"HvChroot": ' "$T/schema_dump" --openapi
has "5. it is a field of instances" '"name": "hv/rng_source"' "$T/schema_dump" --json

"$T/schema_dump" --json >"$T/dump"
ok "the rows are otherwise upstream's" tests/schema/compare "$T/dump" "$top/tests/schema"
if [ $target = howto-unit ]; then
	for t in schema query; do
		ok "comparisons with upstream are as before: $t" env srcdir="$top" "$T/$t"
	done
else
	skip 2 "no cmocka"
fi
done_testing
