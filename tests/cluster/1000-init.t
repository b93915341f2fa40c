#!/bin/bash
# A cluster's beginning and end: init with its options and refusals, files, users, daemons; adding,
# adding again, and removing nodes; commands on all nodes; destroy. Texts are upstream's.
# shellcheck disable=SC2016,SC2317 # expansion is for the hosts; functions are called by ok
. "$(dirname "$0")/../harness/tlib.sh"
. "$(dirname "$0")/../harness/lab.sh"
. "$(dirname "$0")/../harness/cluster.sh"

needs_root
N1=node1.example.com N2=node2.example.com N3=node3.example.com
lab_up 3
lab_install

# what K: everything on that host that a cluster would change
what() {
	on "$1" sh -c '
		find /var/lib/ganeti /run/ganeti /etc/pki /root/.ssh /etc/hosts ! -type d -printf "%p\n" 2>/dev/null
		sha256sum /etc/hosts /root/.ssh/*
		ip -o addr show | sed "s/ tentative//; s/valid_lft.*//"
		pgrep -a ganeti
		:' | LC_ALL=C sort
}

# ---- refused: nothing is changed

what 1 >"$T/virgin"
init() {
	m gnt-cluster init "${INIT[@]}" "${KVM[@]}" "$@"
}
must_fail 1 "is not acceptable for file storage" init cl.example.com
site_prepare
must_fail 1 "error type: resolver_error, error details:
The given name \(nosuch.example.com\) does not resolve" init nosuch.example.com
must_fail 1 "error type: wrong_input, error details:
Invalid master netdev given \(nodev0\)" init --master-netdev=nodev0 cl.example.com
must_fail 1 "Invalid mac prefix given" init --mac-prefix=xx:yy:zz cl.example.com
must_fail 1 "Parameter Error: Unknown parameter 'nonsense'" init -B nonsense=1 cl.example.com
must_fail 1 "does not belong to this host" init --secondary-ip=192.0.2.1 cl.example.com
must_fail 1 "Enabled hypervisors contains invalid entries: nonsense" init --enabled-hypervisors=nonsense cl.example.com
must_fail 1 "Enabled disk templates list contains invalid entries: nonsense" init --enabled-disk-templates=nonsense cl.example.com
must_fail 1 "Missing parameters in ipolicy spec min" init --ipolicy-bounds-specs="min:memory-size=128/max:memory-size=64" cl.example.com
must_fail 2 "Invalid NIC mode 'nonsense'" init --nic-parameters=mode=nonsense cl.example.com
must_fail 1 "Parameter Error: Unknown parameter 'nonsense'" init -H kvm:nonsense=1 cl.example.com
must_fail 2 "no such option: --nonsense" init --nonsense cl.example.com
must_fail 1 "expects 1 argument" init
must_fail 1 "Cluster not initialized or this machine is not part of a cluster" m gnt-cluster info
must_fail 2 "Corrupt configuration file: " m gnt-cluster getmaster
what 1 >"$T/after"
ok "refused commands change nothing" diff "$T/virgin" "$T/after"

# ---- init

t=$EPOCHREALTIME
ok "gnt-cluster init" init --mac-prefix=aa:bb:0c --candidate-pool-size=7 --master-netmask=24 \
	-B vcpus=2,memory=96 --ssh-key-type=rsa --ssh-key-bits=2048 cl.example.com
us=$((${EPOCHREALTIME/./} - ${t/./}))
if [ "$RC" != 0 ]; then
	cluster_logs
	bail "no cluster"
fi
at_exit cluster_logs_if_failed
is "$OUT$ERR" "" "is silent"
diag "init in $((us / 1000)) ms"

ok "gnt-cluster info" m gnt-cluster info
lines=$OUT
has() { # LINE among $lines
	grep -qxF -- "$1" <<<"$lines"
}
for line in "Cluster name: cl.example.com" "Master node: $N1" "Enabled hypervisors: kvm" \
	"    kernel_path: $GUEST/vmlinuz" "    kvm_flag: disabled" \
	"  candidate pool size: 7" "  mac prefix: aa:bb:0c" "  master netdev: br0" \
	"  master netmask: 24" "  file storage path: /srv/ganeti/file-storage" \
	"  shared file storage path: /srv/ganeti/shared-file-storage" \
	"  enabled disk templates: sharedfile, file, diskless" "    maxmem: 96" "    minmem: 96" \
	"    vcpus: 2" "    link: br0" "    mode: bridged" "        memory-size: 64" "  modify ssh setup: True"; do
	ok "gnt-cluster info says: ${line## *}" has "$line"
done

ok "gnt-cluster getmaster" m gnt-cluster getmaster
is "$OUT" $N1 "is this node"
ok "gnt-cluster master-ping" m gnt-cluster master-ping
ok "gnt-cluster version" m gnt-cluster version
like "$OUT" $'Internode protocol: [0-9]+\nConfiguration format: [0-9]+\nOS api version: 20\nExport interface: 0' \
	"shows the interfaces"
must_fail 1 "error type: wrong_state, error details:
Cluster is already initialised" init cl2.example.com

# ---- files as upstream's: mode, owner, group

modes() {
	on "$1" sh -c 'stat -c "%a %U %G %n" /var/lib/ganeti /var/lib/ganeti/* /var/lib/ganeti/queue/archive /run/ganeti \
		/run/ganeti/* /run/ganeti/socket/* /var/log/ganeti /var/log/ganeti/* 2>/dev/null; :'
}
ok "the node agent knows who is the master" wait_for 30 on 1 test -e /var/lib/ganeti/master-term
modes 1 >"$T/modes"
while read -r line; do
	ok "mode: $line" grep -qxF "$line" "$T/modes"
done <<-M
	755 gnt-masterd gnt-masterd /var/lib/ganeti
	440 gnt-masterd gnt-masterd /var/lib/ganeti/client.pem
	640 gnt-masterd gnt-masterd /var/lib/ganeti/cluster-domain-secret
	640 gnt-masterd gnt-confd /var/lib/ganeti/config.data
	440 gnt-confd gnt-masterd /var/lib/ganeti/hmac.key
	644 gnt-masterd gnt-masterd /var/lib/ganeti/known_hosts
	750 gnt-masterd gnt-daemons /var/lib/ganeti/queue
	750 gnt-rapi gnt-masterd /var/lib/ganeti/rapi
	440 gnt-rapi gnt-masterd /var/lib/ganeti/rapi.pem
	440 gnt-masterd gnt-masterd /var/lib/ganeti/server.pem
	440 root gnt-masterd /var/lib/ganeti/spice-ca.pem
	440 root gnt-masterd /var/lib/ganeti/spice.pem
	600 gnt-masterd gnt-masterd /var/lib/ganeti/config.db
	600 root root /var/lib/ganeti/master-term
	775 gnt-masterd gnt-daemons /run/ganeti
	755 root gnt-masterd /run/ganeti/bdev-cache
	700 root gnt-masterd /run/ganeti/crypto
	755 root gnt-masterd /run/ganeti/instance-disks
	755 root root /run/ganeti/instance-reason
	750 root gnt-masterd /run/ganeti/uid-pool
	770 gnt-masterd gnt-daemons /run/ganeti/socket
	660 gnt-masterd gnt-daemons /run/ganeti/socket/ganeti-query
	600 root root /run/ganeti/ganeti-noded.pid
	770 gnt-masterd gnt-daemons /var/log/ganeti
	600 root gnt-masterd /var/log/ganeti/node-daemon.log
	600 gnt-rapi gnt-masterd /var/log/ganeti/rapi-daemon.log
	750 root gnt-daemons /var/log/ganeti/os
	750 root gnt-daemons /var/log/ganeti/kvm
M
is "$(grep ' /var/lib/ganeti/ssconf_' "$T/modes" | cut -d' ' -f1-3 | sort -u)" "444 root root" \
	"all ssconf files can be read by all"
is "$(grep -c ' /var/lib/ganeti/ssconf_' "$T/modes")" 34 "all of upstream's ssconf files"
is "$(grep -E ' /var/lib/ganeti/' "$T/modes" | grep -E '^[0-7]*[1-7] ' |
	grep -vE 'ssconf_|known_hosts$')" "" "nothing else there is open to others"
is "$(on 1 cat /var/lib/ganeti/ssconf_cluster_name /var/lib/ganeti/ssconf_master_ip | tr '\n' ' ')" \
	"cl.example.com 10.77.0.250 " "ssconf files end with a newline"
is "$(on 1 python3 -c 'import json; print(json.load(open("/var/lib/ganeti/config.data"))["cluster"]["cluster_name"])')" \
	cl.example.com "config.data is JSON as upstream's"
ok "every secret is one of two places" on 1 sh -c '! grep -rlE "PRIVATE KEY" /etc/pki /var/lib/ganeti /etc/ganeti |
	xargs stat -c "%a %n" | grep -vE "^(4|6)[04]0 "'
for f in CA/cacert.pem libvirt/servercert.pem libvirt/private/serverkey.pem qemu/server-cert.pem; do
	ok "certificate for live migration: $f" on 1 test -s "/etc/pki/$f"
done
ok "libvirt listens with it" wait_for 30 on 1 bash -c ': </dev/tcp/10.77.0.1/16514'

# ---- daemons and their users

users() { # HOST: user and name of each daemon; workers count as one
	on "$1" sh -c 'for p in /proc/[0-9]*; do
		exe=$(readlink "$p/exe") && case $exe in */ganeti-*) echo "$(stat -c %U "$p") ${exe##*/}" ;; esac
	done | sort -u'
}
users_are() { # HOST TEXT: workers come and go as they are needed
	local text
	text=$(users "$1") && [ "$text" = "$2" ]
}
MASTER_DAEMONS="gnt-masterd ganeti-job-worker
gnt-masterd ganeti-masterd
gnt-masterd ganeti-query-worker
gnt-masterd ganeti-replica-worker
gnt-masterd ganeti-spread-worker
gnt-rapi ganeti-rapi
root ganeti-node-worker
root ganeti-noded"
NODE_DAEMONS="root ganeti-node-worker
root ganeti-noded"
ok "daemons and their workers run as their users" wait_for 30 users_are 1 "$MASTER_DAEMONS"
for d in noded masterd rapi; do
	ok "daemon-util check ganeti-$d" on 1 /usr/lib/ganeti/daemon-util check ganeti-$d
done
ok "the master's address is up" wait_for 30 on 1 sh -c 'ip -4 -o addr show dev br0 | grep -q "10.77.0.250/24"'
ok "and answers" on 2 bash -c ': </dev/tcp/10.77.0.250/1811'
is "$(on 1 sh -c 'ls /root/.ssh/id_rsa /root/.ssh/id_rsa.pub | wc -l')" 2 "root has a key"
ok "and lets itself in" on 1 sh -c 'grep -qF "$(cut -d" " -f2 /root/.ssh/id_rsa.pub)" /root/.ssh/authorized_keys'
is "$(m gnt-job list --no-headers -o status,summary)" "success CLUSTER_POST_INIT" "the first job was a success"

# ---- nodes

t=$EPOCHREALTIME
ok "gnt-node add" m gnt-node add --no-ssh-key-check $N2
us=$((${EPOCHREALTIME/./} - ${t/./}))
diag "node add in $((us / 1000)) ms"
like "$OUT" '^[A-Z][a-z]{2} [A-Z][a-z]{2} +[0-9]+ [0-9:]{8} [0-9]{4}  - INFO: Node will be a master candidate$' \
	"says what upstream says"
like "$ERR" "^-- WARNING --" "and what it is about to do to ssh"
must_fail 1 "^
Node $N2 already in the cluster \(as $N2\) - please retry with '--readd'" m gnt-node add --no-ssh-key-check $N2
must_fail 1 "error type: resolver_error, error details:
The given name \(nodexx.example.com\) does not resolve" m gnt-node add --no-ssh-key-check nodexx.example.com
must_fail 1 "Node $N3 not in the cluster|not in the cluster" m gnt-node add --readd --no-ssh-key-check $N3
ok "another node, not master capable" m gnt-node add --no-ssh-key-check --master-capable=no $N3
unlike "$OUT" "master candidate" "is no candidate"
is "$(m gnt-node list --no-headers --separator=: -o name,role,pip,vm_capable,offline,group)" \
	"$N1:M:10.77.0.1:Y:N:default
$N2:C:10.77.0.2:Y:N:default
$N3:R:10.77.0.3:Y:N:default" "gnt-node list"
like "$(m gnt-node list)" "^Node +DTotal DFree MTotal MNode MFree Pinst Sinst
$N1 +[0-9.]+[GT] +[0-9.]+[GT] +[0-9.]+[GM] +[0-9.]+[GM] +[0-9.]+[GM] +0 +0
$N2 " "with figures of the real host"
is "$(m gnt-node info $N3)" "- Node name: $N3
  primary ip: 10.77.0.3
  secondary ip: 10.77.0.3
  master candidate: False
  drained: False
  offline: False
  master_capable: False
  vm_capable: True
  primary for instances: 
  secondary for instances: 
  node parameters: 
    cpu_speed: default (1)
    exclusive_storage: default (False)
    oob_program: default ()
    ovs: default (False)
    ovs_link: default ()
    ovs_name: default (switch1)
    spindle_count: default (1)
    ssh_port: default (22)" "gnt-node info"
must_fail 1 "This is not the master node, please connect to node '$N1' and rerun the command" \
	on 2 gnt-node list
is "$(on 2 gnt-cluster getmaster)" $N1 "every node knows the master"
ok "a node runs the node agent" wait_for 30 users_are 2 "$NODE_DAEMONS"
modes 2 >"$T/modes2"
ok "a candidate has the configuration" grep -qx '640 gnt-masterd gnt-confd /var/lib/ganeti/config.data' "$T/modes2"
modes 3 >"$T/modes3"
nok "another node does not" grep -q config.data "$T/modes3"
for k in 2 3; do
	for f in server.pem client.pem hmac.key; do
		is "$(grep -E "/var/lib/ganeti/$f\$" "$T/modes$k" | head -n 1)" "$(grep -E "/var/lib/ganeti/$f\$" "$T/modes" | head -n 1)" \
			"node$k: $f as on the master"
	done
	is "$(grep -c ' /var/lib/ganeti/ssconf_' "$T/modes$k")" 34 "node$k: ssconf files"
done
synced() { # all nodes have the master's value of that ssconf file
	local want k
	want=$(on 1 cat "/var/lib/ganeti/ssconf_$1")
	for k in 2 3; do [ "$(on "$k" cat "/var/lib/ganeti/ssconf_$1")" = "$want" ] || return 1; done
}
for f in node_list master_candidates node_primary_ips; do ok "ssconf_$f is the same everywhere" wait_for 30 synced $f; done
ok "candidates log in to each other" on 2 ssh -oBatchMode=yes root@$N1 true
ok "all nodes have the cluster's host key" on 1 ssh -oBatchMode=yes -oStrictHostKeyChecking=yes \
	-oUserKnownHostsFile=/dev/null -oGlobalKnownHostsFile=/var/lib/ganeti/known_hosts \
	-oHostKeyAlias=cl.example.com root@$N3 true
is "$(on 3 sh -c 'ls /var/lib/ganeti/virt-ca.pem 2>/dev/null')" "" "who is no candidate can't make certificates for live migration"

# ---- verify, command, copyfile

ok "gnt-cluster verify" m gnt-cluster verify
unlike "$OUT$ERR" "ERROR|WARNING" "finds nothing"
lines=$(cut -c 26- <<<"$OUT")
for line in "* Verifying cluster config" "* Verifying group 'default'" "* Gathering data (3 nodes)" \
	"* Verifying node status" "* Verifying instance status" "* Hooks Results"; do
	ok "verify says: $line" has "$line"
done
on 2 rm /var/lib/ganeti/known_hosts
must_fail 1 "ERROR" m gnt-cluster verify
ok "gnt-cluster redist-conf" m gnt-cluster redist-conf
ok "repairs it" m gnt-cluster verify
ok "gnt-cluster command" m gnt-cluster command -M uname -n
is "$(grep -v '^-*$' <<<"$OUT" | sort | uniq -c | sed 's/^ *//')" "1 $N1: $N1
1 $N2: $N2
1 $N3: $N3
3 return code = 0" "runs everywhere"
ok "gnt-cluster command on one node" m gnt-cluster command -n $N2 "echo a b; exit 3"
is "$OUT" "------------------------------------------------
node: $N2
a b

return code = 3" "as upstream prints it"
on 1 sh -c 'echo "to be copied" >/etc/ganeti/copied; chmod 640 /etc/ganeti/copied'
ok "gnt-cluster copyfile" m gnt-cluster copyfile /etc/ganeti/copied
is "$OUT$ERR" "" "is silent"
is "$(on 3 sh -c 'cat /etc/ganeti/copied; stat -c %a /etc/ganeti/copied')" "to be copied
640" "the file is there"
must_fail 1 "nosuch" m gnt-cluster copyfile /etc/ganeti/nosuch

# ---- roles

ok "gnt-node modify: offline" m gnt-node modify -O yes $N2
is "$OUT" "Modified node $N2
 - master_candidate -> False
 - offline -> True" "as upstream says it"
is "$(m gnt-node list --no-headers -o role,mfree $N2)" "O *" "nothing is asked of it"
ok "verify with an offline node" m gnt-cluster verify
like "$OUT" "NOTICE: 1 offline node\(s\) found" "has noticed"
must_fail 1 "error type: wrong_input, error details:
The master role can be changed only via master-failover" m gnt-node modify -O yes $N1
ok "gnt-node add --readd" m gnt-node add --no-ssh-key-check --readd $N2
like "$OUT" "INFO: Readding a node, the offline/drained flags were reset
.*INFO: Node will be a master candidate" "as upstream says it"
is "$(m gnt-node list --no-headers -o role $N2)" C "is a candidate again"
ok "gnt-node modify: drained" m gnt-node modify -D yes $N2
is "$(m gnt-node list --no-headers -o role $N2)" D "drained"
ok "and back" m gnt-node modify -D no $N2
is "$(m gnt-node list --no-headers -o role $N2)" C "a candidate"
must_fail 1 "Parameter Error: 'exclusive_storage' \(value no\) is not a valid boolean" \
	m gnt-node modify --node-parameters exclusive_storage=no $N2
must_fail 1 "is not master capable, cannot make it a master candidate" m gnt-node modify -C yes $N3

ok "queue drained" m gnt-cluster queue drain
is "$(m gnt-cluster queue info)" "The drain flag is set" "info says so"
must_fail 1 "drained|Job queue" m gnt-debug delay 0.01
ok "queue undrained" m gnt-cluster queue undrain
is "$(m gnt-cluster queue info)" "The drain flag is unset" "info says so"
ok "a job runs again" m gnt-debug delay 0.01

# ---- all daemons stop and come back

ok "stop-all on the master" on 1 /usr/lib/ganeti/daemon-util stop-all
ok "nothing runs" wait_for 30 users_are 1 ""
is "$(on 1 sh -c 'ls /run/ganeti/*.pid 2>/dev/null')" "" "and says that it runs"
ok "start-all" on 1 /usr/lib/ganeti/daemon-util start-all
ok "the master answers" wait_for 60 m gnt-node list
is "$(m gnt-node list --no-headers -o name | wc -l)" 3 "with all it knew"
ok "start-all again changes nothing" on 1 /usr/lib/ganeti/daemon-util start-all
is "$(on 1 sh -c 'pgrep -c "^ganeti-masterd"')" 1 "one master daemon"

# ---- the end

must_fail 1 "error type: wrong_input, error details:
There are still 2 node\(s\) in this cluster" m gnt-cluster destroy --yes-do-it
must_fail 1 "yes-do-it" m gnt-cluster destroy
must_fail 1 "Node is the master node, failover to another node is required" m gnt-node remove $N1
idle() { # no daemon on that host
	[ -z "$(users "$1")" ]
}
ok "gnt-node remove" m gnt-node remove $N3
ok "the agent of the removed node ends" wait_for 30 idle 3
is "$(on 3 sh -c 'ls /var/lib/ganeti/*.pem /var/lib/ganeti/*.key /var/lib/ganeti/config.data /var/lib/ganeti/ssconf_* /etc/pki/*/*.pem /etc/pki/*/*/*.pem 2>/dev/null')" \
	"" "no certificate, key or configuration"
nok "libvirt listens no more" on 3 bash -c ': </dev/tcp/10.77.0.3/16514'
is "$(on 1 grep -c node3 /etc/hosts)" 0 "its line in /etc/hosts of the master is gone, as upstream does it"
on 1 sh -c 'echo "10.77.0.3 node3.example.com node3" >>/etc/hosts'
ok "it can be added again" m gnt-node add --no-ssh-key-check $N3
ok "and removed" m gnt-node remove $N3
ok "the other, too" m gnt-node remove $N2
is "$(m gnt-node list --no-headers -o name)" $N1 "the master is left"
ok "gnt-cluster destroy" m gnt-cluster destroy --yes-do-it
is "$OUT$ERR" "" "is silent"
ok "no daemon is left" wait_for 30 idle 1
is "$(on 1 sh -c 'ip -o addr show | grep 10.77.0.250')" "" "no address"
is "$(on 1 sh -c 'find /var/lib/ganeti ! -type d; find /run/ganeti/socket /run/ganeti/*.pid ! -type d 2>/dev/null; find /etc/pki ! -type d')" "" \
	"no file"
ok "a new cluster can be made" init cl2.example.com
is "$(m gnt-cluster getmaster)" $N1 "is there"
is "$(m gnt-job list --no-headers -o id)" 1 "with a queue of its own"

done_testing
