#!/bin/bash
# What the world does to a master: its disk is full, a candidate stands still, the clock jumps.
# shellcheck disable=SC2154,SC2317 # what lib.sh sets; functions for wait_for
# shellcheck source=tests/fault/lib.sh
. "$(dirname "$0")/lib.sh"

vcl_up 3
# "init" has started them, without our environment
kill9 1 ganeti-masterd
ok "the master knows of the faults" master_up
LOG=$(vcl_file 1 MASTERD_LOG)

diag "a candidate that stands still"
pid_of 2 ganeti-noded
stopped=$PID
at_exit kill -CONT "$stopped"
clients_start 4
ok "clients work" wait_for 120 clients_done 50
kill -STOP "$stopped"
lines=$(cat "$H"/*.history | wc -l)
ok "they go on without it" wait_for 240 clients_done $((lines + 100))
kill9 1 ganeti-masterd
ok "the next master starts" master_up
lines=$(cat "$H"/*.history | wc -l)
ok "and they go on with that one" wait_for 240 clients_done $((lines + 50))
kill -CONT "$stopped"
ok "clients end" clients_stop
judge "a candidate that stood still"

if grep -q '^#define ENABLE_FAULT 1' "$VCL_BUILD/config.h"; then
	diag "a clock that jumps"
	clients_start 4
	for skew in 86400 -86400 -1000000000 0.5; do
		arm clock "skew $skew"
		lines=$(cat "$H"/*.history | wc -l)
		ok "$skew s: clients go on" wait_for 120 clients_done $((lines + 50))
	done
	kill9 1 ganeti-masterd
	arm clock "skew -3600"
	ok "a master starts before the last one ended" master_up
	lines=$(cat "$H"/*.history | wc -l)
	ok "clients go on" wait_for 120 clients_done $((lines + 50))
	disarm clock
	ok "clients end" clients_stop
	judge "a clock that jumped"
else
	skip 1 "configured without --enable-fault"
fi

diag "a full disk"
data=$(dirname "$(vcl_file 1 CONFIG_DB)")
if [ "$(id -u)" != 0 ] || ! mkdir "$T/small" || ! mount -t tmpfs -o size=24m,mode=755 none "$T/small" 2>/dev/null; then
	skip 1 "can't mount a small disk"
	vcl_done
fi
at_exit umount -l "$T/small"
kill9 1 ganeti-masterd
wait_for 60 not pgrep -f "^$VCL_LIB/ganeti-(replica|spread|query)-worker"
ok "its data moves to a small disk" cp -a "$data/." "$T/small/"
mv "$data" "$data.old" && ln -s "$T/small" "$data"
ok "the master starts there" master_up
clients_start 4
lines=$(cat "$H"/*.history | wc -l)
ok "clients work" wait_for 120 clients_done $((lines + 50))
dd if=/dev/zero of="$T/small/filler" bs=64k 2>/dev/null
complains() { grep -qE "Can't store changes: .*(full|I/O)" "$LOG"; }
ok "nothing more can be stored, and the log says so" wait_for 240 complains
kill9 1 ganeti-masterd
rm "$T/small/filler"
ok "there is room again: the next one starts" master_up
lines=$(cat "$H"/*.history | wc -l)
ok "clients work again" wait_for 240 clients_done $((lines + 50))
dd if=/dev/zero of="$T/small/filler" bs=64k 2>/dev/null
: >"$LOG"
ok "full again" wait_for 240 complains
rm "$T/small/filler"
lines=$(cat "$H"/*.history | wc -l)
ok "there is room again: it goes on by itself" wait_for 240 clients_done $((lines + 50))
ok "clients end" clients_stop
judge "a disk that was full"
vcl_done
