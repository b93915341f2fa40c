#!/bin/bash
# Upstream's master takes the replies of our hail to requests it made, where Debian's package is unpacked.
. "$(dirname "$0")/../harness/tlib.sh"
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
upstream=${PEER_CACHE:-/var/cache/ganeti-lab/peers}/tree/usr/share/ganeti/3.0
[ -d "$upstream/ganeti" ] || skip_all "no Debian package of ganeti unpacked in $upstream"
export PYTHONPATH=$upstream PYTHONWARNINGS=ignore PYTHONDONTWRITEBYTECODE=1
/usr/bin/python3 -c 'import ganeti.masterd.iallocator' 2>/dev/null || skip_all "needs the Python modules of Debian's ganeti"
own_tools
_t_done=yes # its plan is printed there
/usr/bin/python3 "$here/accepted.py" "$T/bin/hail"
