#!/bin/bash
# Wrong input of every kind gets upstream's error class, code and text: over luxi and over HTTPS.
# shellcheck disable=SC2154 # what tlib.sh sets
# shellcheck source=tests/harness/tlib.sh
. "$(dirname "$0")/../harness/tlib.sh"
# shellcheck source=tests/harness/vcl.sh
. "$(dirname "$0")/../harness/vcl.sh"
# shellcheck source=tests/vcl/recorded.sh
. "$(dirname "$0")/recorded.sh"
command -v python3 >/dev/null || skip_all "needs python3"

recorded_up
ok "the cluster as recorded" recorded_state 3.1.0rc2 full "$RECORDED/../golden/rapi-3.1.json"
[ "$RC" = 0 ] || bail "no cluster"
jobs=$(m gnt-job list --no-headers | wc -l)
python3 -W ignore "$RECORDED/wrong.py" luxi "$(vcl_file 1 QUERY_SOCKET)" >"$T/tap"
is $? 0 "all wrong luxi requests were made"
recorded_report "$T/tap"
python3 -W ignore "$RECORDED/wrong.py" rapi "$VCL_NET.1:$((VCL_PORT + 1))" >"$T/tap"
is $? 0 "all wrong REST requests were made"
recorded_report "$T/tap"
is "$(m gnt-job list --no-headers | wc -l)" "$jobs" "no job came of all this"

diag "more half-sent requests than there are places"
python3 -W ignore "$RECORDED/wrong.py" slow "$VCL_NET.1:$((VCL_PORT + 1))" >"$T/tap"
is $? 0 "they were sent"
recorded_report "$T/tap"

diag "a master that takes no jobs, and none at all"
request() { # METHOD PATH: its status and message
	curl -sk --noproxy '*' -u admin:secret -X "$1" "https://$VCL_NET.1:$((VCL_PORT + 1))$2" |
		python3 -c 'import json, sys; r = json.load(sys.stdin); print(r["code"], r["message"])'
}
if command -v curl >/dev/null; then
	m gnt-cluster queue drain
	is "$(request PUT /2/redistribute-config)" '503 Job queue is drained, cannot submit' "the queue is drained"
	m gnt-cluster queue undrain
	pid=$(vcl_pid 1 ganeti-masterd)
	kill "$pid"
	wait_for 30 _vcl_gone "$pid"
	for what in "PUT /2/redistribute-config" "GET /2/info" "GET /2/nodes" "GET /2/query/node?fields=name"; do
		# shellcheck disable=SC2086 # two words
		like "$(request $what)" "^502 Can&#x27;t connect to master daemon: .*$(vcl_file 1 QUERY_SOCKET)\$" \
			"$what without a master"
	done
	ok "it comes back" m ganeti-masterd
fi

diag "a key, a certificate and a chain in files of their own; the address of an interface"
if command -v openssl curl >/dev/null; then
	cd "$T" || bail "no folder"
	cert() { # NAME ISSUER-OPTION...: a key and a certificate
		openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$1.key" -x509 -days 2 \
			-subj "/CN=$1" "${@:2}" -out "$1.crt" 2>/dev/null
	}
	ca=(-addext 'basicConstraints=critical,CA:TRUE' -addext 'keyUsage=critical,keyCertSign')
	cert root "${ca[@]}" && cert middle -CA root.crt -CAkey root.key "${ca[@]}" &&
		cert leaf -CA middle.crt -CAkey middle.key -addext basicConstraints=critical,CA:FALSE \
			-addext "subjectAltName=IP:127.0.0.1"
	pid=$(vcl_pid 1 ganeti-rapi)
	kill "$pid"
	wait_for 60 _vcl_gone "$pid"
	ok "with all of them" m ganeti-rapi -p $((VCL_PORT + 1)) -i lo -C "$T/leaf.crt" -K "$T/leaf.key" --ssl-chain "$T/middle.crt"
	run curl -s --noproxy '*' --cacert root.crt "https://127.0.0.1:$((VCL_PORT + 1))/version"
	is "$OUT" 2 "who knows the root trusts it"
	run curl -s --noproxy '*' --max-time 5 -k "https://$VCL_NET.1:$((VCL_PORT + 1))/version"
	is "$OUT" '' "it listens there only"
	pid=$(vcl_pid 1 ganeti-rapi)
	kill "$pid"
	wait_for 60 _vcl_gone "$pid"
	run m ganeti-rapi -p $((VCL_PORT + 1)) -i lo -b 127.0.0.1
	isnt "$RC" 0 "an address and an interface is too much"
	run m ganeti-rapi -p $((VCL_PORT + 1)) -C "$T/leaf.crt" -K "$T/root.key"
	isnt "$RC" 0 "a key that does not fit is refused"
	run m ganeti-rapi -p $((VCL_PORT + 1)) -C "$T/leaf.crt" -K "$T/leaf.key" --ssl-chain "$T/leaf.key"
	isnt "$RC" 0 "a chain without certificates is refused"
fi
vcl_done
