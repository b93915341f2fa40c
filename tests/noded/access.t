#!/bin/bash
# Who may call the node agent, and what it answers to those who may not.
# shellcheck disable=SC2119
. "$(dirname "$0")/lib.sh"

new_root
noded_start
url=https://$IP:$GANETI_NODED_PORT

diag "while the cluster is made: its own certificate"
CERT=server is "$(CERT=server call version '[]')" '[true,3010000]' "the cluster's certificate may call"
is "$(status version '[]')" 403 "a node's certificate may not yet"

diag "afterwards: certificates of master candidates"
trust client
is "$(call version '[]')" '[true,3010000]' "a candidate's certificate may call"
is "$(CERT=server status version '[]')" 403 "the cluster's own may not any more"
cert other server
is "$(CERT=other status version '[]')" 403 "a certificate of the cluster that is no candidate's may not"
like "$(CERT=other call version '[]')" 'master candidate' "and is told why"
like "$(tail -n 3 "$NODED_LOG")" "$(digest other)" "the log names the digest"
: >"$DATA_DIR/ssconf_master_candidates_certs"
is "$(CERT=server call version '[]')" '[true,3010000]' "an empty list is like none"
trust client

diag "strangers"
cert stranger
nok "a certificate of somebody else" curl -sS -k --max-time 20 --cert "$T/stranger.pem" -d '[]' "$url/version"
is "$OUT" '' "nothing is answered"
nok "no certificate" curl -sS -k --max-time 20 -d '[]' "$url/version"
is "$OUT" '' "nothing is answered"
nok "plain HTTP" curl -sS --max-time 20 -d '[]' "http://$IP:$GANETI_NODED_PORT/version"

diag "requests that are none"
is "$(curl -sS -k --cert "$T/client.pem" -o /dev/null -w '%{http_code}' "$url/version")" 400 "GET"
like "$(curl -sS -k --cert "$T/client.pem" "$url/version")" 'Only the POST method is supported' "GET says why"
is "$(status nothing '[]')" 404 "an unknown call"
is "$(status drbd_helper '[]')" 404 "a call without a handler"
is "$(status version/ '[]')" 404 "a path below a call"
is "$(status '' '[]')" 404 "no call at all"
is "$(call version '{}')" '[true,3010000]' "a dict where nothing has to be said"
for body in '' '[' '[]]' '"x' "[\"$(printf '\377')\"]" '{"a":' '[1e999999]' 'nul'; do
	like "$(call version "$body")" '^\[false,"Error while executing backend function: ' "no JSON: $body"
done
printf '[%s' "$(printf '[%.0s' {1..5000})" >"$T/deep"
like "$(call version "@$T/deep")" '^\[false,' "too deep"
is "$(call version '[]')" '[true,3010000]' "it still answers"

diag "terms of masters"
term() { # TERM MASTER
	status version '[]' -H "Ganeti-Term: $1 $2"
}
is "$(term 3 node1.example.com)" 200 "a term nobody has heard of"
is "$(cat "$TERM_FILE")" "3 node1.example.com" "is remembered"
is "$(term 3 node1.example.com)" 200 "its master may go on"
is "$(term 3 node2.example.com)" 409 "nobody else is the master in it"
is "$(term 2 node1.example.com)" 409 "nor is one of an older term"
like "$(call version '[]' -H 'Ganeti-Term: 2 node2.example.com')" \
	'Node node1.example.com follows node1.example.com as master in term 3; it refuses node2.example.com of term 2' "which is told why"
is "$(term 4 node2.example.com)" 200 "the next one is followed"
is "$(term 3 node1.example.com)" 409 "and the last one no more"
is "$(cat "$TERM_FILE")" "4 node2.example.com" "that is remembered, too"
for bad in x 0 -1 '5' '5 ' '5 a b' '99999999999999999999 a'; do
	is "$(status version '[]' -H "Ganeti-Term: $bad")" 409 "no term: $bad"
done
is "$(status version '[]')" 200 "a master without terms is upstream's, and is obeyed"
echo garbage >"$TERM_FILE"
is "$(term 9 node1.example.com)" 409 "who can't read what it remembers follows nobody new"
rm "$TERM_FILE"

diag "garbage on the socket"
head -c 100000 /dev/urandom >"$T/garbage"
ok "garbage is taken" bash -c "exec 3<>/dev/tcp/$IP/$GANETI_NODED_PORT; cat '$T/garbage' >&3 2>/dev/null; true"
tls() { timeout 10 openssl s_client -quiet -connect "$IP:$GANETI_NODED_PORT" -cert "$T/client.crt" -key "$T/client.key" 2>/dev/null; }
like "$(tls <"$T/garbage" | head -c 200 | tr -d '\0')" '^HTTP/1.1 4' "garbage inside TLS"
like "$(printf 'POST /version HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n[]x' | tls | head -n 1)" ' 400 ' "two lengths"
is "$(status version '[]' -H "X-Long: $(head -c 20000 /dev/zero | tr '\0' x)")" 431 "a header that is too large"
is "$(call version '[]')" '[true,3010000]' "it still answers"
done_testing
