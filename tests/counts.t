#!/bin/bash
# As many of everything as upstream has.
. "$(dirname "$0")/harness/tlib.sh"

run ./schema_dump --counts
is "$RC" 0 "the counts are printed"
while IFS= read -r line; do
	like "$OUT" "$(printf '(^|\n)%s($|\n| and [0-9]+ of our own)' "$line")" "$line"
done <<L
opcodes: 76 with 457 parameters
node RPCs: 109
luxi methods: 25
REST resources: 61 with 83 methods
fields of instance: 292
fields of node: 46
fields of group: 25
fields of job: 16
fields of network: 19
fields of filter: 6
fields of export: 2
fields of lock: 4
fields of os: 11
fields of extstorage: 4
fields of cluster: 16
commands of gnt programs: 132
error classes: 49 with 10 codes and 7 of clients only
parameters of 6 hypervisors: 115
verification codes: 41
ssconf files: 34
hooks: 40
L

done_testing
