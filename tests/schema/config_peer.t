#!/bin/bash
# Debian's cfgupgrade and config objects (Python, unmodified, from where they were unpacked) against ours: files
# of 2.0 to 2.16 become the same as with us, and what we write is loaded, verified and written back by them. Runs in
# the build directory.
# shellcheck disable=SC2317 # functions are called by ok
. "$(dirname "$0")/../harness/tlib.sh"

here=$(cd "$(dirname "$0")" && pwd)
data=$here/../data/config
python=/usr/bin/python3
upstream=${PEER_CACHE:-/var/cache/ganeti-lab/peers}/tree/usr/share/ganeti/3.0
[ -f "$upstream/cfgupgrade" ] || skip_all "no Debian package of ganeti unpacked in $upstream"
PYTHONPATH=$upstream $python -c 'import ganeti.objects' 2>/dev/null ||
	skip_all "needs the Python modules of Debian's ganeti"

peer() {
	env PYTHONPATH="$upstream" PYTHONWARNINGS=ignore $python "$@"
}
tool() {
	peer "$here/config_peer.py" "$@"
}

# cfgupgrade FILE: upstream's way to 3.0, in a directory of its own; the result in $T/theirs
cfgupgrade() {
	rm -rf "$T/data" "$T/conf"
	mkdir "$T/data" "$T/conf"
	touch "$T"/data/{server.pem,known_hosts,ssconf_cluster_name,rapi.pem,hmac.key,cluster-domain-secret,spice.pem,spice-ca.pem}
	echo n1.example.com >"$T/data/ssconf_master_node"
	cp "$1" "$T/data/config.data"
	run peer "$upstream/cfgupgrade" --path="$T/data" --confdir="$T/conf" --ignore-hostname --force "${@:2}"
	[ "$RC" = 0 ] || diag "$ERR$OUT"
	cp "$T/data/config.data" "$T/theirs"
	return "$RC"
}

ours() {
	tests/harness/confconv "$1" >"$2"
}

# a part of it, unless all is asked for: each takes upstream seconds
versions=(2.0 2.6 2.16) goldens=("$data"/3.0.2-full.json "$data"/3.1.0rc2-shared-ext.json)
if [ -n "${PEER_ALL:-}" ]; then
	versions=(2.{0..16}) goldens=("$data"/3.*.json)
fi
for version in "${versions[@]}"; do
	number=$((20000 + ${version#2.} * 100))
	tool age "$data/2.6.json" $number >"$T/old"
	ok "a file of $version, upgraded by upstream" cfgupgrade "$T/old" --no-verify
	ours "$T/theirs" "$T/a" && ours "$T/old" "$T/b"
	is "$(tool same "$T/a" "$T/b")" "" "and by us: the same"
done

# other disk templates, policies with ranges, Xen; and one that looks like 3.0 already
sed 's/"version": 3000000/"version": 2160000/' "$data/3.0.2-full.json" >"$T/2.16"
for file in "$data/2.9.json" "$T/2.16"; do
	ok "$(basename "$file"), upgraded by upstream" cfgupgrade "$file" --no-verify
	ours "$T/theirs" "$T/a" && ours "$file" "$T/b"
	is "$(tool same "$T/a" "$T/b")" "" "and by us: the same"
done

for golden in "${goldens[@]}"; do
	name=$(basename "$golden" .json)
	ours "$golden" "$T/ours"
	tool to30 "$T/ours" >"$T/ours30"
	is "$(tool load "$T/ours30" 2>&1)" "" "$name, written by us: upstream's objects keep all of it"
	ok "and upstream verifies it" cfgupgrade "$T/ours30"
	ours "$T/theirs" "$T/again"
	is "$(tool same "$T/ours" "$T/again")" "" "what upstream wrote then is what we wrote"
done
done_testing
