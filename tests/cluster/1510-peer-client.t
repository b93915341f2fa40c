#!/bin/bash
# The cases of tests/golden/cli that are of our making, with upstream's own client in place of ours, unmodified from
# Debian's package: it prints the same, ends the same and submits the same. Needs neither root nor a lab.
. "$(dirname "$0")/../harness/tlib.sh"

top=$(cd "$(dirname "$0")/../.." && pwd)
replay=${BUILD:-$PWD}/tests/harness/luxireplay
[ -x "$replay" ] || skip_all "needs $replay"
. "$(dirname "$0")/../harness/peers.sh"

# What differs, each with its reason. They are tried with our client only (tests/cli/golden.t).
different=" \
	own-add-everything own-modify-everything own-backup-import-everything own-backup-import-no-nics \
	own-alias-reason own-many-unconfirmed v302-op-inst-offline v302-op-inst-online \
"	# options and parameters that 3.1 has and 3.0 has not
different+=" \
	own-epo-groups own-predicates own-cluster-modify-everything own-upgrade-major own-upgrade-old \
	own-upgrade-version \
"	# upstream dies of a Python exception
different+=" \
	own-option-bad-template own-allocator-mode own-option-hint own-option-deprecated own-list-filter-error \
"	# choices in the order of a Python set; hints; where in a filter the error is
different+=" own-list-glob-json own-list-storage-json own-volumes-json " # --json
different+=" own-instance-info-drbd-roman " # without a Python module upstream's Romans count in Arabic
different+=" \
	own-renew-not-yet own-renew-ssh own-upgrade-not-yet own-upgrade-nothing own-upgrade-other own-upgrade-same \
	own-wconfd own-drbd own-failover-no-candidate own-console-ssh \
"	# refused by us; or about files whose places are others

bin=$T/bin
mkdir "$bin"
for p in backup cluster debug filter group instance job network node os storage; do
	cat >"$bin/gnt-$p" <<P
#!/bin/sh
export PYTHONWARNINGS=ignore PYTHONPATH=$peers/tree/usr/share/ganeti/3.0:$PYTHONPATH
exec /usr/bin/python3 -c '
import importlib, os, sys
from ganeti import pathutils
if "FORCE_LUXI_SOCKET" in os.environ:
	pathutils.QUERY_SOCKET = pathutils.MASTER_SOCKET = os.environ["FORCE_LUXI_SOCKET"]
sys.argv = ["gnt-$p"] + sys.argv[1:]
sys.exit(importlib.import_module("ganeti.client.gnt_$p").Main())' "\$@"
P
	chmod 755 "$bin/gnt-$p"
done
for c in "$top"/tests/golden/cli/{own,v302}-*.json; do
	name=$(basename "$c" .json)
	[[ $different == *[[:space:]]"$name"[[:space:]]* ]] || ok "$name" "$replay" "$c" "$bin"
done
for name in $different; do
	[ -e "$top/tests/golden/cli/$name.json" ] || fail "there is no case $name any more"
done
done_testing
