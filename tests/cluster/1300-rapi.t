#!/bin/bash
# The REST daemon on a real cluster: Debian's client drives an instance's whole life.
# shellcheck disable=SC2317 # functions are called by ok
. "$(dirname "$0")/../harness/tlib.sh"
. "$(dirname "$0")/../harness/lab.sh"
. "$(dirname "$0")/../harness/cluster.sh"

needs_root
here=$(readlink -f "$(dirname "$0")")
/usr/bin/python3 -c 'import ganeti.rapi.client' 2>/dev/null || skip_all "needs python3-ganeti-rapi"
cluster_up 2 "${KVM[@]}"

ha1=$(printf 'hashed:Ganeti Remote API:hashpw' | md5sum | cut -d' ' -f1)
m sh -c "umask 027; cat >/var/lib/ganeti/rapi/users; chgrp gnt-rapi /var/lib/ganeti/rapi/users 2>/dev/null || :" <<U
# users of the test
admin secret write
reader {CLEARTEXT}readpw read
hashed {HA1}$ha1 write
U

url() {
	m curl -sk --max-time 10 "$@"
}

is "$(url https://cl.example.com:5080/version)" 2 "anybody may read the version"
is "$(url -o /dev/null -w '%{http_code}' https://cl.example.com:5080/2/nope)" 404 "unknown resource"
is "$(url -o /dev/null -w '%{http_code}' -X PUT https://cl.example.com:5080/2/redistribute-config)" 401 \
	"a change needs a user"
like "$(url -i https://cl.example.com:5080/2/jobs -X POST -u admin:secret)" 'HTTP/1.1 501 ' \
	"a method that is not there"
like "$(url -u admin:secret -X POST -H 'Content-Type: text/plain' -d x https://cl.example.com:5080/2/instances)" \
	'"code":415' "a body that is not JSON"
like "$(url -u admin:secret -X POST -H 'Content-Type: application/json' -d '{bad' https://cl.example.com:5080/2/instances)" \
	'Unable to parse JSON data' "a broken body"

# garbage on the port
m sh -c 'head -c 4000 /dev/urandom | timeout 3 socat - TCP:10.77.0.1:5080 >/dev/null 2>&1; :'
is "$(url https://cl.example.com:5080/version)" 2 "garbage does not hurt it"

cp "$here/rapi_life.py" "$LAB_DIR/share/"
m /usr/bin/python3 /lab/rapi_life.py cl.example.com admin secret 10.77.1.9 \
	node1.example.com node2.example.com >"$T/life" 2>"$T/life.err" </dev/null
while IFS= read -r line; do
	case $line in
	"ok "*) pass "${line#* - }" ;;
	"not ok "*) fail "${line#* - }" ;;
	"1.."*) planned=yes ;;
	*) diag "${line### }" ;;
	esac
done <"$T/life"
is "${planned:-no}" yes "the client came to its end"
[ ! -s "$T/life.err" ] || diag "$(tail -n 20 "$T/life.err")"
done_testing
