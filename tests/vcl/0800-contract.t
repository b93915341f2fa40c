#!/bin/bash
# Recorded exchanges with clusters of 3.0 and 3.1, replayed: the master's socket and the REST daemon answer the same.
# shellcheck disable=SC2154,SC2317 # what tlib.sh sets; functions for wait_for
# shellcheck source=tests/harness/tlib.sh
. "$(dirname "$0")/../harness/tlib.sh"
# shellcheck source=tests/harness/vcl.sh
. "$(dirname "$0")/../harness/vcl.sh"
here=$(readlink -f "$(dirname "$0")")
command -v python3 >/dev/null || skip_all "needs python3"
VCL_TIMEOUT=300

contract() {
	python3 -W ignore "$here/contract.py" "$@"
}

# state VERSION KIND RECORD: the cluster as it was when RECORD was made
state() {
	local conf=$here/../data/config/$1-$2.json k
	for k in ganeti-rapi ganeti-masterd; do
		! pid=$(vcl_pid 1 "$k") || { kill "$pid" && wait_for 30 _vcl_gone "$pid"; }
	done
	contract config "$conf" "$T/ours.json" >"$T/conf.json" || return
	vcl_on 1 "$VCL_BUILD/tests/harness/mkcluster" --config "$T/conf.json" || return
	for k in 1 2 3; do rm -rf "$(vcl_file "$k" RUN_DIR)/fake-hypervisor"; done
	while read -r node name mem cpus uuid; do
		k=${node:4:1}
		mkdir -p "$(vcl_file "$k" RUN_DIR)/fake-hypervisor"
		printf '%s\n' "$mem" "$cpus" "$uuid" >"$(vcl_file "$k" RUN_DIR)/fake-hypervisor/$name"
	done < <(contract running "$conf" "$3")
	m ganeti-masterd && m ganeti-rapi -p $((VCL_PORT + 1)) --require-authentication || return
	# job numbers of the recording exist
	for k in 1 2 3; do m gnt-debug delay 0 >/dev/null || return; done
	if [ "$2" = final ]; then m gnt-job archive 1; fi
}

# report PROGRAM-OUTPUT: its lines as tests of this script
report() {
	local line
	while IFS= read -r line; do
		case $line in
		"ok - "*) pass "${line#ok - }" ;;
		"not ok - "*) fail "${line#not ok - }" ;;
		"#"*) diag "${line### }" ;;
		*) fail "the program prints: $line" ;;
		esac
	done <"$1"
}

vcl_up 3
# the operating systems of the recordings, and the export
for k in 1 2 3; do
	os=$(vcl_root "$k")/srv/ganeti/os
	rm -rf "$os/held"
	cp -r "$os/tiny" "$os/dumpos"
	printf '%s\n' alt default >"$os/dumpos/variants.list"
	mv "$os/tiny" "$os/noop"
	rm "$os/noop/variants.list"
done
mkdir -p "$(vcl_file 1 EXPORT_DIR)/inst5.example.com.new"
cp "$(vcl_file 1 CONFIG_FILE)" "$T/ours.json"
cat >"$(vcl_file 1 RAPI_USERS_FILE)" <<U
# comment
admin secret write
reader {CLEARTEXT}rpass read
ha {HA1}3be238cf76eb5f07a82afb4649209119 read
U

for version in 3.0.2:3.0 3.1.0rc2:3.1; do
	rapi=$here/../golden/rapi-${version#*:}.json luxi=$here/../golden/luxi-${version#*:}.json
	ok "the cluster of ${version%:*} when REST was recorded" state "${version%:*}" full "$rapi"
	[ "$RC" = 0 ] || continue
	contract rapi "$rapi" "$VCL_NET.1:$((VCL_PORT + 1))" >"$T/tap"
	is $? 0 "REST of ${version%:*} is replayed"
	report "$T/tap"
	ok "the cluster of ${version%:*} when luxi was recorded" state "${version%:*}" final "$luxi"
	[ "$RC" = 0 ] || continue
	contract luxi "$luxi" "$(vcl_file 1 QUERY_SOCKET)" >"$T/tap"
	is $? 0 "luxi of ${version%:*} is replayed"
	report "$T/tap"
done
vcl_done
