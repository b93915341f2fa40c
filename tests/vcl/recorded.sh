# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154,SC2317 # what vcl.sh sets and reads; functions for wait_for
# recorded.sh: a virtual cluster in the state of a recorded one. Source it after vcl.sh.
RECORDED=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")")
VCL_TIMEOUT=300

contract() {
	python3 -W ignore "$RECORDED/contract.py" "$@"
}

no_jobs() {
	local pending running
	pending=$(m gnt-job list --no-headers --pending) && running=$(m gnt-job list --no-headers --running) &&
		[ -z "$pending$running" ]
}

# recorded_state VERSION KIND RECORD: the cluster as it was when RECORD was made
recorded_state() {
	local conf=$RECORDED/../data/config/$1-$2.json k
	# jobs outlive their master, and would go on with what is put in place here
	! vcl_pid 1 ganeti-masterd >/dev/null || wait_for 60 no_jobs || return
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
	m ganeti-masterd --no-voting --yes-do-it && m ganeti-rapi -p $((VCL_PORT + 1)) --require-authentication || return
	# job numbers of the recording exist
	for k in 1 2 3; do m gnt-debug delay 0 >/dev/null || return; done
	if [ "$2" = final ]; then m gnt-job archive 1; fi
}

# recorded_report PROGRAM-OUTPUT: its lines as tests of this script
recorded_report() {
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

# recorded_up: three nodes with the operating systems, the export and the REST users of the recordings
recorded_up() {
	local k os
	vcl_up 3
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
}
