#!/bin/bash
# The REST daemon: who may do what, and the life of an instance by HTTP alone.
# shellcheck disable=SC2154,SC2317 # what tlib.sh sets; functions for wait_for
# shellcheck source=tests/harness/tlib.sh
. "$(dirname "$0")/../harness/tlib.sh"
# shellcheck source=tests/harness/vcl.sh
. "$(dirname "$0")/../harness/vcl.sh"
for p in curl jq md5sum; do command -v $p >/dev/null || skip_all "needs $p"; done

vcl_up 2
url=https://$VCL_NET.1:$((VCL_PORT + 1))
ha1=$(printf 'hashed:Ganeti Remote API:hashpw' | md5sum | cut -d' ' -f1)
users=$(vcl_file 1 RAPI_USERS_FILE)
cat >"$users.new" <<U
# users of the test
admin secret write
reader {CLEARTEXT}readpw read
hashed {HA1}$ha1 write
U
mv "$users.new" "$users"

# rapi METHOD PATH [BODY] [CURL OPTION...]: the body in OUT, the HTTP status in STATUS
rapi() {
	local method=$1 path=$2 body=${3:-}
	shift $(($# > 2 ? 3 : 2))
	run curl -sk --max-time 60 -X "$method" -o "$T/body" -w '%{http_code}' ${body:+-H Content-Type:application/json -d "$body"} \
		"$@" "$url$path"
	STATUS=$OUT
	OUT=$(tr -d '\0' <"$T/body")
}

as() { # USER:PASSWORD METHOD PATH [BODY]
	local who=$1
	shift
	rapi "$1" "$2" "${3:-}" -u "$who"
}

# does TEXT METHOD PATH [BODY]: as admin; a job that succeeds
does() {
	local text=$1 id
	shift
	as admin:secret "$@"
	id=$OUT
	is "$STATUS" 200 "$text: is a job"
	run m gnt-job wait "$id"
	[ "$RC" = 0 ] || diag "$ERR"
	as admin:secret GET "/2/jobs/$id"
	is "$(jq -r .status <<<"$OUT")" success "$text: succeeds"
}

field() { # JQ-EXPRESSION: of what was answered
	jq -r "$1" <<<"$OUT"
}

refusal() { # CODE MESSAGE-REGEX TEXT
	is "$STATUS" "$1" "$3: $1"
	is "$(field '.code')" "$1" "$3: the body has the code"
	like "$(field '.message + .explain')" "$2" "$3: and the reason"
}

diag "what everybody may ask"
rapi GET /version
is "$STATUS/$OUT" 200/2 "version"
rapi GET /
is "$STATUS/$OUT" 200/null "root"
rapi GET /2/features
is "$STATUS" 200 "features"
like "$OUT" 'instance-create-reqv1' "has the usual ones"
rapi GET /2/info
is "$(field '.name + " " + .master')" 'cl.example.com node1.example.com' "info"
rapi GET /2/nodes
is "$(field '[.[].id] | sort | join(" ")')" 'node1.example.com node2.example.com' "nodes"
rapi GET '/2/nodes?bulk=1'
is "$(field '[.[] | select(.mtotal > 0) | .role] | sort | join(" ")')" 'C M' "nodes in bulk"
rapi GET /2/groups
is "$(field '.[0].name')" default "groups"
rapi GET /2/os
is "$(field 'join(" ")')" 'held+default tiny+default tiny+filled' "operating systems"

diag "what not everybody may do"
rapi PUT /2/redistribute-config
refusal 401 '' "nobody"
as reader:wrong PUT /2/redistribute-config
is "$STATUS" 401 "a wrong password"
as reader:readpw PUT /2/redistribute-config
refusal 403 '' "a reader"
as admin:secret GET /2/nope
refusal 404 '' "no such resource"
as admin:secret POST /2/jobs
refusal 501 '' "no such method"
as admin:secret GET /2/instances/nosuch
is "$STATUS" 404 "no such instance"
as admin:secret POST /2/instances '{bad'
refusal 400 'Unable to parse JSON data' "no JSON"
as admin:secret POST /2/instances '{"__version__":1,"name":"inst1.example.com"}'
refusal 400 '' "parameters that are missing"
does "a hashed password" PUT /2/redistribute-config
as hashed:hashpw PUT /2/redistribute-config
is "$STATUS" 200 "works as well"

diag "the life of an instance"
does "create" POST /2/instances '{"__version__":1,"mode":"create","name":"inst1.example.com","disk_template":"sharedfile",
	"os_type":"tiny+default","disks":[{"size":16}],"nics":[{"ip":"10.1.2.3"}],"pnode":"node1.example.com",
	"beparams":{"memory":192},"name_check":false,"ip_check":false}'
as reader:readpw GET /2/instances
is "$(field '.[0].id')" inst1.example.com "list"
as reader:readpw GET '/2/instances?bulk=1'
is "$(field '.[0].status + " " + .[0].pnode + " " + .[0]["nic.ips"][0]')" 'running node1.example.com 10.1.2.3' "in bulk"
as reader:readpw GET /2/instances/inst1.example.com
is "$(field '"\(.oper_ram) \(.["disk.sizes"][0])"')" '192 16' "one"
as admin:secret GET /2/instances/inst1.example.com/console
is "$(field '.kind')" msg "console"
does "shutdown" PUT /2/instances/inst1.example.com/shutdown
as reader:readpw GET /2/instances/inst1.example.com
is "$(field .status)" ADMIN_down "is down"
does "startup" PUT /2/instances/inst1.example.com/startup
does "reboot" POST '/2/instances/inst1.example.com/reboot?type=hard'
does "add a tag" PUT '/2/instances/inst1.example.com/tags?tag=x&tag=y'
as reader:readpw GET /2/instances/inst1.example.com/tags
is "$(field 'sort | join(" ")')" 'x y' "tags"
does "delete a tag" DELETE '/2/instances/inst1.example.com/tags?tag=x'
does "migrate" PUT /2/instances/inst1.example.com/migrate '{"mode":"live","target_node":"node2.example.com"}'
does "failover" PUT /2/instances/inst1.example.com/failover '{"target_node":"node1.example.com"}'
as reader:readpw GET /2/instances/inst1.example.com
is "$(field '.status + " " + .pnode')" 'running node1.example.com' "is back"
does "delete" DELETE /2/instances/inst1.example.com
as reader:readpw GET /2/instances
is "$OUT" '[]' "is gone"
is "$(vcl_leftovers)" '' "nothing is left"

diag "jobs"
as reader:readpw GET /2/jobs
is "$(field 'length')" "$(m gnt-job list --no-headers | wc -l)" "all are listed"
# shellcheck disable=SC2119 # no options
held=$(vcl_hold)
waiting=$(m gnt-debug delay --submit 0 2>&1 | tr -dc 0-9)
ok "one waits" wait_for 60 vcl_is "$waiting" waiting
as admin:secret DELETE "/2/jobs/$waiting"
is "$STATUS $(field '.[0]')" '200 true' "cancel"
ok "it ends" wait_for 60 vcl_is "$waiting" canceled
vcl_release "$held"
as reader:readpw GET "/2/jobs/$held"
is "$(field '.status')" success "the other one succeeds"
as reader:readpw GET /2/jobs/99999
is "$STATUS $(field '.status')" '200 null' "no such job"
vcl_done
