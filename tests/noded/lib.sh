# shellcheck shell=bash
# A node agent of its own in a virtual root, for the scripts of this folder.
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source=tests/harness/tlib.sh
. "$here/../harness/tlib.sh"

B=${BUILD:-$PWD}
IP=127.0.7.1
export GANETI_ROOTDIR=$T/node1 GANETI_HOSTNAME=node1.example.com
# Scripts run side by side: each has a port of its own, below those the kernel gives to clients.
export GANETI_NODED_PORT=${GANETI_NODED_PORT:-$((12000 + $$ % 16000))}
export GANETI_LIBDIR=$T/lib

for p in curl openssl pgrep; do command -v $p >/dev/null || skip_all "needs $p"; done
mkdir -p "$GANETI_ROOTDIR" "$GANETI_LIBDIR"
ln -s "$B/ganeti-node-worker" "$GANETI_LIBDIR/"
paths=$("$B/tests/noded/replay" paths) || bail "replay paths"
eval "$paths"

# cert NAME [ISSUER]: $T/NAME.pem with key and certificate, signed by ISSUER or itself
cert() {
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" \
		-keyout "$T/$1.key" -out "$T/$1.csr" 2>/dev/null || return
	if [ $# = 2 ]; then
		openssl x509 -req -in "$T/$1.csr" -CA "$T/$2.pem" -CAkey "$T/$2.key" \
			-set_serial "0x$(openssl rand -hex 8)" -days 100 -out "$T/$1.crt" 2>/dev/null || return
	else
		openssl req -x509 -key "$T/$1.key" -in "$T/$1.csr" -days 100 -out "$T/$1.crt" 2>/dev/null || return
	fi
	cat "$T/$1.key" "$T/$1.crt" >"$T/$1.pem"
}

# digest NAME: as in ssconf_master_candidates_certs
digest() {
	openssl x509 -in "$T/$1.crt" -noout -fingerprint -sha1 | sed 's/.*=//'
}

# new_root: the cluster's certificate, this node's name and an empty data directory
new_root() {
	if ! cert server || ! cert client server; then bail "certificates"; fi
	mkdir -p "$(dirname "$NODED_CERT_FILE")" "$(dirname "$ETC_HOSTS")"
	cp "$T/server.pem" "$NODED_CERT_FILE"
	echo "$IP node1.example.com node1" >"$ETC_HOSTS"
}

# noded_start [OPTION...]
noded_start() {
	"$B/ganeti-noded" "$@" || bail "ganeti-noded does not start"
}

noded_pid() {
	cat "$NODED_PID" 2>/dev/null
}

noded_gone() {
	local state
	! { read -r state <"/proc/$1/stat"; } 2>/dev/null || [[ ${state##*) } == [ZX]* ]]
}

noded_stop() {
	local pid
	pid=$(noded_pid) || return 0
	kill "$pid" 2>/dev/null
	wait_for 60 noded_gone "$pid"
}
at_exit noded_stop

# call NAME BODY [CURL OPTION...]: prints the answer's body
call() {
	local name=$1 body=$2
	shift 2
	curl -sS -k --max-time 20 --cert "$T/${CERT:-client}.pem" "$@" -d "$body" \
		"https://$IP:$GANETI_NODED_PORT/$name"
}

# status NAME BODY [CURL OPTION...]: prints the HTTP status
status() {
	call "$@" -o /dev/null -w '%{http_code}'
}

# trust NAME: list its certificate as one of a master candidate
trust() {
	echo "f5b4d9c5-0e7a-4b0a-8d1d-6a2e7bd0a001=$(digest "$1")" >"$DATA_DIR/ssconf_master_candidates_certs"
}
