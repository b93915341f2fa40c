# shellcheck shell=bash
# shellcheck disable=SC2154 # what tlib.sh sets
# peers.sh: upstream's programs from Debian's packages, unpacked and not installed, for test scripts. Source tlib.sh
# first; $peers/tree is where they are then. Without them, or what they need, the script is skipped.

peers=${PEER_CACHE:-/var/cache/ganeti-lab/peers}
if [ ! -d "$peers/tree" ]; then
	mkdir -p "$peers/deb"
	(cd "$peers/deb" && apt-get download -qq ganeti-3.0 ganeti-htools-3.0) >"$T/apt" 2>&1 ||
		skip_all "Debian's ganeti packages are not to be had: $(tail -n 1 "$T/apt")"
	rm -rf "$peers/tree.new"
	for deb in "$peers"/deb/*.deb; do dpkg -x "$deb" "$peers/tree.new"; done
	mv "$peers/tree.new" "$peers/tree"
fi
/usr/bin/python3 -c 'import OpenSSL, pyparsing, pycurl, bitarray, simplejson, pyinotify' 2>/dev/null ||
	skip_all "needs the Python modules of Debian's ganeti"
