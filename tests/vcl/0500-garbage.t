#!/bin/bash
# Garbage on every socket of a cluster: nobody minds, everybody goes on.
# shellcheck disable=SC2154,SC2317 # what tlib.sh sets; functions for wait_for
# shellcheck source=tests/harness/tlib.sh
. "$(dirname "$0")/../harness/tlib.sh"
# shellcheck source=tests/harness/vcl.sh
. "$(dirname "$0")/../harness/vcl.sh"
for p in socat curl openssl; do command -v $p >/dev/null || skip_all "needs $p"; done

vcl_up 2
daemons=$(vcl_pid 1 ganeti-masterd)$(vcl_pid 1 ganeti-noded)$(vcl_pid 1 ganeti-rapi)$(vcl_pid 2 ganeti-noded)
ssl=$(vcl_file 1 NODED_CLIENT_CERT_FILE)

alive() { # AFTER
	ok "$1: a job" m gnt-debug delay --no-master -n node2.example.com 0
	ok "$1: a query with nodes" m gnt-node list -o name,mfree
	like "$OUT" 'node2.example.com +[0-9.]+[MGT]' "$1: both answer"
	is "$(curl -sk --max-time 60 "https://$VCL_NET.1:$((VCL_PORT + 1))/version")" 2 "$1: so does the REST daemon"
	is "$(vcl_pid 1 ganeti-masterd)$(vcl_pid 1 ganeti-noded)$(vcl_pid 1 ganeti-rapi)$(vcl_pid 2 ganeti-noded)" \
		"$daemons" "$1: the daemons are the same"
}

alive "before"

# messages NAME...: files with foreign bytes
head -c 200000 /dev/urandom >"$T/random"
head -c 300000 /dev/zero >"$T/zeros"
printf '\003\003\003' >"$T/ends"
printf '{"method":"QueryClusterInfo","args":[' >"$T/half"
printf '{"method":"QueryClusterInfo","args":[]}\003{"method":' >"$T/one-and-a-half"
{ printf '%*s' 100000 '' | tr ' ' '['; printf '\003'; } >"$T/deep"
{ printf '{"method":"Query","args":["'; head -c 3000000 /dev/zero | tr '\0' x; printf '",[],null]}\003'; } >"$T/long"
printf '{"method":"%s","args":{}}\003' Query SubmitJob WaitForJobChange CancelJob ArchiveJob nothing >"$T/wrong"
printf '{"method":"SubmitJob","args":[[{"OP_ID":"OP_TEST_DELAY","reason":[],"duration":%s}]]}\003' '"x"' 1e999 null '{}' \
	'[[]]' >"$T/opcodes"
printf '{"method":"Query","args":["node",["name"],%s]}\003' '["&"]' '["=","name"]' '["?",["?"]]' '[[[]]]' '"x"' 7 \
	'["=~","name","("]' >"$T/filters"
printf 'GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n' >"$T/http"
printf 'POST /version HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n' >"$T/chunk"
printf '\026\003\001\377\377' >"$T/tls"
files=(random zeros ends half one-and-a-half deep long wrong opcodes filters http chunk tls)

# throw ADDRESS: every file once, each on a connection of its own; what is answered is thrown away
throw() {
	local f
	for f in "${files[@]}"; do
		timeout 20 socat -t0.2 - "$1" <"$T/$f" >/dev/null 2>&1
	done
}

for name in QUERY_SOCKET MASTER_SOCKET MASTERD_CONTROL; do
	throw "UNIX-CONNECT:$(vcl_file 1 $name)"
done
alive "UNIX sockets"
is "$(m gnt-job list --no-headers -o status | sort -u | tr -d ' ')" success "no job came of it"
for port in $VCL_PORT $((VCL_PORT + 1)); do
	throw "TCP:$VCL_NET.1:$port"
	throw "OPENSSL:$VCL_NET.1:$port,verify=0"
	throw "OPENSSL:$VCL_NET.1:$port,verify=0,cert=$ssl,key=$ssl"
done
alive "TCP ports"

# connections that say nothing, more than a daemon may keep of some
quiet=()
for _ in $(seq 40); do
	for to in "UNIX-CONNECT:$(vcl_file 1 QUERY_SOCKET)" "TCP:$VCL_NET.1:$VCL_PORT"; do
		socat -u PIPE "$to" 2>/dev/null &
		quiet+=($!)
	done
done
end_quiet() {
	kill "${quiet[@]}" 2>/dev/null
	wait "${quiet[@]}" 2>/dev/null
	quiet=()
}
at_exit end_quiet
ok "silent connections: a job" m gnt-debug delay 0
ok "silent connections: a query with nodes" m gnt-node list -o name,mfree
end_quiet
alive "after those"
ok "verify" m gnt-cluster verify
unlike "$OUT" 'ERROR' "finds no mistake"
is "$(vcl_leftovers)" '' "nothing is left"
vcl_done
