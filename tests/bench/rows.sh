# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # what tlib.sh sets, and $over
# rows.sh: lines of a bench's table. Source tlib.sh first; at the end: exit $over

over=0
: >"$T/ms"

stop() {
	cat "$T/.err" "$T/.out" 2>/dev/null
	bail "$1"
}

# ms CMD...: runs it, adds its wall time in milliseconds to the file $T/ms
ms() {
	local t0=${EPOCHREALTIME/[.,]/}
	"$@" >"$T/.out" 2>"$T/.err" </dev/null || stop "$*"
	echo $(((${EPOCHREALTIME/[.,]/} - t0) / 100)) | sed 's/\(.\)$/.\1/; s/^\./0./' >>"$T/ms"
}

# start_master ARG...: until its first answers
start_master() {
	daemon-util start ganeti-masterd "$@" && gnt-cluster getmaster && gnt-cluster info
}

# median: of $T/ms, which is emptied
median() {
	sort -n "$T/ms" | sed -n "$((($(wc -l <"$T/ms") + 1) / 2))p"
	: >"$T/ms"
}

head_row() {
	printf '%-58s %9s %-6s %8s %-5s %8s %6s\n' "($(nproc) processors, load $(cut -d' ' -f1 /proc/loadavg))" measured '' budget '' Debian ''
}

# row WHAT VALUE UNIT BUDGET [DEBIAN [NOTE]]: "-" = none; of jobs/s more is better; DEBIAN ">300": it was stopped then
row() {
	local what=$1 value=$2 unit=$3 budget=$4 debian=${5:--} note=${6:-} verdict='' ratio=''
	[ -n "$value" ] || stop "no figure for: $what"
	if [ "$budget" != - ]; then
		verdict=ok
		if awk "BEGIN {exit !(\"$unit\" == \"jobs/s\" ? $value < $budget : $value > $budget)}"; then
			verdict=OVER
			over=1
		fi
	fi
	[ "$debian" = - ] ||
		ratio=${debian%%[0-9]*}$(awk "BEGIN {v = $value + 0; d = ${debian#>}; if (v == 0) v = 0.005
			printf \"%.0fx\", \"$unit\" == \"jobs/s\" ? v / d : d / v}")
	printf '%-58s %9s %-6s %8s %-5s %8s %6s %s\n' "$what" "$value" "$unit" "$budget" "$verdict" "$debian" "$ratio" "$note"
}

mib() { # PID...: together, resident
	local p
	for p; do sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$p/status"; done |
		awk '{s += $1} END {printf "%.1f", s / 1024}'
}
pss() { # PID...: together; of a page that N processes share, each has an Nth
	local p files=()
	for p; do files+=("/proc/$p/smaps_rollup"); done
	# one or the other may have ended
	cat "${files[@]}" 2>/dev/null | awk '$1 == "Pss:" {s += $2} END {printf "%.1f", s / 1024}'
}
shares() { # PID...: what they have for themselves
	local p
	for p; do sed -n 's/^Private_Dirty:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$p/smaps_rollup"; done |
		awk '{s += $1} END {printf "%.1f", s / 1024}'
}
