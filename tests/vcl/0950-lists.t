#!/bin/bash
# Lists of everything there is, with every option they share; the filter language in both its forms; tags of everything.
# shellcheck disable=SC2154,SC2317 # what tlib.sh sets; functions for wait_for
# shellcheck source=tests/harness/tlib.sh
. "$(dirname "$0")/../harness/tlib.sh"
# shellcheck source=tests/harness/vcl.sh
. "$(dirname "$0")/../harness/vcl.sh"
# shellcheck source=tests/vcl/recorded.sh
. "$(dirname "$0")/recorded.sh"
for p in python3 jq; do command -v $p >/dev/null || skip_all "needs $p"; done

recorded_up
for k in 1 2 3; do
	ext=$(vcl_root "$k")/srv/ganeti/extstorage
	mkdir -p "$ext/good" "$ext/bad"
	for s in create remove grow attach detach setinfo verify; do
		printf '#!/bin/sh\n' >"$ext/good/$s"
		chmod 755 "$ext/good/$s"
	done
	printf 'pool the pool\n' >"$ext/good/parameters.list"
done
echo 'extra one of this node only' >>"$(vcl_root 3)/srv/ganeti/extstorage/good/parameters.list"
ok "the cluster as recorded" recorded_state 3.1.0rc2 full "$RECORDED/../golden/rapi-3.1.json"
[ "$RC" = 0 ] || bail "no cluster"

# COMMAND, its resource, all its fields, some fields for the other options, how many objects
lists='
gnt-instance list|instance|292|name,be/memory,status|7
gnt-node list|node|46|name,mtotal,role|3
gnt-group list|group|25|name,node_cnt,alloc_policy|2
gnt-network list|network|19|name,free_count,gateway|1
gnt-job list|job|17|id,status,summary|3
gnt-filter list|filter|6|priority,action,watermark|2
gnt-backup list|export|2|node,export|3
'
fields_of() { # RESOURCE
	vcl_luxi QueryFields "[\"$1\", null]" | jq -r '[.fields[].name] | join(",")'
}
while IFS='|' read -r cmd resource count some n; do
	[ -n "$cmd" ] || continue
	read -ra list <<<"$cmd"
	diag "$cmd"
	run m "${list[0]}" list-fields --no-headers
	[ "${list[0]}" = gnt-backup ] || is "$(wc -l <<<"$OUT") $RC" "$count 0" "list-fields tells of $count fields"
	all=$(fields_of "$resource")
	is "$(tr , '\n' <<<"$all" | wc -l)" "$count" "so does QueryFields"
	run m "${list[@]}" -o "$all" --no-headers --separator='|'
	is "$RC" 0 "all fields at once"
	is "$(grep -c . <<<"$OUT")" "$n" "of all objects"
	is "$(head -n 1 <<<"$OUT" | tr -dc '|' | wc -c)" "$((count - 1))" "as many columns"
	unlike "$OUT" '\(unknown\)' "none of them unknown"
	run m "${list[@]}" -o "$some"
	is "$(wc -l <<<"$OUT") $RC" "$((n + 1)) 0" "some fields, with headers"
	run m "${list[@]}" -o "$some" --no-headers
	is "$(wc -l <<<"$OUT") $RC" "$n 0" "without"
	run m "${list[@]}" -o "${some%%,*},nosuch" --no-headers
	is "$RC" 14 "an unknown field has an exit code of its own"
	like "$OUT" '\?\?' "shown as such"
	run m "${list[@]}" -o "${some%%,*},nosuch" --no-headers -v
	like "$OUT" '\(unknown\)' "or by name, with -v"
	run m "${list[@]}" -o "+${some%%,*}" --no-headers --separator=:
	is "$RC" 0 "added to the default ones"
	run m "${list[@]}" -o "$some" --json
	is "$(jq length <<<"$OUT") $(jq -r '.[0] | keys_unsorted | join(",")' <<<"$OUT")" "$n $some" "as JSON"
done <<<"$lists"
is "$(m gnt-node list --no-headers -o mtotal --units=m node1.example.com)" \
	"$(vcl_luxi QueryNodes '[["node1.example.com"],["mtotal"],false]' | tr -dc 0-9)" "in MiB"
like "$(m gnt-node list --no-headers -o mtotal --units=g node1.example.com)" '^[0-9]+\.[0-9]$' "in GiB"
like "$(m gnt-node list --no-headers -o mtotal --units=h node1.example.com)" '^[0-9.]+[MGT]$' "for people"
run m gnt-debug locks --no-headers -o name,mode,owner,pending
is "$RC" 0 "locks"
held=$(vcl_hold -n node2.example.com)
m gnt-debug delay --submit -n node2.example.com 0 >/dev/null
waits() { m gnt-debug locks --no-headers --separator=: -o name,mode,owner,pending | grep -qE "^node/[^:]*:exclusive:$held:.+"; }
ok "who holds them, and who waits" wait_for 60 waits
is "$(vcl_luxi Query '["lock", ["mode", "owner"], ["=~", "name", "^node/"]]' | jq -c '[.data[] | [.[0][1], .[1][1]]] | map(select(.[0])) | first')" \
	"[\"exclusive\",[\"$held\"]]" "for programs"
vcl_release "$held" >/dev/null

diag "the filter language: words, and the lists they stand for"
# same N WORDS LIST [-g COMMAND]: both select N objects, the same ones
same() {
	local n=$1 words=$2 form=$3 what=${4:-instance} got
	got=$(m "gnt-$what" list --no-headers -o name -F "$words" 2>&1)
	is "$(vcl_luxi Query "[\"$what\", [\"name\"], $form]" | jq -r '.data[][0][1]')" "$got" "$words"
	is "$(grep -c . <<<"$got")" "$n" "selects $n"
}
same 1 'name == "inst1.example.com"' '["=","name","inst1.example.com"]'
same 1 'name == "inst1"' '["=","name","inst1"]'
same 6 'name != "inst1.example.com"' '["!=","name","inst1.example.com"]'
same 2 'name =~ m/^inst[12]/' '["=~","name","^inst[12]"]'
same 5 'name !~ m/^inst[12]/' '["!",["=~","name","^inst[12]"]]'
same 7 'name =* "inst?"' '["=~","name","^inst[^.](\\..*)?$"]'
same 0 'name !* "inst*"' '["!",["=~","name","^inst"]]'
same 1 'be/memory > 128' '[">","be/memory",128]'
same 7 'be/memory >= 128' '[">=","be/memory",128]'
same 0 'be/memory < 128' '["<","be/memory",128]'
same 6 'be/memory <= 128' '["<=","be/memory",128]'
same 6 'be/memory == 128' '["=","be/memory",128]'
same 1 '"t1" in tags' '["=[]","tags","t1"]'
same 6 '"t1" not in tags' '["!",["=[]","tags","t1"]]'
same 5 'admin_up' '["?","admin_up"]'
same 2 'not admin_up' '["!",["?","admin_up"]]'
same 1 'admin_up and be/memory > 128 and pnode == "node2"' \
	'["&",["?","admin_up"],[">","be/memory",128],["=","pnode","node2"]]'
same 3 'name == "inst1" or (name == "inst2") or name == "inst3.example.com"' \
	'["|",["=","name","inst1"],["=","name","inst2"],["=","name","inst3.example.com"]]'
same 2 'not (role == "M")' '["!",["=","role","M"]]' node
same 1 'node_cnt == 0' '["=","node_cnt",0]' group
is "$(m gnt-job list --no-headers -o id -F 'status == "success" and id < 3' | tr '\n' ' ')" '1 2 ' "jobs"
m gnt-job archive 1
is "$(vcl_luxi QueryJobs '[null, ["id", "archived"]]' | jq -c '.[0:2]')" '[[1,true],[2,false]]' "archived ones where they can be told apart"
is "$(vcl_luxi QueryJobs '[null, ["id"]]' | jq -c '.[0]')" '[2]' "else not"
is "$(m gnt-job list --no-headers -o id -F 'received_ts > 1')" "$(m gnt-job list --no-headers -o id)" "jobs by time"
# what is not known of an instance lets it through
same 7 'oper_ram > 1' '[">","oper_ram",1]'
run m gnt-instance list --no-headers -o name -F 'name =='
is "$RC" 1 "half a filter"
run m gnt-instance list --no-headers -o name -F 'nosuch == 1'
like "$RC $ERR" "^1 .*Can't find field named 'nosuch'" "an unknown field"
run m gnt-instance list --no-headers -o name -F 'name > 5'
like "$RC $ERR" '^1 .*Invalid types in comparison' "a comparison of unlike things"

diag "tags"
while read -r cmd object; do
	target=("$object")
	[ "$object" != - ] || target=()
	before=$(m "gnt-$cmd" list-tags "${target[@]}")
	ok "gnt-$cmd add-tags" m "gnt-$cmd" add-tags "${target[@]}" here there
	is "$(m "gnt-$cmd" list-tags "${target[@]}")" "$(printf '%s\n' "$before" here there | sort)" "are there"
	run m "gnt-$cmd" add-tags "${target[@]}" 'a b'
	is "$RC" 1 "not with a blank in them"
	ok "gnt-$cmd remove-tags" m "gnt-$cmd" remove-tags "${target[@]}" here there
	is "$(m "gnt-$cmd" list-tags "${target[@]}")" "$before" "are gone"
done <<L
cluster -
node node2.example.com
group default
instance inst1.example.com
network net1
L
ok "search" m gnt-cluster search-tags '^itag'
is "$OUT" '/instances/inst1.example.com itag1' "finds it"

diag "storage providers, and values of the cluster, which only jobs look up"
run m gnt-storage diagnose
is "$RC" 0 "diagnose"
like "$OUT" 'For nodegroup: default --> valid' "a good one"
like "$OUT" 'For nodegroup: default --> invalid' "a bad one"
like "$OUT" "invalid - File 'create' under path '/srv/ganeti/extstorage/bad' is missing \(ENOENT\)" "and why"
run m gnt-storage info
like "$OUT" 'pool: the pool' "parameters they have in common"
unlike "$OUT" 'extra' "only those"
op='{"OP_ID":"OP_CLUSTER_CONFIG_QUERY","reason":[],"output_fields":["cluster_name","master_node","drain_flag","tags"]}'
id=$(vcl_luxi SubmitJob "[[$op]]")
m gnt-job wait "$id" >/dev/null
is "$(vcl_luxi QueryJobs "[[$id],[\"opresult\"]]" | jq -c '.[0][0][0]')" \
	'["cl.example.com","node1.example.com",false,["ctag1","htools:iextags:rack"]]' "values of the cluster"
for what in cluster os extstorage; do
	op="{\"OP_ID\":\"OP_QUERY_FIELDS\",\"reason\":[],\"what\":\"$what\",\"fields\":null}"
	id=$(vcl_luxi SubmitJob "[[$op]]")
	m gnt-job wait "$id" >/dev/null
	is "$(vcl_luxi QueryJobs "[[$id],[\"opresult\"]]" | jq '.[0][0][0].fields | length')" \
		"$(jq ".$what | length" "$RECORDED/../data/query_fields.json")" "fields of $what, by a job"
done
vcl_done
