#!/bin/bash
# Tags of everything that can have them.
# shellcheck source=tests/lu/lib.sh
. "$(dirname "$0")/lib.sh"
nodes 2

t() { # NAME KIND OBJECT [TAG...]
	local name=$1 kind=$2 object=$3 tags
	shift 3
	tags=$(printf '%s\n' "$@" | jq -Rnc '[inputs]')
	op "TAGS_$name" "kind:\"$kind\"" "name:\"$object\"" "tags:$tags"
}

get() {
	job "$(op TAGS_GET "kind:\"$1\"" "name:\"$2\"")"
	jq -c sort <<<"$RESULT"
}

for x in cluster: node:node2.example.com nodegroup:default; do
	kind=${x%%:*} object=${x#*:}
	good "$(t SET "$kind" "$object" one two)" "$kind: set"
	good "$(t SET "$kind" "$object" two three)" "$kind: a tag it has already is fine"
	is "$(get "$kind" "$object")" '["one","three","two"]' "$kind: get"
	good "$(t DEL "$kind" "$object" one)" "$kind: remove"
	is "$(get "$kind" "$object")" '["three","two"]' "$kind: the others stay"
done
bad "$(t DEL cluster "" two nosuch none)" OpPrereqError unknown_entity "Tag(s) 'none', 'nosuch' not found"
is "$(get cluster "")" '["three","two"]' "then none is removed"
bad "$(t SET cluster "" 'bad tag!')" TagError null "Tag contains invalid characters"
bad "$(t SET node node9 x)" OpPrereqError unknown_entity "Node 'node9' not known"
job "$(op TAGS_SEARCH 'pattern:"^t.*e"')"
is "$(jq -c sort <<<"$RESULT")" '[["/cluster","three"],["/nodegroup/default","three"],["/nodes/node2.example.com","three"]]' "search"
bad "$(op TAGS_SEARCH 'pattern:"("')" OpPrereqError wrong_input "Invalid search pattern '(': Unmatched ( or \\("
is "$(calls . | grep -cv '^replica_\|^write_ssconf\|^hooks\|^jobqueue\|^upload')" 0 "no node was asked for any of that"
many=$(seq -f 't%.0f' 1 4094)
# shellcheck disable=SC2086 # words
good "$(t SET cluster "" $many)" "up to 4096 tags"
bad "$(t SET cluster "" one-more-1 one-more-2)" OpExecError null "Error while setting tag: Too many tags"
done_testing
