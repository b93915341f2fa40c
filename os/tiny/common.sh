# shellcheck shell=sh
# What the scripts of this OS definition share; they run with its folder as working directory.
#
# The first 4096 bytes of the first disk are the guest's configuration: lines of text, filled up
# with zeros. The guest (tests/lab/guest-init) reads them at boot:
#
#	GANETI-TINY 1
#	name=inst1.example.com
#	address=10.77.1.1/16
#	gateway=10.77.255.254
#	message=hello
#	end
set -eu
umask 077

MAGIC='GANETI-TINY 1'
BLOCK=4096

fail() {
	echo "tiny OS: ${0##*/}: $*" >&2
	exit 1
}

# number TEXT MAX: a decimal number without leading zeros
number() {
	case $1 in
	'' | *[!0-9]* | 0?* | ????*) return 1 ;;
	esac
	[ "$1" -le "$2" ]
}

# ipv4 TEXT
ipv4() {
	case $1 in
	*.*.*.*.* | *[!0-9.]*) return 1 ;;
	*.*.*.*) ;;
	*) return 1 ;;
	esac
	rest=$1.
	while [ -n "$rest" ]; do
		number "${rest%%.*}" 255 || return 1
		rest=${rest#*.}
	done
}

# one_line TEXT: printable, short enough for the block
one_line() {
	[ "${#1}" -le 1000 ] && [ "$(printf '%s\n' "$1" | wc -l)" = 1 ] &&
		! printf '%s' "$1" | LC_ALL=C grep -q '[[:cntrl:]]'
}

check_parameters() {
	one_line "${OSP_MESSAGE:-}" ||
		fail "parameter 'message' must be one line of at most 1000 characters"
	if [ -n "${OSP_ADDRESS:-}" ]; then
		case $OSP_ADDRESS in
		*/*) ipv4 "${OSP_ADDRESS%/*}" && number "${OSP_ADDRESS##*/}" 32 ;;
		*) false ;;
		esac || fail "parameter 'address' must look like 192.0.2.1/24, not '$OSP_ADDRESS'"
	fi
	if [ -n "${OSP_PREFIX_LENGTH:-}" ]; then
		number "$OSP_PREFIX_LENGTH" 32 ||
			fail "parameter 'prefix_length' must be 0 to 32, not '$OSP_PREFIX_LENGTH'"
	fi
	if [ -n "${OSP_GATEWAY:-}" ]; then
		ipv4 "$OSP_GATEWAY" || fail "parameter 'gateway' must be an IPv4 address, not '$OSP_GATEWAY'"
	fi
	case ${OS_VARIANT:-default} in
	default | filled) ;;
	*) fail "unknown variant '$OS_VARIANT'" ;;
	esac
}

# address: of the first NIC, with prefix length; nothing if it has none
address() {
	if [ -n "${OSP_ADDRESS:-}" ]; then
		echo "$OSP_ADDRESS"
	elif [ -n "${NIC_0_IP:-}" ] && ipv4 "$NIC_0_IP"; then
		case ${NIC_0_NETWORK_SUBNET:-} in
		*/*) echo "$NIC_0_IP/${NIC_0_NETWORK_SUBNET##*/}" ;;
		*) echo "$NIC_0_IP/${OSP_PREFIX_LENGTH:-24}" ;;
		esac
	fi
}

# disk N: path of that disk
disk() {
	eval "path=\${DISK_$1_PATH:-}"
	# shellcheck disable=SC2154 # set by eval
	[ -n "$path" ] || fail "disk $1 has no path: userspace access is not supported"
	[ -w "$path" ] || fail "disk $1 ($path) cannot be written"
	echo "$path"
}

# write_config DISK TEXT
write_config() {
	[ "${#2}" -lt $BLOCK ] || fail "configuration too long"
	printf '%s\nend\n' "$2" | dd of="$1" bs=$BLOCK count=1 conv=sync,notrunc,fsync 2>/dev/null ||
		fail "cannot write to $1"
}

# read_config DISK: the lines of our block without its end; failure if it is not ours
read_config() {
	text=$(dd if="$1" bs=$BLOCK count=1 2>/dev/null | tr -d '\0') || return 1
	[ "$(printf '%s\n' "$text" | sed -n 1p)" = "$MAGIC" ] || return 1
	printf '%s\n' "$text" | sed '/^end$/,$d'
}
