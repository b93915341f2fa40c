#!/bin/bash
# daemon-util with daemons that are small scripts, in a virtual root: what it prints, its exit codes,
# how it starts and stops.
# shellcheck disable=SC2317 # functions are called by ok
. "$(dirname "$0")/harness/tlib.sh"

src=$(readlink -f "$(dirname "$0")/../daemons/scripts/daemon-util.in")
mkdir -p "$T/sbin" "$T/root/etc/default" "$T/root/var/run/ganeti" "$T/root/var/lib/ganeti"
sed -e "s|@sbindir@|$T/sbin|" -e "s|@pkglibdir@|$T/lib|" -e 's|@localstatedir@|/var|' \
	-e 's|@sysconfdir@|/etc|' "$src" >"$T/daemon-util"
chmod 755 "$T/daemon-util"
export GANETI_ROOTDIR=$T/root
log=$T/log

# A daemon: writes its pid file, notes its arguments, ends on TERM (or not, if told so).
for d in ganeti-noded ganeti-masterd ganeti-rapi; do
	cat >"$T/sbin/$d" <<-D
		#!/bin/bash
		echo "$d start \$*" >>'$log'
		[ ! -e '$T/refuse-$d' ] || exit "\$(cat '$T/refuse-$d')"
		(
			trap 'echo "$d stop" >>"$log"; rm -f "$T/root/var/run/ganeti/$d.pid"; exit' TERM
			[ ! -e '$T/stubborn-$d' ] || trap '' TERM
			trap 'echo "$d hup" >>"$log"' HUP
			echo \$BASHPID >'$T/root/var/run/ganeti/$d.pid.new'
			mv '$T/root/var/run/ganeti/$d.pid.new' '$T/root/var/run/ganeti/$d.pid'
			while :; do read -rt 0.05 <>'$T/fifo'; done
		) </dev/null >/dev/null 2>&1 &
		while [ ! -e '$T/root/var/run/ganeti/$d.pid' ]; do sleep 0.01; done
	D
	chmod 755 "$T/sbin/$d"
done
mkfifo "$T/fifo"
du() { "$T/daemon-util" "$@"; }
all_dead() { for f in "$T"/root/var/run/ganeti/*.pid; do [ ! -e "$f" ] || kill -9 "$(cat "$f")" 2>/dev/null; done; }
at_exit all_dead
logged() { # prints and forgets
	cat "$log" 2>/dev/null
	: >"$log"
}

# ---- questions

run du list-start-daemons
is "$OUT" $'ganeti-noded\nganeti-masterd\nganeti-rapi' "daemons of this build, in order"
run du list-stop-daemons
is "$OUT" $'ganeti-rapi\nganeti-masterd\nganeti-noded' "stopped in reverse"
ok "a known name" du is-daemon-name ganeti-noded
must_fail 1 "Unknown daemon name 'cron'" du is-daemon-name cron
run du daemon-pidfile ganeti-noded
is "$OUT" "$T/root/var/run/ganeti/ganeti-noded.pid" "pid file"
run du daemon-executable ganeti-rapi
is "$OUT" "$T/sbin/ganeti-rapi" "executable"
must_fail 1 "Missing configuration file $T/root/var/lib/ganeti/server.pem" du check-config
touch "$T/root/var/lib/ganeti/server.pem"
ok "configured" du check-config
ok "exit code 0 is fine" du check-exitcode 0
run du check-exitcode 11
is "$RC/$OUT" "0/not master" "11 is no error"
must_fail 1 'exit code 3' du check-exitcode 3
must_fail 1 'Missing daemon name' du start
must_fail 1 'Usage' du
must_fail 1 'Unknown command: explode' du explode
nok "no systemd in a virtual cluster" du use-systemctl

# ---- one daemon

nok "not running" du check ganeti-noded
ok "start" du start ganeti-noded --flag 'a b'
is "$(logged)" "ganeti-noded start --flag a b" "with its arguments"
ok "runs" du check ganeti-noded
ok "starting it again is no error" du start ganeti-noded
is "$(logged)" "" "and does nothing"
ok "check-and-start, too" du check-and-start ganeti-noded
is "$(logged)" "" "does nothing"
ok "rotate-logs" du rotate-logs ganeti-noded
ok "tells it" wait_for 30 grep -q 'ganeti-noded hup' "$log"
logged >/dev/null
ok "stop" du stop ganeti-noded
is "$(logged)" "ganeti-noded stop" "asks it to end"
nok "gone" du check ganeti-noded
ok "stopping it again is no error" du stop ganeti-noded

echo 'NODED_ARGS="-d -p 1234"' >"$T/root/etc/default/ganeti"
ok "arguments from the defaults file and the environment" env EXTRA_NODED_ARGS=--extra "$T/daemon-util" \
	start ganeti-noded
is "$(logged)" "ganeti-noded start -d -p 1234 --extra" "arrive"
pid=$(cat "$T/root/var/run/ganeti/ganeti-noded.pid")
kill -9 "$pid"
wait_for 30 not kill -0 "$pid"
nok "a dead daemon is not running" du check ganeti-noded
echo $$ >"$T/root/var/run/ganeti/ganeti-noded.pid"
nok "another process with its number is not it" du check ganeti-noded
ok "stop leaves that one alone" du stop ganeti-noded
rm "$T/root/var/run/ganeti/ganeti-noded.pid"

echo 7 >"$T/refuse-ganeti-rapi"
must_fail 7 '' du start ganeti-rapi
rm "$T/refuse-ganeti-rapi"

touch "$T/stubborn-ganeti-rapi"
sed -i 's/^STOP_SECONDS=.*/STOP_SECONDS=1/' "$T/daemon-util"
du start ganeti-rapi
pid=$(cat "$T/root/var/run/ganeti/ganeti-rapi.pid")
ok "stop of a stubborn one" du stop ganeti-rapi
ok "kills it" wait_for 30 not kill -0 "$pid"
sed -i 's/^STOP_SECONDS=.*/STOP_SECONDS=30/' "$T/daemon-util"
rm -f "$T/stubborn-ganeti-rapi" "$T/root/var/run/ganeti/ganeti-rapi.pid" "$T/root/etc/default/ganeti"
logged >/dev/null

# ---- all

ok "start-all" du start-all
is "$(logged)" $'ganeti-noded start \nganeti-masterd start \nganeti-rapi start ' "in order"
ok "stop-master" du stop-master
is "$(logged)" $'ganeti-rapi stop\nganeti-masterd stop' "stops the master's"
ok "the node agent stays" du check ganeti-noded
ok "start-master" du start-master
is "$(logged)" $'ganeti-masterd start \nganeti-rapi start ' "starts them"
ok "stop-all" du stop-all
is "$(logged)" $'ganeti-rapi stop\nganeti-masterd stop\nganeti-noded stop' "in reverse order"

echo 11 >"$T/refuse-ganeti-masterd"
ok "start-all on a node that is not the master" du start-all
is "$(logged)" $'ganeti-noded start \nganeti-masterd start \nganeti-rapi start ' "goes on"
du stop-all
echo 1 >"$T/refuse-ganeti-masterd"
must_fail 1 'ganeti-masterd: exit code 1' du start-all
du stop-all
rm "$T/sbin/ganeti-masterd"
run du list-start-daemons
is "$OUT" $'ganeti-noded\nganeti-rapi' "only what is installed"

done_testing
