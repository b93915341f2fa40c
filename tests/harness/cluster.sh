# shellcheck shell=bash
# shellcheck disable=SC2154 # what tlib.sh and lab.sh set
# cluster.sh: a cluster in lab hosts for test scripts. Source tlib.sh and lab.sh first. All cluster
# commands run on the master with "m"; the first argument of "on" is a host's number.
#
#	cluster_up 3 --enabled-hypervisors=kvm
#	ok "add" m gnt-instance add "${SHAREDFILE[@]}" -n node1.example.com inst1.example.com

CLUSTER=cl.example.com
MASTER=1

# What every cluster of the tests is initialised with, unless cluster_up's arguments say otherwise.
INIT=("--enabled-disk-templates=sharedfile,file,diskless"
	--file-storage-dir=/srv/ganeti/file-storage
	--shared-file-storage-dir=/srv/ganeti/shared-file-storage
	--master-netdev=br0 "--nic-parameters=mode=bridged,link=br0"
	--ipolicy-bounds-specs="min:memory-size=64,cpu-count=1,disk-size=16,disk-count=0,nic-count=0,spindle-use=1/max:memory-size=4096,cpu-count=8,disk-size=65536,disk-count=16,nic-count=8,spindle-use=12")
# For --enabled-hypervisors=kvm: the tiny guest under software emulation.
# shellcheck disable=SC2034 # for the scripts
KVM=(--enabled-hypervisors=kvm
	-H "kvm:kvm_flag=disabled,kernel_path=$GUEST/vmlinuz,initrd_path=$GUEST/initrd,kernel_args=quiet panic=5,serial_console=true,vnc_bind_address=")
# shellcheck disable=SC2034
FAKE=(--enabled-hypervisors=fake)
# Instances of "gnt-instance add": the tiny OS on a shared disk, or without any.
# shellcheck disable=SC2034
SHAREDFILE=(-t sharedfile --disk 0:size=32m -o tiny+default -B "memory=96,vcpus=1"
	-O prefix_length=16)
# shellcheck disable=SC2034
DISKLESS=(-t diskless -o tiny+default -B "memory=96,vcpus=1")

# m CMD ARG...: on the master
m() {
	on "$MASTER" "$@"
}

# site_prepare: on every host, what the administrator of a site does before there is a cluster
site_prepare() {
	"$lab" each sh -c 'printf "%s\n" /srv/ganeti/file-storage /srv/ganeti/shared-file-storage \
		>/etc/ganeti/file-storage-paths'
}

# cluster_up N ARG...: hosts, product, "gnt-cluster init ARG...", the other N-1 nodes. Each a test.
cluster_up() {
	local n=$1 k
	shift
	lab_up "$n"
	lab_install
	site_prepare
	ok "gnt-cluster init" m gnt-cluster init "${INIT[@]}" "$@" $CLUSTER
	if [ "$RC" != 0 ]; then
		cluster_logs
		bail "no cluster"
	fi
	for ((k = 2; k <= n; k++)); do
		ok "gnt-node add node$k" m gnt-node add --no-ssh-key-check "node$k.example.com"
	done
	at_exit cluster_logs_if_failed
}

# cluster_logs: the end of every daemon's log on every host
cluster_logs() {
	"$lab" each sh -c 'tail -v -n 25 /var/log/ganeti/*.log 2>/dev/null' 2>&1 | sed 's/^/# /'
}

cluster_logs_if_failed() {
	[ "$_t_failed" = 0 ] || cluster_logs
}

# Conditions for wait_for and ok
domain() { # K INSTANCE: its domain runs on that host
	on "$1" virsh -q -c qemu:///system list --name | grep -qx "$2"
}
no_domain() {
	! domain "$@"
}
daemon_runs() { # K DAEMON
	on "$1" /usr/lib/ganeti/daemon-util check "$2"
}

# kill_daemon K DAEMON: kill -9, its workers as well
# shellcheck disable=SC2016 # for the host to expand
kill_daemon() {
	on "$1" sh -c 'pid=$(cat "/run/ganeti/$0.pid") && kill -9 $(pgrep -P "$pid") "$pid"' "$2"
}

start_daemon() {
	on "$1" /usr/lib/ganeti/daemon-util start "$2"
}

# no_locks: nobody holds or waits for a lock
no_locks() {
	! m gnt-debug locks --no-headers --separator=: -o name,mode,owner,pending | grep -v ':-:-:-$'
}

# leftovers: what a host must not have once its instances are gone: "HOST: THING" lines
leftovers() {
	local k
	for k in $("$lab" status | sed -n 's/^node\([0-9]*\)\..* up .*/\1/p'); do
		on "$k" sh -c '
			virsh -q -c qemu:///system list --all --name | sed "/^$/d; s/^/domain /"
			pgrep -a qemu-system | sed "s/^/process /"
			ip -o link show type tun | sed "s/^/tap /"
			find /srv/ganeti/file-storage /srv/ganeti/shared-file-storage -mindepth 1 | sed "s/^/file /"
		' | sed "s/^/node$k: /"
	done
}
