#!/bin/bash
# Memory that instances have in use, as monitoring daemons report it: what it changes.
. "$(dirname "$0")/../harness/tlib.sh"
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
own_tools

# inst NAME PRIMARY STATUS: 2 GiB each
inst() { text_inst "$1" 2048 1024 "$3" "$2" '' rbd; }
# mond NODE=INSTANCE:PAGES,... ...: answers of daemons, without load of processors
mond() {
	local one sep='' out='' rss
	for one in "$@"; do
		rss=${one#*=} rss=${rss//,/, \"}
		out+="$sep{\"node\": \"${one%%=*}\", \"reports\": ["
		out+='{"name": "cpu-avg-load", "version": "B", "format_version": 1, "timestamp": 1, "category": null, "kind": 0, "data": '
		out+='{"cpu_number": 2, "cpus": [0, 0], "cpu_total": 0}}'
		[ "${one#*=}" = "none" ] || out+=', {"name": "kvm-inst-rss", "version": "B", "format_version": 1, "timestamp": 1,
			"category": null, "kind": 0, "data": {"'"${rss//:/\": }"'}}'
		out+=']}' sep=,
	done
	echo "[$out]"
}

# Eight GiB in a node, seven for instances; two instances each. On n1 both have all of their memory in use, 524288 pages,
# on n2 hardly any.
nodes=$(text_node n1 8192 N; text_node n2 8192 N)
insts=$(inst a n1 running; inst b n1 running; inst c n2 running; inst d n2 running)
text_cluster '' >data
mond n1=a:524288,b:524288 n2=c:8192,d:8192 >mond.json
run hbal -t data --mond --mond-data=mond.json
like "$OUT" "already well balanced" "memory in use does not count unless it is asked for"
run hbal -t data --mond --mond-data=mond.json --mond-kvm-rss -vv
like "$OUT" "mem_load_cv *0.28125" "as parts of what the nodes have for instances" # half of (1048576-16384)/(7*1024*256)
run hbal -t data --mond --mond-data=mond.json --mond-kvm-rss --mem-weight=2 -vv
like "$OUT" "mem_load_cv *0.5625" "its weight can be changed"
run hbal -t data --mond --mond-data=mond.json --mond-kvm-rss --mem-weight=20
like "$OUT" "1\. a n1 *=> n2" "until it outweighs the rest"
run hbal -t data --mond --mond-data=mond.json --mond-kvm-rss --mem-weight=0
like "$OUT" "already well balanced" "to nothing"
printf 'a 0 3 0 0\nb 0 1 0 0\nc 0 0 0 0\nd 0 0 0 0\n' >util
run hbal -t data -U util --mem-weight=0.5 -vv
like "$OUT" "mem_load_cv *1.0000" "the weight is that of a file's loads, too"
must_fail 1 "Can't parse value for 'memory weight factor'|memory weight factor" hbal -t data --mem-weight=x

# What is missing
mond n1=a:524288 n2=c:8192,d:8192 >mond.json
run hbal -t data --mond --mond-data=mond.json --mond-kvm-rss
is "$ERR" 'No RSS information available for ["b"]' "an instance nobody knows of"
like "$OUT" "already well balanced" "then nothing is known"
must_fail 1 "Not all required data available" hbal -t data --mond --mond-data=mond.json --mond-kvm-rss --exit-on-missing-mond-data
mond n1=none n2=c:8192,d:8192 >mond.json
run hbal -t data --mond --mond-data=mond.json --mond-kvm-rss
is "$ERR" "Didn't receive an answer by all MonDs, kvm-inst-rss's data will be ignored." "a node that does not answer"
nodes=$(text_node n1 8192 N; text_node n2 8192 N; text_node n3 8192 Y)
insts=$(inst a n1 running; inst b n1 ADMIN_down; inst c n2 running; inst d n3 ERROR_nodeoffline)
text_cluster '' >data
mond n1=a:524288 n2=c:8192 n3=none >mond.json
run hbal -t data --mond --mond-data=mond.json --mond-kvm-rss
is "$ERR" "" "what does not run has nothing in use, and offline nodes need not answer"

# A limit: n2's instances use more than they were given. It has room for another by what is recorded, not by what is measured.
nodes=$(text_node n1 16384 N; text_node n2 8192 N; text_node n3 16384 N)
insts=$(inst a n1 running; inst b n1 running; inst c n2 running; inst d n3 running)
text_cluster '' >data
mond n1=a:600000,b:600000 n2=c:1800000 n3=d:8192 >mond.json
run hbal -t data --mond --mond-data=mond.json --mond-kvm-rss --explain
unlike "$OUT" "=> n2" "nothing moves to a node whose memory is in use"
cat >request <<'END'
{"version": 2, "cluster_name": "c", "cluster_tags": [], "enabled_hypervisors": ["kvm"],
 "ipolicy": {"std": {}, "minmax": []}, "instances": {}, "nodes": {}, "nodegroups": {},
 "request": {"type": "allocate", "name": "new", "memory": 1536, "spindle_use": 1, "vcpus": 1, "disk_template": "rbd",
  "disks": [{"size": 1024, "mode": "rw"}], "disk_space_total": 0, "nics": [], "os": "x", "tags": [], "required_nodes": 1,
  "hypervisor": "kvm", "hvparams": {}, "osparams": {}}}
END
python3 - <<'END'
import json
spec = lambda m, d, c: {"memory-size": m, "disk-size": d, "cpu-count": c, "disk-count": c, "nic-count": c, "spindle-use": c}
policy = {"std": spec(128, 1024, 1), "minmax": [{"min": dict(spec(128, 1024, 1), **{"nic-count": 0}), "max": spec(32768, 1048576, 16)}],
          "disk-templates": ["rbd", "drbd"], "vcpu-ratio": 4.0, "spindle-ratio": 32.0}
q = json.load(open("request"))
q["ipolicy"] = policy
q["nodegroups"] = {"uuid-0": {"name": "g0", "alloc_policy": "preferred", "ipolicy": policy, "tags": [], "networks": []}}
for name in ("n1", "n2"):
    q["nodes"][name] = {"tags": [], "primary_ip": "192.0.2.1", "secondary_ip": "192.0.2.1", "offline": False, "drained": False,
        "vm_capable": True, "master_candidate": True, "group": "uuid-0", "total_memory": 8192, "reserved_memory": 1024,
        "free_memory": 7168 - 2048, "total_disk": 1000000, "free_disk": 1000000, "free_spindles": 0, "total_spindles": 0, "total_cpus": 32, "reserved_cpus": 1,
        "i_pri_memory": 0, "i_pri_up_memory": 0, "ndparams": {"spindle_count": 1, "exclusive_storage": False, "cpu_speed": 1.0}}
for name, node in (("a", "n1"), ("b", "n2")):
    q["instances"][name] = {"tags": [], "admin_state": "up", "memory": 2048, "vcpus": 1, "spindle_use": 1, "os": "x", "disks": [
        {"size": 1024, "mode": "rw"}], "disk_space_total": 0, "disk_template": "rbd", "hypervisor": "kvm", "nodes": [node], "nics": []}
json.dump(q, open("request", "w"))
END
# Of 8 GiB the allocator takes four for the system of KVM: with 3125 MiB in use there is no room for 1536 more.
for which in n1 n2; do
	full=n1; [ $which = n2 ] || full=n2
	a=$([ $full = n1 ] && echo 800000 || echo 8192) b=$([ $full = n2 ] && echo 800000 || echo 8192)
	mond n1=a:"$a" n2=b:"$b" >mond.json
	run hail --mond --mond-data=mond.json --mond-kvm-rss request --explain --no-capacity-checks
	like "$OUT" "\"result\":\[\"$which\"\]" "a new instance goes where memory is not in use ($which)"
	like "$ERR" "measured" "and is told why not to the other"
done
run hail --mond --mond-data=mond.json request --explain --no-capacity-checks
unlike "$ERR" "measured" "unless that was not asked for"

done_testing
