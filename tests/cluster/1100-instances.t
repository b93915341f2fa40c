#!/bin/bash
# The life of instances with real guests: every way to add one, what is refused, console, shutdown,
# reboots, modification with and without hot-plugging, reinstallation, renaming, tags, hooks; and
# nothing is left when they are gone. Texts are upstream's.
# shellcheck disable=SC2016,SC2154,SC2317 # expansion is for the hosts; functions are called by ok
. "$(dirname "$0")/../harness/tlib.sh"
. "$(dirname "$0")/../harness/lab.sh"
. "$(dirname "$0")/../harness/cluster.sh"

needs_root
N1=node1.example.com N2=node2.example.com
I1=inst1.example.com I2=inst2.example.com I3=inst3.example.com I4=inst4.example.com
DATE='[A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9]{2} [0-9:]{8} [0-9]{4}'
NOTE="Please don't forget that most parameters take effect only at the next (re)start of the instance initiated by ganeti; restarting from within the instance will not be enough."
cluster_up 2 "${KVM[@]}"

# An allocator as small as can be: the node with the longest name that sorts last.
on 1 sh -c 'mkdir -p /usr/lib/ganeti/iallocators /lab/hooks; cat >/usr/lib/ganeti/iallocators/last; chmod 755 /usr/lib/ganeti/iallocators/*' <<'P'
#!/usr/bin/python3
import json, shutil, sys
shutil.copy(sys.argv[1], "/lab/allocator.json")
d = json.load(open(sys.argv[1]))
nodes = sorted(n for n, v in d["nodes"].items() if not v["offline"] and not v["drained"])
print(json.dumps({"success": True, "info": "", "result": nodes[-d["request"].get("required_nodes", 1):]}))
P
# Hooks that keep their environment; one more that can be told to refuse.
for k in 1 2; do
	for h in instance-add instance-remove instance-start instance-stop instance-modify instance-rename instance-reboot; do
		for p in pre post; do
			on $k sh -c 'd=/etc/ganeti/hooks/$0-$1.d; mkdir -p $d; cat >$d/00-dump; chmod 755 $d/00-dump' $h $p <<-'H'
				#!/bin/sh
				env | LC_ALL=C sort >"/lab/hooks/$GANETI_HOOKS_PATH.$GANETI_HOOKS_PHASE.$(hostname)"
				[ ! -e "/lab/hooks/refuse" ] || { echo "not today"; exit 1; }
			H
		done
	done
done
hook() { # PATH.PHASE.HOST NAME: that variable of its environment
	sed -n "s/^$2=//p" "$LAB_DIR/share/hooks/$1.example.com"
}
status() { # INSTANCE: status and memory
	m gnt-instance list --no-headers --separator=: -o status,oper_ram "$1"
}

# ---- operating systems

ok "gnt-os list" m gnt-os list --no-headers
is "$OUT" "noop
tiny+default
tiny+filled" "Debian's noop and our own"
ok "gnt-os diagnose" m gnt-os diagnose
like "$OUT" "OS: noop \[global status: valid\]" "noop is valid everywhere"
like "$OUT" "OS: tiny \[global status: valid\]
  Variants: \[default, filled\]
  Node: [0-9a-f-]{36}, status: valid \(path: /usr/share/ganeti/os/tiny\) \[API versions: 20\] \[variants: default, filled\] \[parameters: message, address, prefix_length, gateway\]" \
	"with variants and parameters"
on 2 sh -c 'mkdir -p /srv/ganeti/os; cp -a /usr/share/ganeti/os/tiny /srv/ganeti/os/half'
must_fail 1 "OS: half \[global status: partial valid\]" m gnt-os diagnose
unlike "$(m gnt-os list --no-headers)" "half" "and not listed"
on 2 rm -r /srv/ganeti/os/half

# ---- refused, and nothing left

add() {
	m gnt-instance add "$@"
}
must_fail 1 "error type: unknown_entity, error details:
Node 'nope' not known" add "${DISKLESS[@]}" -n nope $I1
must_fail 1 "Failure: command execution error:
OS Parameters validation failed on node $N1: Directory for OS nope not found in search path" \
	add -t diskless -o nope -n $N1 -B memory=96 $I1
must_fail 1 "Parameter Error: Unknown parameter 'foo'" add -t diskless -o noop -B foo=1 -n $N1 $I1
must_fail 2 "gnt-instance: error: option -t: invalid choice: 'foo'" add -t foo -o noop -n $N1 $I1
must_fail 1 "Disk template 'plain' is not enabled in cluster. Enabled disk templates are: sharedfile,file,diskless" \
	add -t plain -s 1G -o noop -n $N1 $I1
must_fail 1 "error type: wrong_input, error details:
Instance allocation to group [0-9a-f-]+ \(default\) violates policy: memory-size value 100000 is not in range \[64, 4096\]" \
	add -t diskless -o noop -B memory=100000 -n $N1 $I1
must_fail 1 "disk-size/0 value 100000 is not in range \[16, 65536\]" \
	add -t sharedfile --disk 0:size=100000m -o noop -B memory=96 -n $N1 $I1
must_fail 1 "Error: Command add expects 1 argument\(s\)" add -t diskless -o noop
must_fail 1 "error type: wrong_input" add "${DISKLESS[@]}" -n $N1 'bad name!'
must_fail 1 "OS name 'tiny' must include a variant|must include a variant" add -t diskless -o tiny -B memory=96 -n $N1 $I1
must_fail 1 "nosuchvariant" add -t diskless -o tiny+nosuchvariant -B memory=96 -n $N1 $I1
must_fail 1 "parameter 'address' must look like" add "${SHAREDFILE[@]}" -O address=nonsense -n $N1 $I1
must_fail 1 "nosuchparam" add "${SHAREDFILE[@]}" -O nosuchparam=1 -n $N1 $I1
must_fail 1 "" add "${DISKLESS[@]}" -I nosuchallocator $I1
must_fail 1 "" add "${DISKLESS[@]}" -n $N1 --net 0:link=nosuchbridge $I1
must_fail 1 "" add "${DISKLESS[@]}" -n $N1 -H kvm:kernel_path=/nosuch/kernel $I1
is "$(m gnt-instance list --no-headers)" "" "none of them is there"
is "$(leftovers)" "" "nor anything of them"
ok "dry run" add --dry-run "${SHAREDFILE[@]}" -n $N1 $I1
like "$OUT" "^$DATE  - INFO: dry-run mode requested, not actually executing the operation\$" "says so"
is "$(m gnt-instance list --no-headers)$(leftovers)" "" "makes nothing"

touch "$LAB_DIR/share/hooks/refuse"
must_fail 1 "Failure: hooks execution failed:
  node: $N1, script: instance-add-pre.d/00-dump, output: not today" add "${SHAREDFILE[@]}" -n $N1 $I1
rm "$LAB_DIR/share/hooks/refuse"
is "$(m gnt-instance list --no-headers)$(leftovers)" "" "a hook that refuses leaves nothing"

# ---- adding: named node and shared disk, allocator and local disk, diskless, no start

t=$EPOCHREALTIME
ok "gnt-instance add -t sharedfile -n" add "${SHAREDFILE[@]}" -n $N1 --net 0:ip=10.77.1.1 -O prefix_length=16,message=hello $I1
us=$((${EPOCHREALTIME/./} - ${t/./}))
diag "instance added in $((us / 1000)) ms"
is "$(cut -c 26- <<<"$OUT")" "* disk 0, size 32M
* creating instance disks...
adding instance $I1 to cluster config
adding disks to cluster config
 - INFO: Waiting for instance $I1 to sync disks
 - INFO: Instance $I1's disks are in sync
 - INFO: Waiting for instance $I1 to sync disks
 - INFO: Instance $I1's disks are in sync
* running the instance OS create scripts...
* starting instance..." "says what upstream says"
ok "gnt-instance add -t file -I" add -t file -s 48M -o tiny+default -B memory=96 -O prefix_length=16 -I last --net 0:ip=10.77.1.2 $I2
like "$OUT" "^$DATE  - INFO: Selected nodes for instance $I2 via iallocator last: $N2" "says where"
is "$(python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); r = d["request"]; print(d["cluster_name"], r["type"], r["name"], r["memory"], r["disk_template"], r["required_nodes"], sorted(d["nodes"]), sorted(d["instances"]))' "$LAB_DIR/share/allocator.json")" \
	"cl.example.com allocate $I2 96 file 1 ['$N1', '$N2'] ['$I1']" "the allocator was told everything"
ok "gnt-instance add -t diskless" add "${DISKLESS[@]}" -n $N2 -H "kvm:kernel_args=quiet ip4=10.77.1.3/16" $I3
ok "gnt-instance add --no-start, of Debian's noop" add -t sharedfile --disk 0:size=16m,name=first --disk 1:size=20m \
	-o noop -B minmem=64,maxmem=128,vcpus=2 -n $N2 --no-start --no-nics --tags=early,bird -H kvm:acpi=false $I4
must_fail 1 "error type: already_exists, error details:
Instance '$I1' is already in the cluster" add "${DISKLESS[@]}" -n $N1 $I1
is "$(m gnt-instance list --no-headers --separator=: -o name,hypervisor,os,pnode,status,oper_ram,disk_template)" \
	"$I1:kvm:tiny+default:$N1:running:96:sharedfile
$I2:kvm:tiny+default:$N2:running:96:file
$I3:kvm:tiny+default:$N2:running:96:diskless
$I4:kvm:noop:$N2:ADMIN_down:-:sharedfile" "gnt-instance list"
is "$(m gnt-instance list | head -n 2)" "Instance          Hypervisor OS           Primary_node      Status     Memory
$I1 kvm        tiny+default $N1 running       96M" "with a head"
is "$(m gnt-instance list --no-headers -o name,be/vcpus,disk.sizes,tags $I4)" "$I4 2 16,20 bird,early" "all that was asked for"
is "$(m gnt-instance list --no-headers -o name -F 'pnode == "'$N2'" and status == "running"')" "$I2
$I3" "with a filter"
run m gnt-instance list -o name,nosuch
is "$RC" 14 "an unknown field has its own exit code"

ok "the guest of $I1 answers" wait_for 60 guest_answers 10.77.1.1
is "$(guest_fact 10.77.1.1 name),$(guest_fact 10.77.1.1 message),$(guest_fact 10.77.1.1 cpus),$(guest_fact 10.77.1.1 disk)" \
	"$I1,hello,1,vda 32" "configured by its OS scripts, with the hardware that was asked for"
is "$(guest_fact 10.77.1.1 nic)" "eth0 $(m gnt-instance list --no-headers -o nic.mac/0 $I1)" "and its MAC address"
ok "the guest of $I2 answers" wait_for 60 guest_answers 10.77.1.2
ok "the guest of $I3 answers" wait_for 60 guest_answers 10.77.1.3
is "$(guest_fact 10.77.1.3 config)" no-disk "and has no disk"
is "$(on 2 sh -c 'ls /srv/ganeti/file-storage')" $I2 "the local disk is on its node"
is "$(on 1 virsh -q -c qemu:///system domuuid $I1)" "$(m gnt-instance list --no-headers -o uuid $I1)" "the domain's UUID is the instance's"
ok "gnt-cluster verify" m gnt-cluster verify
unlike "$OUT" "ERROR|WARNING" "finds nothing"

# ---- hooks

is "$(hook instance-add.pre.node1 GANETI_OP_TARGET),$(hook instance-add.pre.node1 GANETI_INSTANCE_STATUS),$(hook instance-add.pre.node1 GANETI_HOOKS_VERSION)" \
	"$I4,False,2" "the hooks of the last addition"
is "$(sed 's/=.*//; /_HV_\|^_$/d' "$LAB_DIR/share/hooks/instance-add.pre.node2.example.com" | tr '\n' ' ')" \
	"GANETI_ADD_MODE GANETI_CLUSTER GANETI_DATA_DIR GANETI_HOOKS_PATH GANETI_HOOKS_PHASE GANETI_HOOKS_VERSION GANETI_INSTANCE_BE_always_failover GANETI_INSTANCE_BE_auto_balance GANETI_INSTANCE_BE_maxmem GANETI_INSTANCE_BE_minmem GANETI_INSTANCE_BE_spindle_use GANETI_INSTANCE_BE_vcpus GANETI_INSTANCE_DISK0_MODE GANETI_INSTANCE_DISK0_NAME GANETI_INSTANCE_DISK0_SIZE GANETI_INSTANCE_DISK0_UUID GANETI_INSTANCE_DISK1_MODE GANETI_INSTANCE_DISK1_SIZE GANETI_INSTANCE_DISK1_UUID GANETI_INSTANCE_DISK_COUNT GANETI_INSTANCE_DISK_TEMPLATE GANETI_INSTANCE_HYPERVISOR GANETI_INSTANCE_MAXMEM GANETI_INSTANCE_MEMORY GANETI_INSTANCE_MINMEM GANETI_INSTANCE_NAME GANETI_INSTANCE_NIC_COUNT GANETI_INSTANCE_OS_TYPE GANETI_INSTANCE_PRIMARY GANETI_INSTANCE_SECONDARIES GANETI_INSTANCE_STATUS GANETI_INSTANCE_TAGS GANETI_INSTANCE_VCPUS GANETI_MASTER GANETI_OBJECT_TYPE GANETI_OP_CODE GANETI_OP_TARGET PATH PWD " \
	"have upstream's environment"
is "$(hook instance-add.post.node1 GANETI_POST_INSTANCE_NAME)" $I4 "after it, also the new values"

# ---- console

ok "gnt-instance console --show-cmd" m gnt-instance console --show-cmd $I1
is "$OUT" "ssh -oEscapeChar=none -oHashKnownHosts=no -oGlobalKnownHostsFile=/var/lib/ganeti/known_hosts -oUserKnownHostsFile=/dev/null -oCheckHostIp=no -oConnectTimeout=10 -oHostKeyAlias=cl.example.com -oBatchMode=yes -oStrictHostKeyChecking=yes -4 -t -t root@$N1 '/usr/lib/ganeti/tools/kvm-console-wrapper /usr/bin/socat $I1 /var/run/ganeti/kvm-hypervisor/ctrl/$I1.monitor STDIO,raw,echo=0,escape=0x1d UNIX-CONNECT:/var/run/ganeti/kvm-hypervisor/ctrl/$I1.serial'" \
	"as upstream"
mkfifo "$T/in"
m timeout 150 gnt-instance console $I2 <"$T/in" >"$T/console" 2>&1 &
console=$!
exec {in}>"$T/in"
typed() { # until the guest's shell has answered: a line that is typed too early is lost
	printf 'echo answer-$((6*7))\r' >&"$in"
	sleep 0.3
	grep -q answer-42 "$T/console"
}
ok "the console leads to the guest's shell" wait_for 60 typed
printf '\035' >&"$in"
exec {in}>&-
ok "and ends with Ctrl-]" wait $console
must_fail 1 "Failure: command execution error:
Instance $I4 is not running, can't get console" m gnt-instance console $I4

# ---- stopping and starting

before=$(guest_fact 10.77.1.1 uptime)
ok "startup of a running instance" m gnt-instance startup $I1
like "$OUT" "^Waiting for job [0-9]+ for $I1 ...\$" "does nothing"
after=$(guest_fact 10.77.1.1 uptime)
ok "the guest ran on" awk "BEGIN {exit !($after >= $before)}"
t=$SECONDS
ok "shutdown by ACPI" m gnt-instance shutdown --timeout=40 $I2
ok "the guest obeyed" test $((SECONDS - t)) -lt 35
is "$(status $I2)" "ADMIN_down:-" "status"
ok "no domain is left" no_domain 2 $I2
is "$(on 2 sh -c 'ls /srv/ganeti/file-storage/*/ | wc -l')" 1 "its disk is"
nok "it stays down" guest_answers 10.77.1.2
t=$SECONDS
ok "forced shutdown of the one without ACPI disk" m gnt-instance shutdown --timeout=0 $I3
ok "takes no time" test $((SECONDS - t)) -lt 60
ok "shutdown of what is down" m gnt-instance shutdown $I3
ok "a reboot of what is down" m gnt-instance reboot $I2
like "$OUT" " - INFO: Instance $I2 was already stopped, starting now" "is a start"
ok "the guest is back" wait_for 60 guest_answers 10.77.1.2
is "$(guest_fact 10.77.1.2 name)" $I2 "from its disk"
must_fail 1 "error type: wrong_input, error details:
Selection filter does not match any instances" m gnt-instance startup nope.example.com
is "$(hook instance-stop.post.node1 GANETI_OP_TARGET),$(hook instance-reboot.post.node1 GANETI_OP_TARGET)" "$I3,$I2" "hooks of both ran"
on 2 pkill -9 -f "guest=$I2,"
ok "a guest that died is noticed" wait_for 60 sh -c "$(printf '%q ' "$lab" sh 1 gnt-instance list --no-headers -o status $I2) | grep -qx ERROR_down"
must_fail 1 "ERROR: instance $I2: instance not running on its primary node $N2" m gnt-cluster verify
ok "startup again" m gnt-instance startup $I2

# booted ADDRESS: when the guest did, in seconds since 1970
booted() {
	local up
	up=$(guest_fact "$1" uptime) && [ -n "$up" ] && awk "BEGIN {printf \"%.1f\", $EPOCHREALTIME - $up}"
}
rebooted() { # ADDRESS WHEN: it has booted after that
	local now
	now=$(booted "$1") && [ -n "$now" ] && awk "BEGIN {exit !($now > $2 + 1)}"
}
for type in soft hard full; do
	was=$(booted 10.77.1.1)
	id=$(on 1 virsh -q -c qemu:///system domid $I1)
	ok "reboot -t $type" m gnt-instance reboot -t $type --shutdown-timeout=20 $I1
	ok "the guest has restarted" wait_for 60 rebooted 10.77.1.1 "$was"
	is "$(status $I1)" "running:96" "status"
done
isnt "$(on 1 virsh -q -c qemu:///system domid $I1)" "$id" "a full reboot makes a new domain"

# ---- modification of a running instance

ok "modify -B" m gnt-instance modify -B maxmem=128,minmem=64,vcpus=2 $I1
is "$OUT" "Modified instance $I1
 - be/maxmem -> 128
 - be/minmem -> 64
 - be/vcpus -> 2
$NOTE" "says what upstream says"
ok "hot-plugged disk" m gnt-instance modify --disk add:size=16m $I1
like "$OUT" "- INFO: Trying to hotplug device\.\.\.
$DATE  - INFO: Hotplug done\.
" "says what upstream says"
like "$OUT" "Modified instance $I1
 - disk/1 -> add:size=16,mode=rw
 - disk/1 -> hotplug:done
" "and the result"
sees() { # ADDRESS WHAT TEXT
	[ "$(guest_fact "$1" "$2" | tr '\n' ' ')" = "$3 " ]
}
ok "the guest sees it" wait_for 60 sees 10.77.1.1 disk "vda 32 vdb 16"
ok "hot-plugged NIC" m gnt-instance modify --net add:mode=bridged,link=br0,name=extra $I1
like "$OUT" " - nic.1 -> add:mac=aa:00:00:[0-9a-f:]{8},ip=None,mode=bridged,link=br0,network=None
 - nic.1 -> hotplug:done
" "the result"
mac0=$(m gnt-instance list --no-headers -o nic.mac/0 $I1) mac1=$(m gnt-instance list --no-headers -o nic.mac/1 $I1)
ok "the guest sees it" wait_for 60 sees 10.77.1.1 nic "eth0 $mac0 eth1 $mac1"
ok "modified NIC" m gnt-instance modify -f --net 1:modify,ip=10.9.0.9 $I1
is "$(m gnt-instance list --no-headers -o nic.ips $I1)" "10.77.1.1,10.9.0.9" "is stored"
ok "NIC unplugged" m gnt-instance modify --net 1:remove $I1
like "$OUT" " - NIC/1 -> remove
 - NIC/1 -> hotplug:done
" "the result"
ok "the guest has lost it" wait_for 60 sees 10.77.1.1 nic "eth0 $mac0"
ok "disk unplugged" m gnt-instance modify --disk 1:remove $I1
like "$OUT" " - disk/1 -> remove
 - disk/1 -> hotplug:done
" "the result"
ok "the guest has lost it" wait_for 60 sees 10.77.1.1 disk "vda 32"
is "$(on 1 sh -c "ls /srv/ganeti/shared-file-storage/$I1 | wc -l")" 1 "and its file is gone"
is "$(on 1 sh -c 'ip -o link show type tun | wc -l')" 1 "one tap is left"
ok "NIC without hot-plugging" m gnt-instance modify --no-hotplug --net add:link=br0 $I1
unlike "$OUT" "hotplug" "says nothing of it"
ok "the guest does not see it" sees 10.77.1.1 nic "eth0 $mac0"
ok "modify -H" m gnt-instance modify -H "kernel_args=quiet panic=5 ip4=10.77.1.11/16" $I1
ok "restart" m gnt-instance reboot -t full --shutdown-timeout=20 $I1
ok "the guest has its new address" wait_for 60 guest_answers 10.77.1.11
is "$(guest_fact 10.77.1.11 nic | wc -l),$(guest_fact 10.77.1.11 cpus)" "2,2" "its new NIC and processors"
is "$(status $I1)" "running:128" "and memory"
must_fail 1 "Parameter Error: Unknown parameter 'nonsense'" m gnt-instance modify -H nonsense=1 $I1
must_fail 1 "" m gnt-instance modify --disk 7:remove $I1
must_fail 1 "" m gnt-instance modify --disk add:size=1m $I1
must_fail 1 "Please give at least one of the parameters" m gnt-instance modify $I1
ok "modify of parameters back" m gnt-instance modify -H kernel_args=default --net 1:remove $I1
is "$(m gnt-instance list --no-headers -o nic.count,hv/kernel_args $I1)" "1 quiet panic=5" "to the cluster's"

# ---- of a stopped one: disks, offline, reinstall, rename

must_fail 1 "is running|marked to be up" m gnt-instance reinstall -f $I1
must_fail 1 "is running|marked to be up" m gnt-instance rename $I1 inst11.example.com
ok "shutdown" m gnt-instance shutdown --timeout=20 $I1
ok "disk added to a stopped instance" m gnt-instance modify --disk add:size=16m,name=second $I1
is "$(m gnt-instance list --no-headers -o disk.sizes $I1)" "32,16" "is there"
ok "and removed" m gnt-instance modify --disk 1:remove $I1
is "$(on 1 sh -c "ls /srv/ganeti/shared-file-storage/$I1 | wc -l")" 1 "with its file"
ok "reinstall" m gnt-instance reinstall -f -O message=again $I1
like "$OUT" "^Waiting for job [0-9]+ for $I1 \.\.\.
$DATE  - INFO: Running instance OS create scripts\.\.\." "says what upstream says"
ok "rename" m gnt-instance rename $I1 inst11.example.com
is "$OUT" "Instance '$I1' renamed to 'inst11.example.com'" "says what upstream says"
I1=inst11.example.com
is "$(on 1 ls /srv/ganeti/shared-file-storage | sort | tr '\n' ' ')" "$I1 $I4 " "its disks' folder, too"
is "$(hook instance-rename.post.node1 GANETI_INSTANCE_NEW_NAME)" $I1 "the hook knows"
ok "modify --offline" m gnt-instance modify --offline $I1
is "$OUT" "Modified instance $I1
 - admin_state -> offline
$NOTE" "says what upstream says"
is "$(status $I1)" "ADMIN_offline:-" "status"
must_fail 1 "error type: wrong_state" m gnt-instance startup $I1
ok "modify --online" m gnt-instance modify --online $I1
ok "startup" m gnt-instance startup $I1
ok "the guest answers at the address of its NIC" wait_for 60 guest_answers 10.77.1.1
is "$(guest_fact 10.77.1.1 name),$(guest_fact 10.77.1.1 message)" "$I1,again" "with its new name and system"

# ---- tags

ok "add-tags" m gnt-instance add-tags $I1 one two
ok "add-tags again" m gnt-instance add-tags $I1 one
is "$(m gnt-instance list-tags $I1 | tr '\n' ' ')" "one two " "list-tags"
must_fail 1 "Failure: invalid tag\(s\) given:
Tag contains invalid characters" m gnt-instance add-tags $I1 'bad tag!'
must_fail 1 "error type: unknown_entity, error details:
Tag\(s\) 'nosuch' not found" m gnt-instance remove-tags $I1 nosuch
ok "remove-tags" m gnt-instance remove-tags $I1 one
is "$(m gnt-cluster search-tags '^two$')" "/instances/$I1 two" "search-tags"
ok "tags of a node" m gnt-node add-tags $N2 rack:b
is "$(m gnt-node list --no-headers -o tags $N2)" rack:b "are listed"

# ---- jobs

ok "--submit" m gnt-instance reboot --submit -t hard $I3
like "$OUT" "^[0-9]+: $I3\$" "prints the job"
id=${OUT%%:*}
run m gnt-job wait "$id"
ok "gnt-job info" m gnt-job info "$id"
like "$OUT" "^- Job ID: $id
  Status: " "shows it"
must_fail 1 "error type: unknown_entity, error details:
Instance 'nope' not known" m gnt-instance info nope

# ---- the end

is "$(m gnt-instance info $I1 | grep -E '^(- Instance name|  State|  Operating system|  Disk template):')" "- Instance name: $I1
  State: configured to be up, actual state is up
  Operating system: tiny+default
  Disk template: sharedfile" "gnt-instance info"
ok "gnt-cluster verify" m gnt-cluster verify
unlike "$OUT" "ERROR|WARNING" "finds nothing"
must_fail 1 "There are still 1 node" m gnt-cluster destroy --yes-do-it
must_fail 1 "error type: wrong_input, error details:
Instance $I2 is still running on the node, please remove first" m gnt-node remove $N2
for i in $I1 $I2 $I3 $I4; do
	ok "gnt-instance remove $i" m gnt-instance remove -f --shutdown-timeout=3 "$i"
	is "$OUT$ERR" "" "is silent"
done
is "$(hook instance-remove.post.node1 GANETI_OP_TARGET)" $I4 "hooks ran"
must_fail 1 "error type: unknown_entity, error details:
Instance '$I1' not known" m gnt-instance remove -f $I1
is "$(m gnt-instance list --no-headers)" "" "no instance"
is "$(leftovers)" "" "no domain, process, tap, file"
for k in 1 2; do
	is "$(on $k sh -c 'find /run/ganeti/instance-disks /run/ganeti/kvm-hypervisor /run/ganeti/bdev-cache ! -type d 2>/dev/null')" "" \
		"no link or state file on node$k"
	is "$(on $k sh -c 'find /etc/libvirt/qemu /var/lib/libvirt/qemu -name "*inst*" 2>/dev/null')" "" "nothing in libvirt's folders"
done
ok "no lock is held" no_locks
ok "gnt-cluster verify" m gnt-cluster verify
done_testing
