#!/bin/bash
# The lab itself, without any Ganeti: hosts, cables, power, installation, isolation from the machine,
# a guest under libvirt and its live migration over TLS. If this fails, look here first.
# shellcheck disable=SC2317 # functions are called by ok
. "$(dirname "$0")/../harness/tlib.sh"
. "$(dirname "$0")/../harness/lab.sh"

needs_root
machine() { # what must be the same afterwards
	grep -F "$LAB_DIR" /proc/self/mounts
	find /sys/fs/cgroup -maxdepth 2 -type d -name "$LAB_PREFIX-*"
	pgrep -af "$LAB_DIR"
	hostname
	find /srv /etc/ssh /etc/libvirt /etc/pki /root/.ssh /var/lib/ganeti /var/lib/libvirt /run/libvirt \
		-printf '%p %T@\n' 2>/dev/null | sort
	sha256sum /etc/passwd /etc/group /etc/shadow /etc/hosts /etc/hostname /etc/machine-id 2>&1
	ip -o link | sort
}
machine >"$T/before"

t=$EPOCHREALTIME
lab_up 2
us=$((${EPOCHREALTIME/./} - ${t/./}))
diag "two hosts (and the guest's files) in $((us / 1000)) ms"
ok "up again changes nothing" "$lab" up 2
like "$ERR" 'all 2 hosts are running' "and says so"
"$lab" status >"$T/status"
is "$(grep -c 'up (pid' "$T/status")" 2 "status shows both"

# ---- a host

is "$(on 1 hostname)" node1.example.com "host name"
is "$(on 2 cat /etc/hostname)" node2.example.com "also in /etc/hostname"
is "$(on 1 cat /proc/1/cmdline | tr '\0' ' ')" "/bin/bash /usr/local/sbin/lab-init " "its own process 1"
nok "the machine's processes are out of sight" on 1 pgrep -f "$(basename "$0")"
is "$(on 1 getent hosts cl.example.com)" "10.77.0.250     cl.example.com cl" "knows the cluster's name"
must_fail 2 '' on 1 getent hosts nosuch.example.org
ok "root logs in to the other without questions" on 1 ssh -oBatchMode=yes root@node2 true
ok "by address too" on 2 ssh -oBatchMode=yes root@10.77.0.1 true
ok "with strict checks, too" on 1 ssh -oBatchMode=yes -oStrictHostKeyChecking=yes node2.example.com true
is "$(on 1 id -Gn gnt-masterd)" "gnt-masterd gnt-daemons gnt-admin gnt-confd" "daemon users exist"
isnt "$(on 1 cat /etc/machine-id)" "$(on 2 cat /etc/machine-id)" "machine ids differ"
ok "the shared folder is shared" on 1 bash -c 'echo x >/srv/ganeti/shared-file-storage/x'
is "$(on 2 cat /srv/ganeti/shared-file-storage/x)" x "seen by the other"
ok "the file folder is not" on 1 bash -c 'echo x >/srv/ganeti/file-storage/x'
nok "not seen by the other" on 2 test -e /srv/ganeti/file-storage/x
ok "storage takes O_DIRECT" on 1 dd if=/dev/zero of=/srv/ganeti/file-storage/d bs=4096 count=1 oflag=direct
is "$(on 1 bash -c 'test ! -e /proc/sysrq-trigger || stat -c "%F %m" /proc/sysrq-trigger')" \
	"$(test ! -e /proc/sysrq-trigger || echo "regular empty file /proc/sysrq-trigger")" \
	"sysrq is an empty file of the lab's, if there is one"
nok "kernel settings of the machine are read-only" on 1 bash -c 'echo 1 >/proc/sys/vm/drop_caches'
must_fail 7 '' on 1 bash -c 'exit 7'
is "$(on 1 printf '%s|' 'a b' '*' "")" "a b|*||" "arguments arrive as they are"
run timeout -s TERM 2 "$lab" sh 1 sleep 987
ok "a command dies with its caller" wait_for 30 not on 1 pgrep -f 'sleep 987$'

ok "services restart without systemd" on 2 service ssh restart
ok "and come back" wait_for 30 on 1 ssh -oBatchMode=yes root@node2 true

# ---- cables and power

answers() { "$lab" wire timeout 1 bash -c ": </dev/tcp/$1/22"; }
ok "host 2 answers" wait_for 30 answers 10.77.0.2
"$lab" cut 2
nok "not when its cable is cut" answers 10.77.0.2
like "$("$lab" status)" 'node2.example.com .* cable cut' "status says cut"
"$lab" heal 2
ok "again when healed" wait_for 30 answers 10.77.0.2
on 2 bash -c 'echo kept >/etc/kept; echo lost >/run/lost'
"$lab" off 2
nok "a host that is off runs nothing" on 2 true
like "$("$lab" status)" 'node2.example.com 10.77.0.2 off' "status says off"
ok "on" "$lab" on 2
is "$(on 2 cat /etc/kept)" kept "its disk is kept"
nok "its memory is not" on 2 test -e /run/lost
ok "ssh is back with the same key" on 1 ssh -oBatchMode=yes -oStrictHostKeyChecking=yes node2 true

# ---- installation

mkdir -p "$T/tree"/{lib/x,usr/sbin,var/lib/ganeti}
chmod 700 "$T/tree"
echo one >"$T/tree/lib/x/one"
printf '#!/bin/sh\necho version 1\n' >"$T/tree/usr/sbin/gnt-lab-test"
chmod 755 "$T/tree/usr/sbin/gnt-lab-test"
chown -R nobody "$T/tree"
ok "install" "$lab" install "$T/tree"
is "$(on 1 gnt-lab-test)" "version 1" "on host 1"
is "$(on 2 stat -c '%U %a' /usr/sbin/gnt-lab-test)" "root 755" "on host 2, owned by root"
is "$(on 1 readlink /lib)" usr/lib "/lib stays a link"
is "$(on 1 stat -c %a /)" 755 "/ keeps its mode"
nok "not on the machine" test -e /usr/sbin/gnt-lab-test
rm "$T/tree/lib/x/one"
cp "$(command -v sleep)" "$T/tree/usr/sbin/gnt-lab-busy"
"$lab" install "$T/tree"
on 1 gnt-lab-busy 15 &
ok "a program runs" wait_for 30 on 1 pgrep -x gnt-lab-busy
sed -i s/1/2/ "$T/tree/usr/sbin/gnt-lab-test"
ok "install again" "$lab" install "$T/tree"
is "$(on 1 gnt-lab-test)" "version 2" "new contents"
ok "the program was not disturbed" wait $!
nok "files that are gone are gone" on 1 test -e /lib/x/one

# ---- a guest, and its live migration

pki() { # host K's certificates, as the cluster's software would place them
	local k=$1 d=$T/pki f
	mkdir -p "$d"
	if [ ! -f "$d/ca.pem" ]; then
		openssl req -x509 -newkey rsa:2048 -nodes -keyout "$d/ca.key" -out "$d/ca.pem" -days 30 \
			-subj /CN=lab -addext basicConstraints=critical,CA:true \
			-addext keyUsage=critical,keyCertSign 2>/dev/null
	fi
	openssl req -newkey rsa:2048 -nodes -keyout "$d/$k.key" -subj "/CN=node$k.example.com" 2>/dev/null |
		openssl x509 -req -CA "$d/ca.pem" -CAkey "$d/ca.key" -CAcreateserial -days 30 -out "$d/$k.pem" \
			-extfile <(printf '%s\n' "subjectAltName=DNS:node$k.example.com,IP:10.77.0.$k" \
				extendedKeyUsage=serverAuth,clientAuth \
				keyUsage=critical,digitalSignature,keyEncipherment) 2>/dev/null
	f=$(host_file "$k" /etc/pki)
	mkdir -p "$f"/{CA,libvirt/private,qemu}
	cp "$d/ca.pem" "$f/CA/cacert.pem"
	cp "$d/ca.pem" "$f/qemu/ca-cert.pem"
	for x in server client; do
		cp "$d/$k.pem" "$f/libvirt/${x}cert.pem"
		cp "$d/$k.key" "$f/libvirt/private/${x}key.pem"
		cp "$d/$k.pem" "$f/qemu/$x-cert.pem"
		cp "$d/$k.key" "$f/qemu/$x-key.pem"
	done
}

disk=/srv/ganeti/shared-file-storage/g1.raw
truncate -s 16M "$(host_file 1 $disk)"
env -C "$lab_root/os/tiny" -i PATH="$PATH" OS_API_VERSION=20 OS_NAME=tiny OS_VARIANT=default \
	INSTANCE_NAME=inst1.example.com DISK_COUNT=1 DISK_0_PATH="$(host_file 1 $disk)" DISK_0_SIZE=16 \
	NIC_0_IP=10.77.1.1 OSP_PREFIX_LENGTH=16 OSP_MESSAGE='from the lab' "$lab_root/os/tiny/create" >/dev/null
cat >"$LAB_DIR/share/g1.xml" <<X
<domain type='qemu'><name>g1</name><memory unit='MiB'>128</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='pc'>hvm</type><kernel>$GUEST/vmlinuz</kernel>
<initrd>$GUEST/initrd</initrd><cmdline>console=ttyS0 quiet panic=5</cmdline></os>
<features><acpi/><apic/></features>
<devices><disk type='file' device='disk'><driver name='qemu' type='raw' cache='none'/>
<source file='$disk'/><target dev='vda' bus='virtio'/></disk>
<interface type='bridge'><source bridge='br0'/><model type='virtio'/><rom enabled='no'/></interface>
<serial type='pty'/><console type='pty'/><controller type='usb' model='none'/><video><model type='none'/></video>
</devices></domain>
X
ok "define" on 1 virsh -q define /lab/g1.xml
t=$EPOCHREALTIME
ok "start" on 1 virsh -q start g1
ok "the guest answers" wait_for 60 guest_answers 10.77.1.1
us=$((${EPOCHREALTIME/./} - ${t/./}))
diag "guest up in $((us / 1000)) ms"
is "$(guest_fact 10.77.1.1 name)" inst1.example.com "it is the one"
is "$(guest_fact 10.77.1.1 message)" "from the lab" "configured by the OS definition"
is "$(guest_fact 10.77.1.1 disk)" "vda 16" "sees its disk"
is "$(guest_fact 10.77.1.1 cpus)" 1 "has one processor"

for k in 1 2; do
	pki $k
	nok "host $k does not listen before it is told" on $k bash -c ': </dev/tcp/127.0.0.1/16514'
	ok "libvirt of host $k listens once it has certificates" on $k service libvirtd restart
	ok "now it does" on $k bash -c ': </dev/tcp/127.0.0.1/16514'
done
is "$(on 1 virsh -q domstate g1 | head -1)" running "the guest survived libvirt's restart"
ok "TLS from host to host" on 1 virsh -q -c qemu+tls://node2.example.com/system uri

"$lab" wire "$lab_root/tests/lab/poll" 10.77.1.1 >"$T/poll" &
poller=$!
at_exit eval "kill $poller 2>/dev/null"
ok "poller sees the guest" wait_for 60 grep -q ok "$T/poll"
migrate() { # FROM TO
	on "$1" timeout 60 virsh -q migrate --unsafe --live --p2p --tls --persistent --undefinesource g1 \
		"qemu+tls://node$2.example.com/system"
}
t=$EPOCHREALTIME
ok "live migration to host 2" migrate 1 2
# libvirt 9.0 has been seen to lose the connection between the hosts
[ "$RC" = 0 ] || for k in 1 2; do diag "host $k: $(on $k tail -n 20 /var/log/libvirt/libvirtd.log 2>&1)"; done
us=$((${EPOCHREALTIME/./} - ${t/./}))
diag "migrated in $((us / 1000)) ms; $(on 2 virsh domjobinfo g1 --completed | grep -E 'Total downtime' | tr -s ' ')"
is "$(on 1 virsh -q list --all --name | tr -d '\n')" "" "nothing left on host 1"
is "$(on 2 virsh -q list --name | tr -d '\n')" g1 "running on host 2"
count=$(wc -l <"$T/poll")
more() { [ "$(wc -l <"$T/poll")" -gt $((count + 5)) ]; }
ok "poller goes on" wait_for 60 more
ok "and back" migrate 2 1
kill $poller
wait $poller 2>/dev/null
read -r tries lost silence reboots < <("$lab_root/tests/lab/poll" --summary <"$T/poll")
diag "asked $tries times, $lost unanswered, longest silence $silence s"
ok "the guest was never silent for 20 s" awk "BEGIN {exit !($silence < 20)}"
is "$reboots" 0 "and never restarted"
ok "ACPI shutdown" on 1 virsh -q shutdown g1 --mode acpi
off() { on 1 virsh -q domstate g1 | grep -q 'shut off'; }
ok "the guest obeys" wait_for 30 off

# ---- end

"$lab" status >"$T/status"
ok "down" "$lab" down
ok "down again" "$lab" down
is "$("$lab" status)" "no lab in $LAB_DIR" "status says there is none"
nok "its folder is gone" test -e "$LAB_DIR"
machine >"$T/after"
ok "the machine is as before" diff "$T/before" "$T/after"

done_testing
